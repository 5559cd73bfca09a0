//! What is behind gateways and runtimes: functions, servers, APIs, interceptors and agents, and what answers in their place.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::Request;
use bytes::Bytes;
use localstack::Answer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::data_plane::{LAMBDA, Scene, answered};
use super::data_plane_tokens::{prompt, serve};
use super::*;

const INTERCEPTOR: &str = "arn:aws:lambda:us-east-1:111122223333:function:guard";

fn said(answer: &Value) -> String {
    at(answer, "/result/content/0/text")
}

/// A gateway that lets everybody in.
async fn open_gateway(local: &Localstack, changes: Value) -> String {
    let open = json!({"authorizerType": "NONE", "authorizerConfiguration": null});
    at(&ok(local, "CreateGateway", with(with(gateway_input("g"), open), changes)).await, "/gatewayId")
}

async fn post(local: &Localstack, gateway: &str, method: &str, params: Value) -> Value {
    let message = json!({"jsonrpc": "2.0", "id": "m-1", "method": method, "params": params});
    let request = Request::post(format!("/gateways/{gateway}/mcp"))
        .header("x-amzn-bedrock-agentcore-policy-session-id", "s")
        .header("authorization", "Bearer secret");
    let request = request.body(Bytes::from(message.to_string())).unwrap();
    answered(&local.handle(request).await.unwrap()).2
}

fn answers(local: &Localstack, list: &Value) {
    Answer::list(list.to_string().as_bytes()).unwrap().into_iter().for_each(|answer| local.answer_for(answer));
}

