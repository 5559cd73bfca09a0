//! What `check` says of policies: one finding for one mistake, in words that help, and within bounded time.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::Terminal;

/// The head of a manifest with one gateway and an engine.
const HEAD: &str = r#"
[stack]
name = "lints"
region = "us-east-1"

[jwt_authorizer.callers]
discovery_url = "https://login.example.com/.well-known/openid-configuration"
allowed_audience = ["tools"]

[gateway.tools]
role_arn = "arn:aws:iam::111122223333:role/tools"
jwt_authorizer = "callers"
policy_engine = "guard"
policy_mode = "ENFORCE"

[policy_engine.guard]
"#;

const TOOL: &str = r#"{ name = "pay", description = "Pays", input_schema = { type = "object", properties = { id = { type = "string" }, cents = { type = "integer" }, amount = { type = "number" }, dry = { type = "boolean" } }, required = ["cents", "amount"] } }"#;

fn target(tools: &str) -> String {
    format!(
        "[gateway_target.bank]\ngateway = \"tools\"\n\
         credential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
         target_configuration.mcp.lambda.lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:bank\"\n\
         target_configuration.mcp.lambda.tool_schema.inline_payload = [{tools}]\n"
    )
}

fn policy(name: &str, statement: &str) -> String {
    format!("[policy.{name}]\npolicy_engine = \"guard\"\ndefinition.cedar.statement = '''\n{statement}\n'''\n")
}

fn permit(condition: &str) -> String {
    format!(
        "permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::\"bank___pay\", \
         resource == AgentCore::Gateway::\"${{gateway.tools.arn}}\")\nwhen {{ {condition} }};"
    )
}

fn written(manifest: &str) -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    terminal
}

/// The findings of a manifest, as programs read them.
fn found(terminal: &Terminal) -> Vec<Value> {
    let answer = terminal.run(&["check", ".", "--format", "json"]);
    let said: Value = serde_json::from_str(&answer.out).unwrap();
    said["diagnostics"].as_array().unwrap().clone()
}

