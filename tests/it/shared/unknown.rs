//! Children that nobody declared: shown, left alone, and deleted only where the parent says so.

use serde_json::{Value, json};

use super::{BY_ADDRESS, OWNER, codes, everything, tenant};
use crate::world::{World, steps};

async fn by_hand(world: &World) -> String {
    let pool = world.pool().await;
    world.call("CreateGroup", json!({"UserPoolId": pool, "GroupName": "intruders"})).await;
    let client = json!({"UserPoolId": pool, "ClientName": "intruder"});
    world.call("CreateUserPoolClient", client).await["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_nobody_declared_is_listed_and_left_alone() {
    let world = World::new();
    world.apply(OWNER).await;
    world.apply(&tenant(BY_ADDRESS)).await;
    let id = by_hand(&world).await;
    let before = everything(&world);
    let plan = world.apply(OWNER).await;
    let listed: Vec<String> = plan.unexpected.iter().map(|child| format!("{} {}", child.kind, child.name)).collect();
    assert_eq!(listed, ["user_pool_client intruder", "user_pool_group intruders"], "and nothing of the other stack");
    for text in [gatewright::report::plan(&plan, 100), gatewright::report::plan_markdown(&plan)] {
        assert!(
            text.contains("Left alone") && text.contains("intruders") && text.contains("user_pool.shared"),
            "{text}"
        );
    }
    assert!(plan.unexpected.iter().any(|child| child.id == id));
    assert_eq!(everything(&world), before);
    // In somebody else's pool it is nobody's business.
    assert_eq!(world.plan(&tenant(BY_ADDRESS)).await.unexpected, []);
    // And the owner cannot delete the pool with it.
    let planned = world.destroy_plan(&world.stack(OWNER)).await;
    assert_eq!(codes(&planned.plan), ["plan::foreign-child"]);
    assert!(planned.plan.diagnostics[0].message.contains("nobody we know"));
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_says_so_loses_them_and_nothing_else() {
    let world = World::new();
    world.apply(OWNER).await;
    world.apply(&tenant(BY_ADDRESS)).await;
    let before = everything(&world);
    let id = by_hand(&world).await;
    let strict = OWNER.replace("[user_pool.shared]\n", "[user_pool.shared]\ndelete_unknown_children = true\n");
    let plan = world.plan(&strict).await;
    assert_eq!(
        steps(&plan),
        [format!("delete user_pool_client.shared/intruder/{id}"), "delete user_pool_group.shared/intruders".to_owned()]
    );
    assert!(
        plan.steps.iter().all(|step| step.id.is_some() && step.reason.as_ref().unwrap().contains("nobody declared"))
    );
    assert_eq!(plan.unexpected, [], "what goes is not left alone");
    world.apply(&strict).await;
    assert_eq!(everything(&world), before);
    assert!(world.plan(&tenant(BY_ADDRESS)).await.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_destroy_takes_them_along_where_the_parent_says_so() {
    let world = World::new();
    let nothing = everything(&world);
    let strict = OWNER.replace("[user_pool.shared]\n", "[user_pool.shared]\ndelete_unknown_children = true\n");
    world.apply(&strict).await;
    by_hand(&world).await;
    let plan = world.destroy_stack(&world.stack(&strict)).await;
    assert_eq!(plan.summary.delete, 6, "{:?}", steps(&plan));
    assert_eq!(everything(&world), nothing);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_manifest_wants_is_foreign_and_not_unknown() {
    let world = World::new();
    let strict = OWNER.replace("[user_pool.shared]\n", "[user_pool.shared]\ndelete_unknown_children = true\n");
    world.apply(&strict).await;
    by_hand(&world).await;
    let wants = format!(
        "{strict}[user_pool_group.intruders]\nuser_pool = \"shared\"\n[user_pool_client.intruder]\nuser_pool = \"shared\"\n"
    );
    let plan = world.plan(&wants).await;
    assert_eq!(codes(&plan), ["plan::foreign", "plan::foreign"]);
    assert!(steps(&plan).iter().all(|step| !step.starts_with("delete")), "{:?}", steps(&plan));
}

#[tokio::test(start_paused = true)]
async fn a_child_named_by_existing_is_not_unknown_and_keeps_its_parent() {
    let world = World::new();
    world.apply(OWNER).await;
    let id = by_hand(&world).await;
    let pool = world.pool().await;
    world.call("DeleteGroup", json!({"UserPoolId": pool, "GroupName": "intruders"})).await;
    let strict = OWNER.replace("[user_pool.shared]\n", "[user_pool.shared]\ndelete_unknown_children = true\n")
        + &format!("[user_pool_client.old]\nuser_pool = \"shared\"\nexisting = \"{id}\"\n");
    let plan = world.apply(&strict).await;
    assert_eq!((steps(&plan), plan.unexpected), (vec![], vec![]));
    let planned = world.destroy_plan(&world.stack(&strict)).await;
    assert_eq!(codes(&planned.plan), ["plan::foreign-child"]);
    world.carry_out(&planned).await;
    assert!(world.clients().await.contains(&"intruder".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_forbid_goes_only_with_its_risk() {
    let world = World::new();
    let manifest = r#"
[stack]
name = "s"
region = "us-east-1"
[policy_engine.e]
delete_unknown_children = true
[gateway.g]
role_arn = "arn:aws:iam::111122223333:role/g"
authorizer_type = "AWS_IAM"
protocol_type = "MCP"
policy_engine = "e"
policy_mode = "ENFORCE"
"#;
    world.apply(manifest).await;
    let engines = world.call("ListPolicyEngines", json!({})).await;
    let gateways = world.call("ListGateways", json!({})).await;
    let gateway = world.call("GetGateway", json!({"gatewayIdentifier": gateways["items"][0]["gatewayId"]})).await;
    let statement = format!("forbid(principal, action, resource == AgentCore::Gateway::{});", gateway["gatewayArn"]);
    let engine = engines["policyEngines"][0]["policyEngineId"].clone();
    let policy: Value =
        json!({"policyEngineId": engine, "name": "by_hand", "definition": {"cedar": {"statement": statement}}});
    world.call("CreatePolicy", policy).await;
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    let plan = world.plan(manifest).await;
    assert_eq!(steps(&plan), ["delete policy.e/by_hand"]);
    assert!(plan.risks.iter().any(|risk| risk.code == "forbid-removed"), "{:?}", plan.risks);
    world.apply(manifest).await;
    world.destroy_stack(&world.stack(manifest)).await;
}
