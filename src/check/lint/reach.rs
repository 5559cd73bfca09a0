//! What an engine's policies reach: engines without gateways or permits, tools without a permit, and tools that do not exist yet.

use std::collections::BTreeSet;

use cedar_policy::ResourceConstraint;
use model::Tools;

use crate::check::authorizer::is_enforced;
use crate::check::cedar::{Engine, Statement, engine_of};
use crate::check::lint::caller::asks_nothing;
use crate::check::of_kind;
use crate::diagnostic::Diagnostic;
use crate::kind::{GATEWAY, statement_of};
use crate::manifest::nearest::listed;
use crate::reference::is_unknown;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, engines: &[Engine<'_>], found: &mut Vec<Diagnostic>) {
    // A policy in the wrong engine leaves one without permits and one without gateways: it was told already.
    let astray = engines.iter().flat_map(|engine| &engine.statements).any(|statement| !statement.ours);
    for engine in engines.iter().filter(|engine| !engine.is_foreign()) {
        if !astray {
            unattached(stack, engine, found);
            without_permit(engine, found);
        }
        uncovered(engine, found);
    }
}

fn unattached(stack: &Stack, engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    // A gateway of somebody else may have it, and so may one that names its engine by ARN.
    let elsewhere = of_kind(stack, &GATEWAY).any(|gateway| {
        let configured = gateway.document.get("policyEngineConfiguration").is_some();
        gateway.existing.is_some() || (configured && engine_of(gateway).is_none())
    });
    if !engine.guarded.gateways.is_empty() || elsewhere || !engine.clean {
        return;
    }
    let address = &engine.resource.address;
    found.push(
        Diagnostic::warning(
            "lint::unattached-engine",
            format!("no gateway is attached to `{address}`, so it decides nothing"),
        )
        .at(engine.resource.span.clone(), "")
        .help(format!("attach it: `policy_engine = \"{}\"` and `policy_mode = \"ENFORCE\"` on a gateway", address.name))
        .about(address),
    );
}

fn without_permit(engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    let Some(gateway) = engine.guarded.gateways.iter().find(|gateway| is_enforced(gateway)) else { return };
    let permits = |statement: &Statement<'_>| statement.is_permit() && statement.is_active();
    if !engine.is_known() || engine.statements.iter().any(permits) {
        return;
    }
    let address = &engine.resource.address;
    found.push(
        Diagnostic::warning(
            "lint::engine-without-permit",
            format!("`{address}` has no permit in force, so nobody may call anything"),
        )
        .at(engine.resource.span.clone(), "")
        .with(gateway.span_of("policyEngineConfiguration.mode").clone(), "denies what no permit allows")
        .help("write a `permit` for each tool that may be called")
        .about(address),
    );
}

/// Tools that no permit names, of engines that have permits.
fn uncovered(engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    let permits: Vec<&Statement<'_>> =
        engine.statements.iter().filter(|statement| statement.is_permit() && statement.is_active()).collect();
    let unknown =
        |permit: &&Statement<'_>| permit.actions().is_some_and(|actions| actions.iter().any(|id| is_unknown(id)));
    if permits.is_empty() || !engine.clean || permits.iter().any(unknown) {
        return;
    }
    let unread: Vec<&str> = engine
        .unread()
        .map(|policy| policy.document.get("definition").and_then(statement_of).unwrap_or_default())
        .collect();
    for target in &engine.guarded.targets {
        let Tools::Known(tools) = &target.tools else { continue };
        let here = permits.iter().filter(|permit| permit.gateway().is_none_or(|gateway| gateway == *target.gateway));
        let named: Vec<Option<BTreeSet<String>>> = here.map(|permit| permit.actions()).collect();
        if named.contains(&None) {
            continue;
        }
        let named: BTreeSet<String> = named.into_iter().flatten().flatten().collect();
        let groups = [target.name, "CallTool", "Mcp"];
        let covered = |id: &str| named.contains(id) || unread.iter().any(|text| text.contains(&format!("\"{id}\"")));
        if groups.iter().any(|group| covered(group))
            || unread.iter().any(|text| !text.contains("AgentCore::Action::\""))
        {
            continue;
        }
        let uncovered: Vec<&str> = tools
            .iter()
            .filter(|tool| !covered(&format!("{}___{}", target.name, tool.name)))
            .map(|tool| tool.name.as_str())
            .collect();
        if uncovered.is_empty() {
            continue;
        }
        let (them, tools) = if uncovered.len() == 1 { ("it", "tool") } else { ("them", "tools") };
        let message = format!(
            "no permit covers the {tools} {} of `{}`, so nobody can call {them}",
            listed(&uncovered),
            target.address
        );
        found.push(
            Diagnostic::warning("lint::uncovered-tool", message)
                .at(target.span.clone(), "")
                .help(format!("write a `permit` in `{}`, or remove the {tools}", engine.resource.address))
                .about(target.address),
        );
    }
}

/// A permit on every target there is and will be. A whole target is what the service recommends to name, and a permit on every action
/// of one gateway says what it means.
pub(super) fn future(statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    // That it is open to everybody was told; a grant says `/**`.
    if !statement.is_permit() || asks_nothing(statement) || statement.text.is_granted() {
        return;
    }
    let what = match statement.actions() {
        None if matches!(statement.policy.resource_constraint(), ResourceConstraint::Is(_)) => {
            "every tool that any gateway of the engine gets later"
        }
        Some(actions) if ["CallTool", "Mcp"].iter().any(|group| actions.contains(*group)) => {
            "every tool that any target gets later"
        }
        _ => return,
    };
    found.push(
        statement
            .text
            .note("lint::future-tools", format!("the permit holds for {what}"))
            .at(statement.text.scope(), "")
            .help("name the tools, or their target"),
    );
}
