//! Who is let in at a gateway: tokens of a pool of the stand-in, tokens of an issuer elsewhere on this machine, and everything that
//! only looks like one.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::http::Request;
use bytes::Bytes;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::data_plane::{Answered, Scene, answered};
use super::*;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// What a served path answers, with what it was asked.
pub(super) type Handler = dyn Fn(&str, &str) -> (u16, String) + Send + Sync;

/// A server on loopback that answers by path and body. Answers its base URL.
pub(super) async fn serve(handler: Arc<Handler>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let handler = Arc::clone(&handler);
            tokio::spawn(async move {
                let mut asked = Vec::new();
                let (head, length) = loop {
                    let mut part = [0; 4096];
                    let count = stream.read(&mut part).await.unwrap();
                    asked.extend_from_slice(&part[..count]);
                    let text = String::from_utf8_lossy(&asked).into_owned();
                    if let Some((head, _)) = text.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                        break (head.to_owned(), length.unwrap_or(0_usize));
                    }
                    assert!(count > 0, "the request ended early");
                };
                while asked.len() < head.len() + 4 + length {
                    let mut part = [0; 4096];
                    let count = stream.read(&mut part).await.unwrap();
                    asked.extend_from_slice(&part[..count]);
                }
                let body = String::from_utf8_lossy(&asked[head.len() + 4..]).into_owned();
                let (status, answer) = handler(&head, &body);
                let length = answer.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    base
}

/// A stand-in on which nothing takes time, so that the sockets' clock can run.
pub(super) fn prompt() -> Localstack {
    Localstack::new(Config { seed: 7, delay: Duration::ZERO, ..Config::default() })
}

/// Keys of an issuer elsewhere: RSA and the curve P-256.
struct Keys {
    rsa: EncodingKey,
    curve: EncodingKey,
    set: JwkSet,
}

fn keys() -> Keys {
    use aws_lc_rs::encoding::AsDer;
    let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let rsa = EncodingKey::from_rsa_pem(pem(der.as_ref()).as_bytes()).unwrap();
    let curve =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let curve = EncodingKey::from_ec_pem(pem(curve.to_pkcs8v1().unwrap().as_ref()).as_bytes()).unwrap();
    let public = |key: &EncodingKey, algorithm, name: &str| {
        let mut key = Jwk::from_encoding_key(key, algorithm).unwrap();
        key.common.key_id = Some(name.to_owned());
        key
    };
    let set = JwkSet { keys: vec![public(&rsa, Algorithm::RS256, "r"), public(&curve, Algorithm::ES256, "c")] };
    Keys { rsa, curve, set }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn with_an_odd_one(mut set: Value) -> Value {
    set["keys"].as_array_mut().unwrap().push(json!({"kty": "from the future"}));
    set
}

/// A gateway that takes the tokens of an issuer elsewhere on this machine.
struct Elsewhere {
    local: Localstack,
    gateway: String,
    issuer: String,
    keys: Keys,
}

impl Elsewhere {
    async fn new(checks: Value) -> Self {
        let keys = keys();
        let pages = Arc::new(std::sync::Mutex::new(BTreeMap::new()));
        let known = Arc::clone(&pages);
        let issuer = serve(Arc::new(move |head: &str, _: &str| {
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let pages: std::sync::MutexGuard<'_, BTreeMap<String, Value>> = known.lock().unwrap();
            pages.get(&path).map_or((404, String::new()), |page| (200, page.to_string()))
        }))
        .await;
        let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
        pages.lock().unwrap().extend([
            ("/.well-known/openid-configuration".to_owned(), discovery),
            ("/keys".to_owned(), with_an_odd_one(json!(keys.set))),
        ]);
        let local = prompt();
        let mut authorizer = json!({"discoveryUrl": format!("{issuer}/.well-known/openid-configuration")});
        for (name, value) in checks.as_object().unwrap() {
            authorizer[name] = value.clone();
        }
        let input = with(gateway_input("g"), json!({"authorizerConfiguration": {"customJWTAuthorizer": authorizer}}));
        let gateway = at(&ok(&local, "CreateGateway", input).await, "/gatewayId");
        Self { local, gateway, issuer, keys }
    }

    /// Good claims with some changed.
    fn claims(&self, changes: Value) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": self.issuer, "sub": "ann", "exp": now + 600, "aud": ["other", "hr"], "client_id": "c1", "scope": "read write",
            "department": "hr", "roles": ["buyer", "clerk"],
        });
        with(claims, changes)
    }

    fn token(&self, changes: Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("r".to_owned());
        jsonwebtoken::encode(&header, &self.claims(changes), &self.keys.rsa).unwrap()
    }

    async fn ping(&self, token: &str) -> Answered {
        let request = Request::post(format!("/gateways/{}/mcp", self.gateway))
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::from_static(PING.as_bytes()));
        answered(&self.local.handle(request.unwrap()).await.unwrap())
    }
}

