//! Mistakes in policies are noticed: each condition of each policy of each example is changed in every way, and `check`, an
//! expectation or the plan has to say something of it. What none of them says anything of lets the same calls through: Cedar's own
//! engine tries every token and input that could tell the two apart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cedar_policy::{Policy, PolicyId};
use gatewright::access::prove::Solver;
use gatewright::aws::Aws;
use gatewright::check::check;
use gatewright::diagnostic::{Severity, Sources};
use gatewright::engine::{self, Asked};
use gatewright::kind::statement_of;
use gatewright::manifest::{self, Options};
use gatewright::plan::{AccessEffect, Plan};
use gatewright::reference::{self, Filter, Reference, Target};
use gatewright::stack::{Resource, Stack};
use localstack::Config;
use serde_json::json;

use crate::brute::{Calls, Difference};
use crate::cvc5::cvc5;
use crate::mutants::{Mutant, PLACEHOLDER, mutants};
use crate::world::World;

/// So many mutants of an example are tried: of more, every so manieth. `MUTANTS=1000` tries them all, in minutes.
const MOST: usize = 30;

fn most() -> usize {
    std::env::var("MUTANTS").ok().and_then(|most| most.parse().ok()).unwrap_or(MOST)
}

/// Who says something of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Notice {
    /// An error of `check`: there is no plan.
    Refused,
    /// A warning of `check`.
    Warned,
    /// An expectation that does not hold any more.
    Expectation,
    /// An access that changes in the plan.
    Plan,
    /// A risk of the plan, where the access of no caller of the manifest changes so.
    Risk,
    /// Nobody, and no call differs.
    Nobody,
}

/// An example with its live state.
pub(crate) struct Example {
    pub(crate) stack: Stack,
    pub(crate) sources: Sources,
    pub(crate) aws: Aws,
    known: BTreeSet<String>,
}

impl Example {
    pub(crate) async fn applied(name: &str) -> Self {
        let options =
            Options { path: Path::new("manifests").join(name), first_environment: true, ..Options::default() };
        let loaded = manifest::load(&options);
        let stack = loaded.stack.unwrap();
        let world = World::with(Config::default());
        world.apply_stack(&stack).await;
        let aws = world.aws().await;
        let known = said(&stack, &loaded.sources).into_iter().map(|(_, text)| text).collect();
        Self { stack, sources: loaded.sources, aws, known }
    }

    /// What `check` says of a changed stack, and did not say before: each with whether it is an error, and its code.
    pub(crate) fn news(&self, stack: &Stack) -> Vec<(bool, String)> {
        said(stack, &self.sources).into_iter().filter(|(_, text)| !self.known.contains(text)).collect()
    }

    /// What a changed stack would do.
    pub(crate) async fn plan(&self, stack: &Stack, solver: Option<Solver>) -> Plan {
        let asked = Asked { solver, ..Asked::default() };
        engine::plan_asked(&self.aws, stack, &asked).await.unwrap().plan
    }
}

/// Access changes to more, or to less.
pub(crate) fn shows(plan: &Plan, effect: AccessEffect) -> bool {
    let either = [AccessEffect::Both, AccessEffect::Unknown, effect];
    plan.access.iter().any(|change| either.contains(&change.effect))
}

fn said(stack: &Stack, sources: &Sources) -> Vec<(bool, String)> {
    let found = check(stack, sources).into_iter();
    found.map(|found| (found.severity == Severity::Error, format!("{} {}", found.code, found.message))).collect()
}

/// The references of a statement as text that Cedar reads and prints as it is.
struct Readable(BTreeMap<String, String>);

