//! What a manifest declares, found by address, by what it lives in, by its live name and by the object it names.

use std::collections::HashMap;

use crate::address::Address;
use crate::kind::Kind;
use crate::stack::{Existing, Resource, Stack};

type Found<'a, K> = HashMap<K, Vec<&'a Resource>>;

/// The resources of a stack.
#[derive(Debug, Default)]
pub(crate) struct Declared<'a> {
    by_address: HashMap<&'a Address, &'a Resource>,
    by_parent: Found<'a, (&'static str, &'a Address)>,
    by_name: Found<'a, (&'static str, &'a str)>,
    adopting: Found<'a, (&'static str, &'a str)>,
    existing: Vec<&'a Resource>,
}

impl<'a> Declared<'a> {
    /// Finds its way through a stack.
    pub(crate) fn new(stack: &'a Stack) -> Self {
        let mut declared = Self::default();
        for resource in &stack.resources {
            let kind = resource.kind.name;
            declared.by_address.entry(&resource.address).or_insert(resource);
            if let Some(parent) = &resource.parent {
                declared.by_parent.entry((kind, parent)).or_default().push(resource);
            }
            if let Some(name) = resource.live_name() {
                declared.by_name.entry((kind, name)).or_default().push(resource);
            }
            if let Some(id) = &resource.adopt {
                declared.adopting.entry((kind, id)).or_default().push(resource);
            }
            if resource.existing.is_some() {
                declared.existing.push(resource);
            }
        }
        declared
    }

    /// The resource at an address.
    pub(crate) fn at(&self, address: &Address) -> Option<&'a Resource> {
        self.by_address.get(address).copied()
    }

    /// The resources of a kind that live in a parent, in the manifest's order.
    pub(crate) fn within<'s>(&'s self, kind: &Kind, parent: &'s Address) -> impl Iterator<Item = &'a Resource> + 's {
        self.by_parent.get(&(kind.name, parent)).into_iter().flatten().copied()
    }

    /// The resources of a kind with this live name, of one parent if one is given.
    pub(crate) fn named<'s>(
        &'s self,
        kind: &Kind,
        name: &'s str,
        parent: Option<&'s Address>,
    ) -> impl Iterator<Item = &'a Resource> + 's {
        let named = self.by_name.get(&(kind.name, name)).into_iter().flatten().copied();
        named.filter(move |resource| parent.is_none() || resource.parent.as_ref() == parent)
    }

    /// The resource that adopts the object with this id.
    pub(crate) fn adopting(&self, kind: &Kind, id: &str, parent: Option<&Address>) -> Option<&'a Resource> {
        let mut adopting = self.adopting.get(&(kind.name, id)).into_iter().flatten().copied();
        adopting.find(|resource| resource.parent.as_ref() == parent)
    }

    /// The resources that are objects of somebody else, each with what names the object.
    pub(crate) fn existing(&self) -> impl Iterator<Item = (&'a Resource, &'a Existing)> {
        self.existing.iter().filter_map(|resource| Some((*resource, resource.existing.as_ref()?)))
    }
}
