//! Speed and size: medians over runs, against what we aim at. `cargo bench --bench speed` prints the tables; a word after `--`
//! chooses one: `commands`, `access`, `proofs`, `scale` or `rates`.

mod access;
mod bound;
mod proofs;
mod rates;
mod scale;
mod stacks;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |table: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == table);
    if wanted("commands") {
        commands()?;
    }
    if wanted("access") {
        access::table()?;
    }
    if wanted("proofs") {
        proofs::table()?;
    }
    if wanted("scale") {
        scale::table()?;
    }
    if wanted("rates") {
        rates::table()?;
    }
    Ok(())
}

/// What a person waits for.
fn commands() -> Result<()> {
    println!("{:<44} {:>10} {:>10}", "median", "is", "aim");
    let folder = tempfile::tempdir()?;
    stacks::write(folder.path(), 200)?;
    stacks::load(folder.path(), None)?;
    let checked = median(20, || drop(stacks::load(folder.path(), None)));
    line("check, 1,000 resources", &milliseconds(checked), "100 ms");
    let binary = env!("CARGO_BIN_EXE_gatewright");
    let started = median(50, || drop(Command::new(binary).arg("--version").stdout(Stdio::null()).status()));
    line("--version", &milliseconds(started), "3 ms");
    let tenths = std::fs::metadata(binary)?.len() / 100_000;
    line("stripped binary", &format!("{}.{} MB", tenths / 10, tenths % 10), "25 MB");
    Ok(())
}

fn line(what: &str, is: &str, aim: &str) {
    println!("{what:<44} {is:>10} {aim:>10}");
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    middle((0..runs).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    }))
}

fn middle(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
