//! What someone wrote wrong, and where it is shown.

use std::fs;

use super::super::{Options, load};
use super::{CEDAR, Folder, HR, TOOLS, findings, wrong};

#[test]
fn a_variable_without_a_good_value_is_one_error() {
    let found = wrong(
        "[variables.a]\n[variables.b]\ndefault = 1\nallowed = [2]\n[variables.c]\ndefault = \"${aws.region}\"\n\
         [variables.d]\nsecret = true\n[user_pool.p]\nname = \"${var.a} ${var.b} ${var.c} ${var.e}\"\n",
    );
    assert_eq!(
        found,
        [
            "manifest::variable-missing gatewright.toml:3:12 the variable `a` has no value",
            "manifest::variable-value gatewright.toml:5:11 the variable `b` cannot be `1`, from `default`",
            "manifest::variable-value gatewright.toml:8:11 values of variables hold no references",
            "manifest::variable-missing gatewright.toml:9:12 the secret `d` has no value",
            "manifest::unknown-variable gatewright.toml:12:36 there is no variable `e`",
        ]
    );
}

#[test]
fn every_mistake_of_every_resource_is_found_in_one_run() {
    let found = wrong(
        r#"[gatway.x]
[gateway.a]
rol_arn = "arn:aws:iam::1:role/x"
authorizer_type = "CUSTOM"
policy_engine = "guard"
protocol_configuration.mcp.session_configuration.session_timeout_in_seconds = 1
[runtime.hr-agent-runtime]
role_arn = 7
agent_runtime_artifact.code_configuration = { runtime = "PYTHON_3_11", entry_point = ["main.py"], code = {} }
environment_variables = { URL = "${gateway.b.url} ${gateway.a.uri} ${x" }
lifecycle_configuration.idle_runtime_session_timeout = 900.0
[policy.p]
[grant.g]
[user_pool.u]
secret_version = "x"
name = "${user_pol.u.id}"
"#,
    );
    let expected = [
        "manifest::unknown-kind gatewright.toml:3:2 there is no kind `gatway`",
        "manifest::unknown-key gatewright.toml:5:1 a `gateway` has no key `rol_arn`",
        "manifest::not-allowed gatewright.toml:6:19 `authorizer_type` cannot be `CUSTOM`",
        "manifest::policy-mode gatewright.toml:7:1 `policy_engine` without `policy_mode`",
        "manifest::range gatewright.toml:8:79 `protocol_configuration.mcp.session_configuration.session_timeout_in_seconds` has 1, allowed: 900 to 28800",
        "manifest::pattern gatewright.toml:9:10 `name` cannot be `hr-agent-runtime`",
        "manifest::wrong-type gatewright.toml:10:12 `role_arn` is a string, found a whole number",
        "manifest::union gatewright.toml:11:106 `agent_runtime_artifact.code_configuration.code` needs exactly one of `s3`",
        "manifest::reference gatewright.toml:12:33 `${` is not closed",
        "manifest::wrong-type gatewright.toml:13:56 `lifecycle_configuration.idle_runtime_session_timeout` is a whole number, found a number with a fraction",
        "manifest::missing-parent gatewright.toml:14:1 `policy.p` does not say which `policy_engine` it lives in",
        "manifest::missing-key gatewright.toml:14:1 `policy.p` needs `definition`",
        "manifest::grant gatewright.toml:15:1 `grant.g` does not say which `gateway` it is about",
        "manifest::secret-version gatewright.toml:17:1 a `user_pool` has no secret that only `secret_version` could say is another one",
        "manifest::unknown-kind gatewright.toml:18:9 there is no kind `user_pol`",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn references_lead_somewhere_and_never_in_a_circle() {
    let found = wrong(
        r#"[user_pool.a]
name = "${user_pool.b.id}"
[user_pool.b]
name = "x"
depends_on = ["user_pool.c"]
[user_pool.c]
name = "${user_pool.a.id}${user_pool.c.id}${user_pool.dd.id}"
[user_pool_client.x]
user_pool = "bb"
[policy_engine.p]
name = "same"
[policy_engine.q]
name = "same"
"#,
    );
    let expected = [
        "manifest::cycle gatewright.toml:4:9 resources refer to each other in a circle: `user_pool.a` → `user_pool.b` → `user_pool.c` → `user_pool.a`",
        "manifest::unknown-resource gatewright.toml:9:43 there is no `user_pool.dd`",
        "manifest::unknown-resource gatewright.toml:11:13 there is no `user_pool.bb`",
        "manifest::duplicate-name gatewright.toml:15:8 `policy_engine.p` and `policy_engine.q` are both called `same` in AWS",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn files_are_refused_where_they_are_named() {
    let inner = Folder::new("")
        .with(".git/HEAD", "")
        .with("stack/tools.json", "[{\"name\": \"a\", \"nme\": 1},\n oops]")
        .with("stack/schema.json", "[{\"name\": \"a\", \"description\": \"d\", \"inputSchem\": {}}]")
        .with(
            "stack/gatewright.toml",
            "[stack]\nname = \"s\"\n[gateway_target.t]\ngateway = \"g\"\n\
             target_configuration.mcp.lambda.lambda_arn = { file = \"/etc/hostname\" }\n\
             target_configuration.mcp.lambda.tool_schema.inline_payload = { file = \"tools.json\" }\n\
             description = { file = \"none.txt\" }\n[gateway_target.u]\ngateway = \"g\"\n\
             target_configuration.mcp.lambda.lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:f\"\n\
             target_configuration.mcp.lambda.tool_schema.inline_payload = { file = \"schema.json\" }\n\
             [gateway.g]\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\nauthorizer_type = \"AWS_IAM\"\n",
        );
    let loaded = inner.load_as(|options| options.path.push("stack"));
    let found = findings(&loaded);
    let starts = [
        "manifest::file gatewright.toml:5:46 `/etc/hostname` lies outside of",
        "manifest::file gatewright.toml:7:15 cannot read `none.txt`: there is no such file",
        "manifest::unknown-key gatewright.toml:11:62 there is no member `inputSchem` in",
        "manifest::missing-key gatewright.toml:11:62 ",
        "manifest::file tools.json:2:2 `tools.json` is no JSON: expected value",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn an_authorizer_is_said_once() {
    let found = wrong(
        r#"[jwt_authorizer.a]
user_pool = "p"
discovery_url = "https://x.example/.well-known/openid-configuration"
[jwt_authorizer.b]
allowed_clients = []
[jwt_authorizer.c]
user_pool = "p"
user_pool_clients = ["n"]
scope_claim = { name = "scp", list = true }
[user_pool.p]
[gateway.g]
role_arn = "arn:aws:iam::111122223333:role/r"
authorizer_type = "CUSTOM_JWT"
jwt_authorizer = "c"
[gateway.h]
role_arn = "arn:aws:iam::111122223333:role/r"
jwt_authorizer = "d"
[gateway.i]
role_arn = "arn:aws:iam::111122223333:role/r"
"#,
    );
    let expected = [
        "manifest::jwt-authorizer gatewright.toml:4:1 `jwt_authorizer.a` has both `user_pool` and `discovery_url`",
        "manifest::jwt-authorizer gatewright.toml:6:1 `jwt_authorizer.b` has neither `user_pool` nor `discovery_url`",
        "manifest::range gatewright.toml:7:19 `allowed_clients` has 0 elements, allowed: at least 1",
        "manifest::unknown-resource gatewright.toml:10:22 there is no `user_pool_client.n`",
        "manifest::jwt-authorizer gatewright.toml:15:19 `jwt_authorizer` and `authorizer_type` exclude each other",
        "manifest::unknown-resource gatewright.toml:19:18 there is no `jwt_authorizer.d`",
        "manifest::missing-key gatewright.toml:20:1 `gateway.i` needs `authorizer_type`",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn bad_input_is_a_finding() {
    for bytes in [
        &b"\xff\xfe\x00\x01"[..],
        b"[stack",
        b"[stack]\nname = \"\\uD800\"",
        b"\0\0\0",
        b"stack = 1",
        b"[stack]\nname = 1\n[gateway]\nx = 1\n[[gateway.y]]\n[variables.v]\ndefault = {}",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.toml");
        fs::write(&path, bytes).unwrap();
        let loaded = load(&Options { path, ..Options::default() });
        assert!(loaded.stack.is_none() && !loaded.diagnostics.is_empty(), "{bytes:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(&Options { path: folder.path().to_owned(), ..Options::default() });
    assert_eq!(loaded.diagnostics[0].code, "manifest::cannot-read");
}

#[test]
fn a_policys_text_may_be_a_cedar_file_and_nothing_else() {
    let folder = Folder::new(
        "[stack]\nname = \"s\"\n[gateway.g]\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\nauthorizer_type = \"AWS_IAM\"\n[policy_engine.e]\n[policy.p]\npolicy_engine = \"e\"\n\
         definition.cedar.statement = { file = \"p.cedar\" }\n[policy.q]\npolicy_engine = \"e\"\ndefinition = { file = \"q.json\" }\n",
    )
    .with("p.cedar", "permit(principal, action, resource == G::\"${gateway.g.arn}\");")
    .with("q.json", "{}");
    let found = findings(&folder.load());
    assert_eq!(
        found,
        ["manifest::file gatewright.toml:12:14 a policy's definition cannot come from a file as a whole"]
    );
}

#[test]
fn a_name_of_the_wrong_alphabet_comes_with_the_right_one() {
    let loaded = Folder::new("[stack]\nname = \"s\"\n[policy_engine.hr-guard]\n").load();
    let help = loaded.diagnostics[0].help.as_deref().unwrap();
    assert!(help.starts_with("did you mean `hr_guard`?"), "{help}");
}

#[test]
fn a_manifest_cut_anywhere_is_read_or_refused() {
    let cut = |text: &str, at: usize| text.chars().take(at).collect::<String>();
    for at in (0..HR.len()).step_by(29) {
        let loaded = Folder::new(&cut(HR, at)).with("policies/hr.cedar", CEDAR).with("tools/hr.json", TOOLS).load();
        assert!(loaded.stack.is_some() || !loaded.diagnostics.is_empty(), "{at}");
    }
    for at in (0..CEDAR.len()).step_by(7) {
        let folder = Folder::new(HR).with("policies/hr.cedar", &cut(CEDAR, at)).with("tools/hr.json", &cut(TOOLS, at));
        let loaded = folder.load();
        assert!(loaded.stack.is_some() || !loaded.diagnostics.is_empty(), "{at}");
    }
}
