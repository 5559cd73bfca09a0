//! Tokens of clients, from their pool's token endpoint. Neither a secret nor a token is printed, kept or part of an error.

use std::fmt;

use serde_json::Value;

use crate::aws::Aws;
use crate::aws::http::Http;
use crate::kind::{Ids, USER_POOL_CLIENT};

/// A bearer token.
pub(super) struct Bearer(String);

impl Bearer {
    /// The text itself, for a header.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer")
    }
}

/// A client that gets tokens for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    /// The id of its pool.
    pub(super) pool: String,
    /// Its id.
    pub(super) id: String,
    /// The URL of the token endpoint.
    pub(super) endpoint: String,
}

/// A token with every scope that the client may have. Fails, in words, where there is none.
pub(super) async fn get(aws: &Aws, http: &Http, client: &Client) -> Result<Bearer, String> {
    let ids = Ids { parent: client.pool.clone(), id: client.id.clone() };
    let request = USER_POOL_CLIENT.request(&ids, Value::Null);
    let answer = (USER_POOL_CLIENT.read.1)(aws, &ids, &request).await.map_err(|error| error.to_string())?;
    let live = USER_POOL_CLIENT.unwrapped(answer);
    let secret = live.get("ClientSecret").and_then(Value::as_str).ok_or("the client has no secret that can be read")?;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        form_encoded(&client.id),
        form_encoded(secret)
    );
    let headers =
        [("content-type", "application/x-www-form-urlencoded".to_owned()), ("accept", "application/json".to_owned())];
    let response = http
        .post(&client.endpoint, &headers, form)
        .await
        .map_err(|problem| format!("no token from {}: {problem}", client.endpoint))?;
    let status = response.status;
    let answer: Value = serde_json::from_str(&response.text().await?).unwrap_or_default();
    let token = answer.get("access_token").and_then(Value::as_str);
    if let Some(token) = token.filter(|token| status == 200 && token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Ok(Bearer(token.to_owned()));
    }
    let code = answer.get("error").and_then(Value::as_str).filter(|code| is_code(code));
    let code = code.map(|code| format!(", {code}")).unwrap_or_default();
    Err(format!("{} gives no token: status {status}{code}", client.endpoint))
}

/// The codes of OAuth are words; anything else could repeat what was sent.
fn is_code(text: &str) -> bool {
    text.len() < 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn form_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_any_secret_and_no_error_does() {
        assert_eq!(form_encoded("a+b/c=d&é"), "a%2Bb%2Fc%3Dd%26%C3%A9");
        assert!(is_code("invalid_client") && !is_code("secret1") && !is_code("a b"));
        assert_eq!(format!("{:?}", Bearer("hidden".into())), "Bearer");
    }
}
