//! Users: their passwords, their groups, and the tokens that they get.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tokens::claims;
use super::*;

pub(crate) const PASSWORD: &str = "Secret-Passw0rd!";

/// A pool with the user `ada` in the group `readers`, and a client that signs users in with passwords.
pub(crate) struct Realm {
    pub(crate) local: Localstack,
    pub(crate) pool: String,
    pub(crate) client: String,
}

impl Realm {
    pub(crate) async fn create(client: Value) -> Self {
        let local = stand_in();
        let pool = at(&ok(&local, "CreateUserPool", json!({"PoolName": "hr"})).await, "/UserPool/Id");
        let flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
        let input = json!({"UserPoolId": pool, "ClientName": "app", "ExplicitAuthFlows": flows});
        let created = ok(&local, "CreateUserPoolClient", with(input, client)).await;
        let realm = Self { local, pool, client: at(&created, "/UserPoolClient/ClientId") };
        realm.ok("CreateGroup", json!({"GroupName": "readers", "Precedence": 5})).await;
        let attributes =
            json!([{"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}]);
        realm.ok("AdminCreateUser", json!({"Username": "ada", "UserAttributes": attributes})).await;
        realm.ok("AdminAddUserToGroup", json!({"Username": "ada", "GroupName": "readers"})).await;
        realm
    }

    /// One whose user has a password.
    pub(crate) async fn ready(client: Value) -> Self {
        let realm = Self::create(client).await;
        let password = json!({"Username": "ada", "Password": PASSWORD, "Permanent": true});
        realm.ok("AdminSetUserPassword", password).await;
        realm
    }

    pub(crate) fn in_pool(&self, input: Value) -> Value {
        with(input, json!({"UserPoolId": self.pool}))
    }

    pub(crate) async fn ok(&self, operation: &str, input: Value) -> Value {
        ok(&self.local, operation, self.in_pool(input)).await
    }

    pub(crate) async fn refused(&self, operation: &str, input: Value, code: &str, words: &str) {
        refused_with(&self.local, operation, self.in_pool(input), code, words).await;
    }

    pub(crate) fn sign_in(&self, parameters: Value) -> Value {
        let parameters = with(json!({"USERNAME": "ada", "PASSWORD": PASSWORD}), parameters);
        json!({"ClientId": self.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters})
    }

    pub(crate) async fn result(&self) -> Value {
        ok(&self.local, "InitiateAuth", self.sign_in(json!({}))).await["AuthenticationResult"].clone()
    }

    pub(crate) fn refresh(&self, token: &Value) -> Value {
        json!({"ClientId": self.client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": token}})
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_in_a_group_gets_tokens_that_say_so() {
    let realm = Realm::ready(json!({})).await;
    realm.ok("CreateGroup", json!({"GroupName": "admins", "Precedence": 1, "RoleArn": GATEWAY_ROLE})).await;
    realm.ok("AdminAddUserToGroup", json!({"Username": "ada", "GroupName": "admins"})).await;
    let result = realm.result().await;
    assert_eq!((&result["TokenType"], &result["ExpiresIn"]), (&json!("Bearer"), &json!(3600)));
    let access = claims(&realm.local, &realm.pool, &at(&result, "/AccessToken")).await;
    assert_eq!(access["cognito:groups"], json!(["admins", "readers"]), "by precedence");
    assert_eq!((&access["username"], &access["client_id"]), (&json!("ada"), &json!(realm.client)));
    assert_eq!((&access["token_use"], &access["scope"]), (&json!("access"), &json!("aws.cognito.signin.user.admin")));
    assert_eq!((access.get("aud"), access.get("email")), (None, None));
    let id = claims(&realm.local, &realm.pool, &at(&result, "/IdToken")).await;
    assert_eq!((&id["aud"], &id["token_use"]), (&json!(realm.client), &json!("id")));
    assert_eq!((&id["cognito:username"], &id["email"]), (&json!("ada"), &json!("ada@example.com")));
    assert_eq!((&id["email_verified"], &id["cognito:preferred_role"]), (&json!(true), &json!(GATEWAY_ROLE)));
    assert_eq!((&id["sub"], &id["origin_jti"]), (&access["sub"], &access["origin_jti"]));
    assert_ne!(id["jti"], access["jti"]);

    // What changes in between shows in the tokens of a refresh, of the same sign-in.
    realm.ok("AdminRemoveUserFromGroup", json!({"Username": "ada", "GroupName": "admins"})).await;
    realm.ok("DeleteGroup", json!({"GroupName": "readers"})).await;
    tokio::time::advance(Duration::from_hours(1)).await;
    let refreshed = ok(&realm.local, "InitiateAuth", realm.refresh(&result["RefreshToken"])).await;
    assert_eq!(refreshed["AuthenticationResult"].get("RefreshToken"), None);
    let later = claims(&realm.local, &realm.pool, &at(&refreshed, "/AuthenticationResult/AccessToken")).await;
    assert_eq!((later.get("cognito:groups"), &later["origin_jti"]), (None, &access["origin_jti"]));
    assert_eq!((&later["auth_time"], &later["sub"]), (&access["auth_time"], &access["sub"]));
    assert_eq!(later["iat"].as_u64().unwrap() - access["iat"].as_u64().unwrap(), 3600);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_password_has_to_be_changed() {
    let realm = Realm::create(json!({})).await;
    let temporary = json!({"Username": "bob", "TemporaryPassword": "Temporary-1!"});
    let created = realm.ok("AdminCreateUser", temporary).await;
    assert_eq!(at(&created, "/User/UserStatus"), "FORCE_CHANGE_PASSWORD");
    let sign_in = realm.sign_in(json!({"USERNAME": "bob", "PASSWORD": "Temporary-1!"}));
    let challenge = ok(&realm.local, "InitiateAuth", sign_in.clone()).await;
    assert_eq!(at(&challenge, "/ChallengeName"), "NEW_PASSWORD_REQUIRED");
    assert_eq!(challenge.get("AuthenticationResult"), None);
    let respond = |session: &str, password: &str| {
        json!({
            "ClientId": realm.client, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session,
            "ChallengeResponses": {"USERNAME": "bob", "NEW_PASSWORD": password},
        })
    };
    let session = at(&challenge, "/Session");
    let operation = "RespondToAuthChallenge";
    refused_with(&realm.local, operation, respond(&session, "short"), "InvalidPasswordException", "long").await;
    let forged = respond(&format!("{session}x"), PASSWORD);
    refused_with(&realm.local, operation, forged, "NotAuthorizedException", "session").await;
    let answer = ok(&realm.local, operation, respond(&session, PASSWORD)).await;
    assert!(answer["AuthenticationResult"]["AccessToken"].is_string());
    refused_with(&realm.local, operation, respond(&session, PASSWORD), "NotAuthorizedException", "session").await;
    assert_eq!(at(&realm.ok("AdminGetUser", json!({"Username": "bob"})).await, "/UserStatus"), "CONFIRMED");
    refused_with(&realm.local, "InitiateAuth", sign_in, "NotAuthorizedException", "Incorrect").await;
    ok(&realm.local, "InitiateAuth", realm.sign_in(json!({"USERNAME": "bob"}))).await;

    // A challenge waits for three minutes, and a temporary password for seven days.
    realm.ok("AdminSetUserPassword", json!({"Username": "bob", "Password": "Temporary-2!"})).await;
    let sign_in = realm.sign_in(json!({"USERNAME": "bob", "PASSWORD": "Temporary-2!"}));
    let session = at(&ok(&realm.local, "InitiateAuth", sign_in.clone()).await, "/Session");
    tokio::time::advance(Duration::from_mins(3)).await;
    refused_with(&realm.local, operation, respond(&session, PASSWORD), "NotAuthorizedException", "session").await;
    tokio::time::advance(Duration::from_hours(7 * 24)).await;
    refused_with(&realm.local, "InitiateAuth", sign_in, "NotAuthorizedException", "expired").await;
}

#[tokio::test(start_paused = true)]
async fn a_password_fits_the_policy_and_is_never_shown() {
    let realm = Realm::ready(json!({})).await;
    for (password, words) in [
        ("Ab1!", "long enough"),
        ("lower-case-1!", "uppercase"),
        ("UPPER-CASE-1!", "lowercase"),
        ("No-Number!", "numeric"),
        ("NoSymbol123", "symbol"),
    ] {
        let input = json!({"Username": "ada", "Password": password, "Permanent": true});
        realm.refused("AdminSetUserPassword", input, "InvalidPasswordException", words).await;
        let input = json!({"Username": "eve", "TemporaryPassword": password});
        realm.refused("AdminCreateUser", input, "InvalidPasswordException", words).await;
    }
    let wrong = realm.sign_in(json!({"PASSWORD": "Wrong-Passw0rd!"}));
    refused_with(&realm.local, "InitiateAuth", wrong, "NotAuthorizedException", "Incorrect").await;
    let result = realm.result().await;
    ok(&realm.local, "InitiateAuth", realm.refresh(&result["RefreshToken"])).await;
    ok(&realm.local, "GetUser", json!({"AccessToken": result["AccessToken"]})).await;
    let told = format!("{} {:?}", realm.local.observe(), realm.local.journal());
    for secret in [PASSWORD, "Wrong-Passw0rd!", "NoSymbol123", "PRIVATE KEY", "Digest"] {
        assert!(!told.contains(secret), "{secret}");
    }
    for token in ["/AccessToken", "/IdToken", "/RefreshToken"] {
        assert!(!told.contains(&at(&result, token)), "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_is_not_allowed_is_refused() {
    let realm = Realm::ready(json!({})).await;
    for (changes, code, words) in [
        (json!({"ClientId": "nobody"}), "ResourceNotFoundException", "client"),
        (json!({"AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}), "InvalidParameterException", "not supported"),
        (json!({"AuthFlow": "USER_SRP_AUTH"}), "UnsupportedOperationException", "stand-in"),
        (json!({"AuthParameters": {"USERNAME": "ada"}}), "InvalidParameterException", "PASSWORD"),
        (realm.sign_in(json!({"USERNAME": "eve"})), "UserNotFoundException", "exist"),
        (realm.sign_in(json!({"SECRET_HASH": "x"})), "NotAuthorizedException", "not configured with secret"),
        (realm.refresh(&json!("no.such")), "NotAuthorizedException", "Refresh Token"),
    ] {
        let input = with(realm.sign_in(json!({})), changes);
        refused_with(&realm.local, "InitiateAuth", input, code, words).await;
    }
    let admin = with(realm.sign_in(json!({})), json!({"AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}));
    realm.ok("AdminInitiateAuth", admin).await;
    let result = realm.result().await;
    realm.ok("AdminDisableUser", json!({"Username": "ada"})).await;
    for input in [realm.sign_in(json!({})), realm.refresh(&result["RefreshToken"])] {
        refused_with(&realm.local, "InitiateAuth", input, "NotAuthorizedException", "disabled").await;
    }
    realm.ok("AdminEnableUser", json!({"Username": "ada"})).await;
    realm.ok("UpdateUserPoolClient", json!({"ClientId": realm.client, "PreventUserExistenceErrors": "ENABLED"})).await;
    let input = realm.sign_in(json!({}));
    refused_with(&realm.local, "InitiateAuth", input, "InvalidParameterException", "not enabled").await;
    let flows = json!({
        "ClientId": realm.client, "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
        "PreventUserExistenceErrors": "ENABLED",
    });
    realm.ok("UpdateUserPoolClient", flows).await;
    let unknown = realm.sign_in(json!({"USERNAME": "eve"}));
    refused_with(&realm.local, "InitiateAuth", unknown, "NotAuthorizedException", "Incorrect").await;
    let refresh = realm.refresh(&result["RefreshToken"]);
    refused_with(&realm.local, "InitiateAuth", refresh, "NotAuthorizedException", "not enabled").await;
    realm
        .ok(
            "SetUserPoolMfaConfig",
            json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
        )
        .await;
    refused_with(&realm.local, "InitiateAuth", realm.sign_in(json!({})), "UnsupportedOperationException", "MFA").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_secret_proves_it_with_a_hash() {
    let realm = Realm::ready(json!({"GenerateSecret": true})).await;
    let described = realm.ok("DescribeUserPoolClient", json!({"ClientId": realm.client})).await;
    let secret = at(&described, "/UserPoolClient/ClientSecret");
    let added = realm.ok("AddUserPoolClientSecret", json!({"ClientId": realm.client})).await;
    let second = at(&added, "/ClientSecretDescriptor/ClientSecretValue");
    let hash = |secret: &str, name: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        STANDARD.encode(hmac::sign(&key, format!("{name}{}", realm.client).as_bytes()))
    };
    refused_with(&realm.local, "InitiateAuth", realm.sign_in(json!({})), "NotAuthorizedException", "not received")
        .await;
    let wrong = realm.sign_in(json!({"SECRET_HASH": hash(&secret, "eve")}));
    refused_with(&realm.local, "InitiateAuth", wrong, "NotAuthorizedException", "secret hash").await;
    for secret in [&secret, &second] {
        let hash = hash(secret, "ada");
        let answer = ok(&realm.local, "InitiateAuth", realm.sign_in(json!({"SECRET_HASH": hash}))).await;
        let mut refresh = realm.refresh(&answer["AuthenticationResult"]["RefreshToken"]);
        refused_with(&realm.local, "InitiateAuth", refresh.clone(), "NotAuthorizedException", "not received").await;
        refresh["AuthParameters"]["SECRET_HASH"] = json!(hash);
        ok(&realm.local, "InitiateAuth", refresh).await;
        assert!(!format!("{:?}", realm.local.journal()).contains(&hash));
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_endpoint_refreshes_what_the_api_signed_in() {
    let realm = Realm::ready(json!({})).await;
    realm.ok("CreateUserPoolDomain", json!({"Domain": "hr-agent"})).await;
    settle().await;
    let result = realm.result().await;
    let refresh = at(&result, "/RefreshToken");
    let form = format!("grant_type=refresh_token&client_id={}&refresh_token={refresh}", realm.client);
    let (status, answer) = tokens::token(&realm.local, None, &form).await;
    assert_eq!((status, answer.get("refresh_token")), (200, None), "{answer}");
    let access = claims(&realm.local, &realm.pool, &at(&answer, "/access_token")).await;
    assert_eq!(access["cognito:groups"], json!(["readers"]));
    let id = claims(&realm.local, &realm.pool, &at(&answer, "/id_token")).await;
    assert_eq!(id["aud"], realm.client);

    // It is good for no other client, and not for ever.
    let other = realm.ok("CreateUserPoolClient", json!({"ClientName": "other"})).await;
    let stolen = form.replace(&realm.client, &at(&other, "/UserPoolClient/ClientId"));
    assert_eq!(tokens::token(&realm.local, None, &stolen).await.1["error"], "invalid_grant");
    tokio::time::advance(Duration::from_hours(30 * 24)).await;
    assert_eq!(tokens::token(&realm.local, None, &form).await.1["error"], "invalid_grant");
}

#[tokio::test(start_paused = true)]
async fn revoking_and_signing_out_end_what_a_sign_in_began() {
    let realm = Realm::ready(json!({})).await;
    let (first, second, third) = (realm.result().await, realm.result().await, realm.result().await);
    let oneself = |result: &Value| json!({"AccessToken": result["AccessToken"]});
    let user = ok(&realm.local, "GetUser", oneself(&first)).await;
    assert_eq!((&user["Username"], &user["UserAttributes"][1]["Value"]), (&json!("ada"), &json!("ada@example.com")));
    let revoke = |token: &Value| json!({"ClientId": realm.client, "Token": token});
    let access = revoke(&first["AccessToken"]);
    refused_with(&realm.local, "RevokeToken", access, "UnsupportedTokenTypeException", "refresh").await;
    ok(&realm.local, "RevokeToken", revoke(&first["RefreshToken"])).await;
    refused_with(&realm.local, "GetUser", oneself(&first), "NotAuthorizedException", "revoked").await;
    let refresh = realm.refresh(&first["RefreshToken"]);
    refused_with(&realm.local, "InitiateAuth", refresh, "NotAuthorizedException", "Refresh Token").await;
    ok(&realm.local, "GetUser", oneself(&second)).await;
    ok(&realm.local, "GlobalSignOut", oneself(&second)).await;
    for result in [&second, &third] {
        refused_with(&realm.local, "GetUser", oneself(result), "NotAuthorizedException", "revoked").await;
    }
    let fourth = realm.result().await;
    for token in ["not-a-token", &at(&fourth, "/IdToken"), &format!("{}x", at(&fourth, "/AccessToken"))] {
        refused_with(&realm.local, "GetUser", json!({"AccessToken": token}), "NotAuthorizedException", "Invalid").await;
    }
    tokio::time::advance(Duration::from_hours(1)).await;
    refused_with(&realm.local, "GetUser", oneself(&fourth), "NotAuthorizedException", "expired").await;
    realm.ok("AdminDeleteUser", json!({"Username": "ada"})).await;
    let refresh = realm.refresh(&fourth["RefreshToken"]);
    refused_with(&realm.local, "InitiateAuth", refresh, "NotAuthorizedException", "Refresh Token").await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_rotates_is_good_for_one_use_and_a_grace_period() {
    let rotation = json!({"Feature": "ENABLED", "RetryGracePeriodSeconds": 10});
    let realm = Realm::ready(json!({"RefreshTokenRotation": rotation})).await;
    let result = realm.result().await;
    let refresh = realm.refresh(&result["RefreshToken"]);
    refused_with(&realm.local, "InitiateAuth", refresh, "NotAuthorizedException", "not enabled").await;
    let get = |token: &Value| json!({"ClientId": realm.client, "RefreshToken": token});
    let next = ok(&realm.local, "GetTokensFromRefreshToken", get(&result["RefreshToken"])).await;
    let again = &next["AuthenticationResult"]["RefreshToken"];
    assert_ne!(*again, result["RefreshToken"]);
    ok(&realm.local, "GetTokensFromRefreshToken", get(&result["RefreshToken"])).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let spent = get(&result["RefreshToken"]);
    refused_with(&realm.local, "GetTokensFromRefreshToken", spent, "NotAuthorizedException", "Refresh Token").await;
    ok(&realm.local, "GetTokensFromRefreshToken", get(again)).await;
}

#[tokio::test(start_paused = true)]
async fn users_and_their_groups_are_listed_page_by_page() {
    let realm = Realm::create(json!({})).await;
    for name in ["bob", "bea", "eve"] {
        realm.ok("AdminCreateUser", json!({"Username": name})).await;
    }
    realm.ok("AdminAddUserToGroup", json!({"Username": "eve", "GroupName": "readers"})).await;
    realm.ok("AdminAddUserToGroup", json!({"Username": "eve", "GroupName": "readers"})).await;
    let names = |answer: &Value| -> Vec<String> {
        answer["Users"].as_array().unwrap().iter().map(|user| at(user, "/Username")).collect()
    };
    let first = realm.ok("ListUsers", json!({"Limit": 3})).await;
    assert_eq!(names(&first), ["ada", "bob", "bea"]);
    let rest = realm.ok("ListUsers", json!({"Limit": 3, "PaginationToken": first["PaginationToken"]})).await;
    assert_eq!((names(&rest), rest.get("PaginationToken")), (vec!["eve".to_owned()], None));
    for (filter, found) in [
        ("username ^= \"b\"", vec!["bob", "bea"]),
        ("email = \"ada@example.com\"", vec!["ada"]),
        ("status = \"Disabled\"", vec![]),
        ("family_name = \"\"", vec![]),
    ] {
        assert_eq!(names(&realm.ok("ListUsers", json!({"Filter": filter})).await), found, "{filter}");
    }
    for filter in ["username", "username = bob", "shoe_size = \"1\""] {
        realm.refused("ListUsers", json!({"Filter": filter}), "InvalidParameterException", "").await;
    }
    let listed = realm.ok("ListUsers", json!({"AttributesToGet": ["email"], "Limit": 1})).await;
    assert_eq!(listed["Users"][0]["Attributes"], json!([{"Name": "email", "Value": "ada@example.com"}]));
    assert_eq!(names(&realm.ok("ListUsersInGroup", json!({"GroupName": "readers"})).await), ["ada", "eve"]);
    let groups = realm.ok("AdminListGroupsForUser", json!({"Username": "eve"})).await;
    assert_eq!(
        (groups["Groups"].as_array().unwrap().len(), at(&groups, "/Groups/0/GroupName")),
        (1, "readers".to_owned())
    );
    realm.ok("DeleteGroup", json!({"GroupName": "readers"})).await;
    realm.ok("CreateGroup", json!({"GroupName": "readers"})).await;
    assert_eq!(realm.ok("ListUsersInGroup", json!({"GroupName": "readers"})).await, json!({"Users": []}));
    for operation in ["AdminAddUserToGroup", "AdminRemoveUserFromGroup"] {
        let nobody = json!({"Username": "nobody", "GroupName": "readers"});
        realm.refused(operation, nobody, "UserNotFoundException", "exist").await;
        let nothing = json!({"Username": "ada", "GroupName": "nothing"});
        realm.refused(operation, nothing, "ResourceNotFoundException", "Group").await;
    }
    realm.ok("AdminDeleteUser", json!({"Username": "bob"})).await;
    realm.refused("AdminGetUser", json!({"Username": "bob"}), "UserNotFoundException", "exist").await;
    let pool = realm.ok("DescribeUserPool", json!({})).await;
    assert_eq!(pool["UserPool"]["EstimatedNumberOfUsers"], 3);
}

#[tokio::test(start_paused = true)]
async fn attributes_are_held_against_the_schema() {
    let local = stand_in();
    let schema = json!([
        {"Name": "email", "Required": true}, {"Name": "level", "AttributeDataType": "Number"},
        {"Name": "badge", "AttributeDataType": "String", "Mutable": false},
    ]);
    let pool = at(&ok(&local, "CreateUserPool", json!({"PoolName": "hr", "Schema": schema})).await, "/UserPool/Id");
    let user = |attributes: Value| json!({"UserPoolId": pool, "Username": "ada", "UserAttributes": attributes});
    let email = json!({"Name": "email", "Value": "ada@example.com"});
    for (attributes, words) in [
        (json!([]), "email is required"),
        (json!([email, {"Name": "custom:none", "Value": "1"}]), "could not be determined"),
        (json!([email, {"Name": "custom:level", "Value": "high"}]), "custom:level"),
        (json!([email, {"Name": "sub", "Value": "1"}]), "sub"),
    ] {
        refused_with(&local, "AdminCreateUser", user(attributes), "InvalidParameterException", words).await;
    }
    let attributes = json!([email, {"Name": "custom:level", "Value": "3"}, {"Name": "custom:badge", "Value": "b"}]);
    ok(&local, "AdminCreateUser", user(attributes)).await;
    refused_with(&local, "AdminCreateUser", user(json!([email])), "UsernameExistsException", "exists").await;
    let badge = user(json!([{"Name": "custom:badge", "Value": "c"}]));
    refused_with(&local, "AdminUpdateUserAttributes", badge, "InvalidParameterException", "updated").await;
    ok(&local, "AdminUpdateUserAttributes", user(json!([{"Name": "custom:level", "Value": "4"}]))).await;
    let live = ok(&local, "AdminGetUser", json!({"UserPoolId": pool, "Username": "ada"})).await;
    let attributes = live["UserAttributes"].as_array().unwrap();
    assert!(attributes.contains(&json!({"Name": "custom:level", "Value": "4"})), "{live}");
}

#[tokio::test(start_paused = true)]
async fn users_can_be_called_by_their_address() {
    let local = stand_in();
    let input =
        json!({"PoolName": "hr", "UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}});
    let pool = at(&ok(&local, "CreateUserPool", input).await, "/UserPool/Id");
    let user = |name: &str| json!({"UserPoolId": pool, "Username": name});
    refused_with(&local, "AdminCreateUser", user("ada"), "InvalidParameterException", "email").await;
    let created = ok(&local, "AdminCreateUser", user("Ada@example.com")).await;
    let name = at(&created, "/User/Username");
    assert_eq!(created["User"]["Attributes"][0], json!({"Name": "sub", "Value": name}));
    refused_with(&local, "AdminCreateUser", user("ada@example.com"), "UsernameExistsException", "exists").await;
    for called in ["ada@EXAMPLE.com", &name] {
        assert_eq!(at(&ok(&local, "AdminGetUser", user(called)).await, "/Username"), name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_its_own_token_without_a_domain() {
    let realm = Realm::create(json!({})).await;
    let scopes = json!([{"ScopeName": "read", "ScopeDescription": "Reads"}]);
    realm.ok("CreateResourceServer", json!({"Identifier": "hr", "Name": "HR", "Scopes": scopes})).await;
    let client = json!({"ClientName": "m2m", "GenerateSecret": true, "AllowedOAuthScopes": ["hr/read"]});
    let flow = json!({"ExplicitAuthFlows": ["ALLOW_CLIENT_TOKEN_AUTH"]});
    for changes in [
        json!({"GenerateSecret": false}),
        json!({"ExplicitAuthFlows": ["ALLOW_CLIENT_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]}),
    ] {
        let input = with(with(client.clone(), flow.clone()), changes);
        realm.refused("CreateUserPoolClient", input, "InvalidParameterException", "only flow").await;
    }
    let created = realm.ok("CreateUserPoolClient", with(client.clone(), flow)).await["UserPoolClient"].clone();
    let ask = json!({"ClientId": created["ClientId"], "Secret": created["ClientSecret"]});
    let answer = ok(&realm.local, "GetClientToken", ask.clone()).await;
    let token = claims(&realm.local, &realm.pool, &at(&answer, "/ClientAuthenticationResult/AccessToken")).await;
    assert_eq!((&token["client_id"], &token["scope"]), (&created["ClientId"], &json!("hr/read")));
    let wrong = with(ask.clone(), json!({"Secret": "wrong".repeat(6)}));
    refused_with(&realm.local, "GetClientToken", wrong, "NotAuthorizedException", "secret").await;
    let more = with(ask.clone(), json!({"Scopes": ["hr/pii"]}));
    refused_with(&realm.local, "GetClientToken", more, "InvalidParameterException", "hr/pii").await;
    let other = realm.ok("CreateUserPoolClient", client).await["UserPoolClient"].clone();
    let ask = json!({"ClientId": other["ClientId"], "Secret": other["ClientSecret"]});
    refused_with(&realm.local, "GetClientToken", ask, "NotAuthorizedException", "ALLOW_CLIENT_TOKEN_AUTH").await;
    assert!(!format!("{:?}", realm.local.journal()).contains(created["ClientSecret"].as_str().unwrap()));
}
