//! The service's extensions of Cedar: conditions about earlier calls (`when temporal { … }`) and about what a guardrail finds
//! (`unless guardrails { … }`), and an effect on answers (`suppressOutput`).
//!
//! What they say is not understood here. What is left without them is plain Cedar, and bounds the whole from above.

use crate::nesting::tokens;

/// Operators of all temporal conditions of one policy.
const OPERATORS: usize = 3;

/// The longest window of a temporal condition, in seconds.
const WINDOW: u64 = 24 * 60 * 60;

/// A statement in two parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// What plain Cedar reads. An effect on answers is a `forbid` here.
    pub(crate) plain: String,
    /// It looks at what happened before.
    pub(crate) temporal: bool,
    /// A guardrail decides with it.
    pub(crate) guardrails: bool,
    /// It is about answers, and lets nobody in or out.
    pub(crate) about_output: bool,
    /// Why the service does not take its temporal conditions.
    pub(crate) problem: Option<String>,
}

impl Split {
    pub(crate) fn of(statement: &str) -> Self {
        let code: Vec<(usize, &str)> = tokens(statement).collect();
        let text = |at: usize| code.get(at).map_or("", |(_, text)| *text);
        let mut split = Self::default();
        let (mut operators, mut start, mut at) = (0, 0, effect(&code));
        let piece = |from: usize, to: usize| statement.get(from..to).unwrap_or_default();
        if text(at) == "suppressOutput" {
            let place = code.get(at).map_or(0, |(place, _)| *place);
            split.about_output = true;
            split.plain = piece(0, place).to_owned() + "forbid";
            start = place + text(at).len();
        }
        while at < code.len() {
            let extension = (text(at), text(at + 1));
            let Some(end) = matches!(extension, ("when" | "unless", "temporal" | "guardrails"))
                .then(|| closing(&code, at + 2))
                .flatten()
            else {
                at += 1;
                continue;
            };
            if extension.1 == "temporal" {
                split.temporal = true;
                let words = || (at + 3..end).map(text);
                operators += words().filter(|word| matches!(*word, "formerly" | "since" | "count" | "sum")).count();
                if let Some(window) = words().find(|word| seconds(word).is_some_and(|seconds| seconds > WINDOW)) {
                    split.problem = Some(format!("A temporal window of {window} is longer than 24h"));
                }
            } else {
                split.guardrails = true;
            }
            split.plain += piece(start, code.get(at).map_or(start, |(place, _)| *place));
            start = code.get(end).map_or(statement.len(), |(place, text)| place + text.len());
            at = end + 1;
        }
        if operators > OPERATORS {
            split.problem =
                Some(format!("The policy has {operators} temporal operators, and at most {OPERATORS} are allowed"));
        }
        split.plain += piece(start, statement.len());
        split
    }

    /// Whether it holds depends on more than Cedar knows.
    pub(crate) fn is_open(&self) -> bool {
        self.temporal || self.guardrails
    }
}

/// The place of the effect, behind the annotations.
fn effect(code: &[(usize, &str)]) -> usize {
    let text = |at: usize| code.get(at).map_or("", |(_, text)| *text);
    let mut at = 0;
    while text(at) == "@" {
        at += 2;
        if text(at) == "(" {
            at = (at..code.len()).find(|at| text(*at) == ")").map_or(code.len(), |end| end + 1);
        }
    }
    at
}

/// Where the block in braces ends that begins at once.
fn closing(code: &[(usize, &str)], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, (_, text)) in code.iter().enumerate().skip(start) {
        match *text {
            "{" => depth += 1,
            "}" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (*text == "}").then_some(at);
        }
    }
    None
}

/// `90m` in seconds.
fn seconds(word: &str) -> Option<u64> {
    let unit = word.find(|letter: char| !letter.is_ascii_digit())?;
    let (count, unit) = word.split_at_checked(unit)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    // What does not fit a number is longer than any window.
    Some(if count.is_empty() { return None } else { count.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(unit) })
}

/// The statement with another clause for its action.
pub(crate) fn for_any_action(statement: &str) -> Option<String> {
    let code: Vec<(usize, &str)> = tokens(statement).collect();
    let open = effect(&code) + 1;
    let mut commas = Vec::new();
    let mut depth = 0_usize;
    for (place, text) in code.get(open..)? {
        match *text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            "," if depth == 1 => commas.push(*place),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    let [first, second, ..] = commas.as_slice() else { return None };
    Some(format!("{}, action{}", statement.get(..*first)?, statement.get(*second..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(statement: &str) -> String {
        Split::of(statement).plain
    }

    #[test]
    fn what_plain_cedar_reads_is_left_and_the_rest_is_known_by_its_kind() {
        let same =
            "// when temporal {\npermit(principal, action, resource) when { context.a == \"when temporal { x }\" };";
        assert_eq!(Split::of(same), Split { plain: same.to_owned(), ..Split::default() });
        let both = "@id(\"when temporal\")permit(p, a, r) when temporal { x formerly within { 1h } } when { c } unless \
                    guardrails { A::B([\"}\"]) };";
        let split = Split::of(both);
        assert_eq!(split.plain, "@id(\"when temporal\")permit(p, a, r)  when { c } ;");
        assert!(split.temporal && split.guardrails && !split.about_output && split.problem.is_none());
        let output = "@id(\"x\") suppressOutput(p, a, r) when guardrails { x };";
        assert_eq!(plain(output), "@id(\"x\") forbid(p, a, r) ;");
        assert!(Split::of(output).about_output);
        for broken in ["permit(p, a, r) when temporal", "permit(p, a, r) when temporal {", "when temporal }", "@", ""] {
            assert_eq!(plain(broken), broken);
        }
    }

    #[test]
    fn temporal_conditions_have_limits() {
        let problem = |condition: &str| Split::of(&format!("permit(p, a, r) when temporal {{ {condition} }};")).problem;
        for fine in ["count(x within 24h) < 5", "a formerly within 1d && b since within 90m && sum(c within 1s) < 3"] {
            assert_eq!(problem(fine), None, "{fine}");
        }
        for (wrong, words) in [
            ("count(x within 25h) < 5", "25h"),
            ("count(x within 99999999999999999999999d) < 5", "longer"),
            (
                "count(a within 1h) < 1 || count(b within 1h) < 1 || sum(c within 1h) < 1 || d formerly within 1h",
                "4 temporal",
            ),
        ] {
            assert!(problem(wrong).is_some_and(|problem| problem.contains(words)), "{wrong}");
        }
    }

    #[test]
    fn the_clause_of_the_action_is_replaced() {
        assert_eq!(
            for_any_action(
                "@id(\"a,b\")\npermit(principal, action in [A::\"x\", A::\"y\"], resource == G::\",\") when { f(a, b) };"
            ),
            Some("@id(\"a,b\")\npermit(principal, action, resource == G::\",\") when { f(a, b) };".to_owned())
        );
        assert_eq!(for_any_action("permit(principal)"), None);
    }
}
