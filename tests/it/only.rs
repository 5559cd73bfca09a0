//! `--only`: the steps of some addresses and what they need, and never a half-opened state.

use gatewright::engine::{self, Asked, EngineError, Planned, Scope};
use gatewright::plan::Plan;

use crate::command::Terminal;
use crate::openings::passing;
use crate::running::{ENGINE, INTERCEPTED, JWT, NO_PUT, READ, WRITE, manifest, policy};
use crate::world::{World, steps};

fn get() -> String {
    policy("get", "permit", "get", READ)
}

fn put() -> String {
    policy("put", "permit", "put", WRITE)
}

fn no_put() -> String {
    policy("no_put", "forbid", "put", NO_PUT)
}

async fn ask(world: &World, text: &str, only: &[&str]) -> Result<Planned, EngineError> {
    let only = only.iter().map(|address| (*address).to_owned()).collect();
    let asked = Asked { scope: Scope::Only(only), ..Asked::default() };
    engine::plan_asked(&world.aws().await, &world.stack(text), &asked).await
}

async fn apply(world: &World, text: &str, only: &[&str]) -> Plan {
    let planned = ask(world, text, only).await.unwrap();
    assert!(!planned.plan.is_refused(), "{only:?}: {:?}", planned.plan.diagnostics);
    let outcome = world.carry_out(&planned).await;
    assert_eq!((&outcome.failed, &outcome.skipped), (&vec![], &vec![]), "{only:?}");
    // What was deleted has no address any more.
    if let Ok(again) = ask(world, text, only).await {
        assert_eq!(steps(&again.plan), Vec::<String>::new(), "{only:?}: asked again, there is nothing to do");
    }
    planned.plan
}

async fn refused(world: &World, text: &str, only: &[&str], words: &str) {
    let before = world.stand_in.observe();
    let planned = ask(world, text, only).await.unwrap();
    assert!(planned.plan.is_refused(), "{only:?}: {:?}", steps(&planned.plan));
    let found = planned.plan.diagnostics.iter().find(|found| found.code == "plan::only").unwrap();
    assert!(found.message.contains(words), "{only:?}: {}", found.message);
    assert!(planned.plan.steps.iter().all(|step| step.blocked.is_some()), "{only:?}: all of it is refused");
    world.carry_out(&planned).await;
    assert_eq!(world.stand_in.observe(), before, "{only:?}: nothing was changed");
}

