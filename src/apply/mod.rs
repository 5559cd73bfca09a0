//! Applying: walks the work of a plan, as much at once as what-waits-for-what allows.
//!
//! Independent branches go on when one fails; what needs a failed node is skipped and named; running `apply` again finishes.

mod calls;
mod claim;
mod create;
mod delete;
mod edits;
mod membership;
mod retry;
mod secret;
mod update;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::edits::Edits;
use self::walk::Walk;
use crate::address::Address;
use crate::aws::{Aws, CallError};
use crate::kind::{Ids, Kind, Place};
use crate::lease::{Lease, Root};
use crate::ownership::{STACK, Tags};
use crate::plan::form::Form;
use crate::plan::item::Item;
use crate::plan::work::{Op, Work};
use crate::plan::{Action, Planned};
use crate::progress::{Event, Outcome, Reporter};
use crate::reference::Target;
use crate::stack::Secrets;

/// Mutations of the targets of one gateway at a time (service.md §5).
const TARGETS_PER_GATEWAY: usize = 5;

/// An object as this run knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) kind: &'static Kind,
    pub(crate) ids: Ids,
    pub(crate) document: Value,
}

/// Everything the nodes of one run share.
pub(crate) struct Run<'a> {
    aws: &'a Aws,
    lease: Option<&'a Lease>,
    owner: String,
    place: Place,
    work: &'a Work,
    secrets: &'a Secrets,
    report: Reporter<'a>,
    known: Mutex<BTreeMap<Address, Known>>,
    parents: Mutex<BTreeMap<Address, std::sync::Arc<tokio::sync::Mutex<Tags>>>>,
    edits: Edits,
    gateways: Mutex<BTreeMap<Address, std::sync::Arc<Semaphore>>>,
    notes: Mutex<Vec<String>>,
}

/// How a node ended, or what was to be remembered of it.
struct Ended {
    index: usize,
    result: Result<Option<End>, String>,
}

/// What is left to do of a node when what waits for it may go on.
struct End {
    started: Instant,
    /// The digest of what was applied, empty while the object is not as the manifest says; nothing where there is nothing to
    /// remember.
    remember: Option<String>,
}

/// How often a walk looks whether it was interrupted.
const ATTENTION: Duration = Duration::from_millis(100);
/// How long what is in hand may take to end once a run is to end.
const GRACE: Duration = Duration::from_secs(8);

/// Carries a plan out. When `interrupted` becomes true, no new node is started, and those in hand have a few seconds to end; so
/// too when the credentials end, or the lease goes to somebody else.
pub async fn apply(
    aws: &Aws,
    planned: &Planned,
    lease: Option<&Lease>,
    report: Reporter<'_>,
    interrupted: &AtomicBool,
) -> Outcome {
    let work = &planned.work;
    let run = Run::new(aws, planned, lease, report);
    let shared = &run;
    let mut walk = Walk::new(work);
    let mut in_hand: FuturesUnordered<BoxFuture<'_, Ended>> = FuturesUnordered::new();
    let mut remembering = BTreeSet::new();
    let mut outcome = Outcome::default();
    let mut deadline: Option<Instant> = None;
    loop {
        if outcome.stopped.is_none() {
            outcome.stopped = lease.and_then(Lease::lost);
        }
        if deadline.is_none() && (outcome.stopped.is_some() || interrupted.load(Ordering::Relaxed)) {
            deadline = Some(Instant::now() + GRACE);
        }
        if deadline.is_none() {
            while let Some(index) = walk.skip() {
                let because = walk.failed_need(index).map(|item| item.address.to_string()).unwrap_or_default();
                if let Some(item) = walk.item(index) {
                    let address = item.address.to_string();
                    if !outcome.skipped.iter().any(|(skipped, _)| *skipped == address)
                        && !outcome.failed.iter().any(|(failed, _)| *failed == address)
                    {
                        (run.report)(Event::Skipped { address: address.clone(), because: because.clone() });
                        outcome.skipped.push((address, because));
                    }
                }
                walk.end(index, false);
            }
            while let Some(index) = walk.start() {
                in_hand.push(Box::pin(async move { Ended { index, result: shared.node(index).await } }));
            }
        }
        let ended = tokio::select! {
            ended = in_hand.next() => ended,
            () = tokio::time::sleep(ATTENTION) => {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) { break }
                continue;
            }
        };
        let Some(Ended { index, result }) = ended else {
            break;
        };
        if !remembering.remove(&index) {
            walk.end(index, result.is_ok());
        }
        let Some(item) = walk.item(index) else { continue };
        let address = item.address.to_string();
        match result {
            // What waits for it goes on while it is remembered.
            Ok(Some(end)) => {
                remembering.insert(index);
                in_hand.push(Box::pin(async move { Ended { index, result: shared.remember_end(index, end).await } }));
            }
            Ok(None) if work.nodes.get(index).is_some_and(|node| node.last) => outcome.done.push(address),
            Ok(None) => {}
            // Said once: every call after the first says the same.
            Err(message) if CallError::says_expired(&message) && outcome.stopped.is_some() => {
                outcome.cut_off.push(address);
            }
            Err(message) => {
                let message = run.secrets.scrub(&message);
                if CallError::says_expired(&message) {
                    outcome.stopped = Some("the credentials have expired: log in again".to_owned());
                }
                (run.report)(Event::Failed { address: address.clone(), message: message.clone() });
                outcome.failed.push((address, message));
            }
        }
    }
    // What has not ended by now is left where it is: the next run looks for it.
    drop(in_hand);
    let cut_off =
        walk.running().chain(remembering).filter_map(|index| walk.item(index)).map(|item| item.address.to_string());
    outcome.cut_off.extend(cut_off);
    if deadline.is_none() {
        for item in walk.waiting().filter_map(|index| walk.item(index)) {
            let message =
                "was never started: its calls wait for each other; this is a defect, please report it".to_owned();
            outcome.failed.push((item.address.to_string(), message));
        }
    }
    outcome.interrupted = interrupted.load(Ordering::Relaxed);
    outcome.notes = run.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome
}

