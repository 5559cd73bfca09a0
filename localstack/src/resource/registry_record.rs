//! Records of registries, and the way from a draft to an approved one.

use serde_json::{Value, json};

use super::states::{ACTIVE, States};
use super::{Id, PLAIN, Parent, Resource, keep};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::Kind;

/// A record that was changed is a draft again.
pub(super) const RECORD: Resource = Resource {
    kind: Kind::RegistryRecord,
    noun: "RegistryRecord",
    plural: "RegistryRecords",
    what: "Registry record",
    parent: Some(Parent { kind: Kind::Registry, what: "Registry", label: "registryId", arn: "registryArn" }),
    label: "recordId",
    id: ("recordId", Id::Letters(12)),
    arn: Some(("recordArn", "registry/{parent}/record/{id}")),
    states: States { ready: "DRAFT", deleting: None, delete_failed: "", ..ACTIVE },
    defaults: || json!({"descriptors": {}, "recordVersion": "1.0"}),
    on_update: |_, record, _| {
        record.document.shift_remove("triggerSynchronization");
        record.document.entry("descriptors").or_insert_with(|| json!({}));
        Ok(())
    },
    ..PLAIN
};

pub(super) const OPERATIONS: Operations =
    &[("SubmitRegistryRecordForApproval", submit), ("UpdateRegistryRecordStatus", decide)];

/// A draft waits for approval, or has it at once where the registry approves by itself.
fn submit(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let registry = RECORD.parent(session, input)?.and_then(|registry| registry.document.get("approvalConfiguration"));
    let is_automatic = registry.and_then(|approval| approval.get("autoApproval")?.as_bool()) == Some(true);
    let status = if is_automatic { "APPROVED" } else { "PENDING_APPROVAL" };
    become_(session, "SubmitRegistryRecordForApproval", input, status, &["DRAFT", "REJECTED"])
}

fn decide(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let status = text(input, "status");
    let from: &[&str] = match status {
        "APPROVED" | "DRAFT" => &["PENDING_APPROVAL", "REJECTED"],
        "REJECTED" => &["PENDING_APPROVAL", "APPROVED"],
        "DEPRECATED" => &["DRAFT", "PENDING_APPROVAL", "APPROVED", "REJECTED"],
        _ => &[],
    };
    become_(session, "UpdateRegistryRecordStatus", input, status, from)
}

/// Moves a record on, if it is in one of some states.
fn become_(
    session: &mut Session<'_>,
    operation: &str,
    input: &Document,
    status: &str,
    from: &[&str],
) -> Result<Value, Failure> {
    let mut record = RECORD.find(session, input)?.clone();
    if !from.contains(&record.status()) {
        let message =
            format!("Registry record {} is in {} state and cannot become {status}", record.id, record.status());
        return Err(Failure::conflict(message));
    }
    record.document.insert("updatedAt".into(), json!(session.now));
    record.status = Some(status.to_owned());
    record.reasons =
        Some(text(input, "statusReason")).filter(|reason| !reason.is_empty()).map(Into::into).into_iter().collect();
    let answer = RECORD.answer(session, operation, &record);
    keep(session, record);
    Ok(answer)
}
