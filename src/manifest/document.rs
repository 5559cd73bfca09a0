//! One manifest out of its files: the tables it consists of, each once.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::Loader;
use super::files::{folder_of, read_text, root_of};
use super::nearest::{nearest, suggestion};
use super::tree::{self, Content, Entry, Node};
use crate::address::Address;
use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::kind::{self, KINDS, Kind};

/// Tables that are no kinds.
const OTHER_TABLES: [&str; 11] = [
    "stack",
    "environment",
    "variables",
    "defaults",
    "jwt_authorizer",
    "policy_set",
    "grant",
    "persona",
    "expect",
    "accept",
    "moved",
];

/// Everything that a manifest and the files it includes say, in their order.
#[derive(Default)]
pub(super) struct Document {
    pub(super) stack: Option<Entry>,
    pub(super) environments: Vec<Entry>,
    pub(super) variables: Vec<Entry>,
    /// `[defaults.KIND]`.
    pub(super) defaults: Vec<Entry>,
    /// `[[accept]]`.
    pub(super) accepts: Vec<Node>,
    /// The lines of `[moved]`.
    pub(super) moved: Vec<Entry>,
    pub(super) resources: Vec<Block>,
    pub(super) jwt_authorizers: Vec<Block>,
    pub(super) policy_sets: Vec<Block>,
    pub(super) grants: Vec<Block>,
    pub(super) personas: Vec<Block>,
    /// `[[expect]]`.
    pub(super) expectations: Vec<Node>,
    places: HashMap<(String, String), Span>,
}

/// `[KIND.NAME]`.
pub(super) struct Block {
    /// The kind, unless it is a definition.
    pub(super) kind: Option<&'static Kind>,
    /// Its address; of a definition with the definition's word as kind.
    pub(super) address: Address,
    pub(super) name: String,
    /// The name's place.
    pub(super) name_span: Span,
    pub(super) node: Node,
}

impl Block {
    /// Where it says that the object exists already.
    pub(super) fn existing(&self) -> Option<&Entry> {
        self.node.table()?.iter().find(|entry| entry.key == "existing")
    }
}

impl Document {
    /// Reads the manifest at a path and whatever it includes.
    pub(super) fn read(loader: &mut Loader, path: &Path) -> Option<Self> {
        let path = if path.is_dir() { path.join("gatewright.toml") } else { path.to_owned() };
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(problem) => {
                loader.report(*problem);
                return None;
            }
        };
        loader.files.root = root_of(folder_of(&path));
        let file = loader.files.add_main(path, text);
        let entries = loader.parsed(file)?;
        loader.widen_root(file, &entries);
        let mut document = Document::default();
        let mut included = HashSet::from([file]);
        document.take(loader, entries, true, &mut included)?;
        loader.defaults(&mut document);
        Some(document)
    }

    /// Takes in the tables of one file. Nothing if a file it includes is no TOML.
    fn take(
        &mut self,
        loader: &mut Loader,
        entries: Vec<Entry>,
        main: bool,
        included: &mut HashSet<FileId>,
    ) -> Option<()> {
        let mut named = Vec::new();
        for entry in entries {
            match entry.key.as_str() {
                "include" => named = loader.includes(&entry),
                "stack" if main => self.stack = Some(entry),
                "stack" => loader.report(
                    Diagnostic::error("manifest::include", "`[stack]` stands in an included file")
                        .at(entry.key_span, "")
                        .help("move it into the manifest that includes this file"),
                ),
                "environment" => {
                    let environments = self.members(loader, entry);
                    self.environments.extend(environments);
                }
                "variables" => {
                    let variables = self.members(loader, entry);
                    self.variables.extend(variables);
                }
                "defaults" => {
                    let defaults = self.members(loader, entry);
                    self.defaults.extend(defaults);
                }
                "expect" => match entry.node.content {
                    Content::List(items) => self.expectations.extend(items),
                    _ => loader.report(
                        Diagnostic::error("manifest::wrong-type", "`expect` is a list of tables")
                            .at(entry.key_span, "")
                            .help("write `[[expect]]` with two brackets, once for each expectation"),
                    ),
                },
                "accept" => match entry.node.content {
                    Content::List(items) => self.accepts.extend(items),
                    _ => loader.report(
                        Diagnostic::error("manifest::wrong-type", "`accept` is a list of tables")
                            .at(entry.key_span, "")
                            .help("write `[[accept]]` with two brackets, once for each risk"),
                    ),
                },
                "moved" => match entry.node.content {
                    Content::Table(lines) => self.moved.extend(lines),
                    _ => loader.report(
                        Diagnostic::error("manifest::wrong-type", format!("`moved` is {}", entry.node.type_name()))
                            .at(entry.node.span, "")
                            .help("write `[moved]` and below it `\"user_pool.old\" = \"user_pool.new\"`"),
                    ),
                },
                _ => self.blocks(loader, entry),
            }
        }
        for (name, span) in named {
            let Some(file) = loader.named_file(&name, &span) else { continue };
            if included.insert(file) {
                let entries = loader.parsed(file)?;
                self.take(loader, entries, false, included)?;
            } else {
                loader.report(
                    Diagnostic::error("manifest::include", format!("`{name}` is included twice"))
                        .at(span, "")
                        .help("remove one of the two"),
                );
            }
        }
        Some(())
    }

    fn blocks(&mut self, loader: &mut Loader, entry: Entry) {
        let kind = kind::find(&entry.key);
        if kind.is_none() && !OTHER_TABLES.contains(&entry.key.as_str()) {
            let known = KINDS.iter().map(|kind| kind.name).chain(OTHER_TABLES).chain(["include"]);
            let mut problem = if matches!(entry.node.content, Content::Table(_)) {
                Diagnostic::error("manifest::unknown-kind", format!("there is no kind `{}`", entry.key))
            } else {
                let message = format!("`{}` stands outside of any table", entry.key);
                Diagnostic::error("manifest::unknown-key", message)
            };
            problem.help = suggestion(&entry.key, known.clone());
            loader.report(problem.at(entry.key_span, ""));
            // What it declares is there, under another name.
            if let (Some(meant), Content::Table(members)) = (nearest(&entry.key, known), entry.node.content) {
                loader.misspelt.extend(members.into_iter().map(|member| Address::new(meant, member.key)));
            }
            return;
        }
        let key = entry.key.clone();
        for member in self.members(loader, entry) {
            let address = Address::new(key.as_str(), member.key.as_str());
            let block = Block { kind, address, name: member.key, name_span: member.key_span, node: member.node };
            match key.as_str() {
                "jwt_authorizer" => self.jwt_authorizers.push(block),
                "policy_set" => self.policy_sets.push(block),
                "grant" => self.grants.push(block),
                "persona" => self.personas.push(block),
                _ => self.resources.push(block),
            }
        }
    }

    /// The named tables below a table: `[KIND.NAME]`, `[variables.NAME]`. Each name once, and one that can be referred to.
    fn members(&mut self, loader: &mut Loader, entry: Entry) -> Vec<Entry> {
        let Content::Table(members) = entry.node.content else {
            let message = format!("`{}` is {}", entry.key, entry.node.type_name());
            let help = format!("write `[{}.NAME]` and the keys below it", entry.key);
            loader.report(Diagnostic::error("manifest::wrong-type", message).at(entry.node.span, "").help(help));
            return Vec::new();
        };
        let mut kept = Vec::new();
        for member in members {
            if !matches!(member.node.content, Content::Table(_)) {
                let message = format!("`[{}]` holds a value instead of a table `[{}.NAME]`", entry.key, entry.key);
                let help = format!("give it a name: `[{}.main]`", entry.key);
                loader.report(Diagnostic::error("manifest::bad-name", message).at(member.key_span, "").help(help));
                continue;
            }
            let separate_words = entry.key == "policy" && member.key.matches('/').count() == 1;
            if !member.key.split('/').all(is_name) || (member.key.contains('/') && !separate_words) {
                let message = format!("`{}` cannot be a name in a manifest", member.key);
                let help = "use letters, digits, `_` and `-`; the name that AWS sees can be set with a key of its own";
                loader.report(Diagnostic::error("manifest::bad-name", message).at(member.key_span, "").help(help));
                continue;
            }
            let place = (entry.key.clone(), member.key.clone());
            if let Some(first) = self.places.get(&place) {
                let message = format!("`{}.{}` is given twice", entry.key, member.key);
                let problem = Diagnostic::error("manifest::duplicate-address", message)
                    .at(member.key_span.clone(), "given again here")
                    .with(first.clone(), "first given here")
                    .help("rename one of the two");
                loader.report(problem.about(&Address::new(entry.key.clone(), member.key.clone())));
                continue;
            }
            self.places.insert(place, member.key_span.clone());
            kept.push(member);
        }
        kept
    }
}

