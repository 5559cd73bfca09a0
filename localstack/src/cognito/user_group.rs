//! Which users are in which groups.

use serde_json::{Value, json};

use crate::cognito::{group, user, user_pool};
use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("AdminAddUserToGroup", add),
    ("AdminRemoveUserFromGroup", remove),
    ("AdminListGroupsForUser", list_groups),
    ("ListUsersInGroup", list_users),
];

/// Where the names of a user's groups are kept, in what is hidden of him.
const GROUPS: &str = "Groups";

/// The groups of a user, the most important one first: that with the lowest precedence.
pub(crate) fn groups<'a>(session: &'a Session<'_>, user: &Object) -> Vec<&'a Object> {
    let pool = user.parent.as_deref();
    let names = texts(&user.hidden, GROUPS);
    let mut groups: Vec<&Object> =
        names.into_iter().filter_map(|name| session.state.find(Kind::Group, pool, name)).collect();
    let precedence = |group: &Object| group.document.get("Precedence").and_then(Value::as_u64).unwrap_or(u64::MAX);
    groups.sort_by_key(|group| (precedence(group), group.serial));
    groups
}

/// Takes everybody out of a group that ends.
pub(crate) fn dissolve(session: &mut Session<'_>, pool_id: &str, name: &str) {
    let members =
        session.state.all(Kind::User, Some(pool_id)).filter(|user| texts(&user.hidden, GROUPS).contains(&name));
    for id in members.map(|user| user.id.clone()).collect::<Vec<_>>() {
        if let Some(user) = session.state.find_mut(Kind::User, Some(pool_id), &id) {
            leave(user, name);
        }
    }
}

fn leave(user: &mut Object, name: &str) {
    if let Some(Value::Array(groups)) = user.hidden.get_mut(GROUPS) {
        groups.retain(|group| group != name);
    }
}

/// The user and the group of a request, both of which have to be there.
fn both<'a>(session: &'a Session<'_>, input: &Document) -> Result<(&'a Object, &'a Object), Failure> {
    let pool_id = text(input, "UserPoolId");
    let user = user::find(session, pool_id, text(input, "Username"))?;
    Ok((user, group::find(session, pool_id, text(input, "GroupName"))?))
}

fn add(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (user, group) = both(session, input)?;
    let (mut user, name) = (user.clone(), group.id.clone());
    if !texts(&user.hidden, GROUPS).contains(&name.as_str()) {
        if let Value::Array(groups) = user.hidden.entry(GROUPS).or_insert_with(|| json!([])) {
            groups.push(json!(name));
        }
        user::store(session, user);
    }
    Ok(json!({}))
}

fn remove(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (user, group) = both(session, input)?;
    let (mut user, name) = (user.clone(), group.id.clone());
    leave(&mut user, &name);
    user::store(session, user);
    Ok(json!({}))
}

fn list_groups(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let user = user::find(session, text(input, "UserPoolId"), text(input, "Username"))?;
    let mut groups = groups(session, user);
    // A page goes on after the last one it showed.
    groups.sort_by_key(|group| group.serial);
    let items: Vec<(u64, Value)> =
        groups.into_iter().map(|group| (group.serial, group::show(session, group))).collect();
    page(session, "AdminListGroupsForUser", input, items, 60)
}

fn list_users(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "GroupName"));
    user_pool::find(session, pool_id)?;
    group::find(session, pool_id, name)?;
    let members =
        session.state.all(Kind::User, Some(pool_id)).filter(|user| texts(&user.hidden, GROUPS).contains(&name));
    let items: Vec<(u64, Value)> = members.map(|member| (member.serial, user::show(session, member))).collect();
    page(session, "ListUsersInGroup", input, items, 60)
}
