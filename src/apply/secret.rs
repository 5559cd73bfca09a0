//! Secrets while applying: nothing is sent in which a secret is still a mark, and what was sent is remembered by its version.

use serde_json::Value;

use super::Run;
use crate::claim::Claim;
use crate::diff::Difference;
use crate::ownership::TAGS_PER_RESOURCE;
use crate::plan::form::Form;
use crate::plan::item::Item;
use crate::secret_version::{self, SentVersions};
use crate::{secret, tags};

impl Run<'_> {
    /// Refuses a body that stands for a secret without its value.
    pub(super) fn is_sendable(body: &Value) -> Result<(), String> {
        match secret::variables(body).first() {
            Some(name) => Err(format!("the secret `{name}` has no value: {}", secret::how_to_give(name))),
            None => Ok(()),
        }
    }

    /// What an update has to send: what differs as far as it is known, and a secret whose version is another one.
    pub(super) fn differing(item: &Item, form: Form, mut found: Vec<Difference>) -> Vec<Difference> {
        // The plan holds back what would send a secret without its value: what is left counts as unchanged.
        found.retain(|difference| difference.after.as_ref().is_none_or(|after| secret::variables(after).is_empty()));
        if form == Form::Full && !item.makes() {
            let version = item.differences.iter().find(|difference| difference.path == secret_version::KEY);
            found.extend(version.filter(|difference| !difference.member.is_empty()).cloned());
        }
        found
    }

    /// Remembers on the parent of a child which version of its secret is sent.
    pub(super) async fn remember_version(&self, item: &Item, version: Option<&str>) -> Result<(), String> {
        self.edit_versions(item, |sent| sent.set(&item.address, version)).await
    }

    /// What was sent to a child that had another address is remembered at its new one.
    pub(super) async fn carry_version(&self, item: &Item) -> Result<(), String> {
        let claim = item.live.as_ref().and_then(|live| live.claim.as_ref());
        match claim.and_then(Claim::own_address) {
            Some(from) => self.edit_versions(item, |sent| sent.carry(&from, &item.address)).await,
            None => Ok(()),
        }
    }

    async fn edit_versions(&self, item: &Item, edit: impl FnOnce(&mut SentVersions)) -> Result<(), String> {
        if item.kind.secrets.is_empty() || item.kind.tags_member.is_some() {
            return Ok(());
        }
        let Some(address) = item.parent() else { return Ok(()) };
        let Some(parent) = self.known(&address) else { return Ok(()) };
        let Some(arn) = parent.kind.arn.map(|arn| arn(&parent.ids.id, &self.place)) else { return Ok(()) };
        let tags = self.tags_of(&address);
        let mut tags = tags.lock().await;
        let mut sent = SentVersions::read(&tags, &self.owner);
        edit(&mut sent);
        let new = sent.write(&self.owner);
        let old: Vec<String> = tags.keys().filter(|key| secret_version::is_of(key, &self.owner)).cloned().collect();
        let needed = tags.len() - old.len() + new.len();
        if needed > TAGS_PER_RESOURCE {
            return Err(format!(
                "{address} would need {needed} tags, a resource holds {TAGS_PER_RESOURCE}: remove tags of your own, or `secret_version` where a secret is not going to change"
            ));
        }
        let changed = new.iter().filter(|(key, value)| tags.get(*key) != Some(value));
        let changed = changed.map(|(key, value)| (key.clone(), value.clone())).collect();
        let removed: Vec<String> = old.into_iter().filter(|key| !new.contains_key(key)).collect();
        tags::write(self.aws, parent.kind.service, &arn, &changed).await.map_err(|error| error.to_string())?;
        tags::remove(self.aws, parent.kind.service, &arn, &removed).await.map_err(|error| error.to_string())?;
        tags.retain(|key, _| !removed.contains(key));
        tags.extend(changed);
        Ok(())
    }
}
