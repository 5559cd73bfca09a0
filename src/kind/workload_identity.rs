//! `workload_identity`: an identity that an agent asks for tokens with (service.md §9a).
//!
//! The service makes one for every gateway and runtime; those carry no tags of ours and are never touched.

use super::{
    Exception, Kind, List, Names, Output, Rule, Service, UpdateStyle, agentcore_arn, call, page, same, text_at,
};

/// A workload identity.
pub static WORKLOAD_IDENTITY: Kind = Kind {
    name: "workload_identity",
    service: Service::AgentCore,
    parent: None,
    name_member: "name",
    name_key: "name",
    names: Names::InAccount,
    id_member: "name",
    request_id: "name",
    arn: Some(|name, place| {
        agentcore_arn(place, &format!("workload-identity-directory/default/workload-identity/{name}"))
    }),
    tags_member: Some("tags"),
    wrapper: None,
    create: (
        "CreateWorkloadIdentity",
        call!(|aws, ids| "CreateWorkloadIdentity", aws.agentcore_once.create_workload_identity()),
    ),
    read: ("GetWorkloadIdentity", call!(|aws, ids| "GetWorkloadIdentity", aws.agentcore.get_workload_identity())),
    update: Some((
        "UpdateWorkloadIdentity",
        call!(|aws, ids| "UpdateWorkloadIdentity", aws.agentcore.update_workload_identity()),
    )),
    delete: (
        "DeleteWorkloadIdentity",
        call!(|aws, ids| "DeleteWorkloadIdentity", aws.agentcore.delete_workload_identity()),
    ),
    list: List {
        operation: "ListWorkloadIdentities",
        items: "workloadIdentities",
        id: "name",
        name: "name",
        complete: false,
        call: page!(|aws, ids| "ListWorkloadIdentities", aws.agentcore.list_workload_identities(), 20),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/name") },
        Output { name: "arn", about: "its ARN", value: |live, _| text_at(live, "/workloadIdentityArn") },
    ],
    reference_keys: &[],
    exceptions: &[Exception {
        path: "allowedResourceOauth2ReturnUrls",
        rule: Rule::Kept(Some("[]")),
        reason: "whether an update keeps a list that it leaves out is not known; an empty one clears it (service.md §1.5)",
    }],
    secrets: &[],
    view: same,
};
