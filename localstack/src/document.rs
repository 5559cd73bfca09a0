//! Documents: reading JSON structures and rewriting them the way the model says.

use model::{Api, Body, Location, Shape};
use serde_json::{Map, Value, json};

use crate::clock::iso8601;

/// A JSON structure.
pub(crate) type Document = Map<String, Value>;

/// Makes a structure of what `json!` wrote.
pub(crate) fn document(value: Value) -> Document {
    match value {
        Value::Object(map) => map,
        _ => Document::new(),
    }
}

/// A text member; empty when it is absent, which no identifier is.
pub(crate) fn text<'a>(document: &'a Document, member: &str) -> &'a str {
    document.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list member.
pub(crate) fn texts<'a>(document: &'a Document, member: &str) -> Vec<&'a str> {
    document.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a create request says of the object itself: everything but its idempotency token, its labels and its tags.
pub(crate) fn created(api: &Api, operation: &str, input: &Document) -> Document {
    let mut created = Document::new();
    replace(api, operation, &mut created, input);
    created
}

/// Full replace: each member that the operation takes is the request's, or gone.
pub(crate) fn replace(api: &Api, operation: &str, document: &mut Document, input: &Document) {
    for member in api.input(operation).map(Shape::members).unwrap_or_default() {
        let about_the_object = member.location == Location::Body
            && !member.idempotency_token
            && !matches!(member.wire.as_str(), "tags" | "UserPoolTags");
        if !about_the_object {
            continue;
        }
        match input.get(&member.wire) {
            Some(value) => document.insert(member.wire.clone(), value.clone()),
            None => document.shift_remove(&member.wire),
        };
    }
}

/// A patch wrapper in a request: absent = unchanged, without value = cleared.
pub(crate) fn patch(document: &mut Document, input: &Document, member: &str) {
    let Some(wrapper) = input.get(member) else { return };
    match wrapper.get("optionalValue") {
        Some(value) => document.insert(member.to_owned(), value.clone()),
        None => document.shift_remove(member),
    };
}

/// A patch of a whole document: each member that the request has replaces the document's outright. Of a patch wrapper it is the
/// value, and where there is none the member is cleared; a structure of wrappers is patched member by member.
pub(crate) fn merge(api: &Api, shape: &str, document: &mut Document, input: &Document) {
    let members = api.shape(shape).map(Shape::members).unwrap_or_default();
    for member in members.iter().filter(|member| member.location == Location::Body && !member.idempotency_token) {
        let Some(value) = input.get(&member.wire) else { continue };
        match merged(api, &member.shape, document.get(&member.wire), value) {
            Some(value) => document.insert(member.wire.clone(), value),
            None => document.shift_remove(&member.wire),
        };
    }
}

fn merged(api: &Api, shape: &str, before: Option<&Value>, value: &Value) -> Option<Value> {
    let members = api.shape(shape).map(Shape::members).unwrap_or_default();
    let is_wrapper = |shape: &str| api.shape(shape).is_some_and(Shape::is_patch_wrapper);
    if is_wrapper(shape) {
        let [inner] = members else { return None };
        return merged(api, &inner.shape, before, value.get(&inner.wire)?);
    }
    if !members.iter().any(|member| is_wrapper(&member.shape)) {
        return Some(value.clone());
    }
    let mut document = before.and_then(Value::as_object).cloned().unwrap_or_default();
    merge(api, shape, &mut document, value.as_object()?);
    Some(Value::Object(document))
}

/// A document as a shape shows it: only its members, in its order, moments in its format. Moments are kept as milliseconds.
pub(crate) fn project(api: &Api, shape: &str, value: &Value) -> Value {
    let Some(shape) = api.shape(shape) else { return value.clone() };
    match (&shape.body, value) {
        (Body::Structure { members, .. }, Value::Object(object)) => {
            let shown = members.iter().filter_map(|member| {
                Some((member.wire.clone(), project(api, &member.shape, object.get(&member.wire)?)))
            });
            Value::Object(shown.collect())
        }
        (Body::List { element, .. }, Value::Array(list)) => {
            list.iter().map(|item| project(api, element, item)).collect()
        }
        (Body::Map { value: shape, .. }, Value::Object(object)) => {
            let shown = object.iter().map(|(key, item)| (key.clone(), project(api, shape, item)));
            Value::Object(shown.collect())
        }
        (Body::Timestamp { format }, Value::Number(_)) => moment(format.as_deref(), value),
        _ => value.clone(),
    }
}

fn moment(format: Option<&str>, value: &Value) -> Value {
    let millis = value.as_u64().unwrap_or_default();
    if format == Some("iso8601") {
        return json!(iso8601(millis));
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are far below 2^52")]
    let seconds = millis as f64 / 1000.0;
    json!(seconds)
}
