//! What an engine decides about: the gateways it is attached to, their targets and their tools.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cedar_policy::{ActionConstraint, EntityUid, Policy, Schema, Validator};
use model::{Action, Tools, cedar_schema, tools_of_target};

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
    /// The known tools by their action.
    pub(super) typed: BTreeMap<String, Action>,
    /// Tools of two types: those of two gateways whose targets share a name. Nobody knows which of the two the service takes.
    pub(super) ambiguous: HashSet<String>,
    /// The types for policies about these actions.
    validators: HashMap<BTreeSet<String>, Option<Validator>>,
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
        let mut typed: BTreeMap<String, Action> = BTreeMap::new();
        let mut ambiguous = HashSet::new();
        for action in targets.iter().flat_map(GuardedTarget::actions) {
            match typed.get(&action.id()) {
                None => _ = typed.insert(action.id(), action),
                Some(known) if known.tool.input_schema != action.tool.input_schema => {
                    ambiguous.insert(action.id());
                }
                Some(_) => {}
            }
        }
        typed.retain(|id, _| !ambiguous.contains(id));
        let complete = complete && ambiguous.is_empty();
        Self { gateways, targets, named, complete, typed, ambiguous, validators: HashMap::new() }
    }

    /// The types of the tools that a policy names, alone or by their group; none if no type is known. `untyped` are actions that it
    /// names and nobody knows the types of.
    ///
    /// Cedar looks at a policy once for every action of the schema: a small one keeps a thousand policies on a thousand tools
    /// affordable.
    pub(super) fn validator(&mut self, policy: &Policy, untyped: &[String]) -> Option<&Validator> {
        let every = policy.action_constraint() == ActionConstraint::Any;
        let literals = policy.entity_literals();
        let named: BTreeSet<&str> = literals.iter().map(|uid| uid.id().unescaped()).collect();
        let every = every || ["CallTool", "Mcp"].iter().any(|group| named.contains(group));
        let is_named = |(id, action): &(&String, &Action)| {
            every || named.contains(id.as_str()) || named.contains(action.target.as_str())
        };
        let about: BTreeSet<String> = self.typed.iter().filter(is_named).map(|(id, _)| id.clone()).collect();
        if about.is_empty() {
            // Without a single tool no policy could fit.
            return None;
        }
        let key = about.iter().chain(untyped).cloned().collect();
        let (typed, targets) = (&self.typed, &self.targets);
        let validator = self.validators.entry(key).or_insert_with(|| {
            let actions: Vec<Action> = about.iter().filter_map(|id| typed.get(id)).cloned().collect();
            let others: Vec<String> =
                targets.iter().map(|target| target.name.to_owned()).chain(untyped.iter().cloned()).collect();
            Schema::from_json_value(cedar_schema(&actions, &others)).ok().map(Validator::new)
        });
        validator.as_ref()
    }

    /// The types of everything that the policy may be about are known.
    pub(in crate::check) fn decides_all(&self, policy: &Policy) -> bool {
        let known = |uid: &EntityUid| {
            let id = uid.id().unescaped();
            let listed = |target: &GuardedTarget<'_>| matches!(target.tools, Tools::Known(_));
            self.typed.contains_key(id) || self.targets.iter().any(|target| target.name == id && listed(target))
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
