//! The journal: every call with its outcome, without secrets.

use serde::Serialize;
use serde_json::Value;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The operation, for example `CreateGateway`.
    pub operation: String,
    /// It may change something: it neither gets, describes nor lists, and invokes nothing.
    pub mutating: bool,
    /// The HTTP status of the answer; 0 when the connection was dropped.
    pub status: u16,
    /// The error's code, if it was refused.
    pub code: Option<String>,
    /// The input, secrets removed.
    pub input: Value,
    /// When, in milliseconds since 1970.
    pub at_millis: u64,
    /// What the policies of a gateway's engine said, if they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// What the policies of a gateway's engine said of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Who calls, as Cedar has it, for example `AgentCore::OAuthUser::"hr"`.
    pub principal: String,
    /// The tools that may be called: the one of a call, those that a listing shows.
    pub allowed: Vec<String>,
    /// The tools that may not.
    pub denied: Vec<String>,
    /// The identifiers of the policies that decided a call; none: no policy applies.
    pub policies: Vec<String>,
    /// The engine's mode, `ENFORCE` or `LOG_ONLY`: under the latter what is denied happens all the same.
    pub mode: String,
}

/// How many calls a journal holds.
const CAPACITY: usize = 100_000;

/// How many bytes it takes, roughly.
const WEIGHT: usize = 64_000_000;

/// The latest calls.
#[derive(Default)]
pub(crate) struct Journal {
    calls: Vec<Noted>,
    weight: usize,
}

/// A call whose input is kept as text, which takes a tenth of the memory.
pub(crate) struct Noted {
    pub(crate) call: Entry,
    input: Box<str>,
}

impl From<Entry> for Noted {
    fn from(mut call: Entry) -> Self {
        let input = std::mem::take(&mut call.input).to_string().into_boxed_str();
        Self { call, input }
    }
}

impl Noted {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.call.operation.len() + self.input.len()
    }
}

impl Journal {
    /// The calls, oldest first.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = self.calls.iter().map(|Noted { call, input }| Entry {
            input: serde_json::from_str(input).unwrap_or_default(),
            ..call.clone()
        });
        entries.collect()
    }
}

/// Adds a call. A journal that is full loses its oldest tenth, so that a stand-in can run for weeks.
pub(crate) fn note(journal: &mut Journal, noted: Noted) {
    if journal.calls.len() >= CAPACITY || journal.weight >= WEIGHT {
        let tenth = journal.calls.len().div_ceil(10);
        let gone: usize = journal.calls.drain(..tenth).map(|noted| noted.weight()).sum();
        journal.weight -= gone;
    }
    journal.weight += noted.weight();
    journal.calls.push(noted);
}

/// Whether an operation may change something.
pub(crate) fn is_mutating(operation: &str) -> bool {
    let operation = operation.strip_prefix("Admin").unwrap_or(operation);
    !["Get", "List", "Describe", "Invoke"].iter().any(|verb| operation.starts_with(verb))
}

/// Members whose values are secret, compared without case and underscores.
const SECRET: [&str; 25] = [
    "clientsecret",
    "clientsecretvalue",
    "apikey",
    "apikeyvalue",
    "apikeysecret",
    "appsecret",
    "authorizationprivatekey",
    "walletsecret",
    "password",
    "privatekey",
    "credentialsecret",
    // Of Cognito's users and tokens.
    "temporarypassword",
    "newpassword",
    "previouspassword",
    "proposedpassword",
    "secret",
    "secrethash",
    "token",
    "accesstoken",
    "idtoken",
    "refreshtoken",
    "session",
    "signingkey",
    "authorizationcode",
    "codeverifier",
];

/// Whether a member's value is a secret.
pub(crate) fn is_secret(member: &str) -> bool {
    SECRET.contains(&member.replace('_', "").to_ascii_lowercase().as_str())
}

/// A document in which every secret is replaced by a mark.
pub(crate) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let members = object.iter().map(|(name, member)| match member {
                // Says the unit in which the life of each token is counted.
                _ if name == "TokenValidityUnits" => (name.clone(), member.clone()),
                _ if is_secret(name) => (name.clone(), Value::from("(secret)")),
                _ => (name.clone(), without_secrets(member)),
            });
            Value::Object(members.collect())
        }
        Value::Array(list) => list.iter().map(without_secrets).collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(input: Value) -> Entry {
        Entry {
            operation: "Get".to_owned(),
            mutating: false,
            status: 200,
            code: None,
            input,
            at_millis: 0,
            decision: None,
        }
    }

    #[test]
    fn a_journal_forgets_the_oldest_before_it_grows_without_end() {
        let mut journal = Journal::default();
        (0..250_000).for_each(|number| note(&mut journal, entry(json!(number)).into()));
        assert!((90_000..=100_000).contains(&journal.entries().len()));
        assert_eq!(journal.entries().last().unwrap().input, 249_999);
        let long = "x".repeat(1_000_000);
        let mut journal = Journal::default();
        (0..200).for_each(|_| note(&mut journal, entry(json!({"name": long})).into()));
        assert!((50..=64).contains(&journal.entries().len()), "{}", journal.entries().len());
    }
}
