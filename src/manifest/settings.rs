//! What holds for the whole stack: its name, its environment, where it lives, its tags.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{Document, is_name};
use super::nearest::{listed, suggestion};
use super::tree::{Content, Entry, Node};
use super::{Loader, Options};
use crate::diagnostic::{Diagnostic, Span};

/// Characters of `NAME/INSTANCE`: the key of a tag that names children holds 128, with the kind and a number.
const LONGEST_OWNER: usize = 80;

/// The choice of an environment.
#[derive(Default)]
pub(super) struct Settings {
    /// The name of the chosen environment.
    pub(super) environment: Option<String>,
    pub(super) instance: String,
    /// The chosen environment's keys.
    pub(super) overrides: Vec<Entry>,
    pub(super) source: Option<String>,
    pub(super) expires: Option<Duration>,
}

impl Loader {
    /// Chooses the environment and fills the scope. Nothing if there is no choice: then nothing else can be said.
    pub(super) fn settings(&mut self, document: &Document, options: &Options) -> Option<Settings> {
        let mut settings = self.environment(document, options)?;
        if !settings.instance.is_empty() && settings.environment.is_some() {
            self.scope.instance = Some(settings.instance.clone());
        }
        let Some(stack) = &document.stack else {
            let mut problem = Diagnostic::error("manifest::stack", "the manifest has no `[stack]`");
            if let Some(block) = document.resources.first() {
                problem = problem.at(Span { file: block.node.span.file, range: 0..0 }, "");
            }
            self.report(problem.help("begin it with `[stack]` and `name = \"…\"`"));
            return Some(settings);
        };
        let keys = stack.node.table().unwrap_or_default();
        let mut named = false;
        for entry in keys {
            match entry.key.as_str() {
                "name" => {
                    named = true;
                    if let Some(name) = self.setting(entry, "letters, digits, `_` and `-`, at most 64", is_name) {
                        self.scope.stack_name = name;
                    }
                }
                "region" => self.scope.region = self.region(entry),
                "account" => self.scope.account = self.account(entry),
                // Tags are read once variables are known, and the root was before any file.
                "tags" | "root" => {}
                "source" => settings.source = self.source(entry),
                "expires" => {
                    let text = self.setting(entry, "a time such as `7d`, `12h` or `2w`", |text| time(text).is_some());
                    settings.expires = text.and_then(|text| time(&text));
                }
                _ => {
                    let known = ["name", "region", "account", "tags", "root", "source", "expires"];
                    self.unknown_setting(entry, "[stack]", &known);
                }
            }
        }
        if !named {
            let problem = Diagnostic::error("manifest::stack", "`[stack]` needs `name`");
            self.report(
                problem.at(stack.node.span.clone(), "").help("add `name = \"…\"`: what it makes is tagged with it"),
            );
        }
        for entry in &settings.overrides {
            match entry.key.as_str() {
                "region" => self.scope.region = self.region(entry),
                "account" => self.scope.account = self.account(entry),
                "tags" | "variables" => {}
                _ => self.unknown_setting(entry, "an environment", &["account", "region", "variables", "tags"]),
            }
        }
        self.scope.region = self.scope.region.take().or_else(|| options.region.clone());
        let owner = self.scope.stack_name.len() + 1 + settings.instance.len();
        if owner > LONGEST_OWNER {
            let message = format!("the stack's name and its environment have {owner} characters together");
            let problem = Diagnostic::error("manifest::stack", message).at(stack.node.span.clone(), "");
            self.report(problem.help(format!("choose a shorter name: {LONGEST_OWNER} fit into the keys of tags")));
        }
        Some(settings)
    }

    fn environment(&mut self, document: &Document, options: &Options) -> Option<Settings> {
        let names: Vec<&str> = document.environments.iter().map(|entry| entry.key.as_str()).collect();
        let default = Settings { instance: "default".to_owned(), ..Settings::default() };
        let (name, instance) = match (&options.environment, names.first()) {
            (None, None) => return Some(default),
            (None, Some(first)) if options.first_environment => ((*first).to_owned(), None),
            (None, Some(_)) => {
                let message = format!("the manifest has environments: {}", listed(&names));
                let help = format!("choose one, for example `--env {}`", names.first().copied().unwrap_or_default());
                self.report(Diagnostic::error("manifest::environment-needed", message).help(help));
                return None;
            }
            (Some(chosen), _) => match chosen.split_once(':') {
                Some((name, instance)) => (name.to_owned(), Some(instance.to_owned())),
                None => (chosen.clone(), None),
            },
        };
        let Some(entry) = document.environments.iter().find(|entry| entry.key == name) else {
            let mut problem =
                Diagnostic::error("manifest::environment-unknown", format!("there is no environment `{name}`"));
            problem.help = if names.is_empty() {
                Some("the manifest has no environments; leave `--env` out".to_owned())
            } else {
                suggestion(&name, names)
            };
            self.report(problem);
            return None;
        };
        let instance = instance.unwrap_or_else(|| name.clone());
        let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if instance.is_empty() || instance.len() > 32 || !instance.bytes().all(small) {
            let message = format!("`{instance}` cannot be the name of an instance");
            let mut problem = Diagnostic::error("manifest::environment-name", message)
                .help("use small letters, digits and `-`, at most 32 of them");
            if instance == name {
                problem = problem.at(entry.key_span.clone(), "");
            }
            self.report(problem);
            return None;
        }
        let overrides = entry.node.table().unwrap_or_default().to_vec();
        Some(Settings { environment: Some(name), instance, overrides, ..Settings::default() })
    }

