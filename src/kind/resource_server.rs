//! `resource_server`: an API of a user pool and the scopes it defines (service.md §13.2).

use super::{Exception, Kind, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, pool_page, same, text_at};

/// A resource server.
pub static RESOURCE_SERVER: Kind = Kind {
    name: "resource_server",
    service: Service::Cognito,
    parent: Some(Parent { kind: "user_pool", member: "UserPoolId" }),
    name_member: "Identifier",
    name_key: "identifier",
    names: Names::InParent,
    id_member: "Identifier",
    request_id: "Identifier",
    arn: None,
    tags_member: None,
    wrapper: Some("ResourceServer"),
    create: (
        "CreateResourceServer",
        call!(|aws, ids| "CreateResourceServer", aws.cognito_once.create_resource_server()),
    ),
    read: (
        "DescribeResourceServer",
        call!(|aws, ids| "DescribeResourceServer", aws.cognito.describe_resource_server()),
    ),
    update: Some((
        "UpdateResourceServer",
        call!(|aws, ids| "UpdateResourceServer", aws.cognito.update_resource_server()),
    )),
    delete: ("DeleteResourceServer", call!(|aws, ids| "DeleteResourceServer", aws.cognito.delete_resource_server())),
    list: List {
        operation: "ListResourceServers",
        items: "ResourceServers",
        id: "Identifier",
        name: "Identifier",
        complete: true,
        call: pool_page!(|aws| "ListResourceServers", aws.cognito.list_resource_servers(), "MaxResults", 50),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[Output {
        name: "identifier",
        about: "the prefix of its scopes",
        value: |live, _| text_at(live, "/Identifier"),
    }],
    reference_keys: &[],
    exceptions: &[Exception { path: "Scopes", rule: Rule::KeyedBy("ScopeName"), reason: "a scope is its name" }],
    secrets: &[],
    view: same,
};
