//! Mutants of a policy: the same policy with one mistake in it, derived from Cedar's own JSON form, so that every place of every
//! condition has its turn.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::{Value, json};

/// A policy with a mistake.
pub(crate) struct Mutant {
    /// What was done to it.
    pub(crate) how: String,
    pub(crate) policy: Policy,
}

/// What stands in texts for a value that is not known: it is not changed.
pub(crate) const PLACEHOLDER: char = '§';

/// Every mutant of a policy, each once. `tools` are the actions that its gateway has, `target___tool`.
pub(crate) fn mutants(policy: &Policy, tools: &[String]) -> Vec<Mutant> {
    let form = policy.to_json().unwrap();
    let mut seen = BTreeSet::from([form.to_string()]);
    let mut found = Vec::new();
    let all = effect(&form).into_iter().chain(scope(&form, tools)).chain(conditions(&form));
    for (how, form) in all {
        if seen.insert(form.to_string()) {
            let policy = Policy::from_json(Some(policy.id().clone()), form).unwrap();
            found.push(Mutant { how, policy });
        }
    }
    found
}

/// A form with another value at a place.
fn with(form: &Value, pointer: &str, value: Value) -> Value {
    let mut form = form.clone();
    *form.pointer_mut(pointer).unwrap() = value;
    form
}

fn effect(form: &Value) -> Vec<(String, Value)> {
    let other = if form["effect"] == "permit" { "forbid" } else { "permit" };
    vec![(format!("it says {other}"), with(form, "/effect", json!(other)))]
}

/// Other callers, other tools, other gateways.
fn scope(form: &Value, tools: &[String]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut put = |pointer: &str, value: Value| {
        found.push((format!("{pointer} is {value}"), with(form, pointer, value)));
    };
    for pointer in ["/principal", "/resource"] {
        let clause = &form[&pointer[1..]];
        put(pointer, json!({"op": "All"}));
        if let Some(entity) = clause.get("entity") {
            put(pointer, json!({"op": "is", "entity_type": entity["type"]}));
            for text in near(entity["id"].as_str().unwrap()) {
                put(pointer, json!({"op": "==", "entity": {"type": entity["type"], "id": text}}));
            }
        }
    }
    let other = if form["principal"]["entity_type"] == "AgentCore::OAuthUser" { "IamEntity" } else { "OAuthUser" };
    put("/principal", json!({"op": "is", "entity_type": format!("AgentCore::{other}")}));
    let action = |id: &str| json!({"type": "AgentCore::Action", "id": id});
    let clause = &form["action"];
    let named: Vec<&Value> = clause["entities"].as_array().into_iter().flatten().chain(clause.get("entity")).collect();
    put("/action", json!({"op": "All"}));
    for (place, entity) in named.iter().enumerate() {
        let target = entity["id"].as_str().unwrap().split("___").next().unwrap();
        put("/action", json!({"op": "in", "entity": action(target)}));
        let mut rest: Vec<Value> = named.iter().map(|entity| (*entity).clone()).collect();
        rest.remove(place);
        put("/action", json!({"op": "in", "entities": rest}));
    }
    for tool in tools {
        let mut more: Vec<Value> = named.iter().map(|entity| (*entity).clone()).collect();
        if !more.iter().any(|entity| entity["id"] == json!(tool)) {
            more.push(action(tool));
            put("/action", json!({"op": "in", "entities": more}));
            put("/action", json!({"op": "==", "entity": action(tool)}));
        }
    }
    found
}

/// Conditions that are gone, turned round, or changed in one place.
fn conditions(form: &Value) -> Vec<(String, Value)> {
    let all = form["conditions"].as_array().unwrap();
    let mut found = Vec::new();
    for (place, condition) in all.iter().enumerate() {
        let mut rest = all.clone();
        rest.remove(place);
        found.push((format!("condition {place} is gone"), with(form, "/conditions", Value::Array(rest))));
        let kind = if condition["kind"] == "when" { "unless" } else { "when" };
        found.push((
            format!("condition {place} is `{kind}`"),
            with(form, &format!("/conditions/{place}/kind"), json!(kind)),
        ));
        let bodies = rewrites(&condition["body"]).into_iter();
        let at = format!("/conditions/{place}/body");
        found.extend(bodies.map(|(how, body)| (how, with(form, &at, body))));
    }
    found
}

/// An expression with a change in one place.
fn rewrites(expression: &Value) -> Vec<(String, Value)> {
    let mut found = own(expression);
    for pointer in children(expression) {
        let child = expression.pointer(&pointer).unwrap();
        found.extend(rewrites(child).into_iter().map(|(how, child)| (how, with(expression, &pointer, child))));
    }
    found
}

/// The operator of an expression, and what it is about.
fn parts(expression: &Value) -> (&str, &Value) {
    let (operator, about) = expression.as_object().unwrap().iter().next().unwrap();
    (operator, about)
}

/// Where the expressions are that an expression is made of.
fn children(expression: &Value) -> Vec<String> {
    let (operator, about) = parts(expression);
    match (operator, about) {
        ("Value" | "Var" | "Slot" | "Unknown", _) => Vec::new(),
        (_, Value::Array(items)) => (0..items.len()).map(|place| format!("/{operator}/{place}")).collect(),
        (_, Value::Object(members)) => {
            let expressions = members.iter().filter(|(name, _)| {
                operator == "Record"
                    || matches!(name.as_str(), "left" | "right" | "arg" | "if" | "then" | "else" | "in")
            });
            expressions.map(|(name, _)| format!("/{operator}/{name}")).collect()
        }
        _ => Vec::new(),
    }
}

