//! The integration tests: one binary, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has said what it had to say"
)]

mod access;
mod access_arn;
mod access_causes;
mod access_changes;
mod access_claims;
mod access_live;
mod access_oracle;
mod access_others;
mod access_output;
mod access_proofs;
mod access_served;
mod adoption;
mod brute;
mod callers;
mod calls;
mod cli;
mod command;
mod cvc5;
mod decided;
mod described;
mod expanded;
mod exposed;
mod extensions;
mod failed;
mod faults;
mod fuzz;
mod hand;
mod iam;
mod incident;
mod issuer;
mod journey;
mod known_tools;
mod language;
mod lease;
mod lifecycle;
mod limits;
mod lints;
mod maker;
mod matrix;
mod members;
mod mistakes;
mod model_data;
mod moot;
mod moves;
mod mutants;
mod mutation;
mod mutation_doors;
mod odd;
mod only;
mod only_with;
mod openings;
mod peers;
mod properties;
mod readme;
mod registered;
mod removal;
mod replaced;
mod reviewed;
mod risks;
mod round_trip;
mod running;
mod schema;
mod secrets;
mod served;
mod shared;
mod solver;
mod stacks;
mod stories;
mod tokens;
mod trouble;
mod verify;
mod world;
mod wrong;
