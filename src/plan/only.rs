//! `--only`: the steps of some addresses and what they need, never so that something is opened while what restrains it is left out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::attachment::{interceptors_in_the_way, swaps_engine};
use super::item::Item;
use super::items::Items;
use super::order::closes;
use super::scope::{keep_concerns, leave_out};
use super::{Action, LeftOut, PlanDiagnostic, weakening};
use crate::address::Address;
use crate::kind::statement_of;
use crate::live;
use crate::stack::Resource;

/// Leaves out everything that these addresses neither are nor need. What would open without what restrains it is refused.
pub(super) fn restrict(
    items: &mut Items,
    addresses: BTreeSet<Address>,
    diagnostics: &mut Vec<PlanDiagnostic>,
) -> Vec<LeftOut> {
    let decided = items.clone();
    let asked = with_needs(&decided, addresses);
    let refusals = refusals(&decided, &asked);
    let mut left_out = Vec::new();
    for item in items.iter_mut().filter(|item| item.action != Action::NoOp || item.blocked.is_some()) {
        if !asked.contains(&item.address) {
            left_out.push(leave_out(item, None));
        } else if !refusals.is_empty() {
            // In part it would be something that nobody asked for.
            let own = refusals.iter().find(|(opens, _)| *opens == item.address);
            let reason =
                own.map_or_else(|| "what `--only` names is refused as a whole".to_owned(), |(_, why)| why.clone());
            item.blocked.get_or_insert(reason);
        }
    }
    keep_concerns(diagnostics, &left_out);
    for (address, why) in refusals {
        diagnostics.push(PlanDiagnostic {
            code: "plan::only".into(),
            address: Some(address.to_string()),
            message: format!("`{address}`: {why}"),
            help: Some("name that address too, or apply everything".into()),
        });
    }
    left_out
}

/// The addresses, and what has to be there or to go for them.
fn with_needs(items: &Items, mut asked: BTreeSet<Address>) -> BTreeSet<Address> {
    loop {
        let more: Vec<Address> = items
            .iter()
            .filter(|item| item.action != Action::NoOp && asked.contains(&item.address))
            .flat_map(|item| needs(item, items))
            .filter(|need| !asked.contains(need))
            .collect();
        if more.is_empty() {
            return asked;
        }
        asked.extend(more);
    }
}

fn needs(item: &Item, items: &Items) -> Vec<Address> {
    let mut found = Vec::new();
    let claimed = |item: &Item| item.live.as_ref().is_some_and(|live| live.claim.is_some());
    let missing =
        |address: &Address| items.iter().any(|item| item.address == *address && (item.makes() || claimed(item)));
    let needed = item.resource.as_ref().map(Resource::needs).unwrap_or_default();
    found.extend(needed.into_iter().filter(|need| missing(need)));
    // What lives in an object that goes, goes before it; what is made anew with it comes after it.
    if matches!(item.action, Action::Delete | Action::Replace) {
        let within = |other: &&Item| {
            let of = other.live.as_ref().and_then(|live| live.parent.as_ref());
            of == Some(&item.address) && matches!(other.action, Action::Delete | Action::Replace)
        };
        found.extend(items.iter().filter(within).map(|other| other.address.clone()));
    }
    if item.kind.name == "policy" && item.action != Action::Delete {
        let engine = item.parent();
        let gateways = items.iter().filter(|gateway| {
            gateway.kind.name == "gateway" && engine.is_some() && items.attached_engine(gateway) == engine
        });
        for gateway in gateways {
            if interceptors_in_the_way(gateway, items) {
                found.push(gateway.address.clone());
            }
            let statement = item.desired.get("definition").and_then(statement_of).unwrap_or_default();
            let named = |target: &&Item| {
                let name = target.live_name();
                target.kind.name == "gateway_target"
                    && target.parent().as_ref() == Some(&gateway.address)
                    && matches!(target.action, Action::Create | Action::Replace | Action::Update)
                    && (statement.contains(&format!("\"{name}___")) || statement.contains(&format!("\"{name}\"")))
            };
            found.extend(items.iter().filter(named).map(|target| target.address.clone()));
        }
    }
    if item.kind.name == "user_pool_client" {
        // Scopes are named by text.
        let servers = items.iter().filter(|server| {
            server.kind.name == "resource_server"
                && server.parent() == item.parent()
                && matches!(server.action, Action::Create | Action::Replace | Action::Update)
                && scopes(item).iter().any(|scope| scope.starts_with(&format!("{}/", server.live_name())))
        });
        found.extend(servers.map(|server| server.address.clone()));
    }
    found
}

