//! `verify`: real tokens from a served stand-in, and what its gateway lists for them.

use std::io::Write as _;

use gatewright::moment::Moment;
use serde_json::{Value, json};

use crate::command::{Answer, Terminal};
use crate::served::{Served, against, endpoint};

/// A stand-in that serves an applied example.
fn applied(terminal: &Terminal) -> Served {
    let served = Served::start(terminal, &[]);
    let applied = against(terminal, &served.url, &["apply", "--yes"]);
    assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
    served
}

fn verify(terminal: &Terminal, served: &Served, arguments: &[&str]) -> Answer {
    let answer = against(terminal, &served.url, &[&["verify"], arguments].concat());
    let said = format!("{}{}", answer.out, answer.err);
    let secrets = served.secrets();
    assert!(!secrets.is_empty() && secrets.iter().all(|secret| !said.contains(secret)), "{said}");
    assert!(!said.contains("eyJ"), "no part of a token: {said}");
    answer
}

/// The persona's part of the JSON.
fn of(answer: &Answer, persona: &str) -> Value {
    let document: Value = serde_json::from_str(&answer.out).unwrap();
    let personas = document.pointer("/gateways/0/personas").unwrap().as_array().unwrap();
    personas.iter().find(|one| one["persona"] == persona).unwrap().clone()
}

/// The live object of a kind whose name ends so.
fn object(served: &Served, kind: &str, name: &str) -> Value {
    let is_it = |object: &Value| {
        object["kind"] == kind
            && object.pointer("/document/name").and_then(Value::as_str).is_some_and(|it| it.ends_with(name))
    };
    served.objects().into_iter().find(is_it).unwrap_or_else(|| panic!("{kind} {name}"))
}

/// Changes the statement of a live policy by hand.
fn change(served: &Served, name: &str, from: &str, to: &str) {
    let policy = object(served, "policy", name);
    let path =
        format!("/policy-engines/{}/policies/{}", policy["parent"].as_str().unwrap(), policy["id"].as_str().unwrap());
    let live = served.agentcore("GET", &path, &Value::Null);
    let statement = live.pointer("/definition/cedar/statement").unwrap().as_str().unwrap();
    assert!(statement.contains(from), "{statement}");
    let definition = json!({"cedar": {"statement": statement.replace(from, to)}});
    let input = json!({"definition": definition, "validationMode": "IGNORE_ALL_FINDINGS"});
    served.agentcore("PATCH", &path, &input);
}

#[test]
fn the_gateway_lists_six_four_and_two_tools_as_predicted() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    let answer = verify(&terminal, &served, &[]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    for (persona, count) in [("full-access", 6), ("standard", 4), ("read-only", 2)] {
        let line = answer.out.lines().find(|line| line.trim_start().starts_with(persona)).unwrap();
        assert!(line.contains(&format!("lists {count} of 6, as predicted")), "{line}");
    }
    assert!(answer.out.ends_with("3 personas: 3 as predicted\n"), "{}", answer.out);
    let markdown = verify(&terminal, &served, &["--format", "markdown"]);
    assert!(
        markdown.code == 0 && markdown.out.contains("| standard | lists 4 of 6, as predicted |"),
        "{}",
        markdown.out
    );
}

