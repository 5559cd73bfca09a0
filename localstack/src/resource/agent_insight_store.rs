//! The store of agent insights. An account has one, and it is off until somebody switches it on.

use serde_json::{Value, json};

use super::states::{NONE, States};
use super::{Id, PLAIN, Resource};
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const STORE: Resource = Resource {
    kind: Kind::AgentInsightStore,
    noun: "AgentInsightStore",
    plural: "AgentInsightStores",
    what: "Agent insight store",
    label: "agentInsightStoreId",
    id: ("agentInsightStoreId", Id::Own("agentInsightStoreId")),
    states: States { ready: "ACTIVE", updating: Some("UPDATING"), update_failed: "ERROR", ..NONE },
    on_update: |session, store, _| {
        let enabled = text(&store.document, "enablementStatus") == "ENABLED";
        let end = session.ending(if enabled { "ACTIVE" } else { "INACTIVE" }, "ERROR");
        store.begin("UPDATING", end);
        check_key(store)
    },
    built_in: |session| match session.state.find(Kind::AgentInsightStore, None, DEFAULT) {
        Some(_) => Vec::new(),
        None => vec![(DEFAULT.to_owned(), untouched(session))],
    },
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[("UpdateAgentInsightStore", update)];

const DEFAULT: &str = "default";

fn untouched(session: &Session<'_>) -> Document {
    document(json!({
        "agentInsightStoreId": DEFAULT,
        "agentInsightStoreArn": session.arn("bedrock-agentcore", &format!("agent-insight-store/{DEFAULT}")),
        "status": "INACTIVE",
        "enablementStatus": "DISABLED",
        "encryptionConfiguration": {"mode": "AWS_OWNED_KMS_KEY"},
        "createdAt": super::BUILT_IN_SINCE,
        "updatedAt": super::BUILT_IN_SINCE,
    }))
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let is_untouched = session.state.find(Kind::AgentInsightStore, None, DEFAULT).is_none();
    if is_untouched && text(input, STORE.label) == DEFAULT {
        let document = untouched(session);
        let mut store = session.object(Kind::AgentInsightStore, None, DEFAULT, document);
        store.status = Some("INACTIVE".to_owned());
        session.state.add(store);
    }
    STORE.update(session, "UpdateAgentInsightStore", input)
}

fn check_key(store: &Object) -> Result<(), Failure> {
    let encryption = store.document.get("encryptionConfiguration");
    let own = encryption.and_then(|encryption| encryption.get("mode")) == Some(&json!("CUSTOMER_MANAGED_KMS"));
    if own != encryption.is_some_and(|encryption| encryption.get("kmsKeyArn").is_some()) {
        let message = "The mode CUSTOMER_MANAGED_KMS needs a key, and the other takes none";
        return Err(Failure::invalid_field("encryptionConfiguration.kmsKeyArn", message));
    }
    Ok(())
}
