//! Workload identities.

use serde_json::{Value, json};

use crate::document::{Document, created, document, replace, text};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};
use crate::tag;

pub(crate) const OPERATIONS: Operations = &[
    ("CreateWorkloadIdentity", create),
    ("GetWorkloadIdentity", get),
    ("ListWorkloadIdentities", list),
    ("UpdateWorkloadIdentity", update),
    ("DeleteWorkloadIdentity", delete),
];

fn find<'a>(session: &'a Session<'_>, name: &str) -> Result<&'a Object, Failure> {
    let identity = session.state.find(Kind::WorkloadIdentity, None, name);
    identity.ok_or_else(|| Failure::missing("Workload identity", name))
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    tag::check_agentcore(input.get("tags"))?;
    let name = text(input, "name");
    if find(session, name).is_ok() {
        return Err(Failure::conflict(format!("A workload identity with name {name} already exists")));
    }
    let resource = format!("workload-identity-directory/default/workload-identity/{name}");
    let arn = session.arn("bedrock-agentcore", &resource);
    let mut stored = created(session.service.api(), "CreateWorkloadIdentity", input);
    stored.extend(document(json!({
        "workloadIdentityArn": arn, "createdTime": session.now, "lastUpdatedTime": session.now,
    })));
    let mut identity = session.object(Kind::WorkloadIdentity, None, name, stored);
    identity.arn = Some(arn);
    identity.tags = tag::of(input, "tags");
    let answer = show(session, &identity, "CreateWorkloadIdentityResponse");
    session.state.add(identity);
    Ok(answer)
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    Ok(show(session, find(session, text(input, "name"))?, "GetWorkloadIdentityResponse"))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let identities = session.state.all(Kind::WorkloadIdentity, None);
    let items: Vec<(u64, Value)> =
        identities.map(|identity| (identity.serial, show(session, identity, "WorkloadIdentityType"))).collect();
    page(session, "ListWorkloadIdentities", input, items, 20)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let name = text(input, "name");
    let mut identity = find(session, name)?.clone();
    replace(session.service.api(), "UpdateWorkloadIdentity", &mut identity.document, input);
    identity.document.insert("lastUpdatedTime".into(), json!(session.now));
    let answer = show(session, &identity, "UpdateWorkloadIdentityResponse");
    if let Some(live) = session.state.find_mut(Kind::WorkloadIdentity, None, name) {
        *live = identity;
    }
    Ok(answer)
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let name = text(input, "name");
    find(session, name)?;
    session.state.remove(Kind::WorkloadIdentity, None, name);
    Ok(json!({}))
}

fn show(session: &Session<'_>, identity: &Object, shape: &str) -> Value {
    session.show(shape, identity.document.clone(), &identity.planted)
}
