//! The API model as data: operations, shapes, paginators and waiters of one service.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// One service's API model.
#[derive(Debug)]
pub struct Api {
    /// Where the data comes from, for example `botocore 1.44.5 cognito-idp 2016-04-18`.
    pub source: String,
    /// The service's API version (`2023-06-05`).
    pub version: String,
    /// The name a request is signed for.
    pub signing_name: String,
    /// The prefix of `X-Amz-Target`, for the JSON protocol; absent for REST.
    pub target_prefix: Option<String>,
    /// Every operation by name.
    pub operations: BTreeMap<String, Operation>,
    /// Every shape by name.
    pub shapes: BTreeMap<String, Shape>,
    /// How each listing operation pages, by operation name.
    pub paginators: BTreeMap<String, Paginator>,
    /// Waiters by name.
    pub waiters: BTreeMap<String, Waiter>,
}

/// One operation of the API.
#[derive(Debug)]
pub struct Operation {
    /// Its name, for example `CreateGateway`.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// The request URI with labels, for example `/gateways/{gatewayIdentifier}/`.
    pub uri: String,
    /// The HTTP status of success.
    pub status: u16,
    /// The input shape's name.
    pub input: Option<String>,
    /// The output shape's name.
    pub output: Option<String>,
    /// The names of the errors it may raise.
    pub errors: Vec<String>,
}

/// A named shape.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the model.
    pub name: String,
    /// What it holds.
    pub body: Body,
    /// AWS marks it as sensitive. It marks descriptions too, so it does not decide what is a secret.
    pub sensitive: bool,
    /// The HTTP status, for an error shape that names one.
    pub error_status: Option<u16>,
    /// It is an error.
    pub exception: bool,
}

/// Bounds on a length, a size or a value; both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Range {
    /// The least allowed.
    pub min: Option<f64>,
    /// The most allowed.
    pub max: Option<f64>,
}

/// What a shape holds.
#[derive(Debug)]
pub enum Body {
    /// Named members; of a union exactly one is present.
    Structure {
        /// The members in the model's order.
        members: Vec<Member>,
        /// Exactly one member must be present.
        union: bool,
    },
    /// A free document: any JSON.
    Document,
    /// A list of one shape.
    List {
        /// The shape of an element.
        element: String,
        /// How many elements.
        range: Range,
    },
    /// A map from strings.
    Map {
        /// The shape of a key.
        key: String,
        /// The shape of a value.
        value: String,
        /// How many entries.
        range: Range,
    },
    /// Text.
    String {
        /// The regular expression the whole text must match.
        pattern: Option<String>,
        /// Length in characters.
        range: Range,
        /// The allowed values, if it is an enum; otherwise empty.
        values: Vec<String>,
    },
    /// A whole number of 32 or 64 bits.
    Integer {
        /// Its value.
        range: Range,
    },
    /// A floating-point number.
    Float {
        /// Its value.
        range: Range,
    },
    /// True or false.
    Boolean,
    /// A moment. `iso8601` or `unixTimestamp`; the protocol's default (epoch seconds in JSON) when absent.
    Timestamp {
        /// The wire format, if the model states one.
        format: Option<String>,
    },
    /// Bytes, base64 on the wire.
    Blob,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name in the model.
    pub name: String,
    /// Its name on the wire (`locationName`), which documents use.
    pub wire: String,
    /// The name of its shape.
    pub shape: String,
    /// It must be present.
    pub required: bool,
    /// Where in the request it travels.
    pub location: Location,
    /// It is an idempotency token, which a client fills in.
    pub idempotency_token: bool,
}

/// Where in a request a member travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the JSON body.
    Body,
    /// As a label of the URI.
    Uri,
    /// As a query parameter.
    Query,
}

/// How a listing pages.
#[derive(Debug, Deserialize)]
pub struct Paginator {
    /// The input member that carries the token.
    pub input_token: String,
    /// The output member that carries the next token.
    pub output_token: String,
    /// The input member that limits a page.
    #[serde(default)]
    pub limit_key: Option<String>,
    /// The output member that holds the items.
    pub result_key: serde_json::Value,
}

/// A poll contract of the model.
#[derive(Debug, Deserialize)]
pub struct Waiter {
    /// The operation to poll.
    pub operation: String,
    /// Seconds between polls.
    pub delay: u64,
    /// How many polls at most.
    #[serde(rename = "maxAttempts")]
    pub max_attempts: u64,
    /// What each answer means.
    pub acceptors: Vec<WaiterAcceptor>,
}

