//! The nearest name: what someone likely meant.

use std::fmt::Write as _;

/// The candidate most like a name, if any is alike enough to be worth a suggestion.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &str| {
        let edits = strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase());
        edits.max(strsim::jaro_winkler(name, candidate) - 0.3)
    };
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(alike, _)| *alike >= 0.6)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// A help line: the nearest name, or everything there is.
pub(crate) fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut candidates: Vec<&str> = candidates.into_iter().collect();
    candidates.sort_unstable();
    candidates.dedup();
    if let Some(meant) = nearest(name, candidates.iter().copied()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    (!candidates.is_empty()).then(|| format!("there is {}", listed(&candidates)))
}

/// Names for a sentence; only the first dozen of many.
pub(crate) fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_meaning_and_a_foreign_one_the_list() {
        assert_eq!(nearest("gatway", ["gateway", "gateway_target", "policy"]), Some("gateway"));
        assert_eq!(nearest("rolearn", ["role_arn", "name"]), Some("role_arn"));
        assert_eq!(suggestion("zebra", ["b", "a", "a"]).unwrap(), "there is `a`, `b`");
        assert_eq!(suggestion("zebra", []), None);
    }
}
