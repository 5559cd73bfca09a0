//! Dev stacks: one for each pull request, listed, renewed, destroyed without their manifest, and reaped when their time is over.

use serde_json::{Value, json};

use crate::command::Terminal;
use crate::served::{Served, against};
use crate::world::{World, steps};

const PREVIEWS: &str = r#"
[stack]
name = "hr-data-agent"
region = "us-east-1"
source = "github.com/acme/hr"
expires = "7d"

[environment.preview]

[user_pool.hr]
name = "hr-${stack.env}"

[gateway.hr]
name = "hr-${stack.env}"
role_arn = "arn:aws:iam::${aws.account}:role/hr"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"

[gateway_target.tools]
gateway = "hr"
target_configuration.mcp.mcp_server.endpoint = "https://tools.example.com/mcp"

[runtime.hr]
name = "hr_${snake(stack.env)}"
role_arn = "arn:aws:iam::${aws.account}:role/runtime"
network_configuration.network_mode = "PUBLIC"
agent_runtime_artifact.container_configuration.container_uri = "${aws.account}.dkr.ecr.us-east-1.amazonaws.com/hr:1"
"#;

const FOREVER: &str = r#"
[stack]
name = "forever"
region = "us-east-1"
[policy_engine.e]
"#;

fn terminal(manifest: &str) -> Terminal {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    terminal
}

