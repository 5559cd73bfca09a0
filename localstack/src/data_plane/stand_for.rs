//! What answers in the place of what AWS would reach: a local URL, a command, or a canned answer, by ARN or endpoint.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, header};
use serde::Deserialize;
use serde_json::Value;

use super::loopback;

/// How long an answer may take unless the mapping says so.
const PATIENCE: u64 = 30;

/// The longest output of a command that is read.
const LIMIT: u64 = 10 * 1024 * 1024;

/// What answers in the place of something: exactly one of a URL, a command and a canned answer, or nothing but the tools of a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The ARN of the Lambda function or runtime, or the endpoint of the server or API, as a configuration names it.
    pub resource: String,
    /// Only for this tool, by its name within its target.
    #[serde(default)]
    pub tool: Option<String>,
    /// An `http` URL on loopback.
    #[serde(default)]
    pub url: Option<String>,
    /// A program with its arguments; standard input is the event, standard output the answer.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// The answer itself.
    #[serde(default, deserialize_with = "given")]
    pub answer: Option<Value>,
    /// What `tools/list` of an MCP server would show.
    #[serde(default)]
    pub tools: Option<Vec<Value>>,
    /// How long it may take, in seconds: 30 unless told.
    #[serde(default)]
    pub seconds: Option<u64>,
}

/// A member that is there, whatever its value: a canned answer may be `null`.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Why what shall answer cannot be set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is no list of answers.
    #[error("not a list of answers: {0}")]
    Json(#[from] serde_json::Error),
    /// It says not exactly one thing.
    #[error("the answer for `{0}` needs one of `url`, `command`, `answer`, or `tools` alone")]
    Arms(String),
    /// The URL leads away from this machine.
    #[error("`{0}` is not an http URL on loopback, and the stand-in reaches nothing else")]
    Url(String),
    /// There is no program to run.
    #[error("the command for `{0}` is empty")]
    Command(String),
    /// The resource is neither an ARN nor an endpoint.
    #[error("an answer needs a `resource`: the ARN or endpoint in whose place it answers")]
    Resource,
}

impl Answer {
    /// Reads a list of answers: JSON, the members of this structure.
    pub fn list(json: &[u8]) -> Result<Vec<Self>, AnswerError> {
        let answers: Vec<Self> = serde_json::from_slice(json)?;
        answers.iter().try_for_each(Self::check)?;
        Ok(answers)
    }

    fn check(&self) -> Result<(), AnswerError> {
        if self.resource.is_empty() {
            return Err(AnswerError::Resource);
        }
        let arms = [self.url.is_some(), self.command.is_some(), self.answer.is_some()];
        match arms.iter().filter(|arm| **arm).count() {
            1 => {}
            0 if self.tools.is_some() => {}
            _ => return Err(AnswerError::Arms(self.resource.clone())),
        }
        if let Some(url) = self.url.as_ref().filter(|url| !loopback::is_reachable(url)) {
            return Err(AnswerError::Url(url.clone()));
        }
        match &self.command {
            Some(command) if command.is_empty() => Err(AnswerError::Command(self.resource.clone())),
            _ => Ok(()),
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(PATIENCE))
    }
}

/// Everything that answers in the place of something else.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    told: Vec<Answer>,
    /// What servers on this machine list, by the endpoints in whose place they answer.
    listed: BTreeMap<String, Listed>,
}

/// What a server listed.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// When it was asked, in milliseconds since 1970.
    pub(super) at: u64,
    pub(super) tools: Vec<Value>,
}

impl Answers {
    pub(super) fn add(&mut self, answer: Answer) {
        self.listed.remove(answer.resource.trim_end_matches('/'));
        self.told.retain(|known| known.resource != answer.resource || known.tool != answer.tool);
        self.told.push(answer);
    }

    /// The tools of a server, as they were told or else as it lists them.
    pub(super) fn tools(&self, resource: &str) -> Option<&[Value]> {
        let told = self.find(resource, None).and_then(|answer| answer.tools.as_deref());
        told.or_else(|| self.listed(resource).map(|listed| listed.tools.as_slice()))
    }

    /// What a server listed when it was last asked.
    pub(super) fn listed(&self, resource: &str) -> Option<&Listed> {
        self.listed.get(resource.trim_end_matches('/'))
    }

