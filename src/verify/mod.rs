//! Verifying: what a deployed gateway lists for each persona, held against what the matrix of the manifest says.
//!
//! A tool is listed exactly if some input may be permitted, so a cell that is not never has to be listed and every other must not.

mod mcp;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use model::Tools;

use self::mcp::Listing;
use self::token::Client;
use crate::access::authorizer::Door;
use crate::access::caller::{Caller, Identity};
use crate::access::{Access, Cell, Gateway};
use crate::address::Address;
use crate::aws::Aws;
use crate::aws::http::Http;
use crate::check::children;
use crate::check::deep::deep;
use crate::engine::{self, EngineError, OutputValue};
use crate::kind::{GATEWAY_TARGET, USER_POOL_DOMAIN};
use crate::served::Served;
use crate::stack::Stack;

/// Personas that are asked for at once.
const CONCURRENCY: usize = 8;

/// The tool that a gateway with semantic search adds for everybody.
const SEARCH: &str = "x_amz_bedrock_agentcore_search";

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Each gateway, in the manifest's order.
    pub gateways: Vec<OfGateway>,
}

/// What one gateway answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfGateway {
    /// The gateway.
    pub gateway: Address,
    /// Where it was asked; nothing if it is not live.
    pub url: Option<String>,
    /// How many tools the manifest has there.
    pub tools: usize,
    /// Each persona that could call it.
    pub personas: Vec<OfPersona>,
}

/// What a gateway answers to one persona.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfPersona {
    /// Its name.
    pub persona: String,
    /// The answer.
    pub outcome: Outcome,
}

/// How an answer compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is an answer.
    Compared(Compared),
    /// Nobody was asked, for this reason.
    NotVerified(String),
    /// Something failed.
    Failed(String),
}

/// An answer beside what was predicted. Tools are `target/tool`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many tools should be listed.
    pub predicted: usize,
    /// Those that are.
    pub listed: Vec<String>,
    /// The gateway lets the persona in not at all.
    pub refused: bool,
    /// Those that are listed and should not be.
    pub more: Vec<String>,
    /// Those that are not listed and should be.
    pub less: Vec<String>,
    /// Those that are listed and of which nothing was predicted.
    pub unknown: Vec<String>,
}

impl Compared {
    /// The answer is as predicted.
    pub fn is_as_predicted(&self) -> bool {
        self.more.is_empty() && self.less.is_empty() && self.unknown.is_empty()
    }
}

/// The worst of all answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worst {
    /// As predicted.
    AsPredicted,
    /// A gateway allows less, something failed or could not be compared, or nobody was asked.
    Different,
    /// A gateway allows more.
    Exposed,
}

impl Verified {
    /// Each answer that there is.
    pub fn compared(&self) -> impl Iterator<Item = &Compared> {
        self.outcomes()
            .filter_map(|outcome| if let Outcome::Compared(compared) = outcome { Some(compared) } else { None })
    }

    /// Each outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.gateways.iter().flat_map(|gateway| &gateway.personas).map(|persona| &persona.outcome)
    }

    /// The worst of all.
    pub fn worst(&self) -> Worst {
        if self.compared().any(|compared| !compared.more.is_empty()) {
            return Worst::Exposed;
        }
        let failed = self.outcomes().any(|outcome| matches!(outcome, Outcome::Failed(_)));
        let differs = self.compared().any(|compared| !compared.is_as_predicted());
        if failed || differs || self.compared().next().is_none() { Worst::Different } else { Worst::AsPredicted }
    }
}

/// Asks the gateways of a stack.
///
/// # Errors
/// A guard refused, or the account could not be read.
pub async fn verify(aws: &Aws, http: &Http, stack: &Stack) -> Result<Verified, EngineError> {
    let outputs = engine::outputs(aws, stack).await?;
    let mut stack = stack.clone();
    stack.resolve_aws(&aws.account, &aws.region, &aws.partition);
    let told =
        outputs.iter().map(|OutputValue { address, name, value }| ((address.clone(), name.clone()), value.clone()));
    stack.outputs = told.collect();
    let asked = deep(|| questions(&stack, aws.endpoint.as_deref())).unwrap_or_default();
    let mut verified = Verified { gateways: Vec::new() };
    for (mut of_gateway, questions) in asked {
        let url = of_gateway.url.clone().unwrap_or_default();
        let answers = stream::iter(questions).map(|question| answered(aws, http, &url, question)).buffered(CONCURRENCY);
        of_gateway.personas = answers.collect().await;
        verified.gateways.push(of_gateway);
    }
    Ok(verified)
}

