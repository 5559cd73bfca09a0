//! The work behind a plan: calls as nodes, and what waits for what.
//!
//! *Needs* make a node skip when what it needs failed; *after* only orders. A new JWT gateway takes two calls: it is created locked
//! and opened by an update (`docs/decisions/opening.md`).

use std::collections::{BTreeMap, BTreeSet};

use model::Meaning;
use serde_json::Value;

use super::Action;
use super::attachment::{is_relocked, leaves_engine, policies_change, swaps_engine};
use super::form::Form;
use super::item::Item;
use super::items::Items;
use super::order::closes;
use super::shared::FORGETS;
use crate::address::Address;

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Creates the object and waits until it is ready.
    Create(Form),
    /// Updates it and waits until it is ready.
    Update(Form),
    /// Writes what is remembered about it, and that it is ours, and changes nothing else.
    Claim,
    /// Deletes it and waits until it is gone.
    Delete,
    /// Takes children that are gone out of its tags, and touches nothing else of it.
    Forget,
    /// Does nothing, for no item: whoever comes after it comes after all that it comes after. With it many nodes wait for many
    /// others by a few edges.
    Gather,
}

/// One piece of work.
#[derive(Debug, Clone)]
pub struct Node {
    /// The index of its item, if it is about one.
    pub item: Option<usize>,
    /// What it does.
    pub op: Op,
    /// It is the last of its item: what was applied is remembered with it.
    pub last: bool,
    /// Nodes that must have succeeded.
    pub needs: BTreeSet<usize>,
    /// Nodes that must have ended.
    pub after: BTreeSet<usize>,
}

impl Work {
    /// The items of nodes that wait for each other and so would never start.
    pub fn cycle(&self) -> Option<BTreeSet<usize>> {
        let cycle = super::cycle::find_cycle(&self.nodes)?;
        Some(cycle.into_iter().filter_map(|node| self.nodes.get(node)?.item).collect())
    }
}

/// All work of a plan.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// The items, in address order.
    pub items: Items,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The ids of objects in our parents that are not ours.
    pub strangers: BTreeSet<String>,
}

/// Lowers decided items to nodes.
pub(super) fn work(items: Items, strangers: BTreeSet<String>) -> Work {
    let mut lowering = Lowering {
        items: &items,
        nodes: Vec::new(),
        first: BTreeMap::new(),
        last: BTreeMap::new(),
        deletes: BTreeMap::new(),
        claims: BTreeMap::new(),
        released: BTreeMap::new(),
    };
    lowering.make_nodes();
    lowering.connect_claims();
    lowering.connect_needs();
    lowering.connect_scopes();
    lowering.connect_providers();
    lowering.connect_policies();
    lowering.connect_deletes();
    let mut nodes = lowering.nodes;
    super::cycle::drop_cycles(&mut nodes);
    Work { items, nodes, strangers }
}

pub(super) struct Lowering<'a> {
    pub(super) items: &'a Items,
    pub(super) nodes: Vec<Node>,
    /// The node after which the object exists.
    pub(super) first: BTreeMap<Address, usize>,
    /// The node after which it is as the manifest says.
    pub(super) last: BTreeMap<Address, usize>,
    pub(super) deletes: BTreeMap<Address, usize>,
    /// The node that writes whose an object is.
    pub(super) claims: BTreeMap<Address, usize>,
    /// The node after which a gateway is without the engine that is made anew.
    pub(super) released: BTreeMap<Address, usize>,
}

