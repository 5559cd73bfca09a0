//! `gatewright explain`: what a code means, and what to do about it.

use std::fmt::Write;

use super::exit::{Exit, Failure};
use super::output;
use crate::explain;

/// Says more about a code, or lists all of them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The code, as a finding or a risk shows it
    code: Option<String>,
}

pub(super) fn run(arguments: &Args) -> Result<Exit, Failure> {
    let Some(code) = &arguments.code else {
        let list = explain::codes().fold(String::new(), |mut list, code| {
            _ = writeln!(list, "{code}");
            list
        });
        output::out(&list)?;
        return Ok(Exit::Done);
    };
    let Some(text) = explain::explain(code) else {
        let failure = Failure::new(Exit::Usage, format!("there is no code `{code}`"));
        return Err(match explain::nearest_code(code) {
            Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
            None => failure.help("`gatewright explain` lists them"),
        });
    };
    output::out(&format!("{code}\n\n{}\n", crate::report::wrapped(text, 0, 0, output::width())))?;
    Ok(Exit::Done)
}
