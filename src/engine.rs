//! The engine in a few calls: plan, plan a destroy, apply, outputs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::claim::Claim;
use crate::kind::Place;
use crate::lease::{Lease, LeaseError, Root};
use crate::observe::{Observed, observe};
use crate::ownership::STACK;
pub use crate::plan::Planned;
pub use crate::plan::scope::{Asked, Scope};
use crate::plan::{Plan, Towards, make, subset};
use crate::progress::{Outcome, Reporter};
use crate::served::Served;
use crate::stack::Stack;
use crate::stacks::{self, Expiry, OtherSource};

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
    /// `--only` names what neither the manifest nor the stack has.
    #[error("there is no `{address}`, neither in the manifest nor live in this stack")]
    UnknownAddress {
        /// What was named.
        address: String,
        /// The address that was likely meant.
        nearest: Option<String>,
    },
    /// The live objects come from another manifest.
    #[error(transparent)]
    OtherSource(#[from] OtherSource),
    /// Another run holds the lease, or it cannot be had.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The plan does not hold any more.
    #[error("changed-since-plan: the stack is not as it was when this plan was made; nothing was changed\n  {0}")]
    ChangedSincePlan(String),
    /// A stack that only goes when its time is over has time left.
    #[error("`{0}` has not expired: somebody renewed it meanwhile")]
    NotExpired(String),
    /// The credentials ended while everything was read.
    #[error("the credentials have expired, nothing was changed: {0}")]
    Expired(CallError),
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

/// The same, for a part of the manifest, as of another day, or with the stack's time to live begun again.
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

/// What would remove everything of a stack whose manifest is not at hand: its tags and memberships say what belongs to it.
///
/// # Errors
/// It has not expired by now, if only an expired one may go.
pub async fn plan_destroy_named(aws: &Aws, stack: &Stack, only_expired: bool) -> Result<Planned, EngineError> {
    let observed = look(aws, stack).await?;
    let expires = Expiry::of(observed.ours.values().map(|live| &live.tags));
    if only_expired && !observed.ours.is_empty() && !expires.is_over(observed.at) {
        return Err(EngineError::NotExpired(stack.owner()));
    }
    Ok(make(stack, &observed, Towards::Nothing, &Asked::default(), aws.endpoint.as_deref()))
}

async fn plan_towards(aws: &Aws, stack: &Stack, towards: Towards, asked: &Asked) -> Result<Planned, EngineError> {
    let stack = resolved(aws, stack)?;
    let mut observed = look(aws, &stack).await?;
    stacks::same_source(&stack, &observed)?;
    if asked.renew {
        stacks::begin_again(&mut observed);
    }
    if let Some((address, nearest)) = asked.scope.unknown(&stack, &observed) {
        return Err(EngineError::UnknownAddress { address, nearest });
    }
    Ok(make(&stack, &observed, towards, asked, aws.endpoint.as_deref()))
}

/// What is live, unless the credentials end meanwhile.
async fn look(aws: &Aws, stack: &Stack) -> Result<Observed, EngineError> {
    let observed = observe(aws, stack).await;
    match observed.unread.iter().find(|unread| unread.error.is_expired()) {
        Some(unread) => Err(EngineError::Expired(unread.error.clone())),
        None => Ok(observed),
    }
}

fn resolved(aws: &Aws, stack: &Stack) -> Result<Stack, EngineError> {
    if let Some(wanted) = stack.account.as_ref().filter(|wanted| **wanted != aws.account) {
        return Err(EngineError::WrongAccount { found: aws.account.clone(), wanted: wanted.clone() });
    }
    let mut stack = stack.clone();
    stack.resolve_aws(&aws.account, &aws.region, &aws.partition);
    Ok(stack)
}

/// Carries a plan out without a lease: for stacks that nobody else can reach. When `interrupted` becomes true, no new call is
/// started; those in hand are finished.
pub async fn apply(aws: &Aws, planned: &Planned, report: Reporter<'_>, interrupted: &AtomicBool) -> Outcome {
    crate::apply::apply(aws, planned, None, report, interrupted).await
}

/// Carries a plan out under the stack's lease: takes it, makes sure with `again`, which plans once more, that the plan still
/// holds, applies, and gives the lease back however it ends.
///
/// # Errors
/// Another run has the lease, or something changed since the plan was made: nothing was done then.
pub async fn apply_leased(
    aws: &Aws,
    planned: &Planned,
    again: impl Future<Output = Result<Planned, EngineError>>,
    break_lease: bool,
    report: Reporter<'_>,
    interrupted: &AtomicBool,
) -> Result<Outcome, EngineError> {
    let lease = Lease::new(aws);
    let result = match lease.take(aws, &roots(aws, planned), break_lease).await {
        Ok(taken_over) => {
            let outcome = under_lease(aws, &lease, planned, again, report, interrupted).await;
            outcome.map(|outcome| (outcome, taken_over))
        }
        Err(error) => Err(error.into()),
    };
    let behind = lease.release(aws).await;
    let (mut outcome, taken_over) = result?;
    outcome.notes.extend(taken_over.into_iter().chain(behind));
    Ok(outcome)
}

async fn under_lease(
    aws: &Aws,
    lease: &Lease,
    planned: &Planned,
    again: impl Future<Output = Result<Planned, EngineError>>,
    report: Reporter<'_>,
    interrupted: &AtomicBool,
) -> Result<Outcome, EngineError> {
    let now = tokio::select! {
        now = again => now?,
        () = interruption(interrupted) => return Ok(Outcome { interrupted: true, ..Outcome::default() }),
    };
    lease.check(aws, &roots(aws, &now)).await?;
    if now.plan.digest() != planned.plan.digest() {
        return Err(EngineError::ChangedSincePlan(changed(&planned.plan, &now.plan)));
    }
    let applying = crate::apply::apply(aws, &now, Some(lease), report, interrupted);
    tokio::pin!(applying);
    tokio::select! {
        outcome = &mut applying => return Ok(outcome),
        () = lease.keep(aws) => {}
    }
    // The lease was lost: the walk sees it and ends.
    Ok(applying.await)
}

/// Becomes ready when the flag is set.
async fn interruption(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn roots(aws: &Aws, planned: &Planned) -> Vec<Root> {
    let place = Place { account: aws.account.clone(), region: aws.region.clone(), partition: aws.partition.clone() };
    let owner = format!("{}/{}", planned.plan.stack, planned.plan.env);
    let live = planned.work.items.iter().filter_map(|item| Some((&item.address, item.live.as_ref()?)));
    // What the stack only refers to carries no lease of it.
    let ours = live.filter(|(_, live)| live.tags.get(STACK) == Some(&owner));
    ours.filter_map(|(address, live)| Root::of(address, live, &place)).collect()
}

/// What is different between two plans, for a person.
fn changed(before: &Plan, now: &Plan) -> String {
    let mut lines = Vec::new();
    for difference in subset::beyond(before, now) {
        let address = if difference.address.is_empty() { String::new() } else { format!("{}: ", difference.address) };
        lines.push(format!("{address}{}", difference.what));
    }
    for step in &before.steps {
        if !now.steps.iter().any(|other| other.address == step.address) {
            lines.push(format!("{}: nothing is left to do for it", step.address));
        }
    }
    if lines.is_empty() {
        lines.push("what stands in the way, or what is left alone, is not the same".to_owned());
    }
    lines.join("\n  ")
}

/// The outputs of everything of the stack that is live, by address.
///
/// # Errors
/// A guard refused.
pub async fn outputs(aws: &Aws, stack: &Stack) -> Result<Vec<OutputValue>, EngineError> {
    let stack = resolved(aws, stack)?;
    let observed = look(aws, &stack).await?;
    if let Some(unread) = observed.unread.first() {
        return Err(EngineError::Unread(unread.error.clone()));
    }
    let ours = observed.ours.iter().filter(|(_, live)| !live.claim.as_ref().is_some_and(Claim::is_of_others));
    let served = Served::at(aws.endpoint.as_deref());
    let outputs = ours.chain(&observed.existing).flat_map(|(address, live)| {
        live.kind.outputs.iter().filter_map(|output| {
            let value = (output.value)(&live.document, &observed.place)?;
            let here = served.and_then(|served| served.output(live.kind, output.name, &live.ids));
            let value = here.unwrap_or(value);
            Some(OutputValue { address: address.clone(), name: output.name.to_owned(), value })
        })
    });
    Ok(outputs.collect())
}
