//! The tokens of a user pool: their claims and how long they live.

use serde_json::{Value, json};

use crate::cognito::user_attribute::pairs;
use crate::cognito::user_pool_client::validity;
use crate::cognito::{signing_key, user_group, user_pool, user_pool_endpoint};
use crate::document::{Document, document, text, texts};
use crate::failure::Failure;
use crate::identifier::request_id;
use crate::session::Session;
use crate::state::{Kind, Object};

/// Makes an access token for a client that acts for itself. Answers the token and how many seconds it lives.
///
/// `resource` is what the token is bound to: without it, it names no audience.
pub(crate) fn of_client(
    session: &mut Session<'_>,
    client: &Object,
    scopes: &[String],
    resource: Option<&str>,
) -> Result<(String, u64), Failure> {
    let pool = client.parent.as_deref().unwrap_or_default();
    let mut claims = dated(session, pool, client, "AccessToken")?;
    claims.extend(document(json!({
        "sub": client.id, "token_use": "access", "scope": scopes.join(" "), "auth_time": session.now / 1000,
        "version": 2, "client_id": client.id,
    })));
    if let Some(resource) = resource {
        claims.insert("aud".into(), json!(resource));
    }
    let token = signing_key::sign(session, pool, &Value::Object(claims))?;
    Ok((token, validity(client, "AccessToken")))
}

/// The sign-in from which a user's tokens come.
pub(crate) struct Origin<'a> {
    /// What it is called, which is how its tokens are revoked.
    pub(crate) id: &'a str,
    /// When it was, in seconds since 1970.
    pub(crate) auth_time: u64,
    /// What its access tokens are good for.
    pub(crate) scope: &'a str,
    /// It was on a page and not through the API.
    pub(crate) oauth: bool,
    /// What its access tokens are bound to.
    pub(crate) resource: Option<&'a Value>,
    /// What its ID tokens repeat.
    pub(crate) nonce: Option<&'a Value>,
}

/// Makes an access token for a user.
pub(crate) fn access_of_user(
    session: &mut Session<'_>,
    client: &Object,
    user: &Object,
    origin: &Origin<'_>,
) -> Result<String, Failure> {
    let mut claims = about(session, client, user, origin, "AccessToken")?;
    claims.extend(document(json!({
        "token_use": "access", "client_id": client.id, "scope": origin.scope, "username": user.id,
    })));
    if origin.oauth {
        claims.insert("version".into(), json!(2));
    }
    claims.extend(origin.resource.map(|resource| ("aud".to_owned(), resource.clone())));
    signing_key::sign(session, client.parent.as_deref().unwrap_or_default(), &Value::Object(claims))
}

/// Makes an ID token for a user, with the attributes that the client may read.
pub(crate) fn id_of_user(
    session: &mut Session<'_>,
    client: &Object,
    user: &Object,
    origin: &Origin<'_>,
) -> Result<String, Failure> {
    let mut claims = about(session, client, user, origin, "IdToken")?;
    claims.extend(document(json!({"token_use": "id", "aud": client.id, "cognito:username": user.id})));
    claims.extend(origin.nonce.map(|nonce| ("nonce".to_owned(), nonce.clone())));
    let groups = user_group::groups(session, user);
    let roles: Vec<&str> =
        groups.iter().map(|group| text(&group.document, "RoleArn")).filter(|role| !role.is_empty()).collect();
    if let Some(preferred) = roles.first() {
        claims.insert("cognito:preferred_role".into(), json!(preferred));
        claims.insert("cognito:roles".into(), json!(roles));
    }
    let readable = texts(&client.document, "ReadAttributes");
    for (name, value) in pairs(user.document.get("Attributes")) {
        if readable.is_empty() || readable.contains(&name.as_str()) {
            let value = if name.ends_with("_verified") { json!(value == "true") } else { json!(value) };
            claims.entry(name).or_insert(value);
        }
    }
    signing_key::sign(session, client.parent.as_deref().unwrap_or_default(), &Value::Object(claims))
}

/// The claims that both tokens of a user have.
fn about(
    session: &mut Session<'_>,
    client: &Object,
    user: &Object,
    origin: &Origin<'_>,
    kind: &str,
) -> Result<Document, Failure> {
    let mut claims = dated(session, client.parent.as_deref().unwrap_or_default(), client, kind)?;
    claims.insert("sub".into(), json!(crate::cognito::user_attribute::value(user, "sub")));
    claims.insert("auth_time".into(), json!(origin.auth_time));
    claims.insert("event_id".into(), json!(fresh_id(session)));
    if client.document.get("EnableTokenRevocation") != Some(&json!(false)) {
        claims.insert("origin_jti".into(), json!(origin.id));
    }
    let groups: Vec<&str> = user_group::groups(session, user).iter().map(|group| group.id.as_str()).collect();
    if !groups.is_empty() {
        claims.insert("cognito:groups".into(), json!(groups));
    }
    Ok(claims)
}

/// Who shows an access token.
pub(crate) struct Bearer {
    /// The identifier of the user's pool.
    pub(crate) pool: String,
    /// The user's name.
    pub(crate) user: String,
}

/// Whose access token this is, if it is good for calls about oneself.
pub(crate) fn bearer(session: &Session<'_>, token: &str) -> Result<Bearer, Failure> {
    let refused = |message: &str| Failure::cognito("NotAuthorizedException", message);
    let invalid = || refused("Invalid Access Token");
    // Who claims to have issued it says which key has to have signed it.
    let claimed: Document = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| invalid())?;
    let issuer = text(&claimed, "iss");
    let id = issuer.rsplit('/').next().unwrap_or_default();
    let pool = user_pool::find(session, id).map_err(|_| invalid())?;
    if issuer != user_pool_endpoint::issuer(session, pool) {
        return Err(invalid());
    }
    let claims = signing_key::verify(pool, token).ok_or_else(invalid)?;
    if text(&claims, "token_use") != "access" || text(&claims, "username").is_empty() {
        return Err(invalid());
    }
    if claims.get("exp").and_then(Value::as_u64).is_none_or(|end| end <= session.now / 1000) {
        return Err(refused("Access Token has expired"));
    }
    let origin = text(&claims, "origin_jti");
    let mut sign_ins = session.state.all(Kind::RefreshToken, Some(id));
    if !origin.is_empty() && !sign_ins.any(|sign_in| text(&sign_in.document, "Origin") == origin) {
        return Err(refused("Access Token has been revoked"));
    }
    if !text(&claims, "scope").split(' ').any(|scope| scope == "aws.cognito.signin.user.admin") {
        return Err(refused("Access Token does not have required scopes"));
    }
    Ok(Bearer { pool: id.to_owned(), user: text(&claims, "username").to_owned() })
}

/// The claims that every token has: who issued it, when, until when, and what it is called.
fn dated(session: &mut Session<'_>, pool: &str, client: &Object, kind: &str) -> Result<Document, Failure> {
    let issued_at = session.now / 1000;
    let issuer = user_pool_endpoint::issuer(session, user_pool::find(session, pool)?);
    Ok(document(json!({
        "iss": issuer, "iat": issued_at, "exp": issued_at + validity(client, kind), "jti": fresh_id(session),
    })))
}

/// A fresh identifier in the form of a UUID.
pub(crate) fn fresh_id(session: &mut Session<'_>) -> String {
    session.state.counter += 1;
    request_id(session.config.seed, session.state.counter)
}
