//! The solver for tests. Their names begin with `with_a_solver`: CI runs those alone with a solver of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use gatewright::access::prove::Solver;

/// The path of the solver, where there is one: what `CVC5` names has to work.
pub(crate) fn solver() -> Option<String> {
    let Some(found) = Solver::find() else {
        eprintln!("cvc5 is not installed: nothing is proved here");
        return None;
    };
    let mut command = Command::new(found.program());
    let command = command.args(["--lang", "smt"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", found.program().display()));
    running.stdin.take().unwrap().write_all(b"(set-logic ALL)\n(assert false)\n(check-sat)\n").unwrap();
    let answer = running.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "unsat", "{} is no solver", found.program().display());
    Some(found.program().to_string_lossy().into_owned())
}
