//! `gatewright apply`: makes the account as the manifest says.

use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use super::session::Session;
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
    let session = Session::open(global, &arguments.manifest).await?;
    let planned = engine::plan(&session.aws, &session.stack).await?;
    let exit = walk::walk(&session, planned, &arguments.consent, "Apply this plan?").await?;
    if exit != Exit::Interrupted {
        let outputs = engine::outputs(&session.aws, &session.stack).await?;
        output::out(&report::next_outputs(&outputs))?;
    }
    Ok(exit)
}
