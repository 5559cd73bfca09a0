//! Expectations held against the access that a manifest gives. The engine's mode is a risk of its own: everything is held as if
//! every engine enforced.
//!
//! What is said of a caller of the manifest is decided case by case. What is said of every token is proved, tested, or refuted
//! (`only_with`).

use std::collections::BTreeSet;

use super::caller::Caller;
use super::gateway::{Gateway, ToolAt};
use super::only_with::{Found, OnlyWith};
use super::prove::{Prover, Solver};
use super::times::NOW;
use super::verdict::{Cell, Verdict};
use super::{Access, in_words};
use crate::address::Address;
use crate::diagnostic::Span;
use crate::expectation::{Expectation, Expected, Named, Needed};
use crate::manifest::nearest::suggestion;
use crate::stack::Stack;

/// The code of an expectation that does not hold.
pub const CODE: &str = "access::expectation";

/// What came of an expectation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The expectation in a few words.
    pub label: String,
    /// Its place.
    pub span: Span,
    /// How many decisions were looked at.
    pub cases: usize,
    /// How it was found out.
    pub how: How,
    /// Why it does not hold; nothing where it does.
    pub failures: Vec<Broken>,
}

/// How it was found out whether an expectation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Case by case: there are no others.
    Decided,
    /// For every token, given this.
    Proved(BTreeSet<String>),
    /// So many callers were tried, and why it is not proved, where there was a solver.
    Tested(usize, Option<String>),
    /// There is a caller who shows that it does not hold.
    Refuted,
    /// It was not found out.
    Unknown,
}

/// What came of all expectations.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// What came of each, in the manifest's order.
    pub outcomes: Vec<Outcome>,
    /// There was a solver to ask.
    pub solver: bool,
    /// What went wrong with it.
    pub trouble: Option<String>,
}

/// Something that is not as expected.
#[derive(Debug, Clone)]
pub struct Broken {
    /// What.
    pub message: String,
    /// The place of the name that the expectation has for it.
    pub span: Span,
    /// What to do next.
    pub help: Option<String>,
    /// The policies that decided.
    pub policies: Vec<Address>,
    /// The expectation itself cannot be read: it names what there is not.
    pub unknown: bool,
}

/// Holds every expectation of a stack, with a solver where there is one. It has to be called outside of any asynchronous runtime.
pub fn hold(stack: &Stack, solver: Option<&Solver>) -> Holding {
    let access = Access::enforced(stack);
    let mut held = Held { access: &access, prover: solver.and_then(Prover::new), distrusted: false };
    let mut outcomes: Vec<Outcome> = stack.expectations.iter().map(|expectation| held.outcome(expectation)).collect();
    if held.distrusted {
        for outcome in &mut outcomes {
            if matches!(outcome.how, How::Proved(_)) {
                outcome.how = How::Tested(outcome.cases, Some("the solver is not believed".to_owned()));
            }
        }
    }
    Holding { outcomes, solver: solver.is_some(), trouble: held.prover.and_then(|prover| prover.trouble) }
}

struct Held<'a> {
    access: &'a Access<'a>,
    prover: Option<Prover>,
    /// The solver proved what is not so.
    distrusted: bool,
}

