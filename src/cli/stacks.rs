//! `gatewright stacks`: the stacks of an account, without any manifest.

use clap::ValueEnum;

use super::connect::reach;
use super::exit::{Exit, Failure};
use super::options::Global;
use super::output;
use crate::moment::Moment;
use crate::stack::Stack;
use crate::{report, stacks};

/// Lists the stacks of the account, with age and expiry
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to show them
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
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let connected = reach(global, Stack::default()).await?;
    let found = connected.interrupt.or(async { Ok::<_, Failure>(stacks::find(&connected.aws).await) }).await?;
    match arguments.format {
        Format::Human => output::out(&report::stacks(&connected.aws, &found, Moment::now()))?,
        Format::Json => {
            let document = report::stacks_json(&connected.aws, &found, Moment::now());
            output::out(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
    }
    output::err(&report::unread(&found.unread));
    Ok(if found.unread.is_empty() { Exit::Done } else { Exit::Failed })
}
