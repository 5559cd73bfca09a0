//! A gateway as callers meet it: its door, its tools, and the policies behind.

use std::collections::BTreeSet;

use cedar_policy::{Effect, EntityUid, Policy, ResourceConstraint};
use model::{Action, Tools};
use serde_json::{Value, json};

use super::authorizer::{Admission, Door};
use super::caller::{Caller, Identity, claim_names, issuer_of, token_of};
use super::guard::{Guard, Principal, Rule};
use super::opaque::readable;
use super::stand_in::{StandIns, is_stand_in};
use super::to_come;
use super::token::{ClaimNames, Token};
use super::verdict::{Cell, Verdict};
use crate::address::Address;
use crate::check::{adds_claims, children, of_kind, referred};
use crate::kind::{GATEWAY_TARGET, POLICY, statement_of};
use crate::manifest::cedar::with_clause;
use crate::stack::{Resource, Stack};

/// How much the policies of a gateway count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They decide.
    Enforce,
    /// They are evaluated and decide nothing: every call succeeds.
    LogOnly,
    /// No engine is attached: every call succeeds.
    NoEngine,
    /// The engine is somebody else's: nothing is known of its policies.
    Unknown,
}

impl Mode {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "ENFORCE",
            Self::LogOnly => "LOG_ONLY",
            Self::NoEngine => "no policy engine",
            Self::Unknown => "unknown policy engine",
        }
    }
}

/// A tool of a gateway.
#[derive(Debug, Clone)]
pub struct ToolAt {
    /// `target/tool`, the target by its live name.
    pub name: String,
    /// The target.
    pub target: Address,
    pub(crate) action: Action,
}

impl ToolAt {
    /// Whether a text names it: `target/tool`, `target/*` or `target/**`, the target by its live name or by its name in the
    /// manifest.
    pub fn is_named(&self, text: &str) -> bool {
        let Some((target, tool)) = text.split_once('/') else { return false };
        (target == self.action.target || target == self.target.name)
            && (tool == self.action.tool.name || matches!(tool, "*" | "**"))
    }
}

/// A gateway as callers meet it.
#[derive(Debug)]
pub struct Gateway<'a> {
    /// The gateway.
    pub resource: &'a Resource,
    /// How it asks who calls.
    pub door: Door,
    /// How much its policies count.
    pub mode: Mode,
    /// The engine attached to it, if it is one of the manifest.
    pub engine: Option<Address>,
    /// Its tools, in the manifest's order.
    pub tools: Vec<ToolAt>,
    /// What stands for the tools that its targets may have one day, and for those of targets to come.
    pub(crate) to_come: Vec<ToolAt>,
    /// What has to be said beside every answer.
    pub notes: Vec<String>,
    /// The names of the claims of those who come in.
    pub names: ClaimNames,
    pub(crate) guard: Option<Guard<'a>>,
    /// Its engine may hold policies that nobody here knows.
    shared: bool,
    stack: &'a Stack,
}

/// A caller at a gateway.
#[derive(Debug)]
pub struct Visitor {
    /// Whether the door opens.
    pub admission: Admission,
    /// The token, if it has one.
    pub token: Option<Token>,
    pub(crate) principal: Option<Principal>,
}

