//! `gateway_target`: what a gateway forwards tool calls to (service.md §5).

use serde_json::{Map, Value};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, fetch, page, text_at,
};

/// The header that the service adds to every target of a gateway with a policy engine.
const SESSION_HEADER: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// A gateway target.
pub static GATEWAY_TARGET: Kind = Kind {
    name: "gateway_target",
    service: Service::AgentCore,
    parent: Some(Parent { kind: "gateway", member: "gatewayIdentifier" }),
    name_member: "name",
    name_key: "name",
    names: Names::InParent,
    id_member: "targetId",
    request_id: "targetId",
    arn: None,
    tags_member: None,
    wrapper: None,
    create: (
        "CreateGatewayTarget",
        call!(|aws, ids| "CreateGatewayTarget", aws.agentcore.create_gateway_target().gateway_identifier(&ids.parent)),
    ),
    read: (
        "GetGatewayTarget",
        fetch!(
            |aws, ids| "GetGatewayTarget",
            aws.agentcore.get_gateway_target().gateway_identifier(&ids.parent).target_id(&ids.id)
        ),
    ),
    update: Some((
        "UpdateGatewayTarget",
        call!(
            |aws, ids| "UpdateGatewayTarget",
            aws.agentcore.update_gateway_target().gateway_identifier(&ids.parent).target_id(&ids.id)
        ),
    )),
    delete: (
        "DeleteGatewayTarget",
        fetch!(
            |aws, ids| "DeleteGatewayTarget",
            aws.agentcore.delete_gateway_target().gateway_identifier(&ids.parent).target_id(&ids.id)
        ),
    ),
    list: List {
        operation: "ListGatewayTargets",
        items: "items",
        id: "targetId",
        name: "name",
        complete: false,
        call: page!(
            |aws, ids| "ListGatewayTargets",
            aws.agentcore.list_gateway_targets().gateway_identifier(&ids.parent),
            1000
        ),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: Some(Lifecycle {
        status: "status",
        ready: &["READY"],
        create_failed: &["FAILED"],
        failed: &["UPDATE_UNSUCCESSFUL", "SYNCHRONIZE_UNSUCCESSFUL"],
        pending_auth: &["CREATE_PENDING_AUTH", "UPDATE_PENDING_AUTH", "SYNCHRONIZE_PENDING_AUTH"],
        reasons: "statusReasons",
    }),
    outputs: &[
        Output { name: "id", about: "the target's id", value: |live, _| text_at(live, "/targetId") },
        Output {
            name: "name",
            about: "its name, the first part of its tools' actions",
            value: |live, _| text_at(live, "/name"),
        },
    ],
    reference_keys: &[],
    exceptions: &[
        Exception {
            path: "name",
            rule: Rule::Replace,
            reason: "the name is part of every action of its tools; renaming in place would leave policies without a tool",
        },
        Exception {
            path: "privateEndpoint.managedVpcResource.tags",
            rule: Rule::WriteOnly,
            reason: "never returned (service.md §1.10)",
        },
        Exception {
            path: "targetConfiguration.mcp.mcpServer.listingMode",
            rule: Rule::Kept(Some("\"DEFAULT\"")),
            reason: "filled in by the service (service.md §1.10)",
        },
        Exception {
            path: "targetConfiguration.mcp.mcpServer.resourcePriority",
            rule: Rule::Kept(Some("1000")),
            reason: "filled in by the service (service.md §1.10)",
        },
        Exception {
            path: "targetConfiguration.http.agentcoreRuntime.qualifier",
            rule: Rule::Kept(Some("\"DEFAULT\"")),
            reason: "documented default (service.md §5)",
        },
        Exception {
            path: "targetConfiguration.http.passthrough.staticQueryParameterConflictResolution",
            rule: Rule::Kept(Some("\"CLIENT_OVERRIDE\"")),
            reason: "documented default (service.md §5)",
        },
        Exception {
            path: "targetConfiguration.mcp.lambda.toolSchema.inlinePayload",
            rule: Rule::KeyedBy("name"),
            reason: "a tool is its name",
        },
        Exception {
            path: "credentialProviderConfigurations",
            rule: Rule::KeyedBy("credentialProviderType"),
            reason: "exactly one element exists",
        },
        Exception {
            path: "credentialProviderConfigurations[].credentialProvider.oauthCredentialProvider.grantType",
            rule: Rule::Kept(Some("\"CLIENT_CREDENTIALS\"")),
            reason: "documented default (service.md §1.10)",
        },
    ],
    secrets: &[],
    view,
};

/// Takes out the header that the service injects once an engine is attached: an update for it could move an authorised
/// target back to waiting for consent.
fn view(live: &mut Map<String, Value>) {
    let Some(metadata) = live.get_mut("metadataConfiguration").and_then(Value::as_object_mut) else { return };
    if let Some(headers) = metadata.get_mut("allowedRequestHeaders").and_then(Value::as_array_mut) {
        headers.retain(|header| !header.as_str().is_some_and(|header| header.eq_ignore_ascii_case(SESSION_HEADER)));
        if headers.is_empty() {
            metadata.remove("allowedRequestHeaders");
        }
    }
    if metadata.is_empty() {
        live.remove("metadataConfiguration");
    }
}
