//! Secrets in documents: where they stand, what of a document may be shown, and texts without the values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kind::{Kind, RUNTIME};
use crate::reference::{Target, is_unknown, references};
use crate::stack::Secrets;

/// A value shorter than this is not looked for in texts: it would be found everywhere, and hides nothing.
const SHORTEST: usize = 4;
/// People put secrets into it, and reads return them.
const ENVIRONMENT: &str = "environmentVariables";

/// Where the secrets of one resource stand: those of its kind, and those that the manifest put somewhere itself.
pub struct Places<'a> {
    kind: &'a Kind,
    own: BTreeSet<String>,
}

impl<'a> Places<'a> {
    /// The places of a kind, and of a resource that holds secrets at these paths (by [`model::display_path`]).
    pub fn new(kind: &'a Kind, own: &BTreeSet<String>) -> Self {
        Self { kind, own: own.iter().map(|path| pattern(path)).collect() }
    }

    /// What stands at this path, or what it stands in, is a secret.
    pub fn hold(&self, path: &str) -> bool {
        let pattern = pattern(path);
        let mut above = pattern.as_str();
        loop {
            if self.kind.is_secret(above) || self.own.contains(above) {
                return true;
            }
            match above.rfind(['.', '[']) {
                Some(cut) => above = above.get(..cut).unwrap_or_default(),
                None => return false,
            }
        }
    }

    /// A live value at this path may have been a secret when it was written: nothing remembers that, so none is shown.
    pub fn may_have_held(&self, path: &str) -> bool {
        let environment = path.strip_prefix(ENVIRONMENT);
        self.hold(path)
            || (*self.kind == RUNTIME && environment.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// The texts at secret places that are no references, by path: secrets that stand in the manifest as they are.
    pub fn literals(&self, document: &Value) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        self.literals_below("", document, &mut found);
        found
    }

    fn literals_below(&self, path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.literals_below(&path, member, found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.literals_below(&format!("{path}[{index}]"), item, found);
                }
            }
            Value::String(text) if !is_unknown(text) && self.hold(path) => {
                found.insert(path.to_owned(), text.clone());
            }
            _ => {}
        }
    }

    /// Takes every secret out of a value that stands at this path, and gives their paths.
    pub fn take(&self, path: &str, value: &mut Value) -> BTreeSet<String> {
        let mut taken = BTreeSet::new();
        self.take_below(path, value, &mut taken);
        taken
    }

    fn take_below(&self, path: &str, value: &mut Value, taken: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.retain(|key, member| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if self.hold(&path) {
                    taken.insert(path);
                    return false;
                }
                self.take_below(&path, member, taken);
                true
            }),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.take_below(&format!("{path}[{index}]"), item, taken);
                }
            }
            _ => {}
        }
    }
}

/// A path with `[]` for every element of a list, as kinds write theirs.
fn pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        inside &= letter != ']';
        if !inside {
            pattern.push(letter);
        }
        inside |= letter == '[';
    }
    pattern
}

/// The top-level members of a document in which the secrets of its kind stand.
pub fn members(kind: &Kind, document: &Value) -> BTreeSet<String> {
    let paths = Places::new(kind, &BTreeSet::new()).take("", &mut document.clone());
    paths.iter().map(|path| path.split(['.', '[']).next().unwrap_or_default().to_owned()).collect()
}

/// The secret variables that a document stands for without their value.
pub fn variables(document: &Value) -> BTreeSet<String> {
    let variable = |target| match target {
        Target::Variable(name) => Some(name),
        _ => None,
    };
    references(document).into_iter().filter_map(|reference| variable(reference.target)).collect()
}

/// How a person gives the value of a secret variable.
pub fn how_to_give(name: &str) -> String {
    format!(
        "put it in GATEWRIGHT_VAR_{}, in a `--var-file`, or on standard input with `--var {name}=-`",
        name.to_uppercase()
    )
}

impl Secrets {
    /// A text in which no value stands: services repeat what they refuse.
    pub fn scrub(&self, text: &str) -> String {
        let variables = self.names().filter_map(|name| Some((self.value(name)?, format!("${{var.{name}}}"))));
        let literals = self.literals().map(|value| (value, "(sensitive)".to_owned()));
        let mut values: Vec<(&str, String)> = variables.chain(literals).collect();
        // One value may be a part of another.
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        let mut text = text.to_owned();
        for (value, instead) in values.into_iter().filter(|(value, _)| value.len() >= SHORTEST) {
            let written = Value::String(value.to_owned()).to_string();
            let inside = written.get(1..written.len() - 1).unwrap_or_default();
            for form in [value, inside] {
                text = text.replace(form, &instead);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::USER_POOL_CLIENT;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let own = BTreeSet::from(["environmentVariables.KEY".to_owned(), "list[0].token".to_owned()]);
        let places = Places::new(&RUNTIME, &own);
        assert!(places.hold("environmentVariables.KEY") && places.hold("list[other].token.part"));
        assert!(!places.hold("environmentVariables.KEYS") && !places.hold("environmentVariables"));
        assert!(places.may_have_held("environmentVariables.OTHER") && !places.may_have_held("description"));
        let mut value = json!({"KEY": "x", "OTHER": "y"});
        assert_eq!(places.take("environmentVariables", &mut value), ["environmentVariables.KEY".to_owned()].into());
        assert_eq!(value, json!({"OTHER": "y"}));
        let client = json!({"ClientName": "c", "ClientSecret": "s"});
        assert_eq!(members(&USER_POOL_CLIENT, &client), ["ClientSecret".to_owned()].into());
    }

    #[test]
    fn no_value_stands_in_a_scrubbed_text() {
        let mut secrets = Secrets::default();
        secrets.insert("short", Some("a".to_owned()));
        secrets.insert("part", Some("hunter".to_owned()));
        secrets.insert("whole", Some("hunter2".to_owned()));
        secrets.insert("quoted", Some("q\"uote".to_owned()));
        secrets.insert("later", None);
        secrets.insert_literal("hunter3");
        let text = secrets.scrub("a: hunter2, hunter3, hunter, {\"x\":\"q\\\"uote\"}");
        assert_eq!(text, "a: ${var.whole}, (sensitive), ${var.part}, {\"x\":\"${var.quoted}\"}");
    }
}
