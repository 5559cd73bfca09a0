//! What `access` prints: readable however many callers and tools there are, and an answer to every `--why`.

use gatewright::access::authorizer::Admission;
use gatewright::access::matrix::{Matrix, Row, Sheet};
use gatewright::access::{Cell, Mode};
use gatewright::address::Address;
use gatewright::report;
use serde_json::{Value, json};

use crate::access::{GRANTS, SHOP};
use crate::command::Terminal;

fn terminal(manifest: &str) -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    terminal
}

/// People of four departments, each of which can call more tools than the one before.
fn crowd(people: usize, tools: usize) -> Matrix {
    let cells = |person: usize| {
        (0..tools).map(|tool| if tool % 4 <= person % 4 { Cell::Always } else { Cell::Never }).collect::<Vec<_>>()
    };
    let row = |person: usize| Row {
        caller: format!("person-{person:03}"),
        identity: "persona",
        admission: Admission::Admitted { assumed: Vec::new() },
        cells: cells(person),
    };
    let sheet = Sheet {
        gateway: Address::parse("gateway.shop").unwrap(),
        engine: None,
        mode: Mode::Enforce,
        notes: Vec::new(),
        tools: (0..tools).map(|tool| format!("pay/tool_{tool:03}")).collect(),
        rows: (0..people).map(row).collect(),
        live: false,
    };
    Matrix { sheets: vec![sheet] }
}

#[test]
fn a_hundred_people_and_two_hundred_tools_stay_readable() {
    let matrix = crowd(100, 200);
    let said = report::access(&[], &matrix);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() < 240, "{}", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() <= 102), "{said}");
    // Everybody is named, once above a column or once below.
    for person in 0..100 {
        let name = format!("person-{person:03}");
        let below = said.contains(&format!(" {name},")) || said.contains(&format!(" {name}\n"));
        assert!(lines[1].contains(&name) || below, "{name}\n{said}");
    }
    assert!(said.contains("\n  as person-001: person-005, person-009, "), "{said}");
    let markdown = report::access_markdown(&[], &matrix);
    let header = markdown.lines().find(|line| line.starts_with("| tool |")).unwrap();
    assert_eq!(header, "| tool | person-000 | person-001 | person-002 | person-003 |");
    assert!(markdown.contains("* as person-001: person-005, person-009, "), "{markdown}");
    // A few have a column each.
    let few = report::access(&[], &crowd(5, 3));
    assert!(
        few.lines().nth(1).unwrap().contains("person-000  person-001  person-002  person-003  person-004"),
        "{few}"
    );
    assert!(!few.contains("as person"), "{few}");
}

/// What somebody named cannot break a table.
#[test]
fn names_stay_within_their_cells() {
    let mut matrix = crowd(2, 1);
    matrix.sheets[0].rows[0].caller = "a|b*c\n| d |".to_owned();
    matrix.sheets[0].tools[0] = "pay/<b>|x".to_owned();
    let markdown = report::access_markdown(&[], &matrix);
    let table: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert!(table[0].contains("a\\|b\\*c") && table[2].contains("\\<b\\>\\|x"), "{markdown}");
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(table.len() == 4 && table.iter().all(|line| cells(line) == cells(table[1])), "{markdown}");
}

/// The JSON of both forms has no member that the page does not list.
#[test]
fn the_json_has_the_members_of_the_page() {
    let terminal = terminal(&format!("{SHOP}{GRANTS}"));
    let run = |more: &[&str]| -> Value {
        let answer = terminal.run(&[&["access", "--format", "json"], more].concat());
        serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"))
    };
    let page = include_str!("../../docs/access.md");
    let (matrix, why) = (run(&[]), run(&["--why", "guest", "pay/look"]));
    let decided = run(&["--why", "boss", "pay/refund"]);
    for shape in [
        &matrix,
        &matrix["environments"][0],
        &matrix["environments"][0]["gateways"][0],
        &matrix["environments"][0]["gateways"][0]["callers"][0],
        &why,
        &why["answers"][0],
        &why["answers"][0]["nearest"],
        &decided["answers"][0]["deciding"][0],
    ] {
        for key in shape.as_object().unwrap_or_else(|| panic!("{why:#}")).keys() {
            assert!(page.contains(&format!("`{key}`")) || page.contains(&format!("`{key}[]`")), "{key}");
        }
    }
    assert_eq!(matrix["format_version"], json!(1));
}

/// Why, in every case that there is.
#[test]
fn every_why_has_its_answer() {
    let opaque = r#"
[policy.session]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"pay___look", resource == AgentCore::Gateway::"${gateway.shop.arn}")
when { principal.hasTag("cognito:groups") } when temporal { formerly within { 1h } };
'''

[persona.stranger]
client = "9other3456789abcdefghijkl"
"#;
    let terminal = terminal(&format!("{SHOP}{GRANTS}{opaque}"));
    let okta = json!({"sub": "u", "iss": "https://dev.okta.example", "cid": "0oa1", "scp": ["a"]});
    std::fs::write(terminal.folder.path().join("token.json"), okta.to_string()).unwrap();
    let why = |arguments: &[&str]| {
        let answer = terminal.run(&[&["access", "--why"], arguments].concat());
        assert_eq!(answer.code, 0, "{answer:?}");
        answer.out
    };
    let door = "it does not get in: the authorizer demands that";
    for (arguments, words) in [
        (&["boss", "pay/look"][..], "permitted by policy.bosses"),
        (&["clerk", "pay/look"], "may be permitted by policy.session"),
        (&["boss", "pay/refund", "--input", "{\"amount\": 20000}"], "forbidden by policy.big"),
        (&["boss", "pay/refund"], "may be forbidden by policy.big"),
        (&["guest", "pay/refund"], "no permit holds; the nearest is policy."),
        (
            &["stranger", "pay/look"],
            &format!("{door} `client_id` is one of the allowed clients: `client_id` is another"),
        ),
        (
            &["token", "pay/look", "--token", "token.json"],
            &format!("{door} `client_id` is one of the allowed clients: `client_id` is absent: the client is in `cid`"),
        ),
    ] {
        let said = why(arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("0oa1"), "{said}");
    }
    for (arguments, words) in
        [(["bos", "pay/look"], "did you mean `boss`?"), (["boss", "pay/lok"], "did you mean `pay/look`?")]
    {
        let answer = terminal.run(&[&["access", "--why"][..], &arguments].concat());
        assert!(answer.code == 64 && answer.err.contains(words), "{answer:?}");
    }
    terminal.edit("gatewright.toml", "\"ENFORCE\"", "\"LOG_ONLY\"");
    assert!(why(&["guest", "pay/look"]).contains("the engine only logs: every call of whoever gets in succeeds"));
    terminal.edit("gatewright.toml", "\"LOG_ONLY\"", "\"ENFORCE\"");
    let theirs = "[policy_engine.guard]\nexisting = \"guard-0123456789\"\n";
    terminal.edit("gatewright.toml", "[policy_engine.guard]\n", theirs);
    assert!(why(&["guest", "pay/refund"]).contains("guest can sometimes call"), "somebody else may permit it");
}
