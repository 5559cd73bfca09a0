//! Where the values of secret variables may stand. In documents they are marks: nothing here knows a value.

use std::collections::{BTreeSet, HashMap};

use model::{PathStep, display_path};
use serde_json::Value;

use super::Loader;
use super::convert::Sheet;
use super::tree::Entry;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{KINDS, Kind, RUNTIME};
use crate::reference::{Target, pieces, references};
use crate::secret::{Places, members};
use crate::secret_version::KEY;
use crate::stack::Resource;

/// A tag's value holds more, and nobody needs it.
const LONGEST_VERSION: usize = 64;

impl Loader {
    /// `secret_version`: a word, of a kind with secrets that no read returns.
    pub(super) fn secret_version(&mut self, sheet: &mut Sheet, entry: &Entry, kind: &'static Kind) -> Option<String> {
        sheet.spans.insert(KEY.to_owned(), entry.key_span.clone());
        if !kind.has_unread_secrets() {
            let message = format!("a `{}` has no secret that only `{KEY}` could say is another one", kind.name);
            let kinds: Vec<String> =
                KINDS.iter().filter(|kind| kind.has_unread_secrets()).map(|kind| format!("`{}`", kind.name)).collect();
            let help = format!("remove it: what differs of this kind is seen; it is for {}", kinds.join(", "));
            let problem = Diagnostic::error("manifest::secret-version", message).at(entry.key_span.clone(), "");
            self.report(problem.help(help).about(&sheet.address));
            return None;
        }
        let version = self.known_text(&entry.node, &format!("`{KEY}`"))?;
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if !version.is_empty() && version.len() <= LONGEST_VERSION && version.chars().all(allowed) {
            return Some(version);
        }
        let message = format!("`{KEY}` cannot be `{version}`");
        let help = format!("1 to {LONGEST_VERSION} letters, digits, `.`, `_` and `-`, for example `{KEY} = \"2\"`");
        let problem = Diagnostic::error("manifest::secret-version", message).at(entry.node.span.clone(), "");
        self.report(problem.help(help).about(&sheet.address));
        None
    }

    /// Notes where a resource holds secrets, and refuses those that stand elsewhere.
    pub(super) fn secrets_of(&mut self, resource: &mut Resource) {
        if resource.secret_version.is_some() && members(resource.kind, &resource.document).is_empty() {
            let message = format!("`{KEY}` without a secret that is sent");
            let keys: Vec<String> =
                resource.kind.secrets.iter().map(|path| format!("`{}`", model::snake_case(path))).collect();
            let help =
                format!("it says that the secret in {} is another one: give that, or remove it", keys.join(", "));
            let problem = Diagnostic::error("manifest::secret-version", message).at(resource.span_of(KEY).clone(), "");
            self.report(problem.help(help).about(&resource.address));
        }
        // Services repeat what they refuse, also what somebody wrote down here.
        for (path, value) in Places::new(resource.kind, &BTreeSet::new()).literals(&resource.document) {
            self.scope.secrets.insert_literal(value);
            self.concealed.extend(resource.spans.get(&path).cloned());
        }
        for (steps, name) in places(&resource.document) {
            let path = display_path(&steps);
            if takes_secrets(resource.kind, &steps) {
                resource.secrets.insert(path);
            } else {
                let problem = misplaced_variable(&format!("`{path}`"), &name);
                self.report(problem.at(resource.span_of(&path).clone(), "").about(&resource.address));
            }
        }
    }

    /// Refuses every secret of a document that has no place for one.
    pub(super) fn no_secrets(
        &mut self,
        document: &Value,
        spans: &HashMap<String, Span>,
        header: &Span,
        address: &Address,
    ) {
        for (steps, name) in places(document) {
            let path = display_path(&steps);
            let span = spans.get(&path).unwrap_or(header).clone();
            self.report(misplaced_variable(&format!("`{path}`"), &name).at(span, "").about(address));
        }
    }
}

/// The text holds the mark of a secret.
pub(super) fn holds_secret(text: &str) -> bool {
    secret_in(text).is_some()
}

/// The finding that a secret's mark stands in a text of this sort.
pub(super) fn misplaced(what: &str, text: &str) -> Diagnostic {
    misplaced_variable(what, &secret_in(text).unwrap_or_default())
}

/// The finding that a secret is given where others read it.
pub(super) fn in_the_open(name: &str, from: &str) -> Diagnostic {
    let message = format!("{from} gives `{name}`, which is a secret");
    let help = format!(
        "others can read it there, so change the secret; give it in GATEWRIGHT_VAR_{}, in a `--var-file`, or on \
         standard input with `--var {name}=-`",
        name.to_uppercase()
    );
    Diagnostic::error("manifest::secret-variable", message).help(help)
}

fn misplaced_variable(what: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        "manifest::secret-place",
        format!("`${{var.{name}}}` is a secret, and {what} is no place for one"),
    )
    .help("secrets go into a kind's secret members and a runtime's `environment_variables`, which are never shown")
}

fn secret_in(text: &str) -> Option<String> {
    pieces(text).into_iter().filter_map(Result::err).find_map(|reference| match reference.target {
        Target::Variable(name) => Some(name),
        _ => None,
    })
}

/// What is never shown, and what people put secrets into.
fn takes_secrets(kind: &Kind, steps: &[PathStep]) -> bool {
    let environment = matches!(steps, [PathStep::Key(member), _] if member == "environmentVariables");
    let mut pattern = String::new();
    for step in steps {
        match step {
            PathStep::Index(_) => pattern.push_str("[]"),
            PathStep::Key(key) => {
                if !pattern.is_empty() {
                    pattern.push('.');
                }
                pattern.push_str(key);
            }
        }
    }
    kind.is_secret(&pattern) || (*kind == RUNTIME && environment)
}

/// Every string that holds a secret: where it stands, and the secret's name.
fn places(document: &Value) -> Vec<(Vec<PathStep>, String)> {
    fn walk(value: &Value, steps: &mut Vec<PathStep>, found: &mut Vec<(Vec<PathStep>, String)>) {
        let mut inside = |step, value: &Value| {
            steps.push(step);
            walk(value, steps, found);
            steps.pop();
        };
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(key, member)| inside(PathStep::Key(key.clone()), member));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| inside(PathStep::Index(index), item));
            }
            Value::String(text) => found.extend(secret_in(text).map(|name| (steps.clone(), name))),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let is_secret = |target: &Target| matches!(target, Target::Variable(_));
    if references(document).iter().any(|reference| is_secret(&reference.target)) {
        walk(document, &mut Vec::new(), &mut found);
    }
    found
}
