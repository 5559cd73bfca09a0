//! Credential providers for payments. Their secrets are never shown: reads say where they are kept.

use serde_json::{Value, json};

use super::{Id, PLAIN, Resource};
use crate::credential::{self, Names};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

pub(super) const PROVIDER: Resource = Resource {
    kind: Kind::PaymentCredentialProvider,
    noun: "PaymentCredentialProvider",
    plural: "PaymentCredentialProviders",
    what: "Payment credential provider",
    label: "name",
    id: ("name", Id::Own("name")),
    arn: Some(("credentialProviderArn", "token-vault/default/paymentcredentialprovider/{id}")),
    moments: ("createdTime", "lastUpdatedTime"),
    on_create: keep_secrets,
    on_update: keep_secrets,
    on_delete: refuse_while_used,
    ..PLAIN
};

const INPUT: &str = "providerConfigurationInput";
const OUTPUT: &str = "providerConfigurationOutput";

/// A vendor, its arm, and its two secrets.
struct Vendor {
    name: &'static str,
    arm: &'static str,
    /// The members that are no secrets.
    public: &'static [&'static str],
    secrets: [Names; 2],
}

const fn names(
    value: &'static str,
    reference: &'static str,
    source: &'static str,
    arn: &'static str,
    key: &'static str,
    vault_key: &'static str,
) -> Names {
    Names { value, reference, source, arn, key, folder: "payment", vault_key }
}

const VENDORS: [Vendor; 2] = [
    Vendor {
        name: "CoinbaseCDP",
        arm: "coinbaseCdpConfiguration",
        public: &["apiKeyId"],
        secrets: [
            names(
                "apiKeySecret",
                "apiKeySecretConfig",
                "apiKeySecretSource",
                "apiKeySecretArn",
                "apiKeySecretJsonKey",
                "api_key_secret",
            ),
            names(
                "walletSecret",
                "walletSecretConfig",
                "walletSecretSource",
                "walletSecretArn",
                "walletSecretJsonKey",
                "wallet_secret",
            ),
        ],
    },
    Vendor {
        name: "StripePrivy",
        arm: "stripePrivyConfiguration",
        public: &["appId", "authorizationId"],
        secrets: [
            names("appSecret", "appSecretConfig", "appSecretSource", "appSecretArn", "appSecretJsonKey", "app_secret"),
            names(
                "authorizationPrivateKey",
                "authorizationPrivateKeyConfig",
                "authorizationPrivateKeySource",
                "authorizationPrivateKeyArn",
                "authorizationPrivateKeyJsonKey",
                "authorization_private_key",
            ),
        ],
    },
];

/// Takes the secrets out of what was sent, and notes where they are.
fn keep_secrets(session: &mut Session<'_>, provider: &mut Object, input: &Document) -> Result<(), Failure> {
    provider.document.shift_remove(INPUT);
    let name = text(input, "credentialProviderVendor");
    let vendor = VENDORS.iter().find(|vendor| vendor.name == name);
    let sent = vendor.and_then(|vendor| Some((vendor, input.get(INPUT)?.get(vendor.arm)?.as_object()?)));
    let Some((vendor, sent)) = sent else {
        let message = format!("The configuration is not one of the vendor {name}");
        return Err(Failure::invalid_field(INPUT, message));
    };
    let shown = provider.document.get(OUTPUT);
    if shown.is_some_and(|shown| shown.get(vendor.arm).is_none()) {
        let message = "The vendor of a credential provider cannot be changed";
        return Err(Failure::invalid_field("credentialProviderVendor", message));
    }
    let mut shown = shown.and_then(|shown| shown.get(vendor.arm)?.as_object()).cloned().unwrap_or_default();
    for member in vendor.public {
        shown.insert((*member).to_owned(), json!(text(sent, member)));
    }
    for names in &vendor.secrets {
        let mut secrets = Document::new();
        credential::keep(session, names, &provider.id, sent, true, (&mut shown, &mut secrets))?;
        provider.secrets.shift_remove(names.value);
        provider.secrets.extend(secrets);
    }
    provider.document.insert(OUTPUT.to_owned(), json!({vendor.arm: shown}));
    Ok(())
}

fn refuse_while_used(session: &Session<'_>, provider: &Object) -> Result<(), Failure> {
    let names_it = |connector: &&Object| {
        let configurations = connector.document.get("credentialProviderConfigurations").and_then(Value::as_array);
        let credentials = configurations.into_iter().flatten().filter_map(Value::as_object).flat_map(Document::values);
        let mut arns = credentials.filter_map(|arm| arm.get("credentialProviderArn")?.as_str());
        arns.any(|arn| arn.rsplit('/').next() == Some(provider.id.as_str()))
    };
    match session.state.all(Kind::PaymentConnector, None).find(names_it) {
        Some(connector) => {
            let message = format!("Payment credential provider {} is used by connector {}", provider.id, connector.id);
            Err(Failure::invalid(message))
        }
        None => Ok(()),
    }
}
