//! Whether a tool can be called without a scope, a group or a role: refuted with a caller, proved for every token, or tested.
//!
//! Callers that come near it are always tried, and are tried first: what they show is easier to understand than a solver's token, and
//! a solver that contradicts them is not believed. A solver's token is shown only after the authorizer and Cedar's own engine let it
//! through. Where nobody can say of a call whether it goes through, it is taken for one that may.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use cedar_policy::{Effect, Policy, PolicyId, Schema};
use serde_json::Value;

use super::authorizer::Door;
use super::caller::{Caller, Identity};
use super::facts::{Demands, demands, identity, list_of_plain};
use super::gateway::{Gateway, Mode, ToolAt, Visitor};
use super::guard::schema;
use super::near_miss;
use super::prove::{Answer, Example, Prover, Question};
use super::times::NOW;
use super::token::{Known, Token};
use super::trial::Words;
use super::verdict::{Cell, Verdict};
use crate::address::Address;
use crate::expectation::Needed;
use crate::manifest::cedar::{TokenKind, tokens};
use crate::manifest::exact::{has_one_of, is_one_of, literal, untestable};
use crate::stack::Claim;

/// What came of a tool.
pub(super) enum Found {
    /// Nobody can call it without, whoever it is; given this.
    Proved(Vec<String>),
    /// Nobody who was tried can, and why that is all there is to say, where there was a solver.
    Tested(Option<String>),
    /// Somebody can.
    Refuted(String, Verdict),
    /// Somebody may, and nobody can tell.
    Open(String, Verdict),
}

/// Who can call the tools of a gateway without something.
pub(super) struct OnlyWith<'a> {
    gateway: &'a Gateway<'a>,
    needed: &'a Needed,
    /// Callers to try.
    without: Vec<(String, Visitor)>,
    /// The test for what is needed, in Cedar; nothing where no caller of this gateway can have it.
    property: Result<Option<Policy>, String>,
    demands: Demands,
    schema: Option<Schema>,
    /// What the solver said, by the policies it was about.
    said: BTreeMap<Vec<Address>, Said>,
}

/// What a solver says.
#[derive(Clone)]
enum Said {
    /// It holds, given this.
    Proved(Vec<String>),
    /// For these principals it does not hold.
    Not(Vec<Example>),
    Open(String),
}

impl<'a> OnlyWith<'a> {
    /// Fails where nobody says which claim holds what is needed.
    pub(super) fn new(gateway: &'a Gateway<'a>, callers: &[Caller], needed: &'a Needed) -> Result<Self, String> {
        let actions: Vec<_> = gateway.tools.iter().chain(&gateway.to_come).map(|tool| tool.action.clone()).collect();
        Ok(Self {
            without: near_miss::without(gateway, callers, needed)?,
            property: property(gateway, needed),
            demands: demands(&gateway.door, gateway.names.scope.as_ref()),
            schema: schema(&actions),
            said: BTreeMap::new(),
            gateway,
            needed,
        })
    }

    /// How many callers are tried.
    pub(super) fn tried(&self) -> usize {
        self.without.len()
    }

    /// Looks at a tool. `distrusted` becomes true where the solver proves what is not so.
    pub(super) fn hold(&mut self, tool: &ToolAt, prover: Option<&mut Prover>, distrusted: &mut bool) -> Found {
        let near = self.first(&self.without, tool);
        let Some(prover) = prover else {
            return match near {
                Some((whose, verdict, true)) => Found::Refuted(whose, verdict),
                Some((whose, verdict, false)) => Found::Open(whose, verdict),
                None => Found::Tested(None),
            };
        };
        match (near, self.said(prover, tool)) {
            (Some((whose, verdict, true)), said) => {
                if matches!(said, Said::Proved(_)) {
                    prover.distrust("it says that nobody can call a tool, and somebody can".to_owned());
                    *distrusted = true;
                }
                Found::Refuted(whose, verdict)
            }
            (_, Said::Proved(given)) => Found::Proved(given),
            (near, Said::Not(examples)) => match (self.seen(examples, tool), near) {
                (Some((whose, verdict, true)), _) => Found::Refuted(whose, verdict),
                (_, Some((whose, verdict, _))) | (Some((whose, verdict, _)), _) => Found::Open(whose, verdict),
                (None, None) => Found::Tested(Some("the solver knows only tokens that do not get in".to_owned())),
            },
            (Some((whose, verdict, _)), Said::Open(_)) => Found::Open(whose, verdict),
            (None, Said::Open(why)) => Found::Tested(Some(why)),
        }
    }