    /// Keeps what a server lists. Says whether that is news.
    pub(super) fn learn(&mut self, resource: &str, listed: Listed) -> bool {
        let news = self.listed(resource).is_none_or(|known| known.tools != listed.tools);
        self.listed.insert(resource.trim_end_matches('/').to_owned(), listed);
        news
    }

    /// What answers for a resource: what was set for this very tool, else what was set for all of it.
    pub(super) fn find(&self, resource: &str, tool: Option<&str>) -> Option<&Answer> {
        let same = |answer: &&Answer| answer.resource.trim_end_matches('/') == resource.trim_end_matches('/');
        let own = |answer: &&Answer| answer.tool.is_some() && answer.tool.as_deref() == tool;
        self.told
            .iter()
            .filter(same)
            .find(own)
            .or_else(|| self.told.iter().filter(same).find(|answer| answer.tool.is_none()))
    }
}

/// An invocation as Lambda has it: an event, and what stands in the client's context.
pub(super) struct Event {
    pub(super) body: Value,
    pub(super) context: Value,
}

/// Lets what stands for a function handle an event.
///
/// Fails, in words, if it cannot be reached, runs too long, fails itself, or answers no JSON.
pub(super) async fn invoke(answer: &Answer, event: Event) -> Result<Value, String> {
    if let Some(canned) = &answer.answer {
        return Ok(canned.clone());
    }
    let output = match (&answer.url, &answer.command) {
        (Some(url), _) => post(url, event, answer.patience()).await?,
        (None, Some(command)) => run(command.clone(), event, answer.patience()).await?,
        (None, None) => return Err(format!("nothing answers for {}, only its tools were told", answer.resource)),
    };
    serde_json::from_slice(&output).map_err(|error| format!("the answer is not JSON: {error}"))
}

/// Invokes as the Lambda API does, so that Lambda's own emulator of its runtime can be at the other end.
async fn post(url: &str, event: Event, patience: Duration) -> Result<Bytes, String> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-amz-client-context", STANDARD.encode(event.context.to_string()))
        .body(Bytes::from(event.body.to_string()))
        .map_err(|error| error.to_string())?;
    let response = loopback::send(request, patience).await?;
    let failed = response.headers().contains_key("x-amz-function-error");
    if response.status().is_success() && !failed {
        return Ok(response.into_body());
    }
    let (status, body) = (response.status(), String::from_utf8_lossy(response.body()).into_owned());
    Err(format!("{url} answered {status}: {body}"))
}

/// Runs a command in a thread of its own.
pub(super) async fn run(command: Vec<String>, event: Event, patience: Duration) -> Result<Bytes, String> {
    let run = tokio::task::spawn_blocking(move || run_now(&command, &event, patience));
    run.await.map_err(|error| error.to_string())?
}

fn run_now(command: &[String], event: &Event, patience: Duration) -> Result<Bytes, String> {
    let [program, arguments @ ..] = command else { return Err("the command is empty".to_owned()) };
    let told = |error: std::io::Error| format!("`{program}`: {error}");
    let mut command = Command::new(program);
    // A group of its own: what the command starts is ended with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command
        .args(arguments)
        .env("LAMBDA_CLIENT_CONTEXT", event.context.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(told)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(format!("`{program}` has no standard input or output"));
    };
    let body = event.body.to_string();
    // A command that does not read its input is no failure.
    std::thread::spawn(move || _ = stdin.write_all(body.as_bytes()));
    let (said, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.take(LIMIT).read_to_end(&mut output).map(|_| output);
        _ = said.send(read);
    });
    let deadline = Instant::now() + patience;
    let output = output.recv_timeout(patience).ok();
    // What the command started may still write when the command itself has ended.
    let until = if output.is_some() { Some(deadline) } else { None };
    let status = end(&mut child, until).map_err(told)?;
    match (output, status) {
        (Some(output), Some(status)) if status.success() => output.map(Bytes::from).map_err(told),
        (_, Some(status)) => Err(format!("`{program}` ended with {status}")),
        (_, None) => Err(format!("`{program}` did not end within {} s and was ended", patience.as_secs())),
    }
}

/// Waits for a command until a moment, then ends it with all that it started. None: it had to be ended.
fn end(child: &mut Child, deadline: Option<Instant>) -> std::io::Result<Option<std::process::ExitStatus>> {
    while let Some(deadline) = deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    // It has not been waited for, so the group is still its own.
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
