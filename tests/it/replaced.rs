//! Objects that are made anew while a gateway runs: planned steps, named risks, at no moment without enforcement.

use gatewright::plan::Plan;

use crate::openings::passing;
use crate::running::{ENGINE, INTERCEPTED, JWT, NO_PUT, READ, WRITE, dies_after_each_call, manifest, policy};
use crate::world::{World, steps};

const KEYED: &str = "[policy_engine.e]\nencryption_key_arn = \"arn:aws:kms:us-east-1:000000000000:key/12345678-1234-1234-1234-123456789012\"";
const RENAMED: &str = "[policy_engine.e]\nname = \"e_new\"";

fn stack(rest: &str) -> String {
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", WRITE));
    let no_put = policy("no_put", "forbid", "put", NO_PUT);
    manifest(&format!("{JWT}{ENGINE}{rest}"), &format!("{get}{put}{no_put}"))
}

fn with_engine(manifest: &str, engine: &str) -> String {
    manifest.replace("[policy_engine.e]", engine)
}

fn risks(plan: &Plan) -> Vec<String> {
    plan.risks.iter().map(|risk| format!("{} {}", risk.code, risk.address)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_engine_with_a_new_key_is_made_anew_behind_a_locked_gateway() {
    let (before, after) = (stack(""), with_engine(&stack(""), KEYED));
    let world = World::new();
    world.apply(&before).await;
    let open = passing(&world.stand_in.observe());
    world.stand_in.clear_journal();
    let plan = world.apply(&after).await;
    assert!(steps(&plan).iter().any(|step| step.starts_with("replace policy_engine.e")), "{:?}", steps(&plan));
    assert!(risks(&plan).contains(&"interrupts gateway.g".to_owned()), "{:?}", plan.risks);
    let calls: Vec<_> = world.mutations().into_iter().map(|entry| entry.operation).collect();
    let of_interest: Vec<_> = calls
        .iter()
        .filter(|call| !call.contains("agResource") && !call.contains("Policy") || call.contains("Engine"))
        .collect();
    assert_eq!(
        of_interest,
        ["UpdateGateway", "DeletePolicyEngine", "CreatePolicyEngine", "UpdateGateway", "UpdateGateway"]
    );
    assert_eq!(passing(&world.stand_in.observe()), open, "the same calls pass as before");
    dies_after_each_call(&before, &after, "an engine with a new key").await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_under_a_new_name_stands_before_the_old_one_goes() {
    let (before, after) = (stack(""), with_engine(&stack(""), RENAMED));
    let world = World::new();
    world.apply(&before).await;
    let open = passing(&world.stand_in.observe());
    world.stand_in.clear_journal();
    world.apply(&after).await;
    let calls: Vec<_> = world.mutations().into_iter().map(|entry| entry.operation).collect();
    let of_interest: Vec<_> = calls
        .iter()
        .filter(|call| !call.contains("agResource") && !call.contains("Policy") || call.contains("Engine"))
        .collect();
    assert_eq!(of_interest, ["CreatePolicyEngine", "UpdateGateway", "DeletePolicyEngine"]);
    assert_eq!(passing(&world.stand_in.observe()), open, "the same calls pass as before");
    dies_after_each_call(&before, &after, "an engine under a new name").await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_is_made_anew_behind_interceptors() {
    let before = stack(INTERCEPTED);
    for engine in [KEYED, RENAMED] {
        dies_after_each_call(&before, &with_engine(&before, engine), engine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_tokens_keeps_its_engine_unless_the_new_one_has_another_name() {
    let any = policy("any", "permit", "put", r#"context.input.id != """#);
    let before = manifest(&format!("authorizer_type = \"AWS_IAM\"\n{ENGINE}"), &any);
    let world = World::new();
    world.apply(&before).await;
    let plan = world.plan(&with_engine(&before, KEYED)).await;
    assert_eq!(
        plan.diagnostics.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(),
        ["plan::engine-replacement"]
    );
    let open = passing(&world.stand_in.observe());
    world.carry_out(&world.plan_stack(&world.stack(&with_engine(&before, KEYED))).await).await;
    assert_eq!(passing(&world.stand_in.observe()), open, "nothing was opened on the way to a refusal");
    dies_after_each_call(&before, &with_engine(&before, RENAMED), "signed requests, an engine under a new name").await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_and_a_client_are_made_anew_closed() {
    let before = stack("");
    let gateway = before.replace("name = \"g\"", "name = \"g-new\"");
    let world = World::new();
    world.apply(&before).await;
    let plan = world.plan(&gateway).await;
    assert!(risks(&plan).contains(&"endpoint-changes gateway.g".to_owned()), "{:?}", plan.risks);
    assert!(risks(&plan).contains(&"interrupts gateway.g".to_owned()), "{:?}", plan.risks);
    dies_after_each_call(&before, &gateway, "a gateway under a new name").await;
    let client = before.replace("[user_pool_client.reader]\nuser_pool = \"p\"\ngenerate_secret = true", "[user_pool_client.reader]\nuser_pool = \"p\"\nname = \"reader-new\"\ngenerate_secret = false\n").replace("allowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\"]\n[user", "allowed_oauth_flows = [\"code\"]\ncallback_urls = [\"https://localhost\"]\nallowed_oauth_scopes = [\"api/read\"]\n[user");
    let plan = world.plan(&client).await;
    assert!(steps(&plan).iter().any(|step| step.starts_with("replace user_pool_client.reader")), "{:?}", steps(&plan));
    assert!(risks(&plan).contains(&"endpoint-changes user_pool_client.reader".to_owned()), "{:?}", plan.risks);
    dies_after_each_call(&before, &client, "a client made anew").await;
}
