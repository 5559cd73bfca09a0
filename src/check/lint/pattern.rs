//! Patterns: a `like` that finds a word inside of other words, one without `*`, and a `*` that is no pattern.
//!
//! A claim that holds several values is one text. Where a wildcard touches a letter of the wanted word, the pattern also finds
//! longer words. The texts that test for exactly one word are those of cedar.md §4.1.

use serde_json::Value;

use super::scopes;
use crate::check::cedar::expression::{argument, claim, conditions, matches, operator, parts, pattern, text};
use crate::check::cedar::{Engine, Statement};
use crate::check::issuer::{Shape, is_list, shape};
use crate::diagnostic::Diagnostic;
use crate::manifest::exact;
use crate::reference::{display, holds_mark_character};
use crate::stack::{Claim, Stack};

pub(super) fn check(stack: &Stack, engine: &Engine<'_>, statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let places = statement.text.patterns();
    let all = || conditions(&statement.form).flat_map(|(_, body)| parts(body));
    let likes: Vec<&Value> = all().filter_map(|part| part.get("like")).collect();
    let mut told = Vec::new();
    for (index, like) in likes.iter().enumerate() {
        let Some(texts) = pattern(like) else { continue };
        let of = like.get("left").unwrap_or(&Value::Null);
        // Both lists follow the text; if they do not agree, the whole statement is the place.
        let place = places.get(index).filter(|_| places.len() == likes.len());
        let span = place.map_or_else(|| statement.text.whole(), |place| statement.text.span(place));
        let shown = format!("like {}", written(&texts));
        let look =
            Look { of, texts: &texts, shape: claim(of).map(|claim| shape(stack, &engine.guarded.gateways, claim)) };
        let diagnostic = if let [word] = texts.as_slice() {
            let help = match look.exact(word) {
                Some(exact) if look.shape != Some(Shape::One) => format!("to find it among others, write `{exact}`"),
                _ => format!("write `== {}`, or put a `*` where anything may stand", quoted(word)),
            };
            let message = format!("`{shown}` has no `*`, so it matches this one text only");
            statement.text.warning("lint::like-without-wildcard", message).help(help)
        } else if let Some(scope) = scopes::defined(stack).into_iter().find(|scope| look.has_its_star(scope)) {
            let message = format!("the `*` of the scope `{scope}` stands for anything in `{shown}`");
            let help = look.exact(&scope).map_or_else(|| "write `\\*`".to_owned(), |exact| format!("write `{exact}`"));
            statement.text.warning("lint::substring-claim", message).help(help)
        } else if let Some((others, help)) = look.too_much(stack) {
            let message = format!("`{shown}` also matches {others}");
            statement.text.warning("lint::substring-claim", message).help(help)
        } else {
            continue;
        };
        if !told.contains(&diagnostic.message) {
            told.push(diagnostic.message.clone());
            found.push(diagnostic.at(span, ""));
        }
    }
    let defined = scopes::defined(stack);
    for part in all() {
        star(statement, &defined, part, found);
        whole_list(stack, engine, statement, &likes, part, found);
    }
}

/// A list that is compared as if it were one value: its text has brackets and quotes.
fn whole_list(
    stack: &Stack,
    engine: &Engine<'_>,
    statement: &Statement<'_>,
    likes: &[&Value],
    part: &Value,
    found: &mut Vec<Diagnostic>,
) {
    let Some((sign @ ("==" | "contains"), sides)) = operator(part) else { return };
    let (Some(left), Some(right)) = (sides.get("left"), sides.get("right")) else { return };
    // Of a claim nothing is contained: that was told.
    if sign == "contains" && left.get("Set").is_none() {
        return;
    }
    let pair = |of: &Value, value: &Value| {
        let value = text(value).or_else(|| text(value.pointer("/Set/0")?))?;
        Some((claim(of)?.to_owned(), value.to_owned()))
    };
    let Some((claim, word)) = pair(left, right).or_else(|| pair(right, left)) else { return };
    // Whoever also looks between the quotes knows both forms.
    let looks_inside = likes.iter().any(|like| like.pointer("/left/getTag/right").and_then(text) == Some(&claim));
    if word.starts_with('[') || looks_inside || !is_list(stack, &engine.guarded.gateways, &claim) {
        return;
    }
    found.push(
        statement
            .text
            .warning(
                "lint::list-claim",
                format!("`{claim}` is a list, and its text `[\"…\"]` is never {}", quoted(&word)),
            )
            .at(statement.text.literal(&word), "")
            .help(format!("write `{}`", display(&exactly(&claim, &word, Shape::List)))),
    );
}

