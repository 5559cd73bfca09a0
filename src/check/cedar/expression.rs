//! Expressions of a policy in Cedar's JSON form: their parts, in the order of the text.
//!
//! Nothing here calls itself: a condition may be a chain of a thousand operators.

use serde_json::Value;

/// The bodies of the policy's conditions; `true` marks a `when`, `false` an `unless`.
pub(crate) fn conditions(policy: &Value) -> impl Iterator<Item = (bool, &Value)> {
    let conditions = policy.get("conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.filter_map(|condition| Some((condition.get("kind")? == "when", condition.get("body")?)))
}

/// The expression and everything in it; whoever holds stands before what it holds.
pub(in crate::check) fn parts(expression: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open = vec![expression];
    while let Some(part) = open.pop() {
        found.push(part);
        open.extend(operands(part).into_iter().rev());
    }
    found
}

/// An operator with what it is applied to.
pub(crate) fn operator(expression: &Value) -> Option<(&str, &Value)> {
    let (name, operands) = expression.as_object()?.iter().next()?;
    Some((name, operands))
}

fn operands(expression: &Value) -> Vec<&Value> {
    const ORDER: [&str; 7] = ["if", "then", "else", "left", "arg", "right", "in"];
    match operator(expression) {
        None | Some(("Value" | "Var" | "Slot", _)) => Vec::new(),
        Some((_, Value::Array(items))) => items.iter().collect(),
        Some(("Record", members)) => members.as_object().into_iter().flat_map(|members| members.values()).collect(),
        Some((_, members)) => ORDER.iter().filter_map(|key| members.get(key)).collect(),
    }
}

/// What must hold together: the operands of a chain of `&&`.
pub(in crate::check) fn conjuncts(expression: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open = vec![expression];
    while let Some(part) = open.pop() {
        match part.get("&&") {
            Some(both) => open.extend([both.get("right"), both.get("left")].into_iter().flatten()),
            None => found.push(part),
        }
    }
    found
}

/// Everything that must hold for the policy to apply: the conjuncts of its `when` conditions.
pub(in crate::check) fn required(policy: &Value) -> Vec<&Value> {
    conditions(policy).filter(|(when, _)| *when).flat_map(|(_, body)| conjuncts(body)).collect()
}

/// The claim that `principal.getTag("…")` reads.
pub(crate) fn claim(expression: &Value) -> Option<&str> {
    of_caller(expression, "getTag")
}

/// The claim that `principal.hasTag("…")` asks for.
pub(crate) fn asked_claim(expression: &Value) -> Option<&str> {
    of_caller(expression, "hasTag")
}

fn of_caller<'a>(expression: &'a Value, function: &str) -> Option<&'a str> {
    let call = expression.get(function)?;
    (call.pointer("/left/Var")? == "principal").then(|| text(call.get("right")?))?
}

/// The value of a string literal.
pub(crate) fn text(expression: &Value) -> Option<&str> {
    expression.get("Value")?.as_str()
}

/// The argument that the expression reads, `a.b` of `context.input.a.b`, if it is one.
pub(crate) fn argument(expression: &Value) -> Option<String> {
    let mut names = Vec::new();
    let mut part = expression;
    while let Some(access) = part.get(".") {
        names.push(access.get("attr")?.as_str()?);
        part = access.get("left")?;
    }
    let is_input = part.get("Var")? == "context" && names.pop()? == "input" && !names.is_empty();
    names.reverse();
    is_input.then(|| names.join("."))
}

/// The pattern of a `like`: the texts between its wildcards. One text more than there are wildcards.
pub(crate) fn pattern(like: &Value) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    for element in like.get("pattern")?.as_array()? {
        match element.get("Literal").and_then(Value::as_str) {
            Some(letters) => texts.last_mut()?.push_str(letters),
            None => texts.push(String::new()),
        }
    }
    Some(texts)
}

/// Whether the pattern with these texts between its wildcards matches.
pub(in crate::check) fn matches(texts: &[String], value: &str) -> bool {
    let Some((first, rest)) = texts.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return first == value };
    let Some(mut open) = value.strip_prefix(first.as_str()) else { return false };
    for text in middle {
        match open.split_once(text.as_str()) {
            Some((_, after)) => open = after,
            None => return false,
        }
    }
    open.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn form(condition: &str) -> Value {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        cedar_policy::Policy::from_str(&text).unwrap().to_json().unwrap()
    }

    #[test]
    fn parts_come_in_the_order_of_the_text() {
        let policy = form("a::b::\"x\" == \"1\" || (if \"2\" == \"3\" then [\"4\"] else {b: \"5\"}) == \"6\"");
        let (_, body) = conditions(&policy).next().unwrap();
        let texts: Vec<&str> = parts(body).into_iter().filter_map(text).collect();
        assert_eq!(texts, ["1", "2", "3", "4", "5", "6"]);
    }

    #[test]
    fn claims_arguments_and_patterns_are_recognised() {
        let policy =
            form("principal.getTag(\"scope\") like \"a*b\\*\" && context.input.a.b == 1 && context.system.now == 1");
        let required = required(&policy);
        let like = required[0].get("like").unwrap();
        assert_eq!(claim(&like["left"]), Some("scope"));
        assert_eq!(pattern(like).unwrap(), ["a", "b*"]);
        assert_eq!(argument(&required[1]["=="]["left"]).as_deref(), Some("a.b"));
        assert_eq!(argument(&required[2]["=="]["left"]), None);
    }

    /// Every short pattern against every short text, with Cedar's own engine as the judge.
    #[test]
    fn patterns_match_as_cedar_matches() {
        let words = |letters: &str, longest: usize| {
            let mut words = vec![String::new()];
            for start in 0..longest {
                let longer =
                    |word: &String| letters.chars().map(move |letter| format!("{word}{letter}")).collect::<Vec<_>>();
                let longer: Vec<String> = words.iter().filter(|word| word.len() == start).flat_map(longer).collect();
                words.extend(longer);
            }
            words
        };
        let nobody = "A::\"\"".parse::<cedar_policy::EntityUid>().unwrap();
        let request =
            cedar_policy::Request::new(nobody.clone(), nobody.clone(), nobody, cedar_policy::Context::empty(), None)
                .unwrap();
        let entities = cedar_policy::Entities::empty();
        for pattern in words("ab*", 4) {
            let texts: Vec<String> = pattern.split('*').map(ToOwned::to_owned).collect();
            for value in words("ab", 4) {
                let expression = format!("\"{value}\" like \"{pattern}\"").parse().unwrap();
                let judged = cedar_policy::eval_expression(&request, &entities, &expression).unwrap();
                let expected = cedar_policy::EvalResult::Bool(matches(&texts, &value));
                assert_eq!(judged, expected, "{value} like {pattern}");
            }
        }
    }
}
