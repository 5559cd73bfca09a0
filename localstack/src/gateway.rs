//! Gateways.

use serde_json::{Value, json};

use crate::document::{Document, created, document, replace, text, texts};
use crate::failure::Failure;
use crate::identifier::SMALL;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object, Settle};
use crate::{authorizer, tag};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateGateway", create),
    ("GetGateway", get),
    ("ListGateways", list),
    ("UpdateGateway", update),
    ("DeleteGateway", delete),
];

/// The version a gateway speaks when its manifest names none.
const DEFAULT_VERSION: &str = "2025-03-26";

/// A gateway that is there.
pub(crate) fn find<'a>(session: &'a Session<'_>, id: &str) -> Result<&'a Object, Failure> {
    session.state.find(Kind::Gateway, None, id).ok_or_else(|| Failure::missing("Gateway", id))
}

/// The ARN of the engine that a gateway is attached to.
pub(crate) fn engine_arn(gateway: &Object) -> Option<&str> {
    gateway.document.get("policyEngineConfiguration")?.get("arn")?.as_str()
}

/// Where the clients of a gateway connect: at the stand-in where it is served, else under AWS's own name.
pub(crate) fn url(base: Option<&str>, region: &str, id: &str) -> String {
    match base {
        Some(base) => format!("{base}/gateways/{id}/mcp"),
        None => format!("https://{id}.gateway.bedrock-agentcore.{region}.amazonaws.com/mcp"),
    }
}

/// A gateway for tools, in contrast to one for HTTP targets.
pub(crate) fn speaks_mcp(gateway: &Object) -> bool {
    gateway.document.contains_key("protocolType")
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    check(session, input)?;
    tag::check_agentcore(input.get("tags"))?;
    let name = text(input, "name");
    if session.state.all(Kind::Gateway, None).any(|gateway| text(&gateway.document, "name") == name) {
        return Err(Failure::conflict(format!("A gateway with name {name} already exists")));
    }
    let suffix = session.letters(SMALL, 10);
    // An id has no hyphen before its own, and a name may end in one.
    let id = format!("{}-{suffix}", name.to_ascii_lowercase().trim_end_matches('-'));
    let arn = session.arn("bedrock-agentcore", &format!("gateway/{id}"));
    let identity =
        session.arn("bedrock-agentcore", &format!("workload-identity-directory/default/workload-identity/{id}"));
    let mut stored = created(session.service.api(), "CreateGateway", input);
    stored.extend(document(json!({
        "gatewayArn": arn,
        "gatewayId": id,
        "createdAt": session.now,
        "updatedAt": session.now,
        "workloadIdentityDetails": {"workloadIdentityArn": identity},
    })));
    fill_in(&mut stored, None);
    let mut gateway = session.object(Kind::Gateway, None, &id, stored);
    gateway.arn = Some(arn);
    gateway.tags = tag::of(input, "tags");
    gateway.begin("CREATING", session.ending("READY", "FAILED"));
    let answer = show(session, &gateway, "CreateGatewayResponse");
    session.state.add(gateway);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateway = find(session, text(input, "gatewayIdentifier"))?;
    Ok(show(session, gateway, "GetGatewayResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateways = session.state.all(Kind::Gateway, None);
    let items: Vec<(u64, Value)> =
        gateways.map(|gateway| (gateway.serial, show(session, gateway, "GatewaySummary"))).collect();
    page(session, "ListGateways", input, items, 100)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "gatewayIdentifier");
    let gateway = find(session, id)?;
    if text(&gateway.document, "name") != text(input, "name") {
        return Err(Failure::invalid_field("name", "The name of a gateway cannot be changed"));
    }
    if !matches!(gateway.status(), "READY" | "UPDATE_UNSUCCESSFUL") {
        let message = format!("Gateway {id} is in {} state and cannot be updated", gateway.status());
        return Err(Failure::conflict(message));
    }
    check(session, input)?;
    let live = supported_versions(&gateway.document);
    check_ratchet(&live, input)?;
    let end = session.ending("READY", "UPDATE_UNSUCCESSFUL");
    let (api, now) = (session.service.api(), session.now);
    let Some(gateway) = session.state.find_mut(Kind::Gateway, None, id) else {
        return Err(Failure::missing("Gateway", id));
    };
    replace(api, "UpdateGateway", &mut gateway.document, input);
    fill_in(&mut gateway.document, Some(live));
    gateway.document.insert("updatedAt".into(), json!(now));
    gateway.begin("UPDATING", end);
    let gateway = find(session, id)?;
    Ok(show(session, gateway, "UpdateGatewayResponse"))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "gatewayIdentifier");
    let gateway = find(session, id)?;
    if matches!(gateway.status(), "CREATING" | "UPDATING" | "DELETING") {
        let message = format!("Gateway {id} is in {} state and cannot be deleted", gateway.status());
        return Err(Failure::conflict(message));
    }
    if session.state.all(Kind::GatewayTarget, Some(id)).next().is_some() {
        let message =
            format!("Gateway {id} has targets associated with it. Delete all targets before deleting the gateway.");
        return Err(Failure::invalid(message));
    }
    let due = session.due();
    if let Some(gateway) = session.state.find_mut(Kind::Gateway, None, id) {
        gateway.begin("DELETING", Settle::gone(due));
    }
    let gateway = find(session, id)?;
    Ok(show(session, gateway, "DeleteGatewayResponse"))
}

