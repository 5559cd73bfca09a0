//! A parsed TOML text as a tree that knows where everything stands, in the order of the text.

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::reference::holds_mark_character;

/// Tables and lists may lie this deep: far deeper than any API's document.
const DEEPEST: usize = 64;

/// A value and its place. The place of a table is its header, or else its key.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) node: Node,
}

impl Node {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a table.
    pub(super) fn table(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(super) fn type_name(&self) -> &'static str {
        match self.content {
            Content::Text(_) => "a string",
            Content::Integer(_) => "a whole number",
            Content::Float(_) => "a number with a fraction",
            Content::Boolean(_) => "true or false",
            Content::Date(_) => "a date",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }

    /// The value as JSON, texts as they stand.
    pub(super) fn plain(&self) -> serde_json::Value {
        match &self.content {
            Content::Text(text) | Content::Date(text) => text.clone().into(),
            Content::Integer(number) => (*number).into(),
            Content::Float(number) => (*number).into(),
            Content::Boolean(truth) => (*truth).into(),
            Content::List(items) => items.iter().map(Node::plain).collect(),
            Content::Table(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.plain()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// What a parser may need at most: it allows 80 levels each to headers, dotted keys and brackets, and these multiply.
const STACK: usize = 64 << 20;

/// Parses a TOML text. Where its syntax is wrong, only that is reported: what the parser makes of it would mislead.
pub(super) fn parse(file: FileId, text: &str) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let parsed = std::thread::scope(|scope| {
        let parser = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || parse_here(file, text));
        parser.ok()?.join().ok()
    });
    parsed.unwrap_or_else(|| Err(vec![Diagnostic::error("manifest::syntax", "the TOML parser gave up on the text")]))
}

fn parse_here(file: FileId, text: &str) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let diagnostics = errors.iter().map(|error| {
            let range = error.span().unwrap_or_default();
            let message = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
            let help = "the text is not TOML here; look for a missing quote, bracket or `=`";
            Diagnostic::error("manifest::syntax", message).at(Span { file, range }, "").help(help)
        });
        return Err(diagnostics.collect());
    }
    let mut tree = Tree { file, problems: Vec::new() };
    let entries = tree.entries(table.get_ref(), 0);
    if tree.problems.is_empty() { Ok(entries) } else { Err(tree.problems) }
}

struct Tree {
    file: FileId,
    problems: Vec<Diagnostic>,
}

impl Tree {
    fn entries(&mut self, table: &DeTable<'_>, depth: usize) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(table.len());
        for (key, value) in table {
            let key_span = Span { file: self.file, range: key.span() };
            self.refuse_marks(key.get_ref(), &key_span);
            let node = self.node(value.get_ref(), Span { file: self.file, range: value.span() }, depth + 1);
            entries.push(Entry { key: key.get_ref().to_string(), key_span, node });
        }
        entries.sort_by_key(|entry| entry.key_span.range.start);
        entries
    }

    fn node(&mut self, value: &DeValue<'_>, span: Span, depth: usize) -> Node {
        if depth > DEEPEST {
            if self.problems.is_empty() {
                let problem =
                    Diagnostic::error("manifest::syntax", format!("tables and lists lie more than {DEEPEST} deep"));
                self.problems
                    .push(problem.at(span.clone(), "").help("no document of the API is that deep; flatten it"));
            }
            return Node { span, content: Content::Boolean(false) };
        }
        let content = match value {
            DeValue::String(text) => {
                self.refuse_marks(text, &span);
                Content::Text(text.to_string())
            }
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Content::Integer(number),
                Err(_) => self.refuse_number(&span, "the whole number does not fit in 64 bits"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Content::Float(number),
                _ => self.refuse_number(&span, "infinity and `nan` are no numbers of the API"),
            },
            DeValue::Boolean(truth) => Content::Boolean(*truth),
            DeValue::Datetime(date) => Content::Date(date.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| {
                    let span = Span { file: self.file, range: item.span() };
                    self.node(item.get_ref(), span, depth + 1)
                });
                Content::List(items.collect())
            }
            DeValue::Table(table) => Content::Table(self.entries(table, depth)),
        };
        Node { span, content }
    }

    fn refuse_number(&mut self, span: &Span, message: &str) -> Content {
        self.problems.push(Diagnostic::error("manifest::wrong-type", message).at(span.clone(), ""));
        Content::Integer(0)
    }

    fn refuse_marks(&mut self, text: &str, span: &Span) {
        if holds_mark_character(text) {
            self.problems.push(private_character().at(span.clone(), ""));
        }
    }
}

/// The finding about the two characters that references are made of inside the program.
pub(super) fn private_character() -> Diagnostic {
    Diagnostic::error("manifest::private-character", "the text holds the private-use character U+E000 or U+E001")
        .help("remove it: it has no meaning outside one font, and references use it inside the program")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;

    fn parsed(text: &str) -> Result<Vec<Entry>, Vec<Diagnostic>> {
        parse(Sources::default().add("x.toml", text), text)
    }

    #[test]
    fn the_order_is_the_texts_and_a_table_stands_at_its_header() {
        let text = "[b.x]\nn = 0x10\n[a.y.deep]\nk = 'v'\n[a.y]\nz = 1\n";
        let entries = parsed(text).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let y = &entries[1].node.table().unwrap()[0];
        assert_eq!(&text[y.node.span.range.clone()], "[a.y]");
        assert_eq!(y.node.plain(), serde_json::json!({"deep": {"k": "v"}, "z": 1}));
    }

    #[test]
    fn what_no_document_may_hold_is_refused() {
        for (text, code) in [
            ("a = ", "manifest::syntax"),
            ("a = 99999999999999999999", "manifest::wrong-type"),
            ("a = nan", "manifest::wrong-type"),
            ("a = \"\\uE000\"", "manifest::private-character"),
        ] {
            assert_eq!(parsed(text).unwrap_err()[0].code, code, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let lists = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
        let dotted = format!("{} = 1", vec!["a"; 10_000].join("."));
        let inline = format!("{}1{}", "a.a.a.a.a.a.a.a.a = { ".repeat(70), " }".repeat(70));
        let level = format!("{} = {{ ", vec!["a"; 78].join("."));
        let both = format!("{}a = 1{}", level.repeat(78), " }".repeat(78));
        for text in [lists, dotted, inline, both] {
            assert!(parsed(&text).is_err());
        }
    }
}
