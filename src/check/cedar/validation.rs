//! Types: a policy is validated strictly against the schema that the service derives from the tools.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicySet, ValidationMode, ValidationResult};

use super::place::Text;
use super::tools::Guarded;
use crate::diagnostic::{Diagnostic, Span};
use crate::reference;

/// How Cedar shows the first character of a mark.
const ESCAPED_MARK: &str = "\\u{e000}";

/// A part of Cedar's message, and what to write instead; `NAME` is the name that the message is about.
const HINTS: &[(&str, &str)] = &[
    ("access to optional attribute", "test it first: `context.input has NAME && …`"),
    ("access to tag", "test it first: `principal.hasTag(\"NAME\") && …`"),
    ("does not have tags", "only the holder of a token has claims: write `principal is AgentCore::OAuthUser`"),
    ("expected Long but saw decimal", "a `number` is a decimal: `….lessThan(decimal(\"1.0\"))`"),
    ("but saw String", "a claim is always one string, a list its JSON text: compare it with `==` or `like`"),
];

pub(super) fn check(text: &Text<'_>, policy: Policy, guarded: &Guarded<'_>, found: &mut Vec<Diagnostic>) {
    let Some(validator) = &guarded.validator else { return };
    let Ok(set) = PolicySet::from_policies([policy]) else { return };
    let result = validator.validate(&set, ValidationMode::Strict);
    let errors = messages(text, result.validation_errors().map(DetailedError::from));
    if errors.is_empty() {
        suspicions(text, &result, found);
    }
    for (message, place, help) in errors {
        let hint = HINTS.iter().find(|(sign, _)| message.contains(sign));
        let hint = hint.map(|(_, hint)| hint.replace("NAME", subject(&message)));
        let message = format!("the policy does not fit the tools' types: {message}");
        let mut diagnostic = text.error("cedar::validation", message).at(place, "");
        if let Some(help) = hint.or(help) {
            diagnostic = diagnostic.help(help);
        }
        found.push(diagnostic);
    }
}

/// What Cedar warns about.
fn suspicions(text: &Text<'_>, result: &ValidationResult, found: &mut Vec<Diagnostic>) {
    let warnings = result.validation_warnings().map(DetailedError::from);
    // Cedar takes offence at the characters that stand for a reference.
    let warnings = messages(text, warnings.filter(|warning| !warning.message.contains(ESCAPED_MARK)));
    let (scopes, others): (Vec<_>, Vec<_>) =
        warnings.into_iter().partition(|(message, ..)| message.starts_with("unable to find an applicable action"));
    for (message, place, _) in others {
        let impossible = message.starts_with("policy is impossible");
        let message = if impossible { "no call can ever match this policy".to_owned() } else { message };
        let mut diagnostic = text.warning("cedar::never-applies", message).at(place, "");
        if impossible {
            diagnostic = diagnostic.help(if scopes.is_empty() {
                "its conditions contradict each other, or the types of its scope"
            } else {
                "its scope fits no tool; a group of tools is named with `in`: `action in AgentCore::Action::\"…\"`"
            });
        }
        found.push(diagnostic);
    }
}

/// Cedar's messages with place and help. One mistake shows once for every action and principal type: once is enough.
fn messages(text: &Text<'_>, errors: impl Iterator<Item = DetailedError>) -> Vec<(String, Span, Option<String>)> {
    let mut messages: Vec<(String, Span, Option<String>)> = errors
        .map(|error| {
            let place = match error.source_locations.first() {
                Some(label) => text.span(&(label.loc.start..label.loc.end)),
                None => text.whole(),
            };
            (words(&error.message), place, error.help)
        })
        .collect();
    messages.sort_by(|(message, place, _), (other, there, _)| {
        (place.range.start, place.range.end, message).cmp(&(there.range.start, there.range.end, other))
    });
    messages.dedup_by(|(message, place, _), (other, there, _)| message == other && place == there);
    messages
}

/// Cedar's message without the policy's name and the action, which the place says, and with references as people write them.
fn words(message: &str) -> String {
    let named = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    let short = named.map_or(message, |(_, rest)| rest);
    let short = short.split_once(" in context for ").map_or(short, |(short, _)| short);
    // Cedar shows the characters of a mark escaped.
    let marks = short.replace(ESCAPED_MARK, "\u{E000}").replace("\\u{e001}", "\u{E001}").replace("\\t", "\t");
    reference::display(&marks)
}

/// The last name in the first quoted piece of a message: `limit` of `input.limit`.
fn subject(message: &str) -> &str {
    let quoted = message.split('`').nth(1).unwrap_or("NAME");
    quoted.trim_matches('"').rsplit('.').next().unwrap_or(quoted)
}
