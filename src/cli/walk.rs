//! What `apply` and `destroy` share: show the plan, have its risks decided on, ask, carry it out, and say how it went.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use localstack::Localstack;

use super::connect::Connected;
use super::exit::{Exit, Failure};
use super::output;
use crate::engine::{self, EngineError, Planned};
use crate::left;
use crate::manifest::nearest::nearest;
use crate::plan::{Plan, Risk, risk};
use crate::progress::Outcome;
use crate::report::{self, Progress};

/// What somebody agreed to beforehand.
#[derive(Debug, clap::Args)]
pub(super) struct Consent {
    /// Does not ask; risks are refused all the same
    #[arg(long)]
    yes: bool,
    /// Accepts risks by their codes; `apply` wants `--plan` with it, so that somebody saw them
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    allow: Vec<String>,
    /// Takes the stack over from the run that holds its lease: make sure first that it is dead
    #[arg(long)]
    break_lease: bool,
}

/// What a walk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To make the account as the manifest says.
    Apply,
    /// To remove a stack.
    Destroy,
}

impl Consent {
    /// Refuses before anything is read where nobody can be asked.
    pub(super) fn can_be_had(&self) -> Result<(), Failure> {
        let known = || risk::CODES.iter().map(|(code, _)| *code);
        if let Some(unknown) = self.allow.iter().find(|code| !known().any(|known| known == code.as_str())) {
            let help = match nearest(unknown, known()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`gatewright explain` lists the codes".to_owned(),
            };
            return Err(Failure::new(Exit::Usage, format!("there is no risk `{unknown}`")).help(help));
        }
        if self.yes || output::can_ask() {
            return Ok(());
        }
        Err(Failure::new(Exit::Usage, "there is no terminal to ask on").help("pass `--yes` to go ahead without asking"))
    }
}

impl Consent {
    /// A code on the command line accepts whatever has it: only risks that somebody has seen in a plan may be taken so.
    pub(super) fn is_about_a_reviewed_plan(&self, reviewed: bool) -> Result<(), Failure> {
        if reviewed || self.allow.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Exit::Usage, "`--allow` accepts risks of a reviewed plan, and there is none")
            .help("save one with `gatewright plan --out plan.json`, look at it, and pass it as `--plan plan.json`; or write an `[[accept]]` into the manifest"))
    }
}

/// Shows a plan, asks, and carries it out under the lease of the stack; `again` plans once more then.
pub(super) async fn walk(
    connected: &Connected,
    mut planned: Planned,
    again: impl Future<Output = Result<Planned, EngineError>>,
    consent: &Consent,
    purpose: Purpose,
) -> Result<Exit, Failure> {
    for risk in &mut planned.plan.risks {
        risk.accepted |= consent.allow.contains(&risk.code);
    }
    output::out(&report::plan(&planned.plan, output::width()))?;
    let left = left_undone(&planned.plan);
    if planned.plan.is_refused() {
        return Err(Failure::new(Exit::Guard, "what `--only` leaves out has to come with it; nothing was changed")
            .help("name the addresses above too, or apply everything"));
    }
    if !can_do_something(&planned.plan) {
        tell_exposed(left);
        return Ok(left);
    }
    // Of two runs on one local state, one is refused before it begins.
    let _claim = connected.local.as_ref().map(Localstack::claim).transpose()?;
    decide(connected, &mut planned.plan).await?;
    let question = match purpose {
        Purpose::Apply => "Apply this plan?",
        Purpose::Destroy => "Delete all of this?",
    };
    if !consent.yes && !ask(connected, &format!("\n{question} Type `yes` to go ahead: "), "yes").await? {
        return Err(Failure::new(Exit::Failed, "not confirmed, nothing was changed"));
    }
    let begun = Instant::now();
    let Some(outcome) = carry_out(connected, &planned, again, consent).await? else { return Ok(Exit::Interrupted) };
    output::err(&report::summary(&outcome, begun.elapsed()));
    if purpose == Purpose::Destroy {
        output::out(&report::left_behind(&left::left(&planned, &outcome)))?;
    }
    Ok(if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.stopped.is_some() || !outcome.failed.is_empty() || !outcome.skipped.is_empty() {
        Exit::Failed
    } else {
        tell_exposed(left);
        left
    })
}

