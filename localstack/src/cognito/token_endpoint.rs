//! The token endpoint of a user pool, `/oauth2/token`: who asks, for what, and what they get (RFC 6749).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::cognito::oauth_request::{
    check_domain, check_flow, check_form, client, granted, invalid_request, note_host, parameters,
};
use crate::cognito::{refresh_token, sign_in, ticket, token, user, user_pool_client_secret};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};
use crate::wire::header;

const PARAMETERS: [&str; 9] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "refresh_token",
    "code",
    "redirect_uri",
    "code_verifier",
];

/// The name of `code` in a call, by which it is known for a secret.
const CODE: &str = "authorization_code";

/// Reads the form and the credentials of a request.
pub(crate) fn read(request: &Request<Bytes>) -> Result<Document, Failure> {
    check_form(request)?;
    let mut input = parameters(request.body(), &PARAMETERS)?;
    if let Some(code) = input.shift_remove("code") {
        input.insert(CODE.into(), code);
    }
    if request.headers().contains_key("authorization") {
        authenticated(&mut input, header(request.headers(), "authorization"))?;
    }
    note_host(request, &mut input);
    Ok(input)
}

/// Takes the client's id and secret from the header.
fn authenticated(input: &mut Document, authorization: &str) -> Result<(), Failure> {
    let Some((scheme, credentials)) = authorization.split_once(' ') else {
        return Err(invalid_request("the Authorization header is malformed"));
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(invalid_client("the Authorization header has to be of the scheme Basic"));
    }
    let decoded = STANDARD.decode(credentials.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((id, secret)) = decoded.as_deref().and_then(|decoded| decoded.split_once(':')) else {
        return Err(invalid_request("the Authorization header is not the Base64 of an id and a secret"));
    };
    if input.contains_key("client_secret") {
        return Err(invalid_request("the client's secret is in the header and in the form"));
    }
    if input.contains_key("client_id") && text(input, "client_id") != id {
        return Err(invalid_request("the header and the form name two clients"));
    }
    input.insert("client_id".into(), json!(id));
    input.insert("client_secret".into(), json!(secret));
    Ok(())
}

/// Answers a request for tokens.
pub(crate) fn token(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    match text(input, "grant_type") {
        "" => Err(invalid_request("`grant_type` is missing")),
        "client_credentials" => client_credentials(session, input),
        "refresh_token" => refresh(session, input),
        CODE => authorization_code(session, input),
        other => Err(Failure::oauth("unsupported_grant_type", format!("there is no grant type `{other}` here"))),
    }
}

/// The client that asks, once it has proven who it is, in a pool that has a token endpoint.
fn proven_client(session: &Session<'_>, input: &Document) -> Result<Object, Failure> {
    let client = client(session, input)?;
    let proven = match input.get("client_secret").and_then(Value::as_str) {
        Some(secret) => user_pool_client_secret::is_known(client, secret),
        None => client.secrets.is_empty(),
    };
    if !proven {
        return Err(invalid_client("this is not the client's secret"));
    }
    check_domain(session, client)?;
    Ok(client.clone())
}

fn client_credentials(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = proven_client(session, input)?;
    if client.secrets.is_empty() {
        return Err(Failure::oauth("unauthorized_client", "a client without a secret cannot act for itself"));
    }
    check_flow(&client, "client_credentials")?;
    let asked: Vec<&str> = text(input, "scope").split_ascii_whitespace().collect();
    let scopes = granted(session, &client, &asked)?;
    let resource = input.get("resource").and_then(Value::as_str);
    let (token, seconds) = token::of_client(session, &client, &scopes, resource)?;
    Ok(json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}))
}

/// A code is good once, for the client that it was given to, with the address that it was sent to.
fn authorization_code(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = proven_client(session, input)?;
    check_flow(&client, "code")?;
    let invalid = || Failure::oauth("invalid_grant", "the code is not good, or not for this request");
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let code = ticket::find(session, Kind::AuthorizationCode, pool_id, text(input, CODE)).ok_or_else(invalid)?.clone();
    let proof = URL_SAFE_NO_PAD.encode(digest(&SHA256, text(input, "code_verifier").as_bytes()));
    let proven = match code.document.get("code_challenge").and_then(Value::as_str) {
        Some(challenge) => challenge == proof,
        None => !input.contains_key("code_verifier"),
    };
    let same = |member: &str| text(&code.document, member) == text(input, member);
    if !(same("client_id") && same("redirect_uri") && proven) {
        return Err(invalid());
    }
    session.state.remove(Kind::AuthorizationCode, Some(pool_id), &code.id);
    let user = user::find(session, pool_id, text(&code.document, "Username")).map_err(|_| invalid())?.clone();
    sign_in::check_enabled(&user).map_err(|_| invalid())?;
    let grant = refresh_token::Grant {
        scope: text(&code.document, "scope"),
        resource: code.document.get("resource").and_then(Value::as_str),
        nonce: code.document.get("nonce").and_then(Value::as_str),
    };
    Ok(answer(&refresh_token::sign_in(session, &client, &user, Some(&grant))?))
}

fn refresh(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = proven_client(session, input)?;
    let may_refresh = refresh_token::is_allowed(&client) || refresh_token::rotates(&client);
    if !may_refresh && check_flow(&client, "code").is_err() {
        return Err(Failure::oauth("unauthorized_client", "the client is not allowed to refresh tokens"));
    }
    let token = text(input, "refresh_token");
    if token.is_empty() {
        return Err(invalid_request("`refresh_token` is missing"));
    }
    let result = refresh_token::refresh(session, &client, token).map_err(|failure| match failure.status {
        400 => Failure::oauth("invalid_grant", failure.message),
        _ => failure,
    })?;
    Ok(answer(&result))
}

/// An `AuthenticationResultType` in the words of OAuth.
fn answer(result: &Document) -> Value {
    let members = [
        ("AccessToken", "access_token"),
        ("IdToken", "id_token"),
        ("RefreshToken", "refresh_token"),
        ("ExpiresIn", "expires_in"),
        ("TokenType", "token_type"),
    ];
    members.iter().filter_map(|(member, name)| Some(((*name).to_owned(), result.get(*member)?.clone()))).collect()
}

fn invalid_client(message: impl Into<String>) -> Failure {
    Failure::oauth("invalid_client", message)
}
