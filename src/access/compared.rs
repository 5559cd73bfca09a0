//! A gateway before and after, tool by tool: what trying shows, and what is proved.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use cedar_policy::Effect as Says;
use serde_json::{Map, Value};

use super::Access;
use super::authorizer::Door;
use super::caller::Caller;
use super::change::{Cause, Change, Effect, How, Who};
use super::gateway::{Gateway, Mode, ToolAt, Visitor};
use super::near_miss;
use super::proofs::{Proof, Proofs};
use super::prove::{Answer, Example, Prover};
use super::side::{Attempt, Side};
use super::times::{NOW, moments};
use super::token::{Claims, Known, Token};
use super::trial::Words;
use super::verdict::{Cell, Verdict};
use crate::address::Address;

/// So many calls are tried at most for each tool and caller, where policies look at the time.
const ATTEMPTS: usize = 192;

/// So many roles are tried at most for each tool.
const ROLES: usize = 128;

/// Of so many truths that Cedar cannot tell all combinations are tried.
const COMBINED: usize = 4;

/// A gateway before and after.
pub(super) struct Compared<'a> {
    address: &'a Address,
    before: Side<'a>,
    after: Side<'a>,
    /// Everybody, in the manifest's order.
    callers: Vec<String>,
    /// Where requests are signed: roles that the manifest does not describe.
    roles: Vec<Caller>,
}

/// A tool on both sides.
struct Pair<'a> {
    name: &'a str,
    before: Option<&'a ToolAt>,
    after: Option<&'a ToolAt>,
    /// The policies about it, its schema and what counts are the same.
    same: bool,
    words: Words,
    attempts: Vec<Attempt>,
    /// Its policies look at the time.
    timed: bool,
    /// What Cedar cannot tell of its policies, in every combination that is tried.
    supposed: Vec<BTreeSet<&'a str>>,
}

/// What differs for somebody at a tool.
struct Found {
    effect: Effect,
    before: Option<Verdict>,
    after: Option<Verdict>,
    witness: Option<String>,
    depends: bool,
}

impl<'a> Compared<'a> {
    pub(super) fn of(address: &'a Address, before: &'a Access<'a>, after: &'a Access<'a>) -> Self {
        let at = |access: &'a Access<'a>| access.gateways.iter().find(|one| one.resource.address == *address);
        let (old, new) = (at(before), at(after));
        let strangers: Vec<Caller> = [old, new].into_iter().flatten().filter_map(Gateway::strangers).collect();
        let with = |access: &'a Access<'a>| access.callers.iter().chain(&strangers).collect::<Vec<&Caller>>();
        let (old_callers, new_callers) = (with(before), with(after));
        let mut seen = BTreeSet::new();
        let callers = new_callers.iter().chain(&old_callers).map(|caller| caller.name.clone());
        let callers = callers.filter(|name| seen.insert(name.clone())).collect();
        let is_known = |role: &Caller| {
            let arn = role.identity.role();
            old_callers.iter().chain(&new_callers).any(|caller| caller.identity.role() == arn)
        };
        let signed = |gateway: &&Gateway<'_>| matches!(gateway.door, Door::Iam | Door::Signed);
        let roles = [new, old].into_iter().flatten().filter(signed).flat_map(near_miss::other_roles);
        let mut seen = BTreeSet::new();
        let roles = roles.filter(|role| !is_known(role) && seen.insert(role.name.clone())).take(ROLES).collect();
        Self { address, before: Side::of(old, &old_callers), after: Side::of(new, &new_callers), callers, roles }
    }

    /// Adds what changes. Of the policies it says which are known to widen nothing at some tool, and of which that is not so.
    pub(super) fn changes(
        &self,
        mut prover: Option<&mut Prover>,
        changes: &mut Vec<Change>,
    ) -> (BTreeSet<Address>, BTreeSet<Address>) {
        let mut proofs = Proofs::of(self.before.gateway, self.after.gateway);
        let (mut clear, mut suspects) = (BTreeSet::new(), BTreeSet::new());
        suspects.extend(proofs.iter().flat_map(Proofs::about_unknown));
        for pair in self.pairs() {
            let policies = self.policies_about(&pair);
            // Where everybody calls everything, or nobody knows what, nothing is told of tools to come.
            if !self.decides() && pair.after.is_some_and(ToolAt::is_to_come) {
                suspects.extend(policies.into_iter().filter(|_| !pair.same));
                continue;
            }
            let mut found = self.tested(&pair);
            if pair.same {
                // By their texts alone.
                clear.extend(policies.into_iter().filter(|_| proofs.is_some()));
            } else {
                let mut proof = match (&mut proofs, &mut prover) {
                    (Some(proofs), Some(prover)) => proofs.prove(prover, pair.before, pair.after),
                    _ => Proof::default(),
                };
                if self.is_refuted(&proof, &found) {
                    if let Some(prover) = &mut prover {
                        prover.lied();
                    }
                    proof = Proof::default();
                }
                if proof.widens_nothing() {
                    clear.extend(policies);
                } else if pair.after.is_some() {
                    suspects.extend(policies);
                }
                self.add_proof(&pair, proof, &mut found);
            }
            changes.extend(found);
        }
        (clear, suspects)
    }