fn scopes(client: &Item) -> Vec<String> {
    let list = client.desired.get("AllowedOAuthScopes").and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(|scope| scope.as_str().map(ToOwned::to_owned)).collect()
}

/// What would open, or cut callers off, because something is left out: the address and why.
fn refusals(items: &Items, asked: &BTreeSet<Address>) -> Vec<(Address, String)> {
    let takes = |item: &&Item| item.action != Action::NoOp && asked.contains(&item.address);
    let leaves = |item: &&Item| item.action != Action::NoOp && !asked.contains(&item.address);
    let mut found = Vec::new();
    for item in items.iter().filter(takes) {
        let engines: Vec<Address> = match item.kind.name {
            "policy" => item.parent().into_iter().collect(),
            "gateway" => items.attached_engine(item).into_iter().chain(items.live_engine(item)).collect(),
            _ => continue,
        };
        let opens = match item.kind.name {
            "policy" => {
                let (before, after) = states(item);
                !weakening::policy(before.as_ref(), after.as_ref()).is_empty()
            }
            _ => item.makes() || item.unlock || !closes(item),
        };
        if !opens || item.action == Action::Delete && item.kind.name == "gateway" {
            continue;
        }
        let cuts = item.kind.name == "gateway" && cuts(item, items);
        let needed = items.iter().filter(leaves).find(|other| match other.kind.name {
            "policy" if other.parent().is_some_and(|engine| engines.contains(&engine)) => {
                let (before, after) = states(other);
                let narrows = !weakening::policy(after.as_ref(), before.as_ref()).is_empty();
                let permits = !weakening::policy(before.as_ref(), after.as_ref()).is_empty();
                (narrows && (other.is_forbid() || removes_forbid(item))) || (cuts && permits)
            }
            "gateway" => {
                let of = [items.attached_engine(other), items.live_engine(other)];
                let shared = of.into_iter().flatten().any(|engine| engines.contains(&engine));
                shared && item.kind.name == "policy" && narrows(other)
            }
            _ => false,
        });
        if let Some(other) = needed {
            let why = if cuts && other.kind.name == "policy" && !other.is_forbid() {
                "is left out, and without it callers would be cut off"
            } else {
                "restrains its callers and is left out"
            };
            found.push((item.address.clone(), format!("`{}` {why}", other.address)));
        }
    }
    found
}

/// A policy as it is and as it is to be.
fn states(item: &Item) -> (Option<Value>, Option<Value>) {
    let before = item.live.as_ref().map(|live| live::view(item.kind, &live.document));
    (before, (item.action != Action::Delete).then(|| item.desired.clone()))
}

fn removes_forbid(item: &Item) -> bool {
    item.kind.name == "policy" && item.live_is_forbid()
}

/// The update of a running gateway that is left out would restrain its callers.
fn narrows(gateway: &Item) -> bool {
    let Some(live) = gateway.live.as_ref().filter(|_| gateway.has_callers()) else { return false };
    let view = live::view(gateway.kind, &live.document);
    !weakening::weakenings(gateway.kind, &gateway.desired, &view).is_empty()
}

/// A running gateway gets an engine, another one, or enforcement: only the policies of the engine let callers through.
fn cuts(gateway: &Item, items: &Items) -> bool {
    let Some(live) = gateway.live.as_ref().filter(|_| gateway.was_open()) else { return false };
    let enforces =
        |of: &Value| of.pointer("/policyEngineConfiguration/mode").and_then(Value::as_str) == Some("ENFORCE");
    (enforces(&gateway.desired) && !enforces(&live.document)) || swaps_engine(gateway, items)
}
