//! Values of a manifest as documents in the API's own spelling, led by the API model.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::rc::Rc;

use model::{Api, Body, Member, Shape, snake_case, yaml};
use serde_json::{Map, Value};

use super::Loader;
use super::fill::CedarPlace;
use super::nearest::{nearest, suggestion};
use super::tree::{self, Content, Entry, Node, private_character};
use crate::address::Address;
use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::kind::{Kind, POLICY};
use crate::reference::holds_mark_character;

/// Members by manifest key: what a kind or a structure takes.
pub(super) type Keys = Rc<HashMap<String, &'static Member>>;

/// The keys of kinds and structures, worked out once each.
#[derive(Default)]
pub(super) struct Spelling {
    kinds: HashMap<&'static str, Keys>,
    shapes: HashMap<*const Shape, Keys>,
}

impl Spelling {
    /// The keys of a kind.
    pub(super) fn of_kind(&mut self, kind: &'static Kind) -> Keys {
        let keys = || kind.members().into_iter().map(|member| (kind.key_of(member), member)).collect();
        Rc::clone(self.kinds.entry(kind.name).or_insert_with(|| Rc::new(keys())))
    }

    /// The keys of a structure.
    pub(super) fn of_shape(&mut self, shape: &'static Shape) -> Keys {
        let keys = || shape.members().iter().map(|member| (snake_case(&member.name), member)).collect();
        Rc::clone(self.shapes.entry(std::ptr::from_ref(shape)).or_insert_with(|| Rc::new(keys())))
    }
}

/// A document while it is written, and where its parts come from.
pub(super) struct Sheet {
    pub(super) api: &'static Api,
    /// What it is about.
    pub(super) address: Address,
    /// Where the writing is, as [`model::display_path`] shows it.
    pub(super) path: String,
    pub(super) spans: HashMap<String, Span>,
    /// Paths whose value was refused already.
    pub(super) broken: Vec<String>,
    /// Structures that hold an unknown key, by path, and the key that was likely meant.
    pub(super) misspelt: Vec<(String, Option<String>)>,
    /// Paths whose value comes from a file in the API's own spelling, with the file's name.
    pub(super) files: Vec<(String, String)>,
}

impl Sheet {
    pub(super) fn new(api: &'static Api, address: Address) -> Self {
        Self {
            api,
            address,
            path: String::new(),
            spans: HashMap::new(),
            broken: Vec::new(),
            misspelt: Vec::new(),
            files: Vec::new(),
        }
    }

    /// The value that stands for a refused one.
    pub(super) fn refused(&mut self) -> Value {
        self.broken.push(self.path.clone());
        Value::Null
    }

    fn cut(&mut self, length: usize) {
        self.path.truncate(length);
    }

    fn step(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }
}

impl Loader {
    /// The member of a document that an entry gives.
    pub(super) fn member(&mut self, sheet: &mut Sheet, member: &'static Member, entry: &Entry) -> Value {
        let length = sheet.step(&member.wire);
        sheet.spans.insert(sheet.path.clone(), value_span(entry));
        let value = self.value(sheet, sheet.api.shape(&member.shape), &entry.node);
        sheet.cut(length);
        value
    }

