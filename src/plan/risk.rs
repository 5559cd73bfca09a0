//! Risks: steps that weaken security, interrupt callers or lose data. Each is refused unless it was accepted.

use serde_json::Value;

use super::attachment::{attached_engine, is_relocked, leaves_engine, opens_with_its_targets};
use super::item::Item;
use super::make::Towards;
use super::{Action, Risk};
use crate::kind::statement_of;
use crate::live;

/// Every risk code with what it means; `explain` prints these.
pub const CODES: &[(&str, &str)] = &[
    (
        "access-widened",
        "A policy, an allow-list or a scope lets more callers in, or more calls through, than before. Look at who gains what. If it is meant, accept it.",
    ),
    (
        "enforcement-weakened",
        "A policy engine or a policy goes from enforcing to LOG_ONLY: calls that were denied go through and are only logged. Keep ENFORCE, or accept it for as long as it is needed.",
    ),
    (
        "engine-detached",
        "A running gateway loses its policy engine: every authenticated caller can call every tool. Attach another engine in the same change, or accept it.",
    ),
    (
        "authorizer-weakened",
        "The gateway or runtime checks less of a token than before: the authorizer is removed or NONE, or a list of it is emptied or widened. If it is meant, accept it.",
    ),
    (
        "interceptor-removed",
        "An interceptor that may refuse or change calls is taken away. If nothing depends on it any more, accept it.",
    ),
    (
        "forbid-removed",
        "A forbid is deleted or weakened: calls it stopped go through if a permit covers them. If it is meant, accept it.",
    ),
    (
        "mfa-weakened",
        "Users of the pool no longer need a second factor, or fewer factors count. If it is meant, accept it.",
    ),
    (
        "auth-flow-added",
        "A client may sign users in, or get tokens, in a way it could not before. If it is meant, accept it.",
    ),
    (
        "trigger-removed",
        "A Lambda trigger of the pool is taken away. A pre-token trigger may add the claims that policies test. If nothing depends on it, accept it.",
    ),
    (
        "protection-removed",
        "Deletion protection of a pool, or `protect`, is switched off. If the object may go, accept it.",
    ),
    (
        "waf-fail-open",
        "When the web firewall cannot answer, requests go through. FAIL_CLOSE refuses them. If it is meant, accept it.",
    ),
    (
        "data-loss",
        "A user pool goes with its users. Deleting cannot be undone. Export what is needed first, then accept it.",
    ),
    (
        "endpoint-changes",
        "An id or URL that callers hold changes, because the object is made anew. Tell the callers, then accept it.",
    ),
    ("interrupts", "Callers are cut off while the change runs. Choose a quiet moment, then accept it."),
    (
        "mass-delete",
        "More than a third of ten or more resources would be deleted. Check account, region, environment and file. If it is meant, accept it.",
    ),
];

/// Every risk of the items.
pub(super) fn risks(items: &[Item], towards: Towards) -> Vec<Risk> {
    let mut found = Found { risks: Vec::new() };
    for item in items.iter().filter(|item| item.blocked.is_none() && !item.is_borrowed()) {
        match item.action {
            Action::Update => found.update(item),
            Action::Replace => {
                // A new object keeps the before of the old one.
                found.update(item);
                found.replace(item);
            }
            Action::Delete => found.delete(item, items, towards),
            _ => {}
        }
        if item.kind.name == "gateway" && is_relocked(item, items) && opens_with_its_targets(item, items) {
            found.add(item, "interrupts", "callers are refused until the forbids on its new tools stand: a permit for all actions covers the tools before");
        } else if item.kind.name == "gateway" && is_relocked(item, items) {
            let why = if leaves_engine(item, items) {
                "its policy engine is made anew"
            } else {
                "its policies change: the service cannot change policies while interceptors are in place"
            };
            found.add(item, "interrupts", format!("callers are refused while {why}"));
        }
        if item.kind.name == "policy" && towards == Towards::Manifest {
            found.policy(item, items);
        }
    }
    let deletes = items.iter().filter(|item| item.action == Action::Delete).count();
    let live = items.iter().filter(|item| item.live.is_some()).count();
    if towards == Towards::Manifest && live >= 10 && deletes * 3 > live {
        let message = format!("{deletes} of {live} resources would be deleted");
        found.risks.push(Risk { code: "mass-delete".into(), address: String::new(), message, accepted: false });
    }
    found.risks
}

