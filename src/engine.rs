//! The engine in four calls: plan, plan a destroy, apply, outputs.

use std::sync::atomic::AtomicBool;

use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::observe::observe;
pub use crate::plan::Planned;
pub use crate::plan::scope::{Asked, Scope};
use crate::plan::{Towards, make};
use crate::progress::{Outcome, Reporter};
use crate::stack::{Resource, Stack};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// The account is not the one the manifest guards.
    #[error(
        "these credentials belong to account {found}, and the manifest guards account {wanted}: use other credentials or another environment"
    )]
    WrongAccount {
        /// The account of the credentials.
        found: String,
        /// The account of the manifest.
        wanted: String,
    },
    /// The manifest says something that this version reads and checks, and cannot carry out.
    #[error(
        "this version cannot carry out {0} yet: take it out of the manifest before plan and apply; `check` reads it already"
    )]
    NotYet(String),
    /// `--only` names what neither the manifest nor the stack has.
    #[error("there is no `{address}`, neither in the manifest nor live in this stack")]
    UnknownAddress {
        /// What was named.
        address: String,
        /// The address that was likely meant.
        nearest: Option<String>,
    },
    /// Something could not be read, so not every output is known.
    #[error("not everything could be read, so the outputs are not known: {0}")]
    Unread(CallError),
}

/// An output of a live resource.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
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
/// A guard refused.
pub async fn plan(aws: &Aws, stack: &Stack) -> Result<Planned, EngineError> {
    plan_asked(aws, stack, &Asked::default()).await
}

/// The same, for a part of the manifest or as of another day.
///
/// # Errors
/// A guard refused, or an address is unknown.
pub async fn plan_asked(aws: &Aws, stack: &Stack, asked: &Asked) -> Result<Planned, EngineError> {
    plan_towards(aws, stack, Towards::Manifest, asked).await
}

/// What would remove everything of the stack.
///
/// # Errors
/// A guard refused.
pub async fn plan_destroy(aws: &Aws, stack: &Stack) -> Result<Planned, EngineError> {
    plan_towards(aws, stack, Towards::Nothing, &Asked::default()).await
}

async fn plan_towards(aws: &Aws, stack: &Stack, towards: Towards, asked: &Asked) -> Result<Planned, EngineError> {
    let stack = resolved(aws, stack)?;
    let observed = observe(aws, &stack).await;
    if let Some((address, nearest)) = asked.scope.unknown(&stack, &observed) {
        return Err(EngineError::UnknownAddress { address, nearest });
    }
    Ok(make(&stack, &observed, towards, asked, aws.endpoint.as_deref()))
}

fn resolved(aws: &Aws, stack: &Stack) -> Result<Stack, EngineError> {
    if let Some(wanted) = stack.account.as_ref().filter(|wanted| **wanted != aws.account) {
        return Err(EngineError::WrongAccount { found: aws.account.clone(), wanted: wanted.clone() });
    }
    not_yet(stack)?;
    let mut stack = stack.clone();
    stack.resolve_aws(&aws.account, &aws.region, &aws.partition);
    Ok(stack)
}

/// What the manifest may say already and the engine does not do: silently leaving it out could delete or show what must not be.
fn not_yet(stack: &Stack) -> Result<(), EngineError> {
    let any = |test: fn(&Resource) -> bool| stack.resources.iter().any(test);
    let said = [
        ("`[moved]`", !stack.moved.is_empty()),
        ("`expires`", stack.expires.is_some()),
        ("`source`", stack.source.is_some()),
        ("secret variables", stack.secrets.names().next().is_some()),
        ("`unmanaged`", any(|resource| !resource.unmanaged.is_empty())),
        ("`delete_unknown_children`", any(|resource| resource.delete_unknown_children)),
        ("`existing`", any(|resource| resource.existing.is_some())),
        ("`adopt`", any(|resource| resource.adopt.is_some())),
    ];
    let said: Vec<&str> = said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect();
    if said.is_empty() { Ok(()) } else { Err(EngineError::NotYet(said.join(", "))) }
}

/// Carries a plan out. When `interrupted` becomes true, no new call is started; those in hand are finished.
pub async fn apply(aws: &Aws, planned: &Planned, report: Reporter<'_>, interrupted: &AtomicBool) -> Outcome {
    crate::apply::apply(aws, planned, report, interrupted).await
}

/// The outputs of everything of the stack that is live, by address.
///
/// # Errors
/// A guard refused.
pub async fn outputs(aws: &Aws, stack: &Stack) -> Result<Vec<OutputValue>, EngineError> {
    let stack = resolved(aws, stack)?;
    let observed = observe(aws, &stack).await;
    if let Some(unread) = observed.unread.first() {
        return Err(EngineError::Unread(unread.error.clone()));
    }
    let outputs = observed.ours.iter().flat_map(|(address, live)| {
        live.kind.outputs.iter().filter_map(|output| {
            let value = (output.value)(&live.document, &observed.place)?;
            Some(OutputValue { address: address.clone(), name: output.name.to_owned(), value })
        })
    });
    Ok(outputs.collect())
}
