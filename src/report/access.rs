//! Access for people, and for pull requests.

use std::collections::HashMap;
use std::fmt::Write;

use super::{BOLD, count, plain_line, styled};
use crate::access::authorizer::Admission;
use crate::access::matrix::{Matrix, Row, Sheet};
use crate::access::why::{Deciding, Part, Why};
use crate::access::{Cell, Mode};
use crate::diagnostic::{Sources, Span};

/// Columns of callers end here; the others follow below.
const WIDTH: usize = 100;

/// So many columns are as many as a page shows side by side.
const ENOUGH: usize = 12;

/// What stands for the rows of a sheet that has none.
fn nobody(sheet: &Sheet) -> &'static str {
    if sheet.live {
        "nobody who is known gets in"
    } else {
        "nobody in this manifest has what it asks for: describe callers with [persona.NAME]"
    }
}

/// A matrix of one environment or of several that agree, aligned: tools down, callers across.
pub fn access(environments: &[String], matrix: &Matrix) -> String {
    let mut text = String::new();
    if !environments.is_empty() {
        let word = if environments.len() == 1 { "environment" } else { "environments" };
        _ = writeln!(text, "{}\n", styled(BOLD, &format!("{word} {}", plain_line(&environments.join(", ")))));
    }
    if matrix.sheets.is_empty() {
        text.push_str("no gateway, so there is nothing to call\n");
    }
    for (index, sheet) in matrix.sheets.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&of_sheet(sheet));
    }
    text
}

/// The line above a sheet.
fn title(sheet: &Sheet) -> String {
    match &sheet.engine {
        Some(engine) => format!("{}, {} of {engine}", sheet.gateway, sheet.mode.word()),
        None => format!("{}, {}", sheet.gateway, sheet.mode.word()),
    }
}

fn of_sheet(sheet: &Sheet) -> String {
    let mut text = format!("{}\n", styled(BOLD, &plain_line(&title(sheet))));
    if sheet.rows.is_empty() && sheet.mode == Mode::Unknown {
        // The notes say what is not known.
    } else if sheet.rows.is_empty() {
        _ = writeln!(text, "  {}", nobody(sheet));
    } else if sheet.tools.is_empty() {
        text.push_str("  no tool is known\n");
    } else {
        table(&mut text, sheet);
    }
    for line in admissions(sheet) {
        _ = writeln!(text, "  {}", plain_line(&line));
    }
    for note in &sheet.notes {
        _ = writeln!(text, "  note: {}", plain_line(note));
    }
    text
}

/// Who does not get in, and of whom that is taken for granted; callers of whom the same is to be said together.
fn admissions(sheet: &Sheet) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for row in &sheet.rows {
        let line = match &row.admission {
            Admission::Refused(reason) => format!("not let in: {reason}"),
            Admission::Admitted { assumed } if !assumed.is_empty() => {
                format!("taken for let in: {}", assumed.join(", and "))
            }
            Admission::Admitted { .. } => continue,
        };
        match lines.iter_mut().find(|(other, _)| *other == line) {
            Some((_, callers)) => callers.push(&row.caller),
            None => lines.push((line, vec![&row.caller])),
        }
    }
    lines.into_iter().map(|(line, callers)| format!("{}: {line}", callers.join(", "))).collect()
}

/// A column, and the callers after its own for whom it stands too.
struct Column<'a> {
    row: &'a Row,
    same: Vec<&'a str>,
}

/// A column for each caller, or one for all who can call the same.
fn columns(sheet: &Sheet, together: bool) -> Vec<Column<'_>> {
    let mut columns: Vec<Column<'_>> = Vec::new();
    let mut known: HashMap<&[Cell], usize> = HashMap::new();
    for row in &sheet.rows {
        let same = known.get(row.cells.as_slice()).and_then(|index| columns.get_mut(*index));
        if let Some(column) = same.filter(|_| together) {
            column.same.push(&row.caller);
        } else {
            known.insert(&row.cells, columns.len());
            columns.push(Column { row, same: Vec::new() });
        }
    }
    columns
}

