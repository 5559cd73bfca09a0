//! The manifest: from a path to a [`Stack`], with everything that is wrong on the way.
//!
//! A text becomes a tree with places (`tree`), trees become one manifest (`document`), the environment and the variables
//! are chosen (`settings`, `variables`), and each table is rewritten into a resource in the API's own spelling
//! (`resource`, `authorizer`, `policy_set` over `convert` and `fill`). The result is held against the API model
//! (`validate`) and for its references (`links`). Only files are read.

mod absent;
mod accept;
mod authorizer;
pub(crate) mod cedar;
pub(crate) mod cedar_syntax;
mod codes;
mod convert;
mod defaults;
mod document;
pub(crate) mod exact;
mod existing;
mod expand;
mod expect;
mod files;
mod fill;
mod grant;
mod granted;
mod input;
mod known_tools;
mod links;
mod moved;
pub(crate) mod nearest;
mod persona;
mod policy_set;
mod resource;
mod secret;
mod settings;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod validate;
mod variables;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use crate::address::Address;
use crate::diagnostic::{Diagnostic, Severity, Sources, Span};
use crate::stack::{Authorizer, Resource, Stack};

pub use codes::CODES;
pub use expand::{expand, member_line};
pub use input::StandardInput;
pub(crate) use persona::is_a_persona;

use document::Document;
use files::Files;
use links::Link;
use text::Scope;

/// What to read, and for which environment.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The file, or a folder whose `gatewright.toml` is meant.
    pub path: PathBuf,
    /// The environment, `prod`, or with an instance, `preview:pr-123`.
    pub environment: Option<String>,
    /// Variables by name, from the command line; the last one of a name wins.
    pub variables: Vec<(String, String)>,
    /// Files of variables: TOML, JSON, or what `terraform output -json` prints; later ones win.
    pub variable_files: Vec<PathBuf>,
    /// The process environment, of which `GATEWRIGHT_VAR_*` are variables.
    pub process_environment: BTreeMap<String, String>,
    /// The region where the manifest states none.
    pub region: Option<String>,
    /// Take the first environment where none is chosen.
    pub first_environment: bool,
    /// A secret variable without a value is no error: nothing is going to be sent.
    pub secrets_later: bool,
    /// Where `--var name=-` reads the values of secret variables.
    pub standard_input: StandardInput,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The texts that spans point into.
    pub sources: Sources,
    /// Everything found, in the order of the texts as far as it has a place.
    pub diagnostics: Vec<Diagnostic>,
    /// The stack; nothing where an error refuses the manifest.
    pub stack: Option<Stack>,
    /// What could be read of a manifest that is refused: for finding more of its mistakes, and for nothing else.
    pub draft: Option<Stack>,
    /// The names of the declared environments, in the order of the text.
    pub environments: Vec<String>,
}

/// Reads a manifest. Whatever is wrong with it is a diagnostic.
pub fn load(options: &Options) -> Loaded {
    let mut loader = Loader::default();
    let mut environments = Vec::new();
    let stack = loader.load(options, &mut environments);
    let mut diagnostics = loader.diagnostics;
    // Findings are shown with their lines.
    for span in &loader.concealed {
        loader.files.sources.conceal(span);
    }
    // By place, so that output does not depend on which stage found what.
    diagnostics
        .sort_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| (label.span.file, label.span.range.start)));
    // What `[defaults]` says wrong is wrong in every resource, and said once.
    let mut seen = HashSet::new();
    diagnostics.retain(|diagnostic| {
        let place = diagnostic.primary.as_ref().map(|label| label.span.clone());
        place.is_none() || seen.insert((diagnostic.code, place, diagnostic.message.clone()))
    });
    let refused = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let (stack, draft) = if refused { (None, stack) } else { (stack, None) };
    Loaded { sources: loader.files.sources, diagnostics, stack, draft, environments }
}

/// The work of one [`load`].
#[derive(Default)]
struct Loader {
    files: Files,
    diagnostics: Vec<Diagnostic>,
    /// What expressions may name.
    scope: Scope,
    spelling: convert::Spelling,
    authorizers: Vec<Authorizer>,
    resources: Vec<Resource>,
    /// Every mention of a resource by name, to be held against the resources there are.
    links: Vec<Link>,
    /// What is declared under a misspelt kind: that it is not there was told.
    misspelt: HashSet<Address>,
    /// What `only_if` takes out, and where it says so.
    absent: HashMap<Address, Span>,
    /// Where secrets stand in the texts as they are.
    concealed: Vec<Span>,
}

impl Loader {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn load(&mut self, options: &Options, environments: &mut Vec<String>) -> Option<Stack> {
        let document = Document::read(self, &options.path)?;
        environments.extend(document.environments.iter().map(|entry| entry.key.clone()));
        let settings = self.settings(&document, options)?;
        self.variables(&document, &settings, options);
        let tags = self.tags(&document, &settings);

        self.jwt_authorizers(&document);
        for block in &document.resources {
            if !self.is_absent(block) {
                self.resource(block);
            }
        }
        for block in &document.policy_sets {
            if !self.is_absent(block) {
                self.policy_set(block);
            }
        }
        for block in &document.grants {
            if !self.is_absent(block) {
                self.grant(block);
            }
        }
        let personas = self.personas(&document);
        let expectations = self.expectations(&document);
        self.link(&document);
        let accepts = self.accepts(&document);
        let moved = self.moved(&document);

        let mut resources = std::mem::take(&mut self.resources);
        resources.sort_by_key(|resource| (resource.span.file, resource.span.range.start));
        Some(Stack {
            name: self.scope.stack_name.clone(),
            instance: settings.instance,
            environment: settings.environment,
            region: self.scope.region.clone(),
            account: self.scope.account.clone(),
            tags,
            resources,
            authorizers: std::mem::take(&mut self.authorizers),
            source: settings.source,
            expires: settings.expires,
            accepts,
            moved,
            secrets: std::mem::take(&mut self.scope.secrets),
            personas,
            expectations,
            outputs: BTreeMap::new(),
        })
    }
}
