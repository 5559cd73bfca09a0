//! `gateway`: the door between an agent and its tools (service.md §4).

use serde_json::{Map, Value};

use super::{
    Exception, Kind, Lifecycle, List, Names, Output, Rule, Service, UpdateStyle, agentcore_arn, call, fetch, page,
    text_at,
};

/// The client id that a locked gateway lets in: an id nobody has. Cognito's ids have no underscore.
pub const LOCK_CLIENT: &str = "gatewright_locked_until_policies_are_active";

/// A gateway.
pub static GATEWAY: Kind = Kind {
    name: "gateway",
    service: Service::AgentCore,
    parent: None,
    name_member: "name",
    name_key: "name",
    names: Names::InAccount,
    id_member: "gatewayId",
    request_id: "gatewayIdentifier",
    arn: Some(|id, place| agentcore_arn(place, &format!("gateway/{id}"))),
    tags_member: Some("tags"),
    wrapper: None,
    create: ("CreateGateway", call!(|aws, ids| "CreateGateway", aws.agentcore.create_gateway())),
    read: ("GetGateway", fetch!(|aws, ids| "GetGateway", aws.agentcore.get_gateway().gateway_identifier(&ids.id))),
    update: Some((
        "UpdateGateway",
        call!(|aws, ids| "UpdateGateway", aws.agentcore.update_gateway().gateway_identifier(&ids.id)),
    )),
    delete: (
        "DeleteGateway",
        fetch!(|aws, ids| "DeleteGateway", aws.agentcore.delete_gateway().gateway_identifier(&ids.id)),
    ),
    list: List {
        operation: "ListGateways",
        items: "items",
        id: "gatewayId",
        name: "name",
        complete: false,
        call: page!(|aws, ids| "ListGateways", aws.agentcore.list_gateways(), 1000),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: Some(Lifecycle {
        status: "status",
        ready: &["READY"],
        create_failed: &["FAILED"],
        failed: &["UPDATE_UNSUCCESSFUL"],
        pending_auth: &[],
        reasons: "statusReasons",
    }),
    outputs: &[
        Output { name: "id", about: "the gateway's id", value: |live, _| text_at(live, "/gatewayId") },
        Output {
            name: "arn",
            about: "its ARN, the `resource` of policies",
            value: |live, _| text_at(live, "/gatewayArn"),
        },
        Output { name: "url", about: "where MCP clients connect", value: |live, _| text_at(live, "/gatewayUrl") },
        Output { name: "name", about: "its live name", value: |live, _| text_at(live, "/name") },
    ],
    reference_keys: &["jwt_authorizer", "policy_engine"],
    exceptions: &[
        Exception { path: "name", rule: Rule::Replace, reason: "UpdateGateway demands the original name" },
        Exception {
            path: "protocolConfiguration",
            rule: Rule::Needs("protocolType"),
            reason: "means nothing without a protocol (service.md §4)",
        },
        Exception {
            path: "protocolConfiguration.mcp.supportedVersions",
            rule: Rule::Kept(None),
            reason: "the service fills in a version when none is given; the default moves (service.md §1.10)",
        },
        Exception {
            path: "protocolConfiguration.mcp.sessionConfiguration.sessionTimeoutInSeconds",
            rule: Rule::Kept(Some("3600")),
            reason: "documented default (service.md §1.10)",
        },
        Exception {
            path: "protocolConfiguration.mcp.streamingConfiguration.enableResponseStreaming",
            rule: Rule::Kept(Some("false")),
            reason: "off unless asked for",
        },
        Exception {
            path: "protocolConfiguration.mcp.disableMcpListToolsPagination",
            rule: Rule::Kept(Some("false")),
            reason: "off unless asked for",
        },
        Exception {
            path: "interceptorConfigurations",
            rule: Rule::KeyedBy("interceptor.lambda.arn"),
            reason: "an interceptor is its function",
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
    // Computed by the service; association is WAFv2's business.
    live.remove("webAclArn");
}
