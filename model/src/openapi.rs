//! The tools that a gateway makes of an API description: one for each operation with an `operationId`.
//!
//! Source: the AgentCore developer guide's page on `OpenAPI` targets. Path, query, header and cookie parameters and the members of a
//! JSON body become the tool's arguments. Version 2, `oneOf`, `anyOf` and bodies of other content types are not supported there;
//! `allOf` is read where it can mean one thing only.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cedar::{self, Tool};
use crate::yaml;

/// The methods of a path item that are operations.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The one content type of a body whose members are arguments.
const JSON: &str = "application/json";

/// Headers that a parameter cannot describe, by the specification.
const NO_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// What puts a schema together from others in a way that has no one type.
const JOINED: [&str; 4] = ["oneOf", "anyOf", "not", "if"];

/// Schemas may hold schemas so deep, references followed.
const DEEPEST: usize = 32;

/// The schemas of one description, references followed: a few that repeat each other could mean billions.
const LARGEST: usize = 100_000;

/// One operation of an API, as a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What `tools/list` says of it: `name`, `description` and `inputSchema`, in which references are filled in.
    pub definition: Value,
    /// Its method, in capitals.
    pub method: String,
    /// Its path, with `{parameters}`.
    pub path: String,
    /// Where each argument goes that is no part of the body: `path`, `query`, `header` or `cookie`.
    pub places: BTreeMap<String, String>,
    /// Every type of its arguments is known for certain.
    pub is_sure: bool,
}

/// A description of version 3, from JSON or YAML; nothing where the text is none.
pub fn description(text: &str) -> Option<Value> {
    let parsed = serde_json::from_str::<Value>(text).ok().or_else(|| yaml::parse(text).ok())?;
    (parsed.get("swagger").is_none() && parsed.get("paths").is_some_and(Value::is_object)).then_some(parsed)
}

/// The operations of a description, in its order. One without `operationId` is no tool.
pub fn operations(description: &Value) -> Vec<Operation> {
    let paths = description.get("paths").and_then(Value::as_object);
    let room = &Cell::new(LARGEST);
    let operations = paths.into_iter().flatten().flat_map(|(path, item)| {
        let (item, certain) = resolved(description, item);
        let methods = item.as_object().into_iter().flatten().filter(|(method, _)| METHODS.contains(&method.as_str()));
        methods.filter_map(move |(method, operation)| {
            let reader = Reader { description, room };
            let found = reader.operation(path, item, method, operation)?;
            Some(Operation { is_sure: found.is_sure && certain, ..found })
        })
    });
    operations.collect()
}

/// The tools of a description; nothing where it cannot be read, or where the type of an argument is not certain.
pub(crate) fn tools_of_openapi(text: &str) -> Option<Vec<Tool>> {
    let operations = operations(&description(text)?);
    operations.iter().map(|operation| cedar::tool(&operation.definition).filter(|_| operation.is_sure)).collect()
}

/// The arguments of an operation while they are gathered.
#[derive(Default)]
struct Arguments {
    properties: Map<String, Value>,
    required: Vec<String>,
    is_doubtful: bool,
}

impl Arguments {
    fn add(&mut self, name: &str, schema: Value, required: bool) {
        // Two arguments of one name would be one, and nobody says which.
        self.is_doubtful |= self.properties.insert(name.to_owned(), schema).is_some();
        if required {
            self.required.push(name.to_owned());
        }
    }
}

/// The reading of one operation.
struct Reader<'a> {
    description: &'a Value,
    /// Schemas that may still be read.
    room: &'a Cell<usize>,
}

/// A schema that is being read, and the one that holds it.
struct Within<'c> {
    schema: &'c Value,
    outer: Option<&'c Within<'c>>,
}

impl Within<'_> {
    fn holds(&self, schema: &Value) -> bool {
        std::ptr::eq(self.schema, schema) || self.outer.is_some_and(|outer| outer.holds(schema))
    }

    fn depth(&self) -> usize {
        1 + self.outer.map_or(0, Within::depth)
    }
}

