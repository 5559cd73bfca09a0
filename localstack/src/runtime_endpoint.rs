//! Endpoints of agent runtimes: the `DEFAULT` that each has and that follows its latest version, and those that are created.

use serde_json::{Value, json};

use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::identifier::MIXED;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::{runtime, tag};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateAgentRuntimeEndpoint", create),
    ("GetAgentRuntimeEndpoint", get),
    ("ListAgentRuntimeEndpoints", list),
    ("UpdateAgentRuntimeEndpoint", update),
    ("DeleteAgentRuntimeEndpoint", delete),
];

const DEFAULT: &str = "DEFAULT";

/// How many endpoints a runtime may have.
const MOST: usize = 10;

fn find<'a>(session: &'a Session<'_>, runtime: &str, name: &str) -> Result<&'a Object, Failure> {
    let endpoint = session.state.find(Kind::RuntimeEndpoint, Some(runtime), name);
    endpoint.ok_or_else(|| Failure::missing("Agent runtime endpoint", name))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (runtime_id, name) = (text(input, "agentRuntimeId"), text(input, "name"));
    let runtime = runtime::find(session, runtime_id)?;
    tag::check_agentcore(input.get("tags"))?;
    if runtime.status() != "READY" {
        let message = format!("Agent runtime {runtime_id} is in {} state, it must be READY", runtime.status());
        return Err(Failure::conflict(message));
    }
    if name == DEFAULT || session.state.find(Kind::RuntimeEndpoint, Some(runtime_id), name).is_some() {
        return Err(Failure::conflict(format!("An endpoint with name {name} already exists")));
    }
    if session.state.all(Kind::RuntimeEndpoint, Some(runtime_id)).count() >= MOST {
        return Err(Failure::quota(format!("An agent runtime can have at most {MOST} endpoints")));
    }
    let version = version(runtime, input)?;
    let runtime_arn = runtime.arn.clone().unwrap_or_default();
    let arn = format!("{runtime_arn}/runtime-endpoint/{name}");
    let mut stored = document(json!({
        "name": name,
        "id": format!("{name}-{}", session.letters(MIXED, 10)),
        "targetVersion": version,
        "agentRuntimeArn": runtime_arn,
        "agentRuntimeEndpointArn": arn,
        "createdAt": session.now,
        "lastUpdatedAt": session.now,
    }));
    stored.extend(input.get("description").map(|description| ("description".to_owned(), description.clone())));
    let mut endpoint = session.object(Kind::RuntimeEndpoint, Some(runtime_id), name, stored);
    endpoint.arn = Some(arn);
    endpoint.tags = tag::of(input, "tags");
    endpoint.begin("CREATING", session.ending("READY", "CREATE_FAILED"));
    let answer = show(session, &endpoint, "CreateAgentRuntimeEndpointResponse");
    session.state.add(endpoint);
    Ok(answer)
}

