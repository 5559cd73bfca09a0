//! An issuer of tokens on loopback, as Okta and Entra are on the network: a page of discovery, a key, and tokens of any claims.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

/// The issuer; it is there as long as the process.
pub(crate) struct Issuer {
    /// Where it is, without a path: any path below it names an issuer of its own, with the same key.
    pub(crate) base: String,
    key: EncodingKey,
}

impl Issuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let pair = aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            .unwrap();
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let keys = JwkSet { keys: vec![Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap()] };
        let (keys, own) = (json!(keys), base.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                drop(answer(stream, &own, &keys));
            }
        });
        Self { base, key }
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Map<String, Value>) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), claims, &self.key).unwrap()
    }
}

fn answer(mut stream: TcpStream, base: &str, keys: &Value) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let body = match path.strip_suffix("/.well-known/openid-configuration") {
        Some(issuer) => json!({"issuer": format!("{base}{issuer}"), "jwks_uri": format!("{base}/keys")}).to_string(),
        None => keys.to_string(),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
