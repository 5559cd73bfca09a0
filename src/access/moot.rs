//! Policies that change nothing, permits that ask nothing of a caller, and forbids that can fail.
//!
//! Cedar's engine is asked first: a policy is needed if, for a call that it is meant for ([`Aim`]), the answer is another one without
//! it. Only of those for which no such call is found the solver is asked, and what it does not prove is not said. What only the
//! service can read is never taken as known: a policy is moot only if it is so whatever such policies say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{ActionConstraint, Effect, Entity, Policy, PolicySet};
use serde_json::{Value, json};

use super::aim::Aim;
use super::authorizer::Door;
use super::gateway::{Gateway, ToolAt};
use super::guard::{Guard, Rule, entity};
use super::prove::{Answer, Question};
use super::solving::Solving;
use crate::address::Address;
use crate::stack::{Resource, Stack};

/// So many policies are evaluated at most to find out which are needed. What is left then counts as needed.
const EFFORT: usize = 100_000;

/// Of so many policies it is asked which of them are enough.
const FEW: usize = 16;

/// Moments at which calls are tried.
const MOMENTS: [&str; 4] =
    ["2026-01-01T12:00:00Z", "2026-01-03T03:00:00Z", "2000-01-01T00:00:00Z", "2050-01-01T22:00:00Z"];

/// A policy that could be removed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Moot {
    pub(crate) policy: Address,
    pub(crate) why: Why,
}

/// Why a policy changes nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No call matches it.
    Never,
    /// Whatever it permits these forbid.
    Shadowed(Vec<Address>),
    /// Whatever it says these say.
    Covered(Vec<Address>),
    /// Nothing that it forbids is permitted.
    StopsNothing,
}

/// Whether the evaluation of a policy can fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// It does, with this value of an argument if one was found.
    With(Option<i64>),
    /// It never does.
    Never,
    /// It was not found out.
    Unknown,
}

/// The policies of one engine at each of its gateways.
pub(crate) struct Court<'a> {
    gateways: Vec<Seen<'a>>,
    /// Where each policy counts: gateway and tool.
    places: HashMap<Address, Vec<(usize, usize)>>,
    /// Where each policy that can be read stands: gateway and rule.
    rules: HashMap<Address, (usize, usize)>,
}

/// A gateway with its tools, and with those that targets may get later.
struct Seen<'a> {
    guard: Guard<'a>,
    tools: Vec<ToolAt>,
    /// The type of its callers.
    principal: &'static str,
}

