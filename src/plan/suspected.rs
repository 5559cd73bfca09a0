//! Suspected: what the text of a resource suggests that somebody opened by hand. Where [`opened`](super::opened) finds who can call
//! what because of it, or proves that nobody can, that is what counts.

use cedar_policy::{ActionConstraint, PrincipalConstraint};
use serde_json::Value;

use super::Exposure;
use super::hand::{Deed, Hand, jwt};
use super::item::Item;
use super::opened::client_name;
use super::states::never_stood;
use super::weakening::{self, Weakening};
use crate::address::Address;
use crate::kind::statement_of;
use crate::live;
use crate::manifest::cedar;
use crate::observe::Stranger;

/// Looks at what was done.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) hand: Hand<'a>,
}

/// What a deed may have opened.
pub(super) struct Suspicion {
    /// How it would be told.
    pub(super) exposure: Exposure,
    /// How the object restrains less; nothing where it is new.
    pub(super) weakening: Option<Weakening>,
}

/// Who can call what because of something.
struct Reach {
    principal: String,
    tool: String,
}

impl<'a> Look<'a> {
    /// What a deed suggests.
    pub(super) fn suspicions(self, deed: &Deed<'_>) -> Vec<Suspicion> {
        let (item, view) = match deed {
            Deed::Made(stranger) => {
                let exposure = self.unexpected(stranger).into_iter();
                return exposure.map(|exposure| Suspicion { exposure, weakening: None }).collect();
            }
            Deed::Changed(item) => (item, item.live.as_ref().map(|live| live::view(item.kind, &live.document))),
            Deed::Deleted(item) => (item, None),
        };
        let weakenings = match (item.kind.name, &view) {
            ("policy", _) if self.open_gateways(item.parent().as_ref()).is_empty() => Vec::new(),
            ("policy", view) => weakening::policy(Some(&item.desired), view.as_ref()),
            (_, Some(view)) => weakening::weakenings(item.kind, &live::view(item.kind, &item.desired), view),
            (_, None) => Vec::new(),
        };
        let shown = |weakening: Weakening| Suspicion {
            exposure: exposure(
                &item.address,
                weakening.0,
                self.reach(item, weakening.0, view.as_ref()),
                format!("{}: {}", done(deed), weakening.1),
                HELP.to_owned(),
            ),
            weakening: Some(weakening),
        };
        weakenings.into_iter().map(shown).collect()
    }

    /// What a deed opened though its text suggests nothing: somebody gains by it.
    pub(super) fn unsuspected(deed: &Deed<'_>) -> Exposure {
        let reach = Reach { principal: String::new(), tool: String::new() };
        match deed {
            Deed::Changed(item) | Deed::Deleted(item) => {
                let what =
                    if item.kind.name == "gateway_target" { "its tools are others" } else { "more calls go through" };
                let message = format!("{}: {what} than the manifest says", done(deed));
                exposure(&item.address, "access-widened", reach, message, HELP.to_owned())
            }
            Deed::Made(stranger) => made(stranger, "access-widened", reach, "more calls go through by it"),
        }
    }

    fn item(&self, address: &Address) -> Option<&Item> {
        self.hand.items.at(address)
    }

