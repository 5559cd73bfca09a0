//! The work behind a plan: calls as nodes, and what waits for what.
//!
//! *Needs* make a node skip when what it needs failed; *after* only orders. Opening is decided here: a new JWT gateway is created
//! locked and opened by one update when its targets and policies stand; on a running gateway what closes goes before what opens
//! (`docs/decisions/opening.md`).

use std::collections::{BTreeMap, BTreeSet};

use model::Meaning;
use serde_json::{Value, json};

use super::{Action, Origin};
use crate::address::Address;
use crate::diff::Difference;
use crate::kind::{KINDS, Kind, LOCK_CLIENT, statement_of};
use crate::live;
use crate::observe::Live;
use crate::ownership::{PROTECT, Tags};
use crate::reference::{self, Target};
use crate::stack::Resource;

/// One resource and what was decided about it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: &'static Kind,
    /// What happens.
    pub action: Action,
    /// What the manifest says; nothing for an orphan.
    pub resource: Option<Resource>,
    /// The desired document, with what is known now filled in.
    pub desired: Value,
    /// The tags it should carry, ours included; empty for kinds without tags.
    pub tags: Tags,
    /// The live object.
    pub live: Option<Live>,
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// Where the difference comes from.
    pub origin: Origin,
    /// Why, where the changes do not say it.
    pub reason: Option<String>,
    /// What keeps it from being done.
    pub blocked: Option<String>,
    /// The live gateway is locked.
    pub unlock: bool,
}

impl Item {
    /// The live name it has or will have.
    pub fn live_name(&self) -> &str {
        match (&self.resource, &self.live) {
            (Some(resource), _) => resource.live_name().unwrap_or_default(),
            (None, Some(live)) => &live.name,
            (None, None) => "",
        }
    }

    /// It must not be deleted or replaced: the live object says so. A manifest that says no frees it only by an apply of its own.
    pub fn is_protected(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.protected || live.tags.contains_key(PROTECT))
            || self.resource.as_ref().is_some_and(|resource| resource.protect)
    }

    /// The document whose digest is remembered: the desired one with its tags, ours left out.
    pub fn applied_document(&self) -> Value {
        applied_document(
            self.kind,
            &self.desired,
            &self.tags,
            self.resource.as_ref().is_some_and(|resource| resource.protect),
        )
    }

    /// It is a policy whose wanted statement is a forbid; of an orphan, its live one.
    pub fn is_forbid(&self) -> bool {
        match self.desired.get("definition").and_then(statement_of) {
            Some(statement) => is_forbid(statement),
            None => self.live_is_forbid(),
        }
    }

    /// It is a policy whose live statement is a forbid.
    pub fn live_is_forbid(&self) -> bool {
        let definition = self.live.as_ref().and_then(|live| live.document.get("definition"));
        definition.and_then(statement_of).is_some_and(is_forbid)
    }

    /// A gateway that lets callers in now: live, kept, and not locked.
    pub fn is_open(&self) -> bool {
        self.live.is_some() && !self.unlock && matches!(self.action, Action::NoOp | Action::Update)
    }

    /// Its callers present tokens.
    pub fn is_jwt(&self) -> bool {
        self.desired.get("authorizerType").and_then(Value::as_str) == Some("CUSTOM_JWT")
    }

    fn makes(&self) -> bool {
        matches!(self.action, Action::Create | Action::Replace)
    }

    fn changes(&self) -> bool {
        self.action != Action::NoOp && self.blocked.is_none()
    }
}

