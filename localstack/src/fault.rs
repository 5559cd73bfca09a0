//! Faults on purpose: the nth call of an operation is refused, lost or garbled.

use model::Api;
use serde::Deserialize;

use crate::cognito::user_pool_endpoint;
use crate::data_plane;
use crate::journal::is_mutating;

/// A fault to happen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The operation it hits; none: any call that may change something.
    #[serde(default)]
    pub operation: Option<String>,
    /// Which call it hits first, counted from 1 when the fault is set.
    #[serde(default = "one")]
    pub nth: usize,
    /// How many calls in a row it hits.
    #[serde(default = "one")]
    pub times: usize,
    /// What happens.
    #[serde(rename = "outcome")]
    pub kind: FaultKind,
}

fn one() -> usize {
    1
}

/// A fault script that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// It is not JSON, or not a list of faults.
    #[error("not a list of faults: {0}")]
    Shape(String),
    /// No service has such an operation.
    #[error("no operation is called `{0}`")]
    Operation(String),
    /// Calls and repetitions are counted from 1.
    #[error("`nth` and `times` count from 1")]
    Count,
    /// A refusal with this status would not be one.
    #[error("`{0}` is no status of a refusal, it has to be between 400 and 599")]
    Status(u16),
}

impl Fault {
    /// Reads a list of faults from JSON:
    /// `[{"operation": "CreateGateway", "nth": 1, "times": 1, "outcome": "lose-answer"}]`.
    pub fn list(json: &[u8]) -> Result<Vec<Self>, FaultError> {
        let faults: Vec<Self> = serde_json::from_slice(json).map_err(|error| FaultError::Shape(error.to_string()))?;
        for fault in &faults {
            fault.check()?;
        }
        Ok(faults)
    }

    fn check(&self) -> Result<(), FaultError> {
        if let Some(name) = &self.operation
            && name != "GetCallerIdentity"
            && !data_plane::OPERATIONS.contains(&name.as_str())
            && !user_pool_endpoint::OPERATIONS.iter().any(|(known, _)| known == name)
            && [Api::agentcore(), Api::cognito()].iter().all(|api| api.operation(name).is_none())
        {
            return Err(FaultError::Operation(name.clone()));
        }
        if self.nth == 0 || self.times == 0 {
            return Err(FaultError::Count);
        }
        match &self.kind {
            FaultKind::Refuse { status, .. } if !(400..600).contains(status) => Err(FaultError::Status(*status)),
            _ => Ok(()),
        }
    }
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// It is refused and nothing is changed.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error's code.
        code: String,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// It is done, but the connection drops before the answer.
    LoseAnswer,
    /// The connection drops before anything is done.
    Drop,
    /// It is done, and the answer is 200 with an HTML page.
    NotJson,
    /// It is accepted, and the object ends in its failed status for this reason.
    Unsuccessful {
        /// The status reason.
        reason: String,
    },
}

/// The faults that are set, each with the calls it has seen.
#[derive(Default)]
pub(crate) struct Faults(Vec<(Fault, usize)>);

impl Faults {
    pub(crate) fn set(&mut self, fault: Fault) {
        self.0.push((fault, 0));
    }

    /// Counts a call and says what happens to it. Every fault counts; the first that was set wins.
    pub(crate) fn strike(&mut self, operation: &str) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, seen) in &mut self.0 {
            let hits = match &fault.operation {
                Some(name) => name == operation,
                None => is_mutating(operation),
            };
            if hits {
                *seen += 1;
                if *seen >= fault.nth && *seen - fault.nth < fault.times && struck.is_none() {
                    struck = Some(fault.kind.clone());
                }
            }
        }
        self.0.retain(|(fault, seen)| *seen < fault.nth.saturating_add(fault.times).saturating_sub(1));
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_the_calls_it_names_and_no_others() {
        let mut faults = Faults::default();
        let kind = FaultKind::Drop;
        faults.set(Fault { operation: Some("CreateGateway".into()), nth: 2, times: 2, kind: kind.clone() });
        let hits: Vec<bool> = (0..5).map(|_| faults.strike("CreateGateway").is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
        faults.set(Fault { operation: None, nth: 1, times: 1, kind });
        assert_eq!(faults.strike("GetGateway"), None);
        assert_eq!(faults.strike("DeletePolicy"), Some(FaultKind::Drop));
        assert_eq!(faults.strike("DeletePolicy"), None);
    }

    #[test]
    fn a_script_of_faults_says_when_and_what() {
        let script = br#"[
            {"operation": "CreateGateway", "nth": 2, "times": 3, "outcome": {"refuse": {"status": 429, "code": "ThrottlingException"}}},
            {"outcome": "lose-answer"}, {"outcome": "drop"}, {"outcome": "not-json"},
            {"operation": "CreateUserPool", "outcome": {"unsuccessful": {"reason": "no luck"}}}
        ]"#;
        let faults = Fault::list(script).unwrap();
        let refuse = FaultKind::Refuse { status: 429, code: "ThrottlingException".to_owned(), message: String::new() };
        assert_eq!(faults[0], Fault { operation: Some("CreateGateway".to_owned()), nth: 2, times: 3, kind: refuse });
        assert_eq!(faults[1], Fault { operation: None, nth: 1, times: 1, kind: FaultKind::LoseAnswer });
        let kinds: Vec<_> = faults[2..].iter().map(|fault| fault.kind.clone()).collect();
        let unsuccessful = FaultKind::Unsuccessful { reason: "no luck".to_owned() };
        assert_eq!(kinds, [FaultKind::Drop, FaultKind::NotJson, unsuccessful]);
    }

    #[test]
    fn a_script_that_would_do_nothing_is_refused() {
        for (script, words) in [
            (r#"{"outcome": "drop"}"#, "list of faults"),
            (r#"[{"outcome": "explode"}]"#, "explode"),
            (r#"[{"operation": "MakeGateway", "outcome": "drop"}]"#, "`MakeGateway`"),
            (r#"[{"nth": 0, "outcome": "drop"}]"#, "count from 1"),
            (r#"[{"outcome": {"refuse": {"status": 200, "code": "Fine"}}}]"#, "`200`"),
            (r#"[{"when": 2, "outcome": "drop"}]"#, "`when`"),
        ] {
            let refused = Fault::list(script.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(words), "{script}: {refused}");
        }
    }
}
