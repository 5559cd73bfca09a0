//! What one call has in hand: the state, the moment and the account.

use std::collections::BTreeMap;

use model::Tool;
use serde_json::Value;

use crate::Config;
use crate::clock::millis;
use crate::document::{Document, project};
use crate::failure::Failure;
use crate::identifier::letters;
use crate::planted::{Planted, overlay};
use crate::state::{Kind, Object, Settle, State};
use crate::wire::Service;

/// Tools by the names of their gateway and target.
pub(crate) type KnownTools = BTreeMap<(String, String), Vec<Tool>>;

/// What one call works with.
pub(crate) struct Session<'a> {
    pub(crate) service: Service,
    pub(crate) state: &'a mut State,
    pub(crate) config: &'a Config,
    /// Where the stand-in is served, for example `http://127.0.0.1:5005`; none in process.
    pub(crate) base: Option<&'a str>,
    /// Milliseconds since 1970.
    pub(crate) now: u64,
    /// Tools that somebody told of, by the names of their gateway and target.
    pub(crate) known_tools: &'a KnownTools,
    /// Why what this call begins shall fail in the end.
    pub(crate) unsuccessful: Option<String>,
}

/// Runs one operation on a valid input.
pub(crate) type Run = fn(&mut Session<'_>, &Document) -> Result<Value, Failure>;

/// Operations by name.
pub(crate) type Operations = &'static [(&'static str, Run)];

impl Session<'_> {
    /// When a transition that begins now is over.
    pub(crate) fn due(&self) -> u64 {
        self.now.saturating_add(millis(&self.config.delay))
    }

    /// The end of a change that begins now: well, unless this call was chosen to fail.
    pub(crate) fn ending(&self, well: &str, badly: &str) -> Settle {
        match &self.unsuccessful {
            None => Settle::into_status(self.due(), well),
            Some(reason) => Settle::failing(self.due(), badly, reason),
        }
    }

    /// The end of a delete that begins now: gone, unless this call was chosen to fail.
    pub(crate) fn leaving(&self) -> Settle {
        match &self.unsuccessful {
            None => Settle::gone(self.due()),
            Some(reason) => Settle::failing(self.due(), "DELETE_FAILED", reason),
        }
    }

    /// Fresh letters that look random.
    pub(crate) fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        self.state.counter += 1;
        letters(self.config.seed, self.state.counter, alphabet, length)
    }

    /// The partition of the region.
    pub(crate) fn partition(&self) -> &'static str {
        match self.config.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if self.config.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// An ARN of this account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = (self.partition(), &self.config.region, &self.config.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// A new object that has neither status nor ARN yet.
    pub(crate) fn object(&mut self, kind: Kind, parent: Option<&str>, id: &str, document: Document) -> Object {
        self.state.counter += 1;
        Object {
            serial: self.state.counter,
            kind,
            id: id.to_owned(),
            parent: parent.map(ToOwned::to_owned),
            arn: None,
            status: None,
            reasons: Vec::new(),
            settles: Vec::new(),
            settled_at: 0,
            listed_at: 0,
            gone: false,
            document,
            hidden: Document::new(),
            secrets: Document::new(),
            tags: Document::new(),
            planted: Vec::new(),
        }
    }

    /// A document as an output shape shows it, with what was planted in it.
    pub(crate) fn show(&self, shape: &str, view: Document, planted: &[Planted]) -> Value {
        let mut shown = project(self.service.api(), shape, &Value::Object(view));
        overlay(&mut shown, planted);
        shown
    }
}
