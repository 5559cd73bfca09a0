//! The members of Cognito's kinds.

use gatewright::kind::{RESOURCE_SERVER, USER_POOL, USER_POOL_CLIENT, USER_POOL_DOMAIN, USER_POOL_GROUP};

use super::{Case, Subject, case, try_all};

pub(super) const SUBJECTS: &[&Subject] = &[&POOL, &DOMAIN, &SERVER, &CLIENT, &GROUP];

const POOL_REPLACED: &str = "only the create operation takes it, and a pool is never replaced";

pub(super) static POOL: Subject = Subject {
    kind: &USER_POOL,
    name: "p",
    beside: "",
    base: &[],
    cases: POOL_CASES,
    left_out: &[
        ("AliasAttributes", POOL_REPLACED),
        ("UsernameAttributes", POOL_REPLACED),
        ("UsernameConfiguration", POOL_REPLACED),
        ("Schema", POOL_REPLACED),
    ],
};

const POOL_CASES: &[Case] = &[
    case("PoolName", "name = \"one\"", "name = \"two\"", "PoolName"),
    case(
        "Policies",
        "policies.password_policy.minimum_length = 10",
        "policies.password_policy.minimum_length = 12",
        "Policies.PasswordPolicy.MinimumLength",
    )
    .stays(),
    case(
        "Policies",
        "policies.password_policy = { minimum_length = 10, temporary_password_validity_days = 3 }",
        "policies.password_policy = { minimum_length = 10, temporary_password_validity_days = 4 }",
        "Policies.PasswordPolicy.TemporaryPasswordValidityDays",
    )
    .stays(),
    case(
        "Policies",
        "policies.password_policy.require_symbols = false",
        "policies.password_policy.require_symbols = true",
        "Policies.PasswordPolicy.RequireSymbols",
    )
    .stays(),
    case(
        "Policies",
        "policies.sign_in_policy.allowed_first_auth_factors = [\"PASSWORD\"]",
        "policies.sign_in_policy.allowed_first_auth_factors = [\"PASSWORD\", \"EMAIL_OTP\"]",
        "Policies.SignInPolicy.AllowedFirstAuthFactors",
    )
    .stays(),
    case(
        "DeletionProtection",
        "deletion_protection = \"INACTIVE\"",
        "deletion_protection = \"ACTIVE\"",
        "DeletionProtection",
    )
    .default("DeletionProtection", "\"INACTIVE\""),
    case(
        "LambdaConfig",
        "lambda_config.pre_sign_up = \"arn:aws:lambda:us-east-1:111122223333:function:a\"",
        "lambda_config.pre_sign_up = \"arn:aws:lambda:us-east-1:111122223333:function:b\"",
        "LambdaConfig.PreSignUp",
    )
    .removed("LambdaConfig"),
    case(
        "LambdaConfig",
        "lambda_config.pre_token_generation_config = { lambda_version = \"V2_0\", lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:a\" }",
        "lambda_config.pre_token_generation_config = { lambda_version = \"V3_0\", lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:a\" }",
        "LambdaConfig.PreTokenGenerationConfig.LambdaVersion",
    )
    .removed("LambdaConfig"),
    case(
        "LambdaConfig",
        "lambda_config.pre_token_generation = \"arn:aws:lambda:us-east-1:111122223333:function:a\"",
        "lambda_config.pre_token_generation = \"arn:aws:lambda:us-east-1:111122223333:function:b\"",
        "LambdaConfig.PreTokenGenerationConfig.LambdaArn",
    )
    .removed("LambdaConfig"),
    case(
        "AutoVerifiedAttributes",
        "auto_verified_attributes = [\"email\"]",
        "auto_verified_attributes = [\"phone_number\", \"email\"]",
        "AutoVerifiedAttributes",
    )
    .removed("AutoVerifiedAttributes"),
    case(
        "SmsVerificationMessage",
        "sms_verification_message = \"code {####}\"",
        "sms_verification_message = \"your code {####}\"",
        "VerificationMessageTemplate.SmsMessage",
    )
    .not_by_hand()
    .stays(),
    case(
        "EmailVerificationMessage",
        "email_verification_message = \"code {####}\"",
        "email_verification_message = \"your code {####}\"",
        "VerificationMessageTemplate.EmailMessage",
    )
    .not_by_hand()
    .stays(),
    case(
        "EmailVerificationSubject",
        "email_verification_subject = \"code\"",
        "email_verification_subject = \"your code\"",
        "VerificationMessageTemplate.EmailSubject",
    )
    .not_by_hand()
    .stays(),
    case(
        "VerificationMessageTemplate",
        "verification_message_template.default_email_option = \"CONFIRM_WITH_CODE\"",
        "verification_message_template.default_email_option = \"CONFIRM_WITH_LINK\"",
        "VerificationMessageTemplate.DefaultEmailOption",
    )
    .stays(),
    case(
        "VerificationMessageTemplate",
        "verification_message_template.email_message = \"code {####}\"",
        "verification_message_template.email_message = \"your code {####}\"",
        "VerificationMessageTemplate.EmailMessage",
    )
    .stays(),
    case(
        "SmsAuthenticationMessage",
        "sms_authentication_message = \"code {####}\"",
        "sms_authentication_message = \"your code {####}\"",
        "SmsAuthenticationMessage",
    )
    .removed("SmsAuthenticationMessage"),
    case("MfaConfiguration", "mfa_configuration = \"OFF\"", "mfa_configuration = \"OPTIONAL\"", "MfaConfiguration")
        .given("software_token_mfa_configuration.enabled = true")
        .default("MfaConfiguration", "\"OFF\""),
    case("MfaConfiguration", "mfa_configuration = \"OPTIONAL\"", "mfa_configuration = \"ON\"", "MfaConfiguration")
        .given("software_token_mfa_configuration.enabled = true")
        .default("MfaConfiguration", "\"OFF\""),
    case(
        "SoftwareTokenMfaConfiguration",
        "software_token_mfa_configuration.enabled = false",
        "software_token_mfa_configuration.enabled = true",
        "SoftwareTokenMfaConfiguration.Enabled",
    )
    .removed("SoftwareTokenMfaConfiguration"),
    case(
        "SmsMfaConfiguration",
        "sms_mfa_configuration.sms_configuration = { sns_caller_arn = \"arn:aws:iam::111122223333:role/sms\" }",
        "sms_mfa_configuration = { sms_authentication_message = \"your code {####}\", sms_configuration = { sns_caller_arn = \"arn:aws:iam::111122223333:role/sms\" } }",
        "SmsMfaConfiguration.SmsAuthenticationMessage",
    )
    .given("sms_configuration.sns_caller_arn = \"arn:aws:iam::111122223333:role/sms\"\nsms_authentication_message = \"your code {####}\"")
    .removed("SmsMfaConfiguration"),
    case(
        "EmailMfaConfiguration",
        "email_mfa_configuration.subject = \"code\"",
        "email_mfa_configuration.subject = \"your code\"",
        "EmailMfaConfiguration.Subject",
    )
    .removed("EmailMfaConfiguration"),
    case(
        "WebAuthnConfiguration",
        "web_authn_configuration.user_verification = \"required\"",
        "web_authn_configuration.user_verification = \"preferred\"",
        "WebAuthnConfiguration.UserVerification",
    )
    .removed("WebAuthnConfiguration"),
    case(
        "UserAttributeUpdateSettings",
        "user_attribute_update_settings.attributes_require_verification_before_update = [\"email\"]",
        "user_attribute_update_settings.attributes_require_verification_before_update = [\"phone_number\"]",
        "UserAttributeUpdateSettings.AttributesRequireVerificationBeforeUpdate",
    )
    .stays(),
    case(
        "DeviceConfiguration",
        "device_configuration.challenge_required_on_new_device = false",
        "device_configuration.challenge_required_on_new_device = true",
        "DeviceConfiguration.ChallengeRequiredOnNewDevice",
    )
    .removed("DeviceConfiguration"),
    case(
        "EmailConfiguration",
        "email_configuration.reply_to_email_address = \"a@example.com\"",
        "email_configuration.reply_to_email_address = \"b@example.com\"",
        "EmailConfiguration.ReplyToEmailAddress",
    )
    .stays(),
    case(
        "SmsConfiguration",
        "sms_configuration.sns_caller_arn = \"arn:aws:iam::111122223333:role/a\"",
        "sms_configuration.sns_caller_arn = \"arn:aws:iam::111122223333:role/b\"",
        "SmsConfiguration.SnsCallerArn",
    )
    .removed("SmsConfiguration"),
    case("UserPoolTags", "tags = { a = \"1\" }", "tags = { a = \"2\" }", "tags.a").stays(),
    case(
        "AdminCreateUserConfig",
        "admin_create_user_config.allow_admin_create_user_only = false",
        "admin_create_user_config.allow_admin_create_user_only = true",
        "AdminCreateUserConfig.AllowAdminCreateUserOnly",
    )
    .stays(),
    case(
        "UserPoolAddOns",
        "user_pool_add_ons.advanced_security_mode = \"AUDIT\"",
        "user_pool_add_ons.advanced_security_mode = \"ENFORCED\"",
        "UserPoolAddOns.AdvancedSecurityMode",
    )
    .given("user_pool_tier = \"PLUS\"")
    .removed("UserPoolAddOns"),
    case(
        "DcrConfiguration",
        "dcr_configuration.enable_status = \"Disabled\"",
        "dcr_configuration.enable_status = \"Enabled\"",
        "DcrConfiguration.EnableStatus",
    )
    .removed("DcrConfiguration"),
    case(
        "AccountRecoverySetting",
        "account_recovery_setting.recovery_mechanisms = [{ priority = 1, name = \"verified_email\" }]",
        "account_recovery_setting.recovery_mechanisms = [{ priority = 1, name = \"admin_only\" }]",
        "AccountRecoverySetting.RecoveryMechanisms",
    )
    .stays(),
    case("UserPoolTier", "user_pool_tier = \"ESSENTIALS\"", "user_pool_tier = \"PLUS\"", "UserPoolTier")
        .default("UserPoolTier", "\"ESSENTIALS\""),
    case(
        "KeyConfiguration",
        "key_configuration = { key_type = \"CUSTOMER_MANAGED_KEY\", kms_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111\" }",
        "key_configuration = { key_type = \"CUSTOMER_MANAGED_KEY\", kms_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/22222222-2222-2222-2222-222222222222\" }",
        "KeyConfiguration.KmsKeyArn",
    )
    .stays(),
    case(
        "IssuerConfiguration",
        "issuer_configuration.type = \"ORIGINAL\"",
        "issuer_configuration.type = \"UPDATED\"",
        "IssuerConfiguration.Type",
    )
    .stays(),
    case(
        "AcrConfiguration",
        "acr_configuration.Level1.acr_value = \"a\"",
        "acr_configuration.Level1.acr_value = \"b\"",
        "AcrConfiguration.Level1",
    )
    .removed("AcrConfiguration.Level1"),
];

