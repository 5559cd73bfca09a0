//! The permissions that a stack needs: held together with what the engine calls, and as the binary says them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
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
    let passed = ["records-gateway", "records-runtime"].map(|name| format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
    assert_eq!(allowed_on(policy, "iam:PassRole"), passed);
    let to = &statement(policy, "PassRoles")["Condition"]["StringEquals"]["iam:PassedToService"];
    assert_eq!(to[0], "bedrock-agentcore.amazonaws.com");
    // The pool of another stack is not the deployer's, though its id is no less known than that of its own.
    for sid in ["ChangeUserPools", "ChangeWhatIsInUserPools"] {
        let owner = &statement(policy, sid)["Condition"]["StringEquals"]["aws:ResourceTag/gatewright:stack"];
        assert_eq!(owner[0], "three-roles/default", "{sid}");
    }
    // A policy about every gateway is another permission.
    let everywhere = "[policy.roles]\npolicy_engine = \"records\"\ndefinition.cedar.statement = '''forbid(principal is \
                      AgentCore::IamEntity, action, resource is AgentCore::Gateway);'''\n\n[gateway.records]";
    terminal.edit("gatewright.toml", "[gateway.records]", everywhere);
    let wider = json_role(&terminal, "deployer");
    assert!(!allowed_on(&wider["policy"], "bedrock-agentcore:ManageAdminPolicy").is_empty());
}

/// A condition of a policy holds for a request: values by the names of condition keys.
fn holds(operator: &str, key: &str, wanted: &Value, request: &BTreeMap<&str, Vec<&str>>) -> bool {
    let wanted: Vec<&str> = wanted.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let values = request.get(key);
    let like = |value: &&str, pattern: &&str| match pattern.split_once('*') {
        Some((start, end)) => value.starts_with(start) && value.ends_with(end),
        None => value == pattern,
    };
    let any = |test: &dyn Fn(&&str, &&str) -> bool| {
        values.is_some_and(|values| values.iter().any(|value| wanted.iter().any(|wanted| test(value, wanted))))
    };
    match operator {
        "ForAnyValue:StringLike" => any(&like),
        "ForAnyValue:StringEqualsIgnoreCase" => any(&|value, wanted| value.eq_ignore_ascii_case(wanted)),
        "ArnNotLike" => !any(&like),
        "Null" => wanted.contains(&if values.is_none() { "true" } else { "false" }),
        other => panic!("{other}"),
    }
}

/// The guard refuses a request.
fn denies(guard: &Value, action: &str, request: &BTreeMap<&str, Vec<&str>>) -> bool {
    statements(guard).iter().any(|statement| {
        let covers = |pattern: &Value| match pattern.as_str().unwrap().split_once('*') {
            Some((start, _)) => action.starts_with(start),
            None => pattern == action,
        };
        let conditions = statement["Condition"].as_object().unwrap();
        let mut tests = conditions.iter().flat_map(|(operator, keys)| {
            keys.as_object().unwrap().iter().map(move |(key, wanted)| (operator, key, wanted))
        });
        assert_eq!(statement["Effect"], "Deny");
        statement["Action"].as_array().unwrap().iter().any(covers)
            && tests.all(|(operator, key, wanted)| holds(operator, key, wanted, request))
    })
}

const DEPLOYER: &str = "arn:aws:iam::222222222222:role/deploy";

