//! Callers: the personas of a manifest, its client-credentials clients, a token from a file, and whoever a door lets in.

use serde_json::{Map, Value, json};

use super::stand_in::StandIns;
use super::token::{ClaimNames, Claims, Known, Token, write_list};
use crate::address::Address;
use crate::check::{adds_claims, of_kind};
use crate::kind::USER_POOL_CLIENT;
use crate::manifest::is_a_persona;
use crate::persona::{Client, Described, Who};
use crate::stack::{Authorizer, Claim, Resource, Stack};

/// Somebody who may call.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What people call it.
    pub name: String,
    /// What it is, with what decisions need.
    pub identity: Identity,
}

/// What a caller is.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A client that gets tokens for itself.
    Client(Address, Token),
    /// A persona with a token.
    Persona(Described),
    /// A real token, from a file.
    Token(Token),
    /// An IAM role: the ARN of its sessions, without their names.
    Role(String),
    /// Holders of tokens of whom these claims are known; what policies ask for beside them is open.
    Users(Token),
    /// Whoever signs a request.
    AnyRole,
    /// Nobody asks who it is.
    Nobody,
}

impl Identity {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Client(..) => "client",
            Self::Persona(_) => "persona",
            Self::Token(_) => "token",
            Self::Role(_) => "role",
            Self::Users(_) => "users",
            Self::AnyRole => "any-role",
            Self::Nobody => "anybody",
        }
    }

    /// The ARN of a role's sessions, if it is one.
    pub(super) fn role(&self) -> Option<&str> {
        match self {
            Self::Role(arn) => Some(arn),
            _ => None,
        }
    }
}

/// Everybody whom the manifest describes: its clients in its order, then its personas.
pub(crate) fn callers(stack: &Stack) -> Vec<Caller> {
    let stand_ins = StandIns::of(stack);
    let clients = of_kind(stack, &USER_POOL_CLIENT).filter(|client| is_a_persona(client)).map(|client| Caller {
        name: client.address.name.clone(),
        identity: Identity::Client(client.address.clone(), token_of_client(client, stack, stand_ins)),
    });
    let personas = stack.personas.iter().map(|persona| Caller {
        name: persona.name.clone(),
        identity: match &persona.who {
            Who::Token(token) => Identity::Persona(token.clone()),
            Who::Role(role) => Identity::Role(session(&stand_ins.text(role), stack)),
        },
    });
    clients.chain(personas).collect()
}

/// The token of a client. What a resource binding or a function of its pool puts into it beside its own claims nobody knows here.
fn token_of_client(client: &Resource, stack: &Stack, stand_ins: StandIns<'_>) -> Token {
    let token = Token::of_client(client, stand_ins);
    let bound = |definition: &Authorizer| definition.resource_binding && definition.user_pool == client.parent;
    let pool = client.parent.as_ref().and_then(|pool| stack.resource(pool));
    let has_more = stack.authorizers.iter().any(bound) || pool.is_some_and(adds_claims);
    if has_more { Token { known: Known::InPart, ..token } } else { token }
}

