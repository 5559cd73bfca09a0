//! Mistakes in what stands before the policies are noticed: each demand of each authorizer of each example is dropped, widened or
//! changed, engines are detached and only log, and nobody is asked. What opens a gateway is a risk of the plan, or refused by
//! `check`; what closes it shows in the plan or in `check`.

use gatewright::plan::AccessEffect;
use gatewright::stack::Stack;
use serde_json::{Value, json};

use crate::mutation::{EXAMPLES, Example, shows};

/// A mistake, and whether it lets more callers or calls through.
struct Mistake {
    how: String,
    opens: bool,
    gateway: Value,
}

const JWT: &str = "/authorizerConfiguration/customJWTAuthorizer";

fn with(gateway: &Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut gateway = gateway.clone();
    change(gateway.pointer_mut(pointer).unwrap());
    gateway
}

fn without(gateway: &Value, pointer: &str, member: &str) -> Value {
    with(gateway, pointer, |about| drop(about.as_object_mut().unwrap().shift_remove(member)))
}

/// Every mistake that a gateway's document can hold.
fn mistakes(gateway: &Value) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut put = |how: String, opens, gateway| found.push(Mistake { how, opens, gateway });
    if let Some(jwt) = gateway.pointer(JWT) {
        for (member, more) in [
            ("allowedClients", json!("0123456789abcdefghijklmnop")),
            ("allowedAudience", json!("somebody-else")),
            ("allowedScopes", json!("api/other")),
        ] {
            let Some(list) = jwt.get(member).and_then(Value::as_array) else { continue };
            put(format!("no {member}"), true, without(gateway, JWT, member));
            let member = format!("{JWT}/{member}");
            put(format!("{member} has one more"), true, with(gateway, &member, |list| list.as_array_mut().unwrap().push(more)));
            for place in (0..list.len()).filter(|_| list.len() > 1) {
                let rest = with(gateway, &member, |list| drop(list.as_array_mut().unwrap().remove(place)));
                put(format!("{member} has one less, {place}"), false, rest);
            }
        }
        for place in 0..jwt.get("customClaims").and_then(Value::as_array).map_or(0, Vec::len) {
            let claims = format!("{JWT}/customClaims");
            let rest = with(gateway, &claims, |list| drop(list.as_array_mut().unwrap().remove(place)));
            put(format!("without claim {place}"), true, rest);
            let value = format!("{claims}/{place}/authorizingClaimMatchValue/claimMatchValue/matchValueString");
            put(format!("claim {place} has another value"), true, with(gateway, &value, |value| *value = json!("Other.Read")));
            let name = format!("{claims}/{place}/inboundTokenClaimName");
            put(format!("claim {place} is another one"), true, with(gateway, &name, |name| *name = json!("other")));
        }
        let elsewhere = json!("https://issuer.example.com/.well-known/openid-configuration");
        let url = format!("{JWT}/discoveryUrl");
        put("another issuer".to_owned(), true, with(gateway, &url, |url| *url = elsewhere));
    }
    if gateway.get("policyEngineConfiguration").is_some() {
        let mode = with(gateway, "/policyEngineConfiguration/mode", |mode| *mode = json!("LOG_ONLY"));
        put("policies only log".to_owned(), true, mode);
        put("no engine".to_owned(), true, without(gateway, "", "policyEngineConfiguration"));
    }
    for kind in ["NONE", "AUTHENTICATE_ONLY", "AWS_IAM"].into_iter().filter(|kind| gateway["authorizerType"] != json!(kind)) {
        let open = without(gateway, "", "authorizerConfiguration");
        put(format!("authorizer {kind}"), true, with(&open, "/authorizerType", |own| *own = json!(kind)));
    }
    found
}

/// By what a mistake is noticed; fails, in words, where it is not.
async fn noticed(example: &Example, stack: &Stack, opens: bool) -> Result<&'static str, String> {
    let news = example.news(stack);
    if news.iter().any(|(error, _)| *error) {
        return Ok("refused");
    }
    let plan = example.plan(stack, None).await;
    let moves = shows(&plan, AccessEffect::Widened) || shows(&plan, AccessEffect::Narrowed);
    match (opens, plan.risks.is_empty()) {
        (_, false) => Ok("a risk"),
        (true, true) => Err(format!("it opens and is no risk; access {:?}, check {news:?}", plan.access)),
        (false, true) if moves => Ok("access"),
        (false, true) if !news.is_empty() => Ok("a warning"),
        (false, true) => Err("nobody says anything".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_before_the_policies_is_noticed() {
    let mut missed = Vec::new();
    let mut counts = std::collections::BTreeMap::new();
    for name in EXAMPLES.into_iter().chain(["minimal"]) {
        let example = Example::applied(name).await;
        for place in (0..example.stack.resources.len()).filter(|at| example.stack.resources[*at].kind.name == "gateway") {
            for Mistake { how, opens, gateway } in mistakes(&example.stack.resources[place].document) {
                let mut stack = example.stack.clone();
                stack.resources[place].document = gateway;
                match noticed(&example, &stack, opens).await {
                    Ok(by) => *counts.entry(by).or_insert(0) += 1,
                    Err(problem) => missed.push(format!("{name} {}, {how}: {problem}", stack.resources[place].address)),
                }
            }
        }
    }
    eprintln!("mistakes before the policies: noticed by {counts:?}, missed {}", missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
