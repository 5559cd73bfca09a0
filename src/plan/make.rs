//! Making a plan: a pure function of what the manifest wants and what was observed.

use std::collections::{BTreeMap, BTreeSet};

use model::Meaning;
use serde_json::{Map, Value};

use super::attachment::{attached_engine, interceptors_in_the_way, is_relocked};
use super::item::Item;
use super::shown::step;
use super::work::{self, Work};
use super::{Action, FORMAT_VERSION, Origin, Plan, PlanDiagnostic, Step, Summary, Unexpected, risk};
use crate::address::Address;
use crate::diff::{Difference, differences};
use crate::graph;
use crate::kind::{self, Kind, Names};
use crate::live::{self, State};
use crate::observe::{Live, Observed};
use crate::ownership::{self, ADDRESS, PROTECT, STACK, Tags};
use crate::reference::{self, Target};
use crate::stack::{Resource, Stack};

/// A plan with everything that carrying it out needs.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan, as people and machines read it.
    pub plan: Plan,
    /// The work behind its steps.
    pub work: Work,
}

/// Where a plan leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// What the manifest says.
    Manifest,
    /// Nothing: a destroy.
    Nothing,
}

/// Makes the plan.
pub fn make(stack: &Stack, observed: &Observed, towards: Towards, endpoint: Option<&str>) -> Planned {
    let mut making = Making { stack, observed, items: BTreeMap::new(), diagnostics: Vec::new() };
    if towards == Towards::Manifest {
        for index in graph::order(stack) {
            if let Some(resource) = stack.resources.get(index) {
                making.decide(resource);
            }
        }
    }
    making.orphans();
    making.refuse_duplicates();
    making.guard_parents();
    making.hold_back_children();
    making.block_dependents();
    making.clear_interceptors();
    making.hold_back_openings();
    making.describe_trouble();
    let Making { items, mut diagnostics, .. } = making;
    let mut items: Vec<Item> = items.into_values().collect();
    let strangers: BTreeSet<String> = observed.strangers.iter().map(|stranger| stranger.id.clone()).collect();
    let mut work = work::work(items.clone(), strangers.clone());
    while let Some(cycle) = work.cycle() {
        diagnostics.push(block_cycle(&mut items, &cycle));
        work = work::work(items.clone(), strangers.clone());
    }
    let risks = risk::risks(&items, towards);
    let mut steps: Vec<Step> = items.iter().filter(|item| item.action != Action::NoOp).map(step).collect();
    let rank = |step: &Step| kind::KINDS.iter().position(|kind| kind.name == step.kind);
    steps.sort_by_key(|step| (step.action == Action::Delete, rank(step), step.address.clone()));
    let unexpected = observed.strangers.iter().map(|stranger| Unexpected {
        parent: stranger.parent.to_string(),
        kind: stranger.kind.name.to_owned(),
        name: stranger.name.clone(),
        id: stranger.id.clone(),
    });
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        stack: stack.name.clone(),
        env: stack.instance.clone(),
        region: observed.place.region.clone(),
        account: observed.place.account.clone(),
        endpoint: endpoint.map(ToOwned::to_owned),
        hash: String::new(),
        summary: summary(&items),
        steps,
        access: Vec::new(),
        exposed: Vec::new(),
        risks,
        unexpected: unexpected.collect(),
        diagnostics,
    };
    plan.hash = plan.digest();
    Planned { plan, work }
}

fn summary(items: &[Item]) -> Summary {
    let mut summary = Summary::default();
    for item in items {
        let count = match item.action {
            Action::NoOp => &mut summary.unchanged,
            Action::Create => &mut summary.create,
            Action::Update => &mut summary.update,
            Action::Replace => &mut summary.replace,
            Action::Delete => &mut summary.delete,
            Action::Move => &mut summary.moved,
            Action::Adopt => &mut summary.adopt,
        };
        *count += 1;
    }
    summary
}

