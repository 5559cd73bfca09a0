//! The state: every object there is, and how each one settles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Document;
use crate::planted::Planted;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    WorkloadIdentity,
    ApiKeyCredentialProvider,
    Oauth2CredentialProvider,
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

/// One change that an object goes through by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settle {
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
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
}

/// Everything there is in one account and region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The objects in the order of their creation.
    pub(crate) objects: Vec<Object>,
    /// How many identifiers were given out.
    pub(crate) counter: u64,
    /// The latest moment that was seen.
    pub(crate) seen: u64,
    /// Answers by operation and client token.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, Remembered>,
}

impl State {
    /// An object by kind, parent and identifier.
    pub(crate) fn find(&self, kind: Kind, parent: Option<&str>, id: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.is(kind, parent, id))
    }

    /// The same, to change it.
    pub(crate) fn find_mut(&mut self, kind: Kind, parent: Option<&str>, id: &str) -> Option<&mut Object> {
        self.objects.iter_mut().find(|object| object.is(kind, parent, id))
    }

    /// The objects of a kind, of one parent if one is given.
    pub(crate) fn all<'a>(&'a self, kind: Kind, parent: Option<&'a str>) -> impl Iterator<Item = &'a Object> {
        self.objects
            .iter()
            .filter(move |object| object.kind == kind && (parent.is_none() || object.parent.as_deref() == parent))
    }

    /// Removes an object and what lives in it.
    pub(crate) fn remove(&mut self, kind: Kind, parent: Option<&str>, id: &str) {
        self.objects.retain(|object| !object.is(kind, parent, id));
        if parent.is_none() {
            self.objects.retain(|object| object.parent.as_deref() != Some(id));
        }
    }

    /// Lets every change happen that is due, in the order of the clock.
    pub(crate) fn settle(&mut self, now: u64) {
        self.seen = self.seen.max(now);
        while let Some(index) = self.next_due(now) {
            let Some(object) = self.objects.get_mut(index) else { return };
            let change = object.settles.remove(0);
            if let Some(status) = change.status {
                object.status = Some(status);
                object.reasons = change.reasons;
            } else {
                let (kind, parent, id) = (object.kind, object.parent.clone(), object.id.clone());
                self.remove(kind, parent.as_deref(), &id);
            }
        }
    }

    fn next_due(&self, now: u64) -> Option<usize> {
        let due = self.objects.iter().enumerate().filter_map(|(index, object)| {
            let at = object.settles.first()?.at;
            (at <= now).then_some((at, index))
        });
        due.min().map(|(_, index)| index)
    }
}

impl Object {
    fn is(&self, kind: Kind, parent: Option<&str>, id: &str) -> bool {
        self.kind == kind && self.id == id && (parent.is_none() || self.parent.as_deref() == parent)
    }

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
        Self { at, status: Some(status.to_owned()), reasons: Vec::new() }
    }

    /// It ends in a status for a reason.
    pub(crate) fn failing(at: u64, status: &str, reason: &str) -> Self {
        Self { at, status: Some(status.to_owned()), reasons: vec![reason.to_owned()] }
    }

    /// It ends by being gone.
    pub(crate) fn gone(at: u64) -> Self {
        Self { at, status: None, reasons: Vec::new() }
    }
}
