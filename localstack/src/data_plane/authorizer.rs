//! Who calls: the holder of a token, an IAM role, or nobody in particular. And the answer to those who may not.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::issuer::{self, Issuer};
use super::respond;
use super::token::{self, Claims};
use crate::engine::Engine;
use crate::wire::header;

/// Who calls.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// The holder of a token.
    User { subject: String, claims: Claims },
    /// A role that signed the request, by the ARN of its session without the session's name.
    Role(String),
    /// Nobody was asked.
    Anybody,
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The error code of RFC 6750; without a token there is none.
    pub(super) error: Option<&'static str>,
    pub(super) description: String,
}

impl Refusal {
    /// The token is not good.
    pub(super) fn token(description: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, error: Some("invalid_token"), description: description.to_owned() }
    }

    /// The token is good and has none of the scopes.
    pub(super) fn scope() -> Self {
        let description = "the token has none of the allowed scopes".to_owned();
        Self { status: StatusCode::FORBIDDEN, error: Some("insufficient_scope"), description }
    }

    fn missing(description: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, error: None, description: description.to_owned() }
    }
}

/// What a JWT authorizer needs to know a token: its configuration, and the issuer if that is a pool of this stand-in.
#[derive(Debug, Clone)]
pub(super) struct JwtAuthorizer {
    pub(super) configuration: Value,
    pub(super) pool: Option<Arc<Issuer>>,
}

impl JwtAuthorizer {
    /// The caller behind a request.
    pub(super) async fn caller(&self, engine: &Engine, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = bearer(headers)?;
        let url = self.discovery_url();
        let issuer = match &self.pool {
            Some(issuer) => Arc::clone(issuer),
            None if issuer::pool_of(engine.base(), &engine.config().region, url).is_some() => {
                return Err(Refusal::token("the authorizer names a user pool that does not exist"));
            }
            None => Arc::new(issuer::discover(engine, url).await.map_err(|problem| Refusal::token(&problem))?),
        };
        let claims = token::check(token, &issuer.keys, &issuer.names, &self.configuration, engine.now())?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Caller::User { subject, claims })
    }

    fn discovery_url(&self) -> &str {
        self.configuration.get("discoveryUrl").and_then(Value::as_str).unwrap_or_default()
    }

    /// The scopes that clients are told to ask for.
    pub(super) fn advertised(&self) -> Vec<&str> {
        let allowed = self.configuration.get("allowedScopes").and_then(Value::as_array);
        let mapped = |scope| self.configuration.get("advertisedScopeMapping")?.get(scope)?.as_str();
        let scopes = allowed.into_iter().flatten().filter_map(Value::as_str);
        scopes.map(|scope| mapped(scope).unwrap_or(scope)).collect()
    }

    /// What clients are told of the resource that the token is for (RFC 9728).
    pub(super) fn metadata(&self, base: Option<&str>, region: &str, resource: &str) -> Value {
        let url = self.discovery_url();
        let named = url.split_once("/.well-known/").map_or(url, |(issuer, _)| issuer).to_owned();
        // A client that is here finds a pool of the stand-in here.
        let issuer = match (issuer::pool_of(base, region, url), base) {
            (Some(pool), Some(base)) => format!("{base}/{pool}"),
            _ => named,
        };
        let mut metadata =
            json!({"resource": resource, "authorization_servers": [issuer], "bearer_methods_supported": ["header"]});
        let scopes = self.advertised();
        if let Some(members) = metadata.as_object_mut().filter(|_| !scopes.is_empty()) {
            members.insert("scopes_supported".into(), json!(scopes));
        }
        metadata
    }

    /// The answer to a caller who may not, with the way to a better token.
    pub(super) fn challenge(&self, refusal: &Refusal, metadata_url: &str) -> Response<Bytes> {
        let quoted =
            |text: &str| text.replace(['"', '\\'], "'").replace(|letter: char| !(' '..='~').contains(&letter), " ");
        let mut parts = Vec::new();
        if let Some(error) = refusal.error {
            parts.push(format!("error=\"{error}\""));
            parts.push(format!("error_description=\"{}\"", quoted(&refusal.description)));
        }
        parts.push(format!("resource_metadata=\"{}\"", quoted(metadata_url)));
        let scopes = self.advertised();
        if !scopes.is_empty() {
            parts.push(format!("scope=\"{}\"", scopes.join(" ")));
        }
        let mut response = refused(refusal);
        if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", parts.join(", "))) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// The answer to a caller who may not, as an error of JSON-RPC.
pub(super) fn refused(refusal: &Refusal) -> Response<Bytes> {
    let error = json!({"code": -32001, "message": refusal.description});
    respond(refusal.status, &json!({"jsonrpc": "2.0", "id": null, "error": error}))
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let text = header(headers, "authorization");
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Refusal::missing("Missing Bearer token")),
    }
}

/// The role that signed a request. The signature is not checked: the access key says which role it is, so that a test can be any.
pub(super) fn role(engine: &Engine, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let signed = header(headers, "authorization").strip_prefix("AWS4-HMAC-SHA256");
    let credential = signed.and_then(|rest| rest.split_once("Credential=")?.1.split('/').next());
    let name = |text: &&str| {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte));
        letters && (1..=64).contains(&text.len())
    };
    match credential.filter(name) {
        Some(role) => Ok(Caller::Role(format!("arn:aws:sts::{}:assumed-role/{role}", engine.config().account))),
        None => Err(Refusal::missing("Missing Authentication Token")),
    }
}
