//! Invocations of runtimes: who may, and an opaque body on its way to whatever stands for the agent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::authorizer::{JwtAuthorizer, Refusal, role};
use super::gateway::jwt_authorizer;
use super::stand_for::{Answer, Event, run};
use super::{INVOKE_RUNTIME, loopback, not_allowed, plain, respond, short};
use crate::document::{Document, texts};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::journal::Entry;
use crate::state::{Kind, State};
use crate::wire::header;

/// The header that keeps the invocations of one session together.
const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// Headers that always reach an agent begin so.
const CUSTOM: &str = "x-amzn-bedrock-agentcore-runtime-custom-";

const DEFAULT: &str = "DEFAULT";

/// How long an agent may take unless the mapping says so, in seconds.
const PATIENCE: u64 = 60;

/// A runtime as its callers see it.
struct Runtime {
    arn: String,
    authorizer: Option<JwtAuthorizer>,
    document: Document,
}

impl Runtime {
    /// A runtime by ARN or identifier, if the endpoint exists.
    fn find(engine: &Engine, name: &str, qualifier: &str) -> Option<Self> {
        engine.with_state(|state| {
            let object = state.by_arn(name).filter(|object| object.kind == Kind::Runtime);
            let object = object.or_else(|| state.find(Kind::Runtime, None, name))?;
            let serves = |status: &str| !matches!(status, "CREATING" | "CREATE_FAILED" | "DELETING");
            let endpoint = state.find(Kind::RuntimeEndpoint, Some(&object.id), qualifier);
            let there = endpoint.map_or(qualifier == DEFAULT, |endpoint| serves(endpoint.status()));
            if !there || !serves(object.status()) {
                return None;
            }
            let authorizer = authorizer(engine, state, &object.document);
            Some(Self { arn: object.arn.clone()?, authorizer, document: object.document.clone() })
        })
    }
}

fn authorizer(engine: &Engine, state: &State, document: &Document) -> Option<JwtAuthorizer> {
    jwt_authorizer(state, engine.base(), &engine.config().region, document)
}

/// The qualifier of a request: the endpoint that is invoked.
fn qualifier(request: &Request<Bytes>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let named = query.split('&').find_map(|pair| pair.strip_prefix("qualifier="));
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    named.filter(|name| !name.is_empty()).map_or_else(|| DEFAULT.to_owned(), decode)
}

/// Where a runtime is invoked.
fn url(engine: &Engine, arn: &str) -> String {
    let aws = || format!("https://bedrock-agentcore.{}.amazonaws.com", engine.config().region);
    let base = engine.base().map_or_else(aws, ToOwned::to_owned);
    format!("{base}/runtimes/{}/invocations", utf8_percent_encode(arn, NON_ALPHANUMERIC))
}

/// The protected-resource metadata of a runtime.
pub(super) fn metadata(engine: &Engine, name: &str, request: &Request<Bytes>) -> Response<Bytes> {
    match Runtime::find(engine, name, &qualifier(request)) {
        Some(Runtime { arn, authorizer: Some(authorizer), .. }) => {
            respond(StatusCode::OK, &authorizer.metadata(engine.base(), &engine.config().region, &url(engine, &arn)))
        }
        _ => plain(StatusCode::NOT_FOUND, &format!("there is no runtime {name} that takes tokens")),
    }
}

/// Answers an invocation.
pub(super) async fn answer(engine: &Engine, name: &str, request: &Request<Bytes>) -> Response<Bytes> {
    let qualifier = qualifier(request);
    let response = invoke(engine, name, &qualifier, request).await.unwrap_or_else(|refused| *refused);
    let code = response.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()).map(ToOwned::to_owned);
    engine.note(Entry {
        operation: INVOKE_RUNTIME.to_owned(),
        mutating: false,
        status: response.status().as_u16(),
        code,
        input: json!({"agentRuntimeArn": short(name), "qualifier": short(&qualifier)}),
        at_millis: engine.now(),
        decision: None,
    });
    response
}

