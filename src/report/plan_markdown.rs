//! A plan for a pull request: the summary, a table, and the details folded away.

use std::fmt::Write;

use super::access_change::told;
use super::change::{change_lines, member_lines};
use super::exposed::{EXPOSED, opened};
use super::plain_line;
use super::plan::{decided, header};
use super::step::{by_cause, look, summary_line};
use crate::plan::{Action, Plan, PlanDiagnostic, Step};

/// The plan as a comment in Markdown.
pub fn plan_markdown(plan: &Plan) -> String {
    let mut text = exposed(plan);
    _ = write!(text, "### {}\n\n{}\n", summary_line(plan), code(&header(plan)));
    let groups = by_cause(plan);
    if !groups.is_empty() {
        text.push_str("\n| | Resource | Why |\n| --- | --- | --- |\n");
        for (heading, steps) in &groups {
            let cause = heading.split(':').next().unwrap_or(heading);
            for step in steps {
                row(&mut text, step, cause);
            }
        }
    }
    list(
        &mut text,
        "Risks",
        plan.risks.iter().map(|risk| {
            let state = match &risk.decision {
                Some(decision) => prose(&decided(decision)),
                None if risk.accepted => "accepted".to_owned(),
                None => "**open**".to_owned(),
            };
            format!("{state} {} {}", code(&risk.code), prose(&risk.sentence()))
        }),
    );
    list(
        &mut text,
        "Who can call what",
        told(&plan.access).into_iter().map(|told| {
            let example = told.witness.map(|witness| format!("; for example {}", code(&witness))).unwrap_or_default();
            format!("{} ({}){example}", prose(&told.sentence), prose(&told.found))
        }),
    );
    let said = |found: &PlanDiagnostic| format!("{} {}", code(&found.code), prose(&found.message));
    list(&mut text, "In the way", plan.diagnostics.iter().map(said));
    list(
        &mut text,
        "Left out",
        plan.left_out.iter().map(|left| {
            let reason = left.reason.as_ref().map(|reason| format!(": {}", prose(reason))).unwrap_or_default();
            format!("{} {}{reason}", look(left.action).verb, code(&left.address))
        }),
    );
    list(
        &mut text,
        "Worth knowing",
        plan.notes.iter().map(|found| format!("{} {}", code(&found.code), prose(&found.message))),
    );
    list(
        &mut text,
        "Left alone",
        plan.unexpected
            .iter()
            .map(|child| format!("{} {} in {}", prose(&child.kind), code(&child.name), code(&child.parent))),
    );
    unsaid(&mut text, plan);
    details(&mut text, &groups);
    text
}

/// What is said before all else, as a box that readers do not miss.
fn exposed(plan: &Plan) -> String {
    if plan.exposed.is_empty() {
        return String::new();
    }
    let mut text = format!("> [!CAUTION]\n> **{EXPOSED}**\n>\n");
    for opened in opened(plan) {
        let (message, way_out) = (prose(&opened.message), prose(&opened.way_out));
        _ = writeln!(text, "> - {message} ({}); {way_out}", code(opened.code));
        for line in &opened.reach {
            _ = writeln!(text, ">   - {}", prose(line));
        }
        if let Some(witness) = opened.witness {
            _ = writeln!(text, ">   - for example {}", code(witness));
        }
    }
    text + "\n"
}

/// What adopted objects have otherwise than the manifest says, as lines to paste and lines that will change.
fn unsaid(text: &mut String, plan: &Plan) {
    for (index, unsaid) in plan.unsaid.iter().enumerate() {
        if index == 0 {
            text.push_str("\n**Adopted as they are: until `adopt` is removed, this stays**\n");
        }
        let paste = unsaid.paste.iter().flat_map(|statement| statement.lines()).map(plain_line).collect::<Vec<_>>();
        if !paste.is_empty() {
            _ = writeln!(text, "\nLive and not in the manifest; to keep it, paste below");
            fenced(text, "toml", &format!("[{}]\n{}\n", plain_line(&unsaid.address), paste.join("\n")));
        }
        let mut changes = String::new();
        for line in unsaid.changes.iter().flat_map(|change| change_lines(&unsaid.kind, Action::Update, change)) {
            _ = writeln!(changes, "{} {}{}", line.mark, "  ".repeat(line.depth), plain_line(&line.text));
        }
        if !changes.is_empty() {
            _ = writeln!(text, "\n{} is otherwise in the manifest; once `adopt` is removed:", code(&unsaid.address));
            fenced(text, "diff", &changes);
        }
    }
}

/// A block of code; nothing in it ends it.
fn fenced(text: &mut String, language: &str, body: &str) {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    _ = writeln!(text, "\n{fence}{language}\n{body}{fence}");
}

fn row(text: &mut String, step: &Step, cause: &str) {
    let look = look(step.action);
    let why = match (&step.blocked, &step.reason) {
        (Some(blocked), _) => format!("**blocked:** {}", prose(blocked)),
        (None, Some(reason)) => format!("{cause}: {}", prose(reason)),
        (None, None) => cause.to_owned(),
    };
    _ = writeln!(text, "| {} {} | {} | {why} |", look.symbol, look.verb, code(&step.address));
}

fn list(text: &mut String, heading: &str, items: impl Iterator<Item = String>) {
    for (index, item) in items.enumerate() {
        if index == 0 {
            _ = writeln!(text, "\n**{heading}**\n");
        }
        _ = writeln!(text, "- {item}");
    }
}

