//! Every kind of AgentCore from creation to deletion, with everything that its creation takes.

use model::Api;
use serde_json::Map;

use super::operations::KINDS;
use super::sample::{Drive, Extent};
use super::*;

/// What the listing of a kind is called.
fn listing(kind: &str) -> String {
    match kind {
        "Registry" => "ListRegistries".to_owned(),
        "Memory" => "ListMemories".to_owned(),
        "Policy" => "ListPolicies".to_owned(),
        "WorkloadIdentity" => "ListWorkloadIdentities".to_owned(),
        "Harness" => "ListHarnesses".to_owned(),
        kind => format!("List{kind}s"),
    }
}

fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().filter(|kind| Api::agentcore().operation(&format!("Get{kind}")).is_some())
}

fn takes(operation: &str, member: &str) -> bool {
    Api::agentcore().input(operation).is_some_and(|input| input.member(member).is_some())
}

/// Creates one of a kind with everything that its creation takes.
async fn create(drive: &mut Drive, kind: &str) -> (Map<String, Value>, Value) {
    let operation = format!("Create{kind}");
    let mut input = drive.input(&operation, Extent::Everything);
    if takes(&operation, "tags") {
        input.insert("tags".into(), json!({"team": kind}));
    }
    if takes(&operation, "clientToken") {
        input.insert("clientToken".into(), json!(format!("token-of-the-creation-of-one-{kind}-0001")));
    }
    let answer = drive.call(&operation, &input).await;
    (input, answer)
}

/// Every item of a listing, so many a page.
async fn list(drive: &mut Drive, kind: &str, size: u64) -> Vec<Value> {
    let operation = listing(kind);
    let paginator = &Api::agentcore().paginators[&operation];
    let mut items = Vec::new();
    let mut input = drive.input(&operation, Extent::Required);
    input.insert(paginator.limit_key.clone().unwrap(), json!(size));
    loop {
        let answer = drive.call(&operation, &input).await;
        let page = answer[paginator.result_key.as_str().unwrap()].as_array().unwrap().clone();
        assert!(page.len() as u64 <= size, "{operation}");
        items.extend(page);
        match answer.get(&paginator.output_token) {
            Some(token) => input.insert(paginator.input_token.clone(), token.clone()),
            None => return items,
        };
    }
}

/// What an answer about one object is wrapped in, taken off.
fn unwrapped(answer: &Value) -> &Value {
    ["memory", "harness", "endpoint"].iter().find_map(|wrapper| answer.get(*wrapper)).unwrap_or(answer)
}

/// Every ARN among the members of an answer.
fn arns(answer: &Value) -> Vec<String> {
    let members = unwrapped(answer).as_object().unwrap().values();
    members.filter_map(Value::as_str).filter(|text| text.starts_with("arn:")).map(ToOwned::to_owned).collect()
}

/// Members of a creation that no read shows, or shows in another form; each file of a kind says which.
const NOT_SHOWN: &[&str] = &[
    "clientToken",
    "tags",
    "apiKey",
    "oauth2ProviderConfigInput",
    "providerConfigurationInput",
    "memoryStrategies",
    "enableOnCreate",
    "source",
    "branchName",
    "commitMessage",
    "createdBy",
    "validationMode",
    "environment",
    "apiKeySecretConfig",
    "privateEndpoint",
    "agentRuntimeVersion",
];

#[tokio::test(start_paused = true)]
async fn every_kind_shows_what_it_was_created_with() {
    let mut drive = Drive::new(stand_in());
    for kind in KINDS {
        let (input, _) = create(&mut drive, kind).await;
        let get = format!("Get{kind}");
        if Api::agentcore().operation(&get).is_none() {
            continue;
        }
        let input_of_get = drive.input(&get, Extent::Required);
        let shown = drive.call(&get, &input_of_get).await;
        for (name, value) in input.iter().filter(|(name, _)| !NOT_SHOWN.contains(&name.as_str())) {
            let read = unwrapped(&shown).get(name);
            if read.is_some_and(|read| contains(read, value)) || takes(&get, name) {
                continue;
            }
            drive.problems.push(format!("{get} shows {name} as {read:?}, which was created as {value}"));
        }
    }
    assert!(drive.problems.is_empty(), "{:#?}", drive.problems);
}

