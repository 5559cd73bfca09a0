//! The data plane: what the clients of gateways and runtimes reach. Routes, and what they need beside the state.
//!
//! ```text
//! gateway.rs      a gateway as its clients see it, kept until the state changes     mcp.rs          the protocol
//! authorizer.rs   who calls, and the answer to those who may not                    token.rs        one JWT
//! issuer.rs       the keys of a discovery URL                                       decision.rs     Cedar
//! tool.rs         tools and their calls          openapi.rs  tools of an API        interceptor.rs  Lambda interceptors
//! stand_for.rs    what answers in the place of others     loopback.rs  HTTP to it   server.rs       MCP servers
//! runtime.rs      invocations of runtimes
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::gate;
use crate::wire::header;

mod authorizer;
mod decision;
mod gateway;
mod interceptor;
mod issuer;
pub(crate) mod loopback;
mod mcp;
mod openapi;
mod runtime;
mod server;
mod stand_for;
mod token;
mod tool;

pub use stand_for::{Answer, AnswerError};

use gateway::Gateway;
use issuer::Issuers;
use stand_for::{Answers, Listed};

/// What the data plane keeps beside the state.
#[derive(Default)]
pub(crate) struct DataPlane {
    /// Gateways with their parsed policies, by identifier, each with the revision of the state it was read from.
    gateways: Mutex<BTreeMap<String, (u64, Arc<Gateway>)>>,
    issuers: Issuers,
    answers: Mutex<Arc<Answers>>,
}

impl DataPlane {
    /// Says what answers in the place of something.
    pub(crate) fn answer_for(&self, answer: Answer) {
        Arc::make_mut(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner)).add(answer);
    }

    /// Forgets what answers.
    pub(crate) fn clear_answers(&self) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    fn answers(&self) -> Arc<Answers> {
        Arc::clone(&self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what a server lists. Says whether that is news.
    fn learn(&self, endpoint: &str, listed: Listed) -> bool {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut answers).learn(endpoint, listed)
    }
}

/// What a request of the data plane is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The MCP endpoint of a gateway.
    Mcp(String),
    /// The protected-resource metadata of a gateway.
    GatewayMetadata(String),
    /// An invocation of a runtime, by ARN or identifier.
    Invocation(String),
    /// The protected-resource metadata of a runtime.
    RuntimeMetadata(String),
}

/// What requests of the data plane are called by faults, and by the journal where they come to nothing else.
pub(crate) const OPERATIONS: [&str; 2] = [INVOKE_GATEWAY, INVOKE_RUNTIME];

const INVOKE_GATEWAY: &str = "InvokeGateway";
const INVOKE_RUNTIME: &str = "InvokeAgentRuntime";

impl Route {
    /// What a request is called.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Mcp(_) | Self::GatewayMetadata(_) => INVOKE_GATEWAY,
            Self::Invocation(_) | Self::RuntimeMetadata(_) => INVOKE_RUNTIME,
        }
    }
}

/// The longest text that the journal keeps, in characters.
const LONGEST_TEXT: usize = 1000;

/// Where RFC 9728 has the metadata of what a token is for.
const METADATA: &str = ".well-known/oauth-protected-resource";

/// What a request is for, if it is one of the data plane.
pub(crate) fn route(request: &Request<Bytes>, region: &str) -> Option<Route> {
    let path = request.uri().path().trim_matches('/');
    if let Some(gateway) = gateway_of_host(request, region) {
        return match path {
            "mcp" => Some(Route::Mcp(gateway)),
            METADATA | ".well-known/oauth-protected-resource/mcp" => Some(Route::GatewayMetadata(gateway)),
            _ => None,
        };
    }
    let described = path.strip_prefix(METADATA).map(|rest| rest.trim_start_matches('/'));
    let steps: Vec<&str> = described.unwrap_or(path).split('/').collect();
    let name = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (described.is_some(), steps.as_slice()) {
        (false, ["gateways", id, "mcp"]) => Some(Route::Mcp(name(id))),
        (true, ["gateways", id, "mcp"]) | (false, ["gateways", id, ".well-known", "oauth-protected-resource"]) => {
            Some(Route::GatewayMetadata(name(id)))
        }
        (false, ["runtimes", arn, "invocations"]) => Some(Route::Invocation(name(arn))),
        (true, ["runtimes", arn, "invocations"])
        | (false, ["runtimes", arn, "invocations", ".well-known", "oauth-protected-resource"]) => {
            Some(Route::RuntimeMetadata(name(arn)))
        }
        _ => None,
    }
}

/// The gateway whose own host name a request is for.
fn gateway_of_host(request: &Request<Bytes>, region: &str) -> Option<String> {
    gate::gateway(&host(request)?, region).map(ToOwned::to_owned)
}

fn host(request: &Request<Bytes>) -> Option<String> {
    let named = request.uri().host().map(ToOwned::to_owned);
    named.or_else(|| Some(header(request.headers(), "host").parse::<Authority>().ok()?.host().to_owned()))
}

/// Answers a request.
pub(crate) async fn answer(engine: &Engine, route: &Route, request: &Request<Bytes>) -> Response<Bytes> {
    if !gate::is_from_here(request.headers()) {
        return plain(StatusCode::FORBIDDEN, "the request comes from a web page of another origin");
    }
    match route {
        Route::Mcp(id) => mcp::answer(engine, id, request).await,
        Route::Invocation(runtime) => runtime::answer(engine, runtime, request).await,
        _ if request.method() != Method::GET => not_allowed("GET"),
        Route::GatewayMetadata(id) => gateway::metadata(engine, id),
        Route::RuntimeMetadata(runtime) => runtime::metadata(engine, runtime, request),
    }
}

/// As much of a text as the journal keeps.
fn short(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, message: &str) -> Response<Bytes> {
    respond(status, &json!({"message": message}))
}

fn not_allowed(method: &'static str) -> Response<Bytes> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, &format!("only {method} is answered here"));
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(method));
    response
}
