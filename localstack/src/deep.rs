//! Room for policies as deep as the service takes them. A chain of operators is as deep as it is long, and Cedar calls itself for
//! every link: 10,000 characters need more than a thread of a server usually has.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

use crate::nesting::tokens;

/// Enough for the deepest policy of 10,000 characters. Only what is used is taken.
const ROOM: usize = 512 << 20;

/// A text of so many tokens is never too deep for a thread of a server.
const SHALLOW: usize = 200;

/// Whether work with a policy needs [`deep`].
pub(crate) fn is_deep(statement: &str) -> bool {
    tokens(statement).nth(SHALLOW).is_some()
}

/// The result of work that goes deep; nothing if there is no room for it.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    scope(|scope| {
        let thread = Builder::new().stack_size(ROOM).spawn_scoped(scope, work).ok()?;
        Some(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
