//! Expectations: who is to reach which tool, as a manifest says it.

use serde_json::Value;

use crate::diagnostic::Span;

/// `[[expect]]`.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// What is expected.
    pub expected: Expected,
    /// The span of its header.
    pub span: Span,
}

/// A name in a list, and where it stands.
#[derive(Debug, Clone)]
pub struct Named {
    /// The persona or client, or the tool as `target/tool` or `target/*`.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// What is expected.
#[derive(Debug, Clone)]
pub enum Expected {
    /// `personas` with `always`, `sometimes` and `never`.
    Reach {
        /// Who.
        personas: Vec<Named>,
        /// Tools that each of them may call with every input.
        always: Vec<Named>,
        /// Tools that each of them may call with at least one input.
        sometimes: Vec<Named>,
        /// Tools that none of them may call, whatever the input.
        never: Vec<Named>,
    },
    /// `persona`, `tool`, `input` and `decision`: one call.
    Call {
        /// Who.
        persona: Named,
        /// What.
        tool: Named,
        /// The arguments.
        input: Value,
        /// It is permitted.
        allowed: bool,
    },
    /// `tools` with `only_with_…`: no token without it may call them.
    OnlyWith {
        /// The tools.
        tools: Vec<Named>,
        /// What a token needs.
        needed: Needed,
    },
}

/// What a caller needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// A scope.
    Scope(String),
    /// A group.
    Group(String),
    /// A role: the claim `role` is it, the list `roles` has it, or the caller is the IAM role of that name.
    Role(String),
}
