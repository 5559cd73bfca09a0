//! Siblings: whose the children of one parent and kind are, by the memberships on that parent.
//!
//! A digest is no proof. Where two children fit what is remembered of one, or two stacks claim one child, nobody gets it unless
//! the manifest tells: what is taken for ours may be deleted.

use std::collections::BTreeMap;

use crate::kind::Kind;
use crate::live::Listed;
use crate::membership::{Child, Memberships};

/// Whose a child is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// This stack's.
    Ours,
    /// Another stack's.
    Of(String),
    /// No stack claims it.
    Nobodys,
}

/// The children of one parent and kind, as they were listed.
pub(super) struct Siblings<'a> {
    pub(super) kind: &'static Kind,
    pub(super) listed: &'a [Listed],
    pub(super) memberships: &'a Memberships,
    /// This stack.
    pub(super) owner: &'a str,
    /// The parent is somebody else's.
    pub(super) shared: bool,
}

impl Siblings<'_> {
    /// Whose each of them is, and what about it is not clear. `wanted` says which live names the manifest has here.
    pub(super) fn sort(&self, wanted: impl Fn(&str) -> bool) -> (Vec<Whose>, Vec<String>) {
        let mut unclear = Vec::new();
        let mut whose: Vec<Whose> = self.listed.iter().map(|item| self.whose(item, &wanted, &mut unclear)).collect();
        for alike in self.alike(&whose).into_values().filter(|alike| alike.len() > 1) {
            let items: Vec<(usize, &Listed)> =
                alike.into_iter().filter_map(|index| Some((index, self.listed.get(index)?))).collect();
            let mut fitting = items.iter().filter(|(_, item)| wanted(&item.name));
            let ours = fitting.next().filter(|_| fitting.next().is_none()).map(|(index, _)| *index);
            for (index, _) in items.iter().filter(|(index, _)| Some(*index) != ours) {
                if let Some(whose) = whose.get_mut(*index) {
                    *whose = Whose::Nobodys;
                }
            }
            if ours.is_none() {
                let names: Vec<String> = items.iter().map(|(_, item)| self.named(item)).collect();
                unclear.push(format!("{} fit what is remembered of one", names.join(" and ")));
            }
        }
        (whose, unclear)
    }

    fn child<'c>(&self, item: &'c Listed) -> Child<'c> {
        Child { kind: self.kind, name: &item.name, id: &item.id }
    }

    fn named(&self, item: &Listed) -> String {
        format!("{} `{}` ({})", self.kind.name, item.name, item.id)
    }

    fn whose(&self, item: &Listed, wanted: &impl Fn(&str) -> bool, unclear: &mut Vec<String>) -> Whose {
        let child = self.child(item);
        let ours = self.memberships.of(self.owner);
        let mut others: Vec<_> =
            self.memberships.others(self.owner).filter(|(_, membership)| membership.holds(child)).collect();
        // Who finished creating it has it; who only was about to may have meant another of the same name.
        others.sort_by_key(|(_, membership)| !membership.is_finished(child));
        let other = others.first().copied();
        let finished = ours.is_some_and(|ours| ours.is_finished(child));
        let held = ours.is_some_and(|ours| ours.holds(child));
        match other {
            None if !held => Whose::Nobodys,
            None if self.shared && !finished && !wanted(&item.name) => {
                unclear.push(format!(
                    "{} may be one whose creation this stack never finished, or somebody else's",
                    self.named(item)
                ));
                Whose::Nobodys
            }
            None => Whose::Ours,
            Some((_, theirs)) if held && finished && !theirs.is_finished(child) => Whose::Ours,
            Some((owner, theirs)) => {
                if held && finished == theirs.is_finished(child) {
                    unclear.push(format!("{} is claimed by stack `{owner}` as well", self.named(item)));
                }
                Whose::Of(owner.to_owned())
            }
        }
    }

    /// Children of ours by the key they are remembered by.
    fn alike(&self, whose: &[Whose]) -> BTreeMap<&str, Vec<usize>> {
        let mut alike: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let Some(ours) = self.memberships.of(self.owner) else { return alike };
        for (index, item) in self.listed.iter().enumerate() {
            if whose.get(index) == Some(&Whose::Ours)
                && let Some(key) = ours.key_of(self.child(item))
            {
                alike.entry(key).or_default().push(index);
            }
        }
        alike
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::address::Address;
    use crate::kind::USER_POOL_CLIENT;
    use crate::membership::Membership;
    use crate::ownership::digest;

    /// Two ids of which a membership remembers the same.
    fn alike() -> [String; 2] {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        (0..)
            .find_map(|number| {
                let id = format!("id{number}");
                seen.insert(digest(&id, 5), id.clone()).map(|first| [first, id])
            })
            .unwrap()
    }

    fn sorted(listed: &[(&str, &str)], ours: &[(&str, &str)], wanted: &str) -> (Vec<Whose>, usize) {
        let mut membership = Membership::default();
        for (name, id) in ours {
            let child = Child { kind: &USER_POOL_CLIENT, name, id };
            membership.put(child, &Address::new("user_pool_client", *name), "abcd", false);
        }
        let memberships = Memberships::read(&membership.write("hr/dev", 0).unwrap());
        let item = |(name, id): &(&str, &str)| Listed { id: (*id).into(), name: (*name).into(), item: Value::Null };
        let listed: Vec<Listed> = listed.iter().map(item).collect();
        let siblings = Siblings {
            kind: &USER_POOL_CLIENT,
            listed: &listed,
            memberships: &memberships,
            owner: "hr/dev",
            shared: false,
        };
        let (whose, unclear) = siblings.sort(|name| name == wanted);
        (whose, unclear.len())
    }

    #[test]
    fn two_that_fit_one_digest_are_nobodys_unless_the_manifest_tells() {
        let [first, second] = alike();
        let listed = [("web", first.as_str()), ("other", second.as_str())];
        let ours = [("web", first.as_str())];
        assert_eq!(sorted(&listed, &ours, "nothing"), (vec![Whose::Nobodys, Whose::Nobodys], 1));
        assert_eq!(sorted(&listed, &ours, "web"), (vec![Whose::Ours, Whose::Nobodys], 0));
        let same = [("web", first.as_str()), ("web", second.as_str())];
        assert_eq!(sorted(&same, &ours, "web"), (vec![Whose::Nobodys, Whose::Nobodys], 1));
    }

    #[test]
    fn two_of_the_name_of_one_that_is_being_created_are_nobodys() {
        let listed = [("web", "one"), ("web", "two")];
        assert_eq!(sorted(&listed, &[("web", "")], "web"), (vec![Whose::Nobodys, Whose::Nobodys], 1));
        assert_eq!(sorted(&listed[..1], &[("web", "")], "web"), (vec![Whose::Ours], 0));
    }
}
