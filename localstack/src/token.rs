//! The tokens of a user pool: their claims and how long they live.

use serde_json::{Value, json};

use crate::document::{Document, document};
use crate::failure::Failure;
use crate::identifier::request_id;
use crate::session::Session;
use crate::state::Object;
use crate::user_pool_client::validity;
use crate::{signing_key, user_pool, user_pool_endpoint};

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