struct Making<'a> {
    stack: &'a Stack,
    observed: &'a Observed,
    items: BTreeMap<Address, Item>,
    diagnostics: Vec<PlanDiagnostic>,
}

impl Making<'_> {
    /// What happens to one resource of the manifest. Everything it needs was decided before.
    fn decide(&mut self, resource: &Resource) {
        let desired = self.resolve(&resource.document);
        let live = self.observed.ours.get(&resource.address);
        let mut item = Item {
            address: resource.address.clone(),
            kind: resource.kind,
            action: Action::Create,
            resource: Some(resource.clone()),
            tags: self.wanted_tags(resource, &desired),
            desired,
            live: live.cloned(),
            differences: Vec::new(),
            origin: Origin::Change,
            reason: None,
            blocked: None,
            unlock: false,
            unfinished: false,
        };
        if let Some(live) = live {
            self.compare(&mut item, resource, live);
        }
        self.stop(&mut item);
        self.items.insert(item.address.clone(), item);
    }

    /// The document with every output filled in that is known now and will stay.
    fn resolve(&self, document: &Value) -> Value {
        reference::resolve(document, &|target| match target {
            Target::Output(address, output) => {
                let item = self.items.get(address)?;
                let stays = matches!(item.action, Action::NoOp | Action::Update | Action::Move | Action::Adopt);
                // An output that the update changes is known when it is done.
                let moves = |member: &str| item.differences.iter().any(|difference| difference.member == member);
                let changing = match output.as_str() {
                    "issuer" | "discovery_url" => moves("IssuerConfiguration"),
                    "version" => item.action == Action::Update,
                    _ => false,
                };
                let live = item.live.as_ref().filter(|_| stays && !changing)?;
                (live.kind.output(output)?.value)(&live.document, &self.observed.place)
            }
            _ => None,
        })
    }

    fn wanted_tags(&self, resource: &Resource, desired: &Value) -> Tags {
        let Some(member) = resource.kind.tags_member else { return Tags::new() };
        let mut tags = self.stack.tags.clone();
        tags.extend(crate::tags::from_document(desired.get(member).unwrap_or(&Value::Null)));
        tags.insert(STACK.to_owned(), self.stack.owner());
        tags.insert(ADDRESS.to_owned(), resource.address.to_string());
        if resource.protect {
            tags.insert(PROTECT.to_owned(), "true".to_owned());
        }
        tags
    }

    fn compare(&self, item: &mut Item, resource: &Resource, live: &Live) {
        let kind = resource.kind;
        let view = live::view(kind, &live.document);
        item.differences = differences(kind, &item.desired, &view);
        item.differences.extend(tag_differences(kind, &item.tags, live));
        if kind.tags_member.is_none() && resource.protect != live.protected {
            item.differences.push(protect_difference(resource.protect));
        }
        item.unlock = is_locked(kind, &view);
        item.action = if item.differences.is_empty() { Action::NoOp } else { Action::Update };
        let replaced = item.differences.iter().any(|difference| forces_replacement(kind, difference));
        let parent_replaced = resource.parent.as_ref().is_some_and(|parent| {
            self.items.get(parent).is_none_or(|item| matches!(item.action, Action::Replace | Action::Create))
        });
        match live::state(kind, &live.document) {
            State::CreateFailed => {
                item.action = Action::Replace;
                item.reason = Some(because("its creation failed", &live::reasons(kind, &live.document)));
            }
            _ if replaced => item.action = Action::Replace,
            _ if parent_replaced => {
                item.action = Action::Replace;
                item.reason = Some(PARENT_REPLACED.to_owned());
            }
            State::Failed => {
                item.action = Action::Update;
                item.reason = Some(because("its last change failed", &live::reasons(kind, &live.document)));
            }
            State::Moving => {
                item.blocked =
                    Some(format!("it is still {}; run again when it is at rest", live::status(kind, &live.document)));
            }
            State::Ready | State::PendingAuth => {}
        }
        item.unfinished = kind.name == "gateway" && live.applied.is_none();
        if item.unfinished && item.action == Action::NoOp {
            item.action = Action::Update;
            item.reason = Some("its creation was not finished".to_owned());
        }
        if item.unlock && item.action == Action::Update {
            item.reason = Some("it is locked; it opens when its policies are active".to_owned());
        }
        item.origin = match &live.applied {
            _ if item.reason.is_some() => Origin::Change,
            _ if reference::holds_unknown(&item.desired) => Origin::Change,
            None => Origin::Unknown,
            Some(applied) if ownership::applied_digest(kind, &item.applied_document()).starts_with(applied) => {
                Origin::Drift
            }
            Some(_) => Origin::Change,
        };
    }

    /// What keeps a decided step from being taken.
    fn stop(&mut self, item: &mut Item) {
        let address = item.address.to_string();
        if let Some(foreign) = self.observed.foreign.iter().find(|foreign| foreign.address == item.address)
            && matches!(item.action, Action::Create | Action::Replace)
        {
            let owner = match &foreign.owner {
                Some(owner) => format!("stack `{owner}`"),
                None => "somebody else".to_owned(),
            };
            item.blocked = Some(format!("its name is taken by `{}`, which belongs to {owner}", foreign.id));
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::foreign".into(),
                address: Some(address.clone()),
                message: format!(
                    "`{address}` wants a name that is taken by `{}`, which belongs to {owner}",
                    foreign.id
                ),
                help: Some(format!("choose another name, or remove `{}` if nobody needs it", foreign.id)),
            });
        }
        let parent = item.resource.as_ref().and_then(|resource| resource.parent.as_ref());
        let namesake = self.observed.strangers.iter().find(|stranger| {
            stranger.kind == item.kind && Some(&stranger.parent) == parent && stranger.name == item.live_name()
        });
        if let Some(namesake) = namesake
            .filter(|_| item.action == Action::Create && item.kind.names == Names::NotUnique && item.blocked.is_none())
        {
            let what =
                format!("`{}` of the same name is there already, and nobody could tell the two apart", namesake.id);
            item.blocked = Some(what.clone());
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::foreign".into(),
                address: Some(address.clone()),
                message: format!("`{address}`: {what}"),
                help: Some(format!("choose another name, or remove `{}` if nobody needs it", namesake.id)),
            });
        }
        if item.action == Action::Replace && item.is_protected() {
            item.blocked = Some("it is protected, and the change needs a new object".to_owned());
            self.diagnostics.push(protected(&address, "replace"));
        }
        if item.action == Action::Replace && item.kind.name == "user_pool" {
            item.blocked = Some("a user pool is never replaced: its users would be lost".to_owned());
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::pool-replacement".into(),
                address: Some(address.clone()),
                message: format!(
                    "`{address}` would need a new pool, and a pool is never replaced: its users would be lost"
                ),
                help: Some("take the change back, or declare a second pool and move to it".into()),
            });
        }
        if item.action == Action::Replace && item.kind.name == "policy_engine" && item.reason.is_none() {
            item.blocked = Some("an attached engine cannot be replaced in one step".to_owned());
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::engine-replacement".into(),
                address: Some(address.clone()),
                message: format!("`{address}` would need a new engine, and a gateway would be without one meanwhile"),
                help: Some("declare a second engine under another name with the same policies, attach it, then remove this one".into()),
            });
        }
    }

    /// What is ours and no longer in the manifest.
    fn orphans(&mut self) {
        let orphans: Vec<(Address, Live)> = self
            .observed
            .ours
            .iter()
            .filter(|(address, _)| !self.items.contains_key(*address))
            .map(|(address, live)| (address.clone(), live.clone()))
            .collect();
        for (address, live) in orphans {
            let mut item = Item {
                address: address.clone(),
                kind: live.kind,
                action: Action::Delete,
                resource: None,
                tags: Tags::new(),
                desired: Value::Object(Map::new()),
                differences: Vec::new(),
                origin: Origin::Change,
                reason: None,
                blocked: None,
                unlock: false,
                unfinished: false,
                live: Some(live),
            };
            if item.is_protected() {
                item.blocked = Some("it is protected".to_owned());
                self.diagnostics.push(protected(&address.to_string(), "delete"));
            }
            self.items.insert(address, item);
        }
    }

    /// An address that two live objects claim is left alone: nobody can tell which one is meant.
    fn refuse_duplicates(&mut self) {
        for (address, live) in &self.observed.duplicates {
            if let Some(item) = self.items.get_mut(address) {
                item.blocked = Some(format!("`{}` claims this address as well", live.ids.id));
                if item.action == Action::NoOp {
                    item.action = Action::Update;
                }
            }
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::duplicate".into(),
                address: Some(address.to_string()),
                message: format!(
                    "two live objects carry the address `{address}` in their tags, `{}` is one",
                    live.ids.id
                ),
                help: Some(format!("look at both, and take the tag `{ADDRESS}` off the one that is not meant")),
            });
        }
    }

    /// A parent is not deleted under the children of others, nor under a child that stays.
    fn guard_parents(&mut self) {
        let goes = |item: &Item| matches!(item.action, Action::Delete | Action::Replace);
        let mut blocked: Vec<(Address, String, Option<PlanDiagnostic>)> = Vec::new();
        for stranger in &self.observed.strangers {
            if !self.items.get(&stranger.parent).is_some_and(goes) {
                continue;
            }
            let parent = &stranger.parent;
            let owner = match &stranger.owner {
                Some(owner) => format!("stack `{owner}`"),
                None => "nobody we know".to_owned(),
            };
            let what = format!("{} `{}` ({})", stranger.kind.name, stranger.name, stranger.id);
            let diagnostic = PlanDiagnostic {
                code: "plan::foreign-child".into(),
                address: Some(parent.to_string()),
                message: format!("`{parent}` cannot go: it holds the {what}, which belongs to {owner}"),
                help: Some("remove it where it was made, or keep the parent".into()),
            };
            blocked.push((parent.clone(), format!("it holds the {what}, which belongs to {owner}"), Some(diagnostic)));
        }
        for (address, item) in &self.items {
            let parent = item.live.as_ref().and_then(|live| live.parent.clone());
            if let Some(parent) = parent
                && item.blocked.is_some()
                && self.items.get(&parent).is_some_and(goes)
            {
                blocked.push((parent, format!("`{address}` in it cannot go"), None));
            }
        }
        for (address, reason, diagnostic) in blocked {
            if let Some(item) = self.items.get_mut(&address) {
                item.blocked.get_or_insert(reason);
            }
            self.diagnostics.extend(diagnostic);
        }
    }

    /// Children whose parent cannot be replaced or deleted are not replaced or deleted for its sake.
    fn hold_back_children(&mut self) {
        let kept: BTreeMap<Address, Action> = self
            .items
            .values()
            .filter(|item| item.blocked.is_some() && matches!(item.action, Action::Replace | Action::Delete))
            .map(|item| (item.address.clone(), item.action))
            .collect();
        for item in self.items.values_mut().filter(|item| item.blocked.is_none()) {
            let Some(parent) = item.parent() else { continue };
            let for_its_sake = match kept.get(&parent) {
                Some(Action::Replace) => item.reason.as_deref() == Some(PARENT_REPLACED),
                Some(Action::Delete) => item.action == Action::Delete,
                _ => false,
            };
            if for_its_sake {
                item.blocked = Some(format!("`{parent}`, which it lives in, stays"));
            }
        }
    }

    /// Where a forbid of an engine is held back, no permit of it is given and no gateway of it opened: it was meant to restrain them.
    fn hold_back_openings(&mut self) {
        let items: Vec<Item> = self.items.values().cloned().collect();
        let forbids = items.iter().filter(|item| {
            let comes = item.resource.is_some() && item.action != Action::NoOp;
            item.kind.name == "policy" && item.blocked.is_some() && comes && item.is_forbid()
        });
        for forbid in forbids {
            let Some(engine) = forbid.parent() else { continue };
            for item in self.items.values_mut().filter(|item| item.blocked.is_none() && item.action != Action::NoOp) {
                let permit = item.kind.name == "policy"
                    && item.action != Action::Delete
                    && item.parent().as_ref() == Some(&engine)
                    && !item.is_forbid();
                let opening = item.kind.name == "gateway"
                    && (item.makes() || item.unlock)
                    && attached_engine(item, &items).as_ref() == Some(&engine);
                if permit || opening {
                    item.blocked = Some(format!("`{}`, which restrains its callers, is held back", forbid.address));
                }
            }
        }
        self.block_dependents();
    }

    /// What needs a blocked creation cannot be taken either.
    fn block_dependents(&mut self) {
        let mut blocked: BTreeSet<Address> = self
            .items
            .values()
            .filter(|item| item.blocked.is_some() && item.live.is_none())
            .map(|item| item.address.clone())
            .collect();
        loop {
            let waiting =
                self.items.values().filter(|item| item.blocked.is_none() && item.action != Action::NoOp).find_map(
                    |item| {
                        let needs = item.resource.as_ref().map(Resource::needs).unwrap_or_default();
                        let need = needs.into_iter().find(|need| blocked.contains(need))?;
                        Some((item.address.clone(), need))
                    },
                );
            let Some((address, need)) = waiting else { return };
            if let Some(item) = self.items.get_mut(&address) {
                item.blocked = Some(format!("it needs `{need}`"));
            }
            blocked.insert(address);
        }
    }

    /// Policies cannot change while a gateway's interceptors are in place. A JWT gateway is locked meanwhile; others cannot be,
    /// and taking their interceptors away would open them.
    fn clear_interceptors(&mut self) {
        let items: Vec<Item> = self.items.values().cloned().collect();
        for gateway in items.iter().filter(|item| item.kind.name == "gateway") {
            if is_relocked(gateway, &items) {
                if let Some(item) = self.items.get_mut(&gateway.address) {
                    item.action = Action::Update;
                    item.origin = Origin::Change;
                    item.reason = Some("locked while its policies change, then opened again".to_owned());
                }
            } else if interceptors_in_the_way(gateway, &items) {
                let engine = attached_engine(gateway, &items);
                let reason = format!(
                    "the service cannot change policies while `{}` has interceptors, and only a JWT gateway can be locked meanwhile",
                    gateway.address
                );
                for item in
                    self.items.values_mut().filter(|item| item.kind.name == "policy" && item.action != Action::NoOp)
                {
                    if item.resource.as_ref().and_then(|resource| resource.parent.clone()) == engine {
                        item.blocked.get_or_insert_with(|| reason.clone());
                    }
                }
                self.diagnostics.push(PlanDiagnostic {
                    code: "plan::interceptors".into(),
                    address: Some(gateway.address.to_string()),
                    message: reason,
                    help: Some("take the interceptors out of the manifest and apply while callers are kept away, then put them back".into()),
                });
            }
        }
    }

    /// What could not be read.
    fn describe_trouble(&mut self) {
        for unread in &self.observed.unread {
            let what = match &unread.address {
                Some(address) if address.kind == unread.kind.name => format!("`{address}`"),
                Some(address) => format!("the {}s of `{address}`", unread.kind.name),
                None => format!("the {}s of the account", unread.kind.name),
            };
            let mut stopped = Vec::new();
            for item in self.items.values_mut().filter(|item| item.kind == unread.kind && item.live.is_none()) {
                let parent = item.resource.as_ref().and_then(|resource| resource.parent.clone());
                let concerned = match &unread.address {
                    Some(address) => item.address == *address || parent.as_ref() == Some(address),
                    None => true,
                };
                if concerned && item.blocked.is_none() {
                    item.blocked = Some(format!("{what} could not be read, so nobody knows whether it exists"));
                    stopped.push(item.address.clone());
                }
            }
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::unread".into(),
                address: unread.address.as_ref().map(ToString::to_string),
                message: format!("{what} could not be read: {}", unread.error),
                help: Some("give the caller the permission to read it, or look at the endpoint; it is not counted as unchanged".into()),
            });
        }
        self.block_dependents();
    }
}

