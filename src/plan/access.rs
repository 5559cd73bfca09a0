//! Access in a plan: who gains or loses which tool by its steps, and which of that is a risk.
//!
//! Two states of the stack are put together, each from documents: the account as it is, and as it will be when the plan was carried
//! out. What comes of them is compared by [`crate::access::change`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::item::Item;
use super::items::Items;
use super::make::Towards;
use super::{AccessChange, AccessEffect, Action, PlanDiagnostic, Risk};
use crate::access::change::{Cause, Change, Comparison, Effect, How, Who, compare};
use crate::access::prove::Solver;
use crate::access::{Access, Cell};
use crate::address::Address;
use crate::check::deep::deep;
use crate::diagnostic::Span;
use crate::kind::{GATEWAY_TARGET, POLICY, statement_of};
use crate::live::{self, State};
use crate::observe::{Observed, Stranger};
use crate::reference::{Filter, Reference, Target};
use crate::stack::{Existing, Resource, Stack};

/// The kinds that access is made of.
const KINDS: [&str; 6] = ["user_pool", "user_pool_client", "policy_engine", "policy", "gateway", "gateway_target"];

/// The access that a plan changes.
#[derive(Default)]
pub(super) struct Changed {
    comparison: Comparison,
    /// What changes access, where there was no room to compare it: nobody knows who gains what.
    unknown: Option<Address>,
}

/// Compares what is with what the items lead to.
pub(super) fn changed(
    stack: &Stack,
    items: &Items,
    observed: &Observed,
    towards: Towards,
    solver: Option<&Solver>,
) -> Changed {
    let relevant = |item: &Item| KINDS.contains(&item.kind.name) && item.changes();
    if towards == Towards::Nothing || !items.iter().any(relevant) {
        return Changed::default();
    }
    let states = States { stack, items, observed };
    let (before, after) = (states.before(), states.after());
    // Live policies are as deep as whoever wrote them wanted.
    match deep(|| compare(&Access::of(&before), &Access::of(&after), solver)) {
        Some(comparison) => Changed { comparison, unknown: None },
        None => Changed {
            unknown: items.iter().find(|item| relevant(item)).map(|item| item.address.clone()),
            ..Changed::default()
        },
    }
}

impl Changed {
    /// What the plan says of it.
    pub(super) fn lines(&self) -> Vec<AccessChange> {
        self.comparison.changes.iter().map(line).collect()
    }

    /// A risk that the text of a policy suggests, and that is proved to be none.
    pub(super) fn clears(&self, risk: &Risk) -> bool {
        let cleared = |address: Address| self.comparison.cleared.contains(&address);
        risk.code == "access-widened" && Address::parse(&risk.address).is_some_and(cleared)
    }

    /// What went wrong with the solver.
    pub(super) fn trouble(&self) -> Option<PlanDiagnostic> {
        let trouble = self.comparison.trouble.as_ref()?;
        Some(PlanDiagnostic {
            code: "plan::solver".into(),
            address: None,
            message: format!("the solver failed, and what it leaves open was tested only: {trouble}"),
            help: Some("look at what `CVC5` names, or at `cvc5` on the `PATH`".into()),
        })
    }

    /// The risks in it: each caller that gains a tool, where no other risk says so already.
    pub(super) fn risks(&self, items: &Items, known: &[Risk]) -> Vec<Risk> {
        let has = |code: &str, address: &Address| {
            let address = address.to_string();
            known.iter().any(|risk| risk.code == code && risk.address == address)
        };
        let mut found = Vec::new();
        if let Some(address) = &self.unknown {
            found.push(Risk {
                code: "access-widened".to_owned(),
                address: address.to_string(),
                message: "who gains what is not known: no memory is left to compare the policies".to_owned(),
                accepted: false,
                decision: None,
                persona: None,
                tool: None,
            });
        }
        for change in
            self.comparison.changes.iter().filter(|change| matches!(change.effect, Effect::Widened | Effect::Both))
        {
            let Who::Caller(persona) = &change.who else { continue };
            let gateway = &change.gateway;
            let changing = |policy: &&Address| items.at(policy).is_some_and(Item::changes);
            let address = match &change.cause {
                Cause::Mode | Cause::Door => gateway.clone(),
                Cause::Tool(target) => target.clone(),
                Cause::Caller => client(items, persona).unwrap_or_else(|| gateway.clone()),
                Cause::Policies(policies) => policies.iter().find(changing).unwrap_or(gateway).clone(),
            };
            let covered = match &change.cause {
                // Who lets everybody in knows that.
                Cause::Mode => has("engine-detached", gateway) || has("enforcement-weakened", gateway),
                Cause::Door => has("authorizer-weakened", gateway),
                _ => has("forbid-removed", &address) || has("enforcement-weakened", &address),
            };
            if !covered {
                let message = sentence(change);
                found.push(Risk {
                    code: "access-widened".to_owned(),
                    address: address.to_string(),
                    message,
                    accepted: false,
                    decision: None,
                    persona: Some(persona.clone()),
                    tool: Some(change.tool.clone()),
                });
            }
        }
        found
    }
}

