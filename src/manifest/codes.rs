//! The codes of this stage, and what `explain` says about each.

/// Every code with its explanation, sorted.
pub const CODES: &[(&str, &str)] = &[
    (
        "manifest::absent-resource",
        "A reference leads to a resource or definition that `only_if` takes out here. Both places are shown. Give \
         what refers to it the same `only_if = \"${var.beta}\"`, so that both are there or neither is, or remove \
         the reference.",
    ),
    (
        "manifest::accept",
        "An `[[accept]]` is not complete, or says something that there is not. It has the code of a risk, what it \
         is about (`address`, or `persona` and `tool`; nothing for `mass-delete`), a `reason` for reviewers, and \
         `until`, the last day on which it holds: `until = 2026-12-31`. Each risk is decided on once.",
    ),
    (
        "manifest::adopt",
        "An object can be taken over by one resource only. `adopt` holds the id of a live object, each id once.",
    ),
    (
        "manifest::arn-pattern",
        "An ARN does not look as AWS's API model says. The model is wrong about some ARNs, so this is a warning \
         only. Compare the ARN with the one that AWS shows: `arn:aws:iam::111122223333:role/hr-gateway` has five \
         colons before the name.",
    ),
    (
        "manifest::bad-name",
        "The name of a resource, variable or environment in the manifest holds a character that references cannot \
         hold, or a table lacks a name. Use letters, digits, `_` and `-`: `[gateway.hr-tools]`. What AWS sees is \
         another matter and can be set with `name = \"…\"`.",
    ),
    (
        "manifest::cannot-read",
        "A file cannot be read: it does not exist, permissions forbid it, it is a folder, or it is not text in \
         UTF-8. Check the path. A folder as argument means the `gatewright.toml` in it.",
    ),
    (
        "manifest::cedar-reference",
        "A reference in Cedar text stands where it could change what a policy means. In a string literal a \
         reference may stand anywhere: `AgentCore::Gateway::\"${gateway.hr.arn}\"`. Outside of one only a \
         variable that is one integer, one boolean or a list of strings may: `context.input.amount < \
         ${var.limit}`.",
    ),
    (
        "manifest::cedar-syntax",
        "A Cedar file does not parse. A statement is `permit` or `forbid`, a scope in parentheses, perhaps `when \
         { … }`, and a semicolon: `permit (principal, action, resource == AgentCore::Gateway::\"…\");`. An \
         annotation such as `@id(\"read\")` stands above it.",
    ),
    (
        "manifest::cycle",
        "Resources refer to each other in a circle, so that none could be created first. Take one reference out. \
         Where two resources seem to need each other's ids, a name that the manifest gives to both does the same \
         without a reference.",
    ),
    (
        "manifest::defaults",
        "`[defaults.KIND]` holds a key that several resources cannot share: the name, the parent, or the id of an \
         object. Write it below each resource.",
    ),
    (
        "manifest::duplicate-address",
        "A resource, variable or environment is given twice, perhaps in an included file. Both places are shown. \
         Rename one of the two, or remove it; tables are not merged across files.",
    ),
    (
        "manifest::duplicate-name",
        "Two resources would have the same name in AWS where names must differ: within the account, or within \
         what they live in. Give one of them another `name`. A `policy_set` can set its policies apart with \
         `name_prefix`.",
    ),
    (
        "manifest::empty-policy-set",
        "The Cedar file of a policy set holds no statement, so the set makes no policy. Without a policy that \
         permits, a gateway in ENFORCE lets nobody call anything. Add a statement, or remove the set.",
    ),
    (
        "manifest::environment-name",
        "The instance after `--env` cannot be one. It is part of names in AWS: small letters, digits and `-`, at \
         most 32, as in `--env preview:pr-123`.",
    ),
    (
        "manifest::environment-needed",
        "The manifest has environments, and the command has to know which one is meant. Choose with `--env dev`. \
         An instance of an environment's settings is `--env preview:pr-123`.",
    ),
    (
        "manifest::environment-unknown",
        "`--env` names an environment that the manifest does not declare. Declare it as `[environment.dev]`, or \
         choose one of those there are. A manifest without environments takes no `--env`.",
    ),
    (
        "manifest::existing",
        "`existing` names an object that is used and never changed, by its id or by what another stack calls it: \
         `existing = \"us-east-1_AbCdEfGhI\"`, `existing = \"stack:identity/prod/user_pool.shared\"`. Nothing else is \
         said about it but what it lives in, `depends_on` and `only_if`.",
    ),
    (
        "manifest::expect",
        "An `[[expect]]` says one thing in one of three forms: `personas` with lists of tools under `always`, `sometimes` or `never`; \
         `persona`, `tool`, `input` and `decision` (`allow` or `deny`) for one call; or `tools` with one of `only_with_scope`, \
         `only_with_group` and `only_with_role`. Write one `[[expect]]` for each.",
    ),
    (
        "manifest::file",
        "A file that the manifest names cannot be used: it is missing, lies outside of the root, or does not \
         parse. Paths are relative to the file that names them: `{ file = \"tools/hr.json\" }`. The root is the \
         git work tree, else the manifest's folder, unless `[stack] root` says otherwise.",
    ),
    (
        "manifest::grant",
        "A `[grant]` becomes policies, and this one cannot. It names a `gateway` with a policy engine, `tools` of its targets \
         (`target/tool`, `target/*` for today's tools, `target/**` for future ones too), and who may call: `scopes`, `groups`, \
         `clients`, `claims`, `when`, or `any_authenticated_caller = true`. A value that its claim could not tell apart from others is \
         refused.",
    ),
    (
        "manifest::include",
        "A file is included twice, or an included file holds `[stack]`. List each file once: `include = \
         [\"identity.toml\"]`. `[stack]` stands in the manifest itself.",
    ),
    (
        "manifest::jwt-authorizer",
        "A JWT authorizer is said twice or not at all. A `jwt_authorizer` definition has exactly one of \
         `user_pool` and `discovery_url`. A gateway or runtime that uses one has no `authorizer_type` and no \
         `authorizer_configuration` of its own.",
    ),
    (
        "manifest::known-tools",
        "`known_tools` says which tools a target has whose list is elsewhere: an MCP server, a schema in S3, an API \
         gateway, a connector. It is what `tools/list` answers, or its list: `known_tools = { file = \"tools.json\" }`. \
         Each tool has a `name` and an `inputSchema`. AWS is not told; policies are checked against it.",
    ),
    (
        "manifest::missing-key",
        "A key that the API requires is missing. Add it: `role_arn = \
         \"arn:aws:iam::111122223333:role/hr-gateway\"`. For a gateway `jwt_authorizer = \"…\"` stands for the \
         authorizer's two members.",
    ),
    (
        "manifest::missing-parent",
        "A resource does not say what it lives in. Name it with the key called like the parent's kind: `user_pool \
         = \"hr\"` for a client of `[user_pool.hr]`, `gateway = \"hr\"` for a target, `policy_engine = \"guard\"` \
         for a policy.",
    ),
    (
        "manifest::moved",
        "A line of `[moved]` does not say how an address changed. On the left stands the address that the live \
         object still has and the manifest has no more, on the right its new one, of the same kind: \
         `\"user_pool.hr\" = \"user_pool.people\"`. Each move is one step; remove the line once every environment \
         was applied. A resource of another stack is `\"stack:NAME/INSTANCE/KIND.NAME\"`.",
    ),
    (
        "manifest::not-allowed",
        "The value is none of those the API takes. The help lists them; most are in capitals: `protocol_type = \
         \"MCP\"`.",
    ),
    (
        "manifest::pattern",
        "A text does not match the pattern that the API demands. Names are the usual case: a runtime takes no \
         hyphens, a gateway no underscores. `${snake(stack.env)}` turns the hyphens of an environment's name into \
         underscores.",
    ),
    (
        "manifest::persona",
        "A `[persona]` is the holder of a token (`scopes`, `groups`, `client`, `claims`) or an IAM role (`iam_role`), never both, and has a \
         name of its own. A client that gets tokens for itself is a persona already. Rename the persona, or remove what does not fit.",
    ),
    (
        "manifest::policy-id",
        "A statement of a policy set has no usable `@id`, which names its policy. Write `@id(\"read\")` above the \
         statement, with letters, digits, `_` and `-`. The policy's name in AWS is `name_prefix` and this id.",
    ),
    (
        "manifest::policy-mode",
        "A gateway with a policy engine must say what the engine's decisions do, and the mode means nothing \
         without an engine. Write both: `policy_engine = \"guard\"` and `policy_mode = \"ENFORCE\"`, or \
         `\"LOG_ONLY\"` to decide nothing yet. There is no default, because both would surprise someone.",
    ),
    (
        "manifest::private-character",
        "A text holds U+E000 or U+E001, two characters without a public meaning that stand for references inside \
         the program. They come from icon fonts or damaged copies. Remove them.",
    ),
    (
        "manifest::range",
        "A number, a text's length or a list's size lies outside of what the API takes. The message says both: \
         `has 3 characters, allowed: 35 to 10000`. Change the value.",
    ),
    (
        "manifest::reference",
        "A reference in `${…}` cannot be read, or names something that has no value here. The forms are \
         `${kind.name.output}`, `${var.name}`, `${aws.account}`, `${aws.region}`, `${aws.partition}`, \
         `${stack.name}` and `${stack.env}`, each also as `${snake(…)}`. A literal `${` is written `$${`.",
    ),
    (
        "manifest::secret-place",
        "A secret variable is used where its value would be shown or kept in the open. Secrets may stand in a \
         kind's secret members and in a runtime's `environment_variables`; never in names, tags or Cedar text.",
    ),
    (
        "manifest::secret-variable",
        "A secret is said in the open: in the manifest, on a command line, or by values it is allowed to have. \
         Change the secret, since others may have read it. Give it in `GATEWRIGHT_VAR_API_KEY`, in a \
         `--var-file`, or as a line of standard input with `--var api_key=-`.",
    ),
    (
        "manifest::secret-version",
        "`secret_version` says that a secret which no read returns is another one, so that it is sent again: \
         `secret_version = \"2\"`. It belongs to kinds with such a secret, beside the secret itself, and is a word of \
         letters, digits, `.`, `_` and `-`.",
    ),
    (
        "manifest::stack",
        "`[stack]` is missing or one of its keys is no good. A manifest begins with `[stack]` and `name = \
         \"hr-data-agent\"`, the name that everything it makes is tagged with. An account is twelve digits in \
         quotes, a region is written `us-east-1`, \
         `expires` is a time such as `7d`.",
    ),
    (
        "manifest::syntax",
        "The text is not TOML. The place shown is where the parser gave up; the mistake may stand before it. \
         Strings are in quotes, tables begin with `[kind.name]`, and a key stands once in its table.",
    ),
    (
        "manifest::too-large",
        "A file is larger than 8 MiB, which no manifest needs to be. Perhaps the path is wrong. A large manifest \
         can be split: `include = [\"identity.toml\"]`.",
    ),
    (
        "manifest::union",
        "A table of the API takes exactly one of several keys, and has none or several. Keep one: \
         `target_configuration.mcp` has `lambda` or `mcp_server`, never both.",
    ),
    (
        "manifest::unknown-annotation",
        "A statement of a policy set has an annotation that this tool gives no meaning. It is not sent to AWS. \
         Known are `@id`, `@adopt`, `@description`, `@enforcement` and `@validation`.",
    ),
    (
        "manifest::unknown-key",
        "A key stands where nothing has it. Keys are the API's members in small letters with underscores: \
         `role_arn`, `allowed_oauth_flows`. The help names the nearest. A file named by `{ file = … }` uses the \
         API's own spelling instead.",
    ),
    (
        "manifest::unknown-kind",
        "A table or reference begins with a kind that there is not. The help names the nearest or lists all: \
         `[gateway.hr]`, `[user_pool.hr]`.",
    ),
    (
        "manifest::unknown-output",
        "A reference names an output that the kind does not have. Outputs are what others may need of a resource, \
         such as `${gateway.hr.url}` or `${user_pool.hr.id}`; the help lists them.",
    ),
    (
        "manifest::unknown-resource",
        "A name leads to no resource of the manifest. Reference keys take the name alone, `user_pool = \"hr\"`; \
         `depends_on` takes addresses, `[\"gateway.hr\"]`. Declare the resource or correct the name.",
    ),
    (
        "manifest::unknown-variable",
        "A variable is used or given a value, and is not declared. Declare it: `[variables.log_level]` with a \
         `default`, or a value from `--var log_level=info`. Names given from outside are checked too, because a \
         misspelt one would have no effect.",
    ),
    (
        "manifest::variable-file",
        "A file of variables cannot be read as one. It is TOML or JSON with one key per variable, or what \
         `terraform output -json` prints: `log_level = \"warn\"`.",
    ),
    (
        "manifest::variable-missing",
        "A variable without a default has no value. Give one with `--var log_level=info`, `--var-file`, the \
         process environment as `GATEWRIGHT_VAR_LOG_LEVEL`, or `variables` of the environment. Or give it a \
         `default`.",
    ),
    (
        "manifest::variable-value",
        "A variable's value is of the wrong type, is not among those it allows, or holds a reference. Types are \
         `string`, `integer`, `boolean` and `list`; a list from outside is written as TOML: `--var \
         'scopes=[\"read\", \"pii\"]'`. A reference belongs where the variable is used.",
    ),
    (
        "manifest::wrong-type",
        "A value is of another type than the API's. Text is in quotes, numbers and `true` are not; a whole number \
         has no point, so `900` and not `900.0`. A string that is nothing but `${var.x}` takes the variable's \
         type.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_in_use_is_explained_and_no_other() {
        let mut used = BTreeSet::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() || path.ends_with("codes.rs") {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let program = text.split("#[cfg(test)]").next().unwrap();
            let codes = program.split("\"manifest::").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
            used.extend(codes.map(|code| format!("manifest::{code}")));
        }
        let explained: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(used.iter().map(String::as_str).collect::<Vec<_>>(), explained);
    }
}
