//! The keys of a user pool, discovery and the token endpoint, with a JWT library as the one who verifies.

use ::http::{Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::*;

/// A user pool with a client that acts for itself.
pub(crate) struct Pool {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) secret: String,
}

impl Pool {
    /// One with a domain and the scopes `hr/read` and `hr/pii`, of which the client is allowed both.
    pub(crate) async fn create(local: &Localstack) -> Self {
        let pool = Self::without_domain(local).await;
        ok(local, "CreateUserPoolDomain", json!({"UserPoolId": pool.id, "Domain": "hr-agent"})).await;
        settle().await;
        pool
    }

    async fn without_domain(local: &Localstack) -> Self {
        let id = at(&ok(local, "CreateUserPool", json!({"PoolName": "hr"})).await, "/UserPool/Id");
        let scopes = json!([
            {"ScopeName": "read", "ScopeDescription": "Reads"}, {"ScopeName": "pii", "ScopeDescription": "More"},
        ]);
        let server = json!({"UserPoolId": id, "Identifier": "hr", "Name": "HR", "Scopes": scopes});
        ok(local, "CreateResourceServer", server).await;
        let created = ok(local, "CreateUserPoolClient", m2m(&id)).await;
        let (client, secret) = (at(&created, "/UserPoolClient/ClientId"), at(&created, "/UserPoolClient/ClientSecret"));
        Self { id, client, secret }
    }

    fn basic(&self) -> String {
        basic(&self.client, &self.secret)
    }
}

fn m2m(pool: &str) -> Value {
    json!({
        "UserPoolId": pool, "ClientName": "m2m", "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["hr/read", "hr/pii"],
        "AccessTokenValidity": 10, "TokenValidityUnits": {"AccessToken": "minutes"},
    })
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// What comes back for a GET: the status and the body.
pub(crate) async fn get(local: &Localstack, path: &str) -> (u16, Value) {
    let request = Request::builder().uri(path).body(Bytes::new()).unwrap();
    read(&local.handle(request).await.unwrap())
}

fn read(response: &Response<Bytes>) -> (u16, Value) {
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// A request for a token, with an Authorization header if there is one.
fn ask(path: &str, authorization: Option<&str>, form: &str) -> Request<Bytes> {
    let mut request =
        Request::builder().method("POST").uri(path).header("content-type", "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.body(Bytes::from(form.to_owned())).unwrap()
}

pub(crate) async fn token(local: &Localstack, authorization: Option<&str>, form: &str) -> (u16, Value) {
    read(&local.handle(ask("/oauth2/token", authorization, form)).await.unwrap())
}

/// The claims of a token that its pool signed, whatever the time is.
pub(crate) async fn claims(local: &Localstack, pool: &str, token: &str) -> Value {
    let (status, keys) = get(local, &format!("/{pool}/.well-known/jwks.json")).await;
    assert_eq!(status, 200, "{keys}");
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ), (Algorithm::RS256, None));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_a_token_that_a_jwt_library_verifies() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let response =
        local.handle(ask("/oauth2/token", Some(&pool.basic()), "grant_type=client_credentials")).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (status, answer) = read(&response);
    assert_eq!((status, &answer["token_type"], &answer["expires_in"]), (200, &json!("Bearer"), &json!(600)));
    let claims = claims(&local, &pool.id, &at(&answer, "/access_token")).await;
    let mut members: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let documented = ["auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sub", "token_use", "version"];
    assert_eq!(members, documented, "and no audience");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(pool.client), &json!(pool.client)));
    assert_eq!((&claims["token_use"], &claims["version"]), (&json!("access"), &json!(2)));
    assert_eq!(claims["iss"], format!("https://cognito-idp.us-east-1.amazonaws.com/{}", pool.id));
    assert_eq!(claims["scope"], "hr/read hr/pii", "without a wish it is all that is allowed");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
}

