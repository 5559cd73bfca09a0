//! What the requests to the OAuth endpoints have in common: parameters, the host, and whose client asks for what.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::cognito::resource_server;
use crate::cognito::user_pool_client::BUILT_IN;
use crate::cognito::user_pool_endpoint::{POOL, host};
use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};
use crate::wire::{decode, header};

/// The member under which a call has the host that it was sent to.
const HOST: &str = "Host";

/// The known ones of some encoded parameters; others have no meaning, and an empty one is none.
pub(crate) fn parameters(encoded: &[u8], known: &[&str]) -> Result<Document, Failure> {
    let encoded = std::str::from_utf8(encoded).map_err(|_| invalid_request("the form is not UTF-8"))?;
    let mut parameters = Document::new();
    for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")));
        if !known.contains(&name.as_str()) || value.is_empty() {
            continue;
        }
        if parameters.contains_key(&name) {
            return Err(invalid_request(format!("`{name}` is given twice")));
        }
        parameters.insert(name, json!(value));
    }
    Ok(parameters)
}

/// Whether a request brings a form.
pub(crate) fn check_form(request: &Request<Bytes>) -> Result<(), Failure> {
    if header(request.headers(), "content-type").starts_with("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(invalid_request("the content type has to be application/x-www-form-urlencoded"))
}

/// Notes the host that a request was sent to.
pub(crate) fn note_host(request: &Request<Bytes>, input: &mut Document) {
    let host = request.uri().host().unwrap_or_else(|| header(request.headers(), "host"));
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    input.insert(HOST.into(), json!(host.to_ascii_lowercase()));
}

/// The client that a request names, in the pool that its path or its host names, or else in any.
pub(crate) fn client<'a>(session: &'a Session<'_>, input: &Document) -> Result<&'a Object, Failure> {
    let id = text(input, "client_id");
    if id.is_empty() {
        return Err(invalid_request("`client_id` is missing"));
    }
    let asked = text(input, HOST);
    let domain = session.state.all(Kind::UserPoolDomain, None).find(|domain| host(session, domain) == asked);
    let pool = match (input.get(POOL).and_then(Value::as_str), domain) {
        (Some(pool), _) => Some(pool),
        (None, Some(domain)) => domain.parent.as_deref(),
        (None, None) if asked.ends_with(".amazoncognito.com") => {
            return Err(invalid_request("no user pool has this domain"));
        }
        (None, None) => None,
    };
    let client = session.state.find(Kind::UserPoolClient, pool, id);
    client.ok_or_else(|| Failure::oauth("invalid_client", "there is no such client in this user pool"))
}

/// A pool without a domain has none of the endpoints.
pub(crate) fn check_domain(session: &Session<'_>, client: &Object) -> Result<(), Failure> {
    let pool = client.parent.as_deref().unwrap_or_default();
    let serves = |domain: &Object| matches!(domain.status(), "ACTIVE" | "UPDATING");
    if session.state.all(Kind::UserPoolDomain, Some(pool)).any(serves) {
        return Ok(());
    }
    Err(invalid_request(format!(
        "the user pool {pool} has no domain that is ACTIVE, and so no such endpoint: give it one with CreateUserPoolDomain"
    )))
}

/// Holds a flow against those that the client is allowed.
pub(crate) fn check_flow(client: &Object, flow: &str) -> Result<(), Failure> {
    let enabled = client.document.get("AllowedOAuthFlowsUserPoolClient") == Some(&json!(true));
    if enabled && texts(&client.document, "AllowedOAuthFlows").contains(&flow) {
        return Ok(());
    }
    Err(Failure::oauth("unauthorized_client", format!("the client is not allowed the flow {flow}")))
}

/// The scopes that a client gets: those it asks for, or else all that it is allowed.
pub(crate) fn granted(session: &Session<'_>, client: &Object, asked: &[&str]) -> Result<Vec<String>, Failure> {
    let refused = |message: String| Err(Failure::oauth("invalid_scope", message));
    let known = resource_server::scopes(session, client.parent.as_deref().unwrap_or_default());
    let mut allowed = texts(&client.document, "AllowedOAuthScopes");
    allowed.retain(|scope| BUILT_IN.contains(scope) || known.iter().any(|known| known == scope));
    if let Some(scope) = asked.iter().find(|scope| !allowed.contains(scope)) {
        return refused(format!("the client is not allowed the scope `{scope}`, or there is no such scope"));
    }
    let mut granted: Vec<String> = Vec::new();
    for scope in if asked.is_empty() { &allowed } else { asked } {
        if !granted.iter().any(|granted| granted == scope) {
            granted.push((*scope).to_owned());
        }
    }
    if granted.is_empty() {
        return refused("none of the scopes that the client is allowed exists".to_owned());
    }
    Ok(granted)
}

/// A parameter is missing or makes no sense.
pub(crate) fn invalid_request(message: impl Into<String>) -> Failure {
    Failure::oauth("invalid_request", message)
}
