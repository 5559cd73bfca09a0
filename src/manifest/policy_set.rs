//! `[policy_set.NAME]`: one Cedar file, one policy a statement.

use std::collections::HashMap;
use std::ops::Range;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ParseErrors, Policy};
use serde_json::{Map, Value, json};

use super::Loader;
use super::cedar::{self, TokenKind};
use super::cedar_syntax;
use super::convert::Sheet;
use super::document::{Block, is_name};
use super::fill::{CedarPlace, Filled};
use super::nearest::suggestion;
use super::tree::Entry;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::kind::{POLICY, POLICY_ENGINE};
use crate::reference::{Filter, Reference, is_unknown, pieces};
use crate::stack::Resource;

const KEYS: [&str; 7] =
    ["policy_engine", "file", "name_prefix", "validation_mode", "enforcement_mode", "description", "only_if"];

/// What a set says about all of its policies.
struct Set {
    address: Address,
    span: Span,
    engine: Option<Address>,
    prefix: String,
    /// Members by wire name, each with its place.
    defaults: Map<String, Value>,
    spans: HashMap<String, Span>,
}

/// One statement of the file.
struct Statement {
    /// From its first annotation on, as Cedar parses it.
    text: String,
    /// Where each piece of the text stands: its start in the text, its place in the file.
    places: Vec<(usize, Range<usize>)>,
    /// Where in the text the statement itself begins, after its annotations.
    body: usize,
    /// The place of the statement without annotations.
    range: Range<usize>,
    /// The places of annotations.
    annotations: HashMap<String, Range<usize>>,
}

/// The first character that no policy's name can have at its place.
fn unfit(prefix: &str) -> Option<char> {
    let first = prefix.chars().next().filter(|letter| !letter.is_ascii_alphabetic());
    first.or_else(|| prefix.chars().find(|letter| !(letter.is_ascii_alphanumeric() || *letter == '_')))
}

impl Loader {
    /// Rewrites a set into its policies.
    pub(super) fn policy_set(&mut self, block: &Block) {
        let address = Address::new("policy_set", block.name.clone());
        let mut sheet = Sheet::new(POLICY.api(), address.clone());
        let policy_keys = self.spelling.of_kind(&POLICY);
        let mut set = Set {
            address: address.clone(),
            span: block.node.span.clone(),
            engine: None,
            prefix: String::new(),
            defaults: Map::new(),
            spans: HashMap::new(),
        };
        let mut file: Option<&Entry> = None;
        let mut engine = false;
        for entry in block.node.table().unwrap_or_default() {
            match entry.key.as_str() {
                "policy_engine" => {
                    engine = true;
                    set.engine = self.named(&entry.node, POLICY_ENGINE.name, &address);
                }
                "file" => file = Some(entry),
                "only_if" => {}
                "name_prefix" => {
                    set.prefix = self.known_text(&entry.node, "`name_prefix`").unwrap_or_default();
                    if let Some(letter) = unfit(&set.prefix) {
                        let message = format!("`name_prefix` holds `{letter}`, and no name of a policy can");
                        let help = "a name has letters, digits and `_`, a letter first: `${snake(stack.env)}_`";
                        let problem = Diagnostic::error("manifest::pattern", message).at(entry.node.span.clone(), "");
                        self.report(problem.help(help).about(&address));
                        return;
                    }
                }
                "validation_mode" | "enforcement_mode" | "description" => {
                    if let Some(member) = policy_keys.get(&entry.key) {
                        let value = self.member(&mut sheet, member, entry);
                        set.defaults.insert(member.wire.clone(), value);
                    }
                }
                _ => self.unknown_key(&mut sheet, entry, KEYS.into_iter()),
            }
        }
        if !engine {
            let message = format!("`{address}` does not say which `policy_engine` it lives in");
            let problem = Diagnostic::error("manifest::missing-parent", message).at(set.span.clone(), "");
            let help = "add `policy_engine = \"…\"`, the name of a `[policy_engine.…]`";
            self.report(problem.help(help).about(&address));
        }
        set.spans = sheet.spans;
        let Some(entry) = file else {
            let problem = Diagnostic::error("manifest::missing-key", format!("`{address}` needs `file`"));
            let help = "add `file = \"policies/….cedar\"`";
            self.report(problem.at(set.span.clone(), "").help(help).about(&address));
            return;
        };
        let Some(name) = self.known_text(&entry.node, "`file`") else { return };
        let Some(file) = self.named_file(&name, &entry.node.span) else { return };
        let text = self.files.sources.text(file).to_owned();
        let place = CedarPlace::File(Span { file, range: 0..text.len() });
        let Some(filled) = self.fill_cedar(&text, &place, None) else { return };
        let statements = statements(&filled);
        if statements.is_empty() {
            let problem = Diagnostic::warning("manifest::empty-policy-set", format!("`{name}` holds no statement"));
            let help = "an engine without a policy that permits lets nobody call anything";
            self.report(problem.at(entry.node.span.clone(), "").help(help).about(&address));
        }
        let mut ids = HashMap::new();
        for statement in &statements {
            self.policy_of(&set, file, statement, &mut ids);
        }
    }

