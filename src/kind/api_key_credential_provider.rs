//! `api_key_credential_provider`: an API key that targets send, kept in the token vault or in Secrets Manager (service.md §9c).

use serde_json::{Map, Value, json};

use super::{Exception, Kind, List, Names, Output, Rule, Service, UpdateStyle, agentcore_arn, call, page, text_at};

/// A provider of an API key.
pub static API_KEY_CREDENTIAL_PROVIDER: Kind = Kind {
    name: "api_key_credential_provider",
    service: Service::AgentCore,
    parent: None,
    name_member: "name",
    name_key: "name",
    names: Names::InAccount,
    id_member: "name",
    request_id: "name",
    arn: Some(|name, place| agentcore_arn(place, &format!("token-vault/default/apikeycredentialprovider/{name}"))),
    tags_member: Some("tags"),
    wrapper: None,
    create: (
        "CreateApiKeyCredentialProvider",
        call!(|aws, ids| "CreateApiKeyCredentialProvider", aws.agentcore_once.create_api_key_credential_provider()),
    ),
    read: (
        "GetApiKeyCredentialProvider",
        call!(|aws, ids| "GetApiKeyCredentialProvider", aws.agentcore.get_api_key_credential_provider()),
    ),
    update: Some((
        "UpdateApiKeyCredentialProvider",
        call!(|aws, ids| "UpdateApiKeyCredentialProvider", aws.agentcore.update_api_key_credential_provider()),
    )),
    delete: (
        "DeleteApiKeyCredentialProvider",
        call!(|aws, ids| "DeleteApiKeyCredentialProvider", aws.agentcore.delete_api_key_credential_provider()),
    ),
    list: List {
        operation: "ListApiKeyCredentialProviders",
        items: "credentialProviders",
        id: "name",
        name: "name",
        complete: false,
        call: page!(|aws, ids| "ListApiKeyCredentialProviders", aws.agentcore.list_api_key_credential_providers(), 100),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/name") },
        Output { name: "arn", about: "its ARN, for targets", value: |live, _| text_at(live, "/credentialProviderArn") },
        Output {
            name: "secret_arn",
            about: "the ARN of the secret that holds the key",
            value: |live, _| text_at(live, "/apiKeySecretArn/secretArn"),
        },
    ],
    reference_keys: &[],
    exceptions: &[
        Exception { path: "apiKey", rule: Rule::WriteOnly, reason: "no read returns it (service.md §9c)" },
        Exception {
            path: "apiKeySecretSource",
            rule: Rule::Kept(Some("\"MANAGED\"")),
            reason: "presumably what a key in the request stands for",
        },
    ],
    secrets: &["apiKey"],
    view,
};

/// A read says where the key is in members of its own.
fn view(live: &mut Map<String, Value>) {
    let is_external = live.get("apiKeySecretSource").and_then(Value::as_str) == Some("EXTERNAL");
    let arn = live.get("apiKeySecretArn").and_then(|secret| secret.get("secretArn")).cloned();
    if let (true, Some(arn)) = (is_external, arn) {
        let key = live.get("apiKeySecretJsonKey").cloned();
        live.insert("apiKeySecretConfig".to_owned(), json!({"secretId": arn, "jsonKey": key}));
    }
}
