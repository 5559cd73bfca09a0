//! The wire: HTTP requests to operations with one input document, and answers back. Routes, bindings and statuses come from the model.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use model::{Api, Body, Location, Operation};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::cognito::user_pool_endpoint;
use crate::document::Document;
use crate::failure::Failure;

/// Which service a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    AgentCore,
    Cognito,
    /// The endpoints of a user pool that speak OAuth and not AWS.
    UserPool,
    Sts,
}

impl Service {
    /// The service's API model. The endpoints of a user pool are in none, and STS has one operation and needs none.
    pub(crate) fn api(self) -> &'static Api {
        match self {
            Service::AgentCore | Service::Sts => Api::agentcore(),
            Service::Cognito | Service::UserPool => Api::cognito(),
        }
    }
}

/// One call: an operation with its input, wherever in the request it travelled.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) input: Document,
}

/// A request that is no call.
pub(crate) struct Unreadable {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) failure: Failure,
}

/// What the operations of Cognito begin with where a request names them.
const COGNITO_TARGET: &str = "AWSCognitoIdentityProviderService.";

/// Whose protocol a request speaks.
pub(crate) fn service(method: &Method, uri: &Uri, headers: &HeaderMap) -> Service {
    if headers.contains_key("x-amz-target") {
        Service::Cognito
    } else if user_pool_endpoint::is(uri.path()) {
        Service::UserPool
    } else if method == Method::POST
        && uri.path() == "/"
        && header(headers, "content-type").starts_with("application/x-www-form-urlencoded")
    {
        Service::Sts
    } else {
        Service::AgentCore
    }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads a request.
pub(crate) fn read(request: &Request<Bytes>) -> Result<Call, Box<Unreadable>> {
    match service(request.method(), request.uri(), request.headers()) {
        Service::Cognito => read_cognito(header(request.headers(), "x-amz-target"), request.body()),
        Service::UserPool => user_pool_endpoint::read(request),
        Service::Sts => Ok(read_sts(request.body())),
        Service::AgentCore => read_rest(request),
    }
}

fn read_cognito(target: &str, body: &[u8]) -> Result<Call, Box<Unreadable>> {
    let service = Service::Cognito;
    let operation = target.strip_prefix(COGNITO_TARGET).unwrap_or(target);
    let unreadable = |failure| Box::new(Unreadable { service, operation: operation.to_owned(), failure });
    if operation == target || Api::cognito().operation(operation).is_none() {
        return Err(unreadable(unknown_operation(service, operation)));
    }
    let input = read_body(body).map_err(|problem| unreadable(Failure::cognito("SerializationException", problem)))?;
    Ok(Call { service, operation: operation.to_owned(), input })
}

fn read_sts(body: &[u8]) -> Call {
    let form = String::from_utf8_lossy(body);
    let parameters = form.split('&').filter_map(|pair| pair.split_once('='));
    let operation = parameters.filter(|(name, _)| *name == "Action").map(|(_, value)| decode(value)).next();
    Call { service: Service::Sts, operation: operation.unwrap_or_default(), input: Document::new() }
}

fn read_rest(request: &Request<Bytes>) -> Result<Call, Box<Unreadable>> {
    let service = Service::AgentCore;
    let Some((operation, labels)) = route(request.method(), request.uri().path()) else {
        let route = format!("{} {}", request.method(), request.uri().path());
        let failure = unknown_operation(service, &route);
        return Err(Box::new(Unreadable { service, operation: route, failure }));
    };
    let mut input = read_body(request.body()).map_err(|problem| {
        let failure = Failure::validation("CannotParse", problem);
        Box::new(Unreadable { service, operation: operation.name.clone(), failure })
    })?;
    read_query(operation, request.uri().query().unwrap_or_default(), &mut input);
    input.extend(labels.into_iter().map(|(name, value)| (name, Value::from(value))));
    Ok(Call { service, operation: operation.name.clone(), input })
}

/// The operation of a method and a path. Paths are compared by segment, since SDKs differ in the trailing slash, and are split
/// before they are decoded, since a label may hold an encoded slash.
fn route(method: &Method, path: &str) -> Option<(&'static Operation, Vec<(String, String)>)> {
    let operations = Api::agentcore().operations.values();
    let matches = operations.filter_map(|operation| {
        let same_method = operation.method == method.as_str();
        same_method.then(|| labels(&operation.uri, path)).flatten().map(|labels| (operation, labels))
    });
    matches.min_by_key(|(_, labels)| labels.len())
}

fn labels(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let template = template.split('?').next().unwrap_or_default();
    let mut steps = within_slashes(path).split('/');
    let mut labels = Vec::new();
    for wanted in within_slashes(template).split('/') {
        let step = steps.next()?;
        match wanted.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            Some(label) => labels.push((label.trim_end_matches('+').to_owned(), decode(step))),
            None if wanted == step => {}
            None => return None,
        }
    }
    steps.next().is_none().then_some(labels)
}

