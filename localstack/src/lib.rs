//! A local stand-in for AWS: the control planes of Amazon Bedrock `AgentCore`, of Cognito user pools and of STS, in process
//! ([`Localstack::handle`]) or on a loopback socket ([`serve`]).
//!
//! It takes the HTTP requests an SDK sends, holds them against AWS's API model, and behaves as the service is documented or
//! was observed to: objects take time to become ready, names are taken, updates replace the whole object, refusals come with the
//! service's own codes. What no document says is listed in the crate's `README.md`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

mod api_key_credential_provider;
mod authorizer;
mod clock;
mod cognito;
mod control;
mod credential;
mod data_plane;
mod deep;
mod delay;
mod document;
mod engine;
mod extension;
mod failure;
mod fault;
mod gate;
mod gateway;
mod gateway_target;
mod identifier;
mod journal;
mod kinds;
mod nesting;
mod oauth2_credential_provider;
mod page;
mod planted;
mod policy;
mod policy_engine;
mod policy_text;
mod propagation;
mod rate;
mod resource;
mod runtime;
mod runtime_endpoint;
mod serve;
mod session;
mod settings;
mod snapshot;
mod state;
mod store;
mod tag;
mod validation;
mod wire;
mod workload_identity;

pub use data_plane::{Answer, AnswerError};
pub use delay::{Delay, DelayError, Delays};
pub use failure::Failure;
use fault::Faults;
pub use fault::{Fault, FaultError, FaultKind};
use journal::Journal;
pub use journal::{Decision, Entry};
pub use serve::serve;
pub use settings::{Findings, Settings};
pub use snapshot::SnapshotError;
pub use store::{Claim, StateError};

use engine::{Engine, Outcome};
use planted::Planted;
use state::State;
use store::Store;
use wire::{Call, Service};

/// How a stand-in behaves. What can be changed while it runs, [`Settings`] lists.
#[derive(Debug, Clone)]
pub struct Config {
    /// The account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// What identifiers are made from: the same seed gives the same ones.
    pub seed: u64,
    /// How long an object takes to become ready, or to be gone.
    pub delay: Duration,
    /// The kinds that take another time, or so many reads.
    pub delays: Delays,
    /// The most items a page has, to make listings page.
    pub page_size: Option<usize>,
    /// Requests that come faster than AWS documents are throttled; calls by name are not.
    pub rates: bool,
    /// How long every answer to a request takes at least.
    pub latency: Duration,
    /// How much longer it takes at most; the seed decides.
    pub jitter: Duration,
    /// How far listings lag behind at most, the seed decides: what was created is not in them yet, and what is gone still is, has its
    /// name, and keeps its parent from being deleted.
    pub lag: Duration,
    /// How often a role is refused before IAM has told everybody about it.
    pub role_refusals: u32,
    /// How long after a target is ready policies do not know its tools yet.
    pub schema_lag: Duration,
    /// What policies are found to be.
    pub findings: Findings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            seed: 0,
            delay: Duration::from_millis(40),
            delays: Delays::default(),
            page_size: None,
            rates: false,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            lag: Duration::ZERO,
            role_refusals: 0,
            schema_lag: Duration::ZERO,
            findings: Findings::Usual,
        }
    }
}

/// The connection was dropped before an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was dropped")]
pub struct Dropped;

/// The stand-in. A clone is the same stand-in.
#[derive(Clone)]
pub struct Localstack {
    engine: Arc<Engine>,
}

impl std::fmt::Debug for Localstack {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The state holds secrets.
        formatter.debug_struct("Localstack").finish_non_exhaustive()
    }
}

impl Localstack {
    /// A stand-in whose state is in memory.
    pub fn new(config: Config) -> Self {
        Self { engine: Arc::new(Engine::new(config, State::default(), None)) }
    }

    /// A stand-in whose state is in a file. The file need not exist; it is written with the first change.
    pub fn open(path: &Path, config: Config) -> Result<Self, StateError> {
        let (store, state) = Store::open(path, &format!("{}/{}", config.account, config.region))?;
        Ok(Self { engine: Arc::new(Engine::new(config, state, Some(store))) })
    }

    /// Makes this process the only one that changes the state, until the claim is dropped. A state in memory is nobody else's.
    pub fn claim(&self) -> Result<Claim, StateError> {
        self.engine.claim()
    }

