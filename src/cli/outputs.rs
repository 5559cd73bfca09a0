//! `gatewright outputs`: ids, ARNs and URLs of what is live.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::connect::{announce, connect};
use super::exit::{Exit, Failure};
use super::options::{Global, Manifest};
use super::output;
use crate::engine::{self, OutputValue};
use crate::{kind, report};

/// Shows ids, ARNs and URLs of what is live; never a secret
#[derive(Debug, clap::Args)]
#[command(override_usage = "gatewright outputs [OPTIONS] [MANIFEST] [NAME]")]
pub(super) struct Args {
    /// The manifest, and the one to show: `gateway.hr` or `gateway.hr.url`, whose bare value is printed
    #[arg(value_name = "MANIFEST|NAME", num_args = 0..=2)]
    arguments: Vec<String>,
    /// How to show them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// For programs: an object of objects, by address and output.
    Json,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let (manifest, name) = told_apart(&arguments.arguments);
    let connected = connect(global, &manifest).await?;
    let mut values = connected.interrupt.or(engine::outputs(&connected.aws, &connected.stack)).await?;
    if let Some(name) = &name {
        values.retain(|value| is_named(value, name));
        if values.is_empty() {
            return Err(Failure::new(Exit::Failed, format!("there is no output `{name}`"))
                .help("`gatewright outputs` lists them; what is not live yet has none"));
        }
    }
    let exact = name.as_ref().and_then(|name| values.iter().find(|value| full_name(value) == *name));
    let text = match (arguments.format, exact) {
        (Format::Human, Some(value)) => format!("{}\n", report::plain(&value.value)),
        (Format::Human, None) => {
            announce(&connected);
            report::outputs(&values)
        }
        (Format::Json, _) => serde_json::to_string_pretty(&by_address(&values))? + "\n",
    };
    output::out(&text)?;
    Ok(Exit::Done)
}

/// The manifest and the name. A single argument is a name if it begins with a kind and a dot.
fn told_apart(arguments: &[String]) -> (Manifest, Option<String>) {
    let is_name = |text: &str| text.split_once('.').is_some_and(|(kind, _)| kind::find(kind).is_some());
    let (path, name) = match arguments {
        [only] if is_name(only) => (None, Some(only.clone())),
        [path, name, ..] => (Some(path), Some(name.clone())),
        [path] => (Some(path), None),
        [] => (None, None),
    };
    (Manifest { path: path.map_or_else(|| PathBuf::from("gatewright.toml"), PathBuf::from) }, name)
}

fn full_name(value: &OutputValue) -> String {
    format!("{}.{}", value.address, value.name)
}

fn is_named(value: &OutputValue, name: &str) -> bool {
    value.address.to_string() == name || full_name(value) == name
}

fn by_address(values: &[OutputValue]) -> Value {
    let mut addresses = Map::new();
    for value in values {
        let members = addresses.entry(value.address.to_string()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(members) = members {
            members.insert(value.name.clone(), Value::String(value.value.clone()));
        }
    }
    Value::Object(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_a_manifest_unless_it_begins_with_a_kind() {
        let apart = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            let (manifest, name) = told_apart(&arguments);
            (manifest.path.display().to_string(), name)
        };
        assert_eq!(apart(&[]), ("gatewright.toml".into(), None));
        assert_eq!(apart(&["manifests/x.toml"]), ("manifests/x.toml".into(), None));
        assert_eq!(apart(&["gateway.hr.url"]), ("gatewright.toml".into(), Some("gateway.hr.url".into())));
        assert_eq!(apart(&["a", "gateway.hr"]), ("a".into(), Some("gateway.hr".into())));
    }
}
