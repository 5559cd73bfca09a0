//! App clients: OAuth flows that work, and scopes that exist.

use serde_json::Value;

use super::{children, of_kind, texts};
use crate::diagnostic::Diagnostic;
use crate::kind::{RESOURCE_SERVER, USER_POOL_CLIENT};
use crate::manifest::nearest::{listed, nearest};
use crate::reference::{holds_unknown, is_unknown};
use crate::stack::{Resource, Stack};

/// Scopes about a person, which every pool has.
pub(super) const BUILT_IN: [&str; 5] = ["openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"];

const MACHINE_FLOW: &str = "client_credentials";

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for client in of_kind(stack, &USER_POOL_CLIENT) {
        switch(client, found);
        if is_machine(client) {
            machine(client, found);
        }
        scopes(stack, client, found);
    }
}

/// The client gets tokens for itself.
pub(super) fn is_machine(client: &Resource) -> bool {
    texts(&client.document, "AllowedOAuthFlows").any(|flow| flow == MACHINE_FLOW)
}

fn switch(client: &Resource, found: &mut Vec<Diagnostic>) {
    let on = client.document.get("AllowedOAuthFlowsUserPoolClient").and_then(Value::as_bool) == Some(true);
    let idle = ["AllowedOAuthFlows", "AllowedOAuthScopes"]
        .into_iter()
        .find(|member| texts(&client.document, member).next().is_some());
    if let (false, Some(member)) = (on, idle) {
        found.push(
            Diagnostic::error("check::oauth-switch", "OAuth is not turned on for this client")
                .at(client.span_of(member).clone(), "has no effect")
                .help("add `allowed_oauth_flows_user_pool_client = true`")
                .about(&client.address),
        );
    }
}

fn machine(client: &Resource, found: &mut Vec<Diagnostic>) {
    let flows = client.span_of("AllowedOAuthFlows");
    if let Some(other) = texts(&client.document, "AllowedOAuthFlows").find(|flow| *flow != MACHINE_FLOW) {
        let message = format!("`{MACHINE_FLOW}` cannot be combined with `{other}`");
        found.push(
            Diagnostic::error("check::client-credentials-mixed", message)
                .at(flows.clone(), "")
                .help(format!("declare another `user_pool_client` for `{other}`"))
                .about(&client.address),
        );
    }
    let generated = client.document.get("GenerateSecret").and_then(Value::as_bool) == Some(true);
    if !generated && client.document.get("ClientSecret").is_none() {
        found.push(
            Diagnostic::error(
                "check::client-credentials-secret",
                format!("`{MACHINE_FLOW}` needs a client with a secret"),
            )
            .at(flows.clone(), "")
            .help("add `generate_secret = true`")
            .about(&client.address),
        );
    }
    let personal = texts(&client.document, "AllowedOAuthScopes").position(|scope| BUILT_IN.contains(&scope));
    if let Some(index) = personal {
        found.push(
            Diagnostic::error("check::client-credentials-scopes", "a machine's token has no scopes about a person")
                .at(client.span_of(&format!("AllowedOAuthScopes[{index}]")).clone(), "about a person")
                .help("remove it, or give people a `user_pool_client` of their own")
                .about(&client.address),
        );
    } else if texts(&client.document, "AllowedOAuthScopes").next().is_none() {
        found.push(
            Diagnostic::error("check::client-credentials-scopes", format!("`{MACHINE_FLOW}` needs at least one scope"))
                .at(flows.clone(), "")
                .help("add `allowed_oauth_scopes` with scopes of the pool's resource servers, as IDENTIFIER/SCOPE")
                .about(&client.address),
        );
    }
}

fn scopes(stack: &Stack, client: &Resource, found: &mut Vec<Diagnostic>) {
    let Some(pool) = &client.parent else { return };
    if texts(&client.document, "AllowedOAuthScopes").all(|scope| BUILT_IN.contains(&scope)) {
        return;
    }
    let servers: Vec<&Resource> = children(stack, &RESOURCE_SERVER, pool).collect();
    // What somebody else's pool or server defines is known to the account only.
    let elsewhere = stack.resource(pool).is_some_and(|pool| pool.existing.is_some());
    if elsewhere || servers.iter().any(|server| server.existing.is_some() || holds_unknown(&server.document)) {
        return;
    }
    let known: Vec<String> = servers.iter().flat_map(|server| scopes_of(server)).collect();
    for (index, scope) in texts(&client.document, "AllowedOAuthScopes").enumerate() {
        if BUILT_IN.contains(&scope) || is_unknown(scope) || known.iter().any(|known| known == scope) {
            continue;
        }
        let candidates = || known.iter().map(String::as_str).chain(BUILT_IN);
        // A scope without its identifier is the likeliest slip.
        let bare = known.iter().find(|known| known.rsplit('/').next() == Some(scope)).map(String::as_str);
        let help = match bare.or_else(|| nearest(scope, candidates())) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("add a `resource_server` to `{pool}` that defines it"),
            None => format!("`{pool}` has {}", listed(&known.iter().map(String::as_str).collect::<Vec<_>>())),
        };
        // Under another identifier all of a server's scopes are unknown, and it is one mistake.
        let server = scope.rsplit_once('/').map(|(server, _)| server);
        let is_server = |server: &str| {
            known.iter().any(|known| known.strip_prefix(server).is_some_and(|rest| rest.starts_with('/')))
        };
        let message = match server.filter(|server| !is_server(server) && !known.is_empty()) {
            Some(server) => format!("no resource server of `{pool}` has the identifier `{server}`"),
            None => format!("no resource server of `{pool}` defines the scope `{scope}`"),
        };
        if found.iter().any(|told| told.message == message && message.contains("identifier")) {
            continue;
        }
        found.push(
            Diagnostic::error("check::unknown-scope", message)
                .at(client.span_of(&format!("AllowedOAuthScopes[{index}]")).clone(), "")
                .help(help)
                .about(&client.address),
        );
    }
}

/// The scopes of a resource server as they stand in a token.
pub(super) fn scopes_of(server: &Resource) -> Vec<String> {
    let identifier = server.document.get("Identifier").and_then(Value::as_str).unwrap_or_default();
    let scopes = server.document.get("Scopes").and_then(Value::as_array).into_iter().flatten();
    scopes.filter_map(|scope| scope.get("ScopeName")?.as_str()).map(|name| format!("{identifier}/{name}")).collect()
}
