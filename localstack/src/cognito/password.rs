//! Passwords of users: the pool's policy, and what is kept of a password.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cognito::{user, user_pool};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::{Operations, Session};
use crate::state::Object;

pub(crate) const OPERATIONS: Operations = &[("AdminSetUserPassword", set_password)];

/// Where the salt and the digest of a password are kept, among the user's secrets.
const PASSWORD: &str = "Password";

/// The status of a user whose password has to be changed.
pub(crate) const TEMPORARY: &str = "FORCE_CHANGE_PASSWORD";

/// Until when a temporary password is good, in milliseconds since 1970.
const UNTIL: &str = "TemporaryPasswordUntil";

/// How often a password is hashed. Calls run one at a time, so that more would keep everybody waiting.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999);

fn set_password(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    let mut changed = user::find(session, pool_id, text(input, "Username"))?.clone();
    let password = text(input, "Password");
    if input.get("Permanent") == Some(&json!(true)) {
        set(session, &mut changed, password)?;
    } else {
        set_temporary(session, &mut changed, password)?;
    }
    user::store(session, changed);
    Ok(json!({}))
}

/// Gives a user a password that stays.
pub(crate) fn set(session: &Session<'_>, user: &mut Object, password: &str) -> Result<(), Failure> {
    keep(session, user, password, "CONFIRMED")?;
    user.hidden.shift_remove(UNTIL);
    Ok(())
}

/// Gives a user a password that has to be changed at the first sign-in, and is good for some days.
pub(crate) fn set_temporary(session: &Session<'_>, user: &mut Object, password: &str) -> Result<(), Failure> {
    keep(session, user, password, TEMPORARY)?;
    let days = policy(session, user)?.get("TemporaryPasswordValidityDays").and_then(Value::as_u64).unwrap_or(7);
    let until = session.now.saturating_add(days.saturating_mul(86_400_000));
    user.hidden.insert(UNTIL.into(), json!(until));
    Ok(())
}

/// Whether the password of a user was temporary and its time is over.
pub(crate) fn is_over(session: &Session<'_>, user: &Object) -> bool {
    user.hidden.get(UNTIL).and_then(Value::as_u64).is_some_and(|until| until <= session.now)
}

/// Whether this is the password of a user, who may have none yet.
pub(crate) fn is_right(user: &Object, password: &str) -> bool {
    let Some((salt, digest)) = text(&user.secrets, PASSWORD).split_once('$') else { return false };
    let (Ok(salt), Ok(digest)) = (STANDARD.decode(salt), STANDARD.decode(digest)) else { return false };
    pbkdf2::verify(PBKDF2_HMAC_SHA256, ITERATIONS, &salt, password.as_bytes(), &digest).is_ok()
}

fn keep(session: &Session<'_>, user: &mut Object, password: &str, status: &str) -> Result<(), Failure> {
    check(&policy(session, user)?, password)?;
    let mut salt = [0; 16];
    rand::fill(&mut salt)
        .map_err(|_| Failure::with_status(500, "InternalErrorException", "The machine has no randomness"))?;
    let mut digest = [0; 32];
    pbkdf2::derive(PBKDF2_HMAC_SHA256, ITERATIONS, &salt, password.as_bytes(), &mut digest);
    let kept = format!("{}${}", STANDARD.encode(salt), STANDARD.encode(digest));
    user.secrets.insert(PASSWORD.into(), json!(kept));
    user.document.insert("UserStatus".into(), json!(status));
    Ok(())
}

fn policy(session: &Session<'_>, user: &Object) -> Result<Document, Failure> {
    let pool = user_pool::find(session, user.parent.as_deref().unwrap_or_default())?;
    let policy = pool.document.get("Policies").and_then(|policies| policies.get("PasswordPolicy"));
    Ok(policy.and_then(Value::as_object).cloned().unwrap_or_default())
}

fn check(policy: &Document, password: &str) -> Result<(), Failure> {
    let refused = |what: &str| {
        let message = format!("Password did not conform with policy: Password {what}");
        Err(Failure::cognito("InvalidPasswordException", message))
    };
    let shortest = policy.get("MinimumLength").and_then(Value::as_u64).unwrap_or(8);
    if u64::try_from(password.chars().count()).is_ok_and(|length| length < shortest) {
        return refused("not long enough");
    }
    let has = |fits: fn(&char) -> bool| password.chars().any(|letter| fits(&letter));
    let demands = [
        ("RequireUppercase", has(char::is_ascii_uppercase), "must have uppercase characters"),
        ("RequireLowercase", has(char::is_ascii_lowercase), "must have lowercase characters"),
        ("RequireNumbers", has(char::is_ascii_digit), "must have numeric characters"),
        ("RequireSymbols", has(char::is_ascii_punctuation), "must have symbol characters"),
    ];
    for (member, met, what) in demands {
        if policy.get(member) == Some(&json!(true)) && !met {
            return refused(what);
        }
    }
    Ok(())
}
