//! Cover: whether one Cedar statement matches every call that another one matches, as far as their texts show it. Both are read
//! as JSON; what cannot be told from the text counts as not covered.

use cedar_policy::Policy;
use serde_json::Value;

use crate::check::deep::deep;

/// Every call that `narrow` matches is matched by `wide` too. Effects are not compared. `false` if nobody can tell.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    if crate::diff::same_statement(wide, narrow) {
        return true;
    }
    deep(|| is_covered(wide, narrow)).unwrap_or(false)
}

fn is_covered(wide: &str, narrow: &str) -> bool {
    let read = |text: &str| Policy::parse(None, text).ok()?.to_json().ok();
    let (Some(wide), Some(narrow)) = (read(wide), read(narrow)) else { return false };
    let part = |name: &str| (wide.get(name).unwrap_or(&Value::Null), narrow.get(name).unwrap_or(&Value::Null));
    let scope = ["principal", "action", "resource"].into_iter().all(|name| {
        let (wide, narrow) = part(name);
        covers_clause(wide, narrow)
    });
    let (wide, narrow) = (conditions(&wide), conditions(&narrow));
    scope && wide.iter().all(|condition| narrow.contains(condition))
}

/// One clause of a scope: `principal`, `action == X`, `resource is T`.
fn covers_clause(wide: &Value, narrow: &Value) -> bool {
    let op = |clause: &Value| clause.get("op").and_then(Value::as_str).unwrap_or_default().to_owned();
    if wide == narrow || op(wide) == "All" {
        return true;
    }
    let (there, wanted) = (entities(wide), entities(narrow));
    let named = !wanted.is_empty() && wanted.iter().all(|entity| there.contains(entity));
    match (op(wide).as_str(), op(narrow).as_str()) {
        ("in", "in" | "==") => named,
        ("is", "==") => {
            let of_type = |entity: &Value| entity.get("type") == wide.get("entity_type");
            wide.get("in").is_none() && wanted.iter().all(of_type)
        }
        _ => false,
    }
}

/// The entities that a clause names, one or a list.
fn entities(clause: &Value) -> Vec<Value> {
    match (clause.get("entity"), clause.get("entities").and_then(Value::as_array)) {
        (Some(one), _) => vec![one.clone()],
        (None, Some(list)) => list.clone(),
        (None, None) => Vec::new(),
    }
}

/// What has to hold, part by part: `when { a && b }` is two conditions.
fn conditions(policy: &Value) -> Vec<Value> {
    fn split(body: &Value, found: &mut Vec<Value>) {
        match body.get("&&") {
            Some(both) => {
                for side in ["left", "right"] {
                    split(both.get(side).unwrap_or(&Value::Null), found);
                }
            }
            None => found.push(body.clone()),
        }
    }
    let mut found = Vec::new();
    for condition in policy.get("conditions").and_then(Value::as_array).into_iter().flatten() {
        match condition.get("kind").and_then(Value::as_str) {
            Some("when") => split(condition.get("body").unwrap_or(&Value::Null), &mut found),
            _ => found.push(condition.clone()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_text_shows_is_covered_and_nothing_else() {
        let all = "permit(principal, action, resource);";
        let one = "permit(principal, action == Action::\"t___get\", resource == G::\"g\") when { context.a == 1 && context.b == 2 };";
        let wider = "permit(principal, action in [Action::\"t___get\", Action::\"t___put\"], resource is G) when { context.b == 2 };";
        let other = "permit(principal, action == Action::\"t___put\", resource == G::\"g\") when { context.a == 1 };";
        for (wide, narrow) in [(all, one), (all, all), (wider, one)] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [(one, all), (one, wider), (other, one), (one, other), (all, "nonsense"), (other, all)] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
        let unless = "permit(principal, action, resource) unless { context.a == 1 };";
        assert!(covers(all, unless) && !covers(unless, all));
    }
}
