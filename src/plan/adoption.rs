//! Adoption and moves: what is claimed and cannot be had, and what an adopted object has that the manifest does not say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::item::Item;
use super::make::Making;
use super::secret::{concealed, may_have_held_secret};
use super::shown::change;
use super::{Action, MemberChange, PlanDiagnostic, Unsaid};
use crate::address::Address;
use crate::claim::Claim;
use crate::diff::Difference;
use crate::kind::{Kind, RESOURCE_SERVER};
use crate::live;
use crate::manifest::member_line;
use crate::observe::Live;
use crate::secret::Places;
use crate::stack::Moved;

impl Making<'_> {
    /// An object that cannot be taken over stops its branch.
    pub(super) fn stop_adoption(&mut self, item: &mut Item) {
        let Some(resource) = &item.resource else { return };
        let Some(id) = &resource.adopt else { return };
        let of_kind = |live: &&Live| live.kind == item.kind && live.ids.id == *id;
        let elsewhere = self.observed.ours.iter().find(|(address, live)| **address != item.address && of_kind(live));
        let foreign = self.observed.foreign.iter().find(|foreign| foreign.address == item.address && foreign.id == *id);
        let unread = self.observed.unread.iter().any(|unread| {
            unread.kind == item.kind && (unread.address.is_none() || unread.address == resource.parent)
                || unread.address.as_ref() == Some(&item.address)
        });
        let aside = self.observed.duplicates.iter().any(|(address, live)| *address == item.address && of_kind(&live));
        let (what, help) = match (&item.live, elsewhere, foreign) {
            // It has what it names, or what it names claims the address of another one: that is said elsewhere.
            (Some(live), ..) if live.ids.id == *id || aside => return,
            (Some(live), ..) => (
                format!("it is `{}` already, and `adopt` names `{id}`", live.ids.id),
                "take `adopt` away, or give the other object an address of its own".to_owned(),
            ),
            (None, Some((address, _)), _) => (
                format!("`{id}` is `{address}` of this stack"),
                format!("take `adopt` away, or give `{address}` up: then it moves here"),
            ),
            (None, None, Some(foreign)) if foreign.owner.is_some() => {
                let owner = foreign.owner.as_deref().unwrap_or_default();
                let line = format!("\"stack:{owner}/{}.NAME\" = \"{}\"", item.kind.name, item.address);
                (
                    format!("`{id}` belongs to stack `{owner}`"),
                    format!(
                        "to move it here, take `adopt` away and write below `[moved]`\n    {line}\nwith its name in that stack"
                    ),
                )
            }
            // Whether it exists is not known; that is said elsewhere.
            (None, None, _) if unread => {
                item.action = Action::Adopt;
                return;
            }
            (None, None, _) => (
                format!("there is no {} `{id}`{}", item.kind.name, within(resource.parent.as_ref())),
                "look the id up, or take `adopt` away: then it is created".to_owned(),
            ),
        };
        item.action = Action::Adopt;
        item.blocked = Some(what.clone());
        self.diagnostics.push(PlanDiagnostic {
            code: "plan::adopt".into(),
            address: Some(item.address.to_string()),
            message: format!("`{}` cannot take over what it names: {what}", item.address),
            help: Some(help),
        });
    }

    /// An object that is claimed for an address where another one is: neither is touched. False if nobody claims.
    pub(super) fn refuse_claim(&mut self, address: &Address, aside: &Live) -> bool {
        let there = self.observed.ours.get(address);
        let lives = [Some(aside), there];
        let Some(claim) = lives.into_iter().flatten().find_map(|live| live.claim.as_ref()) else { return false };
        let ids = lives.map(|live| live.map(|live| live.ids.id.as_str()).unwrap_or_default());
        let (code, what, help) = match claim {
            Claim::Moved { from, .. } => (
                "plan::moved",
                format!("`{from}` and `{address}` are both live: `{}` and `{}`", ids[0], ids[1]),
                "remove the line of `[moved]` if nothing moved; else delete the one that is not wanted, and plan again",
            ),
            Claim::Adopted => (
                "plan::adopt",
                format!("`{address}` is `{}` already, and `adopt` names `{}`", ids[1], ids[0]),
                "take `adopt` away, or give the other object an address of its own",
            ),
        };
        if let Some(item) = self.items.get_mut(address) {
            item.blocked = Some(what.clone());
            if item.action == Action::NoOp {
                item.action = Action::Update;
            }
        }
        self.diagnostics.push(PlanDiagnostic {
            code: code.into(),
            address: Some(address.to_string()),
            message: what,
            help: Some(help.into()),
        });
        true
    }

    /// Notes on lines of `[moved]` that do nothing.
    pub(super) fn look_at_moves(&mut self) {
        let observed = self.observed;
        let lives = || observed.ours.values().chain(observed.duplicates.iter().map(|(_, live)| live));
        let idle = |line: &&Moved| {
            let source = line.source();
            let is_it = |claim: &Claim| matches!(claim, Claim::Moved { from, .. } if *from == source);
            let kind_unread = observed.unread.iter().any(|unread| unread.kind.name == line.from.kind);
            !kind_unread && !lives().any(|live| live.claim.as_ref().is_some_and(is_it))
        };
        for line in self.stack.moved.iter().filter(idle) {
            let there = observed.ours.contains_key(&line.to);
            let then = if there { "is there" } else { "is created" };
            self.notes.push(PlanDiagnostic {
                code: "plan::moved".into(),
                address: Some(line.to.to_string()),
                message: format!(
                    "`{}` is nowhere live, `{}` {then}: the line of `[moved]` does nothing",
                    line.source(),
                    line.to
                ),
                help: Some("remove the line once every environment was applied".into()),
            });
        }
    }

    /// What adopted objects have otherwise than the manifest says.
    pub(super) fn unsaid(&self) -> Vec<Unsaid> {
        let items = self.items.values().filter(|item| item.blocked.is_none() && !item.unsaid.is_empty());
        items.filter_map(|item| self.unsaid_of(item)).collect()
    }

    fn unsaid_of(&self, item: &Item) -> Option<Unsaid> {
        let (resource, live) = (item.resource.as_ref()?, item.live.as_ref()?);
        let said = live::view(item.kind, &resource.document);
        let there = live::view(item.kind, &live.document);
        let mut paste: Vec<String> = Vec::new();
        let mut changes: Vec<MemberChange> = Vec::new();
        for difference in &item.unsaid {
            // Elements of a list are said together, or not at all.
            let path = difference.path.split('[').next().unwrap_or_default();
            let value = value_at(&there, path).or(difference.before.as_ref());
            let left_out = value_at(&said, path).is_none() || is_default_name(item, difference);
            let may_be_shown = !may_have_held_secret(item, &difference.path);
            let value = value.filter(|_| left_out && difference.before.is_some() && may_be_shown);
            let lines = value.map(|value| self.lines(item.kind, path, value)).unwrap_or_default();
            if lines.is_empty() {
                changes.extend(concealed(item, vec![change(item.kind, difference)]));
            }
            paste.extend(lines);
        }
        paste.dedup();
        let (address, kind) = (item.address.to_string(), item.kind.name.to_owned());
        Some(Unsaid { address, kind, id: live.ids.id.clone(), paste, changes })
    }

    /// The lines that say a live member. A secret is never among them.
    fn lines(&self, kind: &'static Kind, path: &str, value: &Value) -> Vec<String> {
        if path == "policyEngineConfiguration"
            && let Some(lines) = self.engine_lines(value)
        {
            return lines;
        }
        let places = Places::new(kind, &BTreeSet::new());
        if places.hold(path) || !places.take(path, &mut value.clone()).is_empty() {
            return Vec::new();
        }
        member_line(kind, path, value).into_iter().collect()
    }

    /// An engine that the manifest declares is named, not spelled out.
    fn engine_lines(&self, value: &Value) -> Option<Vec<String>> {
        let (arn, mode) = (value.get("arn")?.as_str()?, value.get("mode")?.as_str()?);
        let engine = self.items.values().find(|item| {
            let id = item.live.as_ref().map(|live| live.ids.id.as_str());
            item.kind.name == "policy_engine"
                && item.resource.is_some()
                && id.is_some_and(|id| arn.ends_with(&format!("/{id}")))
        })?;
        Some(vec![format!("policy_engine = \"{}\"", engine.address.name), format!("policy_mode = \"{mode}\"")])
    }
}

fn within(parent: Option<&Address>) -> String {
    parent.map(|parent| format!(" in `{parent}`")).unwrap_or_default()
}

/// A name that nobody wrote: it is the address's.
fn is_default_name(item: &Item, difference: &Difference) -> bool {
    let names =
        |member: &str| member == item.kind.name_member || (item.kind.name == RESOURCE_SERVER.name && member == "Name");
    names(&difference.path) && difference.after.as_ref().and_then(Value::as_str) == Some(item.address.name.as_str())
}

fn value_at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, step| value.get(step))
}
