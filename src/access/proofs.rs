//! What is proved about a gateway before and after: tool by tool, whether policies let more through or less.
//!
//! The proof is about the policies and holds for every token, those that no issuer gives out too. So it says something only where
//! policies decide on both sides, and the same callers come in.
//!
//! What Cedar cannot tell of a policy, a session or a guardrail, is a truth of its own that a call brings along, the same for the same
//! text on both sides. A proof holds whatever it is. Where calls differ, the bounds of both sides tell whether they do so anyhow.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, Effect as Says, Policy, PolicyId, Schema};
use model::{Action, Tool};
use serde_json::{Map, Value, json};

use super::authorizer::Door;
use super::gateway::{Gateway, Mode, ToolAt};
use super::guard::{Guard, Rule, schema_json};
use super::prove::{Answer, Prover, Question};
use super::to_come::{input, mentioned, types};
use crate::address::Address;

/// Whether calls differ in one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    /// Whether every call that goes through on one side does on the other.
    pub(super) answer: Answer,
    /// It does not, and that takes a session or a guardrail.
    pub(super) depends: bool,
}

/// What is proved of a tool.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof {
    /// Whether every call that goes through after went through before.
    pub(super) widens: Way,
    /// Whether every call that went through before goes through after.
    pub(super) narrows: Way,
}

impl Proof {
    pub(super) fn widens_nothing(&self) -> bool {
        self.widens.answer == Answer::Implied
    }

    pub(super) fn narrows_nothing(&self) -> bool {
        self.narrows.answer == Answer::Implied
    }
}

/// A gateway on both sides, as far as proofs go.
pub(super) struct Proofs<'a> {
    sides: [(&'a Gateway<'a>, &'a Guard<'a>); 2],
    principal: &'static str,
    tools: BTreeSet<String>,
    /// What was proved: tools with the same policies and types are one question.
    proved: BTreeMap<String, Proof>,
}

impl<'a> Proofs<'a> {
    /// Nothing where no proof would say anything.
    pub(super) fn of(before: Option<&'a Gateway<'a>>, after: Option<&'a Gateway<'a>>) -> Option<Self> {
        let (before, after) = (before?, after?);
        let decides = |gateway: &Gateway<'_>| gateway.is_known() && gateway.mode == Mode::Enforce;
        let [old, new] = [before.guard.as_ref()?, after.guard.as_ref()?];
        if !decides(before) || !decides(after) || before.door != after.door || old.gateway() != new.gateway() {
            return None;
        }
        let principal = match after.door {
            Door::Jwt(_) => "OAuthUser",
            Door::Iam | Door::Signed => "IamEntity",
            Door::Open => "UnauthenticatedUser",
            Door::Unknown => return None,
        };
        let tools = after.tools.iter().chain(&before.tools).map(|tool| tool.action.id()).collect();
        Some(Self { sides: [(before, old), (after, new)], principal, tools, proved: BTreeMap::new() })
    }

    /// Policies about tools that nobody knows: nothing is proved of these.
    pub(super) fn about_unknown(&self) -> BTreeSet<Address> {
        let mut groups: BTreeSet<&str> = ["CallTool", "Mcp"].into();
        let to_come = self.sides.iter().flat_map(|(gateway, _)| &gateway.to_come);
        groups.extend(to_come.map(|tool| tool.action.target.as_str()));
        let known = |action: &cedar_policy::EntityUid| {
            let id = action.id().unescaped();
            self.tools.contains(id) || groups.contains(id)
        };
        let unknown = |policy: &Policy| match policy.action_constraint() {
            // What is asked of a target without tools is an action too.
            ActionConstraint::Any => self.sides.iter().any(|(gateway, _)| gateway.has_requests()),
            ActionConstraint::Eq(action) => !known(&action),
            ActionConstraint::In(actions) => !actions.iter().all(known),
        };
        let rules = self.sides.iter().flat_map(|(_, guard)| &guard.rules);
        rules.filter(|rule| unknown(&rule.policy)).map(|rule| rule.resource.address.clone()).collect()
    }

