//! The strategies of memories: what was asked for in one form is shown in another.

use serde_json::{Value, json};

use super::is_under_way;
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::identifier::SMALL;
use crate::session::Session;
use crate::state::Object;

/// The member that asks for them, and the one that shows them.
const ASKED: &str = "memoryStrategies";
const STRATEGIES: &str = "strategies";

/// An arm of the request, the type it has in answers, and where it keeps what it finds unless it is told.
const ARMS: [(&str, &str, &str); 5] = [
    ("semanticMemoryStrategy", "SEMANTIC", BY_ACTOR),
    ("summaryMemoryStrategy", "SUMMARIZATION", BY_SESSION),
    ("userPreferenceMemoryStrategy", "USER_PREFERENCE", BY_ACTOR),
    ("customMemoryStrategy", "CUSTOM", BY_ACTOR),
    ("episodicMemoryStrategy", "EPISODIC", BY_SESSION),
];
const BY_ACTOR: &str = "/strategies/{memoryStrategyId}/actors/{actorId}/";
const BY_SESSION: &str = "/strategies/{memoryStrategyId}/actors/{actorId}/sessions/{sessionId}/";

/// An arm of a custom strategy, its type in answers, and what its overrides are called there.
const OVERRIDES: [(&str, &str, &str); 4] = [
    ("semanticOverride", "SEMANTIC_OVERRIDE", "semantic"),
    ("summaryOverride", "SUMMARY_OVERRIDE", "summary"),
    ("userPreferenceOverride", "USER_PREFERENCE_OVERRIDE", "userPreference"),
    ("episodicOverride", "EPISODIC_OVERRIDE", "episodic"),
];

/// Carries out what a request says of the strategies of a memory: all of a creation, or the commands of an update.
pub(super) fn change(session: &mut Session<'_>, memory: &mut Object, input: &Document) -> Result<(), Failure> {
    memory.document.shift_remove(ASKED);
    let mut strategies = match memory.document.shift_remove(STRATEGIES) {
        Some(Value::Array(strategies)) => strategies,
        _ => Vec::new(),
    };
    // What was under way when the last update was accepted is over.
    settle(&mut strategies);
    match input.get(ASKED) {
        Some(Value::Object(commands)) => {
            let list = |member: &str| commands.get(member).and_then(Value::as_array).into_iter().flatten();
            for command in list("modifyMemoryStrategies").filter_map(Value::as_object) {
                modify(session, find(&mut strategies, command)?, command)?;
            }
            for command in list("deleteMemoryStrategies").filter_map(Value::as_object) {
                find(&mut strategies, command)?.insert("status".into(), json!("DELETING"));
            }
            add(session, &mut strategies, commands.get("addMemoryStrategies"))?;
        }
        asked => add(session, &mut strategies, asked)?,
    }
    memory.document.insert(STRATEGIES.into(), json!(strategies));
    Ok(())
}

fn add(session: &mut Session<'_>, strategies: &mut Vec<Value>, asked: Option<&Value>) -> Result<(), Failure> {
    for asked in asked.and_then(Value::as_array).into_iter().flatten() {
        let found = ARMS.iter().find_map(|(arm, kind, place)| Some((asked.get(arm)?.as_object()?, *kind, *place)));
        let Some((asked, kind, place)) = found else { continue };
        let name = text(asked, "name");
        if strategies.iter().any(|strategy| strategy.get("name") == asked.get("name")) {
            return Err(Failure::conflict(format!("A strategy with name {name} already exists in the memory")));
        }
        let mut strategy = document(json!({
            "strategyId": format!("{name}-{}", session.letters(SMALL, 10)),
            "name": name,
            "type": kind,
            "createdAt": session.now,
            "status": "CREATING",
        }));
        strategy.extend(configuration(asked).map(|configuration| ("configuration".to_owned(), configuration)));
        set(session, &mut strategy, asked)?;
        for member in ["namespaces", "namespaceTemplates"] {
            strategy.entry(member).or_insert_with(|| json!([place]));
        }
        strategies.push(Value::Object(strategy));
    }
    Ok(())
}

