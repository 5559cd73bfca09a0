//! References inside documents: values that are not known when the manifest is read.
//!
//! A document stays plain JSON from manifest to wire. Where a string holds a reference, the string carries a *mark*: a
//! private-use character, the filter and the target, another private-use character. A manifest that contains these two
//! characters itself is refused, so a mark can only come from here.

use serde_json::Value;

use crate::address::Address;

const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// What a reference stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// `${kind.name.output}`.
    Output(Address, String),
    /// `${aws.account}`, the account that the credentials belong to: twelve digits.
    Account,
    /// `${aws.region}`.
    Region,
    /// `${aws.partition}`: `aws`, `aws-cn` or `aws-us-gov`.
    Partition,
}

/// How the value is written into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Filter {
    /// As it is.
    Plain,
    /// Hyphens become underscores: `${snake(…)}`.
    Snake,
    /// Escaped for a Cedar string literal.
    Cedar,
    /// Escaped for the pattern of a Cedar `like`: as [`Filter::Cedar`], and `*` becomes `\*`.
    Like,
}

/// One reference in a string.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// What it stands for.
    pub target: Target,
    /// How it is written.
    pub filter: Filter,
}

impl Reference {
    /// The mark that stands for this reference in a string.
    pub fn mark(&self) -> String {
        let filter = match self.filter {
            Filter::Plain => "plain",
            Filter::Snake => "snake",
            Filter::Cedar => "cedar",
            Filter::Like => "like",
        };
        let target = match &self.target {
            Target::Output(address, output) => format!("{}\t{}\t{output}", address.kind, address.name),
            Target::Account => "account".to_owned(),
            Target::Region => "region".to_owned(),
            Target::Partition => "partition".to_owned(),
        };
        format!("{OPEN}{filter}\t{target}{CLOSE}")
    }

    fn parse(mark: &str) -> Option<Self> {
        let parts: Vec<&str> = mark.split('\t').collect();
        let (filter, target) = match parts.as_slice() {
            [filter, "account"] => (filter, Target::Account),
            [filter, "region"] => (filter, Target::Region),
            [filter, "partition"] => (filter, Target::Partition),
            [filter, kind, name, output] => (filter, Target::Output(Address::new(*kind, *name), (*output).to_owned())),
            _ => return None,
        };
        let filter = match *filter {
            "plain" => Filter::Plain,
            "snake" => Filter::Snake,
            "cedar" => Filter::Cedar,
            "like" => Filter::Like,
            _ => return None,
        };
        Some(Self { target, filter })
    }

    /// The source form, for people: `${gateway.hr.url}`.
    pub fn source(&self) -> String {
        let target = match &self.target {
            Target::Output(address, output) => format!("{address}.{output}"),
            Target::Account => "aws.account".to_owned(),
            Target::Region => "aws.region".to_owned(),
            Target::Partition => "aws.partition".to_owned(),
        };
        if self.filter == Filter::Snake { format!("${{snake({target})}}") } else { format!("${{{target}}}") }
    }
}

/// The text holds one of the two characters that marks are made of.
pub fn holds_mark_character(text: &str) -> bool {
    text.contains([OPEN, CLOSE])
}

/// The text holds a reference, so its final value is not known yet.
pub fn is_unknown(text: &str) -> bool {
    text.contains(OPEN)
}

/// A document holds a reference anywhere.
pub fn holds_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => is_unknown(text),
        Value::Array(items) => items.iter().any(holds_unknown),
        Value::Object(members) => members.values().any(holds_unknown),
        _ => false,
    }
}

/// Escapes text for a Cedar string literal; in a `like` pattern `*` is escaped as well.
pub fn escape_cedar(text: &str, like: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '*' if like => escaped.push_str("\\*"),
            '"' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter if letter.is_control() => escaped.extend(letter.escape_unicode()),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Applies a filter to a value.
pub fn filtered(filter: Filter, value: &str) -> String {
    match filter {
        Filter::Plain => value.to_owned(),
        Filter::Snake => value.replace('-', "_"),
        Filter::Cedar => escape_cedar(value, false),
        Filter::Like => escape_cedar(value, true),
    }
}

/// Text in pieces: literal text and references, in order.
pub fn pieces(text: &str) -> Vec<Result<&str, Reference>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((mark, tail)) = after.split_once(CLOSE) else { break };
        if !before.is_empty() {
            found.push(Ok(before));
        }
        if let Some(reference) = Reference::parse(mark) {
            found.push(Err(reference));
        }
        rest = tail;
    }
    if !rest.is_empty() {
        found.push(Ok(rest));
    }
    found
}

/// Every reference of a document, in document order.
pub fn references(value: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Reference>) {
    match value {
        Value::String(text) if is_unknown(text) => found.extend(pieces(text).into_iter().filter_map(Result::err)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        _ => {}
    }
}

/// Text with every reference that `lookup` knows filled in; the others keep their marks.
pub fn resolve_text(text: &str, lookup: &dyn Fn(&Target) -> Option<String>) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Ok(literal) => literal.to_owned(),
            Err(reference) => match lookup(&reference.target) {
                Some(value) => filtered(reference.filter, &value),
                None => reference.mark(),
            },
        })
        .collect()
}

/// A document with every reference that `lookup` knows filled in, in strings only.
pub fn resolve(value: &Value, lookup: &dyn Fn(&Target) -> Option<String>) -> Value {
    match value {
        Value::String(text) if is_unknown(text) => Value::String(resolve_text(text, lookup)),
        Value::Array(items) => items.iter().map(|item| resolve(item, lookup)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, member)| (key.clone(), resolve(member, lookup))).collect())
        }
        other => other.clone(),
    }
}

/// Text for people: references in their source form.
pub fn display(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Ok(literal) => literal.to_owned(),
            Err(reference) => reference.source(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_survives_the_document_and_is_filled_in_as_its_filter_says() {
        let target = Target::Output(Address::new("gateway", "hr"), "arn".into());
        let mark = |filter| Reference { target: target.clone(), filter }.mark();
        let document =
            json!({"a": format!("x{}y", mark(Filter::Plain)), "b": [mark(Filter::Like)], "c": mark(Filter::Snake)});
        assert!(holds_unknown(&document));
        assert_eq!(references(&document).len(), 3);
        assert_eq!(display(document["a"].as_str().unwrap()), "x${gateway.hr.arn}y");
        let resolved = resolve(&document, &|wanted| (*wanted == target).then(|| "a-\"*".to_owned()));
        assert_eq!(resolved, json!({"a": "xa-\"*y", "b": ["a-\\\"\\*"], "c": "a_\"*"}));
        assert_eq!(resolve(&document, &|_| None), document);
    }
}
