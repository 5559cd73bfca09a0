//! What goes wrong in a shared parent: no room, tags edited by hand, tags denied, lost creations, two at once. Nothing of anybody
//! else is ever taken for ours.

use localstack::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{BY_ADDRESS, OWNER, codes, everything, tenant, without};
use crate::world::{World, steps};

const GROUPS: &str = "gatewright:members/orders/default/user_pool_group/0";
const CLIENTS: &str = "gatewright:members/orders/default/user_pool_client/0";

/// The tenant with nothing but its group.
fn group_only() -> String {
    without(
        &without(&without(&without(&tenant(BY_ADDRESS), "[gateway"), "[jwt"), "[user_pool_client"),
        "[resource_server",
    )
}

#[tokio::test(start_paused = true)]
async fn a_parent_without_room_for_tags_is_said_in_the_plan_and_nothing_is_begun() {
    let world = World::new();
    world.apply(OWNER).await;
    let taken = world.pool_tags().await.as_object().unwrap().len();
    let full: serde_json::Map<String, Value> =
        (taken..50).map(|number| (format!("team{number}"), json!("x"))).collect();
    world.tag_pool(Value::Object(full)).await;
    let before = everything(&world);
    let b = world.stack(&tenant(BY_ADDRESS));
    let planned = world.plan_stack(&b).await;
    assert_eq!(codes(&planned.plan), ["plan::too-many-tags"]);
    let found = &planned.plan.diagnostics[0];
    assert!(found.message.contains("53 tags"), "three kinds of children: {}", found.message);
    assert!(found.help.as_ref().unwrap().contains("`user_pool.company`"));
    assert_eq!(world.carry_out(&planned).await.done, Vec::<String>::new());
    assert_eq!(everything(&world), before);
    for number in [taken, taken + 1, taken + 2] {
        world.untag_pool(&format!("team{number}")).await;
    }
    // The room is taken again between plan and apply: the service refuses, and no child is made.
    let planned = world.plan_stack(&b).await;
    assert_eq!(codes(&planned.plan), Vec::<&str>::new());
    world.tag_pool(json!({"late": "x"})).await;
    let outcome = world.carry_out(&planned).await;
    assert!(outcome.failed.iter().all(|(_, message)| message.contains("50 tags")), "{:?}", outcome.failed);
    assert_eq!(world.clients().await, ["portal"]);
    world.untag_pool("late").await;
    world.apply_stack(&b).await;
    world.destroy_stack(&b).await;
}

#[tokio::test(start_paused = true)]
async fn a_parent_of_ours_without_room_is_said_too() {
    let world = World::new();
    let tags: Vec<String> = (0..47).map(|number| format!("t{number} = \"x\"")).collect();
    let manifest = format!("{OWNER}[user_pool_group.g]\nuser_pool = \"shared\"\n")
        .replace("[user_pool.shared]\n", &format!("[user_pool.shared]\ntags = {{ {} }}\n", tags.join(", ")));
    let plan = world.plan(&manifest).await;
    assert_eq!(codes(&plan), ["plan::too-many-tags"]);
}

