//! JWT authorizers and private endpoints: what gateways, targets and runtimes share.

use serde_json::Value;

use crate::document::Document;
use crate::failure::Failure;

const CONFIGURATION: &str = "authorizerConfiguration";
const CHECKS: [&str; 4] = ["allowedAudience", "allowedClients", "allowedScopes", "customClaims"];

/// A JWT authorizer that checks nothing of a token is refused.
pub(crate) fn check(input: &Document) -> Result<(), Failure> {
    let Some(jwt) = input.get(CONFIGURATION).and_then(|configuration| configuration.get("customJWTAuthorizer")) else {
        return Ok(());
    };
    if CHECKS.iter().any(|check| jwt.get(check).is_some()) {
        return Ok(());
    }
    let message = "At least one of allowedAudience, allowedClients, allowedScopes or customClaims must be provided";
    Err(Failure::invalid_field("authorizerConfiguration.customJWTAuthorizer", message))
}

/// Takes out what is accepted and never returned.
pub(crate) fn drop_write_only(document: &mut Document) {
    document.values_mut().for_each(drop_in);
}

fn drop_in(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.shift_remove("privateEndpointOverrides");
            if let Some(Value::Object(managed)) = object.get_mut("managedVpcResource") {
                managed.shift_remove("tags");
            }
            object.values_mut().for_each(drop_in);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_in),
        _ => {}
    }
}
