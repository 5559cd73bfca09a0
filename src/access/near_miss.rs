//! Callers without a scope, group or role, and as near to having it as a mistaken policy could take for having it.
//!
//! This tests and does not prove: the callers are the personas without what is needed, with values that look like it, and with
//! every text that the policies compare with.

use std::collections::BTreeSet;

use serde_json::Value;

use super::authorizer::Door;
use super::caller::{Caller, Identity};
use super::gateway::{Gateway, Visitor};
use super::known::roles as named_roles;
use super::token::{Claims, Known, Token, read_list, write_list};
use crate::expectation::Needed;
use crate::manifest::cedar::{TokenKind, tokens};
use crate::stack::Claim;

/// Everybody to try at a gateway: callers without what is needed, each with what people call it.
pub(crate) fn without(
    gateway: &Gateway<'_>,
    callers: &[Caller],
    needed: &Needed,
) -> Result<Vec<(String, Visitor)>, String> {
    if !matches!(gateway.door, Door::Jwt(_)) {
        let lacks = |caller: &Caller| match (needed, &caller.identity) {
            (Needed::Role(name), Identity::Role(arn)) => !is_role(arn, name),
            // Which role signs is for the policies to ask.
            (Needed::Role(_), Identity::AnyRole) => false,
            _ => true,
        };
        let strangers = if gateway.door == Door::Open { Vec::new() } else { roles(gateway, needed) };
        let everybody = callers.iter().cloned().chain(strangers).filter(lacks);
        return Ok(everybody.map(|caller| (caller.name.clone(), gateway.visitor(&caller))).collect());
    }
    let (name, claims) = claims_of(gateway, needed)?;
    let lookalikes = lookalikes(gateway, &name);
    Ok(among(gateway, callers, needed, (&name, &claims), &lookalikes))
}

/// The ARN is that of a role of this name.
fn is_role(arn: &str, name: &str) -> bool {
    arn.rsplit_once(":assumed-role/").is_some_and(|(_, role)| role == name)
}

/// Roles that a mistaken policy could take for one, and all that the policies name.
fn roles(gateway: &Gateway<'_>, needed: &Needed) -> Vec<Caller> {
    let name = match needed {
        Needed::Scope(name) | Needed::Group(name) | Needed::Role(name) => name,
    };
    let account = gateway.stack().account.as_deref().unwrap_or("${aws.account}");
    let arn = |text: String| {
        if text.starts_with("arn:") {
            return Some(text);
        }
        // Of a part of an ARN there is the name.
        let name = text.rsplit_once(":assumed-role/").map_or(text.as_str(), |(_, name)| name);
        (!name.is_empty()).then(|| format!("arn:aws:sts::{account}:assumed-role/{name}"))
    };
    let mut seen = BTreeSet::new();
    let arns = lookalikes(gateway, name).into_iter().filter_map(arn);
    let arns = arns.filter(|arn| seen.insert(arn.clone()));
    arns.map(|arn| Caller { name: format!("the role `{arn}`"), identity: Identity::Role(arn) }).collect()
}

/// Roles that the manifest does not describe, the plainest first: one that no policy names, those that policies name, and those that
/// a mistaken policy could take for these.
pub(super) fn other_roles(gateway: &Gateway<'_>) -> Vec<Caller> {
    let account = gateway.stack().account.as_deref().unwrap_or("${aws.account}");
    let nobody = format!("arn:aws:sts::{account}:assumed-role/somebody-else");
    let rules = gateway.guard.iter().flat_map(|guard| &guard.rules);
    let told: BTreeSet<String> = rules.flat_map(|rule| named_roles(&rule.statement)).collect();
    let names = told.iter().filter_map(|arn| Some(arn.rsplit_once(":assumed-role/")?.1.to_owned()));
    // Without a name there still are the texts of the policies.
    let needed = names.chain([String::new()]).map(Needed::Role);
    let near: Vec<Caller> = needed.flat_map(|needed| roles(gateway, &needed)).collect();
    let caller = |arn: String| Caller { name: format!("the role `{arn}`"), identity: Identity::Role(arn) };
    std::iter::once(nobody).chain(told).map(caller).chain(near).collect()
}

