//! Kinds that differ by a row of a table: what the model does not know of each, and the five operations that follow from both.
//!
//! A row is a [`Resource`] in the file of its kind. The model gives routes, members, statuses and pages; the row gives the shape of
//! the identifier and the ARN, the states and their order, what an object lives in and what lives in it, the wrapper around an
//! answer and what the service fills in. What follows from neither is an operation of its own in the same file, or a hook.

use model::Api;
use serde_json::Value;

use crate::document::Document;
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

mod agent_insight_store;
mod browser;
mod capacity_provider;
mod code_interpreter;
mod configuration_bundle;
mod consent_portal;
mod dataset;
mod dataset_example;
mod evaluator;
mod gateway_rate_limit;
mod gateway_rule;
mod harness;
mod harness_endpoint;
mod lifecycle;
mod memory;
mod memory_strategy;
mod online_evaluation_config;
mod payment_connector;
mod payment_credential_provider;
mod payment_manager;
pub(crate) mod policy_generation;
mod registry;
mod registry_record;
mod resource_policy;
mod states;
mod token_vault;

use lifecycle::{is_under_way, keep, output, uuid};
use states::{NONE, States};

/// When what is built in was made, in milliseconds since 1970: at the end of 2025.
const BUILT_IN_SINCE: u64 = 1_766_000_000_000;

/// The table.
const RESOURCES: &[&Resource] = &[
    &agent_insight_store::STORE,
    &browser::BROWSER,
    &browser::PROFILE,
    &capacity_provider::PROVIDER,
    &code_interpreter::INTERPRETER,
    &configuration_bundle::BUNDLE,
    &consent_portal::PORTAL,
    &dataset::DATASET,
    &evaluator::EVALUATOR,
    &gateway_rate_limit::LIMIT,
    &gateway_rule::RULE,
    &harness::HARNESS,
    &harness_endpoint::ENDPOINT,
    &memory::MEMORY,
    &online_evaluation_config::CONFIG,
    &payment_connector::CONNECTOR,
    &payment_credential_provider::PROVIDER,
    &payment_manager::MANAGER,
    &policy_generation::GENERATION,
    &registry::REGISTRY,
    &registry_record::RECORD,
];

/// What does not follow from the table.
pub(crate) const IRREGULAR: &[Operations] = &[
    agent_insight_store::OPERATIONS,
    capacity_provider::OPERATIONS,
    configuration_bundle::OPERATIONS,
    dataset::OPERATIONS,
    dataset_example::OPERATIONS,
    gateway_rate_limit::OPERATIONS,
    harness::OPERATIONS,
    payment_connector::OPERATIONS,
    policy_generation::OPERATIONS,
    registry_record::OPERATIONS,
    resource_policy::OPERATIONS,
    token_vault::OPERATIONS,
];

