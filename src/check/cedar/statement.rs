//! A policy that could be read, with everything the lints ask about it.

use std::collections::BTreeSet;

use cedar_policy::{ActionConstraint, Effect, Policy, PrincipalConstraint, ResourceConstraint};
use serde_json::Value;

use super::place::Text;
use super::tools::Guarded;
use crate::address::Address;
use crate::reference::{Target, references};
use crate::stack::Resource;

/// The type of a caller who sent a token.
pub(in crate::check) const TOKEN_HOLDER: &str = "AgentCore::OAuthUser";

/// The type of a caller who signed the request.
pub(in crate::check) const SIGNER: &str = "AgentCore::IamEntity";

/// One readable policy.
pub(in crate::check) struct Statement<'a> {
    pub(in crate::check) text: Text<'a>,
    pub(in crate::check) policy: Policy,
    /// The policy in Cedar's JSON form.
    pub(in crate::check) form: Value,
    /// It names no gateway of another engine.
    pub(in crate::check) ours: bool,
    /// No call can match it, as far as was found.
    pub(in crate::check) idle: bool,
    /// Nothing was found in it that the service would refuse.
    pub(in crate::check) sound: bool,
}

/// The policies of one engine and what they decide about.
pub(in crate::check) struct Engine<'a> {
    pub(in crate::check) resource: &'a Resource,
    pub(in crate::check) guarded: Guarded<'a>,
    /// The policies that could be read.
    pub(in crate::check) statements: Vec<Statement<'a>>,
    /// Every policy, readable or not.
    pub(in crate::check) policies: Vec<&'a Resource>,
    /// Nothing was found in any policy that the service would refuse.
    pub(in crate::check) clean: bool,
}

impl Engine<'_> {
    /// Every policy was read, and none is refused: what the engine decides is known.
    pub(in crate::check) fn is_known(&self) -> bool {
        self.clean && self.statements.len() == self.policies.len()
    }

    /// The policies that only the service can read.
    pub(in crate::check) fn unread(&self) -> impl Iterator<Item = &Resource> {
        let read: BTreeSet<&Address> = self.statements.iter().map(|statement| statement.text.address()).collect();
        self.policies.iter().copied().filter(move |policy| !read.contains(&policy.address))
    }

    /// Somebody else made the engine, and may have given it other policies and gateways.
    pub(in crate::check) fn is_foreign(&self) -> bool {
        self.resource.existing.is_some() || self.resource.adopt.is_some()
    }
}

impl Statement<'_> {
    pub(in crate::check) fn is_permit(&self) -> bool {
        self.policy.effect() == Effect::Permit
    }

    /// The ids of the actions and groups that its scope names; nothing means every action.
    pub(in crate::check) fn actions(&self) -> Option<BTreeSet<String>> {
        let id = |uid: &cedar_policy::EntityUid| uid.id().unescaped().to_owned();
        match self.policy.action_constraint() {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(uid) => Some(BTreeSet::from([id(&uid)])),
            ActionConstraint::In(uids) => Some(uids.iter().map(id).collect()),
        }
    }

    /// The only type of caller that its scope lets through, if it says so.
    pub(in crate::check) fn caller_type(&self) -> Option<String> {
        match self.policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => None,
            PrincipalConstraint::Is(kind) | PrincipalConstraint::IsIn(kind, _) => Some(kind.to_string()),
            PrincipalConstraint::Eq(uid) => Some(uid.type_name().to_string()),
        }
    }

    /// The gateway of the manifest that its scope names.
    pub(in crate::check) fn gateway(&self) -> Option<Address> {
        let ResourceConstraint::Eq(uid) = self.policy.resource_constraint() else { return None };
        references(&Value::String(uid.id().unescaped().to_owned())).into_iter().find_map(|found| match found.target {
            Target::Output(address, _) => Some(address),
            _ => None,
        })
    }

    /// Its scope covers an action of a target.
    pub(in crate::check) fn covers(&self, target: &str, action: &str) -> bool {
        self.actions().is_none_or(|actions| {
            [action, target, "CallTool", "Mcp"].iter().any(|covering| actions.contains(*covering))
        })
    }

    /// How the policy is created: findings of the service refuse it unless it says otherwise.
    pub(in crate::check) fn fails_on_findings(&self) -> bool {
        self.text.member("validationMode") != Some("IGNORE_ALL_FINDINGS")
    }

    /// The policy takes part in decisions.
    pub(in crate::check) fn is_active(&self) -> bool {
        self.text.member("enforcementMode") != Some("LOG_ONLY")
    }
}
