//! A client of an MCP server on loopback: a session of its own for each call, as short as the protocol allows.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::{Map, Value, json};

use super::loopback;

/// The version that is proposed; the server may choose another.
const VERSION: &str = "2025-06-18";

const PATIENCE: u64 = 30;

const SESSION: &str = "mcp-session-id";

/// Calls a tool of a server.
///
/// Fails, in words, if the server cannot be reached, answers an error, or answers no JSON-RPC.
pub(super) async fn call(
    url: &str,
    tool: &str,
    arguments: Map<String, Value>,
    seconds: Option<u64>,
) -> Result<Value, String> {
    let mut client =
        Client { url, patience: Duration::from_secs(seconds.unwrap_or(PATIENCE)), session: None, version: None };
    let about = json!({"name": "gateway", "version": env!("CARGO_PKG_VERSION")});
    let hello = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": about});
    let welcome = client.ask(1, "initialize", hello).await?;
    client.version = welcome.get("protocolVersion").and_then(Value::as_str).map(ToOwned::to_owned);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
    client.ask(2, "tools/call", json!({"name": tool, "arguments": arguments})).await
}

struct Client<'a> {
    url: &'a str,
    patience: Duration,
    session: Option<HeaderValue>,
    version: Option<String>,
}

impl Client<'_> {
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
