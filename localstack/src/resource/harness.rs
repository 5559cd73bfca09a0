//! Harnesses and their versions: each update makes a new one.

use serde_json::{Value, json};

use super::states::READY;
use super::{Id, PLAIN, Resource};
use crate::authorizer;
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::identifier::MIXED;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const HARNESS: Resource = Resource {
    kind: Kind::Harness,
    noun: "Harness",
    plural: "Harnesses",
    what: "Harness",
    label: "harnessId",
    id: ("harnessId", Id::Named("harnessName")),
    arn: Some(("arn", "harness/{id}")),
    states: READY,
    wrapper: Some("harness"),
    unique: &["harnessName"],
    children: &[Kind::HarnessEndpoint],
    defaults: || {
        json!({
            "harnessVersion": "0",
            "model": {"bedrockModelConfig": {"modelId": "global.anthropic.claude-sonnet-4-5-20250929-v1:0"}},
            "systemPrompt": [],
            "tools": [],
            "skills": [],
            "allowedTools": ["*"],
            "truncation": {"strategy": "sliding_window", "config": {"slidingWindow": {"messagesCount": 150}}},
        })
    },
    on_create: complete,
    on_update: complete,
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[("GetHarness", get), ("ListHarnessVersions", list_versions)];

/// Where the documents of the versions are kept, by number.
const VERSIONS: &str = "versions";

/// The environment shows the runtime that the service runs it on, and the whole is a new version.
fn complete(session: &mut Session<'_>, harness: &mut Object, _: &Document) -> Result<(), Failure> {
    authorizer::check(&harness.document)?;
    authorizer::drop_write_only(&mut harness.document);
    let name = format!("harness_{}", text(&harness.document, "harnessName"));
    let runtime = match harness.hidden.get("runtime").and_then(Value::as_str) {
        Some(runtime) => runtime.to_owned(),
        None => format!("{name}-{}", session.letters(MIXED, 10)),
    };
    harness.hidden.insert("runtime".into(), json!(runtime));
    let asked = harness.document.get("environment").and_then(|environment| environment.get(ENVIRONMENT)).cloned();
    let mut environment = document(json!({
        "lifecycleConfiguration": {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28800},
        "networkConfiguration": {"networkMode": "PUBLIC"},
    }));
    environment.extend(asked.map(document).unwrap_or_default());
    environment.extend(document(json!({
        "agentRuntimeArn": session.arn("bedrock-agentcore", &format!("runtime/{runtime}")),
        "agentRuntimeName": name,
        "agentRuntimeId": runtime,
    })));
    harness.document.insert("environment".into(), json!({ENVIRONMENT: environment}));
    let version = text(&harness.document, "harnessVersion").parse::<u64>().unwrap_or_default() + 1;
    harness.document.insert("harnessVersion".into(), json!(version.to_string()));
    let kept = Value::Object(harness.document.clone());
    if let Value::Object(versions) = harness.hidden.entry(VERSIONS).or_insert_with(|| json!({})) {
        versions.insert(version.to_string(), kept);
    }
    Ok(())
}

const ENVIRONMENT: &str = "agentCoreRuntimeEnvironment";

/// Every version of a harness with its status.
pub(super) fn versions(harness: &Object) -> impl Iterator<Item = Document> {
    let latest = text(&harness.document, "harnessVersion");
    let versions = harness.hidden.get(VERSIONS).and_then(Value::as_object).into_iter().flatten();
    versions.filter_map(move |(number, kept)| {
        let mut version = kept.as_object()?.clone();
        version.insert("status".into(), json!(if number == latest { harness.status() } else { "READY" }));
        Some(version)
    })
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let harness = HARNESS.find(session, input)?;
    let asked = text(input, "harnessVersion");
    if asked.is_empty() || asked == text(&harness.document, "harnessVersion") {
        return HARNESS.get(session, "GetHarness", input);
    }
    let version = versions(harness).find(|version| text(version, "harnessVersion") == asked);
    let version = version.ok_or_else(|| Failure::missing("Harness version", asked))?;
    Ok(HARNESS.wrapped(session, "GetHarnessResponse", version, &[]))
}

fn list_versions(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let harness = HARNESS.find(session, input)?;
    let items = (1..).zip(versions(harness));
    let items = items.map(|(place, version)| (place, session.show("HarnessVersionSummary", version, &[])));
    page(session, "ListHarnessVersions", input, items, 100)
}
