//! Printers: each turns a value into text, and none decides anything.
//!
//! They always write colour codes; the stream takes them out where nobody would see colour, so no printer asks. Everything
//! that came from an account or a file is made harmless for terminals first ([`plain`]).

mod access;
mod access_change;
mod access_json;
mod change;
pub mod diagnostic;
mod expectations;
mod exposed;
mod left;
mod literal;
mod outputs;
mod plan;
mod plan_markdown;
mod progress;
mod spelling;
mod stacks;
mod step;
mod verify;

use std::fmt::Write;

use anstyle::{AnsiColor, Color, Style};

pub use access::{access, access_markdown, why};
pub use access_json::{access_json, why_json};
pub use expectations::{Tested, expectations, expectations_json, expectations_junit, expectations_markdown, held};
pub use left::left_behind;
pub use outputs::{next_outputs, outputs};
pub use plan::{nothing_left, plan};
pub use plan_markdown::plan_markdown;
pub use progress::{Progress, summary};
pub use stacks::{account, odd_expiry, stacks, stacks_json, unread};
pub use verify::{verified, verified_json, verified_markdown};

/// Text from outside without what could move a cursor, fake a line or turn reading direction around: control characters
/// and bidirectional marks are shown as escapes. Line ends and tabs stay.
pub fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        let hidden =
            matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden || (letter.is_control() && !matches!(letter, '\n' | '\t')) {
            _ = write!(safe, "\\u{{{:x}}}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// The same on one line.
fn plain_line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = coloured(AnsiColor::Green);
const YELLOW: Style = coloured(AnsiColor::Yellow);
const RED: Style = coloured(AnsiColor::Red);
const CYAN: Style = coloured(AnsiColor::Cyan);

const fn coloured(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Text in a style.
fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// `1 resource`, `2 resources`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Prose that starts in column `first`, wrapped at a width, every line after the first indented.
pub fn wrapped(text: &str, first: usize, indent: usize, width: usize) -> String {
    let mut lines = String::new();
    let mut column = first;
    for word in plain_line(text).split_whitespace() {
        let length = word.chars().count();
        if lines.is_empty() {
            column += length;
        } else if column + 1 + length > width {
            _ = write!(lines, "\n{:indent$}", "");
            column = indent + length;
        } else {
            lines.push(' ');
            column += 1 + length;
        }
        lines.push_str(word);
    }
    lines
}
