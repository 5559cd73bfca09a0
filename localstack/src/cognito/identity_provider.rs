//! External identity providers of a user pool.

use serde_json::{Value, json};

use crate::cognito::user_pool;
use crate::document::{Document, created, document, text};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateIdentityProvider", create),
    ("DescribeIdentityProvider", describe),
    ("ListIdentityProviders", list),
    ("UpdateIdentityProvider", update),
    ("DeleteIdentityProvider", delete),
];

const DETAILS: &str = "ProviderDetails";

fn find<'a>(session: &'a Session<'_>, pool: &str, name: &str) -> Result<&'a Object, Failure> {
    let provider = session.state.find(Kind::IdentityProvider, Some(pool), name);
    provider.ok_or_else(|| Failure::cognito_missing(format!("Identity provider {name} does not exist.")))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "ProviderName"));
    user_pool::find(session, pool_id)?;
    if session.state.find(Kind::IdentityProvider, Some(pool_id), name).is_some() {
        let message = format!("A provider with the name {name} already exists in this user pool.");
        return Err(Failure::cognito("DuplicateProviderException", message));
    }
    let mut stored = created(session.service.api(), "CreateIdentityProvider", input);
    check(&stored)?;
    stored.extend(document(json!({"CreationDate": session.now, "LastModifiedDate": session.now})));
    let provider = session.object(Kind::IdentityProvider, Some(pool_id), name, stored);
    let answer = show(session, &provider);
    session.state.add(provider);
    Ok(json!({"IdentityProvider": answer}))
}

fn describe(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let provider = find(session, pool_id, text(input, "ProviderName"))?;
    Ok(json!({"IdentityProvider": show(session, provider)}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let providers = session.state.all(Kind::IdentityProvider, Some(pool_id));
    let items: Vec<(u64, Value)> = providers
        .map(|provider| (provider.serial, session.show("ProviderDescription", provider.document.clone(), &[])))
        .collect();
    page(session, "ListIdentityProviders", input, items, 60)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "ProviderName"));
    user_pool::find(session, pool_id)?;
    let mut provider = find(session, pool_id, name)?.clone();
    provider.document.extend(created(session.service.api(), "UpdateIdentityProvider", input));
    check(&provider.document)?;
    provider.document.insert("LastModifiedDate".into(), json!(session.now));
    let answer = show(session, &provider);
    if let Some(live) = session.state.find_mut(Kind::IdentityProvider, Some(pool_id), name) {
        *live = provider;
    }
    Ok(json!({"IdentityProvider": answer}))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "ProviderName"));
    user_pool::find(session, pool_id)?;
    find(session, pool_id, name)?;
    session.state.remove(Kind::IdentityProvider, Some(pool_id), name);
    Ok(json!({}))
}

/// The details that a type of provider cannot do without.
fn check(provider: &Document) -> Result<(), Failure> {
    let kind = text(provider, "ProviderType");
    let details = provider.get(DETAILS).and_then(Value::as_object);
    let has = |name: &str| details.is_some_and(|details| details.contains_key(name));
    let needed: &[&str] = match kind {
        "OIDC" => &["client_id", "attributes_request_method", "oidc_issuer", "authorize_scopes"],
        "SignInWithApple" => &["client_id", "team_id", "key_id", "authorize_scopes"],
        "SAML" if has("MetadataURL") || has("MetadataFile") => &[],
        "SAML" => &["MetadataURL"],
        _ => &["client_id", "client_secret", "authorize_scopes"],
    };
    match needed.iter().find(|name| !has(name)) {
        Some(missing) => Err(Failure::parameter(format!("The provider type {kind} needs {missing} in {DETAILS}"))),
        None => Ok(()),
    }
}

fn show(session: &Session<'_>, provider: &Object) -> Value {
    let mut view = provider.document.clone();
    let kind = text(&view, "ProviderType").to_owned();
    if let Some(Value::Object(details)) = view.get_mut(DETAILS) {
        derive(&kind, details);
    }
    session.show("IdentityProviderType", view, &provider.planted)
}

/// What Cognito adds to the details by itself.
fn derive(kind: &str, details: &mut Document) {
    let issuer = text(details, "oidc_issuer").trim_end_matches('/').to_owned();
    let derived = match kind {
        "OIDC" => vec![
            ("attributes_url_add_attributes", "false".to_owned()),
            ("authorize_url", format!("{issuer}/authorize")),
            ("token_url", format!("{issuer}/token")),
            ("attributes_url", format!("{issuer}/userinfo")),
            ("jwks_uri", format!("{issuer}/jwks")),
        ],
        "SAML" => vec![("ActiveEncryptionCertificate", "MIICvTCCAaWgAwIBAgIJAL".to_owned())],
        _ => vec![("attributes_url_add_attributes", "true".to_owned())],
    };
    for (name, value) in derived {
        details.entry(name).or_insert_with(|| json!(value));
    }
}
