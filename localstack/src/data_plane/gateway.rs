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
use super::{decision, issuer, plain, respond};
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

/// What the state says of a gateway, taken out of it so that nobody waits while policies are parsed.
struct Source {
    revision: u64,
    gateway: Object,
    targets: Vec<Object>,
    policies: Vec<Object>,
    authorizer: Authorizer,
    known: KnownTools,
    answers: Arc<Answers>,
}

enum Found {
    Kept(Arc<Gateway>),
    Changed(Box<Source>),
    Nothing,
}

impl Source {
    fn of(state: &State, known: &KnownTools, engine: &Engine, gateway: &Object) -> Self {
        let name = text(&gateway.document, "name");
        let known = known.iter().filter(|((gateway, _), _)| gateway == name);
        Self {
            revision: state.revision(),
            gateway: gateway.clone(),
            targets: state.all(Kind::GatewayTarget, Some(&gateway.id)).cloned().collect(),
            policies: decision::policies(state, gateway).cloned().collect(),
            authorizer: authorizer(state, engine.base(), &engine.config().region, &gateway.document),
            known: known.map(|(place, tools)| (place.clone(), tools.clone())).collect(),
            answers: engine.data_plane.answers(),
        }
    }
}

impl Gateway {
    /// A gateway that answers its clients.
    pub(super) fn find(engine: &Engine, id: &str) -> Option<Arc<Self>> {
        let kept = || engine.data_plane.gateways.lock().unwrap_or_else(PoisonError::into_inner);
        let found = engine.with_tools(|state, known| {
            if let Some((revision, gateway)) = kept().get(id)
                && *revision == state.revision()
            {
                return Found::Kept(Arc::clone(gateway));
            }
            let serves = |gateway: &&Object| !matches!(gateway.status(), "CREATING" | "DELETING" | "FAILED");
            match state.find(Kind::Gateway, None, id).filter(serves) {
                Some(gateway) => Found::Changed(Box::new(Source::of(state, known, engine, gateway))),
                None => Found::Nothing,
            }
        });
        let source = match found {
            Found::Kept(gateway) => return Some(gateway),
            Found::Changed(source) => source,
            Found::Nothing => return None,
        };
        let revision = source.revision;
        let gateway = Arc::new(Self::read(engine, *source));
        let mut kept = kept();
        // What was read before is read again when it is asked for. What somebody read meanwhile is newer.
        kept.retain(|_, (known, _)| *known >= revision);
        kept.entry(id.to_owned()).or_insert_with(|| (revision, Arc::clone(&gateway)));
        Some(gateway)
    }

    fn read(engine: &Engine, source: Source) -> Self {
        let Source { gateway: object, targets, policies, authorizer, known, answers, .. } = source;
        let document = &object.document;
        let name = text(document, "name");
        let servers = targets.iter().filter_map(|target| Tool::unlisted_server(target, name, &known)).collect();
        let tools: Vec<Tool> =
            targets.iter().flat_map(|target| Tool::of_target(target, name, &known, &answers)).collect();
        let actions: Vec<Action> = tools.iter().map(|tool| tool.action.clone()).collect();
        let by_name = tools.iter().enumerate().map(|(place, tool)| (tool.name.clone(), place)).collect();
        let mcp = document.get("protocolConfiguration").and_then(|configuration| configuration.get("mcp"));
        let setting = |member: &str| mcp.and_then(|mcp| mcp.get(member));
        let url = url(engine.base(), &engine.config().region, &object.id);
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
            speaks_mcp: crate::gateway::speaks_mcp(&object),
            pages: setting("disableMcpListToolsPagination") != Some(&Value::Bool(true)),
            debug: text(document, "exceptionLevel") == "DEBUG",
            guard: Guard::of(&object, &policies, &actions),
            interceptors: Interceptors::of(document),
            authorizer,
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
    let pool = issuer::pool_of(base, region, url).and_then(|pool| issuer::of_pool(state, base, region, &pool));
    Some(JwtAuthorizer { configuration, pool: pool.map(Arc::new) })
}

/// The protected-resource metadata of a gateway.
pub(super) fn metadata(engine: &Engine, id: &str) -> Response<Bytes> {
    match Gateway::find(engine, id).as_deref() {
        Some(Gateway { authorizer: Authorizer::Jwt(authorizer), url, .. }) => {
            respond(StatusCode::OK, &authorizer.metadata(engine.base(), &engine.config().region, url))
        }
        _ => plain(StatusCode::NOT_FOUND, &format!("there is no gateway {id} that takes tokens")),
    }
}
