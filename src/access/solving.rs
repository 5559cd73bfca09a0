//! A solver that is started when it is first asked, and not asked any more when its time is over.

use std::time::{Duration, Instant};

use cedar_policy::Policy;

use super::prove::{Answer, Prover, Question, Solver};

/// What all answers of a check may take together; one that was begun is waited for.
const BUDGET: Duration = Duration::from_secs(5);

/// The solver of one check.
pub(crate) struct Solving<'a> {
    solver: Option<&'a Solver>,
    prover: Option<Prover>,
    begun: Option<Instant>,
    late: bool,
}

impl<'a> Solving<'a> {
    /// Without a solver nothing is proved.
    pub(crate) fn with(solver: Option<&'a Solver>) -> Self {
        Self { solver, prover: None, begun: None, late: false }
    }

    /// Whether everything that one set lets through another one does.
    pub(super) fn implies(&mut self, question: &Question<'_>, less: &[&Policy], more: &[&Policy]) -> Answer {
        let Some(solver) = self.solver else { return Answer::Open };
        if self.begun.get_or_insert_with(Instant::now).elapsed() > BUDGET {
            self.late = true;
            return Answer::Open;
        }
        if self.prover.is_none() {
            self.prover = Prover::new(solver);
        }
        self.prover.as_mut().map_or(Answer::Open, |prover| prover.implies(question, less, more))
    }

    /// What went wrong with the solver.
    pub(crate) fn trouble(&self) -> Option<String> {
        let late = || self.late.then(|| format!("it took more than {} s for all questions", BUDGET.as_secs()));
        self.prover.as_ref().and_then(|prover| prover.trouble.clone()).or_else(late)
    }
}
