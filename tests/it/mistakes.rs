//! One mistake in an example, one finding: in the file and at the line where it was made, and nothing else.

use serde_json::Value;

use crate::command::Terminal;

/// One mistake: the example, the file, what stands there, what is written instead, the code of the one finding, and the text whose
/// line it names (with a file before it where that is another one).
type Mistake = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const M: &str = "gatewright.toml";
const RECORDS: &str = "policies/records.cedar";
const HR: &str = "policies/hr.cedar";
const TICKETS: &str = "policies/tickets.cedar";

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // The text of a policy.
    ("three-roles", RECORDS, "action in [\n        AgentCore::Action::\"records___get_record\"", "action [\n        AgentCore::Action::\"records___get_record\"", "manifest::cedar-syntax", "action ["),
    ("three-roles", RECORDS, "hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\" ||", "hasTag(\"scope\") && (\n        principal.getTag(\"scope\") = \"api/read\" ||", "manifest::cedar-syntax", "principal.getTag(\"scope\") = "),
    ("three-roles", RECORDS, "    )\n};\n\n// Changing.", "    )\n}\n\n// Changing.", "manifest::cedar-syntax", "@id(\"write\")"),
    ("three-roles", RECORDS, "permit(\n    principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___create_record\"", "Permit(\n    principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___create_record\"", "manifest::cedar-syntax", "Permit("),
    ("three-roles", RECORDS, "principal.getTag(\"scope\") == \"api/admin\" ||", "principal.getTags(\"scope\") == \"api/admin\" ||", "manifest::cedar-syntax", "getTags"),
    ("three-roles", RECORDS, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/write\"", "(\n        principal.getTag(\"scope\") == \"api/write\"", "cedar::validation", "principal.getTag(\"scope\") == \"api/write\""),
    ("three-roles", RECORDS, "principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___delete_record\"", "principal is AgentCore::OauthUser,\n    action in [\n        AgentCore::Action::\"records___delete_record\"", "cedar::validation", "OauthUser"),
    ("three-roles", RECORDS, "principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___delete_record\"", "principal is AgentCore::IamEntity,\n    action in [\n        AgentCore::Action::\"records___delete_record\"", "cedar::never-applies", "principal is AgentCore::IamEntity"),
    ("three-roles", RECORDS, "\"records___restore_record\"", "\"records__restore_record\"", "cedar::unknown-action", "records__restore_record"),
    ("three-roles", RECORDS, "\"records___restore_record\"", "\"records___restore_records\"", "cedar::unknown-action", "records___restore_records"),
    ("three-roles", RECORDS, "\"records___restore_record\"", "\"record___restore_record\"", "cedar::unknown-action", "\"record___restore_record"),
    ("three-roles", RECORDS, "        AgentCore::Action::\"records___delete_record\",\n", "", "lint::uncovered-tool", "gatewright.toml:[gateway_target.records]"),
    ("three-roles", RECORDS, "    resource == AgentCore::Gateway::\"${gateway.records.arn}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "    resource\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "cedar::bare-resource", "    resource\n"),
    ("three-roles", RECORDS, "    resource == AgentCore::Gateway::\"${gateway.records.arn}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "    resource is AgentCore::Gateway\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "cedar::resource-too-wide", "resource is"),
    ("three-roles", RECORDS, "    resource == AgentCore::Gateway::\"${gateway.records.arn}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "    resource == AgentCore::Gateway::\"${gateway.order.arn}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "manifest::unknown-resource", "${gateway.order.arn}"),
    ("three-roles", RECORDS, "    resource == AgentCore::Gateway::\"${gateway.records.arn}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "    resource == AgentCore::Gateway::\"${gateway.records.url}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "lint::foreign-gateway", "${gateway.records.url}"),
    ("three-roles", RECORDS, "    resource == AgentCore::Gateway::\"${gateway.records.arn}\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "    resource == AgentCore::Gateway::\"arn:aws:bedrock-agentcore:eu-west-1:111122223333:gateway/three-roles-abcdefghij\"\n) when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/read\"", "lint::foreign-gateway", "eu-west-1"),
    ("three-roles", RECORDS, "principal.getTag(\"scope\") like \"* api/read *\"", "principal.getTag(\"scope\") like \"*api/read*\"", "lint::substring-claim", "\"*api/read*\""),
    ("three-roles", RECORDS, "principal.getTag(\"scope\") like \"* api/read\" ||", "principal.getTag(\"scope\") like \"api/read\" ||", "lint::like-without-wildcard", "like \"api/read\""),
    ("three-roles", RECORDS, "principal.getTag(\"scope\") == \"api/read\" ||", "principal.getTag(\"scope\") == \"* api/read\" ||", "lint::star-in-equality", "== \"* api/read\""),
    ("three-roles", RECORDS, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/admin\" ||\n        principal.getTag(\"scope\") like \"api/admin *\" ||\n        principal.getTag(\"scope\") like \"* api/admin\" ||\n        principal.getTag(\"scope\") like \"* api/admin *\"\n    )", "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/amdin\" ||\n        principal.getTag(\"scope\") like \"api/amdin *\" ||\n        principal.getTag(\"scope\") like \"* api/amdin\" ||\n        principal.getTag(\"scope\") like \"* api/amdin *\"\n    )", "lint::unreachable-scope", "api/amdin"),
    ("three-roles", RECORDS, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/admin\"", "principal.hasTag(\"scopes\") && (\n        principal.getTag(\"scope\") == \"api/admin\"", "cedar::validation", "principal.getTag(\"scope\") == \"api/admin\""),
    ("three-roles", RECORDS, "// What cannot be undone.\n@id(\"admin\")", "// What cannot be undone.\n@id(\"write\")", "manifest::duplicate-address", "@id(\"write\")\npermit(\n    principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___delete"),
    ("three-roles", RECORDS, "@id(\"admin\")\n", "", "manifest::policy-id", "permit(\n    principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___delete_record\""),
    ("three-roles", RECORDS, "@id(\"admin\")", "@id(\"ad-min\")", "manifest::pattern", "ad-min"),
    ("three-roles", RECORDS, " when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/admin\" ||\n        principal.getTag(\"scope\") like \"api/admin *\" ||\n        principal.getTag(\"scope\") like \"* api/admin\" ||\n        principal.getTag(\"scope\") like \"* api/admin *\"\n    )\n}", "", "lint::open-permit", "permit(\n    principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___delete_record\""),
    ("three-roles", RECORDS, "@id(\"admin\")\npermit(", "@id(\"admin\")\nforbid(", "lint::uncovered-tool", "gatewright.toml:[gateway_target.records]"),
    ("three-roles", RECORDS, ") when {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/admin\"", ") unless {\n    principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"api/admin\"", "lint::open-permit", "permit(\n    principal is AgentCore::OAuthUser,\n    action in [\n        AgentCore::Action::\"records___delete_record\""),
    // The manifest around it.
    ("three-roles", M, "jwt_authorizer = \"roles\"\npolicy_engine", "jwt_authorizer = \"role\"\npolicy_engine", "manifest::unknown-resource", "\"role\"\npolicy_engine"),
    ("three-roles", M, "policy_engine = \"records\"\npolicy_mode = \"ENFORCE\"\n", "", "cedar::other-engine", "policies/records.cedar:resource == "),
    ("three-roles", M, "policy_mode = \"ENFORCE\"\n", "", "manifest::policy-mode", "policy_engine = \"records\"\n\n[gateway_target"),
    ("three-roles", M, "policy_mode = \"ENFORCE\"", "policy_mode = \"ENFORCED\"", "manifest::not-allowed", "ENFORCED"),
    ("three-roles", M, "file = \"policies/records.cedar\"", "file = \"policies/order.cedar\"", "manifest::file", "policies/order.cedar"),
    ("three-roles", M, "file = \"tools/records.json\"", "file = \"tools/order.json\"", "manifest::file", "tools/order.json"),
    ("three-roles", M, "[gateway_target.records]\ngateway = \"records\"", "[gateway_target.records]\nname = \"order\"\ngateway = \"records\"", "cedar::unknown-action", "policies/records.cedar:records___get_record"),
    ("three-roles", M, "user_pool_clients = [\"full-access\", \"standard\", \"read-only\"]", "user_pool_clients = [\"full-access\", \"standard\", \"readonly\"]", "manifest::unknown-resource", "readonly"),
    ("three-roles", M, "user_pool_clients = [\"full-access\", \"standard\", \"read-only\"]", "user_pool_clients = [\"standard\", \"read-only\"]", "lint::unreachable-scope", "policies/records.cedar:== \"api/admin\""),
    ("three-roles", M, "[\"api/read\", \"api/write\", \"api/admin\"]", "[\"api/read\", \"api/write\", \"api/amdin\"]", "check::unknown-scope", "api/amdin"),
    ("three-roles", M, "[\"api/read\", \"api/write\", \"api/admin\"]", "[\"api/read\", \"api/write\"]", "lint::unreachable-scope", "policies/records.cedar:== \"api/admin\""),
    ("three-roles", M, "identifier = \"api\"", "identifier = \"apis\"", "check::unknown-scope", "[\"api/read\", \"api/write\", \"api/admin\"]"),
    ("three-roles", M, "\"api/read\", \"api/write\"]\n\n[user_pool_client.read-only]", "\"api/read\", \"api/write\", \"api/export\"]\n\n[user_pool_client.read-only]", "check::unknown-scope", "api/export"),
    ("three-roles", M, "region = \"us-east-1\"", "regoin = \"us-east-1\"", "manifest::unknown-key", "regoin"),
    ("three-roles", M, "[gateway.records]", "[gatway.records]", "manifest::unknown-kind", "gatway"),
    ("three-roles", M, "[policy_engine.records]", "[policy_engine.order]", "manifest::unknown-resource", "policy_engine = \"records\""),
    ("three-roles", M, "protocol_type = \"MCP\"", "protocol_type = \"mcp\"", "manifest::not-allowed", "\"mcp\""),
    ("three-roles", M, "role_arn = \"arn:aws:iam::${aws.account}:role/records-gateway\"", "role_arn = \"records-gateway\"", "manifest::arn-pattern", "role_arn = \"records-gateway\""),
    ("three-roles", M, "allowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\", \"api/write\", \"api/admin\"]", "allowed_oauth_flows = [\"client_credential\"]\nallowed_oauth_scopes = [\"api/read\", \"api/write\", \"api/admin\"]", "manifest::not-allowed", "client_credential\""),
    ("three-roles", M, "generate_secret = true\nallowed_oauth_flows_user_pool_client = true\nallowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\"]", "allowed_oauth_flows_user_pool_client = true\nallowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\"]", "check::client-credentials-secret", "allowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\"]\n"),
    ("three-roles", M, "name = \"three_roles\"\n\n[policy_set", "name = \"three-roles\"\n\n[policy_set", "manifest::pattern", "name = \"three-roles\"\n\n[policy_set"),
    ("three-roles", M, "@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", ":latest", "check::mutable-artifact", ":latest"),
    ("three-roles", M, "user_pool = \"records\"\nuser_pool_clients", "user_pool = \"records\"\nallowed_audience = [\"records\"]\nuser_pool_clients", "check::audience-with-cognito", "allowed_audience = [\"records\"]"),
    // HR.
    ("hr-data-agent", HR, "\"hr-lambda-target___search_employee\"", "\"hr-lambda___search_employee\"", "cedar::unknown-action", "hr-lambda___search_employee"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "context.input.tenantId == \"a\" && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "cedar::validation", "context.input.tenantId"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "principal.hasTag(\"custom:role\") && principal.getTag(\"custom:role\") == \"manager\" && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "lint::claim-not-issued", "custom:role"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "context.input.employeeID != \"\" && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "cedar::validation", "context.input.employeeID"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "input.employeeId != \"\" && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "manifest::cedar-syntax", "input.employeeId"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "principal.hasTag(\"cognito:groups\") && principal.getTag(\"cognito:groups\").contains(\"hr-manager\") && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "cedar::validation", "principal.getTag(\"cognito:groups\")"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "principal.hasTag(\"cognito:groups\") && principal.getTag(\"cognito:groups\") like \"*hr-manager*\" && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "lint::substring-claim", "hr-manager*"),
    ("hr-data-agent", HR, "principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "principal.role == \"manager\" && principal.hasTag(\"scope\") && (\n        principal.getTag(\"scope\") == \"hr-dlp-gateway/comp\"", "cedar::validation", "principal.role"),
    ("hr-data-agent", M, "interception_points = [\"REQUEST\"]", "interception_points = [\"REQUESTS\"]", "manifest::not-allowed", "REQUESTS"),
    ("hr-data-agent", M, "user_pool_tier = \"PLUS\"", "user_pool_tier = \"LITE\"", "check::advanced-security-tier", "advanced_security_mode"),
    ("hr-data-agent", M, "name_prefix = \"${snake(stack.env)}_\"", "name_prefix = \"${stack.env}-\"", "manifest::pattern", "name_prefix"),
    ("hr-data-agent", M, "file = \"tools/hr.json\"", "file = \"policies/hr.cedar\"", "manifest::file", "policies/hr.cedar://"),
    ("hr-data-agent", M, "environment_variables = { GATEWAY_URL = \"${gateway.hr.url}\"", "environment_variables = { GATEWAY_URL = \"${gateway.hr.uri}\"", "manifest::unknown-output", "gateway.hr.uri"),
    ("hr-data-agent", "tools/hr.json", "\"employeeId\": { \"type\": \"string\", \"description\": \"The employee\" }", "\"employeeId\": { \"type\": \"text\", \"description\": \"The employee\" }", "manifest::not-allowed", "gatewright.toml:tools/hr.json"),
    // Okta and Entra.
    ("okta", M, "allowed_audience = [\"api://tickets\"]", "allowed_clients = [\"0oa1abc\"]", "lint::no-client-id", "allowed_clients = ["),
    ("okta", M, "scope_claim = { name = \"scp\", list = true }", "scope_claim = \"scp\"", "access::expectation", "always = [\"tickets/get_ticket\"]"),
    ("okta", M, "scope_claim = { name = \"scp\", list = true }\n", "", "access::claim-name", "scopes = [\"tickets.read\"]"),
    ("okta", TICKETS, "principal.getTag(\"scp\") like \"*\\\"tickets.write\\\"*\"", "principal.getTag(\"scp\") like \"*tickets.write*\"", "access::expectation", "gatewright.toml:[\"tickets/close_ticket\"]\nonly_with_scope"),
    ("okta", TICKETS, "principal.hasTag(\"scp\") && principal.getTag(\"scp\") like \"*\\\"tickets.write\\\"*\"", "principal.hasTag(\"scope\") && principal.getTag(\"scope\") like \"*\\\"tickets.write\\\"*\"", "lint::claim-not-issued", "hasTag(\"scope\")"),
    ("okta", M, "\"https://dev-12345678.okta.com/oauth2/default\"", "\"http://dev-12345678.okta.com/oauth2/default\"", "check::discovery-url", "discovery_url"),
    ("okta", M, "always = [\"tickets/get_ticket\"]", "always = [\"tickets/get_tickets\"]", "access::unknown-name", "get_tickets"),
    ("okta", M, "personas = [\"reader\"]", "personas = [\"readers\"]", "access::unknown-name", "readers"),
    ("entra", M, "allowed_audience = [\"${var.application_id}\"]", "allowed_audience = [\"api://${var.application_id}\"]", "lint::entra-version", "api://"),
    ("entra", M, "allowed_audience = [\"${var.application_id}\"]", "allowed_audience = [\"${var.aplication_id}\"]", "manifest::unknown-variable", "aplication_id"),
    ("entra", M, "inbound_token_claim_name = \"roles\"", "inbound_token_claim_name = \"appid\"", "lint::entra-version", "\"appid\""),
    ("entra", M, "claim_match_operator = \"CONTAINS\"", "claim_match_operator = \"EQUALS\"", "check::claim-operator", "EQUALS"),
    ("entra", TICKETS, "like \"*\\\"Tickets.Write\\\"*\"", "== \"Tickets.Write\"", "lint::list-claim", "Tickets.Write"),
    ("entra", TICKETS, "principal.hasTag(\"roles\") && principal.getTag(\"roles\") like \"*\\\"Tickets.Write\\\"*\"", "principal in AgentCore::Role::\"Tickets.Write\"", "cedar::validation", "AgentCore::Role"),
];

/// What `check` finds.
fn check(terminal: &Terminal) -> Vec<Value> {
    let answer = terminal.run(&["check", "--format", "json"]);
    let said: Value = serde_json::from_str(&answer.out).unwrap();
    said["diagnostics"].as_array().unwrap().clone()
}

/// The findings of a mistake, and what is wrong with them.
fn findings(mistake: &Mistake) -> Result<(), String> {
    let (example, file, from, to, code, at) = *mistake;
    let terminal = Terminal::in_example(example);
    terminal.edit(file, from, to);
    let found = check(&terminal);
    let other = at.split_once(':').filter(|(other, _)| terminal.folder.path().join(other).is_file());
    let (file, at) = other.unwrap_or((file, at));
    let text = std::fs::read_to_string(terminal.folder.path().join(file)).unwrap();
    let start = text.find(at).ok_or_else(|| format!("{at:?} is not in {file}"))?;
    let start = start + at.len() - at.trim_start().len();
    let line = text[..start].matches('\n').count() + 1;
    let named = |one: &Value| one["code"] == code && one["file"] == file && one["line"] == line;
    match found.as_slice() {
        [one] if named(one) && one["help"].is_string() => Ok(()),
        _ => Err(format!("expected {code} at {file}:{line}, found {found:#?}")),
    }
}

#[test]
fn one_mistake_in_an_example_is_one_finding_at_its_line() {
    let wrong = |mistake: &Mistake| {
        let (example, file, from, to, ..) = mistake;
        findings(mistake).err().map(|why| format!("{example}/{file}: {from:?} -> {to:?}: {why}"))
    };
    let wrong: Vec<String> = MISTAKES.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(MISTAKES.len() >= 70, "{}", MISTAKES.len());
}

/// A finding is allowed where it stands, whatever it is about.
#[test]
fn every_lint_can_be_allowed_where_it_stands() {
    let mut allowed = 0;
    for entry in std::fs::read_dir("tests/wrong").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(lint) = name.strip_prefix("lint-").filter(|_| path.is_file()) else { continue };
        if matches!(lint, "allow" | "unused-allow") {
            continue;
        }
        let code = format!("lint::{lint}");
        let terminal = Terminal::new();
        let manifest = terminal.folder.path().join("gatewright.toml");
        std::fs::copy(&path, &manifest).unwrap();
        let found = |code: &str| -> Vec<usize> {
            let found = check(&terminal);
            let here = found.iter().filter(|found| found["code"] == code);
            here.map(|found| usize::try_from(found["line"].as_u64().unwrap()).unwrap()).collect()
        };
        let mut lines = found(&code);
        assert!(!lines.is_empty(), "{name}");
        lines.sort_unstable();
        lines.dedup();
        // From the end, so that the lines before stay where they are.
        for line in lines.into_iter().rev() {
            let text = std::fs::read_to_string(&manifest).unwrap();
            let before = found(&code).len();
            let works = ["#", "//"].into_iter().any(|sign| {
                let mut all: Vec<&str> = text.lines().collect();
                let comment = format!("{sign} gatewright: allow {code}: it is only an example");
                all.insert(line - 1, &comment);
                std::fs::write(&manifest, all.join("\n") + "\n").unwrap();
                let now = check(&terminal);
                let counts = |code: &str| now.iter().filter(|found| found["code"] == code).count();
                let refused = now.iter().any(|found| found["severity"] == "error");
                !refused && counts(&code) < before && counts("lint::unused-allow") == 0
            });
            assert!(works, "{name}: line {line}");
        }
        assert!(found(&code).is_empty(), "{name}");
        allowed += 1;
    }
    assert!(allowed > 25, "{allowed}");
}

/// A statement stands at its place in every kind of string that TOML has.
#[test]
fn a_statement_in_the_manifest_has_its_line_and_column_in_every_kind_of_string() {
    const AROUND: &str = r#"
[jwt_authorizer.a]
discovery_url = "https://login.example.com/.well-known/openid-configuration"
allowed_audience = ["x"]

[gateway.g]
role_arn = "arn:aws:iam::111122223333:role/g"
jwt_authorizer = "a"
policy_engine = "e"
policy_mode = "ENFORCE"

[gateway_target.bank]
gateway = "g"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]
target_configuration.mcp.lambda.lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:bank"
target_configuration.mcp.lambda.tool_schema.inline_payload = [{ name = "pay", description = "Pays", input_schema = { type = "object", properties = { cents = { type = "integer" } }, required = ["cents"] } }]
"#;
    const HEAD: &str = "[stack]\nname = \"places\"\nregion = \"us-east-1\"\n\n[policy_engine.e]\n\n[policy.p]\npolicy_engine = \"e\"\n";
    let plain = "permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::\"bank___pay\", \
        resource == AgentCore::Gateway::\"${gateway.g.arn}\") when { ";
    let escaped = plain.replace('"', "\\\"");
    let wrong = "context.input.cent < 5";
    for written in [
        format!("definition.cedar.statement = '{plain}{wrong} }};'"),
        format!("definition.cedar.statement = \"{escaped}{wrong} }};\""),
        format!("definition.cedar.statement = '''\n{plain}\n    {wrong}\n}};\n'''"),
        format!("definition.cedar.statement = \"\"\"\n// why\n{plain}\n\n  {wrong}\n}};\"\"\""),
        format!("definition = {{ cedar = {{ statement = '{plain}{wrong} }};' }} }}"),
        format!("definition.policy.statement = \"{escaped}\\n\\t{wrong} }};\""),
    ] {
        let text = format!("{HEAD}{written}\n{AROUND}");
        let terminal = Terminal::new();
        std::fs::write(terminal.folder.path().join("gatewright.toml"), &text).unwrap();
        let found = check(&terminal);
        assert_eq!(found.len(), 1, "{written}: {found:#?}");
        assert_eq!(found[0]["code"], "cedar::validation", "{found:#?}");
        let start = text.find(wrong).unwrap();
        let line = text[..start].matches('\n').count() + 1;
        let column = start - text[..start].rfind('\n').unwrap();
        assert_eq!((&found[0]["line"], &found[0]["column"]), (&line.into(), &column.into()), "{written}");
    }
}
