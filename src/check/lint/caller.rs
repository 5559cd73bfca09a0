//! Who a policy is about: permits that ask nothing of the caller, callers who never come, and single persons.

use serde_json::Value;

use crate::check::cedar::expression::{asked_claim, claim, conditions, operator, parts, required, text};
use crate::check::cedar::{Engine, SIGNER, Statement, TOKEN_HOLDER};
use crate::diagnostic::Diagnostic;
use crate::manifest::nearest::listed;
use crate::reference::display;
use crate::stack::Resource;

pub(super) fn check(engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    if statement.is_permit() && !foreign_type(engine, statement, found) && asks_nothing(statement) {
        open(statement, found);
    }
    pinned(statement, found);
}

/// The permit asks nothing of its caller but the type.
pub(super) fn asks_nothing(statement: &Statement<'_>) -> bool {
    let scope = statement.form.pointer("/principal/op").and_then(Value::as_str);
    let any_of_a_type = match scope {
        Some("All") => true,
        Some("is") => statement.form.pointer("/principal/in").is_none(),
        _ => false,
    };
    any_of_a_type && {
        let all = || conditions(&statement.form).flat_map(|(_, body)| parts(body));
        let mentions = all().filter(|part| part.get("Var").is_some_and(|name| name == "principal")).count();
        let types = all().filter(|part| part.pointer("/is/left/Var").is_some_and(|name| name == "principal")).count();
        mentions == types
    }
}

fn open(statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let always = conditions(&statement.form).all(|(when, body)| body.get("Value") == Some(&Value::Bool(when)));
    let what = match statement.actions() {
        None => "every tool".to_owned(),
        Some(actions) => {
            let names: Vec<String> = actions.iter().map(|action| display(action)).collect();
            listed(&names.iter().map(String::as_str).collect::<Vec<_>>())
        }
    };
    let who = match statement.caller_type().as_deref() {
        Some(SIGNER) => "every IAM caller",
        _ => "everybody who gets in",
    };
    let message = if always && statement.fails_on_findings() {
        format!("{who} may call {what}, and under `FAIL_ON_ANY_FINDINGS` the service refuses such a permit")
    } else {
        format!("{who} may call {what}")
    };
    let help = if always && statement.fails_on_findings() {
        "add a condition on a claim or a principal; if everybody is meant, say `IGNORE_ALL_FINDINGS` and allow it"
    } else {
        "add a condition on a claim or a principal, or allow it if everybody is meant"
    };
    found.push(
        statement
            .text
            .warning("lint::open-permit", message)
            .at(statement.text.scope(), "asks nothing of the caller")
            .help(help),
    );
}

/// The permit is for a type of caller that no authorizer of its gateways produces.
fn foreign_type(engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) -> bool {
    let conditions = required(&statement.form);
    let of_caller = |part: &&&Value| part.pointer("/is/left/Var").is_some_and(|name| name == "principal");
    let in_conditions = conditions.iter().find(of_caller).and_then(|part| part.pointer("/is/entity_type")?.as_str());
    let by_claim = conditions.iter().any(|part| asked_claim(part).is_some()).then_some(TOKEN_HOLDER);
    let wanted = statement.caller_type();
    let Some(wanted) = wanted.as_deref().or(in_conditions).or(by_claim) else { return false };
    let named = statement.gateway();
    let mut gateways = engine
        .guarded
        .gateways
        .iter()
        .filter(|gateway| named.as_ref().is_none_or(|named| *named == gateway.address))
        .peekable();
    let first = gateways.peek().copied();
    if !matches!(wanted, SIGNER | TOKEN_HOLDER)
        || engine.is_foreign()
        || gateways.any(|gateway| produced(gateway).is_none_or(|produced| produced == wanted))
    {
        return false;
    }
    let Some(gateway) = first else { return false };
    let (kind, other) = if wanted == SIGNER { ("CUSTOM_JWT", TOKEN_HOLDER) } else { ("AWS_IAM", SIGNER) };
    let message =
        format!("every caller of `{}` (`{kind}`) is an `{other}`, so this permit lets nobody in", gateway.address);
    let place = if by_claim.is_some() && in_conditions.is_none() && statement.caller_type().is_none() {
        statement.text.span_of("principal.hasTag")
    } else {
        statement.text.span_of(wanted)
    };
    found.push(
        statement
            .text
            .warning("lint::principal-type", message)
            .at(place, "never calls")
            .with(gateway.span_of("authorizerType").clone(), "the gateway's authorizer")
            .help(format!("write `principal is {other}`, or change the gateway's authorizer")),
    );
    true
}

/// The type of a gateway's callers, where its authorizer decides it.
fn produced(gateway: &Resource) -> Option<&'static str> {
    match gateway.document.get("authorizerType").and_then(Value::as_str)? {
        "CUSTOM_JWT" => Some(TOKEN_HOLDER),
        "AWS_IAM" => Some(SIGNER),
        _ => None,
    }
}

/// The policy is about one user by the id that the issuer gave them.
fn pinned(statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let scope = statement.form.pointer("/principal/entity/id").and_then(Value::as_str);
    let in_conditions = conditions(&statement.form).flat_map(|(_, body)| parts(body)).filter_map(|part| {
        let (_, sides) = operator(part).filter(|(name, _)| *name == "==")?;
        let (left, right) = (sides.get("left")?, sides.get("right")?);
        let of_caller = |side: &Value| matches!(claim(side), Some("sub" | "username" | "oid"));
        text(right).filter(|_| of_caller(left)).or_else(|| text(left).filter(|_| of_caller(right)))
    });
    if let Some(id) = scope.into_iter().chain(in_conditions).find(|id| is_uuid(id)) {
        found.push(
            statement
                .text
                .note("lint::pinned-user", format!("the policy is about the one user `{id}`"))
                .at(statement.text.literal(id), "")
                .help("a group or a scope outlives the user, and says why they may"),
        );
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
