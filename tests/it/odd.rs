//! Files that are valid in an odd way, or wrong in a rare one: what is meant is read, and what is not is said at its place.

use std::path::Path;

use serde_json::{Value, json};

use crate::command::Terminal;
use crate::limits::{HEAD, cell, json_of, run, written};

const SET: &str = "[policy_set.odd]\npolicy_engine = \"guard\"\nfile = \"odd.cedar\"\n";

/// A statement about `bank/pay` with this head.
fn statement(annotations: &str) -> String {
    format!(
        "{annotations}\npermit(principal is AgentCore::OAuthUser, action == AgentCore::Action::\"bank___pay\", resource == \
         AgentCore::Gateway::\"${{gateway.tools.arn}}\")\nwhen {{ principal.hasTag(\"scope\") && principal.getTag(\"scope\") == \"bank/pay\" }};\n"
    )
}

fn terminal(cedar: &[u8]) -> Terminal {
    let terminal = written(&format!("{HEAD}{SET}"));
    std::fs::write(terminal.folder.path().join("odd.cedar"), cedar).unwrap();
    terminal
}

/// The findings, in short: `code file:line`.
fn found(terminal: &Terminal) -> Vec<String> {
    let said = json_of(&run(terminal, &["check", "--format", "json"]));
    let short = |one: &Value| {
        let file = one["file"].as_str().and_then(|file| Path::new(file).file_name()).unwrap_or_default();
        format!("{} {}:{}", one["code"].as_str().unwrap(), file.to_string_lossy(), one["line"])
    };
    said["diagnostics"].as_array().unwrap().iter().map(short).collect()
}

