//! Secret variables and secret versions: sent by the step that needs them, and never shown.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gatewright::manifest::{self, Options};
use gatewright::plan::{Origin, Plan};
use gatewright::stack::Stack;
use localstack::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::command::{Answer, Terminal};
use crate::served::{Served, against};
use crate::world::{World, steps};

const RUNTIME: &str = r#"
[stack]
name = "s"
[variables.key]
secret = true
[policy_engine.other]
name = "other"
[runtime.r]
role_arn = "arn:aws:iam::111122223333:role/r"
network_configuration.network_mode = "PUBLIC"
agent_runtime_artifact.container_configuration.container_uri = "111122223333.dkr.ecr.us-east-1.amazonaws.com/r:1"
environment_variables = { KEY = "Bearer ${var.key}", OTHER = "x" }
"#;

const CLIENT: &str = r#"
[stack]
name = "s"
[variables.key]
secret = true
[user_pool.p]
[user_pool_client.c]
user_pool = "p"
client_secret = "${var.key}"
secret_version = "1"
callback_urls = ["https://one.example"]
"#;

const FIRST: &str = "FirstCanary7f3a9b1c5d2e8f40aa";
const SECOND: &str = "SecondCanary0c4e6a8b2d9f7135bb";

/// The stack of a manifest, with or without the value of its secret.
fn stack(world: &World, text: &str, key: Option<&str>) -> Stack {
    world.write("gatewright.toml", text);
    let mut options = Options { path: world.folder.path().to_owned(), secrets_later: true, ..Options::default() };
    if let Some(key) = key {
        options.process_environment.insert("GATEWRIGHT_VAR_KEY".to_owned(), key.to_owned());
    }
    let loaded = manifest::load(&options);
    loaded.stack.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
}

async fn planned(world: &World, text: &str, key: Option<&str>) -> Plan {
    let plan = world.plan_stack(&stack(world, text, key)).await.plan;
    let shown = format!("{plan:?}");
    assert!(!shown.contains(FIRST) && !shown.contains(SECOND), "{shown}");
    plan
}

/// The documents of the live objects of a sort.
fn live(world: &World, member: &str) -> Vec<Value> {
    let state = world.stand_in.observe();
    let objects = state["objects"].as_array().unwrap().iter();
    objects.filter(|object| object.to_string().contains(member)).cloned().collect()
}

async fn variable(world: &World, name: &str) -> Option<String> {
    let listed = world.call("ListAgentRuntimes", json!({})).await;
    let id = &listed["agentRuntimes"][0]["agentRuntimeId"];
    let runtime = world.call("GetAgentRuntime", json!({ "agentRuntimeId": id })).await;
    runtime["environmentVariables"][name].as_str().map(ToOwned::to_owned)
}

