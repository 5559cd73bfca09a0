//! `user_pool`: a Cognito user pool with its MFA configuration, which is a call of its own (service.md §13.1).

use serde_json::{Map, Value, json};

use super::{Companion, Exception, Kind, List, Names, Output, Place, Rule, Service, UpdateStyle, call, text_at};

/// A user pool.
pub static USER_POOL: Kind = Kind {
    name: "user_pool",
    service: Service::Cognito,
    parent: None,
    name_member: "PoolName",
    name_key: "name",
    names: Names::NotUnique,
    id_member: "Id",
    request_id: "UserPoolId",
    arn: Some(|id, place| {
        format!("arn:{}:cognito-idp:{}:{}:userpool/{id}", place.partition, place.region, place.account)
    }),
    tags_member: Some("UserPoolTags"),
    wrapper: Some("UserPool"),
    create: ("CreateUserPool", call!(|aws, ids| "CreateUserPool", aws.cognito_once.create_user_pool())),
    read: ("DescribeUserPool", call!(|aws, ids| "DescribeUserPool", aws.cognito.describe_user_pool())),
    update: Some(("UpdateUserPool", call!(|aws, ids| "UpdateUserPool", aws.cognito.update_user_pool()))),
    delete: ("DeleteUserPool", call!(|aws, ids| "DeleteUserPool", aws.cognito.delete_user_pool())),
    list: List {
        operation: "ListUserPools",
        items: "UserPools",
        id: "Id",
        name: "Name",
        complete: false,
        call: |aws, _, token| {
            Box::pin(async move {
                let mut body = json!({"MaxResults": 60});
                if let (Some(token), Some(members)) = (token, body.as_object_mut()) {
                    members.insert("NextToken".to_owned(), token.into());
                }
                crate::aws::exchange!(aws, "ListUserPools", aws.cognito.list_user_pools(), Some(&body))
            })
        },
    },
    companions: &[Companion {
        set: "SetUserPoolMfaConfig",
        get: "GetUserPoolMfaConfig",
        set_call: call!(|aws, ids| "SetUserPoolMfaConfig", aws.cognito.set_user_pool_mfa_config()),
        get_call: call!(|aws, ids| "GetUserPoolMfaConfig", aws.cognito.get_user_pool_mfa_config()),
    }],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[
        Output { name: "id", about: "the pool's id", value: |live, _| text_at(live, "/Id") },
        Output { name: "arn", about: "its ARN", value: |live, _| text_at(live, "/Arn") },
        Output { name: "issuer", about: "the `iss` of its tokens", value: issuer },
        Output {
            name: "discovery_url",
            about: "where its OpenID configuration is",
            value: |live, place| issuer(live, place).map(|issuer| format!("{issuer}/.well-known/openid-configuration")),
        },
    ],
    reference_keys: &[],
    exceptions: &[
        Exception { path: "Policies.PasswordPolicy", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "Policies.SignInPolicy", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception {
            path: "Policies.PasswordPolicy.MinimumLength",
            rule: Rule::Kept(None),
            reason: "filled in when left out",
        },
        Exception {
            path: "Policies.PasswordPolicy.RequireUppercase",
            rule: Rule::Kept(Some("false")),
            reason: "not demanded unless asked for",
        },
        Exception {
            path: "Policies.PasswordPolicy.RequireLowercase",
            rule: Rule::Kept(Some("false")),
            reason: "not demanded unless asked for",
        },
        Exception {
            path: "Policies.PasswordPolicy.RequireNumbers",
            rule: Rule::Kept(Some("false")),
            reason: "not demanded unless asked for",
        },
        Exception {
            path: "Policies.PasswordPolicy.RequireSymbols",
            rule: Rule::Kept(Some("false")),
            reason: "not demanded unless asked for",
        },
        Exception {
            path: "Policies.PasswordPolicy.TemporaryPasswordValidityDays",
            rule: Rule::Kept(Some("7")),
            reason: "documented default",
        },
        Exception {
            path: "Policies.PasswordPolicy.PasswordHistorySize",
            rule: Rule::Kept(Some("0")),
            reason: "documented default",
        },
        Exception { path: "DeletionProtection", rule: Rule::Kept(Some("\"INACTIVE\"")), reason: "documented default" },
        Exception { path: "UserPoolTier", rule: Rule::Kept(Some("\"ESSENTIALS\"")), reason: "documented default" },
        Exception { path: "MfaConfiguration", rule: Rule::Kept(Some("\"OFF\"")), reason: "documented default" },
        Exception { path: "AdminCreateUserConfig", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception {
            path: "AdminCreateUserConfig.UnusedAccountValidityDays",
            rule: Rule::Kept(None),
            reason: "filled in from the password policy",
        },
        Exception { path: "EmailConfiguration", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception {
            path: "EmailConfiguration.EmailSendingAccount",
            rule: Rule::Kept(Some("\"COGNITO_DEFAULT\"")),
            reason: "documented default",
        },
        Exception { path: "VerificationMessageTemplate", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception {
            path: "VerificationMessageTemplate.DefaultEmailOption",
            rule: Rule::Kept(Some("\"CONFIRM_WITH_CODE\"")),
            reason: "documented default",
        },
        Exception { path: "AccountRecoverySetting", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "UsernameConfiguration", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "UserAttributeUpdateSettings", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "IssuerConfiguration", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "KeyConfiguration", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "Schema", rule: Rule::KeyedBy("Name"), reason: "an attribute is its name" },
        Exception {
            path: "Schema[].DeveloperOnlyAttribute",
            rule: Rule::Kept(Some("false")),
            reason: "documented default",
        },
        Exception { path: "Schema[].Mutable", rule: Rule::Kept(Some("true")), reason: "documented default" },
        Exception { path: "Schema[].Required", rule: Rule::Kept(Some("false")), reason: "documented default" },
        Exception {
            path: "Schema[].StringAttributeConstraints",
            rule: Rule::Kept(None),
            reason: "filled in when left out",
        },
        Exception {
            path: "Schema[].NumberAttributeConstraints",
            rule: Rule::Kept(None),
            reason: "filled in when left out",
        },
    ],
    secrets: &[],
    view,
};

/// The issuer of the pool's tokens: its host depends on the pool's issuer type.
fn issuer(live: &Value, place: &Place) -> Option<String> {
    let id = text_at(live, "/Id")?;
    let updated = live.pointer("/IssuerConfiguration/Type").and_then(Value::as_str) == Some("UPDATED");
    let host = if updated { "issuer-cognito-idp" } else { "cognito-idp" };
    let suffix = if place.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    Some(format!("https://{host}.{}.{suffix}/{id}", place.region))
}

/// Members of the pool and the members of its message template that took their place.
const OLDER_MESSAGES: [(&str, &str); 3] = [
    ("EmailVerificationMessage", "EmailMessage"),
    ("EmailVerificationSubject", "EmailSubject"),
    ("SmsVerificationMessage", "SmsMessage"),
];

/// Read and requests differ in names; of the schema only custom attributes are anybody's choice.
const STANDARD_ATTRIBUTES: [&str; 20] = [
    "sub",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
];

fn view(live: &mut Map<String, Value>) {
    if let Some(name) = live.remove("Name") {
        live.insert("PoolName".to_owned(), name);
    }
    // Standard attributes are there in every pool, and what a pool asks of them is chosen once, at creation.
    if let Some(schema) = live.get_mut("Schema").and_then(Value::as_array_mut) {
        schema.retain(|attribute| {
            attribute.get("Name").and_then(Value::as_str).is_none_or(|name| !STANDARD_ATTRIBUTES.contains(&name))
        });
    }
    let attributes = live.remove("SchemaAttributes");
    let custom: Vec<Value> = attributes
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|attribute| {
            let name = attribute.get("Name")?.as_str()?;
            let own = name.strip_prefix("custom:").or_else(|| name.strip_prefix("dev:custom:"))?;
            let mut attribute = attribute.clone();
            attribute.as_object_mut()?.insert("Name".to_owned(), own.into());
            Some(attribute)
        })
        .collect();
    if !custom.is_empty() {
        live.insert("Schema".to_owned(), Value::Array(custom));
    }
    // The older name of the trigger is always shown beside the newer one.
    if let Some(triggers) = live.get_mut("LambdaConfig").and_then(Value::as_object_mut)
        && let Some(function) = triggers.remove("PreTokenGeneration")
    {
        triggers
            .entry("PreTokenGenerationConfig")
            .or_insert_with(|| json!({"LambdaVersion": "V1_0", "LambdaArn": function}));
    }
    // The older message members repeat what the template holds.
    for (older, newer) in OLDER_MESSAGES {
        let Some(text) = live.get(older).cloned() else { continue };
        let template = live.entry("VerificationMessageTemplate").or_insert_with(|| json!({}));
        if let Some(template) = template.as_object_mut()
            && *template.entry(newer).or_insert_with(|| text.clone()) == text
        {
            live.remove(older);
        }
    }
}
