//! Browsers and their profiles.

use serde_json::{Value, json};

use super::states::{NEVER_FAILS, READY, States};
use super::{Id, PLAIN, Resource};
use crate::document::{Document, document};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

/// Any change is a new one: there is no update.
pub(super) const BROWSER: Resource = Resource {
    kind: Kind::Browser,
    noun: "Browser",
    plural: "Browsers",
    what: "Browser",
    label: "browserId",
    id: ("browserId", Id::Named("name")),
    arn: Some(("browserArn", "browser-custom/{id}")),
    moments: ("createdAt", "lastUpdatedAt"),
    states: READY,
    unique: &["name"],
    defaults: || json!({"type": "CUSTOM"}),
    on_create: |_, browser, _| check_network(browser),
    built_in: |session| vec![system(session, "browser", "aws.browser.v1")],
    ..PLAIN
};

/// A profile takes no time to be made.
pub(super) const PROFILE: Resource = Resource {
    kind: Kind::BrowserProfile,
    noun: "BrowserProfile",
    plural: "BrowserProfiles",
    what: "Browser profile",
    label: "profileId",
    id: ("profileId", Id::Named("name")),
    arn: Some(("profileArn", "browser-profile/{id}")),
    moments: ("createdAt", "lastUpdatedAt"),
    states: States { creating: None, ready: "READY", delete_failed: "READY", ..NEVER_FAILS },
    unique: &["name"],
    ..PLAIN
};

/// The browser or interpreter that every account has.
pub(super) fn system(session: &Session<'_>, what: &str, id: &str) -> (String, Document) {
    let (partition, region) = (session.partition(), &session.config.region);
    let id_member = if what == "browser" { "browserId" } else { "codeInterpreterId" };
    let arn_member = if what == "browser" { "browserArn" } else { "codeInterpreterArn" };
    let view = json!({
        id_member: id,
        arn_member: format!("arn:{partition}:bedrock-agentcore:{region}:aws:{what}/{id}"),
        "name": id.replace('.', "_"),
        "description": "Managed by AWS",
        "networkConfiguration": {"networkMode": "PUBLIC"},
        "status": "READY",
        "type": "SYSTEM",
        "createdAt": super::BUILT_IN_SINCE,
        "lastUpdatedAt": super::BUILT_IN_SINCE,
    });
    (id.to_owned(), document(view))
}

/// The network mode VPC needs to know which.
pub(super) fn check_network(tool: &Object) -> Result<(), Failure> {
    let network = tool.document.get("networkConfiguration");
    let is_vpc = network.and_then(|network| network.get("networkMode")).and_then(Value::as_str) == Some("VPC");
    if is_vpc && network.and_then(|network| network.get("vpcConfig")).is_none() {
        let message = "A VPC configuration is required for the network mode VPC";
        return Err(Failure::invalid_field("networkConfiguration.vpcConfig", message));
    }
    Ok(())
}
