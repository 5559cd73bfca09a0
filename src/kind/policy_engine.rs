//! `policy_engine`: the set of policies that decides the calls of the gateways it is attached to (service.md §8a).

use super::{
    Kind, Lifecycle, List, Names, Output, Service, UpdateStyle, agentcore_arn, call, fetch, page, same, text_at,
};

/// A policy engine.
pub static POLICY_ENGINE: Kind = Kind {
    name: "policy_engine",
    service: Service::AgentCore,
    parent: None,
    name_member: "name",
    name_key: "name",
    names: Names::InAccount,
    id_member: "policyEngineId",
    request_id: "policyEngineId",
    arn: Some(|id, place| agentcore_arn(place, &format!("policy-engine/{id}"))),
    tags_member: Some("tags"),
    wrapper: None,
    create: ("CreatePolicyEngine", call!(|aws, ids| "CreatePolicyEngine", aws.agentcore.create_policy_engine())),
    read: (
        "GetPolicyEngine",
        fetch!(|aws, ids| "GetPolicyEngine", aws.agentcore.get_policy_engine().policy_engine_id(&ids.id)),
    ),
    update: Some((
        "UpdatePolicyEngine",
        call!(|aws, ids| "UpdatePolicyEngine", aws.agentcore.update_policy_engine().policy_engine_id(&ids.id)),
    )),
    delete: (
        "DeletePolicyEngine",
        fetch!(|aws, ids| "DeletePolicyEngine", aws.agentcore.delete_policy_engine().policy_engine_id(&ids.id)),
    ),
    list: List {
        operation: "ListPolicyEngines",
        items: "policyEngines",
        id: "policyEngineId",
        name: "name",
        complete: true,
        call: page!(|aws, ids| "ListPolicyEngines", aws.agentcore.list_policy_engines(), 100),
    },
    companions: &[],
    update_style: UpdateStyle::Patch,
    lifecycle: Some(Lifecycle {
        status: "status",
        ready: &["ACTIVE"],
        create_failed: &["CREATE_FAILED"],
        failed: &["UPDATE_FAILED", "DELETE_FAILED"],
        pending_auth: &[],
        reasons: "statusReasons",
    }),
    outputs: &[
        Output { name: "id", about: "the engine's id", value: |live, _| text_at(live, "/policyEngineId") },
        Output { name: "arn", about: "its ARN", value: |live, _| text_at(live, "/policyEngineArn") },
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/name") },
    ],
    reference_keys: &[],
    exceptions: &[],
    secrets: &[],
    view: same,
};
