//! Every operation of the AgentCore model, sent as an SDK does with an input made from the model, each answer held against it.

use std::collections::BTreeSet;

use super::sample::{Drive, Extent};
use super::*;

/// The kinds in an order in which each one finds what it needs. Deletions go the other way.
pub(crate) const KINDS: [&str; 29] = [
    "PolicyEngine",
    "Gateway",
    "GatewayTarget",
    "GatewayRule",
    "GatewayRateLimit",
    "Policy",
    "CapacityProvider",
    "AgentRuntime",
    "AgentRuntimeEndpoint",
    "WorkloadIdentity",
    "ApiKeyCredentialProvider",
    "Oauth2CredentialProvider",
    "PaymentCredentialProvider",
    "PaymentManager",
    "PaymentConnector",
    "Browser",
    "BrowserProfile",
    "CodeInterpreter",
    "ConfigurationBundle",
    "ConsentPortal",
    "Dataset",
    "DatasetVersion",
    "Evaluator",
    "OnlineEvaluationConfig",
    "Harness",
    "HarnessEndpoint",
    "Memory",
    "Registry",
    "RegistryRecord",
];

/// What is done to objects between creation and deletion besides updates, and when order matters, the updates too.
const BETWEEN: [&str; 15] = [
    "BatchPutGatewayRateLimits",
    "SynchronizeGatewayTargets",
    "StartPolicyGeneration",
    "PutResourcePolicy",
    "TagResource",
    "SetTokenVaultCMK",
    "ResetTokenVaultKeyMaterial",
    "RotatePaymentConnectorCredentials",
    "AddDatasetExamples",
    "UpdateDatasetExamples",
    "UpdateRegistryRecord",
    "SubmitRegistryRecordForApproval",
    "UpdateRegistryRecordStatus",
    "UpdateHarnessEndpoint",
    "UpdateAgentRuntimeEndpoint",
];

#[tokio::test(start_paused = true)]
async fn every_operation_answers_what_its_output_shape_demands() {
    let mut drive = Drive::new(stand_in());
    let all: BTreeSet<&str> = model::Api::agentcore().operations.keys().map(String::as_str).collect();
    let mut left = all.clone();
    let creates = KINDS.map(|kind| format!("Create{kind}"));
    let starting = |verb: &'static str| all.iter().copied().filter(move |name| name.starts_with(verb));
    let mut order: Vec<&str> = creates.iter().map(String::as_str).chain(BETWEEN).collect();
    order.extend(starting("Update").filter(|name| !BETWEEN.contains(name)));
    order.extend(starting("Get"));
    order.extend(starting("List"));
    order.extend(["UntagResource", "DeleteResourcePolicy", "DeleteDatasetExamples"]);
    let deletes = KINDS.map(|kind| format!("Delete{kind}"));
    order.extend(deletes.iter().rev().map(String::as_str).filter(|name| all.contains(name)));
    for operation in order {
        assert!(left.remove(operation), "{operation} is called twice");
        let input = drive.input(operation, Extent::Required);
        drive.call(operation, &input).await;
    }
    assert!(left.is_empty(), "not called: {left:?}");
    assert!(drive.problems.is_empty(), "{:#?}", drive.problems);
    assert!(drive.local.journal().iter().all(|entry| entry.code.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_client_token_in_the_query_makes_a_deletion_idempotent() {
    let in_query = |operation: &str| {
        let members = model::Api::agentcore().input(operation).map(model::Shape::members).unwrap_or_default();
        members.iter().any(|member| member.idempotency_token && member.location == model::Location::Query)
    };
    let mut drive = Drive::new(stand_in());
    for kind in KINDS {
        let operation = format!("Create{kind}");
        let input = drive.input(&operation, Extent::Required);
        drive.call(&operation, &input).await;
    }
    let mut deletions = 0;
    for operation in KINDS.iter().rev().map(|kind| format!("Delete{kind}")) {
        if !in_query(&operation) {
            continue;
        }
        let mut input = drive.input(&operation, Extent::Required);
        input.insert("clientToken".into(), json!("a-token-of-at-least-thirty-three-letters"));
        let first = drive.call(&operation, &input).await;
        let second = drive.call(&operation, &input).await;
        assert_eq!(first, second, "{operation}");
        deletions += 1;
    }
    assert_eq!((deletions, drive.problems), (11, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn in_an_empty_account_every_operation_answers_or_refuses_as_it_can() {
    let drive = Drive::new(stand_in());
    let mut strange = Vec::new();
    for (name, operation) in &model::Api::agentcore().operations {
        for extent in [Extent::Required, Extent::Everything] {
            let (status, code, answer) = drive.exchange(name, &super::sample::input(name, extent)).await;
            match code {
                Some(code) if !operation.errors.contains(&code) => strange.push(format!("{name}: {code}")),
                Some(_) => assert!((400..500).contains(&status), "{name}: {status} {answer}"),
                None => assert_eq!(super::sample::problems(name, &answer), Vec::<String>::new(), "{name}"),
            }
        }
    }
    strange.dedup();
    assert_eq!(strange, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_file_keeps_one_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let open = || Localstack::open(&path, Config { seed: 7, ..Config::default() }).unwrap();
    let mut drive = Drive::new(open());
    for kind in KINDS {
        let operation = format!("Create{kind}");
        let input = drive.input(&operation, Extent::Everything);
        drive.call(&operation, &input).await;
    }
    assert_eq!(drive.problems, Vec::<String>::new());
    let kept = drive.local.observe();
    assert!(kept["objects"].as_array().unwrap().len() >= KINDS.len() - 1, "a dataset keeps its versions itself");
    drop(drive);
    let again = open();
    settle().await;
    assert!(again.observe() == kept, "what was kept is not what is read");
}
