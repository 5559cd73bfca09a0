//! Scopes and claims: what policies ask for is what callers can have, and what callers have is asked for.
//!
//! Only where the manifest knows every token: its own pool, its own clients, no trigger that adds to tokens.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::caller::asks_nothing;
use crate::address::Address;
use crate::check::authorizer::adds_claims;
use crate::check::cedar::expression::{asked_claim, claim, conditions, matches, operator, parts, pattern, text};
use crate::check::cedar::{Engine, Statement};
use crate::check::client::{BUILT_IN, scopes_of};
use crate::check::issuer::{Issuer, authorizer, definitions, issuer};
use crate::check::{children, of_kind, texts};
use crate::diagnostic::Diagnostic;
use crate::kind::{RESOURCE_SERVER, USER_POOL_CLIENT};
use crate::manifest::nearest::{listed, nearest};
use crate::reference::{Target, display, holds_unknown, is_unknown, references};
use crate::stack::{Resource, Stack};

/// The claims of Cognito's access tokens.
const OF_COGNITO: [&str; 17] = [
    "sub",
    "scope",
    "client_id",
    "cognito:groups",
    "username",
    "token_use",
    "iss",
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "jti",
    "version",
    "origin_jti",
    "event_id",
    "device_key",
    "aud",
];

/// Claims that other issuers, or other tokens, have under another name.
const OTHERWISE: [(&str, &str); 5] = [
    ("cognito:username", "username"),
    ("groups", "cognito:groups"),
    ("scp", "scope"),
    ("scopes", "scope"),
    ("cid", "client_id"),
];

/// Every scope that resource servers of the manifest define.
pub(super) fn defined(stack: &Stack) -> Vec<String> {
    of_kind(stack, &RESOURCE_SERVER).flat_map(scopes_of).filter(|scope| !is_unknown(scope)).collect()
}

pub(super) fn check(stack: &Stack, engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    let gateways = &engine.guarded.gateways;
    let tokens: Vec<Tokens<'_>> = gateways.iter().filter_map(|gateway| Tokens::of(stack, gateway)).collect();
    if tokens.is_empty() || tokens.len() < gateways.len() || !engine.clean {
        return;
    }
    let mut told = BTreeSet::new();
    let mut meant = BTreeSet::new();
    for statement in engine.statements.iter().filter(|statement| statement.sound) {
        for (claim, scope) in tested(statement) {
            if told.insert((claim.clone(), scope.clone())) {
                meant.extend(unreachable(&tokens, statement, &claim, &scope, found));
            }
        }
        unissued(&tokens, statement, found);
    }
    // A permit that asks nothing may be the one that should have asked.
    if engine.statements.iter().any(|statement| statement.is_permit() && asks_nothing(statement)) {
        return;
    }
    for tokens in &tokens {
        untested(engine, tokens, &meant, found);
    }
}

/// The tokens that a gateway lets in.
struct Tokens<'a> {
    gateway: &'a Resource,
    pool: &'a Address,
    /// The claim that holds scopes.
    claim: String,
    /// The scopes that clients can get, each with the first client that can.
    scopes: BTreeMap<String, (&'a Resource, usize)>,
    /// The scopes that the pool's resource servers define.
    defined: Vec<String>,
    /// Only access tokens get in: the authorizer asks for a client.
    access_only: bool,
}

