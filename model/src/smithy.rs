//! The tools that a gateway makes of a Smithy model: one for each operation of its services.
//!
//! Source: the AgentCore developer guide's page on Smithy targets, and the Smithy JSON AST. The members of an operation's input are
//! the tool's arguments. What no page gives a type (unions, documents, blobs, big numbers, a timestamp without a format) has none.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::cedar::Tool;

/// The shapes of one input, those within others too: a few that repeat each other could mean billions.
const LARGEST: usize = 20_000;

/// Structures may mix in others so deep; a longer way is a circle.
const DEEPEST: usize = 16;

/// The tools of a model in its JSON form; nothing where it cannot be read.
pub(crate) fn tools_of_smithy(text: &str) -> Option<Vec<Tool>> {
    let model: Value = serde_json::from_str(text).ok()?;
    let shapes = Shapes(model.get("shapes")?.as_object()?);
    let bound = shapes.bound();
    let mut tools = Vec::new();
    for (id, shape) in shapes.0.iter().filter(|(id, shape)| is(shape, "operation") && bound.contains(id.as_str())) {
        let name = id.rsplit_once('#')?.1.to_owned();
        let input_schema = match shape.pointer("/input/target").and_then(Value::as_str) {
            None | Some("smithy.api#Unit") => json!({"type": "object"}),
            Some(input) => shapes.schema(input, &Value::Null, &mut Reading::default())?,
        };
        tools.push(Tool { name, input_schema });
    }
    Some(tools)
}

fn is(shape: &Value, kind: &str) -> bool {
    shape.get("type").is_some_and(|is| is == kind)
}

/// The shapes that a member of a shape names, `{"target": "…"}` each.
fn targets<'a>(shape: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    let named = shape.get(member);
    let list = named.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = named.filter(|named| named.is_object());
    list.iter().chain(one).filter_map(|reference| reference.get("target")?.as_str())
}

/// Where the reading of an input is.
#[derive(Default)]
struct Reading {
    /// The shapes that hold the one being read.
    within: Vec<String>,
    count: usize,
    /// How many structures mix in the one being read.
    mixed: usize,
}

struct Shapes<'a>(&'a Map<String, Value>);

