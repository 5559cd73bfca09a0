//! The MCP endpoint of a gateway: JSON-RPC over streamable HTTP, without sessions, each request answered by one JSON document.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::authorizer::Caller;
use super::decision::{self, Verdict};
use super::gateway::Gateway;
use super::interceptor::{Reply, Turn};
use super::stand_for::Answers;
use super::tool::{Call, Tool};
use super::{INVOKE_GATEWAY, loopback, not_allowed, plain, respond, server, short};
use crate::engine::Engine;
use crate::journal::{Decision, Entry, without_secrets};
use crate::wire::header;

/// How many tools a page has.
const PAGE: usize = 30;

/// The longest arguments that the journal keeps.
const LONGEST_NOTE: usize = 4096;

/// The header that names the session in which temporal policies look for earlier calls.
const POLICY_SESSION: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// The most tools of a listing that it keeps.
const MOST_NAMES: usize = 50;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;
const DENIED: i64 = -32002;

const INTERNAL: &str = "An internal error occurred. Please retry later.";

/// An error of JSON-RPC.
struct Problem {
    code: i64,
    message: String,
}

impl Problem {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn reply(&self, id: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "error": {"code": self.code, "message": self.message}})
    }
}

/// What the journal is told of one request.
#[derive(Default)]
struct Note {
    method: String,
    input: Map<String, Value>,
    decision: Option<Decision>,
}

impl Note {
    fn say(&mut self, member: &str, text: &str) {
        self.input.insert(member.to_owned(), json!(short(text)));
    }
}

/// As many names of tools as the journal keeps, and how many more there are.
fn some(names: &[&str]) -> Vec<String> {
    let mut some: Vec<String> = names.iter().take(MOST_NAMES).map(|name| short(name)).collect();
    if names.len() > MOST_NAMES {
        some.push(format!("… {} more", names.len() - MOST_NAMES));
    }
    some
}

/// Answers a request to the endpoint of a gateway.
pub(super) async fn answer(engine: &Engine, id: &str, request: &Request<Bytes>) -> Response<Bytes> {
    let mut note = Note { method: INVOKE_GATEWAY.to_owned(), ..Note::default() };
    note.say("gateway", id);
    let (code, response) = exchange(engine, id, request, &mut note).await;
    engine.note(Entry {
        mutating: false,
        operation: note.method,
        status: response.status().as_u16(),
        code,
        input: Value::Object(note.input),
        at_millis: engine.now(),
        decision: note.decision,
    });
    response
}

/// One exchange: the code of its error, if it is one, and the answer.
async fn exchange(
    engine: &Engine,
    id: &str,
    request: &Request<Bytes>,
    note: &mut Note,
) -> (Option<String>, Response<Bytes>) {
    let Some(mut gateway) = Gateway::find(engine, id).filter(|gateway| gateway.speaks_mcp) else {
        let message = format!("there is no gateway {id} that speaks MCP");
        return (Some("ResourceNotFoundException".to_owned()), plain(StatusCode::NOT_FOUND, &message));
    };
    if request.method() != Method::POST {
        return (Some("MethodNotAllowed".to_owned()), not_allowed("POST"));
    }
    let caller = match gateway.caller(engine, request.headers()).await {
        Ok(caller) => caller,
        Err(refusal) => {
            note.say("problem", &refusal.description);
            let code = refusal.error.unwrap_or("unauthorized").to_owned();
            return (Some(code), gateway.challenge(&refusal));
        }
    };
    let failed =
        |status, problem: &Problem| (Some(problem.code.to_string()), respond(status, &problem.reply(&Value::Null)));
    if let Err((status, problem)) = speaks_json(request.headers()) {
        return failed(status, &problem);
    }
    let message = match read(request.body()) {
        Ok(Some(message)) => message,
        Ok(None) => return (None, accepted()),
        Err(problem) => return failed(StatusCode::BAD_REQUEST, &problem),
    };
    let version = header(request.headers(), "mcp-protocol-version");
    let spoken = version.is_empty() || gateway.versions.iter().any(|known| known == version);
    if !spoken && message.get("method") != Some(&json!("initialize")) {
        let problem = Problem::new(INVALID_REQUEST, format!("Unsupported protocol version: {version}"));
        return failed(StatusCode::BAD_REQUEST, &problem);
    }
    let needs_session = gateway.guard.as_ref().is_some_and(|guard| guard.needs_session);
    if needs_session && header(request.headers(), POLICY_SESSION).is_empty() {
        let problem =
            Problem::new(INVALID_REQUEST, format!("Validation failed: the header {POLICY_SESSION} is missing"));
        return failed(StatusCode::BAD_REQUEST, &problem);
    }
    if !gateway.servers.is_empty() {
        let problem = match loopback::next_hop(request.headers()) {
            Ok(hop) => server::ask_for_tools(engine, &gateway.servers, hop).await,
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            note.say("problem", &problem);
        }
        gateway = Gateway::find(engine, id).unwrap_or(gateway);
    }
    let answers = engine.data_plane.answers();
    let exchange = Exchange { engine, gateway: &gateway, caller: &caller, request, answers: &answers };
    let reply = exchange.reply(&message, note).await;
    let code = reply.body.pointer("/error/code").map(ToString::to_string);
    (code, sent(&reply))
}