/// A name that references can hold.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

impl Loader {
    /// A file's tables; nothing where it is no TOML, which is reported.
    fn parsed(&mut self, file: FileId) -> Option<Vec<Entry>> {
        match tree::parse(file, self.files.sources.text(file)) {
            Ok(entries) => Some(entries),
            Err(problems) => {
                self.diagnostics.extend(problems);
                None
            }
        }
    }

    /// `[stack] root` replaces the folder that files stay below.
    fn widen_root(&mut self, file: FileId, entries: &[Entry]) {
        let stack = entries.iter().find(|entry| entry.key == "stack").and_then(|entry| entry.node.table());
        let Some(root) = stack.and_then(|stack| stack.iter().find(|entry| entry.key == "root")) else { return };
        let Some(name) = root.node.text() else {
            let message = format!("`root` is {}, not a folder's path", root.node.type_name());
            self.report(Diagnostic::error("manifest::wrong-type", message).at(root.node.span.clone(), ""));
            return;
        };
        let folder = folder_of(self.files.sources.path(file)).join(name);
        match folder.canonicalize() {
            Ok(folder) if folder.is_dir() => self.files.root = folder,
            _ => {
                let problem = Diagnostic::error("manifest::file", format!("`root` names no folder: `{name}`"));
                let help = "give a folder relative to the manifest, such as `..`";
                self.report(problem.at(root.node.span.clone(), "").help(help));
            }
        }
    }

    fn includes(&mut self, entry: &Entry) -> Vec<(String, Span)> {
        let items = match &entry.node.content {
            Content::List(items) => items.iter().collect(),
            _ => vec![&entry.node],
        };
        let names: Option<Vec<_>> =
            items.iter().map(|item| Some((item.text()?.to_owned(), item.span.clone()))).collect();
        match names {
            Some(names) if matches!(entry.node.content, Content::List(_)) => names,
            _ => {
                let problem = Diagnostic::error("manifest::wrong-type", "`include` is a list of paths");
                let help = "for example `include = [\"identity.toml\"]`";
                self.report(problem.at(entry.node.span.clone(), "").help(help));
                Vec::new()
            }
        }
    }
}
