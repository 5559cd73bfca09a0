//! Tools that an API description describes: `OpenAPI` in JSON or YAML, and Smithy.

use serde_json::Value;

use crate::command::Terminal;

const STACK: &str = r#"[stack]
name = "api"
region = "us-east-1"

[user_pool.people]

[jwt_authorizer.people]
user_pool = "people"
allowed_clients = ["1example23456789abcdefghij"]

[policy_engine.guard]

[gateway.shop]
role_arn = "arn:aws:iam::111122223333:role/shop"
protocol_type = "MCP"
jwt_authorizer = "people"
policy_engine = "guard"
policy_mode = "ENFORCE"

[api_key_credential_provider.key]
api_key_secret_source = "EXTERNAL"
api_key_secret_config = { secret_id = "arn:aws:secretsmanager:us-east-1:111122223333:secret:key-AbCdEf", json_key = "key" }

[gateway_target.orders]
gateway = "shop"
target_configuration.mcp.MEMBER.inline_payload = { file = "FILE" }
CREDENTIALS

[persona.clerk]
groups = ["clerks"]

[grant.small]
gateway = "shop"
tools = ["orders/*"]
groups = ["clerks"]
when = "context.input has amount && context.input.amount < 100"
"#;

const KEY: &str = r#"credential_provider_configurations = [{ credential_provider_type = "API_KEY", credential_provider.api_key_credential_provider.provider_arn = "${api_key_credential_provider.key.arn}" }]"#;
const ROLE: &str = r#"credential_provider_configurations = [{ credential_provider_type = "GATEWAY_IAM_ROLE" }]"#;

const YAML: &str = r"
openapi: 3.0.3
info: {title: Orders, version: '1'}
servers: [{url: 'https://orders.example.com'}]
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    put:
      operationId: change_order
      requestBody:
        content:
          application/json:
            schema:
              allOf:
                - $ref: '#/components/schemas/amount'
                - {required: [note], properties: {note: {type: string}}}
      responses: {'200': {description: ok}}
components:
  schemas:
    amount: {type: object, properties: {amount: {type: integer}}}
";

const SMITHY: &str = r#"{"smithy": "2.0", "shapes": {
    "a#Orders": {"type": "service", "version": "1", "resources": [{"target": "a#Order"}]},
    "a#Order": {"type": "resource", "update": {"target": "a#change_order"}},
    "a#change_order": {"type": "operation", "input": {"target": "a#In"}},
    "a#In": {"type": "structure", "mixins": [{"target": "a#Amount"}], "members": {"note": {"target": "smithy.api#String"}}},
    "a#Amount": {"type": "structure", "members": {"amount": {"target": "smithy.api#Integer"}}}
}}"#;

fn terminal(member: &str, file: &str, text: &str) -> Terminal {
    let terminal = Terminal::new();
    let credentials = if member == "smithy_model" { ROLE } else { KEY };
    let manifest = STACK.replace("MEMBER", member).replace("FILE", file).replace("CREDENTIALS", credentials);
    std::fs::write(terminal.folder.path().join("gatewright.toml"), manifest).unwrap();
    std::fs::write(terminal.folder.path().join(file), text).unwrap();
    terminal
}

/// Whatever the form, the tool is there, with the types that its policy is held against, and the stand-in takes it.
#[test]
fn a_description_gives_its_tools_whatever_its_form() {
    for (member, file, text) in [("open_api_schema", "api.yaml", YAML), ("smithy_model", "model.json", SMITHY)] {
        let terminal = terminal(member, file, text);
        let check = terminal.run(&["check", "--format", "json"]);
        assert_eq!(check.code, 0, "{check:?}");
        assert!(!check.out.contains("unchecked-tool"), "{}", check.out);
        let matrix = terminal.run(&["access", "--format", "json"]);
        let matrix: Value = serde_json::from_str(&matrix.out).unwrap();
        let tools = matrix.pointer("/environments/0/gateways/0/callers/0/tools").unwrap();
        assert_eq!(tools, &serde_json::json!({"orders/change_order": "sometimes"}), "{member}");
        let state = "--local=state.json";
        let applied = terminal.run(&["apply", state, "--yes"]);
        assert_eq!(applied.code, 0, "{applied:?}");
        assert_eq!(terminal.run(&["plan", state, "--detailed-exitcode"]).code, 0);
        // An argument of another type is found offline.
        terminal.edit(
            "gatewright.toml",
            "context.input has amount && context.input.amount < 100",
            "context.input has note && context.input.note < 100",
        );
        let wrong = terminal.run(&["check"]);
        assert!(wrong.code == 3 && wrong.err.contains("cedar::validation"), "{wrong:?}");
    }
}

/// What could mean several types is not guessed: a policy about it is noted, and not refused.
#[test]
fn a_description_with_a_choice_is_not_read() {
    let text = YAML.replace("{type: integer}", "{oneOf: [{type: integer}, {type: string}]}");
    let terminal = terminal("open_api_schema", "api.yaml", &text);
    terminal.edit("gatewright.toml", "orders/*", "orders/change_order");
    let check = terminal.run(&["check"]);
    assert!(check.code == 0 && check.err.contains("cedar::unchecked-tool"), "{check:?}");
}
