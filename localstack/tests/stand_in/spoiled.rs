//! Requests of every route with something wrong in each.

use ::http::{HeaderName, HeaderValue, Request, Uri};
use bytes::Bytes;
use model::{Api, Body};

use super::random::Random;
use super::*;

/// A request before it is spoiled.
#[derive(Clone)]
pub(crate) struct Sound {
    method: String,
    uri: String,
    target: Option<String>,
    body: Value,
}

/// Values that fit most patterns.
const SAMPLES: [&str; 12] = [
    "name",
    "a-name-0123456789",
    "name_0123456789abcdef",
    "0b6c7a5e-4f0e-4a53-9d7c-2f3f7b1f0a11",
    "us-east-1_abcdefghi",
    "https://example.com/.well-known/openid-configuration",
    "arn:aws:iam::111122223333:role/name",
    "arn:aws:lambda:us-east-1:111122223333:function:name",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/name-0123456789",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/name:1",
    "a-secret-that-is-long-enough",
    "1",
];

/// Something that a shape may allow: required members only.
fn sample(api: &Api, name: &str, depth: usize) -> Value {
    let Some(shape) = api.shape(name).filter(|_| depth < 6) else { return Value::Null };
    match &shape.body {
        Body::Structure { members, union } => {
            let taken = members.iter().enumerate().filter(|(place, member)| member.required || (*union && *place == 0));
            let fields = taken.map(|(_, member)| (member.wire.clone(), sample(api, &member.shape, depth + 1)));
            Value::Object(fields.collect())
        }
        Body::List { element, .. } => json!([sample(api, element, depth + 1)]),
        Body::Map { value, .. } => json!({"key": sample(api, value, depth + 1)}),
        Body::String { values, .. } if !values.is_empty() => json!(values[0]),
        Body::String { .. } => {
            let fits = |text: &&&str| api.validate(name, &json!(text), &|_| false).is_empty();
            json!(SAMPLES.iter().find(fits).unwrap_or(&"name"))
        }
        Body::Integer { range } | Body::Float { range } => json!(range.min.unwrap_or(1.0).max(1.0)),
        Body::Boolean => json!(true),
        Body::Timestamp { .. } => json!(1.5),
        Body::Document | Body::Blob => json!({}),
    }
}

/// Every route of both services and of STS, and what reaches deep into the kinds.
pub(crate) async fn sound(local: &Localstack) -> Vec<Sound> {
    let gateway = ready_gateway(local, "g").await;
    let target = ready_target(local, &gateway, "t").await;
    let engine = at(&ok(local, "CreatePolicyEngine", json!({"name": "engine"})).await, "/policyEngineId");
    settle().await;
    let pool = at(&ok(local, "CreateUserPool", json!({"PoolName": "p"})).await, "/UserPool/Id");
    let mut all = Vec::new();
    for operation in Api::agentcore().operations.values() {
        let uri = operation.uri.replace("{gatewayIdentifier}", &gateway).replace("{targetId}", &target);
        let uri = uri.replace("{policyEngineId}", &engine).replace(['{', '}', '+'], "");
        let body = operation.input.as_deref().map_or(json!({}), |shape| sample(Api::agentcore(), shape, 0));
        all.push(Sound { method: operation.method.clone(), uri, target: None, body });
    }
    let deep = [
        ("POST", "/gateways/".to_owned(), gateway_input("other")),
        ("PUT", format!("/gateways/{gateway}/"), gateway_input("g")),
        (
            "POST",
            format!("/gateways/{gateway}/targets/"),
            with(target_input(&gateway, "other"), json!({"gatewayIdentifier": null})),
        ),
        (
            "PUT",
            format!("/gateways/{gateway}/targets/{target}/"),
            with(target_input(&gateway, "t"), json!({"gatewayIdentifier": null})),
        ),
        (
            "POST",
            format!("/policy-engines/{engine}/policies"),
            json!({
                "name": "policy",
                "definition": {"cedar": {"statement": "permit(principal, action, resource is AgentCore::Gateway) when { context.input.id > 0 };"}},
            }),
        ),
    ];
    for (method, uri, body) in deep {
        let one = Sound { method: method.to_owned(), uri, target: None, body };
        all.extend(std::iter::repeat_n(one, 12));
    }
    for operation in Api::cognito().operations.values() {
        let mut body = operation.input.as_deref().map_or(json!({}), |shape| sample(Api::cognito(), shape, 0));
        if body.get("UserPoolId").is_some() {
            body["UserPoolId"] = json!(pool);
        }
        let target = Some(format!("AWSCognitoIdentityProviderService.{}", operation.name));
        all.push(Sound { method: "POST".to_owned(), uri: "/".to_owned(), target, body });
    }
    all
}

/// Texts that somebody may be wrong about.
fn text(random: &mut Random) -> Value {
    match random.below(12) {
        0 => json!(""),
        1 => json!("\0"),
        2 => json!("../../../etc/passwd"),
        3 => json!("${gateway.g.arn}"),
        4 => json!("\u{202e}\u{fffd}🦀"),
        5 => json!("a".repeat(20_000)),
        6 => json!("a-".repeat(300)),
        7 => json!("<html>&\"'\r\n"),
        8 => json!(format!(
            "permit(principal, action, resource is AgentCore::Gateway) when {{ {}true }};",
            "!".repeat(random.below(9000))
        )),
        9 => json!(format!(
            "permit(principal, action, resource is AgentCore::Gateway) when {{ {}1",
            "(".repeat(random.below(9000))
        )),
        10 => json!(format!(
            "permit(principal, action, resource is AgentCore::Gateway) when {{ {}1{} == 1 }};",
            "[".repeat(300),
            "]".repeat(300)
        )),
        _ => json!("arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/../x"),
    }
}

