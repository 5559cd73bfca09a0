//! Live objects: listing and reading them, and waiting until they are ready or gone.

use std::time::Duration;

use futures_util::future::join;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::aws::{Aws, CallError};
use crate::kind::{Ids, Kind};

/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a create, update or delete may take before it counts as stuck (Terraform's budget, service.md §1.4).
pub const BUDGET: Duration = Duration::from_mins(30);

/// One item of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// The live name.
    pub name: String,
    /// The item itself.
    pub item: Value,
}

/// Every object of a kind in a parent, the service's own ones left out.
///
/// # Errors
/// A call failed.
pub async fn list(aws: &Aws, kind: &'static Kind, parent: &str) -> Result<Vec<Listed>, CallError> {
    let ids = Ids { parent: parent.to_owned(), id: String::new() };
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut page = (kind.list.call)(aws, &ids, token.clone()).await?;
        // A listing without its list, or with items that are none, is no empty account: what was not seen is not absent.
        let Some(Value::Array(items)) = page.get_mut(kind.list.items).map(Value::take) else {
            return Err(CallError::not_json(kind.list.operation, None));
        };
        for item in items.into_iter().filter(|item| !is_service_owned(kind, item)) {
            let text = |member: &str| item.get(member).and_then(Value::as_str).map(ToOwned::to_owned);
            let Some(id) = text(kind.list.id) else { return Err(CallError::not_json(kind.list.operation, None)) };
            found.push(Listed { id, name: text(kind.list.name).unwrap_or_default(), item });
        }
        let next = ["nextToken", "NextToken"].iter().find_map(|member| page.get(member)?.as_str());
        match next.map(ToOwned::to_owned) {
            // A service that hands out the same token again would never end.
            Some(next) if !next.is_empty() && token.as_ref() != Some(&next) => token = Some(next),
            _ => return Ok(found),
        }
    }
}

/// Objects that the service itself makes (service.md §1.12): what Cognito manages, and the endpoint that every runtime has. That a
/// client registered itself is in its document and not in the listing (service.md §13.3).
pub(crate) fn is_service_owned(kind: &Kind, item: &Value) -> bool {
    let is = |member: &str, value: &str| item.get(member).and_then(Value::as_str) == Some(value);
    is("ManagedBy", "COGNITO") || is("ClientType", "DCR") || (kind.name == "runtime_endpoint" && is("name", "DEFAULT"))
}

/// An object as it is now, its companions' members included; nothing if it is not there.
///
/// # Errors
/// A call failed.
pub async fn read(aws: &Aws, kind: &'static Kind, ids: &Ids) -> Result<Option<Value>, CallError> {
    let request = kind.request(ids, Value::Null);
    let (answer, companions) = join((kind.read.1)(aws, ids, &request), companions(aws, kind, ids)).await;
    let answer = match answer {
        Ok(answer) => kind.unwrapped(answer),
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    // A domain that does not exist is answered with an empty description.
    if answer.get(kind.id_member).is_none() {
        return Ok(None);
    }
    Ok(companions?.map(|companions| extended(answer, companions)))
}

/// Adds what companions know to a document that describes all the rest; nothing if the object is gone.
///
/// # Errors
/// A call failed.
pub async fn complete(aws: &Aws, kind: &'static Kind, ids: &Ids, document: Value) -> Result<Option<Value>, CallError> {
    Ok(companions(aws, kind, ids).await?.map(|companions| extended(document, companions)))
}

/// What companions know; nothing if the object is not there.
async fn companions(aws: &Aws, kind: &'static Kind, ids: &Ids) -> Result<Option<Vec<Value>>, CallError> {
    let request = kind.request(ids, Value::Null);
    let mut answers = Vec::new();
    for companion in kind.companions {
        match (companion.get_call)(aws, ids, &request).await {
            Ok(answer) => answers.push(answer),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(answers))
}

/// A document with what companions know.
pub fn extended(mut document: Value, companions: Vec<Value>) -> Value {
    for companion in companions {
        if let (Value::Object(members), Value::Object(more)) = (&mut document, companion) {
            members.extend(more);
        }
    }
    document
}

/// A read document in the spelling of requests.
pub fn view(kind: &Kind, document: &Value) -> Value {
    let mut members = document.as_object().cloned().unwrap_or_default();
    (kind.view)(&mut members);
    Value::Object(members)
}

/// The state of an object, as its service calls it; empty for kinds without states.
pub fn status<'a>(kind: &Kind, document: &'a Value) -> &'a str {
    let member = kind.lifecycle.map(|lifecycle| lifecycle.status);
    member.and_then(|member| document.get(member)).and_then(Value::as_str).unwrap_or_default()
}

/// Why an object is in the state it is in.
pub fn reasons(kind: &Kind, document: &Value) -> String {
    let member = kind.lifecycle.map(|lifecycle| lifecycle.reasons).unwrap_or_default();
    match document.get(member) {
        Some(Value::String(reason)) => reason.clone(),
        Some(Value::Array(reasons)) => reasons.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        _ => String::new(),
    }
}

/// The states an object can rest in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be used and changed.
    Ready,
    /// It waits for a person.
    PendingAuth,
    /// Its creation failed.
    CreateFailed,
    /// Its last update or delete failed.
    Failed,
    /// It is on its way from one state to another.
    Moving,
}

/// The state of a read document.
pub fn state(kind: &Kind, document: &Value) -> State {
    let Some(lifecycle) = kind.lifecycle else { return State::Ready };
    let status = status(kind, document);
    if lifecycle.ready.contains(&status) {
        State::Ready
    } else if lifecycle.pending_auth.contains(&status) {
        State::PendingAuth
    } else if lifecycle.create_failed.contains(&status) {
        State::CreateFailed
    } else if lifecycle.failed.contains(&status) {
        State::Failed
    } else {
        State::Moving
    }
}

/// How waiting ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// At rest; the state and the document.
    At(State, Value),
    /// Not there.
    Gone,
    /// Still moving when the time was up.
    Stuck(String),
}

/// Waits until an object rests or is gone. Ready means ready twice in a row: states were seen to flap (service.md §1.4).
///
/// # Errors
/// A call failed.
pub async fn settle(
    aws: &Aws,
    kind: &'static Kind,
    ids: &Ids,
    budget: Duration,
    on_status: &(dyn Fn(&str) + Sync),
) -> Result<Settled, CallError> {
    let deadline = Instant::now() + budget;
    let mut pause = FIRST_PAUSE;
    let mut ready_before = kind.lifecycle.is_none();
    loop {
        let Some(document) = read(aws, kind, ids).await? else { return Ok(Settled::Gone) };
        let state = state(kind, &document);
        match state {
            State::Ready if !ready_before => ready_before = true,
            State::Moving => {
                ready_before = false;
                on_status(status(kind, &document));
                if Instant::now() >= deadline {
                    return Ok(Settled::Stuck(status(kind, &document).to_owned()));
                }
            }
            state => return Ok(Settled::At(state, document)),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until an object is gone; ready counts as still there.
///
/// # Errors
/// A call failed.
pub async fn settle_gone(
    aws: &Aws,
    kind: &'static Kind,
    ids: &Ids,
    on_status: &(dyn Fn(&str) + Sync),
) -> Result<Settled, CallError> {
    let deadline = Instant::now() + BUDGET;
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(document) = read(aws, kind, ids).await? else { return Ok(Settled::Gone) };
        if state(kind, &document) == State::Failed {
            return Ok(Settled::At(State::Failed, document));
        }
        on_status(status(kind, &document));
        if Instant::now() >= deadline {
            return Ok(Settled::Stuck(status(kind, &document).to_owned()));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