#[test]
fn odd_cedar_files_are_read_or_told_at_their_place() {
    let good = statement("@id(\"pay\")");
    let crlf = good.replace('\n', "\r\n");
    let uncovered = ["lint::untested-scope gatewright.toml:23", "lint::uncovered-tool gatewright.toml:45"];
    let nothing: Vec<&str> = uncovered.into_iter().chain(["manifest::empty-policy-set gatewright.toml:64"]).collect();
    let cases: Vec<(&str, Vec<u8>, Vec<&str>)> = vec![
        ("comments", format!("// a; \"quote\n{good}// permit(\n//").into(), vec![]),
        ("odd annotations", statement("@id(\"pay\")@description(\"; \\\" // } \\u{202e} $${x}\")").into(), vec![]),
        (
            "a reference that is none",
            statement("@id(\"pay\")\n@description(\"${ }\")").into(),
            vec!["manifest::reference odd.cedar:2"],
        ),
        ("crlf", crlf.clone().into(), vec![]),
        ("crlf and a mistake", crlf.replace("OAuthUser", "OAuthUsr").into(), vec!["cedar::validation odd.cedar:2"]),
        ("byte order mark", format!("\u{feff}{good}").into(), vec![]),
        (
            "byte order mark and a mistake",
            format!("\u{feff}{}", good.replace("OAuthUser", "OAuthUsr")).into(),
            vec!["cedar::validation odd.cedar:2"],
        ),
        ("empty", vec![], nothing.clone()),
        ("only comments", b"// permit(principal, action, resource);\n".to_vec(), nothing),
        (
            "an id twice in a statement",
            statement("@id(\"pay\") @id(\"other\")").into(),
            vec!["manifest::cedar-syntax odd.cedar:1"],
        ),
        ("an id twice in a file", format!("{good}{good}").into(), vec!["manifest::duplicate-address odd.cedar:4"]),
        ("an id that is no name", statement("@id(\"1 2\")").into(), vec!["manifest::policy-id odd.cedar:1"]),
        ("an id with a dash", statement("@id(\"pay-out\")").into(), vec!["manifest::pattern odd.cedar:1"]),
        (
            "an id that is too long",
            statement(&format!("@id(\"{}\")", "p".repeat(60))).into(),
            vec!["manifest::range odd.cedar:1"],
        ),
        ("an id in another alphabet", statement("@id(\"\u{440}ay\")").into(), vec!["manifest::policy-id odd.cedar:1"]),
        ("zero in code", good.replace("permit", "per\0mit").into(), vec!["manifest::cedar-syntax odd.cedar:2"]),
        ("no utf-8", [good.as_bytes(), b"// \xff\xfe\n"].concat(), vec!["manifest::cannot-read gatewright.toml:64"]),
        (
            "confusable",
            good.replace("bank___pay", "b\u{430}nk___pay").into(),
            vec!["cedar::unknown-action odd.cedar:2"],
        ),
        (
            "bidirectional",
            good.replace("bank/pay\" }", "bank/pay\u{202e}\u{2066}\" }").into(),
            vec!["cedar::lookalike odd.cedar:3", "lint::unreachable-scope odd.cedar:3"],
        ),
        ("confusable word", good.replace("permit", "p\u{435}rmit").into(), vec!["manifest::cedar-syntax odd.cedar:2"]),
        ("no end", good.trim_end().trim_end_matches(';').into(), vec!["manifest::cedar-syntax odd.cedar:3"]),
        (
            "half a literal",
            good.replace("\"bank/pay\" }", "\"bank/pay }").into(),
            vec!["manifest::cedar-syntax odd.cedar:3"],
        ),
    ];
    for (name, text, expected) in cases {
        let terminal = terminal(&text);
        let mut found = found(&terminal);
        // What follows from a scope that is none is no matter here.
        found.retain(|one| name != "bidirectional" || !one.starts_with("lint::untested-scope"));
        assert_eq!(found, expected, "{name}");
        // What a terminal would carry out, or not show, is shown as something else.
        let said = run(&terminal, &["check"]).err;
        let raw = |letter: &char| {
            letter.is_control() && *letter != '\n'
                || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(said.chars().find(raw), None, "{name}: {said:?}");
    }
    let said = run(&terminal(good.replace("bank___pay", "b\u{430}nk___pay").as_bytes()), &["check"]).err;
    assert!(said.contains("did you mean `bank___pay`? The `\u{430}` is U+0430"), "{said}");
}

/// Odd policies are sent as they are, and come back as they are.
#[test]
fn an_odd_file_is_applied_once() {
    let text = format!(
        "\u{feff}{}",
        statement("// a; \"quote\n@id(\"pay\")@description(\"; \\\" // } $${x}\")").replace('\n', "\r\n")
    );
    let terminal = terminal(text.as_bytes());
    let path = terminal.folder.path().join("gatewright.toml");
    let manifest = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("\u{feff}{}", manifest.replace('\n', "\r\n"))).unwrap();
    assert_eq!(found(&terminal), [""; 0]);
    let applied = run(&terminal, &["apply", "--local=state.json", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let again = run(&terminal, &["plan", "--local=state.json", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_of_the_manifest_is_not_read() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.cedar"), statement("@id(\"pay\")")).unwrap();
    let path = |terminal: &Terminal| terminal.folder.path().join("odd.cedar");
    let link = written(&format!("{HEAD}{SET}"));
    std::os::unix::fs::symlink(outside.path().join("secret.cedar"), path(&link)).unwrap();
    let circle = written(&format!("{HEAD}{SET}"));
    std::os::unix::fs::symlink(path(&circle), path(&circle)).unwrap();
    let folder = written(&format!("{HEAD}{SET}"));
    std::fs::create_dir(path(&folder)).unwrap();
    let missing = written(&format!("{HEAD}{SET}"));
    for (terminal, code, words) in [
        (link, "manifest::file", "lies outside of"),
        (circle, "manifest::file", "cannot read `odd.cedar`"),
        (folder, "manifest::cannot-read", "it is a folder"),
        (missing, "manifest::file", "there is no such file"),
    ] {
        assert_eq!(found(&terminal), [format!("{code} gatewright.toml:64")], "{words}");
        let said = run(&terminal, &["check"]).err;
        assert!(said.contains(words), "{said}");
    }
}

/// Tools whose arguments lie as deep as a call may, deeper, and in themselves.
#[test]
fn schemas_of_any_depth_are_read_within_bounded_time() {
    let nested = |depth: usize| {
        let open = "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":";
        format!("{}{{\"type\":\"string\"}}{}", open.repeat(depth), "}}".repeat(depth))
    };
    let tools = |schema: &str| format!("[{{\"name\":\"deep\",\"description\":\"d\",\"inputSchema\":{schema}}}]");
    let inline = "[gateway_target.odd]\ngateway = \"tools\"\n\
        credential_provider_configurations = [{ credential_provider_type = \"GATEWAY_IAM_ROLE\" }]\n\
        target_configuration.mcp.lambda.lambda_arn = \"arn:aws:lambda:us-east-1:111122223333:function:odd\"\n\
        target_configuration.mcp.lambda.tool_schema.inline_payload = { file = \"tools.json\" }\n";
    let listed = "[gateway_target.odd]\ngateway = \"tools\"\nknown_tools = { file = \"tools.json\" }\n\
        target_configuration.mcp.mcp_server.endpoint = \"https://odd.example.com/mcp\"\n";
    let permit = |depth: usize| {
        let path = ".a".repeat(depth);
        statement("@id(\"pay\")")
            .replace("bank___pay", "odd___deep")
            .replace(" };", &format!(" && context.input{path} == \"x\" }};"))
    };
    let recursive = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}).to_string();
    let uncovered = vec!["lint::uncovered-tool gatewright.toml:65"];
    for (name, target, schema, depth, expected) in [
        ("inline, 50 deep", inline, nested(50), Some(50), vec![]),
        ("listed, 50 deep", listed, nested(50), Some(50), vec![]),
        ("inline, 70 deep", inline, nested(70), None, vec!["manifest::file tools.json:1"]),
        ("listed, 2,000 deep", listed, nested(2_000), None, vec!["manifest::file tools.json:1"]),
        (
            "inline, recursive",
            inline,
            recursive.clone(),
            None,
            vec![
                "manifest::missing-key gatewright.toml:69",
                "manifest::unknown-key gatewright.toml:69",
                "manifest::unknown-key gatewright.toml:69",
            ],
        ),
        ("listed, recursive", listed, recursive, None, uncovered),
    ] {
        let terminal = written(&format!("{HEAD}{SET}{target}"));
        std::fs::write(terminal.folder.path().join("tools.json"), tools(&schema)).unwrap();
        let deep = depth.map(|depth| permit(depth).replace("@id(\"pay\")", "@id(\"deep\")"));
        let text = statement("@id(\"pay\")") + &deep.unwrap_or_default();
        std::fs::write(terminal.folder.path().join("odd.cedar"), text).unwrap();
        assert_eq!(found(&terminal), expected, "{name}");
        if expected.iter().any(|one| one.starts_with("manifest::file")) {
            let said = run(&terminal, &["check"]).err;
            assert!(said.contains("more than 127 levels deep"), "{name}: {said}");
        }
        if expected.is_empty() {
            let matrix = json_of(&run(&terminal, &["access", "--format", "json"]));
            assert_eq!(cell(&matrix, "clerk", "odd/deep"), "sometimes", "{name}");
            let applied = run(&terminal, &["apply", "--local=state.json", "--yes"]);
            assert_eq!(applied.code, 0, "{name}: {applied:?}");
            let again = run(&terminal, &["plan", "--local=state.json", "--detailed-exitcode"]);
            assert_eq!(again.code, 0, "{name}: {again:?}");
        }
    }
}
