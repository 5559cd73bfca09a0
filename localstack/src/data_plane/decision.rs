//! Cedar decides every call: the entities, tags and context of one, and the partial evaluation behind a listing.
//!
//! Source: the AgentCore developer guide's pages on policies. Default deny, forbid wins, and a policy that errs is skipped.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PartialEntities, PartialEntityUid, PartialRequest, Policy, PolicyId, PolicySet, Request, ResourceConstraint,
    RestrictedExpression, Schema,
};
use model::Action;
use serde_json::{Map, Value, json};

use super::authorizer::Caller;
use super::token::Claims;
use crate::clock::iso8601;
use crate::gateway::engine_arn;
use crate::policy_text;
use crate::state::{Kind, Object, State};
use crate::{deep, extension};

/// What an engine says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// The policies that decided; none: no policy applies.
    pub(super) policies: Vec<String>,
}

/// The policies of an engine as one gateway sees them.
pub(super) struct Guard {
    /// `ENFORCE` or `LOG_ONLY`.
    pub(super) mode: String,
    gateway: EntityUid,
    /// The schema of the gateway's tools, or why there is none: then everything is denied.
    schema: Result<Schema, String>,
    /// What is about each tool, by the name of its action.
    rules: BTreeMap<String, Rules>,
    /// A policy looks at what happened before in the session, which every request has to name.
    pub(super) needs_session: bool,
    /// A policy goes deeper than this thread may.
    deep: bool,
}

/// What is about one tool.
struct Rules {
    action: EntityUid,
    /// The action within its groups.
    groups: Vec<Entity>,
    /// For a call. Where an extension has a say, a permit is left out and a forbid is not: what nobody knows closes.
    policies: PolicySet,
    /// For a listing, and therefore for any action: a partial evaluation types a policy's scope too, which may name tools that are
    /// gone. Where an extension has a say, a forbid is left out and a permit is not: some call may be permitted.
    partial: PolicySet,
}

/// A policy that takes part in the decisions about a gateway.
struct InForce {
    policy: Policy,
    of_any_action: Policy,
    /// An extension has a say in whether it holds.
    open: bool,
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind = EntityTypeName::from_str(&format!("AgentCore::{kind}")).ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// The policies of the engine that is attached to a gateway.
pub(super) fn policies<'a>(state: &'a State, gateway: &Object) -> impl Iterator<Item = &'a Object> {
    let engine = engine_arn(gateway).and_then(|arn| state.by_arn(arn));
    engine.into_iter().flat_map(|engine| state.all(Kind::Policy, Some(&engine.id)))
}

impl Guard {
    /// What guards a gateway; none: no engine is attached to it.
    pub(super) fn of(gateway: &Object, policies: &[Object], actions: &[Action]) -> Option<Self> {
        let configuration = gateway.document.get("policyEngineConfiguration")?;
        let text = |member: &str| configuration.get(member).and_then(Value::as_str);
        let arn = gateway.arn.as_deref().unwrap_or_default();
        let statements =
            || policies.iter().filter_map(|policy| policy_text::statement(policy.document.get("definition")?));
        let needs_session = policies.iter().any(policy_text::is_temporal);
        let deep = statements().any(deep::is_deep);
        let policies: Vec<InForce> = policies.iter().filter_map(|policy| in_force(policy, arn)).collect();
        let rules = actions.iter().filter_map(|action| Some((action.id(), Rules::of(action, &policies)?)));
        Some(Self {
            mode: text("mode").unwrap_or("ENFORCE").to_owned(),
            gateway: uid("Gateway", arn)?,
            needs_session,
            deep,
            rules: rules.collect(),
            schema: Schema::from_json_value(schema(actions)).map_err(|error| error.to_string()),
        })
    }

    pub(super) fn enforces(&self) -> bool {
        self.mode != "LOG_ONLY"
    }

    /// Whether a call is permitted. `input` is `context.input` in Cedar's JSON form, `now` in milliseconds.
    pub(super) fn decide(&self, caller: &Caller, tool: &str, input: &Value, now: u64) -> Verdict {
        let evaluated = self.with_room(|| self.evaluate(caller, tool, input, now));
        evaluated.flatten().unwrap_or(Verdict { allowed: false, policies: Vec::new() })
    }

