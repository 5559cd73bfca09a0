//! Changes of access: who can call what before and after, tool by tool.
//!
//! Both sides are gateways as callers meet them. What is the same on both, text by text, is not looked at. The callers are those of
//! the manifest, and tokens that come near what the policies compare with (`trial`): this tests, and does not prove.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Effect as Says;
use serde_json::{Map, Value};

use super::Access;
use super::authorizer::Door;
use super::caller::Caller;
use super::gateway::{Gateway, Mode, ToolAt, Visitor};
use super::guard::{Cell, Verdict};
use super::proofs::{Proof, Proofs};
use super::prove::{Answer, Example, Prover, Solver};
use super::token::{Claims, Known, Token};
use super::trial::Words;
use crate::address::Address;
use crate::check::deep::ROOM;

/// A moment for calls whose time nobody gives, in RFC 3339.
const NOW: &str = "2026-01-01T12:00:00Z";

/// What becomes of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// There was no gateway before.
    New,
    /// More calls go through.
    Widened,
    /// Other calls go through.
    Both,
    /// Nobody can tell.
    Unknown,
    /// Fewer calls go through.
    Narrowed,
    /// The same calls go through, though the policies are others.
    Equivalent,
}

/// How an effect was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It holds for every token and input.
    Proved,
    /// So many tokens were tried.
    Tested(usize),
    /// It was not found out.
    Unknown,
}

/// Who a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A caller of the manifest, by its name.
    Caller(String),
    /// Callers that the manifest does not describe.
    Others(String),
}

/// Why an access changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The gateway lets others in.
    Door,
    /// Its policies count otherwise than before.
    Mode,
    /// The caller's token is another one.
    Caller,
    /// The tool comes or goes, with this target.
    Tool(Address),
    /// Policies: those that permit after, and those that forbade before.
    Policies(Vec<Address>),
}

/// A change of access.
#[derive(Debug, Clone)]
pub struct Change {
    /// The gateway.
    pub gateway: Address,
    /// Who.
    pub who: Who,
    /// The tool, `target/tool`.
    pub tool: String,
    /// What becomes of it.
    pub effect: Effect,
    /// Before; nothing where there was no gateway, no such tool or no such caller.
    pub before: Option<Cell>,
    /// After, likewise.
    pub after: Option<Cell>,
    /// How it was found.
    pub how: How,
    /// A token and an input for which the answers differ.
    pub witness: Option<String>,
    /// Why.
    pub cause: Cause,
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What changes, by gateway, tool and caller.
    pub changes: Vec<Change>,
    /// Policies that are proved to let nobody through by their change.
    pub cleared: BTreeSet<Address>,
    /// What went wrong with the solver.
    pub trouble: Option<String>,
}

/// Compares two states of a stack, with a solver where there is one.
pub fn compare(before: &Access<'_>, after: &Access<'_>, solver: Option<&Solver>) -> Comparison {
    let work = || {
        let mut prover = solver.and_then(Prover::new);
        let mut comparison = Comparison::default();
        let mut suspects = BTreeSet::new();
        let gateways = after.gateways.iter().chain(&before.gateways).map(|gateway| &gateway.resource.address);
        let mut seen = BTreeSet::new();
        for address in gateways.filter(|address| seen.insert(*address)) {
            let compared = Compared::of(address, before, after);
            let (clear, suspect) = compared.changes(prover.as_mut(), &mut comparison.changes);
            comparison.cleared.extend(clear);
            suspects.extend(suspect);
        }
        comparison.cleared.retain(|policy| !suspects.contains(policy));
        comparison.trouble = prover.and_then(|prover| prover.trouble);
        comparison
    };
    // The solver has a runtime of its own, and policies may go deep.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(ROOM).spawn_scoped(scope, work);
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
    })
}

/// A gateway on one side.
struct Side<'a> {
    gateway: Option<&'a Gateway<'a>>,
    callers: BTreeMap<String, Visitor>,
    /// What each policy means, as far as its text says it.
    texts: BTreeMap<&'a Address, String>,
}

