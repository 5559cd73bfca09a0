//! Progress: what `apply` and `destroy` tell while they work. The engine sends events; a printer shows them.

use std::time::Duration;

use crate::plan::Action;

/// Something happened to a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A call for it went out.
    Started {
        /// The address.
        address: String,
        /// What is being done.
        action: Action,
        /// In words, for example `creating, locked`.
        what: String,
    },
    /// It is waited for.
    Waiting {
        /// The address.
        address: String,
        /// The state it is in, as the service calls it.
        status: String,
    },
    /// Something a person should know or do (a consent page to open, a call repeated).
    Note {
        /// The address.
        address: String,
        /// The words.
        text: String,
    },
    /// It is done.
    Done {
        /// The address.
        address: String,
        /// What was done.
        action: Action,
        /// In words, for example `opened`.
        what: String,
        /// How long it took.
        took: Duration,
    },
    /// It failed.
    Failed {
        /// The address.
        address: String,
        /// What was wrong, with the next action.
        message: String,
    },
    /// It was not tried, because something it needs failed.
    Skipped {
        /// The address.
        address: String,
        /// The address of what failed.
        because: String,
    },
}

/// Where events go. Called from the engine's tasks, one at a time.
pub type Reporter<'a> = &'a (dyn Fn(Event) + Sync);

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Addresses that were changed, in order.
    pub done: Vec<String>,
    /// Addresses that failed, with the message.
    pub failed: Vec<(String, String)>,
    /// Addresses that were skipped, with what failed.
    pub skipped: Vec<(String, String)>,
    /// Things left for a person, or left behind.
    pub notes: Vec<String>,
    /// Addresses whose calls had not ended when the run ended, or ended for the reason that stopped it.
    pub cut_off: Vec<String>,
    /// Why nothing new was started any more, beside an interruption: the credentials ended, the lease was lost.
    pub stopped: Option<String>,
    /// It was interrupted: what was not started is not named here.
    pub interrupted: bool,
}
