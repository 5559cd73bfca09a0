//! Observing: what is live, what of it is ours, and what stands in the way.
//!
//! One listing per kind and parent, then the reads that are needed, concurrently. Objects on their way to another state are
//! waited for, so that a plan is made of what will be there.

mod borrowed;
mod read;
mod siblings;
mod unknown;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;

use self::borrowed::Root;
use self::read::{read_child, read_settled};
use self::siblings::{Siblings, Whose};
use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::claim::{Claim, Claimed, Claims};
use crate::declared::Declared;
use crate::kind::{Ids, KINDS, Kind, Names, Place};
use crate::live::{self, Listed};
use crate::membership::Memberships;
use crate::moment::Moment;
use crate::ownership::{APPLIED, Child, Membership, PROTECT, STACK, Tags};
use crate::stack::{Resource, Stack};
use crate::tags;

/// Calls in flight at once.
const CONCURRENCY: usize = 16;

/// A live object of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its ids.
    pub ids: Ids,
    /// Its live name.
    pub name: String,
    /// The address of its parent.
    pub parent: Option<Address>,
    /// The read document.
    pub document: Value,
    /// Its tags, if it can have any.
    pub tags: Tags,
    /// The digest of what was last applied, or its beginning; nothing if nobody knows.
    pub applied: Option<String>,
    /// It must not be deleted or replaced.
    pub protected: bool,
    /// It does not say that it is here: the manifest claims it.
    pub claim: Option<Claim>,
}

/// An object that has the name we want, and is not ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// The address that wants the name.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// The stack it belongs to, if it belongs to one.
    pub owner: Option<String>,
}

/// A child in a parent of ours, or in a borrowed one, that is not ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Stranger {
    /// The parent.
    pub parent: Address,
    /// Its kind.
    pub kind: &'static Kind,
    /// Its live name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The stack it belongs to, if it belongs to one.
    pub owner: Option<String>,
    /// The item of the listing.
    pub item: Value,
    /// The manifest names it with `existing`.
    pub existing: bool,
    /// The object itself: read only where its parent says `delete_unknown_children` and it would be deleted.
    pub live: Option<Live>,
}

/// Something about what is live that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The resource, or the parent, that it is about.
    pub address: Address,
    /// Its code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The next action.
    pub help: String,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// The kind.
    pub kind: &'static Kind,
    /// The address, or of a listing the parent's.
    pub address: Option<Address>,
    /// Why.
    pub error: CallError,
}

/// What is live.
#[derive(Debug, Clone)]
pub struct Observed {
    /// When.
    pub at: Moment,
    /// Where.
    pub place: Place,
    /// Objects of ours by address.
    pub ours: BTreeMap<Address, Live>,
    /// Objects of somebody else by the address that names them, or by kind and id where only children of ours live in them.
    pub existing: BTreeMap<Address, Live>,
    /// Objects of ours that claim an address another one has.
    pub duplicates: Vec<(Address, Live)>,
    /// Names that are taken.
    pub foreign: Vec<Foreign>,
    /// Children of parents of ours, and of borrowed ones, that are not ours.
    pub strangers: Vec<Stranger>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// Looks at everything of the stack, and at every taggable root kind for orphans.
pub async fn observe(aws: &Aws, stack: &Stack) -> Observed {
    let place = Place { account: aws.account.clone(), region: aws.region.clone(), partition: aws.partition.clone() };
    let mut observation = Observation {
        aws,
        stack,
        declared: Declared::new(stack),
        owner: stack.owner(),
        observed: Observed {
            at: Moment::now(),
            place,
            ours: BTreeMap::new(),
            existing: BTreeMap::new(),
            duplicates: Vec::new(),
            foreign: Vec::new(),
            strangers: Vec::new(),
            findings: Vec::new(),
            unread: Vec::new(),
        },
        untold: BTreeSet::new(),
    };
    observation.roots().await;
    observation.children().await;
    observation.read_unknown().await;
    observation.missing();
    observation.observed
}

struct Observation<'a> {
    aws: &'a Aws,
    stack: &'a Stack,
    declared: Declared<'a>,
    owner: String,
    observed: Observed,
    /// Parents whose tags could not be read.
    untold: BTreeSet<Address>,
}