fn client(items: &Items, name: &str) -> Option<Address> {
    items.of_kind("user_pool_client").map(|item| &item.address).find(|address| address.name == name).cloned()
}

/// What a caller gains, in words.
fn sentence(change: &Change) -> String {
    let (Who::Caller(who) | Who::Others(who)) = &change.who;
    let can = if change.after == Some(Cell::Sometimes) { "can now sometimes call" } else { "can now call" };
    let example = change.witness.as_ref().map(|witness| format!(", for example with {witness}")).unwrap_or_default();
    format!("{who} {can} {}{example}", change.tool)
}

fn line(change: &Change) -> AccessChange {
    let (Who::Caller(principal) | Who::Others(principal)) = &change.who;
    let word = |cell: Option<Cell>| cell.map_or("never", Cell::word).to_owned();
    let (before, after) = match change.effect {
        Effect::New => ("no gateway".to_owned(), word(change.after)),
        Effect::Unknown => ("not known".to_owned(), "not known".to_owned()),
        Effect::Equivalent => ("as its policies say".to_owned(), "the same".to_owned()),
        _ => (word(change.before), word(change.after)),
    };
    let (how, tokens) = match change.how {
        How::Proved => ("proved", None),
        How::Tested(tokens) => ("tested", Some(tokens)),
        How::Unknown => ("unknown", None),
    };
    AccessChange {
        effect: match change.effect {
            Effect::New => AccessEffect::New,
            Effect::Widened => AccessEffect::Widened,
            Effect::Both => AccessEffect::Both,
            Effect::Unknown => AccessEffect::Unknown,
            Effect::Narrowed => AccessEffect::Narrowed,
            Effect::Equivalent => AccessEffect::Equivalent,
        },
        gateway: change.gateway.to_string(),
        principal: principal.clone(),
        tool: change.tool.clone(),
        before,
        after,
        how: how.to_owned(),
        tokens,
        witness: change.witness.clone(),
    }
}

/// The stack in two states.
struct States<'a> {
    stack: &'a Stack,
    items: &'a Items,
    observed: &'a Observed,
}