    /// The tools of both sides, and what stands for those to come.
    fn pairs(&self) -> Vec<Pair<'a>> {
        let mut seen = BTreeSet::new();
        let tools = |side: &Side<'a>| side.gateway.into_iter().flat_map(|gateway| &gateway.tools);
        let tools = tools(&self.after).chain(tools(&self.before)).filter(|tool| seen.insert(&tool.name));
        let tools = tools.map(|tool| self.pair(&tool.name, self.before.tool(&tool.name), self.after.tool(&tool.name)));
        let to_come = self.after.gateway.into_iter().flat_map(|gateway| &gateway.to_come);
        let to_come = to_come.map(|tool| self.pair(&tool.name, self.before.to_come(&tool.name), Some(tool)));
        tools.chain(to_come).collect()
    }

    /// Policies decide on both sides, and all are known.
    fn decides(&self) -> bool {
        let decides = |side: &Side<'a>| side.is_known() && side.mode().is_none_or(|mode| mode == Mode::Enforce);
        decides(&self.before) && decides(&self.after)
    }

    fn policies_about(&self, pair: &Pair<'_>) -> Vec<Address> {
        let rules = self.before.rules_about(pair.before).chain(self.after.rules_about(pair.after));
        rules.map(|rule| rule.resource.address.clone()).collect()
    }

    fn pair(&self, name: &'a str, before: Option<&'a ToolAt>, after: Option<&'a ToolAt>) -> Pair<'a> {
        let same = match (before, after) {
            (Some(old), Some(new)) => {
                self.before.mode() == self.after.mode()
                    && (old.action == new.action || new.is_to_come())
                    && self.before.texts_about(before) == self.after.texts_about(after)
            }
            _ => false,
        };
        let words = match before.or(after) {
            Some(tool) if !same => Words::of([self.before.gateway, self.after.gateway], tool),
            _ => Words::default(),
        };
        let rules = || self.before.rules_about(before).chain(self.after.rules_about(after));
        let mut inputs = after.or(before).map(|tool| words.inputs(tool)).unwrap_or_default();
        if !rules().any(|rule| rule.statement.contains("context")) {
            inputs.truncate(1);
        }
        let moments = moments(rules().map(|rule| rule.statement.as_str()));
        let timed = moments.len() > 1;
        let attempts = attempts(&inputs, &moments);
        let supposed = combinations(rules().filter_map(|rule| rule.left_out.as_deref()).collect());
        Pair { name, before, after, same, words, attempts, timed, supposed }
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
        if pair.same && pair.after.is_some_and(ToolAt::is_to_come) {
            return found;
        }
        let others = self.others(pair);
        let tried = others.len() + self.callers.len();
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
        for (whose, old, new) in others {
            let visitors = (old.as_ref(), new.as_ref());
            let Some(difference) = self.difference(pair, visitors) else { continue };
            // One example of each is enough.
            if shown.insert(difference.effect) {
                let cause = self.cause(pair, visitors, &difference);
                found.push(self.change(pair, Who::Others(whose), difference, cause, tried));
            }
        }
        if found.is_empty() && !pair.same && pair.before.is_some() && pair.after.is_some() {
            found.push(self.equivalent(pair, tried));
        }
        found
    }

    /// A call that was tried differs in a way that is proved not to be.
    fn is_refuted(&self, proof: &Proof, found: &[Change]) -> bool {
        found.iter().filter(|change| change.witness.is_some() && self.is_by_policies(change)).any(|change| {
            (proof.widens_nothing() && matches!(change.effect, Effect::Widened | Effect::Both))
                || (proof.narrows_nothing() && matches!(change.effect, Effect::Narrowed | Effect::Both))
        })
    }

    /// Nothing but policies makes the change.
    fn is_by_policies(&self, change: &Change) -> bool {
        let same = match &change.who {
            Who::Caller(name) => self.is_same(name),
            Who::Others(_) => true,
        };
        same && matches!(change.cause, Cause::Policies(_))
    }

    /// Adds to what trying showed what is proved.
    fn add_proof(&self, pair: &Pair<'a>, proof: Proof, found: &mut Vec<Change>) {
        let (less, more) = (proof.widens_nothing(), proof.narrows_nothing());
        // What seemed possible, and is not.
        found.retain(|change| {
            let is_not = (less && change.effect == Effect::Widened) || (more && change.effect == Effect::Narrowed);
            !(is_not && change.witness.is_none() && self.is_by_policies(change))
        });
        if less && more {
            if found.is_empty() {
                found.push(self.equivalent(pair, 0));
            }
            for change in found.iter_mut().filter(|change| self.is_by_policies(change)) {
                change.how = How::Proved;
            }
        }
        for (way, effect) in [(proof.widens, Effect::Widened), (proof.narrows, Effect::Narrowed)] {
            let Answer::Not(Example { tags: claims, .. }) = way.answer else { continue };
            let mut shown = false;
            for change in found.iter_mut().filter(|change| change.effect == effect && self.is_by_policies(change)) {
                change.how = How::Proved;
                shown = true;
            }
            if !shown && !found.iter().any(|change| change.effect == Effect::Both) {
                found.retain(|change| change.effect != Effect::Equivalent);
                found.push(self.proved(pair, claims, effect, way.depends));
            }
        }
    }

    /// A change that no caller of the manifest and no token that was tried shows.
    fn proved(&self, pair: &Pair<'a>, claims: Claims, effect: Effect, depends: bool) -> Change {
        let by_token = self.after.gateway.is_some_and(|gateway| matches!(gateway.door, Door::Jwt(_)));
        let token = Token { claims, known: Known::InPart };
        let visit = |side: &Side<'a>| side.gateway.map(|gateway| gateway.holder("other", token.clone()));
        let (old, new) = (visit(&self.before), visit(&self.after));
        // The answer of the engine is better than the solver's alone.
        let seen = by_token.then(|| self.difference(pair, (old.as_ref(), new.as_ref()))).flatten();
        let seen = seen.filter(|seen| seen.effect == effect);
        let some = seen.is_none().then_some(Cell::Sometimes);
        let witness = by_token.then(|| format!("token {}", Value::Object(token.claims.clone())));
        let seen = seen.unwrap_or(Found { effect, before: None, after: None, witness, depends });
        let who = if by_token { "a token that no caller of the manifest has" } else { "some caller" };
        let change = self.change(pair, Who::Others(who.to_owned()), seen, Cause::Policies(Vec::new()), 0);
        Change { how: How::Proved, before: change.before.or(some), after: change.after.or(some), ..change }
    }

    /// Others than the callers of the manifest, who could tell the policies of both sides apart: holders of tokens, or roles.
    fn others(&self, pair: &Pair<'_>) -> Vec<(String, Option<Visitor>, Option<Visitor>)> {
        let (Some(old), Some(new)) = (self.before.gateway, self.after.gateway) else { return Vec::new() };
        let decides = [old, new].iter().all(|gateway| gateway.mode == Mode::Enforce);
        if pair.same || pair.before.is_none() || pair.after.is_none() || !decides {
            return Vec::new();
        }
        match (&old.door, &new.door) {
            (Door::Jwt(_), Door::Jwt(_)) => {
                let visit = |gateway: &Gateway<'_>, token: &Token| Some(gateway.holder("other", token.clone()));
                let tokens = pair.words.tokens().into_iter();
                tokens.map(|(whose, token)| (whose, visit(old, &token), visit(new, &token))).collect()
            }
            (Door::Iam | Door::Signed, Door::Iam | Door::Signed) => {
                let visit = |gateway: &Gateway<'_>, role: &Caller| Some(gateway.visitor(role));
                self.roles.iter().map(|role| (role.name.clone(), visit(old, role), visit(new, role))).collect()
            }
            _ => Vec::new(),
        }
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
        let token = visitors.1.or(visitors.0).and_then(|visitor| visitor.token.as_ref());
        // An example that needs no session is the better one.
        let witnessed = |opens: bool| {
            let differs = |attempt: &Attempt, supposed: &BTreeSet<&str>| {
                self.before.passes(visitors.0, pair.before, attempt, supposed) == Some(!opens)
                    && self.after.passes(visitors.1, pair.after, attempt, supposed) == Some(opens)
            };
            let differing = pair.attempts.iter().filter_map(|attempt| {
                let count = pair.supposed.iter().filter(|supposed| differs(attempt, supposed)).count();
                (count > 0).then_some((attempt, count < pair.supposed.len()))
            });
            let mut first = None;
            for (attempt, depends) in differing {
                if !depends || first.is_none() {
                    first = Some((attempt, depends));
                }
                if !depends {
                    break;
                }
            }
            first.map(|(attempt, depends)| {
                let at = if pair.timed { format!(", at {}", attempt.now) } else { String::new() };
                (pair.words.witness(token, &attempt.input) + &at, depends)
            })
        };
        if self.before.gateway.is_none() {
            return Some(Found { effect: Effect::New, before, after, witness: None, depends: false });
        }
        // What the two answers rule out need not be looked for.
        let opened = (old < Cell::Always && new > Cell::Never).then(|| witnessed(true)).flatten();
        let closed = (old > Cell::Never && new < Cell::Always).then(|| witnessed(false)).flatten();
        let effect = match (new.cmp(&old), opened.is_some(), closed.is_some()) {
            (_, true, true) => Effect::Both,
            (Ordering::Greater, ..) | (Ordering::Equal, true, false) => Effect::Widened,
            (Ordering::Less, ..) | (Ordering::Equal, false, true) => Effect::Narrowed,
            (Ordering::Equal, false, false) => return None,
        };
        let (witness, depends) = opened.or(closed).map_or((None, false), |(text, depends)| (Some(text), depends));
        Some(Found { effect, before, after, witness, depends })
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
            depends: found.depends,
            cause,
        }
    }

    fn unknown(&self, pair: &Pair<'_>) -> Change {
        Change { how: How::Unknown, ..self.of_everybody(pair, Effect::Unknown, 0) }
    }

    fn equivalent(&self, pair: &Pair<'_>, tried: usize) -> Change {
        self.of_everybody(pair, Effect::Equivalent, tried)
    }

    fn of_everybody(&self, pair: &Pair<'_>, effect: Effect, tried: usize) -> Change {
        let found = Found { effect, before: None, after: None, witness: None, depends: false };
        self.change(pair, Who::Others("every caller".to_owned()), found, Cause::Policies(Vec::new()), tried)
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
        // With its new token it could have called the tool before.
        let token = |visitor: Option<&Visitor>| visitor.and_then(|visitor| visitor.token.clone());
        if let (Some(gateway), Some(token)) = (self.before.gateway, token(visitors.1))
            && token_differs(visitors)
            && self.difference(pair, (Some(&gateway.holder("other", token)), visitors.1)).is_none()
        {
            return Cause::Caller;
        }
        let mut policies = named(&found.after, Says::Permit);
        policies.extend(named(&found.before, Says::Forbid));
        Cause::Policies(policies)
    }
}

