//! App clients of a user pool.

use serde_json::{Value, json};

use crate::cognito::{client_token, resource_server, user_pool, user_pool_client_secret};
use crate::document::{Document, created, document, replace, text, texts};
use crate::failure::Failure;
use crate::identifier::SMALL;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateUserPoolClient", create),
    ("DescribeUserPoolClient", describe),
    ("ListUserPoolClients", list),
    ("UpdateUserPoolClient", update),
    ("DeleteUserPoolClient", delete),
];

/// Scopes that every pool has.
pub(crate) const BUILT_IN: [&str; 5] = ["openid", "email", "profile", "phone", "aws.cognito.signin.user.admin"];
const SECRET: &str = "ClientSecret";

/// A client that is there.
pub(crate) fn find<'a>(session: &'a Session<'_>, pool: &str, id: &str) -> Result<&'a Object, Failure> {
    let client = session.state.find(Kind::UserPoolClient, Some(pool), id);
    client.ok_or_else(|| Failure::cognito_missing(format!("User pool client {id} does not exist.")))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    let generate = input.get("GenerateSecret") == Some(&json!(true));
    let given = input.get(SECRET).cloned();
    if generate && given.is_some() {
        return Err(Failure::parameter("GenerateSecret and ClientSecret cannot both be given"));
    }
    check(session, pool_id, input, generate || given.is_some())?;
    let id = session.letters(SMALL, 26);
    let mut stored = created(session.service.api(), "CreateUserPoolClient", input);
    stored.shift_remove("GenerateSecret");
    stored.shift_remove(SECRET);
    stored.extend(document(json!({
        "UserPoolId": pool_id, "ClientId": id, "CreationDate": session.now, "LastModifiedDate": session.now,
    })));
    fill_in(&mut stored);
    let mut client = session.object(Kind::UserPoolClient, Some(pool_id), &id, stored);
    if generate || given.is_some() {
        user_pool_client_secret::give(session, &mut client, given.as_ref());
    }
    let answer = show(session, &client);
    session.state.add(client);
    Ok(json!({"UserPoolClient": answer}))
}

fn describe(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let client = find(session, pool_id, text(input, "ClientId"))?;
    Ok(json!({"UserPoolClient": show(session, client)}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    // Nothing registers clients here but the calls themselves.
    let clients = session.state.all(Kind::UserPoolClient, Some(pool_id)).filter(|_| text(input, "ClientType") != "DCR");
    let items: Vec<(u64, Value)> = clients
        .map(|client| (client.serial, session.show("UserPoolClientDescription", client.document.clone(), &[])))
        .collect();
    page(session, "ListUserPoolClients", input, items, 60)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, id) = (text(input, "UserPoolId"), text(input, "ClientId"));
    user_pool::find(session, pool_id)?;
    let mut client = find(session, pool_id, id)?.clone();
    check(session, pool_id, input, !client.secrets.is_empty())?;
    let identity: Document = ["UserPoolId", "ClientId", "ClientName"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), client.document.get(*name)?.clone())))
        .collect();
    replace(session.service.api(), "UpdateUserPoolClient", &mut client.document, input);
    for (name, value) in identity {
        client.document.entry(name).or_insert(value);
    }
    fill_in(&mut client.document);
    client.document.insert("LastModifiedDate".into(), json!(session.now));
    let answer = show(session, &client);
    if let Some(live) = session.state.find_mut(Kind::UserPoolClient, Some(pool_id), id) {
        *live = client;
    }
    Ok(json!({"UserPoolClient": answer}))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, id) = (text(input, "UserPoolId"), text(input, "ClientId"));
    user_pool::find(session, pool_id)?;
    find(session, pool_id, id)?;
    session.state.remove(Kind::UserPoolClient, Some(pool_id), id);
    Ok(json!({}))
}

fn show(session: &Session<'_>, client: &Object) -> Value {
    let mut view = client.document.clone();
    if let Some(secret) = user_pool_client_secret::shown(client) {
        view.insert(SECRET.into(), secret.clone());
    }
    session.show("UserPoolClientType", view, &client.planted)
}

/// What holds for a client whether it is created or updated.
fn check(session: &Session<'_>, pool_id: &str, input: &Document, has_secret: bool) -> Result<(), Failure> {
    let pool = user_pool::find(session, pool_id)?;
    check_scopes(session, pool_id, input)?;
    check_flows(input, has_secret)?;
    check_attributes(pool, input)?;
    check_sign_in(input, has_secret)?;
    check_validity(input)?;
    let exists =
        |name: &str| name == "COGNITO" || session.state.find(Kind::IdentityProvider, Some(pool_id), name).is_some();
    if let Some(provider) = texts(input, "SupportedIdentityProviders").into_iter().find(|name| !exists(name)) {
        return Err(Failure::parameter(format!("The provider {provider} does not exist for User Pool {pool_id}.")));
    }
    let default = text(input, "DefaultRedirectURI");
    if !default.is_empty() && !texts(input, "CallbackURLs").contains(&default) {
        return Err(Failure::parameter("DefaultRedirectURI must be one of the CallbackURLs"));
    }
    Ok(())
}

fn check_scopes(session: &Session<'_>, pool_id: &str, input: &Document) -> Result<(), Failure> {
    let known = resource_server::scopes(session, pool_id);
    for scope in texts(input, "AllowedOAuthScopes") {
        if !BUILT_IN.contains(&scope) && !known.iter().any(|known| known == scope) {
            return Err(Failure::cognito("ScopeDoesNotExistException", format!("Invalid scope requested: {scope}")));
        }
    }
    Ok(())
}

