//! Proofs: whether one set of policies lets through everything that another does, for every token and every input.
//!
//! The question goes to the SMT solver cvc5, by way of Cedar's symbolic compiler. Every answer takes a bounded time. A solver is asked
//! first what is known: one that does not answer that right is not believed. What it leaves open was not proved, and says so.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use cedar_policy::{
    Effect as Says, EntityTypeName, EntityUid, EvalResult, Policy, PolicyId, PolicySet, RequestEnv, Schema,
};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env, err};
use tokio::process::Command;
use tokio::runtime::Runtime;

use super::change::{Cause, Change, Effect};
use super::proofs::Proof;
use super::token::Claims;

/// What the solver may take for one answer, and what is waited for in case it does not keep to it.
const LIMIT: &str = "--tlimit-per=5000";
const PATIENCE: Duration = Duration::from_secs(6);
/// What all answers of a plan may take together.
const BUDGET: Duration = Duration::from_mins(1);
/// So many solvers may die before no other is started.
const LIVES: usize = 3;

/// The program that proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solver {
    program: PathBuf,
}

impl Solver {
    /// A solver by its path.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
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
    program: PathBuf,
    runtime: Runtime,
    running: Option<CedarSymCompiler<LocalSolver>>,
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
            program: solver.program.clone(),
            runtime,
            running: None,
            lives: LIVES,
            begun: Instant::now(),
            trouble: None,
        })
    }

    /// Whether every call of this kind that `less` lets through is let through by `more`.
    pub(super) fn implies(&mut self, question: &Question<'_>, less: &[&Policy], more: &[&Policy]) -> Answer {
        let compiled = || {
            let kind = |name: &str| EntityTypeName::from_str(&format!("AgentCore::{name}")).ok();
            let action = EntityUid::from_type_name_and_id(kind("Action")?, question.action.parse().ok()?);
            let environment = RequestEnv::new(kind(question.principal)?, action, kind("Gateway")?);
            let gateway = EntityUid::from_type_name_and_id(kind("Gateway")?, question.gateway.parse().ok()?);
            let elsewhere = format!("forbid(principal, action, resource) unless {{ resource == {gateway} }};");
            let compile = |policies: &[&Policy]| {
                let guard = Policy::parse(Some(PolicyId::new("elsewhere")), &elsewhere).ok()?;
                let policies = policies.iter().map(|policy| (*policy).clone()).chain([guard]);
                let set = PolicySet::from_policies(policies).ok()?;
                CompiledPolicySet::compile(&set, &environment, question.schema).ok()
            };
            Some((compile(less)?, compile(more)?))
        };
        // Without a permit nothing is let through.
        if !less.iter().any(|policy| policy.effect() == Says::Permit) {
            return Answer::Implied;
        }
        let Some((less, more)) = compiled() else { return Answer::Open };
        self.ask(&less, &more)
    }

    /// A proof, unless what was tried speaks against it: then the solver is not believed any more.
    pub(super) fn believed(&mut self, proof: Proof, found: &[Change]) -> Proof {
        let shown = |effect| {
            let by_policies = |change: &&Change| matches!(change.cause, Cause::Policies(_));
            found.iter().filter(by_policies).any(|change| change.effect == effect || change.effect == Effect::Both)
        };
        let refuted =
            (proof.widens_nothing() && shown(Effect::Widened)) || (proof.narrows_nothing() && shown(Effect::Narrowed));
        if !refuted {
            return proof;
        }
        self.distrust("it says that no call differs, and one does".to_owned());
        Proof::default()
    }

    /// Asks this solver nothing any more.
    pub(super) fn distrust(&mut self, why: String) {
        self.failed(why);
        self.lives = 0;
    }

    fn ask(&mut self, less: &CompiledPolicySet, more: &CompiledPolicySet) -> Answer {
        if self.begun.elapsed() > BUDGET {
            self.trouble.get_or_insert_with(|| format!("it took more than {} s for all questions", BUDGET.as_secs()));
            return Answer::Open;
        }
        if self.running.is_none() && !self.start() {
            return Answer::Open;
        }
        let Some(running) = &mut self.running else { return Answer::Open };
        let asked = running.check_implies_with_counterexample_opt(less, more);
        match self.runtime.block_on(within(asked)) {
            Ok(Ok(None)) => Answer::Implied,
            Ok(Ok(Some(example))) => Answer::Not(Example { id: id(&example), tags: tags(&example) }),
            Ok(Err(err::Error::SolverUnknown)) => {
                self.running = None;
                Answer::Open
            }
            Ok(Err(error)) => {
                self.failed(error.to_string());
                Answer::Open
            }
            Err(_) => {
                self.failed(format!("it gave no answer in {} s", PATIENCE.as_secs()));
                Answer::Open
            }
        }
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
        let program = self.program.clone();
        let started = self.runtime.block_on(async {
            let mut command = Command::new(program);
            command.args(["--lang", "smt", "--strings-exp", LIMIT]).kill_on_drop(true);
            let solver = LocalSolver::from_command(&mut command).map_err(|error| error.to_string())?;
            let mut compiler = CedarSymCompiler::new(solver).map_err(|error| error.to_string())?;
            match within(is_right(&mut compiler)).await {
                Ok(Ok(true)) => Ok(compiler),
                Ok(Ok(false)) => Err("it answers a question wrong whose answer is known".to_owned()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("it gave no answer in {} s", PATIENCE.as_secs())),
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

async fn within<T>(asked: impl Future<Output = T>) -> Result<T, tokio::time::error::Elapsed> {
    tokio::time::timeout(PATIENCE, asked).await
}

/// The solver answers right where the answer is known, yes as well as no.
async fn is_right(compiler: &mut CedarSymCompiler<LocalSolver>) -> Result<bool, err::Error> {
    const SCHEMA: &str = "entity U tags String; entity R; action a appliesTo { principal: U, resource: R };";
    let sets = || {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).ok()?;
        let environment = RequestEnv::new("U".parse().ok()?, "Action::\"a\"".parse().ok()?, "R".parse().ok()?);
        let compile = |condition: &str| {
            let text = format!(
                "permit(principal, action, resource) when {{ principal.hasTag(\"t\") && principal.getTag(\"t\") {condition} }};"
            );
            CompiledPolicySet::compile(&PolicySet::from_str(&text).ok()?, &environment, &schema).ok()
        };
        Some((compile("== \"xa\"")?, compile("like \"*a\"")?))
    };
    let Some((exact, suffix)) = sets() else { return Ok(false) };
    let yes = compiler.check_implies_with_counterexample_opt(&exact, &suffix).await?;
    let no = compiler.check_implies_with_counterexample_opt(&suffix, &exact).await?;
    Ok(yes.is_none()
        && no.is_some_and(|example| {
            tags(&example).get("t").and_then(|tag| tag.as_str()).is_some_and(|tag| tag.ends_with('a') && tag != "xa")
        }))
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
