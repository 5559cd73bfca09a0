//! The attributes that a user pool declares: the standard ones and custom ones.

use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;

/// How many custom attributes a pool may have.
const MOST_CUSTOM: usize = 50;

/// The longest text of an attribute.
const LONGEST: i64 = 2048;

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
        if let Some(change) = change.and_then(|change| change.as_object()) {
            check_standard(&attribute, change)?;
            attribute.extend(change.clone());
        }
        constrain(&mut attribute)?;
        Ok(Value::Object(attribute))
    });
    let standard = standard.collect::<Result<Value, Failure>>()?;
    with_custom_attributes(&standard, Some(&custom.into_iter().cloned().collect()))
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

/// A standard attribute stays what it is.
fn check_standard(standard: &Document, change: &Document) -> Result<(), Failure> {
    let same = |member: &str| change.get(member).is_none_or(|value| standard.get(member) == Some(value));
    if same("AttributeDataType") && same("DeveloperOnlyAttribute") {
        return Ok(());
    }
    let name = text(standard, "Name");
    let message = "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute";
    Err(Failure::parameter(format!("{message} {name}")))
}

/// Keeps the constraints that the attribute's type has, and checks them.
fn constrain(attribute: &mut Document) -> Result<(), Failure> {
    let kinds = [
        ("String", "StringAttributeConstraints", "MinLength", "MaxLength"),
        ("Number", "NumberAttributeConstraints", "MinValue", "MaxValue"),
    ];
    for (kind, constraints, least, most) in kinds {
        if text(attribute, "AttributeDataType") != kind {
            attribute.shift_remove(constraints);
            continue;
        }
        let name = text(attribute, "Name").to_owned();
        let bounds = attribute.entry(constraints).or_insert_with(|| json!({})).as_object().cloned().unwrap_or_default();
        let bound = |member: &str| match bounds.get(member).and_then(Value::as_str) {
            None => Ok(None),
            Some(bound) => bound
                .parse::<i64>()
                .map(Some)
                .map_err(|_| Failure::parameter(format!("Invalid {constraints} for schema attribute {name}"))),
        };
        let (least, most) = (bound(least)?, bound(most)?);
        let what = if kind == "String" { "length" } else { "value" };
        if kind == "String" && least.max(most) > Some(LONGEST) {
            let message = format!("user.{name}: String attributes cannot have a length of more than {LONGEST}");
            return Err(Failure::parameter(message));
        }
        if let (Some(least), Some(most)) = (least, most)
            && most < least
        {
            let message = format!("user.{name}: Max {what} cannot be less than min {what}.");
            return Err(Failure::parameter(message));
        }
    }
    Ok(())
}

/// A pool's attributes and some custom ones more.
pub(crate) fn with_custom_attributes(existing: &Value, added: Option<&Value>) -> Result<Value, Failure> {
    let mut all: Vec<Value> = existing.as_array().cloned().unwrap_or_default();
    for attribute in added.and_then(Value::as_array).into_iter().flatten() {
        let attribute = custom_attribute(attribute)?;
        if all.iter().any(|known| known.get("Name") == attribute.get("Name")) {
            let name = text(&attribute, "Name");
            let custom = name.trim_start_matches("dev:");
            return Err(Failure::parameter(format!("{custom}: Existing attribute already has name {name}.")));
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
    if !attribute.contains_key("AttributeDataType") {
        let message = "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.";
        return Err(Failure::parameter(message));
    }
    attribute.entry("DeveloperOnlyAttribute").or_insert_with(|| json!(false));
    attribute.entry("Mutable").or_insert_with(|| json!(true));
    attribute.entry("Required").or_insert_with(|| json!(false));
    constrain(&mut attribute)?;
    Ok(attribute)
}
