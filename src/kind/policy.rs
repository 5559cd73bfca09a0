//! `policy`: one Cedar statement of a policy engine (service.md §8b).

use serde_json::{Map, Value, json};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, fetch, page, text_at,
};

/// A policy.
pub static POLICY: Kind = Kind {
    name: "policy",
    service: Service::AgentCore,
    parent: Some(Parent { kind: "policy_engine", member: "policyEngineId" }),
    name_member: "name",
    name_key: "name",
    names: Names::InAccount,
    id_member: "policyId",
    request_id: "policyId",
    arn: None,
    tags_member: None,
    wrapper: None,
    create: (
        "CreatePolicy",
        call!(|aws, ids| "CreatePolicy", aws.agentcore.create_policy().policy_engine_id(&ids.parent)),
    ),
    read: (
        "GetPolicy",
        fetch!(|aws, ids| "GetPolicy", aws.agentcore.get_policy().policy_engine_id(&ids.parent).policy_id(&ids.id)),
    ),
    update: Some((
        "UpdatePolicy",
        call!(
            |aws, ids| "UpdatePolicy",
            aws.agentcore.update_policy().policy_engine_id(&ids.parent).policy_id(&ids.id)
        ),
    )),
    delete: (
        "DeletePolicy",
        fetch!(
            |aws, ids| "DeletePolicy",
            aws.agentcore.delete_policy().policy_engine_id(&ids.parent).policy_id(&ids.id)
        ),
    ),
    list: List {
        operation: "ListPolicies",
        items: "policies",
        id: "policyId",
        name: "name",
        complete: true,
        call: page!(|aws, ids| "ListPolicies", aws.agentcore.list_policies().policy_engine_id(&ids.parent), 100),
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
        Output { name: "id", about: "the policy's id", value: |live, _| text_at(live, "/policyId") },
        Output { name: "arn", about: "its ARN", value: |live, _| text_at(live, "/policyArn") },
    ],
    reference_keys: &[],
    exceptions: &[
        Exception {
            path: "validationMode",
            rule: Rule::WriteOnly,
            reason: "per call, never returned (service.md §1.10)",
        },
        Exception {
            path: "enforcementMode",
            rule: Rule::Kept(Some("\"ACTIVE\"")),
            reason: "documented default (service.md §1.10)",
        },
    ],
    secrets: &[],
    view,
};

/// The Cedar text of a definition, whichever of its two arms carries it. `cedar` and `policy` count as one: the service may
/// answer with the other.
pub fn statement_of(definition: &Value) -> Option<&str> {
    ["cedar", "policy"].iter().find_map(|arm| definition.get(arm)?.get("statement")?.as_str())
}

fn view(live: &mut Map<String, Value>) {
    let Some(definition) = live.get_mut("definition") else { return };
    if let Some(statement) = definition.pointer("/policy/statement").cloned() {
        *definition = json!({"cedar": {"statement": statement}});
    }
}
