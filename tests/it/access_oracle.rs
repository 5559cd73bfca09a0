//! Cedar's own engine is the oracle of every decision: it gets all policies of the engine at once, entities and context written by
//! hand, and has to agree with every cell and every decision.

use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, Schema};
use gatewright::access::{Access, Cell, Gateway};
use gatewright::kind::statement_of;
use gatewright::manifest::{self, Options};
use gatewright::stack::Stack;
use model::{Action, Tools, cedar_schema, tools_of_target};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: &str = "2026-01-01T12:00:00Z";

const GATEWAY: &str = "the-gateway";

/// Policies of every kind: exact and careless tests of claims, forbids, guarded and unguarded inputs, groups of actions.
const POLICIES: &str = r#"
[policy.careless]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action in AgentCore::Action::"pay", resource == AgentCore::Gateway::"${gateway.shop.arn}")
when { principal.hasTag("scope") && principal.getTag("scope") like "*pay/all*" }
unless { principal.hasTag("blocked") };
'''

[policy.why]
policy_engine = "guard"
definition.cedar.statement = '''
forbid(principal, action == AgentCore::Action::"pay___refund", resource == AgentCore::Gateway::"${gateway.shop.arn}")
when { context.input has why && context.input.why like "*test*" };
'''

[policy.same]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"pay___look", resource == AgentCore::Gateway::"${gateway.shop.arn}")
when { context.input has id && principal.hasTag("sub") && principal.getTag("sub") == context.input.id };
'''

[policy.logged]
policy_engine = "guard"
enforcement_mode = "LOG_ONLY"
definition.cedar.statement = '''
permit(principal, action, resource is AgentCore::Gateway);
'''
"#;

fn stack() -> Stack {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatewright.toml");
    let text = format!("{}{}{POLICIES}", crate::access::SHOP, crate::access::GRANTS);
    std::fs::write(&path, text).unwrap();
    let loaded = manifest::load(&Options { path, ..Options::default() });
    loaded.stack.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// The oracle: every policy in force, the types, and the tools.
struct Oracle {
    policies: PolicySet,
    schema: Schema,
    actions: Vec<Action>,
}

impl Oracle {
    fn of(stack: &Stack) -> Self {
        let kind = |name: &'static str| stack.resources.iter().filter(move |resource| resource.kind.name == name);
        let filled = |text: &str| {
            gatewright::reference::resolve_text(text, &|target| match target {
                gatewright::reference::Target::Output(address, _) if address.kind == "gateway" => {
                    Some(GATEWAY.to_owned())
                }
                gatewright::reference::Target::Output(address, _) => Some(address.name.clone()),
                _ => None,
            })
        };
        let in_force = kind("policy").filter(|policy| policy.document.get("enforcementMode").is_none());
        let text: Vec<String> =
            in_force.map(|policy| filled(statement_of(&policy.document["definition"]).unwrap())).collect();
        let target = kind("gateway_target").next().unwrap();
        let Tools::Known(tools) = tools_of_target(&target.document["targetConfiguration"]) else {
            panic!("inline tools")
        };
        let actions: Vec<Action> = tools.into_iter().map(|tool| Action { target: "pay".to_owned(), tool }).collect();
        let schema = Schema::from_json_value(cedar_schema(&actions, &[])).unwrap();
        Self { policies: PolicySet::from_str(&text.join("\n")).unwrap(), schema, actions }
    }

    fn allows(&self, claims: &Map<String, Value>, action: &Action, input: &Value) -> bool {
        let subject = claims["sub"].as_str().unwrap();
        let tags: Map<String, Value> = claims
            .iter()
            .map(|(name, value)| {
                (name.clone(), json!(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)))
            })
            .collect();
        let principal = json!({"type": "AgentCore::OAuthUser", "id": subject});
        let entities = json!([
            {"uid": principal, "attrs": {"id": subject}, "parents": [], "tags": tags},
            {"uid": {"type": "AgentCore::Gateway", "id": GATEWAY}, "attrs": {}, "parents": []},
        ]);
        let entities = Entities::from_json_value(entities, Some(&self.schema)).unwrap();
        let uid = |text: String| EntityUid::from_str(&text).unwrap();
        let action = uid(format!("AgentCore::Action::\"{}\"", action.id()));
        let now = json!({"__extn": {"fn": "datetime", "arg": NOW}});
        let context = json!({"input": input, "system": {"now": now}});
        let context = Context::from_json_value(context, Some((&self.schema, &action))).unwrap();
        let principal = uid(format!("AgentCore::OAuthUser::\"{subject}\""));
        let resource = uid(format!("AgentCore::Gateway::\"{GATEWAY}\""));
        let request = Request::new(principal, action, resource, context, Some(&self.schema)).unwrap();
        Authorizer::new().is_authorized(&request, &self.policies, &entities).decision() == Decision::Allow
    }
}

