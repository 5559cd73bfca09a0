//! Faults: an apply that dies after any of its calls, answers that are lost, members nobody knows.

use std::path::Path;

use localstack::{Config, Fault, FaultKind, Localstack};
use serde_json::Value;

use crate::openings::passing;
use crate::world::{World, steps};
use gatewright::engine;
use gatewright::stack::Stack;

fn example(name: &str, environment: Option<&str>) -> (World, Stack) {
    let stack = World::new().environment(environment).stack_at(&Path::new("manifests").join(name));
    let account = stack.account.clone().unwrap_or_else(|| Config::default().account);
    (World::with(Config { account, ..Config::default() }), stack)
}

/// Lets `calls` mutating calls through; the answer of the last is lost, and nothing after it arrives: the process is dead.
fn die_after(stand_in: &Localstack, calls: usize) {
    if calls > 0 {
        stand_in.fault(Fault { operation: None, nth: calls, times: 1, kind: FaultKind::LoseAnswer });
    }
    stand_in.fault(Fault { operation: None, nth: calls + 1, times: usize::MAX / 2, kind: FaultKind::Drop });
}

/// How many objects of each kind, and what each is called: what must be equal after any detour.
fn inventory(state: &Value) -> Vec<String> {
    let names = ["name", "Name", "ClientName", "Identifier", "GroupName", "Domain", "agentRuntimeName"];
    let mut found: Vec<String> = state["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| {
            let name = names.iter().find_map(|name| object["document"].get(name)?.as_str()).unwrap_or("?");
            format!("{} {name}", object["kind"].as_str().unwrap())
        })
        .collect();
    found.sort();
    found
}

async fn dies_anywhere_and_finishes(name: &str, environment: Option<&str>) {
    let (world, stack) = example(name, environment);
    world.apply_stack(&stack).await;
    let calls = world.mutations().len();
    let wanted = inventory(&world.stand_in.observe());
    let open = passing(&world.stand_in.observe());
    assert!(!open.is_empty(), "{name}: somebody can call something");
    for dead_after in 0..calls {
        let (world, stack) = example(name, environment);
        die_after(&world.stand_in, dead_after);
        let planned = world.plan_stack(&stack).await;
        let outcome = world.carry_out(&planned).await;
        assert!(!outcome.failed.is_empty(), "{name}: dead after {dead_after} calls, and says so");
        // Nothing passes yet that the final state denies: now, and when everything on its way has arrived.
        for _ in 0..2 {
            let now = passing(&world.stand_in.observe());
            assert!(now.is_subset(&open), "{name}: dead after {dead_after} calls: {now:?}");
            tokio::time::advance(std::time::Duration::from_secs(5)).await;
        }
        world.stand_in.clear_faults();
        world.apply_stack(&stack).await;
        assert_eq!(inventory(&world.stand_in.observe()), wanted, "{name}: dead after {dead_after} calls");
        assert_eq!(passing(&world.stand_in.observe()), open, "{name}: dead after {dead_after} calls");
        world.destroy_stack(&stack).await;
        assert_eq!(inventory(&world.stand_in.observe()), Vec::<String>::new(), "{name}: dead after {dead_after} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_dies_after_any_call_is_finished_by_the_next_hr() {
    dies_anywhere_and_finishes("hr-data-agent", Some("dev")).await;
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_dies_after_any_call_is_finished_by_the_next_three_roles() {
    dies_anywhere_and_finishes("three-roles", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_dies_after_any_call_is_finished_by_the_next() {
    let (world, stack) = example("three-roles", None);
    world.apply_stack(&stack).await;
    let open = passing(&world.stand_in.observe());
    world.stand_in.clear_journal();
    world.destroy_stack(&stack).await;
    for dead_after in 0..world.mutations().len() {
        let (world, stack) = example("three-roles", None);
        world.apply_stack(&stack).await;
        die_after(&world.stand_in, dead_after);
        let aws = world.aws().await;
        let planned = engine::plan_destroy(&aws, &stack).await.unwrap();
        let outcome = world.carry_out(&planned).await;
        assert!(!outcome.failed.is_empty(), "dead after {dead_after} calls");
        let now = passing(&world.stand_in.observe());
        assert!(now.is_subset(&open), "dead after {dead_after} calls: {now:?}");
        world.stand_in.clear_faults();
        world.destroy_stack(&stack).await;
        assert_eq!(inventory(&world.stand_in.observe()), Vec::<String>::new(), "dead after {dead_after} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_any_call_makes_nothing_twice() {
    for kind in [FaultKind::LoseAnswer, FaultKind::Drop, FaultKind::NotJson] {
        let (world, stack) = example("three-roles", None);
        world.apply_stack(&stack).await;
        let calls = world.mutations().len();
        let wanted = inventory(&world.stand_in.observe());
        for nth in 1..=calls {
            let (world, stack) = example("three-roles", None);
            world.stand_in.fault(Fault { operation: None, nth, times: 1, kind: kind.clone() });
            let planned = world.plan_stack(&stack).await;
            let outcome = world.carry_out(&planned).await;
            // Whether the run itself gets over it or the next one does: nothing is there twice.
            if !outcome.failed.is_empty() {
                world.apply_stack(&stack).await;
            }
            let again = world.plan_stack(&stack).await.plan;
            assert_eq!(steps(&again), Vec::<String>::new(), "{kind:?} of call {nth}");
            assert_eq!(inventory(&world.stand_in.observe()), wanted, "{kind:?} of call {nth}");
        }
    }
}
