//! The stacks that are measured.

use std::fmt::Write;
use std::path::Path;

use gatewright::check;
use gatewright::diagnostic::Severity;
use gatewright::manifest::{self, Options};
use gatewright::stack::Stack;

use crate::Result;

/// Five resources a gateway: a pool's client, the gateway, a target, an engine and a policy.
pub(crate) fn write(folder: &Path, gateways: usize) -> Result<()> {
    let mut text = String::from(
        "[stack]\nname = \"bench\"\nregion = \"us-east-1\"\n\n[user_pool.all]\nname = \"all\"\n\n\
         [user_pool_domain.all]\nuser_pool = \"all\"\ndomain = \"bench-all\"\n\n\
         [resource_server.all]\nuser_pool = \"all\"\nname = \"all\"\nidentifier = \"all\"\nscopes = { read = \"Reads\" }\n",
    );
    for number in 0..gateways {
        write!(
            text,
            r#"
[user_pool_client.c{number}]
user_pool = "all"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["all/read"]

[jwt_authorizer.j{number}]
user_pool = "all"
user_pool_clients = ["c{number}"]

[policy_engine.e{number}]

[gateway.g{number}]
role_arn = "arn:aws:iam::111122223333:role/bench"
protocol_type = "MCP"
jwt_authorizer = "j{number}"
policy_engine = "e{number}"
policy_mode = "ENFORCE"

[gateway_target.t{number}]
gateway = "g{number}"
credential_provider_configurations = [{{ credential_provider_type = "GATEWAY_IAM_ROLE" }}]
target_configuration.mcp.lambda.lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:bench"
target_configuration.mcp.lambda.tool_schema.inline_payload = [
    {{ name = "read", description = "Reads", input_schema = {{ type = "object", properties = {{ id = {{ type = "string" }} }} }} }},
]

[policy.p{number}]
policy_engine = "e{number}"
definition.cedar.statement = '''
permit(
    principal is AgentCore::OAuthUser,
    action == AgentCore::Action::"t{number}___read",
    resource == AgentCore::Gateway::"${{gateway.g{number}.arn}}"
) when {{ principal.hasTag("scope") && principal.getTag("scope") == "all/read" }};
'''
"#
        )?;
    }
    Ok(std::fs::write(folder.join("gatewright.toml"), text)?)
}

/// A checked stack.
pub(crate) fn load(folder: &Path, environment: Option<&str>) -> Result<Stack> {
    let environment = environment.map(ToOwned::to_owned);
    let loaded = manifest::load(&Options { path: folder.to_owned(), environment, ..Options::default() });
    let mut found = loaded.diagnostics;
    if let Some(stack) = loaded.stack {
        found.extend(check::check(&stack, &loaded.sources));
        if !found.iter().any(|found| found.severity == Severity::Error) {
            return Ok(stack);
        }
    }
    Err(found.first().map(|found| format!("{}: {}", found.code, found.message)).unwrap_or_default().into())
}
