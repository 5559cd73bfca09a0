//! What a stack says of callers, as a manifest again: authorizers whose claims have names, personas and expectations.

use std::fmt::Write;

use model::Api;
use serde_json::Value;

use super::{Writer, bare, escaped, line, quoted};
use crate::address::Address;
use crate::expectation::{Expectation, Expected, Named, Needed};
use crate::kind::GATEWAY;
use crate::manifest::authorizer::{SHAPE, mark};
use crate::persona::{Client, Described, Persona, Who};
use crate::stack::{Authorizer, Claim, Resource, Stack};

/// The members that a resource has from its authorizer.
const MEMBERS: [&str; 2] = ["authorizerType", "authorizerConfiguration"];

/// The definition that a resource goes on using: one that says more than the document, such as the names of claims.
pub(super) fn definition_of<'a>(stack: &'a Stack, resource: &Resource) -> Option<&'a Authorizer> {
    stack
        .authorizers
        .iter()
        .find(|definition| definition.used_by.contains(&resource.address) && stays(stack, definition))
}

/// The member comes from the authorizer.
pub(super) fn is_of_authorizer(wire: &str) -> bool {
    MEMBERS.contains(&wire)
}

/// A definition that resources alone cannot replace.
fn stays(stack: &Stack, definition: &Authorizer) -> bool {
    let named = |persona: &Persona| match &persona.who {
        Who::Token(token) => token.jwt_authorizer.as_ref() == Some(&definition.name),
        Who::Role(_) => false,
    };
    let claims = [&definition.scope_claim, &definition.group_claim, &definition.client_claim];
    definition.resource_binding || claims.iter().any(|claim| claim.is_some()) || stack.personas.iter().any(named)
}

/// Every definition that stays.
pub(super) fn definitions(text: &mut String, stack: &Stack) {
    for definition in stack.authorizers.iter().filter(|definition| stays(stack, definition)) {
        let _ = writeln!(text, "\n[jwt_authorizer.{}]", bare(&definition.name));
        if let Some(pool) = &definition.user_pool {
            line(text, "user_pool", &quoted(&pool.name));
        }
        members(text, definition);
        if !definition.user_pool_clients.is_empty() {
            let clients = definition.user_pool_clients.iter().map(|client| quoted(&client.name));
            line(text, "user_pool_clients", &format!("[{}]", clients.collect::<Vec<_>>().join(", ")));
        }
        if definition.resource_binding {
            line(text, "resource_binding", "true");
        }
        let claims = [
            ("scope_claim", &definition.scope_claim),
            ("group_claim", &definition.group_claim),
            ("client_claim", &definition.client_claim),
        ];
        for (key, claim) in claims {
            match claim {
                Some(Claim { name, list: true }) => {
                    line(text, key, &format!("{{ name = {}, list = true }}", quoted(name)));
                }
                Some(Claim { name, list: false }) => line(text, key, &quoted(name)),
                None => {}
            }
        }
    }
}

/// The API's members of a definition; what the pool and the clients by name give is said by these.
fn members(text: &mut String, definition: &Authorizer) {
    let api = Api::agentcore();
    // No member of an authorizer is told apart by the kind that it stands in.
    let writer = Writer { api, kind: &GATEWAY };
    let by_name: Vec<Value> =
        definition.user_pool_clients.iter().map(|client: &Address| mark(client.clone(), "id").into()).collect();
    for (wire, value) in definition.document.as_object().into_iter().flatten() {
        if wire == "discoveryUrl" && definition.user_pool.is_some() {
            continue;
        }
        let mut value = value.clone();
        if let Some(clients) = value.as_array_mut().filter(|_| wire == "allowedClients") {
            clients.retain(|client| !by_name.contains(client));
            if clients.is_empty() {
                continue;
            }
        }
        let (key, shape) = writer.member(api.shape(SHAPE), wire);
        writer.given(text, &key, wire, shape, &value);
    }
}

pub(super) fn personas(text: &mut String, personas: &[Persona]) {
    for persona in personas {
        let _ = writeln!(text, "\n[persona.{}]", bare(&persona.name));
        match &persona.who {
            Who::Role(role) => line(text, "iam_role", &quoted(&escaped(role))),
            Who::Token(token) => self::token(text, token),
        }
    }
}

fn token(text: &mut String, token: &Described) {
    if let Some(name) = &token.jwt_authorizer {
        line(text, "jwt_authorizer", &quoted(name));
    }
    match &token.client {
        Some(Client::Named(address)) => line(text, "client", &quoted(&address.name)),
        Some(Client::Id(id)) => line(text, "client", &quoted(&escaped(id))),
        None => {}
    }
    for (key, list) in [("scopes", &token.scopes), ("groups", &token.groups)] {
        if let Some(list) = list {
            let list = list.iter().map(|one| quoted(&escaped(one)));
            line(text, key, &format!("[{}]", list.collect::<Vec<_>>().join(", ")));
        }
    }
    for (claim, value) in &token.claims {
        plain(text, &format!("claims.{}", bare(claim)), value);
    }
}

pub(super) fn expectations(text: &mut String, expectations: &[Expectation]) {
    for expectation in expectations {
        text.push_str("\n[[expect]]\n");
        match &expectation.expected {
            Expected::Reach { personas, always, sometimes, never } => {
                for (key, list) in
                    [("personas", personas), ("always", always), ("sometimes", sometimes), ("never", never)]
                {
                    if !list.is_empty() {
                        line(text, key, &names(list));
                    }
                }
            }
            Expected::Call { persona, tool, input, allowed } => {
                line(text, "persona", &name(persona));
                line(text, "tool", &name(tool));
                plain(text, "input", input);
                line(text, "decision", &quoted(if *allowed { "allow" } else { "deny" }));
            }
            Expected::OnlyWith { tools, needed } => {
                line(text, "tools", &names(tools));
                let (key, value) = match needed {
                    Needed::Scope(scope) => ("only_with_scope", scope),
                    Needed::Group(group) => ("only_with_group", group),
                    Needed::Role(role) => ("only_with_role", role),
                };
                line(text, key, &quoted(&escaped(value)));
            }
        }
    }
}

fn names(list: &[Named]) -> String {
    format!("[{}]", list.iter().map(name).collect::<Vec<_>>().join(", "))
}

fn name(named: &Named) -> String {
    quoted(&escaped(&named.text))
}

/// A value that no kind describes.
fn plain(text: &mut String, key: &str, value: &Value) {
    let writer = Writer { api: Api::agentcore(), kind: &GATEWAY };
    writer.given(text, key, key, None, value);
}
