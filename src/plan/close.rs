//! Closing: of what a plan would do, only what narrows access, at once and whatever stands in the way of the rest.
//!
//! A policy's step is taken whole or not at all. Of a gateway, a runtime or a client the live object is sent back, narrowed towards
//! what the manifest says: what lets somebody in is left as it is. What is taken is judged (`judge.rs`) by who can call what
//! before and after. So closing takes no risk.

use serde_json::{Map, Value, json};

use super::exposed::is_unexpected_door;
use super::item::Item;
use super::items::Items;
use super::judge::{Doubts, objections};
use super::make::Towards;
use super::scope::{keep_concerns, leave_out};
use super::{Action, LeftOut, PlanDiagnostic, risk, weakening};
use crate::access::prove::Solver;
use crate::diff::{differences, key_of};
use crate::kind::USER_POOL_CLIENT;
use crate::live::{self, State};
use crate::observe::Observed;
use crate::reference::holds_unknown;
use crate::stack::Stack;

/// A live object narrowed towards what the manifest says; the live object itself where nothing narrows. Parts of the desired
/// document that are not known yet do not count.
pub fn closed(desired: &Value, live: &Value) -> Value {
    let mut document = live.clone();
    let Some(members) = document.as_object_mut() else { return document };
    close_authorizer(members, desired);
    close_engine(members, desired);
    close_interceptors(members, desired);
    close_firewall(members, desired);
    close_client(members, desired);
    close_tools(members, desired);
    document
}

const JWT: &str = "customJWTAuthorizer";
const LISTS: [&str; 3] = ["allowedClients", "allowedAudience", "allowedScopes"];

fn known_items(of: &Value, list: &str) -> Vec<Value> {
    let items = of.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    items.into_iter().filter(|item| !holds_unknown(item)).collect()
}

fn close_authorizer(members: &mut Map<String, Value>, desired: &Value) {
    let everybody = weakening::lets_everything_through(&Value::Object(members.clone()));
    let wanted_type = desired.get("authorizerType").filter(|wanted| **wanted != json!("NONE"));
    let Some(wanted) = desired.pointer("/authorizerConfiguration/customJWTAuthorizer").cloned() else {
        if let Some(wanted_type) = wanted_type.filter(|_| everybody) {
            members.insert("authorizerType".to_owned(), wanted_type.clone());
        }
        return;
    };
    if everybody && let Some(wanted_type) = wanted_type {
        let mut jwt = wanted.clone();
        for list in LISTS {
            let known = known_items(&wanted, list);
            if let Some(members) = jwt.as_object_mut().filter(|_| !known.is_empty()) {
                members.insert(list.to_owned(), Value::Array(known));
            }
        }
        if !holds_unknown(&jwt) {
            members.insert("authorizerType".to_owned(), wanted_type.clone());
            members.insert("authorizerConfiguration".to_owned(), json!({ JWT: jwt }));
        }
        return;
    }
    let jwt = members.get_mut("authorizerConfiguration").and_then(|of| of.get_mut(JWT)).and_then(Value::as_object_mut);
    let Some(jwt) = jwt.filter(|jwt| jwt.get("discoveryUrl") == wanted.get("discoveryUrl")) else { return };
    for list in LISTS {
        let there = jwt.get(list).and_then(Value::as_array).filter(|there| !there.is_empty());
        let wanted = known_items(&wanted, list);
        let kept: Vec<Value> =
            wanted.into_iter().filter(|item| there.is_none_or(|there| there.contains(item))).collect();
        // With nobody left it would be a lock, and cut every caller off.
        if !kept.is_empty() {
            jwt.insert(list.to_owned(), Value::Array(kept));
        }
    }
    let rules = known_items(&wanted, "customClaims");
    let claims = jwt.entry("customClaims").or_insert_with(|| json!([]));
    if let Some(claims) = claims.as_array_mut() {
        add_missing(claims, rules, "inboundTokenClaimName");
    }
    if jwt.get("customClaims") == Some(&json!([])) {
        jwt.remove("customClaims");
    }
    let workloads = wanted.get("allowedWorkloadConfiguration").filter(|wanted| !holds_unknown(wanted));
    if let Some(workloads) = workloads.filter(|_| jwt.get("allowedWorkloadConfiguration").is_none_or(Value::is_null)) {
        jwt.insert("allowedWorkloadConfiguration".to_owned(), workloads.clone());
    }
}

fn add_missing(there: &mut Vec<Value>, wanted: Vec<Value>, key: &str) {
    for item in wanted {
        if !there.iter().any(|other| key_of(other, key) == key_of(&item, key)) {
            there.push(item);
        }
    }
}

fn close_engine(members: &mut Map<String, Value>, desired: &Value) {
    let Some(wanted) = desired.get("policyEngineConfiguration").filter(|wanted| !wanted.is_null()) else { return };
    if wanted.get("mode") != Some(&json!("ENFORCE")) {
        return;
    }
    match members.get_mut("policyEngineConfiguration").and_then(Value::as_object_mut) {
        Some(engine) => drop(engine.insert("mode".to_owned(), json!("ENFORCE"))),
        None if !holds_unknown(wanted) => {
            members.insert("policyEngineConfiguration".to_owned(), wanted.clone());
        }
        None => {}
    }
}

