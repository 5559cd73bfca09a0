//! A stack's life on the command line: apply, plan, change, drift, risks, interruption, destroy.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use localstack::{Config, Localstack};
use serde_json::{Value, json};

use crate::command::Terminal;

const STATE: &str = ".local/state/gatewright/hr-data-agent.json";

fn hr() -> Terminal {
    let terminal = Terminal::in_example("hr-data-agent");
    let answer = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    terminal
}

#[test]
fn what_was_applied_is_as_the_manifest_says_and_a_changed_line_is_one_change() {
    let terminal = hr();
    let answer = terminal.run(&["plan", "--local", "--detailed-exitcode"]);
    assert_eq!(answer.code, 0, "{}", answer.out);
    assert!(answer.out.contains("No changes"), "{}", answer.out);

    terminal.edit("gatewright.toml", "minimum_length = 8", "minimum_length = 12");
    assert_eq!(terminal.run(&["plan", "--local"]).code, 0);
    let answer = terminal.run(&["plan", "--local", "--detailed-exitcode", "--out", "plan.json"]);
    assert_eq!(answer.code, 2);
    assert!(answer.out.contains("policies.password_policy.minimum_length = 8 → 12"), "{}", answer.out);
    assert!(answer.out.ends_with("Plan: 1 to update.\n"), "{}", answer.out);
    let saved: Value =
        serde_json::from_slice(&std::fs::read(terminal.folder.path().join("plan.json")).unwrap()).unwrap();
    assert_eq!(saved["steps"].as_array().unwrap().len(), 1);
    let schema: Value = serde_json::from_str(include_str!("../../plan.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &saved));

    let answer = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 0);
}

#[tokio::test]
async fn what_somebody_changed_is_drift_beside_the_change_of_the_manifest() {
    let terminal = hr();
    let outputs = terminal.run(&["outputs", "--local", "--format", "json"]);
    let outputs: Value = serde_json::from_str(&outputs.out).unwrap();
    let stand_in = Localstack::open(&terminal.folder.path().join(STATE), Config::default()).unwrap();
    let group = json!({"UserPoolId": outputs["user_pool.hr"]["id"], "GroupName": "admin", "Precedence": 9});
    stand_in.call("UpdateGroup", group).await.unwrap();
    terminal.edit("gatewright.toml", "minimum_length = 8", "minimum_length = 12");

    let answer = terminal.run(&["plan", "--local"]);
    let (change, drift) = answer.out.split_once("Drift").expect("drift has its own heading");
    assert!(change.contains("minimum_length = 8 → 12"), "{}", answer.out);
    assert!(drift.contains("precedence = 9 → 1"), "{}", answer.out);
}

#[test]
fn the_outputs_a_person_needs_are_printed_and_no_secret_is() {
    let terminal = Terminal::in_example("hr-data-agent");
    let answer = terminal.run(&["apply", "--local", "--yes"]);
    for output in ["gateway.hr.url", "user_pool.hr.discovery_url", "user_pool_client.employee.id"] {
        let line = answer.out.lines().find(|line| line.trim_start().starts_with(&format!("{output} "))).unwrap();
        let value = line.split_whitespace().nth(1).unwrap();
        assert_eq!(terminal.run(&["outputs", "--local", output]).out, format!("{value}\n"));
    }
    let state = std::fs::read_to_string(terminal.folder.path().join(STATE)).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    let mut secrets = Vec::new();
    collect_secrets(&state, &mut secrets);
    assert_eq!(secrets.len(), 4, "a secret for each machine client");
    for secret in secrets {
        assert!(!answer.out.contains(&secret) && !answer.err.contains(&secret));
        assert!(!terminal.run(&["outputs", "--local", "--format", "json"]).out.contains(&secret));
    }
}

fn collect_secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| match member {
            Value::Object(secrets) if key == "secrets" => {
                found.extend(secrets.values().filter_map(Value::as_str).map(str::to_owned));
            }
            other => collect_secrets(other, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect_secrets(item, found)),
        _ => {}
    }
}

#[test]
fn a_risk_nobody_accepted_is_refused_with_the_way_to_accept_it() {
    let terminal = hr();
    terminal.edit(
        "gatewright.toml",
        "mfa_configuration = \"OPTIONAL\"\nsoftware_token_mfa_configuration.enabled = true",
        "mfa_configuration = \"OFF\"",
    );
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 4);
    let answer = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(answer.code, 4, "{}", answer.out);
    assert!(answer.err.contains("risk = \"mfa-weakened\""), "{}", answer.err);
    assert_eq!(terminal.run(&["plan", "--local", "--out", "plan.json"]).code, 0);
    let allowed = ["apply", "--local", "--yes", "--plan", "plan.json", "--allow", "mfa-weakened"];
    let answer = terminal.run(&allowed);
    assert_eq!(answer.code, 0, "{}", answer.err);
}

#[test]
fn the_stand_in_is_whichever_account_the_manifest_guards() {
    let terminal = Terminal::in_example("hr-data-agent");
    let answer = terminal.run(&["plan", "--env", "prod", "--local"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.out.contains("account 222222222222"), "{}", answer.out);
}

#[test]
fn a_state_file_cut_in_half_is_named_and_left_as_it_is() {
    let terminal = hr();
    let path = terminal.folder.path().join(STATE);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let answer = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""));
    assert!(answer.err.contains("hr-data-agent.json"), "{}", answer.err);
    assert_eq!(std::fs::read(&path).unwrap(), &whole[..whole.len() / 2]);
}

#[test]
fn an_interrupted_apply_says_so_and_the_next_one_finishes_the_work() {
    let terminal = Terminal::in_example("hr-data-agent");
    let mut command = terminal.command(&["apply", "--local", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("gateway.hr: creating") {
        assert_ne!(err.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    err.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("Interrupted"), "{said}");
    assert!(!said.contains("gateway.hr: opened"), "{said}");

    let answer = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("gateway.hr: opened"), "{}", answer.err);
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let terminal = hr();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = terminal.command(&["plan", "--local"]);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn destroy_removes_everything_and_a_second_one_finds_nothing() {
    let terminal = hr();
    let answer = terminal.run(&["destroy", "--local", "--yes"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    assert!(answer.out.contains("Plan: 19 to delete."), "{}", answer.out);
    let answer = terminal.run(&["destroy", "--local", "--yes"]);
    assert_eq!(answer.code, 0);
    assert!(answer.out.contains("Nothing to destroy"), "{}", answer.out);
    assert_eq!(terminal.run(&["outputs", "--local", "--format", "json"]).out, "{}\n");
}
