//! Every cause of a change of access: who gains or loses which tool by it, and what has to be decided on. With a solver and without.

use std::collections::BTreeSet;

use gatewright::access::prove::Solver;
use gatewright::engine::{self, Asked};
use gatewright::plan::{AccessEffect, Plan};

use crate::cvc5::cvc5;
use crate::running::{ENGINE, JWT, NO_PUT, READ, WRITE, manifest, policy};
use crate::world::World;

/// With the solver, where it is installed, and without.
pub(crate) fn solvers() -> Vec<Option<Solver>> {
    [None].into_iter().chain(cvc5().map(Some)).collect()
}

async fn planned(before: &str, after: &str, solver: Option<Solver>) -> Plan {
    let world = World::new();
    world.apply(before).await;
    let asked = Asked { solver, ..Asked::default() };
    engine::plan_asked(&world.aws().await, &world.stack(after), &asked).await.unwrap().plan
}

/// The changes in short, those of everybody aside: `widened reader t/put`.
fn changes(plan: &Plan) -> BTreeSet<String> {
    let of_callers = plan.access.iter().filter(|change| change.effect != AccessEffect::Equivalent);
    of_callers.map(|change| format!("{} {} {}", change.effect.word(), change.principal, change.tool)).collect()
}

fn risks(plan: &Plan) -> BTreeSet<String> {
    plan.risks.iter().map(|risk| format!("{} {}", risk.code, risk.address)).collect()
}

/// From one manifest to another these accesses change, and these risks are in it, with a solver and without.
async fn is_seen(before: &str, after: &str, wanted: &[&str], decided_on: &[&str]) {
    is_seen_and_not_proved(before, after, wanted, decided_on, &[]).await;
}

/// Without a solver these risks are in it too.
async fn is_seen_and_not_proved(before: &str, after: &str, wanted: &[&str], decided_on: &[&str], open: &[&str]) {
    for solver in solvers() {
        let plan = planned(before, after, solver.clone()).await;
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(changes(&plan), texts(wanted), "{solver:?}: {:#?}", plan.access);
        let decided_on = if solver.is_some() { decided_on.to_vec() } else { [decided_on, open].concat() };
        assert_eq!(risks(&plan), texts(&decided_on), "{solver:?}: {:#?}", plan.risks);
        assert_eq!(plan.notes, [], "{solver:?}");
    }
}

/// The reader may get, the writer may put.
fn get_put(rest: &str) -> String {
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", WRITE));
    manifest(&format!("{JWT}{rest}"), &format!("{get}{put}"))
}

/// A permit for a whole target.
fn of_target(name: &str, condition: &str) -> String {
    policy(name, "permit", "get", condition)
        .replace("action == AgentCore::Action::\"t___get\"", "action in AgentCore::Action::\"t\"")
}

fn with(policies: &str) -> String {
    manifest(&format!("{JWT}{ENGINE}"), policies)
}

