//! Policies.

use serde_json::{Value, json};

use crate::document::{Document, created, document, patch, text};
use crate::failure::Failure;
use crate::identifier::SMALL;
use crate::page::page;
use crate::policy_engine;
use crate::policy_text::{self, Statement};
use crate::resource::policy_generation;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object, Settle};

pub(crate) const OPERATIONS: Operations = &[
    ("CreatePolicy", create),
    ("GetPolicy", get),
    ("GetPolicySummary", get_summary),
    ("ListPolicies", list),
    ("ListPolicySummaries", list_summaries),
    ("UpdatePolicy", update),
    ("DeletePolicy", delete),
];

fn find<'a>(session: &'a Session<'_>, engine: &str, id: &str) -> Result<&'a Object, Failure> {
    session.state.find(Kind::Policy, Some(engine), id).ok_or_else(|| Failure::missing("Policy", id))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let input = &policy_generation::written_out(session, input)?;
    let engine_id = text(input, "policyEngineId");
    let engine = policy_engine::find(session, engine_id)?;
    check_engine(engine)?;
    let name = text(input, "name");
    if session.state.all(Kind::Policy, None).any(|policy| text(&policy.document, "name") == name) {
        return Err(Failure::conflict(format!("A policy with name {name} already exists")));
    }
    let statement = policy_text::read(input.get("definition"))?;
    check_temporal(session, engine_id, "", &statement)?;
    let end = judge(session, engine, &statement, input, "CREATE_FAILED");
    let suffix = session.letters(SMALL, 10);
    let id = format!("{name}-{suffix}");
    let arn = session.arn("bedrock-agentcore", &format!("policy-engine/{engine_id}/policy/{id}"));
    let mut stored = created(session.service.api(), "CreatePolicy", input);
    // It is the call's, not the policy's.
    stored.shift_remove("validationMode");
    stored.entry("enforcementMode").or_insert_with(|| json!("ACTIVE"));
    stored.extend(document(json!({
        "policyId": id, "policyEngineId": engine_id, "policyArn": arn, "createdAt": session.now, "updatedAt": session.now,
    })));
    let mut policy = session.object(Kind::Policy, Some(engine_id), &id, stored);
    policy.begin("CREATING", end);
    let answer = show(session, &policy, "CreatePolicyResponse");
    session.state.add(policy);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let policy = find(session, text(input, "policyEngineId"), text(input, "policyId"))?;
    Ok(show(session, policy, "GetPolicyResponse"))
}

fn get_summary(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let policy = find(session, text(input, "policyEngineId"), text(input, "policyId"))?;
    Ok(show(session, policy, "GetPolicySummaryResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    list_as(session, input, "ListPolicies", "Policy")
}

fn list_summaries(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    list_as(session, input, "ListPolicySummaries", "PolicySummary")
}

fn list_as(session: &Session<'_>, input: &Document, operation: &str, shape: &str) -> Result<Value, Failure> {
    let engine_id = text(input, "policyEngineId");
    policy_engine::find(session, engine_id)?;
    let scope = text(input, "targetResourceScope");
    let policies = session.state.all(Kind::Policy, Some(engine_id));
    let listed = policies.filter(|policy| scope.is_empty() || policy_text::names(&policy.document, scope));
    let items: Vec<(u64, Value)> = listed.map(|policy| (policy.serial, show(session, policy, shape))).collect();
    page(session, operation, input, items, 10)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let input = &policy_generation::written_out(session, input)?;
    let (engine_id, id) = (text(input, "policyEngineId"), text(input, "policyId"));
    let engine = policy_engine::find(session, engine_id)?;
    check_engine(engine)?;
    let policy = find(session, engine_id, id)?;
    if !matches!(policy.status(), "ACTIVE" | "UPDATE_FAILED") {
        return Err(Failure::conflict(format!("Policy {id} is in {} state and cannot be updated", policy.status())));
    }
    let mut policy = policy.clone();
    for member in ["definition", "enforcementMode"] {
        if let Some(value) = input.get(member) {
            policy.document.insert(member.into(), value.clone());
        }
    }
    patch(&mut policy.document, input, "description");
    let statement = policy_text::read(policy.document.get("definition"))?;
    check_temporal(session, engine_id, id, &statement)?;
    let end = judge(session, engine, &statement, input, "UPDATE_FAILED");
    policy.document.insert("updatedAt".into(), json!(session.now));
    policy.begin("UPDATING", end);
    let answer = show(session, &policy, "UpdatePolicyResponse");
    if let Some(live) = session.state.find_mut(Kind::Policy, Some(engine_id), id) {
        *live = policy;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (engine_id, id) = (text(input, "policyEngineId"), text(input, "policyId"));
    let policy = find(session, engine_id, id)?;
    if matches!(policy.status(), "CREATING" | "UPDATING" | "DELETING") {
        return Err(Failure::conflict(format!("Policy {id} is in {} state and cannot be deleted", policy.status())));
    }
    let end = session.leaving();
    if let Some(policy) = session.state.find_mut(Kind::Policy, Some(engine_id), id) {
        policy.begin("DELETING", end);
    }
    let policy = find(session, engine_id, id)?;
    Ok(show(session, policy, "DeletePolicyResponse"))
}

fn check_engine(engine: &Object) -> Result<(), Failure> {
    if engine.status() == "ACTIVE" {
        return Ok(());
    }
    let message = format!("Policy engine {} is in {} state, it must be ACTIVE", engine.id, engine.status());
    Err(Failure::conflict(message))
}

/// An engine holds so many policies that look at what happened before.
const TEMPORAL: usize = 20;

/// There is room in the engine for one more policy that looks at what happened before. `id` is the policy's own.
fn check_temporal(session: &Session<'_>, engine: &str, id: &str, statement: &Statement) -> Result<(), Failure> {
    let others = session.state.all(Kind::Policy, Some(engine)).filter(|policy| policy.id != id);
    if statement.split.temporal && others.filter(|policy| policy_text::is_temporal(policy)).count() >= TEMPORAL {
        return Err(Failure::quota(format!(
            "Policy engine {engine} has {TEMPORAL} temporal policies, and no more are allowed"
        )));
    }
    Ok(())
}

/// How a policy that is created or changed now will end. Decided at once: whoever did not wait for the targets is refused.
fn judge(session: &Session<'_>, engine: &Object, statement: &Statement, input: &Document, badly: &str) -> Settle {
    let findings = text(input, "validationMode") != "IGNORE_ALL_FINDINGS";
    match policy_text::problem(session, engine, statement, findings) {
        Some(reason) if session.unsuccessful.is_none() => Settle::failing(session.due(), badly, &reason),
        _ => session.ending("ACTIVE", badly),
    }
}

fn show(session: &Session<'_>, policy: &Object, shape: &str) -> Value {
    let mut view = policy.document.clone();
    view.insert("status".into(), json!(policy.status()));
    view.insert("statusReasons".into(), json!(policy.reasons));
    session.show(shape, view, &policy.planted)
}
