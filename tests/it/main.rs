//! The integration tests: one binary, one module a subject.

mod faults;
mod openings;
mod stories;
mod world;
