//! The stack: what a manifest says once it is read, the input of every later stage.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use model::{Tool, Tools, tools_of_target};
use serde_json::Value;

use crate::address::Address;
use crate::diagnostic::Span;
use crate::expectation::Expectation;
use crate::kind::Kind;
use crate::persona::Persona;
use crate::reference::{self, Target};

/// Everything a manifest says about one environment.
#[derive(Debug, Clone, Default)]
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
    /// Where the manifest is kept, if it says so: `github.com/acme/hr`.
    pub source: Option<String>,
    /// How long the stack is to live.
    pub expires: Option<Duration>,
    /// Risks that were decided on.
    pub accepts: Vec<Accept>,
    /// Addresses that changed.
    pub moved: Vec<Moved>,
    /// The secret variables.
    pub secrets: Secrets,
    /// Callers that the manifest describes; the clients that are personas by themselves are not among them.
    pub personas: Vec<Persona>,
    /// Who is to reach which tool.
    pub expectations: Vec<Expectation>,
    /// Outputs of resources that an account has told, by address and name.
    pub outputs: BTreeMap<(Address, String), String>,
}

/// `[[accept]]`: a risk that somebody decided to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The risk's code.
    pub risk: String,
    /// The resource it is about; it may be gone from the manifest.
    pub address: Option<Address>,
    /// The persona whose access it is about.
    pub persona: Option<String>,
    /// The tool that the persona may call.
    pub tool: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
    /// The span of its header.
    pub span: Span,
}

/// A line of `[moved]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The stack that the live object still belongs to, `NAME/INSTANCE`; nothing if it is this one.
    pub owner: Option<String>,
    /// The address that the live object still has.
    pub from: Address,
    /// The address in this manifest.
    pub to: Address,
    /// The span of the old address.
    pub span: Span,
}

impl Moved {
    /// The old address as the manifest writes it: `user_pool.hr`, or `stack:old/prod/user_pool.hr` of another stack.
    pub fn source(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{OTHER_STACK}{owner}/{}", self.from),
            None => self.from.to_string(),
        }
    }
}

/// What stands before `NAME/INSTANCE/ADDRESS` where a resource of another stack is meant.
pub const OTHER_STACK: &str = "stack:";

/// A day of the calendar. Days compare as they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day, from 1.
    pub day: u8,
}

impl Date {
    /// Today, in UTC.
    pub fn today() -> Self {
        Self::of(SystemTime::now())
    }

    /// The day of a moment, in UTC.
    pub fn of(moment: SystemTime) -> Self {
        let text = DateTime::from(moment).fmt(Format::DateTime).unwrap_or_default();
        let mut parts = text.split(['-', 'T']);
        let mut part = || parts.next().unwrap_or_default();
        let (year, month, day) = (part(), part(), part());
        // A clock that cannot be read is no reason to let a decision hold: then every day is over.
        Self {
            year: year.parse().unwrap_or(u16::MAX),
            month: month.parse().unwrap_or(12),
            day: day.parse().unwrap_or(31),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The secret variables and their values, which are never shown: in documents marks stand for them. Beside them the secrets that
/// somebody wrote into the manifest itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    variables: BTreeMap<String, Option<String>>,
    literals: BTreeSet<String>,
}

impl Secrets {
    /// Adds a variable; nothing stands for a value that nobody has given yet.
    pub fn insert(&mut self, name: impl Into<String>, value: Option<String>) {
        self.variables.insert(name.into(), value);
    }

    /// Adds a secret that stands in the manifest as it is.
    pub fn insert_literal(&mut self, value: impl Into<String>) {
        self.literals.insert(value.into());
    }

    /// The secrets that stand in the manifest as they are.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.literals.iter().map(String::as_str)
    }

    /// It is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// The value of one, if it was given.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.as_deref()
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// A document with the values in it: only for what is sent, and for comparing with what is live.
    pub fn reveal(&self, document: &Value) -> Value {
        reference::resolve(document, &|target| match target {
            Target::Variable(name) => self.value(name).map(ToOwned::to_owned),
            _ => None,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
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

    /// It was read from an account, and no manifest names it.
    pub fn is_live(&self) -> bool {
        self.name.is_empty()
    }

    /// A resource by address.
    pub fn resource(&self, address: &Address) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.address == *address)
    }

    /// Fills in account, region and partition, once they are known: in resources, and in what is said of callers.
    pub fn resolve_aws(&mut self, account: &str, region: &str, partition: &str) {
        let known = |target: &Target| match target {
            Target::Account => Some(account.to_owned()),
            Target::Region => Some(region.to_owned()),
            Target::Partition => Some(partition.to_owned()),
            Target::Output(..) | Target::Variable(_) => None,
        };
        for resource in &mut self.resources {
            resource.document = reference::resolve(&resource.document, &known);
        }
        for authorizer in &mut self.authorizers {
            authorizer.document = reference::resolve(&authorizer.document, &known);
        }
        for persona in &mut self.personas {
            persona.who.resolve(&known);
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
    /// Wire names of members that somebody else writes: a value given is for the creation only.
    pub unmanaged: Vec<String>,
    /// `delete_unknown_children = true`: what lives in it and is not in the manifest goes.
    pub delete_unknown_children: bool,
    /// An object of somebody else that others of the manifest refer to and that is never changed. Then the document is empty.
    pub existing: Option<Existing>,
    /// The id of an object that the stack takes over.
    pub adopt: Option<String>,
    /// The version of the secrets that no read returns: another one sends them again.
    pub secret_version: Option<String>,
    /// The tools of a target that lists them elsewhere, as the manifest knows them. AWS is not told.
    pub known_tools: Option<Vec<Tool>>,
    /// Where its document holds secrets, by [`model::display_path`]: the marks of [`Secrets`] stand there.
    pub secrets: BTreeSet<String>,
    /// The span of its header, `[kind.name]`.
    pub span: Span,
    /// Where each document path stands, by [`model::display_path`]; a path without an entry of its own belongs to the
    /// nearest shorter one.
    pub spans: HashMap<String, Span>,
}

/// Where an object that is not the manifest's own is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// By its id.
    Id(String),
    /// By what another stack wrote on it.
    Stack {
        /// That stack, `NAME/INSTANCE`.
        owner: String,
        /// The address there.
        address: Address,
    },
}

impl fmt::Display for Existing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => formatter.write_str(id),
            Self::Stack { owner, address } => write!(formatter, "stack:{owner}/{address}"),
        }
    }
}

impl Resource {
    /// A resource of which nothing is said yet.
    pub fn new(address: Address, kind: &'static Kind, span: Span) -> Self {
        Self {
            address,
            kind,
            document: Value::Null,
            parent: None,
            depends_on: Vec::new(),
            protect: false,
            unmanaged: Vec::new(),
            delete_unknown_children: false,
            existing: None,
            adopt: None,
            secret_version: None,
            known_tools: None,
            secrets: BTreeSet::new(),
            span,
            spans: HashMap::new(),
        }
    }

    /// The live name: the value of the member that carries it.
    pub fn live_name(&self) -> Option<&str> {
        self.document.get(self.kind.name_member)?.as_str()
    }

    /// The tools of a target: those it states, else those that the manifest knows.
    pub fn tools(&self) -> Tools {
        match &self.known_tools {
            Some(tools) => Tools::Known(tools.clone()),
            None => self.document.get("targetConfiguration").map_or(Tools::Unknown, tools_of_target),
        }
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
