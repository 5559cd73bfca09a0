//! Why a caller can call a tool, or cannot: the policies that decide, or the nearest permit and the first of its conditions that
//! fails.

use cedar_policy::{Context, Effect};
use serde_json::{Map, Value};

use super::authorizer::Admission;
use super::caller::Caller;
use super::condition::{Condition, Parts, parts};
use super::gateway::{Gateway, Mode, ToolAt, Visitor};
use super::guard::{Guard, Principal, Rule, Truth};
use super::verdict::{Cell, Verdict};
use crate::address::Address;
use crate::check::cedar::place::Text;
use crate::diagnostic::{Sources, Span};

/// An answer.
#[derive(Debug, Clone)]
pub struct Why {
    /// The caller.
    pub caller: String,
    /// The tool, `target/tool`.
    pub tool: String,
    /// The gateway.
    pub gateway: Address,
    /// How often it may call, or whether it may with the input.
    pub cell: Cell,
    /// The call had an input.
    pub with_input: bool,
    /// What the authorizer says.
    pub admission: Admission,
    /// How much the gateway's policies count.
    pub mode: Mode,
    /// The policies that decide: permits, or one forbid at least.
    pub deciding: Vec<Deciding>,
    /// Where no policy permits: the permit that is nearest to it.
    pub nearest: Option<Nearest>,
    /// Permits of the tool that there are.
    pub permits: usize,
}

/// A policy that decides.
#[derive(Debug, Clone)]
pub struct Deciding {
    /// The policy.
    pub policy: Address,
    /// It forbids.
    pub forbids: bool,
    /// It only may: that depends on the input, or on what plain Cedar cannot read.
    pub may: bool,
    /// Its place.
    pub place: Span,
    /// The conditions that the answer still depends on.
    pub depends: Vec<Part>,
}

/// A permit that almost holds.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// The policy.
    pub policy: Address,
    /// Its place.
    pub place: Span,
    /// The first of its conditions that fails.
    pub fails: Part,
    /// How many of its conditions hold before that one, and how many it has.
    pub holds: (usize, usize),
}

/// A condition of a policy.
#[derive(Debug, Clone)]
pub struct Part {
    /// As the policy has it, on one line.
    pub text: String,
    /// It has to be false.
    pub negated: bool,
    /// Its place.
    pub place: Span,
}

/// Why a caller may or may not call a tool, with an input or with any. Fails where the input does not fit the tool.
pub fn why(
    gateway: &Gateway<'_>,
    sources: &Sources,
    caller: &Caller,
    tool: &ToolAt,
    input: Option<&Map<String, Value>>,
    now: &str,
) -> Result<Why, String> {
    let visitor = gateway.visitor(caller);
    let verdict = match input {
        Some(input) => gateway.decide(&visitor, tool, input, now)?,
        None => gateway.verdict(&visitor, tool),
    };
    let mut answer = Why {
        caller: caller.name.clone(),
        tool: tool.name.clone(),
        gateway: gateway.resource.address.clone(),
        cell: verdict.cell,
        with_input: input.is_some(),
        admission: visitor.admission.clone(),
        mode: gateway.mode,
        deciding: Vec::new(),
        nearest: None,
        permits: 0,
    };
    let asked = Asked::new(gateway, sources, &visitor, tool, input, now);
    if let Some(asked) = asked.filter(|_| answer.admission.is_admitted() && gateway.mode == Mode::Enforce) {
        answer.deciding = asked.deciding(&verdict);
        answer.permits = asked.guard.permits(&asked.action).count();
        if verdict.cell == Cell::Never && answer.deciding.is_empty() {
            answer.nearest = asked.nearest();
        }
    }
    Ok(answer)
}

/// A question to the policies.
struct Asked<'g> {
    guard: &'g Guard<'g>,
    sources: &'g Sources,
    principal: &'g Principal,
    action: String,
    context: Option<Context>,
}

impl<'g> Asked<'g> {
    fn new(
        gateway: &'g Gateway<'_>,
        sources: &'g Sources,
        visitor: &'g Visitor,
        tool: &ToolAt,
        input: Option<&Map<String, Value>>,
        now: &str,
    ) -> Option<Self> {
        let guard = gateway.guard.as_ref()?;
        let context = input.and_then(|input| guard.context(&tool.action, input, now).ok());
        Some(Self { guard, sources, principal: visitor.principal.as_ref()?, action: tool.action.id(), context })
    }

