//! Attachment: which engine decides the calls of a gateway, and whether its policies can change now.

use serde_json::Value;

use super::Action;
use super::item::Item;
use crate::address::Address;
use crate::reference::{self, Target};

/// The engine that a gateway item is attached to: as the manifest says, else as it is live.
pub(super) fn attached_engine(gateway: &Item, items: &[Item]) -> Option<Address> {
    if let Some(resource) = gateway.resource.as_ref().filter(|_| !gateway.stays()) {
        let arn = resource.document.pointer("/policyEngineConfiguration/arn")?.as_str()?;
        for piece in reference::pieces(arn) {
            if let Err(reference::Reference { target: Target::Output(address, _), .. }) = piece {
                return Some(address);
            }
        }
        return engine_of_arn(arn, items);
    }
    live_engine(gateway, items)
}

/// The engine that a gateway is attached to live.
pub(super) fn live_engine(gateway: &Item, items: &[Item]) -> Option<Address> {
    let live = gateway.live.as_ref()?;
    engine_of_arn(live.document.pointer("/policyEngineConfiguration/arn")?.as_str()?, items)
}

/// A running gateway goes from one engine to another.
pub(super) fn swaps_engine(gateway: &Item, items: &[Item]) -> bool {
    let live = gateway.live.as_ref().and_then(|live| live.document.pointer("/policyEngineConfiguration/arn"));
    matches!(gateway.action, Action::Update)
        && live.is_some()
        && gateway
            .differences
            .iter()
            .any(|difference| difference.path == "policyEngineConfiguration.arn" && difference.after.is_some())
        && attached_engine(gateway, items) != live_engine(gateway, items)
}

fn engine_of_arn(arn: &str, items: &[Item]) -> Option<Address> {
    let engines = items.iter().filter(|item| item.kind.name == "policy_engine");
    let mut engines = engines.filter_map(|item| Some((item, item.live.as_ref()?)));
    engines.find(|(_, live)| arn.ends_with(&format!("/{}", live.ids.id))).map(|(item, _)| item.address.clone())
}

/// Policies of the engine change in this run.
pub(super) fn policies_change(engine: &Address, items: &[Item]) -> bool {
    items.iter().any(|item| {
        item.kind.name == "policy"
            && item.rewrites()
            && matches!(item.action, Action::Create | Action::Update | Action::Replace)
            && item.parent().as_ref() == Some(engine)
    })
}

/// A running gateway whose interceptors are in the way of policies that change: the service lists tools through them. Those
/// that this run adds count too: a permit must not go before them, and cannot go after them.
pub(super) fn interceptors_in_the_way(gateway: &Item, items: &[Item]) -> bool {
    let Some(live) = &gateway.live else { return false };
    let intercepted =
        |of: &Value| of.get("interceptorConfigurations").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    gateway.action.keeps()
        && gateway.blocked.is_none()
        && !gateway.unlock
        && (intercepted(&live.document) || (intercepted(&gateway.desired) && !gateway.unfinished))
        && attached_engine(gateway, items).is_some_and(|engine| policies_change(&engine, items))
}

/// It is locked while its policies change. Only a gateway that takes tokens, before or after, can be locked.
pub(super) fn is_relocked(gateway: &Item, items: &[Item]) -> bool {
    let takes_tokens = |of: &Value| of.get("authorizerType").and_then(Value::as_str) == Some("CUSTOM_JWT");
    !gateway.stays()
        && (gateway.is_jwt() || gateway.live.as_ref().is_some_and(|live| takes_tokens(&live.document)))
        && interceptors_in_the_way(gateway, items)
}
