//! `gatewright destroy`: removes what the manifest made.

use super::connect::{connect, reach};
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use super::reap::{self, Owner};
use super::walk::{self, Consent, Purpose};
use crate::{engine, report, stacks};

/// Removes everything that belongs to the stack, after asking
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    /// Removes this stack without its manifest: tags and memberships say what belongs to it
    #[arg(long, value_name = "NAME/INSTANCE", value_parser = reap::owner, conflicts_with = "path")]
    stack: Option<Owner>,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    arguments.consent.can_be_had()?;
    if let Some(Owner { name, instance }) = &arguments.stack {
        let connected = reach(global, stacks::named(name, instance)).await?;
        return Box::pin(reap::destroy_stack(&connected, &arguments.consent, false)).await;
    }
    let connected = connect(global, &arguments.manifest).await?;
    let plan = || engine::plan_destroy(&connected.aws, &connected.stack);
    let planned = connected.interrupt.or(plan()).await?;
    if planned.plan.steps.is_empty() && !planned.plan.is_incomplete() {
        output::out(&report::nothing_left(&planned.plan))?;
        return Ok(Exit::Done);
    }
    Box::pin(walk::walk(&connected, planned, plan(), &arguments.consent, Purpose::Destroy)).await
}
