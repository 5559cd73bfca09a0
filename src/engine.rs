//! The engine in four calls: plan, plan a destroy, apply, outputs.

use serde_json::Value;

use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::plan::Plan;
use crate::progress::{Outcome, Reporter};
use crate::stack::Stack;

/// A plan with everything `apply` needs to carry it out.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan, as people and machines read it.
    pub plan: Plan,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The account or region is not the one the manifest guards.
    #[error("{0}")]
    Guard(String),
    /// The account could not be read.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// An output of a resource: name, value, and whether it is a secret (then the value is empty).
#[derive(Debug, Clone, PartialEq)]
pub struct OutputValue {
    /// The resource.
    pub address: Address,
    /// The output's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What would make the account as the manifest says.
///
/// # Errors
/// A guard refused, or the account cannot be read at all.
pub async fn plan(aws: &Aws, stack: &Stack) -> Result<Planned, EngineError> {
    let _ = (aws, stack);
    Err(EngineError::Guard("not built yet".into()))
}

/// What would remove everything of the stack.
///
/// # Errors
/// As [`plan`].
pub async fn plan_destroy(aws: &Aws, stack: &Stack) -> Result<Planned, EngineError> {
    let _ = (aws, stack);
    Err(EngineError::Guard("not built yet".into()))
}

/// Carries a plan out.
pub async fn apply(aws: &Aws, planned: &Planned, report: Reporter<'_>) -> Outcome {
    let _ = (aws, planned, report);
    Outcome::default()
}

/// The outputs of everything of the stack that is live.
///
/// # Errors
/// As [`plan`].
pub async fn outputs(aws: &Aws, stack: &Stack) -> Result<Vec<OutputValue>, EngineError> {
    let _ = (aws, stack, Value::Null);
    Err(EngineError::Guard("not built yet".into()))
}
