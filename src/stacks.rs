//! The stacks of an account, as the tags of its root objects tell of them: no manifest is needed.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;

use crate::aws::{Aws, CallError};
use crate::kind::{KINDS, Kind, Place};
use crate::live;
use crate::moment::Moment;
use crate::observe::{Observed, Unread};
use crate::ownership::{EXPIRES, Membership, SOURCE, STACK, Tags};
use crate::stack::Stack;
use crate::tags;

/// Calls in flight at once.
const CONCURRENCY: usize = 16;

/// A stack that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its owner tag, `NAME/INSTANCE`.
    pub owner: String,
    /// How many resources it has: root objects, and the children that memberships name.
    pub resources: usize,
    /// When the oldest of its root objects was made, as far as listings say it.
    pub created: Option<Moment>,
    /// When it expires.
    pub expires: Expiry,
    /// Where its manifest is kept.
    pub source: Option<String>,
}

/// When a stack expires.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// Then.
    At(Moment),
    /// The tag says no moment.
    Unreadable(String),
}

impl Expiry {
    /// What the tags of the root objects of a stack say together: the latest moment, so that none goes before its time.
    pub fn of<'a>(roots: impl IntoIterator<Item = &'a Tags>) -> Self {
        roots.into_iter().filter_map(|tags| tags.get(EXPIRES)).fold(Self::Never, |known, value| {
            match (known, Moment::parse(value)) {
                (Self::Unreadable(nonsense), _) => Self::Unreadable(nonsense),
                (_, None) => Self::Unreadable(value.clone()),
                (Self::At(known), Some(moment)) => Self::At(known.max(moment)),
                (Self::Never, Some(moment)) => Self::At(moment),
            }
        })
    }

    /// The moment, if it is known.
    pub fn moment(&self) -> Option<Moment> {
        match self {
            Self::At(moment) => Some(*moment),
            Self::Never | Self::Unreadable(_) => None,
        }
    }

    /// Its time is over.
    pub fn is_over(&self, now: Moment) -> bool {
        self.moment().is_some_and(|moment| moment <= now)
    }
}

/// Every stack of the account, by owner, and what could not be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stacks {
    /// The stacks.
    pub found: Vec<Found>,
    /// Root kinds, or objects of them, that could not be read.
    pub unread: Vec<Unread>,
}

