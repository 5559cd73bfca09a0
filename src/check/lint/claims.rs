//! Claims that Okta's and Entra's tokens have under another name (service.md §17).

use std::collections::BTreeSet;

use crate::check::cedar::expression::{asked_claim, conditions, parts};
use crate::check::cedar::{Engine, Statement};
use crate::check::issuer::{Issuer, authorizer, definitions, issuer};
use crate::diagnostic::Diagnostic;
use crate::persona::Who;
use crate::stack::Stack;

/// The issuer's name, and for claims of others what its tokens have instead.
struct Vendor {
    name: &'static str,
    instead: &'static [(&'static str, &'static str)],
}

const OKTA: Vendor = Vendor {
    name: "Okta",
    instead: &[
        ("scope", "`scp`, a list"),
        ("client_id", "`cid`"),
        ("azp", "`cid`"),
        ("appid", "`cid`"),
        ("cognito:groups", "`groups`, where the authorization server adds it"),
    ],
};

const ENTRA_2: Vendor = Vendor {
    name: "Entra (version 2)",
    instead: &[
        ("scope", "`scp`"),
        ("client_id", "`azp`"),
        ("cid", "`azp`"),
        ("appid", "`azp`"),
        ("cognito:groups", "`groups`, a list"),
    ],
};

const ENTRA_1: Vendor = Vendor {
    name: "Entra (version 1)",
    instead: &[
        ("scope", "`scp`"),
        ("client_id", "`appid`"),
        ("cid", "`appid`"),
        ("azp", "`appid`"),
        ("cognito:groups", "`groups`, a list"),
    ],
};

/// A policy asks for a claim by the name that another issuer gives it.
pub(super) fn check(stack: &Stack, engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let vendor = |gateway: &&&crate::stack::Resource| match authorizer(gateway).map(issuer) {
        Some(Issuer::Okta) => Some(OKTA),
        Some(Issuer::Entra(second)) => Some(if second { ENTRA_2 } else { ENTRA_1 }),
        _ => None,
    };
    let gateways = || engine.guarded.gateways.iter();
    let vendors: Vec<Vendor> = gateways().filter_map(|gateway| vendor(&gateway)).collect();
    let Some(first) = vendors.first() else { return };
    if engine.is_foreign() || vendors.len() < gateways().count() || vendors.iter().any(|other| other.name != first.name)
    {
        return;
    }
    // What somebody says to be in tokens is taken to be there.
    let said = |claim: &str| {
        let named = gateways().flat_map(|gateway| definitions(stack, &gateway.address)).any(|definition| {
            let claims = [&definition.scope_claim, &definition.group_claim, &definition.client_claim];
            claims.into_iter().flatten().any(|known| known.name == claim)
        });
        named
            || stack.personas.iter().any(|persona| match &persona.who {
                Who::Token(token) => token.claims.contains_key(claim),
                Who::Role(_) => false,
            })
    };
    let asked: BTreeSet<&str> =
        conditions(&statement.form).flat_map(|(_, body)| parts(body)).filter_map(asked_claim).collect();
    for claim in asked.into_iter().filter(|claim| !said(claim)) {
        let Some((_, instead)) = first.instead.iter().find(|(other, _)| *other == claim) else { continue };
        found.push(
            statement
                .text
                .warning("lint::claim-not-issued", format!("tokens of {} have no claim `{claim}`", first.name))
                .at(statement.text.literal(claim), "")
                .help(format!("it is {instead} there; where an extra claim is added, say so on the `jwt_authorizer`")),
        );
    }
}
