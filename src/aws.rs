//! The only door to the SDK: clients, and the exchange of a JSON document for a JSON document.
//!
//! The SDK's fluent operations do endpoints, credentials, signing, retries and error codes. The body is ours, so that members
//! which the SDK's structs do not know survive a read and the update after it (`docs/decisions/documents.md`).

pub mod http;
mod in_process;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use futures_util::future::BoxFuture;
use localstack::Localstack;
use serde_json::Value;

use self::in_process::InProcess;
use crate::moment::Moment;
use crate::profile;
use crate::rate::{self, Rates};

/// An answer document, or why there is none.
pub type Answer = Result<Value, CallError>;

/// One call in flight.
pub type Call<'a> = BoxFuture<'a, Answer>;

/// Clients for one account and region.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The AgentCore control plane.
    pub agentcore: aws_sdk_bedrockagentcorecontrol::Client,
    /// The AgentCore control plane without the SDK's retries: for creates of AgentCore Identity, which have no client token.
    pub agentcore_once: aws_sdk_bedrockagentcorecontrol::Client,
    /// Cognito user pools.
    pub cognito: aws_sdk_cognitoidentityprovider::Client,
    /// Cognito without the SDK's retries: for creates, which have no client token.
    pub cognito_once: aws_sdk_cognitoidentityprovider::Client,
    /// The account that the credentials belong to, twelve digits.
    pub account: String,
    /// The ARN that the credentials belong to.
    pub caller: String,
    /// When the credentials in hand end, if they say so. Some are renewed by then, others are not.
    pub credentials_end: Option<Moment>,
    /// The region.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The endpoint, if it is not AWS's; `local stand-in` in process.
    pub endpoint: Option<String>,
    /// How fast calls go out.
    pub rates: Rates,
}

/// How to reach AWS.
#[derive(Clone, Default)]
pub struct Connection {
    /// The region, if the manifest or the command line names one.
    pub region: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// The stand-in in process, instead of the network.
    pub local: Option<Localstack>,
    /// `--rates aws`: AWS's rates, whatever the endpoint.
    pub aws_rates: bool,
    /// How long one call may take, retries included; a minute if nothing is said.
    pub timeout: Option<Duration>,
}

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint is not a URL.
    #[error(
        "`{0}` is not an endpoint: give a URL such as http://127.0.0.1:4566, with `--endpoint-url` or AWS_ENDPOINT_URL"
    )]
    BadEndpoint(String),
    /// No region anywhere.
    #[error("no region: set `region` under `[stack]`, pass `--region`, or set AWS_REGION")]
    NoRegion,
    /// The profile is in none of the files.
    #[error("there is no profile `{name}`: neither {files} defines it")]
    NoProfile {
        /// The profile.
        name: String,
        /// The files that were looked at.
        files: String,
    },
    /// The first call failed.
    #[error("cannot tell which account this is: {0}")]
    Identity(CallError),
}

impl Aws {
    /// Connects and asks STS whose credentials these are, before anything else.
    ///
    /// # Errors
    /// No region, no credentials, or an endpoint that does not answer.
    pub async fn connect(connection: &Connection) -> Result<Self, ConnectError> {
        if connection.local.is_none()
            && let Some((name, files)) = profile::missing(connection.profile.as_deref())
        {
            return Err(ConnectError::NoProfile { name, files });
        }
        let config = sdk_config(connection).await;
        let region = config.region().map(ToString::to_string).ok_or(ConnectError::NoRegion)?;
        if let Some(url) = config.endpoint_url().filter(|url| !is_url(url)) {
            return Err(ConnectError::BadEndpoint(url.to_owned()));
        }
        let identity = identity(&config).await.map_err(ConnectError::Identity)?;
        let endpoint = match connection.local {
            Some(_) => Some("local stand-in".to_owned()),
            None => config.endpoint_url().map(ToOwned::to_owned),
        };
        let is_here = connection.local.is_some() || endpoint.as_deref().is_some_and(rate::is_loopback);
        let rates = if connection.aws_rates || !is_here { Rates::aws() } else { Rates::none() };
        let once = config.clone().into_builder().retry_config(RetryConfig::disabled()).build();
        Ok(Self {
            agentcore: aws_sdk_bedrockagentcorecontrol::Client::new(&config),
            agentcore_once: aws_sdk_bedrockagentcorecontrol::Client::new(&once),
            cognito: aws_sdk_cognitoidentityprovider::Client::new(&config),
            cognito_once: aws_sdk_cognitoidentityprovider::Client::new(&once),
            account: identity.account,
            caller: identity.caller,
            credentials_end: credentials_end(&config).await,
            partition: identity.partition,
            region,
            endpoint,
            rates,
        })
    }
}

