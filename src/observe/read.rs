//! Reading one object of an observation: what is on its way is waited for.

use std::time::Duration;

use serde_json::Value;

use crate::aws::{Aws, CallError};
use crate::kind::{Ids, Kind, Place};
use crate::live::{self, Settled, State};
use crate::ownership::Tags;
use crate::tags;

/// How long a plan waits for objects that are on their way.
const PATIENCE: Duration = Duration::from_mins(2);

/// Reads a child, and its tags if it can have any.
pub(super) async fn read_child(
    aws: &Aws,
    kind: &'static Kind,
    ids: &Ids,
    known: Option<Value>,
    place: &Place,
) -> Result<Option<(Value, Tags)>, CallError> {
    let Some(document) = read_settled(aws, kind, ids, known).await? else { return Ok(None) };
    let Some(arn) = tags::arn_of_child(kind, &document, place) else { return Ok(Some((document, Tags::new()))) };
    match tags::read(aws, kind.service, &arn).await {
        Ok(tags) => Ok(Some((document, tags))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads an object, and waits for it if it is on its way.
pub(super) async fn read_settled(
    aws: &Aws,
    kind: &'static Kind,
    ids: &Ids,
    known: Option<Value>,
) -> Result<Option<Value>, CallError> {
    let document = match known {
        Some(document) => document,
        None => match live::read(aws, kind, ids).await? {
            Some(document) => document,
            None => return Ok(None),
        },
    };
    if live::state(kind, &document) != State::Moving {
        return Ok(Some(document));
    }
    match live::settle(aws, kind, ids, PATIENCE, &|_| ()).await? {
        Settled::At(_, document) => Ok(Some(document)),
        Settled::Gone => Ok(None),
        Settled::Stuck(_) => Ok(Some(document)),
    }
}
