//! Manifest → document → manifest is the identity: whatever a kind's document holds, the manifest that says it means that
//! document again, written by hand, by `check --expand`, or as the lines that an adoption gives to paste.
//!
//! Documents need not be ones that AWS takes: a manifest that is refused for its values is read all the same.

use gatewright::address::Address;
use gatewright::diagnostic::{Sources, Span};
use gatewright::kind::{KINDS, Kind};
use gatewright::manifest::{self, Options, expand, member_line};
use gatewright::stack::{Resource, Stack};
use model::{Api, Body, Shape, snake_case};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::maker::Maker;

/// What texts are made of: whatever means something in TOML, in references or in a terminal.
const WORDS: &[&str] = &[
    "${",
    "$${",
    "$",
    "}",
    "{",
    "\"",
    "\"\"\"",
    "'",
    "'''",
    "\\",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    "=",
    ".",
    "[0]",
    "]",
    ",",
    "é",
    "\u{1F511}",
    "\u{7f}",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{feff}",
    "${var.x}",
    "${gateway.g.id}",
    "file",
];

/// Statements of policies: their references are escaped by token.
const STATEMENTS: &[&str] = &[
    "permit(principal, action, resource);",
    "permit(principal, action, resource) when { context.text == \"${var.x} \\\" \\\\ $${\" };",
    "// ${var.x} is text here, \"\"\" too\nforbid(principal, action, resource)\n  unless { context.text like \"a\\*${*\" };\n",
];

/// A document of a kind with its name, and with any of its other members.
fn document(kind: &Kind, choices: Vec<u8>) -> Value {
    let mut maker = Maker::of_words(choices, WORDS);
    let mut document = Map::new();
    for member in kind.members() {
        let named = member.wire == kind.name_member || (kind.name == "resource_server" && member.wire == "Name");
        if named || maker.choose(3) > 0 {
            document.insert(member.wire.clone(), maker.value(kind.api(), &member.shape, 0));
        }
    }
    if kind.name == "policy" && document.contains_key("definition") {
        let statement = STATEMENTS[maker.choose(STATEMENTS.len())];
        document.insert("definition".into(), json!({"cedar": {"statement": statement}}));
    }
    let mut document = Value::Object(document);
    say_only_what_toml_can(&mut document);
    document
}

/// TOML has no null, and `{ file = "…" }` names a file.
fn say_only_what_toml_can(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            if members.contains_key("file") {
                members.insert("and".into(), json!("more"));
            }
            members.values_mut().for_each(say_only_what_toml_can);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(say_only_what_toml_can);
        }
        _ => {}
    }
}

/// The head of a manifest that holds a resource of the kind, up to the header of that resource.
fn head(kind: &Kind) -> String {
    let stack = "[stack]\nname = \"s\"\nregion = \"us-east-1\"\n";
    let own = format!("[{}.it]\n", kind.name);
    match kind.parent.map(|parent| parent.kind) {
        Some(parent) => format!("{stack}[{parent}.parent]\n{own}{parent} = \"parent\"\n"),
        None => format!("{stack}{own}"),
    }
}

/// The document that a manifest's resource has. What is wrong with its values does not matter.
fn loaded(folder: &TempDir, kind: &Kind, text: &str) -> Value {
    std::fs::write(folder.path().join("gatewright.toml"), text).unwrap();
    let loaded = manifest::load(&Options { path: folder.path().to_owned(), ..Options::default() });
    let stack = loaded.stack.or(loaded.draft).unwrap_or_else(|| panic!("{text}\n{:#?}", loaded.diagnostics));
    let address = Address::new(kind.name, "it");
    stack.resource(&address).unwrap_or_else(|| panic!("{text}\n{:#?}", loaded.diagnostics)).document.clone()
}

/// A document as the tables of a manifest, member by member along the shapes.
fn by_hand(kind: &Kind, document: &Value) -> String {
    let mut table = toml::Table::new();
    for (wire, value) in document.as_object().unwrap() {
        let member = kind.member(wire).unwrap();
        let cedar = kind.name == "policy" && wire == "definition";
        table.insert(kind.key_of(member), spelled(kind.api(), kind.api().shape(&member.shape), value, cedar));
    }
    let mut manifest: toml::Table = "[stack]\nname = \"s\"\nregion = \"us-east-1\"\n".parse().unwrap();
    if let Some(parent) = kind.parent {
        table.insert(parent.kind.into(), "parent".into());
        manifest
            .insert(parent.kind.into(), toml::Table::from_iter([("parent".into(), toml::Table::new().into())]).into());
    }
    manifest.insert(kind.name.into(), toml::Table::from_iter([("it".into(), table.into())]).into());
    toml::to_string(&manifest).unwrap()
}

