//! `only_if`: resources and definitions that are there in some environments only.

use super::Loader;
use super::document::Block;
use super::tree::Content;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::POLICY;

impl Loader {
    /// Its `only_if` says empty or false. It is kept in mind for those who refer to it.
    pub(super) fn is_absent(&mut self, block: &Block) -> bool {
        let entries = block.node.table().unwrap_or_default();
        let Some(entry) = entries.iter().find(|entry| entry.key == "only_if") else { return false };
        let absent = match &entry.node.content {
            Content::Boolean(truth) => !truth,
            Content::Text(_) => match self.known_text(&entry.node, "`only_if`") {
                Some(text) => matches!(text.as_str(), "" | "false"),
                // It was refused: whoever refers to the resource has done nothing wrong.
                None => false,
            },
            _ => {
                let message = format!("`only_if` is a string, found {}", entry.node.type_name());
                let problem = Diagnostic::error("manifest::wrong-type", message).at(entry.node.span.clone(), "");
                self.report(problem.help("for example `only_if = \"${var.beta}\"`").about(&block.address));
                false
            }
        };
        if absent {
            self.absent.insert(block.address.clone(), entry.node.span.clone());
        }
        absent
    }

    /// Where it is said that a resource is absent, if it is. The policies of an absent set are absent.
    pub(super) fn absence_of(&self, address: &Address) -> Option<Span> {
        let of_its_set = || {
            let (set, _) = address.name.split_once('/').filter(|_| address.kind == POLICY.name)?;
            self.absent.get(&Address::new("policy_set", set))
        };
        self.absent.get(address).or_else(of_its_set).cloned()
    }
}

/// The finding that something refers to what is absent.
pub(super) fn absent_resource(address: &Address, at: Span, absent: Span) -> Diagnostic {
    Diagnostic::error("manifest::absent-resource", format!("`{address}` is absent here"))
        .at(at, "referred to here")
        .with(absent, "absent because of this")
        .help("give what refers to it the same `only_if`, or remove the reference")
}