fn modify(session: &Session<'_>, strategy: &mut Document, command: &Document) -> Result<(), Failure> {
    if let Some(Value::Object(changes)) = command.get("configuration") {
        let mut configuration = strategy.shift_remove("configuration").map(document).unwrap_or_default();
        for (member, change) in changes {
            match (configuration.get_mut(member), change) {
                (Some(Value::Object(before)), Value::Object(change)) if member == SELF_MANAGED => {
                    before.extend(change.clone());
                }
                _ => drop(configuration.insert(member.clone(), change.clone())),
            }
        }
        strategy.insert("configuration".into(), Value::Object(configuration));
    }
    set(session, strategy, command)
}

/// A strategy is ready when its memory is, and gone then if it was deleted.
pub(super) fn show(memory: &Object, view: &mut Document) {
    let Some(Value::Array(strategies)) = view.get_mut(STRATEGIES) else { return };
    if is_under_way(memory) {
        return;
    }
    settle(strategies);
}

fn settle(strategies: &mut Vec<Value>) {
    strategies.retain(|strategy| strategy.get("status") != Some(&json!("DELETING")));
    for status in strategies.iter_mut().filter_map(|strategy| strategy.get_mut("status")) {
        *status = json!("ACTIVE");
    }
}

const SELF_MANAGED: &str = "selfManagedConfiguration";

fn find<'a>(strategies: &'a mut [Value], command: &Document) -> Result<&'a mut Document, Failure> {
    let id = text(command, "memoryStrategyId");
    let mut there = strategies.iter_mut().filter_map(Value::as_object_mut);
    let found = there.find(|strategy| text(strategy, "strategyId") == id && text(strategy, "status") != "DELETING");
    found.ok_or_else(|| Failure::missing("Memory strategy", id))
}

/// What a strategy takes over from a request as it stands.
fn set(session: &Session<'_>, strategy: &mut Document, asked: &Document) -> Result<(), Failure> {
    if asked.contains_key("namespaces") && asked.contains_key("namespaceTemplates") {
        let message = "Only one of namespaces and namespaceTemplates can be given";
        return Err(Failure::invalid_field("memoryStrategies", message));
    }
    if let Some(places) = asked.get("namespaceTemplates").or(asked.get("namespaces")) {
        strategy.insert("namespaces".into(), places.clone());
        strategy.insert("namespaceTemplates".into(), places.clone());
    }
    for member in ["description", "memoryRecordSchema"] {
        strategy.extend(asked.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    if let Some(expiry) = asked.get("recordExpirySpecification") {
        match expiry.get("recordExpiryDurationDays") {
            Some(days) => strategy.insert("recordExpiryDurationDays".into(), days.clone()),
            None => strategy.shift_remove("recordExpiryDurationDays"),
        };
    }
    strategy.insert("updatedAt".into(), json!(session.now));
    Ok(())
}

/// A configuration as answers show it.
fn configuration(asked: &Document) -> Option<Value> {
    if let Some(reflection) = asked.get("reflectionConfiguration") {
        return Some(json!({"reflection": {"episodicReflectionConfiguration": reflection}}));
    }
    let custom = asked.get("configuration")?;
    if let Some(own) = custom.get(SELF_MANAGED) {
        let mut shown = document(json!({
            "triggerConditions": [
                {"messageBasedTrigger": {"messageCount": 6}},
                {"tokenBasedTrigger": {"tokenCount": 5000}},
                {"timeBasedTrigger": {"idleSessionTimeout": 1800}},
            ],
            "historicalContextWindowSize": 4,
        }));
        shown.extend(document(own.clone()));
        return Some(json!({"type": "SELF_MANAGED", SELF_MANAGED: shown}));
    }
    let (overrides, kind, name) =
        OVERRIDES.iter().find_map(|(arm, kind, name)| Some((custom.get(arm)?, *kind, *name)))?;
    let mut shown = document(json!({"type": kind}));
    for (step, outer, inner) in [
        ("extraction", "customExtractionConfiguration", "ExtractionOverride"),
        ("consolidation", "customConsolidationConfiguration", "ConsolidationOverride"),
        ("reflection", "customReflectionConfiguration", "ReflectionOverride"),
    ] {
        if let Some(step_override) = overrides.get(step) {
            shown.insert(step.to_owned(), json!({outer: {format!("{name}{inner}"): step_override}}));
        }
    }
    Some(Value::Object(shown))
}
