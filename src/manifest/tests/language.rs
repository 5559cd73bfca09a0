//! Defaults, absence, moves, accepted risks, secrets, YAML: what a manifest says about itself and by other means.

use std::time::Duration;

use serde_json::json;

use super::super::{Loaded, Options, StandardInput, expand, load};
use super::{Folder, document, findings, stack, wrong};
use crate::address::Address;
use crate::stack::{Date, Moved, Resource, Stack};

const ROLE: &str = "arn:aws:iam::111122223333:role/r";

fn resource<'a>(stack: &'a Stack, address: &str) -> &'a Resource {
    stack.resource(&Address::parse(address).unwrap()).unwrap()
}

/// The stack that the expanded manifest is read as.
fn again(stack: &Stack, change: impl Fn(&mut Options)) -> Stack {
    let text = expand(stack);
    let loaded = Folder::new(&text).load_as(change);
    let found = findings(&loaded);
    loaded.stack.unwrap_or_else(|| panic!("{found:#?}\n{text}"))
}

#[test]
fn defaults_lie_under_every_resource_of_the_kind() {
    let folder = Folder::new(&format!(
        "[stack]\nname = \"s\"\n[defaults.gateway]\nrole_arn = \"{ROLE}\"\nauthorizer_type = \"AWS_IAM\"\nprotect = true\n\
         tags = {{ team = \"hr\", cost = \"1\" }}\nprotocol_configuration.mcp.supported_versions = [\"2025-03-26\"]\n\
         [gateway.a]\n[gateway.b]\nprotect = false\ntags = {{ cost = \"2\" }}\n\
         protocol_configuration.mcp.supported_versions = [\"2025-06-18\"]\nprotocol_configuration.mcp.instructions = \"x\"\n[user_pool.p]\n"
    ));
    let stack = stack(&folder);
    let (a, b) = (document(&stack, "gateway.a"), document(&stack, "gateway.b"));
    assert_eq!(a["roleArn"], ROLE);
    assert_eq!(a["tags"], json!({"team": "hr", "cost": "1"}));
    assert_eq!(b["tags"], json!({"team": "hr", "cost": "2"}));
    assert_eq!(
        b["protocolConfiguration"],
        json!({"mcp": {"supportedVersions": ["2025-06-18"], "instructions": "x"}}),
        "lists are replaced, tables merge"
    );
    assert!(resource(&stack, "gateway.a").protect && !resource(&stack, "gateway.b").protect);
    assert!(!resource(&stack, "user_pool.p").protect);
}

