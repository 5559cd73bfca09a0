//! Whole manifests through [`load`].

mod language;
mod mistakes;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::address::Address;
use crate::diagnostic::Span;
use crate::reference::display;

/// A folder with a manifest and the files beside it.
struct Folder(TempDir);

impl Folder {
    fn new(manifest: &str) -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.with("gatewright.toml", manifest)
    }

    fn with(self, name: &str, text: &str) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn load(&self) -> Loaded {
        self.load_as(|_| {})
    }

    fn load_as(&self, change: impl Fn(&mut Options)) -> Loaded {
        let mut options = Options { path: self.0.path().to_owned(), first_environment: true, ..Options::default() };
        change(&mut options);
        load(&options)
    }
}

/// Each finding as `code line:column message`.
fn findings(loaded: &Loaded) -> Vec<String> {
    let place = |span: &Span| {
        let (line, column) = loaded.sources.position(span);
        format!("{}:{line}:{column}", loaded.sources.path(span.file).file_name().unwrap().to_string_lossy())
    };
    let line = |diagnostic: &Diagnostic| {
        let at = diagnostic.primary.as_ref().map(|label| place(&label.span)).unwrap_or_default();
        format!("{} {at} {}", diagnostic.code, diagnostic.message)
    };
    loaded.diagnostics.iter().map(line).collect()
}

fn wrong(manifest: &str) -> Vec<String> {
    findings(&Folder::new(&format!("[stack]\nname = \"s\"\n{manifest}")).load())
}

fn stack(folder: &Folder) -> Stack {
    let loaded = folder.load();
    let found = findings(&loaded);
    loaded.stack.unwrap_or_else(|| panic!("{found:#?}"))
}

