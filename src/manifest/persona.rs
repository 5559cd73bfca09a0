//! `[persona.NAME]`: a caller, described by what its token says or by its IAM role.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Loader;
use super::absent::absent_resource;
use super::document::{Block, Document};
use super::nearest::suggestion;
use super::tree::{Content, Entry};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::kind::USER_POOL_CLIENT;
use crate::persona::{Client, Described, Persona, Who};
use crate::stack::Resource;

const KEYS: [&str; 7] = ["jwt_authorizer", "client", "scopes", "groups", "claims", "iam_role", "only_if"];

impl Loader {
    /// Reads every persona, once the resources are known.
    pub(super) fn personas(&mut self, document: &Document) -> Vec<Persona> {
        let blocks: Vec<&Block> = document.personas.iter().filter(|block| !self.is_absent(block)).collect();
        blocks.into_iter().filter_map(|block| self.persona(block)).collect()
    }

    fn persona(&mut self, block: &Block) -> Option<Persona> {
        let address = &block.address;
        if let Some(client) =
            self.resources.iter().find(|client| is_a_persona(client) && client.address.name == block.name)
        {
            let message = format!("`{}` is a persona by itself, and `{address}` has its name", client.address);
            let problem = Diagnostic::error("manifest::persona", message)
                .at(block.name_span.clone(), "")
                .with(client.span.clone(), "the client of that name");
            self.report(problem.help("give the persona another name").about(address));
            return None;
        }
        let mut spans = HashMap::new();
        let mut token = Described::default();
        let mut role = None;
        for entry in block.node.table().unwrap_or_default() {
            spans.insert(entry.key.clone(), entry.node.span.clone());
            match entry.key.as_str() {
                "only_if" => {}
                "jwt_authorizer" => token.jwt_authorizer = self.authorizer_of(entry, address),
                "client" => token.client = self.client_of(entry, address),
                "scopes" => token.scopes = self.words(entry, address),
                "groups" => token.groups = self.words(entry, address),
                "claims" => token.claims = self.claims(entry, address)?,
                "iam_role" => role = Some((entry, self.text_of(entry, address)?)),
                key => {
                    let mut problem =
                        Diagnostic::error("manifest::unknown-key", format!("a `persona` has no key `{key}`"));
                    problem.help = suggestion(key, KEYS);
                    self.report(problem.at(entry.key_span.clone(), "").about(address));
                }
            }
        }
        let who = match role {
            None => Who::Token(token),
            Some((entry, role)) => {
                if let Some(key) =
                    KEYS.into_iter().find(|key| !matches!(*key, "iam_role" | "only_if") && spans.contains_key(*key))
                {
                    let message = format!("`{address}` is an IAM role and has no `{key}`");
                    let problem = Diagnostic::error("manifest::persona", message).at(entry.key_span.clone(), "");
                    self.report(
                        problem.help("a caller signs with a role or holds a token: make two personas").about(address),
                    );
                    return None;
                }
                Who::Role(role)
            }
        };
        Some(Persona { name: block.name.clone(), span: block.node.span.clone(), who, spans })
    }

    fn authorizer_of(&mut self, entry: &Entry, address: &Address) -> Option<String> {
        let name = self.known_text(&entry.node, "`jwt_authorizer`")?;
        let definition = Address::new("jwt_authorizer", name.as_str());
        if let Some(absent) = self.absent.get(&definition) {
            let problem = absent_resource(&definition, entry.node.span.clone(), absent.clone());
            self.report(problem.about(address));
        } else if !self.misspelt.contains(&definition)
            && self.authorizers.iter().all(|authorizer| authorizer.name != name)
        {
            let mut problem = Diagnostic::error("manifest::unknown-resource", format!("there is no `{definition}`"));
            problem.help = suggestion(&name, self.authorizers.iter().map(|authorizer| authorizer.name.as_str()));
            self.report(problem.at(entry.node.span.clone(), "").about(address));
        }
        Some(name)
    }

    /// A client by its name, else by its id.
    fn client_of(&mut self, entry: &Entry, address: &Address) -> Option<Client> {
        let text = self.text_of(entry, address)?;
        let named = Address::new(USER_POOL_CLIENT.name, text.as_str());
        if let Some(absent) = self.absent.get(&named) {
            let problem = absent_resource(&named, entry.node.span.clone(), absent.clone());
            self.report(problem.about(address));
        }
        let known = self.resources.iter().any(|resource| resource.address == named);
        Some(if known { Client::Named(named) } else { Client::Id(text) })
    }

    fn text_of(&mut self, entry: &Entry, address: &Address) -> Option<String> {
        let Some(text) = entry.node.text() else {
            self.refuse(entry, "text", address);
            return None;
        };
        let value = self.fill(text, &entry.node.span, Some(address))?;
        Some(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
    }

    /// A list of texts. One that is no list of texts is reported.
    fn words(&mut self, entry: &Entry, address: &Address) -> Option<Vec<String>> {
        let value = self.fill_document(entry.node.plain(), &entry.node.span, Some(address))?;
        let words = value.as_array().and_then(|items| {
            items.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect::<Option<Vec<_>>>()
        });
        if words.is_none() {
            self.refuse(entry, "a list of texts", address);
        }
        words
    }

    fn claims(&mut self, entry: &Entry, address: &Address) -> Option<Map<String, Value>> {
        if !matches!(entry.node.content, Content::Table(_)) {
            self.refuse(entry, "a table of claims", address);
            return None;
        }
        match self.fill_document(entry.node.plain(), &entry.node.span, Some(address))? {
            Value::Object(claims) => Some(claims),
            _ => None,
        }
    }

    fn refuse(&mut self, entry: &Entry, wanted: &str, address: &Address) {
        let message = format!("`{}` is {wanted}, found {}", entry.key, entry.node.type_name());
        self.report(Diagnostic::error("manifest::wrong-type", message).at(entry.node.span.clone(), "").about(address));
    }
}

/// A client that asks for tokens as itself is a persona.
pub(crate) fn is_a_persona(client: &Resource) -> bool {
    let says = |member: &str| client.document.get(member);
    let flows = says("AllowedOAuthFlows").and_then(Value::as_array);
    client.kind == &USER_POOL_CLIENT
        && says("AllowedOAuthFlowsUserPoolClient") == Some(&Value::Bool(true))
        && flows.is_some_and(|flows| flows.iter().any(|flow| flow == "client_credentials"))
}
