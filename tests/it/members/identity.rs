//! The members of identity providers, workload identities, credential providers and runtime endpoints.

use gatewright::kind;

use super::{Case, Subject, case, try_all};

pub(super) const SUBJECTS: &[&Subject] = &[&PROVIDER, &WORKLOAD, &API_KEY, &OAUTH2, &ENDPOINT];

const IDENTITY: &str = "it is the object's identity";

pub(super) static PROVIDER: Subject = Subject {
    kind: &kind::IDENTITY_PROVIDER,
    name: "Okta",
    beside: "[user_pool.p]",
    base: &[
        "user_pool = \"p\"",
        "provider_type = \"OIDC\"",
        "provider_details = { client_id = \"a\", client_secret = \"first\", attributes_request_method = \"GET\", oidc_issuer = \"https://a.example.com\", authorize_scopes = \"openid\" }",
    ],
    cases: &[
        case(
            "ProviderDetails",
            "provider_details = { client_id = \"a\", attributes_request_method = \"GET\", oidc_issuer = \"https://a.example.com\", authorize_scopes = \"openid\" }",
            "provider_details = { client_id = \"b\", attributes_request_method = \"GET\", oidc_issuer = \"https://a.example.com\", authorize_scopes = \"openid email\" }",
            "ProviderDetails.client_id, ProviderDetails.authorize_scopes",
        ),
        case(
            "AttributeMapping",
            "attribute_mapping = { email = \"mail\" }",
            "attribute_mapping = { email = \"email\" }",
            "AttributeMapping.email",
        )
        .removed("AttributeMapping.email"),
        case(
            "IdpIdentifiers",
            "idp_identifiers = [\"a.example.com\"]",
            "idp_identifiers = [\"b.example.com\"]",
            "IdpIdentifiers",
        )
        .default("IdpIdentifiers", "[]"),
        case("AcrMapping", "acr_mapping = { Level1 = \"a\" }", "acr_mapping = { Level1 = \"b\" }", "AcrMapping.Level1")
            .removed("AcrMapping.Level1"),
    ],
    left_out: &[("ProviderName", IDENTITY), ("ProviderType", "changing it makes a new provider: a story of its own")],
};

pub(super) static WORKLOAD: Subject = Subject {
    kind: &kind::WORKLOAD_IDENTITY,
    name: "agent",
    beside: "",
    base: &[],
    cases: &[
        case(
            "allowedResourceOauth2ReturnUrls",
            "allowed_resource_oauth2_return_urls = [\"https://a.example.com\"]",
            "allowed_resource_oauth2_return_urls = [\"https://b.example.com\"]",
            "allowedResourceOauth2ReturnUrls",
        )
        .default("allowedResourceOauth2ReturnUrls", "[]"),
        case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    ],
    left_out: &[("name", IDENTITY)],
};

pub(super) static API_KEY: Subject = Subject {
    kind: &kind::API_KEY_CREDENTIAL_PROVIDER,
    name: "k",
    beside: "",
    base: &[
        "api_key_secret_source = \"EXTERNAL\"",
        "api_key_secret_config = { secret_id = \"arn:aws:secretsmanager:us-east-1:111122223333:secret:k-AbCdEf\", json_key = \"key\" }",
    ],
    cases: &[
        case(
            "apiKeySecretConfig",
            "api_key_secret_config = { secret_id = \"arn:aws:secretsmanager:us-east-1:111122223333:secret:a-AbCdEf\", json_key = \"key\" }",
            "api_key_secret_config = { secret_id = \"arn:aws:secretsmanager:us-east-1:111122223333:secret:b-AbCdEf\", json_key = \"key\" }",
            "apiKeySecretConfig.secretId",
        ),
        case(
            "apiKeySecretConfig",
            "api_key_secret_config = { secret_id = \"prod/k\", json_key = \"one\" }",
            "api_key_secret_config = { secret_id = \"prod/k\", json_key = \"two\" }",
            "apiKeySecretConfig.jsonKey",
        ),
        case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    ],
    left_out: &[
        ("name", IDENTITY),
        ("apiKey", "a secret, never returned: a story of its own"),
        ("apiKeySecretSource", "it comes with another member: a story of its own"),
    ],
};

pub(super) static OAUTH2: Subject = Subject {
    kind: &kind::OAUTH2_CREDENTIAL_PROVIDER,
    name: "o",
    beside: "",
    base: &[
        "credential_provider_vendor = \"CustomOauth2\"",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.discovery_url = \"https://a.example.com/.well-known/openid-configuration\", client_id = \"c\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"arn:aws:secretsmanager:us-east-1:111122223333:secret:o-AbCdEf\", json_key = \"secret\" } }",
    ],
    cases: OAUTH2_CASES,
    left_out: &[
        ("name", IDENTITY),
        ("credentialProviderVendor", "changing it makes a new provider: a story of its own"),
    ],
};