impl<'a> Reader<'a> {
    fn operation(&self, path: &str, item: &'a Value, method: &str, operation: &'a Value) -> Option<Operation> {
        let name = operation.get("operationId")?.as_str()?;
        let mut arguments = Arguments::default();
        let mut places = BTreeMap::new();
        for parameter in self.parameters(item, operation, &mut arguments) {
            self.parameter(parameter, &mut places, &mut arguments);
        }
        if let Some(body) = operation.get("requestBody") {
            self.body(body, &mut arguments);
        }
        let text = |member: &str| operation.get(member).and_then(Value::as_str);
        let about = text("description").or_else(|| text("summary")).unwrap_or(name);
        let schema = json!({"type": "object", "properties": arguments.properties, "required": arguments.required});
        Some(Operation {
            definition: json!({"name": name, "description": about, "inputSchema": schema}),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            places,
            is_sure: !arguments.is_doubtful,
        })
    }

    /// The parameters of an operation: its own, and those of its path that it does not define anew.
    fn parameters(&self, item: &'a Value, operation: &'a Value, arguments: &mut Arguments) -> Vec<&'a Value> {
        let mut list = |of: &'a Value| {
            let all = of.get("parameters").and_then(Value::as_array).into_iter().flatten();
            let all = all.map(|parameter| {
                let (parameter, certain) = resolved(self.description, parameter);
                arguments.is_doubtful |= !certain;
                parameter
            });
            all.collect::<Vec<_>>()
        };
        let (mut all, own) = (list(item), list(operation));
        let key = |parameter: &Value| (parameter.get("name").cloned(), parameter.get("in").cloned());
        all.retain(|parameter| own.iter().all(|other| key(other) != key(parameter)));
        all.extend(own);
        all
    }

    fn parameter(&self, parameter: &'a Value, places: &mut BTreeMap<String, String>, arguments: &mut Arguments) {
        let text = |member: &str| parameter.get(member).and_then(Value::as_str);
        let (Some(name), Some(place)) = (text("name"), text("in")) else {
            arguments.is_doubtful = true;
            return;
        };
        if place == "header" && NO_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
            return;
        }
        let content = || parameter.get("content")?.as_object()?.values().next()?.get("schema");
        let schema = parameter.get("schema").or_else(content);
        let (mut schema, certain) = schema.map_or((json!({"type": "string"}), true), |schema| self.whole(schema, None));
        arguments.is_doubtful |= !certain;
        if let (Some(schema), Some(about)) = (schema.as_object_mut(), parameter.get("description")) {
            schema.entry("description").or_insert_with(|| about.clone());
        }
        places.insert(name.to_owned(), place.to_owned());
        arguments.add(name, schema, place == "path" || parameter.get("required") == Some(&Value::Bool(true)));
    }

    fn body(&self, body: &'a Value, arguments: &mut Arguments) {
        let (body, certain) = resolved(self.description, body);
        arguments.is_doubtful |= !certain;
        let content = body.get("content").and_then(Value::as_object);
        let is_json = |kind: &str| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JSON));
        let schema = content.and_then(|content| content.iter().find(|(kind, _)| is_json(kind))?.1.get("schema"));
        let Some(schema) = schema else {
            // Another form of body has no members that anybody knows.
            arguments.is_doubtful = true;
            return;
        };
        let (schema, certain) = self.whole(schema, None);
        let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|_| is_object(&schema))
        else {
            arguments.is_doubtful |= !certain || !is_object(&schema);
            return;
        };
        arguments.is_doubtful |= !certain;
        // Whoever calls the tool has a body to send.
        let required = required(&schema);
        for (name, property) in properties {
            arguments.add(name, property.clone(), required.contains(&name.as_str()));
        }
    }

    /// A schema with its references filled in, and whether it has one type: not where they go in a circle, or where it is a choice.
    fn whole(&self, schema: &Value, outer: Option<&Within<'_>>) -> (Value, bool) {
        let (schema, mut certain) = resolved(self.description, schema);
        let is_circle = outer.is_some_and(|outer| outer.holds(schema) || outer.depth() > DEEPEST);
        let room = self.room.get();
        let Some(members) = schema.as_object().filter(|_| !is_circle && room > 0) else {
            // `true` is any value.
            return (json!({}), false);
        };
        self.room.set(room - 1);
        let here = &Within { schema, outer };
        certain &= JOINED.iter().all(|joined| !members.contains_key(*joined));
        let mut whole = Map::new();
        for (name, member) in members {
            let member = match (name.as_str(), member) {
                ("allOf", _) => continue,
                ("items", _) => self.part(member, here, &mut certain),
                ("properties", Value::Object(properties)) => {
                    let filled =
                        properties.iter().map(|(name, one)| (name.clone(), self.part(one, here, &mut certain)));
                    Value::Object(filled.collect())
                }
                (name, Value::Array(list)) if JOINED.contains(&name) => {
                    list.iter().map(|one| self.part(one, here, &mut certain)).collect()
                }
                (name, _) if JOINED.contains(&name) => self.part(member, here, &mut certain),
                _ => member.clone(),
            };
            whole.insert(name.clone(), member);
        }
        for part in members.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            let part = self.part(part, here, &mut certain);
            certain &= join(&mut whole, &part);
        }
        if whole.contains_key("properties") && !whole.contains_key("type") {
            whole.insert("type".to_owned(), json!("object"));
        }
        (Value::Object(whole), certain)
    }

    fn part(&self, schema: &Value, outer: &Within<'_>, certain: &mut bool) -> Value {
        let (whole, known) = self.whole(schema, Some(outer));
        *certain &= known;
        whole
    }
}

