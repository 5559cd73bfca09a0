//! Merge: the body of an update. A full-replace call resets what it leaves out, so the body holds what the manifest wants,
//! what the service keeps, and every live member that neither the manifest nor the model knows.

use std::collections::BTreeSet;

use model::{Body, Location, Meaning, Member, Shape};
use serde_json::{Map, Value, json};

use crate::diff::{Difference, key_of};
use crate::kind::{Kind, Rule};
use crate::live;

/// A live member that would be lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the live object has `{path}`, which this version does not know, and the update would erase it: update Gatewright, or change the object where that member was set"
)]
pub struct Unplaced {
    /// Its path in wire spelling.
    pub path: String,
}

/// The whole object for a full-replace update.
///
/// `there` is the read document after the kind's view. Tags are left to the caller.
///
/// # Errors
/// An unknown live member that cannot be placed.
pub fn full_replace(kind: &Kind, desired: &Value, there: &Value) -> Result<Value, Unplaced> {
    let Some(input) = kind.update.and_then(|(update, _)| kind.api().input(update)) else { return Ok(json!({})) };
    let desired = &live::view(kind, desired);
    let mut body = Map::new();
    let merge = Merge { kind };
    for member in input.members() {
        let own = member.location == Location::Body
            && !member.idempotency_token
            && member.wire != kind.request_id
            && kind.parent.is_none_or(|parent| parent.member != member.wire)
            && Some(member.wire.as_str()) != kind.tags_member;
        // A wanted member is always sent: if it does not fit, the service says so.
        let idle = |rule: &Rule| matches!(rule, Rule::Needs(other) if desired.get(other).is_none());
        if !own || (desired.get(&member.wire).is_none() && kind.rule(&member.wire, idle).is_some()) {
            continue;
        }
        // What a companion sets stays as it is here.
        let wanted = if kind.companion_of(&member.wire).is_some() { there } else { desired };
        let value = merge.value(&member.shape, &member.wire, wanted.get(&member.wire), there.get(&member.wire))?;
        if let Some(value) = value {
            body.insert(member.wire.clone(), value);
        }
    }
    for path in unknown_members(kind, there) {
        if let Some(value) = there.get(&path) {
            body.insert(path, value.clone());
        }
    }
    Ok(Value::Object(body))
}

/// One member of a call beside the update: what the manifest wants, with what nobody knows inside it.
///
/// # Errors
/// An unknown live member that cannot be placed.
pub fn member(
    kind: &Kind,
    member: &Member,
    desired: Option<&Value>,
    live: Option<&Value>,
) -> Result<Option<Value>, Unplaced> {
    Merge { kind }.value(&member.shape, &member.wire, desired, live)
}

/// The top-level members of a live view that no shape of the kind has.
pub fn unknown_members(kind: &Kind, live: &Value) -> Vec<String> {
    let known = known_members(kind);
    live.as_object().into_iter().flat_map(Map::keys).filter(|key| !known.contains(key.as_str())).cloned().collect()
}

fn known_members(kind: &Kind) -> BTreeSet<&'static str> {
    let api = kind.api();
    let mut known: BTreeSet<&str> = kind.members().into_iter().map(|member| member.wire.as_str()).collect();
    let output = api.output(kind.read.0);
    let object = match kind.wrapper {
        Some(wrapper) => output.and_then(|shape| shape.member(wrapper)).and_then(|member| api.shape(&member.shape)),
        None => output,
    };
    let companions = kind.companions.iter().filter_map(|companion| api.output(companion.get));
    known.extend(object.into_iter().chain(companions).flat_map(Shape::members).map(|member| member.wire.as_str()));
    known
}

/// The members of a patch update that a list of differences asks for. A wrapped member that goes is cleared with an empty
/// wrapper; a kept one goes back to its default.
pub fn patch(kind: &Kind, desired: &Value, differences: &[Difference]) -> Value {
    let mut body = Map::new();
    for member in differences.iter().map(|difference| difference.member.as_str()) {
        let wanted = desired.get(member).cloned();
        let value = match (kind.meaning(member), wanted) {
            (Meaning::UpdateWrapped, Some(value)) => Some(json!({"optionalValue": value})),
            (Meaning::UpdateWrapped, None) => Some(json!({})),
            (_, Some(value)) => Some(value),
            (_, None) => kind.kept(member).flatten(),
        };
        if let Some(value) = value {
            body.insert(member.to_owned(), value);
        }
    }
    for exception in kind.exceptions.iter().filter(|exception| exception.rule == Rule::WriteOnly) {
        if let Some(value) = desired.get(exception.path) {
            body.insert(exception.path.to_owned(), value.clone());
        }
    }
    Value::Object(body)
}