impl<'a> Lowering<'a> {
    fn item(&self, index: usize) -> Option<&'a Item> {
        self.items.get(index)
    }

    pub(super) fn item_at(&self, address: &Address) -> Option<&'a Item> {
        self.items.at(address)
    }

    pub(super) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &'a Item> + use<'a> {
        self.items.of_kind(kind)
    }

    fn add(&mut self, item: usize, op: Op) -> usize {
        self.nodes.push(Node { item: Some(item), op, last: false, needs: BTreeSet::new(), after: BTreeSet::new() });
        self.nodes.len() - 1
    }

    /// A node that ends when all of these have ended.
    pub(super) fn gather(&mut self, after: BTreeSet<usize>) -> usize {
        self.nodes.push(Node { item: None, op: Op::Gather, last: false, needs: BTreeSet::new(), after });
        self.nodes.len() - 1
    }

    pub(super) fn need(&mut self, node: usize, needs: usize) {
        if node != needs
            && let Some(node) = self.nodes.get_mut(node)
        {
            node.needs.insert(needs);
        }
    }

    pub(super) fn after(&mut self, node: usize, after: usize) {
        if node != after
            && let Some(node) = self.nodes.get_mut(node)
        {
            node.after.insert(after);
        }
    }

    fn make_nodes(&mut self) {
        for index in 0..self.items.len() {
            let Some(item) = self.item(index).filter(|item| item.changes()) else { continue };
            let mut chain = Vec::new();
            if item.is_claimed_first() {
                let claim = self.add(index, Op::Claim);
                self.claims.insert(item.address.clone(), claim);
                chain.push(claim);
            }
            if item.is_remembered_only()
                && let Some(claim) = chain.last().copied()
            {
                self.first.insert(item.address.clone(), claim);
                self.last.insert(item.address.clone(), claim);
            }
            let old = matches!(item.action, Action::Delete | Action::Replace).then(|| self.add(index, Op::Delete));
            if let Some(delete) = old {
                self.deletes.insert(item.address.clone(), delete);
                chain.push(delete);
            }
            if item.action != Action::Delete && !item.is_remembered_only() {
                let ops = self.ops(item);
                for op in ops {
                    let node = self.add(index, op);
                    if op == Op::Update(Form::Released) {
                        self.released.insert(item.address.clone(), node);
                    } else {
                        self.first.entry(item.address.clone()).or_insert(node);
                    }
                    self.last.insert(item.address.clone(), node);
                    chain.push(node);
                }
            }
            if let Some(node) = chain.last().and_then(|node| self.nodes.get_mut(*node)) {
                node.last = true;
            }
            if item.stands_beside_its_old_self()
                && let Some(delete) = old
            {
                chain.retain(|node| *node != delete);
                chain.push(delete);
            }
            for (before, node) in chain.iter().zip(chain.iter().skip(1)) {
                self.need(*node, *before);
            }
        }
    }

    /// The calls that an item takes, in order.
    fn ops(&self, item: &Item) -> Vec<Op> {
        if item.closing {
            return vec![Op::Update(Form::Closed)];
        }
        if item.reason.as_deref() == Some(FORGETS) {
            return vec![Op::Forget];
        }
        let makes = item.makes();
        let has = |member: &str| item.desired.get(member).is_some_and(|value| !value.is_null());
        if item.kind.name == "gateway" {
            let engine = has("policyEngineConfiguration");
            if makes {
                return if item.is_jwt() {
                    vec![Op::Create(Form::Locked), Op::Update(Form::Full)]
                } else if engine
                    && has("interceptorConfigurations")
                    && self.items.attached_engine(item).is_some_and(|engine| policies_change(&engine, self.items))
                {
                    vec![Op::Create(Form::Bare), Op::Update(Form::Full)]
                } else if engine {
                    // What was applied is remembered when its policies stand: until then its creation is not finished.
                    vec![Op::Create(Form::Full), Op::Update(Form::Full)]
                } else {
                    Self::with_update_only(item)
                };
            }
            let before = item.live.as_ref().map(|live| live.document.clone()).unwrap_or_default();
            if leaves_engine(item, self.items) {
                return [Form::Released, Form::Locked, Form::Full].map(Op::Update).to_vec();
            }
            if is_relocked(item, self.items) {
                return vec![Op::Update(Form::Locked), Op::Update(Form::Full)];
            }
            let attaches = engine && before.get("policyEngineConfiguration").is_none();
            let swaps = swaps_engine(item, self.items);
            let between = match (item.unlock, attaches, swaps) {
                (true, true, _) | (true, _, true) => Some(Form::Locked),
                _ if self.switches_callers(item) => Some(Form::Locked),
                (false, true, _) => Some(Form::Watching),
                (false, _, true) => Some(Form::Swapped),
                _ if self.narrows_first(item) => Some(Form::Narrowed),
                _ => None,
            };
            return between.into_iter().chain([Form::Full]).map(Op::Update).collect();
        }
        if item.kind.name == "policy" && makes && self.joins_unlockable(item) {
            return vec![Op::Create(Form::Inactive), Op::Update(Form::Full)];
        }
        if self.is_held_jointly(item) {
            return vec![Op::Update(Form::Joint), Op::Update(Form::Full)];
        }
        if makes { Self::with_update_only(item) } else { vec![Op::Update(Form::Full)] }
    }

    /// A create, and an update for members that only the update operation takes.
    fn with_update_only(item: &Item) -> Vec<Op> {
        let members = item.desired.as_object().into_iter().flatten();
        let mut only = members.filter(|(member, _)| item.kind.meaning(member) == Meaning::UpdateOnly);
        if only.next().is_some() {
            vec![Op::Create(Form::Full), Op::Update(Form::Full)]
        } else {
            vec![Op::Create(Form::Full)]
        }
    }

    pub(super) fn gateways_of(&self, engine: &Address) -> Vec<&'a Item> {
        self.items.attached_to(engine).collect()
    }

    /// Callers of the engine get through now; of one that is live somebody else's may.
    pub(super) fn is_running(&self, engine: &Address) -> bool {
        let gateways = self.gateways_of(engine);
        // An engine that is live may have gateways nobody here knows.
        let elsewhere = gateways.is_empty() && self.item_at(engine).is_some_and(|engine| engine.live.is_some());
        elsewhere || gateways.iter().any(|gateway| gateway.is_open() && !is_relocked(gateway, self.items))
    }

    /// A forbid that changes while permits of the same running engine do: in between it stops what both its texts stop.
    fn is_held_jointly(&self, policy: &Item) -> bool {
        let engine = policy.parent().filter(|_| policy.kind.name == "policy" && policy.has_joint_forbid());
        let Some(engine) = engine else { return false };
        let permits = self.items.within(&engine).any(|other| {
            other.kind.name == "policy" && other.rewrites() && !other.is_forbid() && other.action != Action::Delete
        });
        permits && self.is_running(&engine)
    }

    /// The policy belongs to a new gateway that cannot be locked: it is created without effect and activated last.
    fn joins_unlockable(&self, policy: &Item) -> bool {
        let Some(engine) = policy.parent() else { return false };
        let active = policy.desired.get("enforcementMode").and_then(Value::as_str).unwrap_or("ACTIVE") == "ACTIVE";
        let gateways = self.gateways_of(&engine);
        active && gateways.iter().any(|gateway| (gateway.makes() || gateway.unfinished) && !gateway.is_jwt())
    }

    /// An open gateway that goes over to other callers (tokens in place of signatures, or back) while its policies change: nobody
    /// gets through in between.
    fn switches_callers(&self, gateway: &Item) -> bool {
        let Some(live) = gateway.live.as_ref().filter(|_| gateway.is_open()) else { return false };
        let before = live.document.get("authorizerType");
        let tokens = gateway.is_jwt() || before.and_then(Value::as_str) == Some("CUSTOM_JWT");
        tokens && before != gateway.desired.get("authorizerType") && self.changes_policies(gateway)
    }

    fn changes_policies(&self, gateway: &Item) -> bool {
        let engine = self.items.attached_engine(gateway);
        let mut policies = engine.iter().flat_map(|engine| self.items.within(engine));
        policies.any(|item| item.kind.name == "policy" && item.rewrites())
    }

    /// An open gateway whose allow-lists lose some and gain others while its policies change: whoever goes, goes first.
    fn narrows_first(&self, gateway: &Item) -> bool {
        let Some(live) = gateway.live.as_ref().filter(|_| gateway.is_open() && gateway.is_jwt()) else { return false };
        let lists = ["allowedClients", "allowedAudience", "allowedScopes"];
        let loses = lists.iter().any(|list| {
            let pointer = format!("/authorizerConfiguration/customJWTAuthorizer/{list}");
            let items = |of: &Value| of.pointer(&pointer).and_then(Value::as_array).cloned().unwrap_or_default();
            let wanted = items(&gateway.desired);
            !wanted.is_empty() && items(&live.document).iter().any(|item| !wanted.contains(item))
        });
        loses && self.changes_policies(gateway) && !closes(gateway)
    }
}
