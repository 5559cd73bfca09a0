//! Who can call what: the matrix, the reasons, grants and expectations, as the binary says it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Answer, Terminal};

/// The matrix of every example, in every format that people read.
#[test]
fn the_matrix_of_every_example() {
    for entry in std::fs::read_dir("manifests").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let terminal = Terminal::in_example(&name);
        let answer = terminal.run(&["access"]);
        assert_eq!(answer.code, 0, "{name}: {answer:?}");
        let markdown = terminal.run(&["access", "--format", "markdown"]).out;
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!(format!("matrix_{name}"), format!("{}\n{markdown}", answer.out));
        });
    }
}

pub(crate) fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.code, 0, "{answer:?}");
    serde_json::from_str(&answer.out).unwrap()
}

/// How many tools each caller can call at the first gateway.
fn counts(answer: &Answer) -> BTreeMap<String, u64> {
    let matrix = json_of(answer);
    let callers = matrix.pointer("/environments/0/gateways/0/callers").unwrap().as_array().unwrap();
    let count = |caller: &Value| (caller["caller"].as_str().unwrap().to_owned(), caller["can_call"].as_u64().unwrap());
    callers.iter().map(count).collect()
}

fn is(callers: &[(&str, u64)]) -> BTreeMap<String, u64> {
    callers.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn three_roles_reach_six_four_and_two_tools() {
    let terminal = Terminal::in_example("three-roles");
    let all = terminal.run(&["access", "--format", "json"]);
    assert_eq!(counts(&all), is(&[("full-access", 6), ("standard", 4), ("read-only", 2)]));
    // The mode and the engine decide whether policies do.
    terminal.edit("gatewright.toml", "\"ENFORCE\"", "\"LOG_ONLY\"");
    let logged = terminal.run(&["access", "--format", "json"]);
    assert_eq!(counts(&logged), is(&[("full-access", 6), ("standard", 6), ("read-only", 6)]));
    terminal.edit("gatewright.toml", "\"LOG_ONLY\"", "\"ENFORCE\"");
    terminal.edit("policies/records.cedar", "@id(\"write\")", "@id(\"write\")\n@enforcement(\"LOG_ONLY\")");
    let without = terminal.run(&["access", "--format", "json"]);
    assert_eq!(counts(&without), is(&[("full-access", 4), ("standard", 2), ("read-only", 2)]));
    // Whom the authorizer does not let in calls nothing, whatever policies say.
    terminal.edit("gatewright.toml", "[\"full-access\", \"standard\", ", "[\"standard\", ");
    let locked = terminal.run(&["access", "--format", "json"]);
    assert_eq!(counts(&locked), is(&[("full-access", 0), ("standard", 2), ("read-only", 2)]));
    let said = terminal.run(&["access"]).out;
    assert!(said.contains("full-access: not let in: the authorizer demands that `client_id`"), "{said}");
}

#[test]
fn why_names_the_condition_that_fails_with_file_and_line() {
    let terminal = Terminal::in_example("three-roles");
    let why = terminal.run(&["access", "--why", "standard", "records/delete_record"]);
    assert_eq!(why.code, 0, "{why:?}");
    assert!(why.out.starts_with("standard can never call records/delete_record at gateway.records\n"), "{}", why.out);
    assert!(why.out.contains("the nearest is policy.records/admin (policies/records.cedar:41:1)"), "{}", why.out);
    assert!(
        why.out.contains("(policies/records.cedar:50:9):\n    principal.getTag(\"scope\") == \"api/admin\""),
        "{}",
        why.out
    );
    let why = terminal.run(&["access", "--why", "standard", "records/update_record"]);
    assert!(why.out.contains("permitted by policy.records/write (policies/records.cedar:23:1)"), "{}", why.out);
    let typo = terminal.run(&["access", "--why", "standart", "records/update_record"]);
    assert!(typo.code == 64 && typo.err.contains("did you mean `standard`?"), "{typo:?}");
    let typo = terminal.run(&["access", "--why", "standard", "records/updaterecord"]);
    assert!(typo.code == 64 && typo.err.contains("did you mean `records/update_record`?"), "{typo:?}");
}

/// A stack with people, roles and a limit on an argument.
pub(crate) const SHOP: &str = r#"[stack]
name = "shop"
region = "us-east-1"

[user_pool.people]

[jwt_authorizer.people]
user_pool = "people"
allowed_clients = ["1example23456789abcdefghij"]

[policy_engine.guard]

[gateway.shop]
role_arn = "arn:aws:iam::111122223333:role/shop"
protocol_type = "MCP"
jwt_authorizer = "people"
policy_engine = "guard"
policy_mode = "ENFORCE"

[gateway_target.pay]
gateway = "shop"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]