/// The document that is remembered as applied.
pub fn applied_document(kind: &Kind, desired: &Value, tags: &Tags, protect: bool) -> Value {
    let own: Tags = tags
        .iter()
        .filter(|(key, _)| !key.starts_with(crate::ownership::PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut document = desired.clone();
    if let (Some(member), Some(members)) = (kind.tags_member, document.as_object_mut()) {
        members.remove(member);
    }
    json!({"document": document, "tags": own, "protect": protect})
}

/// A statement forbids. Annotations and comments may stand before the effect.
pub fn is_forbid(statement: &str) -> bool {
    match cedar_policy::Policy::parse(None, statement) {
        Ok(policy) => policy.effect() == cedar_policy::Effect::Forbid,
        // Temporal and guardrail statements are not plain Cedar; the effect is still the first word of the statement.
        Err(_) => statement.lines().any(|line| line.trim_start().starts_with("forbid")),
    }
}

/// Which form of the desired document a node sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the manifest says.
    Full,
    /// A gateway that lets nobody in: the lock in its allow-list, its engine in ENFORCE, no interceptors.
    Locked,
    /// A running gateway with its new engine attached in `LOG_ONLY`, all else as it is.
    Watching,
    /// A gateway without its interceptors: the service cannot create policies while they are in place.
    Bare,
    /// A policy that is not counted yet: `LOG_ONLY`.
    Inactive,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Creates the object and waits until it is ready.
    Create(Form),
    /// Updates it and waits until it is ready.
    Update(Form),
    /// Deletes it and waits until it is gone.
    Delete,
}

/// One piece of work.
#[derive(Debug, Clone)]
pub struct Node {
    /// The index of its item.
    pub item: usize,
    /// What it does.
    pub op: Op,
    /// It is the last of its item: what was applied is remembered with it.
    pub last: bool,
    /// Nodes that must have succeeded.
    pub needs: BTreeSet<usize>,
    /// Nodes that must have ended.
    pub after: BTreeSet<usize>,
}

/// All work of a plan.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// The items, in address order.
    pub items: Vec<Item>,
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// The engine that a gateway item is attached to: as the manifest says, else as it is live.
pub(super) fn attached_engine(gateway: &Item, items: &[Item]) -> Option<Address> {
    if let Some(resource) = &gateway.resource {
        let arn = resource.document.pointer("/policyEngineConfiguration/arn")?.as_str()?;
        for piece in reference::pieces(arn) {
            if let Err(reference::Reference { target: Target::Output(address, _), .. }) = piece {
                return Some(address);
            }
        }
        return engine_of_arn(arn, items);
    }
    let live = gateway.live.as_ref()?;
    engine_of_arn(live.document.pointer("/policyEngineConfiguration/arn")?.as_str()?, items)
}

fn engine_of_arn(arn: &str, items: &[Item]) -> Option<Address> {
    let engines = items.iter().filter(|item| item.kind.name == "policy_engine");
    let mut engines = engines.filter_map(|item| Some((item, item.live.as_ref()?)));
    engines.find(|(_, live)| arn.ends_with(&format!("/{}", live.ids.id))).map(|(item, _)| item.address.clone())
}

/// Policies of the engine change in this run.
fn policies_change(engine: &Address, items: &[Item]) -> bool {
    items.iter().any(|item| {
        item.kind.name == "policy"
            && item.changes()
            && matches!(item.action, Action::Create | Action::Update | Action::Replace)
            && parent_of(item).as_ref() == Some(engine)
    })
}

fn parent_of(item: &Item) -> Option<Address> {
    match &item.resource {
        Some(resource) => resource.parent.clone(),
        None => item.live.as_ref().and_then(|live| live.parent.clone()),
    }
}

/// A running gateway whose interceptors are in the way of policies that change: the service lists tools through them.
pub(super) fn interceptors_in_the_way(gateway: &Item, items: &[Item]) -> bool {
    let Some(live) = &gateway.live else { return false };
    let list = live.document.get("interceptorConfigurations").and_then(Value::as_array);
    matches!(gateway.action, Action::NoOp | Action::Update)
        && gateway.blocked.is_none()
        && !gateway.unlock
        && list.is_some_and(|list| !list.is_empty())
        && attached_engine(gateway, items).is_some_and(|engine| policies_change(&engine, items))
}

/// It is locked while its policies change. Only a JWT gateway can be locked.
pub(super) fn is_relocked(gateway: &Item, items: &[Item]) -> bool {
    gateway.is_jwt() && interceptors_in_the_way(gateway, items)
}

/// Lowers decided items to nodes.
pub(super) fn work(items: Vec<Item>) -> Work {
    let mut lowering = Lowering {
        items: &items,
        nodes: Vec::new(),
        first: BTreeMap::new(),
        last: BTreeMap::new(),
        deletes: BTreeMap::new(),
    };
    lowering.make_nodes();
    lowering.connect_needs();
    lowering.connect_scopes();
    lowering.connect_policies();
    lowering.connect_deletes();
    let mut nodes = lowering.nodes;
    drop_cycles(&mut nodes);
    Work { items, nodes }
}

struct Lowering<'a> {
    items: &'a [Item],
    nodes: Vec<Node>,
    /// The node after which the object exists.
    first: BTreeMap<Address, usize>,
    /// The node after which it is as the manifest says.
    last: BTreeMap<Address, usize>,
    deletes: BTreeMap<Address, usize>,
}

