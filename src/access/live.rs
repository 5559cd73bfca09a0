//! The access that gateways of an account give, whoever made them.
//!
//! A gateway with its targets, its engine and the clients of its pool becomes a stack, with live names as addresses, and is evaluated
//! as a manifest is. What cannot be read is said, and never taken for safe: it shows as sometimes.

mod holders;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::Access;
use super::authorizer::Admission;
use super::caller::{Caller, Identity};
use super::gateway::Gateway;
use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::diagnostic::{Sources, Span};
use crate::kind::{GATEWAY, GATEWAY_TARGET, Ids, Kind, POLICY, POLICY_ENGINE, statement_of};
use crate::live::{self, Listed, State};
use crate::reference::{Filter, Reference, Target};
use crate::stack::{Resource, Stack};

/// Calls in flight at once.
const CONCURRENCY: usize = 16;

/// A gateway as it was read.
#[derive(Debug)]
pub struct LiveGateway {
    /// The gateway and what is around it.
    pub stack: Stack,
    /// The texts of its policies.
    pub sources: Sources,
    /// Who may come, and what is not known.
    pub facts: Facts,
}

/// What a stack cannot say of a live gateway.
#[derive(Debug, Default)]
pub struct Facts {
    callers: Vec<Caller>,
    notes: Vec<String>,
    /// Policies may be in force that were not read.
    doubtful: bool,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// Reads the gateway with an id, or all of the account; nothing where there is no such gateway.
///
/// # Errors
/// Gateways cannot be listed or read at all. What else fails is among the facts.
pub async fn read(aws: &Aws, id: Option<&str>) -> Result<Vec<LiveGateway>, CallError> {
    let ids = match id {
        Some(id) => vec![id.to_owned()],
        None => sorted(live::list(aws, &GATEWAY, "").await?).into_iter().map(|listed| listed.id).collect(),
    };
    let mut gateways = Vec::new();
    for id in ids {
        let found = live::read(aws, &GATEWAY, &Ids { parent: String::new(), id: id.clone() }).await?;
        if let Some(document) = found {
            gateways.push(Reading::new(aws, id, &document).whole(document).await);
        }
    }
    Ok(gateways)
}

/// The access that a gateway gives to those whom it lets in.
pub fn access<'a>(stack: &'a Stack, facts: &Facts) -> Access<'a> {
    let mut access = Access { gateways: super::gateway::gateways(stack), callers: Vec::new() };
    for gateway in &mut access.gateways {
        gateway.notes.extend(facts.notes.iter().cloned());
        gateway.notes.extend(facts.unread.iter().map(|unread| format!("not read: {unread}")));
        if facts.doubtful {
            gateway.doubt();
        }
        let admitted = facts.callers.iter().filter_map(|caller| admitted(gateway, caller)).collect::<Vec<_>>();
        let asked = |callers: &[Caller]| callers.iter().filter(|caller| gateway.asks(caller)).count();
        let refused = asked(&facts.callers) - asked(&admitted);
        if refused > 0 {
            gateway.notes.push(format!("not let in, and not shown: {}", crate::report::count(refused, "caller")));
        }
        access.callers.extend(admitted);
    }
    access
}

/// A caller whom a gateway lets in. Where that takes a claim that is not known, other claims are open for the policies too.
fn admitted(gateway: &Gateway<'_>, caller: &Caller) -> Option<Caller> {
    let identity = match (gateway.visitor(caller).admission, &caller.identity) {
        (Admission::Refused(_), _) => return None,
        (Admission::Admitted { assumed }, Identity::Client(_, token)) if !assumed.is_empty() => {
            Identity::Users(token.clone())
        }
        (Admission::Admitted { .. }, identity) => identity.clone(),
    };
    Some(Caller { name: caller.name.clone(), identity })
}

/// The reading of one gateway.
struct Reading<'a> {
    aws: &'a Aws,
    id: String,
    address: Address,
    found: LiveGateway,
}

impl<'a> Reading<'a> {
    fn new(aws: &'a Aws, id: String, document: &Value) -> Self {
        let name = document.get("name").and_then(Value::as_str).unwrap_or(&id);
        let stack = Stack { region: Some(aws.region.clone()), account: Some(aws.account.clone()), ..Stack::default() };
        let found = LiveGateway { stack, sources: Sources::default(), facts: Facts::default() };
        Self { aws, address: Address::new(GATEWAY.name, name), id, found }
    }

    async fn whole(mut self, document: Value) -> LiveGateway {
        if live::state(&GATEWAY, &document) != State::Ready {
            self.note(format!("it is {}, and may answer otherwise soon", live::status(&GATEWAY, &document)));
        }
        let mut own = live::view(&GATEWAY, &document);
        self.tell(&self.address.clone(), "arn", document.get("gatewayArn"));
        let engine = own.pointer("/policyEngineConfiguration/arn").and_then(Value::as_str).map(ToOwned::to_owned);
        if let Some(arn) = engine
            && let Some(mark) = self.engine(&arn).await
            && let Some(place) = own.pointer_mut("/policyEngineConfiguration/arn")
        {
            *place = json!(mark);
        }
        let url = own.pointer("/authorizerConfiguration/customJWTAuthorizer/discoveryUrl").and_then(Value::as_str);
        match (own.get("authorizerType").and_then(Value::as_str), url.map(ToOwned::to_owned)) {
            (Some("CUSTOM_JWT"), Some(url)) => {
                let authorizer = own.pointer("/authorizerConfiguration/customJWTAuthorizer").cloned();
                self.holders(&url, &authorizer.unwrap_or_default()).await;
            }
            (Some("AWS_IAM"), _) => self.signers(),
            (Some("AUTHENTICATE_ONLY" | "NONE"), _) => {}
            (kind, _) => {
                let kind = kind.unwrap_or("none");
                self.found
                    .facts
                    .unread
                    .push(format!("its authorizer, {kind}, is not known here: who gets in is not shown"));
            }
        }
        let address = self.address.clone();
        self.add(address, &GATEWAY, own, None, "");
        self.targets().await;
        self.found
    }

