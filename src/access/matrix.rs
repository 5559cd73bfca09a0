//! The matrix: every caller by every tool.

use super::Access;
use super::authorizer::Admission;
use super::caller::Caller;
use super::gateway::{Gateway, Mode};
use super::verdict::Cell;
use crate::address::Address;
use crate::check::deep::ROOM;

/// Who can call what at every gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// One sheet for each gateway.
    pub sheets: Vec<Sheet>,
}

/// Who can call what at one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The gateway.
    pub gateway: Address,
    /// The engine attached to it.
    pub engine: Option<Address>,
    /// How much its policies count.
    pub mode: Mode,
    /// What has to be said beside it.
    pub notes: Vec<String>,
    /// The tools, `target/tool`.
    pub tools: Vec<String>,
    /// One row for each caller.
    pub rows: Vec<Row>,
    /// It was read from an account, not from a manifest.
    pub live: bool,
}

/// What one caller can call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The caller.
    pub caller: String,
    /// What it is, in a word.
    pub identity: &'static str,
    /// Whether the authorizer lets it in.
    pub admission: Admission,
    /// One cell for each tool.
    pub cells: Vec<Cell>,
}

impl Row {
    /// How many tools it can call, always or sometimes.
    pub fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell != Cell::Never).count()
    }
}

/// The matrix of a stack.
pub fn matrix(access: &Access<'_>) -> Matrix {
    Matrix { sheets: access.gateways.iter().map(|gateway| sheet(access, gateway)).collect() }
}

fn sheet(access: &Access<'_>, gateway: &Gateway<'_>) -> Sheet {
    Sheet {
        gateway: gateway.resource.address.clone(),
        engine: gateway.engine.clone(),
        mode: gateway.mode,
        notes: gateway.notes.clone(),
        tools: gateway.tools.iter().map(|tool| tool.name.clone()).collect(),
        rows: rows(gateway, &access.callers_of(gateway)),
        live: gateway.stack().is_live(),
    }
}

/// The rows of all callers, on every core there is.
fn rows(gateway: &Gateway<'_>, callers: &[Caller]) -> Vec<Row> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = callers.len().div_ceil(cores).max(1);
    let work = |callers: &[Caller]| callers.iter().map(|caller| row(gateway, caller)).collect::<Vec<_>>();
    if callers.len() < FEW {
        return work(callers);
    }
    std::thread::scope(|scope| {
        // Policies may go deep.
        let spawn = |part| std::thread::Builder::new().stack_size(ROOM).spawn_scoped(scope, move || work(part)).ok();
        let parts: Vec<_> = callers.chunks(share).map(|part| (part, spawn(part))).collect();
        // What a thread could not do is done here.
        let done = |(part, thread): (_, Option<std::thread::ScopedJoinHandle<'_, Vec<Row>>>)| {
            thread.and_then(|thread| thread.join().ok()).unwrap_or_else(|| work(part))
        };
        parts.into_iter().flat_map(done).collect()
    })
}

/// So many callers are no work worth sharing.
const FEW: usize = 16;

fn row(gateway: &Gateway<'_>, caller: &Caller) -> Row {
    let visitor = gateway.visitor(caller);
    let cells = gateway.tools.iter().map(|tool| gateway.verdict(&visitor, tool).cell).collect();
    Row { caller: caller.name.clone(), identity: caller.identity.word(), admission: visitor.admission, cells }
}
