//! Cedar's messages in the words of this tool: what is wrong with a policy of a gateway, and what to write instead.

use serde_json::Value;

use super::expression::{claim, conditions, parts, text};
use crate::manifest::exact::has;
use crate::reference;
use crate::stack::Claim;

/// How Cedar shows the first character of a mark.
pub(super) const ESCAPED_MARK: &str = "\\u{e000}";

/// Types of callers, for a help line.
const CALLERS: &str = "callers are `AgentCore::OAuthUser` (who sent a token) and `AgentCore::IamEntity` (who signed the request); \
    groups and roles are claims: `principal.getTag(\"…\")`";

/// Cedar's message without the policy's name and the action, which the place says, and with references as people write them.
pub(super) fn plain(message: &str) -> String {
    let named = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    let short = named.map_or(message, |(_, rest)| rest);
    let short = short.split_once(" in context for ").map_or(short, |(short, _)| short);
    // Cedar shows the characters of a mark escaped.
    let marks = short.replace(ESCAPED_MARK, "\u{E000}").replace("\\u{e001}", "\u{E001}").replace("\\t", "\t");
    reference::display(&marks)
}

/// Message and help for what Cedar says of `wrong`, a part of the policy's text; `help` is Cedar's own.
pub(super) fn said(message: &str, wrong: &str, form: &Value, help: Option<String>) -> (String, Option<String>) {
    let name = quoted(message);
    let last = name.rsplit('.').next().unwrap_or(name);
    let some = |message: String, help: String| (message, Some(help));
    if message.contains("access to optional attribute") {
        let help = if is_denied(form, last) {
            format!(
                "a negated `has` guarantees nothing: write `!(context.{name_} has {last} && context.{name} != …)`",
                name_ = parent(name)
            )
        } else {
            format!("test it first: `context.{} has {last} && …`", parent(name))
        };
        return some(format!("`{name}` is optional, and nothing makes sure that it is there"), help);
    }
    if message.contains("access to tag") {
        return some(
            format!("a token may lack the claim `{name}`, and nothing makes sure that it is there"),
            format!("test it first: `principal.hasTag(\"{name}\") && …`"),
        );
    }
    if message.contains("does not have tags") {
        return some(
            "an IAM caller has no claims".to_owned(),
            "only the holder of a token has claims: write `principal is AgentCore::OAuthUser`".to_owned(),
        );
    }
    if let Some((expected, saw)) =
        message.split_once(": expected ").and_then(|(_, types)| types.split_once(" but saw "))
    {
        return mismatch(message, (expected, saw), wrong, form, help);
    }
    if message.contains("are not compatible") {
        let claim = wrong.contains("getTag(");
        let help = if claim {
            "a claim is always text, a number its digits, a list its JSON text: compare it with a string in quotes"
        } else if message.contains("decimal") {
            "a `number` is a decimal: compare it with `decimal(\"1.0\")`"
        } else {
            "both sides must have the same type"
        };
        return some(format!("two values of different types are compared: {message}"), help.to_owned());
    }
    if message.starts_with("unrecognized entity type") {
        let help = help.filter(|help| help.contains("OAuthUser") || help.contains("IamEntity"));
        return (format!("there is no type `{name}`"), Some(help.unwrap_or_else(|| CALLERS.to_owned())));
    }
    if message.contains("parse as a decimal value") {
        let help = "write `decimal(\"500.0\")`: one to four digits stand behind the point".to_owned();
        return (format!("`{name}` is no decimal"), Some(help));
    }
    if message.contains("on entity type `AgentCore::Gateway`") {
        let help = "the scope says which gateway is meant: `resource == AgentCore::Gateway::\"${gateway.NAME.arn}\"`";
        return some(format!("a gateway has no attribute `{name}`"), help.to_owned());
    }
    if message.contains("on entity type") && message.contains("not found") {
        let help = format!("claims are tags: `principal.hasTag(\"{name}\") && principal.getTag(\"{name}\") == …`");
        return some(format!("a caller has no attribute `{name}`"), help);
    }
    if message.starts_with("attribute `") {
        return match name.strip_prefix("input.") {
            Some(argument) => (format!("no tool that the policy is about has an argument `{argument}`"), help),
            None if name == "output" => some(
                "what a tool answers is not known to a policy".to_owned(),
                "policies see the arguments of a call, in `context.input`; answers are for guardrails".to_owned(),
            ),
            None => some(
                format!("the context has no attribute `{name}`"),
                format!("the arguments of a call are in `context.input`: `context.input.{name}`"),
            ),
        };
    }
    (format!("the policy does not fit the tools' types: {message}"), help)
}

