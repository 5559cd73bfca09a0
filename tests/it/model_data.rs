//! The API model's data equals what the script makes of the pinned botocore.

use std::path::Path;
use std::process::Command;

#[test]
fn the_data_is_what_the_script_makes_of_the_pinned_version() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("python3").arg("model/script/extract.py").arg(folder.path()).output();
    let reached = made.as_ref().is_ok_and(|made| made.status.success());
    if !reached {
        let why = match &made {
            Ok(made) => String::from_utf8_lossy(&made.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        assert!(std::env::var_os("CI").is_none(), "in CI the registry must be reached: {why}");
        println!("skipped: the package registry cannot be reached: {}", why.lines().last().unwrap_or_default());
        return;
    }
    for name in ["bedrock-agentcore-control.json", "cognito-idp.json"] {
        let made = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let kept = std::fs::read_to_string(Path::new("model/data").join(name)).unwrap();
        assert!(made == kept, "{name} differs: run `python3 model/script/extract.py` and read the difference");
    }
}
