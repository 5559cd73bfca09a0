//! One changed member as lines that every printer of plans shares.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::literal::{inline, key_text, lines, text_lines};
use super::spelling::Spelling;
use crate::kind;
use crate::plan::{Action, MemberChange, Step};

/// Text longer than this is shown on lines of its own.
const LONG: usize = 60;
/// Unchanged lines around a changed one.
const CONTEXT: usize = 2;

/// A line about a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `+` or `-` where something comes or goes, else a blank.
    pub(super) mark: char,
    /// How far in: 0 for the member, 1 for what belongs to it.
    pub(super) depth: usize,
    /// What stands there.
    pub(super) text: String,
    /// A remark behind it.
    pub(super) note: &'static str,
}

impl Line {
    fn new(mark: char, depth: usize, text: impl Into<String>) -> Self {
        Self { mark, depth, text: text.into(), note: "" }
    }
}

const SENSITIVE: &str = "(sensitive)";
const UNKNOWN: &str = "(known after apply)";
const REPLACES: &str = "# forces replacement";

/// The lines about a step's members, the name first.
pub(super) fn member_lines(step: &Step) -> Vec<Line> {
    let name = kind::find(&step.kind).map(|kind| kind.name_member);
    let mut changes: Vec<&MemberChange> = step.changes.iter().collect();
    changes.sort_by_key(|change| Some(change.path.as_str()) != name);
    changes.into_iter().flat_map(|change| change_lines(&step.kind, step.action, change)).collect()
}

/// The lines about one changed member of a resource of this kind.
pub(super) fn change_lines(kind: &str, action: Action, change: &MemberChange) -> Vec<Line> {
    let spelling = Spelling::of(kind);
    let (path, before) = spelling.respell(&change.path, change.before.as_ref());
    let (_, after) = spelling.respell(&change.path, change.after.as_ref());
    let mut member = Member { created: action == Action::Create, unknown: change.after_unknown, lines: Vec::new() };
    if change.sensitive {
        let text = if member.created { format!("{path} = {SENSITIVE}") } else { format!("{path} {SENSITIVE}") };
        member.lines.push(Line::new(' ', 0, text));
    } else if after.is_none() && change.after_unknown {
        let before = before.map(|before| format!("{} → ", inline(&before))).unwrap_or_default();
        member.lines.push(Line::new(' ', 0, format!("{path} = {before}{UNKNOWN}")));
    } else {
        member.compare(&path, before.as_ref(), after.as_ref());
    }
    if change.forces_replacement
        && let Some(first) = member.lines.first_mut()
    {
        first.note = REPLACES;
    }
    member.lines
}

struct Member {
    created: bool,
    unknown: bool,
    lines: Vec<Line>,
}

impl Member {
    fn compare(&mut self, path: &str, before: Option<&Value>, after: Option<&Value>) {
        match (before, after) {
            (before, after) if before == after => {}
            // An element that comes or goes is one thing.
            (None, Some(element)) if path.ends_with(']') => self.one('+', path, element),
            (Some(element), None) if path.ends_with(']') => self.one('-', path, element),
            (Some(Value::Object(_)) | None, Some(Value::Object(_))) | (Some(Value::Object(_)), None)
                if !(is_empty(before) && is_empty(after)) =>
            {
                let (before, after) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
                let wanted = after.into_iter().flatten().map(|(key, _)| key);
                let gone = before.into_iter().flatten().map(|(key, _)| key);
                let gone = gone.filter(|key| after.is_none_or(|after| !after.contains_key(*key)));
                for key in wanted.chain(gone) {
                    let get = |members: Option<&'_ serde_json::Map<String, Value>>| {
                        members.and_then(|it| it.get(key)).cloned()
                    };
                    let inner = format!("{path}.{}", key_text(key));
                    self.compare(&inner, get(before).as_ref(), get(after).as_ref());
                }
            }
            (None, Some(after)) => self.one(if self.created { ' ' } else { '+' }, path, after),
            (Some(before), None) => self.one('-', path, before),
            (Some(Value::Array(before)), Some(Value::Array(after))) if scalars(before) && scalars(after) => {
                self.elements(path, before, after);
            }
            (Some(before), Some(after)) => self.both(path, before, after),
            (None, None) => {}
        }
    }

    /// A value that comes or goes.
    fn one(&mut self, mark: char, path: &str, value: &Value) {
        let note = self.note(value, mark);
        let mut values = lines(value);
        let is_text = value.as_str().is_some_and(|text| text_lines(text).is_some());
        if is_text {
            self.lines.push(Line { note, ..Line::new(mark, 0, format!("{path}:")) });
            self.lines.extend(values.into_iter().map(|line| Line::new(mark, 1, line)));
            return;
        }
        if let Some(first) = values.first_mut() {
            first.insert_str(0, &format!("{path} = "));
        }
        self.lines.extend(values.into_iter().map(|line| Line::new(mark, 0, line)));
        if let Some(last) = self.lines.last_mut() {
            last.note = note;
        }
    }

    /// A set: what came and what went.
    fn elements(&mut self, path: &str, before: &[Value], after: &[Value]) {
        let missing = |from: &[Value], other: &[Value]| -> Vec<Value> {
            from.iter().filter(|item| !other.contains(item)).cloned().collect()
        };
        let (gone, come) = (missing(before, after), missing(after, before));
        if gone.is_empty() && come.is_empty() {
            return self.both(path, &before.into(), &after.into());
        }
        self.lines.push(Line::new(' ', 0, path));
        self.lines.extend(gone.iter().map(|item| Line::new('-', 1, inline(item))));
        for item in &come {
            let note = self.note(item, '+');
            self.lines.push(Line { note, ..Line::new('+', 1, inline(item)) });
        }
    }

    /// One value in place of another.
    fn both(&mut self, path: &str, before: &Value, after: &Value) {
        let note = self.note(after, '+');
        let (short_before, short_after) = (inline(before), inline(after));
        let fits = short_before.chars().count() <= LONG && short_after.chars().count() <= LONG;
        let (old, new) = (lines(before), lines(after));
        if fits && old.len() == 1 && new.len() == 1 {
            let text = format!("{path} = {short_before} → {short_after}");
            self.lines.push(Line { note, ..Line::new(' ', 0, text) });
            return;
        }
        self.lines.push(Line { note, ..Line::new(' ', 0, path) });
        let (old, new) = (old.join("\n") + "\n", new.join("\n") + "\n");
        let difference = TextDiff::from_lines(&old, &new);
        for (index, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
            if index > 0 {
                self.lines.push(Line::new(' ', 1, "…"));
            }
            for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
                let mark = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Insert => '+',
                    ChangeTag::Delete => '-',
                };
                self.lines.push(Line::new(mark, 1, change.value().trim_end()));
            }
        }
    }

    fn note(&self, value: &Value, mark: char) -> &'static str {
        if self.unknown && mark != '-' && mentions_reference(value) { UNKNOWN } else { "" }
    }
}

