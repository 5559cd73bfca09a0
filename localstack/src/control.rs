//! What a test does behind a tool's back, over HTTP: the journal, faults, switches, planted members, the state, and starting again.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::document::Document;
use crate::{Answer, Fault, Localstack, Settings, SnapshotError};

/// Below this path no service has a route.
const PREFIX: &str = "/_localstack/";

/// Where moto is reset, so that its suites can be run against the stand-in.
const MOTO_RESET: &str = "/moto-api/reset";

/// A member to plant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plant {
    id: String,
    pointer: String,
    value: Value,
    #[serde(default)]
    read_only: bool,
}

/// The name of a copy of the state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// Whether a path is the stand-in's own.
pub(crate) fn is(path: &str) -> bool {
    path.starts_with(PREFIX) || path == MOTO_RESET
}

/// Answers a request to the stand-in itself; none: it is meant for a service.
pub(crate) fn answer(stand_in: &Localstack, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let path = request.uri().path();
    let wanted = match path.strip_prefix(PREFIX) {
        Some(wanted) => wanted,
        None if path == MOTO_RESET => "reset",
        None => return None,
    };
    let body = request.body();
    Some(match (request.method(), wanted) {
        (&Method::GET, "journal") => respond(StatusCode::OK, &json!(stand_in.journal())),
        (&Method::DELETE, "journal") => {
            stand_in.clear_journal();
            done()
        }
        (&Method::POST, "faults") => faults(stand_in, body),
        (&Method::DELETE, "faults") => {
            stand_in.clear_faults();
            done()
        }
        (&Method::POST, "answers") => answers(stand_in, body),
        (&Method::DELETE, "answers") => {
            stand_in.clear_answers();
            done()
        }
        (&Method::POST, "plant") => plant(stand_in, body),
        (&Method::GET, "state") => respond(StatusCode::OK, &stand_in.observe()),
        (&Method::POST, "reset") => match stand_in.reset() {
            Ok(()) => done(),
            Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        (&Method::GET, "settings") => respond(StatusCode::OK, &json!(stand_in.settings())),
        (&Method::POST, "settings") => match serde_json::from_slice::<Document>(body)
            .and_then(|document| serde_json::from_value::<Settings>(Value::Object(document)))
        {
            Ok(settings) => {
                stand_in.set(&settings);
                done()
            }
            Err(error) => refuse(StatusCode::BAD_REQUEST, &format!("not settings: {error}")),
        },
        (&Method::POST, "snapshot") => named(body, |name| stand_in.snapshot(name)),
        (&Method::DELETE, "snapshot") => {
            stand_in.clear_snapshots();
            done()
        }
        (&Method::POST, "restore") => named(body, |name| stand_in.restore(name)),
        (_, "journal" | "faults" | "answers" | "settings" | "plant" | "state" | "snapshot" | "restore" | "reset") => {
            refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("{path} does not take {}", request.method()))
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            "there are `journal`, `faults`, `answers`, `settings`, `plant`, `state`, `snapshot`, `restore` and `reset`",
        ),
    })
}

fn faults(stand_in: &Localstack, body: &[u8]) -> Response<Bytes> {
    match Fault::list(body) {
        Ok(faults) => {
            for fault in faults {
                stand_in.fault(fault);
            }
            done()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// Does something with the copy of the state that a body names.
fn named(body: &[u8], run: impl FnOnce(&str) -> Result<(), SnapshotError>) -> Response<Bytes> {
    let name = match serde_json::from_slice::<Named>(body) {
        Ok(named) => named.name,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &format!("not the name of a snapshot: {error}")),
    };
    match run(&name) {
        Ok(()) => done(),
        Err(error) => {
            let status = match error {
                SnapshotError::TooMany { .. } => StatusCode::CONFLICT,
                SnapshotError::Unknown { .. } => StatusCode::NOT_FOUND,
                SnapshotError::Copy(_) | SnapshotError::File(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            refuse(status, &error.to_string())
        }
    }
}

/// A command is refused here: whoever reaches the socket, another user of the machine for one, could run anything. It is for the
/// file that the stand-in is started with.
fn answers(stand_in: &Localstack, body: &[u8]) -> Response<Bytes> {
    match Answer::list(body) {
        Ok(answers) => {
            if let Some(answer) = answers.iter().find(|answer| answer.command.is_some()) {
                let message =
                    format!("the command for `{}` is taken from the file of `--answers` only", answer.resource);
                return refuse(StatusCode::BAD_REQUEST, &message);
            }
            for answer in answers {
                stand_in.answer_for(answer);
            }
            done()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn plant(stand_in: &Localstack, body: &[u8]) -> Response<Bytes> {
    let Plant { id, pointer, value, read_only } = match serde_json::from_slice(body) {
        Ok(plant) => plant,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &format!("not a member to plant: {error}")),
    };
    let found =
        if read_only { stand_in.plant_read_only(&id, &pointer, value) } else { stand_in.plant(&id, &pointer, value) };
    if found {
        done()
    } else {
        refuse(StatusCode::NOT_FOUND, &format!("there is no object `{id}` with a structure around `{pointer}`"))
    }
}

fn done() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn refuse(status: StatusCode, message: &str) -> Response<Bytes> {
    respond(status, &json!({"message": message}))
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
