//! What is tried where nothing is proved: tokens and inputs with every text and number that policies compare with, and with what
//! a mistaken comparison takes for it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::authorizer::Door;
use super::caller::{Identity, callers, token_of};
use super::gateway::{Gateway, ToolAt};
use super::token::{Claims, Known, Token};
use crate::manifest::cedar::{TokenKind, tokens};

/// So many tokens are tried at most for each tool, and so many inputs for each token.
const MOST: usize = 128;

/// From so many callers of the manifest tokens are derived that differ in one claim.
const BASES: usize = 8;

/// The claims that every authorizer may look at.
const AUTHORIZERS: [&str; 4] = ["client_id", "aud", "scope", "scp"];

/// How a claim holds several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A JSON list.
    List,
    /// Words with blanks between them.
    Text,
}

/// What the policies about a tool compare with.
#[derive(Debug, Default)]
pub(super) struct Words {
    claims: BTreeSet<String>,
    texts: BTreeSet<String>,
    numbers: BTreeSet<i64>,
    decimals: BTreeSet<String>,
    /// Every name in the policies: a member of an input that is none of them does not matter.
    names: BTreeSet<String>,
    shapes: BTreeMap<String, Shape>,
    /// What the authorizer wants a claim to hold.
    demanded: BTreeMap<String, Vec<String>>,
    /// The claims of callers, those that policies look at.
    bases: Vec<Claims>,
}

