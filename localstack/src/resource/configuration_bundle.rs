//! Configuration bundles: a history of versions on branches, of which an update adds one.

use serde_json::{Value, json};

use super::states::{NONE, States};
use super::{Id, PLAIN, Resource, keep, uuid};
use crate::document::{Document, document, text, texts};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

/// Only a deletion takes time, and only its answer has a status.
pub(super) const BUNDLE: Resource = Resource {
    kind: Kind::ConfigurationBundle,
    noun: "ConfigurationBundle",
    plural: "ConfigurationBundles",
    what: "Configuration bundle",
    label: "bundleId",
    id: ("bundleId", Id::Named("bundleName")),
    arn: Some(("bundleArn", "configuration-bundle/{id}")),
    states: States { ready: "ACTIVE", deleting: Some("DELETING"), delete_failed: "DELETE_FAILED", ..NONE },
    unique: &["bundleName"],
    on_create: |session, bundle, input| {
        commit(session, bundle, input, MAIN, &[]);
        Ok(())
    },
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[
    ("GetConfigurationBundle", get),
    ("GetConfigurationBundleVersion", get_version),
    ("ListConfigurationBundleVersions", list_versions),
    ("UpdateConfigurationBundle", update),
];

/// The branch of a bundle whose creation names none.
const MAIN: &str = "mainline";

/// Where the versions are kept, oldest first.
const VERSIONS: &str = "versions";

/// What a version says for itself; the rest is the bundle's.
const OWN: [&str; 3] = ["versionId", "components", "lineageMetadata"];

fn versions(bundle: &Object) -> impl DoubleEndedIterator<Item = &Document> {
    let versions = bundle.hidden.get(VERSIONS).and_then(Value::as_array);
    versions.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_object)
}

fn lineage<'a>(version: &'a Document, member: &str) -> &'a str {
    let lineage = version.get("lineageMetadata").and_then(Value::as_object);
    lineage.map(|lineage| text(lineage, member)).unwrap_or_default()
}

/// Makes what the bundle now says its latest version.
fn commit(session: &mut Session<'_>, bundle: &mut Object, input: &Document, branch: &str, parents: &[String]) {
    let mut lineage = document(json!({"branchName": branch, "parentVersionIds": parents}));
    for member in ["branchName", "createdBy", "commitMessage"] {
        bundle.document.shift_remove(member);
        lineage.extend(input.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    bundle.document.insert("versionId".into(), json!(uuid(session)));
    bundle.document.insert("lineageMetadata".into(), Value::Object(lineage));
    let mut version = bundle.document.clone();
    version.retain(|member, _| OWN.contains(&member.as_str()));
    version.insert("versionCreatedAt".into(), json!(session.now));
    if let Value::Array(versions) = bundle.hidden.entry(VERSIONS).or_insert_with(|| json!([])) {
        versions.push(Value::Object(version));
    }
}

/// A bundle as it was in a version.
fn at(bundle: &Object, version: &Document) -> Document {
    let mut view = bundle.document.clone();
    view.extend(version.clone());
    view
}

/// The latest version of a branch: the one that the bundle was created on, unless the request names another.
fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let bundle = BUNDLE.find(session, input)?;
    let branch = text(input, "branchName");
    let first = versions(bundle).next().map(|first| lineage(first, "branchName")).unwrap_or_default();
    let branch = if branch.is_empty() { first } else { branch };
    let version = versions(bundle).rfind(|version| lineage(version, "branchName") == branch);
    let version = version.ok_or_else(|| Failure::missing("Branch", branch))?;
    Ok(session.show("GetConfigurationBundleResponse", at(bundle, version), &bundle.planted))
}

fn get_version(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let bundle = BUNDLE.find(session, input)?;
    let id = text(input, "versionId");
    let version = versions(bundle).find(|version| text(version, "versionId") == id);
    let version = version.ok_or_else(|| Failure::missing("Configuration bundle version", id))?;
    Ok(session.show("GetConfigurationBundleVersionResponse", at(bundle, version), &[]))
}

fn list_versions(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let bundle = BUNDLE.find(session, input)?;
    let filter = input.get("filter").and_then(Value::as_object).cloned().unwrap_or_default();
    let latest_only = filter.get("latestPerBranch") == Some(&json!(true));
    let is_latest = |version: &Document| {
        let branch = lineage(version, "branchName");
        versions(bundle).rfind(|other| lineage(other, "branchName") == branch).is_some_and(|latest| latest == version)
    };
    let author = |version: &Document| {
        version.get("lineageMetadata").and_then(|lineage| lineage.get("createdBy")?.get("name")).cloned()
    };
    let pass = |version: &Document| {
        filter.get("branchName").is_none_or(|branch| branch == lineage(version, "branchName"))
            && filter.get("createdByName").is_none_or(|name| author(version).as_ref() == Some(name))
            && (!latest_only || is_latest(version))
    };
    let items = (1..).zip(versions(bundle)).filter(|(_, version)| pass(version));
    let items = items
        .map(|(place, version)| (place, session.show("ConfigurationBundleVersionSummary", at(bundle, version), &[])));
    page(session, "ListConfigurationBundleVersions", input, items, 100)
}

/// Adds a version to a branch. It must come after the latest one there, so that nobody overwrites what they have not seen.
fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut bundle = BUNDLE.to_change(session, input)?;
    let parents: Vec<String> = texts(input, "parentVersionIds").into_iter().map(ToOwned::to_owned).collect();
    let unknown = parents.iter().find(|id| !versions(&bundle).any(|version| text(version, "versionId") == id.as_str()));
    if let Some(unknown) = unknown {
        return Err(Failure::missing("Configuration bundle version", unknown));
    }
    let first = parents.first().and_then(|id| versions(&bundle).find(|version| text(version, "versionId") == id));
    let branch = match (text(input, "branchName"), first) {
        ("", Some(parent)) => lineage(parent, "branchName").to_owned(),
        ("", None) => MAIN.to_owned(),
        (branch, _) => branch.to_owned(),
    };
    let head = versions(&bundle).rfind(|version| lineage(version, "branchName") == branch);
    if let Some(head) = head.map(|head| text(head, "versionId")).filter(|head| !parents.iter().any(|id| id == head)) {
        let message = format!("The latest version of the branch {branch} is {head}, which is not among the parents");
        return Err(Failure::conflict(message));
    }
    if let Some(parent) = first.cloned() {
        bundle.document.extend(parent.into_iter().filter(|(member, _)| member == "components"));
    }
    for member in ["bundleName", "description", "components", "kmsKeyArn"] {
        bundle.document.extend(input.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    commit(session, &mut bundle, input, &branch, &parents);
    BUNDLE.touch(session, &mut bundle);
    BUNDLE.check_unique(session, &bundle)?;
    let answer = BUNDLE.answer(session, "UpdateConfigurationBundle", &bundle);
    keep(session, bundle);
    Ok(answer)
}