fn codes(found: &[Value]) -> Vec<&str> {
    found.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_substring_in_place_of_a_scope_is_found_and_the_text_to_use_instead_mends_it() {
    let terminal = Terminal::in_example("three-roles");
    let file = terminal.folder.path().join("policies/records.cedar");
    let text = std::fs::read_to_string(&file).unwrap();
    let start = text.find("principal.getTag(\"scope\") == \"api/admin\"").unwrap();
    let end = start + text[start..].find("    )\n").unwrap();
    let write = |test: &str| std::fs::write(&file, format!("{}{test}\n{}", &text[..start], &text[end..])).unwrap();

    write("principal.getTag(\"scope\") like \"*api/admin*\"");
    let warned = found(&terminal);
    assert_eq!(codes(&warned), ["lint::substring-claim"]);
    let message = warned[0]["message"].as_str().unwrap();
    assert!(message.contains("`api/administrator`") && message.contains("`xapi/admin`"), "{message}");
    assert!(warned[0]["file"].as_str().unwrap().ends_with("policies/records.cedar"));
    assert_eq!(warned[0]["line"], text[..start].lines().count());

    let help = warned[0]["help"].as_str().unwrap();
    let (from, to) = (help.find('`').unwrap() + 1, help.rfind('`').unwrap());
    write(&help[from..to]);
    assert_eq!(codes(&found(&terminal)), [""; 0]);
}

#[test]
fn one_mistake_is_one_finding() {
    let scope = "principal.getTag(\"scope\")";
    for (condition, code) in [
        (
            format!("{scope} == \"a\" || {scope} like \"a *\" || {scope} like \"* a\" || {scope} like \"* a *\""),
            "cedar::validation",
        ),
        ("context.input.amount < 500 && context.input.amount > 5".to_owned(), "cedar::validation"),
        ("context.input.amount < decimal(\"5.0\")".to_owned(), "cedar::validation"),
        ("!(context.input has dry) || context.input.dry == false".to_owned(), "cedar::validation"),
        ("principal.hasTag(\"g\") && principal.getTag(\"g\").contains(\"a\")".to_owned(), "cedar::validation"),
        ("principal has scope && principal.scope == \"a\"".to_owned(), "cedar::never-applies"),
        (
            "principal.hasTag(\"g\") && principal.getTag(\"g\") == \"a\" && principal.getTag(\"g\") == \"b\""
                .to_owned(),
            "cedar::never-applies",
        ),
        ("context.input.cents < 5".to_owned(), "lint::open-permit"),
    ] {
        let terminal = written(&format!("{HEAD}{}{}", target(TOOL), policy("pay", &permit(&condition))));
        assert_eq!(codes(&found(&terminal)), [code], "{condition}");
    }
}

/// Statements that plain Cedar does not know, beside a mistake in another one.
#[test]
fn what_only_the_service_can_read_hides_nothing_else() {
    let temporal = "permit(principal, action == AgentCore::Action::\"bank___pay\", \
        resource == AgentCore::Gateway::\"${gateway.tools.arn}\")\n\
        when temporal { count(AgentCore::Action::\"bank___pay\"::request within 1h) < 5 };";
    let guarded = "@id(\"guarded\")\nforbid(principal, action, resource is AgentCore::Gateway)\n\
        when guardrails { BedrockGuardrails::X([\"a\"], [context.input.id]) };\n";
    let wrong = permit("principal.hasTag(\"scope\") && principal.getTag(\"scope\") like \"*bank/pay*\"");
    let set = "[policy_set.more]\npolicy_engine = \"guard\"\nfile = \"more.cedar\"\n";
    let terminal = written(&format!("{HEAD}{}{}{set}", target(TOOL), policy("temporal", temporal)));
    std::fs::write(terminal.folder.path().join("more.cedar"), format!("{guarded}@id(\"wrong\")\n{wrong}\n")).unwrap();
    let found = found(&terminal);
    let mut codes = codes(&found);
    codes.sort_unstable();
    assert_eq!(codes, ["cedar::not-plain", "cedar::not-plain", "lint::substring-claim"]);
}

/// Somebody decided on it in one environment, and in the other there is nothing to decide on.
#[test]
fn an_allowance_is_unused_only_if_no_environment_needs_it() {
    let statement = permit("principal.hasTag(\"scope\")").replace("bank___pay\"", "${var.tool}\"").replace("==", "in");
    let statement = statement.replacen("resource in", "resource ==", 1);
    let noted = policy("pay", &format!("// gatewright: allow lint::future-tools: a demo\n{statement}"));
    let environments = "[environment.dev]\nvariables = { tool = \"CallTool\" }\n[environment.prod]\n\
        [variables.tool]\ndefault = \"bank___pay\"\n";
    let terminal = written(&format!("{HEAD}{environments}{}{noted}", target(TOOL)));
    assert_eq!(codes(&found(&terminal)), [""; 0]);
    let answer = terminal.run(&["check", ".", "--env", "prod", "--format", "json"]);
    assert!(answer.out.contains("lint::unused-allow"), "{}", answer.out);
}

#[test]
fn more_than_the_service_takes_is_told_within_bounded_time() {
    let start = Instant::now();
    let mut manifest = HEAD.to_owned();
    let properties: Vec<String> =
        (0..8).map(|index| format!("argument_number_{index} = {{ type = \"string\" }}")).collect();
    let input = format!("{{ type = \"object\", properties = {{ {} }} }}", properties.join(", "));
    let name = |index: usize| format!("tool_with_a_rather_long_name_{index}");
    let tools: Vec<String> = (0..1_001)
        .map(|index| format!("{{ name = \"{}\", description = \"d\", input_schema = {input} }}", name(index)))
        .collect();
    manifest.push_str(&target(&tools.join(",\n")));
    for index in 0..1_001 {
        let statement = permit(&format!("principal.hasTag(\"scope\") && principal.getTag(\"scope\") == \"a{index}\""));
        manifest.push_str(&policy(&format!("p{index}"), &statement.replace("___pay", &format!("___{}", name(index)))));
    }
    let found = found(&written(&manifest));
    let messages: Vec<&str> = found.iter().map(|finding| finding["message"].as_str().unwrap()).collect();
    assert!(codes(&found).iter().all(|code| *code == "lint::quota"), "{messages:?}");
    for exceeded in ["1001 policies", "bytes of policies", "1001 tools", "bytes of types"] {
        assert!(messages.iter().any(|message| message.contains(exceeded)), "{exceeded}: {messages:?}");
    }
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
}

/// The longest policies there are, in the forms that are hardest to read.
#[test]
fn long_and_deep_policies_are_read_within_bounded_time() {
    let start = Instant::now();
    let mut chain = String::from("principal.hasTag(\"g\")");
    while chain.len() < 9_500 {
        let _ = write!(chain, " && principal.getTag(\"g\") != \"{}\"", chain.len());
    }
    let names: Vec<String> = (0..700).map(|index| format!("\"name{index}\"")).collect();
    let set = format!("principal.hasTag(\"g\") && [{}].contains(principal.getTag(\"g\"))", names.join(", "));
    let deep = format!("principal.hasTag(\"g\") && {}true{}", "(".repeat(400), ")".repeat(400));
    let path = format!("context.input{} == 1", ".a".repeat(4_500));
    let sum = format!("principal.hasTag(\"g\") && context.input.cents{} > 1", " + 1".repeat(2_000));
    let wild = format!("principal.hasTag(\"g\") && principal.getTag(\"g\") like \"a{}\"", "*a".repeat(4_000));
    let endless = format!("context.input{} == 1", ".a".repeat(100_000));
    for (name, condition, codes_of) in [
        ("chain", chain, vec![]),
        ("set", set, vec![]),
        ("sum", sum, vec![]),
        ("wild", wild, vec![]),
        ("deep", deep, vec!["cedar::syntax"]),
        ("path", path, vec!["cedar::validation"]),
        ("endless", endless, vec!["cedar::too-long"]),
    ] {
        let terminal = written(&format!("{HEAD}{}{}", target(TOOL), policy("long", &permit(&condition))));
        assert_eq!(codes(&found(&terminal)), codes_of, "{name}");
        let set = "[policy_set.long]\npolicy_engine = \"guard\"\nfile = \"long.cedar\"\n";
        let terminal = written(&format!("{HEAD}{}{set}", target(TOOL)));
        std::fs::write(terminal.folder.path().join("long.cedar"), format!("@id(\"a\")\n{}\n", permit(&condition)))
            .unwrap();
        assert_eq!(found(&terminal).len(), codes_of.len(), "{name}");
    }
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
}

#[test]
fn the_page_of_the_lints_names_every_one_and_its_example_is_sound() {
    let page = include_str!("../../docs/lints.md");
    for code in gatewright::explain::codes().filter(|code| code.starts_with("lint::")) {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
    let examples: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        assert_eq!(codes(&found(&written(example))), [""; 0], "{example}");
    }
}

/// Of a target that lists its tools elsewhere nothing is known; of the one beside it everything.
#[test]
fn a_target_whose_tools_nobody_knows_hides_no_mistake_about_the_others() {
    let elsewhere = "[gateway_target.search]\ngateway = \"tools\"\n\
        target_configuration.mcp.mcp_server.endpoint = \"https://search.example.com/mcp\"\n";
    let condition = "principal.hasTag(\"g\") && principal.getTag(\"g\") == \"a\" && context.input.amount < 5";
    let both = permit(condition).replace(
        "action == AgentCore::Action::\"bank___pay\"",
        "action in [AgentCore::Action::\"search___find\", AgentCore::Action::\"bank___pay\"]",
    );
    for (statement, expected) in [
        (permit(condition), vec!["cedar::validation"]),
        (both, vec!["cedar::unchecked-tool", "cedar::validation"]),
        (permit("principal.hasTag(\"g\")").replace("bank___pay", "search___find"), vec!["cedar::unchecked-tool"]),
    ] {
        let terminal = written(&format!("{HEAD}{}{elsewhere}{}", target(TOOL), policy("pay", &statement)));
        let found = found(&terminal);
        let said: Vec<&str> = codes(&found).into_iter().filter(|code| *code != "lint::uncovered-tool").collect();
        assert_eq!(said, expected, "{statement}");
    }
}

/// An API description that stands in the manifest says which tools there are, and with which arguments.
#[test]
fn the_tools_of_an_api_description_are_typed() {
    let description = r#"{"openapi": "3.0.3", "paths": {"/orders/{id}": {"get": {"operationId": "read", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}, {"name": "limit", "in": "query", "schema": {"type": "integer"}}]}}}}"#;
    let target = format!(
        "[gateway_target.bank]\ngateway = \"tools\"\n\
         credential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
         target_configuration.mcp.open_api_schema.inline_payload = '{description}'\n"
    );
    for (condition, expected) in [
        ("principal.hasTag(\"g\") && context.input has limit && context.input.limit < 5", vec![]),
        ("principal.hasTag(\"g\") && context.input.limit < 5", vec!["cedar::validation"]),
        ("principal.hasTag(\"g\") && context.input.number == \"1\"", vec!["cedar::validation"]),
    ] {
        let statement = permit(condition).replace("bank___pay", "bank___read");
        let terminal = written(&format!("{HEAD}{target}{}", policy("read", &statement)));
        assert_eq!(codes(&found(&terminal)), expected, "{condition}");
    }
    let statement = permit("principal.hasTag(\"g\")").replace("bank___pay", "bank___reed");
    let terminal = written(&format!("{HEAD}{target}{}", policy("read", &statement)));
    let found = found(&terminal);
    assert_eq!(codes(&found), ["cedar::unknown-action"]);
    assert_eq!(found[0]["help"], "did you mean `bank___read`?");
}

/// What a grant says in so many words is no accident; that the service refuses it is worth a warning all the same.
#[test]
fn a_grant_to_everybody_is_meant() {
    let grant = "[grant.all]\ngateway = \"tools\"\ntools = [\"bank/**\"]\nany_authenticated_caller = true\n";
    let terminal = written(&format!("{HEAD}{}{grant}", target(TOOL)));
    assert_eq!(codes(&found(&terminal)), ["lint::open-permit"]);
    let terminal = written(&format!("{HEAD}{}{grant}validation_mode = \"IGNORE_ALL_FINDINGS\"\n", target(TOOL)));
    assert_eq!(codes(&found(&terminal)), [""; 0]);
}
