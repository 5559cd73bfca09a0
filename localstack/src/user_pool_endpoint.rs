//! The endpoints of a user pool that speak OAuth and not AWS: discovery, public keys and, elsewhere, tokens.

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::wire::{Call, Service, Unreadable};
use crate::{signing_key, token_endpoint, user_pool};

/// The names under which the journal and faults know the endpoints.
pub(crate) const OPERATIONS: Operations = &[(DISCOVERY, discovery), (KEYS, keys), (TOKEN, token_endpoint::token)];

const DISCOVERY: &str = "GetOpenidConfiguration";
const KEYS: &str = "GetJwks";
/// The token endpoint.
pub(crate) const TOKEN: &str = "Token";

/// The endpoint at a path, and the pool that the path names.
fn endpoint(path: &str) -> Option<(&'static str, Option<&str>)> {
    let (pool, rest) = match path.strip_prefix('/')?.split_once('/')? {
        ("oauth2", "token") => return Some((TOKEN, None)),
        parts => parts,
    };
    let operation = match rest {
        ".well-known/openid-configuration" => DISCOVERY,
        ".well-known/jwks.json" => KEYS,
        "oauth2/token" => TOKEN,
        _ => return None,
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
    let method = if operation == TOKEN { Method::POST } else { Method::GET };
    if request.method() != method {
        let message = format!("{path} takes {method}, not {}", request.method());
        return Err(unreadable(Failure::with_status(405, "UnsupportedOperationException", message)));
    }
    let mut input =
        if operation == TOKEN { token_endpoint::read(request).map_err(unreadable)? } else { Document::new() };
    if let Some(pool) = pool {
        input.insert(POOL.into(), json!(pool));
    }
    Ok(Call { service, operation: operation.to_owned(), input })
}

/// The member under which a call has the pool of the path.
pub(crate) const POOL: &str = "UserPoolId";

/// Sets the headers that an answer needs beside those that every answer has.
pub(crate) fn finish(operation: &str, mut response: Response<Bytes>) -> Response<Bytes> {
    if operation == TOKEN {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, header::HeaderValue::from_static("no-cache"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    }
    response
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
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
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
