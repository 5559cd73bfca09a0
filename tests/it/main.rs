//! The integration tests: one binary, one module a subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, and so do the functions that tests share"
)]

mod cli;
mod command;
mod lifecycle;
mod schema;
mod stories;
mod world;
mod wrong;
