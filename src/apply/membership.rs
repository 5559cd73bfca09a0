//! Memberships while applying: the tags of a parent that name its children, written before a child is created and trimmed
//! after it is gone.

use std::sync::PoisonError;

use super::Run;
use super::edits::{Edit, Entry};
use crate::address::Address;
use crate::live::Listed;
use crate::membership::Memberships;
use crate::ownership::{Child, Membership, Tags};
use crate::plan::item::Item;
use crate::tags;

impl Run<'_> {
    /// Names every child of the parent that this run will create.
    pub(super) async fn announce_children(&self, parent: &Address) -> Result<(), String> {
        if self.edits.are_announced(parent) {
            return Ok(());
        }
        let children = self.work.items.within(parent).filter(|item| item.makes() && item.blocked.is_none());
        // One whose old self still stands is named when that is gone.
        let stands = |item: &&Item| self.known(&item.address).is_some() && !item.stands_beside_its_old_self();
        let (standing, coming): (Vec<&Item>, Vec<&Item>) = children.partition(stands);
        self.edit(parent, coming.into_iter().map(|item| Edit::Announce(entry(item, "", ""))).collect()).await?;
        if standing.is_empty() {
            self.edits.announced(parent);
        }
        Ok(())
    }

    /// Remembers a child with what was applied to it.
    pub(super) async fn remember_child(
        &self,
        parent: &Address,
        item: &Item,
        id: &str,
        applied: &str,
    ) -> Result<(), String> {
        self.edit(parent, vec![Edit::Put(entry(item, id, applied))]).await
    }

    /// Forgets a child that is gone.
    pub(super) async fn forget_child(&self, parent: &Address, item: &Item, name: &str, id: &str) -> Result<(), String> {
        self.edit(parent, vec![Edit::Remove(Entry { name: name.to_owned(), ..entry(item, id, "") })]).await
    }

    /// Forgets the children of a parent that are gone.
    pub(super) async fn forget_gone(&self, parent: &Item) -> Result<(), String> {
        self.edit(&parent.address, vec![Edit::Nothing]).await
    }

    /// Another stack has this child of the item's parent: one that writes at the same time may make a child of the same name.
    pub(super) async fn is_claimed(&self, item: &Item, found: &Listed) -> Result<bool, String> {
        let Some(parent) = item.parent().and_then(|parent| self.known(&parent)) else { return Ok(false) };
        let Some(arn) = parent.kind.arn.map(|arn| arn(&parent.ids.id, &self.place)) else { return Ok(false) };
        let tags = tags::read(self.aws, parent.kind.service, &arn).await.map_err(|error| error.to_string())?;
        let child = Child { kind: item.kind, name: &found.name, id: &found.id };
        Ok(Memberships::read(&tags).others(&self.owner).any(|(_, other)| other.is_finished(child)))
    }

    /// Changes the membership tags of a parent, together with whatever else is to be changed of them by then.
    async fn edit(&self, parent: &Address, edits: Vec<Edit>) -> Result<(), String> {
        if edits.is_empty() {
            return Ok(());
        }
        let written = self.edits.wait(parent, edits);
        let tags = self.tags_of(parent);
        let mut tags = tags.lock().await;
        let batch = self.edits.take(parent);
        let together: Vec<&Edit> = batch.iter().flat_map(|(edits, _)| edits).collect();
        let result = self.write(parent, &mut tags, &together).await;
        for (edits, written) in &batch {
            // Nobody's edit fails for the sake of another one.
            let result = match &result {
                Err(_) if batch.len() > 1 => self.write(parent, &mut tags, &edits.iter().collect::<Vec<_>>()).await,
                result => result.clone(),
            };
            *written.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
        let written = written.lock().unwrap_or_else(PoisonError::into_inner).take();
        written.unwrap_or_else(|| Err("what is remembered of it was cut off; run apply again".to_owned()))
    }

    /// Writes what edits change of the membership tags of a parent.
    async fn write(&self, parent: &Address, tags: &mut Tags, edits: &[&Edit]) -> Result<(), String> {
        let Some(known) = self.known(parent).filter(|_| !edits.is_empty()) else { return Ok(()) };
        let Some(arn) = known.kind.arn.map(|arn| arn(&known.ids.id, &self.place)) else { return Ok(()) };
        let before = Membership::read(tags, &self.owner);
        let mut after = before.clone();
        if let Some(item) = self.work.items.at(parent) {
            after.subtract(&item.forgets);
        }
        for edit in edits {
            edit.make(&mut after);
        }
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

/// An item as a membership names it.
fn entry(item: &Item, id: &str, applied: &str) -> Entry {
    Entry {
        kind: item.kind,
        name: item.live_name().to_owned(),
        id: id.to_owned(),
        address: item.address.clone(),
        applied: applied.to_owned(),
        protect: item.resource.as_ref().is_some_and(|resource| resource.protect),
    }
}
