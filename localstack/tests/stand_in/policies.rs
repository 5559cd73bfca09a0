//! Policy engines and policies.

use serde_json::{Value, json};

use super::*;

struct Scene {
    local: Localstack,
    gateway: String,
    arn: String,
    engine: String,
    engine_arn: String,
}

impl Scene {
    /// A gateway with an engine and, if wanted, a target.
    async fn new(with_target: bool) -> Self {
        let local = stand_in();
        let engine = ok(&local, "CreatePolicyEngine", json!({"name": "guard", "tags": {"a": "1"}})).await;
        let (engine, engine_arn) = (at(&engine, "/policyEngineId"), at(&engine, "/policyEngineArn"));
        settle().await;
        let attach = json!({"policyEngineConfiguration": {"arn": engine_arn, "mode": "ENFORCE"}});
        let gateway = ok(&local, "CreateGateway", with(gateway_input("g"), attach)).await;
        let (gateway, arn) = (at(&gateway, "/gatewayId"), at(&gateway, "/gatewayArn"));
        settle().await;
        if with_target {
            ready_target(&local, &gateway, "hr").await;
        }
        Self { local, gateway, arn, engine, engine_arn }
    }

    fn input(&self, name: &str, statement: &str) -> Value {
        let statement = statement.replace("GATEWAY", &format!("resource == AgentCore::Gateway::\"{}\"", self.arn));
        let statement = statement.replace("READ", "AgentCore::Action::\"hr___read\"");
        json!({"policyEngineId": self.engine, "name": name, "definition": {"cedar": {"statement": statement}}})
    }

    /// Creates a policy and answers its id, status and reason once it settled.
    async fn outcome(&self, input: Value) -> (String, String, String) {
        let created = ok(&self.local, "CreatePolicy", input).await;
        assert_eq!(at(&created, "/status"), "CREATING");
        settle().await;
        let id = at(&created, "/policyId");
        let live = ok(&self.local, "GetPolicy", self.key(&id)).await;
        let reason = live.pointer("/statusReasons/0").and_then(Value::as_str).unwrap_or_default().to_owned();
        (id, at(&live, "/status"), reason)
    }

    fn key(&self, id: &str) -> Value {
        json!({"policyEngineId": self.engine, "policyId": id})
    }
}

const CONDITIONAL: &str = r#"permit(principal is AgentCore::OAuthUser, action == READ, GATEWAY)
    when { principal.hasTag("scope") && principal.getTag("scope") like "*hr/read*" && context.input.id > 0 };"#;

