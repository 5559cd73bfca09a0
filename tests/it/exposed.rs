//! Exposed: of what somebody did by hand, who can call which tool because of it, since when, and how that is known. And what
//! `--close` may do about it.

use gatewright::access::prove::Solver;
use gatewright::engine::{self, Asked, Planned, Scope};
use gatewright::moment::Moment;
use gatewright::plan::{Exposure, Plan};
use serde_json::{Value, json};

use crate::cvc5::cvc5;
use crate::hand::{add_policy, delete_policy, edit_client, edit_gateway, edit_policy, edit_target, id, settle};
use crate::incident::{self, running};
use crate::openings::passing;
use crate::running::{ENGINE, JWT, READ, WRITE, manifest, policy};
use crate::world::{World, steps};

/// A permit for the reader, one for the writer, and a forbid.
fn stack() -> String {
    incident::stack("")
}

async fn asked(world: &World, text: &str, scope: Scope, solver: Option<Solver>) -> Planned {
    let asked = Asked { scope, solver, ..Asked::default() };
    engine::plan_asked(&world.aws().await, &world.stack(text), &asked).await.unwrap()
}

/// Closes, lets nobody in, and gives what was planned.
async fn close(world: &World, text: &str, solver: Option<Solver>) -> Plan {
    let planned = asked(world, text, Scope::Close, solver).await;
    assert_eq!(planned.plan.risks, [], "closing takes no risk");
    let before = passing(&world.stand_in.observe());
    let outcome = world.carry_out(&planned).await;
    assert_eq!((&outcome.failed, &outcome.skipped), (&vec![], &vec![]));
    settle().await;
    let after = passing(&world.stand_in.observe());
    assert!(after.is_subset(&before), "{:?}", after.difference(&before));
    planned.plan
}

/// Who, which tool, what by the manifest and what now.
fn who(exposed: &[Exposure]) -> Vec<[&str; 5]> {
    exposed.iter().map(|of| [&of.address, &of.principal, &of.tool, &of.before, &of.after].map(String::as_str)).collect()
}

/// The live statement of a policy, changed.
async fn reword(world: &World, name: &str, from: &str, to: &str) {
    let state = world.stand_in.observe();
    let is_it = |of: &&Value| of["kind"] == "policy" && of["document"]["name"] == name;
    let live = state["objects"].as_array().unwrap().iter().find(is_it).unwrap();
    let statement = live["document"].pointer("/definition/cedar/statement").unwrap().as_str().unwrap();
    assert!(statement.contains(from), "{statement}");
    let definition = json!({"cedar": {"statement": statement.replace(from, to)}});
    edit_policy(world, "e", name, json!({"definition": definition})).await;
}

