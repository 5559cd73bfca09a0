//! Memories.

use serde_json::{Value, json};

use super::memory_strategy;
use super::states::{ACTIVE, States};
use super::{Id, PLAIN, Resource};
use crate::document::Document;
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const MEMORY: Resource = Resource {
    kind: Kind::Memory,
    noun: "Memory",
    plural: "Memories",
    what: "Memory",
    label: "memoryId",
    id: ("id", Id::Named("name")),
    arn: Some(("arn", "memory/{id}")),
    states: States { create_failed: "FAILED", update_failed: "FAILED", delete_failed: "FAILED", ..ACTIVE },
    wrapper: Some("memory"),
    unique: &["name"],
    page: 10,
    on_create: memory_strategy::change,
    on_update: update,
    on_show: |_, memory, view| {
        // A deletion calls it so.
        view.insert("memoryId".into(), json!(memory.id));
        memory_strategy::show(memory, view);
    },
    ..PLAIN
};

/// How many keys are indexed at most.
const MOST_KEYS: usize = 10;

/// Strategies are changed by commands, and keys are only ever added.
fn update(session: &mut Session<'_>, memory: &mut Object, input: &Document) -> Result<(), Failure> {
    memory.document.shift_remove("addIndexedKeys");
    if let Some(Value::Array(added)) = input.get("addIndexedKeys") {
        let keys = memory.document.entry("indexedKeys").or_insert_with(|| json!([]));
        if let Value::Array(keys) = keys {
            keys.extend(added.iter().cloned());
            if keys.len() > MOST_KEYS {
                let message = format!("A memory can have at most {MOST_KEYS} indexed keys");
                return Err(Failure::invalid_field("addIndexedKeys", message));
            }
        }
    }
    memory_strategy::change(session, memory, input)
}
