//! Policies that only report, where callers are real.

use serde_json::Value;

use crate::check::cedar::{Engine, engine_of};
use crate::check::of_kind;
use crate::diagnostic::Diagnostic;
use crate::kind::GATEWAY;
use crate::stack::Stack;

/// Names of environments whose callers are real.
const PRODUCTION: [&str; 4] = ["prod", "production", "prd", "live"];

pub(super) fn check(stack: &Stack, engines: &[Engine<'_>], found: &mut Vec<Diagnostic>) {
    let Some(environment) = stack.environment.as_deref().filter(|name| PRODUCTION.contains(name)) else { return };
    for engine in engines {
        for policy in &engine.policies {
            if policy.document.get("enforcementMode").and_then(Value::as_str) == Some("LOG_ONLY") {
                let message = format!("in `{environment}` the policy `{}` only reports", policy.address);
                found.push(
                    Diagnostic::warning("lint::log-only", message)
                        .at(policy.span_of("enforcementMode").clone(), "decides nothing")
                        .help("write `enforcement_mode = \"ACTIVE\"` once the metric `LogOnlyMatches` shows what is expected")
                        .about(&policy.address),
                );
            }
        }
    }
    for gateway in of_kind(stack, &GATEWAY) {
        let mode = gateway.document.pointer("/policyEngineConfiguration/mode").and_then(Value::as_str);
        let engine = engine_of(gateway);
        // An open gateway in this mode was told.
        let open = matches!(
            gateway.document.get("authorizerType").and_then(Value::as_str),
            Some("NONE" | "AUTHENTICATE_ONLY")
        );
        if mode == Some("LOG_ONLY")
            && !open
            && engine.is_some_and(|engine| engines.iter().any(|known| known.resource.address == engine))
        {
            found.push(
                Diagnostic::warning(
                    "lint::log-only",
                    format!(
                        "in `{environment}` the policies of `{}` only report: every call succeeds",
                        gateway.address
                    ),
                )
                .at(gateway.span_of("policyEngineConfiguration.mode").clone(), "")
                .help("write `policy_mode = \"ENFORCE\"` once the metric `LogOnlyDecisionFlips` shows what is expected")
                .about(&gateway.address),
            );
        }
    }
}
