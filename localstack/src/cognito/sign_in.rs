//! Signing in with a password or a refresh token, as a client or as an administrator.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cognito::user_attribute::{self, pairs};
use crate::cognito::{password, refresh_token, ticket, user, user_pool, user_pool_client};
use crate::document::{Document, document, text, texts};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("InitiateAuth", initiate),
    ("AdminInitiateAuth", admin_initiate),
    ("RespondToAuthChallenge", respond),
    ("AdminRespondToAuthChallenge", admin_respond),
];

/// The one challenge that there is here.
const NEW_PASSWORD: &str = "NEW_PASSWORD_REQUIRED";

/// The client of a request, whatever its pool is.
pub(crate) fn client(session: &Session<'_>, input: &Document) -> Result<Object, Failure> {
    let id = text(input, "ClientId");
    let client = session.state.find(Kind::UserPoolClient, None, id);
    client.cloned().ok_or_else(|| Failure::cognito_missing(format!("User pool client {id} does not exist.")))
}

fn initiate(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?;
    match text(input, "AuthFlow") {
        "ADMIN_USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH" => {
            Err(Failure::parameter("Initiate Auth method not supported."))
        }
        flow => begin(session, &client, flow, &parameters(input, "AuthParameters")),
    }
}

fn admin_initiate(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let client = user_pool_client::find(session, pool_id, text(input, "ClientId"))?.clone();
    begin(session, &client, text(input, "AuthFlow"), &parameters(input, "AuthParameters"))
}

fn parameters(input: &Document, member: &str) -> Document {
    input.get(member).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn begin(session: &mut Session<'_>, client: &Object, flow: &str, given: &Document) -> Result<Value, Failure> {
    let allowed: &[&str] = match flow {
        "USER_PASSWORD_AUTH" => &["ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"],
        "ADMIN_USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH" => &["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"],
        "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => return refresh(session, client, given),
        _ => return Err(unsupported(&format!("the flow {flow}"))),
    };
    let flows = texts(&client.document, "ExplicitAuthFlows");
    if !allowed.iter().any(|allowed| flows.contains(allowed)) {
        return Err(Failure::parameter(format!("{flow} flow not enabled for this client")));
    }
    with_password(session, client, given)
}

fn unsupported(what: &str) -> Failure {
    let message = format!("The local stand-in does not implement {what}");
    Failure::cognito("UnsupportedOperationException", message)
}

fn with_password(session: &mut Session<'_>, client: &Object, given: &Document) -> Result<Value, Failure> {
    let (name, password) = (required(given, "USERNAME")?, required(given, "PASSWORD")?);
    check_secret_hash(client, given, &[name])?;
    let user = authenticate(session, client, name, password)?;
    if text(&user.document, "UserStatus") == password::TEMPORARY {
        return challenge(session, client, &user);
    }
    answer(session, client, &user)
}

/// The user who has this name and this password, which may be temporary, if he may sign in at all.
pub(crate) fn authenticate(
    session: &Session<'_>,
    client: &Object,
    name: &str,
    password: &str,
) -> Result<Object, Failure> {
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let wrong = || Failure::cognito("NotAuthorizedException", "Incorrect username or password.");
    let user = match user::find(session, pool_id, name) {
        Ok(user) => user,
        Err(_) if text(&client.document, "PreventUserExistenceErrors") == "ENABLED" => return Err(wrong()),
        Err(failure) => return Err(failure),
    };
    if !password::is_right(user, password) {
        return Err(wrong());
    }
    check_enabled(user)?;
    if text(&user_pool::find(session, pool_id)?.document, "MfaConfiguration") == "ON" {
        return Err(unsupported("the challenges of MFA, which this user pool demands"));
    }
    Ok(user.clone())
}

/// Whoever is disabled gets no tokens.
pub(crate) fn check_enabled(user: &Object) -> Result<(), Failure> {
    match user.document.get("Enabled") {
        Some(Value::Bool(false)) => Err(Failure::cognito("NotAuthorizedException", "User is disabled.")),
        _ => Ok(()),
    }
}

fn required<'a>(given: &'a Document, name: &str) -> Result<&'a str, Failure> {
    match text(given, name) {
        "" => Err(Failure::parameter(format!("Missing required parameter {name}"))),
        value => Ok(value),
    }
}

fn answer(session: &mut Session<'_>, client: &Object, user: &Object) -> Result<Value, Failure> {
    let result = refresh_token::sign_in(session, client, user, None)?;
    Ok(json!({"AuthenticationResult": result, "ChallengeParameters": {}}))
}

