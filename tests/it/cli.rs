//! The command line: arguments, exit codes, and what goes to which stream.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// Runs the binary in a folder with an environment of its own.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gatewright").unwrap();
    command
        .env_clear()
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(folder)
        .args(arguments);
    command
}

fn in_empty_folder(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    parts(&run(folder.path(), arguments))
}

fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn version_and_help_are_answers_on_standard_output() {
    let (code, out, err) = in_empty_folder(&["--version"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, concat!("gatewright ", env!("CARGO_PKG_VERSION"), "\n"), ""));
    let (code, out, err) = in_empty_folder(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for command in ["check", "plan", "apply", "destroy", "outputs", "explain", "completions"] {
        assert!(out.contains(&format!("\n  {command} ")), "{command}: {out}");
    }
}

#[test]
fn wrong_usage_ends_with_64_and_says_so_on_standard_error() {
    for arguments in [
        &["unheard-of"][..],
        &[],
        &["plan", "--format", "xml"],
        &["plan", "--var", "novalue"],
        &["plan", "--local", "file", "more"],
        &["apply", "gatewright.toml"],
        &["destroy"],
    ] {
        let (code, out, err) = in_empty_folder(arguments);
        assert_eq!((code, out.as_str()), (64, ""), "{arguments:?}");
        assert!(!err.is_empty());
    }
}

#[test]
fn a_missing_manifest_is_refused_and_named() {
    for arguments in [&["check"][..], &["plan", "--local"], &["apply", "--yes", "--local"], &["outputs", "--local"]] {
        let (code, out, err) = in_empty_folder(arguments);
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}: {err}");
        assert!(err.contains("gatewright.toml"), "{err}");
    }
}

#[test]
fn completions_complete_commands_and_options() {
    let (code, out, _) = in_empty_folder(&["completions", "bash"]);
    assert_eq!(code, 0);
    assert!(out.contains("complete -F _gatewright") && out.contains("--detailed-exitcode"), "{out}");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_, _, plain) = parts(&run(folder.path(), &["check"]));
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let (_, _, always) = parts(&run(folder.path(), &["check", "--color", "always"]));
    assert!(always.contains('\u{1b}'), "{always:?}");
    let never = command(folder.path(), &["check"]).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(!parts(&never).2.contains('\u{1b}'));
}
