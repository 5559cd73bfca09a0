//! The sign-in page: a user signs in, grants scopes, and is sent back with a code.

use ::http::Request;
use bytes::Bytes;

use super::tokens::claims;
use super::users::{PASSWORD, Realm};
use super::*;

/// Where the browser goes on from the page, or what the page says.
async fn browse(local: &Localstack, query: &str, form: Option<&str>) -> Result<String, String> {
    let request = Request::builder().uri(format!("/oauth2/authorize?{query}"));
    let request = match form {
        Some(_) => request.method("POST").header("content-type", "application/x-www-form-urlencoded"),
        None => request,
    };
    let response = local.handle(request.body(Bytes::from(form.unwrap_or_default().to_owned())).unwrap()).await.unwrap();
    match response.headers().get("location") {
        Some(location) => Ok(location.to_str().unwrap().to_owned()),
        None => Err(String::from_utf8(response.body().to_vec()).unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_signs_in_on_a_page_and_grants_scopes() {
    let realm = Realm::ready(json!({})).await;
    let scopes = json!([{"ScopeName": "read", "ScopeDescription": "Reads"}]);
    realm.ok("CreateResourceServer", json!({"Identifier": "hr", "Name": "HR", "Scopes": scopes})).await;
    realm.ok("CreateUserPoolDomain", json!({"Domain": "hr-agent"})).await;
    settle().await;
    let back = "http://localhost:3030/back";
    let client = json!({
        "ClientName": "web", "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"],
        "AllowedOAuthScopes": ["openid", "hr/read"], "CallbackURLs": [back],
    });
    let client = at(&realm.ok("CreateUserPoolClient", client).await, "/UserPoolClient/ClientId");
    // The example of RFC 7636.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let query = format!(
        "response_type=code&client_id={client}&redirect_uri=http%3A%2F%2Flocalhost%3A3030%2Fback&state=a%20b&nonce=n-1\
         &resource=https%3A%2F%2Fhr.example&code_challenge={challenge}&code_challenge_method=S256"
    );
    let local = &realm.local;
    assert!(browse(local, &query, None).await.unwrap_err().contains("<form method=\"post\">"));
    let wrong = browse(local, &query, Some("username=%3Cb%3E&password=x")).await.unwrap_err();
    assert!(wrong.contains("User does not exist."), "{wrong}");
    let form = "username=ada&password=Secret-Passw0rd%21";
    let location = browse(local, &query, Some(form)).await.unwrap();
    let code = location.strip_prefix(&format!("{back}?code=")).unwrap().strip_suffix("&state=a%20b").unwrap();

    let exchange = format!("grant_type=authorization_code&client_id={client}&code={code}&redirect_uri={back}");
    let proven = format!("{exchange}&code_verifier={verifier}");
    for refused in [exchange.clone(), format!("{exchange}&code_verifier=wrong"), proven.replace("/back", "/other")] {
        assert_eq!(tokens::token(local, None, &refused).await.1["error"], "invalid_grant", "{refused}");
    }
    let (status, answer) = tokens::token(local, None, &proven).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(tokens::token(local, None, &proven).await.1["error"], "invalid_grant", "a code is good once");
    let access = claims(local, &realm.pool, &at(&answer, "/access_token")).await;
    assert_eq!((&access["scope"], &access["version"]), (&json!("openid hr/read"), &json!(2)));
    assert_eq!((&access["cognito:groups"], &access["aud"]), (&json!(["readers"]), &json!("https://hr.example")));
    let id = claims(local, &realm.pool, &at(&answer, "/id_token")).await;
    assert_eq!((&id["nonce"], &id["aud"]), (&json!("n-1"), &json!(client)));
    let refresh = at(&answer, "/refresh_token");
    let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={refresh}");
    let (_, again) = tokens::token(local, None, &form).await;
    assert_eq!(claims(local, &realm.pool, &at(&again, "/access_token")).await["scope"], "openid hr/read");
    let told = format!("{} {:?}", local.observe(), local.journal());
    for secret in
        [PASSWORD, code, &code.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_"), verifier, &refresh]
    {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let realm = Realm::ready(json!({
        "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["email"],
        "CallbackURLs": ["http://localhost/back?x=1"],
    }))
    .await;
    let client = &realm.client;
    let good = format!("response_type=code&client_id={client}&redirect_uri=http://localhost/back?x%3D1");
    assert!(browse(&realm.local, &good, None).await.unwrap_err().contains("CreateUserPoolDomain"));
    realm.ok("CreateUserPoolDomain", json!({"Domain": "hr-agent"})).await;
    settle().await;
    for (query, words) in [
        (good.replace("/back", "/evil"), "CallbackURLs"),
        (good.replace(client.as_str(), "nobody"), "invalid_client"),
        (good.replace("client_id", "client"), "client_id"),
        (format!("{good}&client_id=twice"), "twice"),
    ] {
        let refused = browse(&realm.local, &query, None).await.unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    for (query, error) in [
        (good.replace("=code", "=token"), "unsupported_response_type"),
        (format!("{good}&scope=openid"), "invalid%5Fscope"),
        (format!("{good}&code_challenge=abc"), "invalid%5Frequest"),
        (format!("{good}&code_challenge=abc&code_challenge_method=plain"), "invalid%5Frequest"),
    ] {
        let location = browse(&realm.local, &query, None).await.unwrap();
        let error = error.replace('_', "%5F");
        assert!(location.starts_with(&format!("http://localhost/back?x=1&error={error}&")), "{location}");
    }
    let form = "username=ada&password=Secret-Passw0rd%21";
    let location = browse(&realm.local, &good, Some(form)).await.unwrap();
    let code = location.split_once("code=").unwrap().1;
    let exchange = format!(
        "grant_type=authorization_code&client_id={client}&code={code}&redirect_uri=http://localhost/back?x%3D1"
    );
    let (_, answer) = tokens::token(&realm.local, None, &exchange).await;
    assert_eq!((answer["access_token"].is_string(), answer.get("id_token")), (true, None), "no openid, no ID token");
    let location = browse(&realm.local, &good, Some(form)).await.unwrap();
    let late = exchange.replace(code, location.split_once("code=").unwrap().1);
    tokio::time::advance(Duration::from_mins(5)).await;
    assert_eq!(tokens::token(&realm.local, None, &late).await.1["error"], "invalid_grant");
    realm.ok("AdminSetUserPassword", json!({"Username": "ada", "Password": PASSWORD})).await;
    assert!(browse(&realm.local, &good, Some(form)).await.unwrap_err().contains("AdminSetUserPassword"));
}