    /// The first who can call a tool, else the first who may, and whether it can.
    fn first(&self, visitors: &[(String, Visitor)], tool: &ToolAt) -> Option<(String, Verdict, bool)> {
        let inputs = LazyCell::new(|| Words::of([Some(self.gateway), None], tool).inputs(tool));
        let mut open = None;
        for (whose, visitor) in visitors {
            let verdict = self.gateway.verdict(visitor, tool);
            if verdict.cell == Cell::Never {
                continue;
            }
            // What is left of a condition may be a contradiction: a call shows that it is none.
            let is_one = visitor.principal.as_ref().is_some_and(super::guard::Principal::is_one);
            let called = || {
                inputs.iter().any(|input| {
                    let decided = self.gateway.decide(visitor, tool, input, NOW);
                    is_one && decided.is_ok_and(|decided| decided.cell != Cell::Never)
                })
            };
            if verdict.cell == Cell::Always || called() {
                return Some((whose.clone(), verdict, true));
            }
            open.get_or_insert((whose.clone(), verdict, false));
        }
        open
    }

    /// Whom the solver's examples show, as the authorizer and Cedar's own engine see them.
    fn seen(&self, examples: Vec<Example>, tool: &ToolAt) -> Option<(String, Verdict, bool)> {
        let visitors: Vec<_> = examples.into_iter().filter_map(|example| self.visitor(example)).collect();
        self.first(&visitors, tool)
    }

    /// An example as a caller, unless it has what is needed.
    fn visitor(&self, example: Example) -> Option<(String, Visitor)> {
        match self.gateway.door {
            Door::Jwt(_) => {
                let (name, claims) = near_miss::claims_of(self.gateway, self.needed).ok()?;
                let is_words = |name: &str| claims.iter().any(|claim| claim.name == name && !claim.list);
                let mut token = Token { claims: example.tags, known: Known::InPart };
                for (claim, value) in token.claims.iter_mut().filter(|(claim, _)| !is_words(claim)) {
                    // The text of a list is what Cedar sees of the list.
                    let list = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                    let is_same = |list: &Value| value.as_str().is_some_and(|text| text == list.to_string().as_str());
                    if let Some(list) = list.filter(|list| list.is_array() && is_same(list) && claim != "sub") {
                        *value = list;
                    }
                }
                if let Some(id) = example.id.filter(|id| !id.is_empty()) {
                    token.claims.entry("sub").or_insert(id.into());
                }
                near_miss::settle(&mut token.claims, &claims, self.gateway, &name);
                if near_miss::has(&token, self.needed, self.gateway) {
                    return None;
                }
                let said: Vec<_> = token.claims.iter().filter(|(_, value)| !value.is_null()).collect();
                let said: serde_json::Map<_, _> =
                    said.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                let whose = format!("a token {}", Value::Object(said));
                Some((whose, self.gateway.holder("other", token)))
            }
            Door::Iam | Door::Signed => {
                let arn = example.id?;
                let caller = Caller { name: format!("the role `{arn}`"), identity: Identity::Role(arn) };
                Some((caller.name.clone(), self.gateway.visitor(&caller)))
            }
            Door::Open => {
                let nobody = Caller { name: "anybody".to_owned(), identity: Identity::Nobody };
                Some((nobody.name.clone(), self.gateway.visitor(&nobody)))
            }
            Door::Unknown => None,
        }
    }

    /// What the solver says of a tool. Tools with the same policies have the same answer, unless these look at the call.
    fn said(&mut self, prover: &mut Prover, tool: &ToolAt) -> Said {
        let key = self.key(tool);
        if let Some(said) = key.as_ref().and_then(|key| self.said.get(key)) {
            return said.clone();
        }
        let said = self.ask(prover, tool);
        if let Some(key) = key {
            self.said.insert(key, said.clone());
        }
        said
    }

    fn key(&self, tool: &ToolAt) -> Option<Vec<Address>> {
        let rules = self.gateway.guard.iter().flat_map(|guard| guard.about(&tool.action.id()));
        let of_call = |statement: &str| {
            let words = tokens(statement).into_iter().filter(|token| token.kind == TokenKind::Word);
            let words = words.filter_map(|token| statement.get(token.range)).collect::<Vec<_>>();
            words.contains(&"context") || words.iter().filter(|word| **word == "action").count() > 1
        };
        rules.map(|rule| (!of_call(&rule.statement)).then(|| rule.resource.address.clone())).collect()
    }

