//! The lease: one run at a time. A run that changes a stack says so with a tag on one of its root objects, and another run
//! that finds it refuses.
//!
//! Tags are no compare-and-swap: a lease keeps people and pipelines apart who start within seconds of each other, not within
//! milliseconds. A run that died leaves its lease behind; it ends by itself ([`LASTS`]), at once where the process was one of
//! this machine, or when somebody breaks it.

mod holder;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::kind::{Kind, Place};
use crate::moment::{Moment, span};
use crate::observe::Live;
use crate::ownership::{TAGS_PER_RESOURCE, Tags};
use crate::tags;

pub use holder::Holder;

/// The tag that holds it.
pub const LEASE: &str = "gatewright:lease";
/// How long a lease lasts after it was last renewed: so long a dead run keeps others out.
pub const LASTS: Duration = Duration::from_mins(10);
/// How often a running one is renewed.
const RENEWED_EVERY: Duration = Duration::from_mins(3);

/// A root object of the stack, as far as a lease needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    /// Its address.
    pub address: Address,
    kind: &'static Kind,
    arn: String,
    tags: Tags,
}

impl Root {
    /// The object, if it can be tagged and lives in no other.
    pub fn of(address: &Address, live: &Live, place: &Place) -> Option<Self> {
        let arn = live.kind.arn.filter(|_| live.parent.is_none())?;
        let (address, arn) = (address.clone(), arn(&live.ids.id, place));
        Some(Self { address, kind: live.kind, arn, tags: live.tags.clone() })
    }

    /// The object that was just created with this id.
    pub fn new(address: &Address, kind: &'static Kind, id: &str, place: &Place) -> Option<Self> {
        let arn = kind.arn.filter(|_| kind.parent.is_none())?;
        Some(Self { address: address.clone(), kind, arn: arn(id, place), tags: Tags::new() })
    }

    async fn read(&self, aws: &Aws) -> Result<Tags, CallError> {
        tags::read(aws, self.kind.service, &self.arn).await
    }

    async fn write(&self, aws: &Aws, value: String) -> Result<(), CallError> {
        tags::write(aws, self.kind.service, &self.arn, &Tags::from([(LEASE.to_owned(), value)])).await
    }

    async fn clear(&self, aws: &Aws) -> Result<(), CallError> {
        tags::remove(aws, self.kind.service, &self.arn, &[LEASE.to_owned()]).await
    }
}

/// Why a run has no lease.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LeaseError {
    /// Another run holds it.
    #[error("another run is changing this stack: {by} since {since}, says the lease on `{on}`")]
    Held {
        /// Who.
        by: String,
        /// Since when.
        since: Moment,
        /// When it ends if it is not renewed.
        until: Moment,
        /// The object that carries it.
        on: Address,
    },
    /// The tag is no lease.
    #[error(
        "the tag `{LEASE}` of `{on}` says `{value}`, which is no lease, so nobody can tell whether another run is under way"
    )]
    Unreadable {
        /// What it says.
        value: String,
        /// The object that carries it.
        on: Address,
    },
    /// It was taken off again.
    #[error("the lease on `{on}` was taken off by somebody else")]
    Gone {
        /// The object.
        on: Address,
    },
    /// No root object has room for one more tag.
    #[error("there is no room for the lease: `{on}` holds {TAGS_PER_RESOURCE} tags, as many as a resource can")]
    NoRoom {
        /// One of the objects.
        on: Address,
    },
    /// The tag could not be written or read back.
    #[error(
        "the lease on `{on}` could not be written, and without it two runs could change this stack at once: {error}"
    )]
    NotWritten {
        /// The object.
        on: Address,
        /// Why.
        error: Box<CallError>,
    },
}

impl LeaseError {
    /// A guard refused; otherwise it failed.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Unreadable { .. } | Self::Gone { .. })
    }

    /// The next step.
    pub fn help(&self) -> String {
        match self {
            Self::Held { until, .. } => format!(
                "wait until it has ended; a run that died keeps its lease until {until}, and `--break-lease` takes it over now"
            ),
            Self::Unreadable { .. } => {
                "make sure that no run is under way, then take the tag off or pass `--break-lease`".to_owned()
            }
            Self::Gone { .. } => "find out who works on this stack, then run the same command again".to_owned(),
            Self::NoRoom { .. } => "remove a tag of your own from it".to_owned(),
            Self::NotWritten { error, .. } if error.message.contains("another process changed it") => {
                "another run uses the same local state; when it has ended, run the same command again".to_owned()
            }
            Self::NotWritten { error, .. } if error.is_expired() => "log in again".to_owned(),
            Self::NotWritten { .. } => {
                "allow TagResource, UntagResource and ListTagsForResource on it: ownership is kept in tags as well"
                    .to_owned()
            }
        }
    }
}

