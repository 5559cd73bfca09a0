//! Values as a manifest would have them: on one line where they fit, otherwise one element a line.

use serde_json::Value;

use super::plain_line;

/// How long a value may be before it is broken into lines.
const LINE: usize = 88;

/// A value on one line.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, member)| format!("{} = {}", key_text(key), inline(member))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// A value on as many lines as it takes, nested lines indented. Text of several lines is shown as it is, and text that is
/// JSON as JSON.
pub(super) fn lines(value: &Value) -> Vec<String> {
    if let Value::String(text) = value {
        return text_lines(text).unwrap_or_else(|| vec![quoted(text)]);
    }
    let line = inline(value);
    if line.chars().count() <= LINE {
        return vec![line];
    }
    match value {
        Value::Array(items) => block('[', ']', items.iter().map(|item| (String::new(), item))),
        Value::Object(members) => {
            block('{', '}', members.iter().map(|(key, member)| (format!("{} = ", key_text(key)), member)))
        }
        _ => vec![line],
    }
}

fn block<'a>(open: char, close: char, members: impl Iterator<Item = (String, &'a Value)>) -> Vec<String> {
    let mut text = vec![open.to_string()];
    for (prefix, member) in members {
        // Text stays quoted inside a block: its lines would be taken for lines of the block.
        let mut inner = if member.is_string() { vec![inline(member)] } else { lines(member) };
        if let Some(first) = inner.first_mut() {
            first.insert_str(0, &prefix);
        }
        if let Some(last) = inner.last_mut() {
            last.push(',');
        }
        text.extend(inner.into_iter().map(|line| format!("  {line}")));
    }
    text.push(close.to_string());
    text
}

/// The lines of a text that is better read as lines: one that has several, or JSON.
pub(super) fn text_lines(text: &str) -> Option<Vec<String>> {
    let document = text.starts_with(['{', '[']).then(|| serde_json::from_str::<Value>(text).ok()).flatten();
    let shown = match document {
        Some(document) => serde_json::to_string_pretty(&document).ok()?,
        None => text.trim_end().to_owned(),
    };
    shown.contains('\n').then(|| shown.lines().map(plain_line).collect())
}

/// A key, in quotes where TOML wants them.
pub(super) fn key_text(key: &str) -> String {
    let bare =
        !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    if bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    plain_line(&Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_stay_on_a_line_and_long_ones_are_broken_by_element() {
        assert_eq!(inline(&json!({"a b": [1, "x\"y"], "c": {}})), r#"{ "a b" = [1, "x\"y"], c = {} }"#);
        let long = json!([{"name": "a".repeat(50), "more": "b".repeat(50)}, true]);
        assert_eq!(
            lines(&long),
            [
                "[",
                "  {",
                &format!("    name = \"{}\",", "a".repeat(50)),
                &format!("    more = \"{}\",", "b".repeat(50)),
                "  },",
                "  true,",
                "]"
            ]
        );
        assert_eq!(lines(&json!("permit(\n  principal\n);\n")), ["permit(", "  principal", ");"]);
        assert_eq!(lines(&json!(r#"{"a":1}"#)), ["{", "  \"a\": 1", "}"]);
    }

    #[test]
    fn nothing_in_a_value_reaches_the_terminal_as_a_command() {
        assert_eq!(inline(&json!("\u{1b}[2J\u{202e}\u{9b}")), r#""\u001b[2J\u{202e}\u{9b}""#);
        assert_eq!(lines(&json!("a\n\u{1b}]0;x")), ["a", "\\u{1b}]0;x"]);
    }
}
