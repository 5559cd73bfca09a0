//! What is proved of two states of a stack: for every token, and whatever a session or a guardrail says. Without an account.

use std::fmt::Write as _;

use gatewright::access::Access;
use gatewright::access::change::{Change, Comparison, Effect, How, compare};
use gatewright::access::prove::Solver;
use gatewright::stack::Stack;

use crate::access_causes::solvers;
use crate::running::{ENGINE, JWT, READ, WRITE, manifest};
use crate::world::World;

fn stack(policies: &[&str]) -> Stack {
    let mut text = String::new();
    for (number, policy) in policies.iter().enumerate() {
        let policy = policy.replace("TO_GET", "action == AgentCore::Action::\"t___get\", resource == GATEWAY");
        let policy = policy.replace("TO_ALL", "action in AgentCore::Action::\"t\", resource == GATEWAY");
        let policy = policy.replace("GATEWAY", "AgentCore::Gateway::\"${gateway.g.arn}\"");
        _ = writeln!(text, "[policy.p{number}]\npolicy_engine = \"e\"\ndefinition.cedar.statement = '''{policy}'''");
    }
    World::new().stack(&manifest(&format!("{JWT}{ENGINE}"), &text))
}

pub(crate) fn compared(before: &[&str], after: &[&str], solver: Option<&Solver>) -> Comparison {
    let (before, after) = (stack(before), stack(after));
    compare(&Access::of(&before), &Access::of(&after), solver)
}

/// What is said of `t/get`.
pub(crate) fn of_get(comparison: &Comparison) -> Vec<(Effect, How, bool)> {
    let about = comparison.changes.iter().filter(|change| change.tool == "t/get");
    about.map(|change| (change.effect, change.how, change.depends)).collect()
}

pub(crate) fn cleared(comparison: &Comparison) -> Vec<String> {
    comparison.cleared.iter().map(ToString::to_string).collect()
}

fn with_solver(test: impl Fn(&Solver)) {
    solvers().iter().flatten().for_each(test);
}

const SESSION: &str = "when temporal { formerly within 1h (request::approve) }";
const OTHER_SESSION: &str = "when temporal { formerly within 2h (request::approve) }";
const GUARD: &str = "unless guardrails { BedrockGuardrails::Topics([\"money\"], [context.input.id]) }";

pub(crate) fn permit(condition: &str, extension: &str) -> String {
    format!("permit(principal is AgentCore::OAuthUser, TO_GET) when {{ {condition} }} {extension};")
}

#[test]
fn the_same_session_on_both_sides_is_one_unknown() {
    let one = permit(READ, SESSION);
    let other = permit(&format!("({READ}) && !(!({READ}))"), &SESSION.replace("{ f", "{\n  f"));
    with_solver(|solver| {
        let comparison = compared(&[&one], &[&other], Some(solver));
        assert_eq!(of_get(&comparison), [(Effect::Equivalent, How::Proved, false)], "{:#?}", comparison.changes);
        assert_eq!(cleared(&comparison), ["policy.p0"]);
    });
    // Other layout is no change at all.
    for solver in solvers() {
        let laid_out = one.replace("temporal {", "temporal // often\n {");
        assert!(compared(&[&one], &[&laid_out], solver.as_ref()).changes.is_empty());
    }
}

#[test]
fn other_sessions_are_other_unknowns_and_never_safe() {
    let (one, other) = (permit(READ, SESSION), permit(READ, OTHER_SESSION));
    for solver in solvers() {
        let comparison = compared(&[&one], &[&other], solver.as_ref());
        assert!(of_get(&comparison).iter().all(|(effect, _, depends)| *effect == Effect::Both && *depends));
        assert!(!of_get(&comparison).is_empty());
        assert!(cleared(&comparison).is_empty(), "{:?}", comparison.cleared);
    }
}

