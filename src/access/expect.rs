//! Expectations held against the access that a manifest gives. The engine's mode is a risk of its own: everything is held as if
//! every engine enforced.

use super::Access;
use super::caller::Caller;
use super::gateway::{Gateway, ToolAt};
use super::guard::{Cell, Verdict};
use super::near_miss;
use crate::address::Address;
use crate::diagnostic::Span;
use crate::expectation::{Expectation, Expected, Named, Needed};
use crate::manifest::nearest::suggestion;
use crate::stack::Stack;

/// The code of an expectation that does not hold.
pub const CODE: &str = "access::expectation";

/// A moment for calls whose time nobody gives, in RFC 3339.
const NOW: &str = "2026-01-01T12:00:00Z";

/// What came of an expectation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The expectation in a few words.
    pub label: String,
    /// Its place.
    pub span: Span,
    /// How many decisions were looked at.
    pub cases: usize,
    /// How many tokens were tried, where it is about every token: it is tested, and not proved.
    pub tokens: Option<usize>,
    /// Why it does not hold; nothing where it does.
    pub failures: Vec<Broken>,
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

/// Holds every expectation of a stack.
pub fn hold(stack: &Stack) -> Vec<Outcome> {
    let access = Access::enforced(stack);
    stack.expectations.iter().map(|expectation| Held { access: &access }.outcome(expectation)).collect()
}

struct Held<'a> {
    access: &'a Access<'a>,
}

impl Held<'_> {
    fn outcome(&self, expectation: &Expectation) -> Outcome {
        let mut outcome = Outcome {
            label: label(&expectation.expected),
            span: expectation.span.clone(),
            cases: 0,
            tokens: None,
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
                    "{} can {} call {}, and is expected to {}",
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
                        "{} calling {} with this input is {decision}, and is expected to be {}",
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

    fn only_with(&self, tools: &[Named], needed: &Needed, outcome: &mut Outcome) {
        let mut tokens = 0;
        for gateway in &self.access.gateways {
            let named: Vec<(&Named, &ToolAt)> = tools
                .iter()
                .flat_map(|name| {
                    gateway.tools.iter().filter(|tool| tool.is_named(&name.text)).map(move |tool| (name, tool))
                })
                .collect();
            let Some((first, _)) = named.first() else { continue };
            if !gateway.is_known() {
                outcome.failures.push(Broken::unknown_policies(gateway, first));
                continue;
            }
            let without = match near_miss::without(gateway, &self.access.callers_of(gateway), needed) {
                Ok(without) => without,
                Err(problem) => {
                    outcome.failures.push(Broken::unknown(problem, first, None));
                    continue;
                }
            };
            tokens += without.len();
            for (name, tool) in named {
                for (whose, visitor) in &without {
                    outcome.cases += 1;
                    let verdict = gateway.verdict(visitor, tool);
                    if verdict.cell != Cell::Never {
                        let message = format!("{whose} can {} call {} without it", verdict.cell.word(), tool.name);
                        outcome.failures.push(Broken::by(message, name, &verdict));
                        // One witness is enough.
                        break;
                    }
                }
            }
        }
        for tool in tools {
            self.knows_tool(tool, outcome);
        }
        outcome.tokens = Some(tokens);
    }
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
