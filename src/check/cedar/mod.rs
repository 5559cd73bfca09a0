//! Cedar: every policy of the stack is read, held against the service's rules, and typed against the tools it is about.

mod action;
pub(crate) mod expression;
pub(crate) mod place;
mod scope;
mod statement;
mod tools;
mod validation;
mod words;

use std::collections::HashMap;
use std::str::FromStr as _;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ParseErrors, Policy, PolicyId, PolicySet};

use super::of_kind;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::kind::{POLICY, POLICY_ENGINE, statement_of};
use crate::manifest::cedar::{DEEPEST, LONGEST, is_extended, is_temporal, is_too_deep, least_length};
use crate::manifest::cedar_syntax;
use crate::reference::{self, Target};
use crate::stack::{Resource, Stack};

pub(super) use self::place::Text;
pub(super) use self::statement::{Engine, SIGNER, Statement, TOKEN_HOLDER};
use self::tools::Guarded;
pub(super) use self::tools::{GuardedTarget, engine_of};

/// Looks at every policy, and tells what was read of each engine.
pub(super) fn check<'a>(stack: &'a Stack, sources: &'a Sources, found: &mut Vec<Diagnostic>) -> Vec<Engine<'a>> {
    let engine = |engine: &'a Resource| {
        let guarded = Guarded::by(stack, &engine.address);
        Engine { resource: engine, guarded, statements: Vec::new(), policies: Vec::new(), clean: true }
    };
    let mut engines: Vec<Engine<'a>> = of_kind(stack, &POLICY_ENGINE).map(engine).collect();
    let places: HashMap<&Address, usize> =
        engines.iter().enumerate().map(|(index, engine)| (&engine.resource.address, index)).collect();
    for policy in of_kind(stack, &POLICY) {
        let engine = policy.parent.as_ref().and_then(|engine| engines.get_mut(*places.get(engine)?));
        let statement = policy.document.get("definition").and_then(statement_of);
        let text = statement.map(|statement| Text::new(policy, with_names(stack, statement), sources));
        let before = errors(found);
        let read = text.and_then(|text| Some((read(&text, policy, found)?, text)));
        let Some(engine) = engine else { continue };
        engine.policies.push(policy);
        engine.clean &= errors(found) == before;
        let Some((policy, text)) = read else { continue };
        let bounded = scope::check(&text, &policy, &engine.guarded, found);
        let ours = scope::names_own_gateways(stack, &engine.resource.address, &text, found);
        // What the service would refuse anyway is not typed as well, and for another engine's gateway nothing is known.
        let form = policy.to_json().unwrap_or_default();
        let untyped = if ours { action::check(&text, &policy, &engine.guarded, found) } else { None };
        if let Some(untyped) = untyped.filter(|_| bounded) {
            validation::check(&text, &policy, &form, &mut engine.guarded, &untyped, found);
        }
        let sound = errors(found) == before;
        engine.clean &= sound;
        let idle = found
            .last()
            .is_some_and(|last| last.code == "cedar::never-applies" && last.address.as_ref() == Some(text.address()));
        engine.statements.push(Statement { text, policy, form, ours, idle, sound });
    }
    engines
}

/// How many findings are errors.
fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|found| found.severity == Severity::Error).count()
}

/// The statement with the live names of the manifest's resources filled in: a target's name is part of its actions.
fn with_names(stack: &Stack, statement: &str) -> String {
    reference::resolve_text(statement, &|target| match target {
        Target::Output(address, output) if output == "name" => {
            let name = stack.resource(address)?.live_name()?;
            (!reference::is_unknown(name)).then(|| name.to_owned())
        }
        _ => None,
    })
}

/// The one policy of a text, called by its address.
fn read(text: &Text<'_>, policy: &Resource, found: &mut Vec<Diagnostic>) -> Option<Policy> {
    let length = least_length(text.statement());
    if length > LONGEST {
        // Of a text without references the model says it.
        if reference::is_unknown(text.statement()) {
            let message = format!("the statement has {length} characters, and the service takes {LONGEST}");
            found.push(text.error("cedar::too-long", message).at(text.whole(), "").help("split it into several"));
        }
        return None;
    }
    if is_too_deep(text.statement()) {
        let message = format!("brackets and conditions lie more than {DEEPEST} deep in each other");
        found.push(text.error("cedar::syntax", message).at(text.whole(), "").help("split the statement into several"));
        return None;
    }
    let set = match PolicySet::from_str(text.statement()) {
        Ok(set) => set,
        Err(errors) => {
            unreadable(text, policy, &errors, found);
            return None;
        }
    };
    if set.num_of_templates() > 0 {
        found.push(
            text.error("cedar::syntax", "a policy has no slots")
                .at(text.span_of("?"), "nothing fills this in")
                .help("name the principal or resource itself"),
        );
        return None;
    }
    let mut places: Vec<_> =
        set.policies().filter_map(|policy| text.range_of(&policy.to_cedar()?).map(|range| range.start)).collect();
    places.sort_unstable();
    match (set.num_of_policies(), set.policies().next()) {
        (1, Some(policy)) => Some(policy.new_id(PolicyId::new(text.address().to_string()))),
        (count, _) => {
            let start = places.get(1).copied().unwrap_or_default();
            found.push(
                text.error("cedar::one-statement", format!("a policy is one statement, found {count}"))
                    .at(text.span(&(start..text.statement().trim_end().len())), "")
                    .help("give each statement a `policy` of its own, or put the file into a `policy_set`"),
            );
            None
        }
    }
}

/// Cedar's own message, at the place it names.
fn unreadable(text: &Text<'_>, policy: &Resource, errors: &ParseErrors, found: &mut Vec<Diagnostic>) {
    if is_extended(text.statement()) {
        let header = is_temporal(text.statement()).then_some(
            "from then on every call needs the header `x-amzn-bedrock-agentcore-policy-session-id`, or it is refused",
        );
        let of_cedar = policy.document.pointer("/definition/cedar").is_some();
        let elsewhere = of_cedar.then_some("write it into `definition.policy`");
        let mut diagnostic = if of_cedar {
            text.warning(
                "cedar::not-plain",
                "`definition.cedar` takes plain Cedar, and this policy uses an extension of it",
            )
        } else {
            text.note("cedar::not-plain", "this policy uses an extension of Cedar, only the service can check it")
        };
        let help = elsewhere.into_iter().chain(header).collect::<Vec<_>>().join("; ");
        diagnostic.help = Some(help).filter(|help| !help.is_empty());
        found.push(diagnostic.at(text.whole(), ""));
        return;
    }
    for error in errors.iter().map(DetailedError::from) {
        let label = error.source_locations.first();
        let place = label.map_or_else(|| text.whole(), |label| text.span(&(label.loc.start..label.loc.end)));
        let (message, help) = cedar_syntax::said(&error);
        let mut diagnostic = text.error("cedar::syntax", message).at(place, "");
        diagnostic.help = help;
        found.push(diagnostic);
    }
}
