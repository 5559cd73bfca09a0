//! `gatewright verify`: what the deployed gateways list for each persona, beside what the manifest says.

use clap::ValueEnum;

use super::connect::{announce, connect};
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use crate::aws::http::Http;
use crate::report;
use crate::verify::{Worst, verify};

/// Asks the deployed gateways for the tools of each persona, and compares with `access`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let connected = connect(global, &arguments.manifest).await?;
    let http = Http::new(connected.local.clone()).map_err(|problem| Failure::new(Exit::Failed, problem))?;
    announce(&connected);
    let verified = connected.interrupt.or(verify(&connected.aws, &http, &connected.stack)).await?;
    output::out(&match arguments.format {
        Format::Human => report::verified(&verified),
        Format::Json => serde_json::to_string_pretty(&report::verified_json(&verified))? + "\n",
        Format::Markdown => report::verified_markdown(&verified),
    })?;
    Ok(match verified.worst() {
        Worst::AsPredicted => Exit::Done,
        Worst::Different => Exit::Failed,
        Worst::Exposed => Exit::Exposed,
    })
}