    fn with_room<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        if self.deep { deep::deep(work) } else { Some(work()) }
    }

    /// None: the call cannot be told in Cedar.
    fn evaluate(&self, caller: &Caller, tool: &str, input: &Value, now: u64) -> Option<Verdict> {
        let rules = self.rules.get(tool)?;
        let schema = self.schema.as_ref().ok()?;
        let now = json!({"__extn": {"fn": "datetime", "arg": iso8601(now)}});
        let context = json!({"input": input, "system": {"now": now}});
        let context = Context::from_json_value(context, Some((schema, &rules.action))).ok()?;
        let (principal, entity) = principal(caller)?;
        let entities = rules.groups.iter().cloned().chain([entity, Entity::with_uid(self.gateway.clone())]);
        let entities = Entities::from_entities(entities, None).ok()?;
        let request = Request::new(principal, rules.action.clone(), self.gateway.clone(), context, None).ok()?;
        let response = Authorizer::new().is_authorized(&request, &rules.policies, &entities);
        let mut policies: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        policies.sort_unstable();
        Some(Verdict { allowed: response.decision() == Decision::Allow, policies })
    }

    /// Which of some tools are listed: those that some input is permitted for.
    pub(super) fn visible<'a>(&self, caller: &Caller, tools: impl Iterator<Item = &'a str> + Send) -> Vec<&'a str> {
        let Some(view) = self.partial_view(caller) else { return Vec::new() };
        self.with_room(|| tools.filter(|tool| self.may(&view, tool).unwrap_or(false)).collect()).unwrap_or_default()
    }

    /// The caller and the entities, for a partial evaluation.
    fn partial_view(&self, caller: &Caller) -> Option<(EntityUid, PartialEntities)> {
        let schema = self.schema.as_ref().ok()?;
        let (principal, entity) = principal(caller)?;
        let entities = Entities::from_entities([entity, Entity::with_uid(self.gateway.clone())], Some(schema)).ok()?;
        Some((principal, PartialEntities::from_concrete(entities, schema).ok()?))
    }

    fn may(&self, (principal, entities): &(EntityUid, PartialEntities), tool: &str) -> Option<bool> {
        let schema = self.schema.as_ref().ok()?;
        let rules = self.rules.get(tool)?;
        let request = PartialRequest::new(
            PartialEntityUid::from_concrete(principal.clone()),
            rules.action.clone(),
            PartialEntityUid::from_concrete(self.gateway.clone()),
            None,
            schema,
        )
        .ok()?;
        if let Ok(response) = rules.partial.tpe(&request, entities, schema) {
            return Some(response.decision() != Some(Decision::Deny));
        }
        // One of them no longer fits the tool. What it says is known only once there is an input, so that a permit may permit.
        let (mut permitted, mut forbidden) = (false, false);
        for policy in rules.partial.policies() {
            let one = PolicySet::from_policies([policy.clone()]).ok()?;
            let permits = policy.effect() == Effect::Permit;
            match one.tpe(&request, entities, schema) {
                Ok(response) if permits => permitted |= response.decision() != Some(Decision::Deny),
                Ok(response) => forbidden |= response.true_forbids().next().is_some(),
                Err(_) => permitted |= permits,
            }
        }
        Some(permitted && !forbidden)
    }
}

