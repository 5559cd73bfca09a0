//! Variables: what is declared, and the value that each gets.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::document::Document;
use super::files::read_text;
use super::nearest::{listed, suggestion};
use super::settings::Settings;
use super::tree::{self, Content, Entry, Node, private_character};
use super::{Loader, Options};
use crate::diagnostic::{Diagnostic, Span};
use crate::reference::holds_mark_character;

const PROCESS_PREFIX: &str = "GATEWRIGHT_VAR_";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    String,
    Integer,
    Boolean,
    List,
}

/// `[variables.NAME]`.
struct Declared {
    name: String,
    span: Span,
    kind: Type,
    allowed: Vec<Value>,
    default: Option<Value>,
    secret: bool,
}

/// A value that someone gave, and where.
#[derive(Clone)]
struct Given {
    value: Value,
    /// Text from outside, to be read as the variable's type.
    text: bool,
    from: String,
    span: Option<Span>,
    /// It stands where others read it: in the manifest, or on a command line.
    open: bool,
}

impl Type {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::String(_) => Type::String,
            Value::Number(number) if number.is_i64() => Type::Integer,
            Value::Bool(_) => Type::Boolean,
            Value::Array(items) if items.iter().all(Value::is_string) => Type::List,
            _ => return None,
        })
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Type::String,
            "integer" => Type::Integer,
            "boolean" => Type::Boolean,
            "list" => Type::List,
            _ => return None,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Type::String => "a string",
            Type::Integer => "a whole number",
            Type::Boolean => "true or false",
            Type::List => "a list of strings such as `[\"a\", \"b\"]`",
        }
    }

    /// Text from the command line or the process environment.
    fn read(self, text: &str) -> Option<Value> {
        match self {
            Type::String => Some(text.into()),
            Type::Integer => text.trim().parse::<i64>().ok().map(Value::from),
            Type::Boolean => text.trim().parse::<bool>().ok().map(Value::from),
            Type::List => {
                let table = toml::from_str::<toml::Table>(&format!("list = {}", text.trim())).ok()?;
                let value = serde_json::to_value(table.get("list")?).ok()?;
                (table.len() == 1 && Type::of(&value) == Some(Type::List)).then_some(value)
            }
        }
    }
}

impl Loader {
    /// Puts every declared variable in scope, with its value where it has a good one.
    pub(super) fn variables(&mut self, document: &Document, settings: &Settings, options: &Options) {
        let declared: Vec<Declared> = document.variables.iter().filter_map(|entry| self.declaration(entry)).collect();
        for entry in &document.variables {
            self.scope.variables.insert(entry.key.clone(), None);
        }
        for variable in declared.iter().filter(|variable| variable.secret) {
            self.scope.secrets.insert(variable.name.clone(), None);
        }
        let given = self.given(settings, options);
        for variable in declared {
            if variable.secret {
                self.secret_variable(&variable, given.get(&variable.name), options);
                continue;
            }
            let value = match given.get(&variable.name) {
                Some(given) => self.accepted(&variable, given),
                None if variable.default.is_some() => variable.default,
                None => {
                    let message = format!("the variable `{}` has no value", variable.name);
                    let help = format!(
                        "give it with `--var {}=…` or {PROCESS_PREFIX}{}, or give it a `default`",
                        variable.name,
                        variable.name.to_uppercase()
                    );
                    let problem = Diagnostic::error("manifest::variable-missing", message);
                    self.report(problem.at(variable.span.clone(), "").help(help));
                    None
                }
            };
            self.scope.variables.insert(variable.name, value);
        }
    }

