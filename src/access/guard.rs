//! The second step of a call: the policies of the engine that is attached to a gateway.
//!
//! A call is denied unless a permit holds, and denied where a forbid holds; a policy that errs is skipped. Policies are indexed
//! by the action they are about, so that a tool with two policies costs two, whatever the engine has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::OnceLock;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PartialEntities, PartialEntityUid, PartialRequest, Policy, PolicyId, PolicySet, Request, RestrictedExpression,
    Schema,
};
use model::{Action, cedar_schema};
use serde_json::{Map, Value, json};

use super::known::filled;
use super::to_come::{self, whatever_the_input};
use super::token::Token;
use super::verdict::{Sum, Verdict, of_response};
use crate::stack::Resource;

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Holds,
    /// That depends on the input.
    Depends,
    /// It does not, or cannot be evaluated.
    Fails,
}

/// A policy of an engine.
#[derive(Debug, Clone)]
pub(crate) struct Rule<'a> {
    pub(crate) resource: &'a Resource,
    /// The statement, references filled in.
    pub(crate) statement: String,
    /// As Cedar reads it.
    pub(crate) policy: Policy,
    /// What Cedar cannot tell of it: an extension of Cedar, or whether it is about this gateway. The policy holds where it holds as
    /// Cedar reads it, and this does too. The same text is true or false everywhere at once.
    pub(crate) left_out: Option<String>,
}

impl Rule<'_> {
    /// Where it holds as Cedar reads it, the whole may hold.
    pub(crate) fn is_opaque(&self) -> bool {
        self.left_out.is_some()
    }
}

/// The policies of an engine as one gateway sees them.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    pub(crate) rules: Vec<Rule<'a>>,
    /// The same for tools to come of whose inputs nobody can tell anything.
    bounds: Vec<Rule<'a>>,
    gateway: EntityUid,
    schema: Schema,
    by_action: BTreeMap<String, About>,
}

/// What is about one tool.
#[derive(Debug)]
struct About {
    action: EntityUid,
    /// The action within its groups, and the gateway: what of a call is the same for all callers, its hierarchy worked out once.
    entities: Entities,
    policies: PolicySet,
    /// The places of the policies among all.
    rules: Vec<usize>,
    /// None of the policies reads the context, and all can be read.
    without_input: bool,
    /// The policies of which it is not known whether they hold where they can be read to, with what is left out of them.
    opaque: BTreeMap<String, String>,
    /// Its policies are bounds of what they are.
    is_bound: bool,
}

/// A caller as Cedar sees it.
#[derive(Debug)]
pub(crate) struct Principal {
    kind: EntityTypeName,
    /// Nothing: any of its kind.
    uid: Option<EntityUid>,
    entity: Option<Entity>,
    /// Of somebody unknown: the claims that are known all the same.
    known: Option<Token>,
    /// The same for a partial evaluation, made when one is asked for: it costs as much as the schema is large.
    partial: OnceLock<Option<PartialEntities>>,
}

impl Principal {
    /// It is somebody in particular, and not any of its kind.
    pub(crate) fn is_one(&self) -> bool {
        self.uid.is_some()
    }
}

fn kind(name: &str) -> Option<EntityTypeName> {
    EntityTypeName::from_str(&format!("AgentCore::{name}")).ok()
}

/// A caller with its claims.
pub(super) fn entity<'t>(name: &str, id: &str, tags: impl Iterator<Item = (&'t str, String)>) -> Option<Entity> {
    let text = |text: String| RestrictedExpression::new_string(text);
    let tags = tags.map(|(name, value)| (name.to_owned(), text(value)));
    Entity::new_with_tags(uid(name, id)?, [("id".to_owned(), text(id.to_owned()))], [], tags).ok()
}

fn uid(name: &str, id: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id(kind(name)?, EntityId::new(id)))
}

