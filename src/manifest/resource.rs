//! `[KIND.NAME]`: one resource.

use serde_json::{Map, Value, json};

use super::Loader;
use super::absent::absent_resource;
use super::convert::Sheet;
use super::document::Block;
use super::known_tools;
use super::links::Link;
use super::nearest::suggestion;
use super::tree::{Content, Entry, Node};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::kind::{GATEWAY, Kind, POLICY_ENGINE};
use crate::reference::{Filter, Reference, Target};
use crate::secret_version;
use crate::stack::Resource;

/// Engine keys, which every resource takes.
pub(super) const ENGINE_KEYS: [&str; 8] = [
    "depends_on",
    "protect",
    "unmanaged",
    "delete_unknown_children",
    "only_if",
    "existing",
    "adopt",
    secret_version::KEY,
];

/// What restrains the callers of a gateway.
const RESTRAINTS: [&str; 4] =
    ["authorizerType", "authorizerConfiguration", "policyEngineConfiguration", "interceptorConfigurations"];

impl Loader {
    /// Rewrites a table into a resource.
    pub(super) fn resource(&mut self, block: &Block) {
        let Some(kind) = block.kind else { return };
        if let Some(place) = block.existing() {
            return self.existing(block, kind, place);
        }
        let address = Address::new(kind.name, block.name.clone());
        let keys = self.spelling.of_kind(kind);
        let mut sheet = Sheet::new(kind.api(), address.clone());
        let mut document = Map::new();
        let mut resource = Resource::new(address.clone(), kind, block.node.span.clone());
        let mut special = Special::default();
        for entry in block.node.table().unwrap_or_default() {
            let key = entry.key.as_str();
            if let Some(member) = keys.get(key) {
                let value = match (kind.name, &entry.node.content) {
                    ("resource_server", Content::Table(scopes)) if key == "scopes" && !is_file(scopes) => {
                        self.scopes(&mut sheet, scopes, entry)
                    }
                    _ => self.member(&mut sheet, member, entry),
                };
                document.insert(member.wire.clone(), value);
            } else if kind.parent.is_some_and(|parent| parent.kind == key) {
                resource.parent = self.named(&entry.node, key, &address);
                special.parent = true;
            } else if key == "depends_on" {
                resource.depends_on = self.depends_on(&entry.node, &address);
            } else if key == "protect" {
                resource.protect = self.truth(entry, &address);
            } else if key == "unmanaged" {
                resource.unmanaged = self.unmanaged(entry, kind, &address);
            } else if key == "delete_unknown_children" {
                resource.delete_unknown_children = self.truth(entry, &address);
            } else if key == secret_version::KEY {
                resource.secret_version = self.secret_version(&mut sheet, entry, kind);
            } else if key == "adopt" {
                // An environment that has nothing to take over leaves it empty.
                resource.adopt = self.known_text(&entry.node, "`adopt`").filter(|id| !id.is_empty());
            } else if key == "only_if" {
                // It was looked at before.
            } else if kind.reference_keys.contains(&key) {
                match key {
                    "jwt_authorizer" => special.jwt_authorizer = Some(entry),
                    _ => special.policy_engine = Some(entry),
                }
            } else if key == "policy_mode" && kind.reference_keys.contains(&POLICY_ENGINE.name) {
                special.policy_mode = Some(entry);
            } else if key == known_tools::KEY && known_tools::takes(kind) {
                resource.known_tools = self.known_tools(&mut sheet, entry);
                special.known_tools = Some(entry);
            } else {
                let parent = kind.parent.map(|parent| parent.kind);
                let mode = kind.reference_keys.contains(&POLICY_ENGINE.name).then_some("policy_mode");
                let tools = known_tools::takes(kind).then_some(known_tools::KEY);
                let others = kind.reference_keys.iter().copied().chain(parent).chain(mode).chain(tools);
                let others = others.chain(ENGINE_KEYS);
                self.unknown_key(&mut sheet, entry, keys.keys().map(String::as_str).chain(others));
            }
        }
        self.policy_engine_of(&mut sheet, &mut document, &special);
        self.jwt_authorizer_of(&mut sheet, &mut document, &special, kind);
        if let Some(entry) = special.known_tools {
            self.known_twice(document.get("targetConfiguration"), &entry.key_span, &address);
        }
        let default_names: &[&str] =
            if kind.name == "resource_server" { &["Identifier", "Name"] } else { &[kind.name_member] };
        for member in default_names {
            if !document.contains_key(*member) {
                document.insert((*member).to_owned(), block.name.clone().into());
                sheet.spans.insert((*member).to_owned(), block.name_span.clone());
            }
        }
        if let Some(parent) = kind.parent.filter(|_| !special.parent) {
            self.missing_parent(parent.kind, &resource);
        }
        resource.document = Value::Object(document);
        self.finish(resource, sheet);
    }

