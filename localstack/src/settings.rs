//! The switches: what can be changed while the stand-in runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Config;
use crate::clock::millis;
use crate::delay::Delays;

/// What a policy under `FAIL_ON_ANY_FINDINGS` is found to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Findings {
    /// What the stand-in knows to find.
    #[default]
    Usual,
    /// Nothing.
    None,
    /// Overly permissive or overly restrictive, whatever it says: the real service knows more than the stand-in.
    Any,
}

/// Switches to set; those that are none stay as they are. Times are milliseconds. What each means says [`Config`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// [`Config::delay`].
    pub delay: Option<u64>,
    /// [`Config::delays`], all of them.
    pub delays: Option<Delays>,
    /// [`Config::latency`].
    pub latency: Option<u64>,
    /// [`Config::jitter`].
    pub jitter: Option<u64>,
    /// [`Config::lag`].
    pub lag: Option<u64>,
    /// [`Config::role_refusals`].
    pub role_refusals: Option<u32>,
    /// [`Config::schema_lag`].
    pub schema_lag: Option<u64>,
    /// [`Config::findings`].
    pub findings: Option<Findings>,
    /// [`Config::rates`].
    pub rates: Option<bool>,
}

impl Settings {
    /// How everything is set.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            delay: Some(millis(&config.delay)),
            delays: Some(config.delays.clone()),
            latency: Some(millis(&config.latency)),
            jitter: Some(millis(&config.jitter)),
            lag: Some(millis(&config.lag)),
            role_refusals: Some(config.role_refusals),
            schema_lag: Some(millis(&config.schema_lag)),
            findings: Some(config.findings),
            rates: Some(config.rates),
        }
    }

    pub(crate) fn set(&self, config: &mut Config) {
        let times = [
            (self.delay, &mut config.delay),
            (self.latency, &mut config.latency),
            (self.jitter, &mut config.jitter),
            (self.lag, &mut config.lag),
            (self.schema_lag, &mut config.schema_lag),
        ];
        for (wanted, time) in times {
            *time = wanted.map_or(*time, Duration::from_millis);
        }
        if let Some(delays) = &self.delays {
            config.delays = delays.clone();
        }
        config.role_refusals = self.role_refusals.unwrap_or(config.role_refusals);
        config.findings = self.findings.unwrap_or(config.findings);
        config.rates = self.rates.unwrap_or(config.rates);
    }
}