/// Whether everything of a value is in another, which may have more.
fn contains(shown: &Value, asked: &Value) -> bool {
    match (shown, asked) {
        (Value::Object(shown), Value::Object(asked)) => asked.iter().all(|(name, value)| {
            shown.get(name).is_some_and(|shown| contains(shown, value)) || NOT_SHOWN_INSIDE.contains(&name.as_str())
        }),
        (Value::Array(shown), Value::Array(asked)) => {
            shown.len() == asked.len() && shown.iter().zip(asked).all(|(shown, asked)| contains(shown, asked))
        }
        _ => shown == asked,
    }
}

/// Write-only members deep inside.
const NOT_SHOWN_INSIDE: &[&str] = &["privateEndpointOverrides", "tags"];

#[tokio::test(start_paused = true)]
async fn every_kind_is_created_once_tagged_listed_and_paged() {
    let mut drive = Drive::new(stand_in());
    for kind in KINDS {
        let (input, created) = create(&mut drive, kind).await;
        let create = format!("Create{kind}");
        // The same token again makes no other one, and for another request it is refused.
        if takes(&create, "clientToken") {
            let (status, again) = drive.send(&create, &input).await;
            assert_eq!((status, &again), (Api::agentcore().operation(&create).unwrap().status, &created), "{kind}");
            let mut other = input.clone();
            let free = ["description", "rateLimitId", "eventExpiryDuration"];
            if let Some(member) = free.iter().find(|member| takes(&create, member)) {
                other.insert(
                    (*member).to_owned(),
                    if *member == "eventExpiryDuration" { json!(9) } else { json!("other") },
                );
                let (status, refused) = drive.send(&create, &other).await;
                assert_eq!(status, 400, "{kind}: {refused}");
            }
        }
        if takes(&create, "tags") {
            let mut tagged = Vec::new();
            let get = format!("Get{kind}");
            let input = drive.input(&get, Extent::Required);
            let shown = drive.call(&get, &input).await;
            for arn in arns(&shown) {
                let input = json!({"resourceArn": arn}).as_object().unwrap().clone();
                let (status, listed) = drive.send("ListTagsForResource", &input).await;
                tagged.extend((status == 200 && listed == json!({"tags": {"team": kind}})).then_some(arn));
            }
            assert_eq!(tagged.len(), 1, "{kind} has one ARN of its own: {shown:#}");
        }
    }
    let tagged = KINDS.iter().filter(|kind| takes(&format!("Create{kind}"), "tags")).count();
    assert_eq!(tagged, 21);
    for kind in KINDS {
        create_another(&mut drive, kind).await;
        let whole = list(&mut drive, kind, 20).await;
        let paged = list(&mut drive, kind, 1).await;
        assert_eq!(whole, paged, "{kind}");
        assert!(whole.len() >= 2, "{kind}: {whole:?}");
    }
    assert!(drive.problems.is_empty(), "{:#?}", drive.problems);
}