#[tokio::test]
async fn a_function_is_a_url_a_command_or_a_canned_answer() {
    let local = prompt();
    let gateway = open_gateway(&local, json!({})).await;
    let target = at(&ok(&local, "CreateGatewayTarget", target_input(&gateway, "hr")).await, "/targetId");
    let call =
        async |tool: &str| post(&local, &gateway, "tools/call", json!({"name": tool, "arguments": {"id": 7}})).await;
    assert!(said(&call("hr___read").await).contains(&format!("nothing was told to answer for {LAMBDA}")));

    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let url = serve(Arc::new(move |head: &str, body: &str| {
        seen.lock().unwrap().push((head.to_owned(), body.to_owned()));
        (200, json!({"found": body.len()}).to_string())
    }))
    .await;
    let shell = |script: &str| json!(["sh", "-c", script]);
    answers(
        &local,
        &json!([
            {"resource": LAMBDA, "url": format!("{url}/2015-03-31/functions/function/invocations")},
            {"resource": LAMBDA, "tool": "write", "command": shell("cat; test -n \"$LAMBDA_CLIENT_CONTEXT\"")},
        ]),
    );
    assert_eq!(
        call("hr___read").await["result"],
        json!({"content": [{"type": "text", "text": "{\"found\":8}"}], "isError": false})
    );
    let (head, body) = requests.lock().unwrap().pop().unwrap();
    assert_eq!(body, r#"{"id":7}"#);
    assert!(!head.contains("secret"), "{head}");
    let context = head.lines().find_map(|line| line.strip_prefix("x-amz-client-context: ")).unwrap();
    let context = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(context).unwrap()
    };
    let custom = serde_json::from_slice::<Value>(&context).unwrap()["custom"].clone();
    assert_eq!(custom["bedrockAgentCoreToolName"], "hr___read");
    assert_eq!(
        (&custom["bedrockAgentCoreGatewayId"], &custom["bedrockAgentCoreTargetId"]),
        (&json!(gateway), &json!(target))
    );
    assert_eq!(custom["bedrockAgentCoreMcpMessageId"], "m-1");
    assert_eq!(said(&call("hr___write").await), r#"{"id":7}"#);

    answers(&local, &json!([{"resource": LAMBDA, "answer": ["canned", 1]}]));
    assert_eq!(said(&call("hr___read").await), r#"["canned",1]"#);
    // What fails is told in the journal, and to clients only under DEBUG.
    for (script, seconds, words) in
        [("exit 3", 30, "exit status: 3"), ("echo no", 30, "not JSON"), ("sleep 60", 0, "did not end within 0 s")]
    {
        answers(&local, &json!([{"resource": LAMBDA, "command": shell(script), "seconds": seconds}]));
        let answer = call("hr___read").await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert_eq!(said(&answer), "An internal error occurred. Please retry later.");
        let problem = local.journal().last().unwrap().input["problem"].as_str().unwrap().to_owned();
        assert!(problem.contains(words), "{problem}");
    }
    let debug = with(
        gateway_input("g"),
        json!({"authorizerType": "NONE", "authorizerConfiguration": null, "exceptionLevel": "DEBUG"}),
    );
    ok(&local, "UpdateGateway", with(debug, json!({"gatewayIdentifier": gateway}))).await;
    answers(&local, &json!([{"resource": LAMBDA, "url": "http://127.0.0.1:1/"}]));
    let answer = call("hr___read").await;
    assert!(said(&answer).contains("http://127.0.0.1:1/"), "{answer}");
    assert_eq!(at(&answer, "/result/_meta/debug/text"), said(&answer));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_command_started_ends_with_it() {
    let local = prompt();
    let gateway = open_gateway(&local, json!({})).await;
    ok(&local, "CreateGatewayTarget", target_input(&gateway, "hr")).await;
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pid");
    let note = note.to_str().unwrap();
    // The one waits for what it started, the other leaves it behind with its output open.
    for rest in ["wait", "exit 0"] {
        let script = format!("sleep 3600 & echo $! > {note}; {rest}");
        answers(&local, &json!([{"resource": LAMBDA, "command": ["sh", "-c", script], "seconds": 1}]));
        let call = json!({"name": "hr___read", "arguments": {"id": 7}});
        assert_eq!(post(&local, &gateway, "tools/call", call).await["result"]["isError"], true);
        let started: u32 = std::fs::read_to_string(note).unwrap().trim().parse().unwrap();
        // Whoever inherits it may not have waited for it yet: then it is a zombie. The signal is sent, and takes its way.
        let state = || std::fs::read_to_string(format!("/proc/{started}/stat")).unwrap_or_default();
        let ended = async {
            while !(state().is_empty() || state().contains(") Z") || state().contains(") X")) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), ended).await.is_ok(), "{rest}: {}", state());
        let problem = local.journal().last().unwrap().input["problem"].as_str().unwrap().to_owned();
        assert!(problem.contains("did not end within 1 s"), "{problem}");
    }
}

#[test]
fn an_answer_says_one_thing_and_stays_on_this_machine() {
    for (list, words) in [
        (json!({}), "not a list of answers"),
        (json!([{"resource": "a", "uri": "x"}]), "unknown field `uri`"),
        (json!([{"resource": "a"}]), "needs one of"),
        (json!([{"resource": "a", "answer": 1, "url": "http://localhost"}]), "needs one of"),
        (json!([{"resource": "", "answer": null}]), "needs a `resource`"),
        (json!([{"resource": "a", "command": []}]), "is empty"),
        (json!([{"resource": "a", "url": "http://example.com/"}]), "not an http URL on loopback"),
        (json!([{"resource": "a", "url": "http://ann@127.0.0.1/"}]), "not an http URL on loopback"),
        (json!([{"resource": "a", "url": "http://127.0.0.1:99999/"}]), "not an http URL on loopback"),
        (json!([{"resource": "a", "url": "https://127.0.0.1/"}]), "not an http URL on loopback"),
        (json!([{"resource": "a", "url": "http://127.0.0.1@example.com/"}]), "not an http URL on loopback"),
        (json!([{"resource": "a", "url": "http://127.0.0.1.example.com/"}]), "not an http URL on loopback"),
    ] {
        let error = Answer::list(list.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{list}: {error}");
    }
    for url in ["http://localhost:1", "http://127.9.9.9/x?y", "http://[::1]:8080/"] {
        Answer::list(json!([{"resource": "a", "url": url}]).to_string().as_bytes()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn interceptors_change_requests_and_answers_or_answer_themselves() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    let forbid = scene.policy("no_seven", "forbid", &["get"], "context.input.id == 7").await;
    let interceptor = |points: Value, headers: bool| json!({"interceptor": {"lambda": {"arn": INTERCEPTOR}}, "interceptionPoints": points, "inputConfiguration": {"passRequestHeaders": headers}});
    scene.update(json!({"interceptorConfigurations": [interceptor(json!(["REQUEST"]), false)]})).await;
    // Without anything in its place nothing passes.
    let (_, _, answer) = scene.send(&token, "ping", json!({})).await;
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    let out =
        |mcp: Value| json!([{"resource": INTERCEPTOR, "answer": {"interceptorOutputVersion": "1.0", "mcp": mcp}}]);
    scene.answers(&out(json!({})));
    assert_eq!(scene.send(&token, "ping", json!({})).await.2["result"], json!({}));
    // The policies see what it makes of the arguments, and the claims of the token as it came.
    let body = |tool: &str| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {"id": 7}}});
    scene.answers(&out(json!({"transformedGatewayRequest": {"body": body("orders___get")}})));
    let answer = scene.call(&token, "get", json!({"id": 1})).await;
    assert!(at(&answer, "/error/message").contains(&forbid), "{answer}");
    scene.answers(&out(json!({"transformedGatewayRequest": {"body": body("orders___refund")}})));
    assert_eq!(scene.call(&token, "get", json!({"id": 1})).await["error"]["code"], -32002);
    let teapot = json!({"statusCode": 418, "headers": {"x-why": "tea"}, "body": {"jsonrpc": "2.0", "id": 1, "result": {"tea": true}}});
    scene.answers(&out(json!({"transformedGatewayResponse": teapot})));
    assert_eq!(scene.send(&token, "ping", json!({})).await.2["result"], json!({"tea": true}));
    assert_eq!(scene.send(&token, "ping", json!({})).await.0, 418);
    // The token is checked before anything of this.
    assert_eq!(scene.send("forged", "ping", json!({})).await.0, 401);
    scene.answers(&json!([{"resource": INTERCEPTOR, "answer": {"mcp": {}}}]));
    assert_eq!(scene.send(&token, "ping", json!({})).await.2["error"]["code"], -32603);
    scene.update(json!({"interceptorConfigurations": [interceptor(json!(["RESPONSE"]), false)]})).await;
    scene.answers(&out(json!({"transformedGatewayResponse": {"body": {"changed": 1}}})));
    assert_eq!(scene.send(&token, "ping", json!({})).await.2, json!({"changed": 1}));
}

#[tokio::test]
async fn interceptors_are_told_what_they_asked_for() {
    let local = prompt();
    let told = async |headers: bool, point: &str| {
        let event = Arc::new(Mutex::new(Value::Null));
        let seen = Arc::clone(&event);
        let url = serve(Arc::new(move |_: &str, body: &str| {
            *seen.lock().unwrap() = serde_json::from_str(body).unwrap();
            (200, r#"{"interceptorOutputVersion":"1.0","mcp":{}}"#.to_owned())
        }))
        .await;
        answers(&local, &json!([{"resource": INTERCEPTOR, "url": url}]));
        let input = json!({"passRequestHeaders": headers, "payloadFilter": {"exclude": [{"field": "RESPONSE_BODY"}]}});
        let list = json!([{"interceptor": {"lambda": {"arn": INTERCEPTOR}}, "interceptionPoints": [point], "inputConfiguration": input}]);
        let name = if headers { "with" } else { "without" };
        let gateway =
            open_gateway(&local, json!({"name": format!("{name}-{point}"), "interceptorConfigurations": list})).await;
        assert_eq!(post(&local, &gateway, "ping", json!({})).await["result"], json!({}));
        event.lock().unwrap().clone()
    };
    let request = told(false, "REQUEST").await;
    assert_eq!(request["interceptorInputVersion"], "1.0");
    assert_eq!(request["mcp"]["gatewayRequest"]["body"]["method"], "ping");
    assert!(request["mcp"]["rawGatewayRequest"]["body"].as_str().unwrap().contains("\"m-1\""));
    assert!(!request.to_string().contains("secret") && request["mcp"].get("gatewayResponse").is_none());
    let response = told(true, "RESPONSE").await;
    assert_eq!(response["mcp"]["gatewayRequest"]["headers"]["authorization"], "Bearer secret");
    assert_eq!(response["mcp"]["gatewayResponse"]["statusCode"], 200);
    assert_eq!(response["mcp"]["gatewayResponse"]["body"], Value::Null);
}

#[tokio::test]
async fn an_api_is_asked_over_http_and_a_server_over_mcp() {
    let local = prompt();
    let api = json!({
        "openapi": "3.0.0", "servers": [{"url": "https://hr.example/v1"}],
        "paths": {"/people/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "put": {"operationId": "rename", "summary": "Renames", "parameters": [{"name": "dry run", "in": "query", "schema": {"type": "boolean"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/person"}}}}},
        }},
        "components": {
            "parameters": {"id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}},
            "schemas": {"person": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
        },
    });
    let gateway = open_gateway(&local, json!({})).await;
    let key = json!([{"credentialProviderType": "API_KEY", "credentialProvider": {"apiKeyCredentialProvider": {
        "providerArn": "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/k",
    }}}]);
    let target = json!({
        "gatewayIdentifier": gateway, "name": "api", "credentialProviderConfigurations": key,
        "targetConfiguration": {"mcp": {"openApiSchema": {"inlinePayload": api.to_string()}}},
    });
    ok(&local, "CreateGatewayTarget", target).await;
    let url = serve(Arc::new(|head: &str, body: &str| (200, json!([head.lines().next(), body]).to_string()))).await;
    answers(&local, &json!([{"resource": "https://hr.example/v1", "url": format!("{url}/base/")}]));
    let listed = post(&local, &gateway, "tools/list", json!({})).await;
    assert_eq!(at(&listed, "/result/tools/0/name"), "api___rename");
    let arguments = json!({"id": "a/b", "dry run": true, "name": "Ann"});
    let answer = post(&local, &gateway, "tools/call", json!({"name": "api___rename", "arguments": arguments})).await;
    let asked: Value = serde_json::from_str(&said(&answer)).unwrap();
    assert_eq!(asked, json!(["PUT /base/people/a%2Fb?dry%20run=true HTTP/1.1", r#"{"name":"Ann"}"#]));
    let answer = post(&local, &gateway, "tools/call", json!({"name": "api___rename", "arguments": {"id": "a"}})).await;
    assert!(said(&answer).contains("\"name\" is a required property"), "{answer}");

    // The same in YAML.
    let text = "openapi: 3.0.3\nservers: [{url: 'https://hr.example/v2'}]\npaths:\n  /people:\n    get:\n      operationId: list\n      parameters: [{name: limit, in: query, schema: {type: integer}}]\n";
    let key = json!([{"credentialProviderType": "API_KEY", "credentialProvider": {"apiKeyCredentialProvider": {
        "providerArn": "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/k",
    }}}]);
    let target = json!({
        "gatewayIdentifier": gateway, "name": "yaml", "credentialProviderConfigurations": key,
        "targetConfiguration": {"mcp": {"openApiSchema": {"inlinePayload": text}}},
    });
    let target = at(&ok(&local, "CreateGatewayTarget", target).await, "/targetId");
    let call = json!({"name": "yaml___list", "arguments": {"limit": "many"}});
    let answer = post(&local, &gateway, "tools/call", call).await;
    assert!(said(&answer).contains("limit"), "{answer}");
    ok(&local, "DeleteGatewayTarget", json!({"gatewayIdentifier": gateway, "targetId": target})).await;

    // A server that is another gateway, served.
    let behind = prompt();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tokio::spawn(localstack::serve(behind.clone(), listener, std::future::pending::<()>()));
    tokio::task::yield_now().await;
    let inner = open_gateway(&behind, json!({})).await;
    ok(&behind, "CreateGatewayTarget", target_input(&inner, "hr")).await;
    let url = at(&ok(&behind, "GetGateway", json!({"gatewayIdentifier": inner})).await, "/gatewayUrl");
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with(&format!("/gateways/{inner}/mcp")), "{url}");
    let target = json!({
        "gatewayIdentifier": gateway, "name": "srv", "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://mcp.example/mcp"}}},
    });
    ok(&local, "CreateGatewayTarget", target).await;
    answers(&local, &json!([{"resource": "https://mcp.example/mcp", "url": url}]));
    let answer = post(&local, &gateway, "tools/call", json!({"name": "srv___hr___read", "arguments": {"id": 5}})).await;
    assert!(said(&answer).contains(r#""arguments":{"id":5}"#), "{answer}");
    let listed = post(&local, &gateway, "tools/list", json!({})).await;
    let names: Vec<String> =
        listed["result"]["tools"].as_array().unwrap().iter().map(|tool| at(tool, "/name")).collect();
    assert_eq!(names, ["api___rename", "srv___hr___read", "srv___hr___write"]);
    // One that is behind itself ends.
    let target = json!({
        "gatewayIdentifier": inner, "name": "me", "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://me.example/mcp"}}},
    });
    ok(&behind, "CreateGatewayTarget", target).await;
    answers(&behind, &json!([{"resource": "https://me.example/mcp", "url": url}]));
    post(&behind, &inner, "tools/list", json!({})).await;
    assert!(json!(behind.journal()).to_string().contains("leads back to itself"));
    // What is told is believed, and the server is not asked.
    answers(&local, &json!([{"resource": "https://mcp.example/mcp", "url": url, "tools": [{"name": "told"}]}]));
    let listed = post(&local, &gateway, "tools/list", json!({})).await;
    assert_eq!(at(&listed, "/result/tools/1/name"), "srv___told");
}

