//! The state: every object there is, and how each one settles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::document::Document;
use crate::planted::Planted;

mod kind;
mod time;

pub(crate) use time::Lag;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Gateway,
    GatewayTarget,
    PolicyEngine,
    Policy,
    Runtime,
    RuntimeEndpoint,
    UserPool,
    UserPoolClient,
    UserPoolDomain,
    ResourceServer,
    Group,
    IdentityProvider,
    User,
    /// What a sign-in leaves behind.
    RefreshToken,
    /// A sign-in that waits for the answer to a challenge.
    SignIn,
    /// What a client gets from a sign-in on a page.
    AuthorizationCode,
    WorkloadIdentity,
    ApiKeyCredentialProvider,
    Oauth2CredentialProvider,
    AgentInsightStore,
    Browser,
    BrowserProfile,
    CapacityProvider,
    CodeInterpreter,
    ConfigurationBundle,
    ConsentPortal,
    Dataset,
    Evaluator,
    GatewayRateLimit,
    GatewayRule,
    Harness,
    HarnessEndpoint,
    Memory,
    OnlineEvaluationConfig,
    PaymentConnector,
    PaymentCredentialProvider,
    PaymentManager,
    PolicyGeneration,
    Registry,
    RegistryRecord,
    TokenVault,
}

/// One object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Its place in the order of creation.
    pub(crate) serial: u64,
    /// What it is.
    pub(crate) kind: Kind,
    /// Its identifier, unique within its parent.
    pub(crate) id: String,
    /// The identifier of the object it lives in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    /// Its ARN, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arn: Option<String>,
    /// Its status; kinds that are synchronous have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// Why it is in that status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
    /// What becomes of it by itself, next first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) settles: Vec<Settle>,
    /// When it came into its status by itself, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) settled_at: u64,
    /// When listings begin to show it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) listed_at: u64,
    /// It is gone, but listings have not noticed yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) gone: bool,
    /// Its members, in the API's spelling. Moments are milliseconds.
    pub(crate) document: Document,
    /// What the service remembers but no read shows as it stands.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub(crate) hidden: Document,
    /// What is shown by the calls that must, and nowhere else.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub(crate) secrets: Document,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub(crate) tags: Document,
    /// Members that neither the model nor an SDK knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) planted: Vec<Planted>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(moment: &u64) -> bool {
    *moment == 0
}

/// One change that an object goes through by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settle {
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
    /// How many reads still see the object as it is, if not the clock decides but they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) polls: Option<u32>,
    /// The status it then has; none: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
}

/// What a client token was used for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// A digest of the request without its token.
    pub(crate) request: String,
    /// What was answered.
    pub(crate) answer: Value,
    /// Its place in the order of answers.
    #[serde(default)]
    pub(crate) place: u64,
}

/// How many answers are remembered by their client tokens at least. Each is written to the file with every change.
const ANSWERS: usize = 1000;

/// Everything there is in one account and region.
///
/// The objects are found by identifier, parent, kind and ARN without a look at the others. What a call changes can be taken back
/// until it is kept ([`State::keep`], [`State::take_back`]), so that a call runs wholly or not at all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct State {
    /// The objects by their place in the order of creation.
    #[serde(serialize_with = "in_order")]
    objects: BTreeMap<u64, Object>,
    #[serde(skip)]
    by_id: BTreeMap<(Kind, String), BTreeSet<u64>>,
    #[serde(skip)]
    by_parent: BTreeMap<String, BTreeSet<u64>>,
    #[serde(skip)]
    by_kind: BTreeMap<Kind, BTreeSet<u64>>,
    #[serde(skip)]
    by_arn: BTreeMap<String, u64>,
    /// The next change of every object that changes by itself: when, and whose.
    #[serde(skip)]
    due: BTreeSet<(u64, u64)>,
    /// The objects whose next change comes with reads.
    #[serde(skip)]
    polled: BTreeSet<u64>,
    #[serde(skip)]
    pub(crate) lag: Lag,
    /// What was before the changes that are not kept yet, latest last.
    #[serde(skip)]
    before: Vec<Before>,
    /// Another number after every change of an object that the data plane reads, and never the same one twice.
    #[serde(skip)]
    revision: u64,
    /// How many identifiers were given out.
    pub(crate) counter: u64,
    /// The latest moment that was seen.
    pub(crate) seen: u64,
    /// Answers by operation and client token.
    answers: BTreeMap<String, Remembered>,
}

/// The revisions that were given out, in whatever state.
static REVISIONS: AtomicU64 = AtomicU64::new(1);

/// A state as a file has it.
#[derive(Deserialize)]
struct Stored {
    objects: Vec<Object>,
    counter: u64,
    seen: u64,
    #[serde(default)]
    answers: BTreeMap<String, Remembered>,
}

