//! `[[expect]]`: who is to reach which tool. Whether it is so is looked at where access is.

use serde_json::{Map, Value};

use super::Loader;
use super::document::Document;
use super::nearest::suggestion;
use super::tree::{Content, Entry, Node};
use crate::diagnostic::Diagnostic;
use crate::expectation::{Expectation, Expected, Named, Needed};

const KEYS: [&str; 15] = [
    "personas",
    "clients",
    "always",
    "sometimes",
    "never",
    "persona",
    "client",
    "tool",
    "input",
    "decision",
    "tools",
    "only_with_scope",
    "only_with_group",
    "only_with_role",
    "only_if",
];

/// The keys of each form.
const REACH: [&str; 5] = ["personas", "clients", "always", "sometimes", "never"];
const CALL: [&str; 5] = ["persona", "client", "tool", "input", "decision"];
const ONLY_WITH: [&str; 4] = ["tools", "only_with_scope", "only_with_group", "only_with_role"];

/// How each form is written.
const FORMS: &str = "write `personas` with `always`, `sometimes` or `never`; or `persona`, `tool`, `input` and `decision`; or \
                     `tools` with `only_with_scope`, `only_with_group` or `only_with_role`";

impl Loader {
    /// Every expectation.
    pub(super) fn expectations(&mut self, document: &Document) -> Vec<Expectation> {
        document.expectations.iter().filter_map(|node| self.expectation(node)).collect()
    }

    fn expectation(&mut self, node: &Node) -> Option<Expectation> {
        let Some(entries) = node.table() else {
            let problem = Diagnostic::error("manifest::wrong-type", "`expect` is a list of tables");
            self.report(problem.at(node.span.clone(), "").help("write `[[expect]]`, once for each expectation"));
            return None;
        };
        let mut whole = true;
        for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            let message = format!("an `[[expect]]` has no key `{}`", entry.key);
            let mut problem = Diagnostic::error("manifest::unknown-key", message);
            problem.help = suggestion(&entry.key, KEYS);
            self.report(problem.at(entry.key_span.clone(), ""));
            whole = false;
        }
        let of = |key: &str| entries.iter().find(|entry| entry.key == key);
        if !whole || of("only_if").is_some_and(|entry| self.is_off(entry)) {
            return None;
        }
        let given = |form: &[&str]| entries.iter().filter(|entry| form.contains(&entry.key.as_str())).count();
        let expected = match (given(&REACH), given(&CALL), given(&ONLY_WITH)) {
            (1.., 0, 0) => self.reach(node, &of),
            (0, 1.., 0) => self.call(node, &of),
            (0, 0, 1..) => self.only_with(node, &of),
            _ => {
                self.incomplete(node, "the `[[expect]]` does not say one thing");
                None
            }
        };
        Some(Expectation { expected: expected?, span: node.span.clone() })
    }

    fn is_off(&mut self, entry: &Entry) -> bool {
        match &entry.node.content {
            Content::Boolean(truth) => !truth,
            _ => self.known_text(&entry.node, "`only_if`").is_some_and(|text| matches!(text.as_str(), "" | "false")),
        }
    }

    fn reach<'n>(&mut self, node: &Node, of: &impl Fn(&str) -> Option<&'n Entry>) -> Option<Expected> {
        let mut list = |key: &str| of(key).map_or(Some(Vec::new()), |entry| self.names(entry));
        let (mut personas, clients) = (list("personas")?, list("clients")?);
        let (always, sometimes, never) = (list("always")?, list("sometimes")?, list("never")?);
        personas.extend(clients);
        if personas.is_empty() || (always.is_empty() && sometimes.is_empty() && never.is_empty()) {
            self.incomplete(node, "the `[[expect]]` needs `personas` and a list of tools");
            return None;
        }
        Some(Expected::Reach { personas, always, sometimes, never })
    }

    fn call<'n>(&mut self, node: &Node, of: &impl Fn(&str) -> Option<&'n Entry>) -> Option<Expected> {
        let who = of("persona").xor(of("client"));
        let (Some(persona), Some(tool), Some(decision)) = (who, of("tool"), of("decision")) else {
            self.incomplete(node, "the `[[expect]]` about one call is not complete");
            return None;
        };
        let input = match of("input") {
            Some(entry) if matches!(entry.node.content, Content::Table(_)) => {
                self.fill_document(entry.node.plain(), &entry.node.span, None)?
            }
            Some(entry) => {
                let message = format!("`input` is a table of arguments, found {}", entry.node.type_name());
                self.report(Diagnostic::error("manifest::wrong-type", message).at(entry.node.span.clone(), ""));
                return None;
            }
            None => Value::Object(Map::new()),
        };
        let allowed = match decision.node.text() {
            Some("allow") => true,
            Some("deny") => false,
            _ => {
                let problem = Diagnostic::error("manifest::expect", "`decision` is `allow` or `deny`");
                self.report(problem.at(decision.node.span.clone(), "").help("write `decision = \"deny\"`"));
                return None;
            }
        };
        Some(Expected::Call {
            persona: self.named_text(&persona.node)?,
            tool: self.named_text(&tool.node)?,
            input,
            allowed,
        })
    }

    fn only_with<'n>(&mut self, node: &Node, of: &impl Fn(&str) -> Option<&'n Entry>) -> Option<Expected> {
        let tools = of("tools").map_or(Some(Vec::new()), |entry| self.names(entry))?;
        let mut needed = Vec::new();
        for key in ["only_with_scope", "only_with_group", "only_with_role"] {
            let Some(entry) = of(key) else { continue };
            let name = self.known_text(&entry.node, &format!("`{key}`"))?;
            needed.push(match key {
                "only_with_scope" => Needed::Scope(name),
                "only_with_group" => Needed::Group(name),
                _ => Needed::Role(name),
            });
        }
        match needed.pop() {
            Some(one) if needed.is_empty() && !tools.is_empty() => Some(Expected::OnlyWith { tools, needed: one }),
            _ => {
                self.incomplete(node, "the `[[expect]]` needs `tools` and one thing that their callers need");
                None
            }
        }
    }

    fn names(&mut self, entry: &Entry) -> Option<Vec<Named>> {
        let Content::List(items) = &entry.node.content else {
            let message = format!("`{}` is a list of names, found {}", entry.key, entry.node.type_name());
            self.report(Diagnostic::error("manifest::wrong-type", message).at(entry.node.span.clone(), ""));
            return None;
        };
        items.iter().map(|item| self.named_text(item)).collect()
    }

    fn named_text(&mut self, node: &Node) -> Option<Named> {
        let text = self.known_text(node, "a name")?;
        Some(Named { text, span: node.span.clone() })
    }

    fn incomplete(&mut self, node: &Node, message: &str) {
        self.report(Diagnostic::error("manifest::expect", message).at(node.span.clone(), "").help(FORMS));
    }
}
