//! Secret versions: which `secret_version` a secret was last sent with. No read returns such a secret, so a change of it is only
//! seen by its version.
//!
//! A taggable resource carries it as a tag. Those of children that cannot be tagged stand on their parent, one set of tags per
//! stack, beside the membership: `gatewright:secret-version/OWNER/NUMBER`.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::ownership::{Tags, digest};

/// The tag of a taggable resource, and the key in the manifest with which a change is shown.
pub const TAG: &str = "gatewright:secret-version";
/// The manifest's key.
pub const KEY: &str = "secret_version";

const ADDRESS_LENGTH: usize = 6;
const VERSION_LENGTH: usize = 4;
/// A tag value holds at most 256 characters (service.md §1.8).
const CHILDREN_PER_TAG: usize = 25;

/// The versions of the children of one parent that belong to one stack: digests of their addresses and versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentVersions(BTreeMap<String, String>);

impl SentVersions {
    /// Reads those of a stack from the tags of a parent. What cannot be read counts as never sent.
    pub fn read(tags: &Tags, owner: &str) -> Self {
        let mut sent = Self::default();
        for (_, value) in tags.iter().filter(|(key, _)| is_of(key, owner)) {
            let letters: Vec<char> = value.chars().collect();
            for chunk in letters.chunks_exact(ADDRESS_LENGTH + VERSION_LENGTH) {
                let (address, version) = chunk.split_at(ADDRESS_LENGTH);
                sent.0.insert(address.iter().collect(), version.iter().collect());
            }
        }
        sent
    }

    /// The tags that say it.
    pub fn write(&self, owner: &str) -> Tags {
        let entries: Vec<String> = self.0.iter().map(|(address, version)| format!("{address}{version}")).collect();
        let values = entries.chunks(CHILDREN_PER_TAG).map(<[String]>::concat).enumerate();
        values.map(|(number, value)| (format!("{TAG}/{owner}/{number}"), value)).collect()
    }

    /// A version was sent to this child.
    pub fn holds(&self, address: &Address) -> bool {
        self.0.contains_key(&digest(&address.to_string(), ADDRESS_LENGTH))
    }

    /// The version last sent to this child is this one.
    pub fn is(&self, address: &Address, version: &str) -> bool {
        self.0.get(&digest(&address.to_string(), ADDRESS_LENGTH)) == Some(&digest(version, VERSION_LENGTH))
    }

    /// A child has another address.
    pub fn carry(&mut self, from: &Address, to: &Address) {
        if let Some(version) = self.0.remove(&digest(&from.to_string(), ADDRESS_LENGTH)) {
            self.0.insert(digest(&to.to_string(), ADDRESS_LENGTH), version);
        }
    }

    /// A child goes from another stack, at this address there, to this one.
    pub fn take_over(&mut self, theirs: &mut Self, from: &Address, to: &Address) {
        if let Some(version) = theirs.0.remove(&digest(&from.to_string(), ADDRESS_LENGTH)) {
            self.0.insert(digest(&to.to_string(), ADDRESS_LENGTH), version);
        }
    }

    /// Remembers what is sent to a child, or forgets it.
    pub fn set(&mut self, address: &Address, version: Option<&str>) {
        let address = digest(&address.to_string(), ADDRESS_LENGTH);
        match version {
            Some(version) => self.0.insert(address, digest(version, VERSION_LENGTH)),
            None => self.0.remove(&address),
        };
    }
}

/// The tag is one of a stack's.
pub fn is_of(key: &str, owner: &str) -> bool {
    let rest = key.strip_prefix(TAG).and_then(|rest| rest.strip_prefix('/'));
    let number = rest.and_then(|rest| rest.strip_prefix(owner)).and_then(|rest| rest.strip_prefix('/'));
    number.is_some_and(|number| !number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_back_from_the_tags_of_their_stack_only() {
        let mut sent = SentVersions::default();
        let address = |number: usize| Address::new("user_pool_client", number.to_string());
        for number in 0..30 {
            sent.set(&address(number), Some("2"));
        }
        let tags = sent.write("hr/dev");
        assert_eq!(tags.len(), 2);
        assert!(tags.values().all(|value| value.len() <= 256));
        let mut again = SentVersions::read(&tags, "hr/dev");
        assert_eq!(again, sent);
        assert!(again.is(&address(3), "2") && !again.is(&address(3), "3") && !again.holds(&address(30)));
        again.set(&address(3), None);
        assert!(!again.holds(&address(3)));
        assert_eq!(SentVersions::read(&tags, "hr/de"), SentVersions::default());
    }
}
