//! The lock of a running gateway: what it was before, in a tag, so that a run after a crash can tell whether it opens again to the
//! same callers.
//!
//! A locked gateway shows neither whom it let in nor what saw their calls. A new one carries [`crate::ownership::UNFINISHED`] and
//! let nobody in; of any other one the tag [`LOCKED`] holds digests of what restrained callers before, and of what the run that
//! locked it was going to set, which had been decided on. Anything else is a risk to be named.

use serde_json::{Value, json};

use super::weakening::interceptions;
use crate::kind::LOCK_CLIENT;
use crate::ownership::{Tags, digest, unordered};

/// The tag of a running gateway that was locked.
pub const LOCKED: &str = "gatewright:locked";

const LENGTH: usize = 12;

/// What restrains the callers of a gateway: digests of whom it lets in, of what sees their calls, and of what decides them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Restraints {
    authorizer: String,
    interceptors: String,
    engine: String,
}

impl Restraints {
    fn of(gateway: &Value) -> Self {
        let jwt = gateway.pointer("/authorizerConfiguration/customJWTAuthorizer");
        let members: Vec<Value> = [
            "discoveryUrl",
            "allowedClients",
            "allowedAudience",
            "allowedScopes",
            "customClaims",
            "allowedWorkloadConfiguration",
        ]
        .iter()
        .map(|member| {
            jwt.and_then(|jwt| jwt.get(*member)).filter(|value| **value != json!([])).cloned().unwrap_or_default()
        })
        .collect();
        let mut seen = interceptions(gateway);
        seen.sort();
        let engine = gateway.get("policyEngineConfiguration").cloned().unwrap_or_default();
        // The order within a list means nothing, the order of the members does.
        let members: Vec<String> = members.iter().map(unordered).collect();
        Self {
            authorizer: digest(&format!("{:?} {members:?}", gateway.get("authorizerType")), LENGTH),
            interceptors: digest(&format!("{seen:?}"), LENGTH),
            engine: digest(&unordered(&engine), LENGTH),
        }
    }

    fn write(&self) -> String {
        format!("{}.{}.{}", self.authorizer, self.interceptors, self.engine)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(ToOwned::to_owned);
        let read = Self { authorizer: parts.next()?, interceptors: parts.next()?, engine: parts.next()? };
        parts.next().is_none().then_some(read)
    }
}

/// The gateway with this view lets nobody in but the lock.
pub fn is_locked(view: &Value) -> bool {
    view.pointer("/authorizerConfiguration/customJWTAuthorizer/allowedClients")
        .and_then(Value::as_array)
        .is_some_and(|clients| matches!(clients.as_slice(), [only] if only.as_str() == Some(LOCK_CLIENT)))
}

/// The value of [`LOCKED`]: what the gateway is, and what it is to be once it opens again.
pub fn remember(live: &Value, wanted: &Value) -> String {
    format!("{}/{}", Restraints::of(live).write(), Restraints::of(wanted).write())
}

/// In which respects a locked gateway would open to something that it neither was before nor was decided to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    /// Whom it lets in.
    pub(super) authorizer: bool,
    /// What sees their calls.
    pub(super) interceptors: bool,
    /// What decides them.
    pub(super) engine: bool,
}

impl Opening {
    /// Of a gateway with these tags that opens as this document says. Without a tag that can be read, in every respect.
    pub(super) fn of(tags: &Tags, wanted: &Value) -> Self {
        let known: Vec<Restraints> =
            tags.get(LOCKED).into_iter().flat_map(|text| text.split('/')).filter_map(Restraints::read).collect();
        let now = Restraints::of(wanted);
        let other = |part: fn(&Restraints) -> &String| !known.iter().any(|known| part(known) == part(&now));
        Self {
            authorizer: other(|of| &of.authorizer),
            interceptors: other(|of| &of.interceptors),
            engine: other(|of| &of.engine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(clients: &[&str], functions: &[&str]) -> Value {
        let interceptors: Vec<Value> = functions
            .iter()
            .map(|arn| json!({"interceptor": {"lambda": {"arn": arn}}, "interceptionPoints": ["REQUEST"]}))
            .collect();
        json!({"authorizerType": "CUSTOM_JWT", "interceptorConfigurations": interceptors,
            "authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": "u", "allowedClients": clients}}})
    }

    #[test]
    fn what_it_was_and_what_it_was_to_be_is_no_opening_and_all_else_is() {
        let (was, wanted) = (gateway(&["a", "b"], &["f"]), gateway(&["a"], &["f"]));
        let value = remember(&was, &wanted);
        assert!(value.len() <= 256, "{value}");
        let tags = Tags::from([(LOCKED.to_owned(), value)]);
        let opens = |to: &Value| {
            let opening = Opening::of(&tags, to);
            (opening.authorizer, opening.interceptors, opening.engine)
        };
        assert_eq!(opens(&was), (false, false, false));
        assert_eq!(opens(&gateway(&["b", "a"], &["f"])), (false, false, false));
        assert_eq!(opens(&wanted), (false, false, false));
        assert_eq!(opens(&gateway(&["a", "c"], &["f"])), (true, false, false));
        assert_eq!(opens(&gateway(&["a"], &[])), (false, true, false));
        for nonsense in [Tags::new(), Tags::from([(LOCKED.to_owned(), "a.b/////".to_owned())])] {
            assert!(Opening::of(&nonsense, &was).authorizer);
        }
    }
}
