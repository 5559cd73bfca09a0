//! Diff: where a live object differs from the manifest, member by member, along the API's shapes.
//!
//! What is left out of the manifest is absent: a live value there is a difference, unless the service keeps the member
//! (`Rule::Kept`). Members that the model does not know are never compared.

use std::collections::BTreeMap;

use cedar_policy::Policy;
use model::{Body, Shape};
use serde_json::{Map, Value};

use crate::check::deep::deep;
use crate::kind::{Kind, Rule, is_same_secret};
use crate::live;
use crate::ownership::canonical;
use crate::reference::is_unknown;

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The path in wire spelling; elements of keyed lists are written `[key]`.
    pub path: String,
    /// The top-level member it is in.
    pub member: String,
    /// The live value.
    pub before: Option<Value>,
    /// The wanted value.
    pub after: Option<Value>,
}

/// Every difference between a desired document and a live view. Tags are not compared here.
pub fn differences(kind: &Kind, desired: &Value, live: &Value) -> Vec<Difference> {
    // What can be said in two ways is compared as one.
    let desired = &live::view(kind, desired);
    let mut found = Vec::new();
    for member in kind.members() {
        if Some(member.wire.as_str()) == kind.tags_member {
            continue;
        }
        let compare = Compare { kind };
        let at = At { path: member.wire.clone(), pattern: member.wire.clone() };
        for (path, before, after) in
            compare.value(&member.shape, &at, desired.get(&member.wire), live.get(&member.wire))
        {
            found.push(Difference { path, member: member.wire.clone(), before, after });
        }
    }
    found
}

/// A value that counts as not being there: null, empty text, an empty list or structure.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    })
}

/// Where the comparison stands: the path for people, and the pattern that exceptions are written in.
struct At {
    path: String,
    pattern: String,
}

impl At {
    fn member(&self, wire: &str) -> Self {
        Self { path: format!("{}.{wire}", self.path), pattern: format!("{}.{wire}", self.pattern) }
    }

    fn element(&self, key: &str) -> Self {
        Self { path: format!("{}[{key}]", self.path), pattern: format!("{}[]", self.pattern) }
    }
}

type Found = Vec<(String, Option<Value>, Option<Value>)>;

struct Compare<'a> {
    kind: &'a Kind,
}

impl Compare<'_> {
    fn value(&self, shape: &str, at: &At, desired: Option<&Value>, live: Option<&Value>) -> Found {
        let uncompared = |rule: &Rule| matches!(rule, Rule::WriteOnly | Rule::NeverSent);
        if self.kind.rule(&at.pattern, uncompared).is_some() {
            return Vec::new();
        }
        let folded = self.kind.rule(&at.pattern, |rule| *rule == Rule::Folded).is_some();
        if folded && (desired.is_none() || live.is_none()) {
            return Vec::new();
        }
        let (mut desired, mut live) = (present(desired), present(live));
        let default = self.kind.kept(&at.pattern);
        match &default {
            Some(None) if desired.is_none() => return Vec::new(),
            Some(Some(default)) => {
                desired = desired.or(Some(default));
                live = live.or(Some(default));
            }
            _ => {}
        }
        if desired.is_none() && live.is_none() {
            return Vec::new();
        }
        let Some(shape) = self.kind.api().shape(shape) else { return Vec::new() };
        match &shape.body {
            Body::Structure { .. } => self.structure(shape, at, desired, live),
            Body::List { element, .. } => self.list(element, at, desired, live),
            Body::Map { .. } => map(self.kind, at, desired, live),
            _ => scalar(at, desired, live),
        }
    }

    fn structure(&self, shape: &Shape, at: &At, desired: Option<&Value>, live: Option<&Value>) -> Found {
        let arm = |value: Option<&Value>| {
            let members = value?.as_object()?;
            shape.members().iter().map(|member| &member.wire).find(|wire| members.contains_key(*wire)).cloned()
        };
        let (wanted, there) = (arm(desired), arm(live));
        let mut found = Vec::new();
        for member in shape.members() {
            let value = |of: Option<&Value>| of.and_then(|of| of.get(&member.wire)).cloned();
            let (desired, live) = (value(desired), value(live));
            found.extend(self.value(&member.shape, &at.member(&member.wire), desired.as_ref(), live.as_ref()));
        }
        let whole = (shape.is_union() && wanted != there) || desired.is_none() || live.is_none();
        if whole && !found.is_empty() {
            return vec![(at.path.clone(), live.map(|live| known(self.kind, shape, live)), desired.cloned())];
        }
        found
    }

    fn list(&self, element: &str, at: &At, desired: Option<&Value>, live: Option<&Value>) -> Found {
        let items = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        let (wanted, there) = (items(desired), items(live));
        if self.kind.rule(&at.pattern, |rule| *rule == Rule::Ordered).is_some() {
            return if wanted == there { Vec::new() } else { vec![(at.path.clone(), live.cloned(), desired.cloned())] };
        }
        if let Some(key) = self.kind.keyed_by(&at.pattern) {
            return self.keyed(element, at, key, &wanted, &there);
        }
        // A set: every element of one side has its equal on the other.
        let mut rest = there.clone();
        for item in &wanted {
            let same =
                rest.iter().position(|other| self.value(element, &at.element(""), Some(item), Some(other)).is_empty());
            match same {
                Some(index) => drop(rest.swap_remove(index)),
                None => return vec![(at.path.clone(), live.cloned(), desired.cloned())],
            }
        }
        if rest.is_empty() { Vec::new() } else { vec![(at.path.clone(), live.cloned(), desired.cloned())] }
    }

    fn keyed(&self, element: &str, at: &At, key: &str, wanted: &[Value], there: &[Value]) -> Found {
        let by_key = |items: &[Value]| -> Option<BTreeMap<String, Value>> {
            let table: BTreeMap<String, Value> = items.iter().map(|item| (key_of(item, key), item.clone())).collect();
            (table.len() == items.len()).then_some(table)
        };
        let (Some(wanted), Some(there)) = (by_key(wanted), by_key(there)) else {
            // A key given twice: compared as whole lists.
            let list = |items: &[Value]| Some(Value::Array(items.to_vec()));
            let equal = canonical(&Value::Array(wanted.to_vec())) == canonical(&Value::Array(there.to_vec()));
            return if equal { Vec::new() } else { vec![(at.path.clone(), list(there), list(wanted))] };
        };
        let mut found = Vec::new();
        for (name, item) in &wanted {
            let at = at.element(name);
            match there.get(name) {
                Some(other) => found.extend(self.value(element, &at, Some(item), Some(other))),
                None => found.push((at.path, None, Some(item.clone()))),
            }
        }
        for (name, item) in there.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
            found.push((at.element(name).path, Some(item.clone()), None));
        }
        found
    }
}

