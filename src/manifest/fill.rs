//! Filling references in: values that are known as they are, the others as marks.

use std::ops::Range;

use serde_json::Value;

use super::Loader;
use super::cedar::{self, Token, TokenKind};
use super::links::Link;
use super::secret::misplaced;
use super::text::{Known, Meaningless, Meant, Piece, pieces};
use super::tree::private_character;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Span};
use crate::reference::{Filter, Reference, Target, filtered, holds_mark_character};

/// A token of Cedar text with its references filled in.
pub(super) struct Filled {
    pub(super) token: Token,
    pub(super) text: String,
}

/// Where Cedar text stands.
pub(super) enum CedarPlace {
    /// It is a file of its own.
    File(Span),
    /// It is a string of the manifest.
    Text(Span),
}

impl CedarPlace {
    /// The place of a part of the text.
    pub(super) fn part(&self, range: Range<usize>) -> Span {
        match self {
            CedarPlace::File(span) => Span { file: span.file, range },
            CedarPlace::Text(span) => span.clone(),
        }
    }
}

impl Loader {
    /// A string with its references filled in. A string that is nothing but a variable takes the variable's type. Nothing if
    /// something in it is wrong, which is reported.
    pub(super) fn fill(&mut self, text: &str, span: &Span, from: Option<&Address>) -> Option<Value> {
        if !text.contains("${") {
            return Some(Value::String(text.to_owned()));
        }
        let Ok(pieces) = pieces(text) else {
            self.report(unterminated().at(span.clone(), ""));
            return None;
        };
        let alone = pieces.len() == 1;
        let mut filled = Some(String::with_capacity(text.len()));
        for piece in pieces {
            let part = match piece {
                Piece::Literal(literal) => Some(literal.to_owned()),
                Piece::Expression(expression, _) => {
                    let place = self.place_within(span, expression);
                    match self.meant(expression, &place, from) {
                        Some(Meant { value: Known::Value(value), .. }) if alone && !value.is_string() => {
                            return Some(value);
                        }
                        Some(meant) => self.part(meant, Filter::Plain, &place),
                        None => None,
                    }
                }
            };
            // After a mistake the rest is still looked at.
            filled = filled.zip(part).map(|(filled, part)| filled + &part);
        }
        filled.map(Value::String)
    }

    /// Every string of a document from a file with its references filled in.
    pub(super) fn fill_document(&mut self, value: Value, span: &Span, from: Option<&Address>) -> Option<Value> {
        match value {
            Value::String(text) => self.fill(&text, span, from),
            Value::Array(items) => {
                let items: Vec<_> = items.into_iter().map(|item| self.fill_document(item, span, from)).collect();
                items.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Value::Object(members) => {
                let members: Vec<_> =
                    members.into_iter().map(|(key, member)| (key, self.fill_document(member, span, from))).collect();
                members.into_iter().map(|(key, member)| Some((key, member?))).collect::<Option<_>>().map(Value::Object)
            }
            other => Some(other),
        }
    }

    /// Cedar text with its references filled in, token by token: none can change what a statement is.
    pub(super) fn fill_cedar(&mut self, text: &str, place: &CedarPlace, from: Option<&Address>) -> Option<Vec<Filled>> {
        if holds_mark_character(text) {
            self.report(private_character().at(place.part(0..text.len().min(1)), ""));
            return None;
        }
        let mut filled = Some(Vec::new());
        for token in cedar::tokens(text) {
            let raw = text.get(token.range.clone()).unwrap_or_default();
            let part = match token.kind {
                TokenKind::Literal => self.fill_literal(raw, &token, place, Filter::Cedar, from),
                TokenKind::Pattern => self.fill_literal(raw, &token, place, Filter::Like, from),
                TokenKind::Reference => self.fill_token(raw, &place.part(token.range.clone()), from),
                _ => Some(raw.to_owned()),
            };
            filled = filled.zip(part).map(|(mut filled, text)| {
                filled.push(Filled { token, text });
                filled
            });
        }
        let filled = filled?;
        let after: String = filled.iter().map(|filled| filled.text.as_str()).collect();
        if cedar::statements(&after) != cedar::statements(text) {
            let problem =
                Diagnostic::error("manifest::cedar-reference", "a reference changes the number of statements");
            self.report(problem.at(place.part(0..text.len()), "").help("write the statements themselves here"));
            return None;
        }
        Some(filled)
    }

    fn fill_literal(
        &mut self,
        raw: &str,
        token: &Token,
        place: &CedarPlace,
        filter: Filter,
        from: Option<&Address>,
    ) -> Option<String> {
        let Ok(pieces) = pieces(raw) else {
            self.report(unterminated().at(place.part(token.range.clone()), ""));
            return None;
        };
        let mut filled = Some(String::with_capacity(raw.len()));
        for piece in pieces {
            let part = match piece {
                Piece::Literal(literal) => Some(literal.to_owned()),
                Piece::Expression(expression, range) => {
                    let part = token.range.start + range.start..token.range.start + range.end;
                    let place = match place {
                        CedarPlace::File(_) => place.part(part),
                        CedarPlace::Text(span) => self.place_within(span, expression),
                    };
                    self.meant(expression, &place, from).and_then(|meant| self.part(meant, filter, &place))
                }
            };
            filled = filled.zip(part).map(|(filled, part)| filled + &part);
        }
        filled
    }

    /// A reference outside of a literal: an integer, a boolean, or a list of strings as a set.
    fn fill_token(&mut self, raw: &str, place: &Span, from: Option<&Address>) -> Option<String> {
        let Some(expression) = raw.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
            self.report(unterminated().at(place.clone(), ""));
            return None;
        };
        let meant = self.meant(expression, place, from)?;
        if let Known::Later(target @ Target::Variable(_)) = meant.value {
            self.report(in_cedar(target).at(place.clone(), ""));
            return None;
        }
        let set = |items: &[Value]| {
            let items = items.iter().map(|item| Some(format!("\"{}\"", filtered(Filter::Cedar, item.as_str()?))));
            items.collect::<Option<Vec<_>>>().map(|items| format!("[{}]", items.join(", ")))
        };
        let text = match &meant.value {
            Known::Value(Value::Number(number)) if number.is_i64() => Some(number.to_string()),
            Known::Value(Value::Bool(truth)) => Some(truth.to_string()),
            Known::Value(Value::Array(items)) => set(items),
            Known::Broken => return None,
            _ => None,
        };
        if text.is_none() {
            let message = format!("`{raw}` is text, and stands outside of a string literal");
            let problem = Diagnostic::error("manifest::cedar-reference", message).at(place.clone(), "");
            self.report(problem.help(
                "put it in quotes; outside of them a reference stands for one integer, boolean or list of strings",
            ));
        }
        text
    }

