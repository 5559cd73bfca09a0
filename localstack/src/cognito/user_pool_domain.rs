//! Domains of user pools: the one kind of Cognito's that takes time.

use serde_json::{Value, json};

use crate::cognito::user_pool;
use crate::document::{Document, created, document, replace, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object, Settle};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateUserPoolDomain", create),
    ("DescribeUserPoolDomain", describe),
    ("UpdateUserPoolDomain", update),
    ("DeleteUserPoolDomain", delete),
];

/// Words that a prefix domain must not contain.
const RESERVED: [&str; 3] = ["aws", "amazon", "cognito"];

fn find<'a>(session: &'a Session<'_>, pool: &str, domain: &str) -> Result<&'a Object, Failure> {
    let found = session.state.find(Kind::UserPoolDomain, Some(pool), domain);
    found.ok_or_else(|| Failure::parameter(format!("No such domain {domain} or user pool {pool} exists.")))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, domain) = (text(input, "UserPoolId"), text(input, "Domain"));
    user_pool::find(session, pool_id)?;
    if session.state.find(Kind::UserPoolDomain, None, domain).is_some() {
        return Err(Failure::parameter("Domain already associated with another user pool."));
    }
    let custom = input.contains_key("CustomDomainConfig");
    let same_kind = |other: &Object| other.document.contains_key("CustomDomainConfig") == custom;
    if session.state.all(Kind::UserPoolDomain, Some(pool_id)).any(same_kind) {
        return Err(Failure::parameter("User pool already has a domain configured."));
    }
    if !custom && let Some(word) = RESERVED.iter().find(|word| domain.contains(**word)) {
        return Err(Failure::parameter(format!("Domain cannot contain reserved word: {word}")));
    }
    let mut stored = created(session.service.api(), "CreateUserPoolDomain", input);
    stored.entry("ManagedLoginVersion").or_insert_with(|| json!(1));
    let distribution = distribution(session, domain, custom);
    stored.extend(document(json!({
        "AWSAccountId": session.config.account,
        "S3Bucket": format!("aws-cognito-prod-{}-assets", session.config.region),
        "CloudFrontDistribution": distribution,
        "Version": "1",
    })));
    let mut object = session.object(Kind::UserPoolDomain, Some(pool_id), domain, stored);
    object.begin("CREATING", session.ending("ACTIVE", "FAILED"));
    let answer = answer(&object);
    session.state.add(object);
    Ok(answer)
}

/// Where a custom domain has to point to; a prefix domain needs none, but shows one.
fn distribution(session: &mut Session<'_>, domain: &str, custom: bool) -> String {
    if custom {
        return format!("{}.cloudfront.net", session.letters(crate::identifier::SMALL, 14));
    }
    format!("{domain}.auth.{}.amazoncognito.com", session.config.region)
}

fn answer(domain: &Object) -> Value {
    let mut answer = Document::new();
    for member in ["ManagedLoginVersion", "Routing"] {
        if let Some(value) = domain.document.get(member) {
            answer.insert(member.into(), value.clone());
        }
    }
    if domain.document.contains_key("CustomDomainConfig") {
        let distribution = domain.document.get("CloudFrontDistribution").cloned().unwrap_or_default();
        answer.insert("CloudFrontDomain".into(), distribution);
    }
    Value::Object(answer)
}

#[expect(clippy::unnecessary_wraps, reason = "every operation may fail")]
fn describe(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let Some(domain) = session.state.find(Kind::UserPoolDomain, None, text(input, "Domain")) else {
        return Ok(json!({"DomainDescription": {}}));
    };
    let mut view = domain.document.clone();
    view.insert("Status".into(), json!(domain.status()));
    Ok(json!({"DomainDescription": session.show("DomainDescriptionType", view, &domain.planted)}))
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "Domain"));
    user_pool::find(session, pool_id)?;
    let mut domain = find(session, pool_id, name)?.clone();
    if domain.status() != "ACTIVE" {
        return Err(Failure::parameter(format!("Domain {name} is in {} state and cannot be updated", domain.status())));
    }
    if input.contains_key("CustomDomainConfig") != domain.document.contains_key("CustomDomainConfig") {
        return Err(Failure::parameter("A prefix domain takes no CustomDomainConfig, and a custom domain needs one"));
    }
    replace(session.service.api(), "UpdateUserPoolDomain", &mut domain.document, input);
    domain.document.entry("ManagedLoginVersion").or_insert_with(|| json!(1));
    domain.begin("UPDATING", session.ending("ACTIVE", "FAILED"));
    let answer = answer(&domain);
    if let Some(live) = session.state.find_mut(Kind::UserPoolDomain, Some(pool_id), name) {
        *live = domain;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, name) = (text(input, "UserPoolId"), text(input, "Domain"));
    user_pool::find(session, pool_id)?;
    let domain = find(session, pool_id, name)?;
    if matches!(domain.status(), "CREATING" | "UPDATING" | "DELETING") {
        return Err(Failure::parameter(format!("Domain {name} is in {} state and cannot be deleted", domain.status())));
    }
    let due = session.due();
    if let Some(domain) = session.state.find_mut(Kind::UserPoolDomain, Some(pool_id), name) {
        domain.begin("DELETING", Settle::gone(due));
    }
    Ok(json!({}))
}