fn document(stack: &Stack, address: &str) -> Value {
    fn shown(value: &Value) -> Value {
        match value {
            Value::String(text) => display(text).into(),
            Value::Array(items) => items.iter().map(shown).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, member)| (key.clone(), shown(member)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }
    shown(&stack.resource(&Address::parse(address).unwrap()).unwrap().document)
}

const HR: &str = r#"
[stack]
name = "hr-data-agent"
region = "us-east-1"
tags = { team = "people-systems" }

[environment.dev-1]
account = "111111111111"
[environment.prod]
region = "eu-west-1"
variables = { log_level = "warn" }

[variables.log_level]
default = "info"
allowed = ["debug", "info", "warn"]

[user_pool.hr]
name = "hr-dlp-user-pool-${stack.env}"

[user_pool_domain.hr]
user_pool = "hr"
domain = "hr-dlp-agent-${stack.env}-${aws.account}"

[resource_server.hr]
user_pool = "hr"
identifier = "hr-dlp-gateway"
name = "HR DLP Gateway"
[resource_server.hr.scopes]
read = "Basic employee search"
pii  = "Email, phone, emergency contact"

[user_pool_client.employee]
user_pool = "hr"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["hr-dlp-gateway/read"]

[jwt_authorizer.personas]
user_pool = "hr"
user_pool_clients = ["employee"]

[policy_engine.guard]
name = "hr_dlp_policies_${snake(stack.env)}"

[gateway.hr]
name = "hr-data-agent-gateway-${stack.env}"
role_arn = "arn:aws:iam::${aws.account}:role/hr-gateway"
protocol_type = "MCP"
jwt_authorizer = "personas"
policy_engine = "guard"
policy_mode = "ENFORCE"

[gateway_target.hr-lambda-target]
gateway = "hr"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]
[gateway_target.hr-lambda-target.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:${aws.region}:${aws.account}:function:hr-data"
tool_schema.inline_payload = { file = "tools/hr.json" }

[policy_set.hr]
policy_engine = "guard"
file = "policies/hr.cedar"
name_prefix = "${snake(stack.env)}_"

[runtime.hr]
name = "hr_data_agent_${snake(stack.env)}"
role_arn = "arn:aws:iam::${aws.account}:role/hr-runtime"
jwt_authorizer = "personas"
agent_runtime_artifact.code_configuration = { runtime = "PYTHON_3_11", entry_point = ["main.py"], code.s3 = { bucket = "artifacts-${aws.account}", prefix = "hr/runtime.zip", version_id = "3Lg" } }
network_configuration.network_mode = "PUBLIC"
environment_variables = { GATEWAY_URL = "${gateway.hr.url}", LOG = "${var.log_level}" }
"#;

const CEDAR: &str = r#"// who may ${what}
@id("read")
@description("search")
permit (
  principal, // any ${one}
  action == AgentCore::Action::"hr-lambda-target___search",
  resource == AgentCore::Gateway::"${gateway.hr.arn}"
) when {
  principal.hasTag("scope") && principal.getTag("scope") like "* ${resource_server.hr.identifier}/read *"
};
@id("pii") @enforcement("LOG_ONLY")
forbid (principal, action, resource == AgentCore::Gateway::"${gateway.hr.arn}");
"#;

const TOOLS: &str = r#"[{"name": "search", "description": "d", "inputSchema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}]"#;

fn hr() -> Folder {
    Folder::new(HR).with("policies/hr.cedar", CEDAR).with("tools/hr.json", TOOLS)
}

#[test]
fn the_hr_data_agent_becomes_documents_of_the_api() {
    let stack = stack(&hr());
    assert_eq!(stack.owner(), "hr-data-agent/dev-1");
    assert_eq!((stack.region.as_deref(), stack.account.as_deref()), (Some("us-east-1"), Some("111111111111")));
    let gateway = document(&stack, "gateway.hr");
    assert_eq!(
        gateway,
        json!({
            "name": "hr-data-agent-gateway-dev-1",
            "roleArn": "arn:aws:iam::111111111111:role/hr-gateway",
            "protocolType": "MCP",
            "policyEngineConfiguration": {"arn": "${policy_engine.guard.arn}", "mode": "ENFORCE"},
            "authorizerConfiguration": {"customJWTAuthorizer": {
                "discoveryUrl": "${user_pool.hr.discovery_url}",
                "allowedClients": ["${user_pool_client.employee.id}"],
            }},
            "authorizerType": "CUSTOM_JWT",
        })
    );
    assert_eq!(document(&stack, "user_pool_domain.hr"), json!({"Domain": "hr-dlp-agent-dev-1-111111111111"}));
    assert_eq!(
        document(&stack, "resource_server.hr")["Scopes"],
        json!([{"ScopeName": "read", "ScopeDescription": "Basic employee search"},
               {"ScopeName": "pii", "ScopeDescription": "Email, phone, emergency contact"}])
    );
    assert_eq!(document(&stack, "user_pool_client.employee")["ClientName"], "employee");
    assert_eq!(
        document(&stack, "gateway_target.hr-lambda-target")["targetConfiguration"]["mcp"]["lambda"]["toolSchema"]["inlinePayload"]
            [0]["name"],
        "search"
    );
    let runtime = document(&stack, "runtime.hr");
    assert_eq!(runtime["environmentVariables"], json!({"GATEWAY_URL": "${gateway.hr.url}", "LOG": "info"}));
    assert_eq!(runtime["agentRuntimeName"], "hr_data_agent_dev_1");
    let policy = document(&stack, "policy.hr/read");
    assert_eq!((policy["name"].as_str(), policy["description"].as_str()), (Some("dev_1_read"), Some("search")));
    let statement = policy["definition"]["cedar"]["statement"].as_str().unwrap();
    assert!(statement.starts_with("permit (\n  principal, // any ${one}") && statement.ends_with("};"), "{statement}");
    assert_eq!(document(&stack, "policy.hr/pii")["enforcementMode"], "LOG_ONLY");
    assert_eq!(stack.authorizers[0].used_by.len(), 2);
    let read = stack.resource(&Address::new("policy", "hr/read")).unwrap();
    assert_eq!(read.parent, Some(Address::new("policy_engine", "guard")));
    assert!(read.needs().contains(&Address::new("gateway", "hr")));
}

#[test]
fn an_environment_overrides_the_stack_and_is_asked_for() {
    let folder = hr();
    let asked = folder.load_as(|options| options.first_environment = false);
    assert!(asked.stack.is_none());
    assert_eq!(asked.diagnostics[0].code, "manifest::environment-needed");
    assert_eq!(asked.environments, ["dev-1", "prod"]);

    let prod = folder.load_as(|options| options.environment = Some("prod:pr-7".into())).stack.unwrap();
    assert_eq!((prod.owner().as_str(), prod.region.as_deref()), ("hr-data-agent/pr-7", Some("eu-west-1")));
    assert_eq!(prod.account, None);
    assert_eq!(document(&prod, "runtime.hr")["environmentVariables"]["LOG"], "warn");
    assert_eq!(document(&prod, "user_pool_domain.hr")["Domain"], "hr-dlp-agent-pr-7-${aws.account}");

    for (environment, code) in [("prd", "manifest::environment-unknown"), ("prod:PR_7", "manifest::environment-name")] {
        let loaded = folder.load_as(|options| options.environment = Some(environment.into()));
        assert_eq!(loaded.diagnostics[0].code, code);
    }
}

#[test]
fn variables_come_from_five_places_in_order() {
    let manifest = "[stack]\nname = \"s\"\n[environment.e]\nvariables = { a = \"env\", b = \"env\", c = \"env\", d = \"env\" }\n\
        [variables]\na.default = \"default\"\nb.default = \"default\"\nc.default = \"default\"\nd.default = \"default\"\n\
        e.default = \"default\"\nflags.default = [\"x\"]\nport.type = \"integer\"\n\
        [user_pool.p]\nname = \"${var.a} ${var.b} ${var.c} ${var.d} ${var.e}\"\n\
        admin_create_user_config.unused_account_validity_days = \"${var.port}\"\nalias_attributes = \"${var.flags}\"\n";
    let folder = Folder::new(manifest)
        .with("terraform.json", r#"{"b": {"value": "file", "type": "string", "sensitive": false}, "other": {"value": 1, "type": "number", "sensitive": false}}"#);
    let loaded = folder.load_as(|options| {
        options.variables =
            vec![("a".into(), "flag".into()), ("port".into(), "7".into()), ("flags".into(), "[\"email\"]".into())];
        options.variable_files = vec![folder.0.path().join("terraform.json")];
        options.process_environment =
            ["A", "B", "C"].map(|name| (format!("GATEWRIGHT_VAR_{name}"), "process".to_owned())).into();
    });
    let found = findings(&loaded);
    let pool = document(&loaded.stack.unwrap_or_else(|| panic!("{found:#?}")), "user_pool.p");
    assert_eq!(pool["PoolName"], "flag file process env default");
    assert_eq!(pool["AdminCreateUserConfig"]["UnusedAccountValidityDays"], 7);
    assert_eq!(pool["AliasAttributes"], json!(["email"]));
}

#[test]
fn a_manifest_may_lie_in_several_files_below_the_root() {
    let folder = Folder::new("include = [\"more/pools.toml\"]\n[stack]\nname = \"s\"\n[user_pool.a]\n")
        .with("more/pools.toml", "[user_pool.b]\nname = { file = \"name.txt\" }\n")
        .with("more/name.txt", "${stack.name}-${snake(stack.name)}");
    assert_eq!(document(&stack(&folder), "user_pool.b")["PoolName"], "s-s");

    let twice = folder.with("more/pools.toml", "[user_pool.a]\n[stack]\nname = \"t\"\n").load();
    assert_eq!(
        findings(&twice),
        [
            "manifest::duplicate-address pools.toml:1:12 `user_pool.a` is given twice",
            "manifest::include pools.toml:2:2 `[stack]` stands in an included file",
        ]
    );
    assert_eq!(twice.diagnostics[0].secondary.len(), 1);
}

#[test]
fn a_variable_cannot_change_what_a_policy_means() {
    let folder = |cedar: &str| {
        Folder::new(
            "[stack]\nname = \"s\"\n[variables.evil]\ndefault = 'a\"*) ; permit(principal, action, resource);//'\n\
             [variables.names]\ndefault = [\"a\\\"b\", \"c\"]\n[variables.limit]\ndefault = 5\n\
             [policy_engine.e]\n[policy_set.p]\npolicy_engine = \"e\"\nfile = \"p.cedar\"\n",
        )
        .with("p.cedar", cedar)
    };
    let good = folder(
        "@id(\"one\") permit(principal, action, resource == G::\"${policy_engine.e.arn}\") when { context.a == \"${var.evil}\" && context.b like \"${var.evil}*\" && context.c < ${var.limit} && ${var.names}.contains(context.d) };",
    );
    let policy = document(&stack(&good), "policy.p/one");
    let statement = policy["definition"]["cedar"]["statement"].as_str().unwrap();
    let evil = "a\\\"*) ; permit(principal, action, resource);//";
    let expected = format!(
        "permit(principal, action, resource == G::\"${{policy_engine.e.arn}}\") when {{ context.a == \"{evil}\" && context.b like \"{}*\" && context.c < 5 && [\"a\\\"b\", \"c\"].contains(context.d) }};",
        evil.replace('*', "\\*")
    );
    assert_eq!(statement, expected);

    let found = findings(&folder("@id(\"a\") permit(principal, action, resource) when { ${var.evil} };").load());
    assert!(found[0].starts_with("manifest::cedar-reference p.cedar:1:53 "), "{found:?}");
    let found = findings(
        &folder("@id(\"a\")\npermit(principal, action, resource == );\nforbid(principal, action, resource);\n@id(\"b\") @ids(\"x\") permit(principal, action, resource);\n@id(\"b\") permit(principal, action, resource);").load(),
    );
    let starts = [
        "manifest::cedar-syntax p.cedar:2:39 ",
        "manifest::policy-id p.cedar:3:1 ",
        "manifest::unknown-annotation p.cedar:4:10 ",
        "manifest::duplicate-address p.cedar:5:1 ",
    ];
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    assert_eq!(found.len(), starts.len(), "{found:?}");
    assert_eq!(findings(&folder("// nothing").load())[0].split(' ').next(), Some("manifest::empty-policy-set"));
}

#[test]
fn an_expanded_stack_is_a_manifest_of_the_same_resources() {
    let first = stack(&hr().with("policies/hr.cedar", &format!("{CEDAR}@id(\"esc\") permit(principal, action, resource == G::\"$${{a}}\\n\") when {{ context.input has \"${{aws.partition}}\" }};")));
    let text = expand(&first);
    let again = Folder::new(&text).load();
    let found = findings(&again);
    let again = again.stack.unwrap_or_else(|| panic!("{found:#?}\n{text}"));
    assert_eq!(again.resources.len(), first.resources.len());
    for resource in &first.resources {
        let twin = again.resource(&resource.address).unwrap();
        assert_eq!(twin.document, resource.document, "{}", resource.address);
        assert_eq!(twin.parent, resource.parent);
    }
}

#[test]
fn a_thousand_resources_load_in_a_moment() {
    use std::fmt::Write as _;
    let mut text = String::from(
        "[stack]\nname = \"s\"\n[user_pool.p]\n[policy_engine.e]\n[jwt_authorizer.j]\nuser_pool = \"p\"\nallowed_scopes = [\"a/b\"]\n",
    );
    for index in 0..250 {
        let _ = write!(
            text,
            "[user_pool_client.c{index}]\nuser_pool = \"p\"\n[gateway.g{index}]\nrole_arn = \"arn:aws:iam::${{aws.account}}:role/r\"\n\
             protocol_type = \"MCP\"\njwt_authorizer = \"j\"\npolicy_engine = \"e\"\npolicy_mode = \"ENFORCE\"\n\
             [gateway_target.t{index}]\ngateway = \"g{index}\"\ncredential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
             [gateway_target.t{index}.target_configuration.mcp.lambda]\nlambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:f\"\n\
             tool_schema.inline_payload = [{{ name = \"a\", description = \"d\", input_schema = {{ type = \"object\", properties = {{ q = {{ type = \"string\" }} }} }} }}]\n\
             [policy.p{index}]\npolicy_engine = \"e\"\ndefinition.cedar.statement = 'permit(principal, action == AgentCore::Action::\"t{index}___a\", resource == AgentCore::Gateway::\"${{gateway.g{index}.arn}}\");'\n"
        );
    }
    let folder = Folder::new(&text);
    folder.load();
    let start = std::time::Instant::now();
    let loaded = folder.load();
    let elapsed = start.elapsed();
    let found = findings(&loaded);
    assert_eq!(loaded.stack.unwrap_or_else(|| panic!("{found:#?}")).resources.len(), 1002);
    // Unoptimized and on a busy machine; anything quadratic takes many seconds.
    assert!(elapsed.as_secs() < 5, "{elapsed:?}");
}

#[test]
fn an_annotation_holds_text_and_not_cedar() {
    let folder = Folder::new(
        "[stack]\nname = \"s\"\n[policy_engine.e]\n[policy_set.p]\npolicy_engine = \"e\"\nfile = \"p.cedar\"\n",
    )
    .with(
        "p.cedar",
        "@id(\"a\") @description(\"of ${policy_engine.e.name}, \\\"so\\\"\") permit(principal, action, resource);",
    );
    let stack = stack(&folder);
    let policy = stack.resource(&Address::new("policy", "p/a")).unwrap();
    let name = |_: &crate::reference::Target| Some("x\"y".to_owned());
    assert_eq!(crate::reference::resolve(&policy.document, &name)["description"], "of x\"y, \"so\"");
    let span = policy.span_of("definition.cedar.statement");
    assert!(stack.resources[1].spans.contains_key("definition"));
    assert_eq!(&"permit(principal, action, resource);".len(), &span.range.len());
}
