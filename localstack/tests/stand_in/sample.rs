//! Inputs made from the model, and answers held against it.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the model's bounds are small whole numbers"
)]

use std::collections::BTreeMap;

use ::http::Request;
use bytes::Bytes;
use model::{Api, Body, Location, Shape};
use serde_json::{Map, Value, json};

use super::*;

/// Texts that members are tried with, first match first. What no text here matches makes the test fail and say so.
const TEXTS: &[&str] = &[
    "Name1",
    "name-1",
    "arn:aws:iam::111122223333:role/service",
    "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012",
    "arn:aws:lambda:us-east-1:111122223333:function:judge",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:name-AbCdEf",
    "arn:aws:elasticfilesystem:us-east-1:111122223333:access-point/fsap-0123456789abcdef0",
    "arn:aws:s3files:us-east-1:111122223333:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef0",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:memory/name-0123456789",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/oauth2credentialprovider/name",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/name",
    "arn:aws:acps:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/name",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/name-0123456789",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:browser-profile/name-0123456789",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:configuration-bundle/name-0123456789",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:capacity-provider/name-0123456789",
    "arn:aws:ec2:us-east-1:111122223333:image/ami-0123456789abcdef0",
    "arn:aws:vpc-lattice:us-east-1:111122223333:resourceconfiguration/rcfg-0123456789abcdef0",
    "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/agent:latest",
    "https://example.com/.well-known/openid-configuration",
    "https://example.com/mcp",
    "s3://bucket-name/key",
    "12345678-1234-1234-1234-123456789012",
    "subnet-0123456789abcdef0",
    "sg-0123456789abcdef0",
    "vpc-0123456789abcdef0",
    "us-east-1a",
    "/mnt/data",
    "/actors/{actorId}/",
    "m5.large",
    "ami-0123456789abcdef0",
    "toolName",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "name-0123456789",
    "abcdefghij",
    "abcdefghijkl",
    "111122223333",
    "cr-0123456789abcdef0",
    "arn:aws:resource-groups:us-east-1:111122223333:group/name",
    "1.0.0",
    "snap-0123456789abcdef0",
    "arn:aws:elasticfilesystem:us-east-1:111122223333:file-system/fs-0123456789abcdef0",
    "arn:aws:s3files:us-east-1:111122223333:file-system/fs-0123456789abcdef0",
    "4XX",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:policy-engine/name-0123456789",
    "arn:aws:bedrock-agentcore:us-east-1:aws:browser/aws.browser.v1",
    "arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/aws.codeinterpreter.v1",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/name-0123456789",
    "arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/paymentcredentialprovider/name",
    "arn:aws:events:us-east-1:111122223333:event-bus/name",
    "arn:aws:sns:us-east-1:111122223333:name",
    "arn:aws:iam::111122223333:instance-profile/name",
    "arn:aws:license-manager:us-east-1:111122223333:license-configuration:name",
    "/path/*",
    "client_secret_post",
    "ephemeral0",
    "1",
    "*",
    "",
];

/// Whether optional members are there as well.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    Required,
    Everything,
}

/// A value of a shape.
pub(crate) fn value(shape: &str, extent: Extent, depth: usize) -> Value {
    let api = Api::agentcore();
    let shape = api.shape(shape).unwrap();
    match &shape.body {
        Body::Structure { members, union } => {
            // One arm of a union; optional members not for ever, since shapes contain themselves.
            let arm =
                members.iter().find(|member| !union || shape_ends(&member.shape, depth)).map(|member| &member.wire);
            let chosen = members.iter().filter(|member| match union {
                true => Some(&member.wire) == arm,
                false => member.required || (extent == Extent::Everything && depth < 6 && !member.idempotency_token),
            });
            let chosen = chosen.map(|member| (member.wire.clone(), value(&member.shape, extent, depth + 1)));
            Value::Object(chosen.collect())
        }
        Body::Document => json!({"turns": [{"input": "hello"}]}),
        Body::List { element, range } => {
            let least = range.min.unwrap_or_default().max(if extent == Extent::Everything { 1.0 } else { 0.0 });
            (0..least as usize).map(|_| value(element, extent, depth + 1)).collect()
        }
        Body::Map { key, value: element, range } => {
            let wanted = extent == Extent::Everything || range.min.unwrap_or_default() > 0.0;
            let name = value(key, extent, depth + 1);
            let entry = wanted.then(|| (name.as_str().unwrap().to_owned(), value(element, extent, depth + 1)));
            Value::Object(entry.into_iter().collect())
        }
        Body::String { values, .. } if !values.is_empty() => json!(values[0]),
        Body::String { .. } => text_of(shape),
        Body::Integer { range } => json!(range.min.filter(|min| *min > 0.0).unwrap_or(1.0) as i64),
        Body::Float { range } => json!(range.min.filter(|min| *min > 0.0).unwrap_or(1.0)),
        Body::Boolean => json!(true),
        Body::Timestamp { .. } => json!("2026-01-01T00:00:00Z"),
        Body::Blob => json!("aGk="),
    }
}

