//! Forms: what of a desired document one call sends. A gateway is locked, watched or opened by sending it in another form.

use serde_json::{Value, json};

use crate::kind::LOCK_CLIENT;

/// Which form of the desired document a node sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the manifest says.
    Full,
    /// A gateway that lets nobody in: the lock in its allow-list, its engine in ENFORCE, no interceptors.
    Locked,
    /// A running gateway with its new engine attached in `LOG_ONLY`, all else as it is.
    Watching,
    /// A gateway without its interceptors: the service cannot create policies while they are in place.
    Bare,
    /// A policy that is not counted yet: `LOG_ONLY`.
    Inactive,
}

/// A desired document in a form. `live` is the view of the live object, for forms that leave parts as they are.
pub fn in_form(form: Form, desired: &Value, live: Option<&Value>) -> Value {
    let mut document = desired.clone();
    let Some(members) = document.as_object_mut() else { return document };
    match form {
        Form::Full => {}
        Form::Locked => {
            members.remove("interceptorConfigurations");
            if let Some(engine) = members.get_mut("policyEngineConfiguration").and_then(Value::as_object_mut) {
                engine.insert("mode".to_owned(), json!("ENFORCE"));
            }
            let jwt = members.get_mut("authorizerConfiguration").and_then(|of| of.get_mut("customJWTAuthorizer"));
            if let Some(jwt) = jwt.and_then(Value::as_object_mut) {
                jwt.insert("allowedClients".to_owned(), json!([LOCK_CLIENT]));
            }
        }
        Form::Watching => {
            for member in ["authorizerType", "authorizerConfiguration", "interceptorConfigurations", "wafConfiguration"]
            {
                match live.and_then(|live| live.get(member)) {
                    Some(value) => members.insert(member.to_owned(), value.clone()),
                    None => members.remove(member),
                };
            }
            if let Some(engine) = members.get_mut("policyEngineConfiguration").and_then(Value::as_object_mut) {
                engine.insert("mode".to_owned(), json!("LOG_ONLY"));
            }
        }
        Form::Bare => {
            members.remove("interceptorConfigurations");
        }
        Form::Inactive => {
            members.insert("enforcementMode".to_owned(), json!("LOG_ONLY"));
        }
    }
    document
}
