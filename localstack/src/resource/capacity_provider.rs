//! Capacity providers: only their description can be changed, and runtimes have to let go of them first.

use serde_json::Value;

use super::states::READY;
use super::{Id, PLAIN, Resource};
use crate::document::Document;
use crate::failure::Failure;
use crate::page::page;
use crate::runtime;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const PROVIDER: Resource = Resource {
    kind: Kind::CapacityProvider,
    noun: "CapacityProvider",
    plural: "CapacityProviders",
    what: "Capacity provider",
    label: "capacityProviderId",
    id: ("capacityProviderId", Id::Named("name")),
    arn: Some(("capacityProviderArn", "capacity-provider/{id}")),
    moments: ("createdAt", "lastUpdatedAt"),
    states: READY,
    unique: &["name"],
    on_delete: refuse_while_used,
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[("ListAgentRuntimeVersionsByCapacityProvider", list_runtimes)];

/// The versions of runtimes that run on a provider, each with its runtime.
fn users<'a>(session: &'a Session<'_>, provider: &'a Object) -> impl Iterator<Item = (&'a Object, Document)> {
    let arn = provider.arn.as_deref();
    let is_user = move |version: &Document| {
        let configuration = version.get("capacityProviderConfiguration");
        configuration.and_then(|configuration| configuration.get("capacityProviderArn")?.as_str()) == arn
    };
    let runtimes = session.state.all(Kind::Runtime, None);
    let versions = runtimes.flat_map(|runtime| runtime::versions(runtime).map(move |version| (runtime, version)));
    versions.filter(move |(_, version)| is_user(version))
}

fn list_runtimes(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    // The model does not let it say that there is no such provider.
    let provider = PROVIDER.find(session, input).ok();
    let versions = (1..).zip(provider.into_iter().flat_map(|provider| users(session, provider)));
    let items = versions.map(|(place, (_, version))| (place, session.show("AgentRuntimeVersionSummary", version, &[])));
    page(session, "ListAgentRuntimeVersionsByCapacityProvider", input, items, 100)
}

fn refuse_while_used(session: &Session<'_>, provider: &Object) -> Result<(), Failure> {
    match users(session, provider).next() {
        Some((runtime, _)) => {
            let message = format!("Capacity provider {} is used by agent runtime {}", provider.id, runtime.id);
            Err(Failure::conflict(message))
        }
        None => Ok(()),
    }
}
