//! `[grant.NAME]`: a line of the role table, rewritten into exact Cedar policies.

use model::Tools;
use serde_json::{Map, Value, json};

use super::Loader;
use super::convert::Sheet;
use super::document::Block;
use super::exact::{literal, untestable};
use super::fill::CedarPlace;
use super::granted::{Condition, Grant, split};
use super::nearest::suggestion;
use super::tree::{Content, Entry, Node};
use crate::access::caller::claim_names;
use crate::access::token::ClaimNames;
use crate::address::Address;
use crate::check::deep::deep;
use crate::check::referred;
use crate::diagnostic::Diagnostic;
use crate::kind::{GATEWAY, GATEWAY_TARGET, POLICY, USER_POOL_CLIENT};
use crate::reference::{self, Filter, Reference, Target};
use crate::stack::{Claim, Resource};

const KEYS: [&str; 13] = [
    "gateway",
    "tools",
    "scopes",
    "groups",
    "clients",
    "claims",
    "when",
    "any_authenticated_caller",
    "name",
    "description",
    "validation_mode",
    "enforcement_mode",
    "only_if",
];

impl Loader {
    /// Rewrites a grant into its policies, once gateways and targets are known.
    pub(super) fn grant(&mut self, block: &Block) {
        let address = block.address.clone();
        let of = |key: &str| block.node.table().unwrap_or_default().iter().find(|entry| entry.key == key);
        let mut sheet = Sheet::new(POLICY.api(), address.clone());
        for entry in block.node.table().unwrap_or_default().iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            self.unknown_key(&mut sheet, entry, KEYS.into_iter());
        }
        let before = self.diagnostics.len();
        let gateway = self.granted_gateway(of("gateway"), block);
        let Some(gateway) = gateway else { return };
        let Some(engine) = referred(gateway.document.pointer("/policyEngineConfiguration/arn")) else {
            let message = format!("`{}` has no policy engine that could hold `{address}`", gateway.address);
            let help = "attach one: `policy_engine = \"…\"` and `policy_mode = \"ENFORCE\"`";
            return self.ungranted(block, of("gateway"), message, help);
        };
        let actions = self.granted_tools(of("tools"), &gateway, block);
        let (principal, conditions) = self.granted_conditions(&of, &gateway, block);
        // What is wrong was said; half of a grant would permit something else.
        if self.diagnostics.len() > before || actions.is_empty() {
            return;
        }
        let grant = Grant { principal, actions, gateway: gateway.address.clone(), conditions };
        let Some(texts) = split(&grant) else {
            let message = format!("one condition of `{address}` alone is longer than a policy may be");
            return self.ungranted(
                block,
                of("when"),
                message,
                "a policy has at most 10,000 characters: shorten `when`",
            );
        };
        let name = match of("name") {
            Some(entry) => self.known_text(&entry.node, "`name`"),
            None => Some(block.name.clone()),
        };
        let Some(name) = name else { return };
        let keys = self.spelling.of_kind(&POLICY);
        let mut members = Map::new();
        for key in ["description", "validation_mode", "enforcement_mode"] {
            if let (Some(entry), Some(member)) = (of(key), keys.get(key)) {
                let value = self.member(&mut sheet, member, entry);
                members.insert(member.wire.clone(), value);
            }
        }
        let place = of("when").map_or_else(|| block.node.span.clone(), |entry| entry.node.span.clone());
        let named = of("name").map_or_else(|| block.name_span.clone(), |entry| entry.node.span.clone());
        for (index, text) in texts.into_iter().enumerate() {
            let part = |separator: &str, text: &str| {
                if index == 0 { text.to_owned() } else { format!("{text}{separator}{}", index + 1) }
            };
            let mut own = Sheet::new(POLICY.api(), Address::new(POLICY.name, part("/", &block.name)));
            own.spans.clone_from(&sheet.spans);
            own.spans.insert("name".to_owned(), named.clone());
            own.spans.insert("definition".to_owned(), place.clone());
            let mut document = Map::new();
            document.insert("name".to_owned(), part("_", &name).into());
            document.insert("definition".to_owned(), json!({"cedar": {"statement": text}}));
            document.extend(members.clone());
            let mut resource = Resource::new(own.address.clone(), &POLICY, block.node.span.clone());
            resource.document = Value::Object(document);
            resource.parent = Some(engine.clone());
            self.finish(resource, own);
        }
    }

    fn ungranted(&mut self, block: &Block, entry: Option<&Entry>, message: String, help: &str) {
        let span = entry.map_or_else(|| block.node.span.clone(), |entry| entry.node.span.clone());
        let problem = Diagnostic::error("manifest::grant", message).at(span, "").help(help);
        self.report(problem.about(&block.address));
    }

    fn granted_gateway(&mut self, entry: Option<&Entry>, block: &Block) -> Option<Resource> {
        let Some(entry) = entry else {
            let message = format!("`{}` does not say which `gateway` it is about", block.address);
            self.ungranted(block, None, message, "add `gateway = \"…\"`, the name of a `[gateway.…]`");
            return None;
        };
        // One that is not there is said when all links are followed.
        let address = self.named(&entry.node, GATEWAY.name, &block.address)?;
        self.resources.iter().find(|resource| resource.address == address).cloned()
    }

    /// The actions of the named tools, each with whether it is a group.
    fn granted_tools(&mut self, entry: Option<&Entry>, gateway: &Resource, block: &Block) -> Vec<(String, bool)> {
        let named = match entry.map(|entry| &entry.node.content) {
            Some(Content::List(items)) if !items.is_empty() => items.clone(),
            _ => {
                let help =
                    "write `tools = [\"target/tool\"]`; `target/*` are today's tools, `target/**` future ones too";
                self.ungranted(block, entry, format!("`{}` names no tools", block.address), help);
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for item in &named {
            for action in self.granted_tool(item, gateway, block) {
                if !found.contains(&action) {
                    found.push(action);
                }
            }
        }
        found
    }

    fn granted_tool(&mut self, item: &Node, gateway: &Resource, block: &Block) -> Vec<(String, bool)> {
        let Some(text) = self.known_text(item, "a tool") else { return Vec::new() };
        let mut refuse = |message: String, help: Option<String>| {
            let mut problem = Diagnostic::error("manifest::grant", message).at(item.span.clone(), "");
            problem.help = help;
            self.diagnostics.push(problem.about(&block.address));
            Vec::new()
        };
        let Some((target, tool)) = text.split_once('/') else {
            return refuse(format!("`{text}` is no tool"), Some("a tool is named `target/tool`".to_owned()));
        };
        let targets = || {
            let lives_here =
                |one: &&Resource| one.kind == &GATEWAY_TARGET && one.parent.as_ref() == Some(&gateway.address);
            self.resources.iter().filter(lives_here)
        };
        let is_meant = |one: &&Resource| one.address.name == target || one.live_name() == Some(target);
        let Some(found) = targets().find(is_meant) else {
            let help = suggestion(target, targets().map(|target| target.address.name.as_str()));
            return refuse(format!("`{}` has no target `{target}`", gateway.address), help);
        };
        let name = Target::Output(found.address.clone(), "name".to_owned());
        let name = Reference { target: name, filter: Filter::Cedar }.mark();
        let tools = found.tools();
        let action = |tool: &str| (format!("{name}___{}", literal(tool, false)), false);
        match (tool, tools) {
            ("**", _) => vec![(name, true)],
            ("*", Tools::Known(tools)) => tools.iter().map(|tool| action(&tool.name)).collect(),
            ("*", _) => {
                let message = format!("the tools of `{}` are not known here", found.address);
                refuse(message, Some(format!("name them, or write `{target}/**` for all that it has and will have")))
            }
            (tool, Tools::Known(tools)) if tools.iter().all(|known| known.name != tool) => {
                let help = suggestion(tool, tools.iter().map(|tool| tool.name.as_str()));
                refuse(format!("`{}` has no tool `{tool}`", found.address), help)
            }
            (tool, _) => vec![action(tool)],
        }
    }

    /// Who is meant: the type of principal, and the conditions.
    fn granted_conditions<'b>(
        &mut self,
        of: &impl Fn(&str) -> Option<&'b Entry>,
        gateway: &Resource,
        block: &Block,
    ) -> (&'static str, Vec<Condition>) {
        let names = self.names_at(gateway);
        let mut found = Vec::new();
        let lists = [("scopes", "scope_claim", &names.scope), ("groups", "group_claim", &names.group)];
        for (key, claim_key, claim) in lists {
            let Some(entry) = of(key) else { continue };
            let Some(values) = self.granted_values(entry, block) else { continue };
            if let Some(claim) = self.granted_claim(entry, claim.as_ref(), claim_key, gateway, block) {
                if let Some((value, why)) = values.iter().find_map(|value| Some((value, untestable(&claim, value)?))) {
                    let message = format!("`{}` {why}", reference::display(value));
                    self.ungranted(block, Some(entry), message, "give each value by itself");
                }
                found.push(Condition::HasOne(claim, values));
            }
        }
        if let Some(entry) = of("clients")
            && let Some(values) = self.granted_values(entry, block)
            && let Some(claim) = self.granted_claim(entry, names.client.as_ref(), "client_claim", gateway, block)
        {
            let ids = values.into_iter().map(|value| self.client_id(value)).collect();
            found.push(Condition::IsOne(claim.name, ids));
        }
        if let Some(entry) = of("claims") {
            self.granted_claims(entry, block, &mut found);
        }
        let about_tokens = !found.is_empty();
        if let Some(entry) = of("when") {
            found.extend(self.granted_when(entry, block).map(Condition::When));
        }
        let anybody = of("any_authenticated_caller");
        let says_so = anybody.is_some_and(|entry| matches!(entry.node.content, Content::Boolean(true)));
        let says_who = ["scopes", "groups", "clients", "claims", "when"].into_iter().any(|key| of(key).is_some());
        if !says_who && !says_so {
            let message = format!("`{}` says nothing about who may call", block.address);
            let help = "add `scopes`, `groups`, `clients`, `claims` or `when`; or `any_authenticated_caller = true`";
            self.ungranted(block, anybody, message, help);
        } else if about_tokens && says_so {
            let message = format!("`{}` is for any caller, and for certain ones", block.address);
            self.ungranted(block, anybody, message, "remove `any_authenticated_caller`, or the conditions");
        }
        let principal = match gateway.document.get("authorizerType").and_then(Value::as_str) {
            Some("CUSTOM_JWT") | None => "principal is AgentCore::OAuthUser",
            Some(kind) => {
                if about_tokens {
                    let message = format!("callers of `{}` have no token: it is `{kind}`", gateway.address);
                    self.ungranted(
                        block,
                        of("scopes").or(of("groups")),
                        message,
                        "use `when` with the principal's `id`",
                    );
                }
                if kind == "NONE" { "principal" } else { "principal is AgentCore::IamEntity" }
            }
        };
        (principal, found)
    }

    /// The names of claims at a gateway.
    fn names_at(&self, gateway: &Resource) -> ClaimNames {
        let definition = self.authorizers.iter().find(|definition| definition.used_by.contains(&gateway.address));
        let url = gateway.document.pointer("/authorizerConfiguration/customJWTAuthorizer/discoveryUrl");
        let of_a_pool = referred(url).is_some_and(|pool| pool.kind == "user_pool");
        let issuer = if of_a_pool { "https://cognito-idp." } else { url.and_then(Value::as_str).unwrap_or_default() };
        claim_names(definition, issuer)
    }

    fn granted_claim(
        &mut self,
        entry: &Entry,
        claim: Option<&Claim>,
        key: &str,
        gateway: &Resource,
        block: &Block,
    ) -> Option<Claim> {
        if claim.is_none() {
            let message = format!("nobody says which claim holds `{}` at `{}`", entry.key, gateway.address);
            let help = format!("say it on its `jwt_authorizer`: `{key} = \"…\"`");
            self.ungranted(block, Some(entry), message, &help);
        }
        claim.cloned()
    }

    fn granted_values(&mut self, entry: &Entry, block: &Block) -> Option<Vec<String>> {
        let value = self.fill_document(entry.node.plain(), &entry.node.span, Some(&block.address))?;
        let items = value.as_array().filter(|items| !items.is_empty());
        let values = items.and_then(|items| items.iter().map(text_of).collect::<Option<Vec<_>>>());
        if values.is_none() {
            self.ungranted(block, Some(entry), format!("`{}` is a list of texts", entry.key), "write it as `[\"…\"]`");
        }
        values
    }

    /// A client of the manifest by its name, else an id as it is.
    fn client_id(&self, value: String) -> String {
        let named = Address::new(USER_POOL_CLIENT.name, value.as_str());
        if self.resources.iter().any(|resource| resource.address == named) {
            return Reference { target: Target::Output(named, "id".to_owned()), filter: Filter::Cedar }.mark();
        }
        value
    }

    fn granted_claims(&mut self, entry: &Entry, block: &Block, found: &mut Vec<Condition>) {
        let Some(claims) = entry.node.table() else {
            let help = "for example `claims = { role = [\"buyer\"], tenant_id = true }`";
            return self.ungranted(block, Some(entry), "`claims` is a table of claims".to_owned(), help);
        };
        for claim in claims {
            if let Content::Boolean(truth) = claim.node.content {
                found.push(Condition::There(claim.key.clone(), truth));
                continue;
            }
            let Some(value) = self.fill_document(claim.node.plain(), &claim.node.span, Some(&block.address)) else {
                continue;
            };
            let values = match &value {
                Value::Array(items) if !items.is_empty() => items.iter().map(text_of).collect(),
                one => text_of(one).map(|text| vec![text]),
            };
            if let Some(values) = values {
                found.push(Condition::IsOne(claim.key.clone(), values));
            } else {
                let help = "a claim is a text, a list of texts of which it is one, or `true` if it has to be there";
                self.ungranted(block, Some(claim), format!("`{}` is no value of a claim", claim.key), help);
            }
        }
    }

    /// The expression of `when`, which has to be one.
    fn granted_when(&mut self, entry: &Entry, block: &Block) -> Option<String> {
        let Some(text) = entry.node.text() else {
            self.ungranted(block, Some(entry), "`when` is a Cedar expression".to_owned(), "put it in quotes");
            return None;
        };
        let filled = self.fill_cedar(text, &CedarPlace::Text(entry.node.span.clone()), Some(&block.address))?;
        let text: String = filled.into_iter().map(|part| part.text).collect();
        let parsed = deep(|| text.parse::<cedar_policy::Expression>().err().map(|error| error.to_string()));
        let problem = parsed.unwrap_or_else(|| Some("no memory is left to read it".to_owned()));
        if let Some(problem) = problem {
            let problem = Diagnostic::error("manifest::cedar-syntax", reference::display(&problem))
                .at(entry.node.span.clone(), "");
            self.report(
                problem
                    .help("`when` is one Cedar expression, such as `context.input.amount < 100`")
                    .about(&block.address),
            );
            return None;
        }
        Some(text)
    }
}

/// A claim's value as Cedar sees it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
