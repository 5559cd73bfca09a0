//! Access in a plan: who gains or loses which tool by its steps, and which of that is a risk. Two [states](super::states) of the
//! stack are compared by [`crate::access::change`]: the account as it is, and as it will be when the plan was carried out.

use super::item::Item;
use super::items::Items;
use super::make::Towards;
use super::states::{KINDS, States, touched};
use super::{AccessChange, AccessEffect, PlanDiagnostic, Risk};
use crate::access::change::{Cause, Change, Comparison, Effect, How, Who, compare};
use crate::access::prove::Solver;
use crate::access::{Access, Cell, in_words};
use crate::address::Address;
use crate::check::deep::deep;
use crate::observe::Observed;
use crate::stack::Stack;

/// The access that a plan changes.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) comparison: Comparison,
    /// What changes access, where there was no room to compare it: nobody knows who gains what.
    pub(super) unknown: Option<Address>,
}

/// Compares what is with what the items lead to.
pub(super) fn changed(
    stack: &Stack,
    items: &Items,
    observed: &Observed,
    towards: Towards,
    solver: Option<&Solver>,
) -> Changed {
    let relevant = |item: &&Item| KINDS.contains(&item.kind.name) && item.changes();
    let changing = items.iter().filter(relevant);
    let gateways = touched(items, changing.map(|item| (item.kind, item.address.clone(), item.parent())));
    if towards == Towards::Nothing || gateways.is_empty() {
        return Changed::default();
    }
    let states = States { stack, items, observed, gateways };
    let (before, after) = (states.before(), states.after());
    // Live policies are as deep as whoever wrote them wanted.
    match deep(|| compare(&Access::of(&before), &Access::of(&after), solver)) {
        Some(comparison) => Changed { comparison, unknown: None },
        None => Changed { unknown: items.iter().find(relevant).map(|item| item.address.clone()), ..Changed::default() },
    }
}

impl Changed {
    /// What the plan says of it.
    pub(super) fn lines(&self) -> Vec<AccessChange> {
        self.comparison.changes.iter().map(line).collect()
    }

    /// A risk that the text of a policy suggests, and that is proved to be none.
    pub(super) fn clears(&self, risk: &Risk) -> bool {
        let cleared = |address: Address| self.comparison.cleared.contains(&address);
        risk.code == "access-widened" && Address::parse(&risk.address).is_some_and(cleared)
    }

    /// What went wrong with the solver.
    pub(super) fn trouble(&self) -> Option<PlanDiagnostic> {
        self.comparison.trouble.as_deref().map(solver_failed)
    }

    /// The risks in it: each caller that gains a tool, where no other risk says so already.
    pub(super) fn risks(&self, items: &Items, known: &[Risk]) -> Vec<Risk> {
        let has = |code: &str, address: &Address| {
            let address = address.to_string();
            known.iter().any(|risk| risk.code == code && risk.address == address)
        };
        let mut found = Vec::new();
        if let Some(address) = &self.unknown {
            found.push(Risk {
                code: "access-widened".to_owned(),
                address: address.to_string(),
                message: "who gains what is not known: no memory is left to compare the policies".to_owned(),
                accepted: false,
                decision: None,
                persona: None,
                tool: None,
            });
        }
        for change in
            self.comparison.changes.iter().filter(|change| matches!(change.effect, Effect::Widened | Effect::Both))
        {
            let Who::Caller(persona) = &change.who else { continue };
            let gateway = &change.gateway;
            let changing = |policy: &&Address| items.at(policy).is_some_and(Item::changes);
            let address = match &change.cause {
                Cause::Mode | Cause::Door => gateway.clone(),
                Cause::Tool(target) => target.clone(),
                Cause::Caller => client(items, persona).unwrap_or_else(|| gateway.clone()),
                Cause::Policies(policies) => policies.iter().find(changing).unwrap_or(gateway).clone(),
            };
            let covered = match &change.cause {
                // Who lets everybody in knows that.
                Cause::Mode => has("engine-detached", gateway) || has("enforcement-weakened", gateway),
                Cause::Door => has("authorizer-weakened", gateway),
                _ => has("forbid-removed", &address) || has("enforcement-weakened", &address),
            };
            if !covered {
                // The example stands beside the change itself.
                let message = gain(change);
                found.push(Risk {
                    code: "access-widened".to_owned(),
                    address: address.to_string(),
                    message,
                    accepted: false,
                    decision: None,
                    persona: Some(persona.clone()),
                    tool: Some(change.tool.clone()),
                });
            }
        }
        found
    }
}

/// The note about a solver that failed.
pub(super) fn solver_failed(trouble: &str) -> PlanDiagnostic {
    PlanDiagnostic {
        code: "plan::solver".into(),
        address: None,
        message: format!("the solver failed, and what it leaves open was tested only: {trouble}"),
        help: Some("look at what `CVC5` names, or at `cvc5` on the `PATH`".into()),
    }
}

fn client(items: &Items, name: &str) -> Option<Address> {
    items.of_kind("user_pool_client").map(|item| &item.address).find(|address| address.name == name).cloned()
}

/// What Cedar cannot tell.
const SESSION: &str = "a session or a guardrail";

/// What a caller gains, in words, with an example.
pub(super) fn sentence(change: &Change) -> String {
    let example = change.witness.as_ref().map(|witness| format!(", for example with {witness}")).unwrap_or_default();
    gain(change) + &example
}

/// What a caller gains, in words.
fn gain(change: &Change) -> String {
    let (Who::Caller(who) | Who::Others(who)) = &change.who;
    let can = if change.after == Some(Cell::Sometimes) { "can now sometimes call" } else { "can now call" };
    let depends = if change.depends { format!(", which depends on {SESSION}") } else { String::new() };
    format!("{who} {can} {}{depends}", in_words(&change.tool))
}

/// How often something can be called, in a word.
pub(super) fn word(cell: Option<Cell>) -> String {
    cell.map_or("never", Cell::word).to_owned()
}

fn line(change: &Change) -> AccessChange {
    let (Who::Caller(principal) | Who::Others(principal)) = &change.who;
    let (before, after) = match change.effect {
        Effect::New => ("no gateway".to_owned(), word(change.after)),
        Effect::Unknown => ("not known".to_owned(), "not known".to_owned()),
        Effect::Equivalent => ("as its policies say".to_owned(), "the same".to_owned()),
        _ => (word(change.before), word(change.after)),
    };
    let (how, tokens) = match change.how {
        How::Proved => ("proved", None),
        How::Tested(tokens) => ("tested", Some(tokens)),
        How::Unknown => ("unknown", None),
    };
    AccessChange {
        effect: match change.effect {
            Effect::New => AccessEffect::New,
            Effect::Widened => AccessEffect::Widened,
            Effect::Both => AccessEffect::Both,
            Effect::Unknown => AccessEffect::Unknown,
            Effect::Narrowed => AccessEffect::Narrowed,
            Effect::Equivalent => AccessEffect::Equivalent,
        },
        gateway: change.gateway.to_string(),
        principal: principal.clone(),
        tool: change.tool.clone(),
        before,
        after,
        how: how.to_owned(),
        tokens,
        witness: change.witness.clone(),
        depends_on: change.depends.then(|| SESSION.to_owned()),
    }
}
