//! Expectations and what came of them: for people, pull requests, programs and test reports.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{BOLD, GREEN, RED, count, plain_line, styled};
use crate::access::expect::{Holding, How, Outcome};
use crate::diagnostic::{Sources, Span};

/// The expectations of one environment.
#[derive(Debug)]
pub struct Tested<'a> {
    /// The environment, where the manifest has any.
    pub environment: Option<String>,
    /// What came of them.
    pub holding: &'a Holding,
    /// The texts that their places point into.
    pub sources: &'a Sources,
}

/// How many hold, do not hold, and how many decisions that took.
fn counts(tested: &[Tested<'_>]) -> (usize, usize, usize) {
    let outcomes = || tested.iter().flat_map(|tested| &tested.holding.outcomes);
    let failed = outcomes().filter(|outcome| !outcome.failures.is_empty()).count();
    (outcomes().count() - failed, failed, outcomes().map(|outcome| outcome.cases).sum())
}

fn sentence(tested: &[Tested<'_>]) -> String {
    let (held, failed, cases) = counts(tested);
    if held + failed == 0 {
        return "no expectation in this manifest: write `[[expect]]`".to_owned();
    }
    format!("{}: {held} held, {failed} failed, {}", count(held + failed, "expectation"), count(cases, "decision"))
}

/// How it was found out, where that is not case by case.
fn how(outcome: &Outcome) -> Option<String> {
    Some(match &outcome.how {
        How::Decided => return None,
        How::Proved(given) if given.is_empty() => "proved for every token".to_owned(),
        How::Proved(given) => {
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            format!("proved for every token, given that {}", given.join(" and "))
        }
        How::Tested(callers, None) => format!("tested on {}", count(*callers, "token")),
        How::Tested(callers, Some(why)) => format!("tested on {} ({why})", count(*callers, "token")),
        How::Refuted => "refuted with a token".to_owned(),
        How::Unknown => "unknown".to_owned(),
    })
}

/// What would prove what is tested only, where nothing was asked.
const PROVE: &str = "without a solver nothing is proved: install cvc5, or name it in `CVC5`";

fn lacks_solver(holding: &Holding) -> bool {
    !holding.solver && holding.outcomes.iter().any(|outcome| matches!(outcome.how, How::Tested(..)))
}

/// That the expectations of a manifest hold, in each of its environments, and how that was found out. Nothing where there are none, or
/// where one does not hold, since that is said as a mistake.
pub fn held(holdings: &[&Holding]) -> String {
    let outcomes = || holdings.iter().flat_map(|holding| &holding.outcomes);
    if outcomes().next().is_none() || outcomes().any(|outcome| !outcome.failures.is_empty()) {
        return String::new();
    }
    let proved = outcomes().filter(|outcome| matches!(outcome.how, How::Proved(_))).count();
    let tested = outcomes().filter(|outcome| matches!(outcome.how, How::Tested(..))).count();
    let mut text = count(outcomes().count(), "expectation") + " held";
    for (number, how) in [(proved, "proved for every token"), (tested, "tested and not proved")] {
        if number > 0 {
            _ = write!(text, ", {number} {how}");
        }
    }
    if holdings.iter().any(|holding| lacks_solver(holding)) {
        _ = write!(text, " ({PROVE})");
    }
    text + "\n"
}

/// For people.
pub fn expectations(tested: &[Tested<'_>]) -> String {
    let mut text = String::new();
    let said = |outcome: &Outcome| how(outcome).map(|how| format!(", {}", plain_line(&how))).unwrap_or_default();
    for Tested { environment, holding, sources } in tested {
        if let Some(environment) = environment {
            _ = writeln!(text, "{}", styled(BOLD, &format!("environment {}", plain_line(environment))));
        }
        for outcome in &holding.outcomes {
            let word = if outcome.failures.is_empty() { styled(GREEN, "held  ") } else { styled(RED, "FAILED") };
            _ = writeln!(text, "  {word}  {}{}", plain_line(&outcome.label), said(outcome));
            for broken in &outcome.failures {
                _ = writeln!(text, "          {}: {}", place(&broken.span, sources), plain_line(&broken.message));
                for policy in &broken.policies {
                    _ = writeln!(text, "            by {}", plain_line(&policy.to_string()));
                }
            }
        }
    }
    text += &sentence(tested);
    text.push('\n');
    if tested.iter().any(|tested| lacks_solver(tested.holding)) {
        _ = writeln!(text, "note: {PROVE}");
    }
    text
}

/// For a pull request: what failed, what was found out of every token, and the counts.
pub fn expectations_markdown(tested: &[Tested<'_>]) -> String {
    let mut text = format!("**{}**\n", sentence(tested).replace(['[', ']', '`'], ""));
    for Tested { environment, holding, sources } in tested {
        for broken in holding.outcomes.iter().flat_map(|outcome| &outcome.failures) {
            let environment = environment.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            let line = format!("{}{environment}: {}", place(&broken.span, sources), broken.message);
            _ = write!(text, "\n* {}", super::access::cell_of(&line));
        }
        for outcome in holding.outcomes.iter().filter(|outcome| outcome.failures.is_empty()) {
            let Some(how) = how(outcome) else { continue };
            let environment = environment.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            _ = write!(text, "\n* {}", super::access::cell_of(&format!("{}{environment}: {how}", outcome.label)));
        }
    }
    if tested.iter().any(|tested| lacks_solver(tested.holding)) {
        _ = write!(text, "\n\n{}", PROVE.replace('`', ""));
    }
    text.trim_end().to_owned() + "\n"
}

/// For programs.
pub fn expectations_json(tested: &[Tested<'_>]) -> Value {
    let (held, failed, cases) = counts(tested);
    let environments: Vec<Value> = tested
        .iter()
        .map(|Tested { environment, holding, sources }| {
            let outcomes: Vec<Value> = holding.outcomes.iter().map(|outcome| of_outcome(outcome, sources)).collect();
            json!({"env": environment, "expectations": outcomes})
        })
        .collect();
    let summary = json!({"held": held, "failed": failed, "decisions": cases});
    json!({"format_version": 1, "environments": environments, "summary": summary})
}

fn of_outcome(outcome: &Outcome, sources: &Sources) -> Value {
    let at = |span: &Span| {
        let (line, column) = sources.position(span);
        json!({"file": sources.path(span.file).display().to_string(), "line": line, "column": column})
    };
    let failures = outcome
        .failures
        .iter()
        .map(|broken| json!({"message": broken.message, "place": at(&broken.span), "policies": broken.policies}));
    let (word, tokens, note) = match &outcome.how {
        How::Decided => ("decided", None, None),
        How::Proved(given) => ("proved", None, (!given.is_empty()).then(|| how(outcome)).flatten()),
        How::Tested(callers, why) => ("tested", Some(callers), why.clone()),
        How::Refuted => ("refuted", None, None),
        How::Unknown => ("unknown", None, None),
    };
    json!({
        "expectation": outcome.label,
        "place": at(&outcome.span),
        "held": outcome.failures.is_empty(),
        "how": word,
        "tokens": tokens,
        "note": note,
        "decisions": outcome.cases,
        "failures": failures.collect::<Vec<_>>(),
    })
}

/// As the XML of `JUnit`: one suite an environment, one case an expectation.
pub fn expectations_junit(tested: &[Tested<'_>]) -> String {
    let (held, failed, _) = counts(tested);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    _ = writeln!(text, "<testsuites name=\"gatewright access\" tests=\"{}\" failures=\"{failed}\">", held + failed);
    for Tested { environment, holding, sources } in tested {
        let failed = holding.outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
        let name = xml(environment.as_deref().unwrap_or("default"));
        _ = writeln!(text, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", holding.outcomes.len());
        for outcome in &holding.outcomes {
            let (line, _) = sources.position(&outcome.span);
            let file = xml(&sources.path(outcome.span.file).display().to_string());
            let name = xml(&outcome.label);
            let case = format!("    <testcase classname=\"expect\" name=\"{name}\" file=\"{file}\" line=\"{line}\"");
            let how = how(outcome).map(|how| format!("      <system-out>{}</system-out>\n", xml(&how)));
            if outcome.failures.is_empty() {
                _ = match how {
                    Some(how) => writeln!(text, "{case}>\n{how}    </testcase>"),
                    None => writeln!(text, "{case}/>"),
                };
                continue;
            }
            _ = writeln!(text, "{case}>");
            let first = outcome.failures.first().map(|broken| xml(&broken.message)).unwrap_or_default();
            _ = write!(text, "      <failure message=\"{first}\">");
            for broken in &outcome.failures {
                _ = writeln!(text, "{}: {}", xml(&place(&broken.span, sources)), xml(&broken.message));
            }
            _ = writeln!(text, "</failure>\n{}    </testcase>", how.unwrap_or_default());
        }
        text.push_str("  </testsuite>\n");
    }
    text + "</testsuites>\n"
}

/// Text within XML; what XML cannot hold was made harmless with what terminals cannot.
fn xml(text: &str) -> String {
    let text = plain_line(text).replace('\t', " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn place(span: &Span, sources: &Sources) -> String {
    let (line, column) = sources.position(span);
    format!("{}:{line}:{column}", plain_line(&sources.path(span.file).display().to_string()))
}