fn is_refused(answered: &Answered, status: u16, error: &str, why: &str) {
    let (got, challenge, body) = answered;
    assert_eq!(*got, status, "{body}");
    assert!(challenge.starts_with(&format!("Bearer error=\"{error}\", error_description=\"")), "{challenge}");
    assert!(
        challenge.contains("resource_metadata=\"https://") || challenge.contains("resource_metadata=\"http://"),
        "{challenge}"
    );
    assert!(challenge.contains(why), "{why}: {challenge}");
}

#[tokio::test]
async fn each_check_of_an_authorizer_has_to_hold() {
    let rule = |name: &str, kind: &str, operator: &str, value: Value| {
        json!({"inboundTokenClaimName": name, "inboundTokenClaimValueType": kind, "authorizingClaimMatchValue": {
            "claimMatchOperator": operator, "claimMatchValue": value,
        }})
    };
    let there = Elsewhere::new(json!({
        "allowedAudience": ["hr", "payroll"], "allowedClients": ["c1"], "allowedScopes": ["admin", "write"],
        "advertisedScopeMapping": {"admin": "api://admin"},
        "customClaims": [
            rule("department", "STRING", "EQUALS", json!({"matchValueString": "hr"})),
            rule("roles", "STRING_ARRAY", "CONTAINS", json!({"matchValueString": "clerk"})),
            rule("roles", "STRING_ARRAY", "CONTAINS_ANY", json!({"matchValueStringList": ["boss", "buyer"]})),
        ],
    }))
    .await;
    assert_eq!(there.ping(&there.token(json!({}))).await.0, 200);
    for good in [json!({"aud": "payroll"}), json!({"scope": null, "scp": ["write"]}), json!({"nbf": 1})] {
        assert_eq!(there.ping(&there.token(good.clone())).await.0, 200, "{good}");
    }
    for (changes, why) in [
        (json!({"exp": 1_000_000_000}), "expired"),
        (json!({"exp": null}), "expired"),
        (json!({"exp": 1e300}), "no sane time"),
        (json!({"exp": "9999999999"}), "expired"),
        (json!({"nbf": 99_999_999_999_u64}), "not valid yet"),
        (json!({"iss": "https://evil.example"}), "issuer"),
        (json!({"iss": null}), "issuer"),
        (json!({"sub": null}), "subject"),
        (json!({"aud": "other"}), "audience"),
        (json!({"aud": null}), "audience"),
        (json!({"client_id": "c2"}), "client"),
        (json!({"client_id": null, "azp": "c1"}), "client"),
        (json!({"department": "hr2"}), "department"),
        (json!({"department": ["hr"]}), "department"),
        (json!({"roles": ["buyer"]}), "roles"),
        (json!({"roles": "clerk"}), "roles"),
    ] {
        is_refused(&there.ping(&there.token(changes)).await, 401, "invalid_token", why);
    }
    for changes in [
        json!({"scope": "read"}),
        json!({"scope": null}),
        json!({"scope": "rewrite write2"}),
        json!({"scp": "write", "scope": ""}),
    ] {
        let answered = there.ping(&there.token(changes)).await;
        is_refused(&answered, 403, "insufficient_scope", "scope=\"api://admin write\"");
    }
}