/// What is asked of a gateway on behalf of a persona.
struct Question {
    persona: String,
    how: How,
    /// By full name.
    predicted: BTreeMap<String, Predicted>,
    /// What the full names begin with of tools that nobody knows.
    unknown: Vec<String>,
}

/// How a persona calls.
enum How {
    Client(Client),
    Nobody,
    NotAtAll(String),
}

/// What the matrix says of a tool.
struct Predicted {
    name: String,
    /// Nothing where policies decide that nobody here knows.
    listed: Option<bool>,
}

/// All questions to the gateways of a stack whose outputs are known.
fn questions(stack: &Stack, endpoint: Option<&str>) -> Vec<(OfGateway, Vec<Question>)> {
    let access = Access::of(stack);
    let of_gateway = |gateway: &Gateway<'_>| {
        let address = gateway.resource.address.clone();
        let url = stack.outputs.get(&(address.clone(), "url".to_owned())).cloned();
        let targets = children(stack, &GATEWAY_TARGET, &gateway.resource.address);
        let unknown = targets.filter(|target| target.tools() == Tools::Unknown);
        let unknown: Vec<String> = unknown.filter_map(|target| Some(format!("{}___", target.live_name()?))).collect();
        let mut callers = access.callers_of(gateway);
        // Whom a gateway wants otherwise is still somebody who was not asked for.
        if gateway.door == Door::Unknown {
            callers.clone_from(&access.callers);
        }
        let questions = callers.into_iter().map(|caller| Question {
            how: how(stack, gateway, &caller, url.as_deref(), endpoint),
            predicted: predicted(gateway, &caller),
            unknown: unknown.clone(),
            persona: caller.name,
        });
        let questions = questions.collect();
        (OfGateway { gateway: address, url, tools: gateway.tools.len(), personas: Vec::new() }, questions)
    };
    access.gateways.iter().map(of_gateway).collect()
}

fn predicted(gateway: &Gateway<'_>, caller: &Caller) -> BTreeMap<String, Predicted> {
    let visitor = gateway.visitor(caller);
    let tool = |tool: &crate::access::ToolAt| {
        let cell = gateway.verdict(&visitor, tool).cell;
        let listed = (gateway.is_known() || cell != Cell::Sometimes).then_some(cell != Cell::Never);
        (tool.action.id(), Predicted { name: tool.name.clone(), listed })
    };
    gateway.tools.iter().map(tool).collect()
}

/// How a persona can call a gateway.
fn how(stack: &Stack, gateway: &Gateway<'_>, caller: &Caller, url: Option<&str>, endpoint: Option<&str>) -> How {
    let not = |reason: &str| How::NotAtAll(reason.to_owned());
    if url.is_none() {
        return not("the gateway is not live");
    }
    if gateway.door == Door::Unknown {
        return not("nobody knows what to expect of somebody else's gateway: see `gatewright access --live`");
    }
    if gateway.resource.document.get("protocolType").is_none() {
        return not("the gateway does not speak MCP");
    }
    match &caller.identity {
        Identity::Nobody => How::Nobody,
        Identity::Client(address, _) => client(stack, address, endpoint).map_or_else(How::NotAtAll, How::Client),
        Identity::Persona(_) | Identity::Token(_) | Identity::Users(_) => {
            not("its token is a person's or another issuer's")
        }
        Identity::Role(_) | Identity::AnyRole => not("it signs its requests with credentials of its own"),
    }
}

