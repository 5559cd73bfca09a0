//! Exposed: what the live account allows and the manifest does not, as far as resources show it. Only what somebody changed by hand
//! and what nobody declared counts; a change that the manifest itself makes does not.

use cedar_policy::{ActionConstraint, PrincipalConstraint};
use serde_json::Value;

use super::item::Item;
use super::items::Items;
use super::make::Towards;
use super::weakening::{self, Weakening};
use super::{Action, Exposure};
use crate::address::Address;
use crate::kind::statement_of;
use crate::live;
use crate::manifest::cedar;
use crate::membership::{Child, Membership};
use crate::observe::{Observed, Stranger};
use crate::ownership::applied_digest;
use crate::reference::{Target, references};

/// Everything that is exposed. `decided` are the items as the whole manifest wants them, `items` those that this plan carries out.
pub(super) fn exposed(
    decided: &Items,
    items: &Items,
    observed: &Observed,
    owner: &str,
    towards: Towards,
) -> Vec<Exposure> {
    if towards == Towards::Nothing {
        return Vec::new();
    }
    let look = Look { items: decided, observed, owner };
    let drifted = decided.iter().flat_map(|item| {
        let now = items.at(&item.address);
        look.drifted(item).into_iter().map(move |(mut exposure, weakening)| {
            exposure.repaired = now.is_some_and(|now| repairs(now, item, &weakening));
            exposure
        })
    });
    let unexpected =
        observed.strangers.iter().filter(|stranger| is_unexpected(stranger, observed)).filter_map(|stranger| {
            let mut exposure = look.unexpected(stranger)?;
            exposure.repaired = items.iter().any(|item| {
                let is_it =
                    item.live.as_ref().is_some_and(|live| live.kind == stranger.kind && live.ids.id == stranger.id);
                is_it && item.action == Action::Delete && item.changes()
            });
            Some(exposure)
        });
    drifted.chain(unexpected).collect()
}

/// In a parent of ours, declared by nobody.
fn is_unexpected(stranger: &Stranger, observed: &Observed) -> bool {
    stranger.owner.is_none() && !stranger.existing && observed.ours.contains_key(&stranger.parent)
}

/// What a step deletes was declared by nobody, and lets somebody call something.
pub(super) fn is_unexpected_door(item: &Item, items: &Items, observed: &Observed) -> bool {
    let id = item.live.as_ref().map(|live| &live.ids.id);
    let look = Look { items, observed, owner: "" };
    let mut strangers = observed.strangers.iter().filter(|stranger| is_unexpected(stranger, observed));
    let found = strangers.find(|stranger| stranger.kind == item.kind && Some(&stranger.id) == id);
    found.is_some_and(|stranger| look.unexpected(stranger).is_some())
}

/// The step sets this right. One that only narrows may leave some of it open.
fn repairs(now: &Item, decided: &Item, weakening: &Weakening) -> bool {
    let open = || weakening::weakenings(now.kind, &decided.desired, &now.desired).contains(weakening);
    now.changes() && !(now.closing && open())
}

struct Look<'a> {
    items: &'a Items,
    observed: &'a Observed,
    owner: &'a str,
}

/// Who can call what because of something.
struct Reach {
    principal: String,
    tool: String,
}