fn value(random: &mut Random) -> Value {
    match random.below(10) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(u64::MAX),
        3 => json!(1.0e300),
        4 => json!(false),
        5 => json!([]),
        6 => json!({}),
        7 => json!([[[[{"a": [null]}]]]]),
        _ => text(random),
    }
}

/// Puts something else in some place of a document.
fn spoil(random: &mut Random, document: &mut Value) {
    let inside = random.below(4) > 0;
    match document {
        Value::Object(members) if inside && !members.is_empty() => {
            let place = random.below(members.len());
            let name = members.keys().nth(place).cloned().unwrap();
            match random.below(8) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert("invented".to_owned(), value(random))),
                2 => drop(members.insert(text(random).as_str().unwrap().to_owned(), json!(1))),
                _ => spoil(random, &mut members[&name]),
            }
        }
        Value::Array(list) if inside && !list.is_empty() => {
            let place = random.below(list.len());
            if random.below(10) == 0 {
                list.extend(vec![list[place].clone(); 2000]);
            } else {
                spoil(random, &mut list[place]);
            }
        }
        other => *other = value(random),
    }
}

/// The bytes of a body, with something wrong in them.
fn spoiled_body(random: &mut Random, body: &Value) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    match random.below(14) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => {
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
        }
        2 => bytes.insert(random.below(bytes.len()), 0xff),
        3 => bytes = b"\xff\xfe{\0}\0".to_vec(),
        4 => bytes = [b"\xef\xbb\xbf".as_slice(), &bytes].concat(),
        5 => bytes = "[".repeat(100_000).into_bytes(),
        6 => bytes = format!("{}1{}", r#"{"a":"#.repeat(5000), "}".repeat(5000)).into_bytes(),
        7 => bytes = [b"{\"name\": 1, \"name\": \"x\", ".as_slice(), bytes.get(1..).unwrap_or_default()].concat(),
        8 => bytes = br#"{"name": "\ud800"}"#.to_vec(),
        9 => bytes = br#"{"maxResults": 1e999, "name": 1E400}"#.to_vec(),
        10 => bytes.clear(),
        11 => bytes.extend_from_slice(b"{}"),
        12 => bytes = b"<html>".to_vec(),
        _ => bytes = random.pick(&["null", "1", "\"text\"", "[]", "true", " "]).as_bytes().to_vec(),
    }
    bytes
}

fn spoiled_uri(random: &mut Random, uri: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut steps: Vec<String> = path.split('/').map(ToOwned::to_owned).collect();
    let place = random.below(steps.len() + 1);
    let long = "a".repeat(8000);
    let tricks = [
        "..",
        "%2e%2e",
        "%252e%252e",
        "",
        "%00",
        "%ff%fe",
        "%2F..%2F",
        ".",
        "%",
        "%zz",
        ";x=1",
        "_localstack",
        &long,
        "%F0%9F%A6%80",
    ];
    match random.below(5) {
        0 => steps.insert(place, random.pick(&tricks).to_owned()),
        1 => drop(steps.pop()),
        2 => steps.extend(vec!["..".to_owned(); 20]),
        3 => steps.iter_mut().for_each(|step| *step = step.to_ascii_uppercase()),
        _ => {
            let tricks = [
                "maxResults=many",
                "maxResults=-1",
                "maxResults=99999999999999999999",
                "nextToken=%00",
                "nextToken=ff",
                "&&=&x",
                "maxResults=1&maxResults=2",
                "clientToken=",
                "tagKeys",
                "a%5B%5D=1",
                "%ff=%ff",
            ];
            return format!("{path}?{query}&{}", random.pick(&tricks));
        }
    }
    steps.join("/")
}

/// A request with up to three things wrong; nothing, if it is none at all any more.
pub(crate) fn spoiled(random: &mut Random, sound: &Sound) -> Option<Request<Bytes>> {
    let Sound { mut method, mut uri, mut target, mut body } = sound.clone();
    let mut bytes = None;
    let mut headers: Vec<(&'static str, &str)> = Vec::new();
    for _ in 0..=random.below(3) {
        match random.below(8) {
            0 => uri = spoiled_uri(random, &uri),
            1 => bytes = Some(spoiled_body(random, &body)),
            2 => {
                let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"];
                random.pick(&methods).clone_into(&mut method);
            }
            3 => {
                let targets = [
                    "",
                    "x",
                    "AWSCognitoIdentityProviderService.",
                    "DynamoDB_20120810.CreateTable",
                    "AWSCognitoIdentityProviderService.Nonsense",
                    "AWSCognitoIdentityProviderService.CreateUserPool.CreateUserPool",
                ];
                target = Some(random.pick(&targets).to_owned());
            }
            4 => headers.push((
                "content-type",
                random.pick(&[
                    "application/x-www-form-urlencoded",
                    "text/html",
                    "",
                    "application/json; charset=utf-16",
                    "multipart/form-data",
                ]),
            )),
            5 => headers.push((
                random.pick(&["content-encoding", "expect", "x-amz-target", "authorization", "x-http-method-override"]),
                random.pick(&["gzip", "100-continue", "\u{7f}x", "DELETE"]),
            )),
            _ => spoil(random, &mut body),
        }
    }
    let uri: Uri = uri.parse().ok()?;
    let mut request = Request::builder().method(method.as_str()).uri(uri);
    if let Some(target) = &target {
        request = request.header("x-amz-target", target);
    }
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_str(value) else { continue };
        request = request.header(HeaderName::from_static(name), value);
    }
    request.body(Bytes::from(bytes.unwrap_or_else(|| body.to_string().into_bytes()))).ok()
}
