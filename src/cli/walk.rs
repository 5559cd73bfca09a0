//! What `apply` and `destroy` share: show the plan, have its risks decided on, ask, carry it out, and say how it went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::connect::Connected;
use super::exit::{Exit, Failure};
use super::output;
use crate::engine::{self, Planned};
use crate::manifest::nearest::nearest;
use crate::plan::{Plan, Risk, risk};
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

/// Shows a plan, asks, and carries it out.
pub(super) async fn walk(
    connected: &Connected,
    mut planned: Planned,
    consent: &Consent,
    question: &str,
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
        return Ok(left);
    }
    decide(&mut planned.plan)?;
    if !consent.yes && !output::ask(&format!("\n{question} Type `yes` to go ahead: "), "yes")? {
        return Err(Failure::new(Exit::Failed, "not confirmed, nothing was changed"));
    }
    carry_out(connected, &planned, left).await
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
fn decide(plan: &mut Plan) -> Result<(), Failure> {
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
        accept(risk)?;
    }
    Ok(())
}

/// The entry that accepts the first open risk, ready to be completed.
fn way_to_accept(plan: &Plan) -> String {
    let entry = plan.open_risks().next().map(|risk| {
        let about =
            if risk.address.is_empty() { String::new() } else { format!("\n    address = \"{}\"", risk.address) };
        format!("\n    [[accept]]\n    risk = \"{}\"{about}\n    reason = \"…\"\n    until = YYYY-MM-DD", risk.code)
    });
    let entry = entry.unwrap_or_default();
    format!(
        "read the risks above; to take one, write the decision into the manifest:{entry}\n    or have the plan reviewed, and pass `--plan FILE` with `--allow CODE`"
    )
}

fn accept(risk: &mut Risk) -> Result<(), Failure> {
    let question =
        format!("\n{}: {}\nType `{}` to accept this risk: ", risk.code, report::plain(&risk.sentence()), risk.code);
    if !output::ask(&question, &risk.code)? {
        return Err(Failure::new(Exit::Guard, format!("`{}` was not accepted, nothing was changed", risk.code)));
    }
    risk.accepted = true;
    Ok(())
}

async fn carry_out(connected: &Connected, planned: &Planned, left: Exit) -> Result<Exit, Failure> {
    let interrupted = AtomicBool::new(false);
    let begun = Instant::now();
    let outcome = {
        let progress = Progress::new(output::progress_is_seen(), &output::err);
        let mut interrupt = Interrupt::listen()?;
        let report = |event| progress.event(event);
        output::err("\n");
        tokio::select! {
            outcome = engine::apply(&connected.aws, planned, &report, &interrupted) => outcome,
            () = interrupt.twice(&interrupted, &progress) => return Ok(Exit::Interrupted),
        }
    };
    output::err(&report::summary(&outcome, begun.elapsed()));
    Ok(if outcome.interrupted {
        Exit::Interrupted
    } else if !outcome.failed.is_empty() || !outcome.skipped.is_empty() {
        Exit::Failed
    } else {
        left
    })
}

/// Ctrl-C, and what a supervisor sends instead.
struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    fn listen() -> Result<Self, Failure> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn once(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// The first asks the engine to start nothing new; returns at the second.
    async fn twice(&mut self, interrupted: &AtomicBool, progress: &Progress<'_>) {
        self.once().await;
        interrupted.store(true, Ordering::Relaxed);
        progress.line("interrupted: finishing what is in hand; once more stops at once");
        self.once().await;
    }
}
