//! Membership: which children of a parent belong to which stack, where the children cannot be tagged themselves.
//!
//! It stands in tags on the parent, `gatewright:members/OWNER/KIND/NUMBER`, a set for each stack: stacks that share a parent write
//! different keys and never touch each other's. A tag names up to 25 children of one kind by digests of ten characters, so that
//! 1,000 children take 40 of the 50 tags. Tags are for anybody to edit: what cannot be read is a finding and never a reason to
//! take an object for ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::kind::{self, Kind, Names};
use crate::ownership::{Tags, digest};

const MEMBERS: &str = "gatewright:members/";
/// A resource holds at most this many tags (service.md §1.8).
pub const TAGS_PER_RESOURCE: usize = 50;
/// So many children are named by one tag: its value holds at most 256 characters (service.md §1.8).
const CHILDREN_PER_TAG: usize = 25;

/// Characters of the digest of a live name. Anybody can choose a name, so more of it is remembered than of an id.
const NAME_LENGTH: usize = 8;
/// Characters of the digest of an id, which the service draws at random.
const ID_LENGTH: usize = 5;
/// Characters of the digest of an address, beside an id.
const ADDRESS_LENGTH: usize = 3;
/// Characters of the digest of what was last applied: it only explains a difference.
const APPLIED_LENGTH: usize = 2;
/// Stands for a digest that is not known: a child that is not yet as the manifest says.
const UNKNOWN: &str = "..";
/// Fills up a digest that is known in part.
const FILLER: char = '.';

/// A value begins with one of these: its children may be deleted, or may not.
const PLAIN: char = '.';
const PROTECTED: char = '+';

/// The lengths of the first encoding, whose values begin with a digest; there `protected` was a list of its own.
const FIRST_KEY: usize = 6;
const FIRST_ADDRESS: usize = 4;
const FIRST_APPLIED: usize = 4;
const FIRST_PROTECTED: &str = "protected";

/// What a membership says of one child.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The digest of its address, where names are not unique.
    address: String,
    /// The digest of what was last applied.
    applied: String,
    protected: bool,
}

/// The children of one parent that belong to one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// By kind, then by the digest of the live name or, where names are not unique, of the id.
    entries: BTreeMap<&'static str, BTreeMap<String, Entry>>,
    /// The tags it was read from.
    tags: BTreeSet<String>,
}

/// The memberships of every stack on one parent.
#[derive(Debug, Clone, Default)]
pub struct Memberships {
    stacks: BTreeMap<String, Membership>,
    unreadable: Vec<Unreadable>,
}

/// A tag that should name children, and says nothing that can be understood in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The tag's key.
    pub key: String,
    /// The stack it belongs to, as far as the key tells.
    pub owner: Option<String>,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Why a membership could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the parent would need {needed} tags, a resource holds {TAGS_PER_RESOURCE}: move some children to another parent, or remove tags of your own"
)]
pub struct TooManyTags {
    /// The tags it would need.
    pub needed: usize,
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
            Names::NotUnique if self.id.is_empty() => self.pending_key(),
            Names::NotUnique => digest(self.id, ID_LENGTH),
            Names::InAccount | Names::InParent => digest(self.name, NAME_LENGTH),
        }
    }

    /// The key under which it may be named otherwise: by its name until its id is known, or as the first encoding has it.
    fn other_key(&self) -> String {
        match self.kind.names {
            Names::NotUnique => self.pending_key(),
            Names::InAccount | Names::InParent => filled(&digest(self.name, FIRST_KEY)),
        }
    }

    fn pending_key(&self) -> String {
        digest(&format!("pending {}", self.name), ID_LENGTH)
    }
}

/// A digest of a name that is known in part, as long as a whole one.
fn filled(digest: &str) -> String {
    let mut filled = digest.to_owned();
    while filled.len() < NAME_LENGTH {
        filled.push(FILLER);
    }
    filled
}

