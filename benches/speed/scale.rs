//! How a plan, an apply and a destroy grow with the stack: as the stack does.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use gatewright::aws::{Aws, Connection};
use gatewright::engine;
use gatewright::stack::Stack;
use localstack::{Config, Localstack};

use crate::{Result, middle, milliseconds, stacks};

/// How many gateways, and over how many runs a figure is the median.
const SIZES: [(usize, usize); 3] = [(10, 11), (100, 5), (1_000, 1)];

/// Everything at its stand-in's speed: no latency, no rates, no delay.
pub(crate) fn table() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!(
        "\n{:<44} {:>10} {:>12} {:>12}",
        "gateways, each with a target and a policy", "median", "a gateway", "its calls"
    );
    let folder = tempfile::tempdir()?;
    for (gateways, runs) in SIZES {
        stacks::write(folder.path(), gateways)?;
        let stack = stacks::load(folder.path(), None)?;
        let mut applies = Vec::new();
        let mut last = None;
        for _ in 0..runs {
            let (took, world) = runtime.block_on(apply(&stack))?;
            applies.push(took);
            last = Some(world);
        }
        let Some((stand_in, aws)) = last else { continue };
        line("apply", gateways, middle(applies.into_iter()), calls(&stand_in));
        let mut plans = Vec::new();
        for _ in 0..runs {
            stand_in.clear_journal();
            plans.push(runtime.block_on(plan(&aws, &stack))?);
        }
        line("plan without changes", gateways, middle(plans.into_iter()), calls(&stand_in));
        stand_in.clear_journal();
        let took = runtime.block_on(destroy(&aws, &stack))?;
        line("destroy", gateways, took, calls(&stand_in));
    }
    Ok(())
}

fn line(what: &str, gateways: usize, took: Duration, calls: usize) {
    let share = took / u32::try_from(gateways).unwrap_or(u32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
    let calls = calls as f64 / gateways as f64;
    println!(
        "{:<44} {:>10} {:>9.3} ms {calls:>12.1}",
        format!("{what}, {gateways}"),
        milliseconds(took),
        share.as_secs_f64() * 1000.0
    );
}

fn calls(stand_in: &Localstack) -> usize {
    stand_in.journal().len()
}

async fn apply(stack: &Stack) -> Result<(Duration, (Localstack, Aws))> {
    let stand_in = Localstack::new(Config { delay: Duration::ZERO, ..Config::default() });
    let aws = Aws::connect(&Connection { local: Some(stand_in.clone()), ..Connection::default() }).await?;
    let begun = Instant::now();
    let planned = engine::plan(&aws, stack).await?;
    let outcome = engine::apply(&aws, &planned, &|_| {}, &AtomicBool::new(false)).await;
    let took = begun.elapsed();
    match outcome.failed.first() {
        Some(failed) => Err(format!("{failed:?}").into()),
        None => Ok((took, (stand_in, aws))),
    }
}

async fn destroy(aws: &Aws, stack: &Stack) -> Result<Duration> {
    let begun = Instant::now();
    let planned = engine::plan_destroy(aws, stack).await?;
    let outcome = engine::apply(aws, &planned, &|_| {}, &AtomicBool::new(false)).await;
    let took = begun.elapsed();
    match outcome.failed.first() {
        Some(failed) => Err(format!("{failed:?}").into()),
        None => Ok(took),
    }
}

async fn plan(aws: &Aws, stack: &Stack) -> Result<Duration> {
    let begun = Instant::now();
    let planned = engine::plan(aws, stack).await?;
    let took = begun.elapsed();
    if planned.plan.is_empty() { Ok(took) } else { Err("the plan after an apply is not empty".into()) }
}
