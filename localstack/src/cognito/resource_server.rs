//! Resource servers of a user pool and their scopes.

use serde_json::{Value, json};

use crate::cognito::user_pool;
use crate::document::{Document, created, document, replace, text};
use crate::failure::Failure;
use crate::page::page;
use crate::session::{Operations, Session};
use crate::state::{Kind, Object};

pub(crate) const OPERATIONS: Operations = &[
    ("CreateResourceServer", create),
    ("DescribeResourceServer", describe),
    ("ListResourceServers", list),
    ("UpdateResourceServer", update),
    ("DeleteResourceServer", delete),
];

/// How many resource servers a pool may have.
const MOST: usize = 25;

fn find<'a>(session: &'a Session<'_>, pool: &str, id: &str) -> Result<&'a Object, Failure> {
    let server = session.state.find(Kind::ResourceServer, Some(pool), id);
    server.ok_or_else(|| Failure::cognito_missing(format!("Resource server {id} does not exist.")))
}

/// Every scope of a pool's resource servers, as tokens name them: `identifier/scope`.
pub(crate) fn scopes(session: &Session<'_>, pool_id: &str) -> Vec<String> {
    let servers = session.state.all(Kind::ResourceServer, Some(pool_id));
    let scopes = servers.flat_map(|server| {
        let scopes = server.document.get("Scopes").and_then(Value::as_array).into_iter().flatten();
        let names = scopes.filter_map(|scope| scope.get("ScopeName")?.as_str());
        names.map(|name| format!("{}/{name}", server.id)).collect::<Vec<_>>()
    });
    scopes.collect()
}

fn create(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, id) = (text(input, "UserPoolId"), text(input, "Identifier"));
    user_pool::find(session, pool_id)?;
    check(input)?;
    let servers = session.state.all(Kind::ResourceServer, Some(pool_id)).count();
    if session.state.find(Kind::ResourceServer, Some(pool_id), id).is_some() {
        return Err(Failure::parameter(format!("{id} already exists in user pool {pool_id}.")));
    }
    if servers >= MOST {
        let message = format!("A user pool can have at most {MOST} resource servers");
        return Err(Failure::cognito("LimitExceededException", message));
    }
    let mut stored = created(session.service.api(), "CreateResourceServer", input);
    stored.extend(document(json!({"UserPoolId": pool_id, "Identifier": id})));
    let server = session.object(Kind::ResourceServer, Some(pool_id), id, stored);
    let answer = show(session, &server);
    session.state.add(server);
    Ok(json!({"ResourceServer": answer}))
}

fn describe(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let server = find(session, pool_id, text(input, "Identifier"))?;
    Ok(json!({"ResourceServer": show(session, server)}))
}

fn list(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let pool_id = text(input, "UserPoolId");
    user_pool::find(session, pool_id)?;
    let servers = session.state.all(Kind::ResourceServer, Some(pool_id));
    let items: Vec<(u64, Value)> = servers.map(|server| (server.serial, show(session, server))).collect();
    page(session, "ListResourceServers", input, items, 50)
}

fn update(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, id) = (text(input, "UserPoolId"), text(input, "Identifier"));
    user_pool::find(session, pool_id)?;
    check(input)?;
    let mut server = find(session, pool_id, id)?.clone();
    replace(session.service.api(), "UpdateResourceServer", &mut server.document, input);
    let answer = show(session, &server);
    if let Some(live) = session.state.find_mut(Kind::ResourceServer, Some(pool_id), id) {
        *live = server;
    }
    Ok(json!({"ResourceServer": answer}))
}

fn delete(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let (pool_id, id) = (text(input, "UserPoolId"), text(input, "Identifier"));
    user_pool::find(session, pool_id)?;
    find(session, pool_id, id)?;
    session.state.remove(Kind::ResourceServer, Some(pool_id), id);
    Ok(json!({}))
}

/// A scope is named once.
fn check(input: &Document) -> Result<(), Failure> {
    let mut seen: Vec<&Value> = Vec::new();
    for name in
        input.get("Scopes").and_then(Value::as_array).into_iter().flatten().filter_map(|scope| scope.get("ScopeName"))
    {
        if seen.contains(&name) {
            return Err(Failure::parameter(format!("Duplicate scope name {name}")));
        }
        seen.push(name);
    }
    Ok(())
}

fn show(session: &Session<'_>, server: &Object) -> Value {
    session.show("ResourceServerType", server.document.clone(), &server.planted)
}
