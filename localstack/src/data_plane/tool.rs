//! The tools of a gateway's targets, and what happens when one is called.

use std::time::Duration;

use http::HeaderMap;
use jsonschema::Validator;
use model::Action;
use model::openapi::Operation;
use serde_json::{Map, Value, json};

use super::openapi;
use super::stand_for::{Answer, Answers, Event, invoke};
use super::{loopback, server};
use crate::document::{text, texts};
use crate::session::KnownTools;
use crate::state::Object;

/// What stands between the names of a target and its tool.
const BETWEEN: &str = "___";

/// How long an API may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One tool.
pub(super) struct Tool {
    /// `target___tool`.
    pub(super) name: String,
    /// What `tools/list` shows.
    pub(super) definition: Value,
    /// The tool as an action of Cedar.
    pub(super) action: Action,
    target_id: String,
    arguments: Result<Validator, String>,
    /// The headers of a request that its target is told.
    headers: Vec<String>,
    behind: Behind,
}

/// What is behind a tool.
#[derive(Clone)]
enum Behind {
    /// A function, by its ARN.
    Lambda(String),
    /// An MCP server, by its endpoint.
    Server(String),
    /// An operation of an API, by its endpoint.
    Api(String, Box<Operation>),
    /// Something that the stand-in does not know how to call.
    Other,
}

impl Tool {
    /// The tools of a target that serves. `known` are those somebody told of.
    pub(super) fn of_target(target: &Object, gateway: &str, known: &KnownTools, answers: &Answers) -> Vec<Self> {
        if matches!(target.status(), "CREATING" | "CREATE_PENDING_AUTH" | "FAILED" | "DELETING") {
            return Vec::new();
        }
        let name = text(&target.document, "name");
        let configuration = target.document.get("targetConfiguration").cloned().unwrap_or_default();
        let place = |pointer: &str| configuration.pointer(pointer).and_then(Value::as_str);
        let api = place("/mcp/openApiSchema/inlinePayload").and_then(model::openapi::description);
        let told = known.get(&(gateway.to_owned(), name.to_owned()));
        let all = |definitions: Vec<Value>, behind: &Behind| {
            definitions.into_iter().filter_map(|one| Self::new(target, name, one, behind.clone())).collect()
        };
        if let Some(api) = &api {
            let endpoint = openapi::endpoint(api);
            let behind = |operation| Behind::Api(endpoint.to_owned(), Box::new(operation));
            let tools = model::openapi::operations(api).into_iter();
            return tools.filter_map(|one| Self::new(target, name, one.definition.clone(), behind(one))).collect();
        }
        let behind = match (place("/mcp/lambda/lambdaArn"), place("/mcp/mcpServer/endpoint")) {
            (Some(arn), _) => Behind::Lambda(arn.to_owned()),
            (None, Some(endpoint)) => Behind::Server(endpoint.to_owned()),
            (None, None) => Behind::Other,
        };
        if let Some(told) = told {
            let definitions = told
                .iter()
                .map(|tool| json!({"name": tool.name, "description": tool.name, "inputSchema": tool.input_schema}));
            return all(definitions.collect(), &behind);
        }
        let stated = model::tool_definitions(&configuration).or_else(|| {
            let resource = place("/mcp/mcpServer/endpoint").or_else(|| place("/mcp/lambda/lambdaArn"))?;
            answers.tools(resource).map(<[Value]>::to_vec)
        });
        all(stated.unwrap_or_default(), &behind)
    }

    /// The endpoint of the server behind a target, if nothing but the server says which tools it has.
    pub(super) fn unlisted_server(target: &Object, gateway: &str, known: &KnownTools) -> Option<String> {
        let configuration = target.document.get("targetConfiguration")?;
        let endpoint = configuration.pointer("/mcp/mcpServer/endpoint")?.as_str()?;
        let name = text(&target.document, "name").to_owned();
        let told = known.contains_key(&(gateway.to_owned(), name)) || model::tool_definitions(configuration).is_some();
        (!told).then(|| endpoint.to_owned())
    }

    fn new(target: &Object, target_name: &str, mut definition: Value, behind: Behind) -> Option<Self> {
        let tool = model::tool(&definition)?;
        let name = format!("{target_name}{BETWEEN}{}", tool.name);
        definition.as_object_mut()?.insert("name".into(), json!(name));
        definition.as_object_mut()?.entry("inputSchema").or_insert_with(|| tool.input_schema.clone());
        let arguments = jsonschema::validator_for(&tool.input_schema).map_err(|error| error.to_string());
        let metadata = target.document.get("metadataConfiguration").and_then(Value::as_object);
        let headers = metadata.map(|metadata| texts(metadata, "allowedRequestHeaders")).unwrap_or_default();
        let headers =
            headers.into_iter().map(str::to_ascii_lowercase).filter(|header| header != "authorization").collect();
        let action = Action { target: target_name.to_owned(), tool };
        Some(Self { name, definition, action, target_id: target.id.clone(), arguments, headers, behind })
    }