/// The lease of one run.
pub struct Lease {
    holder: Holder,
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The objects that carry it: one, but for a moment when it moves on.
    carriers: Vec<Root>,
    /// The root object that is being created with it.
    coming: Option<Address>,
    /// Root objects that are being deleted.
    leaving: BTreeSet<Address>,
    /// Why the run has it no longer.
    lost: Option<String>,
}

impl Lease {
    /// A lease for a run of these credentials, not yet taken.
    pub fn new(aws: &Aws) -> Self {
        Self { holder: Holder::new(&aws.caller, Moment::now()), begun: Instant::now(), state: Mutex::default() }
    }

    /// Takes the lease of a stack with these root objects; nothing is written where it has none yet. Gives a sentence if it was
    /// taken from somebody.
    ///
    /// # Errors
    /// Another run holds it, or it cannot be written; [`Lease::release`] is due then too.
    pub async fn take(&self, aws: &Aws, roots: &[Root], break_it: bool) -> Result<Option<String>, LeaseError> {
        let mut taken_over = None;
        let mut marked: Vec<&Root> = Vec::new();
        for root in roots.iter().filter(|root| root.tags.contains_key(LEASE)) {
            // What the plan read may be over by now.
            let tags = root.read(aws).await.map_err(|error| not_written(root, error))?;
            if let Some(value) = tags.get(LEASE) {
                taken_over = Some(self.judge(root, value, break_it)?);
                marked.push(root);
            }
        }
        let Some(anchor) = marked.first().copied().or_else(|| roots.iter().find(|root| has_room(root))) else {
            return match roots.first() {
                Some(full) => Err(LeaseError::NoRoom { on: full.address.clone() }),
                None => Ok(None),
            };
        };
        if marked.is_empty()
            && let Some(value) = anchor.read(aws).await.map_err(|error| not_written(anchor, error))?.get(LEASE)
        {
            taken_over = Some(self.judge(anchor, value, break_it)?);
        }
        // Whatever becomes of the call, the tag may be there: giving the lease back looks.
        self.state().carriers.push(anchor.clone());
        anchor.write(aws, self.value()).await.map_err(|error| not_written(anchor, error))?;
        self.read_back(aws, anchor).await?;
        for old in marked.iter().skip(1) {
            old.clear(aws).await.map_err(|error| not_written(old, error))?;
        }
        Ok(taken_over)
    }

    /// Nobody else holds a lease on these objects, which were read after ours was taken.
    ///
    /// # Errors
    /// Somebody does.
    pub async fn check(&self, aws: &Aws, roots: &[Root]) -> Result<(), LeaseError> {
        let carriers = self.state().carriers.clone();
        for root in roots {
            let value = root.tags.get(LEASE);
            if carriers.iter().any(|carrier| carrier.arn == root.arn) {
                if !value.is_some_and(|value| self.is_mine(value)) {
                    self.read_back(aws, root).await?;
                }
            } else if let Some(value) = value {
                self.judge(root, value, false)?;
            }
        }
        Ok(())
    }

    /// The tag that the first root object of a new stack is created with; later ones get none.
    pub fn first_root(&self, address: &Address, tags: usize) -> Option<(String, String)> {
        let mut state = self.state();
        if !state.carriers.is_empty() || state.coming.is_some() || tags >= TAGS_PER_RESOURCE {
            return None;
        }
        state.coming = Some(address.clone());
        drop(state);
        Some((LEASE.to_owned(), self.value()))
    }

    /// The root object that was to carry the lease stands, or was not created.
    pub fn first_root_ended(&self, root: Option<Root>) {
        let mut state = self.state();
        state.coming = None;
        state.carriers.extend(root);
    }

    /// A root object goes: if it carries the lease, another of these takes it on. Where none is left, it goes with the last.
    pub async fn leave(&self, aws: &Aws, address: &Address, others: impl FnOnce() -> Vec<Root>) {
        {
            let mut state = self.state();
            state.leaving.insert(address.clone());
            let before = state.carriers.len();
            state.carriers.retain(|carrier| carrier.address != *address);
            if state.carriers.len() == before || !state.carriers.is_empty() {
                return;
            }
        }
        for other in others() {
            if self.state().leaving.contains(&other.address) {
                continue;
            }
            let written = other.write(aws, self.value()).await;
            // After a lost answer it may stand there as well.
            if written.as_ref().err().is_none_or(|error| error.unanswered) {
                self.state().carriers.push(other);
            }
            if written.is_ok() {
                return;
            }
        }
    }

