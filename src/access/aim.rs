//! Calls that a policy is meant for: tokens and inputs that its conditions ask for, read off its text.
//!
//! Nothing is proved by them. Cedar's engine is asked whether the policy holds for such a call, and most often it does.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::gateway::ToolAt;
use super::token::{Claims, Known, Token};
use super::trial::plainest;
use crate::check::cedar::expression::{argument, asked_claim, claim, conditions, operator, pattern, text};

/// So many ways through the `||` of a policy are followed.
const WAYS: usize = 12;

/// Decimals are counted in their last digit.
const DIGIT: f64 = 10_000.0;

/// What one way through a policy's conditions asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Aim {
    /// Texts to be found in a claim; nothing for a claim that must not be there.
    claims: BTreeMap<String, Option<Vec<String>>>,
    /// Who calls, by its id.
    caller: Option<String>,
    /// Values of arguments by their path; nothing for one that must not be there.
    values: BTreeMap<String, Option<Value>>,
    /// Least and greatest numbers of arguments.
    bounds: BTreeMap<String, (Option<i64>, Option<i64>)>,
}

/// What is still to be brought about: expressions, each with whether it shall hold.
type Open<'a> = Vec<(&'a Value, bool)>;

impl Aim {
    /// The ways through a policy, in Cedar's JSON form.
    pub(super) fn all(policy: &Value) -> Vec<Self> {
        let mut aim = Self::default();
        if let Some(id) = policy.pointer("/principal/entity/id").and_then(Value::as_str) {
            aim.caller = Some(id.to_owned());
        }
        // The last one is looked at first.
        let mut open: Open<'_> = conditions(policy).map(|(when, body)| (body, when)).collect();
        open.reverse();
        let mut found = Vec::new();
        let mut ways = vec![(aim, open)];
        while let Some((mut aim, mut open)) = ways.pop() {
            let Some((part, holds)) = open.pop() else {
                found.push(aim);
                if found.len() == WAYS {
                    break;
                }
                continue;
            };
            let branches = branches(part, holds);
            if branches.is_empty() {
                if aim.add(part, holds) {
                    ways.push((aim, open));
                }
                continue;
            }
            for branch in branches.into_iter().rev().take(WAYS) {
                let mut open = open.clone();
                open.extend(branch.into_iter().rev());
                ways.push((aim.clone(), open));
            }
        }
        found
    }

    /// This and another one together, where they agree; what this one asks for counts.
    pub(super) fn with(&self, other: &Self) -> Self {
        let mut both = other.clone();
        both.claims.extend(self.claims.clone());
        both.values.extend(self.values.clone());
        both.bounds.extend(self.bounds.clone());
        both.caller = self.caller.clone().or(both.caller);
        both
    }

    /// The same input from a caller who says nothing.
    pub(super) fn unsaid(&self) -> Self {
        Self { claims: BTreeMap::new(), caller: None, ..self.clone() }
    }

    /// Who calls.
    pub(super) fn caller(&self) -> &str {
        self.caller.as_deref().unwrap_or("somebody")
    }

    /// A token that says it.
    pub(super) fn token(&self) -> Token {
        let text =
            |(claim, texts): (&String, &Option<Vec<String>>)| Some((claim.clone(), json!(texts.as_ref()?.join(" "))));
        let mut claims: Claims = self.claims.iter().filter_map(text).collect();
        claims.entry("sub").or_insert_with(|| json!(self.caller()));
        Token { claims, known: Known::InPart }
    }

    /// An input that says it, with everything that the tool requires.
    pub(super) fn input(&self, tool: &ToolAt) -> Map<String, Value> {
        let schema = &tool.action.tool.input_schema;
        let mut input = Value::Object(plainest(schema));
        for (path, value) in &self.values {
            let names: Vec<&str> = path.split('.').collect();
            let value =
                value.as_ref().map(|value| if value.is_null() { plain_at(schema, &names) } else { value.clone() });
            place(&mut input, &names, value);
        }
        for (path, bounds) in &self.bounds {
            let names: Vec<&str> = path.split('.').collect();
            let Some(number) = bounds.0.or(bounds.1) else { continue };
            let value =
                if kind_at(schema, &names) == Some("number") { json!(as_decimal(number)) } else { json!(number) };
            place(&mut input, &names, Some(value));
        }
        let Value::Object(input) = input else { return Map::new() };
        input
    }

