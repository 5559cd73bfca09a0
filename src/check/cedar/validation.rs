//! Types: a policy is validated strictly against the schema that the service derives from the tools.

use std::ops::Range;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{EntityUid, Policy, PolicySet, ValidationMode, ValidationResult, Validator};
use serde_json::Value;

use super::expression::{asked_claim, conditions, parts as conjuncts};
use super::place::Text;
use super::tools::Guarded;
use super::words::{ESCAPED_MARK, plain, said};
use crate::access::condition::parts;
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
    let alone = if errors.is_empty() { Vec::new() } else { one_by_one(text, form, validator) };
    let mut told: Vec<String> = Vec::new();
    for (message, place, help) in errors {
        let wrong = text.excerpt(&place);
        let has_it = |problems: &[String]| problems.contains(&message);
        let unfit: Vec<&str> = alone.iter().filter(|(_, all)| has_it(all)).map(|(tool, _)| tool.as_str()).collect();
        let (mut message, mut help) = said(&message, wrong, form, help);
        if !unfit.is_empty() && unfit.len() < alone.len() {
            let fitting = alone.iter().filter(|(_, problems)| problems.is_empty()).count();
            help = Some(match help {
                // A tool that has no such argument never gets one.
                help if message.starts_with("no tool that") || help.is_none() => {
                    let others =
                        if fitting + unfit.len() == alone.len() { ", and fits the others it names" } else { "" };
                    format!("it does not fit {}{others}: write two", some(&unfit))
                }
                help => format!("{} (for {})", help.unwrap_or_default(), some(&unfit)),
            });
            message = message.replacen("no tool that", "not every tool that", 1);
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

/// So many names are enough to know which.
const ENOUGH: usize = 8;

fn some(names: &[&str]) -> String {
    let shown = listed(names.get(..ENOUGH).unwrap_or(names));
    match names.len().saturating_sub(ENOUGH) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What is wrong with a policy for each of the tools that it names, those of a group one by one.
fn one_by_one(text: &Text<'_>, form: &Value, validator: &Validator) -> Vec<(String, Vec<String>)> {
    let named = form.pointer("/action/entities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named: Vec<&str> =
        named.iter().chain(form.pointer("/action/entity")).filter_map(|one| one.get("id")?.as_str()).collect();
    let schema = validator.schema();
    let Ok(groups) = schema.action_entities() else { return Vec::new() };
    let mut tools: Vec<EntityUid> = schema
        .request_envs()
        .map(|environment| environment.action().clone())
        .filter(|tool| {
            let is_it = |id: &str| named.contains(&id);
            let within = groups.ancestors(tool).into_iter().flatten();
            is_it(tool.id().unescaped()) || within.into_iter().any(|group| is_it(group.id().unescaped()))
        })
        .collect();
    tools.sort_by(|one, other| one.id().cmp(other.id()));
    tools.dedup();
    if tools.len() < 2 {
        return Vec::new();
    }
    let Some(place) = parts(text.statement()).map(|parts| parts.action) else { return Vec::new() };
    let problems = |tool: &EntityUid| {
        let mut alone = text.statement().to_owned();
        alone.replace_range(place.clone(), &format!("action == {tool}"));
        let set = PolicySet::from_policies([Policy::parse(None, alone).ok()?]).ok()?;
        let result = validator.validate(&set, ValidationMode::Strict);
        Some(result.validation_errors().map(|error| plain(&DetailedError::from(error).message)).collect::<Vec<_>>())
    };
    tools.iter().filter_map(|tool| Some((tool.id().unescaped().to_owned(), problems(tool)?))).collect()
}

/// What Cedar says of text that may not be what it looks like.
const LOOKALIKE: [&str; 4] = ["mixed scripts", "BIDI control characters", "security profile", "confusable"];

/// What Cedar warns about.
fn suspicions(text: &Text<'_>, form: &Value, result: &ValidationResult, found: &mut Vec<Diagnostic>) {
    let warnings = result.validation_warnings().map(DetailedError::from);
    // Cedar takes offence at the characters that stand for a reference.
    let warnings = messages(text, warnings.filter(|warning| !holds_mark(&warning.message)));
    let (scopes, others): (Vec<_>, Vec<_>) =
        warnings.into_iter().partition(|(message, ..)| message.starts_with("unable to find an applicable action"));
    for (message, place, _) in others {
        if LOOKALIKE.iter().any(|words| message.contains(words)) {
            let help = "type it again, letter by letter; what was copied may hold characters that do not show";
            found.push(text.warning("cedar::lookalike", message).at(text.span(&place), "").help(help));
            continue;
        }
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
    let all = || conditions(form).flat_map(|(_, body)| conjuncts(body));
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
        (
            "its conditions contradict each other or the types of its scope, or ask for an input that no tool of it has",
            None,
        )
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
