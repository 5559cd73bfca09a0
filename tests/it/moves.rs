//! Moves and renames: an address, an object of another stack, a target.

use std::time::Duration;

use crate::faults::die_after;
use crate::openings::{Passing, passing};
use crate::running::{ENGINE, JWT, READ, WRITE, manifest, policy};
use crate::world::{World, steps};
use gatewright::plan::Plan;

const POOL: &str = r#"
[user_pool.hr]
name = "people"
[user_pool_domain.hr]
user_pool = "hr"
domain = "some-domain"
[resource_server.api]
user_pool = "hr"
scopes.read = "Read"
[user_pool_client.web]
user_pool = "hr"
generate_secret = true
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["client_credentials"]
allowed_oauth_scopes = ["api/read"]
[user_pool_group.staff]
user_pool = "hr"
"#;

fn stack(name: &str, rest: &str) -> String {
    format!("[stack]\nname = \"{name}\"\nregion = \"us-east-1\"\n{rest}")
}

fn moved(lines: &[(&str, &str)]) -> String {
    let lines: Vec<String> = lines.iter().map(|(from, to)| format!("\"{from}\" = \"{to}\"")).collect();
    format!("[moved]\n{}\n", lines.join("\n"))
}

/// The state without tags: what is live.
fn untagged(world: &World) -> Vec<serde_json::Value> {
    let state = world.stand_in.observe();
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

fn only_tags_were_written(world: &World) {
    for entry in world.mutations() {
        assert!(matches!(entry.operation.as_str(), "TagResource" | "UntagResource"), "{entry:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renamed_address_is_a_tag_and_the_children_follow() {
    let world = World::new();
    world.apply(&stack("s", POOL)).await;
    let before = untagged(&world);
    let renamed =
        POOL.replace("user_pool.hr", "user_pool.people").replace("user_pool = \"hr\"", "user_pool = \"people\"");
    let after = stack("s", &format!("{renamed}{}", moved(&[("user_pool.hr", "user_pool.people")])));
    world.stand_in.clear_journal();
    let plan = world.apply(&after).await;
    assert_eq!(steps(&plan), ["move user_pool.people: tags.gatewright:address"]);
    assert_eq!(plan.steps[0].reason.as_deref(), Some("was user_pool.hr"));
    assert_eq!((plan.summary.moved, plan.notes.as_slice()), (1, &[][..]));
    assert_eq!(untagged(&world), before);
    only_tags_were_written(&world);
    // The line stays until every environment was applied: a note, and nothing else.
    let plan = world.apply(&after).await;
    assert_eq!(plan.notes.iter().map(|note| note.code.as_str()).collect::<Vec<_>>(), ["plan::moved"]);
    world.destroy_stack(&world.stack(&stack("s", &renamed))).await;
    assert!(untagged(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_address_is_remembered_in_its_parent_moves_there() {
    let world = World::new();
    world.apply(&stack("s", POOL)).await;
    let before = untagged(&world);
    let renamed = POOL.replace("user_pool_client.web]", "user_pool_client.portal]\nname = \"web\"");
    let after = stack("s", &format!("{renamed}{}", moved(&[("user_pool_client.web", "user_pool_client.portal")])));
    world.stand_in.clear_journal();
    let plan = world.apply(&after).await;
    assert_eq!(steps(&plan), ["move user_pool_client.portal: "]);
    assert_eq!(untagged(&world), before);
    only_tags_were_written(&world);
    assert_eq!(steps(&world.plan(&stack("s", &renamed)).await), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_move_together_with_a_change_is_an_update_that_says_so() {
    let world = World::new();
    world.apply(&stack("s", POOL)).await;
    let renamed =
        POOL.replace("user_pool.hr", "user_pool.people").replace("user_pool = \"hr\"", "user_pool = \"people\"");
    let renamed = renamed.replace("name = \"people\"", "name = \"people\"\nauto_verified_attributes = [\"email\"]");
    let after = stack("s", &format!("{renamed}{}", moved(&[("user_pool.hr", "user_pool.people")])));
    let plan = world.apply(&after).await;
    assert_eq!(steps(&plan), ["update user_pool.people: AutoVerifiedAttributes, tags.gatewright:address"]);
    assert_eq!(plan.steps[0].reason.as_deref(), Some("was user_pool.hr"));
}

#[tokio::test(start_paused = true)]
async fn a_line_with_both_addresses_live_touches_neither() {
    let world = World::new();
    let two = stack("s", "[policy_engine.old]\n[policy_engine.new]\n");
    world.apply(&two).await;
    let before = world.stand_in.observe();
    let after = stack("s", &format!("[policy_engine.new]\n{}", moved(&[("policy_engine.old", "policy_engine.new")])));
    let stack = world.stack(&after);
    let planned = world.plan_stack(&stack).await;
    assert_eq!(planned.plan.diagnostics.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(), ["plan::moved"]);
    assert!(planned.plan.steps.iter().all(|step| step.blocked.is_some()), "{:?}", planned.plan.steps);
    world.carry_out(&planned).await;
    assert_eq!(world.stand_in.observe(), before);
}

#[tokio::test(start_paused = true)]
async fn a_line_whose_old_address_is_nowhere_live_is_a_note() {
    let world = World::new();
    let text = stack("s", &format!("[policy_engine.new]\n{}", moved(&[("policy_engine.old", "policy_engine.new")])));
    let plan = world.apply(&text).await;
    assert_eq!(steps(&plan), ["create policy_engine.new"]);
    assert!(plan.notes[0].message.contains("is created"), "{:?}", plan.notes);
}

/// A gateway that a client may call, in a stack of its own or in another one.
const GATEWAY: &str = r#"
[policy_engine.guard]
[jwt_authorizer.web]
user_pool = "hr"
user_pool_clients = ["web"]
[gateway.hr]
role_arn = "arn:aws:iam::${aws.account}:role/g"
protocol_type = "MCP"
jwt_authorizer = "web"
policy_engine = "guard"
policy_mode = "ENFORCE"
[gateway_target.tools]
gateway = "hr"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]
[gateway_target.tools.target_configuration.mcp.lambda]
lambda_arn = "arn:aws:lambda:us-east-1:${aws.account}:function:f"
tool_schema.inline_payload = [{ name = "get", description = "Gets", input_schema = { type = "object", properties = { id = { type = "string" } }, required = ["id"] } }]
[policy.may]
policy_engine = "guard"
definition.cedar.statement = 'permit(principal, action == AgentCore::Action::"tools___get", resource == AgentCore::Gateway::"${gateway.hr.arn}") when { principal.hasTag("scope") && principal.getTag("scope") like "*api/read*" };'
[policy.no_secrets]
policy_engine = "guard"
definition.cedar.statement = 'forbid(principal, action == AgentCore::Action::"tools___get", resource == AgentCore::Gateway::"${gateway.hr.arn}") when { context.input.id == "secret" };'
"#;

fn codes(plan: &Plan) -> Vec<&str> {
    plan.diagnostics.iter().map(|found| found.code.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_whole_stack_moves_to_another_one_without_a_moment_open_or_cut() {
    let whole = format!("{POOL}{GATEWAY}");
    let lines = moved(&[
        ("stack:old/default/user_pool.hr", "user_pool.hr"),
        ("stack:old/default/policy_engine.guard", "policy_engine.guard"),
        ("stack:old/default/gateway.hr", "gateway.hr"),
    ]);
    let new = stack("new", &format!("{whole}{lines}"));
    let mut dead_after = 0;
    loop {
        let world = World::new();
        world.apply(&stack("old", &whole)).await;
        let (before, open) = (untagged(&world), passing(&world.stand_in.observe()));
        assert_eq!(open.len(), 1);
        let taken = world.stack(&new);
        world.stand_in.clear_journal();
        let planned = world.plan_stack(&taken).await;
        assert_eq!((planned.plan.summary.moved, planned.plan.summary.create), (10, 0), "{:?}", steps(&planned.plan));
        assert_eq!((codes(&planned.plan), planned.plan.risks.len()), (vec![], 0));
        die_after(&world.stand_in, dead_after);
        let finished = world.carry_out(&planned).await.failed.is_empty();
        world.stand_in.clear_faults();
        world.apply_stack(&taken).await;
        only_tags_were_written(&world);
        assert_eq!((untagged(&world), passing(&world.stand_in.observe())), (before, open), "dead after {dead_after}");
        // The old stack owns nothing any more: its manifest without them has nothing to do, and with them is refused.
        assert_eq!(steps(&world.plan(&stack("old", "")).await), Vec::<String>::new(), "dead after {dead_after}");
        let still = world.plan(&stack("old", &whole)).await;
        assert!(
            codes(&still).contains(&"plan::foreign")
                && !still.steps.iter().any(|step| step.action == gatewright::plan::Action::Delete),
            "{still:?}"
        );
        let state = world.stand_in.observe();
        let tags =
            state["objects"].as_array().unwrap().iter().filter_map(|object| object["tags"].as_object()).flatten();
        let named =
            |(key, value): &(&String, &serde_json::Value)| key.starts_with("gatewright:members/old") && *value != "";
        assert_eq!(tags.filter(named).count(), 0, "dead after {dead_after}: the old stack has no child any more");
        if finished {
            break;
        }
        dead_after += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_new_stack_does_not_declare_stays_with_the_old_one() {
    let world = World::new();
    world.apply(&stack("old", POOL)).await;
    let less = POOL.split("[user_pool_group").next().unwrap();
    let new = stack("new", &format!("{less}{}", moved(&[("stack:old/default/user_pool.hr", "user_pool.hr")])));
    let plan = world.apply(&new).await;
    assert_eq!((plan.summary.moved, plan.summary.delete), (4, 0), "{:?}", steps(&plan));
    let plan = world.plan(&new).await;
    assert_eq!((steps(&plan), plan.unexpected.len()), (vec![], 0), "the group is the old stack's, and no drift");
    let aws = world.aws().await;
    let destroy = gatewright::engine::plan_destroy(&aws, &world.stack(&new)).await.unwrap().plan;
    assert!(destroy.diagnostics[0].message.contains("stack `old/default`"), "{:?}", destroy.diagnostics);
}

/// A client with a secret of its own in another stack's pool.
fn client_in_their_pool(name: &str, version: &str, rest: &str) -> String {
    let pool = "[user_pool.hr]\nexisting = \"stack:platform/default/user_pool.hr\"\n";
    let secret = format!("client_secret = \"a_secret_of_many_letters_0123456789\"\nsecret_version = \"{version}\"\n");
    format!("{pool}[user_pool_client.{name}]\nuser_pool = \"hr\"\nname = \"web\"\n{secret}{rest}")
}

#[tokio::test(start_paused = true)]
async fn a_child_alone_moves_to_another_stack_in_a_pool_of_a_third_and_its_secret_is_not_sent_again() {
    let lines = moved(&[("stack:old/default/user_pool_client.web", "user_pool_client.portal")]);
    let new = stack("new", &client_in_their_pool("portal", "1", &lines));
    let mut dead_after = 0;
    loop {
        let world = World::new();
        world.apply(&stack("platform", "[user_pool.hr]\n[user_pool_group.staff]\nuser_pool = \"hr\"\n")).await;
        world.apply(&stack("old", &client_in_their_pool("web", "1", ""))).await;
        let before = untagged(&world);
        world.stand_in.clear_journal();
        let planned = world.plan_stack(&world.stack(&new)).await;
        assert_eq!(steps(&planned.plan), ["move user_pool_client.portal: "], "dead after {dead_after}");
        die_after(&world.stand_in, dead_after);
        let finished = world.carry_out(&planned).await.failed.is_empty();
        world.stand_in.clear_faults();
        world.apply(&new).await;
        only_tags_were_written(&world);
        assert_eq!(untagged(&world), before, "dead after {dead_after}");
        // The old stack has nothing there any more, and the pool's owner sees no change.
        assert_eq!(steps(&world.plan(&stack("old", "")).await), [""; 0]);
        let owner = stack("platform", "[user_pool.hr]\n[user_pool_group.staff]\nuser_pool = \"hr\"\n");
        assert_eq!(steps(&world.plan(&owner).await), [""; 0]);
        let state = world.stand_in.observe();
        let tags =
            state["objects"].as_array().unwrap().iter().filter_map(|object| object["tags"].as_object()).flatten();
        let left = tags.filter(|(key, value)| key.contains("/old/") && **value != "");
        assert_eq!(left.collect::<Vec<_>>(), [], "dead after {dead_after}: the old stack remembers nothing");
        if finished {
            // Another version is another secret, here as there.
            let changed = stack("new", &client_in_their_pool("portal", "2", &lines));
            assert_eq!(steps(&world.plan(&changed).await), ["replace user_pool_client.portal: secret_version"]);
            world.destroy_stack(&world.stack(&new)).await;
            break;
        }
        dead_after += 1;
    }
    assert!(dead_after > 0, "it died at least once");
}

#[tokio::test(start_paused = true)]
async fn before_the_move_a_destroy_of_the_new_stack_takes_nothing_from_the_old() {
    let world = World::new();
    world.apply(&stack("old", POOL)).await;
    let before = world.stand_in.observe();
    let new = stack("new", &format!("{POOL}{}", moved(&[("stack:old/default/user_pool.hr", "user_pool.hr")])));
    assert_eq!(steps(&world.destroy_stack(&world.stack(&new)).await), Vec::<String>::new());
    assert_eq!(world.stand_in.observe(), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_at_the_old_address_is_not_taken() {
    let world = World::new();
    world.apply(&stack("old", POOL)).await;
    world.apply(&stack("third", "[user_pool.hr]\nname = \"others\"\n")).await;
    let before = world.stand_in.observe();
    let new = stack(
        "new",
        &format!(
            "[user_pool.hr]\nname = \"mine\"\n{}",
            moved(&[("stack:old/default/user_pool.other", "user_pool.hr")])
        ),
    );
    let plan = world.plan(&new).await;
    assert_eq!(steps(&plan), ["create user_pool.hr"]);
    assert_eq!(plan.notes.len(), 1);
    assert_eq!(world.stand_in.observe(), before);
}

/// A gateway whose tools the reader may call, and the writer may not though a permit covers it.
fn before_the_rename() -> String {
    let policies = [
        policy("get", "permit", "get", READ),
        policy("put", "permit", "put", READ),
        policy("no_writer", "forbid", "put", WRITE),
        policy("no_writer_get", "forbid", "get", WRITE),
    ];
    manifest(&format!("{JWT}{ENGINE}"), &policies.concat())
}

fn renamed(text: &str) -> String {
    text.replace("::\"t___", "::\"t2___")
}

/// The calls by what the tool is called without its target.
fn tools(passing: &Passing) -> std::collections::BTreeSet<(String, String)> {
    passing.iter().map(|(persona, tool, _)| (persona.clone(), tool.split("___").nth(1).unwrap().to_owned())).collect()
}

/// From one manifest to another, dead after every call: no call passes that both deny, nobody is cut off from a tool that both
/// allow under one name or the other, and the rerun finishes.
async fn no_moment_open_or_cut(before: &str, after: &str, steps_wanted: &[&str]) {
    let mut dead_after = 0;
    loop {
        let world = World::new();
        world.apply(before).await;
        let open_before = passing(&world.stand_in.observe());
        let stack = world.stack(after);
        let planned = world.plan_stack(&stack).await;
        assert_eq!(steps(&planned.plan), steps_wanted);
        assert!(!planned.plan.risks.iter().any(|risk| risk.code == "interrupts"), "{:?}", planned.plan.risks);
        die_after(&world.stand_in, dead_after);
        let finished = world.carry_out(&planned).await.failed.is_empty();
        let mut moments = vec![passing(&world.stand_in.observe())];
        tokio::time::advance(Duration::from_secs(5)).await;
        moments.push(passing(&world.stand_in.observe()));
        world.stand_in.clear_faults();
        world.apply_stack(&stack).await;
        let open_after = passing(&world.stand_in.observe());
        let kept: std::collections::BTreeSet<_> =
            tools(&open_before).intersection(&tools(&open_after)).cloned().collect();
        assert!(!kept.is_empty());
        for now in moments {
            let extra: Vec<_> =
                now.iter().filter(|call| !open_before.contains(call) && !open_after.contains(call)).collect();
            assert!(extra.is_empty(), "dead after {dead_after}: open: {extra:?}");
            let cut: Vec<_> = kept.difference(&tools(&now)).cloned().collect();
            assert!(cut.is_empty(), "dead after {dead_after}: cut: {cut:?}");
        }
        if finished {
            break;
        }
        dead_after += 1;
    }
}

const POLICIES: [&str; 4] = [
    "update policy.get: definition.cedar.statement",
    "update policy.no_writer: definition.cedar.statement",
    "update policy.no_writer_get: definition.cedar.statement",
    "update policy.put: definition.cedar.statement",
];

#[tokio::test(start_paused = true)]
async fn a_target_with_another_name_stands_before_the_old_one_goes() {
    let before = before_the_rename();
    let after = renamed(&before).replace("[gateway_target.t]", "[gateway_target.t]\nname = \"t2\"");
    no_moment_open_or_cut(&before, &after, &[&["replace gateway_target.t: name"][..], &POLICIES].concat()).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_at_another_address_stands_before_the_old_one_goes() {
    let before = before_the_rename();
    let after = renamed(&before).replace("gateway_target.t", "gateway_target.t2");
    let steps = [&["create gateway_target.t2"][..], &POLICIES, &["delete gateway_target.t"]].concat();
    no_moment_open_or_cut(&before, &after, &steps).await;
    let moved = format!("{after}{}", moved(&[("gateway_target.t", "gateway_target.t2")]));
    no_moment_open_or_cut(&before, &moved, &[&["replace gateway_target.t2: name"][..], &POLICIES].concat()).await;
}

#[tokio::test(start_paused = true)]
async fn policies_under_other_names_leave_no_moment_open_or_cut() {
    let before = before_the_rename().replace("[policy_engine.e2]\n", "");
    // Other ids in the manifest, the same texts.
    let after =
        before.replace("[policy.put]", "[policy.may_put]").replace("[policy.no_writer]", "[policy.never_writer]");
    let steps = ["create policy.may_put", "create policy.never_writer", "delete policy.no_writer", "delete policy.put"];
    no_moment_open_or_cut(&before, &after, &steps).await;
    // Other names in the account, at the same addresses.
    let after = before
        .replace("[policy.put]\n", "[policy.put]\nname = \"may_put\"\n")
        .replace("[policy.no_writer]\n", "[policy.no_writer]\nname = \"never_writer\"\n");
    no_moment_open_or_cut(&before, &after, &["replace policy.no_writer: name", "replace policy.put: name"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_tool_under_a_permit_for_all_waits_behind_a_lock_for_its_forbid() {
    let all = policy("get", "permit", "get", READ).replace("action == AgentCore::Action::\"t___get\"", "action");
    let before = manifest(&format!("{JWT}{ENGINE}"), &all);
    let target = before.split("[gateway_target.t]").nth(1).unwrap().split("[policy.").next().unwrap();
    let second = format!("[gateway_target.more]{}", target.replace("gateway_target.t.", "gateway_target.more."));
    let forbid = policy("not_more", "forbid", "put", WRITE).replace("t___put", "more___put");
    let after = format!("{before}{second}{forbid}");
    let mut dead_after = 0;
    loop {
        let world = World::new();
        world.apply(&before).await;
        let open_before = passing(&world.stand_in.observe());
        let stack = world.stack(&after);
        let planned = world.plan_stack(&stack).await;
        let interrupts = planned.plan.risks.iter().any(|risk| risk.code == "interrupts" && risk.address == "gateway.g");
        assert!(interrupts, "{:?}", planned.plan.risks);
        die_after(&world.stand_in, dead_after);
        let finished = world.carry_out(&planned).await.failed.is_empty();
        let mut moments = vec![passing(&world.stand_in.observe())];
        tokio::time::advance(Duration::from_secs(5)).await;
        moments.push(passing(&world.stand_in.observe()));
        world.stand_in.clear_faults();
        world.apply_stack(&stack).await;
        let open_after = passing(&world.stand_in.observe());
        assert!(open_after.iter().any(|(_, tool, _)| tool == "more___put"), "{open_after:?}");
        for now in moments {
            let extra: Vec<_> =
                now.iter().filter(|call| !open_before.contains(call) && !open_after.contains(call)).collect();
            assert!(extra.is_empty(), "dead after {dead_after}: {extra:?}");
        }
        if finished {
            break;
        }
        dead_after += 1;
    }
}
