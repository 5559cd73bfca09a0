//! The permissions that a stack needs: held together with what the engine calls, and as the binary says them.

use std::collections::BTreeSet;
use std::path::Path;

use gatewright::iam::{Part, Role, Where, roles};
use gatewright::kind::KINDS;
use gatewright::stack::Stack;
use localstack::Entry;
use model::Api;
use serde_json::Value;

use crate::command::{Answer, Terminal};
use crate::world::World;

const ACCOUNT: &str = "111122223333";

/// Permissions without an operation of that name: AWS checks them where something else is called (docs/iam.md).
const BESIDES: [&str; 5] = [
    "bedrock-agentcore:InvokeGateway",
    "bedrock-agentcore:ManageResourceScopedPolicy",
    "bedrock-agentcore:ManageAdminPolicy",
    "iam:PassRole",
    "iam:CreateServiceLinkedRole",
];

/// Permissions that AWS wants of the caller where it reads or keeps something in the caller's name.
const IN_OUR_NAME: [&str; 1] = ["s3:GetObjectVersion"];

/// The actions of the calls of a journal. To ask who they are, nobody needs a permission.
fn called(journal: &[Entry]) -> BTreeSet<String> {
    let action = |entry: &Entry| {
        let of_cognito = entry.input.get("ResourceArn").is_some()
            || (Api::cognito().operation(&entry.operation).is_some()
                && Api::agentcore().operation(&entry.operation).is_none());
        format!("{}:{}", if of_cognito { "cognito-idp" } else { "bedrock-agentcore" }, entry.operation)
    };
    journal.iter().filter(|entry| entry.operation != "GetCallerIdentity").map(action).collect()
}

/// Reads of what a listing tells all about: a plan does them only while such an object is on its way to another state.
const WHILE_ON_THEIR_WAY: [&str; 2] = ["bedrock-agentcore:GetPolicy", "bedrock-agentcore:GetPolicyEngine"];

fn role_of(stack: &Stack, part: Part) -> Role {
    let place = Where::new(Some(ACCOUNT), Some("us-east-1"));
    roles(stack, &place).into_iter().find(|role| role.part == part).unwrap()
}

fn actions(role: &Role) -> BTreeSet<String> {
    role.policy.statement.iter().flat_map(|statement| statement.action.clone()).collect()
}

fn examples() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir("manifests")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Whatever a plan, an apply and a destroy of an example call is allowed, and nothing is allowed that nobody calls.
#[tokio::test(start_paused = true)]
async fn the_actions_of_planner_and_deployer_are_those_that_are_called() {
    let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
    let (mut planner, mut deployer) = (BTreeSet::new(), BTreeSet::new());
    for name in examples() {
        let world = World::new();
        let stack = world.stack_at(&Path::new("manifests").join(&name));
        let may_read = actions(&role_of(&stack, Part::Planner));
        let may_write = actions(&role_of(&stack, Part::Deployer));
        world.apply_stack(&stack).await;
        let mut writes = called(&world.stand_in.journal());
        world.stand_in.clear_journal();
        world.plan_stack(&stack).await;
        let reads = called(&world.stand_in.journal());
        world.destroy_stack(&stack).await;
        writes.extend(called(&world.stand_in.journal()));
        let refused: Vec<&String> = reads.difference(&may_read).collect();
        assert_eq!(refused, Vec::<&String>::new(), "{name}: a plan is refused to the planner");
        let refused: Vec<&String> = writes.difference(&may_write).collect();
        assert_eq!(refused, Vec::<&String>::new(), "{name}: an apply or a destroy is refused to the deployer");
        assert!(may_read.is_subset(&may_write), "{name}: a deployer plans too");
        read.extend(reads);
        written.extend(writes);
        planner.extend(may_read);
        deployer.extend(may_write);
    }
    read.extend(WHILE_ON_THEIR_WAY.map(ToOwned::to_owned));
    let unused: Vec<&String> = planner.difference(&read).collect();
    assert_eq!(unused, Vec::<&String>::new(), "the planner may do what no plan does");
    // A change of a manifest calls what a first apply does not.
    let updates = KINDS.iter().flat_map(|kind| {
        kind.update.iter().map(|(name, _)| *name).chain(kind.companions.iter().map(|companion| companion.set))
    });
    let updates: BTreeSet<&str> = updates.collect();
    let unused: Vec<&String> = deployer
        .difference(&written)
        .filter(|one| !updates.contains(one.split(':').nth(1).unwrap()))
        .filter(|one| !BESIDES.contains(&one.as_str()) && !IN_OUR_NAME.contains(&one.as_str()))
        .collect();
    assert_eq!(unused, Vec::<&String>::new(), "the deployer may do what nobody calls");
}

