//! What commands need before they can start: the manifest read and checked, and the account it is about.

use std::path::{Path, PathBuf};

use localstack::{Config, Localstack};

use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::{manifest, output};
use crate::aws::{Aws, Connection};
use crate::stack::Stack;

/// A manifest's stack and the account it is about.
pub(super) struct Connected {
    pub(super) stack: Stack,
    pub(super) aws: Aws,
}

/// Reads and checks the manifest, then connects.
pub(super) async fn connect(global: &Global, path: &Manifest) -> Result<Connected, Failure> {
    let stack = manifest::stack(global, path)?;
    let aws = Aws::connect(&connection(global, &stack)?).await?;
    Ok(Connected { stack, aws })
}

/// How to reach the account. The manifest's region comes first: it is in git, the command line is not.
fn connection(global: &Global, stack: &Stack) -> Result<Connection, Failure> {
    let region = stack.region.clone().or_else(|| global.region.clone());
    let local = match &global.local {
        None => None,
        Some(file) => {
            let path = match file {
                Some(path) => path.clone(),
                None => state_file(&stack.name)?,
            };
            Some(stand_in(&path, stack, region.clone())?)
        }
    };
    Ok(Connection {
        region,
        profile: global.profile.clone(),
        endpoint_url: global.endpoint_url.clone(),
        local,
        aws_rates: global.rates.is_some(),
    })
}

/// The stand-in is whichever account the manifest wants to see.
fn stand_in(path: &Path, stack: &Stack, region: Option<String>) -> Result<Localstack, Failure> {
    let mut config = Config::default();
    if let Some(account) = &stack.account {
        config.account.clone_from(account);
    }
    if let Some(region) = region {
        config.region = region;
    }
    Ok(Localstack::open(path, config)?)
}

/// Where the stand-in keeps the state of a stack: never in the work tree.
fn state_file(stack: &str) -> Result<PathBuf, Failure> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    match state {
        Some(state) => Ok(state.join("gatewright").join(format!("{stack}.json"))),
        None => Err(Failure::new(Exit::Usage, "there is no place for the state of the local stand-in")
            .help("set HOME or XDG_STATE_HOME, or name a file: `--local=FILE`")),
    }
}

/// Says whose account this is, for output that is no plan.
pub(super) fn announce(connected: &Connected) {
    let Connected { stack, aws } = connected;
    let endpoint = aws.endpoint.as_ref().map(|endpoint| format!(" · {endpoint}")).unwrap_or_default();
    output::err(&format!("{} · account {} · {}{endpoint}\n", stack.owner(), aws.account, aws.region));
}
