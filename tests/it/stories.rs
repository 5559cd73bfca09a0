//! Stories: a stack from state to state. After each apply the plan is empty; at the end nothing of ours is left.

use std::path::Path;

use gatewright::progress::Event;
use localstack::Config;
use serde_json::json;

use crate::openings::passing;
use crate::world::{World, steps};

#[tokio::test(start_paused = true)]
async fn the_example_manifests_apply_plan_empty_and_destroy() {
    for (name, environments) in [
        ("hr-data-agent", vec!["dev", "staging", "prod"]),
        ("three-roles", vec![]),
        ("refunds", vec![]),
        ("minimal", vec![]),
        ("okta", vec![]),
        ("entra", vec![]),
        ("every-kind", vec![]),
    ] {
        let path = Path::new("manifests").join(name);
        let environments: Vec<Option<&str>> =
            if environments.is_empty() { vec![None] } else { environments.into_iter().map(Some).collect() };
        for environment in environments {
            let stack = World::new().environment(environment).stack_at(&path);
            let account = stack.account.clone().unwrap_or_else(|| Config::default().account);
            let world = World::with(Config { account, ..Config::default() });
            let before = world.stand_in.observe();
            let plan = world.apply_stack(&stack).await;
            assert_eq!(plan.summary.create, stack.resources.len(), "{name}: everything is new");
            world.stand_in.clear_journal();
            world.plan_stack(&stack).await;
            assert!(world.mutations().is_empty(), "{name}: a plan changes nothing");
            world.destroy_stack(&stack).await;
            assert_eq!(world.stand_in.observe(), before, "{name}: nothing is left");
        }
    }
}

#[test]
fn the_example_of_every_kind_uses_every_kind() {
    let stack = World::new().stack_at(Path::new("manifests/every-kind"));
    let unused: Vec<&str> = gatewright::kind::KINDS
        .iter()
        .map(|kind| kind.name)
        .filter(|kind| !stack.resources.iter().any(|resource| resource.kind.name == *kind))
        .collect();
    assert_eq!(unused, Vec::<&str>::new());
}

const MINIMAL: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[gateway.g]
name = "g"
role_arn = "arn:aws:iam::${aws.account}:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
"#;

#[tokio::test(start_paused = true)]
async fn a_changed_line_is_a_change_and_a_change_by_hand_is_drift() {
    let world = World::new();
    world.apply(MINIMAL).await;
    let changed = MINIMAL.replace("name = \"g\"", "name = \"g\"\ndescription = \"ours\"");
    let plan = world.plan(&changed).await;
    assert_eq!(steps(&plan), ["update gateway.g: description"]);
    assert_eq!(json!(plan.steps[0].origin), "change");
    world.apply(&changed).await;
    let id = plan.steps[0].id.clone().unwrap();
    let live = world.call("GetGateway", json!({"gatewayIdentifier": id})).await;
    world
        .call(
            "UpdateGateway",
            json!({"gatewayIdentifier": id, "name": live["name"], "roleArn": live["roleArn"], "authorizerType": "AWS_IAM",
                "protocolType": "MCP", "description": "theirs"}),
        )
        .await;
    let plan = world.plan(&changed).await;
    assert_eq!(steps(&plan), ["update gateway.g: description"]);
    assert_eq!(json!(plan.steps[0].origin), "drift");
    assert_eq!(plan.steps[0].changes[0].before, Some(json!("theirs")));
    world.apply(&changed).await;
    world.destroy_stack(&world.stack(&changed)).await;
}

#[tokio::test(start_paused = true)]
async fn an_apply_tells_that_a_gateway_is_created_locked_and_opened_last() {
    let world = World::new();
    let stack = world.stack_at(Path::new("manifests/three-roles"));
    let planned = world.plan_stack(&stack).await;
    world.carry_out(&planned).await;
    let done: Vec<String> = world
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Done { address, what, .. } => Some(format!("{address} {what}")),
            _ => None,
        })
        .collect();
    let at = |text: &str| done.iter().position(|line| line == text).unwrap_or_else(|| panic!("{text}: {done:?}"));
    let opened = at("gateway.records opened");
    assert!(at("gateway.records created, locked") < at("gateway_target.records created"));
    assert!(done.iter().enumerate().all(|(index, line)| !line.starts_with("policy.") || index < opened), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_itself_is_said_in_the_plan_and_not_begun() {
    let world = World::new();
    let manifest = format!(
        "{MINIMAL}policy_engine = \"e\"\npolicy_mode = \"ENFORCE\"\n[policy_engine.e]\n[gateway_target.t]\ngateway = \"g\"\ndepends_on = [\"policy.p\"]\n\
         target_configuration.mcp.mcp_server.endpoint = \"https://tools.example.com/mcp\"\n[policy.p]\npolicy_engine = \"e\"\ndefinition.cedar.statement = \
         'permit(principal, action in AgentCore::Action::\"t\", resource == AgentCore::Gateway::\"${{gateway.g.arn}}\") when {{ context has input }};'\n"
    );
    let plan = world.plan(&manifest).await;
    assert!(plan.diagnostics.iter().any(|found| found.code == "plan::cycle"), "{:?}", plan.diagnostics);
    let blocked: Vec<&str> =
        plan.steps.iter().filter(|step| step.blocked.is_some()).map(|step| step.address.as_str()).collect();
    assert_eq!(blocked, ["gateway_target.t", "policy.p"]);
}

#[tokio::test(start_paused = true)]
async fn every_role_of_the_examples_reaches_its_tools_and_no_others() {
    for (name, environment, wanted) in
        [("hr-data-agent", Some("dev"), vec![1, 2, 3, 3]), ("three-roles", None, vec![2, 4, 6])]
    {
        let world = World::new();
        let stack = World::new().environment(environment).stack_at(&Path::new("manifests").join(name));
        world.apply_stack(&stack).await;
        let mut tools = std::collections::BTreeMap::<String, usize>::new();
        for (persona, _, _) in passing(&world.stand_in.observe()) {
            *tools.entry(persona).or_default() += 1;
        }
        let mut reached: Vec<usize> = tools.values().copied().collect();
        reached.sort_unstable();
        assert_eq!(reached, wanted, "{name}: {tools:?}");
    }
}
