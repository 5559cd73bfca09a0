//! Cedar text that holds exactly where a claim has one of some values, and for no value that only looks like one of them.
//!
//! A claim is one text for Cedar: words with blanks between them, or the JSON text of a list (cedar.md §4.1). A word is the whole
//! text, or stands first, last or in between. An element of a list stands between its quotes and those of its neighbours: inside of
//! an element a quote always follows a backslash, so a quote after a comma is never inside of one.

use crate::reference::{Filter, Reference, escape_cedar, pieces};
use crate::stack::Claim;

/// The test that a claim has one of these values. References in them are marks.
pub(crate) fn has_one_of(claim: &Claim, values: &[String]) -> String {
    let tests = values.iter().flat_map(|value| if claim.list { element(value) } else { word(value) });
    any(&claim.name, tests)
}

/// The test that a claim which is there has this value, on one line.
pub(crate) fn has(claim: &Claim, value: &str) -> String {
    let tests = if claim.list { element(value) } else { word(value) };
    let name = literal(&claim.name, false);
    let tests: Vec<String> = tests.iter().map(|test| format!("principal.getTag(\"{name}\") {test}")).collect();
    format!("({})", tests.join(" || "))
}

/// The test that a claim is one of these texts.
pub(crate) fn is_one_of(claim: &str, values: &[String]) -> String {
    any(claim, values.iter().map(|value| format!("== \"{}\"", literal(value, false))))
}

/// The test that a claim is there.
pub(super) fn is_there(claim: &str) -> String {
    format!("principal.hasTag(\"{}\")", literal(claim, false))
}

/// Why nothing can test exactly whether a claim has this value, if nothing can.
pub(crate) fn untestable(claim: &Claim, value: &str) -> Option<&'static str> {
    if value.is_empty() {
        Some("is empty")
    } else if !claim.list && value.contains(' ') {
        Some("holds a blank, which separates the values of its claim")
    } else if claim.list && value.starts_with(',') {
        Some("begins with a comma, which separates the values of its claim")
    } else {
        None
    }
}

fn any(claim: &str, tests: impl Iterator<Item = String>) -> String {
    let there = is_there(claim);
    let claim = literal(claim, false);
    let tests: Vec<String> = tests.map(|test| format!("        principal.getTag(\"{claim}\") {test}")).collect();
    format!("{there} && (\n{}\n    )", tests.join(" ||\n"))
}

/// A word of a text with blanks between the words.
fn word(value: &str) -> Vec<String> {
    let (text, pattern) = (literal(value, false), literal(value, true));
    vec![
        format!("== \"{text}\""),
        format!("like \"{pattern} *\""),
        format!("like \"* {pattern}\""),
        format!("like \"* {pattern} *\""),
    ]
}

/// An element of the JSON text of a list, with and without blanks after the commas.
fn element(value: &str) -> Vec<String> {
    let quoted = json_text(value);
    let (text, pattern) = (literal(&quoted, false), literal(&quoted, true));
    vec![
        format!("== \"[{text}]\""),
        format!("like \"[{pattern},*\""),
        format!("like \"*,{pattern}]\""),
        format!("like \"*,{pattern},*\""),
        format!("like \"*, {pattern}]\""),
        format!("like \"*, {pattern},*\""),
    ]
}

/// A text as JSON writes it, in quotes; references stay.
fn json_text(value: &str) -> String {
    let plain = |piece: Result<&str, Reference>| match piece {
        Ok(text) => {
            let quoted = serde_json::Value::from(text).to_string();
            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
        }
        Err(reference) => reference.mark(),
    };
    format!("\"{}\"", pieces(value).into_iter().map(plain).collect::<String>())
}

/// A text within a Cedar literal, or within the pattern of a `like`.
pub(crate) fn literal(value: &str, like: bool) -> String {
    let filter = if like { Filter::Like } else { Filter::Cedar };
    let escaped = |piece: Result<&str, Reference>| match piece {
        Ok(text) => escape_cedar(text, like),
        Err(reference) => Reference { filter, ..reference }.mark(),
    };
    pieces(value).into_iter().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use cedar_policy::{
        Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
    };
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A test as a policy.
    fn policies(test: &str) -> PolicySet {
        PolicySet::from_str(&format!("permit(principal, action, resource) when {{ {test} }};")).unwrap()
    }

    /// Whether Cedar's own engine lets a token with this claim through the test.
    fn holds(policies: &PolicySet, claim: &str, text: &str) -> bool {
        let uid = |text: &str| EntityUid::from_str(text).unwrap();
        let tag = (claim.to_owned(), RestrictedExpression::new_string(text.to_owned()));
        let principal = Entity::new_with_tags(uid("U::\"u\""), [], [], [tag]).unwrap();
        let entities = Entities::from_entities([principal], None).unwrap();
        let request = Request::new(uid("U::\"u\""), uid("A::\"a\""), uid("G::\"g\""), Context::empty(), None).unwrap();
        let answer = Authorizer::new().is_authorized(&request, policies, &entities);
        assert_eq!(answer.diagnostics().errors().count(), 0, "{policies}");
        answer.decision() == Decision::Allow
    }

    /// Few letters, so that what looks alike is drawn often; and those that have a meaning in patterns, JSON and Cedar.
    const LETTERS: &str = "[ab/ *\"\\\\,\\[\\]\\n]{0,6}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_scope_is_found_exactly_among_the_words(text in LETTERS, more in ".{0,8}", scope in "[ab/*\"\\\\,é]{1,3}") {
            let claim = Claim { name: "scope".into(), list: false };
            let test = policies(&has_one_of(&claim, std::slice::from_ref(&scope)));
            for text in [text.clone(), more.clone(), format!("{scope} {text}"), format!("{text}{scope}"), format!("{more} {scope} {text}")] {
                prop_assert_eq!(holds(&test, "scope", &text), text.split(' ').any(|word| word == scope), "{:?} in {:?}", scope, text);
            }
        }

        #[test]
        fn a_group_is_found_exactly_among_the_elements(list in prop::collection::vec(LETTERS, 0..4), more in ".{0,4}", group in LETTERS) {
            let claim = Claim { name: "cognito:groups".into(), list: true };
            prop_assume!(untestable(&claim, &group).is_none());
            let test = policies(&has_one_of(&claim, std::slice::from_ref(&group)));
            let mut near = list.clone();
            near.extend([format!("{group}{more}"), format!("x\"{group}"), format!("{group}\",\"")]);
            let mut with = near.clone();
            with.insert(list.len() / 2, group.clone());
            for list in [list, near, with] {
                let blanks = list.iter().map(|item| json!(item).to_string()).collect::<Vec<_>>().join(", ");
                for text in [json!(list).to_string(), format!("[{blanks}]")] {
                    prop_assert_eq!(holds(&test, "cognito:groups", &text), list.contains(&group), "{:?} in {}", group, text);
                }
            }
        }
    }

    #[test]
    fn one_of_several_is_enough() {
        let claim = Claim { name: "scope".into(), list: false };
        let test = policies(&has_one_of(&claim, &["a".into(), "b".into()]));
        assert!(holds(&test, "scope", "x b") && !holds(&test, "scope", "ab") && !holds(&test, "other", "a"));
        let test = policies(&is_one_of("role", &["a*".into()]));
        assert!(holds(&test, "role", "a*") && !holds(&test, "role", "ab"));
    }
}
