//! Faults: an apply that dies after any of its calls, answers that are lost, members nobody knows.

use localstack::{Fault, FaultKind, Localstack};
use serde_json::{Value, json};

use crate::openings::passing;
use crate::world::{World, steps};
use gatewright::engine;
use gatewright::stack::Stack;

/// Lets `calls` mutating calls through; the answer of the last is lost, and nothing after it arrives: the process is dead.
pub(crate) fn die_after(stand_in: &Localstack, calls: usize) {
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

async fn dies_and_finishes(name: &str, example: impl Fn() -> (World, Stack)) {
    let (world, stack) = example();
    world.apply_stack(&stack).await;
    let calls = world.mutations().len();
    let wanted = inventory(&world.stand_in.observe());
    let open = passing(&world.stand_in.observe());
    assert!(!open.is_empty(), "{name}: somebody can call something");
    for dead_after in 0..calls {
        let (world, stack) = example();
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
        let plan = world.apply_stack(&stack).await;
        assert_eq!(plan.risks, [], "{name}: dead after {dead_after} calls: nothing was open, nothing is widened");
        assert_eq!(inventory(&world.stand_in.observe()), wanted, "{name}: dead after {dead_after} calls");
        assert_eq!(passing(&world.stand_in.observe()), open, "{name}: dead after {dead_after} calls");
        world.destroy_stack(&stack).await;
        assert_eq!(inventory(&world.stand_in.observe()), Vec::<String>::new(), "{name}: dead after {dead_after} calls");
    }
}

/// A gateway that cannot be locked: its policies count last.
const SIGNED: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[policy_engine.e]
[gateway.g]
role_arn = "arn:aws:iam::${aws.account}:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
policy_engine = "e"
policy_mode = "ENFORCE"
[gateway_target.t]
gateway = "g"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]
[gateway_target.t.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:${aws.account}:function:f"
tool_schema.inline_payload = [{ name = "get", description = "Gets", input_schema = { type = "object", properties = { id = { type = "string" } }, required = ["id"] } }]
[policy.may]
policy_engine = "e"
definition.cedar.statement = 'permit(principal, action == AgentCore::Action::"t___get", resource == AgentCore::Gateway::"${gateway.g.arn}") when { context.input has id };'
[policy.not_secret]
policy_engine = "e"
definition.cedar.statement = 'forbid(principal, action == AgentCore::Action::"t___get", resource == AgentCore::Gateway::"${gateway.g.arn}") when { context.input.id == "secret" };'
"#;

#[tokio::test(start_paused = true)]
async fn an_apply_that_dies_after_any_call_is_finished_by_the_next_signed_requests() {
    dies_and_finishes("signed", || {
        let world = World::new();
        let stack = world.stack(SIGNED);
        (world, stack)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_taken_off_does_not_make_an_open_gateway_look_new() {
    let world = World::new();
    world.apply(SIGNED).await;
    let arn = world.stand_in.observe()["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|object| object["kind"] == "gateway")
        .unwrap()["arn"]
        .clone();
    world.call("UntagResource", json!({"resourceArn": arn, "tagKeys": ["gatewright:applied"]})).await;
    let plan = world.plan(&SIGNED.replace("context.input has id }", "context has input }")).await;
    assert!(plan.risks.iter().any(|risk| risk.code == "access-widened"), "{:?}", plan.risks);
}

#[tokio::test(start_paused = true)]
async fn what_two_live_objects_claim_is_left_alone() {
    let world = World::new();
    world.apply(UNKNOWN).await;
    let state = world.stand_in.observe();
    let tags = state["objects"][0]["tags"].clone();
    let input = json!({"name": "twin", "roleArn": "arn:aws:iam::111122223333:role/g", "authorizerType": "AWS_IAM", "tags": tags,
        "protocolType": "MCP"});
    world.call("CreateGateway", input).await;
    let plan = world.plan(UNKNOWN).await;
    assert!(plan.diagnostics.iter().any(|found| found.code == "plan::duplicate"), "{:?}", plan.diagnostics);
    assert!(plan.is_blocked());
    let aws = world.aws().await;
    let destroy = engine::plan_destroy(&aws, &world.stack(UNKNOWN)).await.unwrap();
    assert!(destroy.plan.steps.iter().all(|step| step.blocked.is_some()), "{:?}", destroy.plan.steps);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_not_one_is_no_empty_account() {
    let world = World::new();
    world.apply(UNKNOWN).await;
    let stack = world.stack(UNKNOWN);
    world.stand_in.fault(Fault {
        operation: Some("ListGateways".into()),
        nth: 1,
        times: 100,
        kind: FaultKind::NotJson,
    });
    let plan = world.plan_stack(&stack).await.plan;
    assert!(plan.is_incomplete() && plan.is_blocked(), "{plan:?}");
}

const UNKNOWN: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[gateway.g]
role_arn = "arn:aws:iam::${aws.account}:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
description = "one"
protocol_configuration.mcp.instructions = "be kind"
interceptor_configurations = [{ interceptor.lambda.arn = "arn:aws:lambda:us-east-1:${aws.account}:function:i", interception_points = ["REQUEST"], input_configuration.pass_request_headers = true }]
"#;

#[tokio::test(start_paused = true)]
async fn members_nobody_knows_survive_an_update_at_every_depth() {
    let world = World::new();
    world.apply(UNKNOWN).await;
    let id = world.plan(&UNKNOWN.replace("one", "two")).await.steps[0].id.clone().unwrap();
    let planted = [("/brandNew", json!({"x": [1, 2]})), ("/protocolConfiguration/mcp/novel", json!(true))];
    for (pointer, value) in &planted {
        assert!(world.stand_in.plant(&id, pointer, value.clone()));
    }
    assert_eq!(steps(&world.plan(UNKNOWN).await), Vec::<String>::new(), "what nobody knows is no difference");
    world.apply(&UNKNOWN.replace("one", "two")).await;
    let live = world.call("GetGateway", json!({"gatewayIdentifier": id})).await;
    assert_eq!(live["description"], "two");
    for (pointer, value) in planted {
        assert_eq!(live.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_the_service_reports_but_does_not_take_is_left_out_and_said() {
    let world = World::new();
    world.apply(UNKNOWN).await;
    let id = world.plan(&UNKNOWN.replace("one", "two")).await.steps[0].id.clone().unwrap();
    assert!(world.stand_in.plant_read_only(&id, "/computedByTheService", json!("x")));
    // The name of another one is within that name.
    assert!(world.stand_in.plant(&id, "/computed", json!("y")));
    let stack = world.stack(&UNKNOWN.replace("one", "two"));
    let planned = world.plan_stack(&stack).await;
    let outcome = world.carry_out(&planned).await;
    assert_eq!(outcome.failed, []);
    assert_eq!(world.call("GetGateway", json!({"gatewayIdentifier": id})).await["computed"], "y");
    assert!(outcome.notes.iter().any(|note| note.contains("computedByTheService")), "{:?}", outcome.notes);
    assert_eq!(steps(&world.plan_stack(&stack).await.plan), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_the_plan_stops_the_step() {
    let world = World::new();
    world.apply(UNKNOWN).await;
    let stack = world.stack(&UNKNOWN.replace("one", "two"));
    let planned = world.plan_stack(&stack).await;
    let id = planned.plan.steps[0].id.clone().unwrap();
    let mut live = world.call("GetGateway", json!({"gatewayIdentifier": id})).await;
    let input = ["name", "roleArn", "authorizerType", "protocolType", "protocolConfiguration"];
    let mut body = json!({"gatewayIdentifier": id, "description": "by hand"});
    for member in input {
        body[member] = live[member].take();
    }
    world.call("UpdateGateway", body).await;
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    world.stand_in.clear_journal();
    let outcome = world.carry_out(&planned).await;
    assert!(outcome.failed[0].1.starts_with("changed-since-plan"), "{:?}", outcome.failed);
    assert!(world.mutations().is_empty(), "nothing was sent");
}
