//! Rules of gateways: the one with the lowest priority that matches decides.

use std::collections::BTreeSet;

use serde_json::Value;

use super::states::NEVER_FAILS;
use super::{Id, PLAIN, Parent, Resource};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const RULE: Resource = Resource {
    kind: Kind::GatewayRule,
    noun: "GatewayRule",
    plural: "GatewayRules",
    what: "Gateway rule",
    parent: Some(GATEWAY),
    label: "ruleId",
    id: ("ruleId", Id::Uuid),
    states: NEVER_FAILS,
    unique: &["priority"],
    most: Some(20),
    on_create: |session, rule, _| check(session, rule),
    on_update: |session, rule, _| check(session, rule),
    ..PLAIN
};

pub(super) const GATEWAY: Parent =
    Parent { kind: Kind::Gateway, what: "Gateway", label: "gatewayIdentifier", arn: "gatewayArn" };

/// Routes lead to targets that are ready, and shares of the traffic are all of it.
fn check(session: &Session<'_>, rule: &Object) -> Result<(), Failure> {
    let actions = rule.document.get("actions").and_then(Value::as_array);
    for action in actions.into_iter().flatten() {
        for name in targets(action) {
            let mut targets = session.state.all(Kind::GatewayTarget, rule.parent.as_deref());
            if !targets.any(|target| text(&target.document, "name") == name && target.status() == "READY") {
                let message = format!("The gateway has no target {name} that is ready");
                return Err(Failure::invalid_field("actions", message));
            }
        }
        for split in splits(action) {
            let weights = split.iter().filter_map(|entry| entry.get("weight")?.as_u64());
            if weights.sum::<u64>() != 100 {
                return Err(Failure::invalid_field("actions", "The weights of a traffic split must add up to 100"));
            }
            let names: BTreeSet<&str> = split.iter().filter_map(|entry| entry.get("name")?.as_str()).collect();
            if names.len() != split.len() {
                return Err(Failure::invalid_field("actions", "The names of a traffic split must differ"));
            }
        }
    }
    Ok(())
}

/// The targets that an action names, wherever in it.
fn targets(action: &Value) -> Vec<&str> {
    match action {
        Value::Object(members) => {
            let own = members.get("targetName").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(targets)).collect()
        }
        Value::Array(list) => list.iter().flat_map(targets).collect(),
        _ => Vec::new(),
    }
}

/// The traffic splits in an action.
fn splits(action: &Value) -> impl Iterator<Item = &Vec<Value>> {
    let arms = action.as_object().into_iter().flat_map(Document::values);
    let inner = arms.filter_map(Value::as_object).flat_map(Document::values);
    inner.filter_map(|arm| arm.get("trafficSplit")?.as_array())
}
