//! Policies, engines and schemas as large and as odd as the service takes them: no command runs out of stack or time over one, and
//! the rest of the answer is there.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use localstack::{Config, Localstack};
use serde_json::{Value, json};

use crate::command::{Answer, Terminal};

/// What a command may take in a build without optimizations on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway with an engine, one tool, and two clients.
const HEAD: &str = r#"
[stack]
name = "limits"
region = "us-east-1"

[user_pool.people]

[user_pool_domain.people]
user_pool = "people"
domain = "limits-people"

[resource_server.bank]
user_pool = "people"
identifier = "bank"
name = "bank"
scopes = { pay = "Pays", look = "Looks" }

[user_pool_client.clerk]
user_pool = "people"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["bank/pay"]

[user_pool_client.guest]
user_pool = "people"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["bank/look"]

[jwt_authorizer.people]
user_pool = "people"
user_pool_clients = ["clerk", "guest"]

[policy_engine.guard]

[gateway.tools]
role_arn = "arn:aws:iam::111122223333:role/tools"
protocol_type = "MCP"
jwt_authorizer = "people"
policy_engine = "guard"
policy_mode = "ENFORCE"

[gateway_target.bank]
gateway = "tools"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]

[gateway_target.bank.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:bank"
tool_schema.inline_payload = [
  { name = "pay", description = "Pays", input_schema = { type = "object", properties = { cents = { type = "integer" } }, required = ["cents"] } },
  { name = "look", description = "Looks", input_schema = { type = "object" } },
]

[policy.look]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"bank___look", resource == AgentCore::Gateway::"${gateway.tools.arn}")
when { principal.hasTag("scope") && principal.getTag("scope") == "bank/look" };
'''
"#;

/// The end of a policy about `bank/pay` that holds for the clerk where `condition` does too.
fn pay(condition: &str) -> String {
    format!(
        "permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::\"bank___pay\", \
         resource == AgentCore::Gateway::\"${{gateway.tools.arn}}\")\n\
         when {{ principal.hasTag(\"scope\") && principal.getTag(\"scope\") == \"bank/pay\" && ({condition}) }};"
    )
}

fn policy(name: &str, arm: &str, statement: &str) -> String {
    format!("[policy.{name}]\npolicy_engine = \"guard\"\ndefinition.{arm}.statement = '''\n{statement}\n'''\n")
}

/// A statement of nearly 10,000 characters: `first`, and `more` as often as it fits.
fn long(first: &str, more: &str) -> String {
    let room = 9_700 - pay(first).len();
    pay(&format!("{first}{}", more.repeat(room / more.len())))
}

fn written(manifest: &str) -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    terminal
}

/// Runs a command, which neither crashes nor takes for ever.
fn run(terminal: &Terminal, arguments: &[&str]) -> Answer {
    let begin = Instant::now();
    let output = terminal.command(arguments).output().unwrap();
    let took = begin.elapsed();
    println!("{arguments:?}: {took:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code().is_some() && !said.contains("panicked"), "{arguments:?}: {:?} {said}", output.status);
    assert!(took < PATIENCE, "{arguments:?} took {took:?}");
    Answer::of(&output)
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// What a caller can do with a tool, as `access` says it.
fn cell(matrix: &Value, caller: &str, tool: &str) -> String {
    let callers = matrix.pointer("/environments/0/gateways/0/callers").unwrap().as_array().unwrap();
    let caller = callers.iter().find(|one| one["caller"] == caller).unwrap();
    caller["tools"][tool].as_str().unwrap().to_owned()
}

/// Every command that meets the policies of a sound manifest, against a stand-in of its own. Returns the cells of `bank/pay`: the
/// clerk's and the guest's.
fn everywhere(terminal: &Terminal) -> (String, String) {
    let check = run(terminal, &["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    let matrix = json_of(&run(terminal, &["access", "--format", "json"]));
    let cells = ["clerk", "guest"].map(|caller| cell(&matrix, caller, "bank/pay"));
    assert_eq!(cell(&matrix, "guest", "bank/look"), "always", "the rest of the analysis is there");
    assert_eq!(run(terminal, &["access", "--why", "clerk", "bank/pay"]).code, 0);
    assert_eq!(run(terminal, &["iam"]).code, 0);
    let planned = run(terminal, &["plan", "--local=state.json", "--out", "plan.json"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    assert_eq!(run(terminal, &["show", "plan.json"]).code, 0);
    let applied = run(terminal, &["apply", "--local=state.json", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let again = run(terminal, &["plan", "--local=state.json", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "a plan after an apply is empty: {again:?}");
    let live = run(terminal, &["access", "--live", "--local=state.json", "--format", "json", "--region", "us-east-1"]);
    let live = json_of(&live);
    assert_eq!(["clerk", "guest"].map(|caller| cell(&live, caller, "bank/pay")), cells, "live is what was wanted");
    let verified = run(terminal, &["verify", "--local=state.json"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let [clerk, guest] = cells;
    (clerk, guest)
}

/// Each is as long as the service takes it, and about as deep as it is long.
#[test]
fn a_policy_of_ten_thousand_characters_goes_through_every_command() {
    for (name, statement, clerk) in [
        ("alternatives", long("false", "||true"), "always"),
        ("sums", long("context.input.cents < 1", "+1"), "sometimes"),
        ("lists", long("[\"x\"", ",\"y\"").replace(") };", "].contains(\"y\")) };"), "always"),
    ] {
        assert!(statement.len() > 9_500, "{name}: {}", statement.len());
        println!("{name}");
        let terminal = written(&format!("{HEAD}{}", policy("pay", "cedar", &statement)));
        assert_eq!(everywhere(&terminal), (clerk.to_owned(), "never".to_owned()), "{name}");
    }
}
