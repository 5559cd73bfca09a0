//! The matrix: every caller by every tool.

use super::Access;
use super::authorizer::Admission;
use super::caller::Caller;
use super::gateway::{Gateway, Mode};
use super::guard::Cell;
use crate::address::Address;

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
        rows: access.callers_of(gateway).iter().map(|caller| row(gateway, caller)).collect(),
    }
}

fn row(gateway: &Gateway<'_>, caller: &Caller) -> Row {
    let visitor = gateway.visitor(caller);
    let cells = gateway.tools.iter().map(|tool| gateway.verdict(&visitor, tool).cell).collect();
    Row { caller: caller.name.clone(), identity: caller.identity.word(), admission: visitor.admission, cells }
}
