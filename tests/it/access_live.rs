//! Who can call what on gateways that somebody else made, as far as it can be read.

use serde_json::{Value, json};

use crate::command::Terminal;
use crate::served::{Served, against};

fn applied(terminal: &Terminal) -> Served {
    let served = Served::start(terminal, &[]);
    let applied = against(terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
    served
}

/// The only gateway, and how the command ended.
fn live(served: &Served) -> (Value, i32) {
    let answer = against(&Terminal::new(), &served.url, &["access", "--live", "--format", "json"]);
    let said = format!("{}{}", answer.out, answer.err);
    assert!(served.secrets().iter().all(|secret| !said.contains(secret)), "{said}");
    let matrix: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{said}"));
    (matrix.pointer("/environments/0/gateways/0").unwrap().clone(), answer.code)
}

/// The cells of a caller; none where it is not shown.
fn cells(gateway: &Value, caller: &str) -> Option<Value> {
    let callers = gateway["callers"].as_array().unwrap();
    Some(callers.iter().find(|one| one["caller"] == caller)?["tools"].clone())
}

fn notes(gateway: &Value) -> String {
    gateway["notes"].to_string()
}

fn id(served: &Served, kind: &str, member: &str, name: &str) -> String {
    let objects = served.objects();
    let found = objects.iter().find(|object| object["kind"] == kind && object["document"][member] == name);
    found.unwrap_or_else(|| panic!("{kind} {name}"))["id"].as_str().unwrap().to_owned()
}

fn plant(served: &Served, id: &str, pointer: &str, value: &Value) {
    let planted = json!({"id": id, "pointer": pointer, "value": value, "read_only": true});
    assert!(served.ask("POST", "/_localstack/plant", "", &planted.to_string()).0 < 300);
}

/// A shop where people sign in by a portal, in groups.
fn shop() -> Terminal {
    let terminal = Terminal::new();
    let people = r#"
[user_pool_client.portal]
user_pool = "people"
allowed_oauth_flows_user_pool_client = true
allowed_oauth_flows = ["code"]
allowed_oauth_scopes = ["openid"]
callback_urls = ["https://portal.example.com"]
supported_identity_providers = ["COGNITO"]

[user_pool_group.clerks]
user_pool = "people"

[user_pool_group.bosses]
user_pool = "people"

[user_pool_group.visitors]
user_pool = "people"
"#;
    let manifest = format!("{}{}{people}", crate::access::SHOP, crate::access::GRANTS)
        .replace("allowed_clients = [\"1example23456789abcdefghij\"]", "user_pool_clients = [\"portal\"]")
        .replace("when = 'context.input.amount < 100'", "");
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    terminal
}

#[test]
fn people_are_callers_by_their_groups() {
    let terminal = shop();
    let served = applied(&terminal);
    let (gateway, code) = live(&served);
    assert_eq!(code, 0, "{gateway:#}");
    let cells = |caller: &str| cells(&gateway, caller).unwrap_or_else(|| panic!("{caller}: {gateway:#}"));
    // A forbid depends on the amount; that clerks may look nothing says.
    assert_eq!(cells("people in clerks"), json!({"pay/refund": "sometimes", "pay/look": "never"}));
    assert_eq!(cells("people in bosses"), json!({"pay/refund": "sometimes", "pay/look": "always"}));
    assert_eq!(cells("people in visitors"), json!({"pay/refund": "never", "pay/look": "never"}));
    assert_eq!(cells("people by portal"), json!({"pay/refund": "sometimes", "pay/look": "sometimes"}));
    assert!(notes(&gateway).contains("in one group and no other"), "{gateway:#}");
    let why = ["access", "--live", "--why", "people in clerks", "pay/look"];
    let why = against(&Terminal::new(), &served.url, &why);
    assert!(
        why.code == 0
            && why.out.contains("people in clerks can never call pay/look")
            && why.out.contains("policy.bosses"),
        "{why:?}"
    );
    // Where the authorizer asks for a group, the others do not come in.
    let rule = json!([{"inboundTokenClaimName": "cognito:groups", "inboundTokenClaimValueType": "STRING_ARRAY",
        "authorizingClaimMatchValue": {"claimMatchOperator": "CONTAINS", "claimMatchValue": {"matchValueString": "bosses"}}}]);
    let gateway_id = id(&served, "gateway", "name", "shop");
    plant(&served, &gateway_id, "/authorizerConfiguration/customJWTAuthorizer/customClaims", &rule);
    let (gateway, _) = live(&served);
    assert!(self::cells(&gateway, "people in clerks").is_none(), "{gateway:#}");
    assert!(notes(&gateway).contains("not let in, and not shown: 2 callers"), "{gateway:#}");
    // A function may make other groups of them.
    let pool = id(&served, "user_pool", "Name", "people");
    plant(
        &served,
        &pool,
        "/LambdaConfig",
        &json!({"PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:f"}}),
    );
    let (gateway, _) = live(&served);
    assert!(self::cells(&gateway, "people in bosses").is_none(), "{gateway:#}");
}