/// What a `$ref` within the description leads to, and whether it leads there.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> (&'a Value, bool) {
    let mut value = value;
    for _ in 0..DEEPEST {
        let Some(reference) = value.get("$ref") else { return (value, true) };
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        // A pointer in a URI may be escaped.
        let target = pointer.and_then(|pointer| description.pointer(&pointer.replace("%7B", "{").replace("%7D", "}")));
        match target {
            Some(target) => value = target,
            None => return (&Value::Null, false),
        }
    }
    (&Value::Null, false)
}

/// Adds what one schema of an `allOf` demands; false where two of them do not mean one type.
fn join(whole: &mut Map<String, Value>, part: &Value) -> bool {
    let mut agrees = true;
    for (name, member) in part.as_object().into_iter().flatten() {
        match (name.as_str(), whole.get_mut(name), member) {
            ("properties", Some(Value::Object(known)), Value::Object(more)) => {
                for (name, property) in more {
                    agrees &= known.entry(name.clone()).or_insert_with(|| property.clone()) == property;
                }
            }
            ("required", Some(Value::Array(known)), Value::Array(more)) => known.extend(more.iter().cloned()),
            ("type" | "items" | "properties", Some(known), member) => agrees &= known == member,
            // Words and bounds make no other type.
            (_, Some(_), _) => {}
            (_, None, member) => drop(whole.insert(name.clone(), member.clone())),
        }
    }
    agrees
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object" || *kind == json!(["object"]))
}