/// The table of the CLI's own tests, with tokens of Cognito, Okta and Entra as they are: who gets in there gets in here.
#[tokio::test]
async fn tokens_as_they_are_get_in_or_not() {
    let sorts: Value = serde_json::from_str(include_str!("../../../tests/tokens/claims.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../tests/tokens/cases.json")).unwrap();
    let there = Elsewhere::new(json!({"allowedClients": ["c1"]})).await;
    for case in &cases {
        let mut authorizer = case["authorizer"].clone();
        authorizer["discoveryUrl"] = json!(format!("{}/.well-known/openid-configuration", there.issuer));
        let input = with(
            gateway_input("g"),
            json!({"gatewayIdentifier": there.gateway, "authorizerConfiguration": {"customJWTAuthorizer": authorizer}}),
        );
        ok(&there.local, "UpdateGateway", input).await;
        let mut claims = sorts[case["claims"].as_str().unwrap()]["claims"].clone();
        claims["iss"] = json!(there.issuer);
        claims["exp"] = there.claims(json!({}))["exp"].clone();
        for (name, value) in case["change"].as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("r".to_owned());
        let token = jsonwebtoken::encode(&header, &claims, &there.keys.rsa).unwrap();
        let (status, _, body) = there.ping(&token).await;
        assert_eq!(status == 200, case["admitted"] == true, "{case}: {status} {body}");
    }
}

/// A gateway with one policy for each tag that a token is to have, or not to have: all of them hold.
#[tokio::test]
async fn claims_become_tags_of_text() {
    let sorts: Map<String, Value> = serde_json::from_str(include_str!("../../../tests/tokens/claims.json")).unwrap();
    let there = Elsewhere::new(json!({"allowedClients": ["c1"]})).await;
    let target = ok(&there.local, "CreateGatewayTarget", target_input(&there.gateway, "hr")).await;
    assert!(target["targetId"].is_string());
    let engine = at(&ok(&there.local, "CreatePolicyEngine", json!({"name": "tags"})).await, "/policyEngineId");
    let read = ok(&there.local, "GetPolicyEngine", json!({"policyEngineId": engine})).await;
    let url = format!("{}/.well-known/openid-configuration", there.issuer);
    let update = with(
        gateway_input("g"),
        json!({"gatewayIdentifier": there.gateway, "policyEngineConfiguration": {"arn": read["policyEngineArn"], "mode": "ENFORCE"},
            "authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": url, "allowedClients": ["c1"]}}}),
    );
    let gateway = ok(&there.local, "UpdateGateway", update).await;
    for (name, sort) in &sorts {
        let tests = sort["tags"].as_object().unwrap().iter().filter(|(claim, _)| *claim != "client_id");
        let tests = tests.map(|(claim, tag)| match tag.as_str() {
            Some(tag) => format!("principal.hasTag(\"{claim}\") && principal.getTag(\"{claim}\") == {tag:?}"),
            None => format!("!principal.hasTag(\"{claim}\")"),
        });
        let tests = tests.collect::<Vec<_>>().join(" && ");
        let statement = format!(
            "permit(principal is AgentCore::OAuthUser, action in AgentCore::Action::\"hr\", resource == AgentCore::Gateway::{}) when {{ {tests} }};",
            gateway["gatewayArn"]
        );
        let policy = json!({"policyEngineId": engine, "name": name.replace('-', "_"), "validationMode": "IGNORE_ALL_FINDINGS",
            "definition": {"cedar": {"statement": statement}}});
        let policy = at(&ok(&there.local, "CreatePolicy", policy).await, "/policyId");
        let listed = async |change: Value| {
            let mut claims = sort["claims"].clone();
            claims["iss"] = json!(there.issuer);
            claims["exp"] = there.claims(json!({}))["exp"].clone();
            claims["client_id"] = json!("c1");
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            let mut header = Header::new(Algorithm::RS256);
            header.kid = Some("r".to_owned());
            let token = jsonwebtoken::encode(&header, &claims, &there.keys.rsa).unwrap();
            let request = Request::post(format!("/gateways/{}/mcp", there.gateway))
                .header("authorization", format!("Bearer {token}"))
                .body(Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#));
            let (_, _, body) = answered(&there.local.handle(request.unwrap()).await.unwrap());
            body["result"]["tools"].as_array().unwrap_or_else(|| panic!("{body}")).len()
        };
        assert_eq!(listed(json!({})).await, 2, "{name}: {tests}");
        let claim = sort["tags"].as_object().unwrap().iter().find(|(_, tag)| tag.is_string()).unwrap().0;
        let mut other = Map::new();
        other.insert(claim.clone(), json!("another"));
        assert_eq!(listed(Value::Object(other)).await, 0, "{name}: {claim}");
        ok(&there.local, "DeletePolicy", json!({"policyEngineId": engine, "policyId": policy})).await;
    }
}