impl<'a> Tokens<'a> {
    /// Nothing if anything about them is not known.
    fn of(stack: &'a Stack, gateway: &'a Resource) -> Option<Self> {
        let document = authorizer(gateway)?;
        let Issuer::Pool(pool) = issuer(document) else { return None };
        let pool = stack.resource(&pool).filter(|pool| pool.existing.is_none() && pool.adopt.is_none())?;
        if adds_claims(pool) {
            return None;
        }
        let servers: Vec<&Resource> = children(stack, &RESOURCE_SERVER, &pool.address).collect();
        if servers.iter().any(|server| server.existing.is_some() || holds_unknown(&server.document)) {
            return None;
        }
        let listed: Vec<&str> = texts(document, "allowedClients").collect();
        let clients: Vec<&Resource> = if listed.is_empty() {
            children(stack, &USER_POOL_CLIENT, &pool.address).collect()
        } else {
            listed.iter().map(|client| stack.resource(&referred(client)?)).collect::<Option<_>>()?
        };
        let defined: Vec<String> = servers.into_iter().flat_map(scopes_of).collect();
        let mut scopes = BTreeMap::new();
        for client in clients {
            if client.existing.is_some() || client.document.get("AllowedOAuthScopes").is_some_and(holds_unknown) {
                return None;
            }
            for (index, scope) in texts(&client.document, "AllowedOAuthScopes").enumerate() {
                // That it does not exist was told.
                if !BUILT_IN.contains(&scope) && !defined.iter().any(|known| known == scope) {
                    return None;
                }
                scopes.entry(scope.to_owned()).or_insert((client, index));
            }
        }
        let named = definitions(stack, &gateway.address).find_map(|definition| definition.scope_claim.as_ref());
        Some(Self {
            gateway,
            pool: &pool.address,
            claim: named.map_or("scope", |claim| claim.name.as_str()).to_owned(),
            scopes,
            defined,
            access_only: !listed.is_empty() && document.get("allowedAudience").is_none(),
        })
    }
}

/// The client that a reference names.
fn referred(text: &str) -> Option<Address> {
    references(&Value::String(text.to_owned())).into_iter().find_map(|found| match found.target {
        Target::Output(address, _) => Some(address),
        _ => None,
    })
}

/// The words that a policy looks for in claims: claim and word.
fn tested(statement: &Statement<'_>) -> Vec<(String, String)> {
    let all = conditions(&statement.form).flat_map(|(_, body)| parts(body));
    all.filter_map(|part| {
        let (name, sides) = operator(part)?;
        let (left, right) = (sides.get("left")?, sides.get("right"));
        let (claim, word) = match name {
            "==" => match (claim(left), claim(right?)) {
                (Some(claim), None) => (claim, text(right?)?.to_owned()),
                (None, Some(claim)) => (claim, text(left)?.to_owned()),
                _ => return None,
            },
            "like" => {
                let texts = pattern(sides)?;
                let mut words = texts.iter().filter(|text| !text.trim().is_empty());
                let word = words.next()?.trim_matches([' ', '"']).to_owned();
                // A pattern within the word asks for many words.
                let whole =
                    words.next().is_none() && texts.iter().any(|text| text.starts_with(' ') || text.ends_with(' '));
                (claim(left)?, Some(word).filter(|_| whole)?)
            }
            _ => return None,
        };
        (!word.is_empty() && !word.contains([' ', '"']) && !is_unknown(&word)).then(|| (claim.to_owned(), word))
    })
    .collect()
}

