//! Policies that change nothing, as far as their text shows it: another of the same engine says it already or forbids it, or their
//! conditions exclude each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::ResourceConstraint;
use serde_json::Value;

use super::caller::asks_nothing;
use super::moot::shadow;
use crate::address::Address;
use crate::check::cedar::expression::{operator, required, text};
use crate::check::cedar::{Engine, Statement};
use crate::diagnostic::Diagnostic;

/// What of a policy decides whom and what it is about.
struct Reach<'a> {
    statement: &'a Statement<'a>,
    conditions: String,
    actions: Option<BTreeSet<String>>,
    principal: String,
    resource: String,
    /// A permit that asks nothing of its caller. That was told, and the others are right.
    is_open: bool,
}

pub(super) fn check(engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    let reaches: Vec<Reach<'_>> = engine
        .statements
        .iter()
        .filter(|statement| statement.sound && statement.ours && !statement.idle && statement.is_active())
        .map(Reach::of)
        .collect();
    // Only a policy with the same conditions, or without any, can be seen to cover another: and only one that names an action of it.
    let mut known: HashMap<(bool, &str, &str), Vec<usize>> = HashMap::new();
    for (index, reach) in reaches.iter().enumerate().filter(|(_, reach)| !reach.is_open) {
        for action in reach.names() {
            known.entry((reach.statement.is_permit(), reach.conditions.as_str(), action)).or_default().push(index);
        }
    }
    let mut shadowed: BTreeMap<usize, Vec<Address>> = BTreeMap::new();
    for (index, reach) in reaches.iter().enumerate() {
        let first = reach.names().next().unwrap_or(EVERY_ACTION);
        let conditions = BTreeSet::from([reach.conditions.as_str(), NO_CONDITIONS]);
        let others = |permits: bool| {
            let keys = conditions.iter().flat_map(move |conditions| {
                covering(first).into_iter().map(move |action| (permits, *conditions, action))
            });
            let others = keys.filter_map(|key| known.get(&key)).flatten().copied().filter(|other| *other != index);
            others.filter_map(|other| Some((other, reaches.get(other)?))).filter(|(_, other)| other.covers(reach))
        };
        if reach.statement.is_permit()
            && !reach.is_open
            && let Some((forbid, _)) = others(false).next()
        {
            shadowed.entry(forbid).or_default().push(reach.statement.text.address().clone());
            continue;
        }
        let covering = others(reach.statement.is_permit()).find(|(other, covering)| {
            // Of two that are equal the later one is too much.
            *other < index || !reach.covers(covering) || covering.conditions != reach.conditions
        });
        if let Some((_, covering)) = covering {
            let other = covering.statement.text.address();
            found.push(
                reach
                    .statement
                    .text
                    .warning(
                        "lint::redundant-policy",
                        format!("`{other}` says this already, so the policy changes nothing"),
                    )
                    .at(reach.statement.text.scope(), "")
                    .with(covering.statement.text.scope(), "says it already")
                    .help("remove it, or give the other one the condition that was meant"),
            );
        }
    }
    for (forbid, permits) in shadowed {
        let by: Vec<Address> =
            reaches.get(forbid).map(|reach| reach.statement.text.address().clone()).into_iter().collect();
        shadow(engine, &by, &permits, found);
    }
}

const NO_CONDITIONS: &str = "[]";

/// Stands for a scope that names no action.
const EVERY_ACTION: &str = "";

/// The names under which a scope covers an action or a group.
fn covering(action: &str) -> [&str; 5] {
    let target = action.split_once("___").map_or(action, |(target, _)| target);
    [action, target, "CallTool", "Mcp", EVERY_ACTION]
}

impl<'a> Reach<'a> {
    fn of(statement: &'a Statement<'a>) -> Self {
        let part = |name: &str| statement.form.get(name).map(ToString::to_string).unwrap_or_default();
        Self {
            statement,
            conditions: part("conditions"),
            actions: statement.actions(),
            principal: part("principal"),
            resource: part("resource"),
            is_open: statement.is_permit() && asks_nothing(statement),
        }
    }

    /// What its scope names.
    fn names(&self) -> impl Iterator<Item = &str> {
        let every = self.actions.is_none().then_some(EVERY_ACTION);
        self.actions.iter().flatten().map(String::as_str).chain(every)
    }

    /// Whatever the other is about this one is about, conditions aside.
    fn covers(&self, other: &Self) -> bool {
        let kind = self.statement.caller_type();
        let any_of_it = self.statement.form.pointer("/principal/op").is_some_and(|op| op == "is")
            && self.statement.form.pointer("/principal/in").is_none();
        let callers = self.principal == other.principal
            || self.statement.form.pointer("/principal/op").is_some_and(|op| op == "All")
            || any_of_it && kind.is_some() && kind == other.statement.caller_type();
        let actions = match (&self.actions, &other.actions) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => {
                others.iter().all(|action| covering(action).iter().any(|name| own.contains(*name)))
            }
        };
        let gateways = self.resource == other.resource
            || matches!(self.statement.policy.resource_constraint(), ResourceConstraint::Is(_));
        callers && actions && gateways
    }
}

/// Conditions that exclude each other: one value that is two texts at once, or `false`. Whether there are any.
pub(super) fn contradiction(statement: &Statement<'_>, found: &mut Vec<Diagnostic>) -> bool {
    let mut texts: HashMap<String, &str> = HashMap::new();
    let mut both = None;
    for part in required(&statement.form) {
        if part.get("Value") == Some(&Value::Bool(false)) {
            both = Some(("`false` never holds".to_owned(), None));
        }
        let Some(("==", sides)) = operator(part) else { continue };
        let (Some(left), Some(right)) = (sides.get("left"), sides.get("right")) else { continue };
        let Some((of, value)) = text(right).map(|value| (left, value)).or_else(|| Some((right, text(left)?))) else {
            continue;
        };
        match texts.insert(of.to_string(), value) {
            Some(first) if first != value => {
                both = Some((format!("nothing is `{first}` and `{value}` at once"), Some(value)));
            }
            _ => {}
        }
    }
    let Some((why, value)) = both else { return false };
    let place = value.map_or_else(|| statement.text.whole(), |value| statement.text.literal(value));
    found.push(
        statement
            .text
            .warning("cedar::never-applies", format!("no call can ever match this policy: {why}"))
            .at(place, "")
            .help("one of several values is `… == \"a\" || … == \"b\"`; correct or remove it"),
    );
    true
}