/// What one answer means to a waiter.
#[derive(Debug, Deserialize)]
pub struct WaiterAcceptor {
    /// `path`, `error` or `status`.
    pub matcher: String,
    /// What is expected there.
    pub expected: serde_json::Value,
    /// The path into the answer, for `path`.
    #[serde(default)]
    pub argument: Option<String>,
    /// `success`, `failure` or `retry`.
    pub state: String,
}

impl Api {
    /// The AgentCore control plane (`bedrock-agentcore-control`, REST with JSON bodies).
    pub fn agentcore() -> &'static Api {
        static API: OnceLock<Api> = OnceLock::new();
        API.get_or_init(|| Api::embedded(include_str!("../data/bedrock-agentcore-control.json")))
    }

    /// Cognito user pools (`cognito-idp`, JSON 1.1).
    pub fn cognito() -> &'static Api {
        static API: OnceLock<Api> = OnceLock::new();
        API.get_or_init(|| Api::embedded(include_str!("../data/cognito-idp.json")))
    }

    #[expect(clippy::expect_used, reason = "the text is compiled in, and a test parses it")]
    fn embedded(text: &str) -> Api {
        let source: source::Source = serde_json::from_str(text).expect("the embedded API model parses");
        source.into_api()
    }

    /// An operation by name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// A shape by name.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// The input shape of an operation.
    pub fn input(&self, operation: &str) -> Option<&Shape> {
        self.shape(self.operation(operation)?.input.as_deref()?)
    }

    /// The output shape of an operation.
    pub fn output(&self, operation: &str) -> Option<&Shape> {
        self.shape(self.operation(operation)?.output.as_deref()?)
    }
}

impl Shape {
    /// The members, if it is a structure; else none.
    pub fn members(&self) -> &[Member] {
        match &self.body {
            Body::Structure { members, .. } => members,
            _ => &[],
        }
    }

    /// A member by its wire name.
    pub fn member(&self, wire: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.wire == wire)
    }

    /// Exactly one of its members must be present.
    pub fn is_union(&self) -> bool {
        matches!(self.body, Body::Structure { union: true, .. })
    }

    /// It is a structure whose only member is `optionalValue`: a patch wrapper, absent = unchanged, empty = cleared.
    pub fn is_patch_wrapper(&self) -> bool {
        matches!(self.members(), [only] if only.name == "optionalValue")
    }
}

/// The file format of `data/`, as botocore has it.
mod source {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::{Api, Body, Location, Member, Operation, Paginator, Range, Shape, Waiter};

    #[derive(Deserialize)]
    pub(super) struct Source {
        #[serde(rename = "source")]
        origin: String,
        metadata: Metadata,
        operations: BTreeMap<String, SourceOperation>,
        shapes: BTreeMap<String, SourceShape>,
        paginators: BTreeMap<String, Paginator>,
        waiters: BTreeMap<String, Waiter>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        api_version: String,
        endpoint_prefix: String,
        signing_name: Option<String>,
        target_prefix: Option<String>,
    }

    #[derive(Deserialize)]
    struct SourceOperation {
        name: String,
        http: Http,
        input: Option<Reference>,
        output: Option<Reference>,
        #[serde(default)]
        errors: Vec<Reference>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Http {
        method: String,
        request_uri: String,
        #[serde(default)]
        response_code: Option<u16>,
    }

    #[derive(Deserialize)]
    struct Reference {
        shape: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(clippy::struct_excessive_bools, reason = "the file format's traits, one by one")]
    struct SourceShape {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        required: Vec<String>,
        #[serde(default)]
        members: Members,
        #[serde(default)]
        union: bool,
        #[serde(default)]
        document: bool,
        member: Option<Reference>,
        key: Option<Reference>,
        value: Option<Reference>,
        min: Option<f64>,
        max: Option<f64>,
        pattern: Option<String>,
        #[serde(default, rename = "enum")]
        values: Vec<String>,
        #[serde(default)]
        sensitive: bool,
        timestamp_format: Option<String>,
        error: Option<ErrorTrait>,
        #[serde(default)]
        exception: bool,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ErrorTrait {
        http_status_code: Option<u16>,
    }

    /// Members in the order of the file, which is the order of the API.
    #[derive(Default)]
    struct Members(Vec<(String, SourceMember)>);

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct SourceMember {
        shape: String,
        location: Option<String>,
        location_name: Option<String>,
        #[serde(default)]
        idempotency_token: bool,
    }

    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members;
                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("a map of members")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    while let Some(entry) = map.next_entry()? {
                        members.push(entry);
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }

