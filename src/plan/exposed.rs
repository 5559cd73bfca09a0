//! Exposed: what the live account allows and the manifest does not. Only what somebody did by hand counts; a change that the
//! manifest itself makes does not.
//!
//! What is [suspected](super::suspected) of a resource's text is told as who gains which tool, where the comparison of the live
//! account with the manifest shows it ([`opened`](super::opened)); it is dropped where nobody is proved to gain anything, and
//! stands as it is where the comparison cannot tell.

use super::access::word;
use super::hand::{Deed, Hand};
use super::item::Item;
use super::items::Items;
use super::make::Towards;
use super::opened::{Opened, opened};
use super::suspected::{Look, Suspicion};
use super::weakening;
use super::{Action, Exposure};
use crate::access::change::{Cause, Change, Effect, How, Who};
use crate::access::prove::Solver;
use crate::live;
use crate::observe::{Observed, Stranger};
use crate::stack::Stack;

/// Everything that is exposed, and what went wrong with the solver. `decided` are the items as the whole manifest wants them,
/// `items` those that this plan carries out.
pub(super) fn exposed(
    stack: &Stack,
    decided: &Items,
    items: &Items,
    observed: &Observed,
    solver: Option<&Solver>,
    towards: Towards,
) -> (Vec<Exposure>, Option<String>) {
    let owner = stack.owner();
    let hand = Hand { items: decided, observed, owner: &owner };
    let deeds = if towards == Towards::Nothing { Vec::new() } else { hand.deeds() };
    if deeds.is_empty() {
        return (Vec::new(), None);
    }
    let look = Look { hand };
    let suspicions: Vec<Vec<Suspicion>> = deeds.iter().map(|deed| look.suspicions(deed)).collect();
    let open_by_text: Vec<bool> = suspicions.iter().map(|found| !found.is_empty()).collect();
    let opened = opened(stack, hand, &deeds, solver);
    let mut gains: Vec<Vec<&Change>> = vec![Vec::new(); deeds.len()];
    let mut found = Vec::new();
    for gain in opened.gains() {
        let behind = opened.behind(gain, hand, &deeds, &open_by_text);
        if behind.is_empty() {
            found.push(gained(of_nothing(gain), gain));
        }
        for index in behind {
            gains.get_mut(index).into_iter().for_each(|gains| gains.push(gain));
        }
    }
    let telling = Telling { look, opened: &opened, items };
    for (index, ((deed, suspicions), gains)) in deeds.iter().zip(suspicions).zip(gains).enumerate() {
        found.extend(telling.of(deed, suspicions, &gains, opened.clears(index)));
    }
    (found, opened.trouble().map(ToOwned::to_owned))
}

/// What a step deletes was declared by nobody, and lets somebody call something.
pub(super) fn is_unexpected_door(item: &Item, items: &Items, observed: &Observed) -> bool {
    let id = item.live.as_ref().map(|live| &live.ids.id);
    let hand = Hand { items, observed, owner: "" };
    let is_it = |stranger: &&Stranger| stranger.kind == item.kind && Some(&stranger.id) == id;
    let found = observed.strangers.iter().find(is_it).filter(|stranger| hand.is_unexpected(stranger));
    found.is_some_and(|stranger| !Look { hand }.suspicions(&Deed::Made(stranger)).is_empty())
}

/// Tells of one deed what it opens.
struct Telling<'a> {
    look: Look<'a>,
    opened: &'a Opened,
    items: &'a Items,
}

