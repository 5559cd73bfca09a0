//! Keys of KMS that a stack names: whoever reads or writes what they encrypt uses them in their own name, and AgentCore signs with
//! those that stand for the private key of a client. What AWS demands is partly not documented: `docs/iam.md` says what.

use serde_json::Value;

use super::place::Where;
use super::policy::{Conditions, Grants, condition};
use crate::kind::Service;
use crate::stack::{Resource, Stack};

/// The members that name a key, at any depth.
const MEMBERS: [&str; 5] = ["encryptionKeyArn", "kmsKeyArn", "KmsKeyArn", "kmsKeyId", "KMSKeyID"];

/// The member around a key that signs.
const SIGNS: &str = "kmsKeySource";

/// A key that a resource names.
struct Key {
    arn: String,
    /// It signs; otherwise it encrypts.
    signs: bool,
    service: Service,
}

/// The keys that a resource names.
fn keys(stack: &Stack, place: &Where, resource: &Resource) -> Vec<Key> {
    let mut found = Vec::new();
    collect(&resource.document, false, &mut |text, signs| {
        let text = place.text(stack, text);
        // A key may be named by its id alone, or be known only later.
        let arn = if text.starts_with("arn:") || text == "*" { text } else { place.arn("kms", &format!("key/{text}")) };
        found.push(Key { arn, signs, service: resource.kind.service });
    });
    found
}

fn collect(document: &Value, signs: bool, found: &mut impl FnMut(&str, bool)) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| collect(item, signs, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| MEMBERS.contains(&name.as_str())) {
                    Some(text) => found(text, signs),
                    None => collect(member, signs || name == SIGNS, found),
                }
            }
        }
        _ => {}
    }
}

/// Only through the service that keeps what the key encrypts.
fn through(place: &Where, service: Service) -> Conditions {
    let host = match service {
        Service::AgentCore => "bedrock-agentcore*",
        Service::Cognito => "cognito-idp",
    };
    condition("StringLike", "kms:ViaService", [format!("{host}.{}.amazonaws.com", place.region())])
}

/// Lets the deployer make and change what these keys encrypt, and hand them to the service.
pub(super) fn change(grants: &mut Grants, stack: &Stack, place: &Where, resource: &Resource) {
    for key in keys(stack, place, resource) {
        let (purpose, actions) = if key.signs {
            ("LookAtKeys", ["kms:DescribeKey", "kms:GetPublicKey"].as_slice())
        } else {
            ("UseKeys", ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"].as_slice())
        };
        grants.allow_if(purpose, actions.iter().copied(), [&key.arn], through(place, key.service));
        let to_aws = condition("Bool", "kms:GrantIsForAWSResource", ["true".to_owned()]);
        grants.allow_if("LetServicesUseKeys", ["kms:CreateGrant"], [key.arn], to_aws);
    }
}

/// Lets a role read what AgentCore keeps under these keys: reading decrypts, in the name of whoever reads.
pub(super) fn read(grants: &mut Grants, stack: &Stack, place: &Where, resource: &Resource) {
    for key in keys(stack, place, resource).into_iter().filter(|key| key.service == Service::AgentCore && !key.signs) {
        grants.allow_if("ReadWithKeys", ["kms:Decrypt"], [key.arn], through(place, key.service));
    }
}

/// Lets a role have AgentCore sign as the client that a provider speaks for.
pub(super) fn sign(grants: &mut Grants, stack: &Stack, place: &Where, provider: &Resource) {
    for key in keys(stack, place, provider).into_iter().filter(|key| key.signs) {
        grants.allow_if("SignWithKeys", ["kms:Sign"], [key.arn], through(place, key.service));
    }
}
