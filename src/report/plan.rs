//! A plan for people: what changes, grouped by why, and at the end what to think about.

use std::fmt::Write;

use anstyle::Style;

use super::access_change::told;
use super::change::{Line, change_lines, member_lines};
use super::exposed::{EXPOSED, opened};
use super::step::{by_cause, look, summary_line};
use super::{BOLD, DIM, GREEN, RED, YELLOW, plain, plain_line, styled, wrapped};
use crate::plan::{AccessChange, AccessEffect, Action, Decision, Extent, Plan, PlanDiagnostic, Step};

/// The plan as text, prose no wider than `width`.
pub fn plan(plan: &Plan, width: usize) -> String {
    let mut text = header(plan) + "\n";
    exposed(&mut text, plan, width);
    for (heading, steps) in by_cause(plan) {
        section(&mut text, heading);
        let mut before: Option<&Step> = None;
        for one in steps {
            // Steps of one line may stand close together.
            if before.is_some_and(|before| !(before.changes.is_empty() && one.changes.is_empty())) {
                text.push('\n');
            }
            step(&mut text, one, width);
            before = Some(one);
        }
    }
    unexpected(&mut text, plan);
    unsaid(&mut text, plan);
    access(&mut text, &plan.access, width);
    left_out(&mut text, plan, width);
    diagnostics(&mut text, "In the way", ("!", RED), &plan.diagnostics, width);
    diagnostics(&mut text, "Worth knowing", ("·", DIM), &plan.notes, width);
    risks(&mut text, plan, width);
    _ = writeln!(text, "\n{}", styled(BOLD, &summary_line(plan)));
    text
}

/// Whose account this is about: `hr-data-agent/dev · account 111122223333 · us-east-1`.
pub(super) fn header(plan: &Plan) -> String {
    let mut line = format!("{}/{} · account {} · {}", plan.stack, plan.env, plan.account, plan.region);
    if let Some(endpoint) = &plan.endpoint {
        _ = write!(line, " · {}", plain_line(endpoint));
    }
    match plan.extent {
        Extent::All => {}
        Extent::Close => line.push_str(" · only what narrows access"),
        Extent::Only => line.push_str(" · only what was named, and what it needs"),
    }
    line
}

fn exposed(text: &mut String, plan: &Plan, width: usize) {
    if plan.exposed.is_empty() {
        return;
    }
    _ = writeln!(text, "\n{}", styled(RED.bold(), EXPOSED));
    for opened in opened(plan) {
        let message = wrapped(&opened.message, 4, 6, width);
        _ = writeln!(text, "  {} {message} {}", styled(RED, "!"), styled(DIM, &format!("[{}]", opened.code)));
        for line in &opened.reach {
            _ = writeln!(text, "      {}", wrapped(line, 6, 8, width));
        }
        if let Some(witness) = opened.witness {
            _ = writeln!(text, "      for example {}", plain_line(witness));
        }
        _ = writeln!(text, "      {}", styled(DIM, &wrapped(&opened.way_out, 6, 6, width)));
    }
}

fn left_out(text: &mut String, plan: &Plan, width: usize) {
    if plan.left_out.is_empty() {
        return;
    }
    section(text, "Left out: not asked for");
    for left in &plan.left_out {
        let look = look(left.action);
        let line = format!("{} {} {}", look.symbol, look.verb, plain_line(&left.address));
        _ = writeln!(text, "  {}", styled(DIM, &line));
        if let Some(reason) = &left.reason {
            _ = writeln!(text, "      {}", styled(DIM, &format!("# {}", wrapped_comment(reason, width))));
        }
    }
}

/// A destroy that finds nothing to do.
pub fn nothing_left(plan: &Plan) -> String {
    format!("{}\n\n{}\n", header(plan), styled(BOLD, "Nothing to destroy: nothing of this stack is live."))
}

fn section(text: &mut String, heading: &str) {
    _ = writeln!(text, "\n{}", styled(BOLD, heading));
}

fn step(text: &mut String, step: &Step, width: usize) {
    let look = look(step.action);
    let title = format!("{} {} {}", look.symbol, look.verb, plain_line(&step.address));
    _ = write!(text, "  {}", styled(look.style, &title));
    if let Some(id) = &step.id {
        _ = write!(text, " {}", styled(DIM, &format!("({})", plain_line(id))));
    }
    text.push('\n');
    if let Some(reason) = &step.reason {
        _ = writeln!(text, "      {}", styled(DIM, &format!("# {}", wrapped_comment(reason, width))));
    }
    if let Some(blocked) = &step.blocked {
        _ = writeln!(text, "      {} {}", styled(RED, "! blocked:"), wrapped(blocked, 17, 8, width));
    }
    for line in member_lines(step) {
        member_line(text, &line);
    }
}