impl<'a> Run<'a> {
    fn new(aws: &'a Aws, planned: &'a Planned, lease: Option<&'a Lease>, report: Reporter<'a>) -> Self {
        let mut known = BTreeMap::new();
        let mut parents = BTreeMap::new();
        for item in &planned.work.items {
            let Some(live) = &item.live else { continue };
            let of_item = Known { kind: live.kind, ids: live.ids.clone(), document: live.document.clone() };
            known.insert(item.address.clone(), of_item);
            parents.insert(item.address.clone(), std::sync::Arc::new(tokio::sync::Mutex::new(live.tags.clone())));
        }
        Self {
            aws,
            lease,
            owner: format!("{}/{}", planned.plan.stack, planned.plan.env),
            place: Place { account: aws.account.clone(), region: aws.region.clone(), partition: aws.partition.clone() },
            work: &planned.work,
            secrets: &planned.secrets,
            report,
            known: Mutex::new(known),
            parents: Mutex::new(parents),
            edits: Edits::default(),
            gateways: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    fn known(&self, address: &Address) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn learn(&self, address: &Address, known: Known) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), known);
    }

    fn forget(&self, address: &Address) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
        self.parents.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
        self.edits.forget(address);
    }

    /// The root objects that this run knows to be live, one left out.
    fn roots_but(&self, address: &Address) -> Vec<Root> {
        let ours = |item: &&Item| {
            item.makes() || item.live.as_ref().is_some_and(|live| live.tags.get(STACK) == Some(&self.owner))
        };
        let ours: BTreeSet<&Address> = self.work.items.iter().filter(ours).map(|item| &item.address).collect();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let others = known.iter().filter(|(other, _)| *other != address && ours.contains(other));
        others.filter_map(|(other, known)| Root::new(other, known.kind, &known.ids.id, &self.place)).collect()
    }

    /// The tags of a resource of ours, behind a lock: memberships of many children are written to them.
    fn tags_of(&self, address: &Address) -> std::sync::Arc<tokio::sync::Mutex<Tags>> {
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        parents.entry(address.clone()).or_default().clone()
    }

    fn note(&self, address: &Address, text: &str) {
        let text = self.secrets.scrub(text);
        (self.report)(Event::Note { address: address.to_string(), text: text.clone() });
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{address}: {text}"));
    }

    /// A value that a reference stands for, as far as this run knows it.
    fn lookup(&self, target: &Target) -> Option<String> {
        match target {
            Target::Output(address, output) => {
                let known = self.known(address)?;
                (known.kind.output(output)?.value)(&known.document, &self.place)
            }
            Target::Account => Some(self.place.account.clone()),
            Target::Region => Some(self.place.region.clone()),
            Target::Partition => Some(self.place.partition.clone()),
            // A mark stands for it until it is sent.
            Target::Variable(_) => None,
        }
    }

    /// Does one node, but for what is remembered of it in the end; the error is for a person.
    async fn node(&self, index: usize) -> Result<Option<End>, String> {
        let (Some(node), Some(item)) = (self.work.nodes.get(index), self.item_of(index)) else { return Ok(None) };
        let _turn = self.turn(item).await;
        let started = Instant::now();
        let (action, what) = describe(item, node.op);
        (self.report)(Event::Started { address: item.address.to_string(), action, what: what.0.to_owned() });
        let remember = match node.op {
            Op::Create(form) => self.create(item, form, node.last).await?,
            Op::Update(form) => self.update(item, form, node.last).await?,
            Op::Claim => self.claim(item).await.map(|()| None)?,
            Op::Delete => self.delete(item).await.map(|()| None)?,
            Op::Forget => self.forget_gone(item).await.map(|()| None)?,
            Op::Gather => None,
        };
        Ok(Some(End { started, remember }))
    }

    /// Remembers what a node did, and says that it is done.
    async fn remember_end(&self, index: usize, end: End) -> Result<Option<End>, String> {
        let (Some(node), Some(item)) = (self.work.nodes.get(index), self.item_of(index)) else { return Ok(None) };
        if matches!(node.op, Op::Create(_)) {
            // A child that finds itself unannounced tries again, and says why it cannot be.
            drop(self.announce_children(&item.address).await);
        }
        if let Some(applied) = &end.remember
            && let Some(known) = self.known(&item.address)
        {
            self.remember(item, &known, applied).await?;
        }
        let (action, what) = describe(item, node.op);
        let (address, took) = (item.address.to_string(), end.started.elapsed());
        (self.report)(Event::Done { address, action, what: what.1.to_owned(), took });
        Ok(None)
    }

    fn item_of(&self, node: usize) -> Option<&'a Item> {
        self.work.items.get(self.work.nodes.get(node)?.item?)
    }

    /// Waits for a place among the target calls of a gateway.
    async fn turn(&self, item: &Item) -> Option<tokio::sync::OwnedSemaphorePermit> {
        if item.kind.name != "gateway_target" {
            return None;
        }
        let gateway = item.parent()?;
        let semaphore = {
            let mut gateways = self.gateways.lock().unwrap_or_else(PoisonError::into_inner);
            gateways.entry(gateway).or_insert_with(|| std::sync::Arc::new(Semaphore::new(TARGETS_PER_GATEWAY))).clone()
        };
        semaphore.acquire_owned().await.ok()
    }
}

