//! The lease: one run at a time, given back however it ends, and never a difference.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gatewright::engine::{self, EngineError};
use gatewright::lease::{Holder, LEASE, LeaseError};
use gatewright::moment::Moment;
use gatewright::progress::Outcome;
use gatewright::stack::Stack;
use localstack::{Config, Fault, FaultKind};
use serde_json::{Value, json};

use crate::command::Terminal;
use crate::served::{Served, against};
use crate::world::{World, steps};

const TWO: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[policy_engine.a]
description = "one"
[gateway.g]
role_arn = "arn:aws:iam::${aws.account}:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
description = "one"
"#;

fn two(description: &str) -> String {
    TWO.replace("\"one\"", &format!("\"{description}\""))
}

/// Plans, and applies under a lease.
async fn apply(world: &World, stack: &Stack, break_lease: bool) -> Result<Outcome, EngineError> {
    let aws = world.aws().await;
    let planned = engine::plan(&aws, stack).await?;
    let again = engine::plan(&aws, stack);
    engine::apply_leased(&aws, &planned, again, break_lease, &|_| (), &AtomicBool::new(false)).await
}

/// The leases that are written anywhere.
fn leases(world: &World) -> Vec<String> {
    let objects = world.stand_in.observe();
    let tags = objects["objects"].as_array().unwrap().iter().filter_map(|object| object["tags"][LEASE].as_str());
    tags.map(ToOwned::to_owned).collect()
}

fn arn(world: &World, kind: &str) -> Value {
    let objects = world.stand_in.observe();
    objects["objects"].as_array().unwrap().iter().find(|object| object["kind"] == kind).unwrap()["arn"].clone()
}

async fn tag(world: &World, kind: &str, value: &str) {
    world.call("TagResource", json!({"resourceArn": arn(world, kind), "tags": {LEASE: value}})).await;
}

/// The lease of a run elsewhere that ends then.
fn lease_until(until: Moment) -> String {
    let since = Moment::parse("2026-01-01T00:00:00Z").unwrap();
    let holder = Holder::new("arn:aws:iam::111122223333:user/colleague", since);
    Holder { until, process: None, ..holder }.to_string()
}

/// The lease of a run elsewhere that is under way.
fn held() -> String {
    lease_until(Moment::now().plus(Duration::from_mins(5)))
}