fn wrapped_comment(text: &str, width: usize) -> String {
    wrapped(text, 8, 6, width).replace("\n      ", "\n      # ")
}

fn member_line(text: &mut String, line: &Line) {
    let indent = " ".repeat(4 + 2 * line.depth);
    let body = plain_line(&line.text);
    let body = match line.mark {
        '+' => styled(GREEN, &format!("+ {body}")),
        '-' => styled(RED, &format!("- {body}")),
        _ => format!("  {body}"),
    };
    let note = if line.note.is_empty() { String::new() } else { format!("  {}", styled(DIM, line.note)) };
    _ = writeln!(text, "{indent}{body}{note}");
}

fn unexpected(text: &mut String, plan: &Plan) {
    if plan.unexpected.is_empty() {
        return;
    }
    section(text, "Left alone: in a resource of ours, and not in the manifest");
    for child in &plan.unexpected {
        let (kind, name, id) = (plain_line(&child.kind), plain_line(&child.name), plain_line(&child.id));
        _ = writeln!(text, "  ? {kind} `{name}` in {} {}", plain_line(&child.parent), styled(DIM, &format!("({id})")));
    }
}

fn access(text: &mut String, changes: &[AccessChange], width: usize) {
    if changes.is_empty() {
        return;
    }
    section(text, "Who can call what");
    for told in told(changes) {
        let (mark, style) = match told.effect {
            AccessEffect::Widened | AccessEffect::Both | AccessEffect::Unknown => ("!", YELLOW),
            AccessEffect::New => ("+", GREEN),
            AccessEffect::Narrowed | AccessEffect::Equivalent => ("·", DIM),
        };
        let sentence = wrapped(&format!("{} ({})", told.sentence, told.found), 4, 6, width);
        _ = writeln!(text, "  {} {sentence}", styled(style, mark));
        if let Some(witness) = &told.witness {
            _ = writeln!(text, "      for example {}", plain_line(witness));
        }
    }
}

/// What adopted objects have otherwise than the manifest says.
fn unsaid(text: &mut String, plan: &Plan) {
    if plan.unsaid.is_empty() {
        return;
    }
    section(text, "Adopted as they are: until `adopt` is removed, this stays");
    for unsaid in &plan.unsaid {
        let (address, id) = (plain_line(&unsaid.address), plain_line(&unsaid.id));
        _ = writeln!(text, "  {address} {}", styled(DIM, &format!("({id})")));
        if !unsaid.paste.is_empty() {
            _ = writeln!(text, "      live and not in the manifest; to keep it, paste below [{address}]");
            for line in unsaid.paste.iter().flat_map(|statement| statement.lines()) {
                _ = writeln!(text, "        {}", styled(GREEN, &plain_line(line)));
            }
        }
        if !unsaid.changes.is_empty() {
            _ = writeln!(text, "      otherwise in the manifest; changes once `adopt` is removed");
            for line in unsaid.changes.iter().flat_map(|change| change_lines(&unsaid.kind, Action::Update, change)) {
                member_line(text, &Line { depth: line.depth + 2, ..line });
            }
        }
    }
}

fn diagnostics(text: &mut String, heading: &str, mark: (&str, Style), found: &[PlanDiagnostic], width: usize) {
    if found.is_empty() {
        return;
    }
    section(text, heading);
    for diagnostic in found {
        let message = wrapped(&diagnostic.message, 4, 6, width);
        _ = writeln!(text, "  {} {message} {}", styled(mark.1, mark.0), styled(DIM, &format!("[{}]", diagnostic.code)));
        if let Some(help) = &diagnostic.help {
            for line in plain(help).lines() {
                _ = writeln!(text, "      {line}");
            }
        }
    }
}

fn risks(text: &mut String, plan: &Plan, width: usize) {
    if plan.risks.is_empty() {
        return;
    }
    section(text, "Risks");
    for risk in &plan.risks {
        let (mark, style) = if risk.accepted { ("✓", DIM) } else { ("!", YELLOW) };
        let accepted = match &risk.decision {
            Some(decision) => format!(" ({})", decided(decision)),
            None if risk.accepted => " (accepted)".to_owned(),
            None => String::new(),
        };
        let title = format!("{mark} {}", risk.code);
        let first = 4 + risk.code.chars().count() + 2;
        let message = wrapped(&format!("{}{accepted}", risk.sentence()), first, 6, width);
        _ = writeln!(text, "  {}  {message}", styled(style, &title));
    }
}

/// A decision in a few words.
pub(super) fn decided(decision: &Decision) -> String {
    format!("accepted until {}: {}", decision.until, decision.reason)
}

#[cfg(test)]
pub(super) mod tests;
