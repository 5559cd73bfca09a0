//! What the real service does to its callers: waiting, lagging, forgetting. Each is a switch.

use localstack::{Delay, Delays, Findings, Settings, SnapshotError};
use serde_json::json;

use super::*;

fn delays(of: &[(&str, Delay)]) -> Delays {
    let mut delays = Delays::default();
    for (kind, delay) in of {
        delays.set(kind, *delay).unwrap();
    }
    delays
}

async fn status(local: &Localstack, gateway: &str) -> String {
    at(&ok(local, "GetGateway", json!({"gatewayIdentifier": gateway})).await, "/status")
}

fn listed(listing: &Value, member: &str) -> usize {
    listing[member].as_array().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn each_kind_takes_its_time_or_so_many_reads() {
    let local = stand_in();
    let second = Duration::from_secs(1);
    local.set(&Settings {
        delays: Some(delays(&[
            ("gateway", Delay::Polls(3)),
            ("policy_engine", Delay::After(second)),
            ("user_pool_domain", Delay::Polls(1)),
            ("gateway_target", Delay::Polls(1)),
        ])),
        ..Settings::default()
    });
    let id = at(&ok(&local, "CreateGateway", gateway_input("g")).await, "/gatewayId");
    let engine = at(&ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await, "/policyEngineId");
    tokio::time::advance(Duration::from_hours(1)).await;
    // Another object's reads do not count, a listing does.
    let other = at(&ok(&local, "CreateGateway", gateway_input("other")).await, "/gatewayId");
    assert_eq!(status(&local, &id).await, "CREATING");
    ok(&local, "ListGateways", json!({})).await;
    assert_eq!(status(&local, &id).await, "CREATING");
    assert_eq!(status(&local, &id).await, "READY");
    assert_eq!(status(&local, &other).await, "CREATING");
    let engine = json!({"policyEngineId": engine});
    assert_eq!(at(&ok(&local, "GetPolicyEngine", engine.clone()).await, "/status"), "ACTIVE");

    ok(&local, "DeletePolicyEngine", engine.clone()).await;
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(at(&ok(&local, "GetPolicyEngine", engine.clone()).await, "/status"), "DELETING");
    tokio::time::advance(Duration::from_millis(1)).await;
    refused_with(&local, "GetPolicyEngine", engine, "ResourceNotFoundException", "").await;

    // A read of the child is none of the parent, and a delete is waited for in the same way.
    let target = at(&ok(&local, "CreateGatewayTarget", target_input(&id, "t")).await, "/targetId");
    let target = json!({"gatewayIdentifier": id, "targetId": target});
    assert_eq!(at(&ok(&local, "GetGatewayTarget", target.clone()).await, "/status"), "CREATING");
    ok(&local, "UpdateGateway", with(gateway_input("g"), json!({"gatewayIdentifier": id}))).await;
    for _ in 0..5 {
        assert_eq!(at(&ok(&local, "GetGatewayTarget", target.clone()).await, "/status"), "READY");
    }
    assert_eq!(status(&local, &id).await, "UPDATING");
    ok(&local, "DeleteGatewayTarget", target.clone()).await;
    assert_eq!(at(&ok(&local, "GetGatewayTarget", target.clone()).await, "/status"), "DELETING");
    refused_with(&local, "GetGatewayTarget", target, "ResourceNotFoundException", "").await;

    let pool = at(&ok(&local, "CreateUserPool", json!({"PoolName": "p"})).await, "/UserPool/Id");
    ok(&local, "CreateUserPoolDomain", json!({"UserPoolId": pool, "Domain": "d"})).await;
    for wanted in ["CREATING", "ACTIVE"] {
        let domain = ok(&local, "DescribeUserPoolDomain", json!({"Domain": "d"})).await;
        assert_eq!(at(&domain, "/DomainDescription/Status"), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_waits_for_a_person_waits_after_its_own_delay() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    local.set(&Settings { delays: Some(delays(&[("gateway_target", Delay::Polls(1))])), ..Settings::default() });
    let oauth = json!({
        "providerArn": "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/oauth2credentialprovider/p",
        "scopes": ["s"], "grantType": "AUTHORIZATION_CODE", "defaultReturnUrl": "https://example.com",
    });
    let input = json!({
        "gatewayIdentifier": gateway, "name": "t",
        "credentialProviderConfigurations": [
            {"credentialProviderType": "OAUTH", "credentialProvider": {"oauthCredentialProvider": oauth}},
        ],
        "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://example.com/mcp"}}},
    });
    let id = at(&ok(&local, "CreateGatewayTarget", input).await, "/targetId");
    let target = json!({"gatewayIdentifier": gateway, "targetId": id});
    for (wanted, wait) in [("CREATING", 0), ("CREATE_PENDING_AUTH", 599), ("CREATE_PENDING_AUTH", 2), ("FAILED", 0)] {
        assert_eq!(at(&ok(&local, "GetGatewayTarget", target.clone()).await, "/status"), wanted);
        tokio::time::advance(Duration::from_secs(wait)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn listings_lag_behind_and_so_do_the_parents_of_what_is_gone() {
    let lag = Duration::from_secs(30);
    let local = Localstack::new(Config { lag, seed: 7, ..Config::default() });
    let engine = at(&ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await, "/policyEngineId");
    let engine = json!({"policyEngineId": engine});
    settle().await;
    // It is there, and no listing shows it.
    assert_eq!(at(&ok(&local, "GetPolicyEngine", engine.clone()).await, "/status"), "ACTIVE");
    assert_eq!(listed(&ok(&local, "ListPolicyEngines", json!({})).await, "policyEngines"), 0);
    tokio::time::advance(lag).await;
    assert_eq!(listed(&ok(&local, "ListPolicyEngines", json!({})).await, "policyEngines"), 1);

    let statement = "permit(principal, action, resource is AgentCore::Gateway) when { principal has x };";
    let policy = with(engine.clone(), json!({"name": "policy", "definition": {"cedar": {"statement": statement}}}));
    let id = at(&ok(&local, "CreatePolicy", policy.clone()).await, "/policyId");
    settle().await;
    tokio::time::advance(lag).await;
    let named = with(engine.clone(), json!({"policyId": id}));
    ok(&local, "DeletePolicy", named.clone()).await;
    settle().await;
    // It is gone, is still listed, has its name and keeps its engine.
    refused_with(&local, "GetPolicy", named, "ResourceNotFoundException", "").await;
    assert_eq!(listed(&ok(&local, "ListPolicies", engine.clone()).await, "policies"), 1);
    refused_with(&local, "CreatePolicy", policy.clone(), "ConflictException", "already exists").await;
    refused_with(&local, "DeletePolicyEngine", engine.clone(), "ConflictException", "still has policies").await;
    assert_eq!(local.observe()["objects"].as_array().unwrap().len(), 1);
    tokio::time::advance(lag).await;
    assert_eq!(listed(&ok(&local, "ListPolicies", engine.clone()).await, "policies"), 0);
    ok(&local, "DeletePolicyEngine", engine).await;

    // Of a target the listing is the first to be empty, and its gateway the last to know.
    let gateway = ready_gateway(&local, "g").await;
    let target = ready_target(&local, &gateway, "t").await;
    let gateway = json!({"gatewayIdentifier": gateway});
    ok(&local, "DeleteGatewayTarget", with(gateway.clone(), json!({"targetId": target}))).await;
    settle().await;
    assert_eq!(listed(&ok(&local, "ListGatewayTargets", gateway.clone()).await, "items"), 0);
    refused_with(&local, "DeleteGateway", gateway.clone(), "ValidationException", "has targets").await;
    tokio::time::advance(lag).await;
    ok(&local, "DeleteGateway", gateway).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_made_again_under_a_name_that_is_gone_is_listed_once() {
    let lag = Duration::from_secs(30);
    let local = Localstack::new(Config { lag, ..Config::default() });
    let pool = at(&ok(&local, "CreateUserPool", json!({"PoolName": "p"})).await, "/UserPool/Id");
    let group = json!({"UserPoolId": pool, "GroupName": "g"});
    for _ in 0..3 {
        ok(&local, "CreateGroup", group.clone()).await;
        ok(&local, "DeleteGroup", group.clone()).await;
    }
    ok(&local, "CreateGroup", group).await;
    tokio::time::advance(lag).await;
    assert_eq!(listed(&ok(&local, "ListGroups", json!({"UserPoolId": pool})).await, "Groups"), 1);
    // A parent takes along what lives in it, also what only listings remember.
    ok(&local, "DeleteGroup", json!({"UserPoolId": pool, "GroupName": "g"})).await;
    ok(&local, "DeleteUserPool", json!({"UserPoolId": pool})).await;
    assert_eq!(local.observe(), json!({"objects": []}));
}

/// How many of twenty identities a listing shows, lagging up to 100 seconds behind.
async fn identities(local: &Localstack) -> usize {
    listed(&ok(local, "ListWorkloadIdentities", json!({})).await, "workloadIdentities")
}

async fn make_identities(local: &Localstack) {
    for number in 0..20 {
        ok(local, "CreateWorkloadIdentity", json!({"name": format!("identity{number}")})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_seed_decides_how_far_listings_lag() {
    let seen = async |seed| {
        let local = Localstack::new(Config { lag: Duration::from_secs(100), seed, ..Config::default() });
        make_identities(&local).await;
        let mut seen = Vec::new();
        for _ in 0..11 {
            seen.push(identities(&local).await);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        seen
    };
    let first = seen(1).await;
    assert!(first[0] < 5 && first[5] > 3 && first[5] < 17 && first[10] == 20, "{first:?}");
    assert_eq!(seen(1).await, first);
    assert_ne!(seen(2).await, first);
}

#[tokio::test(start_paused = true)]
async fn a_lag_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { lag: Duration::from_secs(100), ..Config::default() };
    let open = || Localstack::open(&folder.path().join("state.json"), config.clone()).unwrap();
    let local = open();
    make_identities(&local).await;
    tokio::time::advance(Duration::from_secs(100)).await;
    ok(&local, "DeleteWorkloadIdentity", json!({"name": "identity7"})).await;
    let local = open();
    refused_with(&local, "GetWorkloadIdentity", json!({"name": "identity7"}), "ResourceNotFoundException", "").await;
    assert_eq!(identities(&local).await, 20);
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(identities(&local).await, 19);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_role_is_refused_until_iam_has_told_everybody() {
    let local = Localstack::new(Config { role_refusals: 2, ..Config::default() });
    let engine = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    settle().await;
    let attached = json!({"policyEngineConfiguration": {"arn": at(&engine, "/policyEngineArn"), "mode": "ENFORCE"}});
    // What is wrong with the request is said first.
    let input = with(gateway_input("g"), attached);
    refused_with(
        &local,
        "CreateGateway",
        with(input.clone(), json!({"authorizerType": "x"})),
        "ValidationException",
        "authorizerType",
    )
    .await;
    for _ in 0..2 {
        let words = "Access denied while calling GetPolicyEngine";
        refused_with(&local, "CreateGateway", input.clone(), "ValidationException", words).await;
    }
    let gateway = at(&ok(&local, "CreateGateway", input).await, "/gatewayId");
    settle().await;
    let target = target_input(&gateway, "t");
    for _ in 0..2 {
        let words = "Gateway execution role lacks permission";
        refused_with(&local, "CreateGatewayTarget", target.clone(), "ValidationException", words).await;
    }
    ok(&local, "CreateGatewayTarget", target).await;
    let runtime = |name: &str, role: &str| {
        json!({
            "agentRuntimeName": name, "roleArn": format!("arn:aws:iam::111122223333:role/{role}"),
            "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1"}},
            "networkConfiguration": {"networkMode": "PUBLIC"},
        })
    };
    for role in ["one", "two"] {
        for _ in 0..2 {
            let words = "Role validation failed";
            refused_with(&local, "CreateAgentRuntime", runtime(role, role), "ValidationException", words).await;
        }
        ok(&local, "CreateAgentRuntime", runtime(role, role)).await;
    }
    // A role that worked once works.
    ok(&local, "CreateAgentRuntime", runtime("three", "one")).await;
    assert_eq!(local.observe()["objects"].as_array().unwrap().len(), 6);
}

async fn policy_end(local: &Localstack, engine: &str, name: &str, statement: &str, mode: &str) -> (String, String) {
    let definition = json!({"cedar": {"statement": statement}});
    let input = json!({"policyEngineId": engine, "name": name, "definition": definition, "validationMode": mode});
    let id = at(&ok(local, "CreatePolicy", input).await, "/policyId");
    settle().await;
    let policy = ok(local, "GetPolicy", json!({"policyEngineId": engine, "policyId": id})).await;
    (at(&policy, "/status"), policy["statusReasons"].to_string())
}

#[tokio::test(start_paused = true)]
async fn policies_do_not_know_the_tools_of_a_target_that_was_just_made() {
    let schema_lag = Duration::from_secs(15);
    let local = Localstack::new(Config { schema_lag, ..Config::default() });
    let made = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    let engine = at(&made, "/policyEngineId");
    settle().await;
    let attached = json!({"policyEngineConfiguration": {"arn": at(&made, "/policyEngineArn"), "mode": "ENFORCE"}});
    let gateway = ok(&local, "CreateGateway", with(gateway_input("g"), attached)).await;
    settle().await;
    let arn = at(&gateway, "/gatewayArn");
    let statement = |target: &str| {
        format!(
            "permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::\"{target}___read\", \
             resource == AgentCore::Gateway::\"{arn}\") when {{ principal.hasTag(\"role\") }};"
        )
    };
    let gateway = at(&gateway, "/gatewayId");
    ready_target(&local, &gateway, "one").await;
    let findings = "FAIL_ON_ANY_FINDINGS";
    let (status, reasons) = policy_end(&local, &engine, "early", &statement("one"), findings).await;
    assert!(
        status == "CREATE_FAILED" && reasons.contains("unable to find") && reasons.contains("at offset 0"),
        "{reasons}"
    );
    tokio::time::advance(schema_lag).await;
    assert_eq!(policy_end(&local, &engine, "late", &statement("one"), findings).await.0, "ACTIVE");
    ready_target(&local, &gateway, "two").await;
    let (status, reasons) = policy_end(&local, &engine, "early2", &statement("two"), findings).await;
    assert!(status == "CREATE_FAILED" && reasons.contains("unable to find"), "{reasons}");
    tokio::time::advance(schema_lag).await;
    assert_eq!(policy_end(&local, &engine, "late2", &statement("two"), findings).await.0, "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn findings_can_be_none_or_always() {
    let local = stand_in();
    let made = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    settle().await;
    let attached = json!({"policyEngineConfiguration": {"arn": at(&made, "/policyEngineArn"), "mode": "ENFORCE"}});
    let gateway = ok(&local, "CreateGateway", with(gateway_input("g"), attached)).await;
    settle().await;
    ready_target(&local, &at(&gateway, "/gatewayId"), "t").await;
    let scope = format!("principal, action, resource == AgentCore::Gateway::\"{}\"", at(&gateway, "/gatewayArn"));
    let wide = format!("permit({scope});");
    let narrow = format!("permit({scope}) when {{ principal is AgentCore::OAuthUser && principal.hasTag(\"r\") }};");
    let engine = at(&made, "/policyEngineId");
    let (failing, ignoring) = ("FAIL_ON_ANY_FINDINGS", "IGNORE_ALL_FINDINGS");
    for (number, (findings, statement, mode, wanted)) in [
        (Findings::Usual, &wide, failing, "CREATE_FAILED"),
        (Findings::Usual, &narrow, failing, "ACTIVE"),
        (Findings::None, &wide, failing, "ACTIVE"),
        (Findings::Any, &narrow, failing, "CREATE_FAILED"),
        (Findings::Any, &wide, ignoring, "ACTIVE"),
    ]
    .into_iter()
    .enumerate()
    {
        local.set(&Settings { findings: Some(findings), ..Settings::default() });
        let (status, reasons) = policy_end(&local, &engine, &format!("policy{number}"), statement, mode).await;
        assert_eq!(status, wanted, "{findings:?}: {reasons}");
        assert_eq!(reasons.contains("Overly Permissive"), wanted == "CREATE_FAILED", "{reasons}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_as_long_as_the_seed_says() {
    let took = async |seed| {
        let (latency, jitter) = (Duration::from_millis(10), Duration::from_millis(90));
        let local = Localstack::new(Config { latency, jitter, seed, ..Config::default() });
        let mut took = Vec::new();
        for _ in 0..50 {
            let begun = tokio::time::Instant::now();
            local.handle(::http::Request::new(bytes::Bytes::new())).await.unwrap();
            took.push(begun.elapsed().as_millis());
        }
        took
    };
    let first = took(1).await;
    assert!(first.iter().all(|took| (10..=100).contains(took)), "{first:?}");
    assert!(first.iter().min() < Some(&30) && first.iter().max() > Some(&80), "{first:?}");
    assert_eq!(took(1).await, first);
    assert_ne!(took(2).await, first);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_gone_back_to_as_if_nothing_had_happened_since() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let local = Localstack::open(&path, Config::default()).unwrap();
    ok(&local, "CreatePolicyEngine", json!({"name": "settled"})).await;
    settle().await;
    let engine = at(&ok(&local, "CreatePolicyEngine", json!({"name": "under_way"})).await, "/policyEngineId");
    local.snapshot("begin").unwrap();
    let before = local.observe();
    let first = ok(&local, "CreatePolicyEngine", json!({"name": "more"})).await;
    tokio::time::advance(Duration::from_hours(1)).await;
    ok(&local, "DeletePolicyEngine", json!({"policyEngineId": engine})).await;

    local.restore("begin").unwrap();
    let restored = local.observe();
    let shown = |state: &Value, number: usize| {
        (at(state, &format!("/objects/{number}/id")), at(state, &format!("/objects/{number}/status")))
    };
    assert_eq!(restored["objects"].as_array().unwrap().len(), 2);
    for number in 0..2 {
        assert_eq!(shown(&restored, number), shown(&before, number));
    }
    assert_eq!(at(&ok(&local, "GetPolicyEngine", json!({"policyEngineId": engine})).await, "/status"), "CREATING");
    settle().await;
    assert_eq!(at(&ok(&local, "GetPolicyEngine", json!({"policyEngineId": engine})).await, "/status"), "ACTIVE");
    assert_eq!(
        ok(&local, "CreatePolicyEngine", json!({"name": "more"})).await["policyEngineId"],
        first["policyEngineId"]
    );
    // It is there again, also after a reset, and in the file.
    local.reset().unwrap();
    local.restore("begin").unwrap();
    assert_eq!(Localstack::open(&path, Config::default()).unwrap().observe()["objects"].as_array().unwrap().len(), 2);

    assert!(matches!(local.restore("none"), Err(SnapshotError::Unknown { .. })));
    for number in 1..16 {
        local.snapshot(&number.to_string()).unwrap();
    }
    assert!(matches!(local.snapshot("one too many"), Err(SnapshotError::TooMany { .. })));
    local.snapshot("begin").unwrap();
    local.clear_snapshots();
    assert!(matches!(local.restore("begin"), Err(SnapshotError::Unknown { .. })));
}
