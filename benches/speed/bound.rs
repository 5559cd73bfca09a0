//! The bound: how soon an apply could be over if nothing but AWS's rates, its latency and what waits for what stood in the way.
//!
//! It is computed from the manifest alone. Every resource takes the calls that a tool with the promises of this one cannot do
//! without: one that names children on their parent before the first of them is made, its creation, the calls that complete
//! it, and two looks at it where it is asynchronous (ready twice in a row); a gateway besides a look, the update that opens it,
//! two looks again, the tag that says what was applied, and then the one that says unfinished taken off. They run one after the other; a resource begins when what it needs is
//! done, and policies of one engine come one after the other. Two things bound the whole from below: the longest chain at full
//! speed, and for every family of operations with a rate the time its calls take at that rate, with what comes before the first
//! and after the last of them.

use std::collections::BTreeMap;
use std::time::Duration;

use gatewright::address::Address;
use gatewright::graph;
use gatewright::kind::Service;
use gatewright::stack::{Resource, Stack};
use model::rate;

/// What stands between us and the service.
pub(crate) struct Distance {
    /// How long an answer takes.
    pub(crate) latency: Duration,
    /// How long an object takes to become ready.
    pub(crate) delay: Duration,
}

/// A family of operations: its calls, the soonest that one can begin, and the least that follows one.
struct Load {
    per_second: u32,
    calls: u32,
    soonest: Duration,
    least_after: Duration,
}

/// The bound of the first apply of a stack, and what sets it.
pub(crate) fn bound(stack: &Stack, distance: &Distance) -> (Duration, String) {
    let steps = steps(stack, distance);
    let mut begins: Vec<Duration> = Vec::with_capacity(steps.len());
    for step in &steps {
        let latest = step.needs.iter().filter_map(|need| Some(*begins.get(*need)? + steps.get(*need)?.takes)).max();
        begins.push(latest.unwrap_or_default());
    }
    let mut follows = vec![Duration::ZERO; steps.len()];
    for (index, step) in steps.iter().enumerate().rev() {
        let whole = step.takes + follows.get(index).copied().unwrap_or_default();
        for need in &step.needs {
            if let Some(before) = follows.get_mut(*need) {
                *before = (*before).max(whole);
            }
        }
    }
    let ends = begins.iter().zip(&steps).map(|(begin, step)| *begin + step.takes);
    let mut bound = (ends.max().unwrap_or_default(), "the longest chain".to_owned());
    let mut loads: BTreeMap<String, Load> = BTreeMap::new();
    for ((begin, step), follow) in begins.iter().zip(&steps).zip(&follows) {
        for call in &step.calls {
            let family = if call.cognito { rate::cognito(call.operation) } else { rate::agentcore(call.operation) };
            let Some(family) = family else { continue };
            let mut of = vec![(family.name, family.per_second)];
            if family.per_pool {
                of.push((format!("{} of one pool", call.operation), rate::PER_POOL));
            }
            for (name, per_second) in of {
                let new = Load { per_second, calls: 0, soonest: Duration::MAX, least_after: Duration::MAX };
                let load = loads.entry(name).or_insert(new);
                load.calls += 1;
                load.soonest = load.soonest.min(*begin + call.after);
                load.least_after = load.least_after.min(step.takes.saturating_sub(call.after) + *follow);
            }
        }
    }
    for (name, load) in loads {
        let seconds = load.calls.saturating_sub(1) / load.per_second;
        let takes = load.soonest + Duration::from_secs(seconds.into()) + load.least_after;
        if takes > bound.0 {
            bound = (takes, format!("{} calls of {name}, {} a second", load.calls, load.per_second));
        }
    }
    bound
}

/// Calls one after the other about one resource.
struct Step<'a> {
    calls: Vec<Call>,
    takes: Duration,
    needs: Vec<usize>,
    distance: &'a Distance,
}

struct Call {
    operation: &'static str,
    cognito: bool,
    /// How long after the beginning of its step it goes out.
    after: Duration,
}

