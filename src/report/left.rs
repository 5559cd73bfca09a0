//! What a destroy left behind, for people.

use std::fmt::Write;

use super::{BOLD, DIM, plain_line, styled};
use crate::left::Left;

/// What is still there, and why; nothing if nothing is.
pub fn left_behind(left: &[Left]) -> String {
    if left.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", styled(BOLD, "Left behind"));
    for Left { what, why } in left {
        _ = writeln!(text, "  {} {}", plain_line(what), styled(DIM, &format!("# {}", plain_line(why))));
    }
    text
}