fn token_differs(visitors: (Option<&Visitor>, Option<&Visitor>)) -> bool {
    visitors.0.map(|visitor| &visitor.token) != visitors.1.map(|visitor| &visitor.token)
}

/// The calls to try: every input and every moment, and as many of them together as there is room for.
fn attempts(inputs: &[Map<String, Value>], moments: &[String]) -> Vec<Attempt> {
    let at = |input: &Map<String, Value>, now: &str| Attempt { input: input.clone(), now: now.to_owned() };
    let (first, later) = moments.split_first().map_or((NOW, moments), |(first, later)| (first.as_str(), later));
    let plain = inputs.iter().take(1).flat_map(|input| later.iter().map(move |now| at(input, now)));
    let rest = inputs.iter().skip(1).flat_map(|input| later.iter().map(move |now| at(input, now)));
    let room = ATTEMPTS.max(inputs.len());
    inputs.iter().map(|input| at(input, first)).chain(plain).chain(rest).take(room).collect()
}

/// The combinations of these that are tried: all, or where there are too many each one alone and all but each one.
fn combinations(texts: BTreeSet<&str>) -> Vec<BTreeSet<&str>> {
    if texts.len() <= COMBINED {
        let mut found = vec![BTreeSet::new()];
        for text in texts {
            let with: Vec<_> =
                found.iter().map(|some: &BTreeSet<&str>| some.iter().copied().chain([text]).collect()).collect();
            found.extend(with);
        }
        return found;
    }
    let without = |text: &&str| texts.iter().copied().filter(|other| other != text).collect();
    let alone = texts.iter().map(|text| BTreeSet::from([*text]));
    let mut found: Vec<BTreeSet<&str>> = alone.chain(texts.iter().map(without)).collect();
    found.extend([BTreeSet::new(), texts]);
    found
}
