//! Opened: who can call what because of something that was done by hand. The account as it is is compared with the account as it
//! would be if nobody had done it; what the manifest itself is about to change is the same on both sides.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::hand::{Deed, Hand, jwt};
use super::item::Item;
use super::states::{States, touched};
use super::weakening;
use crate::access::caller::{Caller, Identity};
use crate::access::change::{Cause, Change, Comparison, Effect, How, Who, compare};
use crate::access::prove::Solver;
use crate::access::token::{Claims, Known, Token};
use crate::access::{Access, Cell};
use crate::address::Address;
use crate::check::deep::deep;
use crate::live;
use crate::stack::Stack;

/// What the comparison found, for the deeds it was made for.
#[derive(Default)]
pub(super) struct Opened {
    comparison: Comparison,
    /// What each deed was done to.
    addresses: Vec<Address>,
    /// The gateways that were compared.
    gateways: BTreeSet<Address>,
    /// The ids of the clients whose access was compared.
    clients: BTreeSet<String>,
    /// The names of those of whom only the client is known.
    strangers: BTreeSet<String>,
    /// Tools that are there only since, as `target/tool`.
    new_tools: BTreeSet<(Address, String)>,
}

/// Compares what is live with what would be, as far as the deeds are about who can call what. Without room for it nothing is
/// compared, and what is suspected stands.
pub(super) fn opened(stack: &Stack, hand: Hand<'_>, deeds: &[Deed<'_>], solver: Option<&Solver>) -> Opened {
    deep(|| with_room(stack, hand, deeds, solver)).unwrap_or_default()
}

fn with_room(stack: &Stack, hand: Hand<'_>, deeds: &[Deed<'_>], solver: Option<&Solver>) -> Opened {
    let gateways = opened_by(hand, deeds);
    if gateways.is_empty() {
        return Opened::default();
    }
    let states = States { stack, items: hand.items, observed: hand.observed, gateways: gateways.clone() };
    let (wanted, is) = (states.untouched(&hand), states.before());
    let (mut before, mut after) = (Access::of(&wanted), Access::of(&is));
    let let_in = let_in(hand, deeds);
    let made: Vec<Caller> = made_clients(hand, deeds).collect();
    let strangers = let_in.iter().chain(&made).map(|caller| caller.name.clone()).collect();
    before.callers.extend(let_in.iter().cloned());
    after.callers.extend(let_in);
    after.callers.extend(made);
    let tools = |access: &Access<'_>| {
        let of = |gateway: &crate::access::Gateway<'_>| {
            let address = gateway.resource.address.clone();
            gateway.tools.iter().map(move |tool| (address.clone(), tool.name.clone())).collect::<Vec<_>>()
        };
        access.gateways.iter().flat_map(of).collect::<BTreeSet<_>>()
    };
    Opened {
        comparison: compare(&before, &after, solver),
        addresses: deeds.iter().map(|deed| deed.address(hand.items)).collect(),
        gateways,
        strangers,
        clients: after.callers.iter().filter_map(client_id).map(ToOwned::to_owned).collect(),
        new_tools: tools(&after).difference(&tools(&before)).cloned().collect(),
    }
}

/// The gateways that let callers in, and that the deeds are about.
fn opened_by(hand: Hand<'_>, deeds: &[Deed<'_>]) -> BTreeSet<Address> {
    let deeds = deeds.iter().map(|deed| (deed.kind(), deed.address(hand.items), deed.parent()));
    let open = |address: &Address| hand.items.at(address).is_some_and(Item::was_open);
    touched(hand.items, deeds).into_iter().filter(open).collect()
}

