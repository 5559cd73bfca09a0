//! The stack as a manifest again: definitions rewritten, variables filled in, references as people write them.

mod callers;

use std::fmt::Write;

use model::{Api, Body, Shape, snake_case};
use serde_json::{Value, json};

use super::{cedar, known_tools};
use crate::kind::Kind;
use crate::reference::{Reference, display, pieces};
use crate::secret_version;
use crate::stack::{Resource, Stack};

/// A line may be this wide before a value is spread over several.
const WIDTH: usize = 100;

/// The stack as TOML that a person can read, and that is a manifest of the same resources.
pub fn expand(stack: &Stack) -> String {
    let mut text = String::from("[stack]\n");
    line(&mut text, "name", &quoted(&stack.name));
    for (key, value) in [("region", &stack.region), ("account", &stack.account)] {
        if let Some(value) = value {
            line(&mut text, key, &quoted(value));
        }
    }
    if let Some(source) = &stack.source {
        line(&mut text, "source", &quoted(source));
    }
    if let Some(expires) = stack.expires {
        let hours = expires.as_secs() / 3600;
        let time = if hours % 24 == 0 { format!("{}d", hours / 24) } else { format!("{hours}h") };
        line(&mut text, "expires", &quoted(&time));
    }
    if !stack.tags.is_empty() {
        let tags = stack.tags.iter().map(|(key, value)| format!("{} = {}", bare(key), quoted(&escaped(value))));
        line(&mut text, "tags", &format!("{{ {} }}", tags.collect::<Vec<_>>().join(", ")));
    }
    if let Some(environment) = &stack.environment {
        let _ = writeln!(text, "\n[environment.{}]", bare(environment));
    }
    for name in stack.secrets.names() {
        let _ = writeln!(text, "\n[variables.{name}]\nsecret = true");
    }
    callers::definitions(&mut text, stack);
    for resource in &stack.resources {
        text.push('\n');
        table(&mut text, stack, resource);
    }
    callers::personas(&mut text, &stack.personas);
    callers::expectations(&mut text, &stack.expectations);
    for accept in &stack.accepts {
        text.push_str("\n[[accept]]\n");
        line(&mut text, "risk", &quoted(&accept.risk));
        let address = accept.address.as_ref().map(ToString::to_string);
        for (key, value) in [("address", &address), ("persona", &accept.persona), ("tool", &accept.tool)] {
            if let Some(value) = value {
                line(&mut text, key, &quoted(value));
            }
        }
        line(&mut text, "reason", &quoted(&accept.reason));
        line(&mut text, "until", &accept.until.to_string());
    }
    if !stack.moved.is_empty() {
        text.push_str("\n[moved]\n");
        for moved in &stack.moved {
            line(&mut text, &quoted(&moved.source()), &quoted(&moved.to.to_string()));
        }
    }
    text
}

/// A live member as the line that says it below the header of its resource; several lines where it is wide. Nothing where the
/// manifest cannot say it.
pub fn member_line(kind: &'static Kind, path: &str, value: &Value) -> Option<String> {
    if unsayable(value).is_some() {
        return None;
    }
    let (first, mut rest) = step_of(path);
    let member = kind.member(first)?;
    let writer = Writer { api: kind.api(), kind };
    let (mut key, mut shape) = (kind.key_of(member), kind.api().shape(&member.shape));
    while let Some(below) = rest {
        // A key of a map may hold dots, and may be empty.
        let is_map = shape.is_some_and(|shape| matches!(shape.body, Body::Map { .. }));
        let step = if is_map { (below, None) } else { step_of(below) };
        rest = step.1;
        let (name, inner) = writer.member(shape, step.0);
        key = format!("{key}.{}", bare(&name));
        shape = inner;
    }
    let mut text = String::new();
    writer.key(&mut text, &key, path, shape, value);
    Some(text.trim_end().to_owned())
}

/// The first step of a path, and what comes after it.
fn step_of(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)))
}

fn table(text: &mut String, stack: &Stack, resource: &Resource) {
    let kind = resource.kind;
    let _ = writeln!(text, "[{}.{}]", kind.name, bare(&resource.address.name));
    if let Some(parent) = &resource.parent {
        line(text, &parent.kind, &quoted(&parent.name));
    }
    if let Some(existing) = &resource.existing {
        line(text, "existing", &quoted(&escaped(&existing.to_string())));
    }
    if !resource.depends_on.is_empty() {
        let addresses = resource.depends_on.iter().map(|address| quoted(&address.to_string()));
        line(text, "depends_on", &format!("[{}]", addresses.collect::<Vec<_>>().join(", ")));
    }
    if let Some(id) = &resource.adopt {
        line(text, "adopt", &quoted(&escaped(id)));
    }
    if resource.protect {
        line(text, "protect", "true");
    }
    if resource.delete_unknown_children {
        line(text, "delete_unknown_children", "true");
    }
    if let Some(version) = &resource.secret_version {
        line(text, secret_version::KEY, &quoted(version));
    }
    if !resource.unmanaged.is_empty() {
        let keys =
            resource.unmanaged.iter().filter_map(|wire| kind.member(wire)).map(|member| quoted(&kind.key_of(member)));
        line(text, "unmanaged", &format!("[{}]", keys.collect::<Vec<_>>().join(", ")));
    }
    let definition = callers::definition_of(stack, resource);
    if let Some(definition) = definition {
        line(text, "jwt_authorizer", &quoted(&definition.name));
    }
    let writer = Writer { api: kind.api(), kind };
    for (wire, value) in resource.document.as_object().into_iter().flatten() {
        if definition.is_some() && callers::is_of_authorizer(wire) {
            continue;
        }
        let Some(member) = kind.member(wire) else { continue };
        writer.given(text, &kind.key_of(member), wire, kind.api().shape(&member.shape), value);
    }
    if let Some(tools) = &resource.known_tools {
        let tools = tools.iter().map(|tool| json!({"name": tool.name, "inputSchema": tool.input_schema}));
        writer.given(text, known_tools::KEY, known_tools::KEY, None, &tools.collect());
    }
}

