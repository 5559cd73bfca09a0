//! Every risk: named, refused until it was decided on, and taken then.

use std::collections::BTreeSet;

use gatewright::engine::{self, Asked};
use gatewright::plan::{Plan, risk};
use gatewright::stack::{Accept, Date};
use serde_json::json;

use crate::hand::{self, edit_gateway};
use crate::running::{ENGINE, INTERCEPTED, JWT, NO_PUT, READ, WRITE, manifest, policy};
use crate::world::World;

const STACK: &str = "[stack]\nname = \"s\"\nregion = \"us-east-1\"\n";

pub(crate) fn accept(risk: &str, address: &str, until: &str) -> String {
    let about = if address.is_empty() { String::new() } else { format!("address = \"{address}\"\n") };
    format!("[[accept]]\nrisk = \"{risk}\"\n{about}reason = \"decided in SEC-7\"\nuntil = {until}\n")
}

/// The open risks by code and address, each once, however many callers gain by it.
fn open(plan: &Plan) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let named = plan.open_risks().map(|risk| format!("{} {}", risk.code, risk.address));
    named.filter(|risk| seen.insert(risk.clone())).collect()
}

/// From one manifest to another is this risk of this address: open until an entry accepts it, gone when it was taken.
async fn is_a_risk(code: &str, address: &str, before: &str, after: &str) {
    let world = World::new();
    world.apply(before).await;
    is_a_risk_in(&world, code, address, after).await;
}

async fn is_a_risk_in(world: &World, code: &str, address: &str, after: &str) {
    let plan = world.plan(after).await;
    let wanted = format!("{code} {address}");
    assert!(open(&plan).contains(&wanted), "{wanted}: {:#?}", plan.risks);
    assert_eq!(plan.exposed, [], "{code}: a change of the manifest exposes nothing");
    let others: BTreeSet<String> = plan
        .risks
        .iter()
        .filter(|risk| risk.code != code || risk.address != address)
        .map(|risk| accept(&risk.code, &risk.address, "9999-12-31"))
        .collect();
    let others = String::from_iter(others);
    let decided = format!("{after}\n{others}{}", accept(code, address, "9999-12-31"));
    let plan = world.apply(&decided).await;
    assert_eq!(open(&plan), Vec::<String>::new(), "{wanted} was decided on");
    let taken = plan.risks.iter().find(|risk| risk.code == code && risk.address == address).unwrap();
    assert_eq!(taken.decision.as_ref().unwrap().reason, "decided in SEC-7");
    assert_eq!(open(&world.plan(after).await), Vec::<String>::new(), "{code}: taken once, it is over");
}

fn get_put(rest: &str) -> String {
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", WRITE));
    manifest(&format!("{JWT}{rest}"), &format!("{get}{put}"))
}