/// Whoever tags, whatever the call is called and however the keys are written: only the deployer writes ours or takes them off.
#[test]
fn the_guard_denies_our_tag_keys_to_everybody_but_the_deployer() {
    let terminal = Terminal::in_example("hr-data-agent");
    let unnamed = terminal.run(&["iam", "--guard", "--env", "prod"]);
    assert!(unnamed.code == 0 && unnamed.err.contains("name it with `--deployer ARN`"), "{unnamed:?}");
    let guard =
        json_of(&terminal.run(&["iam", "--guard", "--deployer", DEPLOYER, "--env", "prod", "--format", "json"]));
    let other = "arn:aws:iam::222222222222:role/developer";
    let mut replacing = Vec::new();
    for (api, prefix) in [(Api::agentcore(), "bedrock-agentcore"), (Api::cognito(), "cognito-idp")] {
        let tags = |member: &str| ["tags", "tagkeys", "userpooltags"].contains(&member.to_lowercase().as_str());
        for operation in api.operations.values() {
            let input = api.input(&operation.name);
            if !input.is_some_and(|input| input.members().iter().any(|member| tags(&member.wire))) {
                continue;
            }
            if !operation.name.starts_with("Create")
                && !operation.name.ends_with("TagResource")
                && operation.name != "UntagResource"
            {
                replacing.push(operation.name.clone());
            }
            let action = format!("{prefix}:{}", operation.name);
            for (who, keys, denied) in [
                (other, vec!["gatewright:stack"], true),
                (other, vec!["team", "gatewright:members/a/b/c/1"], true),
                (other, vec!["GateWright:Stack"], true),
                (other, vec!["team", "gatewrights:stack"], false),
                (DEPLOYER, vec!["gatewright:stack"], false),
            ] {
                let request = BTreeMap::from([("aws:PrincipalArn", vec![who]), ("aws:TagKeys", keys.clone())]);
                assert_eq!(denies(&guard, &action, &request), denied, "{action} {who} {keys:?}");
            }
            // Whoever has no ARN is not the deployer.
            assert!(denies(&guard, &action, &BTreeMap::from([("aws:TagKeys", vec!["gatewright:lease"])])), "{action}");
        }
    }
    // The one call that replaces tags takes them off by saying nothing of them.
    assert_eq!(replacing, ["UpdateUserPool"]);
    for (who, owned, denied) in [(other, true, true), (other, false, false), (DEPLOYER, true, false)] {
        let mut request = BTreeMap::from([("aws:PrincipalArn", vec![who])]);
        if owned {
            request.insert("aws:ResourceTag/gatewright:stack", vec!["hr-data-agent/prod"]);
        }
        assert_eq!(denies(&guard, "cognito-idp:UpdateUserPool", &request), denied, "{who} {owned}");
        assert!(
            !denies(&guard, "cognito-idp:DescribeUserPool", &request)
                && !denies(&guard, "bedrock-agentcore:UpdateGateway", &request)
        );
    }
}

/// Actions of AgentCore that are no operation of its control plane: those of the data plane, and those that are checked beside others.
const ELSEWHERE: [&str; 12] = [
    "AuthorizeAction",
    "PartiallyAuthorizeActions",
    "CheckAuthorizePermissions",
    "GetResourceApiKey",
    "GetResourceOauth2Token",
    "GetWorkloadAccessToken",
    "GetWorkloadAccessTokenForJWT",
    "GetWorkloadAccessTokenForUserId",
    "InvokeAgentRuntime",
    "InvokeGateway",
    "ManageAdminPolicy",
    "ManageResourceScopedPolicy",
];

/// A name that AWS does not know would allow nothing, and nobody would say so.
#[test]
fn every_action_that_is_named_exists() {
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for name in examples() {
        let stack = World::new().stack_at(&Path::new("manifests").join(&name));
        let place = Where::new(Some(ACCOUNT), Some("us-east-1"));
        for action in roles(&stack, &place).iter().flat_map(actions) {
            let (service, operation) = action.split_once(':').unwrap();
            let known = match service {
                "bedrock-agentcore" => {
                    Api::agentcore().operation(operation).is_some() || ELSEWHERE.contains(&operation)
                }
                "cognito-idp" => Api::cognito().operation(operation).is_some(),
                _ => {
                    theirs.insert(action.clone());
                    continue;
                }
            };
            assert!(known, "{name}: {action}");
            ours.insert(action);
        }
    }
    assert!(ours.len() > 40, "{ours:?}");
    // These are in no model that is here. Each was looked up; a new one has to be, too.
    insta::with_settings!({omit_expression => true}, {
        insta::assert_snapshot!("iam_actions_of_other_services", theirs.into_iter().collect::<Vec<_>>().join("\n"));
    });
}

