//! The stand-in on a socket: real connections, and what a client can do wrong on them.

use std::net::SocketAddr;

use localstack::{Fault, FaultKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// A stand-in that is being served.
pub(crate) struct Served {
    pub(crate) local: Localstack,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let local = stand_in();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(localstack::serve(local.clone(), listener, stopped));
        Self { local, address, stop, server }
    }

    /// Everything that comes back for these bytes until the connection ends.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has said what it had to say.
        _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, Value) {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        let answer = self.raw(&[head.as_bytes(), body].concat()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        (head[9..12].parse().unwrap(), body)
    }
}

#[tokio::test]
async fn a_connection_is_kept_and_ends_when_everything_ends() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /gateways HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    }
    served.stop.send(()).unwrap();
    served.server.await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = localstack::serve(stand_in(), listener, std::future::pending::<()>()).await.unwrap_err();
    assert!(error.to_string().contains("not a loopback address"), "{error}");
}

#[tokio::test]
async fn a_dropped_call_ends_the_connection_without_an_answer() {
    let served = Served::start().await;
    let request = b"GET /gateways HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for kind in [FaultKind::Drop, FaultKind::LoseAnswer] {
        served.local.fault(Fault { operation: Some("ListGateways".to_owned()), nth: 1, times: 1, kind });
        assert_eq!(served.raw(request).await, "");
    }
}