impl<'a> Guard<'a> {
    /// The policies of a gateway, which decide about its tools; nothing where the tools make no schema. `is_blind`: nobody can tell
    /// what they find in the inputs of tools to come.
    pub(crate) fn new(gateway: &str, actions: &[Action], rules: Vec<Rule<'a>>, is_blind: bool) -> Option<Self> {
        let bounds = if is_blind { rules.iter().map(whatever_the_input).collect::<Option<_>>()? } else { Vec::new() };
        let gateway = uid("Gateway", gateway)?;
        let schema = schema(actions)?;
        let mut named: HashMap<Option<EntityUid>, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            match rule.policy.action_constraint() {
                ActionConstraint::Any => named.entry(None).or_default().push(index),
                ActionConstraint::Eq(action) => named.entry(Some(action)).or_default().push(index),
                ActionConstraint::In(actions) => {
                    for action in actions {
                        named.entry(Some(action)).or_default().push(index);
                    }
                }
            }
        }
        let about = |action: &Action| {
            let is_bound = is_blind && to_come::is_to_come(action);
            let rules = if is_bound { &bounds } else { &rules };
            Some((action.id(), About { is_bound, ..About::new(action, &gateway, rules, &named)? }))
        };
        let by_action = actions.iter().filter_map(about).collect();
        Some(Self { rules, bounds, gateway, schema, by_action })
    }

    /// The holder of a token.
    pub(crate) fn holder(&self, name: &str, token: &Token) -> Option<Principal> {
        // What carries no subject is still somebody.
        let subject = token.text("sub").map_or_else(|| format!("${{persona.{name}.sub}}"), ToOwned::to_owned);
        self.principal("OAuthUser", &subject, token.tags())
    }

    /// A session of a role, by its ARN without the session's name.
    pub(crate) fn role(&self, arn: &str) -> Option<Principal> {
        self.principal("IamEntity", arn, std::iter::empty())
    }

    /// Any caller of a kind, about whom nothing is known.
    #[expect(
        clippy::unused_self,
        reason = "a principal is of one guard: its form for partial evaluations comes from it"
    )]
    fn anyone(&self, name: &str) -> Option<Principal> {
        Some(Principal { kind: kind(name)?, uid: None, entity: None, partial: OnceLock::new(), known: None })
    }

    /// Whoever has a token with these claims, whatever others it has.
    pub(crate) fn any_user(&self, token: &Token) -> Option<Principal> {
        Some(Principal { known: Some(token.clone()), ..self.anyone("OAuthUser")? })
    }

    /// Whoever signs a request.
    pub(crate) fn any_role(&self) -> Option<Principal> {
        self.anyone("IamEntity")
    }

    /// The caller whom nobody asked.
    pub(crate) fn nobody(&self) -> Option<Principal> {
        self.anyone("UnauthenticatedUser")
    }

    #[expect(
        clippy::unused_self,
        reason = "a principal is of one guard: its form for partial evaluations comes from it"
    )]
    fn principal<'t>(&self, name: &str, id: &str, tags: impl Iterator<Item = (&'t str, String)>) -> Option<Principal> {
        let entity = entity(name, id, tags)?;
        let uid = Some(entity.uid());
        Some(Principal { kind: kind(name)?, uid, entity: Some(entity), partial: OnceLock::new(), known: None })
    }

    fn partial(&self, principal: Option<&Entity>) -> Option<PartialEntities> {
        let entities = principal.cloned().into_iter().chain([Entity::with_uid(self.gateway.clone())]);
        let entities = Entities::from_entities(entities, Some(&self.schema)).ok()?;
        PartialEntities::from_concrete(entities, &self.schema).ok()
    }

    /// What may be called, whatever the input. Nothing where the tool is none of the gateway's.
    pub(crate) fn cell(&self, principal: &Principal, action: &str) -> Option<Verdict> {
        let about = self.by_action.get(action)?;
        if about.without_input
            && let Some(response) = self.evaluate(&about.policies, about, principal, Context::empty())
        {
            return Some(of_response(&about.policies, &response));
        }
        let mut sum = Sum::default();
        if !self.add_partial(&about.policies, about, principal, &mut sum) {
            // One policy that Cedar cannot evaluate in part takes the others with it: one by one they are told apart.
            sum = Sum::default();
            for policy in about.policies.policies() {
                let alone = PolicySet::from_policies([policy.clone()]).unwrap_or_default();
                if !self.add_partial(&alone, about, principal, &mut sum) {
                    sum.depending.insert((policy.effect() == Effect::Forbid, policy.id().to_string()));
                }
            }
        }
        sum.doubt(&about.opaque);
        Some(sum.verdict())
    }

    /// Whether a call with this input is permitted. `input` holds the arguments as the caller sends them, `now` a point in time in
    /// RFC 3339. What is wrong with the input is said.
    pub(crate) fn decide(
        &self,
        principal: &Principal,
        action: &Action,
        input: &Map<String, Value>,
        now: &str,
    ) -> Result<Verdict, String> {
        let unknown = || "the policies cannot be evaluated for this call".to_owned();
        let about = self.by_action.get(&action.id()).ok_or_else(unknown)?;
        let context = self.context(action, input, now)?;
        if principal.uid.is_none() {
            return self.cell(principal, &action.id()).ok_or_else(unknown);
        }
        if about.opaque.is_empty() {
            let response = self.evaluate(&about.policies, about, principal, context).ok_or_else(unknown)?;
            return Ok(of_response(&about.policies, &response));
        }
        // A forbid that only may hold must not hide the permits.
        let mut sum = Sum::default();
        for policy in about.policies.policies() {
            let alone = PolicySet::from_policies([policy.clone()]).unwrap_or_default();
            let response = self.evaluate(&alone, about, principal, context.clone()).ok_or_else(unknown)?;
            for id in response.diagnostics().reason() {
                sum.holding.insert((policy.effect() == Effect::Forbid, id.to_string()));
            }
        }
        sum.doubt(&about.opaque);
        Ok(sum.verdict())
    }

    /// The same where of all that Cedar cannot tell exactly this holds.
    pub(crate) fn decide_supposing(
        &self,
        principal: &Principal,
        action: &Action,
        input: &Map<String, Value>,
        now: &str,
        supposed: &BTreeSet<&str>,
    ) -> Result<Verdict, String> {
        let unknown = || "the policies cannot be evaluated for this call".to_owned();
        let about = self.by_action.get(&action.id()).ok_or_else(unknown)?;
        if principal.uid.is_none() || about.opaque.is_empty() {
            return self.decide(principal, action, input, now);
        }
        let context = self.context(action, input, now)?;
        let holds = |policy: &&Policy| {
            about.opaque.get(&policy.id().to_string()).is_none_or(|left_out| supposed.contains(left_out.as_str()))
        };
        let policies = PolicySet::from_policies(about.policies.policies().filter(holds).cloned());
        let policies = policies.map_err(|error| error.to_string())?;
        let response = self.evaluate(&policies, about, principal, context).ok_or_else(unknown)?;
        Ok(of_response(&policies, &response))
    }

    /// The context of a call.
    pub(crate) fn context(&self, action: &Action, input: &Map<String, Value>, now: &str) -> Result<Context, String> {
        let tool = &action.tool.input_schema;
        let absent = |name: &&str| input.get(*name).is_none_or(Value::is_null);
        let mut required =
            tool.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut missing = || required.find(absent).map(|name| format!("`{name}` is missing"));
        let record = model::cedar_input(tool, input)?;
        let now = json!({"__extn": {"fn": "datetime", "arg": now}});
        let context = json!({"input": record, "system": {"now": now}});
        let about = self.by_action.get(&action.id());
        let schema = about.map(|about| (&self.schema, &about.action));
        Context::from_json_value(context, schema).map_err(|error| missing().unwrap_or_else(|| error.to_string()))
    }

    /// Whether a policy holds by itself, for a context or for any.
    pub(crate) fn truth(&self, policy: &str, principal: &Principal, action: &str, context: Option<&Context>) -> Truth {
        let holds = || {
            let about = self.by_action.get(action)?;
            let policy = Policy::parse(Some(PolicyId::new("alone")), policy).ok()?;
            let set = PolicySet::from_policies([policy]).ok()?;
            if let (Some(context), Some(_)) = (context, &principal.uid) {
                let response = self.evaluate(&set, about, principal, context.clone())?;
                return Some(if response.decision() == Decision::Allow { Truth::Holds } else { Truth::Fails });
            }
            let mut sum = Sum::default();
            if !self.add_partial(&set, about, principal, &mut sum) {
                return Some(Truth::Depends);
            }
            Some(match (sum.holding.is_empty(), sum.depending.is_empty()) {
                (false, _) => Truth::Holds,
                (true, false) => Truth::Depends,
                (true, true) => Truth::Fails,
            })
        };
        holds().unwrap_or(Truth::Depends)
    }

    /// The permits that could be about a tool.
    pub(crate) fn permits(&self, action: &str) -> impl Iterator<Item = &Rule<'a>> {
        self.about(action).filter(|rule| rule.policy.effect() == Effect::Permit)
    }

    /// Which of some policies hold for a call, all of one effect, and whether one of them could not be evaluated.
    pub(super) fn holding(
        &self,
        policies: &PolicySet,
        caller: &Entity,
        action: &str,
        context: Context,
    ) -> Option<(Vec<String>, bool)> {
        let response = self.answer(policies, self.by_action.get(action)?, caller, context)?;
        let holding = response.diagnostics().reason().map(ToString::to_string).collect();
        Some((holding, response.diagnostics().errors().next().is_some()))
    }

    /// The types of its tools.
    pub(super) fn types(&self) -> &Schema {
        &self.schema
    }

    /// The gateway, as its policies name it.
    pub(crate) fn gateway(&self) -> &str {
        self.gateway.id().unescaped()
    }

    /// The policies that are about a tool.
    pub(crate) fn about<'s>(&'s self, action: &str) -> impl Iterator<Item = &'s Rule<'a>> + use<'s, 'a> {
        let about = self.by_action.get(action);
        let rules = if about.is_some_and(|about| about.is_bound) { &self.bounds } else { &self.rules };
        about.into_iter().flat_map(|about| &about.rules).filter_map(|index| rules.get(*index))
    }

    fn evaluate(
        &self,
        policies: &PolicySet,
        about: &About,
        principal: &Principal,
        context: Context,
    ) -> Option<cedar_policy::Response> {
        self.answer(policies, about, principal.entity.as_ref()?, context)
    }

    fn answer(
        &self,
        policies: &PolicySet,
        about: &About,
        caller: &Entity,
        context: Context,
    ) -> Option<cedar_policy::Response> {
        let entities = about.entities.clone().add_entities([caller.clone()], None).ok()?;
        let request = Request::new(caller.uid(), about.action.clone(), self.gateway.clone(), context, None).ok()?;
        Some(Authorizer::new().is_authorized(&request, policies, &entities))
    }

    /// Adds what a partial evaluation says; false where Cedar cannot evaluate the policies in part.
    fn add_partial(&self, policies: &PolicySet, about: &About, principal: &Principal, sum: &mut Sum) -> bool {
        let caller = match &principal.uid {
            Some(uid) => PartialEntityUid::from_concrete(uid.clone()),
            None => PartialEntityUid::new(principal.kind.clone(), None),
        };
        let gateway = PartialEntityUid::from_concrete(self.gateway.clone());
        let request = PartialRequest::new(caller, about.action.clone(), gateway, None, &self.schema);
        let Ok(request) = request else { return false };
        let filled = match &principal.known {
            Some(known) => {
                // One that cannot be filled in says what it says of anybody.
                let filled = |policy: &Policy| filled(policy, known).unwrap_or_else(|| policy.clone());
                let Ok(set) = PolicySet::from_policies(policies.policies().map(filled)) else { return false };
                Some(set)
            }
            None => None,
        };
        let policies = filled.as_ref().unwrap_or(policies);
        let partial = principal.partial.get_or_init(|| self.partial(principal.entity.as_ref()));
        let Some(partial) = partial else { return false };
        let Ok(response) = policies.tpe(&request, partial, &self.schema) else { return false };
        let keep = |forbid: bool| move |id: &PolicyId| (forbid, id.to_string());
        sum.holding.extend(response.true_permits().map(keep(false)));
        sum.holding.extend(response.true_forbids().map(keep(true)));
        sum.depending.extend(response.residual_permits().map(keep(false)));
        sum.depending.extend(response.residual_forbids().map(keep(true)));
        true
    }
}

