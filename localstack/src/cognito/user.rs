//! Users of a pool, as an administrator makes and sees them.

use serde_json::{Value, json};

use crate::cognito::token::fresh_id;
use crate::cognito::user_attribute::{self, pairs};
use crate::cognito::user_filter::Filter;
use crate::cognito::{password, ticket, token, user_pool};
use crate::document::{Document, document, text, texts};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("AdminCreateUser", create),
    ("AdminGetUser", get),
    ("AdminUpdateUserAttributes", update_attributes),
    ("AdminEnableUser", enable),
    ("AdminDisableUser", disable),
    ("AdminDeleteUser", delete),
    ("ListUsers", list),
    ("GetUser", get_oneself),
];

/// A user by name, by `sub`, or by an attribute that the pool takes for a name.
pub(crate) fn find<'a>(session: &'a Session<'_>, pool_id: &str, name: &str) -> Result<&'a Object, Failure> {
    let pool = user_pool::find(session, pool_id)?;
    let missing = || Failure::cognito("UserNotFoundException", "User does not exist.");
    by_name(session, pool, name).ok_or_else(missing)
}

fn by_name<'a>(session: &'a Session<'_>, pool: &'a Object, name: &str) -> Option<&'a Object> {
    let name = spelled(pool, name);
    let known = session.state.find(Kind::User, Some(&pool.id), &name);
    known.or_else(|| {
        let mut users = session.state.all(Kind::User, Some(&pool.id));
        users.find(|user| user_attribute::value(user, "sub") == name || is_called(pool, user, &name))
    })
}

/// Names are compared without case where the pool says so.
fn spelled(pool: &Object, name: &str) -> String {
    let configuration = pool.document.get("UsernameConfiguration");
    match configuration.and_then(|configuration| configuration.get("CaseSensitive")) {
        Some(Value::Bool(false)) => name.to_lowercase(),
        _ => name.to_owned(),
    }
}

/// Whether an attribute of the user is another name for him.
fn is_called(pool: &Object, user: &Object, name: &str) -> bool {
    let is = |attribute: &str| !name.is_empty() && spelled(pool, user_attribute::value(user, attribute)) == name;
    let verified = |attribute: &str| match attribute {
        "preferred_username" => true,
        _ => user_attribute::value(user, &format!("{attribute}_verified")) == "true",
    };
    texts(&pool.document, "UsernameAttributes").into_iter().any(is)
        || texts(&pool.document, "AliasAttributes").into_iter().any(|attribute| is(attribute) && verified(attribute))
}

/// Puts a changed user back.
pub(crate) fn store(session: &mut Session<'_>, mut user: Object) {
    user.document.insert("UserLastModifiedDate".into(), json!(session.now));
    let parent = user.parent.clone();
    if let Some(live) = session.state.find_mut(Kind::User, parent.as_deref(), &user.id) {
        *live = user;
    }
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = user_pool::find(session, text(input, "UserPoolId"))?.clone();
    if text(input, "MessageAction") == "RESEND" {
        let user = find(session, &pool.id, text(input, "Username"))?;
        return Ok(json!({"User": show(session, user)}));
    }
    let mut attributes = pairs(input.get("UserAttributes"));
    let sub = fresh_id(session);
    let id = match named_by(&pool, text(input, "Username"))? {
        Some(attribute) => {
            if !attributes.iter().any(|(name, _)| name == attribute) {
                attributes.push((attribute.to_owned(), text(input, "Username").to_owned()));
            }
            sub.clone()
        }
        None => spelled(&pool, text(input, "Username")),
    };
    if by_name(session, &pool, text(input, "Username")).is_some() {
        return Err(Failure::cognito("UsernameExistsException", "User account already exists"));
    }
    user_attribute::check_new(&pool, &attributes)?;
    let mut stored = document(json!({
        "Username": id, "Attributes": [{"Name": "sub", "Value": sub}], "Enabled": true,
        "UserStatus": password::TEMPORARY, "UserCreateDate": session.now, "UserLastModifiedDate": session.now,
    }));
    user_attribute::set(&mut stored, attributes);
    let mut user = session.object(Kind::User, Some(&pool.id), &id, stored);
    if !text(input, "TemporaryPassword").is_empty() {
        password::set_temporary(session, &mut user, text(input, "TemporaryPassword"))?;
    }
    check_aliases(session, &pool, &user, input)?;
    let answer = show(session, &user);
    session.state.add(user);
    Ok(json!({"User": answer}))
}

