//! Gatewright decides who may call which tool of an AI agent.
//!
//! Data flows one way: `manifest → graph → observe → plan → apply → report`.

pub mod address;
pub mod aws;
pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod engine;
pub mod explain;
pub mod kind;
pub mod manifest;
pub mod plan;
pub mod progress;
pub mod reference;
pub mod report;
pub mod stack;