/// What a node does, for people: while it runs and when it is done.
fn describe(item: &Item, op: Op) -> (Action, (&'static str, &'static str)) {
    let opens = item.kind.name == "gateway" && (item.unlock || matches!(item.action, Action::Create | Action::Replace));
    match op {
        Op::Create(Form::Locked) => (Action::Create, ("creating, locked", "created, locked")),
        Op::Create(Form::Inactive) => (Action::Create, ("creating, not active yet", "created, not active yet")),
        Op::Create(_) => (Action::Create, ("creating", "created")),
        Op::Update(Form::Locked) => (Action::Update, ("locking", "locked")),
        Op::Update(Form::Released) => (Action::Update, ("locking, leaving its engine", "locked, without its engine")),
        Op::Update(Form::Closed) => (Action::Update, ("narrowing", "narrowed")),
        Op::Update(Form::Watching) => {
            (Action::Update, ("attaching the engine in LOG_ONLY", "engine attached in LOG_ONLY"))
        }
        Op::Update(Form::Joint) => (Action::Update, ("widening to both texts", "stops what both texts stop")),
        Op::Update(_) if opens => (Action::Update, ("opening", "opened")),
        Op::Update(_) => (Action::Update, ("updating", "updated")),
        Op::Claim if item.action == Action::Adopt => (Action::Adopt, ("taking over", "taken over")),
        Op::Claim if !item.stays() => (Action::Move, ("moving", "moved")),
        Op::Claim => (Action::Update, ("updating its tags", "tags updated")),
        Op::Delete => (Action::Delete, ("deleting", "deleted")),
        Op::Forget => (Action::Update, ("forgetting children that are gone", "forgot children that are gone")),
        Op::Gather => (Action::NoOp, ("", "")),
    }
}
