//! The callers of a manifest as real ones: with a token or a signature that a served stand-in takes.

use gatewright::access::Caller;
use gatewright::access::Gateway;
use gatewright::access::authorizer::Door;
use gatewright::access::caller::Identity;
use gatewright::address::Address;
use gatewright::persona::{Client, Described};
use gatewright::stack::{Authorizer, Stack};
use serde_json::{Map, Value, json};

use crate::issuer::Issuer;
use crate::served::Served;

const PASSWORD: &str = "Secret-Passw0rd!";

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// The header by which a caller is known at a gateway of a served stand-in.
pub(crate) fn header(
    served: &Served,
    stack: &Stack,
    gateway: &Gateway<'_>,
    caller: &Caller,
    issuer: &Issuer,
) -> String {
    let definition = stack.authorizers.iter().find(|one| one.used_by.contains(&gateway.resource.address));
    let pool = definition.and_then(|definition| definition.user_pool.as_ref());
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    match (&caller.identity, pool) {
        (Identity::Nobody, _) => String::new(),
        (Identity::Role(arn), _) => signed(arn.rsplit('/').next().unwrap()),
        (Identity::AnyRole, _) => signed("somebody"),
        (Identity::Client(client, _), Some(_)) => bearer(&of_client(served, stack, client)),
        (Identity::Persona(persona), Some(_)) => {
            bearer(&of_person(served, stack, definition.unwrap(), &caller.name, persona))
        }
        (_, None) => bearer(&of_issuer(gateway, caller, issuer)),
        (identity, _) => panic!("{}: nobody here can be a {}", caller.name, identity.word()),
    }
}

/// A request that a role signed. The stand-in takes the name of the access key for the role, and checks no signature.
fn signed(role: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential={role}/20260101/us-east-1/bedrock-agentcore/aws4_request, \
         SignedHeaders=host, Signature=0\r\n"
    )
}

/// The token of another issuer: what the persona states, and what the authorizer wants beside it.
fn of_issuer(gateway: &Gateway<'_>, caller: &Caller, issuer: &Issuer) -> String {
    let Door::Jwt(authorizer) = &gateway.door else { panic!("{}: no token is asked for", caller.name) };
    let mut claims = gateway.visitor(caller).token.unwrap().claims;
    let discovery = authorizer["discoveryUrl"].as_str().unwrap();
    let name = discovery.strip_suffix("/.well-known/openid-configuration").unwrap();
    assert!(name.starts_with(&issuer.base), "{name} is not here");
    let until = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 3600;
    let mut beside = |claim: &str, value: Value| {
        claims.entry(claim).or_insert(value);
    };
    beside("iss", json!(name));
    beside("sub", json!(format!("the {}", caller.name)));
    beside("exp", json!(until));
    if let Some(audience) = authorizer.pointer("/allowedAudience/0") {
        beside("aud", audience.clone());
    }
    issuer.token(&claims)
}

/// The live object of a resource.
pub(crate) fn live(served: &Served, stack: &Stack, address: &Address) -> Value {
    let resource = stack.resource(address).unwrap();
    let name = resource.live_name().unwrap();
    let is_it = |object: &Value| {
        object["kind"] == resource.kind.name && object["document"][resource.kind.name_member] == json!(name)
    };
    served.objects().into_iter().find(is_it).unwrap_or_else(|| panic!("{address} is live"))
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// A token that a client gets for itself.
fn of_client(served: &Served, stack: &Stack, address: &Address) -> String {
    let client = live(served, stack, address);
    let pool = client["parent"].as_str().unwrap();
    let described = served.cognito("DescribeUserPoolClient", &json!({"UserPoolId": pool, "ClientId": id(&client)}));
    let secret = described["UserPoolClient"]["ClientSecret"].as_str().unwrap();
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={secret}", id(&client));
    token(served, pool, &form)
}

fn token(served: &Served, pool: &str, form: &str) -> String {
    let (status, answer) = served.ask("POST", &format!("/{pool}/oauth2/token"), FORM, form);
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["access_token"].as_str().unwrap().to_owned()
}

/// The token of a person: a user of the pool with the persona's groups, who signs in on the page of a client.
fn of_person(served: &Served, stack: &Stack, definition: &Authorizer, name: &str, persona: &Described) -> String {
    assert!(persona.claims.is_empty(), "{name}: only a function of the pool writes other claims into an access token");
    let address = match &persona.client {
        Some(Client::Named(address)) => address,
        Some(Client::Id(id)) => panic!("{name}: nobody here signs in to `{id}`"),
        None => definition.user_pool_clients.first().unwrap(),
    };
    let client = live(served, stack, address);
    let pool = client["parent"].as_str().unwrap();
    let user = json!({"UserPoolId": pool, "Username": name});
    let with = |more: Value| {
        let mut input: Map<String, Value> = user.as_object().unwrap().clone();
        input.extend(more.as_object().unwrap().clone());
        Value::Object(input)
    };
    served.cognito("AdminCreateUser", &user);
    served.cognito("AdminSetUserPassword", &with(json!({"Password": PASSWORD, "Permanent": true})));
    for group in persona.groups.iter().flatten() {
        served.cognito("AdminAddUserToGroup", &with(json!({"GroupName": group})));
    }
    let back = client["document"]["CallbackURLs"][0].as_str().unwrap();
    let scopes = persona.scopes.iter().flatten().map(|scope| format!("&scope={scope}")).collect::<String>();
    let page =
        format!("/{}/oauth2/authorize?response_type=code&client_id={}&redirect_uri={back}{scopes}", pool, id(&client));
    let head = served.head("POST", &page, FORM, &format!("username={name}&password={PASSWORD}"));
    let code = head.split_once("code=").unwrap_or_else(|| panic!("{name}: {head}")).1;
    let code = code.split(['&', '\r', '\n']).next().unwrap();
    let form = format!("grant_type=authorization_code&client_id={}&redirect_uri={back}&code={code}", id(&client));
    token(served, pool, &form)
}