async fn sdk_config(connection: &Connection) -> SdkConfig {
    let timeout = connection.timeout.unwrap_or(Duration::from_mins(1));
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5).min(timeout))
                .operation_attempt_timeout(Duration::from_secs(20).min(timeout))
                .operation_timeout(timeout)
                .build(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let Ok(name) = AppName::new(concat!("gatewright-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    if let Some(region) = &connection.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(stand_in) = &connection.local {
        let credentials = aws_credential_types::Credentials::new("LOCAL", "local", None, None, "local stand-in");
        return loader
            .credentials_provider(credentials)
            .region(Region::new(connection.region.clone().unwrap_or_else(|| "us-east-1".to_owned())))
            // Neither profiles nor AWS_ENDPOINT_URL of the caller may redirect calls meant for the stand-in.
            .endpoint_url("http://127.0.0.1")
            .http_client(InProcess(stand_in.clone()))
            .load()
            .await;
    }
    if let Some(profile) = &connection.profile {
        // A profile that was asked for by name comes before keys in the environment, as in every AWS tool.
        let provider = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(provider);
    }
    if let Some(url) = &connection.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// A URL with a scheme and a host. The SDK panics on an empty one.
fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':']) && !text.contains(char::is_whitespace))
}

/// When the credentials end that the first call was signed with.
async fn credentials_end(config: &SdkConfig) -> Option<Moment> {
    let credentials = config.credentials_provider()?.provide_credentials().await.ok()?;
    credentials.expiry().map(Moment::from)
}

struct Identity {
    account: String,
    caller: String,
    partition: String,
}

async fn identity(config: &SdkConfig) -> Result<Identity, CallError> {
    let client = aws_sdk_sts::Client::new(config);
    let answer = client.get_caller_identity().send().await;
    let identity = answer.map_err(|error| {
        let status = error.raw_response().map(|response| response.status().as_u16());
        CallError::from_sdk("GetCallerIdentity", &error, Some(&Captured { status, ..Captured::default() }))
    })?;
    let arn = identity.arn().unwrap_or_default();
    let partition = arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws");
    match identity.account() {
        Some(account) if account.len() == 12 => {
            Ok(Identity { account: account.to_owned(), caller: arn.to_owned(), partition: partition.to_owned() })
        }
        _ => Err(CallError::not_json("GetCallerIdentity", Some(200))),
    }
}

/// Codes of credentials whose time is over (STS, AgentCore, Cognito).
const EXPIRED: [&str; 3] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// What is said of an answer that no AWS service gives.
const NOT_THE_API: &str =
    "the endpoint answered with something that is not the AWS API; check the endpoint URL and proxies";

/// What went wrong with a call, reduced to what a person or a rule needs. It never holds a request or an answer body.
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    /// The API operation.
    pub operation: &'static str,
    /// The service's error code, if it answered with one.
    pub code: Option<String>,
    /// The service's message, or what the transport said.
    pub message: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The request id, if there was an answer.
    pub request_id: Option<String>,
    /// The members the service names in `fieldList`, with its messages.
    pub fields: Vec<(String, String)>,
    /// Whether the service may have done it all the same: the answer is lost or unreadable.
    pub unanswered: bool,
}

impl CallError {
    /// The service answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The object is not there. Deleting a runtime that is gone was seen to answer `AccessDenied` naming the delete action.
    pub fn is_not_found(&self) -> bool {
        self.is("ResourceNotFoundException")
    }

    /// The service does not take the credentials any more.
    pub fn is_expired(&self) -> bool {
        EXPIRED.iter().any(|code| self.is(code))
    }

    /// The answer came from something else than the service: a proxy, a login page.
    pub fn is_foreign(&self) -> bool {
        self.message == NOT_THE_API
    }

    /// A message that holds the text of an error for which [`Self::is_expired`] is true.
    pub fn says_expired(message: &str) -> bool {
        EXPIRED.iter().any(|code| message.contains(&format!(": {code}: ")))
    }

    /// The answer is not one of the AWS API.
    pub(crate) fn not_json(operation: &'static str, status: Option<u16>) -> Self {
        Self {
            operation,
            code: None,
            message: NOT_THE_API.into(),
            status,
            request_id: None,
            fields: Vec::new(),
            unanswered: true,
        }
    }

