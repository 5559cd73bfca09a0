//! `verify`: real tokens from a served stand-in, and what its gateway lists for them.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::command::{Answer, Terminal};
use crate::served::{Served, against, endpoint};

/// A stand-in that serves an applied example.
fn applied(terminal: &Terminal) -> Served {
    let served = Served::start(terminal, &[]);
    let applied = against(terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
    served
}

fn verify(terminal: &Terminal, served: &Served, arguments: &[&str]) -> Answer {
    let answer = against(terminal, &served.url, &[&["verify"], arguments].concat());
    let said = format!("{}{}", answer.out, answer.err);
    let secrets = served.secrets();
    assert!(!secrets.is_empty() && secrets.iter().all(|secret| !said.contains(secret)), "{said}");
    assert!(!said.contains("eyJ"), "no part of a token: {said}");
    answer
}

/// The persona's part of the JSON.
fn of(answer: &Answer, persona: &str) -> Value {
    let document: Value = serde_json::from_str(&answer.out).unwrap();
    let personas = document.pointer("/gateways/0/personas").unwrap().as_array().unwrap();
    personas.iter().find(|one| one["persona"] == persona).unwrap().clone()
}

/// The live object of a kind whose name ends so.
fn object(served: &Served, kind: &str, name: &str) -> Value {
    let is_it = |object: &Value| {
        object["kind"] == kind
            && object.pointer("/document/name").and_then(Value::as_str).is_some_and(|it| it.ends_with(name))
    };
    served.objects().into_iter().find(is_it).unwrap_or_else(|| panic!("{kind} {name}"))
}

/// Changes the statement of a live policy by hand.
fn change(served: &Served, name: &str, from: &str, to: &str) {
    let policy = object(served, "policy", name);
    let path =
        format!("/policy-engines/{}/policies/{}", policy["parent"].as_str().unwrap(), policy["id"].as_str().unwrap());
    let live = served.agentcore("GET", &path, &Value::Null);
    let statement = live.pointer("/definition/cedar/statement").unwrap().as_str().unwrap();
    assert!(statement.contains(from), "{statement}");
    let definition = json!({"cedar": {"statement": statement.replace(from, to)}});
    let input = json!({"definition": definition, "validationMode": "IGNORE_ALL_FINDINGS"});
    served.agentcore("PATCH", &path, &input);
}

#[test]
fn the_gateway_lists_six_four_and_two_tools_as_predicted() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    let answer = verify(&terminal, &served, &[]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    for (persona, count) in [("full-access", 6), ("standard", 4), ("read-only", 2)] {
        let line = answer.out.lines().find(|line| line.trim_start().starts_with(persona)).unwrap();
        assert!(line.contains(&format!("lists {count} of 6, as predicted")), "{line}");
    }
    assert!(answer.out.ends_with("3 personas: 3 as predicted\n"), "{}", answer.out);
    let markdown = verify(&terminal, &served, &["--format", "markdown"]);
    assert!(
        markdown.code == 0 && markdown.out.contains("| standard | lists 4 of 6, as predicted |"),
        "{}",
        markdown.out
    );
}

#[test]
fn a_stand_in_in_process_is_asked_by_the_names_of_aws() {
    let terminal = Terminal::in_example("three-roles");
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let answer = terminal.run(&["verify", "--local", "--format", "json"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    assert_eq!(of(&answer, "read-only")["listed"].as_array().unwrap().len(), 2);
}

#[test]
fn a_policy_opened_by_hand_is_exposed_and_one_closed_by_hand_is_missing() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    change(&served, "admin", "api/admin", "api/write");
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(answer.code, 5, "{}{}", answer.out, answer.err);
    let standard = of(&answer, "standard");
    assert_eq!(standard["outcome"], "exposed");
    assert_eq!(standard["exposed"], json!(["orders/delete_order", "orders/refund_order"]));
    assert_eq!(of(&answer, "read-only")["outcome"], "as-predicted");
    let shown = verify(&terminal, &served, &[]);
    assert!(shown.out.contains("    EXPOSED: may call orders/delete_order\n"), "{}", shown.out);
    change(&served, "admin", "api/write", "api/nobody");
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
    let full = of(&answer, "full-access");
    assert_eq!(
        (&full["outcome"], &full["missing"]),
        (&json!("different"), &json!(["orders/delete_order", "orders/refund_order"]))
    );
}

#[test]
fn a_client_that_the_authorizer_forgot_is_not_let_in() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    terminal.edit(
        "gatewright.toml",
        "[\"full-access\", \"standard\", \"read-only\"]",
        "[\"full-access\", \"standard\"]",
    );
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(answer.code, 5, "it still gets in: {}{}", answer.out, answer.err);
    assert_eq!(of(&answer, "read-only")["predicted"], 0);
    assert_eq!(against(&terminal, &served.url, &["apply", "--yes"]).code, 0);
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(
        (answer.code, &of(&answer, "read-only")["admitted"]),
        (0, &json!(false)),
        "{}{}",
        answer.out,
        answer.err
    );
}

#[test]
fn a_gateway_that_is_down_or_not_there_fails_and_says_so() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    for outcome in
        [json!("drop"), json!("not-json"), json!({"refuse": {"status": 503, "code": "Down", "message": "eyJ"}})]
    {
        let faults = json!([{"operation": "InvokeGateway", "times": 100, "outcome": outcome}]);
        assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
        let answer = verify(&terminal, &served, &[]);
        assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
        assert_eq!(answer.out.matches("  failed: ").count(), 3, "{}", answer.out);
        assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    }
    assert_eq!(verify(&terminal, &served, &[]).code, 0);
    let fresh = Terminal::in_example("three-roles");
    let empty = Served::start(&fresh, &[]);
    let answer = against(&fresh, &empty.url, &["verify"]);
    assert_eq!(answer.code, 1, "nobody was asked: {}", answer.out);
    assert!(answer.out.contains("not verified: the gateway is not live"), "{}", answer.out);
}

#[test]
fn a_token_follows_no_redirect_and_goes_nowhere_unencrypted() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    let (seen, asked) = std::sync::mpsc::channel();
    let elsewhere = endpoint(move |_| seen.send(()).unwrap_or(()));
    let redirect = endpoint(move |mut stream| {
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}/mcp\r\n");
        drop(stream.write_all((head + "connection: close\r\ncontent-length: 0\r\n\r\n").as_bytes()));
    });
    let gateway = object(&served, "gateway", "three-roles")["id"].clone();
    for (url, words) in [(redirect.as_str(), "redirects `initialize`"), ("http://gateway.example/mcp", "not `https`")] {
        let planted = json!({"id": gateway, "pointer": "/gatewayUrl", "value": url, "read_only": true});
        assert!(served.ask("POST", "/_localstack/plant", "", &planted.to_string()).0 < 300);
        let answer = verify(&terminal, &served, &[]);
        assert_eq!(answer.code, 1, "{}", answer.out);
        assert_eq!(answer.out.matches(words).count(), 3, "{}{}", answer.out, answer.err);
    }
    assert!(asked.try_recv().is_err(), "nobody was there");
}

#[test]
fn who_gets_no_token_is_listed_as_not_verified() {
    let terminal = Terminal::in_example("three-roles");
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "\n[persona.ada]\nscopes = [\"api/read\"]\n").unwrap();
    let served = applied(&terminal);
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(
        (answer.code, &of(&answer, "ada")["outcome"]),
        (0, &json!("not-verified")),
        "{}{}",
        answer.out,
        answer.err
    );
}
