//! Trouble: interruptions, endpoints that are worse than dead, credentials that end, files and tags that say nonsense.

use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::json;

use crate::command::{Answer, Terminal};
use crate::served::{Served, against, endpoint, says};

/// Starts the tool against an endpoint, to be sent signals.
fn start(terminal: &Terminal, url: &str, arguments: &[&str]) -> Child {
    let mut command = terminal.command(arguments);
    command.env("AWS_ENDPOINT_URL", url).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent =
        std::process::Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn ended(child: Child) -> Answer {
    Answer::of(&child.wait_with_output().unwrap())
}

/// An endpoint that takes requests and never answers; the receiver tells of each.
fn silent() -> (String, std::sync::mpsc::Receiver<()>) {
    let (tell, told) = std::sync::mpsc::channel();
    let kept = std::sync::Mutex::new(Vec::<TcpStream>::new());
    let url = endpoint(move |stream| {
        kept.lock().unwrap().push(stream);
        // A test that has seen enough no longer listens.
        _ = tell.send(());
    });
    (url, told)
}

#[test]
fn a_signal_ends_what_only_reads_at_once_with_130() {
    let terminal = Terminal::in_example("minimal");
    for (arguments, name) in [
        (&["plan"][..], "TERM"),
        (&["plan"], "INT"),
        (&["apply", "--yes"], "TERM"),
        (&["destroy", "--yes"], "INT"),
        (&["outputs"], "TERM"),
        (&["stacks"], "INT"),
        (&["reap", "--yes"], "TERM"),
    ] {
        let (url, told) = silent();
        let child = start(&terminal, &url, arguments);
        told.recv().unwrap();
        signal(&child, name);
        let answer = ended(child);
        assert_eq!((answer.code, answer.out.as_str()), (130, ""), "{arguments:?}: {}", answer.err);
        assert!(answer.err.contains("interrupted"), "{arguments:?}: {}", answer.err);
    }
}

#[test]
fn an_interrupted_apply_ends_within_seconds_and_the_next_one_finishes() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &["--delay", "600"]);
    let child = start(&terminal, &served.url, &["apply", "--yes"]);
    while served.objects().is_empty() {}
    signal(&child, "TERM");
    let answer = ended(child);
    assert_eq!(answer.code, 130, "{}\n{}", answer.out, answer.err);
    assert!(answer.err.contains("finishing what is in hand") && answer.err.contains("Interrupted"), "{}", answer.err);
    assert!(!json!(served.objects()).to_string().contains("gatewright:lease"), "the lease is given back");
    let finished = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(finished.code, 0, "{}\n{}", finished.out, finished.err);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn a_second_signal_stops_at_once() {
    let terminal = Terminal::in_example("minimal");
    let served = Served::start(&terminal, &["--delay", "20000"]);
    let mut child = start(&terminal, &served.url, &["apply", "--yes"]);
    while served.objects().is_empty() {}
    signal(&child, "INT");
    let mut said = String::new();
    let mut err = std::io::BufReader::new(child.stderr.take().unwrap());
    while !said.contains("once more stops at once") {
        std::io::BufRead::read_line(&mut err, &mut said).unwrap();
    }
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn an_endpoint_that_never_answers_is_given_up() {
    let terminal = Terminal::in_example("minimal");
    let (url, _told) = silent();
    let answer = against(&terminal, &url, &["plan", "--timeout", "1"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    assert!(answer.err.contains("no answer in time") && answer.err.contains("--endpoint-url"), "{}", answer.err);
    assert_eq!(against(&terminal, &url, &["plan", "--timeout", "0"]).code, 64);
}

#[test]
fn help_does_not_contradict_what_the_endpoint_did() {
    let terminal = Terminal::in_example("minimal");
    let page = endpoint(says(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 18\r\n\r\n<html>login</html>",
    ));
    let answer = against(&terminal, &page, &["plan"]);
    assert!(answer.err.contains("is not the AWS API") && !answer.err.contains("answer came"), "{}", answer.err);
    let elsewhere = endpoint(says(concat!(
        "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/xml\r\ncontent-length: 222\r\n\r\n",
        "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>",
        "Credential should be scoped to a valid region, not 'us-east-1'.</Message></Error>",
        "<RequestId>00000000-0000-0000-0000-00000</RequestId></ErrorResponse>",
    )));
    let answer = against(&terminal, &elsewhere, &["plan"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    assert!(answer.err.contains("another region") && answer.err.contains("--region"), "{}", answer.err);
}

#[test]
fn credentials_that_end_half_way_stop_the_run_once_and_the_next_one_finishes() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &[]);
    let refusal = json!({"refuse": {"status": 403, "code": "ExpiredTokenException", "message": "The security token included in the request is expired"}});
    let faults = json!([{"nth": 7, "times": 100_000, "outcome": refusal}]);
    assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
    let answer = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(answer.code, 1, "{}\n{}", answer.out, answer.err);
    assert_eq!(answer.err.matches("log in again").count(), 1, "{}", answer.err);
    assert_eq!(answer.err.matches("\nfailed ").count(), 1, "{}", answer.err);
    assert!(answer.err.contains("The same command again finishes"), "{}", answer.err);
    let (_, journal) = served.ask("GET", "/_localstack/journal", "", "");
    let refused = journal.matches("ExpiredTokenException").count();
    assert!(refused < 12, "nothing new is started: {refused}");
    assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    let finished = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(finished.code, 0, "{}\n{}", finished.out, finished.err);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn credentials_that_end_while_everything_is_read_are_said_once() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &[]);
    assert_eq!(against(&terminal, &served.url, &["apply", "--yes"]).code, 0);
    let refusal = json!({"refuse": {"status": 403, "code": "ExpiredTokenException", "message": "it is expired"}});
    let faults = json!([{"operation": "ListTagsForResource", "times": 100_000, "outcome": refusal}]);
    assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
    for arguments in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"], &["outputs"]] {
        let answer = against(&terminal, &served.url, arguments);
        assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{arguments:?}: {}", answer.err);
        assert!(
            answer.err.contains("log in again") && answer.err.matches("it is expired").count() == 1,
            "{}",
            answer.err
        );
    }
    let answer = against(&terminal, &served.url, &["stacks"]);
    assert!(answer.code == 1 && answer.err.contains("log in again"), "{}", answer.err);
}

#[test]
fn a_profile_that_nobody_defines_is_named_with_the_files() {
    let terminal = Terminal::in_example("minimal");
    let answer = terminal.run(&["plan", "--profile", "nosuch"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    for word in ["`nosuch`", ".aws/config", ".aws/credentials"] {
        assert!(answer.err.contains(word), "{word}: {}", answer.err);
    }
    let mut command = terminal.command(&["plan"]);
    command.env("AWS_PROFILE", "nosuch").env("AWS_CONFIG_FILE", "/nowhere/config");
    let answer = Answer::of(&command.output().unwrap());
    assert_eq!(answer.code, 1);
    assert!(answer.err.contains("`nosuch`") && answer.err.contains("/nowhere/config"), "{}", answer.err);
}

#[test]
fn a_profile_asked_for_comes_before_keys_in_the_environment_and_its_end_is_named() {
    let terminal = Terminal::in_example("minimal");
    let served = Served::start(&terminal, &[]);
    let end = gatewright::moment::Moment::now().plus(std::time::Duration::from_mins(5));
    let (folder, config) = (terminal.folder.path().join(".aws"), "credential_process = /bin/sh -c \"cat creds.json\"");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config"), format!("[profile short]\nregion = us-east-1\n{config}\n")).unwrap();
    let credentials = json!({"Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "canary", "SessionToken": "canary", "Expiration": end.to_string()});
    std::fs::write(terminal.folder.path().join("creds.json"), credentials.to_string()).unwrap();
    let answer = against(&terminal, &served.url, &["plan", "--profile", "short"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("these credentials end in") && answer.err.contains(&end.to_string()), "{}", answer.err);
    assert!(!answer.err.contains("canary"));
    let answer = against(&terminal, &served.url, &["plan"]);
    assert!(!answer.err.contains("credentials end"), "{}", answer.err);
}

#[test]
fn a_plan_of_another_stack_account_or_region_is_refused_and_named() {
    let terminal = Terminal::in_example("minimal");
    let plan = |arguments: &[&str]| {
        let served = Served::start(&terminal, arguments);
        assert_eq!(against(&terminal, &served.url, &["plan", "--out", "plan.json"]).code, 0);
    };
    let served = Served::start(&terminal, &[]);
    let refused = |words: &str| {
        let answer = against(&terminal, &served.url, &["apply", "--yes", "--plan", "plan.json"]);
        assert_eq!((answer.code, answer.out.as_str()), (4, ""), "{words}: {}", answer.err);
        assert!(answer.err.contains(words) && answer.err.contains("help"), "{words}: {}", answer.err);
        assert!(served.objects().is_empty(), "nothing was changed");
    };
    plan(&["--account", "999999999999"]);
    refused("the account was 999999999999");
    terminal.edit("gatewright.toml", "us-east-1", "eu-west-1");
    plan(&["--region", "eu-west-1"]);
    terminal.edit("gatewright.toml", "eu-west-1", "us-east-1");
    refused("the region was eu-west-1");
    terminal.edit("gatewright.toml", "name = \"minimal\"", "name = \"other\"");
    plan(&[]);
    terminal.edit("gatewright.toml", "name = \"other\"", "name = \"minimal\"");
    refused("the stack was other");
}

#[test]
fn a_local_state_that_cannot_be_is_refused_before_work_starts() {
    let terminal = Terminal::in_example("minimal");
    std::fs::write(terminal.folder.path().join("file"), "").unwrap();
    for device in ["/dev/full", "/dev/zero", "/dev/null", "."] {
        for command in [&["plan"][..], &["apply", "--yes"]] {
            let answer = terminal.run(&[command, &[&format!("--local={device}")]].concat());
            assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{device}: {}", answer.err);
            assert!(answer.err.contains("no regular file"), "{device}: {}", answer.err);
        }
    }
    let answer = terminal.run(&["apply", "--yes", "--local=file/state.json"]);
    assert_eq!(answer.code, 1, "{}\n{}", answer.out, answer.err);
    assert!(
        answer.err.contains("file/state.json") && !answer.err.contains("gateway.tools: creating"),
        "{}",
        answer.err
    );
}

#[test]
fn tags_that_were_edited_into_nonsense_break_nothing_and_are_set_right() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &[]);
    assert_eq!(against(&terminal, &served.url, &["apply", "--yes"]).code, 0);
    let nonsense = [
        ("gatewright:applied", "="),
        ("gatewright:expires", "never ever"),
        ("gatewright:members/three-roles/default/policy/9", "x"),
        ("gatewright:members/three-roles", "x"),
        ("gatewright:members///", "x"),
        ("gatewright:unheard-of", "x"),
    ];
    for (key, value) in nonsense {
        served.tag("three-roles/default", key, value);
    }
    let stacks = against(&terminal, &served.url, &["stacks"]);
    assert!(stacks.code == 0 && stacks.out.contains("`never ever`, which is no moment"), "{}", stacks.out);
    assert_eq!(against(&terminal, &served.url, &["plan"]).code, 0);
    let applied = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
    // Nobody knows any more what the address of anything is: no object is taken for another one, and none is lost.
    let before = served.objects().len();
    served.tag("three-roles/default", "gatewright:address", "nowhere");
    let planned = against(&terminal, &served.url, &["plan"]);
    assert!([0, 1].contains(&planned.code) && !planned.err.contains("panicked"), "{}", planned.err);
    assert_eq!(served.objects().len(), before);
    served.tag("three-roles/default", "gatewright:stack", "=");
    assert_eq!(against(&terminal, &served.url, &["reap", "--yes"]).code, 0);
    assert_eq!(served.objects().len(), before);
}
