//! What is wrong with a manifest is found, and said in a way that helps: one file for every diagnostic code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gatewright::diagnostic::{Diagnostic, Severity, Sources};
use gatewright::manifest::{self, Options};
use gatewright::{check, explain, report};

/// The manifests below `tests/wrong`, by the code each is named after.
fn wrong() -> BTreeMap<String, PathBuf> {
    std::fs::read_dir("tests/wrong")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("snapshots"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

/// Codes whose manifest is made by a test of its own, because no repository should hold it, and those that depend on the machine.
const ELSEWHERE: [&str; 7] = [
    "access::solver",
    "manifest::too-large",
    "lint::quota",
    "cedar::too-long",
    "cedar::no-room",
    "lint::idle-forbid",
    "lint::unproved",
];

/// A code as a file name.
fn file_name(code: &str) -> String {
    code.replace("::", "-")
}

/// The options that the first line of a manifest asks for: `# gatewright check --env prod --var size=2`. A command that
/// touches an account does not choose an environment by itself.
fn options(path: &Path) -> Options {
    let file = if path.is_dir() { path.join("gatewright.toml") } else { path.to_owned() };
    let mut options = Options { path: path.to_owned(), ..Options::default() };
    let bytes = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().and_then(|line| line.strip_prefix("# gatewright "));
    let mut words = line.unwrap_or("check").split(' ');
    options.first_environment = words.next() == Some("check");
    let words: Vec<&str> = words.collect();
    for pair in words.chunks(2) {
        match pair {
            ["--env", environment] => options.environment = Some((*environment).to_owned()),
            ["--var", assignment] => {
                let (name, value) = assignment.split_once('=').unwrap();
                options.variables.push((name.to_owned(), value.to_owned()));
            }
            ["--var-file", file] => options.variable_files.push(path.join(file)),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    options
}

fn diagnostics(options: &Options) -> (Vec<Diagnostic>, Sources) {
    let loaded = manifest::load(options);
    let mut diagnostics = loaded.diagnostics;
    if let Some(stack) = &loaded.stack {
        diagnostics.extend(check::check(stack, &loaded.sources));
    }
    (diagnostics, loaded.sources)
}

#[test]
fn every_wrong_manifest_says_what_is_wrong() {
    for (name, path) in wrong() {
        let (diagnostics, sources) = diagnostics(&options(&path));
        assert!(diagnostics.iter().any(|found| file_name(found.code) == name), "{name}: {diagnostics:#?}");
        let text = report::diagnostic::render(&diagnostics, &sources, false);
        insta::with_settings!({snapshot_path => "../wrong/snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name.as_str(), text);
        });
    }
}

#[test]
fn every_code_has_a_wrong_manifest_and_every_wrong_manifest_a_code() {
    // Risks and what stands in a plan's way are about a live account.
    let of_manifests = |code: &&str| code.contains("::") && !code.starts_with("plan::") && !ELSEWHERE.contains(code);
    let codes: Vec<String> = explain::codes().filter(of_manifests).map(file_name).collect();
    let files: Vec<String> = wrong().into_keys().collect();
    let missing: Vec<&String> = codes.iter().filter(|code| !files.contains(code)).collect();
    let stray: Vec<&String> = files.iter().filter(|file| !codes.contains(file)).collect();
    assert!(missing.is_empty() && stray.is_empty(), "without a file: {missing:?}, without a code: {stray:?}");
}

#[test]
fn what_only_looks_wrong_is_let_be() {
    for entry in std::fs::read_dir("tests/right").unwrap() {
        let path = entry.unwrap().path();
        let (diagnostics, sources) = diagnostics(&options(&path));
        assert_eq!(report::diagnostic::render(&diagnostics, &sources, false), "", "{}", path.display());
    }
}

#[test]
fn a_manifest_of_ten_megabytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatewright.toml");
    std::fs::write(&path, "# padding\n".repeat(1 << 20)).unwrap();
    let (diagnostics, _) = diagnostics(&Options { path, ..Options::default() });
    assert_eq!(diagnostics.iter().map(|found| found.code).collect::<Vec<_>>(), ["manifest::too-large"]);
}

#[test]
fn the_example_manifests_are_sound_in_every_environment() {
    let mut checked = 0;
    for entry in std::fs::read_dir("manifests").unwrap() {
        let path = entry.unwrap().path();
        let first = Options { path: path.clone(), first_environment: true, ..Options::default() };
        let environments: Vec<Option<String>> = match manifest::load(&first).environments {
            none if none.is_empty() => vec![None],
            some => some.into_iter().map(Some).collect(),
        };
        for environment in environments {
            let (diagnostics, sources) =
                diagnostics(&Options { path: path.clone(), environment, ..Options::default() });
            let text = report::diagnostic::render(&diagnostics, &sources, false);
            assert!(diagnostics.iter().all(|found| found.severity == Severity::Note), "{}\n{text}", path.display());
            checked += 1;
        }
    }
    assert_eq!(checked, 9, "seven manifests, one of them with three environments");
}

/// A typo in one place, a scope that nobody defines in another, and two underscores in a third: all in one run.
#[test]
fn a_typo_does_not_hide_what_else_is_wrong() {
    let terminal = crate::command::Terminal::in_example("three-roles");
    terminal.edit("gatewright.toml", "[runtime.records]", "[runtime.records]\nrole_arm = \"x\"");
    terminal.edit("gatewright.toml", "\"api/admin\"]", "\"api/amdin\"]");
    terminal.edit("policies/records.cedar", "records___delete_record", "records__delete_record");
    let answer = terminal.run(&["check"]);
    assert_eq!(answer.code, 3, "{}{}", answer.out, answer.err);
    let said = format!("{}{}", answer.out, answer.err);
    for code in ["manifest::unknown-key", "check::unknown-scope", "cedar::unknown-action"] {
        assert_eq!(said.matches(&format!("[{code}]")).count(), 1, "{code}: {said}");
    }
}
