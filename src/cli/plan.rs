//! `gatewright plan`: what differs from the live account.

use std::path::PathBuf;

use super::connect::connect;
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest, Part};
use super::output;
use super::saved;
use super::show::Format;
use crate::engine;
use crate::plan::Plan;

/// Shows what differs from the live account
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    #[command(flatten)]
    part: Part,
    /// Exits with 2 when changes are pending, 4 when a guard would refuse them; exposed is 5 with and without it
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    format: Format,
    /// Also writes the plan to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let connected = connect(global, &arguments.manifest).await?;
    let asked = arguments.part.asked();
    let planned = engine::plan_asked(&connected.aws, &connected.stack, &asked);
    let plan = connected.interrupt.or(planned).await?.plan;
    if let Some(path) = &arguments.out {
        std::fs::write(path, saved::json(&plan)?)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display())))?;
    }
    output::out(&arguments.format.print(&plan)?)?;
    Ok(match verdict(&plan) {
        // Nobody has to ask for what must not be missed.
        verdict @ (Exit::Failed | Exit::Exposed) => verdict,
        verdict if arguments.detailed_exitcode => verdict,
        _ => Exit::Done,
    })
}

/// The worst that the plan says.
fn verdict(plan: &Plan) -> Exit {
    if !plan.exposed.is_empty() {
        Exit::Exposed
    } else if plan.is_incomplete() {
        Exit::Failed
    } else if plan.open_risks().next().is_some() || plan.is_blocked() || plan.holds_back_closing() {
        Exit::Guard
    } else if plan.is_empty() {
        Exit::Done
    } else {
        Exit::Changes
    }
}
