//! `gatewright apply`: makes the account as the manifest says.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::connect::connect;
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest, Part};
use super::output;
use super::saved;
use super::walk::{self, Consent, Purpose};
use crate::engine::Asked;
use crate::plan::{Plan, subset};
use crate::{engine, report};

/// Makes the account as the manifest says, after asking
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    consent: Consent,
    /// Goes on only if what there is to do is within this reviewed plan
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Lets the stack's time to live begin again
    #[arg(long)]
    renew: bool,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    arguments.consent.can_be_had()?;
    arguments.consent.is_about_a_reviewed_plan(arguments.plan.is_some())?;
    let reviewed = arguments.plan.as_deref().map(saved::read).transpose()?;
    let connected = connect(global, &arguments.manifest).await?;
    if arguments.renew && connected.stack.expires.is_none() {
        return Err(Failure::new(Exit::Usage, "the manifest says no time to live that could begin again")
            .help("add `expires = \"7d\"` to `[stack]`, or leave `--renew` out"));
    }
    let asked = Asked { renew: arguments.renew, ..arguments.part.asked() };
    let plan = async || engine::plan_asked(&connected.aws, &connected.stack, &asked).await;
    let planned = connected.interrupt.or(plan()).await?;
    if let Some(reviewed) = &reviewed {
        within(reviewed, &planned.plan)?;
    }
    let exit = Box::pin(walk::walk(&connected, planned, plan(), &arguments.consent, Purpose::Apply)).await?;
    if matches!(exit, Exit::Done | Exit::Guard | Exit::Exposed) {
        let outputs = connected.interrupt.or(engine::outputs(&connected.aws, &connected.stack)).await?;
        output::out(&report::next_outputs(&outputs))?;
    }
    Ok(exit)
}

/// Refuses what goes beyond the reviewed plan, and names it.
fn within(reviewed: &Plan, now: &Plan) -> Result<(), Failure> {
    let beyond = subset::beyond(reviewed, now);
    if beyond.is_empty() {
        return Ok(());
    }
    let mut text = "what there is to do now is not within the reviewed plan; nothing was changed".to_owned();
    for difference in beyond {
        let address = if difference.address.is_empty() { String::new() } else { format!("{}: ", difference.address) };
        let _ = write!(text, "\n  {address}{}", report::plain(&difference.what));
    }
    Err(Failure::new(Exit::Guard, text).help("plan again, and have the new plan reviewed"))
}
