//! Tokens as Cognito, Okta and Entra make them, and odd ones: whom the authorizer lets in, why not, and what Cedar sees of a token.
//! The stand-in is held against the same table.

use std::collections::BTreeMap;

use gatewright::access::authorizer::{Admission, Door};
use gatewright::access::token::{Known, Token};
use serde_json::{Map, Value, json};

const CLAIMS: &str = include_str!("../tokens/claims.json");
const CASES: &str = include_str!("../tokens/cases.json");

const ISSUER: &str = "https://issuer.example.com";

/// The claims of a sort of token, and what Cedar sees of them.
fn sort(name: &str) -> (Map<String, Value>, Map<String, Value>) {
    let all: Value = serde_json::from_str(CLAIMS).unwrap();
    let part = |part: &str| all[name][part].as_object().unwrap_or_else(|| panic!("{name}")).clone();
    (part("claims"), part("tags"))
}

#[test]
fn tokens_as_they_are_get_in_or_not() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    for case in &cases {
        let (mut claims, _) = sort(case["claims"].as_str().unwrap());
        claims.insert("iss".into(), json!(ISSUER));
        claims.extend(case["change"].as_object().cloned().unwrap_or_default());
        let mut authorizer = case["authorizer"].clone();
        authorizer["discoveryUrl"] = json!(format!("{ISSUER}/.well-known/openid-configuration"));
        let admission = Door::Jwt(authorizer).admits_token(&Token { claims, known: Known::Real });
        let wanted = match (case["refused"].as_str(), case["has"].as_str()) {
            (Some(refused), Some(has)) => Err((refused, has)),
            _ => Ok(assert_eq!(case["admitted"], true, "{case}")),
        };
        match (&admission, wanted) {
            (Admission::Admitted { assumed }, Ok(())) => assert!(assumed.is_empty(), "{case}: {assumed:?}"),
            (Admission::Refused(reason), Err((refused, has))) => {
                assert!(reason.contains(refused) && reason.ends_with(has), "{case}: {reason}");
            }
            _ => panic!("{case}: {admission:?}"),
        }
    }
}

#[test]
fn claims_become_tags_of_text() {
    let sorts: Map<String, Value> = serde_json::from_str(CLAIMS).unwrap();
    for name in sorts.keys() {
        let (claims, wanted) = sort(name);
        let token = Token { claims, known: Known::Real };
        let tags: BTreeMap<&str, String> = token.tags().collect();
        for (claim, value) in &wanted {
            assert_eq!(tags.get(claim.as_str()).map(String::as_str), value.as_str(), "{name}: {claim}");
        }
    }
}
