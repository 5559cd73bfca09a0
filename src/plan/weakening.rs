//! Weakenings: how one state of an object restrains less than another. From the live state to the wanted one they are risks, from
//! the wanted state to the live one they are what somebody opened by hand.

use serde_json::{Value, json};

use super::cover::covers;
use super::item::is_forbid;
use crate::kind::{Kind, statement_of};
use crate::ownership::unordered;
use crate::reference;

/// The code of a risk, and what is weaker.
pub(super) type Weakening = (&'static str, String);

/// Everything in which `after` restrains less than `before`; both are views of objects of this kind, policies aside.
pub(super) fn weakenings(kind: &Kind, before: &Value, after: &Value) -> Vec<Weakening> {
    let parts: &[fn(&Value, &Value) -> Vec<Weakening>] = match kind.name {
        "gateway" => &[authorizer, enforcement, engine, interceptors, firewall],
        "runtime" => &[authorizer],
        "user_pool" => &[user_pool],
        "user_pool_client" => return client(kind, before, after),
        _ => &[],
    };
    parts.iter().flat_map(|part| part(before, after)).collect()
}

/// Whose tokens are taken, and what is asked of them.
pub(super) fn authorizer(before: &Value, after: &Value) -> Vec<Weakening> {
    let mut found: Vec<Weakening> = Vec::new();
    let type_of = |of: &Value| of.get("authorizerType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (type_before, type_after) = (type_of(before), type_of(after));
    if lets_everything_through(before) {
        return found;
    }
    let mut add = |message: String| found.push(("authorizer-weakened", message));
    if type_before != type_after {
        add(format!("{type_before} becomes {type_after}: other callers are let in"));
    }
    let jwt = |of: &Value| of.pointer("/authorizerConfiguration/customJWTAuthorizer").cloned();
    match (jwt(before), jwt(after)) {
        (Some(_), None) => add("tokens are no longer checked".to_owned()),
        // A runtime has no type: without an authorizer its callers sign their requests.
        (None, Some(_)) if type_before.is_empty() => {
            add("tokens are taken in place of signatures: other callers are let in".to_owned());
        }
        (Some(before), Some(after)) => {
            for list in ["allowedClients", "allowedAudience", "allowedScopes"] {
                if let Some(added) = widened(&before, &after, list) {
                    add(format!("`{list}` {added}"));
                }
            }
            for (member, message) in [
                ("customClaims", "the rules on claims change"),
                ("allowedWorkloadConfiguration", "the rules on calling workloads change"),
            ] {
                let there = before.get(member).filter(|value| !value.is_null());
                if there.is_some() && there.map(unordered) != after.get(member).map(unordered) {
                    add(message.to_owned());
                }
            }
            if before.get("discoveryUrl") != after.get("discoveryUrl") {
                add("tokens of another issuer are let in".to_owned());
            }
        }
        _ => {}
    }
    found
}

/// A gateway that asks nobody for anything: whatever it asks from then on restrains. Where policies are enforced they may permit a
/// caller with a token what they deny one without.
pub(super) fn lets_everything_through(gateway: &Value) -> bool {
    gateway.get("authorizerType").and_then(Value::as_str) == Some("NONE")
        && gateway.pointer("/policyEngineConfiguration/mode").and_then(Value::as_str) != Some("ENFORCE")
}

/// Whether policies decide at all.
pub(super) fn enforcement(before: &Value, after: &Value) -> Vec<Weakening> {
    let mode =
        |of: &Value| of.pointer("/policyEngineConfiguration/mode").and_then(Value::as_str).map(ToOwned::to_owned);
    match (mode(before), mode(after)) {
        (Some(_), None) => {
            vec![("engine-detached", "no policy engine: every authenticated caller can call every tool".to_owned())]
        }
        (Some(before), Some(after)) if before == "ENFORCE" && after != "ENFORCE" => {
            let message = "policies are only logged: every authenticated caller can call every tool";
            vec![("enforcement-weakened", message.to_owned())]
        }
        _ => Vec::new(),
    }
}

/// Which engine decides.
pub(super) fn engine(before: &Value, after: &Value) -> Vec<Weakening> {
    let engine = |of: &Value| of.pointer("/policyEngineConfiguration/arn").cloned();
    match (engine(before), engine(after)) {
        (Some(one), Some(other)) if one != other => {
            vec![("access-widened", "another policy engine decides: who can call what may change".to_owned())]
        }
        _ => Vec::new(),
    }
}

/// Interceptors that no longer see calls.
pub(super) fn interceptors(before: &Value, after: &Value) -> Vec<Weakening> {
    let kept = interceptions(after);
    let gone = interceptions(before).into_iter().find(|entry| !kept.contains(entry));
    gone.map(|(arn, point)| ("interceptor-removed", format!("{arn} no longer sees each {point}"))).into_iter().collect()
}

/// Every function with every point at which it sees calls.
pub(super) fn interceptions(of: &Value) -> Vec<(String, String)> {
    let list = of.get("interceptorConfigurations").and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter()
        .flat_map(|entry| {
            let arn = entry.pointer("/interceptor/lambda/arn").cloned().unwrap_or_default();
            let points = entry.get("interceptionPoints").and_then(Value::as_array).cloned().unwrap_or_default();
            points.into_iter().map(move |point| (arn.to_string(), point.to_string()))
        })
        .collect()
}

/// What happens when the web firewall cannot answer.
pub(super) fn firewall(before: &Value, after: &Value) -> Vec<Weakening> {
    let opens = |of: &Value| of.pointer("/wafConfiguration/failureMode").and_then(Value::as_str) == Some("FAIL_OPEN");
    if opens(after) && !opens(before) {
        vec![("waf-fail-open", "requests go through when the web firewall cannot answer".to_owned())]
    } else {
        Vec::new()
    }
}

fn user_pool(before: &Value, after: &Value) -> Vec<Weakening> {
    let mut found: Vec<Weakening> = Vec::new();
    let mode = |of: &Value| of.get("MfaConfiguration").and_then(Value::as_str).unwrap_or("OFF").to_owned();
    let strength = |mode: &str| ["OFF", "OPTIONAL", "ON"].iter().position(|known| *known == mode);
    let (mfa_before, mfa_after) = (mode(before), mode(after));
    if strength(&mfa_after) < strength(&mfa_before) {
        let message = format!("multi-factor authentication goes from {mfa_before} to {mfa_after}");
        found.push(("mfa-weakened", message));
    }
    let factors =
        ["SoftwareTokenMfaConfiguration", "SmsMfaConfiguration", "EmailMfaConfiguration", "WebAuthnConfiguration"];
    for factor in factors {
        let counts = |of: &Value| {
            let there = of.get(factor).filter(|value| !value.is_null());
            there.is_some_and(|value| value.get("Enabled") != Some(&Value::Bool(false)))
        };
        if counts(before) && !counts(after) && mfa_before != "OFF" && mfa_after != "OFF" {
            found.push(("mfa-weakened", format!("`{factor}` no longer counts")));
        }
    }
    for (trigger, function) in before.get("LambdaConfig").and_then(Value::as_object).into_iter().flatten() {
        match after.pointer(&format!("/LambdaConfig/{trigger}")) {
            None => found.push(("trigger-removed", format!("`{trigger}` is no longer called"))),
            Some(other) if other != function => {
                found.push(("trigger-removed", format!("`{trigger}` is another function or version")));
            }
            Some(_) => {}
        }
    }
    found
}

fn client(kind: &Kind, before: &Value, after: &Value) -> Vec<Weakening> {
    let mut found: Vec<Weakening> = Vec::new();
    let with_default = |of: &Value, member: &str| {
        let value = of.get(member).cloned().or_else(|| kind.kept(member).flatten());
        json!({ member: value.unwrap_or_default() })
    };
    for list in ["ExplicitAuthFlows", "AllowedOAuthFlows"] {
        if let Some(added) = added(&with_default(before, list), &with_default(after, list), list) {
            found.push(("auth-flow-added", format!("`{list}` gains {added}")));
        }
    }
    let on = |of: &Value| of.get("AllowedOAuthFlowsUserPoolClient") == Some(&Value::Bool(true));
    if on(after) && !on(before) {
        found.push(("auth-flow-added", "its OAuth flows and scopes take effect".to_owned()));
    }
    if let Some(added) = added(before, after, "AllowedOAuthScopes") {
        found.push(("access-widened", format!("tokens of the client may carry {added}")));
    }
    found
}

/// How a policy of an open gateway restrains less: a forbid that is gone, not counted or stops less; a permit that is new or lets
/// more through. Nothing stands for a policy that is not there.
pub(super) fn policy(before: Option<&Value>, after: Option<&Value>) -> Vec<Weakening> {
    let statement = |of: Option<&Value>| of.and_then(|of| statement_of(of.get("definition")?)).map(ToOwned::to_owned);
    let active = |of: Option<&Value>| {
        of.is_some_and(|of| of.get("enforcementMode").and_then(Value::as_str).unwrap_or("ACTIVE") == "ACTIVE")
    };
    let counts = |of: Option<&Value>, forbid: bool| {
        statement(of).filter(|statement| active(of) && is_forbid(statement) == forbid)
    };
    let mut found: Vec<Weakening> = Vec::new();
    if let Some(forbid) = counts(before, true) {
        match statement(after) {
            None => found.push(("forbid-removed", "calls it stopped go through if a permit covers them".to_owned())),
            Some(other) if !is_forbid(&other) || !covers(&other, &forbid) => {
                found.push(("forbid-removed", "the forbid changes: calls it stopped may go through".to_owned()));
            }
            Some(_) => {}
        }
        if after.is_some() && !active(after) {
            found.push(("enforcement-weakened", "the forbid is only logged".to_owned()));
        }
    }
    if let Some(permit) = counts(after, false)
        && !counts(before, false).is_some_and(|before| covers(&before, &permit))
    {
        let message = "a permit of an open gateway is new or changes: more calls may go through";
        found.push(("access-widened", message.to_owned()));
    }
    found
}

/// What a list gains; nothing if it gains nothing.
pub(super) fn added(before: &Value, after: &Value, list: &str) -> Option<String> {
    let new: Vec<String> = gained(before, after, list)
        .iter()
        .map(|item| format!("`{}`", reference::display(item.as_str().unwrap_or_default())))
        .collect();
    (!new.is_empty()).then(|| new.join(", "))
}

/// The elements that a list gains.
pub(super) fn gained(before: &Value, after: &Value, list: &str) -> Vec<Value> {
    let items = |of: &Value| of.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let there = items(before);
    items(after).into_iter().filter(|item| !there.contains(item)).collect()
}

/// How an allow-list lets more in: it is taken away, or it gains values. A list that appears narrows.
fn widened(before: &Value, after: &Value, list: &str) -> Option<String> {
    let length = |of: &Value| of.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    if length(before) == 0 {
        return None;
    }
    if length(after) == 0 {
        return Some("is no longer checked".to_owned());
    }
    added(before, after, list).map(|added| format!("gains {added}"))
}
