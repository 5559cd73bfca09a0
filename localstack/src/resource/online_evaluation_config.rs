//! Configurations of online evaluations.

use serde_json::{Value, json};

use super::evaluator::EVALUATOR;
use super::states::{ACTIVE, States};
use super::{Id, PLAIN, Resource};
use crate::document::{Document, document};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const CONFIG: Resource = Resource {
    kind: Kind::OnlineEvaluationConfig,
    noun: "OnlineEvaluationConfig",
    plural: "OnlineEvaluationConfigs",
    what: "Online evaluation config",
    label: "onlineEvaluationConfigId",
    id: ("onlineEvaluationConfigId", Id::Named("onlineEvaluationConfigName")),
    arn: Some(("onlineEvaluationConfigArn", "online-evaluation-config/{id}")),
    states: States { delete_failed: "ERROR", ..ACTIVE },
    unique: &["onlineEvaluationConfigName"],
    on_create: enable,
    on_update: |session, config, _| check_evaluators(session, config),
    ..PLAIN
};

/// `enableOnCreate` is the request's: what stays is whether it runs.
fn enable(session: &mut Session<'_>, config: &mut Object, _: &Document) -> Result<(), Failure> {
    let enabled = config.document.shift_remove("enableOnCreate") == Some(json!(true));
    let status = if enabled { "ENABLED" } else { "DISABLED" };
    config.document.insert("executionStatus".into(), json!(status));
    let group = format!("/aws/bedrock-agentcore/evaluations/results/{}", config.id);
    config.document.entry("outputConfig").or_insert_with(|| json!({"cloudWatchConfig": {"logGroupName": group}}));
    check_evaluators(session, config)
}

fn check_evaluators(session: &Session<'_>, config: &Object) -> Result<(), Failure> {
    let evaluators = config.document.get("evaluators").and_then(Value::as_array);
    for reference in evaluators.into_iter().flatten() {
        let id = reference.get("evaluatorId").and_then(Value::as_str).unwrap_or_default();
        // What third parties offer is not known here.
        let known = id.starts_with("ThirdParty.")
            || (EVALUATOR.built_in)(session).iter().any(|(built_in, _)| built_in == id)
            || EVALUATOR.find(session, &document(json!({"evaluatorId": id}))).is_ok();
        if !known {
            return Err(Failure::invalid_field("evaluators", format!("The evaluator {id} does not exist")));
        }
    }
    Ok(())
}
