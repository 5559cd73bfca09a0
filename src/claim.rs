//! Claims: objects that do not say yet that they are at an address of this manifest, and that the manifest says are: with
//! `adopt`, or with a line of `[moved]`.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::declared::Declared;
use crate::kind::{Kind, Names};
use crate::live::Listed;
use crate::ownership::{ADDRESS, Child, Membership, STACK, Tags};
use crate::stack::{Moved, OTHER_STACK, Resource, Stack};

/// Why a live object counts as being at an address that it does not carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// `adopt` names its id, and nobody has it.
    Adopted,
    /// It had another address.
    Moved {
        /// The stack it still belongs to, if that is another one.
        owner: Option<String>,
        /// Its old address, as the manifest writes it.
        from: String,
    },
}

impl Claim {
    /// What a plan says about it: `was user_pool.hr`.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Adopted => None,
            Self::Moved { from, .. } => Some(format!("was {from}")),
        }
    }

    /// The object belongs to this stack only once the claim was carried out.
    pub fn is_of_others(&self) -> bool {
        *self == Self::Adopted || self.other_owner().is_some()
    }

    /// The other stack that the object still belongs to.
    pub fn other_owner(&self) -> Option<&str> {
        match self {
            Self::Adopted => None,
            Self::Moved { owner, .. } => owner.as_deref(),
        }
    }

    /// The address that the object had in this stack.
    pub fn own_address(&self) -> Option<Address> {
        match self {
            Self::Moved { owner: None, from } => Address::parse(from),
            _ => None,
        }
    }

    /// The address that the object had in the stack it belongs to.
    pub fn address_there(&self) -> Option<Address> {
        match self {
            Self::Adopted => None,
            Self::Moved { owner: None, from } => Address::parse(from),
            Self::Moved { owner: Some(owner), from } => {
                Address::parse(from.strip_prefix(OTHER_STACK)?.strip_prefix(owner.as_str())?.strip_prefix('/')?)
            }
        }
    }

    fn moved(line: &Moved) -> Self {
        Self::Moved { owner: line.owner.clone(), from: line.source() }
    }
}

/// An address, and the claim that puts an object there if the object does not say so itself.
pub(crate) type Claimed = (Address, Option<Claim>);

/// What a manifest claims.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) declared: &'a Declared<'a>,
    pub(crate) owner: &'a str,
}