/// A policy at a gateway and a tool that it is about.
type Place<'s, 'a> = (&'s Seen<'a>, &'s ToolAt);

impl<'a> Court<'a> {
    /// Nothing where it is not known what decides: a gateway or an engine of somebody else, or callers whom nobody asks.
    pub(crate) fn of(stack: &'a Stack, gateways: &[&'a Resource]) -> Option<Self> {
        let seen = |resource: &&'a Resource| {
            let mut gateway = Gateway::of(stack, resource);
            let principal = match gateway.door {
                Door::Jwt(_) => "OAuthUser",
                Door::Iam => "IamEntity",
                Door::Signed | Door::Open | Door::Unknown => return None,
            };
            if !gateway.is_known() {
                return None;
            }
            let guard = gateway.guard.take()?;
            let mut tools = gateway.tools;
            if guard.rules.iter().any(|rule| is_about_more(&rule.policy)) {
                tools.extend(gateway.to_come);
            }
            Some(Seen { guard, tools, principal })
        };
        let gateways: Vec<Seen<'a>> = gateways.iter().map(seen).collect::<Option<_>>()?;
        let (mut places, mut rules) = (HashMap::<_, Vec<_>>::new(), HashMap::new());
        for (at, seen) in gateways.iter().enumerate() {
            for (index, tool) in seen.tools.iter().enumerate() {
                for rule in seen.about(tool) {
                    places.entry(rule.resource.address.clone()).or_default().push((at, index));
                }
            }
            for (index, rule) in seen.guard.rules.iter().enumerate().filter(|(_, rule)| !rule.is_opaque()) {
                rules.insert(rule.resource.address.clone(), (at, index));
            }
        }
        Some(Self { gateways, places, rules })
    }

    /// Which of the policies change nothing, in their order. Those set aside count only where they do not help a policy to be moot.
    pub(crate) fn moot(
        &self,
        policies: &[&Address],
        aside: &BTreeSet<Address>,
        solving: &mut Solving<'_>,
    ) -> Vec<Moot> {
        let needed = self.needed(aside);
        let mut aside = aside.clone();
        let mut found = Vec::new();
        // Of two that say the same the later one is too much.
        for policy in policies.iter().rev().filter(|policy| !needed.contains(policy)) {
            if let Some(why) = self.why(policy, &aside, solving) {
                aside.insert((*policy).clone());
                found.push(Moot { policy: (*policy).clone(), why });
            }
        }
        found.reverse();
        found
    }

    fn places(&self, policy: &Address) -> Vec<Place<'_, 'a>> {
        let places = self.places.get(policy).into_iter().flatten();
        let place = |(gateway, tool): &(usize, usize)| {
            let seen = self.gateways.get(*gateway)?;
            Some((seen, seen.tools.get(*tool)?))
        };
        places.filter_map(place).collect()
    }

    fn rule(&self, policy: &Address) -> Option<&Rule<'a>> {
        let (gateway, rule) = self.rules.get(policy)?;
        self.gateways.get(*gateway)?.guard.rules.get(*rule)
    }

    /// Why a policy is moot, if it is.
    fn why(&self, policy: &Address, aside: &BTreeSet<Address>, solving: &mut Solving<'_>) -> Option<Why> {
        let places = self.places(policy);
        let rule = self.rule(policy)?;
        let permits = rule.policy.effect() == Effect::Permit;
        // What it asks of an argument is unknown of a tool that does not exist yet.
        if is_about_more(&rule.policy) && rule.statement.contains("context") {
            return None;
        }
        let others = places.iter().flat_map(|(seen, tool)| seen.about(tool)).filter(|other| {
            let address = &other.resource.address;
            let helps = permits || other.policy.effect() == Effect::Forbid;
            helps && !other.is_opaque() && address != policy && !aside.contains(address)
        });
        let mut enough: BTreeSet<&Address> = others.map(|other| &other.resource.address).collect();
        if !is_said(&places, rule, &enough, solving)? {
            let stops = |place: &Place<'_, '_>| stops_nothing(*place, rule, aside, solving);
            let is_asked = places.iter().any(|(seen, tool)| seen.about(tool).any(|other| is_permit(other)));
            return (!permits && is_asked && places.iter().all(stops)).then_some(Why::StopsNothing);
        }
        if enough.len() <= FEW {
            for other in enough.clone() {
                enough.remove(other);
                if is_said(&places, rule, &enough, solving) != Some(true) {
                    enough.insert(other);
                }
            }
        }
        let by_permits = enough.iter().any(|other| self.rule(other).is_some_and(is_permit));
        let names = || enough.iter().map(|other| (*other).clone()).collect();
        Some(match (enough.is_empty(), permits && !by_permits) {
            (true, _) => Why::Never,
            (false, true) => Why::Shadowed(names()),
            (false, false) => Why::Covered(names()),
        })
    }

    /// The policies without which some call would be decided otherwise.
    fn needed(&self, aside: &BTreeSet<Address>) -> BTreeSet<Address> {
        let mut needed = BTreeSet::new();
        let mut effort = EFFORT;
        let mut aims: BTreeMap<&Address, Vec<Aim>> = BTreeMap::new();
        for (seen, tool) in self.gateways.iter().flat_map(|seen| seen.tools.iter().map(move |tool| (seen, tool))) {
            let rules: Vec<&Rule<'_>> = seen.about(tool).collect();
            let (permits, forbids): (Vec<&Rule<'_>>, Vec<&Rule<'_>>) = rules.iter().partition(|rule| is_permit(rule));
            let sets = [&permits, &forbids].map(|rules| {
                PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone())).unwrap_or_default()
            });
            for rule in &rules {
                aims.entry(&rule.resource.address)
                    .or_insert_with(|| rule.policy.to_json().map(|form| Aim::all(&form)).unwrap_or_default());
            }
            for rule in rules.iter().filter(|rule| !rule.is_opaque()) {
                if needed.contains(&rule.resource.address) {
                    continue;
                }
                for aim in calls(rule, &permits, &aims) {
                    let Some(left) = effort.checked_sub(1 + rules.len()) else {
                        needed.extend(self.gateways.iter().flat_map(Seen::policies).cloned());
                        return needed;
                    };
                    effort = left;
                    needed.extend(seen.decisive(tool, &aim, &sets, [&permits, &forbids], aside));
                    if needed.contains(&rule.resource.address) {
                        break;
                    }
                }
            }
        }
        needed
    }

    /// Callers of this type come to one of the gateways.
    pub(crate) fn has_callers(&self, kind: &str) -> bool {
        self.gateways.iter().any(|seen| kind.strip_prefix("AgentCore::") == Some(seen.principal))
    }

    /// A permit lets somebody through whose token says nothing at all.
    pub(crate) fn lets_anybody_in(&self, policy: &Address) -> bool {
        let Some(rule) = self.rule(policy) else { return false };
        let mut aims: Vec<Aim> = Vec::new();
        for aim in rule.policy.to_json().map(|form| Aim::all(&form)).unwrap_or_default() {
            // Ways that differ in claims only are one way.
            let aim = aim.unsaid();
            if !aims.contains(&aim) {
                aims.push(aim);
            }
        }
        let alone = PolicySet::from_policies([rule.policy.clone()]).unwrap_or_default();
        let passes = |(seen, tool): &Place<'_, '_>| {
            seen.principal == "OAuthUser"
                && aims
                    .iter()
                    .any(|aim| seen.ask(tool, aim, &alone, MOMENTS[0]).is_some_and(|(holding, _)| !holding.is_empty()))
        };
        self.places(policy).iter().any(passes)
    }

    /// Whether a number as this argument makes the evaluation of a policy fail.
    pub(crate) fn fails(&self, policy: &Address, argument: &str, solving: &mut Solving<'_>) -> Fails {
        let (Some(rule), places) = (self.rule(policy), self.places(policy)) else { return Fails::Unknown };
        let Ok(form) = rule.policy.to_json() else { return Fails::Unknown };
        let alone = PolicySet::from_policies([rule.policy.clone()]).unwrap_or_default();
        for (seen, tool) in &places {
            for number in [i64::MAX, i64::MIN] {
                let mut aims = Aim::all(&form).into_iter().map(|aim| aim.with_number(argument, number));
                if aims.any(|aim| seen.ask(tool, &aim, &alone, MOMENTS[0]).is_some_and(|(_, failed)| failed)) {
                    return Fails::With(Some(number));
                }
            }
        }
        let Some((scope, evaluated)) = evaluated(&form) else { return Fails::Unknown };
        let answers: Option<Vec<bool>> =
            places.iter().map(|(seen, tool)| seen.implies(tool, &[&scope], &[&evaluated], solving)).collect();
        match answers {
            Some(answers) if answers.iter().all(|never| *never) => Fails::Never,
            Some(_) => Fails::With(None),
            None => Fails::Unknown,
        }
    }
}