impl<'a> Lowering<'a> {
    fn item(&self, index: usize) -> Option<&'a Item> {
        self.items.get(index)
    }

    fn item_at(&self, address: &Address) -> Option<&'a Item> {
        self.items.iter().find(|item| item.address == *address)
    }

    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &'a Item> + use<'a> {
        self.items.iter().filter(move |item| item.kind.name == kind)
    }

    fn add(&mut self, item: usize, op: Op) -> usize {
        self.nodes.push(Node { item, op, last: false, needs: BTreeSet::new(), after: BTreeSet::new() });
        self.nodes.len() - 1
    }

    fn need(&mut self, node: usize, needs: usize) {
        if node != needs
            && let Some(node) = self.nodes.get_mut(node)
        {
            node.needs.insert(needs);
        }
    }

    fn after(&mut self, node: usize, after: usize) {
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
            if matches!(item.action, Action::Delete | Action::Replace) {
                let delete = self.add(index, Op::Delete);
                self.deletes.insert(item.address.clone(), delete);
                chain.push(delete);
            }
            if item.action != Action::Delete {
                let ops = self.ops(item);
                for (position, op) in ops.iter().enumerate() {
                    let node = self.add(index, *op);
                    if position == 0 {
                        self.first.insert(item.address.clone(), node);
                    }
                    self.last.insert(item.address.clone(), node);
                    chain.push(node);
                }
            }
            for (before, node) in chain.iter().zip(chain.iter().skip(1)) {
                self.need(*node, *before);
            }
            if let Some(node) = chain.last().and_then(|node| self.nodes.get_mut(*node)) {
                node.last = true;
            }
        }
    }

    /// The calls that an item takes, in order.
    fn ops(&self, item: &Item) -> Vec<Op> {
        let makes = item.makes();
        let has = |member: &str| item.desired.get(member).is_some_and(|value| !value.is_null());
        if item.kind.name == "gateway" {
            let engine = has("policyEngineConfiguration");
            if makes {
                return if item.is_jwt() {
                    vec![Op::Create(Form::Locked), Op::Update(Form::Full)]
                } else if engine && has("interceptorConfigurations") {
                    vec![Op::Create(Form::Bare), Op::Update(Form::Full)]
                } else {
                    Self::with_update_only(item)
                };
            }
            let before = item.live.as_ref().map(|live| live.document.clone()).unwrap_or_default();
            if is_relocked(item, self.items) {
                return vec![Op::Update(Form::Locked), Op::Update(Form::Full)];
            }
            let attaches = engine && before.get("policyEngineConfiguration").is_none();
            if attaches && !item.unlock {
                return vec![Op::Update(Form::Watching), Op::Update(Form::Full)];
            }
            return vec![Op::Update(Form::Full)];
        }
        if item.kind.name == "policy" && makes && self.joins_unlockable(item) {
            return vec![Op::Create(Form::Inactive), Op::Update(Form::Full)];
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

    fn gateways_of(&self, engine: &Address) -> Vec<&'a Item> {
        self.of_kind("gateway")
            .filter(|gateway| attached_engine(gateway, self.items).as_ref() == Some(engine))
            .collect()
    }

    /// The policy belongs to a new gateway that cannot be locked: it is created without effect and activated last.
    fn joins_unlockable(&self, policy: &Item) -> bool {
        let Some(engine) = parent_of(policy) else { return false };
        let active = policy.desired.get("enforcementMode").and_then(Value::as_str).unwrap_or("ACTIVE") == "ACTIVE";
        let gateways = self.gateways_of(&engine);
        active && !gateways.is_empty() && gateways.iter().all(|gateway| gateway.makes() && !gateway.is_jwt())
    }

    /// Everything waits for what its document refers to.
    fn connect_needs(&mut self) {
        for item in self.items.iter().filter(|item| item.changes()) {
            let Some(resource) = &item.resource else { continue };
            for need in resource.needs() {
                let exists =
                    if need.kind == "gateway" { self.gateway_exists(&need) } else { self.last.get(&need).copied() };
                let Some(exists) = exists else { continue };
                for node in [self.first.get(&item.address), self.last.get(&item.address)]
                    .into_iter()
                    .flatten()
                    .copied()
                    .collect::<Vec<_>>()
                {
                    self.need(node, exists);
                }
            }
        }
    }

    /// The node after which a gateway can take targets and policies. What it opens with comes later; a single update of one that
    /// is there already is not waited for.
    fn gateway_exists(&self, gateway: &Address) -> Option<usize> {
        let (first, last) = (self.first.get(gateway).copied()?, self.last.get(gateway).copied()?);
        let makes = self.item_at(gateway).is_some_and(Item::makes);
        (makes || first != last).then_some(first)
    }

    /// A client names scopes by text: a resource server that gains scopes goes before the clients, one that only loses some after.
    fn connect_scopes(&mut self) {
        for server in self.of_kind("resource_server").filter(|item| item.changes()) {
            let names = |value: Option<&Value>| -> BTreeSet<String> {
                let list =
                    value.and_then(|value| value.get("Scopes")).and_then(Value::as_array).cloned().unwrap_or_default();
                list.iter().filter_map(|scope| scope.get("ScopeName")?.as_str().map(ToOwned::to_owned)).collect()
            };
            let before = names(server.live.as_ref().map(|live| &live.document));
            let after = names(Some(&server.desired));
            let only_loses = server.action == Action::Update && after.is_subset(&before) && after != before;
            for client in self.of_kind("user_pool_client").filter(|client| parent_of(client) == parent_of(server)) {
                let nodes = (self.last.get(&server.address).copied(), self.last.get(&client.address).copied());
                if let (Some(server), Some(client)) = nodes {
                    if only_loses { self.after(server, client) } else { self.need(client, server) }
                }
            }
        }
    }

    /// Targets, policies and the openings of gateways.
    fn connect_policies(&mut self) {
        let engines: BTreeSet<Address> = self.of_kind("policy").filter_map(parent_of).collect();
        for engine in engines {
            let gateways = self.gateways_of(&engine);
            let policies: Vec<&Item> = self
                .of_kind("policy")
                .filter(|policy| policy.changes() && parent_of(policy).as_ref() == Some(&engine))
                .collect();
            let running = gateways.iter().any(|gateway| gateway.is_open() && !is_relocked(gateway, self.items));
            self.policies_wait_for_tools(&gateways, &policies);
            self.chain_policies(&policies, running);
            for gateway in &gateways {
                self.order_gateway(gateway, &policies, running);
            }
        }
        // A gateway opens when its targets stand, engine or not.
        for gateway in self.of_kind("gateway").filter(|gateway| gateway.changes()) {
            let (Some(first), Some(last)) =
                (self.first.get(&gateway.address).copied(), self.last.get(&gateway.address).copied())
            else {
                continue;
            };
            if first == last && !gateway.unlock {
                continue;
            }
            let targets: Vec<usize> = self
                .targets_of(gateway)
                .into_iter()
                .filter_map(|target| self.last.get(&target.address).copied())
                .collect();
            for target in targets {
                self.need(last, target);
            }
        }
    }

    fn targets_of(&self, gateway: &Item) -> Vec<&'a Item> {
        let address = gateway.address.clone();
        self.of_kind("gateway_target").filter(|target| parent_of(target).as_ref() == Some(&address)).collect()
    }

    /// The service validates a policy against the tools of every attached gateway.
    fn policies_wait_for_tools(&mut self, gateways: &[&Item], policies: &[&Item]) {
        let mut tools: Vec<usize> = Vec::new();
        for gateway in gateways {
            tools.extend(self.gateway_exists(&gateway.address));
            tools.extend(
                self.targets_of(gateway)
                    .into_iter()
                    .filter(|target| target.action != Action::Delete)
                    .filter_map(|target| self.last.get(&target.address)),
            );
        }
        for policy in policies {
            if let Some(node) = self.first.get(&policy.address).copied() {
                for tool in &tools {
                    self.need(node, *tool);
                }
            }
        }
    }

    /// Policies of one engine run one after the other. While nobody can call: permits, then forbids, as the findings want. On a
    /// running gateway what closes goes first: deleted permits, forbids, permits, deleted forbids; a permit needs every forbid.
    fn chain_policies(&mut self, policies: &[&Item], running: bool) {
        let rank = |item: &Item, delete: bool| match (running, delete, item.is_forbid()) {
            (true, true, false) | (false, false, false) => 0,
            (_, false, true) => 1,
            (true, false, false) => 2,
            (false, true, false) => 3,
            (_, true, true) => 4,
        };
        let mut order: Vec<(usize, Address, usize)> = Vec::new();
        for policy in policies {
            if let Some(node) = self.deletes.get(&policy.address) {
                // A replaced policy goes right before its new self.
                let own = if policy.action == Action::Replace { rank(policy, false) } else { rank(policy, true) };
                order.push((own, policy.address.clone(), *node));
            }
            if let Some(node) = self.first.get(&policy.address) {
                order.push((rank(policy, false), policy.address.clone(), *node));
            }
        }
        order.sort();
        for (before, node) in order.iter().zip(order.iter().skip(1)) {
            self.after(node.2, before.2);
        }
        if running {
            let forbids: Vec<usize> = policies
                .iter()
                .filter(|policy| policy.is_forbid())
                .filter_map(|policy| self.first.get(&policy.address).copied())
                .collect();
            for permit in policies.iter().filter(|policy| !policy.is_forbid()) {
                if let Some(permit) = self.first.get(&permit.address).copied() {
                    for forbid in &forbids {
                        self.need(permit, *forbid);
                    }
                }
            }
        }
        self.chain_activations(policies);
    }

    /// Policies that were created without effect are activated when all stand: forbids first.
    fn chain_activations(&mut self, policies: &[&Item]) {
        let mut late: Vec<(bool, usize)> = Vec::new();
        for policy in policies {
            if let (Some(first), Some(last)) = (self.first.get(&policy.address), self.last.get(&policy.address))
                && first != last
            {
                late.push((!policy.is_forbid(), *last));
            }
        }
        late.sort_unstable();
        let firsts: Vec<usize> =
            policies.iter().filter_map(|policy| self.first.get(&policy.address).copied()).collect();
        for (_, node) in &late {
            for first in &firsts {
                self.need(*node, *first);
            }
        }
        for (before, node) in late.iter().zip(late.iter().skip(1)) {
            self.need(node.1, before.1);
        }
    }

    fn order_gateway(&mut self, gateway: &Item, policies: &[&Item], running: bool) {
        let Some(last) = self.last.get(&gateway.address).copied() else { return };
        let two_steps = self.first.get(&gateway.address) != Some(&last);
        let unlockable = gateway.makes() && !gateway.is_jwt();
        for policy in policies {
            let created = self.first.get(&policy.address).copied();
            let deleted = self.deletes.get(&policy.address).copied();
            let activated = self.last.get(&policy.address).copied();
            if unlockable {
                // Interceptors come back before the policies count.
                if let Some(created) = created.filter(|_| two_steps) {
                    self.need(last, created);
                }
                if let Some(activated) = activated.filter(|activated| Some(*activated) != created) {
                    self.need(activated, last);
                }
            } else if two_steps || gateway.unlock {
                for node in created.into_iter().chain(activated).chain(deleted) {
                    self.need(last, node);
                }
            } else if running && closes(gateway) {
                // It restrains callers: no permit of this run goes before it.
                if let Some(created) = created.filter(|_| !policy.is_forbid()) {
                    self.need(created, last);
                }
            } else {
                for node in created.into_iter().chain(activated) {
                    self.need(last, node);
                }
            }
        }
    }

    /// Deletes run in reverse: children before parents, and after every change that may still refer to what goes.
    fn connect_deletes(&mut self) {
        let rank = |kind: &Kind| KINDS.iter().position(|known| known.name == kind.name).unwrap_or_default();
        let deletes: Vec<(Address, usize)> =
            self.deletes.iter().map(|(address, node)| (address.clone(), *node)).collect();
        for (address, node) in &deletes {
            let Some(item) = self.item_at(address) else { continue };
            for (other_address, other) in &deletes {
                let Some(other_item) = self.item_at(other_address) else { continue };
                if other_item.live.as_ref().and_then(|live| live.parent.as_ref()) == Some(address) {
                    self.need(*node, *other);
                } else if item.action == Action::Delete
                    && other_item.action == Action::Delete
                    && rank(other_item.kind) > rank(item.kind)
                {
                    self.after(*node, *other);
                }
            }
            if item.kind.name == "policy_engine" {
                self.engine_goes_last(item, *node);
            }
            if item.action != Action::Delete || item.kind.name == "policy" {
                continue;
            }
            if item.kind.name == "user_pool_domain" {
                self.domain_makes_room(item, *node);
                continue;
            }
            let others: Vec<usize> = (0..self.nodes.len())
                .filter(|other| self.nodes.get(*other).is_some_and(|node| node.op != Op::Delete))
                .collect();
            for other in others {
                self.after(*node, other);
            }
        }
    }

    /// A pool has one domain of its kind: the old one goes before the new one comes.
    fn domain_makes_room(&mut self, domain: &Item, node: usize) {
        let others = self.of_kind("user_pool_domain").filter(|other| parent_of(other) == parent_of(domain));
        let comes: Vec<usize> = others.filter_map(|other| self.first.get(&other.address).copied()).collect();
        for other in comes {
            self.need(other, node);
        }
    }

    /// An engine goes when no gateway is attached to it any more.
    fn engine_goes_last(&mut self, engine: &Item, node: usize) {
        let Some(live) = &engine.live else { return };
        for gateway in self.of_kind("gateway") {
            let arn = gateway
                .live
                .as_ref()
                .and_then(|live| live.document.pointer("/policyEngineConfiguration/arn"))
                .and_then(Value::as_str);
            if !arn.is_some_and(|arn| arn.ends_with(&format!("/{}", live.ids.id))) {
                continue;
            }
            let release = self.deletes.get(&gateway.address).or_else(|| self.last.get(&gateway.address)).copied();
            if let Some(release) = release {
                self.need(node, release);
            }
        }
    }
}

