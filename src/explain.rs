//! `explain CODE`: what a diagnostic code means and what to do about it.

use crate::manifest::nearest::nearest;
use crate::{access, check, manifest, plan};

/// Every code there is.
pub fn codes() -> impl Iterator<Item = &'static str> {
    all().map(|(code, _)| *code)
}

/// The explanation of a code.
pub fn explain(code: &str) -> Option<&'static str> {
    all().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

/// The code that a mistyped one is nearest to.
pub fn nearest_code(code: &str) -> Option<&'static str> {
    nearest(code, codes())
}

fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    manifest::CODES.iter().chain(check::codes()).chain(access::CODES).chain(plan::CODES).chain(plan::risk::CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_explained_in_sentences() {
        let mut seen = std::collections::BTreeSet::new();
        for code in codes() {
            assert!(seen.insert(code), "{code} twice");
            let text = explain(code).unwrap();
            assert!(text.ends_with('.') && text.matches(". ").count() >= 1, "{code}: {text}");
        }
    }

    #[test]
    fn a_typo_leads_to_the_code_that_was_meant() {
        assert_eq!(nearest_code("check::open-gatway"), Some("check::open-gateway"));
        assert_eq!(nearest_code("unknown-scope"), Some("check::unknown-scope"));
        assert_eq!(nearest_code("something-else-entirely"), None);
    }
}