#[tokio::test(start_paused = true)]
async fn tags_edited_into_nonsense_are_named_and_delete_nothing() {
    let nonsense = [
        ("gatewright:members/orders/default/unheard_of/0", ".AAAAAAAAAA", "kind"),
        ("gatewright:members/orders/default/user_pool/0", ".AAAAAAAAAA", "kind"),
        (CLIENTS, ".AAA", "cut"),
        (GROUPS, "no @ membership", "characters"),
    ];
    for (key, value, why) in nonsense {
        let world = World::new();
        world.apply(OWNER).await;
        world.apply(&tenant(BY_ADDRESS)).await;
        world.tag_pool(json!({ key: value })).await;
        let everybody = world.clients().await;
        let planned = world.plan_stack(&world.stack(&tenant(BY_ADDRESS))).await;
        let found = planned.plan.diagnostics.iter().find(|found| found.code == "plan::membership");
        let found = found.unwrap_or_else(|| panic!("{key}: {:?}", planned.plan.diagnostics));
        assert!(found.message.contains(key) && found.message.contains(why), "{}", found.message);
        assert!(
            planned.plan.steps.iter().all(|step| step.id.is_none() || step.kind == "gateway"),
            "{:?}",
            steps(&planned.plan)
        );
        world.carry_out(&planned).await;
        assert_eq!(world.clients().await, everybody, "{key}: nothing twice, nothing gone");
        // Whoever owns the pool cannot delete it with what nobody can read.
        let planned = world.destroy_plan(&world.stack(OWNER)).await;
        assert!(codes(&planned.plan).contains(&"plan::foreign-child"), "{key}: {:?}", planned.plan.diagnostics);
        world.carry_out(&planned).await;
        assert_eq!(world.clients().await, everybody);
        // The other team's plan has nothing to say about it.
        assert!(world.plan(OWNER).await.steps.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_membership_that_claims_what_another_stack_has_deletes_nothing() {
    let world = World::new();
    world.apply(OWNER).await;
    world.apply(&group_only()).await;
    let theirs = world.pool_tags().await["gatewright:members/identity/default/user_pool_client/0"].clone();
    world.tag_pool(json!({ CLIENTS: theirs })).await;
    let before = everything(&world);
    let planned = world.destroy_plan(&world.stack(&group_only())).await;
    assert_eq!(codes(&planned.plan), ["plan::membership"]);
    assert!(planned.plan.diagnostics[0].message.contains("claimed by stack `identity/default` as well"));
    world.carry_out(&planned).await;
    assert_eq!(world.clients().await, ["portal"]);
    assert_ne!(everything(&world), before, "its own group went");
}

#[tokio::test(start_paused = true)]
async fn tags_that_may_not_be_read_hold_back_the_children_and_only_them() {
    let world = World::new();
    world.apply(OWNER).await;
    let id = world.pool().await;
    let denied = FaultKind::Refuse { status: 400, code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
    let deny = || {
        let kind = denied.clone();
        world.stand_in.fault(Fault { operation: Some("ListTagsForResource".to_owned()), nth: 1, times: 1, kind });
    };
    let b = world.stack(&tenant(&id));
    deny();
    let planned = world.plan_stack(&b).await;
    assert!(planned.plan.is_incomplete());
    let blocked: Vec<&str> =
        planned.plan.steps.iter().filter(|step| step.blocked.is_some()).map(|step| step.kind.as_str()).collect();
    assert_eq!(blocked, ["resource_server", "user_pool_client", "user_pool_client", "user_pool_group", "gateway"]);
    world.apply_stack(&b).await;
    let before = everything(&world);
    deny();
    let planned = world.destroy_plan(&b).await;
    assert!(planned.plan.is_incomplete());
    world.carry_out(&planned).await;
    let gateways =
        |state: &Value| state["objects"].as_array().unwrap().iter().filter(|of| of["kind"] == "gateway").count();
    let after = everything(&world);
    assert_eq!((gateways(&before), gateways(&after)), (1, 0), "what could be read went");
    assert_eq!(world.clients().await, ["batch", "portal", "web"]);
    world.destroy_stack(&b).await;
}

#[tokio::test(start_paused = true)]
async fn a_parent_whose_children_may_not_be_listed_does_not_go() {
    let world = World::new();
    world.apply(OWNER).await;
    world.apply(&group_only()).await;
    let kind = FaultKind::Refuse { status: 400, code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
    world.stand_in.fault(Fault { operation: Some("ListGroups".to_owned()), nth: 1, times: 1, kind });
    let planned = world.destroy_plan(&world.stack(OWNER)).await;
    world.carry_out(&planned).await;
    assert!(planned.plan.is_incomplete());
    assert!(world.plan(&group_only()).await.steps.is_empty(), "the other stack's group is there");
}

/// A run dies after any of its calls, and either the same run comes again or everything is destroyed.
#[tokio::test(start_paused = true)]
async fn a_run_that_dies_anywhere_leaves_nothing_in_somebody_elses_pool() {
    let calls = {
        let world = World::new();
        world.apply(OWNER).await;
        world.stand_in.clear_journal();
        world.apply(&tenant(BY_ADDRESS)).await;
        world.mutations().len()
    };
    for dead_after in 0..calls {
        for again in [false, true] {
            let world = World::new();
            world.apply(OWNER).await;
            let owned = everything(&world);
            let b = world.stack(&tenant(BY_ADDRESS));
            let planned = world.plan_stack(&b).await;
            if dead_after > 0 {
                let kind = FaultKind::LoseAnswer;
                world.stand_in.fault(Fault { operation: None, nth: dead_after, times: 1, kind });
            }
            let kind = FaultKind::Drop;
            world.stand_in.fault(Fault { operation: None, nth: dead_after + 1, times: usize::MAX / 2, kind });
            world.carry_out(&planned).await;
            world.stand_in.clear_faults();
            assert!(world.plan(OWNER).await.steps.is_empty(), "dead after {dead_after} calls: no drift for the owner");
            if again {
                world.apply_stack(&b).await;
                assert_eq!(world.clients().await, ["batch", "portal", "web"], "dead after {dead_after} calls");
            }
            world.destroy_stack(&b).await;
            assert_eq!(everything(&world), owned, "dead after {dead_after} calls, again: {again}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_and_never_made_is_not_taken_for_ours_when_somebody_else_makes_it() {
    for name in ["clerks", "web"] {
        let world = World::new();
        world.apply(OWNER).await;
        let b = world.stack(&tenant(BY_ADDRESS));
        let planned = world.plan_stack(&b).await;
        for operation in ["CreateGroup", "CreateUserPoolClient", "CreateResourceServer"] {
            let fault =
                Fault { operation: Some(operation.into()), nth: 1, times: usize::MAX / 2, kind: FaultKind::Drop };
            world.stand_in.fault(fault);
        }
        world.carry_out(&planned).await;
        world.stand_in.clear_faults();
        let pool = world.pool().await;
        match name {
            "clerks" => world.call("CreateGroup", json!({"UserPoolId": pool, "GroupName": name})).await,
            _ => world.call("CreateUserPoolClient", json!({"UserPoolId": pool, "ClientName": name})).await,
        };
        let handmade = everything(&world);
        let nothing = world.stack("[stack]\nname = \"orders\"\nregion = \"us-east-1\"\n");
        let planned = world.plan_stack(&nothing).await;
        assert_eq!(codes(&planned.plan), ["plan::membership"], "{name}");
        assert!(planned.plan.diagnostics[0].message.contains(name));
        assert!(
            planned.plan.steps.iter().all(|step| step.kind != "user_pool_group" && step.kind != "user_pool_client")
        );
        world.carry_out(&planned).await;
        let count =
            |state: &Value| state["objects"].as_array().unwrap().iter().filter(|of| of["kind"] != "gateway").count();
        assert_eq!(count(&everything(&world)), count(&handmade), "{name}: what somebody made by hand stays");
    }
}

#[tokio::test(start_paused = true)]
async fn another_teams_client_of_the_same_name_is_never_ours() {
    let world = World::new();
    world.apply(OWNER).await;
    // The tenant announces a client and dies; meanwhile the owner makes one of that name.
    let b = tenant(BY_ADDRESS);
    let planned = world.plan_stack(&world.stack(&b)).await;
    let kind = FaultKind::Drop;
    world.stand_in.fault(Fault { operation: Some("CreateUserPoolClient".into()), nth: 1, times: usize::MAX / 2, kind });
    world.carry_out(&planned).await;
    world.stand_in.clear_faults();
    let theirs = OWNER.replace("[user_pool_client.portal]\n", "[user_pool_client.portal]\nname = \"web\"\n");
    world.apply(&theirs).await;
    let plan = world.plan(&b).await;
    assert_eq!(codes(&plan), ["plan::foreign"]);
    assert!(plan.diagnostics[0].message.contains("user_pool_client.web"), "{:?}", plan.diagnostics);
    world.destroy_stack(&world.stack(&b)).await;
    assert_eq!(world.clients().await, ["web"]);
    assert!(world.plan(&theirs).await.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_stacks_that_write_at_once_lose_nothing() {
    let world = World::new();
    world.apply(OWNER).await;
    let owned = everything(&world);
    let one = tenant(BY_ADDRESS);
    let other = one.replace("orders", "bills").replace(".web]", ".shop]").replace("\"web\"", "\"shop\"");
    let other = other.replace(".batch]", ".night]").replace("\"batch\"", "\"night\"").replace(".clerks]", ".payers]");
    let (one, other) = (world.stack(&one), world.stack(&other));
    let (planned_one, planned_other) = (world.plan_stack(&one).await, world.plan_stack(&other).await);
    let (done_one, done_other) = tokio::join!(world.carry_out(&planned_one), world.carry_out(&planned_other));
    assert_eq!((done_one.failed, done_other.failed), (vec![], vec![]));
    for stack in [&one, &other] {
        assert!(world.plan_stack(stack).await.plan.steps.is_empty());
    }
    let (planned_one, planned_other) = (world.destroy_plan(&one).await, world.destroy_plan(&other).await);
    let (done_one, done_other) = tokio::join!(world.carry_out(&planned_one), world.carry_out(&planned_other));
    assert_eq!((done_one.failed, done_other.failed), (vec![], vec![]));
    assert_eq!(everything(&world), owned);
}

#[tokio::test(start_paused = true)]
async fn what_tags_remember_of_children_that_are_gone_is_forgotten() {
    let world = World::new();
    world.apply(OWNER).await;
    let owned = everything(&world);
    world.apply(&group_only()).await;
    let group = json!({"UserPoolId": world.pool().await, "GroupName": "clerks"});
    world.call("DeleteGroup", group.clone()).await;
    // The owner may go meanwhile: it is said, and does not stand in the way.
    let planned = world.destroy_plan(&world.stack(OWNER)).await;
    assert_eq!(codes(&planned.plan), Vec::<&str>::new());
    let pool = planned.plan.steps.iter().find(|step| step.kind == "user_pool").unwrap();
    assert!(pool.reason.as_ref().unwrap().contains("`orders/default`"), "{:?}", pool.reason);

    let none = without(&group_only(), "[user_pool_group");
    let plan = world.apply(&none).await;
    assert_eq!(steps(&plan), [format!("update user_pool.company: tags.{GROUPS}")]);
    assert_eq!(everything(&world), owned);
    // Who makes a group of that name now keeps it.
    world.call("CreateGroup", group).await;
    assert!(world.plan(&none).await.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_of_ours_that_somebody_deleted_is_forgotten_on_our_own_parent_too() {
    let world = World::new();
    let manifest = format!("{OWNER}[user_pool_group.clerks]\nuser_pool = \"shared\"\n");
    world.apply(&manifest).await;
    let group = json!({"UserPoolId": world.pool().await, "GroupName": "clerks"});
    world.call("DeleteGroup", group.clone()).await;
    world.apply(OWNER).await;
    world.call("CreateGroup", group).await;
    let plan = world.plan(OWNER).await;
    assert_eq!((steps(&plan), plan.unexpected.len()), (vec![], 1), "it is somebody else's now");
}
