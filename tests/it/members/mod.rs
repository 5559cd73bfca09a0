//! Members: every member of every kind is set, changed, changed by hand, and left out again.
//!
//! A kind's members are a table of [`Case`]s; a test proves that the table is complete.

mod agentcore;
mod cognito;
mod credentials;
mod forms;
mod identity;
mod lifecycle;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use gatewright::kind::{KINDS, Kind, UpdateStyle};
use model::Location;
use serde_json::{Map, Value, json};

use crate::world::{World, steps};

/// One kind in a small manifest.
pub(super) struct Subject {
    pub(super) kind: &'static Kind,
    /// What it is tried on; its name is also its name in the manifest.
    pub(super) name: &'static str,
    /// The other resources it needs.
    pub(super) beside: &'static str,
    /// Its own lines; a case that sets a key takes the place of its line.
    pub(super) base: &'static [&'static str],
    pub(super) cases: &'static [Case],
    /// Members without a case, and why.
    pub(super) left_out: &'static [(&'static str, &'static str)],
}

/// One member, set in two ways.
#[derive(Clone, Copy)]
pub(super) struct Case {
    member: &'static str,
    before: &'static str,
    after: &'static str,
    /// The paths that the plan shows.
    paths: &'static str,
    without: Without,
    /// The paths that the plan shows after a change by hand; nothing if no call can make one.
    drift: Option<&'static str>,
    /// Lines of the resource that stand there in every state.
    given: &'static str,
    /// Resources that the case needs beside the subject's.
    beside: &'static str,
}

/// What a plan shows when the member is left out after it was set.
#[derive(Clone, Copy)]
enum Without {
    /// It cannot be left out.
    Required,
    /// It is removed: these paths.
    Removed(&'static str),
    /// It returns to the documented default, this JSON.
    Default(&'static str, &'static str),
    /// Nothing: the service keeps it.
    Stays,
}

/// A member that is changed in place and cannot be left out.
pub(super) const fn case(member: &'static str, before: &'static str, after: &'static str, paths: &'static str) -> Case {
    Case { member, before, after, paths, without: Without::Required, drift: Some(paths), given: "", beside: "" }
}

impl Case {
    pub(super) const fn removed(self, paths: &'static str) -> Self {
        Self { without: Without::Removed(paths), ..self }
    }

    pub(super) const fn default(self, path: &'static str, json: &'static str) -> Self {
        Self { without: Without::Default(path, json), ..self }
    }

    pub(super) const fn stays(self) -> Self {
        Self { without: Without::Stays, ..self }
    }

    /// No call sets the value it had before.
    pub(super) const fn not_by_hand(self) -> Self {
        Self { drift: None, ..self }
    }

    pub(super) const fn drifts(self, paths: &'static str) -> Self {
        Self { drift: Some(paths), ..self }
    }

    pub(super) const fn given(self, given: &'static str) -> Self {
        Self { given, ..self }
    }

    pub(super) const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }
}

impl Subject {
    pub(super) fn address(&self) -> String {
        format!("{}.{}", self.kind.name, self.name)
    }

    /// The manifest with some lines of the subject, beside or in place of its own.
    pub(super) fn manifest(&self, lines: &str, beside: &str) -> String {
        let key = |line: &str| line.split(['.', ' ', '=']).next().unwrap().to_owned();
        let set: Vec<String> = lines.lines().map(key).collect();
        let base = self.base.iter().filter(|line| !set.contains(&key(line)));
        let own: Vec<&str> = base.copied().chain(lines.lines()).collect();
        let stack = "[stack]\nname = \"members\"\nregion = \"us-east-1\"\n";
        format!("{stack}{}\n{beside}\n[{}]\n{}\n", self.beside, self.address(), own.join("\n"))
    }
}

/// Tries one case from nothing to nothing.
pub(super) async fn try_case(subject: &Subject, case: &Case) {
    let world = World::new();
    let nothing = world.stand_in.observe();
    let manifest = |lines: &str| subject.manifest(&format!("{}\n{lines}", case.given), case.beside);
    let change = vec![format!("update {}: {}", subject.address(), case.paths)];

    world.apply(&manifest(case.before)).await;
    let before = read(&world, subject).await;

    let after = manifest(case.after);
    let plan = world.plan(&after).await;
    assert_eq!(steps(&plan), change, "changed in the manifest");
    assert_eq!(json!(plan.steps[0].origin), "change");
    world.apply(&after).await;
    let now = read(&world, subject).await;
    let own = |document: &Value| own_tags(subject.kind, document).get(case.member).cloned();
    assert_ne!(own(&now), own(&before), "it has changed");

    if let Some(drift) = case.drift {
        by_hand(&world, subject, case.member, before.get(case.member)).await;
        let plan = world.plan(&after).await;
        assert_eq!(steps(&plan), [format!("update {}: {drift}", subject.address())], "changed by hand");
        assert_eq!(json!(plan.steps[0].origin), "drift");
        world.apply(&after).await;
        assert_eq!(own(&read(&world, subject).await), own(&now), "it is set back");
    }

    let without = manifest("");
    match case.without {
        Without::Required => {}
        Without::Stays => {
            assert_eq!(steps(&world.plan(&without).await), Vec::<String>::new(), "left out, it stays");
            world.apply(&without).await;
        }
        Without::Removed(paths) => {
            let plan = world.plan(&without).await;
            assert_eq!(steps(&plan), [format!("update {}: {paths}", subject.address())], "left out, it goes");
            assert!(plan.steps[0].changes.iter().all(|change| change.after.is_none()), "{:#?}", plan.steps);
            world.apply(&without).await;
        }
        Without::Default(path, default) => {
            let plan = world.plan(&without).await;
            assert_eq!(steps(&plan), [format!("update {}: {path}", subject.address())], "left out, it returns");
            let default: Value = serde_json::from_str(default).unwrap();
            if !default.is_null() {
                assert_eq!(plan.steps[0].changes[0].after, Some(default));
            }
            world.apply(&without).await;
        }
    }
    world.destroy_stack(&world.stack(&without)).await;
    assert_eq!(world.stand_in.observe(), nothing, "nothing is left");
}

