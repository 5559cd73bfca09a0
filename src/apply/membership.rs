//! Memberships while applying: the tags of a parent that name its children, written before a child is created and trimmed
//! after it is gone.

use super::Run;
use crate::address::Address;
use crate::kind::Kind;
use crate::live::Listed;
use crate::membership::Memberships;
use crate::ownership::{Child, Membership, Tags};
use crate::plan::Action;
use crate::plan::item::Item;
use crate::tags;

impl Run<'_> {
    /// Names every child of the parent that this run will create, in one write.
    pub(super) async fn announce_children(&self, parent: &Address) -> Result<(), String> {
        let children: Vec<&Item> = self
            .work
            .items
            .within(parent)
            .filter(|item| matches!(item.action, Action::Create | Action::Replace) && item.blocked.is_none())
            .filter(|item| item.kind.parent.is_some())
            .filter(|item| self.known(&item.address).is_none() || item.stands_beside_its_old_self())
            .collect();
        self.edit(parent, |membership| {
            for item in &children {
                let child = Child { kind: item.kind, name: item.live_name(), id: "" };
                if !membership.holds(child) {
                    membership.put(
                        child,
                        &item.address,
                        "",
                        item.resource.as_ref().is_some_and(|resource| resource.protect),
                    );
                }
            }
        })
        .await
    }

    /// Remembers a child with what was applied to it.
    pub(super) async fn remember_child(
        &self,
        parent: &Address,
        item: &Item,
        id: &str,
        applied: &str,
    ) -> Result<(), String> {
        let protect = item.resource.as_ref().is_some_and(|resource| resource.protect);
        self.edit(parent, |membership| {
            membership.put(Child { kind: item.kind, name: item.live_name(), id }, &item.address, applied, protect);
        })
        .await
    }

    /// Forgets a child that is gone.
    pub(super) async fn forget_child(&self, parent: &Address, kind: &Kind, name: &str, id: &str) -> Result<(), String> {
        self.edit(parent, |membership| membership.remove(Child { kind, name, id })).await
    }

    /// Forgets the children of a parent that are gone.
    pub(super) async fn forget_gone(&self, parent: &Item) -> Result<(), String> {
        self.edit(&parent.address, |_| ()).await
    }

    /// Another stack has this child of the item's parent: one that writes at the same time may make a child of the same name.
    pub(super) async fn is_claimed(&self, item: &Item, found: &Listed) -> Result<bool, String> {
        let Some(parent) = item.parent().and_then(|parent| self.known(&parent)) else { return Ok(false) };
        let Some(arn) = parent.kind.arn.map(|arn| arn(&parent.ids.id, &self.place)) else { return Ok(false) };
        let tags = tags::read(self.aws, parent.kind.service, &arn).await.map_err(|error| error.to_string())?;
        let child = Child { kind: item.kind, name: &found.name, id: &found.id };
        Ok(Memberships::read(&tags).others(&self.owner).any(|(_, other)| other.is_finished(child)))
    }

    /// Changes the membership tags of a parent, and writes what changed of them.
    async fn edit(&self, parent: &Address, change: impl FnOnce(&mut Membership)) -> Result<(), String> {
        let Some(known) = self.known(parent) else { return Ok(()) };
        let Some(arn) = known.kind.arn.map(|arn| arn(&known.ids.id, &self.place)) else { return Ok(()) };
        let tags = self.tags_of(parent);
        let mut tags = tags.lock().await;
        let before = Membership::read(&tags, &self.owner);
        let mut after = before.clone();
        if let Some(item) = self.work.items.at(parent) {
            after.subtract(&item.forgets);
        }
        change(&mut after);
        let old = before.tags();
        let new = after.write(&self.owner, tags.len() - old.len()).map_err(|error| format!("{parent}: {error}"))?;
        let changed = new.iter().filter(|(key, value)| tags.get(*key) != Some(value));
        let changed: Tags = changed.map(|(key, value)| (key.clone(), value.clone())).collect();
        let removed: Vec<String> = old.iter().filter(|key| !new.contains_key(*key)).cloned().collect();
        tags::write(self.aws, known.kind.service, &arn, &changed).await.map_err(|error| error.to_string())?;
        tags::remove(self.aws, known.kind.service, &arn, &removed).await.map_err(|error| error.to_string())?;
        tags.retain(|key, _| !removed.contains(key));
        tags.extend(changed);
        Ok(())
    }
}
