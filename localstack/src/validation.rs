//! What the model does not allow of a call's input, and how it is refused.

use model::{PathStep, Problem, Violation};
use serde_json::Value;

use crate::cognito::client_token;
use crate::failure::Failure;
use crate::journal::is_secret;
use crate::planted::field_name;
use crate::wire::{Call, Service};

/// Holds the input of a call against the model.
pub(crate) fn violations(call: &Call) -> Vec<Violation> {
    let api = call.service.api();
    let shape = api.operation(&call.operation).and_then(|operation| operation.input.as_deref());
    let Some(shape) = shape.filter(|_| !matches!(call.service, Service::Sts | Service::UserPool)) else {
        return Vec::new();
    };
    let mut violations = api.validate(shape, &Value::Object(call.input.clone()), &|_| false);
    // The pattern knows no resource with a digit in its name, and so no `oauth2credentialprovider`, which can be tagged.
    violations.retain(
        |violation| !matches!(&violation.problem, Problem::Pattern { shape, .. } if shape == "TaggableResourcesArn"),
    );
    // The list of sign-in flows lacks the one of `GetClientToken`.
    violations.retain(
        |violation| !matches!(&violation.problem, Problem::NotAllowed { found, .. } if found == client_token::FLOW),
    );
    violations
}

/// So many violations are named: an answer does not grow with what was sent.
const NAMED: usize = 50;

/// The refusal of a call whose input the model does not allow.
pub(crate) fn refuse(service: Service, violations: &[Violation]) -> Failure {
    let count = violations.len();
    let named = violations.iter().take(NAMED);
    let fields: Vec<(String, String)> = named.map(|violation| (field_name(violation), describe(violation))).collect();
    let details: Vec<String> = fields.iter().map(|(name, message)| format!("{name}: {message}")).collect();
    let plural = if count == 1 { "" } else { "s" };
    let message = format!("{count} validation error{plural} detected: {}", details.join("; "));
    if service == Service::Cognito {
        return Failure::parameter(message);
    }
    let mut failure = Failure::invalid(message);
    failure.fields = fields;
    failure
}

/// A violation in words, without the value where that is a secret.
fn describe(violation: &Violation) -> String {
    let secret = violation.path.iter().any(|step| matches!(step, PathStep::Key(key) if is_secret(key)));
    match &violation.problem {
        Problem::NotAllowed { .. } | Problem::Pattern { .. } if secret => {
            "is not a value that is allowed here".to_owned()
        }
        problem => problem.to_string(),
    }
}
