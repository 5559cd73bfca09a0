//! Deleting: until the object is gone.

use serde_json::Value;

use super::Run;
use super::calls::stuck;
use super::retry;
use crate::kind::Ids;
use crate::live::{self, Settled};
use crate::plan::Action;
use crate::plan::item::Item;

impl Run<'_> {
    /// Deletes an object and waits until it is gone.
    pub(super) async fn delete(&self, item: &Item) -> Result<(), String> {
        // Of a replaced object the old one: its new self may stand already.
        let Some(ids) = item.live.as_ref().map(|live| live.ids.clone()) else { return Ok(()) };
        if let Some(lease) = self.lease.filter(|_| item.kind.parent.is_none()) {
            lease.leave(self.aws, &item.address, || self.roots_but(&item.address)).await;
        }
        self.delete_and_wait(item, &ids).await?;
        if self.known(&item.address).is_some_and(|known| known.ids == ids) {
            self.forget(&item.address);
        }
        let parent = item.live.as_ref().and_then(|live| live.parent.clone());
        // A parent that was made anew has another membership.
        let stays = |parent: &crate::address::Address| self.known(parent).is_some_and(|of| of.ids.id == ids.parent);
        if let Some(parent) = parent.filter(stays) {
            let name = item.live.as_ref().map(|live| live.name.clone()).unwrap_or_default();
            self.forget_child(&parent, item, &name, &ids.id).await?;
            if item.action == Action::Delete {
                self.remember_version(item, None).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn delete_and_wait(&self, item: &Item, ids: &Ids) -> Result<(), String> {
        let kind = item.kind;
        let body = kind.request(ids, Value::Null);
        let answer = retry::patiently(|| (kind.delete.1)(self.aws, ids, &body), retry::still_counts_children).await;
        match answer {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            // Either it took effect or it did not: looking tells.
            Err(error) if error.unanswered => {
                if live::read(self.aws, kind, ids).await.map_err(|error| error.to_string())?.is_some() {
                    let again =
                        retry::patiently(|| (kind.delete.1)(self.aws, ids, &body), retry::still_counts_children).await;
                    if let Err(error) = again.map(drop)
                        && !error.is_not_found()
                        && !error.is("ConflictException")
                    {
                        return Err(error.to_string());
                    }
                }
            }
            // A runtime that is gone was seen to answer so (service.md §1.2), and a domain may.
            Err(error) if error.is("AccessDeniedException") || error.is("InvalidParameterException") => {
                if live::read(self.aws, kind, ids).await.is_ok_and(|found| found.is_none()) {
                    return Ok(());
                }
                return Err(error.to_string());
            }
            Err(error) => return Err(error.to_string()),
        }
        match live::settle_gone(self.aws, kind, ids, &self.waiting(item)).await.map_err(|error| error.to_string())? {
            Settled::Gone => Ok(()),
            Settled::At(_, document) => {
                Err(format!("{}: {}", live::status(kind, &document), live::reasons(kind, &document)))
            }
            Settled::Stuck(status) => Err(stuck(&status)),
        }
    }
}
