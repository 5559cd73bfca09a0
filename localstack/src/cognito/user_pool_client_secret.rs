//! The secrets of an app client and their rotation.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Value, json};

use crate::cognito::user_pool_client;
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::identifier::SMALL;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations =
    &[("AddUserPoolClientSecret", add), ("ListUserPoolClientSecrets", list), ("DeleteUserPoolClientSecret", delete)];

const SHAPE: &str = "ClientSecretDescriptorType";

/// How many secrets a client may have.
const MOST: usize = 2;

/// Gives a client a secret: the caller's own or a fresh one. Answers the secret's id.
pub(crate) fn give(session: &mut Session<'_>, client: &mut Object, own: Option<&Value>) -> String {
    let mut second = session.now / 1000;
    while client.secrets.contains_key(&format!("{}--{second}", client.id)) {
        second += 1;
    }
    let id = format!("{}--{second}", client.id);
    let secret = own.cloned().unwrap_or_else(|| json!(session.letters(SMALL, 52)));
    client.secrets.insert(id.clone(), secret);
    id
}

/// The secret that Describe shows: the oldest.
pub(crate) fn shown(client: &Object) -> Option<&Value> {
    client.secrets.values().next()
}

/// Whether somebody knows a secret of the client, either of two; a client without one has nothing to be known.
pub(crate) fn is_known(client: &Object, secret: &str) -> bool {
    let mut secrets = client.secrets.values().filter_map(Value::as_str);
    secrets.any(|known| verify_slices_are_equal(known.as_bytes(), secret.as_bytes()).is_ok())
}

fn add(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut client = find(session, input)?.clone();
    if client.secrets.len() >= MOST {
        let message = format!("An app client can have at most {MOST} secrets");
        return Err(Failure::cognito("LimitExceededException", message));
    }
    let own = input.get("ClientSecret");
    let id = give(session, &mut client, own);
    let mut view = describe(&id);
    // A generated secret is shown this once.
    if let (None, Some(secret)) = (own, client.secrets.get(&id)) {
        view.insert("ClientSecretValue".into(), secret.clone());
    }
    store(session, client);
    Ok(json!({"ClientSecretDescriptor": session.show(SHAPE, view, &[])}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = find(session, input)?;
    let secrets: Vec<Value> = client.secrets.keys().map(|id| session.show(SHAPE, describe(id), &[])).collect();
    Ok(json!({"ClientSecrets": secrets}))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut client = find(session, input)?.clone();
    let id = text(input, "ClientSecretId");
    if !client.secrets.contains_key(id) {
        return Err(Failure::cognito_missing(format!("Client secret {id} does not exist.")));
    }
    if client.secrets.len() == 1 {
        return Err(Failure::parameter("The last secret of an app client cannot be deleted"));
    }
    client.secrets.shift_remove(id);
    store(session, client);
    Ok(json!({}))
}

fn find<'a>(session: &'a Session<'_>, input: &Document) -> Result<&'a Object, Failure> {
    user_pool_client::find(session, text(input, "UserPoolId"), text(input, "ClientId"))
}

fn store(session: &mut Session<'_>, client: Object) {
    let parent = client.parent.clone();
    if let Some(live) = session.state.find_mut(Kind::UserPoolClient, parent.as_deref(), &client.id) {
        *live = client;
    }
}

/// A secret's id ends in the second it was made.
fn describe(id: &str) -> Document {
    let second = id.rsplit("--").next().and_then(|second| second.parse::<u64>().ok()).unwrap_or_default();
    document(json!({"ClientSecretId": id, "ClientSecretCreateDate": second * 1000}))
}
