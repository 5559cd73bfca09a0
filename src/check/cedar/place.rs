//! Where parts of a Cedar statement stand in the file it was written in.
//!
//! The statement of a document is not the text of the file: references are filled in, annotations are gone, TOML escapes are
//! undone. So the two are laid side by side when a place is asked for.

use std::ops::Range;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Sources, Span};
use crate::manifest::cedar::{TokenKind, tokens};
use crate::reference;
use crate::stack::Resource;

/// So many equal bytes mean that both texts are at the same place again.
const ANCHOR: usize = 8;

/// So far apart the texts may drift between two equal places.
const DRIFT: usize = 400;

/// A policy's statement with the place it came from.
pub(crate) struct Text<'a> {
    resource: &'a Resource,
    statement: String,
    span: &'a Span,
    source: &'a str,
}

impl<'a> Text<'a> {
    pub(crate) fn new(resource: &'a Resource, statement: String, sources: &'a Sources) -> Self {
        let arm = if resource.document.pointer("/definition/policy").is_some() { "policy" } else { "cedar" };
        let span = resource.span_of(&format!("definition.{arm}.statement"));
        let source = sources.text(span.file).get(span.range.clone()).unwrap_or_default();
        Self { resource, statement, span, source }
    }

    pub(crate) fn statement(&self) -> &str {
        &self.statement
    }

    pub(crate) fn address(&self) -> &Address {
        &self.resource.address
    }

    pub(in crate::check) fn error(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).about(self.address())
    }

    pub(in crate::check) fn warning(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, message).about(self.address())
    }

    pub(in crate::check) fn note(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::note(code, message).about(self.address())
    }

    /// The policy was rendered from a grant: what it opens was said in so many words.
    pub(in crate::check) fn is_granted(&self) -> bool {
        self.source.trim_start().starts_with("[grant.")
    }

    /// A text member of the policy.
    pub(in crate::check) fn member(&self, name: &str) -> Option<&str> {
        self.resource.document.get(name)?.as_str()
    }

    /// The place of the whole statement.
    pub(crate) fn whole(&self) -> Span {
        self.span.clone()
    }

    /// The bytes of the first occurrence of a part.
    pub(in crate::check) fn range_of(&self, part: &str) -> Option<Range<usize>> {
        self.statement.find(part).map(|start| start..start + part.len())
    }

    /// The place of the first occurrence of a part, or of the whole.
    pub(in crate::check) fn span_of(&self, part: &str) -> Span {
        self.range_of(part).map_or_else(|| self.whole(), |range| self.span(&range))
    }

    /// The place of effect and scope, without the conditions.
    pub(in crate::check) fn scope(&self) -> Span {
        let mut code = tokens(&self.statement)
            .into_iter()
            .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
            .skip_while(|token| !matches!(self.excerpt(&token.range), "permit" | "forbid"));
        let start = code.next().map_or(0, |token| token.range.start);
        let end = code.find(|token| self.excerpt(&token.range) == ")");
        self.span(&(start..end.map_or(self.statement.len(), |token| token.range.end)))
    }

    /// The places of the patterns of `like`, in the order of the text.
    pub(in crate::check) fn patterns(&self) -> Vec<Range<usize>> {
        let patterns = tokens(&self.statement).into_iter().filter(|token| token.kind == TokenKind::Pattern);
        patterns.map(|token| token.range).collect()
    }

    /// Bytes of the statement.
    pub(in crate::check) fn excerpt(&self, range: &Range<usize>) -> &str {
        self.statement.get(range.clone()).unwrap_or_default()
    }

    /// The place of the first string literal with this value, or of the whole.
    pub(in crate::check) fn literal(&self, value: &str) -> Span {
        self.span_of(&format!("\"{}\"", reference::escape_cedar(value, false)))
    }

    /// The place of bytes of the statement.
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        let runs = align(self.statement.as_bytes(), self.source.as_bytes());
        let Some(start) = place(&runs, range.start) else { return self.whole() };
        let end = end_place(&runs, range.end).unwrap_or(self.source.len()).max(start);
        let base = self.span.range.start;
        Span { file: self.span.file, range: base + start..base + end.min(self.source.len()) }
    }
}

