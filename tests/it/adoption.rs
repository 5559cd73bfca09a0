//! Adoption: what others made by hand, taken over as it is.

use gatewright::plan::{Plan, Unsaid};
use serde_json::{Value, json};

use crate::openings::passing;
use crate::world::{World, steps};

/// A gateway with a target, an engine, policies, a pool and a client, as somebody made them in the console. Their ids by a short
/// name.
struct ByHand {
    gateway: String,
    target: String,
    engine: String,
    permit: String,
    forbid: String,
    pool: String,
    client: String,
}

async fn text(world: &World, operation: &str, input: Value, pointer: &str) -> String {
    let answer = world.call(operation, input).await;
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{operation}: {answer}")).to_owned()
}

async fn settle() {
    tokio::time::advance(std::time::Duration::from_secs(30)).await;
}

async fn by_hand(world: &World) -> ByHand {
    let pool = text(world, "CreateUserPool", json!({"PoolName": "people", "MfaConfiguration": "OFF", "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true}}), "/UserPool/Id").await;
    let server = json!({"UserPoolId": pool, "Identifier": "api", "Name": "api", "Scopes": [{"ScopeName": "read", "ScopeDescription": "Read"}]});
    world.call("CreateResourceServer", server).await;
    let client = json!({"UserPoolId": pool, "ClientName": "portal", "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["api/read"], "RefreshTokenValidity": 7});
    let client = text(world, "CreateUserPoolClient", client, "/UserPoolClient/ClientId").await;
    let engine = text(world, "CreatePolicyEngine", json!({"name": "guard"}), "/policyEngineId").await;
    settle().await;
    let engine_arn = text(world, "GetPolicyEngine", json!({"policyEngineId": engine}), "/policyEngineArn").await;
    let gateway = json!({"name": "hand-made", "roleArn": "arn:aws:iam::111122223333:role/g", "protocolType": "MCP", "description": "made by hand",
        "authorizerType": "CUSTOM_JWT", "authorizerConfiguration": {"customJWTAuthorizer": {
            "discoveryUrl": format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}/.well-known/openid-configuration"),
            "allowedClients": [client]}},
        "policyEngineConfiguration": {"arn": engine_arn, "mode": "ENFORCE"}, "tags": {"made": "by hand"}});
    let gateway = text(world, "CreateGateway", gateway, "/gatewayId").await;
    settle().await;
    let target = json!({"gatewayIdentifier": gateway, "name": "tools", "credentialProviderConfigurations": [{"credentialProviderType": "GATEWAY_IAM_ROLE"}],
        "targetConfiguration": {"mcp": {"lambda": {"lambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:f", "toolSchema": {"inlinePayload": [
            {"name": "get", "description": "Gets", "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}}]}}}}});
    let target = text(world, "CreateGatewayTarget", target, "/targetId").await;
    settle().await;
    let arn = text(world, "GetGateway", json!({"gatewayIdentifier": gateway}), "/gatewayArn").await;
    let mut policies = Vec::new();
    for (name, effect, condition) in [
        ("may_read", "permit", r#"principal.hasTag("scope") && principal.getTag("scope") like "*api/read*""#),
        ("no_secrets", "forbid", r#"context.input.id == "secret""#),
    ] {
        let statement = format!(
            "{effect}(principal, action == AgentCore::Action::\"tools___get\", resource == AgentCore::Gateway::\"{arn}\") when {{ {condition} }};"
        );
        let input = json!({"policyEngineId": engine, "name": name, "definition": {"cedar": {"statement": statement}}});
        policies.push(text(world, "CreatePolicy", input, "/policyId").await);
        settle().await;
    }
    let (permit, forbid) = (policies[0].clone(), policies[1].clone());
    ByHand { gateway, target, engine, permit, forbid, pool, client }
}

/// As short as it can be: only what is to be taken over, and where.
fn short(ids: &ByHand) -> String {
    format!(
        r#"
[stack]
name = "s"
region = "us-east-1"
[user_pool.people]
adopt = "{pool}"
[resource_server.api]
user_pool = "people"
adopt = "api"
[user_pool_client.portal]
user_pool = "people"
adopt = "{client}"
[policy_engine.guard]
adopt = "{engine}"
[gateway.hr]
adopt = "{gateway}"
[gateway_target.tools]
gateway = "hr"
adopt = "{target}"
[policy.may_read]
policy_engine = "guard"
adopt = "{permit}"
[policy.no_secrets]
policy_engine = "guard"
adopt = "{forbid}"
"#,
        pool = ids.pool,
        client = ids.client,
        engine = ids.engine,
        gateway = ids.gateway,
        target = ids.target,
        permit = ids.permit,
        forbid = ids.forbid,
    )
}

/// The state without tags: what is live.
fn untagged(state: &Value) -> Vec<Value> {
    let objects = state["objects"].as_array().unwrap().iter().cloned();
    objects
        .map(|mut object| {
            object.as_object_mut().unwrap().remove("tags");
            if let Some(document) = object["document"].as_object_mut() {
                document.retain(|member, _| !matches!(member.as_str(), "tags" | "UserPoolTags"));
            }
            object
        })
        .collect()
}

fn unsaid<'a>(plan: &'a Plan, address: &str) -> &'a Unsaid {
    plan.unsaid.iter().find(|unsaid| unsaid.address == address).unwrap_or_else(|| panic!("{:#?}", plan.unsaid))
}

#[tokio::test(start_paused = true)]
async fn what_was_made_by_hand_is_taken_over_with_a_short_manifest_and_nothing_live_changes() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let before = world.stand_in.observe();
    let plan = world.plan(&short(&ids)).await;
    println!("{}", gatewright::report::plan(&plan, 120));
    assert_eq!(plan.summary.adopt, 8, "{:?}", steps(&plan));
    assert_eq!(
        (plan.risks.as_slice(), plan.diagnostics.as_slice(), plan.unexpected.as_slice()),
        (&[][..], &[][..], &[][..])
    );
    for step in &plan.steps {
        assert!(step.changes.iter().all(|change| change.path.starts_with("tags.")), "{step:?}");
    }
    world.stand_in.clear_journal();
    world.apply(&short(&ids)).await;
    let operations: std::collections::BTreeSet<String> =
        world.mutations().into_iter().map(|entry| entry.operation).collect();
    assert_eq!(operations.into_iter().collect::<Vec<_>>(), ["TagResource"]);
    assert_eq!(untagged(&world.stand_in.observe()), untagged(&before));
}

/// The short manifest with what the plan says to paste, in the place where it says so.
fn pasted(short: &str, plan: &Plan) -> String {
    let mut text = short.to_owned();
    for unsaid in &plan.unsaid {
        assert_eq!(unsaid.changes, [], "{}", unsaid.address);
        let header = format!("[{}]\n", unsaid.address);
        assert!(text.contains(&header), "{header}");
        text = text.replace(&header, &format!("{header}{}\n", unsaid.paste.join("\n")));
    }
    text
}

fn without_adopt(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("adopt = ")).collect();
    lines.join("\n")
}

#[tokio::test(start_paused = true)]
async fn the_lines_to_paste_are_the_whole_manifest_and_then_adopt_goes_without_a_change() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let short = short(&ids);
    let plan = world.apply(&short).await;
    let whole = pasted(&short, &plan);
    let plan = world.plan(&whole).await;
    assert_eq!((steps(&plan), plan.unsaid), (vec![], vec![]), "{whole}");
    let before = world.stand_in.observe();
    let plan = world.apply(&without_adopt(&whole)).await;
    assert_eq!((steps(&plan), plan.risks), (vec![], vec![]));
    assert_eq!(world.stand_in.observe(), before);
    world.destroy_stack(&world.stack(&without_adopt(&whole))).await;
    assert!(world.stand_in.observe()["objects"].as_array().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_manifest_says_otherwise_is_listed_and_changes_once_adopt_is_removed() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let manifest = |adopt: &str| {
        format!(
            "[stack]\nname = \"s\"\nregion = \"us-east-1\"\n[user_pool_client.portal]\nuser_pool = \"people\"\n{}generate_secret = true\nallowed_oauth_flows_user_pool_client = true\n\
             allowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\"]\nrefresh_token_validity = 9\n\
             [user_pool.people]\nadmin_create_user_config.allow_admin_create_user_only = true\n{}[resource_server.api]\nuser_pool = \"people\"\nscopes.read = \"Reads\"\n{}",
            if adopt.is_empty() { String::new() } else { format!("adopt = \"{}\"\n", ids.client) },
            if adopt.is_empty() { String::new() } else { format!("adopt = \"{}\"\n", ids.pool) },
            if adopt.is_empty() { String::new() } else { "adopt = \"api\"\n".to_owned() },
        )
    };
    let before = untagged(&world.stand_in.observe());
    let plan = world.apply(&manifest("adopt")).await;
    assert_eq!(untagged(&world.stand_in.observe()), before);
    let paths = |address: &str| -> Vec<String> {
        unsaid(&plan, address).changes.iter().map(|change| change.path.clone()).collect()
    };
    assert_eq!(paths("user_pool_client.portal"), ["RefreshTokenValidity"]);
    assert_eq!(paths("resource_server.api"), ["Scopes[read].ScopeDescription"]);
    let plan = world.plan(&manifest("")).await;
    assert_eq!(
        steps(&plan),
        [
            "update resource_server.api: Scopes[read].ScopeDescription",
            "update user_pool_client.portal: RefreshTokenValidity"
        ]
    );
    assert!(plan.steps.iter().all(|step| step.origin == gatewright::plan::Origin::Unknown), "nobody applied it yet");
    world.apply(&manifest("")).await;
}

fn codes(plan: &Plan) -> Vec<(&str, &str)> {
    let blocked = |address: &&str| plan.steps.iter().any(|step| step.address == **address && step.blocked.is_some());
    let found = plan.diagnostics.iter().filter_map(|found| Some((found.code.as_str(), found.address.as_deref()?)));
    found.inspect(|(_, address)| assert!(blocked(address), "{address} is blocked: {:?}", plan.steps)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_over_stops_its_own_branch_only() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let theirs = format!(
        "[stack]\nname = \"theirs\"\nregion = \"us-east-1\"\n[policy_engine.guard]\nadopt = \"{}\"\n",
        ids.engine
    );
    world.apply(&theirs).await;
    let ours = format!(
        "[stack]\nname = \"s\"\nregion = \"us-east-1\"\n[policy_engine.guard]\nadopt = \"{}\"\n[policy.p]\npolicy_engine = \"guard\"\nadopt = \"{}\"\n\
         [gateway.none]\nadopt = \"no-such-1a2b3c4d5e\"\n[gateway.hr]\nadopt = \"{}\"\n[gateway_target.none]\ngateway = \"hr\"\nadopt = \"NOSUCHID99\"\n",
        ids.engine, ids.permit, ids.gateway
    );
    let stack = world.stack(&ours);
    let planned = world.plan_stack(&stack).await;
    let plan = &planned.plan;
    assert_eq!(
        codes(plan),
        [
            ("plan::adopt", "policy_engine.guard"),
            ("plan::adopt", "policy.p"),
            ("plan::adopt", "gateway.none"),
            ("plan::adopt", "gateway_target.none")
        ]
    );
    assert!(plan.diagnostics[0].message.contains("theirs/default"), "{:?}", plan.diagnostics[0]);
    assert!(
        plan.diagnostics[0]
            .help
            .as_ref()
            .unwrap()
            .contains("\"stack:theirs/default/policy_engine.NAME\" = \"policy_engine.guard\"")
    );
    let before = untagged(&world.stand_in.observe());
    let outcome = world.carry_out(&planned).await;
    assert_eq!(outcome.done, ["gateway.hr"], "{outcome:?}");
    assert_eq!(untagged(&world.stand_in.observe()), before);
    world.apply(&theirs).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_shown_with_the_line_that_takes_it_over() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let manifest = "[stack]\nname = \"s\"\nregion = \"us-east-1\"\n[gateway.hand-made]\nrole_arn = \"arn:aws:iam::111122223333:role/g\"\nauthorizer_type = \"AWS_IAM\"\n";
    let plan = world.plan(manifest).await;
    let [found] = plan.diagnostics.as_slice() else { panic!("{:?}", plan.diagnostics) };
    assert_eq!(found.code, "plan::foreign");
    let line = format!("adopt = \"{}\"", ids.gateway);
    assert!(found.help.as_ref().unwrap().contains(&line), "{found:?}");
    let plan = world.plan(&manifest.replace("[gateway.hand-made]", &format!("[gateway.hand-made]\n{line}"))).await;
    assert_eq!(plan.summary.adopt, 1, "{:?}", plan.diagnostics);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_another_resource_of_the_stack_has_is_no_second_one() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let one =
        format!("[stack]\nname = \"s\"\nregion = \"us-east-1\"\n[policy_engine.guard]\nadopt = \"{}\"\n", ids.engine);
    world.apply(&one).await;
    let two = format!(
        "{}[policy_engine.other]\nadopt = \"{}\"\n",
        one.replace(&format!("adopt = \"{}\"", ids.engine), ""),
        ids.engine
    );
    assert_eq!(codes(&world.plan(&two).await), [("plan::adopt", "policy_engine.other")]);
    // Given up, it moves.
    let plan = world.apply(&one.replace("policy_engine.guard", "policy_engine.other")).await;
    assert_eq!(steps(&plan), ["move policy_engine.other: tags.gatewright:address"]);
    // An address that has an object takes no second one.
    let made = text(&world, "CreatePolicyEngine", json!({"name": "second"}), "/policyEngineId").await;
    settle().await;
    let plan = world.plan(&one.replace("policy_engine.guard", "policy_engine.other").replace(&ids.engine, &made)).await;
    assert_eq!(codes(&plan), [("plan::adopt", "policy_engine.other")]);
    let plan = world
        .plan(&one.replace("policy_engine.guard", "policy_engine.other").replace(&ids.engine, "guard-0000000000"))
        .await;
    assert_eq!(codes(&plan), [("plan::adopt", "policy_engine.other")]);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_before_the_adoption_leaves_everything_and_after_it_takes_it() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let stack = world.stack(&short(&ids));
    let before = world.stand_in.observe();
    assert_eq!(steps(&world.destroy_stack(&stack).await), Vec::<String>::new());
    assert_eq!(world.stand_in.observe(), before);
    world.apply_stack(&stack).await;
    assert_eq!(world.destroy_stack(&stack).await.summary.delete, 8);
    assert!(world.stand_in.observe()["objects"].as_array().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_adopted_gateway_that_is_open_is_a_running_one() {
    let world = World::new();
    let ids = by_hand(&world).await;
    let open = passing(&world.stand_in.observe());
    assert_eq!(open.len(), 1, "{open:?}");
    let more = format!(
        "{}[policy.more]\npolicy_engine = \"guard\"\ndefinition.cedar.statement = 'permit(principal, action == AgentCore::Action::\"tools___get\", resource == AgentCore::Gateway::\"${{gateway.hr.arn}}\") when {{ context.input.id == \"1\" }};'\n",
        short(&ids)
    );
    let plan = world.plan(&more).await;
    assert!(
        plan.risks.iter().any(|risk| risk.code == "access-widened" && risk.address == "policy.more"),
        "{:?}",
        plan.risks
    );
    // Neither locked nor opened on the way: it stays as it is.
    world.stand_in.clear_journal();
    world.apply(&more).await;
    assert!(world.mutations().iter().all(|entry| entry.operation != "UpdateGateway"));
    assert_eq!(passing(&world.stand_in.observe()), open);
}

#[tokio::test(start_paused = true)]
async fn an_adoption_that_dies_after_any_call_is_finished_by_the_next() {
    let world = World::new();
    let ids = by_hand(&world).await;
    world.stand_in.clear_journal();
    world.apply(&short(&ids)).await;
    for dead_after in 0..world.mutations().len() {
        let world = World::new();
        let ids = by_hand(&world).await;
        let before = untagged(&world.stand_in.observe());
        let stack = world.stack(&short(&ids));
        crate::faults::die_after(&world.stand_in, dead_after);
        let planned = world.plan_stack(&stack).await;
        assert!(!world.carry_out(&planned).await.failed.is_empty(), "dead after {dead_after}");
        world.stand_in.clear_faults();
        world.apply_stack(&stack).await;
        assert_eq!(untagged(&world.stand_in.observe()), before, "dead after {dead_after}");
    }
}

const UNMANAGED: &str = r#"
[stack]
name = "s"
region = "us-east-1"
[user_pool.p]
[user_pool_client.web]
user_pool = "p"
unmanaged = ["callback_urls", "logout_urls"]
supported_identity_providers = ["COGNITO"]
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["code"]
allowed_oauth_scopes = ["openid"]
callback_urls = ["https://first.example.com/"]
refresh_token_validity = 30
"#;

#[tokio::test(start_paused = true)]
async fn what_somebody_else_writes_is_given_once_and_then_left_alone() {
    let world = World::new();
    world.apply(UNMANAGED).await;
    let live = |world: &World| {
        let state = world.stand_in.observe();
        let objects = state["objects"].as_array().unwrap().clone();
        objects.into_iter().find(|object| object["kind"] == "user_pool_client").unwrap()["document"].clone()
    };
    let made = live(&world);
    assert_eq!(made["CallbackURLs"], json!(["https://first.example.com/"]), "given at creation");
    let urls = json!(["https://pr-1.example.com/", "https://pr-2.example.com/"]);
    let by_hand = json!({"UserPoolId": made["UserPoolId"], "ClientId": made["ClientId"], "ClientName": "web", "CallbackURLs": urls,
        "LogoutURLs": ["https://bye.example.com/"], "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "SupportedIdentityProviders": ["COGNITO"]});
    world.call("UpdateUserPoolClient", by_hand).await;
    assert_eq!(steps(&world.plan(UNMANAGED).await), Vec::<String>::new(), "no drift");
    let other = UNMANAGED.replace("first", "second");
    assert_eq!(steps(&world.plan(&other).await), Vec::<String>::new(), "a value is for the creation");
    // A full-replace update sends back what is live, even what came after the plan.
    let changed = UNMANAGED.replace("refresh_token_validity = 30", "refresh_token_validity = 10");
    let stack = world.stack(&changed);
    let planned = world.plan_stack(&stack).await;
    assert_eq!(steps(&planned.plan), ["update user_pool_client.web: RefreshTokenValidity"]);
    assert_eq!(json!(planned.plan.steps[0].origin), "change");
    let later = json!({"UserPoolId": made["UserPoolId"], "ClientId": made["ClientId"], "ClientName": "web", "CallbackURLs": ["https://pr-3.example.com/"],
        "LogoutURLs": ["https://bye.example.com/"], "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "SupportedIdentityProviders": ["COGNITO"]});
    world.call("UpdateUserPoolClient", later).await;
    let outcome = world.carry_out(&planned).await;
    assert_eq!(outcome.failed, []);
    let now = live(&world);
    assert_eq!(
        (&now["CallbackURLs"], &now["RefreshTokenValidity"]),
        (&json!(["https://pr-3.example.com/"]), &json!(10))
    );
    assert_eq!(now["LogoutURLs"], json!(["https://bye.example.com/"]));
    assert_eq!(steps(&world.plan(&changed).await), Vec::<String>::new());
    // The value in the manifest is no part of what was applied.
    let drifted = changed.replace("first", "third");
    let drift = json!({"UserPoolId": made["UserPoolId"], "ClientId": made["ClientId"], "ClientName": "web", "CallbackURLs": urls, "RefreshTokenValidity": 5,
        "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "SupportedIdentityProviders": ["COGNITO"]});
    world.call("UpdateUserPoolClient", drift).await;
    let plan = world.plan(&drifted).await;
    assert_eq!(json!(plan.steps[0].origin), "drift");
}
