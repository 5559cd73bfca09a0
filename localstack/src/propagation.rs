//! IAM takes its time: a role that was just made is refused for a while by whoever has to assume it (service.md §1.9).

use std::collections::BTreeMap;

use crate::document::text;
use crate::failure::Failure;
use crate::state::{Kind, State};
use crate::wire::{Call, Service};

/// How many uses of roles are remembered; then all are fresh again.
const CAPACITY: usize = 10_000;

/// The use of a role by a call.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    role: String,
    /// How the service words its refusal.
    message: &'static str,
}

/// How often each use was refused.
#[derive(Default)]
pub(crate) struct Roles(BTreeMap<Use, u32>);

impl Roles {
    /// Refuses a use that was not refused `times` times yet.
    pub(crate) fn refuse(&mut self, used: Use, times: u32) -> Option<Failure> {
        if self.0.len() >= CAPACITY {
            self.0.clear();
        }
        let message = used.message;
        let refused = self.0.entry(used).or_default();
        if *refused >= times {
            return None;
        }
        *refused += 1;
        Some(Failure::invalid(message))
    }
}

/// The role that a call makes the service use for the first time.
pub(crate) fn used(state: &State, call: &Call) -> Option<Use> {
    if call.service != Service::AgentCore {
        return None;
    }
    let input = &call.input;
    let (role, message) = match call.operation.as_str() {
        "CreateAgentRuntime" => {
            (text(input, "roleArn"), "Role validation failed: the service cannot assume the role yet")
        }
        "CreateGateway" | "UpdateGateway" if input.contains_key("policyEngineConfiguration") => {
            (text(input, "roleArn"), "Access denied while calling GetPolicyEngine with the gateway's role")
        }
        "CreateGatewayTarget" => {
            let gateway = state.find(Kind::Gateway, None, text(input, "gatewayIdentifier"))?;
            (text(&gateway.document, "roleArn"), "Gateway execution role lacks permission to call the target")
        }
        _ => return None,
    };
    (!role.is_empty()).then(|| Use { role: role.to_owned(), message })
}
