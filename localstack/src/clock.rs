//! The clock: tokio's, so that paused time works, on a wall-clock base, so that a later process can go on.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where time is counted from.
pub(crate) struct Clock {
    start: tokio::time::Instant,
    base: u64,
}

impl Clock {
    /// A clock that starts now, but never before a moment that a state has already seen.
    pub(crate) fn starting_after(seen: u64) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| millis(&elapsed));
        Self { start: tokio::time::Instant::now(), base: wall.max(seen) }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.base.saturating_add(millis(&self.start.elapsed()))
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: &std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A moment as `2026-11-24T05:53:11.250Z`.
pub(crate) fn iso8601(millis: u64) -> String {
    let (seconds, fraction) = (millis / 1000, millis % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// The Gregorian date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`, for days after 1970).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::iso8601;

    #[test]
    fn dates_are_right_around_leap_days_and_year_ends() {
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso8601(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso8601(1_709_251_199_999), "2024-02-29T23:59:59.999Z");
        assert_eq!(iso8601(1_767_225_599_000), "2025-12-31T23:59:59.000Z");
        assert_eq!(iso8601(1_795_499_591_250), "2026-11-24T05:53:11.250Z");
    }
}
