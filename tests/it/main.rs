//! The integration tests: one binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has said what it had to say"
)]

mod cli;
mod faults;
mod members;
mod openings;
mod stories;
mod world;
mod wrong;
