//! The text of a policy: what is refused at once, and what the service finds out later.

use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint, Schema,
    ValidationMode, Validator,
};
use model::{Action, Tools, cedar_schema, tools_of_target};
use serde_json::Value;

use crate::clock::millis;
use crate::deep::deep;
use crate::document::{Document, text};
use crate::extension::Split;
use crate::failure::Failure;
use crate::nesting::{DEEPEST, is_too_deep};
use crate::policy_engine::attached_gateways;
use crate::session::Session;
use crate::settings::Findings;
use crate::state::{Kind, Object};

const GATEWAY: &str = "AgentCore::Gateway";

/// One policy that parses and whose scope is acceptable.
pub(crate) struct Statement {
    /// What plain Cedar reads of it.
    pub(crate) policy: Policy,
    /// What the service's extensions add.
    pub(crate) split: Split,
    set: PolicySet,
}

/// The statement of a definition, in whichever arm it stands.
pub(crate) fn statement(definition: &Value) -> Option<&str> {
    ["cedar", "policy"].iter().find_map(|arm| definition.get(*arm)?.get("statement")?.as_str())
}

/// The policy of a stored definition.
pub(crate) fn parse(definition: &Value) -> Option<Statement> {
    read(Some(definition)).ok()
}

/// Whether a policy of an engine looks at what happened before. One that was never made looks at nothing.
pub(crate) fn is_temporal(policy: &Object) -> bool {
    let statement = policy.document.get("definition").and_then(statement);
    policy.status() != "CREATE_FAILED" && statement.is_some_and(|statement| Split::of(statement).temporal)
}

/// Whether a stored policy is about one resource.
pub(crate) fn names(policy: &Document, arn: &str) -> bool {
    let statement = policy.get("definition").and_then(statement);
    statement.is_some_and(|statement| statement.contains(&format!("\"{arn}\"")))
}

/// Reads a definition; refuses what the service refuses in the call itself.
pub(crate) fn read(definition: Option<&Value>) -> Result<Statement, Failure> {
    let refused = |message: String| Failure::invalid_field("definition", message);
    let Some(text) = definition.and_then(statement) else {
        return Err(refused("The local stand-in takes Cedar statements only".to_owned()));
    };
    if is_too_deep(text) {
        return Err(refused(format!("The policy statement nests more than {DEEPEST} levels deep")));
    }
    // The arm `cedar` takes plain Cedar only.
    let plain = || Split { plain: text.to_owned(), ..Split::default() };
    let split = if definition.is_some_and(|of| of.get("policy").is_some()) { Split::of(text) } else { plain() };
    if let Some(problem) = &split.problem {
        return Err(refused(problem.clone()));
    }
    let set = PolicySet::from_str(&split.plain)
        .map_err(|error| refused(format!("The policy statement could not be parsed: {error}")))?;
    let mut policies = set.policies();
    let (Some(policy), None, 0) = (policies.next(), policies.next(), set.num_of_templates()) else {
        return Err(refused("The definition must hold exactly one policy statement and no template".to_owned()));
    };
    check_resource(policy).map_err(refused)?;
    Ok(Statement { policy: policy.clone(), set: set.clone(), split })
}

fn check_resource(policy: &Policy) -> Result<(), String> {
    match policy.resource_constraint() {
        ResourceConstraint::Any => Err(format!(
            "A wildcard resource was detected. Constrain the resource with `resource == {GATEWAY}::\"<arn>\"` or `resource is {GATEWAY}`"
        )),
        ResourceConstraint::Is(kind) if kind.to_string() == GATEWAY && names_tools(policy) => {
            Err("Please constrain the resource to a specific gateway when creating tool-specific policies".to_owned())
        }
        ResourceConstraint::Is(kind) if kind.to_string() == GATEWAY => Ok(()),
        ResourceConstraint::Eq(gateway) if gateway.type_name().to_string() == GATEWAY => Ok(()),
        _ => Err(format!("The resource must be a {GATEWAY}, with `==` or `is`")),
    }
}

/// Its action scope names more than the groups of all tools.
fn names_tools(policy: &Policy) -> bool {
    actions(policy).iter().any(|action| !matches!(action.id().unescaped(), "CallTool" | "Mcp"))
}

fn actions(policy: &Policy) -> Vec<EntityUid> {
    match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(action) => vec![action],
        ActionConstraint::In(actions) => actions,
    }
}

/// Why a policy cannot become active, as the service's status reason says it.
pub(crate) fn problem(session: &Session<'_>, engine: &Object, statement: &Statement, findings: bool) -> Option<String> {
    let tools = ToolsInReach::of(session, engine);
    if tools.hidden {
        return Some("An internal error occurred during creation".to_owned());
    }
    if let ResourceConstraint::Eq(gateway) = statement.policy.resource_constraint() {
        let arn = gateway.id().unescaped().to_owned();
        if !session.state.all(Kind::Gateway, None).any(|gateway| gateway.arn.as_deref() == Some(&arn)) {
            return Some(format!("Insufficient permissions to call gateway with ID {arn}"));
        }
    }
    if tools.is_empty() {
        return Some("unable to find an applicable action given the policy scope constraints at offset 0".to_owned());
    }
    let which = session.config.findings;
    let judged = || {
        schema_problem(&tools, statement).or_else(|| match which {
            _ if !findings => None,
            Findings::None => None,
            Findings::Usual => finding(statement),
            Findings::Any => finding(statement).or_else(|| Some(some_finding(&statement.policy).to_owned())),
        })
    };
    deep(judged).unwrap_or_else(|| Some("An internal error occurred during creation".to_owned()))
}

