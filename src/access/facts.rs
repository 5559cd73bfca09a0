//! What holds for everybody who comes through a door, as Cedar expressions: a solver knows nothing of tokens and authorizers.
//!
//! A proof may build on what is sure. What is only likely helps to find a caller, who is tried afterwards.

use cedar_policy::Policy;
use serde_json::Value;

use super::authorizer::Door;
use super::stand_in::is_stand_in;
use crate::manifest::exact::{has_one_of, is_one_of, literal};
use crate::stack::Claim;

/// What an authorizer demands of a token.
#[derive(Debug, Default)]
pub(super) struct Demands {
    /// What is sure, each in words and in Cedar.
    pub(super) sure: Vec<(String, String)>,
    /// The same and more, as ordinary tokens have it.
    pub(super) likely: Vec<String>,
}

/// The demands of a door, as far as they are demands on claims. `scope` is where the tokens of its issuer have their scopes.
pub(super) fn demands(door: &Door, scope: Option<&Claim>) -> Demands {
    let mut found = Demands::default();
    let Door::Jwt(authorizer) = door else { return found };
    let list = |member: &str| {
        let values = authorizer.get(member).and_then(Value::as_array);
        texts(values.into_iter().flatten())
    };
    let one = |name: &str| Claim { name: name.to_owned(), list: true };
    let scopes = list("allowedScopes");
    // The service reads `scope`, and was seen to read a list `scp`: which of them is the issuer's to say.
    if let Some(claim) = scope.filter(|claim| claim.name == "scope" || (claim.name == "scp" && claim.list)) {
        let demand = format!("allowedScopes, which are in `{}`", claim.name);
        let likely = if claim.list { is_plain_list(&claim.name, &scopes) } else { has_one_of(claim, &scopes) };
        found.add(&demand, &scopes, has_one_of(claim, &scopes), likely);
    }
    let clients = list("allowedClients");
    found.add("allowedClients", &clients, is_one_of("client_id", &clients), is_one_of("client_id", &clients));
    let audiences = list("allowedAudience");
    let is_text = is_one_of("aud", &audiences);
    found.add("allowedAudience", &audiences, any([is_text.clone(), has_one_of(&one("aud"), &audiences)]), is_text);
    for rule in authorizer.get("customClaims").and_then(Value::as_array).into_iter().flatten() {
        let text = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str);
        let name = text("/inboundTokenClaimName").unwrap_or_default();
        let wanted = rule.pointer("/authorizingClaimMatchValue/claimMatchValue");
        let member = |name: &str| wanted.and_then(|wanted| wanted.get(name));
        let single = texts(member("matchValueString").into_iter());
        let several = texts(member("matchValueStringList").and_then(Value::as_array).into_iter().flatten());
        let demand = format!("customClaims `{name}`");
        match (text("/inboundTokenClaimValueType"), text("/authorizingClaimMatchValue/claimMatchOperator")) {
            (Some("STRING"), Some("EQUALS")) => {
                found.add(&demand, &single, is_one_of(name, &single), is_one_of(name, &single));
            }
            (Some("STRING_ARRAY"), Some(operator @ ("CONTAINS" | "CONTAINS_ANY"))) => {
                let values = if operator == "CONTAINS" { single } else { several };
                found.add(&demand, &values, has_one_of(&one(name), &values), is_plain_list(name, &values));
            }
            _ => {}
        }
    }
    found
}

impl Demands {
    /// Adds a demand for one of these values, unless there are none. A value that nobody knows yet may be any: nothing is sure then.
    fn add(&mut self, member: &str, values: &[String], sure: String, likely: String) {
        if values.is_empty() {
            return;
        }
        if !values.iter().any(|value| is_stand_in(value)) {
            self.sure.push((format!("the authorizer holds to {member}"), sure));
        }
        self.likely.push(likely);
    }
}

/// What holds for every principal of a kind, by its policies: the gateway presents the subject of a token, or the ARN of a role's
/// sessions, as the principal, as its attribute `id`, and the first as the tag `sub` too.
pub(super) fn identity<'p>(kind: &str, policies: impl Iterator<Item = &'p Policy> + Clone) -> Vec<String> {
    let speaks_of = |word: &str| policies.clone().any(|policy| policy.to_string().contains(word));
    let words = ["\"sub\"", "principal.id", "\"id\"", &format!("{kind}::\"")];
    if kind == "UnauthenticatedUser" || !words.into_iter().any(speaks_of) {
        return Vec::new();
    }
    let named = policies.clone().flat_map(Policy::entity_literals);
    let named = named.filter(|uid| uid.type_name().to_string() == format!("AgentCore::{kind}"));
    let mut facts: Vec<String> =
        named.map(|uid| format!("(principal == {uid}) == (principal.id == \"{}\")", escaped(&uid))).collect();
    facts.sort();
    facts.dedup();
    if kind == "OAuthUser" {
        facts.push("if principal.hasTag(\"sub\") then principal.getTag(\"sub\") == principal.id else true".to_owned());
    }
    facts
}

/// That a claim is a list of texts, none of which has a quote in it, in words and in Cedar; nothing where that does not help with a
/// value. In such a list a value in quotes is an element wherever it stands, which a solver does not find out by itself.
pub(super) fn list_of_plain(claim: &Claim, value: &str) -> Option<(String, String)> {
    if !claim.list || value.contains(['"', '\\']) {
        return None;
    }
    let name = literal(&claim.name, false);
    let [tag, is_element] = [format!("principal.getTag(\"{name}\")"), has_one_of(claim, &[value.to_owned()])];
    let pattern = literal(value, true);
    let fact = format!(
        "if principal.hasTag(\"{name}\") then ({tag} == \"[]\" || {tag} like \"[\\\"*\\\"]\") && !({tag} like \"*\\\\*\") && \
         (!({tag} like \"*\\\"{pattern}\\\"*\") || ({is_element})) else true"
    );
    Some((format!("`{}` is a list of texts without quotes", claim.name), fact))
}

fn escaped(uid: &cedar_policy::EntityUid) -> String {
    literal(uid.id().unescaped(), false)
}

/// A list as issuers write it: the value first, and whole elements after it.
fn is_plain_list(claim: &str, values: &[String]) -> String {
    let tests = values.iter().map(|value| {
        let quoted = Value::from(value.as_str()).to_string();
        let (text, pattern) = (literal(&quoted, false), literal(&quoted, true));
        let claim = literal(claim, false);
        format!("principal.getTag(\"{claim}\") == \"[{text}]\" || principal.getTag(\"{claim}\") like \"[{pattern},\\\"*\\\"]\"")
    });
    format!("principal.hasTag(\"{}\") && ({})", literal(claim, false), any(tests))
}

fn any(tests: impl IntoIterator<Item = String>) -> String {
    tests.into_iter().map(|test| format!("({test})")).collect::<Vec<_>>().join(" || ")
}

fn texts<'v>(values: impl Iterator<Item = &'v Value>) -> Vec<String> {
    values.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}
