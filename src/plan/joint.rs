//! Joint forbids: one Cedar statement that stops what an old and a new forbid stop.
//!
//! While the permits of a run change one after the other, some are old and some are new. A forbid that stops what both its texts
//! stop lets no call pass in between that the old and the new policies deny (`docs/decisions/opening.md`).

use cedar_policy::Policy;
use serde_json::{Value, json};

use crate::check::deep::deep;

/// The service's limit for a statement, in characters.
const LONGEST: usize = 10_000;

/// A forbid that stops what either stops. Nothing where that cannot be said in one statement: the texts are no plain Cedar, or
/// they are about different principals or resources.
pub(super) fn joint(old: &str, new: &str) -> Option<String> {
    if old.chars().count() + new.chars().count() > LONGEST {
        return None;
    }
    deep(|| both(old, new)).flatten()
}

fn both(old: &str, new: &str) -> Option<String> {
    let parsed = |text: &str| Policy::parse(None, text).ok()?.to_json().ok();
    let (old, new) = (parsed(old)?, parsed(new)?);
    let same = |part: &str| old.get(part) == new.get(part);
    if !(same("effect") && same("principal") && same("resource")) {
        return None;
    }
    let either = json!({"||": {"left": stops(&old)?, "right": stops(&new)?}});
    let mut whole = old.clone();
    let members = whole.as_object_mut()?;
    members.remove("annotations");
    members.insert("action".to_owned(), actions_of_both(&old, &new)?);
    members.insert("conditions".to_owned(), json!([{"kind": "when", "body": either}]));
    let text = Policy::from_json(None, whole).ok()?.to_cedar()?;
    (text.chars().count() <= LONGEST).then_some(text)
}

/// The actions that a scope names; an empty list stands for all, nothing for a scope of another form.
fn actions(statement: &Value) -> Option<Vec<Value>> {
    let scope = statement.get("action")?;
    match (scope.get("op")?.as_str()?, scope.get("entity"), scope.get("entities")) {
        ("All", ..) => Some(Vec::new()),
        ("==" | "in", Some(entity), _) => Some(vec![entity.clone()]),
        ("in", None, Some(Value::Array(entities))) if !entities.is_empty() => Some(entities.clone()),
        _ => None,
    }
}

fn actions_of_both(old: &Value, new: &Value) -> Option<Value> {
    if old.get("action") == new.get("action") {
        return old.get("action").cloned();
    }
    let (mut both, more) = (actions(old)?, actions(new)?);
    if both.is_empty() || more.is_empty() {
        return Some(json!({"op": "All"}));
    }
    both.extend(more.into_iter().filter(|action| !both.contains(action)).collect::<Vec<_>>());
    Some(json!({"op": "in", "entities": both}))
}

/// When a statement stops a call, its scope of actions included: `action in […] && conditions`.
fn stops(statement: &Value) -> Option<Value> {
    let entity = |action: Value| json!({"Value": {"__entity": action}});
    let actions: Vec<Value> = actions(statement)?.into_iter().map(entity).collect();
    // Each test narrows what follows to the actions it names, so that inputs keep their types.
    let mut tests = match actions.as_slice() {
        [] => Vec::new(),
        // `in` holds for the action itself, and for those of a group.
        _ => vec![json!({"in": {"left": {"Var": "action"}, "right": {"Set": actions}}})],
    };
    for condition in statement.get("conditions").and_then(Value::as_array).into_iter().flatten() {
        let body = condition.get("body")?.clone();
        tests.push(match condition.get("kind")?.as_str()? {
            "when" => body,
            _ => json!({"!": {"arg": body}}),
        });
    }
    let and = |left: Value, right: Value| json!({"&&": {"left": left, "right": right}});
    Some(tests.into_iter().reduce(and).unwrap_or_else(|| json!({"Value": true})))
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression};

    use super::*;

    /// Whether a call of a tool with this input is stopped: a permit for all stands beside the forbid.
    fn stopped(forbid: &str, tool: &str, id: i64) -> bool {
        let mut set = PolicySet::new();
        let add = |set: &mut PolicySet, id: &str, text: &str| {
            set.add(Policy::parse(Some(cedar_policy::PolicyId::new(id)), text).unwrap()).unwrap();
        };
        add(&mut set, "all", "permit(principal, action, resource);");
        add(&mut set, "forbid", forbid);
        let uid = |text: &str| text.parse::<EntityUid>().unwrap();
        let context = Context::from_pairs([("id".to_owned(), RestrictedExpression::new_long(id))]).unwrap();
        let request =
            Request::new(uid("P::\"p\""), uid(&format!("Action::\"{tool}\"")), uid("G::\"g\""), context, None).unwrap();
        Authorizer::new().is_authorized(&request, &set, &Entities::empty()).decision() == Decision::Deny
    }

    #[test]
    fn a_joint_forbid_stops_what_either_stops_and_nothing_else() {
        let texts = [
            "forbid(principal, action == Action::\"a\", resource == G::\"g\") when { context.id == 1 };",
            "forbid(principal, action == Action::\"b\", resource == G::\"g\") when { context.id == 2 } unless { context.id > 5 };",
            "forbid(principal, action in [Action::\"a\", Action::\"b\"], resource == G::\"g\");",
            "@id(\"x\") forbid(principal, action, resource == G::\"g\") when { context.id > 2 } when { context.id < 4 };",
        ];
        for old in texts {
            for new in texts {
                let both = joint(old, new).unwrap();
                for (tool, id) in ["a", "b", "c"].into_iter().flat_map(|tool| (0..7).map(move |id| (tool, id))) {
                    let wanted = stopped(old, tool, id) || stopped(new, tool, id);
                    assert_eq!(stopped(&both, tool, id), wanted, "{both}: {tool} {id}");
                }
            }
        }
    }

    #[test]
    fn what_one_statement_cannot_say_is_none() {
        let one = "forbid(principal, action, resource == G::\"g\");";
        assert_eq!(joint(one, "forbid(principal, action, resource == G::\"h\");"), None);
        assert_eq!(joint(one, "permit(principal, action, resource == G::\"g\");"), None);
        assert_eq!(joint(one, "forbid(principal, action, resource) when temporal {};"), None);
        let long = format!(
            "forbid(principal, action, resource == G::\"g\") when {{ context.x == \"{}\" }};",
            "x".repeat(9_990)
        );
        assert_eq!(joint(one, &long), None);
    }
}
