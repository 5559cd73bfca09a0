//! `gatewright: allow CODE: REASON` in a comment: a finding that somebody looked at, where reviewers see it.
//!
//! Beside a line it is about that line. On a line of its own it is about what follows: a Cedar statement, a table of the
//! manifest, or else one line. Errors cannot be allowed: the service would refuse them all the same.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use crate::diagnostic::{Diagnostic, FileId, Severity, Sources, Span};
use crate::manifest::cedar::{TokenKind, tokens};
use crate::manifest::nearest::suggestion;

const MARKER: &str = "gatewright: allow";

/// The code of an allowance that nothing needed.
pub(crate) const UNUSED: &str = "lint::unused-allow";

/// One code of a comment.
struct Allowance {
    /// The comment.
    at: Span,
    code: String,
    /// The bytes that it is about.
    about: Range<usize>,
    used: bool,
}

/// Takes out what is allowed, and tells of allowances that say nothing.
pub(super) fn apply(sources: &Sources, found: &mut Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut allowances: Vec<Allowance> =
        sources.files().flat_map(|file| in_file(sources, file, &mut problems)).collect();
    found.retain(|finding| {
        let Some(label) = finding.primary.as_ref().filter(|_| finding.severity != Severity::Error) else { return true };
        let mut kept = true;
        for allowance in &mut allowances {
            if allowance.code == finding.code
                && allowance.at.file == label.span.file
                && allowance.about.contains(&label.span.range.start)
            {
                allowance.used = true;
                kept = false;
            }
        }
        kept
    });
    // What is refused is not looked at to the end.
    if !found.iter().any(|finding| finding.severity == Severity::Error) {
        problems.extend(allowances.into_iter().filter(|allowance| !allowance.used).map(|allowance| {
            Diagnostic::warning(UNUSED, format!("nothing of `{}` is found here", allowance.code))
                .at(allowance.at, "")
                .help("remove it, so that it hides nothing later")
        }));
    }
    found.extend(problems);
}

/// Every allowance of a file.
fn in_file(sources: &Sources, file: FileId, problems: &mut Vec<Diagnostic>) -> Vec<Allowance> {
    let text = sources.text(file);
    let mut allowances = Vec::new();
    for (at, _) in text.match_indices(MARKER) {
        let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| at + length);
        let before = text.get(start..at).unwrap_or_default().trim_end();
        let Some(code) = before.strip_suffix("//").or_else(|| before.strip_suffix('#')) else { continue };
        let comment = Span { file, range: start + code.len()..end };
        let about = if code.trim().is_empty() { following(sources.path(file), text, end) } else { start..end };
        let said = text.get(at + MARKER.len()..end).unwrap_or_default().trim();
        let Some((codes, _)) = said.split_once(": ").filter(|(_, reason)| !reason.trim().is_empty()) else {
            let message = "the allowance gives no reason, so it allows nothing";
            let help = format!("write `{MARKER} CODE: REASON`, several codes with commas");
            problems.push(Diagnostic::warning("lint::allow", message).at(comment, "").help(help));
            continue;
        };
        for code in codes.split(',').map(str::trim) {
            if known().any(|known| known == code) {
                let code = code.to_owned();
                allowances.push(Allowance { at: comment.clone(), code, about: about.clone(), used: false });
            } else {
                let mut problem = Diagnostic::warning("lint::allow", format!("there is no finding `{code}` to allow"));
                problem.help = suggestion(code, known());
                problems.push(problem.at(comment.clone(), ""));
            }
        }
    }
    allowances
}

/// The codes of the checks.
fn known() -> impl Iterator<Item = &'static str> {
    let codes: BTreeSet<&str> = super::codes().map(|(code, _)| *code).collect();
    codes.into_iter()
}

/// The bytes of what follows a comment that ends here.
fn following(path: &Path, text: &str, end: usize) -> Range<usize> {
    let mut start = end;
    let line = loop {
        start += text.get(start..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        // Other comments may stand between.
        if line.is_empty() || !(line.starts_with('#') || line.starts_with("//")) {
            break line;
        }
        start += line.len();
    };
    let rest = text.get(start..).unwrap_or_default();
    let length = if ["permit", "forbid", "suppressOutput", "@"].iter().any(|head| line.starts_with(head)) {
        let semicolon = |token: &crate::manifest::cedar::Token| {
            token.kind == TokenKind::Mark && rest.get(token.range.clone()) == Some(";")
        };
        tokens(rest).iter().find(|token| semicolon(token)).map_or(rest.len(), |token| token.range.end)
    } else if line.starts_with('[') && path.extension().is_some_and(|extension| extension == "toml") {
        rest.find("\n[").unwrap_or(rest.len())
    } else {
        line.len()
    };
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(path: &str, text: &str, code: &'static str, at: &str) -> Vec<&'static str> {
        let mut sources = Sources::default();
        let file = sources.add(path, text);
        let start = text.rfind(at).unwrap();
        let span = Span { file, range: start..start + at.len() };
        let mut found = vec![Diagnostic::warning(code, "m").at(span, "")];
        apply(&sources, &mut found);
        found.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn an_allowance_is_about_its_line_its_statement_or_its_table() {
        let code = "lint::open-permit";
        let cedar = "// gatewright: allow lint::open-permit: public\n// more\n@id(\"a\")\npermit(principal,\n action, resource);\npermit(x);";
        assert_eq!(kept("a.cedar", cedar, code, "action"), [""; 0]);
        assert_eq!(kept("a.cedar", cedar, code, "x"), [code, UNUSED]);
        let table = "# gatewright: allow lint::open-permit, lint::uncovered-tool: public\n[policy.a]\nb = 1\n\n[policy.c]\nd = 1";
        assert_eq!(kept("a.toml", table, code, "b = 1"), [UNUSED]);
        assert_eq!(kept("a.toml", table, code, "d"), [code, UNUSED, UNUSED]);
        assert_eq!(
            kept("a.toml", "a = 1 # gatewright: allow lint::open-permit: public\nb = 2", code, "a = 1"),
            [""; 0]
        );
        assert_eq!(
            kept("a.toml", "a = 1 # gatewright: allow lint::open-permit: public\nb = 2", code, "b"),
            [code, UNUSED]
        );
    }

    #[test]
    fn an_allowance_without_a_reason_or_with_an_unknown_code_allows_nothing() {
        let code = "lint::open-permit";
        assert_eq!(kept("a.toml", "a = 1 # gatewright: allow lint::open-permit", code, "a"), [code, "lint::allow"]);
        assert_eq!(kept("a.toml", "a = 1 # gatewright: allow lint::open-prmit: x", code, "a"), [code, "lint::allow"]);
    }
}
