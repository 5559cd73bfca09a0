//! Tickets: random words with which whoever holds them may go on with something, for a while. The state knows their digests only.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::cognito::token::fresh_id;
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::identifier::hex;
use crate::session::Session;
use crate::state::{Kind, Object, Settle};

/// Where the digest of a ticket is kept, among its secrets.
const DIGEST: &str = "Digest";

/// Makes a ticket of a pool that is good until a moment, and says what it stands for. Answers the ticket.
pub(crate) fn issue(
    session: &mut Session<'_>,
    kind: Kind,
    pool: &str,
    meaning: Document,
    until: u64,
) -> Result<String, Failure> {
    let id = fresh_id(session);
    let ticket = format!("{id}.{}", random()?);
    let mut object = session.object(kind, Some(pool), &id, meaning);
    object.secrets.insert(DIGEST.into(), json!(hex(ticket.as_bytes())));
    object.settles = vec![Settle::gone(until)];
    session.state.add(object);
    Ok(ticket)
}

/// What a ticket stands for, as long as it is good.
pub(crate) fn find<'a>(session: &'a Session<'_>, kind: Kind, pool: &str, ticket: &str) -> Option<&'a Object> {
    let (id, _) = ticket.split_once('.')?;
    let object = session.state.find(kind, Some(pool), id)?;
    let digest = hex(ticket.as_bytes());
    let same = verify_slices_are_equal(digest.as_bytes(), text(&object.secrets, DIGEST).as_bytes()).is_ok();
    same.then_some(object)
}

/// Takes back every ticket of a pool that stands for something in particular.
pub(crate) fn take_back(session: &mut Session<'_>, pool: &str, meant: impl Fn(&Object) -> bool) {
    for kind in [Kind::RefreshToken, Kind::SignIn, Kind::AuthorizationCode] {
        let tickets = session.state.all(kind, Some(pool)).filter(|ticket| meant(ticket));
        let ids: Vec<String> = tickets.map(|ticket| ticket.id.clone()).collect();
        for id in ids {
            session.state.remove(kind, Some(pool), &id);
        }
    }
}

fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    match rand::fill(&mut bytes) {
        Ok(()) => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        Err(_) => Err(Failure::with_status(500, "InternalErrorException", "The machine has no randomness")),
    }
}
