//! How a command ends: the exit codes, and the failures that lead to them.

use std::process::{ExitCode, Termination};

use localstack::StateError;

use crate::aws::{CallError, ConnectError};
use crate::engine::EngineError;

/// The exit codes. Scripts depend on them: they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, nothing wrong.
    Done = 0,
    /// Something failed.
    Failed = 1,
    /// Changes are pending; only `plan --detailed-exitcode` says so.
    Changes = 2,
    /// The manifest was refused.
    Refused = 3,
    /// A guard refused: an open risk, a protected or foreign object, the wrong account.
    Guard = 4,
    /// The live account allows what the manifest does not.
    Exposed = 5,
    /// Wrong usage.
    Usage = 64,
    /// Interrupted, after what was in hand had settled.
    Interrupted = 130,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// Why a command stopped: what is wrong, what to do next, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// Empty if it was said already.
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None }
    }

    /// Everything was said already.
    pub(super) fn told(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::Busy { .. } => Self::new(Exit::Guard, error.to_string())
                .help("wait until it has ended, or name another file: `--local=FILE`"),
            StateError::Changed { .. } => Self::new(Exit::Guard, error.to_string()),
            _ => Self::new(Exit::Failed, error.to_string()),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let failure = Self::new(Exit::Failed, error.to_string());
        match &error {
            ConnectError::NoRegion => failure,
            ConnectError::NoProfile { .. } => failure.help(
                "name one of theirs, or make it with `aws configure sso`; AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name other files",
            ),
            ConnectError::BadEndpoint(_) => Self::new(Exit::Usage, error.to_string()),
            ConnectError::Identity(call) => match next_step(call) {
                Some(help) => failure.help(help),
                None => failure,
            },
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::WrongAccount { .. } | EngineError::NotExpired(_) => Self::new(Exit::Guard, error.to_string()),
            EngineError::Lease(lease) => {
                let exit = if lease.is_refusal() { Exit::Guard } else { Exit::Failed };
                Self::new(exit, format!("{lease}; nothing was changed")).help(lease.help())
            }
            EngineError::OtherSource(other) => Self::new(Exit::Guard, other.to_string()).help(other.help()),
            EngineError::ChangedSincePlan(_) => {
                Self::new(Exit::Guard, error.to_string()).help("run the same command again, and look at the new plan")
            }
            EngineError::Expired(_) => {
                Self::new(Exit::Failed, error.to_string()).help("log in again, then run the same command again")
            }
            EngineError::UnknownAddress { ref nearest, .. } => {
                let failure = Self::new(Exit::Usage, error.to_string());
                match nearest {
                    Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
                    None => failure.help("`gatewright check --expand` shows every address of the manifest"),
                }
            }
            EngineError::Unread(_) => Self::new(Exit::Failed, error.to_string()),
        }
    }
}

/// What a person can do about a call that failed before anything else could be tried.
fn next_step(call: &CallError) -> Option<&'static str> {
    if call.message.contains("credential") {
        return Some("log in (`aws sso login`), set AWS_PROFILE or pass `--profile`; `--local` needs no account");
    }
    match call.code.as_deref() {
        Some("ExpiredToken" | "ExpiredTokenException") => Some("the credentials have expired: log in again"),
        Some("SignatureDoesNotMatch" | "InvalidSignatureException") if call.message.contains("scoped to") => Some(
            "the endpoint is one of another region: check `--endpoint-url`, `--region` and the manifest's `region`",
        ),
        Some("InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch") => {
            Some("the account does not know these credentials: check AWS_PROFILE and AWS_ACCESS_KEY_ID")
        }
        Some("AccessDenied" | "AccessDeniedException") => Some("ask for this permission, or use another profile"),
        None if call.unanswered && !call.is_foreign() => {
            Some("no whole answer came: check the network, `--endpoint-url` and `--region`")
        }
        _ => None,
    }
}
