//! Consent portals.

use serde_json::{Value, json};

use super::states::{ACTIVE, States};
use super::{Id, PLAIN, Resource};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const PORTAL: Resource = Resource {
    kind: Kind::ConsentPortal,
    noun: "ConsentPortal",
    plural: "ConsentPortals",
    what: "Consent portal",
    label: "consentPortalIdentifier",
    id: ("consentPortalId", Id::Named("name")),
    arn: Some(("consentPortalArn", "consent-portal/{id}")),
    states: States { create_failed: "FAILED", delete_failed: "FAILED", ..ACTIVE },
    unique: &["name"],
    on_create: open,
    ..PLAIN
};

/// Its gateways must be there; then it has a URL.
fn open(session: &mut Session<'_>, portal: &mut Object, _: &Document) -> Result<(), Failure> {
    for source in portal.document.get("sources").and_then(Value::as_array).into_iter().flatten() {
        let identifier = source.as_object().map(|source| text(source, "identifier")).unwrap_or_default();
        let id = identifier.rsplit('/').next().unwrap_or_default();
        if session.state.find(Kind::Gateway, None, id).is_none() {
            return Err(Failure::missing("Gateway", identifier));
        }
    }
    let url = format!("https://{}.consent-portal.bedrock-agentcore.{}.amazonaws.com", portal.id, session.config.region);
    portal.document.insert("portalUrl".into(), json!(url));
    Ok(())
}
