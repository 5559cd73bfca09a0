//! Code interpreters.

use serde_json::json;

use super::browser::{check_network, system};
use super::states::READY;
use super::{Id, PLAIN, Resource};
use crate::state::Kind;

/// Any change is a new one: there is no update.
pub(super) const INTERPRETER: Resource = Resource {
    kind: Kind::CodeInterpreter,
    noun: "CodeInterpreter",
    plural: "CodeInterpreters",
    what: "Code interpreter",
    label: "codeInterpreterId",
    id: ("codeInterpreterId", Id::Named("name")),
    arn: Some(("codeInterpreterArn", "code-interpreter-custom/{id}")),
    moments: ("createdAt", "lastUpdatedAt"),
    states: READY,
    unique: &["name"],
    defaults: || json!({"type": "CUSTOM"}),
    on_create: |_, interpreter, _| check_network(interpreter),
    built_in: |session| vec![system(session, "code-interpreter", "aws.codeinterpreter.v1")],
    ..PLAIN
};
