//! Kinds: everything the engine has to know about one kind of resource that AWS's API model cannot say.
//!
//! One file a kind; [`KINDS`] is the registry. What a member's place in the create, update and read operations says is derived
//! (`model::meaning_of_member`); what it cannot say is an [`Exception`] with its reason.

mod api_key_credential_provider;
mod call;
mod gateway;
mod gateway_target;
mod identity_provider;
mod oauth2_credential_provider;
mod policy;
mod policy_engine;
mod resource_server;
mod runtime;
mod runtime_endpoint;
mod secret;
mod user_pool;
mod user_pool_client;
mod user_pool_domain;
mod user_pool_group;
mod workload_identity;

use std::fmt;

use model::{Api, Location, Meaning, Member, meaning_of_member, snake_case};
use serde_json::{Map, Value};

use self::call::{call, fetch, page, pool_page};
use crate::aws::{Aws, Call};

pub use api_key_credential_provider::API_KEY_CREDENTIAL_PROVIDER;
pub use gateway::{GATEWAY, LOCK_CLIENT};
pub use gateway_target::GATEWAY_TARGET;
pub use identity_provider::IDENTITY_PROVIDER;
pub use oauth2_credential_provider::OAUTH2_CREDENTIAL_PROVIDER;
pub use policy::{POLICY, statement_of};
pub use policy_engine::POLICY_ENGINE;
pub use resource_server::RESOURCE_SERVER;
pub use runtime::RUNTIME;
pub use runtime_endpoint::RUNTIME_ENDPOINT;
pub use secret::is_same_secret;
pub use user_pool::USER_POOL;
pub use user_pool_client::USER_POOL_CLIENT;
pub use user_pool_domain::USER_POOL_DOMAIN;
pub use user_pool_group::USER_POOL_GROUP;
pub use workload_identity::WORKLOAD_IDENTITY;

/// Every kind, parents before children.
pub static KINDS: &[&Kind] = &[
    &USER_POOL,
    &USER_POOL_DOMAIN,
    &RESOURCE_SERVER,
    &USER_POOL_CLIENT,
    &USER_POOL_GROUP,
    &IDENTITY_PROVIDER,
    &WORKLOAD_IDENTITY,
    &API_KEY_CREDENTIAL_PROVIDER,
    &OAUTH2_CREDENTIAL_PROVIDER,
    &POLICY_ENGINE,
    &GATEWAY,
    &GATEWAY_TARGET,
    &POLICY,
    &RUNTIME,
    &RUNTIME_ENDPOINT,
];

/// A kind by its manifest name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// Which service a kind belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The AgentCore control plane: ids travel in the URI.
    AgentCore,
    /// Cognito user pools: ids travel in the body.
    Cognito,
}

/// What an object lives in.
#[derive(Debug, Clone, Copy)]
pub struct Parent {
    /// The parent's kind; also the manifest key that refers to it.
    pub kind: &'static str,
    /// The request member that carries the parent's id.
    pub member: &'static str,
}

/// Within which scope a live name is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// In the account and region.
    InAccount,
    /// In the parent.
    InParent,
    /// Nowhere: two objects may share a name, so only the id tells them apart.
    NotUnique,
}

/// How the update operation treats members that a request leaves out (service.md §1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateStyle {
    /// They are reset: a request holds the whole object.
    FullReplace,
    /// They stay: a request holds what changed.
    Patch,
}

/// The states of an asynchronous kind.
#[derive(Debug, Clone, Copy)]
pub struct Lifecycle {
    /// The member that holds the state.
    pub status: &'static str,
    /// States in which the object can be used and changed.
    pub ready: &'static [&'static str],
    /// States of a create that never became ready: the object is made again.
    pub create_failed: &'static [&'static str],
    /// States of an update or delete that failed.
    pub failed: &'static [&'static str],
    /// States that wait for a person.
    pub pending_auth: &'static [&'static str],
    /// The member that says why.
    pub reasons: &'static str,
}