#[tokio::test(start_paused = true)]
async fn a_runtime_checks_the_same_token_and_hands_the_body_on() {
    let scene = Scene::new().await;
    let (token, other) = (scene.token(0).await, scene.token(1).await);
    let authorizer = scene.gateway_input("ENFORCE")["authorizerConfiguration"]["customJWTAuthorizer"].clone();
    let authorizer = with(authorizer, json!({"allowedClients": [scene.clients[0].0]}));
    let runtime = json!({
        "agentRuntimeName": "hr", "roleArn": GATEWAY_ROLE, "networkConfiguration": {"networkMode": "PUBLIC"},
        "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/hr:1"}},
        "authorizerConfiguration": {"customJWTAuthorizer": authorizer},
    });
    let arn = at(&ok(&scene.local, "CreateAgentRuntime", runtime).await, "/agentRuntimeArn");
    settle().await;
    let escaped = arn.replace(':', "%3A").replace('/', "%2F");
    let session = "a-session-of-more-than-thirty-three-letters";
    let invoke = async |token: &str, query: &str, body: &str| {
        let mut request = Request::post(format!("/runtimes/{escaped}/invocations{query}"))
            .header("x-amzn-bedrock-agentcore-runtime-session-id", session)
            .header("content-type", "text/plain");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        scene.local.handle(request.body(Bytes::from(body.to_owned())).unwrap()).await.unwrap()
    };
    let response = invoke(&token, "?qualifier=DEFAULT", "\u{1}opaque").await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"\x01opaque"[..]));
    assert_eq!(response.headers()["x-amzn-bedrock-agentcore-runtime-session-id"], session);
    assert_eq!(response.headers()["content-type"], "text/plain");
    let (status, challenge, _) = answered(&invoke("", "", "").await);
    let metadata = format!("{escaped}/invocations/.well-known/oauth-protected-resource?qualifier=DEFAULT");
    assert_eq!(status, 401);
    assert!(challenge.replace("%2D", "-").contains(&metadata), "{challenge}\n{metadata}");
    let url = challenge.split('"').nth(1).unwrap();
    let described = Request::get(url).body(Bytes::new()).unwrap();
    let described = answered(&scene.local.handle(described).await.unwrap());
    assert_eq!(described.0, 200, "{url}");
    for bad in [other.as_str(), "forged"] {
        let (status, challenge, _) = answered(&invoke(bad, "", "").await);
        assert_eq!(status, 401);
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    assert_eq!(invoke(&token, "?qualifier=unheard", "").await.status(), 404);
    scene.answers(&json!([{"resource": arn, "answer": {"hello": 1}}]));
    assert_eq!(&invoke(&token, "", "x").await.body()[..], br#"{"hello":1}"#);
    let last = scene.local.journal().last().unwrap().clone();
    assert_eq!((last.operation.as_str(), last.status, last.mutating), ("InvokeAgentRuntime", 200, false));
}
