//! How long objects of a kind take to become ready, or to be gone: so long, or so many reads.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::millis;
use crate::state::Kind;

/// How long a change takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Delay {
    /// So long: `40ms`.
    After(Duration),
    /// So many reads of the object still see it under way, the next one sees the end: `3polls`. A listing is a read of everything
    /// that it may list.
    Polls(u32),
}

/// What is no delay, or no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelayError {
    /// Neither a time nor a number of reads.
    #[error("`{0}` is no delay, expected for example `40ms` or `3polls`")]
    Delay(String),
    /// There is no such kind.
    #[error("{0}")]
    Kind(String),
}

impl FromStr for Delay {
    type Err = DelayError;

    fn from_str(text: &str) -> Result<Self, DelayError> {
        let wrong = || DelayError::Delay(text.to_owned());
        if let Some(count) = text.strip_suffix("polls") {
            count.parse().map(Delay::Polls).map_err(|_| wrong())
        } else {
            let count = text.strip_suffix("ms").ok_or_else(wrong)?;
            count.parse().map(|count| Delay::After(Duration::from_millis(count))).map_err(|_| wrong())
        }
    }
}

impl TryFrom<String> for Delay {
    type Error = DelayError;

    fn try_from(text: String) -> Result<Self, DelayError> {
        text.parse()
    }
}

impl From<Delay> for String {
    fn from(delay: Delay) -> Self {
        delay.to_string()
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Delay::After(time) => write!(formatter, "{}ms", millis(time)),
            Delay::Polls(count) => write!(formatter, "{count}polls"),
        }
    }
}

/// The kinds that take another time than the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delays(BTreeMap<Kind, Delay>);

impl Delays {
    /// Sets the delay of a kind, named as in `GET /_localstack/state`, for example `gateway_target`.
    pub fn set(&mut self, kind: &str, delay: Delay) -> Result<(), DelayError> {
        let kind = Kind::named(kind).map_err(DelayError::Kind)?;
        self.0.insert(kind, delay);
        Ok(())
    }

    pub(crate) fn of(&self, kind: Kind) -> Option<Delay> {
        self.0.get(&kind).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_a_time_or_a_number_of_reads() {
        assert_eq!("40ms".parse(), Ok(Delay::After(Duration::from_millis(40))));
        assert_eq!("3polls".parse(), Ok(Delay::Polls(3)));
        for wrong in ["", "40", "ms", "-1ms", "3 polls", "1.5polls", "99999999999polls"] {
            assert_eq!(wrong.parse::<Delay>(), Err(DelayError::Delay(wrong.to_owned())));
        }
        let delays: Delays = serde_json::from_str(r#"{"gateway_target": "3polls"}"#).unwrap();
        assert_eq!(serde_json::to_string(&delays).unwrap(), r#"{"gateway_target":"3polls"}"#);
        let unknown = Delays::default().set("gatway", Delay::Polls(1)).unwrap_err().to_string();
        assert!(unknown.contains("`gatway`") && unknown.contains("`gateway`"), "{unknown}");
    }
}