/// `==` with a text that looks like a pattern.
fn star(statement: &Statement<'_>, defined: &[String], part: &Value, found: &mut Vec<Diagnostic>) {
    let Some((sign @ ("==" | "!="), sides)) = operator(part) else { return };
    let (Some(left), Some(right)) = (sides.get("left"), sides.get("right")) else { return };
    let Some((of, value)) = text(right).map(|value| (left, value)).or_else(|| Some((right, text(left)?))) else {
        return;
    };
    let of_caller = claim(of).is_some();
    // A lone `*` as an argument may be a word of the tool's own.
    if !value.contains('*')
        || defined.iter().any(|scope| scope == value)
        || !(of_caller || argument(of).is_some() && value != "*")
    {
        return;
    }
    let help = format!(
        "write `like {}` if anything may stand there",
        written(&value.split('*').map(ToOwned::to_owned).collect::<Vec<_>>())
    );
    found.push(
        statement
            .text
            .warning("lint::star-in-equality", format!("`{sign}` takes the `*` of {} as a letter", quoted(value)))
            .at(statement.text.literal(value), "")
            .help(help),
    );
}

/// One `like`.
struct Look<'a> {
    /// What is looked at.
    of: &'a Value,
    /// The texts between the wildcards.
    texts: &'a [String],
    /// How the claim holds its values, if it is one.
    shape: Option<Shape>,
}

impl Look<'_> {
    /// The pattern is the name of a scope with a star in it, which was not escaped.
    fn has_its_star(&self, scope: &str) -> bool {
        // A wildcard is another character than a star that was escaped.
        let text = self.texts.join("\0");
        let word = text.trim_start_matches("\0 ").trim_end_matches(" \0");
        self.shape.is_some() && scope.contains('*') && word == scope.replace('*', "\0")
    }

    /// What the pattern matches beside the word that is meant, and what to write instead.
    fn too_much(&self, stack: &Stack) -> Option<(String, String)> {
        let shape = self.shape?;
        let (first, last) = (self.texts.first()?, self.texts.last()?);
        let word: String = self.texts.concat();
        let core = word.trim_matches([' ', '"']);
        if core.is_empty() {
            return None;
        }
        let before = first.is_empty() && is_letter(word.chars().next()?);
        let behind = last.is_empty() && is_letter(word.chars().last()?);
        // Of a single value the beginning or the end may be meant.
        let open = if shape == Shape::One { before && behind } else { before || behind };
        if !open {
            return None;
        }
        // A scope that there is says more than one that is made up.
        let real = scopes::defined(stack).into_iter().find(|other| matches(self.texts, other) && *other != core);
        let mut others: Vec<String> = real.into_iter().collect();
        if behind {
            others.push(format!("{core}{}", longer(core)));
        }
        if before {
            others.push(format!("x{core}"));
        }
        others.dedup();
        let others: Vec<String> = others.iter().take(2).map(|other| format!("`{}`", display(other))).collect();
        let help = match self.exact(core).filter(|_| self.texts.iter().filter(|text| !text.is_empty()).count() == 1) {
            Some(exact) => format!("to test for exactly {}, write `{exact}`", quoted(core)),
            None => "let each `*` stand beside a blank, a quotation mark or the end of the text".to_owned(),
        };
        Some((others.join(" and "), help))
    }

    /// The text that tests for one word.
    fn exact(&self, word: &str) -> Option<String> {
        let claim = claim(self.of)?;
        if word.contains([' ', '"']) {
            return None;
        }
        Some(display(&exactly(claim, word, self.shape?)))
    }
}

/// The text that tests for one word of a claim that is there.
fn exactly(claim: &str, word: &str, shape: Shape) -> String {
    let among = |list: bool| exact::has(&Claim { name: claim.to_owned(), list }, word);
    match shape {
        Shape::Words => among(false),
        Shape::List => among(true),
        Shape::WordsOrList => format!("({} || {})", among(true), among(false)),
        Shape::One => format!("principal.getTag({}) == {}", quoted(claim), quoted(word)),
    }
}

/// A longer word that begins like this one.
fn longer(word: &str) -> &'static str {
    [("admin", "istrator"), ("read", "only"), ("write", "off"), ("user", "s")]
        .iter()
        .find(|(end, _)| word.ends_with(end))
        .map_or("-other", |(_, more)| more)
}

/// A letter of a word: what stands beside it belongs to the same word. So does the value of a reference.
fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || holds_mark_character(&letter.to_string())
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", display(&escaped(value)))
}

/// Escaped as Cedar wants it; the marks of references stay.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A pattern as Cedar writes it.
fn written(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| escaped(text).replace('*', "\\*")).collect();
    format!("\"{}\"", display(&texts.join("*")))
}
