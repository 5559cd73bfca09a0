//! Policies that change nothing: what is said is proved, what is not proved is not said, and a sound stack asks no solver.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use gatewright::access::prove::Solver;
use gatewright::check;
use gatewright::diagnostic::{Diagnostic, Severity};
use gatewright::manifest::{self, Options};

use crate::cvc5::cvc5;

/// A gateway with an engine and three tools.
const HEAD: &str = r#"
[stack]
name = "moot"
region = "us-east-1"

[jwt_authorizer.callers]
discovery_url = "https://login.example.com/.well-known/openid-configuration"
allowed_audience = ["tools"]

[gateway.tools]
role_arn = "arn:aws:iam::111122223333:role/tools"
jwt_authorizer = "callers"
policy_engine = "guard"
policy_mode = "ENFORCE"

[policy_engine.guard]

[gateway_target.bank]
gateway = "tools"
credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]
target_configuration.mcp.lambda.lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:bank"

[[gateway_target.bank.target_configuration.mcp.lambda.tool_schema.inline_payload]]
name = "pay"
description = "Pays"
input_schema = { type = "object", properties = { cents = { type = "integer" }, note = { type = "string" } }, required = ["cents"] }

[[gateway_target.bank.target_configuration.mcp.lambda.tool_schema.inline_payload]]
name = "look"
description = "Looks"
input_schema = { type = "object", properties = { id = { type = "string" } } }
"#;

fn policy(name: &str, effect: &str, tool: &str, condition: &str) -> String {
    format!(
        "[policy.{name}]\npolicy_engine = \"guard\"\ndefinition.cedar.statement = '''\n\
         {effect}(principal is AgentCore::OAuthUser, {tool}, resource == AgentCore::Gateway::\"${{gateway.tools.arn}}\")\n\
         {condition};\n'''\n"
    )
}

const PAY: &str = "action == AgentCore::Action::\"bank___pay\"";
const LOOK: &str = "action == AgentCore::Action::\"bank___look\"";
const BANK: &str = "action in AgentCore::Action::\"bank\"";

fn role(name: &str) -> String {
    format!("principal.hasTag(\"role\") && principal.getTag(\"role\") == \"{name}\"")
}

/// A permit on what the policies at hand are not about, so that every tool has one.
fn look() -> String {
    policy("look", "permit", LOOK, &format!("when {{ {} }}", role("looker")))
}

fn load(text: &str) -> (gatewright::stack::Stack, gatewright::diagnostic::Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatewright.toml");
    std::fs::write(&path, text).unwrap();
    loaded(path)
}

fn loaded(path: PathBuf) -> (gatewright::stack::Stack, gatewright::diagnostic::Sources) {
    let loaded = manifest::load(&Options { path, first_environment: true, ..Options::default() });
    assert!(loaded.diagnostics.iter().all(|found| found.severity != Severity::Error), "{:#?}", loaded.diagnostics);
    (loaded.stack.unwrap(), loaded.sources)
}

fn found(text: &str, solver: Option<&Solver>) -> Vec<Diagnostic> {
    let (stack, sources) = load(text);
    check::check_with(&stack, &sources, solver).0
}

/// Code, policy and message of each.
fn said(found: &[Diagnostic]) -> Vec<(&str, String, &str)> {
    let name = |found: &Diagnostic| found.address.as_ref().map(|address| address.name.clone()).unwrap_or_default();
    found.iter().map(|found| (found.code, name(found), found.message.as_str())).collect()
}

/// What is said with a solver, and that without one nothing is.
fn proved(policies: &[String]) -> Vec<(&'static str, String, String)> {
    let text = format!("{HEAD}{}", policies.concat());
    let without = found(&text, None);
    assert!(without.is_empty(), "{:#?}", said(&without));
    let Some(solver) = cvc5() else { return Vec::new() };
    let with = found(&text, Some(&solver));
    said(&with)
        .into_iter()
        .map(|(code, name, message)| (code, name, message.to_owned()))
        .map(|(code, name, message)| {
            let code = gatewright::explain::codes().find(|known| *known == code).unwrap();
            (code, name, message)
        })
        .collect()
}

/// The one finding, if there is a solver to find it.
#[track_caller]
fn one(policies: &[String], code: &str, name: &str, part: &str) {
    let said = proved(policies);
    if cvc5().is_some() {
        assert!(
            matches!(said.as_slice(), [(found, at, message)] if *found == code && at == name && message.contains(part)),
            "{said:#?}"
        );
    }
}

#[test]
fn conditions_that_exclude_each_other_are_proved_to_match_nothing() {
    for condition in [
        "when { context.input.cents < 5 && context.input.cents > 10 && principal.hasTag(\"role\") }",
        "when { principal.hasTag(\"role\") && principal.getTag(\"role\") like \"a*\" && principal.getTag(\"role\") like \"b*\" }",
    ] {
        let policies = [
            look(),
            policy("pay", "permit", PAY, &format!("when {{ {} }}", role("payer"))),
            policy("odd", "permit", PAY, condition),
        ];
        one(&policies, "cedar::never-applies", "odd", "no call can ever match");
    }
}