    fn policy_of(&mut self, set: &Set, file: FileId, statement: &Statement, ids: &mut HashMap<String, Span>) {
        let span = |range: &Range<usize>| Span { file, range: range.clone() };
        let body = statement.text.get(statement.body..).unwrap_or_default();
        let length = cedar::least_length(body);
        if length > cedar::LONGEST {
            let message = format!("the statement has {length} characters, and the service takes {}", cedar::LONGEST);
            let problem = Diagnostic::error("manifest::range", message).at(span(&statement.range), "");
            self.report(problem.help("split the statement into several").about(&set.address));
            return;
        }
        if cedar::is_too_deep(&statement.text) {
            let message = format!("brackets and conditions lie more than {} deep in each other", cedar::DEEPEST);
            let problem = Diagnostic::error("manifest::cedar-syntax", message).at(span(&statement.range), "");
            self.report(problem.help("split the statement into several").about(&set.address));
            return;
        }
        let policy = match statement.parse() {
            Ok(policy) => policy,
            Err(errors) => {
                for error in errors.iter().map(DetailedError::from) {
                    let place = error.source_locations.first().map(|label| &label.loc);
                    let range = place.map(|place| statement.place(place.start, place.end - place.start));
                    let (message, help) = cedar_syntax::said(&error);
                    let at = span(&range.unwrap_or_else(|| statement.range.clone()));
                    let mut problem = Diagnostic::error("manifest::cedar-syntax", message).at(at, "");
                    problem.help = help;
                    self.report(problem.about(&set.address));
                }
                return;
            }
        };
        let annotated = |name: &str| statement.annotations.get(name).map(span);
        let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) else {
            let problem = Diagnostic::error("manifest::policy-id", "the statement has no `@id`");
            let help = "write `@id(\"…\")` above it: the id names its policy";
            self.report(problem.at(span(&statement.range), "").help(help).about(&set.address));
            return;
        };
        let id_span = annotated("id").unwrap_or_else(|| span(&statement.range));
        if !is_name(id) {
            let problem = Diagnostic::error("manifest::policy-id", "the `@id` cannot name a policy");
            let help = "use letters, digits, `_` and `-`, and nothing that is known only later";
            self.report(problem.at(id_span, "").help(help).about(&set.address));
            return;
        }
        if let Some(first) = ids.insert(id.to_owned(), id_span.clone()) {
            let message = format!("`policy.{}/{id}` is given twice", set.address.name);
            let problem = Diagnostic::error("manifest::duplicate-address", message)
                .at(id_span, "given again here")
                .with(first, "first given here")
                .help("give each statement an `@id` of its own");
            self.report(problem);
            return;
        }
        let mut sheet = Sheet::new(POLICY.api(), Address::new(POLICY.name, format!("{}/{id}", set.address.name)));
        sheet.spans.clone_from(&set.spans);
        let mut document = Map::new();
        document.insert("name".to_owned(), format!("{}{id}", set.prefix).into());
        sheet.spans.insert("name".to_owned(), id_span.clone());
        // What only the service can read stands where it takes more than Cedar.
        let arm = if cedar::is_extended(body) { "policy" } else { "cedar" };
        document.insert("definition".to_owned(), json!({arm: {"statement": body}}));
        sheet.spans.insert("definition".to_owned(), span(&statement.range));
        document.extend(set.defaults.clone());
        let mut adopt = None;
        for (annotation, value) in policy.annotations() {
            let member = match annotation {
                "id" => continue,
                "adopt" if is_unknown(value) => {
                    let at = annotated("adopt").unwrap_or_else(|| id_span.clone());
                    let problem = Diagnostic::error(
                        "manifest::reference",
                        "`@adopt` cannot hold a value that is known only later",
                    );
                    self.report(problem.at(at, "").help("use variables and `${stack.…}` only").about(&set.address));
                    continue;
                }
                "adopt" => {
                    adopt = Some(value.to_owned()).filter(|id| !id.is_empty());
                    continue;
                }
                "description" => "description",
                "enforcement" => "enforcementMode",
                "validation" => "validationMode",
                other => {
                    let message = format!("`@{other}` says nothing to this tool");
                    let mut problem = Diagnostic::warning("manifest::unknown-annotation", message);
                    problem.help = suggestion(other, ["id", "adopt", "description", "enforcement", "validation"]);
                    self.report(problem.at(annotated(other).unwrap_or_else(|| id_span.clone()), ""));
                    continue;
                }
            };
            document.insert(member.to_owned(), outside_of_cedar(value).into());
            sheet.spans.insert(member.to_owned(), annotated(annotation).unwrap_or_else(|| id_span.clone()));
        }
        let mut resource = Resource::new(sheet.address.clone(), &POLICY, id_span);
        resource.document = Value::Object(document);
        resource.parent.clone_from(&set.engine);
        resource.adopt = adopt;
        self.finish(resource, sheet);
    }
}

