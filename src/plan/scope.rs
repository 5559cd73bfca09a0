//! Scope: how much of what the manifest says a plan is about.

use super::item::Item;
use super::items::Items;
use super::{Action, Extent, LeftOut, PlanDiagnostic, close, only};
use crate::access::prove::Solver;
use crate::address::Address;
use crate::manifest::nearest::nearest;
use crate::observe::Observed;
use crate::stack::{Date, Stack};

/// What is asked of a plan beside what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// How much of the manifest it is about.
    pub scope: Scope,
    /// The day on which decisions have to hold, in UTC.
    pub today: Date,
    /// The stack's time to live begins again.
    pub renew: bool,
    /// What proves who can call what; without it tokens are tried.
    pub solver: Option<Solver>,
}

impl Default for Asked {
    fn default() -> Self {
        Self { scope: Scope::All, today: Date::today(), renew: false, solver: None }
    }
}

/// How much of the manifest a plan is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    #[default]
    All,
    /// Steps that narrow access.
    Close,
    /// The steps of these addresses, and what they need.
    Only(Vec<String>),
}

impl Scope {
    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::All => Extent::All,
            Self::Close => Extent::Close,
            Self::Only(_) => Extent::Only,
        }
    }

    /// An address of [`Scope::Only`] that is neither in the manifest nor live, with the nearest one that is.
    pub(crate) fn unknown(&self, stack: &Stack, observed: &Observed) -> Option<(String, Option<String>)> {
        let Self::Only(addresses) = self else { return None };
        let known: Vec<String> = stack
            .resources
            .iter()
            .map(|resource| &resource.address)
            .chain(observed.ours.keys())
            .map(ToString::to_string)
            .collect();
        let unknown = addresses.iter().find(|address| !known.contains(address))?;
        let meant = nearest(unknown, known.iter().map(String::as_str)).map(ToOwned::to_owned);
        Some((unknown.clone(), meant))
    }
}

/// Leaves out what was not asked for: such items count as being as they should be.
pub(super) fn restrict(
    stack: &Stack,
    asked: &Asked,
    items: &mut Items,
    observed: &Observed,
    diagnostics: &mut Vec<PlanDiagnostic>,
) -> Vec<LeftOut> {
    match &asked.scope {
        Scope::All => Vec::new(),
        Scope::Close => close::restrict(stack, items, observed, asked.solver.as_ref(), diagnostics),
        Scope::Only(addresses) => {
            let addresses = addresses.iter().filter_map(|address| Address::parse(address)).collect();
            only::restrict(items, addresses, diagnostics)
        }
    }
}

/// Leaves an item out.
pub(super) fn leave_out(item: &mut Item, reason: Option<String>) -> LeftOut {
    let left_out = LeftOut { address: item.address.to_string(), action: item.action, reason };
    item.action = Action::NoOp;
    item.differences.clear();
    item.reason = None;
    item.blocked = None;
    left_out
}

/// What stands in the way of steps that are left out is nobody's concern; what could not be read is.
pub(super) fn keep_concerns(diagnostics: &mut Vec<PlanDiagnostic>, left_out: &[LeftOut]) {
    diagnostics.retain(|found| {
        let left = |address: &String| left_out.iter().any(|left| left.address == *address);
        found.code == "plan::unread" || !found.address.as_ref().is_some_and(left)
    });
}
