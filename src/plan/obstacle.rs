//! Obstacles: what keeps a decided step from being taken, and what has to wait because of it.

use std::collections::{BTreeMap, BTreeSet};

use super::attachment::{
    forbids_tools_of, interceptors_in_the_way, is_relocked, kept_by, leaves_engine, opens_at_once,
};
use super::item::Item;
use super::items::Items;
use super::make::{Making, PARENT_REPLACED};
use super::{Action, Origin, PlanDiagnostic};
use crate::address::Address;
use crate::kind::Names;
use crate::ownership::ADDRESS;
use crate::stack::Resource;

impl Making<'_> {
    /// What keeps a decided step from being taken.
    pub(super) fn stop(&mut self, item: &mut Item) {
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
                help: Some(help_with_foreign(&foreign.id, foreign.owner.as_deref(), &item.address)),
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
                help: Some(help_with_foreign(&namesake.id, namesake.owner.as_deref(), &item.address)),
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
    }

    /// An engine that is made anew under its name goes before the new one comes: a gateway that cannot be locked meanwhile keeps it.
    pub(super) fn keep_engines(&mut self) {
        let items = Items::new(self.items.values().cloned().collect());
        for engine in items.iter().filter(|item| item.kind.name == "policy_engine" && item.blocked.is_none()) {
            let Some(gateway) = kept_by(engine, &items) else { continue };
            let address = &engine.address;
            if self.items.get(&gateway).is_some_and(Item::stays) {
                if let Some(item) = self.items.get_mut(address) {
                    item.blocked = Some(format!("`{gateway}` is adopted and stays attached to it"));
                }
                self.diagnostics.push(PlanDiagnostic {
                    code: "plan::engine-replacement".into(),
                    address: Some(address.to_string()),
                    message: format!(
                        "`{address}` would be made anew, and `{gateway}` is adopted and stays attached to it"
                    ),
                    help: Some(format!("take `adopt` away from `{gateway}` first, and apply")),
                });
                continue;
            }
            if let Some(item) = self.items.get_mut(address) {
                item.blocked = Some(format!("`{gateway}` would be open while it is made anew"));
            }
            self.diagnostics.push(PlanDiagnostic {
                code: "plan::engine-replacement".into(),
                address: Some(address.to_string()),
                message: format!("`{address}` would be made anew under its name, and `{gateway}`, which is without tokens and cannot be locked, would be open meanwhile"),
                help: Some("give the engine a new name in the same change: then the new one stands before the old one goes".into()),
            });
        }
    }

    /// An address that two live objects claim is left alone: nobody can tell which one is meant.
    pub(super) fn refuse_duplicates(&mut self) {
        for (address, live) in &self.observed.duplicates {
            if self.refuse_claim(address, live) {
                continue;
            }
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
    pub(super) fn guard_parents(&mut self) {
        let goes = |item: &Item| matches!(item.action, Action::Delete | Action::Replace);
        self.guard_strangers();
        let mut blocked: Vec<(Address, String)> = Vec::new();
        for (address, item) in &self.items {
            let parent = item.live.as_ref().and_then(|live| live.parent.clone());
            if let Some(parent) = parent
                && item.blocked.is_some()
                && self.items.get(&parent).is_some_and(goes)
            {
                blocked.push((parent, format!("`{address}` in it cannot go")));
            }
        }
        for (address, reason) in blocked {
            if let Some(item) = self.items.get_mut(&address) {
                item.blocked.get_or_insert(reason);
            }
        }
    }

    /// Children whose parent cannot be replaced or deleted are not replaced or deleted for its sake.
    pub(super) fn hold_back_children(&mut self) {
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
    pub(super) fn hold_back_openings(&mut self) {
        let items = Items::new(self.items.values().cloned().collect());
        let forbids = items.iter().filter(|item| {
            let comes = item.resource.is_some() && item.action != Action::NoOp;
            item.kind.name == "policy" && item.blocked.is_some() && comes && item.is_forbid()
        });
        for forbid in forbids {
            let Some(engine) = forbid.parent() else { continue };
            for item in self.items.values_mut().filter(|item| item.blocked.is_none() && item.action != Action::NoOp) {
                let permit = item.kind.name == "policy"
                    && item.rewrites()
                    && item.action != Action::Delete
                    && item.parent().as_ref() == Some(&engine)
                    && !item.is_forbid();
                let opening = item.kind.name == "gateway"
                    && (item.makes() || item.unlock)
                    && items.attached_engine(item).as_ref() == Some(&engine);
                // Its tools would be within reach before anything restrains them.
                let target = forbids_tools_of(forbid, item)
                    && item.makes()
                    && items.iter().any(|gateway| opens_at_once(item, gateway, &items));
                if permit || opening || target {
                    item.blocked = Some(format!("`{}`, which restrains its callers, is held back", forbid.address));
                }
            }
        }
        self.block_dependents();
    }

    /// What needs a blocked creation cannot be taken either.
    pub(super) fn block_dependents(&mut self) {
        let mut needed_by: BTreeMap<Address, Vec<Address>> = BTreeMap::new();
        let mut blocked: Vec<Address> = Vec::new();
        for item in self.items.values() {
            for need in item.resource.as_ref().map(Resource::needs).unwrap_or_default() {
                needed_by.entry(need).or_default().push(item.address.clone());
            }
            if item.blocked.is_some() && item.live.is_none() {
                blocked.push(item.address.clone());
            }
        }
        while let Some(need) = blocked.pop() {
            for address in needed_by.get(&need).into_iter().flatten() {
                let waits = |item: &&mut Item| item.blocked.is_none() && item.action != Action::NoOp;
                if let Some(item) = self.items.get_mut(address).filter(waits) {
                    item.blocked = Some(format!("it needs `{need}`"));
                    blocked.push(address.clone());
                }
            }
        }
    }

    /// Policies cannot change while a gateway's interceptors are in place. A JWT gateway is locked meanwhile; others cannot be,
    /// and taking their interceptors away would open them.
    pub(super) fn clear_interceptors(&mut self) {
        let items = Items::new(self.items.values().cloned().collect());
        for gateway in items.iter().filter(|item| item.kind.name == "gateway") {
            if is_relocked(gateway, &items) {
                if let Some(item) = self.items.get_mut(&gateway.address) {
                    item.action = Action::Update;
                    if item.differences.is_empty() {
                        item.origin = Origin::Change;
                    }
                    let meanwhile =
                        if leaves_engine(gateway, &items) { "its engine is made anew" } else { "its policies change" };
                    item.reason = Some(format!("locked while {meanwhile}, then opened again"));
                }
            } else if interceptors_in_the_way(gateway, &items) {
                let engine = items.attached_engine(gateway);
                let but = if gateway.stays() {
                    "it is adopted and stays as it is"
                } else {
                    "only a JWT gateway can be locked meanwhile"
                };
                let reason = format!(
                    "the service cannot change policies while `{}` has interceptors, and {but}",
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
    pub(super) fn describe_trouble(&mut self) {
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

/// The way round a name that is taken.
fn help_with_foreign(id: &str, owner: Option<&str>, address: &Address) -> String {
    match owner {
        None => format!("to take it over, write\n    adopt = \"{id}\"\nbelow `[{address}]`; else choose another name"),
        Some(owner) => format!(
            "choose another name; if it is to move here, write below `[moved]`\n    \"stack:{owner}/{}.NAME\" = \"{address}\"\nwith its name in that stack",
            address.kind
        ),
    }
}

pub(super) fn protected(address: &str, verb: &str) -> PlanDiagnostic {
    PlanDiagnostic {
        code: "plan::protected".into(),
        address: Some(address.to_owned()),
        message: format!("`{address}` is protected: the plan would {verb} it"),
        help: Some("apply once with `protect = false` on it (of a pool also `deletion_protection = \"INACTIVE\"`), then plan again".into()),
    }
}

/// Resources that wait for each other, as no order of calls can have it: `depends_on` against what the service demands.
pub(super) fn block_cycle(items: &mut [Item], cycle: &BTreeSet<usize>) -> PlanDiagnostic {
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
