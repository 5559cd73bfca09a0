//! Agent runtimes and their versions.

use serde_json::{Value, json};

use crate::document::{Document, created, document, replace, text};
use crate::failure::Failure;
use crate::identifier::MIXED;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::{authorizer, tag};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateAgentRuntime", create),
    ("GetAgentRuntime", get),
    ("ListAgentRuntimes", list),
    ("ListAgentRuntimeVersions", list_versions),
    ("UpdateAgentRuntime", update),
    ("DeleteAgentRuntime", delete),
];

/// Where the documents of the versions are kept, by number.
const VERSIONS: &str = "versions";

/// A runtime that is there.
pub(crate) fn find<'a>(session: &'a Session<'_>, id: &str) -> Result<&'a Object, Failure> {
    session.state.find(Kind::Runtime, None, id).ok_or_else(|| Failure::missing("Agent runtime", id))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    check(input)?;
    tag::check_agentcore(input.get("tags"))?;
    let name = text(input, "agentRuntimeName");
    if session.state.all(Kind::Runtime, None).any(|runtime| text(&runtime.document, "agentRuntimeName") == name) {
        return Err(Failure::conflict(format!("An agent with the specified name {name} already exists")));
    }
    let suffix = session.letters(MIXED, 10);
    let id = format!("{name}-{suffix}");
    let arn = session.arn("bedrock-agentcore", &format!("runtime/{id}"));
    let identity =
        session.arn("bedrock-agentcore", &format!("workload-identity-directory/default/workload-identity/{id}"));
    let mut stored = created(session.service.api(), "CreateAgentRuntime", input);
    stored.extend(document(json!({
        "agentRuntimeArn": arn,
        "agentRuntimeId": id,
        "agentRuntimeVersion": "1",
        "createdAt": session.now,
        "lastUpdatedAt": session.now,
        "workloadIdentityDetails": {"workloadIdentityArn": identity},
    })));
    fill_in(&mut stored);
    let mut runtime = session.object(Kind::Runtime, None, &id, stored);
    runtime.arn = Some(arn);
    runtime.tags = tag::of(input, "tags");
    runtime.begin("CREATING", session.ending("READY", "CREATE_FAILED"));
    keep_version(&mut runtime);
    let answer = show(session, &runtime, "CreateAgentRuntimeResponse");
    session.state.add(runtime);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let runtime = find(session, text(input, "agentRuntimeId"))?;
    let version = text(input, "version");
    if version.is_empty() || version == text(&runtime.document, "agentRuntimeVersion") {
        return Ok(show(session, runtime, "GetAgentRuntimeResponse"));
    }
    let Some(Value::Object(kept)) = runtime.hidden.get(VERSIONS).and_then(|versions| versions.get(version)) else {
        return Err(Failure::missing("Agent runtime version", version));
    };
    let mut view = kept.clone();
    view.insert("status".into(), json!("READY"));
    Ok(session.show("GetAgentRuntimeResponse", view, &[]))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let runtimes = session.state.all(Kind::Runtime, None);
    let items: Vec<(u64, Value)> = runtimes
        .map(|runtime| (runtime.serial, list_item(session, runtime.document.clone(), runtime.status())))
        .collect();
    page(session, "ListAgentRuntimes", input, items, 100)
}

fn list_versions(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let runtime = find(session, text(input, "agentRuntimeId"))?;
    let mut items: Vec<(u64, Value)> = versions(runtime)
        .filter_map(|version| {
            let status = text(&version, "status").to_owned();
            let number: u64 = text(&version, "agentRuntimeVersion").parse().ok()?;
            Some((u64::MAX - number, list_item(session, version, &status)))
        })
        .collect();
    // The latest comes first.
    items.reverse();
    page(session, "ListAgentRuntimeVersions", input, items, 100)
}

/// Every version of a runtime with its status.
pub(crate) fn versions(runtime: &Object) -> impl Iterator<Item = Document> {
    let latest = text(&runtime.document, "agentRuntimeVersion");
    let versions = runtime.hidden.get(VERSIONS).and_then(Value::as_object).into_iter().flatten();
    versions.filter_map(move |(number, kept)| {
        let mut version = kept.as_object()?.clone();
        version.insert("status".into(), json!(if number == latest { runtime.status() } else { "READY" }));
        Some(version)
    })
}