/// Clients that nobody knows, and that an authorizer was made to let in: of them only the id is known.
fn let_in(hand: Hand<'_>, deeds: &[Deed<'_>]) -> Vec<Caller> {
    let mut seen = BTreeSet::new();
    let ids = deeds.iter().flat_map(|deed| match deed {
        Deed::Changed(item) if item.kind.name == "gateway" => gained_clients(item),
        _ => Vec::new(),
    });
    let known = |id: &String| {
        let ours = hand.items.of_kind("user_pool_client").filter_map(|client| client.live.as_ref());
        let theirs = hand.observed.strangers.iter().map(|stranger| stranger.id.as_str());
        ours.map(|live| live.ids.id.as_str()).chain(theirs).any(|other| other == id)
    };
    let unknown = ids.filter(|id| !known(id)).filter(|id| seen.insert(id.clone()));
    unknown.map(|id| holder(format!("client `{id}`"), &id, None)).collect()
}

/// The clients that the authorizer of a changed gateway lets in and that of the manifest does not list.
fn gained_clients(gateway: &Item) -> Vec<String> {
    let view = gateway.live.as_ref().map(|live| live::view(gateway.kind, &live.document)).unwrap_or_default();
    let (Some(wanted), Some(is)) = (jwt(&gateway.desired), jwt(&view)) else { return Vec::new() };
    let gained = weakening::gained(wanted, is, "allowedClients");
    gained.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// Clients that nobody declared. A listing does not show which scopes they may ask for: they may have any.
fn made_clients<'a>(hand: Hand<'a>, deeds: &'a [Deed<'a>]) -> impl Iterator<Item = Caller> {
    deeds.iter().filter_map(move |deed| {
        let Deed::Made(stranger) = deed else { return None };
        let pool = hand.items.at(&stranger.parent).filter(|_| stranger.kind.name == "user_pool_client")?;
        let issuer = pool.live.as_ref().and_then(|live| {
            let output = pool.kind.output("issuer")?;
            (output.value)(&live.document, &hand.observed.place)
        })?;
        Some(holder(client_name(&stranger.name, &stranger.id), &stranger.id, Some(issuer)))
    })
}

/// What people call a client that nobody declared.
pub(super) fn client_name(name: &str, id: &str) -> String {
    format!("client `{name}` ({id})")
}

fn holder(name: String, id: &str, issuer: Option<String>) -> Caller {
    let mut claims = Claims::new();
    claims.extend(issuer.map(|issuer| ("iss".to_owned(), json!(issuer))));
    claims.insert("client_id".to_owned(), json!(id));
    Caller { name, identity: Identity::Users(Token { claims, known: Known::InPart }) }
}

fn client_id(caller: &Caller) -> Option<&str> {
    match &caller.identity {
        Identity::Client(_, token) | Identity::Users(token) => token.claims.get("client_id")?.as_str(),
        _ => None,
    }
}

impl Opened {
    /// What somebody can call by deeds.
    pub(super) fn gains(&self) -> impl Iterator<Item = &Change> {
        let opens = |change: &&Change| match change.effect {
            Effect::Widened | Effect::Both => true,
            // Of a tool that was not there nobody could call anything.
            Effect::Unknown => self.new_tools.contains(&(change.gateway.clone(), change.tool.clone())),
            Effect::New | Effect::Narrowed | Effect::Equivalent => false,
        };
        self.comparison.changes.iter().filter(opens)
    }

