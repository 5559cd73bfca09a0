//! YAML text as a document: what JSON can say, in YAML 1.2's core schema, within bounds.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

/// Mappings and sequences may lie this deep, aliases followed.
const DEEPEST: usize = 64;

/// A document may hold this many values, aliases followed: a few anchors that repeat each other could mean billions.
const LARGEST: usize = 100_000;

/// Why a text is refused, and where.
#[derive(Debug)]
pub struct Refused {
    /// Its bytes.
    pub range: Range<usize>,
    /// The rest of a sentence that begins with the file's name.
    pub message: String,
    /// What to do next.
    pub help: &'static str,
}

/// A value that an alias can repeat.
#[derive(Clone)]
struct Built {
    value: Value,
    /// How many values it consists of.
    size: usize,
    /// How deep it is; a scalar is 0.
    height: usize,
}

/// A mapping or sequence that has not ended yet.
struct Open {
    value: Value,
    anchor: usize,
    size: usize,
    height: usize,
    /// The key that waits for its value.
    key: Option<String>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    size: usize,
    document: Option<Value>,
}

/// Parses a text of one document.
///
/// # Errors
/// The text is no YAML, holds what JSON cannot say, or is out of bounds.
pub fn parse(text: &str) -> Result<Value, Refused> {
    let mut builder = Builder::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Refused {
            range: place(text, error.marker(), None),
            message: format!("is no YAML: {}", error.info()),
            help: "a file that stands for a table or a list is YAML if it is called so; look at the indentation",
        })?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
        }
        let refused = if documents > 1 {
            Err(("holds several documents".to_owned(), "keep one document, without a second `---`"))
        } else {
            builder.take(event)
        };
        if let Err((message, help)) = refused {
            return Err(Refused { range: place(text, &span.start, Some(&span.end)), message, help });
        }
    }
    Ok(builder.document.unwrap_or(Value::Null))
}

/// Bytes between two marks, which count characters.
fn place(text: &str, start: &Marker, end: Option<&Marker>) -> Range<usize> {
    let byte = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte);
    let start_byte = byte(start.index());
    let line_end = text.get(start_byte..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| start_byte + at);
    let end_byte = end.map_or(start_byte, |end| byte(end.index())).min(line_end);
    start_byte..end_byte.max(start_byte)
}

