//! `GetClientToken`: the token of a client that acts for itself, without a domain.

use serde_json::{Value, json};

use crate::cognito::oauth_request::granted;
use crate::cognito::sign_in::client;
use crate::cognito::user_pool_client::BUILT_IN;
use crate::cognito::{token, user_pool_client_secret};
use crate::document::{Document, text, texts};
use crate::failure::Failure;
use crate::session::{Operations, Session};

pub(crate) const OPERATIONS: Operations = &[("GetClientToken", get)];

/// The flow that a client needs, and has for itself.
pub(crate) const FLOW: &str = "ALLOW_CLIENT_TOKEN_AUTH";

fn get(session: &mut Session<'_>, input: &Document) -> Result<Value, Failure> {
    let client = client(session, input)?;
    let refused = |message: &str| Err(Failure::cognito("NotAuthorizedException", message));
    if !user_pool_client_secret::is_known(&client, text(input, "Secret")) {
        return refused("Invalid client secret");
    }
    if !texts(&client.document, "ExplicitAuthFlows").contains(&FLOW) {
        return refused("The client is not allowed the flow ALLOW_CLIENT_TOKEN_AUTH");
    }
    let scopes =
        granted(session, &client, &texts(input, "Scopes")).map_err(|failure| Failure::parameter(failure.message))?;
    if let Some(scope) = scopes.iter().find(|scope| BUILT_IN.contains(&scope.as_str())) {
        return Err(Failure::parameter(format!("A client that acts for itself has no use for the scope `{scope}`")));
    }
    let (token, seconds) = token::of_client(session, &client, &scopes, None)?;
    let result = json!({"AccessToken": token, "ExpiresIn": seconds, "TokenType": "Bearer"});
    Ok(json!({"ClientAuthenticationResult": result}))
}