    /// The gateways that let callers in and whose calls an engine decides: live, or as the manifest says.
    pub(super) fn open_gateways(self, engine: Option<&Address>) -> Vec<&'a Item> {
        let decides = |gateway: &&Item| {
            let engines = [self.hand.items.attached_engine(gateway), self.hand.items.live_engine(gateway)];
            gateway.kind.name == "gateway"
                && gateway.was_open()
                && engines.iter().flatten().any(|decides| Some(decides) == engine)
        };
        self.hand.items.iter().filter(decides).collect()
    }

    fn reach(&self, item: &Item, code: &str, view: Option<&Value>) -> Reach {
        let address = &item.address;
        let all = |who: &str| Reach { principal: who.to_owned(), tool: format!("every tool of `{address}`") };
        let some = |who: String| Reach { principal: who, tool: format!("tools of `{address}`") };
        match (item.kind.name, code) {
            ("gateway", "authorizer-weakened") | ("runtime", _) => {
                let lists = ["allowedClients", "allowedAudience"];
                let added: Vec<Value> = match (jwt(&item.desired), view.and_then(jwt)) {
                    (Some(wanted), Some(live)) => {
                        lists.iter().flat_map(|list| weakening::gained(wanted, live, list)).collect()
                    }
                    _ => Vec::new(),
                };
                let clients: Vec<String> = added.iter().filter_map(Value::as_str).map(|id| self.client(id)).collect();
                if clients.is_empty() {
                    some("callers that the authorizer of the manifest refuses".to_owned())
                } else {
                    some(format!("client {}", clients.join(", ")))
                }
            }
            ("gateway", "engine-detached" | "enforcement-weakened") => all(callers(view)),
            ("gateway", _) => some(callers(view).to_owned()),
            ("policy", "access-widened") => match view.and_then(|view| statement_of(view.get("definition")?)) {
                Some(statement) => self.permitted(statement, item.parent().as_ref()),
                None => self.permitted("", item.parent().as_ref()),
            },
            ("policy", _) => self.permitted(
                item.desired.get("definition").and_then(statement_of).unwrap_or_default(),
                item.parent().as_ref(),
            ),
            ("user_pool", _) => Reach {
                principal: format!("users of `{address}`"),
                tool: "every tool that their tokens reach".to_owned(),
            },
            _ => Reach {
                principal: format!("client `{}`", address.name),
                tool: "every tool that its tokens reach".to_owned(),
            },
        }
    }

    /// Whom and what a statement is about.
    fn permitted(&self, statement: &str, engine: Option<&Address>) -> Reach {
        let gateways = self.open_gateways(engine);
        let who = gateways.first().and_then(|gateway| gateway.live.as_ref()).map(|live| &live.document);
        let names: Vec<String> = gateways.iter().map(|gateway| format!("`{}`", gateway.address)).collect();
        let every_tool = format!("every tool of {}", names.join(", "));
        let Some(policy) = cedar::scope(statement) else {
            return Reach { principal: "callers that its text lets in".to_owned(), tool: every_tool };
        };
        let anyone = matches!(policy.principal_constraint(), PrincipalConstraint::Any | PrincipalConstraint::Is(_));
        let principal = if anyone && !cedar::is_conditional(statement) {
            callers(who)
        } else {
            "callers for whom its condition holds"
        };
        let actions = match policy.action_constraint() {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(action) => Some(vec![action]),
            ActionConstraint::In(actions) => Some(actions),
        };
        let tool = actions.map(|actions| {
            let tools: Vec<String> =
                actions.iter().map(|action| format!("`{}`", action.id().unescaped().replacen("___", "/", 1))).collect();
            tools.join(", ")
        });
        Reach { principal: principal.to_owned(), tool: tool.unwrap_or(every_tool) }
    }

    /// A client by its id: its address, or the live name of one that nobody declared.
    fn client(&self, id: &str) -> String {
        let ours = self.hand.items.iter().find(|item| {
            item.kind.name == "user_pool_client" && item.live.as_ref().is_some_and(|live| live.ids.id == id)
        });
        let theirs = || self.hand.observed.strangers.iter().find(|stranger| stranger.id == id);
        match ours {
            Some(item) => format!("`{}`", item.address.name),
            None => theirs().map_or_else(|| format!("`{id}`"), |stranger| format!("`{}` ({id})", stranger.name)),
        }
    }

    /// Something in a resource of ours that nobody declared, if it lets somebody call something.
    fn unexpected(&self, stranger: &Stranger) -> Option<Exposure> {
        let (code, reach, what) = match stranger.kind.name {
            "policy" => self.unexpected_policy(stranger)?,
            "gateway_target" => self.unexpected_target(stranger)?,
            "user_pool_client" => self.unexpected_client(stranger)?,
            _ => return None,
        };
        Some(made(stranger, code, reach, &what))
    }

    fn unexpected_policy(&self, stranger: &Stranger) -> Option<(&'static str, Reach, String)> {
        if never_stood(stranger) || self.open_gateways(Some(&stranger.parent)).is_empty() {
            return None;
        }
        let view = live::view(stranger.kind, &stranger.item);
        let statement = view.get("definition").and_then(statement_of);
        // A listing that does not show the text shows no harmless policy either.
        let opens = statement.is_none() || !weakening::policy(None, Some(&view)).is_empty();
        let reach = self.permitted(statement.unwrap_or_default(), Some(&stranger.parent));
        opens.then(|| ("access-widened", reach, "it permits calls".to_owned()))
    }

    fn unexpected_target(&self, stranger: &Stranger) -> Option<(&'static str, Reach, String)> {
        let gateway = self.item(&stranger.parent).filter(|gateway| gateway.was_open())?;
        let document = &gateway.live.as_ref()?.document;
        let engine = self.hand.items.live_engine(gateway);
        let attached = document.get("policyEngineConfiguration").filter(|engine| !engine.is_null());
        let enforced = attached.and_then(|engine| engine.get("mode")).and_then(Value::as_str) == Some("ENFORCE");
        let tool = format!("`{}/*`", stranger.name);
        let reach = |principal: &str| Reach { principal: principal.to_owned(), tool: tool.clone() };
        if !enforced {
            let what = "no policy keeps callers from its tools".to_owned();
            return Some(("access-widened", reach(callers(Some(document))), what));
        }
        let engine = engine?;
        let ours =
            self.hand.items.iter().filter(|item| item.kind.name == "policy" && item.parent().as_ref() == Some(&engine));
        let ours = ours.filter_map(|item| Some((item.address.to_string(), &item.live.as_ref()?.document)));
        let theirs = self.hand.observed.strangers.iter();
        let theirs = theirs.filter(|other| other.kind.name == "policy" && other.parent == engine);
        let theirs = theirs.map(|other| (other.name.clone(), &other.item));
        let (permit, statement) = ours.chain(theirs).find_map(|(name, document)| {
            let view = live::view(&crate::kind::POLICY, document);
            let statement = statement_of(view.get("definition")?)?.to_owned();
            let counts = !weakening::policy(None, Some(&view)).is_empty();
            (counts && names_target(&statement, &stranger.name)).then_some((name, statement))
        })?;
        let what = format!("`{permit}` permits its tools");
        Some(("access-widened", reach(&self.permitted(&statement, Some(&engine)).principal), what))
    }

    fn unexpected_client(&self, stranger: &Stranger) -> Option<(&'static str, Reach, String)> {
        let pool = self.item(&stranger.parent)?.live.as_ref()?;
        let takes_any = |item: &&Item| {
            let document = item.live.as_ref().map(|live| &live.document);
            let jwt = document.and_then(jwt);
            let text = |member: &str| jwt.and_then(|jwt| jwt.get(member)).and_then(Value::as_str).unwrap_or_default();
            let listed = jwt.and_then(|jwt| jwt.get("allowedClients")).and_then(Value::as_array);
            matches!(item.kind.name, "gateway" | "runtime")
                && text("discoveryUrl").contains(&format!("/{}/", pool.ids.id))
                && listed.is_none_or(Vec::is_empty)
                && (item.kind.name == "runtime" || item.was_open())
        };
        let door = self.hand.items.iter().find(takes_any)?;
        let reach = Reach {
            principal: client_name(&stranger.name, &stranger.id),
            tool: format!("tools of `{}`", door.address),
        };
        Some(("access-widened", reach, format!("`{}` lets every client of the pool in", door.address)))
    }
}

