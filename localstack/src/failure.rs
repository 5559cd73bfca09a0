//! What a refused call answers.

use model::Api;

/// A refused call, as the service words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// The error's code, for example `ConflictException`.
    pub code: String,
    /// The message.
    pub message: String,
    /// Of a `ValidationException` its reason.
    pub reason: Option<String>,
    /// Of a `ValidationException` the fields it is about, each with a message.
    pub fields: Vec<(String, String)>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), reason: None, fields: Vec::new() }
    }

    /// A failure with a status that is no error of the model.
    pub(crate) fn with_status(status: u16, code: &str, message: impl Into<String>) -> Self {
        let mut failure = Self::new(status, code, message);
        // The model demands a reason of this one.
        failure.reason = (code == "ValidationException").then(|| "FieldValidationFailed".to_owned());
        failure
    }

    /// An error of the `AgentCore` control plane; the model knows its status.
    fn agentcore(code: &str, message: impl Into<String>) -> Self {
        let status = Api::agentcore().shape(code).and_then(|shape| shape.error_status).unwrap_or(400);
        Self::new(status, code, message)
    }

    /// The name is taken, the state is wrong, or something still depends on the object.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::agentcore("ConflictException", message)
    }

    /// There is no such `AgentCore` object.
    pub(crate) fn missing(what: &str, id: &str) -> Self {
        Self::agentcore("ResourceNotFoundException", format!("{what} {id} was not found"))
    }

    /// A quota is used up.
    pub(crate) fn quota(message: impl Into<String>) -> Self {
        Self::agentcore("ServiceQuotaExceededException", message)
    }

    /// A `ValidationException` that is about no field in particular.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::validation("FieldValidationFailed", message)
    }

    /// A `ValidationException` about one field.
    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut failure = Self::invalid(message.clone());
        failure.fields.push((field.to_owned(), message));
        failure
    }

    /// A `ValidationException` with one of the model's reasons.
    pub(crate) fn validation(reason: &str, message: impl Into<String>) -> Self {
        let mut failure = Self::agentcore("ValidationException", message);
        failure.reason = Some(reason.to_owned());
        failure
    }

    /// An error of Cognito: 400, whatever it is.
    pub(crate) fn cognito(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// Cognito's word for everything that is wrong with the input.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::cognito("InvalidParameterException", message)
    }

    /// An error of OAuth, as Cognito's token endpoint documents it: 400, whatever it is.
    pub(crate) fn oauth(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// There is no such Cognito object.
    pub(crate) fn cognito_missing(message: impl Into<String>) -> Self {
        Self::cognito("ResourceNotFoundException", message)
    }
}
