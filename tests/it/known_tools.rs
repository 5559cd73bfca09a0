//! `known_tools`: a manifest that knows the tools of a server has its policies checked, offline and by the stand-in.

use gatewright::diagnostic::{Diagnostic, Severity};
use gatewright::manifest::{self, Options};
use gatewright::{check, local};
use serde_json::json;

use crate::command::Terminal;
use crate::world::{World, steps};

/// A gateway with a server's tools, and a policy about one of them.
fn manifest(known_tools: &str, tool: &str) -> String {
    format!(
        r#"
[stack]
name = "s"
region = "us-east-1"
[policy_engine.guard]
[gateway.hr]
role_arn = "arn:aws:iam::111122223333:role/hr"
protocol_type = "MCP"
authorizer_type = "AWS_IAM"
policy_engine = "guard"
policy_mode = "ENFORCE"
[gateway_target.search]
gateway = "hr"
{known_tools}
target_configuration.mcp.mcp_server.endpoint = "https://search.example.com/mcp"
[policy.find]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal, action == AgentCore::Action::"search___{tool}", resource == AgentCore::Gateway::"${{gateway.hr.arn}}")
when {{ principal.id like "arn:aws:sts::111122223333:*" && context.input.limit < 10 }};'''
"#
    )
}

const FILE: &str = "known_tools = { file = \"tools.json\" }";

const TOOLS: &str = r#"[{"name": "find", "description": "Finds ${stack.name}", "inputSchema":
    {"type": "object", "properties": {"limit": {"type": "integer"}, "word": {"type": "string"}}, "required": ["limit", "word"]}}]"#;

fn found(world: &World, text: &str) -> Vec<Diagnostic> {
    world.write("gatewright.toml", text);
    let loaded = manifest::load(&Options { path: world.folder.path().to_owned(), ..Options::default() });
    assert_eq!(loaded.diagnostics, [], "it can be read");
    check::check(&loaded.stack.unwrap(), &loaded.sources)
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_checked_against_the_tools_a_server_is_known_to_list() {
    let world = World::new();
    for tool in ["find", "fnd"] {
        let [note] = found(&world, &manifest("", tool)).try_into().unwrap();
        assert_eq!((note.code, note.severity), ("cedar::unchecked-tool", Severity::Note), "nobody knows");
        assert!(note.help.unwrap().contains("known_tools"));
    }
    let list = TOOLS.to_owned();
    for answer in
        [list.clone(), format!("{{\"tools\": {list}}}"), format!("{{\"id\": 1, \"result\": {{\"tools\": {list}}}}}")]
    {
        world.write("tools.json", &answer);
        assert_eq!(found(&world, &manifest(FILE, "find")), []);
        let [error] = found(&world, &manifest(FILE, "fnd")).try_into().unwrap();
        assert_eq!((error.code, error.severity), ("cedar::unknown-action", Severity::Error));
        assert_eq!(error.help.as_deref(), Some("did you mean `search___find`?"));
    }
    // Its input has types now.
    let [error] = found(&world, &manifest(FILE, "find").replace("input.limit", "input.word")).try_into().unwrap();
    assert_eq!(error.code, "cedar::validation");
    assert!(error.message.contains("String"), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn aws_is_not_told_and_the_stand_in_refuses_a_tool_that_is_not_listed() {
    let world = World::new();
    world.write("tools.json", TOOLS);
    let stack = world.stack(&manifest(FILE, "find"));
    local::tell(&world.stand_in, &stack, &world.aws().await);
    world.apply_stack(&stack).await;
    for call in world.mutations() {
        assert!(!json!(call).to_string().contains("\"word\""), "{call:?}");
    }
    // What the manifest knows is nothing that could be changed.
    world.write("tools.json", &TOOLS.replace("\"word\"", "\"text\""));
    assert_eq!(steps(&world.plan(&manifest(FILE, "find")).await), [""; 0]);

    // Nothing looked at this one before: the service would refuse it, and so does the stand-in.
    let planned = world.plan_stack(&world.stack(&manifest(FILE, "fnd"))).await;
    let outcome = world.carry_out(&planned).await;
    assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    assert!(format!("{outcome:?}").contains("unrecognized action"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn expanded_it_is_still_known() {
    let world = World::new();
    world.write("tools.json", TOOLS);
    let stack = world.stack(&manifest(FILE, "find"));
    let known = stack.resources.iter().find_map(|resource| resource.known_tools.clone()).unwrap();
    assert_eq!(known[0].input_schema["required"], json!(["limit", "word"]));
    let again = world.stack(&manifest::expand(&stack));
    assert!(again.resources.iter().any(|resource| resource.known_tools.as_ref() == Some(&known)));
    let defaults = "[defaults.gateway_target]\nknown_tools = [{ name = \"find\" }]\n";
    let stack = world.stack(&(manifest("", "find") + defaults));
    assert!(stack.resources.iter().any(|resource| resource.known_tools.is_some()));
}

#[test]
fn the_stand_in_in_process_is_told_by_every_command() {
    let terminal = Terminal::new();
    let write = |name: &str, text: &str| std::fs::write(terminal.folder.path().join(name), text).unwrap();
    // Offline nobody knows the account's number, so only the stand-in can say that the input does not fit the tool.
    let account = localstack::Config::default().account;
    write("tools.json", &TOOLS.replace("\"find\"", &format!("\"{account}\"")));
    for (known_tools, code) in [(FILE, 1), ("", 0)] {
        write("gatewright.toml", &manifest(known_tools, "${aws.account}").replace("input.limit", "input.word"));
        assert_eq!(terminal.run(&["check"]).code, 0);
        let answer = terminal.run(&["apply", "--local", "--yes"]);
        let said = format!("{}{}", answer.out, answer.err);
        assert_eq!(answer.code, code, "{said}");
        assert!(code == 0 || said.contains("unexpected type"), "{said}");
    }
}
