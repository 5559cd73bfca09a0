//! A client of an MCP server on loopback: a session of its own for each call, as short as the protocol allows.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::{Map, Value, json};

use super::loopback;
use super::stand_for::{Answer, Listed};
use crate::engine::Engine;

/// The version that is proposed; the server may choose another.
const VERSION: &str = "2025-06-18";

const PATIENCE: u64 = 30;

/// How long what a server listed is believed, in milliseconds.
const BELIEVED: u64 = 10_000;

/// How many pages of tools are read.
const MOST_PAGES: u32 = 100;

const SESSION: &str = "mcp-session-id";

/// Calls a tool of a server.
///
/// Fails, in words, if the server cannot be reached, answers an error, or answers no JSON-RPC.
pub(super) async fn call(
    url: &str,
    tool: &str,
    arguments: Map<String, Value>,
    seconds: Option<u64>,
    hop: u32,
) -> Result<Value, String> {
    let mut client = Client::connect(url, seconds, hop).await?;
    client.ask(2, "tools/call", json!({"name": tool, "arguments": arguments})).await
}

/// Asks the servers at endpoints for their tools where a URL was mapped and told none, unless they were asked a moment ago. Answers
/// why one could not be asked.
pub(super) async fn ask_for_tools(engine: &Engine, endpoints: &[String], hop: u32) -> Option<String> {
    let answers = engine.data_plane.answers();
    let mut problem = None;
    for endpoint in endpoints {
        let Some(Answer { url: Some(url), tools: None, seconds, .. }) = answers.find(endpoint, None) else { continue };
        let at = engine.now();
        if answers.listed(endpoint).is_some_and(|listed| at.saturating_sub(listed.at) < BELIEVED) {
            continue;
        }
        let tools = list(url, *seconds, hop).await.unwrap_or_else(|error| {
            problem = Some(error);
            Vec::new()
        });
        if engine.data_plane.learn(endpoint, Listed { at, tools }) {
            engine.touch();
        }
    }
    problem
}

async fn list(url: &str, seconds: Option<u64>, hop: u32) -> Result<Vec<Value>, String> {
    let mut client = Client::connect(url, seconds, hop).await?;
    let (mut tools, mut params) = (Vec::new(), json!({}));
    for id in 2..2 + MOST_PAGES {
        let mut page = client.ask(id, "tools/list", params).await?;
        if let Some(Value::Array(more)) = page.get_mut("tools").map(Value::take) {
            tools.extend(more);
        }
        match page.get("nextCursor").filter(|cursor| cursor.is_string()) {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    Ok(tools)
}

struct Client<'a> {
    url: &'a str,
    patience: Duration,
    session: Option<HeaderValue>,
    version: Option<String>,
    hop: u32,
}

impl<'a> Client<'a> {
    async fn connect(url: &'a str, seconds: Option<u64>, hop: u32) -> Result<Self, String> {
        let patience = Duration::from_secs(seconds.unwrap_or(PATIENCE));
        let mut client = Self { url, patience, session: None, version: None, hop };
        let about = json!({"name": "gateway", "version": env!("CARGO_PKG_VERSION")});
        let hello = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": about});
        let welcome = client.ask(1, "initialize", hello).await?;
        client.version = welcome.get("protocolVersion").and_then(Value::as_str).map(ToOwned::to_owned);
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
        Ok(client)
    }

    async fn ask(&mut self, id: u32, method: &str, params: Value) -> Result<Value, String> {
        let response = self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        if let Some(session) = response.headers().get(SESSION) {
            self.session = Some(session.clone());
        }
        let answers = messages(&response).into_iter();
        let mut answer =
            answers.into_iter().find(|message| message.get("id").and_then(Value::as_u64) == Some(id.into()));
        if let Some(result) = answer.as_mut().and_then(|answer| answer.get_mut("result")) {
            return Ok(result.take());
        }
        let error = answer.as_ref().and_then(|answer| answer.pointer("/error/message")?.as_str());
        Err(format!("{}: {}", self.url, error.unwrap_or("the server answered no message to the request")))
    }

    async fn send(&self, message: &Value) -> Result<Response<Bytes>, String> {
        let mut request = Request::post(self.url)
            .header(loopback::HOPS, self.hop)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream");
        if let Some(session) = &self.session {
            request = request.header(SESSION, session);
        }
        if let Some(version) = &self.version {
            request = request.header("mcp-protocol-version", version);
        }
        let request = request.body(Bytes::from(message.to_string())).map_err(|error| error.to_string())?;
        let response = loopback::send(request, self.patience).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(format!("{} answered {}", self.url, response.status()))
    }
}

/// The messages of an answer: one as JSON, or those of an event stream.
fn messages(response: &Response<Bytes>) -> Vec<Value> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return serde_json::from_slice(response.body()).into_iter().collect();
    }
    let text = String::from_utf8_lossy(response.body()).replace("\r\n", "\n");
    let data = text.split("\n\n").map(|event| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    });
    data.filter_map(|data| serde_json::from_str(&data).ok()).collect()
}
