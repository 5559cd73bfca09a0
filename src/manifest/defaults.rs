//! `[defaults.KIND]`: keys that every resource of a kind has unless it gives them itself.

use super::Loader;
use super::convert::file_table;
use super::document::{Block, Document};
use super::known_tools;
use super::nearest::suggestion;
use super::resource::ENGINE_KEYS;
use super::tree::{Content, Entry};
use crate::diagnostic::Diagnostic;
use crate::kind::{self, KINDS, Kind, POLICY_ENGINE};

impl Loader {
    /// Merges what each kind has by default under the resources of that kind.
    pub(super) fn defaults(&mut self, document: &mut Document) {
        for entry in std::mem::take(&mut document.defaults) {
            let Some(kind) = kind::find(&entry.key) else {
                let message = format!("there is no kind `{}`", entry.key);
                let mut problem = Diagnostic::error("manifest::unknown-kind", message);
                problem.help = suggestion(&entry.key, KINDS.iter().map(|kind| kind.name));
                self.report(problem.at(entry.key_span, ""));
                continue;
            };
            let Content::Table(entries) = entry.node.content else { continue };
            let kept: Vec<Entry> = entries.into_iter().filter(|entry| self.may_be_default(entry, kind)).collect();
            let takes = |block: &&mut Block| block.kind == Some(kind) && block.existing().is_none();
            for block in document.resources.iter_mut().filter(takes) {
                if let Content::Table(own) = &mut block.node.content {
                    merge(own, &kept);
                }
            }
        }
    }

    /// A key that several resources can have the same value of.
    fn may_be_default(&mut self, entry: &Entry, kind: &'static Kind) -> bool {
        let key = entry.key.as_str();
        let parent = kind.parent.map(|parent| parent.kind);
        if key == kind.name_key || Some(key) == parent || matches!(key, "existing" | "adopt") {
            let message = format!("`{key}` is no default: it belongs to one `{}` alone", kind.name);
            let help = format!("write it below each `[{}.…]`", kind.name);
            let problem = Diagnostic::error("manifest::defaults", message);
            self.report(problem.at(entry.key_span.clone(), "").help(help));
            return false;
        }
        let keys = self.spelling.of_kind(kind);
        let mode = kind.reference_keys.contains(&POLICY_ENGINE.name).then_some("policy_mode");
        let tools = known_tools::takes(kind).then_some(known_tools::KEY);
        let others = || kind.reference_keys.iter().copied().chain(ENGINE_KEYS).chain(mode).chain(tools);
        if keys.contains_key(key) || others().any(|other| other == key) {
            return true;
        }
        let mut problem = Diagnostic::error("manifest::unknown-key", format!("a `{}` has no key `{key}`", kind.name));
        problem.help = suggestion(key, keys.keys().map(String::as_str).chain(others()));
        self.report(problem.at(entry.key_span.clone(), ""));
        false
    }
}

/// Puts defaults under a table: tables merge, everything else is replaced.
fn merge(own: &mut Vec<Entry>, defaults: &[Entry]) {
    for default in defaults {
        match own.iter_mut().find(|entry| entry.key == default.key) {
            None => own.push(default.clone()),
            Some(entry) => {
                if let (Content::Table(own), Content::Table(defaults)) =
                    (&mut entry.node.content, &default.node.content)
                    && file_table(own).is_none()
                    && file_table(defaults).is_none()
                {
                    merge(own, defaults);
                }
            }
        }
    }
}