impl<'a> Side<'a> {
    fn of(gateway: Option<&'a Gateway<'a>>, callers: &[&Caller]) -> Self {
        let visitors = gateway.into_iter().flat_map(|gateway| {
            let callers = callers.iter().copied().filter(|caller| can_come(gateway, caller));
            callers.map(|caller| (caller.name.clone(), gateway.visitor(caller)))
        });
        let rules = gateway.and_then(|gateway| gateway.guard.as_ref()).into_iter().flat_map(|guard| &guard.rules);
        let texts = rules.map(|rule| {
            let meaning = rule.policy.to_json().ok().filter(|_| !rule.opaque).map(|mut json| {
                if let Some(members) = json.as_object_mut() {
                    members.remove("annotations");
                }
                json.to_string()
            });
            (&rule.resource.address, meaning.unwrap_or_else(|| rule.statement.clone()))
        });
        Self { gateway, callers: visitors.collect(), texts: texts.collect() }
    }

    fn tool(&self, name: &str) -> Option<&'a ToolAt> {
        self.gateway?.tools.iter().find(|tool| tool.name == name)
    }

    fn mode(&self) -> Option<Mode> {
        self.gateway.map(|gateway| gateway.mode)
    }

    /// What is said of it is all there is to say.
    fn is_known(&self) -> bool {
        self.gateway.is_none_or(Gateway::is_known)
    }

    /// What the policies about a tool say.
    fn texts_about(&self, tool: &ToolAt) -> BTreeSet<&str> {
        let guard = self.gateway.and_then(|gateway| gateway.guard.as_ref());
        let rules = guard.into_iter().flat_map(|guard| guard.about(&tool.action.id()));
        rules.filter_map(|rule| self.texts.get(&rule.resource.address)).map(String::as_str).collect()
    }

    fn verdict(&self, visitor: Option<&Visitor>, tool: Option<&ToolAt>) -> Option<Verdict> {
        Some(self.gateway?.verdict(visitor?, tool?))
    }

    /// Whether a call goes through; nothing where nobody can tell.
    fn passes(&self, visitor: Option<&Visitor>, tool: Option<&ToolAt>, input: &Map<String, Value>) -> Option<bool> {
        let (Some(gateway), Some(visitor), Some(tool)) = (self.gateway, visitor, tool) else { return Some(false) };
        match gateway.decide(visitor, tool, input, NOW).ok()?.cell {
            Cell::Always => Some(true),
            Cell::Never => Some(false),
            Cell::Sometimes => None,
        }
    }
}

/// A caller has something that the gateway could take. Where nobody is asked, everybody comes.
fn can_come(gateway: &Gateway<'_>, caller: &Caller) -> bool {
    gateway.door == Door::Open || gateway.asks(caller)
}

/// A gateway before and after.
struct Compared<'a> {
    address: &'a Address,
    before: Side<'a>,
    after: Side<'a>,
    /// Everybody, in the manifest's order.
    callers: Vec<String>,
}

/// A tool on both sides.
struct Pair<'a> {
    name: &'a str,
    before: Option<&'a ToolAt>,
    after: Option<&'a ToolAt>,
    /// The policies about it, its schema and what counts are the same.
    same: bool,
    words: Words,
    inputs: Vec<Map<String, Value>>,
}

/// What differs for somebody at a tool.
struct Found {
    effect: Effect,
    before: Option<Verdict>,
    after: Option<Verdict>,
    witness: Option<String>,
}

