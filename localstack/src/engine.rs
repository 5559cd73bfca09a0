//! How one call runs: transitions, faults, validation, idempotency, the operation itself, the file, the journal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use model::{Location, Tool, Violation};
use serde_json::Value;

use crate::clock::{Clock, millis};
use crate::data_plane::DataPlane;
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::fault::{FaultKind, Faults};
use crate::identifier::{hex, number, request_id};
use crate::journal::{Entry, Journal, Noted, is_mutating, note, without_secrets};
use crate::kinds::Handler;
use crate::planted::{after_update, is_full_replace, take_back, updated};
use crate::propagation::{Roles, used};
use crate::rate::Rates;
use crate::session::{KnownTools, Session};
use crate::settings::Settings;
use crate::snapshot::{SNAPSHOTS, SnapshotError};
use crate::state::{Kind, Lag, Object, Remembered, State};
use crate::store::{Claim, Store};
use crate::validation::{refuse, violations};
use crate::wire::{Call, Service, unknown_operation};
use crate::{Config, StateError, kinds};

/// Everything behind one stand-in.
pub(crate) struct Engine {
    config: Config,
    clock: Clock,
    /// Where it is served, for example `http://127.0.0.1:5005`.
    base: OnceLock<String>,
    /// What gateways and runtimes need beside the state.
    pub(crate) data_plane: DataPlane,
    inside: Mutex<Inside>,
}

struct Inside {
    /// How everything is set now.
    config: Arc<Config>,
    state: State,
    /// States as a file would have them, which takes a tenth of the memory.
    snapshots: BTreeMap<String, Vec<u8>>,
    roles: Roles,
    store: Option<Store>,
    journal: Journal,
    faults: Faults,
    rates: Option<Rates>,
    known_tools: KnownTools,
    requests: u64,
}

/// What comes of a call.
pub(crate) enum Outcome {
    Answer(Value),
    Refused(Failure),
    Dropped,
    NotJson,
}

impl Engine {
    pub(crate) fn new(config: Config, mut state: State, store: Option<Store>) -> Self {
        let clock = Clock::starting_after(state.seen);
        state.lag = lag(&config);
        let inside = Inside {
            config: Arc::new(config.clone()),
            state,
            snapshots: BTreeMap::new(),
            roles: Roles::default(),
            store,
            journal: Journal::default(),
            faults: Faults::default(),
            rates: config.rates.then(Rates::default),
            known_tools: KnownTools::new(),
            requests: 0,
        };
        Self { config, clock, base: OnceLock::new(), data_plane: DataPlane::default(), inside: Mutex::new(inside) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_request_id(&self) -> String {
        let mut inside = self.inside();
        inside.requests += 1;
        request_id(self.config.seed, inside.requests)
    }

    pub(crate) fn with_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.inside().faults);
    }

    pub(crate) fn with_journal<T>(&self, read: impl FnOnce(&mut Journal) -> T) -> T {
        read(&mut self.inside().journal)
    }

    pub(crate) fn know_tools(&self, gateway: &str, target: &str, tools: Vec<Tool>) {
        let mut inside = self.inside();
        inside.known_tools.insert((gateway.to_owned(), target.to_owned()), tools);
        inside.state.touch();
    }

    /// What gateways were read from is no longer all there is.
    pub(crate) fn touch(&self) {
        self.inside().state.touch();
    }

    /// The account, the region and everything else that was configured.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The moment, in milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Reads the state as it stands now, and the tools that somebody told of.
    pub(crate) fn with_tools<T>(&self, run: impl FnOnce(&State, &KnownTools) -> T) -> T {
        let mut inside = self.inside();
        inside.state.settle(self.clock.now());
        run(&inside.state, &inside.known_tools)
    }

    /// Notes a request in the journal.
    pub(crate) fn note(&self, entry: Entry) {
        let noted = entry.into();
        note(&mut self.inside().journal, noted);
    }

    /// Runs something on the state as it stands now. Nothing is written to a file.
    pub(crate) fn with_state<T>(&self, run: impl FnOnce(&State) -> T) -> T {
        let mut inside = self.inside();
        inside.state.settle(self.clock.now());
        run(&inside.state)
    }