impl Held<'_> {
    fn outcome(&mut self, expectation: &Expectation) -> Outcome {
        let mut outcome = Outcome {
            label: label(&expectation.expected),
            span: expectation.span.clone(),
            cases: 0,
            how: How::Decided,
            failures: Vec::new(),
        };
        match &expectation.expected {
            Expected::Reach { personas, always, sometimes, never } => {
                let lists = [(always, Cell::Always), (sometimes, Cell::Sometimes), (never, Cell::Never)];
                for (tools, wanted) in lists {
                    for (persona, tool) in
                        personas.iter().flat_map(|persona| tools.iter().map(move |tool| (persona, tool)))
                    {
                        self.reach(persona, tool, wanted, &mut outcome);
                    }
                }
            }
            Expected::Call { persona, tool, input, allowed } => self.call(persona, tool, input, *allowed, &mut outcome),
            Expected::OnlyWith { tools, needed } => self.only_with(tools, needed, &mut outcome),
        }
        outcome
    }

    /// The gateways at which a caller and a tool meet. What is named and is not there is a failure.
    fn meetings(&self, persona: &Named, tool: &Named, outcome: &mut Outcome) -> Vec<(&Gateway<'_>, Caller, &ToolAt)> {
        let mut found = Vec::new();
        for gateway in &self.access.gateways {
            let callers = self.access.callers_of(gateway);
            if let Some(caller) = callers.into_iter().find(|caller| caller.name == persona.text) {
                let tools = gateway.tools.iter().filter(|known| known.is_named(&tool.text));
                found.extend(tools.map(|tool| (gateway, caller.clone(), tool)));
            }
        }
        if found.is_empty() && self.knows_tool(tool, outcome) {
            let everybody = self.everybody();
            let (message, help) = if everybody.contains(&persona.text) {
                (format!("`{}` has not what the gateway of `{}` asks for", persona.text, tool.text), None)
            } else {
                let help = suggestion(&persona.text, everybody.iter().map(String::as_str));
                (format!("there is no persona or client `{}`", persona.text), help)
            };
            outcome.failures.push(Broken::unknown(message, persona, help));
        }
        found
    }

    fn everybody(&self) -> Vec<String> {
        let strangers = self.access.gateways.iter().filter_map(Gateway::strangers);
        self.access.callers.iter().cloned().chain(strangers).map(|caller| caller.name).collect()
    }

    fn knows_tool(&self, tool: &Named, outcome: &mut Outcome) -> bool {
        let mut tools = self.access.gateways.iter().flat_map(|gateway| &gateway.tools);
        let known = tools.clone().any(|known| known.is_named(&tool.text));
        if !known && outcome.failures.iter().all(|broken| broken.span != tool.span) {
            let help = suggestion(&tool.text, tools.by_ref().map(|known| known.name.as_str()));
            let help = help.or_else(|| Some("a tool is named `target/tool`".to_owned()));
            outcome.failures.push(Broken::unknown(format!("there is no tool `{}`", tool.text), tool, help));
        }
        known
    }

    fn reach(&self, persona: &Named, tool: &Named, wanted: Cell, outcome: &mut Outcome) {
        for (gateway, caller, tool_at) in self.meetings(persona, tool, outcome) {
            outcome.cases += 1;
            let verdict = gateway.verdict(&gateway.visitor(&caller), tool_at);
            let as_wanted = match wanted {
                Cell::Sometimes => verdict.cell != Cell::Never,
                wanted => verdict.cell == wanted,
            };
            if !gateway.is_known() && verdict.cell == Cell::Sometimes {
                outcome.failures.push(Broken::unknown_policies(gateway, tool));
            } else if !as_wanted {
                let message = format!(
                    "{} can {} call {}, where `{}` is expected",
                    caller.name,
                    verdict.cell.word(),
                    tool_at.name,
                    wanted.word()
                );
                outcome.failures.push(Broken::by(message, tool, &verdict));
            }
        }
    }

    fn call(&self, persona: &Named, tool: &Named, input: &serde_json::Value, allowed: bool, outcome: &mut Outcome) {
        for (gateway, caller, tool_at) in self.meetings(persona, tool, outcome) {
            outcome.cases += 1;
            let empty = serde_json::Map::new();
            let input = input.as_object().unwrap_or(&empty);
            let word = |allowed| if allowed { "allowed" } else { "denied" };
            match gateway.decide(&gateway.visitor(&caller), tool_at, input, NOW) {
                Ok(verdict) if verdict.cell == Cell::Sometimes && !gateway.is_known() => {
                    outcome.failures.push(Broken::unknown_policies(gateway, tool));
                }
                Ok(verdict) if verdict.cell == Cell::Sometimes => {
                    let message =
                        format!("whether {} may call {} is not for plain Cedar to say", caller.name, tool_at.name);
                    outcome.failures.push(Broken::by(message, tool, &verdict));
                }
                Ok(verdict) if (verdict.cell == Cell::Always) != allowed => {
                    let decision = word(verdict.cell == Cell::Always);
                    let message = format!(
                        "{} calling {} with this input is {decision}, where it is expected to be {}",
                        caller.name,
                        tool_at.name,
                        word(allowed)
                    );
                    outcome.failures.push(Broken::by(message, tool, &verdict));
                }
                Ok(_) => {}
                Err(problem) => {
                    let message = format!("the input does not fit `{}`: {problem}", tool_at.name);
                    outcome.failures.push(Broken::unknown(message, tool, None));
                }
            }
        }
    }

    fn only_with(&mut self, tools: &[Named], needed: &Needed, outcome: &mut Outcome) {
        let mut sum = Sum::default();
        let access = self.access;
        for gateway in &access.gateways {
            let named: Vec<(&Named, &ToolAt)> =
                tools.iter().flat_map(|name| named(gateway, name).map(move |tool| (name, tool))).collect();
            self.only_with_at(gateway, &named, needed, outcome, &mut sum);
        }
        for tool in
            tools.iter().filter(|tool| access.gateways.iter().all(|gateway| named(gateway, tool).next().is_none()))
        {
            self.knows_tool(tool, outcome);
        }
        outcome.how = sum.how(outcome);
    }

    /// The same at one gateway.
    fn only_with_at(
        &mut self,
        gateway: &Gateway<'_>,
        named: &[(&Named, &ToolAt)],
        needed: &Needed,
        outcome: &mut Outcome,
        sum: &mut Sum,
    ) {
        let Some((first, _)) = named.first() else { return };
        if !gateway.is_known() {
            outcome.failures.push(Broken::unknown_policies(gateway, first));
            return;
        }
        let mut only_with = match OnlyWith::new(gateway, &self.access.callers_of(gateway), needed) {
            Ok(only_with) => only_with,
            Err(problem) => {
                outcome.failures.push(Broken::unknown(problem, first, None));
                return;
            }
        };
        sum.tokens += only_with.tried();
        for (name, tool) in named {
            outcome.cases += only_with.tried();
            let (message, verdict) = match only_with.hold(tool, self.prover.as_mut(), &mut self.distrusted) {
                Found::Proved(given) => {
                    sum.given.extend(given);
                    continue;
                }
                Found::Tested(why) => {
                    sum.tested = true;
                    sum.why = sum.why.take().or(why);
                    continue;
                }
                Found::Refuted(whose, verdict) => {
                    sum.refuted = true;
                    let how_often = verdict.cell.word();
                    (format!("{whose} can {how_often} call {} without it", in_words(&tool.name)), verdict)
                }
                Found::Open(whose, verdict) => {
                    (format!("nobody can tell whether {whose} can call {} without it", in_words(&tool.name)), verdict)
                }
            };
            outcome.failures.push(Broken::by(message, name, &verdict));
        }
    }
}