fn details(text: &mut String, groups: &[(&str, Vec<&Step>)]) {
    let mut body = String::new();
    for step in groups.iter().flat_map(|(_, steps)| steps).filter(|step| !step.changes.is_empty()) {
        let look = look(step.action);
        _ = writeln!(body, "@@ {} {} @@", look.verb, plain_line(&step.address));
        for line in member_lines(step) {
            let note = if line.note.is_empty() { String::new() } else { format!("  {}", line.note) };
            let (indent, line_text) = ("  ".repeat(line.depth), plain_line(&line.text));
            let mark = if step.action == Action::Create { '+' } else { line.mark };
            _ = writeln!(body, "{mark} {indent}{line_text}{note}");
        }
    }
    if !body.is_empty() {
        let fence = "`".repeat(longest_run(&body).max(2) + 1);
        _ = write!(text, "\n<details><summary>Details</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n");
    }
}

/// Text as code: nothing in it is Markdown, a mention or a column of a table.
fn code(text: &str) -> String {
    let text = plain_line(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    if fence.len() > 1 { format!("{fence} {text} {fence}") } else { format!("`{text}`") }
}

/// Prose of ours, which may hold names from outside in backticks.
fn prose(text: &str) -> String {
    plain_line(text).replace('|', "\\|").replace('<', "&lt;").replace('@', "&#64;")
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::full;
    use super::*;

    #[test]
    fn a_comment_begins_with_the_summary_and_folds_the_details() {
        insta::assert_snapshot!(plan_markdown(&full()), @r#"
        > [!CAUTION]
        > **EXPOSED: the live account allows what the manifest does not**
        >
        > - `gateway.hr` was changed by hand: policies are only logged; last changed 2026-11-24 14:02 UTC (`enforcement-weakened`); this plan sets it right
        >   - every authenticated caller, every tool of `gateway.hr`: now allowed; by the manifest as its policies say
        > - policy `by_hand` in `policy_engine.guard` is not in the manifest: it permits calls; created 2026-11-24 14:05 UTC (`access-widened`); this plan leaves it open: delete it where it was made
        >   - employee, hr/search, hr/pay: now always; by the manifest never (tested on 12 tokens)
        >   - for example `token {"scope":"hr/read"}, input {"name":"x"}`

        ### Plan: 2 to create, 3 to update, 1 to replace, 2 to delete, 1 to move, 1 to adopt; 1 blocked; 2 left out; 1 risk to decide on.

        `hr-data-agent/dev · account 111122223333 · us-east-1 · local stand-in`

        | | Resource | Why |
        | --- | --- | --- |
        | + create | `gateway.hr` | Changes from the manifest |
        | + create | `user_pool_client.admin` | Changes from the manifest |
        | ~ update | `user_pool_client.employee` | Changes from the manifest |
        | ± replace | `runtime.hr` | Changes from the manifest |
        | → move | `user_pool.hr` | Changes from the manifest: was user_pool.people |
        | ↓ adopt | `policy_engine.guard` | Changes from the manifest |
        | ~ update | `policy.hr/read` | Drift |
        | ~ update | `user_pool_group.admin` | Different from the manifest, and no record of why |
        | - delete | `user_pool_client.former` | No longer wanted |
        | - delete | `gateway_target.tools` | **blocked:** it is protected: set `protect = false`, apply, then delete it |

        **Risks**

        - **open** `endpoint-changes` runtime.hr: callers hold the ARN of the old runtime, and every one of them has to be told the new one before it can go on
        - accepted until 2026-12-31: the tool is gone, SEC-7 `forbid-removed` policy.hr/deny: a forbid goes
        - accepted `interrupts` gateway.hr: it is locked meanwhile

        **Who can call what**

        - widened: employee can now call hr/search (never → always, tested on 12 tokens); for example `token {"scope":"hr/read"}, input {"name":"x"}`
        - narrowed: employee can no longer call hr/pay (always → never, proved)

        **In the way**

        - `plan::foreign` `gateway.hr` wants a name that is taken by a gateway of somebody else

        **Left out**

        - create `gateway_target.new`
        - update `policy.hr/wide`: it also opens

        **Worth knowing**

        - `plan::moved` `user_pool.former` is nowhere live, `user_pool.hr` is there: the line of `[moved]` does nothing

        **Left alone**

        - policy `by_hand\u{1b}[31m` in `policy_engine.guard`

        **Adopted as they are: until `adopt` is removed, this stays**

        Live and not in the manifest; to keep it, paste below

        ```toml
        [policy_engine.guard]
        description = """
        by hand,
        long ago"""
        ```

        `policy_engine.guard` is otherwise in the manifest; once `adopt` is removed:

        ```diff
          name = "theirs" → "ours"
        ```

        <details><summary>Details</summary>

        ```diff
        @@ create gateway.hr @@
        + name = "hr-gateway"
        + authorizer_configuration.custom_jwt_authorizer.allowed_clients = ["${user_pool_client.employee.id}"]  (known after apply)
        @@ create user_pool_client.admin @@
        + client_secret = (sensitive)
        @@ update user_pool_client.employee @@
          allowed_oauth_scopes
        -   "hr/pay"
        +   "hr/pii"
          access_token_validity = 60 → 5
          client_secret (sensitive)
        @@ replace runtime.hr @@
          name = "old" → "new"  # forces replacement
        @@ update policy.hr/read @@
          definition.cedar.statement
              resource
            ) when {
        -     principal.getTag("scope") == "api/*"
        +     principal.getTag("scope") == "api/read"
            };
        @@ update user_pool_group.admin @@
          precedence = 2 → 1
        ```

        </details>
        "#);
    }

    #[test]
    fn text_from_an_account_stays_text() {
        assert_eq!(code("a`b|c"), "`` a`b\\|c ``");
        assert_eq!(prose("<img> @everyone"), "&lt;img> &#64;everyone");
    }
}
