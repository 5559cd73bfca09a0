//! The manifest, as far as the command line needs it until it can be read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Sources};
use crate::stack::Stack;

/// What to read, and for which environment.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The file, or a folder.
    pub path: PathBuf,
    /// The environment.
    pub environment: Option<String>,
    /// Variables.
    pub variables: Vec<(String, String)>,
    /// Files of variables.
    pub variable_files: Vec<PathBuf>,
    /// The process environment.
    pub process_environment: BTreeMap<String, String>,
    /// The region where the manifest states none.
    pub region: Option<String>,
    /// Take the first environment where none is chosen.
    pub first_environment: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The texts.
    pub sources: Sources,
    /// Everything found.
    pub diagnostics: Vec<Diagnostic>,
    /// The stack.
    pub stack: Option<Stack>,
    /// The names of the declared environments.
    pub environments: Vec<String>,
}

/// Reads a manifest.
pub fn load(options: &Options) -> Loaded {
    let message = format!("cannot read `{}`", options.path.display());
    let diagnostics = vec![Diagnostic::error("manifest::file", message)];
    Loaded { sources: Sources::default(), diagnostics, stack: None, environments: vec![] }
}
