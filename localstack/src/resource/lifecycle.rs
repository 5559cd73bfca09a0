//! The five operations that follow from a row of the table and the model.

use model::{Api, Body, Location, Shape};
use serde_json::{Value, json};

use super::{Id, Resource};
use crate::document::{Document, created, document, merge, text};
use crate::failure::Failure;
use crate::identifier::{MIXED, SMALL, request_id};
use crate::page::page;
use crate::planted::Planted;
use crate::session::Session;
use crate::state::Object;
use crate::tag;

impl Resource {
    /// The object that a request names, by its identifier or its ARN.
    pub(super) fn find<'a>(&self, session: &'a Session<'_>, input: &Document) -> Result<&'a Object, Failure> {
        let name = text(input, self.label);
        let parent = self.parent(session, input)?;
        let found = session.state.find(self.kind, parent.map(|parent| parent.id.as_str()), id_of(name));
        let found = found.filter(|object| self.arn.is_none_or(|(arn, _)| is_called(object, name, arn)));
        found.ok_or_else(|| Failure::missing(self.what, name))
    }

    /// What the object lives in that a request is about.
    pub(super) fn parent<'a>(&self, session: &'a Session<'_>, input: &Document) -> Result<Option<&'a Object>, Failure> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let name = text(input, parent.label);
        let found = session.state.find(parent.kind, None, id_of(name));
        let found = found.filter(|object| is_called(object, name, parent.arn));
        found.map(Some).ok_or_else(|| Failure::missing(parent.what, name))
    }

    pub(super) fn create(
        &self,
        session: &mut Session<'_>,
        operation: &str,
        input: &Document,
    ) -> Result<Value, Failure> {
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
            stored.extend(parent.document.get(row.arn).map(|arn| (row.arn.to_owned(), arn.clone())));
        }
        let mut object = session.object(self.kind, parent_id, &id, stored);
        if let Some((member, end)) = self.arn {
            let end = end.replace("{id}", &id).replace("{parent}", parent_id.unwrap_or_default());
            let arn = session.arn("bedrock-agentcore", &end);
            object.document.insert(member.to_owned(), json!(arn));
            // What is found by its ARN can be tagged, which is what takes tags when it is created.
            object.arn = Some(arn).filter(|_| takes_tags(operation));
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

    pub(super) fn get(&self, session: &Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let found = self.find(session, input);
        match (self.built_in)(session).into_iter().find(|(id, _)| id == text(input, self.label)) {
            Some((_, document)) if found.is_err() => Ok(self.wrapped(session, &output(operation), document, &[])),
            _ => Ok(self.answer(session, operation, found?)),
        }
    }

    /// Answers those that the request's filters let through: texts of the request that are texts of the object.
    pub(super) fn list(&self, session: &Session<'_>, operation: &str, input: &Document) -> Result<Value, Failure> {
        let api = session.service.api();
        let parent = match self.parent(session, input) {
            Ok(parent) => parent.map(|parent| parent.id.as_str()),
            // A listing that cannot say so has nothing to show.
            Err(failure) if !can_raise(api, operation, &failure) => Some(""),
            Err(failure) => return Err(failure),
        };
        let element = element(api, operation);
        let filters = filters(api, operation, input);
        let pass = |view: &Document| filters.iter().all(|(member, value)| view.get(*member) == Some(*value));
        // What is built in comes before the first that was created.
        let built_in = (self.built_in)(session);
        let first = 1 + built_in.len() as u64;
        let built_in = (1..).zip(built_in).filter(|(_, (_, view))| pass(view));
        let built_in = built_in.map(|(place, (_, view))| (place, session.show(&element, view, &[])));
        let objects = session.state.all(self.kind, parent);
        let objects = objects.map(|object| (object, self.view(session, object))).filter(|(_, view)| pass(view));
        let items =
            objects.map(|(object, view)| (first + object.serial, session.show(&element, view, &object.planted)));
        page(session, operation, input, built_in.chain(items), self.page)
    }

    pub(super) fn update(
        &self,
        session: &mut Session<'_>,
        operation: &str,
        input: &Document,
    ) -> Result<Value, Failure> {
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
    pub(super) fn to_change(&self, session: &Session<'_>, input: &Document) -> Result<Object, Failure> {
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
    pub(super) fn touch(&self, session: &Session<'_>, object: &mut Object) {
        object.document.insert(self.moments.1.to_owned(), json!(session.now));
        if let Some(updating) = self.states.updating {
            object.begin(updating, session.ending(self.states.ready, self.states.update_failed));
        }
    }

    pub(super) fn delete(
        &self,
        session: &mut Session<'_>,
        operation: &str,
        input: &Document,
    ) -> Result<Value, Failure> {
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

    pub(super) fn check_unique(&self, session: &Session<'_>, object: &Object) -> Result<(), Failure> {
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
    pub(super) fn answer(&self, session: &Session<'_>, operation: &str, object: &Object) -> Value {
        self.wrapped(session, &output(operation), self.view(session, object), &object.planted)
    }

    pub(super) fn wrapped(&self, session: &Session<'_>, shape: &str, view: Document, planted: &[Planted]) -> Value {
        let api = session.service.api();
        let inner = self.wrapper.and_then(|wrapper| Some((wrapper, api.shape(shape)?.member(wrapper)?)));
        match inner {
            Some((wrapper, member)) => json!({wrapper: session.show(&member.shape, view, planted)}),
            None => session.show(shape, view, planted),
        }
    }

    /// Everything that can be shown of an object; a shape takes what it has.
    pub(super) fn view(&self, session: &Session<'_>, object: &Object) -> Document {
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

/// The identifier in a name, which may be an ARN.
fn id_of(name: &str) -> &str {
    if name.starts_with("arn:") { name.rsplit('/').next().unwrap_or_default() } else { name }
}

/// A name is the object's identifier, or the ARN that this member of it shows.
fn is_called(object: &Object, name: &str, arn: &str) -> bool {
    !name.starts_with("arn:") || text(&object.document, arn) == name
}

fn takes_tags(operation: &str) -> bool {
    Api::agentcore().input(operation).is_some_and(|input| input.member("tags").is_some())
}

/// Something is happening to it.
pub(super) fn is_under_way(object: &Object) -> bool {
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
pub(super) fn keep(session: &mut Session<'_>, object: Object) {
    if let Some(live) = session.state.find_mut(object.kind, object.parent.as_deref(), &object.id) {
        *live = object;
    }
}

/// A UUID that nobody had before.
pub(super) fn uuid(session: &mut Session<'_>) -> String {
    session.state.counter += 1;
    request_id(session.config.seed, session.state.counter)
}

/// The output shape of an operation.
pub(super) fn output(operation: &str) -> String {
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

/// Whether the model lets an operation fail so.
fn can_raise(api: &Api, operation: &str, failure: &Failure) -> bool {
    api.operation(operation).is_some_and(|operation| operation.errors.contains(&failure.code))
}

/// The texts in a request by which a listing is filtered.
fn filters<'a>(api: &'a Api, operation: &str, input: &'a Document) -> Vec<(&'a str, &'a Value)> {
    let token = api.paginators.get(operation).map(|paginator| paginator.input_token.as_str());
    let members = api.input(operation).map(Shape::members).unwrap_or_default();
    members
        .iter()
        .filter(|member| member.location != Location::Uri && Some(member.wire.as_str()) != token)
        .filter_map(|member| Some((member.wire.as_str(), input.get(&member.wire).filter(|value| value.is_string())?)))
        .collect()
}
