//! One side of a comparison: a gateway as it is before or after, if it is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::authorizer::Door;
use super::caller::Caller;
use super::gateway::{Gateway, Mode, ToolAt, Visitor};
use super::guard::Rule;
use super::verdict::{Cell, Verdict};
use crate::address::Address;

/// A call to try, whoever makes it.
pub(super) struct Attempt {
    pub(super) input: Map<String, Value>,
    /// When, in RFC 3339.
    pub(super) now: String,
}

/// A gateway on one side.
pub(super) struct Side<'a> {
    pub(super) gateway: Option<&'a Gateway<'a>>,
    pub(super) callers: BTreeMap<String, Visitor>,
    /// What each policy says of a tool that it is about.
    texts: BTreeMap<&'a Address, String>,
}

impl<'a> Side<'a> {
    pub(super) fn of(gateway: Option<&'a Gateway<'a>>, callers: &[&Caller]) -> Self {
        let visitors = gateway.into_iter().flat_map(|gateway| {
            let callers = callers.iter().copied().filter(|caller| can_come(gateway, caller));
            callers.map(|caller| (caller.name.clone(), gateway.visitor(caller)))
        });
        let rules = gateway.and_then(|gateway| gateway.guard.as_ref()).into_iter().flat_map(|guard| &guard.rules);
        let texts = rules.map(|rule| (&rule.resource.address, text(rule)));
        Self { gateway, callers: visitors.collect(), texts: texts.collect() }
    }

    pub(super) fn tool(&self, name: &str) -> Option<&'a ToolAt> {
        self.gateway?.tools.iter().find(|tool| tool.name == name)
    }

    pub(super) fn mode(&self) -> Option<Mode> {
        self.gateway.map(|gateway| gateway.mode)
    }

    /// What is said of it is all there is to say.
    pub(super) fn is_known(&self) -> bool {
        self.gateway.is_none_or(Gateway::is_known)
    }

    /// What the policies about a tool say.
    pub(super) fn texts_about(&self, tool: Option<&ToolAt>) -> BTreeSet<&str> {
        let texts = self.rules_about(tool).filter_map(|rule| self.texts.get(&rule.resource.address));
        texts.map(String::as_str).collect()
    }

    pub(super) fn verdict(&self, visitor: Option<&Visitor>, tool: Option<&ToolAt>) -> Option<Verdict> {
        Some(self.gateway?.verdict(visitor?, tool?))
    }

    /// What stands for the tools to come of the same target, or of targets to come where there is none of that name.
    pub(super) fn to_come(&self, name: &str) -> Option<&'a ToolAt> {
        let to_come = &self.gateway?.to_come;
        to_come.iter().find(|tool| tool.name == name).or_else(|| to_come.last())
    }

    /// The policies about a tool.
    pub(super) fn rules_about(&self, tool: Option<&ToolAt>) -> impl Iterator<Item = &'a Rule<'a>> {
        let guard = self.gateway.and_then(|gateway| gateway.guard.as_ref());
        guard.zip(tool).into_iter().flat_map(|(guard, tool)| guard.about(&tool.action.id()))
    }

    /// Whether a call goes through where of all that Cedar cannot tell exactly this holds; nothing where nobody can tell.
    pub(super) fn passes(
        &self,
        visitor: Option<&Visitor>,
        tool: Option<&ToolAt>,
        attempt: &Attempt,
        supposed: &BTreeSet<&str>,
    ) -> Option<bool> {
        let (Some(gateway), Some(visitor), Some(tool)) = (self.gateway, visitor, tool) else { return Some(false) };
        match gateway.decide_supposing(visitor, tool, &attempt.input, &attempt.now, supposed).ok()?.cell {
            Cell::Always => Some(true),
            Cell::Never => Some(false),
            Cell::Sometimes => None,
        }
    }
}

/// What a policy says of a tool that it is about, whatever else it is about: its text without annotations and layout.
fn text(rule: &Rule<'_>) -> String {
    let json = rule.policy.to_json().ok().and_then(|mut json| {
        let members = json.as_object_mut()?;
        members.remove("annotations");
        members.insert("action".to_owned(), json!({"op": "All"}));
        Some(json.to_string())
    });
    let json = json.unwrap_or_else(|| rule.statement.clone());
    format!("{json} {}", rule.left_out.as_deref().unwrap_or_default())
}

/// A caller has something that the gateway could take. Where nobody is asked, everybody comes.
fn can_come(gateway: &Gateway<'_>, caller: &Caller) -> bool {
    gateway.door == Door::Open || gateway.asks(caller)
}
