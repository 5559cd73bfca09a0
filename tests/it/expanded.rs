//! `check --expand`: what it prints is a manifest of the same stack.

use serde_json::Value;

use crate::command::{Answer, Terminal};

/// The environments of an example; nothing stands for one without any.
fn environments(example: &str) -> Vec<Option<&'static str>> {
    match example {
        "hr-data-agent" => vec![Some("dev"), Some("prod"), Some("dev:pr-7")],
        _ => vec![None],
    }
}

/// Every example, expanded, gives the same access, meets the same expectations, and changes nothing that the example made.
#[test]
fn every_example_expanded_is_the_same_stack() {
    for entry in std::fs::read_dir("manifests").unwrap() {
        let example = entry.unwrap().file_name().into_string().unwrap();
        for environment in environments(&example) {
            let (first, second) = (Terminal::in_example(&example), Terminal::new());
            let run = |terminal: &Terminal, line: &str| -> Answer {
                let mut arguments: Vec<&str> = line.split(' ').collect();
                arguments.extend(environment.map(|name| ["--env", name]).into_iter().flatten());
                terminal.run(&arguments)
            };
            let expanded = run(&first, "check --expand");
            assert_eq!(expanded.code, 0, "{example}: {expanded:?}");
            std::fs::write(second.folder.path().join("gatewright.toml"), &expanded.out).unwrap();
            let both = |line: &str| {
                let answers = [run(&first, line), run(&second, line)];
                assert_eq!(answers[0].code, 0, "{example}: {line}: {answers:#?}");
                assert_eq!(answers[1].code, 0, "{example}: {line}: {answers:#?}\n{}", expanded.out);
                answers
            };
            let [one, other] = both("access --format json").map(|answer| parsed(&answer.out));
            assert_eq!(one, other, "{example}");
            let [one, other] =
                both("access --test").map(|answer| answer.out.lines().last().unwrap_or_default().to_owned());
            assert_eq!(one, other, "{example}");
            let state = first.folder.path().join("state.json").display().to_string();
            let applied = run(&first, &format!("apply --local={state} --yes"));
            assert_eq!(applied.code, 0, "{example}: {applied:?}");
            let planned = run(&second, &format!("plan --local={state} --detailed-exitcode"));
            assert_eq!(planned.code, 0, "{example}: {planned:?}");
            // And it is its own expansion.
            assert_eq!(run(&second, "check --expand").out, expanded.out, "{example}");
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Callers of every sort, and expectations of every form.
#[test]
fn personas_and_expectations_are_expanded_too() {
    let callers = r#"
[persona.robot]
iam_role = "arn:aws:iam::${aws.account}:role/robot"

[persona.named]
jwt_authorizer = "people"
client = "1example23456789abcdefghij"
scopes = ["shop/read", "$${odd}"]
claims = { "custom:level" = 7, roles = ["a", "b\"c"], nested = { deep = true } }

[[expect]]
clients = ["named"]
sometimes = ["pay/refund"]
never = ["pay/look"]

[[expect]]
persona = "clerk"
tool = "pay/refund"
input = { amount = 5, why = "$${x}\n\"y\"" }
decision = "allow"

[[expect]]
tools = ["pay/look"]
only_with_group = "bosses"
"#;
    let grants = crate::access::GRANTS.replace(", \"owners\"", "").replace(
        "[grant.clerks]",
        "[grant.named]\ngateway = \"shop\"\ntools = [\"pay/refund\"]\nclaims = { \"custom:level\" = \"7\" }\n\
         when = 'context.input.amount < 10'\n\n[grant.clerks]",
    );
    let manifest = format!("{}{grants}{callers}", crate::access::SHOP)
        .replace("user_pool = \"people\"\n", "user_pool = \"people\"\nscope_claim = { name = \"scp\", list = true }\n");
    let (first, second) = (Terminal::new(), Terminal::new());
    std::fs::write(first.folder.path().join("gatewright.toml"), manifest).unwrap();
    let expanded = first.run(&["check", "--expand"]);
    assert_eq!(expanded.code, 0, "{expanded:?}");
    std::fs::write(second.folder.path().join("gatewright.toml"), &expanded.out).unwrap();
    for line in [&["access", "--format", "json"][..], &["access", "--why", "named", "pay/refund"]] {
        let [one, other] = [&first, &second].map(|terminal| terminal.run(line));
        assert_eq!((one.code, other.code), (0, 0), "{other:?}\n{}", expanded.out);
        let places =
            |text: &str| text.lines().map(|line| line.split(" (").next().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(places(&one.out), places(&other.out), "{}", expanded.out);
    }
    let tested = second.run(&["access", "--test"]);
    assert!(tested.out.contains("3 expectations: 3 held"), "{tested:?}\n{}", expanded.out);
    assert!(expanded.out.contains("scope_claim = { name = \"scp\", list = true }"), "{}", expanded.out);
}
