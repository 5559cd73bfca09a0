//! A second opinion nobody here wrote: the calls of each kind against `moto_server`, and the same calls against our stand-in.
//! `tests/peers/run` starts it; what is known to differ stands in `tests/peers/moto.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gatewright::aws::{Aws, Connection};
use gatewright::diff::differences;
use gatewright::kind::{GATEWAY, GATEWAY_TARGET, Ids, Kind, RUNTIME, USER_POOL, USER_POOL_CLIENT, USER_POOL_DOMAIN};
use gatewright::{live, merge};
use localstack::{Config, Localstack};
use serde_json::{Value, json};

/// moto's account; both answer for the same one.
const ACCOUNT: &str = "123456789012";

/// What one of them answered to one call: `ok`, an error's code, or what is missing in the answer.
type Answers = BTreeMap<(&'static str, &'static str), String>;

/// A kind, its parent, what is created, and one member that is updated.
struct Subject {
    kind: &'static Kind,
    parent: Option<&'static Kind>,
    document: Value,
    change: (&'static str, Value),
}

fn subjects() -> Vec<Subject> {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/agent");
    let tool = json!({"name": "get", "description": "Gets", "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}}});
    let lambda = json!({"lambdaArn": format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"), "toolSchema": {"inlinePayload": [tool]}});
    let discovery = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI/.well-known/openid-configuration";
    vec![
        Subject {
            kind: &USER_POOL,
            parent: None,
            document: json!({"PoolName": "people", "AutoVerifiedAttributes": ["email"], "DeletionProtection": "INACTIVE"}),
            change: ("AutoVerifiedAttributes", json!(["email", "phone_number"])),
        },
        Subject {
            kind: &USER_POOL_DOMAIN,
            parent: Some(&USER_POOL),
            document: json!({"Domain": "people-of-ours"}),
            change: ("", Value::Null),
        },
        Subject {
            kind: &USER_POOL_CLIENT,
            parent: Some(&USER_POOL),
            document: json!({"ClientName": "web", "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true,
                "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "CallbackURLs": ["https://localhost"],
                "SupportedIdentityProviders": ["COGNITO"]}),
            change: ("CallbackURLs", json!(["https://localhost", "https://example.com"])),
        },
        Subject {
            kind: &GATEWAY,
            parent: None,
            document: json!({"name": "orders", "roleArn": role, "protocolType": "MCP", "authorizerType": "CUSTOM_JWT", "description": "one",
                "authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": discovery, "allowedClients": ["client1"]}}}),
            change: ("description", json!("two")),
        },
        Subject {
            kind: &GATEWAY_TARGET,
            parent: Some(&GATEWAY),
            document: json!({"name": "orders", "description": "one", "targetConfiguration": {"mcp": {"lambda": lambda}},
                "credentialProviderConfigurations": [{"credentialProviderType": "GATEWAY_IAM_ROLE"}]}),
            change: ("description", json!("two")),
        },
        Subject {
            kind: &RUNTIME,
            parent: None,
            document: json!({"agentRuntimeName": "orders", "roleArn": role, "description": "one",
                "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/orders:1")}},
                "networkConfiguration": {"networkMode": "PUBLIC"}}),
            change: ("description", json!("two")),
        },
    ]
}