    /// What is proved of a tool, before and after: one that is there, or the one that stands for those to come.
    pub(super) fn prove(&mut self, prover: &mut Prover, before: Option<&ToolAt>, after: Option<&ToolAt>) -> Proof {
        let subject = before.zip(after).and_then(|(before, after)| self.subject(before, after));
        let Some(subject) = subject else { return Proof::default() };
        let key = subject.key();
        if let Some(known) = self.proved.get(&key) {
            return known.clone();
        }
        let [_, (_, guard)] = self.sides;
        let proof = subject.prove(prover, self.principal, guard.gateway()).unwrap_or_default();
        self.proved.insert(key, proof.clone());
        proof
    }

    /// The question in a form that is the same for all tools with the same policies and types; nothing where there is no question to
    /// ask, since inputs differ or are not known.
    fn subject(&self, before: &ToolAt, after: &ToolAt) -> Option<Subject> {
        let [(_, old), (_, new)] = self.sides;
        let forms =
            |guard: &Guard<'_>, tool: &ToolAt| guard.about(&tool.action.id()).map(Form::of).collect::<Option<Vec<_>>>();
        let sides = [forms(old, before)?, forms(new, after)?];
        let all = || sides.iter().flatten();
        if all().any(|form| form.json.to_string().contains(LEFT_OUT)) {
            return None;
        }
        let input_schema = if after.is_to_come() {
            let mentioned: Option<Vec<_>> = all().map(|form| mentioned(&form.json)).collect();
            let mentioned = mentioned?.into_iter().flatten().collect();
            input(self.sides.iter().flat_map(|(gateway, _)| &gateway.tools), &mentioned)?
        } else {
            let (old, new) = (&before.action.tool.input_schema, &after.action.tool.input_schema);
            (types(old) == types(new)).then(|| new.clone())?
        };
        // What a policy says of the action beyond its scope is about this one only.
        let names_actions = all().any(Form::names_actions);
        if names_actions && (before.action.id() != after.action.id() || after.is_to_come()) {
            return None;
        }
        let others = self.sides.iter().flat_map(|(gateway, _)| &gateway.tools).map(|tool| tool.action.clone());
        let (action, others) = if names_actions {
            (after.action.clone(), others.collect())
        } else {
            let tool = Tool { name: "tool".to_owned(), input_schema };
            (Action { target: "target".to_owned(), tool }, Vec::new())
        };
        Some(Subject { sides, action, others })
    }
}

/// A policy in the form that is compared: about the one action, without annotations.
struct Form {
    says: Says,
    json: Value,
    left_out: Option<String>,
}

impl Form {
    fn of(rule: &Rule<'_>) -> Option<Self> {
        let mut json = rule.policy.to_json().ok()?;
        let members = json.as_object_mut()?;
        members.remove("annotations");
        members.insert("action".to_owned(), json!({"op": "All"}));
        Some(Self { says: rule.policy.effect(), json, left_out: rule.left_out.clone() })
    }

    /// A condition speaks of actions.
    fn names_actions(&self) -> bool {
        fn names(part: &Value) -> bool {
            match part {
                Value::Object(members) => members.iter().any(|(name, value)| {
                    (name == "Var" && value == "action")
                        || (name == "type" && value == "AgentCore::Action")
                        || names(value)
                }),
                Value::Array(parts) => parts.iter().any(names),
                _ => false,
            }
        }
        self.json.get("conditions").is_some_and(names)
    }

    fn text(&self) -> String {
        format!("{} {:?}", self.json, self.left_out)
    }

    /// As a policy, which holds only where the truth of this name does too.
    fn policy(&self, number: usize, truth: Option<&str>) -> Option<Policy> {
        let mut json = self.json.clone();
        if let Some(truth) = truth {
            let left_out = json!({".": {"left": {"Var": "context"}, "attr": LEFT_OUT}});
            let condition = json!({"kind": "when", "body": {".": {"left": left_out, "attr": truth}}});
            json.get_mut("conditions")?.as_array_mut()?.push(condition);
        }
        Policy::from_json(Some(PolicyId::new(format!("p{number}"))), json).ok()
    }
}

/// The member of the context with what is left out of policies, text by text. Of a policy that asks for it nothing is proved.
const LEFT_OUT: &str = "what is left out of Cedar";

