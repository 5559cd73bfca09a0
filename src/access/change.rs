//! Changes of access: who can call what before and after, tool by tool.
//!
//! Both sides are gateways as callers meet them (`side`), and are compared tool by tool (`compared`). What is the same on both, text
//! by text, is not looked at. The callers are those of the manifest, and tokens that come near what the policies compare with (`trial`):
//! this tests. A solver proves (`proofs`).

use std::collections::BTreeSet;

use super::Access;
use super::compared::Compared;
use super::prove::{Prover, Solver};
use super::verdict::Cell;
use crate::address::Address;

/// What becomes of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// There was no gateway before.
    New,
    /// More calls go through.
    Widened,
    /// Other calls go through.
    Both,
    /// Nobody can tell.
    Unknown,
    /// Fewer calls go through.
    Narrowed,
    /// The same calls go through, though the policies are others.
    Equivalent,
}

/// How an effect was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It holds for every token and input.
    Proved,
    /// So many tokens were tried.
    Tested(usize),
    /// It was not found out.
    Unknown,
}

/// Who a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A caller of the manifest, by its name.
    Caller(String),
    /// Callers that the manifest does not describe.
    Others(String),
}

/// Why an access changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The gateway lets others in.
    Door,
    /// Its policies count otherwise than before.
    Mode,
    /// The caller's token is another one.
    Caller,
    /// The tool comes or goes, with this target.
    Tool(Address),
    /// Policies: those that permit after, and those that forbade before.
    Policies(Vec<Address>),
}

/// A change of access.
#[derive(Debug, Clone)]
pub struct Change {
    /// The gateway.
    pub gateway: Address,
    /// Who.
    pub who: Who,
    /// The tool, `target/tool`; those that a target may have one day are `target/**`, those of targets to come `**`.
    pub tool: String,
    /// What becomes of it.
    pub effect: Effect,
    /// Before; nothing where there was no gateway, no such tool or no such caller.
    pub before: Option<Cell>,
    /// After, likewise.
    pub after: Option<Cell>,
    /// How it was found.
    pub how: How,
    /// A token and an input for which the answers differ.
    pub witness: Option<String>,
    /// They differ only in some sessions, or as a guardrail says.
    pub depends: bool,
    /// Why.
    pub cause: Cause,
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What changes, by gateway, tool and caller.
    pub changes: Vec<Change>,
    /// Policies that are proved to let nobody through by their change.
    pub cleared: BTreeSet<Address>,
    /// What went wrong with the solver.
    pub trouble: Option<String>,
}

/// Compares two states of a stack, with a solver where there is one. Policies may go deep, and the solver has a runtime of its own:
/// this wants a thread with room, outside of any other runtime.
pub fn compare(before: &Access<'_>, after: &Access<'_>, solver: Option<&Solver>) -> Comparison {
    let mut prover = solver.and_then(Prover::new);
    let mut comparison = Comparison::default();
    let mut suspects = BTreeSet::new();
    let gateways = after.gateways.iter().chain(&before.gateways).map(|gateway| &gateway.resource.address);
    let mut seen = BTreeSet::new();
    for address in gateways.filter(|address| seen.insert(*address)) {
        let compared = Compared::of(address, before, after);
        let (clear, suspect) = compared.changes(prover.as_mut(), &mut comparison.changes);
        comparison.cleared.extend(clear);
        suspects.extend(suspect);
    }
    comparison.cleared.retain(|policy| !suspects.contains(policy));
    comparison.trouble = prover.and_then(|prover| prover.trouble);
    comparison
}
