//! An apply as far away as AWS is, that keeps to the rates AWS documents, beside the bound that rates and dependencies set. On a
//! paused clock: the time is the time that the calls take, not this machine's.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gatewright::aws::{Aws, Connection};
use gatewright::engine;
use gatewright::stack::Stack;
use localstack::{Config, Localstack};
use tokio::time::Instant;

use crate::bound::{Distance, bound};
use crate::{Result, stacks};

const AIM: f64 = 1.15;

/// HR, and 100 gateways with an engine, a target, a policy and a client each.
pub(crate) fn table() -> Result<()> {
    println!(
        "\n{:<34} {:>9} {:>9} {:>7} {:>6}  bound set by",
        "apply at AWS's rates, 80 ms away", "is", "bound", "ratio", "aim"
    );
    let folder = tempfile::tempdir()?;
    stacks::write(folder.path(), 100)?;
    let hr = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/hr-data-agent");
    line("HR", &stacks::load(&hr, Some("dev"))?)?;
    line("100 gateways", &stacks::load(folder.path(), None)?)
}

fn line(what: &str, stack: &Stack) -> Result<()> {
    let distance = Distance { latency: Duration::from_millis(80), delay: Config::default().delay };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let took = runtime.block_on(apply(stack, &distance))?;
    let (least, by) = bound(stack, &distance);
    let ratio = took.as_secs_f64() / least.as_secs_f64();
    println!("{what:<34} {:>7.2} s {:>7.2} s {ratio:>7.2} {AIM:>6.2}  {by}", took.as_secs_f64(), least.as_secs_f64());
    Ok(())
}

async fn apply(stack: &Stack, distance: &Distance) -> Result<Duration> {
    let defaults = Config::default();
    let account = stack.account.clone().unwrap_or(defaults.account.clone());
    let config = Config { account, rates: true, latency: distance.latency, delay: distance.delay, ..defaults };
    let local = Some(Localstack::new(config));
    let connection = Connection { local, aws_rates: true, ..Connection::default() };
    let aws = Aws::connect(&connection).await?;
    let planned = engine::plan(&aws, stack).await?;
    let begun = Instant::now();
    let outcome = engine::apply(&aws, &planned, &|_| {}, &AtomicBool::new(false)).await;
    match outcome.failed.first() {
        Some(failed) => Err(format!("{failed:?}").into()),
        None => Ok(begun.elapsed()),
    }
}
