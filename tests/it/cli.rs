//! The command line: arguments, exit codes, and what goes to which stream.

use std::io::Write;
use std::net::TcpListener;

use crate::command::{Answer, Terminal};

fn run(arguments: &[&str]) -> Answer {
    Terminal::new().run(arguments)
}

#[test]
fn version_and_help_are_answers_on_standard_output() {
    let answer = run(&["--version"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    assert_eq!(answer.out, concat!("gatewright ", env!("CARGO_PKG_VERSION"), "\n"));
    let answer = run(&["--help"]);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    for command in
        ["check", "plan", "apply", "destroy", "verify", "outputs", "stacks", "reap", "explain", "local", "completions"]
    {
        assert!(answer.out.contains(&format!("\n  {command} ")), "{command}: {}", answer.out);
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
        // Nobody can be asked here.
        &["apply", "gatewright.toml"],
        &["destroy"],
    ] {
        let answer = run(arguments);
        assert_eq!((answer.code, answer.out.as_str()), (64, ""), "{arguments:?}");
        assert!(!answer.err.is_empty());
    }
}

#[test]
fn a_missing_manifest_is_refused_and_named() {
    for arguments in [&["check"][..], &["plan", "--local"], &["apply", "--yes", "--local"], &["outputs", "--local"]] {
        let answer = run(arguments);
        assert_eq!((answer.code, answer.out.as_str()), (3, ""), "{arguments:?}: {}", answer.err);
        assert!(answer.err.contains("gatewright.toml"), "{}", answer.err);
    }
}

#[test]
fn a_manifest_with_environments_wants_one_chosen_before_an_account_is_touched() {
    let terminal = Terminal::in_example("hr-data-agent");
    let answer = terminal.run(&["plan"]);
    assert_eq!(answer.code, 64, "{}", answer.err);
    assert!(answer.err.contains("--env dev"), "{}", answer.err);
    assert_eq!(terminal.run(&["check"]).code, 0);
}

#[test]
fn explain_knows_checks_and_risks_and_the_nearest_code() {
    let answer = run(&["explain", "data-loss"]);
    assert!(answer.code == 0 && answer.out.contains("users"), "{}", answer.out);
    let list = run(&["explain"]).out;
    for code in list.lines() {
        assert_eq!(run(&["explain", code]).code, 0, "{code}");
    }
    let answer = run(&["explain", "check::unknown-scop"]);
    assert_eq!((answer.code, answer.out.as_str()), (64, ""));
    assert!(answer.err.contains("`check::unknown-scope`"), "{}", answer.err);
}

#[test]
fn completions_complete_commands_and_options() {
    let answer = run(&["completions", "bash"]);
    assert_eq!(answer.code, 0);
    assert!(answer.out.contains("complete -F _gatewright") && answer.out.contains("--detailed-exitcode"));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask_for_it() {
    let terminal = Terminal::new();
    assert!(!terminal.run(&["check"]).err.contains('\u{1b}'));
    assert!(terminal.run(&["check", "--color", "always"]).err.contains('\u{1b}'));
    let mut command = terminal.command(&["check"]);
    let never = Answer::of(&command.env("NO_COLOR", "1").output().unwrap());
    assert!(!never.err.contains('\u{1b}'));
}

#[test]
fn findings_for_people_go_to_standard_error_and_those_for_programs_to_standard_output() {
    let terminal = Terminal::in_example("minimal");
    terminal.edit("gatewright.toml", "authorizer_type = \"AWS_IAM\"", "authorizer_type = \"AWS\"");
    let answer = terminal.run(&["check"]);
    assert_eq!((answer.code, answer.out.as_str()), (3, ""));
    assert!(answer.err.contains("gatewright.toml:"), "{}", answer.err);
    for format in ["json", "sarif"] {
        let answer = terminal.run(&["check", "--format", format]);
        assert_eq!((answer.code, answer.err.as_str()), (3, ""));
        serde_json::from_str::<serde_json::Value>(&answer.out).unwrap();
    }
    assert!(terminal.run(&["check", "--format", "github"]).out.starts_with("::error file="));
}

#[test]
fn without_credentials_or_region_it_says_what_to_do() {
    let terminal = Terminal::in_example("minimal");
    let answer = terminal.run(&["plan"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    assert!(answer.err.contains("--profile"), "{}", answer.err);
    terminal.edit("gatewright.toml", "region = \"us-east-1\"\n", "");
    let answer = terminal.run(&["plan"]);
    assert_eq!(answer.code, 1);
    assert!(answer.err.contains("no region"), "{}", answer.err);
}

#[test]
fn an_endpoint_that_is_not_the_api_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let page = "<html>proxy</html>";
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            drop(std::io::Read::read(&mut stream, &mut request));
            drop(write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            ));
        }
    });
    let terminal = Terminal::in_example("minimal");
    let mut command = terminal.command(&["plan", "--endpoint-url", &url]);
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let answer = Answer::of(&command.output().unwrap());
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    assert!(answer.err.contains("check the endpoint URL"), "{}", answer.err);
}