impl<'a> Seen<'a> {
    /// The policies about a tool.
    fn about<'s>(&'s self, tool: &ToolAt) -> impl Iterator<Item = &'s Rule<'a>> + use<'s, 'a> {
        self.guard.about(&tool.action.id())
    }

    fn policies(&self) -> impl Iterator<Item = &Address> {
        self.guard.rules.iter().map(|rule| &rule.resource.address)
    }

    fn caller(&self, aim: &Aim) -> Option<Entity> {
        let token = aim.token();
        let tags = token.tags().filter(|_| self.principal == "OAuthUser");
        entity(self.principal, aim.caller(), tags)
    }

    /// Which of some policies hold for a call, and whether one of them could not be evaluated.
    fn ask(&self, tool: &ToolAt, aim: &Aim, policies: &PolicySet, now: &str) -> Option<(Vec<String>, bool)> {
        let context = self.guard.context(&tool.action, &aim.input(tool), now).ok()?;
        self.guard.holding(policies, &self.caller(aim)?, &tool.action.id(), context)
    }

    /// The policies without which a call would be decided otherwise.
    fn decisive(
        &self,
        tool: &ToolAt,
        aim: &Aim,
        sets: &[PolicySet; 2],
        rules: [&[&Rule<'_>]; 2],
        aside: &BTreeSet<Address>,
    ) -> Vec<Address> {
        let timed = rules.iter().flat_map(|rules| rules.iter()).any(|rule| rule.statement.contains("system"));
        let moments = if timed { MOMENTS.as_slice() } else { MOMENTS.get(..1).unwrap_or_default() };
        let mut found = Vec::new();
        for now in moments {
            let held = |index: usize| {
                let (ids, _) = self.ask(tool, aim, sets.get(index)?, now)?;
                let rules = rules.get(index)?.iter();
                Some(rules.copied().filter(|rule| ids.contains(&rule.policy.id().to_string())).collect::<Vec<_>>())
            };
            let (Some(permits), Some(forbids)) = (held(0), held(1)) else { continue };
            let alone = |rule: &&&Rule<'_>, among: &[&Rule<'_>]| {
                let counts = |other: &&&Rule<'_>| {
                    let address = &other.resource.address;
                    *address != rule.resource.address && !other.is_opaque() && !aside.contains(address)
                };
                !among.iter().any(|other| counts(&other))
            };
            if forbids.iter().all(|rule| rule.is_opaque() || aside.contains(&rule.resource.address)) {
                found.extend(
                    permits.iter().filter(|rule| alone(rule, &permits)).map(|rule| rule.resource.address.clone()),
                );
            }
            if !permits.is_empty() {
                found.extend(
                    forbids.iter().filter(|rule| alone(rule, &forbids)).map(|rule| rule.resource.address.clone()),
                );
            }
        }
        found
    }

    /// Whether everything that one set lets through another one does; nothing where it was not found out.
    fn implies(&self, tool: &ToolAt, less: &[&Policy], more: &[&Policy], solving: &mut Solving<'_>) -> Option<bool> {
        let question = Question {
            schema: self.guard.types(),
            principal: self.principal,
            action: &tool.action.id(),
            gateway: self.guard.gateway(),
        };
        match solving.implies(&question, less, more) {
            Answer::Implied => Some(true),
            Answer::Not(_) => Some(false),
            Answer::Open => None,
        }
    }
}

