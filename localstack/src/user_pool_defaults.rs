//! What Cognito fills into a user pool by itself, and its attributes.

use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;

/// How many custom attributes a pool may have.
const MOST_CUSTOM: usize = 50;

/// The standard attributes: name, type, mutable, required, longest text.
const STANDARD: [(&str, &str, bool, bool, &str); 20] = [
    ("sub", "String", false, true, "2048"),
    ("name", "String", true, false, "2048"),
    ("given_name", "String", true, false, "2048"),
    ("family_name", "String", true, false, "2048"),
    ("middle_name", "String", true, false, "2048"),
    ("nickname", "String", true, false, "2048"),
    ("preferred_username", "String", true, false, "2048"),
    ("profile", "String", true, false, "2048"),
    ("picture", "String", true, false, "2048"),
    ("website", "String", true, false, "2048"),
    ("email", "String", true, false, "2048"),
    ("email_verified", "Boolean", true, false, ""),
    ("gender", "String", true, false, "2048"),
    ("birthdate", "String", true, false, "10"),
    ("zoneinfo", "String", true, false, "2048"),
    ("locale", "String", true, false, "2048"),
    ("phone_number", "String", true, false, "2048"),
    ("phone_number_verified", "Boolean", true, false, ""),
    ("address", "String", true, false, "2048"),
    ("updated_at", "Number", true, false, ""),
];

/// The attributes of a new pool: the standard ones, changed by what is declared, and the custom ones.
pub(crate) fn attributes(declared: Option<&Value>) -> Result<Value, Failure> {
    let declared = declared.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_standard = |attribute: &Value| STANDARD.iter().any(|(name, ..)| attribute.get("Name") == Some(&json!(name)));
    let (changed, custom): (Vec<&Value>, Vec<&Value>) = declared.iter().partition(|attribute| is_standard(attribute));
    let standard = STANDARD.iter().map(|entry| {
        let mut attribute = standard_attribute(entry);
        let change = changed.iter().find(|change| change.get("Name") == attribute.get("Name"));
        attribute.extend(change.and_then(|change| change.as_object()).cloned().unwrap_or_default());
        Value::Object(attribute)
    });
    with_custom_attributes(&standard.collect(), Some(&custom.into_iter().cloned().collect()))
}

fn standard_attribute((name, kind, mutable, required, longest): &(&str, &str, bool, bool, &str)) -> Document {
    let mut attribute = Document::new();
    attribute.insert("Name".into(), json!(name));
    attribute.insert("AttributeDataType".into(), json!(kind));
    attribute.insert("DeveloperOnlyAttribute".into(), json!(false));
    attribute.insert("Mutable".into(), json!(mutable));
    attribute.insert("Required".into(), json!(required));
    match *kind {
        "String" => {
            let shortest = match *name {
                "sub" => "1",
                "birthdate" => "10",
                _ => "0",
            };
            let bounds = json!({"MinLength": shortest, "MaxLength": longest});
            attribute.insert("StringAttributeConstraints".into(), bounds);
        }
        "Number" => {
            attribute.insert("NumberAttributeConstraints".into(), json!({"MinValue": "0"}));
        }
        _ => {}
    }
    attribute
}

/// A pool's attributes and some custom ones more.
pub(crate) fn with_custom_attributes(existing: &Value, added: Option<&Value>) -> Result<Value, Failure> {
    let mut all: Vec<Value> = existing.as_array().cloned().unwrap_or_default();
    for attribute in added.and_then(Value::as_array).into_iter().flatten() {
        let attribute = custom_attribute(attribute)?;
        if all.iter().any(|known| known.get("Name") == attribute.get("Name")) {
            let name = text(&attribute, "Name");
            return Err(Failure::parameter(format!("{name}: Existing attribute already has name {name}.")));
        }
        all.push(Value::Object(attribute));
    }
    if all.len() > STANDARD.len() + MOST_CUSTOM {
        return Err(Failure::parameter("A user pool can have at most 50 custom attributes"));
    }
    Ok(Value::Array(all))
}

fn custom_attribute(declared: &Value) -> Result<Document, Failure> {
    let mut attribute = declared.as_object().cloned().unwrap_or_default();
    let name = text(&attribute, "Name").to_owned();
    if name.is_empty() {
        return Err(Failure::parameter("A custom attribute needs a name"));
    }
    if attribute.get("Required") == Some(&json!(true)) {
        return Err(Failure::parameter("Required custom attributes are not supported currently."));
    }
    let developer_only = attribute.get("DeveloperOnlyAttribute") == Some(&json!(true));
    let prefix = if developer_only { "dev:custom:" } else { "custom:" };
    attribute.insert("Name".into(), json!(format!("{prefix}{name}")));
    attribute.entry("AttributeDataType").or_insert_with(|| json!("String"));
    attribute.entry("DeveloperOnlyAttribute").or_insert_with(|| json!(false));
    attribute.entry("Mutable").or_insert_with(|| json!(true));
    attribute.entry("Required").or_insert_with(|| json!(false));
    match text(&attribute, "AttributeDataType") {
        "String" => attribute.entry("StringAttributeConstraints").or_insert_with(|| json!({})),
        "Number" => attribute.entry("NumberAttributeConstraints").or_insert_with(|| json!({})),
        _ => return Ok(attribute),
    };
    Ok(attribute)
}

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
