//! The stand-in from outside: state by state per kind, each refusal, paging, idempotency, faults, the state file.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use localstack::{Config, Failure, Localstack};
use serde_json::{Value, json};

mod cognito;
mod data_plane;
mod data_plane_behind;
mod data_plane_client;
mod data_plane_tokens;
mod engine;
mod extensions;
mod faults;
mod file;
mod gateways;
mod http;
mod lifecycle;
mod malformed;
mod operations;
mod policies;
mod random;
mod resources;
mod runtimes;
mod sample;
mod served;
mod sign_in_page;
mod soak;
mod spoiled;
mod tokens;
mod traps;
mod trouble;
mod users;

pub(crate) const GATEWAY_ROLE: &str = "arn:aws:iam::111122223333:role/gateway";

/// A fresh stand-in.
pub(crate) fn stand_in() -> Localstack {
    Localstack::new(Config { seed: 7, ..Config::default() })
}

/// Lets everything settle that is under way.
pub(crate) async fn settle() {
    tokio::time::advance(Duration::from_millis(41)).await;
}

/// A call that must succeed; its answer must fit the model.
pub(crate) async fn ok(local: &Localstack, operation: &str, input: Value) -> Value {
    match local.call(operation, input).await {
        Ok(answer) => {
            check_answer(operation, &answer);
            answer
        }
        Err(failure) => panic!("{operation}: {failure} {:?}", failure.fields),
    }
}

/// A call that must be refused.
pub(crate) async fn refused(local: &Localstack, operation: &str, input: Value) -> Failure {
    match local.call(operation, input).await {
        Err(failure) => failure,
        Ok(answer) => panic!("{operation} answered {answer}"),
    }
}

/// A call that must be refused with this code, and words of this in the message.
pub(crate) async fn refused_with(local: &Localstack, operation: &str, input: Value, code: &str, words: &str) {
    let failure = refused(local, operation, input).await;
    // Cognito tags with operations of the same names.
    let operation =
        model::Api::agentcore().operation(operation).filter(|operation| !operation.uri.starts_with("/tags/"));
    if let Some(operation) = operation {
        let modelled = operation.errors.contains(&failure.code) || code == "UnknownOperationException";
        assert!(modelled, "{} cannot raise {failure}", operation.name);
    }
    assert_eq!(failure.code, code, "{failure}");
    assert!(failure.message.contains(words), "{failure}");
}

fn check_answer(operation: &str, answer: &Value) {
    for api in [model::Api::agentcore(), model::Api::cognito()] {
        let Some(shape) = api.operation(operation).and_then(|operation| operation.output.as_deref()) else { continue };
        let violations = api.validate(shape, answer, &|_| false);
        let wrong: Vec<String> = violations
            .iter()
            .map(|violation| format!("{}: {}", model::display_path(&violation.path), violation.problem))
            // Custom attributes read back with a prefix that the shape's length forgets, listings with an empty description, the
            // flow of `GetClientToken` that its list forgets, and a target without credentials without the member that says so.
            .filter(|problem| !problem.contains("SchemaAttributes") && !problem.contains("description: has 0"))
            .filter(|problem| !problem.contains("`ALLOW_CLIENT_TOKEN_AUTH` is not one of"))
            .filter(|problem| !problem.contains("`credentialProviderConfigurations` is required"))
            // The pattern says `acps` where the tagging API and the documents say `bedrock-agentcore`.
            .filter(|problem| !problem.contains("/paymentcredentialprovider/"))
            .collect();
        let other_service = matches!(operation, "TagResource" | "UntagResource" | "ListTagsForResource");
        assert!(wrong.is_empty() || other_service, "{operation}: {wrong:?}\n{answer:#}");
    }
}

/// The text at a pointer.
pub(crate) fn at(answer: &Value, pointer: &str) -> String {
    match answer.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        other => panic!("{pointer}: {other:?} in {answer:#}"),
    }
}

/// A gateway's create request.
pub(crate) fn gateway_input(name: &str) -> Value {
    json!({
        "name": name, "roleArn": GATEWAY_ROLE, "protocolType": "MCP", "authorizerType": "CUSTOM_JWT",
        "authorizerConfiguration": {"customJWTAuthorizer": {
            "discoveryUrl": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x/.well-known/openid-configuration",
            "allowedClients": ["client"],
        }},
    })
}

/// A Lambda target's create request.
pub(crate) fn target_input(gateway: &str, name: &str) -> Value {
    json!({
        "gatewayIdentifier": gateway, "name": name,
        "credentialProviderConfigurations": [{"credentialProviderType": "GATEWAY_IAM_ROLE"}],
        "targetConfiguration": {"mcp": {"lambda": {
            "lambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:hr",
            "toolSchema": {"inlinePayload": [
                {"name": "read", "description": "Reads", "inputSchema": {
                    "type": "object", "properties": {"id": {"type": "integer"}, "why": {"type": "string"}}, "required": ["id"],
                }},
                {"name": "write", "description": "Writes", "inputSchema": {"type": "object"}},
            ]},
        }}},
    })
}

/// A structure with some members set, removed where null.
pub(crate) fn with(mut input: Value, changes: Value) -> Value {
    let (Some(object), Value::Object(changes)) = (input.as_object_mut(), changes) else { panic!("structures") };
    for (name, value) in changes {
        match value {
            Value::Null => object.remove(&name),
            value => object.insert(name, value),
        };
    }
    input
}

/// A gateway that is ready.
pub(crate) async fn ready_gateway(local: &Localstack, name: &str) -> String {
    let id = at(&ok(local, "CreateGateway", gateway_input(name)).await, "/gatewayId");
    settle().await;
    id
}

/// A target that is ready.
pub(crate) async fn ready_target(local: &Localstack, gateway: &str, name: &str) -> String {
    let id = at(&ok(local, "CreateGatewayTarget", target_input(gateway, name)).await, "/targetId");
    settle().await;
    id
}