/// One question.
struct Subject {
    sides: [Vec<Form>; 2],
    action: Action,
    /// Other actions that its policies may name.
    others: Vec<Action>,
}

/// How what is left out of policies is taken.
#[derive(Clone, Copy)]
enum Bound {
    /// As a truth of its own.
    Exact,
    /// Nothing of it permits, and all of it forbids.
    Lower,
    /// All of it permits, and nothing of it forbids.
    Upper,
}

impl Subject {
    fn key(&self) -> String {
        let [old, new] = self.sides.each_ref().map(|forms| {
            let texts: BTreeSet<String> = forms.iter().map(Form::text).collect();
            texts.into_iter().collect::<Vec<_>>().join("\n")
        });
        let named = if self.others.is_empty() { String::new() } else { self.action.id() };
        let types = Value::Object(types(&self.action.tool.input_schema));
        format!("{old}\n\n{new}\n\n{types}\n{named}")
    }

    fn prove(&self, prover: &mut Prover, principal: &str, gateway: &str) -> Option<Proof> {
        let left_out: BTreeSet<&str> =
            self.sides.iter().flatten().filter_map(|form| form.left_out.as_deref()).collect();
        let truths: BTreeMap<&str, String> =
            left_out.iter().enumerate().map(|(number, text)| (*text, format!("t{number}"))).collect();
        let schema = self.schema(truths.values())?;
        let action = self.action.id();
        let question = Question { schema: &schema, principal, action: &action, gateway };
        let [old, new] = &self.sides;
        let mut implied = |less: (&[Form], Bound), more: (&[Form], Bound)| {
            let [less, more] = [less, more].map(|(forms, bound)| policies(forms, bound, &truths));
            let (less, more) = (less?, more?);
            Some(prover.implies(&question, &less.iter().collect::<Vec<_>>(), &more.iter().collect::<Vec<_>>()))
        };
        let mut way = |less: &[Form], more: &[Form]| {
            let answer = implied((less, Bound::Exact), (more, Bound::Exact))?;
            if truths.is_empty() || !matches!(answer, Answer::Not(_)) {
                return Some(Way { answer, depends: false });
            }
            // An example that needs no session is the better one.
            match implied((less, Bound::Lower), (more, Bound::Upper))? {
                Answer::Not(claims) => Some(Way { answer: Answer::Not(claims), depends: false }),
                Answer::Implied | Answer::Open => Some(Way { answer, depends: true }),
            }
        };
        Some(Proof { widens: way(new, old)?, narrows: way(old, new)? })
    }

    /// The schema of the question: small, however many tools there are.
    fn schema<'t>(&self, truths: impl Iterator<Item = &'t String>) -> Option<Schema> {
        let mut actions = self.others.clone();
        if !actions.iter().any(|action| action.id() == self.action.id()) {
            actions.push(self.action.clone());
        }
        let mut schema = schema_json(&actions)?;
        let truths: Map<String, Value> = truths.map(|name| (name.clone(), json!({"type": "Boolean"}))).collect();
        let truths = json!({"type": "Record", "attributes": truths});
        let table = schema.pointer_mut("/AgentCore/actions").and_then(Value::as_object_mut)?;
        let contexts = table.values_mut().filter_map(|action| action.pointer_mut("/appliesTo/context/attributes"));
        for context in contexts.filter_map(Value::as_object_mut) {
            context.insert(LEFT_OUT.to_owned(), truths.clone());
        }
        Schema::from_json_value(schema).ok()
    }
}

fn policies(forms: &[Form], bound: Bound, truths: &BTreeMap<&str, String>) -> Option<Vec<Policy>> {
    let forms = forms.iter().enumerate().filter(|(_, form)| {
        let dropped = match bound {
            Bound::Exact => false,
            Bound::Lower => form.says == Says::Permit,
            Bound::Upper => form.says == Says::Forbid,
        };
        form.left_out.is_none() || !dropped
    });
    let truth = |form: &Form| match bound {
        Bound::Exact => form.left_out.as_deref().and_then(|text| truths.get(text)).map(String::as_str),
        Bound::Lower | Bound::Upper => None,
    };
    forms.map(|(number, form)| form.policy(number, truth(form))).collect()
}
