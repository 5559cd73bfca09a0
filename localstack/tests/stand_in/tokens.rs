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