impl<'a> Gateway<'a> {
    /// A gateway of a stack.
    pub(crate) fn of(stack: &'a Stack, resource: &'a Resource) -> Self {
        let stand_ins = StandIns::of(stack);
        let document = stand_ins.document(&resource.document);
        let door = Door::of(&document);
        let mut notes = Vec::new();
        let tools = tools(stack, resource, &mut notes);
        let configured = resource.document.get("policyEngineConfiguration");
        let engine = referred(configured.and_then(|engine| engine.get("arn")));
        let declared = engine.as_ref().and_then(|engine| stack.resource(engine));
        let mode = match configured {
            _ if resource.existing.is_some() => Mode::Unknown,
            None => Mode::NoEngine,
            Some(engine) if engine.get("mode").and_then(Value::as_str) == Some("LOG_ONLY") => Mode::LogOnly,
            Some(_) if declared.is_none() => Mode::Unknown,
            Some(_) => Mode::Enforce,
        };
        match mode {
            Mode::Unknown if resource.existing.is_some() => {
                notes.push("somebody else's gateway: its authorizer and its engine are not known offline".to_owned());
            }
            Mode::Unknown => notes.push("its engine is not known here: what it permits is not known".to_owned()),
            Mode::LogOnly => {
                notes.push("LOG_ONLY: policies decide nothing, everybody let in may call everything".to_owned());
            }
            Mode::NoEngine => notes.push("no policy engine: everybody let in may call everything".to_owned()),
            Mode::Enforce => {}
        }
        if declared.is_some_and(|engine| engine.existing.is_some()) {
            notes.push("its engine is somebody else's and may hold more policies than these".to_owned());
        }
        if matches!(door, Door::Iam) {
            notes
                .push("IAM and resource policies are not evaluated: they decide who may invoke the gateway".to_owned());
        }
        if has_request_interceptor(&resource.document) {
            notes.push("its REQUEST interceptor may change the arguments of a call".to_owned());
        }
        let arn = stand_ins.output(&resource.address, "arn");
        let rules = declared.map(|engine| rules(stack, &engine.address, &arn, &mut notes)).unwrap_or_default();
        let definition = stack.authorizers.iter().find(|definition| definition.used_by.contains(&resource.address));
        let jwt = resource.document.pointer("/authorizerConfiguration/customJWTAuthorizer");
        let pool = definition.and_then(|definition| stack.resource(definition.user_pool.as_ref()?));
        if pool.is_some_and(|pool| pool.existing.is_none() && adds_claims(pool)) {
            notes
                .push("a function of its pool may add claims and scopes to tokens: they are not known here".to_owned());
        }
        let issuer = jwt.map(|jwt| issuer_of(jwt, stand_ins)).unwrap_or_default();
        let targets = children(stack, &GATEWAY_TARGET, &resource.address);
        let targets = targets.filter(|target| !matches!(target.tools(), Tools::Http));
        let targets = targets.map(|target| (target.address.clone(), stand_ins.output(&target.address, "name")));
        let (to_come, is_blind) = to_come::tools(&resource.address, targets, &tools, &rules);
        let actions: Vec<Action> = tools.iter().chain(&to_come).map(|tool| tool.action.clone()).collect();
        let guard = Guard::new(&arn, &actions, rules, is_blind);
        if guard.is_none() && mode == Mode::Enforce && !tools.is_empty() {
            notes.push("Cedar takes no schema of its tools: what its policies permit is not known".to_owned());
        }
        Self {
            names: claim_names(definition, &issuer),
            guard,
            shared: declared.is_some_and(|engine| engine.existing.is_some()),
            resource,
            door,
            mode,
            engine,
            tools,
            to_come,
            notes,
            stack,
        }
    }

    /// Whether a caller has what the gateway asks for: a token, a signature, or nothing. Where nobody is asked who it is, everybody is
    /// the same.
    pub fn asks(&self, caller: &Caller) -> bool {
        let holds_token = matches!(
            caller.identity,
            Identity::Client(..) | Identity::Persona(_) | Identity::Token(_) | Identity::Users(_)
        );
        match self.door {
            Door::Jwt(_) => holds_token,
            Door::Iam | Door::Signed => matches!(caller.identity, Identity::Role(_) | Identity::AnyRole),
            Door::Open => matches!(caller.identity, Identity::Nobody),
            Door::Unknown => false,
        }
    }

    /// Every policy that decides is one of the manifest.
    pub fn is_known(&self) -> bool {
        self.mode != Mode::Unknown && !self.shared && (self.guard.is_some() || self.mode == Mode::NoEngine)
    }

    /// Its engine may hold policies that nobody here knows.
    pub(crate) fn doubt(&mut self) {
        self.shared = true;
    }

    /// Some of its targets have requests and no tools.
    pub(crate) fn has_requests(&self) -> bool {
        let mut targets = children(self.stack, &GATEWAY_TARGET, &self.resource.address);
        targets.any(|target| matches!(target.tools(), Tools::Http))
    }

