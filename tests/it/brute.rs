//! Brute force: whether two sets of policies let the same calls through, by Cedar's own engine over every token and every input
//! that could tell them apart. Nothing here is shared with what the plan tries.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicySet, Request, Response, RestrictedExpression, Schema,
};
use gatewright::access::Access;
use gatewright::access::authorizer::Door;
use gatewright::access::token::{Claims, Known, Token};
use gatewright::stack::Stack;
use model::{Action, Tools, cedar_input, cedar_schema};
use serde_json::{Map, Value, json};

use crate::mutants::PLACEHOLDER;

/// What differs, each with a call for which it does.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// A call that goes through after, and did not before.
    pub(crate) widens: Option<String>,
    /// A call that went through before, and does not after.
    pub(crate) narrows: Option<String>,
}

/// A gateway and what can be asked of it.
struct At {
    id: String,
    door: Door,
    actions: Vec<Action>,
    schema: Schema,
    groups: Vec<Entity>,
}

/// Every call that can be made of the gateways of a stack.
pub(crate) struct Calls {
    gateways: Vec<At>,
}

impl Calls {
    pub(crate) fn of(stack: &Stack) -> Self {
        let gateway = |gateway: gatewright::access::Gateway<'_>| {
            let address = &gateway.resource.address;
            let targets = stack.resources.iter().filter(|one| one.parent.as_ref() == Some(address));
            let actions: Vec<Action> = targets
                .filter(|target| target.kind.name == "gateway_target")
                .flat_map(|target| {
                    let Tools::Known(tools) = target.tools() else { panic!("examples state their tools") };
                    let name = target.live_name().unwrap().to_owned();
                    tools.into_iter().map(move |tool| Action { target: name.clone(), tool })
                })
                .collect();
            let schema = Schema::from_json_value(cedar_schema(&actions, &[])).unwrap();
            let id = format!("{PLACEHOLDER}{address}.arn{PLACEHOLDER}");
            At { groups: groups(&actions, &id), id, door: gateway.door, actions, schema }
        };
        Self { gateways: Access::of(stack).gateways.into_iter().map(gateway).collect() }
    }

    /// The ids of all actions.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.gateways.iter().flat_map(|gateway| &gateway.actions).map(Action::id).collect()
    }

    /// What differs between two sets of policies, as far as it is asked.
    pub(crate) fn difference(
        &self,
        before: &BTreeMap<String, Policy>,
        after: &BTreeMap<String, Policy>,
        widens: bool,
        narrows: bool,
    ) -> Difference {
        let mut found = Difference::default();
        if !widens && !narrows {
            return found;
        }
        let set = |policies: Vec<&Policy>| PolicySet::from_policies(policies.into_iter().cloned()).unwrap();
        let changed: Vec<&String> =
            before.keys().filter(|address| before.get(*address) != after.get(*address)).collect();
        let sides = [before, after].map(|side| {
            let alone: Vec<&Policy> = changed.iter().filter_map(|address| side.get(*address)).collect();
            (set(alone.clone()), set(side.values().collect()), alone)
        });
        let [(old_alone, old, old_changed), (new_alone, new, new_changed)] = &sides;
        let changed: Vec<&Policy> = old_changed.iter().chain(new_changed).copied().collect();
        let same_effect = changed.iter().all(|policy| policy.effect() == changed[0].effect());
        let words = Words::of(changed.iter().copied());
        for gateway in &self.gateways {
            let callers = gateway.callers(&words);
            for action in gateway.actions.iter().filter(|action| changed.iter().any(|policy| is_about(policy, action)))
            {
                for input in words.inputs(&action.tool.input_schema) {
                    let Some(asked) = gateway.asked(action, &input) else { continue };
                    for (caller, entities, token) in &callers {
                        let passes = |policies: &PolicySet| gateway.passes(policies, &asked, (caller, entities));
                        let holds = |policies: &PolicySet| gateway.holds(policies, &asked, (caller, entities));
                        // Where the changed policies say the same, everything does.
                        if same_effect && holds(old_alone) == holds(new_alone) {
                            continue;
                        }
                        let slot = match (passes(old), passes(new)) {
                            (false, true) if widens && found.widens.is_none() => &mut found.widens,
                            (true, false) if narrows && found.narrows.is_none() => &mut found.narrows,
                            _ => continue,
                        };
                        *slot = Some(format!("{token} calls {} with {}", action.id(), Value::Object(input.clone())));
                        if found.widens.is_some() == widens && found.narrows.is_some() == narrows {
                            return found;
                        }
                    }
                }
            }
        }
        found
    }
}

