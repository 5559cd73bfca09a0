//! `gatewright access --live`: who can call what on gateways that somebody else made.

use super::access::{Args, answer};
use super::connect::reach;
use super::exit::{Exit, Failure};
use super::manifest::Read;
use super::options::Global;
use super::output;
use crate::access::expect::Holding;
use crate::access::live::{self, LiveGateway};
use crate::check::deep::deep;
use crate::report;
use crate::stack::Stack;

pub(super) async fn run(global: &Global, arguments: &Args, gateway: Option<&str>) -> Result<Exit, Failure> {
    let id = gateway.map(id_of).transpose()?;
    let connected = reach(global, Stack::default()).await?;
    output::err(&(report::account(&connected.aws) + "\n"));
    let reading =
        async { live::read(&connected.aws, id).await.map_err(|error| Failure::new(Exit::Failed, error.to_string())) };
    let gateways = connected.interrupt.or(reading).await?;
    if let Some(id) = id.filter(|_| gateways.is_empty()) {
        let message = format!("there is no gateway `{id}` in this account and region");
        let help = "`gatewright access --live` shows every gateway there is";
        return Err(Failure::new(Exit::Failed, message).help(help));
    }
    if gateways.is_empty() {
        output::out("no gateway in this account and region\n")?;
        return Ok(Exit::Done);
    }
    let read: Vec<_> = gateways
        .into_iter()
        .map(|LiveGateway { stack, sources, facts }| (Read { stack, sources, holding: Holding::default() }, facts))
        .collect();
    let accesses = || read.iter().map(|(read, facts)| (read, live::access(&read.stack, facts)));
    let answered = deep(|| answer(accesses(), arguments));
    let exit =
        answered.unwrap_or_else(|| Err(Failure::new(Exit::Failed, "no memory is left to evaluate the policies")))?;
    let is_whole = read.iter().all(|(_, facts)| facts.unread.is_empty());
    Ok(if is_whole { exit } else { Exit::Failed })
}

/// The id in `gateway:ID`.
fn id_of(text: &str) -> Result<&str, Failure> {
    let id = text.strip_prefix("gateway:").filter(|id| !id.is_empty() && !id.contains(['/', ' ']));
    id.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{text}` names no gateway"))
            .help("write `--live gateway:ID`, or `--live` alone for every gateway of the account")
    })
}