    /// The stack it is part of.
    pub(crate) fn stack(&self) -> &'a Stack {
        self.stack
    }

    /// Those whom the door lets in without the manifest describing them.
    pub(crate) fn strangers(&self) -> Option<Caller> {
        match self.door {
            Door::Open => Some(Caller { name: "anybody".to_owned(), identity: Identity::Nobody }),
            Door::Signed => Some(Caller { name: "any AWS identity".to_owned(), identity: Identity::AnyRole }),
            Door::Jwt(_) | Door::Iam | Door::Unknown => None,
        }
    }

    /// A caller at this gateway.
    pub fn visitor(&self, caller: &Caller) -> Visitor {
        let token = match &caller.identity {
            Identity::Client(_, token) | Identity::Token(token) => Ok(Some(token.clone())),
            Identity::Persona(persona) if matches!(self.door, Door::Jwt(_)) => {
                token_of(persona, &self.names, self.stack).map(Some)
            }
            Identity::Persona(_) => {
                Ok(Some(Token { claims: serde_json::Map::new(), known: super::token::Known::InPart }))
            }
            Identity::Users(token) => {
                let admission = self.door.admits_token(token);
                let principal = self.guard.as_ref().and_then(|guard| guard.any_user(token));
                return Visitor { admission, token: None, principal };
            }
            Identity::Role(_) | Identity::AnyRole | Identity::Nobody => Ok(None),
        };
        match token {
            Err(problem) => Visitor { admission: Admission::Refused(problem), token: None, principal: None },
            Ok(Some(token)) => self.holder(&caller.name, token),
            Ok(None) => {
                let guard = self.guard.as_ref();
                let principal = match &caller.identity {
                    _ if self.door == Door::Open => guard.and_then(Guard::nobody),
                    Identity::Role(arn) => guard.and_then(|guard| guard.role(arn)),
                    _ => guard.and_then(Guard::any_role),
                };
                let admission = match caller.identity {
                    Identity::Nobody => Admission::Admitted { assumed: Vec::new() },
                    _ => self.door.admits_role(),
                };
                Visitor { admission, token: None, principal }
            }
        }
    }

    /// The holder of a token at this gateway.
    pub(crate) fn holder(&self, name: &str, token: Token) -> Visitor {
        let guard = self.guard.as_ref();
        let admission = self.door.admits_token(&token);
        let principal = match self.door {
            // Where nobody is asked, a token is not looked at.
            Door::Open => guard.and_then(Guard::nobody),
            // Whom the door refuses no policy is asked about.
            _ if !admission.is_admitted() => None,
            _ => guard.and_then(|guard| guard.holder(name, &token)),
        };
        Visitor { admission, token: Some(token), principal }
    }

    /// How often a visitor may call a tool.
    pub fn verdict(&self, visitor: &Visitor, tool: &ToolAt) -> Verdict {
        self.settled(visitor).unwrap_or_else(|| {
            let verdict = self.guard.as_ref().zip(visitor.principal.as_ref());
            let verdict = verdict.and_then(|(guard, principal)| guard.cell(principal, &tool.action.id()));
            // What cannot be evaluated is not known, and never taken for safe.
            verdict.map_or(nothing(Cell::Sometimes), |verdict| self.bounded(verdict))
        })
    }

    /// Whether a visitor may call a tool with this input.
    pub fn decide(
        &self,
        visitor: &Visitor,
        tool: &ToolAt,
        input: &serde_json::Map<String, Value>,
        now: &str,
    ) -> Result<Verdict, String> {
        if let Some(settled) = self.settled(visitor) {
            return Ok(settled);
        }
        let (Some(guard), Some(principal)) = (&self.guard, &visitor.principal) else {
            return Ok(nothing(Cell::Sometimes));
        };
        guard.decide(principal, &tool.action, input, now).map(|verdict| self.bounded(verdict))
    }

    /// The same where of all that Cedar cannot tell exactly this holds.
    pub(crate) fn decide_supposing(
        &self,
        visitor: &Visitor,
        tool: &ToolAt,
        input: &serde_json::Map<String, Value>,
        now: &str,
        supposed: &BTreeSet<&str>,
    ) -> Result<Verdict, String> {
        if let Some(settled) = self.settled(visitor) {
            return Ok(settled);
        }
        let (Some(guard), Some(principal)) = (&self.guard, &visitor.principal) else {
            return Ok(nothing(Cell::Sometimes));
        };
        let verdict = guard.decide_supposing(principal, &tool.action, input, now, supposed);
        verdict.map(|verdict| self.bounded(verdict))
    }

    /// What policies that nobody here knows leave of an answer: only a forbid stands whatever they say.
    fn bounded(&self, verdict: Verdict) -> Verdict {
        let forbidden = verdict.holding.iter().any(|(effect, _)| *effect == Effect::Forbid);
        let cell = if self.shared && !forbidden { Cell::Sometimes } else { verdict.cell };
        Verdict { cell, ..verdict }
    }

    /// What no policy has to be asked for.
    fn settled(&self, visitor: &Visitor) -> Option<Verdict> {
        match (visitor.admission.is_admitted(), self.mode) {
            (false, _) => Some(nothing(Cell::Never)),
            (true, Mode::LogOnly | Mode::NoEngine) => Some(nothing(Cell::Always)),
            (true, Mode::Unknown) => Some(nothing(Cell::Sometimes)),
            (true, Mode::Enforce) => None,
        }
    }
}

fn nothing(cell: Cell) -> Verdict {
    Verdict { cell, holding: Vec::new(), depending: Vec::new() }
}

