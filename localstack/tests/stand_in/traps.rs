//! What peers stumbled over on the wire: one test for each.

use std::collections::BTreeSet;

use ::http::{Request, Response};
use bytes::Bytes;
use model::{Api, Body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

async fn send(local: &Localstack, method: &str, uri: &str, body: &str) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(uri).body(Bytes::from(body.to_owned())).unwrap();
    local.handle(request).await.unwrap()
}

async fn cognito(local: &Localstack, operation: &str, input: Value) -> Response<Bytes> {
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    let request = Request::builder().method("POST").uri("/").header("x-amz-target", target);
    let request = request.header("content-type", "application/x-amz-json-1.1");
    local.handle(request.body(Bytes::from(input.to_string())).unwrap()).await.unwrap()
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// An ARN as a label.
fn label(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

/// The path of an operation with something in each label.
fn path(uri: &str) -> String {
    let steps = uri.split('?').next().unwrap().split('/');
    steps.map(|step| if step.starts_with('{') { "x-0123456789" } else { step }).collect::<Vec<_>>().join("/")
}

#[tokio::test(start_paused = true)]
async fn every_route_is_found_with_and_without_a_trailing_slash() {
    for operation in Api::agentcore().operations.values() {
        let with_slash = format!("{}/", path(&operation.uri).trim_end_matches('/'));
        let without = with_slash.trim_end_matches('/');
        for uri in [&with_slash, without] {
            let local = stand_in();
            send(&local, &operation.method, uri, "").await;
            assert_eq!(local.journal()[0].operation, operation.name, "{} {uri}", operation.method);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn labels_are_split_before_they_are_decoded_and_decoded_once() {
    let local = stand_in();
    let arn = at(&ok(&local, "CreateGateway", gateway_input("g")).await, "/gatewayArn");
    for encoded in [label(&arn), label(&arn).to_lowercase(), arn.replace('/', "%2f")] {
        assert_eq!(send(&local, "GET", &format!("/tags/{encoded}"), "").await.status(), 200, "{encoded}");
    }
    for wrong in [arn.clone(), label(&arn).replace('%', "%25")] {
        assert_eq!(send(&local, "GET", &format!("/tags/{wrong}"), "").await.status(), 404, "{wrong}");
    }
    assert_eq!(send(&local, "GET", "/gateways%2Fg", "").await.status(), 404);
}

#[tokio::test]
async fn a_listing_by_post_comes_without_a_body_and_without_a_length() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(localstack::serve(stand_in(), listener, stopped));
    for length in ["", "content-length: 0\r\n"] {
        let request = format!("POST /runtimes?maxResults=5 HTTP/1.1\r\nhost: localhost\r\n{length}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"agentRuntimes":[]}"#), "{answer}");
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    // And creates come as PUT where the model says so.
    let local = stand_in();
    let operations = Api::agentcore().operations.values();
    let puts = operations.filter(|operation| operation.method == "PUT" && operation.name.starts_with("Create"));
    let creates: BTreeSet<_> = puts.map(|operation| (operation.name.clone(), path(&operation.uri))).collect();
    assert!(creates.iter().any(|(name, _)| name == "CreateAgentRuntime") && creates.len() >= 5, "{creates:?}");
    for (name, uri) in creates {
        send(&local, "PUT", &uri, "{}").await;
        assert_eq!(local.journal().last().unwrap().operation, name);
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_query_keys_are_a_list_and_a_client_token_may_be_in_the_query() {
    let local = stand_in();
    let input = with(gateway_input("g"), json!({"tags": {"a b": "1", "c": "2", "d": "3"}}));
    let arn = label(&at(&ok(&local, "CreateGateway", input).await, "/gatewayArn"));
    assert_eq!(send(&local, "DELETE", &format!("/tags/{arn}?tagKeys=a%20b&tagKeys=c"), "").await.status(), 204);
    assert_eq!(body(&send(&local, "GET", &format!("/tags/{arn}"), "").await), json!({"tags": {"d": "3"}}));

    let runtime = json!({
        "agentRuntimeName": "runtime", "roleArn": GATEWAY_ROLE, "networkConfiguration": {"networkMode": "PUBLIC"},
        "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1"}},
    });
    let id = at(&ok(&local, "CreateAgentRuntime", runtime).await, "/agentRuntimeId");
    settle().await;
    let uri = format!("/runtimes/{id}/?clientToken=0b6c7a5e-4f0e-4a53-9d7c-2f3f7b1f0a11");
    let first = send(&local, "DELETE", &uri, "").await;
    let again = send(&local, "DELETE", &uri, "").await;
    assert_eq!((first.status().as_u16(), first.body()), (202, again.body()));
    let other = uri.replace("0b6c", "1b6c");
    assert_eq!(send(&local, "DELETE", &other, "").await.status(), 409, "without its token it is a second delete");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_a_status_a_type_and_a_message_whoever_refuses() {
    let local = stand_in();
    let missing = send(&local, "GET", "/gateways/none-0123456789/", "").await;
    let invalid = send(&local, "POST", "/gateways/", "{}").await;
    let unknown = send(&local, "PATCH", "/gateways/", "{}").await;
    let broken = send(&local, "POST", "/gateways/", "<html>").await;
    for (response, status, kind) in [
        (missing, 404, "ResourceNotFoundException"),
        (invalid, 400, "ValidationException"),
        (unknown, 404, "UnknownOperationException"),
        (broken, 400, "ValidationException"),
    ] {
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-amzn-errortype"]),
            (status, &kind.parse().unwrap())
        );
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = body(&response);
        assert!(body["message"].is_string(), "{body}");
        assert_eq!(body["reason"].is_string(), kind == "ValidationException", "{body}");
    }
    for (operation, input, kind) in [
        ("DescribeUserPool", json!({"UserPoolId": "us-east-1_none"}), "ResourceNotFoundException"),
        ("DescribeUserPool", json!({}), "InvalidParameterException"),
        ("Nonsense", json!({}), "UnknownOperationException"),
    ] {
        let response = cognito(&local, operation, input).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (400, &"application/x-amz-json-1.1".parse().unwrap())
        );
        let body = body(&response);
        assert_eq!(body["__type"], kind);
        assert!(body["message"].is_string(), "{body}");
    }
}

/// No null anywhere, no empty text where the model has a least length, and one arm of every union.
fn check_members(api: &Api, shape: &str, value: &Value, place: &str) {
    assert!(!value.is_null(), "{place} is null");
    let Some(shape) = api.shape(shape) else { return };
    match &shape.body {
        Body::Structure { members, union } => {
            let object = value.as_object().unwrap_or_else(|| panic!("{place}: {value}"));
            assert!(!union || object.len() == 1, "{place} has {} arms", object.len());
            for (name, value) in object {
                let member = members.iter().find(|member| &member.wire == name);
                let member = member.unwrap_or_else(|| panic!("{place} has no member {name}"));
                check_members(api, &member.shape, value, &format!("{place}.{name}"));
            }
        }
        Body::List { element, .. } => {
            value.as_array().unwrap().iter().for_each(|item| check_members(api, element, item, place));
        }
        Body::String { range, .. } => {
            // A runtime without a description has an empty one in listings, where the model demands it.
            let empty = value.as_str().unwrap_or_else(|| panic!("{place}: {value}")).is_empty();
            assert!(
                !empty || range.min.is_none_or(|least| least < 1.0) || place.ends_with("description"),
                "{place} is empty"
            );
        }
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn unions_have_one_arm_and_what_is_absent_is_left_out() {
    let local = stand_in();
    let gateway = ready_gateway(&local, "g").await;
    let target = ready_target(&local, &gateway, "t").await;
    ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    ok(&local, "CreateWorkloadIdentity", json!({"name": "identity"})).await;
    local.call("CreateApiKeyCredentialProvider", json!({"name": "provider", "apiKey": "k"})).await.unwrap();
    for (operation, uri) in [
        ("GetGateway", format!("/gateways/{gateway}/")),
        ("ListGateways", "/gateways/".to_owned()),
        ("GetGatewayTarget", format!("/gateways/{gateway}/targets/{target}/")),
        ("ListGatewayTargets", format!("/gateways/{gateway}/targets/")),
        ("ListPolicyEngines", "/policy-engines".to_owned()),
        ("ListAgentRuntimes", "/runtimes/".to_owned()),
        ("ListWorkloadIdentities", "/identities/ListWorkloadIdentities".to_owned()),
        ("ListApiKeyCredentialProviders", "/identities/ListApiKeyCredentialProviders".to_owned()),
    ] {
        let known = Api::agentcore().operation(operation).unwrap();
        let response = send(&local, &known.method, &uri, "").await;
        assert_eq!(response.status(), 200, "{operation}");
        check_members(Api::agentcore(), known.output.as_deref().unwrap(), &body(&response), operation);
    }
    let pool = body(&cognito(&local, "CreateUserPool", json!({"PoolName": "p"})).await);
    check_members(Api::cognito(), "CreateUserPoolResponse", &pool, "CreateUserPool");
    let client = json!({"UserPoolId": pool["UserPool"]["Id"], "ClientName": "c"});
    let client = body(&cognito(&local, "CreateUserPoolClient", client).await);
    check_members(Api::cognito(), "CreateUserPoolClientResponse", &client, "CreateUserPoolClient");
    assert!(client["UserPoolClient"].get("ClientSecret").is_none(), "{client}");
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_success_is_the_models_and_204_has_no_body() {
    let local = stand_in();
    let created = send(&local, "POST", "/gateways/", &gateway_input("g").to_string()).await;
    let (id, arn) = (at(&body(&created), "/gatewayId"), label(&at(&body(&created), "/gatewayArn")));
    settle().await;
    let identity = r#"{"name": "identity"}"#;
    let key = r#"{"name": "key", "apiKey": "k"}"#;
    for (operation, uri, body) in [
        ("GetGateway", format!("/gateways/{id}"), ""),
        ("TagResource", format!("/tags/{arn}"), r#"{"tags": {"a": "b"}}"#),
        ("UntagResource", format!("/tags/{arn}?tagKeys=a"), ""),
        ("DeleteGateway", format!("/gateways/{id}"), ""),
        ("CreatePolicyEngine", "/policy-engines".to_owned(), r#"{"name": "engine"}"#),
        ("CreateWorkloadIdentity", "/identities/CreateWorkloadIdentity".to_owned(), identity),
        ("DeleteWorkloadIdentity", "/identities/DeleteWorkloadIdentity".to_owned(), identity),
        ("CreateApiKeyCredentialProvider", "/identities/CreateApiKeyCredentialProvider".to_owned(), key),
        (
            "DeleteApiKeyCredentialProvider",
            "/identities/DeleteApiKeyCredentialProvider".to_owned(),
            r#"{"name": "key"}"#,
        ),
    ] {
        let known = Api::agentcore().operation(operation).unwrap();
        let response = send(&local, &known.method, &uri, body).await;
        assert_eq!(response.status(), known.status, "{operation}: {:?}", response.body());
        let empty = known.status == 204 || known.output.is_none();
        assert_eq!(response.body().is_empty(), empty, "{operation}");
        assert_eq!(response.headers().contains_key("content-type"), !empty, "{operation}");
    }
    assert_eq!(created.status(), 202);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_fast_is_said_in_the_words_that_clients_retry() {
    let local = Localstack::new(Config { rates: true, ..Config::default() });
    let mut last = cognito(&local, "ListUserPools", json!({"MaxResults": 1})).await;
    for _ in 0..15 {
        last = cognito(&local, "ListUserPools", json!({"MaxResults": 1})).await;
    }
    assert_eq!((last.status().as_u16(), &body(&last)["__type"]), (400, &json!("TooManyRequestsException")));
    for _ in 0..2 {
        last = send(&local, "POST", "/policy-engines", r#"{"name": "engine"}"#).await;
    }
    assert_eq!(
        (last.status().as_u16(), &last.headers()["x-amzn-errortype"]),
        (429, &"ThrottlingException".parse().unwrap())
    );
    // A second later there is room again; a conflict is none that passes.
    tokio::time::advance(Duration::from_secs(1)).await;
    last = send(&local, "POST", "/policy-engines", r#"{"name": "engine"}"#).await;
    assert_eq!(
        (last.status().as_u16(), &last.headers()["x-amzn-errortype"]),
        (409, &"ConflictException".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn moments_are_text_in_one_family_and_seconds_in_the_other() {
    let local = stand_in();
    let gateway = body(&send(&local, "POST", "/gateways/", &gateway_input("g").to_string()).await);
    let text = at(&gateway, "/createdAt");
    assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
    send(&local, "POST", "/identities/CreateWorkloadIdentity", r#"{"name": "identity"}"#).await;
    let identity = body(&send(&local, "POST", "/identities/GetWorkloadIdentity", r#"{"name": "identity"}"#).await);
    let pool = body(&cognito(&local, "CreateUserPool", json!({"PoolName": "p"})).await);
    for seconds in [&identity["createdTime"], &pool["UserPool"]["CreationDate"]] {
        let seconds = seconds.as_f64().unwrap_or_else(|| panic!("{identity} {pool}"));
        assert!((1.0e9..1.0e10).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_checks_what_no_client_checks() {
    let local = stand_in();
    let gateway = |changes| with(gateway_input("g"), changes).to_string();
    for (body, field) in [
        (gateway(json!({"name": ""})), "name"),
        (gateway(json!({"name": "-g"})), "name"),
        (gateway(json!({"name": "g".repeat(101)})), "name"),
        (gateway(json!({"name": 7})), "name"),
        (gateway(json!({"authorizerType": "PASSWORD"})), "authorizerType"),
        (gateway(json!({"clientToken": "short"})), "clientToken"),
        (gateway(json!({"protocolConfiguration": {}})), "protocolConfiguration"),
        (gateway(json!({"invented": 1})), "invented"),
    ] {
        let response = send(&local, "POST", "/gateways/", &body).await;
        let refused = self::body(&response);
        assert_eq!((response.status().as_u16(), &refused["fieldList"][0]["name"]), (400, &json!(field)), "{refused}");
    }
    // A label that is empty is no label.
    let response = send(&local, "GET", "/gateways//targets/", "").await;
    assert!(matches!(response.status().as_u16(), 400 | 404), "{:?}", response.body());
    assert_eq!(local.observe(), json!({"objects": []}));
}

#[tokio::test(start_paused = true)]
async fn who_signs_and_which_host_is_asked_make_no_difference() {
    let local = stand_in();
    let mut accounts = BTreeSet::new();
    for (number, (host, key)) in [
        ("bedrock-agentcore-control.eu-west-1.amazonaws.com", "999988887777"),
        ("127.0.0.1:5005", "AKIDEXAMPLE"),
        ("[::1]", "../../etc"),
    ]
    .into_iter()
    .enumerate()
    {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261124/eu-west-1/bedrock-agentcore/aws4_request, SignedHeaders=host, Signature=0"
        );
        let request =
            Request::builder().method("POST").uri("/gateways").header("host", host).header("authorization", scope);
        let input = gateway_input(&format!("g{number}")).to_string();
        let response = local.handle(request.body(Bytes::from(input)).unwrap()).await.unwrap();
        let arn = at(&body(&response), "/gatewayArn");
        accounts.insert(arn.split(':').skip(3).take(2).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(accounts, BTreeSet::from(["us-east-1 111122223333".to_owned()]));
}
