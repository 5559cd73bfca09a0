//! What gateways answered, for people, pull requests and programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::access::cell_of;
use super::{BOLD, GREEN, RED, YELLOW, count, plain_line, styled};
use crate::verify::{Compared, OfGateway, Outcome, Verified};

/// Each gateway with a line for each persona, and a line about all.
pub fn verified(verified: &Verified) -> String {
    let mut text = String::new();
    for gateway in &verified.gateways {
        let url = gateway.url.as_ref().map(|url| format!(" at {}", plain_line(url))).unwrap_or_default();
        _ = writeln!(text, "{}{url}", styled(BOLD, &plain_line(&gateway.gateway.to_string())));
        let names = gateway.personas.iter().map(|persona| plain_line(&persona.persona).chars().count());
        let width = names.max().unwrap_or(0);
        for persona in &gateway.personas {
            let line = said(gateway, &persona.outcome);
            let style = match &persona.outcome {
                Outcome::Compared(compared) if compared.is_as_predicted() => GREEN,
                Outcome::Compared(compared) if compared.more.is_empty() => YELLOW,
                Outcome::NotVerified(_) => YELLOW,
                Outcome::Compared(_) | Outcome::Failed(_) => RED,
            };
            _ = writeln!(text, "  {:width$}  {}", plain_line(&persona.persona), styled(style, &plain_line(&line)));
            for line in differences(&persona.outcome) {
                _ = writeln!(text, "    {}", plain_line(&line));
            }
        }
        if gateway.personas.is_empty() {
            text.push_str("  nobody in this manifest has what it asks for\n");
        }
        text.push('\n');
    }
    text + &summary(verified) + "\n"
}

/// What is said of one persona.
fn said(gateway: &OfGateway, outcome: &Outcome) -> String {
    match outcome {
        Outcome::NotVerified(reason) => format!("not verified: {reason}"),
        Outcome::Failed(problem) => format!("failed: {problem}"),
        Outcome::Compared(compared) => {
            let lists = if compared.refused {
                "is not let in".to_owned()
            } else {
                format!("lists {} of {}", compared.listed.len(), gateway.tools)
            };
            if compared.is_as_predicted() {
                format!("{lists}, as predicted")
            } else {
                format!("{lists}, and {} predicted", compared.predicted)
            }
        }
    }
}

/// What is different, each in a line.
fn differences(outcome: &Outcome) -> Vec<String> {
    let Outcome::Compared(Compared { more, less, unknown, .. }) = outcome else { return Vec::new() };
    let line = |word: &'static str| move |tool: &String| format!("{word} {tool}");
    let more = more.iter().map(line("EXPOSED: may call"));
    let less = less.iter().map(line("missing: may not call"));
    let unknown = unknown.iter().map(line("not predicted, since the manifest has no `known_tools` of it:"));
    more.chain(less).chain(unknown).collect()
}

fn summary(verified: &Verified) -> String {
    let (mut as_predicted, mut exposed, mut different, mut failed, mut not) = (0, 0, 0, 0, 0);
    for outcome in verified.outcomes() {
        *match outcome {
            Outcome::Compared(compared) if compared.is_as_predicted() => &mut as_predicted,
            Outcome::Compared(compared) if compared.more.is_empty() => &mut different,
            Outcome::Compared(_) => &mut exposed,
            Outcome::Failed(_) => &mut failed,
            Outcome::NotVerified(_) => &mut not,
        } += 1;
    }
    let counts = [
        (as_predicted, "as predicted"),
        (exposed, "exposed"),
        (different, "different"),
        (failed, "failed"),
        (not, "not verified"),
    ];
    let all = counts.iter().map(|(number, _)| number).sum();
    let said: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    if said.is_empty() {
        "nobody to ask for".to_owned()
    } else {
        format!("{}: {}", count(all, "persona"), said.join(", "))
    }
}

/// The same as tables.
pub fn verified_markdown(verified: &Verified) -> String {
    let mut text = String::new();
    for gateway in &verified.gateways {
        _ = writeln!(text, "### {}\n\n| persona | answer |\n| --- | --- |", cell_of(&gateway.gateway.to_string()));
        for persona in &gateway.personas {
            let lines = std::iter::once(said(gateway, &persona.outcome)).chain(differences(&persona.outcome));
            let lines: Vec<String> = lines.map(|line| cell_of(&line)).collect();
            _ = writeln!(text, "| {} | {} |", cell_of(&persona.persona), lines.join("<br>"));
        }
        text.push('\n');
    }
    text + &summary(verified) + "\n"
}

/// The same for programs: `format_version`, and `gateways` with `personas`.
pub fn verified_json(verified: &Verified) -> Value {
    let persona = |name: &str, outcome: &Outcome| match outcome {
        Outcome::NotVerified(reason) => json!({"persona": name, "outcome": "not-verified", "reason": reason}),
        Outcome::Failed(problem) => json!({"persona": name, "outcome": "failed", "reason": problem}),
        Outcome::Compared(compared) => {
            let word = match (compared.is_as_predicted(), compared.more.is_empty()) {
                (true, _) => "as-predicted",
                (false, true) => "different",
                (false, false) => "exposed",
            };
            json!({
                "persona": name,
                "outcome": word,
                "admitted": !compared.refused,
                "predicted": compared.predicted,
                "listed": compared.listed,
                "exposed": compared.more,
                "missing": compared.less,
                "not_predicted": compared.unknown,
            })
        }
    };
    let gateways: Vec<Value> = verified
        .gateways
        .iter()
        .map(|gateway| {
            let personas = gateway.personas.iter().map(|one| persona(&one.persona, &one.outcome));
            json!({"gateway": gateway.gateway, "url": gateway.url, "personas": personas.collect::<Vec<_>>()})
        })
        .collect();
    json!({"format_version": 1, "gateways": gateways})
}
