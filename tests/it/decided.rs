//! A risk decided in git: a widened allow-list is refused until an entry with a reason and a date stands in the manifest.

use std::process::Command;

use serde_json::Value;

use crate::command::{Answer, Terminal};
use crate::risks::accept;

const NARROW: &str = "user_pool_clients = [\"full-access\", \"standard\"]";
const WIDE: &str = "user_pool_clients = [\"full-access\", \"standard\", \"read-only\"]";

/// A stack whose gateway lets two clients in, and a manifest that lets three in.
fn widened() -> Terminal {
    let terminal = Terminal::in_example("three-roles");
    terminal.edit("gatewright.toml", WIDE, NARROW);
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    terminal.edit("gatewright.toml", NARROW, WIDE);
    terminal
}

/// Adds entries to the manifest, for everything that lets the third client in.
fn decide(terminal: &Terminal, until: &str) {
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let entries: String = ["gateway.records", "runtime.records"]
        .iter()
        .map(|address| accept("authorizer-weakened", address, until))
        .collect();
    std::fs::write(&path, format!("{text}\n{entries}")).unwrap();
}

#[test]
fn a_widened_allow_list_is_refused_until_it_was_decided_on_in_the_manifest() {
    let terminal = widened();
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 4);
    let refused = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(refused.code, 4, "{}", refused.out);
    for words in ["nobody has accepted `authorizer-weakened`", "[[accept]]", "address = \"gateway.records\""] {
        assert!(refused.err.contains(words), "{}", refused.err);
    }

    decide(&terminal, "2020-02-29");
    let expired = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(expired.code, 4, "{}", expired.out);
    let said = expired.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("held until 2020-02-29") && said.contains("plan::accept-expired"), "{said}");

    terminal.edit("gatewright.toml", "2020-02-29", "9999-12-31");
    let half = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(half.code, 4, "one of the two is still open: {}", half.out);
    terminal.edit("gatewright.toml", "2020-02-29", "9999-12-31");
    let plan = terminal.run(&["plan", "--local", "--detailed-exitcode", "--out", "plan.json"]);
    assert_eq!(plan.code, 2, "{}", plan.out);
    let decision = "accepted until 9999-12-31: decided in SEC-7";
    let said = plan.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(decision), "{}", plan.out);
    let markdown = terminal.run(&["show", "plan.json", "--format", "markdown"]);
    assert!(markdown.out.contains(decision), "{}", markdown.out);
    let json: Value = serde_json::from_str(&terminal.run(&["show", "plan.json", "--format", "json"]).out).unwrap();
    assert_eq!(json["risks"][0]["accepted"], true);
    assert_eq!(json["risks"][0]["decision"]["until"], "9999-12-31");
    assert_eq!(json["risks"][0]["decision"]["reason"], "decided in SEC-7");

    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let done = terminal.run(&["plan", "--local", "--detailed-exitcode"]);
    assert_eq!(done.code, 0, "{}", done.out);
    assert!(done.out.contains("has done its work") && done.out.contains("take the entry out"), "{}", done.out);
}

#[test]
fn a_code_on_the_command_line_needs_a_plan_that_somebody_saw() {
    let terminal = widened();
    let bare = terminal.run(&["apply", "--local", "--yes", "--allow", "authorizer-weakened"]);
    assert_eq!((bare.code, bare.out.as_str()), (64, ""), "{}", bare.err);
    assert!(bare.err.contains("--plan plan.json") && bare.err.contains("[[accept]]"), "{}", bare.err);
    assert_eq!(terminal.run(&["plan", "--local", "--out", "plan.json"]).code, 0);
    let reviewed = ["apply", "--local", "--yes", "--plan", "plan.json"];
    assert_eq!(terminal.run(&reviewed).code, 4, "a review is no decision");
    let allowed = terminal.run(&[&reviewed[..], &["--allow", "authorizer-weakened"]].concat());
    assert_eq!(allowed.code, 0, "{}{}", allowed.out, allowed.err);
}

/// Runs `apply` on a terminal of its own, and types these lines.
fn typed(terminal: &Terminal, lines: &str) -> Answer {
    let gatewright = env!("CARGO_BIN_EXE_gatewright");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &format!("{gatewright} apply --local"), "/dev/null"]);
    command.env_clear().env("HOME", terminal.folder.path()).env("PATH", "/usr/bin:/bin").env("TERM", "dumb");
    command.current_dir(terminal.folder.path());
    let input = terminal.folder.path().join("typed");
    std::fs::write(&input, lines).unwrap();
    Answer::of(&command.stdin(std::fs::File::open(input).unwrap()).output().expect("`script` of util-linux"))
}

#[test]
fn on_a_terminal_each_risk_is_asked_for_by_its_name() {
    let terminal = widened();
    let refused = typed(&terminal, "yes\nyes\nyes\n");
    assert_eq!(refused.code, 4, "yes is no name: {}", refused.out);
    assert!(refused.out.contains("Type `authorizer-weakened` to accept this risk"), "{}", refused.out);
    assert!(refused.out.contains("was not accepted, nothing was changed"), "{}", refused.out);
    let changed_mind = typed(&terminal, "authorizer-weakened\nauthorizer-weakened\nno\n");
    assert_eq!(changed_mind.code, 1, "{}", changed_mind.out);
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 4, "nothing was changed");
    let accepted = typed(&terminal, "authorizer-weakened\nauthorizer-weakened\nyes\n");
    assert_eq!(accepted.code, 0, "{}", accepted.out);
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 0);
}
