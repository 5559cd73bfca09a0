//! Gateways and their targets.

use serde_json::{Value, json};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_gateway_is_created_updated_and_deleted_step_by_step() {
    let local = stand_in();
    let created = ok(&local, "CreateGateway", with(gateway_input("HR-Data"), json!({"tags": {"a": "1"}}))).await;
    let id = at(&created, "/gatewayId");
    assert!(id.starts_with("hr-data-") && id.len() == 18, "{id}");
    assert_eq!(at(&created, "/status"), "CREATING");
    assert_eq!(
        at(&created, "/gatewayUrl"),
        format!("https://{id}.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp")
    );
    let get = json!({"gatewayIdentifier": id});
    assert_eq!(at(&ok(&local, "GetGateway", get.clone()).await, "/status"), "CREATING");
    refused_with(&local, "CreateGatewayTarget", target_input(&id, "t"), "ConflictException", "CREATING").await;
    settle().await;
    let live = ok(&local, "GetGateway", get.clone()).await;
    assert_eq!(at(&live, "/status"), "READY");
    assert_eq!(live.get("statusReasons"), None);
    assert_eq!(live.get("description"), None);
    assert_eq!(live.pointer("/protocolConfiguration/mcp/supportedVersions"), Some(&json!(["2025-03-26"])));

    let update = with(gateway_input("HR-Data"), json!({"gatewayIdentifier": id, "description": "two"}));
    assert_eq!(at(&ok(&local, "UpdateGateway", update.clone()).await, "/status"), "UPDATING");
    refused_with(&local, "UpdateGateway", update.clone(), "ConflictException", "UPDATING").await;
    refused_with(&local, "DeleteGateway", get.clone(), "ConflictException", "UPDATING").await;
    settle().await;
    assert_eq!(at(&ok(&local, "GetGateway", get.clone()).await, "/description"), "two");
    // Full replace: what is left out is gone.
    ok(&local, "UpdateGateway", with(update, json!({"description": null}))).await;
    settle().await;
    assert_eq!(ok(&local, "GetGateway", get.clone()).await.get("description"), None);
    let arn = at(&created, "/gatewayArn");
    assert_eq!(ok(&local, "ListTagsForResource", json!({"resourceArn": arn})).await, json!({"tags": {"a": "1"}}));

    assert_eq!(at(&ok(&local, "DeleteGateway", get.clone()).await, "/status"), "DELETING");
    refused_with(&local, "CreateGateway", gateway_input("HR-Data"), "ConflictException", "already exists").await;
    settle().await;
    refused_with(&local, "GetGateway", get, "ResourceNotFoundException", &id).await;
    refused_with(&local, "ListTagsForResource", json!({"resourceArn": arn}), "ResourceNotFoundException", "").await;
    assert_eq!(ok(&local, "ListGateways", json!({})).await, json!({"items": []}));
}

#[tokio::test(start_paused = true)]
async fn every_violation_of_the_model_is_named() {
    let local = stand_in();
    let input = with(gateway_input("a_b"), json!({"roleArn": null, "description": ""}));
    let failure = refused(&local, "CreateGateway", input).await;
    assert_eq!((failure.code.as_str(), failure.status), ("ValidationException", 400));
    assert_eq!(failure.reason.as_deref(), Some("FieldValidationFailed"));
    let names: Vec<&str> = failure.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["name", "description", "roleArn"]);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_makes_no_sense_is_refused() {
    let local = stand_in();
    let jwt = |checks: Value| {
        let url = "https://a.example/.well-known/openid-configuration";
        json!({"authorizerConfiguration": {"customJWTAuthorizer": with(json!({"discoveryUrl": url}), checks)}})
    };
    let interceptor = |points: Value| {
        let lambda = json!({"lambda": {"arn": "arn:aws:lambda:us-east-1:111122223333:function:i"}});
        json!({"interceptor": lambda, "interceptionPoints": points})
    };
    let engine = "arn:aws:bedrock-agentcore:us-east-1:111122223333:policy-engine/none-0123456789";
    for (changes, words) in [
        (json!({"authorizerConfiguration": null}), "is required for the authorizer type CUSTOM_JWT"),
        (jwt(json!({})), "At least one of"),
        (json!({"authorizerType": "AWS_IAM"}), "must not be given"),
        (json!({"tags": {"aws:x": "1"}}), "reserved prefix"),
        (json!({"policyEngineConfiguration": {"arn": engine, "mode": "ENFORCE"}}), "does not exist"),
        (
            json!({"interceptorConfigurations": [interceptor(json!(["REQUEST"])), interceptor(json!(["RESPONSE", "REQUEST"]))]}),
            "Only one interceptor",
        ),
    ] {
        refused_with(&local, "CreateGateway", with(gateway_input("g"), changes), "ValidationException", words).await;
    }
    let id = ready_gateway(&local, "g").await;
    refused_with(&local, "CreateGateway", gateway_input("g"), "ConflictException", "already exists").await;
    let update = with(gateway_input("other"), json!({"gatewayIdentifier": id}));
    refused_with(&local, "UpdateGateway", update, "ValidationException", "name").await;
}

