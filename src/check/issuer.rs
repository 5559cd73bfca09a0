//! Whose tokens an authorizer takes, and what they look like: the issuers that service.md §17 tells apart.

use serde_json::Value;

use crate::address::Address;
use crate::reference::{Reference, Target, pieces};
use crate::stack::{Authorizer, Resource, Stack};

/// An issuer of tokens, as far as the discovery URL tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Issuer {
    /// A user pool of the manifest.
    Pool(Address),
    /// A user pool of somebody else.
    Cognito,
    Okta,
    /// Microsoft Entra ID; whether the URL is that of version 2.
    Entra(bool),
    /// Any other issuer, or one that a reference decides.
    Other,
}

/// The authorizer of a gateway or runtime.
pub(super) fn authorizer(resource: &Resource) -> Option<&Value> {
    resource.document.pointer("/authorizerConfiguration/customJWTAuthorizer")
}

/// The definitions that a gateway or runtime uses.
pub(super) fn definitions<'a>(stack: &'a Stack, user: &'a Address) -> impl Iterator<Item = &'a Authorizer> {
    stack.authorizers.iter().filter(move |definition| definition.used_by.contains(user))
}

/// The issuer of an authorizer's tokens.
pub(super) fn issuer(authorizer: &Value) -> Issuer {
    let url = authorizer.get("discoveryUrl").and_then(Value::as_str).unwrap_or_default();
    let pieces = pieces(url);
    let pool = pieces.iter().find_map(|piece| match piece {
        Err(Reference { target: Target::Output(address, _), .. }) if address.kind == "user_pool" => {
            Some(address.clone())
        }
        _ => None,
    });
    if let Some(pool) = pool {
        return Issuer::Pool(pool);
    }
    let Some(Ok(start)) = pieces.first() else { return Issuer::Other };
    let host = start.split_once("://").map_or(*start, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let ends = |ends: &[&str]| ends.iter().any(|end| host.ends_with(end));
    if host.starts_with("cognito-idp.") || host.starts_with("issuer-cognito-idp.") {
        Issuer::Cognito
    } else if ends(&[".okta.com", ".oktapreview.com", ".okta-emea.com"]) {
        Issuer::Okta
    } else if ends(&[
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "sts.windows.net",
    ]) {
        Issuer::Entra(url.contains("/v2.0/"))
    } else {
        Issuer::Other
    }
}

/// How a claim holds what a policy looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Words between blanks.
    Words,
    /// A list, which a policy sees as its JSON text.
    List,
    /// One of the two.
    WordsOrList,
    /// One value.
    One,
}

/// The shape of a claim in the tokens that these gateways take.
pub(super) fn shape(stack: &Stack, gateways: &[&Resource], claim: &str) -> Shape {
    let named = gateways.iter().flat_map(|gateway| definitions(stack, &gateway.address)).find_map(|definition| {
        [&definition.scope_claim, &definition.group_claim].into_iter().flatten().find(|known| known.name == claim)
    });
    if let Some(known) = named {
        return if known.list { Shape::List } else { Shape::Words };
    }
    match claim {
        "scope" => Shape::Words,
        "cognito:groups" | "cognito:roles" | "groups" | "roles" | "permissions" | "amr" => Shape::List,
        "scp" => match gateways.iter().find_map(|gateway| authorizer(gateway)).map(issuer) {
            Some(Issuer::Okta) => Shape::List,
            Some(Issuer::Entra(_)) => Shape::Words,
            _ => Shape::WordsOrList,
        },
        _ => Shape::One,
    }
}

/// The claim is a list wherever these gateways take tokens from, as far as that is known.
pub(super) fn is_list(stack: &Stack, gateways: &[&Resource], claim: &str) -> bool {
    let at = |gateway: &&Resource| {
        let named = definitions(stack, &gateway.address).find_map(|definition| {
            [&definition.scope_claim, &definition.group_claim].into_iter().flatten().find(|known| known.name == claim)
        });
        named.map_or_else(
            || match authorizer(gateway).map(issuer) {
                Some(Issuer::Pool(_) | Issuer::Cognito) => claim == "cognito:groups",
                Some(Issuer::Okta) => matches!(claim, "scp" | "groups"),
                Some(Issuer::Entra(_)) => matches!(claim, "roles" | "groups" | "wids"),
                _ => false,
            },
            |named| named.list,
        )
    };
    !gateways.is_empty() && gateways.iter().all(at)
}