/// Why TOML or the manifest's language has no words for a value; in a JSON file it can be said.
fn unsayable(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => Some("TOML has no null"),
        Value::Array(items) => items.iter().find_map(unsayable),
        Value::Object(members) => {
            let verbatim = members.get("verbatim").is_none_or(Value::is_boolean);
            let names_file = members.get("file").is_some_and(Value::is_string)
                && verbatim
                && members.keys().all(|key| matches!(key.as_str(), "file" | "verbatim"));
            if names_file {
                return Some("a table with the key `file` alone names a file");
            }
            members.values().find_map(unsayable)
        }
        _ => None,
    }
}

struct Writer {
    api: &'static Api,
    kind: &'static Kind,
}

impl Writer {
    /// `key = value` as [`Writer::key`] has it, or a comment where there are no words for the value.
    fn given(&self, text: &mut String, key: &str, path: &str, shape: Option<&'static Shape>, value: &Value) {
        match unsayable(value) {
            Some(why) => {
                let _ = writeln!(text, "# `{key}` comes from a file, and cannot be written here: {why}");
            }
            None => self.key(text, key, path, shape, value),
        }
    }

    /// `key = value`; a table that is too wide for a line as dotted keys, a list as one line an element.
    fn key(&self, text: &mut String, key: &str, path: &str, shape: Option<&'static Shape>, value: &Value) {
        let inline = self.inline(path, shape, value);
        if key.len() + inline.len() + 3 <= WIDTH {
            return line(text, key, &inline);
        }
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (wire, member) in members {
                    let (name, inner) = self.member(shape, wire);
                    self.key(text, &format!("{key}.{}", bare(&name)), &format!("{path}.{wire}"), inner, member);
                }
            }
            Value::Array(items) => {
                let _ = writeln!(text, "{key} = [");
                for item in items {
                    let _ = writeln!(text, "  {},", self.inline(path, self.element(shape), item));
                }
                text.push_str("]\n");
            }
            _ => line(text, key, &inline),
        }
    }

    fn inline(&self, path: &str, shape: Option<&'static Shape>, value: &Value) -> String {
        match value {
            Value::String(text) if self.is_cedar(path) => multiline(&cedar_source(text)),
            Value::String(text) => multiline(&escaped(text)),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.inline(path, self.element(shape), item));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Value::Object(members) if members.is_empty() => "{}".to_owned(),
            Value::Object(members) => {
                let members = members.iter().map(|(wire, member)| {
                    let (key, inner) = self.member(shape, wire);
                    format!("{} = {}", bare(&key), self.inline(&format!("{path}.{wire}"), inner, member))
                });
                format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        }
    }

    /// A member's key in the manifest, and its shape.
    fn member(&self, shape: Option<&'static Shape>, wire: &str) -> (String, Option<&'static Shape>) {
        match shape.map(|shape| (shape, &shape.body)) {
            Some((_, Body::Map { value, .. })) => (wire.to_owned(), self.api.shape(value)),
            Some((shape, _)) => match shape.member(wire) {
                Some(member) => (snake_case(&member.name), self.api.shape(&member.shape)),
                None => (wire.to_owned(), None),
            },
            None => (wire.to_owned(), None),
        }
    }

    fn element(&self, shape: Option<&'static Shape>) -> Option<&'static Shape> {
        match shape.map(|shape| &shape.body) {
            Some(Body::List { element, .. }) => self.api.shape(element),
            _ => None,
        }
    }

    fn is_cedar(&self, path: &str) -> bool {
        self.kind.name == "policy" && path.ends_with(".statement")
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

/// Text with references in their source form, and whatever only looks like one escaped.
fn escaped(text: &str) -> String {
    let source = |piece: Result<&str, Reference>| match piece {
        Ok(literal) => literal.replace("${", "$${"),
        Err(reference) => reference.source(),
    };
    pieces(text).into_iter().map(source).collect()
}

/// Cedar text as [`escaped`], token by token: what stands in a comment is no reference.
fn cedar_source(text: &str) -> String {
    display(&cedar::escaped(text))
}

/// A key, in quotes where it needs them.
fn bare(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.bytes().all(plain) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    escape(&mut quoted, text, false);
    quoted.push('"');
    quoted
}

/// Text of several lines between three quotes, any other between one.
fn multiline(text: &str) -> String {
    if !text.contains('\n') {
        return quoted(text);
    }
    let mut written = String::from("\"\"\"\n");
    escape(&mut written, text, true);
    written.push_str("\"\"\"");
    written
}

fn escape(into: &mut String, text: &str, lines: bool) {
    for letter in text.chars() {
        match letter {
            '"' if lines => into.push_str("\\\""),
            '"' | '\\' => into.extend(['\\', letter]),
            '\n' if lines => into.push('\n'),
            letter if letter.is_control() => {
                let _ = write!(into, "\\u{:04X}", u32::from(letter));
            }
            letter => into.push(letter),
        }
    }
}