#[tokio::test(start_paused = true)]
async fn protocol_versions_only_ever_get_fewer() {
    let local = stand_in();
    let versions = |list: Value| json!({"protocolConfiguration": {"mcp": {"supportedVersions": list}}});
    let input = with(gateway_input("g"), versions(json!(["2025-03-26", "2025-06-18"])));
    let id = at(&ok(&local, "CreateGateway", input).await, "/gatewayId");
    settle().await;
    let update = |list: Value| with(with(gateway_input("g"), json!({"gatewayIdentifier": id})), versions(list));
    ok(&local, "UpdateGateway", update(json!(["2025-06-18"]))).await;
    settle().await;
    let both = update(json!(["2025-06-18", "2025-03-26"]));
    refused_with(&local, "UpdateGateway", both, "ValidationException", "cannot be added").await;
}

#[tokio::test(start_paused = true)]
async fn a_target_lives_and_dies_in_its_gateway() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let created = ok(&local, "CreateGatewayTarget", target_input(&gateway, "hr")).await;
    assert_eq!(at(&created, "/status"), "CREATING");
    let id = at(&created, "/targetId");
    let get = json!({"gatewayIdentifier": gateway, "targetId": id});
    let update = with(target_input(&gateway, "people"), json!({"targetId": id}));
    refused_with(&local, "UpdateGatewayTarget", update.clone(), "ConflictException", "CREATING").await;
    settle().await;
    refused_with(&local, "CreateGatewayTarget", target_input(&gateway, "hr"), "ConflictException", "already exists")
        .await;
    assert_eq!(at(&ok(&local, "UpdateGatewayTarget", update).await, "/name"), "people");
    settle().await;
    let listed = ok(&local, "ListGatewayTargets", json!({"gatewayIdentifier": gateway})).await;
    assert_eq!(at(&listed, "/items/0/targetType"), "LAMBDA");
    assert_eq!(at(&listed, "/items/0/status"), "READY");

    let words =
        format!("Gateway {gateway} has targets associated with it. Delete all targets before deleting the gateway.");
    let delete_gateway = json!({"gatewayIdentifier": gateway});
    refused_with(&local, "DeleteGateway", delete_gateway.clone(), "ValidationException", &words).await;
    assert_eq!(at(&ok(&local, "DeleteGatewayTarget", get.clone()).await, "/status"), "DELETING");
    // Not listed any more, and still in the way.
    let listed = ok(&local, "ListGatewayTargets", json!({"gatewayIdentifier": gateway})).await;
    assert_eq!(listed, json!({"items": []}));
    refused_with(&local, "DeleteGateway", delete_gateway.clone(), "ValidationException", &words).await;
    settle().await;
    refused_with(&local, "GetGatewayTarget", get, "ResourceNotFoundException", &id).await;
    ok(&local, "DeleteGateway", delete_gateway).await;
}

