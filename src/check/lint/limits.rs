//! Limits of the service that no single value exceeds (service.md §14, cedar.md §1.6), and tools that stand in its way.

use std::collections::BTreeMap;

use model::{Action, Tools, cedar_schema};
use serde_json::Value;

use crate::check::cedar::{Engine, GuardedTarget};
use crate::check::{children, of_kind};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{
    GATEWAY, GATEWAY_TARGET, IDENTITY_PROVIDER, Kind, RESOURCE_SERVER, RUNTIME, RUNTIME_ENDPOINT, USER_POOL,
    USER_POOL_CLIENT, statement_of,
};
use crate::manifest::cedar::{TokenKind, is_temporal, tokens};
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

/// Operators of one temporal policy, and hours that it looks back.
const OPERATORS: usize = 3;
const HOURS: usize = 24;

/// Tools of one target.
const TOOLS: usize = 1_000;

/// Bytes of the tools that stand in a target.
const INLINE: usize = 1024 * 1024;

/// What may be in one parent: of what, in words, how many.
const WITHIN: [(&Kind, &Kind, &str, usize); 4] = [
    (&USER_POOL, &RESOURCE_SERVER, "resource servers", 25),
    (&USER_POOL, &USER_POOL_CLIENT, "clients", 1_000),
    (&USER_POOL, &IDENTITY_PROVIDER, "identity providers", 300),
    (&RUNTIME, &RUNTIME_ENDPOINT, "endpoints", 10),
];

pub(super) fn check(stack: &Stack, engines: &[Engine<'_>], found: &mut Vec<Diagnostic>) {
    for engine in engines {
        policies(engine, found);
        temporal(engine, found);
        schema(engine, found);
        dynamic(stack, engine, found);
    }
    for (kind, child, what, limit) in WITHIN {
        for parent in stack.resources.iter().filter(|resource| resource.kind == kind) {
            let count = stack
                .resources
                .iter()
                .filter(|other| other.kind == child && other.parent.as_ref() == Some(&parent.address))
                .count();
            exceeds(parent, &parent.span, what, count, limit, "divide them, or ask AWS for a higher quota", found);
        }
    }
    for gateway in of_kind(stack, &GATEWAY) {
        let targets = children(stack, &GATEWAY_TARGET, &gateway.address).count();
        exceeds(gateway, &gateway.span, "targets", targets, TARGETS, "divide them among two gateways", found);
    }
    for target in of_kind(stack, &GATEWAY_TARGET) {
        let configuration = target.document.get("targetConfiguration");
        if let Some(Tools::Known(tools)) = configuration.map(model::tools_of_target) {
            exceeds(target, &target.span, "tools", tools.len(), TOOLS, "divide them among two targets", found);
            let inline =
                configuration.and_then(|configuration| configuration.pointer("/mcp/lambda/toolSchema/inlinePayload"));
            let bytes = inline.map_or(0, |inline| inline.to_string().len());
            exceeds(
                target,
                &target.span,
                "bytes of tools",
                bytes,
                INLINE,
                "put them into S3, or shorten the descriptions",
                found,
            );
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

/// What one temporal policy may say: the words that make an operator, and the longest time after `within`.
fn temporal(engine: &Engine<'_>, found: &mut Vec<Diagnostic>) {
    for policy in &engine.policies {
        let statement = policy.document.get("definition").and_then(statement_of).filter(|text| is_temporal(text));
        let Some(statement) = statement else { continue };
        let code = |kind: TokenKind| !matches!(kind, TokenKind::Space | TokenKind::Comment | TokenKind::Literal);
        let words: Vec<&str> = tokens(statement)
            .into_iter()
            .filter(|token| code(token.kind))
            .filter_map(|token| statement.get(token.range))
            .collect();
        let operators = words.iter().filter(|word| matches!(**word, "formerly" | "since" | "count" | "sum")).count();
        let at = policy.span_of("definition");
        exceeds(policy, at, "temporal operators", operators, OPERATORS, "divide it into two policies", found);
        let spans = words.windows(2).filter_map(|pair| match pair {
            ["within", span] => hours(span),
            _ => None,
        });
        let longest = spans.max().unwrap_or_default();
        exceeds(policy, at, "hours to look back over", longest, HOURS, "look back over a shorter time", found);
    }
}

/// `90m`, `24h`, `2d` in hours, rounded up.
fn hours(span: &str) -> Option<usize> {
    let unit = span.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = span.split_at(unit);
    let number: usize = number.parse().ok()?;
    match unit {
        "s" => Some(number.div_ceil(3600)),
        "m" => Some(number.div_ceil(60)),
        "h" => Some(number),
        "d" => number.checked_mul(24),
        _ => None,
    }
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
