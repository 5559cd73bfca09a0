//! Shared parents: objects of somebody else, the children that several stacks have in one parent, and children of nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::item::Item;
use super::make::{Making, Towards};
use super::{Action, Origin, PlanDiagnostic, Unexpected};
use crate::address::Address;
use crate::diff::Difference;
use crate::kind::{KINDS, Names};
use crate::membership::{Child, Membership, Memberships, Unreadable};
use crate::observe::{Finding, Live, Stranger};
use crate::ownership::Tags;
use crate::stack::Resource;

/// Why a parent is written to although nothing about it changes.
pub(super) const FORGETS: &str = "its tags name children that are gone";

/// So many children are named in one message.
const NAMED: usize = 5;

/// An item about which nothing is decided.
fn untouched(address: &Address, live: Option<Live>, kind: &'static crate::kind::Kind) -> Item {
    Item {
        address: address.clone(),
        kind,
        action: Action::NoOp,
        resource: None,
        desired: Value::Object(Map::new()),
        tags: Tags::new(),
        live,
        differences: Vec::new(),
        origin: Origin::Change,
        reason: None,
        blocked: None,
        unlock: false,
        unfinished: false,
        closing: false,
        unsaid: Vec::new(),
        forgets: Membership::default(),
    }
}

impl Making<'_> {
    /// An object of somebody else: it is as it is, or it is not there and nothing that needs it can be done.
    pub(super) fn decide_existing(&mut self, resource: &Resource) {
        let live = self.observed.existing.get(&resource.address).cloned();
        let mut item = untouched(&resource.address, live, resource.kind);
        if item.live.is_none() {
            let finding = self.observed.findings.iter().find(|finding| finding.address == resource.address);
            let missing = finding.map_or("it could not be read", |finding| finding.message.as_str());
            item.blocked = Some(missing.to_owned());
        }
        item.resource = Some(resource.clone());
        self.items.insert(item.address.clone(), item);
    }

    /// What is borrowed and not decided about yet: in a destroy, and where the manifest no longer names it.
    pub(super) fn keep_borrowed(&mut self) {
        for (address, live) in &self.observed.existing {
            if !self.items.contains_key(address) {
                let mut item = untouched(address, Some(live.clone()), live.kind);
                item.resource = self.stack.resource(address).cloned();
                self.items.insert(address.clone(), item);
            }
        }
    }

    /// Children of nobody, in parents that say that such go.
    pub(super) fn delete_unknown_children(&mut self) {
        for stranger in &self.observed.strangers {
            let Some(live) = &stranger.live else { continue };
            let address = Address::new(stranger.kind.name, unknown_name(stranger));
            let mut item = untouched(&address, Some(live.clone()), stranger.kind);
            item.action = Action::Delete;
            item.reason = Some(format!("nobody declared it, and `{}` says `delete_unknown_children`", stranger.parent));
            if item.is_protected() {
                item.blocked = Some("it is protected".to_owned());
            } else if KINDS.iter().any(|kind| kind.parent.is_some_and(|parent| parent.kind == stranger.kind.name)) {
                item.blocked = Some("it may hold children of its own: look into it, and delete it by hand".to_owned());
            }
            self.items.insert(address, item);
        }
    }

    /// The children of our parents that nobody declared and that stay.
    pub(super) fn unexpected(&self) -> Vec<Unexpected> {
        let unexpected = self.observed.strangers.iter().filter(|stranger| {
            let taken = self
                .observed
                .foreign
                .iter()
                .any(|foreign| foreign.id == stranger.id && foreign.address.kind == stranger.kind.name);
            let ours = self.observed.ours.contains_key(&stranger.parent);
            ours && stranger.owner.is_none() && !stranger.existing && !taken && !self.goes(stranger)
        });
        let shown = |stranger: &Stranger| Unexpected {
            parent: stranger.parent.to_string(),
            kind: stranger.kind.name.to_owned(),
            name: stranger.name.clone(),
            id: stranger.id.clone(),
        };
        unexpected.map(shown).collect()
    }

    /// The stranger is deleted by this plan.
    fn goes(&self, stranger: &Stranger) -> bool {
        stranger.live.is_some()
            && self
                .items
                .get(&Address::new(stranger.kind.name, unknown_name(stranger)))
                .is_some_and(|item| item.blocked.is_none())
    }

    /// Says what is not as it should be in tags and among siblings.
    pub(super) fn describe_findings(&mut self, towards: Towards) {
        // Where nothing is wanted, nothing is missing.
        let matters = |finding: &&Finding| towards == Towards::Manifest || finding.code != "plan::existing";
        for finding in self.observed.findings.iter().filter(matters) {
            self.diagnostics.push(PlanDiagnostic {
                code: finding.code.to_owned(),
                address: Some(finding.address.to_string()),
                message: finding.message.clone(),
                help: Some(finding.help.clone()),
            });
        }
        let owner = self.stack.owner();
        for (address, live) in self.observed.ours.iter().chain(&self.observed.existing) {
            let ours = self.observed.ours.contains_key(address);
            let memberships = Memberships::read(&live.tags);
            // What another stack wrote is that stack's to mend, and its own plan says so.
            let about_us = |tag: &&Unreadable| match &tag.owner {
                Some(of) => *of == owner,
                None => ours,
            };
            for tag in memberships.unreadable().iter().filter(about_us) {
                self.diagnostics.push(PlanDiagnostic {
                    code: "plan::membership".into(),
                    address: Some(address.to_string()),
                    message: format!("the tag `{}` of `{address}` should name children of this stack, and {}", tag.key, tag.why),
                    help: Some("put it back as it was, or take it off; children that nobody names any more are left alone, and to be deleted by hand".into()),
                });
            }
        }
    }

    /// What tags remember of children that are gone: it is forgotten with the next change of a membership, or for its own sake,
    /// because who makes a child of the same name later must not find it taken for ours.
    pub(super) fn forget_gone_children(&mut self) {
        let owner = self.stack.owner();
        let mut forgotten = Vec::new();
        let children = self.children();
        for (address, parent) in &self.items {
            let stays = matches!(parent.action, Action::NoOp | Action::Update) && parent.blocked.is_none();
            let Some(live) = parent.live.as_ref().filter(|_| stays) else { continue };
            let membership = Membership::read(&live.tags, &owner);
            let children = children.get(address).map_or(&[][..], Vec::as_slice);
            let forgets = self.gone(address, children, &membership);
            // An empty tag is left of a run that died; one that cannot be read is left alone.
            let empty = |key: &String| live.tags.get(key).is_some_and(String::is_empty);
            let leftover = membership.is_empty() && membership.tags().iter().any(empty);
            if leftover || !forgets.is_empty() {
                forgotten.push((address.clone(), membership, forgets));
            }
        }
        for (address, membership, forgets) in forgotten {
            let written = self.items.values().any(|child| {
                child.changes()
                    && child.parent().as_ref() == Some(&address)
                    && matches!(child.action, Action::Create | Action::Replace | Action::Delete)
            });
            let Some(parent) = self.items.get_mut(&address) else { continue };
            if !written {
                parent.differences.extend(membership_differences(&membership, &forgets, &owner, parent.live.as_ref()));
                if parent.action == Action::NoOp {
                    parent.action = Action::Update;
                    parent.reason = Some(FORGETS.to_owned());
                }
            }
            parent.forgets = forgets;
        }
    }

    /// The children that are there or will come, by what they live in.
    fn children(&self) -> BTreeMap<Address, Vec<Child<'_>>> {
        let observed = self.observed;
        let duplicates = observed.duplicates.iter().map(|(_, live)| live);
        let live = observed.ours.values().chain(observed.existing.values()).chain(duplicates);
        let live = live.filter_map(|live| {
            Some((live.parent.clone()?, Child { kind: live.kind, name: &live.name, id: &live.ids.id }))
        });
        let strangers = observed.strangers.iter();
        let strangers = strangers.map(|of| (of.parent.clone(), Child { kind: of.kind, name: &of.name, id: &of.id }));
        let wanted = self.items.values().filter(|item| item.makes());
        let wanted =
            wanted.filter_map(|item| Some((item.parent()?, Child { kind: item.kind, name: item.live_name(), id: "" })));
        let mut children: BTreeMap<Address, Vec<Child<'_>>> = BTreeMap::new();
        for (parent, child) in live.chain(strangers).chain(wanted) {
            children.entry(parent).or_default().push(child);
        }
        children
    }

    /// What a membership says of children that are not there and will not come.
    fn gone(&self, parent: &Address, children: &[Child<'_>], membership: &Membership) -> Membership {
        let mut gone = membership.without(children);
        for unread in &self.observed.unread {
            let here =
                unread.address.as_ref().is_none_or(|address| address == parent || address.kind == unread.kind.name);
            if here {
                gone.leave_out(unread.kind);
            }
        }
        gone
    }

    /// A parent is not deleted under the children of others; a stack that has none left in it is only named.
    pub(super) fn guard_strangers(&mut self) {
        let goes = |item: &&Item| matches!(item.action, Action::Delete | Action::Replace) && item.live.is_some();
        let parents: Vec<(Address, Held)> =
            self.items.values().filter(goes).map(|parent| (parent.address.clone(), self.held_by(parent))).collect();
        for (parent, held) in parents {
            let Some(item) = self.items.get_mut(&parent) else { continue };
            if held.things.is_empty() {
                if !held.left.is_empty() {
                    let said = format!("{} had children in it, and none is left", listed(&held.left));
                    item.reason = Some(item.reason.take().map_or(said.clone(), |reason| format!("{reason}; {said}")));
                }
                continue;
            }
            let what = format!("it holds {}", held.in_short());
            item.blocked.get_or_insert(what.clone());
            let help = if held.stacks.is_empty() {
                "remove what it holds where that was made, or keep the parent".to_owned()
            } else {
                let stacks = listed(&held.stacks);
                format!("{stacks} has to let go of it first: remove the children there, or keep the parent")
            };
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::foreign-child".into(),
                address: Some(parent.to_string()),
                message: format!("`{parent}` cannot go: {what}"),
                help: Some(help),
            });
        }
    }

    /// What a parent holds that is not this stack's.
    fn held_by(&self, parent: &Item) -> Held {
        let owner = self.stack.owner();
        let mut held = Held::default();
        for stranger in self.observed.strangers.iter().filter(|of| of.parent == parent.address) {
            if self.goes(stranger) {
                continue;
            }
            held.stacks.extend(stranger.owner.clone());
            let belongs = match &stranger.owner {
                Some(owner) => format!("of stack `{owner}`"),
                None if stranger.existing => "that `existing` names".to_owned(),
                None => "of nobody we know".to_owned(),
            };
            held.things.push(format!("the {} `{}` ({}) {belongs}", stranger.kind.name, stranger.name, stranger.id));
        }
        for unread in self.observed.unread.iter().filter(|unread| unread.address.as_ref() == Some(&parent.address)) {
            if unread.kind != parent.kind {
                held.things.push(format!("any {} that could not be read", unread.kind.name));
            }
        }
        let tags = parent.live.as_ref().map(|live| live.tags.clone()).unwrap_or_default();
        let memberships = Memberships::read(&tags);
        for tag in memberships.unreadable().iter().filter(|tag| tag.owner.as_ref() != Some(&owner)) {
            held.things.push(format!("what the tag `{}` names, and {}", tag.key, tag.why));
        }
        let others = memberships.others(&owner).filter(|(other, of)| !of.is_empty() && !held.stacks.contains(*other));
        held.left = others.map(|(other, _)| other.to_owned()).collect();
        held
    }
}

