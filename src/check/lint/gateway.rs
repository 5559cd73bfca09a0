//! Gateways that policies name by their ARN: of this account, of this region, and of this manifest.

use cedar_policy::ResourceConstraint;
use serde_json::Value;

use crate::address::Address;
use crate::check::cedar::{Engine, Statement};
use crate::check::of_kind;
use crate::diagnostic::Diagnostic;
use crate::kind::GATEWAY;
use crate::reference::{Target, display, is_unknown, references};
use crate::stack::{Existing, Resource, Stack};

pub(super) fn check(stack: &Stack, engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let (ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid)) =
        statement.policy.resource_constraint()
    else {
        return;
    };
    let arn = uid.id().unescaped().to_owned();
    if let Some(gateway) = statement.gateway() {
        not_its_arn(statement, &gateway, &arn, found);
        return;
    }
    let gateways = || engine.guarded.gateways.iter();
    let hint = match gateways().next() {
        Some(gateway) => format!("write `resource == AgentCore::Gateway::\"${{{}.arn}}\"`", gateway.address),
        None => "write `resource == AgentCore::Gateway::\"${gateway.NAME.arn}\"`".to_owned(),
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let message = match parts.as_slice() {
        ["arn", _, "bedrock-agentcore", region, account, resource] if resource.starts_with("gateway/") => {
            let differs = |written: &str, own: Option<&String>| {
                own.is_some_and(|own| !is_unknown(written) && !is_unknown(own) && own != written)
            };
            let id = resource.trim_start_matches("gateway/");
            if differs(account, stack.account.as_ref()) {
                format!(
                    "the gateway is in the account {account}, not in {}",
                    stack.account.as_deref().unwrap_or_default()
                )
            } else if differs(region, stack.region.as_ref()) {
                format!("the gateway is in {region}, not in {}", stack.region.as_deref().unwrap_or_default())
            } else if is_unknown(id)
                || engine.is_foreign()
                || of_kind(stack, &GATEWAY).any(|gateway| is_of(gateway, id))
            {
                return;
            } else {
                format!("`{id}` is no gateway of this manifest")
            }
        }
        _ if is_unknown(&arn) => return,
        _ => format!("`{}` is no ARN of a gateway", display(&arn)),
    };
    found.push(
        statement
            .text
            .warning("lint::foreign-gateway", format!("{message}: the policy decides nothing here"))
            .at(statement.text.literal(&arn), "")
            .help(hint),
    );
}

/// A gateway that is named by another output than its ARN.
fn not_its_arn(statement: &Statement<'_>, gateway: &Address, arn: &str, found: &mut Vec<Diagnostic>) {
    let right = Target::Output(gateway.clone(), "arn".to_owned());
    let named = references(&Value::String(arn.to_owned()));
    let Some(other) = named.first().filter(|_| gateway.kind == GATEWAY.name) else { return };
    if named.iter().any(|found| found.target == right) {
        return;
    }
    let message = format!("`{}` is no ARN of a gateway: the policy decides nothing here", display(arn));
    found.push(
        statement
            .text
            .warning("lint::foreign-gateway", message)
            .at(statement.text.span_of(&other.mark()), "")
            .help(format!("write `resource == AgentCore::Gateway::\"${{{gateway}.arn}}\"`")),
    );
}

/// The gateway is, or may be, the one with this id.
fn is_of(gateway: &Resource, id: &str) -> bool {
    match &gateway.existing {
        Some(Existing::Id(known)) => known == id || is_unknown(known),
        Some(Existing::Stack { .. }) => true,
        None => gateway.adopt.as_deref().is_some_and(|known| known == id || is_unknown(known)),
    }
}
