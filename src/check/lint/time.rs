//! Windows of time: `context.system.now` is in UTC, whatever clock the callers have on their wall.

use serde_json::Value;

use crate::check::cedar::Statement;
use crate::check::cedar::expression::{conditions, operator, parts, text};
use crate::diagnostic::Diagnostic;

pub(super) fn check(statement: &Statement<'_>, found: &mut Vec<Diagnostic>) {
    let all = || conditions(&statement.form).flat_map(|(_, body)| parts(body));
    let note = |message: String| statement.text.note("lint::wall-clock", message);
    let shifted = all().find_map(|part| {
        let ("offset", Value::Array(operands)) = operator(part)? else { return None };
        let is_now =
            parts(operands.first()?).iter().any(|part| part.pointer("/./attr").is_some_and(|name| name == "now"));
        let by = operands.get(1).and_then(|by| text(by.pointer("/duration/0")?));
        is_now.then_some(by)
    });
    if let Some(by) = shifted {
        let zone = by.map_or_else(|| "a fixed offset".to_owned(), |by| format!("the offset `{by}`"));
        found.push(
            note(format!("{zone} from UTC is wrong for a part of the year wherever clocks change"))
                .at(statement.text.span_of("offset"), "")
                .help("write the window in UTC, wide enough for summer and winter"),
        );
        return;
    }
    let zoned = all().filter_map(|part| text(part.pointer("/datetime/0")?)).find(|moment| {
        let zone = moment.rsplit_once('T').map_or("", |(_, time)| time);
        zone.contains(['+', '-']) && !zone.ends_with("0000")
    });
    if let Some(moment) = zoned {
        found.push(
            note(format!("`{moment}` is not in UTC, and `context.system.now` is"))
                .at(statement.text.literal(moment), "")
                .help("write the moment in UTC, with a `Z` at its end"),
        );
    }
}
