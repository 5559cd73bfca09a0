//! `runtime`: an agent, hosted (service.md §2).

use serde_json::{Map, Value};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Rule, Service, UpdateStyle, agentcore_arn, call, fetch, page,
    text_at,
};

/// An agent runtime.
pub static RUNTIME: Kind = Kind {
    name: "runtime",
    service: Service::AgentCore,
    parent: None,
    name_member: "agentRuntimeName",
    name_key: "name",
    names: Names::InAccount,
    id_member: "agentRuntimeId",
    request_id: "agentRuntimeId",
    arn: Some(|id, place| agentcore_arn(place, &format!("runtime/{id}"))),
    tags_member: Some("tags"),
    wrapper: None,
    create: ("CreateAgentRuntime", call!(|aws, ids| "CreateAgentRuntime", aws.agentcore.create_agent_runtime())),
    read: (
        "GetAgentRuntime",
        fetch!(|aws, ids| "GetAgentRuntime", aws.agentcore.get_agent_runtime().agent_runtime_id(&ids.id)),
    ),
    update: Some((
        "UpdateAgentRuntime",
        call!(|aws, ids| "UpdateAgentRuntime", aws.agentcore.update_agent_runtime().agent_runtime_id(&ids.id)),
    )),
    delete: (
        "DeleteAgentRuntime",
        fetch!(|aws, ids| "DeleteAgentRuntime", aws.agentcore.delete_agent_runtime().agent_runtime_id(&ids.id)),
    ),
    list: List {
        operation: "ListAgentRuntimes",
        items: "agentRuntimes",
        id: "agentRuntimeId",
        name: "agentRuntimeName",
        complete: false,
        call: page!(|aws, ids| "ListAgentRuntimes", aws.agentcore.list_agent_runtimes(), 100),
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
        Output { name: "id", about: "the runtime's id", value: |live, _| text_at(live, "/agentRuntimeId") },
        Output { name: "arn", about: "its ARN", value: |live, _| text_at(live, "/agentRuntimeArn") },
        Output {
            name: "version",
            about: "the version that DEFAULT serves",
            value: |live, _| text_at(live, "/agentRuntimeVersion"),
        },
    ],
    reference_keys: &["jwt_authorizer"],
    exceptions: &[
        Exception {
            path: "lifecycleConfiguration.idleRuntimeSessionTimeout",
            rule: Rule::Kept(Some("900")),
            reason: "always returned; documented default (service.md §1.10)",
        },
        Exception {
            path: "lifecycleConfiguration.maxLifetime",
            rule: Rule::Kept(Some("28800")),
            reason: "always returned; documented default (service.md §1.10)",
        },
        Exception {
            path: "networkConfiguration.networkMode",
            rule: Rule::Kept(Some("\"PUBLIC\"")),
            reason: "optional in the model; the default is presumably PUBLIC (service.md §2)",
        },
        Exception {
            path: "networkConfiguration.networkModeConfig.requireServiceS3Endpoint",
            rule: Rule::NeverSent,
            reason: "may be returned, is refused in requests (service.md §1.10)",
        },
        Exception {
            path: "metadataConfiguration.requireMMDSV2",
            rule: Rule::Kept(Some("true")),
            reason: "true for every agent created since 2026-02-15 (service.md §1.10)",
        },
        Exception {
            path: "protocolConfiguration.serverProtocol",
            rule: Rule::Kept(Some("\"HTTP\"")),
            reason: "documented default (service.md §2)",
        },
        Exception {
            path: "protocolConfiguration.port",
            rule: Rule::Kept(None),
            reason: "depends on the protocol (service.md §2)",
        },
        Exception {
            path: "protocolConfiguration.path",
            rule: Rule::Kept(None),
            reason: "depends on the protocol (service.md §2)",
        },
        Exception { path: "platformVersion", rule: Rule::Kept(None), reason: "the service picks the current one" },
        Exception {
            path: "agentRuntimeArtifact.codeConfiguration.entryPoint",
            rule: Rule::Ordered,
            reason: "a command line",
        },
        Exception {
            path: "authorizerConfiguration.customJWTAuthorizer.customClaims",
            rule: Rule::KeyedBy("inboundTokenClaimName"),
            reason: "a rule is about one claim",
        },
        Exception {
            path: "authorizerConfiguration.customJWTAuthorizer.privateEndpoint.managedVpcResource.tags",
            rule: Rule::WriteOnly,
            reason: "never returned (service.md §1.10)",
        },
        Exception {
            path: "authorizerConfiguration.customJWTAuthorizer.privateEndpointOverrides",
            rule: Rule::WriteOnly,
            reason: "reported as not returned by Get (service.md §1.10)",
        },
    ],
    secrets: &[],
    view,
};

fn view(live: &mut Map<String, Value>) {
    let config = live.get_mut("networkConfiguration").and_then(|network| network.get_mut("networkModeConfig"));
    if let Some(config) = config.and_then(Value::as_object_mut) {
        config.remove("requireServiceS3Endpoint");
    }
}
