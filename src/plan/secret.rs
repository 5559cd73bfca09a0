//! Secrets in a plan: compared by value where they can be read, by version where they cannot, asked for only where a step sends
//! them, and never shown.

use std::collections::BTreeSet;

use model::Meaning;
use serde_json::Value;

use super::item::Item;
use super::make::Making;
use super::{Action, MemberChange, Plan, PlanDiagnostic};
use crate::claim::Claim;
use crate::diff::{Difference, differences};
use crate::observe::Live;
use crate::ownership;
use crate::secret::{self, Places};
use crate::secret_version::{self, SentVersions};
use crate::stack::Secrets;

impl Making<'_> {
    /// Where the members of a live object differ, secrets included.
    ///
    /// Without its value a secret that can be read counts as unchanged while the manifest is the one last applied and something
    /// stands in its place; otherwise it differs, and the step that would send it is held back.
    pub(super) fn member_differences(&self, item: &Item, live: &Live, view: &Value) -> Vec<Difference> {
        let kind = item.kind;
        let mut found = differences(kind, &self.stack.secrets.reveal(&item.desired), view);
        let is_last_applied = live.applied.as_ref().is_some_and(|applied| {
            !applied.is_empty() && ownership::applied_digest(kind, &item.applied_document()).starts_with(applied)
        });
        let not_known = |value: &Value| !secret::variables(value).is_empty();
        found.retain(|difference| {
            !(is_last_applied && difference.before.is_some() && difference.after.as_ref().is_some_and(not_known))
        });
        found.extend(self.version_difference(item, live));
        found
    }

    /// The secret is to be sent with another version than the last time. One that is no longer said is only forgotten.
    fn version_difference(&self, item: &Item, live: &Live) -> Option<Difference> {
        // What is taken over stays as it is.
        if item.kind.secrets.is_empty() || item.stays() {
            return None;
        }
        let resource = item.resource.as_ref()?;
        let wanted = resource.secret_version.as_deref();
        let (sent, before) = if item.kind.tags_member.is_some() {
            let tag = live.tags.get(secret_version::TAG);
            (tag.map(String::as_str) == wanted, tag.cloned().map(Value::String))
        } else {
            let parent = self.items.get(resource.parent.as_ref()?)?.live.as_ref()?;
            // It is remembered by the stack, and at the address, that it had.
            let owner = live.claim.as_ref().and_then(Claim::other_owner).map_or_else(|| self.stack.owner(), Into::into);
            let versions = SentVersions::read(&parent.tags, &owner);
            let moved = live.claim.as_ref().and_then(Claim::address_there);
            let address = moved.as_ref().unwrap_or(&item.address);
            let same = match wanted {
                Some(wanted) => versions.is(address, wanted),
                None => !versions.holds(address),
            };
            // The digest of a version says nothing to people.
            (same, None)
        };
        if sent {
            return None;
        }
        Some(Difference {
            path: secret_version::KEY.to_owned(),
            member: wanted.and_then(|_| member(item)).unwrap_or_default(),
            before,
            after: wanted.map(|wanted| Value::String(wanted.to_owned())),
        })
    }

    /// Holds a step back that has to send a secret whose value nobody gave.
    pub(super) fn ask_for_secrets(&mut self, item: &mut Item) {
        let mut missing = sent_variables(item);
        missing.retain(|name| self.stack.secrets.value(name).is_none());
        for name in &missing {
            item.blocked.get_or_insert_with(|| format!("the secret `{name}` has no value"));
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::secret-missing".into(),
                address: Some(item.address.to_string()),
                message: format!("`{}` has to be sent the secret `{name}`, which has no value", item.address),
                help: Some(secret::how_to_give(name)),
            });
        }
    }
}

/// The member with which a new version is sent; one that only a new object takes comes first.
fn member(item: &Item) -> Option<String> {
    let members = secret::members(item.kind, &item.desired);
    let replaces = members.iter().find(|member| item.kind.meaning(member) == Meaning::Replace);
    replaces.or_else(|| members.first()).cloned()
}

/// The secret variables that the calls of a step hold.
fn sent_variables(item: &Item) -> BTreeSet<String> {
    match item.action {
        Action::Create | Action::Replace => secret::variables(&item.desired),
        // Tags are written by calls of their own.
        Action::Update if item.reason.is_some() || item.differences.iter().any(|found| !found.member.is_empty()) => {
            let members = item.desired.as_object().into_iter().flatten();
            members
                .filter(|(member, _)| !matches!(item.kind.meaning(member), Meaning::Replace | Meaning::ReadOnly))
                .flat_map(|(_, value)| secret::variables(value))
                .collect()
        }
        _ => BTreeSet::new(),
    }
}

fn places(item: &Item) -> Places<'_> {
    let none = BTreeSet::new();
    Places::new(item.kind, item.resource.as_ref().map_or(&none, |resource| &resource.secrets))
}

/// A live value at this path is not to be shown.
pub(super) fn may_have_held_secret(item: &Item, path: &str) -> bool {
    places(item).may_have_held(path)
}

/// The changes of an item without any secret: where one stands, the path is all that is said.
pub(super) fn concealed(item: &Item, changes: Vec<MemberChange>) -> Vec<MemberChange> {
    let places = places(item);
    changes.into_iter().flat_map(|change| conceal(&places, change)).collect()
}

fn conceal(places: &Places<'_>, mut change: MemberChange) -> Vec<MemberChange> {
    let hidden = |path: String| MemberChange {
        path,
        before: None,
        after: None,
        after_unknown: false,
        sensitive: true,
        forces_replacement: change.forces_replacement,
    };
    if places.hold(&change.path) || (change.before.is_some() && places.may_have_held(&change.path)) {
        return vec![hidden(change.path.clone())];
    }
    let mut taken = BTreeSet::new();
    for value in [&mut change.before, &mut change.after].into_iter().flatten() {
        taken.extend(places.take(&change.path, value));
    }
    let mut shown: Vec<MemberChange> = taken.into_iter().map(hidden).collect();
    let says_nothing = |value: &Option<Value>| {
        value.as_ref().is_none_or(|value| value.as_object().is_some_and(serde_json::Map::is_empty))
    };
    if shown.is_empty() || !(says_nothing(&change.before) && says_nothing(&change.after)) {
        shown.insert(0, change);
    }
    shown
}

/// Takes the values out of every text that a service may have repeated them in.
pub(super) fn scrub(plan: &mut Plan, secrets: &Secrets) {
    for step in &mut plan.steps {
        for text in [&mut step.reason, &mut step.blocked].into_iter().flatten() {
            *text = secrets.scrub(text);
        }
    }
    for diagnostic in &mut plan.diagnostics {
        diagnostic.message = secrets.scrub(&diagnostic.message);
    }
}
