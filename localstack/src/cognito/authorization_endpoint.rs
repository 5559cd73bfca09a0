//! The authorization endpoint of a user pool, `/oauth2/authorize`: a page to sign in on, and a code for the client (RFC 6749, 7636).

use bytes::Bytes;
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::cognito::oauth_request::{
    check_domain, check_flow, check_form, client, granted, invalid_request, note_host, parameters,
};
use crate::cognito::{password, sign_in, ticket};
use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

const PARAMETERS: [&str; 9] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "resource",
    "code_challenge",
    "code_challenge_method",
];

/// What the page asks for.
const CREDENTIALS: [&str; 2] = ["username", "password"];

/// How long a code is good, in milliseconds.
const CODE_LIFE: u64 = 5 * 60 * 1000;

/// Reads the query of a request, and the form of the page if it was sent.
pub(crate) fn read(request: &Request<Bytes>) -> Result<Document, Failure> {
    let mut input = parameters(request.uri().query().unwrap_or_default().as_bytes(), &PARAMETERS)?;
    if request.method() == Method::POST {
        check_form(request)?;
        input.extend(parameters(request.body(), &CREDENTIALS)?);
        input.entry("username").or_insert_with(|| json!(""));
    }
    note_host(request, &mut input);
    Ok(input)
}

/// Answers `{"page"}`, the HTML to show, or `{"location"}`, where the browser goes on.
pub(crate) fn authorize(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?.clone();
    check_domain(session, &client)?;
    let redirect = text(input, "redirect_uri");
    // Nobody is sent to an address that the client did not register.
    if !texts(&client.document, "CallbackURLs").contains(&redirect) {
        return Err(invalid_request("`redirect_uri` is none of the client's CallbackURLs"));
    }
    let scopes = match check(session, &client, input) {
        Ok(scopes) => scopes,
        Err(failure) => {
            let parameters = [("error", failure.code.as_str()), ("error_description", failure.message.as_str())];
            return Ok(json!({"location": location(input, &parameters)}));
        }
    };
    if !input.contains_key("username") {
        return Ok(json!({"page": page("")}));
    }
    let user = match sign_in::authenticate(session, &client, text(input, "username"), text(input, "password")) {
        Ok(user) if text(&user.document, "UserStatus") != password::TEMPORARY => user,
        Ok(_) => return Ok(json!({"page": page("Set a permanent password first, with AdminSetUserPassword.")})),
        Err(failure) => return Ok(json!({"page": page(&failure.message)})),
    };
    let mut meaning = Document::new();
    for member in ["client_id", "redirect_uri", "nonce", "resource", "code_challenge"] {
        meaning.extend(input.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    meaning.insert("Username".into(), json!(user.id));
    meaning.insert("scope".into(), json!(scopes.join(" ")));
    let until = session.now.saturating_add(CODE_LIFE);
    let pool_id = client.parent.as_deref().unwrap_or_default();
    let code = ticket::issue(session, Kind::AuthorizationCode, pool_id, meaning, until)?;
    Ok(json!({"location": location(input, &[("code", &code)])}))
}

/// What the client may be told of at its own address. Answers the scopes that the user grants.
fn check(session: &Session<'_>, client: &Object, input: &Document) -> Result<Vec<String>, Failure> {
    if text(input, "response_type") != "code" {
        return Err(Failure::oauth("unsupported_response_type", "`response_type` has to be code"));
    }
    check_flow(client, "code")?;
    let method = text(input, "code_challenge_method");
    if input.contains_key("code_challenge") != (method == "S256") || !matches!(method, "" | "S256") {
        return Err(invalid_request("`code_challenge` comes with the `code_challenge_method` S256"));
    }
    granted(session, client, &text(input, "scope").split_ascii_whitespace().collect::<Vec<_>>())
}

/// The client's address with parameters and the state it gave.
fn location(input: &Document, parameters: &[(&str, &str)]) -> String {
    let state = [("state", text(input, "state"))];
    let pairs = parameters.iter().chain(&state).filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))).collect();
    let redirect = text(input, "redirect_uri");
    let mark = if redirect.contains('?') { '&' } else { '?' };
    format!("{redirect}{mark}{}", pairs.join("&"))
}

/// The page, which sends its form to where it came from.
fn page(problem: &str) -> String {
    let problem = problem.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in to the local stand-in</title>\
         <h1>Sign in to the local stand-in</h1><p role=\"alert\">{problem}</p><form method=\"post\">\
         <p><label>Username <input name=\"username\" autocomplete=\"username\" required></label></p>\
         <p><label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label></p>\
         <p><button>Sign in</button></p></form></html>"
    )
}
