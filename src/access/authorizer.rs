//! The first step of a call: whether the gateway's authorizer lets the caller in.
//!
//! Source: the developer guide's pages on inbound authorization, as collected in service.md §15 and §0b. All conditions of an
//! authorizer have to hold.

use serde_json::Value;

use super::stand_in::is_stand_in;
use super::token::{Known, Token};

/// How a gateway asks who calls.
#[derive(Debug, Clone, PartialEq)]
pub enum Door {
    /// By a token of an issuer; the API's `customJWTAuthorizer`, references filled in.
    Jwt(Value),
    /// By a signature; IAM and resource policies decide, which are not evaluated here.
    Iam,
    /// By a signature of anybody in AWS (`AUTHENTICATE_ONLY`).
    Signed,
    /// Not at all (`NONE`).
    Open,
    /// It is somebody else's gateway, and nobody knows offline.
    Unknown,
}

/// Whether a caller gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It does. What the authorizer demands and nobody knows of the caller is assumed, and listed.
    Admitted {
        /// What is assumed.
        assumed: Vec<String>,
    },
    /// It does not, for this reason.
    Refused(String),
}

impl Admission {
    fn admitted() -> Self {
        Self::Admitted { assumed: Vec::new() }
    }

    /// The caller gets in.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted { .. })
    }
}

impl Door {
    /// The door of a gateway by its document.
    pub(crate) fn of(document: &Value) -> Self {
        match document.get("authorizerType").and_then(Value::as_str) {
            Some("CUSTOM_JWT") => {
                let jwt = document.pointer("/authorizerConfiguration/customJWTAuthorizer");
                jwt.cloned().map_or(Self::Unknown, Self::Jwt)
            }
            Some("AWS_IAM") => Self::Iam,
            Some("AUTHENTICATE_ONLY") => Self::Signed,
            Some("NONE") => Self::Open,
            _ => Self::Unknown,
        }
    }

    /// Whether the holder of a token gets in.
    pub fn admits_token(&self, token: &Token) -> Admission {
        match self {
            Self::Jwt(authorizer) => admits(authorizer, token),
            Self::Open => Admission::admitted(),
            Self::Iam | Self::Signed => Admission::Refused("the gateway wants a signed request, not a token".into()),
            Self::Unknown => Admission::Refused("the gateway's authorizer is not known".into()),
        }
    }

    /// The values of a claim that let a token in, as far as the claim is asked for.
    pub(super) fn wants(&self, claim: &str) -> Vec<String> {
        let Self::Jwt(authorizer) = self else { return Vec::new() };
        let scopes = authorizer.get("allowedScopes").filter(|_| matches!(claim, "scope" | "scp"));
        let rules = authorizer.get("customClaims").and_then(Value::as_array).into_iter().flatten();
        let rules = rules.filter(|rule| rule.get("inboundTokenClaimName").is_some_and(|name| name == claim));
        let matched = rules.filter_map(|rule| rule.pointer("/authorizingClaimMatchValue/claimMatchValue"));
        let matched = matched.flat_map(|value| [value.get("matchValueString"), value.get("matchValueStringList")]);
        scopes
            .into_iter()
            .chain(matched.flatten())
            .flat_map(|value| values(Some(value)))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// The type of the principals that come in by it, without its namespace; nothing where nobody knows.
    pub(super) fn principal(&self) -> Option<&'static str> {
        match self {
            Self::Jwt(_) => Some("OAuthUser"),
            Self::Iam | Self::Signed => Some("IamEntity"),
            Self::Open => Some("UnauthenticatedUser"),
            Self::Unknown => None,
        }
    }

    /// Whether an IAM role gets in.
    pub fn admits_role(&self) -> Admission {
        match self {
            Self::Iam => {
                let assumed = vec!["IAM and the gateway's resource policy allow it (not evaluated)".to_owned()];
                Admission::Admitted { assumed }
            }
            Self::Signed | Self::Open => Admission::admitted(),
            Self::Jwt(_) => Admission::Refused("the gateway wants a token, not a signed request".into()),
            Self::Unknown => Admission::Refused("the gateway's authorizer is not known".into()),
        }
    }
}

