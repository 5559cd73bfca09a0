//! Personas: callers that a manifest describes, a token holder or an IAM role.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::address::Address;
use crate::diagnostic::Span;
use crate::reference::{Target, resolve, resolve_text};

/// `[persona.NAME]`.
#[derive(Debug, Clone)]
pub struct Persona {
    /// Its name.
    pub name: String,
    /// The span of its header.
    pub span: Span,
    /// Who it is.
    pub who: Who,
    /// Where each key stands.
    pub spans: HashMap<String, Span>,
}

/// Who a persona is.
#[derive(Debug, Clone)]
pub enum Who {
    /// The holder of a token.
    Token(Described),
    /// An IAM role, by its ARN, by the ARN of its session, or by its name in the stack's account.
    Role(String),
}

/// A token as a manifest describes it: what is not said is not in it.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// The `jwt_authorizer` whose claim names it has and whose issuer it is from; without one, those of each gateway.
    pub jwt_authorizer: Option<String>,
    /// The client that asked for it.
    pub client: Option<Client>,
    /// Its scopes.
    pub scopes: Option<Vec<String>>,
    /// The groups of its subject.
    pub groups: Option<Vec<String>>,
    /// Other claims. References are marks.
    pub claims: Map<String, Value>,
}

/// A client of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// One of the manifest's.
    Named(Address),
    /// By the id that its tokens carry. References are marks.
    Id(String),
}

impl Who {
    /// Fills in the references that `lookup` knows.
    pub(crate) fn resolve(&mut self, lookup: &dyn Fn(&Target) -> Option<String>) {
        let fill = |text: &mut String| *text = resolve_text(text, lookup);
        match self {
            Self::Role(role) => fill(role),
            Self::Token(Described { client, scopes, groups, claims, .. }) => {
                scopes.iter_mut().flatten().chain(groups.iter_mut().flatten()).for_each(fill);
                claims.iter_mut().for_each(|(_, claim)| *claim = resolve(claim, lookup));
                if let Some(Client::Id(id)) = client {
                    fill(id);
                }
            }
        }
    }
}

impl Persona {
    /// The place of a key, or of the persona.
    pub fn span_of(&self, key: &str) -> &Span {
        self.spans.get(key).unwrap_or(&self.span)
    }
}
