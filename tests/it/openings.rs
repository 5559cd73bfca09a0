//! Who could call what: read off the state of the stand-in, independently of the engine.

use std::collections::BTreeSet;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression,
};
use serde_json::Value;

/// A call that passes: persona (a client's name, or `anyone` behind an authorizer without tokens), tool, interceptors.
pub(crate) type Passing = BTreeSet<(String, String, String)>;

/// Every call that the state lets pass. Personas are the client-credentials clients with all their scopes.
pub(crate) fn passing(state: &Value) -> Passing {
    let objects: Vec<&Value> = state["objects"].as_array().unwrap().iter().collect();
    let of_kind = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).copied().collect::<Vec<_>>();
    let mut passing = Passing::new();
    for gateway in of_kind("gateway") {
        let document = &gateway["document"];
        let interceptors = document["interceptorConfigurations"].to_string();
        for (persona, claims) in personas(document, &of_kind("user_pool_client")) {
            for target in of_kind("gateway_target").into_iter().filter(|target| target["parent"] == gateway["id"]) {
                let name = target["document"]["name"].as_str().unwrap();
                let tools = target["document"].pointer("/targetConfiguration/mcp/lambda/toolSchema/inlinePayload");
                for tool in tools.and_then(Value::as_array).into_iter().flatten() {
                    let action = format!("{name}___{}", tool["name"].as_str().unwrap());
                    if allowed(document, &of_kind("policy"), &claims, &action) {
                        passing.insert((persona.clone(), action, interceptors.clone()));
                    }
                }
            }
        }
    }
    passing
}

/// Who gets past the authorizer, with the claims of the token.
fn personas(gateway: &Value, clients: &[&Value]) -> Vec<(String, Vec<(String, String)>)> {
    if gateway["authorizerType"] != "CUSTOM_JWT" {
        return vec![("anyone".to_owned(), Vec::new())];
    }
    let jwt = &gateway["authorizerConfiguration"]["customJWTAuthorizer"];
    let mut personas = Vec::new();
    for client in clients {
        let document = &client["document"];
        let id = document["ClientId"].as_str().unwrap();
        let flows = document["AllowedOAuthFlows"].as_array().cloned().unwrap_or_default();
        let let_in = jwt["allowedClients"].as_array().is_none_or(|list| list.iter().any(|allowed| allowed == id));
        if flows.contains(&Value::from("client_credentials")) && let_in && jwt.get("allowedAudience").is_none() {
            let scopes = document["AllowedOAuthScopes"].as_array().cloned().unwrap_or_default();
            let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
            let claims = vec![("client_id".to_owned(), id.to_owned()), ("scope".to_owned(), scopes.join(" "))];
            personas.push((document["ClientName"].as_str().unwrap().to_owned(), claims));
        }
    }
    personas
}

/// The engine's decision: everything passes without one, and in `LOG_ONLY`.
fn allowed(gateway: &Value, policies: &[&Value], claims: &[(String, String)], action: &str) -> bool {
    let engine = &gateway["policyEngineConfiguration"];
    if engine["mode"] != "ENFORCE" {
        return true;
    }
    let mut set = PolicySet::new();
    for policy in policies {
        let document = &policy["document"];
        let of_engine = engine["arn"].as_str().unwrap().ends_with(policy["parent"].as_str().unwrap());
        // A policy on its way to a new text counts with the one it has.
        let counts =
            matches!(policy["status"].as_str(), Some("ACTIVE" | "UPDATING")) && document["enforcementMode"] == "ACTIVE";
        if of_engine && counts {
            let definition = &document["definition"];
            let text = definition.pointer("/cedar/statement").or_else(|| definition.pointer("/policy/statement"));
            let id = PolicyId::new(policy["id"].as_str().unwrap());
            set.add(Policy::parse(Some(id), text.unwrap().as_str().unwrap()).unwrap()).unwrap();
        }
    }
    let uid = |kind: &str, id: &str| -> EntityUid {
        EntityUid::from_type_name_and_id(format!("AgentCore::{kind}").parse().unwrap(), id.parse().unwrap())
    };
    let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
    let principal = uid("OAuthUser", "someone");
    let tags: Vec<_> = claims.iter().map(|(claim, value)| (claim.clone(), text(value))).collect();
    let id = [("id".to_owned(), text("someone"))];
    let user = Entity::new_with_tags(principal.clone(), id, [], tags).unwrap();
    let target = uid("Action", action.split("___").next().unwrap());
    let tool = Entity::new_no_attrs(uid("Action", action), [target].into());
    let entities = Entities::from_entities([user, tool], None).unwrap();
    let resource = uid("Gateway", gateway["gatewayArn"].as_str().unwrap());
    let context = Context::from_json_value(serde_json::json!({"input": {"id": "x"}}), None).unwrap();
    let request = Request::new(principal, uid("Action", action), resource, context, None).unwrap();
    Authorizer::new().is_authorized(&request, &set, &entities).decision() == Decision::Allow
}
