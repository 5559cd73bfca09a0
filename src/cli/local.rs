//! `gatewright local`: the stand-in on a loopback socket, for every tool that can be given another endpoint.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use localstack::{Answer, Config, Delay, Delays, Fault, Findings, Localstack};
use tokio::net::TcpListener;

use super::exit::{Exit, Failure};
use super::interrupt::Interrupt;
use super::options::{Global, Rates};
use super::output;

/// Serves the local stand-in for AWS and prints the line to export
///
/// It listens on 127.0.0.1 only, takes any credentials, and runs until it is interrupted. `--region` chooses its region.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The port; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Keeps the state in FILE; without it the state ends with the process
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The account, twelve digits
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// Sets the faults that stand in a JSON file
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Says in a JSON file what answers in the place of Lambda functions, servers, APIs and runtimes
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// How long an object takes to become ready, or to be gone: `40ms`, or of one kind `gateway=2000ms` or `gateway=3polls`
    #[arg(long = "delay", value_name = "[KIND=]DELAY", value_parser = Pace::read)]
    delays: Vec<Pace>,
    /// How long every answer takes, in milliseconds: `20`, or `20..80` where the seed decides
    #[arg(long, value_name = "MS[..MS]", value_parser = range, default_value = "0")]
    latency: (u64, u64),
    /// How far listings lag behind what was created and deleted, at most
    #[arg(long, value_name = "MS", default_value_t = 0)]
    lag: u32,
    /// How often a role is refused at first, as if IAM had not told everybody about it
    #[arg(long, value_name = "N", default_value_t = 0)]
    role_refusals: u32,
    /// How long policies do not know the tools of a target that has become ready
    #[arg(long, value_name = "MS", default_value_t = 0)]
    schema_lag: u32,
    /// What policies are found to be
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Found::Usual)]
    findings: Found,
    /// What identifiers and everything else that looks random are made from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// How long the objects of a kind take, or those of all others.
#[derive(Debug, Clone)]
struct Pace {
    kind: Option<String>,
    delay: Delay,
}

impl Pace {
    fn read(text: &str) -> Result<Self, String> {
        let (kind, delay) = text.split_once('=').map_or((None, text), |(kind, delay)| (Some(kind.to_owned()), delay));
        // Bare numbers are milliseconds, as everywhere else.
        let delay = delay.parse::<u32>().map_or_else(|_| delay.to_owned(), |count| format!("{count}ms"));
        let delay: Delay = delay.parse().map_err(|error: localstack::DelayError| error.to_string())?;
        match (&kind, delay) {
            (None, Delay::Polls(_)) => Err("reads are counted for one kind: `KIND=3polls`".to_owned()),
            (Some(kind), _) => Delays::default().set(kind, delay).map_err(|error| error.to_string()),
            (None, Delay::After(_)) => Ok(()),
        }?;
        Ok(Self { kind, delay })
    }
}

/// What policies are found to be.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Found {
    /// What the stand-in knows to find
    Usual,
    /// Nothing
    None,
    /// Every policy is found to be something
    Any,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let config = config(global, arguments)?;
    let (account, region) = (config.account.clone(), config.region.clone());
    let stand_in = match &arguments.state {
        Some(path) => Localstack::open(path, config)?,
        None => Localstack::new(config),
    };
    for fault in arguments.faults.as_deref().map(faults).transpose()?.unwrap_or_default() {
        stand_in.fault(fault);
    }
    for answer in arguments.answers.as_deref().map(answers).transpose()?.unwrap_or_default() {
        stand_in.answer_for(answer);
    }
    let _claim = stand_in.claim()?;
    let listener = listen(arguments.port).await?;
    let address = listener.local_addr()?;
    let interrupt = Interrupt::listen()?;
    output::out(&format!("export AWS_ENDPOINT_URL=http://{address}\n"))?;
    let state = arguments.state.as_ref().map_or("in memory".to_owned(), |path| format!("in {}", path.display()));
    output::err(&format!(
        "serving account {account}, {region}, with its state {state}; Ctrl-C ends it\n\
         any credentials are taken, but a client wants some:\n  \
         export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION={region}\n"
    ));
    localstack::serve(stand_in, listener, async move { interrupt.times(1).await }).await?;
    Ok(Exit::Done)
}

fn config(global: &Global, arguments: &Args) -> Result<Config, Failure> {
    let (least, most) = arguments.latency;
    let mut config = Config {
        seed: arguments.seed,
        latency: Duration::from_millis(least),
        jitter: Duration::from_millis(most - least),
        lag: Duration::from_millis(arguments.lag.into()),
        role_refusals: arguments.role_refusals,
        schema_lag: Duration::from_millis(arguments.schema_lag.into()),
        findings: match arguments.findings {
            Found::Usual => Findings::Usual,
            Found::None => Findings::None,
            Found::Any => Findings::Any,
        },
        rates: global.rates == Some(Rates::Aws),
        ..Config::default()
    };
    for Pace { kind, delay } in &arguments.delays {
        match (kind, delay) {
            (Some(kind), delay) => {
                config.delays.set(kind, *delay).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
            }
            (None, Delay::After(time)) => config.delay = *time,
            (None, Delay::Polls(_)) => {}
        }
    }
    if let Some(account) = &arguments.account {
        config.account.clone_from(account);
    }
    if let Some(region) = &global.region {
        config.region.clone_from(region);
    }
    Ok(config)
}

/// One number of milliseconds, or the least and the most.
fn range(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| text.parse::<u32>().map(u64::from).map_err(|error| format!("`{text}`: {error}"));
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (number(least)?, number(most)?);
    if least <= most { Ok((least, most)) } else { Err(format!("{least} is more than {most}")) }
}

/// Anybody who reaches the socket may do everything, so nobody elsewhere does: the address is no option.
async fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot listen on port {port}: {error}"))
            .help("choose another port, or leave `--port` out to take a free one")
    })
}

fn faults(path: &Path) -> Result<Vec<Fault>, Failure> {
    Fault::list(&read(path)?).map_err(|error| {
        Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
            .help(r#"one fault looks like `[{"operation": "CreateGateway", "outcome": "lose-answer"}]`"#)
    })
}

fn answers(path: &Path) -> Result<Vec<Answer>, Failure> {
    Answer::list(&read(path)?).map_err(|error| {
        Failure::new(Exit::Failed, format!("{}: {error}", path.display()))
            .help(r#"one answer looks like `[{"resource": "arn:aws:lambda:…:function:hr", "url": "http://127.0.0.1:9000/"}]`"#)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot read `{}`: {error}", path.display())))
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("expected twelve digits".to_owned())
    }
}