/// An operation beside create and update that sets some members: a call of its own.
#[derive(Clone, Copy)]
pub struct Companion {
    /// The operation that sets them.
    pub set: &'static str,
    /// The operation that reads them.
    pub get: &'static str,
    /// Sends the set operation.
    pub set_call: CallFn,
    /// Sends the get operation.
    pub get_call: CallFn,
}

/// How the objects of a kind are listed.
#[derive(Clone, Copy)]
pub struct List {
    /// The operation.
    pub operation: &'static str,
    /// The member of the answer that holds the items.
    pub items: &'static str,
    /// The member of an item that holds the id.
    pub id: &'static str,
    /// The member of an item that holds the live name.
    pub name: &'static str,
    /// An item is as good as a read.
    pub complete: bool,
    /// Sends it, with the token of the page.
    pub call: ListFn,
}

/// The ids of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// The parent's id; empty for a root.
    pub parent: String,
    /// The object's own id; empty for create and list.
    pub id: String,
}

/// Sends an operation with a document.
pub type CallFn = for<'a> fn(&'a Aws, &'a Ids, &'a Value) -> Call<'a>;

/// Sends a listing operation for the page with this token.
pub type ListFn = for<'a> fn(&'a Aws, &'a Ids, Option<String>) -> Call<'a>;

/// Where an output is computed.
#[derive(Debug, Clone)]
pub struct Place {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The partition.
    pub partition: String,
}

/// A value that other resources and people may refer to.
#[derive(Clone, Copy)]
pub struct Output {
    /// Its name: `${gateway.hr.url}`.
    pub name: &'static str,
    /// What it is, for the reference.
    pub about: &'static str,
    /// Computes it from the live document.
    pub value: fn(&Value, &Place) -> Option<String>,
}

/// Something about a member that the API model cannot say.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// The member's path in wire spelling; `[]` stands for every element of a list.
    pub path: &'static str,
    /// What is different.
    pub rule: Rule,
    /// Why: the fact and where it comes from.
    pub reason: &'static str,
}

