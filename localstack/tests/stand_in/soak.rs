//! Many clients, many requests, everything switched on: nothing panics, nothing grows without end, and the state stays whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use localstack::{Delay, Delays};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::random::Random;
use super::*;

const CONNECTIONS: usize = 16;

/// One client with its connection.
struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    random: Random,
    number: usize,
    requests: usize,
    /// How many answers there were by the hundreds of their statuses; of none, those that were lost.
    answers: [usize; 6],
    gateways: Vec<String>,
    engines: Vec<String>,
    pools: Vec<String>,
}

impl Client {
    fn new(address: SocketAddr, number: usize) -> Self {
        let random = Random(number as u64);
        let none = Vec::new;
        let (gateways, engines, pools) = (none(), none(), none());
        Self { address, stream: None, random, number, requests: 0, answers: [0; 6], gateways, engines, pools }
    }

    /// One request; nothing, if the connection ended without an answer.
    async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Value {
        self.requests += 1;
        let answer = self.try_ask(method, path, headers, body).await;
        let (status, body) = answer.unwrap_or_else(|| {
            self.stream = None;
            (0, Vec::new())
        });
        self.answers[usize::from(status) / 100] += 1;
        serde_json::from_slice(&body).unwrap_or_default()
    }

    async fn try_ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        if self.stream.is_none() {
            self.stream = Some(BufReader::new(TcpStream::connect(self.address).await.unwrap()));
        }
        let stream = self.stream.as_mut()?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        Some((status, body))
    }

    async fn cognito(&mut self, operation: &str, input: Value) -> Value {
        let headers = format!("x-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n");
        self.ask("POST", "/", &headers, &input.to_string()).await
    }

    /// One of the few names that this client uses, so that what it makes does not become more and more.
    fn name(&mut self, of: &str) -> String {
        format!("{of}{}x{}", self.number, self.random.below(4))
    }

    fn one_of(&mut self, ids: &[String]) -> String {
        if ids.is_empty() { "none-0123456789".to_owned() } else { ids[self.random.below(ids.len())].clone() }
    }

    /// Something that a client of the stand-in may do.
    async fn act(&mut self) {
        let gateway = self.one_of(&self.gateways.clone());
        let engine = self.one_of(&self.engines.clone());
        let pool = self.one_of(&self.pools.clone());
        let name = self.name("one");
        match self.random.below(30) {
            0..3 => {
                let token = format!("token-of-client-{}-0123456789-{}", self.number, self.random.below(1_000_000));
                let input = with(gateway_input(&self.name("g")), json!({"clientToken": token})).to_string();
                let made = self.ask("POST", "/gateways/", "", &input).await;
                self.gateways.extend(made["gatewayId"].as_str().map(ToOwned::to_owned));
            }
            3..6 => drop(self.ask("GET", &format!("/gateways/{gateway}/"), "", "").await),
            6 => drop(self.ask("DELETE", &format!("/gateways/{gateway}/"), "", "").await),
            7 => {
                let listed = self.ask("GET", "/gateways/?maxResults=1000", "", "").await;
                let own = format!("g{}x", self.number);
                let ids = listed["items"].as_array().into_iter().flatten();
                let ids = ids.filter_map(|item| item["gatewayId"].as_str().map(ToOwned::to_owned));
                self.gateways = ids.filter(|id| id.starts_with(&own)).collect();
            }
            8 => {
                let input = with(gateway_input("g"), json!({"description": self.name("d")})).to_string();
                self.ask("PUT", &format!("/gateways/{gateway}/"), "", &input).await;
            }
            9..12 => {
                let mut input = target_input(&gateway, &self.name("t"));
                input.as_object_mut().unwrap().remove("gatewayIdentifier");
                self.ask("POST", &format!("/gateways/{gateway}/targets/"), "", &input.to_string()).await;
            }
            12..14 => {
                let listed = self.ask("GET", &format!("/gateways/{gateway}/targets/"), "", "").await;
                for id in listed["items"].as_array().into_iter().flatten().filter_map(|item| item["targetId"].as_str())
                {
                    self.ask("DELETE", &format!("/gateways/{gateway}/targets/{id}"), "", "").await;
                }
            }
            14 => {
                let input = json!({"name": self.name("engine").replace('x', "_")}).to_string();
                let made = self.ask("POST", "/policy-engines", "", &input).await;
                self.engines.extend(made["policyEngineId"].as_str().map(ToOwned::to_owned));
            }
            15..17 => {
                let statement = "permit(principal, action, resource is AgentCore::Gateway) when { principal has x };";
                let name = self.name("policy");
                let input = json!({"name": name, "definition": {"cedar": {"statement": statement}}}).to_string();
                self.ask("POST", &format!("/policy-engines/{engine}/policies"), "", &input).await;
            }
            17 => {
                let listed = self.ask("GET", &format!("/policy-engines/{engine}/policies"), "", "").await;
                for id in
                    listed["policies"].as_array().into_iter().flatten().filter_map(|item| item["policyId"].as_str())
                {
                    self.ask("DELETE", &format!("/policy-engines/{engine}/policies/{id}"), "", "").await;
                }
            }
            18 => {
                self.ask("DELETE", &format!("/policy-engines/{engine}"), "", "").await;
                if self.engines.len() > 8 {
                    self.engines.remove(0);
                }
            }
            19 if self.pools.is_empty() => {
                let made = self.cognito("CreateUserPool", json!({"PoolName": name})).await;
                self.pools.extend(made["UserPool"]["Id"].as_str().map(ToOwned::to_owned));
            }
            19 | 20 => drop(self.cognito("CreateGroup", json!({"UserPoolId": pool, "GroupName": name})).await),
            21 => drop(self.cognito("DeleteGroup", json!({"UserPoolId": pool, "GroupName": name})).await),
            22 => drop(self.cognito("ListGroups", json!({"UserPoolId": pool, "Limit": 1})).await),
            23 => {
                let scopes = json!([{"ScopeName": "read", "ScopeDescription": "Reads"}]);
                let server = json!({"UserPoolId": pool, "Identifier": name, "Name": name, "Scopes": scopes});
                self.cognito("CreateResourceServer", server).await;
                let other = self.name("one");
                self.cognito("DeleteResourceServer", json!({"UserPoolId": pool, "Identifier": other})).await;
            }
            24 => {
                let input = json!({"name": self.name("identity")}).to_string();
                let operation =
                    self.random.pick(&["CreateWorkloadIdentity", "GetWorkloadIdentity", "DeleteWorkloadIdentity"]);
                self.ask("POST", &format!("/identities/{operation}"), "", &input).await;
            }
            25 => {
                let input = json!({"name": self.name("key"), "apiKey": "secret"}).to_string();
                let verb = self.random.pick(&["Create", "Update"]);
                self.ask("POST", &format!("/identities/{verb}ApiKeyCredentialProvider"), "", &input).await;
            }
            26 => drop(self.ask("POST", "/gateways/", "", "{\"name\": [\u{fffd}").await),
            27 => drop(self.ask("GET", "/gateways/%2e%2e/../..//x", "", "").await),
            28 => {
                let (operation, outcome) = match self.random.below(5) {
                    0 => ("GetGateway", json!("drop")),
                    1 => ("CreateGateway", json!("lose-answer")),
                    2 => ("ListGateways", json!("not-json")),
                    3 => ("CreatePolicyEngine", json!({"unsuccessful": {"reason": "no luck"}})),
                    _ => ("DeleteGateway", json!({"refuse": {"status": 429, "code": "ThrottlingException"}})),
                };
                let nth = 1 + self.random.below(3);
                let faults = json!([{"operation": operation, "nth": nth, "outcome": outcome}]).to_string();
                self.ask("POST", "/_localstack/faults", "", &faults).await;
            }
            _ => {
                let name = json!({"name": format!("s{}", self.random.below(20))}).to_string();
                // Going back takes away what others are working on, so it is rare.
                let action = if self.random.below(50) == 0 { "restore" } else { "snapshot" };
                self.ask("POST", &format!("/_localstack/{action}"), "", &name).await;
            }
        }
    }
}

