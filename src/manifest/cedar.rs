//! Cedar text as tokens: where a reference may stand, and where one statement ends.

use std::ops::Range;

use cedar_policy::Policy;

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

impl Token {
    /// It is neither blank nor comment.
    pub(crate) fn is_code(&self) -> bool {
        !matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }
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

/// The first line of a statement, in parts: what it does, and to whom.
struct Head<'a> {
    effect: &'a str,
    /// The bytes of principal, action and resource.
    clauses: Vec<Range<usize>>,
    /// Where its conditions begin.
    end: usize,
}

/// The head of a statement, behind its annotations. Conditions are not looked at, so that they may be an extension's.
fn head(statement: &str) -> Option<Head<'_>> {
    let code: Vec<Token> = tokens(statement).into_iter().filter(Token::is_code).collect();
    let text = |at: usize| code.get(at).and_then(|token| statement.get(token.range.clone())).unwrap_or_default();
    let mut at = 0;
    while text(at) == "@" {
        at += 2;
        if text(at) == "(" {
            at += (at..code.len()).position(|at| text(at) == ")")? + 1;
        }
    }
    let effect = text(at);
    let mut start = code.get(at + 1).filter(|_| text(at + 1) == "(")?.range.end;
    let mut clauses = Vec::new();
    let mut depth = 1_usize;
    for token in code.get(at + 2..)? {
        match statement.get(token.range.clone())? {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            "," if depth == 1 => {
                clauses.push(start..token.range.start);
                start = token.range.end;
            }
            _ => {}
        }
        if depth == 0 {
            clauses.push(start..token.range.start);
            return Some(Head { effect, clauses, end: token.range.end });
        }
    }
    None
}

/// What a statement does: `permit`, `forbid`, or an effect of an extension.
pub(crate) fn effect(statement: &str) -> Option<&str> {
    Some(head(statement)?.effect)
}

/// The statement without its conditions, which may be an extension's. Nothing where plain Cedar cannot read that either.
pub(crate) fn scope(statement: &str) -> Option<Policy> {
    let Head { effect, clauses, .. } = head(statement)?;
    let clauses = statement.get(clauses.first()?.start..clauses.last()?.end)?;
    let text = format!("{effect}({clauses});");
    if is_too_deep(&text) { None } else { Policy::parse(None, text).ok() }
}

/// The statement has conditions.
pub(crate) fn is_conditional(statement: &str) -> bool {
    let rest = head(statement).and_then(|head| statement.get(head.end..));
    rest.is_none_or(|rest| tokens(rest).iter().any(|token| token.kind == TokenKind::Word))
}

/// The statement with another clause in its head: the principal's is the first, the action's the second, the resource's the third.
pub(crate) fn with_clause(statement: &str, number: usize, clause: &str) -> Option<String> {
    let range = head(statement)?.clauses.get(number)?.clone();
    let (before, after) = (statement.get(..range.start)?, statement.get(range.end..)?);
    Some(format!("{before} {clause}{after}"))
}

/// The service's extensions: temporal conditions, guardrails, and an effect of their own.
pub(crate) fn is_extended(statement: &str) -> bool {
    is_temporal(statement) || has_guardrails(statement) || effect(statement) == Some("suppressOutput")
}

/// A condition about earlier calls of the session.
pub(crate) fn is_temporal(statement: &str) -> bool {
    has_condition(statement, "temporal")
}

/// A condition that a guardrail decides about.
pub(crate) fn has_guardrails(statement: &str) -> bool {
    has_condition(statement, "guardrails")
}

fn has_condition(statement: &str, extension: &str) -> bool {
    let code = tokens(statement).into_iter().filter(Token::is_code);
    let words: Vec<&str> = code.filter_map(|token| statement.get(token.range)).collect();
    words.windows(2).any(|pair| matches!(pair, ["when" | "unless", next] if *next == extension))
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
    fn the_head_of_a_statement_is_read_whatever_its_conditions() {
        let text = "@id(\"a)b\")// forbid(\n@note\nforbid(principal, action in [Action::\"x\", Action::\"y,\"], resource is B)\n  unless temporal {};";
        assert_eq!((effect(text), is_temporal(text), is_conditional(text)), (Some("forbid"), true, true));
        assert_eq!(
            scope(text).map(|policy| policy.to_string()).as_deref(),
            Some("forbid(principal, action in [Action::\"x\", Action::\"y,\"], resource is B);")
        );
        assert_eq!(
            with_clause(text, 1, "action").as_deref(),
            Some("@id(\"a)b\")// forbid(\n@note\nforbid(principal, action, resource is B)\n  unless temporal {};")
        );
        assert!(!is_conditional("permit(principal, action, resource) ; // when"));
        for broken in ["", "@", "@id(", "permit", "permit(", "permit(principal", "permit)", "permit(a, (b, c)"] {
            assert_eq!((effect(broken), scope(broken).is_none()), (None, true), "{broken}");
        }
        let deep = format!("permit(principal, {}action{}, resource);", "(".repeat(5000), ")".repeat(5000));
        assert!(scope(&deep).is_none());
    }

    #[test]
    fn extensions_are_told_from_words_in_comments_and_literals() {
        for text in [
            "@id(\"a\") suppressOutput(principal, action, resource) when guardrails { x };",
            "// a comment\nsuppressOutput (principal, action, resource);",
            "permit(principal, action, resource) when // why\n temporal{ x };",
            "forbid(principal, action, resource) unless\tguardrails { x };",
        ] {
            assert!(is_extended(text), "{text}");
        }
        for text in [
            "// suppressOutput\npermit(principal, action, resource) when { true }; // when temporal { x }",
            "permit(principal, action, resource) when { context.a == \"when temporal {\" };",
        ] {
            assert!(!is_extended(text), "{text}");
        }
    }

    #[test]
    fn broken_text_has_tokens_too() {
        for text in ["\"abc", "${", "\"\\", "é${x", ""] {
            assert_eq!(tokens(text).iter().map(|token| token.range.len()).sum::<usize>(), text.len());
        }
    }
}
