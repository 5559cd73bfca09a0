//! What Cognito fills into a user pool by itself.

use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;

/// Gives everything that is absent Cognito's default, and refuses what the tier does not have.
pub(crate) fn fill_in(pool: &mut Document) -> Result<(), Failure> {
    pool.entry("UserPoolTier").or_insert_with(|| json!("ESSENTIALS"));
    check_tier(pool)?;
    fill_in_policies(pool);
    fill_in_triggers(pool)?;
    fill_in_messages(pool);
    pool.entry("DeletionProtection").or_insert_with(|| json!("INACTIVE"));
    pool.entry("MfaConfiguration").or_insert_with(|| json!("OFF"));
    let defaults = [
        ("VerificationMessageTemplate", json!({"DefaultEmailOption": "CONFIRM_WITH_CODE"})),
        ("UserAttributeUpdateSettings", json!({"AttributesRequireVerificationBeforeUpdate": []})),
        ("EmailConfiguration", json!({"EmailSendingAccount": "COGNITO_DEFAULT"})),
        ("AdminCreateUserConfig", json!({"AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7})),
    ];
    for (member, default) in defaults {
        merge(pool, member, default);
    }
    Ok(())
}

fn merge(document: &mut Document, member: &str, default: Value) {
    let (Value::Object(live), Value::Object(default)) = (document.entry(member).or_insert_with(|| json!({})), default)
    else {
        return;
    };
    for (name, value) in default {
        live.entry(name).or_insert(value);
    }
}

fn fill_in_policies(pool: &mut Document) {
    let policies = pool.entry("Policies").or_insert_with(|| json!({}));
    let Some(policies) = policies.as_object_mut() else { return };
    // What a password policy leaves out is not demanded; without any policy everything is.
    let demanded = !policies.contains_key("PasswordPolicy");
    let password = json!({
        "MinimumLength": 8, "RequireUppercase": demanded, "RequireLowercase": demanded, "RequireNumbers": demanded,
        "RequireSymbols": demanded, "TemporaryPasswordValidityDays": 7,
    });
    merge(policies, "PasswordPolicy", password);
    merge(policies, "SignInPolicy", json!({"AllowedFirstAuthFactors": ["PASSWORD"]}));
}

/// The old and the new way to name the pre token generation trigger are always shown both.
fn fill_in_triggers(pool: &mut Document) -> Result<(), Failure> {
    let triggers = pool.entry("LambdaConfig").or_insert_with(|| json!({}));
    let Some(triggers) = triggers.as_object_mut() else { return Ok(()) };
    let old = triggers.get("PreTokenGeneration").cloned();
    let new = triggers.get("PreTokenGenerationConfig").and_then(|config| config.get("LambdaArn")).cloned();
    match (old, new) {
        (Some(old), Some(new)) if old != new => Err(Failure::parameter(
            "PreTokenGeneration and the LambdaArn of PreTokenGenerationConfig must be the same function",
        )),
        (Some(old), None) => {
            let config = json!({"LambdaVersion": "V1_0", "LambdaArn": old});
            triggers.insert("PreTokenGenerationConfig".into(), config);
            Ok(())
        }
        (None, Some(new)) => {
            triggers.insert("PreTokenGeneration".into(), new);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The old and the new way to write a message are always shown both; the new one wins.
fn fill_in_messages(pool: &mut Document) {
    for (old, new) in [
        ("EmailVerificationMessage", "EmailMessage"),
        ("EmailVerificationSubject", "EmailSubject"),
        ("SmsVerificationMessage", "SmsMessage"),
    ] {
        let template = pool.get("VerificationMessageTemplate").and_then(|template| template.get(new)).cloned();
        let Some(message) = template.or_else(|| pool.get(old).cloned()) else { continue };
        pool.insert(old.into(), message.clone());
        let template = pool.entry("VerificationMessageTemplate").or_insert_with(|| json!({}));
        if let Some(template) = template.as_object_mut() {
            template.insert(new.into(), message);
        }
    }
}

fn check_tier(pool: &Document) -> Result<(), Failure> {
    let tier = text(pool, "UserPoolTier");
    let unavailable = |what: &str| {
        Err(Failure::cognito(
            "FeatureUnavailableInTierException",
            format!("{what} is not available in the {tier} tier"),
        ))
    };
    let mode =
        pool.get("UserPoolAddOns").and_then(|add_ons| add_ons.get("AdvancedSecurityMode")).and_then(Value::as_str);
    if matches!(mode, Some("AUDIT" | "ENFORCED")) && tier != "PLUS" {
        return unavailable("Advanced security");
    }
    let triggers =
        pool.get("LambdaConfig").and_then(|triggers| triggers.pointer("/PreTokenGenerationConfig/LambdaVersion"));
    if matches!(triggers.and_then(Value::as_str), Some("V2_0" | "V3_0")) && tier == "LITE" {
        return unavailable("Access token customization");
    }
    Ok(())
}
