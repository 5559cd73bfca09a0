//! Items: resources and what was decided about each.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::joint::joint;
use super::{Action, Origin};
use crate::address::Address;
use crate::diff::{Difference, same_statement};
use crate::kind::{Kind, statement_of};
use crate::manifest::cedar;
use crate::observe::Live;
use crate::ownership::{Membership, PROTECT, Tags};
use crate::reference::{Target, references};
use crate::secret::Places;
use crate::secret_version;
use crate::stack::Resource;

/// One resource and what was decided about it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: &'static Kind,
    /// What happens.
    pub action: Action,
    /// What the manifest says; nothing for an orphan.
    pub resource: Option<Resource>,
    /// The desired document, with what is known now filled in.
    pub desired: Value,
    /// The tags it should carry, ours included; empty for kinds without tags.
    pub tags: Tags,
    /// The live object.
    pub live: Option<Live>,
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// Where an adopted object differs from the manifest and stays as it is.
    pub unsaid: Vec<Difference>,
    /// Where the difference comes from.
    pub origin: Origin,
    /// Why, where the changes do not say it.
    pub reason: Option<String>,
    /// What keeps it from being done.
    pub blocked: Option<String>,
    /// The live gateway is locked.
    pub unlock: bool,
    /// The live gateway was never as a manifest says: the run that created it did not get to its end.
    pub unfinished: bool,
    /// What its tags remember of children of ours that are gone.
    pub forgets: Membership,
    /// Only what narrows access is sent: `desired` is the live object, narrowed towards what the manifest says.
    pub closing: bool,
}

impl Item {
    /// It belongs to somebody else: nothing is ever written to it but the tags that name our children in it.
    pub fn is_borrowed(&self) -> bool {
        let deleted = self.action == Action::Delete;
        self.resource.as_ref().map_or(!deleted, |resource| resource.existing.is_some())
    }

    /// The live name it has or will have.
    pub fn live_name(&self) -> &str {
        match (&self.resource, &self.live) {
            (_, Some(live)) if self.stays() => &live.name,
            (Some(resource), _) => resource.live_name().unwrap_or_default(),
            (None, Some(live)) => &live.name,
            (None, None) => "",
        }
    }

    /// It is taken over and stays as it is: only what is remembered about it is written.
    pub fn stays(&self) -> bool {
        self.live.is_some() && self.resource.as_ref().is_some_and(|resource| resource.adopt.is_some())
    }

    /// Somebody else writes this member of the live object; of a new one it is sent.
    pub fn leaves(&self, member: &str) -> bool {
        let unmanaged = |resource: &Resource| resource.unmanaged.iter().any(|unmanaged| unmanaged == member);
        !self.makes() && self.resource.as_ref().is_some_and(unmanaged)
    }

    /// Nothing of the live object changes: only what is remembered about it.
    pub fn is_remembered_only(&self) -> bool {
        matches!(self.action, Action::Move | Action::Adopt) || (self.action == Action::Update && self.stays())
    }

    /// It is not at its address yet, and what says so is written before anything else. What goes anyway needs it only where it
    /// is another stack's.
    pub fn is_claimed_first(&self) -> bool {
        let claim = self.live.as_ref().and_then(|live| live.claim.as_ref());
        self.is_remembered_only() || claim.is_some_and(|claim| self.action.keeps() || claim.is_of_others())
    }

    /// Its new self has another live name, so both can stand side by side.
    pub fn is_renamed(&self) -> bool {
        self.action == Action::Replace && self.live.as_ref().is_some_and(|live| live.name != self.live_name())
    }

    /// Its new self stands before the old one goes: a forbid leaves no gap, a gateway is never without an engine, and tools stay
    /// within reach.
    pub fn stands_beside_its_old_self(&self) -> bool {
        matches!(self.kind.name, "policy" | "policy_engine" | "gateway_target") && self.is_renamed()
    }

    /// It must not be deleted or replaced: the live object says so. A manifest that says no frees it only by an apply of its own.
    pub fn is_protected(&self) -> bool {
        let guarded = |live: &Live| {
            live.protected
                || live.tags.contains_key(PROTECT)
                || (self.action == Action::Delete && live.document.get("DeletionProtection") == Some(&json!("ACTIVE")))
        };
        self.live.as_ref().is_some_and(guarded) || self.resource.as_ref().is_some_and(|resource| resource.protect)
    }

    /// The address of what it lives in.
    pub fn parent(&self) -> Option<Address> {
        match &self.resource {
            Some(resource) => resource.parent.clone(),
            None => self.live.as_ref().and_then(|live| live.parent.clone()),
        }
    }

    /// The document whose digest is remembered: the desired one with its tags, ours left out.
    pub fn applied_document(&self) -> Value {
        applied_document(self.kind, self.resource.as_ref(), &self.desired, &self.tags)
    }

    /// Everything the manifest wants of it is known now, the values of secrets aside.
    pub fn is_known(&self) -> bool {
        references(&self.desired).iter().all(|reference| matches!(reference.target, Target::Variable(_)))
    }

    /// It is a policy whose wanted statement is a forbid; of an orphan, its live one.
    pub fn is_forbid(&self) -> bool {
        match self.desired.get("definition").and_then(statement_of) {
            Some(statement) => is_forbid(statement),
            None => self.live_is_forbid(),
        }
    }

