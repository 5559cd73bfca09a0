//! Several stacks in one parent: team A owns a pool, team B names it with `existing` and has children in it. Neither touches what
//! is the other's, whatever happens to tags and calls.

mod apart;
mod page;
mod trouble;
mod unknown;

use gatewright::engine::{self, Planned};
use gatewright::plan::Plan;
use gatewright::stack::Stack;
use serde_json::{Value, json};

use crate::world::{World, steps};

/// Team A: the pool, a scope and a client of its own.
const OWNER: &str = r#"
[stack]
name = "identity"
region = "us-east-1"
[user_pool.shared]
[user_pool_domain.shared]
user_pool = "shared"
domain = "identity-shared"
[resource_server.corporate]
user_pool = "shared"
[resource_server.corporate.scopes]
read = "Reads"
[user_pool_client.portal]
user_pool = "shared"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["corporate/read"]
"#;

/// Team B, with the pool's id or address for `{existing}`: a scope, two clients, a group, and a gateway that takes their tokens.
const TENANT: &str = r#"
[stack]
name = "orders"
region = "us-east-1"
[user_pool.company]
existing = "{existing}"
[resource_server.orders]
user_pool = "company"
[resource_server.orders.scopes]
read = "Reads orders"
[user_pool_client.web]
user_pool = "company"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["orders/read"]
[user_pool_client.batch]
user_pool = "company"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["orders/read", "corporate/read"]
[user_pool_group.clerks]
user_pool = "company"
[jwt_authorizer.tokens]
user_pool = "company"
user_pool_clients = ["web", "batch"]
[gateway.orders]
role_arn = "arn:aws:iam::${aws.account}:role/orders"
protocol_type = "MCP"
jwt_authorizer = "tokens"
"#;

const BY_ADDRESS: &str = "stack:identity/default/user_pool.shared";

fn tenant(existing: &str) -> String {
    TENANT.replace("{existing}", existing)
}

/// The tables of a manifest without those that begin with this header.
fn without(manifest: &str, header: &str) -> String {
    let mut kept = manifest.to_owned();
    while let Some(start) = kept.find(header) {
        let end = kept[start + 1..].find("\n[").map_or(kept.len(), |end| start + 1 + end + 1);
        kept.replace_range(start..end, "");
    }
    kept
}

impl World {
    async fn pool(&self) -> String {
        let pools = self.call("ListUserPools", json!({"MaxResults": 60})).await;
        pools["UserPools"][0]["Id"].as_str().unwrap().to_owned()
    }

    async fn pool_arn(&self) -> String {
        let pool = self.call("DescribeUserPool", json!({"UserPoolId": self.pool().await})).await;
        pool["UserPool"]["Arn"].as_str().unwrap().to_owned()
    }

    async fn pool_tags(&self) -> Value {
        self.call("ListTagsForResource", json!({"ResourceArn": self.pool_arn().await})).await["Tags"].clone()
    }

    async fn tag_pool(&self, tags: Value) {
        self.call("TagResource", json!({"ResourceArn": self.pool_arn().await, "Tags": tags})).await;
    }

    async fn untag_pool(&self, key: &str) {
        self.call("UntagResource", json!({"ResourceArn": self.pool_arn().await, "TagKeys": [key]})).await;
    }

