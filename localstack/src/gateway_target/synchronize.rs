//! Reading the tools of MCP servers again.

use serde_json::{Value, json};

use super::{arms, find, show};
use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::gateway;
use crate::session::Session;
use crate::state::Kind;

/// Begins to synchronize each of some targets, all of them or none.
pub(super) fn run(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateway_id = text(input, "gatewayIdentifier");
    gateway::find(session, gateway_id)?;
    let mut shown = Vec::new();
    for id in texts(input, "targetIdList") {
        let mut target = find(session, gateway_id, id)?.clone();
        if arms(target.document.get("targetConfiguration")) != ("mcp", "mcpServer") {
            let message = format!("Target {id} is no MCP server and cannot be synchronized");
            return Err(Failure::invalid_field("targetIdList", message));
        }
        if !matches!(target.status(), "READY" | "SYNCHRONIZE_UNSUCCESSFUL" | "UPDATE_UNSUCCESSFUL") {
            let message = format!("Target {id} is in {} state and cannot be synchronized", target.status());
            return Err(Failure::conflict(message));
        }
        target.document.insert("lastSynchronizedAt".into(), json!(session.now));
        target.begin("SYNCHRONIZING", session.ending("READY", "SYNCHRONIZE_UNSUCCESSFUL"));
        shown.push(show(session, &target, "GatewayTarget"));
        if let Some(live) = session.state.find_mut(Kind::GatewayTarget, Some(gateway_id), id) {
            *live = target;
        }
    }
    Ok(json!({"targets": shown}))
}
