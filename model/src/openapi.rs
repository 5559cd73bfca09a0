//! The tools that a gateway makes of an API description in JSON: one for each operation with an `operationId`.
//!
//! Source: the AgentCore developer guide's page on `OpenAPI` targets. Path, query and header parameters and the members of a JSON
//! body become the tool's arguments.

use serde_json::{Map, Value, json};

use crate::cedar::Tool;

/// The methods of a path item that are operations.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// References may lead to references so many times; a longer way is a circle.
const DEEPEST: usize = 16;

/// The tools of a description in JSON; nothing where it cannot be read, or where an operation has no name.
pub(crate) fn tools_of_openapi(text: &str) -> Option<Vec<Tool>> {
    let description: Value = serde_json::from_str(text).ok()?;
    let mut tools = Vec::new();
    for item in description.get("paths")?.as_object()?.values() {
        let item = resolved(&description, item)?;
        for (method, operation) in item.as_object()? {
            if METHODS.contains(&method.as_str()) {
                let name = operation.get("operationId")?.as_str()?.to_owned();
                let input_schema = input(&description, item, operation)?;
                tools.push(Tool { name, input_schema });
            }
        }
    }
    Some(tools)
}

fn input(description: &Value, item: &Value, operation: &Value) -> Option<Value> {
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    let list = |of: &'_ Value| of.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    for parameter in list(item).iter().chain(&list(operation)) {
        let parameter = resolved(description, parameter)?;
        let name = parameter.get("name")?.as_str()?;
        properties.insert(name.to_owned(), whole(description, parameter.get("schema").unwrap_or(&json!({})), 0)?);
        if parameter.get("required") == Some(&Value::Bool(true)) {
            required.push(name.into());
        }
    }
    if let Some(body) = operation.get("requestBody") {
        let body = resolved(description, body)?;
        // Another form of body has no members that anybody knows.
        let schema = whole(description, body.pointer("/content/application~1json/schema")?, 0)?;
        properties.extend(schema.get("properties")?.as_object()?.clone());
        // As the stand-in takes it: whoever calls the tool has a body to send.
        required.extend(schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    Some(json!({"type": "object", "properties": properties, "required": required}))
}

/// What a `$ref` within the description leads to.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> Option<&'a Value> {
    let mut value = value;
    for _ in 0..DEEPEST {
        let Some(reference) = value.get("$ref") else { return Some(value) };
        value = description.pointer(reference.as_str()?.strip_prefix('#')?)?;
    }
    None
}

/// A schema with its references filled in; nothing where they go in a circle, or where it is put together from others.
fn whole(description: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let schema = resolved(description, schema)?;
    if depth > DEEPEST || ["allOf", "oneOf", "anyOf"].iter().any(|joined| schema.get(joined).is_some()) {
        return None;
    }
    let mut whole_schema = schema.clone();
    if let Some(items) = schema.get("items") {
        *whole_schema.get_mut("items")? = whole(description, items, depth + 1)?;
    }
    if let Some(Value::Object(properties)) = whole_schema.get_mut("properties") {
        for property in properties.values_mut() {
            *property = whole(description, property, depth + 1)?;
        }
    }
    Some(whole_schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_a_tool_with_parameters_and_body_as_arguments() {
        let text = json!({"openapi": "3.0.3", "paths": {"/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {"operationId": "read", "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}}]},
            "put": {"operationId": "write", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/order"}}}}},
        }}, "components": {
            "parameters": {"id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}},
            "schemas": {"order": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}},
        }})
        .to_string();
        let tools = tools_of_openapi(&text).unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["read", "write"]);
        assert_eq!(tools[0].input_schema["properties"]["limit"]["type"], "integer");
        assert_eq!(tools[0].input_schema["required"], json!(["id"]));
        assert_eq!(tools[1].input_schema["required"], json!(["id", "amount"]));
        assert_eq!(tools[1].input_schema["properties"]["amount"]["type"], "number");
    }

    #[test]
    fn what_is_not_known_for_certain_is_not_known() {
        let circle = json!({"paths": {"/a": {"post": {"operationId": "a", "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/a"}}}}}}},
            "components": {"schemas": {"a": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/a"}}}}}});
        let nameless = json!({"paths": {"/a": {"get": {}}}});
        for text in [circle.to_string(), nameless.to_string(), "openapi: 3.0.3".to_owned(), "{}".to_owned()] {
            assert_eq!(tools_of_openapi(&text), None, "{text}");
        }
    }
}
