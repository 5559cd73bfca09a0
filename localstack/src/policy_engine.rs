//! Policy engines.

use serde_json::{Value, json};

use crate::document::{Document, created, document, patch, text};
use crate::failure::Failure;
use crate::identifier::SMALL;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::{gateway, tag};

pub(crate) const OPERATIONS: Operations = &[
    ("CreatePolicyEngine", create),
    ("GetPolicyEngine", get),
    ("GetPolicyEngineSummary", get_summary),
    ("ListPolicyEngines", list),
    ("ListPolicyEngineSummaries", list_summaries),
    ("UpdatePolicyEngine", update),
    ("DeletePolicyEngine", delete),
];

/// An engine that is there.
pub(crate) fn find<'a>(session: &'a Session<'_>, id: &str) -> Result<&'a Object, Failure> {
    session.state.find(Kind::PolicyEngine, None, id).ok_or_else(|| Failure::missing("Policy engine", id))
}

/// The gateways that an engine is attached to.
pub(crate) fn attached_gateways<'a>(session: &'a Session<'_>, engine: &'a Object) -> impl Iterator<Item = &'a Object> {
    let gateways = session.state.all(Kind::Gateway, None);
    gateways.filter(|gateway| engine.arn.is_some() && gateway::engine_arn(gateway) == engine.arn.as_deref())
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    tag::check_agentcore(input.get("tags"))?;
    let name = text(input, "name");
    if session.state.all(Kind::PolicyEngine, None).any(|engine| text(&engine.document, "name") == name) {
        return Err(Failure::conflict(format!("A policy engine with name {name} already exists")));
    }
    let suffix = session.letters(SMALL, 10);
    let id = format!("{name}-{suffix}");
    let arn = session.arn("bedrock-agentcore", &format!("policy-engine/{id}"));
    let mut stored = created(session.service.api(), "CreatePolicyEngine", input);
    stored.extend(document(json!({
        "policyEngineId": id, "policyEngineArn": arn, "createdAt": session.now, "updatedAt": session.now,
    })));
    let mut engine = session.object(Kind::PolicyEngine, None, &id, stored);
    engine.arn = Some(arn);
    engine.tags = tag::of(input, "tags");
    engine.begin("CREATING", session.ending("ACTIVE", "CREATE_FAILED"));
    let answer = show(session, &engine, "CreatePolicyEngineResponse");
    session.state.add(engine);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let engine = find(session, text(input, "policyEngineId"))?;
    Ok(show(session, engine, "GetPolicyEngineResponse"))
}

fn get_summary(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let engine = find(session, text(input, "policyEngineId"))?;
    Ok(show(session, engine, "GetPolicyEngineSummaryResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    list_as(session, input, "ListPolicyEngines", "PolicyEngine")
}

fn list_summaries(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    list_as(session, input, "ListPolicyEngineSummaries", "PolicyEngineSummary")
}

fn list_as(session: &Session<'_>, input: &Document, operation: &str, shape: &str) -> Result<Value, Failure> {
    let engines = session.state.all(Kind::PolicyEngine, None);
    let items: Vec<(u64, Value)> = engines.map(|engine| (engine.serial, show(session, engine, shape))).collect();
    page(session, operation, input, items, 10)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "policyEngineId");
    let engine = find(session, id)?;
    if !matches!(engine.status(), "ACTIVE" | "UPDATE_FAILED") {
        let message = format!("Policy engine {id} is in {} state and cannot be updated", engine.status());
        return Err(Failure::conflict(message));
    }
    let (end, now) = (session.ending("ACTIVE", "UPDATE_FAILED"), session.now);
    if let Some(engine) = session.state.find_mut(Kind::PolicyEngine, None, id) {
        patch(&mut engine.document, input, "description");
        engine.document.insert("updatedAt".into(), json!(now));
        engine.begin("UPDATING", end);
    }
    let engine = find(session, id)?;
    Ok(show(session, engine, "UpdatePolicyEngineResponse"))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "policyEngineId");
    let engine = find(session, id)?;
    if matches!(engine.status(), "CREATING" | "UPDATING" | "DELETING") {
        let message = format!("Policy engine {id} is in {} state and cannot be deleted", engine.status());
        return Err(Failure::conflict(message));
    }
    if let Some(gateway) = attached_gateways(session, engine).next() {
        let message = format!("Policy engine {id} is attached to gateway {} and cannot be deleted", gateway.id);
        return Err(Failure::conflict(message));
    }
    if session.state.all(Kind::Policy, Some(id)).next().is_some() {
        return Err(Failure::conflict(format!("Policy engine {id} still has policies and cannot be deleted")));
    }
    let end = session.leaving();
    if let Some(engine) = session.state.find_mut(Kind::PolicyEngine, None, id) {
        engine.begin("DELETING", end);
    }
    let engine = find(session, id)?;
    Ok(show(session, engine, "DeletePolicyEngineResponse"))
}

fn show(session: &Session<'_>, engine: &Object, shape: &str) -> Value {
    let mut view = engine.document.clone();
    view.insert("status".into(), json!(engine.status()));
    view.insert("statusReasons".into(), json!(engine.reasons));
    session.show(shape, view, &engine.planted)
}
