//! The forms that a kind takes: every arm of a target's configuration, every authorizer, and what no read returns.

use std::fmt::Write as _;

use model::Body;
use serde_json::Value;

use super::agentcore::{ENGINE, POLICY, RUNTIME};
use super::cognito::CLIENT;
use crate::world::{World, steps};

/// Every arm, with the gateway that takes it.
const ARMS: &[(&str, &str, &str)] = &[
    ("tools", "mcp.openApiSchema", "mcp.open_api_schema.inline_payload = \"{}\""),
    ("tools", "mcp.smithyModel", "mcp.smithy_model.s3.uri = \"s3://models/a\""),
    (
        "tools",
        "mcp.lambda",
        "mcp.lambda = { lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:t\", tool_schema.inline_payload = [{ name = \"read\", description = \"Reads\", input_schema.type = \"object\" }] }",
    ),
    ("tools", "mcp.mcpServer", "mcp.mcp_server.endpoint = \"https://a.example.com\""),
    (
        "tools",
        "mcp.apiGateway",
        "mcp.api_gateway = { rest_api_id = \"a\", stage = \"prod\", api_gateway_tool_configuration = { tool_filters = [{ filter_path = \"/a\", methods = [\"GET\", \"POST\"] }], tool_overrides = [{ name = \"read\", path = \"/a\", method = \"GET\" }] } }",
    ),
    (
        "tools",
        "mcp.connector",
        "mcp.connector = { source = { connector_id = \"web-search\", version = \"1.0.0\" }, enabled = [\"search\"], configurations = [{ name = \"search\", parameter_values = { maxResults = 5 } }] }",
    ),
    ("tools", "inference.connector", "inference.connector.source.connector_id = \"bedrock\""),
    (
        "http",
        "http.agentcoreRuntime",
        "http.agentcore_runtime.arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/r-0123456789\"",
    ),
    (
        "http",
        "http.passthrough",
        "http.passthrough = { endpoint = \"https://a.example.com\", protocol_type = \"A2A\", static_query_parameters = { a = \"1\" }, stickiness_configuration = { identifier = \"session\", timeout = 60 } }",
    ),
    (
        "http",
        "http.connector",
        "http.connector = { source.connector_id = \"a\", parameters = { region = \"us-east-1\" } }",
    ),
    (
        "http",
        "inference.provider",
        "inference.provider = { endpoint = \"https://a.example.com\", model_mapping.provider_prefix = { strip = true, separator = \"/\" }, operations = [{ path = \"/chat\", models = [{ model = \"one\" }] }] }",
    ),
];

const GATEWAYS: &str = r#"
[stack]
name = "forms"
region = "us-east-1"
[gateway.tools]
role_arn = "arn:aws:iam::111122223333:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
[gateway.http]
role_arn = "arn:aws:iam::111122223333:role/g"
authorizer_type = "AWS_IAM"
"#;

#[tokio::test(start_paused = true)]
async fn every_arm_of_a_target() {
    let api = gatewright::kind::GATEWAY_TARGET.api();
    let members = |shape: &str| match &api.shape(shape).unwrap().body {
        Body::Structure { members, .. } => {
            members.iter().map(|member| (member.wire.clone(), member.shape.clone())).collect()
        }
        _ => Vec::new(),
    };
    let mut known: Vec<String> = members("TargetConfiguration")
        .into_iter()
        .flat_map(|(outer, shape)| members(&shape).into_iter().map(move |(inner, _)| format!("{outer}.{inner}")))
        .collect();
    let mut tried: Vec<&str> = ARMS.iter().map(|(_, arm, _)| *arm).collect();
    known.sort();
    tried.sort_unstable();
    assert_eq!(tried, known);

    let world = World::new();
    let nothing = world.stand_in.observe();
    let mut manifest = GATEWAYS.to_owned();
    for (index, (gateway, arm, lines)) in ARMS.iter().enumerate() {
        writeln!(manifest, "[gateway_target.t{index}]\ngateway = \"{gateway}\"\ntarget_configuration.{lines}").unwrap();
        if ["mcp.lambda", "mcp.smithyModel", "http.agentcoreRuntime"].contains(arm) {
            manifest += "credential_provider_configurations = [{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }]\n";
        }
    }
    world.apply(&manifest).await;
    world.destroy_stack(&world.stack(&manifest)).await;
    assert_eq!(world.stand_in.observe(), nothing);
}

