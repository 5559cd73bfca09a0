//! Faults on purpose.

use localstack::{Fault, FaultKind};
use serde_json::{Value, json};

use super::*;

fn fault(operation: &str, kind: FaultKind) -> Fault {
    Fault { operation: Some(operation.to_owned()), nth: 1, times: 1, kind }
}

fn engines(local: &Localstack) -> usize {
    local.observe()["objects"].as_array().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_changes_nothing_and_passes() {
    let local = stand_in();
    let kind = FaultKind::Refuse { status: 429, code: "ThrottlingException".into(), message: "Rate exceeded".into() };
    local.fault(Fault { operation: None, nth: 2, times: 1, kind });
    ok(&local, "CreatePolicyEngine", json!({"name": "first"})).await;
    ok(&local, "ListPolicyEngines", json!({})).await;
    let failure = refused(&local, "CreatePolicyEngine", json!({"name": "second"})).await;
    assert_eq!((failure.status, failure.code.as_str()), (429, "ThrottlingException"));
    assert_eq!(engines(&local), 1);
    ok(&local, "CreatePolicyEngine", json!({"name": "second"})).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_again_by_its_token() {
    let local = stand_in();
    local.fault(fault("CreatePolicyEngine", FaultKind::LoseAnswer));
    let input = json!({"name": "first", "clientToken": "0b6c7a5e-4f0e-4a53-9d7c-2f3f7b1f0a11"});
    assert_eq!(refused(&local, "CreatePolicyEngine", input.clone()).await.status, 0);
    assert_eq!(engines(&local), 1);
    ok(&local, "CreatePolicyEngine", input).await;
    assert_eq!(engines(&local), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_did_not_happen_and_a_garbled_one_did() {
    let local = stand_in();
    local.fault(fault("CreatePolicyEngine", FaultKind::Drop));
    assert_eq!(refused(&local, "CreatePolicyEngine", json!({"name": "first"})).await.status, 0);
    assert_eq!(engines(&local), 0);
    local.fault(fault("CreatePolicyEngine", FaultKind::NotJson));
    assert_eq!(refused(&local, "CreatePolicyEngine", json!({"name": "first"})).await.code, "NotJson");
    assert_eq!(engines(&local), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_can_be_accepted_and_fail_in_the_end() {
    let local = stand_in();
    let kind = FaultKind::Unsuccessful { reason: "Role validation failed".into() };
    local.fault(fault("CreateGateway", kind.clone()));
    let id = at(&ok(&local, "CreateGateway", gateway_input("g")).await, "/gatewayId");
    settle().await;
    let live = ok(&local, "GetGateway", json!({"gatewayIdentifier": id})).await;
    assert_eq!(
        (at(&live, "/status"), at(&live, "/statusReasons/0")),
        ("FAILED".into(), "Role validation failed".into())
    );
    let update = with(gateway_input("g"), json!({"gatewayIdentifier": id}));
    refused_with(&local, "UpdateGateway", update, "ConflictException", "FAILED").await;
    ok(&local, "DeleteGateway", json!({"gatewayIdentifier": id})).await;

    let id = ready_gateway(&local, "other").await;
    local.fault(fault("UpdateGateway", kind));
    let update = with(gateway_input("other"), json!({"gatewayIdentifier": id}));
    ok(&local, "UpdateGateway", update.clone()).await;
    settle().await;
    let live = ok(&local, "GetGateway", json!({"gatewayIdentifier": id})).await;
    assert_eq!(at(&live, "/status"), "UPDATE_UNSUCCESSFUL");
    ok(&local, "UpdateGateway", update).await;
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_gateway_have_trouble_too() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let ping = async || {
        let request = ::http::Request::post(format!("/gateways/{gateway}/mcp")).body(bytes::Bytes::new());
        local.handle(request.unwrap()).await
    };
    let set = |outcome: Value| {
        let script = json!([{"operation": "InvokeGateway", "outcome": outcome}]).to_string();
        for fault in Fault::list(script.as_bytes()).unwrap() {
            local.fault(fault);
        }
    };
    set(json!({"refuse": {"status": 503, "code": "ServiceUnavailable"}}));
    assert_eq!(ping().await.unwrap().status(), 503);
    assert_eq!(local.journal().last().unwrap().code.as_deref(), Some("ServiceUnavailable"));
    for lost in ["drop", "lose-answer"] {
        set(json!(lost));
        assert_eq!(ping().await.unwrap_err(), localstack::Dropped);
    }
    set(json!("not-json"));
    assert_eq!(ping().await.unwrap().headers()["content-type"], "text/html");
    assert_eq!(ping().await.unwrap().status(), 401);
    // A fault that names no operation is for what changes something.
    local.fault(Fault { operation: None, nth: 1, times: 1, kind: FaultKind::Drop });
    assert_eq!(ping().await.unwrap().status(), 401);
}
