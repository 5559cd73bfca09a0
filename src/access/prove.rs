//! Proofs: whether one set of policies lets through everything that another does, for every token and every input.
//!
//! The question goes to the SMT solver cvc5, by way of Cedar's symbolic compiler. Every answer takes a bounded time. A solver is asked
//! first what is known: one that does not answer that right is not believed. What it leaves open was not proved, and says so.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use cedar_policy::{
    Authorizer, Decision, Effect as Says, EntityTypeName, EntityUid, EvalResult, Policy, PolicyId, PolicySet,
    RequestEnv, Schema,
};
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env, SymEnv, err};
use tokio::runtime::Runtime;

use super::cvc5::Process;
use super::token::Claims;

/// So many solvers may die before no other is started.
const LIVES: usize = 3;

/// How long proofs may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What the solver may take for one answer. A fifth more is waited for, in case it does not keep to it.
    pub answer: Duration,
    /// What all answers of a plan may take together.
    pub all: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: Duration::from_secs(5), all: Duration::from_mins(1) }
    }
}

/// The program that proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solver {
    program: PathBuf,
    limits: Limits,
}

impl Solver {
    /// A solver by its path.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), limits: Limits::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The path of the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The one that `CVC5` names, else `cvc5` on the `PATH`, if there is one.
    pub fn find() -> Option<Self> {
        if let Some(named) = std::env::var_os("CVC5").filter(|named| !named.is_empty()) {
            return Some(Self::at(named));
        }
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = std::env::split_paths(&folders).map(|folder| folder.join("cvc5"));
        programs.find(|program| program.is_file()).map(Self::at)
    }
}

/// Whether everything that is let through by one set is let through by another.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Answer {
    /// It is.
    Implied,
    /// It is not: for this principal.
    Not(Example),
    /// It was not found out.
    #[default]
    Open,
}

/// A principal whom one set lets through and the other does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Example {
    /// Its attribute `id`, where it matters.
    pub(super) id: Option<String>,
    /// Its tags.
    pub(super) tags: Claims,
}

/// One kind of call: who, what, and the types of everything in it.
pub(super) struct Question<'a> {
    pub(super) schema: &'a Schema,
    /// The type of the principal, without its namespace.
    pub(super) principal: &'a str,
    /// The action's id.
    pub(super) action: &'a str,
    /// The gateway's ARN: others are not asked about.
    pub(super) gateway: &'a str,
}

/// A solver at work.
pub(super) struct Prover {
    solver: Solver,
    runtime: Runtime,
    running: Option<CedarSymCompiler<Process>>,
    lives: usize,
    begun: Instant,
    /// What went wrong with the solver.
    pub(super) trouble: Option<String>,
}

impl Prover {
    /// Starts nothing yet. It has to be used outside of any other runtime.
    pub(super) fn new(solver: &Solver) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        Some(Self {
            solver: solver.clone(),
            runtime,
            running: None,
            lives: LIVES,
            begun: Instant::now(),
            trouble: None,
        })
    }

    /// Whether every call of this kind that `less` lets through is let through by `more`.
    pub(super) fn implies(&mut self, question: &Question<'_>, less: &[&Policy], more: &[&Policy]) -> Answer {
        // Without a permit nothing is let through.
        if !less.iter().any(|policy| policy.effect() == Says::Permit) {
            return Answer::Implied;
        }
        match question.compiled(less, more) {
            Some((less, more)) => self.ask(&less, &more),
            None => Answer::Open,
        }
    }

    /// A solver that proved what is not so is asked for nothing any more.
    pub(super) fn lied(&mut self) {
        self.distrust("it says that no call differs, and one does".to_owned());
    }

    /// Asks this solver nothing any more.
    pub(super) fn distrust(&mut self, why: String) {
        self.failed(why);
        self.lives = 0;
    }

    fn ask(&mut self, less: &Compiled, more: &Compiled) -> Answer {
        let Limits { all, .. } = self.solver.limits;
        let Some(left) = all.checked_sub(self.begun.elapsed()) else {
            self.trouble.get_or_insert_with(|| format!("it took more than {} for all questions", seconds(all)));
            return Answer::Open;
        };
        if self.running.is_none() && !self.start() {
            return Answer::Open;
        }
        let patience = self.patience();
        let Some(running) = &mut self.running else { return Answer::Open };
        let asked = running.check_implies_with_counterexample_opt(&less.symbolic, &more.symbolic);
        match self.runtime.block_on(within(patience.min(left), asked)) {
            Ok(Ok(None)) => Answer::Implied,
            Ok(Ok(Some(example))) if less.lets_through(&example) && !more.lets_through(&example) => {
                Answer::Not(Example { id: id(&example), tags: tags(&example) })
            }
            Ok(Ok(Some(_))) => {
                self.failed("its example of a call that differs is none".to_owned());
                Answer::Open
            }
            Ok(Err(err::Error::SolverUnknown)) => {
                self.running = None;
                Answer::Open
            }
            Ok(Err(error)) => {
                self.failed(told(&error));
                Answer::Open
            }
            // The time for all questions ran out, and not its own.
            Err(_) if left < patience => {
                self.running = None;
                Answer::Open
            }
            Err(_) => {
                self.failed(silent(patience));
                Answer::Open
            }
        }
    }

    /// What is waited for one answer.
    fn patience(&self) -> Duration {
        let limit = self.solver.limits.answer;
        limit + limit / 5
    }

    fn failed(&mut self, why: String) {
        self.running = None;
        self.lives = self.lives.saturating_sub(1);
        self.trouble = Some(why);
    }

    /// Starts the solver, and asks it what is known.
    fn start(&mut self) -> bool {
        if self.lives == 0 {
            return false;
        }
        let (solver, patience) = (self.solver.clone(), self.patience());
        let started = self.runtime.block_on(async {
            let process = Process::start(&solver.program, solver.limits.answer)
                .map_err(|error| format!("`{}` does not start: {error}", solver.program.display()))?;
            let mut compiler = CedarSymCompiler::new(process).map_err(|error| told(&error))?;
            match within(patience, is_right(&mut compiler)).await {
                Ok(Ok(true)) => Ok(compiler),
                Ok(Ok(false)) => Err("it answers a question wrong whose answer is known".to_owned()),
                Ok(Err(error)) => Err(told(&error)),
                Err(_) => Err(silent(patience)),
            }
        });
        match started {
            Ok(compiler) => self.running = Some(compiler),
            Err(why) => {
                self.failed(why);
                // What fails at once fails again.
                self.lives = 0;
            }
        }
        self.running.is_some()
    }
}

