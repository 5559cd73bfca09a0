//! Fuzzing: broken manifests, documents with members that nobody knows, and values that want to change a policy.
//!
//! `FUZZ_INPUTS` sets how many inputs each test draws (default below). What was ever found to break something is kept in
//! `tests/fuzz` and tried first.

use std::path::Path;

use gatewright::diagnostic::Severity;
use gatewright::diff::differences;
use gatewright::kind::{KINDS, Kind, UpdateStyle};
use gatewright::manifest::{self, Options};
use gatewright::{check, live, merge, report};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::maker::Maker;

/// How many inputs each test draws.
const INPUTS: u32 = 1500;

fn runner() -> TestRunner {
    let cases = std::env::var("FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(INPUTS);
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() })
}

/// Every manifest that is kept below `folder`.
fn kept(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(kept(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml")
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push((path, text));
        }
    }
    found.sort();
    found
}

/// Reads and checks a manifest and prints what was found: nothing panics, and every finding has a place that exists.
fn read(folder: &Path, text: &str) {
    std::fs::write(folder.join("gatewright.toml"), text).unwrap();
    let options = Options { path: folder.to_owned(), first_environment: true, ..Options::default() };
    let loaded = manifest::load(&options);
    let mut diagnostics = loaded.diagnostics;
    assert!(
        loaded.stack.is_some() || diagnostics.iter().any(|found| found.severity == Severity::Error),
        "no stack, and nobody says why"
    );
    if let Some(stack) = &loaded.stack {
        diagnostics.extend(check::check(stack, &loaded.sources));
    }
    let printed = report::diagnostic::render(&diagnostics, &loaded.sources, false);
    assert!(diagnostics.is_empty() || !printed.is_empty());
    let _ = (
        report::diagnostic::to_json(&diagnostics, &loaded.sources),
        report::diagnostic::to_sarif(&diagnostics, &loaded.sources),
    );
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Edit {
    /// Takes so many characters away.
    Cut(Index, usize),
    /// Puts something in.
    Insert(Index, String),
    /// Puts a line of another manifest in.
    Borrow(Index, Index, Index),
    /// Says a line twice.
    Repeat(Index, Index),
    /// Ends the text there.
    End(Index),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let odd = proptest::sample::select(vec![
        "${",
        "}",
        "${gateway.hr.url}",
        "${var.",
        "${snake(",
        "$${",
        "\"",
        "'''",
        "\"\"\"",
        "[[",
        "]]",
        "[",
        "]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\0",
        "\u{feff}",
        "\u{e000}",
        "é",
        "1e999",
        "-0",
        "99999999999999999999",
        "true",
        "inf",
        "{ file = \"x\" }",
        "1979-05-27",
        "verbatim = true",
        "existing = \"x\"",
        "adopt = \"\"",
        "only_if = \"\"",
        "unmanaged = [\"name\"]",
        "name = \"\"",
        "[defaults.gateway]",
        "[moved]\n",
        "[[accept]]\n",
        "permit(principal, action, resource);",
        "forbid",
        "like",
        "@id(\"a\")",
        "/*",
        "//",
        "\\u0000",
    ]);
    let text = prop_oneof![odd.prop_map(ToOwned::to_owned), "[ -~]{1,6}", "\\PC{1,3}"];
    let index = any::<Index>;
    let edit = prop_oneof![
        3 => (index(), 1usize..40).prop_map(|(at, length)| Edit::Cut(at, length)),
        4 => (index(), text).prop_map(|(at, text)| Edit::Insert(at, text)),
        3 => (index(), index(), index()).prop_map(|(at, of, line)| Edit::Borrow(at, of, line)),
        2 => (index(), index()).prop_map(|(line, at)| Edit::Repeat(line, at)),
        1 => index().prop_map(Edit::End),
    ];
    proptest::collection::vec(edit, 1..6)
}

fn edited(text: &str, edits: &[Edit], corpus: &[(std::path::PathBuf, String)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for edit in edits {
        let put = |text: &mut Vec<char>, at: &Index, piece: &str| {
            let at = at.index(text.len() + 1);
            text.splice(at..at, piece.chars());
        };
        let line_of = |text: &[char], line: &Index| {
            let lines: Vec<String> = text.iter().collect::<String>().lines().map(ToOwned::to_owned).collect();
            if lines.is_empty() { String::new() } else { format!("\n{}\n", lines[line.index(lines.len())]) }
        };
        match edit {
            Edit::Cut(at, length) if !text.is_empty() => {
                let at = at.index(text.len());
                text.drain(at..(at + length).min(text.len()));
            }
            Edit::Cut(..) => {}
            Edit::Insert(at, piece) => put(&mut text, at, piece),
            Edit::Borrow(at, of, line) => {
                let other: Vec<char> = corpus[of.index(corpus.len())].1.chars().collect();
                let piece = line_of(&other, line);
                put(&mut text, at, &piece);
            }
            Edit::Repeat(line, at) => {
                let piece = line_of(&text, line);
                put(&mut text, at, &piece);
            }
            Edit::End(at) => text.truncate(at.index(text.len() + 1)),
        }
    }
    text.into_iter().collect()
}

#[test]
fn a_broken_manifest_is_reported_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in kept(Path::new("tests/fuzz")) {
        println!("{}", path.display());
        read(folder.path(), &text);
    }
    let corpus: Vec<_> = ["manifests", "tests/wrong", "tests/right", "tests/fuzz"]
        .into_iter()
        .flat_map(|folder| kept(Path::new(folder)))
        .filter(|(_, text)| text.len() < 20_000)
        .collect();
    let outcome = runner().run(&(any::<Index>(), edits()), |(manifest, edits)| {
        let text = edited(&corpus[manifest.index(corpus.len())].1, &edits, &corpus);
        read(folder.path(), &text);
        Ok(())
    });
    if let Err(failure) = outcome {
        let text = std::fs::read_to_string(folder.path().join("gatewright.toml")).unwrap();
        panic!("keep this in tests/fuzz:\n{text}\n{failure}");
    }
}

/// A wanted document of a kind, and a live one that holds the same and members nobody knows.
fn documents(kind: &Kind, choices: Vec<u8>) -> (Value, Value, usize) {
    let mut maker = Maker::new(choices);
    let (mut desired, mut live) = (Map::new(), Map::new());
    for member in kind.members() {
        if maker.choose(3) == 0 && member.wire != kind.name_member {
            continue;
        }
        let value = maker.value(kind.api(), &member.shape, 0);
        let mut there = value.clone();
        maker.add_unknown(kind.api(), &member.shape, &mut there);
        desired.insert(member.wire.clone(), value);
        live.insert(member.wire.clone(), there);
    }
    if maker.choose(2) == 0 {
        maker.unknown += 1;
        live.insert(format!("unknown{}", maker.unknown), json!(1));
    }
    (Value::Object(desired), Value::Object(live), maker.unknown)
}

#[test]
fn what_nobody_knows_is_kept_or_stops_the_step() {
    let outcome = runner().run(&(any::<Index>(), proptest::collection::vec(any::<u8>(), 8..200)), |(kind, choices)| {
        let kind = KINDS[kind.index(KINDS.len())];
        let (desired, live, unknown) = documents(kind, choices);
        let view = live::view(kind, &live);
        let found = differences(kind, &desired, &view);
        let _ = (merge::patch(kind, &desired, &found), merge::patch_all(kind, &desired));
        if kind.update_style != UpdateStyle::FullReplace {
            return Ok(());
        }
        match merge::full_replace(kind, &desired, &view) {
            Ok(body) => {
                let (there, sent) = (view.to_string(), body.to_string());
                for number in 1..=unknown {
                    let name = format!("\"unknown{number}\"");
                    let in_update = kept_by_update(kind, &view, &name);
                    prop_assert!(
                        !there.contains(&name) || !in_update || sent.contains(&name),
                        "{}: {name} of {there} is not in {sent}",
                        kind.name
                    );
                }
            }
            Err(unplaced) => prop_assert!(unplaced.path.contains("unknown"), "{}: {}", kind.name, unplaced.path),
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// The name stands at the top, or inside a member that the update call takes: what it does not take, it does not replace.
fn kept_by_update(kind: &Kind, view: &Value, name: &str) -> bool {
    let input = kind.update.and_then(|(update, _)| kind.api().input(update));
    let members = view.as_object().into_iter().flatten();
    let mut holding =
        members.filter(|(member, value)| format!("\"{member}\"") == name || value.to_string().contains(name));
    holding.all(|(member, _)| {
        format!("\"{member}\"") == name
            || (input.is_some_and(|input| input.member(member).is_some()) && Some(member.as_str()) != kind.tags_member)
    })
}

/// A manifest whose policies hold a variable in a literal, in a pattern, and as a set.
const POLICY: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[variables.text]
default = "x"
[variables.list]
default = ["x"]
[policy_engine.e]
[policy.p]
policy_engine = "e"
definition.cedar.statement = '''permit(principal, action, resource) when {
  // ${var.text} in a comment is text
  context.text == "a${var.text}b" && context.text like "a${var.text}*" && ${var.list}.contains(context.item)
};'''
"#;

#[test]
fn a_value_never_changes_what_a_policy_means() {
    use cedar_policy::{Policy, PolicySet};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gatewright.toml"), POLICY).unwrap();
    let nasty = proptest::sample::select(vec![
        "\"",
        "\\",
        "*",
        "\\*",
        "\");",
        "\" || true || \"",
        "//",
        "\n",
        "};\npermit(principal, action, resource);",
        "${var.text}",
        "$${",
        "\\u{0}",
    ]);
    let piece = prop_oneof![nasty.prop_map(ToOwned::to_owned), "[a-zA-Z0-9*\"\\\\ ]{0,5}", "\\PC{0,4}"];
    let value = proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    let substituted = std::cell::Cell::new(0_u32);
    let outcome = runner().run(&(value.clone(), proptest::collection::vec(value, 1..3)), |(text, list)| {
        let quoted: Vec<String> = list.iter().map(|item| toml::Value::from(item.as_str()).to_string()).collect();
        let variables =
            vec![("text".to_owned(), text.clone()), ("list".to_owned(), format!("[{}]", quoted.join(", ")))];
        let options = Options { path: folder.path().to_owned(), variables, ..Options::default() };
        // A list that TOML cannot hold is refused before it is a value.
        let Some(stack) = manifest::load(&options).stack else { return Ok(()) };
        substituted.set(substituted.get() + 1);
        let policy = stack.resources.iter().find(|resource| resource.kind.name == "policy").unwrap();
        let statement = policy.document["definition"]["cedar"]["statement"].as_str().unwrap();
        let set: PolicySet = statement.parse().map_err(|error| TestCaseError::fail(format!("{statement}: {error}")))?;
        prop_assert_eq!(set.num_of_policies(), 1);
        let parsed = Policy::parse(None, statement).unwrap().to_json().unwrap();
        let pattern: Vec<Value> =
            format!("a{text}").chars().map(|letter| json!({"Literal": letter.to_string()})).collect();
        let pattern: Vec<Value> = pattern.into_iter().chain([json!("Wildcard")]).collect();
        let attribute = |name: &str| json!({".": {"left": {"Var": "context"}, "attr": name}});
        let items: Vec<Value> = list.iter().map(|item| json!({"Value": item})).collect();
        let expected = json!({"&&": {
            "left": {"&&": {
                "left": {"==": {"left": attribute("text"), "right": {"Value": format!("a{text}b")}}},
                "right": {"like": {"left": attribute("text"), "pattern": pattern}}}},
            "right": {"contains": {"left": {"Set": items}, "right": attribute("item")}}}});
        prop_assert_eq!(&parsed["conditions"][0]["body"], &expected, "{}", statement);
        prop_assert_eq!(parsed["conditions"].as_array().map(Vec::len), Some(1));
        Ok(())
    });
    assert!(substituted.get() > runner().config().cases / 2, "{} values were substituted", substituted.get());
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
