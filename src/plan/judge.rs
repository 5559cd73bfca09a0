//! Judging what `--close` would do by who can call what before and after: a closing step lets nobody through that does not get
//! through now.
//!
//! A policy's step that by its text may open something is taken only where it is proved to open nothing. Where some policies are
//! not known nothing is proved; what by its text can only narrow is still taken, whatever else there is. The scopes of a client
//! are not such: policies may forbid by them.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{self, sentence};
use super::item::Item;
use super::items::Items;
use super::make::Towards;
use crate::access::change::{Cause, Change, Effect, Who};
use crate::access::prove::Solver;
use crate::address::Address;
use crate::observe::Observed;
use crate::stack::Stack;

/// Policies whose text leaves open what their steps open, with what it leaves open.
pub(super) type Doubts = BTreeMap<Address, String>;

/// The steps that cannot be taken, each with the reason; nothing where all can. What is left has to be judged again.
pub(super) fn objections(
    stack: &Stack,
    items: &Items,
    observed: &Observed,
    solver: Option<&Solver>,
    doubts: &Doubts,
) -> BTreeMap<Address, String> {
    let access = access::changed(stack, items, observed, Towards::Manifest, solver);
    let changes = &access.comparison.changes;
    let taken = Taken { items, doubts };
    let mut found = BTreeMap::new();
    for change in changes.iter().filter(|change| matches!(change.effect, Effect::Widened | Effect::Both)) {
        for address in taken.behind(change) {
            found.entry(address).or_insert_with(|| format!("it would let more through: {}", sentence(change)));
        }
    }
    let unknown = changes.iter().find(|change| change.effect == Effect::Unknown).map(|change| &change.gateway);
    if let Some(address) = unknown.or(access.unknown.as_ref()) {
        for client in taken.of_kind("user_pool_client") {
            found
                .entry(client)
                .or_insert_with(|| format!("nobody can tell what it changes: what `{address}` permits is not known"));
        }
    }
    if found.is_empty() {
        let unproved = taken.doubtful().filter(|policy| !access.comparison.cleared.contains(*policy));
        let reason = |policy: &Address| format!("it also opens: {}", doubts.get(policy).map_or("", String::as_str));
        found.extend(unproved.map(|policy| (policy.clone(), reason(policy))));
    }
    found
}

/// The steps that are taken so far.
struct Taken<'a> {
    items: &'a Items,
    doubts: &'a Doubts,
}

impl<'a> Taken<'a> {
    fn takes(&self, address: &Address) -> bool {
        self.items.at(address).is_some_and(Item::changes)
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = Address> {
        self.items.of_kind(kind).filter(|item| item.changes()).map(|item| item.address.clone())
    }

    fn doubtful(&self) -> impl Iterator<Item = &'a Address> {
        self.doubts.keys().filter(|policy| self.takes(policy))
    }

    /// The steps that a change comes from. A policy of which the text shows that it only narrows is none of them.
    fn behind(&self, change: &Change) -> BTreeSet<Address> {
        let (Who::Caller(name) | Who::Others(name)) = &change.who;
        let named = match &change.cause {
            Cause::Policies(named) => named.clone(),
            Cause::Tool(target) => vec![target.clone()],
            Cause::Mode | Cause::Door | Cause::Caller => Vec::new(),
        };
        let named = self.doubtful().filter(|policy| named.contains(policy)).cloned().collect();
        let clients = self.of_kind("user_pool_client").filter(|client| client.name == *name).collect();
        let engines = self.items.at(&change.gateway).map(|gateway| {
            [self.items.attached_engine(gateway), self.items.live_engine(gateway)].into_iter().flatten().collect()
        });
        let engines: BTreeSet<Address> = engines.unwrap_or_default();
        let of_engine = |policy: &&Address| {
            self.items.at(policy).and_then(Item::parent).is_some_and(|engine| engines.contains(&engine))
        };
        let doubtful = self.doubtful().filter(of_engine).cloned().collect();
        let gateway =
            BTreeSet::from([change.gateway.clone()]).into_iter().filter(|gateway| self.takes(gateway)).collect();
        let everything = self.items.iter().filter(|item| item.changes()).map(|item| item.address.clone()).collect();
        let likely: [BTreeSet<Address>; 5] = [named, clients, doubtful, gateway, everything];
        likely.into_iter().find(|steps| !steps.is_empty()).unwrap_or_default()
    }
}