    /// Arguments as `context.input` of Cedar. Fails, in words, for arguments that the tool's schema does not allow.
    pub(super) fn input(&self, arguments: &Map<String, Value>) -> Result<Value, String> {
        let validator =
            self.arguments.as_ref().map_err(|error| format!("the schema of the tool is not valid: {error}"))?;
        let instance = Value::Object(arguments.clone());
        let problems = validator.iter_errors(&instance).take(10).map(|error| match error.instance_path().to_string() {
            path if path.is_empty() => error.to_string(),
            path => format!("{path}: {error}"),
        });
        let problems: Vec<String> = problems.collect();
        if problems.is_empty() {
            model::cedar_input(&self.action.tool.input_schema, arguments)
        } else {
            Err(problems.join("; "))
        }
    }

    /// Calls the tool, and answers a tool's result. Fails, in words, if what is behind it does.
    pub(super) async fn call(&self, caller: &Call<'_>, arguments: Map<String, Value>) -> Result<Value, String> {
        let resource = match &self.behind {
            Behind::Lambda(arn) => arn,
            Behind::Server(endpoint) | Behind::Api(endpoint, _) => endpoint,
            Behind::Other => return Ok(self.canned("its target", &arguments)),
        };
        let Some(answer) = caller.answers.find(resource, Some(&self.action.tool.name)) else {
            return Ok(self.canned(resource, &arguments));
        };
        match (&self.behind, &answer.url) {
            (Behind::Api(_, operation), Some(url)) => self.request(operation, url, &arguments).await,
            (Behind::Server(_), Some(url)) => {
                let hop = loopback::next_hop(caller.headers)?;
                server::call(url, &self.action.tool.name, arguments, answer.seconds, hop).await
            }
            _ if answer.url.is_none() && answer.command.is_none() && answer.answer.is_none() => {
                Ok(self.canned(resource, &arguments))
            }
            _ => self.invoke(caller, answer, arguments).await,
        }
    }

    /// Lets a function answer, or what was mapped in the place of a server or an API.
    async fn invoke(&self, call: &Call<'_>, answer: &Answer, arguments: Map<String, Value>) -> Result<Value, String> {
        let mut context = json!({
            "bedrockAgentCoreMessageVersion": "1.0",
            "bedrockAgentCoreToolName": self.name,
            "bedrockAgentCoreGatewayId": call.gateway,
            "bedrockAgentCoreTargetId": self.target_id,
            "bedrockAgentCoreAwsRequestId": call.request,
            "bedrockAgentCoreMcpMessageId": call.message,
        });
        if let (Behind::Api(_, operation), Some(context)) = (&self.behind, context.as_object_mut()) {
            context.insert("operation".into(), openapi::about(operation));
        }
        let told =
            self.headers.iter().filter_map(|name| Some((name.clone(), json!(call.headers.get(name)?.to_str().ok()?))));
        let told: Map<String, Value> = told.collect();
        if let Some(context) = context.as_object_mut().filter(|_| !told.is_empty()) {
            context.insert("bedrockAgentCorePropagatedHeaders".into(), Value::Object(told));
        }
        let event = Event { body: Value::Object(arguments), context: json!({"custom": context}) };
        let value = invoke(answer, event).await?;
        // A server's answer is a tool's result already.
        let whole = matches!(self.behind, Behind::Server(_)) && value.get("content").is_some_and(Value::is_array);
        Ok(if whole { value } else { self.result(value) })
    }

    async fn request(&self, operation: &Operation, url: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
        let response = loopback::send(openapi::request(operation, url, arguments)?, PATIENCE).await?;
        let (status, body) = (response.status(), response.into_body());
        if !status.is_success() {
            return Err(format!("{url} answered {status}: {}", String::from_utf8_lossy(&body)));
        }
        let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
        Ok(self.result(serde_json::from_slice(&body).unwrap_or_else(|_| text())))
    }

    /// A value as the result of a tool: its JSON as text, and as it is where the tool says what it answers.
    fn result(&self, value: Value) -> Value {
        let mut result = json!({"content": [{"type": "text", "text": value.to_string()}], "isError": false});
        if self.definition.get("outputSchema").is_some()
            && value.is_object()
            && let Some(result) = result.as_object_mut()
        {
            result.insert("structuredContent".into(), value);
        }
        result
    }

    fn canned(&self, resource: &str, arguments: &Map<String, Value>) -> Value {
        let note = format!("a canned answer of the local stand-in: nothing was told to answer for {resource}");
        let value = json!({"note": note, "tool": self.name, "arguments": arguments});
        json!({"content": [{"type": "text", "text": value.to_string()}], "isError": false})
    }
}

/// What a call is part of.
pub(super) struct Call<'a> {
    pub(super) gateway: &'a str,
    pub(super) answers: &'a Answers,
    pub(super) request: &'a str,
    pub(super) message: &'a Value,
    pub(super) headers: &'a HeaderMap,
}
