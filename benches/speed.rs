//! Speed and size: medians over runs, against what we aim at. `cargo bench` prints the table.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use gatewright::aws::{Aws, Connection};
use gatewright::diagnostic::Diagnostic;
use gatewright::manifest::{self, Options};
use gatewright::{check, engine};
use localstack::{Config, Localstack};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    println!("{:<44} {:>10} {:>10}", "median", "is", "aim");
    let folder = tempfile::tempdir()?;
    write_manifest(folder.path(), 200)?;
    stack(folder.path())?;
    let checked = median(20, || drop(stack(folder.path())));
    line("check, 1,000 resources", &milliseconds(checked), "100 ms");

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for (gateways, aim) in [(10, "–"), (100, "300 ms")] {
        write_manifest(folder.path(), gateways)?;
        let planned = runtime.block_on(plan_without_changes(folder.path()))?;
        line(&format!("plan without changes, {gateways} gateways"), &milliseconds(planned), aim);
    }

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

/// Five resources a gateway: a pool's client, the gateway, a target, an engine and a policy.
fn write_manifest(folder: &Path, gateways: usize) -> Result<()> {
    let mut text = String::from(
        "[stack]\nname = \"bench\"\nregion = \"us-east-1\"\n\n[user_pool.all]\nname = \"all\"\n\n\
         [user_pool_domain.all]\nuser_pool = \"all\"\ndomain = \"bench-all\"\n\n\
         [resource_server.all]\nuser_pool = \"all\"\nname = \"all\"\nidentifier = \"all\"\nscopes = { read = \"Reads\" }\n",
    );
    for number in 0..gateways {
        write!(
            text,
            r#"
[user_pool_client.c{number}]
user_pool = "all"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["all/read"]

[jwt_authorizer.j{number}]
user_pool = "all"
user_pool_clients = ["c{number}"]

[policy_engine.e{number}]

[gateway.g{number}]
role_arn = "arn:aws:iam::111122223333:role/bench"
protocol_type = "MCP"
jwt_authorizer = "j{number}"
policy_engine = "e{number}"
policy_mode = "ENFORCE"

[gateway_target.t{number}]
gateway = "g{number}"
credential_provider_configurations = [{{ credential_provider_type = "GATEWAY_IAM_ROLE" }}]
target_configuration.mcp.lambda.lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:bench"
target_configuration.mcp.lambda.tool_schema.inline_payload = [
    {{ name = "read", description = "Reads", input_schema = {{ type = "object", properties = {{ id = {{ type = "string" }} }} }} }},
]

[policy.p{number}]
policy_engine = "e{number}"
definition.cedar.statement = '''
permit(
    principal is AgentCore::OAuthUser,
    action == AgentCore::Action::"t{number}___read",
    resource == AgentCore::Gateway::"${{gateway.g{number}.arn}}"
) when {{ principal.hasTag("scope") && principal.getTag("scope") == "all/read" }};
'''
"#
        )?;
    }
    Ok(std::fs::write(folder.join("gatewright.toml"), text)?)
}

fn stack(folder: &Path) -> Result<gatewright::stack::Stack> {
    let loaded = manifest::load(&Options { path: folder.to_owned(), ..Options::default() });
    let Some(stack) = loaded.stack else { return Err(first(&loaded.diagnostics).into()) };
    let found = check::check(&stack, &loaded.sources);
    if found.is_empty() { Ok(stack) } else { Err(first(&found).into()) }
}

fn first(found: &[Diagnostic]) -> String {
    found.first().map(|found| format!("{}: {}", found.code, found.message)).unwrap_or_default()
}

/// Applies the manifest to a stand-in in memory, then plans it again and again.
async fn plan_without_changes(folder: &Path) -> Result<Duration> {
    let stack = stack(folder)?;
    let stand_in = Localstack::new(Config { delay: Duration::ZERO, ..Config::default() });
    let aws = Aws::connect(&Connection { local: Some(stand_in), ..Connection::default() }).await?;
    let planned = engine::plan(&aws, &stack).await?;
    let outcome = engine::apply(&aws, &planned, &|_| {}, &AtomicBool::new(false)).await;
    if !outcome.failed.is_empty() {
        return Err(format!("{:?}", outcome.failed).into());
    }
    let mut times = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        let planned = engine::plan(&aws, &stack).await?;
        times.push(begun.elapsed());
        if !planned.plan.is_empty() {
            return Err("the plan after an apply is not empty".into());
        }
    }
    Ok(middle(times.into_iter()))
}
