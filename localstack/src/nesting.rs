//! The tokens of a Cedar text, and how deep it nests. Cedar's parser and validator call themselves for every level: text that is deep enough exhausts
//! the stack, which would end the process.

/// How deep brackets and conditions may lie in each other.
pub(crate) const DEEPEST: usize = 24;

/// The text nests deeper than [`DEEPEST`]. Every `if` counts as a level, as the next may stand in its `else`.
pub(crate) fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    tokens(text).any(|(_, token)| {
        match token {
            "(" | "[" | "{" | "if" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// The words, literals and marks of a Cedar text, each with where it begins; blanks and comments are left out.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let first = rest.chars().next()?;
            let length = match first {
                '"' => literal(rest),
                '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                _ if first.is_whitespace() => rest.find(|letter: char| !letter.is_whitespace()).unwrap_or(rest.len()),
                _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            let start = at;
            at += length;
            if !first.is_whitespace() && !rest.starts_with("//") {
                return Some((start, rest.get(..length)?));
            }
        }
    })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The length of the string literal that a text begins with.
fn literal(text: &str) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_conditions_count_and_those_in_literals_and_comments_do_not() {
        let nested = |depth: usize| format!("permit(x) when {{ {}{} }};", "(".repeat(depth - 1), ")".repeat(depth - 1));
        assert!(!is_too_deep(&nested(DEEPEST)) && is_too_deep(&nested(DEEPEST + 1)));
        assert!(is_too_deep(&"if a then b else ".repeat(DEEPEST + 1)));
        let many = "([{".repeat(100);
        assert!(!is_too_deep(&format!("a like \"\\\"{many}\" // {many}\n && \"é{many}")));
    }
}
