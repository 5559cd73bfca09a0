//! What commands need before they can start: the manifest read and checked, and the account it is about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use localstack::{Config, Localstack};

use super::exit::{Exit, Failure};
use super::interrupt::Interrupt;
use super::options::{Global, Manifest};
use super::{manifest, output};
use crate::aws::{Aws, Connection};
use crate::local;
use crate::moment::{Moment, span};
use crate::stack::Stack;

/// A manifest's stack and the account it is about.
pub(super) struct Connected {
    pub(super) stack: Stack,
    pub(super) aws: Aws,
    pub(super) interrupt: Interrupt,
    /// The stand-in, if it is in process.
    pub(super) local: Option<Localstack>,
}

impl Connected {
    /// The same account for another stack.
    pub(super) fn for_stack(&self, stack: Stack) -> Self {
        let (aws, interrupt, local) = (self.aws.clone(), self.interrupt.clone(), self.local.clone());
        Self { stack, aws, interrupt, local }
    }
}

/// Credentials that end within this time are named at the start.
const SOON: Duration = Duration::from_hours(1);

/// Reads and checks the manifest, then connects.
pub(super) async fn connect(global: &Global, path: &Manifest) -> Result<Connected, Failure> {
    reach(global, manifest::stack(global, path)?).await
}

/// Connects for a stack that needs no manifest.
pub(super) async fn reach(global: &Global, stack: Stack) -> Result<Connected, Failure> {
    let interrupt = Interrupt::listen()?;
    let connection = connection(global, &stack)?;
    let aws = Box::pin(interrupt.or(Aws::connect(&connection))).await?;
    if let Some(stand_in) = &connection.local {
        local::tell(stand_in, &stack, &aws);
    }
    if let Some(end) = aws.credentials_end {
        let left = end.since(Moment::now());
        if left < SOON {
            output::err(&format!(
                "these credentials end in {}, at {end}, unless they are renewed by then; a run that they end is finished by the next\n",
                span(left)
            ));
        }
    }
    Ok(Connected { stack, aws, interrupt, local: connection.local })
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
        timeout: global.timeout.map(|seconds| Duration::from_secs(seconds.into())),
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
        _ if stack.is_empty() => {
            Err(Failure::new(Exit::Usage, "there is a local state for each stack name, and none is named")
                .help("name the file: `--local=FILE`"))
        }
        Some(state) => Ok(state.join("gatewright").join(format!("{stack}.json"))),
        None => Err(Failure::new(Exit::Usage, "there is no place for the state of the local stand-in")
            .help("set HOME or XDG_STATE_HOME, or name a file: `--local=FILE`")),
    }
}

/// Says whose account this is, for output that is no plan.
pub(super) fn announce(connected: &Connected) {
    let Connected { stack, aws, .. } = connected;
    let endpoint = aws.endpoint.as_ref().map(|endpoint| format!(" · {endpoint}")).unwrap_or_default();
    output::err(&format!("{} · account {} · {}{endpoint}\n", stack.owner(), aws.account, aws.region));
}
