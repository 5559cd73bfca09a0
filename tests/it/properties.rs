//! Properties over generated stacks: what was just applied plans empty, any stack becomes any other, a destroy leaves nothing.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::json;

use crate::world::World;

#[derive(Debug, Clone)]
struct Pool {
    domain: bool,
    scopes: Vec<u8>,
    clients: Vec<Vec<u8>>,
    groups: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Gateway {
    authorizer: u8,
    description: Option<String>,
    engine: bool,
    enforce: bool,
    targets: Vec<Vec<u8>>,
    permits: u8,
    session: Option<u16>,
}

#[derive(Debug, Clone)]
struct Runtime {
    description: Option<String>,
    jwt: bool,
    variables: Vec<(u8, String)>,
    idle: Option<u16>,
}

/// A stack; its addresses come from small sets, so that two stacks share some of them.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pool: Option<Pool>,
    gateways: Vec<Option<Gateway>>,
    runtime: Option<Runtime>,
}

impl Drawn {
    pub(crate) fn has_pool(&self) -> bool {
        self.pool.is_some()
    }
}

fn words() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-zA-Z0-9 .,!?äöü-]{1,30}".prop_filter("no blank ends", |text| text.trim() == text))
}

fn some_of(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::btree_set(0u8..5, 0..most).prop_map(|set| set.into_iter().collect())
}

pub(crate) fn drawn() -> impl Strategy<Value = Drawn> {
    let pool = (any::<bool>(), some_of(4), proptest::collection::vec(some_of(3), 0..3), some_of(3))
        .prop_map(|(domain, scopes, clients, groups)| Pool { domain, scopes, clients, groups });
    let gateway = (
        0u8..4,
        words(),
        any::<bool>(),
        any::<bool>(),
        proptest::collection::vec(some_of(4).prop_filter("a target has tools", |tools| !tools.is_empty()), 0..3),
        any::<u8>(),
        proptest::option::of(900u16..28800),
    )
        .prop_map(|(authorizer, description, engine, enforce, targets, permits, session)| Gateway {
            authorizer,
            description,
            engine,
            enforce,
            targets,
            permits,
            session,
        });
    let runtime = (
        words(),
        any::<bool>(),
        proptest::collection::vec((0u8..4, "[ -~]{0,12}"), 0..3),
        proptest::option::of(60u16..9000),
    )
        .prop_map(|(description, jwt, variables, idle)| Runtime { description, jwt, variables, idle });
    (
        proptest::option::of(pool),
        proptest::collection::vec(proptest::option::weighted(0.7, gateway), 2),
        proptest::option::of(runtime),
    )
        .prop_map(|(pool, gateways, runtime)| Drawn { pool, gateways, runtime })
}

/// TOML text of a string.
fn quoted(text: &str) -> String {
    json!(text.replace("${", "$${")).to_string()
}

fn toml(drawn: &Drawn) -> String {
    toml_of(drawn, &OWNER)
}

/// Who writes a manifest: what its stack is called, what every name begins with, and where its pool is if that is another stack's.
pub(crate) struct Writer {
    pub(crate) stack: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) existing: Option<&'static str>,
}

/// The stack that owns its pool.
pub(crate) const OWNER: Writer = Writer { stack: "generated", prefix: "", existing: None };

pub(crate) fn toml_of(drawn: &Drawn, writer: &Writer) -> String {
    let Writer { stack, prefix, existing } = *writer;
    let mut text = format!("[stack]\nname = \"{stack}\"\nregion = \"us-east-1\"\n");
    let has_client = drawn.pool.as_ref().is_some_and(|pool| !pool.clients.is_empty());
    if let Some(pool) = &drawn.pool {
        write_pool(&mut text, pool, prefix, existing);
    }
    if has_client {
        let _ = writeln!(text, "[jwt_authorizer.a]\nuser_pool = \"p\"\nuser_pool_clients = [\"{prefix}c0\"]");
    }
    for (number, gateway) in drawn.gateways.iter().enumerate() {
        if let Some(gateway) = gateway {
            write_gateway(&mut text, prefix, number, gateway, has_client);
        }
    }
    if let Some(runtime) = &drawn.runtime {
        let _ = writeln!(text, "[runtime.{prefix}r]\nrole_arn = \"arn:aws:iam::111122223333:role/r\"");
        let _ = writeln!(
            text,
            "agent_runtime_artifact.container_configuration.container_uri = \"111122223333.dkr.ecr.us-east-1.amazonaws.com/a@sha256:{}\"",
            "0".repeat(64)
        );
        if let Some(description) = &runtime.description {
            let _ = writeln!(text, "description = {}", quoted(description));
        }
        if runtime.jwt && has_client {
            text.push_str("jwt_authorizer = \"a\"\n");
        }
        if let Some(idle) = runtime.idle {
            let _ = writeln!(text, "lifecycle_configuration.idle_runtime_session_timeout = {idle}");
        }
        let variables: std::collections::BTreeMap<_, _> = runtime.variables.iter().cloned().collect();
        for (name, value) in variables {
            let _ = writeln!(text, "environment_variables.VAR_{name} = {}", quoted(&value));
        }
    }
    text
}

