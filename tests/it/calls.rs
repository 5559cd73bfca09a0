//! Calls: how many a command makes, and how fast they go out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gatewright::aws::{Aws, Connection};
use gatewright::engine;
use gatewright::progress::Event;
use gatewright::stack::Stack;
use localstack::{Config, Localstack};

use crate::world::World;

/// A stand-in as far away as AWS is, that refuses what comes faster than AWS documents.
fn far_away(account: Option<&str>) -> Localstack {
    let account = account.map_or_else(|| Config::default().account, ToOwned::to_owned);
    Localstack::new(Config { account, rates: true, latency: Duration::from_millis(80), ..Config::default() })
}

async fn connect(stand_in: &Localstack) -> Aws {
    let connection = Connection { local: Some(stand_in.clone()), aws_rates: true, ..Connection::default() };
    Aws::connect(&connection).await.unwrap()
}

async fn apply_far_away(stand_in: &Localstack, stack: &Stack) {
    let aws = connect(stand_in).await;
    let planned = engine::plan(&aws, stack).await.unwrap();
    stand_in.clear_journal();
    let report = |_: Event| {};
    let outcome = engine::apply(&aws, &planned, &report, &AtomicBool::new(false)).await;
    assert_eq!(outcome.failed, []);
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_keeps_to_the_rates_is_never_refused_for_coming_too_fast() {
    for (name, environment) in [("hr-data-agent", Some("dev")), ("three-roles", None)] {
        let stack = World::new().environment(environment).stack_at(&Path::new("manifests").join(name));
        let stand_in = far_away(stack.account.as_deref());
        apply_far_away(&stand_in, &stack).await;
        let refused: Vec<_> = stand_in
            .journal()
            .into_iter()
            .filter(|entry| matches!(entry.code.as_deref(), Some("ThrottlingException" | "TooManyRequestsException")))
            .map(|entry| entry.operation)
            .collect();
        assert_eq!(refused, Vec::<String>::new(), "{name}");
    }
}

/// Gateways with an engine, a target and a policy each, and a client of one pool for each.
fn gateways(number: usize) -> String {
    let (all, one) = include_str!("../../benches/speed/gateway.toml").split_once("# ---\n").unwrap();
    let each = (0..number).map(|number| one.replace("NUMBER", &number.to_string()));
    all.to_owned() + &each.collect::<String>()
}

/// How often each operation was called.
fn counts(stand_in: &Localstack) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in stand_in.journal() {
        *counts.entry(entry.operation).or_default() += 1;
    }
    counts
}

/// The calls of a first apply of so many gateways, and of a plan after it.
async fn calls_of(number: usize) -> [BTreeMap<String, usize>; 2] {
    let world = World::new();
    let stack = world.stack(&gateways(number));
    // As far away as AWS is, an object is ready when it is looked at.
    let stand_in = Localstack::new(Config { latency: Duration::from_millis(80), ..Config::default() });
    let aws = Aws::connect(&Connection { local: Some(stand_in.clone()), ..Connection::default() }).await.unwrap();
    let planned = engine::plan(&aws, &stack).await.unwrap();
    stand_in.clear_journal();
    let outcome = engine::apply(&aws, &planned, &|_: Event| {}, &AtomicBool::new(false)).await;
    assert_eq!(outcome.failed, []);
    let applied = counts(&stand_in);
    stand_in.clear_journal();
    assert!(engine::plan(&aws, &stack).await.unwrap().plan.is_empty());
    [applied, counts(&stand_in)]
}

/// What each gateway more costs: the second count less the first, for every operation.
fn each(few: &BTreeMap<String, usize>, many: &BTreeMap<String, usize>, more: usize) -> Vec<(String, usize)> {
    let differences = many.iter().map(|(operation, calls)| (operation, calls - few.get(operation).unwrap_or(&0)));
    let differing = differences.filter(|(_, calls)| *calls > 0);
    differing.map(|(operation, calls)| (operation.clone(), calls.div_ceil(more))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_plan_makes_one_listing_for_each_kind_and_parent_and_no_read_that_is_not_needed() {
    let ([_, few], [_, many]) = (calls_of(2).await, calls_of(6).await);
    let each = each(&few, &many, 4);
    let each: Vec<(&str, usize)> = each.iter().map(|(operation, calls)| (operation.as_str(), *calls)).collect();
    // A listing of gateways, targets or clients does not show all of them; one of engines and policies does. A client needs a read
    // of its own, and everything that lives in nothing a look at its tags.
    let needed = [
        ("DescribeUserPoolClient", 1),
        ("GetGateway", 1),
        ("GetGatewayTarget", 1),
        ("ListGatewayTargets", 1),
        ("ListPolicies", 1),
        ("ListTagsForResource", 2),
    ];
    assert_eq!(each, needed);
    let lists =
        few.iter().filter(|(operation, _)| operation.starts_with("List") && *operation != "ListTagsForResource");
    let more_than_one: Vec<_> = lists
        .filter(|(operation, calls)| {
            let by_parent = ["ListGatewayTargets", "ListPolicies"].contains(&operation.as_str());
            **calls > if by_parent { 2 } else { 1 }
        })
        .collect();
    assert_eq!(more_than_one, Vec::<(&String, &usize)>::new());
}

#[tokio::test(start_paused = true)]
async fn an_apply_makes_no_call_twice_that_one_can_do() {
    let ([few, _], [many, _]) = (calls_of(2).await, calls_of(6).await);
    let each = each(&few, &many, 4);
    let each: Vec<(&str, usize)> = each.iter().map(|(operation, calls)| (operation.as_str(), *calls)).collect();
    // Ready is ready twice in a row: two looks after each change, one before the update that opens. Tags: the children of the
    // engine and of the gateway are named before they are made and remembered when they stand, and what was applied is
    // remembered of the gateway. What many clients have to say on their pool goes out together.
    let needed = [
        ("CreateGateway", 1),
        ("CreateGatewayTarget", 1),
        ("CreatePolicy", 1),
        ("CreatePolicyEngine", 1),
        ("CreateUserPoolClient", 1),
        ("GetGateway", 5),
        ("GetGatewayTarget", 2),
        ("GetPolicy", 2),
        ("GetPolicyEngine", 2),
        ("TagResource", 5),
        ("UntagResource", 1),
        ("UpdateGateway", 1),
    ];
    assert_eq!(each, needed);
}
