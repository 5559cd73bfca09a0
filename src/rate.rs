//! Rates: as many calls a second as AWS takes of each family of operations, so that no call has to be refused for coming too fast.
//!
//! They belong to the endpoint: AWS's hosts have them, a loopback address has none unless it is asked for. A token bucket for each
//! family ([`model::rate`]) holds the calls of one second; a call that finds it empty waits for its turn, in the order in which
//! calls came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::rate::{self, Family, PER_POOL};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

/// The buckets of one account and region, shared by everything that calls it.
#[derive(Debug, Clone, Default)]
pub struct Rates(Option<Arc<Mutex<HashMap<String, Instant>>>>);

impl Rates {
    /// AWS's documented rates.
    pub fn aws() -> Self {
        Self(Some(Arc::default()))
    }

    /// No rates: every call goes out at once.
    pub fn none() -> Self {
        Self(None)
    }

    /// Waits until a call may go out. `body` names the pool of a Cognito call.
    pub async fn turn(&self, operation: &str, body: Option<&Value>) {
        let Some(buckets) = &self.0 else { return };
        for (bucket, per_second) in families(operation, body) {
            let at = {
                let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
                take(&mut buckets, bucket, per_second)
            };
            sleep_until(at).await;
        }
    }
}

/// The buckets that a call takes from, with their rates.
fn families(operation: &str, body: Option<&Value>) -> Vec<(String, u32)> {
    let Some(Family { name, per_second, per_pool }) = rate::agentcore(operation).or_else(|| rate::cognito(operation))
    else {
        return Vec::new();
    };
    let mut buckets = Vec::new();
    if per_pool {
        let member = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str).unwrap_or_default();
        buckets.push((format!("{operation} {}{}", member("UserPoolId"), member("ResourceArn")), PER_POOL));
    }
    buckets.push((name, per_second));
    buckets
}

/// Takes a token, and says when it is there. A bucket is kept as the moment at which it is full again.
fn take(buckets: &mut HashMap<String, Instant>, bucket: String, per_second: u32) -> Instant {
    let now = Instant::now();
    let interval = Duration::from_secs(1) / per_second;
    let full_at = buckets.entry(bucket).or_insert(now);
    let at = full_at.checked_sub(interval * (per_second - 1)).map_or(now, |at| at.max(now));
    *full_at = (*full_at).max(now) + interval;
    at
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn seconds_for(rates: &Rates, operation: &str, calls: u32, pool: &str) -> f64 {
        let start = Instant::now();
        for _ in 0..calls {
            rates.turn(operation, Some(&json!({"UserPoolId": pool}))).await;
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_one_second_and_then_the_rate() {
        let rates = Rates::aws();
        assert!(seconds_for(&rates, "CreateGateway", 5, "").await < 0.01);
        let next = seconds_for(&rates, "CreateGateway", 10, "").await;
        assert!((1.9..2.1).contains(&next), "{next}");
        assert!(seconds_for(&rates, "CreateGatewayTarget", 5, "").await < 0.01, "a bucket of its own");
        let engines = seconds_for(&rates, "CreatePolicyEngine", 4, "").await;
        assert!((2.9..3.1).contains(&engines), "one a second: {engines}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_has_a_rate_of_its_own() {
        let rates = Rates::aws();
        assert!(seconds_for(&rates, "CreateGroup", 5, "one").await < 0.01);
        assert!(seconds_for(&rates, "CreateGroup", 5, "two").await < 0.01);
        assert!(seconds_for(&rates, "CreateGroup", 1, "one").await > 0.1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_rates_nothing_waits() {
        assert!(seconds_for(&Rates::none(), "CreatePolicyEngine", 100, "").await < 0.01);
    }
}