[gateway_target.pay.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:pay"

[[gateway_target.pay.target_configuration.mcp.lambda.tool_schema.inline_payload]]
name = "refund"
description = "Gives money back"
input_schema = { type = "object", required = ["amount"], properties = { amount = { type = "integer" }, why = { type = "string" } } }

[[gateway_target.pay.target_configuration.mcp.lambda.tool_schema.inline_payload]]
name = "look"
description = "Looks at a payment"
input_schema = { type = "object", properties = { id = { type = "string" } } }

[persona.clerk]
groups = ["clerks"]

[persona.boss]
groups = ["staff", "bosses"]

[persona.guest]
"#;

/// A role table over it.
pub(crate) const GRANTS: &str = r#"
[grant.clerks]
gateway = "shop"
tools = ["pay/refund"]
groups = ["clerks"]
when = 'context.input.amount < 100'

[grant.bosses]
gateway = "shop"
tools = ["pay/*"]
groups = ["bosses", "owners"]

[policy.big]
policy_engine = "guard"
definition.cedar.statement = '''
forbid(principal, action == AgentCore::Action::"pay___refund", resource == AgentCore::Gateway::"${gateway.shop.arn}")
when { context.input.amount > 10000 };
'''
"#;

pub(crate) fn shop(more: &str) -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), format!("{SHOP}{more}")).unwrap();
    terminal
}

