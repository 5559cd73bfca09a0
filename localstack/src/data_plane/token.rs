//! One JWT, held against the keys of its issuer and against what an authorizer demands.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};

use super::authorizer::Refusal;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// The end of the year 9999 in seconds: no clock that anybody sets gets there.
const LATEST: f64 = 253_402_300_799.0;

/// Checks a token in the service's order as far as it is known: who signed it, when it holds, who issued it, and what the authorizer
/// demands, all of it. `now` is in milliseconds.
pub(super) fn check(
    token: &str,
    keys: &JwkSet,
    issuers: &[String],
    authorizer: &Value,
    now: u64,
) -> Result<Claims, Refusal> {
    let claims = signed(token, keys).ok_or_else(|| Refusal::token("the signature cannot be verified"))?;
    let seconds = now / 1000;
    let moment = |claim: &str| claims.get(claim).map(|value| value.as_f64().unwrap_or(f64::NAN));
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era are far below 2^52")]
    let now = seconds as f64;
    // A moment that is no number compares as neither, and is refused both times.
    if moment("exp").is_some_and(|expiry| expiry > LATEST) {
        return Err(Refusal::token("the token expires at no sane time"));
    }
    if !moment("exp").is_some_and(|expiry| now < expiry) {
        return Err(Refusal::token("the token is expired"));
    }
    if !moment("nbf").is_none_or(|begin| begin <= now) {
        return Err(Refusal::token("the token is not valid yet"));
    }
    let says = |claim: &str| claims.get(claim).and_then(Value::as_str);
    if !says("iss").is_some_and(|issuer| issuers.iter().any(|known| known == issuer)) {
        return Err(Refusal::token("the issuer is not the authorizer's"));
    }
    if says("sub").is_none() {
        return Err(Refusal::token("the token names no subject"));
    }
    let wanted = |member: &str| authorizer.get(member).and_then(Value::as_array);
    if let Some(audiences) = wanted("allowedAudience")
        && !values(claims.get("aud")).iter().any(|audience| audiences.iter().any(|known| known == audience))
    {
        return Err(Refusal::token("the audience is not allowed"));
    }
    if let Some(clients) = wanted("allowedClients")
        && !says("client_id").is_some_and(|client| clients.iter().any(|known| known == client))
    {
        return Err(Refusal::token("the client is not allowed"));
    }
    let rules = wanted("customClaims").into_iter().flatten();
    if let Some(rule) = rules.into_iter().find(|rule| !holds(rule, &claims)) {
        let name = rule.get("inboundTokenClaimName").and_then(Value::as_str).unwrap_or_default();
        return Err(Refusal::token(&format!("the claim {name} is not as demanded")));
    }
    if let Some(scopes) = wanted("allowedScopes")
        && !scopes_of(&claims).iter().any(|scope| scopes.iter().any(|known| known == scope))
    {
        return Err(Refusal::scope());
    }
    Ok(claims)
}

/// The claims of a token that one of the keys signed.
///
/// The key says which algorithms there are, never the token: one without a signature, or with a signature by a public key taken for
/// a shared secret, is signed by nobody.
fn signed(token: &str, keys: &JwkSet) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    // What a token says is critical has to be understood, and nothing is.
    if header.crit.is_some() {
        return None;
    }
    let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    keys.keys.iter().filter(named).find_map(|key| {
        let mut validation = Validation::new(header.alg);
        validation.algorithms = algorithms(key);
        // When it holds and for whom is checked on the stand-in's clock, against the authorizer.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let key = DecodingKey::from_jwk(key).ok()?;
        jsonwebtoken::decode::<Claims>(token, &key, &validation).ok().map(|token| token.claims)
    })
}

/// The algorithms that a public key can be used with.
fn algorithms(key: &Jwk) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, PS256, PS384, PS512, RS256, RS384, RS512};
    let mut algorithms = match &key.algorithm {
        AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => vec![ES256],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => vec![ES384],
        _ => Vec::new(),
    };
    // A key may say more narrowly what it is for.
    if let Some(only) = key.common.key_algorithm.map(|only| json!(only)) {
        algorithms.retain(|algorithm| json!(algorithm) == only);
    }
    algorithms
}

/// A claim that is one value or a list of them.
fn values(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The scopes of a token: `scope` as text or list, and `scp` where it is a list.
fn scopes_of(claims: &Claims) -> Vec<&str> {
    let scope = values(claims.get("scope")).into_iter().flat_map(|text| text.split(' '));
    scope.chain(values(claims.get("scp").filter(|scp| scp.is_array()))).collect()
}

/// Whether a claim is as a rule demands. What the rule means is defined for these combinations, any other never holds.
fn holds(rule: &Value, claims: &Claims) -> bool {
    let text = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str);
    let claim = text("/inboundTokenClaimName").and_then(|name| claims.get(name));
    let one = text("/authorizingClaimMatchValue/claimMatchValue/matchValueString");
    let many =
        rule.pointer("/authorizingClaimMatchValue/claimMatchValue/matchValueStringList").and_then(Value::as_array);
    let kind = text("/inboundTokenClaimValueType");
    match (kind, text("/authorizingClaimMatchValue/claimMatchOperator"), claim) {
        (Some("STRING"), Some("EQUALS"), Some(Value::String(claim))) => one == Some(claim.as_str()),
        (Some("STRING_ARRAY"), Some("CONTAINS"), Some(Value::Array(list))) => {
            one.is_some_and(|one| list.iter().any(|item| item == one))
        }
        (Some("STRING_ARRAY"), Some("CONTAINS_ANY"), Some(Value::Array(list))) => {
            many.is_some_and(|many| many.iter().any(|one| one.is_string() && list.contains(one)))
        }
        _ => false,
    }
}
