//! Expectations about every token, with a solver and without: proved, refuted or tested, and nothing taken for more than it is.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::command::{Answer, Terminal};
use crate::cvc5::cvc5_path;

const EXACT: &str = r#"principal.hasTag("scope") && (
        principal.getTag("scope") == "api/admin" || principal.getTag("scope") like "api/admin *" ||
        principal.getTag("scope") like "* api/admin" || principal.getTag("scope") like "* api/admin *")"#;

/// How people come in to a gateway, as keys of the gateway and tables.
struct Door(&'static str, &'static str);

const POOL: Door = Door(
    "jwt_authorizer = \"people\"",
    "[user_pool.people]\n[jwt_authorizer.people]\nuser_pool = \"people\"\nallowed_clients = [\"1example23456789abcdefghij\"]",
);
const SCOPED: Door = Door(
    "jwt_authorizer = \"people\"",
    "[user_pool.people]\n[jwt_authorizer.people]\nuser_pool = \"people\"\nallowed_scopes = [\"api/admin\"]",
);
const SIGNED: Door = Door("authorizer_type = \"AWS_IAM\"", "");

/// A gateway with two tools, policies given as `head when { … }` after the effect and its principal, and an expectation.
fn terminal(door: &Door, policies: &[String], expectation: &str) -> Terminal {
    let terminal = Terminal::new();
    let mut text = format!(
        r#"
[stack]
name = "pay"
region = "us-east-1"
account = "111122223333"

{tables}

[policy_engine.guard]

[gateway.pay]
role_arn = "arn:aws:iam::111122223333:role/pay"
protocol_type = "MCP"
{key}
policy_engine = "guard"
policy_mode = "ENFORCE"

[gateway_target.pay]
gateway = "pay"
credential_provider_configurations = [{{ credential_provider_type = "GATEWAY_IAM_ROLE" }}]

[gateway_target.pay.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:pay"
"#,
        key = door.0,
        tables = door.1,
    );
    for tool in ["refund", "look"] {
        let _ = write!(
            text,
            "[[gateway_target.pay.target_configuration.mcp.lambda.tool_schema.inline_payload]]\nname = \"{tool}\"\ndescription = \"x\"\n\
             input_schema = {{ type = \"object\", required = [\"id\"], properties = {{ id = {{ type = \"string\" }} }} }}\n"
        );
    }
    for (at, policy) in policies.iter().enumerate() {
        let _ = write!(
            text,
            "[policy.p{at}]\npolicy_engine = \"guard\"\nvalidation_mode = \"IGNORE_ALL_FINDINGS\"\ndefinition.cedar.statement = '''\n{policy};\n'''\n"
        );
    }
    let _ = write!(text, "[[expect]]\n{expectation}\n");
    std::fs::write(terminal.folder.path().join("gatewright.toml"), text).unwrap();
    terminal
}

/// A policy about a user and some actions.
fn users(effect: &str, action: &str, condition: &str) -> String {
    format!(
        "{effect}(principal is AgentCore::OAuthUser, {action}, resource == AgentCore::Gateway::\"${{gateway.pay.arn}}\")\n{condition}"
    )
}

const REFUND: &str = r#"action == AgentCore::Action::"pay___refund""#;
const NEEDS_ADMIN: &str = "tools = [\"pay/refund\"]\nonly_with_scope = \"api/admin\"";

fn run(terminal: &Terminal, solver: Option<&str>, arguments: &[&str]) -> Answer {
    let mut command = terminal.command(arguments);
    Answer::of(&command.envs(solver.map(|solver| ("CVC5", solver))).output().unwrap())
}

/// What came of the expectation: how, and what is said.
fn held(terminal: &Terminal, solver: Option<&str>) -> (String, String) {
    let answer = run(terminal, solver, &["access", "--test", "--format", "json"]);
    let said: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
    let one = &said["environments"][0]["expectations"][0];
    assert_eq!(said["summary"]["failed"] == 0, answer.code == 0, "{answer:?}");
    (one["how"].as_str().unwrap().to_owned(), format!("{}{}{}", one["note"], one["failures"], answer.err))
}

#[test]
fn with_a_solver_an_exact_test_is_proved_and_every_command_says_so() {
    let Some(solver) = cvc5_path() else { return };
    let terminal = terminal(&POOL, &[users("permit", REFUND, &format!("when {{ {EXACT} }}"))], NEEDS_ADMIN);
    let said = |arguments: &[&str]| {
        let answer = run(&terminal, Some(&solver), arguments);
        assert_eq!(answer.code, 0, "{answer:?}");
        answer.out + &answer.err
    };
    assert!(said(&["check"]).contains("1 expectation held, 1 proved for every token\n"));
    assert!(said(&["access", "--test"]).contains("only with scope api/admin, proved for every token\n"));
    assert!(said(&["access", "--test", "--format", "markdown"]).contains("api/admin: proved for every token"));
    assert!(
        said(&["access", "--test", "--format", "junit"]).contains("<system-out>proved for every token</system-out>")
    );
    assert!(said(&["apply", "--local", "--yes"]).contains("1 expectation held, 1 proved for every token\n"));
    assert!(said(&["plan", "--local"]).contains("1 expectation held, 1 proved for every token\n"));
}

#[test]
fn without_a_solver_it_is_tested_and_one_note_says_what_would_prove_it() {
    let terminal = terminal(&POOL, &[users("permit", REFUND, &format!("when {{ {EXACT} }}"))], NEEDS_ADMIN);
    let check = terminal.run(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(
        check.err.contains("1 expectation held, 1 tested and not proved (without a solver nothing is proved"),
        "{check:?}"
    );
    assert!(!check.err.contains("access::"), "{check:?}");
    for format in ["human", "markdown"] {
        let test = terminal.run(&["access", "--test", "--format", format]);
        assert!(
            test.code == 0 && test.out.contains("tested on ") && !test.out.contains("proved for every"),
            "{test:?}"
        );
        assert_eq!(test.out.matches("without a solver nothing is proved").count(), 1, "{test:?}");
    }
}

/// No caller that comes near it shows the hole: the other permit looks at another claim.
#[test]
fn with_a_solver_a_hole_that_nobody_tries_is_refuted_with_a_token() {
    let Some(solver) = cvc5_path() else { return };
    let team = r#"when { principal.hasTag("team") && principal.getTag("team") like "core*" }"#;
    let policies = [users("permit", REFUND, &format!("when {{ {EXACT} }}")), users("permit", REFUND, team)];
    let terminal = terminal(&POOL, &policies, NEEDS_ADMIN);
    assert_eq!(held(&terminal, None).0, "tested");
    let (how, said) = held(&terminal, Some(&solver));
    assert_eq!(how, "refuted");
    assert!(said.contains(r#"\"team\":\"core"#) && said.contains("can always call pay/refund without it"), "{said}");
    let check = run(&terminal, Some(&solver), &["check"]);
    assert!(check.code == 3 && check.err.contains("by this policy"), "{check:?}");
}

#[test]
fn with_a_solver_the_callers_that_come_near_are_shown_first() {
    let Some(solver) = cvc5_path() else { return };
    let careless = r#"when { principal.hasTag("scope") && principal.getTag("scope") like "*api/admin*" }"#;
    let terminal = terminal(&POOL, &[users("permit", REFUND, careless)], NEEDS_ADMIN);
    for solver in [None, Some(solver.as_str())] {
        let (how, said) = held(&terminal, solver);
        assert_eq!(how, "refuted");
        assert!(said.contains("api/administrator"), "{said}");
    }
}

/// What the authorizer lets in only, no policy has to ask for.
#[test]
fn with_a_solver_what_the_authorizer_demands_is_counted_and_said() {
    let Some(solver) = cvc5_path() else { return };
    let everybody = users("permit", REFUND, "");
    let door = terminal(&SCOPED, std::slice::from_ref(&everybody), NEEDS_ADMIN);
    assert_eq!(held(&door, None).0, "tested");
    let (how, said) = held(&door, Some(&solver));
    assert_eq!(how, "proved", "{said}");
    assert!(said.contains("given that the authorizer holds to allowedScopes"), "{said}");
    door.edit("gatewright.toml", "[\"api/admin\"]", "[\"api/admin\", \"api/read\"]");
    for solver in [None, Some(solver.as_str())] {
        let (how, said) = held(&door, solver);
        assert_eq!(how, "refuted");
        assert!(said.contains("api/read"), "{said}");
    }
}

/// A list in which a value stands in quotes has it as an element only where no element has quotes.
#[test]
fn with_a_solver_a_list_is_proved_exactly_or_as_issuers_write_it() {
    let Some(solver) = cvc5_path() else { return };
    let needs = "tools = [\"pay/refund\"]\nonly_with_group = \"boss\"";
    let test = |like: &str| {
        let condition = format!(
            "when {{ principal.hasTag(\"cognito:groups\") && principal.getTag(\"cognito:groups\") like \"{like}\" }}"
        );
        held(&terminal(&POOL, &[users("permit", REFUND, &condition)], needs), Some(&solver))
    };
    let (how, said) = test(r#"[\"boss\",*"#);
    assert!(how == "proved" && said.starts_with("null[]"), "{said}");
    let (how, said) = test(r#"*\"boss\"*"#);
    assert_eq!(how, "proved", "{said}");
    assert!(said.contains("given that `cognito:groups` is a list of texts without quotes"), "{said}");
    for careless in [r"*boss*", r#"*\"boss*"#, r#"*boss\"*"#] {
        assert_eq!(test(careless).0, "refuted", "{careless}");
    }
}

#[test]
fn with_a_solver_a_role_of_the_account_is_proved_and_a_careless_name_refuted() {
    let Some(solver) = cvc5_path() else { return };
    let needs = "tools = [\"pay/*\"]\nonly_with_role = \"robot\"";
    let roles = |head: &str, condition: &str| {
        let policy = format!(
            "permit({head}, action in AgentCore::Action::\"pay\", resource == AgentCore::Gateway::\"${{gateway.pay.arn}}\")\n{condition}"
        );
        terminal(&SIGNED, &[policy], needs)
    };
    let named = roles(r#"principal == AgentCore::IamEntity::"arn:aws:sts::111122223333:assumed-role/robot""#, "");
    assert_eq!(held(&named, Some(&solver)).0, "proved");
    assert_eq!(held(&named, None).0, "tested");
    let by_name = r#"when { principal.id like "arn:aws:sts::*:assumed-role/robot" }"#;
    assert_eq!(held(&roles("principal is AgentCore::IamEntity", by_name), Some(&solver)).0, "proved");
    let careless = roles("principal is AgentCore::IamEntity", r#"when { principal.id like "*robot*" }"#);
    for solver in [None, Some(solver.as_str())] {
        let (how, said) = held(&careless, solver);
        assert_eq!(how, "refuted");
        assert!(said.contains("arn:aws:sts::111122223333:assumed-role/robotistrator"), "{said}");
    }
    let other = roles(r#"principal == AgentCore::IamEntity::"arn:aws:sts::111122223333:assumed-role/human""#, "");
    assert_eq!(held(&other, Some(&solver)).0, "refuted");
    // No role has a scope.
    named.edit("gatewright.toml", "only_with_role", "only_with_scope");
    assert_eq!(held(&named, Some(&solver)).0, "refuted");
}

/// What plain Cedar cannot read is taken as it lets the most through.
#[test]
fn with_a_solver_an_extension_of_cedar_neither_hinders_a_proof_nor_makes_one() {
    let Some(solver) = cvc5_path() else { return };
    let temporal = users("permit", REFUND, &format!("when {{ {EXACT} }} when temporal {{ formerly within {{ 1h }} }}"));
    assert_eq!(held(&terminal(&POOL, &[temporal], NEEDS_ADMIN), Some(&solver)).0, "proved");
    let guarded = users("forbid", REFUND, "unless guardrails { BedrockGuardrails::Safe([context.input.id]) }");
    let open = terminal(&POOL, &[users("permit", REFUND, ""), guarded], NEEDS_ADMIN);
    for solver in [None, Some(solver.as_str())] {
        let (how, said) = held(&open, solver);
        assert_eq!(how, "refuted", "{said}");
    }
}

/// `target/*` are the tools there are, `target/**` those to come as well.
#[test]
fn with_a_solver_tools_to_come_are_proved_too_where_they_are_meant() {
    let Some(solver) = cvc5_path() else { return };
    let all = r#"action in AgentCore::Action::"pay""#;
    let today = r#"action in [AgentCore::Action::"pay___refund", AgentCore::Action::"pay___look"]"#;
    let policies = [users("permit", all, ""), users("forbid", today, &format!("unless {{ {EXACT} }}"))];
    let needs = |tools: &str| format!("tools = [\"{tools}\"]\nonly_with_scope = \"api/admin\"");
    assert_eq!(held(&terminal(&POOL, &policies, &needs("pay/*")), Some(&solver)).0, "proved");
    let (how, said) = held(&terminal(&POOL, &policies, &needs("pay/**")), Some(&solver));
    assert_eq!(how, "refuted");
    assert!(said.contains("can always call future tools of pay without it"), "{said}");
    let exact = [users("permit", all, &format!("when {{ {EXACT} }}"))];
    assert_eq!(held(&terminal(&POOL, &exact, &needs("pay/**")), Some(&solver)).0, "proved");
}

/// What no tool of today says of an input, one to come may have all the same.
#[test]
fn with_a_solver_or_without_inputs_that_nobody_knows_are_no_proof() {
    let all = r#"action in AgentCore::Action::"pay""#;
    let needs = "tools = [\"pay/**\"]\nonly_with_scope = \"api/admin\"";
    let open = [users("permit", all, "when { context.input has sudo }")];
    let closed = [users("permit", all, &format!("when {{ {EXACT} && context.input has sudo }}"))];
    let forbids =
        [users("permit", all, ""), users("forbid", all, &format!("unless {{ ({EXACT}) || context.input has sudo }}"))];
    for solver in [None, cvc5_path()] {
        for policies in [&open[..], &forbids] {
            let (how, said) = held(&terminal(&POOL, policies, needs), solver.as_deref());
            assert!(how != "proved" && how != "tested", "{how}: {said}");
            assert!(said.contains("future tools of pay without it"), "{said}");
        }
        let wanted = if solver.is_some() { "proved" } else { "tested" };
        assert_eq!(held(&terminal(&POOL, &closed, needs), solver.as_deref()).0, wanted);
    }
}

/// Partial evaluation leaves a contradiction open, and a proof settles it.
#[test]
fn with_a_solver_conditions_that_contradict_are_no_way_in() {
    let Some(solver) = cvc5_path() else { return };
    let never = r#"when { context.input.id == "a" && context.input.id == "b" }"#;
    let terminal = terminal(&POOL, &[users("permit", REFUND, never)], NEEDS_ADMIN);
    assert_eq!(held(&terminal, Some(&solver)).0, "proved");
    let (how, said) = held(&terminal, None);
    assert!(how == "unknown" && said.contains("nobody can tell whether"), "{how}: {said}");
}

/// A solver that knows what every solver is asked first, and then takes everything for proved.
#[test]
fn with_a_solver_that_lies_its_other_proofs_are_not_believed_either() {
    let Some(solver) = cvc5_path() else { return };
    let careless = r#"when { principal.hasTag("scope") && principal.getTag("scope") like "*api/admin*" }"#;
    let policies = [
        users("permit", r#"action == AgentCore::Action::"pay___look""#, &format!("when {{ {EXACT} }}")),
        users("permit", REFUND, careless),
    ];
    let needs = "tools = [\"pay/look\"]\nonly_with_scope = \"api/admin\"\n[[expect]]\ntools = [\"pay/refund\"]\nonly_with_scope = \"api/admin\"";
    let terminal = terminal(&POOL, &policies, needs);
    assert_eq!(held(&terminal, Some(&solver)).0, "proved");
    let liar = terminal.folder.path().join("liar");
    let lies = "if [ \"$line\" = sat ]; then n=$((n+1)); if [ $n -gt 1 ]; then line=unsat; fi; fi";
    let script = format!(
        "#!/bin/sh\n{solver} \"$@\" | {{ n=0; while IFS= read -r line; do {lies}; printf '%s\\n' \"$line\"; done; }}\n"
    );
    std::fs::write(&liar, script).unwrap();
    std::fs::set_permissions(&liar, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (how, said) = held(&terminal, Some(liar.to_str().unwrap()));
    assert_eq!(how, "tested", "{said}");
    assert!(said.contains("the solver is not believed") && said.contains("warning[access::solver]"), "{said}");
}

#[test]
fn a_solver_that_fails_proves_nothing_and_is_a_warning() {
    let terminal = terminal(&POOL, &[users("permit", REFUND, &format!("when {{ {EXACT} }}"))], NEEDS_ADMIN);
    for solver in ["/bin/false", "/nowhere/cvc5"] {
        let (how, said) = held(&terminal, Some(solver));
        assert_eq!(how, "tested", "{said}");
        assert!(said.contains("warning[access::solver]") && said.contains("the solver failed"), "{said}");
        assert_eq!(run(&terminal, Some(solver), &["check"]).code, 0);
    }
}