#[tokio::test(start_paused = true)]
async fn targets_and_gateways_must_fit() {
    let local = stand_in();
    let tools = ready_gateway(&local, "tools").await;
    let plain = with(
        gateway_input("plain"),
        json!({
            "protocolType": null, "authorizerType": "AWS_IAM", "authorizerConfiguration": null,
        }),
    );
    let plain = at(&ok(&local, "CreateGateway", plain).await, "/gatewayId");
    settle().await;
    let runtime = json!({"http": {"agentcoreRuntime": {
        "arn": "arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/a-0123456789",
    }}});
    let server = json!({"mcp": {"mcpServer": {"endpoint": "https://mcp.example/mcp"}}});
    let role = |service: Value| json!([{"credentialProviderType": "GATEWAY_IAM_ROLE", "credentialProvider": {"iamCredentialProvider": service}}]);
    let caller = json!([{"credentialProviderType": "CALLER_IAM_CREDENTIALS"}]);
    let empty = json!({"mcp": {"lambda": {
        "lambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:hr", "toolSchema": {"inlinePayload": []},
    }}});
    for (gateway, changes, words) in [
        (&plain, json!({}), "protocol type MCP"),
        (&tools, json!({"targetConfiguration": runtime.clone()}), "without a protocol type"),
        (&tools, json!({"targetConfiguration": empty}), "No MCP tool schema found in target configuration"),
        (&tools, json!({"credentialProviderConfigurations": null}), "is required for lambda"),
        (&tools, json!({"credentialProviderConfigurations": role(json!({"service": "lambda"}))}), "must not be given"),
        (&tools, json!({"targetConfiguration": server.clone()}), "iamCredentialProvider with a service is required"),
        (
            &tools,
            json!({"credentialProviderConfigurations": [{"credentialProviderType": "JWT_PASSTHROUGH"}]}),
            "not supported",
        ),
        (&tools, json!({"credentialProviderConfigurations": [{"credentialProviderType": "API_KEY"}]}), "does not fit"),
    ] {
        let input = with(target_input(gateway, "t"), changes);
        refused_with(&local, "CreateGatewayTarget", input, "ValidationException", words).await;
    }
    let changes = json!({"targetConfiguration": runtime, "credentialProviderConfigurations": caller});
    ok(&local, "CreateGatewayTarget", with(target_input(&plain, "t"), changes)).await;
    let changes = json!({"targetConfiguration": server, "credentialProviderConfigurations": null});
    let id = at(&ok(&local, "CreateGatewayTarget", with(target_input(&tools, "t"), changes)).await, "/targetId");
    settle().await;
    let live = ok(&local, "GetGatewayTarget", json!({"gatewayIdentifier": tools, "targetId": id}));
    let live = live.await;
    assert_eq!(live.pointer("/targetConfiguration/mcp/mcpServer/listingMode"), Some(&json!("DEFAULT")));
    assert_eq!(live.pointer("/targetConfiguration/mcp/mcpServer/resourcePriority"), Some(&json!(1000)));
}

#[tokio::test(start_paused = true)]
async fn a_target_may_wait_for_a_person() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let provider = json!({"oauthCredentialProvider": {
        "providerArn": "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/oauth2credentialprovider/x",
        "scopes": [], "grantType": "AUTHORIZATION_CODE", "defaultReturnUrl": "https://app.example/back",
    }});
    let input = with(
        target_input(&gateway, "t"),
        json!({
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://mcp.example/mcp"}}},
            "credentialProviderConfigurations": [{"credentialProviderType": "OAUTH", "credentialProvider": provider}],
        }),
    );
    let id = at(&ok(&local, "CreateGatewayTarget", input).await, "/targetId");
    settle().await;
    let get = json!({"gatewayIdentifier": gateway, "targetId": id});
    let live = ok(&local, "GetGatewayTarget", get.clone()).await;
    assert_eq!(at(&live, "/status"), "CREATE_PENDING_AUTH");
    assert!(at(&live, "/authorizationData/oauth2/authorizationUrl").starts_with("https://"));
    refused_with(&local, "DeleteGatewayTarget", get.clone(), "ConflictException", "CREATE_PENDING_AUTH").await;
    tokio::time::advance(std::time::Duration::from_secs(601)).await;
    assert_eq!(at(&ok(&local, "GetGatewayTarget", get.clone()).await, "/status"), "FAILED");
    ok(&local, "DeleteGatewayTarget", get).await;
}

#[tokio::test(start_paused = true)]
async fn an_attached_engine_adds_a_header_to_what_is_read() {
    let local = stand_in();
    let engine = ok(&local, "CreatePolicyEngine", json!({"name": "guard"})).await;
    let configuration =
        json!({"policyEngineConfiguration": {"arn": at(&engine, "/policyEngineArn"), "mode": "ENFORCE"}});
    let attached = with(gateway_input("g"), configuration);
    refused_with(&local, "CreateGateway", attached.clone(), "ValidationException", "must be ACTIVE").await;
    settle().await;
    let gateway = at(&ok(&local, "CreateGateway", attached).await, "/gatewayId");
    settle().await;
    let target = ready_target(&local, &gateway, "hr").await;
    let get = json!({"gatewayIdentifier": gateway, "targetId": target});
    let live = ok(&local, "GetGatewayTarget", get.clone()).await;
    let headers = live.pointer("/metadataConfiguration/allowedRequestHeaders").unwrap();
    assert_eq!(headers, &json!(["x-amzn-bedrock-agentcore-policy-session-id"]));
    let delete = json!({"policyEngineId": at(&engine, "/policyEngineId")});
    refused_with(&local, "DeletePolicyEngine", delete.clone(), "ConflictException", "attached").await;
    // Left out of an update, the engine is detached.
    ok(&local, "UpdateGateway", with(gateway_input("g"), json!({"gatewayIdentifier": gateway}))).await;
    assert_eq!(ok(&local, "GetGatewayTarget", get).await.get("metadataConfiguration"), None);
    ok(&local, "DeletePolicyEngine", delete).await;
}
