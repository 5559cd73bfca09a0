//! `oauth2_credential_provider`: a client of an authorization server that targets and agents get tokens from (service.md §9b).

use serde_json::{Map, Value, json};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Rule, Service, UpdateStyle, agentcore_arn, call, page, text_at,
};

const INPUT: &str = "oauth2ProviderConfigInput";
const OUTPUT: &str = "oauth2ProviderConfigOutput";

const FOLDED: &str = "a read shows it only inside the discovery (service.md §1.10)";

/// A provider of OAuth 2 tokens.
pub static OAUTH2_CREDENTIAL_PROVIDER: Kind = Kind {
    name: "oauth2_credential_provider",
    service: Service::AgentCore,
    parent: None,
    name_member: "name",
    name_key: "name",
    names: Names::InAccount,
    id_member: "name",
    request_id: "name",
    arn: Some(|name, place| agentcore_arn(place, &format!("token-vault/default/oauth2credentialprovider/{name}"))),
    tags_member: Some("tags"),
    wrapper: None,
    create: (
        "CreateOauth2CredentialProvider",
        call!(|aws, ids| "CreateOauth2CredentialProvider", aws.agentcore_once.create_oauth2_credential_provider()),
    ),
    read: (
        "GetOauth2CredentialProvider",
        call!(|aws, ids| "GetOauth2CredentialProvider", aws.agentcore.get_oauth2_credential_provider()),
    ),
    update: Some((
        "UpdateOauth2CredentialProvider",
        call!(|aws, ids| "UpdateOauth2CredentialProvider", aws.agentcore.update_oauth2_credential_provider()),
    )),
    delete: (
        "DeleteOauth2CredentialProvider",
        call!(|aws, ids| "DeleteOauth2CredentialProvider", aws.agentcore.delete_oauth2_credential_provider()),
    ),
    list: List {
        operation: "ListOauth2CredentialProviders",
        items: "credentialProviders",
        id: "name",
        name: "name",
        complete: false,
        call: page!(|aws, ids| "ListOauth2CredentialProviders", aws.agentcore.list_oauth2_credential_providers(), 20),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: Some(Lifecycle {
        status: "status",
        // Most providers have no status at all.
        ready: &["READY", ""],
        create_failed: &["CREATE_FAILED"],
        failed: &["UPDATE_FAILED", "DELETE_FAILED"],
        pending_auth: &[],
        reasons: "failureReason",
    }),
    outputs: &[
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/name") },
        Output { name: "arn", about: "its ARN, for targets", value: |live, _| text_at(live, "/credentialProviderArn") },
        Output {
            name: "callback_url",
            about: "where the authorization server sends people back to",
            value: |live, _| text_at(live, "/callbackUrl"),
        },
        Output {
            name: "secret_arn",
            about: "the ARN of the secret that holds the client secret",
            value: |live, _| text_at(live, "/clientSecretArn/secretArn"),
        },
    ],
    reference_keys: &[],
    exceptions: EXCEPTIONS,
    secrets: &["oauth2ProviderConfigInput.*.clientSecret"],
    view,
};

/// What holds of the secret of one arm.
macro_rules! arm {
    ($arm:literal) => {
        [
            Exception {
                path: concat!("oauth2ProviderConfigInput.", $arm, ".clientSecret"),
                rule: Rule::WriteOnly,
                reason: "no read returns it (service.md §9b)",
            },
            Exception {
                path: concat!("oauth2ProviderConfigInput.", $arm, ".clientSecretSource"),
                rule: Rule::Kept(Some("\"MANAGED\"")),
                reason: "presumably what a secret in the request stands for",
            },
        ]
    };
}

const EXCEPTIONS: &[Exception] = {
    let [custom, custom_source] = arm!("customOauth2ProviderConfig");
    let [google, google_source] = arm!("googleOauth2ProviderConfig");
    let [github, github_source] = arm!("githubOauth2ProviderConfig");
    let [slack, slack_source] = arm!("slackOauth2ProviderConfig");
    let [salesforce, salesforce_source] = arm!("salesforceOauth2ProviderConfig");
    let [microsoft, microsoft_source] = arm!("microsoftOauth2ProviderConfig");
    let [atlassian, atlassian_source] = arm!("atlassianOauth2ProviderConfig");
    let [linkedin, linkedin_source] = arm!("linkedinOauth2ProviderConfig");
    let [included, included_source] = arm!("includedOauth2ProviderConfig");
    &[
        custom,
        custom_source,
        google,
        google_source,
        github,
        github_source,
        slack,
        slack_source,
        salesforce,
        salesforce_source,
        microsoft,
        microsoft_source,
        atlassian,
        atlassian_source,
        linkedin,
        linkedin_source,
        included,
        included_source,
        Exception {
            path: "credentialProviderVendor",
            rule: Rule::Replace,
            reason: "create-only in CloudFormation (service.md §9b)",
        },
        Exception {
            path: "oauth2ProviderConfigInput.customOauth2ProviderConfig.clientAuthenticationMethod",
            rule: Rule::Kept(None),
            reason: "the service may fill it in",
        },
        Exception {
            path: "oauth2ProviderConfigInput.customOauth2ProviderConfig.oauthDiscovery.authorizationServerMetadata.responseTypes",
            rule: Rule::Kept(None),
            reason: "the service may fill it in",
        },
        Exception {
            path: "oauth2ProviderConfigInput.customOauth2ProviderConfig.oauthDiscovery.authorizationServerMetadata.tokenEndpointAuthMethods",
            rule: Rule::Kept(None),
            reason: "the service may fill it in",
        },
        Exception {
            path: "oauth2ProviderConfigInput.customOauth2ProviderConfig.privateEndpoint.managedVpcResource.tags",
            rule: Rule::WriteOnly,
            reason: "never returned (service.md §1.10)",
        },
        Exception {
            path: "oauth2ProviderConfigInput.customOauth2ProviderConfig.privateEndpointOverrides",
            rule: Rule::KeyedBy("domain"),
            reason: "an override is about one domain",
        },
        Exception {
            path: "oauth2ProviderConfigInput.customOauth2ProviderConfig.privateEndpointOverrides[].privateEndpoint.managedVpcResource.tags",
            rule: Rule::WriteOnly,
            reason: "never returned (service.md §1.10)",
        },
        Exception {
            path: "oauth2ProviderConfigInput.microsoftOauth2ProviderConfig.tenantId",
            rule: Rule::Folded,
            reason: FOLDED,
        },
        Exception {
            path: "oauth2ProviderConfigInput.includedOauth2ProviderConfig.issuer",
            rule: Rule::Folded,
            reason: FOLDED,
        },
        Exception {
            path: "oauth2ProviderConfigInput.includedOauth2ProviderConfig.authorizationEndpoint",
            rule: Rule::Folded,
            reason: FOLDED,
        },
        Exception {
            path: "oauth2ProviderConfigInput.includedOauth2ProviderConfig.tokenEndpoint",
            rule: Rule::Folded,
            reason: FOLDED,
        },
    ]
};

/// A read shows the configuration under another name, and what it says of the secret beside it.
fn view(live: &mut Map<String, Value>) {
    let Some(Value::Object(mut arms)) = live.remove(OUTPUT) else { return };
    let source = live.get("clientSecretSource").cloned();
    let is_external = source.as_ref().and_then(Value::as_str) == Some("EXTERNAL");
    let arn = live.get("clientSecretArn").and_then(|secret| secret.get("secretArn")).cloned();
    for (name, arm) in &mut arms {
        let Value::Object(arm) = arm else { continue };
        if name != "customOauth2ProviderConfig" {
            unfold(name, arm);
        }
        arm.extend(source.clone().map(|source| ("clientSecretSource".to_owned(), source)));
        if let (true, Some(arn)) = (is_external, &arn) {
            let key = live.get("clientSecretJsonKey").cloned();
            arm.insert("clientSecretConfig".to_owned(), json!({"secretId": arn, "jsonKey": key}));
        }
    }
    live.insert(INPUT.to_owned(), Value::Object(arms));
}

/// Only a custom provider has a discovery in its request; those of known vendors hold what is asked for one by one.
fn unfold(name: &str, arm: &mut Map<String, Value>) {
    let Some(discovery) = arm.remove("oauthDiscovery") else { return };
    let text = |pointer: &str| discovery.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
    let url = text("/discoveryUrl");
    let mut found: Vec<(&str, Option<String>)> = Vec::new();
    if name == "microsoftOauth2ProviderConfig" {
        let address = url.or_else(|| text("/authorizationServerMetadata/issuer"));
        let tenant = address.and_then(|address| {
            let path = address.strip_prefix("https://login.microsoftonline.com/")?;
            path.split('/').next().map(ToOwned::to_owned)
        });
        found.push(("tenantId", tenant));
    } else if name == "includedOauth2ProviderConfig" {
        let of_url =
            url.as_deref().and_then(|url| url.split_once("/.well-known/")).map(|(issuer, _)| issuer.to_owned());
        found.push(("issuer", text("/authorizationServerMetadata/issuer").or(of_url)));
        for member in ["authorizationEndpoint", "tokenEndpoint"] {
            found.push((member, text(&format!("/authorizationServerMetadata/{member}"))));
        }
    }
    arm.extend(found.into_iter().filter_map(|(member, value)| Some((member.to_owned(), Value::String(value?)))));
}