#[test]
fn a_gateway_with_temporal_policies_knows_sessions_and_one_with_guardrails_asks_them() {
    let terminal = Terminal::in_example("three-roles");
    let policy = |name: &str, condition: &str| {
        format!(
            "[policy.{name}]\npolicy_engine = \"records\"\ndefinition.policy.statement = '''forbid(principal, action, resource is \
             AgentCore::Gateway) {condition};'''\n\n[gateway.records]"
        )
    };
    let actions = |role: &Value| role["policy"].to_string();
    let plain = json_role(&terminal, "gateway");
    assert!(!actions(&plain).contains("GetWorkloadAccessToken") && !actions(&plain).contains("InvokeGuardrailChecks"));
    terminal.edit("gatewright.toml", "[gateway.records]", &policy("often", "when temporal { count(x within 1h) > 5 }"));
    let temporal = json_role(&terminal, "gateway");
    let directory = format!("arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:workload-identity-directory/default");
    assert_eq!(
        allowed_on(&temporal["policy"], "bedrock-agentcore:GetWorkloadAccessToken"),
        [directory.clone(), format!("{directory}/workload-identity/three-roles-??????????*")]
    );
    assert!(!actions(&temporal).contains("InvokeGuardrailChecks"));
    terminal.edit(
        "gatewright.toml",
        "[gateway.records]",
        &policy("safe", "unless guardrails { BedrockGuardrails::X([\"a\"]) }"),
    );
    let guarded = json_role(&terminal, "gateway");
    assert_eq!(allowed_on(&guarded["policy"], "bedrock:InvokeGuardrailChecks"), ["*"]);
}

/// Keys of a customer: in the caller's name, through the service that keeps what they encrypt.
#[test]
fn whoever_reads_or_writes_what_a_key_encrypts_may_use_it_and_only_through_the_service() {
    let terminal = Terminal::in_example("three-roles");
    let key = |number: u8| format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{number:08}-0000-0000-0000-000000000000");
    for (after, member, number) in [
        ("[gateway.records]", "kms_key_arn", 1),
        ("[policy_engine.records]", "encryption_key_arn", 2),
        ("[user_pool.records]", "key_configuration.kms_key_arn", 3),
    ] {
        terminal.edit("gatewright.toml", after, &format!("{after}\n{member} = \"{}\"", key(number)));
    }
    let on = |role: &str, action: &str| {
        let mut keys = allowed_on(&json_role(&terminal, role)["policy"], action);
        keys.sort();
        keys
    };
    assert_eq!(on("deployer", "kms:GenerateDataKey"), [key(1), key(2), key(3)]);
    assert_eq!(on("deployer", "kms:CreateGrant"), [key(1), key(2), key(3)]);
    // To read a policy is to decrypt it, for who plans and for the gateway that asks the engine.
    assert_eq!(on("planner", "kms:Decrypt"), [key(1), key(2)]);
    assert_eq!(on("gateway", "kms:Decrypt"), [key(1), key(2)]);
    assert!(on("planner", "kms:GenerateDataKey").is_empty() && on("gateway", "kms:GenerateDataKey").is_empty());
    for role in ["planner", "gateway", "deployer"] {
        let role = json_role(&terminal, role);
        let uses = statements(&role["policy"]).iter().filter(|one| one["Action"].to_string().contains("kms:"));
        for statement in uses {
            let condition = &statement["Condition"];
            let through = condition.pointer("/StringLike/kms:ViaService/0").and_then(Value::as_str);
            let for_aws = condition.pointer("/Bool/kms:GrantIsForAWSResource/0");
            assert!(
                through.is_some_and(|host| host.ends_with(".us-east-1.amazonaws.com")) || for_aws.is_some(),
                "{statement}"
            );
        }
    }
}