fn statements(policy: &Value) -> &Vec<Value> {
    policy["Statement"].as_array().unwrap()
}

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    statements(policy).iter().find(|one| one["Sid"] == sid).unwrap()
}

/// The resources on which a policy allows an action.
fn allowed_on(policy: &Value, action: &str) -> Vec<String> {
    let has = |statement: &&Value| statement["Action"].as_array().unwrap().iter().any(|one| one == action);
    let texts = |statement: &Value| {
        statement["Resource"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    statements(policy).iter().filter(has).flat_map(texts).collect()
}

fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.code, 0, "{answer:?}");
    serde_json::from_str(&answer.out).unwrap()
}

fn json_role(terminal: &Terminal, role: &str) -> Value {
    let answer = terminal.run(&["iam", "--role", role, "--format", "json", "--account", ACCOUNT]);
    json_of(&answer).pointer("/environments/0/roles/0").unwrap().clone()
}

#[test]
fn the_permissions_of_two_examples() {
    for (name, arguments) in [("three-roles", ["iam"].as_slice()), ("hr-data-agent", &["iam", "--env", "prod"])] {
        let terminal = Terminal::in_example(name);
        let answer = terminal.run(arguments);
        assert_eq!(answer.code, 0, "{answer:?}");
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!(format!("iam_{name}"), answer.out);
        });
        let all = json_of(&terminal.run(&["iam", "--format", "json"]));
        assert_eq!(all["environments"].as_array().unwrap().len(), if name == "hr-data-agent" { 3 } else { 1 });
    }
}

#[test]
fn a_gateway_may_ask_its_engine_and_use_its_providers_and_nothing_else() {
    let role = json_role(&Terminal::in_example("every-kind"), "gateway");
    let policy = &role["policy"];
    let agentcore = |rest: &str| format!("arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:{rest}");
    let (engine, gateway) = (agentcore("policy-engine/guard-??????????"), agentcore("gateway/tools-??????????"));
    assert_eq!(allowed_on(policy, "bedrock-agentcore:GetPolicyEngine"), std::slice::from_ref(&engine));
    for action in ["bedrock-agentcore:AuthorizeAction", "bedrock-agentcore:PartiallyAuthorizeActions"] {
        assert_eq!(allowed_on(policy, action), [gateway.clone(), engine.clone()]);
    }
    let tokens = allowed_on(policy, "bedrock-agentcore:GetResourceOauth2Token");
    assert!(tokens.contains(&agentcore("token-vault/default/oauth2credentialprovider/records")), "{tokens:?}");
    let keys = allowed_on(policy, "bedrock-agentcore:GetResourceApiKey");
    assert!(keys.contains(&agentcore("token-vault/default/apikeycredentialprovider/weather")), "{keys:?}");
    let secret = |name: &str| format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-AbCdEf");
    assert_eq!(allowed_on(policy, "secretsmanager:GetSecretValue"), [secret("records"), secret("weather")]);
    let trust = &role["trust"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], "bedrock-agentcore.amazonaws.com");
    assert_eq!(trust["Condition"]["StringEquals"]["aws:SourceAccount"][0], ACCOUNT);
    assert_eq!(trust["Condition"]["ArnLike"]["aws:SourceArn"][0], agentcore("gateway/tools-*"));
    assert!(!role.to_string().contains("\"*\""), "{role}");
}