    /// Runs a change of the state from outside, and writes it to the file.
    pub(crate) fn change_state(&self, change: impl FnOnce(&mut State) -> bool) -> bool {
        let mut inside = self.inside();
        inside.state.settle(self.clock.now());
        let changed = change(&mut inside.state) && inside.save().is_ok();
        if changed {
            inside.state.keep();
        } else {
            inside.state.take_back();
        }
        changed
    }

    /// Forgets everything that happened: objects, requests, faults that were set, and how fast calls came.
    ///
    /// Fails, and then forgets nothing, if the file cannot be written.
    pub(crate) fn reset(&self) -> Result<(), StateError> {
        let mut inside = self.inside();
        let seen = self.clock.now();
        inside.replace(State::empty(seen))?;
        inside.journal = Journal::default();
        inside.faults = Faults::default();
        inside.roles = Roles::default();
        inside.rates = inside.config.rates.then(Rates::default);
        inside.requests = 0;
        Ok(())
    }

    /// How everything is set.
    pub(crate) fn settings(&self) -> Settings {
        Settings::of(&self.inside().config)
    }

    /// Sets what is to be set. What is under way ends when it would have ended.
    pub(crate) fn set(&self, settings: &Settings) {
        let mut inside = self.inside();
        let mut config = Config::clone(&inside.config);
        settings.set(&mut config);
        if config.rates != inside.config.rates {
            inside.rates = config.rates.then(Rates::default);
        }
        inside.state.lag = lag(&config);
        inside.config = Arc::new(config);
    }

    /// Keeps a copy of the state under a name.
    pub(crate) fn snapshot(&self, name: &str) -> Result<(), SnapshotError> {
        let mut inside = self.inside();
        if inside.snapshots.len() >= SNAPSHOTS && !inside.snapshots.contains_key(name) {
            return Err(SnapshotError::TooMany { names: inside.snapshot_names() });
        }
        inside.state.settle(self.clock.now());
        let copy = serde_json::to_vec(&inside.state)?;
        inside.snapshots.insert(name.to_owned(), copy);
        Ok(())
    }

    /// Goes back to a copy of the state.
    ///
    /// Fails, and then changes nothing, if there is none or if the file cannot be written.
    pub(crate) fn restore(&self, name: &str) -> Result<(), SnapshotError> {
        let mut inside = self.inside();
        let Some(copy) = inside.snapshots.get(name) else {
            return Err(SnapshotError::Unknown { name: name.to_owned(), names: inside.snapshot_names() });
        };
        let state = serde_json::from_slice::<State>(copy)?.resumed(self.clock.now());
        Ok(inside.replace(state)?)
    }

    /// Forgets every copy of the state.
    pub(crate) fn clear_snapshots(&self) {
        self.inside().snapshots.clear();
    }

    /// Says where it is served. What was said first stays.
    pub(crate) fn serve_at(&self, address: SocketAddr) {
        _ = self.base.set(format!("http://{address}"));
    }

    /// Where it is served, if it is: the URLs that clients are given begin so.
    pub(crate) fn base(&self) -> Option<&str> {
        self.base.get().map(String::as_str)
    }

    /// The right to change the file, if there is one.
    pub(crate) fn claim(&self) -> Result<Claim, StateError> {
        self.inside().store.as_ref().map_or(Ok(Claim(None)), Store::claim)
    }

    /// How long the answer to the latest request takes.
    pub(crate) fn latency(&self) -> Duration {
        let inside = self.inside();
        let jitter = number(self.config.seed, "latency", inside.requests, millis(&inside.config.jitter));
        inside.config.latency.saturating_add(Duration::from_millis(jitter))
    }

    /// Notes a request that is no call.
    pub(crate) fn note_unreadable(&self, operation: &str, failure: &Failure) {
        self.note_refused(operation, failure, Value::Null);
    }

