//! Thousands of requests that are wrong somewhere: each is answered with what a client can read, none with a 500, and none gets more
//! than it should.

use std::time::Instant;

use ::http::Request;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::random::Random;
use super::spoiled::{sound, spoiled};
use super::*;

#[tokio::test(start_paused = true)]
async fn no_request_is_an_error_of_the_server() {
    let local = stand_in();
    let sound = sound(&local).await;
    assert!(sound.len() > 250, "every route is among them: {}", sound.len());
    let mut random = Random(5);
    let mut answers = [0; 6];
    for number in 0..6000 {
        let request = loop {
            let one = &sound[if number < sound.len() { number } else { random.below(sound.len()) }];
            if let Some(request) = spoiled(&mut random, one) {
                break request;
            }
        };
        let shown = format!(
            "{number}: {} {:.200} {:?} {:.400}",
            request.method(),
            request.uri().to_string(),
            request.headers(),
            String::from_utf8_lossy(request.body())
        );
        let begun = Instant::now();
        let answer = local.handle(request).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: {shown}", begun.elapsed());
        let (status, body) = (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap());
        answers[usize::from(status) / 100] += 1;
        assert!((200..500).contains(&status), "{status} {body:.400}: {shown}");
        assert!(!body.trim_start().starts_with("<html"), "{body:.400}: {shown}");
        if status >= 400 {
            assert!(body.len() < 100_000, "{} bytes: {shown}", body.len());
            assert!(
                answer.headers().contains_key("x-amzn-errortype") || body.starts_with("<ErrorResponse"),
                "{body:.400}: {shown}"
            );
            let message = serde_json::from_str::<Value>(&body).is_ok_and(|body| body["message"].is_string());
            assert!(message || body.contains("<Message>"), "{body:.400}: {shown}");
        }
    }
    assert!(answers[2] > 40 && answers[4] > 3000, "{answers:?}");
    assert_eq!(local.contradictions(), Vec::<String>::new());
    // It still works, and nothing was remembered of what was refused.
    assert_eq!(
        local.call("ListGateways", json!({})).await.unwrap()["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["name"] == "g")
            .count(),
        1
    );
}

#[tokio::test]
async fn no_head_confuses_the_connection() {
    let local = stand_in();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(localstack::serve(local.clone(), listener, stopped));
    let smuggled =
        "POST /policy-engines HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18\r\n\r\n{\"name\":\"smuggled\"}";
    let body = format!("0\r\n\r\n{smuggled}");
    let length = body.len();
    let heads = [
        // Two lengths, a length and chunks, chunks said in odd ways, lengths that are none.
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\ntransfer-encoding: xchunked\r\n\r\n{body}"
        ),
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding : chunked\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked, identity\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
        format!("POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: +{length}\r\n\r\n{body}"),
        format!("POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n{body}"),
        format!("POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n{body}"),
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\nx: a\r\n content-length: 5\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{body}"
        ),
        format!(
            "POST /gateways HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ),
        // Other ways to write a request.
        "GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            .to_owned(),
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /gateways HTTP/1.0\r\n\r\n".to_owned(),
        "GET /gateways\r\n\r\n".to_owned(),
        "GET /gateways HTTP/3.7\r\n\r\n".to_owned(),
        "GET /_localstack/../_localstack/state HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /%5flocalstack/state HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(),
        "POST /_LOCALSTACK/RESET HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            .to_owned(),
        "POST //moto-api//reset HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            .to_owned(),
        "GET /gateways HTTP/1.1\r\nhost: localhost\r\nupgrade: h2c\r\nconnection: upgrade, close\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /gateways HTTP/1.1\nhost: localhost\nconnection: close\n\n".to_owned(),
    ];
    for head in &heads {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let answers = answer.matches("HTTP/1.1 ").count() + answer.matches("HTTP/1.0 ").count();
        assert!(answers <= 1 && !answer.contains(" 500 "), "{head}\n{answer}");
        assert!(!answer.contains("\"objects\""), "{head}\n{answer}");
    }
    // Nobody got a second request through.
    assert_eq!(local.observe(), json!({"objects": []}));
    assert!(local.journal().iter().all(|entry| entry.operation != "CreatePolicyEngine"));
    // Bytes at random.
    let mut random = Random(11);
    let whole = "POST /gateways/ HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 14\r\n\r\n{\"name\": \"g\"}\n";
    for _ in 0..400 {
        let mut bytes = whole.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let place = random.below(bytes.len());
            bytes[place] = u8::try_from(random.below(256)).unwrap();
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer).await;
        assert!(
            !answer.starts_with(b"HTTP/1.1 5"),
            "{} {}",
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&answer)
        );
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn texts_that_are_meant_to_exhaust_the_parser_end_no_process() {
    let local = stand_in();
    let engine = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    settle().await;
    let attached = json!({"policyEngineConfiguration": {"arn": at(&engine, "/policyEngineArn"), "mode": "ENFORCE"}});
    let gateway = at(&ok(&local, "CreateGateway", with(gateway_input("g"), attached)).await, "/gatewayId");
    settle().await;
    ready_target(&local, &gateway, "t").await;
    let mut accepted = 0;
    for many in [10, 100, 1100, 2300, 4700, 70_000] {
        for (before, middle, after) in [
            ("(", "true", ")"),
            ("!", "true", ""),
            ("-", "1 == 1", ""),
            ("[", "1", "]"),
            ("{a: ", "1", "}"),
            ("if true then ", "true", " else true"),
            ("if true then true else ", "true", ""),
            ("true && ", "true", ""),
            ("true||", "true", ""),
            ("1+", "1 == 1", ""),
            ("1*", "1 == 1", ""),
            ("", "context", ".a"),
            ("", "context", "[\"a\"]"),
            ("", "context has a", ".a"),
            ("principal.hasTag(", "\"a\"", ")"),
        ] {
            let condition = format!("{}{middle}{}", before.repeat(many), after.repeat(many));
            let statement = format!("permit(principal, action, resource is AgentCore::Gateway) when {{{condition}}};");
            let name = format!("policy_{}", local.journal().len());
            let definition = json!({"cedar": {"statement": statement}});
            let input = json!({"policyEngineId": engine["policyEngineId"], "name": name, "definition": definition});
            let begun = Instant::now();
            match local.call("CreatePolicy", input).await {
                Ok(_) => accepted += 1,
                Err(failure) => assert_eq!(failure.status, 400, "{before}{middle}{after} {many}: {failure}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{before}{middle}{after} {many}");
        }
    }
    assert!(accepted > 20, "what is not that deep is a policy: {accepted}");
}

#[tokio::test(start_paused = true)]
async fn a_schema_as_deep_as_json_goes_ends_no_process() {
    let local = stand_in();
    let engine = ok(&local, "CreatePolicyEngine", json!({"name": "engine"})).await;
    settle().await;
    let attached = json!({"policyEngineConfiguration": {"arn": at(&engine, "/policyEngineArn"), "mode": "ENFORCE"}});
    let gateway = at(&ok(&local, "CreateGateway", with(gateway_input("g"), attached)).await, "/gatewayId");
    settle().await;
    for (number, deep) in [10, 55, 200].into_iter().enumerate() {
        let open = r#"{"type":"object","properties":{"a":"#.repeat(deep);
        let schema = format!(r#"{open}{{"type":"string"}}{}"#, "}}".repeat(deep));
        let body = with(target_input(&gateway, &format!("t{number}")), json!({"gatewayIdentifier": null}));
        let body = body.to_string().replace(r#"{"type":"object"}"#, &schema);
        assert!(body.contains(&schema));
        let request = Request::builder().method("POST").uri(format!("/gateways/{gateway}/targets"));
        let answer = local.handle(request.body(Bytes::from(body)).unwrap()).await.unwrap();
        assert!(matches!(answer.status().as_u16(), 202 | 400), "{deep}: {answer:?}");
        assert_eq!(answer.status() == 202, deep < 200, "{deep}: {answer:?}");
        settle().await;
        let definition = json!({"cedar": {"statement": "permit(principal, action, resource is AgentCore::Gateway) when { 1 == 2 };"}});
        let input = json!({"policyEngineId": engine["policyEngineId"], "name": format!("p_{number}_x"), "definition": definition});
        ok(&local, "CreatePolicy", input).await;
    }
}

#[test]
fn no_pattern_takes_long_to_say_no() {
    for api in [model::Api::agentcore(), model::Api::cognito()] {
        for (name, shape) in &api.shapes {
            let model::Body::String { pattern: Some(pattern), .. } = &shape.body else { continue };
            for text in ["a".repeat(200_000), "a-".repeat(100_000), "a.b/c:".repeat(30_000), "1".repeat(200_000)] {
                let begun = Instant::now();
                api.validate(name, &json!(text + "\n!"), &|_| false);
                assert!(begun.elapsed() < Duration::from_secs(3), "{name} {pattern}: {:?}", begun.elapsed());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_very_much_does_not_keep_others_waiting() {
    let local = stand_in();
    let mut input = gateway_input("g");
    for number in 0..200_000 {
        input[format!("member{number}")] = json!(number);
    }
    let (big, other) = (local.clone(), local.clone());
    let begun = std::time::Instant::now();
    let refused = tokio::spawn(async move { big.call("CreateGateway", input).await });
    let mut longest = Duration::ZERO;
    while !refused.is_finished() {
        let one = std::time::Instant::now();
        ok(&other, "ListGateways", json!({})).await;
        longest = longest.max(one.elapsed());
    }
    let took = begun.elapsed();
    let failure = refused.await.unwrap().unwrap_err();
    assert!(failure.message.starts_with("200000 validation errors"), "{}", &failure.message[..100]);
    assert!(longest * 2 < took, "{longest:?} of {took:?}");
}