/// Bytes that both texts have: where in the one, where in the other, how many.
struct Run {
    statement: usize,
    source: usize,
    length: usize,
}

/// The place of one byte in the source. Where the texts differ it is the place after what they last shared.
fn place(runs: &[Run], offset: usize) -> Option<usize> {
    let run = runs.iter().rev().find(|run| run.statement <= offset)?;
    Some(run.source + (offset - run.statement).min(run.length))
}

/// The place after the bytes that end here. Where the texts differ it is the place where they agree again.
fn end_place(runs: &[Run], end: usize) -> Option<usize> {
    let next = runs.iter().position(|run| run.statement >= end).unwrap_or(runs.len());
    let run = next.checked_sub(1).and_then(|last| runs.get(last))?;
    let inside = end - run.statement;
    if inside <= run.length { Some(run.source + inside) } else { runs.get(next).map(|run| run.source) }
}

fn align(statement: &[u8], source: &[u8]) -> Vec<Run> {
    let mut runs = Vec::new();
    let head = statement.get(..ANCHOR.min(statement.len())).unwrap_or_default();
    let start = source.windows(head.len().max(1)).position(|window| window == head);
    let Some(mut right) = start else { return runs };
    let mut left = 0;
    while let (Some(rest), Some(other)) = (statement.get(left..), source.get(right..)) {
        let length = rest.iter().zip(other).take_while(|(one, two)| one == two).count();
        runs.push(Run { statement: left, source: right, length });
        let (Some(rest), Some(other)) = (rest.get(length..), other.get(length..)) else { break };
        let Some((skip, jump)) = next_anchor(rest, other) else { break };
        left += length + skip;
        right += length + jump;
    }
    runs
}

/// How much to skip in each text until they agree again, the least in all.
fn next_anchor(rest: &[u8], other: &[u8]) -> Option<(usize, usize)> {
    if rest.is_empty() {
        return None;
    }
    (1..=DRIFT).find_map(|drift| {
        (0..=drift).map(|skip| (skip, drift - skip)).find(|(skip, jump)| {
            let anchor = rest.get(*skip..).unwrap_or_default();
            let anchor = anchor.get(..ANCHOR).unwrap_or(anchor);
            !anchor.is_empty() && other.get(*jump..).is_some_and(|other| other.starts_with(anchor))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(statement: &str, source: &str, part: &str) -> String {
        let runs = align(statement.as_bytes(), source.as_bytes());
        let range = statement.find(part).unwrap();
        let start = place(&runs, range).unwrap();
        let end = end_place(&runs, range + part.len()).unwrap();
        source[start..end].to_owned()
    }

    #[test]
    fn parts_are_found_behind_references_escapes_and_annotations() {
        let source = "@id(\"a\")\n// why\npermit(principal, action == A::\"${gateway_target.hr.name}___x\",\n  resource == G::\"${gateway.hr.arn}\") when { wrong };";
        let statement = "permit(principal, action == A::\"hr-lambda___x\",\n  resource == G::\"\u{E000}cedar\tgateway\thr\tarn\u{E001}\") when { wrong };";
        assert_eq!(located(statement, source, "wrong"), "wrong");
        assert_eq!(located(statement, source, "resource"), "resource");
        assert_eq!(located(statement, source, "\u{E000}cedar\tgateway\thr\tarn\u{E001}"), "${gateway.hr.arn}");
        let escaped = "\"permit(principal, action, resource) when { a like \\\"*x*\\\" && b };\"";
        let plain = "permit(principal, action, resource) when { a like \"*x*\" && b };";
        assert_eq!(located(plain, escaped, "b };"), "b };");
    }

    #[test]
    fn a_text_that_stands_elsewhere_has_no_place() {
        assert!(align(b"permit(principal, action, resource);", b"{ file = \"x.cedar\" }").is_empty());
    }
}
