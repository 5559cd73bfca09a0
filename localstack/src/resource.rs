//! Kinds that differ by a row of a table: what the model does not know of each, and the five operations that follow from both.
//!
//! A row is a [`Resource`] in the file of its kind. The model gives routes, members, statuses and pages; the row gives the shape of
//! the identifier and the ARN, the states and their order, what an object lives in and what lives in it, the wrapper around an
//! answer and what the service fills in. What follows from neither is an operation of its own in the same file, or a hook.

use model::{Api, Body, Location};
use serde_json::{Value, json};

use crate::document::{Document, created, document, merge, text};
use crate::failure::Failure;
use crate::identifier::{MIXED, SMALL, request_id};
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::tag;

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
    memory::OPERATIONS,
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

/// The row and the verb of an operation.
pub(crate) fn operation(name: &str) -> Option<(&'static Resource, Verb)> {
    let is = |resource: &Resource, verb: &str, noun: &str| {
        name.strip_prefix(verb) == Some(noun) && !resource.noun.is_empty()
    };
    RESOURCES.iter().find_map(|resource| {
        let verb = match name.chars().next()? {
            'L' if is(resource, "List", resource.plural) => Verb::List,
            'C' if is(resource, "Create", resource.noun) => Verb::Create,
            'G' if is(resource, "Get", resource.noun) => Verb::Get,
            'U' if is(resource, "Update", resource.noun) => Verb::Update,
            'D' if is(resource, "Delete", resource.noun) => Verb::Delete,
            _ => return None,
        };
        Some((*resource, verb))
    })
}