impl<'a> Claims<'a> {
    /// The resource that adopts the object with this id.
    pub(crate) fn adopting(&self, kind: &Kind, id: &str, parent: Option<&Address>) -> Option<&'a Resource> {
        self.declared.adopting(kind, id, parent)
    }

    /// Where an object that lives in nothing is; nothing if it is somebody else's and stays so.
    pub(crate) fn root(&self, kind: &Kind, item: &Listed, tags: &Tags) -> Option<Claimed> {
        let tagged = tags
            .get(ADDRESS)
            .and_then(|address| Address::parse(address))
            .filter(|address| address.kind == kind.name)
            .unwrap_or_else(|| Address::new(kind.name, &item.name));
        let adopting = || self.adopting(kind, &item.id, None).map(|resource| resource.address.clone());
        match tags.get(STACK) {
            None => Some((adopting()?, Some(Claim::Adopted))),
            Some(owner) if owner == self.owner => Some(self.own_root(tagged, adopting())),
            Some(owner) => {
                let line = self.line(Some(owner), |line| line.from == tagged)?;
                Some((line.to.clone(), Some(Claim::moved(line))))
            }
        }
    }

    fn own_root(&self, tagged: Address, adopting: Option<Address>) -> Claimed {
        if let Some(line) = self.line(None, |line| line.from == tagged) {
            return (line.to.clone(), Some(Claim::moved(line)));
        }
        match adopting {
            // The address it carries is given up: it is free to be taken.
            Some(address) if address != tagged && self.declared.at(&tagged).is_none() => {
                (address, Some(Claim::Moved { owner: None, from: tagged.to_string() }))
            }
            _ => (tagged, None),
        }
    }

    /// The line of `[moved]` about an object of a stack; nothing stands for this one.
    fn line(&self, owner: Option<&str>, is_from: impl Fn(&Moved) -> bool) -> Option<&'a Moved> {
        self.stack.moved.iter().find(|line| line.owner.as_deref() == owner && is_from(line))
    }

    /// Where a child of ours is; nothing if the manifest does not have it. `held` are the live names of our children there.
    pub(crate) fn own_child(
        &self,
        parent: &'a Address,
        child: Child<'a>,
        membership: &Membership,
        held: &BTreeSet<String>,
    ) -> Option<Claimed> {
        let is_there = |resource: &&Resource| match child.kind.names {
            Names::NotUnique => membership.is_at(child, &resource.address),
            Names::InAccount | Names::InParent => resource.live_name() == Some(child.name),
        };
        let ours = |resource: &&Resource| resource.existing.is_none() && is_there(resource);
        // Addresses are remembered by short digests: of two that fit, the one of this name, else one whose child is not there.
        if let Some(resource) = self.declared.named(child.kind, child.name, Some(parent)).find(ours) {
            return Some((resource.address.clone(), None));
        }
        let there: Vec<&Resource> = self.declared.within(child.kind, parent).filter(ours).collect();
        let free = there.iter().find(|resource| resource.live_name().is_none_or(|name| !held.contains(name)));
        if let Some(resource) = free.or(there.first()) {
            return Some((resource.address.clone(), None));
        }
        let moved = self.declared.within(child.kind, parent).find_map(|resource| {
            let free = resource.live_name().is_none_or(|name| !held.contains(name));
            let line = self.line(None, |line| {
                line.to == resource.address
                    && match child.kind.names {
                        Names::NotUnique => membership.is_at(child, &line.from),
                        // Where the name tells, no address is remembered: the old name is the old address.
                        Names::InAccount | Names::InParent => line.from.name == child.name && free,
                    }
            })?;
            Some((resource.address.clone(), Some(Claim::moved(line))))
        });
        moved.or_else(|| {
            // Adopted under a name, or ours at an address, that the manifest does not say.
            let resource = self.adopting(child.kind, child.id, Some(parent))?;
            let elsewhere = Claim::Moved { owner: None, from: "at another address".to_owned() };
            Some((resource.address.clone(), (child.kind.names == Names::NotUnique).then_some(elsewhere)))
        })
    }

    /// Where a child that is not ours yet is to be; nothing if it stays somebody else's. `parent_claim` is why the parent is ours,
    /// `owner` the other stack that has the child.
    pub(crate) fn other_child(
        &self,
        parent: &'a Address,
        parent_claim: Option<&Claim>,
        child: Child<'a>,
        owner: Option<(&str, &Membership)>,
    ) -> Option<Claimed> {
        let Some((owner, membership)) = owner else {
            let resource = self.adopting(child.kind, child.id, Some(parent))?;
            return Some((resource.address.clone(), Some(Claim::Adopted)));
        };
        // A parent that moves takes those of its children along that this manifest declares.
        let follows = parent_claim.and_then(Claim::other_owner) == Some(owner);
        self.declared.within(child.kind, parent).find_map(|resource| {
            let named = child.kind.names == Names::NotUnique || resource.live_name() == Some(child.name);
            let line = self.line(Some(owner), |line| line.to == resource.address);
            let from = line.map_or(&resource.address, |line| &line.from);
            if !named || !(follows || line.is_some()) || !membership.is_at(child, from) {
                return None;
            }
            let claim = line.map_or_else(
                || Claim::Moved { owner: Some(owner.to_owned()), from: format!("stack:{owner}/{from}") },
                Claim::moved,
            );
            Some((resource.address.clone(), Some(claim)))
        })
    }
}