/// How one condition stands.
enum Met {
    Yes,
    /// Nobody knows.
    Assumed,
    No,
}

fn admits(authorizer: &Value, token: &Token) -> Admission {
    let mut assumed = Vec::new();
    for Condition { met, demand, state } in conditions(authorizer, token) {
        match met {
            Met::Yes => {}
            Met::Assumed => assumed.push(demand),
            Met::No => return Admission::Refused(format!("the authorizer demands that {demand}: {state}")),
        }
    }
    Admission::Admitted { assumed }
}

/// What an authorizer demands, and how it stands.
struct Condition {
    met: Met,
    demand: String,
    /// What the claim is instead.
    state: String,
}

/// The form that a claim is read in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    List,
    /// Text or a list of texts.
    Either,
}

/// Claims that hold the client's id where `client_id` does not: Okta's, and those of both versions of Entra.
const CLIENTS: [&str; 3] = ["cid", "appid", "azp"];

/// Why a claim does not do. Its value is not repeated: it is somebody's.
fn state(token: &Token, claim: &str, form: Form) -> String {
    let what = match stated(token, claim) {
        None => {
            let elsewhere = CLIENTS.into_iter().find(|other| claim == "client_id" && stated(token, other).is_some());
            elsewhere.map_or_else(|| "is absent".to_owned(), |other| format!("is absent: the client is in `{other}`"))
        }
        Some(Value::String(_)) if form == Form::List => "is no list".to_owned(),
        Some(value) if form == Form::Text && !value.is_string() => "is no text".to_owned(),
        Some(_) => "is another".to_owned(),
    };
    format!("`{claim}` {what}")
}

/// A claim that the token has; `null` is none.
fn stated<'t>(token: &'t Token, claim: &str) -> Option<&'t Value> {
    token.claims.get(claim).filter(|value| !value.is_null())
}

fn conditions(authorizer: &Value, token: &Token) -> Vec<Condition> {
    let wanted = |member: &str| {
        let list = authorizer.get(member).and_then(Value::as_array)?;
        (!list.is_empty()).then(|| list.iter().filter_map(Value::as_str).collect::<Vec<_>>())
    };
    let mut found = Vec::new();
    let mut demand = |met, demand: &str, claim: &str, form: Form| {
        found.push(Condition { met, demand: demand.to_owned(), state: state(token, claim, form) });
    };
    let text = |claim: &str| token.text(claim).into_iter().collect::<Vec<_>>();
    let url = authorizer.get("discoveryUrl").and_then(Value::as_str).unwrap_or_default();
    let issuer = url.split_once("/.well-known/").map_or(url, |(issuer, _)| issuer);
    // A persona that names no issuer has its token from the gateway's own.
    if token.known != Known::InPart || token.claims.contains_key("iss") {
        demand(one_of(token, "iss", &text("iss"), &[issuer]), "the token is from its issuer", "iss", Form::Text);
    }
    // The principal is made of it.
    if token.known == Known::Real && token.text("sub").is_none() {
        demand(Met::No, "the token names its subject", "sub", Form::Text);
    }
    if let Some(clients) = wanted("allowedClients") {
        let met = one_of(token, "client_id", &text("client_id"), &clients);
        demand(met, "`client_id` is one of the allowed clients", "client_id", Form::Text);
    }
    if let Some(audiences) = wanted("allowedAudience") {
        let met = one_of(token, "aud", &values(token.claims.get("aud")), &audiences);
        demand(met, "`aud` is an allowed audience", "aud", Form::Either);
    }
    if let Some(scopes) = wanted("allowedScopes") {
        let (claim, form) = if stated(token, "scp").is_some() { ("scp", Form::List) } else { ("scope", Form::Either) };
        demand(one_of(token, claim, &scopes_of(token), &scopes), "the token has an allowed scope", claim, form);
    }
    for rule in authorizer.get("customClaims").and_then(Value::as_array).into_iter().flatten() {
        let name = rule.get("inboundTokenClaimName").and_then(Value::as_str).unwrap_or_default();
        let is_list = rule.get("inboundTokenClaimValueType").is_some_and(|kind| kind == "STRING_ARRAY");
        let form = if is_list { Form::List } else { Form::Text };
        demand(rule_holds(rule, name, token), &format!("`{name}` is as `custom_claims` says"), name, form);
    }
    found
}

