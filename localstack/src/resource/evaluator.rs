//! Evaluators: those of the account, and those that are there for everybody.

use serde_json::json;

use super::states::{ACTIVE, States};
use super::{Id, PLAIN, Resource};
use crate::document::{Document, document};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const EVALUATOR: Resource = Resource {
    kind: Kind::Evaluator,
    noun: "Evaluator",
    plural: "Evaluators",
    what: "Evaluator",
    label: "evaluatorId",
    id: ("evaluatorId", Id::Named("evaluatorName")),
    arn: Some(("evaluatorArn", "evaluator/{id}")),
    states: States { delete_failed: "ACTIVE", ..ACTIVE },
    unique: &["evaluatorName"],
    defaults: || json!({"provider": "Custom"}),
    on_create: |_, evaluator, _| {
        classify(evaluator);
        Ok(())
    },
    on_update: |session, evaluator, _| {
        refuse_while_used(session, evaluator)?;
        classify(evaluator);
        Ok(())
    },
    on_delete: refuse_while_used,
    on_show: |session, evaluator, view| {
        view.insert("lockedForModification".into(), json!(is_used(session, evaluator)));
    },
    built_in,
    ..PLAIN
};

/// What everybody has, by its level.
const BUILT_IN: [(&str, &str); 13] = [
    ("Builtin.Coherence", "TRACE"),
    ("Builtin.Conciseness", "TRACE"),
    ("Builtin.Correctness", "TRACE"),
    ("Builtin.Faithfulness", "TRACE"),
    ("Builtin.GoalSuccessRate", "SESSION"),
    ("Builtin.Harmfulness", "TRACE"),
    ("Builtin.Helpfulness", "TRACE"),
    ("Builtin.InstructionFollowing", "TRACE"),
    ("Builtin.Refusal", "TRACE"),
    ("Builtin.ResponseRelevance", "TRACE"),
    ("Builtin.Stereotyping", "TRACE"),
    ("Builtin.ToolParameterAccuracy", "TOOL_CALL"),
    ("Builtin.ToolSelectionAccuracy", "TOOL_CALL"),
];

fn built_in(session: &Session<'_>) -> Vec<(String, Document)> {
    let view = |id: &str, level: &str| {
        document(json!({
            "evaluatorArn": format!("arn:{}:bedrock-agentcore:::evaluator/{id}", session.partition()),
            "evaluatorId": id,
            "evaluatorName": id,
            "evaluatorType": "Builtin",
            "provider": "AWS",
            "level": level,
            "status": "ACTIVE",
            "lockedForModification": true,
            "createdAt": super::BUILT_IN_SINCE,
            "updatedAt": super::BUILT_IN_SINCE,
            "evaluatorConfig": {"llmAsAJudge": {
                "instructions": format!("Judges {}: {{context}}", id.trim_start_matches("Builtin.")),
                "ratingScale": {"numerical": [
                    {"definition": "Not at all", "value": 0.0, "label": "No"},
                    {"definition": "Entirely", "value": 1.0, "label": "Yes"},
                ]},
                "modelConfig": {"bedrockEvaluatorModelConfig": {"modelId": "anthropic.claude-sonnet-4-20250514-v1:0"}},
            }},
        }))
    };
    BUILT_IN.iter().map(|(id, level)| ((*id).to_owned(), view(id, level))).collect()
}

fn classify(evaluator: &mut Object) {
    let has = |arm: &str| evaluator.document.get("evaluatorConfig").is_some_and(|config| config.get(arm).is_some());
    let kind = match () {
        () if has("codeBased") => "CustomCode",
        () if has("derived") => "CustomDerived",
        () => "Custom",
    };
    evaluator.document.insert("evaluatorType".into(), json!(kind));
}

/// An online evaluation that runs uses it.
fn is_used(session: &Session<'_>, evaluator: &Object) -> bool {
    let mut configs = session.state.all(Kind::OnlineEvaluationConfig, None);
    configs.any(|config| {
        let evaluators = config.document.get("evaluators").and_then(|evaluators| evaluators.as_array());
        let names_it = |reference: &serde_json::Value| reference.get("evaluatorId") == Some(&json!(evaluator.id));
        config.document.get("executionStatus") == Some(&json!("ENABLED"))
            && evaluators.is_some_and(|evaluators| evaluators.iter().any(names_it))
    })
}

fn refuse_while_used(session: &Session<'_>, evaluator: &Object) -> Result<(), Failure> {
    if is_used(session, evaluator) {
        let message = format!("Evaluator {} is used by an online evaluation that is enabled", evaluator.id);
        return Err(Failure::conflict(message));
    }
    Ok(())
}