/// The tools of a gateway whose names are known.
fn tools(stack: &Stack, gateway: &Resource, notes: &mut Vec<String>) -> Vec<ToolAt> {
    let stand_ins = StandIns::of(stack);
    let mut found = Vec::new();
    for target in children(stack, &GATEWAY_TARGET, &gateway.address) {
        let name = stand_ins.output(&target.address, "name");
        match target.tools() {
            Tools::Known(tools) => found.extend(tools.into_iter().map(|tool| ToolAt {
                name: format!("{name}/{}", tool.name),
                target: target.address.clone(),
                action: Action { target: name.clone(), tool },
            })),
            Tools::Unknown => notes.push(format!("the tools of `{}` are not known", target.address)),
            Tools::Http => notes.push(format!("`{}` has no tools: its requests are not shown", target.address)),
        }
    }
    found
}

/// The policies of an engine that take part in decisions about a gateway.
fn rules<'a>(stack: &'a Stack, engine: &'a Address, arn: &str, notes: &mut Vec<String>) -> Vec<Rule<'a>> {
    let stand_ins = StandIns::of(stack);
    let active = |policy: &&Resource| policy.document.get("enforcementMode").is_none_or(|mode| mode == "ACTIVE");
    let rule = |resource: &'a Resource| {
        let statement = stand_ins.text(resource.document.get("definition").and_then(statement_of)?);
        let (mut policy, mut left_out) = readable(&resource.address, &statement)?;
        if left_out.is_some() {
            let address = &resource.address;
            notes.push(format!("`{address}` uses an extension of Cedar: what depends on it shows as sometimes"));
        }
        let is_unclear = |named: &EntityUid| is_gateway(named) && may_be(named.id().unescaped(), arn).is_none();
        if let ResourceConstraint::Eq(named) = policy.resource_constraint()
            && may_be(named.id().unescaped(), arn) == Some(false)
        {
            return None;
        }
        if policy.entity_literals().iter().any(is_unclear) {
            notes.push(format!("`{}` names a gateway by its ARN, which may be this one", resource.address));
            let also = left_out.map(|text| format!("{text} ")).unwrap_or_default();
            (policy, left_out) = match policy.resource_constraint() {
                ResourceConstraint::Eq(named)
                    if policy.entity_literals().iter().filter(|uid| is_gateway(uid)).count() == 1 =>
                {
                    (of_any_gateway(&policy)?, Some(format!("{also}resource == {named}")))
                }
                // Its conditions ask for the gateway: whatever they say, and wherever.
                _ => (without_conditions(&policy)?, Some(format!("{also}{policy}"))),
            };
        }
        Some(Rule { resource, statement, policy, left_out })
    };
    children(stack, &POLICY, engine).filter(active).filter_map(rule).collect()
}

/// The policy without the gateway that it is about.
fn of_any_gateway(policy: &Policy) -> Option<Policy> {
    Policy::parse(Some(policy.id().clone()), with_clause(&policy.to_string(), 2, "resource")?).ok()
}

/// The policy without its conditions and without the gateway that it is about.
fn without_conditions(policy: &Policy) -> Option<Policy> {
    let mut json = policy.to_json().ok()?;
    let members = json.as_object_mut()?;
    members.insert("resource".to_owned(), json!({"op": "All"}));
    members.insert("conditions".to_owned(), json!([]));
    Policy::from_json(Some(policy.id().clone()), json).ok()
}

fn is_gateway(named: &EntityUid) -> bool {
    named.type_name().to_string() == "AgentCore::Gateway"
}

/// Whether an ARN is that of this gateway; nothing where nobody knows. What wholly is another reference is another gateway.
fn may_be(named: &str, arn: &str) -> Option<bool> {
    let is_reference = |text: &str| text.starts_with("${") && text.find('}') == Some(text.len() - 1);
    match named == arn {
        true => Some(true),
        false if is_reference(named) || !(is_stand_in(named) || is_stand_in(arn)) => Some(false),
        false => None,
    }
}

fn has_request_interceptor(gateway: &Value) -> bool {
    let interceptors = gateway.get("interceptorConfigurations").and_then(Value::as_array);
    interceptors.into_iter().flatten().any(|interceptor| {
        let points = interceptor.get("interceptionPoints").and_then(Value::as_array);
        points.is_some_and(|points| points.iter().any(|point| point == "REQUEST"))
    })
}

/// The gateways of a stack.
pub(crate) fn gateways(stack: &Stack) -> Vec<Gateway<'_>> {
    of_kind(stack, &crate::kind::GATEWAY).map(|gateway| Gateway::of(stack, gateway)).collect()
}
