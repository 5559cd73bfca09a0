//! Credential providers that get OAuth 2 tokens.

use serde_json::{Map, Value, json};

use crate::credential::{Names, keep};
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::identifier::request_id;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::tag;

pub(crate) const OPERATIONS: Operations = &[
    ("CreateOauth2CredentialProvider", create),
    ("GetOauth2CredentialProvider", get),
    ("ListOauth2CredentialProviders", list),
    ("UpdateOauth2CredentialProvider", update),
    ("DeleteOauth2CredentialProvider", delete),
];

const SECRET: Names = Names {
    value: "clientSecret",
    reference: "clientSecretConfig",
    source: "clientSecretSource",
    arn: "clientSecretArn",
    key: "clientSecretJsonKey",
    folder: "oauth2",
    vault_key: "client_secret",
};

const INPUT: &str = "oauth2ProviderConfigInput";
const OUTPUT: &str = "oauth2ProviderConfigOutput";
const CUSTOM: &str = "customOauth2ProviderConfig";

/// Vendors with an arm of their own, and where they are.
const VENDORS: [(&str, &str, &str); 7] = [
    ("GoogleOauth2", "googleOauth2ProviderConfig", "https://accounts.google.com"),
    ("GithubOauth2", "githubOauth2ProviderConfig", "https://github.com/login/oauth"),
    ("SlackOauth2", "slackOauth2ProviderConfig", "https://slack.com"),
    ("SalesforceOauth2", "salesforceOauth2ProviderConfig", "https://login.salesforce.com"),
    ("MicrosoftOauth2", "microsoftOauth2ProviderConfig", "https://login.microsoftonline.com"),
    ("AtlassianOauth2", "atlassianOauth2ProviderConfig", "https://auth.atlassian.com"),
    ("LinkedinOauth2", "linkedinOauth2ProviderConfig", "https://www.linkedin.com/oauth"),
];