#[test]
fn a_permit_that_others_say_together_names_them() {
    let of = |condition: &str| format!("when {{ {} && {condition} }}", role("payer"));
    let policies = [
        look(),
        policy("small", "permit", PAY, &of("context.input.cents <= 100")),
        policy("large", "permit", PAY, &of("context.input.cents > 50")),
        policy("other", "permit", PAY, &format!("when {{ {} }}", role("other"))),
        policy("middle", "permit", PAY, &of("context.input.cents > 20 && context.input.cents < 170")),
    ];
    one(&policies, "lint::redundant-policy", "middle", "`policy.large`, `policy.small` say this already");
}

#[test]
fn of_two_permits_that_mean_the_same_the_later_one_is_too_much() {
    let policies = [
        look(),
        policy("one", "permit", PAY, "when { principal.hasTag(\"role\") && !(principal.getTag(\"role\") != \"a\") }"),
        policy("two", "permit", PAY, "when { principal.hasTag(\"role\") && principal.getTag(\"role\") == \"a\" }"),
    ];
    one(&policies, "lint::redundant-policy", "two", "`policy.one` says this already");
}

#[test]
fn a_forbid_that_leaves_nothing_of_a_permit_is_told_of_the_forbid() {
    let policies = [
        look(),
        policy("small", "permit", PAY, &format!("when {{ {} && context.input.cents < 10 }}", role("payer"))),
        policy("boss", "permit", PAY, &format!("when {{ {} }}", role("boss"))),
        policy("limit", "forbid", PAY, "when { context.input.cents < 20 }"),
    ];
    one(&policies, "lint::shadowing-forbid", "limit", "leaves nothing of what `policy.small` permits");
}

#[test]
fn a_forbid_that_stops_nothing_is_a_note() {
    let policies = [
        look(),
        policy("small", "permit", PAY, &format!("when {{ {} && context.input.cents < 10 }}", role("payer"))),
        policy("limit", "forbid", PAY, "when { context.input.cents > 1000 }"),
    ];
    one(&policies, "lint::idle-forbid", "limit", "today it changes nothing");
    let policies = [
        look(),
        policy("payer", "permit", PAY, &format!("when {{ {} }}", role("payer"))),
        policy("limit", "forbid", PAY, "when { context.input.cents > 100 }"),
        policy("wider", "forbid", PAY, "when { context.input.cents > 1000 || context.input.cents == 500 }"),
    ];
    one(&policies, "lint::redundant-policy", "wider", "`policy.limit` says this already");
}

/// `unless` in place of `when` opens a tool to everybody but those who were meant. That needs no proof.
#[test]
fn a_permit_that_only_takes_callers_out_is_told() {
    for condition in [
        format!("unless {{ {} }}", role("payer")),
        "when { !principal.hasTag(\"role\") && context.input.cents >= 5 }".to_owned(),
        format!("when {{ {} || context.input.cents < 10 }}", role("payer")),
    ] {
        let told = found(&format!("{HEAD}{}{}", look(), policy("pay", "permit", PAY, &condition)), None);
        assert_eq!(
            said(&told).iter().map(|(code, ..)| *code).collect::<Vec<_>>(),
            ["lint::open-permit"],
            "{condition}"
        );
        assert!(told[0].message.contains("a token that says nothing gets through"), "{}", told[0].message);
    }
}

/// Arithmetic that stays within bounds is no way around a forbid, and what goes beyond them is shown.
#[test]
fn a_forbid_that_can_fail_is_told_by_the_number_that_makes_it_fail() {
    let stack = |condition: &str| {
        let payer = policy("payer", "permit", PAY, &format!("when {{ {} }}", role("payer")));
        format!("{HEAD}{}{payer}{}", look(), policy("limit", "forbid", PAY, condition))
    };
    for condition in [
        "when { context.input.cents * 100 > 5000 }",
        "when { context.input.cents > 10 && context.input.cents + 1 > 5000 }",
    ] {
        let told = found(&stack(condition), None);
        let [(code, _, message)] = said(&told)[..] else { panic!("{:#?}", said(&told)) };
        assert_eq!(code, "lint::forbid-can-error");
        assert!(message.starts_with("9223372036854775807 as `cents` makes"), "{message}");
    }
    let bounded =
        "when { context.input.cents >= 0 && context.input.cents <= 1000 && context.input.cents * 100 > 5000 }";
    for solver in [None, cvc5()] {
        let told = found(&stack(bounded), solver.as_ref());
        assert!(told.is_empty(), "{:#?}", said(&told));
    }
}