/// A policy's scope takes a tool.
fn is_about(policy: &Policy, action: &Action) -> bool {
    let names = [action.id(), action.target.clone(), "CallTool".to_owned(), "Mcp".to_owned()];
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => one.id().unescaped() == names[0],
        ActionConstraint::In(all) => all.iter().any(|one| names.iter().any(|name| one.id().unescaped() == name)),
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(
        EntityTypeName::from_str(&format!("AgentCore::{kind}")).unwrap(),
        EntityId::new(id),
    )
}

/// A call without its caller.
struct Asked {
    action: EntityUid,
    context: Context,
}

impl At {
    /// Everybody whom the gateway lets in, with all entities that a call of his has, and in words.
    fn callers(&self, words: &Words) -> Vec<(EntityUid, Entities, String)> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let id = |id: &str| ("id".to_owned(), text(id));
        let caller = |caller: Entity, said: String| {
            let entities = self.groups.iter().cloned().chain([caller.clone()]);
            (caller.uid(), Entities::from_entities(entities, None).unwrap(), said)
        };
        if self.door == Door::Iam {
            let role = |arn: &String| Entity::new(uid("IamEntity", arn), [id(arn)].into(), [].into()).unwrap();
            return words.near().iter().map(|arn| caller(role(arn), arn.clone())).collect();
        }
        let tokens = words.tokens().into_iter().filter(|claims| {
            let token = Token { claims: claims.clone(), known: Known::InPart };
            self.door.admits_token(&token).is_admitted()
        });
        let holder = |claims: Claims| {
            let tags = claims.iter().map(|(name, claim)| {
                (name.clone(), text(&claim.as_str().map_or_else(|| claim.to_string(), ToOwned::to_owned)))
            });
            let entity = Entity::new_with_tags(uid("OAuthUser", "u"), [id("u")], [], tags).unwrap();
            caller(entity, Value::Object(claims).to_string())
        };
        tokens.map(holder).collect()
    }

    /// Nothing where the tool does not take the input.
    fn asked(&self, action: &Action, input: &Map<String, Value>) -> Option<Asked> {
        let own = uid("Action", &action.id());
        let now = json!({"__extn": {"fn": "datetime", "arg": "2026-01-01T12:00:00Z"}});
        let input = cedar_input(&action.tool.input_schema, input).ok()?;
        let context = json!({"input": input, "system": {"now": now}});
        let context = Context::from_json_value(context, Some((&self.schema, &own))).ok()?;
        Some(Asked { action: own, context })
    }

    fn answer(&self, policies: &PolicySet, asked: &Asked, caller: (&EntityUid, &Entities)) -> Response {
        let (gateway, (caller, entities)) = (uid("Gateway", &self.id), caller);
        let request = Request::new(caller.clone(), asked.action.clone(), gateway, asked.context.clone(), None).unwrap();
        Authorizer::new().is_authorized(&request, policies, entities)
    }

    fn passes(&self, policies: &PolicySet, asked: &Asked, caller: (&EntityUid, &Entities)) -> bool {
        self.answer(policies, asked, caller).decision() == Decision::Allow
    }

    /// One of the policies holds, whatever it says.
    fn holds(&self, policies: &PolicySet, asked: &Asked, caller: (&EntityUid, &Entities)) -> bool {
        self.answer(policies, asked, caller).diagnostics().reason().next().is_some()
    }
}

/// The actions within their groups, and the gateway.
fn groups(actions: &[Action], gateway: &str) -> Vec<Entity> {
    let within = |child: &str, parent: &str| {
        Entity::new_no_attrs(uid("Action", child), std::iter::once(uid("Action", parent)).collect())
    };
    let targets: BTreeSet<&str> = actions.iter().map(|action| action.target.as_str()).collect();
    let actions = actions.iter().map(|action| within(&action.id(), &action.target));
    let targets = targets.into_iter().map(|target| within(target, "CallTool"));
    let all =
        [within("CallTool", "Mcp"), Entity::with_uid(uid("Action", "Mcp")), Entity::with_uid(uid("Gateway", gateway))];
    actions.chain(targets).chain(all).collect()
}

/// What policies compare with.
#[derive(Default)]
pub(crate) struct Words {
    claims: BTreeSet<String>,
    inputs: BTreeSet<String>,
    texts: BTreeSet<String>,
    numbers: BTreeSet<i64>,
}

