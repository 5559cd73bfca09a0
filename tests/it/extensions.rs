//! Policies with the service's extensions of Cedar, from `check` to the second plan: what nobody knows offline is `sometimes`, is
//! never taken for safe, and closes where it has to be decided.

use serde_json::{Value, json};

use crate::command::Terminal;
use crate::limits::{HEAD, cell, json_of, run, written};
use crate::served::{Served, against};

const POLICIES: &str = r#"
@id("session")
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"bank___pay", resource == AgentCore::Gateway::"${gateway.tools.arn}")
when { principal.hasTag("scope") && principal.getTag("scope") == "bank/pay" }
when temporal { count(AgentCore::Action::"bank___pay"::request within 1h) < 5 };

@id("guarded")
forbid(principal, action == AgentCore::Action::"bank___look", resource == AgentCore::Gateway::"${gateway.tools.arn}")
unless guardrails { BedrockGuardrails::Safe(["words; \"odd\" }"], [context.input.note]) };

@id("quiet")
suppressOutput(principal, action == AgentCore::Action::"bank___look", resource == AgentCore::Gateway::"${gateway.tools.arn}")
when guardrails { BedrockGuardrails::Private(["NAME"], [context.output.text]) };
"#;

const EXPECTATIONS: &str = r#"
[[expect]]
personas = ["clerk"]
sometimes = ["bank/pay"]
never = ["bank/look"]

[[expect]]
personas = ["guest"]
never = ["bank/pay"]
sometimes = ["bank/look"]
"#;

fn extended(more: &str) -> Terminal {
    let set = "[policy_set.bank]\npolicy_engine = \"guard\"\nfile = \"bank.cedar\"\n";
    let terminal = written(&format!("{HEAD}{set}{more}"));
    std::fs::write(terminal.folder.path().join("bank.cedar"), POLICIES).unwrap();
    terminal
}

#[test]
fn an_expectation_never_holds_because_of_what_nobody_knows() {
    let terminal = extended(EXPECTATIONS);
    let held = run(&terminal, &["access", "--test"]);
    assert_eq!(held.code, 0, "{held:?}");
    let check = run(&terminal, &["check", "--format", "json"]);
    let said = json_of(&check);
    let codes: Vec<&str> =
        said["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!((check.code, codes), (0, vec!["cedar::not-plain"; 3]), "{said:#}");
    for (persona, word, tool) in
        [("clerk", "never", "pay"), ("clerk", "always", "pay"), ("guest", "always", "look"), ("guest", "never", "look")]
    {
        let terminal = extended(&format!("[[expect]]\npersonas = [\"{persona}\"]\n{word} = [\"bank/{tool}\"]\n"));
        let held = run(&terminal, &["access", "--test"]);
        assert_eq!(held.code, 1, "{persona} {word} {tool}: {held:?}");
    }
}

#[test]
fn what_depends_on_a_session_or_a_guardrail_is_sometimes_and_applies() {
    let terminal = extended("");
    let matrix = json_of(&run(&terminal, &["access", "--format", "json"]));
    let cells = |matrix: &Value| {
        [("clerk", "pay"), ("clerk", "look"), ("guest", "pay"), ("guest", "look")]
            .map(|(caller, tool)| cell(matrix, caller, &format!("bank/{tool}")))
    };
    assert_eq!(cells(&matrix), ["sometimes", "never", "never", "sometimes"]);
    let why = run(&terminal, &["access", "--why", "clerk", "bank/pay"]).out;
    assert!(why.contains("policy.bank/session") && why.contains("sometimes"), "{why}");

    let served = Served::start(&terminal, &[]);
    let applied = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let again = against(&terminal, &served.url, &["plan", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "a plan after an apply is empty: {again:?}");
    let live =
        json_of(&against(&terminal, &served.url, &["access", "--live", "--format", "json", "--region", "us-east-1"]));
    assert_eq!(cells(&live), cells(&matrix), "live as by the manifest");
    let verified = against(&terminal, &served.url, &["verify", "--format", "json"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    // A condition changes: text that nobody can compare is a change, and of a permit one that may widen.
    terminal.edit("bank.cedar", "< 5", "< 500");
    let changed = against(&terminal, &served.url, &["plan", "--detailed-exitcode", "--format", "json"]);
    let plan = json_of(&changed);
    assert_eq!((changed.code, plan["summary"]["update"].as_u64()), (4, Some(1)), "{plan:#}");
    assert!(plan["risks"].as_array().unwrap().iter().any(|risk| risk["code"] == "access-widened"), "{plan:#}");
    terminal.edit("bank.cedar", "< 500", "< 5");
    // To take a forbid away is one too, whatever its conditions.
    let text = std::fs::read_to_string(terminal.folder.path().join("bank.cedar")).unwrap();
    let (start, end) = (text.find("@id(\"guarded\")").unwrap(), text.find("@id(\"quiet\")").unwrap());
    std::fs::write(terminal.folder.path().join("bank.cedar"), format!("{}{}", &text[..start], &text[end..])).unwrap();
    let plan = json_of(&against(&terminal, &served.url, &["plan", "--format", "json"]));
    let risks: Vec<&Value> = plan["risks"].as_array().unwrap().iter().map(|risk| &risk["code"]).collect();
    assert!(risks.contains(&&json!("forbid-removed")), "{plan:#}");
}
