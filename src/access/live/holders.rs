//! Who can have a token of the issuer of a live gateway: clients and people of a pool, by what can be read of it, and whoever the
//! policies speak of where the issuer is no pool of this account.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Map, Value, json};

use super::{CONCURRENCY, Reading, sorted};
use crate::access::caller::Identity;
use crate::access::known::{asked, roles};
use crate::access::stand_in::StandIns;
use crate::access::token::{Claims, Known, Token};
use crate::address::Address;
use crate::check::texts;
use crate::kind::{Ids, POLICY, USER_POOL, USER_POOL_CLIENT, USER_POOL_GROUP, statement_of};
use crate::live;
use crate::manifest::is_a_persona;
use crate::report::count;

/// So many groups, and so many tokens that policies speak of, are shown at most.
const MOST: usize = 24;

impl Reading<'_> {
    /// Everybody who can have a token of the gateway's issuer.
    pub(super) async fn holders(&mut self, url: &str, authorizer: &Value) {
        let issuer = url.split_once("/.well-known/").map_or(url, |(issuer, _)| issuer).to_owned();
        let listed = match pool_of(&issuer, &self.aws.region, self.aws.endpoint.as_deref()) {
            Some(pool) => self.clients(&pool, &issuer, authorizer).await,
            None => None,
        };
        let Some(known) = listed else {
            // Whoever they are, nothing is known of them.
            self.note(format!("the clients and people of {issuer} are not known here"));
            return self.spoken_of(&issuer, authorizer);
        };
        let strange: Vec<&str> = texts(authorizer, "allowedClients").filter(|id| !known.contains(*id)).collect();
        if !strange.is_empty() {
            self.note(format!("it lets in clients that its pool does not have: {}", strange.join(", ")));
        }
    }

    /// Any token of an issuer, and a token for each value of a claim that a policy compares with.
    fn spoken_of(&mut self, issuer: &str, authorizer: &Value) {
        self.caller("any token", Identity::Users(people(issuer, None)));
        let mut all: Vec<(String, Value)> = Vec::new();
        for (claim, value) in self.statements().flat_map(asked) {
            let value = let_in(authorizer, &claim, value);
            if claim != "iss" && !all.contains(&(claim.clone(), value.clone())) {
                all.push((claim, value));
            }
        }
        if all.len() > MOST {
            self.note(format!(
                "not shown: tokens with {} more that policies ask for",
                count(all.len() - MOST, "claim")
            ));
        }
        for (claim, value) in all.into_iter().take(MOST) {
            let said = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let mut token = people(issuer, None);
            token.claims.insert(claim.clone(), value);
            self.caller(&format!("token with {claim} {said}"), Identity::Users(token));
        }
    }

    /// Whoever signs a request, and each role that a policy names.
    pub(super) fn signers(&mut self) {
        self.caller("any AWS identity", Identity::AnyRole);
        let named: BTreeSet<String> = self.statements().flat_map(roles).collect();
        for arn in named.into_iter().take(MOST) {
            self.caller(&format!("role {}", arn.rsplit('/').next().unwrap_or(&arn)), Identity::Role(arn.clone()));
        }
    }

    /// The statements of the policies.
    fn statements(&self) -> impl Iterator<Item = &str> {
        let policies = self.found.stack.resources.iter().filter(|resource| resource.kind == &POLICY);
        policies.filter_map(|policy| statement_of(policy.document.get("definition")?))
    }

    /// People in each group of a pool, who are in no other.
    async fn groups(&mut self, pool: &str, issuer: &str) {
        let listed = match live::list(self.aws, &USER_POOL_GROUP, pool).await {
            Ok(listed) => sorted(listed),
            Err(error) => return self.unread(&format!("the groups of `{pool}`"), &error),
        };
        // Those that a policy names come first.
        let named = |group: &str| self.statements().any(|text| text.contains(group));
        let (mut groups, others): (Vec<_>, Vec<_>) =
            listed.into_iter().map(|listed| listed.name).partition(|name| named(name));
        groups.extend(others);
        if !groups.is_empty() {
            self.note(
                "people are shown as in one group and no other: who is in several may call more, or less".to_owned(),
            );
        }
        if groups.len() > MOST {
            self.note(format!("not shown: people in {} more", count(groups.len() - MOST, "group")));
        }
        for group in groups.into_iter().take(MOST) {
            let mut token = people(issuer, None);
            token.claims.insert("cognito:groups".into(), json!([group]));
            self.caller(&format!("people in {group}"), Identity::Users(token));
        }
    }

    /// Adds the clients of a pool, and gives their ids; nothing where they cannot be listed.
    async fn clients(&mut self, pool: &str, issuer: &str, authorizer: &Value) -> Option<BTreeSet<String>> {
        let aws = self.aws;
        let ids = Ids { parent: String::new(), id: pool.to_owned() };
        let (described, listed) =
            futures_util::future::join(live::read(aws, &USER_POOL, &ids), live::list(aws, &USER_POOL_CLIENT, pool))
                .await;
        let listed = match listed {
            Ok(listed) => sorted(listed),
            Err(error) => {
                self.unread(&format!("the clients of `{pool}`"), &error);
                return None;
            }
        };
        let described = match described {
            Ok(described) => described.unwrap_or_default(),
            Err(error) => {
                self.unread(&format!("the pool `{pool}`"), &error);
                Value::Null
            }
        };
        let address = Address::new(USER_POOL.name, described.get("Name").and_then(Value::as_str).unwrap_or(pool));
        self.tell(&address, "id", Some(&json!(pool)));
        self.tell(&address, "issuer", Some(&json!(issuer)));
        self.add(address.clone(), &USER_POOL, json!({}), None, "");
        // A function may add claims to any token, and one that nobody could look for may be there.
        let rewritten = described.is_null()
            || ["PreTokenGeneration", "PreTokenGenerationConfig"]
                .iter()
                .any(|trigger| described.pointer(&format!("/LambdaConfig/{trigger}")).is_some());
        if rewritten {
            self.note("a function of its pool may change what is in tokens".to_owned());
        }
        let read: Vec<_> = stream::iter(listed)
            .map(|listed| {
                let ids = Ids { parent: pool.to_owned(), id: listed.id.clone() };
                async move { (live::read(aws, &USER_POOL_CLIENT, &ids).await, listed) }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for (_, listed) in &read {
            *names.entry(listed.name.clone()).or_default() += 1;
        }
        let mut known = BTreeSet::new();
        let lets_in = |id: &str| {
            let mut allowed = texts(authorizer, "allowedClients").peekable();
            allowed.peek().is_none() || allowed.any(|allowed| allowed == id)
        };
        // A token without `client_id` is an ID token, which has no scope either.
        let by_client = ["allowedClients", "allowedScopes"].iter().any(|list| texts(authorizer, list).next().is_some());
        let (mut signing_in, mut people_come, mut registered) = (Vec::new(), false, Vec::new());
        for (client, listed) in read {
            known.insert(listed.id.clone());
            let name = if names.get(&listed.name) == Some(&1) {
                listed.name
            } else {
                format!("{}/{}", listed.name, listed.id)
            };
            let client = match client {
                Ok(Some(client)) => Some(without_secret(&client)),
                Ok(None) => continue,
                Err(error) => {
                    self.unread(&format!("the client `{name}`"), &error);
                    None
                }
            };
            if client.as_ref().is_some_and(|client| client.get("ClientType").is_some_and(|kind| kind == "DCR")) {
                registered.push(listed.id);
                continue;
            }
            let own = Address::new(USER_POOL_CLIENT.name, name.as_str());
            self.tell(&own, "id", Some(&json!(listed.id)));
            self.add(own.clone(), &USER_POOL_CLIENT, client.clone().unwrap_or_default(), Some(&address), "");
            let machine = self.found.stack.resources.last().filter(|resource| is_a_persona(resource));
            let token = machine.map(|resource| {
                let token = Token::of_client(resource, StandIns::of(&self.found.stack));
                // A client can ask for an audience, which is then in its token.
                Token { known: Known::InPart, ..token }
            });
            match token {
                // A function can add scopes and claims, and leaves alone who it is.
                Some(token) if rewritten => {
                    let is_kept = |claim: &str| matches!(claim, "iss" | "sub" | "client_id");
                    let claims = token.claims.into_iter().filter(|(claim, _)| is_kept(claim)).collect();
                    self.caller(&name, Identity::Users(Token { claims, ..token }));
                }
                Some(token) => {
                    if client.as_ref().is_some_and(signs_in) {
                        people_come |= lets_in(&listed.id);
                        signing_in.push(name.clone());
                    }
                    self.caller(&name, Identity::Client(own, token));
                }
                None => {
                    people_come |= lets_in(&listed.id);
                    let client = by_client.then_some(listed.id.as_str());
                    self.caller(&format!("people by {name}"), Identity::Users(people(issuer, client)));
                }
            }
        }
        known.extend(registered.iter().cloned());
        self.registered(&described, &registered, &lets_in, issuer);
        // What a function makes of the groups in a token nobody knows.
        if people_come && !rewritten {
            self.groups(pool, issuer).await;
        }
        if !signing_in.is_empty() {
            let clients = signing_in.join(", ");
            self.note(format!("people may also sign in to {clients} through the API; their calls are not shown"));
        }
        Some(known)
    }

    /// Clients that registered themselves, and those that may yet.
    fn registered(&mut self, pool: &Value, clients: &[String], lets_in: &impl Fn(&str) -> bool, issuer: &str) {
        let says = |pointer: &str| pool.pointer(pointer);
        let open = says("/DcrConfiguration/EnableStatus").is_some_and(|status| status == "Enabled");
        if !clients.is_empty() {
            self.note(format!("{} registered themselves and are shown as one", count(clients.len(), "client")));
        }
        if open && says("/DcrConfiguration/OpenDcrEnabled") == Some(&Value::Bool(true)) {
            self.note("its pool lets anybody register a client".to_owned());
        }
        // No list has the id of a client that is not there yet.
        if clients.iter().any(|id| lets_in(id)) || (open && lets_in("")) {
            self.caller("clients that register themselves", Identity::Users(people(issuer, None)));
        }
    }
}

/// The value of a claim, with what an authorizer demands of the same claim beside it.
fn let_in(authorizer: &Value, claim: &str, value: Value) -> Value {
    let rules = authorizer.get("customClaims").and_then(Value::as_array).into_iter().flatten();
    let rule = rules.into_iter().find(|rule| rule.get("inboundTokenClaimName").is_some_and(|name| name == claim));
    let matches = rule.and_then(|rule| rule.pointer("/authorizingClaimMatchValue/claimMatchValue"));
    let one =
        matches.and_then(|value| value.get("matchValueString").or_else(|| value.pointer("/matchValueStringList/0")));
    match value {
        Value::Array(list) if one.is_some_and(|one| !list.contains(one)) => {
            one.cloned().into_iter().chain(list).collect()
        }
        Value::String(scope)
            if claim == "scope" && texts(authorizer, "allowedScopes").all(|allowed| allowed != scope) =>
        {
            let words = texts(authorizer, "allowedScopes").take(1).chain([scope.as_str()]);
            json!(words.collect::<Vec<_>>().join(" "))
        }
        value => value,
    }
}

/// The token of somebody of whom only the issuer is known, and the client.
fn people(issuer: &str, client: Option<&str>) -> Token {
    let mut claims = Claims::new();
    claims.insert("iss".into(), json!(issuer));
    if let Some(client) = client {
        claims.insert("client_id".into(), json!(client));
    }
    Token { claims, known: Known::InPart }
}

/// What decides about the tokens of a client, and nothing else: its secret goes no further.
fn without_secret(client: &Value) -> Value {
    let members = [
        "ClientName",
        "AllowedOAuthFlowsUserPoolClient",
        "AllowedOAuthFlows",
        "AllowedOAuthScopes",
        "ExplicitAuthFlows",
        "ClientType",
    ];
    let kept = members.iter().filter_map(|member| Some(((*member).to_owned(), client.get(*member)?.clone())));
    Value::Object(kept.collect::<Map<_, _>>())
}

/// People can sign in to the client without the pages of OAuth. Without a list there are flows for it (service.md §13.3).
fn signs_in(client: &Value) -> bool {
    client.get("ExplicitAuthFlows").is_none()
        || texts(client, "ExplicitAuthFlows").any(|flow| !flow.contains("REFRESH"))
}

/// The id of the pool that an issuer is, if it is one that can be asked here.
fn pool_of(issuer: &str, region: &str, endpoint: Option<&str>) -> Option<String> {
    let (host, pool) = issuer.split_once("://")?.1.split_once('/')?;
    let in_region = pool.strip_prefix(region).is_some_and(|rest| rest.starts_with('_') && !rest.contains('/'));
    let is_cognito = ["cognito-idp", "issuer-cognito-idp"].iter().any(|service| {
        let domain = host.strip_prefix(service).and_then(|rest| rest.strip_prefix('.')?.strip_prefix(region));
        matches!(domain, Some(".amazonaws.com" | ".amazonaws.com.cn"))
    });
    let is_here = endpoint
        .is_some_and(|endpoint| issuer.strip_prefix(endpoint.trim_end_matches('/')) == Some(&format!("/{pool}")));
    (in_region && (is_cognito || is_here)).then(|| pool.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_known_by_its_issuer() {
        let pool = |issuer: &str| pool_of(issuer, "eu-west-1", Some("http://127.0.0.1:5005"));
        for issuer in [
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
            "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
            "http://127.0.0.1:5005/eu-west-1_abc",
        ] {
            assert_eq!(pool(issuer).as_deref(), Some("eu-west-1_abc"), "{issuer}");
        }
        for issuer in [
            "https://cognito-idp.eu-west-1.amazonaws.com.example/eu-west-1_abc",
            "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc",
            "https://dev.okta.example/eu-west-1_abc",
            "",
        ] {
            assert_eq!(pool(issuer), None, "{issuer}");
        }
    }
}