/// Resources that wait for each other, as no order of calls can have it: `depends_on` against what the service demands.
fn block_cycle(items: &mut [Item], cycle: &BTreeSet<usize>) -> PlanDiagnostic {
    let mut names = Vec::new();
    for item in cycle.iter().filter_map(|index| items.get(*index)) {
        names.push(format!("`{}`", item.address));
    }
    for index in cycle {
        if let Some(item) = items.get_mut(*index) {
            item.blocked = Some(format!("{} wait for each other", names.join(", ")));
        }
    }
    PlanDiagnostic {
        code: "plan::cycle".into(),
        address: None,
        message: format!("{} wait for each other", names.join(", ")),
        help: Some("take away the `depends_on` that is against the service's order: gateway, targets, policies".into()),
    }
}

/// Why a child of a replaced parent is replaced.
const PARENT_REPLACED: &str = "what it lives in is replaced";

fn because(what: &str, reasons: &str) -> String {
    if reasons.is_empty() { what.to_owned() } else { format!("{what}: {reasons}") }
}

fn protected(address: &str, verb: &str) -> PlanDiagnostic {
    PlanDiagnostic {
        code: "plan::protected".into(),
        address: Some(address.to_owned()),
        message: format!("`{address}` is protected: the plan would {verb} it"),
        help: Some("apply once with `protect = false` on it (of a pool also `deletion_protection = \"INACTIVE\"`), then plan again".into()),
    }
}

