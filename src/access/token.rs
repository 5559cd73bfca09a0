//! Tokens: their claims, and what Cedar sees of them.

use serde_json::{Map, Value, json};

use super::stand_in::StandIns;
use crate::kind::USER_POOL_CLIENT;
use crate::stack::{Claim, Resource};

/// The claims of a token by name.
pub type Claims = Map<String, Value>;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// What it says.
    pub claims: Claims,
    /// How far it is known.
    pub known: Known,
}

/// How far the claims of a token are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has these claims and no others.
    Whole,
    /// A real token: whole, and with values of an account that a manifest does not know.
    Real,
    /// What a persona does not state is absent for Cedar, and is as the authorizer wants it.
    InPart,
}

/// When the tokens of clients were issued and end. Decisions do not depend on it: a token is taken as valid.
const ISSUED: u64 = 1_767_225_600;

impl Token {
    /// The access token that a client gets for itself from Cognito, with every scope it may ask for.
    pub(crate) fn of_client(client: &Resource, stand_ins: StandIns<'_>) -> Self {
        let id = stand_ins.output(&client.address, "id");
        let scopes = client.document.get("AllowedOAuthScopes").and_then(Value::as_array);
        let scopes: Vec<String> =
            scopes.into_iter().flatten().filter_map(Value::as_str).map(|scope| stand_ins.text(scope)).collect();
        let mut claims = Claims::new();
        claims.insert("sub".into(), json!(id));
        claims.insert("token_use".into(), json!("access"));
        if !scopes.is_empty() {
            claims.insert("scope".into(), json!(scopes.join(" ")));
        }
        claims.insert("auth_time".into(), json!(ISSUED));
        if let Some(pool) = &client.parent {
            claims.insert("iss".into(), json!(stand_ins.output(pool, "issuer")));
        }
        claims.insert("exp".into(), json!(ISSUED + 3600));
        claims.insert("iat".into(), json!(ISSUED));
        claims.insert("version".into(), json!(2));
        claims.insert("jti".into(), json!(format!("${{{}.{}.jti}}", USER_POOL_CLIENT.name, client.address.name)));
        claims.insert("client_id".into(), json!(id));
        Self { claims, known: Known::Whole }
    }

    /// A claim that is text.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// The claims as the tags of a principal, by the developer guide: text as it is, a number or truth as its text, a list or an
    /// object as its JSON text, and none for `null`.
    pub fn tags(&self) -> impl Iterator<Item = (&str, String)> {
        self.claims.iter().filter_map(|(name, claim)| {
            let text = match claim {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name.as_str(), text))
        })
    }
}

/// The names of the claims that hold what personas and expectations speak of; none where nobody knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimNames {
    /// Where the scopes are.
    pub scope: Option<Claim>,
    /// Where the groups are.
    pub group: Option<Claim>,
    /// Where the client's id is.
    pub client: Option<Claim>,
}

impl ClaimNames {
    /// Those of Cognito.
    pub fn of_cognito() -> Self {
        let claim = |name: &str, list| Some(Claim { name: name.to_owned(), list });
        Self { scope: claim("scope", false), group: claim("cognito:groups", true), client: claim("client_id", false) }
    }
}

/// The values of a claim that is a list of them: a JSON list, or a text with blanks between them.
pub fn write_list(claim: &Claim, values: &[String]) -> Value {
    if claim.list { json!(values) } else { json!(values.join(" ")) }
}

/// The values that a claim holds, as [`write_list`] writes them. The JSON text of a list is the list: for Cedar they are the same.
pub fn read_list(claim: &Claim, token: &Token) -> Vec<String> {
    let texts = |items: &[Value]| items.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    match token.claims.get(&claim.name) {
        Some(Value::Array(items)) => texts(items),
        Some(Value::String(text)) if claim.list => match serde_json::from_str(text) {
            Ok(Value::Array(items)) => texts(&items),
            _ => vec![text.clone()],
        },
        Some(Value::String(text)) => text.split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect(),
        _ => Vec::new(),
    }
}