/// The attribute that a new user of this name is called by, in a pool where that is not the name itself.
fn named_by(pool: &Object, name: &str) -> Result<Option<&'static str>, Failure> {
    let attributes = texts(&pool.document, "UsernameAttributes");
    let is_email = name.contains('@');
    let is_phone = name.strip_prefix('+').is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    match (attributes.contains(&"email"), attributes.contains(&"phone_number")) {
        (false, false) => Ok(None),
        (true, _) if is_email => Ok(Some("email")),
        (_, true) if is_phone => Ok(Some("phone_number")),
        (true, true) => Err(Failure::parameter("Username should be either an email or a phone number.")),
        (true, false) => Err(Failure::parameter("Username should be an email.")),
        (false, true) => Err(Failure::parameter("Username should be a phone number.")),
    }
}

/// Two users cannot be called by the same verified attribute.
fn check_aliases(session: &Session<'_>, pool: &Object, user: &Object, input: &Document) -> Result<(), Failure> {
    let forced = input.get("ForceAliasCreation") == Some(&json!(true));
    let aliases =
        texts(&pool.document, "AliasAttributes").into_iter().chain(texts(&pool.document, "UsernameAttributes"));
    for attribute in aliases {
        let name = spelled(pool, user_attribute::value(user, attribute));
        let other = by_name(session, pool, &name).filter(|other| other.id != user.id);
        if is_called(pool, user, &name) && other.is_some() && !forced {
            let message = format!("An account with the given {attribute} already exists.");
            return Err(Failure::cognito("AliasExistsException", message));
        }
    }
    Ok(())
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let user = find(session, text(input, "UserPoolId"), text(input, "Username"))?;
    Ok(session.show("AdminGetUserResponse", with_user_attributes(user), &user.planted))
}

/// Whoever has an access token sees himself.
fn get_oneself(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let bearer = token::bearer(session, text(input, "AccessToken"))?;
    let user = find(session, &bearer.pool, &bearer.user)?;
    Ok(session.show("GetUserResponse", with_user_attributes(user), &user.planted))
}

/// Listings say `Attributes`, the other reads `UserAttributes`.
fn with_user_attributes(user: &Object) -> Document {
    let mut view = user.document.clone();
    let attributes = view.shift_remove("Attributes").unwrap_or_default();
    view.insert("UserAttributes".into(), attributes);
    view
}

fn update_attributes(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = user_pool::find(session, text(input, "UserPoolId"))?.clone();
    let mut user = find(session, &pool.id, text(input, "Username"))?.clone();
    let changes = pairs(input.get("UserAttributes"));
    user_attribute::check_changed(&pool, &changes)?;
    user_attribute::set(&mut user.document, changes);
    check_aliases(session, &pool, &user, &Document::new())?;
    store(session, user);
    Ok(json!({}))
}

fn enable(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    set_enabled(session, input, true)
}

fn disable(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    set_enabled(session, input, false)
}

fn set_enabled(session: &mut Session<'_>, input: &Document, enabled: bool) -> Result<Value, Failure> {
    let mut user = find(session, text(input, "UserPoolId"), text(input, "Username"))?.clone();
    user.document.insert("Enabled".into(), json!(enabled));
    store(session, user);
    Ok(json!({}))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    let id = find(session, pool_id, text(input, "Username"))?.id.clone();
    ticket::take_back(session, pool_id, |ticket| text(&ticket.document, "Username") == id);
    session.state.remove(Kind::User, Some(pool_id), &id);
    Ok(json!({}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let filter = Filter::read(text(input, "Filter"))?;
    let wanted = input.contains_key("AttributesToGet").then(|| texts(input, "AttributesToGet"));
    let users = session.state.all(Kind::User, Some(pool_id)).filter(|user| filter.takes(user));
    let items: Vec<(u64, Value)> = users
        .map(|user| {
            let mut user = user.clone();
            if let (Some(wanted), Some(Value::Array(attributes))) = (&wanted, user.document.get_mut("Attributes")) {
                attributes.retain(|attribute| wanted.iter().any(|name| attribute.get("Name") == Some(&json!(name))));
            }
            (user.serial, show(session, &user))
        })
        .collect();
    page(session, "ListUsers", input, items, 60)
}

/// A user as listings show him.
pub(crate) fn show(session: &Session<'_>, user: &Object) -> Value {
    session.show("UserType", user.document.clone(), &user.planted)
}