impl From<Stored> for State {
    fn from(stored: Stored) -> Self {
        let Stored { objects, counter, seen, answers } = stored;
        let mut state = Self { counter, seen, answers, ..Self::default() };
        for object in objects {
            state.put(object);
        }
        state
    }
}

fn in_order<S: Serializer>(objects: &BTreeMap<u64, Object>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(objects.values())
}

/// What was before a change.
#[derive(Debug)]
enum Before {
    /// The object as it was before it was changed or removed.
    Was(Box<Object>),
    /// There was no such object.
    Nothing(u64),
    /// The token was not used yet.
    Unused(String),
}

impl State {
    /// A state without objects.
    pub(crate) fn empty(seen: u64) -> Self {
        Self { seen, ..Self::default() }
    }

    /// What was read under a revision still holds while it is the same.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// What was read until now may no longer hold.
    pub(crate) fn touch(&mut self) {
        self.revision = REVISIONS.fetch_add(1, Ordering::Relaxed);
    }

    fn note_change(&mut self, kind: Kind) {
        if matches!(kind, Kind::Gateway | Kind::GatewayTarget | Kind::PolicyEngine | Kind::Policy | Kind::UserPool) {
            self.touch();
        }
    }

    /// Every object, in the order of creation.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().filter(|object| !object.gone)
    }

    /// Whether listings show the object with this place in the order yet.
    pub(crate) fn is_listed(&self, serial: u64) -> bool {
        self.objects.get(&serial).is_none_or(|object| object.listed_at <= self.seen)
    }

    /// An object by kind, parent and identifier.
    pub(crate) fn find(&self, kind: Kind, parent: Option<&str>, id: &str) -> Option<&Object> {
        self.objects.get(&self.serial(kind, parent, id)?)
    }

    /// The same, to change it.
    pub(crate) fn find_mut(&mut self, kind: Kind, parent: Option<&str>, id: &str) -> Option<&mut Object> {
        let serial = self.serial(kind, parent, id)?;
        self.change(serial)
    }

    fn serial(&self, kind: Kind, parent: Option<&str>, id: &str) -> Option<u64> {
        let mut serials = self.by_id.get(&(kind, id.to_owned()))?.iter().copied();
        let in_parent = |object: &Object| parent.is_none() || object.parent.as_deref() == parent;
        serials.find(|serial| self.objects.get(serial).is_some_and(in_parent))
    }

    /// An object by its own ARN.
    pub(crate) fn by_arn(&self, arn: &str) -> Option<&Object> {
        self.objects.get(self.by_arn.get(arn)?)
    }

    /// The same, to change it.
    pub(crate) fn by_arn_mut(&mut self, arn: &str) -> Option<&mut Object> {
        let serial = *self.by_arn.get(arn)?;
        self.change(serial)
    }

    /// An object by its identifier, whatever it is, to change it.
    pub(crate) fn any_mut(&mut self, id: &str) -> Option<&mut Object> {
        let serial = self.objects().find(|object| object.id == id)?.serial;
        self.change(serial)
    }

    /// The objects of a kind in the order of creation, of one parent if one is given. While listings lag behind, some that are gone
    /// are still among them: whoever asks for children or for names that are taken sees what the service sees.
    pub(crate) fn all<'a>(&'a self, kind: Kind, parent: Option<&'a str>) -> impl Iterator<Item = &'a Object> {
        let serials = match parent {
            Some(parent) => self.by_parent.get(parent),
            None => self.by_kind.get(&kind),
        };
        let objects = serials.into_iter().flatten().filter_map(|serial| self.objects.get(serial));
        objects.filter(move |object| object.kind == kind)
    }

    /// Adds an object.
    pub(crate) fn add(&mut self, mut object: Object) {
        let same = |other: &&Object| other.gone && other.id == object.id;
        let earlier: Vec<u64> =
            self.all(object.kind, object.parent.as_deref()).filter(same).map(|object| object.serial).collect();
        for serial in earlier {
            self.withdraw(serial);
        }
        if self.lag.most > 0 {
            object.listed_at = self.noticed(self.seen, object.serial);
        }
        self.before.push(Before::Nothing(object.serial));
        self.put(object);
    }

    /// Removes an object and what lives in it.
    pub(crate) fn remove(&mut self, kind: Kind, parent: Option<&str>, id: &str) {
        if let Some(serial) = self.serial(kind, parent, id) {
            self.leave(serial, self.seen);
        }
    }

    /// Takes an object out, so that it can be taken back.
    fn withdraw(&mut self, serial: u64) {
        if let Some(object) = self.take(serial) {
            self.before.push(Before::Was(Box::new(object)));
        }
    }

    /// What was answered under a client token.
    pub(crate) fn answered(&self, token: &str) -> Option<&Remembered> {
        self.answers.get(token)
    }

    /// Remembers what was answered under a client token that was not used yet.
    pub(crate) fn remember(&mut self, token: String, answer: Remembered) {
        self.before.push(Before::Unused(token.clone()));
        self.answers.insert(token, Remembered { place: self.counter, ..answer });
    }

    /// Forgets the older half of twice as many answers as have to be remembered.
    fn forget_answers(&mut self) {
        if self.answers.len() < 2 * ANSWERS {
            return;
        }
        let mut places: Vec<u64> = self.answers.values().map(|answer| answer.place).collect();
        places.sort_unstable();
        let oldest = places.get(places.len() - ANSWERS).copied().unwrap_or_default();
        self.answers.retain(|_, answer| answer.place >= oldest);
    }

    /// Whether something was changed since the last time that it was kept.
    pub(crate) fn is_changed(&self) -> bool {
        !self.before.is_empty()
    }

    /// Keeps what was changed.
    pub(crate) fn keep(&mut self) {
        for before in std::mem::take(&mut self.before) {
            match before {
                Before::Was(was) => self.schedule(was.serial),
                Before::Nothing(serial) => self.schedule(serial),
                Before::Unused(_) => {}
            }
        }
        self.forget_answers();
    }

    /// Takes back what was changed since the last time that it was kept.
    pub(crate) fn take_back(&mut self) {
        while let Some(before) = self.before.pop() {
            match before {
                Before::Was(object) => {
                    self.take(object.serial);
                    self.put(*object);
                }
                Before::Nothing(serial) => drop(self.take(serial)),
                Before::Unused(token) => drop(self.answers.remove(&token)),
            }
        }
    }

    /// An object that a call is about to change.
    fn change(&mut self, serial: u64) -> Option<&mut Object> {
        self.note_change(self.objects.get(&serial)?.kind);
        let object = self.objects.get_mut(&serial)?;
        self.before.push(Before::Was(Box::new(object.clone())));
        Some(object)
    }

    fn put(&mut self, object: Object) {
        let serial = object.serial;
        self.note_change(object.kind);
        if !object.gone {
            self.by_id.entry((object.kind, object.id.clone())).or_default().insert(serial);
            if let Some(arn) = &object.arn {
                self.by_arn.insert(arn.clone(), serial);
            }
        }
        self.by_kind.entry(object.kind).or_default().insert(serial);
        if let Some(parent) = &object.parent {
            self.by_parent.entry(parent.clone()).or_default().insert(serial);
        }
        self.objects.insert(serial, object);
        self.schedule(serial);
    }

    fn take(&mut self, serial: u64) -> Option<Object> {
        let object = self.objects.remove(&serial)?;
        self.polled.remove(&serial);
        self.note_change(object.kind);
        let key = (object.kind, object.id.clone());
        without(&mut self.by_id, &key, serial);
        without(&mut self.by_kind, &object.kind, serial);
        if let Some(parent) = &object.parent {
            without(&mut self.by_parent, parent, serial);
        }
        if let Some(arn) = object.arn.as_ref().filter(|arn| self.by_arn.get(*arn) == Some(&serial)) {
            self.by_arn.remove(arn);
        }
        Some(object)
    }
}

