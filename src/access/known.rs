//! Callers of whom a few claims are known and the rest is not: policies with these claims filled in, and the claims that policies ask
//! for.

use cedar_policy::{Policy, PrincipalConstraint};
use serde_json::{Value, json};

use super::token::Token;
use crate::manifest::cedar::{Token as Piece, TokenKind, tokens};
use crate::reference::escape_cedar;

/// A policy that says of the known claims what they are. The others stay open.
pub(super) fn filled(policy: &Policy, token: &Token) -> Option<Policy> {
    let text = policy.to_string();
    let code = code(&text);
    let tags: Vec<(&str, String)> = token.tags().collect();
    let mut filled = String::new();
    let mut done = 0;
    for (at, _) in code.iter().enumerate() {
        let Some(Test { claim, method, end }) = test_at(&text, &code, at) else { continue };
        // `null` is stated, and is no tag.
        let Some(stated) = token.claims.get(&claim) else { continue };
        let value = tags.iter().find(|(name, _)| *name == claim).map(|(_, value)| value);
        let known = match (method, value) {
            ("hasTag", _) => (!stated.is_null()).to_string(),
            (_, Some(value)) => format!("\"{}\"", escape_cedar(value, false)),
            (_, None) => continue,
        };
        let start = code.get(at)?.range.start;
        filled.push_str(text.get(done..start)?);
        filled.push_str(&known);
        done = end;
    }
    filled.push_str(text.get(done..)?);
    Policy::parse(Some(policy.id().clone()), filled).ok()
}

/// The claims that a policy asks for, each with a value that it compares with: text, or a list of one element where a pattern looks
/// for the element of a JSON list.
pub(super) fn asked(statement: &str) -> Vec<(String, Value)> {
    let code = code(statement);
    let text = |at: usize| code.get(at).and_then(|piece| statement.get(piece.range.clone())).unwrap_or_default();
    let is = |at: usize, kind: TokenKind| code.get(at).is_some_and(|piece| piece.kind == kind);
    let mut found = Vec::new();
    let mut ask = |claim: &str, value: Value| {
        if value != json!("") && !found.iter().any(|(name, known)| name == claim && *known == value) {
            found.push((claim.to_owned(), value));
        }
    };
    for (at, _) in code.iter().enumerate() {
        let Some(Test { claim, method: "getTag", .. }) = test_at(statement, &code, at) else { continue };
        let after = at + PIECES;
        if text(after) == "=" && text(after + 1) == "=" && is(after + 2, TokenKind::Literal) {
            ask(&claim, json!(unquoted(text(after + 2))));
        } else if text(after) == "like" && is(after + 1, TokenKind::Pattern) {
            ask(&claim, sought(text(after + 1)));
        } else if at >= 3 && text(at - 1) == "=" && text(at - 2) == "=" && is(at - 3, TokenKind::Literal) {
            ask(&claim, json!(unquoted(text(at - 3))));
        } else if at >= 4 && text(at - 1) == "(" && text(at - 2) == "contains" && text(at - 4) == "]" {
            let list = (0..at - 4).rev().take_while(|place| text(*place) != "[");
            let mut list: Vec<usize> = list.filter(|place| is(*place, TokenKind::Literal)).collect();
            list.reverse();
            list.into_iter().for_each(|place| ask(&claim, json!(unquoted(text(place)))));
        }
    }
    found
}

/// The IAM callers that a policy names, by the ARN of their sessions.
pub(super) fn roles(statement: &str) -> Vec<String> {
    let code = code(statement);
    let text = |at: usize| code.get(at).and_then(|piece| statement.get(piece.range.clone())).unwrap_or_default();
    let is_name = |at: usize| code.get(at + 3).is_some_and(|piece| piece.kind == TokenKind::Literal);
    let names = |at: &usize| text(*at) == "IamEntity" && text(at + 1) == ":" && text(at + 2) == ":" && is_name(*at);
    (0..code.len()).filter(names).map(|at| unquoted(text(at + 3))).collect()
}

/// What a pattern looks for: without its stars and blanks, as an element of a list if it stands in quotes.
fn sought(pattern: &str) -> Value {
    let open = pattern.get(1..pattern.len() - 1).unwrap_or_default().replace("\\*", "\u{1}").replace('*', "");
    let text = unquoted(&format!("\"{}\"", open.replace('\u{1}', "*"))).trim().to_owned();
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(element) => json!([element]),
        None => json!(text),
    }
}