fn mutations(world: &World) -> Vec<String> {
    world.mutations().into_iter().map(|entry| entry.operation).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_takes_the_lease_first_and_gives_it_back_last_and_nobody_sees_a_difference() {
    let world = World::new();
    world.apply(TWO).await;
    let stack = world.stack(&two("two"));
    world.stand_in.clear_journal();
    let outcome = apply(&world, &stack, false).await.unwrap();
    assert_eq!((outcome.failed, outcome.notes), (vec![], vec![]));
    let calls = mutations(&world);
    assert_eq!((calls.first().unwrap().as_str(), calls.last().unwrap().as_str()), ("TagResource", "UntagResource"));
    assert_eq!(leases(&world), Vec::<String>::new());
    tag(&world, "gateway", &held()).await;
    assert_eq!(steps(&world.plan_stack(&stack).await.plan), Vec::<String>::new(), "a lease is no difference");
}

#[tokio::test(start_paused = true)]
async fn a_run_refuses_while_another_holds_the_lease_whichever_object_carries_it() {
    for kind in ["gateway", "policy_engine"] {
        let world = World::new();
        world.apply(TWO).await;
        tag(&world, kind, &held()).await;
        world.stand_in.clear_journal();
        let stack = world.stack(&two("two"));
        let Err(EngineError::Lease(refused)) = apply(&world, &stack, false).await else { panic!("it is held") };
        assert!(matches!(refused, LeaseError::Held { .. }) && refused.is_refusal(), "{refused:?}");
        let said = refused.to_string();
        assert!(said.contains("user/colleague") && said.contains("2026-01-01T00:00:00Z"), "{said}");
        assert!(refused.help().contains("--break-lease"));
        assert_eq!(mutations(&world), Vec::<String>::new());
        let outcome = apply(&world, &stack, true).await.unwrap();
        assert!(outcome.notes[0].contains("broke the lease"), "{:?}", outcome.notes);
        assert_eq!(leases(&world), Vec::<String>::new());
        assert_eq!(steps(&world.plan_stack(&stack).await.plan), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_dead_run_left_ends_and_nonsense_is_never_taken_for_an_end() {
    let world = World::new();
    world.apply(TWO).await;
    tag(&world, "gateway", &lease_until(Moment::parse("2026-01-01T00:10:00Z").unwrap())).await;
    let outcome = apply(&world, &world.stack(&two("two")), false).await.unwrap();
    assert!(outcome.notes[0].contains("user/colleague"), "{:?}", outcome.notes);
    tag(&world, "gateway", "mine").await;
    world.stand_in.clear_journal();
    let stack = world.stack(&two("three"));
    let Err(EngineError::Lease(refused)) = apply(&world, &stack, false).await else { panic!("nobody can tell") };
    assert!(refused.is_refusal() && refused.to_string().contains("`mine`"), "{refused}");
    assert_eq!(mutations(&world), Vec::<String>::new());
    assert_eq!(apply(&world, &stack, true).await.unwrap().failed, []);
    assert_eq!(leases(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_new_stack_takes_the_lease_with_its_first_root_object() {
    let world = World::new();
    let stack = world.stack(TWO);
    let outcome = apply(&world, &stack, false).await.unwrap();
    assert_eq!((outcome.failed, outcome.notes), (vec![], vec![]));
    let carriers: Vec<_> =
        world.mutations().into_iter().filter(|entry| entry.input["tags"].get(LEASE).is_some()).collect();
    assert_eq!(carriers.len(), 1, "{carriers:?}");
    assert!(carriers[0].operation.starts_with("Create"), "{carriers:?}");
    assert_eq!(leases(&world), Vec::<String>::new());
    assert_eq!(steps(&world.plan_stack(&stack).await.plan), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn while_a_stack_is_destroyed_the_lease_moves_on_to_what_is_left() {
    let world = World::new();
    world.apply(TWO).await;
    let aws = world.aws().await;
    let stack = world.stack(TWO);
    let planned = engine::plan_destroy(&aws, &stack).await.unwrap();
    let seen = Mutex::new(Vec::new());
    // After every event there is either a lease or nothing left.
    let report = |_| {
        let objects = world.stand_in.observe()["objects"].as_array().unwrap().len();
        seen.lock().unwrap().push((leases(&world).len(), objects));
    };
    let again = engine::plan_destroy(&aws, &stack);
    let outcome = engine::apply_leased(&aws, &planned, again, false, &report, &AtomicBool::new(false)).await.unwrap();
    assert_eq!((outcome.failed, outcome.notes), (vec![], vec![]));
    assert!(seen.lock().unwrap().iter().all(|(leases, objects)| *leases > 0 || *objects == 0), "{seen:?}");
    assert_eq!(world.stand_in.observe()["objects"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn what_changed_between_the_plan_and_the_lease_stops_the_run_before_it_begins() {
    let world = World::new();
    world.apply(TWO).await;
    let stack = world.stack(&two("two"));
    let aws = world.aws().await;
    let planned = engine::plan(&aws, &stack).await.unwrap();
    world.apply(&two("by another run")).await;
    let again = engine::plan(&aws, &stack);
    let refused =
        engine::apply_leased(&aws, &planned, again, false, &|_| (), &AtomicBool::new(false)).await.unwrap_err();
    assert!(refused.to_string().starts_with("changed-since-plan"), "{refused}");
    assert!(refused.to_string().contains("gateway.g"), "{refused}");
    assert_eq!(leases(&world), Vec::<String>::new(), "and the lease is given back");
    assert_eq!(steps(&world.plan(&two("by another run")).await), Vec::<String>::new(), "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn of_two_runs_that_take_the_lease_on_different_objects_at_once_neither_goes_on() {
    let world = World::new();
    world.apply(TWO).await;
    let stack = world.stack(&two("two"));
    let aws = world.aws().await;
    let planned = engine::plan(&aws, &stack).await.unwrap();
    let again = async {
        let objects = world.stand_in.observe();
        let mut free =
            objects["objects"].as_array().unwrap().iter().filter(|object| object["tags"].get(LEASE).is_none());
        let free = free.next().unwrap()["kind"].as_str().unwrap();
        tag(&world, free, &held()).await;
        engine::plan(&aws, &stack).await
    };
    let refused =
        engine::apply_leased(&aws, &planned, again, false, &|_| (), &AtomicBool::new(false)).await.unwrap_err();
    assert!(refused.to_string().contains("user/colleague"), "{refused}");
    let left = leases(&world);
    assert!(left.len() == 1 && left[0].contains("user/colleague"), "ours is given back: {left:?}");
    assert_eq!(steps(&world.plan(TWO).await), Vec::<String>::new(), "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_given_back_after_a_failure_and_after_an_interruption() {
    let world = World::new();
    world.apply(TWO).await;
    let refuse = FaultKind::Refuse { status: 403, code: "AccessDeniedException".into(), message: "no".into() };
    world.stand_in.fault(Fault { operation: Some("UpdateGateway".into()), nth: 1, times: 1, kind: refuse });
    let stack = world.stack(&two("two"));
    let outcome = apply(&world, &stack, false).await.unwrap();
    assert_eq!((outcome.failed.len(), leases(&world).len()), (1, 0));
    let aws = world.aws().await;
    let planned = engine::plan(&aws, &stack).await.unwrap();
    let (interrupted, again) = (AtomicBool::new(true), engine::plan(&aws, &stack));
    let outcome = engine::apply_leased(&aws, &planned, again, false, &|_| (), &interrupted).await.unwrap();
    assert!(outcome.interrupted && outcome.done.is_empty(), "{outcome:?}");
    assert_eq!(leases(&world), Vec::<String>::new());
}

/// A world in which an update takes half an hour.
async fn slow() -> (World, Stack) {
    let world = World::with(Config { delay: Duration::from_mins(28), ..Config::default() });
    world.apply(TWO).await;
    let stack = world.stack(&two("two"));
    world.stand_in.clear_journal();
    (world, stack)
}

#[tokio::test(start_paused = true)]
async fn a_long_run_renews_its_lease() {
    let (world, stack) = slow().await;
    let outcome = apply(&world, &stack, false).await.unwrap();
    assert_eq!(outcome.failed, []);
    let written: Vec<String> = world
        .mutations()
        .iter()
        .filter_map(|entry| Some(entry.input["tags"].get(LEASE)?.as_str()?.to_owned()))
        .collect();
    let until = |value: &String| Holder::parse(value).unwrap().until;
    assert!(written.len() > 8, "{written:?}");
    assert!(written.windows(2).all(|pair| until(&pair[0]) < until(&pair[1])), "{written:?}");
    assert_eq!(leases(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_does_not_wait_for_what_takes_long() {
    let (world, stack) = slow().await;
    let aws = world.aws().await;
    let planned = engine::plan(&aws, &stack).await.unwrap();
    let (interrupted, again) = (AtomicBool::new(false), engine::plan(&aws, &stack));
    let begun = tokio::time::Instant::now();
    let (outcome, ()) =
        tokio::join!(engine::apply_leased(&aws, &planned, again, false, &|_| (), &interrupted), async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            interrupted.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    let outcome = outcome.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(75), "{:?}", begun.elapsed());
    assert!(outcome.interrupted && outcome.done.is_empty(), "{outcome:?}");
    assert_eq!(outcome.cut_off, ["gateway.g", "policy_engine.a"]);
    assert_eq!(leases(&world), Vec::<String>::new());
    tokio::time::advance(Duration::from_mins(30)).await;
    assert_eq!(apply(&world, &stack, false).await.unwrap().failed, []);
    assert_eq!(steps(&world.plan_stack(&stack).await.plan), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_lease_was_broken_starts_nothing_more() {
    let (world, stack) = slow().await;
    let theirs = held();
    let (outcome, ()) = tokio::join!(apply(&world, &stack, false), async {
        tokio::time::sleep(Duration::from_mins(4)).await;
        for kind in ["gateway", "policy_engine"] {
            tag(&world, kind, &theirs).await;
        }
    });
    let outcome = outcome.unwrap();
    let why = outcome.stopped.as_ref().unwrap();
    assert!(why.contains("user/colleague") && !why.contains("nothing"), "{why}");
    assert_eq!(outcome.cut_off.len(), 2, "{outcome:?}");
    assert_eq!(leases(&world), [theirs.clone(), theirs], "the other run's lease stays");
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_writing_was_not_answered_is_given_back() {
    let world = World::new();
    world.apply(TWO).await;
    world.stand_in.fault(Fault {
        operation: Some("TagResource".into()),
        nth: 1,
        times: 100,
        kind: FaultKind::LoseAnswer,
    });
    let Err(EngineError::Lease(failed)) = apply(&world, &world.stack(&two("two")), false).await else {
        panic!("nobody knows whether it was written")
    };
    assert!(!failed.is_refusal(), "{failed}");
    assert_eq!(leases(&world), Vec::<String>::new());
    world.stand_in.clear_faults();
    assert_eq!(steps(&world.plan(TWO).await), Vec::<String>::new(), "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn where_tags_cannot_be_written_or_have_no_room_it_says_so() {
    let world = World::new();
    world.apply(TWO).await;
    let refuse = FaultKind::Refuse { status: 403, code: "AccessDeniedException".into(), message: "no tags".into() };
    world.stand_in.fault(Fault { operation: Some("TagResource".into()), nth: 1, times: 1, kind: refuse });
    let stack = world.stack(&two("two"));
    let Err(EngineError::Lease(failed)) = apply(&world, &stack, false).await else { panic!("no lease, no run") };
    assert!(!failed.is_refusal() && failed.to_string().contains("no tags"), "{failed}");
    assert!(failed.help().contains("TagResource"), "{}", failed.help());
    for kind in ["gateway", "policy_engine"] {
        let tags: serde_json::Map<String, Value> =
            (3..50).map(|number| (format!("theirs-{number}"), json!("x"))).collect();
        world.call("TagResource", json!({"resourceArn": arn(&world, kind), "tags": tags})).await;
    }
    world.stand_in.clear_journal();
    let Err(EngineError::Lease(failed)) = apply(&world, &stack, false).await else { panic!("no room, no run") };
    assert!(failed.to_string().contains("50 tags"), "{failed}");
    assert_eq!(mutations(&world), Vec::<String>::new());
}

fn terminal() -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), TWO).unwrap();
    terminal
}

/// Starts an update in a process of its own that waits for a role to spread; gives it when it holds the lease.
fn under_way(terminal: &Terminal, served: &Served) -> std::process::Child {
    assert_eq!(against(terminal, &served.url, &["apply", "--yes"]).code, 0);
    std::fs::write(terminal.folder.path().join("gatewright.toml"), two("two")).unwrap();
    let refusal =
        json!({"refuse": {"status": 400, "code": "ValidationException", "message": "Role validation failed"}});
    let faults = json!([{"operation": "UpdateGateway", "times": 1000, "outcome": refusal}]);
    assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
    let mut command = terminal.command(&["apply", "--yes"]);
    command.env("AWS_ENDPOINT_URL", &served.url).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    while served.tags("s/default", LEASE).is_empty() {}
    child
}

#[test]
fn of_two_processes_the_second_is_refused_and_the_first_finishes() {
    let terminal = terminal();
    let served = Served::start(&terminal, &[]);
    let first = under_way(&terminal, &served);
    let second = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(second.code, 4, "{}\n{}", second.out, second.err);
    assert!(second.err.contains("another run is changing this stack"), "{}", second.err);
    assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(served.tags("s/default", LEASE), Vec::<String>::new());
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_was_killed_on_this_machine_keeps_nobody_out() {
    let terminal = terminal();
    let served = Served::start(&terminal, &[]);
    let mut first = under_way(&terminal, &served);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    let again = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(again.code, 0, "{}\n{}", again.out, again.err);
    assert!(again.err.contains("has ended"), "{}", again.err);
    assert_eq!(served.tags("s/default", LEASE), Vec::<String>::new());
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn of_two_runs_on_one_local_state_the_second_is_refused_cleanly() {
    let terminal = terminal();
    assert_eq!(terminal.run(&["apply", "--yes", "--local=state.json"]).code, 0);
    let lock = std::fs::File::create(terminal.folder.path().join("state.json.lock")).unwrap();
    lock.try_lock().unwrap();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), two("two")).unwrap();
    let refused = terminal.run(&["apply", "--yes", "--local=state.json"]);
    assert_eq!(refused.code, 4, "{}\n{}", refused.out, refused.err);
    assert!(refused.err.contains("another run is changing this local state"), "{}", refused.err);
    assert_eq!(terminal.run(&["plan", "--local=state.json"]).code, 0, "a plan changes nothing");
    drop(lock);
    assert_eq!(terminal.run(&["apply", "--yes", "--local=state.json"]).code, 0);
    assert!(!terminal.folder.path().join("state.json.lock").exists());
}
