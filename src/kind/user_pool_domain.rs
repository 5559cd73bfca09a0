//! `user_pool_domain`: the host of a pool's token endpoint and login pages (service.md §13.4).

use serde_json::{Value, json};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Parent, Place, Rule, Service, UpdateStyle, call, same, text_at,
};
use crate::aws::exchange;

/// A pool's domain.
pub static USER_POOL_DOMAIN: Kind = Kind {
    name: "user_pool_domain",
    service: Service::Cognito,
    parent: Some(Parent { kind: "user_pool", member: "UserPoolId" }),
    name_member: "Domain",
    name_key: "domain",
    names: Names::InParent,
    id_member: "Domain",
    request_id: "Domain",
    arn: None,
    tags_member: None,
    wrapper: Some("DomainDescription"),
    create: (
        "CreateUserPoolDomain",
        call!(|aws, ids| "CreateUserPoolDomain", aws.cognito_once.create_user_pool_domain()),
    ),
    read: ("DescribeUserPoolDomain", |aws, ids, _| {
        // The operation takes no pool: a domain is known by its name.
        Box::pin(async move {
            let body = json!({"Domain": ids.id});
            exchange!(aws, "DescribeUserPoolDomain", aws.cognito.describe_user_pool_domain(), Some(&body))
        })
    }),
    update: Some((
        "UpdateUserPoolDomain",
        call!(|aws, ids| "UpdateUserPoolDomain", aws.cognito.update_user_pool_domain()),
    )),
    delete: ("DeleteUserPoolDomain", call!(|aws, ids| "DeleteUserPoolDomain", aws.cognito.delete_user_pool_domain())),
    list: List {
        operation: "DescribeUserPool",
        items: "Domains",
        id: "Domain",
        name: "Domain",
        complete: false,
        // There is no listing: the pool says which domains it has.
        call: |aws, ids, _| {
            Box::pin(async move {
                let body = json!({"UserPoolId": ids.parent});
                let pool = exchange!(aws, "DescribeUserPool", aws.cognito.describe_user_pool(), Some(&body))?;
                let domains = ["Domain", "CustomDomain"]
                    .iter()
                    .filter_map(|member| pool.get("UserPool")?.get(member)?.as_str())
                    .map(|domain| json!({"Domain": domain}))
                    .collect::<Vec<Value>>();
                Ok(json!({"Domains": domains}))
            })
        },
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: Some(Lifecycle {
        status: "Status",
        ready: &["ACTIVE"],
        create_failed: &["FAILED"],
        failed: &[],
        pending_auth: &[],
        reasons: "",
    }),
    outputs: &[
        Output { name: "domain", about: "the domain", value: |live, _| text_at(live, "/Domain") },
        Output { name: "token_endpoint", about: "where clients get tokens", value: token_endpoint },
    ],
    reference_keys: &[],
    exceptions: &[Exception {
        path: "ManagedLoginVersion",
        rule: Rule::Kept(Some("1")),
        reason: "documented default: the classic login pages",
    }],
    secrets: &[],
    view: same,
};

fn token_endpoint(live: &Value, place: &Place) -> Option<String> {
    let domain = text_at(live, "/Domain")?;
    if live.pointer("/CustomDomainConfig/CertificateArn").is_some() {
        return Some(format!("https://{domain}/oauth2/token"));
    }
    Some(format!("https://{domain}.auth.{}.amazoncognito.com/oauth2/token", place.region))
}
