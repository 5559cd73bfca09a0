//! `user_pool_client`: an app client of a user pool (service.md §13.3).

use serde_json::{Map, Value};

use super::{Exception, Kind, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, pool_page, text_at};

/// An app client.
pub static USER_POOL_CLIENT: Kind = Kind {
    name: "user_pool_client",
    service: Service::Cognito,
    parent: Some(Parent { kind: "user_pool", member: "UserPoolId" }),
    name_member: "ClientName",
    name_key: "name",
    names: Names::NotUnique,
    id_member: "ClientId",
    request_id: "ClientId",
    arn: None,
    tags_member: None,
    wrapper: Some("UserPoolClient"),
    create: (
        "CreateUserPoolClient",
        call!(|aws, ids| "CreateUserPoolClient", aws.cognito_once.create_user_pool_client()),
    ),
    read: (
        "DescribeUserPoolClient",
        call!(|aws, ids| "DescribeUserPoolClient", aws.cognito.describe_user_pool_client()),
    ),
    update: Some((
        "UpdateUserPoolClient",
        call!(|aws, ids| "UpdateUserPoolClient", aws.cognito.update_user_pool_client()),
    )),
    delete: ("DeleteUserPoolClient", call!(|aws, ids| "DeleteUserPoolClient", aws.cognito.delete_user_pool_client())),
    list: List {
        operation: "ListUserPoolClients",
        items: "UserPoolClients",
        id: "ClientId",
        name: "ClientName",
        complete: false,
        call: pool_page!(|aws| "ListUserPoolClients", aws.cognito.list_user_pool_clients(), "MaxResults", 60),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[
        Output { name: "id", about: "the client id", value: |live, _| text_at(live, "/ClientId") },
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/ClientName") },
    ],
    reference_keys: &[],
    exceptions: &[
        Exception { path: "GenerateSecret", rule: Rule::Kept(Some("false")), reason: "documented default" },
        Exception { path: "ClientSecret", rule: Rule::WriteOnly, reason: "a secret is never compared" },
        Exception {
            path: "ExplicitAuthFlows",
            rule: Rule::Kept(Some(r#"["ALLOW_REFRESH_TOKEN_AUTH","ALLOW_USER_SRP_AUTH","ALLOW_CUSTOM_AUTH"]"#)),
            reason: "documented default (service.md §13.3)",
        },
        Exception { path: "RefreshTokenValidity", rule: Rule::Kept(Some("30")), reason: "documented default" },
        Exception { path: "AccessTokenValidity", rule: Rule::Kept(None), reason: "one hour, shown or not" },
        Exception { path: "IdTokenValidity", rule: Rule::Kept(None), reason: "one hour, shown or not" },
        Exception { path: "TokenValidityUnits", rule: Rule::Kept(None), reason: "filled in when left out" },
        Exception { path: "EnableTokenRevocation", rule: Rule::Kept(Some("true")), reason: "documented default" },
        Exception {
            path: "EnablePropagateAdditionalUserContextData",
            rule: Rule::Kept(Some("false")),
            reason: "documented default",
        },
        Exception { path: "AuthSessionValidity", rule: Rule::Kept(Some("3")), reason: "documented default" },
        Exception {
            path: "AllowedOAuthFlowsUserPoolClient",
            rule: Rule::Kept(Some("false")),
            reason: "documented default",
        },
        Exception { path: "PreventUserExistenceErrors", rule: Rule::Kept(None), reason: "the default has moved" },
        Exception {
            path: "ReadAttributes",
            rule: Rule::Kept(None),
            reason: "every attribute, spelled out by the service",
        },
        Exception {
            path: "WriteAttributes",
            rule: Rule::Kept(None),
            reason: "every attribute, spelled out by the service",
        },
    ],
    secrets: &["ClientSecret"],
    view,
};

/// Whether a client has a secret is known from the read; the secret itself goes no further.
fn view(live: &mut Map<String, Value>) {
    if live.remove("ClientSecret").is_some() {
        live.insert("GenerateSecret".to_owned(), Value::Bool(true));
    }
}
