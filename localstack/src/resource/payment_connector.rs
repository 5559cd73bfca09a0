//! Connectors of payment managers.

use serde_json::{Value, json};

use super::payment_credential_provider::PROVIDER;
use super::states::READY;
use super::{Id, PLAIN, Parent, Resource, keep};
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const CONNECTOR: Resource = Resource {
    kind: Kind::PaymentConnector,
    noun: "PaymentConnector",
    plural: "PaymentConnectors",
    what: "Payment connector",
    parent: Some(Parent {
        kind: Kind::PaymentManager,
        what: "Payment manager",
        label: "paymentManagerId",
        arn: "paymentManagerArn",
    }),
    label: "paymentConnectorId",
    id: ("paymentConnectorId", Id::Lower("name")),
    moments: ("createdAt", "lastUpdatedAt"),
    states: READY,
    unique: &["name"],
    defaults: || json!({"provisionMode": "MANUAL"}),
    on_create: provision,
    on_update: |session, connector, _| check(session, connector),
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[("RotatePaymentConnectorCredentials", rotate)];

/// A connector that the service provisions waits for a person who signs in.
fn provision(session: &mut Session<'_>, connector: &mut Object, _: &Document) -> Result<(), Failure> {
    if text(&connector.document, "provisionMode") == "QUICK_CREATE" {
        let url =
            format!("https://payments.bedrock-agentcore.{}.amazonaws.com/{}", session.config.region, connector.id);
        connector.document.insert("authorizationUrl".into(), json!(url));
        connector.status = Some("PENDING_AUTHENTICATION".to_owned());
        connector.settles.clear();
    }
    check(session, connector)
}

/// Its credentials are of its type, and there.
fn check(session: &Session<'_>, connector: &Object) -> Result<(), Failure> {
    let arm = if text(&connector.document, "type") == "CoinbaseCDP" { "coinbaseCDP" } else { "stripePrivy" };
    let configurations = connector.document.get("credentialProviderConfigurations").and_then(Value::as_array);
    for configuration in configurations.into_iter().flatten() {
        let Some(arn) =
            configuration.get(arm).and_then(|credentials| credentials.get("credentialProviderArn")?.as_str())
        else {
            let message = format!("The credentials of a connector of this type are {arm}");
            return Err(Failure::invalid_field("credentialProviderConfigurations", message));
        };
        let name = arn.rsplit('/').next().unwrap_or_default();
        PROVIDER.find(session, &document(json!({"name": name})))?;
    }
    Ok(())
}

fn rotate(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut connector = CONNECTOR.to_change(session, input)?;
    if text(&connector.document, "type") != "CoinbaseCDP" {
        let message = "Only the credentials of a CoinbaseCDP connector can be rotated";
        return Err(Failure::invalid_field("credentialsToRotate", message));
    }
    connector.document.insert("credentialsUpdatedAt".into(), json!(session.now));
    CONNECTOR.touch(session, &mut connector);
    let answer = CONNECTOR.answer(session, "RotatePaymentConnectorCredentials", &connector);
    keep(session, connector);
    Ok(answer)
}