    fn region(&mut self, entry: &Entry) -> Option<String> {
        let is_region = |text: &str| {
            let parts: Vec<&str> = text.split('-').collect();
            parts.len() >= 3
                && parts.last().is_some_and(|last| last.parse::<u8>().is_ok())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        self.setting(entry, "a region such as `us-east-1`", is_region)
    }

    /// Where the manifest is kept: it becomes a tag, and tags take no other characters.
    fn source(&mut self, entry: &Entry) -> Option<String> {
        let fits = |text: &str| {
            let letter = |letter: char| letter.is_ascii_alphanumeric() || "_.:/=+-@".contains(letter);
            !text.is_empty() && text.len() <= 256 && text.chars().all(letter)
        };
        self.setting(entry, "a place such as `github.com/acme/hr`, at most 256 characters without blanks", fits)
    }

    fn account(&mut self, entry: &Entry) -> Option<String> {
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        self.setting(entry, "twelve digits in quotes", is_account)
    }

    fn setting(&mut self, entry: &Entry, wanted: &str, test: impl Fn(&str) -> bool) -> Option<String> {
        if let Some(text) = entry.node.text().filter(|text| test(text)) {
            return Some(text.to_owned());
        }
        let found = entry.node.text().map_or_else(|| entry.node.type_name().to_owned(), |text| format!("`{text}`"));
        let problem = Diagnostic::error("manifest::stack", format!("`{}` cannot be {found}", entry.key));
        self.report(problem.at(entry.node.span.clone(), "").help(format!("it is {wanted}")));
        None
    }

    fn unknown_setting(&mut self, entry: &Entry, place: &str, known: &[&str]) {
        let mut problem = Diagnostic::error("manifest::unknown-key", format!("{place} has no key `{}`", entry.key));
        problem.help = suggestion(&entry.key, known.iter().copied());
        self.report(problem.at(entry.key_span.clone(), ""));
    }

    /// The tags of the stack, the environment's over those of all.
    pub(super) fn tags(&mut self, document: &Document, settings: &Settings) -> BTreeMap<String, String> {
        let stack = document.stack.as_ref().and_then(|stack| stack.node.table()).unwrap_or_default();
        let mut tags = BTreeMap::new();
        for entry in stack.iter().chain(&settings.overrides).filter(|entry| entry.key == "tags") {
            let Content::Table(members) = &entry.node.content else {
                let message = format!("`tags` is {}, not a table", entry.node.type_name());
                self.report(Diagnostic::error("manifest::wrong-type", message).at(entry.node.span.clone(), ""));
                continue;
            };
            for member in members {
                if let Some(value) = self.known_text(&member.node, "a tag of the whole stack") {
                    tags.insert(member.key.clone(), value);
                }
            }
        }
        tags
    }

    /// A text whose references are all known now.
    pub(super) fn known_text(&mut self, node: &Node, what: &str) -> Option<String> {
        let Some(text) = node.text() else {
            let message = format!("{what} is a string, found {}", node.type_name());
            self.report(Diagnostic::error("manifest::wrong-type", message).at(node.span.clone(), ""));
            return None;
        };
        let value = self.fill(text, &node.span, None)?;
        match value.as_str() {
            Some(text) if !crate::reference::is_unknown(text) => Some(text.to_owned()),
            Some(text) if super::secret::holds_secret(text) => {
                self.report(super::secret::misplaced(what, text).at(node.span.clone(), ""));
                None
            }
            Some(_) => {
                let message = format!("{what} cannot hold a value that is known only later");
                let problem = Diagnostic::error("manifest::reference", message).at(node.span.clone(), "");
                self.report(problem.help("use variables and `${stack.…}` only"));
                None
            }
            None => Some(value.to_string()),
        }
    }
}

/// A time: hours, days or weeks, and not more than a century of them.
fn time(text: &str) -> Option<Duration> {
    const HOUR: u64 = 3600;
    let unit = match text.chars().next_back()? {
        'h' => HOUR,
        'd' => 24 * HOUR,
        'w' => 7 * 24 * HOUR,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    let number = digits.parse::<u64>().ok().filter(|number| *number > 0 && !digits.starts_with('+'))?;
    number.checked_mul(unit).filter(|seconds| *seconds <= 100 * 366 * 24 * HOUR).map(Duration::from_secs)
}