/// The kind that an update is about, and the members of the request that name its parent and itself.
pub(crate) fn updated(name: &str) -> Option<(Kind, Option<&'static str>, &'static str)> {
    let (resource, _) = operation(name).filter(|(_, verb)| matches!(verb, Verb::Update))?;
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

/// The object of a kind and a parent that an identifier or an ARN names; the patterns of labels say which of both is taken.
fn named<'a>(session: &'a Session<'_>, kind: Kind, parent: Option<&str>, id: &str) -> Option<&'a Object> {
    if id.starts_with("arn:") {
        return session.state.by_arn(id).filter(|object| object.kind == kind && object.parent.as_deref() == parent);
    }
    session.state.find(kind, parent, id)
}

impl Resource {
    /// The object that a request names, by its identifier or its ARN.
    fn find<'a>(&self, session: &'a Session<'_>, input: &Document) -> Result<&'a Object, Failure> {
        let id = text(input, self.label);
        let parent = self.parent(session, input)?.map(|parent| parent.id.as_str());
        named(session, self.kind, parent, id).ok_or_else(|| Failure::missing(self.what, id))
    }

    /// What the object lives in that a request is about.
    fn parent<'a>(&self, session: &'a Session<'_>, input: &Document) -> Result<Option<&'a Object>, Failure> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let id = text(input, parent.label);
        named(session, parent.kind, None, id).map(Some).ok_or_else(|| Failure::missing(parent.what, id))
    }

    fn create(&self, session: &mut Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let parent = self.parent(session, input)?.cloned();
        if let Some(parent) = &parent {
            check_parent(parent)?;
        }
        tag::check_agentcore(input.get("tags"))?;
        let parent_id = parent.as_ref().map(|parent| parent.id.as_str());
        let id = self.new_id(session, input);
        if session.state.find(self.kind, parent_id, &id).is_some() {
            return Err(Failure::conflict(format!("{} {id} already exists", self.what)));
        }
        if self.most.is_some_and(|most| session.state.all(self.kind, parent_id).count() >= most) {
            let most = self.most.unwrap_or_default();
            return Err(Failure::quota(format!("There can be at most {most} of the kind {}", self.what)));
        }
        let mut stored = document((self.defaults)());
        stored.extend(created(session.service.api(), operation, input));
        stored.insert(self.id.0.to_owned(), json!(id));
        stored.insert(self.moments.0.to_owned(), json!(session.now));
        stored.insert(self.moments.1.to_owned(), json!(session.now));
        if let (Some(row), Some(parent)) = (&self.parent, &parent) {
            stored.insert(row.label.to_owned(), json!(parent.id));
            stored.insert(row.arn.to_owned(), json!(parent.arn));
        }
        let mut object = session.object(self.kind, parent_id, &id, stored);
        if let Some((member, end)) = self.arn {
            let end = end.replace("{id}", &id).replace("{parent}", parent_id.unwrap_or_default());
            let arn = session.arn("bedrock-agentcore", &end);
            object.document.insert(member.to_owned(), json!(arn));
            object.arn = Some(arn);
        }
        object.tags = tag::of(input, "tags");
        match self.states.creating {
            Some(creating) => object.begin(creating, session.ending(self.states.ready, self.states.create_failed)),
            None => object.status = Some(self.states.ready.to_owned()).filter(|status| !status.is_empty()),
        }
        (self.on_create)(session, &mut object, input)?;
        self.check_unique(session, &object)?;
        let answer = self.answer(session, operation, &object);
        session.state.add(object);
        Ok(answer)
    }

    fn new_id(&self, session: &mut Session<'_>, input: &Document) -> String {
        match self.id.1 {
            Id::Named(member) => format!("{}-{}", text(input, member), session.letters(SMALL, 10)),
            Id::Lower(member) => {
                format!("{}-{}", text(input, member).to_ascii_lowercase(), session.letters(SMALL, 10))
            }
            Id::Letters(length) => session.letters(MIXED, length),
            Id::Uuid => uuid(session),
            Id::Own(member) if input.contains_key(member) => text(input, member).to_owned(),
            Id::Own(_) => session.letters(SMALL, 10),
        }
    }

    fn get(&self, session: &Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let found = self.find(session, input);
        match (self.built_in)(session).into_iter().find(|(id, _)| id == text(input, self.label)) {
            Some((_, document)) if found.is_err() => Ok(self.wrapped(session, &output(operation), document, &[])),
            _ => Ok(self.answer(session, operation, found?)),
        }
    }

    /// Answers those that the request's filters let through: texts of the request that are texts of the object.
    fn list(&self, session: &Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let parent = self.parent(session, input)?;
        let api = session.service.api();
        let element = element(api, operation);
        let filters = filters(api, operation, input);
        let pass = |view: &Document| filters.iter().all(|(member, value)| view.get(*member) == Some(*value));
        let built_in: Vec<(u64, Value)> = (1..)
            .zip((self.built_in)(session))
            .filter(|(_, (_, view))| pass(view))
            .map(|(place, (_, view))| (place, session.show(&element, view, &[])))
            .collect();
        // A place is one's own in the order of creation, so that what is built in comes before.
        let first = 1 + (self.built_in)(session).len() as u64;
        let objects = session.state.all(self.kind, parent.map(|parent| parent.id.as_str()));
        let objects = objects.map(|object| (object, self.view(session, object))).filter(|(_, view)| pass(view));
        let items =
            objects.map(|(object, view)| (first + object.serial, session.show(&element, view, &object.planted)));
        page(session, operation, input, built_in.into_iter().chain(items), self.page)
    }

    fn update(&self, session: &mut Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let mut object = self.to_change(session, input)?;
        let api = session.service.api();
        let shape = api.operation(operation).and_then(|operation| operation.input.as_deref()).unwrap_or_default();
        merge(api, shape, &mut object.document, input);
        self.touch(session, &mut object);
        (self.on_update)(session, &mut object, input)?;
        self.check_unique(session, &object)?;
        let answer = self.answer(session, operation, &object);
        keep(session, object);
        Ok(answer)
    }

    /// A copy of the object that a request wants to change, if it is in a state for that.
    fn to_change(&self, session: &Session<'_>, input: &Document) -> Result<Object, Failure> {
        let object = self.find(session, input)?;
        if is_under_way(object)
            || (object.status() == self.states.create_failed && object.status() != self.states.ready)
        {
            let message = format!("{} {} is in {} state and cannot be updated", self.what, object.id, object.status());
            return Err(Failure::conflict(message));
        }
        Ok(object.clone())
    }

    /// The object was updated: its moment says so, and it takes its time if its kind does.
    fn touch(&self, session: &Session<'_>, object: &mut Object) {
        object.document.insert(self.moments.1.to_owned(), json!(session.now));
        if let Some(updating) = self.states.updating {
            object.begin(updating, session.ending(self.states.ready, self.states.update_failed));
        }
    }

    fn delete(&self, session: &mut Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let mut object = self.find(session, input)?.clone();
        if is_under_way(&object) {
            let message = format!("{} {} is in {} state and cannot be deleted", self.what, object.id, object.status());
            return Err(Failure::conflict(message));
        }
        let mut children = self.children.iter().flat_map(|kind| session.state.all(*kind, Some(&object.id)));
        if let Some(child) = children.next() {
            let message = format!("{} {} still has {} and cannot be deleted", self.what, object.id, child.id);
            return Err(Failure::conflict(message));
        }
        drop(children);
        (self.on_delete)(session, &object)?;
        object.document.insert(self.moments.1.to_owned(), json!(session.now));
        let Some(deleting) = self.states.deleting else {
            session.state.remove(self.kind, object.parent.as_deref(), &object.id);
            return Ok(self.answer(session, operation, &object));
        };
        let mut end = session.leaving();
        // A kind may have no state for a deletion that failed.
        end.status = end.status.map(|_| self.states.delete_failed.to_owned());
        object.begin(deleting, end);
        let answer = self.answer(session, operation, &object);
        keep(session, object);
        Ok(answer)
    }

    fn check_unique(&self, session: &Session<'_>, object: &Object) -> Result<(), Failure> {
        for member in self.unique {
            let value = object.document.get(*member);
            let mut others = session.state.all(self.kind, object.parent.as_deref());
            if value.is_some()
                && others.any(|other| other.serial != object.serial && other.document.get(*member) == value)
            {
                let value = value.and_then(Value::as_str).map_or_else(|| json!(value).to_string(), ToOwned::to_owned);
                return Err(Failure::conflict(format!("{} with {member} {value} already exists", self.what)));
            }
        }
        Ok(())
    }

    /// The answer of an operation about one object.
    fn answer(&self, session: &Session<'_>, operation: &str, object: &Object) -> Value {
        self.wrapped(session, &output(operation), self.view(session, object), &object.planted)
    }

    fn wrapped(
        &self,
        session: &Session<'_>,
        shape: &str,
        view: Document,
        planted: &[crate::planted::Planted],
    ) -> Value {
        let api = session.service.api();
        let inner = self.wrapper.and_then(|wrapper| Some((wrapper, api.shape(shape)?.member(wrapper)?)));
        match inner {
            Some((wrapper, member)) => json!({wrapper: session.show(&member.shape, view, planted)}),
            None => session.show(shape, view, planted),
        }
    }

    /// Everything that can be shown of an object; a shape takes what it has.
    fn view(&self, session: &Session<'_>, object: &Object) -> Document {
        let mut view = object.document.clone();
        if object.status.is_some() {
            view.insert("status".into(), json!(object.status()));
        }
        view.insert("statusReasons".into(), json!(object.reasons));
        if !object.reasons.is_empty() {
            let reason = object.reasons.join("; ");
            view.insert("failureReason".into(), json!(reason));
            view.insert("statusReason".into(), json!(reason));
        }
        if !object.tags.is_empty() {
            view.insert("tags".into(), json!(object.tags));
        }
        (self.on_show)(session, object, &mut view);
        view
    }
}