const IN_POOL: &str = "[user_pool.p]";

pub(super) static DOMAIN: Subject = Subject {
    kind: &USER_POOL_DOMAIN,
    name: "d",
    beside: IN_POOL,
    base: &["user_pool = \"p\"", "domain = \"members\""],
    cases: &[
        case("ManagedLoginVersion", "managed_login_version = 1", "managed_login_version = 2", "ManagedLoginVersion")
            .default("ManagedLoginVersion", "1"),
        case(
            "CustomDomainConfig",
            "custom_domain_config.certificate_arn = \"arn:aws:acm:us-east-1:111122223333:certificate/a\"",
            "custom_domain_config.certificate_arn = \"arn:aws:acm:us-east-1:111122223333:certificate/b\"",
            "CustomDomainConfig.CertificateArn",
        ),
        case(
            "Routing",
            "routing.failover = { secondary_region = \"us-west-2\", primary_route53_health_check_id = \"a\" }",
            "routing.failover = { secondary_region = \"us-west-2\", primary_route53_health_check_id = \"b\" }",
            "Routing.Failover.PrimaryRoute53HealthCheckId",
        )
        .removed("Routing"),
    ],
    left_out: &[("Domain", "it is the object's identity")],
};

pub(super) static SERVER: Subject = Subject {
    kind: &RESOURCE_SERVER,
    name: "api",
    beside: IN_POOL,
    base: &["user_pool = \"p\"", "name = \"API\""],
    cases: &[
        case("Name", "name = \"one\"", "name = \"two\"", "Name"),
        case(
            "Scopes",
            "scopes = { read = \"Read\", write = \"Write\" }",
            "scopes = { read = \"Read it\", write = \"Write\" }",
            "Scopes[read].ScopeDescription",
        )
        .removed("Scopes[read], Scopes[write]"),
        case(
            "Scopes",
            "scopes = { read = \"Read\" }",
            "scopes = { read = \"Read\", write = \"Write\" }",
            "Scopes[write]",
        )
        .removed("Scopes[read], Scopes[write]"),
    ],
    left_out: &[("Identifier", "it is the object's identity")],
};

