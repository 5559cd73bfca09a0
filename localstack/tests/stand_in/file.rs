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