/// The claims of a token that the authorizer lets in.
fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let groups = prop::collection::vec(
        prop::sample::select(vec!["clerks", "bosses", "owners", "clerk", "x\"clerks", "bosses,", "*"]),
        0..3,
    );
    let scopes =
        prop::collection::vec(prop::sample::select(vec!["pay/all", "pay/allow", "xpay/all", "pay", "*"]), 0..3);
    let optional = (prop::option::of(groups), prop::option::of(scopes), prop::option::of(any::<bool>()));
    ("[uv]{1,2}", optional).prop_map(|(subject, (groups, scopes, blocked))| {
        let mut claims = Map::new();
        claims.insert("sub".into(), json!(subject));
        claims.insert("client_id".into(), json!("1example23456789abcdefghij"));
        claims.insert("iss".into(), json!("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example1"));
        claims.extend(groups.map(|groups| ("cognito:groups".to_owned(), json!(groups))));
        claims.extend(scopes.map(|scopes| ("scope".to_owned(), json!(scopes.join(" ")))));
        claims.extend(blocked.map(|blocked| ("blocked".to_owned(), json!(blocked))));
        claims
    })
}

/// Inputs of both tools.
fn inputs() -> impl Strategy<Value = (Value, Value)> {
    let refund =
        (prop::sample::select(vec![-1_i64, 0, 99, 100, 10_000, 10_001]), prop::option::of("(a test|test|none)"));
    let refund = refund.prop_map(|(amount, why)| match why {
        Some(why) => json!({"amount": amount, "why": why}),
        None => json!({"amount": amount}),
    });
    let look = prop::option::of("[uv]{1,2}").prop_map(|id| id.map_or_else(|| json!({}), |id| json!({"id": id})));
    (refund, look)
}

fn check(
    stack: &Stack,
    oracle: &Oracle,
    claims: &Map<String, Value>,
    inputs: &[(Value, Value)],
) -> Result<(), TestCaseError> {
    let mut access = Access::of(stack);
    access.add_token("it", &Value::Object(claims.clone()).to_string()).unwrap();
    let caller = access.callers.last().unwrap().clone();
    let gateway: &Gateway<'_> = &access.gateways[0];
    let visitor = gateway.visitor(&caller);
    prop_assert!(visitor.admission.is_admitted(), "{:?}", visitor.admission);
    for tool in &gateway.tools {
        let cell = gateway.verdict(&visitor, tool).cell;
        let (_, name) = tool.name.split_once('/').unwrap();
        let action = oracle.actions.iter().find(|action| action.tool.name == name).unwrap();
        for (refund, look) in inputs {
            let input = if name == "refund" { refund } else { look };
            let allowed = oracle.allows(claims, action, input);
            let decided = gateway.decide(&visitor, tool, input.as_object().unwrap(), NOW).unwrap().cell;
            prop_assert_eq!(decided, if allowed { Cell::Always } else { Cell::Never }, "{} {}", tool.name, input);
            prop_assert_ne!(cell, if allowed { Cell::Never } else { Cell::Always }, "{} {}", tool.name, input);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn cedar_agrees_with_every_cell_and_every_decision(
        tokens in prop::collection::vec(claims(), 1..6),
        inputs in prop::collection::vec(inputs(), 1..4),
    ) {
        let stack = stack();
        let oracle = Oracle::of(&stack);
        for claims in &tokens {
            check(&stack, &oracle, claims, &inputs)?;
        }
    }
}

/// The three words mean what they say: each occurs, so that the property above has something to compare.
#[test]
fn each_word_occurs() {
    let stack = stack();
    let access = Access::of(&stack);
    let matrix = gatewright::access::matrix(&access);
    let cells: Vec<Cell> = matrix.sheets[0].rows.iter().flat_map(|row| row.cells.clone()).collect();
    for cell in [Cell::Never, Cell::Sometimes, Cell::Always] {
        assert!(cells.contains(&cell), "{cells:?}");
    }
}
