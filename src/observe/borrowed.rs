//! Borrowed objects: those of somebody else that the manifest names with `existing`, and those that hold children of ours
//! although the manifest says nothing of them any more. Their members are nobody's business here; their tags name our children.

use std::collections::BTreeMap;

use super::{Finding, Live, Observation, Unread, read_settled};
use crate::address::Address;
use crate::kind::{Ids, KINDS, Kind};
use crate::live::Listed;
use crate::membership::Memberships;
use crate::ownership::{ADDRESS, PROTECT, STACK, Tags};
use crate::stack::{Existing, Resource};

/// An object that lives in nothing and belongs to somebody else; its tags, if they could be read.
pub(super) struct Root {
    pub(super) address: Address,
    pub(super) kind: &'static Kind,
    pub(super) item: Listed,
    pub(super) tags: Option<Tags>,
}

impl Observation<'_> {
    /// Where somebody else's root object belongs in this plan, if anywhere: the address that names it, or its own id if children
    /// of ours live in it.
    pub(super) fn borrowing(&self, kind: &Kind, item: &Listed, tags: Option<&Tags>) -> Option<Address> {
        let named = self.declared.existing().find(|(resource, existing)| {
            let fits = match existing {
                Existing::Id(id) => *id == item.id,
                Existing::Stack { owner, address } => tags.is_some_and(|tags| {
                    tags.get(STACK) == Some(owner) && tags.get(ADDRESS) == Some(&address.to_string())
                }),
            };
            fits && resource.kind == kind
        });
        if let Some((resource, _)) = named.filter(|_| self.managed(tags).is_none()) {
            return Some(resource.address.clone());
        }
        let tags = tags.filter(|tags| self.claims().root(kind, item, tags).is_none())?;
        let memberships = Memberships::read(tags);
        let ours = memberships.of(&self.owner).is_some_and(|ours| !ours.is_empty())
            || memberships.unreadable().iter().any(|tag| tag.owner.as_ref() == Some(&self.owner));
        ours.then(|| Address::new(kind.name, &item.id))
    }

    /// The resource of this manifest that an object of ours is, by its tags.
    fn managed(&self, tags: Option<&Tags>) -> Option<&Resource> {
        let tags = tags.filter(|tags| tags.get(STACK) == Some(&self.owner))?;
        let resource = self.declared.at(&Address::parse(tags.get(ADDRESS)?)?)?;
        resource.existing.is_none().then_some(resource)
    }

    /// Reads what is borrowed.
    pub(super) async fn borrow(&mut self, roots: Vec<Root>) {
        let mut found: BTreeMap<Address, Vec<Root>> = BTreeMap::new();
        for root in roots {
            found.entry(root.address.clone()).or_default().push(root);
        }
        for (address, mut roots) in found {
            let (Some(root), others) = (roots.pop(), roots.len()) else { continue };
            if others > 0 {
                let message = format!("`{address}` names two live objects, `{}` is one", root.item.id);
                let help = "give the id of the one that is meant".to_owned();
                self.observed.findings.push(Finding { address, code: "plan::existing", message, help });
                continue;
            }
            let Root { kind, item, tags, .. } = root;
            let ids = Ids { parent: String::new(), id: item.id };
            let named = self.declared.at(&address).is_some();
            // What the manifest does not name is listed for its children only.
            let known = (kind.list.complete || !named).then(|| item.item.clone());
            match read_settled(self.aws, kind, &ids, known).await {
                Ok(Some(document)) => {
                    if tags.is_none() {
                        self.untold_children(&address);
                    }
                    let tags = tags.unwrap_or_default();
                    let protected = tags.contains_key(PROTECT);
                    let name = item.name;
                    let live =
                        Live { kind, ids, name, parent: None, document, tags, applied: None, protected, claim: None };
                    self.observed.existing.insert(address, live);
                }
                Ok(None) => {}
                Err(error) => self.observed.unread.push(Unread { kind, address: Some(address), error }),
            }
        }
    }

    /// Without the tags of a parent nobody knows which of its children are ours.
    fn untold_children(&mut self, parent: &Address) {
        let error = self.observed.unread.iter().find(|unread| unread.address.as_ref() == Some(parent));
        let Some(error) = error.map(|unread| unread.error.clone()) else { return };
        let within = |kind: &&Kind| self.declared.within(kind, parent).next().is_some();
        let unread: Vec<Unread> = KINDS
            .iter()
            .copied()
            .filter(within)
            .map(|kind| Unread { kind, address: Some(parent.clone()), error: error.clone() })
            .collect();
        self.observed.unread.extend(unread);
        self.untold.insert(parent.clone());
    }

    /// The address that names this child.
    pub(super) fn existing_child(&self, kind: &Kind, id: &str, parent: &Address) -> Option<Address> {
        let mut existing = self.declared.existing();
        let found = existing.find(|(resource, existing)| {
            resource.kind == kind
                && resource.parent.as_ref() == Some(parent)
                && matches!(existing, Existing::Id(named) if named == id)
        });
        found.map(|(resource, _)| resource.address.clone())
    }

    /// Says which of the objects that the manifest names are not there.
    pub(super) fn missing(&mut self) {
        let mut findings = Vec::new();
        for (resource, existing) in self.declared.existing() {
            let address = &resource.address;
            let unread = self.observed.unread.iter().any(|unread| {
                let about = unread.address.as_ref();
                unread.kind == resource.kind
                    && (about.is_none() || about == Some(address) || about == resource.parent.as_ref())
            });
            let said = self.observed.findings.iter().any(|finding| finding.address == *address);
            if unread || said || self.observed.existing.contains_key(address) {
                continue;
            }
            let kind = resource.kind.name;
            let ours = self.observed.ours.iter().find(|(_, live)| {
                live.kind == resource.kind && matches!(existing, Existing::Id(id) if live.ids.id == *id)
            });
            let (message, help) = match (existing, ours) {
                (Existing::Id(id), Some((ours, _))) => (
                    format!("`{address}` names `{id}`, which this stack manages as `{ours}`"),
                    format!("refer to `{ours}` itself; or take its table out, and `existing` keeps the object"),
                ),
                (Existing::Id(id), None) => (
                    format!("`{address}` names `{id}`, and there is no such {kind}"),
                    "look at the id, the account and the region; what is `existing` is never created".to_owned(),
                ),
                (Existing::Stack { owner, address: there }, _) => (
                    format!("`{address}` is `{there}` of stack `{owner}`, and no {kind} carries these tags"),
                    format!("apply `{owner}` first, or give the id"),
                ),
            };
            findings.push(Finding { address: address.clone(), code: "plan::existing", message, help });
        }
        self.observed.findings.extend(findings);
    }
}
