//! Expectations and what came of them: for people, pull requests, programs and test reports.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{BOLD, GREEN, RED, count, plain_line, styled};
use crate::access::expect::Outcome;
use crate::diagnostic::{Sources, Span};

/// The expectations of one environment.
#[derive(Debug)]
pub struct Tested<'a> {
    /// The environment, where the manifest has any.
    pub environment: Option<String>,
    /// What came of each.
    pub outcomes: Vec<Outcome>,
    /// The texts that their places point into.
    pub sources: &'a Sources,
}

/// How many hold, do not hold, and how many decisions that took.
fn counts(tested: &[Tested<'_>]) -> (usize, usize, usize) {
    let outcomes = || tested.iter().flat_map(|tested| &tested.outcomes);
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

/// How it was found out.
fn how(outcome: &Outcome) -> String {
    outcome.tokens.map(|tokens| format!(", tested on {}", count(tokens, "token"))).unwrap_or_default()
}

/// For people.
pub fn expectations(tested: &[Tested<'_>]) -> String {
    let mut text = String::new();
    for Tested { environment, outcomes, sources } in tested {
        if let Some(environment) = environment {
            _ = writeln!(text, "{}", styled(BOLD, &format!("environment {}", plain_line(environment))));
        }
        for outcome in outcomes {
            let word = if outcome.failures.is_empty() { styled(GREEN, "held  ") } else { styled(RED, "FAILED") };
            _ = writeln!(text, "  {word}  {}{}", plain_line(&outcome.label), how(outcome));
            for broken in &outcome.failures {
                _ = writeln!(text, "          {}: {}", place(&broken.span, sources), plain_line(&broken.message));
                for policy in &broken.policies {
                    _ = writeln!(text, "            by {}", plain_line(&policy.to_string()));
                }
            }
        }
    }
    text + &sentence(tested) + "\n"
}

/// For a pull request: what failed, and the counts.
pub fn expectations_markdown(tested: &[Tested<'_>]) -> String {
    let mut text = format!("**{}**\n", sentence(tested).replace(['[', ']', '`'], ""));
    for Tested { environment, outcomes, sources } in tested {
        for broken in outcomes.iter().flat_map(|outcome| &outcome.failures) {
            let environment = environment.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            let line = format!("{}{environment}: {}", place(&broken.span, sources), broken.message);
            _ = write!(text, "\n* {}", super::access::cell_of(&line));
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// For programs.
pub fn expectations_json(tested: &[Tested<'_>]) -> Value {
    let (held, failed, cases) = counts(tested);
    let environments: Vec<Value> = tested
        .iter()
        .map(|Tested { environment, outcomes, sources }| {
            let outcomes: Vec<Value> = outcomes.iter().map(|outcome| of_outcome(outcome, sources)).collect();
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
    json!({
        "expectation": outcome.label,
        "place": at(&outcome.span),
        "held": outcome.failures.is_empty(),
        "how": if outcome.tokens.is_some() { "tested" } else { "decided" },
        "tokens": outcome.tokens,
        "decisions": outcome.cases,
        "failures": failures.collect::<Vec<_>>(),
    })
}

/// As the XML of `JUnit`: one suite an environment, one case an expectation.
pub fn expectations_junit(tested: &[Tested<'_>]) -> String {
    let (held, failed, _) = counts(tested);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    _ = writeln!(text, "<testsuites name=\"gatewright access\" tests=\"{}\" failures=\"{failed}\">", held + failed);
    for Tested { environment, outcomes, sources } in tested {
        let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
        let name = xml(environment.as_deref().unwrap_or("default"));
        _ = writeln!(text, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", outcomes.len());
        for outcome in outcomes {
            let (line, _) = sources.position(&outcome.span);
            let file = xml(&sources.path(outcome.span.file).display().to_string());
            let name = xml(&outcome.label);
            let case = format!("    <testcase classname=\"expect\" name=\"{name}\" file=\"{file}\" line=\"{line}\"");
            if outcome.failures.is_empty() {
                _ = writeln!(text, "{case}/>");
                continue;
            }
            _ = writeln!(text, "{case}>");
            let first = outcome.failures.first().map(|broken| xml(&broken.message)).unwrap_or_default();
            _ = write!(text, "      <failure message=\"{first}\">");
            for broken in &outcome.failures {
                _ = writeln!(text, "{}: {}", xml(&place(&broken.span, sources)), xml(&broken.message));
            }
            text.push_str("</failure>\n    </testcase>\n");
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
