//! The state file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use localstack::StateError;
use serde_json::json;

use super::*;

/// An hour, since the wall clock goes on between two processes.
const DELAY: Duration = Duration::from_hours(1);

fn open(path: &Path) -> Localstack {
    Localstack::open(path, Config { delay: DELAY, ..Config::default() }).unwrap()
}

fn refusal(path: &Path) -> StateError {
    Localstack::open(path, Config::default()).err().unwrap()
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_where_the_first_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/state.json");
    let local = open(&path);
    ok(&local, "ListGateways", json!({})).await;
    assert!(!path.exists());
    let id = at(&ok(&local, "CreateGateway", gateway_input("a")).await, "/gatewayId");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    let later = open(&path);
    assert_eq!(at(&ok(&later, "GetGateway", json!({"gatewayIdentifier": id})).await, "/status"), "CREATING");
    tokio::time::advance(DELAY).await;
    assert_eq!(at(&ok(&later, "GetGateway", json!({"gatewayIdentifier": id})).await, "/status"), "READY");
    let other = at(&ok(&later, "CreateGateway", gateway_input("b")).await, "/gatewayId");
    assert_ne!(id.rsplit('-').next(), other.rsplit('-').next());
    // The first has not seen that; it must not undo it.
    let failure = refused(&local, "CreateGateway", gateway_input("c")).await;
    assert_eq!((failure.status, failure.code.as_str()), (500, "InternalServerException"));
    assert_eq!(open(&path).observe()["objects"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn accounts_and_regions_share_a_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    ok(&open(&path), "CreatePolicyEngine", json!({"name": "engine"})).await;
    let elsewhere = Config { region: "eu-west-1".into(), ..Config::default() };
    let other = Localstack::open(&path, elsewhere).unwrap();
    assert_eq!(other.observe(), json!({"objects": []}));
    ok(&other, "CreatePolicyEngine", json!({"name": "engine"})).await;
    assert_eq!(open(&path).observe()["objects"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_understood_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    ok(&open(&path), "CreatePolicyEngine", json!({"name": "engine"})).await;
    let whole = fs::read(&path).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let version: Vec<u8> = String::from_utf8(whole.clone()).unwrap().replace("\"version\":1", "\"version\":2").into();
    let shape: Vec<u8> = String::from_utf8(whole.clone()).unwrap().replace("\"objects\":[", "\"objects\":[1,").into();
    for (bytes, words) in [
        (half, "not a whole state file"),
        (Vec::new(), "not a whole state file"),
        (whole[..5].to_vec(), "not a whole state file"),
        (shape, "not a whole state file"),
        (b"\x00\xffgarbage".to_vec(), "no state file of the local stand-in"),
        (b"{\"resources\": []}".to_vec(), "no state file of the local stand-in"),
        (version, "format version 2"),
    ] {
        fs::write(&path, &bytes).unwrap();
        let error = refusal(&path).to_string();
        assert!(error.contains("state.json") && error.contains(words), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::write(&path, whole).unwrap();
    open(&path);
    let error = refusal(folder.path());
    assert!(matches!(error, StateError::Special { .. }), "a folder cannot hold a state: {error}");
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
}

/// Not a test of its own: it writes until it is killed, and says what it was told is done.
#[tokio::test]
#[ignore = "the process that another test kills"]
async fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os("STATE_TO_WRITE") else { return };
    let local = open(Path::new(&path));
    let _claim = local.claim().unwrap();
    for number in 0.. {
        let made = ok(&local, "CreatePolicyEngine", json!({"name": format!("engine_{number}")})).await;
        println!("made {}", at(&made, "/policyEngineId"));
        ok(&local, "TagResource", json!({"resourceArn": at(&made, "/policyEngineArn"), "tags": {"number": "1"}})).await;
        println!("tagged {}", at(&made, "/policyEngineId"));
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_answered() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    for round in 0..12_u64 {
        let path = folder.path().join(format!("{round}.json"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env("STATE_TO_WRITE", &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut done: Vec<String> = said.by_ref().filter(|line| line.contains("engine_")).take(20).collect();
        // The moment is another one in each round, somewhere between two answers.
        std::thread::sleep(Duration::from_micros(round * 370));
        child.kill().unwrap();
        done.extend(said.filter(|line| line.contains("engine_")));
        child.wait().unwrap();

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let local = open(&path);
        let state = local.observe();
        let objects = state["objects"].as_array().unwrap();
        let find =
            |id: &str| objects.iter().find(|object| object["id"] == id).unwrap_or_else(|| panic!("{id}: {state:#}"));
        for line in &done {
            match line.rsplit_once("made ") {
                Some((_, id)) => assert_eq!(find(id)["kind"], "policy_engine"),
                None => assert_eq!(find(line.rsplit_once("tagged ").unwrap().1)["tags"]["number"], "1"),
            }
        }
        // At most the call in hand was done and not answered.
        let made = done.iter().filter(|line| line.contains("made ")).count();
        assert!(made >= 10 && (made..=made + 1).contains(&objects.len()), "{made} of {}", objects.len());
        assert_eq!(local.contradictions(), Vec::<String>::new());
        // The lock of a dead process is nobody's, and what it had begun to write is in nobody's way.
        let _claim = local.claim().unwrap();
        runtime.block_on(ok(&local, "CreatePolicyEngine", json!({"name": "after"})));
        assert_eq!(open(&path).observe()["objects"].as_array().unwrap().len(), objects.len() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_refused_and_changes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, aside) = (parent.path().join("state"), parent.path().join("aside"));
    let path = folder.join("state.json");
    let local = open(&path);
    let engine = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    let before = local.observe();
    local.snapshot("before").unwrap();
    let named = json!({"policyEngineId": engine["policyEngineId"]});
    tokio::time::advance(DELAY).await;

    // Also the root of a machine cannot write there.
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "a file").unwrap();
    let token = json!({"name": "other", "clientToken": "0b6c7a5e-4f0e-4a53-9d7c-2f3f7b1f0a11"});
    for (operation, input) in [("CreatePolicyEngine", token.clone()), ("DeletePolicyEngine", named.clone())] {
        let failure = refused(&local, operation, input).await;
        assert_eq!((failure.status, failure.code.as_str()), (500, "InternalServerException"), "{failure}");
        assert!(failure.message.contains("state.json"), "{failure}");
    }
    let failure = refused(&local, "CreateUserPool", json!({"PoolName": "p"})).await;
    assert_eq!(failure.code, "InternalErrorException");
    assert!(!local.plant(engine["policyEngineId"].as_str().unwrap(), "/x", json!(1)));
    assert!(local.reset().is_err() && local.restore("before").is_err());
    assert_eq!(at(&ok(&local, "GetPolicyEngine", named.clone()).await, "/status"), "ACTIVE");
    assert_eq!(at(&before, "/objects/0/id"), at(&local.observe(), "/objects/0/id"));
    assert_eq!(local.contradictions(), Vec::<String>::new());

    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    ok(&local, "CreatePolicyEngine", token).await;
    assert_eq!(open(&path).observe()["objects"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_leaves_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let local = open(&path);
    let gateway = ok(&local, "CreateGateway", gateway_input("a")).await;
    let pool = ok(&local, "CreateUserPool", json!({"PoolName": "hr"})).await;
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    // Another process that only looks: a plan.
    let reader = open(&path);
    ok(&reader, "ListTagsForResource", json!({"resourceArn": gateway["gatewayArn"]})).await;
    ok(&reader, "ListTagsForResource", json!({"ResourceArn": pool["UserPool"]["Arn"]})).await;
    ok(&reader, "GetGateway", json!({"gatewayIdentifier": gateway["gatewayId"]})).await;
    ok(&reader, "DescribeUserPool", json!({"UserPoolId": pool["UserPool"]["Id"]})).await;
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    ok(&local, "CreateGateway", gateway_input("b")).await;
}

#[test]
fn what_a_killed_process_left_beside_the_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let (left, other) = (folder.path().join(".state.json.aB3.new"), folder.path().join(".other.json.aB3.new"));
    for file in [&left, &other] {
        fs::write(file, "half").unwrap();
    }
    drop(open(&path).claim().unwrap());
    assert_eq!((left.exists(), other.exists()), (false, true));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_grow_with_the_request() {
    let unknown: serde_json::Map<String, Value> = (0..5_000).map(|number| (format!("x{number}"), json!(1))).collect();
    let failure = stand_in().call("CreateGateway", Value::Object(unknown)).await.unwrap_err();
    assert!(failure.fields.len() <= 50 && failure.message.len() < 10_000, "{}", failure.message.len());
    assert!(failure.message.starts_with("500"), "all of them are counted: {}", failure.message);
}