/// A key that stands for the private key of a client signs, for whoever gets tokens from the provider.
#[test]
fn a_gateway_signs_with_the_key_of_its_provider() {
    let terminal = Terminal::in_example("every-kind");
    let key = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000");
    let secret = "client_secret_source = \"EXTERNAL\"\nclient_secret_config = { secret_id = \"arn:aws:secretsmanager:${aws.region}:${aws.account}:\
                  secret:records-AbCdEf\", json_key = \"client_secret\" }";
    let signed = format!(
        "client_authentication_method = \"PRIVATE_KEY_JWT\"\nprivate_key_jwt_config = {{ signing_algorithm = \"RS256\", \
         private_key_source.kms_key_source.kms_key_arn = \"{key}\" }}"
    );
    terminal.edit("gatewright.toml", secret, &signed);
    let on = |role: &str, action: &str| allowed_on(&json_role(&terminal, role)["policy"], action);
    assert_eq!(on("gateway", "kms:Sign"), std::slice::from_ref(&key));
    assert_eq!(on("deployer", "kms:GetPublicKey"), std::slice::from_ref(&key));
    assert!(on("deployer", "kms:Sign").is_empty() && on("planner", "kms:Decrypt").is_empty());
}

/// More than a managed policy holds: several, each of which fits, and which allow the same together.
#[test]
fn permissions_that_do_not_fit_a_managed_policy_are_divided_among_several() {
    let mut manifest = "[stack]\nname = \"wide\"\nregion = \"us-east-1\"\n".to_owned();
    for index in 0..60 {
        let _ = write!(
            manifest,
            "[gateway.number-{index}-of-a-family-with-long-names]\nrole_arn = \"arn:aws:iam::{ACCOUNT}:role/g{index}\"\n\
             protocol_type = \"MCP\"\nauthorizer_type = \"AWS_IAM\"\n"
        );
    }
    let terminal = Terminal::new();
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    let role = json_role(&terminal, "deployer");
    let parts = role["managed_policies"].as_array().unwrap();
    assert!(parts.len() > 1, "{}", parts.len());
    let answer = terminal.run(&["iam", "--out", "policies", "--account", ACCOUNT]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let grants = |policies: &[Value]| -> BTreeSet<(String, String, String)> {
        let texts = |value: &Value| {
            value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let mut found = BTreeSet::new();
        for statement in policies.iter().flat_map(statements) {
            for (action, resource) in texts(&statement["Action"]).iter().flat_map(|action| {
                texts(&statement["Resource"]).into_iter().map(move |resource| (action.clone(), resource))
            }) {
                found.insert((action, resource, statement["Condition"].to_string()));
            }
        }
        found
    };
    let mut written = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let path = terminal.folder.path().join(format!("policies/deployer-{number}.json"));
        let text = std::fs::read_to_string(path).unwrap();
        // IAM does not count blanks.
        assert!(text.chars().filter(|letter| !letter.is_whitespace()).count() <= 6_144, "{}", text.len());
        written.push(serde_json::from_str::<Value>(&text).unwrap());
        assert_eq!(&written[number - 1], part);
    }
    assert_eq!(grants(&written), grants(&[role["policy"].clone()]));
    let gateway = terminal.folder.path().join("policies/gateway-g7-trust.json");
    assert!(std::fs::read_to_string(gateway).unwrap().contains("sts:AssumeRole"));
    assert!(terminal.run(&["iam", "--role", "deployer"]).out.contains("permissions, managed policy 2 of "));
    // A smaller stack leaves a part of the larger one behind, and says so.
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.split("[gateway.number-3-").next().unwrap()).unwrap();
    let smaller = terminal.run(&["iam", "--out", "policies", "--account", ACCOUNT]);
    assert!(smaller.err.contains("policies/deployer-2.json is not of this run"), "{smaller:?}");
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
