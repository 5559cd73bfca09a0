//! `known_tools`: the tools of a target that nobody knows offline, for the checks and for the stand-in. AWS is not told.

use std::collections::HashSet;

use model::{Tool, Tools, tools_of_target};
use serde_json::{Value, json};

use super::Loader;
use super::convert::Sheet;
use super::tree::Entry;
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{GATEWAY_TARGET, Kind};
use crate::reference::is_unknown;

/// The key.
pub(super) const KEY: &str = "known_tools";

/// Whether resources of a kind take the key.
pub(super) fn takes(kind: &Kind) -> bool {
    *kind == GATEWAY_TARGET
}

impl Loader {
    /// The tools of a list, or of what `tools/list` answers.
    pub(super) fn known_tools(&mut self, sheet: &mut Sheet, entry: &Entry) -> Option<Vec<Tool>> {
        sheet.path.push_str(KEY);
        let document = self.value(sheet, None, &entry.node);
        sheet.path.clear();
        if sheet.broken.iter().any(|path| path.starts_with(KEY)) {
            return None;
        }
        let address = sheet.address.clone();
        // An answer as it goes over the wire wraps the result once more.
        let answer = document.get("result").unwrap_or(&document);
        let Some(list) = answer.get("tools").unwrap_or(answer).as_array() else {
            self.refuse_tools("`known_tools` is no list of tools".to_owned(), &entry.node.span, &address);
            return None;
        };
        let mut tools = Vec::with_capacity(list.len());
        let mut names = HashSet::new();
        for (index, item) in list.iter().enumerate() {
            match tool(item) {
                Ok(tool) if !names.insert(tool.name.clone()) => {
                    let message = format!("`known_tools` holds `{}` twice", tool.name);
                    self.refuse_tools(message, &entry.node.span, &address);
                }
                Ok(tool) => tools.push(tool),
                Err(why) => {
                    let message = format!("tool {} of `known_tools` {why}", index + 1);
                    self.refuse_tools(message, &entry.node.span, &address);
                }
            }
        }
        Some(tools)
    }

    /// Refuses the key where the manifest itself says which tools the target has.
    pub(super) fn known_twice(&mut self, configuration: Option<&Value>, key: &Span, address: &Address) {
        let what = match configuration.map(tools_of_target) {
            Some(Tools::Known(_)) => "its configuration says the tools of",
            Some(Tools::Http) => "there are no tools behind",
            Some(Tools::Unknown) | None => return,
        };
        let problem = Diagnostic::error("manifest::known-tools", format!("{what} `{address}`")).at(key.clone(), "");
        self.report(problem.help("remove `known_tools`: it is for tools that are listed elsewhere").about(address));
    }

    fn refuse_tools(&mut self, message: String, at: &Span, address: &Address) {
        let help = "give what `tools/list` answers, or its list: each tool has a `name` and an `inputSchema`";
        let problem = Diagnostic::error("manifest::known-tools", message).at(at.clone(), "");
        self.report(problem.help(help).about(address));
    }
}

fn tool(item: &Value) -> Result<Tool, &'static str> {
    let name = item.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).ok_or("has no `name`")?;
    if is_unknown(name) {
        return Err("has a name that is known only later");
    }
    let input_schema = match item.get("inputSchema") {
        None => json!({"type": "object"}),
        Some(schema) if schema.is_object() => schema.clone(),
        Some(_) => return Err("has an `inputSchema` that is no table"),
    };
    Ok(Tool { name: name.to_owned(), input_schema })
}