impl Memberships {
    /// Reads the tags of a parent.
    pub fn read(tags: &Tags) -> Self {
        let mut found = Self::default();
        // The first encoding's list of the protected comes last: it is about children that others name.
        let (protected, members): (Vec<_>, Vec<_>) = tags
            .iter()
            .filter_map(|(key, value)| Some((key, value, key.strip_prefix(MEMBERS)?)))
            .partition(|(_, _, rest)| rest.split('/').nth(2) == Some(FIRST_PROTECTED));
        for (key, value, rest) in members.into_iter().chain(protected) {
            let mut unreadable = |owner, why| found.unreadable.push(Unreadable { key: key.clone(), owner, why });
            let parts: Vec<&str> = rest.split('/').collect();
            let [name, instance, kind, number] = parts.as_slice() else {
                unreadable(None, "its key is not `gatewright:members/STACK/INSTANCE/KIND/NUMBER`");
                continue;
            };
            if name.is_empty() || instance.is_empty() || number.parse::<u16>().is_err() {
                unreadable(None, "its key is not `gatewright:members/STACK/INSTANCE/KIND/NUMBER`");
                continue;
            }
            let owner = format!("{name}/{instance}");
            let membership = found.stacks.entry(owner.clone()).or_default();
            match membership.take(kind, value) {
                Ok(whole) => {
                    membership.tags.insert(key.clone());
                    if !whole {
                        found.unreadable.push(Unreadable {
                            key: key.clone(),
                            owner: Some(owner),
                            why: "its value is cut",
                        });
                    }
                }
                Err(why) => found.unreadable.push(Unreadable { key: key.clone(), owner: Some(owner), why }),
            }
        }
        found
    }

    /// The membership of one stack; nothing if it has none.
    pub fn of(&self, owner: &str) -> Option<&Membership> {
        self.stacks.get(owner)
    }

    /// Those of every stack but one.
    pub fn others<'a>(&'a self, owner: &'a str) -> impl Iterator<Item = (&'a str, &'a Membership)> {
        self.stacks
            .iter()
            .filter(move |(other, _)| *other != owner)
            .map(|(other, membership)| (other.as_str(), membership))
    }

    /// The tags that could not be read in full.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }
}

impl Membership {
    /// Reads the membership of a stack from the tags of a parent, as far as it can be read.
    pub fn read(tags: &Tags, owner: &str) -> Self {
        Memberships::read(tags).stacks.remove(owner).unwrap_or_default()
    }

    /// The owners of all memberships on a parent.
    pub fn owners(tags: &Tags) -> BTreeSet<String> {
        let stacks = Memberships::read(tags).stacks.into_iter();
        stacks.filter(|(_, membership)| !membership.is_empty()).map(|(owner, _)| owner).collect()
    }