fn show(session: &Session<'_>, gateway: &Object, shape: &str) -> Value {
    let mut view = gateway.document.clone();
    view.insert("status".into(), json!(gateway.status()));
    view.insert("gatewayUrl".into(), json!(url(session.base, &session.config.region, &gateway.id)));
    if !gateway.reasons.is_empty() {
        view.insert("statusReasons".into(), json!(gateway.reasons));
    }
    session.show(shape, view, &gateway.planted)
}

/// What holds for a gateway whether it is created or updated.
fn check(session: &Session<'_>, input: &Document) -> Result<(), Failure> {
    let has_authorizer = input.contains_key("authorizerConfiguration");
    match text(input, "authorizerType") {
        "CUSTOM_JWT" if !has_authorizer => {
            let message = "Authorizer configuration is required for the authorizer type CUSTOM_JWT";
            return Err(Failure::invalid_field("authorizerConfiguration", message));
        }
        "CUSTOM_JWT" => authorizer::check(input)?,
        kind if has_authorizer => {
            let message = format!("Authorizer configuration must not be given for the authorizer type {kind}");
            return Err(Failure::invalid_field("authorizerConfiguration", message));
        }
        _ => {}
    }
    if input.contains_key("protocolConfiguration") && !input.contains_key("protocolType") {
        let message = "A protocol configuration needs a protocol type";
        return Err(Failure::invalid_field("protocolConfiguration", message));
    }
    check_interceptors(input)?;
    check_engine(session, input)
}

fn check_interceptors(input: &Document) -> Result<(), Failure> {
    let mut taken: Vec<&str> = Vec::new();
    let interceptors = input.get("interceptorConfigurations").and_then(Value::as_array);
    for interceptor in interceptors.into_iter().flatten().filter_map(Value::as_object) {
        for point in texts(interceptor, "interceptionPoints") {
            if taken.contains(&point) {
                let message = format!("Only one interceptor is allowed for the interception point {point}");
                return Err(Failure::invalid_field("interceptorConfigurations", message));
            }
            taken.push(point);
        }
    }
    Ok(())
}

fn check_engine(session: &Session<'_>, input: &Document) -> Result<(), Failure> {
    let Some(arn) = input.get("policyEngineConfiguration").and_then(|engine| engine.get("arn")?.as_str()) else {
        return Ok(());
    };
    let mut engines = session.state.all(Kind::PolicyEngine, None);
    let Some(engine) = engines.find(|engine| engine.arn.as_deref() == Some(arn)) else {
        let message = format!("The policy engine {arn} does not exist");
        return Err(Failure::invalid_field("policyEngineConfiguration.arn", message));
    };
    if engine.status() == "ACTIVE" {
        return Ok(());
    }
    let message = format!("The policy engine {arn} is in {} state, it must be ACTIVE", engine.status());
    Err(Failure::invalid_field("policyEngineConfiguration.arn", message))
}

/// Protocol versions can be taken away from a gateway, never given back.
fn check_ratchet(live: &[String], input: &Document) -> Result<(), Failure> {
    match supported_versions(input).iter().find(|version| !live.contains(version)) {
        Some(version) if !live.is_empty() => {
            let message = format!("The protocol version {version} cannot be added to a gateway");
            Err(Failure::invalid_field("protocolConfiguration.mcp.supportedVersions", message))
        }
        _ => Ok(()),
    }
}

pub(crate) fn supported_versions(document: &Document) -> Vec<String> {
    let mcp = document.get("protocolConfiguration").and_then(|configuration| configuration.get("mcp"));
    mcp.and_then(Value::as_object)
        .map(|mcp| texts(mcp, "supportedVersions").into_iter().map(ToOwned::to_owned).collect())
        .unwrap_or_default()
}

/// What the service fills in by itself.
fn fill_in(gateway: &mut Document, live_versions: Option<Vec<String>>) {
    authorizer::drop_write_only(gateway);
    if !gateway.contains_key("protocolType") {
        return;
    }
    let versions =
        live_versions.filter(|versions| !versions.is_empty()).unwrap_or_else(|| vec![DEFAULT_VERSION.into()]);
    let configuration = gateway.entry("protocolConfiguration").or_insert_with(|| json!({"mcp": {}}));
    if let Some(Value::Object(mcp)) = configuration.get_mut("mcp") {
        mcp.entry("supportedVersions").or_insert_with(|| json!(versions));
        if let Some(Value::Object(timeouts)) = mcp.get_mut("sessionConfiguration") {
            timeouts.entry("sessionTimeoutInSeconds").or_insert_with(|| json!(3600));
        }
    }
}