const OAUTH2_CASES: &[Case] = &[
    case(
        "oauth2ProviderConfigInput",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.discovery_url = \"https://a.example.com/.well-known/openid-configuration\", client_id = \"a\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"one\" } }",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.discovery_url = \"https://a.example.com/.well-known/openid-configuration\", client_id = \"b\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"two\" } }",
        "oauth2ProviderConfigInput.customOauth2ProviderConfig.clientId, oauth2ProviderConfigInput.customOauth2ProviderConfig.clientSecretConfig.jsonKey",
    ),
    case(
        "oauth2ProviderConfigInput",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.discovery_url = \"https://a.example.com/.well-known/openid-configuration\", client_id = \"a\", client_authentication_method = \"PRIVATE_KEY_JWT\", private_key_jwt_config = { signing_algorithm = \"RS256\", private_key_source.kms_key_source.kms_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111\" } }",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.authorization_server_metadata = { issuer = \"https://a.example.com\", authorization_endpoint = \"https://a.example.com/a\", token_endpoint = \"https://a.example.com/t\" }, client_id = \"a\", client_authentication_method = \"PRIVATE_KEY_JWT\", private_key_jwt_config = { signing_algorithm = \"ES256\", private_key_source.kms_key_source.kms_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111\" } }",
        "oauth2ProviderConfigInput.customOauth2ProviderConfig.oauthDiscovery, oauth2ProviderConfigInput.customOauth2ProviderConfig.privateKeyJwtConfig.signingAlgorithm",
    ),
    case(
        "oauth2ProviderConfigInput",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.discovery_url = \"https://a.example.com/.well-known/openid-configuration\", client_id = \"a\", client_authentication_method = \"AWS_IAM_ID_TOKEN_JWT\", private_endpoint.managed_vpc_resource = { vpc_identifier = \"vpc-01234567\", subnet_ids = [\"subnet-01234567\"], endpoint_ip_address_type = \"IPV4\", tags = { a = \"1\" } } }",
        "oauth2_provider_config_input.custom_oauth2_provider_config = { oauth_discovery.discovery_url = \"https://a.example.com/.well-known/openid-configuration\", client_id = \"a\", client_authentication_method = \"AWS_IAM_ID_TOKEN_JWT\", private_endpoint.managed_vpc_resource = { vpc_identifier = \"vpc-01234567\", subnet_ids = [\"subnet-01234567\", \"subnet-76543210\"], endpoint_ip_address_type = \"IPV4\", tags = { a = \"1\" } } }",
        "oauth2ProviderConfigInput.customOauth2ProviderConfig.privateEndpoint.managedVpcResource.subnetIds",
    ),
    case(
        "oauth2ProviderConfigInput",
        "oauth2_provider_config_input.google_oauth2_provider_config = { client_id = \"a\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"one\" } }",
        "oauth2_provider_config_input.google_oauth2_provider_config = { client_id = \"a\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"p\", json_key = \"one\" } }",
        "oauth2ProviderConfigInput.googleOauth2ProviderConfig.clientSecretConfig.secretId",
    )
    .given("credential_provider_vendor = \"GoogleOauth2\""),
    case(
        "oauth2ProviderConfigInput",
        "oauth2_provider_config_input.microsoft_oauth2_provider_config = { client_id = \"a\", tenant_id = \"one\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"one\" } }",
        "oauth2_provider_config_input.microsoft_oauth2_provider_config = { client_id = \"a\", tenant_id = \"two\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"one\" } }",
        "oauth2ProviderConfigInput.microsoftOauth2ProviderConfig.tenantId",
    )
    .given("credential_provider_vendor = \"MicrosoftOauth2\""),
    case(
        "oauth2ProviderConfigInput",
        "oauth2_provider_config_input.included_oauth2_provider_config = { client_id = \"a\", issuer = \"https://a.okta.com\", token_endpoint = \"https://a.okta.com/t\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"one\" } }",
        "oauth2_provider_config_input.included_oauth2_provider_config = { client_id = \"a\", issuer = \"https://b.okta.com\", token_endpoint = \"https://b.okta.com/t\", client_secret_source = \"EXTERNAL\", client_secret_config = { secret_id = \"o\", json_key = \"one\" } }",
        "oauth2ProviderConfigInput.includedOauth2ProviderConfig.issuer, oauth2ProviderConfigInput.includedOauth2ProviderConfig.tokenEndpoint",
    )
    .given("credential_provider_vendor = \"OktaOauth2\""),
    case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
];

pub(super) static ENDPOINT: Subject = Subject {
    kind: &kind::RUNTIME_ENDPOINT,
    name: "stable",
    beside: r#"[runtime.r]
role_arn = "arn:aws:iam::111122223333:role/r"
agent_runtime_artifact.container_configuration.container_uri = "111122223333.dkr.ecr.us-east-1.amazonaws.com/agent@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
"#,
    base: &["runtime = \"r\""],
    cases: &[
        case("description", "description = \"one\"", "description = \"two\"", "description").removed("description"),
        case("tags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    ],
    left_out: &[
        ("name", IDENTITY),
        ("agentRuntimeVersion", "another version needs another runtime: a story of its own"),
    ],
};

#[tokio::test(start_paused = true)]
async fn identity_providers() {
    try_all(&PROVIDER).await;
}

#[tokio::test(start_paused = true)]
async fn workload_identities() {
    try_all(&WORKLOAD).await;
}

#[tokio::test(start_paused = true)]
async fn api_key_credential_providers() {
    try_all(&API_KEY).await;
}

#[tokio::test(start_paused = true)]
async fn oauth2_credential_providers() {
    try_all(&OAUTH2).await;
}

#[tokio::test(start_paused = true)]
async fn runtime_endpoints() {
    try_all(&ENDPOINT).await;
}
