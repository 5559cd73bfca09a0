//! The solver's process: questions go in as SMT-LIB, one line or one model comes back.
//!
//! What it prints is not trusted to be short, to end, or to be text. Its errors are not read, so that it cannot get stuck on them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cedar_policy_symcc::SmtLibScript as _;
use cedar_policy_symcc::solver::{Decision, DecisionWithModel, Solver, SolverError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// So many bytes of an answer are read.
const MOST: u64 = 1 << 20;

type Result<T> = std::result::Result<T, SolverError>;

/// A process that is ended when nobody wants it any more.
#[derive(Debug)]
pub(super) struct Process {
    _child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts cvc5, which gives up on a question after some time.
    pub(super) fn start(program: &Path, limit: Duration) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["--lang", "smt", "--strings-exp"])
            .arg(format!("--tlimit-per={}", limit.as_millis()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| SolverError::Solver("nobody can talk to it".to_owned()))?;
        Ok(Self { _child: child, input: BufWriter::new(input), output: BufReader::new(output) })
    }

    /// One more line of an answer.
    async fn line(&mut self, answer: &mut String) -> Result<()> {
        let room = MOST.saturating_sub(answer.len() as u64);
        let read = (&mut self.output).take(room).read_line(answer).await?;
        match answer.ends_with('\n') {
            true => Ok(()),
            false if read as u64 == room => Err(SolverError::Solver(format!("its answer is longer than {MOST} bytes"))),
            false => Err(SolverError::Solver("it ended without an answer".to_owned())),
        }
    }
}

impl Solver for Process {
    fn smtlib_input(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        &mut self.input
    }

    async fn enable_models(&mut self) -> Result<()> {
        Ok(self.smtlib_input().set_option("produce-models", "true").await?)
    }

    async fn check_sat(&mut self) -> Result<Decision> {
        self.smtlib_input().check_sat().await?;
        self.input.flush().await?;
        let mut answer = String::new();
        self.line(&mut answer).await?;
        match answer.trim() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" => Ok(Decision::Unknown),
            other => Err(unexpected(other)),
        }
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel> {
        match self.check_sat().await? {
            Decision::Unsat => return Ok(DecisionWithModel::Unsat),
            Decision::Unknown => return Ok(DecisionWithModel::Unknown),
            Decision::Sat => {}
        }
        self.smtlib_input().get_model().await?;
        self.input.flush().await?;
        let mut model = String::new();
        self.line(&mut model).await?;
        if model.trim() != "(" {
            return Err(unexpected(model.trim()));
        }
        loop {
            let begun = model.len();
            self.line(&mut model).await?;
            if model.get(begun..).is_some_and(|line| line.trim() == ")") {
                return Ok(DecisionWithModel::Sat { model });
            }
        }
    }
}

/// What is no answer, in a few characters that a terminal may show.
fn unexpected(answer: &str) -> SolverError {
    let shown: String = answer.chars().take(80).collect();
    SolverError::Solver(format!("it says {shown:?}"))
}
