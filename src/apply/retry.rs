//! Retry by cause: which refusals pass by themselves. Anything else stops the step.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::aws::{Answer, CallError};

/// How long a refusal that passes by itself is waited for (Terraform's budget, service.md §1.9).
const BUDGET: Duration = Duration::from_mins(2);

/// Refusals that pass when IAM has spread or an object has come to rest: code, and a part of the message.
const PASSING: &[(&str, &str)] = &[
    ("ValidationException", "Role validation failed"),
    ("ValidationException", "Access denied while validating ECR URI"),
    ("ValidationException", "Gateway execution role lacks permission"),
    ("ValidationException", "Access denied while calling GetPolicyEngine"),
    ("AccessDeniedException", "Access denied while calling GetPolicyEngine"),
    ("ValidationException", "transitional state"),
    ("ConflictException", "transitional state"),
    ("ConflictException", "UPDATING"),
    ("ConflictException", "recently deleted"),
    ("ConcurrentModificationException", ""),
    // Nothing was made: a create of Cognito, which runs without the SDK's retries, is repeated safely.
    ("TooManyRequestsException", ""),
    ("ThrottlingException", ""),
    // A domain that was just deleted refuses its re-creation for up to a minute (service.md §0b).
    ("InternalErrorException", "Internal error reported from downstream service"),
    ("InvalidParameterException", "Internal error reported from downstream service"),
];

/// Reasons of a failed policy that pass: the tools of a target are not in the schema yet (service.md §0b, cedar.md §1.6).
const PASSING_REASONS: &[&str] =
    &["unable to find", "unrecognized action", "An internal error occurred during creation"];

/// The refusal passes by itself.
pub(super) fn passes(error: &CallError) -> bool {
    PASSING.iter().any(|(code, part)| error.is(code) && error.message.contains(part))
}

/// The parent still counts a child whose deletion has ended: its listing no longer shows it (emulators.md §2).
pub(super) fn still_counts_children(error: &CallError) -> bool {
    let refusal =
        error.is("ValidationException") || error.is("ConflictException") || error.is("InvalidParameterException");
    let words = ["has targets", "has policies", "associated with", "attached", "in use", "domain configured"];
    refusal && words.iter().any(|word| error.message.contains(word))
}

/// The failed policy may become active when it is made again.
pub(super) fn reason_passes(reasons: &str) -> bool {
    PASSING_REASONS.iter().any(|part| reasons.contains(part))
}

/// The service refuses a policy for what its analysis finds, not for what it says.
pub(super) fn is_finding(reasons: &str) -> bool {
    let reasons = reasons.to_lowercase();
    ["overly restrictive", "overly permissive", "finding"].iter().any(|part| reasons.contains(part))
}

/// A budget of patience with growing pauses.
pub(super) struct Patience {
    deadline: Instant,
    pause: Duration,
}

impl Patience {
    /// Starts now.
    pub(super) fn new() -> Self {
        Self { deadline: Instant::now() + BUDGET, pause: Duration::from_millis(250) }
    }

    /// Waits before another try; false when patience is at its end.
    pub(super) async fn wait(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(10));
        true
    }
}

/// Repeats a call while its refusal passes by itself.
pub(super) async fn patiently<F>(call: impl Fn() -> F, also: impl Fn(&CallError) -> bool) -> Answer
where
    F: Future<Output = Answer>,
{
    let mut patience = Patience::new();
    loop {
        match call().await {
            Err(error) if (passes(&error) || also(&error)) && patience.wait().await => {}
            answer => return answer,
        }
    }
}