#[test]
fn a_stand_in_in_process_is_asked_by_the_names_of_aws() {
    let terminal = Terminal::in_example("three-roles");
    let applied = terminal.run(&["apply", "--local", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let answer = terminal.run(&["verify", "--local", "--format", "json"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    assert_eq!(of(&answer, "read-only")["listed"].as_array().unwrap().len(), 2);
}

#[test]
fn a_gateway_whose_interceptors_fail_says_where_to_look() {
    // Nobody told the stand-in what answers in the place of its interceptors.
    let terminal = Terminal::in_example("hr-data-agent");
    assert_eq!(terminal.run(&["apply", "--local", "--yes"]).code, 0);
    let answer = terminal.run(&["verify", "--local"]);
    assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
    assert!(answer.out.contains("error -32603, an internal one: look at its interceptors"), "{}", answer.out);
}

#[test]
fn a_policy_opened_by_hand_is_exposed_and_one_closed_by_hand_is_missing() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    change(&served, "admin", "api/admin", "api/write");
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(answer.code, 5, "{}{}", answer.out, answer.err);
    let standard = of(&answer, "standard");
    assert_eq!(standard["outcome"], "exposed");
    assert_eq!(standard["exposed"], json!(["records/delete_record", "records/restore_record"]));
    assert_eq!(of(&answer, "read-only")["outcome"], "as-predicted");
    let shown = verify(&terminal, &served, &[]);
    assert!(shown.out.contains("    EXPOSED: may call records/delete_record\n"), "{}", shown.out);
    change(&served, "admin", "api/write", "api/nobody");
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
    let full = of(&answer, "full-access");
    assert_eq!(
        (&full["outcome"], &full["missing"]),
        (&json!("different"), &json!(["records/delete_record", "records/restore_record"]))
    );
}

#[test]
fn what_verify_finds_is_what_a_plan_calls_exposed_and_closing_ends() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    let run = |arguments: &[&str]| against(&terminal, &served.url, arguments);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (update, delete) = ("records___update_record\"", "AgentCore::Action::\"records___delete_record\"");
    change(&served, "write", update, &format!("{update}, {delete}"));

    let found = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(
        (found.code, &of(&found, "standard")["exposed"]),
        (5, &json!(["records/delete_record"])),
        "{}",
        found.out
    );
    let plan = run(&["plan"]);
    assert_eq!(plan.code, 5, "{}{}", plan.out, plan.err);
    let said = words(&plan.out);
    for part in [
        "EXPOSED: the live account allows what the manifest does not ! `policy.records/write` was changed by hand",
        "more calls may go through; last changed 20",
        "standard, records/delete_record: now always; by the manifest never (tested on ",
        r#"for example token {"scope":"api/read api/write","client_id":""#,
        "this plan sets it right",
    ] {
        assert!(said.contains(part), "{part}: {}", plan.out);
    }
    assert!(!said.contains("full-access, ") && !said.contains("read-only, "), "{}", plan.out);
    let plan: Value = serde_json::from_str(&run(&["plan", "--format", "json"]).out).unwrap();
    let exposed = &plan["exposed"][0];
    let told = ["principal", "tool", "before", "after", "how"].map(|member| exposed[member].as_str().unwrap());
    assert_eq!(told, ["standard", "records/delete_record", "never", "always", "tested"], "{exposed:#}");
    // To the second, and not in the future.
    let since = exposed["since"]["changed"].as_str().unwrap();
    assert!(Moment::parse(since).is_some_and(|since| since <= Moment::now()), "{since}");

    let closed = run(&["apply", "--close", "--yes"]);
    assert_eq!(closed.code, 0, "{}{}", closed.out, closed.err);
    assert!(
        words(&closed.out).contains("narrowed: standard can no longer call records/delete_record"),
        "{}",
        closed.out
    );
    let again = verify(&terminal, &served, &[]);
    assert!(again.code == 0 && again.out.ends_with("3 personas: 3 as predicted\n"), "{}", again.out);
    let plan = run(&["plan", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.out.contains("EXPOSED")), (0, false), "{}", plan.out);
}

#[test]
fn a_client_that_the_authorizer_forgot_is_not_let_in() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    terminal.edit(
        "gatewright.toml",
        "[\"full-access\", \"standard\", \"read-only\"]",
        "[\"full-access\", \"standard\"]",
    );
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(answer.code, 5, "it still gets in: {}{}", answer.out, answer.err);
    assert_eq!(of(&answer, "read-only")["predicted"], 0);
    assert_eq!(against(&terminal, &served.url, &["apply", "--yes"]).code, 0);
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(
        (answer.code, &of(&answer, "read-only")["admitted"]),
        (0, &json!(false)),
        "{}{}",
        answer.out,
        answer.err
    );
}

#[test]
fn a_gateway_that_is_down_or_not_there_fails_and_says_so() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    for outcome in
        [json!("drop"), json!("not-json"), json!({"refuse": {"status": 503, "code": "Down", "message": "eyJ"}})]
    {
        let faults = json!([{"operation": "InvokeGateway", "times": 100, "outcome": outcome}]);
        assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
        let answer = verify(&terminal, &served, &[]);
        assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
        assert_eq!(answer.out.matches("  failed: ").count(), 3, "{}", answer.out);
        assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
    }
    assert_eq!(verify(&terminal, &served, &[]).code, 0);
    let fresh = Terminal::in_example("three-roles");
    let empty = Served::start(&fresh, &[]);
    let answer = against(&fresh, &empty.url, &["verify"]);
    assert_eq!(answer.code, 1, "nobody was asked: {}", answer.out);
    assert!(answer.out.contains("not verified: the gateway is not live"), "{}", answer.out);
}

