//! Ownership: what Gatewright remembers, as tags on the resources themselves. There is no state file.
//!
//! A taggable resource carries its stack, its address and a digest of what was last applied. Children that cannot be tagged
//! are named in *membership* tags on their parent, one set per stack, as fixed-length digests so that a thousand fit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::address::Address;
use crate::kind::{Kind, Names};

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

const MEMBERS: &str = "gatewright:members/";
const PROTECTED: &str = "protected";
/// A tag value holds at most this many characters (service.md §1.8).
const VALUE_LENGTH: usize = 256;
/// A resource holds at most this many tags (service.md §1.8).
pub const TAGS_PER_RESOURCE: usize = 50;

const KEY_LENGTH: usize = 6;
const ADDRESS_LENGTH: usize = 4;
const APPLIED_LENGTH: usize = 4;

/// Stands for a digest that is not known: an object that is not yet as the manifest says.
const UNKNOWN: &str = "....";

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
    let mut document = document.clone();
    if let Some(members) = document.as_object_mut() {
        members.retain(|member, _| !kind.is_secret(member));
    }
    digest(&canonical(&document), 16)
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

/// What a membership says of one child.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The digest of its live name, or of its id where names are not unique.
    key: String,
    /// The digest of its address, where names are not unique.
    address: String,
    /// The digest of what was last applied.
    applied: String,
}

/// The children of one parent that belong to one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    entries: BTreeMap<String, Vec<Entry>>,
    protected: BTreeSet<String>,
}

/// Why a membership could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the parent would need {needed} tags, a resource holds {TAGS_PER_RESOURCE}: move some children to another parent, or remove tags of your own"
)]
pub struct TooManyTags {
    needed: usize,
}

/// How a child is told apart from its siblings.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Its kind.
    pub kind: &'a Kind,
    /// Its live name.
    pub name: &'a str,
    /// Its id; empty while it is being created.
    pub id: &'a str,
}

impl Child<'_> {
    fn key(&self) -> String {
        match self.kind.names {
            Names::NotUnique if self.id.is_empty() => digest(&format!("pending {}", self.name), KEY_LENGTH),
            Names::NotUnique => digest(self.id, KEY_LENGTH),
            Names::InAccount | Names::InParent => digest(self.name, KEY_LENGTH),
        }
    }

    fn pending_key(&self) -> String {
        digest(&format!("pending {}", self.name), KEY_LENGTH)
    }
}

