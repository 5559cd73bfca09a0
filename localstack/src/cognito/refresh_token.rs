//! Refresh tokens: what a sign-in leaves behind, what it is worth, and how it ends.

use serde_json::{Value, json};

use crate::cognito::sign_in::{check_enabled, client};
use crate::cognito::user_pool_client::validity;
use crate::cognito::{ticket, token, user, user_pool_client_secret};
use crate::document::{Document, document, text, texts};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object, Settle};

pub(crate) const OPERATIONS: Operations = &[
    ("GetTokensFromRefreshToken", get_tokens),
    ("RevokeToken", revoke),
    ("GlobalSignOut", sign_out),
    ("AdminUserGlobalSignOut", admin_sign_out),
];

/// What tokens are good for that come from the API and not from a sign-in page.
const SCOPE: &str = "aws.cognito.signin.user.admin";

/// What a user grants on the page to sign in on.
pub(crate) struct Grant<'a> {
    /// The scopes.
    pub(crate) scope: &'a str,
    /// What the tokens are bound to.
    pub(crate) resource: Option<&'a str>,
    /// What the ID token repeats.
    pub(crate) nonce: Option<&'a str>,
}

/// A user signs in, through the API unless there is a grant. Answers an `AuthenticationResultType`.
pub(crate) fn sign_in(
    session: &mut Session<'_>,
    client: &Object,
    user: &Object,
    grant: Option<&Grant<'_>>,
) -> Result<Document, Failure> {
    let until = session.now.saturating_add(validity(client, "RefreshToken").saturating_mul(1000));
    let mut meaning = document(json!({
        "ClientId": client.id, "Username": user.id, "Origin": token::fresh_id(session),
        "AuthTime": session.now / 1000, "Scope": SCOPE, "Until": until,
    }));
    if let Some(Grant { scope, resource, nonce }) = grant {
        let granted = json!({"Scope": scope, "OAuth": true, "Resource": resource, "Nonce": nonce});
        meaning.extend(document(granted).into_iter().filter(|(_, value)| !value.is_null()));
    }
    let mut result = tokens(session, client, user, &meaning)?;
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let ticket = ticket::issue(session, Kind::RefreshToken, pool_id, meaning, until)?;
    result.insert("RefreshToken".into(), json!(ticket));
    Ok(result)
}

fn tokens(session: &mut Session<'_>, client: &Object, user: &Object, meaning: &Document) -> Result<Document, Failure> {
    let origin = token::Origin {
        id: text(meaning, "Origin"),
        auth_time: meaning.get("AuthTime").and_then(Value::as_u64).unwrap_or_default(),
        scope: text(meaning, "Scope"),
        oauth: meaning.contains_key("OAuth"),
        resource: meaning.get("Resource"),
        nonce: meaning.get("Nonce"),
    };
    let access = token::access_of_user(session, client, user, &origin)?;
    let seconds = validity(client, "AccessToken");
    let mut tokens = document(json!({"AccessToken": access, "ExpiresIn": seconds, "TokenType": "Bearer"}));
    if !origin.oauth || origin.scope.split(' ').any(|scope| scope == "openid") {
        tokens.insert("IdToken".into(), json!(token::id_of_user(session, client, user, &origin)?));
    }
    Ok(tokens)
}

/// Whether every refresh token is good for one use only.
pub(crate) fn rotates(client: &Object) -> bool {
    let rotation = client.document.get("RefreshTokenRotation").and_then(Value::as_object);
    rotation.is_some_and(|rotation| text(rotation, "Feature") == "ENABLED")
}

/// Whether the client may refresh tokens. The old names of the flows know no word for it.
pub(crate) fn is_allowed(client: &Object) -> bool {
    let flows = texts(&client.document, "ExplicitAuthFlows");
    flows.contains(&"ALLOW_REFRESH_TOKEN_AUTH") || !flows.iter().any(|flow| flow.starts_with("ALLOW_"))
}

