//! The registry: which operations there are.

use serde_json::{Value, json};

use crate::cognito::{
    client_token, group, identity_provider, password, refresh_token, resource_server, sign_in, user, user_group,
    user_pool, user_pool_client, user_pool_client_secret, user_pool_domain, user_pool_endpoint,
};
use crate::document::Document;
use crate::failure::Failure;
use crate::resource::{self, Resource, Verb};
use crate::session::{Operations, Run, Session};
use crate::wire::Service;
use crate::{
    api_key_credential_provider, gateway, gateway_target, oauth2_credential_provider, policy, policy_engine, runtime,
    runtime_endpoint, tag, workload_identity,
};

const AGENTCORE: &[Operations] = &[
    gateway::OPERATIONS,
    gateway_target::OPERATIONS,
    policy_engine::OPERATIONS,
    policy::OPERATIONS,
    runtime::OPERATIONS,
    runtime_endpoint::OPERATIONS,
    workload_identity::OPERATIONS,
    api_key_credential_provider::OPERATIONS,
    oauth2_credential_provider::OPERATIONS,
    tag::AGENTCORE,
];

const COGNITO: &[Operations] = &[
    user_pool::OPERATIONS,
    user_pool_client::OPERATIONS,
    user_pool_client_secret::OPERATIONS,
    user_pool_domain::OPERATIONS,
    resource_server::OPERATIONS,
    group::OPERATIONS,
    identity_provider::OPERATIONS,
    user::OPERATIONS,
    user_group::OPERATIONS,
    password::OPERATIONS,
    sign_in::OPERATIONS,
    refresh_token::OPERATIONS,
    client_token::OPERATIONS,
    tag::COGNITO,
];

const STS: &[Operations] = &[&[("GetCallerIdentity", caller_identity)]];

/// What runs an operation.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// It is written by hand.
    Own(Run),
    /// It follows from the model and a row of the table of resources.
    Derived(&'static Resource, Verb),
}

impl Handler {
    /// Runs it on a valid input.
    pub(crate) fn run(self, session: &mut Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        match self {
            Handler::Own(run) => run(session, input),
            Handler::Derived(resource, verb) => resource::run(session, resource, verb, operation, input),
        }
    }
}

/// What runs an operation.
pub(crate) fn operation(service: Service, name: &str) -> Option<Handler> {
    let kinds = match service {
        Service::AgentCore => AGENTCORE,
        Service::Cognito => COGNITO,
        Service::UserPool => &[user_pool_endpoint::OPERATIONS],
        Service::Sts => STS,
    };
    let irregular = if service == Service::AgentCore { resource::IRREGULAR } else { &[] };
    let mut own = kinds.iter().chain(irregular).flat_map(|operations| operations.iter());
    if let Some((_, run)) = own.find(|(known, _)| *known == name) {
        return Some(Handler::Own(*run));
    }
    let (resource, verb) = resource::operation(name).filter(|_| service == Service::AgentCore)?;
    Some(Handler::Derived(resource, verb))
}

#[expect(clippy::unnecessary_wraps, reason = "every operation may fail")]
fn caller_identity(session: &mut Session<'_>, _input: &Document) -> Result<Value, Failure> {
    let (partition, account) = (session.partition(), &session.config.account);
    let arn = format!("arn:{partition}:sts::{account}:assumed-role/local/stand-in");
    Ok(json!({"Arn": arn, "UserId": "AROALOCALSTANDIN:stand-in", "Account": account}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_is_built_is_in_the_model() {
        for (service, kinds) in
            [(Service::AgentCore, AGENTCORE), (Service::AgentCore, resource::IRREGULAR), (Service::Cognito, COGNITO)]
        {
            for (name, _) in kinds.iter().flat_map(|operations| operations.iter()) {
                assert!(service.api().operation(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn every_operation_of_agentcore_is_built() {
        let operations = Service::AgentCore.api().operations.keys();
        let missing: Vec<&String> = operations.filter(|name| operation(Service::AgentCore, name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