fn find<'a>(session: &'a Session<'_>, name: &str) -> Result<&'a Object, Failure> {
    let provider = session.state.find(Kind::Oauth2CredentialProvider, None, name);
    provider.ok_or_else(|| Failure::missing("Credential provider", name))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    tag::check_agentcore(input.get("tags"))?;
    let name = text(input, "name");
    if find(session, name).is_ok() {
        return Err(Failure::conflict(format!("A credential provider with name {name} already exists")));
    }
    let arn = session.arn("bedrock-agentcore", &format!("token-vault/default/oauth2credentialprovider/{name}"));
    session.state.counter += 1;
    let id = request_id(session.config.seed, session.state.counter);
    let region = &session.config.region;
    let stored = document(json!({
        "name": name,
        "credentialProviderVendor": text(input, "credentialProviderVendor"),
        "credentialProviderArn": arn,
        "callbackUrl": format!("https://bedrock-agentcore.{region}.amazonaws.com/identities/oauth2/callback/{id}"),
        "createdTime": session.now,
    }));
    let mut provider = session.object(Kind::Oauth2CredentialProvider, None, name, stored);
    configure(session, &mut provider, input)?;
    provider.arn = Some(arn);
    provider.tags = tag::of(input, "tags");
    if has_private_endpoint(&provider) {
        provider.begin("CREATING", session.ending("READY", "CREATE_FAILED"));
    }
    let answer = show(session, &provider, "CreateOauth2CredentialProviderResponse");
    session.state.add(provider);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    Ok(show(session, find(session, text(input, "name"))?, "GetOauth2CredentialProviderResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let providers = session.state.all(Kind::Oauth2CredentialProvider, None);
    let items: Vec<(u64, Value)> =
        providers.map(|provider| (provider.serial, show(session, provider, "Oauth2CredentialProviderItem"))).collect();
    page(session, "ListOauth2CredentialProviders", input, items, 20)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let name = text(input, "name");
    let mut provider = find(session, name)?.clone();
    check_settled(&provider)?;
    if text(&provider.document, "credentialProviderVendor") != text(input, "credentialProviderVendor") {
        let message = "The vendor of a credential provider cannot be changed";
        return Err(Failure::invalid_field("credentialProviderVendor", message));
    }
    configure(session, &mut provider, input)?;
    if has_private_endpoint(&provider) || provider.status.is_some() {
        provider.begin("UPDATING", session.ending("READY", "UPDATE_FAILED"));
    }
    let answer = show(session, &provider, "UpdateOauth2CredentialProviderResponse");
    if let Some(live) = session.state.find_mut(Kind::Oauth2CredentialProvider, None, name) {
        *live = provider;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let name = text(input, "name");
    let provider = find(session, name)?;
    check_settled(provider)?;
    let arn = provider.arn.clone().unwrap_or_default();
    let names_it = |target: &&Object| {
        let used = target.document.get("credentialProviderConfigurations").and_then(Value::as_array);
        let arns = used.into_iter().flatten().filter_map(|used| {
            used.pointer("/credentialProvider/oauthCredentialProvider/providerArn").and_then(Value::as_str)
        });
        arns.into_iter().any(|used| used == arn)
    };
    if let Some(target) = session.state.all(Kind::GatewayTarget, None).find(names_it) {
        let message = format!("Credential provider {name} is used by gateway target {}", target.id);
        return Err(Failure::conflict(message));
    }
    let (is_asynchronous, end) = (provider.status.is_some(), session.leaving());
    match session.state.find_mut(Kind::Oauth2CredentialProvider, None, name) {
        Some(provider) if is_asynchronous => provider.begin("DELETING", end),
        _ => session.state.remove(Kind::Oauth2CredentialProvider, None, name),
    }
    Ok(json!({}))
}

fn check_settled(provider: &Object) -> Result<(), Failure> {
    if matches!(provider.status(), "CREATING" | "UPDATING" | "DELETING") {
        let message = format!("Credential provider {} is in {} state", provider.id, provider.status());
        return Err(Failure::conflict(message));
    }
    Ok(())
}

/// Sets what the request says: the whole configuration, and the secret with it.
fn configure(session: &mut Session<'_>, provider: &mut Object, input: &Document) -> Result<(), Failure> {
    let vendor = text(input, "credentialProviderVendor").to_owned();
    let arms = input.get(INPUT).and_then(Value::as_object);
    let Some((arm, config)) = arms.and_then(|arms| arms.iter().next()) else {
        return Err(Failure::invalid_field(INPUT, format!("{INPUT} needs a configuration")));
    };
    let config = config.as_object().cloned().unwrap_or_default();
    let wanted = match VENDORS.iter().find(|(known, ..)| *known == vendor) {
        Some((_, arm, _)) => arm,
        None if vendor == "CustomOauth2" => CUSTOM,
        None => "includedOauth2ProviderConfig",
    };
    if arm != wanted {
        return Err(Failure::invalid_field(INPUT, format!("The vendor {vendor} takes {wanted}, not {arm}")));
    }
    // These methods prove who the client is without a secret.
    let method = text(&config, "clientAuthenticationMethod");
    let needed = !matches!(method, "PRIVATE_KEY_JWT" | "AWS_IAM_ID_TOKEN_JWT");
    let name = provider.id.clone();
    keep(session, &SECRET, &name, &config, needed, (&mut provider.document, &mut provider.secrets))?;
    let shown = if arm == CUSTOM { custom(config) } else { known(&vendor, &config) };
    let mut output = Map::new();
    output.insert(arm.clone(), Value::Object(shown));
    provider.document.insert(OUTPUT.to_owned(), Value::Object(output));
    provider.document.insert("lastUpdatedTime".to_owned(), json!(session.now));
    Ok(())
}

/// What a read shows of a custom configuration: all but its secret, and the tags of what it has made.
fn custom(mut config: Document) -> Document {
    config.shift_remove(SECRET.value);
    let overrides = config.get_mut("privateEndpointOverrides").and_then(Value::as_array_mut).into_iter().flatten();
    for endpoint in overrides.filter_map(|item| item.get_mut("privateEndpoint")) {
        without_tags(endpoint);
    }
    if let Some(endpoint) = config.get_mut("privateEndpoint") {
        without_tags(endpoint);
    }
    config
}

fn without_tags(endpoint: &mut Value) {
    if let Some(Value::Object(resource)) = endpoint.get_mut("managedVpcResource") {
        resource.shift_remove("tags");
    }
}

/// What a read shows of the configuration of a known vendor: everything folded into its discovery.
fn known(vendor: &str, config: &Document) -> Document {
    let told = |member: &str, else_: String| match text(config, member) {
        "" => else_,
        told => told.to_owned(),
    };
    let discovery = match VENDORS.iter().find(|(known, ..)| *known == vendor) {
        Some((_, _, host)) if vendor == "MicrosoftOauth2" => {
            let tenant = told("tenantId", "common".to_owned());
            json!({"discoveryUrl": format!("{host}/{tenant}/v2.0/.well-known/openid-configuration")})
        }
        Some((_, _, host)) => json!({"discoveryUrl": format!("{host}/.well-known/openid-configuration")}),
        None => {
            let issuer = told("issuer", format!("https://{}.example.com", vendor.to_ascii_lowercase()));
            json!({"authorizationServerMetadata": {
                "issuer": issuer,
                "authorizationEndpoint": told("authorizationEndpoint", format!("{issuer}/authorize")),
                "tokenEndpoint": told("tokenEndpoint", format!("{issuer}/token")),
            }})
        }
    };
    document(json!({"clientId": text(config, "clientId"), "oauthDiscovery": discovery}))
}

fn has_private_endpoint(provider: &Object) -> bool {
    let custom = provider.document.get(OUTPUT).and_then(|output| output.get(CUSTOM));
    custom.is_some_and(|custom| custom.get("privateEndpoint").is_some())
}

fn show(session: &Session<'_>, provider: &Object, shape: &str) -> Value {
    let mut view = provider.document.clone();
    view.extend(provider.status.as_ref().map(|status| ("status".to_owned(), json!(status))));
    view.extend(provider.reasons.first().map(|reason| ("failureReason".to_owned(), json!(reason))));
    session.show(shape, view, &provider.planted)
}