    /// The finding that a resource does not say what it lives in.
    pub(super) fn missing_parent(&mut self, parent: &str, resource: &Resource) {
        let message = format!("`{}` does not say which `{parent}` it lives in", resource.address);
        let help = format!("add `{parent} = \"…\"`, the name of a `[{parent}.…]`");
        let problem = Diagnostic::error("manifest::missing-parent", message);
        self.report(problem.at(resource.span.clone(), "").help(help).about(&resource.address));
    }

    /// Holds a resource against the model and keeps it.
    pub(super) fn finish(&mut self, mut resource: Resource, mut sheet: Sheet) {
        resource.spans = std::mem::take(&mut sheet.spans);
        self.secrets_of(&mut resource);
        self.validate_resource(&resource, &sheet);
        self.resources.push(resource);
    }

    /// The scopes of a resource server as a table of names to descriptions.
    fn scopes(&mut self, sheet: &mut Sheet, scopes: &[Entry], entry: &Entry) -> Value {
        sheet.spans.insert("Scopes".to_owned(), entry.key_span.clone());
        let mut list = Vec::with_capacity(scopes.len());
        for (index, scope) in scopes.iter().enumerate() {
            let path = format!("Scopes[{index}]");
            sheet.spans.insert(path.clone(), scope.key_span.clone());
            let path = format!("{path}.ScopeDescription");
            sheet.spans.insert(path.clone(), scope.node.span.clone());
            let description = match scope.node.text() {
                Some(text) => {
                    let address = sheet.address.clone();
                    self.fill(text, &scope.node.span, Some(&address))
                }
                None => Some(scope.node.plain()),
            };
            let description = description.unwrap_or_else(|| {
                sheet.broken.push(path);
                Value::Null
            });
            list.push(json!({"ScopeName": scope.key, "ScopeDescription": description}));
        }
        Value::Array(list)
    }

    /// The resource of a kind that a reference key names. Whether it exists is looked at once all are known.
    pub(super) fn named(&mut self, node: &Node, kind: &str, from: &Address) -> Option<Address> {
        let name = self.known_text(node, &format!("`{kind}`"))?;
        let to = Address::new(kind, name);
        self.links.push(Link { from: Some(from.clone()), to: to.clone(), span: node.span.clone() });
        Some(to)
    }

    pub(super) fn depends_on(&mut self, node: &Node, from: &Address) -> Vec<Address> {
        let Content::List(items) = &node.content else {
            let problem = Diagnostic::error("manifest::wrong-type", "`depends_on` is a list of addresses");
            let help = "for example `depends_on = [\"gateway.hr\"]`";
            self.report(problem.at(node.span.clone(), "").help(help).about(from));
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            let Some(text) = self.known_text(item, "an address") else { continue };
            let Some(to) = Address::parse(&text) else {
                let problem = Diagnostic::error("manifest::unknown-resource", format!("`{text}` is no address"));
                let help = "an address is a kind and a name: `gateway.hr`";
                self.report(problem.at(item.span.clone(), "").help(help).about(from));
                continue;
            };
            self.links.push(Link { from: Some(from.clone()), to: to.clone(), span: item.span.clone() });
            found.push(to);
        }
        found
    }