#[test]
fn grants_decide_by_groups_and_arguments() {
    let terminal = shop(GRANTS);
    let matrix = json_of(&terminal.run(&["access", "--format", "json"]));
    let cells: Vec<&Value> = matrix
        .pointer("/environments/0/gateways/0/callers")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["tools"])
        .collect();
    assert_eq!(cells[0], &json!({"pay/refund": "sometimes", "pay/look": "never"}));
    assert_eq!(cells[1], &json!({"pay/refund": "sometimes", "pay/look": "always"}));
    assert_eq!(cells[2], &json!({"pay/refund": "never", "pay/look": "never"}));

    let why = |persona: &str, input: &str| {
        let answer = terminal.run(&["access", "--why", persona, "pay/refund", "--input", input]);
        assert_eq!(answer.code, 0, "{answer:?}");
        answer.out
    };
    assert!(why("clerk", r#"{"amount": 99}"#).contains("permitted by policy.clerks ("));
    let refused = why("clerk", r#"{"amount": 100}"#);
    assert!(
        refused.contains("the nearest is policy.clerks (") && refused.contains("\n    context.input.amount < 100\n"),
        "{refused}"
    );
    assert!(why("boss", r#"{"amount": 10000}"#).contains("permitted by policy.bosses ("));
    let forbidden = why("boss", r#"{"amount": 10001}"#);
    assert!(forbidden.starts_with("boss cannot call pay/refund with this input"), "{forbidden}");
    assert!(
        forbidden.contains("forbidden by policy.big (gatewright.toml:") && !forbidden.contains("permitted"),
        "{forbidden}"
    );
    let depends = terminal.run(&["access", "--why", "boss", "pay/refund"]).out;
    assert!(
        depends.contains("may be forbidden by policy.big") && depends.contains("context.input.amount > 10000"),
        "{depends}"
    );

    let wrong = terminal.run(&["access", "--why", "boss", "pay/refund", "--input", r#"{"amount": "many"}"#]);
    assert!(wrong.code == 64 && wrong.err.contains("`amount` is not an integer"), "{wrong:?}");
}

#[test]
fn expectations_are_counted_and_one_that_fails_fails_the_test() {
    let expectations = r#"
[[expect]]
personas = ["boss"]
always = ["pay/look"]
sometimes = ["pay/*"]

[[expect]]
personas = ["clerk", "guest"]
never = ["pay/look"]

[[expect]]
persona = "clerk"
tool = "pay/refund"
input = { amount = 5 }
decision = "allow"

[[expect]]
tools = ["pay/look"]
only_with_group = "bosses"
"#;
    let terminal = shop(&format!("{}{expectations}", GRANTS.replace(", \"owners\"", "")));
    assert_eq!(terminal.run(&["check"]).code, 0);
    let held = terminal.run(&["access", "--test"]);
    assert_eq!(held.code, 0, "{held:?}");
    assert!(held.out.contains("4 expectations: 4 held, 0 failed"), "{}", held.out);
    assert!(held.out.contains("pay/look: only with group bosses, tested on"), "{}", held.out);

    terminal.edit(
        "gatewright.toml",
        "tools = [\"pay/refund\"]\ngroups = [\"clerks\"]",
        "tools = [\"pay/refund\", \"pay/look\"]\nclaims = { \"cognito:groups\" = true }",
    );
    terminal.edit("gatewright.toml", "when = 'context.input.amount < 100'\n", "");
    let failed = terminal.run(&["access", "--test"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.out.contains("4 expectations: 2 held, 2 failed"), "{}", failed.out);
    assert!(failed.out.contains("clerk can always call pay/look, where `never` is expected"), "{}", failed.out);
    // The mode is a risk of its own.
    terminal.edit("gatewright.toml", "\"ENFORCE\"", "\"LOG_ONLY\"");
    assert!(terminal.run(&["access", "--test"]).out.contains("4 expectations: 2 held, 2 failed"));
    let check = terminal.run(&["check"]);
    assert_eq!(check.code, 3);
    assert!(check.err.contains("error[access::expectation]") && check.err.contains("by this policy"), "{}", check.err);
    let junit = terminal.run(&["access", "--test", "--format", "junit"]);
    assert!(junit.code == 1 && junit.out.contains("tests=\"4\" failures=\"2\""), "{}", junit.out);
    assert!(
        junit.out.matches("<testcase ").count() == 4 && junit.out.matches("<failure ").count() == 2,
        "{}",
        junit.out
    );
}

/// A substring is no scope: the test finds the token that shows it.
#[test]
fn a_careless_scope_test_is_refuted_with_a_token() {
    let terminal = Terminal::in_example("three-roles");
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let expectation = "\n[[expect]]\ntools = [\"records/delete_record\"]\nonly_with_scope = \"api/admin\"\n";
    std::fs::write(&path, text + expectation).unwrap();
    let held = terminal.run(&["access", "--test"]);
    assert!(held.code == 0 && held.out.contains("only with scope api/admin, tested on "), "{held:?}");
    terminal.edit(
        "policies/records.cedar",
        "principal.getTag(\"scope\") == \"api/admin\"",
        "principal.getTag(\"scope\") like \"*api/admin*\"",
    );
    let refuted = terminal.run(&["access", "--test"]);
    assert_eq!(refuted.code, 1, "{refuted:?}");
    assert!(
        refuted.out.contains("with `scope` \"api/administrator\" can always call records/delete_record without it"),
        "{}",
        refuted.out
    );
}

#[test]
fn a_token_from_a_file_is_a_caller_and_is_not_kept() {
    let terminal = shop(GRANTS);
    let claims = json!({
        "sub": "u-1", "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example1", "client_id": "1example23456789abcdefghij",
        "cognito:groups": ["owners"], "exp": 1,
    });
    let file = terminal.folder.path().join("token.json");
    std::fs::write(&file, claims.to_string()).unwrap();
    let all = terminal.run(&["access", "--token", "token.json", "--format", "json"]);
    assert_eq!(counts(&all)["token"], 2);
    assert!(!all.out.contains("u-1"), "{}", all.out);
    let other =
        json!({"payload": {"sub": "u-1", "client_id": "9example23456789abcdefghij", "iss": "https://example.com"}});
    std::fs::write(&file, other.to_string()).unwrap();
    assert_eq!(counts(&terminal.run(&["access", "--token", "token.json", "--format", "json"]))["token"], 0);
    std::fs::write(&file, "eyJhbGciOi.x.y").unwrap();
    let raw = terminal.run(&["access", "--token", "token.json"]);
    assert!(raw.code == 64 && raw.err.contains("a token itself is not wanted") && !raw.err.contains("eyJ"), "{raw:?}");
}

/// What a grant becomes is a manifest of its own, and gives the same access.
#[test]
fn grants_expand_into_policies() {
    let terminal = shop(GRANTS);
    let expanded = terminal.run(&["check", "--expand"]);
    assert_eq!(expanded.code, 0, "{expanded:?}");
    assert!(expanded.out.contains("[policy.clerks]") && expanded.out.contains("[policy.bosses]"), "{}", expanded.out);
    assert!(Path::new("manifests").exists());
    let applied = terminal.run(&["apply", "--local=state.json", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let again = terminal.run(&["plan", "--local=state.json", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{again:?}");
}

/// On a gateway that IAM guards, roles are compared in the form that the gateway presents.
#[test]
fn roles_call_where_requests_are_signed() {
    let terminal = shop(
        r#"
[persona.robot]
iam_role = "arn:aws:iam::111122223333:role/teams/robot"

[policy.robot]
policy_engine = "guard"
definition.cedar.statement = '''
permit(
    principal == AgentCore::IamEntity::"arn:aws:sts::111122223333:assumed-role/robot",
    action in AgentCore::Action::"pay",
    resource == AgentCore::Gateway::"${gateway.shop.arn}"
);
'''
"#,
    );
    terminal.edit("gatewright.toml", "jwt_authorizer = \"people\"\n", "authorizer_type = \"AWS_IAM\"\n");
    let answer = terminal.run(&["access", "--format", "json"]);
    assert_eq!(counts(&answer), is(&[("robot", 2)]));
    let said = terminal.run(&["access"]).out;
    assert!(said.contains("IAM and resource policies are not evaluated"), "{said}");
    terminal.edit("gatewright.toml", "\"AWS_IAM\"", "\"AUTHENTICATE_ONLY\"");
    let anybody = terminal.run(&["access"]).out;
    assert!(anybody.contains("any AWS identity") && anybody.contains("sometimes"), "{anybody}");
    terminal.edit("gatewright.toml", "\"AUTHENTICATE_ONLY\"", "\"NONE\"");
    let nobody = terminal.run(&["access", "--format", "json"]);
    assert_eq!(counts(&nobody), is(&[("anybody", 0)]));
}

/// The page is run: its manifest, its commands, and what they say.
#[test]
fn what_the_page_shows_is_what_happens() {
    let page = include_str!("../../docs/access.md");
    let terminal = Terminal::with_examples();
    let shop = terminal.folder.path().join("shop");
    std::fs::create_dir(&shop).unwrap();
    let manifest = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    std::fs::write(shop.join("gatewright.toml"), manifest).unwrap();
    crate::readme::is_what_happens(page, &terminal, &[]);
}

/// A condition that some tools of a grant cannot have names these.
#[test]
fn a_grant_names_the_tools_that_its_condition_does_not_fit() {
    let terminal = shop(&GRANTS.replace("tools = [\"pay/refund\"]", "tools = [\"pay/*\"]"));
    let check = terminal.run(&["check"]);
    assert_eq!(check.code, 3, "{check:?}");
    for words in
        ["not every tool that the policy is about has an argument `amount`", "it does not fit `pay___look`, and fits"]
    {
        assert!(check.err.contains(words), "{}", check.err);
    }
    assert!(check.err.contains("when = 'context.input.amount < 100'"), "{}", check.err);
}

/// Tools of two targets that do not fit for different reasons are told apart, and those of a group are named too.
#[test]
fn every_mistake_of_a_condition_names_its_tools() {
    let more = r#"
[gateway_target.ship]
gateway = "shop"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]

[gateway_target.ship.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:ship"

[[gateway_target.ship.target_configuration.mcp.lambda.tool_schema.inline_payload]]
name = "send"
description = "Sends a parcel"
input_schema = { type = "object", required = ["amount"], properties = { amount = { type = "number" } } }

[[gateway_target.ship.target_configuration.mcp.lambda.tool_schema.inline_payload]]
name = "track"
description = "Looks for a parcel"
input_schema = { type = "object", properties = { amount = { type = "integer" } } }

[grant.all]
gateway = "shop"
tools = ["pay/*", "ship/*"]
groups = ["clerks"]
when = 'context.input.amount < 100'

[grant.future]
gateway = "shop"
tools = ["ship/**"]
groups = ["clerks"]
when = 'context.input.amount < 200'

[grant.some]
gateway = "shop"
tools = ["pay/refund", "ship/track"]
groups = ["clerks"]
when = 'context.input.amount < 300'
"#;
    let check = shop(more).run(&["check", "--format", "json"]);
    assert_eq!(check.code, 3, "{check:?}");
    let found: Value = serde_json::from_str(&check.out).unwrap();
    let found = found["diagnostics"].as_array().unwrap().iter();
    let found = found.filter(|one| one["code"] == "cedar::validation");
    let found: Vec<(&str, &str)> =
        found.map(|one| (one["address"].as_str().unwrap(), one["help"].as_str().unwrap())).collect();
    let wanted = [
        ("policy.all", "it does not fit `pay___look`: write two"),
        ("policy.all", "`context.input has amount && …` (for `ship___track`)"),
        ("policy.all", "`greaterThanOrEqual` (for `ship___send`)"),
        ("policy.future", "`context.input has amount && …` (for `ship___track`)"),
        ("policy.future", "`greaterThanOrEqual` (for `ship___send`)"),
        ("policy.some", "`context.input has amount && …` (for `ship___track`)"),
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for ((policy, help), (wanted_policy, end)) in found.iter().zip(wanted) {
        assert!(*policy == wanted_policy && help.ends_with(end), "{policy} {help}");
    }
}

/// A mode, an engine of somebody else, and a statement that plain Cedar cannot read are never taken for safe.
#[test]
fn what_cannot_be_read_is_never_taken_for_safe() {
    let opaque = r#"
[policy.session]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"pay___look", resource == AgentCore::Gateway::"${gateway.shop.arn}")
when { principal.hasTag("cognito:groups") } when temporal { formerly within { 1h } };
'''

[policy.guarded]
policy_engine = "guard"
definition.cedar.statement = '''
forbid(principal, action == AgentCore::Action::"pay___look", resource == AgentCore::Gateway::"${gateway.shop.arn}")
unless guardrails { BedrockGuardrails::Safe([context.input.id]) };
'''
"#;
    let terminal = shop(&format!("{GRANTS}{opaque}"));
    let matrix = json_of(&terminal.run(&["access", "--format", "json"]));
    let callers = matrix.pointer("/environments/0/gateways/0/callers").unwrap().as_array().unwrap();
    let look: Vec<&Value> = callers.iter().map(|caller| &caller["tools"]["pay/look"]).collect();
    assert_eq!(
        look,
        ["sometimes", "sometimes", "never"],
        "clerk by the session, boss unless guarded, guest by nothing"
    );
    let why = terminal.run(&["access", "--why", "boss", "pay/look"]).out;
    assert!(why.contains("permitted by policy.bosses") && why.contains("may be forbidden by policy.guarded"), "{why}");
}

#[test]
fn an_engine_of_somebody_else_leaves_everything_open() {
    let terminal = shop(GRANTS);
    terminal.edit(
        "gatewright.toml",
        "[policy_engine.guard]\n",
        "[policy_engine.guard]\nexisting = \"guard-0123456789\"\n",
    );
    let expectation = "\n[[expect]]\npersonas = [\"guest\"]\nnever = [\"pay/look\"]\nsometimes = [\"pay/look\"]\n";
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap() + expectation;
    std::fs::write(&path, text).unwrap();
    let said = terminal.run(&["access"]).out;
    assert!(said.contains("somebody else's") && !said.contains("never") && !said.contains("always"), "{said}");
    let held = terminal.run(&["access", "--test"]);
    assert!(
        held.code == 1 && held.out.matches("what `gateway.shop` permits is not known offline").count() == 2,
        "{held:?}"
    );
}
