//! Moments to try calls at: a policy that reads the time changes its mind around the times and durations that it compares with.

use std::collections::BTreeSet;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::manifest::cedar::{TokenKind, tokens};

/// A moment for calls whose time nobody gives, in RFC 3339.
pub(super) const NOW: &str = "2026-01-01T12:00:00Z";

/// So many moments are tried at most.
const MOST: usize = 24;

/// A day in seconds.
const DAY: i64 = 86_400;

/// The moments to try a call at that these policies decide on, in RFC 3339, the plainest first: one only where none reads the time.
pub(super) fn moments<'p>(statements: impl Iterator<Item = &'p str>) -> Vec<String> {
    let mut times = Times::default();
    for statement in statements {
        times.read(statement);
    }
    let mut found = vec![NOW.to_owned()];
    if times.read {
        let mut seen = BTreeSet::from([NOW.to_owned()]);
        let texts = times.around().into_iter().filter_map(|at| DateTime::from_secs(at).fmt(Format::DateTime).ok());
        found.extend(texts.filter(|text| seen.insert(text.clone())).take(MOST - 1));
    }
    found
}

/// What policies say of the time, in seconds.
#[derive(Default)]
struct Times {
    read: bool,
    /// They look at the time of day, or at the day.
    by_day: bool,
    moments: BTreeSet<i64>,
    durations: BTreeSet<i64>,
}

impl Times {
    fn read(&mut self, statement: &str) {
        let code = tokens(statement).into_iter().filter(crate::manifest::cedar::Token::is_code);
        let code: Vec<(TokenKind, &str)> =
            code.map(|token| (token.kind, statement.get(token.range).unwrap_or_default())).collect();
        for (at, (kind, raw)) in code.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).and_then(|at| code.get(at)).map_or("", |(_, text)| *text);
            match (*kind, before(1), before(2)) {
                (TokenKind::Literal, "(", "datetime") => self.moments.extend(time(raw.trim_matches('"'))),
                (TokenKind::Literal, "(", "duration") => self.durations.extend(duration(raw.trim_matches('"'))),
                (TokenKind::Word, ..) => {
                    self.read |= *raw == "now";
                    self.by_day |= matches!(*raw, "toTime" | "toDate");
                }
                _ => {}
            }
        }
    }

    /// The moments around what is said: just before, then, and just after.
    fn around(&self) -> Vec<i64> {
        let midnight = time(NOW).map_or(0, |now| now - now.rem_euclid(DAY));
        let times = self.moments.iter().copied();
        // A time of the day is a duration since midnight.
        let of_day = self.durations.iter().filter(|length| (0..=DAY).contains(*length)).map(|length| midnight + length);
        let bounds = self.by_day.then_some(midnight);
        let both = self.moments.iter().flat_map(|time| self.durations.iter().map(move |length| (time, length)));
        let both = both.flat_map(|(time, length)| [time.saturating_add(*length), time.saturating_sub(*length)]);
        let marks = times.chain(of_day).chain(bounds).chain(both);
        marks.flat_map(|mark| [mark.saturating_sub(1), mark, mark.saturating_add(1)]).collect()
    }
}

/// Seconds since 1970, of a time as Cedar writes it: `2026-06-30`, `2026-06-30T12:00:00Z`, with milliseconds or `+0200`.
fn time(text: &str) -> Option<i64> {
    let text = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        _ => match text.split_at_checked(text.len().saturating_sub(2)) {
            Some((start, minutes)) if !text.ends_with('Z') => format!("{start}:{minutes}"),
            _ => text.to_owned(),
        },
    };
    DateTime::from_str(&text, Format::DateTimeWithOffset).ok().map(|time| time.secs())
}

/// Seconds, of a duration as Cedar writes it: `1d2h3m4s5ms`, or with a minus before it.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let units = [("ms", 1), ("d", 1000 * DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let (left, unit) = units.into_iter().find_map(|(name, unit)| Some((after.strip_prefix(name)?, unit)))?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = left;
    }
    Some(if text.starts_with('-') { -total } else { total }.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(condition: &str) -> Vec<String> {
        moments([format!("permit(principal, action, resource) when {{ {condition} }};").as_str()].into_iter())
    }

    #[test]
    fn a_time_is_tried_before_then_and_after() {
        let around = [NOW, "2026-06-29T23:59:59Z", "2026-06-30T00:00:00Z", "2026-06-30T00:00:01Z"];
        for text in ["2026-06-30", "2026-06-30T00:00:00Z", "2026-06-30T02:00:00+0200", "2026-06-30T00:00:00.000Z"] {
            assert_eq!(of(&format!("context.system.now < datetime(\"{text}\")")), around, "{text}");
        }
        let all = of("context.system.now.toTime() >= duration(\"8h30m\")");
        for wanted in ["2026-01-01T08:29:59Z", "2026-01-01T08:30:00Z", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"] {
            assert!(all.iter().any(|moment| moment == wanted), "{wanted}: {all:?}");
        }
        assert!(
            of("context.system.now < datetime(\"2026-06-30\").offset(duration(\"-1d\"))")
                .contains(&"2026-06-29T00:00:01Z".to_owned())
        );
    }

    #[test]
    fn without_a_look_at_the_time_one_moment_is_enough() {
        assert_eq!(of("context.input.day == datetime(\"2026-06-30\")"), [NOW]);
        assert_eq!(of("context.system.now != datetime(\"soon\") && duration(\"9x\") == duration(\"h\")"), [NOW]);
        let many = (1..30).map(|day| format!("context.system.now == datetime(\"2026-03-{day:02}\")"));
        assert_eq!(of(&many.collect::<Vec<_>>().join(" || ")).len(), MOST);
    }
}