impl Look<'_> {
    /// What somebody opened of a resource by hand.
    fn drifted(&self, item: &Item) -> Vec<(Exposure, Weakening)> {
        if item.resource.is_none() || item.action == Action::NoOp || item.unlock || item.unfinished {
            return Vec::new();
        }
        let live = item.live.as_ref().filter(|_| is_drift(item));
        let view = live.map(|live| live::view(item.kind, &live.document));
        let weakenings = match (item.kind.name, &view) {
            ("policy", _) if self.open_gateways(item.parent().as_ref()).is_empty() => Vec::new(),
            ("policy", Some(view)) => weakening::policy(Some(&item.desired), Some(view)),
            ("policy", None) if self.was_deleted(item) => weakening::policy(Some(&item.desired), None),
            (_, Some(view)) => weakening::weakenings(item.kind, &live::view(item.kind, &item.desired), view),
            (_, None) => Vec::new(),
        };
        let shown = |weakening: Weakening| {
            let reach = self.reach(item, weakening.0, view.as_ref());
            let message = format!("`{}` was changed by hand: {}", item.address, weakening.1);
            let help = "`apply` sets it right, `apply --close` at once and whatever stands in the way of the rest";
            (exposure(&item.address, weakening.0, reach, message, help.to_owned()), weakening)
        };
        weakenings.into_iter().map(shown).collect()
    }

    /// It was applied and is gone, though nobody took it out of the manifest: its parent still names it.
    fn was_deleted(&self, item: &Item) -> bool {
        let parent = item.parent().and_then(|parent| self.item(&parent)?.live.as_ref());
        let child = Child { kind: item.kind, name: item.live_name(), id: "" };
        item.action == Action::Create
            && item.live.is_none()
            && parent.is_some_and(|parent| Membership::read(&parent.tags, self.owner).applied(child).is_some())
    }

    fn item(&self, address: &Address) -> Option<&Item> {
        self.items.at(address)
    }

    /// The gateways that let callers in and whose calls an engine decides: live, or as the manifest says.
    fn open_gateways(&self, engine: Option<&Address>) -> Vec<&Item> {
        let decides = |gateway: &&Item| {
            let engines = [self.items.attached_engine(gateway), self.items.live_engine(gateway)];
            gateway.kind.name == "gateway"
                && gateway.was_open()
                && engines.iter().flatten().any(|decides| Some(decides) == engine)
        };
        self.items.iter().filter(decides).collect()
    }

    fn reach(&self, item: &Item, code: &str, view: Option<&Value>) -> Reach {
        let address = &item.address;
        let all = |who: &str| Reach { principal: who.to_owned(), tool: format!("every tool of `{address}`") };
        let some = |who: String| Reach { principal: who, tool: format!("tools of `{address}`") };
        match (item.kind.name, code) {
            ("gateway", "authorizer-weakened") | ("runtime", _) => {
                let lists = ["allowedClients", "allowedAudience"];
                let jwt = |of: &Value| of.pointer("/authorizerConfiguration/customJWTAuthorizer").cloned();
                let added: Vec<Value> = match (jwt(&item.desired), view.and_then(jwt)) {
                    (Some(wanted), Some(live)) => {
                        lists.iter().flat_map(|list| weakening::gained(&wanted, &live, list)).collect()
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
        let ours = self.items.iter().find(|item| {
            item.kind.name == "user_pool_client" && item.live.as_ref().is_some_and(|live| live.ids.id == id)
        });
        let theirs = || self.observed.strangers.iter().find(|stranger| stranger.id == id);
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
        let parent = &stranger.parent;
        let message =
            format!("{} `{}` in `{parent}` is not in the manifest: {what}", stranger.kind.name, stranger.name);
        let help = format!(
            "delete it where it was made (id `{}`), or write `delete_unknown_children = true` into `{parent}` and apply",
            stranger.id
        );
        Some(exposure(parent, code, reach, message, help))
    }

    fn unexpected_policy(&self, stranger: &Stranger) -> Option<(&'static str, Reach, String)> {
        if self.open_gateways(Some(&stranger.parent)).is_empty() {
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
        let engine = self.items.live_engine(gateway);
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
            self.items.iter().filter(|item| item.kind.name == "policy" && item.parent().as_ref() == Some(&engine));
        let ours = ours.filter_map(|item| Some((item.address.to_string(), &item.live.as_ref()?.document)));
        let theirs = self.observed.strangers.iter();
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
            let jwt = document.and_then(|document| document.pointer("/authorizerConfiguration/customJWTAuthorizer"));
            let text = |member: &str| jwt.and_then(|jwt| jwt.get(member)).and_then(Value::as_str).unwrap_or_default();
            let listed = jwt.and_then(|jwt| jwt.get("allowedClients")).and_then(Value::as_array);
            matches!(item.kind.name, "gateway" | "runtime")
                && text("discoveryUrl").contains(&format!("/{}/", pool.ids.id))
                && listed.is_none_or(Vec::is_empty)
                && (item.kind.name == "runtime" || item.was_open())
        };
        let door = self.items.iter().find(takes_any)?;
        let reach = Reach {
            principal: format!("client `{}` ({})", stranger.name, stranger.id),
            tool: format!("tools of `{}`", door.address),
        };
        Some(("access-widened", reach, format!("`{}` lets every client of the pool in", door.address)))
    }
}

/// The manifest is the one last applied, or nobody knows what was: what differs was changed by hand.
fn is_drift(item: &Item) -> bool {
    let Some(live) = item.live.as_ref().filter(|_| !item.stays()) else { return false };
    let same = |applied: &String| applied_digest(item.kind, &item.applied_document()).starts_with(applied);
    let unknown = references(&item.desired).iter().any(|of| !matches!(of.target, Target::Variable(_)));
    !unknown && live.applied.as_ref().is_none_or(same)
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

fn exposure(address: &Address, code: &str, reach: Reach, message: String, help: String) -> Exposure {
    let (before, after) = match code {
        "engine-detached" | "enforcement-weakened" => ("allowed", "as its policies say"),
        "mfa-weakened" => ("allowed without a second factor", "with a second factor"),
        "interceptor-removed" | "trigger-removed" | "waf-fail-open" => ("allowed unseen", "seen and perhaps refused"),
        _ => ("allowed", "denied, unless something else allows it"),
    };
    Exposure {
        address: address.to_string(),
        code: code.to_owned(),
        principal: reach.principal,
        tool: reach.tool,
        before: before.to_owned(),
        after: after.to_owned(),
        how: "unknown".to_owned(),
        message,
        repaired: false,
        help: Some(help),
    }
}