#[test]
fn a_token_follows_no_redirect_and_goes_nowhere_unencrypted() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    let (seen, asked) = std::sync::mpsc::channel();
    let elsewhere = endpoint(move |_| seen.send(()).unwrap_or(()));
    let redirect = endpoint(move |mut stream| {
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}/mcp\r\n");
        drop(stream.write_all((head + "connection: close\r\ncontent-length: 0\r\n\r\n").as_bytes()));
    });
    let gateway = object(&served, "gateway", "three-roles")["id"].clone();
    for (url, words) in [(redirect.as_str(), "redirects `initialize`"), ("http://gateway.example/mcp", "not `https`")] {
        let planted = json!({"id": gateway, "pointer": "/gatewayUrl", "value": url, "read_only": true});
        assert!(served.ask("POST", "/_localstack/plant", "", &planted.to_string()).0 < 300);
        let answer = verify(&terminal, &served, &[]);
        assert_eq!(answer.code, 1, "{}", answer.out);
        assert_eq!(answer.out.matches(words).count(), 3, "{}{}", answer.out, answer.err);
    }
    assert!(asked.try_recv().is_err(), "nobody was there");
}

#[test]
fn who_gets_no_token_is_listed_as_not_verified() {
    let terminal = Terminal::in_example("three-roles");
    let path = terminal.folder.path().join("gatewright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "\n[persona.ada]\nscopes = [\"api/read\"]\n").unwrap();
    let served = applied(&terminal);
    let answer = verify(&terminal, &served, &["--format", "json"]);
    assert_eq!(
        (answer.code, &of(&answer, "ada")["outcome"]),
        (0, &json!("not-verified")),
        "{}{}",
        answer.out,
        answer.err
    );
}

/// The matrix of an account: gateways by address.
fn live(terminal: &Terminal, served: &Served, arguments: &[&str]) -> (i32, Value) {
    let answer = against(terminal, &served.url, &[&["access", "--format", "json", "--live"], arguments].concat());
    let said = format!("{}{}", answer.out, answer.err);
    assert!(served.secrets().iter().all(|secret| !said.contains(secret)), "{said}");
    let matrix: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{said}"));
    (answer.code, matrix.pointer("/environments/0/gateways").unwrap().clone())
}

fn can_call(gateway: &Value) -> Vec<(&str, u64)> {
    let callers = gateway["callers"].as_array().unwrap();
    callers.iter().map(|one| (one["caller"].as_str().unwrap(), one["can_call"].as_u64().unwrap())).collect()
}

#[test]
fn who_can_call_what_is_known_of_a_live_gateway_without_its_manifest() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    let id = object(&served, "gateway", "three-roles")["id"].as_str().unwrap().to_owned();
    let named = format!("gateway:{id}");
    let elsewhere = Terminal::new();
    let (code, gateways) = live(&elsewhere, &served, &[&named]);
    assert_eq!(code, 0);
    assert_eq!(can_call(&gateways[0]), [("full-access", 6), ("read-only", 2), ("standard", 4)]);
    assert_eq!(live(&elsewhere, &served, &[]).1, gateways, "it is the only one");
    let why =
        against(&elsewhere, &served.url, &["access", "--live", &named, "--why", "standard", "records/delete_record"]);
    assert_eq!(why.code, 0, "{}", why.err);
    assert!(why.out.contains("standard can never call records/delete_record"), "{}", why.out);
    assert!(why.out.contains("the nearest is policy.three_roles_admin (policy.three_roles_admin:1:1)"), "{}", why.out);
    change(&served, "admin", "api/admin", "api/write");
    let (_, gateways) = live(&elsewhere, &served, &[&named]);
    assert_eq!(can_call(&gateways[0]), [("full-access", 6), ("read-only", 2), ("standard", 6)]);
    for (wrong, code) in [("gateway:gone-0123456789", 1), ("records", 64), ("gateway:", 64)] {
        let answer = against(&elsewhere, &served.url, &["access", "--live", wrong]);
        assert_eq!((answer.code, answer.out.as_str()), (code, ""), "{wrong}: {}", answer.err);
    }
}