async fn client_secret(world: &World) -> (String, String) {
    let pools = world.call("ListUserPools", json!({"MaxResults": 10})).await;
    let pool = &pools["UserPools"][0]["Id"];
    let clients = world.call("ListUserPoolClients", json!({"UserPoolId": pool, "MaxResults": 10})).await;
    let id = clients["UserPoolClients"][0]["ClientId"].clone();
    let client = world.call("DescribeUserPoolClient", json!({"UserPoolId": pool, "ClientId": id})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&id), text(&client["UserPoolClient"]["ClientSecret"]))
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_can_be_read_is_compared_by_its_value() {
    let world = World::new();
    let created = world.apply_stack(&stack(&world, RUNTIME, Some(FIRST))).await;
    let step = created.steps.iter().find(|step| step.address == "runtime.r").unwrap();
    let of = |path: &str| step.changes.iter().find(|change| change.path == path).unwrap();
    assert!(of("environmentVariables.KEY").sensitive, "{:?}", step.changes);
    assert_eq!(of("environmentVariables").after, Some(json!({"OTHER": "x"})));
    assert_eq!(variable(&world, "KEY").await, Some(format!("Bearer {FIRST}")));

    let rotated = planned(&world, RUNTIME, Some(SECOND)).await;
    assert_eq!(steps(&rotated), ["update runtime.r: environmentVariables.KEY"]);
    let change = &rotated.steps[0].changes[0];
    assert!(change.sensitive && change.before.is_none() && change.after.is_none(), "{change:?}");
    world.apply_stack(&stack(&world, RUNTIME, Some(SECOND))).await;
    assert_eq!(variable(&world, "KEY").await, Some(format!("Bearer {SECOND}")));

    // What was a secret when it was written is none to show when it goes.
    let without = RUNTIME.replace("KEY = \"Bearer ${var.key}\", ", "");
    let removed = planned(&world, &without, Some(SECOND)).await;
    assert_eq!(steps(&removed), ["update runtime.r: environmentVariables.KEY"]);
    assert!(removed.steps[0].changes[0].sensitive);
    let open = RUNTIME.replace("Bearer ${var.key}", "open");
    let change = planned(&world, &open, None).await.steps[0].changes[0].clone();
    assert!(change.sensitive && change.before.is_none(), "{change:?}");
    // Nor is what an object has in its environment that somebody made by hand.
    let listed = world.call("ListAgentRuntimes", json!({})).await;
    let id = listed["agentRuntimes"][0]["agentRuntimeId"].as_str().unwrap();
    let bare = without.replace("environment_variables = { OTHER = \"x\" }", "");
    let adopting = bare.replace("[runtime.r]", &format!("[runtime.r]\nadopt = \"{id}\""));
    planned(&world, &adopting, None).await;
    world.destroy_stack(&stack(&world, RUNTIME, None)).await;
    assert_eq!(live(&world, "agentRuntimeName"), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_asked_for_by_the_step_that_sends_it_alone() {
    let world = World::new();
    let plan = planned(&world, RUNTIME, None).await;
    assert_eq!(plan.diagnostics.len(), 1, "{:?}", plan.diagnostics);
    let diagnostic = &plan.diagnostics[0];
    assert_eq!((diagnostic.code.as_str(), diagnostic.address.as_deref()), ("plan::secret-missing", Some("runtime.r")));
    assert!(diagnostic.message.contains("`key`"), "{diagnostic:?}");
    let help = diagnostic.help.as_ref().unwrap();
    assert!(["GATEWRIGHT_VAR_KEY", "--var-file", "--var key=-"].iter().all(|way| help.contains(way)), "{help}");
    let outcome = world.carry_out(&world.plan_stack(&stack(&world, RUNTIME, None)).await).await;
    assert_eq!(outcome.failed, [], "nothing is tried without the secret");
    assert_eq!(steps(&planned(&world, RUNTIME, None).await), ["create runtime.r"], "the engine went on");

    world.apply_stack(&stack(&world, RUNTIME, Some(FIRST))).await;
    assert_eq!(steps(&planned(&world, RUNTIME, None).await), Vec::<String>::new(), "nothing has to be sent");
    // Nobody can say of another manifest that the live value is the one it means.
    let tagged = RUNTIME.replace("name = \"s\"", "name = \"s\"\ntags = { a = \"b\" }");
    assert!(planned(&world, &tagged, None).await.is_blocked());
    world.apply_stack(&stack(&world, &tagged, Some(FIRST))).await;
    // Every other change replaces the whole object, the variables included.
    let changed = tagged.replace("OTHER = \"x\"", "OTHER = \"y\"");
    let plan = planned(&world, &changed, None).await;
    assert_eq!(plan.steps[0].blocked.as_deref(), Some("the secret `key` has no value"), "{plan:?}");
    // It was taken off by somebody: that is seen without the value, and needs it.
    let listed = world.call("ListAgentRuntimes", json!({})).await;
    let id = &listed["agentRuntimes"][0]["agentRuntimeId"];
    let mut runtime = world.call("GetAgentRuntime", json!({ "agentRuntimeId": id })).await;
    let mut update = json!({"agentRuntimeId": id, "environmentVariables": {"OTHER": "x"}});
    for member in ["agentRuntimeArtifact", "roleArn", "networkConfiguration"] {
        update[member] = runtime[member].take();
    }
    world.call("UpdateAgentRuntime", update).await;
    tokio::time::sleep(std::time::Duration::from_mins(5)).await;
    let plan = planned(&world, &tagged, None).await;
    assert_eq!(steps(&plan), ["update runtime.r: environmentVariables.KEY"]);
    assert!(plan.is_blocked() && plan.steps[0].origin == Origin::Drift, "{plan:?}");
    world.apply_stack(&stack(&world, &tagged, Some(FIRST))).await;
    assert_eq!(variable(&world, "KEY").await, Some(format!("Bearer {FIRST}")));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_no_read_returns_changes_with_its_version() {
    let world = World::new();
    world.apply_stack(&stack(&world, CLIENT, Some(FIRST))).await;
    let (first, secret) = client_secret(&world).await;
    assert_eq!(secret, FIRST);
    assert_eq!(steps(&planned(&world, CLIENT, Some(SECOND)).await), Vec::<String>::new(), "nobody said it changed");
    assert_eq!(steps(&planned(&world, CLIENT, None).await), Vec::<String>::new());

    // What an update can change does not need the secret, nor a new client.
    let moved = CLIENT.replace("one.example", "two.example");
    let plan = world.apply_stack(&stack(&world, &moved, None)).await;
    assert_eq!(steps(&plan), ["update user_pool_client.c: CallbackURLs"]);
    assert_eq!(client_secret(&world).await, (first.clone(), FIRST.to_owned()));

    let second = moved.replace("secret_version = \"1\"", "secret_version = \"2\"");
    let plan = planned(&world, &second, None).await;
    assert_eq!(plan.steps[0].blocked.as_deref(), Some("the secret `key` has no value"), "{plan:?}");
    let plan = world.apply_stack(&stack(&world, &second, Some(SECOND))).await;
    assert_eq!(steps(&plan), ["replace user_pool_client.c: secret_version"]);
    assert!(plan.steps[0].changes[0].forces_replacement && plan.steps[0].origin == Origin::Change, "{plan:?}");
    assert_eq!(plan.risks.iter().map(|risk| risk.code.as_str()).collect::<Vec<_>>(), ["endpoint-changes"]);
    let (new, secret) = client_secret(&world).await;
    assert!(new != first && secret == SECOND, "{new}");

    // Another address is no other secret.
    let renamed = second.replace(
        "[user_pool_client.c]",
        "[moved]\n\"user_pool_client.c\" = \"user_pool_client.d\"\n[user_pool_client.d]\nname = \"c\"",
    );
    let plan = world.apply_stack(&stack(&world, &renamed, None)).await;
    assert_eq!(steps(&plan), ["move user_pool_client.d: "]);
    let second = renamed;

    // Said no more: it is forgotten, and nothing is sent.
    let silent = second.replace("secret_version = \"2\"\n", "");
    let plan = world.apply_stack(&stack(&world, &silent, None)).await;
    assert_eq!(steps(&plan), ["update user_pool_client.d: secret_version"]);
    assert_eq!(client_secret(&world).await, (new, SECOND.to_owned()));
    let tags = live(&world, "gatewright:address");
    assert!(!format!("{tags:?}").contains("gatewright:secret-version"), "{tags:?}");
    world.destroy_stack(&stack(&world, &silent, None)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_creation_was_not_answered_is_not_made_again_for_its_version() {
    let world = World::new();
    let stack = stack(&world, CLIENT, Some(FIRST));
    let lost = |operation: Option<&str>, nth, times, kind| Fault {
        operation: operation.map(ToOwned::to_owned),
        nth,
        times,
        kind,
    };
    world.stand_in.fault(lost(Some("CreateUserPoolClient"), 1, 1, FaultKind::LoseAnswer));
    world.stand_in.fault(lost(Some("ListUserPoolClients"), 1, 99, FaultKind::Drop));
    let outcome = world.carry_out(&world.plan_stack(&stack).await).await;
    assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    world.stand_in.clear_faults();
    assert_eq!(steps(&world.plan_stack(&stack).await.plan), Vec::<String>::new());
}

#[test]
fn a_secret_version_belongs_to_a_secret() {
    let world = World::new();
    let found = |text: &str| {
        world.write("gatewright.toml", text);
        let options = Options { path: world.folder.path().to_owned(), secrets_later: true, ..Options::default() };
        let found = manifest::load(&options).diagnostics;
        found.into_iter().map(|found| (found.code.to_owned(), found.message)).collect::<Vec<_>>()
    };
    let said = |message: &str| vec![("manifest::secret-version".to_owned(), message.to_owned())];
    assert_eq!(
        found(&RUNTIME.replace("[runtime.r]", "[runtime.r]\nsecret_version = \"2\"")),
        said("a `runtime` has no secret that only `secret_version` could say is another one")
    );
    assert_eq!(
        found(&CLIENT.replace("client_secret = \"${var.key}\"", "generate_secret = true")),
        said("`secret_version` without a secret that is sent")
    );
    assert_eq!(found(&CLIENT.replace("\"1\"", "\"a b\"")), said("`secret_version` cannot be `a b`"));
}

/// Everything that was printed, and every file below a folder, with the state of the stand-in left out.
fn assert_nowhere(secrets: &[String], said: &[&Answer], folder: &Path, state: &Path) {
    let holds = |text: &str| secrets.iter().find(|secret| text.contains(secret.as_str())).cloned();
    for answer in said {
        assert_eq!((holds(&answer.out), holds(&answer.err)), (None, None), "{}\n{}", answer.out, answer.err);
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path != state {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert_eq!(holds(&text), None, "{}", path.display());
            }
        }
    }
}

/// A runtime with a secret in its environment, a client with a given secret, and one whose secret the service makes.
fn everywhere() -> String {
    let (_, client) = CLIENT.split_once("[user_pool.p]").unwrap();
    let client = client.replace("var.key", "var.client");
    format!(
        "{RUNTIME}\n[variables.client]\nsecret = true\n[user_pool.p]{client}\
         [user_pool_client.made]\nuser_pool = \"p\"\ngenerate_secret = true\n"
    )
}

#[test]
fn no_secret_is_ever_printed_or_written() {
    let terminal = Terminal::new();
    let folder = terminal.folder.path();
    let write = |text: &str| std::fs::write(folder.join("gatewright.toml"), text).unwrap();
    write(&everywhere());
    let state = folder.join("state.json");
    let run = |arguments: &[&str], keys: [&str; 2]| {
        let mut command = terminal.command(arguments);
        command.arg("--local=state.json");
        command.env("GATEWRIGHT_VAR_KEY", keys[0]).env("GATEWRIGHT_VAR_CLIENT", keys[1]);
        Answer::of(&command.output().unwrap())
    };
    let (old, new) = ([FIRST, "GivenCanary11aa22bb33cc44dd55"], [SECOND, "OtherCanary66ee77ff88aa99bb00"]);
    let formats = ["human", "json", "markdown"];
    let mut said: Vec<Answer> = Vec::new();
    said.extend(formats.map(|format| run(&["plan", "--format", format, "--out", "plan.json"], old)));
    said.push(run(&["apply", "--yes", "--plan", "plan.json"], old));
    assert_eq!(said.last().unwrap().code, 0, "{:?}", said.last());
    let kept = std::fs::read_to_string(&state).unwrap();
    assert!(kept.contains(old[0]) && kept.contains(old[1]), "the service has them");
    assert_eq!(std::fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let mut secrets: Vec<String> = old.iter().chain(&new).map(ToString::to_string).collect();
    made_secrets(&kept, &mut secrets);
    assert!(secrets.len() > 4, "the secret that the service made is known: {secrets:?}");
    said.push(run(&["outputs"], old));
    said.push(run(&["outputs", "--format", "json"], old));
    write(
        &everywhere()
            .replace("secret_version = \"1\"", "secret_version = \"2\"")
            .replace("KEY = \"Bearer", "KEY2 = \"Basic"),
    );
    said.extend(formats.map(|format| run(&["plan", "--format", format, "--out", "plan.json"], new)));
    for words in ["environment_variables.KEY (sensitive)", "environment_variables.KEY2 (sensitive)", "secret_version"] {
        assert!(said[6].out.contains(words), "{}", said[6].out);
    }
    said.extend(formats.map(|format| {
        let mut command = terminal.command(&["show", "plan.json", "--format", format]);
        Answer::of(&command.output().unwrap())
    }));
    said.push(run(&["apply", "--yes", "--plan", "plan.json", "--allow", "endpoint-changes"], new));
    assert_eq!(said.last().unwrap().code, 0, "{:?}", said.last());
    made_secrets(&serde_json::from_str(&std::fs::read_to_string(&state).unwrap()).unwrap(), &mut secrets);
    // `check --expand` and a run without the values.
    said.push(terminal.run(&["check", "--expand"]));
    said.push(terminal.run(&["plan", "--local=state.json", "--detailed-exitcode"]));
    assert_eq!(said.last().unwrap().code, 0, "{:?}", said.last());
    said.push(terminal.run(&["destroy", "--yes", "--local=state.json", "--allow", "data-loss"]));
    assert_nowhere(&secrets, &said.iter().collect::<Vec<_>>(), folder, &state);
}

#[tokio::test(start_paused = true)]
async fn a_secret_written_into_the_manifest_stands_in_no_message() {
    const LITERALS: [&str; 4] =
        ["ApiCanary5d1f", "OauthCanary8e2c", "DetailCanary\"3b7a", "ClientCanary1a2b3c4d5e6f7a8b"];
    let manifest = format!(
        r#"
[stack]
name = "s"
[api_key_credential_provider.a]
api_key = "{}"
[oauth2_credential_provider.o]
credential_provider_vendor = "GoogleOauth2"
oauth2_provider_config_input.google_oauth2_provider_config = {{ client_id = "c", client_secret = "{}" }}
[user_pool.p]
[identity_provider.oidc]
user_pool = "p"
provider_type = "OIDC"
provider_details = {{ client_id = "c", client_secret = '{}', next_client_secret = "NextCanary9c4d", attributes_request_method = "GET", oidc_issuer = "https://i.example", authorize_scopes = "openid" }}
[user_pool_client.c]
user_pool = "p"
client_secret = "{}"
"#,
        LITERALS[0], LITERALS[1], LITERALS[2], LITERALS[3]
    );
    let creations = [
        "CreateApiKeyCredentialProvider",
        "CreateOauth2CredentialProvider",
        "CreateIdentityProvider",
        "CreateUserPoolClient",
    ];
    let world = World::new();
    for (operation, literal) in creations.iter().zip(LITERALS) {
        let message = format!("Value {} is not valid", json!({ "value": literal }));
        let kind = FaultKind::Refuse { status: 400, code: "ValidationException".into(), message };
        world.stand_in.fault(Fault { operation: Some((*operation).to_owned()), nth: 1, times: 1, kind });
    }
    let stack = stack(&world, &manifest, None);
    let planned = world.plan_stack(&stack).await;
    let outcome = world.carry_out(&planned).await;
    assert_eq!(outcome.failed.len(), 4, "{outcome:?}");
    for said in [format!("{:?}", planned.plan), format!("{outcome:?}"), format!("{:?}", world.events())] {
        assert!(!said.contains("Canary"), "{said}");
    }
    assert!(outcome.failed.iter().all(|(_, message)| message.contains("(sensitive)")), "{outcome:?}");
    world.apply_stack(&stack).await;
}

#[test]
fn a_finding_does_not_show_the_secret_that_stands_on_its_line() {
    let terminal = Terminal::new();
    let manifest = CLIENT.replace("\"${var.key}\"", &format!("\"{FIRST} not allowed\"")).replace("\"1\"", "\"a b\"");
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    for format in ["human", "json", "github", "sarif"] {
        let answer = terminal.run(&["check", "--format", format]);
        let said = format!("{}{}", answer.out, answer.err);
        assert!(answer.code == 3 && said.contains("`client_secret` has characters that it cannot have"), "{said}");
        assert!(!said.contains("Canary"), "{said}");
        assert!(said.contains("`secret_version` cannot be `a b`"), "{said}");
    }
    let plan = terminal.run(&["plan", "--local=state"]);
    assert!(plan.code == 3 && plan.err.contains("\"****") && !plan.err.contains("Canary"), "{plan:?}");
}

/// The secrets of every client in a state of the stand-in.
fn made_secrets(state: &Value, found: &mut Vec<String>) {
    match state {
        Value::Object(members) => {
            let secrets = members.get("secrets").and_then(Value::as_object).into_iter().flatten();
            found.extend(secrets.filter_map(|(_, secret)| secret.as_str().map(ToOwned::to_owned)));
            members.values().for_each(|member| made_secrets(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| made_secrets(item, found)),
        _ => {}
    }
}

#[test]
fn no_secret_stands_in_an_error() {
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), everywhere()).unwrap();
    let secrets = [FIRST.to_owned(), SECOND.to_owned()];
    std::fs::write(terminal.folder.path().join("state"), format!("key = \"{FIRST}\"\nclient = \"{SECOND}\"\n"))
        .unwrap();
    let state = terminal.folder.path().join("state");
    let repeats = json!({"refuse": {"status": 400, "code": "ValidationException",
        "message": format!("Value 'Bearer {FIRST}' at 'environmentVariables' is too clever")}});
    let clever = json!({"unsuccessful": {"reason": format!("cannot start with {FIRST}")}});
    let outcomes = [
        ("CreateUserPoolClient", json!("not-json")),
        ("CreateAgentRuntime", json!("not-json")),
        ("CreateAgentRuntime", repeats),
        ("CreateAgentRuntime", clever),
    ];
    for (operation, outcome) in outcomes {
        let served = Served::start(&terminal, &[]);
        let faults = json!([{"operation": operation, "times": 9, "outcome": outcome}]);
        assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
        let failed = against(&terminal, &served.url, &["apply", "--yes", "--var-file", "state"]);
        assert!(!failed.err.is_empty(), "{operation}: {}", failed.out);
        let planned = against(&terminal, &served.url, &["plan", "--format", "json", "--var-file", "state"]);
        assert_nowhere(&secrets, &[&failed, &planned], terminal.folder.path(), &state);
    }
}