/// Tries every case, and names those that failed.
pub(super) async fn try_all(subject: &'static Subject) {
    let mut failed = Vec::new();
    for case in subject.cases {
        if AssertUnwindSafe(try_case(subject, case)).catch_unwind().await.is_err() {
            failed.push(format!("{} {}: {} -> {}", subject.address(), case.member, case.before, case.after));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// The stand-in's objects of the subject's kind.
pub(super) fn objects(world: &World, subject: &Subject) -> Vec<Value> {
    let state = world.stand_in.observe();
    let kind = if subject.kind.name == "user_pool_group" { "group" } else { subject.kind.name };
    let mut found: Vec<Value> = state["objects"].as_array().unwrap().clone();
    found.retain(|object| object["kind"] == kind);
    found
}

/// The only one.
pub(super) fn object(world: &World, subject: &Subject) -> Value {
    let mut found = objects(world, subject);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// The ids that a request for it carries.
fn ids(world: &World, subject: &Subject, operation: &str) -> Map<String, Value> {
    let object = object(world, subject);
    let mut ids = Map::new();
    ids.insert(subject.kind.request_id.to_owned(), object["id"].clone());
    if let Some(parent) = subject.kind.parent {
        ids.insert(parent.member.to_owned(), object["parent"].clone());
    }
    let input = subject.kind.api().input(operation).unwrap();
    ids.retain(|member, _| input.members().iter().any(|known| known.wire == *member));
    ids
}

/// The live object in the spelling of requests, its tags and what its companions say included.
pub(super) async fn read(world: &World, subject: &Subject) -> Value {
    let kind = subject.kind;
    let answer = world.call(kind.read.0, Value::Object(ids(world, subject, kind.read.0))).await;
    let mut document = kind.unwrapped(answer);
    for companion in kind.companions {
        let more = world.call(companion.get, Value::Object(ids(world, subject, companion.get))).await;
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    if let Some(name) = document.get("Name").cloned().filter(|_| kind.name == "user_pool") {
        document["PoolName"] = name;
    }
    if identity::SUBJECTS.iter().any(|subject| subject.kind == kind) {
        document = gatewright::live::view(kind, &document);
    }
    if let Some(member) = kind.tags_member {
        document[member] = object(world, subject)["tags"].clone();
    }
    document
}

/// The document without our tags.
fn own_tags(kind: &Kind, document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(tags) = kind.tags_member.and_then(|member| document[member].as_object_mut()) {
        tags.retain(|key, _| !key.starts_with("gatewright:"));
    }
    document
}

/// Sets one member behind the tool's back, or takes it away.
async fn by_hand(world: &World, subject: &Subject, member: &str, wanted: Option<&Value>) {
    let kind = subject.kind;
    if Some(member) == kind.tags_member {
        let arn = object(world, subject)["arn"].clone();
        let wanted = own_tags(kind, &json!({member: wanted}))[member].clone();
        let input = match kind.service {
            gatewright::kind::Service::Cognito => json!({"ResourceArn": arn, "Tags": wanted}),
            gatewright::kind::Service::AgentCore => json!({"resourceArn": arn, "tags": wanted}),
        };
        world.call("TagResource", input).await;
        return;
    }
    let operation = kind.companion_of(member).map_or_else(|| kind.update.unwrap().0, |companion| companion.set);
    let live = read(world, subject).await;
    let mut body = ids(world, subject, operation);
    for known in kind.api().input(operation).unwrap().members() {
        let value = if known.wire == member { wanted } else { live.get(&known.wire) };
        let own = known.location == Location::Body && !body.contains_key(&known.wire) && !known.idempotency_token;
        let sent = own && (kind.update_style == UpdateStyle::FullReplace || known.wire == member);
        let wrapped = kind.api().shape(&known.shape).is_some_and(model::Shape::is_patch_wrapper);
        match value.filter(|value| !value.is_null()) {
            Some(value) if sent && wrapped => drop(body.insert(known.wire.clone(), json!({"optionalValue": value}))),
            Some(value) if sent => drop(body.insert(known.wire.clone(), value.clone())),
            None if sent && wrapped => drop(body.insert(known.wire.clone(), json!({}))),
            _ => {}
        }
    }
    world.call(operation, Value::Object(body)).await;
    settle().await;
}

/// Lets objects settle: time is paused, so this takes none.
pub(super) async fn settle() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

/// The subjects of all kinds.
pub(super) fn subjects() -> Vec<&'static Subject> {
    [cognito::SUBJECTS, agentcore::SUBJECTS, identity::SUBJECTS].concat()
}

#[test]
fn every_member_of_every_kind_has_a_case_or_a_reason() {
    let subjects = subjects();
    for kind in KINDS {
        let subject = subjects.iter().find(|subject| subject.kind == *kind).unwrap_or_else(|| panic!("{kind:?}"));
        let cases: BTreeSet<&str> = subject.cases.iter().map(|case| case.member).collect();
        let reasons: BTreeSet<&str> = subject.left_out.iter().map(|(member, _)| *member).collect();
        let known: BTreeSet<&str> = kind.members().iter().map(|member| member.wire.as_str()).collect();
        assert_eq!(cases.union(&reasons).copied().collect::<BTreeSet<_>>(), known, "{}", kind.name);
        assert_eq!(cases.intersection(&reasons).count(), 0, "{}", kind.name);
    }
}
