//! Gateway targets.

use serde_json::{Value, json};

use crate::document::{Document, created, document, replace, text};
use crate::failure::Failure;
use crate::identifier::MIXED;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object, Settle};
use crate::{authorizer, gateway};

mod credential;
mod synchronize;

pub(crate) const OPERATIONS: Operations = &[
    ("CreateGatewayTarget", create),
    ("GetGatewayTarget", get),
    ("ListGatewayTargets", list),
    ("UpdateGatewayTarget", update),
    ("DeleteGatewayTarget", delete),
    ("SynchronizeGatewayTargets", synchronize::run),
];

/// The header that the service passes on while a policy engine is attached.
const SESSION_HEADER: &str = "x-amzn-bedrock-agentcore-policy-session-id";

/// How long a person may take to consent, in milliseconds.
const CONSENT: u64 = 10 * 60 * 1000;

fn find<'a>(session: &'a Session<'_>, gateway: &str, id: &str) -> Result<&'a Object, Failure> {
    session.state.find(Kind::GatewayTarget, Some(gateway), id).ok_or_else(|| Failure::missing("Target", id))
}

/// The two outer arms of a target configuration, for example `("mcp", "lambda")`.
pub(crate) fn arms(configuration: Option<&Value>) -> (&str, &str) {
    let only = |value: &Value| value.as_object().and_then(|arms| arms.keys().next().cloned()).unwrap_or_default();
    let Some(configuration) = configuration else { return ("", "") };
    let outer = only(configuration);
    let inner = configuration.get(&outer).map(only).unwrap_or_default();
    (known(&outer), known(&inner))
}

