//! Checks what a finished stack means: mistakes that every single value is innocent of, found before anything is touched.
//!
//! Whether the values fit AWS's model, and whether references lead somewhere, was decided when the manifest was read.

pub(crate) mod allow;
mod artifact;
mod authorizer;
pub(crate) mod cedar;
mod client;
mod codes;
mod credential;
pub(crate) mod deep;
mod issuer;
mod lint;
mod pool;
mod reserved;

use std::collections::HashSet;

use serde_json::Value;

use crate::access;
use crate::access::expect::Holding;
use crate::access::prove::Solver;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::kind::Kind;
use crate::reference::{self, Target};
use crate::stack::{Resource, Stack};

/// Every code of the checks with its explanation.
pub fn codes() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    codes::CODES.iter().chain(lint::CODES)
}

/// More mistakes of a manifest that is refused already: those of resources that nothing else is wrong with. What depends on other
/// resources is looked at only where those could be read, so that one mistake does not become two.
pub fn check_draft(draft: &Stack, sources: &Sources, known: &[Diagnostic]) -> Vec<Diagnostic> {
    let errors = || known.iter().filter(|found| found.severity == Severity::Error);
    // An error that is about no resource may have swallowed one.
    let whole = errors().all(|error| error.address.is_some());
    let wrong = |kind: &str| errors().any(|error| error.address.as_ref().is_some_and(|address| address.kind == kind));
    let trusted = |code: &str| {
        let needs: &[&str] = match code {
            code if code.starts_with("access::") => return false,
            "check::unknown-scope" => &["resource_server", "user_pool"],
            "check::client-name" | "check::audience-with-cognito" => {
                &["user_pool_client", "user_pool", "jwt_authorizer"]
            }
            code if code.starts_with("cedar::")
                && !matches!(
                    code,
                    "cedar::syntax" | "cedar::one-statement" | "cedar::bare-resource" | "cedar::too-long"
                ) =>
            {
                &["gateway", "gateway_target", "policy_engine"]
            }
            _ => return true,
        };
        whole && !needs.iter().any(|kind| wrong(kind))
    };
    let mut found = check(draft, sources);
    found.retain(|found| {
        found.severity == Severity::Error
            && trusted(found.code)
            && found
                .address
                .as_ref()
                .is_some_and(|address| errors().all(|error| error.address.as_ref() != Some(address)))
    });
    found
}

/// Everything found in a stack. `sources` are the files it was read from. What expectations say of every token is tested only.
pub fn check(stack: &Stack, sources: &Sources) -> Vec<Diagnostic> {
    check_with(stack, sources, None).0
}

/// The same where a solver proves what it can, and what came of the expectations; nothing where something else is wrong.
pub fn check_with(stack: &Stack, sources: &Sources, solver: Option<&Solver>) -> (Vec<Diagnostic>, Holding) {
    let mut found = Vec::new();
    let mut holding = Holding::default();
    authorizer::check(stack, &mut found);
    pool::check(stack, &mut found);
    client::check(stack, &mut found);
    credential::check(stack, &mut found);
    artifact::check(stack, &mut found);
    reserved::check(stack, &mut found);
    match deep::deep(|| policies(stack, sources, solver)) {
        Some(of_policies) => found.extend(of_policies),
        None => found.push(no_room("the policies could not be checked: no memory is left for it")),
    }
    // What policies and authorizers get wrong is not said a second time as what follows from it.
    if found.iter().all(|found| found.severity != Severity::Error) {
        match deep::deep(|| access::check(stack, solver)) {
            Some((of_access, held)) => {
                found.extend(of_access);
                holding = held;
            }
            None => found.push(no_room("who can call what could not be worked out: no memory is left for it")),
        }
    }
    // A solver that fails is told once.
    if found.iter().any(|found| found.code == "access::solver") {
        found.retain(|found| found.code != "lint::unproved");
    }
    // A definition that several resources use stands in one place: one mistake, one message.
    let mut seen = HashSet::new();
    found.retain(|diagnostic| {
        let place = diagnostic.primary.as_ref().map(|label| label.span.clone());
        seen.insert((diagnostic.code, place, diagnostic.message.clone()))
    });
    allow::apply(sources, &mut found);
    access::join(&mut found);
    (found, holding)
}

fn no_room(message: &str) -> Diagnostic {
    Diagnostic::error("cedar::no-room", message).help("end other programs, or allow more memory (`ulimit -v`)")
}

/// What is found in policies, and in everything that they depend on.
fn policies(stack: &Stack, sources: &Sources, solver: Option<&Solver>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let engines = cedar::check(stack, sources, &mut found);
    lint::check(stack, &engines, solver, &mut found);
    found
}

pub(crate) use authorizer::adds_claims;

/// The resources of a kind.
pub(crate) fn of_kind<'a>(stack: &'a Stack, kind: &'static Kind) -> impl Iterator<Item = &'a Resource> {
    stack.resources.iter().filter(move |resource| resource.kind == kind)
}

/// The resources of a kind that live in a parent.
pub(crate) fn children<'a>(
    stack: &'a Stack,
    kind: &'static Kind,
    parent: &'a Address,
) -> impl Iterator<Item = &'a Resource> {
    of_kind(stack, kind).filter(move |resource| resource.parent.as_ref() == Some(parent))
}

/// The resource that an ARN in a document belongs to, if it is one of the manifest.
pub(crate) fn referred(value: Option<&Value>) -> Option<Address> {
    reference::references(value?).into_iter().find_map(|found| match found.target {
        Target::Output(address, _) => Some(address),
        _ => None,
    })
}

/// The texts of a list member.
pub(crate) fn texts<'a>(document: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    document.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
