//! What an engine decides about: the gateways it is attached to, their targets and their tools.

use std::collections::{HashMap, HashSet};

use cedar_policy::{ActionConstraint, EntityUid, Policy, Schema, Validator};
use model::{Action, Tools, cedar_schema, tools_of_target};
use serde_json::Value;

use crate::address::Address;
use crate::check::{children, of_kind, referred};
use crate::diagnostic::Span;
use crate::kind::{GATEWAY, GATEWAY_TARGET};
use crate::reference::is_unknown;
use crate::stack::{Resource, Stack};

/// What stands between a target and its tool in an action.
pub(super) const SEPARATOR: &str = "___";

/// The gateways of one engine with their targets.
pub(in crate::check) struct Guarded<'a> {
    pub(in crate::check) gateways: Vec<&'a Resource>,
    pub(in crate::check) targets: Vec<GuardedTarget<'a>>,
    /// Every target's name is known: no other target can be meant.
    pub(in crate::check) named: bool,
    /// Every tool is known, and there is nothing but tools.
    pub(in crate::check) complete: bool,
    /// Tools of two types.
    pub(super) ambiguous: HashSet<String>,
    /// The types of the known tools, if there are any.
    pub(super) validator: Option<Validator>,
}

/// One target.
pub(in crate::check) struct GuardedTarget<'a> {
    pub(in crate::check) address: &'a Address,
    pub(in crate::check) span: &'a Span,
    /// The gateway it lives in.
    pub(in crate::check) gateway: &'a Address,
    pub(in crate::check) name: &'a str,
    pub(in crate::check) tools: Tools,
}

impl<'a> Guarded<'a> {
    /// What this engine guards.
    pub(in crate::check) fn by(stack: &'a Stack, engine: &Address) -> Self {
        let gateways: Vec<&Resource> =
            of_kind(stack, &GATEWAY).filter(|gateway| engine_of(gateway).as_ref() == Some(engine)).collect();
        let mut targets = Vec::new();
        // An existing engine may have other gateways, an existing gateway this engine and any targets.
        let elsewhere = of_kind(stack, &GATEWAY).any(|gateway| gateway.existing.is_some())
            || stack.resource(engine).is_some_and(|engine| engine.existing.is_some());
        let mut named = !elsewhere;
        let of = |gateway: &&'a Resource| {
            let gateway = &gateway.address;
            children(stack, &GATEWAY_TARGET, gateway).map(move |target| (gateway, target))
        };
        for (gateway, target) in gateways.iter().flat_map(of) {
            let tools = match &target.known_tools {
                Some(tools) => Tools::Known(tools.clone()),
                None => target.document.get("targetConfiguration").map_or(Tools::Unknown, tools_of_target),
            };
            match target.live_name() {
                Some(name) if !is_unknown(name) => {
                    let (address, span) = (&target.address, &target.span);
                    targets.push(GuardedTarget { address, span, gateway, name, tools });
                }
                _ => named = false,
            }
        }
        let complete = named && targets.iter().all(|target| matches!(target.tools, Tools::Known(_)));
        let (validator, ambiguous) = validator(&targets);
        Self { gateways, targets, named, complete: complete && ambiguous.is_empty(), ambiguous, validator }
    }

    /// The types of everything that the policy may be about are known.
    pub(super) fn decides_all(&self, policy: &Policy) -> bool {
        let known = |uid: &EntityUid| {
            let id = uid.id().unescaped();
            let listed = |target: &GuardedTarget<'_>| matches!(target.tools, Tools::Known(_));
            id.contains(SEPARATOR) || self.targets.iter().any(|target| target.name == id && listed(target))
        };
        self.complete
            || match policy.action_constraint() {
                ActionConstraint::Any => false,
                ActionConstraint::Eq(uid) => known(&uid),
                ActionConstraint::In(uids) => uids.iter().all(known),
            }
    }

    /// Every action there is: tools, their targets' groups, and the two groups above.
    pub(in crate::check) fn actions(&self) -> Vec<String> {
        let mut actions = vec!["CallTool".to_owned(), "Mcp".to_owned()];
        for target in &self.targets {
            actions.push(target.name.to_owned());
            actions.extend(target.actions().map(|action| action.id()));
        }
        actions
    }
}

impl GuardedTarget<'_> {
    /// Its tools as actions, as far as they are known.
    pub(in crate::check) fn actions(&self) -> impl Iterator<Item = Action> {
        let tools = if let Tools::Known(tools) = &self.tools { tools.as_slice() } else { &[] };
        tools.iter().map(|tool| Action { target: self.name.to_owned(), tool: tool.clone() })
    }
}

/// The engine of the manifest that a gateway is attached to.
pub(in crate::check) fn engine_of(gateway: &Resource) -> Option<Address> {
    referred(gateway.document.pointer("/policyEngineConfiguration/arn"))
}

/// The types of the known actions, and those that have two: the tools of two gateways whose targets share a name. Nobody knows
/// which of the two the service takes.
fn validator(targets: &[GuardedTarget<'_>]) -> (Option<Validator>, HashSet<String>) {
    let mut types: HashMap<String, Value> = HashMap::new();
    let mut ambiguous = HashSet::new();
    let mut actions: Vec<Action> = Vec::new();
    for action in targets.iter().flat_map(GuardedTarget::actions) {
        match types.get(&action.id()) {
            None => {
                types.insert(action.id(), action.tool.input_schema.clone());
                actions.push(action);
            }
            Some(known) if *known != action.tool.input_schema => _ = ambiguous.insert(action.id()),
            Some(_) => {}
        }
    }
    actions.retain(|action| !ambiguous.contains(&action.id()));
    if actions.is_empty() {
        // Without a single tool no policy could fit.
        return (None, ambiguous);
    }
    let others: Vec<String> = targets.iter().map(|target| target.name.to_owned()).collect();
    (Schema::from_json_value(cedar_schema(&actions, &others)).ok().map(Validator::new), ambiguous)
}