#[tokio::test]
async fn only_a_signature_by_a_key_of_the_issuer_counts() {
    let there = Elsewhere::new(json!({"allowedClients": ["c1"]})).await;
    let encode = |algorithm, name: Option<&str>, key: &EncodingKey| {
        let mut header = Header::new(algorithm);
        header.kid = name.map(ToOwned::to_owned);
        jsonwebtoken::encode(&header, &there.claims(json!({})), key).unwrap()
    };
    for good in
        [encode(Algorithm::ES256, Some("c"), &there.keys.curve), encode(Algorithm::RS256, None, &there.keys.rsa)]
    {
        assert_eq!(there.ping(&good).await.0, 200);
    }
    let good = there.token(json!({}));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let payload = head.split_once('.').unwrap().1;
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let unsigned =
        |algorithm: &str| format!("{}.{payload}.", base64(&json!({"alg": algorithm, "typ": "JWT"}).to_string()));
    let modulus = json!(there.keys.set)["keys"][0]["n"].as_str().unwrap().to_owned();
    let stranger = keys();
    let critical = {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("r".to_owned());
        header.crit = Some(vec!["x".to_owned()]);
        jsonwebtoken::encode(&header, &there.claims(json!({})), &there.keys.rsa).unwrap()
    };
    for bad in [
        // No signature, whatever it is called.
        unsigned("none"),
        unsigned("None"),
        unsigned("RS256"),
        format!("{head}."),
        format!("{head}.{}", signature.chars().rev().collect::<String>()),
        // What the claims were before someone changed them.
        format!(
            "{}.{}.{signature}",
            head.split_once('.').unwrap().0,
            base64(&there.claims(json!({"sub": "eve"})).to_string())
        ),
        // The public key taken for a shared secret.
        encode(Algorithm::HS256, Some("r"), &EncodingKey::from_secret(modulus.as_bytes())),
        encode(Algorithm::HS256, None, &EncodingKey::from_secret(json!(there.keys.set).to_string().as_bytes())),
        // An algorithm that the key is not for.
        encode(Algorithm::RS512, Some("r"), &there.keys.rsa),
        // Keys of somebody else, and of the issuer under another's name.
        encode(Algorithm::RS256, Some("r"), &stranger.rsa),
        encode(Algorithm::RS256, None, &stranger.rsa),
        encode(Algorithm::RS256, Some("c"), &there.keys.rsa),
        encode(Algorithm::RS256, Some("unheard"), &there.keys.rsa),
        critical,
        String::new(),
        "a.b.c".to_owned(),
        "....".to_owned(),
    ] {
        is_refused(&there.ping(&bad).await, 401, "invalid_token", "signature");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_pool_of_the_stand_in() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    assert_eq!(scene.send(&token, "ping", json!({})).await.0, 200);

    let (status, challenge, body) = scene.post(&[], PING).await;
    let host = format!("https://{}.gateway.bedrock-agentcore.us-east-1.amazonaws.com", scene.gateway);
    assert_eq!((status, body["error"]["message"].as_str()), (401, Some("Missing Bearer token")));
    assert_eq!(challenge, format!("Bearer resource_metadata=\"{host}/.well-known/oauth-protected-resource/mcp\""));
    let basic = scene.post(&[("authorization", "Basic YTpi")], PING).await;
    assert_eq!((basic.0, basic.1), (401, challenge));
    let metadata = Request::get(format!("/gateways/{}/.well-known/oauth-protected-resource", scene.gateway));
    let metadata = answered(&scene.local.handle(metadata.body(Bytes::new()).unwrap()).await.unwrap());
    assert_eq!(metadata.2["resource"], format!("{host}/mcp"));
    assert_eq!(
        metadata.2["authorization_servers"][0],
        format!("https://cognito-idp.us-east-1.amazonaws.com/{}", scene.pool)
    );

    // Another pool's token, the client of this one or not.
    let other = Scene::on(Localstack::new(Config { seed: 8, ..Config::default() })).await;
    is_refused(&scene.send(&other.token(0).await, "ping", json!({})).await, 401, "invalid_token", "signature");

    let jwt = |changes: Value| {
        let authorizer = scene.gateway_input("ENFORCE")["authorizerConfiguration"]["customJWTAuthorizer"].clone();
        json!({"authorizerConfiguration": {"customJWTAuthorizer": with(authorizer, changes)}})
    };
    scene.update(jwt(json!({"allowedClients": [scene.clients[1].0]}))).await;
    is_refused(&scene.send(&token, "ping", json!({})).await, 401, "invalid_token", "client");
    scene.update(jwt(json!({"allowedScopes": ["api/write"]}))).await;
    is_refused(&scene.send(&token, "ping", json!({})).await, 403, "insufficient_scope", "scope=\"api/write\"");
    assert_eq!(scene.send(&scene.token(1).await, "ping", json!({})).await.0, 200);
    // Access tokens of a pool name no audience.
    scene.update(jwt(json!({"allowedAudience": [scene.clients[0].0]}))).await;
    is_refused(&scene.send(&token, "ping", json!({})).await, 401, "invalid_token", "audience");
    scene.update(json!({})).await;
    tokio::time::advance(Duration::from_secs(3601)).await;
    is_refused(&scene.send(&token, "ping", json!({})).await, 401, "invalid_token", "expired");
    ok(&scene.local, "DeleteUserPoolDomain", json!({"UserPoolId": scene.pool, "Domain": "hr-three-roles"})).await;
    settle().await;
    ok(&scene.local, "DeleteUserPool", json!({"UserPoolId": scene.pool})).await;
    is_refused(&scene.send(&token, "ping", json!({})).await, 401, "invalid_token", "does not exist");
}

#[tokio::test(start_paused = true)]
async fn only_loopback_is_asked_for_keys() {
    let scene = Scene::new().await;
    let token = scene.token(0).await;
    for url in
        ["https://idp.example/.well-known/openid-configuration", "http://10.0.0.1/.well-known/openid-configuration"]
    {
        let authorizer = json!({"discoveryUrl": url, "allowedClients": ["c"]});
        scene.update(json!({"authorizerConfiguration": {"customJWTAuthorizer": authorizer}})).await;
        is_refused(&scene.send(&token, "ping", json!({})).await, 401, "invalid_token", "not an http URL on loopback");
    }
}
