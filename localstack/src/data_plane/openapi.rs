//! The tools of an `OpenAPI` description: one per operation with an `operationId`, its parameters and the members of its JSON body
//! being the arguments.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// How deep references are followed.
const DEEPEST: usize = 32;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// One operation of an API.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    method: String,
    path: String,
    /// Where each argument goes that is no part of the body: `path`, `query` or `header`.
    places: BTreeMap<String, String>,
}

/// The endpoint of an API: its first server.
pub(super) fn endpoint(api: &Value) -> &str {
    api.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default()
}

/// The tools of an API, each with its definition.
pub(super) fn tools(api: &Value) -> Vec<(Value, Operation)> {
    let paths = api.get("paths").and_then(Value::as_object);
    let operations = paths.into_iter().flatten().flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| tool(api, path, item, method, item.get(method)?))
    });
    operations.collect()
}

fn tool(api: &Value, path: &str, item: &Value, method: &str, operation: &Value) -> Option<(Value, Operation)> {
    let name = operation.get("operationId")?.as_str()?;
    let text = |member: &str| operation.get(member).and_then(Value::as_str);
    let mut known = Operation { method: method.to_ascii_uppercase(), path: path.to_owned(), places: BTreeMap::new() };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    let list = |of: &Value| of.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    for parameter in list(item).into_iter().chain(list(operation)).map(|parameter| resolve(api, &parameter, 0)) {
        let member = |member: &str| parameter.get(member).and_then(Value::as_str);
        let (Some(name), Some(place)) = (member("name"), member("in")) else { continue };
        let mut schema = parameter.get("schema").cloned().unwrap_or_else(|| json!({"type": "string"}));
        if let (Some(schema), Some(about)) = (schema.as_object_mut(), parameter.get("description")) {
            schema.entry("description").or_insert_with(|| about.clone());
        }
        if parameter.get("required") == Some(&Value::Bool(true)) {
            required.push(json!(name));
        }
        known.places.insert(name.to_owned(), place.to_owned());
        properties.insert(name.to_owned(), schema);
    }
    let body = operation.get("requestBody").map(|body| resolve(api, body, 0)).unwrap_or_default();
    if let Some(schema) = body.pointer("/content/application~1json/schema") {
        properties.extend(schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
        required.extend(schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    let description = text("description").or_else(|| text("summary")).unwrap_or(name);
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Some((json!({"name": name, "description": description, "inputSchema": schema}), known))
}

/// A value with its references within the API filled in.
fn resolve(api: &Value, value: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return json!({});
    }
    match value {
        Value::Object(object) => match object.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = reference.strip_prefix('#').and_then(|pointer| api.pointer(pointer));
                target.map_or_else(|| json!({}), |target| resolve(api, target, depth + 1))
            }
            None => object.iter().map(|(name, value)| (name.clone(), resolve(api, value, depth + 1))).collect(),
        },
        Value::Array(list) => list.iter().map(|value| resolve(api, value, depth + 1)).collect(),
        other => other.clone(),
    }
}

impl Operation {
    /// The request of a call to an API at a base URL.
    pub(super) fn request(&self, base: &str, arguments: &Map<String, Value>) -> Result<Request<Bytes>, String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let encoded = |value: &Value| utf8_percent_encode(&text(value), NON_ALPHANUMERIC).to_string();
        let (mut path, mut query, mut body) = (self.path.clone(), Vec::new(), Map::new());
        let mut request = Request::builder().method(self.method.as_str());
        for (name, value) in arguments {
            match self.places.get(name).map(String::as_str) {
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
    pub(super) fn about(&self) -> Value {
        json!({"method": self.method, "path": self.path})
    }
}