/// What a parent holds that is not this stack's.
#[derive(Default)]
struct Held {
    /// Each thing, for a person.
    things: Vec<String>,
    /// The stacks that have something in it.
    stacks: BTreeSet<String>,
    /// The stacks that had something in it and have nothing any more.
    left: BTreeSet<String>,
}

impl Held {
    fn in_short(&self) -> String {
        let more = self.things.len().saturating_sub(NAMED);
        let mut things: Vec<String> = self.things.iter().take(NAMED).cloned().collect();
        if more > 0 {
            things.push(format!("{more} more"));
        }
        things.join(", ")
    }
}

/// Stacks, each called one.
fn listed(stacks: &BTreeSet<String>) -> String {
    stacks.iter().map(|owner| format!("stack `{owner}`")).collect::<Vec<_>>().join(", ")
}

/// What a child of nobody is called in a plan: its parent, its live name, and its id where names are not unique.
fn unknown_name(stranger: &Stranger) -> String {
    let id = (stranger.kind.names == Names::NotUnique).then_some(stranger.id.as_str());
    let name: Vec<&str> = [stranger.parent.name.as_str(), stranger.name.as_str()].into_iter().chain(id).collect();
    name.join("/")
}

/// The tags that change when a membership forgets some of its children.
fn membership_differences(
    before: &Membership,
    forgets: &Membership,
    owner: &str,
    live: Option<&Live>,
) -> Vec<Difference> {
    let mut after = before.clone();
    after.subtract(forgets);
    let after = after.write(owner, 0).unwrap_or_default();
    let text = |value: Option<&String>| value.cloned().map(Value::String);
    let keys = before.tags().iter().chain(after.keys().filter(|key| !before.tags().contains(*key)));
    keys.map(|key| Difference {
        path: format!("tags.{key}"),
        member: String::new(),
        before: text(live.and_then(|live| live.tags.get(key))),
        after: text(after.get(key)),
    })
    .filter(|difference| difference.before != difference.after)
    .collect()
}