    /// The same with another number as an argument.
    pub(super) fn with_number(mut self, path: &str, number: i64) -> Self {
        self.values.remove(path);
        self.bounds.insert(path.to_owned(), (Some(number), None));
        self
    }

    /// Takes up what a part without parts asks for; false where it can never be.
    fn add(&mut self, part: &Value, holds: bool) -> bool {
        if let Some(claim) = asked_claim(part) {
            if holds {
                self.claims.entry(claim.to_owned()).or_insert_with(|| Some(Vec::new())).get_or_insert_default();
            } else {
                self.claims.insert(claim.to_owned(), None);
            }
            return true;
        }
        if let Some(constant) = part.get("Value").and_then(Value::as_bool) {
            return constant == holds;
        }
        if let Some(argument) = argument(part) {
            self.values.insert(argument, Some(json!(holds)));
            return true;
        }
        let Some((name, operands)) = operator(part) else { return true };
        match name {
            "has" => self.has(operands, holds),
            "like" if holds => {
                let sample = pattern(operands).map(|texts| texts.join("x"));
                if let (Some(of), Some(sample)) = (operands.get("left"), sample) {
                    self.say(of, &json!(sample));
                }
            }
            "==" | "!=" => {
                let (left, right) = (operands.get("left"), operands.get("right"));
                if let (Some(left), Some(right)) = (left, right) {
                    let (of, value) = if right.get("Value").is_some() { (left, right) } else { (right, left) };
                    match value.get("Value") {
                        Some(value) if holds == (name == "==") => self.say(of, value),
                        Some(value) => self.say_other(of, value),
                        None => {}
                    }
                }
            }
            "<" | "<=" | ">" | ">=" | "lessThan" | "lessThanOrEqual" | "greaterThan" | "greaterThanOrEqual" => {
                self.bound(name, operands, holds);
            }
            "contains" if holds => {
                let (left, right) = (operands.get("left"), operands.get("right"));
                if let Some(first) = left.and_then(|left| left.pointer("/Set/0/Value")) {
                    self.say(right.unwrap_or(&Value::Null), first);
                } else if let (Some(argument), Some(value)) =
                    (left.and_then(argument), right.and_then(|right| right.get("Value")))
                {
                    self.values.insert(argument, Some(json!([value])));
                }
            }
            _ => {}
        }
        true
    }

    fn has(&mut self, operands: &Value, holds: bool) {
        let member = operands
            .get("left")
            .zip(operands.get("attr"))
            .and_then(|(left, attribute)| argument(&json!({".": {"left": left, "attr": attribute}})));
        if let Some(member) = member {
            if holds {
                self.values.entry(member).or_insert(Some(Value::Null));
            } else {
                self.values.insert(member, None);
            }
        }
    }

    /// A claim, an argument or the caller is to be this.
    fn say(&mut self, of: &Value, value: &Value) {
        let is_caller = of.get("Var").is_some_and(|name| name == "principal");
        let is_id = of.pointer("/./attr").is_some_and(|name| name == "id");
        if let Some(claim) = claim(of) {
            if let Some(text) = value.as_str() {
                let texts = self.claims.entry(claim.to_owned()).or_default().get_or_insert_default();
                texts.push(text.to_owned());
            }
        } else if let Some(argument) = argument(of) {
            self.values.insert(argument, Some(value.clone()));
        } else if is_caller {
            self.caller = value.pointer("/__entity/id").and_then(Value::as_str).map(ToOwned::to_owned);
        } else if is_id {
            self.caller = value.as_str().map(ToOwned::to_owned);
        }
    }

