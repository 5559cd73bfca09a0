//! Cedar's messages about text that it cannot read, in words that help whoever wrote it.

use cedar_policy::ffi::DetailedError;

use super::nearest::nearest;
use crate::reference;

/// What a policy can ask of a value.
const METHODS: [&str; 12] = [
    "hasTag",
    "getTag",
    "contains",
    "containsAll",
    "containsAny",
    "isEmpty",
    "lessThan",
    "lessThanOrEqual",
    "greaterThan",
    "greaterThanOrEqual",
    "toTime",
    "toDate",
];

/// What a policy knows.
const VARIABLES: &str = "a policy knows `principal`, `action`, `resource` and `context`; the arguments of a call are in `context.input`, \
    claims are `principal.getTag(\"…\")`";

/// Message and help for an error of Cedar's parser. What it expected instead is the label of the error's place.
pub(crate) fn said(error: &DetailedError) -> (String, Option<String>) {
    let message = reference::display(&error.message);
    let expected = error.source_locations.first().and_then(|place| place.label.clone());
    let quoted = message.split('`').nth(1).unwrap_or_default().to_owned();
    let last = message.rsplit(": ").next().unwrap_or_default().to_owned();
    if message.starts_with("unexpected token") {
        let operator = expected.as_deref().is_some_and(|expected| expected.contains("`&&`"));
        let help = match quoted.as_str() {
            "@" | "permit" | "forbid" => Some("the statement before it has to end with `;`".to_owned()),
            _ if expected.as_deref().is_some_and(|expected| expected.contains("`in`") && expected.contains("`,`")) => {
                Some("in a scope stands `==`, `in` or `is`: `action in [AgentCore::Action::\"…\", …]`".to_owned())
            }
            _ if operator => Some("between two conditions stands `&&` or `||`".to_owned()),
            _ => expected,
        };
        return (format!("`{quoted}` cannot stand here"), help);
    }
    let (message, help) = if message.starts_with("'=' is not") {
        ("`=` compares nothing".to_owned(), "write `==`".to_owned())
    } else if message.starts_with("invalid policy effect") {
        (format!("a statement cannot begin with `{last}`"), "write `permit` or `forbid`, in small letters".to_owned())
    } else if message.starts_with("invalid policy condition") {
        (format!("`{last}` is no condition"), "write `when { … }` or `unless { … }`".to_owned())
    } else if message.ends_with("is not a valid method") || message.ends_with("is not a valid function") {
        let help = match nearest(&quoted, METHODS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("a value can be asked {}", METHODS.map(|method| format!("`{method}`")).join(", ")),
        };
        (format!("there is no `{quoted}` to ask"), help)
    } else if message.starts_with("invalid member access") || message.starts_with("invalid variable") {
        let name = if quoted.is_empty() { last.clone() } else { quoted.clone() };
        let help = match name.strip_prefix("input.") {
            Some(argument) => format!("the arguments of a call are in `context.input`: `context.input.{argument}`"),
            None => VARIABLES.to_owned(),
        };
        (format!("there is no `{name}`"), help)
    } else if message.contains("division") || message.contains("remainder") {
        ("a policy cannot divide".to_owned(), "compare with a limit that is worked out already".to_owned())
    } else if message.starts_with("multiple relational operators") {
        ("two comparisons follow each other".to_owned(), "put `&&` between them".to_owned())
    } else if message.starts_with("invalid operator in the action scope") {
        (message, "write `action == AgentCore::Action::\"…\"`, or `action in [ … ]`".to_owned())
    } else if message.starts_with("this policy is missing the") {
        (format!("the scope lacks `{quoted}`"), "a statement is `permit(principal, action, resource);`".to_owned())
    } else {
        return (message, error.help.clone().or(expected));
    };
    (message, Some(help))
}