    /// A value as the shape wants it. Whether it fits the shape is for the validator to say.
    pub(super) fn value(&mut self, sheet: &mut Sheet, shape: Option<&'static Shape>, node: &Node) -> Value {
        match &node.content {
            Content::Table(entries) => match file_table(entries) {
                Some((name, verbatim)) => self.file(sheet, shape, name, verbatim, &node.span),
                None => self.table(sheet, shape, entries),
            },
            Content::List(items) => {
                let element = match shape.map(|shape| &shape.body) {
                    Some(Body::List { element, .. }) => sheet.api.shape(element),
                    _ => None,
                };
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let length = sheet.path.len();
                    let _ = write!(sheet.path, "[{index}]");
                    sheet.spans.insert(sheet.path.clone(), item.span.clone());
                    list.push(self.value(sheet, element, item));
                    sheet.cut(length);
                }
                Value::Array(list)
            }
            Content::Text(text) if is_cedar(sheet) => self.cedar(sheet, text, &CedarPlace::Text(node.span.clone())),
            Content::Text(text) => {
                let address = sheet.address.clone();
                self.fill(text, &node.span, Some(&address)).unwrap_or_else(|| sheet.refused())
            }
            Content::Date(date) => match shape.map(|shape| &shape.body) {
                None | Some(Body::Timestamp { .. } | Body::Document) => date.clone().into(),
                _ => {
                    let problem = Diagnostic::error("manifest::wrong-type", "found a date where none belongs");
                    self.report(problem.at(node.span.clone(), "").help("put it in quotes if it is text"));
                    sheet.refused()
                }
            },
            Content::Integer(_) | Content::Float(_) | Content::Boolean(_) => node.plain(),
        }
    }

    fn table(&mut self, sheet: &mut Sheet, shape: Option<&'static Shape>, entries: &[Entry]) -> Value {
        let mut object = Map::new();
        match shape.map(|shape| (shape, &shape.body)) {
            Some((shape, Body::Structure { .. })) => {
                let keys = self.spelling.of_shape(shape);
                for entry in entries {
                    match keys.get(&entry.key) {
                        Some(member) => {
                            let value = self.member(sheet, member, entry);
                            object.insert(member.wire.clone(), value);
                        }
                        None => self.unknown_key(sheet, entry, keys.keys().map(String::as_str)),
                    }
                }
            }
            // Keys of maps and of free documents are data.
            other => {
                let inner = match other {
                    Some((_, Body::Map { value, .. })) => sheet.api.shape(value),
                    _ => None,
                };
                for entry in entries {
                    let length = sheet.step(&entry.key);
                    sheet.spans.insert(sheet.path.clone(), value_span(entry));
                    let value = self.value(sheet, inner, &entry.node);
                    sheet.cut(length);
                    object.insert(entry.key.clone(), value);
                }
            }
        }
        Value::Object(object)
    }

    /// Reports a key that nothing has.
    pub(super) fn unknown_key<'k>(&mut self, sheet: &mut Sheet, entry: &Entry, known: impl Iterator<Item = &'k str>) {
        let message = if sheet.path.is_empty() {
            format!("a `{}` has no key `{}`", sheet.address.kind, entry.key)
        } else {
            format!("there is no key `{}` here", entry.key)
        };
        let known: Vec<&str> = known.collect();
        let mut problem = Diagnostic::error("manifest::unknown-key", message).about(&sheet.address);
        problem.help = suggestion(&entry.key, known.iter().copied());
        self.report(problem.at(entry.key_span.clone(), ""));
        // What it was meant to be is missing now, which need not be said again.
        sheet.misspelt.push((sheet.path.clone(), nearest(&entry.key, known).map(ToOwned::to_owned)));
    }

    fn cedar(&mut self, sheet: &mut Sheet, text: &str, place: &CedarPlace) -> Value {
        let address = sheet.address.clone();
        match self.fill_cedar(text, place, Some(&address)) {
            Some(filled) => filled.into_iter().map(|filled| filled.text).collect::<String>().into(),
            None => sheet.refused(),
        }
    }

    /// `{ file = "…" }`: text where the API wants a string, else a document in the API's own spelling.
    fn file(
        &mut self,
        sheet: &mut Sheet,
        shape: Option<&'static Shape>,
        name: &str,
        verbatim: bool,
        at: &Span,
    ) -> Value {
        if sheet.address.kind == POLICY.name && sheet.path.starts_with("definition") && !is_cedar(sheet) {
            // Only where a text is known to be Cedar can references be kept from changing what it means.
            let problem =
                Diagnostic::error("manifest::file", "a policy's definition cannot come from a file as a whole");
            let help = "name a Cedar file: `definition.cedar.statement = { file = \"….cedar\" }`";
            self.report(problem.at(at.clone(), "").help(help).about(&sheet.address));
            return sheet.refused();
        }
        let Some(file) = self.named_file(name, at) else { return sheet.refused() };
        let text = self.files.sources.text(file).to_owned();
        let address = sheet.address.clone();
        let document = match shape.map(|shape| &shape.body) {
            Some(Body::String { .. } | Body::Blob) => {
                if holds_mark_character(&text) {
                    self.report(private_character().at(Span { file, range: 0..0 }, "").with(at.clone(), "named here"));
                    return sheet.refused();
                }
                if is_cedar(sheet) && !verbatim {
                    sheet.spans.insert(sheet.path.clone(), Span { file, range: 0..text.len() });
                    return self.cedar(sheet, &text, &CedarPlace::File(Span { file, range: 0..text.len() }));
                }
                Some(Value::String(text))
            }
            None | Some(Body::Structure { .. } | Body::List { .. } | Body::Map { .. } | Body::Document) => {
                self.parsed_file(file, name, &text, at)
            }
            Some(_) => {
                let problem = Diagnostic::error("manifest::file", "a file can stand for text, a table or a list only");
                self.report(problem.at(at.clone(), "").help("write the value itself"));
                None
            }
        };
        let Some(document) = document else { return sheet.refused() };
        sheet.files.push((sheet.path.clone(), name.to_owned()));
        if verbatim {
            return document;
        }
        self.fill_document(document, at, Some(&address)).unwrap_or_else(|| sheet.refused())
    }

    /// A JSON, TOML or YAML file as a document.
    fn parsed_file(&mut self, file: FileId, name: &str, text: &str, at: &Span) -> Option<Value> {
        match Path::new(name).extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => match yaml::parse(text) {
                Ok(document) if holds_marks(&document) => {
                    self.report(private_character().at(Span { file, range: 0..0 }, "").with(at.clone(), "named here"));
                    None
                }
                Ok(document) => Some(document),
                Err(yaml::Refused { range, message, help }) => {
                    let problem = Diagnostic::error("manifest::file", format!("`{name}` {message}"));
                    self.report(problem.at(Span { file, range }, "").with(at.clone(), "named here").help(help));
                    None
                }
            },
            Some("toml") => match tree::parse(file, text) {
                Ok(entries) => {
                    let members = entries.into_iter().map(|entry| (entry.key, entry.node.plain()));
                    Some(Value::Object(members.collect()))
                }
                Err(problems) => {
                    let named = |problem: Diagnostic| problem.with(at.clone(), "named here");
                    self.diagnostics.extend(problems.into_iter().map(named));
                    None
                }
            },
            _ => match serde_json::from_str::<Value>(text) {
                Ok(document) if holds_marks(&document) => {
                    self.report(private_character().at(Span { file, range: 0..0 }, "").with(at.clone(), "named here"));
                    None
                }
                Ok(document) => Some(document),
                Err(error) => {
                    let start = offset(text, error.line(), error.column());
                    let range = start..text.len().min(start + 1);
                    let what = error.to_string();
                    let what = what.split(" at line ").next().unwrap_or_default();
                    let (what, help) = if what == "recursion limit exceeded" {
                        (
                            format!("`{name}` nests more than 127 levels deep"),
                            "describe the inner parts without their members",
                        )
                    } else {
                        let help = "a file that stands for a table or a list is JSON, or TOML if it is called so";
                        (format!("`{name}` is no JSON: {what}"), help)
                    };
                    let problem = Diagnostic::error("manifest::file", what);
                    self.report(problem.at(Span { file, range }, "").with(at.clone(), "named here").help(help));
                    None
                }
            },
        }
    }
}

