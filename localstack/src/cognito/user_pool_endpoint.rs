//! The endpoints of a user pool that speak OAuth and not AWS: their paths and answers, discovery and public keys.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::cognito::{authorization_endpoint, signing_key, token_endpoint, user_pool};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::wire::{Call, Service, Unreadable, respond};

/// The names under which the journal and faults know the endpoints.
pub(crate) const OPERATIONS: Operations = &[
    (DISCOVERY, discovery),
    (KEYS, keys),
    (AUTHORIZE, authorization_endpoint::authorize),
    (TOKEN, token_endpoint::token),
];

const DISCOVERY: &str = "GetOpenidConfiguration";
const KEYS: &str = "GetJwks";
const AUTHORIZE: &str = "Authorize";
/// The token endpoint.
pub(crate) const TOKEN: &str = "Token";

/// The endpoint at a path, and the pool that the path names.
fn endpoint(path: &str) -> Option<(&'static str, Option<&str>)> {
    let oauth = |path: &str| match path {
        "oauth2/authorize" => Some(AUTHORIZE),
        "oauth2/token" => Some(TOKEN),
        _ => None,
    };
    let path = path.strip_prefix('/')?;
    if let Some(operation) = oauth(path) {
        return Some((operation, None));
    }
    let (pool, path) = path.split_once('/')?;
    let operation = match path {
        ".well-known/openid-configuration" => DISCOVERY,
        ".well-known/jwks.json" => KEYS,
        path => oauth(path)?,
    };
    Some((operation, Some(pool)))
}

/// Whether there is such an endpoint.
pub(crate) fn is(path: &str) -> bool {
    endpoint(path).is_some()
}

/// Reads a request to an endpoint.
pub(crate) fn read(request: &Request<Bytes>) -> Result<Call, Box<Unreadable>> {
    let service = Service::UserPool;
    let path = request.uri().path();
    let (operation, pool) = endpoint(path).unwrap_or((DISCOVERY, None));
    let unreadable = |failure| Box::new(Unreadable { service, operation: operation.to_owned(), failure });
    let methods: &[Method] = match operation {
        AUTHORIZE => &[Method::GET, Method::POST],
        TOKEN => &[Method::POST],
        _ => &[Method::GET],
    };
    if !methods.contains(request.method()) {
        let message = format!("{path} does not take {}", request.method());
        return Err(unreadable(Failure::with_status(405, "UnsupportedOperationException", message)));
    }
    let input = match operation {
        AUTHORIZE => authorization_endpoint::read(request),
        TOKEN => token_endpoint::read(request),
        _ => Ok(Document::new()),
    };
    let mut input = input.map_err(unreadable)?;
    if let Some(pool) = pool {
        input.insert(POOL.into(), json!(pool));
    }
    Ok(Call { service, operation: operation.to_owned(), input })
}

/// The member under which a call has the pool of the path.
pub(crate) const POOL: &str = "UserPoolId";

/// What is never kept by anybody.
const NOT_KEPT: [(HeaderName, &str); 3] =
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];

/// What a browser may do with a page: send its form, which says that it comes from here.
const PAGE: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "same-origin"),
];

fn with_headers(mut response: Response<Bytes>, headers: [(HeaderName, &'static str); 3]) -> Response<Bytes> {
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A successful answer.
pub(crate) fn answer(operation: &str, value: &Value, request_id: &str) -> Response<Bytes> {
    let member = |name: &str| value.get(name).and_then(Value::as_str).filter(|_| operation == AUTHORIZE);
    if let Some(page) = member("page") {
        return with_headers(respond(200, "text/html; charset=utf-8", page.as_bytes().to_vec(), request_id), PAGE);
    }
    if let Some(location) = member("location").and_then(|location| HeaderValue::from_bytes(location.as_bytes()).ok()) {
        let mut response = respond(StatusCode::FOUND.as_u16(), "", Vec::new(), request_id);
        response.headers_mut().insert(header::LOCATION, location);
        return with_headers(response, PAGE);
    }
    let response = respond(200, "application/json", value.to_string().into_bytes(), request_id);
    if operation == TOKEN { with_headers(response, NOT_KEPT) } else { response }
}

/// A refusal: an error of OAuth, unless it is an exception.
pub(crate) fn refusal(failure: &Failure, request_id: &str) -> Response<Bytes> {
    let body = if failure.code.ends_with("Exception") {
        json!({"message": failure.message})
    } else {
        json!({"error": failure.code, "error_description": failure.message})
    };
    let response = respond(failure.status, "application/json", body.to_string().into_bytes(), request_id);
    with_headers(response, NOT_KEPT)
}

/// The `iss` of a pool's tokens, below which its discovery document is: where the stand-in is served, or else AWS's own URL.
pub(crate) fn issuer(session: &Session<'_>, pool: &Object) -> String {
    if let Some(base) = session.base {
        return format!("{base}/{}", pool.id);
    }
    let updated =
        pool.document.get("IssuerConfiguration").and_then(|issuer| issuer.get("Type")) == Some(&json!("UPDATED"));
    let host = if updated { "issuer-cognito-idp" } else { "cognito-idp" };
    format!("https://{host}.{}.amazonaws.com/{}", session.config.region, pool.id)
}

/// Where the endpoints of OAuth are; in process a pool without a domain has none.
fn oauth(session: &Session<'_>, pool: &Object) -> Option<String> {
    if let Some(base) = session.base {
        return Some(format!("{base}/{}", pool.id));
    }
    let domain = session.state.all(Kind::UserPoolDomain, Some(&pool.id)).next()?;
    Some(format!("https://{}", host(session, domain)))
}

/// The host name of a domain.
pub(crate) fn host(session: &Session<'_>, domain: &Object) -> String {
    if domain.document.contains_key("CustomDomainConfig") {
        return domain.id.clone();
    }
    format!("{}.auth.{}.amazoncognito.com", domain.id, session.config.region)
}

fn find<'a>(session: &'a Session<'_>, input: &Document) -> Result<&'a Object, Failure> {
    user_pool::find(session, text(input, POOL))
        .map_err(|failure| Failure::with_status(404, &failure.code, failure.message))
}

fn discovery(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = find(session, input)?;
    let issuer = issuer(session, pool);
    let mut answer = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    });
    if let (Some(oauth), Some(members)) = (oauth(session, pool), answer.as_object_mut()) {
        members.insert("authorization_endpoint".into(), json!(format!("{oauth}/oauth2/authorize")));
        members.insert("token_endpoint".into(), json!(format!("{oauth}/oauth2/token")));
    }
    Ok(answer)
}

fn keys(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = find(session, input)?.id.clone();
    signing_key::make(session, &pool)?;
    Ok(json!(signing_key::public_keys(find(session, input)?)))
}
