//! Changes behind the tool's back: what somebody does in the console.

use gatewright::kind::{GATEWAY, GATEWAY_TARGET, Kind, Service, USER_POOL_CLIENT};
use model::Location;
use serde_json::{Map, Value, json};

use crate::world::World;

/// The id of the only object of a kind of the stand-in with this live name.
pub(crate) fn id(world: &World, kind: &str, name: &str) -> String {
    let state = world.stand_in.observe();
    let names = ["name", "Name", "ClientName", "agentRuntimeName"];
    let called = |object: &&Value| names.iter().any(|member| object["document"][*member] == name);
    let objects = state["objects"].as_array().unwrap();
    let found: Vec<&Value> = objects.iter().filter(|object| object["kind"] == kind).filter(called).collect();
    assert_eq!(found.len(), 1, "{kind} {name}: {found:#?}");
    found[0]["id"].as_str().unwrap().to_owned()
}

/// Lets what is on its way arrive.
pub(crate) async fn settle() {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
}

/// Reads an object, changes it, and sends all of it back.
async fn edit(world: &World, kind: &Kind, ids: Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let read = kind.unwrapped(world.call(kind.read.0, ids.clone()).await);
    let operation = kind.update.unwrap().0;
    let mut body = ids.as_object().unwrap().clone();
    for member in kind.api().input(operation).unwrap().members() {
        let settable = kind.service == Service::Cognito || member.location == Location::Body;
        if let Some(value) = read.get(&member.wire).filter(|value| settable && !value.is_null()) {
            body.insert(member.wire.clone(), value.clone());
        }
    }
    change(&mut body);
    world.call(operation, Value::Object(body)).await;
    settle().await;
}

/// Changes a gateway.
pub(crate) async fn edit_gateway(world: &World, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    edit(world, &GATEWAY, json!({"gatewayIdentifier": id(world, "gateway", name)}), change).await;
}

/// Changes a client of a pool.
pub(crate) async fn edit_client(world: &World, pool: &str, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let ids = json!({"UserPoolId": id(world, "user_pool", pool), "ClientId": id(world, "user_pool_client", name)});
    edit(world, &USER_POOL_CLIENT, ids, change).await;
}

/// Changes a target of a gateway.
pub(crate) async fn edit_target(
    world: &World,
    gateway: &str,
    name: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let ids =
        json!({"gatewayIdentifier": id(world, "gateway", gateway), "targetId": id(world, "gateway_target", name)});
    edit(world, &GATEWAY_TARGET, ids, change).await;
}

/// Adds a policy to an engine.
pub(crate) async fn add_policy(world: &World, engine: &str, name: &str, statement: &str) {
    let engine = id(world, "policy_engine", engine);
    let definition = json!({"cedar": {"statement": statement}});
    let policy = json!({"policyEngineId": engine, "name": name, "definition": definition, "validationMode": "IGNORE_ALL_FINDINGS"});
    world.call("CreatePolicy", policy).await;
    settle().await;
}

/// Changes a policy of an engine.
pub(crate) async fn edit_policy(world: &World, engine: &str, name: &str, members: Value) {
    let mut body = json!({"policyEngineId": id(world, "policy_engine", engine), "policyId": id(world, "policy", name)});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body["validationMode"] = json!("IGNORE_ALL_FINDINGS");
    world.call("UpdatePolicy", body).await;
    settle().await;
}

/// Deletes a policy of an engine.
pub(crate) async fn delete_policy(world: &World, engine: &str, name: &str) {
    let ids = json!({"policyEngineId": id(world, "policy_engine", engine), "policyId": id(world, "policy", name)});
    world.call("DeletePolicy", ids).await;
    settle().await;
}
