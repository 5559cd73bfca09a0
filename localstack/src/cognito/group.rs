//! Groups of a user pool.

use serde_json::{Value, json};

use crate::cognito::{user_group, user_pool};
use crate::document::{Document, created, document, text};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateGroup", create),
    ("GetGroup", get),
    ("ListGroups", list),
    ("UpdateGroup", update),
    ("DeleteGroup", delete),
];

/// A group that is there.
pub(crate) fn find<'a>(session: &'a Session<'_>, pool: &str, name: &str) -> Result<&'a Object, Failure> {
    let group = session.state.find(Kind::Group, Some(pool), name);
    group.ok_or_else(|| Failure::cognito_missing("Group not found."))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "GroupName"));
    user_pool::find(session, pool_id)?;
    if session.state.find(Kind::Group, Some(pool_id), name).is_some() {
        return Err(Failure::cognito("GroupExistsException", "A group with the name already exists."));
    }
    let mut stored = created(session.service.api(), "CreateGroup", input);
    stored.extend(document(json!({"CreationDate": session.now, "LastModifiedDate": session.now})));
    let group = session.object(Kind::Group, Some(pool_id), name, stored);
    let answer = show(session, &group);
    session.state.add(group);
    Ok(json!({"Group": answer}))
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let group = find(session, pool_id, text(input, "GroupName"))?;
    Ok(json!({"Group": show(session, group)}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let groups = session.state.all(Kind::Group, Some(pool_id));
    let items: Vec<(u64, Value)> = groups.map(|group| (group.serial, show(session, group))).collect();
    page(session, "ListGroups", input, items, 60)
}

/// What the request leaves out stays.
fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "GroupName"));
    user_pool::find(session, pool_id)?;
    let mut group = find(session, pool_id, name)?.clone();
    group.document.extend(created(session.service.api(), "UpdateGroup", input));
    group.document.insert("LastModifiedDate".into(), json!(session.now));
    let answer = show(session, &group);
    if let Some(live) = session.state.find_mut(Kind::Group, Some(pool_id), name) {
        *live = group;
    }
    Ok(json!({"Group": answer}))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "GroupName"));
    user_pool::find(session, pool_id)?;
    find(session, pool_id, name)?;
    user_group::dissolve(session, pool_id, name);
    session.state.remove(Kind::Group, Some(pool_id), name);
    Ok(json!({}))
}

/// A group as reads show it.
pub(crate) fn show(session: &Session<'_>, group: &Object) -> Value {
    session.show("GroupType", group.document.clone(), &group.planted)
}
