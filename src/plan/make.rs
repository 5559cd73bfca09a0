//! Making a plan: a pure function of what the manifest wants and what was observed.

use std::collections::{BTreeMap, BTreeSet};

use model::Meaning;
use serde_json::{Map, Value};

use super::item::{Item, leave_unmanaged};
use super::items::Items;
use super::lock::is_locked;
use super::obstacle::{block_cycle, protected};
use super::room::too_many_tags;
use super::scope::{self, Asked, Scope};
use super::shown::step;
use super::work::{self, Work};
use super::{Action, FORMAT_VERSION, Origin, Plan, PlanDiagnostic, Step, Summary, accept, access, exposed, risk};
use crate::address::Address;
use crate::claim::Claim;
use crate::diff::Difference;
use crate::graph;
use crate::kind::{self, Kind};
use crate::live::{self, State};
use crate::moment::{Moment, span};
use crate::observe::{Live, Observed};
use crate::ownership::{self, ADDRESS, EXPIRES, Membership, PROTECT, SOURCE, STACK, Tags, UNFINISHED};
use crate::reference::{self, Target};
use crate::secret_version;
use crate::stack::{Resource, Secrets, Stack};
use crate::stacks;

/// A plan with everything that carrying it out needs.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan, as people and machines read it.
    pub plan: Plan,
    /// The work behind its steps.
    pub work: Work,
    /// The values that the work sends, and that stand nowhere in the plan.
    pub secrets: Secrets,
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
pub fn make(stack: &Stack, observed: &Observed, towards: Towards, asked: &Asked, endpoint: Option<&str>) -> Planned {
    let expires = stacks::expiry(stack, observed);
    let expiring = observed.ours.values().any(|live| live.tags.contains_key(EXPIRES));
    let (items, diagnostics, notes) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut making = Making { stack, observed, expires, expiring, items, diagnostics, notes };
    if towards == Towards::Manifest {
        for index in graph::order(stack) {
            if let Some(resource) = stack.resources.get(index) {
                making.decide(resource);
            }
        }
    }
    making.keep_borrowed();
    making.orphans();
    making.look_at_moves();
    making.delete_unknown_children();
    making.refuse_duplicates();
    making.describe_findings(towards);
    making.forget_gone_children();
    making.make_room();
    making.keep_engines();
    making.guard_parents();
    making.hold_back_children();
    making.block_dependents();
    making.clear_interceptors();
    making.hold_back_openings();
    making.describe_trouble();
    let unsaid = making.unsaid();
    let unexpected = making.unexpected();
    let Making { items, mut diagnostics, mut notes, .. } = making;
    let mut items = Items::new(items.into_values().collect());
    let decided = items.clone();
    let left_out = scope::restrict(stack, asked, &mut items, observed, &mut diagnostics);
    let strangers: BTreeSet<String> = observed.strangers.iter().map(|stranger| stranger.id.clone()).collect();
    let mut work = work::work(items.clone(), strangers.clone());
    while let Some(cycle) = work.cycle() {
        diagnostics.push(block_cycle(&mut items, &cycle));
        work = work::work(items.clone(), strangers.clone());
    }
    let mut risks = match asked.scope {
        // What is a risk was left out.
        Scope::Close => Vec::new(),
        _ => risk::risks(&items, towards),
    };
    let changed = access::changed(stack, &items, observed, towards, asked.solver.as_ref());
    let (exposed, failed) = exposed::exposed(stack, &decided, &items, observed, asked.solver.as_ref(), towards);
    notes.extend(changed.trouble().or(failed.as_deref().map(access::solver_failed)));
    risks.retain(|risk| !changed.clears(risk));
    risks.extend(changed.risks(&items, &risks));
    notes.extend(accept::decide(stack, asked, towards, &mut risks, &items));
    let mut steps: Vec<Step> = items.iter().filter(|item| item.action != Action::NoOp).map(step).collect();
    let rank = |step: &Step| kind::KINDS.iter().position(|kind| kind.name == step.kind);
    steps.sort_by_key(|step| (step.action == Action::Delete, rank(step), step.address.clone()));
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        stack: stack.name.clone(),
        env: stack.instance.clone(),
        region: observed.place.region.clone(),
        account: observed.place.account.clone(),
        endpoint: endpoint.map(ToOwned::to_owned),
        hash: String::new(),
        summary: summary(&items, left_out.len()),
        steps,
        access: changed.lines(),
        exposed,
        risks,
        unexpected,
        unsaid,
        diagnostics,
        notes,
        extent: asked.scope.extent(),
        left_out,
    };
    super::secret::scrub(&mut plan, &stack.secrets);
    plan.hash = plan.digest();
    Planned { plan, work, secrets: stack.secrets.clone() }
}

