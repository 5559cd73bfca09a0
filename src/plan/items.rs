//! The items of a plan, found by address, by what they live in, and by the engine that decides for them.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::item::Item;
use crate::address::Address;
use crate::observe::Live;
use crate::reference::{self, Target};

/// Items in address order. What they are found by never changes once they are decided: addresses, parents, live ids, and the
/// engines that gateways name.
#[derive(Debug, Clone, Default)]
pub struct Items {
    list: Vec<Item>,
    by_address: HashMap<Address, usize>,
    by_kind: HashMap<&'static str, Vec<usize>>,
    by_parent: HashMap<Address, Vec<usize>>,
    /// Engines by their live ids.
    engines: HashMap<String, usize>,
    /// Gateways by the engine they are attached to: as the manifest says, else as it is live.
    attached: HashMap<Address, Vec<usize>>,
}

impl Items {
    /// Finds its way through these items.
    pub fn new(list: Vec<Item>) -> Self {
        let mut items = Self { list, ..Self::default() };
        for (index, item) in items.list.iter().enumerate() {
            items.by_address.insert(item.address.clone(), index);
            items.by_kind.entry(item.kind.name).or_default().push(index);
            if let Some(parent) = item.parent() {
                items.by_parent.entry(parent).or_default().push(index);
            }
            if let (Some(live), "policy_engine") = (&item.live, item.kind.name) {
                items.engines.entry(live.ids.id.clone()).or_insert(index);
            }
        }
        let mut attached: HashMap<Address, Vec<usize>> = HashMap::new();
        for index in items.by_kind.get("gateway").into_iter().flatten() {
            if let Some(engine) = items.list.get(*index).and_then(|gateway| items.attached_engine(gateway)) {
                attached.entry(engine).or_default().push(*index);
            }
        }
        items.attached = attached;
        items
    }

    fn found<'a>(&'a self, indexes: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Item> {
        indexes.into_iter().flatten().filter_map(|index| self.list.get(*index))
    }

    /// The item of an address.
    pub fn at(&self, address: &Address) -> Option<&Item> {
        self.list.get(*self.by_address.get(address)?)
    }

    /// Those of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Item> {
        self.found(self.by_kind.get(kind))
    }

    /// Those that live in a parent.
    pub fn within(&self, parent: &Address) -> impl Iterator<Item = &Item> {
        self.found(self.by_parent.get(parent))
    }

    /// The gateways that an engine decides for: as the manifest says, else as they are live.
    pub fn attached_to(&self, engine: &Address) -> impl Iterator<Item = &Item> {
        self.found(self.attached.get(engine))
    }

    /// The engine that a gateway is attached to: as the manifest says, else as it is live.
    pub fn attached_engine(&self, gateway: &Item) -> Option<Address> {
        let declared = gateway.resource.as_ref().filter(|resource| !gateway.stays() && resource.existing.is_none());
        let Some(resource) = declared else { return self.live_engine(gateway) };
        let arn = resource.document.pointer("/policyEngineConfiguration/arn")?.as_str()?;
        for piece in reference::pieces(arn) {
            if let Err(reference::Reference { target: Target::Output(address, _), .. }) = piece {
                return Some(address);
            }
        }
        self.engine_of_arn(arn)
    }

    /// The engine that a gateway is attached to live.
    pub fn live_engine(&self, gateway: &Item) -> Option<Address> {
        self.engine_of_arn(engine_arn(gateway.live.as_ref()?)?)
    }

    /// The engine with this ARN.
    fn engine_of_arn(&self, arn: &str) -> Option<Address> {
        let (_, id) = arn.rsplit_once('/')?;
        Some(self.list.get(*self.engines.get(id)?)?.address.clone())
    }
}

/// The ARN of the engine that a live gateway is attached to.
pub(super) fn engine_arn(gateway: &Live) -> Option<&str> {
    gateway.document.pointer("/policyEngineConfiguration/arn").and_then(Value::as_str)
}

impl Deref for Items {
    type Target = [Item];

    fn deref(&self) -> &[Item] {
        &self.list
    }
}

impl DerefMut for Items {
    fn deref_mut(&mut self) -> &mut [Item] {
        &mut self.list
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = &'a Item;
    type IntoIter = std::slice::Iter<'a, Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