#[tokio::test(start_paused = true)]
async fn access_widened() {
    let get = manifest(&format!("{JWT}{ENGINE}"), &policy("get", "permit", "get", READ));
    is_a_risk("access-widened", "policy.put", &get, &get_put(ENGINE)).await;
    let wider = manifest(&format!("{JWT}{ENGINE}"), &policy("get", "permit", "get", "principal has id"));
    is_a_risk("access-widened", "policy.get", &get, &wider).await;
    let scope = get_put(ENGINE).replacen(
        "allowed_oauth_scopes = [\"api/read\"]",
        "allowed_oauth_scopes = [\"api/read\", \"api/write\"]",
        1,
    );
    is_a_risk("access-widened", "user_pool_client.reader", &get_put(ENGINE), &scope).await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_only_asks_for_more_widens_nothing() {
    let narrower = format!("{READ} && context.input.id != \"secret\"");
    let world = World::new();
    world.apply(&get_put(ENGINE)).await;
    let (get, put) = (policy("get", "permit", "get", &narrower), policy("put", "permit", "put", WRITE));
    let plan = world.apply(&manifest(&format!("{JWT}{ENGINE}"), &format!("{get}{put}"))).await;
    assert_eq!(plan.risks, []);
}

#[tokio::test(start_paused = true)]
async fn enforcement_weakened() {
    let watched = get_put(ENGINE).replace("\"ENFORCE\"", "\"LOG_ONLY\"");
    is_a_risk("enforcement-weakened", "gateway.g", &get_put(ENGINE), &watched).await;
    let forbid = |more: &str| format!("{}{}{more}", get_put(ENGINE), policy("no_put", "forbid", "put", NO_PUT));
    let logged = forbid("enforcement_mode = \"LOG_ONLY\"\n");
    is_a_risk("enforcement-weakened", "policy.no_put", &forbid(""), &logged).await;
}

#[tokio::test(start_paused = true)]
async fn engine_detached() {
    is_a_risk("engine-detached", "gateway.g", &get_put(ENGINE), &get_put("")).await;
}

#[tokio::test(start_paused = true)]
async fn authorizer_weakened() {
    let only_reader = get_put(ENGINE).replace("jwt_authorizer = \"both\"", "jwt_authorizer = \"only_reader\"");
    is_a_risk("authorizer-weakened", "gateway.g", &only_reader, &get_put(ENGINE)).await;
    let anybody =
        get_put(ENGINE).replace("user_pool_clients = [\"reader\", \"writer\"]\n", "allowed_scopes = [\"api/read\"]\n");
    is_a_risk("authorizer-weakened", "gateway.g", &get_put(ENGINE), &anybody).await;
}

#[tokio::test(start_paused = true)]
async fn interceptor_removed() {
    let seen = get_put(&format!("{ENGINE}{INTERCEPTED}"));
    is_a_risk("interceptor-removed", "gateway.g", &seen, &get_put(ENGINE)).await;
}

#[tokio::test(start_paused = true)]
async fn forbid_removed() {
    let with = format!("{}{}", get_put(ENGINE), policy("no_put", "forbid", "put", NO_PUT));
    // It is gone from the manifest; there are two engines that could have had it.
    is_a_risk("forbid-removed", "policy.e/no_put", &with, &get_put(ENGINE)).await;
    let weaker = with.replace("== \"secret\"", "== \"top secret\"");
    is_a_risk("forbid-removed", "policy.no_put", &with, &weaker).await;
}

#[tokio::test(start_paused = true)]
async fn mfa_weakened() {
    let pool = |mfa: &str| format!("{STACK}[user_pool.p]\nmfa_configuration = \"{mfa}\"\n");
    let factor = "software_token_mfa_configuration.enabled = true\n";
    is_a_risk("mfa-weakened", "user_pool.p", &format!("{}{factor}", pool("ON")), &pool("OFF")).await;
}

#[tokio::test(start_paused = true)]
async fn auth_flow_added() {
    let client = |flows: &str| {
        format!(
            "{STACK}[user_pool.p]\n[user_pool_client.c]\nuser_pool = \"p\"\nexplicit_auth_flows = [\"ALLOW_REFRESH_TOKEN_AUTH\"{flows}]\n"
        )
    };
    let more = client(", \"ALLOW_USER_PASSWORD_AUTH\"");
    is_a_risk("auth-flow-added", "user_pool_client.c", &client(""), &more).await;
}

#[tokio::test(start_paused = true)]
async fn trigger_removed() {
    let pool = |trigger: &str| format!("{STACK}[user_pool.p]\n{trigger}");
    let trigger = "lambda_config.pre_sign_up = \"arn:aws:lambda:us-east-1:111122223333:function:f\"\n";
    is_a_risk("trigger-removed", "user_pool.p", &pool(trigger), &pool("")).await;
}

#[tokio::test(start_paused = true)]
async fn protection_removed() {
    let pool = |line: &str| format!("{STACK}[user_pool.p]\n{line}\n");
    is_a_risk("protection-removed", "user_pool.p", &pool("protect = true"), &pool("protect = false")).await;
    let (on, off) = (pool("deletion_protection = \"ACTIVE\""), pool("deletion_protection = \"INACTIVE\""));
    is_a_risk("protection-removed", "user_pool.p", &on, &off).await;
}

#[tokio::test(start_paused = true)]
async fn waf_fail_open() {
    let waf = |mode: &str| get_put(&format!("{ENGINE}waf_configuration.failure_mode = \"{mode}\"\n"));
    is_a_risk("waf-fail-open", "gateway.g", &waf("FAIL_CLOSE"), &waf("FAIL_OPEN")).await;
}

#[tokio::test(start_paused = true)]
async fn data_loss() {
    let world = World::new();
    world.apply(&format!("{STACK}[user_pool.p]\n[user_pool.q]\n")).await;
    assert!(world.stand_in.plant(&hand::id(&world, "user_pool", "p"), "/EstimatedNumberOfUsers", json!(12)));
    let plan = world.plan(&format!("{STACK}[user_pool.q]\n")).await;
    assert!(plan.risks[0].message.contains("about 12"), "{:?}", plan.risks);
    is_a_risk_in(&world, "data-loss", "user_pool.p", &format!("{STACK}[user_pool.q]\n")).await;
}

#[tokio::test(start_paused = true)]
async fn the_secret_that_the_service_keeps_for_a_provider_is_data() {
    let (key, client) = ("api_key_credential_provider.weather", "oauth2_credential_provider.okta");
    let config = "oauth2_provider_config_input.google_oauth2_provider_config";
    let managed = format!(
        "{STACK}[{key}]\napi_key = \"hush-hush\"\n[{client}]\ncredential_provider_vendor = \"GoogleOauth2\"\n\
         {config} = {{ client_id = \"c\", client_secret = \"hush-hush\" }}\n"
    );
    for address in [key, client] {
        is_a_risk("data-loss", address, &managed, STACK).await;
    }
    // What is in somebody else's secret stays there.
    let reference =
        "{ secret_id = \"arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf\", json_key = \"k\" }";
    let external = managed
        .replace(
            "api_key = \"hush-hush\"",
            &format!("api_key_secret_source = \"EXTERNAL\"\napi_key_secret_config = {reference}"),
        )
        .replace(
            "client_secret = \"hush-hush\"",
            &format!("client_secret_source = \"EXTERNAL\", client_secret_config = {reference}"),
        );
    let world = World::new();
    world.apply(&external).await;
    let plan = world.plan(STACK).await;
    assert_eq!((plan.summary.delete, open(&plan)), (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn endpoint_changes() {
    let renamed = get_put(ENGINE).replace("name = \"g\"", "name = \"g-new\"");
    is_a_risk("endpoint-changes", "gateway.g", &get_put(ENGINE), &renamed).await;
    let domain = get_put(ENGINE).replace("some-domain", "other-domain");
    is_a_risk("endpoint-changes", "user_pool_domain.some-domain", &get_put(ENGINE), &domain).await;
}

#[tokio::test(start_paused = true)]
async fn interrupts() {
    let get = manifest(&format!("{JWT}{ENGINE}{INTERCEPTED}"), &policy("get", "permit", "get", READ));
    is_a_risk("interrupts", "gateway.g", &get, &get_put(&format!("{ENGINE}{INTERCEPTED}"))).await;
}

#[tokio::test(start_paused = true)]
async fn mass_delete() {
    let groups = |number: usize| -> String {
        let groups: Vec<String> =
            (0..number).map(|group| format!("[user_pool_group.g{group}]\nuser_pool = \"p\"\n")).collect();
        groups.concat()
    };
    let pool = |number: usize| format!("{STACK}[user_pool.p]\n{}", groups(number));
    is_a_risk("mass-delete", "", &pool(12), &pool(5)).await;
}

#[test]
fn every_code_has_a_test_of_its_name() {
    let tests = include_str!("risks.rs");
    for (code, _) in risk::CODES {
        assert!(tests.contains(&format!("async fn {}()", code.replace('-', "_"))), "{code}");
    }
}

/// A running gateway that a run has locked and not opened again: locked while a policy changes behind its interceptors.
async fn left_locked(before: &str, after: &str) -> World {
    use localstack::{Fault, FaultKind};
    let world = World::new();
    world.apply(before).await;
    let planned = world.plan_stack(&world.stack(after)).await;
    world.stand_in.fault(Fault {
        operation: Some("CreatePolicy".into()),
        nth: 1,
        times: usize::MAX / 2,
        kind: FaultKind::Drop,
    });
    let outcome = world.carry_out(&planned).await;
    assert!(!outcome.failed.is_empty());
    world.stand_in.clear_faults();
    hand::settle().await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_running_gateway_that_was_left_locked_opens_to_nobody_new_without_a_decision() {
    let intercepted = |authorizer: &str, policies: &str| {
        manifest(&format!("jwt_authorizer = \"{authorizer}\"\n{ENGINE}{INTERCEPTED}"), policies)
    };
    let (get, put) = (policy("get", "permit", "get", READ), policy("put", "permit", "put", READ));
    let before = intercepted("only_reader", &get);
    let after = intercepted("only_reader", &format!("{get}{put}"));
    // What the run was to do goes on, with the risks it had and no others.
    let world = left_locked(&before, &after).await;
    assert_eq!(open(&world.plan(&after).await), ["access-widened policy.put"]);
    assert_eq!(open(&world.plan(&before).await), Vec::<String>::new(), "back to what it was");
    // A wider allow-list, a dropped interceptor and enforcement switched off are named, though the lock hides what was.
    let wider = intercepted("both", &get);
    assert_eq!(open(&world.plan(&wider).await), ["authorizer-weakened gateway.g"]);
    let unseen = manifest(&format!("jwt_authorizer = \"only_reader\"\n{ENGINE}"), &get);
    assert_eq!(open(&world.plan(&unseen).await), ["interceptor-removed gateway.g"]);
    let watched = before.replace("\"ENFORCE\"", "\"LOG_ONLY\"");
    assert_eq!(open(&world.plan(&watched).await), ["enforcement-weakened gateway.g"]);
    let detached = manifest(&format!("jwt_authorizer = \"only_reader\"\n{INTERCEPTED}"), &get);
    assert_eq!(open(&world.plan(&detached).await), ["engine-detached gateway.g"]);
    // Without the tag nobody knows what it was.
    let arn = world.stand_in.observe()["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|of| of["kind"] == "gateway")
        .unwrap()["arn"]
        .clone();
    world.call("UntagResource", json!({"resourceArn": arn, "tagKeys": ["gatewright:locked"]})).await;
    let named = open(&world.plan(&after).await);
    assert!(named.contains(&"authorizer-weakened gateway.g".to_owned()), "{named:?}");
    assert!(named.contains(&"interceptor-removed gateway.g".to_owned()), "{named:?}");
    world.apply(&after).await;
    let gateway = world.stand_in.observe()["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|of| of["kind"] == "gateway")
        .unwrap()
        .clone();
    assert!(gateway["tags"].get("gatewright:locked").is_none(), "{gateway:#}");
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_a_running_gateway_leaves_no_tag_behind() {
    let get = policy("get", "permit", "get", READ);
    let world = World::new();
    world.apply(&manifest(&format!("{JWT}{ENGINE}{INTERCEPTED}"), &get)).await;
    world.apply(&get_put(&format!("{ENGINE}{INTERCEPTED}"))).await;
    assert!(!world.stand_in.observe().to_string().contains("gatewright:locked"));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_opened_before_its_run_died_is_a_running_one() {
    let before = manifest(&format!("{JWT}{ENGINE}"), &policy("get", "permit", "get", READ));
    let world = World::new();
    world.apply(&before).await;
    edit_gateway(&world, "g", |_| ()).await;
    let arn = world.stand_in.observe()["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|of| of["kind"] == "gateway")
        .unwrap()["arn"]
        .clone();
    world.call("TagResource", json!({"resourceArn": arn, "tags": {"gatewright:unfinished": "true"}})).await;
    assert_eq!(open(&world.plan(&get_put(ENGINE)).await), ["access-widened policy.put"]);
    world.apply(&before).await;
    assert!(!world.stand_in.observe().to_string().contains("gatewright:unfinished"));
}

#[tokio::test(start_paused = true)]
async fn a_decision_holds_through_its_last_day_and_not_a_day_longer() {
    let world = World::new();
    world.apply(&get_put(ENGINE)).await;
    let watched = get_put(ENGINE).replace("\"ENFORCE\"", "\"LOG_ONLY\"");
    let stack = world.stack(&format!("{watched}\n{}", accept("enforcement-weakened", "gateway.g", "2026-03-31")));
    let on = |month, day| Asked { today: Date { year: 2026, month, day }, ..Asked::default() };
    let aws = world.aws().await;
    let last = engine::plan_asked(&aws, &stack, &on(3, 31)).await.unwrap().plan;
    assert_eq!((open(&last), last.notes.len()), (vec![], 0));
    let after = engine::plan_asked(&aws, &stack, &on(4, 1)).await.unwrap().plan;
    assert_eq!(open(&after), ["enforcement-weakened gateway.g"]);
    assert_eq!(after.notes[0].code, "plan::accept-expired");
    assert!(after.notes[0].message.contains("2026-03-31"), "{:?}", after.notes);
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_accepts_nothing_is_a_warning_and_one_that_has_done_its_work_may_go() {
    let world = World::new();
    let watched = get_put(ENGINE).replace("\"ENFORCE\"", "\"LOG_ONLY\"");
    let codes = |plan: &Plan| plan.notes.iter().map(|found| found.code.clone()).collect::<Vec<_>>();
    world.apply(&get_put(ENGINE)).await;
    let decided = format!("{watched}\n{}", accept("enforcement-weakened", "gateway.g", "9999-12-31"));
    world.apply(&decided).await;
    let plan = world.plan(&decided).await;
    assert_eq!(codes(&plan), ["plan::accept-done"]);
    assert!(plan.notes[0].message.contains("has done its work"), "{:?}", plan.notes);
    // Another address, another risk, another code.
    world.apply(&get_put(ENGINE)).await;
    for (code, address) in [("enforcement-weakened", "gateway.h"), ("interrupts", "gateway.g")] {
        let plan = world.plan(&format!("{watched}\n{}", accept(code, address, "9999-12-31"))).await;
        assert_eq!(open(&plan), ["enforcement-weakened gateway.g"]);
        assert_eq!(codes(&plan), ["plan::accept-unused"], "{code} {address}");
    }
    let persona = "[[accept]]\nrisk = \"access-widened\"\npersona = \"reader\"\ntool = \"t/put\"\nreason = \"r\"\nuntil = 9999-12-31\n";
    assert_eq!(codes(&world.plan(&format!("{}\n{persona}", get_put(ENGINE))).await), ["plan::accept-unused"]);
}

#[test]
fn an_entry_is_read_as_it_is_written() {
    let world = World::new();
    let stack = world.stack(&format!("{STACK}[user_pool.p]\n{}", accept("data-loss", "user_pool.p", "2026-12-31")));
    let Accept { until, reason, .. } = &stack.accepts[0];
    assert_eq!((until.to_string().as_str(), reason.as_str()), ("2026-12-31", "decided in SEC-7"));
}
