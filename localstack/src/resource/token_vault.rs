//! The token vault. An account has one, and what can be changed is the key that it is encrypted with.

use serde_json::{Value, json};

use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::Kind;

pub(super) const OPERATIONS: Operations =
    &[("GetTokenVault", get), ("SetTokenVaultCMK", set_key), ("ResetTokenVaultKeyMaterial", reset)];

const DEFAULT: &str = "default";
const KEY: &str = "kmsConfiguration";

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    Ok(session.show("GetTokenVaultResponse", vault(session, input)?, &[]))
}

fn set_key(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut vault = vault(session, input)?;
    let key = input.get(KEY).cloned().unwrap_or_default();
    let own = key.get("keyType") == Some(&json!("CustomerManagedKey"));
    if own != key.get("kmsKeyArn").is_some() {
        let message = "The key type CustomerManagedKey needs a key, and the other takes none";
        return Err(Failure::invalid_field("kmsConfiguration.kmsKeyArn", message));
    }
    vault.insert(KEY.into(), key);
    Ok(keep(session, vault, "SetTokenVaultCMKResponse"))
}

/// What is in the vault cannot be read any more; the key stays the same.
fn reset(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let vault = vault(session, input)?;
    Ok(keep(session, vault, "ResetTokenVaultKeyMaterialResponse"))
}

/// The vault as it stands, changed or not.
fn vault(session: &Session<'_>, input: &Document) -> Result<Document, Failure> {
    let id = input.get("tokenVaultId").map_or(DEFAULT, |_| text(input, "tokenVaultId"));
    if id != DEFAULT {
        return Err(Failure::missing("Token vault", id));
    }
    Ok(session.state.find(Kind::TokenVault, None, DEFAULT).map_or_else(
        || {
            document(json!({
                "tokenVaultId": DEFAULT,
                KEY: {"keyType": "ServiceManagedKey"},
                "lastModifiedDate": super::BUILT_IN_SINCE,
            }))
        },
        |vault| vault.document.clone(),
    ))
}

fn keep(session: &mut Session<'_>, mut vault: Document, shape: &str) -> Value {
    vault.insert("lastModifiedDate".into(), json!(session.now));
    let answer = session.show(shape, vault.clone(), &[]);
    if let Some(live) = session.state.find_mut(Kind::TokenVault, None, DEFAULT) {
        live.document = vault;
    } else {
        let vault = session.object(Kind::TokenVault, None, DEFAULT, vault);
        session.state.add(vault);
    }
    answer
}