impl Words {
    /// Those of a tool's policies on both sides.
    pub(super) fn of(sides: [Option<&Gateway<'_>>; 2], tool: &ToolAt) -> Self {
        let mut words = Self::default();
        for gateway in sides.into_iter().flatten() {
            for claim in [&gateway.names.scope, &gateway.names.group].into_iter().flatten() {
                words.claims.insert(claim.name.clone());
                words.shapes.insert(claim.name.clone(), if claim.list { Shape::List } else { Shape::Text });
            }
            for rule in gateway.guard.iter().flat_map(|guard| guard.about(&tool.action.id())) {
                words.read(&rule.statement);
            }
            if let Door::Jwt(authorizer) = &gateway.door {
                words.demand(authorizer);
            }
        }
        words.texts.retain(|text| !words.claims.contains(text));
        for gateway in sides.into_iter().flatten() {
            words.learn(gateway);
        }
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
                TokenKind::Literal => {
                    self.names.insert(unquoted(raw));
                    self.texts.insert(unquoted(raw));
                }
                TokenKind::Pattern => {
                    let text = unquoted(raw);
                    self.texts.insert(text.replace('*', "").trim().to_owned());
                    self.texts.insert(text.replace('*', "x"));
                }
                TokenKind::Word => match raw.parse::<i64>() {
                    Ok(number) => drop(self.numbers.insert(number)),
                    Err(_) => drop(self.names.insert((*raw).to_owned())),
                },
                _ => {}
            }
        }
    }

    /// Reads what an authorizer wants of a token.
    fn demand(&mut self, authorizer: &Value) {
        let texts = |list: Option<&Value>| {
            let list = list.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let scopes = texts(authorizer.get("allowedScopes"));
        if let Some(claim) = ["scope", "scp"].into_iter().find(|claim| self.claims.contains(*claim)) {
            self.demanded.entry(claim.to_owned()).or_default().extend(scopes);
        }
        for rule in authorizer.get("customClaims").and_then(Value::as_array).into_iter().flatten() {
            let text = |member: &str| rule.get(member).and_then(Value::as_str).unwrap_or_default();
            let (claim, wanted) = (text("inboundTokenClaimName"), "/authorizingClaimMatchValue/claimMatchValue");
            let is_list = text("inboundTokenClaimValueType") == "STRING_ARRAY";
            self.shapes.insert(claim.to_owned(), if is_list { Shape::List } else { Shape::Text });
            let one = rule.pointer(&format!("{wanted}/matchValueString")).and_then(Value::as_str);
            let values = self.demanded.entry(claim.to_owned()).or_default();
            values.extend(one.map(ToOwned::to_owned));
            values.extend(texts(rule.pointer(&format!("{wanted}/matchValueStringList"))));
        }
    }

    /// Keeps what the first callers of the manifest say in the claims that policies look at.
    fn learn(&mut self, gateway: &Gateway<'_>) {
        let token = |identity: Identity| match identity {
            Identity::Client(_, token) | Identity::Token(token) => Some(token),
            Identity::Persona(persona) => token_of(&persona, &gateway.names, gateway.stack()).ok(),
            _ => None,
        };
        for caller in callers(gateway.stack()) {
            if self.bases.len() == BASES {
                break;
            }
            let Some(token) = token(caller.identity) else { continue };
            let claims = token.claims.into_iter().filter(|(claim, _)| self.claims.contains(claim));
            let claims: Claims = claims.collect();
            if !claims.is_empty() && !self.bases.contains(&claims) {
                self.bases.push(claims);
            }
        }
    }

    /// The words of the texts, without what stands around them in a list.
    fn bare(&self) -> BTreeSet<&str> {
        let around = |letter: char| letter == ' ' || "[]\",".contains(letter);
        self.texts.iter().flat_map(|text| text.split(around)).filter(|word| !word.is_empty()).collect()
    }

    /// What a mistaken comparison takes for a text.
    fn near(text: &str) -> [String; 7] {
        let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
        let first = text.chars().next().map_or(0, char::len_utf8);
        [
            format!("{text}istrator"),
            format!("x{text}"),
            format!("{text}-none"),
            format!("x{text}x"),
            text.get(..last).unwrap_or_default().to_owned(),
            text.get(first..).unwrap_or_default().to_owned(),
            text.to_uppercase(),
        ]
    }

    /// The values of an argument: texts, and what looks like them.
    fn arguments(&self) -> Vec<String> {
        let bare = self.bare();
        let near = bare.iter().flat_map(|text| Self::near(text));
        let exact = self.texts.iter().cloned().chain(bare.iter().map(|text| (*text).to_owned()));
        let mut seen = BTreeSet::new();
        exact.chain(near).filter(|text| seen.insert(text.clone())).collect()
    }

    /// The values of a claim to try, the likeliest first.
    fn values_of(&self, claim: &str) -> Vec<Value> {
        let shape = self.shapes.get(claim);
        let demanded: &[String] = self.demanded.get(claim).map_or(&[], Vec::as_slice);
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut put = |value: Value| {
            if seen.insert(value.to_string()) {
                found.push(value);
            }
        };
        let mut write = |values: &[&str]| {
            let with = demanded.iter().map(|one| std::iter::once(one.as_str()).chain(values.iter().copied()).collect());
            for values in std::iter::once(values.to_vec()).chain(with.collect::<Vec<Vec<&str>>>()) {
                if shape != Some(&Shape::List) {
                    put(json!(values.join(" ")));
                }
                if shape != Some(&Shape::Text) {
                    put(json!(values));
                }
                // The same list with blanks: how an issuer writes it is its own affair. Where the authorizer reads the list, it is one.
                if shape == Some(&Shape::List) && demanded.is_empty() && values.len() > 1 {
                    let items: Vec<String> = values.iter().map(|value| json!(value).to_string()).collect();
                    put(json!(format!("[{}]", items.join(", "))));
                }
            }
        };
        let bare = self.bare();
        for text in self.texts.iter().map(String::as_str).filter(|_| shape != Some(&Shape::List)) {
            write(&[text]);
        }
        for word in &bare {
            write(&[word]);
            write(&["x", word, "y"]);
            write(&[word, "y"]);
            write(&["y", word]);
        }
        for (one, other) in bare.iter().flat_map(|one| bare.iter().map(move |other| (one, other))) {
            if one != other {
                write(&[one, other]);
            }
        }
        for near in bare.iter().flat_map(|word| Self::near(word)) {
            write(&[&near]);
        }
        write(&[]);
        found
    }

    /// Tokens to try, each with what people call it: nothing is said in them but what the policies look at.
    pub(super) fn tokens(&self) -> Vec<(String, Token)> {
        let mut found = vec![("anybody with a token".to_owned(), Claims::new())];
        let values: Vec<(&String, Vec<Value>)> =
            self.claims.iter().map(|claim| (claim, self.values_of(claim))).collect();
        // The likeliest values of every claim before the rest of any.
        let longest = values.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
        let each =
            (0..longest).flat_map(|at| values.iter().filter_map(move |(claim, all)| Some((*claim, all.get(at)?))));
        let each: Vec<(&String, &Value)> = each.collect();
        let named = |claim: &String, value: &Value| format!("a token with `{claim}` {value}");
        let with = |base: &Claims, claim: &String, value: &Value| {
            let mut claims = base.clone();
            claims.insert(claim.clone(), value.clone());
            claims
        };
        for base in &self.bases {
            for claim in base.keys() {
                let mut claims = base.clone();
                claims.shift_remove(claim);
                found.push((format!("a caller's token without `{claim}`"), claims));
            }
        }
        let several = self.claims.len() > 1;
        let share = if several { MOST / 2 } else { MOST };
        found.extend(
            each.iter().take(share).map(|(claim, value)| (named(claim, value), with(&Claims::new(), claim, value))),
        );
        // What takes two claims, somebody may have but for one of them.
        for (claim, value) in each.iter().filter(|_| several) {
            let other = self.bases.iter().filter(|base| base.keys().any(|known| known != *claim));
            found.extend(
                other.map(|base| (format!("a caller's token with `{claim}` {value}"), with(base, claim, value))),
            );
            let plain = values.iter().filter(|(other, _)| other != claim);
            for (other, all) in plain {
                let two = all.iter().take(3).map(|first| with(&with(&Claims::new(), other, first), claim, value));
                found.extend(two.map(|claims| (format!("a token with `{other}` and `{claim}` {value}"), claims)));
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|(_, claims)| seen.insert(Value::Object(claims.clone()).to_string()));
        found.truncate(MOST);
        found.into_iter().map(|(name, claims)| (name, Token { claims, known: Known::InPart })).collect()
    }

    /// Inputs to try for a tool: the plainest that its schema takes, and then those members that policies look at, each with every
    /// value that comes near a comparison, and together.
    pub(super) fn inputs(&self, tool: &ToolAt) -> Vec<Map<String, Value>> {
        let schema = &tool.action.tool.input_schema;
        let plain = plain_object(schema, 0);
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let looked_at = properties.filter(|(name, _)| self.names.contains(*name));
        let members: Vec<(&String, Vec<Option<Value>>)> = looked_at
            .map(|(name, property)| {
                // There or not: what an optional member's absence says matters too.
                let absent = (!plain.contains_key(name)).then_some(None);
                let values = std::iter::once(plain_value(property, 0)).chain(self.values(property, 0));
                (name, absent.into_iter().chain(values.map(Some)).collect())
            })
            .collect();
        let with = |input: &Map<String, Value>, name: &String, value: &Option<Value>| {
            let mut input = input.clone();
            match value {
                Some(value) => drop(input.insert(name.clone(), value.clone())),
                None => drop(input.shift_remove(name)),
            }
            input
        };
        let mut found = vec![plain.clone()];
        for (name, values) in &members {
            found.extend(values.iter().map(|value| with(&plain, name, value)));
        }
        found.truncate(MOST / 2);
        let mut together = vec![plain];
        for (place, (name, values)) in members.iter().enumerate() {
            // What is left of the room is shared by the members that follow.
            let left = u32::try_from(members.len() - place).unwrap_or(u32::MAX);
            let room = MOST / together.len().max(1);
            let share = (1..=room).rev().find(|share| share.saturating_pow(left) <= room).unwrap_or(1);
            let values = values.get(..share.min(values.len())).unwrap_or_default();
            together =
                together.iter().flat_map(|input| values.iter().map(move |value| with(input, name, value))).collect();
        }
        found.extend(together);
        let mut seen = BTreeSet::new();
        found.retain(|input| seen.insert(Value::Object(input.clone()).to_string()));
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

    /// The values of an argument that come near a comparison.
    fn values(&self, property: &Value, depth: usize) -> Vec<Value> {
        match property.get("type").and_then(Value::as_str) {
            Some("string") => self.arguments().into_iter().map(Value::String).collect(),
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
                self.values(&one, depth + 1).into_iter().map(|value| json!([value])).collect()
            }
            Some("object") if depth < DEEPEST => {
                let plain = plain_object(property, depth);
                let properties = property.get("properties").and_then(Value::as_object).into_iter().flatten();
                let looked_at = properties.filter(|(name, _)| self.names.contains(*name));
                let with = |(name, property): (&String, &Value)| {
                    let values = self.values(property, depth + 1).into_iter();
                    let with = |value| {
                        let mut object = plain.clone();
                        object.insert(name.clone(), value);
                        Value::Object(object)
                    };
                    values.map(with).collect::<Vec<_>>()
                };
                looked_at.flat_map(with).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Nobody nests deeper than the service allows.
const DEEPEST: usize = 16;

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
        Some("object") if depth < DEEPEST => Value::Object(plain_object(schema, depth)),
        _ => json!("x"),
    }
}