/// The version that an endpoint shall serve: the latest, if none is asked for.
fn version(runtime: &Object, input: &Document) -> Result<String, Failure> {
    match text(input, "agentRuntimeVersion") {
        "" => Ok(text(&runtime.document, "agentRuntimeVersion").to_owned()),
        version if runtime::has_version(runtime, version) => Ok(version.to_owned()),
        version => Err(Failure::missing("Agent runtime version", version)),
    }
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let runtime = runtime::find(session, text(input, "agentRuntimeId"))?;
    let name = text(input, "endpointName");
    if name == DEFAULT {
        return Ok(session.show("GetAgentRuntimeEndpointResponse", default_endpoint(runtime), &[]));
    }
    let endpoint = find(session, &runtime.id, name)?;
    Ok(show(session, endpoint, "GetAgentRuntimeEndpointResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    // The model does not let it say that there is no such runtime.
    let Ok(runtime) = runtime::find(session, text(input, "agentRuntimeId")) else {
        return page(session, "ListAgentRuntimeEndpoints", input, [], 100);
    };
    let shape = "AgentRuntimeEndpoint";
    let first = (runtime.serial, session.show(shape, default_endpoint(runtime), &[]));
    let endpoints = session.state.all(Kind::RuntimeEndpoint, Some(&runtime.id));
    let others = endpoints.map(|endpoint| (endpoint.serial, show(session, endpoint, shape)));
    let items: Vec<(u64, Value)> = std::iter::once(first).chain(others).collect();
    page(session, "ListAgentRuntimeEndpoints", input, items, 100)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (runtime_id, name) = (text(input, "agentRuntimeId"), text(input, "endpointName"));
    let runtime = runtime::find(session, runtime_id)?;
    check_own(name)?;
    let mut endpoint = find(session, runtime_id, name)?.clone();
    if !matches!(endpoint.status(), "READY" | "UPDATE_FAILED") {
        let message = format!("Endpoint {name} is in {} state and cannot be updated", endpoint.status());
        return Err(Failure::conflict(message));
    }
    let version = version(runtime, input)?;
    if let Some(live) = endpoint.document.get("targetVersion").cloned() {
        endpoint.document.insert("liveVersion".into(), live);
    }
    endpoint.document.insert("targetVersion".into(), json!(version));
    endpoint.document.insert("lastUpdatedAt".into(), json!(session.now));
    match input.get("description") {
        Some(description) => endpoint.document.insert("description".into(), description.clone()),
        None => endpoint.document.shift_remove("description"),
    };
    endpoint.begin("UPDATING", session.ending("READY", "UPDATE_FAILED"));
    let answer = show(session, &endpoint, "UpdateAgentRuntimeEndpointResponse");
    if let Some(live) = session.state.find_mut(Kind::RuntimeEndpoint, Some(runtime_id), name) {
        *live = endpoint;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (runtime_id, name) = (text(input, "agentRuntimeId"), text(input, "endpointName"));
    runtime::find(session, runtime_id)?;
    check_own(name)?;
    let endpoint = find(session, runtime_id, name)?;
    if matches!(endpoint.status(), "CREATING" | "UPDATING" | "DELETING") {
        let message = format!("Endpoint {name} is in {} state and cannot be deleted", endpoint.status());
        return Err(Failure::conflict(message));
    }
    let end = session.leaving();
    if let Some(endpoint) = session.state.find_mut(Kind::RuntimeEndpoint, Some(runtime_id), name) {
        endpoint.begin("DELETING", end);
    }
    Ok(json!({"status": "DELETING", "agentRuntimeId": runtime_id, "endpointName": name}))
}

/// `DEFAULT` is the service's.
fn check_own(name: &str) -> Result<(), Failure> {
    if name == DEFAULT {
        return Err(Failure::conflict("The endpoint DEFAULT can be neither updated nor deleted"));
    }
    Ok(())
}

fn show(session: &Session<'_>, endpoint: &Object, shape: &str) -> Value {
    let mut view = endpoint.document.clone();
    view.insert("status".into(), json!(endpoint.status()));
    view.insert("endpointName".into(), json!(endpoint.id));
    view.insert("agentRuntimeId".into(), json!(endpoint.parent));
    if let Some(reason) = endpoint.reasons.first() {
        view.insert("failureReason".into(), json!(reason));
    }
    if endpoint.status() == "READY"
        && let Some(version) = view.get("targetVersion").cloned()
    {
        view.insert("liveVersion".into(), version);
    }
    session.show(shape, view, &endpoint.planted)
}

fn default_endpoint(runtime: &Object) -> Document {
    let member = |name: &str| runtime.document.get(name).cloned().unwrap_or_default();
    let arn = runtime.arn.clone().unwrap_or_default();
    let suffix = runtime.id.rsplit('-').next().unwrap_or_default();
    document(json!({
        "name": DEFAULT,
        "id": format!("{DEFAULT}-{suffix}"),
        "liveVersion": member("agentRuntimeVersion"),
        "targetVersion": member("agentRuntimeVersion"),
        "agentRuntimeArn": arn,
        "agentRuntimeEndpointArn": format!("{arn}/runtime-endpoint/{DEFAULT}"),
        "status": runtime.status(),
        "createdAt": member("createdAt"),
        "lastUpdatedAt": member("lastUpdatedAt"),
    }))
}