#[test]
fn what_cannot_be_read_of_a_live_gateway_is_said_and_never_safe() {
    let terminal = Terminal::in_example("three-roles");
    let served = applied(&terminal);
    for (operation, count) in [("ListPolicies", Some(6)), ("ListUserPoolClients", None), ("GetGatewayTarget", None)] {
        let refusal = json!({"refuse": {"status": 403, "code": "AccessDeniedException", "message": "not yours"}});
        let faults = json!([{"operation": operation, "times": 100, "outcome": refusal}]);
        assert_eq!(served.ask("POST", "/_localstack/faults", "", &faults.to_string()).0, 204);
        let answer = against(&terminal, &served.url, &["access", "--live", "--format", "json"]);
        assert_eq!(served.ask("DELETE", "/_localstack/faults", "", "").0, 204);
        assert_eq!(answer.code, 1, "{operation}: {}{}", answer.out, answer.err);
        assert!(answer.out.contains("not read: ") && answer.out.contains("not yours"), "{}", answer.out);
        let matrix: Value = serde_json::from_str(&answer.out).unwrap();
        let gateway = matrix.pointer("/environments/0/gateways/0").unwrap();
        assert!(!gateway["callers"].as_array().unwrap().is_empty(), "{gateway:#}");
        for caller in gateway["callers"].as_array().unwrap().iter().filter(|_| operation != "GetGatewayTarget") {
            // Of a token that policies speak of enough is known to rule something out.
            let spoken_of = caller["caller"].as_str().unwrap().starts_with("token with ");
            assert!(
                spoken_of || caller["tools"].as_object().unwrap().values().all(|cell| cell != "never"),
                "{operation}: {caller:#}"
            );
            assert!(count.is_none_or(|count| caller["can_call"] == count), "{operation}: {caller:#}");
        }
    }
}

#[test]
fn a_client_that_people_sign_in_to_may_do_what_nobody_can_rule_out() {
    let terminal = Terminal::in_example("three-roles");
    terminal.edit(
        "gatewright.toml",
        "[jwt_authorizer.roles]",
        "[user_pool_client.portal]\nuser_pool = \"records\"\nallowed_oauth_flows_user_pool_client = true\n\
         allowed_oauth_flows = [\"code\"]\nallowed_oauth_scopes = [\"openid\"]\ncallback_urls = [\"https://portal.example.com\"]\n\
         supported_identity_providers = [\"COGNITO\"]\n\n[user_pool_client.other]\nuser_pool = \"records\"\n\n[jwt_authorizer.roles]",
    );
    terminal.edit("gatewright.toml", "[\"full-access\",", "[\"portal\", \"full-access\",");
    let served = applied(&terminal);
    let (code, gateways) = live(&terminal, &served, &[]);
    let callers = gateways[0]["callers"].as_array().unwrap();
    let people = callers.iter().find(|caller| caller["caller"] == "people by portal").unwrap();
    assert_eq!(code, 0);
    assert!(people["kind"] == "users" && people["tools"].as_object().unwrap().values().all(|cell| cell == "sometimes"));
    assert!(gateways[0].to_string().contains("not let in, and not shown: 1 caller"), "{gateways:#}");
}

#[test]
fn the_gateway_of_aws_identities_says_what_it_does_not_evaluate() {
    let terminal = Terminal::in_example("minimal");
    let served = applied(&terminal);
    let answer = against(&terminal, &served.url, &["access", "--live"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.out.contains("any AWS identity"), "{}", answer.out);
    assert!(answer.out.contains("IAM and resource policies are not evaluated"), "{}", answer.out);
}
