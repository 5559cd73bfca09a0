//! The stand-in as a process of its own, and the tool against it and against endpoints that are worse.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::command::{Answer, Terminal};

/// `gatewright local` as a process; it is ended with the test.
pub(crate) struct Served {
    process: Child,
    out: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn start(terminal: &Terminal, arguments: &[&str]) -> Self {
        let mut command = terminal.command(&[&["local", "--port", "0"], arguments].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.strip_prefix("export AWS_ENDPOINT_URL=").expect("the line to export").trim_end().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Self { process, out, url }
    }

    /// Sends a request and gives the status and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let (head, body) = self.exchange(method, path, headers, body);
        (head[9..12].parse().unwrap(), body)
    }

    /// Sends a request and gives the head of the answer.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        self.exchange(method, path, headers, body).0
    }

    fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Sends a request of the control plane.
    pub(crate) fn agentcore(&self, method: &str, path: &str, input: &Value) -> Value {
        let body = if input.is_null() { String::new() } else { input.to_string() };
        let (status, body) = self.ask(method, path, "content-type: application/json\r\n", &body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }

    pub(crate) fn cognito(&self, operation: &str, input: &Value) -> Value {
        let target = format!("x-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n");
        let (status, body) = self.ask("POST", "/", &target, &input.to_string());
        assert_eq!(status, 200, "{body}");
        // Some operations answer nothing at all.
        if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() }
    }

    /// Every live object.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let (_, state) = self.ask("GET", "/_localstack/state", "", "");
        serde_json::from_str::<Value>(&state).unwrap()["objects"].as_array().unwrap().clone()
    }

    /// Writes a tag on every root object of a stack, behind the tool's back.
    pub(crate) fn tag(&self, owner: &str, key: &str, value: &str) {
        let mut tagged = 0;
        for object in self.objects() {
            let Some(arn) = object["arn"].as_str().filter(|_| object["tags"]["gatewright:stack"] == owner) else {
                continue;
            };
            if object["kind"] == "user_pool" {
                self.cognito("TagResource", &json!({"ResourceArn": arn, "Tags": {key: value}}));
            } else {
                let path = format!("/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"));
                let (status, answer) = self.ask("POST", &path, "", &json!({"tags": {key: value}}).to_string());
                assert!(status < 300, "{answer}");
            }
            tagged += 1;
        }
        assert!(tagged > 0, "{owner} has root objects");
    }

    /// The values of a tag on the root objects of a stack.
    pub(crate) fn tags(&self, owner: &str, key: &str) -> Vec<String> {
        let objects = self.objects();
        let own = objects.iter().filter(|object| object["tags"]["gatewright:stack"] == owner);
        own.filter_map(|object| object["tags"][key].as_str().map(ToOwned::to_owned)).collect()
    }

    /// Every secret of every client.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let pools = self.cognito("ListUserPools", &json!({"MaxResults": 60}));
        let mut secrets = Vec::new();
        for pool in pools["UserPools"].as_array().unwrap() {
            let clients = self.cognito("ListUserPoolClients", &json!({"UserPoolId": pool["Id"], "MaxResults": 60}));
            for client in clients["UserPoolClients"].as_array().unwrap() {
                let input = json!({"UserPoolId": pool["Id"], "ClientId": client["ClientId"]});
                let client = self.cognito("DescribeUserPoolClient", &input);
                secrets.extend(client["UserPoolClient"]["ClientSecret"].as_str().map(ToOwned::to_owned));
            }
        }
        secrets
    }

    /// Asks it to end; gives its exit code and what it said after the first line.
    fn end(mut self) -> (Option<i32>, String, String) {
        let ended = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(ended.success());
        let code = self.process.wait().unwrap().code();
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (code, out, err)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Runs the tool as against AWS, only with another endpoint.
pub(crate) fn against(terminal: &Terminal, url: &str, arguments: &[&str]) -> Answer {
    let mut command = terminal.command(arguments);
    command.env("AWS_ENDPOINT_URL", url).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    Answer::of(&command.output().unwrap())
}

#[test]
fn a_stack_lives_on_a_stand_in_that_is_another_process() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &[]);
    let applied = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
    assert!(applied.out.lines().next().unwrap().contains(&served.url), "{}", applied.out);
    let secrets = served.secrets();
    assert!(secrets.len() > 2, "three clients have secrets");
    let planned = against(&terminal, &served.url, &["plan", "--detailed-exitcode"]);
    assert_eq!(planned.code, 0, "{}\n{}", planned.out, planned.err);
    let (status, state) = served.ask("GET", "/_localstack/state", "", "");
    assert_eq!(status, 200);
    let (_, journal) = served.ask("GET", "/_localstack/journal", "", "");
    let requests: Vec<Value> = serde_json::from_str(&journal).unwrap();
    assert!(requests.iter().any(|request| request["operation"] == "CreateGateway" && request["status"] == 202));
    // What is shown is where it is: a client that follows it gets tokens of the issuer that is shown.
    let outputs = against(&terminal, &served.url, &["outputs", "--format", "json"]);
    let outputs: Value = serde_json::from_str(&outputs.out).unwrap();
    let of = |address: &str, name: &str| outputs[address][name].as_str().unwrap().to_owned();
    let discovery = of("user_pool.records", "discovery_url");
    let (status, discovered) = served.ask("GET", discovery.strip_prefix(&served.url).unwrap(), "", "");
    let discovered: Value = serde_json::from_str(&discovered).unwrap();
    assert_eq!((status, &discovered["issuer"]), (200, &json!(of("user_pool.records", "issuer"))));
    assert_eq!(discovered["token_endpoint"], of("user_pool_domain.records", "token_endpoint"));
    let destroyed = against(&terminal, &served.url, &["destroy", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}\n{}", destroyed.out, destroyed.err);
    let (_, empty) = served.ask("GET", "/_localstack/state", "", "");
    assert_eq!(serde_json::from_str::<Value>(&empty).unwrap(), json!({"objects": []}));
    let (code, out, err) = served.end();
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    for said in [&applied.out, &applied.err, &planned.out, &planned.err, &destroyed.out, &destroyed.err, &err] {
        assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
    }
    for shown in [&state, &journal] {
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}

#[test]
fn a_fault_set_over_http_fails_an_apply_and_the_next_one_finishes() {
    let terminal = Terminal::in_example("three-roles");
    let served = Served::start(&terminal, &[]);
    let refusal = json!([{
        "operation": "CreateGateway",
        "outcome": {"refuse": {"status": 403, "code": "AccessDeniedException", "message": "not today"}},
    }]);
    assert_eq!(served.ask("POST", "/_localstack/faults", "", &refusal.to_string()).0, 204);
    let failed = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(failed.code, 1, "{}\n{}", failed.out, failed.err);
    assert!(failed.err.contains("not today"), "{}", failed.err);
    let finished = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(finished.code, 0, "{}\n{}", finished.out, finished.err);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
}

#[test]
fn the_state_outlives_the_process_and_faults_come_from_a_file() {
    let terminal = Terminal::in_example("minimal");
    std::fs::write(terminal.folder.path().join("faults.json"), r#"[{"outcome": "drop", "times": 100}]"#).unwrap();
    let served = Served::start(&terminal, &["--state", "state.json", "--faults", "faults.json"]);
    assert_eq!(against(&terminal, &served.url, &["apply", "--yes"]).code, 1);
    assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    assert_eq!(against(&terminal, &served.url, &["apply", "--yes"]).code, 0);
    drop(served);
    let served = Served::start(&terminal, &["--state", "state.json"]);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
    assert_eq!(served.ask("POST", "/moto-api/reset", "", "").0, 204);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 2);
}

#[test]
fn a_stack_is_applied_while_everything_takes_its_time_and_lags() {
    let terminal = Terminal::in_example("three-roles");
    let switches = [
        "--delay",
        "1",
        "--delay",
        "gateway=2polls",
        "--delay",
        "gateway_target=3polls",
        "--delay",
        "policy=30ms",
        "--latency",
        "0..2",
        "--lag",
        "20",
        "--role-refusals",
        "1",
        "--schema-lag",
        "5",
        "--seed",
        "3",
    ];
    let served = Served::start(&terminal, &switches);
    let settings = served.ask("GET", "/_localstack/settings", "", "").1;
    assert!(
        settings.contains(r#""delays":{"gateway":"2polls","gateway_target":"3polls","policy":"30ms"}"#),
        "{settings}"
    );
    assert!(
        settings.contains(r#""jitter":2,"lag":20,"role_refusals":1,"schema_lag":5,"findings":"usual""#),
        "{settings}"
    );
    let applied = against(&terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    assert_eq!(against(&terminal, &served.url, &["plan", "--detailed-exitcode"]).code, 0);
    let destroyed = against(&terminal, &served.url, &["destroy", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}{}", destroyed.out, destroyed.err);
}

#[test]
fn what_local_cannot_serve_it_says() {
    let terminal = Terminal::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let answer = terminal.run(&["local", "--port", &port]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    assert!(answer.err.contains(&port) && answer.err.contains("help"), "{}", answer.err);
    std::fs::write(terminal.folder.path().join("faults.json"), r#"[{"operation": "Explode", "outcome": "drop"}]"#)
        .unwrap();
    let answer = terminal.run(&["local", "--faults", "faults.json"]);
    assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{}", answer.err);
    assert!(answer.err.contains("faults.json") && answer.err.contains("`Explode`"), "{}", answer.err);
    for wrong in [
        &["local", "--account", "12"][..],
        &["local", "--port", "70000"],
        &["local", "--host", "0.0.0.0"],
        &["local", "--delay", "gatway=3polls"],
        &["local", "--delay", "3polls"],
        &["local", "--delay", "gateway=soon"],
        &["local", "--latency", "80..20"],
        &["local", "--findings", "some"],
    ] {
        assert_eq!(terminal.run(wrong).code, 64, "{wrong:?}");
    }
}

/// An endpoint that reads a request and then does this.
pub(crate) fn endpoint(answer: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.read(&mut [0; 8192]));
            answer(stream);
        }
    });
    url
}

pub(crate) fn says(answer: &'static str) -> impl Fn(TcpStream) {
    move |mut stream| drop(stream.write_all(answer.as_bytes()))
}

#[test]
fn endpoints_that_are_not_the_api_fail_a_plan_with_a_clear_message() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let terminal = Terminal::in_example("minimal");
    let endpoints = [
        ("nobody listens", format!("http://{unused}"), "--endpoint-url"),
        ("it closes at once", endpoint(drop), "--endpoint-url"),
        (
            "half an answer",
            endpoint(says("HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 900\r\n\r\n<GetCallerId")),
            "--endpoint-url",
        ),
        ("no HTTP at all", endpoint(says("SSH-2.0-OpenSSH_9.9\r\n")), "--endpoint-url"),
        (
            "a login page",
            endpoint(says(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 18\r\n\r\n<html>login</html>",
            )),
            "endpoint URL",
        ),
        (
            "a proxy's refusal",
            endpoint(says(
                "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>no</html>",
            )),
            "endpoint URL",
        ),
    ];
    // At once, since each is tried several times before it is given up.
    std::thread::scope(|scope| {
        for (what, url, words) in endpoints {
            let terminal = &terminal;
            scope.spawn(move || {
                let answer = against(terminal, &url, &["plan"]);
                assert_eq!((answer.code, answer.out.as_str()), (1, ""), "{what}: {}", answer.err);
                assert!(answer.err.contains(words), "{what}: {}", answer.err);
                assert!(!answer.err.contains("panicked"), "{what}: {}", answer.err);
            });
        }
    });
}
