//! What `access` says of an example is what its gateway answers: every client gets a real token and asks for its tools.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::command::Terminal;
use crate::served::{Served, against};

/// The tools that a gateway lists for a client of a pool, as `target/tool`.
fn listed(served: &Served, pool: &Value, client: &Value, gateway: &str) -> BTreeSet<String> {
    let client =
        served.cognito("DescribeUserPoolClient", &json!({"UserPoolId": pool["Id"], "ClientId": client["ClientId"]}));
    let says = |member: &str| client["UserPoolClient"][member].as_str().unwrap().to_owned();
    let form =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", says("ClientId"), says("ClientSecret"));
    let path = format!("/{}/oauth2/token", pool["Id"].as_str().unwrap());
    let (status, token) = served.ask("POST", &path, "content-type: application/x-www-form-urlencoded\r\n", &form);
    assert_eq!(status, 200, "{token}");
    let token: Value = serde_json::from_str(&token).unwrap();
    let headers = format!(
        "authorization: Bearer {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n",
        token["access_token"].as_str().unwrap()
    );
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let (status, answer) = served.ask("POST", &format!("/gateways/{gateway}/mcp"), &headers, &ask);
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(answer.get(answer.find('{').unwrap()..).unwrap().trim()).unwrap();
    let tools = answer.pointer("/result/tools").unwrap_or_else(|| panic!("{answer}")).as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().replacen("___", "/", 1)).collect()
}

/// Compares the answers of the gateway with the matrix for each client, and gives how many tools each has.
fn agrees(example: &str, edit: impl Fn(&Terminal), arguments: &[&str]) -> Vec<usize> {
    let terminal = Terminal::in_example(example);
    edit(&terminal);
    let served = Served::start(&terminal, &[]);
    let with = |command: &[&'static str]| [command, arguments].concat();
    let applied = against(&terminal, &served.url, &with(&["apply", "--yes"]));
    assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
    let said = terminal.run(&with(&["access", "--format", "json"]));
    let matrix: Value = serde_json::from_str(&said.out).unwrap();
    let callers = matrix.pointer("/environments/0/gateways/0/callers").unwrap().as_array().unwrap();
    let objects = served.objects();
    let gateway = objects.iter().find(|object| object["kind"] == "gateway").unwrap()["id"].as_str().unwrap().to_owned();
    let pool = served.cognito("ListUserPools", &json!({"MaxResults": 60}))["UserPools"][0].clone();
    let clients = served.cognito("ListUserPoolClients", &json!({"UserPoolId": pool["Id"], "MaxResults": 60}));
    let mut counts = Vec::new();
    for caller in callers {
        let name = caller["caller"].as_str().unwrap();
        let client =
            clients["UserPoolClients"].as_array().unwrap().iter().find(|client| client["ClientName"] == name).unwrap();
        let may = caller["tools"].as_object().unwrap().iter().filter(|(_, cell)| **cell != "never");
        let may: BTreeSet<String> = may.map(|(tool, _)| tool.clone()).collect();
        counts.push(may.len());
        assert_eq!(listed(&served, &pool, client, &gateway), may, "{example} {name}");
    }
    counts
}

#[test]
fn a_served_gateway_lists_what_the_matrix_says() {
    assert_eq!(agrees("three-roles", |_| (), &[]), [6, 4, 2]);
}

#[test]
fn so_it_does_where_a_tool_depends_on_its_arguments_and_scopes_are_careless() {
    let edit = |terminal: &Terminal| {
        terminal.edit(
            "policies/orders.cedar",
            "principal.getTag(\"scope\") == \"api/admin\"",
            "principal.getTag(\"scope\") like \"*api/*\"",
        );
        let path = terminal.folder.path().join("policies/orders.cedar");
        let text = std::fs::read_to_string(&path).unwrap();
        let forbid = "@id(\"limit\")\nforbid(principal, action == AgentCore::Action::\"orders___list_orders\", \
                      resource == AgentCore::Gateway::\"${gateway.orders.arn}\")\n\
                      unless { context.input has limit && context.input.limit < 100 };\n";
        std::fs::write(path, text + forbid).unwrap();
    };
    assert_eq!(agrees("three-roles", edit, &[]), [6, 6, 4]);
}