fn check_flows(input: &Document, has_secret: bool) -> Result<(), Failure> {
    let (flows, scopes) = (texts(input, "AllowedOAuthFlows"), texts(input, "AllowedOAuthScopes"));
    let refused = |message: &str| Err(Failure::cognito("InvalidOAuthFlowException", message));
    if flows.contains(&"client_credentials") {
        if flows.len() > 1 {
            return refused("client_credentials flow can not be selected along with code flow or implicit flow.");
        }
        if !has_secret {
            return refused("client_credentials flow can not be selected if client does not have a client secret.");
        }
        if scopes.is_empty() || scopes.iter().any(|scope| BUILT_IN.contains(scope)) {
            return refused("client_credentials flow takes custom scopes of resource servers only, and at least one.");
        }
    }
    let switched_on = input.get("AllowedOAuthFlowsUserPoolClient") == Some(&json!(true));
    if switched_on && (flows.is_empty() || scopes.is_empty()) {
        let message =
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.";
        return Err(Failure::parameter(message));
    }
    Ok(())
}

fn check_attributes(pool: &Object, input: &Document) -> Result<(), Failure> {
    let attributes = pool.document.get("SchemaAttributes").and_then(Value::as_array);
    let known: Vec<&str> =
        attributes.into_iter().flatten().filter_map(|attribute| attribute.get("Name")?.as_str()).collect();
    for member in ["ReadAttributes", "WriteAttributes"] {
        if let Some(name) = texts(input, member).into_iter().find(|name| !known.contains(name)) {
            return Err(Failure::parameter(format!("Invalid {member} specified while creating a client: {name}")));
        }
    }
    Ok(())
}

/// The old names of the sign-in flows and the new ones do not mix.
fn check_sign_in(input: &Document, has_secret: bool) -> Result<(), Failure> {
    let flows = texts(input, "ExplicitAuthFlows");
    let new = flows.iter().filter(|flow| flow.starts_with("ALLOW_")).count();
    if new > 0 && new < flows.len() {
        let message = "Invalid ExplicitAuthFlows: flows with the prefix ALLOW_ cannot be mixed with flows without it";
        return Err(Failure::parameter(message));
    }
    if flows.contains(&client_token::FLOW) && (flows.len() > 1 || !has_secret) {
        let message = format!(
            "Invalid ExplicitAuthFlows: {} is the only flow of a client, and needs a secret",
            client_token::FLOW
        );
        return Err(Failure::parameter(message));
    }
    Ok(())
}

/// How long a token may live: its member, its unit's member, the unit if none is given, and the bounds in seconds.
const VALIDITY: [(&str, &str, &str, u64, u64); 3] = [
    ("AccessTokenValidity", "AccessToken", "hours", 300, 86_400),
    ("IdTokenValidity", "IdToken", "hours", 300, 86_400),
    ("RefreshTokenValidity", "RefreshToken", "days", 3600, 315_360_000),
];

fn check_validity(input: &Document) -> Result<(), Failure> {
    let units = input.get("TokenValidityUnits").and_then(Value::as_object).cloned().unwrap_or_default();
    for (member, token, default, shortest, longest) in VALIDITY {
        // Zero stands for the default.
        let Some(value) = input.get(member).and_then(Value::as_u64).filter(|value| *value > 0) else { continue };
        let unit = Some(text(&units, token)).filter(|unit| !unit.is_empty()).unwrap_or(default);
        let seconds = in_seconds(value, unit);
        if !(shortest..=longest).contains(&seconds) {
            return Err(Failure::parameter(format!("Invalid range for token validity: {member} of {value} {unit}")));
        }
    }
    Ok(())
}

fn in_seconds(value: u64, unit: &str) -> u64 {
    match unit {
        "seconds" => value,
        "minutes" => value.saturating_mul(60),
        "hours" => value.saturating_mul(3600),
        _ => value.saturating_mul(86_400),
    }
}

/// How many seconds a client's `AccessToken`, `IdToken` or `RefreshToken` lives.
pub(crate) fn validity(client: &Object, token: &str) -> u64 {
    let Some((member, _, default, ..)) = VALIDITY.iter().find(|(_, known, ..)| *known == token) else { return 0 };
    let units = client.document.get("TokenValidityUnits").and_then(Value::as_object);
    let unit = units.map(|units| text(units, token)).filter(|unit| !unit.is_empty()).unwrap_or(default);
    match client.document.get(*member).and_then(Value::as_u64) {
        Some(value) => in_seconds(value, unit),
        None => 3600,
    }
}

/// Gives everything that is absent Cognito's default.
fn fill_in(client: &mut Document) {
    let defaults = [
        ("RefreshTokenValidity", json!(30)),
        ("ExplicitAuthFlows", json!(["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"])),
        ("AllowedOAuthFlowsUserPoolClient", json!(false)),
        ("EnableTokenRevocation", json!(true)),
        ("EnablePropagateAdditionalUserContextData", json!(false)),
        ("AuthSessionValidity", json!(3)),
    ];
    if client.get("RefreshTokenValidity") == Some(&json!(0)) {
        client.shift_remove("RefreshTokenValidity");
    }
    for (member, default) in defaults {
        client.entry(member).or_insert(default);
    }
}
