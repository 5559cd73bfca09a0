//! Credential providers that hold an API key.

use serde_json::{Value, json};

use crate::credential::{Names, keep};
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::tag;

pub(crate) const OPERATIONS: Operations = &[
    ("CreateApiKeyCredentialProvider", create),
    ("GetApiKeyCredentialProvider", get),
    ("ListApiKeyCredentialProviders", list),
    ("UpdateApiKeyCredentialProvider", update),
    ("DeleteApiKeyCredentialProvider", delete),
];

const SECRET: Names = Names {
    value: "apiKey",
    reference: "apiKeySecretConfig",
    source: "apiKeySecretSource",
    arn: "apiKeySecretArn",
    key: "apiKeySecretJsonKey",
    folder: "apikey",
    vault_key: "api_key_value",
};

fn find<'a>(session: &'a Session<'_>, name: &str) -> Result<&'a Object, Failure> {
    let provider = session.state.find(Kind::ApiKeyCredentialProvider, None, name);
    provider.ok_or_else(|| Failure::missing("Credential provider", name))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    tag::check_agentcore(input.get("tags"))?;
    let name = text(input, "name");
    if find(session, name).is_ok() {
        return Err(Failure::conflict(format!("A credential provider with name {name} already exists")));
    }
    let arn = session.arn("bedrock-agentcore", &format!("token-vault/default/apikeycredentialprovider/{name}"));
    let stored = document(json!({
        "name": name, "credentialProviderArn": arn, "createdTime": session.now, "lastUpdatedTime": session.now,
    }));
    let mut provider = session.object(Kind::ApiKeyCredentialProvider, None, name, stored);
    keep(session, &SECRET, name, input, true, (&mut provider.document, &mut provider.secrets))?;
    provider.arn = Some(arn);
    provider.tags = tag::of(input, "tags");
    let answer = show(session, &provider, "CreateApiKeyCredentialProviderResponse");
    session.state.add(provider);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    Ok(show(session, find(session, text(input, "name"))?, "GetApiKeyCredentialProviderResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let providers = session.state.all(Kind::ApiKeyCredentialProvider, None);
    let items: Vec<(u64, Value)> =
        providers.map(|provider| (provider.serial, show(session, provider, "ApiKeyCredentialProviderItem"))).collect();
    page(session, "ListApiKeyCredentialProviders", input, items, 100)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let name = text(input, "name");
    let mut provider = find(session, name)?.clone();
    keep(session, &SECRET, name, input, true, (&mut provider.document, &mut provider.secrets))?;
    provider.document.insert("lastUpdatedTime".into(), json!(session.now));
    let answer = show(session, &provider, "UpdateApiKeyCredentialProviderResponse");
    if let Some(live) = session.state.find_mut(Kind::ApiKeyCredentialProvider, None, name) {
        *live = provider;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let name = text(input, "name");
    find(session, name)?;
    session.state.remove(Kind::ApiKeyCredentialProvider, None, name);
    Ok(json!({}))
}

fn show(session: &Session<'_>, provider: &Object, shape: &str) -> Value {
    session.show(shape, provider.document.clone(), &provider.planted)
}