    /// Every forbid that holds; else the permits that hold or may, and the forbids that may.
    fn deciding(&self, verdict: &Verdict) -> Vec<Deciding> {
        let forbidden = verdict.holding.iter().any(|(effect, _)| *effect == Effect::Forbid);
        let holding = verdict.holding.iter().filter(|(effect, _)| !forbidden || *effect == Effect::Forbid);
        let depending = verdict.depending.iter().filter(|_| verdict.cell == Cell::Sometimes);
        holding
            .map(|decides| (decides, false))
            .chain(depending.map(|decides| (decides, true)))
            .filter_map(|((effect, address), may)| {
                let rule = self.guard.rules.iter().find(|rule| rule.resource.address == *address)?;
                let text = self.text(rule);
                let depends = if may && !rule.is_opaque() { self.dependencies(rule, &text) } else { Vec::new() };
                let place = text.whole();
                Some(Deciding { policy: address.clone(), forbids: *effect == Effect::Forbid, may, place, depends })
            })
            .collect()
    }

    /// The conditions of a policy that depend on the input.
    fn dependencies(&self, rule: &Rule<'_>, text: &Text<'_>) -> Vec<Part> {
        let Some(parts) = parts(&rule.statement) else { return Vec::new() };
        let mut held = Vec::new();
        let mut found = Vec::new();
        for condition in &parts.conditions {
            held.push(condition);
            // Judged after those before it that hold: they guard it.
            if self.truth(rule, &parts, &held) == Truth::Depends {
                found.push(part(rule, text, condition));
                held.pop();
            }
        }
        found
    }

    /// The permit with the fewest conditions left at the first that fails.
    fn nearest(&self) -> Option<Nearest> {
        let candidates = self.guard.permits(&self.action).filter(|rule| !rule.is_opaque()).filter_map(|rule| {
            let parts = parts(&rule.statement)?;
            let total = parts.conditions.len() + 1;
            let failing = (0..total).find(|index| {
                self.truth(rule, &parts, &parts.conditions.iter().take(*index).collect::<Vec<_>>()) == Truth::Fails
            })?;
            let principal = Condition { range: parts.principal.clone(), negated: false };
            let condition = failing.checked_sub(1).and_then(|index| parts.conditions.get(index)).unwrap_or(&principal);
            let text = self.text(rule);
            Some(Nearest {
                policy: rule.resource.address.clone(),
                place: text.whole(),
                fails: part(rule, &text, condition),
                holds: (failing, total),
            })
        });
        candidates.min_by_key(|nearest| nearest.holds.1 - nearest.holds.0)
    }

    /// Whether some conditions of a policy hold together.
    fn truth(&self, rule: &Rule<'_>, parts: &Parts, conditions: &[&Condition]) -> Truth {
        let text = |range: &std::ops::Range<usize>| rule.statement.get(range.clone()).unwrap_or_default();
        let conditions = conditions.iter().map(|condition| {
            let sign = if condition.negated { "!" } else { "" };
            // A comment inside may reach to the end of its line.
            format!("{sign}({}\n)", text(&condition.range))
        });
        let conditions = conditions.collect::<Vec<_>>().join(" && ");
        let when = if conditions.is_empty() { String::new() } else { format!(" when {{ {conditions} }}") };
        let policy = format!("permit({}\n, action, resource){when};", text(&parts.principal));
        self.guard.truth(&policy, self.principal, &self.action, self.context.as_ref())
    }

    fn text(&self, rule: &Rule<'g>) -> Text<'g> {
        Text::new(rule.resource, rule.statement.clone(), self.sources)
    }
}

fn part(rule: &Rule<'_>, text: &Text<'_>, condition: &Condition) -> Part {
    let words = rule.statement.get(condition.range.clone()).unwrap_or_default();
    Part {
        text: words.split_whitespace().collect::<Vec<_>>().join(" "),
        negated: condition.negated,
        place: text.span(&condition.range),
    }
}
