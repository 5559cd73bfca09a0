//! Claiming: an object comes to an address of this stack. Only what is remembered about it is written.

use super::Run;
use super::calls::applied_to;
use crate::address::Address;
use crate::claim::Claim;
use crate::kind::Kind;
use crate::ownership::{self, APPLIED, Child, Membership, STACK, Tags};
use crate::plan::item::Item;
use crate::secret_version::{self, SentVersions};
use crate::tags;

/// A child that comes over from another stack's membership.
struct Comer<'a> {
    kind: &'a Kind,
    name: &'a str,
    id: &'a str,
    address: &'a Address,
    /// The address that it has there.
    from: Option<Address>,
    applied: &'a str,
    protect: bool,
}

impl Run<'_> {
    /// Writes that an object is ours and at its address.
    pub(super) async fn claim(&self, item: &Item) -> Result<(), String> {
        let Some(live) = &item.live else { return Err("it is not there".to_owned()) };
        // What is taken over as it is agrees with the manifest, or nobody can say what was applied last.
        let agrees = item.stays() && item.unsaid.is_empty();
        let applied = match &live.applied {
            _ if agrees => {
                let desired = self.desired(item)?;
                ownership::applied_digest(item.kind, &applied_to(item, &desired, &self.wanted_tags(item)))
            }
            Some(applied) if !item.stays() => applied.clone(),
            _ => String::new(),
        };
        match (item.parent(), live.claim.as_ref().and_then(Claim::other_owner)) {
            (Some(parent), Some(owner)) => self.carry(&parent, owner, &[comer(item)]).await,
            (Some(parent), None) => {
                self.carry_version(item).await?;
                self.remember_child(&parent, item, &live.ids.id, &applied).await
            }
            (None, owner) => self.claim_root(item, owner, &applied).await,
        }
    }

    /// The tags that say whose a root is; with it, in the same call, those of its children that come along.
    async fn claim_root(&self, item: &Item, owner: Option<&str>, applied: &str) -> Result<(), String> {
        let Some(live) = &item.live else { return Ok(()) };
        let Some(arn) = item.kind.arn.map(|arn| arn(&live.ids.id, &self.place)) else { return Ok(()) };
        let lock = self.tags_of(&item.address);
        let mut held = lock.lock().await;
        // Somebody else may have taken it since the plan was made.
        let now = tags::read(self.aws, item.kind.service, &arn).await.map_err(|error| error.to_string())?;
        if now.get(STACK) != live.tags.get(STACK) {
            let whose = now.get(STACK).map_or("nobody".to_owned(), |owner| format!("stack `{owner}`"));
            return Err(format!("changed-since-plan: it belongs to {whose} now; plan again"));
        }
        let mut wanted = self.wanted_tags(item);
        if !applied.is_empty() {
            wanted.insert(APPLIED.to_owned(), applied.to_owned());
        }
        let mut emptied = Vec::new();
        if let Some(owner) = owner {
            let comers: Vec<Comer<'_>> =
                self.work.items.iter().filter(|child| comes_with(child, item, owner)).map(comer).collect();
            let (carried, removed) =
                carried(&held, &self.owner, owner, &comers).map_err(|error| format!("{}: {error}", item.address))?;
            wanted.extend(carried);
            emptied = removed;
        }
        let changed: Tags = wanted.into_iter().filter(|(key, value)| held.get(key) != Some(value)).collect();
        tags::write(self.aws, item.kind.service, &arn, &changed).await.map_err(|error| error.to_string())?;
        held.extend(changed);
        if item.stays() && held.contains_key(ownership::PROTECT) && !item.tags.contains_key(ownership::PROTECT) {
            emptied.push(ownership::PROTECT.to_owned());
        }
        tags::remove(self.aws, item.kind.service, &arn, &emptied).await.map_err(|error| error.to_string())?;
        held.retain(|key, _| !emptied.contains(key));
        Ok(())
    }

    /// Children go from another stack's membership on their parent to ours.
    async fn carry(&self, parent: &Address, owner: &str, comers: &[Comer<'_>]) -> Result<(), String> {
        let Some(known) = self.known(parent) else { return Ok(()) };
        let Some(arn) = known.kind.arn.map(|arn| arn(&known.ids.id, &self.place)) else { return Ok(()) };
        let lock = self.tags_of(parent);
        let mut held = lock.lock().await;
        let (wanted, emptied) =
            carried(&held, &self.owner, owner, comers).map_err(|error| format!("{parent}: {error}"))?;
        let changed: Tags = wanted.into_iter().filter(|(key, value)| held.get(key) != Some(value)).collect();
        tags::write(self.aws, known.kind.service, &arn, &changed).await.map_err(|error| error.to_string())?;
        tags::remove(self.aws, known.kind.service, &arn, &emptied).await.map_err(|error| error.to_string())?;
        held.extend(changed);
        held.retain(|key, _| !emptied.contains(key));
        Ok(())
    }
}

/// The child comes with its parent from the same stack.
fn comes_with(child: &Item, parent: &Item, owner: &str) -> bool {
    let from = child.live.as_ref().and_then(|live| live.claim.as_ref()).and_then(Claim::other_owner);
    from == Some(owner) && child.blocked.is_none() && child.parent().as_ref() == Some(&parent.address)
}

fn comer(item: &Item) -> Comer<'_> {
    let live = item.live.as_ref();
    Comer {
        kind: item.kind,
        name: live.map(|live| live.name.as_str()).unwrap_or_default(),
        id: live.map(|live| live.ids.id.as_str()).unwrap_or_default(),
        address: &item.address,
        from: live.and_then(|live| live.claim.as_ref()).and_then(Claim::address_there),
        applied: live.and_then(|live| live.applied.as_deref()).unwrap_or_default(),
        protect: item.resource.as_ref().is_some_and(|resource| resource.protect),
    }
}

/// The tags that say the children are ours and no longer the other stack's, and the keys that hold nothing then. Those are
/// written empty first: one call tells both sides, and no child is ever in no membership, or in two.
fn carried(
    held: &Tags,
    ours: &str,
    theirs: &str,
    comers: &[Comer<'_>],
) -> Result<(Tags, Vec<String>), ownership::TooManyTags> {
    let (mut own, mut other) = (Membership::read(held, ours), Membership::read(held, theirs));
    let (mut own_versions, mut other_versions) = (SentVersions::read(held, ours), SentVersions::read(held, theirs));
    let mut before = other.tags().clone();
    before.extend(held.keys().filter(|key| secret_version::is_of(key, theirs)).cloned());
    for comer in comers {
        let child = Child { kind: comer.kind, name: comer.name, id: comer.id };
        other.remove(child);
        own.put(child, comer.address, comer.applied, comer.protect);
        if let Some(from) = &comer.from {
            own_versions.take_over(&mut other_versions, from, comer.address);
        }
    }
    let mut wanted = other.write(theirs, 0)?;
    wanted.extend(other_versions.write(theirs));
    let emptied: Vec<String> = before.into_iter().filter(|key| !wanted.contains_key(key)).collect();
    wanted.extend(emptied.iter().map(|key| (key.clone(), String::new())));
    wanted.extend(own_versions.write(ours));
    let rest = held.keys().filter(|key| !wanted.contains_key(*key)).count();
    wanted.extend(own.write(ours, (rest + wanted.len()).saturating_sub(own.tags().len()))?);
    Ok((wanted, emptied))
}