fn spelled(api: &Api, shape: Option<&Shape>, value: &Value, cedar: bool) -> toml::Value {
    match value {
        Value::Object(members) => {
            let member = |(wire, value): (&String, &Value)| match shape.map(|shape| &shape.body) {
                Some(Body::Structure { .. }) => {
                    let member = shape.unwrap().member(wire).unwrap();
                    (snake_case(&member.name), spelled(api, api.shape(&member.shape), value, cedar))
                }
                Some(Body::Map { value: inner, .. }) => (wire.clone(), spelled(api, api.shape(inner), value, cedar)),
                _ => (wire.clone(), spelled(api, None, value, cedar)),
            };
            toml::Value::Table(members.iter().map(member).collect())
        }
        Value::Array(items) => {
            let element = match shape.map(|shape| &shape.body) {
                Some(Body::List { element, .. }) => api.shape(element),
                _ => None,
            };
            toml::Value::Array(items.iter().map(|item| spelled(api, element, item, cedar)).collect())
        }
        // In Cedar text only literals hold references, so the comment's stays as it is.
        Value::String(text) if cedar => {
            let escaped = |line: &str| if line.starts_with("//") { line.to_owned() } else { escape(line) };
            toml::Value::String(text.split('\n').map(escaped).collect::<Vec<_>>().join("\n"))
        }
        Value::String(text) => toml::Value::String(escape(text)),
        other => toml::Value::try_from(other).unwrap(),
    }
}

fn escape(text: &str) -> String {
    text.replace("${", "$${")
}

/// The resource alone in a stack, as `check --expand` shows it.
fn expanded(kind: &'static Kind, document: &Value) -> String {
    let span = Span { file: Sources::default().add("gatewright.toml", ""), range: 0..0 };
    let mut resource = Resource::new(Address::new(kind.name, "it"), kind, span.clone());
    resource.document = document.clone();
    let mut resources = Vec::new();
    if let Some(parent) = kind.parent {
        let parent_kind = gatewright::kind::find(parent.kind).unwrap();
        let address = Address::new(parent.kind, "parent");
        resources.push(Resource::new(address.clone(), parent_kind, span));
        resource.parent = Some(address);
    }
    resources.push(resource);
    expand(&Stack { name: "s".into(), region: Some("us-east-1".into()), resources, ..Stack::default() })
}

/// The lines to paste for every member, some of them one part at a time.
fn pasted(kind: &'static Kind, document: &Value, parts: &[bool]) -> String {
    let mut text = head(kind);
    let mut parts = parts.iter().copied().cycle();
    let mut say = |path: &str, value: &Value| {
        let line = member_line(kind, path, value).unwrap_or_else(|| panic!("{path} of {value}"));
        text += &line;
        text.push('\n');
    };
    for (wire, value) in document.as_object().unwrap() {
        match value.as_object() {
            Some(members) if !members.is_empty() && parts.next() == Some(true) => {
                members.iter().for_each(|(name, value)| say(&format!("{wire}.{name}"), value));
            }
            _ => say(wire, value),
        }
    }
    text
}

#[test]
fn a_manifest_that_says_a_document_means_that_document() {
    let folder = tempfile::tempdir().unwrap();
    let cases = std::env::var("FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() });
    let choices = proptest::collection::vec(any::<u8>(), 8..200);
    let parts = proptest::collection::vec(any::<bool>(), 1..8);
    let outcome = runner.run(&(any::<Index>(), choices, parts), |(kind, choices, parts)| {
        let kind = KINDS[kind.index(KINDS.len())];
        let document = document(kind, choices);
        for text in [by_hand(kind, &document), expanded(kind, &document), pasted(kind, &document, &parts)] {
            prop_assert_eq!(&loaded(&folder, kind, &text), &document, "{}", text);
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn what_no_manifest_can_say_is_left_out_and_said() {
    for value in [json!({"file": "x"}), json!({"file": "x", "verbatim": true}), json!({"a": null})] {
        let document = json!({"name": "it", "tags": value});
        let text = expanded(&gatewright::kind::GATEWAY, &document);
        assert!(text.contains("\n# `tags` comes from a file, and cannot be written here: "), "{text}");
        assert_eq!(loaded(&tempfile::tempdir().unwrap(), &gatewright::kind::GATEWAY, &text), json!({"name": "it"}));
        assert_eq!(member_line(&gatewright::kind::GATEWAY, "tags", &value), None);
    }
}
