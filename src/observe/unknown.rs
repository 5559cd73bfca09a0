//! Unknown children: what nobody declared in a parent of ours that says `delete_unknown_children`. They are read, because a plan
//! has to tell what goes with them.
//!
//! The clients of a pool that lets clients register themselves are read too: those who did belong to the service, which only their
//! documents tell.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{CONCURRENCY, Live, Observation, Unread, read_settled};
use crate::kind::{Ids, USER_POOL_CLIENT};
use crate::live::is_service_owned;
use crate::ownership::{PROTECT, STACK, Tags};
use crate::tags;

impl Observation<'_> {
    /// Reads every child that would be deleted or may have registered itself, and leaves out those that did.
    pub(super) async fn read_unknown(&mut self) {
        let aws = self.aws;
        let mut unknown = Vec::new();
        for (index, stranger) in self.observed.strangers.iter().enumerate() {
            let says = self.declared.at(&stranger.parent).is_some_and(|parent| parent.delete_unknown_children);
            let Some(parent) = self.observed.ours.get(&stranger.parent).filter(|parent| {
                let registers = parent.document.get("DcrConfiguration").is_some_and(|dcr| !dcr.is_null());
                says || (stranger.kind.name == USER_POOL_CLIENT.name && registers)
            }) else {
                continue;
            };
            let wanted = self.wanting(stranger.kind, &stranger.name, Some(&stranger.parent)).is_some();
            if stranger.owner.is_none() && !stranger.existing && !wanted {
                let ids = Ids { parent: parent.ids.id.clone(), id: stranger.id.clone() };
                let arn = stranger.kind.arn.map(|arn| arn(&ids.id, &self.observed.place));
                unknown.push((index, says, stranger.kind, ids, arn));
            }
        }
        let read: Vec<_> = stream::iter(unknown)
            .map(|(index, says, kind, ids, arn)| async move {
                let tags = match arn {
                    Some(arn) => tags::read(aws, kind.service, &arn).await,
                    None => Ok(Tags::new()),
                };
                let read = match tags {
                    Ok(tags) => read_settled(aws, kind, &ids, None).await.map(|document| document.map(|of| (of, tags))),
                    Err(error) => Err(error),
                };
                (index, says, kind, ids, read)
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let mut registered = BTreeSet::new();
        for (index, says, kind, ids, read) in read {
            let Some(stranger) = self.observed.strangers.get_mut(index) else { continue };
            let parent = Some(stranger.parent.clone());
            match read {
                Ok(Some((document, _))) if is_service_owned(kind, &document) => _ = registered.insert(index),
                // One that cannot be read stays in sight.
                _ if !says => {}
                Ok(Some((_, tags))) if tags.contains_key(STACK) => stranger.owner = tags.get(STACK).cloned(),
                Ok(Some((document, tags))) => {
                    let protected = tags.contains_key(PROTECT);
                    let name = stranger.name.clone();
                    stranger.live =
                        Some(Live { kind, ids, name, parent, document, tags, applied: None, protected, claim: None });
                }
                Ok(None) => {}
                Err(error) => self.observed.unread.push(Unread { kind, address: parent, error }),
            }
        }
        let mut index = 0..;
        self.observed.strangers.retain(|_| index.next().is_some_and(|index| !registered.contains(&index)));
    }
}
