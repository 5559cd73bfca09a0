//! Faults on purpose: the nth call of an operation is refused, lost or garbled.

use crate::journal::is_mutating;

/// A fault to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation it hits; none: any call that may change something.
    pub operation: Option<String>,
    /// Which call it hits first, counted from 1 when the fault is set.
    pub nth: usize,
    /// How many calls in a row it hits.
    pub times: usize,
    /// What happens.
    pub kind: FaultKind,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// It is refused and nothing is changed.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error's code.
        code: String,
        /// The message.
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
}