/// Something is happening to it.
fn is_under_way(object: &Object) -> bool {
    matches!(object.status(), "CREATING" | "UPDATING" | "DELETING" | "GENERATING" | "SAVING" | "PROVISIONING")
}

/// A new object needs a parent that is ready for it.
fn check_parent(parent: &Object) -> Result<(), Failure> {
    if matches!(parent.status(), "" | "READY" | "ACTIVE") {
        return Ok(());
    }
    let message = format!("{} is in {} state, it must be ready", parent.id, parent.status());
    Err(Failure::conflict(message))
}

/// Puts an object back that was changed.
fn keep(session: &mut Session<'_>, object: Object) {
    if let Some(live) = session.state.find_mut(object.kind, object.parent.as_deref(), &object.id) {
        *live = object;
    }
}

/// A UUID that nobody had before.
fn uuid(session: &mut Session<'_>) -> String {
    session.state.counter += 1;
    request_id(session.config.seed, session.state.counter)
}

/// The output shape of an operation.
fn output(operation: &str) -> String {
    Api::agentcore().output(operation).map(|shape| shape.name.clone()).unwrap_or_default()
}

/// The shape of what a listing lists.
fn element(api: &Api, operation: &str) -> String {
    let result = api.paginators.get(operation).and_then(|paginator| paginator.result_key.as_str());
    let list = result.and_then(|result| api.output(operation)?.member(result)).and_then(|list| api.shape(&list.shape));
    match list.map(|list| &list.body) {
        Some(Body::List { element, .. }) => element.clone(),
        _ => String::new(),
    }
}

/// The texts in a request by which a listing is filtered.
fn filters<'a>(api: &'a Api, operation: &str, input: &'a Document) -> Vec<(&'a str, &'a Value)> {
    let token = api.paginators.get(operation).map(|paginator| paginator.input_token.as_str());
    let members = api.input(operation).map(model::Shape::members).unwrap_or_default();
    members
        .iter()
        .filter(|member| member.location != Location::Uri && Some(member.wire.as_str()) != token)
        .filter_map(|member| Some((member.wire.as_str(), input.get(&member.wire).filter(|value| value.is_string())?)))
        .collect()
}

#[cfg(test)]
mod tests {
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
                (states.updating, states.update_failed),
                (states.deleting, states.delete_failed),
            ];
            let during = during.into_iter().filter_map(|(during, failed)| Some([during?, failed])).flatten();
            let all: Vec<&str> = during.chain([states.ready]).filter(|state| !state.is_empty()).collect();
            // The status of a bundle is shown by its deletion only.
            let delete = Api::agentcore().output(&format!("Delete{}", resource.noun));
            let members = shown(resource).iter().chain(delete.into_iter().flat_map(model::Shape::members));
            let mut status = members.filter(|member| member.wire == "status");
            match status.next().and_then(|member| Api::agentcore().shape(&member.shape)).map(|shape| &shape.body) {
                Some(Body::String { values, .. }) => {
                    let strange = all.iter().find(|state| !values.iter().any(|value| value == *state));
                    assert_eq!(strange, None, "{}", resource.noun);
                }
                _ => assert!(all.is_empty(), "{}: {all:?}", resource.noun),
            }
        }
    }
}
