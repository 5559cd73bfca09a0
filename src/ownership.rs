//! Ownership: what Gatewright remembers, as tags on the resources themselves. There is no state file.
//!
//! A taggable resource carries its stack, its address and a digest of what was last applied. Children that cannot be tagged
//! are named in *membership* tags on their parent (see [`crate::membership`]).

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::kind::Kind;
pub use crate::membership::{Child, Membership, TAGS_PER_RESOURCE, TooManyTags};

/// Every tag key of ours begins with this.
pub const PREFIX: &str = "gatewright:";
/// The owner, `NAME/INSTANCE`.
pub const STACK: &str = "gatewright:stack";
/// The address in that stack's manifest.
pub const ADDRESS: &str = "gatewright:address";
/// A digest of the desired document last applied.
pub const APPLIED: &str = "gatewright:applied";
/// The object is never deleted or replaced.
pub const PROTECT: &str = "gatewright:protect";

/// When the stack expires.
pub const EXPIRES: &str = "gatewright:expires";
/// Where the stack's manifest is kept.
pub const SOURCE: &str = "gatewright:source";

/// The object is being created and is not yet as the manifest says. Its absence says nothing: a tag that somebody takes off must
/// not make an open gateway look new.
pub const UNFINISHED: &str = "gatewright:unfinished";

/// Tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// Some characters of the SHA-256 of text, 6 bits each (32 at most), all of them allowed in a tag.
pub fn digest(text: &str, length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hash = Sha256::digest(text.as_bytes());
    hash.iter()
        .take(length)
        .map(|byte| char::from(LETTERS.get(usize::from(byte & 63)).copied().unwrap_or(b'A')))
        .collect()
}

/// The digest of a desired document, without secrets: equal documents, whatever their order of keys, have equal digests.
pub fn applied_digest(kind: &Kind, document: &Value) -> String {
    digest(&canonical(&kind.without_secrets(document)), 16)
}

/// JSON text with sorted keys.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let parts = names.into_iter().map(|name| {
                let member = members.get(name).map(canonical).unwrap_or_default();
                format!("{}:{member}", Value::String(name.clone()))
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// JSON text with sorted keys and sorted lists: equal for values that differ in order only.
pub fn unordered(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let mut texts: Vec<String> = items.iter().map(unordered).collect();
            texts.sort();
            format!("[{}]", texts.join(","))
        }
        Value::Object(members) => {
            let mut texts: Vec<String> =
                members.iter().map(|(key, value)| format!("{key:?}:{}", unordered(value))).collect();
            texts.sort();
            format!("{{{}}}", texts.join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::{GATEWAY, USER_POOL_CLIENT};

    #[test]
    fn the_digest_ignores_order_and_secrets() {
        let one = applied_digest(&GATEWAY, &json!({"name": "a", "roleArn": "b"}));
        assert_eq!(one, applied_digest(&GATEWAY, &json!({"roleArn": "b", "name": "a"})));
        assert_ne!(one, applied_digest(&GATEWAY, &json!({"roleArn": "b", "name": "c"})));
        let client =
            |secret: &str| applied_digest(&USER_POOL_CLIENT, &json!({"ClientName": "a", "ClientSecret": secret}));
        assert_eq!(client("x"), client("y"));
    }
}