    fn declaration(&mut self, entry: &Entry) -> Option<Declared> {
        let mut kind = None;
        let mut allowed = None;
        let mut default = None;
        let mut secret = None;
        let mut good = true;
        for key in entry.node.table().unwrap_or_default() {
            match key.key.as_str() {
                "type" => {
                    kind = key.node.text().and_then(Type::named);
                    if kind.is_none() {
                        let problem = Diagnostic::error("manifest::variable-value", "there is no such type");
                        let help = "write `string`, `integer`, `boolean` or `list`";
                        self.report(problem.at(key.node.span.clone(), "").help(help));
                        good = false;
                    }
                }
                "default" => default = Some(&key.node),
                "allowed" => allowed = Some(&key.node),
                "secret" => match key.node.content {
                    Content::Boolean(true) => secret = Some(key),
                    Content::Boolean(false) => {}
                    _ => {
                        let message = format!("`secret` is true or false, found {}", key.node.type_name());
                        let problem = Diagnostic::error("manifest::wrong-type", message);
                        self.report(problem.at(key.node.span.clone(), ""));
                        good = false;
                    }
                },
                "description" => {}
                _ => {
                    let message = format!("a variable has no key `{}`", key.key);
                    let mut problem = Diagnostic::error("manifest::unknown-key", message);
                    problem.help = suggestion(&key.key, ["type", "default", "allowed", "description", "secret"]);
                    self.report(problem.at(key.key_span.clone(), ""));
                }
            }
        }
        if let Some(secret) = secret {
            return (self.may_be_secret(entry, secret, kind.is_none_or(|kind| kind == Type::String)) && good).then(
                || {
                    let (name, span) = (entry.key.clone(), entry.key_span.clone());
                    Declared { name, span, kind: Type::String, allowed: Vec::new(), default: None, secret: true }
                },
            );
        }
        let kind = kind.or_else(|| Type::of(&default?.plain())).unwrap_or(Type::String);
        let allowed = match allowed {
            None => Vec::new(),
            Some(node) => match &node.content {
                Content::List(items) if !items.is_empty() => {
                    let element = if kind == Type::List { Type::String } else { kind };
                    let values: Vec<_> = items.iter().map(|item| self.typed(item, element, &entry.key)).collect();
                    good &= values.iter().all(Option::is_some);
                    values.into_iter().flatten().collect()
                }
                _ => {
                    let message = "`allowed` is a list of values";
                    let problem = Diagnostic::error("manifest::variable-value", message);
                    self.report(problem.at(node.span.clone(), "").help("for example `allowed = [\"info\", \"warn\"]`"));
                    good = false;
                    Vec::new()
                }
            },
        };
        let mut variable = Declared {
            name: entry.key.clone(),
            span: entry.key_span.clone(),
            kind,
            allowed,
            default: None,
            secret: false,
        };
        if let Some(node) = default {
            let value = self.typed(node, kind, &entry.key)?;
            let (from, span) = ("`default`".to_owned(), Some(node.span.clone()));
            let given = Given { value, text: false, from, span, open: true };
            variable.default = Some(self.accepted(&variable, &given)?);
        }
        good.then_some(variable)
    }

    /// The value of a secret, if it can be one; no finding shows it.
    fn secret_variable(&mut self, variable: &Declared, given: Option<&Given>, options: &Options) {
        let name = &variable.name;
        let Some(given) = given else {
            if !options.secrets_later {
                let message = format!("the secret `{name}` has no value");
                let help = crate::secret::how_to_give(name);
                let problem = Diagnostic::error("manifest::variable-missing", message);
                self.report(problem.at(variable.span.clone(), "").help(help));
            }
            return;
        };
        match given.value.as_str() {
            // It was refused where it was given.
            _ if given.open => {}
            Some(text) if !text.is_empty() && !holds_mark_character(text) => {
                self.scope.secrets.insert(name.as_str(), Some(text.to_owned()));
            }
            _ => {
                let message = format!("the secret `{name}` cannot be what {} gives", given.from);
                let problem = Diagnostic::error("manifest::variable-value", message);
                let help = "a secret is text, at least one character, without private-use characters";
                self.report(problem.at(variable.span.clone(), "declared here").help(help));
            }
        }
    }

    /// A place is on no line of a value.
    fn lie_apart(&self, place: &Span, value: &Span) -> bool {
        let line = |at: usize| self.files.sources.position(&Span { file: place.file, range: at..at }).0;
        place.file != value.file
            || line(place.range.end) < line(value.range.start)
            || line(place.range.start) > line(value.range.end)
    }

    /// What a declaration says beside `secret = true`.
    fn may_be_secret(&mut self, entry: &Entry, secret: &Entry, text: bool) -> bool {
        let mut good = true;
        for key in entry.node.table().unwrap_or_default() {
            let (message, help) = match key.key.as_str() {
                "default" => (
                    format!("the secret `{}` has a `default`", entry.key),
                    "remove it, and change the secret: whoever reads the manifest has read it",
                ),
                "allowed" => (
                    format!("the secret `{}` has `allowed` values", entry.key),
                    "remove them: whoever reads the manifest could guess",
                ),
                "type" if !text => (format!("the secret `{}` is a string", entry.key), "remove `type`"),
                _ => continue,
            };
            good = false;
            // The line of a value is not shown.
            let places = [&key.key_span, &secret.key_span, &entry.key_span];
            let apart = places.into_iter().find(|place| self.lie_apart(place, &key.node.span));
            let mut problem = Diagnostic::error("manifest::secret-variable", message).help(help);
            if let Some(place) = apart {
                problem = problem.at(place.clone(), "");
            }
            self.report(problem);
        }
        good
    }