impl Telling<'_> {
    /// `cleared`: nobody is proved to gain anything by it.
    fn of(&self, deed: &Deed<'_>, suspicions: Vec<Suspicion>, gains: &[&Change], cleared: bool) -> Vec<Exposure> {
        let mut found = Vec::new();
        let told = |exposure: Exposure, repaired: bool| Exposure { repaired, since: deed.since(), ..exposure };
        for gain in gains {
            let behind = suspicions.iter().find(|suspicion| explains(suspicion, deed, gain)).or(suspicions.first());
            let exposure = match behind {
                Some(suspicion) => told(suspicion.exposure.clone(), self.repairs(deed, Some(suspicion))),
                None => told(Look::unsuspected(deed), self.repairs(deed, None)),
            };
            let mut exposure = gained(exposure, gain);
            if self.opened.is_uncertain(gain) {
                exposure = Exposure { how: "unknown".to_owned(), tokens: None, ..exposure };
                exposure.message.push_str("; which scopes it may ask for was not read");
            }
            found.push(exposure);
        }
        for suspicion in suspicions {
            let shown = gains.iter().any(|gain| explains(&suspicion, deed, gain));
            let settled = if shown { self.says_it_all(deed) } else { cleared };
            if settled {
                continue;
            }
            let repaired = self.repairs(deed, Some(&suspicion));
            let mut exposure = told(suspicion.exposure, repaired);
            let gateways = self.look.open_gateways(deed.parent().as_ref());
            if let Some(tokens) = self.opened.tried(deed, &gateways).filter(|_| !shown) {
                "tested".clone_into(&mut exposure.how);
                exposure.tokens = Some(tokens);
                exposure.message.push_str("; nobody who was tried gains anything by it");
            }
            found.push(exposure);
        }
        found
    }

    /// What callers gain is all that there is to say: nobody else is let in.
    fn says_it_all(&self, deed: &Deed<'_>) -> bool {
        match deed {
            Deed::Changed(item) if item.kind.name == "gateway" => {
                let view = item.live.as_ref().map(|live| live::view(item.kind, &live.document));
                view.is_some_and(|view| self.opened.knows_everybody(&view))
            }
            _ => true,
        }
    }

    /// A step of the plan sets this right. One that only narrows may leave some of it open.
    fn repairs(&self, deed: &Deed<'_>, suspicion: Option<&Suspicion>) -> bool {
        let (Deed::Changed(decided) | Deed::Deleted(decided)) = deed else {
            let Deed::Made(stranger) = deed else { return false };
            let item = super::states::item_of(stranger, self.items);
            return item.is_some_and(|item| item.action == Action::Delete && item.changes());
        };
        let Some(now) = self.items.at(&decided.address).filter(|now| now.changes()) else { return false };
        let left = |suspicion: &Suspicion| {
            let left = weakening::weakenings(now.kind, &decided.desired, &now.desired);
            suspicion.weakening.as_ref().is_some_and(|weakening| left.contains(weakening))
        };
        !now.closing || suspicion.is_some_and(|suspicion| !left(suspicion))
    }
}

/// What is suspected is what the gain comes from.
fn explains(suspicion: &Suspicion, deed: &Deed<'_>, gain: &Change) -> bool {
    let code = suspicion.exposure.code.as_str();
    match (deed.kind().name, &gain.cause) {
        ("gateway", Cause::Mode) => matches!(code, "engine-detached" | "enforcement-weakened"),
        ("gateway", Cause::Door) => code == "authorizer-weakened",
        ("gateway" | "user_pool_client", _) => code == "access-widened",
        _ => true,
    }
}

/// An exposure as one caller's gain.
fn gained(exposure: Exposure, gain: &Change) -> Exposure {
    let (Who::Caller(principal) | Who::Others(principal)) = &gain.who;
    let (how, tokens) = match gain.how {
        How::Proved => ("proved", None),
        How::Tested(tokens) => ("tested", Some(tokens)),
        How::Unknown => ("unknown", None),
    };
    let [before, after] = if gain.effect == Effect::Unknown {
        ["not known".to_owned(), "not known".to_owned()]
    } else {
        [word(gain.before), word(gain.after)]
    };
    Exposure {
        principal: principal.clone(),
        tool: gain.tool.clone(),
        before,
        after,
        how: how.to_owned(),
        tokens,
        witness: gain.witness.clone(),
        ..exposure
    }
}

/// What nothing that was done explains is told of the gateway.
fn of_nothing(gain: &Change) -> Exposure {
    Exposure {
        address: gain.gateway.to_string(),
        code: "access-widened".to_owned(),
        principal: String::new(),
        tool: String::new(),
        before: String::new(),
        after: String::new(),
        how: String::new(),
        tokens: None,
        witness: None,
        since: None,
        message: format!("something that `{}` depends on was changed by hand", gain.gateway),
        repaired: false,
        help: Some("look at what this plan says of drift, and apply it".to_owned()),
    }
}
