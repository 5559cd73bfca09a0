//! The stacks of an account, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{BOLD, YELLOW, plain_line, styled};
use crate::aws::Aws;
use crate::moment::{Moment, span};
use crate::observe::Unread;
use crate::ownership::EXPIRES;
use crate::stacks::{Expiry, Found, Stacks};

/// Whose account this is: `account 111122223333 · us-east-1`.
pub fn account(aws: &Aws) -> String {
    let endpoint = aws.endpoint.as_ref().map(|endpoint| format!(" · {}", plain_line(endpoint))).unwrap_or_default();
    format!("account {} · {}{endpoint}", aws.account, aws.region)
}

/// The stacks as a table.
pub fn stacks(aws: &Aws, stacks: &Stacks, now: Moment) -> String {
    let mut text = account(aws) + "\n\n";
    if stacks.found.is_empty() {
        _ = writeln!(text, "{}", styled(BOLD, "No stacks: nothing here is tagged with one."));
        return text;
    }
    let heading = ["STACK", "RESOURCES", "AGE", "EXPIRES", "SOURCE"].map(ToOwned::to_owned);
    let rows: Vec<[String; 5]> = stacks.found.iter().map(|found| row(found, now)).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&heading]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    for (row, head) in [(&heading, true)].into_iter().chain(rows.iter().map(|row| (row, false))) {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        _ = writeln!(text, "{}", if head { styled(BOLD, line) } else { line.to_owned() });
    }
    text
}

fn row(found: &Found, now: Moment) -> [String; 5] {
    let expires = match &found.expires {
        Expiry::Never => "never".to_owned(),
        Expiry::At(moment) if *moment <= now => format!("{moment}, expired {} ago", span(now.since(*moment))),
        Expiry::At(moment) => format!("{moment}, in {}", span(moment.since(now))),
        Expiry::Unreadable(value) => format!("`{}`, which is no moment", plain_line(value)),
    };
    [
        plain_line(&found.owner),
        found.resources.to_string(),
        found.created.map_or_else(|| "unknown".to_owned(), |created| span(now.since(created))),
        expires,
        found.source.as_deref().map(plain_line).unwrap_or_default(),
    ]
}

/// The stacks as a document: `format_version` 1.
pub fn stacks_json(aws: &Aws, stacks: &Stacks, now: Moment) -> Value {
    let one = |found: &Found| {
        let (name, instance) = found.owner.split_once('/').unwrap_or((&found.owner, ""));
        json!({
            "stack": name,
            "env": instance,
            "resources": found.resources,
            "created": found.created.map(|moment| moment.to_string()),
            "expires": found.expires.moment().map(|moment| moment.to_string()),
            "expired": found.expires.is_over(now),
            "source": found.source,
        })
    };
    json!({
        "format_version": 1,
        "account": aws.account,
        "region": aws.region,
        "endpoint": aws.endpoint,
        "stacks": stacks.found.iter().map(one).collect::<Vec<_>>(),
        "unread": stacks.unread.iter().map(unread_line).collect::<Vec<_>>(),
    })
}

/// What could not be read, so that there may be more; nothing if all was.
pub fn unread(unread: &[Unread]) -> String {
    let mut text = String::new();
    for one in unread {
        _ = writeln!(text, "{} {}", styled(YELLOW, "not read:"), plain_line(&unread_line(one)));
    }
    let expired = unread.iter().any(|one| one.error.is_expired());
    let step = if expired { "log in again" } else { "give the caller the permission to read it" };
    if !text.is_empty() {
        _ = writeln!(text, "  = help: there may be more than is said here; {step}");
    }
    text
}

fn unread_line(unread: &Unread) -> String {
    format!("{}s of the account: {}", unread.kind.name, unread.error)
}

/// An expiry that nobody can read.
pub fn odd_expiry(owner: &str, value: &str) -> String {
    format!(
        "{} `{}` is left alone: its tag `{EXPIRES}` says `{}`, which is no moment\n  = help: `apply --renew` sets it anew, `destroy --stack {}` removes the stack\n",
        styled(YELLOW, "warning:"),
        plain_line(owner),
        plain_line(value),
        plain_line(owner),
    )
}