/// What was found of all tools of an expectation.
#[derive(Default)]
struct Sum {
    tokens: usize,
    tested: bool,
    refuted: bool,
    given: BTreeSet<String>,
    why: Option<String>,
}

impl Sum {
    fn how(self, outcome: &Outcome) -> How {
        match (self.refuted, outcome.failures.is_empty()) {
            (true, _) => How::Refuted,
            (false, false) => How::Unknown,
            (false, true) if self.tested => How::Tested(self.tokens, self.why),
            (false, true) => How::Proved(self.given),
        }
    }
}

/// The tools of a gateway that a name means: those there are, and with `**` those to come.
fn named<'g>(gateway: &'g Gateway<'_>, name: &Named) -> impl Iterator<Item = &'g ToolAt> {
    let to_come = gateway.to_come.iter().filter(|_| name.text.ends_with("/**"));
    gateway.tools.iter().chain(to_come).filter(|tool| tool.is_named(&name.text))
}

impl Broken {
    fn unknown(message: String, name: &Named, help: Option<String>) -> Self {
        Self { message, span: name.span.clone(), help, policies: Vec::new(), unknown: true }
    }

    fn unknown_policies(gateway: &Gateway<'_>, name: &Named) -> Self {
        let message = format!("what `{}` permits is not known offline", gateway.resource.address);
        Self { message, span: name.span.clone(), help: None, policies: Vec::new(), unknown: false }
    }

    fn by(message: String, name: &Named, verdict: &Verdict) -> Self {
        let policies = verdict.holding.iter().chain(&verdict.depending).map(|(_, policy)| policy.clone()).collect();
        Self { message, span: name.span.clone(), help: None, policies, unknown: false }
    }
}

/// An expectation in a few words.
fn label(expected: &Expected) -> String {
    let list = |names: &[Named]| names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(", ");
    match expected {
        Expected::Reach { personas, always, sometimes, never } => {
            let parts = [("always", always), ("sometimes", sometimes), ("never", never)];
            let parts = parts.into_iter().filter(|(_, tools)| !tools.is_empty());
            let parts: Vec<String> = parts.map(|(word, tools)| format!("{word} {}", list(tools))).collect();
            format!("{}: {}", list(personas), parts.join("; "))
        }
        Expected::Call { persona, tool, input, allowed } => {
            let word = if *allowed { "allow" } else { "deny" };
            format!("{}: {word} {} {input}", persona.text, tool.text)
        }
        Expected::OnlyWith { tools, needed } => {
            let needed = match needed {
                Needed::Scope(name) => format!("scope {name}"),
                Needed::Group(name) => format!("group {name}"),
                Needed::Role(name) => format!("role {name}"),
            };
            format!("{}: only with {needed}", list(tools))
        }
    }
}
