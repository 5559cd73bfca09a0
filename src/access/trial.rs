//! What is tried where nothing is proved: tokens and inputs with every text and number that policies compare with, and with what
//! a mistaken comparison takes for it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::gateway::{Gateway, ToolAt};
use super::token::{Claims, Known, Token};
use crate::manifest::cedar::{TokenKind, tokens};

/// So many tokens are tried at most for each tool, and so many inputs for each token.
const MOST: usize = 128;

/// The claims that every authorizer may look at.
const AUTHORIZERS: [&str; 4] = ["client_id", "aud", "scope", "scp"];

/// What the policies about a tool compare with.
#[derive(Debug, Default)]
pub(super) struct Words {
    claims: BTreeSet<String>,
    texts: BTreeSet<String>,
    numbers: BTreeSet<i64>,
    decimals: BTreeSet<String>,
}

impl Words {
    /// Those of a tool's policies on both sides.
    pub(super) fn of(sides: [Option<&Gateway<'_>>; 2], tool: &ToolAt) -> Self {
        let mut words = Self::default();
        for gateway in sides.into_iter().flatten() {
            let names = [&gateway.names.scope, &gateway.names.group];
            words.claims.extend(names.into_iter().flatten().map(|claim| claim.name.clone()));
            for rule in gateway.guard.iter().flat_map(|guard| guard.about(&tool.action.id())) {
                words.read(&rule.statement);
            }
        }
        words.texts.retain(|text| !words.claims.contains(text));
        words
    }

    fn read(&mut self, statement: &str) {
        let code: Vec<_> = tokens(statement)
            .into_iter()
            .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
            .map(|token| (token.kind, statement.get(token.range).unwrap_or_default()))
            .collect();
        for (at, (kind, raw)) in code.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).and_then(|at| code.get(at)).map_or("", |(_, text)| *text);
            match kind {
                TokenKind::Literal if before(1) == "(" && matches!(before(2), "getTag" | "hasTag") => {
                    self.claims.insert(unquoted(raw));
                }
                TokenKind::Literal if before(1) == "(" && before(2) == "decimal" => {
                    self.decimals.insert(unquoted(raw));
                }
                // The name of an entity: of a gateway or a tool.
                TokenKind::Literal if before(1) == ":" => {}
                TokenKind::Literal => drop(self.texts.insert(unquoted(raw))),
                TokenKind::Pattern => {
                    let text = unquoted(raw);
                    self.texts.insert(text.replace('*', "").trim().to_owned());
                    self.texts.insert(text.replace('*', "x"));
                }
                TokenKind::Word => self.numbers.extend(raw.parse::<i64>().ok()),
                _ => {}
            }
        }
    }

    /// Texts, and what looks like them.
    fn near(&self) -> impl Iterator<Item = String> {
        let near = |text: &String| {
            [text.clone(), format!("{text}istrator"), format!("x{text}"), format!("{text}-none"), format!("x {text} y")]
        };
        self.texts.iter().flat_map(near)
    }

    /// Tokens to try, each with what people call it: nothing is said in them but what the policies look at.
    pub(super) fn tokens(&self) -> Vec<(String, Token)> {
        let token = |claims: Claims| Token { claims, known: Known::InPart };
        let mut found = vec![("anybody with a token".to_owned(), token(Claims::new()))];
        let lists = self.texts.iter().map(|text| json!([text]).to_string());
        let values: Vec<String> = self.near().chain(lists).collect();
        // The likeliest values of every claim before the rest of any.
        for value in &values {
            for claim in &self.claims {
                let claims = Claims::from_iter([(claim.clone(), json!(value))]);
                found.push((format!("a token with `{claim}` {}", json!(value)), token(claims)));
            }
        }
        found.truncate(MOST);
        found
    }

    /// Inputs to try for a tool: the plainest that its schema takes, and then each member with every value that comes near a
    /// comparison.
    pub(super) fn inputs(&self, tool: &ToolAt) -> Vec<Map<String, Value>> {
        let schema = &tool.action.tool.input_schema;
        let plain = plain_object(schema, 0);
        let mut found = vec![plain.clone()];
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut without = plain.clone();
            if without.shift_remove(name).is_none() {
                without.insert(name.clone(), plain_value(property, 0));
                found.push(without);
            }
            for value in self.values(property) {
                let mut with = plain.clone();
                with.insert(name.clone(), value);
                found.push(with);
            }
        }
        found.truncate(MOST);
        found
    }

    /// A token and an input in words: of the token what the policies and the authorizer look at.
    pub(super) fn witness(&self, token: Option<&Token>, input: &Map<String, Value>) -> String {
        let input = Value::Object(input.clone());
        let Some(token) = token else { return format!("input {input}") };
        let looked_at = |claim: &String| self.claims.contains(claim) || AUTHORIZERS.contains(&claim.as_str());
        let claims = token.claims.iter().filter(|(claim, _)| looked_at(claim));
        let claims: Claims = claims.map(|(claim, value)| (claim.clone(), value.clone())).collect();
        format!("token {}, input {input}", Value::Object(claims))
    }

    fn values(&self, property: &Value) -> Vec<Value> {
        match property.get("type").and_then(Value::as_str) {
            Some("string") => self.near().map(Value::String).collect(),
            Some("integer") => {
                let near = |number: &i64| [*number, number.saturating_sub(1), number.saturating_add(1)];
                self.numbers.iter().flat_map(near).map(Value::from).collect()
            }
            Some("number") => {
                let decimals = self.decimals.iter().filter_map(|text| text.parse::<f64>().ok());
                decimals.flat_map(|number| [number, number - 0.0001, number + 0.0001]).map(Value::from).collect()
            }
            Some("boolean") => vec![json!(true), json!(false)],
            Some("array") => {
                let one = property.get("items").cloned().unwrap_or_default();
                self.values(&one).into_iter().map(|value| json!([value])).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn unquoted(raw: &str) -> String {
    raw.trim_matches('"').replace("\\\"", "\"").replace("\\*", "*").replace("\\\\", "\\")
}

/// The plainest input that a tool with this schema takes.
pub(super) fn plainest(schema: &Value) -> Map<String, Value> {
    plain_object(schema, 0)
}

/// A value that this schema takes.
pub(super) fn plain_value_of(schema: &Value) -> Value {
    plain_value(schema, 0)
}

/// The plainest object that a schema takes: its required members.
fn plain_object(schema: &Value, depth: usize) -> Map<String, Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let member = |name: &str| {
        let property = schema.get("properties").and_then(|properties| properties.get(name))?;
        Some((name.to_owned(), plain_value(property, depth + 1)))
    };
    required.filter_map(member).collect()
}

fn plain_value(schema: &Value, depth: usize) -> Value {
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        // Nobody nests deeper than the service allows.
        Some("object") if depth < 16 => Value::Object(plain_object(schema, depth)),
        _ => json!("x"),
    }
}
