//! Creating: one object, until it is ready, made once even when answers are lost.

use model::Meaning;
use serde_json::{Map, Value, json};

use super::calls::{add_client_token, applied_to, stuck};
use super::retry::{self, Patience};
use super::{Known, Run};
use crate::kind::{Ids, Kind, Rule, Service};
use crate::lease::{Lease, Root};
use crate::live::{self, BUDGET, Settled, State};
use crate::ownership::{self, APPLIED, Tags, UNFINISHED};
use crate::plan::form::{Form, in_form};
use crate::plan::item::Item;
use crate::tags;

impl Run<'_> {
    /// Creates an object, waits until it is ready, and makes the calls that belong to its creation. Gives what is to be remembered
    /// of a child.
    pub(super) async fn create(&self, item: &Item, form: Form, last: bool) -> Result<Option<String>, String> {
        let desired = self.desired(item)?;
        let ids = self.parent_ids(item)?;
        let parent = item.parent();
        let applied = ownership::applied_digest(item.kind, &applied_to(item, &desired, &self.wanted_tags(item)));
        if let Some(parent) = &parent {
            self.announce_children(parent).await?;
        }
        let mut tags = self.wanted_tags(item);
        if item.kind.arn.is_some() {
            let (key, value) = if last { (APPLIED, applied.clone()) } else { (UNFINISHED, "true".to_owned()) };
            tags.insert(key.to_owned(), value);
        }
        let desired = self.secrets.reveal(&desired);
        Self::is_sendable(&desired)?;
        // Before the call: if its answer is lost, the secret was sent all the same.
        self.remember_version(item, item.secret_version()).await?;
        let leased = self.lease_first_root(item, &mut tags);
        let body = create_body(item.kind, &in_form(form, &desired, None), &tags);
        let created = self.create_until_ready(item, &ids, body).await;
        if let Some(lease) = leased {
            // It may stand though its creation failed.
            let root = self.known(&item.address);
            lease.first_root_ended(
                root.and_then(|known| Root::new(&item.address, item.kind, &known.ids.id, &self.place)),
            );
        }
        let known = created?;
        self.learn(&item.address, known.clone());
        if item.kind.arn.is_some() {
            *self.tags_of(&item.address).lock().await = tags;
        }
        if let Some(completed) = self.set_companions(item, &desired, &known).await? {
            self.learn(&item.address, completed);
        }
        Ok(parent.is_some().then(|| if last { applied } else { String::new() }))
    }

    /// Lets the first root object of a new stack carry the lease of this run.
    fn lease_first_root(&self, item: &Item, tags: &mut Tags) -> Option<&Lease> {
        let lease = self.lease.filter(|_| item.kind.parent.is_none() && item.kind.tags_member.is_some())?;
        tags.extend([lease.first_root(&item.address, tags.len())?]);
        Some(lease)
    }

    /// Creates, and creates again what failed for a reason that passes.
    async fn create_until_ready(&self, item: &Item, ids: &Ids, mut body: Value) -> Result<Known, String> {
        let mut patience = Patience::new();
        loop {
            let known = self.create_once(item, ids, &body).await?;
            self.learn(&item.address, known.clone());
            if is_described(item.kind, &known.document) {
                let whole = live::complete(self.aws, item.kind, &known.ids, known.document.clone()).await;
                let whole = whole.map_err(|error| error.to_string())?;
                return whole.map(|document| Known { document, ..known }).ok_or_else(|| GONE_AT_ONCE.to_owned());
            }
            let settled = live::settle(self.aws, item.kind, &known.ids, BUDGET, &self.waiting(item)).await;
            let document = match settled.map_err(|error| error.to_string())? {
                Settled::At(State::Ready, document) => return Ok(Known { document, ..known }),
                Settled::At(State::PendingAuth, document) => {
                    self.ask_for_consent(item, &document);
                    return Ok(Known { document, ..known });
                }
                Settled::At(_, document) => document,
                Settled::Gone => return Err(GONE_AT_ONCE.to_owned()),
                Settled::Stuck(status) => return Err(stuck(&status)),
            };
            let reasons = live::reasons(item.kind, &document);
            let mode = body.get("validationMode").and_then(Value::as_str).map(ToOwned::to_owned);
            if item.kind.name == "policy"
                && item.is_forbid()
                && retry::is_finding(&reasons)
                && mode.as_deref() != Some("IGNORE_ALL_FINDINGS")
            {
                self.note(&item.address, &format!("refused for its findings ({reasons}), made again with IGNORE_ALL_FINDINGS: a forbid only restrains"));
                if let Some(members) = body.as_object_mut() {
                    members.insert("validationMode".to_owned(), json!("IGNORE_ALL_FINDINGS"));
                }
            } else if !(item.kind.name == "policy" && retry::reason_passes(&reasons) && patience.wait().await) {
                return Err(format!(
                    "{}: {}",
                    live::status(item.kind, &document),
                    if reasons.is_empty() { "no reason given" } else { &reasons }
                ));
            }
            // A failed object keeps its name: it goes first.
            self.delete_and_wait(item, &known.ids).await?;
        }
    }

    /// One create. When its answer is lost, looks before it tries again: without a client token a second call would make a
    /// second object.
    async fn create_once(&self, item: &Item, ids: &Ids, body: &Value) -> Result<Known, String> {
        let kind = item.kind;
        let mut body = body.clone();
        add_client_token(kind, Some(kind.create.0), &mut body);
        let body = kind.request(ids, body);
        let mut lost = 0;
        loop {
            let answer = retry::patiently(|| (kind.create.1)(self.aws, ids, &body), |_| false).await;
            let error = match answer {
                Ok(answer) => return known_from_create(kind, ids, answer, item),
                Err(error) => error,
            };
            let taken = error.is("ConflictException")
                || error.is("GroupExistsException")
                || error.is("DuplicateProviderException")
                || error.message.contains("already exists")
                || error.is("InvalidParameterException");
            let taken_by_us = taken && lost > 0;
            if !error.unanswered && !taken_by_us {
                // Nothing was made: what has this name is not ours.
                if let Some(parent) = item.parent().filter(|_| lost == 0) {
                    self.forget_child(&parent, item, item.live_name(), "").await?;
                }
                return Err(error.to_string());
            }
            if let Some(known) = self.find_created(item, ids).await? {
                return Ok(known);
            }
            lost += 1;
            if lost > 2 {
                return Err(error.to_string());
            }
        }
    }

    /// The object that a create whose answer was lost has made: ours by its tags, or the child of that name in our membership.
    async fn find_created(&self, item: &Item, ids: &Ids) -> Result<Option<Known>, String> {
        let kind = item.kind;
        let listed = live::list(self.aws, kind, &ids.parent).await.map_err(|error| error.to_string())?;
        let known: Vec<String> =
            self.work.items.iter().filter_map(|other| Some(other.live.as_ref()?.ids.id.clone())).collect();
        for found in listed.into_iter().filter(|found| found.name == item.live_name()) {
            // An object that was there before is not the one we made.
            if self.work.strangers.contains(&found.id) {
                continue;
            }
            if known.contains(&found.id) && item.kind.id_member != item.kind.name_member {
                continue;
            }
            if self.is_claimed(item, &found).await? {
                continue;
            }
            let ids = Ids { parent: ids.parent.clone(), id: found.id.clone() };
            if let Some(arn) = kind.arn.map(|arn| arn(&found.id, &self.place)) {
                let tags = tags::read(self.aws, kind.service, &arn).await.map_err(|error| error.to_string())?;
                if tags.get(ownership::STACK) != Some(&self.owner)
                    || tags.get(ownership::ADDRESS) != Some(&item.address.to_string())
                {
                    continue;
                }
            }
            let document = live::read(self.aws, kind, &ids).await.map_err(|error| error.to_string())?;
            return Ok(document.map(|document| Known { kind, ids, document }));
        }
        Ok(None)
    }
}