impl Statement {
    /// The statement as Cedar reads it. Of one that only the service can read, the annotations are real.
    fn parse(&self) -> Result<Policy, Box<ParseErrors>> {
        let errors = match Policy::parse(None, &self.text) {
            Ok(policy) => return Ok(policy),
            Err(errors) => Box::new(errors),
        };
        let (annotations, body) = self.text.split_at_checked(self.body).unwrap_or((&self.text, ""));
        if !cedar::is_extended(body) {
            return Err(errors);
        }
        Policy::parse(None, format!("{annotations}permit(principal, action, resource);")).map_err(|_| errors)
    }

    /// The place in the file of a part of the text.
    fn place(&self, offset: usize, length: usize) -> Range<usize> {
        let at = |offset: usize| {
            let piece = self.places.iter().rev().find(|(start, _)| *start <= offset);
            piece.map_or(self.range.start, |(start, range)| (range.start + offset - start).min(range.end))
        };
        at(offset)..at(offset + length).max(at(offset))
    }
}

/// A literal's value as text of its own: its references are no longer escaped for Cedar.
fn outside_of_cedar(text: &str) -> String {
    let plain = |piece: Result<&str, Reference>| match piece {
        Ok(literal) => literal.to_owned(),
        Err(reference) => Reference { filter: Filter::Plain, ..reference }.mark(),
    };
    pieces(text).into_iter().map(plain).collect()
}

/// The statements of a file: each ends with a semicolon; what stands between them is left out.
fn statements(filled: &[Filled]) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut rest = filled;
    while let Some(first) = rest.iter().position(is_code) {
        let tail = rest.get(first..).unwrap_or_default();
        let length = tail.iter().position(|part| part.text == ";").map_or(tail.len(), |end| end + 1);
        let (own, after) = tail.split_at(length);
        found.push(statement(own));
        rest = after;
    }
    found
}

fn is_code(part: &Filled) -> bool {
    !matches!(part.token.kind, TokenKind::Space | TokenKind::Comment)
}

fn statement(parts: &[Filled]) -> Statement {
    let mut annotations = HashMap::new();
    let mut body = 0;
    // `@name("…")`, one after the other.
    while let Some(at) = parts.get(body..).and_then(|rest| rest.iter().position(is_code)).map(|at| at + body) {
        body = at;
        let Some(sign) = parts.get(at).filter(|part| part.text == "@") else { break };
        let mut code = parts.iter().enumerate().skip(at + 1).filter(|(_, part)| is_code(part));
        let Some((named, name)) = code.next() else { break };
        let mut end = (named, name);
        if code.next().is_some_and(|(_, part)| part.text == "(") {
            match code.find(|(_, part)| part.text == ")") {
                Some(closing) => end = closing,
                None => break,
            }
        }
        annotations.insert(name.text.clone(), sign.token.range.start..end.1.token.range.end);
        body = end.0 + 1;
    }
    let mut text = String::new();
    let mut places = Vec::with_capacity(parts.len());
    let mut start = 0;
    for (index, part) in parts.iter().enumerate() {
        if index == body {
            start = text.len();
        }
        places.push((text.len(), part.token.range.clone()));
        text.push_str(&part.text);
    }
    let place = |part: Option<&Filled>| part.map(|part| part.token.range.clone()).unwrap_or_default();
    let range = place(parts.get(body).or(parts.first())).start..place(parts.last()).end;
    Statement { text, places, body: start, range, annotations }
}