#[tokio::test(start_paused = true)]
async fn every_authorizer_and_from_each_to_each() {
    const JWT: &str = "authorizer_type = \"CUSTOM_JWT\"\nauthorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_audience = [\"a\"] }";
    let types =
        ["authorizer_type = \"AWS_IAM\"", "authorizer_type = \"NONE\"", "authorizer_type = \"AUTHENTICATE_ONLY\"", JWT];
    let manifest =
        |lines: &str| GATEWAYS.split("[gateway.http]").next().unwrap().replace("authorizer_type = \"AWS_IAM\"", lines);
    for before in types {
        for after in types {
            let world = World::new();
            world.apply(&manifest(before)).await;
            let plan = world.apply(&manifest(after)).await;
            let expected: &[&str] = match (before == after, before == JWT || after == JWT) {
                (true, _) => &[],
                (_, true) => &["update gateway.tools: authorizerType, authorizerConfiguration"],
                (_, false) => &["update gateway.tools: authorizerType"],
            };
            assert_eq!(steps(&plan), expected, "{before} -> {after}");
            world.destroy_stack(&world.stack(&manifest(after))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_update_only_member_of_a_runtime_is_set_at_its_creation() {
    let world = World::new();
    let manifest = RUNTIME.manifest("metadata_configuration.require_mmdsv2 = true", "");
    world.apply(&manifest).await;
    let live = super::read(&world, &RUNTIME).await;
    assert_eq!(live["metadataConfiguration"]["requireMMDSV2"], true);
    world.destroy_stack(&world.stack(&manifest)).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_ones_own_is_sent_once_and_shown_nowhere() {
    const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    let world = World::new();
    let manifest = CLIENT.manifest(&format!("client_secret = \"{SECRET}\""), "");
    let plan = world.apply(&manifest).await;
    assert!(!serde_json::to_string(&plan).unwrap().contains(SECRET));
    let live = super::read(&world, &CLIENT).await;
    assert_eq!(live["ClientSecret"], SECRET);
    let described = manifest.replace("client_secret", "access_token_validity = 2\nclient_secret");
    assert_eq!(steps(&world.apply(&described).await), ["update user_pool_client.c: AccessTokenValidity"]);
    assert_eq!(super::read(&world, &CLIENT).await["ClientSecret"], SECRET);
    world.destroy_stack(&world.stack(&manifest)).await;
}

#[tokio::test(start_paused = true)]
async fn a_validation_mode_is_the_calls_and_not_compared() {
    let world = World::new();
    let forbid = "definition.cedar.statement = '''forbid(principal, action == AgentCore::Action::\"t___read\", resource == AgentCore::Gateway::\"${gateway.g.arn}\");'''\nvalidation_mode = \"IGNORE_ALL_FINDINGS\"";
    let manifest = POLICY.manifest(forbid, "");
    world.apply(&manifest).await;
    let sent = world.mutations().into_iter().find(|entry| entry.operation == "CreatePolicy").unwrap();
    assert_eq!(sent.input["validationMode"], "IGNORE_ALL_FINDINGS");
    let other = manifest.replace("IGNORE_ALL_FINDINGS", "FAIL_ON_ANY_FINDINGS");
    assert_eq!(steps(&world.plan(&other).await), Vec::<String>::new());
    world.destroy_stack(&world.stack(&manifest)).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_in_the_other_arm_is_the_same_policy() {
    let world = World::new();
    let cedar = POLICY.manifest("", "");
    let policy = cedar.replace("definition.cedar", "definition.policy");
    world.apply(&policy).await;
    assert_eq!(steps(&world.plan(&cedar).await), Vec::<String>::new());
    world.destroy_stack(&world.stack(&policy)).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_of_ones_own_key_is_created_with_it() {
    let world = World::new();
    let key = "arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111";
    let manifest = ENGINE.manifest(&format!("encryption_key_arn = \"{key}\""), "");
    world.apply(&manifest).await;
    let live: Value = super::read(&world, &ENGINE).await;
    assert_eq!(live["encryptionKeyArn"], key);
    world.destroy_stack(&world.stack(&manifest)).await;
}