/// Who stands in whose column.
fn same(columns: &[Column<'_>]) -> impl Iterator<Item = String> {
    let shared = columns.iter().filter(|column| !column.same.is_empty());
    shared.map(|column| format!("as {}: {}", column.row.caller, column.same.join(", ")))
}

/// Words in lines, those after the first further in.
fn wrapped(text: &mut String, line: &str) {
    let mut used = 0;
    for word in line.split(' ') {
        let width = word.chars().count();
        if used > 0 && used + 1 + width > WIDTH {
            text.push_str("\n   ");
            used = 3;
        }
        let blank = if used == 0 { "  " } else { " " };
        _ = write!(text, "{blank}{word}");
        used += blank.len() + width;
    }
    text.push('\n');
}

fn table(text: &mut String, sheet: &Sheet) {
    let length = |text: &str| text.chars().count();
    let first = sheet.tools.iter().map(|tool| length(&plain_line(tool))).max().unwrap_or(0).max("can call".len());
    let total = sheet.tools.len();
    let width = |row: &Row| length(&plain_line(&row.caller)).max("sometimes".len()).max(counted(row, total).len());
    let whole = sheet.rows.iter().fold(first + 2, |used, row| used + width(row) + 2);
    let shown = columns(sheet, whole > WIDTH);
    let mut columns = shown.iter().map(|column| (column.row, width(column.row))).peekable();
    let mut block_number = 0;
    while columns.peek().is_some() {
        let mut used = first + 2;
        let mut block = Vec::new();
        while let Some((row, width)) = columns.next_if(|(_, width)| fits(used, *width)) {
            used += width + 2;
            block.push((row, width));
        }
        if block.is_empty() {
            // One that is wider than a line has a line of its own.
            block.extend(columns.next());
        }
        if block_number > 0 {
            text.push('\n');
        }
        block_number += 1;
        let line = |head: &str, cells: Vec<String>| {
            let mut line = format!("  {head:first$}");
            for (cell, (_, width)) in cells.into_iter().zip(&block) {
                _ = write!(line, "  {cell:width$}");
            }
            line.trim_end().to_owned() + "\n"
        };
        text.push_str(&line("", block.iter().map(|(row, _)| plain_line(&row.caller)).collect()));
        for (index, tool) in sheet.tools.iter().enumerate() {
            let cell = |row: &Row| row.cells.get(index).map_or("", |cell| cell.word()).to_owned();
            text.push_str(&line(&plain_line(tool), block.iter().map(|(row, _)| cell(row)).collect()));
        }
        text.push_str(&line("can call", block.iter().map(|(row, _)| counted(row, total)).collect()));
    }
    for line in same(&shown) {
        wrapped(text, &plain_line(&line));
    }
}

fn fits(used: usize, width: usize) -> bool {
    used + width + 2 <= WIDTH
}

fn counted(row: &Row, total: usize) -> String {
    format!("{} of {total}", row.count())
}

/// The same as a table for a pull request.
pub fn access_markdown(environments: &[String], matrix: &Matrix) -> String {
    let mut text = String::new();
    if !environments.is_empty() {
        _ = writeln!(text, "## {}\n", cell_of(&environments.join(", ")));
    }
    for sheet in &matrix.sheets {
        _ = writeln!(text, "### {}\n", cell_of(&title(sheet)));
        if sheet.rows.is_empty() && sheet.mode != Mode::Unknown {
            _ = writeln!(text, "{}\n", cell_of(nobody(sheet)));
        } else if !sheet.rows.is_empty() && !sheet.tools.is_empty() {
            let row = |head: &str, cells: Vec<String>| format!("| {head} | {} |\n", cells.join(" | "));
            let columns = columns(sheet, sheet.rows.len() > ENOUGH);
            let names = columns.iter().map(|column| cell_of(&column.row.caller)).collect();
            text.push_str(&row("tool", names));
            text.push_str(&row("---", columns.iter().map(|_| "---".to_owned()).collect()));
            for (index, tool) in sheet.tools.iter().enumerate() {
                let cell = |row: &Row| match row.cells.get(index) {
                    Some(cell) => cell.word().to_owned(),
                    None => String::new(),
                };
                text.push_str(&row(&cell_of(tool), columns.iter().map(|column| cell(column.row)).collect()));
            }
            let count = |column: &Column<'_>| format!("**{}**", counted(column.row, sheet.tools.len()));
            text.push_str(&row("**can call**", columns.iter().map(count).collect()));
            text.push('\n');
            for line in same(&columns) {
                _ = writeln!(text, "* {}", cell_of(&line));
            }
        }
        for line in admissions(sheet) {
            _ = writeln!(text, "* {}", cell_of(&line));
        }
        for note in &sheet.notes {
            _ = writeln!(text, "* {}", cell_of(note));
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// Text that cannot end a cell or begin markup.
pub(super) fn cell_of(text: &str) -> String {
    let mut safe = String::new();
    for letter in plain_line(text).chars() {
        if matches!(letter, '|' | '<' | '>' | '*' | '_' | '[' | ']' | '\\' | '`') {
            safe.push('\\');
        }
        safe.push(letter);
    }
    safe
}

/// Why a caller can or cannot call a tool.
pub fn why(answer: &Why, sources: &Sources) -> String {
    let with = if answer.with_input { " with this input" } else { "" };
    let word = match (answer.cell, answer.with_input) {
        (Cell::Always, true) => "can call",
        (Cell::Never, true) => "cannot call",
        (Cell::Always, false) => "can always call",
        (Cell::Sometimes, _) => "can sometimes call",
        (Cell::Never, false) => "can never call",
    };
    let head = format!("{} {word} {}{with}", answer.caller, answer.tool);
    let mut text = format!("{} at {}\n", styled(BOLD, &plain_line(&head)), answer.gateway);
    match &answer.admission {
        Admission::Refused(reason) => {
            _ = writeln!(text, "  it does not get in: {}", plain_line(reason));
            return text;
        }
        Admission::Admitted { assumed } if !assumed.is_empty() => {
            _ = writeln!(text, "  it is taken to get in: {}", plain_line(&assumed.join(", and ")));
        }
        Admission::Admitted { .. } => {}
    }
    match answer.mode {
        Mode::LogOnly => text.push_str("  the engine only logs: every call of whoever gets in succeeds\n"),
        Mode::NoEngine => text.push_str("  no policy engine: every call of whoever gets in succeeds\n"),
        Mode::Unknown => text.push_str("  nobody knows here what the gateway's engine permits\n"),
        Mode::Enforce => {}
    }
    for deciding in &answer.deciding {
        decides(&mut text, deciding, sources);
    }
    match &answer.nearest {
        Some(nearest) => {
            let (before, total) = nearest.holds;
            _ = writeln!(
                text,
                "  no permit holds; the nearest is {} ({})",
                plain_line(&nearest.policy.to_string()),
                place(&nearest.place, sources)
            );
            _ = writeln!(
                text,
                "  {before} of its {} hold, then this one fails ({}):",
                count(total, "condition"),
                place(&nearest.fails.place, sources)
            );
            part(&mut text, &nearest.fails);
        }
        None if answer.cell == Cell::Never && answer.deciding.is_empty() && answer.mode == Mode::Enforce => {
            text.push_str(if answer.permits == 0 { "  no permit is about this tool\n" } else { "  no permit holds\n" });
        }
        None => {}
    }
    text
}

fn decides(text: &mut String, deciding: &Deciding, sources: &Sources) {
    let effect = match (deciding.forbids, !deciding.may) {
        (true, true) => "forbidden by",
        (true, false) => "may be forbidden by",
        (false, true) => "permitted by",
        (false, false) => "may be permitted by",
    };
    _ = writeln!(text, "  {effect} {} ({})", plain_line(&deciding.policy.to_string()), place(&deciding.place, sources));
    for depends in &deciding.depends {
        _ = writeln!(text, "  which depends on this ({}):", place(&depends.place, sources));
        part(text, depends);
    }
}

fn part(text: &mut String, part: &Part) {
    let unless = if part.negated { "unless " } else { "" };
    _ = writeln!(text, "    {unless}{}", plain_line(&part.text));
}

/// `policies/hr.cedar:12:5`.
fn place(span: &Span, sources: &Sources) -> String {
    let (line, column) = sources.position(span);
    format!("{}:{line}:{column}", plain_line(&sources.path(span.file).display().to_string()))
}
