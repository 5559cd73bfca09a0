//! `gatewright show`: a saved plan again, in any form.

use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::{Exit, Failure};
use super::{output, saved};
use crate::plan::Plan;
use crate::report;

/// Shows a saved plan again, in any form
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file that `plan --out` wrote
    #[arg(value_name = "PLAN")]
    file: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// The form of a plan.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Format {
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Form {
    /// For a terminal.
    #[default]
    Human,
    /// For programs: plan.schema.json describes it.
    Json,
    /// For a pull request.
    Markdown,
}

impl Format {
    /// The plan in this form.
    pub(super) fn print(self, plan: &Plan) -> Result<String, Failure> {
        Ok(match self.format {
            Form::Human => report::plan(plan, output::width()),
            Form::Json => saved::json(plan)?,
            Form::Markdown => report::plan_markdown(plan),
        })
    }
}

pub(super) fn run(arguments: &Args) -> Result<Exit, Failure> {
    output::out(&arguments.format.print(&saved::read(&arguments.file)?)?)?;
    Ok(Exit::Done)
}
