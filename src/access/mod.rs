//! Access: who can call what. From a stack alone, without an account.
//!
//! A call takes two steps: the gateway's authorizer lets the caller in ([`authorizer`]), and the policies of the gateway's engine
//! permit the call ([`guard`]). Callers are the personas of the manifest and its client-credentials clients ([`caller`]). A cell of
//! the [`matrix()`] says what holds for every input, by the partial evaluation that also decides what a gateway lists.

mod aim;
pub mod authorizer;
pub mod caller;
pub mod change;
mod codes;
mod compared;
pub(crate) mod condition;
#[cfg(test)]
mod cross_check;
mod cvc5;
pub mod expect;
mod facts;
mod finding;
pub mod gateway;
pub mod guard;
mod known;
pub mod live;
pub mod matrix;
pub(crate) mod moot;
mod near_miss;
mod only_with;
mod opaque;
mod proofs;
pub mod prove;
mod side;
pub(crate) mod solving;
mod stand_in;
mod times;
mod to_come;
pub mod token;
mod trial;
mod verdict;
pub mod why;

use crate::stack::Stack;

pub use caller::Caller;
pub use codes::CODES;
pub(crate) use finding::{check, join};
pub use gateway::{Gateway, Mode, ToolAt};
pub use matrix::{Matrix, matrix};
pub(crate) use to_come::in_words;
pub use verdict::Cell;

/// The gateways of a stack and everybody who may call them.
#[derive(Debug)]
pub struct Access<'a> {
    /// The gateways, in the manifest's order.
    pub gateways: Vec<Gateway<'a>>,
    /// The callers: clients, personas, and tokens that were added.
    pub callers: Vec<Caller>,
}

impl<'a> Access<'a> {
    /// The access that a stack gives.
    pub fn of(stack: &'a Stack) -> Self {
        Self { gateways: gateway::gateways(stack), callers: caller::callers(stack) }
    }

    /// Adds the holder of a decoded token, given as JSON.
    pub fn add_token(&mut self, name: &str, text: &str) -> Result<(), String> {
        let identity = caller::Identity::Token(caller::token_from(text)?);
        self.callers.push(Caller { name: name.to_owned(), identity });
        Ok(())
    }

    /// The same where every engine enforces: what expectations are held against.
    pub fn enforced(stack: &'a Stack) -> Self {
        let mut access = Self::of(stack);
        for gateway in &mut access.gateways {
            if gateway.mode == Mode::LogOnly {
                gateway.mode = Mode::Enforce;
            }
        }
        access
    }

    /// Everybody who has what a gateway asks for.
    pub fn callers_of(&self, gateway: &Gateway<'_>) -> Vec<Caller> {
        let known = self.callers.iter().filter(|caller| gateway.asks(caller)).cloned();
        known.chain(gateway.strangers().into_iter().filter(|caller| gateway.asks(caller))).collect()
    }
}