#[test]
fn clients_that_registered_themselves_are_one_caller() {
    let terminal = shop();
    let served = applied(&terminal);
    let client = id(&served, "user_pool_client", "ClientName", "portal");
    let pool = id(&served, "user_pool", "Name", "people");
    plant(&served, &client, "/ClientType", &json!("DCR"));
    plant(&served, &pool, "/DcrConfiguration", &json!({"EnableStatus": "Enabled", "OpenDcrEnabled": true}));
    let (gateway, code) = live(&served);
    assert_eq!(code, 0, "{gateway:#}");
    assert!(cells(&gateway, "people by portal").is_none(), "{gateway:#}");
    let registered = cells(&gateway, "clients that register themselves").unwrap_or_else(|| panic!("{gateway:#}"));
    assert_eq!(registered, json!({"pay/refund": "sometimes", "pay/look": "sometimes"}));
    for words in ["1 client registered themselves", "lets anybody register a client"] {
        assert!(notes(&gateway).contains(words), "{gateway:#}");
    }
    assert!(!notes(&gateway).contains("does not have"), "{gateway:#}");
    // A list of others keeps them out.
    let gateway_id = id(&served, "gateway", "name", "shop");
    plant(&served, &gateway_id, "/authorizerConfiguration/customJWTAuthorizer/allowedClients", &json!(["other"]));
    assert!(cells(&live(&served).0, "clients that register themselves").is_none());
}

#[test]
fn of_another_issuer_the_tokens_are_shown_that_policies_speak_of() {
    let terminal = Terminal::in_example("okta");
    let served = applied(&terminal);
    let (gateway, code) = live(&served);
    assert_eq!(code, 0, "{gateway:#}");
    let cells = |caller: &str| cells(&gateway, caller).unwrap_or_else(|| panic!("{caller}: {gateway:#}"));
    let both = |one: &str, other: &str| json!({"tickets/get_ticket": one, "tickets/close_ticket": other});
    assert_eq!(cells("any token"), both("sometimes", "sometimes"));
    assert_eq!(cells("token with scp [\"tickets.read\"]"), both("always", "never"));
    // The authorizer wants to read in every token.
    assert_eq!(cells("token with scp [\"tickets.read\",\"tickets.write\"]"), both("always", "always"));
}

#[test]
fn roles_that_policies_name_are_callers() {
    let policy = r#"
[policy.robot]
policy_engine = "guard"
definition.cedar.statement = '''
permit(
    principal == AgentCore::IamEntity::"arn:aws:sts::111122223333:assumed-role/robot",
    action == AgentCore::Action::"pay___look",
    resource == AgentCore::Gateway::"${gateway.shop.arn}"
);
'''
"#;
    let terminal = Terminal::new();
    let manifest = format!("{}{policy}", crate::access::SHOP)
        .replace("jwt_authorizer = \"people\"\n", "authorizer_type = \"AWS_IAM\"\n");
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    let served = applied(&terminal);
    let (gateway, _) = live(&served);
    assert_eq!(
        cells(&gateway, "role robot"),
        Some(json!({"pay/refund": "never", "pay/look": "always"})),
        "{gateway:#}"
    );
    assert_eq!(cells(&gateway, "any AWS identity"), Some(json!({"pay/refund": "never", "pay/look": "sometimes"})));
}

#[test]
fn what_decides_nothing_and_what_lies_elsewhere_is_said() {
    let terminal = shop();
    let served = applied(&terminal);
    let policy = id(&served, "policy", "name", "bosses");
    plant(&served, &policy, "/enforcementMode", &json!("LOG_ONLY"));
    let (gateway, code) = live(&served);
    assert_eq!(
        (code, cells(&gateway, "people in bosses")),
        (0, Some(json!({"pay/refund": "never", "pay/look": "never"})))
    );
    assert!(notes(&gateway).contains("`policy.bosses` is LOG_ONLY, and decides nothing"), "{gateway:#}");
    let gateway_id = id(&served, "gateway", "name", "shop");
    let arn = "arn:aws:bedrock-agentcore:eu-west-1:999988887777:policy-engine/guard-0123456789";
    plant(&served, &gateway_id, "/policyEngineConfiguration/arn", &json!(arn));
    let (gateway, code) = live(&served);
    assert_eq!(code, 1, "{gateway:#}");
    assert!(notes(&gateway).contains("the engine is in account 999988887777, region eu-west-1"), "{gateway:#}");
    let open = json!({"pay/refund": "sometimes", "pay/look": "sometimes"});
    assert_eq!(cells(&gateway, "people in bosses"), Some(open));
}
