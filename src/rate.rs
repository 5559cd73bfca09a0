//! Rates: no more calls a second than the endpoint takes, so that none has to be refused for coming too fast.
//!
//! They belong to the endpoint: AWS's are those AWS documents ([`model::rate`]), a loopback address has none unless it is asked
//! for. Every family of operations has a bucket that holds as many tokens as it takes calls a second. A call takes one and the
//! token is back a second later, so that no second, wherever it begins, sees more calls than documented. Calls wait in the
//! order they came.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Api;
use model::rate::{self, Family, PER_POOL};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

/// After this time a token is back.
const SECOND: Duration = Duration::from_secs(1);

/// The buckets of one account and region, shared by everything that calls it.
#[derive(Clone)]
pub struct Rates(Option<Buckets>);

type Buckets = Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Bucket>>>>>;

impl fmt::Debug for Rates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rates")
    }
}

impl Rates {
    /// AWS's documented rates.
    pub fn aws() -> Self {
        Self(Some(Arc::default()))
    }

    /// No rates: every call goes out at once.
    pub fn none() -> Self {
        Self(None)
    }

    /// Waits until an operation may be called. Its body tells which user pool it is about.
    pub async fn turn(&self, operation: &str, body: Option<&Value>) {
        let Some(buckets) = &self.0 else { return };
        let text = |member| body.and_then(|body| body.get(member)).and_then(Value::as_str);
        let Some(family) = family(operation, text("ResourceArn").is_some()) else { return };
        let pool = text("UserPoolId").or(text("ResourceArn")).filter(|_| family.per_pool);
        let own = pool.map(|pool| bucket(buckets, format!("{operation} {pool}"), PER_POOL));
        let shared = bucket(buckets, family.name, family.per_second);
        // The pool's first: whoever waits for it keeps nobody else from the family's.
        let mut own = match &own {
            Some(own) => Some(own.lock().await),
            None => None,
        };
        if let Some(own) = &mut own {
            own.room().await;
        }
        let mut shared = shared.lock().await;
        shared.room().await;
        shared.take();
        if let Some(own) = &mut own {
            own.take();
        }
    }
}

fn bucket(buckets: &Buckets, name: String, per_second: u32) -> Arc<tokio::sync::Mutex<Bucket>> {
    let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || Arc::new(tokio::sync::Mutex::new(Bucket { holds: per_second as usize, taken: VecDeque::new() }));
    buckets.entry(name).or_insert_with(new).clone()
}

/// The family of an operation. Both services have the three tagging operations: `ResourceArn` with a capital is Cognito's.
fn family(operation: &str, is_cognito: bool) -> Option<Family> {
    if Api::agentcore().operation(operation).is_some() && !is_cognito {
        rate::agentcore(operation)
    } else {
        rate::cognito(operation)
    }
}

/// The host of an endpoint is this machine, and so no account of AWS.
pub fn is_loopback(endpoint: &str) -> bool {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

struct Bucket {
    holds: usize,
    /// When the tokens were taken that may not be back yet.
    taken: VecDeque<Instant>,
}

impl Bucket {
    /// Waits until it holds a token.
    async fn room(&mut self) {
        while self.taken.len() >= self.holds
            && let Some(first) = self.taken.front()
        {
            sleep_until(*first + SECOND).await;
            self.taken.pop_front();
        }
    }

    fn take(&mut self) {
        self.taken.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use serde_json::json;

    use super::*;

    /// When each of many calls at once may go, in milliseconds from now.
    async fn turns(rates: &Rates, calls: usize, operation: &str, body: &Value) -> Vec<u128> {
        let begun = Instant::now();
        let calls = (0..calls).map(|_| async {
            rates.turn(operation, Some(body)).await;
            begun.elapsed().as_millis()
        });
        join_all(calls).await
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_calls_than_aws_documents_and_none_waits_longer_than_it_must() {
        for (operation, per_second) in [("CreatePolicyEngine", 1), ("CreateGateway", 5), ("GetAgentRuntime", 150)] {
            let times = turns(&Rates::aws(), 3 * per_second, operation, &json!({})).await;
            for (number, time) in times.iter().enumerate() {
                let seconds = (number / per_second) as u128;
                assert!((seconds * 1000..seconds * 1000 + 10).contains(time), "{operation} {number}: {time} ms");
            }
        }
        // No rate is documented for the tags of the control plane.
        assert_eq!(turns(&Rates::aws(), 500, "TagResource", &json!({"tags": {}})).await, vec![0; 500]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_is_busy_keeps_no_other_pool_waiting() {
        let rates = Rates::aws();
        let (one, other) = (json!({"UserPoolId": "one"}), json!({"UserPoolId": "other"}));
        let (busy, free) = tokio::join!(
            turns(&rates, 8, "CreateUserPoolClient", &one),
            turns(&rates, 5, "CreateUserPoolClient", &other)
        );
        assert!(busy.iter().filter(|time| **time < 1000).count() == 5, "{busy:?}");
        assert_eq!(free, vec![0; 5]);
        // Cognito's tags count among the changes of a pool.
        let tags = json!({"ResourceArn": "arn:aws:cognito-idp:us-east-1:111122223333:userpool/one", "Tags": {}});
        assert!(turns(&rates, 6, "TagResource", &tags).await.iter().any(|time| *time >= 1000));
    }

    #[tokio::test(start_paused = true)]
    async fn without_rates_nothing_waits() {
        assert_eq!(turns(&Rates::none(), 100, "CreatePolicyEngine", &json!({})).await, vec![0; 100]);
    }

    #[test]
    fn only_this_machine_is_no_account_of_aws() {
        for here in ["http://127.0.0.1:4566", "https://localhost", "http://[::1]:80/", "http://me@127.8.0.1/x"] {
            assert!(is_loopback(here), "{here}");
        }
        for away in ["https://cognito-idp.us-east-1.amazonaws.com", "http://127.0.0.1.example.com", "http://10.0.0.1:1"]
        {
            assert!(!is_loopback(away), "{away}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_takes_no_token() {
        let rates = Rates::aws();
        assert_eq!(turns(&rates, 1, "CreatePolicyEngine", &json!({})).await, [0]);
        let gave_up = tokio::time::timeout(Duration::from_millis(300), rates.turn("CreatePolicyEngine", None)).await;
        assert!(gave_up.is_err());
        let next = turns(&rates, 1, "CreatePolicyEngine", &json!({})).await;
        assert!(next.iter().all(|time| (700..710).contains(time)), "{next:?}");
    }
}
