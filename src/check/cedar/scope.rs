//! The service's rule about a policy's resource: specific actions name one gateway, every action any gateway.

use std::ops::Range;

use cedar_policy::{ActionConstraint, Policy, ResourceConstraint};
use serde_json::Value;

use super::place::Text;
use super::tools::{Guarded, engine_of};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::manifest::cedar::{TokenKind, tokens};
use crate::reference::{Target, references};
use crate::stack::{Resource, Stack};

/// Whether the service accepts the scope.
pub(super) fn check(text: &Text<'_>, policy: &Policy, guarded: &Guarded<'_>, found: &mut Vec<Diagnostic>) -> bool {
    let every_action = policy.action_constraint() == ActionConstraint::Any;
    let gateway = match guarded.gateways.as_slice() {
        [gateway] => gateway.address.name.as_str(),
        _ => "NAME",
    };
    let exact = format!("`resource == AgentCore::Gateway::\"${{gateway.{gateway}.arn}}\"`");
    let place = || text.span(&resource_clause(text.statement()));
    let diagnostic = match policy.resource_constraint() {
        ResourceConstraint::Any => {
            let help = if every_action {
                format!("write `resource is AgentCore::Gateway`, or {exact}")
            } else {
                format!("write {exact}")
            };
            text.error("cedar::bare-resource", "the policy does not say which gateway it is about")
                .at(place(), "")
                .help(help)
        }
        ResourceConstraint::Is(_) if !every_action => text
            .error("cedar::resource-too-wide", "a policy for certain actions must name one gateway")
            .at(place(), "any gateway")
            .help(format!("write {exact}")),
        _ => return true,
    };
    found.push(diagnostic);
    false
}

/// Whether every gateway of the manifest that the policy names is one that the policy's engine decides for.
pub(super) fn names_own_gateways(
    stack: &Stack,
    engine: &Address,
    text: &Text<'_>,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let mut ours = true;
    for reference in references(&Value::String(text.statement().to_owned())) {
        let Target::Output(address, _) = &reference.target else { continue };
        let is_known = |resource: &&Resource| resource.kind.name == "gateway" && resource.existing.is_none();
        let Some(gateway) = stack.resource(address).filter(is_known) else {
            continue;
        };
        let configured = gateway.document.get("policyEngineConfiguration").is_some();
        let other = engine_of(gateway);
        // An engine given by its ARN may be any.
        if other.as_ref() == Some(engine) || (configured && other.is_none()) {
            continue;
        }
        ours = false;
        let message = match &other {
            Some(other) => format!("`{address}` is decided by `{other}`, not by `{engine}`"),
            None => format!("`{address}` has no policy engine, so a policy about it decides nothing"),
        };
        // The other policies about this gateway say the same.
        if found.iter().any(|known| known.code == "cedar::other-engine" && known.message == message) {
            continue;
        }
        found.push(
            text.warning("cedar::other-engine", message)
                .at(text.span_of(&reference.mark()), "")
                .with(gateway.span_of("policyEngineConfiguration").clone(), "the gateway")
                .help(format!("attach the engine with `policy_engine = \"{}\"`, or move the policy", engine.name)),
        );
    }
    ours
}

/// The bytes of the scope's last clause: from `resource` to the parenthesis that ends the scope.
fn resource_clause(statement: &str) -> Range<usize> {
    let mut start = 0;
    for token in tokens(statement).into_iter().filter(|token| token.kind == TokenKind::Mark) {
        match statement.get(token.range.clone()) {
            Some("(" | ",") => start = token.range.end,
            Some(")") => {
                let clause = statement.get(start..token.range.start).unwrap_or_default();
                let start = start + clause.len() - clause.trim_start().len();
                return start..start + clause.trim().len();
            }
            _ => {}
        }
    }
    0..statement.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_clause_is_found_behind_strings_comments_and_lists() {
        for (statement, clause) in [
            ("permit(principal, action, resource);", "resource"),
            (
                "permit(principal == U::\"a, resource)\", // , resource)\n action in [A::\"x\", A::\"y\"],\n  resource is G\n);",
                "resource is G",
            ),
        ] {
            assert_eq!(&statement[resource_clause(statement)], clause);
        }
    }
}