#[test]
fn a_deployer_may_write_policies_about_its_gateway_and_pass_its_roles_to_agentcore_only() {
    let terminal = Terminal::in_example("three-roles");
    let role = json_role(&terminal, "deployer");
    let policy = &role["policy"];
    let gateway = format!("arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:gateway/three-roles-??????????");
    assert_eq!(allowed_on(policy, "bedrock-agentcore:InvokeGateway"), [gateway]);
    assert!(!allowed_on(policy, "bedrock-agentcore:ManageResourceScopedPolicy").is_empty());
    assert!(allowed_on(policy, "bedrock-agentcore:ManageAdminPolicy").is_empty());
    let passed = ["orders-gateway", "orders-runtime"].map(|name| format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
    assert_eq!(allowed_on(policy, "iam:PassRole"), passed);
    let to = &statement(policy, "PassRoles")["Condition"]["StringEquals"]["iam:PassedToService"];
    assert_eq!(to[0], "bedrock-agentcore.amazonaws.com");
    // The pool of another stack is not the deployer's, though its id is no less known than that of its own.
    for sid in ["ChangeUserPools", "ChangeWhatIsInUserPools"] {
        let owner = &statement(policy, sid)["Condition"]["StringEquals"]["aws:ResourceTag/gatewright:stack"];
        assert_eq!(owner[0], "three-roles/default", "{sid}");
    }
    // A policy about every gateway is another permission.
    let everywhere = "[policy.roles]\npolicy_engine = \"orders\"\ndefinition.cedar.statement = '''forbid(principal is \
                      AgentCore::IamEntity, action, resource is AgentCore::Gateway);'''\n\n[gateway.orders]";
    terminal.edit("gatewright.toml", "[gateway.orders]", everywhere);
    let wider = json_role(&terminal, "deployer");
    assert!(!allowed_on(&wider["policy"], "bedrock-agentcore:ManageAdminPolicy").is_empty());
}

#[test]
fn the_guard_denies_our_tag_keys_to_everybody_but_the_deployer() {
    let terminal = Terminal::in_example("hr-data-agent");
    let arn = "arn:aws:iam::222222222222:role/deploy";
    let guard = json_of(&terminal.run(&["iam", "--guard", "--deployer", arn, "--env", "prod", "--format", "json"]));
    let only = &guard["Statement"][0];
    assert_eq!((&only["Effect"], &only["Resource"][0]), (&Value::from("Deny"), &Value::from("*")));
    assert_eq!(only["Condition"]["ForAnyValue:StringLike"]["aws:TagKeys"][0], "gatewright:*");
    assert_eq!(only["Condition"]["ArnNotLike"]["aws:PrincipalArn"][0], arn);
}

#[test]
fn an_account_that_is_not_known_matches_nothing_and_a_wrong_one_is_refused() {
    let terminal = Terminal::in_example("hr-data-agent");
    let unknown = terminal.run(&["iam", "--env", "dev", "--role", "gateway", "--format", "json"]);
    let trust = json_of(&unknown).pointer("/environments/0/roles/0/trust/Statement/0/Condition").unwrap().clone();
    assert_eq!(trust["StringEquals"]["aws:SourceAccount"][0], "ACCOUNT_ID");
    let wrong = terminal.run(&["iam", "--env", "prod", "--account", ACCOUNT]);
    assert!(wrong.code == 64 && wrong.err.contains("account 222222222222, not 111122223333"), "{wrong:?}");
    let typo = terminal.run(&["iam", "--account", "1234"]);
    assert!(typo.code == 64 && typo.err.contains("twelve digits"), "{typo:?}");
}
