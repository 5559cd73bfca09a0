//! References in text: `${…}` and what it may name.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::nearest::{listed, nearest, suggestion};
use crate::address::Address;
use crate::kind::{self, KINDS};
use crate::reference::Target;
use crate::stack::Secrets;

/// A piece of text.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'t> {
    /// Text as it is; of `$${` the literal `${`.
    Literal(&'t str),
    /// What stands between `${` and `}`, and where the whole stands.
    Expression(&'t str, Range<usize>),
}

/// Text in pieces; an error holds the place of a `${` that is not closed.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, usize> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(at) = text.get(start..).and_then(|rest| rest.find("${")).map(|at| at + start) {
        let escaped = at > start && text.as_bytes().get(at - 1) == Some(&b'$');
        let before = text.get(start..if escaped { at - 1 } else { at }).unwrap_or_default();
        if !before.is_empty() {
            found.push(Piece::Literal(before));
        }
        if escaped {
            found.push(Piece::Literal("${"));
            start = at + 2;
            continue;
        }
        let inside = text.get(at + 2..).unwrap_or_default();
        let length = inside.find('}').ok_or(at)?;
        found.push(Piece::Expression(inside.get(..length).unwrap_or_default(), at..at + length + 3));
        start = at + length + 3;
    }
    let rest = text.get(start..).unwrap_or_default();
    if !rest.is_empty() || found.is_empty() {
        found.push(Piece::Literal(rest));
    }
    Ok(found)
}

/// What an expression stands for.
#[derive(Debug)]
pub(super) struct Meant {
    pub(super) value: Known,
    /// Hyphens become underscores.
    pub(super) snake: bool,
}

/// A value as far as it is known.
#[derive(Debug)]
pub(super) enum Known {
    /// It is this.
    Value(Value),
    /// It is known once the target is.
    Later(Target),
    /// Something is wrong with it that has been reported where it stands.
    Broken,
}

/// Why an expression means nothing.
#[derive(Debug)]
pub(super) struct Meaningless {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// What expressions may name, beside resources.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Variables; nothing where the value was refused.
    pub(super) variables: HashMap<String, Option<Value>>,
    /// The secret ones of them.
    pub(super) secrets: Secrets,
    pub(super) stack_name: String,
    /// The instance, if the manifest has environments.
    pub(super) instance: Option<String>,
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
}

impl Scope {
    /// What the expression means. Whether its resource exists is for later: it may come from a policy set.
    pub(super) fn meaning(&self, expression: &str) -> Result<Meant, Meaningless> {
        let mut name = expression.trim();
        let mut snake = false;
        while let Some(inner) = name.strip_prefix("snake(").and_then(|rest| rest.strip_suffix(')')) {
            name = inner.trim();
            snake = true;
        }
        if let Some((function, _)) = name.split_once('(') {
            return Err(Meaningless {
                code: "manifest::reference",
                message: format!("there is no function `{function}`"),
                help: Some("`snake(…)` is the only one: it turns hyphens into underscores".to_owned()),
            });
        }
        let value = match name.split('.').collect::<Vec<_>>().as_slice() {
            ["var", variable] => self.variable(variable)?,
            ["aws", "account"] => known_or(self.account.as_deref(), Target::Account),
            ["aws", "region"] => known_or(self.region.as_deref(), Target::Region),
            ["aws", "partition"] => Known::Later(Target::Partition),
            ["stack", "name"] => Known::Value(self.stack_name.clone().into()),
            ["stack", "env"] => match &self.instance {
                Some(instance) => Known::Value(instance.clone().into()),
                None => {
                    return Err(Meaningless {
                        code: "manifest::reference",
                        message: "`stack.env` means nothing in a manifest without environments".to_owned(),
                        help: Some("declare one, for example `[environment.dev]`".to_owned()),
                    });
                }
            },
            [space @ ("aws" | "stack"), member] => {
                let members: &[&str] =
                    if *space == "aws" { &["account", "region", "partition"] } else { &["name", "env"] };
                return Err(Meaningless {
                    code: "manifest::reference",
                    message: format!("there is no `{space}.{member}`"),
                    help: suggestion(member, members.iter().copied()),
                });
            }
            [kind, name, output] => output_of(kind, name, output)?,
            _ => {
                return Err(Meaningless {
                    code: "manifest::reference",
                    message: format!("`${{{expression}}}` is no reference"),
                    help: Some(
                        "a reference is `${kind.name.output}`, `${var.name}`, `${aws.account}`, `${aws.region}`, \
                         `${aws.partition}`, `${stack.name}` or `${stack.env}`; a literal is written `$${`"
                            .to_owned(),
                    ),
                });
            }
        };
        Ok(Meant { value, snake })
    }

