//! The stacks that are measured.

use std::path::Path;

use gatewright::check;
use gatewright::diagnostic::Severity;
use gatewright::manifest::{self, Options};
use gatewright::stack::Stack;

use crate::Result;

/// Five resources a gateway: a pool's client, the gateway, a target, an engine and a policy.
pub(crate) fn write(folder: &Path, gateways: usize) -> Result<()> {
    let (mut text, one) =
        include_str!("gateway.toml").split_once("# ---\n").map(|(all, one)| (all.to_owned(), one)).unwrap_or_default();
    for number in 0..gateways {
        text.push_str(&one.replace("NUMBER", &number.to_string()));
    }
    Ok(std::fs::write(folder.join("gatewright.toml"), text)?)
}

/// A checked stack.
pub(crate) fn load(folder: &Path, environment: Option<&str>) -> Result<Stack> {
    let environment = environment.map(ToOwned::to_owned);
    let loaded = manifest::load(&Options { path: folder.to_owned(), environment, ..Options::default() });
    let mut found = loaded.diagnostics;
    if let Some(stack) = loaded.stack {
        found.extend(check::check(&stack, &loaded.sources));
        if !found.iter().any(|found| found.severity == Severity::Error) {
            return Ok(stack);
        }
    }
    Err(found.first().map(|found| format!("{}: {}", found.code, found.message)).unwrap_or_default().into())
}
