//! Resource policies of runtimes, their endpoints, gateways and memories. They live and go with what they are about.

use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const OPERATIONS: Operations =
    &[("PutResourcePolicy", put), ("GetResourcePolicy", get), ("DeleteResourcePolicy", delete)];

/// Where an object keeps them, by ARN: the endpoint `DEFAULT` is no object of its own.
const POLICIES: &str = "resourcePolicies";

/// How many statements a policy may have.
const MOST: usize = 100;

fn object<'a>(session: &'a mut Session<'_>, arn: &str) -> Result<&'a mut Object, Failure> {
    let own = arn.strip_suffix("/runtime-endpoint/DEFAULT").unwrap_or(arn);
    let takes_one = |kind: Kind| {
        matches!(kind, Kind::Runtime | Kind::RuntimeEndpoint | Kind::Gateway | Kind::Memory)
            && (own == arn || kind == Kind::Runtime)
    };
    match session.state.by_arn(own).map(|object| object.kind) {
        None => Err(Failure::missing("Resource", arn)),
        Some(kind) if !takes_one(kind) => {
            Err(Failure::invalid_field("resourceArn", format!("{arn} cannot have a resource policy")))
        }
        Some(_) => session.state.by_arn_mut(own).ok_or_else(|| Failure::missing("Resource", arn)),
    }
}

fn put(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (arn, policy) = (text(input, "resourceArn"), text(input, "policy"));
    let object = object(session, arn)?;
    check(arn, policy)?;
    let policies = object.hidden.entry(POLICIES).or_insert_with(|| json!({}));
    if let Value::Object(policies) = policies {
        policies.insert(arn.to_owned(), json!(policy));
    }
    Ok(json!({"policy": policy}))
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let arn = text(input, "resourceArn");
    let policy = object(session, arn)?.hidden.get(POLICIES).and_then(|policies| policies.get(arn));
    policy.map(|policy| json!({"policy": policy})).ok_or_else(|| Failure::missing("Resource policy of", arn))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let arn = text(input, "resourceArn");
    let object = object(session, arn)?;
    let gone = object.hidden.get_mut(POLICIES).and_then(|policies| policies.as_object_mut()?.shift_remove(arn));
    gone.map(|_| json!({})).ok_or_else(|| Failure::missing("Resource policy of", arn))
}

/// It is a policy, and about this resource only.
fn check(arn: &str, policy: &str) -> Result<(), Failure> {
    let refuse = |message: String| Err(Failure::invalid_field("policy", message));
    let Ok(Value::Object(policy)) = serde_json::from_str::<Value>(policy) else {
        return refuse("The policy is not a JSON object".to_owned());
    };
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => Vec::new(),
    };
    if statements.is_empty() || statements.len() > MOST {
        return refuse(format!("The policy has {} statements, 1 to {MOST} are allowed", statements.len()));
    }
    for statement in statements {
        for member in ["Effect", "Principal", "Action", "Resource"] {
            if statement.get(member).is_none() {
                return refuse(format!("A statement of the policy has no {member}"));
            }
        }
        let resource = match statement.get("Resource") {
            Some(Value::Array(list)) => list.iter().all(|resource| resource.as_str() == Some(arn)),
            resource => resource.and_then(Value::as_str) == Some(arn),
        };
        if !resource {
            return refuse(format!("The Resource of a statement must be exactly {arn}"));
        }
    }
    Ok(())
}
