//! Two generated stacks in one account that share a pool never touch each other.

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::Value;

use super::{codes, everything};
use crate::properties::{Drawn, OWNER, Writer, drawn, toml_of};
use crate::world::World;

const TENANT: Writer = Writer { stack: "tenant", prefix: "b", existing: Some("stack:generated/default/user_pool.p") };

/// The objects of one stack, or of both: the tenant's names begin with `b`.
fn objects(world: &World, tenants: bool) -> Vec<Value> {
    const NAMES: [&str; 7] = ["name", "Name", "ClientName", "Identifier", "GroupName", "Domain", "agentRuntimeName"];
    let mut state = everything(world)["objects"].take();
    let objects = state.as_array_mut().unwrap();
    for object in objects.iter_mut() {
        // The tags of the pool hold both memberships: each stack's own are compared.
        if let Some(tags) = object["tags"].as_object_mut() {
            let other = if tenants { "gatewright:members/generated/" } else { "gatewright:members/tenant/" };
            tags.retain(|key, _| !key.starts_with(other));
        }
    }
    let is_tenants = |object: &&Value| {
        let name = NAMES.iter().find_map(|name| object["document"].get(name)?.as_str()).unwrap_or_default();
        name.starts_with('b')
    };
    let pool = |object: &&Value| object["kind"] == "user_pool";
    objects.iter().filter(|object| is_tenants(object) == tenants || pool(object)).cloned().collect()
}

fn with_pool() -> impl Strategy<Value = Drawn> {
    drawn().prop_filter("there is a pool to share", Drawn::has_pool)
}

#[test]
fn two_stacks_that_share_a_pool_never_touch_each_other() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut runner = TestRunner::new(Cases { cases: 12, failure_persistence: None, ..Cases::default() });
    let outcome = runner.run(&(with_pool(), with_pool(), with_pool(), with_pool()), |(one, next, other, later)| {
        runtime.block_on(async {
            let world = World::new();
            let nothing = everything(&world);
            let owners = [&one, &next].map(|drawn| toml_of(drawn, &OWNER));
            let tenants = [&other, &later].map(|drawn| toml_of(drawn, &TENANT));
            world.apply(&owners[0]).await;
            let mut mine = objects(&world, false);
            // In turns: what one does leaves everything of the other as it is, and each apply plans empty afterwards.
            world.apply(&tenants[0]).await;
            assert_eq!(objects(&world, false), mine);
            let mut theirs = objects(&world, true);
            theirs.retain(|object| object["kind"] != "user_pool");
            world.apply(&owners[1]).await;
            mine = objects(&world, false);
            let mut now = objects(&world, true);
            now.retain(|object| object["kind"] != "user_pool");
            assert_eq!(now, theirs);
            assert!(world.plan(&tenants[0]).await.steps.is_empty());
            world.apply(&tenants[1]).await;
            assert_eq!(objects(&world, false), mine);
            let refused = world.destroy_plan(&world.stack(&owners[1])).await;
            assert_eq!(codes(&refused.plan), ["plan::foreign-child"]);
            world.destroy_stack(&world.stack(&tenants[1])).await;
            assert_eq!(objects(&world, false), mine);
            world.destroy_stack(&world.stack(&owners[1])).await;
            assert_eq!(everything(&world), nothing);
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
