//! What a role needs to call others: tokens and keys from AgentCore Identity, the secrets behind them, files in S3.

use serde_json::Value;

use super::keys;
use super::place::Where;
use super::policy::{Conditions, Grants, condition};
use crate::check::referred;
use crate::kind::{API_KEY_CREDENTIAL_PROVIDER, OAUTH2_CREDENTIAL_PROVIDER};
use crate::reference::is_unknown;
use crate::stack::{Resource, Stack};

/// What a credential provider hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// A token. `for_user`: it is asked for in the name of the caller.
    Token { for_user: bool },
    /// A key.
    Key,
}

/// The resources that every action on a workload identity is about: the identities, and the directory they are in.
pub(super) fn identities(place: &Where, name: &str) -> Vec<String> {
    let directory = place.agentcore("workload-identity-directory/default");
    vec![format!("{directory}/workload-identity/{name}"), directory]
}

/// Lets a role get what a provider hands out. `provider` is a text of a document: an ARN, or a reference to one.
pub(super) fn credential(
    grants: &mut Grants,
    stack: &Stack,
    place: &Where,
    (provider, credential): (&str, Credential),
    identities: &[String],
) {
    let arn = place.text(stack, provider);
    let name = arn.rsplit('/').next().unwrap_or_default();
    let about = |arn: &str| {
        let vault = place.agentcore("token-vault/default");
        [arn.to_owned(), vault].into_iter().chain(identities.iter().cloned())
    };
    let mut tokens = vec!["bedrock-agentcore:GetWorkloadAccessToken"];
    let folder = match credential {
        Credential::Token { for_user } => {
            if for_user {
                tokens.push("bedrock-agentcore:GetWorkloadAccessTokenForJWT");
            }
            grants.allow("GetTokens", ["bedrock-agentcore:GetResourceOauth2Token"], about(&arn));
            "oauth2"
        }
        Credential::Key => {
            grants.allow("GetKeys", ["bedrock-agentcore:GetResourceApiKey"], about(&arn));
            "apikey"
        }
    };
    grants.allow("SayWhoAsks", tokens, identities);
    let declared = referred(Some(&Value::String(provider.to_owned()))).and_then(|address| stack.resource(&address));
    if let Some(declared) = declared {
        keys::sign(grants, stack, place, declared);
    }
    let secret = declared.and_then(|declared| external_secret(stack, place, declared));
    let secret = secret.unwrap_or_else(|| managed_secret(place, folder, name));
    grants.allow("ReadSecretsOfProviders", ["secretsmanager:GetSecretValue"], [secret]);
}

/// The secret that AgentCore Identity makes for a provider.
pub(super) fn managed_secret(place: &Where, folder: &str, provider: &str) -> String {
    place.arn("secretsmanager", &format!("secret:bedrock-agentcore-identity!default/{folder}/{provider}-*"))
}

/// The secret of somebody else that a provider uses, if it says so.
pub(super) fn external_secret(stack: &Stack, place: &Where, provider: &Resource) -> Option<String> {
    let document = &provider.document;
    let config = if provider.kind == &API_KEY_CREDENTIAL_PROVIDER {
        document.get("apiKeySecretConfig")
    } else if provider.kind == &OAUTH2_CREDENTIAL_PROVIDER {
        let arms = document.get("oauth2ProviderConfigInput")?.as_object()?;
        arms.values().find_map(|arm| arm.get("clientSecretConfig"))
    } else {
        None
    };
    let id = config?.get("secretId")?.as_str()?;
    let text = place.text(stack, id);
    if is_unknown(id) && !text.starts_with("arn:") {
        // A name or an ARN: in any case a secret of this account.
        return Some(place.arn("secretsmanager", "secret:*"));
    }
    if !text.starts_with("arn:") {
        return Some(place.arn("secretsmanager", &format!("secret:{text}-??????")));
    }
    // An ARN may be given without the six characters at its end, and the whole one is what is read.
    let whole =
        text.rsplit_once('-').is_some_and(|(_, end)| end.len() == 6 && end.bytes().all(|c| c.is_ascii_alphanumeric()));
    Some(if whole || text.ends_with('*') { text } else { format!("{text}-??????") })
}

/// Lets a role read every file that a document names as `{"s3": {"uri": …}}`.
pub(super) fn files(grants: &mut Grants, stack: &Stack, place: &Where, document: &Value) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| files(grants, stack, place, item)),
        Value::Object(members) => {
            if let Some(file) = members.get("s3")
                && let Some(path) = file.get("uri").and_then(Value::as_str).and_then(|uri| uri.strip_prefix("s3://"))
            {
                let owner = file.get("bucketOwnerAccountId").and_then(Value::as_str);
                let condition_of_owner = owner.map_or_else(Conditions::new, |owner| {
                    condition("StringEquals", "aws:ResourceAccount", [place.text(stack, owner)])
                });
                let file = place.global_arn("s3", "", &place.text(stack, path));
                grants.allow_if("ReadSchemas", ["s3:GetObject"], [file], condition_of_owner);
            }
            members.values().for_each(|member| files(grants, stack, place, member));
        }
        _ => {}
    }
}

/// Lets a role read the code of a runtime.
pub(super) fn code(grants: &mut Grants, stack: &Stack, place: &Where, runtime: &Resource) {
    let text = |member: &str| {
        let file = runtime.document.pointer("/agentRuntimeArtifact/codeConfiguration/code/s3")?;
        Some(place.text(stack, file.get(member)?.as_str()?))
    };
    if let (Some(bucket), Some(key)) = (text("bucket"), text("prefix")) {
        let action = if text("versionId").is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        grants.allow("ReadCode", [action], [place.global_arn("s3", "", &format!("{bucket}/{key}"))]);
    }
}
