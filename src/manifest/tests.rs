//! Whole manifests through [`load`].

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
