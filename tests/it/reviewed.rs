//! A reviewed plan: saved, shown again, and applied only if what there is to do is within it.

use crate::command::Terminal;

fn terminal() -> Terminal {
    let terminal = Terminal::in_example("three-roles");
    let answer = terminal.run(&["plan", "--local", "--out", "plan.json", "--detailed-exitcode"]);
    assert_eq!(answer.code, 2, "{}{}", answer.out, answer.err);
    terminal
}

#[test]
fn a_saved_plan_is_shown_again_as_it_was() {
    let terminal = terminal();
    let fresh = terminal.run(&["plan", "--local"]);
    let shown = terminal.run(&["show", "plan.json"]);
    assert_eq!((shown.code, shown.out), (0, fresh.out));
    let markdown = terminal.run(&["show", "plan.json", "--format", "markdown"]);
    assert!(markdown.out.contains("gateway.records"), "{}", markdown.out);
}

#[test]
fn what_was_reviewed_is_applied_and_what_was_not_is_refused_and_named() {
    let terminal = terminal();
    terminal.edit("gatewright.toml", "[gateway.records]", "[gateway.records]\ndescription = \"not reviewed\"");
    let refused = terminal.run(&["apply", "--local", "--yes", "--plan", "plan.json"]);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("gateway.records: changed"), "{}", refused.err);
    assert_eq!(terminal.run(&["plan", "--local", "--detailed-exitcode"]).code, 2, "nothing was applied");
    terminal.edit("gatewright.toml", "\ndescription = \"not reviewed\"", "");
    let applied = terminal.run(&["apply", "--local", "--yes", "--plan", "plan.json"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let again = terminal.run(&["apply", "--local", "--yes", "--plan", "plan.json"]);
    assert_eq!(again.code, 0, "nothing is within anything: {}", again.err);
}

#[test]
fn a_plan_that_was_cut_changed_or_made_by_another_version_is_refused() {
    let terminal = terminal();
    let path = terminal.folder.path().join("plan.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let cases = [
        (text.get(..text.len() / 2).unwrap().to_owned(), "not a whole plan"),
        (text.replace("three_roles", "four_roles"), "was changed after it was made"),
        (text.replace("\"format_version\": 1", "\"format_version\": 9"), "format 9"),
        ("{}".to_owned(), "not a plan"),
    ];
    for (content, words) in cases {
        std::fs::write(&path, content).unwrap();
        for arguments in [vec!["show", "plan.json"], vec!["apply", "--local", "--yes", "--plan", "plan.json"]] {
            let answer = terminal.run(&arguments);
            assert_eq!(answer.code, 4, "{words}: {}", answer.err);
            assert!(answer.err.contains(words), "{words}: {}", answer.err);
        }
    }
    assert_eq!(terminal.run(&["show", "nowhere.json"]).code, 1);
}
