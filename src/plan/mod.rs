//! The plan: a value that says what would change and why. Printing, saving and applying read it; making it is a pure
//! function of the stack and what was observed.

mod accept;
mod access;
mod adoption;
mod attachment;
pub mod close;
mod codes;
mod cover;
mod cycle;
mod exposed;
pub mod form;
mod hand;
pub mod item;
pub mod items;
mod joint;
mod judge;
pub mod lock;
mod make;
mod obstacle;
mod only;
mod opened;
mod order;
pub mod risk;
mod room;
pub mod scope;
mod secret;
mod shared;
mod shown;
mod states;
pub mod subset;
mod suspected;
mod weakening;
pub mod work;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use codes::CODES;
pub use make::{Planned, Towards, make};

/// The version of the plan's JSON form.
pub const FORMAT_VERSION: u32 = 1;

/// What would change, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The version of this format.
    pub format_version: u32,
    /// The stack's name.
    pub stack: String,
    /// The environment's instance; `default` where the manifest has no environments.
    pub env: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The endpoint, if it is not AWS's.
    pub endpoint: Option<String>,
    /// A digest of everything here but times and request ids.
    pub hash: String,
    /// How many of each.
    pub summary: Summary,
    /// The steps, in the order people read them; `apply` orders calls by what needs what.
    pub steps: Vec<Step>,
    /// Who gains or loses which tool.
    pub access: Vec<AccessChange>,
    /// What the live account allows and the manifest does not: by drift, or by what nobody declared.
    pub exposed: Vec<Exposure>,
    /// Steps that weaken security, interrupt or lose data.
    pub risks: Vec<Risk>,
    /// Children of our parents that nobody declared.
    pub unexpected: Vec<Unexpected>,
    /// What adopted objects have and the manifest does not say, with the lines to paste.
    #[serde(default)]
    pub unsaid: Vec<Unsaid>,
    /// What stands in the way, and what could not be read.
    pub diagnostics: Vec<PlanDiagnostic>,
    /// What is worth knowing and stops nothing.
    #[serde(default)]
    pub notes: Vec<PlanDiagnostic>,
    /// How much of the manifest the plan is about.
    #[serde(default)]
    pub extent: Extent,
    /// Steps that a smaller extent leaves out.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// How much of the manifest a plan is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// All of it.
    #[default]
    All,
    /// Steps that narrow access (`--close`).
    Close,
    /// Steps of some addresses, and what they need (`--only`).
    Only,
}

/// A step that is not taken because less was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The resource's address.
    pub address: String,
    /// What would happen to it.
    pub action: Action,
    /// Why, where it does not go without saying.
    pub reason: Option<String>,
}

/// How many resources of each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// To create.
    pub create: usize,
    /// To change in place.
    pub update: usize,
    /// To make anew in place of the old one.
    pub replace: usize,
    /// To delete.
    pub delete: usize,
    /// To give another address.
    #[serde(rename = "move")]
    pub moved: usize,
    /// To take over.
    pub adopt: usize,
    /// As they should be.
    pub unchanged: usize,
}

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// The old one goes, a new one is made.
    Replace,
    /// It goes.
    Delete,
    /// It gets another address.
    Move,
    /// It is taken over.
    Adopt,
}

impl Action {
    /// The live object is there before and after.
    pub fn keeps(self) -> bool {
        matches!(self, Self::NoOp | Self::Update | Self::Move | Self::Adopt)
    }
}

/// Why a live object differs from the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The manifest changed since it was last applied.
    Change,
    /// The manifest is the one last applied: somebody changed the live object.
    Drift,
    /// Nobody can tell: no record of the last apply.
    Unknown,
}

/// One resource and what happens to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The resource's address.
    pub address: String,
    /// Its kind.
    pub kind: String,
    /// What happens.
    pub action: Action,
    /// The live id, if there is one.
    pub id: Option<String>,
    /// Why, where the changes do not say it.
    pub reason: Option<String>,
    /// Where the difference comes from.
    pub origin: Origin,
    /// The members that change.
    pub changes: Vec<MemberChange>,
    /// What keeps the step from being taken; nothing if it can be.
    pub blocked: Option<String>,
    /// A digest of what the manifest wants of it, references unresolved; nothing for a delete. Two plans with the same digest
    /// lead to the same object, however far the first got.
    #[serde(default)]
    pub wanted: Option<String>,
}

/// One member that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberChange {
    /// Its path in wire spelling.
    pub path: String,
    /// The live value; absent if there is none or it is a secret.
    pub before: Option<Value>,
    /// The wanted value; absent if it is removed or a secret. References that are not known yet stand in their source form.
    pub after: Option<Value>,
    /// Some of `after` is known only after apply.
    pub after_unknown: bool,
    /// It is a secret: the values are not shown.
    pub sensitive: bool,
    /// It cannot be changed in place.
    pub forces_replacement: bool,
}

/// A change of who can call which tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccessChange {
    /// What becomes of it.
    pub effect: AccessEffect,
    /// The gateway's address.
    pub gateway: String,
    /// The persona, or whoever else it is about.
    pub principal: String,
    /// The tool, `target/tool`; those that a target may have one day are `target/**`, those of targets to come `**`.
    pub tool: String,
    /// Before: always, sometimes, never, or that there was no gateway.
    pub before: String,
    /// After, likewise.
    pub after: String,
    /// How it was found: proved, tested or unknown. Only what is proved holds for tokens that nobody tried.
    pub how: String,
    /// How many tokens were tried, where it was tested.
    pub tokens: Option<usize>,
    /// A token and an input for which the answers differ.
    pub witness: Option<String>,
    /// On what more it depends whether they differ: a session or a guardrail, which Cedar alone cannot tell.
    #[serde(default)]
    pub depends_on: Option<String>,
}

