//! The tools that a gateway lists for the holder of a token: MCP over streamable HTTP.
//!
//! A server answers a request with one JSON document or with a stream of events; both are read. What it says in words is not
//! repeated: it has seen the token.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::token::Bearer;
use crate::aws::http::{Http, Response};

/// The version of the protocol that is asked for.
const VERSION: &str = "2025-06-18";

/// JSON-RPC's word for what failed behind a server: a gateway says it where an interceptor of its did.
const INTERNAL_ERROR: i64 = -32603;

/// The header that names the session in which temporal policies look for earlier calls. Where there is one, a request without it is
/// refused; it says nothing to the others.
const POLICY_SESSION: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// More pages than any gateway has.
const PAGES: usize = 1_000;

/// What a gateway answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listing {
    /// The tools by their full names, `target___tool`.
    Tools(BTreeSet<String>),
    /// It lets the caller in not at all.
    Refused,
}

/// Asks a gateway for all of its tools; without a token as nobody. Fails, in words, where there is no answer.
pub(super) async fn tools(http: &Http, url: &str, bearer: Option<&Bearer>) -> Result<Listing, String> {
    let mut session = Session { http, url, bearer, remembered: random(), id: None, version: None, next: 1 };
    let client = json!({"name": "gatewright", "version": env!("CARGO_PKG_VERSION")});
    let hello = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client});
    let Some(welcome) = session.ask("initialize", hello).await? else { return Ok(Listing::Refused) };
    session.version = welcome.get("protocolVersion").and_then(Value::as_str).map(ToOwned::to_owned);
    session.say("notifications/initialized").await?;
    let mut names = BTreeSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let asked = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let Some(page) = session.ask("tools/list", asked).await? else { return Ok(Listing::Refused) };
        let tools = page.get("tools").and_then(Value::as_array).ok_or("its answer to `tools/list` has no tools")?;
        for tool in tools {
            let name = tool.get("name").and_then(Value::as_str).ok_or("it lists a tool without a name")?;
            names.insert(name.to_owned());
        }
        match page.get("nextCursor").and_then(Value::as_str).filter(|next| !next.is_empty()) {
            None => return Ok(Listing::Tools(names)),
            Some(next) if cursor.as_deref() == Some(next) => break,
            Some(next) => cursor = Some(next.to_owned()),
        }
    }
    Err("its list of tools has no end".to_owned())
}

struct Session<'a> {
    http: &'a Http,
    url: &'a str,
    bearer: Option<&'a Bearer>,
    /// The session that temporal policies look at.
    remembered: String,
    /// The session that the server began.
    id: Option<String>,
    /// The version that both speak.
    version: Option<String>,
    next: u64,
}

impl Session<'_> {
    /// Sends a request; nothing where the caller is refused.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Option<Value>, String> {
        let id = self.next;
        self.next += 1;
        let response = self.post(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        match response.status {
            200..=299 => {}
            401 | 403 => return Ok(None),
            300..=399 => return Err(format!("it redirects `{method}`, which is not followed")),
            status => return Err(format!("it answers `{method}` with status {status}")),
        }
        if let Some(session) = response.header("mcp-session-id") {
            self.id = Some(session.to_owned());
        }
        let mut message =
            answer(response, id, self.bearer).await.map_err(|problem| format!("`{method}`: {problem}"))?;
        match message.get_mut("result").map(Value::take) {
            Some(result) => Ok(Some(result)),
            None => match message.pointer("/error/code").and_then(Value::as_i64) {
                Some(INTERNAL_ERROR) => Err(format!(
                    "it answers `{method}` with error {INTERNAL_ERROR}, an internal one: look at its interceptors"
                )),
                Some(code) => Err(format!("it answers `{method}` with error {code}")),
                None => Err(format!("it answers `{method}` with neither a result nor an error")),
            },
        }
    }

    /// Sends what needs no answer.
    async fn say(&self, method: &str) -> Result<(), String> {
        self.post(&json!({"jsonrpc": "2.0", "method": method})).await.map(drop)
    }

    async fn post(&self, message: &Value) -> Result<Response, String> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json, text/event-stream".to_owned()),
            (POLICY_SESSION, self.remembered.clone()),
        ];
        headers.extend(self.bearer.map(|bearer| ("authorization", format!("Bearer {}", bearer.reveal()))));
        headers.extend(self.id.clone().map(|id| ("mcp-session-id", id)));
        headers.extend(self.version.clone().map(|version| ("mcp-protocol-version", version)));
        self.http.post(self.url, &headers, message.to_string()).await
    }
}

/// 32 random characters.
fn random() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let word = || RandomState::new().hash_one(std::time::Instant::now());
    format!("{:016x}{:016x}", word(), word())
}

/// The message that answers a request. A stream is read until it comes: it need not end there.
async fn answer(mut response: Response, id: u64, bearer: Option<&Bearer>) -> Result<Value, String> {
    let streams = response.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let message = if streams {
        let mut events = Events::default();
        loop {
            let part = response.next().await?;
            let ended = part.is_none();
            let found =
                events.add(&part.unwrap_or_else(|| b"\n\n".to_vec())).into_iter().find(|message| answers(message, id));
            if let Some(message) = found {
                break message;
            }
            if ended {
                return Err("the stream ended without an answer".to_owned());
            }
        }
    } else {
        let message = serde_json::from_str(&response.text().await?).map_err(|_| "the answer is no JSON")?;
        if !answers(&message, id) {
            return Err("the answer is to another request".to_owned());
        }
        message
    };
    if bearer.is_some_and(|bearer| message.to_string().contains(bearer.reveal())) {
        return Err("the answer repeats the token".to_owned());
    }
    Ok(message)
}

fn answers(message: &Value, id: u64) -> bool {
    message.get("id") == Some(&json!(id)) && message.get("method").is_none()
}

/// A stream of events (`text/event-stream`), as far as it has come.
#[derive(Default)]
struct Events {
    rest: Vec<u8>,
}

impl Events {
    /// Adds a part; gives the messages that are whole now.
    fn add(&mut self, part: &[u8]) -> Vec<Value> {
        // Lines end with LF or CR LF.
        self.rest.extend(part.iter().filter(|byte| **byte != b'\r'));
        let mut messages = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
            let data: Vec<&str> = data.map(|data| data.strip_prefix(' ').unwrap_or(data)).collect();
            messages.extend(serde_json::from_str(&data.join("\n")).ok());
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_parts() {
        let mut events = Events::default();
        assert_eq!(events.add(b": hello\r\n\r\nevent: message\r\nda"), Vec::<Value>::new());
        assert_eq!(events.add(b"ta: {\"id\":\r\ndata:1}\r\n"), Vec::<Value>::new());
        assert_eq!(events.add(b"\r\ndata: {\"id\": 2}\n\n"), [json!({"id": 1}), json!({"id": 2})]);
        assert!(answers(&json!({"id": 1, "result": {}}), 1) && !answers(&json!({"id": 1, "method": "ping"}), 1));
    }
}
