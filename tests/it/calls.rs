//! Calls: how many a command makes, and how fast they go out.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gatewright::aws::{Aws, Connection};
use gatewright::engine;
use gatewright::progress::Event;
use gatewright::stack::Stack;
use localstack::{Config, Localstack};

use crate::world::World;

/// A stand-in as far away as AWS is, that refuses what comes faster than AWS documents.
fn far_away(account: Option<&str>) -> Localstack {
    let account = account.map_or_else(|| Config::default().account, ToOwned::to_owned);
    Localstack::new(Config { account, rates: true, latency: Duration::from_millis(80), ..Config::default() })
}

async fn connect(stand_in: &Localstack) -> Aws {
    let connection = Connection { local: Some(stand_in.clone()), aws_rates: true, ..Connection::default() };
    Aws::connect(&connection).await.unwrap()
}

async fn apply_far_away(stand_in: &Localstack, stack: &Stack) {
    let aws = connect(stand_in).await;
    let planned = engine::plan(&aws, stack).await.unwrap();
    stand_in.clear_journal();
    let report = |_: Event| {};
    let outcome = engine::apply(&aws, &planned, &report, &AtomicBool::new(false)).await;
    assert_eq!(outcome.failed, []);
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_keeps_to_the_rates_is_never_refused_for_coming_too_fast() {
    for (name, environment) in [("hr-data-agent", Some("dev")), ("three-roles", None)] {
        let stack = World::new().environment(environment).stack_at(&Path::new("manifests").join(name));
        let stand_in = far_away(stack.account.as_deref());
        apply_far_away(&stand_in, &stack).await;
        let refused: Vec<_> = stand_in
            .journal()
            .into_iter()
            .filter(|entry| matches!(entry.code.as_deref(), Some("ThrottlingException" | "TooManyRequestsException")))
            .map(|entry| entry.operation)
            .collect();
        assert_eq!(refused, Vec::<String>::new(), "{name}");
    }
}
