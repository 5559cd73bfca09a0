//! A gateway as its clients see it: who may call, its tools, its policies. Read from the state once and kept until that changes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::{Response, StatusCode};
use model::Action;
use serde_json::Value;

use super::authorizer::{Caller, JwtAuthorizer, Refusal, role};
use super::decision::Guard;
use super::interceptor::Interceptors;
use super::stand_for::Answers;
use super::tool::Tool;
use super::{issuer, plain, respond};
use crate::document::{Document, text};
use crate::engine::Engine;
use crate::gateway::{supported_versions, url};
use crate::session::KnownTools;
use crate::state::{Kind, Object, State};

/// A gateway as its clients see it.
pub(super) struct Gateway {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) instructions: Option<String>,
    /// The versions of the protocol that it speaks.
    pub(super) versions: Vec<String>,
    /// It speaks MCP at all.
    pub(super) speaks_mcp: bool,
    /// Its tools come in pages.
    pub(super) pages: bool,
    /// It tells its clients what went wrong behind it.
    pub(super) debug: bool,
    pub(super) tools: Vec<Tool>,
    /// The endpoints of servers whose tools no configuration states.
    pub(super) servers: Vec<String>,
    by_name: BTreeMap<String, usize>,
    pub(super) guard: Option<Guard>,
    pub(super) interceptors: Interceptors,
    authorizer: Authorizer,
    url: String,
    metadata_url: String,
}

enum Authorizer {
    Jwt(JwtAuthorizer),
    /// Whoever signs; `AUTHENTICATE_ONLY` is the same here, since no signature is checked and no permission is known.
    Iam,
    Nobody,
}

impl Gateway {
    /// A gateway that answers its clients.
    pub(super) fn find(engine: &Engine, id: &str) -> Option<Arc<Self>> {
        let answers = engine.data_plane.answers();
        let kept = &engine.data_plane.gateways;
        engine.with_tools(|state, known| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((revision, gateway)) = kept.get(id)
                && *revision == state.revision()
            {
                return Some(Arc::clone(gateway));
            }
            let object = state.find(Kind::Gateway, None, id);
            let Some(object) = object.filter(|gateway| !matches!(gateway.status(), "CREATING" | "DELETING" | "FAILED"))
            else {
                kept.remove(id);
                return None;
            };
            let gateway = Arc::new(Self::read(engine, state, known, &answers, object));
            kept.insert(id.to_owned(), (state.revision(), Arc::clone(&gateway)));
            Some(gateway)
        })
    }

    fn read(engine: &Engine, state: &State, known: &KnownTools, answers: &Answers, object: &Object) -> Self {
        let (base, region) = (engine.base(), &engine.config().region);
        let document = &object.document;
        let name = text(document, "name");
        let targets = state.all(Kind::GatewayTarget, Some(&object.id));
        let servers = targets.filter_map(|target| Tool::unlisted_server(target, name, known)).collect();
        let targets = state.all(Kind::GatewayTarget, Some(&object.id));
        let tools: Vec<Tool> = targets.flat_map(|target| Tool::of_target(target, name, known, answers)).collect();
        let actions: Vec<Action> = tools.iter().map(|tool| tool.action.clone()).collect();
        let by_name = tools.iter().enumerate().map(|(place, tool)| (tool.name.clone(), place)).collect();
        let mcp = document.get("protocolConfiguration").and_then(|configuration| configuration.get("mcp"));
        let setting = |member: &str| mcp.and_then(|mcp| mcp.get(member));
        let url = url(base, region, &object.id);
        let metadata_url = match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?)))
        {
            Some((scheme, (host, path))) => format!("{scheme}://{host}/.well-known/oauth-protected-resource/{path}"),
            None => url.clone(),
        };
        Self {
            id: object.id.clone(),
            name: name.to_owned(),
            instructions: setting("instructions").and_then(Value::as_str).map(ToOwned::to_owned),
            versions: supported_versions(document),
            speaks_mcp: crate::gateway::speaks_mcp(object),
            pages: setting("disableMcpListToolsPagination") != Some(&Value::Bool(true)),
            debug: text(document, "exceptionLevel") == "DEBUG",
            guard: Guard::of(state, object, &actions),
            interceptors: Interceptors::of(document),
            authorizer: authorizer(state, base, region, document),
            tools,
            servers,
            by_name,
            url,
            metadata_url,
        }
    }

    /// A tool by its whole name.
    pub(super) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.get(*self.by_name.get(name)?)
    }

    /// Who calls.
    pub(super) async fn caller(&self, engine: &Engine, headers: &http::HeaderMap) -> Result<Caller, Refusal> {
        match &self.authorizer {
            Authorizer::Jwt(authorizer) => authorizer.caller(engine, headers).await,
            Authorizer::Iam => role(engine, headers),
            Authorizer::Nobody => Ok(Caller::Anybody),
        }
    }

    /// The answer to a caller who may not.
    pub(super) fn challenge(&self, refusal: &Refusal) -> Response<Bytes> {
        match &self.authorizer {
            Authorizer::Jwt(authorizer) => authorizer.challenge(refusal, &self.metadata_url),
            _ => super::authorizer::refused(refusal),
        }
    }
}

fn authorizer(state: &State, base: Option<&str>, region: &str, document: &Document) -> Authorizer {
    match text(document, "authorizerType") {
        "NONE" => Authorizer::Nobody,
        "CUSTOM_JWT" => Authorizer::Jwt(jwt_authorizer(state, base, region, document).unwrap_or_else(nobody_can)),
        _ => Authorizer::Iam,
    }
}

/// An authorizer without configuration knows no issuer, and so no token.
fn nobody_can() -> JwtAuthorizer {
    JwtAuthorizer { configuration: Value::Null, pool: None }
}

/// The JWT authorizer of a gateway or runtime.
pub(super) fn jwt_authorizer(
    state: &State,
    base: Option<&str>,
    region: &str,
    document: &Document,
) -> Option<JwtAuthorizer> {
    let configuration = document.get("authorizerConfiguration")?.get("customJWTAuthorizer")?.clone();
    let url = configuration.get("discoveryUrl").and_then(Value::as_str).unwrap_or_default();
    let pool = issuer::pool_of(base, url).and_then(|pool| issuer::of_pool(state, base, region, &pool));
    Some(JwtAuthorizer { configuration, pool: pool.map(Arc::new) })
}

/// The protected-resource metadata of a gateway.
pub(super) fn metadata(engine: &Engine, id: &str) -> Response<Bytes> {
    match Gateway::find(engine, id).as_deref() {
        Some(Gateway { authorizer: Authorizer::Jwt(authorizer), url, .. }) => {
            respond(StatusCode::OK, &authorizer.metadata(engine.base(), url))
        }
        _ => plain(StatusCode::NOT_FOUND, &format!("there is no gateway {id} that takes tokens")),
    }
}
