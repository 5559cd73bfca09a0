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
