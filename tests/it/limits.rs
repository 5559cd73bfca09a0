//! Policies, engines and schemas as large and as odd as the service takes them: no command runs out of stack or time over one, and
//! the rest of the answer is there.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::{Answer, Terminal};

/// What a command may take in a build without optimizations on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A gateway with an engine, one tool, and two clients.
pub(crate) const HEAD: &str = r#"
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

pub(crate) fn written(manifest: &str) -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    terminal
}

/// Runs a command, which neither crashes nor takes for ever.
pub(crate) fn run(terminal: &Terminal, arguments: &[&str]) -> Answer {
    let begin = Instant::now();
    let output = terminal.command(arguments).output().unwrap();
    let took = begin.elapsed();
    println!("{arguments:?}: {took:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code().is_some() && !said.contains("panicked"), "{arguments:?}: {:?} {said}", output.status);
    assert!(took < PATIENCE, "{arguments:?} took {took:?}");
    Answer::of(&output)
}

pub(crate) fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// What a caller can do with a tool, as `access` says it.
pub(crate) fn cell(matrix: &Value, caller: &str, tool: &str) -> String {
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
        ("sums", long("context.input.cents < 1", "+1"), "sometimes"),
        ("lists", long("[\"x\"", ",\"y\"").replace(") };", "].contains(\"y\")) };"), "always"),
    ] {
        assert!(statement.len() > 9_500, "{name}: {}", statement.len());
        println!("{name}");
        let terminal = written(&format!("{HEAD}{}", policy("pay", "cedar", &statement)));
        assert_eq!(everywhere(&terminal), (clerk.to_owned(), "never".to_owned()), "{name}");
        // It changes at its end.
        let path = terminal.folder.path().join("gatewright.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, after) = text.rsplit_once(") };").unwrap();
        std::fs::write(&path, format!("{before}) }} when {{ context.input.cents != 7 }};{after}")).unwrap();
        let changed = run(&terminal, &["plan", "--local=state.json"]);
        assert!(changed.code == 0 && changed.out.contains("policy.pay"), "{changed:?}");
        let applied = run(&terminal, &["apply", "--local=state.json", "--yes"]);
        assert_eq!(applied.code, 0, "{applied:?}");
        let destroyed = run(&terminal, &["destroy", "--local=state.json", "--yes"]);
        assert_eq!(destroyed.code, 0, "{destroyed:?}");
    }
}

/// What somebody else wrote is as deep as they wanted.
#[test]
fn a_live_policy_is_read_however_deep_it_is() {
    let terminal = written(&format!("{HEAD}{}", policy("pay", "cedar", &pay("true"))));
    assert_eq!(run(&terminal, &["apply", "--local=state.json", "--yes"]).code, 0);
    let path = terminal.folder.path().join("state.json");
    let state = std::fs::read_to_string(&path).unwrap();
    let nest = |open: &str, middle: &str, close: &str| {
        let times = 9_000 / (open.len() + close.len());
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    for (name, condition) in [
        ("brackets", nest("(", "true", ")")),
        ("not", nest("!(", "true", ")")),
        ("record", format!("{} == {{}}", nest("{a:", "1", "}"))),
        ("path", format!("context.input{} == 1", ".a".repeat(4_000))),
        ("wrong", nest("(", "", "")),
    ] {
        println!("{name}");
        let by_hand = state.replace("\\\"bank/pay\\\" && (true)", &format!("\\\"bank/pay\\\" && ({condition})"));
        assert_ne!(by_hand, state);
        std::fs::write(&path, by_hand).unwrap();
        let exposed = run(&terminal, &["plan", "--local=state.json", "--detailed-exitcode"]);
        // Brackets alone change nothing.
        let codes: &[i32] = if name == "brackets" { &[0] } else { &[2, 4, 5] };
        assert!(codes.contains(&exposed.code), "{name}: {exposed:?}");
        let live =
            run(&terminal, &["access", "--live", "--local=state.json", "--format", "json", "--region", "us-east-1"]);
        assert_eq!(cell(&json_of(&live), "guest", "bank/look"), "always", "{name}");
        let verified = run(&terminal, &["verify", "--local=state.json"]);
        assert!([0, 1, 5].contains(&verified.code), "{name}: {verified:?}");
        let destroyed = run(&terminal, &["destroy", "--local=state.json", "--yes"]);
        assert_eq!(destroyed.code, 0, "{name}: {destroyed:?}");
    }
}

/// As many as an engine takes, over as many tools as a target has.
#[test]
fn a_thousand_policies_and_a_thousand_tools_take_bounded_time() {
    let tools = (0..1_000).map(|index| json!({
        "name": format!("tool{index}"), "description": "d",
        "inputSchema": {"type": "object", "required": ["first"], "properties": {
            "first": {"type": "string"}, "second": {"type": "integer"}, "third": {"type": "number"}, "fourth": {"type": "boolean"},
        }},
    }));
    let tools: Vec<Value> = tools.collect();
    let mut cedar = String::new();
    for index in 0..1_000 {
        let _ = writeln!(
            cedar,
            "@id(\"p{index}\")\npermit(principal is AgentCore::OAuthUser, action == AgentCore::Action::\"many___tool{index}\", \
             resource == AgentCore::Gateway::\"${{gateway.tools.arn}}\")\n\
             when {{ principal.hasTag(\"scope\") && principal.getTag(\"scope\") == \"bank/pay\" }};"
        );
    }
    let many = "[gateway_target.many]\ngateway = \"tools\"\n\
        credential_provider_configurations = [{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }]\n\
        target_configuration.mcp.lambda.lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:many\"\n\
        target_configuration.mcp.lambda.tool_schema.inline_payload = { file = \"tools.json\" }\n\
        [policy_set.many]\npolicy_engine = \"guard\"\nfile = \"many.cedar\"\n";
    let terminal = written(&format!("{HEAD}{many}"));
    std::fs::write(terminal.folder.path().join("tools.json"), json!(tools).to_string()).unwrap();
    std::fs::write(terminal.folder.path().join("many.cedar"), cedar).unwrap();
    assert_eq!(run(&terminal, &["check"]).code, 0);
    let matrix = json_of(&run(&terminal, &["access", "--format", "json"]));
    assert_eq!(cell(&matrix, "clerk", "many/tool999"), "always");
    assert_eq!(cell(&matrix, "guest", "many/tool0"), "never");
    assert_eq!(run(&terminal, &["iam"]).code, 0);
    assert_eq!(run(&terminal, &["plan", "--local=state.json"]).code, 0);
}
