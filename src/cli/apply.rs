//! `gatewright apply`: makes the account as the manifest says.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::connect::connect;
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest, Part};
use super::output;
use super::saved;
use super::walk::{self, Consent};
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
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    arguments.consent.can_be_had()?;
    arguments.consent.is_about_a_reviewed_plan(arguments.plan.is_some())?;
    let reviewed = arguments.plan.as_deref().map(saved::read).transpose()?;
    let connected = connect(global, &arguments.manifest).await?;
    let planned = engine::plan_asked(&connected.aws, &connected.stack, &arguments.part.asked()).await?;
    if let Some(reviewed) = &reviewed {
        within(reviewed, &planned.plan)?;
    }
    let exit = walk::walk(&connected, planned, &arguments.consent, "Apply this plan?").await?;
    if matches!(exit, Exit::Done | Exit::Guard | Exit::Exposed) {
        let outputs = engine::outputs(&connected.aws, &connected.stack).await?;
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
