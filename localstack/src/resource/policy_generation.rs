//! Policies written from sentences. Nobody reads the sentences here: each becomes a statement that permits everything on the
//! gateway, with the finding that says so.

use serde_json::{Value, json};

use super::states::States;
use super::{Id, PLAIN, Parent, Resource, is_under_way, states};
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::identifier::hex;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(super) const GENERATION: Resource = Resource {
    kind: Kind::PolicyGeneration,
    noun: "PolicyGeneration",
    plural: "PolicyGenerations",
    what: "Policy generation",
    parent: Some(Parent {
        kind: Kind::PolicyEngine,
        what: "Policy engine",
        label: "policyEngineId",
        arn: "policyEngineArn",
    }),
    label: "policyGenerationId",
    id: ("policyGenerationId", Id::Named("name")),
    arn: Some(("policyGenerationArn", "policy-engine/{parent}/policy-generation/{id}")),
    states: States {
        creating: Some("GENERATING"),
        create_failed: "GENERATE_FAILED",
        ready: "GENERATED",
        ..states::NONE
    },
    page: 10,
    on_create: |session, generation, _| {
        let arn = resource_arn(generation);
        if session.state.by_arn(&arn).is_none_or(|resource| resource.kind != Kind::Gateway) {
            return Err(Failure::missing("Gateway", &arn));
        }
        generation
            .hidden
            .extend(generation.document.shift_remove("content").map(|content| ("content".into(), content)));
        Ok(())
    },
    on_show: |_, generation, view| {
        if generation.status() == "GENERATED" {
            let count = assets(generation).len();
            view.insert("findings".into(), json!(format!("{count} of {count} statements permit everything")));
        }
    },
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[
    ("StartPolicyGeneration", |session, input| GENERATION.create(session, "StartPolicyGeneration", input)),
    ("GetPolicyGenerationSummary", |session, input| GENERATION.get(session, "GetPolicyGenerationSummary", input)),
    ("ListPolicyGenerationSummaries", |session, input| {
        GENERATION.list(session, "ListPolicyGenerationSummaries", input)
    }),
    ("ListPolicyGenerationAssets", list_assets),
];

fn resource_arn(generation: &Object) -> String {
    let resource = generation.document.get("resource").and_then(|resource| resource.get("arn")?.as_str());
    resource.unwrap_or_default().to_owned()
}

/// One statement for each sentence.
fn assets(generation: &Object) -> Vec<Value> {
    let content = generation.hidden.get("content").and_then(|content| content.get("rawText")?.as_str());
    let sentences = content.unwrap_or_default().split_inclusive(['.', '\n']).map(str::trim);
    let gateway = resource_arn(generation);
    let asset = |(place, sentence): (usize, &str)| {
        let suffix = hex(format!("{}/{place}", generation.id).as_bytes()).get(..10).unwrap_or_default().to_owned();
        let statement = format!("permit(principal, action, resource == AgentCore::Gateway::\"{gateway}\");");
        json!({
            "policyGenerationAssetId": format!("{}-{suffix}", text(&generation.document, "name")),
            "definition": {"cedar": {"statement": statement}},
            "rawTextFragment": sentence,
            "findings": [{"type": "ALLOW_ALL", "description": "The statement permits everything that the gateway offers"}],
        })
    };
    sentences.filter(|sentence| !sentence.is_empty()).enumerate().map(asset).collect()
}

/// A request about a policy, with the statement instead of the asset that it names.
pub(crate) fn written_out(session: &Session<'_>, input: &Document) -> Result<Document, Failure> {
    let mut input = input.clone();
    let named = input.get("definition").and_then(|definition| definition.get("policyGeneration")?.as_object()).cloned();
    let Some(named) = named else { return Ok(input) };
    let engine = text(&input, "policyEngineId");
    let id = text(&named, "policyGenerationId");
    let generation = session.state.find(Kind::PolicyGeneration, Some(engine), id);
    let generation = generation.ok_or_else(|| Failure::missing(GENERATION.what, id))?;
    let id = text(&named, "policyGenerationAssetId");
    let asset = assets(generation).into_iter().find(|asset| asset.get("policyGenerationAssetId") == Some(&json!(id)));
    let statement = asset.and_then(|asset| asset.get("definition").cloned()).filter(|_| !is_under_way(generation));
    input.insert("definition".into(), statement.ok_or_else(|| Failure::missing("Policy generation asset", id))?);
    Ok(input)
}

fn list_assets(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let generation = GENERATION.find(session, input)?;
    let assets = if generation.status() == "GENERATED" { assets(generation) } else { Vec::new() };
    page(session, "ListPolicyGenerationAssets", input, (1..).zip(assets), 10)
}
