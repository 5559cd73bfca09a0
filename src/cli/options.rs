//! The options that every command shares.

use std::path::PathBuf;

use super::output::Colour;
use crate::access::prove::Solver;
use crate::engine::{Asked, Scope};

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The environment: `prod`, or `preview:pr-123` for an instance of `preview`
    #[arg(long, global = true, value_name = "ENV")]
    pub(super) env: Option<String>,
    /// Sets a variable; lists as TOML text, a secret with `-` from a line of standard input
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(super) vars: Vec<(String, String)>,
    /// Reads variables from a TOML or JSON file, or from `terraform output -json`
    #[arg(long = "var-file", global = true, value_name = "FILE")]
    pub(super) var_files: Vec<PathBuf>,
    /// The region, if the manifest does not state one
    #[arg(long, global = true, value_name = "REGION")]
    pub(super) region: Option<String>,
    /// The AWS profile
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Another endpoint than AWS's
    #[arg(long, global = true, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// Keeps to these rates on an endpoint that has none; `local` throttles what comes faster
    ///
    /// AWS's own hosts, and whatever is not on this machine, are never called faster than AWS documents.
    #[arg(long, global = true, value_enum, value_name = "RATES")]
    pub(super) rates: Option<Rates>,
    /// How long one call may take, retries included
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(super) timeout: Option<u32>,
    /// Uses the local stand-in instead of AWS, with its state in FILE
    ///
    /// Without FILE the state is kept below `$XDG_STATE_HOME/gatewright`, one file for each stack name.
    #[arg(long, global = true, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option may be absent, bare, or with a file")]
    pub(super) local: Option<Option<PathBuf>>,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) color: Colour,
}

/// How many calls a second there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Rates {
    /// As many as AWS documents
    Aws,
}

/// The manifest of a command.
#[derive(Debug, clap::Args)]
pub(super) struct Manifest {
    /// The manifest, or the folder of a `gatewright.toml`
    #[arg(value_name = "MANIFEST", default_value = "gatewright.toml")]
    pub(super) path: PathBuf,
}

/// A part of the manifest.
#[derive(Debug, clap::Args)]
pub(super) struct Part {
    /// Only steps that narrow access, whatever stands in the way of the others; takes no risk
    #[arg(long, conflicts_with = "only")]
    close: bool,
    /// Only the steps of these addresses and what they need
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    only: Vec<String>,
}

impl Part {
    /// What is asked of the plan, as of today.
    pub(super) fn asked(&self) -> Asked {
        let scope = match (self.close, self.only.as_slice()) {
            (true, _) => Scope::Close,
            (false, []) => Scope::All,
            (false, only) => Scope::Only(only.to_vec()),
        };
        Asked { scope, solver: Solver::find(), ..Asked::default() }
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
