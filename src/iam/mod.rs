//! Permissions: what the roles of a stack have to be allowed in IAM, from what its manifest uses. Without an account.
//!
//! Four roles have a part in a stack: the ones that its gateways (`gateway`) and its runtimes (`runtime`) take, and those of the
//! people and pipelines that plan and that apply (`run`). What is not in the API model about the actions of IAM, and where it comes
//! from, stands in `docs/iam.md`.

mod gateway;
mod guard;
mod keys;
mod outbound;
mod place;
mod policy;
mod run;
mod runtime;

use std::collections::BTreeMap;

pub use guard::guard;
pub use place::{ACCOUNT, REGION, Where};
pub use policy::{Policy, Statement};

use crate::address::Address;
use crate::kind::{GATEWAY, Kind, RUNTIME};
use crate::stack::{Resource, Stack};

/// The principal that AgentCore takes the roles of gateways and runtimes as.
pub(crate) const AGENTCORE: &str = "bedrock-agentcore.amazonaws.com";

/// How many characters a managed policy holds; blanks do not count.
const MANAGED_POLICY: usize = 6_144;

/// How many managed policies a role takes, unless the account's quota was raised.
const POLICIES_OF_ROLE: usize = 10;

/// Which part a role has in a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A gateway takes it, to ask policies and to call targets.
    Gateway,
    /// A runtime takes it: what the agent itself may do.
    Runtime,
    /// Who runs `plan`, and everything else that only reads.
    Planner,
    /// Who runs `apply` and `destroy`.
    Deployer,
}

impl Part {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Runtime => "runtime",
            Self::Planner => "planner",
            Self::Deployer => "deployer",
        }
    }
}

/// What one role needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its part.
    pub part: Part,
    /// Its ARN, if the manifest names it.
    pub arn: Option<String>,
    /// The resources that take it.
    pub used_by: Vec<Address>,
    /// Who may take it, if that is a service.
    pub trust: Option<Policy>,
    /// What it may do.
    pub policy: Policy,
    /// What a person has to know or to add: each a sentence.
    pub notes: Vec<String>,
}

impl Role {
    /// What it may do, in as few policies as a managed policy of IAM has room for.
    pub fn managed_policies(&self) -> Vec<Policy> {
        self.policy.parts(MANAGED_POLICY)
    }
}

/// What the roles of a stack need, in the order gateways, runtimes, planner, deployer. Resources that share a role share an entry.
pub fn roles(stack: &Stack, place: &Where) -> Vec<Role> {
    let stack = &place.known(stack);
    let mut roles = Vec::new();
    for (kind, part) in [(&GATEWAY, Part::Gateway), (&RUNTIME, Part::Runtime)] {
        for (arn, resources) in by_role(stack, kind, place) {
            let used_by = resources.iter().map(|resource| resource.address.clone()).collect();
            let (trust, (policy, notes)) = match part {
                Part::Gateway => (gateway::trust(&resources, place), gateway::policy(stack, &resources, place)),
                _ => (runtime::trust(place), runtime::policy(stack, &resources, place)),
            };
            roles.push(Role { part, arn: Some(arn), used_by, trust: Some(trust), policy, notes });
        }
    }
    for (part, (policy, notes)) in
        [(Part::Planner, run::planner(stack, place)), (Part::Deployer, run::deployer(stack, place))]
    {
        roles.push(Role { part, arn: None, used_by: Vec::new(), trust: None, policy, notes });
    }
    for role in &mut roles {
        let count = role.managed_policies().len();
        if count > POLICIES_OF_ROLE {
            role.notes.push(format!(
                "its permissions fill {count} managed policies, and a role takes {POLICIES_OF_ROLE} until its quota is raised: divide \
                 the stack, or give its resources fewer names"
            ));
        }
    }
    roles
}

/// The resources of a kind that are made here, by the role that they take.
fn by_role<'a>(stack: &'a Stack, kind: &'static Kind, place: &Where) -> BTreeMap<String, Vec<&'a Resource>> {
    let mut found: BTreeMap<String, Vec<&Resource>> = BTreeMap::new();
    for resource in stack.resources.iter().filter(|resource| resource.kind == kind && resource.existing.is_none()) {
        if let Some(arn) = resource.document.get("roleArn").and_then(serde_json::Value::as_str) {
            found.entry(place.text(stack, arn)).or_default().push(resource);
        }
    }
    found
}