    /// A value written in a manifest: of the type, and without references.
    fn typed(&mut self, node: &Node, kind: Type, name: &str) -> Option<Value> {
        let value = node.plain();
        let holds_reference = match &value {
            Value::String(text) => text.contains("${"),
            Value::Array(items) => items.iter().filter_map(Value::as_str).any(|text| text.contains("${")),
            _ => false,
        };
        if holds_reference {
            let problem = Diagnostic::error("manifest::variable-value", "values of variables hold no references");
            let help = "write the reference where the variable is used";
            self.report(problem.at(node.span.clone(), "").help(help));
            return None;
        }
        if Type::of(&value) != Some(kind) || matches!(node.content, Content::Date(_)) {
            let message = format!("`{name}` is {}, found {}", kind.words(), node.type_name());
            let problem = Diagnostic::error("manifest::variable-value", message);
            let help = "a variable without a default is a string unless `type` says otherwise";
            self.report(problem.at(node.span.clone(), "").help(help));
            return None;
        }
        Some(value)
    }

    /// The value, if the variable takes it.
    fn accepted(&mut self, variable: &Declared, given: &Given) -> Option<Value> {
        let refuse = |message: String, help: String| {
            let problem = Diagnostic::error("manifest::variable-value", message).help(help);
            match &given.span {
                Some(span) => problem.at(span.clone(), "").with(variable.span.clone(), "declared here"),
                None => problem.at(variable.span.clone(), "declared here"),
            }
        };
        let value = match given.value.as_str().filter(|_| given.text) {
            Some(text) => variable.kind.read(text),
            None => Some(given.value.clone()).filter(|value| Type::of(value) == Some(variable.kind)),
        };
        let Some(value) = value else {
            let message =
                format!("the variable `{}` cannot be `{}`, from {}", variable.name, shown(&given.value), given.from);
            self.report(refuse(message, format!("it is {}", variable.kind.words())));
            return None;
        };
        let parts = match &value {
            Value::Array(items) => items.clone(),
            other => vec![other.clone()],
        };
        for part in &parts {
            if part.as_str().is_some_and(holds_mark_character) {
                self.report(private_character().at(variable.span.clone(), ""));
                return None;
            }
            if !variable.allowed.is_empty() && !variable.allowed.contains(part) {
                let allowed: Vec<String> = variable.allowed.iter().map(shown).collect();
                let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
                let message =
                    format!("the variable `{}` cannot be `{}`, from {}", variable.name, shown(part), given.from);
                self.report(refuse(message, format!("allowed are {}", listed(&allowed))));
                return None;
            }
        }
        Some(value)
    }

