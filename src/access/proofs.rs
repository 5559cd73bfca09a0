//! What is proved about a gateway before and after: tool by tool, whether policies let more through or less.
//!
//! The proof is about the policies and holds for every token, those that no issuer gives out too. So it says something only where
//! policies decide on both sides, and the same callers come in.

use std::collections::BTreeSet;

use cedar_policy::{ActionConstraint, Policy, Schema};

use super::authorizer::Door;
use super::gateway::{Gateway, Mode, ToolAt};
use super::guard::{Guard, schema};
use super::prove::{Answer, Prover, Question};
use crate::address::Address;

/// What is proved of a tool.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Whether every call that goes through after went through before.
    pub(super) widens: Answer,
    /// Whether every call that went through before goes through after.
    pub(super) narrows: Answer,
}

impl Proof {
    pub(super) fn widens_nothing(&self) -> bool {
        self.widens == Answer::Implied
    }

    pub(super) fn narrows_nothing(&self) -> bool {
        self.narrows == Answer::Implied
    }
}

/// A gateway on both sides, as far as proofs go.
pub(super) struct Proofs<'a> {
    sides: [&'a Guard<'a>; 2],
    schema: Schema,
    principal: &'static str,
    tools: BTreeSet<String>,
}

impl<'a> Proofs<'a> {
    /// Nothing where no proof would say anything.
    pub(super) fn of(before: Option<&'a Gateway<'a>>, after: Option<&'a Gateway<'a>>) -> Option<Self> {
        let (before, after) = (before?, after?);
        let decides = |gateway: &Gateway<'_>| gateway.is_known() && gateway.mode == Mode::Enforce;
        let sides = [before.guard.as_ref()?, after.guard.as_ref()?];
        let [old, new] = sides;
        if !decides(before) || !decides(after) || before.door != after.door || old.gateway() != new.gateway() {
            return None;
        }
        let principal = match after.door {
            Door::Jwt(_) => "OAuthUser",
            Door::Iam | Door::Signed => "IamEntity",
            Door::Open => "UnauthenticatedUser",
            Door::Unknown => return None,
        };
        let mut tools = BTreeSet::new();
        let actions = after.tools.iter().chain(&before.tools).map(|tool| &tool.action);
        let actions: Vec<_> = actions.filter(|action| tools.insert(action.id())).cloned().collect();
        Some(Self { sides, schema: schema(&actions)?, principal, tools })
    }

    /// Policies that are about more than the tools there are: about those to come, or those that nobody knows.
    pub(super) fn about_more(&self) -> BTreeSet<Address> {
        let known = |action: &cedar_policy::EntityUid| self.tools.contains(action.id().unescaped());
        let more = |policy: &Policy| match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(action) => !known(&action),
            ActionConstraint::In(actions) => !actions.iter().all(known),
        };
        let rules = self.sides.iter().flat_map(|guard| &guard.rules);
        rules.filter(|rule| more(&rule.policy)).map(|rule| rule.resource.address.clone()).collect()
    }

    /// What is proved of a tool that is there before and after.
    pub(super) fn prove(&self, prover: &mut Prover, before: Option<&ToolAt>, after: Option<&ToolAt>) -> Proof {
        let (Some(before), Some(after)) = (before, after) else { return Proof::default() };
        let action = after.action.id();
        let [old, new] = self.sides.map(|guard| guard.about(&action).collect::<Vec<_>>());
        if before.action != after.action || old.iter().chain(&new).any(|rule| rule.opaque) {
            return Proof::default();
        }
        let [old, new] = [old, new].map(|rules| rules.into_iter().map(|rule| &rule.policy).collect::<Vec<_>>());
        let [_, guard] = self.sides;
        let question =
            Question { schema: &self.schema, principal: self.principal, action: &action, gateway: guard.gateway() };
        Proof { widens: prover.implies(&question, &new, &old), narrows: prover.implies(&question, &old, &new) }
    }
}
