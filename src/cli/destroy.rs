//! `gatewright destroy`: removes what the manifest made.

use super::connect::connect;
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use super::walk::{self, Consent};
use crate::{engine, report};

/// Removes everything that belongs to the stack, after asking
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    arguments.consent.can_be_had()?;
    let connected = connect(global, &arguments.manifest).await?;
    let planned = engine::plan_destroy(&connected.aws, &connected.stack).await?;
    if planned.plan.steps.is_empty() && !planned.plan.is_incomplete() {
        output::out(&report::nothing_left(&planned.plan))?;
        return Ok(Exit::Done);
    }
    walk::walk(&connected, planned, &arguments.consent, "Delete all of this?").await
}
