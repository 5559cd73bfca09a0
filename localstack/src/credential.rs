//! Where credential providers keep their secrets: in the token vault, or in a secret of Secrets Manager that somebody else made.

use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;
use crate::identifier::{MIXED, hex};
use crate::session::Session;

/// The names that a provider has for its secret and for where it is.
pub(crate) struct Names {
    /// The member that holds the secret itself.
    pub(crate) value: &'static str,
    /// The member that refers to one in Secrets Manager.
    pub(crate) reference: &'static str,
    /// The member that says which of the two it is.
    pub(crate) source: &'static str,
    /// The members of reads: the ARN, the key in its JSON.
    pub(crate) arn: &'static str,
    pub(crate) key: &'static str,
    /// What a secret in the vault is called, and its key.
    pub(crate) folder: &'static str,
    pub(crate) vault_key: &'static str,
}

/// Notes in a provider's document where its secret is, and keeps the secret apart. `input` is the structure of the request that
/// speaks of it; `needed` is whether there must be one.
pub(crate) fn keep(
    session: &mut Session<'_>,
    names: &Names,
    provider: &str,
    input: &Document,
    needed: bool,
    kept: (&mut Document, &mut Document),
) -> Result<(), Failure> {
    let (document, secrets) = kept;
    let is_external = text(input, names.source) == "EXTERNAL";
    let (wanted, other) = if is_external { (names.reference, names.value) } else { (names.value, names.reference) };
    let source = if is_external { "EXTERNAL" } else { "MANAGED" };
    if input.contains_key(other) {
        let message = format!("{other} cannot be given when {} is {source}", names.source);
        return Err(Failure::invalid_field(other, message));
    }
    let missing = needed && input.get(wanted).is_none_or(|value| value.as_str().is_some_and(str::is_empty));
    if missing {
        let message = format!("{wanted} is required when {} is {source}", names.source);
        return Err(Failure::invalid_field(wanted, message));
    }
    let before = (text(document, names.source).to_owned(), document.get(names.arn).cloned());
    let (arn, key) = match input.get(names.reference).and_then(Value::as_object) {
        Some(reference) => (arn_of(session, text(reference, "secretId")), text(reference, "jsonKey").to_owned()),
        None => match before {
            (before, Some(arn)) if before == source => (text_of(&arn), names.vault_key.to_owned()),
            _ => {
                let suffix = session.letters(MIXED, 6);
                let name = format!("bedrock-agentcore-identity!default/{}/{provider}-{suffix}", names.folder);
                (session.arn("secretsmanager", &format!("secret:{name}")), names.vault_key.to_owned())
            }
        },
    };
    document.insert(names.source.to_owned(), json!(source));
    document.insert(names.arn.to_owned(), json!({"secretArn": arn}));
    document.insert(names.key.to_owned(), json!(key));
    secrets.clear();
    secrets.extend(input.get(names.value).map(|value| (names.value.to_owned(), value.clone())));
    Ok(())
}

fn text_of(secret: &Value) -> String {
    secret.get("secretArn").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The whole ARN of a secret: six characters at its end are Secrets Manager's.
fn arn_of(session: &Session<'_>, id: &str) -> String {
    let suffix = hex(id.as_bytes()).get(..6).unwrap_or_default().to_owned();
    if id.starts_with("arn:") { id.to_owned() } else { session.arn("secretsmanager", &format!("secret:{id}-{suffix}")) }
}