    fn note(&mut self, note: String) {
        self.found.facts.notes.push(note);
    }

    fn unread(&mut self, what: &str, error: &CallError) {
        self.found.facts.unread.push(format!("{what}: {error}"));
    }

    fn tell(&mut self, address: &Address, output: &str, value: Option<&Value>) {
        if let Some(value) = value.and_then(Value::as_str) {
            self.found.stack.outputs.insert((address.clone(), output.to_owned()), value.to_owned());
        }
    }

    fn caller(&mut self, name: &str, identity: Identity) {
        self.found.facts.callers.push(Caller { name: name.to_owned(), identity });
    }

    /// Adds a resource, with the text that its places are in.
    fn add(&mut self, address: Address, kind: &'static Kind, document: Value, parent: Option<&Address>, text: &str) {
        let file = self.found.sources.add(address.to_string(), text);
        let mut resource = Resource::new(address, kind, Span { file, range: 0..text.len() });
        resource.document = document;
        resource.parent = parent.cloned();
        self.found.stack.resources.push(resource);
    }

    async fn targets(&mut self) {
        let listed = match live::list(self.aws, &GATEWAY_TARGET, &self.id).await {
            Ok(listed) => sorted(listed),
            Err(error) => return self.unread("its targets", &error),
        };
        let (aws, id) = (self.aws, self.id.clone());
        let read: Vec<_> = stream::iter(listed)
            .map(|listed| {
                let ids = Ids { parent: id.clone(), id: listed.id.clone() };
                async move { (live::read(aws, &GATEWAY_TARGET, &ids).await, listed.name) }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        for (document, name) in read {
            let address = Address::new(GATEWAY_TARGET.name, name.as_str());
            let document = match document {
                Ok(None) => continue,
                Ok(Some(document)) => {
                    if live::state(&GATEWAY_TARGET, &document) != State::Ready {
                        let status = live::status(&GATEWAY_TARGET, &document);
                        self.note(format!("`{address}` is {status}: its tools may not be there"));
                    }
                    live::view(&GATEWAY_TARGET, &document)
                }
                // A target that nobody could read has tools that nobody knows.
                Err(error) => {
                    self.unread(&format!("`{address}`"), &error);
                    json!({"name": name})
                }
            };
            let gateway = self.address.clone();
            self.add(address, &GATEWAY_TARGET, document, Some(&gateway), "");
        }
    }

    /// Reads an engine with its policies; gives the mark of its ARN, nothing where it cannot be read.
    async fn engine(&mut self, arn: &str) -> Option<String> {
        let id = arn.rsplit('/').next().unwrap_or(arn);
        let mut parts = arn.split(':').skip(3);
        if let (Some(region), Some(account)) = (parts.next(), parts.next())
            && (region, account) != (self.aws.region.as_str(), self.aws.account.as_str())
        {
            let place = format!("account {account}, region {region}");
            self.found.facts.unread.push(format!("the policies of `{id}`: the engine is in {place}"));
            return None;
        }
        let ids = Ids { parent: String::new(), id: id.to_owned() };
        let (engine, policies) =
            futures_util::future::join(live::read(self.aws, &POLICY_ENGINE, &ids), live::list(self.aws, &POLICY, id))
                .await;
        let policies = match policies {
            Ok(policies) => sorted(policies),
            Err(error) => {
                self.unread(&format!("the policies of `{id}`"), &error);
                return None;
            }
        };
        let name = match engine {
            Ok(engine) => engine.and_then(|engine| engine.get("name")?.as_str().map(ToOwned::to_owned)),
            Err(error) => {
                self.unread(&format!("the engine `{id}`"), &error);
                None
            }
        };
        let engine = Address::new(POLICY_ENGINE.name, name.as_deref().unwrap_or(id));
        self.tell(&engine, "arn", Some(&json!(arn)));
        self.add(engine.clone(), &POLICY_ENGINE, json!({}), None, "");
        for policy in policies {
            let address = Address::new(POLICY.name, policy.name.as_str());
            let document = live::view(&POLICY, &policy.item);
            let status = live::status(&POLICY, &policy.item).to_owned();
            let statement = document.get("definition").and_then(statement_of).map(ToOwned::to_owned);
            match (live::state(&POLICY, &policy.item), statement) {
                (State::CreateFailed, _) => self.note(format!("`{address}` is {status}, and not in force")),
                (State::Ready, _) if document.get("enforcementMode").is_some_and(|mode| mode == "LOG_ONLY") => {
                    self.note(format!("`{address}` is LOG_ONLY, and decides nothing"));
                }
                (State::Ready, Some(statement)) => self.add(address, &POLICY, document, Some(&engine), &statement),
                (State::Ready, None) => self.doubt(format!("`{address}` has no statement that can be read here")),
                _ => self.doubt(format!("`{address}` is {status}: whether it is in force is not known")),
            }
        }
        let target = Target::Output(engine, "arn".to_owned());
        Some(Reference { target, filter: Filter::Plain }.mark())
    }

    fn doubt(&mut self, note: String) {
        self.note(note);
        self.found.facts.doubtful = true;
    }
}

/// By name: listings have an order that nobody promises.
fn sorted(mut listed: Vec<Listed>) -> Vec<Listed> {
    listed.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    listed
}