fn refresh(session: &mut Session<'_>, client: &Object, given: &Document) -> Result<Value, Failure> {
    if refresh_token::rotates(client) || !refresh_token::is_allowed(client) {
        return Err(Failure::cognito("NotAuthorizedException", "Refresh Token flow is not enabled for this client"));
    }
    let token = required(given, "REFRESH_TOKEN")?;
    let user = refresh_token::user(session, client, token)?;
    check_secret_hash(client, given, &[&user.id, user_attribute::value(&user, "sub")])?;
    let result = refresh_token::refresh(session, client, token)?;
    Ok(json!({"AuthenticationResult": result, "ChallengeParameters": {}}))
}

/// A client that has a secret proves it with a hash over the user's name, under any name that counts.
fn check_secret_hash(client: &Object, given: &Document, names: &[&str]) -> Result<(), Failure> {
    let id = &client.id;
    let refused = |message: String| Err(Failure::cognito("NotAuthorizedException", message));
    let hash = text(given, "SECRET_HASH");
    match (client.secrets.is_empty(), hash.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => {
            return refused(format!("Client {id} is not configured with secret but SECRET_HASH was received"));
        }
        (false, true) => {
            return refused(format!("Client {id} is configured with secret but SECRET_HASH was not received"));
        }
        (false, false) => {}
    }
    let hash = STANDARD.decode(hash).unwrap_or_default();
    let proves = |secret: &str, name: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, format!("{name}{id}").as_bytes(), &hash).is_ok()
    };
    let mut secrets = client.secrets.values().filter_map(Value::as_str);
    if secrets.any(|secret| names.iter().any(|name| proves(secret, name))) {
        return Ok(());
    }
    refused(format!("Unable to verify secret hash for client {id}"))
}

/// Demands a new password before there are tokens.
fn challenge(session: &mut Session<'_>, client: &Object, user: &Object) -> Result<Value, Failure> {
    if password::is_over(session, user) {
        let message = "Temporary password has expired and must be reset by an administrator.";
        return Err(Failure::cognito("NotAuthorizedException", message));
    }
    let pool_id = user.parent.as_deref().unwrap_or_default();
    let minutes = client.document.get("AuthSessionValidity").and_then(Value::as_u64).unwrap_or(3);
    let until = session.now.saturating_add(minutes.saturating_mul(60_000));
    let meaning = document(json!({"ClientId": client.id, "Username": user.id}));
    let ticket = ticket::issue(session, Kind::SignIn, pool_id, meaning, until)?;
    let attributes: Document = pairs(user.document.get("Attributes"))
        .into_iter()
        .filter(|(name, _)| name != "sub")
        .map(|(name, value)| (name, json!(value)))
        .collect();
    Ok(json!({
        "ChallengeName": NEW_PASSWORD,
        "Session": ticket,
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": user.id, "requiredAttributes": "[]", "userAttributes": Value::Object(attributes).to_string(),
        },
    }))
}

fn respond(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?;
    go_on(session, &client, input)
}

fn admin_respond(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let client = user_pool_client::find(session, pool_id, text(input, "ClientId"))?.clone();
    go_on(session, &client, input)
}

fn go_on(session: &mut Session<'_>, client: &Object, input: &Document) -> Result<Value, Failure> {
    let challenge = text(input, "ChallengeName");
    if challenge != NEW_PASSWORD {
        return Err(Failure::parameter(format!("The local stand-in does not implement the challenge {challenge}")));
    }
    let given = parameters(input, "ChallengeResponses");
    let (name, new) = (required(&given, "USERNAME")?, required(&given, "NEW_PASSWORD")?);
    check_secret_hash(client, &given, &[name])?;
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let invalid = || Failure::cognito("NotAuthorizedException", "Invalid session for the user.");
    let begun = ticket::find(session, Kind::SignIn, pool_id, text(input, "Session")).ok_or_else(invalid)?;
    let mut user = user::find(session, pool_id, name).map_err(|_| invalid())?.clone();
    if text(&begun.document, "ClientId") != client.id || text(&begun.document, "Username") != user.id {
        return Err(invalid());
    }
    let begun = begun.id.clone();
    check_enabled(&user)?;
    let changes: Vec<(String, String)> = given
        .iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix("userAttributes.")?.to_owned(), value.as_str()?.to_owned()))
        })
        .collect();
    user_attribute::check_changed(user_pool::find(session, pool_id)?, &changes)?;
    user_attribute::set(&mut user.document, changes);
    password::set(session, &mut user, new)?;
    user::store(session, user.clone());
    session.state.remove(Kind::SignIn, Some(pool_id), &begun);
    answer(session, client, &user)
}