/// What the gateways of an engine offer.
#[derive(Default)]
struct ToolsInReach {
    actions: Vec<Action>,
    /// Targets whose tools nobody knows.
    unknown: Vec<String>,
    /// The service could not list the tools.
    hidden: bool,
}

impl ToolsInReach {
    fn of(session: &Session<'_>, engine: &Object) -> Self {
        let mut reach = Self::default();
        for gateway in attached_gateways(session, engine) {
            // The service lists the tools through the interceptors, which do not let it.
            reach.hidden |= gateway.document.contains_key("interceptorConfigurations");
            for target in session.state.all(Kind::GatewayTarget, Some(&gateway.id)) {
                reach.add(session, gateway, target);
            }
        }
        reach
    }

    fn add(&mut self, session: &Session<'_>, gateway: &Object, target: &Object) {
        let configuration = target.document.get("targetConfiguration").cloned().unwrap_or_default();
        let listing = configuration.pointer("/mcp/mcpServer/listingMode").and_then(Value::as_str);
        self.hidden |= listing == Some("DYNAMIC");
        let fresh = session.now < target.settled_at.saturating_add(millis(&session.config.schema_lag));
        if target.status() != "READY" || fresh {
            return;
        }
        let name = text(&target.document, "name").to_owned();
        let told = session.known_tools.get(&(text(&gateway.document, "name").to_owned(), name.clone()));
        match told.cloned().map_or_else(|| tools_of_target(&configuration), Tools::Known) {
            Tools::Known(tools) => {
                self.actions.extend(tools.into_iter().map(|tool| Action { target: name.clone(), tool }));
            }
            Tools::Unknown | Tools::Http => self.unknown.push(name),
        }
    }

    fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.unknown.is_empty()
    }

    /// The action belongs to a target whose tools nobody knows.
    fn cannot_tell(&self, action: &EntityUid) -> bool {
        let id = action.id().unescaped();
        action.type_name().to_string() == "AgentCore::Action"
            && self
                .unknown
                .iter()
                .any(|target| id.strip_prefix(target.as_str()).is_some_and(|rest| rest.starts_with("___")))
    }
}

fn schema_problem(tools: &ToolsInReach, statement: &Statement) -> Option<String> {
    let actions = actions(&statement.policy);
    if !actions.is_empty() && actions.iter().all(|action| tools.cannot_tell(action)) {
        return None;
    }
    // Of a thousand tools a policy is about one: the types of the others say nothing of it.
    let named: BTreeSet<&str> = actions.iter().map(|action| action.id().unescaped()).collect();
    let every = ["CallTool", "Mcp"].iter().any(|group| named.contains(group)) || named.is_empty();
    let about =
        |action: &&Action| every || named.contains(action.target.as_str()) || named.contains(action.id().as_str());
    let about: Vec<Action> = tools.actions.iter().filter(about).cloned().collect();
    let schema = match Schema::from_json_value(cedar_schema(&about, &tools.unknown)) {
        Ok(schema) => schema,
        Err(error) => return Some(format!("The schema of the gateways' tools is not valid: {error}")),
    };
    let known = schema.actions().collect::<Vec<_>>();
    if let Some(action) = actions.iter().find(|action| !known.contains(action) && !tools.cannot_tell(action)) {
        return Some(format!(
            "unable to find an applicable action given the policy scope constraints: unrecognized action {action}"
        ));
    }
    let result = Validator::new(schema).validate(&statement.set, ValidationMode::Strict);
    let problems: Vec<String> = result.validation_errors().map(ToString::to_string).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// What the service finds where the stand-in finds nothing.
fn some_finding(policy: &Policy) -> &'static str {
    match policy.effect() {
        Effect::Permit => "Overly Permissive: the policy allows more than it has to",
        Effect::Forbid => "Overly Restrictive: the policy denies more than it has to",
    }
}

/// What automated reasoning over the engine would find. The real one knows more.
fn finding(Statement { policy, split, .. }: &Statement) -> Option<String> {
    let unconditional = !policy.has_non_scope_constraint() && !split.is_open();
    let anybody = matches!(policy.principal_constraint(), PrincipalConstraint::Any | PrincipalConstraint::Is(_));
    match policy.effect() {
        Effect::Permit if unconditional && anybody => Some(
            "Overly Permissive: the policy allows every request of its principals, actions and resources".to_owned(),
        ),
        Effect::Forbid if unconditional => Some(
            "Overly Restrictive: the policy denies every request of its principals, actions and resources".to_owned(),
        ),
        Effect::Forbid if policy.to_json().is_ok_and(|json| tests_for_an_input(&json)) => {
            Some("Overly Restrictive: the policy depends on an optional input".to_owned())
        }
        _ => None,
    }
}

/// Somewhere in a policy stands `context.input has …`.
fn tests_for_an_input(json: &Value) -> bool {
    match json {
        Value::Object(object) => {
            let left = object.get("has").and_then(|has| has.get("left"));
            let input = left.is_some_and(|left| {
                left.pointer("/./left/Var").and_then(Value::as_str) == Some("context")
                    && left.pointer("/./attr").and_then(Value::as_str) == Some("input")
            });
            input || object.values().any(tests_for_an_input)
        }
        Value::Array(list) => list.iter().any(tests_for_an_input),
        _ => false,
    }
}
