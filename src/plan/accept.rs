//! Decisions: the `[[accept]]` entries of a manifest, held against the risks of a plan.

use super::items::Items;
use super::make::Towards;
use super::scope::{Asked, Scope};
use super::{Action, Decision, PlanDiagnostic, Risk};
use crate::access::{Access, Cell};
use crate::check::deep::deep;
use crate::check::of_kind;
use crate::kind::GATEWAY_TARGET;
use crate::stack::{Accept, Stack};

/// Marks the risks that were decided on, and says which decisions hold no more or were not needed.
pub(super) fn decide(
    stack: &Stack,
    asked: &Asked,
    towards: Towards,
    risks: &mut [Risk],
    items: &Items,
) -> Vec<PlanDiagnostic> {
    let mut found = Vec::new();
    for accept in &stack.accepts {
        let expired = accept.until < asked.today;
        let mut used = false;
        for risk in risks.iter_mut().filter(|risk| is_about(stack, accept, risk)) {
            used = true;
            if expired {
                let held_until = format!("it held until {} ({})", accept.until, accept.reason);
                found.push(PlanDiagnostic {
                    code: "plan::accept-expired".into(),
                    address: (!risk.address.is_empty()).then(|| risk.address.clone()),
                    message: format!("{} is over: {held_until}", what(accept)),
                    help: Some("decide again and give it a new `until`, or take the change back".into()),
                });
            } else {
                risk.accepted = true;
                risk.decision = Some(Decision { reason: accept.reason.clone(), until: accept.until.to_string() });
            }
        }
        // A part of a plan or a destroy need not have the risk.
        if !used && towards == Towards::Manifest && asked.scope == Scope::All {
            found.push(match (&accept.persona, &accept.tool) {
                (Some(persona), Some(tool)) => unused_by(stack, accept, (persona, tool), risks),
                _ => unused(accept, risks, items),
            });
        }
    }
    found
}

fn is_about(stack: &Stack, accept: &Accept, risk: &Risk) -> bool {
    if accept.risk != risk.code {
        return false;
    }
    if accept.persona.is_some() {
        let tool = accept.tool.as_deref().map(|tool| live_tool(stack, tool));
        return accept.persona == risk.persona && tool == risk.tool;
    }
    // Who takes what a resource opens takes it for everybody who gains by it.
    let address = accept.address.as_ref().map(ToString::to_string).unwrap_or_default();
    address == risk.address
}

/// A tool by its live name, `target/tool`. The target is given by its live name or by its name in the manifest; where both are names
/// of targets, the live name counts.
fn live_tool(stack: &Stack, tool: &str) -> String {
    let targets = || of_kind(stack, &GATEWAY_TARGET);
    let renamed = tool.split_once('/').and_then(|(target, tool)| {
        if targets().any(|known| known.live_name() == Some(target)) {
            return None;
        }
        let live = targets().find(|known| known.address.name == target)?.live_name()?;
        Some(format!("{live}/{tool}"))
    });
    renamed.unwrap_or_else(|| tool.to_owned())
}

fn what(accept: &Accept) -> String {
    let about = match (&accept.address, &accept.persona, &accept.tool) {
        (Some(address), ..) => format!(" of `{address}`"),
        (None, Some(persona), Some(tool)) => format!(" of `{persona}` and `{tool}`"),
        _ => String::new(),
    };
    format!("the decision to take `{}`{about}", accept.risk)
}

/// Of a decision about a persona that this plan does not need: its work is done where the persona can call the tool.
fn unused_by(stack: &Stack, accept: &Accept, (persona, tool): (&str, &str), risks: &[Risk]) -> PlanDiagnostic {
    let may_call = || {
        let access = Access::of(stack);
        access.gateways.iter().any(|gateway| {
            let callers = access.callers_of(gateway);
            callers.iter().filter(|caller| caller.name == persona).any(|caller| {
                let visitor = gateway.visitor(caller);
                let mut tools = gateway.tools.iter().filter(|known| known.is_named(tool));
                tools.any(|tool| gateway.verdict(&visitor, tool).cell != Cell::Never)
            })
        })
    };
    let can_call = deep(may_call).unwrap_or(false);
    let gain =
        risks.iter().filter(|risk| !risk.accepted).find_map(|risk| risk.persona.as_ref().zip(risk.tool.as_ref()));
    let (code, message, help) = match gain {
        None if can_call => {
            let message = format!("{} has done its work: nothing is left of it to accept", what(accept));
            ("plan::accept-done", message, "take the entry out".to_owned())
        }
        None => {
            let help = "name a persona and a tool that the plan shows as widened, or take the entry out".to_owned();
            ("plan::accept-unused", format!("{} accepts nothing: nobody gains it", what(accept)), help)
        }
        Some((persona, tool)) => {
            let help = format!("the plan has `persona = \"{persona}\"`, `tool = \"{tool}\"`");
            ("plan::accept-unused", format!("{} accepts nothing", what(accept)), help)
        }
    };
    PlanDiagnostic { code: code.into(), address: None, message, help: Some(help) }
}

fn unused(accept: &Accept, risks: &[Risk], items: &Items) -> PlanDiagnostic {
    let address = accept.address.as_ref();
    let item = address.and_then(|address| items.at(address));
    let elsewhere = risks.iter().find(|risk| risk.code == accept.risk && !risk.accepted && !risk.address.is_empty());
    let pending = item.is_some_and(|item| item.action != Action::NoOp || item.blocked.is_some());
    let (code, message, help) = if let Some(risk) = elsewhere.filter(|_| address.is_some()) {
        let help = format!("the plan has this risk at `{}`", risk.address);
        ("plan::accept-unused", format!("{} accepts nothing", what(accept)), help)
    } else if pending {
        let help = "correct `risk` and `address` as the plan shows them, or take the entry out".to_owned();
        ("plan::accept-unused", format!("{} accepts nothing: the plan does not have it", what(accept)), help)
    } else {
        let message = format!("{} has done its work: nothing is left of it to accept", what(accept));
        ("plan::accept-done", message, "take the entry out".to_owned())
    };
    PlanDiagnostic { code: code.into(), address: address.map(ToString::to_string), message, help: Some(help) }
}
