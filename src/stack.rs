//! The stack: what a manifest says once it is read, the input of every later stage.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::address::Address;
use crate::diagnostic::Span;
use crate::kind::Kind;
use crate::reference::{self, Target};

/// Everything a manifest says about one environment.
#[derive(Debug, Clone)]
pub struct Stack {
    /// `[stack] name`.
    pub name: String,
    /// The instance: the environment's name, the part after the colon in `preview:pr-123`, or `default`.
    pub instance: String,
    /// The environment chosen, if the manifest has any.
    pub environment: Option<String>,
    /// The region the manifest states, if any.
    pub region: Option<String>,
    /// The account guard, if any: another account is refused.
    pub account: Option<String>,
    /// Tags for every taggable resource.
    pub tags: BTreeMap<String, String>,
    /// The resources, definitions already rewritten, in manifest order.
    pub resources: Vec<Resource>,
    /// The `jwt_authorizer` definitions, which the resources that use them already hold.
    pub authorizers: Vec<Authorizer>,
}

/// A `jwt_authorizer` definition, kept for the checks.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Its name.
    pub name: String,
    /// The span of its header.
    pub span: Span,
    /// The pool whose tokens it takes, if it is one of the manifest.
    pub user_pool: Option<Address>,
    /// The clients it lets in by name.
    pub user_pool_clients: Vec<Address>,
    /// The `customJWTAuthorizer` document, clients by name included as references.
    pub document: Value,
    /// Tokens of the pool do carry `aud`.
    pub resource_binding: bool,
    /// The claim that holds scopes, if it says so.
    pub scope_claim: Option<Claim>,
    /// The claim that holds groups, if it says so.
    pub group_claim: Option<Claim>,
    /// The claim that holds the client's id, if it says so.
    pub client_claim: Option<Claim>,
    /// Who uses it.
    pub used_by: Vec<Address>,
    /// Where each path of the document stands.
    pub spans: HashMap<String, Span>,
}

/// A claim of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// It is a list; otherwise text separated by blanks.
    pub list: bool,
}

impl Stack {
    /// The owner, `NAME/INSTANCE`, as the tag `gatewright:stack` has it.
    pub fn owner(&self) -> String {
        format!("{}/{}", self.name, self.instance)
    }

    /// A resource by address.
    pub fn resource(&self, address: &Address) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.address == *address)
    }

    /// Fills in account, region and partition, once they are known.
    pub fn resolve_aws(&mut self, account: &str, region: &str, partition: &str) {
        for resource in &mut self.resources {
            resource.document = reference::resolve(&resource.document, &|target| match target {
                Target::Account => Some(account.to_owned()),
                Target::Region => Some(region.to_owned()),
                Target::Partition => Some(partition.to_owned()),
                Target::Output(..) => None,
            });
        }
    }
}

/// One resource as the manifest wants it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: &'static Kind,
    /// Its members in the API's own (wire) spelling: those of the kind's create, update and companion requests, without
    /// the parent's id, tags of the engine and idempotency tokens. References are marks (see [`crate::reference`]).
    pub document: Value,
    /// The resource it lives in.
    pub parent: Option<Address>,
    /// What else it waits for.
    pub depends_on: Vec<Address>,
    /// `protect = true`: never deleted or replaced.
    pub protect: bool,
    /// The span of its header, `[kind.name]`.
    pub span: Span,
    /// Where each document path stands, by [`model::display_path`]; a path without an entry of its own belongs to the
    /// nearest shorter one.
    pub spans: HashMap<String, Span>,
}

impl Resource {
    /// The live name: the value of the member that carries it.
    pub fn live_name(&self) -> Option<&str> {
        self.document.get(self.kind.name_member)?.as_str()
    }

    /// The span of a document path, or of the nearest path above it.
    pub fn span_of(&self, path: &str) -> &Span {
        let mut path = path;
        loop {
            if let Some(span) = self.spans.get(path) {
                return span;
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = path.get(..cut).unwrap_or_default(),
                None => return &self.span,
            }
        }
    }

    /// Every address it refers to: its parent, `depends_on`, and references in its document; without repeats.
    pub fn needs(&self) -> Vec<Address> {
        let mut needs: Vec<Address> = self.parent.iter().chain(&self.depends_on).cloned().collect();
        for found in reference::references(&self.document) {
            if let Target::Output(address, _) = found.target {
                needs.push(address);
            }
        }
        let mut seen = std::collections::HashSet::new();
        needs.retain(|address| seen.insert(address.clone()));
        needs
    }
}
