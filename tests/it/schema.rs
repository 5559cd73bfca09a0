//! `plan.schema.json` describes what `plan --format json` prints.

use gatewright::plan::{
    AccessChange, AccessEffect, Action, Decision, Exposure, Extent, FORMAT_VERSION, LeftOut, MemberChange, Origin,
    Plan, PlanDiagnostic, Risk, Since, Step, Summary, Unexpected, Unsaid,
};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../plan.schema.json");

fn plan() -> Plan {
    Plan {
        format_version: FORMAT_VERSION,
        stack: "hr".into(),
        env: "default".into(),
        region: "us-east-1".into(),
        account: "111122223333".into(),
        endpoint: None,
        hash: "0f".into(),
        summary: Summary { create: 1, moved: 1, ..Summary::default() },
        steps: vec![Step {
            address: "gateway.hr".into(),
            kind: "gateway".into(),
            action: Action::NoOp,
            id: None,
            reason: None,
            origin: Origin::Drift,
            changes: vec![MemberChange {
                path: "name".into(),
                before: None,
                after: Some(json!({"any": ["value"]})),
                after_unknown: true,
                sensitive: false,
                forces_replacement: true,
            }],
            blocked: Some("foreign".into()),
            wanted: None,
        }],
        access: vec![AccessChange {
            effect: AccessEffect::Widened,
            gateway: "a.b".into(),
            principal: "p".into(),
            tool: "t/u".into(),
            before: "never".into(),
            after: "always".into(),
            how: "tested".into(),
            tokens: Some(3),
            witness: Some("w".into()),
            depends_on: None,
        }],
        exposed: vec![Exposure {
            address: "a.b".into(),
            code: "engine-detached".into(),
            principal: "p".into(),
            tool: "t".into(),
            before: "never".into(),
            after: "always".into(),
            how: "tested".into(),
            tokens: Some(3),
            witness: Some("w".into()),
            since: Some(Since { created: None, changed: Some("2026-11-24T14:02:33Z".into()) }),
            message: "m".into(),
            repaired: true,
            help: None,
        }],
        risks: vec![Risk {
            code: "a".into(),
            address: "b".into(),
            message: "c".into(),
            accepted: false,
            decision: Some(Decision { reason: "r".into(), until: "2026-12-31".into() }),
            persona: Some("d".into()),
            tool: Some("e/f".into()),
        }],
        unexpected: vec![Unexpected { parent: "a".into(), kind: "b".into(), name: "c".into(), id: "d".into() }],
        unsaid: vec![Unsaid {
            address: "a".into(),
            kind: "b".into(),
            id: "c".into(),
            paste: vec!["d = 1".into()],
            changes: vec![],
        }],
        diagnostics: vec![PlanDiagnostic { code: "a".into(), address: None, message: "b".into(), help: None }],
        notes: vec![],
        extent: Extent::Close,
        left_out: vec![LeftOut { address: "a.b".into(), action: Action::Create, reason: None }],
    }
}

#[test]
fn the_schema_in_the_repository_is_the_one_the_plan_has() {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Plan)).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/plan.schema.json"), &schema).unwrap();
    }
    assert_eq!(SCHEMA, schema, "run the test once with UPDATE_SCHEMA=1 after a change of `Plan`");
}

#[test]
fn a_plan_fits_the_schema_and_a_plan_of_another_shape_does_not() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut document = serde_json::to_value(plan()).unwrap();
    assert!(
        validator.is_valid(&document),
        "{:?}",
        validator.iter_errors(&document).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(serde_json::from_value::<Plan>(document.clone()).unwrap(), plan());
    document["steps"][0]["action"] = "explode".into();
    assert!(!validator.is_valid(&document));
}