    /// A claim or an argument is to be anything but this.
    fn say_other(&mut self, of: &Value, value: &Value) {
        let other = match value {
            Value::Bool(value) => json!(!value),
            Value::Number(number) => json!(number.as_i64().unwrap_or_default().saturating_add(1)),
            _ => json!("other"),
        };
        match argument(of) {
            Some(argument) => _ = self.values.entry(argument).or_insert(Some(other)),
            None if claim(of)
                .is_some_and(|claim| matches!(self.claims.get(claim), Some(Some(texts)) if !texts.is_empty())) => {}
            None => self.say(of, &other),
        }
    }

    /// A number is to stay below or above another one.
    fn bound(&mut self, name: &str, operands: &Value, holds: bool) {
        let (left, right) = match operands {
            Value::Array(sides) => (sides.first(), sides.get(1)),
            _ => (operands.get("left"), operands.get("right")),
        };
        let (Some(left), Some(right)) = (left, right) else { return };
        let (path, limit, turned) = match (argument(left), number(right), argument(right), number(left)) {
            (Some(path), Some(limit), ..) => (path, limit, false),
            (_, _, Some(path), Some(limit)) => (path, limit, true),
            _ => return,
        };
        let less = name.starts_with('<') || name.starts_with("less");
        let or_equal = name.ends_with('=') || name.ends_with("OrEqual");
        let (low, high) = self.bounds.entry(path).or_default();
        // `!(a < 5)` is `a >= 5`, and `5 < a` is `a > 5`.
        let strict = or_equal != holds;
        if less == (holds != turned) {
            let limit = limit.saturating_sub(i64::from(strict));
            *high = Some(high.map_or(limit, |high| high.min(limit)));
        } else {
            let limit = limit.saturating_add(i64::from(strict));
            *low = Some(low.map_or(limit, |low| low.max(limit)));
        }
    }
}

/// The parts that shall hold together, for each way to bring an expression about; nothing for an expression without such parts.
fn branches(part: &Value, holds: bool) -> Vec<Open<'_>> {
    let Some((name, operands)) = operator(part) else { return Vec::new() };
    let side = |name: &str| operands.get(name).unwrap_or(&Value::Null);
    let (left, right) = (side("left"), side("right"));
    match (name, holds) {
        ("!", _) => vec![vec![(side("arg"), !holds)]],
        ("&&", true) | ("||", false) => vec![vec![(left, holds), (right, holds)]],
        ("||", true) | ("&&", false) => vec![vec![(left, holds)], vec![(right, holds)]],
        ("if-then-else", _) => {
            vec![vec![(side("if"), true), (side("then"), holds)], vec![(side("if"), false), (side("else"), holds)]]
        }
        _ => Vec::new(),
    }
}

/// A whole number, or a decimal counted in its last digit.
fn number(part: &Value) -> Option<i64> {
    if let Some(number) = part.get("Value").and_then(Value::as_i64) {
        return Some(number);
    }
    let (whole, digits) = text(part.pointer("/decimal/0")?)?.split_once('.')?;
    format!("{whole}{digits:0<4}").parse().ok()
}

fn as_decimal(number: i64) -> f64 {
    // A decimal that is too large for this is no limit that anybody writes.
    #[expect(clippy::cast_precision_loss, reason = "only tried, and decided by the engine")]
    let number = number as f64;
    number / DIGIT
}

/// The schema of a member.
fn schema_at<'a>(schema: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(schema, |schema, name| schema.get("properties")?.get(name))
}

fn kind_at<'a>(schema: &'a Value, names: &[&str]) -> Option<&'a str> {
    schema_at(schema, names)?.get("type")?.as_str()
}

fn plain_at(schema: &Value, names: &[&str]) -> Value {
    schema_at(schema, names).map_or(json!("x"), super::trial::plain_value_of)
}

/// Sets a member, or takes it out.
fn place(input: &mut Value, names: &[&str], value: Option<Value>) {
    let Some((last, path)) = names.split_last() else { return };
    let mut at = input;
    for name in path {
        let Value::Object(members) = at else { return };
        at = members.entry(*name).or_insert_with(|| json!({}));
    }
    let Value::Object(members) = at else { return };
    match value {
        Some(value) => _ = members.insert((*last).to_owned(), value),
        None => _ = members.shift_remove(*last),
    }
}