/// Whether what is sent and what is wanted is JSON, as far as the headers say. AWS's own examples name nothing that they accept.
fn speaks_json(headers: &HeaderMap) -> Result<(), (StatusCode, Problem)> {
    let essence = |of: &str| of.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = header(headers, "content-type");
    if headers.contains_key("content-type") && essence(kind) != "application/json" {
        let problem = Problem::new(INVALID_REQUEST, "Unsupported Media Type: Content-Type must be application/json");
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    let accepted: Vec<&str> =
        headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).flat_map(|of| of.split(',')).collect();
    let takes_json = |of: &&str| ["application/json", "application/*", "*/*"].contains(&essence(of).as_str());
    if headers.contains_key("accept") && !accepted.iter().any(takes_json) {
        let problem = Problem::new(INVALID_REQUEST, "Not Acceptable: the client must accept application/json");
        return Err((StatusCode::NOT_ACCEPTABLE, problem));
    }
    Ok(())
}

/// The answer to what needs none.
fn accepted() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn sent(reply: &Reply) -> Response<Bytes> {
    let mut response = respond(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK), &reply.body);
    for (name, value) in &reply.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else { continue };
        if !matches!(name.as_str(), "content-length" | "content-type" | "transfer-encoding" | "connection") {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Reads a message. None: one that needs no answer.
fn read(body: &[u8]) -> Result<Option<Value>, Problem> {
    let message: Value =
        serde_json::from_slice(body).map_err(|error| Problem::new(PARSE_ERROR, format!("Parse error: {error}")))?;
    let invalid = |message: &str| Err(Problem::new(INVALID_REQUEST, format!("Invalid Request: {message}")));
    if message.is_array() {
        return invalid("batches are not supported");
    }
    if message.get("jsonrpc") != Some(&json!("2.0")) {
        return invalid("a message says \"jsonrpc\": \"2.0\"");
    }
    match (message.get("method"), message.get("id")) {
        (Some(Value::String(_)), Some(Value::String(_) | Value::Number(_))) => Ok(Some(message)),
        (Some(Value::String(_)), None) => Ok(None),
        (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => Ok(None),
        (Some(Value::String(_)), Some(_)) => invalid("an id is a string or a number"),
        _ => invalid("a message has a method"),
    }
}

/// One request with everything its answer needs.
struct Exchange<'a> {
    engine: &'a Engine,
    gateway: &'a Gateway,
    caller: &'a Caller,
    request: &'a Request<Bytes>,
    answers: &'a Answers,
}

impl Exchange<'_> {
    /// The answer to a message, past the interceptors.
    async fn reply(&self, message: &Value, note: &mut Note) -> Reply {
        let id = message.get("id").cloned().unwrap_or_default();
        let well = |body: Value| Reply { status: 200, headers: Vec::new(), body };
        let turn = match self.gateway.interceptors.request(self.answers, self.request, message).await {
            Ok(turn) => turn,
            Err(problem) => return well(self.internal(problem, note).reply(&id)),
        };
        let (message, reply) = match turn {
            Turn::Answered(reply) => {
                name_method(message, note);
                (message.clone(), reply)
            }
            Turn::On(message) => {
                name_method(&message, note);
                let reply = match self.perform(&message, note).await {
                    Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
                    Err(problem) => problem.reply(&id),
                };
                (message, well(reply))
            }
        };
        match self.gateway.interceptors.response(self.answers, self.request, &message, reply).await {
            Ok(reply) => reply,
            Err(problem) => well(self.internal(problem, note).reply(&id)),
        }
    }

    /// Something behind the gateway failed. Clients are told what only if the gateway says so, the journal is.
    fn internal(&self, problem: String, note: &mut Note) -> Problem {
        note.say("problem", &problem);
        Problem::new(INTERNAL_ERROR, if self.gateway.debug { problem } else { INTERNAL.to_owned() })
    }

    async fn perform(&self, message: &Value, note: &mut Note) -> Result<Value, Problem> {
        let params = message.get("params").unwrap_or(&Value::Null);
        match message.get("method").and_then(Value::as_str).unwrap_or_default() {
            "initialize" => Ok(self.initialize(params)),
            "ping" => Ok(json!({})),
            "tools/list" => self.list(params, note),
            "tools/call" => self.call(message, params, note).await,
            method => Err(Problem::new(METHOD_NOT_FOUND, format!("Method not found: {method}"))),
        }
    }

    fn initialize(&self, params: &Value) -> Value {
        let wanted = params.get("protocolVersion").and_then(Value::as_str);
        let versions = &self.gateway.versions;
        let version = wanted.filter(|wanted| versions.iter().any(|known| known == wanted));
        let version = version.or_else(|| versions.iter().map(String::as_str).max()).unwrap_or_default();
        let mut result = json!({
            "protocolVersion": version,
            "capabilities": {"tools": {"listChanged": false}},
            "serverInfo": {"name": self.gateway.name, "version": "1.0.0"},
        });
        if let (Some(instructions), Some(result)) = (&self.gateway.instructions, result.as_object_mut()) {
            result.insert("instructions".into(), json!(instructions));
        }
        result
    }

    fn list(&self, params: &Value, note: &mut Note) -> Result<Value, Problem> {
        let tools = &self.gateway.tools;
        let names = tools.iter().map(|tool| tool.name.as_str());
        let mut shown: Vec<&Tool> = tools.iter().collect();
        if let Some(guard) = &self.gateway.guard {
            let visible = guard.visible(self.caller, names.clone());
            let is_visible = |name: &str| visible.contains(&name);
            note.decision = Some(Decision {
                principal: decision::name(self.caller),
                allowed: some(&visible),
                denied: some(&names.filter(|name| !is_visible(name)).collect::<Vec<_>>()),
                policies: Vec::new(),
                mode: guard.mode.clone(),
            });
            if guard.enforces() {
                shown.retain(|tool| is_visible(&tool.name));
            }
        }
        let begin = match params.get("cursor") {
            None | Some(Value::Null) => 0,
            Some(cursor) => match cursor.as_str().and_then(|cursor| cursor.parse().ok()) {
                Some(begin) if begin <= shown.len() => begin,
                _ => return Err(Problem::new(INVALID_PARAMS, "Invalid cursor")),
            },
        };
        let size = if self.gateway.pages { self.engine.config().page_size.unwrap_or(PAGE).max(1) } else { usize::MAX };
        let page: Vec<&Value> = shown.iter().skip(begin).take(size).map(|tool| &tool.definition).collect();
        let end = begin + page.len();
        let mut result = json!({"tools": page});
        if let Some(result) = result.as_object_mut().filter(|_| end < shown.len()) {
            result.insert("nextCursor".into(), json!(end.to_string()));
        }
        Ok(result)
    }

    async fn call(&self, message: &Value, params: &Value, note: &mut Note) -> Result<Value, Problem> {
        let Some(name) = params.get("name").and_then(Value::as_str) else {
            return Err(Problem::new(INVALID_PARAMS, "Invalid params: a call names a tool"));
        };
        let arguments = match params.get("arguments") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(arguments)) => arguments.clone(),
            Some(_) => return Err(Problem::new(INVALID_PARAMS, "Invalid params: arguments are an object")),
        };
        note.say("name", name);
        note.input.insert("arguments".into(), noted(&arguments));
        let Some(tool) = self.gateway.tool(name) else {
            return Err(Problem::new(INVALID_PARAMS, format!("Unknown tool: {name}")));
        };
        let input = tool.input(&arguments);
        self.decide(tool, &input, note)?;
        if let Err(problem) = input {
            return Ok(failed(&format!("Parameter validation failed: {problem}"), None));
        }
        let call = Call {
            gateway: &self.gateway.id,
            answers: self.answers,
            request: &self.engine.next_request_id(),
            message: message.get("id").unwrap_or(&Value::Null),
            headers: self.request.headers(),
        };
        Ok(tool.call(&call, arguments).await.unwrap_or_else(|problem| {
            note.say("problem", &problem);
            if self.gateway.debug { failed(&problem, Some(&problem)) } else { failed(INTERNAL, None) }
        }))
    }

    /// Lets the policies decide. Who may never call a tool is told so whatever the arguments, all others that those are wrong.
    fn decide(&self, tool: &Tool, input: &Result<Value, String>, note: &mut Note) -> Result<(), Problem> {
        let Some(guard) = &self.gateway.guard else { return Ok(()) };
        let verdict = if let Ok(input) = input {
            guard.decide(self.caller, &tool.name, input, self.engine.now())
        } else {
            let allowed = !guard.visible(self.caller, std::iter::once(tool.name.as_str())).is_empty();
            Verdict { allowed, policies: Vec::new() }
        };
        let name = vec![tool.name.clone()];
        let (allowed, denied) = if verdict.allowed { (name, Vec::new()) } else { (Vec::new(), name) };
        note.decision = Some(Decision {
            principal: decision::name(self.caller),
            allowed,
            denied,
            policies: verdict.policies.clone(),
            mode: guard.mode.clone(),
        });
        if verdict.allowed || !guard.enforces() {
            return Ok(());
        }
        let reason = if verdict.policies.is_empty() {
            "No policy applies to the request (denied by default).".to_owned()
        } else {
            format!("Policy evaluation denied due to {}", verdict.policies.join(", "))
        };
        let message = format!("Tool Execution Denied: Tool call not allowed due to policy enforcement [{reason}]");
        Err(Problem::new(DENIED, message))
    }
}

fn name_method(message: &Value, note: &mut Note) {
    let known = ["initialize", "ping", "tools/list", "tools/call"];
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    if known.contains(&method) {
        method.clone_into(&mut note.method);
    }
}

/// Arguments as the journal keeps them: without secrets, and none that would fill it.
fn noted(arguments: &Map<String, Value>) -> Value {
    let arguments = without_secrets(&Value::Object(arguments.clone()));
    if arguments.to_string().len() > LONGEST_NOTE { json!("(long)") } else { arguments }
}

/// The result of a call that came to nothing.
fn failed(text: &str, debug: Option<&str>) -> Value {
    let mut result = json!({"content": [{"type": "text", "text": text}], "isError": true});
    if let (Some(debug), Some(result)) = (debug, result.as_object_mut()) {
        result.insert("_meta".into(), json!({"debug": {"type": "text", "text": debug}}));
    }
    result
}
