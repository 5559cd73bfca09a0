//! Diagnostics: what someone wrote wrong, where, why, and what to do next.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address::Address;

/// How bad it is. An error refuses the manifest; a warning and a note do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The manifest is refused.
    Error,
    /// It is likely not what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// A file of the manifest, by its place in [`Sources`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(usize);

/// Codes whose findings at several places are one mistake: what is named there is not declared.
const ONE_FOR_ALL: [&str; 3] = ["manifest::unknown-resource", "manifest::unknown-variable", "access::claim-name"];

/// So many further places are shown beside the first one.
const FURTHER: usize = 4;

/// Makes one finding of those that say of several places that the same thing is not declared.
pub(crate) fn merge(found: &mut Vec<Diagnostic>) {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for diagnostic in found.drain(..) {
        let same = |known: &&mut Diagnostic| {
            ONE_FOR_ALL.contains(&known.code) && known.code == diagnostic.code && known.message == diagnostic.message
        };
        match kept.iter_mut().find(same) {
            Some(first) if first.secondary.len() < FURTHER => {
                let label = diagnostic.primary.map(|label| Label { text: "and here".to_owned(), ..label });
                first.secondary.extend(label.filter(|label| !first.secondary.contains(label)));
            }
            Some(_) => {}
            None => kept.push(diagnostic),
        }
    }
    *found = kept;
}

/// A place: bytes of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Bytes of its text.
    pub range: Range<usize>,
}

/// A marked place with a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, `stage::what-is-wrong`; `explain` says more about each.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// One lowercase phrase without a final period, names in backticks.
    pub message: String,
    /// The place it is about, if it is about one.
    pub primary: Option<Label>,
    /// Other places that help to understand it.
    pub secondary: Vec<Label>,
    /// The next action.
    pub help: Option<String>,
    /// The resource it is about.
    pub address: Option<Address>,
}

impl Diagnostic {
    /// An error with this code and message.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning with this code and message.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note with this code and message.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            help: None,
            address: None,
        }
    }

    /// Sets the place it is about.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn with(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Sets the next action.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the resource it is about.
    #[must_use]
    pub fn about(mut self, address: &Address) -> Self {
        self.address = Some(address.clone());
        self
    }
}

/// The texts that spans point into.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<(PathBuf, Arc<str>)>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push((path.into(), text.into()));
        FileId(self.files.len() - 1)
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len()).map(FileId)
    }

    /// A file's path, as the person gave it.
    pub fn path(&self, file: FileId) -> &Path {
        self.files.get(file.0).map_or(Path::new(""), |(path, _)| path)
    }

    /// A file's text.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0).map_or("", |(_, text)| text)
    }

    /// Hides the value of a string literal from whoever shows the text. Everything else stays where it is.
    pub fn conceal(&mut self, span: &Span) {
        let Some((_, text)) = self.files.get_mut(span.file.0) else { return };
        let (before, rest) = text.split_at_checked(span.range.start).unwrap_or((text, ""));
        let (literal, after) = rest.split_at_checked(span.range.len()).unwrap_or((rest, ""));
        // A reference is no secret, and neither is the name of a file.
        if !literal.starts_with(['"', '\'']) || literal.contains("${") {
            return;
        }
        let star = |letter: char| match letter {
            '"' | '\'' | '\n' => letter.to_string(),
            _ => "*".repeat(letter.len_utf8()),
        };
        let hidden: String = literal.chars().map(star).collect();
        *text = format!("{before}{hidden}{after}").into();
    }

    /// Line and column, both from 1, columns in characters.
    pub fn position(&self, span: &Span) -> (usize, usize) {
        let text = self.text(span.file);
        let before = text.get(..span.range.start.min(text.len())).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}
