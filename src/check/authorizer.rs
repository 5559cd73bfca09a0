//! Authorizers of gateways and runtimes: whose tokens get in, and what keeps everybody else out.

use serde_json::Value;

use super::issuer::{Issuer, authorizer, issuer};
use super::{of_kind, texts};
use crate::diagnostic::Diagnostic;
use crate::kind::{GATEWAY, RUNTIME, USER_POOL_CLIENT};
use crate::reference::{self, Reference, Target, is_unknown, pieces};
use crate::stack::{Resource, Stack};

const PATH: &str = "authorizerConfiguration.customJWTAuthorizer";

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for resource in of_kind(stack, &GATEWAY) {
        kind_of_authorizer(resource, found);
    }
    for resource in of_kind(stack, &GATEWAY).chain(of_kind(stack, &RUNTIME)) {
        if let Some(jwt) = authorizer(resource) {
            let issuer = issuer(jwt);
            conditions(resource, jwt, found);
            discovery_url(resource, jwt, found);
            operators(resource, jwt, found);
            audience(stack, resource, jwt, &issuer, found);
            clients(stack, resource, jwt, &issuer, found);
        }
    }
}

fn kind_of_authorizer(gateway: &Resource, found: &mut Vec<Diagnostic>) {
    let kind = gateway.document.get("authorizerType").and_then(Value::as_str).unwrap_or_default();
    let configured = gateway.document.get("authorizerConfiguration").is_some();
    let span = gateway.span_of("authorizerType").clone();
    if kind == "CUSTOM_JWT" && !configured {
        found.push(
            Diagnostic::error("check::authorizer-missing", "a `CUSTOM_JWT` gateway has to say whose tokens it accepts")
                .at(span, "")
                .help("add `jwt_authorizer = \"…\"`")
                .about(&gateway.address),
        );
    } else if matches!(kind, "AWS_IAM" | "NONE" | "AUTHENTICATE_ONLY") && configured {
        found.push(
            Diagnostic::error(
                "check::authorizer-unused",
                format!("an `{kind}` gateway takes no authorizer configuration"),
            )
            .at(gateway.span_of("authorizerConfiguration").clone(), "")
            .with(span, "the type")
            .help("remove it, or set `authorizer_type = \"CUSTOM_JWT\"`")
            .about(&gateway.address),
        );
    } else if matches!(kind, "NONE" | "AUTHENTICATE_ONLY") && !is_enforced(gateway) {
        let who = if kind == "NONE" { "anybody" } else { "every AWS identity" };
        let mut diagnostic =
            Diagnostic::warning("check::open-gateway", format!("{who} may call every tool of this gateway"))
                .at(span, "no authorization")
                .help("attach a policy engine with `policy_mode = \"ENFORCE\"`, or use `AWS_IAM` or a `jwt_authorizer`")
                .about(&gateway.address);
        if gateway.document.get("policyEngineConfiguration").is_some() {
            let mode = gateway.span_of("policyEngineConfiguration.mode");
            diagnostic = diagnostic.with(mode.clone(), "decides nothing in this mode");
        }
        found.push(diagnostic);
    }
}

pub(super) fn is_enforced(gateway: &Resource) -> bool {
    gateway.document.pointer("/policyEngineConfiguration/mode").and_then(Value::as_str) == Some("ENFORCE")
}

fn conditions(resource: &Resource, jwt: &Value, found: &mut Vec<Diagnostic>) {
    let any = ["allowedAudience", "allowedClients", "allowedScopes", "customClaims"]
        .iter()
        .any(|member| jwt.get(member).and_then(Value::as_array).is_some_and(|list| !list.is_empty()));
    if !any {
        found.push(
            Diagnostic::error(
                "check::authorizer-empty",
                "the authorizer does not say which tokens of its issuer may pass",
            )
            .at(resource.span_of(PATH).clone(), "")
            .help("add `user_pool_clients`, `allowed_clients`, `allowed_audience`, `allowed_scopes` or `custom_claims`")
            .about(&resource.address),
        );
    }
}

