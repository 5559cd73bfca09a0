//! Items as people see them: the steps of a plan.

use serde_json::Value;

use super::item::{Item, applied_document};
use super::make::forces_replacement;
use super::{Action, MemberChange, Step};
use crate::diff::Difference;
use crate::kind::Kind;
use crate::{ownership, reference};

/// An item as a step of the plan.
pub(super) fn step(item: &Item) -> Step {
    Step {
        address: item.address.to_string(),
        kind: item.kind.name.to_owned(),
        action: item.action,
        id: item.live.as_ref().map(|live| live.ids.id.clone()),
        reason: item.reason.clone(),
        origin: item.origin,
        changes: super::secret::concealed(item, changes(item)),
        blocked: item.blocked.clone(),
        wanted: item.resource.as_ref().map(|resource| {
            let document = applied_document(item.kind, Some(resource), &resource.document, &item.tags);
            ownership::applied_digest(item.kind, &document)
        }),
    }
}

/// A difference, before its secrets are concealed.
pub(super) fn change(kind: &Kind, difference: &Difference) -> MemberChange {
    let forces = forces_replacement(kind, difference);
    shown(&difference.path, difference.before.clone(), difference.after.clone(), forces)
}

fn shown(path: &str, before: Option<Value>, after: Option<Value>, forces: bool) -> MemberChange {
    let after_unknown = after.as_ref().is_some_and(reference::holds_unknown);
    MemberChange {
        path: path.to_owned(),
        before,
        after: after.map(|after| in_source_form(&after)),
        after_unknown,
        sensitive: false,
        forces_replacement: forces,
    }
}

/// The changes of an item as people see them; of a new object every member it is given.
fn changes(item: &Item) -> Vec<MemberChange> {
    if item.action == Action::Create {
        let members = item.desired.as_object().into_iter().flatten();
        return members
            .filter(|(member, _)| Some(member.as_str()) != item.kind.tags_member)
            .map(|(member, value)| shown(member, None, Some(value.clone()), false))
            .collect();
    }
    item.differences.iter().map(|difference| change(item.kind, difference)).collect()
}

/// A value with its references written as the manifest writes them.
fn in_source_form(value: &Value) -> Value {
    match value {
        Value::String(text) if reference::is_unknown(text) => Value::String(reference::display(text)),
        Value::Array(items) => items.iter().map(in_source_form).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), in_source_form(value))).collect(),
        other => other.clone(),
    }
}