    impl Source {
        pub(super) fn into_api(self) -> Api {
            let operations = self.operations.into_iter().map(|(name, operation)| (name, operation.into_operation()));
            let shapes = self.shapes.into_iter().map(|(name, shape)| (name.clone(), shape.into_shape(name)));
            Api {
                source: self.origin,
                version: self.metadata.api_version,
                signing_name: self.metadata.signing_name.unwrap_or(self.metadata.endpoint_prefix),
                target_prefix: self.metadata.target_prefix,
                operations: operations.collect(),
                shapes: shapes.collect(),
                paginators: self.paginators,
                waiters: self.waiters,
            }
        }
    }

    impl SourceOperation {
        fn into_operation(self) -> Operation {
            Operation {
                name: self.name,
                method: self.http.method,
                uri: self.http.request_uri,
                status: self.http.response_code.unwrap_or(200),
                input: self.input.map(|reference| reference.shape),
                output: self.output.map(|reference| reference.shape),
                errors: self.errors.into_iter().map(|reference| reference.shape).collect(),
            }
        }
    }

    impl SourceShape {
        fn into_shape(self, name: String) -> Shape {
            let range = Range { min: self.min, max: self.max };
            let target = |reference: Option<Reference>| reference.map(|reference| reference.shape).unwrap_or_default();
            let body = match self.kind.as_str() {
                "structure" if self.document => Body::Document,
                "structure" => {
                    let required = self.required;
                    let members = self.members.0.into_iter().map(|(name, member)| Member {
                        wire: member.location_name.unwrap_or_else(|| name.clone()),
                        required: required.contains(&name),
                        location: match member.location.as_deref() {
                            Some("uri") => Location::Uri,
                            Some("querystring") => Location::Query,
                            _ => Location::Body,
                        },
                        shape: member.shape,
                        idempotency_token: member.idempotency_token,
                        name,
                    });
                    Body::Structure { members: members.collect(), union: self.union }
                }
                "list" => Body::List { element: target(self.member), range },
                "map" => Body::Map { key: target(self.key), value: target(self.value), range },
                // An `integer` has 32 bits on the wire.
                "integer" => Body::Integer {
                    range: Range {
                        min: range.min.or(Some(f64::from(i32::MIN))),
                        max: range.max.or(Some(f64::from(i32::MAX))),
                    },
                },
                "long" => Body::Integer { range },
                "float" | "double" => Body::Float { range },
                "boolean" => Body::Boolean,
                "timestamp" => Body::Timestamp { format: self.timestamp_format },
                "blob" => Body::Blob,
                _ => Body::String { pattern: self.pattern, range, values: self.values },
            };
            let error_status = self.error.and_then(|error| error.http_status_code);
            Shape { name, body, sensitive: self.sensitive, error_status, exception: self.exception }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_models_parse_and_hold_together() {
        for api in [Api::agentcore(), Api::cognito()] {
            for operation in api.operations.values() {
                for name in operation.input.iter().chain(&operation.output).chain(&operation.errors) {
                    assert!(api.shape(name).is_some(), "{}: {name}", operation.name);
                }
            }
            for shape in api.shapes.values() {
                let targets: Vec<&String> = match &shape.body {
                    Body::Structure { members, .. } => members.iter().map(|member| &member.shape).collect(),
                    Body::List { element, .. } => vec![element],
                    Body::Map { key, value, .. } => vec![key, value],
                    _ => vec![],
                };
                for target in targets {
                    assert!(api.shape(target).is_some(), "{}: {target}", shape.name);
                }
            }
        }
        assert_eq!(Api::agentcore().operations.len(), 175);
        assert_eq!(Api::cognito().operations.len(), 141);
    }

    #[test]
    fn wire_names_waiters_and_paginators_are_read() {
        let domain = Api::agentcore().shape("DomainOverride").unwrap();
        assert_eq!(domain.member("default").unwrap().name, "defaultDomain");
        assert!(Api::agentcore().shape("UpdatedDescription").unwrap().is_patch_wrapper());
        assert_eq!(Api::agentcore().waiters["PolicyActive"].delay, 5);
        assert_eq!(Api::agentcore().paginators["ListGateways"].output_token, "nextToken");
        assert_eq!(Api::agentcore().shape("ServiceQuotaExceededException").unwrap().error_status, Some(402));
        assert_eq!(Api::cognito().target_prefix.as_deref(), Some("AWSCognitoIdentityProviderService"));
    }
}
