//! `existing = "…"`: an object of somebody else that the manifest refers to and never changes.

use serde_json::{Map, Value};

use super::Loader;
use super::convert::Sheet;
use super::document::{Block, is_name};
use super::tree::Entry;
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::stack::{Existing, Resource};

/// Keys beside `existing` that say nothing about the object itself.
const ALLOWED: [&str; 3] = ["existing", "depends_on", "only_if"];

impl Loader {
    /// A resource that only says where an object is found.
    pub(super) fn existing(&mut self, block: &Block, kind: &'static Kind, place: &Entry) {
        let address = Address::new(kind.name, block.name.clone());
        let mut resource = Resource::new(address.clone(), kind, block.node.span.clone());
        resource.document = Value::Object(Map::new());
        for entry in block.node.table().unwrap_or_default() {
            let key = entry.key.as_str();
            if kind.parent.is_some_and(|parent| parent.kind == key) {
                resource.parent = self.named(&entry.node, key, &address);
            } else if key == "depends_on" {
                resource.depends_on = self.depends_on(&entry.node, &address);
            } else if !ALLOWED.contains(&key) {
                self.more_than_existing(entry, kind, &address);
            }
        }
        let says_parent =
            |parent| block.node.table().is_some_and(|table| table.iter().any(|entry| entry.key == parent));
        if let Some(parent) = kind.parent.filter(|parent| !says_parent(parent.kind)) {
            self.missing_parent(parent.kind, &resource);
        }
        let existing = self.existing_object(place, kind, &address);
        let twice = self.resources.iter().find(|known| {
            known.kind == kind && existing.is_some() && known.existing == existing && known.parent == resource.parent
        });
        if let Some(first) = twice {
            let message = format!("`{}` and `{address}` are one object", first.address);
            let problem = refuse(message, place, &address).with(first.span.clone(), "first named here");
            self.report(problem.help("keep one of the two, and refer to it"));
        }
        // It exists even where nobody can tell which object it is: whoever refers to it has done nothing wrong.
        resource.existing = Some(existing.unwrap_or_else(|| Existing::Id(String::new())));
        self.resources.push(resource);
    }

    /// A key that says something about an object which is never changed.
    fn more_than_existing(&mut self, entry: &Entry, kind: &'static Kind, address: &Address) {
        let key = entry.key.as_str();
        let keys = self.spelling.of_kind(kind);
        let parent = kind.parent.map(|parent| parent.kind);
        let engine = super::resource::ENGINE_KEYS;
        let known =
            || keys.keys().map(String::as_str).chain(kind.reference_keys.iter().copied()).chain(parent).chain(engine);
        if known().chain(["adopt", "policy_mode", "secret_version", super::known_tools::KEY]).any(|known| known == key)
        {
            let message = format!("`{key}` and `existing` exclude each other");
            let help =
                format!("remove `{key}`: an existing object is never changed; or remove `existing` to manage it");
            self.report(refuse(message, entry, address).help(help));
        } else {
            self.unknown_key(&mut Sheet::new(kind.api(), address.clone()), entry, known());
        }
    }

    /// What `existing` names: an id, or an address of another stack.
    fn existing_object(&mut self, place: &Entry, kind: &'static Kind, address: &Address) -> Option<Existing> {
        let text = self.known_text(&place.node, "`existing`")?;
        let Some(rest) = text.strip_prefix("stack:") else {
            let members = kind.api().input(kind.read.0).and_then(|input| input.member(kind.request_id));
            let wrong = members.is_some_and(|member| {
                !kind.api().validate(&member.shape, &Value::String(text.clone()), &|_| false).is_empty()
            });
            if text.is_empty() || wrong {
                let message = format!("`{text}` is not the id of a `{}`", kind.name);
                let help = "write the id as the console and `gatewright outputs` show it, no ARN; or `stack:NAME/INSTANCE/KIND.NAME`";
                self.report(refuse(message, place, address).help(help));
                return None;
            }
            return Some(Existing::Id(text));
        };
        let parts: Vec<&str> = rest.splitn(3, '/').collect();
        let there = match parts.as_slice() {
            [name, instance, there] if is_name(name) && is_name(instance) => {
                Address::parse(there).map(|there| (format!("{name}/{instance}"), there))
            }
            _ => None,
        };
        let this = format!("{}/{}", self.scope.stack_name, self.scope.instance.as_deref().unwrap_or("default"));
        let problem = match there {
            None => {
                let help = format!(
                    "write `stack:NAME/INSTANCE/{}.NAME`; without environments the instance is `default`",
                    kind.name
                );
                refuse(format!("`{text}` does not name a resource of a stack"), place, address).help(help)
            }
            Some((_, there)) if there.kind != kind.name => {
                let message = format!("`{there}` is no `{}`", kind.name);
                refuse(message, place, address).help(format!("name a `{}.…` of that stack", kind.name))
            }
            Some(_) if kind.tags_member.is_none() || kind.parent.is_some() => {
                let message = format!("a `{}` carries no tags to be found by", kind.name);
                refuse(message, place, address).help("give its id")
            }
            Some((owner, there)) if owner == this => {
                let help = format!("refer to `{there}` itself");
                refuse(format!("`{owner}` is this stack"), place, address).help(help)
            }
            Some((owner, address)) => return Some(Existing::Stack { owner, address }),
        };
        self.report(problem);
        None
    }
}

fn refuse(message: String, entry: &Entry, address: &Address) -> Diagnostic {
    Diagnostic::error("manifest::existing", message).at(entry.key_span.clone(), "").about(address)
}