/// Looks at every taggable root kind.
pub async fn find(aws: &Aws) -> Stacks {
    let place = Place { account: aws.account.clone(), region: aws.region.clone(), partition: aws.partition.clone() };
    let roots: Vec<&'static Kind> =
        KINDS.iter().copied().filter(|kind| kind.parent.is_none() && kind.arn.is_some()).collect();
    let listings: Vec<_> = stream::iter(roots)
        .map(|kind| async move { (kind, live::list(aws, kind, "").await) })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut unread = Vec::new();
    let mut items = Vec::new();
    for (kind, listing) in listings {
        match listing {
            Ok(listed) => items.extend(listed.into_iter().map(|item| (kind, item))),
            Err(error) => unread.push(Unread { kind, address: None, error }),
        }
    }
    let tagged: Vec<(&'static Kind, Value, Result<Tags, CallError>)> = stream::iter(items)
        .map(|(kind, item)| {
            let arn = kind.arn.map(|arn| arn(&item.id, &place)).unwrap_or_default();
            async move { (kind, item.item, tags::read(aws, kind.service, &arn).await) }
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut roots: Vec<(Value, Tags)> = Vec::new();
    for (kind, item, tags) in tagged {
        match tags {
            Ok(tags) => roots.push((item, tags)),
            Err(error) if error.is_not_found() => {}
            Err(error) => unread.push(Unread { kind, address: None, error }),
        }
    }
    Stacks { found: gathered(&roots), unread }
}

/// The stacks that these root objects and the memberships on them tell of.
fn gathered(roots: &[(Value, Tags)]) -> Vec<Found> {
    let mut stacks: BTreeMap<String, Vec<&(Value, Tags)>> = BTreeMap::new();
    let mut children: BTreeMap<String, usize> = BTreeMap::new();
    for root in roots {
        if let Some(owner) = root.1.get(STACK) {
            stacks.entry(owner.clone()).or_default().push(root);
        }
        for owner in Membership::owners(&root.1) {
            *children.entry(owner.clone()).or_default() += Membership::read(&root.1, &owner).len();
            stacks.entry(owner).or_default();
        }
    }
    let created = |item: &Value| ["createdAt", "CreationDate"].iter().find_map(|member| Moment::of(item.get(member)?));
    stacks
        .into_iter()
        .map(|(owner, roots)| Found {
            resources: roots.len() + children.get(&owner).copied().unwrap_or_default(),
            created: roots.iter().filter_map(|(item, _)| created(item)).min(),
            expires: Expiry::of(roots.iter().map(|(_, tags)| tags)),
            source: roots.iter().find_map(|(_, tags)| tags.get(SOURCE).cloned()),
            owner,
        })
        .collect()
}

/// The stack of an owner, with nothing in it: what a destroy without its manifest leads to.
pub fn named(name: &str, instance: &str) -> Stack {
    Stack { name: name.to_owned(), instance: instance.to_owned(), ..Stack::default() }
}

/// A stack whose live objects come from another manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "stack `{owner}` comes from `{recorded}`, as the tag `{SOURCE}` of `{address}` says, and this manifest {said}; nothing was changed"
)]
pub struct OtherSource {
    owner: String,
    recorded: String,
    address: String,
    said: String,
}

impl OtherSource {
    /// The next step.
    pub fn help(&self) -> String {
        format!(
            "give this manifest another stack name; if it is the same stack, say `source = \"{}\"`, or take that tag off its objects",
            self.recorded
        )
    }
}

/// The manifest is kept where the live objects say that theirs is; what says nothing is taken on.
///
/// # Errors
/// It is another one.
pub fn same_source(stack: &Stack, observed: &Observed) -> Result<(), OtherSource> {
    let recorded = observed.ours.iter().filter_map(|(address, live)| Some((address, live.tags.get(SOURCE)?)));
    let other = recorded.into_iter().find(|(_, recorded)| stack.source.as_ref() != Some(*recorded));
    match other {
        None => Ok(()),
        Some((address, recorded)) => Err(OtherSource {
            owner: stack.owner(),
            recorded: recorded.clone(),
            address: address.to_string(),
            said: match &stack.source {
                Some(source) => format!("is kept in `{source}`"),
                None => "has no `source`".to_owned(),
            },
        }),
    }
}

/// When a stack that is planned now expires: what its live objects say holds, else its time begins now.
pub fn expiry(stack: &Stack, observed: &Observed) -> Option<Moment> {
    let time = stack.expires?;
    let known = observed.ours.values().filter_map(|live| Moment::parse(live.tags.get(EXPIRES)?)).max();
    Some(known.unwrap_or_else(|| observed.at.plus(time)))
}

/// Forgets when a stack expires, so that its time begins again.
pub fn begin_again(observed: &mut Observed) {
    for live in observed.ours.values_mut() {
        live.tags.remove(EXPIRES);
    }
}

/// Text against a pattern in which `*` stands for any text and `?` for one character.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut here) = (0, 0);
    // The last star, and the text that it stands for ends here.
    let mut star = None;
    while let Some(letter) = text.get(here) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => (at, here) = (at + 1, here + 1),
            _ => {
                let Some((position, end)) = star else { return false };
                star = Some((position, end + 1));
                (at, here) = (position + 1, end + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn root_objects_and_memberships_make_a_stack() {
        let roots = [
            (
                json!({"createdAt": "2026-11-02T00:00:00Z"}),
                tags(&[
                    (STACK, "hr/dev"),
                    (EXPIRES, "2026-12-01T00:00:00Z"),
                    ("gatewright:members/hr/dev/policy/0", "AAAAAABBBB"),
                ]),
            ),
            (
                json!({"CreationDate": 1_762_000_000.25}),
                tags(&[(STACK, "hr/dev"), (EXPIRES, "2026-12-05T00:00:00Z"), (SOURCE, "github.com/acme/hr")]),
            ),
            (json!({}), tags(&[(STACK, "hr/prod"), (EXPIRES, "soon")])),
            (json!({}), tags(&[("team", "people")])),
        ];
        let found = gathered(&roots);
        let [dev, prod] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((dev.owner.as_str(), dev.resources), ("hr/dev", 3));
        assert_eq!(dev.created, Moment::of(&json!(1_762_000_000)), "the oldest");
        assert_eq!(dev.expires, Expiry::At(Moment::parse("2026-12-05T00:00:00Z").unwrap()), "the latest");
        assert_eq!(dev.source.as_deref(), Some("github.com/acme/hr"));
        assert_eq!(prod.expires, Expiry::Unreadable("soon".to_owned()));
        assert!(!prod.expires.is_over(Moment::now()), "what says no moment never goes");
    }

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, wanted) in [
            ("hr-data-agent/pr-*", "hr-data-agent/pr-123", true),
            ("hr-data-agent/pr-*", "hr-data-agent/prod", false),
            ("*/pr-?", "hr/pr-1", true),
            ("*/pr-?", "hr/pr-12", false),
            ("*", "", true),
            ("", "hr/dev", false),
            ("hr/dev", "hr/dev", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