/// Whether a single update of a running gateway only closes: it adds interceptors or enforcement, or shortens allow-lists.
fn closes(gateway: &Item) -> bool {
    let Some(live) = &gateway.live else { return false };
    let before = live::view(gateway.kind, &live.document);
    let after = &gateway.desired;
    let list = |of: &Value, pointer: &str| of.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    gateway.differences.iter().all(|difference| {
        let pointer = format!("/{}", difference.path.replace('.', "/"));
        match difference.path.as_str() {
            "policyEngineConfiguration.mode" => difference.after == Some(json!("ENFORCE")),
            "authorizerConfiguration.customJWTAuthorizer.allowedClients"
            | "authorizerConfiguration.customJWTAuthorizer.allowedAudience"
            | "authorizerConfiguration.customJWTAuthorizer.allowedScopes" => {
                let (before, after) = (list(&before, &pointer), list(after, &pointer));
                before.is_empty() || (!after.is_empty() && after.iter().all(|item| before.contains(item)))
            }
            path if path.starts_with("interceptorConfigurations") => difference.before.is_none(),
            path => {
                let member = path.split(['.', '[']).next().unwrap_or_default();
                !matches!(
                    member,
                    "authorizerType" | "authorizerConfiguration" | "policyEngineConfiguration" | "wafConfiguration"
                )
            }
        }
    })
}