type Step = Result<(), (String, &'static str)>;

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Step {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                // A key is text, whatever it looks like.
                if let Some(open) = self.open.last_mut().filter(|open| open.value.is_object() && open.key.is_none()) {
                    return begin_entry(open, &text, plain);
                }
                let value = scalar(&text, plain, tag.as_deref())?;
                self.put(Built { value, size: 1, height: 0 }, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.begin(Value::Array(Vec::new()), anchor, tag.as_deref()),
            Event::MappingStart(anchor, tag) => self.begin(Value::Object(Map::new()), anchor, tag.as_deref()),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                // Its parts are counted already.
                self.size = self.size.saturating_sub(open.size);
                let built = Built { value: open.value, size: open.size, height: open.height };
                self.put(built, open.anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(built) => self.put(built, 0),
                None => Err(("holds an alias inside of what it repeats".to_owned(), "write the value itself")),
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, value: Value, anchor: usize, tag: Option<&Tag>) -> Step {
        if let Some(tag) = tag {
            return Err((format!("holds the tag `{tag}`"), "remove it: a document has no types of its own"));
        }
        if self.open.last().is_some_and(|open| open.value.is_object() && open.key.is_none()) {
            return Err(("has a key that is no text".to_owned(), "keys are text, as in JSON"));
        }
        if self.open.len() >= DEEPEST {
            return Err(too_deep());
        }
        self.count(1)?;
        self.open.push(Open { value, anchor, size: 1, height: 1, key: None });
        Ok(())
    }

    fn count(&mut self, size: usize) -> Step {
        self.size = self.size.saturating_add(size);
        if self.size > LARGEST {
            let message = format!("holds more than {LARGEST} values, aliases followed");
            return Err((message, "no document of the API is that large; write out what the aliases repeat"));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, built: Built, anchor: usize) -> Step {
        self.count(built.size)?;
        if self.open.len() + built.height > DEEPEST {
            return Err(too_deep());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.document = Some(built.value);
            return Ok(());
        };
        open.size = open.size.saturating_add(built.size);
        open.height = open.height.max(built.height + 1);
        match &mut open.value {
            Value::Array(items) => items.push(built.value),
            Value::Object(members) => match open.key.take() {
                Some(key) => {
                    members.insert(key, built.value);
                }
                None => return Err(("has an alias for a key".to_owned(), "write the key itself")),
            },
            _ => {}
        }
        Ok(())
    }
}

fn too_deep() -> (String, &'static str) {
    let message = format!("has mappings and sequences more than {DEEPEST} deep");
    (message, "no document of the API is that deep; flatten it")
}

fn begin_entry(open: &mut Open, key: &str, plain: bool) -> Step {
    if plain && key == "<<" {
        return Err(("merges with `<<`, which YAML 1.2 does not have".to_owned(), "write the keys out"));
    }
    if open.value.get(key).is_some() {
        return Err((format!("has the key `{key}` twice"), "keep one of the two"));
    }
    open.key = Some(key.to_owned());
    Ok(())
}

/// A scalar by the core schema. Quoted text is text.
fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, (String, &'static str)> {
    match tag {
        None if plain => {}
        None => return Ok(text.into()),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => return Ok(text.into()),
        Some(tag) => return Err((format!("holds the tag `{tag}`"), "remove it: a document has no types of its own")),
    }
    let no_number = |what: &str| (format!("holds `{text}`, {what}"), "put it in quotes if it is text");
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(true.into()),
        "false" | "False" | "FALSE" => return Ok(false.into()),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let radix = |prefix: &str, radix: u32| {
        let rest = text.strip_prefix(prefix).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
        (!rest.is_empty() && rest.chars().all(|digit| digit.is_digit(radix))).then(|| i64::from_str_radix(rest, radix))
    };
    let whole = if digits(unsigned) { Some(text.parse::<i64>()) } else { radix("0x", 16).or_else(|| radix("0o", 8)) };
    if let Some(number) = whole {
        return number.map(Value::from).map_err(|_| no_number("a whole number that does not fit in 64 bits"));
    }
    if matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return Err(no_number("which is no number of the API"));
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = (digits(before) || digits(after))
        && (before.is_empty() || digits(before))
        && (after.is_empty() || digits(after))
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    if is_number {
        let number =
            text.parse::<f64>().ok().filter(|number| number.is_finite()).and_then(serde_json::Number::from_f64);
        return number.map(Value::Number).ok_or_else(|| no_number("a number that is too large"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> (usize, String) {
        let refused = parse(text).unwrap_err();
        (text[..refused.range.start].matches('\n').count() + 1, refused.message)
    }

    #[test]
    fn a_text_becomes_what_the_core_schema_says() {
        let text = "a: 1\nb: [yes, true, ~, 'null', 0x1F, -2, 1.5, 1e3, 1.2.3, '7']\nc: &x\n  d: |\n    two\n    lines\ne: *x\n1: one\n2026-01-01: day\n";
        let expected = json!({
            "a": 1, "b": ["yes", true, null, "null", 31, -2, 1.5, 1000.0, "1.2.3", "7"],
            "c": {"d": "two\nlines\n"}, "e": {"d": "two\nlines\n"}, "1": "one", "2026-01-01": "day",
        });
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), Value::Null);
    }

    #[test]
    fn what_json_cannot_say_is_refused_at_its_line() {
        for (text, line, what) in [
            ("a: 1\na: 2\n", 2, "has the key `a` twice"),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merges with `<<`"),
            ("a: 1\nb: !secret x\n", 2, "holds the tag"),
            ("a: 1\n---\nb: 2\n", 2, "holds several documents"),
            ("a: &x\n  b: *x\n", 2, "holds an alias inside of what it repeats"),
            ("[a, b]: 1\n", 1, "has a key that is no text"),
            ("a: 99999999999999999999\n", 1, "holds `99999999999999999999`"),
            ("a: .inf\n", 1, "holds `.inf`"),
        ] {
            let found = refused(text);
            assert!(found.1.starts_with(what) && found.0 == line, "{text}: {found:?}");
        }
        for text in ["a: [1\n", "a: \"x\n", "{---", "a: b: c", "%\n", "- *nobody"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_bursts() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            let aliases = vec![format!("*a{before}"); 9].join(", ");
            let _ = writeln!(bomb, "a{level}: &a{level} [{aliases}]");
        }
        assert!(refused(&bomb).1.starts_with("holds more than 100000 values"));
        let mut deep = "a0: &a0 [x]\n".to_owned();
        for level in 1..100 {
            let _ = writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1);
        }
        assert!(refused(&deep).1.starts_with("has mappings and sequences more than 64 deep"));
        assert!(refused(&"- ".repeat(100_000)).1.contains("deep"));
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&"{a: ".repeat(100_000)).is_err());
    }
}
