//! Tags of both services.

use serde_json::{Value, json};

use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const AGENTCORE: Operations =
    &[("TagResource", tag), ("UntagResource", untag), ("ListTagsForResource", list)];

pub(crate) const COGNITO: Operations =
    &[("TagResource", tag_pool), ("UntagResource", untag_pool), ("ListTagsForResource", list_pool)];

/// How many tags an object may have.
const MOST: usize = 50;

/// The tags in a request.
pub(crate) fn of(input: &Document, member: &str) -> Document {
    input.get(member).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Holds tags against what the model does not say: a reserved prefix.
pub(crate) fn check_agentcore(tags: Option<&Value>) -> Result<(), Failure> {
    match reserved(tags) {
        Some(key) => {
            Err(Failure::invalid_field("tags", format!("The tag key {key} begins with the reserved prefix aws:")))
        }
        None => Ok(()),
    }
}

/// The same for Cognito, whose model bounds neither the number nor the alphabet.
pub(crate) fn check_cognito(tags: Option<&Value>) -> Result<(), Failure> {
    if let Some(key) = reserved(tags) {
        return Err(Failure::parameter(format!("The tag key {key} begins with the reserved prefix aws:")));
    }
    let allowed = |text: &str| text.chars().all(|letter| letter.is_alphanumeric() || " \t_.:/=+-@".contains(letter));
    for (key, value) in tags.and_then(Value::as_object).into_iter().flatten() {
        if !allowed(key) || !allowed(value.as_str().unwrap_or_default()) {
            return Err(Failure::parameter(format!("The tag {key} has characters that tags cannot have")));
        }
    }
    if tags.and_then(Value::as_object).is_some_and(|tags| tags.len() > MOST) {
        return Err(Failure::parameter("A user pool can have at most 50 tags"));
    }
    Ok(())
}

fn reserved(tags: Option<&Value>) -> Option<&str> {
    let mut keys = tags?.as_object()?.keys();
    keys.find(|key| key.to_ascii_lowercase().starts_with("aws:")).map(String::as_str)
}

fn tag(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    check_agentcore(input.get("tags"))?;
    let object = tagged(session, text(input, "resourceArn"))?;
    let mut tags = object.tags.clone();
    tags.extend(of(input, "tags"));
    if tags.len() > MOST {
        return Err(Failure::quota("A resource can have at most 50 tags"));
    }
    object.tags = tags;
    Ok(json!({}))
}

fn untag(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let object = tagged(session, text(input, "resourceArn"))?;
    for key in texts(input, "tagKeys") {
        object.tags.shift_remove(key);
    }
    Ok(json!({}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let arn = text(input, "resourceArn");
    let object = session.state.by_arn(arn).filter(|object| object.kind != Kind::UserPool);
    Ok(json!({"tags": object.ok_or_else(|| Failure::missing("Resource", arn))?.tags}))
}

/// The object of an ARN. Only objects that can be tagged have one of their own.
fn tagged<'a>(session: &'a mut Session<'_>, arn: &str) -> Result<&'a mut Object, Failure> {
    let found = session.state.by_arn(arn).is_some_and(|object| object.kind != Kind::UserPool);
    session.state.by_arn_mut(arn).filter(|_| found).ok_or_else(|| Failure::missing("Resource", arn))
}

fn tag_pool(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = tagged_pool(session, text(input, "ResourceArn"))?;
    let mut tags = pool.tags.clone();
    tags.extend(of(input, "Tags"));
    check_cognito(Some(&Value::Object(tags.clone())))?;
    pool.tags = tags;
    Ok(json!({}))
}

fn untag_pool(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = tagged_pool(session, text(input, "ResourceArn"))?;
    for key in texts(input, "TagKeys") {
        pool.tags.shift_remove(key);
    }
    Ok(json!({}))
}

fn list_pool(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let arn = text(input, "ResourceArn");
    let pool = session.state.by_arn(arn).filter(|object| object.kind == Kind::UserPool);
    Ok(json!({"Tags": pool.ok_or_else(|| no_pool(arn))?.tags}))
}

fn tagged_pool<'a>(session: &'a mut Session<'_>, arn: &str) -> Result<&'a mut Object, Failure> {
    let pool = session.state.by_arn(arn).is_some_and(|object| object.kind == Kind::UserPool);
    session.state.by_arn_mut(arn).filter(|_| pool).ok_or_else(|| no_pool(arn))
}

fn no_pool(arn: &str) -> Failure {
    Failure::cognito_missing(format!("Resource {arn} does not exist."))
}
