//! Renders diagnostics: for people, as JSON, as GitHub's workflow commands and as SARIF.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, FileId, Label, Severity, Sources, Span};
use crate::explain::explain;

/// For people: each diagnostic with the lines it is about, in the order of the files, and a line that counts them. Empty
/// when there is nothing to say.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in sorted(diagnostics) {
        text.push_str(&renderer.render(&[group(diagnostic, sources)]));
        text.push_str("\n\n");
    }
    text.push_str(&Counts::of(diagnostics).sentence());
    text.push('\n');
    text
}

/// For programs: `diagnostics` and `summary`, as `check --format json` prints them.
pub fn to_json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    let list: Vec<Value> = sorted(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let place = Place::of(diagnostic, sources);
            json!({
                "code": diagnostic.code,
                "severity": diagnostic.severity,
                "message": diagnostic.message,
                "file": place.as_ref().map(|place| &place.file),
                "line": place.as_ref().map(|place| place.start.0),
                "column": place.as_ref().map(|place| place.start.1),
                "help": diagnostic.help,
                "address": diagnostic.address,
            })
        })
        .collect();
    let counts = Counts::of(diagnostics);
    json!({
        "diagnostics": list,
        "summary": {"errors": counts.errors, "warnings": counts.warnings, "notes": counts.notes},
    })
}

/// For GitHub Actions: one workflow command a line, which GitHub shows beside the changed lines.
pub fn to_github(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in sorted(diagnostics) {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let place = Place::of(diagnostic, sources).map_or_else(String::new, |place| {
            format!(
                "file={},line={},col={},endLine={},endColumn={},",
                escape_property(&place.file),
                place.start.0,
                place.start.1,
                place.end.0,
                place.end.1,
            )
        });
        let title = escape_property(diagnostic.code);
        let message = escape_message(&sentence(diagnostic, "\n"));
        let _ = writeln!(text, "::{command} {place}title={title}::{message}");
    }
    text
}

/// For code scanning: SARIF 2.1.0.
pub fn to_sarif(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    for diagnostic in diagnostics {
        let about = explain(diagnostic.code).unwrap_or(diagnostic.code);
        rules
            .entry(diagnostic.code)
            .or_insert_with(|| json!({"id": diagnostic.code, "fullDescription": {"text": about}}));
    }
    let results: Vec<Value> = sorted(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let related: Vec<Value> =
                diagnostic.secondary.iter().map(|label| sarif_location(label, sources, true)).collect();
            let locations: Vec<Value> =
                diagnostic.primary.iter().map(|label| sarif_location(label, sources, false)).collect();
            json!({
                "ruleId": diagnostic.code,
                "level": diagnostic.severity,
                "message": {"text": sentence(diagnostic, "; ")},
                "locations": locations,
                "relatedLocations": related,
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "gatewright",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// In the order of files and places; what has no place comes first, as it concerns everything.
fn sorted(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| {
        (diagnostic.primary.as_ref().map(|label| (label.span.file, label.span.range.start)), diagnostic.code)
    });
    sorted
}

/// Message and help in one text.
fn sentence(diagnostic: &Diagnostic, separator: &str) -> String {
    match &diagnostic.help {
        Some(help) => format!("{}{separator}help: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// One message of the renderer: a snippet for every file that a label points into, the primary's first.
fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code);
    let mut files: Vec<FileId> = Vec::new();
    for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    let snippets = files.into_iter().map(|file| snippet(diagnostic, file, sources));
    let mut group = Group::with_title(title).elements(snippets);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    group
}

/// The lines of one file that the labels are about, and nothing around them: a manifest can be large.
fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    file: FileId,
    sources: &'a Sources,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = sources.text(file);
    let primary = diagnostic.primary.iter().map(|label| (AnnotationKind::Primary, label));
    let secondary = diagnostic.secondary.iter().map(|label| (AnnotationKind::Context, label));
    let labels: Vec<(AnnotationKind, Range<usize>, &str)> = primary
        .chain(secondary)
        .filter(|(_, label)| label.span.file == file)
        .map(|(kind, label)| (kind, within(text, &label.span.range), label.text.as_str()))
        .collect();
    let first = labels.iter().map(|(_, range, _)| range.start).min().unwrap_or_default();
    let last = labels.iter().map(|(_, range, _)| range.end).max().unwrap_or_default();
    let from = text.get(..first).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let to = text.get(last..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| last + newline);
    let line = text.get(..from).unwrap_or_default().matches('\n').count() + 1;
    let annotations = labels.into_iter().map(|(kind, range, label)| {
        let annotation = kind.span(range.start - from..range.end - from);
        if label.is_empty() { annotation } else { annotation.label(label) }
    });
    Snippet::source(text.get(from..to).unwrap_or_default())
        .line_start(line)
        .path(sources.path(file).to_string_lossy())
        .annotations(annotations)
}

/// A range that lies within the text and on the borders of characters.
fn within(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start);
    let end = text.ceil_char_boundary(range.end.min(text.len())).max(start);
    start..end
}

/// Where a diagnostic is, in lines and columns from 1; the end is exclusive.
struct Place {
    file: String,
    start: (usize, usize),
    end: (usize, usize),
}

impl Place {
    fn of(diagnostic: &Diagnostic, sources: &Sources) -> Option<Self> {
        diagnostic.primary.as_ref().map(|label| Self::of_span(&label.span, sources))
    }

    fn of_span(span: &Span, sources: &Sources) -> Self {
        let range = within(sources.text(span.file), &span.range);
        let end = Span { file: span.file, range: range.end..range.end };
        Self {
            file: sources.path(span.file).to_string_lossy().into_owned(),
            start: sources.position(&Span { file: span.file, range }),
            end: sources.position(&end),
        }
    }
}

fn sarif_location(label: &Label, sources: &Sources, with_text: bool) -> Value {
    let place = Place::of_span(&label.span, sources);
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.file)},
        "region": {
            "startLine": place.start.0,
            "startColumn": place.start.1,
            "endLine": place.end.0,
            "endColumn": place.end.1,
        },
    }});
    if with_text && let Some(members) = location.as_object_mut() {
        members.insert("message".to_owned(), json!({"text": label.text}));
    }
    location
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(char::from(byte)),
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

