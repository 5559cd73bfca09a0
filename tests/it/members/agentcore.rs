//! The members of AgentCore's kinds.

use gatewright::kind;

use super::{Case, Subject, case, try_all};

pub(super) const SUBJECTS: &[&Subject] = &[&ENGINE, &GATEWAY, &TARGET, &POLICY, &RUNTIME];

pub(super) static ENGINE: Subject = Subject {
    kind: &kind::POLICY_ENGINE,
    name: "e",
    beside: "",
    base: &[],
    cases: &[
        case("description", "description = \"one\"", "description = \"two\"", "description").removed("description"),
        case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    ],
    left_out: &[
        ("name", "changing it makes a new engine, which is refused: a story of its own"),
        ("encryptionKeyArn", "changing it makes a new engine, which is refused: a story of its own"),
    ],
};

pub(super) static GATEWAY: Subject = Subject {
    kind: &kind::GATEWAY,
    name: "g",
    beside: "",
    base: &["role_arn = \"arn:aws:iam::111122223333:role/g\"", "authorizer_type = \"AWS_IAM\""],
    cases: GATEWAY_CASES,
    left_out: &[("name", "changing it makes a new gateway: a story of its own")],
};

const MCP: &str = "protocol_type = \"MCP\"";

const GATEWAY_CASES: &[Case] = &[
    case("description", "description = \"one\"", "description = \"two\"", "description").removed("description"),
    case(
        "roleArn",
        "role_arn = \"arn:aws:iam::111122223333:role/a\"",
        "role_arn = \"arn:aws:iam::111122223333:role/b\"",
        "roleArn",
    ),
    // A protocol configuration is filled in, and means nothing without the type.
    case("protocolType", "", MCP, "protocolType").not_by_hand().removed("protocolType"),
    case(
        "protocolConfiguration",
        "protocol_configuration.mcp.instructions = \"one\"",
        "protocol_configuration.mcp.instructions = \"two\"",
        "protocolConfiguration.mcp.instructions",
    )
    .given(MCP)
    .removed("protocolConfiguration"),
    case(
        "protocolConfiguration",
        "protocol_configuration.mcp = { instructions = \"one\", search_type = \"SEMANTIC\" }",
        "protocol_configuration.mcp = { instructions = \"two\", search_type = \"SEMANTIC\" }",
        "protocolConfiguration.mcp.instructions",
    )
    .given(MCP)
    .removed("protocolConfiguration"),
    case(
        "protocolConfiguration",
        "protocol_configuration.mcp.session_configuration.session_timeout_in_seconds = 900",
        "protocol_configuration.mcp.session_configuration.session_timeout_in_seconds = 1800",
        "protocolConfiguration.mcp.sessionConfiguration.sessionTimeoutInSeconds",
    )
    .given(MCP)
    .default("protocolConfiguration", "null"),
    case(
        "protocolConfiguration",
        "protocol_configuration.mcp.streaming_configuration.enable_response_streaming = false",
        "protocol_configuration.mcp.streaming_configuration.enable_response_streaming = true",
        "protocolConfiguration.mcp.streamingConfiguration.enableResponseStreaming",
    )
    .given(MCP)
    .default("protocolConfiguration", "null"),
    case(
        "protocolConfiguration",
        "protocol_configuration.mcp.disable_mcp_list_tools_pagination = false",
        "protocol_configuration.mcp.disable_mcp_list_tools_pagination = true",
        "protocolConfiguration.mcp.disableMcpListToolsPagination",
    )
    .given(MCP)
    .default("protocolConfiguration", "null"),
    // Versions can be taken away, never given back.
    case(
        "protocolConfiguration",
        "protocol_configuration.mcp.supported_versions = [\"2025-03-26\", \"2025-06-18\"]",
        "protocol_configuration.mcp.supported_versions = [\"2025-06-18\"]",
        "protocolConfiguration.mcp.supportedVersions",
    )
    .given(MCP)
    .not_by_hand()
    .stays(),
    case("authorizerType", "authorizer_type = \"AWS_IAM\"", "authorizer_type = \"NONE\"", "authorizerType"),
    case(
        "authorizerType",
        "authorizer_type = \"AWS_IAM\"",
        "authorizer_type = \"AUTHENTICATE_ONLY\"",
        "authorizerType",
    ),
    case(
        "authorizerConfiguration",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_audience = [\"a\"] }",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_audience = [\"b\"] }",
        "authorizerConfiguration.customJWTAuthorizer.allowedAudience",
    )
    .given("authorizer_type = \"CUSTOM_JWT\""),
    case(
        "authorizerConfiguration",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_clients = [\"a\"], allowed_scopes = [\"s\"] }",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_clients = [\"a\", \"b\"] }",
        "authorizerConfiguration.customJWTAuthorizer.allowedClients, authorizerConfiguration.customJWTAuthorizer.allowedScopes",
    )
    .given("authorizer_type = \"CUSTOM_JWT\""),
    case(
        "authorizerConfiguration",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", custom_claims = [{ inbound_token_claim_name = \"group\", inbound_token_claim_value_type = \"STRING\", authorizing_claim_match_value = { claim_match_operator = \"EQUALS\", claim_match_value.match_value_string = \"a\" } }] }",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", custom_claims = [{ inbound_token_claim_name = \"group\", inbound_token_claim_value_type = \"STRING\", authorizing_claim_match_value = { claim_match_operator = \"EQUALS\", claim_match_value.match_value_string = \"b\" } }] }",
        "authorizerConfiguration.customJWTAuthorizer.customClaims[group].authorizingClaimMatchValue.claimMatchValue.matchValueString",
    )
    .given("authorizer_type = \"CUSTOM_JWT\""),
    case(
        "kmsKeyArn",
        "kms_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111\"",
        "kms_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/22222222-2222-2222-2222-222222222222\"",
        "kmsKeyArn",
    )
    .removed("kmsKeyArn"),
    case(
        "interceptorConfigurations",
        "interceptor_configurations = [{ interceptor.lambda.arn = \"arn:aws:lambda:us-east-1:111122223333:function:i\", interception_points = [\"REQUEST\"], input_configuration.pass_request_headers = false }]",
        "interceptor_configurations = [{ interceptor.lambda.arn = \"arn:aws:lambda:us-east-1:111122223333:function:i\", interception_points = [\"REQUEST\"], input_configuration.pass_request_headers = true }]",
        "interceptorConfigurations[arn:aws:lambda:us-east-1:111122223333:function:i].inputConfiguration.passRequestHeaders",
    )
    .removed("interceptorConfigurations[arn:aws:lambda:us-east-1:111122223333:function:i]"),
    case(
        "policyEngineConfiguration",
        "policy_engine = \"e\"\npolicy_mode = \"LOG_ONLY\"",
        "policy_engine = \"e\"\npolicy_mode = \"ENFORCE\"",
        "policyEngineConfiguration.mode",
    )
    .beside("[policy_engine.e]")
    .removed("policyEngineConfiguration"),
    case("exceptionLevel", "", "exception_level = \"DEBUG\"", "exceptionLevel").removed("exceptionLevel"),
    case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    case(
        "domainOverride",
        "domain_override.default_domain = \"a.example.com\"",
        "domain_override.default_domain = \"b.example.com\"",
        "domainOverride.default",
    )
    .removed("domainOverride"),
    case(
        "customTransformConfiguration",
        "custom_transform_configuration.lambda.arn = \"arn:aws:lambda:us-east-1:111122223333:function:a\"",
        "custom_transform_configuration.lambda.arn = \"arn:aws:lambda:us-east-1:111122223333:function:b\"",
        "customTransformConfiguration.lambda.arn",
    )
    .removed("customTransformConfiguration"),
    case(
        "wafConfiguration",
        "waf_configuration.failure_mode = \"FAIL_OPEN\"",
        "waf_configuration.failure_mode = \"FAIL_CLOSE\"",
        "wafConfiguration.failureMode",
    )
    .removed("wafConfiguration"),
];

pub(super) static TARGET: Subject = Subject {
    kind: &kind::GATEWAY_TARGET,
    name: "t",
    beside: "[gateway.g]\nrole_arn = \"arn:aws:iam::111122223333:role/g\"\nauthorizer_type = \"AWS_IAM\"\nprotocol_type = \"MCP\"",
    base: &["gateway = \"g\"", "target_configuration.mcp.mcp_server.endpoint = \"https://a.example.com\""],
    cases: TARGET_CASES,
    left_out: &[("name", "it is the object's identity")],
};

const TARGET_CASES: &[Case] = &[
    case("description", "description = \"one\"", "description = \"two\"", "description").removed("description"),
    case(
        "targetConfiguration",
        "target_configuration.mcp.mcp_server.endpoint = \"https://a.example.com\"",
        "target_configuration.mcp.mcp_server.endpoint = \"https://b.example.com\"",
        "targetConfiguration.mcp.mcpServer.endpoint",
    ),
    case(
        "targetConfiguration",
        "target_configuration.mcp.mcp_server = { endpoint = \"https://a.example.com\", resource_priority = 1 }",
        "target_configuration.mcp.mcp_server = { endpoint = \"https://a.example.com\", resource_priority = 2 }",
        "targetConfiguration.mcp.mcpServer.resourcePriority",
    )
    .default("targetConfiguration.mcp.mcpServer.resourcePriority", "1000"),
    case(
        "targetConfiguration",
        "target_configuration.mcp.mcp_server = { endpoint = \"https://a.example.com\", listing_mode = \"DEFAULT\" }",
        "target_configuration.mcp.mcp_server = { endpoint = \"https://a.example.com\", listing_mode = \"DYNAMIC\" }",
        "targetConfiguration.mcp.mcpServer.listingMode",
    )
    .default("targetConfiguration.mcp.mcpServer.listingMode", "\"DEFAULT\""),
    case(
        "targetConfiguration",
        "target_configuration.mcp.mcp_server.endpoint = \"https://a.example.com\"",
        "target_configuration.mcp.open_api_schema.inline_payload = \"{}\"",
        "targetConfiguration.mcp",
    ),
    case(
        "credentialProviderConfigurations",
        "credential_provider_configurations = [{ credential_provider_type = \"API_KEY\", credential_provider.api_key_credential_provider = { provider_arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/k\", credential_prefix = \"one\" } }]",
        "credential_provider_configurations = [{ credential_provider_type = \"API_KEY\", credential_provider.api_key_credential_provider = { provider_arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/k\", credential_prefix = \"two\" } }]",
        "credentialProviderConfigurations[API_KEY].credentialProvider.apiKeyCredentialProvider.credentialPrefix",
    )
    .removed("credentialProviderConfigurations[API_KEY]"),
    case(
        "credentialProviderConfigurations",
        "credential_provider_configurations = [{ credential_provider_type = \"OAUTH\", credential_provider.oauth_credential_provider = { provider_arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/oauth2credentialprovider/o\", scopes = [\"a\"] } }]",
        "credential_provider_configurations = [{ credential_provider_type = \"OAUTH\", credential_provider.oauth_credential_provider = { provider_arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/oauth2credentialprovider/o\", scopes = [\"a\", \"b\"] } }]",
        "credentialProviderConfigurations[OAUTH].credentialProvider.oauthCredentialProvider.scopes",
    )
    .removed("credentialProviderConfigurations[OAUTH]"),
    case(
        "metadataConfiguration",
        "metadata_configuration.allowed_request_headers = [\"a\"]",
        "metadata_configuration.allowed_request_headers = [\"b\"]",
        "metadataConfiguration.allowedRequestHeaders",
    )
    .removed("metadataConfiguration"),
    case(
        "privateEndpoint",
        "private_endpoint.self_managed_lattice_resource.resource_configuration_identifier = \"rcfg-0123456789abcdef0\"",
        "private_endpoint.self_managed_lattice_resource.resource_configuration_identifier = \"rcfg-0123456789abcdef1\"",
        "privateEndpoint.selfManagedLatticeResource.resourceConfigurationIdentifier",
    )
    .removed("privateEndpoint"),
    case(
        "privateEndpoint",
        "private_endpoint.managed_vpc_resource = { vpc_identifier = \"vpc-01234567\", subnet_ids = [\"subnet-01234567\"], endpoint_ip_address_type = \"IPV4\", tags = { a = \"1\" } }",
        "private_endpoint.managed_vpc_resource = { vpc_identifier = \"vpc-01234567\", subnet_ids = [\"subnet-89abcdef\"], endpoint_ip_address_type = \"IPV4\", tags = { a = \"1\" } }",
        "privateEndpoint.managedVpcResource.subnetIds",
    )
    .removed("privateEndpoint"),
    case(
        "certificateConfigurations",
        "certificate_configurations = [{ s3.uri = \"s3://certificates/a\" }]",
        "certificate_configurations = [{ s3.uri = \"s3://certificates/b\" }]",
        "certificateConfigurations",
    )
    .removed("certificateConfigurations"),
];

pub(super) static POLICY: Subject = Subject {
    kind: &kind::POLICY,
    name: "p",
    beside: r#"[policy_engine.e]
[gateway.g]
role_arn = "arn:aws:iam::111122223333:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
policy_engine = "e"
policy_mode = "ENFORCE"
[gateway_target.t]
gateway = "g"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]
[gateway_target.t.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:t"
tool_schema.inline_payload = [{ name = "read", description = "Reads", input_schema = { type = "object", properties = { id = { type = "integer" } }, required = ["id"] } }]"#,
    base: &[
        "policy_engine = \"e\"",
        "definition.cedar.statement = '''permit(principal, action == AgentCore::Action::\"t___read\", resource == AgentCore::Gateway::\"${gateway.g.arn}\") when { context.input.id == 1 };'''",
    ],
    cases: &[
        case(
            "definition",
            "definition.cedar.statement = '''permit(principal, action == AgentCore::Action::\"t___read\", resource == AgentCore::Gateway::\"${gateway.g.arn}\") when { context.input.id == 2 };'''",
            "definition.cedar.statement = '''permit(principal, action == AgentCore::Action::\"t___read\", resource == AgentCore::Gateway::\"${gateway.g.arn}\") when { context.input.id == 3 };'''",
            "definition.cedar.statement",
        ),
        case("description", "description = \"one\"", "description = \"two\"", "description").removed("description"),
        case("enforcementMode", "enforcement_mode = \"ACTIVE\"", "enforcement_mode = \"LOG_ONLY\"", "enforcementMode")
            .default("enforcementMode", "\"ACTIVE\""),
    ],
    left_out: &[
        ("name", "it is the object's identity"),
        ("validationMode", "it is the call's, never returned: a story of its own"),
    ],
};

pub(super) static RUNTIME: Subject = Subject {
    kind: &kind::RUNTIME,
    name: "r",
    beside: "",
    base: &[
        "role_arn = \"arn:aws:iam::111122223333:role/r\"",
        "agent_runtime_artifact.container_configuration.container_uri = \"111122223333.dkr.ecr.us-east-1.amazonaws.com/agent@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
    ],
    cases: RUNTIME_CASES,
    left_out: &[
        ("agentRuntimeName", "changing it makes a new runtime: a story of its own"),
        ("metadataConfiguration", "the service takes true only, which every runtime has: a story of its own"),
    ],
};

const RUNTIME_CASES: &[Case] = &[
    case(
        "agentRuntimeArtifact",
        "agent_runtime_artifact.container_configuration.container_uri = \"111122223333.dkr.ecr.us-east-1.amazonaws.com/agent@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "agent_runtime_artifact.container_configuration.container_uri = \"111122223333.dkr.ecr.us-east-1.amazonaws.com/other@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "agentRuntimeArtifact.containerConfiguration.containerUri",
    ),
    case(
        "agentRuntimeArtifact",
        "agent_runtime_artifact.code_configuration = { runtime = \"PYTHON_3_11\", entry_point = [\"run\", \"main.py\"], code.s3 = { bucket = \"artifacts\", prefix = \"a.zip\", version_id = \"one\" } }",
        "agent_runtime_artifact.code_configuration = { runtime = \"PYTHON_3_11\", entry_point = [\"main.py\", \"run\"], code.s3 = { bucket = \"artifacts\", prefix = \"a.zip\", version_id = \"one\" } }",
        "agentRuntimeArtifact.codeConfiguration.entryPoint",
    ),
    case(
        "agentRuntimeArtifact",
        "agent_runtime_artifact.container_configuration.container_uri = \"111122223333.dkr.ecr.us-east-1.amazonaws.com/agent@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "agent_runtime_artifact.code_configuration = { runtime = \"PYTHON_3_11\", entry_point = [\"main.py\"], code.s3 = { bucket = \"artifacts\", prefix = \"a.zip\", version_id = \"one\" } }",
        "agentRuntimeArtifact",
    ),
    case(
        "roleArn",
        "role_arn = \"arn:aws:iam::111122223333:role/a\"",
        "role_arn = \"arn:aws:iam::111122223333:role/b\"",
        "roleArn",
    ),
    case(
        "networkConfiguration",
        "network_configuration.network_mode = \"PUBLIC\"",
        "network_configuration = { network_mode = \"VPC\", network_mode_config = { security_groups = [\"sg-01234567\"], subnets = [\"subnet-01234567\"] } }",
        "networkConfiguration.networkMode, networkConfiguration.networkModeConfig",
    )
    .default("networkConfiguration", "null"),
    case("description", "description = \"one\"", "description = \"two\"", "description").removed("description"),
    case(
        "authorizerConfiguration",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_audience = [\"a\"] }",
        "authorizer_configuration.custom_jwt_authorizer = { discovery_url = \"https://a.example.com/.well-known/openid-configuration\", allowed_audience = [\"b\"] }",
        "authorizerConfiguration.customJWTAuthorizer.allowedAudience",
    )
    .removed("authorizerConfiguration"),
    case(
        "requestHeaderConfiguration",
        "request_header_configuration.request_header_allowlist = [\"Authorization\"]",
        "request_header_configuration.request_header_allowlist = [\"Authorization\", \"X-Request\"]",
        "requestHeaderConfiguration.requestHeaderAllowlist",
    )
    .removed("requestHeaderConfiguration"),
    case(
        "protocolConfiguration",
        "protocol_configuration.server_protocol = \"MCP\"",
        "protocol_configuration.server_protocol = \"A2A\"",
        "protocolConfiguration.serverProtocol",
    )
    .default("protocolConfiguration", "null"),
    case(
        "lifecycleConfiguration",
        "lifecycle_configuration.idle_runtime_session_timeout = 300",
        "lifecycle_configuration.idle_runtime_session_timeout = 600",
        "lifecycleConfiguration.idleRuntimeSessionTimeout",
    )
    .default("lifecycleConfiguration", "null"),
    case(
        "lifecycleConfiguration",
        "lifecycle_configuration = { idle_runtime_session_timeout = 300, max_lifetime = 3600 }",
        "lifecycle_configuration = { idle_runtime_session_timeout = 300, max_lifetime = 7200 }",
        "lifecycleConfiguration.maxLifetime",
    )
    .default("lifecycleConfiguration", "null"),
    case(
        "hooksConfiguration",
        "hooks_configuration.build.warmup.action.http_post.path = \"/a\"",
        "hooks_configuration.build.warmup.action.http_post.path = \"/b\"",
        "hooksConfiguration.build.warmup.action.httpPost.path",
    )
    .removed("hooksConfiguration"),
    case(
        "environmentVariables",
        "environment_variables = { A = \"1\", B = \"1\" }",
        "environment_variables = { A = \"2\", B = \"1\" }",
        "environmentVariables.A",
    )
    .removed("environmentVariables.A, environmentVariables.B"),
    case(
        "filesystemConfigurations",
        "filesystem_configurations = [{ session_storage.mount_path = \"/mnt/a\" }]",
        "filesystem_configurations = [{ session_storage.mount_path = \"/mnt/b\" }]",
        "filesystemConfigurations",
    )
    .removed("filesystemConfigurations"),
    case(
        "capacityProviderConfiguration",
        "capacity_provider_configuration.capacity_provider_arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:capacity-provider/one-0123456789\"",
        "capacity_provider_configuration.capacity_provider_arn = \"arn:aws:bedrock-agentcore:us-east-1:111122223333:capacity-provider/two-0123456789\"",
        "capacityProviderConfiguration.capacityProviderArn",
    )
    .removed("capacityProviderConfiguration"),
    case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    case("platformVersion", "platform_version = \"1\"", "platform_version = \"2\"", "platformVersion").stays(),
    case("allowedPorts", "allowed_ports = [{ port = 8001 }]", "allowed_ports = [{ port = 8002 }]", "allowedPorts")
        .removed("allowedPorts"),
    case(
        "resourceConfigurations",
        "resource_configurations = [{ minimum_memory_in_mib = 512 }]",
        "resource_configurations = [{ minimum_memory_in_mib = 1024 }]",
        "resourceConfigurations",
    )
    .removed("resourceConfigurations"),
];

#[tokio::test(start_paused = true)]
async fn policy_engines() {
    try_all(&ENGINE).await;
}

#[tokio::test(start_paused = true)]
async fn gateways() {
    try_all(&GATEWAY).await;
}

#[tokio::test(start_paused = true)]
async fn gateway_targets() {
    try_all(&TARGET).await;
}

#[tokio::test(start_paused = true)]
async fn policies() {
    try_all(&POLICY).await;
}

#[tokio::test(start_paused = true)]
async fn runtimes() {
    try_all(&RUNTIME).await;
}
