//! Updating: only what is still as the plan read it, and nothing erased that nobody knows.

use serde_json::{Map, Value, json};

use super::calls::{add_client_token, applied_to, stuck};
use super::retry::{self, Patience};
use super::{Known, Run};
use crate::aws::CallError;
use crate::diff::differences;
use crate::kind::{Kind, UpdateStyle};
use crate::live::{self, BUDGET, Settled, State};
use crate::merge;
use crate::ownership::{self, unordered};
use crate::plan::form::{Form, in_form};
use crate::plan::item::{Item, leave_unmanaged};
use crate::plan::lock;
use crate::{reference, tags};

impl Run<'_> {
    /// Updates an object and waits until it is ready. Gives the digest of what was applied, if it is to be remembered.
    pub(super) async fn update(&self, item: &Item, form: Form, last: bool) -> Result<Option<String>, String> {
        let kind = item.kind;
        // What only narrows does without what is not there.
        let marked = if form == Form::Closed { self.desired_so_far(item) } else { self.desired(item)? };
        let mut desired = self.secrets.reveal(&marked);
        let Some(before) = self.known(&item.address) else { return Err("it is not there".to_owned()) };
        let now = self.reread(item, &before.ids).await?;
        let view = live::view(kind, &now.document);
        let unmanaged = item.resource.as_ref().map(|resource| resource.unmanaged.as_slice()).unwrap_or_default();
        if !item.makes() {
            leave_unmanaged(&mut desired, unmanaged, &view);
        }
        let wanted = in_form(form, &desired, Some(&view));
        let mut differing = Self::differing(item, form, differences(kind, &wanted, &view));
        differing.retain(|difference| !item.leaves(&difference.member));
        if kind.name == "gateway" && lock::is_locked(&wanted) && !lock::is_locked(&view) {
            self.remember_lock(item, &now, lock::remember(&view, &desired)).await?;
        }
        let own = |member: &str| kind.companion_of(member).is_none();
        let mut after = now.clone();
        if differing.iter().any(|difference| own(&difference.member))
            || live::state(kind, &now.document) == State::Failed
        {
            if kind.update_style == UpdateStyle::FullReplace {
                unchanged_since(item, &before.document, &now.document)?;
                after.document = self.full_replace(item, &wanted, &now, &view).await?;
            } else {
                let failed = live::state(kind, &now.document) == State::Failed;
                let body =
                    if failed { merge::patch_all(kind, &wanted) } else { merge::patch(kind, &wanted, &differing) };
                after.document = self.patch(item, &now, body).await?;
            }
        }
        if form == Form::Full
            && let Some(completed) = self.set_companions(item, &desired, &after).await?
        {
            after = completed;
        }
        self.learn(&item.address, after.clone());
        // What was narrowed in part is not yet what the manifest says: what was applied before is still what is remembered.
        let reached = || {
            let now = live::view(kind, &after.document);
            !reference::holds_unknown(&desired) && differences(kind, &desired, &now).is_empty()
        };
        let partly = form == Form::Closed && !reached();
        if !last || partly {
            return Ok(None);
        }
        self.remember_version(item, item.secret_version()).await?;
        Ok(Some(ownership::applied_digest(kind, &applied_to(item, &marked, &self.wanted_tags(item)))))
    }

    /// A full-replace call, and a look at whether every unknown member survived it. Gives the object as it is then.
    async fn full_replace(&self, item: &Item, wanted: &Value, now: &Known, view: &Value) -> Result<Value, String> {
        let kind = item.kind;
        let mut body = merge::full_replace(kind, wanted, view).map_err(|error| error.to_string())?;
        if let (Some(member), Some(members)) = (tags_in_update(kind), body.as_object_mut()) {
            // Left out, the pool's tags would be reset: ours, and everybody else's.
            let mut tags = tags::from_document(now.document.get(member).unwrap_or(&Value::Null));
            tags.extend(self.wanted_tags(item));
            members.insert(member.to_owned(), json!(tags));
        }
        Self::is_sendable(&body)?;
        let unknown = merge::unknown_members(kind, view);
        if let Err(error) = self.send_update(item, now, &body).await {
            // The service may report a member that it does not take back.
            let refused: Vec<String> = unknown
                .iter()
                .filter(|member| error.fields.iter().any(|(path, _)| is_within(path, member)))
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
            return self.wait_ready(item, &now.ids).await;
        }
        let document = self.wait_ready(item, &now.ids).await?;
        let after = live::view(kind, &document);
        let lost: Vec<String> = unknown.into_iter().filter(|member| after.get(member).is_none()).collect();
        if lost.is_empty() {
            Ok(document)
        } else {
            Err(format!(
                "the update erased {}, which this version does not know; set it again where it was set",
                lost.join(", ")
            ))
        }
    }

    /// A patch, until the object is ready. Gives the object as it is then.
    async fn patch(&self, item: &Item, now: &Known, mut body: Value) -> Result<Value, String> {
        Self::is_sendable(&body)?;
        let mut patience = Patience::new();
        loop {
            self.send_update(item, now, &body).await.map_err(|error| error.to_string())?;
            let settled = live::settle(self.aws, item.kind, &now.ids, BUDGET, &self.waiting(item)).await;
            let document = match settled.map_err(|error| error.to_string())? {
                Settled::At(State::Ready | State::PendingAuth, document) => return Ok(document),
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
        add_client_token(item.kind, item.kind.update.map(|(name, _)| name), &mut body);
        retry::patiently(|| update(self.aws, &now.ids, &body), |_| false).await
    }
}

/// A path of the service's `fieldList` (`brandNew`, `brandNew[0].x`, `/brandNew/0/x`) begins with a member of this name.
fn is_within(path: &str, member: &str) -> bool {
    path.split(['.', '[', ']', '/', '\'', '"']).find(|step| !step.is_empty()) == Some(member)
}

/// The member of the update request that holds the tags, for kinds whose update resets them.
fn tags_in_update(kind: &Kind) -> Option<&'static str> {
    let (update, _) = kind.update?;
    kind.tags_member.filter(|member| kind.api().input(update).is_some_and(|input| input.member(member).is_some()))
}

/// The object is still what the plan read: what can be set of it, and what nobody knows.
fn unchanged_since(item: &Item, before: &Value, now: &Value) -> Result<(), String> {
    let kind = item.kind;
    let settable = |document: &Value| {
        let view = live::view(kind, document);
        let unknown = merge::unknown_members(kind, &view);
        let members = view.as_object().cloned().unwrap_or_default();
        members
            .into_iter()
            .filter(|(member, _)| Some(member.as_str()) != kind.tags_member && !item.leaves(member))
            .filter(|(member, _)| kind.member(member).is_some() || unknown.contains(member))
            .collect::<Map<String, Value>>()
    };
    let (before, now) = (settable(before), settable(now));
    let changed: Vec<&String> = before
        .keys()
        .chain(now.keys().filter(|member| !before.contains_key(*member)))
        .filter(|member| before.get(*member).map(unordered) != now.get(*member).map(unordered))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = changed.into_iter().map(String::as_str).collect();
    Err(format!("changed-since-plan: somebody changed {} meanwhile; nothing was sent, plan again", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_refused_member_is_meant_by_its_whole_name() {
        for path in ["novel", "/novel", "novel.x", "novel[0]", "['novel']", "/novel/0/x"] {
            assert!(is_within(path, "novel"), "{path}");
        }
        for path in ["novelty", "protocolConfiguration.novel", "no.vel", "", "/novel_mode", "novel-mode"] {
            assert!(!is_within(path, "novel"), "{path}");
        }
    }
}