/// The key of a list element: a member, or a dotted path.
pub fn key_of(item: &Value, key: &str) -> String {
    let mut value = item;
    for step in key.split('.') {
        match value.get(step) {
            Some(inner) => value = inner,
            None => return String::new(),
        }
    }
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A live structure for people: without members nobody knows.
fn known(kind: &Kind, shape: &Shape, live: &Value) -> Value {
    let Some(members) = live.as_object() else { return live.clone() };
    let mut shown = Map::new();
    for (wire, value) in members {
        let Some(member) = shape.member(wire) else { continue };
        let inner = kind.api().shape(&member.shape);
        let value = match inner {
            Some(inner) if !inner.members().is_empty() => known(kind, inner, value),
            _ => value.clone(),
        };
        shown.insert(wire.clone(), value);
    }
    Value::Object(shown)
}

fn map(kind: &Kind, at: &At, desired: Option<&Value>, live: Option<&Value>) -> Found {
    let filled = kind.rule(&at.pattern, |rule| *rule == Rule::Filled).is_some();
    let entries = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (wanted, there) = (entries(desired), entries(live));
    let mut found = Vec::new();
    for (name, value) in &wanted {
        // A secret that is known only when it is sent cannot be compared.
        let unknown = value.as_str().is_some_and(is_unknown) && kind.is_secret(&at.member(name).pattern);
        if there.get(name) != Some(value) && !unknown {
            found.push((at.member(name).path, there.get(name).cloned(), Some(value.clone())));
        }
    }
    for (name, value) in there.iter().filter(|(name, _)| !filled && !wanted.contains_key(*name)) {
        found.push((at.member(name).path, Some(value.clone()), None));
    }
    found
}

fn scalar(at: &At, desired: Option<&Value>, live: Option<&Value>) -> Found {
    let equal = match (desired, live) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => left == right || left.as_f64() == right.as_f64(),
        (Some(Value::String(left)), Some(Value::String(right))) if at.pattern.ends_with("statement") => {
            same_statement(left, right)
        }
        (Some(Value::String(wanted)), Some(Value::String(live))) if at.pattern.ends_with("secretId") => {
            is_same_secret(wanted, live)
        }
        (left, right) => left == right,
    };
    if equal { Vec::new() } else { vec![(at.path.clone(), live.cloned(), desired.cloned())] }
}

