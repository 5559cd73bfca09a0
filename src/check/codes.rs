//! The codes of the checks, each with what it means and what to do about it.

/// Code and explanation, in the order of the checks.
pub(super) const CODES: &[(&str, &str)] = &[
    (
        "check::authorizer-empty",
        "A JWT authorizer checks the signature, the issuer and the expiry of a token by itself. Which of the issuer's \
         tokens may pass is said by `allowed_audience`, `allowed_clients` (or `user_pool_clients`), `allowed_scopes` and \
         `custom_claims`; with none of them the service refuses the authorizer. Add at least one of them.",
    ),
    (
        "check::authorizer-missing",
        "A gateway with `authorizer_type = \"CUSTOM_JWT\"` has to say whose tokens it accepts. Name a definition with \
         `jwt_authorizer = \"…\"`, or write `authorizer_configuration` on the gateway.",
    ),
    (
        "check::authorizer-unused",
        "Only a gateway with `authorizer_type = \"CUSTOM_JWT\"` has an authorizer configuration; the other types refuse \
         it. Remove the configuration, or change the type to CUSTOM_JWT if callers are to send tokens.",
    ),
    (
        "check::audience-with-cognito",
        "Access tokens of a Cognito user pool carry no `aud` claim, so `allowed_audience` lets none of them in. Cognito \
         callers are told apart by `client_id`: use `user_pool_clients`. If the pool's tokens do carry an audience, \
         because clients ask for a resource binding, say `resource_binding = true` on the `jwt_authorizer`; a pool with \
         a V2 or V3 pre token generation trigger is taken at its word.",
    ),
    (
        "check::client-name",
        "`allowed_clients` is compared with the token's `client_id`, which for Cognito is a generated id of 26 lower-case \
         letters and digits, never the client's name. Name clients of this manifest with `user_pool_clients = [\"…\"]`, \
         or refer to the id with `${user_pool_client.NAME.id}`.",
    ),
    (
        "check::discovery-url",
        "The service reads the issuer's keys through the discovery URL. It must be an https URL that ends with \
         `/.well-known/openid-configuration` (or `/.well-known/oauth-authorization-server`); the issuer alone is refused. \
         For a pool of the manifest write `user_pool = \"NAME\"` instead, and the URL is derived.",
    ),
    (
        "check::open-gateway",
        "With `authorizer_type = \"NONE\"` anybody who knows the URL may call every tool; with AUTHENTICATE_ONLY it is \
         every AWS identity in the world. Only a policy engine in ENFORCE mode can then refuse a call. Attach one with \
         `policy_engine` and `policy_mode = \"ENFORCE\"`, or use AWS_IAM or a JWT authorizer.",
    ),
    (
        "check::claim-operator",
        "A rule in `custom_claims` says how its claim looks and how it is compared: a STRING with EQUALS, a STRING_ARRAY with CONTAINS \
         (one value) or CONTAINS_ANY (a list of them). Any other pair is refused. Make the two agree with what the issuer's tokens have.",
    ),
    (
        "check::advanced-security-tier",
        "Advanced security (`user_pool_add_ons.advanced_security_mode` AUDIT or ENFORCED) is a feature of the PLUS tier; \
         a pool without `user_pool_tier` is ESSENTIALS. Add `user_pool_tier = \"PLUS\"`, or remove the add-on.",
    ),
    (
        "check::no-token-endpoint",
        "Machines get their tokens from the token endpoint, and a user pool has one only when it has a domain. No client \
         with the client_credentials flow can get a token from this pool. Add a `user_pool_domain` for it.",
    ),
    (
        "check::unknown-scope",
        "A client may only be allowed scopes that exist: the built-in `openid`, `email`, `phone`, `profile` and \
         `aws.cognito.signin.user.admin`, and those of the pool's resource servers, written IDENTIFIER/SCOPE. Cognito \
         refuses any other. Correct the spelling, or add the scope to a `resource_server` of the pool.",
    ),
    (
        "check::oauth-switch",
        "Flows and scopes of an app client do nothing unless `allowed_oauth_flows_user_pool_client = true` turns OAuth on \
         for it. Add that line, or remove the flows and scopes.",
    ),
    (
        "check::client-credentials-mixed",
        "The client_credentials flow must be the only one of its client: one token belongs to a machine, the others to a \
         person. Declare a second `user_pool_client` for the other flow.",
    ),
    (
        "check::client-credentials-secret",
        "The client_credentials flow authenticates the client by its secret, so the client needs one. Add \
         `generate_secret = true`. On a client that exists already this means a new client with a new id.",
    ),
    (
        "check::client-credentials-scopes",
        "A machine's token carries scopes of resource servers only: at least one is needed, and scopes about a person \
         (`openid`, `email`, `phone`, `profile`, `aws.cognito.signin.user.admin`) are refused. List scopes as \
         IDENTIFIER/SCOPE in `allowed_oauth_scopes`.",
    ),
    (
        "check::mutable-artifact",
        "The runtime's code is named in a way that stays the same when its bytes change: an image tag can be pushed \
         again, an S3 key can be uploaded again. Such a change runs without a plan, and nobody sees it. Name an image by \
         digest (`…@sha256:…`), and an S3 object with its `version_id`.",
    ),
    (
        "check::secret-source",
        "A credential provider says in one way where its secret is. With the source MANAGED, the default, the secret itself \
         is given (`api_key`, `client_secret`), best by a secret variable. With EXTERNAL it is in a secret of Secrets \
         Manager, named by `api_key_secret_config` or `client_secret_config`, and the manifest never holds it. The service \
         refuses both at once, and neither, unless the client proves who it is without a secret.",
    ),
    (
        "cedar::syntax",
        "The text is not Cedar. The message says what stands there and what may stand there instead. A policy is one \
         `permit` or `forbid` with a scope of principal, action and resource, optional `when` and `unless` conditions, and \
         a semicolon at the end. Brackets may lie 24 deep in each other.",
    ),
    (
        "cedar::one-statement",
        "A `policy` resource is exactly one Cedar statement; the service refuses more. Put each statement into a `policy` \
         of its own, or the whole file into a `policy_set`, which makes one policy of each statement.",
    ),
    (
        "cedar::not-plain",
        "The statement uses an extension of the service (`when temporal`, `guardrails`, `suppressOutput`) that is no \
         Cedar. It is sent as it is. What it means is checked by the service only, when the policy is created.",
    ),
    (
        "cedar::lookalike",
        "A name or text mixes alphabets, or holds characters that do not show or that turn the direction of writing: it may \
         look like another one, and compares differently. Claims and scopes are compared character by character.",
    ),
    (
        "cedar::bare-resource",
        "The service refuses a policy whose `resource` is unconstrained. A policy about certain tools names its gateway: \
         `resource == AgentCore::Gateway::\"${gateway.NAME.arn}\"`. A policy about every action may say \
         `resource is AgentCore::Gateway` instead.",
    ),
    (
        "cedar::resource-too-wide",
        "A policy for certain actions must name the one gateway that has them; `resource is AgentCore::Gateway` is \
         allowed only for a policy about every action. Write \
         `resource == AgentCore::Gateway::\"${gateway.NAME.arn}\"`.",
    ),
    (
        "cedar::other-engine",
        "The policy names a gateway that another engine decides for, or none: for that gateway the policy never counts. \
         Put the policy into the gateway's engine, or attach this engine to the gateway with `policy_engine`.",
    ),
    (
        "cedar::unknown-action",
        "The action is no tool of the gateways that the policy's engine is attached to. A tool's action is the target's \
         live name, three underscores and the tool's name: `TARGET___TOOL`. Groups are `TARGET`, `CallTool` and `Mcp` \
         (with `in`), and HTTP targets have `TARGET___METHOD:/path`. The service refuses a policy with any other action.",
    ),
    (
        "cedar::unchecked-tool",
        "The target's tools are listed by a server, an API description or a file elsewhere, so nobody knows them offline. \
         The policy is sent as it is, and the service refuses it if the tool does not exist. Compare the name with what \
         the target lists, or give the target that list: `known_tools = { file = \"tools.json\" }`.",
    ),
    (
        "cedar::validation",
        "The policy does not fit the types that the service derives from the tools: it would end in CREATE_FAILED. Tool \
         arguments are `context.input.NAME` with their schema's type (a `number` is a decimal), optional ones need \
         `context.input has NAME` first. Claims are tags and always strings: `principal.hasTag(\"scope\")` first, then \
         `principal.getTag(\"scope\")`, and only an `AgentCore::OAuthUser` has them.",
    ),
    (
        "cedar::never-applies",
        "Cedar has found that the policy's conditions can never hold for any tool, or that its text contains characters \
         that look like others. It would be accepted and do nothing, or something else than it seems to say. Correct or \
         remove it.",
    ),
    (
        "cedar::too-long",
        "The service takes statements of at most 10,000 characters, and this one is longer even before its references are filled \
         in. Split it into several policies: permits add up, and so do forbids.",
    ),
    (
        "cedar::no-room",
        "Policies are checked on a thread with room for the deepest policy that the service takes, and the system refused that \
         thread. Nothing is said about the policies, so the manifest is refused. Give the process more memory.",
    ),
    (
        "check::lock-client",
        "A gateway is locked by an allow-list that holds this id alone, which no client has. In a manifest it would make an open gateway look locked. Name the clients that may call.",
    ),
    (
        "check::reserved-tag",
        "Tags that begin with `gatewright:` say which stack a resource belongs to, and `aws:` is AWS's own. A manifest that sets them could take over somebody else's resources. Choose another key.",
    ),
];
