//! AWS's mapping from the tools of a gateway to the Cedar schema that its policies are validated against.
//!
//! Source: the AgentCore developer guide's pages on policy schemas and principals. The result is Cedar's JSON schema form,
//! where action names are free strings, so that hyphens in target names need no escaping.

use serde_json::{Map, Value, json};

use crate::openapi::tools_of_openapi;
use crate::smithy::tools_of_smithy;

/// One tool of a target: what `tools/list` says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// The tool's name within its target.
    pub name: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
}

/// What a target configuration says of its tools.
#[derive(Debug, Clone, PartialEq)]
pub enum Tools {
    /// The tools, in the order of the configuration.
    Known(Vec<Tool>),
    /// They live elsewhere (a server, S3, an API description): nobody knows them offline.
    Unknown,
    /// The target has no tools: its actions are `<METHOD>:<uri>` (HTTP and inference targets).
    Http,
}

/// One Cedar action: a tool of a target of a gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The target's name.
    pub target: String,
    /// The tool.
    pub tool: Tool,
}

impl Action {
    /// The action's Cedar id: `target___tool`, three underscores.
    pub fn id(&self) -> String {
        format!("{}___{}", self.target, self.tool.name)
    }
}

/// The tools a `targetConfiguration` document states.
pub fn tools_of_target(configuration: &Value) -> Tools {
    let Some(mcp) = configuration.get("mcp") else { return Tools::Http };
    if let Some(list) = mcp.pointer("/lambda/toolSchema/inlinePayload").and_then(Value::as_array) {
        return Tools::Known(list.iter().filter_map(tool).collect());
    }
    if let Some(tools) = described(mcp) {
        return Tools::Known(tools);
    }
    let Some(text) = mcp.pointer("/mcpServer/mcpToolSchema/inlinePayload").and_then(Value::as_str) else {
        return Tools::Unknown;
    };
    let Ok(parsed) = serde_json::from_str::<Value>(text) else { return Tools::Unknown };
    match parsed.get("tools").unwrap_or(&parsed).as_array() {
        Some(list) => Tools::Known(list.iter().filter_map(tool).collect()),
        None => Tools::Unknown,
    }
}

/// The tools of an API description that the configuration holds.
fn described(mcp: &Value) -> Option<Vec<Tool>> {
    let text = |kind: &str| mcp.get(kind)?.get("inlinePayload")?.as_str();
    text("openApiSchema").and_then(tools_of_openapi).or_else(|| text("smithyModel").and_then(tools_of_smithy))
}

fn tool(definition: &Value) -> Option<Tool> {
    let name = definition.get("name")?.as_str()?.to_owned();
    let input_schema = definition.get("inputSchema").cloned().unwrap_or_else(|| json!({"type": "object"}));
    Some(Tool { name, input_schema })
}

/// The Cedar schema, in JSON form, for these actions.
///
/// Both principal types exist; every claim of a token is a string tag of `OAuthUser`. A tool's action stands in its target's
/// group, which stands in `CallTool`, which stands in `Mcp`. A target without known tools still gets its group.
pub fn cedar_schema(actions: &[Action], other_targets: &[String]) -> Value {
    let mut table = Map::new();
    table.insert("Mcp".into(), json!({}));
    table.insert("CallTool".into(), json!({"memberOf": [{"id": "Mcp"}]}));
    for target in actions.iter().map(|action| &action.target).chain(other_targets) {
        table.insert(target.clone(), json!({"memberOf": [{"id": "CallTool"}]}));
    }
    for action in actions {
        let context = json!({"type": "Record", "attributes": {
            "input": record(&action.tool.input_schema),
            "system": {"type": "Record", "attributes": {"now": {"type": "Extension", "name": "datetime"}}},
        }});
        let applies = json!({
            "principalTypes": ["OAuthUser", "IamEntity"], "resourceTypes": ["Gateway"], "context": context,
        });
        table.insert(action.id(), json!({"memberOf": [{"id": action.target}], "appliesTo": applies}));
    }
    let with_id = json!({"type": "Record", "attributes": {"id": {"type": "String"}}});
    json!({"AgentCore": {
        "entityTypes": {
            "OAuthUser": {"shape": with_id, "tags": {"type": "String"}},
            "IamEntity": {"shape": with_id},
            "Gateway": {},
        },
        "actions": table,
    }})
}

/// A JSON Schema object as a Cedar record: `required` decides what is optional.
fn record(schema: &Value) -> Value {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut attributes = Map::new();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(mut attribute) = cedar_type(property) {
            if let Some(table) = attribute.as_object_mut() {
                table.insert("required".into(), Value::Bool(required.contains(&name.as_str())));
            }
            attributes.insert(name.clone(), attribute);
        }
    }
    json!({"type": "Record", "attributes": attributes})
}

/// One JSON Schema as a Cedar type; nothing for `null`, which the service drops. What no page settles (an `enum`, `oneOf`)
/// is read by its `type`, text when there is none.
fn cedar_type(schema: &Value) -> Option<Value> {
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        other => other.and_then(Value::as_str),
    };
    Some(match kind {
        Some("null") => return None,
        Some("integer") => json!({"type": "Long"}),
        Some("boolean") => json!({"type": "Boolean"}),
        Some("number") => json!({"type": "Extension", "name": "decimal"}),
        Some("object") => record(schema),
        Some("array") => {
            let element = schema.get("items").and_then(cedar_type).unwrap_or_else(|| json!({"type": "String"}));
            json!({"type": "Set", "element": element})
        }
        _ => json!({"type": "String"}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_become_actions_in_groups_with_typed_inputs() {
        let configuration = json!({"mcp": {"lambda": {"lambdaArn": "x", "toolSchema": {"inlinePayload": [
            {"name": "read", "description": "d", "inputSchema": {"type": "object", "required": ["id"], "properties": {
                "id": {"type": "integer"}, "amount": {"type": "number"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "who": {"type": "object", "properties": {"name": {"type": "string"}}},
            }}},
        ]}}}});
        let Tools::Known(tools) = tools_of_target(&configuration) else { panic!("inline tools are known") };
        let actions: Vec<Action> = tools.into_iter().map(|tool| Action { target: "hr-db".into(), tool }).collect();
        let schema = cedar_schema(&actions, &["other".into()]);
        let read = schema.pointer("/AgentCore/actions/hr-db___read").unwrap();
        assert_eq!(read.pointer("/memberOf/0/id").unwrap(), "hr-db");
        let input = read.pointer("/appliesTo/context/attributes/input/attributes").unwrap();
        assert_eq!(input["id"], json!({"type": "Long", "required": true}));
        assert_eq!(input["amount"], json!({"type": "Extension", "name": "decimal", "required": false}));
        assert_eq!(input["tags"]["element"], json!({"type": "String"}));
        assert_eq!(input["who"]["attributes"]["name"]["type"], "String");
        assert!(schema.pointer("/AgentCore/actions/other").is_some());
    }

    #[test]
    fn where_tools_live_decides_whether_they_are_known() {
        assert_eq!(tools_of_target(&json!({"http": {"passthrough": {}}})), Tools::Http);
        assert_eq!(tools_of_target(&json!({"mcp": {"mcpServer": {"endpoint": "https://x"}}})), Tools::Unknown);
        let text = r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#;
        let server = json!({"mcp": {"mcpServer": {"endpoint": "https://x", "mcpToolSchema": {"inlinePayload": text}}}});
        assert!(matches!(tools_of_target(&server), Tools::Known(tools) if tools.len() == 1));
    }
}