fn shape_ends(shape: &str, depth: usize) -> bool {
    depth < 8 || !matches!(Api::agentcore().shape(shape).unwrap().body, Body::Structure { .. })
}

fn text_of(shape: &Shape) -> Value {
    let fits = |text: &&&str| Api::agentcore().validate(&shape.name, &json!(text), &|_| false).is_empty();
    match TEXTS.iter().find(fits) {
        Some(text) => json!(text),
        None => panic!("no text for {shape:?}"),
    }
}

/// What the model says of the input of an operation, and nothing else: no page size, no token.
pub(crate) fn input(operation: &str, extent: Extent) -> Map<String, Value> {
    let members = Api::agentcore().input(operation).map(Shape::members).unwrap_or_default();
    let wanted = members.iter().filter(|member| {
        member.required
            || (extent == Extent::Everything && member.location == Location::Body && !member.idempotency_token)
    });
    wanted.map(|member| (member.wire.clone(), value(&member.shape, extent, 1))).collect()
}

/// The request that an SDK makes of an input.
pub(crate) fn request(operation: &str, input: &Map<String, Value>) -> Request<Bytes> {
    let api = Api::agentcore();
    let route = api.operation(operation).unwrap();
    let (mut uri, mut query, mut body) = (route.uri.clone(), Vec::new(), Map::new());
    for (name, value) in input {
        let member = api.input(operation).unwrap().member(name).unwrap();
        let text = |value: &Value| encode(&value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
        match (member.location, value) {
            (Location::Uri, value) => uri = uri.replace(&format!("{{{name}}}"), &text(value)),
            (Location::Query, Value::Array(list)) => {
                query.extend(list.iter().map(|value| format!("{name}={}", text(value))));
            }
            (Location::Query, value) => query.push(format!("{name}={}", text(value))),
            (Location::Body, value) => drop(body.insert(name.clone(), value.clone())),
        }
    }
    let uri = if query.is_empty() { uri } else { format!("{uri}?{}", query.join("&")) };
    let body = if body.is_empty() { Bytes::new() } else { Value::Object(body).to_string().into() };
    Request::builder().method(route.method.as_str()).uri(uri).body(body).unwrap()
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Shapes whose pattern or length forbids what the service itself shows, each with the reason.
const WRONG_IN_THE_MODEL: &[&str] = &[
    // It leaves the partition `aws` out.
    "PaymentManagerArn",
    // They say `acps` where the tagging API and the documents say `bedrock-agentcore`.
    "PaymentCredentialProviderArnType",
    "ApiKeyCredentialProviderArnType",
    "CredentialProviderArnType",
];

/// Everything that is wrong with an answer.
pub(crate) fn problems(operation: &str, answer: &Value) -> Vec<String> {
    let api = Api::agentcore();
    let Some(shape) = api.operation(operation).and_then(|operation| operation.output.as_deref()) else {
        return Vec::new();
    };
    let violations = api.validate(shape, answer, &|_| false);
    let wrong = violations.iter().filter(|violation| match &violation.problem {
        model::Problem::Pattern { shape, .. } => !WRONG_IN_THE_MODEL.contains(&shape.as_str()),
        // Listings of runtimes demand a description of at least one letter, of runtimes that need not have one.
        model::Problem::OutOfRange { found: 0.0, .. } => !operation.starts_with("ListAgentRuntime"),
        _ => true,
    });
    let mut problems: Vec<String> =
        wrong.map(|violation| format!("{}: {}", model::display_path(&violation.path), violation.problem)).collect();
    moments(shape, answer, "", &mut problems);
    problems
}

/// Moments are texts where the model says ISO 8601, and seconds where it does not.
fn moments(shape: &str, value: &Value, path: &str, problems: &mut Vec<String>) {
    match (&Api::agentcore().shape(shape).unwrap().body, value) {
        (Body::Structure { members, .. }, Value::Object(object)) => {
            for member in members {
                if let Some(value) = object.get(&member.wire) {
                    moments(&member.shape, value, &format!("{path}.{}", member.wire), problems);
                }
            }
        }
        (Body::List { element, .. }, Value::Array(list)) => {
            for value in list {
                moments(element, value, &format!("{path}[]"), problems);
            }
        }
        (Body::Map { value: element, .. }, Value::Object(object)) => {
            for value in object.values() {
                moments(element, value, &format!("{path}{{}}"), problems);
            }
        }
        (Body::Timestamp { format }, value) => {
            let iso = format.as_deref() == Some("iso8601");
            if iso != value.is_string() || value.as_f64().is_some_and(|seconds| seconds > 1e11) {
                problems.push(format!("{path}: {value} is no moment of the format {format:?}"));
            }
        }
        _ => {}
    }
}

/// A stand-in that is driven through operations, each with what the answers before it taught.
pub(crate) struct Drive {
    pub(crate) local: Localstack,
    /// Members by name, as the latest answer showed them.
    pub(crate) known: BTreeMap<String, Value>,
    /// What was wrong with answers so far.
    pub(crate) problems: Vec<String>,
}

impl Drive {
    pub(crate) fn new(local: Localstack) -> Self {
        let known = BTreeMap::from([
            ("agentInsightStoreId".to_owned(), json!("default")),
            ("tokenVaultId".to_owned(), json!("default")),
        ]);
        Self { local, known, problems: Vec::new() }
    }

    /// The input of an operation: the model's, what is known, and what no model says.
    pub(crate) fn input(&self, operation: &str, extent: Extent) -> Map<String, Value> {
        let mut input = input(operation, extent);
        for (name, value) in &mut input {
            let member = Api::agentcore().input(operation).unwrap().member(name).unwrap();
            if let Some(known) = self
                .known
                .get(name)
                .filter(|_| member.location == Location::Uri || name.ends_with("Id") || name.ends_with("Identifier"))
            {
                *value = known.clone();
            }
        }
        if let Value::Object(special) = self.special(operation) {
            for (name, value) in special {
                match value {
                    Value::Null => input.remove(&name),
                    value => input.insert(name, value),
                };
            }
        }
        input
    }

    fn known(&self, member: &str) -> Value {
        self.known.get(member).cloned().unwrap_or_else(|| panic!("{member} is not known: {:#?}", self.known))
    }

    fn special(&self, operation: &str) -> Value {
        let gateway = || self.known("gatewayArn");
        let noun = operation.trim_start_matches("Create").trim_start_matches("Update");
        let limit = json!([{"dimensions": {"toolName": "*"}, "requests": [{"rate": 1.0, "period": "second"}]}]);
        let mut special = match (operation, noun) {
            (_, "Gateway") => json!({
                "authorizerType": "AWS_IAM", "authorizerConfiguration": null, "protocolType": "MCP",
                "interceptorConfigurations": null,
                "policyEngineConfiguration": {"arn": self.known("policyEngineArn"), "mode": "LOG_ONLY"},
            }),
            (_, "GatewayTarget") => json!({
                "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://example.com/mcp"}}},
                "name": "Name1",
                "metadataConfiguration": null,
                "credentialProviderConfigurations": [{
                    "credentialProviderType": "GATEWAY_IAM_ROLE",
                    "credentialProvider": {"iamCredentialProvider": {"service": "lambda"}},
                }],
            }),
            ("CreateGatewayRule", _) => {
                json!({"priority": 1, "actions": [{"routeToTarget": {"staticRoute": {"targetName": "Name1"}}}]})
            }
            ("UpdateGatewayRule", _) => json!({"actions": null, "priority": 7}),
            ("CreateGatewayRateLimit", _) => json!({"dimensionKeys": ["toolName"], "entries": limit}),
            ("UpdateGatewayRateLimit", _) => json!({"entries": limit}),
            ("BatchPutGatewayRateLimits", _) => {
                json!({"rateLimits": [{"dimensionKeys": ["toolName"], "entries": limit}]})
            }
            ("CreatePolicy", _) => json!({
                "definition": {"cedar": {"statement": format!(
                    "permit(principal, action, resource == AgentCore::Gateway::{});", gateway()
                )}},
                "validationMode": "IGNORE_ALL_FINDINGS",
            }),
            (_, "AgentRuntime") => json!({"networkConfiguration": {"networkMode": "PUBLIC"}}),
            ("CreateMemory", _) => json!({"memoryStrategies": [{"semanticMemoryStrategy": {"name": "facts"}}]}),
            ("UpdatePolicy", _) => json!({"definition": null}),
            (_, "ApiKeyCredentialProvider") => {
                json!({"apiKey": "k", "apiKeySecretConfig": null, "apiKeySecretSource": null})
            }
            (_, "Oauth2CredentialProvider") => json!({
                "credentialProviderVendor": "GithubOauth2",
                "oauth2ProviderConfigInput": {"githubOauth2ProviderConfig": {"clientId": "c", "clientSecret": "s"}},
            }),
            (_, "PaymentCredentialProvider") => json!({
                "credentialProviderVendor": "CoinbaseCDP",
                "providerConfigurationInput": {"coinbaseCdpConfiguration": {
                    "apiKeyId": "key", "apiKeySecret": "first-secret", "walletSecret": "second-secret",
                }},
            }),
            (_, "PaymentManager" | "Registry") => json!({"authorizerType": "AWS_IAM", "authorizerConfiguration": null}),
            (_, "PaymentConnector") => json!({
                "type": "CoinbaseCDP",
                "credentialProviderConfigurations": [
                    {"coinbaseCDP": {"credentialProviderArn": self.known("PaymentCredentialProvider")}},
                ],
            }),
            (_, "ConsentPortal") => {
                json!({"sources": [{"identifier": self.known("gatewayId"), "type": "agentcore-gateway"}]})
            }
            (_, "OnlineEvaluationConfig") => json!({"evaluators": [{"evaluatorId": "Builtin.Helpfulness"}]}),
            (_, "HarnessEndpoint") => json!({"targetVersion": "1"}),
            ("StartPolicyGeneration", _) => {
                json!({"resource": {"arn": gateway()}, "content": {"rawText": "Everybody may read. Nobody may write."}})
            }
            ("SetTokenVaultCMK", _) => json!({"kmsConfiguration": {"keyType": "ServiceManagedKey"}}),
            ("UpdateAgentInsightStore", _) => json!({"enablementStatus": "ENABLED"}),
            ("PutResourcePolicy", _) => {
                let policy = json!({"Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Principal": "*", "Action": "bedrock-agentcore:InvokeGateway", "Resource": gateway(),
                }]});
                json!({"resourceArn": gateway(), "policy": policy.to_string()})
            }
            ("GetResourcePolicy" | "DeleteResourcePolicy" | "ListTagsForResource", _) => {
                json!({"resourceArn": gateway()})
            }
            ("TagResource", _) => json!({"resourceArn": gateway(), "tags": {"team": "a"}}),
            ("UntagResource", _) => json!({"resourceArn": gateway(), "tagKeys": ["team"]}),
            ("AddDatasetExamples", _) => {
                json!({"source": {"inlineExamples": {"examples": [{"turns": []}, {"input": "x"}]}}})
            }
            ("UpdateDatasetExamples", _) => {
                json!({"examples": [{"exampleId": self.known("exampleIds")[0], "turns": [1]}]})
            }
            ("DeleteDatasetExamples", _) => json!({"exampleIds": [self.known("exampleIds")[0]]}),
            ("UpdateConfigurationBundle", _) => {
                json!({"parentVersionIds": [self.known("versionId")], "branchName": null})
            }
            ("SynchronizeGatewayTargets", _) => json!({"targetIdList": [self.known("targetId")]}),
            ("UpdateRegistryRecordStatus", _) => json!({"status": "APPROVED"}),
            _ => json!({}),
        };
        if let Some(special) = special.as_object_mut() {
            let input = Api::agentcore().input(operation).unwrap();
            special.retain(|member, _| input.member(member).is_some());
        }
        special
    }

    /// Sends an operation as an SDK does; its status and its answer must be the model's. Then everything settles.
    pub(crate) async fn call(&mut self, operation: &str, input: &Map<String, Value>) -> Value {
        let (status, answer) = self.send(operation, input).await;
        if status == Api::agentcore().operation(operation).unwrap().status {
            self.problems
                .extend(problems(operation, &answer).into_iter().map(|problem| format!("{operation}: {problem}")));
            self.learn(operation, &answer);
        } else {
            self.problems.push(format!("{operation}: {status} {answer} for {}", Value::Object(input.clone())));
        }
        settle().await;
        answer
    }

    /// Sends an operation. A refusal must be one that the model lets it have.
    pub(crate) async fn send(&self, operation: &str, input: &Map<String, Value>) -> (u16, Value) {
        let (status, code, body) = self.exchange(operation, input).await;
        let errors = &Api::agentcore().operation(operation).unwrap().errors;
        assert!(code.is_none_or(|code| errors.contains(&code)), "{operation} cannot raise this: {body}");
        (status, body)
    }

    /// Sends an operation. Its status, the code of its error, and its body.
    pub(crate) async fn exchange(&self, operation: &str, input: &Map<String, Value>) -> (u16, Option<String>, Value) {
        let response = self.local.handle(request(operation, input)).await.unwrap();
        let status = response.status().as_u16();
        assert!(status != 204 || response.body().is_empty(), "{operation}");
        let body =
            if response.body().is_empty() { json!({}) } else { serde_json::from_slice(response.body()).unwrap() };
        let code = response.headers().get("x-amzn-errortype").map(|code| code.to_str().unwrap().to_owned());
        (status, code, body)
    }

    /// Keeps identifiers: those of the answer itself, and those of what it wraps.
    fn learn(&mut self, operation: &str, answer: &Value) {
        let noun = operation.trim_start_matches("Create");
        for (name, value) in answer.as_object().unwrap() {
            if let Value::Object(inner) = value {
                for (name, value) in inner.iter().filter(|(name, _)| name.ends_with("Id")) {
                    self.known.insert(name.clone(), value.clone());
                }
                if let Some(id) = inner.get("id").filter(|_| noun == "Memory") {
                    self.known.insert("memoryId".into(), id.clone());
                }
            }
            if ["Id", "Ids", "Arn"].iter().any(|end| name.ends_with(end)) {
                self.known.insert(name.clone(), value.clone());
            }
        }
        for (from, to) in [
            ("gatewayId", "gatewayIdentifier"),
            ("consentPortalId", "consentPortalIdentifier"),
            ("policyGenerationId", "policyGenerationId"),
        ] {
            if let Some(id) = self.known.get(from).cloned() {
                self.known.insert(to.into(), id);
            }
        }
        if let Some(arn) = answer.get("credentialProviderArn").filter(|_| operation.starts_with("Create")) {
            self.known.insert(noun.to_owned(), arn.clone());
        }
        for (member, operation_of) in [("registryArn", "CreateRegistry"), ("recordArn", "CreateRegistryRecord")] {
            if let Some(arn) = answer.get(member).and_then(Value::as_str).filter(|_| operation == operation_of) {
                let id = arn.rsplit('/').next().unwrap();
                let label = if member == "recordArn" { "recordId" } else { "registryId" };
                self.known.insert(label.to_owned(), json!(id));
            }
        }
    }
}
