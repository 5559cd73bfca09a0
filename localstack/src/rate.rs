//! AWS's documented rates: how many calls a second each family of operations takes, for one account and region.

use std::collections::HashMap;
use std::time::Duration;

use model::rate::{self, Family, PER_POOL};
use tokio::time::Instant;

use crate::cognito::user_pool_endpoint;
use crate::document::text;
use crate::failure::Failure;
use crate::wire::{Call, Service};

/// The rates, with what is left of each.
#[derive(Default)]
pub(crate) struct Rates(HashMap<String, Bucket>);

/// A token bucket that holds the calls of one second, kept as the moment at which it is full again.
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// How many calls a second a bucket of this rate takes, by the time that one call needs to be made up for.
    fn has_room(&self, now: Instant, per_second: u32) -> bool {
        let interval = Duration::from_secs(1) / per_second;
        self.full_at.saturating_duration_since(now) <= interval * (per_second - 1)
    }

    fn take(&mut self, now: Instant, per_second: u32) {
        self.full_at = self.full_at.max(now) + Duration::from_secs(1) / per_second;
    }
}

impl Rates {
    /// Counts a call, unless it comes too fast: then it says how that is refused.
    pub(crate) fn refuse(&mut self, call: &Call) -> Option<Failure> {
        let family = family(call.service, &call.operation)?;
        let now = Instant::now();
        // What is full is as good as new: the table stays as small as what is going on.
        self.0.retain(|_, bucket| bucket.full_at > now);
        let mut buckets = vec![(family.name, family.per_second)];
        if family.per_pool {
            let pool = [text(&call.input, "UserPoolId"), text(&call.input, "ResourceArn")].concat();
            buckets.push((format!("{} {pool}", call.operation), PER_POOL));
        }
        // A refused call uses nothing up.
        let has_room = |(name, rate): &(String, u32)| self.0.get(name).is_none_or(|bucket| bucket.has_room(now, *rate));
        if !buckets.iter().all(has_room) {
            return Some(too_fast(call.service));
        }
        for (name, rate) in buckets {
            self.0.entry(name).or_insert(Bucket { full_at: now }).take(now, rate);
        }
        None
    }
}

fn too_fast(service: Service) -> Failure {
    let message = "Rate exceeded";
    match service {
        Service::UserPool => Failure::with_status(429, "TooManyRequestsException", message),
        Service::Cognito => Failure::cognito("TooManyRequestsException", message),
        Service::AgentCore | Service::Sts => Failure::with_status(429, "ThrottlingException", message),
    }
}

fn family(service: Service, operation: &str) -> Option<Family> {
    match service {
        Service::AgentCore => rate::agentcore(operation),
        Service::Cognito if operation == "GetClientToken" => Some(client_authentication()),
        Service::Cognito => rate::cognito(operation),
        Service::UserPool if operation == user_pool_endpoint::TOKEN => Some(client_authentication()),
        Service::UserPool | Service::Sts => None,
    }
}

/// What clients may do that act for themselves.
fn client_authentication() -> Family {
    Family { name: "ClientAuthentication".to_owned(), per_second: 150, per_pool: false }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::document::document;

    fn call(service: Service, operation: &str, input: Value) -> Call {
        Call { service, operation: operation.to_owned(), input: document(input) }
    }

    /// How many of many calls at once are let through.
    fn passing(rates: &mut Rates, service: Service, operation: &str, pool: &str) -> usize {
        (0..200).filter(|_| rates.refuse(&call(service, operation, json!({"UserPoolId": pool}))).is_none()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_calls_pass_in_a_second_as_aws_documents() {
        let mut rates = Rates::default();
        for (operation, documented) in [
            ("CreatePolicyEngine", 1),
            ("ListPolicyEngines", 5),
            ("ListPolicies", 5),
            ("CreateGateway", 5),
            ("DeleteGatewayTarget", 5),
            ("ListGatewayTargets", 10),
            ("GetAgentRuntime", 150),
            ("CreateWorkloadIdentity", 20),
            ("StartPolicyGeneration", 1),
            ("UpdateMemory", 3),
            ("ListMemories", 5),
            ("GetMemory", 50),
            ("CreateBrowser", 5),
            ("ListCodeInterpreters", 30),
            ("DeleteConfigurationBundle", 3),
            ("ListConfigurationBundles", 60),
            ("ListRegistries", 5),
            ("CreatePaymentManager", 20),
            ("TagResource", 200),
        ] {
            assert_eq!(passing(&mut rates, Service::AgentCore, operation, ""), documented, "{operation}");
        }
        // Runtimes share theirs with their endpoints.
        assert_eq!(passing(&mut rates, Service::AgentCore, "CreateAgentRuntime", ""), 50);
        assert_eq!(passing(&mut rates, Service::AgentCore, "UpdateAgentRuntimeEndpoint", ""), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_used_up_comes_back_with_time() {
        let mut rates = Rates::default();
        assert_eq!(passing(&mut rates, Service::AgentCore, "CreateGateway", ""), 5);
        tokio::time::advance(Duration::from_millis(199)).await;
        assert_eq!(passing(&mut rates, Service::AgentCore, "CreateGateway", ""), 0);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(passing(&mut rates, Service::AgentCore, "CreateGateway", ""), 1);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(passing(&mut rates, Service::AgentCore, "CreateGateway", ""), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn cognito_counts_by_category_and_by_pool() {
        let mut rates = Rates::default();
        assert_eq!(passing(&mut rates, Service::Cognito, "CreateGroup", "one"), 5);
        assert_eq!(passing(&mut rates, Service::Cognito, "CreateResourceServer", "one"), 5);
        assert_eq!(passing(&mut rates, Service::Cognito, "CreateGroup", "two"), 5);
        assert_eq!(passing(&mut rates, Service::Cognito, "CreateGroup", "three"), 0);
        assert_eq!(passing(&mut rates, Service::Cognito, "DescribeUserPool", "one"), 15);
        assert_eq!(passing(&mut rates, Service::UserPool, "Token", "one"), 150);
        assert_eq!(passing(&mut rates, Service::Cognito, "GetClientToken", "one"), 0);
        let refused = rates.refuse(&call(Service::Cognito, "ListUserPools", json!({}))).unwrap();
        assert_eq!((refused.status, refused.code.as_str()), (400, "TooManyRequestsException"));
    }
}
