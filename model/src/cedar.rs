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
    if configuration.get("mcp").is_none() {
        return Tools::Http;
    }
    match tool_definitions(configuration) {
        Some(definitions) => Tools::Known(definitions.iter().filter_map(tool).collect()),
        None => described(configuration).map_or(Tools::Unknown, Tools::Known),
    }
}

/// The tools of an API description that the configuration holds.
fn described(configuration: &Value) -> Option<Vec<Tool>> {
    let text = |kind: &str| configuration.get("mcp")?.get(kind)?.get("inlinePayload")?.as_str();
    text("openApiSchema").and_then(tools_of_openapi).or_else(|| text("smithyModel").and_then(tools_of_smithy))
}

/// The tools a `targetConfiguration` document states, each as `tools/list` would show it (`name`, `description`, `inputSchema`,
/// …) within its target; none where they live elsewhere.
pub fn tool_definitions(configuration: &Value) -> Option<Vec<Value>> {
    let mcp = configuration.get("mcp")?;
    if let Some(list) = mcp.pointer("/lambda/toolSchema/inlinePayload").and_then(Value::as_array) {
        return Some(list.clone());
    }
    let text = mcp.pointer("/mcpServer/mcpToolSchema/inlinePayload").and_then(Value::as_str)?;
    let parsed = serde_json::from_str::<Value>(text).ok()?;
    parsed.get("tools").unwrap_or(&parsed).as_array().cloned()
}

/// A tool by its definition; none without a name.
pub fn tool(definition: &Value) -> Option<Tool> {
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

/// What the `type` of a JSON Schema says first besides `null`.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        other => other.and_then(Value::as_str),
    }
}

/// One JSON Schema as a Cedar type; nothing for `null`, which the service drops. What no page settles (an `enum`, `oneOf`)
/// is read by its `type`, text when there is none.
fn cedar_type(schema: &Value) -> Option<Value> {
    Some(match kind(schema) {
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

/// How deep the arguments of a call may be nested.
const DEEPEST: usize = 64;

/// The largest `decimal`, rounded towards zero.
const LARGEST_DECIMAL: f64 = 922_337_203_685_477.0;

/// The arguments of a call as Cedar's `context.input`, in Cedar's JSON form, typed as [`cedar_schema`] types them: a `number` is a
/// `decimal` cut after four digits, an explicit `null` is left out, and so is what the schema does not declare.
///
/// Fails, and names the argument, for what Cedar cannot hold: integers beyond 64 bits, numbers beyond a decimal, nesting deeper
/// than 64, and values that the schema does not allow.
pub fn cedar_input(schema: &Value, arguments: &Map<String, Value>) -> Result<Value, String> {
    input_record(schema, arguments, "", 0)
}

fn input_record(schema: &Value, object: &Map<String, Value>, path: &str, depth: usize) -> Result<Value, String> {
    let mut record = Map::new();
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(value) = object.get(name) else { continue };
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let Some(value) = input_value(property, value, &path, depth + 1)? {
            record.insert(name.clone(), value);
        }
    }
    Ok(Value::Object(record))
}

fn input_value(schema: &Value, value: &Value, path: &str, depth: usize) -> Result<Option<Value>, String> {
    if depth > DEEPEST {
        return Err(format!("`{path}` is nested deeper than {DEEPEST}"));
    }
    let wrong = |wanted: &str| Err(format!("`{path}` is not {wanted}"));
    Ok(Some(match (kind(schema), value) {
        (_, Value::Null) | (Some("null"), _) => return Ok(None),
        (Some("integer"), value) => match whole(value) {
            Some(number) => json!(number),
            None => return wrong("an integer of 64 bits"),
        },
        (Some("number"), value) => match decimal(value) {
            Some(text) => json!({"__extn": {"fn": "decimal", "arg": text}}),
            None => return wrong("a number between -922337203685477 and 922337203685477"),
        },
        (Some("boolean"), Value::Bool(_)) => value.clone(),
        (Some("object"), Value::Object(object)) => input_record(schema, object, path, depth)?,
        (Some("array"), Value::Array(list)) => {
            let text = json!({"type": "string"});
            let element = schema.get("items").unwrap_or(&text);
            let elements = list.iter().map(|value| input_value(element, value, path, depth + 1));
            Value::Array(elements.filter_map(Result::transpose).collect::<Result<_, _>>()?)
        }
        (Some(kind @ ("boolean" | "object" | "array")), _) => return wrong(&format!("of type `{kind}`")),
        (_, Value::String(_)) => value.clone(),
        (_, other) => Value::String(other.to_string()),
    }))
}

/// A number without a fraction, also where it is written as `7.0`.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && value.as_u64().is_none())?;
        format!("{number:.0}").parse().ok()
    })
}

/// A number as the text of a decimal, cut after four digits.
fn decimal(value: &Value) -> Option<String> {
    let number = value.as_f64().filter(|number| number.abs() <= LARGEST_DECIMAL)?;
    // Without an exponent, whatever its size.
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    Some(format!("{whole}.{}", fraction.get(..4).unwrap_or(fraction)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_an_input_of_the_types_of_the_schema() {
        let schema = json!({"type": "object", "properties": {
            "id": {"type": "integer"}, "amount": {"type": "number"}, "why": {"type": ["null", "string"]}, "any": {},
            "tags": {"type": "array", "items": {"type": "number"}}, "who": {"type": "object", "properties": {"on": {"type": "boolean"}}},
        }});
        let input = |arguments: Value| cedar_input(&schema, arguments.as_object().unwrap());
        let decimal = |text: &str| json!({"__extn": {"fn": "decimal", "arg": text}});
        let given = json!({
            "id": 7.0, "amount": -499.999_99, "why": null, "any": [1], "tags": [100, 1e-7], "who": {"on": true, "off": 1}, "x": 1,
        });
        let wanted = json!({
            "id": 7, "amount": decimal("-499.9999"), "any": "[1]", "tags": [decimal("100.0"), decimal("0.0000")], "who": {"on": true},
        });
        assert_eq!(input(given).unwrap(), wanted);
        for (arguments, path) in [
            (json!({"id": u64::MAX}), "`id`"),
            (json!({"id": 0.5}), "`id`"),
            (json!({"amount": 1e15}), "`amount`"),
            (json!({"who": {"on": "yes"}}), "`who.on`"),
        ] {
            let problem = input(arguments).unwrap_err();
            assert!(problem.contains(path), "{problem}");
        }
    }

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
