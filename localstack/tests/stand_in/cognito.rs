//! User pools and what lives in them.

use serde_json::{Value, json};

use super::*;

async fn pool(local: &Localstack) -> String {
    at(&ok(local, "CreateUserPool", json!({"PoolName": "hr"})).await, "/UserPool/Id")
}

async fn server(local: &Localstack, pool: &str) {
    let scopes =
        json!([{"ScopeName": "read", "ScopeDescription": "Reads"}, {"ScopeName": "pii", "ScopeDescription": "More"}]);
    ok(local, "CreateResourceServer", json!({"UserPoolId": pool, "Identifier": "hr", "Name": "HR", "Scopes": scopes}))
        .await;
}

fn m2m(pool: &str) -> Value {
    json!({
        "UserPoolId": pool, "ClientName": "m2m", "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["hr/read"],
    })
}

#[tokio::test(start_paused = true)]
async fn a_pool_shows_its_defaults_and_forgets_what_an_update_omits() {
    let local = stand_in();
    let created = ok(
        &local,
        "CreateUserPool",
        json!({
            "PoolName": "hr", "UserPoolTags": {"team": "people"}, "DeletionProtection": "ACTIVE",
            "Policies": {"PasswordPolicy": {"MinimumLength": 12}},
            "Schema": [{"Name": "email", "Required": true}, {"Name": "dept", "AttributeDataType": "String"}],
        }),
    )
    .await;
    let id = at(&created, "/UserPool/Id");
    assert!(id.starts_with("us-east-1_") && id.len() == 19, "{id}");
    let describe = json!({"UserPoolId": id});
    let pool = ok(&local, "DescribeUserPool", describe.clone()).await["UserPool"].clone();
    assert_eq!(pool["Name"], "hr");
    assert_eq!(pool["Arn"], format!("arn:aws:cognito-idp:us-east-1:111122223333:userpool/{id}"));
    assert_eq!(pool["UserPoolTier"], "ESSENTIALS");
    assert_eq!(pool["MfaConfiguration"], "OFF");
    assert_eq!(pool["UserPoolTags"], json!({"team": "people"}));
    assert_eq!(pool["Policies"]["PasswordPolicy"]["MinimumLength"], 12);
    assert_eq!(pool["Policies"]["PasswordPolicy"]["RequireSymbols"], false);
    assert!(pool["CreationDate"].is_f64());
    let attributes = pool["SchemaAttributes"].as_array().unwrap();
    assert_eq!(attributes.len(), 21);
    assert!(attributes.iter().any(|attribute| attribute["Name"] == "custom:dept"));
    assert!(attributes.iter().any(|attribute| attribute["Name"] == "email" && attribute["Required"] == true));

    refused_with(&local, "DeleteUserPool", describe.clone(), "InvalidParameterException", "deletion protection").await;
    ok(
        &local,
        "AddCustomAttributes",
        json!({"UserPoolId": id, "CustomAttributes": [{"Name": "n", "AttributeDataType": "Number"}]}),
    )
    .await;
    ok(&local, "UpdateUserPool", describe.clone()).await;
    let pool = ok(&local, "DescribeUserPool", describe.clone()).await["UserPool"].clone();
    assert_eq!(pool["Name"], "hr");
    assert_eq!(pool["DeletionProtection"], "INACTIVE");
    assert_eq!(pool["Policies"]["PasswordPolicy"]["MinimumLength"], 8);
    assert_eq!(pool.get("UserPoolTags"), None);
    assert_eq!(pool["SchemaAttributes"].as_array().unwrap().len(), 22);

    ok(&local, "CreateGroup", json!({"UserPoolId": id, "GroupName": "g"})).await;
    ok(&local, "DeleteUserPool", describe.clone()).await;
    refused_with(&local, "DescribeUserPool", describe, "ResourceNotFoundException", &id).await;
    assert_eq!(local.observe(), json!({"objects": []}));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_makes_no_sense_is_refused() {
    let local = stand_in();
    let bounded = |least: &str, most: &str| {
        let bounds = json!({"MinLength": least, "MaxLength": most});
        json!({"Name": "dept", "AttributeDataType": "String", "StringAttributeConstraints": bounds})
    };
    let legacy = "arn:aws:lambda:us-east-1:111122223333:function:a";
    let config = json!({"LambdaVersion": "V2_0", "LambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:b"});
    for (changes, code) in [
        (json!({"UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"}}), "FeatureUnavailableInTierException"),
        (
            json!({"LambdaConfig": {"PreTokenGeneration": legacy, "PreTokenGenerationConfig": config}}),
            "InvalidParameterException",
        ),
        (
            json!({"UserPoolTier": "LITE", "LambdaConfig": {"PreTokenGenerationConfig": config}}),
            "FeatureUnavailableInTierException",
        ),
        (json!({"MfaConfiguration": "ON"}), "InvalidParameterException"),
        (json!({"UserPoolTags": {"aws:x": "1"}}), "InvalidParameterException"),
        (json!({"Schema": [{"Name": "dept", "Required": true}]}), "InvalidParameterException"),
        (json!({"Schema": [{"Name": "dept"}]}), "InvalidParameterException"),
        (json!({"Schema": [{"Name": "email", "AttributeDataType": "Number"}]}), "InvalidParameterException"),
        (json!({"Schema": [{"Name": "email", "DeveloperOnlyAttribute": true}]}), "InvalidParameterException"),
        (json!({"Schema": [bounded("2", "1")]}), "InvalidParameterException"),
        (json!({"Schema": [bounded("1", "many")]}), "InvalidParameterException"),
        (json!({"Schema": [bounded("1", "2049")]}), "InvalidParameterException"),
        (json!({"PoolName": ""}), "InvalidParameterException"),
        (json!({"AliasAttributes": ["email"], "UsernameAttributes": ["email"]}), "InvalidParameterException"),
        (json!({"Nonsense": 1}), "InvalidParameterException"),
    ] {
        refused_with(&local, "CreateUserPool", with(json!({"PoolName": "x"}), changes), code, "").await;
    }
    let both = with(bounded("1", "2"), json!({"NumberAttributeConstraints": {"MinValue": "1"}}));
    let created = ok(&local, "CreateUserPool", json!({"PoolName": "x", "Schema": [both]})).await;
    let attribute = created["UserPool"]["SchemaAttributes"].as_array().unwrap().last().unwrap();
    assert_eq!(attribute["StringAttributeConstraints"], json!({"MinLength": "1", "MaxLength": "2"}));
    assert_eq!(attribute.get("NumberAttributeConstraints"), None, "a text has no bounds of a number");
    let plus = json!({"PoolName": "x", "UserPoolTier": "PLUS", "UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"}});
    ok(&local, "CreateUserPool", plus).await;
}