/// The ARN that the gateway presents for a role: that of its sessions, without their names and without the role's path.
fn session(role: &str, stack: &Stack) -> String {
    let account = stack.account.as_deref().unwrap_or("${aws.account}");
    let Some((start, name)) = role.split_once(":role/") else {
        let Some((start, session)) = role.split_once(":assumed-role/") else {
            return format!("arn:aws:sts::{account}:assumed-role/{role}");
        };
        let name = session.split('/').next().unwrap_or(session);
        return format!("{start}:assumed-role/{name}");
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    format!("{}:assumed-role/{name}", start.replacen(":iam:", ":sts:", 1))
}

/// The names of a gateway's or a definition's claims. Those of a pool are Cognito's unless the definition says otherwise.
pub(crate) fn claim_names(definition: Option<&Authorizer>, issuer: &str) -> ClaimNames {
    let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let is_cognito = ["cognito-idp.", "issuer-cognito-idp."].iter().any(|prefix| host.starts_with(prefix));
    let defaults = if is_cognito { ClaimNames::of_cognito() } else { ClaimNames::default() };
    let Some(definition) = definition else { return defaults };
    ClaimNames {
        scope: definition.scope_claim.clone().or(defaults.scope),
        group: definition.group_claim.clone().or(defaults.group),
        client: definition.client_claim.clone().or(defaults.client),
    }
}

/// The issuer that a document of an authorizer names, references filled in.
pub(crate) fn issuer_of(document: &Value, stand_ins: StandIns<'_>) -> String {
    let url = document.get("discoveryUrl").and_then(Value::as_str).unwrap_or_default();
    let url = stand_ins.text(url);
    url.split_once("/.well-known/").map_or(url.as_str(), |(issuer, _)| issuer).to_owned()
}

/// The token of a persona where a gateway's claims have these names. Fails where nobody knows the name of a claim that the persona
/// states.
pub(crate) fn token_of(persona: &Described, names: &ClaimNames, stack: &Stack) -> Result<Token, String> {
    let stand_ins = StandIns::of(stack);
    let definition =
        persona.jwt_authorizer.as_ref().and_then(|name| stack.authorizers.iter().find(|one| one.name == *name));
    let issuer = definition.map(|definition| issuer_of(&definition.document, stand_ins));
    let names = match (&definition, &issuer) {
        (Some(definition), Some(issuer)) => &claim_names(Some(definition), issuer),
        _ => names,
    };
    let mut claims = Claims::new();
    for (name, value) in &persona.claims {
        claims.insert(name.clone(), stand_ins.document(value));
    }
    if let Some(issuer) = issuer {
        claims.entry("iss").or_insert_with(|| json!(issuer));
    }
    let mut state = |claim: Option<&Claim>, key: &str, value: &dyn Fn(&Claim) -> Value| {
        let claim = claim
            .ok_or_else(|| format!("nobody says which claim holds {key}: its authorizer has no `{}`", key_of(key)))?;
        claims.insert(claim.name.clone(), value(claim));
        Ok::<(), String>(())
    };
    let filled = |values: &[String]| values.iter().map(|value| stand_ins.text(value)).collect::<Vec<_>>();
    if let Some(scopes) = &persona.scopes {
        state(names.scope.as_ref(), "scopes", &|claim| write_list(claim, &filled(scopes)))?;
    }
    if let Some(groups) = &persona.groups {
        state(names.group.as_ref(), "groups", &|claim| write_list(claim, &filled(groups)))?;
    }
    if let Some(client) = &persona.client {
        let id = match client {
            Client::Named(address) => stand_ins.output(address, "id"),
            Client::Id(id) => stand_ins.text(id),
        };
        state(names.client.as_ref(), "the client's id", &|_| json!(id))?;
    }
    Ok(Token { claims, known: Known::InPart })
}

fn key_of(what: &str) -> &'static str {
    match what {
        "scopes" => "scope_claim",
        "groups" => "group_claim",
        _ => "client_claim",
    }
}

/// A decoded token: the claims, or an object with them as `payload` as many tools print it.
pub(crate) fn token_from(text: &str) -> Result<Token, String> {
    let parsed: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let claims = parsed.get("payload").filter(|payload| payload.is_object()).unwrap_or(&parsed);
    let claims: &Map<String, Value> = claims.as_object().ok_or("it is no JSON object of claims")?;
    Ok(Token { claims: claims.clone(), known: Known::Real })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_the_form_that_the_gateway_presents() {
        let stack = Stack { account: Some("111122223333".into()), ..Stack::default() };
        let presented = "arn:aws:sts::111122223333:assumed-role/robot";
        for role in [
            "robot",
            "arn:aws:iam::111122223333:role/robot",
            "arn:aws:iam::111122223333:role/teams/ops/robot",
            presented,
            "arn:aws:sts::111122223333:assumed-role/robot/session-1",
        ] {
            assert_eq!(session(role, &stack), presented, "{role}");
        }
        let china = "arn:aws-cn:iam::111122223333:role/robot";
        assert_eq!(session(china, &stack), "arn:aws-cn:sts::111122223333:assumed-role/robot");
    }
}
