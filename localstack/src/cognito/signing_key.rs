//! The key with which a user pool signs its tokens: RSA with 2048 bits, made when it is first needed and kept with the pool.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;
use crate::session::Session;
use crate::state::{Kind, Object};

/// Where the private key is kept, among the pool's secrets: PKCS #8 as PEM.
const KEY: &str = "SigningKey";

const ALGORITHM: Algorithm = Algorithm::RS256;

/// The public keys against which the tokens of a pool are verified. There is none before something was signed or [`make`] was called.
pub(crate) fn public_keys(pool: &Object) -> JwkSet {
    let public = private_key(pool).and_then(|key| public_key(&key));
    JwkSet { keys: public.into_iter().collect() }
}

/// Makes the key of a pool that has none yet.
pub(crate) fn make(session: &mut Session<'_>, pool: &str) -> Result<(), Failure> {
    let Some(object) = session.state.find(Kind::UserPool, None, pool) else { return Err(broken()) };
    if object.secrets.contains_key(KEY) {
        return Ok(());
    }
    let key = generate().ok_or_else(broken)?;
    if let Some(object) = session.state.find_mut(Kind::UserPool, None, pool) {
        object.secrets.insert(KEY.into(), json!(key));
    }
    Ok(())
}

/// Signs claims as a JWT of a pool that exists.
pub(crate) fn sign(session: &mut Session<'_>, pool: &str, claims: &Value) -> Result<String, Failure> {
    make(session, pool)?;
    let key = session.state.find(Kind::UserPool, None, pool).and_then(private_key).ok_or_else(broken)?;
    // Cognito's header names the key and the algorithm, and no type.
    let mut header = Header::new(ALGORITHM);
    header.typ = None;
    header.kid = public_key(&key).and_then(|key| key.common.key_id);
    jsonwebtoken::encode(&header, claims, &key).map_err(|_| broken())
}

/// The claims of a token that the pool signed, whatever they are.
pub(crate) fn verify(pool: &Object, token: &str) -> Option<Document> {
    let key = public_keys(pool).keys.first().and_then(|key| DecodingKey::from_jwk(key).ok())?;
    let mut validation = Validation::new(ALGORITHM);
    validation.required_spec_claims.clear();
    // Expiry is a matter of the stand-in's own clock.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    Some(jsonwebtoken::decode(token, &key, &validation).ok()?.claims)
}

fn generate() -> Option<String> {
    let key = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der: Pkcs8V1Der<'_> = key.as_der().ok()?;
    Some(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref())))
}

fn private_key(pool: &Object) -> Option<EncodingKey> {
    EncodingKey::from_rsa_pem(text(&pool.secrets, KEY).as_bytes()).ok()
}

/// The public half, named by its thumbprint (RFC 7638).
fn public_key(key: &EncodingKey) -> Option<Jwk> {
    let mut public = Jwk::from_encoding_key(key, ALGORITHM).ok()?;
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    public.common.key_id = public.thumbprint(ThumbprintHash::SHA256).ok();
    Some(public)
}

/// Making a key or signing fails only if the state was damaged by hand or the machine has no randomness.
fn broken() -> Failure {
    Failure::with_status(500, "InternalErrorException", "The key of the user pool cannot be used")
}
