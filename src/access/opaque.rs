//! Policies that use an extension of Cedar: temporal conditions, guardrails, and effects on outputs.
//!
//! Plain Cedar cannot read them. What is left without the extended conditions bounds them from above: where it does not hold, the
//! policy does not.

use std::ops::Range;

use cedar_policy::{Policy, PolicyId};

use crate::address::Address;
use crate::manifest::cedar::{Token, TokenKind, tokens};

/// A statement as plain Cedar reads it, and whether something was left out. Nothing for a statement that is about outputs only.
pub(super) fn readable(address: &Address, statement: &str) -> Option<(Policy, bool)> {
    let parse = |text: &str| {
        let id = PolicyId::new(address.to_string());
        Policy::parse(Some(id), text).ok()
    };
    if let Some(policy) = parse(statement) {
        return Some((policy, false));
    }
    let effect = tokens(statement).into_iter().find(is_code);
    let effect = effect.and_then(|token| statement.get(token.range)).unwrap_or_default();
    if !matches!(effect, "permit" | "forbid") {
        return None;
    }
    // What cannot be read at all may be about everything.
    let policy =
        parse(&without_extensions(statement)).or_else(|| parse(&format!("{effect}(principal, action, resource);")))?;
    Some((policy, true))
}

/// The statement without `when temporal { … }`, `unless guardrails { … }` and the like.
fn without_extensions(statement: &str) -> String {
    let code: Vec<Token> = tokens(statement).into_iter().filter(is_code).collect();
    let text = |token: &Token| statement.get(token.range.clone()).unwrap_or_default();
    let mut left = String::new();
    let mut start = 0;
    for (at, pair) in code.windows(2).enumerate() {
        let [word, extension] = pair else { continue };
        let is_condition =
            matches!(text(word), "when" | "unless") && matches!(text(extension), "temporal" | "guardrails");
        if !is_condition || word.range.start < start {
            continue;
        }
        let Some(Range { end, .. }) = block(code.get(at + 2..).unwrap_or_default(), &text) else { continue };
        left.push_str(statement.get(start..word.range.start).unwrap_or_default());
        start = end;
    }
    left + statement.get(start..).unwrap_or_default()
}

/// The bytes of a block in braces, which begins at once.
fn block<'t>(code: &'t [Token], text: &impl Fn(&'t Token) -> &'t str) -> Option<Range<usize>> {
    let first = code.first().filter(|token| text(token) == "{")?;
    let mut depth = 0_usize;
    for token in code {
        match text(token) {
            "{" => depth += 1,
            "}" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(first.range.start..token.range.end);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_code(token: &Token) -> bool {
    !matches!(token.kind, TokenKind::Space | TokenKind::Comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plain_cedar_can_read_is_left() {
        let address = Address::new("policy", "p");
        let left = |text: &str| readable(&address, text).map(|(policy, opaque)| (policy.to_string(), opaque));
        let plain = "permit(principal, action, resource) when { context.a };";
        assert_eq!(left(plain), Some((plain.to_owned(), false)));
        assert_eq!(
            left("permit(principal, action, resource) when temporal { x formerly within { 1h } } when { context.a };"),
            Some(("permit(principal, action, resource)  when { context.a };".to_owned(), true))
        );
        assert_eq!(
            left("forbid(principal, action, resource) unless guardrails { A::B([x], [y]) > \"}\" };"),
            Some(("forbid(principal, action, resource) ;".to_owned(), true))
        );
        assert_eq!(left("permit(everything) when { such };").map(|(_, opaque)| opaque), Some(true));
        assert_eq!(left("suppressOutput(principal, action, resource) when guardrails { x };"), None);
    }
}
