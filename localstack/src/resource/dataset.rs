//! Datasets and their versions: a draft that is worked on, and what was made of it at some moment.

use serde_json::{Value, json};

use super::dataset_example::{EXAMPLES, count_by_field, count_of, examples, take_in};
use super::states::{ACTIVE, States};
use super::{Id, PLAIN, Resource, keep};
use crate::document::{Document, document, text};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

/// An update changes the description and takes no time; what is done to the examples does.
pub(super) const DATASET: Resource = Resource {
    kind: Kind::Dataset,
    noun: "Dataset",
    plural: "Datasets",
    what: "Dataset",
    label: "datasetId",
    id: ("datasetId", Id::Named("datasetName")),
    arn: Some(("datasetArn", "dataset/{id}")),
    states: States { updating: None, ..ACTIVE },
    unique: &["datasetName"],
    defaults: || json!({"datasetVersion": DRAFT, "draftStatus": "MODIFIED"}),
    on_create: |session, dataset, _| {
        let source = dataset.document.shift_remove("source").unwrap_or_default();
        take_in(session, dataset, &source).map(drop)
    },
    on_show: |_, dataset, view| describe(view, examples(dataset)),
    ..PLAIN
};

pub(super) const OPERATIONS: Operations = &[
    ("GetDataset", get),
    ("ListDatasets", list),
    ("DeleteDataset", delete),
    ("CreateDatasetVersion", create_version),
    ("ListDatasetVersions", list_versions),
];

/// The version that is worked on.
pub(super) const DRAFT: &str = "DRAFT";

/// Where the other versions are kept, by number.
const VERSIONS: &str = "versions";

/// Says how many examples there are.
fn describe(view: &mut Document, examples: &[Value]) {
    view.insert("exampleCount".into(), json!(examples.len()));
    view.insert("exampleCountByField".into(), count_by_field(examples));
}

fn versions(dataset: &Object) -> impl Iterator<Item = &Document> {
    let versions = dataset.hidden.get(VERSIONS).and_then(Value::as_object);
    versions.into_iter().flat_map(Document::values).filter_map(Value::as_object)
}

/// A version that is there, as it was kept; none for the draft.
pub(super) fn version<'a>(dataset: &'a Object, number: &str) -> Result<Option<&'a Document>, Failure> {
    if number.is_empty() || number == DRAFT {
        return Ok(None);
    }
    let found = versions(dataset).find(|version| text(version, "datasetVersion") == number);
    found.map(Some).ok_or_else(|| Failure::missing("Dataset version", number))
}

/// The examples of a version.
pub(super) fn examples_of(version: &Document) -> &[Value] {
    version.get(EXAMPLES).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let dataset = DATASET.find(session, input)?;
    let Some(version) = version(dataset, text(input, "datasetVersion"))? else {
        return DATASET.get(session, "GetDataset", input);
    };
    let mut view = DATASET.view(session, dataset);
    view.shift_remove("draftStatus");
    view.extend(version.clone());
    describe(&mut view, examples_of(version));
    Ok(session.show("GetDatasetResponse", view, &[]))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let datasets = session.state.all(Kind::Dataset, None);
    let datasets = datasets.filter(|dataset| counts_match(input, &count_by_field(examples(dataset))));
    let shown = |dataset: &Object| session.show("DatasetSummary", DATASET.view(session, dataset), &dataset.planted);
    page(session, "ListDatasets", input, datasets.map(|dataset| (dataset.serial, shown(dataset))), 100)
}

/// Whether the numbers of examples by field are those that a request filters by.
fn counts_match(input: &Document, counts: &Value) -> bool {
    let conditions = input.get("filter").and_then(|filter| filter.get("exampleCountByField")?.as_array());
    conditions.into_iter().flatten().filter_map(Value::as_object).all(|condition| {
        let bound = |member: &str| condition.get(member).and_then(Value::as_u64);
        let within = |count: u64| count >= bound("min").unwrap_or(1) && bound("max").is_none_or(|most| count <= most);
        let fields = condition.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        fields.filter_map(|field| count_of(counts, field.as_str()?)).any(within)
    })
}

/// Deletes a version, or the dataset with all of them.
fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let number = text(input, "datasetVersion");
    if number.is_empty() || number == DRAFT {
        return DATASET.delete(session, "DeleteDataset", input);
    }
    let mut dataset = DATASET.to_change(session, input)?;
    version(&dataset, number)?;
    if let Some(Value::Object(versions)) = dataset.hidden.get_mut(VERSIONS) {
        versions.shift_remove(number);
    }
    begin_work(session, &mut dataset);
    let mut view = DATASET.view(session, &dataset);
    view.insert("datasetVersion".into(), json!(number));
    keep(session, dataset);
    Ok(session.show("DeleteDatasetResponse", view, &[]))
}

/// Something is done to the examples, which takes its time.
pub(super) fn begin_work(session: &Session<'_>, dataset: &mut Object) {
    dataset.document.insert("updatedAt".into(), json!(session.now));
    dataset.begin("UPDATING", session.ending("ACTIVE", "UPDATE_FAILED"));
}

fn create_version(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let mut dataset = DATASET.to_change(session, input)?;
    let last = versions(&dataset).filter_map(|version| text(version, "datasetVersion").parse::<u64>().ok()).max();
    let number = (last.unwrap_or_default() + 1).to_string();
    let version = json!({"datasetVersion": number, "createdAt": session.now, EXAMPLES: examples(&dataset)});
    if let Value::Object(versions) = dataset.hidden.entry(VERSIONS).or_insert_with(|| json!({})) {
        versions.insert(number.clone(), version);
    }
    dataset.document.insert("draftStatus".into(), json!("UNMODIFIED"));
    begin_work(session, &mut dataset);
    let mut view = DATASET.view(session, &dataset);
    view.extend(document(json!({"datasetVersion": number, "createdAt": session.now})));
    keep(session, dataset);
    Ok(session.show("CreateDatasetVersionResponse", view, &[]))
}

fn list_versions(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let dataset = DATASET.find(session, input)?;
    let described = |version: &Document| {
        let mut view = version.clone();
        describe(&mut view, examples_of(version));
        view
    };
    let draft = DATASET.view(session, dataset);
    let all = std::iter::once(draft).chain(versions(dataset).map(described));
    let all =
        (1..).zip(all).filter(|(_, view)| counts_match(input, view.get("exampleCountByField").unwrap_or(&Value::Null)));
    let items = all.map(|(place, view)| (place, session.show("DatasetVersionSummary", view, &[])));
    page(session, "ListDatasetVersions", input, items, 100)
}