impl Rules {
    fn of(action: &Action, policies: &[InForce]) -> Option<Self> {
        let id = action.id();
        let [own, target, call, mcp] =
            [uid("Action", &id)?, uid("Action", &action.target)?, uid("Action", "CallTool")?, uid("Action", "Mcp")?];
        let mut rules =
            Self { action: own.clone(), groups: Vec::new(), policies: PolicySet::new(), partial: PolicySet::new() };
        for InForce { policy, of_any_action, open } in policies {
            let about = match policy.action_constraint() {
                ActionConstraint::Any => true,
                ActionConstraint::Eq(action) => action == own,
                ActionConstraint::In(actions) => {
                    [&own, &target, &call, &mcp].into_iter().any(|action| actions.contains(action))
                }
            };
            let permits = policy.effect() == Effect::Permit;
            if about && (!open || !permits) {
                rules.policies.add(policy.clone()).ok()?;
            }
            if about && (!open || permits) {
                rules.partial.add(of_any_action.clone()).ok()?;
            }
        }
        let within = |child: &EntityUid, parent: &EntityUid| {
            Entity::new_no_attrs(child.clone(), std::iter::once(parent.clone()).collect())
        };
        rules.groups = vec![within(&own, &target), within(&target, &call), within(&call, &mcp), Entity::with_uid(mcp)];
        Some(rules)
    }
}

/// A policy that takes part in the decisions about a gateway: ready, active, about calls, and about this gateway or about all.
fn in_force(policy: &Object, gateway: &str) -> Option<InForce> {
    let active = policy.document.get("enforcementMode").is_none_or(|mode| mode == "ACTIVE");
    if policy.status() != "ACTIVE" || !active {
        return None;
    }
    let statement = policy_text::parse(policy.document.get("definition")?)?;
    if statement.split.about_output {
        return None;
    }
    match statement.policy.resource_constraint() {
        ResourceConstraint::Eq(other) if other.id().unescaped() != gateway => return None,
        _ => {}
    }
    let id = PolicyId::new(&policy.id);
    let of_any_action = extension::for_any_action(&statement.split.plain);
    let of_any_action = of_any_action.and_then(|text| Policy::parse(Some(id.clone()), text).ok());
    let open = statement.split.is_open();
    let policy = statement.policy.new_id(id);
    Some(InForce { of_any_action: of_any_action.unwrap_or_else(|| policy.clone()), policy, open })
}

/// The schema of the tools, with the caller whom nobody asked as a third kind of principal.
fn schema(actions: &[Action]) -> Value {
    let mut schema = model::cedar_schema(actions, &[]);
    if let Some(kinds) = schema.pointer_mut("/AgentCore/entityTypes").and_then(Value::as_object_mut) {
        kinds.insert("UnauthenticatedUser".into(), json!({}));
    }
    for action in actions {
        let path = format!(
            "/AgentCore/actions/{}/appliesTo/principalTypes",
            action.id().replace('~', "~0").replace('/', "~1")
        );
        if let Some(Value::Array(kinds)) = schema.pointer_mut(&path) {
            kinds.push(json!("UnauthenticatedUser"));
        }
    }
    schema
}

/// The principal of a caller.
fn principal(caller: &Caller) -> Option<(EntityUid, Entity)> {
    let (kind, id, tags) = match caller {
        Caller::User { subject, claims } => ("OAuthUser", subject.as_str(), tags(claims)),
        Caller::Role(arn) => ("IamEntity", arn.as_str(), Map::new()),
        Caller::Anybody => {
            let anybody = uid("UnauthenticatedUser", "anybody")?;
            return Some((anybody.clone(), Entity::with_uid(anybody)));
        }
    };
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let tags = tags.into_iter().filter_map(|(name, value)| Some((name, text(value.as_str()?))));
    let uid = uid(kind, id)?;
    let entity = Entity::new_with_tags(uid.clone(), [("id".to_owned(), text(id))], [], tags).ok()?;
    Some((uid, entity))
}

/// The claims of a token as tags: text as it is, a number or truth as its text, a list or object as its JSON text, no tag for `null`.
fn tags(claims: &Claims) -> Map<String, Value> {
    let tag = |claim: &Value| match claim {
        Value::Null => None,
        Value::String(_) => Some(claim.clone()),
        other => Some(json!(other.to_string())),
    };
    claims.iter().filter_map(|(name, claim)| Some((name.clone(), tag(claim)?))).collect()
}

/// The caller as Cedar names it.
pub(super) fn name(caller: &Caller) -> String {
    principal(caller).map(|(uid, _)| uid.to_string()).unwrap_or_default()
}
