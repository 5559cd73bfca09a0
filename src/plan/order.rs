//! Order: which node waits for which. On a running gateway what closes goes before what opens; a new one opens when its targets
//! and policies stand (`docs/decisions/opening.md`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Action;
use super::attachment::swaps_engine;
use super::item::Item;
use super::items::engine_arn;
use super::work::{Lowering, Op};
use crate::address::Address;
use crate::kind::{KINDS, Kind};
use crate::live;

impl<'a> Lowering<'a> {
    /// Everything waits for what its document refers to.
    pub(super) fn connect_needs(&mut self) {
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

    /// What an object lives in is ours before the object is.
    pub(super) fn connect_claims(&mut self) {
        let parents = self.claims.iter().filter_map(|(address, claim)| {
            let parent = self.item_at(address)?.parent()?;
            Some((*claim, *self.claims.get(&parent)?))
        });
        for (claim, parent) in parents.collect::<Vec<_>>() {
            self.need(claim, parent);
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
    pub(super) fn connect_scopes(&mut self) {
        for server in self.of_kind("resource_server").filter(|item| item.changes()) {
            let names = |value: Option<&Value>| -> BTreeSet<String> {
                let list =
                    value.and_then(|value| value.get("Scopes")).and_then(Value::as_array).cloned().unwrap_or_default();
                list.iter().filter_map(|scope| scope.get("ScopeName")?.as_str().map(ToOwned::to_owned)).collect()
            };
            let before = names(server.live.as_ref().map(|live| &live.document));
            let after = names(Some(&server.desired));
            let only_loses = server.action == Action::Update && after.is_subset(&before) && after != before;
            for client in self.clients_beside(server) {
                let nodes = (self.last.get(&server.address).copied(), self.last.get(&client.address).copied());
                if let (Some(server), Some(client)) = nodes {
                    if only_loses { self.after(server, client) } else { self.need(client, server) }
                }
            }
        }
    }

    /// A client names the identity providers of its pool by text: they are there before it names them, and go after it lets them go.
    pub(super) fn connect_providers(&mut self) {
        for provider in self.of_kind("identity_provider").filter(|item| item.changes()) {
            for client in self.clients_beside(provider) {
                let Some(node) = self.last.get(&client.address).copied() else { continue };
                let named = client.desired.get("SupportedIdentityProviders").and_then(Value::as_array);
                let names_it =
                    named.is_some_and(|named| named.iter().any(|name| name.as_str() == Some(provider.live_name())));
                match (self.last.get(&provider.address), self.deletes.get(&provider.address)) {
                    (Some(made), _) if names_it => self.need(node, *made),
                    (None, Some(deleted)) => self.after(*deleted, node),
                    _ => {}
                }
            }
        }
    }

    /// The clients of the pool that an item lives in.
    fn clients_beside(&self, item: &Item) -> Vec<&'a Item> {
        let pool = item.parent();
        let beside = pool.iter().flat_map(|pool| self.items.within(pool));
        beside.filter(|item| item.kind.name == "user_pool_client").collect()
    }

    /// Targets, policies and the openings of gateways.
    pub(super) fn connect_policies(&mut self) {
        let engines: BTreeSet<Address> = self.of_kind("policy").filter_map(Item::parent).collect();
        for engine in engines {
            let gateways = self.gateways_of(&engine);
            let policies: Vec<&Item> =
                self.items.within(&engine).filter(|item| item.kind.name == "policy" && item.changes()).collect();
            let running = self.is_running(&engine);
            self.policies_wait_for_tools(&gateways, &policies);
            self.chain_policies(&policies, running);
            for gateway in &gateways {
                self.order_gateway(gateway, &policies, running);
            }
        }
        self.leave_old_engines();
        self.free_names();
        // A gateway opens when its targets stand, engine or not.
        for gateway in self.of_kind("gateway").filter(|gateway| gateway.changes()) {
            let (Some(first), Some(last)) =
                (self.first.get(&gateway.address).copied(), self.last.get(&gateway.address).copied())
            else {
                continue;
            };
            if first == last && gateway.makes() {
                continue;
            }
            let single = first == last && !gateway.unlock && !gateway.unfinished;
            let targets: Vec<usize> = self
                .targets_of(gateway)
                .into_iter()
                .filter_map(|target| self.last.get(&target.address).copied())
                .collect();
            for target in targets {
                match single {
                    false => self.need(last, target),
                    // The service takes no target calls while its gateway is being updated.
                    true if closes(gateway) => self.need(target, last),
                    true => self.after(last, target),
                }
            }
        }
    }

    /// The policies of an engine that a gateway leaves stay until it has left.
    fn leave_old_engines(&mut self) {
        for gateway in self.of_kind("gateway").filter(|gateway| swaps_engine(gateway, self.items)) {
            let old = self.items.live_engine(gateway);
            let left = self.released.get(&gateway.address).or_else(|| self.first.get(&gateway.address)).copied();
            let Some(left) = left else { continue };
            for policy in old.iter().flat_map(|old| self.items.within(old)).filter(|item| item.kind.name == "policy") {
                let nodes = [self.deletes.get(&policy.address), self.first.get(&policy.address)];
                for node in nodes.into_iter().flatten().copied().collect::<Vec<_>>() {
                    self.need(node, left);
                }
            }
        }
    }

    /// Policy names are unique in the account (service.md §1.6): what has the name goes before it is made in another engine.
    fn free_names(&mut self) {
        let mut going: BTreeMap<&str, usize> = BTreeMap::new();
        for policy in self.of_kind("policy").filter(|policy| policy.action == Action::Delete) {
            if let Some(node) = self.deletes.get(&policy.address) {
                going.insert(policy.live_name(), *node);
            }
        }
        for policy in self.of_kind("policy").filter(|policy| policy.makes()) {
            let nodes = (self.first.get(&policy.address).copied(), going.get(policy.live_name()).copied());
            if let (Some(made), Some(gone)) = nodes {
                self.need(made, gone);
            }
        }
    }

    fn targets_of(&self, gateway: &Item) -> Vec<&'a Item> {
        self.items.within(&gateway.address).filter(|item| item.kind.name == "gateway_target").collect()
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
    /// running gateway what closes goes first: deleted permits, forbids, permits, deleted forbids; a permit needs every forbid. A
    /// permit that only gets another name goes when the other one stands: nobody is cut off.
    fn chain_policies(&mut self, policies: &[&Item], running: bool) {
        let rank = |item: &Item, delete: bool| match (running, delete, item.is_forbid()) {
            (true, true, false) | (false, false, false) => 0,
            (_, false, true) => 1,
            (true, false, false) => 2,
            (false, true, false) => 3,
            (_, true, true) => 5,
        };
        let mut order: Vec<(usize, Address, usize)> = Vec::new();
        let mut needed: Vec<(usize, usize)> = Vec::new();
        for policy in policies {
            if let Some(node) = self.deletes.get(&policy.address).filter(|_| !policy.is_renamed()) {
                // A replaced policy goes right before its new self.
                let replaced = policy.action == Action::Replace;
                let successor = policy.successor(policies).filter(|_| !replaced && !policy.is_forbid());
                let handed_over = successor.and_then(|other| self.first.get(&other.address).copied());
                let own = match handed_over {
                    Some(stands) => {
                        needed.push((*node, stands));
                        4
                    }
                    None if replaced => rank(policy, false),
                    None => rank(policy, true),
                };
                order.push((own, policy.address.clone(), *node));
            }
            if let Some(node) = self.first.get(&policy.address) {
                order.push((rank(policy, false), policy.address.clone(), *node));
            }
        }
        for (node, stands) in needed {
            self.need(node, stands);
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
        // A forbid goes only when all that stands in for it stands.
        let standing: Vec<usize> =
            policies.iter().filter_map(|policy| self.last.get(&policy.address).copied()).collect();
        let goes = |policy: &&&Item| match policy.action {
            Action::Delete => policy.is_forbid(),
            _ => policy.is_renamed() && policy.live_is_forbid(),
        };
        for policy in policies.iter().filter(goes) {
            if let Some(delete) = self.deletes.get(&policy.address).copied() {
                for node in &standing {
                    self.need(delete, *node);
                }
            }
        }
        self.chain_activations(policies);
    }

    /// Policies that were created without effect are activated when all stand, and joint forbids get their new text then: forbids
    /// first.
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
        if gateway.closing {
            // It restrains callers by itself, whatever becomes of the policies.
            let of = |policy: &&Item| [self.first.get(&policy.address), self.deletes.get(&policy.address)];
            let nodes: Vec<usize> = policies.iter().flat_map(of).flatten().copied().collect();
            return nodes.into_iter().for_each(|node| self.after(node, last));
        }
        let two_steps = self.first.get(&gateway.address) != Some(&last);
        let unlockable = (gateway.makes() || gateway.unfinished) && !gateway.is_jwt();
        let two_steps = two_steps || gateway.unfinished;
        for policy in policies {
            let created = self.first.get(&policy.address).copied();
            let deleted = self.deletes.get(&policy.address).copied();
            let activated = self.last.get(&policy.address).copied();
            if unlockable {
                if let Some(created) = created.filter(|_| two_steps) {
                    self.need(last, created);
                }
                let intercepted = gateway.desired.get("interceptorConfigurations").is_some();
                if let Some(activated) = activated.filter(|activated| Some(*activated) != created) {
                    // Interceptors stand before the policies count; else the gateway is finished when they do.
                    if intercepted { self.need(activated, last) } else { self.need(last, activated) }
                }
            } else if two_steps || gateway.unlock {
                for node in created.into_iter().chain(activated).chain(deleted) {
                    self.need(last, node);
                }
            } else if running && closes(gateway) {
                // It restrains callers: no permit of this run goes before it, and no forbid is taken away before it.
                let opens = if policy.is_forbid() { deleted.filter(|_| created.is_none()) } else { created };
                if let Some(opens) = opens {
                    self.need(opens, last);
                }
            } else {
                // It lets callers in: every policy of this run stands, and every permit that goes is gone.
                let closes = deleted.filter(|_| !policy.is_forbid());
                for node in created.into_iter().chain(activated).chain(closes) {
                    self.need(last, node);
                }
            }
        }
    }

    /// Deletes run in reverse: children before parents, kinds in reverse order, and after every change that may still refer to
    /// what goes.
    pub(super) fn connect_deletes(&mut self) {
        let deletes: Vec<(&'a Item, usize)> =
            self.deletes.iter().filter_map(|(address, node)| Some((self.item_at(address)?, *node))).collect();
        for (item, node) in &deletes {
            let parent = item.live.as_ref().and_then(|live| live.parent.as_ref());
            if let Some(parent) = parent.and_then(|parent| self.deletes.get(parent)).copied() {
                self.need(parent, *node);
            }
        }
        self.order_kinds(&deletes);
        let changes: BTreeSet<usize> = (0..self.nodes.len())
            .filter(|index| self.nodes.get(*index).is_some_and(|node| !matches!(node.op, Op::Delete | Op::Gather)))
            .collect();
        let all_made = (!changes.is_empty()).then(|| self.gather(changes));
        let attached = self.attached_live();
        for (item, node) in &deletes {
            match item.kind.name {
                "gateway_target" => self.target_outlives_its_policies(item, *node),
                "policy_engine" => self.engine_goes_last(item, *node, &attached),
                _ => {}
            }
            if item.action != Action::Delete || item.kind.name == "policy" {
                continue;
            }
            if item.kind.name == "user_pool_domain" {
                self.domain_makes_room(item, *node);
            } else if let Some(all_made) = all_made {
                self.after(*node, all_made);
            }
        }
    }

    /// What goes for good goes after everything that goes of later kinds.
    fn order_kinds(&mut self, deletes: &[(&Item, usize)]) {
        let rank = |kind: &Kind| KINDS.iter().position(|known| known.name == kind.name).unwrap_or_default();
        let mut by_rank: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (item, node) in deletes.iter().filter(|(item, _)| item.action == Action::Delete) {
            by_rank.entry(rank(item.kind)).or_default().insert(*node);
        }
        let mut later: Option<usize> = None;
        for nodes in by_rank.into_values().rev() {
            if let Some(later) = later {
                for node in &nodes {
                    self.after(*node, later);
                }
            }
            later = Some(self.gather(nodes.into_iter().chain(later).collect()));
        }
    }

    /// Gateways by the live id of the engine that they are attached to.
    fn attached_live(&self) -> BTreeMap<&'a str, Vec<&'a Item>> {
        let mut attached: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for gateway in self.of_kind("gateway") {
            if let Some(id) = gateway.live.as_ref().and_then(engine_arn).and_then(|arn| arn.rsplit('/').next()) {
                attached.entry(id).or_default().push(gateway);
            }
        }
        attached
    }

    /// The old self of a renamed target, and a target that goes, stay until no policy of this run names their tools any more.
    fn target_outlives_its_policies(&mut self, target: &Item, node: usize) {
        let gateway =
            target.live.as_ref().and_then(|live| live.parent.as_ref()).and_then(|parent| self.item_at(parent));
        let Some(gateway) = gateway.filter(|gateway| gateway.action.keeps()) else { return };
        if !(target.action == Action::Delete || target.stands_beside_its_old_self()) {
            return;
        }
        let engines = [self.items.attached_engine(gateway), self.items.live_engine(gateway)];
        let engines: BTreeSet<Address> = engines.into_iter().flatten().collect();
        let policies = engines.iter().flat_map(|engine| self.items.within(engine));
        let policies = policies.filter(|item| item.kind.name == "policy");
        let nodes: Vec<usize> = policies
            .flat_map(|policy| {
                [&self.first, &self.last, &self.deletes].map(|nodes| nodes.get(&policy.address).copied())
            })
            .flatten()
            .collect();
        for policy in nodes {
            self.need(node, policy);
        }
    }

    /// A pool has one domain of its kind: the old one goes before the new one comes.
    fn domain_makes_room(&mut self, domain: &Item, node: usize) {
        let others = self.of_kind("user_pool_domain").filter(|other| other.parent() == domain.parent());
        let comes: Vec<usize> = others.filter_map(|other| self.first.get(&other.address).copied()).collect();
        for other in comes {
            self.need(other, node);
        }
    }

    /// An engine goes when no gateway is attached to it any more.
    fn engine_goes_last(&mut self, engine: &Item, node: usize, attached: &BTreeMap<&str, Vec<&Item>>) {
        let Some(live) = &engine.live else { return };
        for gateway in attached.get(live.ids.id.as_str()).into_iter().flatten() {
            let nodes = [&self.deletes, &self.released, &self.last];
            let release = nodes.into_iter().find_map(|of| of.get(&gateway.address)).copied();
            if let Some(release) = release {
                self.need(node, release);
            }
        }
    }
}

/// Whether a single update of a running gateway only closes: it adds interceptors, or shortens allow-lists. Enforcement that is
/// switched on comes after the policies it enforces: before them it would cut everybody off.
pub(super) fn closes(gateway: &Item) -> bool {
    let Some(live) = &gateway.live else { return false };
    let before = live::view(gateway.kind, &live.document);
    let after = &gateway.desired;
    let list = |of: &Value, pointer: &str| of.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    gateway.differences.iter().all(|difference| {
        let pointer = format!("/{}", difference.path.replace('.', "/"));
        match difference.path.as_str() {
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
