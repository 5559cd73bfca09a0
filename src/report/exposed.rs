//! What is exposed, for people: each mistake once, with everybody who gains by it.

use super::access_change::how;
use crate::access::in_words;
use crate::plan::{Exposure, Plan, Since};

/// What is said first: somebody can do what the manifest does not allow.
pub(super) const EXPOSED: &str = "EXPOSED: the live account allows what the manifest does not";

/// So many tools of one caller are named, and so many callers.
const TOOLS: usize = 6;
const CALLERS: usize = 8;

/// What one mistake opens.
pub(super) struct Opened<'a> {
    /// The code of the risk that it would be.
    pub(super) code: &'a str,
    /// What was done, and to what.
    pub(super) message: String,
    /// Who can call what, now and by the manifest.
    pub(super) reach: Vec<String>,
    /// A token and an input that go through.
    pub(super) witness: Option<&'a str>,
    /// What becomes of it.
    pub(super) way_out: String,
}

/// The mistakes, in the plan's order.
pub(super) fn opened(plan: &Plan) -> Vec<Opened<'_>> {
    let same = |one: &Exposure, other: &Exposure| {
        (&one.address, &one.code, &one.message, one.repaired)
            == (&other.address, &other.code, &other.message, other.repaired)
    };
    grouped(plan.exposed.iter().collect(), same).into_iter().filter_map(|group| mistake(&group)).collect()
}

fn mistake<'a>(group: &[&'a Exposure]) -> Option<Opened<'a>> {
    let first = group.first()?;
    let alike = |one: &Exposure, other: &Exposure| {
        (&one.principal, &one.before, &one.after, &one.how, one.tokens)
            == (&other.principal, &other.before, &other.after, &other.how, other.tokens)
    };
    let callers = grouped(group.to_vec(), alike);
    let mut reach: Vec<String> = callers.iter().take(CALLERS).filter_map(|caller| line(caller)).collect();
    if callers.len() > CALLERS {
        reach.push(format!("and {} more", callers.len() - CALLERS));
    }
    let since = first.since.as_ref().map_or_else(|| "since when is not known".to_owned(), when);
    Some(Opened {
        code: &first.code,
        message: format!("{}; {since}", first.message),
        reach,
        witness: group.iter().find_map(|exposure| exposure.witness.as_deref()),
        way_out: way_out(first),
    })
}

/// What one caller can call.
fn line(caller: &[&Exposure]) -> Option<String> {
    let Exposure { principal, before, after, .. } = *caller.first()?;
    let tools: Vec<String> = caller.iter().take(TOOLS).map(|exposure| in_words(&exposure.tool)).collect();
    let more = caller.len().saturating_sub(TOOLS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let how =
        caller.first().filter(|exposure| exposure.how != "unknown").map(|exposure| how(&exposure.how, exposure.tokens));
    let how = how.map(|how| format!(" ({how})")).unwrap_or_default();
    let other = if before == after { ", for other calls" } else { "" };
    Some(format!("{principal}, {}{more}: now {after}{other}; by the manifest {before}{how}", tools.join(", ")))
}

/// Since when, in words that say no more than the service does.
fn when(since: &Since) -> String {
    let said = [("created", &since.created), ("last changed", &since.changed)];
    let said = said.into_iter().filter_map(|(word, at)| Some(format!("{word} {}", minute(at.as_ref()?))));
    said.collect::<Vec<_>>().join(", ")
}

/// `2026-11-24T14:02:33Z` as people write it.
fn minute(moment: &str) -> String {
    match (moment.split_once('T'), moment.strip_suffix('Z')) {
        (Some((day, time)), Some(_)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
        _ => moment.to_owned(),
    }
}

/// What becomes of an exposure.
fn way_out(exposure: &Exposure) -> String {
    match &exposure.help {
        _ if exposure.repaired => "this plan sets it right".to_owned(),
        Some(help) => format!("this plan leaves it open: {help}"),
        None => "this plan leaves it open".to_owned(),
    }
}

/// What belongs together, in the order of what comes first.
fn grouped(mut rest: Vec<&Exposure>, same: impl Fn(&Exposure, &Exposure) -> bool) -> Vec<Vec<&Exposure>> {
    let mut groups = Vec::new();
    while let Some(first) = rest.first().copied() {
        let (group, others) = rest.into_iter().partition(|other| same(first, other));
        groups.push(group);
        rest = others;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_to_the_minute_and_only_what_is_known_of_it() {
        let since = |created: Option<&str>, changed: Option<&str>| {
            when(&Since { created: created.map(Into::into), changed: changed.map(Into::into) })
        };
        let (made, changed) = ("2026-11-23T09:00:01Z", "2026-11-24T14:02:33Z");
        assert_eq!(since(None, Some(changed)), "last changed 2026-11-24 14:02 UTC");
        assert_eq!(since(Some(made), Some(changed)), "created 2026-11-23 09:00 UTC, last changed 2026-11-24 14:02 UTC");
        assert_eq!(since(None, Some("@12")), "last changed @12");
    }
}
