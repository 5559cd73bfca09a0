//! Payment managers.

use serde_json::json;

use super::states::READY;
use super::{Id, PLAIN, Resource};
use crate::authorizer;
use crate::document::text;
use crate::failure::Failure;
use crate::state::{Kind, Object};

pub(super) const MANAGER: Resource = Resource {
    kind: Kind::PaymentManager,
    noun: "PaymentManager",
    plural: "PaymentManagers",
    what: "Payment manager",
    label: "paymentManagerId",
    id: ("paymentManagerId", Id::Lower("name")),
    arn: Some(("paymentManagerArn", "payment-manager/{id}")),
    moments: ("createdAt", "lastUpdatedAt"),
    states: READY,
    unique: &["name"],
    children: &[Kind::PaymentConnector],
    on_create: |session, manager, _| {
        let identity = format!("workload-identity-directory/default/workload-identity/{}", manager.id);
        let identity = session.arn("bedrock-agentcore", &identity);
        manager.document.insert("workloadIdentityDetails".into(), json!({"workloadIdentityArn": identity}));
        check_authorizer(manager)
    },
    on_update: |_, manager, _| check_authorizer(manager),
    ..PLAIN
};

/// What holds for an authorizer whether it came with a creation or an update.
pub(super) fn check_authorizer(object: &mut Object) -> Result<(), Failure> {
    let custom = text(&object.document, "authorizerType") == "CUSTOM_JWT";
    if custom != object.document.contains_key("authorizerConfiguration") {
        let message = "The authorizer type CUSTOM_JWT needs an authorizer configuration, and no other type takes one";
        return Err(Failure::invalid_field("authorizerConfiguration", message));
    }
    authorizer::check(&object.document)?;
    authorizer::drop_write_only(&mut object.document);
    Ok(())
}