/// What is different about a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// The service fills it in when it is left out, with this JSON if the default is documented. Left out in the manifest it
    /// is compared with the default, or not at all.
    Kept(Option<&'static str>),
    /// Changing it needs a new object, though the update operation takes it.
    Replace,
    /// No read returns it: it is never compared, and sent with every create and every full-replace update.
    WriteOnly,
    /// The service reports it but refuses it in requests.
    NeverSent,
    /// The service fills it in and refuses it back where this other member is not wanted.
    Needs(&'static str),
    /// A list whose order matters; all others are compared as sets.
    Ordered,
    /// A list of structures told apart by this member (or dotted path).
    KeyedBy(&'static str),
    /// A map that the service adds keys to: only those that the manifest sets are compared.
    Filled,
    /// A read may show it in another form: it is compared only where the view found it, and not when it is left out.
    Folded,
}

/// One kind of resource.
pub struct Kind {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Its service.
    pub service: Service,
    /// What it lives in.
    pub parent: Option<Parent>,
    /// The request member that carries the live name.
    pub name_member: &'static str,
    /// Its spelling in the manifest.
    pub name_key: &'static str,
    /// Where names are unique.
    pub names: Names,
    /// The read document's member that holds the id.
    pub id_member: &'static str,
    /// The request member that carries the id.
    pub request_id: &'static str,
    /// The ARN of an object with this id, for root kinds: what must be remembered of them is written on them as tags.
    pub arn: Option<fn(&str, &Place) -> String>,
    /// The create request's member that holds tags.
    pub tags_member: Option<&'static str>,
    /// The member of create and read answers that holds the object, if it is wrapped.
    pub wrapper: Option<&'static str>,
    /// The create operation and its call.
    pub create: (&'static str, CallFn),
    /// The read operation and its call.
    pub read: (&'static str, CallFn),
    /// The update operation and its call.
    pub update: Option<(&'static str, CallFn)>,
    /// The delete operation and its call.
    pub delete: (&'static str, CallFn),
    /// How it is listed.
    pub list: List,
    /// Calls beside them.
    pub companions: &'static [Companion],
    /// How updates treat what is left out.
    pub update_style: UpdateStyle,
    /// Its states, if it is asynchronous.
    pub lifecycle: Option<Lifecycle>,
    /// Its outputs.
    pub outputs: &'static [Output],
    /// Manifest keys that hold names of other resources or definitions, beside the parent's.
    pub reference_keys: &'static [&'static str],
    /// What the model cannot say.
    pub exceptions: &'static [Exception],
    /// Paths whose values are never shown, logged or kept; `*` stands for any one key.
    pub secrets: &'static [&'static str],
    /// Turns a read document into the spelling of requests, and takes out what the service puts in by itself. A desired document
    /// goes through it too before the two are compared: what can be said in two ways becomes one.
    pub view: fn(&mut Map<String, Value>),
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Kind({})", self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Kind {
    /// The API model of its service.
    pub fn api(&self) -> &'static Api {
        match self.service {
            Service::AgentCore => Api::agentcore(),
            Service::Cognito => Api::cognito(),
        }
    }

    /// Every member a manifest may set: those of the create, update and companion requests, less ids, tokens and the parent.
    pub fn members(&self) -> Vec<&'static Member> {
        let api = self.api();
        let operations = [Some(self.create.0), self.update.map(|(name, _)| name)];
        let companions = self.companions.iter().map(|companion| Some(companion.set));
        let mut members: Vec<&'static Member> = Vec::new();
        for member in operations
            .into_iter()
            .chain(companions)
            .flatten()
            .filter_map(|operation| api.input(operation))
            .flat_map(model::Shape::members)
        {
            let own = member.wire == self.name_member
                || (member.location == Location::Body
                    && !member.idempotency_token
                    && member.wire != self.request_id
                    && self.parent.is_none_or(|parent| parent.member != member.wire));
            if own && !members.iter().any(|known| known.wire == member.wire) {
                members.push(member);
            }
        }
        members
    }

    /// A member by its wire name.
    pub fn member(&self, wire: &str) -> Option<&'static Member> {
        self.members().into_iter().find(|member| member.wire == wire)
    }

    /// The manifest key of a member.
    pub fn key_of(&self, member: &Member) -> String {
        if member.wire == self.name_member {
            self.name_key.to_owned()
        } else if Some(member.wire.as_str()) == self.tags_member {
            "tags".to_owned()
        } else {
            snake_case(&member.name)
        }
    }

    /// The member that a manifest key names.
    pub fn member_of_key(&self, key: &str) -> Option<&'static Member> {
        self.members().into_iter().find(|member| self.key_of(member) == key)
    }

    /// What changing a top-level member means.
    pub fn meaning(&self, wire: &str) -> Meaning {
        let identity = wire == self.name_member && self.id_member == self.name_member;
        if identity || self.rule(wire, |rule| *rule == Rule::Replace).is_some() {
            return Meaning::Replace;
        }
        if self.companion_of(wire).is_some() {
            return Meaning::Update;
        }
        meaning_of_member(self.api(), self.create.0, self.update.map(|(name, _)| name), wire)
    }

    /// The companion that sets a member, if create and update do not or only in part.
    pub fn companion_of(&self, wire: &str) -> Option<&'static Companion> {
        self.companions.iter().find(|companion| {
            self.api().input(companion.set).is_some_and(|shape| shape.member(wire).is_some() && wire != self.request_id)
        })
    }

    /// The exception at a path that satisfies a test.
    pub fn rule(&self, path: &str, test: impl Fn(&Rule) -> bool) -> Option<&'static Exception> {
        self.exceptions.iter().find(|exception| exception.path == path && test(&exception.rule))
    }

    /// The default of a kept member: nothing if it is not kept, an inner nothing if its default is not documented.
    pub fn kept(&self, path: &str) -> Option<Option<Value>> {
        self.exceptions.iter().find_map(|exception| match exception.rule {
            Rule::Kept(default) if exception.path == path => {
                Some(default.and_then(|text| serde_json::from_str(text).ok()))
            }
            _ => None,
        })
    }

    /// The list at this path is told apart by this member.
    pub fn keyed_by(&self, path: &str) -> Option<&'static str> {
        self.exceptions.iter().find_map(|exception| match exception.rule {
            Rule::KeyedBy(key) if exception.path == path => Some(key),
            _ => None,
        })
    }

    /// An output by name.
    pub fn output(&self, name: &str) -> Option<&'static Output> {
        self.outputs.iter().find(|output| output.name == name)
    }

    /// The object inside a create or read answer.
    pub fn unwrapped(&self, mut answer: Value) -> Value {
        match self.wrapper.and_then(|wrapper| answer.get_mut(wrapper)) {
            Some(inner) => inner.take(),
            None => answer,
        }
    }

    /// Ids travel in the body: always with Cognito, and with the operations of AgentCore Identity.
    fn has_ids_in_body(&self) -> bool {
        let id = self.api().input(self.read.0).and_then(|input| input.member(self.request_id));
        self.service == Service::Cognito || id.is_some_and(|id| id.location == Location::Body)
    }

    /// A request document, with the ids where they travel in the body.
    pub fn request(&self, ids: &Ids, document: Value) -> Value {
        let mut document = match document {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        if self.has_ids_in_body() {
            if let Some(parent) = self.parent {
                document.insert(parent.member.to_owned(), Value::String(ids.parent.clone()));
            }
            if !ids.id.is_empty() {
                document.insert(self.request_id.to_owned(), Value::String(ids.id.clone()));
            }
        }
        Value::Object(document)
    }
}

