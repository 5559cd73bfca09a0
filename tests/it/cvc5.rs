//! The solver for tests. A name that begins with `with_a_solver` says that a test needs it: CI runs those with a solver of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use gatewright::access::prove::Solver;

/// The solver, where there is one: what `CVC5` names has to work.
pub(crate) fn cvc5() -> Option<Solver> {
    let Some(found) = Solver::find() else {
        eprintln!("cvc5 is not installed: nothing is proved here");
        return None;
    };
    let program = found.program().display();
    let mut command = Command::new(found.program());
    let command = command.args(["--lang", "smt"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    running.stdin.take().unwrap().write_all(b"(set-logic ALL)\n(assert false)\n(check-sat)\n").unwrap();
    let answer = running.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "unsat", "{program} is no solver");
    Some(found)
}

/// Its path.
pub(crate) fn cvc5_path() -> Option<String> {
    Some(cvc5()?.program().to_string_lossy().into_owned())
}
