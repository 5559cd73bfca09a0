//! Changes of a running gateway: from any state to any other, at no moment a call passes that both deny.

use std::time::Duration;

use localstack::{Fault, FaultKind};

use crate::openings::{Passing, passing};
use crate::world::{World, steps};

/// A pool with two clients, a gateway with two tools; what is left open is the authorizer, the engine and the policies.
pub(crate) fn manifest(gateway: &str, policies: &str) -> String {
    format!(
        r#"
[stack]
name = "s"
region = "us-east-1"
[user_pool.p]
[user_pool_domain.p]
user_pool = "p"
domain = "some-domain"
[resource_server.api]
user_pool = "p"
[resource_server.api.scopes]
read = "Read"
write = "Write"
[user_pool_client.reader]
user_pool = "p"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["api/read"]
[user_pool_client.writer]
user_pool = "p"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["api/read", "api/write"]
[jwt_authorizer.both]
user_pool = "p"
user_pool_clients = ["reader", "writer"]
[jwt_authorizer.only_reader]
user_pool = "p"
user_pool_clients = ["reader"]
[jwt_authorizer.only_writer]
user_pool = "p"
user_pool_clients = ["writer"]
[policy_engine.e]
[policy_engine.e2]
[gateway.g]
name = "g"
role_arn = "arn:aws:iam::${{aws.account}}:role/g"
protocol_type = "MCP"
{gateway}
[gateway_target.t]
gateway = "g"
credential_provider_configurations = [{{ credential_provider_type = "GATEWAY_IAM_ROLE" }}]
[gateway_target.t.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:${{aws.account}}:function:f"
tool_schema.inline_payload = [
  {{ name = "get", description = "Gets", input_schema = {{ type = "object", properties = {{ id = {{ type = "string" }} }}, required = ["id"] }} }},
  {{ name = "put", description = "Puts", input_schema = {{ type = "object", properties = {{ id = {{ type = "string" }} }}, required = ["id"] }} }},
]
{policies}
"#
    )
}

pub(crate) fn policy(name: &str, effect: &str, tool: &str, condition: &str) -> String {
    format!(
        "[policy.{name}]\npolicy_engine = \"e\"\ndefinition.cedar.statement = '''\n{effect}(principal, action == AgentCore::Action::\"t___{tool}\", \
         resource == AgentCore::Gateway::\"${{gateway.g.arn}}\") when {{ {condition} }};\n'''\n"
    )
}

pub(crate) const READ: &str = r#"principal.hasTag("scope") && principal.getTag("scope") like "*api/read*""#;
pub(crate) const WRITE: &str = r#"principal.hasTag("scope") && principal.getTag("scope") like "*api/write*""#;
/// What the forbid of the other tool stops.
pub(crate) const NO_PUT: &str = r#"context.input.id == "secret""#;
pub(crate) const JWT: &str = "jwt_authorizer = \"both\"\n";
pub(crate) const ENGINE: &str = "policy_engine = \"e\"\npolicy_mode = \"ENFORCE\"\n";
const WATCHED: &str = "policy_engine = \"e\"\npolicy_mode = \"LOG_ONLY\"\n";
pub(crate) const INTERCEPTED: &str = r#"
interceptor_configurations = [{ interceptor.lambda.arn = "arn:aws:lambda:us-east-1:${aws.account}:function:i", interception_points = ["REQUEST"], input_configuration.pass_request_headers = true }]
"#;

/// The states, by name.
fn states() -> Vec<(&'static str, String)> {
    let get = policy("get", "permit", "get", READ);
    let put = policy("put", "permit", "put", WRITE);
    let put_reader = policy("put", "permit", "put", READ);
    let no_put = policy("no_put", "forbid", "put", NO_PUT);
    let any = policy("any", "permit", "put", r#"context.input.id != """#);
    let jwt = |rest: &str, policies: &str| manifest(&format!("{JWT}{rest}"), policies);
    vec![
        ("one permit", jwt(ENGINE, &get)),
        ("two permits", jwt(ENGINE, &format!("{get}{put}"))),
        ("a wider permit and a forbid", jwt(ENGINE, &format!("{get}{put_reader}{no_put}"))),
        ("only the reader", manifest(&format!("jwt_authorizer = \"only_reader\"\n{ENGINE}"), &format!("{get}{put}"))),
        ("intercepted", jwt(&format!("{ENGINE}{INTERCEPTED}"), &get)),
        ("intercepted, two permits", jwt(&format!("{ENGINE}{INTERCEPTED}"), &format!("{get}{put}"))),
        ("only watched", jwt(WATCHED, &get)),
        ("no engine", jwt("", "")),
        ("no policy", jwt(ENGINE, "")),
        (
            "only the writer",
            manifest(&format!("jwt_authorizer = \"only_writer\"\n{ENGINE}"), &format!("{get}{put_reader}")),
        ),
        (
            "another engine",
            jwt(
                &ENGINE.replace("\"e\"", "\"e2\""),
                &put.replace("\"e\"", "\"e2\"").replace("policy.put", "policy.other"),
            ),
        ),
        ("signed requests", manifest(&format!("authorizer_type = \"AWS_IAM\"\n{ENGINE}"), &format!("{any}{no_put}"))),
    ]
}

fn union(one: &Passing, other: &Passing) -> Passing {
    one.union(other).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn from_any_state_to_any_other_in_one_apply() {
    for (before_name, before) in states() {
        for (after_name, after) in states().into_iter().filter(|(name, _)| *name != before_name) {
            let world = World::new();
            world.apply(&before).await;
            world.apply(&after).await;
            let fresh = World::new();
            fresh.apply(&after).await;
            let (reached, wanted) = (passing(&world.stand_in.observe()), passing(&fresh.stand_in.observe()));
            assert_eq!(reached, wanted, "{before_name} → {after_name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_moment_is_more_open_than_before_or_after_from_one_half_of_the_states() {
    no_moment_is_more_open(0).await;
}

#[tokio::test(start_paused = true)]
async fn no_moment_is_more_open_than_before_or_after_from_the_other_half() {
    no_moment_is_more_open(1).await;
}

async fn no_moment_is_more_open(half: usize) {
    for (before_name, before) in states().into_iter().skip(half).step_by(2) {
        for (after_name, after) in states().into_iter().filter(|(name, _)| *name != before_name) {
            dies_after_each_call(&before, &after, &format!("{before_name} → {after_name}")).await;
        }
    }
}

/// From one manifest to another, dead after each call of the apply: no moment lets a call pass that both states deny, and a rerun
/// finishes. Returns how many runs that took.
pub(crate) async fn dies_after_each_call(before: &str, after: &str, name: &str) -> usize {
    let mut dead_after = 0;
    loop {
        let world = World::new();
        world.apply(before).await;
        let open_before = passing(&world.stand_in.observe());
        let stack = world.stack(after);
        let planned = world.plan_stack(&stack).await;
        if dead_after > 0 {
            world.stand_in.fault(Fault { operation: None, nth: dead_after, times: 1, kind: FaultKind::LoseAnswer });
        }
        world.stand_in.fault(Fault {
            operation: None,
            nth: dead_after + 1,
            times: usize::MAX / 2,
            kind: FaultKind::Drop,
        });
        let outcome = world.carry_out(&planned).await;
        let halfway: Vec<Passing> = {
            let now = passing(&world.stand_in.observe());
            tokio::time::advance(Duration::from_secs(5)).await;
            vec![now, passing(&world.stand_in.observe())]
        };
        world.stand_in.clear_faults();
        let finished = outcome.failed.is_empty();
        world.apply_stack(&stack).await;
        let open_after = passing(&world.stand_in.observe());
        let allowed = union(&open_before, &open_after);
        for now in halfway {
            // A call that an interceptor sees is no more than the same call unseen.
            let unseen = |(persona, tool, _): &(String, String, String)| {
                allowed.contains(&(persona.clone(), tool.clone(), "null".to_owned()))
            };
            let extra: Vec<_> = now.difference(&allowed).filter(|call| !unseen(call)).collect();
            assert!(extra.is_empty(), "{name}, dead after {dead_after}: {extra:?}");
        }
        dead_after += 1;
        if finished {
            return dead_after;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_behind_interceptors_changes_while_the_gateway_is_locked() {
    let states: std::collections::BTreeMap<_, _> = states().into_iter().collect();
    let world = World::new();
    world.apply(&states["intercepted"]).await;
    let plan = world.plan(&states["intercepted, two permits"]).await;
    assert_eq!(steps(&plan), ["update gateway.g: ", "create policy.put"]);
    assert!(plan.risks.iter().any(|risk| risk.code == "interrupts" && risk.address == "gateway.g"), "{:?}", plan.risks);
    world.stand_in.clear_journal();
    world.apply(&states["intercepted, two permits"]).await;
    let operations: Vec<_> = world.mutations().into_iter().map(|entry| entry.operation).collect();
    // What it was is remembered before it is locked, and forgotten once it is open again.
    let wanted = [
        "TagResource",
        "UpdateGateway",
        "TagResource",
        "CreatePolicy",
        "TagResource",
        "UpdateGateway",
        "UntagResource",
    ];
    assert_eq!(operations, wanted);
}