/// A policy asks for a scope that nobody who gets in can have. Says which one was meant, if it is a misspelt one.
fn unreachable(
    tokens: &[Tokens<'_>],
    statement: &Statement<'_>,
    claim: &str,
    scope: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<String> {
    let mut hold = tokens.iter().filter(|tokens| tokens.claim == claim);
    let first = hold.next()?;
    if BUILT_IN.contains(&scope)
        || tokens.iter().any(|tokens| tokens.claim != claim || tokens.scopes.contains_key(scope))
    {
        return None;
    }
    let mut meant = None;
    let pool = first.pool;
    let (message, help) = if first.defined.iter().any(|known| known == scope) {
        (
            format!("no client that gets in can have the scope `{scope}`"),
            format!(
                "add it to the `allowed_oauth_scopes` of a client, or let in a client that has it: `{}`",
                first.gateway.address
            ),
        )
    } else {
        let known: Vec<&str> = first.defined.iter().map(String::as_str).collect();
        meant = nearest(scope, known.iter().copied()).map(ToOwned::to_owned);
        let help = match &meant {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("add a `resource_server` to `{pool}` that defines it"),
            None => format!("`{pool}` has {}", listed(&known)),
        };
        (format!("no resource server of `{pool}` defines the scope `{scope}`, so no token has it"), help)
    };
    let at = statement.text.statement().find(scope).map(|start| start..start + scope.len());
    let at = at.map_or_else(|| statement.text.whole(), |range| statement.text.span(&range));
    found.push(statement.text.warning("lint::unreachable-scope", message).at(at, "").help(help));
    meant
}

/// A policy asks for a claim that access tokens of the pool do not have.
fn unissued(tokens: &[Tokens<'_>], statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    if tokens.iter().any(|tokens| !tokens.access_only) {
        return;
    }
    let mut told = BTreeSet::new();
    for part in conditions(&statement.form).flat_map(|(_, body)| parts(body)) {
        let Some(claim) = asked_claim(part).filter(|claim| !OF_COGNITO.contains(claim)) else { continue };
        if is_unknown(claim) || !told.insert(claim) {
            continue;
        }
        let help = match OTHERWISE.iter().find(|(other, _)| *other == claim) {
            Some((_, ours)) => format!("Cognito calls it `{ours}`"),
            None => match nearest(claim, OF_COGNITO) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "attributes of a user are in ID tokens only; a pre token generation trigger of version `V2_0` can add them"
                    .to_owned(),
            },
        };
        found.push(
            statement
                .text
                .warning("lint::claim-not-issued", format!("access tokens of Cognito have no claim `{claim}`"))
                .at(statement.text.literal(claim), "")
                .help(help),
        );
    }
}

/// Clients that get in can have a scope that no policy asks for, though policies ask for others of its resource server.
fn untested(engine: &Engine<'_>, tokens: &Tokens<'_>, meant: &BTreeSet<String>, found: &mut Vec<Diagnostic>) {
    // What an interceptor sees it may test.
    if tokens.gateway.document.get("interceptorConfigurations").is_some() || !engine.is_known() {
        return;
    }
    let document = authorizer(tokens.gateway).map(ToString::to_string).unwrap_or_default();
    let is_tested = |scope: &str| {
        document.contains(&format!("\"{scope}\""))
            || engine.statements.iter().any(|statement| {
                // A part of the scope may come from a reference.
                display(statement.text.statement()).contains(scope) || finds(statement, &tokens.claim, scope)
            })
    };
    let server = |scope: &str| scope.rsplit_once('/').map(|(server, _)| server.to_owned());
    let (asked, silent): (Vec<_>, Vec<_>) = tokens.scopes.iter().partition(|(scope, _)| is_tested(scope));
    let asked: BTreeSet<_> = asked.iter().filter_map(|(scope, _)| server(scope)).collect();
    for (scope, (client, index)) in silent {
        if !meant.contains(scope) && server(scope).is_some_and(|server| asked.contains(&server)) {
            let message = format!("`{}` can get the scope `{scope}`, and no policy asks for it", client.address);
            found.push(
                Diagnostic::warning("lint::untested-scope", message)
                    .at(client.span_of(&format!("AllowedOAuthScopes[{index}]")).clone(), "")
                    .help(format!(
                        "write a policy for what it should open, or remove it: `{}`",
                        engine.resource.address
                    ))
                    .about(&client.address),
            );
        }
    }
}

/// A pattern of the policy finds the scope, alone or among others.
fn finds(statement: &Statement<'_>, name: &str, scope: &str) -> bool {
    let forms = [scope.to_owned(), format!("{scope} x"), format!("x {scope}"), format!("x {scope} x")];
    conditions(&statement.form).flat_map(|(_, body)| parts(body)).filter_map(|part| part.get("like")).any(|like| {
        like.get("left").and_then(claim) == Some(name)
            && pattern(like).is_some_and(|texts| forms.iter().any(|form| matches(&texts, form)))
    })
}
