//! Room for tags: what would need more of them than a resource holds is said before anything is written.

use std::collections::BTreeMap;

use super::item::Item;
use super::make::Making;
use super::{Action, PlanDiagnostic};
use crate::address::Address;
use crate::membership::{Child, Membership};
use crate::ownership::{APPLIED, TAGS_PER_RESOURCE, Tags, UNFINISHED};

/// Holds back an item whose object would need more tags than a resource holds; nothing if it has room.
pub(super) fn too_many_tags(item: &mut Item) -> Option<PlanDiagnostic> {
    item.kind.tags_member?;
    let live = item.live.as_ref().map(|live| &live.tags);
    let more = item.tags.keys().map(String::as_str).chain([APPLIED]);
    let held = live.map_or(0, BTreeMap::len);
    let needed = held + more.filter(|key| live.is_none_or(|live| !live.contains_key(*key))).count();
    if needed <= TAGS_PER_RESOURCE || item.blocked.is_some() || !item.changes() {
        return None;
    }
    let what = format!("it would need {needed} tags, and a resource holds {TAGS_PER_RESOURCE}");
    item.blocked = Some(what.clone());
    Some(PlanDiagnostic {
        code: "plan::too-many-tags".into(),
        address: Some(item.address.to_string()),
        message: format!("`{}`: {what}", item.address),
        help: Some("remove tags of your own: those that Gatewright needs begin with `gatewright:`".into()),
    })
}

impl Making<'_> {
    /// Children that their parent's tags have no room to name are not begun.
    pub(super) fn make_room(&mut self) {
        let owner = self.stack.owner();
        let mut children: BTreeMap<Address, Vec<&Item>> = BTreeMap::new();
        let named = |item: &&Item| item.makes() || matches!(item.action, Action::Adopt | Action::Move);
        for item in
            self.items.values().filter(named).filter(|item| item.blocked.is_none() && item.kind.parent.is_some())
        {
            if let Some(parent) = item.parent() {
                children.entry(parent).or_default().push(item);
            }
        }
        let mut full = Vec::new();
        for (address, children) in children {
            let Some(parent) = self.items.get(&address) else { continue };
            let (mut membership, tags) = self.membership_on(parent);
            let others = tags.keys().filter(|key| !membership.tags().contains(*key)).count();
            membership.subtract(&parent.forgets);
            for item in &children {
                let id = item.live.as_ref().filter(|_| !item.makes()).map_or("", |live| live.ids.id.as_str());
                let child = Child { kind: item.kind, name: item.live_name(), id };
                if !membership.holds(child) {
                    membership.put(child, &item.address, "", false);
                }
            }
            if let Err(error) = membership.write(&owner, others) {
                full.push((address, error, children.iter().map(|item| item.address.clone()).collect::<Vec<_>>()));
            }
        }
        for (parent, error, children) in full {
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::too-many-tags".into(),
                address: Some(parent.to_string()),
                message: format!("`{parent}` has no room for the tags that name its children: {error}"),
                help: Some(format!(
                    "take tags off `{parent}` that nobody needs, or give some of its children another parent"
                )),
            });
            for child in children {
                if let Some(item) = self.items.get_mut(&child) {
                    item.blocked = Some(format!("the tags of `{parent}` have no room to name it"));
                }
            }
        }
    }

    /// The membership of this stack on a parent as it is live; nothing on one that is made anew.
    fn membership_on(&self, parent: &Item) -> (Membership, Tags) {
        let live = parent.live.as_ref().filter(|_| !parent.makes());
        let mut tags = live.map(|live| live.tags.clone()).unwrap_or_default();
        let membership = Membership::read(&tags, &self.stack.owner());
        if parent.makes() || parent.action == Action::Update {
            tags.extend(parent.tags.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        if !parent.tags.is_empty() {
            tags.insert(APPLIED.to_owned(), String::new());
        }
        if parent.makes() {
            tags.insert(UNFINISHED.to_owned(), String::new());
        }
        (membership, tags)
    }
}
