//! Plans as people read them.

use serde_json::{Value, json};

use super::*;
use crate::plan::{Exposure, FORMAT_VERSION, MemberChange, Origin, Risk, Since, Summary, Unexpected, Unsaid};

fn member(path: &str, before: Value, after: Value) -> MemberChange {
    let known = |value: Value| (!value.is_null()).then_some(value);
    MemberChange {
        path: path.into(),
        before: known(before),
        after: known(after),
        after_unknown: false,
        sensitive: false,
        forces_replacement: false,
    }
}

fn step(kind: &str, name: &str, action: Action, changes: Vec<MemberChange>) -> Step {
    Step {
        address: format!("{kind}.{name}"),
        kind: kind.into(),
        action,
        id: (action != Action::Create).then(|| format!("{name}-1x2y3z")),
        reason: None,
        origin: Origin::Change,
        changes,
        blocked: None,
        wanted: None,
    }
}

fn empty() -> Plan {
    Plan {
        format_version: FORMAT_VERSION,
        stack: "hr-data-agent".into(),
        env: "dev".into(),
        region: "us-east-1".into(),
        account: "111122223333".into(),
        endpoint: None,
        hash: "0f".into(),
        summary: Summary { unchanged: 24, ..Summary::default() },
        steps: vec![step("gateway", "quiet", Action::NoOp, vec![])],
        access: vec![],
        exposed: vec![],
        risks: vec![],
        unexpected: vec![],
        unsaid: vec![],
        diagnostics: vec![],
        notes: vec![],
        extent: Extent::All,
        left_out: vec![],
    }
}

