//! Cycles: nodes that wait for each other, and so would never start.

use super::work::{Node, Op};

/// Takes an ordering out of every cycle. What is left are cycles of needs alone: the plan blocks them.
pub(super) fn drop_cycles(nodes: &mut [Node]) {
    while let Some(cycle) = find_cycle(nodes) {
        let next = || cycle.iter().cycle().skip(1);
        let edge = cycle.iter().zip(next()).zip(next().skip(1)).find(|((node, before), _)| {
            nodes.get(**node).is_some_and(|node| {
                node.op != Op::Gather && node.after.contains(before) && !node.needs.contains(before)
            })
        });
        let Some(((node, before), beyond)) = edge.map(|((node, before), beyond)| ((*node, *before), *beyond)) else {
            return;
        };
        // Of what is gathered, only the one that closes the cycle is no longer waited for.
        let gathered = nodes.get(before).filter(|before| before.op == Op::Gather).map(|before| before.after.clone());
        let gathers = |index: usize| nodes.get(index).is_some_and(|node| node.op == Op::Gather);
        let but = (!gathers(beyond)).then_some(beyond);
        let instead = gathered.into_iter().flatten().filter(|index| Some(*index) != but && *index != node);
        let instead: Vec<usize> = instead.collect();
        if let Some(node) = nodes.get_mut(node) {
            node.after.remove(&before);
            node.after.extend(instead);
        }
    }
}

/// Nodes that wait for each other, each followed by one that it waits for.
pub(super) fn find_cycle(nodes: &[Node]) -> Option<Vec<usize>> {
    let mut waiting: Vec<usize> = nodes.iter().map(|node| node.needs.union(&node.after).count()).collect();
    let mut waited_for: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for before in node.needs.union(&node.after) {
            if let Some(list) = waited_for.get_mut(*before) {
                list.push(index);
            }
        }
    }
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|index| waiting.get(*index) == Some(&0)).collect();
    while let Some(done) = ready.pop() {
        for next in waited_for.get(done).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(*next) {
                *left -= 1;
                if *left == 0 {
                    ready.push(*next);
                }
            }
        }
    }
    let stuck = |index: &usize| waiting.get(*index).is_some_and(|left| *left > 0);
    let mut path: Vec<usize> = vec![(0..nodes.len()).find(stuck)?];
    loop {
        let node = nodes.get(*path.last()?)?;
        let before = node.needs.union(&node.after).copied().find(|before| stuck(before))?;
        if let Some(start) = path.iter().position(|known| *known == before) {
            return Some(path.split_off(start));
        }
        path.push(before);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn node(op: Op, needs: &[usize], after: &[usize]) -> Node {
        let set = |of: &[usize]| of.iter().copied().collect::<BTreeSet<usize>>();
        let item = (op != Op::Gather).then_some(0);
        Node { item, op, last: false, needs: set(needs), after: set(after) }
    }

    #[test]
    fn a_node_stops_waiting_only_for_the_one_that_waits_for_it() {
        // 2 comes after what 4 gathers: 3, and through 5 the nodes 0 and 1. But 1 needs 2.
        let mut nodes = [
            node(Op::Delete, &[], &[]),
            node(Op::Delete, &[2], &[]),
            node(Op::Delete, &[], &[4]),
            node(Op::Delete, &[], &[5]),
            node(Op::Gather, &[], &[3, 5]),
            node(Op::Gather, &[], &[0, 1]),
        ];
        drop_cycles(&mut nodes);
        assert_eq!(find_cycle(&nodes), None);
        // 3 still comes after both, so 2 cannot wait for it either.
        assert_eq!(nodes[2].after, BTreeSet::from([0]));
        assert_eq!(nodes[3].after, BTreeSet::from([5]));
        assert_eq!(nodes[1].needs, BTreeSet::from([2]));
    }

    #[test]
    fn a_cycle_of_needs_stays() {
        let mut nodes = [node(Op::Delete, &[1], &[]), node(Op::Delete, &[0], &[2]), node(Op::Gather, &[], &[])];
        drop_cycles(&mut nodes);
        assert_eq!(find_cycle(&nodes).map(|cycle| cycle.len()), Some(2));
    }
}
