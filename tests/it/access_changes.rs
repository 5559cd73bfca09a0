//! Access changes in a plan: who gains or loses which tool, with an example, and refused where somebody gains one until that was
//! decided on.

use serde_json::Value;

use crate::command::Terminal;
use crate::cvc5::cvc5_path;
use crate::risks::accept;

const ADMIN: &str = r#"principal.getTag("scope") == "api/admin" ||"#;
const STANDARD_TOO: &str =
    r#"principal.getTag("scope") == "api/admin" || principal.getTag("scope") like "* api/write" ||"#;

/// The three roles, applied.
fn three_roles() -> Terminal {
    let terminal = Terminal::in_example("three-roles");
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    terminal
}

fn decide(terminal: &Terminal, entry: &str) {
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n{entry}")).unwrap();
}

fn persona(persona: &str, tool: &str) -> String {
    let about = format!("persona = \"{persona}\"\ntool = \"{tool}\"\n");
    accept("access-widened", "x.x", "9999-12-31").replace("address = \"x.x\"\n", &about)
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn nothing_left(terminal: &Terminal) {
    let again = terminal.run(&["plan", "--local", "--detailed-exitcode", "--format", "json"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    let plan: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(plan["access"], Value::Array(Vec::new()));
}

#[test]
fn what_a_new_gateway_opens_is_shown_in_full_and_is_no_risk() {
    let terminal = Terminal::in_example("three-roles");
    let plan = terminal.run(&["plan", "--local", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    let access = plan["access"].as_array().unwrap();
    let count = |who: &str| access.iter().filter(|change| change["principal"] == who).count();
    assert_eq!((count("full-access"), count("standard"), count("read-only")), (6, 4, 2));
    assert!(access.iter().all(|change| change["effect"] == "new" && change["before"] == "no gateway"));
    assert_eq!(plan["risks"], Value::Array(Vec::new()));
    let text = terminal.run(&["plan", "--local"]).out;
    assert!(words(&text).contains("new: read-only can call records/get_record, records/list_records"), "{text}");
}

#[test]
fn a_caller_that_gains_a_tool_is_refused_until_it_was_decided_on() {
    let terminal = three_roles();
    terminal.edit("policies/records.cedar", ADMIN, STANDARD_TOO);
    let plan = terminal.run(&["plan", "--local", "--out", "plan.json"]);
    let text = words(&plan.out);
    for tool in ["records/delete_record", "records/restore_record"] {
        let line = format!("widened: standard can now call {tool} (never → always, tested on ");
        assert!(text.contains(&line), "{}", plan.out);
    }
    assert!(text.contains(r#"token {"scope":"api/read api/write","client_id":"#), "{}", plan.out);
    let shown = |format: &str| terminal.run(&["show", "plan.json", "--format", format]).out;
    let markdown = shown("markdown");
    assert!(markdown.contains("widened: standard can now call records/delete"), "{markdown}");
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    let widened: Vec<&Value> =
        json["access"].as_array().unwrap().iter().filter(|change| change["principal"] == "standard").collect();
    assert_eq!(widened.len(), 2);
    assert!(widened.iter().all(|change| {
        change["effect"] == "widened"
            && change["before"] == "never"
            && change["after"] == "always"
            && change["how"] == "tested"
            && change["witness"].as_str().is_some_and(|text| text.contains("api/write"))
    }));

    let refused = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    // Tokens that nobody tried may gain as well: the policy itself is to be decided on, too.
    decide(&terminal, &persona("standard", "records/delete_record"));
    decide(&terminal, &persona("standard", "records/restore_record"));
    let half = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(half.code, 4, "{}{}", half.out, half.err);
    let open: Value = serde_json::from_str(&terminal.run(&["plan", "--local", "--format", "json"]).out).unwrap();
    let risks = open["risks"].as_array().unwrap();
    assert_eq!(risks.len(), 3, "{risks:#?}");
    assert!(risks.iter().all(|risk| risk["accepted"] == !risk["persona"].is_null()), "{risks:#?}");

    decide(&terminal, &accept("access-widened", "policy.records/admin", "9999-12-31"));
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    nothing_left(&terminal);
}

#[test]
fn a_decision_about_the_policy_is_one_about_everybody_who_gains_by_it() {
    let terminal = three_roles();
    terminal.edit("policies/records.cedar", ADMIN, STANDARD_TOO);
    decide(&terminal, &accept("access-widened", "policy.records/admin", "9999-12-31"));
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    nothing_left(&terminal);
}

#[test]
fn a_caller_that_loses_a_tool_is_shown_and_allowed() {
    let terminal = three_roles();
    terminal.edit("policies/records.cedar", "        AgentCore::Action::\"records___create_record\",\n", "");
    let plan = terminal.run(&["plan", "--local"]);
    let text = words(&plan.out);
    for who in ["full-access", "standard"] {
        let line = format!("narrowed: {who} can no longer call records/create_record (always → never");
        assert!(text.contains(&line), "{}", plan.out);
    }
    assert!(!text.contains("widened") && !text.contains("read-only can"), "{}", plan.out);
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    nothing_left(&terminal);
}

/// A policy in other words, which lets the same calls through.
const OTHER_WORDS: &str = r#"principal.getTag("scope") == "api/admin" ||
        (principal.getTag("scope") like "api/admin *" && principal.getTag("scope") like "api/*") ||"#;

/// The plan of a changed policy, with this solver.
fn plan_with(solver: &str, changed: &str) -> (Terminal, Value) {
    let terminal = three_roles();
    terminal.edit("policies/records.cedar", ADMIN, changed);
    let output = terminal.command(&["plan", "--local", "--format", "json"]).env("CVC5", solver).output().unwrap();
    let plan = serde_json::from_slice(&output.stdout).unwrap();
    (terminal, plan)
}

fn said(plan: &Value, member: &str) -> Vec<String> {
    let changes = plan["access"].as_array().unwrap();
    changes.iter().map(|change| change[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn with_a_solver_other_words_for_the_same_are_proved_to_be_no_risk() {
    let Some(solver) = cvc5_path() else { return };
    let (terminal, plan) = plan_with(&solver, OTHER_WORDS);
    assert_eq!(said(&plan, "effect"), ["equivalent", "equivalent"]);
    assert_eq!(said(&plan, "how"), ["proved", "proved"]);
    assert_eq!((&plan["risks"], &plan["notes"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())));
    let applied = terminal.command(&["apply", "--local", "--yes"]).env("CVC5", &solver).output().unwrap();
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
}

#[test]
fn with_a_solver_what_a_caller_gains_is_proved() {
    let Some(solver) = cvc5_path() else { return };
    let (_terminal, plan) = plan_with(&solver, STANDARD_TOO);
    assert_eq!(said(&plan, "effect"), ["widened", "widened"]);
    assert_eq!(said(&plan, "principal"), ["standard", "standard"]);
    assert_eq!(said(&plan, "how"), ["proved", "proved"]);
}

#[test]
fn a_permit_for_tools_to_come_is_said_and_refused() {
    let terminal = three_roles();
    let one_by_one = "action in [\n        AgentCore::Action::\"records___get_record\",\n        AgentCore::Action::\"records___list_records\"\n    ]";
    terminal.edit("policies/records.cedar", one_by_one, "action in AgentCore::Action::\"records\"");
    for solver in ["/nonexistent".to_owned()].into_iter().chain(cvc5_path()) {
        let run = |arguments: &[&str]| {
            crate::command::Answer::of(&terminal.command(arguments).env("CVC5", &solver).output().unwrap())
        };
        let text = words(&run(&["plan", "--local"]).out);
        assert!(text.contains("widened: read-only can now call future tools of records (never → always, "), "{text}");
        assert!(text.contains("widened: read-only can now call records/delete_record"), "{text}");
        let markdown = run(&["plan", "--local", "--format", "markdown"]).out;
        assert!(markdown.contains("read-only can now call future tools of records"), "{markdown}");
        assert_eq!(run(&["apply", "--local", "--yes"]).code, 4);
        assert_eq!(run(&["plan", "--local", "--detailed-exitcode"]).code, 4);
    }
}

#[test]
fn what_depends_on_a_session_is_said() {
    let terminal = three_roles();
    terminal.edit(
        "policies/records.cedar",
        ") when {",
        ") when temporal { formerly within 1h (request::approve) } when {",
    );
    for solver in ["/nonexistent".to_owned()].into_iter().chain(cvc5_path()) {
        let run = |arguments: &[&str]| {
            crate::command::Answer::of(&terminal.command(arguments).env("CVC5", &solver).output().unwrap())
        };
        let text = words(&run(&["plan", "--local"]).out);
        assert!(
            text.contains("narrowed: read-only can call records/get_record with fewer inputs (always → sometimes, "),
            "{text}"
        );
        assert!(text.contains(", depends on a session or a guardrail)"), "{text}");
        let plan: Value = serde_json::from_str(&run(&["plan", "--local", "--format", "json"]).out).unwrap();
        assert_eq!(plan["access"][0]["depends_on"], "a session or a guardrail");
        assert_eq!(
            plan["notes"].as_array().unwrap().iter().filter(|note| note["code"] == "plan::solver").count(),
            usize::from(solver == "/nonexistent")
        );
    }
}

#[test]
fn a_solver_that_crashes_hangs_or_lies_proves_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let liar = "while read -r line; do case \"$line\" in *check-sat*) echo unsat;; esac; done";
    for (name, body) in [("crashes", "exit 134"), ("hangs", "exec sleep 600"), ("lies", liar)] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let begun = std::time::Instant::now();
        let (_terminal, plan) = plan_with(&path.to_string_lossy(), OTHER_WORDS);
        assert!(begun.elapsed().as_secs() < 60, "{name}");
        assert_eq!(said(&plan, "how"), ["tested", "tested"], "{name}");
        assert_eq!(plan["risks"][0]["address"], "policy.records/admin", "{name}: what is not proved stays a risk");
        let notes = plan["notes"].as_array().unwrap();
        assert_eq!(notes.iter().filter(|note| note["code"] == "plan::solver").count(), 1, "{name}: {notes:#?}");
    }
}
