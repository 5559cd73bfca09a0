//! Cedar: every policy of the stack is read, held against the service's rules, and typed against the tools it is about.

mod action;
pub(crate) mod place;
mod scope;
mod tools;
mod validation;

use std::collections::HashMap;
use std::str::FromStr as _;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ParseErrors, Policy, PolicyId, PolicySet};

use self::place::Text;
use self::tools::Guarded;
use super::of_kind;
use crate::diagnostic::{Diagnostic, Sources};
use crate::kind::{POLICY, statement_of};
use crate::manifest::cedar::{DEEPEST, is_too_deep};
use crate::reference::{self, Target};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, sources: &Sources, found: &mut Vec<Diagnostic>) {
    let mut engines = HashMap::new();
    for resource in of_kind(stack, &POLICY) {
        let Some(statement) = resource.document.get("definition").and_then(statement_of) else { continue };
        let text = Text::new(resource, with_names(stack, statement), sources);
        let Some(policy) = read(&text, found) else { continue };
        let Some(engine) = &resource.parent else { continue };
        let guarded = engines.entry(engine).or_insert_with(|| Guarded::by(stack, engine));
        let bounded = scope::check(&text, &policy, guarded, found);
        let ours = scope::names_own_gateways(stack, engine, &text, found);
        // What the service would refuse anyway is not typed as well, and for another engine's gateway nothing is known.
        if ours && action::check(&text, &policy, guarded, found) && bounded {
            validation::check(&text, policy, guarded, found);
        }
    }
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
fn read(text: &Text<'_>, found: &mut Vec<Diagnostic>) -> Option<Policy> {
    if is_too_deep(text.statement()) {
        let message = format!("brackets and conditions lie more than {DEEPEST} deep in each other");
        found.push(text.error("cedar::syntax", message).at(text.whole(), "").help("split the statement into several"));
        return None;
    }
    let set = match PolicySet::from_str(text.statement()) {
        Ok(set) => set,
        Err(errors) => {
            unreadable(text, &errors, found);
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
fn unreadable(text: &Text<'_>, errors: &ParseErrors, found: &mut Vec<Diagnostic>) {
    if is_extended(text.statement()) {
        found.push(
            text.note("cedar::not-plain", "this policy uses an extension of Cedar, only the service can check it")
                .at(text.whole(), ""),
        );
        return;
    }
    for error in errors.iter().map(DetailedError::from) {
        let label = error.source_locations.first();
        let place = label.map_or_else(|| text.whole(), |label| text.span(&(label.loc.start..label.loc.end)));
        let mut diagnostic = text.error("cedar::syntax", reference::display(&error.message)).at(place, "");
        // What could stand there instead is the label of Cedar's message.
        if let Some(help) = error.help.clone().or_else(|| label?.label.clone()) {
            diagnostic = diagnostic.help(help);
        }
        found.push(diagnostic);
    }
}

/// The service's extensions: temporal conditions, guardrails, and an effect of their own.
fn is_extended(statement: &str) -> bool {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let condition = |extension| {
        words
            .windows(2)
            .any(|pair| matches!(pair, ["when" | "unless", next] if next.split('{').next() == Some(extension)))
    };
    condition("temporal") || condition("guardrails") || statement.trim_start().starts_with("suppressOutput")
}
