//! Agent runtimes.

use serde_json::{Value, json};

use super::*;

fn runtime_input(name: &str) -> Value {
    json!({
        "agentRuntimeName": name, "roleArn": "arn:aws:iam::111122223333:role/runtime",
        "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/hr:1"}},
        "environmentVariables": {},
    })
}

#[tokio::test(start_paused = true)]
async fn each_update_is_a_new_version_of_the_whole() {
    let local = stand_in();
    let created = ok(&local, "CreateAgentRuntime", with(runtime_input("hr"), json!({"description": "one"}))).await;
    let id = at(&created, "/agentRuntimeId");
    assert_eq!((at(&created, "/status"), at(&created, "/agentRuntimeVersion")), ("CREATING".into(), "1".into()));
    let get = json!({"agentRuntimeId": id});
    settle().await;
    let live = ok(&local, "GetAgentRuntime", get.clone()).await;
    assert_eq!(at(&live, "/status"), "READY");
    assert_eq!(live["lifecycleConfiguration"], json!({"idleRuntimeSessionTimeout": 900, "maxLifetime": 28_800}));
    assert_eq!(live["networkConfiguration"], json!({"networkMode": "PUBLIC"}));
    assert_eq!(live["metadataConfiguration"], json!({"requireMMDSV2": true}));
    assert_eq!(live.get("environmentVariables"), None);

    let update = with(runtime_input("hr"), json!({"agentRuntimeName": null, "agentRuntimeId": id}));
    assert_eq!(at(&ok(&local, "UpdateAgentRuntime", update.clone()).await, "/agentRuntimeVersion"), "2");
    refused_with(&local, "UpdateAgentRuntime", update, "ConflictException", "UPDATING").await;
    settle().await;
    let live = ok(&local, "GetAgentRuntime", get.clone()).await;
    assert_eq!(live.get("description"), None);
    let old = ok(&local, "GetAgentRuntime", with(get.clone(), json!({"version": "1"}))).await;
    assert_eq!(at(&old, "/description"), "one");
    let versions = ok(&local, "ListAgentRuntimeVersions", get.clone()).await;
    assert_eq!(versions["agentRuntimes"].as_array().unwrap().len(), 2);
    assert_eq!(at(&versions, "/agentRuntimes/0/agentRuntimeVersion"), "2");
    let listed = ok(&local, "ListAgentRuntimes", json!({})).await;
    assert_eq!(at(&listed, "/agentRuntimes/0/description"), "");
    let endpoint = ok(&local, "GetAgentRuntimeEndpoint", with(get.clone(), json!({"endpointName": "DEFAULT"}))).await;
    assert_eq!(at(&endpoint, "/liveVersion"), "2");
    ok(&local, "ListAgentRuntimeEndpoints", get.clone()).await;

    ok(&local, "DeleteAgentRuntime", with(get.clone(), json!({"version": "1"}))).await;
    ok(&local, "DeleteAgentRuntime", get.clone()).await;
    settle().await;
    refused_with(&local, "GetAgentRuntime", get, "ResourceNotFoundException", "").await;
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_makes_no_sense_is_refused() {
    let local = stand_in();
    ok(&local, "CreateAgentRuntime", runtime_input("hr")).await;
    refused_with(&local, "CreateAgentRuntime", runtime_input("hr"), "ConflictException", "already exists").await;
    let jwt = json!({"customJWTAuthorizer": {"discoveryUrl": "https://a.example/.well-known/openid-configuration"}});
    let vpc = json!({"networkMode": "VPC"});
    for (changes, words) in [
        (json!({"authorizerConfiguration": jwt}), "At least one of"),
        (json!({"networkConfiguration": vpc}), "networkModeConfig"),
        (json!({"agentRuntimeArtifact": {}}), "exactly one of"),
    ] {
        refused_with(&local, "CreateAgentRuntime", with(runtime_input("x"), changes), "ValidationException", words)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn endpoints_serve_a_version_and_go_with_their_runtime() {
    let local = stand_in();
    let id = at(&ok(&local, "CreateAgentRuntime", runtime_input("hr")).await, "/agentRuntimeId");
    let create = json!({"agentRuntimeId": id, "name": "prod", "description": "d", "tags": {"a": "1"}});
    refused_with(&local, "CreateAgentRuntimeEndpoint", create.clone(), "ConflictException", "CREATING").await;
    settle().await;
    let created = ok(&local, "CreateAgentRuntimeEndpoint", create.clone()).await;
    let key = json!({"agentRuntimeId": id, "endpointName": "prod"});
    let live = ok(&local, "GetAgentRuntimeEndpoint", key.clone()).await;
    assert_eq!((live.get("liveVersion"), at(&live, "/targetVersion")), (None, "1".to_owned()));
    settle().await;
    assert_eq!(at(&ok(&local, "GetAgentRuntimeEndpoint", key.clone()).await, "/liveVersion"), "1");
    refused_with(&local, "CreateAgentRuntimeEndpoint", create, "ConflictException", "already exists").await;
    let arn = json!({"resourceArn": at(&created, "/agentRuntimeEndpointArn")});
    assert_eq!(ok(&local, "ListTagsForResource", arn.clone()).await, json!({"tags": {"a": "1"}}));

    ok(
        &local,
        "UpdateAgentRuntime",
        with(runtime_input("hr"), json!({"agentRuntimeName": null, "agentRuntimeId": id})),
    )
    .await;
    settle().await;
    let unknown = with(key.clone(), json!({"agentRuntimeVersion": "9"}));
    refused_with(&local, "UpdateAgentRuntimeEndpoint", unknown, "ResourceNotFoundException", "9").await;
    let version = json!({"agentRuntimeId": id, "version": "1"});
    refused_with(&local, "DeleteAgentRuntime", version, "ConflictException", "prod").await;
    let updated = ok(&local, "UpdateAgentRuntimeEndpoint", key.clone()).await;
    assert_eq!((at(&updated, "/liveVersion"), at(&updated, "/targetVersion")), ("1".into(), "2".into()));
    settle().await;
    let listed = ok(&local, "ListAgentRuntimeEndpoints", json!({"agentRuntimeId": id})).await;
    assert_eq!(at(&listed, "/runtimeEndpoints/1/liveVersion"), "2");
    assert_eq!(listed["runtimeEndpoints"][1].get("description"), None);
    for operation in ["UpdateAgentRuntimeEndpoint", "DeleteAgentRuntimeEndpoint"] {
        let default = with(key.clone(), json!({"endpointName": "DEFAULT"}));
        refused_with(&local, operation, default, "ConflictException", "DEFAULT").await;
    }
    ok(&local, "DeleteAgentRuntimeEndpoint", key.clone()).await;
    settle().await;
    refused_with(&local, "GetAgentRuntimeEndpoint", key, "ResourceNotFoundException", "prod").await;
    ok(&local, "CreateAgentRuntimeEndpoint", json!({"agentRuntimeId": id, "name": "other"})).await;
    settle().await;
    ok(&local, "DeleteAgentRuntime", json!({"agentRuntimeId": id})).await;
    settle().await;
    assert_eq!(local.observe(), json!({"objects": []}));
}
