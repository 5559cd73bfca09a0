//! What somebody did by hand: changed or deleted what the manifest declares, or made what nobody declared.

use serde_json::Value;

use super::item::Item;
use super::items::Items;
use super::states::address_of;
use super::{Action, Since};
use crate::address::Address;
use crate::kind::Kind;
use crate::membership::{Child, Membership};
use crate::moment::Moment;
use crate::observe::{Observed, Stranger};
use crate::ownership::applied_digest;
use crate::reference::{Target, references};

/// Tells what was done by hand from what the manifest changes.
#[derive(Clone, Copy)]
pub(super) struct Hand<'a> {
    /// The items as the whole manifest wants them.
    pub(super) items: &'a Items,
    pub(super) observed: &'a Observed,
    /// The owner tag of the stack.
    pub(super) owner: &'a str,
}

/// One thing that was done.
#[derive(Clone, Copy)]
pub(super) enum Deed<'a> {
    /// The live object is not as it was applied.
    Changed(&'a Item),
    /// It was applied and is gone.
    Deleted(&'a Item),
    /// Nobody declared it.
    Made(&'a Stranger),
}

impl<'a> Hand<'a> {
    /// Everything that was done, of whatever kind.
    pub(super) fn deeds(self) -> Vec<Deed<'a>> {
        let of_items = self.items.iter().filter_map(move |item| {
            if Self::changed(item) {
                Some(Deed::Changed(item))
            } else {
                self.deleted(item).then_some(Deed::Deleted(item))
            }
        });
        let made = self.observed.strangers.iter().filter(|stranger| self.is_unexpected(stranger)).map(Deed::Made);
        of_items.chain(made).collect()
    }

    /// The manifest is the one last applied, or nobody knows what was, and the live object differs from it. What a gateway that is
    /// locked, or was never finished, differs in is a run's doing.
    pub(super) fn changed(item: &Item) -> bool {
        if item.resource.is_none() || item.action == Action::NoOp || item.stays() || item.unlock || item.unfinished {
            return false;
        }
        let Some(live) = &item.live else { return false };
        // Tags and what is remembered let nobody in.
        if item.differences.iter().all(|difference| difference.member.is_empty()) {
            return false;
        }
        let same = |applied: &String| applied_digest(item.kind, &item.applied_document()).starts_with(applied);
        let unknown = references(&item.desired).iter().any(|of| !matches!(of.target, Target::Variable(_)));
        !unknown && live.applied.as_ref().is_none_or(same)
    }

    /// It was applied and is gone, though nobody took it out of the manifest: its parent still names it.
    pub(super) fn deleted(self, item: &Item) -> bool {
        if item.action != Action::Create
            || item.live.is_some()
            || !matches!(item.kind.name, "policy" | "gateway_target")
        {
            return false;
        }
        let parent = item.parent().and_then(|parent| self.items.at(&parent)?.live.as_ref());
        let child = Child { kind: item.kind, name: item.live_name(), id: "" };
        parent.is_some_and(|parent| Membership::read(&parent.tags, self.owner).applied(child).is_some())
    }

    /// Nobody declared what a step deletes.
    pub(super) fn made(self, item: &Item) -> bool {
        let Some(live) = item.live.as_ref().filter(|_| item.resource.is_none()) else { return false };
        let is_it = |stranger: &&Stranger| stranger.kind == item.kind && stranger.id == live.ids.id;
        self.observed.strangers.iter().find(is_it).is_some_and(|stranger| self.is_unexpected(stranger))
    }

    /// In a parent of ours, declared by nobody.
    pub(super) fn is_unexpected(self, stranger: &Stranger) -> bool {
        stranger.owner.is_none() && !stranger.existing && self.observed.ours.contains_key(&stranger.parent)
    }
}

impl Deed<'_> {
    /// The kind of what it was done to.
    pub(super) fn kind(&self) -> &'static Kind {
        match self {
            Self::Changed(item) | Self::Deleted(item) => item.kind,
            Self::Made(stranger) => stranger.kind,
        }
    }

    /// What it was done to, as [states](super::states) call it.
    pub(super) fn address(&self, items: &Items) -> Address {
        match self {
            Self::Changed(item) | Self::Deleted(item) => item.address.clone(),
            Self::Made(stranger) => address_of(stranger, items),
        }
    }

    /// What that lives in.
    pub(super) fn parent(&self) -> Option<Address> {
        match self {
            Self::Changed(item) | Self::Deleted(item) => item.parent(),
            Self::Made(stranger) => Some(stranger.parent.clone()),
        }
    }

    /// When it was done, as far as the service keeps a date: of what is gone there is none.
    pub(super) fn since(&self) -> Option<Since> {
        let document = match self {
            Self::Changed(item) => item.live.as_ref().map(|live| &live.document)?,
            Self::Deleted(_) => return None,
            Self::Made(stranger) => stranger.live.as_ref().map_or(&stranger.item, |live| &live.document),
        };
        let moment = |members: &[&str]| {
            let value = members.iter().find_map(|member| document.get(*member).filter(|value| !value.is_null()));
            value.and_then(Moment::of)
        };
        let created = moment(&["createdAt", "CreationDate"]).filter(|_| matches!(self, Self::Made(_)));
        let changed = moment(&["updatedAt", "lastUpdatedAt", "LastModifiedDate"]).filter(|at| Some(*at) != created);
        let text = |moment: Moment| moment.to_string();
        let since = Since { created: created.map(text), changed: changed.map(text) };
        (since != Since::default()).then_some(since)
    }
}

/// The JWT authorizer in the document of a gateway or a runtime.
pub(super) fn jwt(document: &Value) -> Option<&Value> {
    document.pointer("/authorizerConfiguration/customJWTAuthorizer")
}
