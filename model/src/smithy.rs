//! The tools that a gateway makes of a Smithy model: one for each operation of its services.
//!
//! Source: the AgentCore developer guide's page on Smithy targets, and the Smithy JSON AST. The members of an operation's input are
//! the tool's arguments.

use serde_json::{Map, Value, json};

use crate::cedar::Tool;

/// Shapes may hold shapes so deep; a longer way is a circle.
const DEEPEST: usize = 16;

/// The tools of a model in its JSON form; nothing where it cannot be read.
pub(crate) fn tools_of_smithy(text: &str) -> Option<Vec<Tool>> {
    let model: Value = serde_json::from_str(text).ok()?;
    let shapes = model.get("shapes")?.as_object()?;
    let mut tools = Vec::new();
    for (id, shape) in shapes {
        if shape.get("type").is_some_and(|kind| kind == "operation") {
            let name = id.rsplit_once('#')?.1.to_owned();
            let input_schema = match shape.pointer("/input/target").and_then(Value::as_str) {
                None | Some("smithy.api#Unit") => json!({"type": "object"}),
                Some(input) => schema(shapes, input, 0)?,
            };
            tools.push(Tool { name, input_schema });
        }
    }
    Some(tools)
}

/// A shape as JSON Schema; nothing where no page says what becomes of it.
fn schema(shapes: &Map<String, Value>, id: &str, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let shape = shapes.get(id);
    let kind = shape.and_then(|shape| shape.get("type")?.as_str());
    let prelude = id.strip_prefix("smithy.api#").map(str::to_lowercase);
    Some(match kind.or(prelude.as_deref())? {
        "string" | "enum" => json!({"type": "string"}),
        "boolean" | "primitiveboolean" => json!({"type": "boolean"}),
        "byte" | "short" | "integer" | "long" | "intenum" | "intEnum" | "primitiveinteger" | "primitivelong" => {
            json!({"type": "integer"})
        }
        "float" | "double" => json!({"type": "number"}),
        "list" => {
            let member = shape?.pointer("/member/target")?.as_str()?;
            json!({"type": "array", "items": schema(shapes, member, depth + 1)?})
        }
        "structure" => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for (name, member) in shape?.get("members").and_then(Value::as_object).into_iter().flatten() {
                properties.insert(name.clone(), schema(shapes, member.get("target")?.as_str()?, depth + 1)?);
                if member.pointer("/traits/smithy.api#required").is_some() {
                    required.push(Value::from(name.as_str()));
                }
            }
            json!({"type": "object", "properties": properties, "required": required})
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_a_tool_with_the_members_of_its_input() {
        let text = json!({"smithy": "2.0", "shapes": {
            "a#Read": {"type": "operation", "input": {"target": "a#ReadInput"}},
            "a#ReadInput": {"type": "structure", "members": {
                "id": {"target": "smithy.api#String", "traits": {"smithy.api#required": {}}},
                "limit": {"target": "smithy.api#Integer"}, "names": {"target": "a#Names"},
            }},
            "a#Names": {"type": "list", "member": {"target": "smithy.api#String"}},
        }});
        let tools = tools_of_smithy(&text.to_string()).unwrap();
        assert_eq!(tools[0].name, "Read");
        assert_eq!(tools[0].input_schema["required"], json!(["id"]));
        assert_eq!(tools[0].input_schema["properties"]["limit"]["type"], "integer");
        assert_eq!(tools[0].input_schema["properties"]["names"]["items"]["type"], "string");
    }

    #[test]
    fn a_model_that_says_too_little_says_nothing() {
        let missing = json!({"shapes": {"a#Read": {"type": "operation", "input": {"target": "a#Gone"}}}}).to_string();
        for text in [missing.as_str(), "{}", "namespace a"] {
            assert_eq!(tools_of_smithy(text), None, "{text}");
        }
    }
}