fn is_permit(rule: &Rule<'_>) -> bool {
    rule.policy.effect() == Effect::Permit
}

/// Calls that may show that a policy is needed: those that it is meant for, and for a forbid those of them that a permit is meant for.
fn calls(rule: &Rule<'_>, permits: &[&Rule<'_>], aims: &BTreeMap<&Address, Vec<Aim>>) -> Vec<Aim> {
    let of = |rule: &Rule<'_>| aims.get(&rule.resource.address).map(Vec::as_slice).unwrap_or_default();
    let own = of(rule);
    if is_permit(rule) {
        return own.to_vec();
    }
    let permitted = || permits.iter().flat_map(|permit| of(permit));
    let first = own.iter().flat_map(|aim| permitted().map(move |base| aim.with(base)));
    // What a permit asks for may also outweigh what the forbid looks for.
    first.chain(own.iter().flat_map(|aim| permitted().map(move |base| base.with(aim)))).collect()
}

/// Whatever a policy says the others say, or forbid in case of a permit, at each of its places.
fn is_said(
    places: &[Place<'_, '_>],
    rule: &Rule<'_>,
    others: &BTreeSet<&Address>,
    solving: &mut Solving<'_>,
) -> Option<bool> {
    let own = as_permit(&rule.policy)?;
    for (seen, tool) in places {
        let others: Vec<&Rule<'_>> =
            seen.about(tool).filter(|other| others.contains(&other.resource.address)).collect();
        let (permits, forbids): (Vec<&Rule<'_>>, Vec<&Rule<'_>>) = others.into_iter().partition(|rule| is_permit(rule));
        let answer = if is_permit(rule) {
            let less: Vec<&Policy> = [&own].into_iter().chain(forbids.iter().map(|rule| &rule.policy)).collect();
            let more: Vec<&Policy> = permits.iter().map(|rule| &rule.policy).collect();
            seen.implies(tool, &less, &more, solving)
        } else {
            let more: Vec<Policy> = forbids.iter().map(|rule| as_permit(&rule.policy)).collect::<Option<_>>()?;
            seen.implies(tool, &[&own], &more.iter().collect::<Vec<_>>(), solving)
        };
        if !answer? {
            return Some(false);
        }
    }
    Some(true)
}