impl<'a> Compared<'a> {
    fn of(address: &'a Address, before: &'a Access<'a>, after: &'a Access<'a>) -> Self {
        let at = |access: &'a Access<'a>| access.gateways.iter().find(|one| one.resource.address == *address);
        let (old, new) = (at(before), at(after));
        let strangers: Vec<Caller> = [old, new].into_iter().flatten().filter_map(Gateway::strangers).collect();
        let with = |access: &'a Access<'a>| access.callers.iter().chain(&strangers).collect::<Vec<&Caller>>();
        let (old_callers, new_callers) = (with(before), with(after));
        let mut seen = BTreeSet::new();
        let callers = new_callers.iter().chain(&old_callers).map(|caller| caller.name.clone());
        let callers = callers.filter(|name| seen.insert(name.clone())).collect();
        Self { address, before: Side::of(old, &old_callers), after: Side::of(new, &new_callers), callers }
    }

    /// Adds what changes. Of the policies it says which are proved to widen nothing at some tool, and of which that is not so.
    fn changes(
        &self,
        mut prover: Option<&mut Prover>,
        changes: &mut Vec<Change>,
    ) -> (BTreeSet<Address>, BTreeSet<Address>) {
        let tools = |side: &Side<'a>| side.gateway.into_iter().flat_map(|gateway| &gateway.tools);
        let mut seen = BTreeSet::new();
        let names: Vec<&str> = tools(&self.after)
            .chain(tools(&self.before))
            .map(|tool| tool.name.as_str())
            .filter(|name| seen.insert(*name))
            .collect();
        let proofs = Proofs::of(self.before.gateway, self.after.gateway);
        let (mut clear, mut suspects) = (BTreeSet::new(), BTreeSet::new());
        suspects.extend(proofs.iter().flat_map(Proofs::about_more));
        for name in names {
            let pair = self.pair(name);
            let mut found = self.tested(&pair);
            if !pair.same {
                let proof = match (&proofs, &mut prover) {
                    (Some(proofs), Some(prover)) => {
                        let proof = proofs.prove(prover, pair.before, pair.after);
                        prover.believed(proof, &found)
                    }
                    _ => Proof::default(),
                };
                let policies = self.policies_about(&pair);
                if proof.widens_nothing() {
                    clear.extend(policies);
                } else {
                    suspects.extend(policies);
                }
                self.add_proof(&pair, proof, &mut found);
            }
            changes.extend(found);
        }
        (clear, suspects)
    }