/// Where a value is best shown: a table that no place of the text is the whole of at its key.
fn value_span(entry: &Entry) -> Span {
    let follows_its_key = entry.node.span.range.start >= entry.key_span.range.end;
    if follows_its_key { entry.node.span.clone() } else { entry.key_span.clone() }
}

/// The document being written is a policy and the place its Cedar text.
fn is_cedar(sheet: &Sheet) -> bool {
    sheet.address.kind == POLICY.name
        && matches!(sheet.path.as_str(), "definition.cedar.statement" | "definition.policy.statement")
}

/// A table that is nothing but `{ file = "…" }`, with or without `verbatim`.
pub(super) fn file_table(entries: &[Entry]) -> Option<(&str, bool)> {
    let mut name = None;
    let mut verbatim = false;
    for entry in entries {
        match (entry.key.as_str(), &entry.node.content) {
            ("file", Content::Text(text)) => name = Some(text.as_str()),
            ("verbatim", Content::Boolean(truth)) => verbatim = *truth,
            _ => return None,
        }
    }
    Some((name?, verbatim))
}

fn holds_marks(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_mark_character(text),
        Value::Array(items) => items.iter().any(holds_marks),
        Value::Object(members) => members.iter().any(|(key, member)| holds_mark_character(key) || holds_marks(member)),
        _ => false,
    }
}

/// The byte that a line and a column of bytes, both from 1, stand for.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
