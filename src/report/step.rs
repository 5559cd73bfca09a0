//! What every printer of plans says about a step: its symbol, its verb, and the cause it is grouped by.

use std::fmt::Write;

use anstyle::Style;

use super::{CYAN, DIM, GREEN, RED, YELLOW};
use crate::plan::{Action, Extent, Origin, Plan, Step, Summary};

/// How an action is shown. The symbols carry the meaning, the colour only helps.
pub(super) struct Look {
    pub(super) symbol: &'static str,
    pub(super) verb: &'static str,
    pub(super) style: Style,
}

pub(super) fn look(action: Action) -> Look {
    let (symbol, verb, style) = match action {
        Action::NoOp => ("·", "keep", DIM),
        Action::Create => ("+", "create", GREEN),
        Action::Update => ("~", "update", YELLOW),
        Action::Replace => ("±", "replace", YELLOW),
        Action::Delete => ("-", "delete", RED),
        Action::Move => ("→", "move", CYAN),
        Action::Adopt => ("↓", "adopt", CYAN),
    };
    Look { symbol, verb, style }
}

/// The steps that a person has to read, by cause, with a heading each.
pub(super) fn by_cause(plan: &Plan) -> Vec<(&'static str, Vec<&Step>)> {
    const CAUSES: [&str; 4] = [
        "Changes from the manifest",
        "Drift: changed behind the manifest's back, and set right again",
        "Different from the manifest, and no record of why",
        "No longer wanted",
    ];
    let cause = |step: &Step| match (step.action, step.origin) {
        (Action::Delete, _) => 3,
        (_, Origin::Drift) => 1,
        (Action::Update | Action::Replace, Origin::Unknown) => 2,
        _ => 0,
    };
    let shown = |step: &&Step| step.action != Action::NoOp || step.blocked.is_some();
    CAUSES
        .into_iter()
        .enumerate()
        .map(|(index, heading)| {
            (heading, plan.steps.iter().filter(shown).filter(|step| cause(step) == index).collect::<Vec<_>>())
        })
        .filter(|(_, steps)| !steps.is_empty())
        .collect()
}

/// `3 to create, 1 to update`; nothing where there is nothing to do.
pub(super) fn counts(summary: &Summary) -> Option<String> {
    let parts: Vec<String> = [
        (summary.create, "create"),
        (summary.update, "update"),
        (summary.replace, "replace"),
        (summary.delete, "delete"),
        (summary.moved, "move"),
        (summary.adopt, "adopt"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, verb)| format!("{number} to {verb}"))
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The plan in one line.
pub(super) fn summary_line(plan: &Plan) -> String {
    let blocked = plan.steps.iter().filter(|step| step.blocked.is_some()).count();
    let unread = plan.diagnostics.iter().filter(|found| found.code == "plan::unread").count();
    let open = plan.open_risks().count();
    let mut line = match counts(&plan.summary) {
        Some(counts) => format!("Plan: {counts}"),
        None if plan.is_incomplete() => "No changes in what could be read".to_owned(),
        None if plan.extent != Extent::All && !plan.is_blocked() => "Nothing to do of what was asked for".to_owned(),
        None if plan.is_empty() && plan.stays_exposed() => {
            "No changes by this plan: what is exposed stays open".to_owned()
        }
        None if plan.is_empty() => match plan.summary.unchanged {
            0 => "No changes".to_owned(),
            1 => "No changes: the one resource is as the manifest says".to_owned(),
            many => format!("No changes: {many} resources are as the manifest says"),
        },
        None => "Plan: nothing that can be done".to_owned(),
    };
    if blocked > 0 {
        _ = write!(line, "; {blocked} blocked");
    }
    if unread > 0 {
        _ = write!(line, "; {unread} could not be read");
    }
    if !plan.left_out.is_empty() {
        _ = write!(line, "; {} left out", plan.left_out.len());
    }
    if open > 0 {
        _ = write!(line, "; {} to decide on", super::count(open, "risk"));
    }
    line + "."
}
