//! `gatewright explain`: what a code means, and what to do about it.

use super::exit::{Exit, Failure};

/// Says more about a code, or lists all of them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The code, as a finding or a risk shows it
    code: Option<String>,
}

pub(super) fn run(arguments: &Args) -> Result<Exit, Failure> {
    let code = arguments.code.as_deref().unwrap_or_default();
    Err(Failure::new(Exit::Usage, format!("there is no code `{code}`")))
}
