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
