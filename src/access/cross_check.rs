//! Proofs against brute force: what the solver says of two sets of policies, held against Cedar's own engine over every text of a few
//! letters. A proof may have no counterexample among them, and an example has to be one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression,
};
use model::{Action, Tool};
use serde_json::{Value, json};

use super::Access;
use super::expect::{How, hold};
use super::guard::schema;
use super::near_miss::has;
use super::prove::{Answer, Prover, Question, Solver};
use super::token::{Claims, Known, Token};
use crate::expectation::Needed;
use crate::manifest::exact::{has_one_of, is_one_of};
use crate::manifest::{self, Options};
use crate::stack::Claim;

const GATEWAY: &str = "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/g-0123456789";

/// What `CVC5` names has to be there.
fn solver() -> Option<Solver> {
    let found = Solver::find();
    if found.is_none() {
        eprintln!("cvc5 is not installed: nothing is proved here");
    }
    found
}

/// A set of policies, each as its effect and condition.
type Set = Vec<(&'static str, String)>;

fn permit(condition: impl Into<String>) -> Set {
    vec![("permit", condition.into())]
}

fn parsed(set: &Set) -> Vec<Policy> {
    let policy = |(at, (effect, condition)): (usize, &(&str, String))| {
        let text = format!("{effect}(principal is AgentCore::OAuthUser, action, resource) when {{ {condition} }};");
        Policy::parse(Some(PolicyId::new(format!("p{at}"))), &text).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    set.iter().enumerate().map(policy).collect()
}

/// Whether Cedar's own engine lets a token with these tags through.
fn allows(policies: &PolicySet, tags: &[(String, String)]) -> bool {
    let uid = |kind: &str, id: &str| EntityUid::from_str(&format!("AgentCore::{kind}::\"{id}\"")).unwrap();
    let tags = tags
        .iter()
        .map(|(name, value)| (name.clone(), RestrictedExpression::new_string(value.clone())))
        .collect::<Vec<_>>();
    let user = Entity::new_with_tags(uid("OAuthUser", "u"), [], [], tags).unwrap();
    let entities = Entities::from_entities([user], None).unwrap();
    let (user, action, gateway) = (uid("OAuthUser", "u"), uid("Action", "pay___refund"), uid("Gateway", GATEWAY));
    let request = Request::new(user, action, gateway, Context::empty(), None).unwrap();
    Authorizer::new().is_authorized(&request, policies, &entities).decision() == Decision::Allow
}

/// Every text of these letters up to a length.
fn texts(letters: &[char], longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..longest {
        let upto = all.len();
        for at in from..upto {
            let longer: Vec<String> = letters.iter().map(|letter| format!("{}{letter}", all[at])).collect();
            all.extend(longer);
        }
        from = upto;
    }
    all
}

fn tag(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// Asks about every two of some sets, and holds every answer against all tokens. Answers how many proofs and
/// examples there were; nothing without a solver.
fn cross_checked(sets: &[Set], tokens: &[Vec<(String, String)>]) -> Option<(usize, usize)> {
    let solver = solver()?;
    let sets: Vec<(Vec<Policy>, PolicySet)> = sets
        .iter()
        .map(|set| {
            let policies = parsed(set);
            (policies.clone(), PolicySet::from_policies(policies).unwrap())
        })
        .collect();
    let truths: Vec<Vec<bool>> =
        sets.iter().map(|(_, set)| tokens.iter().map(|token| allows(set, token)).collect()).collect();
    let tool = Tool { name: "refund".into(), input_schema: json!({"type": "object", "properties": {}}) };
    let schema = schema(&[Action { target: "pay".into(), tool }]).unwrap();
    let question = Question { schema: &schema, principal: "OAuthUser", action: "pay___refund", gateway: GATEWAY };
    let (mut proofs, mut examples) = (0, 0);
    for (less, (less_policies, less_set)) in sets.iter().enumerate() {
        // Each row has the time of a plan.
        let mut prover = Prover::new(&solver).unwrap();
        for (more, (more_policies, more_set)) in sets.iter().enumerate() {
            let (left, right): (Vec<&Policy>, Vec<&Policy>) =
                (less_policies.iter().collect(), more_policies.iter().collect());
            let counterexample = truths[less].iter().zip(&truths[more]).position(|(less, more)| *less && !more);
            match prover.implies(&question, &left, &right) {
                Answer::Implied => {
                    proofs += 1;
                    let shown = counterexample.map(|at| &tokens[at]);
                    assert_eq!(shown, None, "it is proved that {less_set} implies {more_set}");
                }
                Answer::Not(example) => {
                    examples += 1;
                    let tags: Vec<_> =
                        example.tags.iter().map(|(name, value)| tag(name, value.as_str().unwrap())).collect();
                    assert!(
                        allows(less_set, &tags) && !allows(more_set, &tags),
                        "{tags:?} shows nothing about {less_set} and {more_set}"
                    );
                }
                // Not every question has an answer in time.
                Answer::Open => assert_eq!(prover.trouble, None, "{less_set} and {more_set}"),
            }
        }
    }
    Some((proofs, examples))
}

fn scope() -> Claim {
    Claim { name: "scope".into(), list: false }
}

fn groups() -> Claim {
    Claim { name: "cognito:groups".into(), list: true }
}

fn exact(values: &[&str]) -> String {
    has_one_of(&scope(), &values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
}

/// The exact test as cedar.md has it, by hand.
const BY_HAND: &str = r#"principal.hasTag("scope") && (principal.getTag("scope") == "a" || principal.getTag("scope") like "a *" ||
    principal.getTag("scope") like "* a" || principal.getTag("scope") like "* a *")"#;

fn scope_is(test: &str) -> String {
    format!("principal.hasTag(\"scope\") && principal.getTag(\"scope\") {test}")
}

/// Policies about words, right and wrong.
fn about_words() -> Vec<Set> {
    let mut sets: Vec<Set> = vec![permit(exact(&["a"])), permit(BY_HAND), permit(exact(&["a", "b"]))];
    let careless = ["like \"*a*\"", "like \"a*\"", "like \"*a\"", "== \"a\"", "!= \"b\""];
    sets.extend(careless.map(|test| permit(scope_is(test))));
    // Split over four permits, in another order.
    sets.push(
        ["like \"* a *\"", "like \"* a\"", "== \"a\"", "like \"a *\""].map(|test| ("permit", scope_is(test))).to_vec(),
    );
    // By De Morgan.
    sets.push(permit(
        r#"principal.hasTag("scope") && !(principal.getTag("scope") != "a" && !(principal.getTag("scope") like "a *") &&
        !(principal.getTag("scope") like "* a") && !(principal.getTag("scope") like "* a *"))"#,
    ));
    // A forbid for everybody else, and one for another word, both ways.
    sets.push(vec![("permit", "true".to_owned()), ("forbid", format!("!({})", exact(&["a"])))]);
    sets.push(vec![("permit", exact(&["a"])), ("forbid", exact(&["b"]))]);
    sets.push(permit(format!("({}) && !({})", exact(&["a"]), exact(&["b"]))));
    // Guards alone, in both directions.
    sets.push(permit("principal.hasTag(\"scope\")"));
    sets.push(permit("if principal.hasTag(\"scope\") then principal.getTag(\"scope\") like \"*a*\" else true"));
    sets.push(permit("true"));
    sets.push(permit(
        "principal.hasTag(\"scope\") && principal.getTag(\"scope\") == \"a\" && principal.getTag(\"scope\") == \"b\"",
    ));
    sets
}

fn words() -> Vec<Vec<(String, String)>> {
    let stated = texts(&['a', 'b', ' '], 6).into_iter().map(|text| vec![tag("scope", &text)]);
    std::iter::once(Vec::new()).chain(stated).collect()
}

#[test]
fn with_a_solver_proofs_about_words_are_what_brute_force_finds() {
    let sets = about_words();
    let Some((proofs, examples)) = cross_checked(&sets, &words()) else { return };
    assert!(proofs > 100 && examples > 100, "{proofs} proofs, {examples} examples");
}

/// What a grant writes is the exact idiom, word for word the same set of tokens.
#[test]
fn with_a_solver_the_test_of_a_grant_is_the_exact_idiom() {
    let Some((proofs, _)) = cross_checked(&[permit(exact(&["a"])), permit(BY_HAND)], &words()[..100]) else { return };
    assert!(proofs >= 4, "each of them, and both ways");
}

fn group_is(test: &str) -> String {
    format!("principal.hasTag(\"cognito:groups\") && principal.getTag(\"cognito:groups\") {test}")
}

/// Texts like lists, and others.
fn lists() -> Vec<Vec<(String, String)>> {
    let letters = ['a', '"', ',', '[', ']'];
    let mut all = texts(&letters, 5);
    let more = texts(&letters, 3);
    all.extend(
        more.iter().flat_map(|text| [format!("[\"a\"{text}]"), format!("[{text}\"a\"]"), format!("[\"{text}\"]")]),
    );
    all.extend(more.iter().flat_map(|text| [format!("[{text},\"a\"]"), format!("[{text},\"a\",{text}]")]));
    all.extend([r#"["b", "a"]"#, r#"["b", "a", "b"]"#, r#"["x\"a"]"#, r#"["a\"x"]"#].map(ToOwned::to_owned));
    let stated = all.into_iter().map(|text| vec![tag("cognito:groups", &text)]);
    std::iter::once(Vec::new()).chain(stated).collect()
}

#[test]
fn with_a_solver_proofs_about_lists_are_what_brute_force_finds() {
    let exact = has_one_of(&groups(), &["a".to_owned()]);
    let text = is_one_of("cognito:groups", &["a".to_owned()]);
    let mut sets = vec![permit(exact.clone()), permit(format!("({exact}) || ({text})")), permit(text)];
    let careless =
        [r#"like "*\"a\"*""#, r#"like "*a*""#, r#"like "[\"a\"*""#, r#"like "[\"a\",*""#, r#"like "*,\"a\"]""#];
    sets.extend(careless.map(|test| permit(group_is(test))));
    sets.push(vec![("permit", group_is("!= \"\"")), ("forbid", format!("!({exact})"))]);
    let Some((proofs, examples)) = cross_checked(&sets, &lists()) else { return };
    assert!(proofs > 22 && examples > 40, "{proofs} proofs, {examples} examples");
}

/// Several claims at once: a scope, a role, and the subject.
#[test]
fn with_a_solver_proofs_about_several_claims_are_what_brute_force_finds() {
    let mut tokens = Vec::new();
    let some = |name: &'static str, texts: Vec<String>| {
        std::iter::once(None).chain(texts.into_iter().map(move |text| Some(tag(name, &text)))).collect::<Vec<_>>()
    };
    for scope in some("scope", texts(&['a', 'b', ' '], 3)) {
        for role in some("role", texts(&['a', 'b'], 2)) {
            for sub in some("sub", vec!["a".into(), "b".into()]) {
                tokens.push([scope.clone(), role.clone(), sub].into_iter().flatten().collect());
            }
        }
    }
    let role = is_one_of("role", &["a".to_owned()]);
    let (a, b) = (exact(&["a"]), exact(&["b"]));
    let both = "principal.hasTag(\"scope\") && principal.hasTag(\"role\")";
    let sets = [
        permit(format!("({a}) && ({role})")),
        permit(format!("({role}) && ({a})")),
        permit(format!("({a}) || ({role})")),
        vec![("permit", role.clone()), ("permit", a.clone())],
        vec![("permit", format!("({a}) || ({role})")), ("forbid", format!("!(({a}) && ({role}))"))],
        permit(format!("{both} && principal.getTag(\"scope\") == principal.getTag(\"role\")")),
        permit(format!(
            "{both} && principal.getTag(\"scope\") == principal.getTag(\"role\") && principal.getTag(\"role\") == \"a\""
        )),
        vec![
            ("permit", a.clone()),
            ("forbid", "principal.hasTag(\"sub\") && principal.getTag(\"sub\") like \"b*\"".to_owned()),
        ],
        permit(format!(
            "({a}) && (if principal.hasTag(\"sub\") then !(principal.getTag(\"sub\") like \"b*\") else true)"
        )),
        permit(b),
    ];
    let Some((proofs, examples)) = cross_checked(&sets, &tokens) else { return };
    assert!(proofs > 25 && examples > 40, "{proofs} proofs, {examples} examples");
}

/// What an expectation says of policies is what every text of a few letters says of them.
#[test]
fn with_a_solver_expectations_are_what_brute_force_finds() {
    let Some(solver) = solver() else { return };
    let sets = about_words();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatewright.toml");
    let mut text = String::from(
        "[stack]\nname = \"words\"\nregion = \"us-east-1\"\n[jwt_authorizer.all]\ndiscovery_url = \"https://example.com/.well-known/openid-configuration\"\n\
         allowed_clients = [\"x\"]\nscope_claim = \"scope\"\n",
    );
    for (at, set) in sets.iter().enumerate() {
        let _ = write!(
            text,
            "[policy_engine.e{at}]\n[gateway.g{at}]\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\nprotocol_type = \"MCP\"\njwt_authorizer = \"all\"\n\
             policy_engine = \"e{at}\"\npolicy_mode = \"ENFORCE\"\n[gateway_target.t{at}]\ngateway = \"g{at}\"\n\
             credential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
             [gateway_target.t{at}.target_configuration.mcp.lambda]\nlambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:f\"\n\
             [[gateway_target.t{at}.target_configuration.mcp.lambda.tool_schema.inline_payload]]\nname = \"call\"\ndescription = \"x\"\n\
             input_schema = {{ type = \"object\", properties = {{}} }}\n\
             [[expect]]\ntools = [\"t{at}/call\"]\nonly_with_scope = \"a\"\n"
        );
        for (number, (effect, condition)) in set.iter().enumerate() {
            let _ = write!(
                text,
                "[policy.p{at}-{number}]\npolicy_engine = \"e{at}\"\nname = \"p{at}_{number}\"\ndefinition.cedar.statement = '''\n\
                 {effect}(principal is AgentCore::OAuthUser, action, resource == AgentCore::Gateway::\"${{gateway.g{at}.arn}}\") when {{ {condition} }};'''\n"
            );
        }
    }
    std::fs::write(&path, text).unwrap();
    let loaded = manifest::load(&Options { path, ..Options::default() });
    let stack = loaded.stack.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let access = Access::of(&stack);
    let needed = Needed::Scope("a".into());
    let holding = hold(&stack, Some(&solver));
    assert_eq!((holding.outcomes.len(), &holding.trouble), (sets.len(), &None));
    let mut seen = BTreeSet::new();
    for (set, outcome) in sets.iter().zip(&holding.outcomes) {
        let policies = PolicySet::from_policies(parsed(set)).unwrap();
        let hole = words().into_iter().find(|tags| {
            let claims: Claims = tags.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
            let token = Token { claims, known: Known::InPart };
            allows(&policies, tags) && !has(&token, &needed, &access.gateways[0])
        });
        let expected = if hole.is_some() { How::Refuted } else { How::Proved(BTreeSet::default()) };
        assert_eq!(outcome.how, expected, "{policies}: {hole:?}, {outcome:?}");
        seen.insert(format!("{expected:?}"));
    }
    assert_eq!(seen.len(), 2);
}