/// The memory of this process in megabytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap_or_default() / 1000
}

async fn soak(requests: usize) {
    let mut delays = Delays::default();
    delays.set("policy_engine", Delay::Polls(1)).unwrap();
    delays.set("policy", Delay::After(Duration::from_millis(3))).unwrap();
    let local = Localstack::new(Config {
        seed: 7,
        delay: Duration::from_millis(1),
        delays,
        lag: Duration::from_millis(5),
        jitter: Duration::from_micros(500),
        role_refusals: 1,
        schema_lag: Duration::from_millis(2),
        page_size: Some(50),
        ..Config::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(localstack::serve(local.clone(), listener, stopped));
    let (begun, begun_with) = (Instant::now(), resident());
    let half = Arc::new(tokio::sync::Barrier::new(CONNECTIONS + 1));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let half = Arc::clone(&half);
            tokio::spawn(async move {
                let mut client = Client::new(address, number);
                for share in [requests / 2, requests] {
                    while client.requests < share / CONNECTIONS {
                        client.act().await;
                    }
                    half.wait().await;
                }
                client.answers
            })
        })
        .collect();
    half.wait().await;
    let (halfway, objects_halfway) = (resident(), local.observe()["objects"].as_array().unwrap().len());
    half.wait().await;
    let took = begun.elapsed();
    let mut answers = [0; 6];
    for client in clients {
        let of_one = client.await.unwrap();
        answers.iter_mut().zip(of_one).for_each(|(all, one)| *all += one);
    }
    let objects = local.observe()["objects"].as_array().unwrap().len();
    let total: usize = answers.iter().sum();
    println!(
        "{total} requests in {took:?}, {} a second; answers by hundreds {answers:?}; memory {begun_with}, {halfway}, {} MB; \
         objects {objects_halfway}, {objects}; journal {}",
        total * 1000 / usize::try_from(took.as_millis()).unwrap().max(1),
        resident(),
        local.journal().len(),
    );
    assert!(total >= requests / CONNECTIONS * CONNECTIONS);
    assert_eq!(answers[5], 0, "nothing that a client does is an error of the server");
    assert!(answers[0] > 0 && answers[2] > total / 4 && answers[4] > 0, "{answers:?}");
    assert_eq!(local.contradictions(), Vec::<String>::new());
    assert!(objects < CONNECTIONS * 60, "{objects}");
    assert!(local.journal().len() <= 100_000);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let waiting = |object: &&Value| object["status"].as_str().is_some_and(|status| status.ends_with("ING"));
    let state = local.observe();
    let stuck: Vec<_> = state["objects"].as_array().unwrap().iter().filter(waiting).collect();
    assert!(stuck.iter().all(|object| object["kind"] == "policy_engine"), "{stuck:?}");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_soak_leaves_a_whole_state() {
    soak(2000).await;
}

/// By hand: `cargo test -p localstack --test stand_in soak -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn a_hundred_thousand_requests_leave_a_whole_state() {
    soak(100_000).await;
}
