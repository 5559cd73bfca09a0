//! Lambda interceptors: what runs before the policies decide, and what runs before a client has its answer.
//!
//! Source: the AgentCore developer guide's page on the types of interceptors, payload version 1.0.

use http::{HeaderMap, Request};
use serde_json::{Value, json};

use super::stand_for::{Answers, Event, invoke};
use crate::document::{Document, texts};

/// The interceptors of a gateway.
#[derive(Debug, Default)]
pub(super) struct Interceptors {
    request: Option<Interceptor>,
    response: Option<Interceptor>,
}

#[derive(Debug, Clone)]
struct Interceptor {
    arn: String,
    /// It is told the headers, the caller's token included.
    headers: bool,
    /// It is not told the body of the answer.
    without_body: bool,
}

/// An answer to a client.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

/// What becomes of a request.
pub(super) enum Turn {
    /// It goes on, as it is or changed.
    On(Value),
    /// It is answered.
    Answered(Reply),
}

impl Interceptors {
    /// The interceptors of a gateway's document.
    pub(super) fn of(document: &Document) -> Self {
        let mut found = Self::default();
        let list = document.get("interceptorConfigurations").and_then(Value::as_array);
        for one in list.into_iter().flatten().filter_map(Value::as_object) {
            let input = one.get("inputConfiguration");
            let excluded = input.and_then(|input| input.pointer("/payloadFilter/exclude/0/field"));
            let arn = one.get("interceptor").and_then(|interceptor| interceptor.pointer("/lambda/arn"));
            let interceptor = Interceptor {
                arn: arn.and_then(Value::as_str).unwrap_or_default().to_owned(),
                headers: input.and_then(|input| input.get("passRequestHeaders")) == Some(&Value::Bool(true)),
                without_body: excluded.is_some_and(|field| field == "RESPONSE_BODY"),
            };
            for point in texts(one, "interceptionPoints") {
                match point {
                    "REQUEST" => found.request = Some(interceptor.clone()),
                    _ => found.response = Some(interceptor.clone()),
                }
            }
        }
        found
    }

    /// Lets a request pass the interceptor.
    ///
    /// Fails, in words, if nothing answers in the interceptor's place, or fails itself: then nothing passes.
    pub(super) async fn request(
        &self,
        answers: &Answers,
        request: &Request<bytes::Bytes>,
        message: &Value,
    ) -> Result<Turn, String> {
        let Some(interceptor) = &self.request else { return Ok(Turn::On(message.clone())) };
        let output = interceptor.ask(answers, request, message, None).await?;
        if let Some(reply) = output.pointer("/mcp/transformedGatewayResponse") {
            return Ok(Turn::Answered(reply_of(reply, None)));
        }
        let changed = output.pointer("/mcp/transformedGatewayRequest/body").filter(|body| body.is_object());
        Ok(Turn::On(changed.unwrap_or(message).clone()))
    }

    /// Lets an answer pass the interceptor.
    pub(super) async fn response(
        &self,
        answers: &Answers,
        request: &Request<bytes::Bytes>,
        message: &Value,
        reply: Reply,
    ) -> Result<Reply, String> {
        let Some(interceptor) = &self.response else { return Ok(reply) };
        let output = interceptor.ask(answers, request, message, Some(&reply)).await?;
        Ok(match output.pointer("/mcp/transformedGatewayResponse") {
            Some(changed) => reply_of(changed, Some(reply)),
            None => reply,
        })
    }
}

impl Interceptor {
    async fn ask(
        &self,
        answers: &Answers,
        request: &Request<bytes::Bytes>,
        message: &Value,
        reply: Option<&Reply>,
    ) -> Result<Value, String> {
        let Some(answer) = answers.find(&self.arn, None) else {
            return Err(format!("nothing was told to answer for the interceptor {}", self.arn));
        };
        let headers = if self.headers { told(request.headers()) } else { json!({}) };
        let mut mcp = json!({
            "rawGatewayRequest": {"body": String::from_utf8_lossy(request.body())},
            "gatewayRequest": {"path": "/mcp", "httpMethod": "POST", "body": message},
        });
        if let Some(request) =
            mcp.pointer_mut("/gatewayRequest").and_then(Value::as_object_mut).filter(|_| self.headers)
        {
            request.insert("headers".into(), headers);
        }
        if let (Some(reply), Some(mcp)) = (reply, mcp.as_object_mut()) {
            let body = if self.without_body { &Value::Null } else { &reply.body };
            let headers: Document = reply.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            let response =
                json!({"statusCode": reply.status, "headers": headers, "body": body, "isStreamingResponse": false});
            mcp.insert("gatewayResponse".into(), response);
        }
        let event =
            Event { body: json!({"interceptorInputVersion": "1.0", "mcp": mcp}), context: json!({"custom": {}}) };
        let output =
            invoke(answer, event).await.map_err(|problem| format!("the interceptor {}: {problem}", self.arn))?;
        if output.get("interceptorOutputVersion").and_then(Value::as_str) == Some("1.0") {
            return Ok(output);
        }
        Err(format!("the interceptor {} answered no `interceptorOutputVersion` \"1.0\"", self.arn))
    }
}

fn told(headers: &HeaderMap) -> Value {
    headers.iter().filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?)))).collect()
}

/// What an interceptor made of an answer; what it leaves out stays.
fn reply_of(changed: &Value, before: Option<Reply>) -> Reply {
    let before = before.unwrap_or(Reply { status: 200, headers: Vec::new(), body: Value::Null });
    let status = changed.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let headers = changed.get("headers").and_then(Value::as_object).map(|headers| {
        headers.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    });
    Reply {
        status: status.filter(|status| (200..600).contains(status)).unwrap_or(before.status),
        headers: headers.unwrap_or(before.headers),
        body: changed.get("body").cloned().unwrap_or(before.body),
    }
}