impl States<'_> {
    fn before(&self) -> Stack {
        let resources = self.items.iter().filter(|item| !is_new(item)).filter_map(|item| {
            let document = Self::live(item)?;
            // A gateway that is locked does not show whom it let in: it opens to those whom the risks tell of.
            let relocked = item.unlock && !item.unfinished && item.action != Action::Delete;
            let document = if relocked { with_door_of(document, &item.desired) } else { document };
            Some(self.resource(item, document))
        });
        let strangers = self.strangers();
        self.state(resources.chain(strangers).collect(), |item| item.live.is_some())
    }

    fn after(&self) -> Stack {
        let resources = self.items.iter().filter_map(|item| {
            let document = if item.blocked.is_some() || item.action == Action::NoOp {
                Self::live(item)?
            } else if item.action == Action::Delete {
                return None;
            } else {
                item.desired.clone()
            };
            Some(self.resource(item, document))
        });
        let strangers = self.strangers();
        self.state(resources.chain(strangers).collect(), |item| item.action.keeps() || item.blocked.is_some())
    }

    /// What an item is live, in the spelling of requests; nothing where it is not there or was never finished.
    fn live(item: &Item) -> Option<Value> {
        let live = item.live.as_ref()?;
        let failed = item.kind == &POLICY && live::state(item.kind, &live.document) == State::CreateFailed;
        (!failed).then(|| live::view(item.kind, &live.document))
    }

    fn resource(&self, item: &Item, mut document: Value) -> Resource {
        if item.kind.name == "gateway" {
            self.name_engine(&mut document);
        }
        let mut resource = match &item.resource {
            Some(resource) => resource.clone(),
            None => Resource::new(item.address.clone(), item.kind, Span::default()),
        };
        resource.parent = item.parent();
        // What an account was asked for is known, whosever it is; of an engine the policies of others may not be.
        if item.kind.name != "policy_engine" && item.live.is_some() {
            resource.existing = None;
        }
        if item.kind.name == "policy_engine" && self.is_partly_seen(item) {
            resource.existing = Some(Existing::Id(resource.address.to_string()));
        }
        resource.document = document;
        resource
    }

    /// The engine of a gateway, by the address that its policies live in.
    fn name_engine(&self, gateway: &mut Value) {
        let Some(arn) = gateway.pointer_mut("/policyEngineConfiguration/arn") else { return };
        let engine = self.items.of_kind("policy_engine").find(|engine| {
            let id = engine.live.as_ref().map(|live| live.ids.id.as_str());
            id.is_some() && arn.as_str().and_then(|arn| arn.rsplit('/').next()) == id
        });
        if let Some(engine) = engine {
            let target = Target::Output(engine.address.clone(), "arn".to_owned());
            *arn = Value::String(Reference { target, filter: Filter::Plain }.mark());
        }
    }

    /// Some policies of the engine are not known.
    fn is_partly_seen(&self, engine: &Item) -> bool {
        let of_it = |stranger: &&Stranger| stranger.kind == &POLICY && stranger.parent == engine.address;
        let unread = |unread: &crate::observe::Unread| {
            unread.kind == &POLICY || unread.address.as_ref() == Some(&engine.address)
        };
        self.observed.unread.iter().any(unread)
            || self
                .observed
                .strangers
                .iter()
                .filter(of_it)
                .any(|stranger| statement(&stranger_document(stranger)).is_none())
    }

    /// What nobody declared and no step deletes takes part on both sides.
    fn strangers(&self) -> impl Iterator<Item = Resource> {
        let ours = |stranger: &Stranger| {
            self.items.iter().any(|item| {
                item.kind == stranger.kind && item.live.as_ref().is_some_and(|live| live.ids.id == stranger.id)
            })
        };
        let kinds = |stranger: &&Stranger| stranger.kind == &POLICY || stranger.kind == &GATEWAY_TARGET;
        let strangers = self.observed.strangers.iter().filter(kinds).filter(move |stranger| !ours(stranger));
        strangers.map(|stranger| {
            let address = Address::new(stranger.kind.name, format!("undeclared/{}", stranger.name));
            let mut resource = Resource::new(address, stranger.kind, Span::default());
            resource.parent = Some(stranger.parent.clone());
            resource.document = stranger_document(stranger);
            resource
        })
    }

    fn state(&self, resources: Vec<Resource>, is_known: impl Fn(&Item) -> bool) -> Stack {
        let mut outputs = BTreeMap::new();
        for item in self.items.iter().filter(|item| is_known(item)) {
            for output in item.kind.outputs {
                let live = item.live.as_ref();
                let value = live.and_then(|live| (output.value)(&live.document, &self.observed.place));
                outputs.extend(value.map(|value| ((item.address.clone(), output.name.to_owned()), value)));
            }
        }
        Stack {
            name: self.stack.name.clone(),
            instance: self.stack.instance.clone(),
            region: Some(self.observed.place.region.clone()),
            account: Some(self.observed.place.account.clone()),
            authorizers: self.stack.authorizers.clone(),
            personas: self.stack.personas.clone(),
            resources,
            outputs,
            ..Stack::default()
        }
    }
}

/// It never let anybody in: what it opens is new.
fn is_new(item: &Item) -> bool {
    item.kind.name == "gateway" && item.unfinished
}

fn stranger_document(stranger: &Stranger) -> Value {
    let document = stranger.live.as_ref().map_or(&stranger.item, |live| &live.document);
    live::view(stranger.kind, document)
}

fn statement(policy: &Value) -> Option<&str> {
    statement_of(policy.get("definition")?)
}

fn with_door_of(mut gateway: Value, other: &Value) -> Value {
    let Some(members) = gateway.as_object_mut() else { return gateway };
    for member in ["authorizerType", "authorizerConfiguration", "policyEngineConfiguration"] {
        match other.get(member) {
            Some(value) => drop(members.insert(member.to_owned(), value.clone())),
            None => drop(members.remove(member)),
        }
    }
    gateway
}
