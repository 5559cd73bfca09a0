//! Authorizers whose tokens look other than they expect (service.md §15 and §17).

use serde_json::Value;

use crate::check::issuer::{Issuer, authorizer, definitions, issuer};
use crate::check::{children, of_kind, referred, texts};
use crate::diagnostic::Diagnostic;
use crate::kind::{GATEWAY, GATEWAY_TARGET, RUNTIME};
use crate::stack::{Resource, Stack};

const PATH: &str = "authorizerConfiguration.customJWTAuthorizer";

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for resource in of_kind(stack, &GATEWAY).chain(of_kind(stack, &RUNTIME)) {
        if let Some(document) = authorizer(resource) {
            client_claim(stack, resource, document, found);
            entra_version(stack, resource, document, found);
        }
    }
    for runtime in of_kind(stack, &RUNTIME) {
        passed_through(stack, runtime, found);
    }
}

/// Tokens of Okta and Entra have no `client_id`.
fn client_claim(stack: &Stack, resource: &Resource, document: &Value, found: &mut Vec<Diagnostic>) {
    let (vendor, own, help) = match issuer(document) {
        Issuer::Okta => (
            "Okta",
            "`cid`",
            "add a claim `client_id` with the value `app.clientId` to the authorization server and say `client_claim = \"client_id\"`, \
             or use `allowed_audience` and `custom_claims`",
        ),
        Issuer::Entra(true) => ("Entra", "`azp`", "use `allowed_audience`, and `custom_claims` on `azp` or `roles`"),
        Issuer::Entra(false) => {
            ("Entra", "`appid`", "use `allowed_audience`, and `custom_claims` on `appid` or `roles`")
        }
        _ => return,
    };
    // Whoever says that the tokens have it has made them so.
    let said = definitions(stack, &resource.address)
        .any(|definition| definition.client_claim.as_ref().is_some_and(|claim| claim.name == "client_id"));
    if said || texts(document, "allowedClients").next().is_none() {
        return;
    }
    let message = format!("`allowed_clients` is compared with `client_id`, and tokens of {vendor} have {own} instead");
    found.push(
        Diagnostic::warning("lint::no-client-id", message)
            .at(resource.span_of(&format!("{PATH}.allowedClients")).clone(), "lets nobody in")
            .help(help)
            .about(&resource.address),
    );
}

/// Version 1 and version 2 of Entra's tokens have different issuers and different claims.
fn entra_version(stack: &Stack, resource: &Resource, document: &Value, found: &mut Vec<Diagnostic>) {
    let Issuer::Entra(second) = issuer(document) else { return };
    let foreign = if second { "appid" } else { "azp" };
    let warn = |message: String, path: &str| {
        let help = if second {
            "for tokens of version 1 take `/v2.0` out of the discovery URL; for version 2 the app registration says \
             `accessTokenAcceptedVersion = 2`, `aud` is the application's id, and the client is in `azp`"
        } else {
            "for tokens of version 2 write `…/v2.0/.well-known/openid-configuration`; in version 1 the client is in `appid`"
        };
        Diagnostic::warning("lint::entra-version", message)
            .at(resource.span_of(&format!("{PATH}.{path}")).clone(), "")
            .with(resource.span_of(&format!("{PATH}.discoveryUrl")).clone(), "the version")
            .help(help)
            .about(&resource.address)
    };
    let number = if second { "2" } else { "1" };
    let uri = texts(document, "allowedAudience").position(|audience| audience.starts_with("api://"));
    let rules = document.get("customClaims").and_then(Value::as_array).into_iter().flatten();
    let names = rules.map(|rule| rule.get("inboundTokenClaimName").and_then(Value::as_str).unwrap_or_default());
    let claim = names.enumerate().find(|(_, name)| *name == foreign);
    let client = definitions(stack, &resource.address)
        .any(|definition| definition.client_claim.as_ref().is_some_and(|claim| claim.name == foreign));
    if let Some(index) = uri.filter(|_| second) {
        let message = "tokens of version 2 never have an `api://` audience".to_owned();
        found.push(warn(message, &format!("allowedAudience[{index}]")));
    } else if let Some((index, name)) = claim {
        let message = format!("tokens of version {number} have no claim `{name}`");
        found.push(warn(message, &format!("customClaims[{index}].inboundTokenClaimName")));
    } else if client {
        found.push(warn(format!("tokens of version {number} have no claim `{foreign}`"), "discoveryUrl"));
    }
}

/// A runtime that takes calls of listed workloads only, and a gateway that hands it the caller's own token.
fn passed_through(stack: &Stack, runtime: &Resource, found: &mut Vec<Diagnostic>) {
    if authorizer(runtime).and_then(|document| document.get("allowedWorkloadConfiguration")).is_none() {
        return;
    }
    for gateway in of_kind(stack, &GATEWAY) {
        for target in children(stack, &GATEWAY_TARGET, &gateway.address) {
            let arn = target.document.pointer("/targetConfiguration/http/agentcoreRuntime/arn");
            let endpoint = target.document.pointer("/targetConfiguration/mcp/mcpServer/endpoint");
            let ours = [arn, endpoint].into_iter().any(|value| referred(value).as_ref() == Some(&runtime.address));
            let providers = target.document.get("credentialProviderConfigurations").and_then(Value::as_array);
            let passes = providers
                .into_iter()
                .flatten()
                .any(|provider| provider.get("credentialProviderType").is_some_and(|kind| kind == "JWT_PASSTHROUGH"));
            if ours && passes {
                let message =
                    format!("`{}` refuses the caller's own token, which this target hands on", runtime.address);
                found.push(
                    Diagnostic::warning("lint::workload-passthrough", message)
                        .at(target.span_of("credentialProviderConfigurations").clone(), "")
                        .with(
                            runtime.span_of(&format!("{PATH}.allowedWorkloadConfiguration")).clone(),
                            "asks for a transaction token",
                        )
                        .help("use another credential provider, or remove `allowed_workload_configuration`")
                        .about(&target.address),
                );
            }
        }
    }
}
