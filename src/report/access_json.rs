//! Access for programs.

use serde_json::{Map, Value, json};

use crate::access::authorizer::Admission;
use crate::access::matrix::{Matrix, Row, Sheet};
use crate::access::why::{Part, Why};
use crate::diagnostic::{Sources, Span};

/// The matrices of environments: `format_version`, and `environments` with `gateways` with `callers` with `tools`.
pub fn access_json(environments: &[(Option<String>, Matrix)]) -> Value {
    let environments: Vec<Value> = environments
        .iter()
        .map(|(environment, matrix)| {
            json!({"env": environment, "gateways": matrix.sheets.iter().map(sheet).collect::<Vec<_>>()})
        })
        .collect();
    json!({"format_version": 1, "environments": environments})
}

fn sheet(sheet: &Sheet) -> Value {
    json!({
        "gateway": sheet.gateway,
        "engine": sheet.engine,
        "mode": sheet.mode.word(),
        "tools": sheet.tools,
        "callers": sheet.rows.iter().map(|one| row(sheet, one)).collect::<Vec<_>>(),
        "notes": sheet.notes,
    })
}

fn row(sheet: &Sheet, row: &Row) -> Value {
    let tools: Map<String, Value> =
        sheet.tools.iter().zip(&row.cells).map(|(tool, cell)| (tool.clone(), json!(cell.word()))).collect();
    let mut value = admission(&row.admission);
    if let Some(members) = value.as_object_mut() {
        members.insert("caller".into(), json!(row.caller));
        members.insert("kind".into(), json!(row.identity));
        members.insert("can_call".into(), json!(row.count()));
        members.insert("tools".into(), Value::Object(tools));
    }
    value
}

fn admission(admission: &Admission) -> Value {
    match admission {
        Admission::Admitted { assumed } => json!({"admitted": true, "assumed": assumed}),
        Admission::Refused(reason) => json!({"admitted": false, "refused": reason}),
    }
}

/// Answers to `--why`.
pub fn why_json(answers: &[(Option<String>, Why, Sources)]) -> Value {
    let answers: Vec<Value> = answers
        .iter()
        .map(|(environment, answer, sources)| {
            let place = |span: &Span| {
                let (line, column) = sources.position(span);
                json!({"file": sources.path(span.file).display().to_string(), "line": line, "column": column})
            };
            let part =
                |part: &Part| json!({"condition": part.text, "unless": part.negated, "place": place(&part.place)});
            let deciding: Vec<Value> = answer
                .deciding
                .iter()
                .map(|deciding| {
                    json!({
                                "policy": deciding.policy,
                                "may": deciding.may,
                    "effect": if deciding.forbids { "forbid" } else { "permit" },
                                "place": place(&deciding.place),
                                "depends_on": deciding.depends.iter().map(part).collect::<Vec<_>>(),
                            })
                })
                .collect();
            let nearest = answer.nearest.as_ref().map(|nearest| {
                json!({
                    "policy": nearest.policy,
                    "place": place(&nearest.place),
                    "fails": part(&nearest.fails),
                })
            });
            let mut value = admission(&answer.admission);
            if let Some(members) = value.as_object_mut() {
                let rest = json!({
                    "env": environment,
                    "caller": answer.caller,
                    "tool": answer.tool,
                    "gateway": answer.gateway,
                    "mode": answer.mode.word(),
                    "answer": answer.cell.word(),
                    "with_input": answer.with_input,
                    "deciding": deciding,
                    "nearest": nearest,
                });
                if let Value::Object(rest) = rest {
                    members.extend(rest);
                }
            }
            value
        })
        .collect();
    json!({"format_version": 1, "answers": answers})
}