fn taken(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.address.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_named_comes_with_what_it_needs_and_the_rest_is_named() {
    let text = manifest(&format!("{JWT}{ENGINE}"), &format!("{}{}", get(), put()));
    let world = World::new();
    let plan = apply(&world, &text, &["user_pool_client.reader"]).await;
    assert_eq!(taken(&plan), ["user_pool.p", "resource_server.api", "user_pool_client.reader"]);
    let left: Vec<&str> = plan.left_out.iter().map(|left| left.address.as_str()).collect();
    assert!(left.contains(&"gateway.g") && left.contains(&"user_pool_client.writer"), "{left:?}");
    let plan = apply(&world, &text, &["policy.get"]).await;
    assert_eq!(
        taken(&plan),
        ["user_pool_client.writer", "policy_engine.e", "gateway.g", "gateway_target.t", "policy.get"]
    );
    world.apply(&text).await;
    // A change of something that is there already is not needed.
    let changed = text.replace("name = \"g\"", "name = \"g\"\ndescription = \"new\"").replace("Gets", "Fetches");
    let plan = apply(&world, &changed, &["gateway_target.t"]).await;
    assert_eq!((taken(&plan), plan.left_out.len()), (vec!["gateway_target.t"], 1));
    // What goes, goes with what lives in it.
    let gone = manifest(&format!("{JWT}{ENGINE}"), &put());
    let plan = apply(&world, &gone, &["policy.e/get"]).await;
    assert_eq!(taken(&plan), ["policy.e/get"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_opens_without_the_forbid_that_restrains_it() {
    let text = manifest(&format!("{JWT}{ENGINE}"), &format!("{}{}{}", get(), put(), no_put()));
    let world = World::new();
    refused(&world, &text, &["gateway.g"], "`policy.no_put` restrains its callers").await;
    refused(&world, &text, &["policy.put"], "`policy.no_put` restrains its callers").await;
    apply(&world, &text, &["policy.put", "policy.no_put"]).await;
    world.apply(&text).await;

    // On a running gateway: a new permit, a wider allow-list, a forbid that goes while the permit it restrained stays.
    let before = manifest(&format!("jwt_authorizer = \"only_reader\"\n{ENGINE}"), &get());
    let world = World::new();
    world.apply(&before).await;
    refused(&world, &text, &["policy.put"], "`policy.no_put` restrains").await;
    refused(&world, &text, &["gateway.g"], "`policy.no_put` restrains").await;
    apply(&world, &text, &["policy.no_put"]).await;
    apply(&world, &text, &["gateway.g"]).await;
    world.apply(&text).await;
    let open = passing(&world.stand_in.observe());
    let neither = manifest(&format!("{JWT}{ENGINE}"), &get());
    refused(&world, &neither, &["policy.e/no_put"], "`policy.e/put` restrains").await;
    assert_eq!(passing(&world.stand_in.observe()), open);
    apply(&world, &neither, &["policy.e/no_put", "policy.e/put"]).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_opens_past_an_interceptor_or_a_narrower_list_that_is_left_out() {
    let world = World::new();
    world.apply(&manifest(&format!("{JWT}{ENGINE}"), &get())).await;
    let seen = manifest(&format!("{JWT}{ENGINE}{INTERCEPTED}"), &format!("{}{}", get(), put()));
    // The service changes no policies under interceptors, so the gateway that gets them comes along, locked meanwhile.
    let plan = apply(&world, &seen, &["policy.put"]).await;
    assert_eq!(taken(&plan), ["gateway.g", "policy.put"]);
    let world = World::new();
    world.apply(&manifest(&format!("{JWT}{ENGINE}"), &get())).await;
    let fewer = manifest(&format!("jwt_authorizer = \"only_writer\"\n{ENGINE}"), &format!("{}{}", get(), put()));
    refused(&world, &fewer, &["policy.put"], "`gateway.g` restrains its callers").await;
    apply(&world, &fewer, &["gateway.g"]).await;
    world.apply(&fewer).await;
}

#[tokio::test(start_paused = true)]
async fn enforcement_does_not_cut_callers_off_because_a_permit_is_left_out() {
    let world = World::new();
    world.apply(&manifest(JWT, "")).await;
    let enforced = manifest(&format!("{JWT}{ENGINE}"), &get());
    refused(&world, &enforced, &["gateway.g"], "without it callers would be cut off").await;
    apply(&world, &enforced, &["gateway.g", "policy.get"]).await;
    world.apply(&enforced).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_address_is_an_error_with_the_nearest_name() {
    let world = World::new();
    let text = manifest(&format!("{JWT}{ENGINE}"), &get());
    let error = ask(&world, &text, &["gatway.g"]).await.unwrap_err();
    assert_eq!(error, EngineError::UnknownAddress { address: "gatway.g".into(), nearest: Some("gateway.g".into()) });
    // What is live and no longer in the manifest has an address, too.
    world.apply(&text).await;
    assert!(ask(&world, &manifest(&format!("{JWT}{ENGINE}"), ""), &["policy.e/get"]).await.is_ok());
}

#[test]
fn on_the_command_line_a_part_is_planned_and_applied_and_what_is_left_out_is_shown() {
    let terminal = Terminal::in_example("three-roles");
    let plan = terminal.run(&["plan", "--local", "--only", "user_pool.records"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.contains("only what was named") && plan.out.contains("Left out"), "{}", plan.out);
    assert!(plan.out.trim_end().ends_with("1 to create; 12 left out."), "{}", plan.out);
    let applied = terminal.run(&["apply", "--local", "--yes", "--only", "user_pool.records"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let unknown = terminal.run(&["apply", "--local", "--yes", "--only", "user_pool.record"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (64, ""), "{}", unknown.err);
    assert!(unknown.err.contains("did you mean `user_pool.records`?"), "{}", unknown.err);
    assert_eq!(terminal.run(&["apply", "--local", "--yes", "--close", "--only", "user_pool.records"]).code, 64);
}