impl<'a> Shapes<'a> {
    /// The operations of the model's services, also by way of resources; where it has no service, all.
    fn bound(&self) -> BTreeSet<&'a str> {
        const OPERATIONS: [&str; 8] =
            ["operations", "collectionOperations", "create", "put", "read", "update", "delete", "list"];
        let of_kind =
            |kind: &'static str| self.0.iter().filter(move |(_, shape)| is(shape, kind)).map(|(id, _)| id.as_str());
        let mut open: Vec<&str> = of_kind("service").collect();
        if open.is_empty() {
            return of_kind("operation").collect();
        }
        let (mut bound, mut seen) = (BTreeSet::new(), BTreeSet::new());
        while let Some(id) = open.pop() {
            let Some(shape) = self.0.get(id).filter(|_| seen.insert(id)) else { continue };
            bound.extend(OPERATIONS.iter().flat_map(|member| targets(shape, member)));
            open.extend(targets(shape, "resources"));
        }
        bound
    }

    /// A shape as JSON Schema, where a member may say more of it; nothing where no page says what becomes of it.
    fn schema(&self, id: &str, member: &Value, reading: &mut Reading) -> Option<Value> {
        reading.count += 1;
        if reading.count > LARGEST || reading.within.iter().any(|outer| outer == id) {
            return None;
        }
        let shape = self.0.get(id);
        let kind = shape.and_then(|shape| shape.get("type")?.as_str());
        let prelude = id.strip_prefix("smithy.api#").map(str::to_lowercase);
        reading.within.push(id.to_owned());
        let schema = match kind.or(prelude.as_deref())? {
            "string" | "enum" => json!({"type": "string"}),
            "boolean" | "primitiveboolean" => json!({"type": "boolean"}),
            "byte" | "short" | "integer" | "long" | "intenum" | "intEnum" | "primitivebyte" | "primitiveshort"
            | "primitiveinteger" | "primitivelong" => json!({"type": "integer"}),
            "float" | "double" | "primitivefloat" | "primitivedouble" => json!({"type": "number"}),
            "timestamp" => {
                let format = |of: &Value| of.pointer("/traits/smithy.api#timestampFormat").cloned();
                match format(member).or_else(|| format(shape?))?.as_str()? {
                    "date-time" | "http-date" => json!({"type": "string"}),
                    "epoch-seconds" => json!({"type": "number"}),
                    _ => return None,
                }
            }
            "list" | "set" => {
                let element = shape?.get("member")?;
                let items = self.schema(element.get("target")?.as_str()?, element, reading)?;
                json!({"type": "array", "items": items})
            }
            // Its keys are data.
            "map" => json!({"type": "object"}),
            "structure" => {
                let (mut properties, mut required) = (Map::new(), Vec::new());
                for (owner, name, member) in self.members(id, reading)? {
                    properties.insert(name.to_owned(), self.schema(member.get("target")?.as_str()?, member, reading)?);
                    if self.is_required(&owner, name, member) {
                        required.push(name);
                    }
                }
                json!({"type": "object", "properties": properties, "required": required})
            }
            _ => return None,
        };
        reading.within.pop();
        Some(schema)
    }

    /// The members of a structure, those of its mixins first, each with the shape that has it.
    fn members(&self, id: &str, reading: &mut Reading) -> Option<Vec<(String, &'a str, &'a Value)>> {
        reading.count += 1;
        let shape = self.0.get(id).filter(|_| reading.count < LARGEST && reading.mixed < DEEPEST)?;
        let mut all = Vec::new();
        reading.mixed += 1;
        for mixin in targets(shape, "mixins") {
            all.extend(self.members(mixin, reading)?);
        }
        for (name, member) in shape.get("members").and_then(Value::as_object).into_iter().flatten() {
            all.retain(|(_, other, _)| other != name);
            all.push((id.to_owned(), name, member));
        }
        reading.mixed -= 1;
        Some(all)
    }

    /// A member has to be there: by its own trait, or by one that is applied to it elsewhere.
    fn is_required(&self, owner: &str, name: &str, member: &Value) -> bool {
        let applied = self.0.get(&format!("{owner}${name}"));
        let says = |shape: &Value| shape.pointer("/traits/smithy.api#required").is_some();
        says(member) || applied.is_some_and(says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_a_tool_with_the_members_of_its_input() {
        let text = json!({"smithy": "2.0", "shapes": {
            "a#Read": {"type": "operation", "input": {"target": "a#ReadInput"}},
            "a#ReadInput": {"type": "structure", "mixins": [{"target": "a#Paged"}], "members": {
                "id": {"target": "smithy.api#String", "traits": {"smithy.api#required": {}}},
                "names": {"target": "a#Names"}, "state": {"target": "a#State"}, "labels": {"target": "a#Labels"},
                "since": {"target": "smithy.api#Timestamp", "traits": {"smithy.api#timestampFormat": "date-time"}},
                "until": {"target": "a#Until"}, "level": {"target": "a#Level"},
            }},
            "a#Paged": {"type": "structure", "members": {"limit": {"target": "smithy.api#PrimitiveInteger"}, "id": {"target": "smithy.api#Integer"}}},
            "a#Paged$limit": {"type": "apply", "traits": {"smithy.api#required": {}}},
            "a#Names": {"type": "list", "member": {"target": "smithy.api#String"}},
            "a#State": {"type": "enum", "members": {"OPEN": {"target": "smithy.api#Unit"}}},
            "a#Labels": {"type": "map", "key": {"target": "smithy.api#String"}, "value": {"target": "smithy.api#Document"}},
            "a#Until": {"type": "timestamp", "traits": {"smithy.api#timestampFormat": "epoch-seconds"}},
            "a#Level": {"type": "intEnum"},
        }});
        let tools = tools_of_smithy(&text.to_string()).unwrap();
        assert_eq!(tools[0].name, "Read");
        let input = &tools[0].input_schema;
        assert_eq!(input["required"], json!(["limit", "id"]));
        for (name, kind) in [
            ("limit", "integer"),
            ("id", "string"),
            ("state", "string"),
            ("labels", "object"),
            ("since", "string"),
            ("until", "number"),
            ("level", "integer"),
        ] {
            assert_eq!(input["properties"][name]["type"], kind, "{name}");
        }
        assert_eq!(input["properties"]["names"]["items"]["type"], "string");
    }

    #[test]
    fn the_operations_of_a_service_are_its_own_and_those_of_its_resources() {
        let operation = |input: &str| json!({"type": "operation", "input": {"target": input}});
        let text = json!({"smithy": "2.0", "shapes": {
            "a#Shop": {"type": "service", "operations": [{"target": "a#Ping"}], "resources": [{"target": "a#Order"}]},
            "a#Order": {"type": "resource", "read": {"target": "a#GetOrder"}, "collectionOperations": [{"target": "a#CountOrders"}],
                "resources": [{"target": "a#Line"}]},
            "a#Line": {"type": "resource", "operations": [{"target": "a#Split"}], "resources": [{"target": "a#Order"}]},
            "a#Ping": operation("smithy.api#Unit"), "a#GetOrder": operation("smithy.api#Unit"),
            "a#CountOrders": operation("smithy.api#Unit"), "a#Split": operation("smithy.api#Unit"),
            "b#Unused": operation("b#Gone"),
        }});
        let tools = tools_of_smithy(&text.to_string()).unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["Ping", "GetOrder", "CountOrders", "Split"]);
    }

    #[test]
    fn a_model_that_says_too_little_says_nothing() {
        let of = |more: Value| {
            let mut shapes = json!({"a#Read": {"type": "operation", "input": {"target": "a#In"}}});
            shapes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"shapes": shapes}).to_string()
        };
        let with = |target: &str| of(json!({"a#In": {"type": "structure", "members": {"x": {"target": target}}}}));
        let mut bomb = Map::new();
        for index in 0..40 {
            let next = format!("a#S{}", index + 1);
            let name = if index == 0 { "a#In".to_owned() } else { format!("a#S{index}") };
            bomb.insert(name, json!({"type": "structure", "members": {"x": {"target": next}, "y": {"target": next}}}));
        }
        for text in [
            of(json!({})),
            with("a#In"),
            with("smithy.api#Document"),
            with("smithy.api#Timestamp"),
            of(Value::Object(bomb)),
            of(json!({"a#In": {"type": "structure", "mixins": [{"target": "a#In"}]}})),
            "{}".to_owned(),
            "namespace a".to_owned(),
        ] {
            assert_eq!(tools_of_smithy(&text), None, "{text}");
        }
    }
}