/// A value is not of the type that is needed.
fn mismatch(
    message: &str,
    (expected, saw): (&str, &str),
    wrong: &str,
    form: &Value,
    help: Option<String>,
) -> (String, Option<String>) {
    let claim = wrong.contains("getTag(");
    let (message, help) = match (expected, saw) {
        (_, "decimal") if expected.contains("Long") => (
            "a `number` is a decimal, which `<` and `>` do not compare".to_owned(),
            "write `….lessThan(decimal(\"1.0\"))`, `lessThanOrEqual`, `greaterThan` or `greaterThanOrEqual`".to_owned(),
        ),
        (_, "String") if expected.starts_with("Set") => (
            if claim { "a claim is text, and no set" } else { "text is no set" }.to_owned(),
            if claim { membership(form) } else { "compare it with `==` or `like`".to_owned() },
        ),
        (_, "String") if claim => (
            format!("a claim is text, and no {}", said_type(expected)),
            "compare it with `==` or `like`, a number as its digits in quotes".to_owned(),
        ),
        ("decimal", "Long") => (
            "a whole number is no decimal".to_owned(),
            "write the number as `decimal(\"500.0\")`; an `integer` argument is compared with `<` and `==` instead"
                .to_owned(),
        ),
        ("String", set) if set.starts_with("Set") => {
            ("a set is no text".to_owned(), "ask whether it contains a value: `….contains(\"…\")`".to_owned())
        }
        ("datetime", "String") => {
            ("text is no time".to_owned(), "write `datetime(\"2030-01-01T00:00:00Z\")`".to_owned())
        }
        _ => return (format!("the policy does not fit the tools' types: {message}"), help),
    };
    (message, Some(help))
}

/// How to test for what a policy asks of a claim as if that were a set.
fn membership(form: &Value) -> String {
    let asked = conditions(form).flat_map(|(_, body)| parts(body)).find_map(|part| {
        let sides = part.get("contains")?;
        Some((claim(sides.get("left")?)?.to_owned(), text(sides.get("right")?)?.to_owned()))
    });
    match asked {
        Some((name, value)) => {
            let (list, what) =
                if name == "scope" { (false, "words between blanks") } else { (true, "the JSON text of a list") };
            format!("it is {what}: write `{}`", reference::display(&has(&Claim { name, list }, &value)))
        }
        None => "a list is its JSON text, scopes are words between blanks: look for each value with `like`".to_owned(),
    }
}

fn said_type(cedar: &str) -> &str {
    match cedar {
        "Long" => "whole number",
        "Bool" => "truth value",
        other => other,
    }
}

/// The first quoted piece of a message, without quotes of its own.
fn quoted(message: &str) -> &str {
    message.split('`').nth(1).unwrap_or("NAME").trim_matches('"')
}

/// What a name is a member of: `input` of `input.limit`.
fn parent(name: &str) -> &str {
    name.rsplit_once('.').map_or("input", |(parent, _)| parent)
}

/// A negated `has` of this attribute stands somewhere.
fn is_denied(form: &Value, attribute: &str) -> bool {
    conditions(form)
        .flat_map(|(_, body)| parts(body))
        .any(|part| part.pointer("/!/arg/has/attr").is_some_and(|denied| denied == attribute))
}
