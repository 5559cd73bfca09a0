//! Spelling: API members are camelCase or `PascalCase`, manifest keys are `snake_case`.

use crate::api::{Member, Shape};

/// Two spellings of one key: equal when compared in lower case without underscores. No shape of either service has two
/// members that collide under this rule (a test holds it).
pub fn same_key(left: &str, right: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect::<String>();
    letters(left) == letters(right)
}

/// The member of a structure that a manifest key names: the one whose [`snake_case`] it is.
pub fn find_member<'a>(shape: &'a Shape, key: &str) -> Option<&'a Member> {
    shape.members().iter().find(|member| snake_case(&member.name) == key)
}

/// The manifest spelling of a member: `allowedAudience` → `allowed_audience`, `AllowedOAuthFlows` → `allowed_oauth_flows`.
pub fn snake_case(member: &str) -> String {
    // Words that the letter-case rule alone would cut in the wrong place.
    const WHOLE: [(&str, &str); 4] =
        [("OAuth", "Oauth"), ("URLs", "Urls"), ("MiB", "Mib"), ("OpenIDConnect", "OpenidConnect")];
    let mut text = member.to_owned();
    for (from, to) in WHOLE {
        text = text.replace(from, to);
    }
    let letters: Vec<char> = text.chars().collect();
    let mut snake = String::with_capacity(text.len() + 8);
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index)).copied();
        let after = letters.get(index + 1).copied();
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before != '_' && (!before.is_uppercase() || after.is_some_and(char::is_lowercase))
            });
        if starts_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::Api;

    #[test]
    fn members_become_the_keys_a_person_would_write() {
        for (member, key) in [
            ("allowedAudience", "allowed_audience"),
            ("AllowedOAuthFlowsUserPoolClient", "allowed_oauth_flows_user_pool_client"),
            ("CallbackURLs", "callback_urls"),
            ("DefaultRedirectURI", "default_redirect_uri"),
            ("customJWTAuthorizer", "custom_jwt_authorizer"),
            ("requireServiceS3Endpoint", "require_service_s3_endpoint"),
            ("KMSKeyID", "kms_key_id"),
            ("CustomSMSSender", "custom_sms_sender"),
            ("openApiSchema", "open_api_schema"),
            ("oauth2ProviderConfigInput", "oauth2_provider_config_input"),
            ("minimumMemoryInMiB", "minimum_memory_in_mib"),
            ("s3", "s3"),
        ] {
            assert_eq!(snake_case(member), key);
            assert!(same_key(member, key));
        }
    }

    #[test]
    fn every_member_has_one_key_and_every_key_one_member() {
        for api in [Api::agentcore(), Api::cognito()] {
            for shape in api.shapes.values() {
                let mut keys = BTreeSet::new();
                for member in shape.members() {
                    let key = snake_case(&member.name);
                    assert!(same_key(&key, &member.name), "{key}");
                    assert!(!key.contains("__"), "{key}");
                    assert!(keys.insert(key.replace('_', "")), "{}: {key} is ambiguous", shape.name);
                    assert_eq!(find_member(shape, &key).map(|found| &found.name), Some(&member.name));
                }
            }
        }
    }
}