/// The members of a patch update that says everything again: after a failed one nobody knows what the service holds to.
pub fn patch_all(kind: &Kind, desired: &Value) -> Value {
    let members = kind.members().into_iter().filter(|member| {
        desired.get(&member.wire).is_some()
            && matches!(kind.meaning(&member.wire), Meaning::Update | Meaning::UpdateWrapped)
            && Some(member.wire.as_str()) != kind.tags_member
    });
    let again: Vec<Difference> = members
        .map(|member| Difference { path: member.wire.clone(), member: member.wire.clone(), before: None, after: None })
        .collect();
    patch(kind, desired, &again)
}

struct Merge<'a> {
    kind: &'a Kind,
}

impl Merge<'_> {
    fn value(
        &self,
        shape: &str,
        pattern: &str,
        desired: Option<&Value>,
        live: Option<&Value>,
    ) -> Result<Option<Value>, Unplaced> {
        if self.kind.rule(pattern, |rule| *rule == Rule::NeverSent).is_some() {
            return Ok(None);
        }
        let live = live.filter(|live| !live.is_null());
        let Some(shape) = self.kind.api().shape(shape) else { return Ok(desired.cloned()) };
        match (&shape.body, desired, live) {
            (Body::Structure { .. }, desired, live) if desired.is_some() || live.is_some() => {
                self.structure(shape, pattern, desired, live)
            }
            (Body::List { element, .. }, Some(Value::Array(wanted)), Some(Value::Array(there))) => {
                self.list(element, pattern, wanted, there).map(Some)
            }
            (_, Some(desired), _) => Ok(Some(desired.clone())),
            // Left out, it returns to its documented default; where nobody knows that, it stays as it is.
            (_, None, Some(live)) => Ok(self.kind.kept(pattern).map(|default| default.unwrap_or_else(|| live.clone()))),
            _ => Ok(None),
        }
    }

    fn structure(
        &self,
        shape: &Shape,
        pattern: &str,
        desired: Option<&Value>,
        live: Option<&Value>,
    ) -> Result<Option<Value>, Unplaced> {
        if desired.is_none() && self.kind.kept(pattern).is_some() {
            return Ok(live.cloned());
        }
        let empty = Map::new();
        let wanted = desired.and_then(Value::as_object);
        let there = live.and_then(Value::as_object).unwrap_or(&empty);
        let unknown = || there.iter().filter(|(key, value)| shape.member(key).is_none() && !value.is_null());
        let mut merged = Map::new();
        if shape.is_union() {
            if let Some((key, _)) = unknown().next() {
                return Err(Unplaced { path: format!("{pattern}.{key}") });
            }
            // A union only within one arm: another wanted arm starts afresh.
            let arm = |of: &Map<String, Value>| of.keys().find(|key| shape.member(key).is_some()).cloned();
            let wanted_arm = wanted.and_then(arm);
            if wanted_arm.is_some() && wanted_arm != arm(there) {
                return Ok(desired.cloned());
            }
        }
        for member in shape.members() {
            let wanted = wanted.and_then(|wanted| wanted.get(&member.wire));
            let pattern = format!("{pattern}.{}", member.wire);
            if let Some(value) = self.value(&member.shape, &pattern, wanted, there.get(&member.wire))? {
                merged.insert(member.wire.clone(), value);
            }
        }
        for (key, value) in unknown() {
            merged.insert(key.clone(), value.clone());
            let lacks = |name: &String| !merged.contains_key(name);
            let missing = shape.members().iter().filter(|member| member.required).map(|member| &member.wire).any(lacks);
            if missing {
                return Err(Unplaced { path: format!("{pattern}.{key}") });
            }
        }
        let nothing = merged.is_empty() && desired.is_none();
        Ok((!nothing).then_some(Value::Object(merged)))
    }

    fn list(&self, element: &str, pattern: &str, wanted: &[Value], there: &[Value]) -> Result<Value, Unplaced> {
        let inner = format!("{pattern}[]");
        let key = self.kind.keyed_by(pattern);
        let mut rest: Vec<&Value> = there.iter().collect();
        let mut merged = Vec::new();
        for item in wanted {
            let same = |other: &&Value| match key {
                Some(key) => key_of(item, key) == key_of(other, key),
                None => contains(other, item),
            };
            let live = rest.iter().position(same).map(|index| rest.swap_remove(index));
            if let Some(value) = self.value(element, &inner, Some(item), live)? {
                merged.push(value);
            }
        }
        // Without a key nobody can say to which element the unknown member of a live one belongs.
        if key.is_none()
            && let Some(lost) = rest.into_iter().find_map(|item| self.unknown_in(element, &inner, item))
        {
            return Err(Unplaced { path: lost });
        }
        Ok(Value::Array(merged))
    }

    /// The path of an unknown member somewhere inside a live value.
    fn unknown_in(&self, shape: &str, pattern: &str, live: &Value) -> Option<String> {
        let shape = self.kind.api().shape(shape)?;
        match (&shape.body, live) {
            (Body::Structure { .. }, Value::Object(members)) => members.iter().find_map(|(key, value)| {
                let path = format!("{pattern}.{key}");
                match shape.member(key) {
                    Some(member) => self.unknown_in(&member.shape, &path, value),
                    None => Some(path),
                }
            }),
            (Body::List { element, .. }, Value::Array(items)) => {
                items.iter().find_map(|item| self.unknown_in(element, &format!("{pattern}[]"), item))
            }
            _ => None,
        }
    }
}