/// The arm's name as a constant; an arm the model does not have does not come this far.
fn known(arm: &str) -> &'static str {
    const ARMS: [&str; 12] = [
        "mcp",
        "http",
        "inference",
        "openApiSchema",
        "smithyModel",
        "lambda",
        "mcpServer",
        "apiGateway",
        "connector",
        "agentcoreRuntime",
        "passthrough",
        "provider",
    ];
    ARMS.into_iter().find(|known| *known == arm).unwrap_or_default()
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateway_id = text(input, "gatewayIdentifier");
    let gateway_arn = check(session, input, None)?;
    let id = session.letters(MIXED, 10);
    let mut stored = created(session.service.api(), "CreateGatewayTarget", input);
    stored.entry("name").or_insert_with(|| json!(format!("target-{id}")));
    stored.extend(document(json!({
        "gatewayArn": gateway_arn, "targetId": id, "createdAt": session.now, "updatedAt": session.now,
    })));
    fill_in(session, &mut stored);
    let mut target = session.object(Kind::GatewayTarget, Some(gateway_id), &id, stored);
    settle(session, &mut target, "CREATING", "FAILED", "CREATE_PENDING_AUTH");
    let answer = show(session, &target, "CreateGatewayTargetResponse");
    session.state.add(target);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateway_id = text(input, "gatewayIdentifier");
    gateway::find(session, gateway_id)?;
    let target = find(session, gateway_id, text(input, "targetId"))?;
    Ok(show(session, target, "GetGatewayTargetResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let gateway_id = text(input, "gatewayIdentifier");
    gateway::find(session, gateway_id)?;
    // A deleted target is no longer listed, but still counts against its gateway.
    let targets = session.state.all(Kind::GatewayTarget, Some(gateway_id));
    let listed = targets.filter(|target| target.status() != "DELETING");
    let items: Vec<(u64, Value)> = listed.map(|target| (target.serial, summary(session, target))).collect();
    page(session, "ListGatewayTargets", input, items, 100)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (gateway_id, id) = (text(input, "gatewayIdentifier"), text(input, "targetId"));
    gateway::find(session, gateway_id)?;
    let target = find(session, gateway_id, id)?;
    if !matches!(target.status(), "READY" | "FAILED" | "UPDATE_UNSUCCESSFUL" | "SYNCHRONIZE_UNSUCCESSFUL") {
        let message = format!("Target {id} is in {} state and cannot be updated", target.status());
        return Err(Failure::conflict(message));
    }
    check(session, input, Some(id))?;
    let mut target = target.clone();
    let name = target.document.get("name").cloned();
    replace(session.service.api(), "UpdateGatewayTarget", &mut target.document, input);
    if let Some(name) = name {
        target.document.entry("name").or_insert(name);
    }
    target.document.insert("updatedAt".into(), json!(session.now));
    fill_in(session, &mut target.document);
    settle(session, &mut target, "UPDATING", "UPDATE_UNSUCCESSFUL", "UPDATE_PENDING_AUTH");
    let answer = show(session, &target, "UpdateGatewayTargetResponse");
    if let Some(live) = session.state.find_mut(Kind::GatewayTarget, Some(gateway_id), id) {
        *live = target;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (gateway_id, id) = (text(input, "gatewayIdentifier"), text(input, "targetId"));
    gateway::find(session, gateway_id)?;
    let target = find(session, gateway_id, id)?;
    let status = target.status();
    if matches!(status, "CREATING" | "UPDATING" | "DELETING" | "SYNCHRONIZING") || status.ends_with("_PENDING_AUTH") {
        return Err(Failure::conflict(format!("Target {id} is in {status} state and cannot be deleted")));
    }
    let due = session.due();
    if let Some(target) = session.state.find_mut(Kind::GatewayTarget, Some(gateway_id), id) {
        target.begin("DELETING", Settle::gone(due));
    }
    let target = find(session, gateway_id, id)?;
    Ok(show(session, target, "DeleteGatewayTargetResponse"))
}

/// What holds for a target whether it is created or updated. Answers the gateway's ARN.
fn check(session: &Session<'_>, input: &Document, own: Option<&str>) -> Result<String, Failure> {
    let gateway_id = text(input, "gatewayIdentifier");
    let gateway = gateway::find(session, gateway_id)?;
    if gateway.status() != "READY" {
        let message = format!("Gateway {gateway_id} is in {} state, it must be READY", gateway.status());
        return Err(Failure::conflict(message));
    }
    let name = text(input, "name");
    let mut others = session.state.all(Kind::GatewayTarget, Some(gateway_id)).filter(|other| Some(&*other.id) != own);
    if !name.is_empty() && others.any(|other| text(&other.document, "name") == name) {
        return Err(Failure::conflict(format!("A target with name {name} already exists in gateway {gateway_id}")));
    }
    let configuration = input.get("targetConfiguration");
    let (family, arm) = arms(configuration);
    let refused = |message: &str| Err(Failure::invalid_field("targetConfiguration", message));
    match (family, arm) {
        ("http", "agentcoreRuntime") if gateway::speaks_mcp(gateway) => {
            return refused("AgentCore Runtime targets can only be added to gateways without a protocol type");
        }
        ("mcp", _) | ("inference", "connector") if !gateway::speaks_mcp(gateway) => {
            return refused("This kind of target can only be added to gateways with the protocol type MCP");
        }
        _ => {}
    }
    if has_empty_schema(configuration) {
        return Err(Failure::invalid("No MCP tool schema found in target configuration"));
    }
    credential::check(input, arm, family, text(&gateway.document, "authorizerType"))?;
    Ok(gateway.arn.clone().unwrap_or_default())
}

fn has_empty_schema(configuration: Option<&Value>) -> bool {
    let inline = configuration.and_then(|configuration| configuration.pointer("/mcp/lambda/toolSchema/inlinePayload"));
    inline.and_then(Value::as_array).is_some_and(Vec::is_empty)
}

/// What the service fills in by itself.
fn fill_in(session: &Session<'_>, target: &mut Document) {
    authorizer::drop_write_only(target);
    if let Some(Value::Object(server)) =
        target.get_mut("targetConfiguration").and_then(|configuration| configuration.pointer_mut("/mcp/mcpServer"))
    {
        server.entry("listingMode").or_insert_with(|| json!("DEFAULT"));
        server.entry("resourcePriority").or_insert_with(|| json!(1000));
        target.insert("lastSynchronizedAt".into(), json!(session.now));
    } else {
        target.shift_remove("lastSynchronizedAt");
    }
    if let Some(Value::Object(oauth)) = target
        .get_mut("credentialProviderConfigurations")
        .and_then(|list| list.pointer_mut("/0/credentialProvider/oauthCredentialProvider"))
    {
        oauth.entry("grantType").or_insert_with(|| json!("CLIENT_CREDENTIALS"));
    }
    let protocol = if arms(target.get("targetConfiguration")).0 == "mcp" { "MCP" } else { "HTTP" };
    target.insert("protocolType".into(), json!(protocol));
}

/// Lets a target settle: ready after a while, or waiting for a person first.
fn settle(session: &Session<'_>, target: &mut Object, during: &str, badly: &str, waiting: &str) {
    target.document.shift_remove("authorizationData");
    let waits = credential::needs_consent(&target.document);
    if !waits || session.unsuccessful.is_some() {
        target.begin(during, session.ending("READY", badly));
        return;
    }
    let url = format!(
        "https://bedrock-agentcore.{}.amazonaws.com/identities/oauth2/authorize?request_uri=",
        session.config.region
    );
    let data = json!({"oauth2": {"authorizationUrl": format!("{url}{}", target.id)}});
    target.document.insert("authorizationData".into(), data);
    target.begin(during, Settle::into_status(session.due(), waiting));
    let over = session.due().saturating_add(CONSENT);
    target.settles.push(Settle::failing(over, badly, "The authorization was not completed in time"));
}

fn show(session: &Session<'_>, target: &Object, shape: &str) -> Value {
    let mut view = target.document.clone();
    view.insert("status".into(), json!(target.status()));
    if !target.reasons.is_empty() {
        view.insert("statusReasons".into(), json!(target.reasons));
    }
    let gateway = target.parent.as_deref().and_then(|id| session.state.find(Kind::Gateway, None, id));
    if gateway.and_then(gateway::engine_arn).is_some() {
        inject_session_header(&mut view);
    }
    session.show(shape, view, &target.planted)
}

fn inject_session_header(view: &mut Document) {
    let metadata = view.entry("metadataConfiguration").or_insert_with(|| json!({}));
    let Some(metadata) = metadata.as_object_mut() else { return };
    let headers = metadata.entry("allowedRequestHeaders").or_insert_with(|| json!([]));
    let Some(headers) = headers.as_array_mut() else { return };
    let known = headers.iter().filter_map(Value::as_str).any(|header| header.eq_ignore_ascii_case(SESSION_HEADER));
    if !known {
        headers.push(json!(SESSION_HEADER));
    }
}

fn summary(session: &Session<'_>, target: &Object) -> Value {
    let mut view = target.document.clone();
    let configuration = view.get("targetConfiguration").cloned().unwrap_or_default();
    let kind = match arms(Some(&configuration)) {
        ("mcp", "openApiSchema") => "OPEN_API_SCHEMA",
        ("mcp", "smithyModel") => "SMITHY_MODEL",
        ("mcp", "mcpServer") => "MCP_SERVER",
        ("mcp", "lambda") => "LAMBDA",
        ("mcp", "apiGateway") => "API_GATEWAY",
        ("http", "agentcoreRuntime") => "AGENTCORE_RUNTIME",
        ("http", "passthrough") => "PASSTHROUGH",
        ("http", "connector") => "HTTP_CONNECTOR",
        ("inference", "provider") => "PROVIDER",
        _ => "CONNECTOR",
    };
    view.insert("status".into(), json!(target.status()));
    view.insert("targetType".into(), json!(kind));
    for member in ["listingMode", "resourcePriority"] {
        if let Some(value) = configuration.pointer(&format!("/mcp/mcpServer/{member}")) {
            view.insert(member.into(), value.clone());
        }
    }
    session.show("TargetSummary", view, &[])
}
