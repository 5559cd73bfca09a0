//! The keys and the issuer behind a discovery URL: a user pool of this stand-in, or whatever is on loopback.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;

use super::loopback;
use crate::cognito::signing_key;
use crate::engine::Engine;
use crate::gate;
use crate::state::{Kind, State};

/// Who signs tokens.
#[derive(Debug, Clone)]
pub(super) struct Issuer {
    pub(super) keys: JwkSet,
    /// What `iss` may be.
    pub(super) names: Vec<String>,
}

/// Issuers elsewhere on this machine by discovery URL, each with the moment at which it was asked.
#[derive(Default)]
pub(super) struct Issuers(Mutex<BTreeMap<String, (u64, Issuer)>>);

/// How long what an issuer said is believed, in milliseconds.
const BELIEVED: u64 = 10_000;

const PATIENCE: Duration = Duration::from_secs(5);

/// The pool that a discovery URL names: under AWS's name of Cognito, or where this stand-in is served.
pub(super) fn pool_of(base: Option<&str>, region: &str, url: &str) -> Option<String> {
    let (issuer, _) = url.split_once("/.well-known/")?;
    let uri: Uri = issuer.parse().ok()?;
    let host = uri.host()?;
    let service = host.strip_suffix(&gate::suffix(region));
    let aws = uri.scheme_str() == Some("https")
        && uri.authority().is_some_and(|authority| authority.as_str() == host)
        && matches!(service, Some("cognito-idp" | "issuer-cognito-idp"))
        && uri.path().strip_prefix('/').is_some_and(|pool| pool.starts_with(&format!("{region}_")));
    let own = loopback::is_local(host)
        && base.and_then(|base| base.parse::<Uri>().ok()).is_some_and(|base| base.port_u16() == uri.port_u16());
    let pool = uri.path().trim_matches('/');
    ((aws || own) && !pool.contains('/') && !pool.is_empty()).then(|| pool.to_owned())
}

/// A pool of this stand-in as an issuer.
pub(super) fn of_pool(state: &State, base: Option<&str>, region: &str, pool: &str) -> Option<Issuer> {
    let pool = state.find(Kind::UserPool, None, pool)?;
    let aws =
        ["cognito-idp", "issuer-cognito-idp"].map(|name| format!("https://{name}.{region}.amazonaws.com/{}", pool.id));
    let own = base.map(|base| format!("{base}/{}", pool.id));
    Some(Issuer { keys: signing_key::public_keys(pool), names: aws.into_iter().chain(own).collect() })
}

/// Asks the issuer behind a discovery URL, unless it was asked a moment ago.
///
/// Fails, in words, if the URL or that of the keys is not on loopback, or what is there is no discovery document or no keys.
pub(super) async fn discover(engine: &Engine, url: &str) -> Result<Issuer, String> {
    let known = &engine.data_plane.issuers.0;
    let now = engine.now();
    if let Some((at, issuer)) = known.lock().unwrap_or_else(PoisonError::into_inner).get(url)
        && now.saturating_sub(*at) < BELIEVED
    {
        return Ok(issuer.clone());
    }
    let document = fetch(url).await?;
    let text = |member: &str| document.get(member).and_then(Value::as_str);
    let (Some(name), Some(keys)) = (text("issuer"), text("jwks_uri")) else {
        return Err(format!("{url} names no `issuer` or no `jwks_uri`"));
    };
    if url.split_once("/.well-known/").is_none_or(|(issuer, _)| issuer != name.trim_end_matches('/')) {
        return Err(format!("{url} names another issuer: {name}"));
    }
    let listed = fetch(keys).await?;
    let listed = listed.get("keys").and_then(Value::as_array).ok_or_else(|| format!("{keys} has no list of keys"))?;
    // Keys that nobody here understands say nothing against the others.
    let set = JwkSet { keys: listed.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect() };
    let issuer = Issuer { keys: set, names: vec![name.to_owned()] };
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|_, (at, _)| now.saturating_sub(*at) < BELIEVED);
    known.insert(url.to_owned(), (now, issuer.clone()));
    Ok(issuer)
}

async fn fetch(url: &str) -> Result<Value, String> {
    let request = Request::get(url).body(Bytes::new()).map_err(|error| format!("{url}: {error}"))?;
    let response = loopback::send(request, PATIENCE).await?;
    if !response.status().is_success() {
        return Err(format!("{url} answered {}", response.status()));
    }
    serde_json::from_slice(response.body()).map_err(|error| format!("{url} has no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::pool_of;

    #[test]
    fn a_pool_is_named_by_exactly_its_own_host() {
        let pool = |url: &str| pool_of(Some("http://127.0.0.1:5005"), "us-east-1", url);
        let discovery = |issuer: &str| format!("{issuer}/.well-known/openid-configuration");
        for good in ["https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a", "http://localhost:5005/us-east-1_a"] {
            assert_eq!(pool(&discovery(good)).as_deref(), Some("us-east-1_a"), "{good}");
        }
        for other in [
            "https://cognito-idp.evil.example.amazonaws.com/us-east-1_a",
            "https://cognito-idp.us-east-1.amazonaws.com.evil.example/us-east-1_a",
            "https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_a",
            "https://cognito-idp.us-east-1.amazonaws.com/eu-west-1_a",
            "https://x@cognito-idp.us-east-1.amazonaws.com/us-east-1_a",
            "http://cognito-idp.us-east-1.amazonaws.com/us-east-1_a",
            "http://localhost:5006/us-east-1_a",
        ] {
            assert_eq!(pool(&discovery(other)), None, "{other}");
        }
    }
}
