//! What every call has in common: paging, idempotency, planted members, tags, the journal.

use serde_json::{Value, json};

use super::*;

/// Every page of a listing.
async fn pages(local: &Localstack, operation: &str, input: Value, items: &str, token: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = Value::Null;
    loop {
        let answer = ok(local, operation, with(input.clone(), json!({token: next}))).await;
        pages.push(answer[items].as_array().unwrap().clone());
        match answer.get(token) {
            Some(value) => next = value.clone(),
            None => return pages,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn listings_page_and_survive_a_deletion_between_pages() {
    let local = stand_in();
    for index in 0..12 {
        ok(&local, "CreatePolicyEngine", json!({"name": format!("e{index}")})).await;
    }
    settle().await;
    let sizes = |pages: &[Vec<Value>]| pages.iter().map(Vec::len).collect::<Vec<_>>();
    let all = pages(&local, "ListPolicyEngines", json!({}), "policyEngines", "nextToken").await;
    assert_eq!(sizes(&all), [10, 2]);
    let five = json!({"maxResults": 5});
    let all = pages(&local, "ListPolicyEngineSummaries", five.clone(), "policyEngines", "nextToken").await;
    assert_eq!(sizes(&all), [5, 5, 2]);
    let exact = pages(&local, "ListPolicyEngines", json!({"maxResults": 6}), "policyEngines", "nextToken").await;
    assert_eq!(sizes(&exact), [6, 6]);

    let first = ok(&local, "ListPolicyEngines", five).await;
    ok(&local, "DeletePolicyEngine", json!({"policyEngineId": at(&first, "/policyEngines/4/policyEngineId")})).await;
    settle().await;
    let token = at(&first, "/nextToken");
    let second = ok(&local, "ListPolicyEngines", json!({"nextToken": token})).await;
    assert_eq!(at(&second, "/policyEngines/0/name"), "e5");
    for input in [json!({"nextToken": "xyz"}), json!({"nextToken": format!("f{token}0")})] {
        refused_with(&local, "ListPolicyEngines", input, "ValidationException", "pagination token").await;
    }
    // A token is good for the listing it came from.
    let other = json!({"nextToken": token});
    refused_with(&local, "ListPolicyEngineSummaries", other, "ValidationException", "pagination token").await;
}

#[tokio::test(start_paused = true)]
async fn a_page_size_can_be_forced_on_every_listing() {
    let local = Localstack::new(Config { page_size: Some(1), ..Config::default() });
    for name in ["a", "b", "c"] {
        ok(&local, "CreateUserPool", json!({"PoolName": name})).await;
    }
    let all = pages(&local, "ListUserPools", json!({"MaxResults": 60}), "UserPools", "NextToken").await;
    assert_eq!(all.len(), 3);
    let wrong = json!({"MaxResults": 60, "NextToken": "x"});
    refused_with(&local, "ListUserPools", wrong, "InvalidParameterException", "token").await;
    refused_with(&local, "ListUserPools", json!({}), "InvalidParameterException", "MaxResults").await;
    refused_with(&local, "ListUserPools", json!({"MaxResults": 61}), "InvalidParameterException", "1 to 60").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_token_is_good_for_one_request() {
    let local = stand_in();
    let token = json!({"clientToken": "0b6c7a5e-4f0e-4a53-9d7c-2f3f7b1f0a11"});
    let first = ok(&local, "CreateGateway", with(gateway_input("g"), token.clone())).await;
    settle().await;
    assert_eq!(ok(&local, "CreateGateway", with(gateway_input("g"), token.clone())).await, first);
    // The order of members says nothing.
    let mut reversed = with(gateway_input("g"), token.clone());
    reversed.sort_all_objects();
    assert_eq!(ok(&local, "CreateGateway", reversed).await, first);
    assert_eq!(local.observe()["objects"].as_array().unwrap().len(), 1);
    let failure = refused(&local, "CreateGateway", with(gateway_input("other"), token.clone())).await;
    assert_eq!(failure.reason.as_deref(), Some("IdempotentParameterMismatchException"));
    // Another operation's tokens are its own.
    ok(&local, "CreatePolicyEngine", with(json!({"name": "engine"}), token)).await;
    let short = with(gateway_input("x"), json!({"clientToken": "short"}));
    refused_with(&local, "CreateGateway", short, "ValidationException", "clientToken").await;
}

#[tokio::test(start_paused = true)]
async fn planted_members_come_back_or_are_erased() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let get = json!({"gatewayIdentifier": gateway});
    assert!(local.plant(&gateway, "/futureMember", json!({"a": 1})));
    assert!(local.plant(&gateway, "/protocolConfiguration/mcp/future", json!("x")));
    assert!(local.plant_read_only(&gateway, "/phase", json!("INITIATE")));
    assert!(!local.plant(&gateway, "/nowhere/member", json!(1)));
    assert!(!local.plant("nobody", "/member", json!(1)));
    let live = ok_unchecked(&local, "GetGateway", get.clone()).await;
    assert_eq!(live["futureMember"], json!({"a": 1}));
    assert_eq!(live["protocolConfiguration"]["mcp"]["future"], "x");
    assert_eq!(live["phase"], "INITIATE");

    let update = with(
        gateway_input("g"),
        json!({
            "gatewayIdentifier": gateway, "futureMember": {"a": 1},
            "protocolConfiguration": {"mcp": {"supportedVersions": ["2025-03-26"], "future": "x"}},
        }),
    );
    for (changes, name) in [
        (json!({"futureMember": {"a": 2}}), "futureMember"),
        (json!({"another": 1}), "another"),
        (json!({"phase": "INITIATE"}), "phase"),
    ] {
        let failure = refused(&local, "UpdateGateway", with(update.clone(), changes)).await;
        let names: Vec<&str> = failure.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [name]);
    }
    ok_unchecked(&local, "UpdateGateway", update.clone()).await;
    settle().await;
    let live = ok_unchecked(&local, "GetGateway", get.clone()).await;
    assert_eq!((&live["futureMember"], &live["phase"]), (&json!({"a": 1}), &json!("INITIATE")));
    assert_eq!(live["protocolConfiguration"]["mcp"]["future"], "x");
    // What a full replace leaves out is erased, except what is the service's own.
    ok_unchecked(&local, "UpdateGateway", with(update, json!({"futureMember": null}))).await;
    settle().await;
    let live = ok_unchecked(&local, "GetGateway", get).await;
    assert_eq!((live.get("futureMember"), &live["phase"]), (None, &json!("INITIATE")));
    assert_eq!(live["protocolConfiguration"]["mcp"]["future"], "x");
}

#[tokio::test(start_paused = true)]
async fn planted_members_survive_a_patch_and_work_in_lists() {
    let local = stand_in();
    let engine = at(&ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await, "/policyEngineId");
    settle().await;
    local.plant(&engine, "/future", json!(true));
    let patch = json!({"policyEngineId": engine, "description": {"optionalValue": "d"}});
    ok_unchecked(&local, "UpdatePolicyEngine", patch).await;
    settle().await;
    assert_eq!(ok_unchecked(&local, "GetPolicyEngine", json!({"policyEngineId": engine})).await["future"], true);

    let pool = at(&ok(&local, "CreateUserPool", json!({"PoolName": "p"})).await, "/UserPool/Id");
    let scopes = json!([{"ScopeName": "a", "ScopeDescription": "A"}, {"ScopeName": "b", "ScopeDescription": "B"}]);
    let server = json!({"UserPoolId": pool, "Identifier": "rs", "Name": "RS"});
    ok(&local, "CreateResourceServer", with(server.clone(), json!({"Scopes": scopes}))).await;
    local.plant("rs", "/Scopes/1/Future", json!(1));
    // The element moved; its member moves along.
    let moved = json!([{"ScopeName": "b", "ScopeDescription": "B", "Future": 1}]);
    ok_unchecked(&local, "UpdateResourceServer", with(server, json!({"Scopes": moved}))).await;
    let live = ok_unchecked(&local, "DescribeResourceServer", json!({"UserPoolId": pool, "Identifier": "rs"})).await;
    assert_eq!(live["ResourceServer"]["Scopes"], moved);
}

/// A call whose answer holds members that the model does not know.
async fn ok_unchecked(local: &Localstack, operation: &str, input: Value) -> Value {
    local.call(operation, input).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn tags_are_merged_bounded_and_removed() {
    let local = stand_in();
    let arn =
        at(&ok(&local, "CreatePolicyEngine", json!({"name": "engine", "tags": {"a": "1"}})).await, "/policyEngineArn");
    let tag = |tags: Value| json!({"resourceArn": arn, "tags": tags});
    ok(&local, "TagResource", tag(json!({"a": "2", "b": "3"}))).await;
    ok(&local, "UntagResource", json!({"resourceArn": arn, "tagKeys": ["a", "none"]})).await;
    assert_eq!(ok(&local, "ListTagsForResource", json!({"resourceArn": arn})).await, json!({"tags": {"b": "3"}}));
    refused_with(&local, "TagResource", tag(json!({"aws:x": "1"})), "ValidationException", "reserved").await;
    refused_with(&local, "TagResource", tag(json!({"a,b": "1"})), "ValidationException", "match").await;
    let many: serde_json::Map<String, Value> = (0..50).map(|index| (format!("k{index}"), json!("v"))).collect();
    refused_with(&local, "TagResource", tag(Value::Object(many)), "ServiceQuotaExceededException", "50").await;
    let nobody = json!({"resourceArn": "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/x-0123456789"});
    refused_with(&local, "ListTagsForResource", nobody, "ResourceNotFoundException", "").await;
}

#[test]
fn a_stand_in_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    let local = stand_in();
    shared(&local);
    assert_eq!(format!("{local:?}"), "Localstack { .. }");
}

#[tokio::test(start_paused = true)]
async fn the_journal_tells_every_call() {
    let local = stand_in();
    ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    refused(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    ok(&local, "ListPolicyEngines", json!({})).await;
    let entries = local.journal();
    let told: Vec<_> = entries.iter().map(|entry| (entry.operation.as_str(), entry.mutating, entry.status)).collect();
    assert_eq!(
        told,
        [("CreatePolicyEngine", true, 202), ("CreatePolicyEngine", true, 409), ("ListPolicyEngines", false, 200)]
    );
    assert_eq!(entries[1].code.as_deref(), Some("ConflictException"));
    assert_eq!(entries[0].input, json!({"name": "engine"}));
    local.clear_journal();
    assert!(local.clone().journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_identifiers() {
    let (one, other) = (stand_in(), stand_in());
    let first = at(&ok(&one, "CreateGateway", gateway_input("g")).await, "/gatewayId");
    assert_eq!(at(&ok(&other, "CreateGateway", gateway_input("g")).await, "/gatewayId"), first);
    let third = Localstack::new(Config { seed: 8, ..Config::default() });
    assert_ne!(at(&ok(&third, "CreateGateway", gateway_input("g")).await, "/gatewayId"), first);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_not_built_says_so() {
    let local = stand_in();
    refused_with(&local, "ListDevices", json!({}), "UnknownOperationException", "does not implement it").await;
    refused_with(&local, "Nonsense", json!({}), "UnknownOperationException", "has no operation").await;
}

#[tokio::test(start_paused = true)]
async fn a_planted_member_can_hide_a_known_one() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let target = ready_target(&local, &gateway, "hr").await;
    local.plant(&target, "/targetConfiguration", json!({"quantum": {"qubits": 3}}));
    let get = json!({"gatewayIdentifier": gateway, "targetId": target});
    let live = ok_unchecked(&local, "GetGatewayTarget", get).await;
    assert_eq!(live["targetConfiguration"], json!({"quantum": {"qubits": 3}}));
}