/// `principal.getTag("…")` has so many tokens.
const PIECES: usize = 6;

/// `principal.hasTag("…")` or `principal.getTag("…")`.
struct Test<'t> {
    claim: String,
    method: &'t str,
    /// Where it ends.
    end: usize,
}

fn test_at<'t>(text: &'t str, code: &[Piece], at: usize) -> Option<Test<'t>> {
    let piece = |step: usize| code.get(at + step).and_then(|piece| text.get(piece.range.clone()));
    let method = piece(2).filter(|method| matches!(*method, "hasTag" | "getTag"))?;
    let shape = [(0, "principal"), (1, "."), (3, "("), (5, ")")];
    let fits = shape.into_iter().all(|(step, wanted)| piece(step) == Some(wanted));
    let is_literal = code.get(at + 4).is_some_and(|piece| piece.kind == TokenKind::Literal);
    // `context.input.principal.getTag` is something else.
    let is_begin = at == 0 || code.get(at - 1).is_none_or(|before| text.get(before.range.clone()) != Some("."));
    (fits && is_literal && is_begin)
        .then(|| Some(Test { claim: unquoted(piece(4)?), method, end: code.get(at + 5)?.range.end }))?
}

fn code(text: &str) -> Vec<Piece> {
    tokens(text).into_iter().filter(Piece::is_code).collect()
}

/// The text of a literal, as Cedar reads it; one that it does not read stands for itself.
fn unquoted(raw: &str) -> String {
    let read = || {
        // An entity by itself may have no escapes that it does not need.
        let policy = Policy::parse(None, format!("permit(principal == Text::{raw}, action, resource);")).ok()?;
        let PrincipalConstraint::Eq(entity) = policy.principal_constraint() else { return None };
        Some(entity.id().unescaped().to_owned())
    };
    read().unwrap_or_else(|| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::token::Known;
    use super::*;

    fn token(claims: &Value) -> Token {
        Token { claims: claims.as_object().unwrap().clone(), known: Known::InPart }
    }

    #[test]
    fn what_is_known_is_filled_in_and_nothing_else() {
        let policy = |condition: &str| {
            Policy::parse(None, format!("permit(principal, action, resource) when {{ {condition} }};")).unwrap()
        };
        let token = token(&json!({"groups": ["a\"b", "c"], "level": 7, "gone": null}));
        let filled = |condition: &str| filled(&policy(condition), &token).unwrap().to_json().unwrap();
        for (given, wanted) in [
            (
                "principal.hasTag(\"groups\") && principal.getTag(\"groups\") like \"*c*\"",
                r#"true && "[\"a\\\"b\",\"c\"]" like "*c*""#,
            ),
            ("principal.getTag(\"level\") == \"7\"", "\"7\" == \"7\""),
            ("principal.hasTag(\"gone\")", "false"),
            ("principal.getTag(\"gr\\u{6f}ups\") == \"x\"", r#""[\"a\\\"b\",\"c\"]" == "x""#),
            (
                "principal.hasTag(\"other\") && context.principal.hasTag(\"groups\")",
                "principal.hasTag(\"other\") && context.principal.hasTag(\"groups\")",
            ),
            ("context.x == \"principal.hasTag(\\\"groups\\\")\"", "context.x == \"principal.hasTag(\\\"groups\\\")\""),
        ] {
            assert_eq!(filled(given), policy(wanted).to_json().unwrap(), "{given}");
        }
    }

    #[test]
    fn what_policies_ask_for_is_found() {
        let statement = r#"permit(principal, action, resource) when {
            principal.hasTag("scope") && (principal.getTag("scope") == "r" || principal.getTag("scope") like "r *" ||
            principal.getTag("scope") like "* r" || principal.getTag("scope") like "* r *") && "one" == principal.getTag("team")
            && principal.getTag("scp") like "*\"w\"*" && ["a", "b"].contains(principal.getTag("client_id"))
            && principal.getTag("star") like "\*x*" && principal.getTag("none") != "x" && context.input.getTag == "y" };"#;
        let wanted = [
            ("scope", json!("r")),
            ("team", json!("one")),
            ("scp", json!(["w"])),
            ("client_id", json!("a")),
            ("client_id", json!("b")),
            ("star", json!("*x")),
        ];
        let wanted: Vec<(String, Value)> = wanted.into_iter().map(|(claim, value)| (claim.to_owned(), value)).collect();
        assert_eq!(asked(statement), wanted);
    }
}