    /// Takes in the value of one tag; says whether it was whole, as an empty one on its way out is.
    fn take(&mut self, kind: &str, value: &str) -> Result<bool, &'static str> {
        if !value.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.+".contains(letter)) {
            return Err("its value holds characters that it never has");
        }
        if kind == FIRST_PROTECTED {
            self.protect(value);
            return Ok(true);
        }
        let Some(kind) = kind::find(kind).filter(|kind| kind.parent.is_some()) else {
            return Err("its kind is none that this version knows");
        };
        let not_unique = kind.names == Names::NotUnique;
        let (key, address) = if not_unique { (ID_LENGTH, ADDRESS_LENGTH) } else { (NAME_LENGTH, 0) };
        let (protected, text, lengths) = match (value.strip_prefix(PLAIN), value.strip_prefix(PROTECTED)) {
            (Some(text), _) => (false, text, [key, address, APPLIED_LENGTH]),
            (None, Some(text)) => (true, text, [key, address, APPLIED_LENGTH]),
            (None, None) => {
                let first_address = if not_unique { FIRST_ADDRESS } else { 0 };
                (false, value, [FIRST_KEY, first_address, FIRST_APPLIED])
            }
        };
        let [key_length, address_length, applied_length] = lengths;
        let length = key_length + address_length + applied_length;
        let part = |from: usize, of: usize, most: usize| text.get(from..from + of.min(most)).unwrap_or_default();
        for start in (0..text.len()).step_by(length).filter(|start| start + length <= text.len()) {
            let name = part(start, key_length, key);
            let entry = Entry {
                address: part(start + key_length, address_length, ADDRESS_LENGTH).to_owned(),
                applied: part(start + key_length + address_length, applied_length, APPLIED_LENGTH).to_owned(),
                protected,
            };
            let name = if not_unique { name.to_owned() } else { filled(name) };
            self.entries.entry(kind.name).or_default().insert(name, entry);
        }
        Ok(text.len().is_multiple_of(length))
    }

    /// The first encoding's list of the protected.
    fn protect(&mut self, value: &str) {
        let listed: BTreeSet<&str> =
            (0..value.len()).step_by(FIRST_KEY).filter_map(|start| value.get(start..start + FIRST_KEY)).collect();
        for (key, entry) in self.entries.values_mut().flatten() {
            entry.protected |= listed.iter().any(|listed| listed.starts_with(key.trim_end_matches(FILLER)));
        }
    }

    /// The tags that say it.
    ///
    /// # Errors
    /// More tags than a resource holds beside `others` of somebody else's.
    pub fn write(&self, owner: &str, others: usize) -> Result<Tags, TooManyTags> {
        let mut tags = Tags::new();
        for (kind, entries) in &self.entries {
            let mut number = 0;
            for (mark, protected) in [(PLAIN, false), (PROTECTED, true)] {
                let texts: Vec<String> = entries
                    .iter()
                    .filter(|(_, entry)| entry.protected == protected)
                    .map(|(key, entry)| format!("{key}{}{}", entry.address, entry.applied))
                    .collect();
                for texts in texts.chunks(CHILDREN_PER_TAG) {
                    tags.insert(format!("{MEMBERS}{owner}/{kind}/{number}"), format!("{mark}{}", texts.concat()));
                    number += 1;
                }
            }
        }
        let needed = tags.len() + others;
        if needed > TAGS_PER_RESOURCE { Err(TooManyTags { needed }) } else { Ok(tags) }
    }

    /// The keys of the tags it was read from.
    pub fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    /// The kinds of the children that it names.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.entries.keys().copied()
    }

    /// How many children it names.
    pub fn len(&self) -> usize {
        self.entries.values().map(BTreeMap::len).sum()
    }

    /// It names none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key under which a child is named here. Two children of one key cannot be told apart.
    pub fn key_of(&self, child: Child<'_>) -> Option<&str> {
        Some(self.entry(child)?.0)
    }

    /// The child is a member: named here by its name or id, or by its name while its creation was under way.
    pub fn holds(&self, child: Child<'_>) -> bool {
        self.entry(child).is_some()
    }

    /// Its creation ended, as far as this tells: until then the name is all that says whose it is.
    pub fn is_finished(&self, child: Child<'_>) -> bool {
        self.entry(child).is_some_and(|(key, entry)| {
            let pending = child.kind.names == Names::NotUnique && key == child.pending_key();
            !pending && entry.applied != UNKNOWN
        })
    }

    fn entry(&self, child: Child<'_>) -> Option<(&str, &Entry)> {
        let entries = self.entries.get(child.kind.name)?;
        let found = entries.get_key_value(&child.key()).or_else(|| entries.get_key_value(&child.other_key()));
        found.map(|(key, entry)| (key.as_str(), entry))
    }

    /// The child is the one at this address: always true where the name tells.
    pub fn is_at(&self, child: Child<'_>, address: &Address) -> bool {
        self.entry(child).is_some_and(|(_, entry)| {
            entry.address.is_empty() || entry.address == digest(&address.to_string(), ADDRESS_LENGTH)
        })
    }

    /// The beginning of the digest of what was last applied to the child.
    pub fn applied(&self, child: Child<'_>) -> Option<&str> {
        Some(self.entry(child)?.1.applied.as_str()).filter(|applied| *applied != UNKNOWN)
    }

    /// The child must not be deleted or replaced.
    pub fn protects(&self, child: Child<'_>) -> bool {
        self.entry(child).is_some_and(|(_, entry)| entry.protected)
    }

    /// Names a child, with what is applied to it; once the id is known, the entry of its creation gives way.
    pub fn put(&mut self, child: Child<'_>, address: &Address, applied: &str, protect: bool) {
        let not_unique = child.kind.names == Names::NotUnique;
        let entry = Entry {
            address: if not_unique { digest(&address.to_string(), ADDRESS_LENGTH) } else { String::new() },
            applied: applied.get(..APPLIED_LENGTH).unwrap_or(UNKNOWN).to_owned(),
            protected: protect,
        };
        let entries = self.entries.entry(child.kind.name).or_default();
        let other = child.other_key();
        if entries.get(&other).is_some_and(|known| known.address == entry.address) {
            entries.remove(&other);
        }
        entries.insert(child.key(), entry);
    }

    /// Forgets a child.
    pub fn remove(&mut self, child: Child<'_>) {
        if let Some(entries) = self.entries.get_mut(child.kind.name) {
            entries.remove(&child.key());
            entries.remove(&child.other_key());
            if entries.is_empty() {
                self.entries.remove(child.kind.name);
            }
        }
    }

    /// What it says of children that are none of these.
    #[must_use]
    pub fn without(&self, children: &[Child<'_>]) -> Self {
        let mut rest = self.clone();
        for child in children {
            if let Some(key) = self.key_of(*child)
                && let Some(entries) = rest.entries.get_mut(child.kind.name)
            {
                entries.remove(key);
            }
        }
        rest.entries.retain(|_, entries| !entries.is_empty());
        rest
    }

    /// Leaves out a kind.
    pub fn leave_out(&mut self, kind: &Kind) {
        self.entries.remove(kind.name);
    }

    /// Forgets everything that another says.
    pub fn subtract(&mut self, other: &Self) {
        for (kind, gone) in &other.entries {
            if let Some(entries) = self.entries.get_mut(kind) {
                entries.retain(|key, _| !gone.contains_key(key));
            }
        }
        self.entries.retain(|_, entries| !entries.is_empty());
    }
}

