//! `[moved]`: addresses that changed, old to new.

use std::collections::HashMap;

use super::Loader;
use super::document::Document;
use super::nearest::suggestion;
use super::tree::Entry;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{self, KINDS};
use crate::stack::{Moved, OTHER_STACK};

impl Loader {
    /// Every move. One to a resource that is absent in this environment says nothing.
    pub(super) fn moved(&mut self, document: &Document) -> Vec<Moved> {
        let lines: Vec<(Moved, Span)> = document.moved.iter().filter_map(|entry| self.moved_line(entry)).collect();
        let mut sources: HashMap<String, &Span> = HashMap::new();
        let mut targets: HashMap<&Address, &Span> = HashMap::new();
        let all_sources: HashMap<&Address, &Span> =
            lines.iter().filter(|(line, _)| line.owner.is_none()).map(|(line, _)| (&line.from, &line.span)).collect();
        let mut kept = Vec::new();
        for (line, to_span) in &lines {
            let problem = if let Some(first) = sources.insert(line.source(), &line.span) {
                let message = format!("`{}` is moved twice", line.source());
                Some(refuse(message, &line.span).with(first.clone(), "first moved here").help("keep one of the two"))
            } else if let Some(first) = targets.insert(&line.to, to_span) {
                let message = format!("two addresses move to `{}`", line.to);
                Some(refuse(message, to_span).with(first.clone(), "also given here").help("keep one of the two"))
            } else if let Some(next) = all_sources.get(&line.to) {
                let message = format!("`{}` is moved on", line.to);
                let help = "write each move in one step, from the address that the live object has to the new one";
                Some(refuse(message, to_span).with((*next).clone(), "moved on here").help(help))
            } else {
                self.leads_nowhere(document, line, to_span)
            };
            match problem {
                Some(problem) => self.report(problem),
                None if self.absence_of(&line.to).is_some() => {}
                None => kept.push(line.clone()),
            }
        }
        kept
    }

    fn moved_line(&mut self, entry: &Entry) -> Option<(Moved, Span)> {
        let Some(text) = entry.node.text() else {
            let message = format!("`{}` is {}, not an address", entry.key, entry.node.type_name());
            let help = "put both addresses in quotes: `\"user_pool.old\" = \"user_pool.new\"`";
            self.report(refuse(message, &entry.key_span).help(help));
            return None;
        };
        let (owner, from) = self.moved_source(&entry.key, &entry.key_span)?;
        let to = self.moved_address(text, &entry.node.span);
        let (from, to) = (from?, to?);
        if from.kind != to.kind {
            let message = format!("a `{}` cannot become a `{}`", from.kind, to.kind);
            self.report(refuse(message, &entry.node.span).help("an address keeps its kind; only the name moves"));
            return None;
        }
        if from == to && owner.is_none() {
            let help = "remove the line, or name the address it had before";
            self.report(refuse(format!("`{from}` moves to itself"), &entry.node.span).help(help));
            return None;
        }
        Some((Moved { owner, from, to, span: entry.key_span.clone() }, entry.node.span.clone()))
    }

    /// The old address, and the stack it is in where that is another one: `stack:NAME/INSTANCE/KIND.NAME`.
    fn moved_source(&mut self, text: &str, span: &Span) -> Option<(Option<String>, Option<Address>)> {
        if !text.starts_with(OTHER_STACK) {
            return Some((None, self.moved_address(text, span)));
        }
        let filled = self.fill(text, span, None)?;
        let rest = filled.as_str().and_then(|text| text.strip_prefix(OTHER_STACK)).unwrap_or_default();
        let mut parts = rest.splitn(3, '/');
        let (Some(name), Some(instance), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
            let help =
                "write `\"stack:NAME/INSTANCE/KIND.NAME\"`; the instance of a stack without environments is `default`";
            self.report(refuse(format!("`{text}` names no resource of a stack"), span).help(help));
            return None;
        };
        let owner = format!("{name}/{instance}");
        let own = self.scope.instance.as_deref().unwrap_or("default");
        if owner == format!("{}/{own}", self.scope.stack_name) {
            let help = format!("write the address alone: `\"{address}\"`");
            self.report(refuse(format!("`{owner}` is this very stack"), span).help(help));
            return None;
        }
        Some((Some(owner), self.moved_address(address, span)))
    }

    fn moved_address(&mut self, text: &str, span: &Span) -> Option<Address> {
        let Some(address) = Address::parse(text) else {
            let help = "an address is a kind and a name: `\"user_pool.people\"`";
            self.report(refuse(format!("`{text}` is no address"), span).help(help));
            return None;
        };
        if kind::find(&address.kind).is_none() {
            let mut problem = refuse(format!("there is no kind `{}`", address.kind), span);
            problem.help = suggestion(&address.kind, KINDS.iter().map(|kind| kind.name));
            self.report(problem);
            return None;
        }
        Some(address)
    }

    /// The new address is one of the manifest, the old one is not.
    fn leads_nowhere(&self, document: &Document, line: &Moved, to_span: &Span) -> Option<Diagnostic> {
        let declared = |address: &Address| {
            let block = document.resources.iter().find(|block| block.address == *address);
            let policy = || self.resources.iter().find(|resource| resource.address == *address);
            block.map(|block| block.node.span.clone()).or_else(|| policy().map(|policy| policy.span.clone()))
        };
        if let Some(there) = declared(&line.from).filter(|_| line.owner.is_none()) {
            let message = format!("`{}` is moved, and is still in the manifest", line.from);
            let help = "remove the line if nothing moved, or rename the resource";
            return Some(refuse(message, &line.span).with(there, "still here").help(help));
        }
        if declared(&line.to).is_none() && self.absence_of(&line.to).is_none() {
            let mut problem = refuse(format!("there is no `{}` to move to", line.to), to_span);
            let names = self.resources.iter().filter(|resource| resource.address.kind == line.to.kind);
            problem.help = suggestion(&line.to.name, names.map(|resource| resource.address.name.as_str()))
                .or_else(|| Some(format!("declare it: `[{}]`", line.to)));
            return Some(problem);
        }
        None
    }
}

fn refuse(message: String, span: &Span) -> Diagnostic {
    Diagnostic::error("manifest::moved", message).at(span.clone(), "")
}