    /// What an expression means. Whatever is wrong with it is reported at its place.
    fn meant(&mut self, expression: &str, place: &Span, from: Option<&Address>) -> Option<Meant> {
        match self.scope.meaning(expression) {
            Ok(meant) => {
                if let Known::Later(Target::Output(address, _)) = &meant.value {
                    self.links.push(Link { from: from.cloned(), to: address.clone(), span: place.clone() });
                }
                Some(meant)
            }
            Err(Meaningless { code, message, help }) => {
                let mut problem = Diagnostic::error(code, message).at(place.clone(), "");
                problem.help = help;
                problem.address = from.cloned();
                self.report(problem);
                None
            }
        }
    }

    /// A meaning as part of a text.
    fn part(&mut self, meant: Meant, filter: Filter, place: &Span) -> Option<String> {
        match meant.value {
            Known::Broken => None,
            Known::Later(target @ Target::Variable(_)) if matches!(filter, Filter::Cedar | Filter::Like) => {
                self.report(in_cedar(target).at(place.clone(), ""));
                None
            }
            Known::Later(target) => {
                let filter = match (meant.snake, filter) {
                    (false, filter) => filter,
                    (true, Filter::Plain) => Filter::Snake,
                    (true, _) => {
                        let message = "`snake(…)` in Cedar text needs a value that is known before apply";
                        self.report(Diagnostic::error("manifest::cedar-reference", message).at(place.clone(), ""));
                        return None;
                    }
                };
                Some(Reference { target, filter }.mark())
            }
            Known::Value(value) => {
                let text = match value {
                    Value::String(text) => text,
                    Value::Array(_) | Value::Object(_) => {
                        let problem = Diagnostic::error("manifest::reference", "a list cannot be part of a text");
                        self.report(problem.at(place.clone(), "").help("let the reference be the whole value"));
                        return None;
                    }
                    other => other.to_string(),
                };
                let text = if meant.snake { filtered(Filter::Snake, &text) } else { text };
                Some(filtered(filter, &text))
            }
        }
    }

    /// The place of an expression within a string, where the source says it literally.
    fn place_within(&self, span: &Span, expression: &str) -> Span {
        let source = self.files.sources.text(span.file).get(span.range.clone()).unwrap_or_default();
        let wanted = format!("${{{expression}}}");
        match source.find(&wanted) {
            Some(at) => {
                let start = span.range.start + at;
                Span { file: span.file, range: start..start + wanted.len() }
            }
            None => span.clone(),
        }
    }
}

fn in_cedar(target: Target) -> Diagnostic {
    misplaced("Cedar text", &Reference { target, filter: Filter::Plain }.mark())
}

fn unterminated() -> Diagnostic {
    Diagnostic::error("manifest::reference", "`${` is not closed")
        .help("add the `}`, or write `$${` for a literal `${`")
}