#[tokio::test(start_paused = true)]
async fn mfa_is_set_on_its_own_and_kept_by_name() {
    let local = stand_in();
    let id = pool(&local).await;
    let describe = json!({"UserPoolId": id});
    let set = |changes: Value| with(json!({"UserPoolId": id, "MfaConfiguration": "ON"}), changes);
    refused_with(&local, "SetUserPoolMfaConfig", set(json!({})), "InvalidParameterException", "At least one").await;
    let bare = set(json!({"SmsMfaConfiguration": {}}));
    refused_with(&local, "SetUserPoolMfaConfig", bare, "InvalidParameterException", "[SmsConfiguration]").await;
    ok(&local, "SetUserPoolMfaConfig", set(json!({"SoftwareTokenMfaConfiguration": {"Enabled": true}}))).await;
    let mfa = ok(&local, "GetUserPoolMfaConfig", describe.clone()).await;
    assert_eq!(mfa, json!({"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": true}}));
    ok(&local, "UpdateUserPool", set(json!({}))).await;
    let optional = set(json!({"MfaConfiguration": "OPTIONAL"}));
    refused_with(&local, "UpdateUserPool", optional, "InvalidParameterException", "SetUserPoolMfaConfig").await;
    ok(&local, "UpdateUserPool", describe.clone()).await;
    assert_eq!(at(&ok(&local, "GetUserPoolMfaConfig", describe).await, "/MfaConfiguration"), "OFF");
}

