//! Forms: what of a desired document one call sends. A gateway is locked, watched or opened by sending it in another form.

use serde_json::{Map, Value, json};

use super::close::closed;
use super::joint::joint;
use crate::kind::{LOCK_CLIENT, statement_of};

/// Which form of the desired document a node sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the manifest says.
    Full,
    /// A gateway that lets nobody in: the lock in its allow-list, its engine in ENFORCE, no interceptors.
    Locked,
    /// A locked gateway without its engine, which goes before the new one of that name comes.
    Released,
    /// A running gateway with its new engine attached in `LOG_ONLY`, all else as it is.
    Watching,
    /// A running gateway attached to its new, still empty engine in ENFORCE, its allow-lists narrowed, all else as it is.
    Swapped,
    /// A running gateway whose allow-lists hold only what they held and will hold, all else as it is.
    Narrowed,
    /// A new gateway without its interceptors, its engine in ENFORCE: the service cannot create policies while they are in place,
    /// and without an active policy nobody gets through.
    Bare,
    /// As it is live, narrowed towards what the manifest says.
    Closed,
    /// A policy that is not counted yet: `LOG_ONLY`.
    Inactive,
    /// A forbid that stops what its live text and its new one stop.
    Joint,
}

/// A desired document in a form. `live` is the view of the live object, for forms that leave parts as they are.
pub fn in_form(form: Form, desired: &Value, live: Option<&Value>) -> Value {
    if let (Form::Closed, Some(live)) = (form, live) {
        return closed(desired, live);
    }
    let mut document = desired.clone();
    let Some(members) = document.as_object_mut() else { return document };
    match form {
        Form::Full | Form::Closed => {}
        Form::Locked | Form::Released => {
            members.remove("interceptorConfigurations");
            set_mode(members, "ENFORCE");
            if form == Form::Released {
                members.remove("policyEngineConfiguration");
            }
            if members.get("authorizerConfiguration").and_then(|of| of.get("customJWTAuthorizer")).is_none() {
                stay(members, live, &["authorizerType", "authorizerConfiguration"]);
            }
            let jwt = members.get_mut("authorizerConfiguration").and_then(|of| of.get_mut("customJWTAuthorizer"));
            if let Some(jwt) = jwt.and_then(Value::as_object_mut) {
                jwt.insert("allowedClients".to_owned(), json!([LOCK_CLIENT]));
            }
        }
        Form::Watching => {
            stay(members, live, &RESTRAINTS);
            set_mode(members, "LOG_ONLY");
        }
        Form::Swapped => {
            stay_narrowed(members, live);
            set_mode(members, "ENFORCE");
        }
        Form::Narrowed => {
            stay_narrowed(members, live);
            stay(members, live, &["policyEngineConfiguration"]);
        }
        Form::Bare => {
            members.remove("interceptorConfigurations");
            set_mode(members, "ENFORCE");
        }
        Form::Inactive => {
            members.insert("enforcementMode".to_owned(), json!("LOG_ONLY"));
        }
        Form::Joint => {
            let old = live.and_then(|live| live.get("definition")).and_then(statement_of);
            let new = members.get("definition").and_then(statement_of);
            let both = old.zip(new).and_then(|(old, new)| joint(old, new));
            let mut arms = members.get_mut("definition").and_then(Value::as_object_mut).into_iter().flatten();
            if let Some((both, (_, arm))) = both.zip(arms.next()) {
                *arm = json!({"statement": both});
            }
        }
    }
    document
}

/// The members of a gateway that restrain its callers, its engine aside.
const RESTRAINTS: [&str; 4] =
    ["authorizerType", "authorizerConfiguration", "interceptorConfigurations", "wafConfiguration"];

/// Leaves members as they are live.
fn stay(members: &mut Map<String, Value>, live: Option<&Value>, names: &[&str]) {
    for name in names {
        match live.and_then(|live| live.get(name)) {
            Some(value) => members.insert((*name).to_owned(), value.clone()),
            None => members.remove(*name),
        };
    }
}

fn set_mode(members: &mut Map<String, Value>, mode: &str) {
    if let Some(engine) = members.get_mut("policyEngineConfiguration").and_then(Value::as_object_mut) {
        engine.insert("mode".to_owned(), json!(mode));
    }
}

/// Leaves what restrains callers as it is live, less what the allow-lists will not hold any more.
fn stay_narrowed(members: &mut Map<String, Value>, live: Option<&Value>) {
    let wanted = members.get("authorizerConfiguration").and_then(|of| of.get("customJWTAuthorizer")).cloned();
    stay(members, live, &RESTRAINTS);
    let jwt = members.get_mut("authorizerConfiguration").and_then(|of| of.get_mut("customJWTAuthorizer"));
    if let (Some(jwt), Some(wanted)) = (jwt.and_then(Value::as_object_mut), wanted) {
        narrow(jwt, &wanted);
    }
}

/// Takes from each allow-list what will not be in it. A list that would be empty, and so not checked, locks instead.
fn narrow(jwt: &mut Map<String, Value>, wanted: &Value) {
    let mut locked = false;
    for list in ["allowedClients", "allowedAudience", "allowedScopes"] {
        let wanted = wanted.get(list).and_then(Value::as_array).filter(|wanted| !wanted.is_empty());
        if let (Some(items), Some(wanted)) = (jwt.get_mut(list).and_then(Value::as_array_mut), wanted) {
            let kept: Vec<Value> = items.iter().filter(|item| wanted.contains(item)).cloned().collect();
            if kept.is_empty() {
                locked = true;
            } else {
                *items = kept;
            }
        }
    }
    if locked {
        jwt.insert("allowedClients".to_owned(), json!([LOCK_CLIENT]));
    }
}