    /// `unmanaged`: keys of members, as the API calls them.
    fn unmanaged(&mut self, entry: &Entry, kind: &'static Kind, from: &Address) -> Vec<String> {
        let Content::List(items) = &entry.node.content else {
            let problem = Diagnostic::error("manifest::wrong-type", "`unmanaged` is a list of keys");
            let help = "for example `unmanaged = [\"description\"]`";
            self.report(problem.at(entry.node.span.clone(), "").help(help).about(from));
            return Vec::new();
        };
        let keys = self.spelling.of_kind(kind);
        let mut found: Vec<String> = Vec::new();
        for item in items {
            let Some(key) = self.known_text(item, "a key") else { continue };
            let refuse = |code, message: String| Diagnostic::error(code, message).at(item.span.clone(), "").about(from);
            match keys.get(&key) {
                Some(member) if member.wire == kind.name_member => {
                    let problem = refuse("manifest::not-allowed", format!("`{key}` cannot be unmanaged"));
                    self.report(problem.help("the name is what the object is found by; take it out of the list"));
                }
                Some(member) if kind.name == GATEWAY.name && RESTRAINTS.contains(&member.wire.as_str()) => {
                    let problem = refuse("manifest::not-allowed", format!("`{key}` cannot be unmanaged"));
                    self.report(problem.help("a gateway is locked and opened with it; take it out of the list"));
                }
                Some(member) if found.contains(&member.wire) => {}
                Some(member) => found.push(member.wire.clone()),
                None => {
                    let message = format!("a `{}` has no key `{key}`", kind.name);
                    let mut problem = refuse("manifest::unknown-key", message);
                    problem.help = suggestion(&key, keys.keys().map(String::as_str));
                    self.report(problem);
                }
            }
        }
        found
    }

    fn truth(&mut self, entry: &Entry, from: &Address) -> bool {
        let value = match &entry.node.content {
            Content::Boolean(truth) => return *truth,
            Content::Text(text) => match self.fill(text, &entry.node.span, Some(from)) {
                Some(value) => value,
                None => return false,
            },
            _ => entry.node.plain(),
        };
        value.as_bool().unwrap_or_else(|| {
            let message = format!("`{}` is true or false, found {}", entry.key, entry.node.type_name());
            let problem = Diagnostic::error("manifest::wrong-type", message);
            self.report(problem.at(entry.node.span.clone(), "").about(from));
            false
        })
    }

    /// `policy_engine` and `policy_mode`, which belong together.
    fn policy_engine_of(&mut self, sheet: &mut Sheet, document: &mut Map<String, Value>, special: &Special<'_>) {
        const MEMBER: &str = "policyEngineConfiguration";
        let (engine, mode) = match (special.policy_engine, special.policy_mode) {
            (Some(engine), Some(mode)) => (engine, mode),
            (None, None) => return,
            (one, other) => {
                let (here, missing) =
                    if one.is_some() { ("policy_engine", "policy_mode") } else { ("policy_mode", "policy_engine") };
                let message = format!("`{here}` without `{missing}`");
                let help = match one {
                    Some(_) => {
                        "add `policy_mode = \"ENFORCE\"`, or `\"LOG_ONLY\"` to decide nothing; it has no default"
                    }
                    None => "add `policy_engine = \"…\"`, the name of a `[policy_engine.…]`",
                };
                if let Some(entry) = one.or(other) {
                    let problem = Diagnostic::error("manifest::policy-mode", message).at(entry.key_span.clone(), "");
                    self.report(problem.help(help).about(&sheet.address));
                }
                sheet.broken.push(MEMBER.to_owned());
                return;
            }
        };
        if let Some(span) = sheet.spans.get(MEMBER).filter(|_| document.contains_key(MEMBER)) {
            let message = "`policy_engine` and `policy_engine_configuration` say the same thing twice";
            let problem = Diagnostic::error("manifest::policy-mode", message)
                .at(span.clone(), "")
                .with(engine.key_span.clone(), "also given here")
                .help("remove one of the two")
                .about(&sheet.address);
            self.report(problem);
            return;
        }
        sheet.spans.insert(MEMBER.to_owned(), engine.key_span.clone());
        sheet.spans.insert(format!("{MEMBER}.arn"), engine.node.span.clone());
        sheet.spans.insert(format!("{MEMBER}.mode"), mode.node.span.clone());
        let address = sheet.address.clone();
        let arn = self
            .named(&engine.node, POLICY_ENGINE.name, &address)
            .map(|engine| Reference { target: Target::Output(engine, "arn".to_owned()), filter: Filter::Plain }.mark());
        let mode = match mode.node.text() {
            Some(text) => self.fill(text, &mode.node.span, Some(&address)),
            None => Some(mode.node.plain()),
        };
        for (part, missing) in [("arn", arn.is_none()), ("mode", mode.is_none())] {
            if missing {
                sheet.broken.push(format!("{MEMBER}.{part}"));
            }
        }
        document.insert(MEMBER.to_owned(), json!({"arn": arn, "mode": mode}));
    }

