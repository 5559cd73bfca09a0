//! Room for policies as deep as the service takes them.
//!
//! A chain of operators is as deep as it is long, and Cedar's parser, validator and JSON form call themselves for every link. With
//! 10,000 characters that is more than a thread usually has room for, and Cedar's validator gives up without a word.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// Enough for the deepest policy of 10,000 characters, many times over. Only what is used is taken.
pub(crate) const ROOM: usize = 512 << 20;

/// The result of work that goes deep; nothing if there is no room for it.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    scope(|scope| {
        let thread = Builder::new().stack_size(ROOM).spawn_scoped(scope, work).ok()?;
        Some(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
