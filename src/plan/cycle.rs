//! Cycles: nodes that wait for each other, and so would never start.

use super::work::Node;

/// Takes an ordering out of every cycle. What is left are cycles of needs alone: the plan blocks them.
pub(super) fn drop_cycles(nodes: &mut [Node]) {
    while let Some(cycle) = find_cycle(nodes) {
        let edge = cycle.iter().zip(cycle.iter().cycle().skip(1)).find(|(node, before)| {
            nodes.get(**node).is_some_and(|node| node.after.contains(before) && !node.needs.contains(before))
        });
        let Some((node, before)) = edge.map(|(node, before)| (*node, *before)) else { return };
        if let Some(node) = nodes.get_mut(node) {
            node.after.remove(&before);
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
