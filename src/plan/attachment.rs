//! Attachment: which engine decides the calls of a gateway, and whether its policies can change now.

use serde_json::Value;

use super::Action;
use super::item::{Item, is_for_all_actions, is_forbid};
use super::items::{Items, engine_arn};
use crate::address::Address;
use crate::kind::statement_of;
use crate::observe::Live;

/// The engine of a gateway that stays is made anew.
fn replaces_engine<'a>(gateway: &Item, items: &'a Items) -> Option<&'a Item> {
    let engine = items.live_engine(gateway)?;
    let stays = gateway.action.keeps() && gateway.blocked.is_none();
    items.at(&engine).filter(|engine| stays && engine.action == Action::Replace)
}

/// The new engine has the name of the old one, which goes first: the gateway has to leave it.
pub(super) fn leaves_engine(gateway: &Item, items: &Items) -> bool {
    replaces_engine(gateway, items).is_some_and(|engine| !engine.is_renamed() && engine.blocked.is_none())
}

/// Gateways that would be open without the engine that is made anew under its name: only one that takes tokens, before or after,
/// can be locked meanwhile.
pub(super) fn kept_by(engine: &Item, items: &Items) -> Option<Address> {
    if engine.action != Action::Replace {
        return None;
    }
    // An adopted one does not even go over to an engine that stands beside the old one.
    let stuck = |gateway: &Item| gateway.stays() || !(engine.is_renamed() || can_be_locked(gateway));
    let mut gateways = items.of_kind("gateway").filter(|gateway| stuck(gateway));
    let kept = gateways.find(|gateway| replaces_engine(gateway, items).is_some_and(|of| of.address == engine.address));
    kept.map(|gateway| gateway.address.clone())
}

fn can_be_locked(gateway: &Item) -> bool {
    let takes_tokens = |of: &Value| of.get("authorizerType").and_then(Value::as_str) == Some("CUSTOM_JWT");
    !gateway.stays()
        && !gateway.is_borrowed()
        && (gateway.is_jwt() || gateway.live.as_ref().is_some_and(|live| takes_tokens(&live.document)))
}

/// A running gateway goes from one engine to another.
pub(super) fn swaps_engine(gateway: &Item, items: &Items) -> bool {
    let live = gateway.live.as_ref().and_then(engine_arn);
    matches!(gateway.action, Action::Update)
        && live.is_some()
        && gateway
            .differences
            .iter()
            .any(|difference| difference.path == "policyEngineConfiguration.arn" && difference.after.is_some())
        && (items.attached_engine(gateway) != items.live_engine(gateway) || replaces_engine(gateway, items).is_some())
}

/// Policies of the engine change in this run.
pub(super) fn policies_change(engine: &Address, items: &Items) -> bool {
    items.within(engine).any(|item| {
        item.kind.name == "policy"
            && item.rewrites()
            && matches!(item.action, Action::Create | Action::Update | Action::Replace)
    })
}

/// A running gateway whose interceptors are in the way of policies that change: the service lists tools through them. Those
/// that this run adds count too: a permit must not go before them, and cannot go after them.
pub(super) fn interceptors_in_the_way(gateway: &Item, items: &Items) -> bool {
    let Some(live) = &gateway.live else { return false };
    let intercepted =
        |of: &Value| of.get("interceptorConfigurations").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    gateway.action.keeps()
        && gateway.blocked.is_none()
        && !gateway.unlock
        && (intercepted(&live.document) || (intercepted(&gateway.desired) && !gateway.unfinished))
        && items.attached_engine(gateway).is_some_and(|engine| policies_change(&engine, items))
}

/// A target comes, a forbid of this run is to restrain its tools, and a permit for all actions lets callers through to them before:
/// the service takes a forbid only when the tools it names are there.
pub(super) fn opens_with_its_targets(gateway: &Item, items: &Items) -> bool {
    let comes = |item: &&Item| item.makes() && item.blocked.is_none() && opens_at_once(item, gateway, items);
    let coming: Vec<&Item> = items.within(&gateway.address).filter(comes).collect();
    let forbids = |item: &&Item| item.rewrites() && item.action != Action::Delete;
    !coming.is_empty()
        && items
            .of_kind("policy")
            .filter(forbids)
            .any(|forbid| coming.iter().any(|target| forbids_tools_of(forbid, target)))
}

/// The target is one of the gateway, and a live permit of its engine lets callers through to its tools as soon as they are there.
pub(super) fn opens_at_once(target: &Item, gateway: &Item, items: &Items) -> bool {
    let enforced =
        |live: &Live| live.document.pointer("/policyEngineConfiguration/mode") == Some(&Value::from("ENFORCE"));
    if target.kind.name != "gateway_target"
        || target.parent().as_ref() != Some(&gateway.address)
        || !gateway.is_open()
        || !gateway.live.as_ref().is_some_and(enforced)
    {
        return false;
    }
    let engine = items.live_engine(gateway);
    let permits_all = |policy: &Item| {
        let definition = policy.live.as_ref().and_then(|live| live.document.get("definition"));
        definition.and_then(statement_of).is_some_and(|text| !is_forbid(text) && is_for_all_actions(text))
    };
    let mut policies = engine.iter().flat_map(|engine| items.within(engine)).filter(|item| item.kind.name == "policy");
    policies.any(permits_all)
}

/// The policy is to be a forbid that names the target's tools.
pub(super) fn forbids_tools_of(policy: &Item, target: &Item) -> bool {
    let text = policy.desired.get("definition").and_then(statement_of).unwrap_or_default();
    let names = [format!("\"{}___", target.live_name()), format!("\"{}\"", target.live_name())];
    names.iter().any(|name| text.contains(name)) && policy.is_forbid()
}

/// It is locked while its policies change, while its engine is made anew, or until what restrains its new tools stands.
pub(super) fn is_relocked(gateway: &Item, items: &Items) -> bool {
    (can_be_locked(gateway) && opens_with_its_targets(gateway, items))
        || (can_be_locked(gateway) && interceptors_in_the_way(gateway, items))
        || leaves_engine(gateway, items)
}