/// No policy can speak of what stands for its sessions.
#[test]
fn with_a_solver_no_policy_asks_for_what_a_proof_adds() {
    let claims: Vec<String> =
        (0..9).map(|at| format!("principal.hasTag(\"c{at}\") && principal.getTag(\"c{at}\") == \"v{at}\"")).collect();
    let one = permit(&format!("context has \"what is left out of Cedar\" && {}", claims.join(" && ")), "");
    let other = permit(&claims.join(" && "), "");
    with_solver(|solver| {
        let comparison = compared(&[&one], &[&other], Some(solver));
        assert!(cleared(&comparison).is_empty(), "{:#?}", comparison.changes);
    });
}

#[test]
fn a_permit_that_gains_a_session_narrows_and_one_that_loses_it_widens() {
    let (plain, bound) = (permit(READ, ""), permit(READ, SESSION));
    for solver in solvers() {
        let how = |change: &(Effect, How, bool)| solver.is_none() || change.1 == How::Proved;
        let narrowed = compared(&[&plain], &[&bound], solver.as_ref());
        let found = of_get(&narrowed);
        assert!(
            !found.is_empty() && found.iter().all(|one| one.0 == Effect::Narrowed && one.2 && how(one)),
            "{found:?}"
        );
        assert_eq!(cleared(&narrowed).is_empty(), solver.is_none());
        let widened = compared(&[&bound], &[&plain], solver.as_ref());
        let found = of_get(&widened);
        assert!(
            !found.is_empty() && found.iter().all(|one| one.0 == Effect::Widened && one.2 && how(one)),
            "{found:?}"
        );
        assert!(cleared(&widened).is_empty());
        assert!(widened.changes.iter().any(|change| change.witness.is_some()), "{:#?}", widened.changes);
    }
}

#[test]
fn what_differs_in_every_session_depends_on_none() {
    let before = permit(READ, "");
    let more = permit(WRITE, "");
    for solver in solvers() {
        // A permit with a session stands beside, and has nothing to do with it.
        let other = permit("principal.hasTag(\"x\")", SESSION);
        let comparison = compared(&[&before, &other], &[&before, &more, &other], solver.as_ref());
        let found = of_get(&comparison);
        assert!(found.iter().all(|one| one.0 == Effect::Widened && !one.2), "{:#?}", comparison.changes);
        assert!(!found.is_empty());
    }
}

#[test]
fn a_forbid_with_a_guardrail_may_stop_what_it_stops_and_no_more() {
    let permit = permit(READ, "");
    let forbid = format!("forbid(principal, TO_GET) {GUARD};");
    for solver in solvers() {
        let added = compared(&[&permit], &[&permit, &forbid], solver.as_ref());
        assert!(of_get(&added).iter().all(|one| one.0 == Effect::Narrowed && one.2), "{:#?}", added.changes);
        let removed = compared(&[&permit, &forbid], &[&permit], solver.as_ref());
        assert!(of_get(&removed).iter().all(|one| one.0 == Effect::Widened && one.2), "{:#?}", removed.changes);
        assert!(!of_get(&added).is_empty() && !of_get(&removed).is_empty());
        // It stands where it stood: what the permit gives more is stopped in the same sessions.
        let wider =
            compared(&[&permit, &forbid], &[&permit, &forbid, &forbid.replace("TO_GET", "TO_ALL")], solver.as_ref());
        assert!(of_get(&wider).iter().all(|one| one.0 == Effect::Equivalent), "{:#?}", wider.changes);
    }
}

#[test]
fn an_effect_on_outputs_decides_no_call() {
    let permit = permit(READ, "");
    let suppress =
        "suppressOutput(principal, TO_GET) when guardrails { BedrockGuardrails::Pii([\"EMAIL\"], [context.output]) };";
    for solver in solvers() {
        assert!(compared(&[&permit], &[&permit, suppress], solver.as_ref()).changes.is_empty());
    }
}

#[test]
fn what_nobody_can_read_may_be_about_everything() {
    let permit = permit(READ, "");
    let other = "permit(principal of the moon, TO_GET) when { such };";
    for solver in solvers() {
        let comparison = compared(&[&permit], &[&permit, other], solver.as_ref());
        assert!(cleared(&comparison).iter().all(|policy| policy != "policy.p1"));
        let widened = |change: &&Change| change.effect == Effect::Widened && change.depends;
        let tools: Vec<&str> = comparison.changes.iter().filter(widened).map(|change| change.tool.as_str()).collect();
        for tool in ["t/get", "t/put", "t/**", "**"] {
            assert!(tools.contains(&tool), "{tool}: {tools:?}");
        }
    }
}