/// Two Cedar statements are the same when they parse to the same policy: layout, comments and annotations do not count.
/// Text that plain Cedar cannot parse is compared as text.
pub fn same_statement(left: &str, right: &str) -> bool {
    let parsed = |text: &str| -> Option<Value> {
        let mut json = Policy::parse(None, text).ok()?.to_json().ok()?;
        json.as_object_mut()?.remove("annotations");
        Some(json)
    };
    let same = || matches!((parsed(left), parsed(right)), (Some(left), Some(right)) if left == right);
    left == right || deep(same).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::{GATEWAY, GATEWAY_TARGET, POLICY, RUNTIME, USER_POOL, USER_POOL_CLIENT};

    fn paths(kind: &Kind, desired: &Value, live: &Value) -> Vec<String> {
        differences(kind, desired, live).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn what_the_service_fills_in_is_no_difference_and_what_a_person_sets_is() {
        let desired = json!({"name": "g", "authorizerType": "NONE", "roleArn": "r", "protocolType": "MCP"});
        let mut live = desired.clone();
        live["protocolConfiguration"] = json!({"mcp": {"supportedVersions": ["2025-03-26"], "sessionConfiguration": {"sessionTimeoutInSeconds": 3600}}});
        live["gatewayUrl"] = json!("https://x");
        live["somethingNew"] = json!({"a": 1});
        assert!(paths(&GATEWAY, &desired, &live).is_empty());
        live["protocolConfiguration"]["mcp"]["instructions"] = json!("be nice");
        assert_eq!(paths(&GATEWAY, &desired, &live), ["protocolConfiguration"]);
        live["protocolConfiguration"] = Value::Null;
        live["description"] = json!("by hand");
        assert_eq!(paths(&GATEWAY, &desired, &live), ["description"]);
    }

    #[test]
    fn lists_are_sets_unless_order_is_meant() {
        let authorizer = |clients: [&str; 2]| json!({"authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": "u", "allowedClients": clients}}});
        assert!(paths(&GATEWAY, &authorizer(["a", "b"]), &authorizer(["b", "a"])).is_empty());
        assert_eq!(
            paths(&GATEWAY, &authorizer(["a", "b"]), &authorizer(["b", "c"])),
            ["authorizerConfiguration.customJWTAuthorizer.allowedClients"]
        );
        let entry = |parts: [&str; 2]| json!({"agentRuntimeArtifact": {"codeConfiguration": {"entryPoint": parts}}});
        assert_eq!(paths(&RUNTIME, &entry(["a", "b"]), &entry(["b", "a"])).len(), 1);
    }

    #[test]
    fn tools_are_compared_by_name() {
        let tools = |tools: Value| json!({"targetConfiguration": {"mcp": {"lambda": {"lambdaArn": "l", "toolSchema": {"inlinePayload": tools}}}}});
        let desired = tools(json!([{"name": "a", "description": "1"}, {"name": "b", "description": "2"}]));
        let live = tools(json!([{"name": "b", "description": "3"}, {"name": "a", "description": "1"}, {"name": "c"}]));
        let prefix = "targetConfiguration.mcp.lambda.toolSchema.inlinePayload";
        let expected = [format!("{prefix}[b].description"), format!("{prefix}[c]")];
        assert_eq!(paths(&GATEWAY_TARGET, &desired, &live), expected);
    }

    #[test]
    fn another_arm_of_a_union_is_one_difference() {
        let desired = json!({"targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://x"}}}});
        let live = json!({"targetConfiguration": {"http": {"passthrough": {"endpoint": "https://x"}}}});
        assert_eq!(paths(&GATEWAY_TARGET, &desired, &live), ["targetConfiguration"]);
    }

    #[test]
    fn cedar_is_compared_parsed() {
        let policy = |statement: &str| json!({"definition": {"cedar": {"statement": statement}}});
        let one = policy("permit(principal, action, resource) when { context.input.a == 1 };");
        let same = policy("// now\npermit (principal,action,resource)\n  when {context.input.a==1};");
        let other = policy("permit(principal, action, resource) when { context.input.a == 2 };");
        assert!(paths(&POLICY, &one, &same).is_empty());
        assert_eq!(paths(&POLICY, &one, &other), ["definition.cedar.statement"]);
    }

    #[test]
    fn what_can_be_said_in_two_ways_is_one() {
        let old = json!({"LambdaConfig": {"PreTokenGeneration": "f"}, "EmailVerificationMessage": "m"});
        let new = json!({"LambdaConfig": {"PreTokenGenerationConfig": {"LambdaVersion": "V1_0", "LambdaArn": "f"}},
            "VerificationMessageTemplate": {"EmailMessage": "m"}});
        let both = |document: &Value| crate::live::view(&USER_POOL, document);
        assert!(paths(&USER_POOL, &old, &both(&new)).is_empty());
        assert!(paths(&USER_POOL, &new, &both(&old)).is_empty());
        let own = json!({"ClientName": "c", "ClientSecret": "s"});
        assert!(paths(&USER_POOL_CLIENT, &own, &crate::live::view(&USER_POOL_CLIENT, &own)).is_empty());
    }

    #[test]
    fn documented_defaults_are_compared() {
        let desired = json!({"ClientName": "c"});
        assert!(
            paths(
                &USER_POOL_CLIENT,
                &desired,
                &json!({"ClientName": "c", "RefreshTokenValidity": 30, "LogoutURLs": []})
            )
            .is_empty()
        );
        assert_eq!(
            paths(&USER_POOL_CLIENT, &desired, &json!({"ClientName": "c", "RefreshTokenValidity": 3650})),
            ["RefreshTokenValidity"]
        );
    }
}
