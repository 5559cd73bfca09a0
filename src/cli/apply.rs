//! `gatewright apply`: makes the account as the manifest says.

use super::connect::connect;
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use super::walk::{self, Consent};
use crate::{engine, report};

/// Makes the account as the manifest says, after asking
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
    let planned = engine::plan(&connected.aws, &connected.stack).await?;
    let exit = walk::walk(&connected, planned, &arguments.consent, "Apply this plan?").await?;
    if matches!(exit, Exit::Done | Exit::Guard) {
        let outputs = engine::outputs(&connected.aws, &connected.stack).await?;
        output::out(&report::next_outputs(&outputs))?;
    }
    Ok(exit)
}
