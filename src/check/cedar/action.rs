//! Actions: every action a policy names is a tool, a group, or a request of an HTTP target.

use std::collections::HashSet;

use cedar_policy::Policy;
use model::Tools;

use super::place::Text;
use super::tools::{Guarded, SEPARATOR};
use crate::diagnostic::Diagnostic;
use crate::manifest::nearest::{listed, nearest};
use crate::reference::is_unknown;

/// What an action's id stands for.
enum Meaning<'a> {
    /// A tool or a group whose types are known.
    Typed,
    /// It may exist; nobody knows its type offline.
    Untyped,
    /// A tool of this target, which does not say which tools it has.
    Unlisted(&'a crate::address::Address),
    /// Nothing that is declared.
    Nothing,
}

/// The actions that the policy names and nobody knows the types of; nothing if one of its actions does not exist.
pub(super) fn check(
    text: &Text<'_>,
    policy: &Policy,
    guarded: &Guarded<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<String>> {
    if guarded.gateways.is_empty() {
        return None;
    }
    let mut untyped = Vec::new();
    let mut exist = true;
    let mut seen = HashSet::new();
    // In the order of the text, not in that of a set.
    let mut literals = policy.entity_literals();
    literals.sort_by_cached_key(|literal| text.statement().find(&format!("\"{}\"", literal.id().unescaped())));
    for literal in literals {
        let id = literal.id().unescaped();
        if literal.type_name().to_string() != "AgentCore::Action" || !seen.insert(id.to_owned()) {
            continue;
        }
        match meaning(id, guarded) {
            Meaning::Typed => continue,
            Meaning::Untyped => {}
            Meaning::Unlisted(target) => found.push(
                text.note("cedar::unchecked-tool", format!("the tools of `{target}` are not known offline"))
                    .at(text.span_of(&format!("\"{id}\"")), "not checked")
                    .help(format!(
                        "to have it checked, give `{target}` what it lists: `known_tools = {{ file = \"….json\" }}`"
                    )),
            ),
            Meaning::Nothing => {
                exist = false;
                let unknown = unknown(text, id, guarded);
                // A target under another name is one mistake, however many of its tools policies name.
                if !found.iter().any(|known| known.code == unknown.code && known.message == unknown.message) {
                    found.push(unknown);
                }
            }
        }
        untyped.push(id.to_owned());
    }
    exist.then_some(untyped)
}

fn meaning<'a>(id: &str, guarded: &Guarded<'a>) -> Meaning<'a> {
    if is_unknown(id) || guarded.ambiguous.contains(id) {
        return Meaning::Untyped;
    }
    let Some((target, tool)) = id.split_once(SEPARATOR) else {
        let group = matches!(id, "CallTool" | "Mcp") || guarded.targets.iter().any(|target| target.name == id);
        return if group {
            Meaning::Typed
        } else if guarded.named {
            Meaning::Nothing
        } else {
            Meaning::Untyped
        };
    };
    if guarded.typed.contains_key(id) {
        return Meaning::Typed;
    }
    let mut targets = guarded.targets.iter().filter(|known| known.name == target).peekable();
    if targets.peek().is_none() {
        return if guarded.named { Meaning::Nothing } else { Meaning::Untyped };
    }
    let mut meaning = Meaning::Nothing;
    for known in targets {
        match &known.tools {
            Tools::Unknown => meaning = Meaning::Unlisted(known.address),
            Tools::Http if is_request(tool) => return Meaning::Untyped,
            Tools::Known(_) | Tools::Http => {}
        }
    }
    meaning
}

/// `POST:/invocations`: a method and a path.
fn is_request(tool: &str) -> bool {
    tool.split_once(':').is_some_and(|(method, path)| {
        !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) && path.starts_with('/')
    })
}

fn unknown(text: &Text<'_>, id: &str, guarded: &Guarded<'_>) -> Diagnostic {
    let actions = guarded.actions();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let place = text.span_of(&format!("\"{id}\""));
    let target = id.split_once(SEPARATOR).map(|(target, _)| target);
    if let Some(target) = target.filter(|target| guarded.targets.iter().all(|known| known.name != *target))
        && !guarded.targets.is_empty()
    {
        let tools: Vec<&str> = actions.iter().copied().filter(|action| action.contains(SEPARATOR)).collect();
        let tool = id.get(target.len()..).unwrap_or_default();
        let same = tools.iter().find(|action| action.ends_with(tool)).copied();
        let help = match same.or_else(|| nearest(id, tools.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None if tools.is_empty() => "no gateway of the policy's engine has tools in this manifest".to_owned(),
            None => format!("there is {}", listed(&tools)),
        };
        let message = format!("no target of the policy's gateways is called `{target}`");
        return text.error("cedar::unknown-action", message).at(place, "").help(with_odd_letter(help, id));
    }
    let with_three = id.replacen("__", SEPARATOR, 1);
    let help = if !id.contains(SEPARATOR) && actions.contains(&with_three.as_str()) {
        format!("three underscores stand between target and tool: `{with_three}`")
    } else if let Some(near) = nearest(id, actions.iter().copied()) {
        format!("did you mean `{near}`?")
    } else {
        let tools: Vec<&str> = actions.into_iter().filter(|action| action.contains(SEPARATOR)).collect();
        if tools.is_empty() {
            "no gateway of the policy's engine has a target with tools in this manifest".to_owned()
        } else {
            format!("there is {}", listed(&tools))
        }
    };
    text.error("cedar::unknown-action", format!("there is no tool or group `{id}`"))
        .at(place, "")
        .help(with_odd_letter(help, id))
}

/// What looks the same need not be the same: the first letter beyond ASCII is told by its number.
fn with_odd_letter(help: String, id: &str) -> String {
    match id.chars().find(|letter| !letter.is_ascii()) {
        Some(letter) => format!("{help} The `{letter}` is U+{:04X}", u32::from(letter)),
        None => help,
    }
}