/// The live value says at least what the wanted one says.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| live.get(key).is_some_and(|live| contains(live, value)))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| contains(live, wanted))
        }
        _ => live == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{GATEWAY, GATEWAY_TARGET, POLICY_ENGINE, RUNTIME};

    #[test]
    fn unknown_members_go_back_as_they_came_at_every_depth() {
        let desired = json!({"name": "g", "authorizerType": "NONE", "roleArn": "new",
            "interceptorConfigurations": [{"interceptor": {"lambda": {"arn": "a"}}, "interceptionPoints": ["REQUEST"]}],
            "protocolConfiguration": {"mcp": {"instructions": "hi"}}});
        let live = json!({"name": "g", "authorizerType": "NONE", "roleArn": "old", "gatewayUrl": "u", "status": "READY", "exceptionLevel": "DEBUG",
            "brandNew": {"x": 1},
            "interceptorConfigurations": [{"interceptor": {"lambda": {"arn": "a"}}, "interceptionPoints": ["REQUEST"], "timeout": 3}],
            "protocolConfiguration": {"mcp": {"supportedVersions": ["v"], "novel": true}}});
        let body = full_replace(&GATEWAY, &desired, &live).unwrap();
        let expected = json!({"name": "g", "authorizerType": "NONE", "roleArn": "new", "brandNew": {"x": 1},
            "interceptorConfigurations": [{"interceptor": {"lambda": {"arn": "a"}}, "interceptionPoints": ["REQUEST"], "timeout": 3}],
            "protocolConfiguration": {"mcp": {"supportedVersions": ["v"], "instructions": "hi", "novel": true}}});
        assert_eq!(body, expected);
    }

    #[test]
    fn what_cannot_be_placed_stops_the_step() {
        let desired = json!({"targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://x"}}}});
        let live = json!({"targetConfiguration": {"mcp": {"quantumServer": {"endpoint": "https://x"}}}});
        let error = full_replace(&GATEWAY_TARGET, &desired, &live).unwrap_err();
        assert_eq!(error.path, "targetConfiguration.mcp.quantumServer");
        let desired = json!({"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/mnt/a"}}]});
        let live = json!({"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/mnt/b", "size": 4}}]});
        let error = full_replace(&RUNTIME, &desired, &live).unwrap_err();
        assert_eq!(error.path, "filesystemConfigurations[].sessionStorage.size");
        let same = json!({"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/mnt/b"}}]});
        let body = full_replace(&RUNTIME, &same, &live).unwrap();
        assert_eq!(body["filesystemConfigurations"][0]["sessionStorage"]["size"], 4);
    }

    #[test]
    fn what_the_service_refuses_is_never_sent_and_what_it_keeps_is() {
        let desired = json!({"agentRuntimeName": "r", "roleArn": "x"});
        let live = json!({"agentRuntimeName": "r", "roleArn": "x", "lifecycleConfiguration": {"maxLifetime": 28800},
            "networkConfiguration": {"networkMode": "PUBLIC"}, "environmentVariables": {"A": "b"}});
        let body = full_replace(&RUNTIME, &desired, &live).unwrap();
        let expected = json!({"roleArn": "x", "networkConfiguration": {"networkMode": "PUBLIC"}, "lifecycleConfiguration": {"maxLifetime": 28800}});
        assert_eq!(body, expected);
    }

    #[test]
    fn what_is_left_out_returns_to_its_default_or_goes_with_what_it_needs() {
        let desired = json!({"agentRuntimeName": "r", "roleArn": "x"});
        let live =
            json!({"roleArn": "x", "lifecycleConfiguration": {"idleRuntimeSessionTimeout": 60, "maxLifetime": 28800}});
        let body = full_replace(&RUNTIME, &desired, &live).unwrap();
        assert_eq!(body["lifecycleConfiguration"], json!({"idleRuntimeSessionTimeout": 900, "maxLifetime": 28800}));
        let live =
            json!({"name": "g", "protocolType": "MCP", "protocolConfiguration": {"mcp": {"supportedVersions": ["v"]}}});
        let body = full_replace(&GATEWAY, &json!({"name": "g"}), &live).unwrap();
        assert_eq!(body, json!({"name": "g"}));
    }

    #[test]
    fn a_patch_holds_what_changed_and_clears_with_an_empty_wrapper() {
        let change =
            |member: &str| Difference { path: member.into(), member: member.into(), before: None, after: None };
        let body = patch(&POLICY_ENGINE, &json!({"description": "d"}), &[change("description")]);
        assert_eq!(body, json!({"description": {"optionalValue": "d"}}));
        assert_eq!(patch(&POLICY_ENGINE, &json!({}), &[change("description")]), json!({"description": {}}));
    }
}