impl About {
    /// `named` has the places of the rules by the action that their scope names, or nothing.
    fn new(
        action: &Action,
        gateway: &EntityUid,
        all: &[Rule<'_>],
        named: &HashMap<Option<EntityUid>, Vec<usize>>,
    ) -> Option<Self> {
        let id = action.id();
        let [own, target, call, mcp] =
            [uid("Action", &id)?, uid("Action", &action.target)?, uid("Action", "CallTool")?, uid("Action", "Mcp")?];
        let scopes = [None, Some(own.clone()), Some(target.clone()), Some(call.clone()), Some(mcp.clone())];
        let indexes: BTreeSet<usize> = scopes.iter().filter_map(|scope| named.get(scope)).flatten().copied().collect();
        let rules: Vec<_> = indexes.iter().filter_map(|index| all.get(*index)).collect();
        let within = |child: &EntityUid, parent: &EntityUid| {
            Entity::new_no_attrs(child.clone(), std::iter::once(parent.clone()).collect())
        };
        let groups = [within(&own, &target), within(&target, &call), within(&call, &mcp), Entity::with_uid(mcp)];
        let entities = groups.into_iter().chain([Entity::with_uid(gateway.clone())]);
        Some(Self {
            entities: Entities::from_entities(entities, None).ok()?,
            policies: PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone())).ok()?,
            without_input: rules.iter().all(|rule| !rule.is_opaque() && !rule.statement.contains("context")),
            opaque: rules
                .iter()
                .filter_map(|rule| Some((rule.policy.id().to_string(), rule.left_out.clone()?)))
                .collect(),
            rules: indexes.into_iter().collect(),
            is_bound: false,
            action: own,
        })
    }
}

/// The schema of the tools, with the caller whom nobody asked as a third kind of principal.
pub(crate) fn schema(actions: &[Action]) -> Option<Schema> {
    Schema::from_json_value(schema_json(actions)?).ok()
}

/// The same as JSON.
pub(crate) fn schema_json(actions: &[Action]) -> Option<Value> {
    let mut schema = cedar_schema(actions, &[]);
    let kinds = schema.pointer_mut("/AgentCore/entityTypes").and_then(Value::as_object_mut)?;
    kinds.insert("UnauthenticatedUser".into(), json!({}));
    let table = schema.pointer_mut("/AgentCore/actions").and_then(Value::as_object_mut)?;
    for action in table.values_mut() {
        if let Some(Value::Array(kinds)) = action.pointer_mut("/appliesTo/principalTypes") {
            kinds.push(json!("UnauthenticatedUser"));
        }
    }
    Some(schema)
}