pub(super) static CLIENT: Subject = Subject {
    kind: &USER_POOL_CLIENT,
    name: "c",
    beside: "[user_pool.p]\n[resource_server.api]\nuser_pool = \"p\"\nname = \"API\"\nscopes = { read = \"Read\" }",
    base: &["user_pool = \"p\""],
    cases: CLIENT_CASES,
    left_out: &[
        ("GenerateSecret", "changing it makes a new client: a story of its own"),
        ("ClientSecret", "write-only: a story of its own"),
    ],
};

const CLIENT_CASES: &[Case] = &[
    case("ClientName", "name = \"one\"", "name = \"two\"", "ClientName"),
    case(
        "RefreshTokenValidity",
        "refresh_token_validity = 10",
        "refresh_token_validity = 20",
        "RefreshTokenValidity",
    )
    .default("RefreshTokenValidity", "30"),
    case("AccessTokenValidity", "access_token_validity = 2", "access_token_validity = 3", "AccessTokenValidity")
        .stays(),
    case("IdTokenValidity", "id_token_validity = 2", "id_token_validity = 3", "IdTokenValidity").stays(),
    case(
        "TokenValidityUnits",
        "token_validity_units.access_token = \"minutes\"",
        "token_validity_units.access_token = \"hours\"",
        "TokenValidityUnits.AccessToken",
    )
    .given("access_token_validity = 10")
    .stays(),
    case(
        "ReadAttributes",
        "read_attributes = [\"email\"]",
        "read_attributes = [\"email\", \"name\"]",
        "ReadAttributes",
    )
    .stays(),
    case(
        "WriteAttributes",
        "write_attributes = [\"email\"]",
        "write_attributes = [\"email\", \"name\"]",
        "WriteAttributes",
    )
    .stays(),
    case(
        "ExplicitAuthFlows",
        "explicit_auth_flows = [\"ALLOW_REFRESH_TOKEN_AUTH\"]",
        "explicit_auth_flows = [\"ALLOW_REFRESH_TOKEN_AUTH\", \"ALLOW_USER_PASSWORD_AUTH\"]",
        "ExplicitAuthFlows",
    )
    .default("ExplicitAuthFlows", r#"["ALLOW_REFRESH_TOKEN_AUTH","ALLOW_USER_SRP_AUTH","ALLOW_CUSTOM_AUTH"]"#),
    case(
        "SupportedIdentityProviders",
        "",
        "supported_identity_providers = [\"COGNITO\"]",
        "SupportedIdentityProviders",
    )
    .removed("SupportedIdentityProviders"),
    case(
        "CallbackURLs",
        "callback_urls = [\"https://a.example.com\"]",
        "callback_urls = [\"https://b.example.com\"]",
        "CallbackURLs",
    )
    .removed("CallbackURLs"),
    case(
        "LogoutURLs",
        "logout_urls = [\"https://a.example.com\"]",
        "logout_urls = [\"https://b.example.com\"]",
        "LogoutURLs",
    )
    .removed("LogoutURLs"),
    case(
        "DefaultRedirectURI",
        "default_redirect_uri = \"https://a.example.com\"",
        "default_redirect_uri = \"https://b.example.com\"",
        "DefaultRedirectURI",
    )
    .given("callback_urls = [\"https://a.example.com\", \"https://b.example.com\"]")
    .removed("DefaultRedirectURI"),
    case(
        "AllowedOAuthFlows",
        "allowed_oauth_flows = [\"code\"]",
        "allowed_oauth_flows = [\"implicit\"]",
        "AllowedOAuthFlows",
    )
    .given("allowed_oauth_flows_user_pool_client = true\nallowed_oauth_scopes = [\"openid\"]\ncallback_urls = [\"https://a.example.com\"]"),
    case(
        "AllowedOAuthScopes",
        "allowed_oauth_scopes = [\"openid\"]",
        "allowed_oauth_scopes = [\"openid\", \"api/read\"]",
        "AllowedOAuthScopes",
    )
    .given("allowed_oauth_flows_user_pool_client = true\nallowed_oauth_flows = [\"code\"]\ncallback_urls = [\"https://a.example.com\"]"),
    case(
        "AllowedOAuthFlowsUserPoolClient",
        "",
        "allowed_oauth_flows_user_pool_client = true\nallowed_oauth_flows = [\"code\"]\nallowed_oauth_scopes = [\"openid\"]",
        "AllowedOAuthFlows, AllowedOAuthScopes, AllowedOAuthFlowsUserPoolClient",
    )
    .drifts("AllowedOAuthFlowsUserPoolClient")
    .default("AllowedOAuthFlows, AllowedOAuthScopes, AllowedOAuthFlowsUserPoolClient", "null"),
    case(
        "AnalyticsConfiguration",
        "analytics_configuration = { application_id = \"ab\", role_arn = \"arn:aws:iam::111122223333:role/a\", external_id = \"x\" }",
        "analytics_configuration = { application_id = \"cd\", role_arn = \"arn:aws:iam::111122223333:role/a\", external_id = \"x\" }",
        "AnalyticsConfiguration.ApplicationId",
    )
    .removed("AnalyticsConfiguration"),
    case(
        "PreventUserExistenceErrors",
        "prevent_user_existence_errors = \"ENABLED\"",
        "prevent_user_existence_errors = \"LEGACY\"",
        "PreventUserExistenceErrors",
    )
    .stays(),
    case(
        "EnableTokenRevocation",
        "enable_token_revocation = true",
        "enable_token_revocation = false",
        "EnableTokenRevocation",
    )
    .default("EnableTokenRevocation", "true"),
    case(
        "EnablePropagateAdditionalUserContextData",
        "enable_propagate_additional_user_context_data = false",
        "enable_propagate_additional_user_context_data = true",
        "EnablePropagateAdditionalUserContextData",
    )
    .default("EnablePropagateAdditionalUserContextData", "false"),
    case("AuthSessionValidity", "auth_session_validity = 4", "auth_session_validity = 5", "AuthSessionValidity")
        .default("AuthSessionValidity", "3"),
    case(
        "RefreshTokenRotation",
        "refresh_token_rotation = { feature = \"ENABLED\", retry_grace_period_seconds = 10 }",
        "refresh_token_rotation = { feature = \"ENABLED\", retry_grace_period_seconds = 20 }",
        "RefreshTokenRotation.RetryGracePeriodSeconds",
    )
    .removed("RefreshTokenRotation"),
];

pub(super) static GROUP: Subject = Subject {
    kind: &USER_POOL_GROUP,
    name: "readers",
    beside: IN_POOL,
    base: &["user_pool = \"p\""],
    cases: &[
        case("Description", "description = \"one\"", "description = \"two\"", "Description")
            .default("Description", "\"\""),
        case(
            "RoleArn",
            "role_arn = \"arn:aws:iam::111122223333:role/a\"",
            "role_arn = \"arn:aws:iam::111122223333:role/b\"",
            "RoleArn",
        )
        .stays(),
        case("Precedence", "precedence = 1", "precedence = 2", "Precedence").stays(),
    ],
    left_out: &[("GroupName", "it is the object's identity")],
};

#[tokio::test(start_paused = true)]
async fn user_pools() {
    try_all(&POOL).await;
}

#[tokio::test(start_paused = true)]
async fn user_pool_domains() {
    try_all(&DOMAIN).await;
}

#[tokio::test(start_paused = true)]
async fn resource_servers() {
    try_all(&SERVER).await;
}

#[tokio::test(start_paused = true)]
async fn user_pool_clients() {
    try_all(&CLIENT).await;
}

#[tokio::test(start_paused = true)]
async fn user_pool_groups() {
    try_all(&GROUP).await;
}
