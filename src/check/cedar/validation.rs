//! Types: a policy is validated strictly against the schema that the service derives from the tools.

use std::ops::Range;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicySet, ValidationMode, ValidationResult, Validator};
use serde_json::{Value, json};

use super::expression::{asked_claim, conditions, parts};
use super::place::Text;
use super::tools::Guarded;
use super::words::{ESCAPED_MARK, plain, said};
use crate::diagnostic::Diagnostic;
use crate::manifest::nearest::listed;
use crate::reference::holds_mark_character;

/// A message of Cedar, the bytes it is about, and Cedar's help.
type Said = (String, Range<usize>, Option<String>);

pub(super) fn check(
    text: &Text<'_>,
    policy: &Policy,
    form: &Value,
    guarded: &mut Guarded<'_>,
    untyped: &[String],
    found: &mut Vec<Diagnostic>,
) {
    let decides_all = guarded.decides_all(policy);
    let Some(validator) = guarded.validator(policy, untyped) else { return };
    let Ok(set) = PolicySet::from_policies([policy.clone()]) else { return };
    let result = validator.validate(&set, ValidationMode::Strict);
    let errors = first_causes(text, messages(text, result.validation_errors().map(DetailedError::from)));
    if errors.is_empty() && decides_all {
        suspicions(text, form, &result, found);
    }
    let unfit = if errors.is_empty() { Vec::new() } else { unfit(form, validator) };
    let mut told: Vec<String> = Vec::new();
    for (message, place, help) in errors {
        let wrong = text.excerpt(&place);
        let (mut message, mut help) = said(&message, wrong, form, help);
        if !unfit.is_empty() {
            message = message.replacen("no tool that", "not every tool that", 1);
            let names: Vec<&str> = unfit.iter().map(String::as_str).collect();
            help = Some(format!("it does not fit {}, and fits the others it names: write two", listed(&names)));
        }
        // The same mistake in the next line is the same mistake.
        if told.contains(&message) {
            continue;
        }
        let mut diagnostic = text.error("cedar::validation", message.clone()).at(text.span(&place), "");
        diagnostic.help = help;
        told.push(message);
        found.push(diagnostic);
    }
}

/// A condition that does not fit the types takes what it makes sure of from all that follow. Whether they test first shows in the text.
fn first_causes(text: &Text<'_>, errors: Vec<Said>) -> Vec<Said> {
    let is_guarded = |(message, place, _): &Said| {
        let before = text.excerpt(&(0..place.start));
        let name = message.split('`').nth(1).unwrap_or_default();
        let last = name.trim_matches('"').rsplit('.').next().unwrap_or_default();
        message.contains("access to tag") && before.contains(&format!("hasTag(\"{last}\")"))
            || message.contains("access to optional attribute") && before.contains(&format!("has {last}"))
    };
    let mut kept: Vec<Said> = Vec::new();
    for error in errors {
        if kept.is_empty() || !is_guarded(&error) {
            kept.push(error);
        }
    }
    kept
}

/// The actions that a policy does not fit, where it fits others of those that it names.
fn unfit(form: &Value, validator: &Validator) -> Vec<String> {
    let fits = |action: &Value| {
        let mut alone = form.clone();
        if let Some(members) = alone.as_object_mut() {
            members.insert("action".to_owned(), json!({"op": "==", "entity": action}));
        }
        let set = Policy::from_json(None, alone).ok().and_then(|policy| PolicySet::from_policies([policy]).ok());
        set.is_some_and(|set| validator.validate(&set, ValidationMode::Strict).validation_passed())
    };
    let actions = form.pointer("/action/entities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (fit, unfit): (Vec<&Value>, Vec<&Value>) = actions.iter().partition(|action| fits(action));
    let names = unfit.iter().filter_map(|action| Some(action.get("id")?.as_str()?.to_owned()));
    if fit.is_empty() { Vec::new() } else { names.collect() }
}

/// What Cedar warns about.
fn suspicions(text: &Text<'_>, form: &Value, result: &ValidationResult, found: &mut Vec<Diagnostic>) {
    let warnings = result.validation_warnings().map(DetailedError::from);
    // Cedar takes offence at the characters that stand for a reference.
    let warnings = messages(text, warnings.filter(|warning| !holds_mark(&warning.message)));
    let (scopes, others): (Vec<_>, Vec<_>) =
        warnings.into_iter().partition(|(message, ..)| message.starts_with("unable to find an applicable action"));
    for (message, place, _) in others {
        let impossible = message.starts_with("policy is impossible");
        let message = if impossible { "no call can ever match this policy".to_owned() } else { message };
        let diagnostic = text.warning("cedar::never-applies", message);
        if !impossible {
            found.push(diagnostic.at(text.span(&place), ""));
            continue;
        }
        let (help, part) = why_impossible(form, !scopes.is_empty());
        // The part that has to change, where one part is wrong.
        let place = part.map_or_else(|| text.span(&place), |part| text.span_of(part));
        found.push(diagnostic.at(place, "").help(help));
    }
}

/// A message shows the characters of a mark, escaped or as they are.
fn holds_mark(message: &str) -> bool {
    message.contains(ESCAPED_MARK) || holds_mark_character(message)
}

/// What to do about a policy that matches nothing, and the part of its text that is wrong.
fn why_impossible(form: &Value, unfit: bool) -> (&'static str, Option<&'static str>) {
    let all = || conditions(form).flat_map(|(_, body)| parts(body));
    let scope_type = form.pointer("/principal/entity_type").and_then(Value::as_str);
    let signer = scope_type == Some(super::SIGNER)
        || form.pointer("/principal/entity/type").and_then(Value::as_str) == Some(super::SIGNER);
    let attribute = |part: &Value| part.pointer("/has/left/Var").is_some_and(|of| of == "principal");
    if unfit {
        (
            "its scope fits no tool; a group of tools is named with `in`: `action in AgentCore::Action::\"…\"`",
            Some("action"),
        )
    } else if signer && all().any(|part| asked_claim(part).is_some()) {
        (
            "an IAM caller has no claims: write `principal is AgentCore::OAuthUser`, whose token has them",
            Some(super::SIGNER),
        )
    } else if all().any(attribute) {
        (
            "claims are tags, no attributes: `principal.hasTag(\"…\") && principal.getTag(\"…\") == …`",
            Some("principal has"),
        )
    } else {
        ("its conditions contradict each other, or the types of its scope", None)
    }
}

/// Cedar's messages with the bytes they are about and help. One mistake shows once for every action and principal type: once is
/// enough.
fn messages(text: &Text<'_>, errors: impl Iterator<Item = DetailedError>) -> Vec<Said> {
    let mut messages: Vec<_> = errors
        .map(|error| {
            let place = error.source_locations.first().map(|label| label.loc.start..label.loc.end);
            (plain(&error.message), place.unwrap_or(0..text.statement().len()), error.help)
        })
        .collect();
    messages.sort_by(|(message, place, _), (other, there, _)| {
        (place.start, place.end, message).cmp(&(there.start, there.end, other))
    });
    messages.dedup_by(|(message, place, _), (other, there, _)| message == other && place == there);
    messages
}