    /// Renews the lease for as long as it is awaited; ends when it was lost.
    pub async fn keep(&self, aws: &Aws) {
        loop {
            sleep(RENEWED_EVERY).await;
            let carriers = self.state().carriers.clone();
            for carrier in carriers {
                // A failed read or write is no loss: there is time for two more before it ends.
                let Ok(tags) = carrier.read(aws).await else { continue };
                let Err(error) = self.holds_at(&carrier, tags.get(LEASE)) else {
                    drop(carrier.write(aws, self.value()).await);
                    continue;
                };
                let mut state = self.state();
                // It moved on meanwhile, or went with its object.
                if state.carriers.contains(&carrier) {
                    state.carriers.clear();
                    state.lost = Some(error.to_string());
                    return;
                }
            }
        }
    }

    /// Why the run has the lease no longer.
    pub fn lost(&self) -> Option<String> {
        self.state().lost.clone()
    }

    /// Gives the lease back. Gives a sentence if it stays behind.
    pub async fn release(&self, aws: &Aws) -> Option<String> {
        let carriers = std::mem::take(&mut self.state().carriers);
        let mut behind = None;
        for carrier in carriers {
            let cleared = match carrier.read(aws).await {
                Ok(tags) if tags.get(LEASE).is_none_or(|value| !self.is_mine(value)) => continue,
                Ok(_) => carrier.clear(aws).await,
                Err(error) => Err(error),
            };
            if let Err(error) = cleared
                && !error.is_not_found()
            {
                behind = Some(format!(
                    "the lease on `{}` stays behind ({error}); it ends at {}, and `--break-lease` takes it over before",
                    carrier.address,
                    self.now().plus(LASTS)
                ));
            }
        }
        behind
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        self.holder.since.plus(self.begun.elapsed())
    }

    fn value(&self) -> String {
        Holder { until: self.now().plus(LASTS), ..self.holder.clone() }.to_string()
    }

    fn is_mine(&self, value: &str) -> bool {
        Holder::parse(value).is_some_and(|holder| holder.run == self.holder.run)
    }

    /// What was written stands there. A service may take a moment to show it; what somebody else wrote stays.
    async fn read_back(&self, aws: &Aws, root: &Root) -> Result<(), LeaseError> {
        let mut pause = Duration::from_millis(100);
        loop {
            let tags = root.read(aws).await.map_err(|error| not_written(root, error))?;
            let held = self.holds_at(root, tags.get(LEASE));
            if held.is_ok() || pause > Duration::from_secs(2) {
                return held;
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// What stands there is ours.
    fn holds_at(&self, root: &Root, value: Option<&String>) -> Result<(), LeaseError> {
        let on = root.address.clone();
        match value.map(|value| (value, Holder::parse(value))) {
            None => Err(LeaseError::Gone { on }),
            Some((_, Some(holder))) if holder.run == self.holder.run => Ok(()),
            Some((_, Some(Holder { by, since, until, .. }))) => Err(LeaseError::Held { by, since, until, on }),
            Some((value, None)) => Err(LeaseError::Unreadable { value: value.clone(), on }),
        }
    }

    /// Whether a lease of somebody else may be taken over, and how to say it.
    fn judge(&self, root: &Root, value: &str, break_it: bool) -> Result<String, LeaseError> {
        let on = root.address.clone();
        let Some(holder) = Holder::parse(value) else {
            if break_it {
                return Ok(format!("took over `{on}`, whose lease said `{value}`"));
            }
            return Err(LeaseError::Unreadable { value: value.to_owned(), on });
        };
        let Holder { by, since, until, .. } = &holder;
        if *until <= self.now() {
            Ok(format!("took over the lease that {by} left behind; it ended {} ago", span(self.now().since(*until))))
        } else if holder.is_dead() {
            Ok(format!("took over the lease of {by} since {since}, a process of this machine that has ended"))
        } else if break_it {
            Ok(format!("broke the lease of {by} since {since}; if that run is still under way, it stops"))
        } else {
            Err(LeaseError::Held { by: by.clone(), since: *since, until: *until, on })
        }
    }
}

fn has_room(root: &Root) -> bool {
    root.tags.len() < TAGS_PER_RESOURCE
}

fn not_written(root: &Root, error: CallError) -> LeaseError {
    LeaseError::NotWritten { on: root.address.clone(), error: Box::new(error) }
}
