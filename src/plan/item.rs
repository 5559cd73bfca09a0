//! Items: resources and what was decided about each.

use serde_json::{Value, json};

use super::{Action, Origin};
use crate::address::Address;
use crate::diff::Difference;
use crate::kind::{Kind, statement_of};
use crate::observe::Live;
use crate::ownership::{PROTECT, Tags};
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
    /// Only what narrows access is sent: `desired` is the live object, narrowed towards what the manifest says.
    pub closing: bool,
}

impl Item {
    /// The live name it has or will have.
    pub fn live_name(&self) -> &str {
        match (&self.resource, &self.live) {
            (Some(resource), _) => resource.live_name().unwrap_or_default(),
            (None, Some(live)) => &live.name,
            (None, None) => "",
        }
    }

    /// Its new self has another live name, so both can stand side by side.
    pub fn is_renamed(&self) -> bool {
        self.action == Action::Replace && self.live.as_ref().is_some_and(|live| live.name != self.live_name())
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
        applied_document(
            self.kind,
            &self.desired,
            &self.tags,
            self.resource.as_ref().is_some_and(|resource| resource.protect),
        )
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

    /// A gateway that lets callers in now: live, kept, and not locked.
    pub fn is_open(&self) -> bool {
        self.was_open() && (self.blocked.is_some() || matches!(self.action, Action::NoOp | Action::Update))
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

    /// A new object is made.
    pub fn makes(&self) -> bool {
        matches!(self.action, Action::Create | Action::Replace)
    }

    /// There is something to do, and nothing in the way.
    pub fn changes(&self) -> bool {
        self.action != Action::NoOp && self.blocked.is_none()
    }
}

/// The document that is remembered as applied.
pub fn applied_document(kind: &Kind, desired: &Value, tags: &Tags, protect: bool) -> Value {
    let own: Tags = tags
        .iter()
        .filter(|(key, _)| !key.starts_with(crate::ownership::PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut document = desired.clone();
    if let Some(members) = document.as_object_mut() {
        members.retain(|member, _| !kind.is_secret(member));
    }
    if let (Some(member), Some(members)) = (kind.tags_member, document.as_object_mut()) {
        members.remove(member);
    }
    json!({"document": document, "tags": own, "protect": protect})
}

/// A statement forbids. Annotations and comments may stand before the effect.
pub fn is_forbid(statement: &str) -> bool {
    match cedar_policy::Policy::parse(None, statement) {
        Ok(policy) => policy.effect() == cedar_policy::Effect::Forbid,
        // Temporal and guardrail statements are not plain Cedar; the effect is still the first word of the statement.
        Err(_) => statement.lines().any(|line| line.trim_start().starts_with("forbid")),
    }
}
