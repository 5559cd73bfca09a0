//! Saved plans: what `plan --out` writes and `show` and `apply --plan` read.

use std::path::Path;

use serde_json::Value;

use super::exit::{Exit, Failure};
use crate::plan::{FORMAT_VERSION, Plan};

/// A plan as text for a file.
pub(super) fn json(plan: &Plan) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(plan)? + "\n")
}

/// Reads a saved plan. A plan of another version, cut short or changed by hand is refused.
pub(super) fn read(path: &Path) -> Result<Plan, Failure> {
    let refuse =
        |what: String| Failure::new(Exit::Guard, what).help("make a new one with `gatewright plan --out FILE`");
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot read the plan {shown}: {error}")))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| refuse(format!("{shown} is not a whole plan: {error}")))?;
    match value.get("format_version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        Some(version) => {
            return Err(refuse(format!("{shown} is a plan of format {version}, this version reads {FORMAT_VERSION}")));
        }
        None => return Err(refuse(format!("{shown} is not a plan: it has no `format_version`"))),
    }
    let plan: Plan =
        serde_json::from_value(value).map_err(|error| refuse(format!("{shown} is not a whole plan: {error}")))?;
    if plan.digest() != plan.hash {
        return Err(refuse(format!("{shown} was changed after it was made: its content does not match its hash")));
    }
    Ok(plan)
}