impl Readable {
    /// The statement in that form. The name of a target is part of the names of its tools, and is known.
    fn of(stack: &Stack, statement: &str) -> (Self, String) {
        let written = |target: &Target| {
            let name = match target {
                Target::Output(address, output) if output == "name" => {
                    stack.resource(address).and_then(Resource::live_name)
                }
                _ => None,
            };
            name.map_or_else(|| placeholder(target), ToOwned::to_owned)
        };
        let references = reference::references(&json!(statement)).into_iter();
        let marks = references.map(|reference| (placeholder(&reference.target), reference.mark())).collect();
        (Self(marks), reference::resolve_text(statement, &|target| Some(written(target))))
    }

    fn statement(&self, policy: &Policy) -> String {
        let mut text = policy.to_cedar().unwrap();
        for (placeholder, mark) in &self.0 {
            text = text.replace(placeholder, mark);
        }
        text
    }
}

fn placeholder(target: &Target) -> String {
    let source = Reference { target: target.clone(), filter: Filter::Plain }.source();
    format!("{PLACEHOLDER}{}{PLACEHOLDER}", source.trim_matches(['$', '{', '}']))
}

/// The policies of a stack by address, as Cedar reads them.
pub(crate) fn policies(stack: &Stack) -> BTreeMap<String, Policy> {
    let policies = stack.resources.iter().filter(|resource| resource.kind.name == "policy");
    policies.map(|policy| (policy.address.to_string(), readable(stack, policy).1)).collect()
}

fn readable(stack: &Stack, policy: &Resource) -> (Readable, Policy) {
    let (references, text) = Readable::of(stack, statement_of(&policy.document["definition"]).unwrap());
    let id = PolicyId::new(policy.address.to_string());
    (references, Policy::parse(Some(id), text).unwrap())
}

/// A stack with another statement of a policy, or without the policy.
fn with(stack: &Stack, address: &str, statement: Option<String>) -> Stack {
    let mut stack = stack.clone();
    match statement {
        None => stack.resources.retain(|resource| resource.address.to_string() != address),
        Some(statement) => {
            let policy = stack.resources.iter_mut().find(|resource| resource.address.to_string() == address).unwrap();
            *policy.document.pointer_mut("/definition/cedar/statement").unwrap() = json!(statement);
        }
    }
    stack
}

/// What came of the mutants of an example.
#[derive(Default)]
struct Tally {
    derived: usize,
    tried: usize,
    by: BTreeMap<Notice, usize>,
    /// Those of which nothing is said, or the wrong thing.
    missed: Vec<String>,
}

/// A policy with a mistake, or no policy any more.
struct Case {
    address: String,
    how: String,
    /// The policy and its statement.
    mutated: Option<(Policy, String)>,
}

fn cases(stack: &Stack, calls: &Calls) -> Vec<Case> {
    let mut found = Vec::new();
    for policy in stack.resources.iter().filter(|resource| resource.kind.name == "policy") {
        let address = policy.address.to_string();
        let (references, policy) = readable(stack, policy);
        found.push(Case { address: address.clone(), how: "it is gone".to_owned(), mutated: None });
        let mutants = mutants(&policy, &calls.actions()).into_iter();
        found.extend(mutants.map(|Mutant { how, policy }| {
            let statement = references.statement(&policy);
            Case { address: address.clone(), how, mutated: Some((policy, statement)) }
        }));
    }
    found
}

async fn tally(name: &str, most: usize, solver: Option<&Solver>) -> Tally {
    let example = Example::applied(name).await;
    let before = policies(&example.stack);
    let calls = Calls::of(&example.stack);
    let cases = cases(&example.stack, &calls);
    let mut tally = Tally { derived: cases.len(), ..Tally::default() };
    let every = cases.len().div_ceil(most).max(1);
    for case in cases.into_iter().step_by(every) {
        let statement = case.mutated.as_ref().map(|(_, statement)| statement.clone());
        let stack = with(&example.stack, &case.address, statement.clone());
        let mut after = before.clone();
        match case.mutated {
            None => drop(after.remove(&case.address)),
            Some((policy, _)) => drop(after.insert(case.address.clone(), policy)),
        }
        tally.tried += 1;
        match notices(&example, &stack, &calls, (&before, &after), solver).await {
            Ok(notices) => notices.into_iter().for_each(|notice| *tally.by.entry(notice).or_default() += 1),
            Err(problem) => tally.missed.push(format!(
                "{name} {}, {}: {problem}\n{}",
                case.address,
                case.how,
                statement.unwrap_or_default()
            )),
        }
    }
    tally
}

