//! Attributes of users, held against what their pool declares.

use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;
use crate::state::Object;

/// The names and values of a list of attributes; one without a value has an empty one.
pub(crate) fn pairs(list: Option<&Value>) -> Vec<(String, String)> {
    let attributes = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    attributes.map(|attribute| (text(attribute, "Name").to_owned(), text(attribute, "Value").to_owned())).collect()
}

/// The value of a user's attribute, empty if there is none.
pub(crate) fn value<'a>(user: &'a Object, name: &str) -> &'a str {
    let attributes = user.document.get("Attributes").and_then(Value::as_array).into_iter().flatten();
    let found = attributes.filter_map(Value::as_object).find(|attribute| text(attribute, "Name") == name);
    found.map(|attribute| text(attribute, "Value")).unwrap_or_default()
}

/// Sets attributes of a user.
pub(crate) fn set(user: &mut Document, changes: Vec<(String, String)>) {
    let mut attributes = pairs(user.get("Attributes"));
    for (name, value) in changes {
        match attributes.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => attributes.push((name, value)),
        }
    }
    let list = attributes.into_iter().map(|(name, value)| json!({"Name": name, "Value": value}));
    user.insert("Attributes".into(), list.collect());
}

/// Holds the attributes of a new user against the pool.
pub(crate) fn check_new(pool: &Object, attributes: &[(String, String)]) -> Result<(), Failure> {
    check(pool, attributes)?;
    for declared in declared(pool) {
        let name = text(declared, "Name");
        let required = declared.get("Required") == Some(&json!(true)) && name != "sub";
        if required && !attributes.iter().any(|(given, value)| given == name && !value.is_empty()) {
            return Err(nonconforming(&format!("{name}: The attribute {name} is required")));
        }
    }
    Ok(())
}

/// Holds changed attributes against the pool.
pub(crate) fn check_changed(pool: &Object, attributes: &[(String, String)]) -> Result<(), Failure> {
    check(pool, attributes)?;
    let fixed = |name: &str| {
        let mut declared = declared(pool);
        declared.any(|declared| text(declared, "Name") == name && declared.get("Mutable") == Some(&json!(false)))
    };
    match attributes.iter().find(|(name, _)| fixed(name)) {
        Some((name, _)) => Err(Failure::parameter(format!("user.{name}: Attribute cannot be updated."))),
        None => Ok(()),
    }
}

fn declared(pool: &Object) -> impl Iterator<Item = &Document> {
    pool.document.get("SchemaAttributes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn check(pool: &Object, attributes: &[(String, String)]) -> Result<(), Failure> {
    for (name, value) in attributes {
        if name == "sub" {
            return Err(Failure::parameter("Cannot modify the non-mutable attribute sub"));
        }
        let Some(declared) = declared(pool).find(|declared| text(declared, "Name") == name) else {
            return Err(nonconforming(&format!("Type for attribute {{{name}}} could not be determined")));
        };
        let fits = match text(declared, "AttributeDataType") {
            "Number" => value.parse::<i64>().is_ok(),
            "Boolean" => ["true", "false"].iter().any(|known| value.eq_ignore_ascii_case(known)),
            "DateTime" => true,
            _ => is_of_length(declared, value),
        };
        if !fits && !value.is_empty() {
            return Err(nonconforming(&format!(
                "{name}: The value does not fit the type or the bounds of the attribute"
            )));
        }
    }
    Ok(())
}

fn is_of_length(declared: &Document, value: &str) -> bool {
    let constraints = declared.get("StringAttributeConstraints").and_then(Value::as_object);
    let bound = |name: &str| constraints.and_then(|constraints| text(constraints, name).parse::<usize>().ok());
    let length = value.chars().count();
    bound("MinLength").is_none_or(|least| length >= least) && bound("MaxLength").is_none_or(|most| length <= most)
}

fn nonconforming(what: &str) -> Failure {
    Failure::parameter(format!("Attributes did not conform to the schema: {what}"))
}
