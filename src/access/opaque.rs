//! Policies that use an extension of Cedar: temporal conditions, guardrails, and effects on outputs.
//!
//! Plain Cedar cannot read them. What is left without the extended conditions bounds them from above: where it does not hold, the
//! policy does not. What was left out is one unknown truth: the same for the same text, whatever policy it stands in.

use std::ops::Range;

use cedar_policy::{Policy, PolicyId};

use crate::address::Address;
use crate::manifest::cedar::{Token, TokenKind, tokens};

/// A statement as plain Cedar reads it, and what was left out, if anything was: the policy holds where the one and the other do.
/// Nothing for a statement that is about outputs only, since that decides no call.
pub(super) fn readable(address: &Address, statement: &str) -> Option<(Policy, Option<String>)> {
    let parse = |text: &str| {
        let id = PolicyId::new(address.to_string());
        Policy::parse(Some(id), text).ok()
    };
    if let Some(policy) = parse(statement) {
        return Some((policy, None));
    }
    let effect = effect(statement)?;
    let (plain, extensions) = split(statement);
    if let Some(policy) = parse(&plain) {
        return Some((policy, Some(extensions)));
    }
    // What cannot be read at all may be about everything.
    let policy = parse(&format!("{effect}(principal, action, resource);"))?;
    Some((policy, Some(canonical(statement))))
}

/// `permit` or `forbid`, behind the annotations.
fn effect(statement: &str) -> Option<&str> {
    let code = tokens(statement).into_iter().filter(is_code);
    let mut words = code.map(|token| statement.get(token.range).unwrap_or_default());
    loop {
        match words.next()? {
            effect @ ("permit" | "forbid") => return Some(effect),
            // `@name`, or `@name("text")`
            "@" => {
                words.next()?;
                if words.clone().next() == Some("(") {
                    words.find(|word| *word == ")")?;
                }
            }
            _ => return None,
        }
    }
}

/// The text without comments, and one blank between two words: the same for all layouts of a text.
fn canonical(text: &str) -> String {
    let code = tokens(text).into_iter().filter(is_code);
    code.filter_map(|token| text.get(token.range)).collect::<Vec<_>>().join(" ")
}

/// The statement without `when temporal { … }`, `unless guardrails { … }` and the like, and these.
fn split(statement: &str) -> (String, String) {
    let code: Vec<Token> = tokens(statement).into_iter().filter(is_code).collect();
    let text = |token: &Token| statement.get(token.range.clone()).unwrap_or_default();
    let (mut left, mut taken) = (String::new(), Vec::new());
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
        taken.push(canonical(statement.get(word.range.start..end).unwrap_or_default()));
        start = end;
    }
    (left + statement.get(start..).unwrap_or_default(), taken.join(" "))
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

    fn read(text: &str) -> Option<(String, Option<String>)> {
        readable(&Address::new("policy", "p"), text).map(|(policy, left_out)| (policy.to_string(), left_out))
    }

    #[test]
    fn what_plain_cedar_can_read_is_left() {
        let left = |text: &str| read(text).unwrap().0;
        let plain = "permit(principal, action, resource) when { context.a };";
        assert_eq!(read(plain), Some((plain.to_owned(), None)));
        assert_eq!(
            left("permit(principal, action, resource) when temporal { x formerly within { 1h } } when { context.a };"),
            "permit(principal, action, resource)  when { context.a };"
        );
        assert_eq!(
            left("forbid(principal, action, resource) unless guardrails { A::B([x], [y]) > \"}\" };"),
            "forbid(principal, action, resource) ;"
        );
        assert_eq!(read("suppressOutput(principal, action, resource) when guardrails { x };"), None);
        assert_eq!(read("@id(\"p\") suppressOutput(principal, action, resource) when guardrails { x };"), None);
    }

    #[test]
    fn what_cannot_be_read_at_all_is_about_everything() {
        let (policy, left_out) = read("permit(everything) when { such };").unwrap();
        assert_eq!(policy, "permit(principal, action, resource);");
        assert_eq!(left_out.unwrap(), "permit ( everything ) when { such } ;");
        let annotated = read("@id(\"p\") @x(\"y\")\nforbid(everything);").unwrap();
        assert_eq!(annotated.0, "forbid(principal, action, resource);");
    }

    #[test]
    fn an_annotation_without_a_value_hides_no_policy() {
        let (policy, left_out) = read("@x @y(\"z\") permit(principal, action, resource) when temporal { x };").unwrap();
        assert!(policy.contains("permit(principal, action, resource)"), "{policy}");
        assert_eq!(left_out.unwrap(), "when temporal { x }");
    }

    #[test]
    fn what_is_left_out_is_the_same_in_every_layout() {
        let left_out = |text: &str| read(text).unwrap().1.unwrap();
        let one = left_out("permit(principal, action, resource) when temporal { count(x) < 3 };");
        let laid_out =
            "permit(principal, action, resource)\nwhen { context.a }\nwhen temporal {\n  count( x ) // often\n < 3 };";
        assert_eq!(left_out(laid_out), one);
        assert_ne!(left_out("permit(principal, action, resource) when temporal { count(x) < 4 };"), one);
        assert_ne!(left_out("permit(principal, action, resource) unless temporal { count(x) < 3 };"), one);
    }
}