/// The tag names children.
pub fn is_membership(key: &str) -> bool {
    key.starts_with(MEMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{POLICY, USER_POOL_CLIENT, USER_POOL_GROUP};

    const OWNER: &str = "hr/dev";

    fn child<'a>(kind: &'a Kind, name: &'a str, id: &'a str) -> Child<'a> {
        Child { kind, name, id }
    }

    #[test]
    fn a_thousand_children_of_any_kind_fit_and_come_back() {
        for kind in [&POLICY, &USER_POOL_CLIENT] {
            let mut membership = Membership::default();
            let names: Vec<(String, String)> =
                (0..1000).map(|number| (format!("child_{number}"), format!("id{number}"))).collect();
            for (number, (name, id)) in names.iter().enumerate() {
                let address = Address::new(kind.name, name.as_str());
                membership.put(child(kind, name, id), &address, "abcdefgh", number % 100 == 0);
            }
            let tags = membership.write(OWNER, 9).unwrap();
            assert!(tags.iter().all(|(key, value)| key.len() <= 128 && value.len() <= 256));
            let read = Membership::read(&tags, OWNER);
            assert_eq!((read.len(), read.tags().len()), (1000, tags.len()));
            for (number, (name, id)) in names.iter().enumerate() {
                let child = child(kind, name, id);
                assert!(read.is_at(child, &Address::new(kind.name, name.as_str())));
                assert_eq!((read.applied(child), read.protects(child)), (Some("ab"), number % 100 == 0));
            }
            assert!(!read.holds(child(kind, "child_1000", "id1000")));
            assert!(Membership::read(&tags, "hr/prod").is_empty());
            assert_eq!(Membership::owners(&tags), BTreeSet::from([OWNER.to_owned()]));
        }
    }

    #[test]
    fn what_the_first_encoding_wrote_is_still_understood() {
        let address = Address::new("user_pool_client", "web");
        let tags = Tags::from([
            (format!("{MEMBERS}{OWNER}/user_pool_group/0"), format!("{}abcd", digest("admins", 6))),
            (
                format!("{MEMBERS}{OWNER}/user_pool_client/0"),
                format!("{}{}....", digest("id1", 6), digest(&address.to_string(), 4)),
            ),
            (format!("{MEMBERS}{OWNER}/protected/0"), digest("admins", 6)),
        ]);
        let mut read = Membership::read(&tags, OWNER);
        let group = child(&USER_POOL_GROUP, "admins", "admins");
        assert_eq!((read.applied(group), read.protects(group), read.len()), (Some("ab"), true, 2));
        assert!(read.is_at(child(&USER_POOL_CLIENT, "web", "id1"), &address));
        assert!(!read.holds(child(&USER_POOL_CLIENT, "web", "id2")));
        assert_eq!(Membership::read(&read.write(OWNER, 0).unwrap(), OWNER).entries, read.entries);
        read.put(group, &Address::new("user_pool_group", "admins"), "efgh", false);
        assert_eq!((read.applied(group), read.protects(group), read.len()), (Some("ef"), false, 2));
    }

    #[test]
    fn tags_edited_into_nonsense_are_findings_and_name_nobody() {
        let key = |rest: &str| format!("{MEMBERS}{rest}");
        let tags = Tags::from([
            (key("hr"), "x".to_owned()),
            (key("hr/dev/user_pool_client/first"), ".".to_owned()),
            (key("hr/dev/unheard_of/0"), ".AAAAAAAAAA".to_owned()),
            (key("hr/dev/user_pool/0"), ".AAAAAAAAAA".to_owned()),
            (key("hr/dev/user_pool_group/0"), format!(".{}abXYZ", digest("admins", 8))),
            (key("hr/dev/user_pool_group/1"), "ä b".to_owned()),
            (key("hr/dev/user_pool_group/2"), String::new()),
        ]);
        let read = Memberships::read(&tags);
        let ours = read.of(OWNER).unwrap();
        assert!(ours.holds(child(&USER_POOL_GROUP, "admins", "admins")), "what is whole of a cut value is read");
        assert_eq!(ours.len(), 1);
        assert_eq!(read.unreadable().len(), 6, "an empty value names nobody, and is on its way out");
        let unowned = read.unreadable().iter().filter(|found| found.owner.is_none()).count();
        assert_eq!(unowned, 2);
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
}
