//! Validation of a document against a shape: every violation at once, each with its path.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

use crate::api::{Api, Body, Range, Shape};
use crate::spelling::same_key;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathStep {
    /// A member or map key, in the document's spelling.
    Key(String),
    /// A list element, from 0.
    Index(usize),
}

/// Shows a path the way people write it: `targetConfiguration.mcp.lambda.toolSchema.inlinePayload[0].name`.
pub fn display_path(path: &[PathStep]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            PathStep::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            PathStep::Index(index) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

/// One thing a document says that its shape does not allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Where; of a missing member the path of the structure that lacks it.
    pub path: Vec<PathStep>,
    /// What.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// A required member (its wire name) is absent.
    Missing(String),
    /// A member that the shape does not have.
    Unknown {
        /// The name as written.
        name: String,
        /// Wire names the structure does have.
        known: Vec<String>,
    },
    /// Another JSON type than the shape's.
    WrongType {
        /// What the shape wants, in words.
        expected: &'static str,
        /// What stands there, in words.
        found: &'static str,
    },
    /// Not one of the allowed values.
    NotAllowed {
        /// What stands there.
        found: String,
        /// What may.
        allowed: Vec<String>,
    },
    /// The text does not match the pattern as a whole.
    Pattern {
        /// What stands there.
        found: String,
        /// The pattern of the model.
        pattern: String,
        /// The shape's name (ARN patterns are known to be wrong in places).
        shape: String,
    },
    /// A length, size or value outside its bounds.
    OutOfRange {
        /// `characters`, `elements`, `entries` or empty for a number.
        unit: &'static str,
        /// What it has.
        found: f64,
        /// What it may have.
        range: Range,
    },
    /// A union without exactly one arm.
    Union {
        /// The arms present.
        found: Vec<String>,
        /// The arms there are (wire names).
        arms: Vec<String>,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing(member) => write!(formatter, "`{member}` is required"),
            Problem::Unknown { name, .. } => write!(formatter, "there is no member `{name}` here"),
            Problem::WrongType { expected, found } => write!(formatter, "expected {expected}, found {found}"),
            Problem::NotAllowed { found, allowed } => {
                write!(formatter, "`{found}` is not one of {}", quoted(allowed))
            }
            Problem::Pattern { found, pattern, .. } => write!(formatter, "`{found}` does not match `{pattern}`"),
            Problem::OutOfRange { unit, found, range } => {
                let bounds = match (range.min, range.max) {
                    (Some(min), Some(max)) if min >= max => format!("exactly {min}"),
                    (Some(min), Some(max)) => format!("{min} to {max}"),
                    (Some(min), None) => format!("at least {min}"),
                    (None, Some(max)) => format!("at most {max}"),
                    (None, None) => "any number of".to_owned(),
                };
                let space = if unit.is_empty() { "" } else { " " };
                write!(formatter, "has {found}{space}{unit}, allowed: {bounds}")
            }
            Problem::Union { found, arms } if found.is_empty() => {
                write!(formatter, "needs exactly one of {}", quoted(arms))
            }
            Problem::Union { found, .. } => write!(formatter, "takes exactly one arm, found {}", quoted(found)),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Api {
    /// Every violation of a shape in a document, in document order. `opaque` says which strings stand for values that are
    /// not known yet: they are held against their type only.
    pub fn validate(&self, shape: &str, document: &Value, opaque: &dyn Fn(&str) -> bool) -> Vec<Violation> {
        let mut walk = Walk { api: self, opaque, path: Vec::new(), violations: Vec::new() };
        walk.check(shape, document);
        walk.violations
    }
}

struct Walk<'a> {
    api: &'a Api,
    opaque: &'a dyn Fn(&str) -> bool,
    path: Vec<PathStep>,
    violations: Vec<Violation>,
}

impl Walk<'_> {
    fn report(&mut self, problem: Problem) {
        self.violations.push(Violation { path: self.path.clone(), problem });
    }

    fn within(&mut self, step: PathStep, shape: &str, value: &Value) {
        self.path.push(step);
        self.check(shape, value);
        self.path.pop();
    }

    fn bounds(&mut self, range: Range, found: f64, unit: &'static str) {
        if range.min.is_some_and(|min| found < min) || range.max.is_some_and(|max| found > max) {
            self.report(Problem::OutOfRange { unit, found, range });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths and bounds are far below 2^52")]
    fn check(&mut self, shape: &str, value: &Value) {
        let Some(shape) = self.api.shape(shape) else { return };
        match (&shape.body, value) {
            (Body::Document, _)
            | (Body::Boolean, Value::Bool(_))
            | (Body::Blob, Value::String(_))
            | (Body::Timestamp { .. }, Value::String(_) | Value::Number(_)) => {}
            (Body::Structure { .. }, Value::Object(object)) => self.structure(shape, object),
            (Body::List { element, range }, Value::Array(list)) => {
                self.bounds(*range, list.len() as f64, "elements");
                for (index, item) in list.iter().enumerate() {
                    self.within(PathStep::Index(index), element, item);
                }
            }
            (Body::Map { key, value, range }, Value::Object(object)) => {
                self.bounds(*range, object.len() as f64, "entries");
                for (name, item) in object {
                    self.within(PathStep::Key(name.clone()), key, &Value::String(name.clone()));
                    self.within(PathStep::Key(name.clone()), value, item);
                }
            }
            (Body::String { .. }, Value::String(text)) if (self.opaque)(text) => {}
            (Body::String { pattern, range, values }, Value::String(text)) => {
                if !values.is_empty() && !values.contains(text) {
                    self.report(Problem::NotAllowed { found: text.clone(), allowed: values.clone() });
                    return;
                }
                self.bounds(*range, text.chars().count() as f64, "characters");
                if let Some(pattern) = pattern
                    && !matches_whole(pattern, text)
                {
                    let problem =
                        Problem::Pattern { found: text.clone(), pattern: pattern.clone(), shape: shape.name.clone() };
                    self.report(problem);
                }
            }
            (Body::Integer { range }, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                self.bounds(*range, number.as_f64().unwrap_or_default(), "");
            }
            (Body::Float { range }, Value::Number(number)) => {
                self.bounds(*range, number.as_f64().unwrap_or_default(), "");
            }
            (body, value) => {
                self.report(Problem::WrongType { expected: name_of_body(body), found: name_of_value(value) });
            }
        }
    }

    fn structure(&mut self, shape: &Shape, object: &serde_json::Map<String, Value>) {
        let members = shape.members();
        let mut present = Vec::new();
        for (key, value) in object {
            if let Some(member) = shape.member(key) {
                present.push(key.clone());
                self.within(PathStep::Key(key.clone()), &member.shape, value);
            } else {
                let known = members.iter().map(|member| member.wire.clone()).collect();
                self.path.push(PathStep::Key(key.clone()));
                self.report(Problem::Unknown { name: key.clone(), known });
                self.path.pop();
                // A misspelt arm of a union is one mistake, not two.
                if let Some(meant) = members.iter().find(|member| same_key(&member.wire, key)) {
                    present.push(meant.wire.clone());
                }
            }
        }
        if shape.is_union() {
            let misspelt = present.is_empty() && !object.is_empty();
            if present.len() != 1 && !misspelt {
                let arms = members.iter().map(|member| member.wire.clone()).collect();
                self.report(Problem::Union { found: present, arms });
            }
            return;
        }
        for member in members.iter().filter(|member| member.required) {
            if !object.contains_key(&member.wire) && !present.contains(&member.wire) {
                self.report(Problem::Missing(member.wire.clone()));
            }
        }
    }
}

fn name_of_body(body: &Body) -> &'static str {
    match body {
        Body::Structure { .. } => "a table",
        Body::Document => "any value",
        Body::List { .. } => "a list",
        Body::Map { .. } => "a table of names to values",
        Body::String { .. } => "a string",
        Body::Integer { .. } => "a whole number",
        Body::Float { .. } => "a number",
        Body::Boolean => "true or false",
        Body::Timestamp { .. } => "a timestamp",
        Body::Blob => "base64 text",
    }
}

fn name_of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Whether a pattern of the model matches a whole text. Patterns are compiled once, when first used: some take tens of
/// milliseconds. Text that makes the engine give up counts as not matching.
fn matches_whole(pattern: &str, text: &str) -> bool {
    type Compiled = HashMap<String, Option<std::sync::Arc<fancy_regex::Regex>>>;
    static CACHE: OnceLock<Mutex<Compiled>> = OnceLock::new();
    let cache = CACHE.get_or_init(Mutex::default);
    let compiled = {
        let mut cache = cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cache
            .entry(pattern.to_owned())
            .or_insert_with(|| fancy_regex::Regex::new(&format!(r"\A(?:{pattern})\z")).ok().map(Into::into))
            .clone()
    };
    // A pattern this engine cannot compile is left to the service.
    compiled.is_none_or(|regex| regex.is_match(text).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(shape: &str, document: &Value) -> Vec<String> {
        let api = if Api::agentcore().shape(shape).is_some() { Api::agentcore() } else { Api::cognito() };
        let violations = api.validate(shape, document, &|text| text.starts_with('?'));
        violations.iter().map(|violation| format!("{}: {}", display_path(&violation.path), violation.problem)).collect()
    }

    #[test]
    fn every_violation_is_reported_with_its_path() {
        let document = json!({
            "name": "a_b", "authorizerType": "CUSTOM", "rolArn": "x", "description": "",
            "interceptorConfigurations": [{"interceptor": {}, "interceptionPoints": ["REQUEST", "BOTH"]}],
            "protocolConfiguration": {"mcp": {"sessionConfiguration": {"sessionTimeoutInSeconds": 1}}},
        });
        let found = problems("CreateGatewayRequest", &document);
        let expected = [
            "name: `a_b` does not match `([0-9a-zA-Z][-]?){1,48}`",
            "authorizerType: `CUSTOM` is not one of `CUSTOM_JWT`, `AWS_IAM`, `NONE`, `AUTHENTICATE_ONLY`",
            "rolArn: there is no member `rolArn` here",
            "description: has 0 characters, allowed: 1 to 200",
            "interceptorConfigurations[0].interceptor: needs exactly one of `lambda`",
            "interceptorConfigurations[0].interceptionPoints[1]: `BOTH` is not one of `REQUEST`, `RESPONSE`",
            "protocolConfiguration.mcp.sessionConfiguration.sessionTimeoutInSeconds: has 1, allowed: 900 to 28800",
            ": `roleArn` is required",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn opaque_strings_are_held_against_their_type_only() {
        assert!(problems("GatewayPolicyEngineConfiguration", &json!({"arn": "?", "mode": "?"})).is_empty());
        assert_eq!(problems("SessionConfiguration", &json!({"sessionTimeoutInSeconds": "?"})).len(), 1);
    }

    #[test]
    fn patterns_match_the_whole_text_and_look_around_works() {
        assert_eq!(problems("CreatePolicyEngineRequest", &json!({"name": "a-b"})).len(), 1);
        assert!(problems("NamespaceKeyEntry", &json!({"key": "tenant"})).is_empty());
        assert_eq!(problems("NamespaceKeyEntry", &json!({"key": "actorId"})).len(), 1);
    }
}
