//! What the API model says about a document, in the words and at the places of the manifest.

use std::collections::HashMap;
use std::fmt::Write as _;

use model::{Api, Body, Member, PathStep, Problem, Violation, display_path, snake_case};
use serde_json::Value;

use super::Loader;
use super::convert::Sheet;
use super::nearest::{listed, nearest, suggestion};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::Kind;
use crate::reference::{self, Target, is_unknown};
use crate::stack::Resource;

/// Where a document stands and what it is called.
struct Subject<'a> {
    sheet: &'a Sheet,
    spans: &'a HashMap<String, Span>,
    header: &'a Span,
    /// The shape that paths start from, unless they start from a kind's members.
    shape: Option<&'a str>,
    kind: Option<&'static Kind>,
}

impl Loader {
    /// Holds a resource against its kind's members.
    pub(super) fn validate_resource(&mut self, resource: &Resource, sheet: &Sheet) {
        let kind = resource.kind;
        let subject = Subject { sheet, spans: &resource.spans, header: &resource.span, shape: None, kind: Some(kind) };
        let keys = self.spelling.of_kind(kind);
        let by_wire: HashMap<&str, &'static Member> =
            keys.values().map(|member| (member.wire.as_str(), *member)).collect();
        for (wire, value) in resource.document.as_object().into_iter().flatten() {
            let Some(member) = by_wire.get(wire.as_str()) else { continue };
            for mut violation in violations(sheet.api, &member.shape, value) {
                violation.path.insert(0, PathStep::Key(wire.clone()));
                self.violation(&subject, &resource.document, &violation);
            }
        }
        // What is taken over was created before: what the manifest leaves out stays as it is.
        let created = if resource.adopt.is_none() { sheet.api.input(kind.create.0) } else { None };
        for member in created.map(model::Shape::members).unwrap_or_default() {
            let own = by_wire.contains_key(member.wire.as_str());
            if own && member.required && resource.document.get(&member.wire).is_none() {
                let violation = Violation { path: Vec::new(), problem: Problem::Missing(member.wire.clone()) };
                self.violation(&subject, &resource.document, &violation);
            }
        }
    }

    /// Holds a document against a shape.
    pub(super) fn validate_shape(
        &mut self,
        shape: &str,
        document: &Value,
        sheet: &Sheet,
        spans: &HashMap<String, Span>,
        header: &Span,
    ) {
        let subject = Subject { sheet, spans, header, shape: Some(shape), kind: None };
        for violation in violations(sheet.api, shape, document) {
            self.violation(&subject, document, &violation);
        }
    }

    fn violation(&mut self, subject: &Subject<'_>, document: &Value, violation: &Violation) {
        let sheet = subject.sheet;
        let path = display_path(&violation.path);
        if sheet.broken.iter().any(|broken| is_below(&path, broken)) {
            return;
        }
        let file = sheet.files.iter().find(|(from, _)| is_below(&path, from));
        let name = subject.name(&violation.path);
        let shown = if name.is_empty() { sheet.address.to_string() } else { name };
        let key = |wire: &String| if file.is_some() { wire.clone() } else { subject.key(&violation.path, wire) };
        let found_text = value_at(document, &violation.path).and_then(Value::as_str).map(reference::display);
        let is_secret = subject.kind.is_some_and(|kind| kind.is_secret(&path));
        let mut problem = match &violation.problem {
            Problem::Missing(wire) => {
                let missing = key(wire);
                let at_path = if violation.path.is_empty() { "" } else { path.as_str() };
                let full = if path.is_empty() { wire.clone() } else { format!("{path}.{wire}") };
                let misspelt = |(structure, meant): &(String, Option<String>)| {
                    structure == at_path && meant.as_ref() == Some(&missing)
                };
                if sheet.misspelt.iter().any(misspelt) || sheet.broken.contains(&full) {
                    return;
                }
                let help = match (subject.kind, wire.as_str()) {
                    (Some(kind), "authorizerType") if kind.reference_keys.contains(&"jwt_authorizer") => {
                        "add `jwt_authorizer = \"…\"`, or `authorizer_type` with one of the API's types".to_owned()
                    }
                    _ => format!("add `{missing} = …`"),
                };
                Diagnostic::error("manifest::missing-key", format!("`{shown}` needs `{missing}`")).help(help)
            }
            Problem::Unknown { name, known } => {
                let mut problem =
                    Diagnostic::error("manifest::unknown-key", format!("there is no member `{name}` in `{shown}`"));
                problem.help = suggestion(name, known.iter().map(String::as_str));
                problem
            }
            Problem::WrongType { expected, found } => {
                let problem =
                    Diagnostic::error("manifest::wrong-type", format!("`{shown}` is {expected}, found {found}"));
                match (*expected, *found) {
                    ("a whole number", "a number with a fraction") => problem.help("write it without a point"),
                    (_, "a string") if found_text.as_deref().is_some_and(|text| text.contains("${")) => {
                        problem.help("only a variable of that type can stand here, as the whole value")
                    }
                    ("a string", "a whole number" | "true or false") => problem.help("put it in quotes"),
                    ("a whole number" | "true or false", "a string") => problem.help("write it without quotes"),
                    _ => problem,
                }
            }
            Problem::Pattern { pattern, .. } if is_secret => {
                Diagnostic::error("manifest::pattern", format!("`{shown}` has characters that it cannot have"))
                    .help(format!("it must match `{pattern}`"))
            }
            Problem::NotAllowed { found, allowed } => {
                let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
                let help = match nearest(found, allowed.iter().copied()) {
                    Some(meant) if allowed.len() > 12 => format!("did you mean `{meant}`?"),
                    _ => format!("allowed are {}", listed(&allowed)),
                };
                let message = format!("`{shown}` cannot be `{found}`");
                Diagnostic::error("manifest::not-allowed", message).help(help)
            }
            Problem::Pattern { found, pattern, shape } => {
                let message = format!("`{shown}` cannot be `{}`", found_text.as_deref().unwrap_or(found));
                if shape.ends_with("Arn") {
                    Diagnostic::warning("manifest::arn-pattern", message)
                        .help(format!("AWS's model wants `{pattern}`, and is wrong about some ARNs: look once more"))
                } else {
                    let help = match spelt_right(sheet.api, shape, found) {
                        Some(right) => format!("did you mean `{right}`? It must match `{pattern}`"),
                        None => format!("it must match `{pattern}`"),
                    };
                    Diagnostic::error("manifest::pattern", message).help(help)
                }
            }
            Problem::OutOfRange { .. } => {
                Diagnostic::error("manifest::range", format!("`{shown}` {}", violation.problem))
            }
            Problem::Union { found, arms } => {
                if found.is_empty() && sheet.misspelt.iter().any(|(structure, _)| *structure == path) {
                    return;
                }
                let keys = |wires: &[String]| wires.iter().map(key).collect::<Vec<_>>();
                let quoted = |names: Vec<String>| listed(&names.iter().map(String::as_str).collect::<Vec<_>>());
                let message = if found.is_empty() {
                    format!("`{shown}` needs exactly one of {}", quoted(keys(arms)))
                } else {
                    format!("`{shown}` takes exactly one key, found {}", quoted(keys(found)))
                };
                let help = if found.is_empty() { "add one of them" } else { "keep one of them" };
                Diagnostic::error("manifest::union", message).help(help)
            }
        };
        if let Some((_, file)) = file {
            let _ = write!(problem.message, ", in `{file}`");
        }
        self.report(problem.at(subject.span(&path).clone(), "").about(&sheet.address));
    }
}