/// A permit's action clause takes in the tools of a target.
fn names_target(statement: &str, target: &str) -> bool {
    let Some(policy) = cedar::scope(statement) else { return true };
    let within = |action: &cedar_policy::EntityUid| {
        let id = action.id().unescaped();
        id == target || id.strip_prefix(target).is_some_and(|rest| rest.starts_with("___"))
    };
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(action) => within(&action),
        ActionConstraint::In(actions) => actions.iter().any(within),
    }
}

/// Who gets past the authorizer of a gateway.
fn callers(gateway: Option<&Value>) -> &'static str {
    match gateway.and_then(|gateway| gateway.get("authorizerType")).and_then(Value::as_str) {
        Some("NONE") => "everybody who knows its URL",
        Some("AWS_IAM") => "every AWS identity that may invoke it",
        _ => "every authenticated caller",
    }
}

const HELP: &str = "`apply` sets it right, `apply --close` at once and whatever stands in the way of the rest";

fn done(deed: &Deed<'_>) -> String {
    match deed {
        Deed::Changed(item) => format!("`{}` was changed by hand", item.address),
        Deed::Deleted(item) => format!("`{}` was deleted by hand", item.address),
        Deed::Made(stranger) => {
            format!("{} `{}` in `{}` is not in the manifest", stranger.kind.name, stranger.name, stranger.parent)
        }
    }
}

fn made(stranger: &Stranger, code: &str, reach: Reach, what: &str) -> Exposure {
    let parent = &stranger.parent;
    let message = format!("{}: {what}", done(&Deed::Made(stranger)));
    let help = format!(
        "delete it where it was made (id `{}`), or write `delete_unknown_children = true` into `{parent}` and apply",
        stranger.id
    );
    exposure(parent, code, reach, message, help)
}

fn exposure(address: &Address, code: &str, reach: Reach, message: String, help: String) -> Exposure {
    let (before, after) = match code {
        "engine-detached" | "enforcement-weakened" => ("as its policies say", "allowed"),
        "mfa-weakened" => ("with a second factor", "allowed without a second factor"),
        "interceptor-removed" | "trigger-removed" | "waf-fail-open" => ("seen and perhaps refused", "allowed unseen"),
        _ => ("denied, unless something else allows it", "allowed"),
    };
    Exposure {
        address: address.to_string(),
        code: code.to_owned(),
        principal: reach.principal,
        tool: reach.tool,
        before: before.to_owned(),
        after: after.to_owned(),
        how: "unknown".to_owned(),
        tokens: None,
        witness: None,
        since: None,
        message,
        repaired: false,
        help: Some(help),
    }
}