impl Observation<'_> {
    /// Lists every root kind, reads the tags of each object, and then what is ours.
    async fn roots(&mut self) {
        let aws = self.aws;
        let kinds: Vec<&'static Kind> = KINDS.iter().copied().filter(|kind| kind.parent.is_none()).collect();
        let listings: Vec<_> = stream::iter(kinds)
            .map(|kind| async move { (kind, live::list(aws, kind, "").await) })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let mut items: Vec<(&'static Kind, Listed)> = Vec::new();
        for (kind, listing) in listings {
            match listing {
                Ok(listed) => items.extend(listed.into_iter().map(|item| (kind, item))),
                Err(error) => self.observed.unread.push(Unread { kind, address: None, error }),
            }
        }
        let place = self.observed.place.clone();
        let tagged: Vec<_> = stream::iter(items)
            .map(|(kind, item)| {
                let arn = kind.arn.map(|arn| arn(&item.id, &place)).unwrap_or_default();
                async move { (kind, item, tags::read(aws, kind.service, &arn).await) }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let mut mine = Vec::new();
        let mut others = Vec::new();
        let mut borrowed = Vec::new();
        for (kind, item, tags) in tagged {
            let gone = tags.as_ref().is_err_and(CallError::is_not_found);
            let borrowing = self.borrowing(kind, &item, tags.as_ref().ok()).filter(|_| !gone);
            if let Some(address) = &borrowing {
                let (address, item, tags) = (address.clone(), item.clone(), tags.as_ref().ok().cloned());
                borrowed.push(Root { address, kind, item, tags });
            }
            match tags {
                Ok(tags) if borrowing.is_some() => others.push((kind, item, tags.get(STACK).cloned())),
                Ok(tags) => match self.claims().root(kind, &item, &tags) {
                    Some(claimed) => mine.push((kind, item, tags, claimed)),
                    None => others.push((kind, item, tags.get(STACK).cloned())),
                },
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    // Who owns it is not known: it may be ours, so its name counts as taken.
                    let adopting = self.claims().adopting(kind, &item.id, None);
                    let address = adopting.map(|resource| resource.address.clone()).or(borrowing);
                    let address = address.or_else(|| self.wanting(kind, &item.name, None));
                    self.observed.unread.push(Unread { kind, address, error });
                    others.push((kind, item, None));
                }
            }
        }
        let read: Vec<_> = stream::iter(mine)
            .map(|(kind, item, tags, claimed)| async move {
                let ids = Ids { parent: String::new(), id: item.id.clone() };
                (
                    kind,
                    read_settled(aws, kind, &ids, kind.list.complete.then(|| item.item.clone())).await,
                    ids,
                    item,
                    tags,
                    claimed,
                )
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        for (kind, document, ids, item, tags, (address, claim)) in read {
            // The manifest has another object at its address now.
            let elsewhere = self.declared.at(&address).is_some_and(|resource| resource.existing.is_some());
            let address =
                if elsewhere { Address::new(kind.name, format!("{}/{}", item.name, item.id)) } else { address };
            match document {
                Ok(Some(document)) => {
                    let applied = tags.get(APPLIED).cloned();
                    let protected = tags.contains_key(PROTECT);
                    let name = item.name;
                    let live = Live { kind, ids, name, parent: None, document, tags, applied, protected, claim };
                    self.add(address, live);
                }
                Ok(None) => {}
                Err(error) => self.observed.unread.push(Unread { kind, address: Some(address), error }),
            }
        }
        self.borrow(borrowed).await;
        for (kind, item, owner) in others {
            if let Some(resource) = self.claims().adopting(kind, &item.id, None) {
                let address = resource.address.clone();
                self.observed.foreign.push(Foreign { address, id: item.id, owner });
            } else if kind.names == Names::InAccount
                && let Some(address) = self.wanting(kind, &item.name, None)
                && self.observed.ours.get(&address).is_none_or(|live| live.ids.id != item.id)
            {
                self.observed.foreign.push(Foreign { address, id: item.id, owner });
            }
        }
    }

    /// The kinds of children to list in a parent: all of them in ours, in a borrowed one those that we have or want there.
    fn kinds_within(&self, parent: &Address, live: &Live) -> Vec<&'static Kind> {
        let within = KINDS.iter().copied().filter(|kind| kind.parent.is_some_and(|of| of.kind == parent.kind));
        if self.observed.ours.contains_key(parent) {
            return within.collect();
        }
        let membership = Membership::read(&live.tags, &self.owner);
        let remembered: BTreeSet<&str> = membership.kinds().collect();
        let wanted = |kind: &Kind| self.declared.within(kind, parent).next().is_some();
        within
            .filter(|kind| !self.untold.contains(parent) && (remembered.contains(kind.name) || wanted(kind)))
            .collect()
    }

    /// Lists the children of everything of ours and of what is borrowed, and reads those that are ours.
    async fn children(&mut self) {
        let aws = self.aws;
        let mut parents: Vec<(Address, Ids, Tags, &'static Kind)> = Vec::new();
        for (address, live) in self.observed.ours.iter().chain(&self.observed.existing) {
            for kind in self.kinds_within(address, live) {
                parents.push((address.clone(), live.ids.clone(), live.tags.clone(), kind));
            }
        }
        let listings: Vec<_> = stream::iter(parents)
            .map(|(address, ids, tags, kind)| async move {
                let listing = live::list(aws, kind, &ids.id).await;
                (address, ids, tags, kind, listing)
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let mut mine = Vec::new();
        for (parent, ids, tags, kind, listing) in listings {
            let listed = match listing {
                Ok(listed) => listed,
                Err(error) if error.is_not_found() => continue,
                Err(error) => {
                    self.observed.unread.push(Unread { kind, address: Some(parent), error });
                    continue;
                }
            };
            let memberships = Memberships::read(&tags);
            let membership = memberships.of(&self.owner).cloned().unwrap_or_default();
            let shared = !self.observed.ours.contains_key(&parent);
            let siblings = Siblings { kind, listed: &listed, memberships: &memberships, owner: &self.owner, shared };
            let (whose, unclear) = siblings.sort(|name| self.wanting(kind, name, Some(&parent)).is_some());
            self.observed.findings.extend(unclear.into_iter().map(|what| Finding {
                address: parent.clone(),
                code: "plan::membership",
                message: format!("in `{parent}`, {what}; it is left alone"),
                help: "look at it; if nobody needs it, delete it by hand".to_owned(),
            }));
            let held: BTreeSet<String> = listed
                .iter()
                .zip(&whose)
                .filter(|(_, whose)| **whose == Whose::Ours)
                .map(|(item, _)| item.name.clone())
                .collect();
            for (item, whose) in listed.into_iter().zip(whose) {
                let child = Child { kind, name: &item.name, id: &item.id };
                let existing = self.existing_child(kind, &item.id, &parent);
                let owner = match &whose {
                    Whose::Of(owner) => Some(owner.clone()),
                    Whose::Ours | Whose::Nobodys => None,
                };
                let of = owner.as_deref().and_then(|owner| Some((owner, memberships.of(owner)?)));
                let claimed = match &existing {
                    Some(address) => Some((address.clone(), None)),
                    None if whose == Whose::Ours => Some(self.own_child(&parent, child, &membership, &held)),
                    None => self.claims().other_child(&parent, self.claim_of(&parent), child, of),
                };
                if let Some((address, claim)) = claimed {
                    let remembered = of.filter(|_| claim.is_some()).map_or(&membership, |(_, of)| of);
                    let applied = remembered.applied(child).map(ToOwned::to_owned);
                    let protected = remembered.protects(child);
                    let ids = Ids { parent: ids.id.clone(), id: item.id.clone() };
                    mine.push((address, parent.clone(), kind, ids, item.clone(), applied, protected, claim));
                    if existing.is_none() {
                        continue;
                    }
                }
                if let Some(resource) = self.claims().adopting(kind, &item.id, Some(&parent)) {
                    let (address, owner) = (resource.address.clone(), owner.clone());
                    self.observed.foreign.push(Foreign { address, id: item.id.clone(), owner });
                }
                if kind.names != Names::NotUnique
                    && existing.is_none()
                    && let Some(address) = self.wanting(kind, &item.name, Some(&parent))
                {
                    self.observed.foreign.push(Foreign { address, id: item.id.clone(), owner: owner.clone() });
                }
                let existing = existing.is_some();
                let (name, id, parent) = (item.name, item.id, parent.clone());
                let item = item.item;
                self.observed.strangers.push(Stranger { parent, kind, name, id, owner, item, existing, live: None });
            }
        }
        let place = &self.observed.place;
        let read: Vec<_> = stream::iter(mine)
            .map(|(address, parent, kind, ids, item, applied, protected, claim)| async move {
                let known = kind.list.complete.then(|| item.item.clone());
                let document = read_child(aws, kind, &ids, known, place).await;
                (address, parent, kind, ids, item.name, applied, protected, claim, document)
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        for (address, parent, kind, ids, name, applied, protected, claim, document) in read {
            match document {
                Ok(Some((document, tags))) => {
                    let parent = Some(parent);
                    let live = Live { kind, ids, name, parent, document, tags, applied, protected, claim };
                    if self.declared.at(&address).is_some_and(|resource| resource.existing.is_some()) {
                        self.observed.existing.insert(address, live);
                    } else {
                        self.add(address, live);
                    }
                }
                Ok(None) => {}
                Err(error) => self.observed.unread.push(Unread { kind, address: Some(address), error }),
            }
        }
    }

    fn add(&mut self, address: Address, live: Live) {
        let wanted = self.declared.at(&address).and_then(Resource::live_name).map(ToOwned::to_owned);
        match self.observed.ours.entry(address) {
            Entry::Vacant(free) => drop(free.insert(live)),
            Entry::Occupied(mut taken) => {
                // A new engine stands before the old one goes; a run that died in between leaves both.
                let is_wanted = |live: &Live| Some(&live.name) == wanted.as_ref();
                let claimed = live.claim.is_some() || taken.get().claim.is_some();
                let renamed =
                    !claimed && live.kind.name == "policy_engine" && is_wanted(&live) != is_wanted(taken.get());
                if renamed {
                    let old = if is_wanted(&live) { taken.insert(live) } else { live };
                    let left = Address::new(old.kind.name, format!("{}/{}", old.name, old.ids.id));
                    self.observed.ours.insert(left, old);
                } else {
                    // What carries the address stays, what is only claimed for it stands aside.
                    let aside = if live.claim.is_none() && claimed { taken.insert(live) } else { live };
                    self.observed.duplicates.push((taken.key().clone(), aside));
                }
            }
        }
    }

    /// The address of the manifest that wants this live name.
    fn wanting(&self, kind: &Kind, name: &str, parent: Option<&Address>) -> Option<Address> {
        self.declared.named(kind, name, parent).next().map(|resource| resource.address.clone())
    }

    fn claims(&self) -> Claims<'_> {
        Claims { stack: self.stack, declared: &self.declared, owner: &self.owner }
    }

    fn claim_of(&self, address: &Address) -> Option<&Claim> {
        self.observed.ours.get(address)?.claim.as_ref()
    }

    /// The manifest's address of a child of ours; its live name where the manifest no longer has it. `held` are the live names of
    /// our children there.
    fn own_child(
        &self,
        parent: &Address,
        child: Child<'_>,
        membership: &Membership,
        held: &BTreeSet<String>,
    ) -> Claimed {
        if let Some(claimed) = self.claims().own_child(parent, child, membership, held) {
            return claimed;
        }
        // The old self of a resource that has a new name, while the new one stands beside it.
        let resource = self.declared.at(&Address::new(child.kind.name, child.name));
        let renamed = resource.and_then(|resource| resource.live_name()).is_some_and(|name| held.contains(name));
        (self.orphan_address(parent, child, renamed), None)
    }

    /// What a child is called that the manifest does not have: two parents may each have one of this name.
    fn orphan_address(&self, parent: &Address, child: Child<'_>, renamed: bool) -> Address {
        let parents = self.observed.ours.keys().chain(self.observed.existing.keys());
        let several = parents.filter(|address| address.kind == parent.kind).count() > 1;
        let within = several.then_some(parent.name.as_str());
        let id = (child.kind.names == Names::NotUnique || renamed).then_some(child.id);
        let name: Vec<&str> = within.into_iter().chain([child.name]).chain(id).collect();
        Address::new(child.kind.name, name.join("/"))
    }
}