fn without<K: Ord>(index: &mut BTreeMap<K, BTreeSet<u64>>, key: &K, serial: u64) {
    if let Some(serials) = index.get_mut(key) {
        serials.remove(&serial);
        if serials.is_empty() {
            index.remove(key);
        }
    }
}

impl Object {
    /// Its status, empty for kinds that have none.
    pub(crate) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or_default()
    }

    /// It begins a change that ends in a status.
    pub(crate) fn begin(&mut self, status: &str, end: Settle) {
        self.status = Some(status.to_owned());
        self.reasons.clear();
        self.settles = vec![end];
    }
}

impl Settle {
    /// It ends well in a status.
    pub(crate) fn into_status(at: u64, status: &str) -> Self {
        Self { at, polls: None, status: Some(status.to_owned()), reasons: Vec::new() }
    }

    /// It ends in a status for a reason.
    pub(crate) fn failing(at: u64, status: &str, reason: &str) -> Self {
        Self { at, polls: None, status: Some(status.to_owned()), reasons: vec![reason.to_owned()] }
    }

    /// It ends by being gone.
    pub(crate) fn gone(at: u64) -> Self {
        Self { at, polls: None, status: None, reasons: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_answers_are_remembered() {
        let mut state = State::default();
        for number in 0..10_000 {
            state.counter += 1;
            let answer = Remembered { request: String::new(), answer: Value::Null, place: 0 };
            state.remember(format!("token {number}"), answer);
            state.keep();
            assert!(state.answers.len() < 2 * ANSWERS);
        }
        assert!(state.answered("token 9999").is_some() && state.answered("token 9001").is_some());
        assert!(state.answered("token 7000").is_none());
    }
}