/// A client of the stack, and where it gets its tokens.
fn client(stack: &Stack, address: &Address, endpoint: Option<&str>) -> Result<Client, String> {
    let output = |address: &Address, name: &str| stack.outputs.get(&(address.clone(), name.to_owned())).cloned();
    let id = output(address, "id").ok_or("the client is not live")?;
    let parent = stack.resource(address).and_then(|client| client.parent.clone());
    let parent = parent.ok_or("the client has no pool")?;
    let pool = output(&parent, "id").ok_or("the client's pool is not live")?;
    let on_domain = || {
        let mut domains = children(stack, &USER_POOL_DOMAIN, &parent);
        domains.find_map(|domain| output(&domain.address, "token_endpoint"))
    };
    let here = Served::at(endpoint).map(|served| served.token_endpoint(&pool));
    let endpoint = here.or_else(on_domain);
    let endpoint = endpoint.ok_or_else(|| format!("`{parent}` has no domain in this manifest to get a token from"))?;
    Ok(Client { pool, id, endpoint })
}

async fn answered(aws: &Aws, http: &Http, url: &str, question: Question) -> OfPersona {
    let listing = match &question.how {
        How::NotAtAll(reason) => {
            return OfPersona { persona: question.persona, outcome: Outcome::NotVerified(reason.clone()) };
        }
        How::Nobody => mcp::tools(http, url, None).await,
        How::Client(client) => match token::get(aws, http, client).await {
            Ok(bearer) => mcp::tools(http, url, Some(&bearer)).await,
            Err(problem) => Err(problem),
        },
    };
    let outcome = match listing {
        Ok(listing) => Outcome::Compared(compare(listing, &question.predicted, &question.unknown)),
        Err(problem) => Outcome::Failed(problem),
    };
    OfPersona { persona: question.persona, outcome }
}

fn compare(listing: Listing, predicted: &BTreeMap<String, Predicted>, unknown: &[String]) -> Compared {
    let (refused, listed) = match listing {
        Listing::Refused => (true, BTreeSet::new()),
        Listing::Tools(names) => (false, names),
    };
    let shown = |full: &str| {
        predicted.get(full).map_or_else(|| full.replacen("___", "/", 1), |predicted| predicted.name.clone())
    };
    let mut compared = Compared { refused, ..Compared::default() };
    for full in listed.iter().filter(|full| *full != SEARCH) {
        compared.listed.push(shown(full));
        match predicted.get(full) {
            Some(Predicted { listed: Some(false), .. }) => compared.more.push(shown(full)),
            Some(_) => {}
            None if unknown.iter().any(|prefix| full.starts_with(prefix)) => compared.unknown.push(shown(full)),
            None => compared.more.push(shown(full)),
        }
    }
    for (full, predicted) in predicted.iter().filter(|(_, predicted)| predicted.listed == Some(true)) {
        compared.predicted += 1;
        if !listed.contains(full) {
            compared.less.push(predicted.name.clone());
        }
    }
    compared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(cells: &[(&str, Option<bool>)]) -> BTreeMap<String, Predicted> {
        let one = |(name, listed): &(&str, Option<bool>)| {
            (name.replacen('/', "___", 1), Predicted { name: (*name).to_owned(), listed: *listed })
        };
        cells.iter().map(one).collect()
    }

    #[test]
    fn what_nobody_predicted_is_more_unless_nobody_could() {
        let matrix = predicted(&[("a/yes", Some(true)), ("a/no", Some(false)), ("a/may", None)]);
        let listing = |names: &[&str]| Listing::Tools(names.iter().map(ToString::to_string).collect());
        let compared = |names: &[&str]| compare(listing(names), &matrix, &["far___".to_owned()]);
        assert!(
            compared(&["a___yes", SEARCH]).is_as_predicted() && compared(&["a___yes", "a___may"]).is_as_predicted()
        );
        let more = compared(&["a___yes", "a___no", "a___new", "far___any"]);
        assert_eq!(
            (more.more, more.unknown),
            (vec!["a/new".to_owned(), "a/no".to_owned()], vec!["far/any".to_owned()])
        );
        assert_eq!(compared(&[]).less, ["a/yes"]);
        assert_eq!(compare(Listing::Refused, &matrix, &[]).less, ["a/yes"]);
    }
}