/// Who says something of a changed stack. Fails, in words, where calls differ and the plan does not show how.
async fn notices(
    example: &Example,
    stack: &Stack,
    calls: &Calls,
    (before, after): (&BTreeMap<String, Policy>, &BTreeMap<String, Policy>),
    solver: Option<&Solver>,
) -> Result<BTreeSet<Notice>, String> {
    let news = example.news(stack);
    let mut found = BTreeSet::new();
    for (error, text) in &news {
        found.insert(match error {
            _ if text.starts_with("access::expectation") => Notice::Expectation,
            true => Notice::Refused,
            false => Notice::Warned,
        });
    }
    if found.contains(&Notice::Refused) {
        return Ok(found);
    }
    let plan = example.plan(stack, solver.cloned()).await;
    let (widened, narrowed) = (shows(&plan, AccessEffect::Widened), shows(&plan, AccessEffect::Narrowed));
    let Difference { widens, narrows } = calls.difference(before, after, !widened, !narrowed);
    // Of roles only those of the manifest are tried: for all others there is the risk of the policy.
    let by_a_role = widens.as_ref().is_some_and(|call| !call.starts_with('{'));
    let is_risk = plan.risks.iter().any(|risk| risk.code == "access-widened");
    if by_a_role && is_risk {
        found.insert(Notice::Risk);
    } else if let Some(call) = widens {
        return Err(format!("it lets through what the plan does not show: {call}"));
    }
    if let Some(call) = narrows {
        return Err(format!("it stops what the plan does not show: {call}"));
    }
    if widened || narrowed {
        found.insert(Notice::Plan);
    }
    if found.is_empty() {
        if let Some(change) = plan.access.iter().find(|change| solver.is_some() && change.how != "proved") {
            return Err(format!("that nothing differs is not proved: {change:?}"));
        }
        found.insert(Notice::Nobody);
    }
    Ok(found)
}

/// The examples that have policies.
pub(crate) const EXAMPLES: [&str; 6] = ["refunds", "three-roles", "hr-data-agent", "okta", "entra", "every-kind"];

/// Every example at once, with so many mutants of each at most.
fn tallies(most: usize, solver: Option<&Solver>) -> Vec<(&'static str, Tally)> {
    let tally_of = |name: &'static str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        (name, runtime.block_on(tally(name, most, solver)))
    };
    std::thread::scope(|scope| {
        let threads = EXAMPLES.map(|name| {
            std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, move || tally_of(name)).unwrap()
        });
        threads.map(|thread| thread.join().unwrap()).into()
    })
}

/// Tells how many mutants were noticed by what, and fails with the text of those that were not.
fn all_are_noticed(tallies: Vec<(&str, Tally)>) {
    let mut missed = Vec::new();
    for (name, Tally { derived, tried, by, missed: here }) in tallies {
        eprintln!("{name}: {derived} mutants, {tried} tried, noticed by {by:?}, missed {}", here.len());
        assert!(tried > 5, "{name} has policies");
        missed.extend(here);
    }
    assert!(missed.is_empty(), "{} mutants are not noticed:\n{}", missed.len(), missed.join("\n\n"));
}

#[test]
fn whatever_goes_wrong_in_a_policy_is_noticed() {
    all_are_noticed(tallies(most(), None));
}

#[test]
fn with_a_solver_it_is_noticed_too_and_what_nobody_notices_is_proved_to_change_nothing() {
    let Some(solver) = cvc5() else { return };
    all_are_noticed(tallies(most() / 3, Some(&solver)));
}
