//! `[[accept]]`: risks that were decided on, where reviewers see them. Whether one has expired is not looked at here.

use super::Loader;
use super::document::Document;
use super::nearest::suggestion;
use super::tree::{Content, Entry, Node};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::kind::{self, KINDS};
use crate::plan::risk;
use crate::stack::{Accept, Date};

const KEYS: [&str; 6] = ["risk", "address", "persona", "tool", "reason", "until"];

/// The one risk that is about the whole stack.
const OF_THE_STACK: &str = "mass-delete";

impl Loader {
    /// Every risk that was decided on.
    pub(super) fn accepts(&mut self, document: &Document) -> Vec<Accept> {
        let mut found: Vec<Accept> = Vec::new();
        for node in &document.accepts {
            let Some(accept) = self.accept(node) else { continue };
            match found.iter().find(|known| is_about_the_same(known, &accept)) {
                Some(first) => {
                    let problem = Diagnostic::error("manifest::accept", "a risk is decided on twice");
                    let problem = problem.at(accept.span.clone(), "").with(first.span.clone(), "first decided on here");
                    self.report(problem.help("keep the one whose reason and last day hold"));
                }
                None => found.push(accept),
            }
        }
        found
    }

    fn accept(&mut self, node: &Node) -> Option<Accept> {
        let Some(entries) = node.table() else {
            let problem = Diagnostic::error("manifest::wrong-type", "`accept` is a list of tables");
            self.report(problem.at(node.span.clone(), "").help("write `[[accept]]`, once for each risk"));
            return None;
        };
        for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            let message = format!("an `[[accept]]` has no key `{}`", entry.key);
            let mut problem = Diagnostic::error("manifest::unknown-key", message);
            problem.help = suggestion(&entry.key, KEYS);
            self.report(problem.at(entry.key_span.clone(), ""));
        }
        let of = |key: &str| entries.iter().find(|entry| entry.key == key);
        let refuse = |entry: Option<&Entry>, message: String, help: &str| {
            let span = entry.map_or_else(|| node.span.clone(), |entry| entry.node.span.clone());
            Diagnostic::error("manifest::accept", message).at(span, "").help(help)
        };
        let text = |loader: &mut Self, key: &str| {
            let entry = of(key)?;
            let text = entry.node.text().map(str::trim).filter(|text| !text.is_empty());
            if text.is_none() {
                let found = if entry.node.text().is_some() { "nothing" } else { entry.node.type_name() };
                loader.report(refuse(Some(entry), format!("`{key}` is text, found {found}"), "put it in quotes"));
            }
            text.map(ToOwned::to_owned)
        };
        let needed = |loader: &mut Self, key: &str, help: &str| {
            if of(key).is_none() {
                loader.report(refuse(None, format!("an `[[accept]]` needs `{key}`"), help));
            }
        };
        needed(self, "risk", "name the risk by its code, as the plan shows it: `risk = \"access-widened\"`");
        needed(self, "reason", "say why it is right to take the risk: `reason = \"…\"`");
        needed(self, "until", "name the last day on which it holds: `until = 2026-12-31`");
        let risk = text(self, "risk").filter(|code| {
            let known = risk::CODES.iter().any(|(known, _)| known == code);
            if !known {
                let help = suggestion(code, risk::CODES.iter().map(|(code, _)| *code)).unwrap_or_default();
                self.report(refuse(of("risk"), format!("there is no risk `{code}`"), &help));
            }
            known
        });
        let address = text(self, "address").and_then(|text| self.accepted_address(of("address")?, &text));
        let (persona, tool, reason) = (text(self, "persona"), text(self, "tool"), text(self, "reason"));
        match (of("address"), of("persona"), of("tool")) {
            (Some(_), None, None) | (None, Some(_), Some(_)) => {}
            (None, None, None) if risk.is_none() || risk.as_deref() == Some(OF_THE_STACK) => {}
            (Some(_), entry @ Some(_), _) | (Some(_), None, entry @ Some(_)) => {
                let help = "keep `address` for a risk of a resource, `persona` and `tool` for one of a caller";
                self.report(refuse(entry, "an `[[accept]]` is about a resource or about a caller".to_owned(), help));
            }
            _ => {
                let help = "add `address = \"gateway.hr\"`, or `persona` and `tool`";
                self.report(refuse(None, "the `[[accept]]` does not say what it is about".to_owned(), help));
            }
        }
        let until = of("until").and_then(|entry| {
            let date = match &entry.node.content {
                Content::Date(text) => date(text),
                _ => None,
            };
            if date.is_none() {
                let found =
                    entry.node.text().map_or_else(|| entry.node.type_name().to_owned(), |text| format!("`{text}`"));
                let help = "write a day without quotes and without a time: `until = 2026-12-31`";
                self.report(refuse(Some(entry), format!("`until` is a day, found {found}"), help));
            }
            date
        });
        Some(Accept { risk: risk?, address, persona, tool, reason: reason?, until: until?, span: node.span.clone() })
    }

    /// An address of a kind there is. The resource may be gone: that it goes is what the risk is about.
    fn accepted_address(&mut self, entry: &Entry, text: &str) -> Option<Address> {
        let address = Address::parse(text);
        let kind = address.as_ref().map_or(text, |address| address.kind.as_str());
        if kind::find(kind).is_some() && address.is_some() {
            return address;
        }
        let mut problem = Diagnostic::error("manifest::accept", format!("`{text}` is no address"));
        problem.help = match address {
            Some(_) => suggestion(kind, KINDS.iter().map(|kind| kind.name)),
            None => Some("an address is a kind and a name: `gateway.hr`".to_owned()),
        };
        self.report(problem.at(entry.node.span.clone(), ""));
        None
    }
}

/// Both decide on one risk of one resource or caller.
fn is_about_the_same(one: &Accept, other: &Accept) -> bool {
    let about =
        |accept: &Accept| (accept.risk.clone(), accept.address.clone(), accept.persona.clone(), accept.tool.clone());
    about(one) == about(other)
}

/// A day as TOML writes it, which has made sure that the calendar has it.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = Date { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
    parts.next().is_none().then_some(date)
}