    fn variable(&self, name: &str) -> Result<Known, Meaningless> {
        if self.secrets.contains(name) {
            return Ok(Known::Later(Target::Variable(name.to_owned())));
        }
        match self.variables.get(name) {
            Some(Some(value)) => Ok(Known::Value(value.clone())),
            Some(None) => Ok(Known::Broken),
            None => Err(Meaningless {
                code: "manifest::unknown-variable",
                message: format!("there is no variable `{name}`"),
                help: suggestion(name, self.variables.keys().map(String::as_str))
                    .or_else(|| Some(format!("declare it: `[variables.{name}]`"))),
            }),
        }
    }
}

fn known_or(value: Option<&str>, target: Target) -> Known {
    value.map_or(Known::Later(target), |value| Known::Value(value.into()))
}

fn output_of(kind: &str, name: &str, output: &str) -> Result<Known, Meaningless> {
    let Some(kind) = kind::find(kind) else {
        return Err(Meaningless {
            code: "manifest::unknown-kind",
            message: format!("there is no kind `{kind}`"),
            help: suggestion(kind, KINDS.iter().map(|kind| kind.name)),
        });
    };
    if kind.output(output).is_none() {
        let outputs: Vec<&str> = kind.outputs.iter().map(|output| output.name).collect();
        return Err(Meaningless {
            code: "manifest::unknown-output",
            message: format!("a `{}` has no output `{output}`", kind.name),
            help: Some(match nearest(output, outputs.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`? There is {}", listed(&outputs)),
                None => format!("there is {}", listed(&outputs)),
            }),
        });
    }
    Ok(Known::Later(Target::Output(Address::new(kind.name, name), output.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_falls_into_literals_and_expressions() {
        let text = "a-${var.x}$${b}${c";
        assert_eq!(pieces(text), Err(15));
        let found = pieces("a-${var.x}$${b}").unwrap();
        let expected =
            [Piece::Literal("a-"), Piece::Expression("var.x", 2..10), Piece::Literal("${"), Piece::Literal("b}")];
        assert_eq!(found, expected);
        assert_eq!(pieces("").unwrap(), [Piece::Literal("")]);
    }

    #[test]
    fn an_expression_means_a_value_a_target_or_nothing() {
        let scope = Scope { region: Some("eu-west-1".into()), ..Scope::default() };
        let code = |expression| scope.meaning(expression).unwrap_err().code;
        assert_eq!(code("gatway.hr.url"), "manifest::unknown-kind");
        assert_eq!(code("gateway.hr.uri"), "manifest::unknown-output");
        assert_eq!(code("var.x"), "manifest::unknown-variable");
        assert_eq!(code("stack.env"), "manifest::reference");
        assert_eq!(code("upper(var.x)"), "manifest::reference");
        assert_eq!(code(""), "manifest::reference");
        let region = scope.meaning("snake(aws.region)").unwrap();
        assert!(region.snake && matches!(region.value, Known::Value(value) if value == "eu-west-1"));
        assert!(matches!(scope.meaning("aws.account").unwrap().value, Known::Later(Target::Account)));
    }
}