/// A row of the table.
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    /// What operations call one: `Browser` as in `CreateBrowser`.
    noun: &'static str,
    /// What the listing calls them: `Browsers` as in `ListBrowsers`.
    plural: &'static str,
    /// What messages call one.
    what: &'static str,
    /// What it lives in.
    parent: Option<Parent>,
    /// The member with which requests name one.
    label: &'static str,
    /// The member with which answers name one, and what an identifier looks like.
    id: (&'static str, Id),
    /// The member that shows its own ARN, and the end of that ARN: `{id}` and `{parent}` are filled in.
    arn: Option<(&'static str, &'static str)>,
    /// The members with the moments of its creation and of its last update.
    moments: (&'static str, &'static str),
    states: States,
    /// The member that the answers about one are wrapped in.
    wrapper: Option<&'static str>,
    /// Members of which no two objects in one parent have the same value.
    unique: &'static [&'static str],
    /// What must not live in it when it is deleted.
    children: &'static [Kind],
    /// How many there may be in one parent.
    most: Option<usize>,
    /// How many a page has unless the request says.
    page: usize,
    /// What the service fills in where a request says nothing.
    defaults: fn() -> Value,
    /// What else happens to a new object, or refuses it.
    on_create: Hook,
    /// What else happens to one that was patched, or refuses that.
    on_update: Hook,
    /// What refuses a deletion besides.
    on_delete: fn(&Session<'_>, &Object) -> Result<(), Failure>,
    /// What else is shown of one, besides what it holds.
    on_show: fn(&Session<'_>, &Object, &mut Document),
    /// Objects that are there without anybody having made them, by their identifiers.
    built_in: fn(&Session<'_>) -> Vec<(String, Document)>,
}

/// Changes an object that a request is about, before it is kept.
type Hook = fn(&mut Session<'_>, &mut Object, &Document) -> Result<(), Failure>;

/// What an object lives in.
pub(crate) struct Parent {
    kind: Kind,
    /// What messages call it.
    what: &'static str,
    /// The member with which requests, and some answers, name it.
    label: &'static str,
    /// The member with which answers show its ARN.
    arn: &'static str,
}

/// What an identifier looks like.
pub(crate) enum Id {
    /// A member's text, a hyphen and ten small letters.
    Named(&'static str),
    /// The same in lower case.
    Lower(&'static str),
    /// So many letters.
    Letters(usize),
    /// A UUID.
    Uuid,
    /// A member's text; ten letters where the request has none.
    Own(&'static str),
}

/// What an operation of the table does.
#[derive(Clone, Copy)]
pub(crate) enum Verb {
    Create,
    Get,
    List,
    Update,
    Delete,
}

/// What rows have in common.
const PLAIN: Resource = Resource {
    kind: Kind::Browser,
    noun: "",
    plural: "",
    what: "",
    parent: None,
    label: "",
    id: ("", Id::Uuid),
    arn: None,
    moments: ("createdAt", "updatedAt"),
    states: NONE,
    wrapper: None,
    unique: &[],
    children: &[],
    most: None,
    page: 100,
    defaults: || Value::Null,
    on_create: |_, _, _| Ok(()),
    on_update: |_, _, _| Ok(()),
    on_delete: |_, _| Ok(()),
    on_show: |_, _, _| {},
    built_in: |_| Vec::new(),
};

const VERBS: [(&str, Verb); 5] = [
    ("Create", Verb::Create),
    ("Get", Verb::Get),
    ("List", Verb::List),
    ("Update", Verb::Update),
    ("Delete", Verb::Delete),
];

/// The row and the verb of an operation.
pub(crate) fn operation(name: &str) -> Option<(&'static Resource, Verb)> {
    let (verb, noun) = VERBS.iter().find_map(|(prefix, verb)| Some((*verb, name.strip_prefix(prefix)?)))?;
    let is_meant = |resource: &&&Resource| match verb {
        Verb::List => resource.plural == noun,
        _ => resource.noun == noun,
    };
    RESOURCES.iter().find(is_meant).map(|resource| (*resource, verb))
}

/// The kind that an update of the model is about, and the members of the request that name its parent and itself.
pub(crate) fn updated(name: &str) -> Option<(Kind, Option<&'static str>, &'static str)> {
    let (resource, _) = operation(name).filter(|(_, verb)| matches!(verb, Verb::Update))?;
    Api::agentcore().operation(name)?;
    Some((resource.kind, resource.parent.as_ref().map(|parent| parent.label), resource.label))
}

/// Runs an operation of the table.
pub(crate) fn run(
    session: &mut Session<'_>,
    resource: &Resource,
    verb: Verb,
    operation: &str,
    input: &Document,
) -> Result<Value, Failure> {
    match verb {
        Verb::Create => resource.create(session, operation, input),
        Verb::Get => resource.get(session, operation, input),
        Verb::List => resource.list(session, operation, input),
        Verb::Update => resource.update(session, operation, input),
        Verb::Delete => resource.delete(session, operation, input),
    }
}

#[cfg(test)]
mod tests {
    use model::Body;

    use super::*;

    /// The members of what a `Get` answers about one.
    fn shown(resource: &Resource) -> &'static [model::Member] {
        let api = Api::agentcore();
        let output = api.output(&format!("Get{}", resource.noun)).unwrap();
        let inner = resource.wrapper.and_then(|wrapper| api.shape(&output.member(wrapper)?.shape));
        inner.unwrap_or(output).members()
    }

    #[test]
    fn a_row_says_what_the_model_has() {
        let api = Api::agentcore();
        for resource in RESOURCES {
            let noun = resource.noun;
            let get = api.input(&format!("Get{noun}")).unwrap();
            assert!(api.operation(&format!("List{}", resource.plural)).is_some(), "{noun}");
            assert!(get.member(resource.label).is_some(), "{noun}: {}", resource.label);
            if let Some(parent) = &resource.parent {
                assert!(get.member(parent.label).is_some(), "{noun}: {}", parent.label);
            }
            let members = shown(resource);
            let has = |name: &str| members.iter().any(|member| member.wire == name);
            let (id, _) = resource.id;
            assert!(has(id) && has(resource.moments.0) && has(resource.moments.1), "{noun}");
            assert!(resource.arn.is_none_or(|(arn, _)| has(arn)), "{noun}");
            let in_creation = |member: &&&str| {
                api.input(&format!("Create{noun}")).is_some_and(|input| input.member(member).is_none())
            };
            assert_eq!(resource.unique.iter().find(in_creation), None, "{noun}");
        }
    }

    #[test]
    fn every_state_is_one_of_the_kinds_own() {
        for resource in RESOURCES {
            let states = &resource.states;
            let during = [
                (states.creating, states.create_failed),
                (
                    states.updating.filter(|_| updated(&format!("Update{}", resource.noun)).is_some()),
                    states.update_failed,
                ),
                (states.deleting, states.delete_failed),
            ];
            let during = during.into_iter().filter_map(|(during, failed)| Some([during?, failed])).flatten();
            let all: Vec<&str> = during.chain([states.ready]).filter(|state| !state.is_empty()).collect();
            // The status of a bundle is shown by its deletion only.
            let delete = Api::agentcore().output(&format!("Delete{}", resource.noun));
            let members = shown(resource).iter().chain(delete.into_iter().flat_map(model::Shape::members));
            let mut shown = members.filter(|member| member.wire == "status");
            match shown.next().and_then(|member| Api::agentcore().shape(&member.shape)).map(|shape| &shape.body) {
                Some(Body::String { values, .. }) => {
                    let strange = all.iter().find(|state| !values.iter().any(|value| value == *state));
                    assert_eq!(strange, None, "{}", resource.noun);
                }
                _ => assert!(all.is_empty(), "{}: {all:?}", resource.noun),
            }
        }
    }

    #[test]
    fn what_the_table_refuses_the_model_can_refuse() {
        let api = Api::agentcore();
        for resource in RESOURCES {
            let (noun, has_parent) = (resource.noun, resource.parent.is_some());
            let can_clash = has_parent || !resource.unique.is_empty() || matches!(resource.id.1, Id::Own(_));
            let settles = !resource.states.ready.is_empty();
            let refusals = [
                (format!("Create{noun}"), [can_clash, has_parent, resource.most.is_some()]),
                (format!("Get{noun}"), [false, true, false]),
                (format!("Update{noun}"), [settles || !resource.unique.is_empty(), true, false]),
                (format!("Delete{noun}"), [settles || !resource.children.is_empty(), true, false]),
            ];
            for (name, refusals) in refusals {
                let Some(operation) = api.operation(&name) else { continue };
                let codes = ["ConflictException", "ResourceNotFoundException", "ServiceQuotaExceededException"];
                for (code, _) in codes.iter().zip(refusals).filter(|(_, can)| *can) {
                    assert!(operation.errors.iter().any(|error| error == code), "{name} cannot raise {code}");
                }
            }
        }
    }
}