    fn ask(&self, prover: &mut Prover, tool: &ToolAt) -> Said {
        let property = match &self.property {
            Ok(property) => property,
            Err(why) => return Said::Open(why.clone()),
        };
        let action = tool.action.id();
        let known = self.gateway.guard.as_ref().zip(self.schema.as_ref()).zip(self.gateway.door.principal());
        let Some(((guard, schema), kind)) = known else {
            return Said::Open("Cedar takes no schema of its tools".to_owned());
        };
        let mut policies = self.policies(&action);
        let facts = identity(kind, &policies.iter().chain(property).collect::<Vec<_>>());
        let assumed = |id: &str, fact: &str| {
            let text = format!("forbid(principal is AgentCore::{kind}, action, resource) unless {{ {fact} }};");
            Policy::parse(Some(PolicyId::new(format!("assumed {id}"))), text).ok()
        };
        policies.extend(facts.iter().enumerate().filter_map(|(at, fact)| assumed(&format!("fact-{at}"), fact)));
        let question = Question { schema, principal: kind, action: &action, gateway: guard.gateway() };
        let more: Vec<&Policy> = property.iter().collect();
        // From the strongest answer to the weakest: with nothing given, with what the authorizer demands, with lists as issuers write
        // them. What is only likely helps to find a token that gets in.
        let sure = self.demands.sure.as_slice();
        let lists = self.lists();
        let with_lists = [sure, &lists].concat();
        let mut steps: Vec<&[(String, String)]> = Vec::new();
        for given in [&[], sure, &lists, &with_lists] {
            if !steps.contains(&given) {
                steps.push(given);
            }
        }
        let mut ask = |facts: &mut dyn Iterator<Item = &String>| {
            let given: Vec<Policy> =
                facts.enumerate().filter_map(|(at, fact)| assumed(&format!("given-{at}"), fact)).collect();
            let less: Vec<&Policy> = policies.iter().chain(&given).collect();
            prover.implies(&question, &less, &more)
        };
        let mut examples = Vec::new();
        for given in steps {
            match ask(&mut given.iter().map(|(_, fact)| fact)) {
                Answer::Implied => return Said::Proved(given.iter().map(|(words, _)| words.clone()).collect()),
                Answer::Not(example) => examples.push(example),
                Answer::Open => {}
            }
        }
        let likely = &self.demands.likely;
        if !examples.is_empty()
            && !likely.is_empty()
            && let Answer::Not(example) = ask(&mut likely.iter().chain(lists.iter().map(|(_, fact)| fact)))
        {
            examples.push(example);
        }
        if examples.is_empty() {
            let why = if prover.trouble.is_some() { "the solver failed" } else { "the solver left it open" };
            return Said::Open(why.to_owned());
        }
        // The likeliest first.
        examples.reverse();
        Said::Not(examples)
    }

    /// That the lists that can hold what is needed are as issuers write them.
    fn lists(&self) -> Vec<(String, String)> {
        let claims = match self.gateway.door {
            Door::Jwt(_) => near_miss::claims_of(self.gateway, self.needed).ok(),
            _ => None,
        };
        let (name, claims) = claims.unwrap_or_default();
        claims.iter().filter_map(|claim| list_of_plain(claim, &name)).collect()
    }

    /// The policies about a tool, and what depends on something that plain Cedar does not know as it lets the most through.
    fn policies(&self, action: &str) -> Vec<Policy> {
        if self.gateway.mode == Mode::NoEngine {
            let open = Policy::parse(Some(PolicyId::new("open")), "permit(principal, action, resource);");
            return open.into_iter().collect();
        }
        let rules = self.gateway.guard.iter().flat_map(|guard| guard.about(action));
        let rules = rules.filter(|rule| !rule.is_opaque() || rule.policy.effect() == Effect::Permit);
        rules.map(|rule| rule.policy.clone()).collect()
    }
}

/// The test for what is needed as a policy. Fails where there is none that is exact.
fn property(gateway: &Gateway<'_>, needed: &Needed) -> Result<Option<Policy>, String> {
    let test = match (&gateway.door, needed) {
        (Door::Jwt(_), _) => {
            let (name, claims) = near_miss::claims_of(gateway, needed)?;
            let tests: Vec<String> = claims.iter().map(|claim| has(claim, needed, &name)).collect::<Result<_, _>>()?;
            tests.join(" || ")
        }
        (Door::Iam | Door::Signed, Needed::Role(name)) => {
            format!("principal.id like \"*:assumed-role/{}\"", literal(name, true))
        }
        _ => return Ok(None),
    };
    let kind = gateway.door.principal().unwrap_or_default();
    let permit = format!("permit(principal is AgentCore::{kind}, action, resource) when {{ {test} }};");
    let policy = Policy::parse(Some(PolicyId::new("needed")), permit);
    policy.map(Some).map_err(|error| format!("what is needed cannot be said in Cedar: {error}"))
}

/// The test that a claim has a value, as [`near_miss::has`] sees it.
fn has(claim: &Claim, needed: &Needed, name: &str) -> Result<String, String> {
    let values = [name.to_owned()];
    let is_it = format!("({})", is_one_of(&claim.name, &values));
    if matches!(needed, Needed::Role(_)) && !claim.list {
        return Ok(is_it);
    }
    if let Some(why) = untestable(claim, name) {
        return Err(format!("no policy can ask for `{name}` exactly: it {why}"));
    }
    let in_list = format!("({})", has_one_of(claim, &values));
    // A text where a list is expected is taken for its only element.
    Ok(if claim.list { format!("{in_list} || {is_it}") } else { in_list })
}
