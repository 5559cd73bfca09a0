//! Moments: instants to the second in UTC, as tags hold them and people read them (RFC 3339, whose characters tags take).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

/// An instant, in seconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The wall clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The moment that text such as `2026-12-01T08:30:00Z` says; nothing if it says none.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::from_str(text, Format::DateTime).ok().map(|moment| Self(moment.secs()))
    }

    /// The moment that a document of a service says: as text, or in seconds since 1970.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(seconds) => seconds.as_f64().map(|seconds| Self(DateTime::from_secs_f64(seconds).secs())),
            _ => None,
        }
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
    }

    /// How long after another moment; zero if it is before.
    pub fn since(self, other: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(other.0).try_into().unwrap_or_default())
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_secs(self.0).fmt(Format::DateTime) {
            Ok(text) => formatter.write_str(&text),
            Err(_) => write!(formatter, "@{}", self.0),
        }
    }
}

/// A time in the words of a manifest: the largest of weeks, days, hours, minutes and seconds that leaves little out.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}min", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_text_that_tags_take_and_comes_back() {
        let moment = Moment::parse("2026-12-01T08:30:00Z").unwrap();
        assert_eq!(moment.to_string(), "2026-12-01T08:30:00Z");
        assert_eq!(moment.plus(Duration::from_hours(24)).to_string(), "2026-12-02T08:30:00Z");
        assert_eq!(moment.plus(Duration::from_mins(3)).since(moment), Duration::from_mins(3));
        assert_eq!(moment.since(moment.plus(Duration::from_mins(3))), Duration::ZERO);
    }

    #[test]
    fn services_write_moments_as_text_or_as_numbers_and_people_write_nonsense() {
        let moment = Moment::parse("2026-12-01T08:30:00Z");
        assert_eq!(Moment::of(&json!("2026-12-01T08:30:00.123Z")), moment);
        assert_eq!(Moment::of(&json!(1_796_113_800.5)), moment);
        for nonsense in ["", "tomorrow", "2026-13-45T99:00:00Z", "2026-12-01"] {
            assert_eq!(Moment::parse(nonsense), None, "{nonsense}");
        }
        assert_eq!(Moment::of(&json!(null)), None);
    }

    #[test]
    fn times_are_said_in_one_unit() {
        let said = [59, 300, 7200, 86_400 * 7].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(said, ["59s", "5min", "2h", "7d"]);
    }
}
