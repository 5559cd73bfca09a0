//! `gatewright check`: everything that can be found without an account.

use std::fmt::Write;

use clap::ValueEnum;

use super::exit::{Exit, Failure};
use super::manifest::{Checked, Read};
use super::options::{Global, Manifest};
use super::output;
use crate::manifest::expand;
use crate::report::diagnostic::{render, to_github, to_json, to_sarif};
use crate::report::{count, held};

/// Finds what is wrong with a manifest, without an account
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    /// Shows the manifest with its definitions rewritten into resources
    #[arg(long)]
    expand: bool,
    /// How to show the findings
    #[arg(long, value_enum, default_value_t, conflicts_with = "expand")]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// For programs.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// For code scanning.
    Sarif,
}

pub(super) fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let checked = Checked::read(global, &arguments.manifest);
    let (found, sources) = (&checked.diagnostics, &checked.sources);
    if arguments.expand {
        output::err(&render(found, sources, true));
        output::out(&expanded(&checked))?;
        return Ok(if checked.has_errors() { Exit::Refused } else { Exit::Done });
    }
    match arguments.format {
        Format::Human if found.is_empty() => {
            output::err(&nothing_found(&checked));
            output::err(&held(&checked.holdings()));
        }
        Format::Human => {
            output::err(&render(found, sources, true));
            output::err(&held(&checked.holdings()));
        }
        Format::Json => output::out(&(serde_json::to_string_pretty(&to_json(found, sources))? + "\n"))?,
        Format::Github => output::out(&to_github(found, sources))?,
        Format::Sarif => output::out(&(serde_json::to_string_pretty(&to_sarif(found, sources))? + "\n"))?,
    }
    Ok(if checked.has_errors() { Exit::Refused } else { Exit::Done })
}

/// One manifest for each environment, with its name above it where there are several.
fn expanded(checked: &Checked) -> String {
    let one = |read: &Read| match &read.stack.environment {
        Some(name) if checked.read.len() > 1 => format!("# environment {name}\n{}", expand(&read.stack)),
        _ => expand(&read.stack),
    };
    checked.read.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn nothing_found(checked: &Checked) -> String {
    let resources = checked.read.iter().map(|read| read.stack.resources.len()).max().unwrap_or_default();
    let mut line = format!("nothing wrong found in {}", count(resources, "resource"));
    if checked.read.len() > 1 {
        _ = write!(line, ", {}", count(checked.read.len(), "environment"));
    }
    line + "\n"
}