#[tokio::test(start_paused = true)]
async fn policies_that_are_only_logged() {
    let watched = get_put(ENGINE).replace("\"ENFORCE\"", "\"LOG_ONLY\"");
    is_seen(&get_put(ENGINE), &watched, &["widened reader t/put"], &["enforcement-weakened gateway.g"]).await;
    is_seen(&watched, &get_put(ENGINE), &["narrowed reader t/put"], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_detached() {
    is_seen(&get_put(ENGINE), &get_put(""), &["widened reader t/put"], &["engine-detached gateway.g"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_that_lets_one_more_in() {
    let only_reader = get_put(ENGINE).replace("jwt_authorizer = \"both\"", "jwt_authorizer = \"only_reader\"");
    let gained = ["widened writer t/get", "widened writer t/put"];
    is_seen(&only_reader, &get_put(ENGINE), &gained, &["authorizer-weakened gateway.g"]).await;
    let lost = ["narrowed writer t/get", "narrowed writer t/put"];
    is_seen(&get_put(ENGINE), &only_reader, &lost, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_that_asks_nobody() {
    let everybody = format!(
        "{}{}",
        policy("get", "permit", "get", READ),
        policy("put", "permit", "put", "context.input.id == \"x\"")
    );
    let before = manifest(&format!("{JWT}{ENGINE}"), &everybody);
    let after = manifest(&format!("authorizer_type = \"NONE\"\n{ENGINE}"), &everybody);
    for solver in solvers() {
        let plan = planned(&before, &after, solver).await;
        let seen = changes(&plan);
        assert!(seen.contains("widened anybody t/put"), "{seen:?}");
        assert!(risks(&plan).contains("authorizer-weakened gateway.g"), "{:?}", plan.risks);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_new() {
    let two = with(&of_target("all", READ));
    let third = "[user_pool_client.third]\nuser_pool = \"p\"\ngenerate_secret = true\nallowed_oauth_flows_user_pool_client = true\n\
                 allowed_oauth_flows = [\"client_credentials\"]\nallowed_oauth_scopes = [\"api/read\"]\n";
    let three = two.replacen("[\"reader\", \"writer\"]", "[\"reader\", \"writer\", \"third\"]", 1) + third;
    let gained = ["widened third t/get", "widened third t/put"];
    is_seen(&two, &three, &gained, &["authorizer-weakened gateway.g"]).await;
}

const ONE_MORE: &str = "  { name = \"drop\", description = \"Drops\", input_schema = { type = \"object\", properties = { id = { type = \"string\" } }, required = [\"id\"] } },\n]\n";

#[tokio::test(start_paused = true)]
async fn a_tool_that_an_old_permit_covers() {
    let two = with(&of_target("all", READ));
    let three = two.replacen("]\n[policy.", &format!("{ONE_MORE}[policy."), 1);
    assert_ne!(two, three);
    let gained = ["widened reader t/drop", "widened writer t/drop"];
    is_seen(&two, &three, &gained, &["access-widened gateway_target.t"]).await;
    is_seen(&three, &two, &["narrowed reader t/drop", "narrowed writer t/drop"], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_begins_to_count() {
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", WRITE));
    let logged = with(&format!("{get}{put}enforcement_mode = \"LOG_ONLY\"\n"));
    let active = with(&format!("{get}{put}"));
    is_seen(&logged, &active, &["widened writer t/put"], &["access-widened policy.put"]).await;
    is_seen(&active, &logged, &["narrowed writer t/put"], &[]).await;
    let no_put = policy("no_put", "forbid", "put", NO_PUT);
    let forbidden = with(&format!("{get}{put}{no_put}"));
    let warned = with(&format!("{get}{put}{no_put}enforcement_mode = \"LOG_ONLY\"\n"));
    is_seen(&forbidden, &warned, &["widened writer t/put"], &["enforcement-weakened policy.no_put"]).await;
    is_seen(&warned, &forbidden, &["narrowed writer t/put"], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_gains_a_scope() {
    let grant =
        |scopes: &str| with(&format!("[grant.put]\ngateway = \"g\"\ntools = [\"t/put\"]\nscopes = [{scopes}]\n"));
    let (one, two) = (grant("\"api/write\""), grant("\"api/write\", \"api/read\""));
    is_seen(&one, &two, &["widened reader t/put"], &["access-widened policy.put"]).await;
    is_seen_and_not_proved(&two, &one, &["narrowed reader t/put"], &[], &["access-widened policy.put"]).await;
}

/// What every caller of `t` could call before, in other words: split in two, in another order, and turned inside out.
#[tokio::test(start_paused = true)]
async fn other_policies_for_the_same_are_a_risk_until_that_is_proved() {
    let has = |scope: &str| format!("principal.hasTag(\"scope\") && principal.getTag(\"scope\") == \"{scope}\"");
    let (read, write) = (has("api/read"), has("api/read api/write"));
    let one = with(&policy("get", "permit", "get", &format!("({read}) || ({write})")));
    let split = with(&format!("{}{}", policy("b", "permit", "get", &write), policy("a", "permit", "get", &read)));
    let inside_out = with(&policy("get", "permit", "get", &format!("!(!({write}) && !({read}))")));
    for after in [&split, &inside_out] {
        for solver in solvers() {
            let plan = planned(&one, after, solver.clone()).await;
            assert_eq!(changes(&plan), BTreeSet::new(), "{:#?}", plan.access);
            let how: BTreeSet<&str> = plan.access.iter().map(|change| change.how.as_str()).collect();
            assert_eq!(how, [if solver.is_some() { "proved" } else { "tested" }].into());
            assert_eq!(plan.risks.is_empty(), solver.is_some(), "{:#?}", plan.risks);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_tools_to_come() {
    let one = with(&policy("get", "permit", "get", READ));
    let all = with(&of_target("get", READ));
    let gained = ["widened reader t/**", "widened reader t/put", "widened writer t/**", "widened writer t/put"];
    is_seen(&one, &all, &gained, &["access-widened policy.get"]).await;
    let lost = ["narrowed reader t/**", "narrowed reader t/put", "narrowed writer t/**", "narrowed writer t/put"];
    is_seen_and_not_proved(&all, &one, &lost, &[], &["access-widened policy.get"]).await;
    // Both tools there are, and now those to come.
    let both = with(&policy("get", "permit", "get", READ).replace(
        "action == AgentCore::Action::\"t___get\"",
        "action in [AgentCore::Action::\"t___get\", AgentCore::Action::\"t___put\"]",
    ));
    is_seen(&both, &all, &["widened reader t/**", "widened writer t/**"], &["access-widened policy.get"]).await;
    let everything = with(&of_target("get", READ).replace("Action::\"t\"", "Action::\"CallTool\""));
    is_seen(&all, &everything, &["widened reader **", "widened writer **"], &["access-widened policy.get"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_decision_about_tools_to_come_is_one_about_no_others() {
    let (one, all) = (with(&policy("get", "permit", "get", READ)), with(&of_target("get", READ)));
    let accept = |tool: &str| {
        format!(
            "[[accept]]\nrisk = \"access-widened\"\npersona = \"reader\"\ntool = \"{tool}\"\nreason = \"SEC-7\"\nuntil = 9999-12-31\n"
        )
    };
    let plan = planned(&one, &format!("{all}{}", accept("t/**")), None).await;
    let accepted = plan.risks.iter().filter(|risk| risk.accepted).map(|risk| risk.tool.clone().unwrap());
    assert_eq!(accepted.collect::<Vec<_>>(), ["t/**"], "{:#?}", plan.risks);
}

#[tokio::test(start_paused = true)]
async fn a_decision_names_the_target_as_it_is_called_or_as_the_manifest_calls_it() {
    let renamed = |text: &str| {
        text.replacen("gateway = \"g\"\ncredential", "gateway = \"g\"\nname = \"Live\"\ncredential", 1)
            .replace("Action::\"t", "Action::\"Live")
    };
    let accept = |tool: &str| {
        format!(
            "[[accept]]\nrisk = \"access-widened\"\npersona = \"writer\"\ntool = \"{tool}\"\nreason = \"SEC-7\"\nuntil = 9999-12-31\n"
        )
    };
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", WRITE));
    let (one, two) = (renamed(&with(&get)), renamed(&with(&format!("{get}{put}"))));
    for (tool, accepted) in [("Live/put", 1), ("t/put", 1), ("t/get", 0), ("put", 0)] {
        let plan = planned(&one, &format!("{two}{}", accept(tool)), None).await;
        let decided = plan.risks.iter().filter(|risk| risk.accepted).count();
        assert_eq!(decided, accepted, "{tool}: {:#?}", plan.risks);
    }
}