fn steps<'a>(stack: &Stack, distance: &'a Distance) -> Vec<Step<'a>> {
    let resources: Vec<&Resource> =
        graph::order(stack).into_iter().filter_map(|index| stack.resources.get(index)).collect();
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut made: BTreeMap<&Address, usize> = BTreeMap::new();
    let mut announced: BTreeMap<&Address, usize> = BTreeMap::new();
    let mut latest: BTreeMap<&Address, usize> = BTreeMap::new();
    // A policy waits for the targets of the gateways of its engine, so the policies come last, and then the openings.
    let (policies, others): (Vec<&Resource>, Vec<&Resource>) =
        resources.iter().partition(|resource| resource.kind.name == "policy");
    for resource in others.into_iter().chain(policies) {
        let mut needs: Vec<usize> = resource.needs().iter().filter_map(|need| made.get(need).copied()).collect();
        if resource.kind.name == "policy" {
            let gateways = resources.iter().filter(|gateway| engine(gateway) == resource.parent);
            let targets = gateways
                .flat_map(|gateway| resources.iter().filter(|target| target.parent.as_ref() == Some(&gateway.address)));
            needs.extend(targets.filter_map(|target| made.get(&target.address).copied()));
            needs.extend(resource.parent.as_ref().and_then(|engine| latest.get(engine).copied()));
        }
        if let Some(parent) = &resource.parent {
            let of = resources.iter().find(|of| of.address == *parent).filter(|of| of.kind.arn.is_some());
            if let Some(of) = of.filter(|_| !announced.contains_key(parent)) {
                announced.insert(parent, steps.len());
                let needs = made.get(parent).copied().into_iter().collect();
                steps.push(Step::new(needs, distance).call(of, "TagResource"));
            }
            needs.extend(announced.get(parent));
            if resource.kind.name == "policy" {
                latest.insert(parent, steps.len());
            }
        }
        made.insert(&resource.address, steps.len());
        let mut step = Step::new(needs, distance).call(resource, resource.kind.create.0);
        for companion in resource.kind.companions {
            let input = resource.kind.api().input(companion.set);
            let sets = |member: &String| input.is_some_and(|input| input.member(member).is_some());
            let members = resource.document.as_object().into_iter().flatten().map(|(member, _)| member);
            if members.filter(|member| **member != resource.kind.request_id).any(sets) {
                step = step.call(resource, companion.set);
            }
        }
        steps.push(step.looks(resource));
    }
    for gateway in resources.iter().filter(|resource| resource.kind.name == "gateway") {
        let after = resources.iter().filter(|other| {
            let target = other.parent.as_ref() == Some(&gateway.address);
            target || (other.kind.name == "policy" && other.parent.is_some() && other.parent == engine(gateway))
        });
        let mut needs: Vec<usize> = after.filter_map(|other| made.get(&other.address).copied()).collect();
        needs.extend(made.get(&gateway.address));
        let step = Step::new(needs, distance).call(gateway, gateway.kind.read.0).call(gateway, "UpdateGateway");
        steps.push(step.looks(gateway).call(gateway, "TagResource").call(gateway, "UntagResource"));
    }
    steps
}

/// The engine that a gateway of the manifest is attached to.
fn engine(gateway: &Resource) -> Option<Address> {
    (gateway.kind.name == "gateway").then(|| gateway.needs().into_iter().find(|need| need.kind == "policy_engine"))?
}

impl<'a> Step<'a> {
    fn new(needs: Vec<usize>, distance: &'a Distance) -> Self {
        Self { calls: Vec::new(), takes: Duration::ZERO, needs, distance }
    }

    /// One more call, after those before.
    fn call(mut self, resource: &Resource, operation: &'static str) -> Self {
        let cognito = resource.kind.service == Service::Cognito;
        self.calls.push(Call { operation, cognito, after: self.takes });
        self.takes += self.distance.latency;
        self
    }

    /// Ready twice in a row. A look finds it ready when its delay is over.
    fn looks(mut self, resource: &Resource) -> Self {
        if resource.kind.lifecycle.is_none() {
            return self;
        }
        self.takes += self.distance.delay.saturating_sub(self.distance.latency);
        self.call(resource, resource.kind.read.0).call(resource, resource.kind.read.0)
    }
}