/// What only the service can read may permit or forbid anything.
#[test]
fn what_only_the_service_can_read_makes_no_policy_moot() {
    let temporal = "when temporal { count(AgentCore::Action::\"bank___pay\"::request within 1h) < 5 }";
    let small = format!("when {{ {} && context.input.cents < 10 }}", role("payer"));
    let limit = "when { context.input.cents > 1000 }";
    let moot = |policies: &[String]| {
        let told = found(&format!("{HEAD}{}{}", look(), policies.concat()), cvc5().as_ref());
        told.iter().filter(|found| found.code != "cedar::not-plain").map(|found| found.code).collect::<Vec<_>>()
    };
    let stops = |effect| {
        let policies = [("small", "permit", small.as_str()), ("limit", "forbid", limit), ("more", effect, temporal)];
        policies.map(|(name, effect, condition)| policy(name, effect, PAY, condition))
    };
    assert_eq!(moot(&stops("permit")), [""; 0], "the temporal permit may let through what the forbid stops");
    if cvc5().is_some() {
        assert_eq!(moot(&stops("forbid")), ["lint::idle-forbid"]);
    }
    let same = [policy("more", "permit", PAY, temporal), policy("small", "permit", PAY, &small)];
    assert_eq!(moot(&same), [""; 0], "the temporal permit may not let through what the other one does");
}

/// A solver that is no solver, one that says nothing, and one that is not there.
#[test]
fn a_solver_that_fails_is_one_note_and_everything_else_is_told() {
    let admins = "when { principal.hasTag(\"role\") && principal.getTag(\"role\") like \"*admin*\" }";
    let text = format!(
        "{HEAD}{}{}{}{}",
        policy("look", "permit", LOOK, admins),
        policy("one", "permit", PAY, "when { principal.hasTag(\"role\") && !(principal.getTag(\"role\") != \"a\") }"),
        policy("two", "permit", PAY, &format!("when {{ {} }}", role("a"))),
        policy("three", "permit", PAY, &format!("when {{ {} && context.input.cents < 3 }}", role("a"))),
    );
    for program in ["/bin/cat", "/bin/false", "/nonexistent/cvc5"] {
        let start = Instant::now();
        let told = found(&text, Some(&Solver::at(program)));
        let mut codes: Vec<&str> = told.iter().map(|found| found.code).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["lint::substring-claim", "lint::unproved"], "{program}");
        assert!(start.elapsed() < Duration::from_mins(1), "{program}: {:?}", start.elapsed());
    }
}

/// What does change something, each in another way that a test of a few tokens could miss.
#[test]
fn what_changes_something_is_never_told() {
    let nobody = Solver::at("/nonexistent/cvc5");
    let of = |condition: &str| format!("when {{ {} && {condition} }}", role("payer"));
    let sound = [
        // The same caller for every tool that there is, and for those to come.
        vec![
            policy(
                "each",
                "permit",
                &format!("action in [{}, {}]", &PAY[10..], &LOOK[10..]),
                &format!("when {{ {} }}", role("b")),
            ),
            policy("all", "permit", BANK, &format!("when {{ {} }}", role("a"))),
            policy("look", "permit", LOOK, &format!("when {{ {} || {} }}", role("a"), role("c"))),
        ],
        // Several claims, and a limit on both sides.
        vec![
            look(),
            policy(
                "one",
                "permit",
                PAY,
                &of(
                    "principal.hasTag(\"team\") && principal.getTag(\"team\") like \"x-*\" && context.input.cents > 5 && context.input.cents <= 6",
                ),
            ),
        ],
        // A list, and an argument that may be missing.
        vec![
            look(),
            policy(
                "one",
                "permit",
                PAY,
                "when { principal.hasTag(\"role\") && [\"a\", \"b\"].contains(principal.getTag(\"role\")) } unless { context.input has note && context.input.note != \"ok\" }",
            ),
        ],
        // A forbid for some of those whom a permit lets in.
        vec![
            look(),
            policy("payer", "permit", PAY, &format!("when {{ {} }}", role("payer"))),
            policy(
                "limit",
                "forbid",
                PAY,
                "when { context.input.cents > 100 } unless { principal.hasTag(\"boss\") && principal.getTag(\"boss\") == \"yes\" }",
            ),
        ],
        vec![
            look(),
            policy("payer", "permit", PAY, &format!("when {{ {} }}", role("payer"))),
            policy("night", "forbid", BANK, "when { context.system.now.toTime() < duration(\"6h\") }"),
        ],
    ];
    for policies in sound {
        let found = found(&format!("{HEAD}{}", policies.concat()), Some(&nobody));
        assert!(found.is_empty(), "{:#?} of {policies:#?}", said(&found));
    }
}

#[test]
fn the_examples_ask_no_solver() {
    let nobody = Solver::at("/nonexistent/cvc5");
    let manifests = std::fs::read_dir("manifests").unwrap().map(|entry| entry.unwrap().path());
    for path in manifests {
        let (stack, sources) = loaded(path.clone());
        let found = check::check_with(&stack, &sources, Some(&nobody)).0;
        assert!(found.iter().all(|found| found.code != "lint::unproved"), "{}: {:#?}", path.display(), said(&found));
    }
}
