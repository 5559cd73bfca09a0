//! Gatewright decides who may call which tool of an AI agent.
//!
//! Data flows one way: `manifest → graph → observe → plan → apply → report`.

pub mod access;
pub mod address;
pub mod apply;
pub mod aws;
pub mod check;
pub mod claim;
pub mod cli;
mod declared;
pub mod diagnostic;
pub mod diff;
pub mod engine;
pub mod expectation;
pub mod explain;
pub mod graph;
pub mod iam;
pub mod kind;
pub mod lease;
pub mod left;
pub mod live;
pub mod local;
pub mod manifest;
pub mod membership;
pub mod merge;
pub mod moment;
pub mod observe;
pub mod ownership;
pub mod persona;
pub mod plan;
mod profile;
pub mod progress;
pub mod rate;
pub mod reference;
pub mod report;
pub mod secret;
pub mod secret_version;
mod served;
pub mod stack;
pub mod stacks;
pub mod tags;
pub mod verify;