fn discovery_url(resource: &Resource, jwt: &Value, found: &mut Vec<Diagnostic>) {
    let Some(url) = jwt.get("discoveryUrl").and_then(Value::as_str) else { return };
    let pieces = pieces(url);
    let safe = match pieces.first() {
        Some(Ok(start)) => {
            ["https://", "http://127.0.0.1", "http://localhost"].iter().any(|safe| start.starts_with(safe))
        }
        _ => true,
    };
    let complete = match pieces.last() {
        Some(Err(Reference { target: Target::Output(_, output), .. })) => output != "issuer",
        Some(Err(_)) => true,
        _ => ["openid-configuration", "oauth-authorization-server"]
            .iter()
            .any(|document| url.contains(&format!("/.well-known/{document}"))),
    };
    let (message, help) = if !complete {
        let issuer = reference::display(url.trim_end_matches('/'));
        let help = format!("write `{issuer}/.well-known/openid-configuration`");
        ("the discovery URL has no `/.well-known/…` at its end", help)
    } else if !safe {
        ("the discovery URL is not https", "the issuer's keys must come over https".to_owned())
    } else {
        return;
    };
    found.push(
        Diagnostic::error("check::discovery-url", message)
            .at(resource.span_of(&format!("{PATH}.discoveryUrl")).clone(), "")
            .help(help)
            .about(&resource.address),
    );
}

/// A rule about a claim compares as the claim's type can be compared (service.md §1.3): a text as a whole, a list by what it holds.
fn operators(resource: &Resource, jwt: &Value, found: &mut Vec<Diagnostic>) {
    let rules = jwt.get("customClaims").and_then(Value::as_array).into_iter().flatten();
    for (index, rule) in rules.enumerate() {
        let text = |path: &str| rule.pointer(path).and_then(Value::as_str);
        let (Some(kind), Some(operator)) =
            (text("/inboundTokenClaimValueType"), text("/authorizingClaimMatchValue/claimMatchOperator"))
        else {
            continue;
        };
        let (fits, help) = match kind {
            "STRING" => (operator == "EQUALS", "write `EQUALS`, or `STRING_ARRAY` if the claim is a list"),
            "STRING_ARRAY" => {
                (operator != "EQUALS", "write `CONTAINS` or `CONTAINS_ANY`, or `STRING` if it is no list")
            }
            _ => continue,
        };
        if !fits {
            let message = format!("a `{kind}` cannot be compared with `{operator}`");
            let path = format!("{PATH}.customClaims[{index}].authorizingClaimMatchValue.claimMatchOperator");
            found.push(
                Diagnostic::error("check::claim-operator", message)
                    .at(resource.span_of(&path).clone(), "")
                    .help(help)
                    .about(&resource.address),
            );
        }
    }
}

fn audience(stack: &Stack, resource: &Resource, jwt: &Value, issuer: &Issuer, found: &mut Vec<Diagnostic>) {
    let Issuer::Pool(pool) = issuer else { return };
    let mut definitions = stack.authorizers.iter().filter(|definition| definition.used_by.contains(&resource.address));
    let bound = definitions.any(|definition| definition.resource_binding);
    if jwt.get("allowedAudience").is_none() || bound || stack.resource(pool).is_some_and(adds_claims) {
        return;
    }
    found.push(
        Diagnostic::error("check::audience-with-cognito", format!("access tokens of `{pool}` carry no audience"))
            .at(resource.span_of(&format!("{PATH}.allowedAudience")).clone(), "lets nobody in")
            .help("use `user_pool_clients`, or say `resource_binding = true` if clients ask for a resource binding")
            .about(&resource.address),
    );
}

/// A pre token generation trigger of version 2 or 3 can put an audience into access tokens; an existing pool may have one.
pub(crate) fn adds_claims(pool: &Resource) -> bool {
    let version = pool.document.pointer("/LambdaConfig/PreTokenGenerationConfig/LambdaVersion").and_then(Value::as_str);
    pool.existing.is_some() || matches!(version, Some("V2_0" | "V3_0"))
}

fn clients(stack: &Stack, resource: &Resource, jwt: &Value, issuer: &Issuer, found: &mut Vec<Diagnostic>) {
    if !matches!(issuer, Issuer::Pool(_) | Issuer::Cognito) {
        return;
    }
    for (index, client) in texts(jwt, "allowedClients").enumerate() {
        if is_unknown(client) || is_client_id(client) {
            continue;
        }
        let named = of_kind(stack, &USER_POOL_CLIENT)
            .find(|known| known.address.name == client || known.live_name() == Some(client));
        let mut diagnostic =
            Diagnostic::error("check::client-name", format!("`{client}` is not the id of a Cognito client"))
                .at(resource.span_of(&format!("{PATH}.allowedClients[{index}]")).clone(), "")
                .help("`client_id` holds 26 lower-case letters and digits")
                .about(&resource.address);
        if let Some(known) = named {
            let name = &known.address.name;
            diagnostic = diagnostic
                .with(known.span.clone(), "the client of that name")
                .help(format!("write `user_pool_clients = [\"{name}\"]`, or `${{user_pool_client.{name}.id}}`"));
        }
        found.push(diagnostic);
    }
}

/// The form of an id that Cognito generates.
fn is_client_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