    /// The deeds that a gain comes from. `suspicious` are those whose text alone suggests that they let more through.
    pub(super) fn behind(&self, gain: &Change, hand: Hand<'_>, deeds: &[Deed<'_>], suspicious: &[bool]) -> Vec<usize> {
        let where_ = |is_it: &dyn Fn(usize, &Deed<'_>) -> bool| {
            let found = deeds.iter().enumerate().filter(|(index, deed)| is_it(*index, deed));
            found.map(|(index, _)| index).collect::<Vec<usize>>()
        };
        let stands_at = |index: usize, address: &Address| self.addresses.get(index) == Some(address);
        let at = |address: &Address| where_(&|index, _| stands_at(index, address));
        let target = || {
            let (target, _) = gain.tool.split_once('/').unwrap_or_default();
            let called = |deed: &Deed<'_>| match deed {
                Deed::Changed(item) | Deed::Deleted(item) => item.live_name() == target,
                Deed::Made(stranger) => stranger.name == target,
            };
            where_(&|_, deed| {
                deed.kind().name == "gateway_target" && deed.parent().as_ref() == Some(&gain.gateway) && called(deed)
            })
        };
        let gateway = || at(&gain.gateway);
        let engines = || {
            let gateway = hand.items.at(&gain.gateway);
            let engines = gateway.map(|gateway| [hand.items.attached_engine(gateway), hand.items.live_engine(gateway)]);
            engines.into_iter().flatten().flatten().collect::<Vec<Address>>()
        };
        let policy = |deed: &Deed<'_>| {
            deed.kind().name == "policy" && deed.parent().is_some_and(|engine| engines().contains(&engine))
        };
        let suspects =
            || where_(&|index, deed| policy(deed) && !self.clears(index) && suspicious.get(index) == Some(&true));
        let first = |of: [Vec<usize>; 3]| of.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
        match &gain.cause {
            _ if gain.effect == Effect::Unknown => target(),
            Cause::Mode | Cause::Door => gateway(),
            Cause::Tool(target) => at(target),
            Cause::Caller => {
                let (Who::Caller(name) | Who::Others(name)) = &gain.who;
                let is_of = |deed: &Deed<'_>| match deed {
                    Deed::Changed(item) => item.address.name == *name,
                    Deed::Made(stranger) => client_name(&stranger.name, &stranger.id) == *name,
                    Deed::Deleted(_) => false,
                };
                let own = where_(&|_, deed| deed.kind().name == "user_pool_client" && is_of(deed));
                first([own, gateway(), suspects()])
            }
            Cause::Policies(named) => {
                let named = where_(&|index, deed| policy(deed) && named.iter().any(|named| stands_at(index, named)));
                // Another engine has other policies.
                let swapped = gateway().into_iter().filter(|index| suspicious.get(*index) == Some(&true)).collect();
                first([named, swapped, suspects()])
            }
        }
    }

    /// It is proved that nobody gains anything by this deed.
    pub(super) fn clears(&self, deed: usize) -> bool {
        // Only policies are.
        self.addresses.get(deed).is_some_and(|address| self.comparison.cleared.contains(address))
    }

    /// How many tokens were tried at the gateways of a policy; nothing where they were not all tried.
    pub(super) fn tried(&self, deed: &Deed<'_>, gateways: &[&Item]) -> Option<usize> {
        if deed.kind().name != "policy" || gateways.iter().any(|gateway| !self.gateways.contains(&gateway.address)) {
            return None;
        }
        let of_them = |change: &&Change| gateways.iter().any(|gateway| gateway.address == change.gateway);
        let changes: Vec<&Change> = self.comparison.changes.iter().filter(of_them).collect();
        if changes.iter().any(|change| change.effect == Effect::Unknown || change.cause == Cause::Mode) {
            return None;
        }
        let tried = changes.iter().filter_map(|change| match change.how {
            How::Tested(tokens) => Some(tokens),
            How::Proved | How::Unknown => None,
        });
        tried.max()
    }

    /// Everybody whom a gateway lets in is one of those who were compared.
    pub(super) fn knows_everybody(&self, gateway: &Value) -> bool {
        match gateway.get("authorizerType").and_then(Value::as_str) {
            Some("NONE" | "AUTHENTICATE_ONLY") => true,
            Some("CUSTOM_JWT") => {
                let clients = jwt(gateway).and_then(|jwt| jwt.get("allowedClients")).and_then(Value::as_array);
                let known = |id: &Value| id.as_str().is_some_and(|id| self.clients.contains(id));
                clients.is_some_and(|clients| !clients.is_empty() && clients.iter().all(known))
            }
            _ => false,
        }
    }

    /// The gain is a stranger's of whose tokens too little is known to tell: it may have it.
    pub(super) fn is_uncertain(&self, gain: &Change) -> bool {
        let Who::Caller(name) = &gain.who else { return false };
        self.strangers.contains(name) && gain.after == Some(Cell::Sometimes)
    }

    /// What went wrong with the solver.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.comparison.trouble.as_deref()
    }
}
