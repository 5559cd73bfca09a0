//! Tools to come: one for each target that stands for the tools it may have one day, and one for those of targets that nobody has made
//! yet. A policy about a whole target, or about everything, is about them too.
//!
//! Nobody knows their inputs. Of these they have what policies speak of, with the type that the tools of today give it, and every
//! member may be absent: a policy has to suit all of its tools, so that those to come have it with that type or not at all.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, Policy};
use model::{Action, Tool, cedar_schema};
use serde_json::{Map, Value, json};

use super::gateway::ToolAt;
use super::guard::Rule;
use crate::address::Address;

/// The name of a tool that nobody has, since `*` is in none.
const NAME: &str = "**";

impl ToolAt {
    /// It stands for tools that nobody has yet.
    pub fn is_to_come(&self) -> bool {
        is_to_come(&self.action)
    }
}

/// The action stands for tools that nobody has yet.
pub(super) fn is_to_come(action: &Action) -> bool {
    action.tool.name == NAME
}

/// A tool in words: `target/**` and `**` are those to come.
pub(crate) fn in_words(tool: &str) -> String {
    match tool.strip_suffix("/**") {
        Some(target) => format!("future tools of {target}"),
        None if tool == NAME => "tools of future targets".to_owned(),
        None => tool.to_owned(),
    }
}

/// One for each target, called `target/**`, and one for targets to come, called `**`; and whether nobody can tell what policies find
/// in their inputs.
pub(super) fn tools(
    gateway: &Address,
    targets: impl Iterator<Item = (Address, String)>,
    tools: &[ToolAt],
    rules: &[Rule<'_>],
) -> (Vec<ToolAt>, bool) {
    let groups = rules.iter().map(|rule| &rule.policy).filter(|policy| is_about_groups(policy));
    let mentioned: Option<Vec<_>> = groups.map(|policy| mentioned(&policy.to_json().ok()?)).collect();
    let known = mentioned.and_then(|mentioned| input(tools, &mentioned.into_iter().flatten().collect()));
    let is_blind = known.is_none();
    let input_schema = known.unwrap_or_else(|| json!({"type": "object"}));
    let tool = |target: &str| Action {
        target: target.to_owned(),
        tool: Tool { name: NAME.to_owned(), input_schema: input_schema.clone() },
    };
    let of_target =
        |(target, name): (Address, String)| ToolAt { name: format!("{name}/{NAME}"), action: tool(&name), target };
    let mut found: Vec<ToolAt> = targets.map(of_target).collect();
    found.push(ToolAt { name: NAME.to_owned(), target: gateway.clone(), action: tool(NAME) });
    (found, is_blind)
}

/// The rule without what it asks of the call: that is one truth which nobody knows. Nothing where there is no way to say so.
pub(super) fn whatever_the_input<'a>(rule: &Rule<'a>) -> Option<Rule<'a>> {
    let json = rule.policy.to_json().ok()?;
    let conditions = conditions_of(&json);
    if !conditions.iter().any(reads_context) {
        return Some(rule.clone());
    }
    let mut kept = Vec::new();
    for condition in &conditions {
        let body = condition.get("body")?;
        if condition.get("kind").is_some_and(|kind| kind == "when") {
            let parts = conjuncts(body).into_iter().filter(|part| !reads_context(part));
            kept.extend(parts.map(|body| json!({"kind": "when", "body": body})));
        } else if !reads_context(body) {
            kept.push(condition.clone());
        }
    }
    let mut bounded = json;
    bounded.as_object_mut()?.insert("conditions".to_owned(), Value::Array(kept));
    let policy = Policy::from_json(Some(rule.policy.id().clone()), bounded).ok()?;
    let left_out = format!("{} {}", rule.policy, rule.left_out.as_deref().unwrap_or_default());
    Some(Rule { policy, left_out: Some(left_out), ..rule.clone() })
}

