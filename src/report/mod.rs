//! What people and programs read: renderers over values that other stages computed.

pub mod diagnostic;