/// A path without its outermost slashes. Those inside stay: between two of them is a label that is empty.
fn within_slashes(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path)
}

/// Query parameters by the type of their members; a repeated one is a list.
fn read_query(operation: &Operation, query: &str, input: &mut Document) {
    let api = Api::agentcore();
    let shape = operation.input.as_deref().and_then(|shape| api.shape(shape));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let member = shape.and_then(|shape| shape.member(&name)).filter(|member| member.location == Location::Query);
        let body = member.and_then(|member| api.shape(&member.shape)).map(|shape| &shape.body);
        match body {
            Some(Body::List { .. }) => {
                if let Value::Array(list) = input.entry(name).or_insert_with(|| json!([])) {
                    list.push(Value::from(value));
                }
            }
            Some(Body::Integer { .. } | Body::Boolean) => {
                let parsed = serde_json::from_str(&value).unwrap_or_else(|_| Value::from(value));
                input.insert(name, parsed);
            }
            _ => {
                input.insert(name, Value::from(value));
            }
        }
    }
}

fn read_body(body: &[u8]) -> Result<Document, String> {
    if body.is_empty() {
        return Ok(Document::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("The request body is not a JSON object".to_owned()),
        Err(error) => Err(format!("The request body is not JSON: line {}, column {}", error.line(), error.column())),
    }
}

pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What a call answers that no operation takes, or none that is built.
pub(crate) fn unknown_operation(service: Service, operation: &str) -> Failure {
    let (status, name) = match service {
        Service::AgentCore => (404, "the AgentCore control plane"),
        Service::Cognito => (400, "Cognito user pools"),
        Service::UserPool => (404, "the endpoints of a user pool"),
        Service::Sts => (400, "STS"),
    };
    let known = service != Service::Sts && service.api().operation(operation).is_some();
    let message = if known {
        format!("{operation} is an operation of {name}, but the local stand-in does not implement it")
    } else {
        format!("{name} has no operation {operation}")
    };
    Failure::with_status(status, "UnknownOperationException", message)
}

/// A successful answer.
pub(crate) fn answer(service: Service, operation: &str, value: &Value, request_id: &str) -> Response<Bytes> {
    if service == Service::Sts {
        return respond(200, "text/xml", sts_answer(value, request_id).into_bytes(), request_id);
    }
    if service == Service::UserPool {
        return user_pool_endpoint::answer(operation, value, request_id);
    }
    let operation = service.api().operation(operation);
    let status = operation.map_or(200, |operation| operation.status);
    let empty = status == 204 || operation.is_some_and(|operation| operation.output.is_none());
    let body = if empty { Vec::new() } else { value.to_string().into_bytes() };
    respond(status, content_type(service), body, request_id)
}

/// A refusal, the way the service's protocol says it.
pub(crate) fn refusal(service: Service, failure: &Failure, request_id: &str) -> Response<Bytes> {
    let mut body = Document::new();
    match service {
        Service::Sts => {
            let (code, message) = (escape(&failure.code), escape(&failure.message));
            let xml = format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            );
            return respond(failure.status, "text/xml", xml.into_bytes(), request_id);
        }
        Service::Cognito => {
            body.insert("__type".into(), json!(failure.code));
        }
        Service::UserPool => return user_pool_endpoint::refusal(failure, request_id),
        Service::AgentCore => {}
    }
    body.insert("message".into(), json!(failure.message));
    if let Some(reason) = &failure.reason {
        body.insert("reason".into(), json!(reason));
    }
    if !failure.fields.is_empty() {
        let fields = failure.fields.iter().map(|(name, message)| json!({"name": name, "message": message}));
        body.insert("fieldList".into(), fields.collect());
    }
    let body = Value::Object(body).to_string().into_bytes();
    let mut response = respond(failure.status, content_type(service), body, request_id);
    if let Ok(code) = failure.code.parse() {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

/// An answer that is not what any SDK expects.
pub(crate) fn not_json(request_id: &str) -> Response<Bytes> {
    respond(200, "text/html", b"<html><body>It works!</body></html>".to_vec(), request_id)
}

fn content_type(service: Service) -> &'static str {
    if service == Service::Cognito { "application/x-amz-json-1.1" } else { "application/json" }
}

/// An answer with a body, or without one.
pub(crate) fn respond(status: u16, content_type: &'static str, body: Vec<u8>, request_id: &str) -> Response<Bytes> {
    let length = body.len();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if length > 0 {
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    }
    headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(length));
    if let Ok(id) = request_id.parse() {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn sts_answer(value: &Value, request_id: &str) -> String {
    let member = |name: &str| escape(value.get(name).and_then(Value::as_str).unwrap_or_default());
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        member("Arn"),
        member("UserId"),
        member("Account"),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_path(method: &str, uri: &str, body: &str) -> Call {
        let request = Request::builder().method(method).uri(uri).body(Bytes::from(body.to_owned())).unwrap();
        read(&request).ok().unwrap()
    }

    #[test]
    fn a_trailing_slash_and_an_encoded_slash_make_no_difference() {
        for uri in ["/gateways", "/gateways/"] {
            assert_eq!(read_path("POST", uri, "{}").operation, "CreateGateway");
        }
        let call = read_path("GET", "/tags/arn%3Aaws%3Abedrock-agentcore%3Ax%3A1%3Agateway%2Fg-1", "");
        assert_eq!(call.operation, "ListTagsForResource");
        assert_eq!(call.input["resourceArn"], "arn:aws:bedrock-agentcore:x:1:gateway/g-1");
    }

    #[test]
    fn an_empty_label_is_no_listing() {
        let call = read_path("GET", "/gateways//", "");
        assert_eq!((call.operation.as_str(), &call.input["gatewayIdentifier"]), ("GetGateway", &json!("")));
    }

    #[test]
    fn query_parameters_have_their_members_types() {
        let call = read_path("POST", "/runtimes?maxResults=5", "");
        assert_eq!((call.operation.as_str(), &call.input["maxResults"]), ("ListAgentRuntimes", &json!(5)));
        let call = read_path("DELETE", "/tags/arn%3Ax?tagKeys=a%20b&tagKeys=c", "");
        assert_eq!(call.input["tagKeys"], json!(["a b", "c"]));
    }

    #[test]
    fn the_target_of_another_service_is_no_operation_of_cognito() {
        for target in ["DynamoDB_20120810.CreateUserPool", "CreateUserPool", ""] {
            let request = Request::builder().method("POST").header("x-amz-target", target).body(Bytes::new()).unwrap();
            let unreadable = read(&request).err().unwrap();
            assert_eq!((unreadable.service, unreadable.failure.status), (Service::Cognito, 400), "{target}");
        }
    }

    #[test]
    fn what_nobody_knows_is_a_modelled_refusal() {
        let request = Request::builder().uri("/nothing/here").body(Bytes::new()).unwrap();
        let unreadable = read(&request).err().unwrap();
        assert_eq!(unreadable.failure.code, "UnknownOperationException");
        let response = refusal(Service::AgentCore, &unreadable.failure, "id");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}
