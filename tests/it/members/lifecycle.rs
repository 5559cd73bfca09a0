//! Whole objects of every kind: replaced, orphaned, protected, and foreign.

use gatewright::engine;
use gatewright::kind::{Names, Service};
use gatewright::plan::{Action, Plan};
use serde_json::{Value, json};

use super::agentcore::{ENGINE, GATEWAY, POLICY, RUNTIME, TARGET};
use super::cognito::{CLIENT, DOMAIN, GROUP, POOL, SERVER};
use super::identity::{API_KEY, ENDPOINT, OAUTH2, PROVIDER, WORKLOAD};
use super::{Subject, object, objects, settle, subjects};
use crate::world::{World, steps};

fn codes(plan: &Plan) -> Vec<&str> {
    plan.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// The manifest with everything that the subject needs, and not itself.
fn without(subject: &Subject) -> String {
    format!("[stack]\nname = \"members\"\nregion = \"us-east-1\"\n{}\n", subject.beside)
}

#[tokio::test(start_paused = true)]
async fn a_member_that_cannot_change_makes_a_new_object() {
    for (subject, before, after, path) in [
        (&GATEWAY, "name = \"one\"", "name = \"two\"", "name"),
        (&RUNTIME, "name = \"one\"", "name = \"two\"", "agentRuntimeName"),
        (&CLIENT, "", "generate_secret = true", "GenerateSecret"),
        (&CLIENT, "generate_secret = true", "", "GenerateSecret"),
        // Children are known by their names; an address that is its live name is known by both.
        (&DOMAIN, "domain = \"d\"", "domain = \"other\"", "Domain"),
        (&SERVER, "identifier = \"api\"", "identifier = \"other\"", "Identifier"),
        (&GROUP, "name = \"readers\"", "name = \"other\"", "GroupName"),
        (&TARGET, "name = \"t\"", "name = \"other\"", "name"),
        (&POLICY, "name = \"p\"", "name = \"other\"", "name"),
        (&PROVIDER, "name = \"Okta\"", "name = \"other\"", "ProviderName"),
        (&ENDPOINT, "name = \"stable\"", "name = \"other\"", "name"),
        (&WORKLOAD, "name = \"one\"", "name = \"two\"", "name"),
        (&API_KEY, "name = \"one\"", "name = \"two\"", "name"),
        (&OAUTH2, "name = \"one\"", "name = \"two\"", "name"),
    ] {
        let address = subject.address();
        let world = World::new();
        world.apply(&subject.manifest(before, "")).await;
        let old = object(&world, subject)["id"].clone();
        let after = subject.manifest(after, "");
        let plan = world.plan(&after).await;
        assert_eq!(steps(&plan), [format!("replace {address}: {path}")]);
        assert!(plan.steps[0].changes[0].forces_replacement, "{address}");
        world.apply(&after).await;
        assert_ne!(object(&world, subject)["id"], old, "{address} is a new object");
        world.destroy_stack(&world.stack(&after)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_renamed_child_is_a_new_one_and_an_orphan() {
    for (subject, before, after) in [
        (&SERVER, "identifier = \"one\"", "identifier = \"two\""),
        (&GROUP, "name = \"one\"", "name = \"two\""),
        (&TARGET, "name = \"one\"", "name = \"two\""),
        (&POLICY, "name = \"one\"", "name = \"two\""),
        (&DOMAIN, "domain = \"one\"", "domain = \"two\""),
        (&PROVIDER, "name = \"one\"", "name = \"two\""),
        (&ENDPOINT, "name = \"one\"", "name = \"two\""),
    ] {
        let world = World::new();
        world.apply(&subject.manifest(before, "")).await;
        let after = subject.manifest(after, "");
        let plan = world.plan(&after).await;
        let kind = subject.kind.name;
        assert_eq!(steps(&plan), [format!("create {}", subject.address()), format!("delete {kind}.one")]);
        world.apply(&after).await;
        object(&world, subject);
        world.destroy_stack(&world.stack(&after)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_lives_in_a_replaced_object_is_replaced_with_it() {
    let world = World::new();
    let before = TARGET.manifest("description = \"stays\"", "");
    world.apply(&before).await;
    let after = before.replace("[gateway.g]", "[gateway.g]\nname = \"other\"");
    let plan = world.plan(&after).await;
    assert_eq!(steps(&plan), ["replace gateway.g: name", "replace gateway_target.t: "]);
    assert_eq!(plan.steps[1].reason.as_deref(), Some("what it lives in is replaced"));
    world.apply(&after).await;
    world.destroy_stack(&world.stack(&after)).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_no_gateway_uses_is_replaced() {
    const KEY: &str =
        "encryption_key_arn = \"arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111\"";
    for (before, after, path) in
        [("name = \"one\"", "name = \"two\"", "name"), ("", KEY, "encryptionKeyArn"), (KEY, "", "encryptionKeyArn")]
    {
        let world = World::new();
        world.apply(&ENGINE.manifest(before, "")).await;
        let plan = world.apply(&ENGINE.manifest(after, "")).await;
        assert_eq!(steps(&plan), [format!("replace {}: {path}", ENGINE.address())]);
        assert!(plan.steps[0].changes[0].forces_replacement);
        world.destroy_stack(&world.stack(&ENGINE.manifest(after, ""))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_never_replaced() {
    let attribute = "schema = [{ name = \"role\", attribute_data_type = \"String\" }]";
    for (subject, before, after, path, code) in [
        (&POOL, "", attribute, "Schema[role]", "plan::pool-replacement"),
        (&POOL, attribute, "", "Schema[role]", "plan::pool-replacement"),
        (&POOL, "", "alias_attributes = [\"email\"]", "AliasAttributes", "plan::pool-replacement"),
        (&POOL, "username_attributes = [\"email\"]", "", "UsernameAttributes", "plan::pool-replacement"),
        (
            &POOL,
            "username_configuration.case_sensitive = true",
            "username_configuration.case_sensitive = false",
            "UsernameConfiguration.CaseSensitive",
            "plan::pool-replacement",
        ),
    ] {
        let world = World::new();
        let before = subject.manifest(before, "");
        world.apply(&before).await;
        let live = object(&world, subject);
        world.stand_in.clear_journal();
        let planned = world.plan_stack(&world.stack(&subject.manifest(after, ""))).await;
        assert_eq!(steps(&planned.plan), [format!("replace {}: {path}", subject.address())]);
        assert!(planned.plan.steps[0].changes[0].forces_replacement);
        assert!(planned.plan.steps[0].blocked.is_some());
        assert_eq!(codes(&planned.plan), [code]);
        world.carry_out(&planned).await;
        assert_eq!(world.mutations(), [], "nothing is touched");
        assert_eq!(object(&world, subject), live);
        world.destroy_stack(&world.stack(&before)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_orphan_is_deleted_and_nothing_else() {
    for subject in subjects() {
        let world = World::new();
        world.apply(&subject.manifest("", "")).await;
        let id = object(&world, subject)["id"].clone();
        let plan = world.plan(&without(subject)).await;
        assert_eq!(plan.steps.len(), 1, "{:?}", steps(&plan));
        let step = &plan.steps[0];
        assert_eq!((step.action, step.kind.as_str()), (Action::Delete, subject.kind.name));
        assert_eq!(json!(step.id), id);
        world.apply(&without(subject)).await;
        assert_eq!(objects(&world, subject), Vec::<Value>::new(), "{} is gone", subject.address());
        world.destroy_stack(&world.stack(&without(subject))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn children_go_with_their_parent() {
    for subject in subjects().into_iter().filter(|subject| subject.kind.parent.is_some()) {
        let world = World::new();
        let nothing = world.stand_in.observe();
        world.apply(&subject.manifest("", "")).await;
        world.apply("[stack]\nname = \"members\"\nregion = \"us-east-1\"\n").await;
        assert_eq!(world.stand_in.observe(), nothing, "{}", subject.address());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_is_not_deleted_until_it_is_freed() {
    for subject in subjects() {
        let address = subject.address();
        let world = World::new();
        let protected = subject.manifest("protect = true", "");
        world.apply(&protected).await;
        let live = object(&world, subject);

        let orphaned = world.plan_stack(&world.stack(&without(subject))).await;
        let destroyed = engine::plan_destroy(&world.aws().await, &world.stack(&protected)).await.unwrap();
        for planned in [&orphaned, &destroyed] {
            assert_eq!(codes(&planned.plan), ["plan::protected"], "{address}");
            let step = planned.plan.steps.iter().find(|step| json!(step.id) == live["id"]).expect("it has a step");
            assert!(step.blocked.is_some(), "{step:#?}");
        }
        world.carry_out(&orphaned).await;
        assert_eq!(object(&world, subject), live, "{address}");

        let freed = subject.manifest("protect = false", "");
        let plan = world.plan(&freed).await;
        assert_eq!(steps(&plan), [format!("update {address}: protect")]);
        world.apply(&freed).await;
        world.destroy_stack(&world.stack(&freed)).await;
        assert_eq!(objects(&world, subject), Vec::<Value>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_destroy_leaves_what_is_protected_and_what_it_lives_in() {
    for subject in subjects() {
        let world = World::new();
        let protected = subject.manifest("protect = true", "");
        world.apply(&protected).await;
        let id = object(&world, subject)["id"].clone();
        let destroyed = engine::plan_destroy(&world.aws().await, &world.stack(&protected)).await.unwrap();
        world.carry_out(&destroyed).await;
        assert_eq!(object(&world, subject)["id"], id, "{}", subject.address());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_is_not_replaced() {
    for (subject, after) in [
        (&GATEWAY, "name = \"two\""),
        (&RUNTIME, "name = \"two\""),
        (&CLIENT, "generate_secret = true"),
        (&TARGET, "name = \"other\""),
    ] {
        let world = World::new();
        let protected = subject.manifest("protect = true", "");
        world.apply(&protected).await;
        let live = object(&world, subject);
        for protect in ["protect = true", "protect = false"] {
            let after = subject.manifest(&format!("{after}\n{protect}"), "");
            let planned = world.plan_stack(&world.stack(&after)).await;
            assert_eq!(codes(&planned.plan), ["plan::protected"], "{}", subject.address());
            assert_eq!(planned.plan.steps[0].action, Action::Replace);
            assert!(planned.plan.steps[0].blocked.is_some());
            world.carry_out(&planned).await;
            assert_eq!(object(&world, subject), live);
        }
    }
}

/// Takes our tags off: an object becomes somebody else's, its children too.
async fn disown(world: &World, object: &Value, service: Service) {
    let keys: Vec<&String> =
        object["tags"].as_object().unwrap().keys().filter(|key| key.starts_with("gatewright:members")).collect();
    let own = ["gatewright:stack".to_owned(), "gatewright:address".to_owned(), "gatewright:applied".to_owned()];
    let keys = if keys.is_empty() { own.iter().collect() } else { keys };
    let input = match service {
        Service::Cognito => json!({"ResourceArn": object["arn"], "TagKeys": keys}),
        Service::AgentCore => json!({"resourceArn": object["arn"], "tagKeys": keys}),
    };
    world.call("UntagResource", input).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_made_is_neither_written_nor_deleted() {
    for subject in subjects().into_iter().filter(|subject| subject.kind.names != Names::NotUnique) {
        let world = World::new();
        let manifest = subject.manifest("", "");
        world.apply(&manifest).await;
        let live = object(&world, subject);
        let state = world.stand_in.observe();
        let owner = match &live["parent"] {
            Value::Null => live.clone(),
            parent => {
                state["objects"].as_array().unwrap().iter().find(|object| object["id"] == *parent).unwrap().clone()
            }
        };
        disown(&world, &owner, subject.kind.service).await;
        let live = object(&world, subject);

        let planned = world.plan_stack(&world.stack(&manifest)).await;
        assert_eq!(codes(&planned.plan), ["plan::foreign"], "{}", subject.address());
        let step = planned.plan.steps.iter().find(|step| step.address == subject.address()).unwrap();
        assert_eq!(step.action, Action::Create);
        assert!(step.blocked.is_some());
        world.carry_out(&planned).await;
        assert_eq!(object(&world, subject), live, "{}: nothing is written to it", subject.address());

        let destroyed = engine::plan_destroy(&world.aws().await, &world.stack(&manifest)).await.unwrap();
        let expected: &[&str] = if subject.kind.parent.is_some() { &["plan::foreign-child"] } else { &[] };
        assert_eq!(codes(&destroyed.plan), expected, "{}", subject.address());
        world.carry_out(&destroyed).await;
        settle().await;
        assert_eq!(object(&world, subject)["id"], live["id"], "{} is still there", subject.address());
    }
}
