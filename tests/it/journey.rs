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
        "[policy_engine.orders]\nname = \"three_roles\"",
        "[policy_engine.orders]\nname = \"three_roles_2\"",
    );
    let planned = journey.expect(4, "plan --out plan.json --detailed-exitcode");
    assert!(planned.out.contains("interrupts") && planned.out.contains("policy_engine.orders"), "{}", planned.out);
    let refused = journey.expect(4, "apply --plan plan.json --yes");
    assert!(refused.err.contains("interrupts"), "{}", refused.err);
    assert_eq!(journey.gateway()["policyEngineConfiguration"], before, "a refused risk changes nothing");
    journey.expect(0, "apply --plan plan.json --yes --allow interrupts --allow access-widened");
    assert_ne!(journey.gateway()["policyEngineConfiguration"], before);
    assert_eq!(journey.gateway()["policyEngineConfiguration"]["mode"], "ENFORCE");
    journey.expect(0, "plan --detailed-exitcode");
    journey.expect(0, "destroy --yes");
}
