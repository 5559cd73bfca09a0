//! Limits of the service that no single value exceeds (service.md §14, cedar.md §1.6), and tools that stand in its way.

use std::collections::BTreeMap;

use model::{Action, Tools, cedar_schema};
use serde_json::Value;

use crate::check::cedar::{Engine, GuardedTarget};
use crate::check::{children, of_kind};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{GATEWAY, GATEWAY_TARGET, statement_of};
use crate::manifest::cedar::is_temporal;
use crate::stack::{Resource, Stack};

/// Policies of one engine.
const POLICIES: usize = 1_000;

/// Bytes of all statements of one engine.
const STATEMENTS: usize = 200 * 1024;

/// Bytes of the schema of one engine, over all tools of its gateways.
const SCHEMA: usize = 400 * 1024;

/// Policies of one engine that look at what happened before.
const TEMPORAL: usize = 20;

/// Targets of one gateway.
const TARGETS: usize = 100;

/// Tools of one target.
const TOOLS: usize = 1_000;

pub(super) fn check(stack: &Stack, engines: &[Engine<'_>], found: &mut Vec<Diagnostic>) {
    for engine in engines {
        policies(engine, found);
        schema(engine, found);
        dynamic(stack, engine, found);
    }
    for gateway in of_kind(stack, &GATEWAY) {
        let targets = children(stack, &GATEWAY_TARGET, &gateway.address).count();
        exceeds(gateway, &gateway.span, "targets", targets, TARGETS, "divide them among two gateways", found);
    }
    for target in of_kind(stack, &GATEWAY_TARGET) {
        let configuration = target.document.get("targetConfiguration");
        if let Some(Tools::Known(tools)) = configuration.map(model::tools_of_target) {
            exceeds(target, &target.span, "tools", tools.len(), TOOLS, "divide them among two targets", found);
            twice(target, tools.iter().map(|tool| tool.name.as_str()), found);
        }
    }
}

fn exceeds(
    resource: &Resource,
    at: &Span,
    what: &str,
    count: usize,
    limit: usize,
    help: &str,
    found: &mut Vec<Diagnostic>,
) {
    if count > limit {
        let message = format!("`{}` has {count} {what}, and the service takes {limit}", resource.address);
        found.push(Diagnostic::warning("lint::quota", message).at(at.clone(), "").help(help).about(&resource.address));
    }
}

fn policies(engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    let statements = || engine.policies.iter().filter_map(|policy| statement_of(policy.document.get("definition")?));
    let engine = engine.resource;
    exceeds(
        engine,
        &engine.span,
        "policies",
        statements().count(),
        POLICIES,
        "let one policy name several tools",
        found,
    );
    let bytes = statements().map(str::len).sum();
    let help = "let one policy name several tools, or divide the tools among two engines";
    exceeds(engine, &engine.span, "bytes of policies", bytes, STATEMENTS, help, found);
    let temporal = statements().filter(|text| is_temporal(text)).count();
    exceeds(engine, &engine.span, "temporal policies", temporal, TEMPORAL, "join some of them", found);
}

/// The schema's size as Cedar's own text, which the limit is taken to mean.
fn schema(engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    let actions: Vec<Action> = engine.guarded.targets.iter().flat_map(GuardedTarget::actions).collect();
    let schema = cedar_schema(&actions, &[]);
    // JSON says the same in more bytes: most schemas need no second look.
    if schema.to_string().len() <= SCHEMA {
        return;
    }
    let text =
        cedar_policy::SchemaFragment::from_json_value(schema).ok().and_then(|schema| schema.to_cedarschema().ok());
    let bytes = text.map_or(0, |text| text.len());
    let engine = engine.resource;
    let help = "divide the tools among gateways with engines of their own, or describe fewer arguments";
    exceeds(engine, &engine.span, "bytes of types of its tools", bytes, SCHEMA, help, found);
}

/// Policies cannot be created while a target lists its tools anew for each caller.
fn dynamic(stack: &Stack, engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    if engine.policies.is_empty() {
        return;
    }
    for gateway in &engine.guarded.gateways {
        for target in children(stack, &GATEWAY_TARGET, &gateway.address) {
            let mode = target.document.pointer("/targetConfiguration/mcp/mcpServer/listingMode");
            if mode.and_then(Value::as_str) == Some("DYNAMIC") {
                let message =
                    format!("policies of `{}` cannot be created beside a `DYNAMIC` target", engine.resource.address);
                found.push(
                    Diagnostic::warning("lint::dynamic-target", message)
                        .at(target.span_of("targetConfiguration.mcp.mcpServer.listingMode").clone(), "")
                        .help("use the listing mode `DEFAULT`, or a gateway without policies for this target")
                        .about(&target.address),
                );
            }
        }
    }
}

/// Two tools of one name.
fn twice<'a>(target: &Resource, names: impl Iterator<Item = &'a str>, found: &mut Vec<Diagnostic>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
        found.push(
            Diagnostic::warning("lint::duplicate-tool", format!("`{}` has {count} tools `{name}`", target.address))
                .at(target.span_of("targetConfiguration").clone(), "")
                .help("give each tool a name of its own: a policy and a caller cannot tell them apart")
                .about(&target.address),
        );
    }
}