fn conditions_of(policy: &Value) -> Vec<Value> {
    policy.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// What has to hold, part by part.
fn conjuncts(body: &Value) -> Vec<&Value> {
    let sides = body.get("&&").and_then(|both| both.get("left").zip(both.get("right")));
    sides.map_or_else(|| vec![body], |(left, right)| [conjuncts(left), conjuncts(right)].concat())
}

fn reads_context(part: &Value) -> bool {
    match part {
        Value::Array(parts) => parts.iter().any(reads_context),
        Value::Object(parts) => {
            part.get("Var").is_some_and(|name| name == "context") || parts.values().any(reads_context)
        }
        _ => false,
    }
}

/// It is about more than single tools, as far as its scope says.
fn is_about_groups(policy: &Policy) -> bool {
    !matches!(policy.action_constraint(), ActionConstraint::Eq(_))
}

/// The input of a tool of which nothing is known but that policies speak of these members. Nothing where no tool of today, or no two
/// of them alike, say what type one of them has.
pub(super) fn input<'t>(tools: impl IntoIterator<Item = &'t ToolAt>, mentioned: &BTreeSet<String>) -> Option<Value> {
    let mut known: BTreeMap<&str, (Value, &Value)> = BTreeMap::new();
    for tool in tools.into_iter().filter(|_| !mentioned.is_empty()) {
        let schema = &tool.action.tool.input_schema;
        let types = types(schema);
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !mentioned.contains(name) {
                continue;
            }
            let mut type_of = types.get(name).cloned().unwrap_or_default();
            if let Some(members) = type_of.as_object_mut() {
                members.remove("required");
            }
            if known.entry(name).or_insert_with(|| (type_of.clone(), property)).0 != type_of {
                return None;
            }
        }
    }
    let properties: Map<String, Value> =
        known.iter().map(|(name, (_, property))| ((*name).to_owned(), (*property).clone())).collect();
    (properties.len() == mentioned.len()).then(|| json!({"type": "object", "properties": properties}))
}

/// The members of an input by their Cedar types.
pub(super) fn types(input_schema: &Value) -> Map<String, Value> {
    let tool = Tool { name: "tool".to_owned(), input_schema: input_schema.clone() };
    let action = Action { target: "target".to_owned(), tool };
    let schema = cedar_schema(std::slice::from_ref(&action), &[]);
    let context = schema.pointer(&format!("/AgentCore/actions/{}/appliesTo/context", action.id()));
    let members = context.and_then(|context| context.pointer("/attributes/input/attributes"));
    members.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The members of the input that a policy speaks of, by its JSON form; nothing where it speaks of the input as a whole.
pub(super) fn mentioned(policy: &Value) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let conditions = policy.get("conditions").unwrap_or(&Value::Null);
    collect(conditions, &mut found).then_some(found)
}

/// Adds the members; false where the context or the input is used as a whole.
fn collect(part: &Value, found: &mut BTreeSet<String>) -> bool {
    let is_context = |part: &Value| part.get("Var").is_some_and(|name| name == "context");
    let is_input = |part: &Value| {
        let access = part.get(".");
        access.is_some_and(|access| {
            access.get("attr").is_some_and(|attr| attr == "input") && access.get("left").is_some_and(is_context)
        })
    };
    if is_context(part) || is_input(part) {
        return false;
    }
    let looked_into = part.get(".").or_else(|| part.get("has"));
    if let Some((left, attr)) = looked_into.and_then(|access| Some((access.get("left")?, access.get("attr")?))) {
        let path: Vec<&str> = match attr {
            Value::Array(path) => path.iter().filter_map(Value::as_str).collect(),
            attr => attr.as_str().into_iter().collect(),
        };
        let of_input = if is_input(left) { Some(path.as_slice()) } else { path.strip_prefix(&["input"]) };
        if is_input(left) || is_context(left) {
            found.extend(of_input.and_then(|path| path.first()).map(|name| (*name).to_owned()));
            return true;
        }
    }
    match part {
        Value::Array(parts) => parts.iter().all(|part| collect(part, found)),
        Value::Object(parts) => parts.values().all(|part| collect(part, found)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(condition: &str) -> Option<BTreeSet<String>> {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        mentioned(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    fn tool(properties: &Value) -> ToolAt {
        let tool = Tool { name: "x".to_owned(), input_schema: json!({"type": "object", "properties": properties}) };
        let action = Action { target: "t".to_owned(), tool };
        ToolAt { name: "t/x".to_owned(), target: Address::new("gateway_target", "t"), action }
    }

    #[test]
    fn policies_speak_of_members() {
        let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
        assert_eq!(of("context.input.a == 1 && context.input has b"), names(&["a", "b"]));
        assert_eq!(of("context has input.a.b || context.input.c.d.e"), names(&["a", "c"]));
        assert_eq!(of("context.input[\"x y\"] == 1"), names(&["x y"]));
        assert_eq!(of("context.system.now > datetime(\"2026-01-01\") && context has input"), names(&[]));
        assert_eq!(of("context.input == {}"), None);
        assert_eq!(of("[context].contains(context)"), None);
    }

    #[test]
    fn their_types_are_those_of_the_tools_there_are() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let number = tool(&json!({"a": {"type": "integer", "description": "one"}, "z": {"type": "string"}}));
        let other = tool(&json!({"a": {"type": "integer"}, "b": {"type": "string"}}));
        let found = input([&number, &other], &names(&["a", "b"])).unwrap();
        assert_eq!(types(&found).keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(types(&found).values().all(|one| one["required"] == false));
        assert_eq!(input([&number, &other], &names(&["c"])), None, "nobody knows its type");
        let text = tool(&json!({"a": {"type": "string"}}));
        assert_eq!(input([&number, &text], &names(&["a"])), None, "one name, two types");
    }
}
