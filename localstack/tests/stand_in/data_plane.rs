//! Calling the tools of a gateway: three roles, what each sees and may, and what the policies see of a call.

use ::http::{Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

/// The function behind the tools.
pub(super) const LAMBDA: &str = "arn:aws:lambda:us-east-1:111122223333:function:hr";

/// A pool with three clients, and a gateway with six tools of which each client may call two more.
pub(super) struct Scene {
    pub(super) local: Localstack,
    pub(super) pool: String,
    pub(super) gateway: String,
    pub(super) arn: String,
    pub(super) engine: String,
    pub(super) engine_arn: String,
    /// The clients with their secrets: read, standard, full.
    pub(super) clients: Vec<(String, String)>,
}

/// An answer: status, the challenge if there is one, and the body.
pub(super) type Answered = (u16, String, Value);

pub(super) fn answered(response: &Response<Bytes>) -> Answered {
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    let body = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), challenge.unwrap_or_default(), body)
}

fn tool(name: &str) -> Value {
    json!({"name": name, "description": name, "inputSchema": {"type": "object", "required": ["id"], "properties": {
        "id": {"type": "integer"}, "amount": {"type": "number"}, "why": {"type": "string"},
    }}})
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::on(stand_in()).await
    }

    /// The same on another stand-in.
    pub(super) async fn on(local: Localstack) -> Self {
        let pool = at(&ok(&local, "CreateUserPool", json!({"PoolName": "hr"})).await, "/UserPool/Id");
        let scopes: Vec<Value> = ["read", "write", "admin"]
            .iter()
            .map(|name| json!({"ScopeName": name, "ScopeDescription": name}))
            .collect();
        let server = json!({"UserPoolId": pool, "Identifier": "api", "Name": "api", "Scopes": scopes});
        ok(&local, "CreateResourceServer", server).await;
        ok(&local, "CreateUserPoolDomain", json!({"UserPoolId": pool, "Domain": "hr-three-roles"})).await;
        let mut clients = Vec::new();
        for count in 1..=3 {
            let scopes = &["api/read", "api/write", "api/admin"][..count];
            let client = json!({
                "UserPoolId": pool, "ClientName": "c", "GenerateSecret": true, "AllowedOAuthFlows": ["client_credentials"],
                "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthScopes": scopes,
            });
            let client = ok(&local, "CreateUserPoolClient", client).await;
            clients.push((at(&client, "/UserPoolClient/ClientId"), at(&client, "/UserPoolClient/ClientSecret")));
        }
        let engine = ok(&local, "CreatePolicyEngine", json!({"name": "guard"})).await;
        let (engine, engine_arn) = (at(&engine, "/policyEngineId"), at(&engine, "/policyEngineArn"));
        settle().await;
        let mut scene = Self { local, pool, gateway: String::new(), arn: String::new(), engine, engine_arn, clients };
        let created = ok(&scene.local, "CreateGateway", scene.gateway_input("ENFORCE")).await;
        (scene.gateway, scene.arn) = (at(&created, "/gatewayId"), at(&created, "/gatewayArn"));
        settle().await;
        let tools: Vec<Value> = ["get", "list", "create", "update", "delete", "refund"].map(tool).to_vec();
        let mut target = target_input(&scene.gateway, "orders");
        target["targetConfiguration"]["mcp"]["lambda"]["toolSchema"]["inlinePayload"] = json!(tools);
        ok(&scene.local, "CreateGatewayTarget", target).await;
        settle().await;
        for (scope, tools) in
            [("read", ["get", "list"]), ("write", ["create", "update"]), ("admin", ["delete", "refund"])]
        {
            let when = format!(r#"principal.hasTag("scope") && principal.getTag("scope") like "*api/{scope}*""#);
            scene.permit(scope, &tools, &when).await;
        }
        scene
    }

    pub(super) fn gateway_input(&self, mode: &str) -> Value {
        let clients: Vec<&str> = self.clients.iter().map(|(id, _)| id.as_str()).collect();
        let discovery =
            format!("https://cognito-idp.us-east-1.amazonaws.com/{}/.well-known/openid-configuration", self.pool);
        with(
            gateway_input("orders"),
            json!({
                "policyEngineConfiguration": {"arn": self.engine_arn, "mode": mode},
                "authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": discovery, "allowedClients": clients}},
            }),
        )
    }

    /// Changes members of the gateway.
    pub(super) async fn update(&self, changes: Value) {
        let input = with(self.gateway_input("ENFORCE"), json!({"gatewayIdentifier": self.gateway}));
        ok(&self.local, "UpdateGateway", with(input, changes)).await;
        settle().await;
    }

    /// A policy about some tools. Answers its identifier.
    pub(super) async fn policy(&self, name: &str, effect: &str, tools: &[&str], when: &str) -> String {
        let tools: Vec<String> = tools.iter().map(|tool| format!("AgentCore::Action::\"orders___{tool}\"")).collect();
        let statement = format!(
            "{effect}(principal, action in [{}], resource == AgentCore::Gateway::\"{}\") when {{ {when} }};",
            tools.join(", "),
            self.arn
        );
        let input = json!({
            "policyEngineId": self.engine, "name": name, "validationMode": "IGNORE_ALL_FINDINGS",
            "definition": {"cedar": {"statement": statement}},
        });
        let id = at(&ok(&self.local, "CreatePolicy", input).await, "/policyId");
        settle().await;
        let live = ok(&self.local, "GetPolicy", json!({"policyEngineId": self.engine, "policyId": id})).await;
        assert_eq!(at(&live, "/status"), "ACTIVE", "{live:#}");
        id
    }

    async fn permit(&self, name: &str, tools: &[&str], when: &str) -> String {
        self.policy(name, "permit", tools, when).await
    }

    /// A token of a client, with all scopes that it is allowed.
    pub(super) async fn token(&self, client: usize) -> String {
        let (id, secret) = &self.clients[client];
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let request = Request::post(format!("/{}/oauth2/token", self.pool))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form));
        let response = self.local.handle(request.unwrap()).await.unwrap();
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        at(&answer, "/access_token")
    }

    pub(super) async fn post(&self, headers: &[(&str, &str)], body: &str) -> Answered {
        let mut request = Request::post(format!("/gateways/{}/mcp", self.gateway));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        answered(&self.local.handle(request).await.unwrap())
    }

    pub(super) async fn send(&self, token: &str, method: &str, params: Value) -> Answered {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        self.post(&[("authorization", &format!("Bearer {token}"))], &message).await
    }

    /// The names of the tools that a token sees.
    pub(super) async fn sees(&self, token: &str) -> Vec<String> {
        let (status, _, answer) = self.send(token, "tools/list", json!({})).await;
        assert_eq!(status, 200, "{answer}");
        names(&answer)
    }

    /// Calls a tool of the target.
    pub(super) async fn call(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": format!("orders___{tool}"), "arguments": arguments});
        let (status, _, answer) = self.send(token, "tools/call", params).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Sets what answers.
    pub(super) fn answers(&self, answers: &Value) {
        for answer in localstack::Answer::list(answers.to_string().as_bytes()).unwrap() {
            self.local.answer_for(answer);
        }
    }
}

