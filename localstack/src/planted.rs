//! Members that neither the model nor an SDK knows: planted by a test, shown in reads, erased by a full replace that omits them.

use model::{PathStep, Problem, Violation, display_path};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, text};
use crate::resource;
use crate::state::{Kind, Object, State};
use crate::wire::Service;

/// One planted member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Planted {
    /// Where, as a JSON pointer.
    pub(crate) pointer: String,
    /// What.
    pub(crate) value: Value,
    /// Updates refuse it and leave it alone.
    #[serde(default)]
    pub(crate) read_only: bool,
}

/// Shows planted members in a document, where the structure around them is there.
pub(crate) fn overlay(document: &mut Value, planted: &[Planted]) {
    for member in planted {
        if let Some((parent, name)) = member.pointer.rsplit_once('/')
            && let Some(Value::Object(parent)) = document.pointer_mut(parent)
        {
            parent.insert(unescape(name), member.value.clone());
        }
    }
}

/// The object that an update is about.
pub(crate) fn updated<'a>(
    state: &'a mut State,
    service: Service,
    operation: &str,
    input: &Document,
) -> Option<&'a mut Object> {
    let (kind, parent, id) = match (service, operation) {
        (Service::AgentCore, "UpdateGateway") => (Kind::Gateway, None, "gatewayIdentifier"),
        (Service::AgentCore, "UpdateGatewayTarget") => (Kind::GatewayTarget, Some("gatewayIdentifier"), "targetId"),
        (Service::AgentCore, "UpdatePolicyEngine") => (Kind::PolicyEngine, None, "policyEngineId"),
        (Service::AgentCore, "UpdatePolicy") => (Kind::Policy, Some("policyEngineId"), "policyId"),
        (Service::AgentCore, "UpdateAgentRuntime") => (Kind::Runtime, None, "agentRuntimeId"),
        (Service::AgentCore, "UpdateAgentRuntimeEndpoint") => {
            (Kind::RuntimeEndpoint, Some("agentRuntimeId"), "endpointName")
        }
        (Service::AgentCore, "UpdateWorkloadIdentity") => (Kind::WorkloadIdentity, None, "name"),
        (Service::AgentCore, "UpdateApiKeyCredentialProvider") => (Kind::ApiKeyCredentialProvider, None, "name"),
        (Service::AgentCore, "UpdateOauth2CredentialProvider") => (Kind::Oauth2CredentialProvider, None, "name"),
        (Service::Cognito, "UpdateUserPool") => (Kind::UserPool, None, "UserPoolId"),
        (Service::Cognito, "UpdateUserPoolClient") => (Kind::UserPoolClient, Some("UserPoolId"), "ClientId"),
        (Service::Cognito, "UpdateUserPoolDomain") => (Kind::UserPoolDomain, Some("UserPoolId"), "Domain"),
        (Service::Cognito, "UpdateResourceServer") => (Kind::ResourceServer, Some("UserPoolId"), "Identifier"),
        (Service::Cognito, "UpdateGroup") => (Kind::Group, Some("UserPoolId"), "GroupName"),
        (Service::Cognito, "UpdateIdentityProvider") => (Kind::IdentityProvider, Some("UserPoolId"), "ProviderName"),
        (Service::AgentCore, _) => resource::updated(operation)?,
        _ => return None,
    };
    state.find_mut(kind, parent.map(|member| text(input, member)), text(input, id))
}

/// Takes members out of an update that came back as they were planted, and out of the violations. Returns them.
pub(crate) fn take_back(object: &Object, input: &mut Document, violations: &mut Vec<Violation>) -> Vec<Planted> {
    let mut taken = Vec::new();
    if object.planted.is_empty() {
        return taken;
    }
    let mut body = Value::Object(std::mem::take(input));
    violations.retain(|violation| {
        if !matches!(violation.problem, Problem::Unknown { .. }) {
            return true;
        }
        let pointer = pointer(&violation.path);
        let value = body.pointer(&pointer).cloned().unwrap_or_default();
        let known = object
            .planted
            .iter()
            .any(|planted| !planted.read_only && planted.value == value && same_place(&planted.pointer, &pointer));
        if known {
            taken.push(Planted { pointer, value, read_only: false });
        }
        !known
    });
    for member in &taken {
        if let Some((parent, name)) = member.pointer.rsplit_once('/')
            && let Some(Value::Object(parent)) = body.pointer_mut(parent)
        {
            parent.shift_remove(&unescape(name));
        }
    }
    if let Value::Object(map) = body {
        *input = map;
    }
    taken
}

/// Whether a full replace by this operation erases what it does not bring back.
pub(crate) fn is_full_replace(operation: &str) -> bool {
    !matches!(operation, "UpdatePolicy" | "UpdatePolicyEngine" | "UpdateGroup" | "UpdateIdentityProvider")
        && resource::updated(operation).is_none()
}

/// What stays planted after an update brought some of it back.
///
/// A patch replaces the members that it names and leaves the others alone.
pub(crate) fn after_update(
    before: &[Planted],
    returned: Vec<Planted>,
    full_replace: bool,
    input: &Document,
) -> Vec<Planted> {
    let mut after = returned;
    for member in before {
        let outermost = member.pointer.split('/').nth(1).unwrap_or_default();
        let stays = member.read_only || !(full_replace || input.contains_key(outermost));
        if stays && !after.iter().any(|planted| planted.pointer == member.pointer) {
            after.push(member.clone());
        }
    }
    after
}

/// The same members, whatever the place in a list.
fn same_place(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(left), Some(right)) if left == right || (is_index(left) && is_index(right)) => {}
            _ => return false,
        }
    }
}

fn is_index(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

fn pointer(path: &[PathStep]) -> String {
    let steps = path.iter().map(|step| match step {
        PathStep::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        PathStep::Index(index) => format!("/{index}"),
    });
    steps.collect()
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The name that `fieldList` gives a violation: the path of the member itself, also when it is missing.
pub(crate) fn field_name(violation: &Violation) -> String {
    let mut path = violation.path.clone();
    if let Problem::Missing(member) = &violation.problem {
        path.push(PathStep::Key(member.clone()));
    }
    display_path(&path)
}
