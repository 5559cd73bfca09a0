//! Changes of access in sentences: who can call what from now on, and how that was found out.

use crate::access::in_words;
use crate::plan::{AccessChange, AccessEffect};

/// A change, or several of one caller that are told at once.
pub(super) struct Told {
    /// What becomes of the access.
    pub(super) effect: AccessEffect,
    /// Who can call what: `widened: standard can now call records/delete_record`.
    pub(super) sentence: String,
    /// How it was found: `never → always, tested on 12 tokens`.
    pub(super) found: String,
    /// A token and an input.
    pub(super) witness: Option<String>,
}

/// The changes, the weightiest first. What a new gateway opens, and what stays as it was, is told in one line each.
pub(super) fn told(changes: &[AccessChange]) -> Vec<Told> {
    use AccessEffect::{Both, Equivalent, Narrowed, New, Unknown, Widened};
    let mut lines = Vec::new();
    for effect in [Widened, Both, Unknown, Narrowed, Equivalent, New] {
        let mut of_effect: Vec<&AccessChange> = changes.iter().filter(|change| change.effect == effect).collect();
        while let Some(first) = of_effect.first().copied() {
            let together = |change: &&AccessChange| match effect {
                New | Equivalent | Unknown => {
                    (&change.gateway, &change.principal, &change.after, &change.how, change.tokens)
                        == (&first.gateway, &first.principal, &first.after, &first.how, first.tokens)
                }
                _ => std::ptr::eq(*change, first),
            };
            let (now, rest) = of_effect.into_iter().partition(together);
            of_effect = rest;
            lines.push(line(effect, first, &now));
        }
    }
    lines
}

fn line(effect: AccessEffect, first: &AccessChange, together: &[&AccessChange]) -> Told {
    let who = &first.principal;
    let tools = together.iter().map(|change| in_words(&change.tool)).collect::<Vec<_>>().join(", ");
    let sometimes = if first.after == "sometimes" { "sometimes " } else { "" };
    let sentence = match effect {
        AccessEffect::New => format!("{who} can {sometimes}call {tools}"),
        AccessEffect::Widened if first.before == first.after => format!("{who} can now call {tools} with more inputs"),
        AccessEffect::Widened => format!("{who} can now {sometimes}call {tools}"),
        AccessEffect::Narrowed if first.after == "never" => format!("{who} can no longer call {tools}"),
        AccessEffect::Narrowed => format!("{who} can call {tools} with fewer inputs"),
        AccessEffect::Both => format!("{who} can call {tools} with other inputs"),
        AccessEffect::Equivalent => format!("{who} can call {tools} as before"),
        AccessEffect::Unknown => format!("nobody can tell who can call {tools}"),
    };
    let how = how(&first.how, first.tokens);
    let found = match effect {
        AccessEffect::Widened | AccessEffect::Narrowed | AccessEffect::Both => {
            let depends = first.depends_on.as_ref().map(|on| format!(", depends on {on}")).unwrap_or_default();
            format!("{} → {}, {how}{depends}", first.before, first.after)
        }
        AccessEffect::New | AccessEffect::Equivalent => how,
        AccessEffect::Unknown => "some of its policies are not known".to_owned(),
    };
    Told { effect, sentence: format!("{}: {sentence}", effect.word()), found, witness: first.witness.clone() }
}

/// How something was found: `tested on 12 tokens`.
pub(super) fn how(how: &str, tokens: Option<usize>) -> String {
    match tokens {
        Some(1) => format!("{how} on 1 token"),
        Some(tokens) => format!("{how} on {tokens} tokens"),
        None => how.to_owned(),
    }
}