/// The stacks that `gatewright stacks` lists, by owner.
fn listed(terminal: &Terminal, served: &Served) -> Vec<(String, Value)> {
    let answer = against(terminal, &served.url, &["stacks", "--format", "json"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{}", answer.out);
    let document: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!((&document["account"], &document["region"]), (&json!("111122223333"), &json!("us-east-1")));
    let stacks = document["stacks"].as_array().unwrap();
    let owner = |stack: &Value| format!("{}/{}", stack["stack"].as_str().unwrap(), stack["env"].as_str().unwrap());
    stacks.iter().map(|stack| (owner(stack), stack.clone())).collect()
}

fn owners(terminal: &Terminal, served: &Served) -> Vec<String> {
    listed(terminal, served).into_iter().map(|(owner, _)| owner).collect()
}

#[test]
fn a_dev_stack_is_listed_renewed_destroyed_without_its_manifest_and_reaped() {
    let (authors, elsewhere) = (terminal(PREVIEWS), Terminal::new());
    let served = Served::start(&authors, &[]);
    let run = |arguments: &[&str], wanted: i32| {
        let answer = against(&authors, &served.url, arguments);
        assert_eq!(answer.code, wanted, "{arguments:?}: {}\n{}", answer.out, answer.err);
        answer
    };
    for pull_request in ["preview:pr-123", "preview:pr-124"] {
        run(&["apply", "--env", pull_request, "--yes"], 0);
        run(&["plan", "--env", pull_request, "--detailed-exitcode"], 0);
    }
    let forever = terminal(FOREVER);
    assert_eq!(against(&forever, &served.url, &["apply", "--yes"]).code, 0);

    // Listed from anywhere, with what is known of each.
    let stacks = listed(&elsewhere, &served);
    let [(forever_owner, never), (first, stack), (second, _)] = stacks.as_slice() else { panic!("{stacks:?}") };
    assert_eq!([forever_owner, first, second], ["forever/default", "hr-data-agent/pr-123", "hr-data-agent/pr-124"]);
    assert_eq!((&stack["resources"], &stack["source"]), (&json!(4), &json!("github.com/acme/hr")));
    assert_eq!((&stack["expired"], &never["expires"], &never["expired"]), (&json!(false), &json!(null), &json!(false)));
    assert!(stack["created"].is_string() && stack["expires"].is_string(), "{stack}");
    let people = against(&elsewhere, &served.url, &["stacks"]);
    assert!(people.out.starts_with("account 111122223333 · us-east-1"), "{}", people.out);
    assert!(people.out.contains("hr-data-agent/pr-123") && people.out.contains("in 6d"), "{}", people.out);

    // The expiry was set once and is on every root object; only --renew moves it.
    let before = served.tags("hr-data-agent/pr-123", "gatewright:expires");
    assert_eq!(before.len(), 3, "every root object");
    authors.edit("gatewright.toml", "7d", "14d");
    run(&["plan", "--env", "preview:pr-123", "--detailed-exitcode"], 0);
    run(&["apply", "--env", "preview:pr-123", "--yes"], 0);
    assert_eq!(served.tags("hr-data-agent/pr-123", "gatewright:expires"), before);
    run(&["apply", "--env", "preview:pr-123", "--yes", "--renew"], 0);
    let renewed = served.tags("hr-data-agent/pr-123", "gatewright:expires");
    assert!(renewed.iter().zip(&before).all(|(now, then)| now > then), "{before:?} → {renewed:?}");
    run(&["plan", "--env", "preview:pr-123", "--detailed-exitcode"], 0);

    // Nothing has expired: nothing goes.
    let reaped = against(&elsewhere, &served.url, &["reap", "--yes"]);
    assert_eq!(reaped.code, 0, "{}", reaped.err);
    assert!(reaped.out.contains("Nothing to reap: 3 stacks looked at"), "{}", reaped.out);

    // Destroyed without the file, by its name.
    let arguments = ["destroy", "--stack", "hr-data-agent/pr-124", "--yes"];
    let destroyed = against(&elsewhere, &served.url, &arguments);
    assert_eq!(destroyed.code, 0, "{}\n{}", destroyed.out, destroyed.err);
    for left in
        ["/aws/bedrock-agentcore/runtimes/hr_pr_124-", "workload identity `hr-pr-124-", "workload identity `hr_pr_124-"]
    {
        assert!(destroyed.out.contains(left), "{left}: {}", destroyed.out);
    }
    assert_eq!(owners(&elsewhere, &served), ["forever/default", "hr-data-agent/pr-123"]);
    run(&["plan", "--env", "preview:pr-123", "--detailed-exitcode"], 0);
    let again = against(&elsewhere, &served.url, &arguments);
    assert!(again.code == 0 && again.out.contains("Nothing to destroy"), "{}", again.out);

    // Its time is over: only what fits the pattern and has expired goes.
    served.tag("hr-data-agent/pr-123", "gatewright:expires", "2026-01-01T00:00:00Z");
    let none = against(&elsewhere, &served.url, &["reap", "--match", "hr-data-agent/main-*", "--yes"]);
    assert!(none.code == 0 && none.out.contains("0 stacks looked at"), "{}", none.out);
    let reap = ["reap", "--match", "hr-data-agent/pr-*", "--yes"];
    let reaped = against(&elsewhere, &served.url, &reap);
    assert_eq!(reaped.code, 0, "{}\n{}", reaped.out, reaped.err);
    assert_eq!(owners(&elsewhere, &served), ["forever/default"]);
}

#[test]
fn one_stack_s_trouble_does_not_stop_the_reaping_of_another() {
    let stack = |name: &str, more: &str| {
        terminal(&format!(
            "[stack]\nname = \"{name}\"\nregion = \"us-east-1\"\nexpires = \"1h\"\n[policy_engine.{name}]\n{more}"
        ))
    };
    let one = stack("aa", "protect = true\n");
    let served = Served::start(&one, &[]);
    for terminal in [&one, &stack("bb", ""), &stack("cc", "")] {
        assert_eq!(against(terminal, &served.url, &["apply", "--yes"]).code, 0);
    }
    for owner in ["aa/default", "bb/default"] {
        served.tag(owner, "gatewright:expires", "2026-01-01T00:00:00Z");
    }
    served.tag("cc/default", "gatewright:expires", "tomorrow");
    let reaped = against(&one, &served.url, &["reap", "--yes"]);
    assert_eq!(reaped.code, 4, "{}\n{}", reaped.out, reaped.err);
    assert!(reaped.out.contains("protected"), "{}", reaped.out);
    assert!(reaped.err.contains("`tomorrow`") && reaped.err.contains("apply --renew"), "{}", reaped.err);
    assert_eq!(owners(&one, &served), ["aa/default", "cc/default"]);
}

#[test]
fn a_stack_of_the_same_name_from_another_place_is_refused_before_anything_is_written() {
    let stack = |source: &str| terminal(&FOREVER.replace("[policy_engine.e]", &format!("{source}\n[policy_engine.e]")));
    let nameless = stack("");
    let served = Served::start(&nameless, &[]);
    assert_eq!(against(&nameless, &served.url, &["apply", "--yes"]).code, 0);
    let acme = stack("source = \"github.com/acme/hr\"");
    assert_eq!(against(&acme, &served.url, &["apply", "--yes"]).code, 0, "a stack without a source takes it on");
    assert_eq!(served.tags("forever/default", "gatewright:source"), ["github.com/acme/hr"]);
    assert_eq!(against(&acme, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
    for other in [&stack("source = \"github.com/evil/hr\""), &nameless] {
        let before = served.objects();
        for arguments in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"]] {
            let answer = against(other, &served.url, arguments);
            assert_eq!((answer.code, answer.out.as_str()), (4, ""), "{arguments:?}: {}", answer.err);
            assert!(answer.err.contains("`github.com/acme/hr`") && answer.err.contains("help"), "{}", answer.err);
        }
        assert_eq!(served.objects(), before);
    }
    let named = against(&nameless, &served.url, &["destroy", "--stack", "forever/default", "--yes"]);
    assert_eq!(named.code, 0, "by its name it may go: {}", named.err);
}

#[test]
fn what_cannot_be_a_stack_is_wrong_usage() {
    let terminal = terminal(PREVIEWS);
    for arguments in [
        &["destroy", "--stack", "nothing", "--yes", "--local"][..],
        &["destroy", "--stack", "a/b/c", "--yes", "--local"],
        &["destroy", "--stack", "a/b", "gatewright.toml", "--yes", "--local"],
        // Whose local state is meant cannot be guessed.
        &["stacks", "--local"],
        &["reap", "--yes", "--local"],
        &["reap", "--local"],
    ] {
        let answer = terminal.run(arguments);
        assert_eq!((answer.code, answer.out.as_str()), (64, ""), "{arguments:?}: {}", answer.err);
    }
    std::fs::write(terminal.folder.path().join("gatewright.toml"), FOREVER).unwrap();
    let answer = terminal.run(&["apply", "--renew", "--yes", "--local"]);
    assert_eq!(answer.code, 64, "{}", answer.err);
}

#[tokio::test(start_paused = true)]
async fn the_example_of_the_page_is_a_stack() {
    let page = include_str!("../../docs/dev-stacks.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let world = World::new().environment(Some("preview:pr-123"));
    let stack = world.stack(example);
    assert_eq!(stack.owner(), "hr-data-agent/pr-123");
    world.apply_stack(&stack).await;
    world.destroy_stack(&stack).await;
}

const EXPIRING: &str = r#"
[stack]
name = "s"
region = "us-east-1"
expires = "7d"
[policy_engine.a]
[policy_engine.b]
"#;

#[tokio::test(start_paused = true)]
async fn an_expiry_is_never_drift_and_ends_with_the_line_in_the_manifest() {
    let world = World::new();
    let without = EXPIRING.replace("expires = \"7d\"\n", "");
    world.apply(&without).await;
    let plan = world.apply(EXPIRING).await;
    assert_eq!(steps(&plan), ["update policy_engine.a: expires", "update policy_engine.b: expires"]);
    assert_eq!(json!(plan.steps[0].origin), "change");
    assert_eq!(plan.steps[0].changes[0].after, Some(json!("7d")));
    let arn = |name: &str| {
        let objects = world.stand_in.observe()["objects"].as_array().unwrap().clone();
        let object = objects.iter().find(|object| object["document"]["name"] == name).unwrap().clone();
        object["arn"].as_str().unwrap().to_owned()
    };
    let tag = |name: &str, value: &str| json!({"resourceArn": arn(name), "tags": {"gatewright:expires": value}});
    world.call("TagResource", tag("a", "2031-01-01T00:00:00Z")).await;
    assert_eq!(steps(&world.plan(EXPIRING).await), Vec::<String>::new(), "another moment is no drift");
    world.call("UntagResource", json!({"resourceArn": arn("a"), "tagKeys": ["gatewright:expires"]})).await;
    assert_eq!(steps(&world.plan(EXPIRING).await), Vec::<String>::new(), "nor is a tag that is missing here");
    world.call("TagResource", tag("a", "in a week")).await;
    let plan = world.apply(EXPIRING).await;
    assert_eq!(steps(&plan), ["update policy_engine.a: expires"], "nonsense is set right");
    let plan = world.apply(&without).await;
    assert_eq!(steps(&plan).len(), 2, "a stack that stays has no expiry: {:?}", steps(&plan));
    assert!(!world.stand_in.observe().to_string().contains("gatewright:expires"));
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_was_renewed_before_its_lease_was_had_is_not_reaped() {
    let world = World::new();
    let stack = world.stack(EXPIRING);
    world.apply_stack(&stack).await;
    let aws = world.aws().await;
    let named = gatewright::stacks::named("s", "default");
    let refused = gatewright::engine::plan_destroy_named(&aws, &named, true).await.unwrap_err();
    assert!(refused.to_string().contains("`s/default` has not expired"), "{refused}");
    let planned = gatewright::engine::plan_destroy_named(&aws, &named, false).await.unwrap();
    assert_eq!(steps(&planned.plan), ["delete policy_engine.a", "delete policy_engine.b"]);
}

#[tokio::test(start_paused = true)]
async fn fifty_tags_that_are_there_already_are_said_before_anything_is_written() {
    let world = World::new();
    world.apply(&EXPIRING.replace("expires = \"7d\"\n", "")).await;
    let objects = world.stand_in.observe();
    let object =
        objects["objects"].as_array().unwrap().iter().find(|object| object["document"]["name"] == "a").unwrap();
    let mine = object["tags"].as_object().unwrap().len();
    for number in mine..50 {
        let tags = json!({format!("theirs-{number}"): "x"});
        world.call("TagResource", json!({"resourceArn": object["arn"], "tags": tags})).await;
    }
    assert_eq!(steps(&world.plan(&EXPIRING.replace("expires = \"7d\"\n", "")).await), Vec::<String>::new());
    let plan = world.plan(EXPIRING).await;
    let blocked: Vec<_> = plan.steps.iter().filter(|step| step.blocked.is_some()).map(|step| &step.address).collect();
    assert_eq!(blocked, ["policy_engine.a"]);
    assert!(plan.diagnostics.iter().any(|found| found.code == "plan::too-many-tags"), "{:?}", plan.diagnostics);
}