    /// Answers one HTTP request.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let answer = match data_plane::route(&request, &self.engine.config().region) {
            // Boxed, so that a call of the control plane is not as large.
            Some(route) => Box::pin(self.invoke(&route, &request)).await,
            None => self.answer(&request),
        };
        let latency = self.engine.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        answer
    }

    /// Says where it is served, for the URLs that it gives out.
    fn serve_at(&self, address: SocketAddr) {
        self.engine.serve_at(address);
    }

    /// Whether a request may come in from a socket.
    fn admit(&self, head: &http::request::Parts) -> Result<(), Failure> {
        gate::check(head, &self.engine.config().region, |host| {
            self.engine.with_state(|state| {
                let domain = state.find(state::Kind::UserPoolDomain, None, host);
                domain.is_some_and(|domain| domain.document.contains_key("CustomDomainConfig"))
            })
        })
    }

    /// Refuses a request that may not come in, or whose body cannot be had, the way its service says it.
    fn refuse(&self, head: &http::request::Parts, failure: &Failure) -> Response<Bytes> {
        self.engine.note_unreadable(&format!("{} {}", head.method, head.uri.path()), failure);
        wire::refusal(wire::service(&head.method, &head.uri, &head.headers), failure, &self.engine.next_request_id())
    }

    /// Answers a client of a gateway or runtime, unless a fault comes in its way.
    async fn invoke(&self, route: &data_plane::Route, request: &Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let mut fault = None;
        self.engine.with_faults(|faults| fault = faults.strike(route.operation()));
        match &fault {
            Some(FaultKind::Refuse { status, code, message }) => {
                let failure = Failure::with_status(*status, code, message);
                self.engine.note_unreadable(route.operation(), &failure);
                return Ok(wire::refusal(Service::AgentCore, &failure, &self.engine.next_request_id()));
            }
            Some(FaultKind::Drop) => return Err(Dropped),
            _ => {}
        }
        let response = data_plane::answer(&self.engine, route, request).await;
        match fault {
            Some(FaultKind::LoseAnswer) => Err(Dropped),
            Some(FaultKind::NotJson) => Ok(wire::not_json(&self.engine.next_request_id())),
            _ => Ok(response),
        }
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let id = self.engine.next_request_id();
        let call = match wire::read(request) {
            Ok(call) => call,
            Err(unreadable) => {
                self.engine.note_unreadable(&unreadable.operation, &unreadable.failure);
                return Ok(wire::refusal(unreadable.service, &unreadable.failure, &id));
            }
        };
        if let Some(failure) = self.engine.throttle(&call) {
            return Ok(wire::refusal(call.service, &failure, &id));
        }
        let (service, operation) = (call.service, call.operation.clone());
        match self.engine.perform(call) {
            Outcome::Answer(value) => Ok(wire::answer(service, &operation, &value, &id)),
            Outcome::Refused(failure) => Ok(wire::refusal(service, &failure, &id)),
            Outcome::NotJson => Ok(wire::not_json(&id)),
            Outcome::Dropped => Err(Dropped),
        }
    }

    /// Runs one operation by name, everything after the parsing of a request included. A dropped connection has status 0.
    ///
    /// The three tagging operations exist in two services: `ResourceArn` with a capital is Cognito's.
    #[expect(clippy::unused_async, reason = "the same shape as `handle`")]
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        let input = document::document(input);
        let service = match operation {
            "GetCallerIdentity" => Service::Sts,
            "TagResource" | "UntagResource" | "ListTagsForResource" if input.contains_key("ResourceArn") => {
                Service::Cognito
            }
            _ if model::Api::agentcore().operation(operation).is_some() => Service::AgentCore,
            _ => Service::Cognito,
        };
        match self.engine.perform(Call { service, operation: operation.to_owned(), input }) {
            Outcome::Answer(value) => Ok(value),
            Outcome::Refused(failure) => Err(failure),
            Outcome::Dropped => Err(Failure::with_status(0, "Dropped", Dropped.to_string())),
            Outcome::NotJson => Err(Failure::with_status(200, "NotJson", "the answer was an HTML page")),
        }
    }

    /// Every request so far, with its outcome.
    pub fn journal(&self) -> Vec<Entry> {
        self.engine.with_journal(|journal| journal.entries())
    }

    /// Forgets the requests so far.
    pub fn clear_journal(&self) {
        self.engine.with_journal(|journal| *journal = Journal::default());
    }

    /// Sets a fault.
    pub fn fault(&self, fault: Fault) {
        self.engine.with_faults(|faults| faults.set(fault));
    }

    /// Takes back every fault that was set and has not happened yet.
    pub fn clear_faults(&self) {
        self.engine.with_faults(|faults| *faults = Faults::default());
    }

    /// Forgets every object, request and fault. What the stand-in was told of tools it keeps, and how everything is set, and snapshots.
    pub fn reset(&self) -> Result<(), StateError> {
        self.engine.reset()
    }

    /// How everything is set.
    pub fn settings(&self) -> Settings {
        self.engine.settings()
    }

    /// Sets what is to be set, for what begins from now on.
    pub fn set(&self, settings: &Settings) {
        self.engine.set(settings);
    }

    /// Keeps a copy of the state in memory, under a name; one with the same name is replaced. There are 16 at most.
    pub fn snapshot(&self, name: &str) -> Result<(), SnapshotError> {
        self.engine.snapshot(name)
    }

    /// Goes back to a copy of the state. What was under way goes on, and the same calls give the same identifiers again.
    pub fn restore(&self, name: &str) -> Result<(), SnapshotError> {
        self.engine.restore(name)
    }

    /// Forgets every copy of the state.
    pub fn clear_snapshots(&self) {
        self.engine.clear_snapshots();
    }

    /// Tells what a target offers whose tools live elsewhere, so that policies about it are checked. Names, since the objects
    /// need not exist yet. Not part of the state.
    pub fn known_tools(&self, gateway: &str, target: &str, tools: Vec<model::Tool>) {
        self.engine.know_tools(gateway, target, tools);
    }

    /// Says what answers in the place of a Lambda function, a server, an API or a runtime. What was said later wins. Not part of the
    /// state.
    pub fn answer_for(&self, answer: Answer) {
        self.engine.data_plane.answer_for(answer);
        self.engine.touch();
    }

    /// Forgets what answers in the place of others.
    pub fn clear_answers(&self) {
        self.engine.data_plane.clear_answers();
        self.engine.touch();
    }

    /// Writes a member that neither the model nor an SDK knows into the object with this identifier. The structures around it must
    /// be there. Says whether the object and the structures were found.
    ///
    /// Updates take the member as it was read; one that replaces the whole object and leaves it out erases it.
    pub fn plant(&self, id: &str, pointer: &str, value: Value) -> bool {
        self.plant_member(id, Planted { pointer: pointer.to_owned(), value, read_only: false })
    }

    /// The same for a member that the service keeps for itself: updates refuse it, and nothing erases it.
    pub fn plant_read_only(&self, id: &str, pointer: &str, value: Value) -> bool {
        self.plant_member(id, Planted { pointer: pointer.to_owned(), value, read_only: true })
    }

    fn plant_member(&self, id: &str, member: Planted) -> bool {
        self.engine.change_state(|state| {
            let Some(object) = state.any_mut(id) else { return false };
            let around = member.pointer.rsplit_once('/').map(|(around, _)| around);
            let document = Value::Object(object.document.clone());
            if !around.and_then(|around| document.pointer(around)).is_some_and(Value::is_object) {
                return false;
            }
            object.planted.retain(|planted| planted.pointer != member.pointer);
            object.planted.push(member);
            true
        })
    }

    /// What contradicts itself in the state: nothing, unless the stand-in has a mistake. It is here for long runs.
    pub fn contradictions(&self) -> Vec<String> {
        self.engine.with_state(State::contradictions)
    }

    /// The whole state as it stands now, without secrets: `{"objects": [{"kind", "id", "status", "document", "tags", …}]}`.
    pub fn observe(&self) -> Value {
        self.engine.with_state(|state| {
            let objects = state.objects().map(|object| {
                let mut object = object.clone();
                object.secrets.clear();
                serde_json::to_value(object).unwrap_or_default()
            });
            journal::without_secrets(&serde_json::json!({"objects": objects.collect::<Vec<_>>()}))
        })
    }
}