/// Why a run that did all it could ends with another code than 0.
fn tell_exposed(left: Exit) {
    if left == Exit::Exposed {
        output::err("Still exposed: what the plan above leaves open.\n");
    }
}

/// Asks, unless a signal comes first.
async fn ask(connected: &Connected, question: &str, wanted: &str) -> Result<bool, Failure> {
    connected.interrupt.or(output::ask(question, wanted)).await
}

fn can_do_something(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.action != crate::plan::Action::NoOp && step.blocked.is_none())
}

/// How it ends if everything that can be done is done.
fn left_undone(plan: &Plan) -> Exit {
    if plan.stays_exposed() {
        Exit::Exposed
    } else if plan.is_incomplete() {
        Exit::Failed
    } else if plan.is_blocked() || plan.holds_back_closing() {
        Exit::Guard
    } else {
        Exit::Done
    }
}

/// Every risk is accepted by its name, or nothing is done. `--yes` accepts none.
async fn decide(connected: &Connected, plan: &mut Plan) -> Result<(), Failure> {
    if !output::can_ask() {
        let mut codes: Vec<&str> = plan.open_risks().map(|risk| risk.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        if codes.is_empty() {
            return Ok(());
        }
        let listed = codes.join("`, `");
        return Err(Failure::new(Exit::Guard, format!("nobody has accepted `{listed}`; nothing was changed"))
            .help(way_to_accept(plan)));
    }
    for risk in plan.risks.iter_mut().filter(|risk| !risk.accepted) {
        accept(connected, risk).await?;
    }
    Ok(())
}

/// The entry that accepts the first open risk, ready to be completed.
fn way_to_accept(plan: &Plan) -> String {
    let entry = plan.open_risks().next().map(|risk| {
        let about = match (&risk.persona, &risk.tool) {
            (Some(persona), Some(tool)) => format!("\n    persona = \"{persona}\"\n    tool = \"{tool}\""),
            _ if risk.address.is_empty() => String::new(),
            _ => format!("\n    address = \"{}\"", risk.address),
        };
        format!("\n    [[accept]]\n    risk = \"{}\"{about}\n    reason = \"…\"\n    until = YYYY-MM-DD", risk.code)
    });
    let entry = entry.unwrap_or_default();
    format!(
        "read the risks above; to take one, write the decision into the manifest:{entry}\n    or have the plan reviewed, and pass `--plan FILE` with `--allow CODE`"
    )
}

async fn accept(connected: &Connected, risk: &mut Risk) -> Result<(), Failure> {
    let question =
        format!("\n{}: {}\nType `{}` to accept this risk: ", risk.code, report::plain(&risk.sentence()), risk.code);
    if !ask(connected, &question, &risk.code).await? {
        return Err(Failure::new(Exit::Guard, format!("`{}` was not accepted, nothing was changed", risk.code)));
    }
    risk.accepted = true;
    Ok(())
}

/// How it went; nothing if it was stopped at once.
async fn carry_out(
    connected: &Connected,
    planned: &Planned,
    again: impl Future<Output = Result<Planned, EngineError>>,
    consent: &Consent,
) -> Result<Option<Outcome>, Failure> {
    let interrupted = AtomicBool::new(false);
    let progress = Progress::new(output::progress_is_seen(), &output::err);
    let report = |event| progress.event(event);
    output::err("\n");
    tokio::select! {
        outcome = engine::apply_leased(&connected.aws, planned, again, consent.break_lease, &report, &interrupted) => {
            Ok(Some(outcome?))
        }
        () = connected.interrupt.twice(&interrupted, &progress) => Ok(None),
    }
}
