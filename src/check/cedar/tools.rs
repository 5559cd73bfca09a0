//! What an engine decides about: the gateways it is attached to, their targets and their tools.

use cedar_policy::{Schema, Validator};
use model::{Action, Tools, cedar_schema, tools_of_target};

use crate::address::Address;
use crate::check::{children, of_kind, referred};
use crate::kind::{GATEWAY, GATEWAY_TARGET};
use crate::reference::is_unknown;
use crate::stack::{Resource, Stack};

/// The gateways of one engine with their targets.
pub(super) struct Guarded<'a> {
    pub(super) gateways: Vec<&'a Resource>,
    pub(super) targets: Vec<GuardedTarget<'a>>,
    /// Every target's name is known: no other target can be meant.
    pub(super) named: bool,
    /// The types, where there are tools and every one is known.
    pub(super) validator: Option<Validator>,
}

/// One target.
pub(super) struct GuardedTarget<'a> {
    pub(super) address: &'a Address,
    pub(super) name: &'a str,
    pub(super) tools: Tools,
}

impl<'a> Guarded<'a> {
    /// What this engine guards.
    pub(super) fn by(stack: &'a Stack, engine: &Address) -> Self {
        let gateways: Vec<&Resource> =
            of_kind(stack, &GATEWAY).filter(|gateway| engine_of(gateway).as_ref() == Some(engine)).collect();
        let mut targets = Vec::new();
        // An existing engine may have other gateways, an existing gateway this engine and any targets.
        let elsewhere = of_kind(stack, &GATEWAY).any(|gateway| gateway.existing.is_some())
            || stack.resource(engine).is_some_and(|engine| engine.existing.is_some());
        let mut named = !elsewhere;
        for target in gateways.iter().flat_map(|gateway| children(stack, &GATEWAY_TARGET, &gateway.address)) {
            let tools = match &target.known_tools {
                Some(tools) => Tools::Known(tools.clone()),
                None => target.document.get("targetConfiguration").map_or(Tools::Unknown, tools_of_target),
            };
            match target.live_name() {
                Some(name) if !is_unknown(name) => {
                    targets.push(GuardedTarget { address: &target.address, name, tools });
                }
                _ => named = false,
            }
        }
        let known = !gateways.is_empty() && named && targets.iter().all(|target| target.tools != Tools::Unknown);
        let validator = if known { validator(&targets) } else { None };
        Self { gateways, targets, named, validator }
    }

    /// Every action there is: tools, their targets' groups, and the two groups above.
    pub(super) fn actions(&self) -> Vec<String> {
        let mut actions = vec!["CallTool".to_owned(), "Mcp".to_owned()];
        for target in &self.targets {
            actions.push(target.name.to_owned());
            actions.extend(target.actions().map(|action| action.id()));
        }
        actions
    }
}

impl GuardedTarget<'_> {
    fn actions(&self) -> impl Iterator<Item = Action> {
        let tools = if let Tools::Known(tools) = &self.tools { tools.as_slice() } else { &[] };
        tools.iter().map(|tool| Action { target: self.name.to_owned(), tool: tool.clone() })
    }
}

/// The engine of the manifest that a gateway is attached to.
pub(super) fn engine_of(gateway: &Resource) -> Option<Address> {
    referred(gateway.document.pointer("/policyEngineConfiguration/arn"))
}

fn validator(targets: &[GuardedTarget<'_>]) -> Option<Validator> {
    let actions: Vec<Action> = targets.iter().flat_map(GuardedTarget::actions).collect();
    if actions.is_empty() {
        // Without a single tool no policy could fit.
        return None;
    }
    let others: Vec<String> = targets.iter().map(|target| target.name.to_owned()).collect();
    Schema::from_json_value(cedar_schema(&actions, &others)).ok().map(Validator::new)
}
