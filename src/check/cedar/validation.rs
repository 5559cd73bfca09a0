//! Types: a policy is validated strictly against the schema that the service derives from the tools.

use std::collections::HashSet;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicySet, ValidationMode};

use super::place::Text;
use super::tools::Guarded;
use crate::diagnostic::{Diagnostic, Span};
use crate::reference;

/// What people wrote when Cedar says this, and what to write instead.
const HINTS: &[(&str, &str)] = &[
    ("saw decimal", "a `number` is a decimal: `context.input.NAME.lessThan(decimal(\"1.0\"))`"),
    ("optional attribute", "test it first: `context.input has NAME && …`"),
    ("saw String", "a claim is always a string: compare it with `==` or `like`"),
    ("entity type `AgentCore::IamEntity`", "only token holders have claims: `principal is AgentCore::OAuthUser`"),
    ("does not have tags", "only token holders have claims: `principal is AgentCore::OAuthUser`"),
    ("tag", "test it first: `principal.hasTag(\"NAME\") && …`"),
];

pub(super) fn check(text: &Text<'_>, policy: Policy, guarded: &Guarded<'_>, found: &mut Vec<Diagnostic>) {
    let Some(validator) = &guarded.validator else { return };
    let Ok(set) = PolicySet::from_policies([policy]) else { return };
    let result = validator.validate(&set, ValidationMode::Strict);
    // One mistake shows once for every principal type and action.
    let mut places: HashSet<Span> = HashSet::new();
    for error in result.validation_errors().map(DetailedError::from) {
        let place = place(text, &error);
        if !places.insert(place.clone()) {
            continue;
        }
        let message = words(&error.message);
        let hint = HINTS.iter().find(|(sign, _)| message.contains(sign)).map(|(_, hint)| (*hint).to_owned());
        let mut diagnostic =
            text.error("cedar::validation", format!("the policy does not fit the tools' types: {message}"));
        diagnostic = diagnostic.at(place, "");
        if let Some(help) = hint.or(error.help) {
            diagnostic = diagnostic.help(help);
        }
        found.push(diagnostic);
    }
    if !places.is_empty() {
        return;
    }
    for warning in result.validation_warnings().map(DetailedError::from) {
        let place = place(text, &warning);
        found.push(text.warning("cedar::never-applies", words(&warning.message)).at(place, ""));
    }
}

fn place(text: &Text<'_>, error: &DetailedError) -> Span {
    match error.source_locations.first() {
        Some(label) => text.span(&(label.loc.start..label.loc.end)),
        None => text.whole(),
    }
}

/// Cedar's message without the policy's name, which the place says already, and with references as people write them.
fn words(message: &str) -> String {
    let short =
        message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")).map_or(message, |(_, rest)| rest);
    reference::display(short)
}
