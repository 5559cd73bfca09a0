//! What `check` finds about access: personas that nobody can be, and expectations that do not hold.

use super::Access;
use super::authorizer::Admission;
use super::caller::{Caller, Identity};
use super::expect::{self, Holding};
use super::prove::Solver;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Label};
use crate::persona::{Persona, Who};
use crate::stack::Stack;

/// Everything found about the access that a stack gives, and what came of its expectations. A solver proves what is said of every
/// token.
pub(crate) fn check(stack: &Stack, solver: Option<&Solver>) -> (Vec<Diagnostic>, Holding) {
    if stack.personas.is_empty() && stack.expectations.is_empty() {
        return Default::default();
    }
    let access = Access::of(stack);
    let refused = stack.personas.iter().filter_map(|persona| refused(persona, &access));
    let (mut found, mut refused): (Vec<_>, Vec<_>) = refused.partition(|problem| problem.code == "access::claim-name");
    // An expectation about a persona that makes no sense would say the same again.
    if !found.is_empty() {
        return (found, Holding::default());
    }
    let holding = expect::hold(stack, solver);
    if let Some(trouble) = &holding.trouble {
        let message = format!("the solver failed, and what it leaves open was tested only: {trouble}");
        let help = "look at what `CVC5` names, or at `cvc5` on the `PATH`";
        found.push(Diagnostic::warning("access::solver", message).help(help));
    }
    for outcome in &holding.outcomes {
        for broken in outcome.failures.iter().cloned() {
            let code = if broken.unknown { "access::unknown-name" } else { expect::CODE };
            let mut problem = Diagnostic::error(code, broken.message).at(broken.span, "");
            for policy in broken.policies.iter().filter_map(|policy| stack.resource(policy)).take(4) {
                problem = problem.with(policy.span_of("definition").clone(), "by this policy");
            }
            // Whom no gateway lets in reaches nothing: that is why.
            let is_about = |refused: &&Diagnostic| {
                let persona = refused.address.as_ref().map(|address| address.name.as_str()).unwrap_or_default();
                problem.message.strip_prefix(persona).is_some_and(|rest| rest.starts_with(' '))
            };
            let why = refused.iter().find(is_about).map(|refused| refused.message.clone());
            let others =
                |refused: &Diagnostic| reason(&refused.message) != why.as_deref().map(reason).unwrap_or_default();
            refused.retain(others);
            problem.help = broken.help.or(why).or_else(|| {
                (!broken.unknown).then(|| {
                    "`gatewright access --why PERSONA TOOL` says why; change the policy or the expectation".to_owned()
                })
            });
            found.push(problem);
        }
    }
    // One authorizer that keeps several personas out is one mistake.
    for problem in refused {
        let why = reason(&problem.message).to_owned();
        match found.iter_mut().find(|known| known.code == problem.code && reason(&known.message) == why) {
            Some(known) => {
                let too = |label: Label| Label { text: "and this one".to_owned(), ..label };
                known.secondary.extend(problem.primary.map(too));
            }
            None => found.push(problem),
        }
    }
    (found, holding)
}

/// Why no gateway lets a persona in.
fn reason(message: &str) -> &str {
    message.split_once(" in: ").map_or(message, |(_, reason)| reason)
}

/// Makes one finding of an expectation that does not hold and of what was found in the policy that breaks it.
pub(crate) fn join(found: &mut Vec<Diagnostic>) {
    let decided: Vec<_> = found
        .iter()
        .filter(|problem| problem.code == expect::CODE)
        .flat_map(|problem| &problem.secondary)
        .cloned()
        .collect();
    let is_cause = |cause: &Diagnostic, label: &Label| {
        let place = cause.primary.as_ref().map(|primary| &primary.span);
        cause.code == "lint::substring-claim"
            && place.is_some_and(|place| place.file == label.span.file && label.span.range.contains(&place.range.start))
    };
    let (causes, mut rest): (Vec<Diagnostic>, Vec<Diagnostic>) =
        std::mem::take(found).into_iter().partition(|cause| decided.iter().any(|label| is_cause(cause, label)));
    for problem in rest.iter_mut().filter(|problem| problem.code == expect::CODE) {
        let cause = causes.iter().find(|cause| problem.secondary.iter().any(|label| is_cause(cause, label)));
        let Some(cause) = cause else { continue };
        let help = cause.help.as_deref().unwrap_or_default();
        problem.help = Some(format!("{}: {help}", cause.message));
        problem.secondary.extend(cause.primary.clone());
    }
    *found = rest;
}

/// A persona that no gateway lets in.
fn refused(persona: &Persona, access: &Access<'_>) -> Option<Diagnostic> {
    let address = Address::new("persona", persona.name.as_str());
    let is_it = |caller: &&Caller| {
        caller.name == persona.name && matches!(caller.identity, Identity::Persona(_) | Identity::Role(_))
    };
    let caller = access.callers.iter().find(is_it)?;
    let mut reasons = Vec::new();
    for gateway in access.gateways.iter().filter(|gateway| gateway.asks(caller)) {
        match gateway.visitor(caller).admission {
            Admission::Admitted { .. } => return None,
            Admission::Refused(reason) => reasons.push((gateway, reason)),
        }
    }
    let (gateway, reason) = reasons.first()?;
    let unnamed = matches!(&persona.who, Who::Token(token) if super::caller::token_of(token, &gateway.names, gateway.stack()).is_err());
    let problem = if unnamed {
        let help = "say it on the `jwt_authorizer`, for example `scope_claim = { name = \"scp\", list = true }`";
        Diagnostic::error("access::claim-name", reason.clone()).help(help)
    } else {
        let message = format!("no gateway lets `{address}` in: {reason}");
        Diagnostic::warning("access::persona-refused", message).help("change what it states, or the authorizer")
    };
    let place = if unnamed {
        ["scopes", "groups", "client"]
            .into_iter()
            .find(|key| reason.contains(key.trim_end_matches('s')))
            .unwrap_or_default()
    } else {
        ""
    };
    Some(
        problem
            .at(persona.span_of(place).clone(), "")
            .with(gateway.resource.span.clone(), "this gateway")
            .about(&address),
    )
}