    /// It is a policy whose live statement is a forbid.
    pub fn live_is_forbid(&self) -> bool {
        let definition = self.live.as_ref().and_then(|live| live.document.get("definition"));
        definition.and_then(statement_of).is_some_and(is_forbid)
    }

    /// It is a forbid that counts, its text changes, and one statement can say both texts.
    pub(super) fn has_joint_forbid(&self) -> bool {
        let Some(live) = self.live.as_ref().filter(|_| self.action == Action::Update && !self.stays()) else {
            return false;
        };
        let texts = [&live.document, &self.desired].map(|of| of.get("definition").and_then(statement_of));
        let counts = live.document.get("enforcementMode").and_then(Value::as_str).unwrap_or("ACTIVE") == "ACTIVE";
        match texts {
            [Some(old), Some(new)] => {
                counts && is_forbid(old) && is_forbid(new) && !same_statement(old, new) && joint(old, new).is_some()
            }
            _ => false,
        }
    }

    /// The policy of the same engine, wanted by the manifest, that says word for word what this one says live.
    pub(super) fn successor<'a>(&self, items: &[&'a Self]) -> Option<&'a Self> {
        let own = self.live.as_ref().and_then(|live| live.document.get("definition")).and_then(statement_of)?;
        let enforced = |of: &Value| of.get("enforcementMode").and_then(Value::as_str).unwrap_or("ACTIVE") == "ACTIVE";
        let says_it = |other: &&&Self| {
            let text = other.desired.get("definition").and_then(statement_of);
            other.address != self.address
                && other.kind == self.kind
                && other.resource.is_some()
                && other.blocked.is_none()
                && other.parent() == self.parent()
                && enforced(&other.desired)
                && text.is_some_and(|text| own.trim() == text.trim())
        };
        items.iter().find(says_it).copied()
    }

    /// A gateway that lets callers in now: live, kept, and not locked.
    pub fn is_open(&self) -> bool {
        self.was_open() && (self.blocked.is_some() || self.action.keeps())
    }

    /// A gateway that lets callers in now, whatever becomes of it.
    pub fn was_open(&self) -> bool {
        self.live.is_some() && !self.unlock && !self.unfinished
    }

    /// A gateway that has callers: it lets them in, or did until a run that did not get to its end locked it.
    pub fn has_callers(&self) -> bool {
        self.live.is_some() && !self.unfinished
    }

    /// Its callers present tokens.
    pub fn is_jwt(&self) -> bool {
        self.desired.get("authorizerType").and_then(Value::as_str) == Some("CUSTOM_JWT")
    }

    /// The version of the secrets that are sent to it: of what is taken over as it is, none.
    pub fn secret_version(&self) -> Option<&str> {
        let resource = self.resource.as_ref().filter(|_| !self.stays())?;
        resource.secret_version.as_deref()
    }

    /// A new object is made.
    pub fn makes(&self) -> bool {
        matches!(self.action, Action::Create | Action::Replace)
    }

    /// There is something to do, and nothing in the way.
    pub fn changes(&self) -> bool {
        self.action != Action::NoOp && self.blocked.is_none()
    }

    /// The object itself changes, not only what is remembered about it.
    pub fn rewrites(&self) -> bool {
        self.changes() && !self.is_remembered_only()
    }
}

/// The document that is remembered as applied: without secrets, for whose values marks stand, and without what somebody else
/// writes.
pub fn applied_document(kind: &Kind, resource: Option<&Resource>, desired: &Value, tags: &Tags) -> Value {
    let protect = resource.is_some_and(|resource| resource.protect);
    let secret_version = resource.and_then(|resource| resource.secret_version.as_ref());
    let unmanaged = |member: &String| resource.is_some_and(|resource| resource.unmanaged.contains(member));
    let own: Tags = tags
        .iter()
        .filter(|(key, _)| !key.starts_with(crate::ownership::PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut document = desired.clone();
    Places::new(kind, &BTreeSet::new()).take("", &mut document);
    if let Some(members) = document.as_object_mut() {
        members.retain(|member, _| !unmanaged(member));
    }
    if let (Some(member), Some(members)) = (kind.tags_member, document.as_object_mut()) {
        members.remove(member);
    }
    let mut applied = json!({"document": document, "tags": own, "protect": protect});
    if let (Some(version), Some(members)) = (secret_version, applied.as_object_mut()) {
        members.insert(secret_version::KEY.to_owned(), json!(version));
    }
    applied
}

/// What somebody else writes is wanted as it is live.
pub fn leave_unmanaged(desired: &mut Value, unmanaged: &[String], view: &Value) {
    let Some(members) = desired.as_object_mut() else { return };
    for member in unmanaged {
        match view.get(member) {
            Some(value) => drop(members.insert(member.clone(), value.clone())),
            None => drop(members.remove(member)),
        }
    }
}

/// A statement forbids. Annotations and comments may stand before the effect, and its conditions may be an extension's.
pub fn is_forbid(statement: &str) -> bool {
    cedar::effect(statement) == Some("forbid")
}

/// A statement names no action: it is about every tool, those that come later included. What cannot be read is taken to be.
pub fn is_for_all_actions(statement: &str) -> bool {
    cedar::scope(statement).is_none_or(|policy| policy.action_constraint() == cedar_policy::ActionConstraint::Any)
}