    fn from_sdk<E, R>(operation: &'static str, error: &SdkError<E, R>, capture: Option<&Captured>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug + 'static,
    {
        let body = capture.and_then(|captured| captured.document.as_ref());
        let status = capture.and_then(|captured| captured.status);
        let (code, message, unanswered) = match error {
            SdkError::ServiceError(service) => {
                let meta = service.err().meta();
                let from_body = body.and_then(|body| body.get("message").or_else(|| body.get("Message")));
                let message =
                    meta.message().map(ToOwned::to_owned).or_else(|| from_body?.as_str().map(ToOwned::to_owned));
                match meta.code() {
                    Some(code) => (Some(code.to_owned()), message.unwrap_or_default(), false),
                    None => (None, Self::not_json(operation, None).message, status.is_none_or(|status| status < 400)),
                }
            }
            SdkError::ConstructionFailure(_) => (None, sources(error), false),
            SdkError::TimeoutError(_) => (None, "no answer in time".to_owned(), true),
            other => (None, sources(other), true),
        };
        let fields = body.and_then(|body| body.get("fieldList")).and_then(Value::as_array).into_iter().flatten();
        let text = |field: &Value, name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            operation,
            code,
            message,
            status,
            request_id: capture.and_then(|captured| captured.request_id.clone()),
            fields: fields.map(|field| (text(field, "name"), text(field, "message"))).collect(),
            unanswered,
        }
    }
}

/// The chain of causes without repeats. The SDK's own display of a whole context would print raw bodies.
fn sources(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        let text = current.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        next = current.source();
    }
    parts.join(": ")
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(formatter, "{}: {code}: {}", self.operation, self.message)?,
            None => write!(formatter, "{}: {}", self.operation, self.message)?,
        }
        if let Some(id) = &self.request_id {
            write!(formatter, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CallError {}

/// What an exchange saw of the answer.
#[derive(Default)]
pub struct Captured {
    status: Option<u16>,
    request_id: Option<String>,
    document: Option<Value>,
    bytes: usize,
}

/// One exchange: puts our document into the request and keeps the answer's.
#[derive(Clone)]
pub struct Exchange {
    body: Option<Arc<Vec<u8>>>,
    captured: Arc<Mutex<Captured>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies may hold secrets.
        formatter.write_str("Exchange")
    }
}

impl Exchange {
    /// An exchange that sends this document; without one, the SDK's own body goes out.
    pub fn new(body: Option<&Value>) -> Self {
        let body = body.and_then(|body| serde_json::to_vec(body).ok()).map(Arc::new);
        Self { body, captured: Arc::default() }
    }

    /// The answer: a 2xx whose body parses is a success, whatever the typed layer thought of it.
    ///
    /// # Errors
    /// Anything else.
    pub fn finish<T, E, R>(&self, operation: &'static str, result: Result<T, SdkError<E, R>>) -> Answer
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug + 'static,
    {
        let mut captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
        let success = captured.status.is_some_and(|status| (200..300).contains(&status));
        if success && let Some(document) = captured.document.take() {
            return Ok(document);
        }
        if success && captured.bytes == 0 && result.is_ok() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        match result {
            Err(error) if !success || captured.bytes == 0 => {
                Err(CallError::from_sdk(operation, &error, Some(&captured)))
            }
            _ => Err(CallError::not_json(operation, captured.status)),
        }
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "Exchange"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(body) = &self.body {
            let request = context.request_mut();
            *request.body_mut() = SdkBody::from(body.as_slice());
            // Without it the request is cut to the length of the SDK's own body.
            request.headers_mut().insert("content-length", body.len().to_string());
        }
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.captured.lock().unwrap_or_else(PoisonError::into_inner) = Captured::default();
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let bytes = response.body().bytes().unwrap_or_default();
        let request_id = response.headers().get("x-amzn-requestid").map(ToOwned::to_owned);
        *self.captured.lock().unwrap_or_else(PoisonError::into_inner) = Captured {
            status: Some(response.status().as_u16()),
            request_id,
            document: serde_json::from_slice(bytes).ok(),
            bytes: bytes.len(),
        };
        Ok(())
    }
}

/// Sends a fluent operation with a document as its body, when its turn comes: `exchange!(aws, "CreateGateway", aws.agentcore.create_gateway(), body)`.
/// A generic function is impossible: the `send` of a customizable operation is bound to a private trait.
macro_rules! exchange {
    ($aws:expr, $name:expr, $operation:expr, $body:expr) => {{
        let body: Option<&serde_json::Value> = $body;
        $aws.rates.turn($name, body).await;
        let exchange = $crate::aws::Exchange::new(body);
        let result = $operation.customize().interceptor(exchange.clone()).send().await;
        exchange.finish($name, result)
    }};
}
pub(crate) use exchange;