/// One more of a kind, which differs where it must. What the next kinds live in stays the first.
async fn create_another(drive: &mut Drive, kind: &str) {
    let operation = format!("Create{kind}");
    let mut input = drive.input(&operation, Extent::Required);
    for (name, value) in &mut input {
        if name.ends_with("ame") {
            *value = json!("Name2");
        }
    }
    match kind {
        "GatewayRule" => drop(input.insert("priority".into(), json!(2))),
        "GatewayRateLimit" => {
            input.insert("dimensionKeys".into(), json!(["targetName"]));
            let entry = json!([{"dimensions": {"targetName": "*"}, "requests": [{"rate": 1.0, "period": "second"}]}]);
            input.insert("entries".into(), entry);
        }
        _ => {}
    }
    let known = drive.known.clone();
    drive.call(&operation, &input).await;
    drive.known = known;
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_updated_and_deleted() {
    let mut drive = Drive::new(stand_in());
    for kind in KINDS {
        create(&mut drive, kind).await;
    }
    for kind in kinds() {
        let (get, update) = (format!("Get{kind}"), format!("Update{kind}"));
        if Api::agentcore().operation(&update).is_none() {
            continue;
        }
        let mut input = drive.input(&update, Extent::Required);
        let description = Api::agentcore().input(&update).unwrap().member("description");
        let is_wrapped =
            description.is_some_and(|member| Api::agentcore().shape(&member.shape).unwrap().is_patch_wrapper());
        if description.is_some() {
            let words = json!("Other words");
            input.insert("description".into(), if is_wrapped { json!({"optionalValue": words}) } else { words });
        }
        drive.call(&update, &input).await;
        let input_of_get = drive.input(&get, Extent::Required);
        let shown = drive.call(&get, &input_of_get).await;
        let before_clearing = unwrapped(&shown).get("description").cloned();
        if description.is_some() {
            assert_eq!(before_clearing, Some(json!("Other words")), "{kind}");
        }
        if is_wrapped {
            input.insert("description".into(), json!({}));
            drive.call(&update, &input).await;
            let shown = drive.call(&get, &input_of_get).await;
            assert_eq!(unwrapped(&shown).get("description"), None, "{kind}");
        }
    }
    for kind in kinds().collect::<Vec<_>>().into_iter().rev() {
        let (get, delete) = (format!("Get{kind}"), format!("Delete{kind}"));
        let (input, input_of_get) = (drive.input(&delete, Extent::Required), drive.input(&get, Extent::Required));
        let shown = drive.call(&get, &input_of_get).await;
        drive.call(&delete, &input).await;
        let (status, gone) = drive.send(&get, &input_of_get).await;
        assert_eq!(status, 404, "{kind}: {gone}");
        let (status, again) = drive.send(&delete, &input).await;
        assert!(status == 404, "{kind}: {again}");
        for arn in arns(&shown).into_iter().filter(|_| takes(&format!("Create{kind}"), "tags")) {
            let input = json!({"resourceArn": arn}).as_object().unwrap().clone();
            let (_, listed) = drive.send("ListTagsForResource", &input).await;
            assert_ne!(listed, json!({"tags": {"team": kind}}), "the tags of {arn} go with it");
        }
    }
    assert!(drive.problems.is_empty(), "{:#?}", drive.problems);
}

#[tokio::test(start_paused = true)]
async fn every_kind_that_takes_its_time_can_fail_and_then_go() {
    let mut drive = Drive::new(stand_in());
    for kind in KINDS {
        create(&mut drive, kind).await;
    }
    for kind in kinds().collect::<Vec<_>>().into_iter().rev() {
        let (get, delete) = (format!("Get{kind}"), format!("Delete{kind}"));
        let input_of_get = drive.input(&get, Extent::Required);
        let kept = drive.known.clone();
        let kind_of_fault = localstack::FaultKind::Unsuccessful { reason: "no luck".into() };
        drive.local.fault(localstack::Fault { operation: Some(delete.clone()), nth: 1, times: 1, kind: kind_of_fault });
        let input = drive.input(&delete, Extent::Required);
        drive.call(&delete, &input).await;
        drive.known = kept;
        let (status, shown) = drive.send(&get, &input_of_get).await;
        if status == 200 {
            let problems = super::sample::problems(&get, &shown);
            assert!(problems.is_empty(), "{kind}: {problems:?}");
            drive.call(&delete, &input).await;
        }
        assert_eq!(drive.send(&get, &input_of_get).await.0, 404, "{kind}");
    }
    assert!(drive.problems.is_empty(), "{:#?}", drive.problems);
}
