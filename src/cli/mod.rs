//! The command line: what can be typed, one file per command, and how a run ends.

mod access;
mod apply;
mod check;
mod completions;
mod connect;
mod destroy;
mod exit;
mod explain;
mod iam;
mod interrupt;
mod live;
mod local;
mod manifest;
mod options;
mod output;
mod outputs;
mod plan;
mod reap;
mod saved;
mod show;
mod stacks;
mod verify;
mod walk;

use std::ffi::OsString;
use std::future::Future;

use clap::{Parser, Subcommand};

pub use exit::Exit;
use exit::Failure;
use options::Global;

/// Decides who may call which tool of an AI agent on Amazon Bedrock AgentCore.
#[derive(Debug, Parser)]
#[command(name = "gatewright", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Exit codes: 0 done, 1 failed, 2 changes pending (plan --detailed-exitcode), 3 manifest refused,
4 a guard refused, 5 exposed, 64 wrong usage, 130 interrupted")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Plan(plan::Args),
    Show(show::Args),
    Apply(apply::Args),
    Destroy(destroy::Args),
    Access(access::Args),
    Iam(iam::Args),
    Verify(verify::Args),
    Outputs(outputs::Args),
    Stacks(stacks::Args),
    Reap(reap::Args),
    Explain(explain::Args),
    Local(local::Args),
    Completions(completions::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> Exit {
    run(std::env::args_os())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is wrong usage.
            drop(error.print());
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    cli.global.color.choose();
    let global = &cli.global;
    let result = match &cli.command {
        Command::Check(arguments) => check::run(global, arguments),
        Command::Plan(arguments) => block_on(plan::run(global, arguments)),
        Command::Apply(arguments) => block_on(apply::run(global, arguments)),
        Command::Destroy(arguments) => block_on(destroy::run(global, arguments)),
        Command::Access(arguments) => access::run(global, arguments),
        Command::Iam(arguments) => iam::run(global, arguments),
        Command::Verify(arguments) => block_on(verify::run(global, arguments)),
        Command::Outputs(arguments) => block_on(outputs::run(global, arguments)),
        Command::Stacks(arguments) => block_on(stacks::run(global, arguments)),
        Command::Reap(arguments) => block_on(reap::run(global, arguments)),
        Command::Show(arguments) => show::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Local(arguments) => block_on(local::run(global, arguments)),
        Command::Completions(arguments) => completions::run(arguments),
    };
    result.unwrap_or_else(|failure| {
        output::failure(&failure);
        failure.exit
    })
}

/// Only commands that touch an account need a runtime.
fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(command);
    // A look-up of a name that hangs is not waited for.
    runtime.shutdown_background();
    result
}
