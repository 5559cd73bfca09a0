//! The order in which things go, and what keeping it costs.

use std::collections::BTreeSet;

use gatewright::engine;
use gatewright::kind::KINDS;
use gatewright::plan::work::{Op, Work};
use localstack::{Fault, FaultKind};

use crate::world::World;

const MANY: &str = include_str!("../../benches/speed/gateway.toml");

/// A stack of gateways, each with a client, an engine, a target and a policy.
fn gateways(count: usize) -> String {
    let (all, one) = MANY.split_once("# ---\n").unwrap();
    let each = (0..count).map(|number| one.replace("NUMBER", &number.to_string()));
    std::iter::once(all.to_owned()).chain(each).collect()
}

fn edges(work: &Work) -> usize {
    work.nodes.iter().map(|node| node.needs.len() + node.after.len()).sum()
}

/// Everything that has ended before a node begins.
fn before(work: &Work, node: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        let node = &work.nodes[node];
        open.extend(node.needs.union(&node.after).filter(|before| found.insert(**before)));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_destroy_takes_as_many_edges_for_each_object_however_many_there_are() {
    let mut each = Vec::new();
    for count in [10, 40] {
        let world = World::new();
        let stack = world.stack(&gateways(count));
        world.apply_stack(&stack).await;
        let work = engine::plan_destroy(&world.aws().await, &stack).await.unwrap().work;
        each.push(edges(&work) / work.items.len());
    }
    assert!(each[0] < 6, "{each:?}");
    assert_eq!(each[0], each[1]);
}

#[tokio::test(start_paused = true)]
async fn what_goes_waits_for_later_kinds_for_children_and_for_every_change() {
    let world = World::new();
    world.apply(&gateways(4)).await;
    // Two gateways go with all that is theirs; a client of one that stays changes, and a new one comes.
    let two = gateways(2).replacen("generate_secret = true", "generate_secret = true\naccess_token_validity = 2", 1);
    let two = format!("{two}\n[user_pool_client.new]\nuser_pool = \"all\"\n");
    let stack = world.stack(&two);
    let planned = world.plan_stack(&stack).await;
    let work = &planned.work;
    let item = |node: usize| &work.items[work.nodes[node].item.unwrap()];
    let rank = |node: usize| KINDS.iter().position(|kind| kind.name == item(node).kind.name).unwrap();
    let (deletes, changes): (Vec<usize>, Vec<usize>) = (0..work.nodes.len())
        .filter(|node| work.nodes[*node].op != Op::Gather)
        .partition(|node| work.nodes[*node].op == Op::Delete);
    assert_eq!((deletes.len(), changes.is_empty()), (10, false));
    for node in &deletes {
        let before = before(work, *node);
        assert!(!before.contains(node));
        for other in &deletes {
            let parent = item(*other).live.as_ref().unwrap().parent.as_ref() == Some(&item(*node).address);
            assert!(!parent || work.nodes[*node].needs.contains(other));
            assert_eq!(before.contains(other), rank(*other) > rank(*node), "{}", item(*node).address);
        }
        if item(*node).kind.name != "policy" {
            assert!(changes.iter().all(|change| before.contains(change)), "{}", item(*node).address);
        }
    }
    world.stand_in.clear_journal();
    let outcome = world.carry_out(&planned).await;
    assert_eq!((outcome.failed, outcome.skipped), (vec![], vec![]));
    let calls: Vec<String> = world.mutations().into_iter().map(|entry| entry.operation).collect();
    let place = |operation: &str| calls.iter().rposition(|call| call == operation).unwrap();
    assert!(place("DeletePolicy") < place("DeleteGatewayTarget"), "{calls:?}");
    assert!(
        place("UpdateUserPoolClient") < calls.iter().position(|call| call == "DeleteGateway").unwrap(),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_what_failed_to_go_still_has_its_turn() {
    let world = World::new();
    let stack = world.stack(&gateways(3));
    world.apply_stack(&stack).await;
    let planned = engine::plan_destroy(&world.aws().await, &stack).await.unwrap();
    let kind = FaultKind::Unsuccessful { reason: "no luck today".to_owned() };
    world.stand_in.fault(Fault { operation: Some("DeletePolicy".to_owned()), nth: 1, times: 1, kind });
    let outcome = world.carry_out(&planned).await;
    assert_eq!(outcome.failed.len(), 1, "{:?}", outcome.failed);
    // Its engine needs it gone; the other branches only come after it.
    let skipped: Vec<&str> = outcome.skipped.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    assert!(skipped[0].starts_with("policy_engine."), "{skipped:?}");
    world.destroy_stack(&stack).await;
}
