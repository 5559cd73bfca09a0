//! The codes of this stage, and what `explain` says about each.

/// Every code with its explanation, sorted.
pub const CODES: &[(&str, &str)] = &[
    (
        "access::claim-name",
        "A persona states scopes, groups or a client, and nobody says which claim of a token holds them. Cognito's names are known; \
         Okta and Entra ID call them otherwise, and other issuers as they like. Say it on the `jwt_authorizer`: `scope_claim = { name \
         = \"scp\", list = true }` for a JSON list, `scope_claim = \"scp\"` for words with blanks between them.",
    ),
    (
        "access::expectation",
        "An `[[expect]]` does not hold: the authorizers and policies of this manifest give other access than it says. It is held as if \
         every engine enforced, whatever `policy_mode` is. `gatewright access --why PERSONA TOOL` names the policy that decides, or the \
         nearest permit and the first of its conditions that fails. Change the policy, or the expectation if it is out of date.",
    ),
    (
        "access::persona-refused",
        "A `[persona]` states something that contradicts the authorizer of every gateway that asks for a token, so it can call nothing. \
         What a persona does not state is taken to be as the authorizer wants it. Change what it states, or the authorizer.",
    ),
    (
        "access::solver",
        "The solver that proves for every token what an `[[expect]]` with `only_with_scope`, `only_with_group` or `only_with_role` says \
         crashed, gave no answer in time, or answered wrong. What it leaves open was tested on callers that come near instead. Look at \
         the program that `CVC5` names, or at `cvc5` on the `PATH`: version 1.0.3 or a later one.",
    ),
    (
        "access::unknown-name",
        "An `[[expect]]` names a persona, a client or a tool that there is not, or an input that the tool cannot have. Clients and \
         personas have their names in the manifest; a tool is `target/tool`, all tools of a target are `target/*`. The help shows the \
         nearest name.",
    ),
];