struct Found {
    risks: Vec<Risk>,
}

impl Found {
    fn add(&mut self, item: &Item, code: &str, message: impl Into<String>) {
        let address = item.address.to_string();
        let message = message.into();
        match self.risks.iter_mut().find(|risk| risk.code == code && risk.address == address) {
            // One code may have several reasons; people accept what they were shown.
            Some(known) if known.message.contains(&message) => {}
            Some(known) => {
                known.message.push_str("; ");
                known.message.push_str(&message);
            }
            None => self.risks.push(Risk { code: code.to_owned(), address, message, accepted: false }),
        }
    }

    fn update(&mut self, item: &Item) {
        let Some(live) = &item.live else { return };
        let before = live::view(item.kind, &live.document);
        let after = &live::view(item.kind, &item.desired);
        for difference in &item.differences {
            if difference.path == "protect" && difference.after == Some(Value::Bool(false)) {
                self.add(item, "protection-removed", "it may be deleted and replaced from now on");
            }
        }
        match item.kind.name {
            "gateway" => self.gateway(item, &before, after),
            "runtime" => self.authorizer(item, &before, after),
            "user_pool" => self.user_pool(item, &before, after),
            "user_pool_client" => self.client(item, &before, after),
            _ => {}
        }
    }

    fn gateway(&mut self, item: &Item, before: &Value, after: &Value) {
        // A locked gateway lets nobody in: whom it opens to is new, not wider. What restrains them all is compared even so.
        if !item.unlock {
            self.authorizer(item, before, after);
        }
        let mode =
            |of: &Value| of.pointer("/policyEngineConfiguration/mode").and_then(Value::as_str).map(ToOwned::to_owned);
        match (mode(before), mode(after)) {
            (Some(_), None) => self.add(item, "engine-detached", "every authenticated caller can call every tool"),
            (Some(before), Some(after)) if before == "ENFORCE" && after != "ENFORCE" => {
                self.add(
                    item,
                    "enforcement-weakened",
                    "policies are only logged: every authenticated caller can call every tool",
                );
            }
            _ => {}
        }
        let engine = |of: &Value| of.pointer("/policyEngineConfiguration/arn").cloned();
        if let (Some(one), Some(other)) = (engine(before), engine(after))
            && one != other
            && !item.unlock
        {
            self.add(item, "access-widened", "another policy engine decides: who can call what may change");
            self.add(item, "interrupts", "nobody gets through until the policies of the new engine are active");
        }
        let functions = |of: &Value| {
            let list = of.get("interceptorConfigurations").and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter()
                .flat_map(|entry| {
                    let arn = entry.pointer("/interceptor/lambda/arn").cloned().unwrap_or_default();
                    let points = entry.get("interceptionPoints").and_then(Value::as_array).cloned().unwrap_or_default();
                    points.into_iter().map(move |point| (arn.to_string(), point.to_string()))
                })
                .collect::<Vec<_>>()
        };
        let kept = functions(after);
        if let Some((arn, point)) = functions(before).into_iter().find(|entry| !kept.contains(entry)) {
            self.add(item, "interceptor-removed", format!("{arn} no longer sees each {point}"));
        }
        let waf = |of: &Value| of.pointer("/wafConfiguration/failureMode").and_then(Value::as_str) == Some("FAIL_OPEN");
        if waf(after) && !waf(before) {
            self.add(item, "waf-fail-open", "requests go through when the web firewall cannot answer");
        }
    }