/// The gateway lets nobody in but the lock.
fn is_locked(kind: &Kind, view: &Value) -> bool {
    kind.name == "gateway"
        && view
            .pointer("/authorizerConfiguration/customJWTAuthorizer/allowedClients")
            .and_then(Value::as_array)
            .is_some_and(|clients| matches!(clients.as_slice(), [only] if only.as_str() == Some(kind::LOCK_CLIENT)))
}

/// Whether a difference can only be made by a new object.
pub(super) fn forces_replacement(kind: &Kind, difference: &Difference) -> bool {
    !difference.member.is_empty() && kind.meaning(&difference.member) == Meaning::Replace
}

/// Tags that the manifest names and the live object lacks or has otherwise. Others are never removed.
fn tag_differences(kind: &Kind, wanted: &Tags, live: &Live) -> Vec<Difference> {
    if kind.tags_member.is_none() {
        return Vec::new();
    }
    let mut found: Vec<Difference> = wanted
        .iter()
        .filter(|(key, value)| key.as_str() != PROTECT && live.tags.get(*key) != Some(value))
        .map(|(key, value)| Difference {
            path: format!("tags.{key}"),
            member: String::new(),
            before: live.tags.get(key).cloned().map(Value::String),
            after: Some(Value::String(value.clone())),
        })
        .collect();
    let protect = wanted.contains_key(PROTECT);
    if protect != live.protected {
        found.push(protect_difference(protect));
    }
    found
}

fn protect_difference(wanted: bool) -> Difference {
    Difference {
        path: "protect".to_owned(),
        member: String::new(),
        before: Some(Value::Bool(!wanted)),
        after: Some(Value::Bool(wanted)),
    }
}