#[test]
fn what_is_wrong_with_a_default_is_said_once_at_its_line() {
    let found = wrong(
        "[defaults.gatway]\nx = 1\n[defaults.gateway]\nname = \"n\"\nrol_arn = \"x\"\nprotocol_type = \"MPC\"\nsecret_version = \"2\"\n\
         [defaults.gateway_target]\ngateway = \"a\"\n[gateway.a]\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\nauthorizer_type = \"AWS_IAM\"\n\
         [gateway.b]\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\nauthorizer_type = \"AWS_IAM\"\n",
    );
    let expected = [
        "manifest::unknown-kind gatewright.toml:3:11 there is no kind `gatway`",
        "manifest::defaults gatewright.toml:6:1 `name` is no default: it belongs to one `gateway` alone",
        "manifest::unknown-key gatewright.toml:7:1 a `gateway` has no key `rol_arn`",
        "manifest::not-allowed gatewright.toml:8:17 `protocol_type` cannot be `MPC`",
        "manifest::secret-version gatewright.toml:9:1 a `gateway` has no secret that only `secret_version` could say is another one",
        "manifest::defaults gatewright.toml:11:1 `gateway` is no default: it belongs to one `gateway_target` alone",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

const BETA: &str = r#"
[stack]
name = "s"
[variables.beta]
default = "yes"
[user_pool.main]
[user_pool.beta]
only_if = "${var.beta}"
[user_pool_client.web]
user_pool = "beta"
only_if = "${var.beta}"
[policy_engine.guard]
[policy_set.beta]
policy_engine = "guard"
file = "p.cedar"
only_if = "${var.beta}"
[jwt_authorizer.beta]
user_pool = "beta"
user_pool_clients = ["web"]
only_if = "${var.beta}"
"#;

fn beta(manifest: &str, value: &str) -> Loaded {
    let folder = Folder::new(manifest).with("p.cedar", "@id(\"a\") permit(principal, action, resource is G);");
    folder.load_as(|options| options.variables.push(("beta".to_owned(), value.to_owned())))
}

#[test]
fn only_if_decides_what_is_there() {
    let addresses = |value: &str| {
        let loaded = beta(BETA, value);
        let found = findings(&loaded);
        let stack = loaded.stack.unwrap_or_else(|| panic!("{found:#?}"));
        stack.resources.iter().map(|resource| resource.address.to_string()).collect::<Vec<_>>()
    };
    let all = ["user_pool.main", "user_pool.beta", "user_pool_client.web", "policy_engine.guard", "policy.beta/a"];
    assert_eq!(addresses("yes"), all);
    for value in ["", "false"] {
        assert_eq!(addresses(value), ["user_pool.main", "policy_engine.guard"], "`{value}`");
    }
}

#[test]
fn whoever_refers_to_the_absent_is_absent_too() {
    let referring = format!(
        "{BETA}[user_pool_client.app]\nuser_pool = \"beta\"\n[user_pool_group.g]\nuser_pool = \"main\"\n\
         description = \"${{user_pool_client.web.id}}\"\ndepends_on = [\"policy.beta/a\"]\n\
         [gateway.g]\nrole_arn = \"{ROLE}\"\njwt_authorizer = \"beta\"\n"
    );
    assert_eq!(findings(&beta(&referring, "yes")), [] as [&str; 0]);
    let loaded = beta(&referring, "false");
    let expected = [
        "manifest::absent-resource gatewright.toml:22:13 `user_pool.beta` is absent here",
        "manifest::absent-resource gatewright.toml:25:16 `user_pool_client.web` is absent here",
        "manifest::absent-resource gatewright.toml:26:15 `policy.beta/a` is absent here",
        "manifest::absent-resource gatewright.toml:29:18 `jwt_authorizer.beta` is absent here",
    ];
    assert_eq!(findings(&loaded), expected, "{:#?}", findings(&loaded));
    let lines = |found: &crate::diagnostic::Diagnostic| loaded.sources.position(&found.secondary[0].span).0;
    assert_eq!(loaded.diagnostics.iter().map(lines).collect::<Vec<_>>(), [8, 11, 16, 20]);
}

#[test]
fn a_yaml_file_is_the_document_that_json_would_be() {
    let manifest = format!(
        "[stack]\nname = \"s\"\n[gateway.g]\nrole_arn = \"{ROLE}\"\nauthorizer_type = \"AWS_IAM\"\n[gateway_target.t]\ngateway = \"g\"\n\
         credential_provider_configurations = [{{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }}]\n\
         target_configuration.mcp.lambda.lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:f\"\n\
         target_configuration.mcp.lambda.tool_schema.inline_payload = {{ file = \"tools.yaml\" }}\n"
    );
    let tools = "- name: read\n  description: &text Reads ${stack.name}\n  inputSchema: {type: object, properties: {id: {type: string}}}\n\
                 - name: write\n  description: *text\n  inputSchema: {type: object}\n";
    let stack = stack(&Folder::new(&manifest).with("tools.yaml", tools));
    let target = document(&stack, "gateway_target.t");
    let payload = target.pointer("/targetConfiguration/mcp/lambda/toolSchema/inlinePayload").unwrap();
    assert_eq!(payload[1], json!({"name": "write", "description": "Reads s", "inputSchema": {"type": "object"}}));
    let found = findings(&Folder::new(&manifest).with("tools.yaml", "- name: read\n  description: [a\n- x").load());
    assert!(found[0].starts_with("manifest::file tools.yaml:3:4 `tools.yaml` is no YAML: "), "{found:?}");
    let found = findings(&Folder::new(&manifest).with("tools.yaml", "- name: a\n  name: b\n").load());
    assert_eq!(found, ["manifest::file tools.yaml:2:3 `tools.yaml` has the key `name` twice"]);
}

#[test]
fn an_accepted_risk_says_what_why_and_how_long() {
    let text = "[stack]\nname = \"s\"\nsource = \"github.com/acme/hr\"\nexpires = \"36h\"\n[user_pool.p]\n\
                unmanaged = [\"mfa_configuration\"]\ndelete_unknown_children = true\n\
                [[accept]]\nrisk = \"data-loss\"\naddress = \"user_pool.old\"\nreason = \"moved \\\"out\\\"\"\nuntil = 2028-02-29\n\
                [[accept]]\nrisk = \"mass-delete\"\nreason = \"r\"\nuntil = 2026-01-01\n\
                [[accept]]\nrisk = \"access-widened\"\npersona = \"clerk\"\ntool = \"hr/read\"\nreason = \"r\"\nuntil = 2026-01-01\n\
                [moved]\n\"user_pool.q\" = \"user_pool.p\"\n";
    let first = stack(&Folder::new(text));
    for stack in [&first, &again(&first, |_| {})] {
        assert_eq!(stack.source.as_deref(), Some("github.com/acme/hr"));
        assert_eq!(stack.expires, Some(Duration::from_hours(36)));
        let [loss, mass, clerk] = stack.accepts.as_slice() else { panic!("{:?}", stack.accepts) };
        assert_eq!((loss.risk.as_str(), loss.reason.as_str()), ("data-loss", "moved \"out\""));
        assert_eq!(loss.address, Address::parse("user_pool.old"), "a resource that goes is no mistake");
        assert_eq!(loss.until, Date { year: 2028, month: 2, day: 29 });
        assert!(mass.address.is_none() && mass.until < loss.until);
        assert_eq!((clerk.persona.as_deref(), clerk.tool.as_deref()), (Some("clerk"), Some("hr/read")));
        let [Moved { from, to, .. }] = stack.moved.as_slice() else { panic!("{:?}", stack.moved) };
        assert_eq!((from.to_string(), to.to_string()), ("user_pool.q".to_owned(), "user_pool.p".to_owned()));
        let pool = resource(stack, "user_pool.p");
        assert_eq!(pool.unmanaged, ["MfaConfiguration"]);
        assert!(pool.delete_unknown_children);
    }
}

#[test]
fn an_adopted_object_says_little_and_a_moved_one_may_come_from_another_stack() {
    let text = "[stack]\nname = \"s\"\n[variables.engine]\ndefault = \"\"\n[gateway.g]\nadopt = \"g-1x2y3z4a5b\"\n\
                [policy_engine.e]\nadopt = \"${var.engine}\"\n[policy_set.p]\npolicy_engine = \"e\"\nfile = \"p.cedar\"\n\
                [moved]\n\"stack:old/${stack.name}/gateway.x\" = \"gateway.g\"\n\"policy_engine.f\" = \"policy_engine.e\"\n";
    let policy =
        "@id(\"all\") @adopt(\"all-1x2y3z4a5b\") permit(principal, action, resource == AgentCore::Gateway::\"g\");";
    let first = stack(&Folder::new(text).with("p.cedar", policy));
    for (stack, policy) in [(&first, "policy.p/all"), (&again(&first, |_| {}), "policy.p/all")] {
        assert_eq!(resource(stack, "gateway.g").adopt.as_deref(), Some("g-1x2y3z4a5b"));
        assert_eq!(resource(stack, policy).adopt.as_deref(), Some("all-1x2y3z4a5b"));
        assert_eq!(resource(stack, "policy_engine.e").adopt, None, "an environment with nothing to take over");
        let sources: Vec<String> = stack.moved.iter().map(Moved::source).collect();
        assert_eq!(sources, ["stack:old/s/gateway.x", "policy_engine.f"]);
    }
}

#[test]
fn a_move_from_a_stack_that_is_none_is_refused() {
    let found = wrong(
        "[user_pool.p]\nunmanaged = []\n[moved]\n\"stack:old/user_pool.p\" = \"user_pool.p\"\n\"stack:s/default/user_pool.q\" = \"user_pool.p\"\n\
         [gateway.g]\nadopt = 7\nunmanaged = [\"authorizer_type\"]\nrole_arn = \"arn:aws:iam::111122223333:role/g\"\nauthorizer_type = \"AWS_IAM\"\n",
    );
    let expected = [
        "manifest::moved gatewright.toml:6:1 `stack:old/user_pool.p` names no resource of a stack",
        "manifest::moved gatewright.toml:7:1 `s/default` is this very stack",
        "manifest::wrong-type gatewright.toml:9:9 `adopt` is a string, found a whole number",
        "manifest::not-allowed gatewright.toml:10:14 `authorizer_type` cannot be unmanaged",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn an_acceptance_that_says_too_little_is_refused() {
    let found = wrong(
        "[[accept]]\nrisk = \"acess-widened\"\naddress = \"gateway.g\"\nreason = \" \"\nuntil = 2026-12-31T00:00:00Z\n\
         [[accept]]\nrisk = \"mfa-weakened\"\n\
         [[accept]]\nrisk = \"mfa-weakened\"\naddress = \"pool.g\"\npersona = \"x\"\nreason = \"r\"\nuntil = \"2026-12-31\"\nuntill = 1\n",
    );
    let expected = [
        "manifest::accept gatewright.toml:4:8 there is no risk `acess-widened`",
        "manifest::accept gatewright.toml:6:10 `reason` is text, found nothing",
        "manifest::accept gatewright.toml:7:9 `until` is a day, found a date",
        "manifest::accept gatewright.toml:8:1 an `[[accept]]` needs `reason`",
        "manifest::accept gatewright.toml:8:1 an `[[accept]]` needs `until`",
        "manifest::accept gatewright.toml:8:1 the `[[accept]]` does not say what it is about",
        "manifest::accept gatewright.toml:12:11 `pool.g` is no address",
        "manifest::accept gatewright.toml:13:11 an `[[accept]]` is about a resource or about a caller",
        "manifest::accept gatewright.toml:15:9 `until` is a day, found `2026-12-31`",
        "manifest::unknown-key gatewright.toml:16:1 an `[[accept]]` has no key `untill`",
    ];
    assert_eq!(found, expected, "{found:#?}");
    let impossible = wrong("[[accept]]\nrisk = \"mass-delete\"\nreason = \"r\"\nuntil = 2026-02-30\n");
    assert!(impossible[0].starts_with("manifest::syntax gatewright.toml:6:"), "{impossible:?}");
}

#[test]
fn an_address_moves_once_to_where_nothing_else_comes_from() {
    let found = wrong(
        "[user_pool.a]\n[user_pool.b]\n[policy_engine.e]\n[moved]\n\"user_pool.x\" = \"user_pool.a\"\n\"user_pool.y\" = \"user_pool.a\"\n\
         \"user_pool.b\" = \"user_pool.c\"\n\"user_pool.z\" = \"policy_engine.e\"\n\"user_pool.w\" = \"user_pool.x\"\n\
         \"user_pool.v\" = \"user_pool.v\"\n\"pool.v\" = \"user_pool.b\"\nuser_pool.q = \"user_pool.b\"\n\"user_pool.s\" = \"user_pool.bb\"\n",
    );
    let expected = [
        "manifest::moved gatewright.toml:8:17 two addresses move to `user_pool.a`",
        "manifest::moved gatewright.toml:9:1 `user_pool.b` is moved, and is still in the manifest",
        "manifest::moved gatewright.toml:10:17 a `user_pool` cannot become a `policy_engine`",
        "manifest::moved gatewright.toml:11:17 `user_pool.x` is moved on",
        "manifest::moved gatewright.toml:12:17 `user_pool.v` moves to itself",
        "manifest::moved gatewright.toml:13:1 there is no kind `pool`",
        "manifest::moved gatewright.toml:14:1 `user_pool` is a table, not an address",
        "manifest::moved gatewright.toml:15:17 there is no `user_pool.bb` to move to",
    ];
    assert_eq!(found, expected, "{found:#?}");
    let circle = wrong(
        "[user_pool.a]\n[user_pool.b]\n[moved]\n\"user_pool.a\" = \"user_pool.b\"\n\"user_pool.b\" = \"user_pool.a\"\n",
    );
    assert_eq!(circle.len(), 2, "{circle:#?}");
}

#[test]
fn a_malformed_source_or_time_to_live_is_refused() {
    for (line, place) in [
        ("expires = \"7\"", 11),
        ("expires = \"0d\"", 11),
        ("expires = \"7m\"", 11),
        ("expires = \"+1d\"", 11),
        ("expires = \"9999999999999w\"", 11),
        ("expires = \"é\"", 11),
        ("expires = 7", 11),
        ("source = \"\"", 10),
        ("source = \"a b\"", 10),
    ] {
        let found = findings(&Folder::new(&format!("[stack]\nname = \"s\"\n{line}\n")).load());
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("manifest::stack gatewright.toml:3:{place} ")),
            "{found:?}"
        );
    }
    let found = wrong("[user_pool.p]\nunmanaged = [\"mfa_config\", \"name\", 7]\n[user_pool.q]\nunmanaged = \"x\"\n");
    let expected = [
        "manifest::unknown-key gatewright.toml:4:14 a `user_pool` has no key `mfa_config`",
        "manifest::not-allowed gatewright.toml:4:28 `name` cannot be unmanaged",
        "manifest::wrong-type gatewright.toml:4:36 a key is a string, found a whole number",
        "manifest::wrong-type gatewright.toml:6:13 `unmanaged` is a list of keys",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

const SECRET: &str = r#"
[stack]
name = "s"
[variables.key]
secret = true
[runtime.r]
role_arn = "arn:aws:iam::111122223333:role/r"
network_configuration.network_mode = "PUBLIC"
agent_runtime_artifact.container_configuration.container_uri = "111122223333.dkr.ecr.us-east-1.amazonaws.com/r:1"
environment_variables = { KEY = "Bearer ${var.key}", OTHER = "x" }
"#;

const CANARY: &str = "canary-7f3a";

fn with_key(options: &mut Options) {
    options.process_environment.insert("GATEWRIGHT_VAR_KEY".to_owned(), CANARY.to_owned());
}

#[test]
fn a_secret_is_known_where_it_is_sent_and_nowhere_else() {
    let loaded = Folder::new(SECRET).load_as(with_key);
    assert!(!format!("{loaded:?}").contains(CANARY));
    let stack = loaded.stack.unwrap();
    let runtime = resource(&stack, "runtime.r");
    assert_eq!(runtime.secrets.iter().collect::<Vec<_>>(), ["environmentVariables.KEY"]);
    let sent = stack.secrets.reveal(&runtime.document);
    assert_eq!(sent["environmentVariables"], json!({"KEY": format!("Bearer {CANARY}"), "OTHER": "x"}));
    let text = expand(&stack);
    assert!(text.contains("Bearer ${var.key}") && !text.contains(CANARY), "{text}");
    assert_eq!(resource(&again(&stack, with_key), "runtime.r").document, runtime.document);
}

#[test]
fn a_secret_comes_from_where_nobody_else_reads() {
    let key = |loaded: Loaded| loaded.stack.and_then(|stack| stack.secrets.value("key").map(ToOwned::to_owned));
    let folder = Folder::new(SECRET).with("secrets.toml", &format!("key = \"{CANARY}\"\n"));
    let file = folder.load_as(|options| options.variable_files.push(folder.0.path().join("secrets.toml")));
    assert_eq!(key(file).as_deref(), Some(CANARY));
    let options = Options {
        path: folder.0.path().to_owned(),
        variables: vec![("key".to_owned(), "-".to_owned())],
        standard_input: StandardInput::of(std::io::Cursor::new(format!("{CANARY}\r\nanother\n"))),
        ..Options::default()
    };
    for _ in ["the first environment", "the second"] {
        assert_eq!(key(load(&options)).as_deref(), Some(CANARY));
    }
    let empty = Options { standard_input: StandardInput::of(std::io::empty()), ..options };
    let found = findings(&load(&empty));
    assert_eq!(found, ["manifest::variable-missing  standard input does not give `key`: it has no line left"]);
    let found = findings(&folder.load());
    assert_eq!(found, ["manifest::variable-missing gatewright.toml:4:12 the secret `key` has no value"]);
    assert!(folder.load_as(|options| options.secrets_later = true).stack.is_some(), "nothing is sent");
}

#[test]
fn a_secret_in_the_open_is_refused_and_not_repeated() {
    let open = |manifest: &str| {
        let loaded = Folder::new(manifest)
            .with("p.cedar", "@id(\"a\") permit(principal == U::\"${var.key}\", action, resource is G);")
            .load_as(|options| {
                with_key(options);
                options.variables.push(("key".to_owned(), CANARY.to_owned()));
            });
        let shown = crate::report::diagnostic::render(&loaded.diagnostics, &loaded.sources, false);
        assert!(!shown.contains(CANARY), "{shown}");
        findings(&loaded)
    };
    assert_eq!(open(SECRET), ["manifest::secret-variable  `--var` gives `key`, which is a secret"]);
    let declared = format!(
        "[stack]\nname = \"s\"\ntags = {{ a = \"${{var.key}}\" }}\n[environment.dev]\nvariables = {{ key = \"{CANARY}\" }}\n\
         [variables.key]\nsecret = true\n[variables.b]\nsecret = true\ndefault = \"{CANARY}\"\ntype = \"list\"\n\
         [variables.c]\nsecret = true\nallowed = [\"{CANARY}\"]\n\
         [user_pool.p]\nname = \"${{var.key}}\"\nonly_if = \"${{var.key}}\"\n[user_pool_group.g]\nuser_pool = \"p\"\ndescription = \"x ${{snake(var.key)}}\"\n\
         [jwt_authorizer.j]\nuser_pool = \"p\"\nallowed_scopes = [\"${{var.key}}\"]\n\
         [policy_engine.e]\n[policy_set.s]\npolicy_engine = \"e\"\nfile = \"p.cedar\"\n"
    );
    let expected = [
        "manifest::secret-variable  line 5 of `gatewright.toml` gives `key`, which is a secret",
        "manifest::secret-variable  `--var` gives `key`, which is a secret",
        "manifest::secret-place gatewright.toml:3:14 `${var.key}` is a secret, and a tag of the whole stack is no place for one",
        "manifest::secret-variable gatewright.toml:9:1 the secret `b` has a `default`",
        "manifest::secret-variable gatewright.toml:9:1 the secret `b` is a string",
        "manifest::secret-variable gatewright.toml:13:1 the secret `c` has `allowed` values",
        "manifest::secret-place gatewright.toml:16:8 `${var.key}` is a secret, and `PoolName` is no place for one",
        "manifest::secret-place gatewright.toml:17:11 `${var.key}` is a secret, and `only_if` is no place for one",
        "manifest::secret-place gatewright.toml:20:15 `${var.key}` is a secret, and `Description` is no place for one",
        "manifest::secret-place gatewright.toml:23:19 `${var.key}` is a secret, and `allowedScopes[0]` is no place for one",
        "manifest::secret-place p.cedar:1:34 `${var.key}` is a secret, and Cedar text is no place for one",
    ];
    let found = open(&declared);
    assert_eq!(found, expected, "{found:#?}");
}
