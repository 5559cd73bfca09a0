//! The walk: which nodes of a plan's work have ended, and which may start or are skipped because of one that failed.

use std::collections::BTreeSet;

use crate::plan::item::Item;
use crate::plan::work::{Op, Work};

/// How far the walk has come. Each end of a node touches only what waits for it.
pub(super) struct Walk<'a> {
    work: &'a Work,
    nodes: Vec<Progress>,
    /// Nodes that nothing keeps waiting.
    startable: BTreeSet<usize>,
    /// Nodes that need one that failed or was skipped.
    skippable: BTreeSet<usize>,
    running: BTreeSet<usize>,
}

/// How far one node has come.
#[derive(Default)]
struct Progress {
    begun: bool,
    /// How many nodes it still waits for.
    waits_for: usize,
    /// A node that it needs and that failed or was skipped.
    failed_need: Option<usize>,
    /// Nodes that need it.
    needed_by: Vec<usize>,
    /// Nodes that only come after it.
    followed_by: Vec<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(work: &'a Work) -> Self {
        let mut nodes: Vec<Progress> = work.nodes.iter().map(|_| Progress::default()).collect();
        for (index, node) in work.nodes.iter().enumerate() {
            for need in &node.needs {
                if let Some(need) = nodes.get_mut(*need) {
                    need.needed_by.push(index);
                }
            }
            for other in &node.after {
                if let Some(other) = nodes.get_mut(*other) {
                    other.followed_by.push(index);
                }
            }
            if let Some(progress) = nodes.get_mut(index) {
                progress.waits_for = node.needs.len() + node.after.len();
            }
        }
        let free = |(index, progress): (usize, &Progress)| (progress.waits_for == 0).then_some(index);
        let startable = nodes.iter().enumerate().filter_map(free).collect();
        Self { work, nodes, startable, skippable: BTreeSet::new(), running: BTreeSet::new() }
    }

    /// The next node that may start; it is running then.
    pub(super) fn start(&mut self) -> Option<usize> {
        let index = self.startable.pop_first()?;
        self.nodes.get_mut(index)?.begun = true;
        self.running.insert(index);
        Some(index)
    }

    /// The next node that cannot be done because what it needs failed; [`Walk::end`] is due for it.
    pub(super) fn skip(&mut self) -> Option<usize> {
        let index = self.skippable.pop_first()?;
        self.nodes.get_mut(index)?.begun = true;
        Some(index)
    }

    /// A node has ended, well or not.
    pub(super) fn end(&mut self, index: usize, well: bool) {
        self.running.remove(&index);
        let Some(ended) = self.nodes.get_mut(index) else { return };
        let (needed_by, followed_by) = (std::mem::take(&mut ended.needed_by), std::mem::take(&mut ended.followed_by));
        for waiting in needed_by {
            self.stop_waiting(waiting, (!well).then_some(index));
        }
        for waiting in followed_by {
            self.stop_waiting(waiting, None);
        }
    }

    fn stop_waiting(&mut self, waiting: usize, failed_need: Option<usize>) {
        let Some(progress) = self.nodes.get_mut(waiting) else { return };
        progress.waits_for = progress.waits_for.saturating_sub(1);
        progress.failed_need = progress.failed_need.or(failed_need);
        if progress.begun {
            return;
        }
        if progress.failed_need.is_some() {
            self.skippable.insert(waiting);
        } else if progress.waits_for == 0 {
            if self.work.nodes.get(waiting).is_some_and(|node| node.op == Op::Gather) {
                progress.begun = true;
                self.end(waiting, true);
            } else {
                self.startable.insert(waiting);
            }
        }
    }

    /// The item of a node.
    pub(super) fn item(&self, node: usize) -> Option<&'a Item> {
        self.work.items.get(self.work.nodes.get(node)?.item?)
    }

    /// The item that a node needs and that failed or was skipped.
    pub(super) fn failed_need(&self, index: usize) -> Option<&'a Item> {
        self.item(self.nodes.get(index)?.failed_need?)
    }

    /// The nodes in hand.
    pub(super) fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.running.iter().copied()
    }

    /// Nodes that were neither started nor skipped.
    pub(super) fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().enumerate().filter_map(|(index, progress)| (!progress.begun).then_some(index))
    }
}
