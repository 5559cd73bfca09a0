//! Copies of the state, by name and in memory: to go back to where a test began.

use crate::StateError;

/// How many copies are kept.
pub(crate) const SNAPSHOTS: usize = 16;

/// A copy that cannot be taken or gone back to.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There are as many as are kept.
    #[error("{SNAPSHOTS} snapshots are kept; take one of their names again, or forget them all: {names}")]
    TooMany {
        /// Their names.
        names: String,
    },
    /// There is none with this name.
    #[error("there is no snapshot `{name}`, but there are: {names}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        names: String,
    },
    /// It cannot be written down or read again, which is a mistake of the stand-in.
    #[error("the state cannot be copied: {0}")]
    Copy(#[from] serde_json::Error),
    /// The state file cannot be written.
    #[error(transparent)]
    File(#[from] StateError),
}
