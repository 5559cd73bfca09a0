//! Requests as an SDK sends them.

use ::http::{Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

async fn send(local: &Localstack, request: Request<String>) -> Response<Bytes> {
    local.handle(request.map(Bytes::from)).await.unwrap()
}

fn rest(method: &str, uri: &str, body: &str) -> Request<String> {
    Request::builder().method(method).uri(uri).body(body.to_owned()).unwrap()
}

fn cognito(operation: &str, body: &Value) -> Request<String> {
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    let builder = Request::builder().method("POST").uri("/").header("x-amz-target", target);
    builder.header("content-type", "application/x-amz-json-1.1").body(body.to_string()).unwrap()
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn rest_answers_with_the_models_status() {
    let local = stand_in();
    let created = send(&local, rest("POST", "https://host.example/gateways", &gateway_input("g").to_string())).await;
    assert_eq!(created.status(), 202);
    assert_eq!(created.headers()["x-amzn-requestid"].len(), 36);
    let arn = at(&body(&created), "/gatewayArn").replace(':', "%3A").replace('/', "%2F");
    let tagged = send(&local, rest("POST", &format!("/tags/{arn}"), r#"{"tags":{"a b":"1"}}"#)).await;
    assert_eq!((tagged.status().as_u16(), tagged.body().len()), (204, 0));
    let untagged = send(&local, rest("DELETE", &format!("/tags/{arn}?tagKeys=a%20b&tagKeys=c"), "")).await;
    assert_eq!(untagged.status(), 204);
    let listed = send(&local, rest("GET", &format!("/tags/{arn}"), "")).await;
    assert_eq!(body(&listed), json!({"tags": {}}));
    let runtimes = send(&local, rest("POST", "/runtimes/?maxResults=5", "")).await;
    assert_eq!(body(&runtimes), json!({"agentRuntimes": []}));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_what_the_model_says() {
    let local = stand_in();
    let refused = send(&local, rest("POST", "/gateways/", r#"{"name":"g"}"#)).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["x-amzn-errortype"]),
        (400, &"ValidationException".parse().unwrap())
    );
    let refused = body(&refused);
    assert_eq!(refused["reason"], "FieldValidationFailed");
    assert_eq!(refused["fieldList"][0]["name"], "roleArn");
    assert!(refused["message"].as_str().unwrap().starts_with("2 validation errors"));
    let broken = send(&local, rest("POST", "/gateways/", "{")).await;
    assert_eq!(body(&broken)["reason"], "CannotParse");
    let nowhere = send(&local, rest("GET", "/unheard-of", "")).await;
    assert_eq!(
        (nowhere.status().as_u16(), &nowhere.headers()["content-type"]),
        (404, &"application/json".parse().unwrap())
    );
    assert_eq!(local.journal().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn cognito_speaks_json_and_says_its_type() {
    let local = stand_in();
    let created = send(&local, cognito("CreateUserPool", &json!({"PoolName": "p"}))).await;
    assert_eq!(created.headers()["content-type"], "application/x-amz-json-1.1");
    let id = at(&body(&created), "/UserPool/Id");
    let missing = send(&local, cognito("DescribeUserPool", &json!({"UserPoolId": "us-east-1_none"}))).await;
    assert_eq!(missing.status(), 400);
    assert_eq!(body(&missing)["__type"], "ResourceNotFoundException");
    let deleted = send(&local, cognito("DeleteUserPool", &json!({"UserPoolId": id}))).await;
    assert_eq!((deleted.status().as_u16(), deleted.body().len()), (200, 0));
    let unknown = send(&local, cognito("Nonsense", &json!({}))).await;
    assert_eq!((unknown.status().as_u16(), &body(&unknown)["__type"]), (400, &json!("UnknownOperationException")));
}

#[tokio::test(start_paused = true)]
async fn sts_says_who_is_calling() {
    let local = stand_in();
    let request = |action: &str| {
        let body = format!("Action={action}&Version=2011-06-15");
        let builder = Request::builder().method("POST").uri("/");
        builder.header("content-type", "application/x-www-form-urlencoded").body(body).unwrap()
    };
    let answer = send(&local, request("GetCallerIdentity")).await;
    assert_eq!(answer.headers()["content-type"], "text/xml");
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(text.contains("<Account>111122223333</Account>"), "{text}");
    let refused = send(&local, request("AssumeRole")).await;
    assert_eq!(refused.status(), 400);
    assert!(String::from_utf8(refused.body().to_vec()).unwrap().contains("<Code>"));
}

#[tokio::test(start_paused = true)]
async fn faults_look_like_faults_on_the_wire() {
    use localstack::{Dropped, Fault, FaultKind};
    let local = stand_in();
    for kind in [FaultKind::LoseAnswer, FaultKind::Drop] {
        local.fault(Fault { operation: Some("ListGateways".into()), nth: 1, times: 1, kind });
        let answer = local.handle(rest("GET", "/gateways/", "").map(Bytes::from)).await;
        assert_eq!(answer.err(), Some(Dropped));
    }
    local.fault(Fault { operation: Some("ListGateways".into()), nth: 1, times: 1, kind: FaultKind::NotJson });
    let page = send(&local, rest("GET", "/gateways/", "")).await;
    assert_eq!((page.status().as_u16(), &page.headers()["content-type"]), (200, &"text/html".parse().unwrap()));
}