/// What can go wrong with the operator of an expression itself.
fn own(expression: &Value) -> Vec<(String, Value)> {
    const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];
    const DECIMALS: [&str; 4] = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];
    let (operator, about) = parts(expression);
    let mut found = Vec::new();
    let mut put = |how: &str, value: Value| found.push((format!("{how}: {}", short(expression)), value));
    let renamed = |name: &str| json!({name: about});
    match operator {
        "&&" | "||" => {
            put("only the left", about["left"].clone());
            put("only the right", about["right"].clone());
            put("the other of && and ||", renamed(if operator == "&&" { "||" } else { "&&" }));
            put("negated", json!({"!": {"arg": expression}}));
        }
        "!" => put("not negated", about["arg"].clone()),
        _ if COMPARISONS.contains(&operator) => {
            let is_text = about["right"].pointer("/Value").is_some_and(Value::is_string);
            for other in COMPARISONS.into_iter().filter(|other| *other != operator) {
                // Texts have no order.
                if !is_text || matches!(other, "==" | "!=") {
                    put(other, renamed(other));
                }
            }
            if let (true, Some(text)) = (is_text, about["right"]["Value"].as_str()) {
                for (how, before, after) in [("around", true, true), ("before", true, false), ("after", false, true)] {
                    let pattern: Vec<Value> = std::iter::once(json!("Wildcard"))
                        .filter(|_| before)
                        .chain([json!({"Literal": text})])
                        .chain(std::iter::once(json!("Wildcard")).filter(|_| after))
                        .collect();
                    put(&format!("like with * {how}"), json!({"like": {"left": about["left"], "pattern": pattern}}));
                }
            }
        }
        "like" => {
            put("negated", json!({"!": {"arg": expression}}));
            for (how, pattern) in patterns(about["pattern"].as_array().unwrap()) {
                put(how, json!({"like": {"left": about["left"], "pattern": pattern}}));
            }
        }
        _ if DECIMALS.contains(&operator) => {
            for other in DECIMALS.into_iter().filter(|other| *other != operator) {
                put(other, renamed(other));
            }
            put("negated", json!({"!": {"arg": expression}}));
        }
        "has" | "hasTag" | "in" | "is" | "contains" | "containsAll" | "containsAny" | "isEmpty" => {
            put("negated", json!({"!": {"arg": expression}}));
            put("true", json!({"Value": true}));
        }
        "if-then-else" => {
            put(
                "the other way round",
                json!({operator: {"if": about["if"], "then": about["else"], "else": about["then"]}}),
            );
        }
        "Set" => {
            let items = about.as_array().unwrap();
            for place in 0..items.len() {
                let mut rest = items.clone();
                rest.remove(place);
                put("without one", json!({"Set": rest}));
            }
        }
        "Value" => match about {
            Value::String(text) => near(text).into_iter().for_each(|text| put("other text", json!({"Value": text}))),
            Value::Bool(truth) => put("other truth", json!({"Value": !truth})),
            Value::Number(number) => {
                let number = number.as_i64().unwrap();
                for other in [number - 1, number + 1, -number] {
                    put("other number", json!({"Value": other}));
                }
            }
            _ => {}
        },
        _ => {}
    }
    found
}

/// A pattern with a `*` more or less, and with another letter.
fn patterns(pattern: &[Value]) -> Vec<(&'static str, Vec<Value>)> {
    let star = json!("Wildcard");
    let mut found = Vec::new();
    for place in [0, pattern.len() - 1] {
        let mut other = pattern.to_vec();
        if other[place] == star {
            other.remove(place);
            found.push(("a * less", other));
        } else {
            other.insert(if place == 0 { 0 } else { place + 1 }, star.clone());
            found.push(("a * more", other));
        }
    }
    let letters: Vec<usize> = (0..pattern.len()).filter(|place| pattern[*place] != star).collect();
    for place in letters.first().into_iter().chain(letters.last()).chain(letters.get(letters.len() / 2)) {
        for text in near(pattern[*place]["Literal"].as_str().unwrap()) {
            let mut other = pattern.to_vec();
            other[*place] = json!({"Literal": text});
            found.push(("other text in the pattern", other));
        }
    }
    found
}

/// A text with one letter changed, gone or more, at its beginning and at its end.
fn near(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let changed = |letter: char| match letter {
        'z' => 'y',
        '9' => '8',
        letter if letter.is_ascii_alphanumeric() => char::from(u8::try_from(letter).unwrap() + 1),
        _ => 'x',
    };
    let mut found = vec![format!("{text}x")];
    for place in [0, letters.len().saturating_sub(1)] {
        let Some(letter) = letters.get(place).filter(|letter| **letter != PLACEHOLDER) else { continue };
        let mut other = letters.clone();
        other[place] = changed(*letter);
        found.push(other.iter().collect());
        other.remove(place);
        found.push(other.into_iter().collect());
    }
    found
}

fn short(expression: &Value) -> String {
    expression.to_string().chars().take(120).collect()
}