/// What becomes of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessEffect {
    /// The gateway is new: nobody could call anything before.
    New,
    /// More calls go through than before.
    Widened,
    /// Fewer calls go through.
    Narrowed,
    /// Some calls go through that did not, and some do not that did.
    Both,
    /// The policies change, and the same calls go through.
    Equivalent,
    /// Nobody can tell.
    Unknown,
}

impl AccessEffect {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Both => "widened and narrowed",
            Self::Equivalent => "equivalent",
            Self::Unknown => "unknown",
        }
    }
}

/// What the live account allows and the manifest does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// The resource that shows it; of something nobody declared, the one it lives in.
    pub address: String,
    /// The code of the risk that it would be if the manifest asked for it.
    pub code: String,
    /// Who: a caller of the manifest, or whoever else it is; as far as resources show it `every authenticated caller`.
    pub principal: String,
    /// What they can call: `target/tool`; as far as resources show it `every tool of gateway.hr`.
    pub tool: String,
    /// By the manifest: always, sometimes, never; as far as resources show it in other words.
    pub before: String,
    /// Now, likewise.
    pub after: String,
    /// How it was found: proved, tested or unknown. `unknown` where only resources were looked at.
    pub how: String,
    /// How many tokens were tried, where it was tested.
    #[serde(default)]
    pub tokens: Option<usize>,
    /// A token and an input that go through now and would not by the manifest.
    #[serde(default)]
    pub witness: Option<String>,
    /// Since when, as far as the service keeps a date; nothing of what is gone. No part of the plan's hash.
    #[serde(default)]
    pub since: Option<Since>,
    /// What is open, for a person.
    pub message: String,
    /// A step of this plan sets it right.
    pub repaired: bool,
    /// What to do about it, if no step of the plan does.
    pub help: Option<String>,
}

/// When a live object came to be as it is, in RFC 3339.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Since {
    /// When it was made, if nobody declared it.
    #[serde(default)]
    pub created: Option<String>,
    /// When it was last changed, whatever that changed of it.
    #[serde(default)]
    pub changed: Option<String>,
}

/// A step that weakens security, interrupts or loses data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// Its stable code.
    pub code: String,
    /// The resource.
    pub address: String,
    /// What happens, for a person.
    pub message: String,
    /// It was decided on.
    pub accepted: bool,
    /// The decision, where the manifest holds it.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// The persona that gains a tool, if it is about one. Then the resource is what it gains it by.
    #[serde(default)]
    pub persona: Option<String>,
    /// The tool that it gains.
    #[serde(default)]
    pub tool: Option<String>,
}

/// A decision to take a risk, as an `[[accept]]` of the manifest says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: String,
}

/// A child of a parent of ours that nobody declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unexpected {
    /// The parent's address.
    pub parent: String,
    /// The child's kind.
    pub kind: String,
    /// Its live name.
    pub name: String,
    /// Its id.
    pub id: String,
}

/// What an adopted object has otherwise than the manifest says. It stays so until `adopt` is removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsaid {
    /// The resource.
    pub address: String,
    /// Its kind.
    pub kind: String,
    /// The live id.
    pub id: String,
    /// The lines that say what the manifest leaves out, as they would stand below the resource's header: each a key of TOML
    /// with its value, which may be text of several lines.
    pub paste: Vec<String>,
    /// The members that the manifest says otherwise: what changes once `adopt` is removed.
    pub changes: Vec<MemberChange>,
}

/// Something that stands in the way, or that could not be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDiagnostic {
    /// Its stable code.
    pub code: String,
    /// The resource.
    pub address: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The next action.
    pub help: Option<String>,
}

impl Plan {
    /// A digest of everything in the plan but the field `hash` itself, times, and what was accepted since.
    pub fn digest(&self) -> String {
        let mut plan = self.clone();
        plan.hash.clear();
        for exposure in &mut plan.exposed {
            exposure.since = None;
        }
        for risk in &mut plan.risks {
            risk.accepted = false;
            risk.decision = None;
        }
        let value = serde_json::to_value(plan).unwrap_or_default();
        crate::ownership::digest(&crate::ownership::canonical(&value), 32)
    }

    /// There is nothing to do and nothing in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::NoOp)
    }

    /// Something stands in the way of a step.
    pub fn is_blocked(&self) -> bool {
        self.steps.iter().any(|step| step.blocked.is_some())
    }

    /// Something could not be read, so nobody knows whether this is all.
    pub fn is_incomplete(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == "plan::unread")
    }

    /// Something is exposed that no step of this plan sets right.
    pub fn stays_exposed(&self) -> bool {
        self.exposed.iter().any(|exposure| !exposure.repaired)
    }

    /// A step would narrow access, and only an apply without `--close` can take it.
    pub fn holds_back_closing(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == "plan::close")
    }

    /// Something refuses the whole run: what `--only` names would open what it leaves closed.
    pub fn is_refused(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == "plan::only")
    }

    /// Risks that nobody has accepted.
    pub fn open_risks(&self) -> impl Iterator<Item = &Risk> {
        self.risks.iter().filter(|risk| !risk.accepted)
    }
}

impl Risk {
    /// What happens, with the resource it happens to if it is about one.
    pub fn sentence(&self) -> String {
        if self.address.is_empty() { self.message.clone() } else { format!("{}: {}", self.address, self.message) }
    }
}
