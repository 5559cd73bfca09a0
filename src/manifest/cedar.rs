//! Cedar text as tokens: where a reference may stand, and where one statement ends.

use std::ops::Range;

use crate::reference;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Blanks.
    Space,
    /// `// …` to the end of the line.
    Comment,
    /// A string literal with its quotes.
    Literal,
    /// A string literal that is the pattern of a `like`.
    Pattern,
    /// A name, keyword or number.
    Word,
    /// `${…}` outside of literals and comments; without its `}` where that is missing.
    Reference,
    /// Any other character.
    Mark,
}

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) range: Range<usize>,
}

/// The tokens of a Cedar text; together they are the text.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut start = 0;
    let mut after_like = false;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        let (kind, length) = if first.is_whitespace() {
            (TokenKind::Space, length_while(rest, char::is_whitespace))
        } else if rest.starts_with("//") {
            (TokenKind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if first == '"' {
            (if after_like { TokenKind::Pattern } else { TokenKind::Literal }, literal_length(rest))
        } else if rest.starts_with("${") {
            (TokenKind::Reference, rest.find(['}', '\n']).map_or(rest.len(), |end| end + 1))
        } else if is_word(first) {
            (TokenKind::Word, length_while(rest, is_word))
        } else {
            (TokenKind::Mark, first.len_utf8())
        };
        if !matches!(kind, TokenKind::Space | TokenKind::Comment) {
            after_like = rest.get(..length) == Some("like");
        }
        found.push(Token { kind, range: start..start + length });
        start += length;
    }
    found
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

fn literal_length(text: &str) -> usize {
    let mut escaped = true; // the opening quote
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How many statements end in a text.
pub(super) fn statements(text: &str) -> usize {
    tokens(text)
        .iter()
        .filter(|token| token.kind == TokenKind::Mark && text.get(token.range.clone()) == Some(";"))
        .count()
}

/// Brackets and conditions may lie this deep in each other. Cedar's parser and validator call themselves for every level, and
/// text that is deeper could exhaust the stack.
pub(crate) const DEEPEST: usize = 24;

/// The service takes statements of so many characters, references filled in.
pub(crate) const LONGEST: usize = 10_000;

/// The least number of characters that a statement has once its references are filled in.
pub(crate) fn least_length(statement: &str) -> usize {
    reference::pieces(statement).into_iter().flatten().map(|text| text.chars().count()).sum()
}

/// The text nests deeper than [`DEEPEST`]. Every `if` counts as a level, as the next may stand in its `else`.
pub(crate) fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    tokens(text).into_iter().any(|token| {
        match (token.kind, text.get(token.range).unwrap_or_default()) {
            (TokenKind::Mark, "(" | "[" | "{") | (TokenKind::Word, "if") => depth += 1,
            (TokenKind::Mark, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// The service's extensions: temporal conditions, guardrails, and an effect of their own.
pub(crate) fn is_extended(statement: &str) -> bool {
    is_temporal(statement)
        || has_condition(statement, "guardrails")
        || statement.trim_start().starts_with("suppressOutput")
}

/// A condition about earlier calls of the session.
pub(crate) fn is_temporal(statement: &str) -> bool {
    has_condition(statement, "temporal")
}

fn has_condition(statement: &str, extension: &str) -> bool {
    let words: Vec<&str> = statement.split_whitespace().collect();
    words.windows(2).any(|pair| matches!(pair, ["when" | "unless", next] if next.split('{').next() == Some(extension)))
}

/// Cedar text as a manifest writes it: a literal `${` in a string literal is escaped.
pub(super) fn escaped(text: &str) -> String {
    let escape = |token: Token| {
        let part = text.get(token.range).unwrap_or_default();
        match token.kind {
            TokenKind::Literal | TokenKind::Pattern => part.replace("${", "$${"),
            _ => part.to_owned(),
        }
    };
    tokens(text).into_iter().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cover_the_text_and_know_what_they_are() {
        let text = "permit(x) // \"no ${y}\n when { a like // c\n \"b\\\";${z}\" && \"//\" == ${v} };";
        let found = tokens(text);
        assert_eq!(found.iter().map(|token| &text[token.range.clone()]).collect::<String>(), text);
        let of = |kind| -> Vec<&str> {
            found.iter().filter(|token| token.kind == kind).map(|token| &text[token.range.clone()]).collect()
        };
        assert_eq!(of(TokenKind::Pattern), ["\"b\\\";${z}\""]);
        assert_eq!(of(TokenKind::Literal), ["\"//\""]);
        assert_eq!(of(TokenKind::Reference), ["${v}"]);
        assert_eq!(of(TokenKind::Comment), ["// \"no ${y}", "// c"]);
        assert_eq!(statements(text), 1);
    }

    #[test]
    fn depth_counts_brackets_and_conditions_outside_of_literals() {
        let nested = |depth: usize| format!("permit(x) when {{ {}{} }};", "(".repeat(depth - 1), ")".repeat(depth - 1));
        assert!(!is_too_deep(&nested(DEEPEST)) && is_too_deep(&nested(DEEPEST + 1)));
        assert!(is_too_deep(&"if a then b else ".repeat(DEEPEST + 1)));
        assert!(!is_too_deep(&format!("a like \"{}\"", "(".repeat(100))));
    }

    #[test]
    fn broken_text_has_tokens_too() {
        for text in ["\"abc", "${", "\"\\", "é${x", ""] {
            assert_eq!(tokens(text).iter().map(|token| token.range.len()).sum::<usize>(), text.len());
        }
    }
}