/// A listing demands a description: one that is absent is empty there.
fn list_item(session: &Session<'_>, mut view: Document, status: &str) -> Value {
    view.insert("status".into(), json!(status));
    view.entry("description").or_insert_with(|| json!(""));
    session.show("AgentRuntime", view, &[])
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "agentRuntimeId");
    let runtime = find(session, id)?;
    if !matches!(runtime.status(), "READY" | "UPDATE_FAILED") {
        let message = format!("Agent runtime {id} is in {} state and cannot be updated", runtime.status());
        return Err(Failure::conflict(message));
    }
    check(input)?;
    let mut runtime = runtime.clone();
    replace(session.service.api(), "UpdateAgentRuntime", &mut runtime.document, input);
    fill_in(&mut runtime.document);
    let version = text(&runtime.document, "agentRuntimeVersion").parse::<u64>().unwrap_or_default() + 1;
    runtime.document.insert("agentRuntimeVersion".into(), json!(version.to_string()));
    runtime.document.insert("lastUpdatedAt".into(), json!(session.now));
    runtime.begin("UPDATING", session.ending("READY", "UPDATE_FAILED"));
    keep_version(&mut runtime);
    let answer = show(session, &runtime, "UpdateAgentRuntimeResponse");
    if let Some(live) = session.state.find_mut(Kind::Runtime, None, id) {
        *live = runtime;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "agentRuntimeId");
    let runtime = find(session, id)?;
    if matches!(runtime.status(), "CREATING" | "UPDATING" | "DELETING") {
        let message = format!("Agent runtime {id} is in {} state and cannot be deleted", runtime.status());
        return Err(Failure::conflict(message));
    }
    let version = text(input, "version");
    if !version.is_empty() {
        return delete_version(session, id, version);
    }
    let end = session.leaving();
    if let Some(runtime) = session.state.find_mut(Kind::Runtime, None, id) {
        runtime.begin("DELETING", end);
    }
    let runtime = find(session, id)?;
    Ok(show(session, runtime, "DeleteAgentRuntimeResponse"))
}

fn delete_version(session: &mut Session<'_>, id: &str, version: &str) -> Result<Value, Failure> {
    if version == text(&find(session, id)?.document, "agentRuntimeVersion") {
        return Err(Failure::conflict(format!("Version {version} is the one that the endpoint DEFAULT serves")));
    }
    let serves = |endpoint: &&Object| text(&endpoint.document, "targetVersion") == version;
    if let Some(endpoint) = session.state.all(Kind::RuntimeEndpoint, Some(id)).find(serves) {
        return Err(Failure::conflict(format!("Version {version} is served by the endpoint {}", endpoint.id)));
    }
    let runtime = session.state.find_mut(Kind::Runtime, None, id);
    let versions = runtime.and_then(|runtime| runtime.hidden.get_mut(VERSIONS)).and_then(Value::as_object_mut);
    if versions.and_then(|versions| versions.shift_remove(version)).is_none() {
        return Err(Failure::missing("Agent runtime version", version));
    }
    Ok(json!({"status": "DELETING", "agentRuntimeId": id, "agentRuntimeVersion": version}))
}

/// Whether a runtime has a version.
pub(crate) fn has_version(runtime: &Object, version: &str) -> bool {
    runtime.hidden.get(VERSIONS).is_some_and(|versions| versions.get(version).is_some())
}

fn keep_version(runtime: &mut Object) {
    let version = text(&runtime.document, "agentRuntimeVersion").to_owned();
    let versions = runtime.hidden.entry(VERSIONS).or_insert_with(|| json!({}));
    if let Some(versions) = versions.as_object_mut() {
        versions.insert(version, Value::Object(runtime.document.clone()));
    }
}

fn show(session: &Session<'_>, runtime: &Object, shape: &str) -> Value {
    let mut view = runtime.document.clone();
    view.insert("status".into(), json!(runtime.status()));
    if let Some(reason) = runtime.reasons.first() {
        view.insert("failureReason".into(), json!(reason));
    }
    session.show(shape, view, &runtime.planted)
}

/// What holds for a runtime whether it is created or updated.
fn check(input: &Document) -> Result<(), Failure> {
    authorizer::check(input)?;
    let refused = |field: &str, message: &str| Err(Failure::invalid_field(field, message));
    let network = input.get("networkConfiguration");
    let mode = network.and_then(|network| network.get("networkMode")).and_then(Value::as_str);
    let details = network.and_then(|network| network.get("networkModeConfig"));
    if details.is_some_and(|details| details.get("requireServiceS3Endpoint").is_some()) {
        let field = "networkConfiguration.networkModeConfig.requireServiceS3Endpoint";
        return refused(field, "requireServiceS3Endpoint must not be given");
    }
    match (mode, details.is_some()) {
        (Some("VPC"), false) => {
            return refused("networkConfiguration", "The network mode VPC needs a networkModeConfig");
        }
        (Some("PUBLIC"), true) => {
            return refused("networkConfiguration", "The network mode PUBLIC takes no networkModeConfig");
        }
        _ => {}
    }
    let metadata = input.get("metadataConfiguration").and_then(|metadata| metadata.get("requireMMDSV2"));
    if metadata == Some(&json!(false)) {
        return refused("metadataConfiguration.requireMMDSV2", "requireMMDSV2 cannot be switched off");
    }
    Ok(())
}

/// What the service fills in by itself.
fn fill_in(runtime: &mut Document) {
    authorizer::drop_write_only(runtime);
    let lifecycle = runtime.entry("lifecycleConfiguration").or_insert_with(|| json!({}));
    if let Some(lifecycle) = lifecycle.as_object_mut() {
        lifecycle.entry("idleRuntimeSessionTimeout").or_insert_with(|| json!(900));
        lifecycle.entry("maxLifetime").or_insert_with(|| json!(28_800));
    }
    runtime.entry("networkConfiguration").or_insert_with(|| json!({"networkMode": "PUBLIC"}));
    runtime.entry("metadataConfiguration").or_insert_with(|| json!({"requireMMDSV2": true}));
    if runtime.get("environmentVariables").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
        runtime.shift_remove("environmentVariables");
    }
}
