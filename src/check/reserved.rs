//! What only this tool may write: its tag keys, and the client id that locks a gateway.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::kind::LOCK_CLIENT;
use crate::ownership::PREFIX;
use crate::stack::{Resource, Stack};

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for resource in &stack.resources {
        if let Some(member) = resource.kind.tags_member {
            let own =
                resource.document.get(member).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key);
            for key in own {
                tag(resource, key, &format!("{member}.{key}"), found);
            }
            for key in stack.tags.keys() {
                tag(resource, key, member, found);
            }
        }
        let clients = resource.document.pointer("/authorizerConfiguration/customJWTAuthorizer/allowedClients");
        if clients.and_then(Value::as_array).is_some_and(|clients| clients.iter().any(|client| client == LOCK_CLIENT)) {
            let path = "authorizerConfiguration.customJWTAuthorizer.allowedClients";
            let diagnostic =
                Diagnostic::error("check::lock-client", format!("`{LOCK_CLIENT}` cannot be an allowed client"))
                    .at(resource.span_of(path).clone(), "this id locks a gateway")
                    .help("name the clients that may call, or leave the gateway out until it is needed")
                    .about(&resource.address);
            found.push(diagnostic);
        }
    }
}

fn tag(resource: &Resource, key: &str, path: &str, found: &mut Vec<Diagnostic>) {
    let owner = match key {
        key if key.starts_with(PREFIX) => "Gatewright",
        key if key.starts_with("aws:") => "AWS",
        _ => return,
    };
    let diagnostic = Diagnostic::error("check::reserved-tag", format!("the tag `{key}` is reserved for {owner}"))
        .at(resource.span_of(path).clone(), "")
        .help("choose another key; what belongs to whom is remembered in these tags")
        .about(&resource.address);
    found.push(diagnostic);
}
