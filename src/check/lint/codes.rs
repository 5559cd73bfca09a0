//! The codes of the lints, each with what it means and what to do about it.

/// Code and explanation, by subject.
pub(in crate::check) const CODES: &[(&str, &str)] = &[
    (
        "lint::substring-claim",
        "A claim that holds several values is one text: scopes with blanks between them, groups as a JSON list. A pattern whose \
         `*` touches the wanted word finds longer words too: `like \"*api/admin*\"` lets `api/administrator` and `xapi/admin` \
         in. Test for the whole word: for scopes `== \"X\"`, `like \"X *\"`, `like \"* X\"` or `like \"* X *\"`, for a single \
         value `== \"X\"`. The finding shows the exact text. For a JSON list `like \"*\\\"X\\\"*\"` is the short form: it is exact \
         as long as no element holds a quotation mark, and gets no finding; the text that is shown is exact for every list.",
    ),
    (
        "lint::like-without-wildcard",
        "`like` matches the whole text, and without a `*` only one text matches. In a claim with several values the word is \
         then found only when it stands alone. Write `==` if one text is meant, or the pattern that the finding shows.",
    ),
    (
        "lint::star-in-equality",
        "`==` compares letter by letter: a `*` in its text is a star and no wildcard. Write `like` if anything may stand there.",
    ),
    (
        "lint::list-claim",
        "A claim that is a list, such as Cognito's `cognito:groups`, Okta's `scp` or Entra's `roles`, is its JSON text for a policy: \
         `[\"a\",\"b\"]`. No single value equals it. Test for an element of the list; the finding shows the exact text.",
    ),
    (
        "lint::open-permit",
        "The permit asks nothing of its caller: everybody whom the gateway's authorizer lets in may call. Under \
         `FAIL_ON_ANY_FINDINGS`, the default, the service refuses a permit without any condition as overly permissive. Add a \
         condition on a claim (`principal.hasTag(\"scope\") && …`) or on a principal. If everybody is meant, set \
         `validation_mode = \"IGNORE_ALL_FINDINGS\"` and allow the finding with a reason.",
    ),
    (
        "lint::principal-type",
        "A gateway with a JWT authorizer has callers of the type `AgentCore::OAuthUser` only, one with AWS_IAM callers of the \
         type `AgentCore::IamEntity`, who have no claims. A permit for the other type lets nobody in. Change the type in the \
         policy, or the authorizer of the gateway.",
    ),
    (
        "lint::pinned-user",
        "The policy names one user by the id that the issuer gave them. When the user leaves or is made anew it is silently out \
         of date. Prefer a group, a scope or a role.",
    ),
    (
        "lint::foreign-gateway",
        "The policy names its gateway by an ARN that belongs to another account or region, or to no gateway of this manifest. \
         There it never counts. Name the gateway by reference, `AgentCore::Gateway::\"${gateway.NAME.arn}\"`: it also stays \
         right when the gateway is made anew.",
    ),
    (
        "lint::future-tools",
        "A permit on `CallTool` or `Mcp`, or on every action of every gateway of the engine, holds for targets and tools that do \
         not exist yet. Whoever adds one opens it at once. That may be meant; name the tools or their target if new ones are to be \
         decided on.",
    ),
    (
        "lint::uncovered-tool",
        "An engine in ENFORCE denies what no permit allows, and no permit names this tool, its target or every action: nobody \
         can ever call it, and nobody sees it listed. Write a permit for it, or take the tool out of the target.",
    ),
    (
        "lint::unattached-engine",
        "A policy engine decides only for gateways that it is attached to, and none is. Its policies cannot even be created: \
         their types come from the tools of its gateways. Attach it with `policy_engine` and `policy_mode`, or remove it.",
    ),
    (
        "lint::engine-without-permit",
        "An engine in ENFORCE denies what no permit allows, and it has no permit in force: every call is denied. A permit whose \
         enforcement mode is LOG_ONLY does not count. Write a `permit` for what may be called.",
    ),
    (
        "lint::redundant-policy",
        "Other policies of the same engine already say what this one says, for the same callers, tools and inputs or for more of \
         them. Removing it changes nothing. Most often a condition was forgotten in the other ones. What the text does not show is \
         proved by the solver cvc5, if there is one.",
    ),
    (
        "lint::shadowing-forbid",
        "A forbid counts more than any permit, and this one forbids everything that a permit permits: the permit never lets a call \
         through. Most often the forbid lacks a condition (`unless { … }`). Give it the condition, or remove the permit.",
    ),
    (
        "lint::idle-forbid",
        "No call that this forbid is about is let through by a permit, so nothing changes if it is removed. That may be meant: it \
         guards against permits to come. Then allow the finding with this reason; else remove the forbid, or correct the claim, \
         the tool or the limit that it names.",
    ),
    (
        "lint::unproved",
        "Whether a policy changes anything is asked of the SMT solver cvc5, which `CVC5` names or which is found on the PATH. It \
         failed or took too long, so nothing is said about some policies. All other findings are there. `apt install cvc5` brings a \
         version that works; without any solver this note does not appear.",
    ),
    (
        "lint::forbid-can-error",
        "Cedar skips a policy whose evaluation fails, and arithmetic beyond 64 bits fails. A caller who sends a large enough \
         number turns this forbid off. Compare the argument itself with a limit, without arithmetic on it.",
    ),
    (
        "lint::forbid-on-optional-input",
        "The forbid applies only when an optional argument is there, so a call that leaves it out is not stopped. Under \
         `FAIL_ON_ANY_FINDINGS` the service refuses such a policy as overly restrictive. Make the argument required in the \
         tool's schema, or let the permit say what must be there.",
    ),
    (
        "lint::number-limit",
        "A `number` becomes a Cedar decimal: it is cut after four digits behind the point before it is compared, and a call \
         with a whole number (`100` for `100.0`) was seen refused. For limits prefer an `integer`, such as an amount in cents.",
    ),
    (
        "lint::wall-clock",
        "`context.system.now` is in UTC. A window that is moved by a fixed offset is an hour wrong for a part of the year wherever \
         clocks change, and a moment with an offset is easily read as one in UTC. Write windows and moments in UTC.",
    ),
    (
        "lint::untested-scope",
        "Clients that the gateway lets in can get a scope that no policy asks for, though policies ask for other scopes of the \
         same resource server. Either a policy is missing, or the scope opens nothing. Write the policy, or take the scope away.",
    ),
    (
        "lint::unreachable-scope",
        "A policy asks for a scope that no client has who gets in, so it never applies. Most often the scope is misspelt. \
         Correct it, or give it to a client in `allowed_oauth_scopes`.",
    ),
    (
        "lint::claim-not-issued",
        "Access tokens of a Cognito user pool carry few claims: `sub`, `scope`, `client_id`, `cognito:groups`, `username` and \
         some about the token itself. Attributes of a user are in ID tokens, which an authorizer with clients refuses. Ask \
         for a claim that is there, or add it with a pre token generation trigger of version V2_0.",
    ),
    (
        "lint::no-client-id",
        "`allowed_clients` is compared with the claim `client_id`. Tokens of Okta carry `cid`, those of Entra `azp` (version 2) \
         or `appid` (version 1), so nobody gets in. Use `allowed_audience` and `custom_claims`. Where Okta's authorization \
         server does add `client_id`, say so with `client_claim = \"client_id\"`.",
    ),
    (
        "lint::entra-version",
        "Entra issues tokens of version 1 and 2 with different issuers and claims, and the discovery URL must be of the same \
         version: with `/v2.0` for version 2. Version 2 has the application's id in `aud` and the client in `azp`, version 1 \
         the client in `appid`. Make URL, audience and claims agree.",
    ),
    (
        "lint::workload-passthrough",
        "A runtime with `allowed_workload_configuration` asks for a transaction token of a listed workload. A gateway target \
         with JWT_PASSTHROUGH hands on the caller's own token, which the runtime refuses. Use another credential provider on \
         the target, or take the configuration off the runtime.",
    ),
    (
        "lint::dynamic-target",
        "The service derives the types of policies from the tools of every target. As long as a target of the gateway has the \
         listing mode DYNAMIC, creating policies fails. Use DEFAULT, or put the target behind a gateway without an engine.",
    ),
    (
        "lint::duplicate-tool",
        "Two tools of one target have the same name. A policy and a caller name a tool by target and name and cannot tell them \
         apart. Rename one of them.",
    ),
    (
        "lint::quota",
        "The service takes at most 1,000 policies, 200 KB of statements, 20 temporal policies and 400 KB of types per engine \
         (the last is an estimate), 3 operators and 24 hours in a temporal policy, 100 targets per gateway, 1,000 tools and 1 MB of \
         them per target, 10 endpoints per runtime, and 25 resource servers, 1,000 clients and 300 identity providers per pool. \
         Divide what is too large.",
    ),
    (
        "lint::log-only",
        "A policy engine in the mode LOG_ONLY reports and decides nothing: every call that the authorizer lets in succeeds. In an \
         environment that is named like production this is rarely meant for long, and neither is a policy in this mode. Write \
         `policy_mode = \"ENFORCE\"`, and `enforcement_mode = \"ACTIVE\"` for a policy.",
    ),
    (
        "lint::allow",
        "A comment `gatewright: allow CODE: REASON` takes one finding out, and it must name a code of the checks and give a \
         reason. Several codes stand with commas between them. Without a reason it allows nothing.",
    ),
    (
        "lint::unused-allow",
        "The comment allows a finding that is not there any more. It would hide the next one unseen. Remove it.",
    ),
];
