//! User pools and their MFA settings.

use serde_json::{Value, json};

use crate::cognito::{user_pool_attribute, user_pool_defaults};
use crate::document::{Document, created, document, replace, text};
use crate::failure::Failure;
use crate::identifier::MIXED;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::tag;

pub(crate) const OPERATIONS: Operations = &[
    ("CreateUserPool", create),
    ("DescribeUserPool", describe),
    ("ListUserPools", list),
    ("UpdateUserPool", update),
    ("DeleteUserPool", delete),
    ("AddCustomAttributes", add_custom_attributes),
    ("GetUserPoolMfaConfig", get_mfa),
    ("SetUserPoolMfaConfig", set_mfa),
];

/// Where the MFA factors are kept.
const MFA: &str = "mfa";
const FACTORS: [&str; 4] =
    ["SmsMfaConfiguration", "SoftwareTokenMfaConfiguration", "EmailMfaConfiguration", "WebAuthnConfiguration"];

/// A pool that is there.
pub(crate) fn find<'a>(session: &'a Session<'_>, id: &str) -> Result<&'a Object, Failure> {
    session.state.find(Kind::UserPool, None, id).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Failure {
    Failure::cognito_missing(format!("User pool {id} does not exist."))
}

fn find_mut<'a>(session: &'a mut Session<'_>, id: &str) -> Result<&'a mut Object, Failure> {
    session.state.find_mut(Kind::UserPool, None, id).ok_or_else(|| missing(id))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    tag::check_cognito(input.get("UserPoolTags"))?;
    let mfa = text(input, "MfaConfiguration");
    if matches!(mfa, "ON" | "OPTIONAL") && !input.contains_key("SmsConfiguration") {
        let message =
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional";
        return Err(Failure::parameter(message));
    }
    if input.contains_key("AliasAttributes") && input.contains_key("UsernameAttributes") {
        let message = "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.";
        return Err(Failure::parameter(message));
    }
    let mut stored = created(session.service.api(), "CreateUserPool", input);
    let declared = stored.shift_remove("Schema");
    let attributes = user_pool_attribute::attributes(declared.as_ref())?;
    rename(&mut stored);
    user_pool_defaults::fill_in(&mut stored)?;
    let suffix = session.letters(MIXED, 9);
    let id = format!("{}_{suffix}", session.config.region);
    let arn = session.arn("cognito-idp", &format!("userpool/{id}"));
    stored.extend(document(json!({
        "Id": id, "Arn": arn, "CreationDate": session.now, "LastModifiedDate": session.now,
        "SchemaAttributes": attributes,
    })));
    let mut pool = session.object(Kind::UserPool, None, &id, stored);
    pool.arn = Some(arn);
    pool.tags = tag::of(input, "UserPoolTags");
    let answer = show(session, &pool);
    session.state.add(pool);
    Ok(json!({"UserPool": answer}))
}

fn describe(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool = find(session, text(input, "UserPoolId"))?;
    Ok(json!({"UserPool": show(session, pool)}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pools = session.state.all(Kind::UserPool, None);
    let items: Vec<(u64, Value)> =
        pools.map(|pool| (pool.serial, session.show("UserPoolDescriptionType", pool.document.clone(), &[]))).collect();
    page(session, "ListUserPools", input, items, 60)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    tag::check_cognito(input.get("UserPoolTags"))?;
    let mut pool = find(session, text(input, "UserPoolId"))?.clone();
    let mfa = text(input, "MfaConfiguration");
    let unchanged = mfa == text(&pool.document, "MfaConfiguration");
    if matches!(mfa, "ON" | "OPTIONAL") && !unchanged && !input.contains_key("SmsConfiguration") {
        let message = "MFA is switched on with SetUserPoolMfaConfig, or with an SMS configuration";
        return Err(Failure::parameter(message));
    }
    replace(session.service.api(), "UpdateUserPool", &mut pool.document, input);
    rename(&mut pool.document);
    user_pool_defaults::fill_in(&mut pool.document)?;
    pool.document.insert("LastModifiedDate".into(), json!(session.now));
    pool.tags = tag::of(input, "UserPoolTags");
    *find_mut(session, text(input, "UserPoolId"))? = pool;
    Ok(json!({}))
}

/// Requests say `PoolName`, answers say `Name`.
fn rename(pool: &mut Document) {
    if let Some(name) = pool.shift_remove("PoolName") {
        pool.insert("Name".into(), name);
    }
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let id = text(input, "UserPoolId");
    let pool = find(session, id)?;
    if text(&pool.document, "DeletionProtection") == "ACTIVE" {
        let message = "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.";
        return Err(Failure::parameter(message));
    }
    if session.state.all(Kind::UserPoolDomain, Some(id)).next().is_some() {
        let message = "User pool cannot be deleted. It has a domain configured that should be deleted first.";
        return Err(Failure::parameter(message));
    }
    session.state.remove(Kind::UserPool, None, id);
    Ok(json!({}))
}

fn add_custom_attributes(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let now = session.now;
    let pool = find_mut(session, text(input, "UserPoolId"))?;
    let existing = pool.document.get("SchemaAttributes").cloned().unwrap_or_default();
    let all = user_pool_attribute::with_custom_attributes(&existing, input.get("CustomAttributes"))?;
    pool.document.insert("SchemaAttributes".into(), all);
    pool.document.insert("LastModifiedDate".into(), json!(now));
    Ok(json!({}))
}

fn get_mfa(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    Ok(show_mfa(find(session, text(input, "UserPoolId"))?))
}

fn show_mfa(pool: &Object) -> Value {
    let mut answer = pool.hidden.get(MFA).and_then(Value::as_object).cloned().unwrap_or_default();
    let mode = pool.document.get("MfaConfiguration").cloned().unwrap_or_else(|| json!("OFF"));
    answer.insert("MfaConfiguration".into(), mode);
    Value::Object(answer)
}

fn set_mfa(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mode = input.get("MfaConfiguration").cloned().unwrap_or_else(|| json!("OFF"));
    let token = input.get("SoftwareTokenMfaConfiguration").and_then(|token| token.get("Enabled"));
    let has_factor = token == Some(&json!(true))
        || input.contains_key("SmsMfaConfiguration")
        || input.contains_key("EmailMfaConfiguration");
    if mode != json!("OFF") && !has_factor {
        let message = "At least one of [SmsMfaConfiguration] or [SoftwareTokenMfaConfiguration] must be provided.";
        return Err(Failure::parameter(message));
    }
    if input.get("SmsMfaConfiguration").is_some_and(|sms| sms.get("SmsConfiguration").is_none()) {
        let message = "[SmsConfiguration] is a required member of [SmsMfaConfiguration].";
        return Err(Failure::parameter(message));
    }
    let now = session.now;
    let pool = find_mut(session, text(input, "UserPoolId"))?;
    if input.contains_key("EmailMfaConfiguration") && text(&pool.document, "UserPoolTier") == "LITE" {
        let message = "Email MFA is not available in the LITE tier";
        return Err(Failure::cognito("FeatureUnavailableInTierException", message));
    }
    let factors: Document =
        FACTORS.iter().filter_map(|name| Some(((*name).to_owned(), input.get(*name)?.clone()))).collect();
    // The pool itself shows the SMS settings too.
    for member in ["SmsConfiguration", "SmsAuthenticationMessage"] {
        if let Some(value) = input.get("SmsMfaConfiguration").and_then(|sms| sms.get(member)) {
            pool.document.insert(member.into(), value.clone());
        }
    }
    pool.hidden.insert(MFA.into(), Value::Object(factors));
    pool.document.insert("MfaConfiguration".into(), mode);
    pool.document.insert("LastModifiedDate".into(), json!(now));
    Ok(show_mfa(pool))
}

fn show(session: &Session<'_>, pool: &Object) -> Value {
    let mut view = pool.document.clone();
    if !pool.tags.is_empty() {
        view.insert("UserPoolTags".into(), Value::Object(pool.tags.clone()));
    }
    let users = session.state.all(Kind::User, Some(&pool.id)).count();
    view.insert("EstimatedNumberOfUsers".into(), json!(users));
    for domain in session.state.all(Kind::UserPoolDomain, Some(&pool.id)) {
        let member = if domain.document.contains_key("CustomDomainConfig") { "CustomDomain" } else { "Domain" };
        view.insert(member.into(), json!(domain.id));
    }
    session.show("UserPoolType", view, &pool.planted)
}