/// A plan with everything in it.
pub(in crate::report) fn full() -> Plan {
    let mut authorizer = member(
        "authorizerConfiguration.customJWTAuthorizer.allowedClients",
        Value::Null,
        json!(["${user_pool_client.employee.id}"]),
    );
    authorizer.after_unknown = true;
    let mut secret = member("ClientSecret", Value::Null, Value::Null);
    secret.sensitive = true;
    let mut renamed = member("name", json!("old"), json!("new"));
    renamed.forces_replacement = true;
    let statement = |scope: &str| {
        json!(format!(
            "permit(\n  principal,\n  action,\n  resource\n) when {{\n  principal.getTag(\"scope\") == \"{scope}\"\n}};"
        ))
    };
    let mut moved = step("user_pool", "hr", Action::Move, vec![]);
    moved.reason = Some("was user_pool.people".into());
    let mut drifted = step(
        "policy",
        "hr/read",
        Action::Update,
        vec![member("definition.cedar.statement", statement("api/*"), statement("api/read"))],
    );
    drifted.origin = Origin::Drift;
    let mut unknown = step("user_pool_group", "admin", Action::Update, vec![member("Precedence", json!(2), json!(1))]);
    unknown.origin = Origin::Unknown;
    let mut blocked = step("gateway_target", "tools", Action::Delete, vec![]);
    blocked.blocked = Some("it is protected: set `protect = false`, apply, then delete it".into());
    let mut adopted = step("policy_engine", "guard", Action::Adopt, vec![]);
    adopted.origin = Origin::Unknown;
    Plan {
        endpoint: Some("local stand-in".into()),
        summary: Summary { create: 2, update: 3, replace: 1, delete: 2, moved: 1, adopt: 1, unchanged: 4 },
        steps: vec![
            step("gateway", "hr", Action::Create, vec![member("name", Value::Null, json!("hr-gateway")), authorizer]),
            step("user_pool_client", "admin", Action::Create, vec![secret.clone()]),
            step("user_pool_client", "employee", Action::Update, vec![
                member("AllowedOAuthScopes", json!(["hr/read", "hr/pay"]), json!(["hr/read", "hr/pii"])),
                member("AccessTokenValidity", json!(60), json!(5)),
                secret,
            ]),
            step("runtime", "hr", Action::Replace, vec![renamed]),
            moved,
            adopted,
            drifted,
            unknown,
            step("user_pool_client", "former", Action::Delete, vec![]),
            blocked,
            step("user_pool", "same", Action::NoOp, vec![]),
        ],
        access: vec![
            AccessChange {
                effect: AccessEffect::Narrowed,
                gateway: "gateway.hr".into(),
                principal: "employee".into(),
                tool: "hr/pay".into(),
                before: "always".into(),
                after: "never".into(),
                how: "proved".into(),
                tokens: None,
                witness: None,
                depends_on: None,
            },
            AccessChange {
                effect: AccessEffect::Widened,
                gateway: "gateway.hr".into(),
                principal: "employee".into(),
                tool: "hr/search".into(),
                before: "never".into(),
                after: "always".into(),
                how: "tested".into(),
                tokens: Some(12),
                witness: Some("token {\"scope\":\"hr/read\"}, input {\"name\":\"x\"}".into()),
                depends_on: None,
            },
        ],
        exposed: vec![
            Exposure {
                address: "gateway.hr".into(),
                code: "enforcement-weakened".into(),
                principal: "every authenticated caller".into(),
                tool: "every tool of `gateway.hr`".into(),
                before: "as its policies say".into(),
                after: "allowed".into(),
                how: "unknown".into(),
                tokens: None,
                witness: None,
                since: Some(Since { created: None, changed: Some("2026-11-24T14:02:33Z".into()) }),
                message: "`gateway.hr` was changed by hand: policies are only logged".into(),
                repaired: true,
                help: None,
            },
            by_hand("hr/search"),
            by_hand("hr/pay"),
        ],
        left_out: vec![
            crate::plan::LeftOut { address: "gateway_target.new".into(), action: Action::Create, reason: None },
            crate::plan::LeftOut { address: "policy.hr/wide".into(), action: Action::Update, reason: Some("it also opens".into()) },
        ],
        risks: vec![
            Risk { code: "endpoint-changes".into(), address: "runtime.hr".into(), message: "callers hold the ARN of the old runtime, and every one of them has to be told the new one before it can go on".into(), accepted: false, decision: None, persona: None, tool: None },
            Risk { code: "forbid-removed".into(), address: "policy.hr/deny".into(), message: "a forbid goes".into(), accepted: true, decision: Some(Decision { reason: "the tool is gone, SEC-7".into(), until: "2026-12-31".into() }), persona: None, tool: None },
            Risk { code: "interrupts".into(), address: "gateway.hr".into(), message: "it is locked meanwhile".into(), accepted: true, decision: None, persona: None, tool: None },
        ],
        unexpected: vec![Unexpected { parent: "policy_engine.guard".into(), kind: "policy".into(), name: "by_hand\u{1b}[31m".into(), id: "p-9".into() }],
        unsaid: vec![Unsaid {
            address: "policy_engine.guard".into(),
            kind: "policy_engine".into(),
            id: "guard-1x2y3z".into(),
            paste: vec!["description = \"\"\"\nby hand,\nlong ago\"\"\"".into()],
            changes: vec![member("name", json!("theirs"), json!("ours"))],
        }],
        notes: vec![crate::plan::PlanDiagnostic {
            code: "plan::moved".into(),
            address: Some("user_pool.hr".into()),
            message: "`user_pool.former` is nowhere live, `user_pool.hr` is there: the line of `[moved]` does nothing".into(),
            help: Some("remove the line once every environment was applied".into()),
        }],
        diagnostics: vec![crate::plan::PlanDiagnostic {
            code: "plan::foreign".into(),
            address: Some("gateway.hr".into()),
            message: "`gateway.hr` wants a name that is taken by a gateway of somebody else".into(),
            help: Some("to take it over, write\n    adopt = \"hr-gateway-abc\"".into()),
        }],
        ..empty()
    }
}

/// A tool that a permit made by hand lets an employee call.
fn by_hand(tool: &str) -> Exposure {
    Exposure {
        address: "policy_engine.guard".into(),
        code: "access-widened".into(),
        principal: "employee".into(),
        tool: tool.into(),
        before: "never".into(),
        after: "always".into(),
        how: "tested".into(),
        tokens: Some(12),
        witness: Some("token {\"scope\":\"hr/read\"}, input {\"name\":\"x\"}".into()),
        since: Some(Since { created: Some("2026-11-24T14:05:00Z".into()), changed: None }),
        message: "policy `by_hand` in `policy_engine.guard` is not in the manifest: it permits calls".into(),
        repaired: false,
        help: Some("delete it where it was made".into()),
    }
}

fn shown(value: &Plan) -> String {
    anstream::adapter::strip_str(&plan(value, 80)).to_string()
}

