//! Calls to the operations of an API that an `OpenAPI` description describes.

use bytes::Bytes;
use http::{Request, header};
use model::openapi::Operation;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// The endpoint of an API: its first server.
pub(super) fn endpoint(api: &Value) -> &str {
    api.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default()
}

/// The request of a call to an API at a base URL.
pub(super) fn request(
    operation: &Operation,
    base: &str,
    arguments: &Map<String, Value>,
) -> Result<Request<Bytes>, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let encoded = |value: &Value| utf8_percent_encode(&text(value), NON_ALPHANUMERIC).to_string();
    let (mut path, mut query, mut body) = (operation.path.clone(), Vec::new(), Map::new());
    let mut request = Request::builder().method(operation.method.as_str());
    for (name, value) in arguments {
        match operation.places.get(name).map(String::as_str) {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &encoded(value)),
            Some("query") => query.push(format!("{}={}", encoded(&json!(name)), encoded(value))),
            Some("header") => request = request.header(name, text(value)),
            Some(_) => {}
            None => drop(body.insert(name.clone(), value.clone())),
        }
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let request = request.uri(format!("{}{path}{query}", base.trim_end_matches('/')));
    let request = if body.is_empty() {
        request.body(Bytes::new())
    } else {
        request.header(header::CONTENT_TYPE, "application/json").body(Bytes::from(Value::Object(body).to_string()))
    };
    request.map_err(|error| error.to_string())
}

/// What a command is told of a call, beside its arguments.
pub(super) fn about(operation: &Operation) -> Value {
    json!({"method": operation.method, "path": operation.path})
}
