//! Lints: what the service would take, and what is likely not meant. Each can be allowed where it is found ([`super::allow`]).

mod authorizer;
mod caller;
mod claims;
mod codes;
mod gateway;
mod input;
mod limits;
mod mode;
mod moot;
mod pattern;
mod reach;
mod redundant;
mod scopes;
mod time;

use super::cedar::Engine;
use crate::access::prove::Solver;
use crate::diagnostic::Diagnostic;
use crate::stack::Stack;

pub(super) use codes::CODES;

pub(super) fn check(stack: &Stack, engines: &[Engine<'_>], solver: Option<&Solver>, found: &mut Vec<Diagnostic>) {
    for engine in engines {
        for statement in &engine.statements {
            pattern::check(stack, engine, statement, found);
            // What is refused, what never applies, and what is about another engine's gateway, was told.
            if !statement.sound || !statement.ours || statement.idle || redundant::contradiction(statement, found) {
                continue;
            }
            gateway::check(stack, engine, statement, found);
            caller::check(engine, statement, found);
            input::check(engine, statement, found);
            claims::check(stack, engine, statement, found);
            time::check(statement, found);
            reach::future(statement, found);
        }
        redundant::check(engine, found);
        scopes::check(stack, engine, found);
    }
    reach::check(stack, engines, found);
    authorizer::check(stack, found);
    limits::check(stack, engines, found);
    mode::check(stack, engines, found);
    // What the others found is not said again in other words.
    moot::check(stack, engines, solver, found);
}
