//! What the calls of every node share: the filled-in document, companions, waiting, and remembering what was applied.

use serde_json::{Map, Value};

use super::retry;
use super::{Known, Run};
use crate::diff::differences;
use crate::kind::{Ids, Kind, Service};
use crate::live::{self, BUDGET, Settled, State};
use crate::merge;
use crate::ownership::{APPLIED, EXPIRES, PREFIX, PROTECT, Tags, UNFINISHED};
use crate::plan::item::{Item, applied_document};
use crate::plan::lock::LOCKED;
use crate::progress::Event;
use crate::reference::{self, Target};
use crate::secret_version;
use crate::tags;

impl Run<'_> {
    /// The desired document with everything filled in but the values of secrets: it is remembered by its digest.
    pub(super) fn desired(&self, item: &Item) -> Result<Value, String> {
        let source = item.resource.as_ref().map_or(&item.desired, |resource| &resource.document);
        let desired = reference::resolve(source, &|target| self.lookup(target));
        let is_secret = |target: &Target| matches!(target, Target::Variable(_));
        match reference::references(&desired).iter().find(|missing| !is_secret(&missing.target)) {
            Some(missing) => Err(format!("`{}` has no value; this is a defect, please report it", missing.source())),
            None => Ok(desired),
        }
    }

    /// The same as far as it is known: what refers to something that is not there stays a mark.
    pub(super) fn desired_so_far(&self, item: &Item) -> Value {
        let source = item.resource.as_ref().map_or(&item.desired, |resource| &resource.document);
        reference::resolve(source, &|target| self.lookup(target))
    }

    pub(super) fn parent_ids(&self, item: &Item) -> Result<Ids, String> {
        let Some(parent) = item.parent() else { return Ok(Ids::default()) };
        match self.known(&parent) {
            Some(known) => Ok(Ids { parent: known.ids.id, id: String::new() }),
            None => Err(format!("`{parent}` is not there")),
        }
    }

    pub(super) fn waiting(&self, item: &Item) -> impl Fn(&str) + Sync {
        let address = item.address.to_string();
        let report = self.report;
        move |status: &str| report(Event::Waiting { address: address.clone(), status: status.to_owned() })
    }

    pub(super) fn ask_for_consent(&self, item: &Item, document: &Value) {
        let url = document.pointer("/authorizationData/oauth2/authorizationUrl").and_then(Value::as_str);
        let text = match url {
            Some(url) => format!("waits for consent: open {url}"),
            None => "waits for consent: open the gateway in the console".to_owned(),
        };
        self.note(&item.address, &text);
    }

    /// Sends what the kind's companions set, if it differs; gives the object with what they answered, if anything was sent.
    pub(super) async fn set_companions(
        &self,
        item: &Item,
        desired: &Value,
        known: &Known,
    ) -> Result<Option<Known>, String> {
        let mut answers = Vec::new();
        let view = live::view(item.kind, &known.document);
        for companion in item.kind.companions {
            let Some(input) = item.kind.api().input(companion.set) else { continue };
            let own = |member: &str| input.member(member).is_some();
            let mut differing = differences(item.kind, desired, &view).into_iter();
            if !differing.any(|difference| own(&difference.member) && !item.leaves(&difference.member)) {
                continue;
            }
            let mut body = Map::new();
            for member in input.members().iter().filter(|member| member.wire != item.kind.request_id) {
                let kept = item.kind.kept(&member.wire).flatten();
                let wanted = desired.get(&member.wire).or(kept.as_ref());
                let merged = merge::member(item.kind, member, wanted, view.get(&member.wire));
                if let Some(value) = merged.map_err(|error| error.to_string())? {
                    body.insert(member.wire.clone(), value);
                }
            }
            let body = item.kind.request(&known.ids, Value::Object(body));
            Self::is_sendable(&body)?;
            let answer = retry::patiently(|| (companion.set_call)(self.aws, &known.ids, &body), |_| false).await;
            answers.push(answer.map_err(|error| error.to_string())?);
        }
        // They answer with what a read of them would show.
        let changed = |answers| Known { document: live::extended(known.document.clone(), answers), ..known.clone() };
        Ok((!answers.is_empty()).then(|| changed(answers)))
    }

    pub(super) async fn reread(&self, item: &Item, ids: &Ids) -> Result<Known, String> {
        match live::read(self.aws, item.kind, ids).await {
            Ok(Some(document)) => Ok(Known { kind: item.kind, ids: ids.clone(), document }),
            Ok(None) => Err("it is gone: somebody deleted it meanwhile; plan again".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) async fn wait_ready(&self, item: &Item, ids: &Ids) -> Result<Value, String> {
        match live::settle(self.aws, item.kind, ids, BUDGET, &self.waiting(item))
            .await
            .map_err(|error| error.to_string())?
        {
            Settled::At(State::Ready, document) => Ok(document),
            Settled::At(State::PendingAuth, document) => {
                self.ask_for_consent(item, &document);
                Ok(document)
            }
            Settled::At(_, document) => {
                Err(format!("{}: {}", live::status(item.kind, &document), live::reasons(item.kind, &document)))
            }
            Settled::Gone => Err("it is gone: somebody deleted it meanwhile; plan again".to_owned()),
            Settled::Stuck(status) => Err(stuck(&status)),
        }
    }

    /// The tags it should carry, with everything filled in.
    pub(super) fn wanted_tags(&self, item: &Item) -> Tags {
        let resolved = |value: &String| reference::resolve_text(value, &|target| self.lookup(target));
        item.tags.iter().map(|(key, value)| (key.clone(), resolved(value))).collect()
    }

    /// Writes the tags that the manifest gives a child, if it can have any.
    async fn write_child_tags(&self, item: &Item, known: &Known) -> Result<(), String> {
        let Some(arn) = tags::arn_of_child(item.kind, &known.document, &self.place) else { return Ok(()) };
        let held = item.live.as_ref().map(|live| live.tags.clone()).unwrap_or_default();
        let changed = self.wanted_tags(item).into_iter().filter(|(key, value)| held.get(key) != Some(value)).collect();
        tags::write(self.aws, item.kind.service, &arn, &changed).await.map_err(|error| error.to_string())
    }

    /// Writes what was applied: as tags, or in the parent's membership.
    pub(super) async fn remember(&self, item: &Item, known: &Known, applied: &str) -> Result<(), String> {
        if let Some(parent) = item.parent() {
            self.write_child_tags(item, known).await?;
            return self.remember_child(&parent, item, &known.ids.id, applied).await;
        }
        let Some(arn) = item.kind.arn.map(|arn| arn(&known.ids.id, &self.place)) else { return Ok(()) };
        let lock = self.tags_of(&item.address);
        let mut held = lock.lock().await;
        let mut wanted = self.wanted_tags(item);
        wanted.insert(APPLIED.to_owned(), applied.to_owned());
        let changed: Tags = wanted.into_iter().filter(|(key, value)| held.get(key) != Some(value)).collect();
        tags::write(self.aws, item.kind.service, &arn, &changed).await.map_err(|error| error.to_string())?;
        held.extend(changed);
        // Only then: what says that it is unfinished has the next run come back to it.
        let outdated: Vec<String> = [PROTECT, UNFINISHED, EXPIRES, LOCKED, secret_version::TAG]
            .into_iter()
            .filter(|key| held.contains_key(*key) && !item.tags.contains_key(*key))
            .map(ToOwned::to_owned)
            .collect();
        tags::remove(self.aws, item.kind.service, &arn, &outdated).await.map_err(|error| error.to_string())?;
        held.retain(|key, _| !outdated.contains(key));
        Ok(())
    }

    /// Before a running gateway is locked: what restrains its callers, and what is to, as a tag.
    pub(super) async fn remember_lock(&self, item: &Item, known: &Known, lock: String) -> Result<(), String> {
        let Some(arn) = item.kind.arn.map(|arn| arn(&known.ids.id, &self.place)) else { return Ok(()) };
        let tags = self.tags_of(&item.address);
        let mut held = tags.lock().await;
        let tag = Tags::from([(LOCKED.to_owned(), lock)]);
        tags::write(self.aws, item.kind.service, &arn, &tag).await.map_err(|error| error.to_string())?;
        held.extend(tag);
        Ok(())
    }
}

/// The document that is remembered as applied to an item.
pub(super) fn applied_to(item: &Item, desired: &Value, tags: &Tags) -> Value {
    applied_document(item.kind, item.resource.as_ref(), desired, tags)
}

pub(super) fn stuck(status: &str) -> String {
    format!("still {status} after {} minutes; look at it in the console, then run apply again", BUDGET.as_secs() / 60)
}

/// A fresh client token where the operation takes one in its body: a retry of the same call is the same request.
pub(super) fn add_client_token(kind: &Kind, operation: Option<&str>, body: &mut Value) {
    if kind.service != Service::AgentCore {
        return;
    }
    let input = operation.and_then(|operation| kind.api().input(operation));
    let member = input.and_then(|input| input.members().iter().find(|member| member.idempotency_token));
    if let (Some(member), Some(members)) = (member, body.as_object_mut()) {
        members.insert(member.wire.clone(), Value::String(random_token()));
    }
}

/// 40 random characters; a token holds 33 to 256 (service.md §1.3).
fn random_token() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let word = || RandomState::new().hash_one(std::time::Instant::now());
    format!("{PREFIX}{:016x}{:016x}{:08x}", word(), word(), word() >> 32).replace(':', "-")
}
