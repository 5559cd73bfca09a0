//! Which credentials a target may use: it depends on the kind of the target and on the gateway's own authorizer.

use serde_json::Value;

use crate::document::Document;
use crate::failure::Failure;

const FIELD: &str = "credentialProviderConfigurations";

/// What a target's configuration comes down to; none is a choice as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Credential {
    None,
    Role,
    CallerIam,
    ClientCredentials,
    AuthorizationCode,
    TokenExchange,
    Passthrough,
    ApiKey,
}

use Credential::{
    ApiKey, AuthorizationCode, CallerIam, ClientCredentials, None as NoCredential, Passthrough, Role, TokenExchange,
};

/// The support matrix of the developer guide; nothing: no page restricts this kind of target.
fn allowed(arm: &str) -> Option<&'static [Credential]> {
    Some(match arm {
        "apiGateway" => &[NoCredential, Role, ApiKey],
        "lambda" => &[Role],
        "mcpServer" | "openApiSchema" => {
            &[NoCredential, Role, ClientCredentials, AuthorizationCode, TokenExchange, ApiKey]
        }
        "smithyModel" => &[Role, ClientCredentials],
        "agentcoreRuntime" => &[Role, CallerIam, ClientCredentials, Passthrough],
        _ => return None,
    })
}

/// Refuses credentials that do not fit the target or the gateway.
pub(crate) fn check(input: &Document, arm: &str, family: &str, authorizer: &str) -> Result<(), Failure> {
    let configuration = input.get(FIELD).and_then(|list| list.get(0));
    let refused = |message: String| Err(Failure::invalid_field(FIELD, message));
    let Some(credential) = read(configuration) else {
        return refused("The credential provider does not fit the credential provider type".to_owned());
    };
    if allowed(arm).is_some_and(|allowed| !allowed.contains(&credential)) {
        return refused(match credential {
            NoCredential => format!("A credential provider configuration is required for {arm} targets"),
            _ => format!("This credential provider type is not supported for {arm} targets"),
        });
    }
    let names_service =
        configuration.and_then(|entry| entry.pointer("/credentialProvider/iamCredentialProvider")).is_some();
    let needs_service = matches!(arm, "mcpServer" | "openApiSchema");
    match credential {
        Role if needs_service && !names_service => {
            refused(format!("iamCredentialProvider with a service is required for {arm} targets"))
        }
        Role if !needs_service && names_service => {
            refused(format!("iamCredentialProvider must not be given for {arm} targets"))
        }
        CallerIam if !matches!(authorizer, "AWS_IAM" | "AUTHENTICATE_ONLY") => refused(format!(
            "CALLER_IAM_CREDENTIALS needs a gateway with the authorizer type AWS_IAM or AUTHENTICATE_ONLY, not {authorizer}"
        )),
        Passthrough if family != "http" => refused("JWT_PASSTHROUGH is only supported for HTTP targets".to_owned()),
        Passthrough if !matches!(authorizer, "CUSTOM_JWT" | "NONE") => refused(format!(
            "JWT_PASSTHROUGH needs a gateway with the authorizer type CUSTOM_JWT or NONE, not {authorizer}"
        )),
        _ => Ok(()),
    }
}

/// A person has to consent before the target can work.
pub(crate) fn needs_consent(target: &Document) -> bool {
    read(target.get(FIELD).and_then(|list| list.get(0))) == Some(AuthorizationCode)
}

/// Reads a configuration; nothing if type and provider do not fit.
fn read(configuration: Option<&Value>) -> Option<Credential> {
    let Some(configuration) = configuration else { return Some(NoCredential) };
    let provider = configuration.get("credentialProvider");
    let arm = provider.and_then(Value::as_object).and_then(|arms| arms.keys().next()).map_or("", String::as_str);
    let kind = configuration.get("credentialProviderType").and_then(Value::as_str).unwrap_or_default();
    Some(match (kind, arm) {
        ("GATEWAY_IAM_ROLE", "" | "iamCredentialProvider") => Role,
        ("CALLER_IAM_CREDENTIALS", "" | "iamCredentialProvider") => CallerIam,
        ("JWT_PASSTHROUGH", "") => Passthrough,
        ("API_KEY", "apiKeyCredentialProvider") => ApiKey,
        ("OAUTH", "oauthCredentialProvider") => {
            let grant = provider.and_then(|provider| provider.pointer("/oauthCredentialProvider/grantType"));
            match grant.and_then(Value::as_str) {
                Some("AUTHORIZATION_CODE") => AuthorizationCode,
                Some("TOKEN_EXCHANGE") => TokenExchange,
                _ => ClientCredentials,
            }
        }
        _ => return None,
    })
}
