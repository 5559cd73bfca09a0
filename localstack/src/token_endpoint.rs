//! The token endpoint of a user pool, `/oauth2/token`: who asks, for what, and what they get (RFC 6749).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};
use crate::user_pool_endpoint::{POOL, host};
use crate::wire::{decode, header};
use crate::{refresh_token, resource_server, token, user_pool_client_secret};

/// The member under which a call has the host that it was sent to.
const HOST: &str = "Host";

/// Reads the form and the credentials of a request.
pub(crate) fn read(request: &Request<Bytes>) -> Result<Document, Failure> {
    let headers = request.headers();
    if !header(headers, "content-type").starts_with("application/x-www-form-urlencoded") {
        return Err(invalid_request("the content type has to be application/x-www-form-urlencoded"));
    }
    let mut input = form(request.body())?;
    if headers.contains_key("authorization") {
        authenticated(&mut input, header(headers, "authorization"))?;
    }
    let host = request.uri().host().unwrap_or_else(|| header(headers, "host"));
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    input.insert(HOST.into(), json!(host.to_ascii_lowercase()));
    Ok(input)
}

/// The parameters that the endpoint knows; others have no meaning.
const PARAMETERS: [&str; 6] = ["grant_type", "client_id", "client_secret", "scope", "refresh_token", "resource"];

fn form(body: &[u8]) -> Result<Document, Failure> {
    let body = std::str::from_utf8(body).map_err(|_| invalid_request("the form is not UTF-8"))?;
    let mut form = Document::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")));
        if !PARAMETERS.contains(&name.as_str()) || value.is_empty() {
            continue;
        }
        if form.contains_key(&name) {
            return Err(invalid_request(format!("`{name}` is given twice")));
        }
        form.insert(name, json!(value));
    }
    Ok(form)
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
        other => Err(Failure::oauth("unsupported_grant_type", format!("there is no grant type `{other}` here"))),
    }
}

/// The client that asks, once it has proven who it is, in a pool that has a token endpoint.
fn client(session: &Session<'_>, input: &Document) -> Result<Object, Failure> {
    let id = text(input, "client_id");
    if id.is_empty() {
        return Err(invalid_request("`client_id` is missing"));
    }
    let pool = asked_pool(session, input)?;
    let client = session.state.find(Kind::UserPoolClient, pool, id);
    let client = client.ok_or_else(|| invalid_client("there is no such client in this user pool"))?;
    let secret = input.get("client_secret").and_then(Value::as_str);
    let proven = match secret {
        Some(secret) => user_pool_client_secret::is_known(client, secret),
        None => client.secrets.is_empty(),
    };
    if !proven {
        return Err(invalid_client("this is not the client's secret"));
    }
    let pool = client.parent.as_deref().unwrap_or_default();
    let serves = |domain: &Object| matches!(domain.status(), "ACTIVE" | "UPDATING");
    if !session.state.all(Kind::UserPoolDomain, Some(pool)).any(serves) {
        let message = format!(
            "the user pool {pool} has no domain that is ACTIVE, and so no token endpoint: give it one with CreateUserPoolDomain"
        );
        return Err(invalid_request(message));
    }
    Ok(client.clone())
}

/// The pool that the path or the host names; none: whichever has the client.
fn asked_pool<'a>(session: &'a Session<'_>, input: &'a Document) -> Result<Option<&'a str>, Failure> {
    if input.contains_key(POOL) {
        return Ok(Some(text(input, POOL)));
    }
    let asked = text(input, HOST);
    let mut domains = session.state.all(Kind::UserPoolDomain, None);
    match domains.find(|domain| host(session, domain) == asked) {
        Some(domain) => Ok(domain.parent.as_deref()),
        None if asked.ends_with(".amazoncognito.com") => Err(invalid_request("no user pool has this domain")),
        None => Ok(None),
    }
}

fn client_credentials(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?;
    if client.secrets.is_empty() {
        return Err(unauthorized_client("a client without a secret cannot act for itself"));
    }
    let enabled = client.document.get("AllowedOAuthFlowsUserPoolClient") == Some(&json!(true));
    if !enabled || !texts(&client.document, "AllowedOAuthFlows").contains(&"client_credentials") {
        return Err(unauthorized_client("the client is not allowed the flow client_credentials"));
    }
    let asked: Vec<&str> = text(input, "scope").split_ascii_whitespace().collect();
    let scopes = granted(session, &client, &asked).map_err(|scope| {
        Failure::oauth(
            "invalid_scope",
            format!("the client is not allowed the scope `{scope}`, or there is no such scope"),
        )
    })?;
    if scopes.is_empty() {
        return Err(Failure::oauth("invalid_scope", "none of the scopes that the client is allowed exists"));
    }
    let resource = input.get("resource").and_then(Value::as_str);
    let (token, seconds) = token::of_client(session, &client, &scopes, resource)?;
    Ok(json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}))
}

fn refresh(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?;
    if !refresh_token::is_allowed(&client) && !refresh_token::rotates(&client) {
        return Err(unauthorized_client("the client is not allowed to refresh tokens"));
    }
    let token = text(input, "refresh_token");
    if token.is_empty() {
        return Err(invalid_request("`refresh_token` is missing"));
    }
    let result = refresh_token::refresh(session, &client, token).map_err(|failure| match failure.status {
        400 => Failure::oauth("invalid_grant", failure.message),
        _ => failure,
    })?;
    let members = [
        ("AccessToken", "access_token"),
        ("IdToken", "id_token"),
        ("RefreshToken", "refresh_token"),
        ("ExpiresIn", "expires_in"),
        ("TokenType", "token_type"),
    ];
    let answer = members.iter().filter_map(|(member, name)| Some(((*name).to_owned(), result.get(*member)?.clone())));
    Ok(Value::Object(answer.collect()))
}

/// The scopes that a client gets: those it asks for, or else all that it is allowed. Fails with the first that it does not get.
pub(crate) fn granted(session: &Session<'_>, client: &Object, asked: &[&str]) -> Result<Vec<String>, String> {
    let known = resource_server::scopes(session, client.parent.as_deref().unwrap_or_default());
    let mut allowed: Vec<String> =
        texts(&client.document, "AllowedOAuthScopes").into_iter().map(ToOwned::to_owned).collect();
    allowed.retain(|scope| known.contains(scope));
    if asked.is_empty() {
        return Ok(allowed);
    }
    let mut granted: Vec<String> = Vec::new();
    for scope in asked {
        if !allowed.iter().any(|allowed| allowed == scope) {
            return Err((*scope).to_owned());
        }
        if !granted.iter().any(|granted| granted == scope) {
            granted.push((*scope).to_owned());
        }
    }
    Ok(granted)
}

fn invalid_request(message: impl Into<String>) -> Failure {
    Failure::oauth("invalid_request", message)
}

fn invalid_client(message: impl Into<String>) -> Failure {
    Failure::oauth("invalid_client", message)
}

fn unauthorized_client(message: impl Into<String>) -> Failure {
    Failure::oauth("unauthorized_client", message)
}