    fn policies_about(&self, pair: &Pair<'_>) -> Vec<Address> {
        let of = |side: &Side<'a>, tool: Option<&ToolAt>| {
            let guard = side.gateway.and_then(|gateway| gateway.guard.as_ref());
            let rules = guard.into_iter().zip(tool).flat_map(|(guard, tool)| guard.about(&tool.action.id()));
            rules.map(|rule| rule.resource.address.clone()).collect::<Vec<_>>()
        };
        let mut policies = of(&self.before, pair.before);
        policies.extend(of(&self.after, pair.after));
        policies
    }

    fn pair(&self, name: &'a str) -> Pair<'a> {
        let (before, after) = (self.before.tool(name), self.after.tool(name));
        let same = match (before, after) {
            (Some(old), Some(new)) => {
                self.before.mode() == self.after.mode()
                    && old.action == new.action
                    && self.before.texts_about(old) == self.after.texts_about(new)
            }
            _ => false,
        };
        let words = match before.or(after) {
            Some(tool) if !same => Words::of([self.before.gateway, self.after.gateway], tool),
            _ => Words::default(),
        };
        let inputs = after.or(before).map(|tool| words.inputs(tool)).unwrap_or_default();
        Pair { name, before, after, same, words, inputs }
    }

    /// What trying shows.
    fn tested(&self, pair: &Pair<'a>) -> Vec<Change> {
        let mut found = Vec::new();
        if !(self.before.is_known() && self.after.is_known()) {
            let moved = self.callers.iter().any(|caller| !self.is_same(caller));
            if !pair.same || moved {
                found.push(self.unknown(pair));
            }
            return found;
        }
        let tokens = if self.has_other_tokens(pair) { pair.words.tokens() } else { Vec::new() };
        let tried = tokens.len() + self.callers.len();
        for caller in &self.callers {
            let same = self.is_same(caller);
            if pair.same && same {
                continue;
            }
            let visitors = (self.before.callers.get(caller), self.after.callers.get(caller));
            let Some(difference) = self.difference(pair, visitors) else { continue };
            let cause = self.cause(pair, visitors, &difference);
            found.push(self.change(pair, Who::Caller(caller.clone()), difference, cause, tried));
        }
        let mut shown: BTreeSet<Effect> = found.iter().map(|change| change.effect).collect();
        for (whose, token) in tokens {
            let visit = |side: &Side<'a>| side.gateway.map(|gateway| gateway.holder("other", token.clone()));
            let (old, new) = (visit(&self.before), visit(&self.after));
            let visitors = (old.as_ref(), new.as_ref());
            let Some(difference) = self.difference(pair, visitors) else { continue };
            // One example of each is enough.
            if shown.insert(difference.effect) {
                let cause = self.cause(pair, visitors, &difference);
                found.push(self.change(pair, Who::Others(whose), difference, cause, tried));
            }
        }
        if found.is_empty() && !pair.same && pair.before.is_some() && pair.after.is_some() {
            let difference = Found { effect: Effect::Equivalent, before: None, after: None, witness: None };
            let nobody = Who::Others("every caller".to_owned());
            let cause = Cause::Policies(Vec::new());
            found.push(self.change(pair, nobody, difference, cause, tried));
        }
        found
    }

    /// Adds to what trying showed what is proved.
    fn add_proof(&self, pair: &Pair<'a>, proof: Proof, found: &mut Vec<Change>) {
        if proof.widens_nothing() && proof.narrows_nothing() {
            for change in found.iter_mut() {
                change.how = How::Proved;
            }
        }
        for (example, effect) in [(proof.widens, Effect::Widened), (proof.narrows, Effect::Narrowed)] {
            let Answer::Not(Example { tags: claims, .. }) = example else { continue };
            let by_policies =
                |change: &&mut Change| matches!(change.cause, Cause::Policies(_)) && change.effect == effect;
            let mut shown = false;
            for change in found.iter_mut().filter(by_policies) {
                change.how = How::Proved;
                shown = true;
            }
            if !shown && !found.iter().any(|change| change.effect == Effect::Both) {
                found.retain(|change| change.effect != Effect::Equivalent);
                found.push(self.proved(pair, claims, effect));
            }
        }
    }

    /// A change that no caller of the manifest and no token that was tried shows.
    fn proved(&self, pair: &Pair<'a>, claims: Claims, effect: Effect) -> Change {
        let token = Token { claims, known: Known::InPart };
        let visit = |side: &Side<'a>| side.gateway.map(|gateway| gateway.holder("other", token.clone()));
        let (old, new) = (visit(&self.before), visit(&self.after));
        // The answer of the engine is better than the solver's alone.
        let seen = self.difference(pair, (old.as_ref(), new.as_ref())).filter(|seen| seen.effect == effect);
        let some = seen.is_none().then_some(Cell::Sometimes);
        let witness = format!("token {}", Value::Object(token.claims.clone()));
        let seen = seen.unwrap_or(Found { effect, before: None, after: None, witness: Some(witness) });
        let who = Who::Others("a token that no caller of the manifest has".to_owned());
        let change = self.change(pair, who, seen, Cause::Policies(Vec::new()), 0);
        Change { how: How::Proved, before: change.before.or(some), after: change.after.or(some), ..change }
    }

    /// Other tokens than those of the manifest could tell the policies of both sides apart.
    fn has_other_tokens(&self, pair: &Pair<'_>) -> bool {
        let decides = |side: &Side<'_>| {
            side.gateway.is_some_and(|gateway| matches!(gateway.door, Door::Jwt(_)) && gateway.mode == Mode::Enforce)
        };
        !pair.same && pair.before.is_some() && pair.after.is_some() && decides(&self.before) && decides(&self.after)
    }

    /// Nothing about a caller differs: what it holds, and whether it gets in.
    fn is_same(&self, caller: &str) -> bool {
        match (self.before.callers.get(caller), self.after.callers.get(caller)) {
            (Some(old), Some(new)) => {
                old.admission.is_admitted() == new.admission.is_admitted() && old.token == new.token
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// What differs for somebody, if anything does.
    fn difference(&self, pair: &Pair<'a>, visitors: (Option<&Visitor>, Option<&Visitor>)) -> Option<Found> {
        let before = self.before.verdict(visitors.0, pair.before);
        let after = self.after.verdict(visitors.1, pair.after);
        let cell = |verdict: &Option<Verdict>| verdict.as_ref().map_or(Cell::Never, |verdict| verdict.cell);
        let (old, new) = (cell(&before), cell(&after));
        if old == new && old != Cell::Sometimes {
            return None;
        }
        let witnessed = |opens: bool| {
            let input = pair.inputs.iter().find(|input| {
                let old = self.before.passes(visitors.0, pair.before, input);
                let new = self.after.passes(visitors.1, pair.after, input);
                old == Some(!opens) && new == Some(opens)
            })?;
            let token = visitors.1.or(visitors.0).and_then(|visitor| visitor.token.as_ref());
            Some(pair.words.witness(token, input))
        };
        if self.before.gateway.is_none() {
            return Some(Found { effect: Effect::New, before, after, witness: None });
        }
        let (opened, closed) = (witnessed(true), witnessed(false));
        let effect = match (new.cmp(&old), opened.is_some(), closed.is_some()) {
            (_, true, true) => Effect::Both,
            (Ordering::Greater, ..) | (Ordering::Equal, true, false) => Effect::Widened,
            (Ordering::Less, ..) | (Ordering::Equal, false, true) => Effect::Narrowed,
            (Ordering::Equal, false, false) => return None,
        };
        Some(Found { effect, before, after, witness: opened.or(closed) })
    }

    fn change(&self, pair: &Pair<'_>, who: Who, found: Found, cause: Cause, tried: usize) -> Change {
        let cell = |verdict: &Option<Verdict>| verdict.as_ref().map(|verdict| verdict.cell);
        Change {
            gateway: self.address.clone(),
            who,
            tool: pair.name.to_owned(),
            effect: found.effect,
            before: cell(&found.before),
            after: cell(&found.after),
            how: How::Tested(tried),
            witness: found.witness,
            cause,
        }
    }

    fn unknown(&self, pair: &Pair<'_>) -> Change {
        let found = Found { effect: Effect::Unknown, before: None, after: None, witness: None };
        let everybody = Who::Others("every caller".to_owned());
        Change { how: How::Unknown, ..self.change(pair, everybody, found, Cause::Policies(Vec::new()), 0) }
    }

    fn cause(&self, pair: &Pair<'_>, visitors: (Option<&Visitor>, Option<&Visitor>), found: &Found) -> Cause {
        let admitted = |visitor: Option<&Visitor>| visitor.is_some_and(|visitor| visitor.admission.is_admitted());
        let door = |side: &Side<'a>| side.gateway.map(|gateway| &gateway.door);
        if self.before.mode() != self.after.mode() {
            return Cause::Mode;
        }
        if admitted(visitors.0) != admitted(visitors.1) && door(&self.before) != door(&self.after) {
            return Cause::Door;
        }
        if let (None, Some(tool)) | (Some(tool), None) = (pair.before, pair.after) {
            return Cause::Tool(tool.target.clone());
        }
        let named = |verdict: &Option<Verdict>, says: Says| {
            let verdict = verdict.iter().flat_map(|verdict| verdict.holding.iter().chain(&verdict.depending));
            verdict.filter(|(effect, _)| *effect == says).map(|(_, policy)| policy.clone()).collect::<Vec<_>>()
        };
        if pair.same || visitors.0.is_none() || visitors.1.is_none() {
            return Cause::Caller;
        }
        let mut policies = named(&found.after, Says::Permit);
        policies.extend(named(&found.before, Says::Forbid));
        Cause::Policies(policies)
    }
}