/// A limit on what every tool of a target takes.
fn limited(condition: &str) -> String {
    format!(
        "permit(principal is AgentCore::OAuthUser, TO_ALL) when {{ {READ} && context.input has id && {condition} }};"
    )
}

#[test]
fn tools_to_come_have_what_policies_speak_of() {
    let one = limited("context.input.id == \"a\"");
    with_solver(|solver| {
        let other = limited("!(context.input.id != \"a\")");
        let comparison = compared(&[&one], &[&other], Some(solver));
        assert!(
            comparison.changes.iter().all(|change| (change.effect, change.how) == (Effect::Equivalent, How::Proved))
        );
        assert!(comparison.changes.iter().any(|change| change.tool == "t/**"));
        assert_eq!(cleared(&comparison), ["policy.p0"]);
    });
    for solver in solvers() {
        let other = limited("(context.input.id == \"a\" || context.input.id == \"b\")");
        let comparison = compared(&[&one], &[&other], solver.as_ref());
        let to_come = comparison.changes.iter().find(|change| change.tool == "t/**").unwrap();
        assert_eq!((to_come.effect, to_come.how == How::Proved), (Effect::Widened, solver.is_some()));
        assert!(cleared(&comparison).is_empty());
    }
}

#[test]
fn a_member_whose_type_nobody_knows_leaves_tools_to_come_open() {
    with_solver(|solver| {
        let one = limited("!(context.input has nobody_has_this)");
        let other = limited("!(!(!(context.input has nobody_has_this)))");
        let comparison = compared(&[&one], &[&other], Some(solver));
        assert_eq!(of_get(&comparison), [(Effect::Equivalent, How::Proved, false)]);
        let to_come = comparison.changes.iter().find(|change| change.tool == "t/**").unwrap();
        assert_ne!(to_come.how, How::Proved);
        assert!(cleared(&comparison).is_empty(), "a future tool may have the member");
    });
}

#[test]
fn what_a_policy_names_beyond_known_tools_is_not_cleared() {
    let one = |condition: &str| {
        permit(condition, "").replace("action == AgentCore::Action::\"t___get\"", "TO_SOME").replace(
            "TO_GET",
            "action in [AgentCore::Action::\"t___get\", AgentCore::Action::\"elsewhere___tool\"], resource == GATEWAY",
        )
    };
    let (before, after) = (one(READ), one(&format!("({READ}) && {READ}")));
    // Such a manifest does not load: it is what an account may hold.
    with_solver(|solver| {
        let (mut old, mut new) = (stack(&[&permit(READ, "")]), stack(&[&permit(READ, "")]));
        for (stack, text) in [(&mut old, &before), (&mut new, &after)] {
            let policy = stack.resources.iter_mut().find(|resource| resource.address.kind == "policy").unwrap();
            let mark = policy.document["definition"]["cedar"]["statement"].as_str().unwrap().to_owned();
            let arn = mark.split("Gateway::").nth(1).unwrap().split(')').next().unwrap().to_owned();
            policy.document["definition"]["cedar"]["statement"] =
                text.replace("GATEWAY", &format!("AgentCore::Gateway::{arn}")).into();
        }
        let comparison = compare(&Access::of(&old), &Access::of(&new), Some(solver));
        assert_eq!(of_get(&comparison), [(Effect::Equivalent, How::Proved, false)]);
        assert!(cleared(&comparison).is_empty());
    });
}

#[test]
fn a_condition_that_can_never_hold_lets_nobody_in() {
    let before = permit(READ, "");
    let never = permit("context.input.id == \"a\" && context.input.id == \"b\"", "");
    with_solver(|solver| {
        let comparison = compared(&[&before], &[&before, &never], Some(solver));
        assert_eq!(of_get(&comparison), [(Effect::Equivalent, How::Proved, false)], "{:#?}", comparison.changes);
        assert_eq!(comparison.trouble, None, "the solver is right");
    });
}