fn close_interceptors(members: &mut Map<String, Value>, desired: &Value) {
    let wanted = known_items(desired, "interceptorConfigurations");
    if wanted.is_empty() {
        return;
    }
    let there = members.entry("interceptorConfigurations").or_insert_with(|| json!([]));
    let Some(there) = there.as_array_mut() else { return };
    let key = "interceptor.lambda.arn";
    for interceptor in there.iter_mut() {
        let same = wanted.iter().find(|wanted| key_of(wanted, key) == key_of(interceptor, key));
        let points = same.map(|wanted| known_items(wanted, "interceptionPoints")).unwrap_or_default();
        if let Some(sees) = interceptor.get_mut("interceptionPoints").and_then(Value::as_array_mut) {
            let more: Vec<Value> = points.into_iter().filter(|point| !sees.contains(point)).collect();
            sees.extend(more);
        }
    }
    add_missing(there, wanted, key);
}

fn close_firewall(members: &mut Map<String, Value>, desired: &Value) {
    let closes = desired.pointer("/wafConfiguration/failureMode") == Some(&json!("FAIL_CLOSE"));
    if let Some(firewall) = members.get_mut("wafConfiguration").and_then(Value::as_object_mut).filter(|_| closes) {
        firewall.insert("failureMode".to_owned(), json!("FAIL_CLOSE"));
    }
}

/// Flows and scopes that a client was not to have. A list that would be empty means something else to the service: it stays.
fn close_client(members: &mut Map<String, Value>, desired: &Value) {
    for list in ["ExplicitAuthFlows", "AllowedOAuthFlows", "AllowedOAuthScopes"] {
        let default = USER_POOL_CLIENT.kept(list).flatten();
        let Some(wanted) = desired.get(list).or(default.as_ref()).and_then(Value::as_array) else { continue };
        let Some(there) = members.get_mut(list).and_then(Value::as_array_mut) else { continue };
        let kept: Vec<Value> = there.iter().filter(|item| wanted.contains(item)).cloned().collect();
        if !kept.is_empty() {
            *there = kept;
        }
    }
    let switch = "AllowedOAuthFlowsUserPoolClient";
    let off = desired.get("ClientName").is_some() && desired.get(switch) != Some(&json!(true));
    if off && members.get(switch) == Some(&json!(true)) {
        members.insert(switch.to_owned(), json!(false));
    }
}

/// Tools of a target that it was not to have. A target has one at least.
fn close_tools(members: &mut Map<String, Value>, desired: &Value) {
    const TOOLS: &str = "/mcp/lambda/toolSchema/inlinePayload";
    let wanted = desired.get("targetConfiguration").and_then(|target| target.pointer(TOOLS)).and_then(Value::as_array);
    let there = members.get_mut("targetConfiguration").and_then(|target| target.pointer_mut(TOOLS));
    let (Some(wanted), Some(there)) = (wanted, there.and_then(Value::as_array_mut)) else { return };
    let is_wanted = |tool: &Value| wanted.iter().any(|other| other.get("name") == tool.get("name"));
    if there.iter().any(is_wanted) {
        there.retain(is_wanted);
    }
}

/// Leaves out everything that does not only narrow access, and says of what narrows and cannot be taken why.
pub(super) fn restrict(
    stack: &Stack,
    items: &mut Items,
    observed: &Observed,
    solver: Option<&Solver>,
    diagnostics: &mut Vec<PlanDiagnostic>,
) -> Vec<LeftOut> {
    let decided = items.clone();
    let mut doubts = Doubts::new();
    let mut left_out = Vec::new();
    let mut held = Vec::new();
    for item in items.iter_mut().filter(|item| item.action != Action::NoOp || item.blocked.is_some()) {
        let taken = match item.kind.name {
            "policy" => closes_policy(item, &decided).map(|closes| {
                doubts.extend(closes.doubt().map(|doubt| (item.address.clone(), doubt.to_owned())));
                closes != Closes::Nothing
            }),
            "gateway" | "gateway_target" | "runtime" | "user_pool_client" => close(item, observed),
            _ => Ok(false),
        };
        let door = item.action == Action::Delete && item.kind.name != "policy";
        let taken = match &item.blocked {
            _ if !door || !is_unexpected_door(item, &decided, observed) => taken,
            Some(blocked) => Err(blocked.clone()),
            None => Ok(true),
        };
        match taken {
            Ok(true) => {}
            Ok(false) => left_out.push(leave_out(item, None)),
            Err(reason) => {
                held.push(refused(item, &reason));
                left_out.push(leave_out(item, Some(reason)));
            }
        }
    }
    // Whatever was judged above: a step that is a risk is not taken here. Of what a policy's text leaves open a proof decides.
    loop {
        let found = risk::risks(items, Towards::Manifest);
        let risky = items.iter_mut().filter(|item| item.changes()).find_map(|item| {
            let address = item.address.to_string();
            let counts = |code: &str| !(doubts.contains_key(&item.address) && OPENINGS.contains(&code));
            Some((found.iter().find(|risk| risk.address == address && counts(&risk.code))?, item))
        });
        let Some((found, item)) = risky else { break };
        let reason = format!("it would be the risk `{}`: {}", found.code, found.message);
        held.push(refused(item, &reason));
        left_out.push(leave_out(item, Some(reason)));
    }
    loop {
        let objections = objections(stack, items, observed, solver, &doubts);
        let objected = items.iter_mut().filter(|item| item.changes());
        let objected = objected.filter_map(|item| Some((objections.get(&item.address)?, item)));
        let before = left_out.len();
        for (reason, item) in objected {
            held.push(refused(item, reason));
            left_out.push(leave_out(item, Some(reason.clone())));
        }
        if left_out.len() == before {
            break;
        }
    }
    keep_concerns(diagnostics, &left_out);
    diagnostics.extend(held);
    left_out
}