    fn note_refused(&self, operation: &str, failure: &Failure, input: Value) {
        let entry = Entry {
            operation: operation.to_owned(),
            mutating: is_mutating(operation),
            status: failure.status,
            code: Some(failure.code.clone()),
            input,
            at_millis: self.clock.now(),
            decision: None,
        };
        self.note(entry);
    }

    /// Refuses a call that comes too fast.
    pub(crate) fn throttle(&self, call: &Call) -> Option<Failure> {
        let failure = self.inside().rates.as_mut()?.refuse(call)?;
        self.note_refused(&call.operation, &failure, without_secrets(&Value::Object(call.input.clone())));
        Some(failure)
    }

    /// Runs one call.
    pub(crate) fn perform(&self, call: Call) -> Outcome {
        // What takes longer the more was sent comes first: meanwhile others are answered.
        let (service, operation) = (call.service, call.operation.clone());
        let mut violations = violations(&call);
        let mut noted = Noted::from(Entry {
            mutating: is_mutating(&operation),
            operation: operation.clone(),
            status: 0,
            code: None,
            input: without_secrets(&Value::Object(call.input.clone())),
            at_millis: 0,
            decision: None,
        });
        let mut inside = self.inside();
        let now = self.clock.now();
        inside.state.settle(now);
        let config = Arc::clone(&inside.config);
        let outcome = inside.strike(&config, self.base(), now, call, &mut violations);
        let (status, code) = match &outcome {
            Outcome::Answer(_) if matches!(service, Service::Sts | Service::UserPool) => (200, None),
            Outcome::Answer(_) => (service.api().operation(&operation).map_or(200, |operation| operation.status), None),
            Outcome::NotJson => (200, None),
            Outcome::Refused(failure) => (failure.status, Some(failure.code.clone())),
            Outcome::Dropped => (0, None),
        };
        (noted.call.status, noted.call.code, noted.call.at_millis) = (status, code, now);
        note(&mut inside.journal, noted);
        outcome
    }
}

impl Inside {
    /// Runs one call, unless a fault comes in its way.
    fn strike(
        &mut self,
        config: &Config,
        base: Option<&str>,
        now: u64,
        call: Call,
        violations: &mut Vec<Violation>,
    ) -> Outcome {
        let fault = self.faults.strike(&call.operation);
        let unsuccessful = match &fault {
            Some(FaultKind::Refuse { status, code, message }) => {
                return Outcome::Refused(Failure::with_status(*status, code, message));
            }
            Some(FaultKind::Drop) => return Outcome::Dropped,
            Some(FaultKind::Unsuccessful { reason }) => Some(reason.clone()),
            _ => None,
        };
        match (self.commit(config, base, now, call, violations, unsuccessful), fault) {
            (_, Some(FaultKind::LoseAnswer)) => Outcome::Dropped,
            (_, Some(FaultKind::NotJson)) => Outcome::NotJson,
            (Ok(answer), _) => Outcome::Answer(answer),
            (Err(failure), _) => Outcome::Refused(failure),
        }
    }

    /// Runs one call wholly or not at all.
    fn commit(
        &mut self,
        config: &Config,
        base: Option<&str>,
        now: u64,
        call: Call,
        violations: &mut Vec<Violation>,
        unsuccessful: Option<String>,
    ) -> Result<Value, Failure> {
        let Some(handler) = kinds::operation(call.service, &call.operation) else {
            return Err(unknown_operation(call.service, &call.operation));
        };
        let (service, mutating) = (call.service, is_mutating(&call.operation));
        let role = used(&self.state, &call).filter(|_| config.role_refusals > 0);
        let read =
            Kind::read_by(&call.operation).map(|kind| (kind, call.operation.starts_with("List"), names(&call.input)));
        let counter = self.state.counter;
        let session = Session {
            service,
            state: &mut self.state,
            config,
            base,
            now,
            known_tools: &self.known_tools,
            unsuccessful,
        };
        let result = execute(session, call, violations, handler).and_then(|answer| {
            if let Some(failure) = role.and_then(|role| self.roles.refuse(role, config.role_refusals)) {
                return Err(failure);
            }
            // A read may change something too: the first one of a pool's keys makes them.
            if mutating || self.state.is_changed() {
                self.state.pace(now, millis(&config.delay), &config.delays);
                self.save().map_err(|problem| cannot_save(service, &problem.to_string()))?;
            }
            Ok(answer)
        });
        if result.is_ok() {
            self.state.keep();
            if let Some((kind, listed, names)) = read {
                self.state.poll(kind, |object| is_read(object, listed, &names));
            }
        } else {
            self.state.take_back();
            self.state.counter = counter;
        }
        result
    }

