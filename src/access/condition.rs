//! The conditions of a policy that all have to hold, one by one, as its text has them.

use std::ops::Range;

use crate::manifest::cedar::{Token, TokenKind, tokens};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its bytes in the statement.
    pub(crate) range: Range<usize>,
    /// It stands in `unless`: it has to be false.
    pub(crate) negated: bool,
}

/// A policy in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The clause of the scope about the principal.
    pub(crate) principal: Range<usize>,
    /// The clause about the action.
    pub(crate) action: Range<usize>,
    /// The conditions, in order.
    pub(crate) conditions: Vec<Condition>,
}

/// A statement in parts; nothing where it has no scope.
pub(crate) fn parts(statement: &str) -> Option<Parts> {
    let all = tokens(statement);
    let code: Vec<&Token> =
        all.iter().filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment)).collect();
    let text = |token: &Token| statement.get(token.range.clone()).unwrap_or_default();
    let open = code.iter().position(|token| text(token) == "(")?;
    let close = closing(&code, open, &text)?;
    let scope = code.get(open + 1..close)?;
    let first = split(scope, &text, |token, next| (text(token) == ",").then_some(1).filter(|_| next.is_some()));
    let mut conditions = Vec::new();
    let mut at = close + 1;
    while let Some(word) = code.get(at) {
        let negated = match text(word) {
            "when" => false,
            "unless" => true,
            _ => break,
        };
        let end = closing(&code, at + 1, &text)?;
        let body = code.get(at + 2..end).unwrap_or_default();
        if negated {
            conditions.extend(range(body).map(|range| Condition { range, negated }));
        } else {
            conjuncts(body, &text, &mut conditions);
        }
        at = end + 1;
    }
    let clause = |index: usize| first.get(index).and_then(|clause| range(clause));
    Some(Parts { principal: clause(0)?, action: clause(1)?, conditions })
}

/// The parts of an expression between its `&&`, those in parentheses too. With `||` or `if` beside them it is one condition.
fn conjuncts<'t>(body: &[&'t Token], text: &impl Fn(&'t Token) -> &'t str, found: &mut Vec<Condition>) {
    let pair = |sign: &'static str| {
        move |token: &'t Token, next: Option<&&'t Token>| {
            let touches = next.is_some_and(|next| next.range.start == token.range.end && text(next) == sign);
            (text(token) == sign && touches).then_some(2)
        }
    };
    let has_if = split(body, text, |token, _| (text(token) == "if").then_some(1)).len() > 1;
    if !has_if && split(body, text, pair("|")).len() == 1 {
        let parts = split(body, text, pair("&"));
        if parts.len() > 1 {
            for part in parts {
                conjuncts(part, text, found);
            }
            return;
        }
        if let [first, inner @ .., _] = body
            && text(first) == "("
            && closing(body, 0, text) == Some(body.len() - 1)
        {
            return conjuncts(inner, text, found);
        }
    }
    found.extend(range(body).map(|range| Condition { range, negated: false }));
}

/// The tokens between separators that stand in no brackets. The separator says how many tokens it has.
fn split<'s, 't>(
    body: &'s [&'t Token],
    text: &impl Fn(&'t Token) -> &'t str,
    separator: impl Fn(&'t Token, Option<&&'t Token>) -> Option<usize>,
) -> Vec<&'s [&'t Token]> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut skip) = (0, 0_usize, 0);
    for (at, token) in body.iter().enumerate() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        match text(token) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ if depth == 0 => {
                if let Some(length) = separator(token, body.get(at + 1)) {
                    parts.push(body.get(start..at).unwrap_or_default());
                    start = at + length;
                    skip = length - 1;
                }
            }
            _ => {}
        }
    }
    parts.push(body.get(start..).unwrap_or_default());
    parts
}

/// The bracket that closes the one at a place.
fn closing<'t>(code: &[&'t Token], open: usize, text: &impl Fn(&'t Token) -> &'t str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in code.iter().enumerate().skip(open) {
        match text(token) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn range(tokens: &[&Token]) -> Option<Range<usize>> {
    Some(tokens.first()?.range.start..tokens.last()?.range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(statement: &str) -> Vec<String> {
        let parts = parts(statement).unwrap();
        let text = |range: &Range<usize>| statement[range.clone()].to_owned();
        let mut found = vec![text(&parts.principal)];
        found.extend(parts.conditions.iter().map(|condition| {
            let sign = if condition.negated { "!" } else { "" };
            format!("{sign}{}", text(&condition.range))
        }));
        found
    }

    #[test]
    fn a_policy_falls_into_what_all_has_to_hold() {
        assert_eq!(
            conditions(
                "permit(principal is A::B, action in [A::\"x\", A::\"y\"], resource == G::\"&&\") // && c\n when { a.hasTag(\"s\") && \
                 (a == \"1\" || a like \"* && *\") && (b && (c && d)) } unless { e && f } when { if a then b && c else d };"
            ),
            [
                "principal is A::B",
                "a.hasTag(\"s\")",
                "a == \"1\" || a like \"* && *\"",
                "b",
                "c",
                "d",
                "!e && f",
                "if a then b && c else d",
            ]
        );
        assert_eq!(conditions("permit(principal, action, resource);"), ["principal"]);
        assert_eq!(
            conditions("permit(principal, action, resource) when { a && b || c };"),
            ["principal", "a && b || c"]
        );
        assert_eq!(conditions("permit(principal, action, resource) when { (a) && (b) };"), ["principal", "a", "b"]);
    }

    #[test]
    fn broken_text_has_no_parts_or_fewer() {
        for text in ["", "permit", "permit(", "permit(principal, action, resource) when {", "permit(principal) when }"]
        {
            drop(parts(text));
        }
    }
}
