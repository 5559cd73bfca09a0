//! Checks what a finished stack means: mistakes that every single value is innocent of, found before anything is touched.
//!
//! Whether the values fit AWS's model, and whether references lead somewhere, was decided when the manifest was read.

mod artifact;
mod authorizer;
mod cedar;
mod client;
mod codes;
mod pool;
mod reserved;

use std::collections::HashSet;

use serde_json::Value;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Sources};
use crate::kind::Kind;
use crate::reference::{self, Target};
use crate::stack::{Resource, Stack};

pub use codes::CODES;

/// Everything found in a stack. `sources` are the files it was read from.
pub fn check(stack: &Stack, sources: &Sources) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    authorizer::check(stack, &mut found);
    pool::check(stack, &mut found);
    client::check(stack, &mut found);
    artifact::check(stack, &mut found);
    reserved::check(stack, &mut found);
    cedar::check(stack, sources, &mut found);
    // A definition that several resources use stands in one place: one mistake, one message.
    let mut seen = HashSet::new();
    found.retain(|diagnostic| {
        let place = diagnostic.primary.as_ref().map(|label| label.span.clone());
        seen.insert((diagnostic.code, place, diagnostic.message.clone()))
    });
    found
}

/// The resources of a kind.
fn of_kind<'a>(stack: &'a Stack, kind: &'static Kind) -> impl Iterator<Item = &'a Resource> {
    stack.resources.iter().filter(move |resource| resource.kind == kind)
}

/// The resources of a kind that live in a parent.
fn children<'a>(stack: &'a Stack, kind: &'static Kind, parent: &'a Address) -> impl Iterator<Item = &'a Resource> {
    of_kind(stack, kind).filter(move |resource| resource.parent.as_ref() == Some(parent))
}

/// The resource that an ARN in a document belongs to, if it is one of the manifest.
fn referred(value: Option<&Value>) -> Option<Address> {
    reference::references(value?).into_iter().find_map(|found| match found.target {
        Target::Output(address, _) => Some(address),
        _ => None,
    })
}

/// The texts of a list member.
fn texts<'a>(document: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    document.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