/// Creates, lists, reads, updates and deletes each subject, without waiting after an update.
async fn opinion(aws: &Aws) -> Answers {
    let mut answers = Answers::new();
    let mut parents: BTreeMap<&str, String> = BTreeMap::new();
    let mut living: Vec<(Subject, Ids, Option<Value>)> = Vec::new();
    for subject in subjects() {
        let kind = subject.kind;
        let parent = subject.parent.and_then(|parent| parents.get(parent.name).cloned()).unwrap_or_default();
        let mut ids = Ids { parent, id: String::new() };
        let body = kind.request(&ids, with_token(kind, kind.create.0, subject.document.clone()));
        match (kind.create.1)(aws, &ids, &body).await {
            Ok(answer) => {
                let answer = kind.unwrapped(answer);
                let own = answer.get(kind.id_member).or_else(|| subject.document.get(kind.id_member));
                ids.id = own.and_then(Value::as_str).unwrap_or_default().to_owned();
                answers.insert(
                    (kind.name, "create"),
                    if ids.id.is_empty() { "no id".to_owned() } else { "ok".to_owned() },
                );
            }
            Err(error) => {
                answers.insert((kind.name, "create"), said(&error));
                continue;
            }
        }
        parents.insert(kind.name, ids.id.clone());
        for _ in 0..40 {
            match live::read(aws, kind, &ids).await {
                Ok(Some(document)) if live::state(kind, &document) == live::State::Moving => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                _ => break,
            }
        }
        let listed = live::list(aws, kind, &ids.parent).await;
        answers.insert(
            (kind.name, "list"),
            match listed {
                Ok(listed) if listed.iter().any(|item| item.id == ids.id) => "ok".to_owned(),
                Ok(_) => "not in the list".to_owned(),
                Err(error) => said(&error),
            },
        );
        let read = live::read(aws, kind, &ids).await;
        let document = read.as_ref().ok().cloned().flatten();
        answers.insert(
            (kind.name, "read"),
            match &read {
                Ok(Some(document)) => kept(kind, &subject.document, document),
                Ok(None) => "not found".to_owned(),
                Err(error) => said(error),
            },
        );
        if kind != &USER_POOL && kind != &USER_POOL_CLIENT {
            let again = kind.request(&Ids { id: String::new(), ..ids.clone() }, subject.document.clone());
            let answer = (kind.create.1)(aws, &ids, &again).await;
            answers.insert((kind.name, "create a second of the name"), outcome(answer));
        }
        let mut missing = ids.clone();
        // Another last letter: an id that could be one.
        let last = missing.id.pop().unwrap_or_default();
        missing.id.push(if last == 'a' { 'b' } else { 'a' });
        let body = kind.request(&missing, Value::Null);
        answers.insert((kind.name, "read what is not there"), outcome((kind.read.1)(aws, &missing, &body).await));
        answers.insert((kind.name, "delete what is not there"), outcome((kind.delete.1)(aws, &missing, &body).await));
        living.push((subject, ids, document));
    }
    // A parent that is being updated takes no calls about its children, and moto never ends an update: children first.
    for (subject, ids, document) in living.iter().rev() {
        let kind = subject.kind;
        if let (Some((operation, update)), Some(document)) =
            (kind.update, document.as_ref().filter(|_| !subject.change.0.is_empty()))
        {
            let mut changed = subject.document.clone();
            changed[subject.change.0] = subject.change.1.clone();
            let mut without = subject.document.clone();
            without.as_object_mut().map(|members| members.shift_remove(subject.change.0));
            for (call, wanted) in [("update", changed), ("update that leaves out", without)] {
                let body = merge::full_replace(kind, &wanted, &live::view(kind, document)).unwrap();
                let body = kind.request(ids, with_token(kind, operation, body));
                let answer = match settled(aws, kind, ids, || update(aws, ids, &body)).await {
                    Err(answer) => answer,
                    Ok(()) => match live::read(aws, kind, ids).await {
                        Ok(Some(document)) => kept(kind, &wanted, &document),
                        Ok(None) => "not found".to_owned(),
                        Err(error) => said(&error),
                    },
                };
                answers.insert((kind.name, call), answer);
            }
        }
    }
    for (subject, ids, _) in living.iter().rev() {
        let kind = subject.kind;
        let body = kind.request(ids, Value::Null);
        let answer = settled(aws, kind, ids, || (kind.delete.1)(aws, ids, &body)).await;
        answers.insert((kind.name, "delete"), answer.err().unwrap_or_else(|| "ok".to_owned()));
        let mut gone = "still there".to_owned();
        for _ in 0..40 {
            match live::read(aws, kind, ids).await {
                Ok(None) => "ok".clone_into(&mut gone),
                Ok(Some(_)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
                Err(error) => gone = said(&error),
            }
            break;
        }
        answers.insert((kind.name, "read deleted"), gone);
    }
    answers
}

/// Calls as soon as the object is not on its way.
async fn settled<'a, F>(aws: &Aws, kind: &'static Kind, ids: &Ids, call: impl Fn() -> F + 'a) -> Result<(), String>
where
    F: Future<Output = Result<Value, gatewright::aws::CallError>>,
{
    for _ in 0..40 {
        match call().await {
            Ok(_) => return Ok(()),
            Err(error) if error.is("ConflictException") && live::read(aws, kind, ids).await.is_ok() => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(error) => return Err(said(&error)),
        }
    }
    Err("ConflictException".to_owned())
}

fn with_token(kind: &Kind, operation: &str, mut body: Value) -> Value {
    let members = kind.api().input(operation).map(model::Shape::members).unwrap_or_default();
    if let Some(member) = members.iter().find(|member| member.idempotency_token) {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        body[&member.wire] = json!(format!("a-token-for-{operation}-{number:024}"));
    }
    body
}

/// What of a wanted document a read does not show.
fn kept(kind: &'static Kind, wanted: &Value, document: &Value) -> String {
    let found = differences(kind, wanted, &live::view(kind, document));
    let paths: BTreeSet<String> = found.into_iter().map(|difference| difference.path).collect();
    if paths.is_empty() {
        "ok".to_owned()
    } else {
        format!("differs in {}", paths.into_iter().collect::<Vec<_>>().join(", "))
    }
}

fn outcome(answer: Result<Value, gatewright::aws::CallError>) -> String {
    answer.map_or_else(|error| said(&error), |_| "ok".to_owned())
}

fn said(error: &gatewright::aws::CallError) -> String {
    match (&error.code, error.status) {
        (Some(code), _) => code.clone(),
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => "no answer".to_owned(),
    }
}

/// The known differences: kind, call, and what moto answers.
fn known() -> BTreeMap<(String, String), String> {
    let text = std::fs::read_to_string("tests/peers/moto.toml").unwrap();
    let table: toml::Table = text.parse().unwrap();
    let list = table.get("difference").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let member = |entry: &toml::Value, name: &str| entry[name].as_str().unwrap().to_owned();
    for entry in &list {
        assert!(member(entry, "why").len() > 10, "{entry}: who is right, and where it is written");
    }
    list.iter().map(|entry| ((member(entry, "kind"), member(entry, "call")), member(entry, "moto"))).collect()
}

#[tokio::test]
#[ignore = "needs moto_server: tests/peers/run"]
async fn moto_agrees_but_for_what_is_known() {
    let url = std::env::var("MOTO_URL").expect("tests/peers/run sets MOTO_URL");
    let region = Some("us-east-1".to_owned());
    let moto = Connection { region: region.clone(), endpoint_url: Some(url), ..Connection::default() };
    let moto = opinion(&Aws::connect(&moto).await.unwrap()).await;
    let ours = Localstack::new(Config { account: ACCOUNT.to_owned(), ..Config::default() });
    let ours = Connection { region, local: Some(ours), ..Connection::default() };
    let ours = opinion(&Aws::connect(&ours).await.unwrap()).await;
    let known = known();
    let mut table = String::new();
    let mut wrong = Vec::new();
    for (call, answer) in &ours {
        let refused = call.1.contains("not there") || call.1.contains("second");
        assert!(refused || answer == "ok", "our stand-in: {call:?}: {answer}");
        let theirs = moto.get(call).map_or("not asked", String::as_str);
        let key = (call.0.to_owned(), call.1.to_owned());
        let verdict = match known.get(&key) {
            None if theirs == answer => format!("agrees: {answer}"),
            Some(expected) if expected == theirs => format!("differs, as is known: {theirs}, ours {answer}"),
            _ => {
                wrong.push(format!("{} {}: {theirs}, ours {answer}", call.0, call.1));
                format!("NEW: {theirs}")
            }
        };
        writeln!(table, "moto | {} | {} | {verdict}", call.0, call.1).unwrap();
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