/// Whether one of the values that a token has is one of the wanted ones.
fn one_of(token: &Token, claim: &str, says: &[&str], wanted: &[&str]) -> Met {
    let equal = says.iter().any(|value| wanted.contains(value));
    let stated = stated(token, claim).is_some();
    match token.known {
        _ if equal => Met::Yes,
        // A claim that is `null` is said to be absent; of one that is not named nothing is said.
        Known::InPart if !token.claims.contains_key(claim) => Met::Assumed,
        // A real value may be the one that the manifest does not know.
        Known::Real if stated && wanted.iter().any(|value| is_stand_in(value)) => Met::Assumed,
        _ => Met::No,
    }
}

/// A claim that is one value or a list of them.
fn values(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The scopes that `allowedScopes` is compared with: `scope` as text or list, and `scp` where it is a list.
fn scopes_of(token: &Token) -> Vec<&str> {
    let scope = values(token.claims.get("scope")).into_iter().flat_map(|text| text.split(' '));
    scope.chain(values(token.claims.get("scp").filter(|scp| scp.is_array()))).collect()
}

/// Whether a claim is as a rule demands. The three combinations that the service documents can hold, no other.
fn rule_holds(rule: &Value, name: &str, token: &Token) -> Met {
    let Some(claim) = stated(token, name) else {
        let unsaid = token.known == Known::InPart && !token.claims.contains_key(name);
        return if unsaid { Met::Assumed } else { Met::No };
    };
    let text = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str);
    let one = text("/authorizingClaimMatchValue/claimMatchValue/matchValueString");
    let many = rule.pointer("/authorizingClaimMatchValue/claimMatchValue/matchValueStringList");
    let many: Vec<&str> = many.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let wanted: Vec<&str> = one.into_iter().collect();
    let kind = (text("/inboundTokenClaimValueType"), text("/authorizingClaimMatchValue/claimMatchOperator"));
    match (kind, claim) {
        ((Some("STRING"), Some("EQUALS")), Value::String(claim)) => one_of(token, name, &[claim], &wanted),
        ((Some("STRING_ARRAY"), Some("CONTAINS")), Value::Array(_)) => {
            one_of(token, name, &values(Some(claim)), &wanted)
        }
        ((Some("STRING_ARRAY"), Some("CONTAINS_ANY")), Value::Array(_)) => {
            one_of(token, name, &values(Some(claim)), &many)
        }
        _ => Met::No,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Whether a token gets in, and what is assumed for it.
    fn answer(authorizer: &Value, claims: &Value, known: Known) -> Result<usize, String> {
        let mut document = json!({"discoveryUrl": "https://issuer/.well-known/openid-configuration"});
        document.as_object_mut().unwrap().extend(authorizer.as_object().unwrap().clone());
        let token = Token { claims: claims.as_object().unwrap().clone(), known };
        match Door::Jwt(document).admits_token(&token) {
            Admission::Admitted { assumed } => Ok(assumed.len()),
            Admission::Refused(reason) => Err(reason),
        }
    }

    fn rule(claim: &str, kind: &str, operator: &str, value: &Value) -> Value {
        let member = if value.is_array() { "matchValueStringList" } else { "matchValueString" };
        json!({"customClaims": [{
            "inboundTokenClaimName": claim,
            "inboundTokenClaimValueType": kind,
            "authorizingClaimMatchValue": {"claimMatchOperator": operator, "claimMatchValue": {member: value}},
        }]})
    }

    #[test]
    fn every_condition_has_to_hold() {
        let whole = |authorizer: Value, claims: Value| answer(&authorizer, &claims, Known::Whole);
        let iss = "https://issuer";
        let clients = json!({"allowedClients": ["a", "b"]});
        assert_eq!(whole(clients.clone(), json!({"iss": iss, "client_id": "b"})), Ok(0));
        assert!(whole(clients.clone(), json!({"iss": iss, "client_id": "c"})).is_err());
        assert!(whole(clients.clone(), json!({"iss": iss})).is_err());
        assert!(whole(clients.clone(), json!({"iss": "https://issuer2", "client_id": "b"})).is_err());
        let audience = json!({"allowedAudience": ["api"]});
        for (audiences, gets_in) in [(json!("api"), true), (json!(["x", "api"]), true), (json!("api2"), false)] {
            assert_eq!(whole(audience.clone(), json!({"iss": iss, "aud": audiences})).is_ok(), gets_in);
        }
        let scopes = json!({"allowedScopes": ["api/read"]});
        assert_eq!(whole(scopes.clone(), json!({"iss": iss, "scope": "x api/read"})), Ok(0));
        assert_eq!(whole(scopes.clone(), json!({"iss": iss, "scp": ["api/read"]})), Ok(0));
        assert!(whole(scopes.clone(), json!({"iss": iss, "scope": "api/reader"})).is_err());
        assert!(whole(scopes, json!({"iss": iss, "scp": "api/read"})).is_err(), "text in `scp` is not read");
        let text = rule("team", "STRING", "EQUALS", &json!("red"));
        assert_eq!(whole(text.clone(), json!({"iss": iss, "team": "red"})), Ok(0));
        assert!(whole(text.clone(), json!({"iss": iss, "team": ["red"]})).is_err());
        let list = rule("cognito:groups", "STRING_ARRAY", "CONTAINS_ANY", &json!(["red", "blue"]));
        assert_eq!(whole(list.clone(), json!({"iss": iss, "cognito:groups": ["x", "blue"]})), Ok(0));
        assert!(whole(list, json!({"iss": iss, "cognito:groups": "blue"})).is_err());
    }

    #[test]
    fn what_nobody_knows_is_assumed_and_what_contradicts_is_not() {
        let both = json!({"allowedClients": ["${user_pool_client.app.id}"], "allowedAudience": ["api"]});
        let answer = |claims: Value, known| answer(&both, &claims, known);
        assert_eq!(answer(json!({}), Known::InPart), Ok(2));
        assert!(answer(json!({"client_id": "x"}), Known::InPart).is_err());
        assert!(answer(json!({"iss": "https://other"}), Known::InPart).is_err());
        let real = json!({"iss": "https://issuer", "sub": "u", "client_id": "4ksd", "aud": "api"});
        assert_eq!(answer(real.clone(), Known::Real), Ok(1), "the id may be that of the client");
        assert!(answer(real, Known::Whole).is_err());
        assert!(
            answer(json!({"iss": "https://issuer", "sub": "u", "client_id": "4ksd", "aud": "x"}), Known::Real).is_err()
        );
    }

    #[test]
    fn doors_want_what_they_want() {
        let token = Token { claims: serde_json::Map::new(), known: Known::InPart };
        assert!(!Door::Iam.admits_token(&token).is_admitted() && Door::Iam.admits_role().is_admitted());
        assert!(!Door::Jwt(json!({})).admits_role().is_admitted());
        assert!(Door::Open.admits_token(&token).is_admitted() && Door::Open.admits_role().is_admitted());
        assert!(!Door::Unknown.admits_token(&token).is_admitted() && !Door::Unknown.admits_role().is_admitted());
    }
}