    fn authorizer(&mut self, item: &Item, before: &Value, after: &Value) {
        let kind_of = |of: &Value| of.get("authorizerType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (type_before, type_after) = (kind_of(before), kind_of(after));
        if type_before != type_after {
            self.add(
                item,
                "authorizer-weakened",
                format!("{type_before} becomes {type_after}: other callers are let in"),
            );
            self.add(item, "interrupts", format!("callers that {type_before} let in are cut off"));
        }
        let jwt = |of: &Value| of.pointer("/authorizerConfiguration/customJWTAuthorizer").cloned();
        match (jwt(before), jwt(after)) {
            (Some(_), None) => self.add(item, "authorizer-weakened", "tokens are no longer checked"),
            (None, Some(_)) if item.kind.name == "runtime" => {
                self.add(
                    item,
                    "authorizer-weakened",
                    "tokens are taken in place of signatures: other callers are let in",
                );
                self.add(item, "interrupts", "callers that sign their requests are cut off");
            }
            (Some(before), Some(after)) => {
                for list in ["allowedClients", "allowedAudience", "allowedScopes"] {
                    if let Some(added) = widened(&before, &after, list) {
                        self.add(item, "authorizer-weakened", format!("`{list}` {added}"));
                    }
                }
                for (member, message) in [
                    ("customClaims", "the rules on claims change"),
                    ("allowedWorkloadConfiguration", "the rules on calling workloads change"),
                ] {
                    let there = before.get(member).filter(|value| !value.is_null());
                    if there.is_some()
                        && there.map(crate::ownership::unordered) != after.get(member).map(crate::ownership::unordered)
                    {
                        self.add(item, "authorizer-weakened", message);
                    }
                }
                if before.get("discoveryUrl") != after.get("discoveryUrl") {
                    self.add(item, "authorizer-weakened", "tokens of another issuer are let in");
                }
            }
            _ => {}
        }
    }

    fn user_pool(&mut self, item: &Item, before: &Value, after: &Value) {
        let text = |of: &Value, member: &str, default: &str| {
            of.get(member).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        let strength = |mode: &str| ["OFF", "OPTIONAL", "ON"].iter().position(|known| *known == mode);
        let (mfa_before, mfa_after) = (text(before, "MfaConfiguration", "OFF"), text(after, "MfaConfiguration", "OFF"));
        if strength(&mfa_after) < strength(&mfa_before) {
            self.add(
                item,
                "mfa-weakened",
                format!("multi-factor authentication goes from {mfa_before} to {mfa_after}"),
            );
        }
        let protection = |of: &Value| text(of, "DeletionProtection", "INACTIVE") == "ACTIVE";
        if protection(before) && !protection(after) {
            self.add(item, "protection-removed", "the pool can be deleted from now on");
        }
        let triggers = before.get("LambdaConfig").and_then(Value::as_object).into_iter().flatten();
        for (trigger, function) in triggers {
            match after.pointer(&format!("/LambdaConfig/{trigger}")) {
                None => self.add(item, "trigger-removed", format!("`{trigger}` is no longer called")),
                Some(other) if other != function => {
                    self.add(item, "trigger-removed", format!("`{trigger}` is another function or version"));
                }
                Some(_) => {}
            }
        }
        for factor in
            ["SoftwareTokenMfaConfiguration", "SmsMfaConfiguration", "EmailMfaConfiguration", "WebAuthnConfiguration"]
        {
            let counts = |of: &Value| {
                let there = of.get(factor).filter(|value| !value.is_null());
                there.is_some_and(|value| value.get("Enabled") != Some(&Value::Bool(false)))
            };
            if counts(before) && !counts(after) && mfa_before != "OFF" && mfa_after != "OFF" {
                self.add(item, "mfa-weakened", format!("`{factor}` no longer counts"));
            }
        }
    }

    fn client(&mut self, item: &Item, before: &Value, after: &Value) {
        let with_default = |of: &Value, member: &str| {
            let value = of.get(member).cloned().or_else(|| item.kind.kept(member).flatten());
            serde_json::json!({ member: value.unwrap_or_default() })
        };
        for list in ["ExplicitAuthFlows", "AllowedOAuthFlows"] {
            if let Some(added) = added(&with_default(before, list), &with_default(after, list), list) {
                self.add(item, "auth-flow-added", format!("`{list}` gains {added}"));
            }
        }
        let switch = "AllowedOAuthFlowsUserPoolClient";
        let on = |of: &Value| of.get(switch) == Some(&Value::Bool(true));
        if on(after) && !on(before) {
            self.add(item, "auth-flow-added", "its OAuth flows and scopes take effect");
        }
        if let Some(added) = added(before, after, "AllowedOAuthScopes") {
            self.add(item, "access-widened", format!("tokens of the client may carry {added}"));
        }
    }

    fn replace(&mut self, item: &Item) {
        match item.kind.name {
            "gateway" => {
                self.add(item, "endpoint-changes", "its URL and ARN change");
                self.add(item, "interrupts", "there is no gateway until the new one is open");
            }
            "runtime" => {
                self.add(item, "endpoint-changes", "its ARN changes");
                self.add(item, "interrupts", "there is no runtime until the new one is ready");
            }
            "user_pool_client" => self.add(item, "endpoint-changes", "its client id and secret change"),
            "user_pool_domain" => self.add(item, "endpoint-changes", "the host of the token endpoint changes"),
            "gateway_target" if item.stands_beside_its_old_self() => {
                self.add(
                    item,
                    "endpoint-changes",
                    format!("its tools are called `{}___…` from now on", item.live_name()),
                );
            }
            "gateway_target" => self.add(item, "interrupts", "its tools are away until the new target is ready"),
            _ => {}
        }
    }

    fn delete(&mut self, item: &Item, items: &[Item], towards: Towards) {
        let users =
            item.live.as_ref().and_then(|live| live.document.get("EstimatedNumberOfUsers")).and_then(Value::as_i64);
        if item.kind.name == "user_pool" && users.is_some_and(|users| users > 0) {
            let users = users.unwrap_or_default();
            self.add(item, "data-loss", format!("the pool goes with its users, about {users}"));
        }
        let makes_room = |other: &&Item| {
            other.kind == item.kind && other.action == Action::Create && other.parent() == item.parent()
        };
        if item.kind.name == "user_pool_domain" && items.iter().any(|other| makes_room(&other)) {
            self.add(item, "endpoint-changes", "the host of the token endpoint changes");
        }
        // A forbid that goes with its gateways stops nothing any more.
        let engine = item.live.as_ref().and_then(|live| live.parent.clone());
        let stays = engine.is_some_and(|engine| {
            items.iter().any(|item| {
                item.kind.name == "gateway"
                    && item.action != Action::Delete
                    && attached_engine(item, items) == Some(engine.clone())
            })
        });
        if towards == Towards::Manifest
            && item.kind.name == "policy"
            && stays
            && item.is_forbid()
            && item.successor(&items.iter().collect::<Vec<_>>()).is_none()
        {
            self.add(item, "forbid-removed", "calls it stopped go through if a permit covers them");
        }
    }

    /// A policy of a gateway that is open to callers: a new or changed permit, a changed forbid.
    fn policy(&mut self, item: &Item, items: &[Item]) {
        if !matches!(item.action, Action::Create | Action::Update | Action::Replace) {
            return;
        }
        let engine = item.resource.as_ref().and_then(|resource| resource.parent.clone());
        let open = items.iter().any(|gateway| {
            gateway.kind.name == "gateway"
                && engine.is_some()
                && attached_engine(gateway, items) == engine
                && gateway.was_open()
        });
        if !open {
            return;
        }
        let mode = |of: &Value| of.get("enforcementMode").and_then(Value::as_str).unwrap_or("ACTIVE").to_owned();
        let before = item.live.as_ref().map(|live| live::view(item.kind, &live.document));
        let active_before = before.as_ref().is_some_and(|before| mode(before) == "ACTIVE");
        let active_after = mode(&item.desired) == "ACTIVE";
        let statement_changes = before.as_ref().is_none_or(|before| {
            let texts = (
                before.get("definition").and_then(statement_of),
                item.desired.get("definition").and_then(statement_of),
            );
            !matches!(texts, (Some(before), Some(after)) if crate::diff::same_statement(before, after))
        });
        let forbid = item.is_forbid();
        if active_before && !active_after && forbid {
            self.add(item, "enforcement-weakened", "the forbid is only logged from now on");
        }
        let was_forbid = item.live_is_forbid();
        if statement_changes && was_forbid && active_before {
            self.add(item, "forbid-removed", "the forbid changes: calls it stopped may go through");
        }
        if !forbid && active_after && (statement_changes || !active_before) {
            self.add(
                item,
                "access-widened",
                "a permit of an open gateway is new or changes: more calls may go through",
            );
        }
    }
}

/// What a list gains; nothing if it gains nothing.
fn added(before: &Value, after: &Value, list: &str) -> Option<String> {
    let items = |of: &Value| of.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let there = items(before);
    let new: Vec<String> = items(after)
        .iter()
        .filter(|item| !there.contains(item))
        .map(|item| format!("`{}`", crate::reference::display(item.as_str().unwrap_or_default())))
        .collect();
    (!new.is_empty()).then(|| new.join(", "))
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
