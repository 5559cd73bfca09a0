//! Rate limits of gateways, one by one or many at once.

use serde_json::{Value, json};

use super::gateway_rule::GATEWAY;
use super::states::NEVER_FAILS;
use super::{Id, PLAIN, Resource};
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const LIMIT: Resource = Resource {
    kind: Kind::GatewayRateLimit,
    noun: "GatewayRateLimit",
    plural: "GatewayRateLimits",
    what: "Gateway rate limit",
    parent: Some(GATEWAY),
    label: "rateLimitId",
    id: ("rateLimitId", Id::Own("rateLimitId")),
    states: NEVER_FAILS,
    unique: &["dimensionKeys"],
    most: Some(50),
    on_create: |_, limit, _| check(limit),
    on_update: |_, limit, _| check(limit),
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[("BatchPutGatewayRateLimits", put_all)];

/// Every entry is about the limit's own dimensions.
fn check(limit: &Object) -> Result<(), Failure> {
    let list = |member: &str| limit.document.get(member).and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<&str> = list("dimensionKeys").filter_map(Value::as_str).collect();
    for entry in list("entries") {
        let dimensions = entry.get("dimensions").and_then(Value::as_object);
        let has_all = |dimensions: &Document| {
            dimensions.len() == keys.len() && keys.iter().all(|key| dimensions.contains_key(*key))
        };
        if !dimensions.is_some_and(has_all) {
            let message = format!("The dimensions of an entry must be those of the rate limit: {}", keys.join(", "));
            return Err(Failure::invalid_field("entries", message));
        }
    }
    Ok(())
}

/// Creates or updates each limit, all of them or none. One that is there is known by its identifier, or by its dimensions.
fn put_all(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateway = text(input, "gatewayIdentifier");
    let limits = input.get("rateLimits").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut shown = Vec::new();
    for limit in limits {
        let mut limit = document(limit);
        limit.insert("gatewayIdentifier".into(), json!(gateway));
        let same = |live: &&Object| match limit.get("rateLimitId") {
            Some(id) => json!(live.id) == *id,
            None => live.document.get("dimensionKeys") == limit.get("dimensionKeys"),
        };
        let live = session.state.all(Kind::GatewayRateLimit, Some(gateway)).find(same).cloned();
        shown.push(match live {
            None => LIMIT.create(session, "CreateGatewayRateLimit", &limit)?,
            Some(live) if live.document.get("dimensionKeys") != limit.get("dimensionKeys") => {
                let message = format!("The dimensions of the rate limit {} cannot be changed", live.id);
                return Err(Failure::conflict(message));
            }
            Some(live) => {
                limit.insert("rateLimitId".into(), json!(live.id));
                LIMIT.update(session, "UpdateGatewayRateLimit", &limit)?
            }
        });
    }
    Ok(json!({"rateLimits": shown}))
}