async fn invoke(
    engine: &Engine,
    name: &str,
    qualifier: &str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Box<Response<Bytes>>> {
    if request.method() != Method::POST {
        return Err(Box::new(not_allowed("POST")));
    }
    let runtime = Runtime::find(engine, name, qualifier)
        .ok_or_else(|| refuse(&Failure::missing("Agent runtime endpoint", &format!("{name} {qualifier}"))))?;
    authorize(engine, &runtime, qualifier, request.headers()).await?;
    let session = match header(request.headers(), SESSION) {
        "" => format!("session-{}", engine.next_request_id()),
        session if (33..=256).contains(&session.len()) => session.to_owned(),
        _ => return Err(refuse(&Failure::invalid_field("runtimeSessionId", "A session id has 33 to 256 characters"))),
    };
    let answers = engine.data_plane.answers();
    let answered = match answers.find(&runtime.arn, None) {
        Some(answer) => forward(answer, &runtime, &session, request).await,
        None => Ok(echo(request)),
    };
    let mut response = answered.map_err(|problem| refuse(&Failure::with_status(424, "RuntimeClientError", problem)))?;
    if let Ok(session) = HeaderValue::from_str(&session) {
        response.headers_mut().insert(SESSION, session);
    }
    Ok(response)
}

async fn authorize(
    engine: &Engine,
    runtime: &Runtime,
    qualifier: &str,
    headers: &HeaderMap,
) -> Result<(), Box<Response<Bytes>>> {
    let denied = |refusal: Refusal| {
        let mut response = match &runtime.authorizer {
            Some(authorizer) => {
                let metadata = format!("{}/{}?qualifier={qualifier}", url(engine, &runtime.arn), super::METADATA);
                authorizer.challenge(&refusal, &metadata)
            }
            None => super::authorizer::refused(&refusal),
        };
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static("AccessDeniedException"));
        Box::new(response)
    };
    let Some(authorizer) = &runtime.authorizer else {
        return role(engine, headers).map(drop).map_err(denied);
    };
    authorizer.caller(engine, headers).await.map_err(denied)?;
    if authorizer.configuration.get("allowedWorkloadConfiguration").is_some() {
        let message = "Transaction token required: authorizer has AllowedWorkloadConfiguration configured";
        return Err(refuse(&Failure::with_status(403, "AccessDeniedException", message)));
    }
    Ok(())
}

fn refuse(failure: &Failure) -> Box<Response<Bytes>> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut body = json!({"message": failure.message});
    if let (Some(reason), Some(body)) = (&failure.reason, body.as_object_mut()) {
        body.insert("reason".into(), json!(reason));
    }
    let mut response = respond(status, &body);
    if let Ok(code) = HeaderValue::from_str(&failure.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    Box::new(response)
}

/// Without an agent the body comes back.
fn echo(request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(request.body().clone());
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    response.headers_mut().insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/json")));
    response
}

/// Hands the body on to what stands for the agent. Its failure is the caller's to see.
async fn forward(
    answer: &Answer,
    runtime: &Runtime,
    session: &str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, String> {
    if let Some(canned) = &answer.answer {
        return Ok(respond(StatusCode::OK, canned));
    }
    let patience = Duration::from_secs(answer.seconds.unwrap_or(PATIENCE));
    if let Some(command) = &answer.command {
        let body =
            serde_json::from_slice(request.body()).unwrap_or_else(|_| json!(String::from_utf8_lossy(request.body())));
        let event = Event { body, context: json!({"custom": {"sessionId": session}}) };
        let mut response = Response::new(run(command.clone(), event, patience).await?);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(response);
    }
    let url = answer.url.as_deref().unwrap_or_default();
    let mut forwarded =
        Request::post(url).header(SESSION, session).header(loopback::HOPS, loopback::next_hop(request.headers())?);
    for (name, value) in request.headers() {
        if reaches(name.as_str(), &runtime.document) {
            forwarded = forwarded.header(name, value);
        }
    }
    let forwarded = forwarded.body(request.body().clone()).map_err(|error| error.to_string())?;
    let answered = loopback::send(forwarded, patience).await?;
    if !answered.status().is_success() {
        return Err(format!("the agent answered {}: {}", answered.status(), String::from_utf8_lossy(answered.body())));
    }
    let mut response = Response::new(answered.body().clone());
    if let Some(kind) = answered.headers().get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    Ok(response)
}

/// Whether a header of a caller reaches the agent: what says of which kind the bodies are, and what the runtime allows.
fn reaches(name: &str, runtime: &Document) -> bool {
    let configuration = runtime.get("requestHeaderConfiguration").and_then(Value::as_object);
    let allowed = configuration.map(|configuration| texts(configuration, "requestHeaderAllowlist")).unwrap_or_default();
    matches!(name, "content-type" | "accept")
        || name.starts_with(CUSTOM)
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}
