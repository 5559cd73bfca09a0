//! The fault matrix: every call of an apply and of a destroy, and each way in which it can go wrong. A plain rerun then reaches the
//! same final state: nothing twice, nothing left over, nothing foreign touched, and no moment at which a call could have passed
//! that both the old and the new state deny.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use gatewright::aws::Aws;
use gatewright::engine::{self, Planned};
use gatewright::progress::Event;
use gatewright::stack::Stack;
use localstack::{Config, Fault, FaultKind};
use serde_json::{Value, json};

use crate::openings::{Passing, passing};
use crate::world::World;

/// How a call goes wrong.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Refused,
    Lost,
    Throttled,
    Dropped,
    Killed,
    Terminated,
}

const TROUBLES: [(&str, Trouble); 6] = [
    ("refused", Trouble::Refused),
    ("answer lost", Trouble::Lost),
    ("throttled five times", Trouble::Throttled),
    ("dropped", Trouble::Dropped),
    ("killed", Trouble::Killed),
    ("SIGTERM", Trouble::Terminated),
];

impl Trouble {
    /// The fault at the stand-in; nothing where it happens to the process.
    fn fault(self) -> Option<(usize, FaultKind)> {
        let refusal = |error: &str, status| FaultKind::Refuse {
            code: error.to_owned(),
            status,
            message: "on purpose".to_owned(),
        };
        match self {
            Self::Refused => Some((1, refusal("AccessDeniedException", 403))),
            Self::Lost => Some((1, FaultKind::LoseAnswer)),
            Self::Throttled => Some((5, refusal("ThrottlingException", 429))),
            Self::Dropped => Some((1, FaultKind::Drop)),
            Self::Killed | Self::Terminated => None,
        }
    }
}

/// A call of the undisturbed run: its operation, which of that operation's calls, and which of all.
struct Call {
    operation: String,
    nth: usize,
    position: usize,
}

/// The two ways to walk.
#[derive(Debug, Clone, Copy)]
enum Walk {
    Apply,
    Destroy,
}

async fn world(name: &str, environment: Option<&str>) -> (World, Stack) {
    let stack = World::new().environment(environment).stack_at(&Path::new("manifests").join(name));
    let account = stack.account.clone().unwrap_or_else(|| Config::default().account);
    let world = World::with(Config { account, ..Config::default() });
    plant_foreign(&world).await;
    (world, stack)
}

/// What belongs to somebody else: a pool with a client, a gateway with a target, an engine with a policy.
async fn plant_foreign(world: &World) {
    let pool = world.call("CreateUserPool", json!({"PoolName": "theirs"})).await;
    let pool = pool["UserPool"]["Id"].clone();
    world.call("CreateUserPoolClient", json!({"UserPoolId": pool, "ClientName": "theirs"})).await;
    let gateway = json!({"name": "theirs", "roleArn": "arn:aws:iam::111122223333:role/g", "authorizerType": "AWS_IAM", "protocolType": "MCP"});
    let gateway = world.call("CreateGateway", gateway).await["gatewayId"].clone();
    world.call("CreatePolicyEngine", json!({"name": "theirs"})).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    let lambda = json!({"lambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:f", "toolSchema": {"inlinePayload": [{"name": "get", "description": "Gets", "inputSchema": {"type": "object"}}]}});
    let target = json!({"gatewayIdentifier": gateway, "name": "theirs", "targetConfiguration": {"mcp": {"lambda": lambda}}, "credentialProviderConfigurations": [{"credentialProviderType": "GATEWAY_IAM_ROLE"}]});
    world.call("CreateGatewayTarget", target).await;
    tokio::time::advance(Duration::from_mins(1)).await;
}

/// What there is, ids and times left out: kind, name, and which tags.
fn inventory(world: &World) -> Vec<String> {
    let names = ["name", "Name", "ClientName", "Identifier", "GroupName", "Domain", "ProviderName", "agentRuntimeName"];
    let state = world.stand_in.observe();
    let describe = |object: &Value| {
        let name = names.iter().find_map(|name| object["document"].get(name)?.as_str()).unwrap_or("?");
        let mut tags: Vec<&String> = object["tags"].as_object().into_iter().flat_map(|tags| tags.keys()).collect();
        tags.sort();
        format!("{} {name} {tags:?}", object["kind"].as_str().unwrap())
    };
    let mut found: Vec<String> = state["objects"].as_array().unwrap().iter().map(describe).collect();
    found.sort();
    found
}

fn foreign(world: &World) -> Vec<Value> {
    let state = world.stand_in.observe();
    let theirs = |object: &&Value| {
        ["name", "Name", "ClientName"].iter().any(|name| object["document"].get(name) == Some(&json!("theirs")))
    };
    state["objects"].as_array().unwrap().iter().filter(theirs).cloned().collect()
}

async fn planned(world: &World, stack: &Stack, walk: Walk) -> Planned {
    match walk {
        Walk::Apply => world.plan_stack(stack).await,
        Walk::Destroy => engine::plan_destroy(&world.aws().await, stack).await.unwrap(),
    }
}

