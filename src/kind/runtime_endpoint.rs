//! `runtime_endpoint`: a name under which one version of a runtime is called (service.md §3).

use serde_json::{Map, Value};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, fetch, page, text_at,
};

/// An endpoint of a runtime. `DEFAULT` is the service's and never one of ours.
pub static RUNTIME_ENDPOINT: Kind = Kind {
    name: "runtime_endpoint",
    service: Service::AgentCore,
    parent: Some(Parent { kind: "runtime", member: "agentRuntimeId" }),
    name_member: "name",
    name_key: "name",
    names: Names::InParent,
    id_member: "name",
    request_id: "endpointName",
    arn: None,
    tags_member: Some("tags"),
    wrapper: None,
    create: (
        "CreateAgentRuntimeEndpoint",
        call!(
            |aws, ids| "CreateAgentRuntimeEndpoint",
            aws.agentcore.create_agent_runtime_endpoint().agent_runtime_id(&ids.parent)
        ),
    ),
    read: (
        "GetAgentRuntimeEndpoint",
        fetch!(
            |aws, ids| "GetAgentRuntimeEndpoint",
            aws.agentcore.get_agent_runtime_endpoint().agent_runtime_id(&ids.parent).endpoint_name(&ids.id)
        ),
    ),
    update: Some((
        "UpdateAgentRuntimeEndpoint",
        call!(
            |aws, ids| "UpdateAgentRuntimeEndpoint",
            aws.agentcore.update_agent_runtime_endpoint().agent_runtime_id(&ids.parent).endpoint_name(&ids.id)
        ),
    )),
    delete: (
        "DeleteAgentRuntimeEndpoint",
        fetch!(
            |aws, ids| "DeleteAgentRuntimeEndpoint",
            aws.agentcore.delete_agent_runtime_endpoint().agent_runtime_id(&ids.parent).endpoint_name(&ids.id)
        ),
    ),
    list: List {
        operation: "ListAgentRuntimeEndpoints",
        items: "runtimeEndpoints",
        id: "name",
        name: "name",
        // An item does not say why it failed.
        complete: false,
        call: page!(
            |aws, ids| "ListAgentRuntimeEndpoints",
            aws.agentcore.list_agent_runtime_endpoints().agent_runtime_id(&ids.parent),
            100
        ),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: Some(Lifecycle {
        status: "status",
        ready: &["READY"],
        create_failed: &["CREATE_FAILED"],
        failed: &["UPDATE_FAILED", "DELETE_FAILED"],
        pending_auth: &[],
        reasons: "failureReason",
    }),
    outputs: &[
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/name") },
        Output { name: "arn", about: "its ARN", value: |live, _| text_at(live, "/agentRuntimeEndpointArn") },
    ],
    reference_keys: &[],
    exceptions: &[Exception {
        path: "agentRuntimeVersion",
        rule: Rule::Kept(None),
        reason: "the service picks the latest at that time (service.md §3)",
    }],
    secrets: &[],
    view,
};

/// A read shows the version that is being rolled out and the one that serves, and neither is guaranteed.
fn view(live: &mut Map<String, Value>) {
    let version = live.get("targetVersion").or_else(|| live.get("liveVersion")).filter(|version| !version.is_null());
    if let Some(version) = version.cloned() {
        live.insert("agentRuntimeVersion".to_owned(), version);
    }
}