fn names(answer: &Value) -> Vec<String> {
    let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
    tools.iter().map(|tool| at(tool, "/name").trim_start_matches("orders___").to_owned()).collect()
}

/// The text of a tool's result.
fn said(answer: &Value) -> String {
    at(answer, "/result/content/0/text")
}

const NOBODY_PERMITS: &str = "Tool Execution Denied: Tool call not allowed due to policy enforcement [No policy applies to the \
                              request (denied by default).]";

#[tokio::test(start_paused = true)]
async fn three_roles_see_two_four_and_six_tools_and_may_call_those() {
    let scene = Scene::new().await;
    let all = ["get", "list", "create", "update", "delete", "refund"];
    for (client, count) in [(0, 2), (1, 4), (2, 6)] {
        let token = scene.token(client).await;
        assert_eq!(scene.sees(&token).await, all[..count]);
        for (place, name) in all.iter().enumerate() {
            let answer = scene.call(&token, name, json!({"id": 7})).await;
            if place < count {
                assert!(said(&answer).contains("canned answer"), "{answer}");
            } else {
                assert_eq!(answer["error"], json!({"code": -32002, "message": NOBODY_PERMITS}));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_journal_names_the_decision_and_never_the_token() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    let forbid = scene.policy("no_seven", "forbid", &["get"], "context.input.id == 7").await;
    scene.local.clear_journal();
    let answer = scene.call(&token, "get", json!({"id": 7})).await;
    assert!(
        at(&answer, "/error/message").ends_with(&format!("[Policy evaluation denied due to {forbid}]")),
        "{answer}"
    );
    scene.call(&token, "get", json!({"id": 8})).await;
    scene.sees(&token).await;
    let journal = scene.local.journal();
    let decision = |place: usize| journal[place].decision.clone().unwrap();
    assert_eq!(journal[0].operation, "tools/call");
    assert_eq!(journal[0].code.as_deref(), Some("-32002"));
    assert_eq!(journal[0].input["arguments"], json!({"id": 7}));
    assert_eq!(decision(0).principal, format!("AgentCore::OAuthUser::\"{}\"", scene.clients[0].0));
    assert_eq!((decision(0).denied, decision(0).policies), (vec!["orders___get".to_owned()], vec![forbid]));
    assert!(decision(1).policies[0].starts_with("read-"), "{:?}", decision(1));
    assert_eq!(decision(1).allowed, ["orders___get"]);
    assert_eq!(journal[2].operation, "tools/list");
    assert_eq!((decision(2).allowed.len(), decision(2).denied.len(), decision(2).mode), (2, 4, "ENFORCE".to_owned()));
    assert!(journal.iter().all(|entry| !entry.mutating));
    let text = serde_json::to_string(&journal).unwrap();
    assert!(!text.contains(&token) && !text.contains(token.rsplit('.').next().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn log_only_lets_everything_pass_and_notes_what_would_be() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    scene.update(json!({"policyEngineConfiguration": {"arn": scene.engine_arn, "mode": "LOG_ONLY"}})).await;
    assert_eq!(scene.sees(&token).await.len(), 6);
    assert!(said(&scene.call(&token, "refund", json!({"id": 1})).await).contains("canned"));
    let decision = scene.local.journal().last().unwrap().decision.clone().unwrap();
    assert_eq!((decision.denied, decision.mode), (vec!["orders___refund".to_owned()], "LOG_ONLY".to_owned()));
    scene.update(json!({"policyEngineConfiguration": null})).await;
    assert_eq!(scene.sees(&token).await.len(), 6);
    assert_eq!(scene.local.journal().last().unwrap().decision, None);
}

#[tokio::test(start_paused = true)]
async fn only_active_policies_in_active_enforcement_combine() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    let id = scene.permit("more", &["refund"], "context.input.id > 0").await;
    let key = json!({"policyEngineId": scene.engine, "policyId": id});
    assert!(scene.sees(&token).await.contains(&"refund".to_owned()));
    ok(&scene.local, "UpdatePolicy", with(key.clone(), json!({"enforcementMode": "LOG_ONLY"}))).await;
    settle().await;
    assert!(!scene.sees(&token).await.contains(&"refund".to_owned()));
    ok(&scene.local, "UpdatePolicy", with(key.clone(), json!({"enforcementMode": "ACTIVE"}))).await;
    settle().await;
    assert!(scene.sees(&token).await.contains(&"refund".to_owned()));
    ok(&scene.local, "DeletePolicy", key).await;
    settle().await;
    assert!(!scene.sees(&token).await.contains(&"refund".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn policies_see_the_arguments_typed_and_the_claims_as_text() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    scene
        .permit("small", &["refund"], "context.input has amount && context.input.amount.lessThan(decimal(\"500.0\"))")
        .await;
    let when = r#"principal.hasTag("version") && principal.getTag("version") == "2" && context.system.now > datetime("2020-01-01")"#;
    scene.permit("claims", &["create"], when).await;
    let small = scene.call(&token, "refund", json!({"id": 1, "amount": 499.999_99, "why": null})).await;
    // An explicit null is no text for the schema.
    assert!(said(&small).contains("why"), "{small}");
    for (amount, allowed) in [(json!(499.999_99), true), (json!(100), true), (json!(500), false)] {
        let answer = scene.call(&token, "refund", json!({"id": 1, "amount": amount})).await;
        assert_eq!(answer.get("result").is_some(), allowed, "{answer}");
    }
    assert!(scene.call(&token, "refund", json!({"id": 1})).await.get("error").is_some());
    assert!(scene.call(&token, "create", json!({"id": 1})).await.get("result").is_some());
    // Listed is what some input is permitted for, and what no input is permitted for is not.
    scene.policy("never", "forbid", &["list"], "true").await;
    scene.policy("sometimes", "forbid", &["get"], "context.input.id > 5").await;
    assert_eq!(scene.sees(&token).await, ["get", "create", "refund"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_no_longer_fits_the_tools_still_counts() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    let tools = |names: &[&str]| {
        let tools: Vec<Value> = names.iter().map(|name| tool(name)).collect();
        let mut target = target_input(&scene.gateway, "orders");
        target["targetConfiguration"]["mcp"]["lambda"]["toolSchema"]["inlinePayload"] = json!(tools);
        target
    };
    let targets = ok(&scene.local, "ListGatewayTargets", json!({"gatewayIdentifier": scene.gateway})).await;
    let id = json!({"targetId": at(&targets, "/items/0/targetId")});
    scene.policy("not_all", "forbid", &["list", "refund"], "true").await;
    // With `list` and `refund` gone both the permit and the forbid name an action that does not exist.
    ok(&scene.local, "UpdateGatewayTarget", with(tools(&["get", "create", "delete"]), id.clone())).await;
    settle().await;
    assert_eq!(scene.sees(&token).await, ["get"]);
    assert!(scene.call(&token, "get", json!({"id": 1})).await.get("result").is_some());
    assert_eq!(scene.call(&token, "create", json!({"id": 1})).await["error"]["code"], -32002);
    ok(&scene.local, "UpdateGatewayTarget", with(tools(&["get", "list"]), id)).await;
    settle().await;
    assert_eq!(scene.call(&token, "list", json!({"id": 1})).await["error"]["code"], -32002);
}

#[tokio::test(start_paused = true)]
async fn arguments_are_held_against_the_schema_of_the_tool() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    for (arguments, words) in
        [(json!({}), "\"id\" is a required property"), (json!({"id": "7"}), "/id: \"7\" is not of type")]
    {
        let answer = scene.call(&token, "get", arguments.clone()).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert!(
            said(&answer).starts_with("Parameter validation failed: ") && said(&answer).contains(words),
            "{answer}"
        );
        // Who may not call it at all learns nothing about it.
        assert_eq!(scene.call(&token, "refund", arguments).await["error"]["message"], NOBODY_PERMITS);
    }
    let (_, _, answer) = scene.send(&token, "tools/call", json!({"name": "orders___unheard"})).await;
    assert_eq!(answer["error"], json!({"code": -32602, "message": "Unknown tool: orders___unheard"}));
}

#[tokio::test(start_paused = true)]
async fn the_protocol_is_negotiated_and_what_it_does_not_know_is_an_error() {
    let scene = Scene::new().await;
    let token = scene.token(2).await;
    let hello = |version: &str| json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let (_, _, answer) = scene.send(&token, "initialize", hello("2025-11-25")).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-03-26");
    assert_eq!(answer["result"]["serverInfo"]["name"], "orders");
    assert_eq!(scene.send(&token, "ping", json!({})).await.2["result"], json!({}));
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let notified = scene.post(&headers, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((notified.0, notified.2), (202, Value::Null));
    for (body, status, code) in [
        ("{", 400, -32700),
        ("\u{0}\u{1}", 400, -32700),
        ("[]", 400, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, 400, -32600),
        (r#"{"id":1,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#, 200, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, 200, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#, 200, -32602),
    ] {
        let (answered, _, answer) = scene.post(&headers, body).await;
        assert_eq!((answered, &answer["error"]["code"]), (status, &json!(code)), "{body}: {answer}");
    }
    let odd = [headers[0], ("mcp-protocol-version", "2025-11-25")];
    assert_eq!(scene.post(&odd, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.0, 400);
    let page = [headers[0], ("origin", "https://evil.example")];
    assert_eq!(scene.post(&page, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.0, 403);
    for method in ["GET", "DELETE"] {
        let request = Request::builder().method(method).uri(format!("/gateways/{}/mcp", scene.gateway));
        let response = scene.local.handle(request.body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn tools_come_in_pages_unless_the_gateway_says_no() {
    let scene = Scene::on(Localstack::new(Config { page_size: Some(4), ..Config::default() })).await;
    let token = scene.token(2).await;
    let (_, _, first) = scene.send(&token, "tools/list", json!({})).await;
    let (_, _, second) = scene.send(&token, "tools/list", json!({"cursor": first["result"]["nextCursor"]})).await;
    assert_eq!((names(&first).len(), names(&second)), (4, vec!["delete".to_owned(), "refund".to_owned()]));
    assert_eq!(second["result"].get("nextCursor"), None);
    scene.update(json!({"protocolConfiguration": {"mcp": {"disableMcpListToolsPagination": true}}})).await;
    let (_, _, all) = scene.send(&token, "tools/list", json!({})).await;
    assert_eq!((names(&all).len(), all["result"].get("nextCursor")), (6, None));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_has_its_own_host_name_and_one_that_signs_has_roles() {
    let scene = Scene::new().await;
    let when = "principal is AgentCore::IamEntity && principal == AgentCore::IamEntity::\"arn:aws:sts::111122223333:assumed-role/reader\"";
    scene.permit("reader", &["get"], when).await;
    scene.update(json!({"authorizerType": "AWS_IAM", "authorizerConfiguration": null})).await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let ask = async |key: &str| {
        let host = format!("{}.gateway.bedrock-agentcore.us-east-1.amazonaws.com", scene.gateway);
        let request = Request::post("/mcp")
            .header("host", host)
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={key}/20261124/us-east-1/bedrock-agentcore/aws4_request"),
            )
            .body(Bytes::from_static(list.as_bytes()));
        answered(&scene.local.handle(request.unwrap()).await.unwrap())
    };
    assert_eq!(names(&ask("reader").await.2), ["get"]);
    assert_eq!(names(&ask("local").await.2), [""; 0]);
    assert_eq!(scene.post(&[], list).await.0, 401);
    scene.update(json!({"authorizerType": "NONE", "authorizerConfiguration": null})).await;
    assert_eq!(names(&scene.post(&[], list).await.2), [""; 0]);
    scene.permit("all", &["get", "list"], "context.input.id > 0").await;
    assert_eq!(names(&scene.post(&[], list).await.2), ["get", "list"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_and_who_takes_none_is_refused_by_the_headers() {
    let scene = Scene::new().await;
    let bearer = format!("Bearer {}", scene.token(0).await);
    let ping = r#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#;
    for (name, value, status) in [
        ("content-type", "application/json", 200),
        ("content-type", "Application/JSON; charset=utf-8", 200),
        ("content-type", "application/x-www-form-urlencoded", 415),
        ("content-type", "text/plain;application/json", 415),
        ("content-type", "", 415),
        ("accept", "application/json, text/event-stream", 200),
        ("accept", "text/event-stream, application/json;q=0.5", 200),
        // What curl and others say by themselves.
        ("accept", "*/*", 200),
        ("accept", "text/event-stream", 406),
        ("accept", "text/html", 406),
    ] {
        let (answered, _, body) = scene.post(&[("authorization", &bearer), (name, value)], ping).await;
        assert_eq!(answered, status, "{name}: {value}: {body}");
        assert_eq!(body.get("error").is_some(), status != 200, "{name}: {value}: {body}");
    }
    // Who may not come in learns no more than that.
    assert_eq!(scene.post(&[("content-type", "text/plain")], ping).await.0, 401);
}