fn summary(items: &[Item], left_out: usize) -> Summary {
    let mut summary = Summary::default();
    for item in items.iter().filter(|item| !(item.is_borrowed() && item.action == Action::NoOp)) {
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
    summary.unchanged = summary.unchanged.saturating_sub(left_out);
    summary
}

pub(super) struct Making<'a> {
    pub(super) stack: &'a Stack,
    pub(super) observed: &'a Observed,
    /// When the stack expires.
    expires: Option<Moment>,
    /// A live object says when the stack expires.
    expiring: bool,
    pub(super) items: BTreeMap<Address, Item>,
    pub(super) diagnostics: Vec<PlanDiagnostic>,
    pub(super) notes: Vec<PlanDiagnostic>,
}

impl Making<'_> {
    /// What happens to one resource of the manifest. Everything it needs was decided before.
    fn decide(&mut self, resource: &Resource) {
        if resource.existing.is_some() {
            return self.decide_existing(resource);
        }
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
            unsaid: Vec::new(),
            origin: Origin::Change,
            reason: None,
            blocked: None,
            unlock: false,
            unfinished: false,
            forgets: Membership::default(),
            closing: false,
        };
        if let Some(live) = live {
            self.compare(&mut item, resource, live);
        }
        self.stop_adoption(&mut item);
        self.stop(&mut item);
        self.ask_for_secrets(&mut item);
        self.diagnostics.extend(too_many_tags(&mut item));
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
        if !resource.unmanaged.iter().any(|unmanaged| unmanaged == member) {
            tags.extend(crate::tags::from_document(desired.get(member).unwrap_or(&Value::Null)));
        }
        // What is remembered of a child stands in its parent's membership.
        if resource.kind.arn.is_none() {
            return tags;
        }
        tags.insert(STACK.to_owned(), self.stack.owner());
        tags.insert(ADDRESS.to_owned(), resource.address.to_string());
        if resource.kind.parent.is_none() {
            let of_stack =
                [(SOURCE, self.stack.source.clone()), (EXPIRES, self.expires.map(|moment| moment.to_string()))];
            tags.extend(of_stack.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        }
        if resource.protect {
            tags.insert(PROTECT.to_owned(), "true".to_owned());
        }
        if let Some(version) = resource.secret_version.as_ref().filter(|_| resource.adopt.is_none()) {
            tags.insert(secret_version::TAG.to_owned(), version.clone());
        }
        tags
    }

    fn compare(&self, item: &mut Item, resource: &Resource, live: &Live) {
        let kind = resource.kind;
        let view = live::view(kind, &live.document);
        leave_unmanaged(&mut item.desired, &resource.unmanaged, &view);
        item.differences = self.member_differences(item, live, &view);
        item.differences.retain(|difference| !resource.unmanaged.contains(&difference.member));
        if item.stays() {
            item.unsaid = std::mem::take(&mut item.differences);
            item.desired = settable(kind, &view);
        }
        item.differences.extend(tag_differences(kind, &item.tags, live));
        item.differences.extend(self.expiry_difference(&item.tags, live));
        if kind.arn.is_none() && resource.protect != live.protected {
            item.differences.push(protect_difference(resource.protect));
        }
        item.unlock = kind.name == "gateway" && is_locked(&view) && !item.stays();
        item.action = match &live.claim {
            Some(Claim::Adopted) => Action::Adopt,
            Some(Claim::Moved { .. }) if item.differences.iter().all(is_about_ownership) => Action::Move,
            None if item.differences.is_empty() => Action::NoOp,
            _ => Action::Update,
        };
        let replaced = item.differences.iter().any(|difference| forces_replacement(kind, difference));
        let parent_replaced = resource.parent.as_ref().is_some_and(|parent| {
            self.items.get(parent).is_none_or(|item| matches!(item.action, Action::Replace | Action::Create))
        });
        match live::state(kind, &live.document) {
            _ if item.stays() => {
                if parent_replaced {
                    item.blocked = Some("what it lives in is replaced: take `adopt` away first".to_owned());
                }
            }
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
        let unfinished = kind.name == "gateway" && !item.stays() && live.tags.contains_key(UNFINISHED);
        // A gateway that takes tokens was created locked: where it is open, only the tag is left of its creation.
        let takes_tokens = view.get("authorizerType").and_then(Value::as_str) == Some("CUSTOM_JWT");
        item.unfinished = unfinished && (item.unlock || !takes_tokens);
        if unfinished && matches!(item.action, Action::NoOp | Action::Move) {
            item.action = Action::Update;
            item.reason = Some("its creation was not finished".to_owned());
        }
        if item.unlock && item.action == Action::Update {
            item.reason = Some("it is locked; it opens when its policies are active".to_owned());
        }
        if let Some(was) = live.claim.as_ref().and_then(Claim::reason).filter(|_| item.action != Action::Replace) {
            item.reason = Some(item.reason.take().map_or(was.clone(), |reason| format!("{was}; {reason}")));
        }
        item.origin = match &live.applied {
            _ if item.reason.is_some() || item.differences.iter().all(|difference| difference.path == EXPIRY_PATH) => {
                Origin::Change
            }
            _ if !item.is_known() => Origin::Change,
            None => Origin::Unknown,
            Some(applied) if ownership::applied_digest(kind, &item.applied_document()).starts_with(applied) => {
                Origin::Drift
            }
            Some(_) => Origin::Change,
        };
    }

    /// The time to live begins, or ends. A tag that only some objects of the stack carry is no difference, nor is the moment.
    fn expiry_difference(&self, wanted: &Tags, live: &Live) -> Option<Difference> {
        let before = live.tags.get(EXPIRES);
        let is_moment = before.is_some_and(|value| Moment::parse(value).is_some());
        let differs = match wanted.get(EXPIRES) {
            Some(_) if before.is_none() => !self.expiring,
            Some(_) => !is_moment,
            None => before.is_some(),
        };
        let after = wanted.get(EXPIRES).and(self.stack.expires).map(|time| Value::String(span(time)));
        let path = EXPIRY_PATH.to_owned();
        differs.then(|| Difference { path, member: String::new(), before: before.cloned().map(Value::String), after })
    }

    /// What is ours and no longer in the manifest.
    fn orphans(&mut self) {
        let orphans: Vec<(Address, Live)> = self
            .observed
            .ours
            .iter()
            .filter(|(address, _)| !self.items.contains_key(*address))
            // What this stack was going to take over is not its to delete.
            .filter(|(_, live)| !live.claim.as_ref().is_some_and(Claim::is_of_others))
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
                unsaid: Vec::new(),
                origin: Origin::Change,
                reason: None,
                blocked: None,
                unlock: false,
                unfinished: false,
                forgets: Membership::default(),
                closing: false,
                live: Some(live),
            };
            if item.is_protected() {
                item.blocked = Some("it is protected".to_owned());
                self.diagnostics.push(protected(&address.to_string(), "delete"));
            }
            self.items.insert(address, item);
        }
    }
}

