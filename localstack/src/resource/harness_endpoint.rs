//! Endpoints of harnesses, each of which serves a version.

use serde_json::json;

use super::harness::versions;
use super::states::READY;
use super::{Id, PLAIN, Parent, Resource};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const ENDPOINT: Resource = Resource {
    kind: Kind::HarnessEndpoint,
    noun: "HarnessEndpoint",
    plural: "HarnessEndpoints",
    what: "Harness endpoint",
    parent: Some(Parent { kind: Kind::Harness, what: "Harness", label: "harnessId", arn: "harnessArn" }),
    label: "endpointName",
    id: ("endpointName", Id::Own("endpointName")),
    arn: Some(("arn", "harness/{parent}/harness-endpoint/{id}")),
    states: READY,
    wrapper: Some("endpoint"),
    on_create: aim,
    on_update: aim,
    // It serves what it shall serve as soon as it is ready.
    on_show: |_, endpoint, view| {
        if endpoint.status() == "READY" {
            view.insert("liveVersion".into(), json!(text(&endpoint.document, "targetVersion")));
        }
    },
    ..PLAIN
};

/// Its version must be there; the latest, if none was ever asked for.
fn aim(session: &mut Session<'_>, endpoint: &mut Object, input: &Document) -> Result<(), Failure> {
    let Some(harness) = ENDPOINT.parent(session, input)? else { return Ok(()) };
    if let Some(live) = session.state.find(endpoint.kind, endpoint.parent.as_deref(), &endpoint.id) {
        endpoint.document.insert("liveVersion".into(), json!(text(&live.document, "targetVersion")));
    }
    endpoint.document.insert("harnessName".into(), json!(text(&harness.document, "harnessName")));
    let latest = text(&harness.document, "harnessVersion");
    let target = endpoint.document.entry("targetVersion").or_insert_with(|| json!(latest));
    if versions(harness).any(|version| version.get("harnessVersion") == Some(target)) {
        return Ok(());
    }
    Err(Failure::missing("Harness version", target.as_str().unwrap_or_default()))
}