#[tokio::test(start_paused = true)]
async fn a_policy_becomes_active_is_patched_and_deleted() {
    let scene = Scene::new(true).await;
    let local = &scene.local;
    let (id, status, reason) = scene.outcome(with(scene.input("read", CONDITIONAL), json!({"description": "d"}))).await;
    assert_eq!((status.as_str(), reason.as_str()), ("ACTIVE", ""));
    let live = ok(local, "GetPolicy", scene.key(&id)).await;
    assert_eq!(at(&live, "/enforcementMode"), "ACTIVE");
    assert_eq!(live.get("validationMode"), None);
    assert!(live.pointer("/definition/cedar/statement").is_some());

    let clear = with(scene.key(&id), json!({"description": {}, "enforcementMode": "LOG_ONLY"}));
    assert_eq!(at(&ok(local, "UpdatePolicy", clear.clone()).await, "/status"), "UPDATING");
    refused_with(local, "UpdatePolicy", clear, "ConflictException", "UPDATING").await;
    settle().await;
    let live = ok(local, "GetPolicy", scene.key(&id)).await;
    assert_eq!((live.get("description"), at(&live, "/enforcementMode")), (None, "LOG_ONLY".to_owned()));
    let rename = with(scene.key(&id), json!({"description": {"optionalValue": "two"}}));
    ok(local, "UpdatePolicy", rename).await;
    settle().await;
    let listed = ok(local, "ListPolicies", json!({"policyEngineId": scene.engine})).await;
    assert_eq!(at(&listed, "/policies/0/description"), "two");
    let summaries = ok(local, "ListPolicySummaries", json!({"policyEngineId": scene.engine})).await;
    assert_eq!(summaries["policies"][0].get("definition"), None);

    let detach = with(gateway_input("g"), json!({"gatewayIdentifier": scene.gateway}));
    ok(local, "UpdateGateway", detach).await;
    let engine = json!({"policyEngineId": scene.engine});
    refused_with(local, "DeletePolicyEngine", engine.clone(), "ConflictException", "policies").await;
    ok(local, "DeletePolicy", scene.key(&id)).await;
    refused_with(local, "DeletePolicyEngine", engine.clone(), "ConflictException", "policies").await;
    settle().await;
    refused_with(local, "GetPolicy", scene.key(&id), "ResourceNotFoundException", &id).await;
    assert_eq!(at(&ok(local, "DeletePolicyEngine", engine.clone()).await, "/status"), "DELETING");
    settle().await;
    refused_with(local, "GetPolicyEngine", engine, "ResourceNotFoundException", "").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_call_itself_refuses() {
    let scene = Scene::new(true).await;
    for (statement, words) in [
        ("permit(principal, action == READ, resource) when { true };", "wildcard resource"),
        ("permit(principal, action == READ, resource is AgentCore::Gateway) when { true };", "specific gateway"),
        (
            "permit(principal, action == READ, GATEWAY) when { true }; permit(principal, action, GATEWAY);",
            "exactly one",
        ),
        ("permit(principal, action == READ, GATEWAY) where { true }", "could not be parsed"),
        ("permit(principal,action,resource);", "has 34 characters"),
    ] {
        let failure = refused(&scene.local, "CreatePolicy", scene.input("p", statement)).await;
        assert_eq!(failure.code, "ValidationException");
        assert!(failure.message.contains(words), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_service_finds_out_later() {
    let scene = Scene::new(true).await;
    let other = "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/other-0123456789";
    let elsewhere = format!("permit(principal, action, resource == AgentCore::Gateway::\"{other}\") when {{ true }};");
    for (index, (statement, words)) in [
        (
            "permit(principal, action == AgentCore::Action::\"hr___gone\", GATEWAY) when { true };",
            "unable to find an applicable action",
        ),
        ("permit(principal, action == READ, GATEWAY) when { context.input.id == \"1\" };", "not compatible"),
        ("permit(principal, action == READ, GATEWAY) when { context.input.why == \"x\" };", "optional"),
        ("permit(principal, action == READ, GATEWAY);", "Overly Permissive"),
        ("permit(principal is AgentCore::OAuthUser, action == READ, GATEWAY);", "Overly Permissive"),
        ("forbid(principal, action == READ, GATEWAY);", "Overly Restrictive"),
        ("forbid(principal, action == READ, GATEWAY) when { context.input has why };", "Overly Restrictive"),
        (elsewhere.as_str(), "Insufficient permissions to call gateway"),
    ]
    .into_iter()
    .enumerate()
    {
        let input = scene.input(&format!("p{index}"), statement);
        let (_, status, reason) = scene.outcome(input).await;
        assert_eq!(status, "CREATE_FAILED", "{statement}");
        assert!(reason.contains(words), "{reason}");
    }
    // Findings can be ignored, a failed policy keeps its name.
    let open = scene.input("open", "permit(principal, action == READ, GATEWAY);");
    let (id, status, _) = scene.outcome(open.clone()).await;
    assert_eq!(status, "CREATE_FAILED");
    let forced = with(open, json!({"validationMode": "IGNORE_ALL_FINDINGS"}));
    refused_with(&scene.local, "CreatePolicy", forced.clone(), "ConflictException", "already exists").await;
    let update = with(scene.key(&id), json!({"enforcementMode": "LOG_ONLY"}));
    refused_with(&scene.local, "UpdatePolicy", update, "ConflictException", "CREATE_FAILED").await;
    ok(&scene.local, "DeletePolicy", scene.key(&id)).await;
    settle().await;
    assert_eq!(scene.outcome(forced).await.1, "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn without_tools_nothing_can_be_checked() {
    let scene = Scene::new(false).await;
    let (_, status, reason) = scene.outcome(scene.input("early", CONDITIONAL)).await;
    assert_eq!(status, "CREATE_FAILED");
    assert!(reason.contains("unable to find") && reason.contains("at offset 0"), "{reason}");
    // A target that is not ready yet does not count.
    ok(&scene.local, "CreateGatewayTarget", target_input(&scene.gateway, "hr")).await;
    assert_eq!(scene.outcome(scene.input("still_early", CONDITIONAL)).await.1, "CREATE_FAILED");
    assert_eq!(scene.outcome(scene.input("late", CONDITIONAL)).await.1, "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn interceptors_hide_the_tools() {
    let scene = Scene::new(true).await;
    let update = with(
        gateway_input("g"),
        json!({
            "gatewayIdentifier": scene.gateway,
            "policyEngineConfiguration": {"arn": scene.engine_arn, "mode": "ENFORCE"},
            "interceptorConfigurations": [{
                "interceptor": {"lambda": {"arn": "arn:aws:lambda:us-east-1:111122223333:function:i"}},
                "interceptionPoints": ["REQUEST"],
            }],
        }),
    );
    ok(&scene.local, "UpdateGateway", update).await;
    settle().await;
    let (_, status, reason) = scene.outcome(scene.input("p", CONDITIONAL)).await;
    assert_eq!((status.as_str(), reason.as_str()), ("CREATE_FAILED", "An internal error occurred during creation"));
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_tools_nobody_knows_takes_any_action() {
    let scene = Scene::new(false).await;
    let target = with(
        target_input(&scene.gateway, "remote"),
        json!({
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://mcp.example/mcp"}}},
            "credentialProviderConfigurations": null,
        }),
    );
    ok(&scene.local, "CreateGatewayTarget", target).await;
    settle().await;
    let statement =
        "permit(principal, action == AgentCore::Action::\"remote___any\", GATEWAY) when { context.input.x == 1 };";
    assert_eq!(scene.outcome(scene.input("p", statement)).await.1, "ACTIVE");
    let statement = "permit(principal, action == AgentCore::Action::\"other___any\", GATEWAY) when { true };";
    assert_eq!(scene.outcome(scene.input("q", statement)).await.1, "CREATE_FAILED");
    // Told what the target offers, the stand-in checks as it does elsewhere.
    let tool = model::Tool { name: "known".into(), input_schema: json!({"type": "object"}) };
    scene.local.known_tools("g", "remote", vec![tool]);
    assert_eq!(scene.outcome(scene.input("s", &statement_of("any"))).await.1, "CREATE_FAILED");
    assert_eq!(scene.outcome(scene.input("t", &statement_of("known"))).await.1, "ACTIVE");
    let statement = "permit(principal, action in AgentCore::Action::\"remote\", GATEWAY) when { principal has id };";
    assert_eq!(scene.outcome(scene.input("r", statement)).await.1, "ACTIVE");
}

fn statement_of(tool: &str) -> String {
    format!("permit(principal, action == AgentCore::Action::\"remote___{tool}\", GATEWAY) when {{ principal has id }};")
}

#[tokio::test(start_paused = true)]
async fn an_update_is_judged_like_a_new_policy() {
    let scene = Scene::new(true).await;
    let (id, ..) = scene.outcome(scene.input("read", CONDITIONAL)).await;
    let open = scene.input("read", "permit(principal, action == READ, GATEWAY);")["definition"].clone();
    // The arm is the caller's choice and stays as it was sent.
    let update = with(scene.key(&id), json!({"definition": {"policy": open["cedar"]}}));
    ok(&scene.local, "UpdatePolicy", update.clone()).await;
    settle().await;
    let live = ok(&scene.local, "GetPolicy", scene.key(&id)).await;
    assert_eq!(at(&live, "/status"), "UPDATE_FAILED");
    assert!(at(&live, "/statusReasons/0").contains("Overly Permissive"));
    ok(&scene.local, "UpdatePolicy", with(update, json!({"validationMode": "IGNORE_ALL_FINDINGS"}))).await;
    settle().await;
    let live = ok(&scene.local, "GetPolicy", scene.key(&id)).await;
    assert_eq!((at(&live, "/status"), live["statusReasons"].clone()), ("ACTIVE".into(), json!([])));
    assert!(live.pointer("/definition/policy/statement").is_some());
    let about = json!({"policyEngineId": scene.engine, "targetResourceScope": scene.arn});
    assert_eq!(ok(&scene.local, "ListPolicies", about).await["policies"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_lists_dynamically_hides_the_tools() {
    let scene = Scene::new(true).await;
    let target = with(
        target_input(&scene.gateway, "remote"),
        json!({
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://mcp.example/mcp", "listingMode": "DYNAMIC"}}},
            "credentialProviderConfigurations": null,
        }),
    );
    ok(&scene.local, "CreateGatewayTarget", target).await;
    settle().await;
    let (_, status, reason) = scene.outcome(scene.input("p", CONDITIONAL)).await;
    assert_eq!((status.as_str(), reason.as_str()), ("CREATE_FAILED", "An internal error occurred during creation"));
}
