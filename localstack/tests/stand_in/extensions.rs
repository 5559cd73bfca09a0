//! Policies with the service's extensions of Cedar: what is taken, how many, and what they do to calls.

use serde_json::{Value, json};

use super::data_plane::Scene;
use super::*;

fn input(scene: &Scene, arm: &str, name: &str, effect: &str, tool: &str, conditions: &str) -> Value {
    let statement = format!(
        "{effect}(principal, action == AgentCore::Action::\"orders___{tool}\", resource == AgentCore::Gateway::\"{}\") {conditions};",
        scene.arn
    );
    json!({
        "policyEngineId": scene.engine, "name": name, "validationMode": "IGNORE_ALL_FINDINGS",
        "definition": {arm: {"statement": statement}},
    })
}

async fn active(scene: &Scene, input: Value) -> String {
    let id = at(&ok(&scene.local, "CreatePolicy", input).await, "/policyId");
    settle().await;
    let live = ok(&scene.local, "GetPolicy", json!({"policyEngineId": scene.engine, "policyId": id})).await;
    assert_eq!(at(&live, "/status"), "ACTIVE", "{live:#}");
    id
}

const OFTEN: &str = "when temporal { count(AgentCore::Action::\"orders___get\"::request within 1h) < 5 }";
const SAFE: &str = "unless guardrails { BedrockGuardrails::X([\"a;}\"], [context.input.why]) }";

#[tokio::test(start_paused = true)]
async fn extensions_are_taken_where_they_belong_and_held_to_their_limits() {
    let scene = Scene::new().await;
    let refused = |input: Value, code: &'static str, words: &'static str| {
        let local = &scene.local;
        async move { refused_with(local, "CreatePolicy", input, code, words).await }
    };
    let invalid = "ValidationException";
    refused(input(&scene, "cedar", "p", "permit", "get", OFTEN), invalid, "could not be parsed").await;
    refused(input(&scene, "policy", "p", "permit", "get", "when temporal { a since within 25h }"), invalid, "24h")
        .await;
    let four = "when temporal { count(a within 1h) < 1 && count(b within 1h) < 1 && sum(c within 1h) < 1 && d formerly within 1h }";
    refused(input(&scene, "policy", "p", "permit", "get", four), invalid, "4 temporal operators").await;
    refused(input(&scene, "policy", "p", "permit", "get", "when temporal { a"), invalid, "could not be parsed").await;
    // What is plain in them is checked as ever.
    let created = ok(
        &scene.local,
        "CreatePolicy",
        input(&scene, "policy", "wrong", "permit", "get", &format!("when {{ context.input.none }} {OFTEN}")),
    )
    .await;
    settle().await;
    let wrong = json!({"policyEngineId": scene.engine, "policyId": at(&created, "/policyId")});
    assert_eq!(at(&ok(&scene.local, "GetPolicy", wrong).await, "/status"), "CREATE_FAILED");

    let mut first = String::new();
    for number in 0..20 {
        let id = active(&scene, input(&scene, "policy", &format!("t{number}"), "permit", "get", OFTEN)).await;
        if number == 0 {
            first = id;
        }
    }
    refused(input(&scene, "policy", "more", "permit", "get", OFTEN), "ServiceQuotaExceededException", "20 temporal")
        .await;
    active(&scene, input(&scene, "policy", "guarded", "forbid", "list", SAFE)).await;
    // One of them may change, and one that is none may not become one.
    let changed = input(&scene, "policy", "t0", "permit", "get", &OFTEN.replace("< 5", "< 6"));
    let update = json!({"policyEngineId": scene.engine, "policyId": first, "definition": changed["definition"]});
    ok(&scene.local, "UpdatePolicy", update).await;
    settle().await;
    let listed = ok(&scene.local, "ListPolicies", json!({"policyEngineId": scene.engine, "maxResults": 100})).await;
    let plain = listed["policies"].as_array().unwrap().iter().find(|policy| policy["name"] == "read").unwrap();
    let update =
        json!({"policyEngineId": scene.engine, "policyId": plain["policyId"], "definition": changed["definition"]});
    refused_with(&scene.local, "UpdatePolicy", update, "ServiceQuotaExceededException", "20 temporal").await;
}

const SESSION: (&str, &str) = ("x-amzn-bedrock-agentcore-policy-session-id", "one");

/// What nobody here knows is shown as possible, and closes where a call has to be decided.
#[tokio::test(start_paused = true)]
async fn what_depends_on_an_extension_is_listed_and_denied() {
    let scene = Scene::new().await;
    scene.answers(&json!([{"resource": super::data_plane::LAMBDA, "answer": {"done": true}}]));
    let (read, full) = (scene.token(0).await, scene.token(2).await);
    active(&scene, input(&scene, "policy", "guarded", "forbid", "list", SAFE)).await;
    let quiet = "when guardrails { BedrockGuardrails::X([\"a\"], [context.output.text]) }";
    active(&scene, input(&scene, "policy", "quiet", "suppressOutput", "get", quiet)).await;
    assert_eq!(scene.sees(&read).await, ["get", "list"], "some input may be safe");
    let denied = scene.call(&read, "list", json!({"id": 1})).await;
    assert_eq!(denied.pointer("/error/code"), Some(&json!(-32002)), "{denied:#}");
    let allowed = scene.call(&read, "get", json!({"id": 1})).await;
    assert!(allowed.get("error").is_none(), "a policy about answers lets nobody in or out: {allowed:#}");

    active(&scene, input(&scene, "policy", "often", "permit", "refund", OFTEN)).await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).to_string();
    let bearer = format!("Bearer {read}");
    let (status, _, answer) = scene.post(&[("authorization", &bearer)], &message).await;
    assert!(status == 400 && answer.to_string().contains(SESSION.0), "{answer:#}");
    let (status, _, answer) = scene.post(&[("authorization", &bearer), SESSION], &message).await;
    assert!(status == 200 && answer.to_string().contains("orders___refund"), "{answer:#}");
    let call = |token: String| {
        let params = json!({"name": "orders___refund", "arguments": {"id": 1}});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let (scene, bearer) = (&scene, format!("Bearer {token}"));
        async move { scene.post(&[("authorization", &bearer), SESSION], &message).await.2 }
    };
    assert_eq!(call(read).await.pointer("/error/code"), Some(&json!(-32002)));
    assert!(call(full).await.get("error").is_none(), "another policy permits it");
}
