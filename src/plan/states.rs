//! States of a stack, put together from documents: the account as it is, as it will be when the plan was carried out, and as it
//! would be if nobody had changed anything by hand. Who can call what in each is evaluated as of a manifest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Action;
use super::hand::Hand;
use super::item::Item;
use super::items::Items;
use crate::address::Address;
use crate::diagnostic::Span;
use crate::kind::{GATEWAY_TARGET, Kind, POLICY, statement_of};
use crate::live::{self, State};
use crate::observe::{Observed, Stranger};
use crate::reference::{Filter, Reference, Target};
use crate::stack::{Existing, Resource, Stack};

/// The kinds that access is made of.
pub(super) const KINDS: [&str; 6] =
    ["user_pool", "user_pool_client", "policy_engine", "policy", "gateway", "gateway_target"];

/// The gateways whose access may be another because of these things, each of a kind, at an address, in a parent.
pub(super) fn touched(
    items: &Items,
    things: impl Iterator<Item = (&'static Kind, Address, Option<Address>)>,
) -> BTreeSet<Address> {
    let things: BTreeSet<(&str, Address)> = things
        .filter_map(|(kind, address, parent)| match kind.name {
            "gateway_target" | "policy" => Some((kind.name, parent?)),
            name => KINDS.contains(&name).then_some((name, address)),
        })
        .collect();
    // Whoever has a token of a pool may come to any gateway.
    let anywhere = things.iter().any(|(kind, _)| matches!(*kind, "user_pool" | "user_pool_client"));
    let about = |kind, address: &Address| things.contains(&(kind, address.clone()));
    let is_touched = |gateway: &&Item| {
        let engines = [items.attached_engine(gateway), items.live_engine(gateway)];
        let mut engines = engines.iter().flatten();
        ["gateway", "gateway_target"].into_iter().any(|kind| about(kind, &gateway.address))
            || engines.any(|engine| about("policy", engine) || about("policy_engine", engine))
    };
    let gateways = items.of_kind("gateway").filter(|gateway| anywhere || is_touched(gateway));
    gateways.map(|gateway| gateway.address.clone()).collect()
}

/// A stack in its states.
pub(super) struct States<'a> {
    pub(super) stack: &'a Stack,
    pub(super) items: &'a Items,
    pub(super) observed: &'a Observed,
    /// The gateways that are looked at.
    pub(super) gateways: BTreeSet<Address>,
}

impl States<'_> {
    /// The account as it is.
    pub(super) fn before(&self) -> Stack {
        let resources = self.items.iter().filter_map(|item| Some(self.resource(item, Self::is(item)?)));
        let strangers = self.strangers(|_| true);
        self.state(resources.chain(strangers).collect(), |item| item.live.is_some())
    }

    /// The account as it would be if nobody had changed anything by hand.
    pub(super) fn untouched(&self, hand: &Hand<'_>) -> Stack {
        let resources = self.items.iter().filter_map(|item| {
            let document = if hand.made(item) {
                return None;
            } else if Hand::changed(item) || hand.deleted(item) {
                item.desired.clone()
            } else {
                Self::is(item)?
            };
            Some(self.resource(item, document))
        });
        let strangers = self.strangers(|stranger| !hand.is_unexpected(stranger));
        self.state(resources.chain(strangers).collect(), |item| item.live.is_some())
    }

    /// The account as it will be.
    pub(super) fn after(&self) -> Stack {
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
        let strangers = self.strangers(|_| true);
        self.state(resources.chain(strangers).collect(), |item| item.action.keeps() || item.blocked.is_some())
    }

    /// What an item is to those who call; nothing where it never let anybody in.
    fn is(item: &Item) -> Option<Value> {
        let document = Self::live(item).filter(|_| !is_new(item))?;
        // A gateway that is locked does not show whom it let in: it opens to those whom the risks tell of.
        let relocked = item.unlock && !item.unfinished && item.action != Action::Delete;
        Some(if relocked { with_door_of(document, &item.desired) } else { document })
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
    fn strangers(&self, takes_part: impl Fn(&Stranger) -> bool) -> impl Iterator<Item = Resource> {
        let kinds = |stranger: &&Stranger| stranger.kind == &POLICY || stranger.kind == &GATEWAY_TARGET;
        let strangers = self.observed.strangers.iter().filter(kinds).filter(move |stranger| takes_part(stranger));
        let counts = |stranger: &&Stranger| !never_stood(stranger) && item_of(stranger, self.items).is_none();
        strangers.filter(counts).map(|stranger| {
            let mut resource = Resource::new(address_of(stranger, self.items), stranger.kind, Span::default());
            resource.parent = Some(stranger.parent.clone());
            resource.document = stranger_document(stranger);
            resource
        })
    }

    fn is_looked_at(&self, resource: &Resource) -> bool {
        resource.kind.name != "gateway" || self.gateways.contains(&resource.address)
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
            resources: resources.into_iter().filter(|resource| self.is_looked_at(resource)).collect(),
            outputs,
            ..Stack::default()
        }
    }
}

/// The item that stands for what nobody declared: there is one where a step deletes it.
pub(super) fn item_of<'a>(stranger: &Stranger, items: &'a Items) -> Option<&'a Item> {
    let is_it = |item: &&Item| item.live.as_ref().is_some_and(|live| live.ids.id == stranger.id);
    items.of_kind(stranger.kind.name).find(is_it)
}

/// A policy of somebody whose creation failed: it is not in force.
pub(super) fn never_stood(stranger: &Stranger) -> bool {
    stranger.kind == &POLICY && live::state(stranger.kind, &stranger.item) == State::CreateFailed
}

/// What stands for something that nobody declared.
pub(super) fn address_of(stranger: &Stranger, items: &Items) -> Address {
    let undeclared = || Address::new(stranger.kind.name, format!("undeclared/{}", stranger.name));
    item_of(stranger, items).map_or_else(undeclared, |item| item.address.clone())
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
