//! Verdicts: what an evaluation of policies says of calls.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, PolicySet};

use crate::address::Address;

/// How often a tool may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// With no input.
    Never,
    /// It depends on the input, or on what Cedar cannot say before the call.
    Sometimes,
    /// With every input.
    Always,
}

impl Cell {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Sometimes => "sometimes",
            Self::Always => "always",
        }
    }
}

/// What the policies say about a caller and a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub cell: Cell,
    /// The permits and forbids that hold.
    pub holding: Vec<(Effect, Address)>,
    /// Those that depend on the input.
    pub depending: Vec<(Effect, Address)>,
}

/// What an evaluation with an input says.
pub(super) fn of_response(policies: &PolicySet, response: &cedar_policy::Response) -> Verdict {
    let mut sum = Sum::default();
    for id in response.diagnostics().reason() {
        let forbids = policies.policy(id).is_some_and(|policy| policy.effect() == Effect::Forbid);
        sum.holding.insert((forbids, id.to_string()));
    }
    sum.verdict()
}

/// Policies that hold or depend, each with whether it forbids.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) holding: BTreeSet<(bool, String)>,
    pub(super) depending: BTreeSet<(bool, String)>,
}

impl Sum {
    /// Takes from some policies that they hold: they only may.
    pub(super) fn doubt(&mut self, policies: &BTreeMap<String, String>) {
        let (doubted, sure) =
            std::mem::take(&mut self.holding).into_iter().partition(|(_, id)| policies.contains_key(id));
        self.holding = sure;
        self.depending.extend::<BTreeSet<_>>(doubted);
    }

    pub(super) fn verdict(&self) -> Verdict {
        let any = |set: &BTreeSet<(bool, String)>, forbids: bool| set.iter().any(|(other, _)| *other == forbids);
        let cell = if any(&self.holding, true) {
            Cell::Never
        } else if any(&self.holding, false) {
            if any(&self.depending, true) { Cell::Sometimes } else { Cell::Always }
        } else if any(&self.depending, false) {
            Cell::Sometimes
        } else {
            Cell::Never
        };
        let named = |set: &BTreeSet<(bool, String)>| {
            let rules = set.iter().filter_map(|(forbids, id)| {
                Some((if *forbids { Effect::Forbid } else { Effect::Permit }, Address::parse(id)?))
            });
            rules.collect()
        };
        Verdict { cell, holding: named(&self.holding), depending: named(&self.depending) }
    }
}