const GONE_AT_ONCE: &str = "it was gone right after it was created; run apply again";

/// A create of Cognito answers with what a read would show; nothing is to be waited for then.
fn is_described(kind: &Kind, answer: &Value) -> bool {
    kind.service == Service::Cognito && kind.lifecycle.is_none() && answer.get(kind.id_member).is_some()
}

/// The body of a create: without what only updates and companions take, with tags.
fn create_body(kind: &Kind, desired: &Value, tags: &Tags) -> Value {
    let members = desired.as_object().into_iter().flatten();
    let mut body: Map<String, Value> = members
        .filter(|(member, _)| {
            kind.meaning(member) != Meaning::UpdateOnly
                && kind.companion_of(member).is_none()
                && kind.rule(member, |rule| *rule == Rule::NeverSent).is_none()
        })
        .map(|(member, value)| (member.clone(), value.clone()))
        .collect();
    if let Some(member) = kind.tags_member {
        body.insert(member.to_owned(), json!(tags));
    }
    Value::Object(body)
}

fn known_from_create(kind: &'static Kind, ids: &Ids, answer: Value, item: &Item) -> Result<Known, String> {
    let document = kind.unwrapped(answer);
    // Some creates answer without the object: then its name is its id.
    let own = document.get(kind.id_member).and_then(Value::as_str);
    let id = match own {
        Some(id) if !id.is_empty() => id.to_owned(),
        _ if kind.id_member == kind.name_member => item.live_name().to_owned(),
        _ => return Err(format!("{} answered without `{}`; run apply again", kind.create.0, kind.id_member)),
    };
    Ok(Known { kind, ids: Ids { parent: ids.parent.clone(), id }, document })
}