fn write_pool(text: &mut String, pool: &Pool, prefix: &str, existing: Option<&str>) {
    text.push_str("[user_pool.p]\n");
    if let Some(existing) = existing {
        let _ = writeln!(text, "existing = \"{existing}\"");
    } else if pool.domain || !pool.clients.is_empty() {
        text.push_str("[user_pool_domain.d]\nuser_pool = \"p\"\ndomain = \"generated-domain\"\n");
    }
    let _ = writeln!(
        text,
        "[resource_server.{prefix}api]\nuser_pool = \"p\"\n[resource_server.{prefix}api.scopes]\nalways = \"Always\""
    );
    for scope in &pool.scopes {
        let _ = writeln!(text, "s{scope} = \"Scope {scope}\"");
    }
    for (number, scopes) in pool.clients.iter().enumerate() {
        let known =
            scopes.iter().filter(|scope| pool.scopes.contains(scope)).map(|scope| format!("\"{prefix}api/s{scope}\""));
        let scopes = known.chain([format!("\"{prefix}api/always\"")]).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "[user_pool_client.{prefix}c{number}]\nuser_pool = \"p\"\ngenerate_secret = true\nallowed_oauth_flows_user_pool_client = true\n\
             allowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [{scopes}]"
        );
    }
    for group in &pool.groups {
        let _ = writeln!(text, "[user_pool_group.{prefix}g{group}]\nuser_pool = \"p\"\nprecedence = {group}");
    }
}

fn write_gateway(text: &mut String, prefix: &str, number: usize, gateway: &Gateway, has_client: bool) {
    if gateway.engine {
        let _ = writeln!(text, "[policy_engine.{prefix}e{number}]");
    }
    let _ = writeln!(
        text,
        "[gateway.{prefix}g{number}]\nrole_arn = \"arn:aws:iam::111122223333:role/g\"\nprotocol_type = \"MCP\""
    );
    match gateway.authorizer {
        0 if has_client => text.push_str("jwt_authorizer = \"a\"\n"),
        1 => text.push_str("authorizer_type = \"AUTHENTICATE_ONLY\"\n"),
        2 => text.push_str("authorizer_type = \"NONE\"\n"),
        _ => text.push_str("authorizer_type = \"AWS_IAM\"\n"),
    }
    if let Some(description) = &gateway.description {
        let _ = writeln!(text, "description = {}", quoted(description));
    }
    if gateway.engine {
        let mode = if gateway.enforce { "ENFORCE" } else { "LOG_ONLY" };
        let _ = writeln!(text, "policy_engine = \"{prefix}e{number}\"\npolicy_mode = \"{mode}\"");
    }
    if let Some(session) = gateway.session {
        let _ =
            writeln!(text, "protocol_configuration.mcp.session_configuration.session_timeout_in_seconds = {session}");
    }
    for (target, tools) in gateway.targets.iter().enumerate() {
        let _ = writeln!(
            text,
            "[gateway_target.{prefix}t{number}-{target}]\ngateway = \"{prefix}g{number}\"\ncredential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
             [gateway_target.{prefix}t{number}-{target}.target_configuration.mcp.lambda]\nlambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:f\"\n\
             tool_schema.inline_payload = ["
        );
        for tool in tools {
            let _ = writeln!(
                text,
                "  {{ name = \"tool{tool}\", description = \"Tool\", input_schema = {{ type = \"object\" }} }},"
            );
        }
        text.push_str("]\n");
        for tool in tools.iter().filter(|tool| gateway.engine && gateway.permits & (1 << **tool) != 0) {
            let _ = writeln!(
                text,
                "[policy.{prefix}p{number}_{target}_{tool}]\npolicy_engine = \"{prefix}e{number}\"\ndefinition.cedar.statement = '''permit(principal, \
                 action == AgentCore::Action::\"{prefix}t{number}-{target}___tool{tool}\", resource == AgentCore::Gateway::\"${{gateway.{prefix}g{number}.arn}}\") \
                 when {{ context.system.now > datetime(\"2026-01-01\") }};'''"
            );
        }
    }
}

#[test]
fn any_stack_becomes_any_other_and_then_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut runner = TestRunner::new(Cases { cases: 24, failure_persistence: None, ..Cases::default() });
    let outcome = runner.run(&(drawn(), drawn()), |(one, other)| {
        runtime.block_on(async {
            let world = World::new();
            world.call("CreateUserPool", json!({"PoolName": "foreign"})).await;
            let foreign = world.stand_in.observe();
            // Each apply plans again and expects nothing.
            world.apply(&toml(&one)).await;
            world.apply(&toml(&other)).await;
            world.destroy_stack(&world.stack(&toml(&other))).await;
            assert_eq!(world.stand_in.observe(), foreign, "what is foreign is as it was, and nothing of ours is left");
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