impl Words {
    pub(crate) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut words = Self::default();
        for policy in policies {
            let form = policy.to_json().unwrap();
            words.texts.extend(form["principal"]["entity"]["id"].as_str().map(ToOwned::to_owned));
            words.read(&form["conditions"]);
        }
        words
    }

    fn read(&mut self, form: &Value) {
        match form {
            Value::Array(items) => items.iter().for_each(|item| self.read(item)),
            Value::Object(members) => {
                for (name, about) in members {
                    match name.as_str() {
                        "getTag" | "hasTag" => {
                            self.claims.extend(about["right"]["Value"].as_str().map(ToOwned::to_owned));
                        }
                        "." | "has" => self.inputs.extend(about["attr"].as_str().map(ToOwned::to_owned)),
                        "like" => self.texts.extend(pattern(about["pattern"].as_array().unwrap())),
                        "Value" => {
                            self.texts.extend(about.as_str().map(ToOwned::to_owned));
                            self.numbers.extend(about.as_i64());
                        }
                        _ => {}
                    }
                    self.read(about);
                }
            }
            _ => {}
        }
    }

    /// Texts with a letter more or less.
    fn near(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::from([String::new(), "x".to_owned()]);
        for text in &self.texts {
            let text = text.trim();
            let mut short: String = text.to_owned();
            short.pop();
            let rest = text.chars().skip(1).collect();
            found.extend([text.to_owned(), format!("{text}x"), format!("x{text}"), short, rest]);
        }
        found
    }

    /// What a claim may be: a text, a text among others, a list.
    fn claim_values(&self) -> Vec<Value> {
        let mut found = BTreeSet::new();
        for text in &self.near() {
            found.extend([text.clone(), format!("{text} y"), format!("y {text}")]);
            let bare = text.trim_matches('"');
            found.extend([json!([bare]), json!(["y", bare])].map(|list| list.to_string()));
        }
        for text in &self.texts {
            found.extend([format!("y {} y", text.trim()), format!("y{}y", text.trim())]);
            found.extend(self.texts.iter().map(|other| format!("{} {}", text.trim(), other.trim())));
        }
        // A list is a list.
        let read =
            |text: String| serde_json::from_str(&text).ok().filter(Value::is_array).unwrap_or_else(|| json!(text));
        found.into_iter().map(read).collect()
    }

    fn tokens(&self) -> Vec<Claims> {
        let values = self.claim_values();
        let mut found = vec![Claims::new()];
        for claim in &self.claims {
            let mut more = Vec::new();
            for token in &found {
                // Two claims at once: each value of the one with the plainest of the other.
                let few = if token.is_empty() { values.len() } else { 12 };
                for value in values.iter().take(few) {
                    let mut token = token.clone();
                    token.insert(claim.clone(), value.clone());
                    more.push(token);
                }
            }
            found.extend(more);
        }
        found
    }

    /// Inputs of a tool: each member that policies look at with every value, together with every value of the others.
    pub(crate) fn inputs(&self, schema: &Value) -> Vec<Map<String, Value>> {
        let required = |name: &String| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let mut found = vec![Map::new()];
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let mut values: Vec<Option<Value>> = self.values(property).into_iter().map(Some).collect();
            if !self.inputs.contains(name) {
                values.truncate(1);
                values.retain(|_| required(name));
            }
            if !required(name) {
                values.push(None);
            }
            let with = |input: &Map<String, Value>, value: &Option<Value>| {
                let mut input = input.clone();
                input.extend(value.clone().map(|value| (name.clone(), value)));
                input
            };
            found = found.iter().flat_map(|input| values.iter().map(move |value| with(input, value))).collect();
        }
        found
    }

    pub(crate) fn values(&self, property: &Value) -> Vec<Value> {
        match property["type"].as_str().unwrap() {
            "integer" => {
                let near = self.numbers.iter().flat_map(|number| [number - 1, *number, number + 1]);
                near.chain([0, 1]).map(Value::from).collect()
            }
            "number" => {
                let numbers = self.texts.iter().filter_map(|text| text.parse::<f64>().ok());
                let near = numbers.flat_map(|number| [number - 0.0001, number, number + 0.0001]);
                near.chain([0.0]).map(Value::from).collect()
            }
            "boolean" => vec![json!(true), json!(false)],
            _ => self.near().into_iter().map(Value::String).collect(),
        }
    }
}

/// The texts of a pattern: its pieces, and the whole with a letter for each `*`.
fn pattern(pattern: &[Value]) -> Vec<String> {
    let piece = |piece: &Value| piece["Literal"].as_str().map_or_else(|| "*".to_owned(), ToOwned::to_owned);
    let text: String = pattern.iter().map(piece).collect();
    let pieces = text.split('*').filter(|piece| !piece.trim().is_empty()).map(ToOwned::to_owned);
    pieces.chain([text.replace('*', ""), text.replace('*', "y")]).collect()
}