/// A reference in its source form stands somewhere in it.
fn mentions_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(items) => items.iter().any(mentions_reference),
        Value::Object(members) => members.values().any(mentions_reference),
        _ => false,
    }
}

fn scalars(items: &[Value]) -> bool {
    items.iter().all(|item| !item.is_array() && !item.is_object())
}

fn is_empty(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.as_object().is_some_and(serde_json::Map::is_empty))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(path: &str, before: Value, after: Value) -> MemberChange {
        let known = |value: Value| if value.is_null() { None } else { Some(value) };
        MemberChange {
            path: path.into(),
            before: known(before),
            after: known(after),
            after_unknown: false,
            sensitive: false,
            forces_replacement: false,
        }
    }

    fn shown(kind: &str, action: Action, change: &MemberChange) -> Vec<String> {
        let lines = change_lines(kind, action, change);
        lines.iter().map(|line| format!("{}{}{}{}", line.mark, "  ".repeat(line.depth), line.text, line.note)).collect()
    }

    #[test]
    fn only_the_members_that_differ_are_shown_in_the_manifest_s_spelling() {
        let before = json!({"passwordPolicy": {"MinimumLength": 8, "RequireSymbols": true}});
        let after = json!({"passwordPolicy": {"MinimumLength": 12, "RequireSymbols": true}});
        let lines = shown("nothing", Action::Update, &change("Policies", before, after));
        assert_eq!(lines, [" Policies.passwordPolicy.MinimumLength = 8 → 12"]);
    }

    #[test]
    fn sets_show_what_came_and_what_went_and_an_order_that_changed_shows_both() {
        let scopes = |scopes: &[&str]| json!(scopes);
        let lines = shown(
            "user_pool_client",
            Action::Update,
            &change("AllowedOAuthScopes", scopes(&["a", "b"]), scopes(&["b", "c"])),
        );
        assert_eq!(lines, [" allowed_oauth_scopes", "-  \"a\"", "+  \"c\""]);
        let lines = shown("runtime", Action::Update, &change("entryPoint", scopes(&["a", "b"]), scopes(&["b", "a"])));
        assert_eq!(lines, [r#" entry_point = ["a", "b"] → ["b", "a"]"#]);
    }

    #[test]
    fn what_is_unknown_says_so_where_it_stands_and_secrets_are_never_shown() {
        let mut unknown = change(
            "authorizerConfiguration",
            Value::Null,
            json!({"customJWTAuthorizer": {
            "discoveryUrl": "https://x/.well-known/openid-configuration", "allowedClients": ["${user_pool_client.a.id}"]}}),
        );
        unknown.after_unknown = true;
        assert_eq!(
            shown("gateway", Action::Create, &unknown),
            [
                " authorizer_configuration.custom_jwt_authorizer.discovery_url = \"https://x/.well-known/openid-configuration\"",
                " authorizer_configuration.custom_jwt_authorizer.allowed_clients = [\"${user_pool_client.a.id}\"](known after apply)",
            ]
        );
        let mut secret = change("ClientSecret", json!("never"), json!("shown"));
        secret.sensitive = true;
        assert_eq!(shown("user_pool_client", Action::Update, &secret), [" client_secret (sensitive)"]);
    }

    #[test]
    fn long_text_is_a_small_difference_of_lines() {
        let policy = |action: &str| {
            json!(format!("permit(\n  principal,\n  {action},\n  resource\n)\nwhen {{\n  a &&\n  b\n}};\n"))
        };
        let lines = shown("policy", Action::Update, &change("definition.cedar.statement", policy("x"), policy("y")));
        assert_eq!(
            lines,
            [
                " definition.cedar.statement",
                "   permit(",
                "     principal,",
                "-    x,",
                "+    y,",
                "     resource",
                "   )",
            ]
        );
    }

    #[test]
    fn what_comes_or_goes_in_an_update_is_marked() {
        assert_eq!(
            shown("gateway", Action::Update, &change("description", Value::Null, json!("x"))),
            ["+description = \"x\""]
        );
        assert_eq!(
            shown("gateway", Action::Update, &change("description", json!("x"), Value::Null)),
            ["-description = \"x\""]
        );
        let mut name = change("name", json!("a"), json!("b"));
        name.forces_replacement = true;
        assert_eq!(shown("gateway", Action::Replace, &name), [" name = \"a\" → \"b\"# forces replacement"]);
    }
}