    fn snapshot_names(&self) -> String {
        let names: Vec<&str> = self.snapshots.keys().map(String::as_str).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// Puts another state in the place of this one, in the file as well or not at all.
    fn replace(&mut self, state: State) -> Result<(), StateError> {
        let before = std::mem::replace(&mut self.state, state);
        self.state.lag = before.lag;
        self.save().inspect_err(|_| self.state = before)
    }

    fn save(&mut self) -> Result<(), StateError> {
        self.store.as_mut().map_or(Ok(()), |store| store.save(&self.state))
    }
}

fn lag(config: &Config) -> Lag {
    Lag { most: millis(&config.lag), seed: config.seed }
}

/// What a request names at its top.
fn names(input: &Document) -> Vec<String> {
    input.values().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// Whether a read that names these is about an object.
fn is_read(object: &Object, listed: bool, names: &[String]) -> bool {
    let is_named = |name: &String| names.contains(name);
    let itself = listed || is_named(&object.id) || object.arn.as_ref().is_some_and(is_named);
    // Cognito describes a domain by its name alone.
    let parent = object.parent.as_ref().is_none_or(is_named) || (!listed && object.kind == Kind::UserPoolDomain);
    itself && parent
}

fn cannot_save(service: Service, problem: &str) -> Failure {
    let code = if matches!(service, Service::Cognito | Service::UserPool) {
        "InternalErrorException"
    } else {
        "InternalServerException"
    };
    Failure::with_status(500, code, problem)
}

/// Refuses what the model does not allow, remembers and runs.
fn execute(
    mut session: Session<'_>,
    call: Call,
    violations: &mut Vec<Violation>,
    handler: Handler,
) -> Result<Value, Failure> {
    let Call { service, operation, mut input } = call;
    let returned = match updated(session.state, service, &operation, &input) {
        Some(object) => take_back(object, &mut input, violations),
        None => Vec::new(),
    };
    if !violations.is_empty() {
        return Err(refuse(service, violations));
    }
    let token = client_token(service, &operation, &input);
    let digest = digest(&input);
    if let Some(remembered) = token.as_ref().and_then(|token| session.state.answered(token)) {
        if remembered.request == digest {
            return Ok(remembered.answer.clone());
        }
        let message = "The client token was already used with different parameters";
        return Err(Failure::validation("IdempotentParameterMismatchException", message));
    }
    if let Some(object) = updated(session.state, service, &operation, &input) {
        object.planted = after_update(&object.planted, returned, is_full_replace(&operation), &input);
    }
    let answer = handler.run(&mut session, &operation, &input)?;
    if let Some(token) = token {
        session.state.remember(token, Remembered { request: digest, answer: answer.clone(), place: 0 });
    }
    Ok(answer)
}

/// The key under which an idempotent call is remembered.
fn client_token(service: Service, operation: &str, input: &Document) -> Option<String> {
    let shape = service.api().input(operation).filter(|_| service == Service::AgentCore)?;
    let member = shape.members().iter().find(|member| member.idempotency_token)?;
    let token = text(input, &member.wire);
    let place = if member.location == Location::Query { "query" } else { "body" };
    (!token.is_empty()).then(|| format!("{operation}/{place}/{token}"))
}

/// A digest of a request without its token, whatever the order of its members.
fn digest(input: &Document) -> String {
    let mut request = input.clone();
    request.shift_remove("clientToken");
    let mut request = Value::Object(request);
    request.sort_all_objects();
    hex(request.to_string().as_bytes())
}