/// The ARN of an AgentCore object.
fn agentcore_arn(place: &Place, resource: &str) -> String {
    format!("arn:{}:bedrock-agentcore:{}:{}:{resource}", place.partition, place.region, place.account)
}

/// Text at a JSON pointer.
fn text_at(document: &Value, pointer: &str) -> Option<String> {
    document.pointer(pointer)?.as_str().map(ToOwned::to_owned)
}

/// A view that changes nothing.
fn same(_: &mut Map<String, Value>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_named_in_an_exception_exists_in_the_model() {
        for kind in KINDS {
            let api = kind.api();
            for exception in kind.exceptions {
                assert!(!exception.reason.is_empty());
                let mut steps = exception.path.split('.');
                let first = steps.next().unwrap().trim_end_matches("[]");
                let member = kind.member(first).unwrap_or_else(|| panic!("{}: {}", kind.name, exception.path));
                let mut shape = api.shape(&member.shape).unwrap();
                for step in steps {
                    while let model::Body::List { element, .. } = &shape.body {
                        shape = api.shape(element).unwrap();
                    }
                    let name = step.trim_end_matches("[]");
                    let member = shape.member(name).unwrap_or_else(|| panic!("{}: {}", kind.name, exception.path));
                    shape = api.shape(&member.shape).unwrap();
                }
            }
            for secret in kind.secrets {
                assert!(kind.member(secret).is_some() || secret.contains('.'), "{secret}");
            }
        }
    }

    #[test]
    fn no_reference_key_or_engine_key_is_also_a_member() {
        for kind in KINDS {
            let parent = kind.parent.map(|parent| parent.kind);
            for key in kind.reference_keys.iter().copied().chain(parent).chain(["depends_on", "protect", "policy_mode"])
            {
                assert!(kind.member_of_key(key).is_none(), "{}: {key}", kind.name);
            }
            assert_eq!(kind.member_of_key(kind.name_key).map(|member| member.wire.as_str()), Some(kind.name_member));
        }
    }

    #[test]
    fn operations_exist_and_parents_come_first() {
        for (index, kind) in KINDS.iter().enumerate() {
            let update = kind.update.map(|(name, _)| name);
            for name in [kind.create.0, kind.read.0, kind.delete.0, kind.list.operation].into_iter().chain(update) {
                assert!(kind.api().operation(name).is_some(), "{name}");
            }
            if let Some(parent) = kind.parent {
                assert!(KINDS[..index].iter().any(|before| before.name == parent.kind), "{}", kind.name);
            }
        }
    }
}