#[tokio::test(start_paused = true)]
async fn discovery_names_the_issuer_and_the_keys() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let (status, discovery) = get(&local, &format!("/{}/.well-known/openid-configuration", pool.id)).await;
    let issuer = format!("https://cognito-idp.us-east-1.amazonaws.com/{}", pool.id);
    assert_eq!((status, &discovery["issuer"]), (200, &json!(issuer)));
    assert_eq!(discovery["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
    assert_eq!(discovery["token_endpoint"], "https://hr-agent.auth.us-east-1.amazoncognito.com/oauth2/token");
    let (_, keys) = get(&local, &format!("/{}/.well-known/jwks.json", pool.id)).await;
    assert_eq!((keys["keys"].as_array().unwrap().len(), &keys["keys"][0]["use"]), (1, &json!("sig")));
    assert_eq!(keys, get(&local, &format!("/{}/.well-known/jwks.json", pool.id)).await.1, "the key stays the same");
    let (status, unknown) = get(&local, "/us-east-1_nobody/.well-known/jwks.json").await;
    assert_eq!((status, unknown["message"].is_string()), (404, true));
    let told = format!("{} {:?}", local.observe(), local.journal());
    assert!(!told.contains("PRIVATE KEY") && !told.contains("SigningKey"), "{told}");
}

/// The code of a refusal of the token endpoint, which is 400 and JSON whatever it is.
async fn refused_token(local: &Localstack, authorization: Option<&str>, form: &str) -> String {
    let response = local.handle(ask("/oauth2/token", authorization, form)).await.unwrap();
    assert_eq!((&response.headers()["cache-control"], response.status().as_u16()), (&"no-store".parse().unwrap(), 400));
    let (_, answer) = read(&response);
    assert!(answer["error_description"].is_string(), "{answer}");
    at(&answer, "/error")
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refused_with_the_documented_error() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let (id, secret) = (&pool.client, &pool.secret);
    let grant = "grant_type=client_credentials";
    for (authorization, form, code) in [
        (Some(pool.basic()), String::new(), "invalid_request"),
        (Some(pool.basic()), "grant_type=password".to_owned(), "unsupported_grant_type"),
        (None, grant.to_owned(), "invalid_request"),
        (Some("Basic".to_owned()), grant.to_owned(), "invalid_request"),
        (Some("Basic !!".to_owned()), grant.to_owned(), "invalid_request"),
        (Some("Bearer abc".to_owned()), grant.to_owned(), "invalid_client"),
        (Some(basic(id, "wrong")), grant.to_owned(), "invalid_client"),
        (Some(basic("nobody", secret)), grant.to_owned(), "invalid_client"),
        (None, format!("{grant}&client_id={id}"), "invalid_client"),
        (None, format!("{grant}&client_id={id}&client_secret={secret}x"), "invalid_client"),
        (Some(pool.basic()), format!("{grant}&client_secret={secret}"), "invalid_request"),
        (Some(pool.basic()), format!("{grant}&client_id=another"), "invalid_request"),
        (Some(pool.basic()), format!("{grant}&{grant}"), "invalid_request"),
        (Some(pool.basic()), format!("{grant}&scope=hr/write"), "invalid_scope"),
        (Some(pool.basic()), format!("{grant}&scope=hr/read+openid"), "invalid_scope"),
        (Some(pool.basic()), "grant_type=refresh_token".to_owned(), "invalid_request"),
        (Some(pool.basic()), "grant_type=refresh_token&refresh_token=no.such".to_owned(), "invalid_grant"),
    ] {
        assert_eq!(refused_token(&local, authorization.as_deref(), &form).await, code, "{authorization:?} {form}");
    }
    let json = Request::builder().method("POST").uri("/oauth2/token").header("content-type", "application/json");
    let (status, answer) = read(&local.handle(json.body(Bytes::from("{}")).unwrap()).await.unwrap());
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
    let (status, _) = get(&local, "/oauth2/token").await;
    assert_eq!(status, 405);
}

#[tokio::test(start_paused = true)]
async fn a_client_needs_the_flow_a_secret_and_a_domain() {
    let local = stand_in();
    let pool = Pool::without_domain(&local).await;
    let form = "grant_type=client_credentials";
    let (status, answer) = token(&local, Some(&pool.basic()), form).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
    assert!(at(&answer, "/error_description").contains("CreateUserPoolDomain"), "{answer}");
    ok(&local, "CreateUserPoolDomain", json!({"UserPoolId": pool.id, "Domain": "hr-agent"})).await;
    assert_eq!(refused_token(&local, Some(&pool.basic()), form).await, "invalid_request", "not ACTIVE yet");
    settle().await;
    assert_eq!(token(&local, Some(&pool.basic()), form).await.0, 200);

    let client = json!({"UserPoolId": pool.id, "ClientId": pool.client});
    ok(&local, "UpdateUserPoolClient", client).await;
    assert_eq!(refused_token(&local, Some(&pool.basic()), form).await, "unauthorized_client");
    let public = ok(&local, "CreateUserPoolClient", json!({"UserPoolId": pool.id, "ClientName": "public"})).await;
    let form = format!("{form}&client_id={}", at(&public, "/UserPoolClient/ClientId"));
    assert_eq!(refused_token(&local, None, &form).await, "unauthorized_client");
}

#[tokio::test(start_paused = true)]
async fn either_of_two_secrets_will_do_in_the_header_or_the_form() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let client = json!({"UserPoolId": pool.id, "ClientId": pool.client});
    let own = "an0ther+secret+of+my+own";
    let first = at(&ok(&local, "ListUserPoolClientSecrets", client.clone()).await, "/ClientSecrets/0/ClientSecretId");
    ok(&local, "AddUserPoolClientSecret", with(client.clone(), json!({"ClientSecret": own}))).await;
    let form = |secret: &str| {
        format!("grant_type=client_credentials&client_id={}&client_secret={secret}&scope=hr%2Fpii", pool.client)
    };
    for secret in [pool.secret.as_str(), own] {
        let (status, answer) = token(&local, Some(&basic(&pool.client, secret)), "grant_type=client_credentials").await;
        assert_eq!(status, 200, "{answer}");
        let (status, answer) = token(&local, None, &form(&secret.replace('+', "%2B"))).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(claims(&local, &pool.id, &at(&answer, "/access_token")).await["scope"], "hr/pii");
    }
    ok(&local, "DeleteUserPoolClientSecret", with(client, json!({"ClientSecretId": first}))).await;
    assert_eq!(refused_token(&local, None, &form(&pool.secret)).await, "invalid_client");
    let told = format!("{} {:?}", local.observe(), local.journal());
    for secret in [pool.secret.as_str(), own, "an0ther%2Bsecret"] {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_path_and_the_host_say_whose_client_it_has_to_be() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let other = at(&ok(&local, "CreateUserPool", json!({"PoolName": "other"})).await, "/UserPool/Id");
    ok(&local, "CreateUserPoolDomain", json!({"UserPoolId": other, "Domain": "other"})).await;
    settle().await;
    let form = "grant_type=client_credentials";
    let suffix = "auth.us-east-1.amazoncognito.com/oauth2/token";
    for (uri, status) in [
        (format!("/{}/oauth2/token", pool.id), 200),
        (format!("/{other}/oauth2/token"), 400),
        ("/us-east-1_nobody/oauth2/token".to_owned(), 400),
        (format!("https://hr-agent.{suffix}"), 200),
        (format!("https://other.{suffix}"), 400),
        (format!("https://nobody.{suffix}"), 400),
        ("http://127.0.0.1:5005/oauth2/token".to_owned(), 200),
    ] {
        let (answered, answer) = read(&local.handle(ask(&uri, Some(&pool.basic()), form)).await.unwrap());
        assert_eq!(answered, status, "{uri}: {answer}");
    }
    let by_host = |host: &str| {
        let mut request = ask("/oauth2/token", Some(&pool.basic()), form);
        request.headers_mut().insert("host", host.parse().unwrap());
        request
    };
    for (host, status) in [("hr-agent", 200), ("other", 400)] {
        let host = format!("{host}.auth.us-east-1.amazoncognito.com:5005");
        assert_eq!(read(&local.handle(by_host(&host)).await.unwrap()).0, status, "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_is_gone_is_granted_no_more() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let server = json!({"UserPoolId": pool.id, "Identifier": "hr", "Name": "HR"});
    let read = json!([{"ScopeName": "read", "ScopeDescription": "Reads"}]);
    ok(&local, "UpdateResourceServer", with(server.clone(), json!({"Scopes": read}))).await;
    let (_, answer) = token(&local, Some(&pool.basic()), "grant_type=client_credentials").await;
    assert_eq!(claims(&local, &pool.id, &at(&answer, "/access_token")).await["scope"], "hr/read");
    ok(&local, "UpdateResourceServer", server).await;
    assert_eq!(refused_token(&local, Some(&pool.basic()), "grant_type=client_credentials").await, "invalid_scope");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_bound_to_a_resource_names_it_as_its_audience() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let form = "grant_type=client_credentials&resource=https%3A%2F%2Fhr.example%2Fmcp";
    let (_, answer) = token(&local, Some(&pool.basic()), form).await;
    assert_eq!(claims(&local, &pool.id, &at(&answer, "/access_token")).await["aud"], "https://hr.example/mcp");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_dated_by_the_stand_ins_clock() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    let issued = async || {
        let (_, answer) = token(&local, Some(&pool.basic()), "grant_type=client_credentials").await;
        claims(&local, &pool.id, &at(&answer, "/access_token")).await
    };
    let before = issued().await;
    tokio::time::advance(Duration::from_hours(2)).await;
    let after = issued().await;
    assert_eq!(after["iat"].as_u64().unwrap() - before["iat"].as_u64().unwrap(), 7200);
    assert_ne!(before["jti"], after["jti"]);
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_pool_is_its_own_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let open = || Localstack::open(&file, Config { seed: 7, ..Config::default() }).unwrap();
    let local = open();
    let pool = Pool::create(&local).await;
    let (_, answer) = token(&local, Some(&pool.basic()), "grant_type=client_credentials").await;
    let other = at(&ok(&local, "CreateUserPool", json!({"PoolName": "other"})).await, "/UserPool/Id");
    let keys = async |local: &Localstack, pool: &str| get(local, &format!("/{pool}/.well-known/jwks.json")).await.1;
    let (first, second) = (keys(&local, &pool.id).await, keys(&local, &other).await);
    assert_ne!(first["keys"][0]["n"], second["keys"][0]["n"]);
    drop(local);

    let local = open();
    assert_eq!((keys(&local, &pool.id).await, keys(&local, &other).await), (first, second), "a read makes a key too");
    claims(&local, &pool.id, &at(&answer, "/access_token")).await;
    assert!(!local.observe().to_string().contains("PRIVATE KEY"));
}

#[tokio::test(start_paused = true)]
async fn faults_and_the_journal_know_the_endpoints() {
    let local = stand_in();
    let pool = Pool::create(&local).await;
    local.clear_journal();
    let faults = br#"[{"operation": "Token", "outcome": {"refuse": {"status": 500, "code": "server_error"}}},
        {"operation": "GetJwks", "outcome": "drop"}]"#;
    for fault in localstack::Fault::list(faults).unwrap() {
        local.fault(fault);
    }
    let (status, answer) = token(&local, Some(&pool.basic()), "grant_type=client_credentials").await;
    assert_eq!((status, &answer["error"]), (500, &json!("server_error")));
    let keys = Request::builder().uri(format!("/{}/.well-known/jwks.json", pool.id)).body(Bytes::new()).unwrap();
    local.handle(keys).await.unwrap_err();
    let journal = local.journal();
    let entries: Vec<(&str, u16)> = journal.iter().map(|entry| (entry.operation.as_str(), entry.status)).collect();
    assert_eq!(entries, [("Token", 500), ("GetJwks", 0)]);
    assert_eq!(journal[0].input["client_id"], pool.client);
    assert_eq!(journal[0].input["client_secret"], "(secret)");
}

#[tokio::test]
async fn on_a_socket_everything_is_found_from_the_address_of_discovery() {
    let served = super::served::Served::start().await;
    let local = &served.local;
    let pool = Pool::without_domain(local).await;
    ok(local, "CreateUserPoolDomain", json!({"UserPoolId": pool.id, "Domain": "hr-agent"})).await;
    let domain = json!({"Domain": "hr-agent"});
    while at(&ok(local, "DescribeUserPoolDomain", domain.clone()).await, "/DomainDescription/Status") != "ACTIVE" {
        tokio::task::yield_now().await;
    }
    let issuer = format!("http://{}/{}", served.address, pool.id);
    let path = |url: &str| url.strip_prefix(&format!("http://{}", served.address)).unwrap().to_owned();
    let (_, discovery) = served.ask("GET", &format!("/{}/.well-known/openid-configuration", pool.id), "", b"").await;
    assert_eq!(discovery["issuer"], issuer);
    let headers = format!("content-type: application/x-www-form-urlencoded\r\nauthorization: {}\r\n", pool.basic());
    let endpoint = path(&at(&discovery, "/token_endpoint"));
    let (status, answer) = served.ask("POST", &endpoint, &headers, b"grant_type=client_credentials").await;
    assert_eq!(status, 200, "{answer}");
    let token = at(&answer, "/access_token");
    let (_, keys) = served.ask("GET", &path(&at(&discovery, "/jwks_uri")), "", b"").await;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let key = keys.find(&jsonwebtoken::decode_header(&token).unwrap().kid.unwrap()).unwrap();
    // The whole check: signature, expiry, issuer.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[&issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    let key = DecodingKey::from_jwk(key).unwrap();
    assert_eq!(jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims["sub"], pool.client);
    validation.set_issuer(&["https://cognito-idp.us-east-1.amazonaws.com/another"]);
    jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap_err();

    let (status, state) = served.ask("GET", "/_localstack/state", "", b"").await;
    let (_, journal) = served.ask("GET", "/_localstack/journal", "", b"").await;
    assert_eq!(status, 200);
    for secret in [pool.secret.as_str(), "PRIVATE KEY", token.as_str(), pool.basic().as_str()] {
        assert!(!format!("{state} {journal}").contains(secret), "{secret}");
    }
    let (status, answer) = served.ask("POST", "/oauth2/token", &headers, b"grant_type=\xff").await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
}