/// Without this forbid nothing more goes through at a place.
fn stops_nothing(
    (seen, tool): Place<'_, '_>,
    rule: &Rule<'_>,
    aside: &BTreeSet<Address>,
    solving: &mut Solving<'_>,
) -> bool {
    let others = seen.about(tool).filter(|other| {
        let address = &other.resource.address;
        *address != rule.resource.address && (is_permit(other) || !other.is_opaque() && !aside.contains(address))
    });
    let less: Vec<&Policy> = others.map(|other| &other.policy).collect();
    let more: Vec<&Policy> = less.iter().copied().chain([&rule.policy]).collect();
    seen.implies(tool, &less, &more, solving) == Some(true)
}

/// The policy with the effect of a permit.
fn as_permit(policy: &Policy) -> Option<Policy> {
    let mut form = policy.to_json().ok()?;
    form.as_object_mut()?.insert("effect".to_owned(), json!("permit"));
    Policy::from_json(Some(policy.id().clone()), form).ok()
}

/// Two permits of a policy's scope: one without conditions, and one that holds wherever its conditions can be evaluated.
fn evaluated(form: &Value) -> Option<(Policy, Policy)> {
    let mut scope = form.clone();
    let members = scope.as_object_mut()?;
    members.insert("effect".to_owned(), json!("permit"));
    let conditions = members.insert("conditions".to_owned(), json!([]))?;
    let mut all = json!({"Value": true});
    for condition in conditions.as_array()?.iter().rev() {
        let body = condition.get("body")?;
        let body = if condition.get("kind")? == "when" { body.clone() } else { json!({"!": {"arg": body}}) };
        all = json!({"&&": {"left": body, "right": all}});
    }
    let body = json!({"||": {"left": all, "right": {"Value": true}}});
    let mut evaluated = scope.clone();
    evaluated.as_object_mut()?.insert("conditions".to_owned(), json!([{"kind": "when", "body": body}]));
    Some((Policy::from_json(None, scope).ok()?, Policy::from_json(None, evaluated).ok()?))
}

/// The policy holds for tools that do not exist yet.
fn is_about_more(policy: &Policy) -> bool {
    let is_group = |action: &cedar_policy::EntityUid| !action.id().unescaped().contains("___");
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(_) => false,
        ActionConstraint::In(actions) => actions.iter().any(is_group),
    }
}
