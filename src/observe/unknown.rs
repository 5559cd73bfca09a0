//! Unknown children: what nobody declared in a parent of ours that says `delete_unknown_children`. They are read, because a plan
//! has to tell what goes with them.

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{CONCURRENCY, Live, Observation, Unread, read_settled};
use crate::kind::Ids;
use crate::ownership::{PROTECT, STACK, Tags};
use crate::tags;

impl Observation<'_> {
    /// Reads every child that would be deleted.
    pub(super) async fn read_unknown(&mut self) {
        let aws = self.aws;
        let mut unknown = Vec::new();
        for (index, stranger) in self.observed.strangers.iter().enumerate() {
            let says = |parent| self.declared.at(parent).is_some_and(|parent| parent.delete_unknown_children);
            let Some(parent) = self.observed.ours.get(&stranger.parent).filter(|_| says(&stranger.parent)) else {
                continue;
            };
            let wanted = self.wanting(stranger.kind, &stranger.name, Some(&stranger.parent)).is_some();
            if stranger.owner.is_none() && !stranger.existing && !wanted {
                let ids = Ids { parent: parent.ids.id.clone(), id: stranger.id.clone() };
                let arn = stranger.kind.arn.map(|arn| arn(&ids.id, &self.observed.place));
                unknown.push((index, stranger.kind, ids, arn));
            }
        }
        let read: Vec<_> = stream::iter(unknown)
            .map(|(index, kind, ids, arn)| async move {
                let tags = match arn {
                    Some(arn) => tags::read(aws, kind.service, &arn).await,
                    None => Ok(Tags::new()),
                };
                let read = match tags {
                    Ok(tags) => read_settled(aws, kind, &ids, None).await.map(|document| document.map(|of| (of, tags))),
                    Err(error) => Err(error),
                };
                (index, kind, ids, read)
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        for (index, kind, ids, read) in read {
            let Some(stranger) = self.observed.strangers.get_mut(index) else { continue };
            let parent = Some(stranger.parent.clone());
            match read {
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
    }
}