/// What a client's refresh token stands for.
fn find<'a>(session: &'a Session<'_>, client: &Object, ticket: &str) -> Result<&'a Object, Failure> {
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let found = ticket::find(session, Kind::RefreshToken, pool_id, ticket);
    let found = found.filter(|found| text(&found.document, "ClientId") == client.id);
    found.ok_or_else(|| Failure::cognito("NotAuthorizedException", "Invalid Refresh Token"))
}

/// The user of a client's refresh token.
pub(crate) fn user(session: &Session<'_>, client: &Object, ticket: &str) -> Result<Object, Failure> {
    let found = find(session, client, ticket)?;
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let user = user::find(session, pool_id, text(&found.document, "Username"))?;
    check_enabled(user)?;
    Ok(user.clone())
}

/// New tokens for a refresh token, and another one if it was good for one use only. Answers an `AuthenticationResultType`.
pub(crate) fn refresh(session: &mut Session<'_>, client: &Object, ticket: &str) -> Result<Document, Failure> {
    let owner = user(session, client, ticket)?;
    let mut spent = find(session, client, ticket)?.clone();
    let mut result = tokens(session, client, &owner, &spent.document)?;
    if !rotates(client) {
        return Ok(result);
    }
    let pool_id = client.parent.as_deref().unwrap_or_default();
    // The next one ends when the first one would have.
    let until = spent.document.get("Until").and_then(Value::as_u64).unwrap_or(session.now);
    let next = ticket::issue(session, Kind::RefreshToken, pool_id, spent.document.clone(), until)?;
    result.insert("RefreshToken".into(), json!(next));
    let rotation = client.document.get("RefreshTokenRotation");
    let grace = rotation.and_then(|rotation| rotation.get("RetryGracePeriodSeconds")?.as_u64()).unwrap_or(0);
    // Whoever lost the answer may ask again for a while.
    spent.settles = vec![Settle::gone(until.min(session.now.saturating_add(grace * 1000)))];
    match session.state.find_mut(Kind::RefreshToken, Some(pool_id), &spent.id) {
        Some(live) if grace > 0 => *live = spent,
        _ => session.state.remove(Kind::RefreshToken, Some(pool_id), &spent.id),
    }
    Ok(result)
}

fn get_tokens(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?;
    check_secret(&client, input, "NotAuthorizedException")?;
    let result = refresh(session, &client, text(input, "RefreshToken"))?;
    Ok(json!({"AuthenticationResult": result}))
}

fn check_secret(client: &Object, input: &Document, code: &str) -> Result<(), Failure> {
    let proven = match text(input, "ClientSecret") {
        "" => client.secrets.is_empty(),
        secret => user_pool_client_secret::is_known(client, secret),
    };
    if proven { Ok(()) } else { Err(Failure::cognito(code, "Invalid client secret")) }
}

/// Ends what began with one sign-in: the refresh token, and the access tokens that it was good for.
fn revoke(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client =
        client(session, input).map_err(|failure| Failure::cognito("UnauthorizedException", failure.message))?;
    check_secret(&client, input, "UnauthorizedException")?;
    if client.document.get("EnableTokenRevocation") == Some(&json!(false)) {
        let message = "Token revocation is not enabled for this client";
        return Err(Failure::cognito("UnsupportedOperationException", message));
    }
    let given = text(input, "Token");
    if given.matches('.').count() == 2 {
        let message = "Only refresh tokens can be revoked";
        return Err(Failure::cognito("UnsupportedTokenTypeException", message));
    }
    if let Ok(found) = find(session, &client, given) {
        let origin = text(&found.document, "Origin").to_owned();
        let pool_id = client.parent.as_deref().unwrap_or_default();
        ticket::take_back(session, pool_id, |ticket| text(&ticket.document, "Origin") == origin);
    }
    Ok(json!({}))
}

fn sign_out(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let bearer = token::bearer(session, text(input, "AccessToken"))?;
    ticket::take_back(session, &bearer.pool, |ticket| text(&ticket.document, "Username") == bearer.user);
    Ok(json!({}))
}

fn admin_sign_out(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    let user = user::find(session, pool_id, text(input, "Username"))?.id.clone();
    ticket::take_back(session, pool_id, |ticket| text(&ticket.document, "Username") == user);
    Ok(json!({}))
}