/// The path of the difference that is the time to live.
const EXPIRY_PATH: &str = "expires";

/// Why a child of a replaced parent is replaced.
pub(super) const PARENT_REPLACED: &str = "what it lives in is replaced";

fn because(what: &str, reasons: &str) -> String {
    if reasons.is_empty() { what.to_owned() } else { format!("{what}: {reasons}") }
}

/// What can be set of a live object.
fn settable(kind: &Kind, view: &Value) -> Value {
    let members = view.as_object().into_iter().flatten();
    members
        .filter(|(member, _)| kind.member(member).is_some() && Some(member.as_str()) != kind.tags_member)
        .map(|(member, value)| (member.clone(), value.clone()))
        .collect::<Map<String, Value>>()
        .into()
}

/// It says whose an object is, and where, and nothing else.
fn is_about_ownership(difference: &Difference) -> bool {
    difference.path.strip_prefix("tags.").is_some_and(|tag| tag == STACK || tag == ADDRESS)
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
        .filter(|(key, _)| ![PROTECT, EXPIRES, secret_version::TAG].contains(&key.as_str()))
        .filter(|(key, value)| live.tags.get(*key) != Some(value))
        .map(|(key, value)| Difference {
            path: format!("tags.{key}"),
            member: String::new(),
            before: live.tags.get(key).cloned().map(Value::String),
            after: Some(Value::String(value.clone())),
        })
        .collect();
    let protect = wanted.contains_key(PROTECT);
    if kind.arn.is_some() && protect != live.protected {
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