/// Everybody with one of these values, or none, in one of the claims that can hold it.
fn among(
    gateway: &Gateway<'_>,
    callers: &[Caller],
    needed: &Needed,
    (name, claims): (&str, &[Claim]),
    lookalikes: &[String],
) -> Vec<(String, Visitor)> {
    let mut bases = vec![("the holder of a bare token".to_owned(), Claims::new())];
    for caller in callers {
        bases.extend(gateway.visitor(caller).token.map(|token| (caller.name.clone(), token.claims)));
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (whose, given) in bases {
        let mut base = given.clone();
        settle(&mut base, claims, gateway, name);
        for claim in claims {
            for claims in variants(&base, claim, name, lookalikes) {
                let token = Token { claims, known: Known::InPart };
                if has(&token, needed, gateway) || !seen.insert(Value::Object(token.claims.clone()).to_string()) {
                    continue;
                }
                let said = token.claims.get(&claim.name).filter(|value| !value.is_null());
                let changed = said != given.get(&claim.name);
                let said = said.map_or_else(|| "absent".to_owned(), Value::to_string);
                let whose = if changed { format!("{whose} with `{}` {said}", claim.name) } else { whose.clone() };
                let visitor = gateway.holder("near-miss", token);
                found.push((whose, visitor));
            }
        }
    }
    found
}

/// Says of claims that are absent what they are, since the authorizer is taken to find what a token does not say as it wants it: what
/// lets the token in and is not what is needed, else nothing.
pub(crate) fn settle(token: &mut Claims, claims: &[Claim], gateway: &Gateway<'_>, name: &str) {
    for claim in claims.iter().filter(|claim| !token.contains_key(&claim.name)).collect::<Vec<_>>() {
        let mut wanted = gateway.door.wants(&claim.name);
        wanted.retain(|value| value != name);
        let value = if wanted.is_empty() { Value::Null } else { write_list(claim, &wanted) };
        token.insert(claim.name.clone(), value);
    }
}

/// The value that is needed, and the claims that can hold it.
pub(crate) fn claims_of(gateway: &Gateway<'_>, needed: &Needed) -> Result<(String, Vec<Claim>), String> {
    let unnamed = |what: &str, key: &str| {
        format!("nobody says which claim holds {what} at `{}`: its authorizer has no `{key}`", gateway.resource.address)
    };
    match needed {
        Needed::Scope(name) => {
            let claim = gateway.names.scope.clone().ok_or_else(|| unnamed("scopes", "scope_claim"))?;
            Ok((name.clone(), vec![claim]))
        }
        Needed::Group(name) => {
            let claim = gateway.names.group.clone().ok_or_else(|| unnamed("groups", "group_claim"))?;
            Ok((name.clone(), vec![claim]))
        }
        Needed::Role(name) => {
            let one = Claim { name: "role".to_owned(), list: false };
            Ok((name.clone(), vec![one, Claim { name: "roles".to_owned(), list: true }]))
        }
    }
}

/// A token has what is needed.
pub(crate) fn has(token: &Token, needed: &Needed, gateway: &Gateway<'_>) -> bool {
    let lists = |claim: &Option<Claim>, name: &str| {
        claim.as_ref().is_some_and(|claim| read_list(claim, token).iter().any(|value| value == name))
    };
    match needed {
        Needed::Scope(name) => lists(&gateway.names.scope, name),
        Needed::Group(name) => lists(&gateway.names.group, name),
        Needed::Role(name) => {
            let roles = Claim { name: "roles".to_owned(), list: true };
            token.text("role") == Some(name.as_str()) || read_list(&roles, token).iter().any(|value| value == name)
        }
    }
}

/// A token without a value in a claim, and with each lookalike instead of it, beside the claim's other values and alone.
fn variants(base: &Claims, claim: &Claim, name: &str, lookalikes: &[String]) -> Vec<Claims> {
    let token = Token { claims: base.clone(), known: Known::InPart };
    let others: Vec<String> = read_list(claim, &token).into_iter().filter(|value| value != name).collect();
    let with = |value: Option<Value>| {
        let mut claims = base.clone();
        claims.insert(claim.name.clone(), value.unwrap_or(Value::Null));
        claims
    };
    let list = |values: &[String]| (!values.is_empty()).then(|| write_list(claim, values));
    let mut found = vec![base.clone(), with(None), with(list(&others))];
    for lookalike in lookalikes {
        let alone = [lookalike.clone()];
        let beside: Vec<String> = others.iter().chain(&alone).cloned().collect();
        found.extend([with(list(&alone)), with(list(&beside))]);
    }
    found
}

/// What a mistaken test could take for a value, the likeliest first: longer and shorter ones, other case, and every text of the
/// policies.
fn lookalikes(gateway: &Gateway<'_>, name: &str) -> Vec<String> {
    let short: String = name.chars().take(name.chars().count().saturating_sub(1)).collect();
    let mut found = vec![
        format!("{name}istrator"),
        format!("x{name}"),
        format!("{name}-none"),
        format!("{name}/x"),
        format!("x:{name}"),
        format!("x{name}x"),
        name.to_uppercase(),
        name.to_lowercase(),
        short,
        String::new(),
    ];
    for rule in gateway.guard.iter().flat_map(|guard| &guard.rules) {
        for token in tokens(&rule.statement) {
            if !matches!(token.kind, TokenKind::Literal | TokenKind::Pattern) {
                continue;
            }
            let raw = rule.statement.get(token.range).unwrap_or_default();
            let text = raw.trim_matches('"').replace("\\\"", "\"").replace("\\*", "*").replace("\\\\", "\\");
            found.push(text.replace('*', "").trim().to_owned());
            found.push(text.replace('*', "x"));
            found.push(text);
        }
    }
    let mut seen = BTreeSet::from([name.to_owned()]);
    // No scope can hold a quote (RFC 6749), and whoever names groups and roles decides about access anyway.
    found.retain(|value| !value.contains('"') && seen.insert(value.clone()));
    found
}