impl Subject<'_> {
    /// The place of a path, or of the nearest one above it.
    fn span(&self, path: &str) -> &Span {
        let mut path = path;
        loop {
            if let Some(span) = self.spans.get(path) {
                return span;
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = path.get(..cut).unwrap_or_default(),
                None => return self.header,
            }
        }
    }

    /// A path in the manifest's spelling.
    fn name(&self, path: &[PathStep]) -> String {
        let api = self.sheet.api;
        let mut shape = self.shape.and_then(|shape| api.shape(shape));
        let mut kind = self.kind;
        let mut steps = Vec::with_capacity(path.len());
        for step in path {
            let PathStep::Key(wire) = step else {
                steps.push(step.clone());
                shape = shape.and_then(|shape| match &shape.body {
                    Body::List { element, .. } => api.shape(element),
                    _ => None,
                });
                continue;
            };
            let member = match kind.take() {
                Some(kind) => kind.member(wire).map(|member| (kind.key_of(member), member)),
                None => shape.and_then(|shape| shape.member(wire)).map(|member| (snake_case(&member.name), member)),
            };
            steps.push(PathStep::Key(member.as_ref().map_or_else(|| wire.clone(), |(key, _)| key.clone())));
            shape = match (member, shape.map(|shape| &shape.body)) {
                (Some((_, member)), _) => api.shape(&member.shape),
                (None, Some(Body::Map { value, .. })) => api.shape(value),
                _ => None,
            };
        }
        display_path(&steps)
    }

    /// A member's key in the structure at a path.
    fn key(&self, path: &[PathStep], wire: &str) -> String {
        let mut path = path.to_vec();
        path.push(PathStep::Key(wire.to_owned()));
        let name = self.name(&path);
        name.rsplit('.').next().unwrap_or_default().to_owned()
    }
}

/// Violations of a shape. An account that is not known yet is held to be any twelve digits.
fn violations(api: &Api, shape: &str, value: &Value) -> Vec<Violation> {
    if !reference::holds_unknown(value) {
        return api.validate(shape, value, &|_| false);
    }
    let account = |target: &Target| matches!(target, Target::Account).then(|| "000000000000".to_owned());
    api.validate(shape, &reference::resolve(value, &account), &is_unknown)
}

/// A path is another or lies below it.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn value_at<'v>(document: &'v Value, path: &[PathStep]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, step| match step {
        PathStep::Key(key) => value.get(key),
        PathStep::Index(index) => value.get(index),
    })
}

/// The text with its separators changed so that the pattern takes it.
fn spelt_right(api: &Api, shape: &str, text: &str) -> Option<String> {
    let only = |separator: char| -> String {
        text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { separator }).collect()
    };
    let candidates = [text.replace('-', "_"), text.replace('_', "-"), text.to_lowercase(), only('_'), only('-')];
    candidates.into_iter().find(|candidate| {
        candidate != text && api.validate(shape, &Value::String(candidate.clone()), &is_unknown).is_empty()
    })
}