impl Membership {
    /// Reads the membership of a stack from the tags of a parent. Values edited into nonsense are read as far as they go.
    pub fn read(tags: &Tags, owner: &str) -> Self {
        let mut membership = Self::default();
        for (key, value) in tags {
            let Some(rest) = key.strip_prefix(MEMBERS).and_then(|rest| rest.strip_prefix(owner)) else { continue };
            let Some(kind) = rest.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).map(|(kind, _)| kind) else {
                continue;
            };
            let letters: Vec<char> = value.chars().collect();
            if kind == PROTECTED {
                membership
                    .protected
                    .extend(letters.chunks_exact(KEY_LENGTH).map(|chunk| chunk.iter().collect::<String>()));
                continue;
            }
            let Some(kind) = crate::kind::find(kind) else { continue };
            let address_length = if kind.names == Names::NotUnique { ADDRESS_LENGTH } else { 0 };
            for chunk in letters.chunks_exact(KEY_LENGTH + address_length + APPLIED_LENGTH) {
                let part = |from: usize, length: usize| chunk.iter().skip(from).take(length).collect::<String>();
                membership.entries.entry(kind.name.to_owned()).or_default().push(Entry {
                    key: part(0, KEY_LENGTH),
                    address: part(KEY_LENGTH, address_length),
                    applied: part(KEY_LENGTH + address_length, APPLIED_LENGTH),
                });
            }
        }
        membership
    }

    /// The owners of all memberships on a parent.
    pub fn owners(tags: &Tags) -> BTreeSet<String> {
        // One that is empty is on its way out.
        tags.iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(key, _)| {
                let mut parts = key.strip_prefix(MEMBERS)?.splitn(3, '/');
                Some(format!("{}/{}", parts.next()?, parts.next()?))
            })
            .collect()
    }

    /// How many children it names.
    pub fn len(&self) -> usize {
        self.entries.values().map(Vec::len).sum()
    }

    /// It names none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tags that say it.
    ///
    /// # Errors
    /// More tags than a resource holds beside `others` of somebody else's.
    pub fn write(&self, owner: &str, others: usize) -> Result<Tags, TooManyTags> {
        let mut tags = Tags::new();
        for (kind, entries) in &self.entries {
            let mut texts = entries.iter().map(|entry| format!("{}{}{}", entry.key, entry.address, entry.applied));
            Self::pack(&mut tags, owner, kind, &mut texts);
        }
        Self::pack(&mut tags, owner, PROTECTED, &mut self.protected.iter().cloned());
        let needed = tags.len() + others;
        if needed > TAGS_PER_RESOURCE { Err(TooManyTags { needed }) } else { Ok(tags) }
    }

    fn pack(tags: &mut Tags, owner: &str, kind: &str, texts: &mut dyn Iterator<Item = String>) {
        let mut value = String::new();
        let mut number = 0;
        for text in texts {
            if value.len() + text.len() > VALUE_LENGTH {
                tags.insert(format!("{MEMBERS}{owner}/{kind}/{number}"), std::mem::take(&mut value));
                number += 1;
            }
            value.push_str(&text);
        }
        if !value.is_empty() {
            tags.insert(format!("{MEMBERS}{owner}/{kind}/{number}"), value);
        }
    }

    /// The child is a member: named here by its name or id, or by its name while its creation was under way.
    pub fn holds(&self, child: Child<'_>) -> bool {
        self.entry(child).is_some()
    }

    fn entry(&self, child: Child<'_>) -> Option<&Entry> {
        let entries = self.entries.get(child.kind.name)?;
        let key = child.key();
        entries.iter().find(|entry| entry.key == key).or_else(|| {
            let pending = (child.kind.names == Names::NotUnique).then(|| child.pending_key())?;
            entries.iter().find(|entry| entry.key == pending)
        })
    }

    /// The child is the one at this address: always true where the name tells.
    pub fn is_at(&self, child: Child<'_>, address: &Address) -> bool {
        self.entry(child).is_some_and(|entry| {
            entry.address.is_empty() || entry.address == digest(&address.to_string(), ADDRESS_LENGTH)
        })
    }

    /// The beginning of the digest of what was last applied to the child.
    pub fn applied(&self, child: Child<'_>) -> Option<&str> {
        Some(self.entry(child)?.applied.as_str()).filter(|applied| *applied != UNKNOWN)
    }

    /// The child must not be deleted or replaced.
    pub fn protects(&self, child: Child<'_>) -> bool {
        self.protected.contains(&child.key())
    }

    /// Names a child, with what is applied to it; once the id is known, the entry of its creation gives way.
    pub fn put(&mut self, child: Child<'_>, address: &Address, applied: &str, protect: bool) {
        let not_unique = child.kind.names == Names::NotUnique;
        let entry = Entry {
            key: child.key(),
            address: if not_unique { digest(&address.to_string(), ADDRESS_LENGTH) } else { String::new() },
            applied: applied.get(..APPLIED_LENGTH).unwrap_or(UNKNOWN).to_owned(),
        };
        let pending = child.pending_key();
        let entries = self.entries.entry(child.kind.name.to_owned()).or_default();
        entries.retain(|known| {
            known.key != entry.key && !(not_unique && known.key == pending && known.address == entry.address)
        });
        if protect {
            self.protected.insert(entry.key.clone());
        } else {
            self.protected.remove(&entry.key);
        }
        entries.push(entry);
    }

    /// Forgets a child.
    pub fn remove(&mut self, child: Child<'_>) {
        let keys = [child.key(), child.pending_key()];
        self.protected.remove(&child.key());
        if let Some(entries) = self.entries.get_mut(child.kind.name) {
            let not_unique = child.kind.names == Names::NotUnique;
            entries.retain(|entry| entry.key != keys[0] && !(not_unique && entry.key == keys[1]));
            if entries.is_empty() {
                self.entries.remove(child.kind.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::{GATEWAY, POLICY, USER_POOL_CLIENT};

    const OWNER: &str = "hr/dev";

    fn child<'a>(kind: &'a Kind, name: &'a str, id: &'a str) -> Child<'a> {
        Child { kind, name, id }
    }

    #[test]
    fn a_thousand_policies_fit_and_come_back() {
        let mut membership = Membership::default();
        let address = Address::new("policy", "p");
        for number in 0..1000 {
            membership.put(child(&POLICY, &format!("policy_{number}"), ""), &address, "abcdefgh", number % 100 == 0);
        }
        let tags = membership.write(OWNER, 5).unwrap();
        assert!(tags.values().all(|value| value.len() <= VALUE_LENGTH));
        let read = Membership::read(&tags, OWNER);
        assert!(read.holds(child(&POLICY, "policy_999", "x")));
        assert!(read.protects(child(&POLICY, "policy_900", "x")));
        assert_eq!(read.applied(child(&POLICY, "policy_1", "x")), Some("abcd"));
        assert!(!read.holds(child(&POLICY, "policy_1000", "x")));
        assert!(Membership::read(&tags, "hr/prod").entries.is_empty());
        assert_eq!(Membership::owners(&tags), BTreeSet::from([OWNER.to_owned()]));
    }

    #[test]
    fn a_client_is_known_by_its_name_until_its_id_is() {
        let mut membership = Membership::default();
        let address = Address::new("user_pool_client", "web");
        membership.put(child(&USER_POOL_CLIENT, "web", ""), &address, "aaaa", false);
        assert!(membership.is_at(child(&USER_POOL_CLIENT, "web", "id1"), &address));
        membership.put(child(&USER_POOL_CLIENT, "web", "id1"), &address, "aaaa", false);
        assert!(membership.is_at(child(&USER_POOL_CLIENT, "renamed", "id1"), &address));
        assert!(
            !membership.holds(child(&USER_POOL_CLIENT, "web", "id2")),
            "another client of the same name is foreign"
        );
        membership.remove(child(&USER_POOL_CLIENT, "web", "id1"));
        assert_eq!(membership, Membership::default());
    }

    #[test]
    fn too_many_children_are_an_error_and_not_a_loss() {
        let mut membership = Membership::default();
        for number in 0..2000 {
            let name = format!("policy_{number}");
            membership.put(child(&POLICY, &name, ""), &Address::new("policy", name.clone()), "abcd", false);
        }
        assert!(membership.write(OWNER, 0).is_err());
    }

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