/// The service's own date of a live object.
fn changed(world: &World, kind: &str, name: &str) -> String {
    let state = world.stand_in.observe();
    let is_it = |of: &&Value| of["kind"] == kind && of["document"]["name"] == name;
    let live = state["objects"].as_array().unwrap().iter().find(is_it).unwrap();
    // In milliseconds since 1970.
    let seconds = live["document"]["updatedAt"].as_f64().unwrap() / 1000.0;
    Moment::of(&json!(seconds)).unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_widened_by_hand_tells_who_gains_which_tool_since_when_and_how_that_is_known() {
    let world = running(&stack()).await;
    reword(&world, "put", WRITE, READ).await;
    let plan = world.plan(&stack()).await;
    assert_eq!(who(&plan.exposed), [["policy.put", "reader", "t/put", "never", "sometimes"]]);
    let found = &plan.exposed[0];
    assert_eq!(found.how, "tested");
    assert!(found.tokens.is_some_and(|tokens| tokens > 2) && found.repaired, "{found:?}");
    let witness = found.witness.as_deref().unwrap();
    assert!(witness.contains(r#""scope":"api/read""#) && witness.contains(r#"input {"id":"x"}"#), "{witness}");
    let since = found.since.as_ref().unwrap();
    assert_eq!((since.changed.clone(), &since.created), (Some(changed(&world, "policy", "put")), &None));
    // The date is no part of what was reviewed.
    let mut later = plan.clone();
    later.exposed[0].since = None;
    assert_eq!(later.digest(), plan.hash);
    if let Some(solver) = cvc5() {
        let plan = asked(&world, &stack(), Scope::All, Some(solver)).await.plan;
        assert_eq!(who(&plan.exposed), [["policy.put", "reader", "t/put", "never", "sometimes"]]);
        assert_eq!((plan.exposed[0].how.as_str(), plan.exposed[0].tokens), ("proved", None));
    }
    world.apply(&stack()).await;
    assert_eq!(world.plan(&stack()).await.exposed, []);
}

#[tokio::test(start_paused = true)]
async fn what_was_narrowed_by_hand_is_drift_and_not_exposed() {
    let world = running(&stack()).await;
    reword(&world, "put", WRITE, &format!("{WRITE} && context.input.id == \"x\"")).await;
    edit_client(&world, "p", "writer", |body| drop(body.insert("AllowedOAuthScopes".into(), json!(["api/read"]))))
        .await;
    let plan = world.plan(&stack()).await;
    let mut changed = steps(&plan);
    changed.sort();
    assert_eq!(
        changed,
        ["update policy.put: definition.cedar.statement", "update user_pool_client.writer: AllowedOAuthScopes"]
    );
    assert!(plan.steps.iter().all(|step| json!(step.origin) == "drift"), "{:?}", plan.steps);
    assert_eq!(plan.exposed, []);
}

#[tokio::test(start_paused = true)]
async fn a_forbid_that_was_deleted_by_hand_tells_the_call_that_it_stopped() {
    let world = running(&stack()).await;
    delete_policy(&world, "e", "no_put").await;
    let plan = world.plan(&stack()).await;
    assert_eq!(who(&plan.exposed), [["policy.no_put", "writer", "t/put", "sometimes", "always"]]);
    let found = &plan.exposed[0];
    assert!(found.witness.as_ref().unwrap().contains(r#"input {"id":"secret"}"#), "{found:?}");
    assert!(found.message.contains("was deleted by hand") && found.since.is_none() && found.repaired, "{found:?}");
    let plan = close(&world, &stack(), None).await;
    assert!(!plan.stays_exposed(), "{:?}", plan.exposed);
    let plan = world.plan(&stack()).await;
    assert_eq!((steps(&plan), plan.exposed), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_decides_nothing_any_more_tells_who_gains_and_who_had_it_anyway() {
    for detach in [false, true] {
        let world = running(&stack()).await;
        edit_gateway(&world, "g", |body| {
            if detach {
                body.remove("policyEngineConfiguration");
            } else {
                body["policyEngineConfiguration"]["mode"] = json!("LOG_ONLY");
            }
        })
        .await;
        let plan = world.plan(&stack()).await;
        let gains = [
            ["gateway.g", "reader", "t/put", "never", "always"],
            ["gateway.g", "writer", "t/put", "sometimes", "always"],
        ];
        assert_eq!(who(&plan.exposed), gains, "detached: {detach}");
        let plan = close(&world, &stack(), None).await;
        assert!(!plan.stays_exposed() && plan.left_out.is_empty(), "{plan:?}");
        let plan = world.plan(&stack()).await;
        assert_eq!((steps(&plan), plan.exposed), (vec![], vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_added_to_the_authorizer_by_hand_is_told_with_its_tools() {
    let text = stack().replace("jwt_authorizer = \"both\"", "jwt_authorizer = \"only_reader\"");
    let world = running(&text).await;
    let writer = id(&world, "user_pool_client", "writer");
    edit_gateway(&world, "g", |body| {
        let clients = &mut body["authorizerConfiguration"]["customJWTAuthorizer"]["allowedClients"];
        clients.as_array_mut().unwrap().push(json!(writer));
    })
    .await;
    let plan = world.plan(&text).await;
    let gains =
        [["gateway.g", "writer", "t/get", "never", "always"], ["gateway.g", "writer", "t/put", "never", "sometimes"]];
    assert_eq!(who(&plan.exposed), gains);
    assert!(plan.exposed.iter().all(|found| found.code == "authorizer-weakened"), "{:?}", plan.exposed);
    close(&world, &text, None).await;
    let plan = world.plan(&text).await;
    assert_eq!((steps(&plan), plan.exposed), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_a_target_got_by_hand_is_exposed_to_those_whom_a_permit_of_the_whole_target_covers() {
    let all = policy("get", "permit", "get", READ)
        .replace("action == AgentCore::Action::\"t___get\"", "action in AgentCore::Action::\"t\"");
    let text = manifest(&format!("{JWT}{ENGINE}"), &all);
    for (text, exposed) in [(stack(), false), (text, true)] {
        let world = running(&text).await;
        edit_target(&world, "g", "t", |body| {
            let tools = body["targetConfiguration"].pointer_mut("/mcp/lambda/toolSchema/inlinePayload").unwrap();
            tools
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "drop", "description": "Drops", "inputSchema": {"type": "object"}}));
        })
        .await;
        let plan = world.plan(&text).await;
        let gains = ["reader", "writer"].map(|who| ["gateway_target.t", who, "t/drop", "never", "always"]);
        assert_eq!(who(&plan.exposed), if exposed { gains.to_vec() } else { vec![] });
        let plan = close(&world, &text, None).await;
        assert_eq!(steps(&plan).len(), 1, "{:?}", steps(&plan));
        let plan = world.plan(&text).await;
        assert_eq!((steps(&plan), plan.exposed), (vec![], vec![]));
    }
}

/// The permit of writers in other words, and for one more kind of token.
const SAME: &str = r#"principal.hasTag("scope") && !(!(principal.getTag("scope") like "*api/write*"))"#;
const WIDER: &str = r#"principal.hasTag("scope") && (principal.getTag("scope") like "*api/write*" || principal.getTag("scope") == "api/root")"#;

#[tokio::test(start_paused = true)]
async fn other_words_for_the_same_are_no_exposure_where_that_is_proved_and_said_to_be_tested_where_not() {
    let world = running(&stack()).await;
    reword(&world, "put", WRITE, SAME).await;
    let plan = world.plan(&stack()).await;
    assert_eq!((plan.exposed.len(), plan.exposed[0].address.as_str()), (1, "policy.put"));
    let found = &plan.exposed[0];
    assert!(found.how == "tested" && found.tokens.is_some_and(|tokens| tokens > 2), "{found:?}");
    assert!(found.message.ends_with("nobody who was tried gains anything by it"), "{found:?}");
    let Some(solver) = cvc5() else { return };
    let plan = asked(&world, &stack(), Scope::All, Some(solver)).await.plan;
    assert_eq!(steps(&plan), ["update policy.put: definition.cedar.statement"]);
    assert_eq!((json!(plan.steps[0].origin), plan.exposed), (json!("drift"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn of_two_things_that_were_done_each_is_told_by_itself() {
    let world = running(&stack()).await;
    delete_policy(&world, "e", "no_put").await;
    add_policy(&world, "e", "by_hand", "permit(principal, action, resource is AgentCore::Gateway);").await;
    edit_client(&world, "p", "reader", |body| {
        body.insert("AllowedOAuthScopes".into(), json!(["api/read", "api/write"]));
    })
    .await;
    let plan = world.plan(&stack()).await;
    let found = who(&plan.exposed);
    assert!(found.contains(&["policy.no_put", "writer", "t/put", "sometimes", "always"]), "{found:?}");
    assert!(found.contains(&["policy_engine.e", "reader", "t/put", "never", "always"]), "{found:?}");
    assert!(found.iter().any(|line| line[..2] == ["user_pool_client.reader", "client `reader`"]), "{found:?}");
    // What is closed is closed, and what nobody declared stays open and is named.
    let plan = close(&world, &stack(), None).await;
    assert!(plan.stays_exposed());
    assert!(
        plan.exposed.iter().all(|found| found.repaired == (found.address != "policy_engine.e")),
        "{:#?}",
        plan.exposed
    );
    let plan = world.plan(&stack()).await;
    assert!(!plan.exposed.is_empty() && plan.exposed.iter().all(|found| found.address == "policy_engine.e"));
    delete_policy(&world, "e", "by_hand").await;
    let plan = world.plan(&stack()).await;
    assert_eq!((steps(&plan), plan.exposed), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_manifest_is_no_exposure_beside_one_that_was_made_by_hand() {
    let world = running(&stack()).await;
    delete_policy(&world, "e", "no_put").await;
    let wider = stack().replace(
        &policy("get", "permit", "get", READ),
        &policy("get", "permit", "get", r#"principal.hasTag("scope") && principal.getTag("scope") like "*api*""#),
    );
    assert_ne!(wider, stack());
    let plan = world.plan(&wider).await;
    assert_eq!(who(&plan.exposed), [["policy.no_put", "writer", "t/put", "sometimes", "always"]]);
    assert!(
        plan.access.iter().any(|change| change.tool == "t/get" && json!(change.effect) == "widened"),
        "{:?}",
        plan.access
    );
    // Nor is it closed or opened by closing.
    let plan = close(&world, &wider, None).await;
    assert_eq!(steps(&plan), ["create policy.no_put"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_whose_text_leaves_it_open_is_closed_where_a_proof_shows_that_it_opens_nothing() {
    let world = running(&stack()).await;
    reword(&world, "put", WRITE, WIDER).await;
    let plan = close(&world, &stack(), None).await;
    assert_eq!((steps(&plan), plan.stays_exposed()), (vec![], true));
    assert!(plan.left_out[0].reason.as_ref().unwrap().contains("it also opens"), "{:?}", plan.left_out);
    let Some(solver) = cvc5() else { return };
    let plan = close(&world, &stack(), Some(solver)).await;
    assert_eq!(steps(&plan), ["update policy.put: definition.cedar.statement"]);
    assert!(!plan.stays_exposed() && !plan.exposed.is_empty(), "{:?}", plan.exposed);
    let plan = world.plan(&stack()).await;
    assert_eq!((steps(&plan), plan.exposed), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_closing_step_that_would_let_somebody_through_is_left_out_with_the_call() {
    // Scopes may be forbidden by: to take one away again lets the client through.
    let blocked = policy(
        "blocked",
        "forbid",
        "put",
        r#"principal.hasTag("scope") && principal.getTag("scope") like "*api/blocked*""#,
    );
    let text = stack().replace("write = \"Write\"\n", "write = \"Write\"\nblocked = \"Blocked\"\n") + &blocked;
    let world = running(&text).await;
    edit_client(&world, "p", "writer", |body| {
        body.insert("AllowedOAuthScopes".into(), json!(["api/read", "api/write", "api/blocked"]));
    })
    .await;
    edit_client(&world, "p", "reader", |body| {
        body.insert("AllowedOAuthScopes".into(), json!(["api/read", "api/write"]));
    })
    .await;
    let plan = close(&world, &text, None).await;
    assert_eq!(steps(&plan), ["update user_pool_client.reader: AllowedOAuthScopes"]);
    let [left] = plan.left_out.as_slice() else { panic!("{:?}", plan.left_out) };
    let reason = left.reason.as_deref().unwrap();
    assert_eq!(left.address, "user_pool_client.writer");
    assert!(reason.contains("writer can now sometimes call t/put, for example with token"), "{reason}");
    assert!(plan.holds_back_closing());
}

#[tokio::test(start_paused = true)]
async fn what_the_comparison_cannot_tell_stays_exposed_as_far_as_resources_show_it() {
    // Another engine, of which nothing is known; and beside it a forbid that is gone.
    let world = running(&stack()).await;
    let engine = world.call("CreatePolicyEngine", json!({"name": "theirs"})).await;
    settle().await;
    edit_gateway(&world, "g", |body| body["policyEngineConfiguration"]["arn"] = engine["policyEngineArn"].clone())
        .await;
    delete_policy(&world, "e", "no_put").await;
    let plan = world.plan(&stack()).await;
    let found: Vec<_> =
        plan.exposed.iter().map(|of| (of.address.as_str(), of.code.as_str(), of.how.as_str())).collect();
    assert_eq!(found, [("gateway.g", "access-widened", "unknown"), ("policy.no_put", "forbid-removed", "unknown")]);
    // What never came into force lets nobody in.
    let world = running(&stack()).await;
    let wrong = "permit(principal, action, resource is AgentCore::Gateway) when { context.nothing.like_it < 3 };";
    add_policy(&world, "e", "theirs", wrong).await;
    let plan = world.plan(&stack()).await;
    assert_eq!((plan.exposed.len(), plan.unexpected.len()), (0, 1), "{:#?}", plan.exposed);
}