#[tokio::test(start_paused = true)]
async fn tags_of_a_pool_go_both_ways() {
    let local = stand_in();
    let created = ok(&local, "CreateUserPool", json!({"PoolName": "hr", "UserPoolTags": {"a": "1"}})).await;
    let arn = at(&created, "/UserPool/Arn");
    ok(&local, "TagResource", json!({"ResourceArn": arn, "Tags": {"b": "2"}})).await;
    ok(&local, "UntagResource", json!({"ResourceArn": arn, "TagKeys": ["a"]})).await;
    assert_eq!(ok(&local, "ListTagsForResource", json!({"ResourceArn": arn})).await, json!({"Tags": {"b": "2"}}));
    let described = ok(&local, "DescribeUserPool", json!({"UserPoolId": at(&created, "/UserPool/Id")})).await;
    assert_eq!(described["UserPool"]["UserPoolTags"], json!({"b": "2"}));
    let reserved = json!({"ResourceArn": arn, "Tags": {"AWS:x": "2"}});
    refused_with(&local, "TagResource", reserved, "InvalidParameterException", "reserved").await;
}

#[tokio::test(start_paused = true)]
async fn a_clients_secret_is_shown_by_describe_and_nowhere_else() {
    let local = stand_in();
    let pool = pool(&local).await;
    server(&local, &pool).await;
    let created = ok(&local, "CreateUserPoolClient", m2m(&pool)).await;
    let (id, secret) = (at(&created, "/UserPoolClient/ClientId"), at(&created, "/UserPoolClient/ClientSecret"));
    assert_eq!((id.len(), secret.len()), (26, 52));
    let describe = json!({"UserPoolId": pool, "ClientId": id});
    let client = ok(&local, "DescribeUserPoolClient", describe.clone()).await["UserPoolClient"].clone();
    assert_eq!(client["ClientSecret"], secret);
    assert_eq!((&client["RefreshTokenValidity"], &client["AuthSessionValidity"]), (&json!(30), &json!(3)));
    assert_eq!(client["EnableTokenRevocation"], true);
    assert_eq!(client["ExplicitAuthFlows"].as_array().unwrap().len(), 3);
    let own = "an0ther+secret+of+my+own";
    ok(&local, "CreateUserPoolClient", with(m2m(&pool), json!({"GenerateSecret": null, "ClientSecret": own}))).await;
    let short = with(m2m(&pool), json!({"GenerateSecret": null, "ClientSecret": "not/a/secret/of/any/kind"}));
    let failure = refused(&local, "CreateUserPoolClient", short).await;
    let listed = ok(&local, "ListUserPoolClients", json!({"UserPoolId": pool})).await;
    let everything = format!("{:?} {} {failure} {listed}", local.journal(), local.observe());
    for secret in [secret.as_str(), own, "not/a/secret/of/any/kind"] {
        assert!(!everything.contains(secret), "{secret}");
    }

    // An update without the members of OAuth switches OAuth off, and keeps name and secret.
    ok(&local, "UpdateUserPoolClient", describe.clone()).await;
    let client = ok(&local, "DescribeUserPoolClient", describe.clone()).await["UserPoolClient"].clone();
    assert_eq!((&client["ClientName"], &client["ClientSecret"]), (&json!("m2m"), &json!(secret)));
    assert_eq!(client["AllowedOAuthFlowsUserPoolClient"], false);
    assert_eq!(client.get("AllowedOAuthScopes"), None);
    ok(&local, "DeleteUserPoolClient", describe.clone()).await;
    refused_with(&local, "DescribeUserPoolClient", describe, "ResourceNotFoundException", "does not exist").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_makes_no_sense_is_refused() {
    let local = stand_in();
    let pool = pool(&local).await;
    server(&local, &pool).await;
    for (changes, code) in [
        (json!({"AllowedOAuthScopes": ["hr/write"]}), "ScopeDoesNotExistException"),
        (json!({"AllowedOAuthScopes": ["openid"]}), "InvalidOAuthFlowException"),
        (json!({"AllowedOAuthScopes": null}), "InvalidOAuthFlowException"),
        (json!({"AllowedOAuthFlows": ["client_credentials", "code"]}), "InvalidOAuthFlowException"),
        (json!({"GenerateSecret": false}), "InvalidOAuthFlowException"),
        (json!({"AllowedOAuthFlows": null}), "InvalidParameterException"),
        (json!({"ReadAttributes": ["custom:none"]}), "InvalidParameterException"),
        (json!({"SupportedIdentityProviders": ["Okta"]}), "InvalidParameterException"),
        (json!({"DefaultRedirectURI": "https://a.example"}), "InvalidParameterException"),
        (json!({"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "USER_PASSWORD_AUTH"]}), "InvalidParameterException"),
        (json!({"AccessTokenValidity": 2, "TokenValidityUnits": {"AccessToken": "days"}}), "InvalidParameterException"),
        (json!({"GenerateSecret": true, "ClientSecret": "an0ther+secret+of+my+own"}), "InvalidParameterException"),
        (json!({"UserPoolId": "us-east-1_nobody"}), "ResourceNotFoundException"),
    ] {
        refused_with(&local, "CreateUserPoolClient", with(m2m(&pool), changes), code, "").await;
    }
}

#[tokio::test(start_paused = true)]
async fn resource_servers_and_groups_are_unique_in_their_pool() {
    let local = stand_in();
    let id = pool(&local).await;
    server(&local, &id).await;
    let again = json!({"UserPoolId": id, "Identifier": "hr", "Name": "HR"});
    refused_with(&local, "CreateResourceServer", again.clone(), "InvalidParameterException", "already exists").await;
    let other = at(&ok(&local, "CreateUserPool", json!({"PoolName": "hr"})).await, "/UserPool/Id");
    server(&local, &other).await;
    // The list of scopes is replaced, and without one there are none.
    ok(&local, "UpdateResourceServer", again).await;
    let describe = json!({"UserPoolId": id, "Identifier": "hr"});
    let described = ok(&local, "DescribeResourceServer", describe.clone()).await;
    assert_eq!(described["ResourceServer"].get("Scopes"), None);
    ok(&local, "DeleteResourceServer", describe.clone()).await;
    refused_with(&local, "DescribeResourceServer", describe, "ResourceNotFoundException", "").await;

    let group = json!({"UserPoolId": id, "GroupName": "hr", "Description": "d", "Precedence": 1});
    ok(&local, "CreateGroup", group.clone()).await;
    refused_with(&local, "CreateGroup", group, "GroupExistsException", "").await;
    let key = json!({"UserPoolId": id, "GroupName": "hr"});
    ok(&local, "UpdateGroup", with(key.clone(), json!({"Precedence": 2}))).await;
    let group = ok(&local, "GetGroup", key.clone()).await["Group"].clone();
    assert_eq!((&group["Description"], &group["Precedence"]), (&json!("d"), &json!(2)));
    ok(&local, "DeleteGroup", key.clone()).await;
    refused_with(&local, "GetGroup", key, "ResourceNotFoundException", "").await;
}

#[tokio::test(start_paused = true)]
async fn a_domain_takes_time_and_stands_in_the_way_of_deletion() {
    let local = stand_in();
    let id = pool(&local).await;
    let describe = json!({"Domain": "hr-agent"});
    assert_eq!(ok(&local, "DescribeUserPoolDomain", describe.clone()).await, json!({"DomainDescription": {}}));
    let create = json!({"Domain": "hr-agent", "UserPoolId": id});
    let reserved = with(create.clone(), json!({"Domain": "my-aws-login"}));
    refused_with(&local, "CreateUserPoolDomain", reserved, "InvalidParameterException", "reserved word").await;
    ok(&local, "CreateUserPoolDomain", create.clone()).await;
    let status = "/DomainDescription/Status";
    assert_eq!(at(&ok(&local, "DescribeUserPoolDomain", describe.clone()).await, status), "CREATING");
    settle().await;
    assert_eq!(at(&ok(&local, "DescribeUserPoolDomain", describe.clone()).await, status), "ACTIVE");
    let pool = ok(&local, "DescribeUserPool", json!({"UserPoolId": id})).await;
    assert_eq!(at(&pool, "/UserPool/Domain"), "hr-agent");
    refused_with(&local, "CreateUserPoolDomain", create.clone(), "InvalidParameterException", "already").await;
    ok(&local, "UpdateUserPoolDomain", with(create.clone(), json!({"ManagedLoginVersion": 2}))).await;
    settle().await;
    refused_with(&local, "DeleteUserPool", json!({"UserPoolId": id}), "InvalidParameterException", "domain").await;
    ok(&local, "DeleteUserPoolDomain", create).await;
    refused_with(&local, "DeleteUserPool", json!({"UserPoolId": id}), "InvalidParameterException", "domain").await;
    settle().await;
    ok(&local, "DeleteUserPool", json!({"UserPoolId": id})).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_rotated_in_two_steps() {
    let local = stand_in();
    let pool = pool(&local).await;
    server(&local, &pool).await;
    let created = ok(&local, "CreateUserPoolClient", m2m(&pool)).await;
    let client = json!({"UserPoolId": pool, "ClientId": at(&created, "/UserPoolClient/ClientId")});
    let first = ok(&local, "ListUserPoolClientSecrets", client.clone()).await;
    let old = with(client.clone(), json!({"ClientSecretId": at(&first, "/ClientSecrets/0/ClientSecretId")}));
    refused_with(&local, "DeleteUserPoolClientSecret", old.clone(), "InvalidParameterException", "last").await;
    let added = ok(&local, "AddUserPoolClientSecret", client.clone()).await;
    let secret = at(&added, "/ClientSecretDescriptor/ClientSecretValue");
    refused_with(&local, "AddUserPoolClientSecret", client.clone(), "LimitExceededException", "2").await;
    let listed = ok(&local, "ListUserPoolClientSecrets", client.clone()).await;
    assert_eq!(listed["ClientSecrets"].as_array().unwrap().len(), 2);
    assert!(!format!("{listed} {} {:?}", local.observe(), local.journal()).contains(&secret));
    let described = ok(&local, "DescribeUserPoolClient", client.clone()).await;
    assert_eq!(described["UserPoolClient"]["ClientSecret"], created["UserPoolClient"]["ClientSecret"]);
    ok(&local, "DeleteUserPoolClientSecret", old).await;
    assert_eq!(at(&ok(&local, "DescribeUserPoolClient", client).await, "/UserPoolClient/ClientSecret"), secret);
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_there_before_a_client_names_it() {
    let local = stand_in();
    let pool = pool(&local).await;
    let details = json!({
        "client_id": "id", "client_secret": "the-providers-secret", "attributes_request_method": "GET",
        "oidc_issuer": "https://okta.example", "authorize_scopes": "openid",
    });
    let provider =
        json!({"UserPoolId": pool, "ProviderName": "Okta", "ProviderType": "OIDC", "ProviderDetails": details});
    let incomplete = with(provider.clone(), json!({"ProviderDetails": {"client_id": "id"}}));
    refused_with(&local, "CreateIdentityProvider", incomplete, "InvalidParameterException", "needs").await;
    ok(&local, "CreateIdentityProvider", provider.clone()).await;
    refused_with(&local, "CreateIdentityProvider", provider, "DuplicateProviderException", "already").await;
    let client = json!({"UserPoolId": pool, "ClientName": "web", "SupportedIdentityProviders": ["COGNITO", "Okta"]});
    ok(&local, "CreateUserPoolClient", client).await;
    let key = json!({"UserPoolId": pool, "ProviderName": "Okta"});
    ok(&local, "UpdateIdentityProvider", with(key.clone(), json!({"AttributeMapping": {"email": "email"}}))).await;
    let live = ok(&local, "DescribeIdentityProvider", key.clone()).await;
    assert_eq!(at(&live, "/IdentityProvider/AttributeMapping/email"), "email");
    assert_eq!(at(&live, "/IdentityProvider/ProviderDetails/token_url"), "https://okta.example/token");
    let listed = ok(&local, "ListIdentityProviders", json!({"UserPoolId": pool})).await;
    assert_eq!(at(&listed, "/Providers/0/ProviderType"), "OIDC");
    let told = format!("{:?} {}", local.journal(), local.observe());
    assert!(!told.contains("the-providers-secret"), "{told}");
    ok(&local, "DeleteIdentityProvider", key.clone()).await;
    refused_with(&local, "DescribeIdentityProvider", key, "ResourceNotFoundException", "Okta").await;
}
