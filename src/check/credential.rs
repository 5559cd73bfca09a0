//! Credential providers: what they say of their secret fits where it is kept (service.md §9).

use model::snake_case;
use serde_json::Value;

use super::of_kind;
use crate::diagnostic::Diagnostic;
use crate::kind::{API_KEY_CREDENTIAL_PROVIDER, OAUTH2_CREDENTIAL_PROVIDER};
use crate::reference::is_unknown;
use crate::stack::{Resource, Stack};

const CODE: &str = "check::secret-source";

/// The members that speak of one secret.
struct Members {
    /// The secret itself.
    value: &'static str,
    /// Where it is in Secrets Manager.
    reference: &'static str,
    /// Which of the two it is.
    source: &'static str,
}

const API_KEY: Members = Members { value: "apiKey", reference: "apiKeySecretConfig", source: "apiKeySecretSource" };

const CLIENT_SECRET: Members =
    Members { value: "clientSecret", reference: "clientSecretConfig", source: "clientSecretSource" };

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for provider in of_kind(stack, &API_KEY_CREDENTIAL_PROVIDER).filter(|provider| provider.existing.is_none()) {
        source(provider, &API_KEY, "", &provider.document, true, found);
    }
    for provider in of_kind(stack, &OAUTH2_CREDENTIAL_PROVIDER).filter(|provider| provider.existing.is_none()) {
        let arms = provider.document.get("oauth2ProviderConfigInput").and_then(Value::as_object);
        for (arm, config) in arms.into_iter().flatten() {
            let method = config.get("clientAuthenticationMethod").and_then(Value::as_str);
            // These prove who the client is without a secret.
            let needed = !method.is_some_and(|method| {
                matches!(method, "PRIVATE_KEY_JWT" | "AWS_IAM_ID_TOKEN_JWT") || is_unknown(method)
            });
            source(provider, &CLIENT_SECRET, &format!("oauth2ProviderConfigInput.{arm}."), config, needed, found);
        }
    }
}

fn source(
    provider: &Resource,
    members: &Members,
    above: &str,
    config: &Value,
    needed: bool,
    found: &mut Vec<Diagnostic>,
) {
    let source = config.get(members.source).and_then(Value::as_str);
    let external = match source {
        None | Some("MANAGED") => false,
        Some("EXTERNAL") => true,
        // Another word is refused as a value, and one that is known only later by the service.
        Some(_) => return,
    };
    let [value, reference, key] = [members.value, members.reference, members.source].map(snake_case);
    let at = |member: &str| provider.span_of(&format!("{above}{member}")).clone();
    let refuse = |message: String| Diagnostic::error(CODE, message).about(&provider.address);
    let kept = format!("`{key}` is `{}`", source.unwrap_or("MANAGED"));
    let default = if source.is_none() { ", which it is by default" } else { "" };
    let (wanted, other) =
        if external { (members.reference, members.value) } else { (members.value, members.reference) };
    if config.get(other).is_some() {
        let (message, help) = if external {
            (
                format!("`{value}` is given, and {kept}"),
                format!("remove `{value}`: the secret is where `{reference}` says"),
            )
        } else {
            (
                format!("`{reference}` is given, and {kept}{default}"),
                format!("write `{key} = \"EXTERNAL\"`, and remove `{value}` if it is there"),
            )
        };
        // The line of the secret is not shown: it may hold the secret.
        let place = if external { members.source } else { other };
        found.push(refuse(message).at(at(place), "").help(help));
        return;
    }
    let given = config.get(wanted).is_some_and(|given| given.as_str() != Some(""));
    // What is taken over has one already.
    if given || !needed || provider.adopt.is_some() {
        return;
    }
    let place = if source.is_some() { at(members.source) } else { at(wanted) };
    found.push(if external {
        let help = format!("add `{reference} = {{ secret_id = \"arn:aws:secretsmanager:…\", json_key = \"…\" }}`");
        refuse(format!("{kept}, and `{reference}` is missing")).at(place, "").help(help)
    } else {
        let help = format!(
            "add `{value} = \"${{var.…}}\"` of a secret variable; or `{key} = \"EXTERNAL\"` with `{reference}`, so that no secret is sent"
        );
        refuse(format!("`{}` has no secret: `{value}` is missing", provider.address)).at(place, "").help(help)
    });
}