/// The plain rerun; it asks for no risk, because nothing was open that it could widen.
async fn finish(world: &World, stack: &Stack, walk: Walk) {
    match walk {
        Walk::Apply => assert_eq!(world.apply_stack(stack).await.risks, []),
        Walk::Destroy => drop(world.destroy_stack(stack).await),
    }
}

/// Carries a plan out; at the call of this position the process is killed, or asked to end. Returns whether it came to an end.
async fn carry_out_until(world: &World, aws: &Aws, planned: &Planned, trouble: Trouble, position: usize) -> bool {
    let interrupted = AtomicBool::new(false);
    let report = |_: Event| {};
    world.stand_in.clear_journal();
    let mut run = pin!(engine::apply(aws, planned, &report, &interrupted));
    std::future::poll_fn(|context| {
        let polled = run.as_mut().poll(context);
        if world.stand_in.journal().len() >= position {
            match trouble {
                Trouble::Killed => return Poll::Ready(false),
                Trouble::Terminated => interrupted.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
        polled.map(|_| true)
    })
    .await
}

/// Every call of one walk × every trouble. Returns how many runs of each.
async fn matrix(name: &str, environment: Option<&str>, walk: Walk) -> BTreeMap<&'static str, usize> {
    let (undisturbed, stack) = world(name, environment).await;
    if matches!(walk, Walk::Destroy) {
        undisturbed.apply_stack(&stack).await;
    }
    let before = passing(&undisturbed.stand_in.observe());
    let plan = planned(&undisturbed, &stack, walk).await;
    let aws = undisturbed.aws().await;
    assert!(carry_out_until(&undisturbed, &aws, &plan, Trouble::Refused, usize::MAX).await, "{name}");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let journal = undisturbed.stand_in.journal();
    let calls = journal.into_iter().enumerate().map(|(index, entry)| {
        let nth = seen.entry(entry.operation.clone()).or_default();
        *nth += 1;
        Call { operation: entry.operation, nth: *nth, position: index + 1 }
    });
    let calls: Vec<Call> = calls.collect();
    let (wanted, theirs) = (inventory(&undisturbed), foreign(&undisturbed).len());
    let after = passing(&undisturbed.stand_in.observe());
    let allowed: Passing = before.union(&after).cloned().collect();
    let mut runs = BTreeMap::new();
    for call in &calls {
        for (label, trouble) in TROUBLES {
            let (world, stack) = world(name, environment).await;
            if matches!(walk, Walk::Destroy) {
                world.apply_stack(&stack).await;
            }
            let case = format!("{name}, {walk:?}: {} {} {label}", call.operation, call.nth);
            let foreign_before = foreign(&world);
            assert_eq!(foreign_before.len(), theirs);
            let plan = planned(&world, &stack, walk).await;
            let aws = world.aws().await;
            if let Some((times, kind)) = trouble.fault() {
                let operation = Some(call.operation.clone());
                world.stand_in.fault(Fault { operation, nth: call.nth, times, kind });
            }
            carry_out_until(&world, &aws, &plan, trouble, call.position).await;
            world.stand_in.clear_faults();
            for _ in 0..2 {
                let now = passing(&world.stand_in.observe());
                assert!(now.is_subset(&allowed), "{case}: {:?}", now.difference(&allowed));
                tokio::time::advance(Duration::from_secs(5)).await;
            }
            finish(&world, &stack, walk).await;
            assert_eq!(inventory(&world), wanted, "{case}");
            assert_eq!(passing(&world.stand_in.observe()), after, "{case}");
            assert_eq!(foreign(&world), foreign_before, "{case}: nothing foreign is touched");
            *runs.entry(label).or_default() += 1;
        }
    }
    print_table(name, walk, calls.len(), &runs);
    runs
}

/// One row of the table of runs, past the capture of the test harness.
fn print_table(name: &str, walk: Walk, calls: usize, runs: &BTreeMap<&'static str, usize>) {
    let counts: Vec<String> = TROUBLES.iter().map(|(label, _)| format!("{label} {}", runs[label])).collect();
    let total: usize = runs.values().sum();
    let row = format!("fault matrix | {name} | {walk:?} | {calls} calls | {} | {total} runs\n", counts.join(" | "));
    let _ = std::io::stderr().write_all(row.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn hr_apply() {
    Box::pin(matrix("hr-data-agent", Some("dev"), Walk::Apply)).await;
}

#[tokio::test(start_paused = true)]
async fn hr_destroy() {
    Box::pin(matrix("hr-data-agent", Some("dev"), Walk::Destroy)).await;
}

#[tokio::test(start_paused = true)]
async fn three_roles_apply() {
    Box::pin(matrix("three-roles", None, Walk::Apply)).await;
}

#[tokio::test(start_paused = true)]
async fn three_roles_destroy() {
    Box::pin(matrix("three-roles", None, Walk::Destroy)).await;
}

#[tokio::test(start_paused = true)]
async fn every_kind_apply() {
    Box::pin(matrix("every-kind", None, Walk::Apply)).await;
}

#[tokio::test(start_paused = true)]
async fn every_kind_destroy() {
    Box::pin(matrix("every-kind", None, Walk::Destroy)).await;
}