fn escape_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}

/// How many of each severity.
struct Counts {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Counts {
    fn of(diagnostics: &[Diagnostic]) -> Self {
        let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        Self { errors: count(Severity::Error), warnings: count(Severity::Warning), notes: count(Severity::Note) }
    }

    fn sentence(&self) -> String {
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
            .collect::<Vec<_>>()
            .join(", ");
        format!("{counts}; `gatewright explain CODE` says more about each")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    fn example() -> (Vec<Diagnostic>, Sources) {
        let mut sources = Sources::default();
        let manifest = sources.add("dir, one/gatewright.toml", "[gateway.hr]\nname = \"ü\"\nrole = 1\n");
        let policy = sources.add("policies/hr.cedar", "permit(principal,\n  action, resource);\n");
        let span = |file, range| Span { file, range };
        let diagnostics = vec![
            Diagnostic::warning("check::open-gateway", "anyone may call").at(span(policy, 28..36), "here"),
            Diagnostic::error("cedar::bare-resource", "`resource` is not constrained: 100%")
                .at(span(manifest, 20..24), "")
                .with(span(policy, 28..36), "the policy")
                .help("name the gateway")
                .about(&Address::new("gateway", "hr")),
            Diagnostic::note("check::open-gateway", "about everything").at(span(policy, 400..500), ""),
            Diagnostic::note("check::open-gateway", "without a place"),
        ];
        (diagnostics, sources)
    }

    #[test]
    fn people_see_every_file_a_message_is_about_and_a_count() {
        let (diagnostics, sources) = example();
        insta::assert_snapshot!(render(&diagnostics, &sources, false), @r#"
        note[check::open-gateway]: without a place

        error[cedar::bare-resource]: `resource` is not constrained: 100%
         --> dir, one/gatewright.toml:2:8
          |
        2 | name = "ü"
          |        ^^^
          |
         ::: policies/hr.cedar:2:11
          |
        2 |   action, resource);
          |           -------- the policy
          |
          = help: name the gateway

        warning[check::open-gateway]: anyone may call
         --> policies/hr.cedar:2:11
          |
        2 |   action, resource);
          |           ^^^^^^^^ here

        note[check::open-gateway]: about everything
         --> policies/hr.cedar:3:1
          |
        3 |
          | ^

        1 error, 1 warning, 2 notes; `gatewright explain CODE` says more about each
        "#);
        assert!(render(&diagnostics, &sources, true).contains('\u{1b}'));
        assert_eq!(render(&[], &sources, false), "");
    }

    #[test]
    fn programs_get_the_same_facts() {
        let (diagnostics, sources) = example();
        let found = to_json(&diagnostics, &sources);
        assert_eq!(found["summary"], json!({"errors": 1, "warnings": 1, "notes": 2}));
        assert_eq!(found["diagnostics"][0]["file"], Value::Null);
        let expected = json!({
            "code": "cedar::bare-resource", "severity": "error", "message": "`resource` is not constrained: 100%",
            "file": "dir, one/gatewright.toml", "line": 2, "column": 8, "help": "name the gateway",
            "address": "gateway.hr",
        });
        assert_eq!(found["diagnostics"][1], expected);
    }

    #[test]
    fn github_commands_escape_what_would_end_them() {
        let (diagnostics, sources) = example();
        let text = to_github(&diagnostics, &sources);
        let line = "::error file=dir%2C one/gatewright.toml,line=2,col=8,endLine=2,endColumn=11,title=cedar%3A%3Abare-resource\
                    ::`resource` is not constrained: 100%25%0Ahelp: name the gateway";
        assert!(text.lines().any(|found| found == line), "{text}");
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn sarif_names_every_rule_that_a_result_refers_to() {
        let (diagnostics, sources) = example();
        let run = &to_sarif(&diagnostics, &sources)["runs"][0];
        let rules: Vec<&Value> =
            run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
        assert_eq!(rules, ["cedar::bare-resource", "check::open-gateway"]);
        let result = &run["results"][1];
        assert_eq!(result["level"], "error");
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "dir%2C%20one/gatewright.toml");
        assert_eq!(location["region"]["startColumn"], 8);
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "the policy");
    }
}
