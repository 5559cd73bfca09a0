//! Risks: steps that weaken security, interrupt callers or lose data. Each is refused unless it was accepted.

use serde_json::Value;

use super::attachment::{is_relocked, leaves_engine, opens_with_its_targets};
use super::item::Item;
use super::items::Items;
use super::lock::Opening;
use super::make::Towards;
use super::weakening::{self, Weakening};
use super::{Action, Risk};
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
        "A user pool goes with its users, or a credential provider with the secret that the service keeps for it. Deleting cannot be undone. Export what is needed first, then accept it.",
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
pub(super) fn risks(items: &Items, towards: Towards) -> Vec<Risk> {
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
        found.risks.push(Risk {
            code: "mass-delete".into(),
            address: String::new(),
            message,
            accepted: false,
            decision: None,
            persona: None,
            tool: None,
        });
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
            None => self.risks.push(Risk {
                code: code.to_owned(),
                address,
                message,
                accepted: false,
                decision: None,
                persona: None,
                tool: None,
            }),
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
            _ => self.weaker(item, weakening::weakenings(item.kind, &before, after)),
        }
        match item.kind.name {
            // Whom closing cuts off was not to be let in.
            _ if item.closing => {}
            "gateway" if !item.unlock => self.other_callers(item, &before, after),
            "runtime" => self.other_callers(item, &before, after),
            "user_pool" => {
                let protected = |of: &Value| of.get("DeletionProtection").and_then(Value::as_str) == Some("ACTIVE");
                if protected(&before) && !protected(after) {
                    self.add(item, "protection-removed", "the pool can be deleted from now on");
                }
            }
            _ => {}
        }
    }

    fn weaker(&mut self, item: &Item, weakenings: Vec<Weakening>) {
        for (code, message) in weakenings {
            self.add(item, code, message);
        }
    }

    fn gateway(&mut self, item: &Item, before: &Value, after: &Value) {
        self.weaker(item, weakening::firewall(before, after));
        if item.unlock && item.unfinished {
            // It never let anybody in: whom it opens to, and how it decides, is new and not weaker.
            return;
        }
        if item.unlock {
            self.reopening(item, after);
        } else {
            self.weaker(item, weakening::weakenings(item.kind, before, after));
        }
        let swaps = weakening::engine(before, after);
        if !swaps.is_empty() {
            self.add(item, "interrupts", "nobody gets through until the policies of the new engine are active");
            self.weaker(item, swaps);
        }
    }

    /// A running gateway that was locked by a run which did not get to its end. It does not show what it was; its tag tells whether
    /// it opens to what it was, or to what that run had been allowed to make of it.
    fn reopening(&mut self, item: &Item, after: &Value) {
        let opening = item.live.as_ref().map(|live| Opening::of(&live.tags, after));
        let Some(Opening { authorizer, interceptors, engine }) = opening else { return };
        if authorizer {
            self.add(item, "authorizer-weakened", "it is locked, and would open to other callers than before it was");
        }
        if interceptors {
            self.add(
                item,
                "interceptor-removed",
                "it is locked, and other interceptors than before would see its calls",
            );
        }
        if engine {
            // A locked gateway enforces, or is without the engine that is made anew.
            let enforcing = serde_json::json!({"policyEngineConfiguration": {"mode": "ENFORCE"}});
            self.weaker(item, weakening::enforcement(&enforcing, after));
        }
    }

    /// Callers that were let in, and are cut off because others are.
    fn other_callers(&mut self, item: &Item, before: &Value, after: &Value) {
        let type_of = |of: &Value| of.get("authorizerType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let tokens = |of: &Value| of.pointer("/authorizerConfiguration/customJWTAuthorizer").is_some();
        if type_of(before) != type_of(after) {
            self.add(item, "interrupts", format!("callers that {} let in are cut off", type_of(before)));
        } else if item.kind.name == "runtime" && tokens(after) && !tokens(before) {
            self.add(item, "interrupts", "callers that sign their requests are cut off");
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

    fn delete(&mut self, item: &Item, items: &Items, towards: Towards) {
        if item.kind.name == "user_pool" {
            let document = item.live.as_ref().map(|live| &live.document);
            match document.and_then(|document| document.get("EstimatedNumberOfUsers")).and_then(Value::as_i64) {
                Some(0) => {}
                Some(users) => self.add(item, "data-loss", format!("the pool goes with its users, about {users}")),
                None => self.add(item, "data-loss", "the pool goes with its users, and nobody knows how many"),
            }
        }
        let kept_by_service = |document: &Value| {
            let sources = ["apiKeySecretSource", "clientSecretSource"];
            !sources.iter().any(|source| document.get(*source).and_then(Value::as_str) == Some("EXTERNAL"))
        };
        if matches!(item.kind.name, "api_key_credential_provider" | "oauth2_credential_provider")
            && item.live.as_ref().is_some_and(|live| kept_by_service(&live.document))
        {
            self.add(item, "data-loss", "the secret that the service keeps for it goes with it");
        }
        let makes_room = |other: &&Item| {
            other.kind == item.kind && other.action == Action::Create && other.parent() == item.parent()
        };
        if item.kind.name == "user_pool_domain" && items.iter().any(|other| makes_room(&other)) {
            self.add(item, "endpoint-changes", "the host of the token endpoint changes");
        }
        // A forbid that goes with its gateways stops nothing any more.
        let engine = item.live.as_ref().and_then(|live| live.parent.clone());
        let siblings: Vec<&Item> = engine.iter().flat_map(|engine| items.within(engine)).collect();
        let stays =
            engine.is_some_and(|engine| items.attached_to(&engine).any(|gateway| gateway.action != Action::Delete));
        if towards == Towards::Manifest
            && item.kind.name == "policy"
            && stays
            && item.is_forbid()
            && item.successor(&siblings).is_none()
        {
            self.add(item, "forbid-removed", "calls it stopped go through if a permit covers them");
        }
    }

    /// A policy of a gateway that has callers: a permit that lets more through, a forbid that stops less.
    fn policy(&mut self, item: &Item, items: &Items) {
        if !matches!(item.action, Action::Create | Action::Update | Action::Replace) {
            return;
        }
        let engine = item.resource.as_ref().and_then(|resource| resource.parent.clone());
        let open = engine.is_some_and(|engine| items.attached_to(&engine).any(Item::has_callers));
        if open {
            let before = item.live.as_ref().map(|live| live::view(item.kind, &live.document));
            self.weaker(item, weakening::policy(before.as_ref(), Some(&item.desired)));
        }
    }
}