fn refused(item: &Item, reason: &str) -> PlanDiagnostic {
    PlanDiagnostic {
        code: "plan::close".into(),
        address: Some(item.address.to_string()),
        message: format!("`{}` would narrow access, and is left out: {reason}", item.address),
        help: Some("look at it, and apply it without `--close`".into()),
    }
}

/// The risks of a policy's text that a proof can rule out.
const OPENINGS: [&str; 2] = ["access-widened", "forbid-removed"];

/// What the step of a policy closes, as far as its text shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Closes {
    /// Nothing.
    Nothing,
    /// It narrows, and opens nothing.
    Only,
    /// It narrows, and may open this.
    Perhaps(String),
}

impl Closes {
    fn doubt(&self) -> Option<&str> {
        if let Self::Perhaps(doubt) = self { Some(doubt) } else { None }
    }
}

/// What the step of a policy closes; an error says why it cannot be taken though it narrows.
fn closes_policy(item: &Item, items: &Items) -> Result<Closes, String> {
    let before = item.live.as_ref().map(|live| live::view(item.kind, &live.document));
    let after = (item.action != Action::Delete).then_some(&item.desired);
    let opens = weakening::policy(before.as_ref(), after);
    let closes = !weakening::policy(after, before.as_ref()).is_empty();
    if !closes {
        return Ok(Closes::Nothing);
    }
    if let Some((_, message)) = opens.iter().find(|(code, _)| !OPENINGS.contains(code)) {
        return Err(format!("it also opens: {message}"));
    }
    if let Some(blocked) = &item.blocked {
        return Err(blocked.clone());
    }
    if item.action == Action::Replace {
        return Err("it is made anew, and would be gone meanwhile".to_owned());
    }
    let intercepted =
        |of: &Value| of.get("interceptorConfigurations").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let engine = item.parent();
    let in_the_way = items.of_kind("gateway").find(|gateway| {
        engine.is_some()
            && (items.attached_engine(gateway) == engine || items.live_engine(gateway) == engine)
            && (intercepted(&gateway.desired) || gateway.live.as_ref().is_some_and(|live| intercepted(&live.document)))
    });
    match in_the_way.filter(|_| item.action != Action::Delete) {
        Some(gateway) => Err(format!(
            "the service changes no policies while `{}` has interceptors, and locking it would cut its callers off",
            gateway.address
        )),
        None => Ok(opens.first().map_or(Closes::Only, |(_, message)| Closes::Perhaps(message.clone()))),
    }
}

/// Makes an item the narrowing of its live object. Whatever blocks the rest of it, this needs only what is there.
fn close(item: &mut Item, observed: &Observed) -> Result<bool, String> {
    // What is not this stack's yet, or not at its address yet, is claimed by a whole apply.
    let Some(live) = item.live.as_ref().filter(|live| item.resource.is_some() && live.claim.is_none()) else {
        return Ok(false);
    };
    let view = live::view(item.kind, &live.document);
    let narrowed = closed(&item.desired, &view);
    let found = differences(item.kind, &narrowed, &view);
    let open: Vec<String> =
        weakening::weakenings(item.kind, &item.desired, &narrowed).into_iter().map(|(_, message)| message).collect();
    if found.is_empty() {
        let reason = format!("it cannot be set right without letting others in: {}", open.join("; "));
        return if open.is_empty() { Ok(false) } else { Err(reason) };
    }
    if observed.duplicates.iter().any(|(address, _)| *address == item.address) {
        return Err("two live objects claim its address".to_owned());
    }
    if live::state(item.kind, &live.document) == State::Moving {
        return Err(format!("it is still {}", live::status(item.kind, &live.document)));
    }
    let rest = !differences(item.kind, &item.desired, &narrowed).is_empty();
    item.reason = rest.then(|| match open.as_slice() {
        [] => "narrowed; the rest of it waits for an apply without --close".to_owned(),
        open => format!("narrowed in part; without --close it is set right: {}", open.join("; ")),
    });
    item.action = Action::Update;
    item.desired = narrowed;
    item.differences = found;
    item.blocked = None;
    item.closing = true;
    Ok(true)
}
