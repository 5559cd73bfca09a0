//! Failed leftovers: what a create, an update or a delete left in a failed state is planned for what it is, and finished.

use std::path::Path;

use gatewright::engine;
use gatewright::plan::Action;
use gatewright::stack::Stack;
use localstack::{Config, Fault, FaultKind};

use crate::openings::passing;
use crate::world::{World, steps};

fn example() -> (World, Stack) {
    let world = World::with(Config::default());
    let stack = world.stack_at(Path::new("manifests/three-roles"));
    (world, stack)
}

fn fails(world: &World, operation: &str) {
    let kind = FaultKind::Unsuccessful { reason: "no luck today".to_owned() };
    world.stand_in.fault(Fault { operation: Some(operation.to_owned()), nth: 1, times: 1, kind });
}

const KINDS: [(&str, &str); 5] = [
    ("Gateway", "gateway.records"),
    ("GatewayTarget", "gateway_target.records"),
    ("PolicyEngine", "policy_engine.records"),
    ("Policy", "policy.records/admin"),
    ("AgentRuntime", "runtime.records"),
];

#[tokio::test(start_paused = true)]
async fn a_create_that_failed_is_made_again_as_the_next_plan_says() {
    for (object, address) in KINDS {
        let (world, stack) = example();
        fails(&world, &format!("Create{object}"));
        let planned = world.plan_stack(&stack).await;
        let outcome = world.carry_out(&planned).await;
        let failed = outcome.failed.iter().find(|(failed, _)| failed == address);
        assert!(failed.is_some_and(|(_, message)| message.contains("no luck today")), "{object}: {:?}", outcome.failed);
        let runtime = object == "AgentRuntime";
        assert!(
            runtime || passing(&world.stand_in.observe()).is_empty(),
            "{object}: nobody gets through what is half made"
        );
        let plan = world.plan_stack(&stack).await.plan;
        let step = plan.steps.iter().find(|step| step.address == address).unwrap();
        assert_eq!(step.action, Action::Replace, "{object}: {:?}", steps(&plan));
        assert!(step.reason.as_ref().is_some_and(|reason| reason.contains("no luck today")), "{object}: {step:?}");
        world.apply_stack(&stack).await;
        assert!(!passing(&world.stand_in.observe()).is_empty());
        world.destroy_stack(&stack).await;
        assert_eq!(world.stand_in.observe()["objects"].as_array().unwrap().len(), 0, "{object}: nothing is left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_failed_is_tried_again_by_the_next_destroy() {
    // A gateway and a target have no state of a failed delete.
    for (object, address) in KINDS.into_iter().skip(2) {
        let (world, stack) = example();
        world.apply_stack(&stack).await;
        fails(&world, &format!("Delete{object}"));
        let planned = engine::plan_destroy(&world.aws().await, &stack).await.unwrap();
        let outcome = world.carry_out(&planned).await;
        assert!(outcome.failed.iter().any(|(failed, _)| failed == address), "{object}: {:?}", outcome.failed);
        world.destroy_stack(&stack).await;
        assert_eq!(world.stand_in.observe()["objects"].as_array().unwrap().len(), 0, "{object}: nothing is left");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_failed_is_sent_again_by_the_next_apply() {
    let cases = [
        ("UpdateGateway", "gateway.records", "[gateway.records]", "[gateway.records]\ndescription = \"new\""),
        (
            "UpdateGatewayTarget",
            "gateway_target.records",
            "[gateway_target.records]",
            "[gateway_target.records]\ndescription = \"new\"",
        ),
        (
            "UpdatePolicyEngine",
            "policy_engine.records",
            "[policy_engine.records]",
            "[policy_engine.records]\ndescription = \"new\"",
        ),
        ("UpdateAgentRuntime", "runtime.records", "[runtime.records]", "[runtime.records]\ndescription = \"new\""),
    ];
    for (operation, address, from, to) in cases {
        let (world, before) = example();
        world.apply_stack(&before).await;
        let open = passing(&world.stand_in.observe());
        for folder in ["policies/records.cedar", "tools/records.json"] {
            world.write(folder, &std::fs::read_to_string(Path::new("manifests/three-roles").join(folder)).unwrap());
        }
        let text = std::fs::read_to_string("manifests/three-roles/gatewright.toml").unwrap();
        let stack = world.stack(&text.replacen(from, to, 1));
        fails(&world, operation);
        let planned = world.plan_stack(&stack).await;
        assert!(
            planned.plan.steps.iter().any(|step| step.address == address),
            "{operation}: {:?}",
            steps(&planned.plan)
        );
        let outcome = world.carry_out(&planned).await;
        assert!(outcome.failed.iter().any(|(failed, _)| failed == address), "{operation}: {:?}", outcome.failed);
        assert!(passing(&world.stand_in.observe()).is_subset(&open), "{operation}: nothing is opened by a failure");
        let plan = world.plan_stack(&stack).await.plan;
        assert!(plan.steps.iter().all(|step| step.action == Action::Update), "{operation}: {:?}", steps(&plan));
        world.apply_stack(&stack).await;
        assert_eq!(passing(&world.stand_in.observe()), open, "{operation}");
    }
}
