//! `[jwt_authorizer.NAME]`: an authorizer that is written once and used by gateways and runtimes.

use model::Api;
use serde_json::{Map, Value};

use super::Loader;
use super::convert::Sheet;
use super::document::{Block, Document};
use super::tree::{Content, Entry};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::kind::{USER_POOL, USER_POOL_CLIENT};
use crate::reference::{Filter, Reference, Target};
use crate::stack::{Authorizer, Claim};

/// The API's structure that the definition becomes.
pub(super) const SHAPE: &str = "CustomJWTAuthorizerConfiguration";

/// Keys of the definition beside the structure's members.
const KEYS: [&str; 7] =
    ["user_pool", "user_pool_clients", "resource_binding", "scope_claim", "group_claim", "client_claim", "only_if"];

impl Loader {
    /// Reads every definition; the resources that use one find it by name.
    pub(super) fn jwt_authorizers(&mut self, document: &Document) {
        for block in &document.jwt_authorizers {
            if !self.is_absent(block) {
                self.jwt_authorizer(block);
            }
        }
    }

    fn jwt_authorizer(&mut self, block: &Block) {
        let Some(shape) = Api::agentcore().shape(SHAPE) else { return };
        let keys = self.spelling.of_shape(shape);
        let address = Address::new("jwt_authorizer", block.name.clone());
        let mut sheet = Sheet::new(Api::agentcore(), address.clone());
        let mut members = Map::new();
        let mut authorizer = Authorizer {
            name: block.name.clone(),
            span: block.node.span.clone(),
            user_pool: None,
            user_pool_clients: Vec::new(),
            document: Value::Null,
            resource_binding: false,
            scope_claim: None,
            group_claim: None,
            client_claim: None,
            used_by: Vec::new(),
            spans: std::collections::HashMap::new(),
        };
        let mut pool = None;
        let mut clients = None;
        let mut discovery = None;
        for entry in block.node.table().unwrap_or_default() {
            match entry.key.as_str() {
                "only_if" => {}
                "user_pool" => pool = Some(entry),
                "user_pool_clients" => clients = Some(entry),
                "resource_binding" => match entry.node.content {
                    Content::Boolean(truth) => authorizer.resource_binding = truth,
                    _ => self.wrong(entry, "true or false", &address),
                },
                "scope_claim" => authorizer.scope_claim = self.claim(entry, &address),
                "group_claim" => authorizer.group_claim = self.claim(entry, &address),
                "client_claim" => authorizer.client_claim = self.claim(entry, &address),
                key => match keys.get(key) {
                    Some(member) => {
                        if key == "discovery_url" {
                            discovery = Some(entry);
                        }
                        let value = self.member(&mut sheet, member, entry);
                        members.insert(member.wire.clone(), value);
                    }
                    None => self.unknown_key(&mut sheet, entry, keys.keys().map(String::as_str).chain(KEYS)),
                },
            }
        }
        match (pool, discovery) {
            (Some(entry), None) => {
                authorizer.user_pool = self.named(&entry.node, USER_POOL.name, &address);
                let url = authorizer.user_pool.clone().map(|pool| mark(pool, "discovery_url"));
                sheet.spans.insert("discoveryUrl".to_owned(), entry.node.span.clone());
                // The URL stands first, as in the API's own examples.
                let rest = std::mem::take(&mut members);
                members.insert("discoveryUrl".to_owned(), url.into());
                members.extend(rest);
                if authorizer.user_pool.is_none() {
                    sheet.broken.push("discoveryUrl".to_owned());
                }
            }
            (None, Some(_)) => {}
            (both, _) => {
                let message = match both {
                    Some(_) => format!("`{address}` has both `user_pool` and `discovery_url`"),
                    None => format!("`{address}` has neither `user_pool` nor `discovery_url`"),
                };
                let span = both.map_or_else(|| block.node.span.clone(), |entry| entry.key_span.clone());
                let mut problem = Diagnostic::error("manifest::jwt-authorizer", message).at(span, "").about(&address);
                if let Some(discovery) = discovery {
                    problem = problem.with(discovery.key_span.clone(), "also given here");
                }
                let help = "give one: `user_pool` for a pool of this manifest, `discovery_url` for any other issuer";
                self.report(problem.help(help));
                sheet.broken.push("discoveryUrl".to_owned());
                sheet.misspelt.push((String::new(), Some("discovery_url".to_owned())));
            }
        }
        if let Some(entry) = clients {
            authorizer.user_pool_clients = self.clients(&mut sheet, &mut members, entry);
        }
        authorizer.document = Value::Object(members);
        authorizer.spans = std::mem::take(&mut sheet.spans);
        self.no_secrets(&authorizer.document, &authorizer.spans, &authorizer.span, &address);
        self.validate_shape(SHAPE, &authorizer.document, &sheet, &authorizer.spans, &authorizer.span);
        self.authorizers.push(authorizer);
    }

    /// Clients by name: their ids join `allowed_clients`.
    fn clients(&mut self, sheet: &mut Sheet, members: &mut Map<String, Value>, entry: &Entry) -> Vec<Address> {
        const MEMBER: &str = "allowedClients";
        let Content::List(items) = &entry.node.content else {
            self.wrong(entry, "a list of names", &sheet.address);
            return Vec::new();
        };
        let mut found = Vec::new();
        let address = sheet.address.clone();
        let mut list = match members.remove(MEMBER) {
            Some(Value::Array(list)) => list,
            Some(other) => {
                // Of the wrong type, which is for the validator to say.
                members.insert(MEMBER.to_owned(), other);
                return Vec::new();
            }
            None => Vec::new(),
        };
        sheet.spans.entry(MEMBER.to_owned()).or_insert_with(|| entry.node.span.clone());
        for item in items {
            let Some(client) = self.named(item, USER_POOL_CLIENT.name, &address) else { continue };
            sheet.spans.insert(format!("{MEMBER}[{}]", list.len()), item.span.clone());
            list.push(mark(client.clone(), "id").into());
            found.push(client);
        }
        if found.len() < items.len() {
            sheet.broken.push(MEMBER.to_owned());
        }
        members.insert(MEMBER.to_owned(), Value::Array(list));
        found
    }

    /// A claim: its name, or `{ name = "scp", list = true }`.
    fn claim(&mut self, entry: &Entry, address: &Address) -> Option<Claim> {
        if let Some(name) = entry.node.text() {
            return Some(Claim { name: name.to_owned(), list: false });
        }
        let mut name = None;
        let mut list = false;
        for member in entry.node.table().unwrap_or_default() {
            match (member.key.as_str(), &member.node.content) {
                ("name", Content::Text(text)) => name = Some(text.clone()),
                ("list", Content::Boolean(truth)) => list = *truth,
                _ => name = None,
            }
        }
        if name.is_none() {
            self.wrong(entry, "a claim's name, or `{ name = \"scp\", list = true }`", address);
        }
        Some(Claim { name: name?, list })
    }

    fn wrong(&mut self, entry: &Entry, wanted: &str, address: &Address) {
        let message = format!("`{}` is {wanted}, found {}", entry.key, entry.node.type_name());
        let problem = Diagnostic::error("manifest::wrong-type", message);
        self.report(problem.at(entry.node.span.clone(), "").about(address));
    }
}

pub(super) fn mark(address: Address, output: &str) -> String {
    Reference { target: Target::Output(address, output.to_owned()), filter: Filter::Plain }.mark()
}
