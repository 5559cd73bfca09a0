//! Edits of memberships: what many children have to say on one parent at the same time goes out in one call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::address::Address;
use crate::kind::Kind;
use crate::ownership::{Child, Membership};

/// One change of a membership.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// A child is, or is to be, of ours.
    Put(Entry),
    /// The same, unless it is named already.
    Announce(Entry),
    /// A child is gone.
    Remove(Entry),
    /// Only what is gone anyway is forgotten.
    Nothing,
}

/// A child as a membership names it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: &'static Kind,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) address: Address,
    pub(super) applied: String,
    pub(super) protect: bool,
}

impl Entry {
    fn child(&self) -> Child<'_> {
        Child { kind: self.kind, name: &self.name, id: &self.id }
    }

    fn put(&self, membership: &mut Membership) {
        membership.put(self.child(), &self.address, &self.applied, self.protect);
    }
}

impl Edit {
    pub(super) fn make(&self, membership: &mut Membership) {
        match self {
            Self::Put(entry) => entry.put(membership),
            Self::Announce(entry) if !membership.holds(entry.child()) => entry.put(membership),
            Self::Remove(entry) => membership.remove(entry.child()),
            Self::Announce(_) | Self::Nothing => {}
        }
    }
}

/// What came of an edit; nothing while it waits.
pub(super) type Written = Arc<Mutex<Option<Result<(), String>>>>;

/// Edits of one child each that go out together.
pub(super) type Batch = Vec<(Vec<Edit>, Written)>;

/// Edits that wait for their turn.
#[derive(Default)]
pub(super) struct Edits {
    /// By parent.
    waiting: Mutex<BTreeMap<Address, Batch>>,
    /// Parents that name every child that this run will create.
    announced: Mutex<BTreeSet<Address>>,
}

impl Edits {
    /// Adds edits to those that wait. Whoever has the parent's turn next writes them all.
    pub(super) fn wait(&self, parent: &Address, edits: Vec<Edit>) -> Written {
        let written = Written::default();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(parent.clone()).or_default().push((edits, written.clone()));
        written
    }

    /// The parent names every child that this run will create.
    pub(super) fn are_announced(&self, parent: &Address) -> bool {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner).contains(parent)
    }

    /// From now on it does.
    pub(super) fn announced(&self, parent: &Address) {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner).insert(parent.clone());
    }

    /// The parent is gone: one that takes its place names no child yet.
    pub(super) fn forget(&self, parent: &Address) {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner).remove(parent);
    }

    /// Takes those that wait.
    pub(super) fn take(&self, parent: &Address) -> Batch {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(parent).unwrap_or_default()
    }
}
