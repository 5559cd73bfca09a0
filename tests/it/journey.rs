//! Journeys of a platform engineer, against a stand-in that is another process, with the commands of the pages in `docs/`.

use serde_json::{Value, json};

use crate::command::{Answer, Terminal};
use crate::served::{Served, against};

/// A terminal and a stand-in to go through a journey with.
struct Journey {
    terminal: Terminal,
    served: Served,
}

impl Journey {
    fn new(example: &str, stand_in: &[&str]) -> Self {
        let terminal = Terminal::in_example(example);
        let served = Served::start(&terminal, stand_in);
        Self { terminal, served }
    }

    fn run(&self, line: &str) -> Answer {
        let words: Vec<&str> = line.split(' ').collect();
        against(&self.terminal, &self.served.url, &words)
    }

    /// Runs a line that ends with this code.
    fn expect(&self, code: i32, line: &str) -> Answer {
        let answer = self.run(line);
        assert_eq!(answer.code, code, "{line}\n{}\n{}", answer.out, answer.err);
        answer
    }

    fn faults(&self, faults: &Value) {
        assert_eq!(self.served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
    }

    fn clear_faults(&self) {
        assert_eq!(self.served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    }

    /// Calls Amazon Bedrock AgentCore by hand.
    fn agentcore(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.served.ask(method, path, "content-type: application/json\r\n", &text);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// The only gateway.
    fn gateway(&self) -> Value {
        let listed = self.agentcore("GET", "/gateways/", &Value::Null);
        let id = listed["items"][0]["gatewayId"].as_str().unwrap().to_owned();
        self.agentcore("GET", &format!("/gateways/{id}/"), &Value::Null)
    }
}

#[test]
fn from_pull_request_to_production() {
    let journey = Journey::new("hr-data-agent", &["--account", "222222222222"]);
    journey.expect(2, "plan --env prod --out plan.json --detailed-exitcode");
    let comment = journey.expect(0, "show plan.json --format markdown");
    assert!(comment.out.contains("gateway.hr") && comment.out.contains("<details>"), "{}", comment.out);
    // The first apply dies half-way; the same plan finishes it.
    journey.faults(
        &json!([{"nth": 9, "times": 100_000, "outcome": {"refuse": {"status": 403, "code": "AccessDeniedException"}}}]),
    );
    journey.expect(1, "apply --env prod --plan plan.json --yes");
    journey.clear_faults();
    journey.expect(0, "apply --env prod --plan plan.json --yes");
    journey.expect(0, "plan --env prod --detailed-exitcode");
    // Something changes in between: nothing is applied, and what changed is named.
    journey.terminal.edit("gatewright.toml", "\n[gateway.hr]\n", "\n[gateway.hr]\ndescription = \"reviewed\"\n");
    journey.expect(2, "plan --env prod --out plan.json --detailed-exitcode");
    let live = journey.gateway();
    let members = [
        "name",
        "roleArn",
        "protocolType",
        "authorizerType",
        "authorizerConfiguration",
        "policyEngineConfiguration",
        "interceptorConfigurations",
        "protocolConfiguration",
        "exceptionLevel",
    ];
    let mut body: serde_json::Map<String, Value> =
        members.iter().filter_map(|member| Some(((*member).to_owned(), live.get(member)?.clone()))).collect();
    body.insert("description".to_owned(), json!("by hand"));
    let id = live["gatewayId"].as_str().unwrap();
    journey.agentcore("PUT", &format!("/gateways/{id}/"), &Value::Object(body));
    let refused = journey.expect(4, "apply --env prod --plan plan.json --yes");
    assert!(refused.err.contains("gateway.hr") && refused.err.contains("description"), "{}", refused.err);
    assert_eq!(journey.gateway()["description"], "by hand", "nothing was applied");
    journey.expect(2, "plan --env prod --out plan.json --detailed-exitcode");
    journey.expect(0, "apply --env prod --plan plan.json --yes");
    assert_eq!(journey.gateway()["description"], "reviewed");
    journey.expect(0, "plan --env prod --detailed-exitcode");
}

#[test]
fn an_engine_under_a_new_name_is_a_reviewed_risk() {
    let journey = Journey::new("three-roles", &[]);
    journey.expect(0, "apply --yes");
    let before = journey.gateway()["policyEngineConfiguration"].clone();
    journey.terminal.edit(
        "gatewright.toml",
        "[policy_engine.records]\nname = \"three_roles\"",
        "[policy_engine.records]\nname = \"three_roles_2\"",
    );
    let planned = journey.expect(4, "plan --out plan.json --detailed-exitcode");
    assert!(planned.out.contains("interrupts") && planned.out.contains("policy_engine.records"), "{}", planned.out);
    let refused = journey.expect(4, "apply --plan plan.json --yes");
    assert!(refused.err.contains("interrupts"), "{}", refused.err);
    assert_eq!(journey.gateway()["policyEngineConfiguration"], before, "a refused risk changes nothing");
    journey.expect(0, "apply --plan plan.json --yes --allow interrupts --allow access-widened");
    assert_ne!(journey.gateway()["policyEngineConfiguration"], before);
    assert_eq!(journey.gateway()["policyEngineConfiguration"]["mode"], "ENFORCE");
    journey.expect(0, "plan --detailed-exitcode");
    journey.expect(0, "destroy --yes");
}

/// Everything that Gatewright remembers is taken off: the objects are as if made by hand.
fn forget(journey: &Journey, outputs: &Value) {
    for (address, output) in outputs.as_object().unwrap() {
        let Some(arn) = output.get("arn").and_then(Value::as_str) else { continue };
        if address.starts_with("user_pool.") {
            let tags = journey.served.cognito("ListTagsForResource", &json!({"ResourceArn": arn}))["Tags"].clone();
            let keys: Vec<&String> = tags.as_object().unwrap().keys().collect();
            journey.served.cognito("UntagResource", &json!({"ResourceArn": arn, "TagKeys": keys}));
        } else if ["gateway.", "policy_engine.", "runtime."].iter().any(|kind| address.starts_with(kind)) {
            let path = format!("/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"));
            let tags = journey.agentcore("GET", &path, &Value::Null)["tags"].clone();
            let keys: Vec<String> = tags
                .as_object()
                .unwrap()
                .keys()
                .map(|key| format!("tagKeys={}", key.replace(':', "%3A").replace('/', "%2F")))
                .collect();
            let (status, answer) = journey.served.ask("DELETE", &format!("{path}?{}", keys.join("&")), "", "");
            assert!((200..300).contains(&status), "{answer}");
        }
    }
}

#[test]
fn what_was_made_by_hand_is_adopted_with_its_lines_to_paste() {
    let journey = Journey::new("three-roles", &[]);
    journey.expect(0, "apply --yes");
    let outputs: Value = serde_json::from_str(&journey.expect(0, "outputs --format json").out).unwrap();
    forget(&journey, &outputs);
    let before = journey.gateway();
    // Somebody else's names: the plan says how they are taken over.
    let refused = journey.expect(4, "plan --detailed-exitcode");
    let line = format!("adopt = \"{}\"", outputs["gateway.records"]["id"].as_str().unwrap());
    assert!(refused.out.contains(&line), "{}", refused.out);
    // Every resource with its id, and less said of the gateway than before.
    let whole = std::fs::read_to_string(journey.terminal.folder.path().join("gatewright.toml")).unwrap();
    for (address, output) in outputs.as_object().unwrap() {
        let id = ["id", "identifier", "domain"].iter().find_map(|name| output[name].as_str());
        let id = id.unwrap_or_else(|| panic!("{address}: {output}"));
        if let Some(policy) = address.strip_prefix("policy.records/") {
            let annotation = format!("@id(\"{policy}\")");
            let both = format!("{annotation}\n@adopt(\"{id}\")");
            journey.terminal.edit("policies/records.cedar", &annotation, &both);
        } else {
            let header = format!("[{address}]\n");
            journey.terminal.edit("gatewright.toml", &header, &format!("{header}adopt = \"{id}\"\n"));
        }
    }
    let role = whole.lines().find(|line| line.starts_with("role_arn = ")).unwrap();
    journey.terminal.edit("gatewright.toml", &format!("{role}\n"), "");
    journey.expect(2, "plan --out plan.json --detailed-exitcode");
    let plan: Value =
        serde_json::from_str(&std::fs::read_to_string(journey.terminal.folder.path().join("plan.json")).unwrap())
            .unwrap();
    assert_eq!(plan["summary"]["adopt"], outputs.as_object().unwrap().len(), "{plan}");
    assert_eq!(plan["unsaid"][0]["paste"], json!(["role_arn = \"arn:aws:iam::111122223333:role/records-gateway\""]));
    let comment = journey.expect(0, "show plan.json --format markdown");
    assert!(comment.out.contains("```toml\n[gateway.records]\nrole_arn = "), "{}", comment.out);
    journey.expect(0, "apply --plan plan.json --yes");
    assert_eq!(journey.gateway(), before, "nothing live changes");
    let again = journey.expect(0, "plan --detailed-exitcode");
    assert!(again.out.contains("role_arn = "), "the line stays until it is pasted: {}", again.out);
    // Pasted, and `adopt` removed: the ordinary plan, and nothing in it.
    std::fs::write(journey.terminal.folder.path().join("gatewright.toml"), &whole).unwrap();
    let policies = journey.terminal.folder.path().join("policies/records.cedar");
    let text = std::fs::read_to_string(&policies).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("@adopt")).collect();
    std::fs::write(&policies, lines.join("\n")).unwrap();
    journey.expect(0, "plan --detailed-exitcode");
    assert_eq!(journey.gateway(), before);
}

#[test]
fn addresses_stacks_and_targets_are_renamed() {
    let journey = Journey::new("three-roles", &[]);
    let file = |name: &str| journey.terminal.folder.path().join(name);
    let replace = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(file(name)).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(file(name), text.replace(from, to)).unwrap();
    };
    journey.expect(0, "apply --yes");
    let before = journey.gateway();
    // An address.
    replace("gatewright.toml", "user_pool = \"records\"", "user_pool = \"people\"");
    replace(
        "gatewright.toml",
        "[user_pool.records]",
        "[moved]\n\"user_pool.records\" = \"user_pool.people\"\n\n[user_pool.people]\nname = \"records\"",
    );
    let plan = journey.expect(2, "plan --detailed-exitcode");
    assert!(plan.out.contains("Plan: 1 to move."), "{}", plan.out);
    journey.expect(0, "apply --yes");
    journey.expect(0, "plan --detailed-exitcode");
    // A stack: the new one takes over what the old one has, and the old one cannot touch it any more.
    std::fs::copy(file("gatewright.toml"), file("old.toml")).unwrap();
    replace("gatewright.toml", "name = \"three-roles\"\nregion", "name = \"shop\"\nregion");
    let roots = ["user_pool.people", "policy_engine.records", "gateway.records", "runtime.records"];
    let lines: Vec<String> =
        roots.iter().map(|root| format!("\"stack:three-roles/default/{root}\" = \"{root}\"")).collect();
    replace("gatewright.toml", "\"user_pool.records\" = \"user_pool.people\"\n", &(lines.join("\n") + "\n"));
    let plan = journey.expect(2, "plan --out plan.json --detailed-exitcode");
    assert!(plan.out.contains("was stack:three-roles/default/gateway.records"), "{}", plan.out);
    journey.expect(0, "apply --plan plan.json --yes");
    journey.expect(0, "plan --detailed-exitcode");
    assert_eq!(journey.gateway(), before);
    let old = journey.expect(4, "plan old.toml --detailed-exitcode");
    assert!(old.out.contains("plan::foreign") && !old.out.contains("to delete"), "{}", old.out);
    // A target: its tools' actions change.
    replace("gatewright.toml", "[gateway_target.records]", "[gateway_target.records]\nname = \"shop\"");
    replace("policies/records.cedar", "\"records___", "\"shop___");
    let plan = journey.expect(4, "plan --out plan.json --detailed-exitcode");
    assert!(plan.out.contains("replace gateway_target.records") && !plan.out.contains("interrupts"), "{}", plan.out);
    journey.expect(
        0,
        "apply --plan plan.json --yes --allow access-widened --allow endpoint-changes --allow forbid-removed",
    );
    journey.expect(0, "plan --detailed-exitcode");
    journey.expect(0, "destroy --yes");
}
