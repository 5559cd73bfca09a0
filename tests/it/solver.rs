//! Solvers that are none: whatever stands at the place of cvc5, the answers are those without it, in bounded time, with one note.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatewright::access::change::{Comparison, Effect, How};
use gatewright::access::prove::{Limits, Solver};

use crate::access_causes::solvers;
use crate::access_proofs::{cleared, compared, of_get, permit};
use crate::running::{READ, WRITE};

/// What stands there reads and writes as a shell script says; `$0` is beside it.
fn program(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("solver");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Two policies that change and let the same calls through, and how long it took to say so.
fn asked(solver: &Solver) -> (Comparison, Duration) {
    let twice = |scope: &str| format!("({scope}) && ({scope})");
    let (get, other) = (permit(READ, ""), permit(READ, "").replace("TO_GET", "TO_ALL"));
    let begun = Instant::now();
    let comparison = compared(
        &[&get, &other],
        &[&permit(&twice(READ), ""), &permit(&format!("({READ}) || ({READ})"), "").replace("TO_GET", "TO_ALL")],
        Some(solver),
    );
    (comparison, begun.elapsed())
}

/// It proves nothing, takes no longer than a few answers may, leaves everything else as it is, and what is said of it has these words.
fn proves_nothing(solver: &Solver, words: &str) {
    let (comparison, took) = asked(solver);
    let effects = comparison.changes.iter().map(|change| (change.effect, matches!(change.how, How::Tested(_))));
    assert_eq!(effects.collect::<Vec<_>>(), [(Effect::Equivalent, true); 3], "{:#?}", comparison.changes);
    assert_eq!(cleared(&comparison), Vec::<String>::new(), "what is not proved is not safe");
    let trouble = comparison.trouble.unwrap_or_default();
    assert!(trouble.contains(words), "{words:?}: {trouble:?}");
    assert!(trouble.len() < 300 && !trouble.contains('\n'), "{trouble:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

fn impatient() -> Limits {
    Limits { answer: Duration::from_millis(300), all: Duration::from_secs(5) }
}

#[test]
fn it_crashes_hangs_lies_or_prints_garbage() {
    let folder = tempfile::tempdir().unwrap();
    let answers = |answer: &str| format!("while read -r line; do case \"$line\" in *check-sat*) {answer};; esac; done");
    for (body, words) in [
        ("exit 134", "it "),
        ("exec sleep 600", "no answer in 0.36 s"),
        (&answers("echo unsat"), "whose answer is known"),
        (&answers("echo sat; echo '('; echo ')'"), "its example of a call that differs is none"),
        (&answers("echo sat; echo '('; echo '(define-fun x () Bool true)'; echo ')'"), "it"),
        (&answers("echo sat; exec sleep 600"), "no answer"),
        (&answers("echo maybe"), "it says \"maybe\""),
        (&answers("printf '\\033[31mred\\n'"), "it says \"\\u{1b}[31mred\""),
        ("echo 'This is cvc5 version 99.0'; exec sleep 600", "it says \"This is cvc5 version 99.0\""),
        ("exec cat /dev/urandom", "it "),
        ("exec yes unsaturated", "it says \"unsaturated\""),
        ("cat /dev/zero | tr '\\000' a", "longer than"),
        ("exec yes >&2", "no answer"),
    ] {
        let solver = Solver::at(program(folder.path(), body)).within(impatient());
        proves_nothing(&solver, words);
    }
}

#[test]
fn it_is_not_there_or_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "no program").unwrap();
    for path in [folder.path().join("absent"), text, folder.path().to_owned()] {
        proves_nothing(&Solver::at(path), "does not start");
    }
}

#[test]
fn it_begins_well_and_dies() {
    let folder = tempfile::tempdir().unwrap();
    for _ in solvers().iter().flatten() {
        // Two questions are asked whose answers are known.
        let body = "n=0; while IFS= read -r line; do\n\
                    case $line in *'(check-sat)'*) n=$((n+1)); [ $n -ge 3 ] && exit 1;; esac\n\
                    printf '%s\\n' \"$line\"; done | cvc5 \"$@\"";
        proves_nothing(&Solver::at(program(folder.path(), body)), "it ");
    }
}

#[test]
fn it_begins_well_and_lies() {
    let folder = tempfile::tempdir().unwrap();
    for _ in solvers().iter().flatten() {
        // From the third question on everything is equivalent, and a token that was tried shows that it is not.
        let body = "n=0; cvc5 \"$@\" | while IFS= read -r line; do\n\
                    case $line in sat|unsat) n=$((n+1)); [ $n -ge 3 ] && line=unsat;; esac\n\
                    printf '%s\\n' \"$line\"; done";
        let solver = Solver::at(program(folder.path(), body));
        let comparison = compared(&[&permit(READ, "")], &[&permit(WRITE, "")], Some(&solver));
        assert!(
            of_get(&comparison)
                .iter()
                .all(|(effect, how, _)| { *effect != Effect::Equivalent && matches!(how, How::Tested(_)) })
        );
        assert_eq!(cleared(&comparison), Vec::<String>::new());
        assert!(comparison.trouble.unwrap().contains("no call differs, and one does"));
    }
}

#[test]
fn it_answers_too_slowly() {
    let folder = tempfile::tempdir().unwrap();
    for _ in solvers().iter().flatten() {
        let body = "cvc5 \"$@\" | while IFS= read -r line; do sleep 1; printf '%s\\n' \"$line\"; done";
        let solver = Solver::at(program(folder.path(), body)).within(impatient());
        proves_nothing(&solver, "no answer");
    }
}

#[test]
fn all_questions_together_have_a_limit() {
    for solver in solvers().into_iter().flatten() {
        let limits = Limits { all: Duration::ZERO, ..Limits::default() };
        proves_nothing(&solver.within(limits), "for all questions");
    }
}

#[test]
fn a_question_that_is_too_hard_leaves_the_others() {
    for solver in solvers().into_iter().flatten() {
        // Nobody answers that in a millisecond, and nobody is to blame.
        let limits = Limits { answer: Duration::from_millis(1), ..Limits::default() };
        let (comparison, _) = asked(&solver.within(limits));
        assert_eq!(comparison.changes.len(), 3);
        assert!(comparison.changes.iter().all(|change| change.effect == Effect::Equivalent));
    }
}
