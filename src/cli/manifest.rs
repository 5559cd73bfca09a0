//! The manifest as commands use it: read, checked, and its findings shown.

use std::collections::HashMap;
use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use crate::access;
use crate::access::expect::Holding;
use crate::access::prove::Solver;
use crate::check::{self, allow};
use crate::diagnostic::{self, Diagnostic, FileId, Label, Severity, Sources};
use crate::manifest::{self, Loaded, Options, StandardInput};
use crate::report::diagnostic::render;
use crate::report::held;
use crate::stack::Stack;

/// Reads and checks the manifest for one environment, shows what was found, and refuses errors.
pub(super) fn stack(global: &Global, manifest: &Manifest) -> Result<Stack, Failure> {
    let mut options = options(global, manifest);
    options.first_environment = global.local.is_some();
    let (mut loaded, holding) = load(&options);
    // What nothing needs in this environment may be needed in another.
    loaded.diagnostics.retain(|found| found.code != allow::UNUSED || loaded.environments.is_empty());
    output::err(&render(&loaded.diagnostics, &loaded.sources, true));
    let needs_environment = |found: &Diagnostic| found.code == "manifest::environment-needed";
    let exit = if loaded.diagnostics.iter().any(needs_environment) { Exit::Usage } else { Exit::Refused };
    if loaded.stack.is_some() {
        output::err(&held(&[&holding]));
    }
    loaded.stack.ok_or_else(|| Failure::told(exit))
}

/// What a manifest says in one environment.
pub(super) struct Read {
    pub(super) stack: Stack,
    /// The texts that its spans point into.
    pub(super) sources: Sources,
    /// What came of its expectations.
    pub(super) holding: Holding,
}

/// What a manifest says in one or in each of its environments.
pub(super) struct Checked {
    /// The texts of all environments.
    pub(super) sources: Sources,
    /// The findings of all environments, each of them once.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Each environment that could be read.
    pub(super) read: Vec<Read>,
    known: HashMap<PathBuf, FileId>,
    /// Allowances that nothing needed, each with the number of environments.
    unused: Vec<(Diagnostic, usize)>,
}

impl Checked {
    /// Reads and checks the chosen environment, or all of them.
    pub(super) fn read(global: &Global, manifest: &Manifest) -> Self {
        Self::read_by(global, manifest, load)
    }

    /// The same, and an expectation that does not hold refuses nothing.
    pub(super) fn read_unheld(global: &Global, manifest: &Manifest) -> Self {
        Self::read_by(global, manifest, |options| load_but(options, &[access::expect::CODE]))
    }

    fn read_by(global: &Global, manifest: &Manifest, load: impl Fn(&Options) -> (Loaded, Holding)) -> Self {
        let mut options = options(global, manifest);
        options.first_environment = true;
        let first = load(&options);
        let others = if options.environment.is_some() { Vec::new() } else { first.0.environments.clone() };
        let mut checked = Self {
            sources: Sources::default(),
            diagnostics: Vec::new(),
            read: Vec::new(),
            known: HashMap::new(),
            unused: Vec::new(),
        };
        checked.add(first);
        let environments = others.len().max(1);
        for environment in others.into_iter().skip(1) {
            options.environment = Some(environment);
            checked.add(load(&options));
        }
        // An allowance is unused if no environment needs it.
        let unused = std::mem::take(&mut checked.unused).into_iter();
        checked.diagnostics.extend(unused.filter(|(_, count)| *count == environments).map(|(found, _)| found));
        checked
    }

    /// What came of the expectations of each environment.
    pub(super) fn holdings(&self) -> Vec<&Holding> {
        self.read.iter().map(|read| &read.holding).collect()
    }

    pub(super) fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }

    fn add(&mut self, (loaded, holding): (Loaded, Holding)) {
        for mut found in loaded.diagnostics {
            for label in found.primary.iter_mut().chain(&mut found.secondary) {
                self.place(label, &loaded.sources);
            }
            if found.code == allow::UNUSED {
                match self.unused.iter_mut().find(|(known, _)| *known == found) {
                    Some((_, environments)) => *environments += 1,
                    None => self.unused.push((found, 1)),
                }
            } else if !self.diagnostics.contains(&found) {
                self.diagnostics.push(found);
            }
        }
        self.read.extend(loaded.stack.map(|stack| Read { stack, sources: loaded.sources, holding }));
    }

    /// Lets a label point into the common texts.
    fn place(&mut self, label: &mut Label, sources: &Sources) {
        let (path, text) = (sources.path(label.span.file), sources.text(label.span.file));
        let file = self.known.entry(path.to_owned()).or_insert_with(|| self.sources.add(path, text));
        label.span.file = *file;
    }
}

fn load(options: &Options) -> (Loaded, Holding) {
    load_but(options, &[])
}

/// Reads and checks; findings with these codes are left out.
fn load_but(options: &Options, codes: &[&str]) -> (Loaded, Holding) {
    let mut loaded = manifest::load(options);
    let mut holding = Holding::default();
    if let Some(stack) = &loaded.stack {
        let (found, held) = check::check_with(stack, &loaded.sources, Solver::find().as_ref());
        loaded.diagnostics.extend(found);
        holding = held;
    } else if let Some(draft) = &loaded.draft {
        let more = check::check_draft(draft, &loaded.sources, &loaded.diagnostics);
        loaded.diagnostics.extend(more);
    }
    loaded.diagnostics.retain(|found| !codes.contains(&found.code));
    diagnostic::merge(&mut loaded.diagnostics);
    if has_errors(&loaded.diagnostics) {
        loaded.stack = None;
    }
    (loaded, holding)
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|found| found.severity == Severity::Error)
}

fn options(global: &Global, manifest: &Manifest) -> Options {
    // A variable that is no text cannot be one of ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Options {
        path: manifest.path.clone(),
        environment: global.env.clone(),
        variables: global.vars.clone(),
        variable_files: global.var_files.clone(),
        process_environment: environment.collect(),
        region: global.region.clone(),
        first_environment: false,
        // A secret is asked for by the step that sends it.
        secrets_later: true,
        standard_input: StandardInput::default(),
    }
}
