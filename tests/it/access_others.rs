//! Changes of access that neither a caller of the manifest nor a call at noon shows: other roles, other times. With a solver and
//! without.

use gatewright::engine::{self, Asked};
use gatewright::plan::{AccessEffect, Plan};

use crate::access_causes::solvers;
use crate::running::{ENGINE, JWT, READ, manifest, policy};
use crate::world::World;

/// The plans from one manifest to another.
async fn plans(before: &str, after: &str) -> Vec<Plan> {
    let world = World::new();
    world.apply(before).await;
    let mut plans = Vec::new();
    for solver in solvers() {
        let asked = Asked { solver, ..Asked::default() };
        plans.push(engine::plan_asked(&world.aws().await, &world.stack(after), &asked).await.unwrap().plan);
    }
    plans
}

/// The changes in short.
fn changes(plan: &Plan) -> Vec<String> {
    let shown = plan.access.iter().map(|change| format!("{} {}", change.effect.word(), change.principal));
    shown.collect()
}

/// A gateway for signed requests whose first tool is for this principal.
fn signed(principal: &str, condition: &str) -> String {
    let policy =
        policy("get", "permit", "get", condition).replace("permit(principal,", &format!("permit({principal},"));
    manifest(&format!("authorizer_type = \"AWS_IAM\"\n{ENGINE}"), &policy)
}

fn role(name: &str) -> String {
    format!("principal == AgentCore::IamEntity::\"arn:aws:sts::111122223333:assumed-role/{name}\"")
}

fn the(name: &str) -> String {
    format!("the role `arn:aws:sts::111122223333:assumed-role/{name}`")
}

const ANY: &str = "principal is AgentCore::IamEntity";

#[tokio::test(start_paused = true)]
async fn a_role_that_no_persona_has_is_seen_to_come_and_go() {
    for plan in plans(&signed(&role("ops"), "true"), &signed(&role("batch"), "true")).await {
        let found = changes(&plan);
        assert!(found.contains(&format!("widened {}", the("batch"))), "{found:?}");
        assert!(found.contains(&format!("narrowed {}", the("ops"))), "{found:?}");
    }
    // One that nobody named stands for every other.
    for plan in plans(&signed(&role("ops"), "true"), &signed(ANY, "true")).await {
        assert_eq!(changes(&plan), [format!("widened {}", the("somebody-else"))]);
    }
    // A test that is too wide lets in what looks like the role.
    let exact = format!("principal.id == \"{}\"", the("ops").replace("the role ", "").replace('`', ""));
    let careless = r#"principal.id like "*:assumed-role/ops*""#;
    for plan in plans(&signed(ANY, &exact), &signed(ANY, careless)).await {
        let found = changes(&plan);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("widened the role `arn:aws:sts::111122223333:assumed-role/ops"), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_ends_later_is_seen_with_a_moment() {
    let until = |date: &str| {
        let condition = format!("{READ} && context.system.now < datetime(\"{date}\")");
        manifest(&format!("{JWT}{ENGINE}"), &policy("get", "permit", "get", &condition))
    };
    for plan in plans(&until("2026-06-30"), &until("2027-06-30")).await {
        let reader = plan.access.iter().find(|change| change.principal == "reader");
        let reader = reader.unwrap_or_else(|| panic!("{:#?}", plan.access));
        assert_eq!((reader.effect, reader.tool.as_str()), (AccessEffect::Widened, "t/get"));
        let witness = reader.witness.as_deref().unwrap();
        assert!(witness.ends_with(", at 2026-06-30T00:00:00Z"), "{witness}");
    }
    for plan in plans(&until("2027-06-30"), &until("2026-06-30")).await {
        assert!(changes(&plan).contains(&"narrowed reader".to_owned()), "{:#?}", plan.access);
    }
}

#[tokio::test(start_paused = true)]
async fn hours_of_the_day_that_move_are_seen() {
    let from = |hours: &str| {
        let condition = format!("{READ} && context.system.now.toTime() >= duration(\"{hours}\")");
        manifest(&format!("{JWT}{ENGINE}"), &policy("get", "permit", "get", &condition))
    };
    for plan in plans(&from("9h"), &from("8h30m")).await {
        let reader = plan.access.iter().find(|change| change.principal == "reader");
        let reader = reader.unwrap_or_else(|| panic!("{:#?}", plan.access));
        assert_eq!(reader.effect, AccessEffect::Widened);
        assert!(reader.witness.as_deref().unwrap().contains(", at 2026-01-01T08:"), "{:?}", reader.witness);
    }
}
