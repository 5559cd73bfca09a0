//! `user_pool_group`: a group of users, named in the claim `cognito:groups` (service.md §13.5).

use super::{Exception, Kind, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, pool_page, same, text_at};

/// A group.
pub static USER_POOL_GROUP: Kind = Kind {
    name: "user_pool_group",
    service: Service::Cognito,
    parent: Some(Parent { kind: "user_pool", member: "UserPoolId" }),
    name_member: "GroupName",
    name_key: "name",
    names: Names::InParent,
    id_member: "GroupName",
    request_id: "GroupName",
    arn: None,
    tags_member: None,
    wrapper: Some("Group"),
    create: ("CreateGroup", call!(|aws, ids| "CreateGroup", aws.cognito_once.create_group())),
    read: ("GetGroup", call!(|aws, ids| "GetGroup", aws.cognito.get_group())),
    update: Some(("UpdateGroup", call!(|aws, ids| "UpdateGroup", aws.cognito.update_group()))),
    delete: ("DeleteGroup", call!(|aws, ids| "DeleteGroup", aws.cognito.delete_group())),
    list: List {
        operation: "ListGroups",
        items: "Groups",
        id: "GroupName",
        name: "GroupName",
        complete: true,
        call: pool_page!(|aws| "ListGroups", aws.cognito.list_groups(), "Limit", 60),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[Output { name: "name", about: "the group's name", value: |live, _| text_at(live, "/GroupName") }],
    reference_keys: &[],
    exceptions: &[
        Exception {
            path: "Description",
            rule: Rule::Kept(Some("\"\"")),
            reason: "UpdateGroup keeps what it leaves out; an empty text clears it",
        },
        Exception { path: "RoleArn", rule: Rule::Kept(None), reason: "UpdateGroup has no way to take it away" },
        Exception { path: "Precedence", rule: Rule::Kept(None), reason: "UpdateGroup has no way to take it away" },
    ],
    secrets: &[],
    view: same,
};