    /// Every value that was given, of each name the one that wins. A name that is not declared is an error wherever it stands.
    fn given(&mut self, settings: &Settings, options: &Options) -> HashMap<String, Given> {
        let mut given = HashMap::new();
        for entry in settings.overrides.iter().filter(|entry| entry.key == "variables") {
            if entry.node.table().is_none() {
                let message = format!("`variables` is a table, found {}", entry.node.type_name());
                self.report(Diagnostic::error("manifest::wrong-type", message).at(entry.node.span.clone(), ""));
            }
            for member in entry.node.table().unwrap_or_default() {
                let from = "the environment's `variables`".to_owned();
                let span = Some(member.node.span.clone());
                let value = Given { value: member.node.plain(), text: false, from, span, open: true };
                if value.value.to_string().contains("${") {
                    let message = "values of variables hold no references";
                    let problem = Diagnostic::error("manifest::variable-value", message);
                    let help = "write the reference where the variable is used";
                    self.report(problem.at(member.node.span.clone(), "").help(help));
                } else {
                    self.give(&mut given, &member.key, value, Some(&member.key_span));
                }
            }
        }
        for (key, value) in &options.process_environment {
            let Some(name) = key.strip_prefix(PROCESS_PREFIX) else { continue };
            let declared = self.scope.variables.keys().find(|declared| declared.to_uppercase() == name);
            let name = declared.cloned().unwrap_or_else(|| name.to_lowercase());
            let value = Given { value: value.clone().into(), text: true, from: key.clone(), span: None, open: false };
            self.give(&mut given, &name, value, None);
        }
        for path in &options.variable_files {
            match variables_of_file(path) {
                Ok(file) => {
                    for (name, value) in file.values {
                        if file.foreign && !self.scope.variables.contains_key(&name) {
                            continue;
                        }
                        let from = format!("`{}`", path.display());
                        let value = Given { value, text: false, from, span: None, open: false };
                        self.give(&mut given, &name, value, None);
                    }
                }
                Err(problem) => self.report(*problem),
            }
        }
        for (name, value) in &options.variables {
            let from_input = value == "-" && self.scope.secrets.contains(name);
            let (value, from) = match from_input.then(|| options.standard_input.line(name)) {
                None => (value.clone(), "`--var`".to_owned()),
                Some(Ok(Some(line))) => (line, "standard input".to_owned()),
                Some(failed) => {
                    let why = failed.err().map_or_else(|| "it has no line left".to_owned(), |error| error.to_string());
                    let message = format!("standard input does not give `{name}`: {why}");
                    let help = format!(
                        "write one line for each `--var NAME=-`, in the order of the options: `… | gatewright plan --var {name}=-`"
                    );
                    self.report(Diagnostic::error("manifest::variable-missing", message).help(help));
                    let refused =
                        Given { value: Value::Null, text: false, from: String::new(), span: None, open: true };
                    given.insert(name.clone(), refused);
                    continue;
                }
            };
            let value = Given { value: value.into(), text: true, from, span: None, open: !from_input };
            self.give(&mut given, name, value, None);
        }
        given
    }

    fn give(&mut self, given: &mut HashMap<String, Given>, name: &str, value: Given, span: Option<&Span>) {
        if value.open && self.scope.secrets.contains(name) {
            let from = match span {
                // The line is named and not shown: the value stands in it.
                Some(span) => {
                    let path = self.files.sources.path(span.file).file_name().unwrap_or_default().display().to_string();
                    format!("line {} of `{path}`", self.files.sources.position(span).0)
                }
                None => value.from.clone(),
            };
            self.report(super::secret::in_the_open(name, &from));
            given.insert(name.to_owned(), value);
            return;
        }
        if self.scope.variables.contains_key(name) {
            given.insert(name.to_owned(), value);
            return;
        }
        let message = format!("{} gives `{name}`, which is no variable of this manifest", value.from);
        let mut problem = Diagnostic::error("manifest::unknown-variable", message);
        problem.help = suggestion(name, self.scope.variables.keys().map(String::as_str))
            .or_else(|| Some(format!("declare it: `[variables.{name}]`")));
        if let Some(span) = span {
            problem = problem.at(span.clone(), "");
        }
        self.report(problem);
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// What a file of variables holds.
struct FileOfVariables {
    values: Vec<(String, Value)>,
    /// It is another tool's output, and may hold more than this manifest declares.
    foreign: bool,
}

fn variables_of_file(path: &Path) -> Result<FileOfVariables, Box<Diagnostic>> {
    let text = read_text(path)?;
    let refuse = |why: &str| {
        let help = "write TOML or JSON: one key per variable, or what `terraform output -json` prints";
        Box::new(Diagnostic::error("manifest::variable-file", format!("`{}` {why}", path.display())).help(help))
    };
    if path.extension().is_some_and(|extension| extension == "toml") || !text.trim_start().starts_with('{') {
        // Spans lead nowhere: the file is not part of the manifest.
        let entries = tree::parse(crate::diagnostic::Sources::default().add("", ""), &text).map_err(|problems| {
            let what = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
            refuse(&format!("is no TOML: {what}"))
        })?;
        let values = entries.into_iter().map(|entry| (entry.key, entry.node.plain())).collect();
        return Ok(FileOfVariables { values, foreign: false });
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| refuse(&format!("is no JSON: {error}")))?;
    let Value::Object(members) = value else { return Err(refuse("holds no table of variables")) };
    let is_output = |value: &Value| {
        value.get("value").is_some() && (value.get("type").is_some() || value.get("sensitive").is_some())
    };
    let foreign = !members.is_empty() && members.values().all(is_output);
    let value =
        |mut output: Value| if foreign { output.get_mut("value").map(Value::take).unwrap_or_default() } else { output };
    let values = members.into_iter().map(|(name, member)| (name, value(member))).collect();
    Ok(FileOfVariables { values, foreign })
}