#[tokio::test]
async fn a_clients_mistakes_are_modelled_refusals() {
    let served = Served::start().await;
    let cognito = "x-amz-target: AWSCognitoIdentityProviderService.CreateUserPool\r\n";
    let nested = format!("{}1", "[".repeat(100_000));
    let name = format!("/gateways/{}", "a".repeat(5000));
    for (method, path, headers, body, status) in [
        ("POST", "/gateways", "", &b"{\"name\": \"\xff\"}"[..], 400),
        ("POST", "/gateways", "", b"{", 400),
        ("POST", "/gateways", "", b"[]", 400),
        ("POST", "/gateways", "", nested.as_bytes(), 400),
        ("POST", "/", cognito, b"\xff\xfe", 400),
        ("POST", "/", cognito, b"{\"PoolName\": 7}", 400),
        ("POST", "/", "x-amz-target: DynamoDB_20120810.ListTables\r\n", b"{}", 400),
        ("POST", "/", "x-amz-target: ä\r\n", b"{}", 400),
        ("POST", "/", "", b"{}", 404),
        ("POST", "/nowhere", "content-type: application/x-www-form-urlencoded\r\n", b"Action=GetCallerIdentity", 404),
        ("GET", "/gateways/%2e%2e/", "", b"", 400),
        ("GET", "/gateways/../../etc/passwd", "", b"", 404),
        ("GET", "/gateways/%ff%fe", "", b"", 400),
        ("GET", "/gateways/%00", "", b"", 400),
        ("GET", &name, "", b"", 400),
        ("GET", "/gateways?maxResults=many", "", b"", 400),
        ("TRACE", "/gateways", "", b"", 404),
        ("GET", "/_localstack/../journal", "", b"", 404),
        ("GET", "/_localstack/secrets", "", b"", 404),
        ("PUT", "/_localstack/journal", "", b"", 405),
        ("POST", "/_localstack/faults", "", b"{\"outcome\": \"drop\"}", 400),
        ("POST", "/_localstack/plant", "", b"\xff", 400),
        ("GET", "/us-east-1_%00/.well-known/jwks.json", "", b"", 404),
        ("GET", "/../.well-known/openid-configuration", "", b"", 404),
        ("DELETE", "/us-east-1_x/.well-known/jwks.json", "", b"", 405),
        ("POST", "/_localstack/plant", "", br#"{"id": "none", "pointer": "/x", "value": 1}"#, 404),
    ] {
        let (answered, body) = served.ask(method, path, headers, body).await;
        assert_eq!(answered, status, "{method} {path}: {body}");
        assert!(body["message"].is_string(), "{method} {path}: {body}");
    }
    assert_eq!(served.local.observe(), json!({"objects": []}));
}

#[tokio::test]
async fn bodies_and_heads_have_a_limit() {
    let served = Served::start().await;
    let head = "POST /gateways HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let announced = served.raw(format!("{head}content-length: 10485761\r\n\r\n").as_bytes()).await;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("longer than 10 MB"), "{announced}");
    let broken = served.raw(format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n").as_bytes()).await;
    assert!(broken.starts_with("HTTP/1.1 400") && broken.contains("message"), "{broken}");
    let header = format!("GET /gateways HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(1_000_000));
    assert!(!served.raw(header.as_bytes()).await.starts_with("HTTP/1.1 5"));
    for nonsense in [&b"\x16\x03\x01\x02\x00"[..], b"GET \xff\xff HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n\0"] {
        let mut nonsense = nonsense.to_vec();
        nonsense.extend_from_slice(b"\r\n\r\n");
        assert!(served.raw(&nonsense).await.starts_with("HTTP/1.1 400"));
    }
    assert_eq!(served.ask("GET", "/gateways", "", b"").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_and_a_slow_body_do_not_hold_a_connection_for_ever() {
    let served = Served::start().await;
    let begun = tokio::time::Instant::now();
    let head = "POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n";
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut back, mut slow) = stream.into_split();
    // A byte each twenty seconds: the body would take half an hour.
    let drip = tokio::spawn(async move {
        while slow.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
    });
    let mut answer = String::new();
    _ = back.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("within 60 seconds"), "{answer}");
    drip.abort();
    for begin in ["", "POST /gateways HTTP/1.1\r\nhost: lo"] {
        assert_eq!(served.raw(begin.as_bytes()).await, "", "{begin}");
    }
    assert!(begun.elapsed() < Duration::from_secs(200), "{:?}", begun.elapsed());
    assert_eq!(served.ask("GET", "/gateways", "", b"").await.0, 200);
}

#[tokio::test]
async fn what_tests_do_behind_a_tools_back() {
    let served = Served::start().await;
    let created = served.ask("POST", "/gateways", "", gateway_input("g").to_string().as_bytes()).await.1;
    let id = created["gatewayId"].as_str().unwrap();
    let plant = json!({"id": id, "pointer": "/fromTheFuture", "value": {"a": 1}}).to_string();
    assert_eq!(served.ask("POST", "/_localstack/plant", "", plant.as_bytes()).await.0, 204);
    let path = format!("/gateways/{id}");
    assert_eq!(served.ask("GET", &path, "", b"").await.1["fromTheFuture"], json!({"a": 1}));
    let (_, state) = served.ask("GET", "/_localstack/state", "", b"").await;
    assert_eq!(state["objects"][0]["id"], id);
    let script = br#"[{"operation": "GetGateway", "times": 2, "outcome": {"refuse": {"status": 403, "code": "AccessDeniedException"}}}]"#;
    assert_eq!(served.ask("POST", "/_localstack/faults", "", script).await.0, 204);
    assert_eq!(served.ask("GET", &path, "", b"").await.0, 403);
    assert_eq!(served.ask("DELETE", "/_localstack/faults", "", b"").await.0, 204);
    assert_eq!(served.ask("GET", &path, "", b"").await.0, 200);
    let (_, journal) = served.ask("GET", "/_localstack/journal", "", b"").await;
    let seen: Vec<_> =
        journal.as_array().unwrap().iter().map(|entry| (&entry["operation"], &entry["status"])).collect();
    let get = json!("GetGateway");
    assert_eq!(
        seen,
        [(&json!("CreateGateway"), &json!(202)), (&get, &json!(200)), (&get, &json!(403)), (&get, &json!(200))]
    );
    assert_eq!(served.ask("DELETE", "/_localstack/journal", "", b"").await.0, 204);
    assert_eq!(served.ask("GET", "/_localstack/journal", "", b"").await.1, json!([]));
    assert_eq!(served.ask("POST", "/moto-api/reset", "", b"").await.0, 204);
    assert_eq!(served.ask("GET", "/_localstack/state", "", b"").await.1, json!({"objects": []}));
}

#[tokio::test]
async fn everything_is_switched_and_gone_back_to_over_http() {
    let served = Served::start().await;
    let (_, settings) = served.ask("GET", "/_localstack/settings", "", b"").await;
    assert_eq!(
        settings,
        json!({
            "delay": 40, "delays": {}, "latency": 0, "jitter": 0, "lag": 0, "role_refusals": 0, "schema_lag": 0,
            "findings": "usual", "rates": false,
        })
    );
    let changes = json!({"delays": {"policy_engine": "2polls"}, "lag": 5, "findings": "any", "rates": true});
    assert_eq!(served.ask("POST", "/_localstack/settings", "", changes.to_string().as_bytes()).await.0, 204);
    let (_, settings) = served.ask("GET", "/_localstack/settings", "", b"").await;
    assert_eq!((&settings["delays"], &settings["lag"]), (&json!({"policy_engine": "2polls"}), &json!(5)));
    let (_, engine) = served.ask("POST", "/policy-engines", "", br#"{"name": "engine"}"#).await;
    assert_eq!(served.ask("POST", "/policy-engines", "", br#"{"name": "other"}"#).await.0, 429);
    assert_eq!(served.ask("POST", "/_localstack/settings", "", br#"{"rates": false}"#).await.0, 204);
    let path = format!("/policy-engines/{}", engine["policyEngineId"].as_str().unwrap());
    assert_eq!(served.ask("POST", "/_localstack/snapshot", "", br#"{"name": "begin"}"#).await.0, 204);
    for _ in 0..2 {
        for wanted in ["CREATING", "CREATING", "ACTIVE"] {
            assert_eq!(served.ask("GET", &path, "", b"").await.1["status"], wanted);
        }
        assert_eq!(served.ask("POST", "/_localstack/restore", "", br#"{"name": "begin"}"#).await.0, 204);
    }
    for (path, body, status, words) in [
        ("settings", r#"{"delays": {"gatway": "1polls"}}"#, 400, "gatway"),
        ("settings", r#"{"delays": {"gateway": "soon"}}"#, 400, "soon"),
        ("settings", r#"{"lag": -1}"#, 400, "-1"),
        ("settings", r#"{"speed": 1}"#, 400, "speed"),
        ("settings", "", 400, "not settings"),
        ("settings", "[40]", 400, "not settings"),
        ("snapshot", r#"{"name": 1}"#, 400, "not the name"),
        ("snapshot", r#"{"path": "/etc/passwd"}"#, 400, "not the name"),
        ("restore", r#"{"name": "../begin"}"#, 404, "there are: begin"),
    ] {
        let (answered, body) = served.ask("POST", &format!("/_localstack/{path}"), "", body.as_bytes()).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(body["message"].as_str().unwrap().contains(words), "{body}");
    }
    // A reset forgets what happened, not how everything is set.
    assert_eq!(served.ask("POST", "/_localstack/reset", "", b"").await.0, 204);
    assert_eq!(served.ask("GET", "/_localstack/settings", "", b"").await.1["lag"], 5);
    assert_eq!(served.ask("DELETE", "/_localstack/snapshot", "", b"").await.0, 204);
    assert_eq!(served.ask("POST", "/_localstack/restore", "", br#"{"name": "begin"}"#).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_at_once_get_one_answer_each() {
    let served = std::sync::Arc::new(Served::start().await);
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let served = std::sync::Arc::clone(&served);
            tokio::spawn(async move {
                let input = gateway_input(&format!("g{client}")).to_string();
                let (status, created) = served.ask("POST", "/gateways", "", input.as_bytes()).await;
                assert_eq!(status, 202, "{created}");
                created["gatewayId"].as_str().unwrap().to_owned()
            })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for client in clients {
        ids.insert(client.await.unwrap());
    }
    assert_eq!(ids.len(), 16);
    assert_eq!(served.local.observe()["objects"].as_array().unwrap().len(), 16);
}

#[tokio::test(start_paused = true)]
async fn rates_and_latency_are_the_wires_and_run_on_the_paused_clock() {
    let config = Config { rates: true, latency: Duration::from_millis(80), ..Config::default() };
    let local = Localstack::new(config);
    let begun = tokio::time::Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let request = ::http::Request::builder().method("POST").uri("/policy-engines");
        let body = json!({"name": format!("e{}", statuses.len())}).to_string();
        let answer = local.handle(request.body(bytes::Bytes::from(body)).unwrap()).await.unwrap();
        statuses.push(answer.status().as_u16());
        if answer.status() == 429 {
            assert_eq!(answer.headers()["x-amzn-errortype"], "ThrottlingException");
        }
    }
    assert_eq!(statuses, [202, 429]);
    assert_eq!(begun.elapsed(), Duration::from_millis(160));
    assert_eq!(local.journal()[1].code.as_deref(), Some("ThrottlingException"));
}

#[tokio::test]
async fn what_answers_for_others_is_set_over_the_socket_but_no_command_is() {
    let served = Served::start().await;
    let canned = json!([{"resource": "arn:aws:lambda:us-east-1:111122223333:function:hr", "answer": 1}]).to_string();
    assert_eq!(served.ask("POST", "/_localstack/answers", "", canned.as_bytes()).await.0, 204);
    let command =
        json!([{"resource": "arn:aws:lambda:us-east-1:111122223333:function:hr", "command": ["touch", "/tmp/x"]}]);
    let (status, body) = served.ask("POST", "/_localstack/answers", "", command.to_string().as_bytes()).await;
    assert_eq!(status, 400);
    assert!(at(&body, "/message").contains("`--answers` only"), "{body}");
    let (status, body) = served.ask("POST", "/_localstack/answers", "", b"{}").await;
    assert_eq!((status, at(&body, "/message").contains("not a list of answers")), (400, true));
    assert_eq!(served.ask("DELETE", "/_localstack/answers", "", b"").await.0, 204);
}

#[tokio::test]
async fn no_web_page_reaches_anything_through_a_browser() {
    let served = Served::start().await;
    let status = async |line: &str, headers: &str| {
        let answer = served.raw(format!("{line} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n").as_bytes()).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let status: u16 = answer[9..12].parse().unwrap();
        assert!(status != 403 || serde_json::from_str::<Value>(body).unwrap()["message"].is_string(), "{answer}");
        status
    };
    let port = served.address.port();
    for line in [
        "GET /gateways",
        "GET /_localstack/state",
        "POST /moto-api/reset",
        "POST /oauth2/token",
        "POST /gateways/g/mcp",
    ] {
        for refused in [
            "host: localhost\r\norigin: https://evil.example\r\n",
            "host: localhost\r\norigin: null\r\n",
            "host: localhost\r\norigin: https://evil.amazonaws.com\r\n",
            "host: localhost\r\norigin: http://localhost.evil.example\r\n",
            "host: localhost\r\nsec-fetch-site: cross-site\r\n",
            "host: localhost\r\nsec-fetch-site: same-site\r\n",
            "host: evil.example\r\n",
            "host: localhost@evil.example\r\n",
            "host: localhost:http\r\n",
            "host: localhost\r\nhost: localhost\r\n",
            "host: g.gateway.bedrock-agentcore.us-east-1.amazonaws.com.evil.example\r\n",
            "host: cognito-idp.eu-west-1.amazonaws.com\r\n",
            "",
        ] {
            assert_eq!(status(line, refused).await, 403, "{line} {refused}");
        }
        for good in [
            format!("host: 127.0.0.1:{port}\r\n"),
            format!("host: [::1]:{port}\r\norigin: http://localhost:{port}\r\nsec-fetch-site: same-origin\r\n"),
            "host: LOCALHOST\r\nsec-fetch-site: none\r\n".to_owned(),
        ] {
            assert_ne!(status(line, &good).await, 403, "{line} {good}");
        }
    }
    assert_eq!(status("GET http://evil.example/gateways", "host: localhost\r\n").await, 403);
    // AWS's own names are for its services only.
    for host in [
        "bedrock-agentcore-control.us-east-1.amazonaws.com",
        "sts.amazonaws.com",
        "hr.auth.us-east-1.amazoncognito.com",
    ] {
        let host = format!("host: {host}\r\n");
        assert_eq!(status("GET /gateways", &host).await, 200, "{host}");
        assert_eq!(status("GET /_localstack/state", &host).await, 403, "{host}");
        assert_eq!(status("POST /moto-api/reset", &host).await, 403, "{host}");
    }
    // A client sends its user to the page to sign in on; a frame or a script does not go there.
    let sent = "host: localhost\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: ";
    assert_ne!(status("GET /oauth2/authorize", &format!("{sent}document\r\n")).await, 403);
    assert_eq!(status("GET /oauth2/authorize", &format!("{sent}iframe\r\n")).await, 403);
    assert_eq!(status("POST /oauth2/authorize", &format!("{sent}document\r\n")).await, 403);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let served = Served::start().await;
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(TcpStream::connect(served.address).await.unwrap());
    }
    let mut next = std::pin::pin!(served.ask("GET", "/gateways", "", b""));
    assert!(tokio::time::timeout(Duration::from_millis(200), next.as_mut()).await.is_err());
    drop(open.pop());
    assert_eq!(next.await.0, 200);
}
