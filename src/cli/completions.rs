//! `gatewright completions`: the script that lets a shell complete commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use super::exit::{Exit, Failure};
use super::{Cli, output};

/// Prints the completion script for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "gatewright", &mut script);
    output::out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
