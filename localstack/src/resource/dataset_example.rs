//! The examples of datasets. Each is a document with an identifier in its member `exampleId`.

use serde_json::{Value, json};

use super::dataset::{DATASET, DRAFT, begin_work, examples_of, version};
use super::{keep, uuid};
use crate::document::{Document, document, text, texts};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::Object;

pub(super) const OPERATIONS: Operations = &[
    ("AddDatasetExamples", add),
    ("UpdateDatasetExamples", update),
    ("DeleteDatasetExamples", delete),
    ("ListDatasetExamples", list),
];

/// Where they are kept.
pub(super) const EXAMPLES: &str = "examples";
const ID: &str = "exampleId";

/// The fields that are counted: how filters, counts and examples spell them.
const FIELDS: [(&str, &str, &str); 3] =
    [("TURNS", "turns", "turns"), ("INPUT", "input", "input"), ("ACTOR_PROFILE", "actorProfile", "actor_profile")];

/// The examples of a draft.
pub(super) fn examples(dataset: &Object) -> &[Value] {
    examples_of(&dataset.hidden)
}

fn examples_mut(dataset: &mut Object) -> Option<&mut Vec<Value>> {
    dataset.hidden.entry(EXAMPLES).or_insert_with(|| json!([])).as_array_mut()
}

/// Whether an example has a field, as filters spell it.
fn has_field(example: &Value, field: &str) -> bool {
    let spellings = FIELDS.iter().find(|(filter, ..)| *filter == field);
    spellings.is_some_and(|(_, count, own)| example.get(*count).is_some() || example.get(*own).is_some())
}

/// How many examples have each field.
pub(super) fn count_by_field(examples: &[Value]) -> Value {
    let count = |field: &str| examples.iter().filter(|example| has_field(example, field)).count();
    let counts = FIELDS.iter().map(|(field, name, _)| ((*name).to_owned(), json!(count(field))));
    Value::Object(counts.collect())
}

/// The count of a field, as filters spell it.
pub(super) fn count_of(counts: &Value, field: &str) -> Option<u64> {
    let (_, name, _) = FIELDS.iter().find(|(filter, ..)| *filter == field)?;
    counts.get(*name)?.as_u64()
}

/// Takes in the examples of a source, and says how they are called. What is in S3 cannot be read here and has none.
pub(super) fn take_in(session: &mut Session<'_>, dataset: &mut Object, source: &Value) -> Result<Vec<Value>, Failure> {
    let inline = source.get("inlineExamples").and_then(|inline| inline.get("examples")?.as_array());
    let mut ids = Vec::new();
    for example in inline.into_iter().flatten() {
        let Value::Object(example) = example else {
            return Err(Failure::invalid_field("source.inlineExamples.examples", "An example is a JSON object"));
        };
        let mut example = example.clone();
        let id = example.entry(ID).or_insert_with(|| json!(uuid(session))).clone();
        if examples(dataset).iter().any(|other| other.get(ID) == Some(&id)) {
            return Err(Failure::conflict(format!("An example {id} already exists in the dataset")));
        }
        if let Some(examples) = examples_mut(dataset) {
            examples.push(Value::Object(example));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// The answer about a draft that was changed.
fn changed(session: &mut Session<'_>, operation: &str, mut dataset: Object, more: Value) -> Value {
    dataset.document.insert("draftStatus".into(), json!("MODIFIED"));
    begin_work(session, &mut dataset);
    let mut view = DATASET.view(session, &dataset);
    view.extend(document(more));
    keep(session, dataset);
    session.show(&super::output(operation), view, &[])
}

fn add(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut dataset = DATASET.to_change(session, input)?;
    let ids = take_in(session, &mut dataset, input.get("source").unwrap_or(&Value::Null))?;
    let more = json!({"addedCount": ids.len(), "exampleIds": ids});
    Ok(changed(session, "AddDatasetExamples", dataset, more))
}

/// Replaces examples by those of the same identifiers, all of them or none.
fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut dataset = DATASET.to_change(session, input)?;
    let updates = input.get(EXAMPLES).and_then(Value::as_array).cloned().unwrap_or_default();
    let count = updates.len();
    for update in updates {
        let mut live = examples_mut(&mut dataset).into_iter().flatten();
        match live.find(|example| update.get(ID).is_some() && example.get(ID) == update.get(ID)) {
            Some(live) => *live = update,
            None => return Err(missing(update.get(ID).and_then(Value::as_str).unwrap_or_default())),
        }
    }
    Ok(changed(session, "UpdateDatasetExamples", dataset, json!({"updatedCount": count})))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut dataset = DATASET.to_change(session, input)?;
    let ids = texts(input, "exampleIds");
    let known = |id: &str| examples(&dataset).iter().any(|example| example.get(ID) == Some(&json!(id)));
    if let Some(unknown) = ids.iter().find(|id| !known(id)) {
        return Err(missing(unknown));
    }
    let is_deleted = |example: &Value| ids.iter().any(|id| example.get(ID) == Some(&json!(id)));
    let before = examples(&dataset).len();
    if let Some(examples) = examples_mut(&mut dataset) {
        examples.retain(|example| !is_deleted(example));
    }
    let deleted = before - examples(&dataset).len();
    Ok(changed(session, "DeleteDatasetExamples", dataset, json!({"deletedCount": deleted})))
}

fn missing(id: &str) -> Failure {
    Failure::missing("Example", id)
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let dataset = DATASET.find(session, input)?;
    let number = text(input, "datasetVersion");
    let examples = version(dataset, number)?.map_or_else(|| examples(dataset), examples_of);
    let filter = input.get("filter");
    let conditions = filter.and_then(|filter| filter.get("exampleFields")?.as_array());
    let generations = filter.and_then(|filter| filter.get("generationIds")?.as_array());
    let pass = |example: &Value| {
        let has_any = |condition: &Value| {
            let fields = condition.get("anyOf").and_then(Value::as_array);
            fields.into_iter().flatten().filter_map(Value::as_str).any(|field| has_field(example, field))
        };
        conditions.is_none_or(|conditions| conditions.iter().all(has_any))
            && generations.is_none_or(|ids| example.get("generationId").is_some_and(|id| ids.contains(id)))
    };
    let items =
        (1..).zip(examples).filter(|(_, example)| pass(example)).map(|(place, example)| (place, example.clone()));
    let mut answer = document(page(session, "ListDatasetExamples", input, items, 100)?);
    answer.insert("datasetArn".into(), json!(dataset.arn));
    answer.insert("datasetId".into(), json!(dataset.id));
    answer.insert("datasetVersion".into(), json!(if number.is_empty() { DRAFT } else { number }));
    Ok(Value::Object(answer))
}