fn required(schema: &Value) -> Vec<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A description with one operation and these schemas.
    fn with_body(schema: &Value, schemas: &Value) -> String {
        json!({"openapi": "3.0.3", "paths": {"/a": {"post": {"operationId": "a", "requestBody": {"content": {
            "application/json; charset=utf-8": {"schema": schema}}}}}}, "components": {"schemas": schemas}})
        .to_string()
    }

    #[test]
    fn an_operation_is_a_tool_with_parameters_and_body_as_arguments() {
        let text = json!({"openapi": "3.0.3", "paths": {"/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}, {"name": "trace", "in": "header", "required": true, "schema": {"type": "string"}}],
            "get": {"operationId": "read", "parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer"}}, {"name": "Authorization", "in": "header", "required": true},
                {"name": "trace", "in": "header", "schema": {"type": "boolean"}},
                {"name": "filter", "in": "query", "content": {"application/json": {"schema": {"type": "object", "properties": {"open": {"type": "boolean"}}}}}},
            ]},
            "put": {"operationId": "write", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/order"}}}}},
            "delete": {"description": "no tool: it has no operationId"},
        }}, "components": {
            "parameters": {"id": {"name": "id", "in": "path", "schema": {"type": "string"}}},
            "schemas": {"order": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}},
        }})
        .to_string();
        let tools = tools_of_openapi(&text).unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["read", "write"]);
        let read = &tools[0].input_schema;
        assert_eq!(read["properties"]["limit"]["type"], "integer");
        assert_eq!(read["properties"]["trace"]["type"], "boolean", "the operation's own");
        assert_eq!(read["properties"]["filter"]["properties"]["open"]["type"], "boolean");
        assert_eq!(read["required"], json!(["id"]), "a parameter of the path is always required");
        assert!(read["properties"].get("Authorization").is_none());
        assert_eq!(tools[1].input_schema["required"], json!(["id", "trace", "amount"]));
        assert_eq!(tools[1].input_schema["properties"]["amount"]["type"], "number");
        let operations = operations(&description(&text).unwrap());
        assert_eq!((operations[1].method.as_str(), operations[1].path.as_str()), ("PUT", "/orders/{id}"));
        assert_eq!(operations[1].places["id"], "path");
        assert!(!operations[1].places.contains_key("amount"));
    }

    #[test]
    fn yaml_says_what_json_says() {
        let text = "openapi: 3.1.0\npaths:\n  /orders:\n    get:\n      operationId: list\n      parameters:\n        - name: limit\n          in: query\n          schema: {type: integer}\n      responses:\n        200: {description: ok}\n";
        let tools = tools_of_openapi(text).unwrap();
        assert_eq!((tools.len(), tools[0].name.as_str()), (1, "list"));
        assert_eq!(tools[0].input_schema["properties"]["limit"]["type"], "integer");
    }

    #[test]
    fn what_is_put_together_is_read_where_it_means_one_type() {
        let schemas = json!({
            "base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "tag": {"$ref": "#/components/schemas/tag"}}},
            "tag": {"type": "string", "enum": ["a", "b"]},
        });
        let whole = json!({"description": "d", "allOf": [{"$ref": "#/components/schemas/base"},
            {"required": ["n"], "properties": {"n": {"type": "integer"}, "tag": {"allOf": [{"$ref": "#/components/schemas/tag"}]}}}]});
        let tools = tools_of_openapi(&with_body(&whole, &schemas)).unwrap();
        let input = &tools[0].input_schema;
        assert_eq!(input["required"], json!(["id", "n"]));
        assert_eq!(input["properties"]["n"]["type"], "integer");
        assert_eq!(input["properties"]["tag"]["type"], "string");
        let clash =
            json!({"allOf": [{"$ref": "#/components/schemas/base"}, {"properties": {"id": {"type": "integer"}}}]});
        assert_eq!(tools_of_openapi(&with_body(&clash, &schemas)), None);
    }

    #[test]
    fn what_is_not_known_for_certain_is_not_known() {
        let object = |property: Value| json!({"type": "object", "properties": {"x": property}});
        let circle = json!({"a": object(json!({"$ref": "#/components/schemas/a"}))});
        let both = |next: String| json!({"type": "object", "properties": {"x": {"$ref": next}, "y": {"$ref": next}}});
        let bomb: Map<String, Value> =
            (0..31).map(|index| (format!("s{index}"), both(format!("#/components/schemas/s{}", index + 1)))).collect();
        let bomb = Value::Object(bomb);
        let to_circle = json!({"$ref": "#/components/schemas/a"});
        for (schema, schemas) in [
            (to_circle, circle),
            (json!({"$ref": "#/components/schemas/s0"}), bomb),
            (json!({"$ref": "#/components/schemas/b"}), json!({"b": {"$ref": "#/components/schemas/b"}})),
            (json!({"$ref": "https://example.com/a.json"}), json!({})),
            (json!({"type": "array", "items": {"type": "string"}}), json!({})),
            (object(json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})), json!({})),
            (object(json!({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}})), json!({})),
            (object(json!(true)), json!({})),
        ] {
            let text = with_body(&schema, &schemas);
            assert_eq!(tools_of_openapi(&text), None, "{text}");
            // It can be called all the same.
            assert_eq!(operations(&description(&text).unwrap()).len(), 1, "{text}");
        }
        let twice = json!({"openapi": "3.0.3", "paths": {"/a/{id}": {"get": {"operationId": "a", "parameters": [
            {"name": "id", "in": "path", "schema": {"type": "string"}}, {"name": "id", "in": "query", "schema": {"type": "integer"}}]}}}});
        let form = json!({"openapi": "3.0.3", "paths": {"/a": {"post": {"operationId": "a", "requestBody": {"content": {
            "application/x-www-form-urlencoded": {"schema": object(json!({"type": "string"}))}}}}}}});
        let old = json!({"swagger": "2.0", "paths": {"/a": {"get": {"operationId": "a"}}}});
        for text in [
            twice.to_string(),
            form.to_string(),
            old.to_string(),
            "openapi: 3.0.3".to_owned(),
            "{}".to_owned(),
            "- [".to_owned(),
        ] {
            assert_eq!(tools_of_openapi(&text), None, "{text}");
        }
    }
}
