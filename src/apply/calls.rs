//! The calls of one node: create, update, delete, each until it is settled.

use model::Meaning;
use serde_json::{Map, Value, json};

use super::retry::{self, Patience};
use super::{Known, Run, parent_address};
use crate::aws::CallError;
use crate::diff::differences;
use crate::kind::{Ids, Kind, Rule, Service, UpdateStyle};
use crate::live::{self, BUDGET, Settled, State};
use crate::merge;
use crate::ownership::{self, APPLIED, PREFIX, PROTECT, Tags, canonical};
use crate::plan::work::{Form, Item, applied_document, in_form};
use crate::progress::Event;
use crate::reference;
use crate::tags;

impl Run<'_> {
    /// The desired document with everything filled in.
    fn desired(&self, item: &Item) -> Result<Value, String> {
        let source = item.resource.as_ref().map_or(&item.desired, |resource| &resource.document);
        let desired = reference::resolve(source, &|target| self.lookup(target));
        match reference::references(&desired).first() {
            Some(missing) => Err(format!("`{}` has no value; this is a defect, please report it", missing.source())),
            None => Ok(desired),
        }
    }

    fn parent_ids(&self, item: &Item) -> Result<Ids, String> {
        let Some(parent) = parent_address(item) else { return Ok(Ids::default()) };
        match self.known(&parent) {
            Some(known) => Ok(Ids { parent: known.ids.id, id: String::new() }),
            None => Err(format!("`{parent}` is not there")),
        }
    }

    fn waiting(&self, item: &Item) -> impl Fn(&str) + Sync {
        let address = item.address.to_string();
        let report = self.report;
        move |status: &str| report(Event::Waiting { address: address.clone(), status: status.to_owned() })
    }

    /// Creates an object, waits until it is ready, and makes the calls that belong to its creation.
    pub(super) async fn create(&self, item: &Item, form: Form, last: bool) -> Result<(), String> {
        let desired = self.desired(item)?;
        let ids = self.parent_ids(item)?;
        let parent = parent_address(item);
        let applied = ownership::applied_digest(item.kind, &applied_to(item, &desired));
        if let Some(parent) = &parent {
            self.announce_children(parent).await?;
        }
        let mut tags = item.tags.clone();
        if last && item.kind.tags_member.is_some() {
            tags.insert(APPLIED.to_owned(), applied.clone());
        }
        let body = create_body(item.kind, &in_form(form, &desired, None), &tags);
        let mut known = self.create_until_ready(item, &ids, body).await?;
        self.learn(&item.address, known.clone());
        if item.kind.arn.is_some() {
            *self.tags_of(&item.address).lock().await = tags;
        }
        if let Some(parent) = &parent {
            let applied = if last { applied.as_str() } else { "" };
            self.remember_child(parent, item, &known.ids.id, applied).await?;
        }
        if self.set_companions(item, &desired, &known).await? {
            known = self.reread(item, &known.ids).await?;
            self.learn(&item.address, known);
        }
        Ok(())
    }

    /// Creates, and creates again what failed for a reason that passes.
    async fn create_until_ready(&self, item: &Item, ids: &Ids, mut body: Value) -> Result<Known, String> {
        let mut patience = Patience::new();
        loop {
            let known = self.create_once(item, ids, &body).await?;
            self.learn(&item.address, known.clone());
            let settled = live::settle(self.aws, item.kind, &known.ids, BUDGET, &self.waiting(item)).await;
            let document = match settled.map_err(|error| error.to_string())? {
                Settled::At(State::Ready, document) => return Ok(Known { document, ..known }),
                Settled::At(State::PendingAuth, document) => {
                    self.ask_for_consent(item, &document);
                    return Ok(Known { document, ..known });
                }
                Settled::At(_, document) => document,
                Settled::Gone => return Err("it was gone right after it was created; run apply again".to_owned()),
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

    fn ask_for_consent(&self, item: &Item, document: &Value) {
        let url = document.pointer("/authorizationData/oauth2/authorizationUrl").and_then(Value::as_str);
        let text = match url {
            Some(url) => format!("waits for consent: open {url}"),
            None => "waits for consent: open the gateway in the console".to_owned(),
        };
        self.note(&item.address, &text);
    }

    /// One create. When its answer is lost, looks before it tries again: without a client token a second call would make a
    /// second object.
    async fn create_once(&self, item: &Item, ids: &Ids, body: &Value) -> Result<Known, String> {
        let kind = item.kind;
        let mut body = body.clone();
        add_client_token(kind, &mut body);
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
                || error.is("InvalidParameterException");
            let taken_by_us = taken && lost > 0;
            if !error.unanswered && !taken_by_us {
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
            if known.contains(&found.id) && item.kind.id_member != item.kind.name_member {
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

    /// Sends what the kind's companions set, if it differs; says whether anything was sent.
    async fn set_companions(&self, item: &Item, desired: &Value, known: &Known) -> Result<bool, String> {
        let mut sent = false;
        let view = live::view(item.kind, &known.document);
        for companion in item.kind.companions {
            let Some(input) = item.kind.api().input(companion.set) else { continue };
            let own = |member: &str| input.member(member).is_some();
            if !differences(item.kind, desired, &view).iter().any(|difference| own(&difference.member)) {
                continue;
            }
            let mut body = Map::new();
            for member in input.members().iter().filter(|member| member.wire != item.kind.request_id) {
                let kept = item.kind.kept(&member.wire).flatten();
                if let Some(value) = desired.get(&member.wire).cloned().or(kept) {
                    body.insert(member.wire.clone(), value);
                }
            }
            let body = item.kind.request(&known.ids, Value::Object(body));
            retry::patiently(|| (companion.set_call)(self.aws, &known.ids, &body), |_| false)
                .await
                .map_err(|error| error.to_string())?;
            sent = true;
        }
        Ok(sent)
    }

    async fn reread(&self, item: &Item, ids: &Ids) -> Result<Known, String> {
        match live::read(self.aws, item.kind, ids).await {
            Ok(Some(document)) => Ok(Known { kind: item.kind, ids: ids.clone(), document }),
            Ok(None) => Err("it is gone: somebody deleted it meanwhile; plan again".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Updates an object and waits until it is ready.
    pub(super) async fn update(&self, item: &Item, form: Form, last: bool) -> Result<(), String> {
        let kind = item.kind;
        let desired = self.desired(item)?;
        let Some(before) = self.known(&item.address) else { return Err("it is not there".to_owned()) };
        let now = self.reread(item, &before.ids).await?;
        let view = live::view(kind, &now.document);
        let wanted = in_form(form, &desired, Some(&view));
        let differing = differences(kind, &wanted, &view);
        let own = |member: &str| kind.companion_of(member).is_none();
        if differing.iter().any(|difference| own(&difference.member))
            || live::state(kind, &now.document) == State::Failed
        {
            if kind.update_style == UpdateStyle::FullReplace {
                unchanged_since(kind, &before.document, &now.document)?;
                self.full_replace(item, &wanted, &now, &view).await?;
            } else {
                let body = merge::patch(kind, &wanted, &differing);
                self.patch(item, &now, body).await?;
            }
        }
        if form == Form::Full {
            self.set_companions(item, &desired, &now).await?;
        }
        let after = self.reread(item, &before.ids).await?;
        self.learn(&item.address, after.clone());
        if last {
            let applied = ownership::applied_digest(kind, &applied_to(item, &desired));
            self.remember(item, &after, &applied).await?;
        }
        Ok(())
    }

    /// A full-replace call, and a look at whether every unknown member survived it.
    async fn full_replace(&self, item: &Item, wanted: &Value, now: &Known, view: &Value) -> Result<(), String> {
        let kind = item.kind;
        let mut body = merge::full_replace(kind, wanted, view).map_err(|error| error.to_string())?;
        if let (Some(member), Some(members)) = (tags_in_update(kind), body.as_object_mut()) {
            // Left out, the pool's tags would be reset: ours, and everybody else's.
            let mut tags = tags::from_document(now.document.get(member).unwrap_or(&Value::Null));
            tags.extend(item.tags.clone());
            members.insert(member.to_owned(), json!(tags));
        }
        let unknown = merge::unknown_members(kind, view);
        if let Err(error) = self.send_update(item, now, &body).await {
            // The service may report a member that it does not take back.
            let refused: Vec<String> = unknown
                .iter()
                .filter(|member| error.fields.iter().any(|(name, _)| name.contains(*member)))
                .cloned()
                .collect();
            if refused.is_empty() {
                return Err(error.to_string());
            }
            if let Some(members) = body.as_object_mut() {
                members.retain(|member, _| !refused.contains(member));
            }
            self.note(
                &item.address,
                &format!("the service reports {} but does not take it back; updated without it", refused.join(", ")),
            );
            self.send_update(item, now, &body).await.map_err(|error| error.to_string())?;
            return self.wait_ready(item, &now.ids).await.map(drop);
        }
        let after = live::view(kind, &self.wait_ready(item, &now.ids).await?);
        let lost: Vec<String> = unknown.into_iter().filter(|member| after.get(member).is_none()).collect();
        if lost.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "the update erased {}, which this version does not know; set it again where it was set",
                lost.join(", ")
            ))
        }
    }

    async fn patch(&self, item: &Item, now: &Known, mut body: Value) -> Result<(), String> {
        let mut patience = Patience::new();
        loop {
            self.send_update(item, now, &body).await.map_err(|error| error.to_string())?;
            let settled = live::settle(self.aws, item.kind, &now.ids, BUDGET, &self.waiting(item)).await;
            let document = match settled.map_err(|error| error.to_string())? {
                Settled::At(State::Ready | State::PendingAuth, _) => return Ok(()),
                Settled::At(_, document) => document,
                Settled::Gone => return Err("it is gone: somebody deleted it meanwhile; plan again".to_owned()),
                Settled::Stuck(status) => return Err(stuck(&status)),
            };
            let reasons = live::reasons(item.kind, &document);
            let ignores = body.get("validationMode").and_then(Value::as_str) == Some("IGNORE_ALL_FINDINGS");
            if item.kind.name == "policy" && item.is_forbid() && retry::is_finding(&reasons) && !ignores {
                self.note(&item.address, &format!("refused for its findings ({reasons}), sent again with IGNORE_ALL_FINDINGS: a forbid only restrains"));
                if let Some(members) = body.as_object_mut() {
                    members.insert("validationMode".to_owned(), json!("IGNORE_ALL_FINDINGS"));
                }
            } else if !(item.kind.name == "policy" && retry::reason_passes(&reasons) && patience.wait().await) {
                return Err(format!("{}: {reasons}", live::status(item.kind, &document)));
            }
        }
    }

    async fn send_update(&self, item: &Item, now: &Known, body: &Value) -> Result<Value, CallError> {
        let Some((_, update)) = item.kind.update else { return Ok(Value::Null) };
        let mut body = item.kind.request(&now.ids, body.clone());
        add_client_token_to(item.kind, item.kind.update.map(|(name, _)| name), &mut body);
        retry::patiently(|| update(self.aws, &now.ids, &body), |_| false).await
    }

    async fn wait_ready(&self, item: &Item, ids: &Ids) -> Result<Value, String> {
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

    /// Writes what was applied: as tags, or in the parent's membership.
    async fn remember(&self, item: &Item, known: &Known, applied: &str) -> Result<(), String> {
        if let Some(parent) = parent_address(item) {
            return self.remember_child(&parent, item, &known.ids.id, applied).await;
        }
        let Some(arn) = item.kind.arn.map(|arn| arn(&known.ids.id, &self.place)) else { return Ok(()) };
        let lock = self.tags_of(&item.address);
        let mut held = lock.lock().await;
        let mut wanted = item.tags.clone();
        wanted.insert(APPLIED.to_owned(), applied.to_owned());
        let changed: Tags = wanted.into_iter().filter(|(key, value)| held.get(key) != Some(value)).collect();
        tags::write(self.aws, item.kind.service, &arn, &changed).await.map_err(|error| error.to_string())?;
        held.extend(changed);
        if held.contains_key(PROTECT) && !item.tags.contains_key(PROTECT) {
            tags::remove(self.aws, item.kind.service, &arn, &[PROTECT.to_owned()])
                .await
                .map_err(|error| error.to_string())?;
            held.remove(PROTECT);
        }
        Ok(())
    }

    /// Deletes an object and waits until it is gone.
    pub(super) async fn delete(&self, item: &Item) -> Result<(), String> {
        let Some(known) = self.known(&item.address) else { return Ok(()) };
        self.delete_and_wait(item, &known.ids).await?;
        self.forget(&item.address);
        let parent = item.live.as_ref().and_then(|live| live.parent.clone());
        let stays = |parent: &crate::address::Address| self.known(parent).is_some();
        if let Some(parent) = parent.filter(stays) {
            let name = item.live.as_ref().map(|live| live.name.clone()).unwrap_or_default();
            self.forget_child(&parent, item.kind, &name, &known.ids.id).await?;
        }
        Ok(())
    }

    async fn delete_and_wait(&self, item: &Item, ids: &Ids) -> Result<(), String> {
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
            // A runtime that is gone was seen to answer so (service.md §1.2).
            Err(error) if error.is("AccessDeniedException") => {
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

/// The document that is remembered as applied to an item.
fn applied_to(item: &Item, desired: &Value) -> Value {
    let protect = item.resource.as_ref().is_some_and(|resource| resource.protect);
    applied_document(item.kind, desired, &item.tags, protect)
}

fn stuck(status: &str) -> String {
    format!("still {status} after {} minutes; look at it in the console, then run apply again", BUDGET.as_secs() / 60)
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

/// The member of the update request that holds the tags, for kinds whose update resets them.
fn tags_in_update(kind: &Kind) -> Option<&'static str> {
    let (update, _) = kind.update?;
    kind.tags_member.filter(|member| kind.api().input(update).is_some_and(|input| input.member(member).is_some()))
}

fn add_client_token(kind: &Kind, body: &mut Value) {
    add_client_token_to(kind, Some(kind.create.0), body);
}

/// A fresh client token where the operation takes one in its body: a retry of the same call is the same request.
fn add_client_token_to(kind: &Kind, operation: Option<&str>, body: &mut Value) {
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

/// The object is still what the plan read: what can be set of it, and what nobody knows.
fn unchanged_since(kind: &Kind, before: &Value, now: &Value) -> Result<(), String> {
    let settable = |document: &Value| {
        let view = live::view(kind, document);
        let unknown = merge::unknown_members(kind, &view);
        let members = view.as_object().cloned().unwrap_or_default();
        members
            .into_iter()
            .filter(|(member, _)| Some(member.as_str()) != kind.tags_member)
            .filter(|(member, _)| kind.member(member).is_some() || unknown.contains(member))
            .collect::<Map<String, Value>>()
    };
    let (before, now) = (settable(before), settable(now));
    let changed: Vec<&String> = before
        .keys()
        .chain(now.keys().filter(|member| !before.contains_key(*member)))
        .filter(|member| before.get(*member).map(canonical) != now.get(*member).map(canonical))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = changed.into_iter().map(String::as_str).collect();
    Err(format!("changed-since-plan: somebody changed {} meanwhile; nothing was sent, plan again", names.join(", ")))
}
