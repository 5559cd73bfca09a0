//! `gatewright plan`: what differs from the live account.

use std::path::PathBuf;

use clap::ValueEnum;

use super::connect::connect;
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use crate::plan::Plan;
use crate::{engine, report};

/// Shows what differs from the live account
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    /// Exits with 2 when changes are pending, 4 when a guard would refuse them, 5 when the account is exposed
    #[arg(long)]
    detailed_exitcode: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also writes the plan to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// For programs: plan.schema.json describes it.
    Json,
    /// For a pull request.
    Markdown,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let connected = connect(global, &arguments.manifest).await?;
    let plan = engine::plan(&connected.aws, &connected.stack).await?.plan;
    if let Some(path) = &arguments.out {
        std::fs::write(path, json(&plan)?)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display())))?;
    }
    output::out(&match arguments.format {
        Format::Human => report::plan(&plan, output::width()),
        Format::Json => json(&plan)?,
        Format::Markdown => report::plan_markdown(&plan),
    })?;
    Ok(match verdict(&plan) {
        Exit::Failed => Exit::Failed,
        verdict if arguments.detailed_exitcode => verdict,
        _ => Exit::Done,
    })
}

fn json(plan: &Plan) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(plan)? + "\n")
}

/// The worst that the plan says.
fn verdict(plan: &Plan) -> Exit {
    if !plan.exposed.is_empty() {
        Exit::Exposed
    } else if plan.is_incomplete() {
        Exit::Failed
    } else if plan.open_risks().next().is_some() || plan.is_blocked() {
        Exit::Guard
    } else if plan.is_empty() {
        Exit::Done
    } else {
        Exit::Changes
    }
}