    /// `jwt_authorizer`: the definition's document takes the place of the authorizer's members.
    fn jwt_authorizer_of(
        &mut self,
        sheet: &mut Sheet,
        document: &mut Map<String, Value>,
        special: &Special<'_>,
        kind: &'static Kind,
    ) {
        const MEMBER: &str = "authorizerConfiguration";
        const INNER: &str = "authorizerConfiguration.customJWTAuthorizer";
        let Some(entry) = special.jwt_authorizer else { return };
        // The definition is validated where it stands.
        sheet.broken.push(MEMBER.to_owned());
        sheet.broken.push("authorizerType".to_owned());
        let mut twice = false;
        for (wire, key) in [("authorizerType", "authorizer_type"), (MEMBER, "authorizer_configuration")] {
            if document.contains_key(wire) {
                twice = true;
                let message = format!("`jwt_authorizer` and `{key}` exclude each other");
                let span = sheet.spans.get(wire).cloned().unwrap_or_else(|| entry.key_span.clone());
                let problem = Diagnostic::error("manifest::jwt-authorizer", message)
                    .at(span, "")
                    .with(entry.key_span.clone(), "the authorizer is given here")
                    .help(format!("remove `{key}`: the definition says it"))
                    .about(&sheet.address);
                self.report(problem);
            }
        }
        let Some(name) = self.known_text(&entry.node, "`jwt_authorizer`").filter(|_| !twice) else { return };
        let definition = Address::new("jwt_authorizer", name.as_str());
        if let Some(absent) = self.absent.get(&definition) {
            let problem = absent_resource(&definition, entry.node.span.clone(), absent.clone());
            self.report(problem.about(&sheet.address));
            return;
        }
        if self.misspelt.contains(&definition) {
            return;
        }
        let Some(authorizer) = self.authorizers.iter_mut().find(|authorizer| authorizer.name == name) else {
            let message = format!("there is no `jwt_authorizer.{name}`");
            let mut problem = Diagnostic::error("manifest::unknown-resource", message).about(&sheet.address);
            problem.help = suggestion(&name, self.authorizers.iter().map(|authorizer| authorizer.name.as_str()))
                .or_else(|| Some(format!("declare it: `[jwt_authorizer.{name}]`")));
            self.report(problem.at(entry.node.span.clone(), ""));
            return;
        };
        authorizer.used_by.push(sheet.address.clone());
        sheet.spans.insert(MEMBER.to_owned(), entry.node.span.clone());
        sheet.spans.insert(INNER.to_owned(), authorizer.span.clone());
        let inner = authorizer.spans.iter().map(|(path, span)| (format!("{INNER}.{path}"), span.clone()));
        sheet.spans.extend(inner);
        document.insert(MEMBER.to_owned(), json!({"customJWTAuthorizer": authorizer.document}));
        if kind.member("authorizerType").is_some() {
            sheet.spans.insert("authorizerType".to_owned(), entry.key_span.clone());
            document.insert("authorizerType".to_owned(), "CUSTOM_JWT".into());
        }
    }
}

/// Keys that are rewritten once all others are read.
#[derive(Default)]
struct Special<'a> {
    parent: bool,
    jwt_authorizer: Option<&'a Entry>,
    policy_engine: Option<&'a Entry>,
    policy_mode: Option<&'a Entry>,
    known_tools: Option<&'a Entry>,
}

fn is_file(entries: &[Entry]) -> bool {
    matches!(entries, [only] if only.key == "file")
}
