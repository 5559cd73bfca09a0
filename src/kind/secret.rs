//! Secrets inside documents: where they are, and which stored secret a text means.

use serde_json::{Map, Value};

use super::{Kind, Rule};

impl Kind {
    /// The value at this path is a secret, or part of one.
    pub fn is_secret(&self, path: &str) -> bool {
        self.secrets.iter().any(|pattern| {
            let mut steps = path.split('.');
            pattern.split('.').all(|wanted| steps.next().is_some_and(|step| is_meant(wanted, step)))
        })
    }

    /// It has a secret that no read returns: a change of it is seen by its `secret_version` alone.
    pub fn has_unread_secrets(&self) -> bool {
        let member = |path: &'static str| path.split('.').next();
        let unread = self.exceptions.iter().filter(|exception| exception.rule == Rule::WriteOnly);
        unread.into_iter().any(|exception| self.secrets.iter().any(|secret| member(secret) == member(exception.path)))
    }

    /// A document without its secrets.
    pub fn without_secrets(&self, document: &Value) -> Value {
        self.without("", document)
    }

    fn without(&self, path: &str, value: &Value) -> Value {
        let Value::Object(members) = value else { return value.clone() };
        let mut rest = Map::new();
        for (name, member) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if !self.is_secret(&path) {
                rest.insert(name.clone(), self.without(&path, member));
            }
        }
        Value::Object(rest)
    }
}

/// A step of a path is what a step of a pattern says: `*` is anything, `*word*` whatever has the word in it.
fn is_meant(wanted: &str, step: &str) -> bool {
    match wanted.strip_prefix('*').map(|rest| rest.strip_suffix('*').unwrap_or(rest)) {
        Some(word) => step.to_ascii_lowercase().contains(word),
        None => wanted == step,
    }
}

/// Whether a text that names a secret of Secrets Manager means the secret of an ARN. A name, and an ARN without the six random
/// characters at its end, mean the same secret; the service answers with the whole ARN.
pub fn is_same_secret(wanted: &str, arn: &str) -> bool {
    let without_suffix = arn.rsplit_once('-').filter(|(_, suffix)| suffix.len() == 6).map(|(start, _)| start);
    let named = |arn: &str| !wanted.starts_with("arn:") && arn.splitn(7, ':').nth(6) == Some(wanted);
    wanted == arn || named(arn) || without_suffix.is_some_and(|start| wanted == start || named(start))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::{API_KEY_CREDENTIAL_PROVIDER, IDENTITY_PROVIDER, KINDS, OAUTH2_CREDENTIAL_PROVIDER};

    #[test]
    fn secrets_are_found_at_every_depth() {
        let config = |secret: Value| json!({"oauth2ProviderConfigInput": {"googleOauth2ProviderConfig": {"clientSecret": secret}}});
        let kind = &OAUTH2_CREDENTIAL_PROVIDER;
        assert!(kind.is_secret("oauth2ProviderConfigInput.googleOauth2ProviderConfig.clientSecret"));
        assert!(!kind.is_secret("oauth2ProviderConfigInput.googleOauth2ProviderConfig.clientId"));
        assert!(!kind.is_secret("oauth2ProviderConfigInput"));
        let without = json!({"oauth2ProviderConfigInput": {"googleOauth2ProviderConfig": {}}});
        assert_eq!(kind.without_secrets(&config(json!("hush"))), without);
        let details = json!({"ProviderDetails": {"client_id": "c", "client_secret": "hush", "private_key": "hush"}});
        let without = json!({"ProviderDetails": {"client_id": "c"}});
        assert_eq!(IDENTITY_PROVIDER.without_secrets(&details), without);
        for key in ["client_secret", "private_key", "ClientSecret", "client_secret_next", "PRIVATE_KEY_PEM", "password"]
        {
            assert!(IDENTITY_PROVIDER.is_secret(&format!("ProviderDetails.{key}")), "{key}");
        }
        for key in ["client_id", "key_id", "team_id", "token_url", "MetadataURL", "ActiveEncryptionCertificate"] {
            assert!(!IDENTITY_PROVIDER.is_secret(&format!("ProviderDetails.{key}")), "{key}");
        }
        assert_eq!(
            API_KEY_CREDENTIAL_PROVIDER.without_secrets(&json!({"name": "n", "apiKey": "k"})),
            json!({"name": "n"})
        );
    }

    #[test]
    fn every_member_that_is_called_a_secret_is_one() {
        for kind in KINDS {
            for member in kind.members() {
                let shape = kind.api().shape(&member.shape).unwrap();
                let arms = shape.members().iter().filter(|_| shape.is_union()).flat_map(|arm| {
                    let inner = kind.api().shape(&arm.shape).into_iter().flat_map(model::Shape::members);
                    inner.map(|inner| format!("{}.{}.{}", member.wire, arm.wire, inner.wire))
                });
                for path in arms.chain([member.wire.clone()]) {
                    let name = path.rsplit('.').next().unwrap().to_ascii_lowercase();
                    assert!(kind.is_secret(&path) || !["clientsecret", "apikey"].contains(&name.as_str()), "{path}");
                }
            }
        }
    }

    #[test]
    fn a_name_and_an_arn_mean_the_same_secret() {
        let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/okta-a-AbCdEf";
        for same in [arn, "prod/okta-a", "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/okta-a"] {
            assert!(is_same_secret(same, arn), "{same}");
        }
        for other in ["prod/okta", "okta-a", "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/okta", ""] {
            assert!(!is_same_secret(other, arn), "{other}");
        }
    }
}