/// A set of policies, as the solver and as Cedar's own engine take it.
struct Compiled {
    policies: PolicySet,
    symbolic: CompiledPolicySet,
}

impl Compiled {
    fn new(policies: PolicySet, environment: &RequestEnv, schema: &Schema, symbols: SymEnv) -> Option<Self> {
        let symbolic = CompiledPolicySet::compile_with_custom_symenv(&policies, environment, schema, symbols).ok()?;
        Some(Self { policies, symbolic })
    }

    fn lets_through(&self, example: &Env) -> bool {
        let answer = Authorizer::new().is_authorized(&example.request, &self.policies, &example.entities);
        answer.decision() == Decision::Allow
    }
}

impl Question<'_> {
    /// Two sets of policies for this kind of call, and for this gateway.
    fn compiled(&self, less: &[&Policy], more: &[&Policy]) -> Option<(Compiled, Compiled)> {
        let kind = |name: &str| EntityTypeName::from_str(&format!("AgentCore::{name}")).ok();
        let action = EntityUid::from_type_name_and_id(kind("Action")?, self.action.parse().ok()?);
        let environment = RequestEnv::new(kind(self.principal)?, action, kind("Gateway")?);
        let gateway = EntityUid::from_type_name_and_id(kind("Gateway")?, self.gateway.parse().ok()?);
        let elsewhere = format!("forbid(principal, action, resource) unless {{ resource == {gateway} }};");
        let symbols = SymEnv::new(self.schema, &environment).ok()?;
        let compile = |policies: &[&Policy]| {
            let guard = Policy::parse(Some(PolicyId::new("elsewhere")), &elsewhere).ok()?;
            let policies = policies.iter().map(|policy| (*policy).clone()).chain([guard]);
            Compiled::new(PolicySet::from_policies(policies).ok()?, &environment, self.schema, symbols.clone())
        };
        Some((compile(less)?, compile(more)?))
    }
}

/// What went wrong, in one short line.
fn told(error: &err::Error) -> String {
    let text = match error {
        err::Error::SolverError(error) => match error {
            cedar_policy_symcc::solver::SolverError::Io(error) => format!("it cannot be talked to: {error}"),
            cedar_policy_symcc::solver::SolverError::Solver(text) => text.clone(),
            other => other.to_string(),
        },
        err::Error::ModelInvalid { .. } => "its example of a call that differs is none".to_owned(),
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().chars().take(160).collect()
}

fn silent(patience: Duration) -> String {
    format!("it gave no answer in {}", seconds(patience))
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

async fn within<T>(patience: Duration, asked: impl Future<Output = T>) -> Result<T, tokio::time::error::Elapsed> {
    tokio::time::timeout(patience, asked).await
}

/// The solver answers right where the answer is known, yes as well as no.
async fn is_right(compiler: &mut CedarSymCompiler<Process>) -> Result<bool, err::Error> {
    const SCHEMA: &str = "entity U tags String; entity R; action a appliesTo { principal: U, resource: R };";
    let sets = || {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).ok()?;
        let environment = RequestEnv::new("U".parse().ok()?, "Action::\"a\"".parse().ok()?, "R".parse().ok()?);
        let symbols = SymEnv::new(&schema, &environment).ok()?;
        let compile = |condition: &str| {
            let text = format!(
                "permit(principal, action, resource) when {{ principal.hasTag(\"t\") && principal.getTag(\"t\") {condition} }};"
            );
            Compiled::new(PolicySet::from_str(&text).ok()?, &environment, &schema, symbols.clone())
        };
        Some((compile("== \"xa\"")?, compile("like \"*a\"")?))
    };
    let Some((exact, suffix)) = sets() else { return Ok(false) };
    let yes = compiler.check_implies_with_counterexample_opt(&exact.symbolic, &suffix.symbolic).await?;
    let no = compiler.check_implies_with_counterexample_opt(&suffix.symbolic, &exact.symbolic).await?;
    Ok(yes.is_none() && no.is_some_and(|example| suffix.lets_through(&example) && !exact.lets_through(&example)))
}

/// The attribute `id` of the principal of an example.
fn id(example: &Env) -> Option<String> {
    match example.entities.get(example.request.principal()?)?.attr("id")? {
        Ok(EvalResult::String(text)) => Some(text),
        _ => None,
    }
}

/// The tags of the principal of an example.
fn tags(example: &Env) -> Claims {
    let principal = example.request.principal().and_then(|principal| example.entities.get(principal));
    let tags = principal.into_iter().flat_map(cedar_policy::Entity::tags);
    let text = |(name, value): (&str, Result<EvalResult, _>)| match value {
        Ok(EvalResult::String(text)) => Some((name.to_owned(), text.into())),
        _ => None::<(String, serde_json::Value)>,
    };
    tags.filter_map(text).collect()
}