/// Takes orderings out of every cycle. Needs alone form none: they follow references, which the manifest check keeps free of
/// cycles, and the direction from tools to policies to openings.
fn drop_cycles(nodes: &mut [Node]) {
    loop {
        let mut done: BTreeSet<usize> = BTreeSet::new();
        loop {
            let ready: Vec<usize> = nodes
                .iter()
                .enumerate()
                .filter(|(index, node)| {
                    !done.contains(index) && node.needs.iter().chain(&node.after).all(|other| done.contains(other))
                })
                .map(|(index, _)| index)
                .collect();
            if ready.is_empty() {
                break;
            }
            done.extend(ready);
        }
        let stuck = nodes
            .iter_mut()
            .enumerate()
            .find(|(index, node)| !done.contains(index) && node.after.iter().any(|other| !done.contains(other)));
        match stuck {
            Some((_, node)) => node.after.retain(|other| done.contains(other)),
            None => return,
        }
    }
}

/// A desired document in a form. `live` is the view of the live object, for forms that leave parts as they are.
pub fn in_form(form: Form, desired: &Value, live: Option<&Value>) -> Value {
    let mut document = desired.clone();
    let Some(members) = document.as_object_mut() else { return document };
    match form {
        Form::Full => {}
        Form::Locked => {
            members.remove("interceptorConfigurations");
            if let Some(engine) = members.get_mut("policyEngineConfiguration").and_then(Value::as_object_mut) {
                engine.insert("mode".to_owned(), json!("ENFORCE"));
            }
            let jwt = members.get_mut("authorizerConfiguration").and_then(|of| of.get_mut("customJWTAuthorizer"));
            if let Some(jwt) = jwt.and_then(Value::as_object_mut) {
                jwt.insert("allowedClients".to_owned(), json!([LOCK_CLIENT]));
            }
        }
        Form::Watching => {
            for member in ["authorizerType", "authorizerConfiguration", "interceptorConfigurations", "wafConfiguration"]
            {
                match live.and_then(|live| live.get(member)) {
                    Some(value) => members.insert(member.to_owned(), value.clone()),
                    None => members.remove(member),
                };
            }
            if let Some(engine) = members.get_mut("policyEngineConfiguration").and_then(Value::as_object_mut) {
                engine.insert("mode".to_owned(), json!("LOG_ONLY"));
            }
        }
        Form::Bare => {
            members.remove("interceptorConfigurations");
        }
        Form::Inactive => {
            members.insert("enforcementMode".to_owned(), json!("LOG_ONLY"));
        }
    }
    document
}