    /// The live names of the clients in the pool.
    async fn clients(&self) -> Vec<String> {
        let clients =
            self.call("ListUserPoolClients", json!({"UserPoolId": self.pool().await, "MaxResults": 60})).await;
        let clients = clients["UserPoolClients"].as_array().unwrap().iter();
        let mut names: Vec<String> = clients.map(|client| client["ClientName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    async fn destroy_plan(&self, stack: &Stack) -> Planned {
        engine::plan_destroy(&self.aws().await, stack).await.unwrap()
    }
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.diagnostics.iter().map(|found| found.code.as_str()).collect()
}

/// Every object and its tags, but not when each was last changed.
fn everything(world: &World) -> Value {
    let mut state = world.stand_in.observe();
    for object in state["objects"].as_array_mut().unwrap() {
        object["document"].as_object_mut().unwrap().remove("LastModifiedDate");
    }
    state
}

#[tokio::test(start_paused = true)]
async fn two_teams_share_a_pool_from_the_first_apply_to_the_last_destroy() {
    for by_id in [false, true] {
        let world = World::new();
        let empty = everything(&world);
        let stricter = OWNER.replace(
            "[user_pool.shared]\n",
            "[user_pool.shared]\nmfa_configuration = \"OPTIONAL\"\nsoftware_token_mfa_configuration.enabled = true\n",
        );
        world.apply(&stricter).await;
        world.apply(OWNER).await;
        let owned = everything(&world);
        let existing = if by_id { world.pool().await } else { BY_ADDRESS.to_owned() };
        let b = tenant(&existing);
        let plan = world.apply(&b).await;
        assert_eq!(plan.summary.create, 5, "the pool is not made: {:?}", steps(&plan));
        assert_eq!(world.clients().await, ["batch", "portal", "web"]);

        // Neither sees the other's as drift, as unexpected, or as anything at all.
        for manifest in [OWNER, b.as_str()] {
            let plan = world.plan(manifest).await;
            assert!(plan.steps.is_empty() && plan.unexpected.is_empty() && plan.diagnostics.is_empty(), "{plan:?}");
        }

        // A change of the owner's keeps the tenant's children and tags.
        world.apply(&stricter).await;
        assert!(world.plan(&b).await.steps.is_empty());
        world.apply(OWNER).await;

        // The tenant removes a client: it is found and deleted, and nothing else.
        let fewer = without(&b, "[user_pool_client.batch]").replace("[\"web\", \"batch\"]", "[\"web\"]");
        let plan = world.plan(&fewer).await;
        let said = steps(&plan);
        assert!(said.iter().any(|step| step.starts_with("delete user_pool_client.batch/")), "{said:?}");
        world.apply(&fewer).await;
        assert_eq!(world.clients().await, ["portal", "web"]);

        // The owner cannot go while the tenant is there.
        let planned = world.destroy_plan(&world.stack(OWNER)).await;
        assert_eq!(codes(&planned.plan), ["plan::foreign-child"]);
        let refused = &planned.plan.diagnostics[0];
        assert!(refused.message.contains("of stack `orders/default`"), "{}", refused.message);
        assert!(refused.help.as_ref().unwrap().contains("`orders/default`"), "{:?}", refused.help);
        let before = everything(&world);
        world.carry_out(&planned).await;
        assert_eq!(world.clients().await, ["portal", "web"], "children of a parent that stays stay with it");
        assert_eq!(everything(&world), before, "a refused destroy changes nothing");

        world.destroy_stack(&world.stack(&fewer)).await;
        assert_eq!(everything(&world), owned, "the owner has everything exactly as before the tenant came");
        world.destroy_stack(&world.stack(OWNER)).await;
        assert_eq!(everything(&world), empty, "nothing remains");
    }
}

#[tokio::test(start_paused = true)]
async fn children_are_found_when_the_manifest_no_longer_names_what_they_live_in() {
    let world = World::new();
    world.apply(OWNER).await;
    let owned = everything(&world);
    world.apply(&tenant(BY_ADDRESS)).await;
    let plan = world.apply("[stack]\nname = \"orders\"\nregion = \"us-east-1\"\n").await;
    assert_eq!(plan.summary.delete, 5, "{:?}", steps(&plan));
    assert_eq!(everything(&world), owned);
}

#[tokio::test(start_paused = true)]
async fn an_existing_object_gets_no_call_but_for_the_tags_of_its_children() {
    let world = World::new();
    world.apply(OWNER).await;
    world.stand_in.clear_journal();
    world.apply(&tenant(BY_ADDRESS)).await;
    world.destroy_stack(&world.stack(&tenant(BY_ADDRESS))).await;
    let operations: std::collections::BTreeSet<String> =
        world.mutations().into_iter().map(|entry| entry.operation).collect();
    let about_the_pool: Vec<&String> = operations
        .iter()
        .filter(|operation| {
            operation.ends_with("UserPool") || operation.contains("Mfa") || operation.to_lowercase().contains("tag")
        })
        .collect();
    assert_eq!(about_the_pool, ["TagResource", "UntagResource"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_named_and_stops_its_own_branch() {
    for existing in ["us-east-1_AbCdEfGhI", BY_ADDRESS] {
        let world = World::new();
        let manifest = tenant(existing) + "[policy_engine.own]\n";
        let planned = world.plan_stack(&world.stack(&manifest)).await;
        assert_eq!(codes(&planned.plan), ["plan::existing"]);
        assert!(planned.plan.diagnostics[0].message.contains(existing.rsplit('/').next().unwrap()));
        let outcome = world.carry_out(&planned).await;
        assert_eq!(outcome.done, ["policy_engine.own"]);
        let blocked = planned.plan.steps.iter().filter(|step| step.blocked.is_some()).count();
        assert_eq!(blocked, 5, "{:#?}", planned.plan.steps);
        world.destroy_stack(&world.stack(&manifest)).await;
    }
}

/// A gateway, an engine and a client of somebody else, made by hand, and what the stack puts beside them.
#[tokio::test(start_paused = true)]
async fn children_of_any_kind_live_in_existing_parents_and_existing_children_are_used() {
    let world = World::new();
    let role = "arn:aws:iam::111122223333:role/hand";
    let engine = world.call("CreatePolicyEngine", json!({"name": "hand"})).await;
    let gateway = world
        .call(
            "CreateGateway",
            json!({"name": "hand", "roleArn": role, "protocolType": "MCP", "authorizerType": "AWS_IAM"}),
        )
        .await;
    let pool = world.call("CreateUserPool", json!({"PoolName": "hand"})).await["UserPool"]["Id"].clone();
    let client = json!({"UserPoolId": pool, "ClientName": "hand"});
    let client = world.call("CreateUserPoolClient", client).await["UserPoolClient"]["ClientId"].clone();
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    let before = everything(&world);
    let manifest = format!(
        r#"
[stack]
name = "beside"
region = "us-east-1"
[policy_engine.theirs]
existing = {engine}
[gateway.theirs]
existing = {gateway}
[gateway_target.ours]
gateway = "theirs"
credential_provider_configurations = [{{ credential_provider_type = "GATEWAY_IAM_ROLE" }}]
[gateway_target.ours.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:f"
tool_schema.inline_payload = [{{ name = "get", description = "Gets", input_schema = {{ type = "object" }} }}]
[user_pool.theirs]
existing = {pool}
[user_pool_client.theirs]
user_pool = "theirs"
existing = {client}
[jwt_authorizer.theirs]
user_pool = "theirs"
user_pool_clients = ["theirs"]
[gateway.ours]
role_arn = "{role}"
protocol_type = "MCP"
jwt_authorizer = "theirs"
policy_engine = "theirs"
policy_mode = "ENFORCE"
[gateway_target.own]
gateway = "ours"
credential_provider_configurations = [{{ credential_provider_type = "GATEWAY_IAM_ROLE" }}]
[gateway_target.own.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:f"
tool_schema.inline_payload = [{{ name = "get", description = "Gets", input_schema = {{ type = "object", properties = {{ id = {{ type = "string" }} }} }} }}]
[policy.ours]
policy_engine = "theirs"
definition.cedar.statement = 'permit(principal, action == AgentCore::Action::"own___get", resource == AgentCore::Gateway::"${{gateway.ours.arn}}") when {{ context.input has id }};'
"#,
        engine = engine["policyEngineId"],
        gateway = gateway["gatewayId"],
    );
    let plan = world.apply(&manifest).await;
    assert_eq!(plan.summary.create, 4, "{:?}", steps(&plan));
    let found = world.call("ListGatewayTargets", json!({"gatewayIdentifier": gateway["gatewayId"]})).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let fewer = without(&without(&manifest, "[gateway_target.ours"), "[policy.ours]");
    let plan = world.apply(&fewer).await;
    assert_eq!(steps(&plan), ["delete gateway_target.theirs/ours", "delete policy.ours"]);
    world.apply(&manifest).await;
    world.destroy_stack(&world.stack(&manifest)).await;
    assert_eq!(everything(&world), before, "what was there before is as it was");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_becomes_existing_is_let_go_and_stays() {
    let world = World::new();
    world.apply(OWNER).await;
    let kept =
        OWNER.replace("[user_pool.shared]\n", &format!("[user_pool.shared]\nexisting = \"{}\"\n", world.pool().await));
    assert!(world.plan(&kept).await.steps.is_empty());
    world.destroy_stack(&world.stack(&kept)).await;
    assert_eq!(world.clients().await, Vec::<String>::new(), "its children were still the stack's");
}

#[tokio::test(start_paused = true)]
async fn a_stack_does_not_borrow_from_itself() {
    let world = World::new();
    world.apply(OWNER).await;
    let manifest = OWNER.to_owned() + &format!("[user_pool.again]\nexisting = \"{}\"\n", world.pool().await);
    let plan = world.plan(&manifest).await;
    assert_eq!(codes(&plan), ["plan::existing"]);
    assert!(plan.diagnostics[0].message.contains("manages as `user_pool.shared`"), "{:?}", plan.diagnostics);
    assert!(plan.steps.is_empty());
}
