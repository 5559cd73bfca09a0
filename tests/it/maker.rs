//! Documents of any shape of the API, made out of a stream of choices.

use model::{Api, Body};
use serde_json::{Map, Value, json};

/// Makes documents of a shape out of a stream of choices.
pub(crate) struct Maker {
    choices: Vec<u8>,
    at: usize,
    /// Members that no model knows, so far.
    pub(crate) unknown: usize,
    /// What texts and the keys of maps are made of; short harmless words without any.
    words: &'static [&'static str],
}

impl Maker {
    /// A maker of harmless texts.
    pub(crate) fn new(choices: Vec<u8>) -> Self {
        Self { choices, at: 0, unknown: 0, words: &[] }
    }

    /// A maker whose texts and keys of maps are put together from these pieces.
    pub(crate) fn of_words(choices: Vec<u8>, words: &'static [&'static str]) -> Self {
        Self { words, ..Self::new(choices) }
    }

    pub(crate) fn choose(&mut self, of: usize) -> usize {
        let choice = self.choices.get(self.at % self.choices.len()).copied().unwrap_or_default();
        self.at += 1;
        (usize::from(choice) + self.at / self.choices.len()) % of.max(1)
    }

    pub(crate) fn value(&mut self, api: &Api, shape: &str, depth: usize) -> Value {
        let Some(shape) = api.shape(shape) else { return json!("x") };
        match &shape.body {
            Body::Structure { members, union } => {
                let mut object = Map::new();
                if *union && !members.is_empty() {
                    let member = &members[self.choose(members.len())];
                    object.insert(member.wire.clone(), self.value(api, &member.shape, depth + 1));
                    return Value::Object(object);
                }
                for member in members {
                    if member.required || (depth < 4 && self.choose(3) > 0) {
                        object.insert(member.wire.clone(), self.value(api, &member.shape, depth + 1));
                    }
                }
                Value::Object(object)
            }
            Body::List { element, .. } => (0..self.choose(3)).map(|_| self.value(api, element, depth + 1)).collect(),
            Body::Map { value, .. } => {
                let entries = (0..self.choose(3))
                    .map(|number| (self.text(&format!("k{number}")), self.value(api, value, depth + 1)));
                Value::Object(entries.collect())
            }
            Body::String { values, .. } if !values.is_empty() => json!(values[self.choose(values.len())]),
            Body::String { .. } => {
                let word = format!("s{}", self.choose(200));
                json!(self.text(&word))
            }
            Body::Integer { .. } => json!(self.choose(100)),
            Body::Float { .. } => json!(0.5),
            Body::Document => json!({"free": [1, {"x": null}]}),
            _ => json!(self.choose(2) == 0),
        }
    }

    /// This text with some of the words, or those alone.
    fn text(&mut self, start: &str) -> String {
        if self.words.is_empty() {
            return start.to_owned();
        }
        let more = (0..self.choose(4)).map(|_| self.words[self.choose(self.words.len())]).collect::<String>();
        match self.choose(3) {
            0 => format!("{start}{more}"),
            1 => format!("{more}{start}"),
            _ => more,
        }
    }

    /// Adds members that nobody knows inside structures, at some places.
    pub(crate) fn add_unknown(&mut self, api: &Api, shape: &str, value: &mut Value) {
        let Some(shape) = api.shape(shape) else { return };
        match (&shape.body, value) {
            (Body::Structure { members, .. }, Value::Object(object)) => {
                for member in members {
                    if let Some(inner) = object.get_mut(&member.wire) {
                        self.add_unknown(api, &member.shape, inner);
                    }
                }
                if self.choose(4) == 0 {
                    self.unknown += 1;
                    object.insert(format!("unknown{}", self.unknown), json!({"of": self.unknown}));
                }
            }
            (Body::List { element, .. }, Value::Array(items)) => {
                for item in items {
                    self.add_unknown(api, element, item);
                }
            }
            _ => {}
        }
    }
}
