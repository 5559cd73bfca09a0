//! User pools: features of a tier, and the domain that machines need.

use serde_json::Value;

use super::client::is_machine;
use super::{children, of_kind};
use crate::diagnostic::Diagnostic;
use crate::kind::{USER_POOL, USER_POOL_CLIENT, USER_POOL_DOMAIN};
use crate::stack::{Resource, Stack};

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for pool in of_kind(stack, &USER_POOL).filter(|pool| pool.existing.is_none()) {
        advanced_security(pool, found);
        token_endpoint(stack, pool, found);
    }
}

fn advanced_security(pool: &Resource, found: &mut Vec<Diagnostic>) {
    let mode = pool.document.pointer("/UserPoolAddOns/AdvancedSecurityMode").and_then(Value::as_str);
    let tier = pool.document.get("UserPoolTier").and_then(Value::as_str);
    let Some(mode @ ("AUDIT" | "ENFORCED")) = mode else { return };
    if tier == Some("PLUS") {
        return;
    }
    let mut diagnostic =
        Diagnostic::error("check::advanced-security-tier", format!("advanced security `{mode}` needs the tier `PLUS`"))
            .at(pool.span_of("UserPoolAddOns.AdvancedSecurityMode").clone(), "")
            .help("add `user_pool_tier = \"PLUS\"`")
            .about(&pool.address);
    if tier.is_some() {
        diagnostic = diagnostic.with(pool.span_of("UserPoolTier").clone(), "the tier");
    }
    found.push(diagnostic);
}

fn token_endpoint(stack: &Stack, pool: &Resource, found: &mut Vec<Diagnostic>) {
    let machine = children(stack, &USER_POOL_CLIENT, &pool.address).find(|client| is_machine(client));
    let Some(client) = machine else { return };
    if children(stack, &USER_POOL_DOMAIN, &pool.address).next().is_some() {
        return;
    }
    let message = format!("`{}` has no domain, so its machine clients can get no token", pool.address);
    found.push(
        Diagnostic::warning("check::no-token-endpoint", message)
            .at(client.span_of("AllowedOAuthFlows").clone(), "needs a token endpoint")
            .with(pool.span.clone(), "has no domain")
            .help(format!("add `[user_pool_domain.{0}]` with `user_pool = \"{0}\"`", pool.address.name))
            .about(&pool.address),
    );
}
