//! A world to test in: a stand-in, a folder with a manifest, and the engine between them.
//!
//! Time is paused: waiting costs nothing. [`World::apply`] plans again after each apply and expects nothing.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use gatewright::aws::{Aws, Connection};
use gatewright::diagnostic::Severity;
use gatewright::engine::{self, Planned};
use gatewright::manifest::{self, Options};
use gatewright::plan::{Action, Plan, Step};
use gatewright::progress::{Event, Outcome};
use gatewright::stack::Stack;
use localstack::{Config, Entry, Localstack};
use serde_json::Value;
use tempfile::TempDir;

/// A stand-in and a folder.
pub(crate) struct World {
    pub(crate) stand_in: Localstack,
    pub(crate) folder: TempDir,
    environment: Option<String>,
    events: Mutex<Vec<Event>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            stand_in: Localstack::new(config),
            folder: tempfile::tempdir().unwrap(),
            environment: None,
            events: Mutex::default(),
        }
    }

    pub(crate) fn environment(mut self, environment: Option<&str>) -> Self {
        self.environment = environment.map(ToOwned::to_owned);
        self
    }

    /// Writes a file of the manifest's folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) async fn aws(&self) -> Aws {
        let connection = Connection { local: Some(self.stand_in.clone()), ..Connection::default() };
        Aws::connect(&connection).await.unwrap()
    }

    pub(crate) fn stack_at(&self, path: &Path) -> Stack {
        let options = Options {
            path: path.to_owned(),
            environment: self.environment.clone(),
            first_environment: true,
            ..Options::default()
        };
        let loaded = manifest::load(&options);
        let errors: Vec<_> =
            loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        loaded.stack.expect("a manifest without errors is a stack")
    }

    pub(crate) fn stack(&self, text: &str) -> Stack {
        self.write("gatewright.toml", text);
        self.stack_at(self.folder.path())
    }

    pub(crate) async fn plan_stack(&self, stack: &Stack) -> Planned {
        engine::plan(&self.aws().await, stack).await.unwrap()
    }

    pub(crate) async fn plan(&self, text: &str) -> Plan {
        self.plan_stack(&self.stack(text)).await.plan
    }

    /// Carries a plan out, whatever it holds.
    pub(crate) async fn carry_out(&self, planned: &Planned) -> Outcome {
        self.events.lock().unwrap().clear();
        let report = |event: Event| self.events.lock().unwrap().push(event);
        engine::apply(&self.aws().await, planned, &report, &AtomicBool::new(false)).await
    }

    /// Plans, applies, and expects a plan without steps afterwards.
    pub(crate) async fn apply_stack(&self, stack: &Stack) -> Plan {
        let planned = self.plan_stack(stack).await;
        assert_eq!(planned.plan.diagnostics, [], "nothing stands in the way");
        let outcome = self.carry_out(&planned).await;
        assert_eq!((&outcome.failed, &outcome.skipped), (&vec![], &vec![]));
        let again = self.plan_stack(stack).await.plan;
        assert_eq!(steps(&again), Vec::<String>::new(), "a plan after an apply is empty");
        planned.plan
    }

    pub(crate) async fn apply(&self, text: &str) -> Plan {
        self.apply_stack(&self.stack(text)).await
    }

    /// Destroys, and expects that a second destroy has nothing to do.
    pub(crate) async fn destroy_stack(&self, stack: &Stack) -> Plan {
        let aws = self.aws().await;
        let planned = engine::plan_destroy(&aws, stack).await.unwrap();
        assert_eq!(planned.plan.diagnostics, [], "nothing stands in the way");
        let outcome = self.carry_out(&planned).await;
        assert_eq!((&outcome.failed, &outcome.skipped), (&vec![], &vec![]));
        let again = engine::plan_destroy(&aws, stack).await.unwrap().plan;
        assert_eq!(steps(&again), Vec::<String>::new(), "a second destroy has nothing to do");
        planned.plan
    }

    /// Calls the service behind the tool's back.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> Value {
        match self.stand_in.call(operation, input).await {
            Ok(answer) => answer,
            Err(failure) => panic!("{operation}: {failure:?}"),
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The mutating calls since the journal was cleared.
    pub(crate) fn mutations(&self) -> Vec<Entry> {
        self.stand_in.journal().into_iter().filter(|entry| entry.mutating).collect()
    }
}

/// The steps as short text: `update gateway.hr: description`.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(short).collect()
}

fn short(step: &Step) -> String {
    let action = match step.action {
        Action::NoOp => "keep",
        Action::Create => return format!("create {}", step.address),
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => return format!("delete {}", step.address),
        Action::Move => "move",
        Action::Adopt => "adopt",
    };
    let paths: Vec<&str> = step.changes.iter().map(|change| change.path.as_str()).collect();
    format!("{action} {}: {}", step.address, paths.join(", "))
}