#[test]
fn a_plan_without_changes_is_a_line_under_its_header() {
    insta::assert_snapshot!(shown(&empty()), @r#"
    hr-data-agent/dev · account 111122223333 · us-east-1

    No changes: 24 resources are as the manifest says.
    "#);
}

#[test]
fn a_plan_with_everything() {
    insta::assert_snapshot!(shown(&full()), @r#"
    hr-data-agent/dev · account 111122223333 · us-east-1 · local stand-in

    EXPOSED: the live account allows what the manifest does not
      ! `gateway.hr` was changed by hand: policies are only logged; last changed
          2026-11-24 14:02 UTC [enforcement-weakened]
          every authenticated caller, every tool of `gateway.hr`: now allowed; by
            the manifest as its policies say
          this plan sets it right
      ! policy `by_hand` in `policy_engine.guard` is not in the manifest: it permits
          calls; created 2026-11-24 14:05 UTC [access-widened]
          employee, hr/search, hr/pay: now always; by the manifest never (tested on
            12 tokens)
          for example token {"scope":"hr/read"}, input {"name":"x"}
          this plan leaves it open: delete it where it was made

    Changes from the manifest
      + create gateway.hr
          name = "hr-gateway"
          authorizer_configuration.custom_jwt_authorizer.allowed_clients = ["${user_pool_client.employee.id}"]  (known after apply)

      + create user_pool_client.admin
          client_secret = (sensitive)

      ~ update user_pool_client.employee (employee-1x2y3z)
          allowed_oauth_scopes
          - "hr/pay"
          + "hr/pii"
          access_token_validity = 60 → 5
          client_secret (sensitive)

      ± replace runtime.hr (hr-1x2y3z)
          name = "old" → "new"  # forces replacement

      → move user_pool.hr (hr-1x2y3z)
          # was user_pool.people
      ↓ adopt policy_engine.guard (guard-1x2y3z)

    Drift: changed behind the manifest's back, and set right again
      ~ update policy.hr/read (hr/read-1x2y3z)
          definition.cedar.statement
              resource
            ) when {
          -   principal.getTag("scope") == "api/*"
          +   principal.getTag("scope") == "api/read"
            };

    Different from the manifest, and no record of why
      ~ update user_pool_group.admin (admin-1x2y3z)
          precedence = 2 → 1

    No longer wanted
      - delete user_pool_client.former (former-1x2y3z)
      - delete gateway_target.tools (tools-1x2y3z)
          ! blocked: it is protected: set `protect = false`, apply, then delete it

    Left alone: in a resource of ours, and not in the manifest
      ? policy `by_hand\u{1b}[31m` in policy_engine.guard (p-9)

    Adopted as they are: until `adopt` is removed, this stays
      policy_engine.guard (guard-1x2y3z)
          live and not in the manifest; to keep it, paste below [policy_engine.guard]
            description = """
            by hand,
            long ago"""
          otherwise in the manifest; changes once `adopt` is removed
              name = "theirs" → "ours"

    Who can call what
      ! widened: employee can now call hr/search (never → always, tested on 12
          tokens)
          for example token {"scope":"hr/read"}, input {"name":"x"}
      · narrowed: employee can no longer call hr/pay (always → never, proved)

    Left out: not asked for
      + create gateway_target.new
      ~ update policy.hr/wide
          # it also opens

    In the way
      ! `gateway.hr` wants a name that is taken by a gateway of somebody else [plan::foreign]
          to take it over, write
              adopt = "hr-gateway-abc"

    Worth knowing
      · `user_pool.former` is nowhere live, `user_pool.hr` is there: the line of
          `[moved]` does nothing [plan::moved]
          remove the line once every environment was applied

    Risks
      ! endpoint-changes  runtime.hr: callers hold the ARN of the old runtime, and
          every one of them has to be told the new one before it can go on
      ✓ forbid-removed  policy.hr/deny: a forbid goes (accepted until 2026-12-31:
          the tool is gone, SEC-7)
      ✓ interrupts  gateway.hr: it is locked meanwhile (accepted)

    Plan: 2 to create, 3 to update, 1 to replace, 2 to delete, 1 to move, 1 to adopt; 1 blocked; 2 left out; 1 risk to decide on.
    "#);
}
