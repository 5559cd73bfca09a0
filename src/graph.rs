//! Graph: what needs what, and an order that respects it.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::stack::Stack;

/// The resources of a stack so that what is needed comes before what needs it; among equals, manifest order. A cycle, which
/// the manifest check refuses, keeps manifest order.
pub fn order(stack: &Stack) -> Vec<usize> {
    let index: BTreeMap<&Address, usize> =
        stack.resources.iter().enumerate().map(|(index, resource)| (&resource.address, index)).collect();
    let mut ordered = Vec::with_capacity(stack.resources.len());
    let mut seen = BTreeSet::new();
    for start in 0..stack.resources.len() {
        // Depth first without recursion: manifests may chain thousands of resources.
        let mut stack_of_work = vec![(start, false)];
        while let Some((current, needs_done)) = stack_of_work.pop() {
            if needs_done {
                ordered.push(current);
                continue;
            }
            if !seen.insert(current) {
                continue;
            }
            stack_of_work.push((current, true));
            let needs = stack.resources.get(current).map(crate::stack::Resource::needs).unwrap_or_default();
            for need in needs.iter().rev().filter_map(|need| index.get(need)) {
                if !seen.contains(need) {
                    stack_of_work.push((*need, false));
                }
            }
        }
    }
    ordered
}
