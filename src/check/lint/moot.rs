//! Policies that change nothing, forbids that leave nothing of a permit, and permits that ask nothing of a caller: what has to be
//! tried, and proved, over all policies of an engine.

use std::collections::{BTreeMap, BTreeSet};

use super::caller::asks_nothing;
use super::input;
use crate::access::moot::{Court, Why};
use crate::access::prove::Solver;
use crate::access::solving::Solving;
use crate::address::Address;
use crate::check::cedar::{Engine, Statement};
use crate::diagnostic::{Diagnostic, Severity};
use crate::manifest::nearest::listed;
use crate::stack::Stack;

/// So many policies are shown beside a finding.
const SHOWN: usize = 4;

pub(super) fn check(stack: &Stack, engines: &[Engine<'_>], solver: Option<&Solver>, found: &mut Vec<Diagnostic>) {
    let mut solving = Solving::with(solver);
    for engine in engines {
        // Of other engines it is not known what else decides, and a refused policy may be the one that counts.
        let is_known = !engine.is_foreign() && engine.clean && !engine.statements.is_empty();
        let court = if is_known { Court::of(stack, &engine.guarded.gateways) } else { None };
        for statement in engine.statements.iter().filter(|statement| is_looked_at(statement)) {
            input::can_error(statement, court.as_ref(), &mut solving, found);
        }
        if let Some(court) = court {
            bare(engine, &court, found);
            moot(engine, &court, &mut solving, found);
        }
    }
    if let Some(trouble) = solving.trouble() {
        found.push(
            Diagnostic::note(
                "lint::unproved",
                format!("whether every policy changes something was not found out: the solver failed, {trouble}"),
            )
            .help("`CVC5`, or else `cvc5` on the PATH, is the program that was asked"),
        );
    }
}

fn is_looked_at(statement: &Statement<'_>) -> bool {
    statement.sound && statement.ours && !statement.idle
}

/// The policies that a warning is about already, and the permits that are open to everybody: what they mean is not what is written.
fn aside(engine: &Engine<'_>, found: &[Diagnostic]) -> BTreeSet<Address> {
    let warned =
        found.iter().filter(|found| found.severity != Severity::Note).filter_map(|found| found.address.clone());
    let open = engine.statements.iter().filter(|statement| statement.is_permit() && asks_nothing(statement));
    warned.chain(open.map(|statement| statement.text.address().clone())).collect()
}

fn moot(engine: &Engine<'_>, court: &Court<'_>, solving: &mut Solving<'_>, found: &mut Vec<Diagnostic>) {
    let aside = aside(engine, found);
    let is_known = |statement: &&Statement<'_>| {
        let guarded = &engine.guarded;
        is_looked_at(statement)
            && statement.is_active()
            && !aside.contains(statement.text.address())
            && guarded.decides_all(&statement.policy)
            // Somebody who never comes need not be asked about.
            && (statement.is_permit() || statement.caller_type().is_none_or(|kind| court.has_callers(&kind)))
    };
    let looked_at: Vec<&Address> = engine.statements.iter().filter(is_known).map(|one| one.text.address()).collect();
    let mut shadowed: BTreeMap<Vec<Address>, Vec<Address>> = BTreeMap::new();
    for moot in court.moot(&looked_at, &aside, solving) {
        let Some(statement) = of(engine, &moot.policy) else { continue };
        let text = &statement.text;
        let diagnostic = match moot.why {
            Why::Shadowed(by) => {
                shadowed.entry(by).or_default().push(moot.policy);
                continue;
            }
            Why::Never => text
                .warning("cedar::never-applies", "no call can ever match this policy")
                .at(text.scope(), "")
                .help("its conditions contradict each other, or no gateway that it is about has the tool"),
            Why::Covered(by) => {
                let verb = if by.len() == 1 { "says" } else { "say" };
                let message = format!("{} {verb} this already, so the policy changes nothing", names(&by));
                let diagnostic = text.warning("lint::redundant-policy", message).at(text.scope(), "");
                beside(engine, diagnostic, &by, "says it already")
                    .help("remove it, or give the other one the condition that was meant")
            }
            Why::StopsNothing => text
                .note("lint::idle-forbid", "no permit lets through what this forbid stops, so today it changes nothing")
                .at(text.scope(), "")
                .help("if it is to guard against permits to come, allow the finding and say so"),
        };
        found.push(diagnostic);
    }
    for (by, policies) in shadowed {
        shadow(engine, &by, &policies, found);
    }
}

/// Forbids that leave nothing of permits: said once, of the first forbid.
pub(super) fn shadow(engine: &Engine<'_>, by: &[Address], policies: &[Address], found: &mut Vec<Diagnostic>) {
    let Some(first) = by.first().and_then(|first| of(engine, first)) else { return };
    let forbids = if by.len() == 1 { "this forbid".to_owned() } else { format!("{} together", names(by)) };
    let verb = if by.len() == 1 { "leaves" } else { "leave" };
    let message = format!("{forbids} {verb} nothing of what {} permits", names(policies));
    let message = if policies.len() == 1 { message } else { message.replace(" permits", " permit") };
    let diagnostic = first.text.warning("lint::shadowing-forbid", message).at(first.text.scope(), "");
    found.push(
        beside(engine, diagnostic, policies, "never counts")
            .help("give the forbid the condition that was meant, or remove what it makes void"),
    );
}

/// Permits that ask only for what their callers must not have: whose token says nothing has everything that is asked.
fn bare(engine: &Engine<'_>, court: &Court<'_>, found: &mut Vec<Diagnostic>) {
    let aside = aside(engine, found);
    for statement in engine.statements.iter().filter(|statement| is_looked_at(statement) && statement.is_permit()) {
        let text = &statement.text;
        if !aside.contains(text.address()) && !text.is_granted() && court.lets_anybody_in(text.address()) {
            let message = "a token that says nothing gets through: the permit only asks what its caller is not";
            found.push(
                text.warning("lint::open-permit", message)
                    .at(text.scope(), "asks for nothing that a caller has")
                    .help("write `when` for what the caller must have; `unless` and `!` only take callers out"),
            );
        }
    }
}

fn of<'s, 'a>(engine: &'s Engine<'a>, policy: &Address) -> Option<&'s Statement<'a>> {
    engine.statements.iter().find(|statement| statement.text.address() == policy)
}

fn names(policies: &[Address]) -> String {
    let names: Vec<String> = policies.iter().map(ToString::to_string).collect();
    listed(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Shows other policies beside a finding.
fn beside(engine: &Engine<'_>, diagnostic: Diagnostic, policies: &[Address], label: &'static str) -> Diagnostic {
    let others = policies.iter().take(SHOWN).filter_map(|policy| of(engine, policy));
    others.fold(diagnostic, |diagnostic, other| diagnostic.with(other.text.scope(), label))
}
